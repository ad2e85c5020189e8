#include "tests/support/fake_cluster.h"

#include "crypto/hash.h"
#include "tests/support/fake_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void entropy(void *context, uint8_t *out, size_t len)
{
    struct fake *fake = context;

    for (size_t i = 0; i < len; i++) {
        fake->entropy_state =
            fake->entropy_state * UINT64_C(6364136223846793005) + 1442695040888963407;
        out[i] = (uint8_t)(fake->entropy_state >> 56);
    }
}

static void make_roster(struct fake *fake)
{
    fake->roster = (struct roster){.n = FAKE_N, .f = 1, .q = 3, .w = 2};
    for (uint32_t i = 0; i < FAKE_N; i++) {
        struct fake_replica *replica = &fake->replicas[i];
        struct roster_member *member = &fake->roster.members[i];

        memset(replica->sign_seed, (int)(10 + i), SEED_BYTES);
        memset(replica->cosign_seed, (int)(20 + i), SEED_BYTES);
        member->rid = i;
        fake->scheme->public_key(replica->sign_seed, member->sign_pk);
        fake->scheme->public_key(replica->cosign_seed, member->cosign_pk);
        replica->up = true;
        replica->delay_ms = 1;
    }
    fake->real = fake->roster;
}

void fake_epoch(struct fake *fake, uint32_t member)
{
    struct fake_replica *replica = &fake->replicas[member];
    struct roster_member *who = &fake->real.members[member];

    fake->real.epoch++;
    memset(replica->sign_seed, (int)(30 + fake->real.epoch), SEED_BYTES);
    memset(replica->cosign_seed, (int)(40 + fake->real.epoch), SEED_BYTES);
    fake->scheme->public_key(replica->sign_seed, who->sign_pk);
    fake->scheme->public_key(replica->cosign_seed, who->cosign_pk);
    fake_cut(fake, member);
}

void fake_follow(struct fake *fake)
{
    fake->roster = fake->real;
    core_epoch(fake->core);
}

/* A token of one block for the client's key. Whose signature is on it matters to nobody here. */
static void make_token(struct fake *fake)
{
    struct cap_block block = {
        .ops = OP_APPEND | OP_READ,
        .expires_ms = U64_UNLIMITED,
        .expires_height = U64_UNLIMITED,
        .max_entry = U64_UNLIMITED,
        .quota_entries = U64_UNLIMITED,
        .quota_bytes = U64_UNLIMITED,
        .rate = {U64_UNLIMITED, 1000},
        .holders = 1,
    };
    uint8_t block_memory[TOKEN_BLOCK_BYTES_MAX];
    uint8_t list_memory[TOKEN_BYTES_MAX];
    const uint8_t all_streams[] = {0xa0};
    struct buffer block_bytes = buffer_make(block_memory, sizeof(block_memory));
    struct buffer list = buffer_make(list_memory, sizeof(list_memory));
    struct buffer out = buffer_make(fake->token_memory, sizeof(fake->token_memory));

    memcpy(block.holder, fake->key.public_key, PUBLIC_KEY_BYTES);
    block.prefixes = (struct wire_list){BYTES_OF_ARRAY(all_streams), 1};
    assert_true(cap_block_encode(&block, &block_bytes));
    const struct signed_block element = {.block = buffer_bytes(&block_bytes)};
    assert_true(signed_block_encode(&element, &list));
    const struct token token = {{buffer_bytes(&list), 1}};
    assert_true(token_encode(&token, &out));
    fake->token = buffer_bytes(&out);
}

static void open_core(struct fake *fake, uint64_t request_no)
{
    fake->setup = (struct core_setup){
        .trust = {fake->scheme, fake->cluster_id, &fake->roster, &fake->origin},
        .key = &fake->key,
        .token = fake->token,
        .software = "test",
        .request_no = request_no,
        .request_life_ms = 10000,
        .entropy = entropy,
        .entropy_context = fake,
    };
    assert_int_equal(core_open(&fake->setup, &fake->core), STATUS_OK);
}

void fake_open(struct fake *fake)
{
    struct problem problem;

    memset(fake, 0, sizeof(*fake));
    fake->scheme = &sig_ed25519;
    fake->now_ms = 1000;
    fake->wall_ms = UINT64_C(1800000000000);
    memset(fake->cluster_id, 7, HASH_BYTES);
    assert_true(origin_make(bytes_of_text("dev.fake"), fake->cluster_id, &fake->origin));
    make_roster(fake);
    assert_int_equal(secret_key_new(&fake->key, ROLE_HOLDER, "client", &problem), STATUS_OK);
    memset(fake->key.seed.data, 4, SEED_BYTES); /* the same prover in every run */
    sig_ed25519.public_key(fake->key.seed.data, fake->key.public_key);
    make_token(fake);
    fake_genesis(fake);
    open_core(fake, 100);
}

static void drop_mail(struct fake *fake)
{
    for (uint32_t i = 0; i < fake->mail_count; i++) {
        free(fake->mail[i].frame);
    }
    fake->mail_count = 0;
}

void fake_close(struct fake *fake)
{
    core_close(fake->core);
    drop_mail(fake);
    for (uint32_t i = 0; i < FAKE_KEPT_MAX; i++) {
        free(fake->kept[i].frame);
    }
    secret_key_close(&fake->key);
}

void fake_post(struct fake *fake, uint32_t member, const struct envelope *envelope,
               struct bytes attachment)
{
    const size_t capacity = envelope->body.len + attachment.len + 128;
    struct buffer frame = buffer_make(malloc(capacity), capacity);

    assert_non_null(frame.data);
    assert_true(envelope_encode(envelope, &frame));
    buffer_put(&frame, attachment);
    assert_true(fake->mail_count < FAKE_MAIL_MAX);
    fake->mail[fake->mail_count++] = (struct fake_mail){
        .at_ms = fake->now_ms + fake->replicas[member].delay_ms,
        .order = fake->mail_order++,
        .member = member,
        .frame = frame.data,
        .len = frame.len,
    };
}

static void step(struct fake *fake, enum core_event_kind kind, uint32_t member, struct bytes bytes)
{
    const struct core_event event = {
        .kind = kind,
        .now_ms = fake->now_ms,
        .wall_ms = fake->wall_ms + fake->now_ms,
        .member = member,
        .bytes = bytes,
    };

    core_step(fake->core, &event);
}

/* --- Connections ------------------------------------------------------------------------------ */

static void dial(struct fake *fake, uint32_t member)
{
    struct fake_replica *replica = &fake->replicas[member];

    if (!replica->up) {
        step(fake, CORE_CLOSED, member, bytes_of_text("connection refused"));
        return;
    }
    replica->connected = true;
    replica->wants_proofs = false;
    entropy(fake, replica->channel, HASH_BYTES);
    step(fake, CORE_CONNECTED, member, BYTES_OF_ARRAY(replica->channel));
}

static void hang_up(struct fake *fake, uint32_t member)
{
    uint32_t kept = 0;

    fake->replicas[member].connected = false;
    for (uint32_t i = 0; i < fake->mail_count; i++) {
        if (fake->mail[i].member == member) {
            free(fake->mail[i].frame);
        } else {
            fake->mail[kept++] = fake->mail[i];
        }
    }
    fake->mail_count = kept;
}

void fake_cut(struct fake *fake, uint32_t member)
{
    if (fake->replicas[member].connected) {
        hang_up(fake, member);
        step(fake, CORE_CLOSED, member, bytes_of_text("connection reset"));
    }
}

static void answer_hello(struct fake *fake, uint32_t member, const struct envelope *envelope)
{
    struct fake_replica *replica = &fake->replicas[member];
    const struct roster_member *who = &fake->real.members[member];
    struct hello hello;
    uint8_t memory[512];
    struct buffer body = buffer_make(memory, sizeof(memory));
    uint8_t sig[SIG_BYTES];

    assert_int_equal(hello_decode(envelope->body, &hello), WIRE_OK);
    assert_int_equal(hello.role, ROLE_HOLDER);
    assert_memory_equal(hello.channel, replica->channel, HASH_BYTES);
    assert_memory_equal(hello.public_key, fake->key.public_key, PUBLIC_KEY_BYTES);
    assert_true(verify_body(&sig_ed25519, hello.public_key, TAG_HELLO, fake->cluster_id,
                            envelope->body, envelope->sig.data));
    replica->wants_proofs = (hello.flags & 1) != 0;
    replica->said_hello += replica->wants_proofs;

    struct hello reply = {.role = ROLE_REPLICA, .rid = member, .software = bytes_of_text("fake")};
    memcpy(reply.public_key, who->sign_pk, PUBLIC_KEY_BYTES);
    memcpy(reply.channel, replica->channel, HASH_BYTES);
    if (replica->lie == FAKE_OTHER_KEY) {
        fake->scheme->public_key(replica->cosign_seed, reply.public_key);
    } else if (replica->lie == FAKE_OTHER_CHANNEL) {
        reply.channel[0] ^= 1;
    }
    assert_true(hello_encode(&reply, &body));
    sign_body(fake->scheme, replica->sign_seed, who->sign_pk, TAG_HELLO, fake->cluster_id,
              buffer_bytes(&body), sig);
    const struct envelope answer = {
        .type = MESSAGE_HELLO,
        .rid = member,
        .body = buffer_bytes(&body),
        .sig = BYTES_OF_ARRAY(sig),
    };
    fake_post(fake, member, &answer, BYTES_EMPTY);
}

static bool was_kept(const struct fake *fake, struct bytes frame)
{
    for (uint32_t i = 0; i < FAKE_KEPT_MAX; i++) {
        const struct fake_kept *kept = &fake->kept[i];

        if (kept->frame != NULL && bytes_equal(bytes_make(kept->frame, kept->len), frame)) {
            return true;
        }
    }
    return false;
}

/* Whether a request names a replica as its audience. */
static bool is_read(struct bytes attachment)
{
    struct request_parcel parcel;
    struct item item;
    struct request request;

    assert_int_equal(request_parcel_decode(attachment, &parcel), WIRE_OK);
    assert_int_equal(item_decode(parcel.item, &item), WIRE_OK);
    assert_int_equal(request_decode(item.request, &request), WIRE_OK);
    return request.audience != 0;
}

static void receive(struct fake *fake, uint32_t member, struct bytes whole)
{
    struct fake_replica *replica = &fake->replicas[member];
    struct bytes frame = bytes_slice(whole, FRAME_HEADER_BYTES, whole.len - FRAME_HEADER_BYTES);
    struct envelope envelope;
    size_t used = 0;

    assert_int_equal(bytes_get_u32be(whole.data), frame.len);
    assert_int_equal(schema_decode_front(&schema_envelope, frame, &envelope, &used), WIRE_OK);
    if (!replica->connected || replica->mute) {
        return;
    }
    if (envelope.type == MESSAGE_HELLO) {
        answer_hello(fake, member, &envelope);
    } else if (envelope.type == MESSAGE_REQUEST &&
               is_read(bytes_slice(frame, used, frame.len - used))) {
        fake_read(fake, member, bytes_slice(frame, used, frame.len - used));
    } else if (envelope.type == MESSAGE_REQUEST) {
        fake->sent_unkept += !was_kept(fake, whole);
        replica->requests++;
        if (!fake->lose_requests) {
            fake_request(fake, member, whole);
        }
    } else if (envelope.type == MESSAGE_FETCH) {
        fake_fetch(fake, member, envelope.body);
    }
}

/* --- The client's journal --------------------------------------------------------------------- */

static void keep(struct fake *fake, const struct core_action *action)
{
    struct fake_kept *kept = &fake->kept[fake->kept_total++];

    assert_true(fake->kept_total < FAKE_KEPT_MAX);
    for (uint32_t i = 0; i < fake->kept_total; i++) {
        if (action->replaces != 0 && fake->kept[i].request_no == action->replaces) {
            fake->kept[i].used = false;
        }
    }
    *kept =
        (struct fake_kept){true, action->request_no, malloc(action->bytes.len), action->bytes.len};
    assert_non_null(kept->frame);
    memcpy(kept->frame, action->bytes.data, action->bytes.len);
}

static void forget(struct fake *fake, uint64_t request_no)
{
    for (uint32_t i = 0; i < fake->kept_total; i++) {
        if (fake->kept[i].request_no == request_no) {
            fake->kept[i].used = false;
        }
    }
}

static void carry_out(struct fake *fake, const struct core_action *action)
{
    switch (action->kind) {
    case CORE_DIAL:
        dial(fake, action->member);
        break;
    case CORE_HANG_UP:
        hang_up(fake, action->member);
        break;
    case CORE_SEND:
        receive(fake, action->member, action->bytes);
        break;
    case CORE_KEEP:
        keep(fake, action);
        break;
    case CORE_FORGET:
        forget(fake, action->request_no);
        break;
    case CORE_TELL:
        fake->lies_told += action->notice == CORE_NOTICE_LIAR;
        fake->views_told += action->notice == CORE_NOTICE_VIEW;
        break;
    }
}

/* False when the client has crashed. */
static bool carry_out_all(struct fake *fake)
{
    struct core_action action;

    while (core_next(fake->core, &action)) {
        if (fake->crash_after != 0 && fake->actions_done >= fake->crash_after) {
            return false;
        }
        fake->actions_done++;
        carry_out(fake, &action);
    }
    return true;
}

void fake_crash(struct fake *fake)
{
    core_close(fake->core);
    drop_mail(fake);
    for (uint32_t i = 0; i < FAKE_N; i++) {
        fake->replicas[i].connected = false;
    }
    fake->crash_after = 0;
    open_core(fake, 100 + fake->kept_total);
    for (uint32_t i = 0; i < fake->kept_total; i++) {
        struct fake_kept *kept = &fake->kept[i];
        struct parcel parcel;

        if (kept->used) {
            uint8_t *copy = malloc(kept->len);

            assert_non_null(copy);
            memcpy(copy, kept->frame, kept->len);
            assert_int_equal(parcel_parse(copy, kept->len, fake->cluster_id, &parcel), STATUS_OK);
            assert_int_equal(core_adopt(fake->core, &parcel), STATUS_OK);
        }
    }
}

/* --- Time ------------------------------------------------------------------------------------- */

/* The mail that is due first, or the number of mails. */
static uint32_t next_mail(const struct fake *fake)
{
    uint32_t best = fake->mail_count;

    for (uint32_t i = 0; i < fake->mail_count; i++) {
        const struct fake_mail *mail = &fake->mail[i];

        if (mail->at_ms > fake->now_ms) {
            continue;
        }
        if (best == fake->mail_count || mail->at_ms < fake->mail[best].at_ms ||
            (mail->at_ms == fake->mail[best].at_ms && mail->order < fake->mail[best].order)) {
            best = i;
        }
    }
    return best;
}

static bool deliver(struct fake *fake)
{
    for (uint32_t at = next_mail(fake); at < fake->mail_count; at = next_mail(fake)) {
        const struct fake_mail mail = fake->mail[at];

        fake->mail[at] = fake->mail[--fake->mail_count];
        if (fake->replicas[mail.member].connected) {
            step(fake, CORE_FRAME, mail.member, bytes_make(mail.frame, mail.len));
        }
        free(mail.frame);
        if (!carry_out_all(fake)) {
            return false;
        }
    }
    return true;
}

bool fake_run(struct fake *fake, uint64_t for_ms, fake_done *done, void *context)
{
    const uint64_t until = fake->now_ms + for_ms;

    while (fake->now_ms < until) {
        step(fake, CORE_TICK, 0, BYTES_EMPTY);
        if (!carry_out_all(fake) || !deliver(fake)) {
            return false;
        }
        if (done != NULL && done(fake, context)) {
            return true;
        }
        fake->now_ms++;
        if (fake->others_busy) {
            fake_other_block(fake);
        }
    }
    return done == NULL;
}

static bool has_outcome(struct fake *fake, void *context)
{
    const uint64_t *ticket = context;
    struct core_append_look look;

    return core_append_look(fake->core, *ticket, &look) && look.stage == CORE_DONE;
}

enum core_outcome fake_finish(struct fake *fake, uint64_t ticket, uint64_t for_ms)
{
    struct core_append_look look;

    (void)fake_run(fake, for_ms, has_outcome, &ticket);
    return core_append_look(fake->core, ticket, &look) ? look.outcome : CORE_OUTCOME_NONE;
}

uint64_t fake_append(struct fake *fake, const char *text)
{
    const struct parcel_entry entry = {bytes_of_text("orders"), bytes_of_text(text), U64_UNLIMITED};
    uint64_t ticket = 0;

    assert_int_equal(
        core_append(fake->core, &entry, 1, BYTES_EMPTY, fake->wall_ms + fake->now_ms, &ticket),
        STATUS_OK);
    return ticket;
}

uint64_t fake_append_many(struct fake *fake, uint32_t count)
{
    struct parcel_entry *entries = calloc(count, sizeof(*entries));
    uint64_t ticket = 0;

    assert_non_null(entries);
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = (struct parcel_entry){bytes_of_text("orders"), bytes_of_text("one of many"),
                                           U64_UNLIMITED};
    }
    assert_int_equal(
        core_append(fake->core, entries, count, BYTES_EMPTY, fake->wall_ms + fake->now_ms, &ticket),
        STATUS_OK);
    free(entries);
    return ticket;
}

uint32_t fake_times_in_log(const struct fake *fake, uint64_t request_no)
{
    uint32_t times = 0;

    for (uint64_t h = 0; h < fake->height; h++) {
        times += fake->blocks[h + 1].request_no == request_no && fake->blocks[h + 1].count > 0;
    }
    return times;
}

struct receipt_trust fake_trust(const struct fake *fake, struct note_key keys[REPLICAS_MAX])
{
    for (uint32_t i = 0; i < FAKE_N; i++) {
        keys[i].rid = i;
        memcpy(keys[i].sign_key, fake->roster.members[i].sign_pk, PUBLIC_KEY_BYTES);
        memcpy(keys[i].cosign_key, fake->roster.members[i].cosign_pk, PUBLIC_KEY_BYTES);
    }
    return (struct receipt_trust){
        .scheme = fake->scheme,
        .origin = fake->origin,
        .keyring = {keys, FAKE_N},
        .quorum = fake->roster.q,
        .epoch = fake->roster.epoch,
        .cluster_id = fake->cluster_id,
    };
}
