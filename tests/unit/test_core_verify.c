/* What a worker finds wrong with a frame: forms, digests, certificates and signatures, in whole or
 * by shares. */
#include "crypto/hash.h"
#include "replica/core/node_parts.h"
#include "tests/support/core_fixture.h"
#include "tests/support/sign_fast.h"
#include "tests/support/view_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#define NODE 1
#define JUNK bytes_of_text("junk")

static struct verify_job job;

static int begin(void **state)
{
    struct vote vote = {.sequence = 1, .digest = {1}};
    if (core_setup(state) != 0) {
        return -1;
    }
    struct core_fixture *fixture = *state;
    struct bytes frame = core_vote(fixture, MESSAGE_PREPARE, 2, &vote);
    return node_inspect(fixture->nodes[NODE], 2, frame, &job) == DROP_NONE ? 0 : -1;
}

static enum drop verify(struct bytes frame)
{
    return job_verify(&job, frame, 0, 1, NULL);
}

static struct bytes encoded(const struct schema *schema, const void *object)
{
    static uint8_t memory[32][1u << 16];
    static unsigned turn;
    struct buffer out = buffer_make(memory[turn++ % 32], sizeof(memory[0]));
    assert_true(schema_encode(schema, object, &out));
    return buffer_bytes(&out);
}

/* --- Envelopes -------------------------------------------------------------------------------- */

static void what_is_no_envelope_is_malformed(void **state)
{
    (void)state;
    assert_int_equal(verify(BYTES_EMPTY), DROP_MALFORMED);
    assert_int_equal(verify(JUNK), DROP_MALFORMED);
}

static void a_message_of_a_member_is_signed_by_it(void **state)
{
    struct core_fixture *fixture = *state;
    struct bytes good = core_frame(fixture, MESSAGE_STATUS, 2, "r2", JUNK, BYTES_EMPTY);
    assert_int_equal(verify(good), DROP_NONE);
    struct bytes bare = core_frame(fixture, MESSAGE_STATUS, 2, NULL, JUNK, BYTES_EMPTY);
    assert_int_equal(verify(bare), DROP_MALFORMED);
    struct bytes unknown = core_frame(fixture, 200, 2, "r2", JUNK, BYTES_EMPTY);
    assert_int_equal(verify(unknown), DROP_MALFORMED);
    struct bytes nobody = core_frame(fixture, MESSAGE_STATUS, 9, "r2", JUNK, BYTES_EMPTY);
    assert_int_equal(verify(nobody), DROP_SENDER);
    struct bytes forged = core_frame(fixture, MESSAGE_STATUS, 2, "r3", JUNK, BYTES_EMPTY);
    assert_int_equal(verify(forged), DROP_SIGNATURE);
}

/* One signature is one share: the others have nothing to do. */
static void who_has_another_share_of_one_signature_checks_nothing(void **state)
{
    struct core_fixture *fixture = *state;
    static const uint64_t types[] = {MESSAGE_STATUS, MESSAGE_ATTEST, MESSAGE_COMPLAIN};
    for (size_t i = 0; i < 3; i++) {
        struct bytes forged = core_frame(fixture, types[i], 2, "r3", JUNK, BYTES_EMPTY);
        assert_int_not_equal(job_verify(&job, forged, 0, 2, NULL), DROP_NONE);
        assert_int_equal(job_verify(&job, forged, 1, 2, NULL), DROP_NONE);
    }
}

/* --- Requests and batches --------------------------------------------------------------------- */

struct plan {
    uint32_t blocks;   /* of the token */
    uint32_t payloads; /* that come with it */
};

static struct bytes request_frame(struct core_fixture *fixture, struct plan plan)
{
    static const uint8_t zeroes[100];
    static struct gov_token token;
    static struct gov_request request;
    uint8_t memory[1024];
    struct buffer list = buffer_make(memory, sizeof(memory));
    struct payload payload = {.salt = bytes_make(zeroes, SALT_BYTES),
                              .bytes = BYTES_OF_ARRAY(zeroes)};
    for (uint32_t i = 0; i < plan.payloads; i++) {
        assert_true(payload_encode(&payload, &list));
    }
    gov_token_init(&token, 0, plan.blocks);
    assert_true(gov_token_make(&token, &fixture->world, &sig_fast).len > 0);
    gov_request_init(&request, 1);
    struct payloads payloads = {.list = {buffer_bytes(&list), plan.payloads}};
    struct request_parcel parcel = {
        gov_request_make(&request, &token, &fixture->world, &sig_fast),
        encoded(&schema_payloads, &payloads),
    };
    return core_frame(fixture, MESSAGE_REQUEST, 0, NULL, BYTES_EMPTY,
                      encoded(&schema_request_parcel, &parcel));
}

static void a_request_comes_with_its_payload_and_no_other(void **state)
{
    struct core_fixture *fixture = *state;
    assert_int_equal(verify(request_frame(fixture, (struct plan){1, 1})), DROP_NONE);
    assert_int_equal(verify(request_frame(fixture, (struct plan){1, 2})), DROP_MALFORMED);
    assert_int_equal(verify(request_frame(fixture, (struct plan){1, 0})), DROP_DIGEST);
    struct bytes wrong = request_frame(fixture, (struct plan){1, 0});
    assert_int_equal(job_verify(&job, wrong, 1, 2, NULL), DROP_NONE);
}

static uint32_t verified;
static uint32_t points_checked;

static bool verify_counted(const uint8_t public_key[PUBLIC_KEY_BYTES], struct bytes message,
                           const uint8_t sig[SIG_BYTES])
{
    verified++;
    return sig_fast.verify(public_key, message, sig);
}

static bool key_valid_counted(const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    points_checked++;
    return sig_fast.key_valid(public_key);
}

struct seen {
    uint32_t count;
    uint8_t keys[16][HASH_BYTES];
};

static bool seen_known(void *context, const uint8_t key[HASH_BYTES])
{
    const struct seen *seen = context;
    for (uint32_t i = 0; i < seen->count; i++) {
        if (memcmp(seen->keys[i], key, HASH_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static void seen_add(void *context, const uint8_t key[HASH_BYTES])
{
    struct seen *seen = context;
    assert_true(seen->count < 16);
    memcpy(seen->keys[seen->count++], key, HASH_BYTES);
}

static void the_chain_of_a_token_is_verified_once_and_a_request_always(void **state)
{
    struct core_fixture *fixture = *state;
    struct seen seen = {0};
    struct sig_memo memo = {&seen, seen_known, seen_add};
    struct sig_scheme scheme = sig_fast;
    scheme.verify = verify_counted;
    scheme.key_valid = key_valid_counted;
    job.scheme = &scheme;
    struct bytes frame = request_frame(fixture, (struct plan){3, 1});
    verified = 0;
    points_checked = 0;
    assert_int_equal(job_verify(&job, frame, 0, 1, &memo), DROP_NONE);
    assert_int_equal(verified, 3); /* the request, and what two holders signed */
    assert_int_equal(points_checked, 3);
    assert_int_equal(job_verify(&job, frame, 0, 1, &memo), DROP_NONE);
    assert_int_equal(verified, 4);
    assert_int_equal(points_checked, 3);
    assert_int_equal(job_verify(&job, frame, 0, 1, NULL), DROP_NONE);
    assert_int_equal(verified, 7);
    assert_int_equal(points_checked, 6);
}

static void a_chain_with_a_bad_signature_is_not_remembered(void **state)
{
    struct core_fixture *fixture = *state;
    struct seen seen = {0};
    struct sig_memo memo = {&seen, seen_known, seen_add};
    struct bytes frame = request_frame(fixture, (struct plan){2, 1});
    static uint8_t copy[1u << 16];
    struct request_parcel parcel;
    struct message message;
    struct item item;
    memcpy(copy, frame.data, frame.len);
    frame = bytes_make(copy, frame.len);
    assert_int_equal(message_split(frame, &message), DROP_NONE);
    assert_int_equal(request_parcel_decode(message.attachment, &parcel), WIRE_OK);
    assert_int_equal(item_decode(parcel.item, &item), WIRE_OK);
    /* The last byte of the token is in the signature of its last block. */
    copy[(size_t)(item.token.data - copy) + item.token.len - 1] ^= 1;
    for (uint32_t again = 0; again < 2; again++) {
        enum drop drop = job_verify(&job, frame, 0, 1, &memo);
        assert_int_not_equal(drop, DROP_NONE);
    }
}

/* A batch of three requests, with as many of their payloads as told. */
static struct bytes batch_frame(struct core_fixture *fixture, uint32_t payload_count)
{
    static const uint8_t zeroes[100];
    uint8_t memory[1024];
    struct buffer list = buffer_make(memory, sizeof(memory));
    struct payload payload = {.salt = bytes_make(zeroes, SALT_BYTES),
                              .bytes = BYTES_OF_ARRAY(zeroes)};
    struct vote vote = {.sequence = 1};
    struct batch_parcel parcel;
    struct bytes made = core_batch(fixture, 1, 3, fixture->wall_ms, vote.digest);
    assert_int_equal(batch_parcel_decode(made, &parcel), WIRE_OK);
    for (uint32_t i = 0; i < payload_count; i++) {
        assert_true(payload_encode(&payload, &list));
    }
    struct payloads payloads = {.list = {buffer_bytes(&list), payload_count}};
    parcel.payloads = encoded(&schema_payloads, &payloads);
    return core_frame(fixture, MESSAGE_PRE_PREPARE, 0, "r0", encoded(&schema_vote, &vote),
                      encoded(&schema_batch_parcel, &parcel));
}

static void each_share_of_a_batch_finds_what_is_missing_of_it(void **state)
{
    struct core_fixture *fixture = *state;
    static const struct {
        uint32_t payloads;
        enum drop first;  /* requests 1 and 3 */
        enum drop second; /* request 2 */
    } cases[] = {
        {3, DROP_NONE, DROP_NONE},        {4, DROP_MALFORMED, DROP_MALFORMED},
        {2, DROP_DIGEST, DROP_MALFORMED}, {1, DROP_MALFORMED, DROP_DIGEST},
        {0, DROP_DIGEST, DROP_MALFORMED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes frame = batch_frame(fixture, cases[i].payloads);
        assert_int_equal(job_verify(&job, frame, 0, 2, NULL), cases[i].first);
        assert_int_equal(job_verify(&job, frame, 1, 2, NULL), cases[i].second);
    }
}

static void a_batch_or_its_payloads_that_are_none_are_malformed(void **state)
{
    struct core_fixture *fixture = *state;
    struct batch batch = {.time_ms = 1};
    struct bytes empty = encoded(&schema_batch, &batch);
    struct payloads no_payloads = {.list = {BYTES_EMPTY, 0}};
    const struct batch_parcel parcels[] = {
        {empty, encoded(&schema_payloads, &no_payloads)},
        {empty, JUNK},
        {JUNK, JUNK},
    };
    for (size_t i = 0; i < 3; i++) {
        struct vote vote = {.sequence = 1};
        hash_bytes(parcels[i].batch, vote.digest);
        struct bytes frame =
            core_frame(fixture, MESSAGE_PRE_PREPARE, 0, "r0", encoded(&schema_vote, &vote),
                       encoded(&schema_batch_parcel, &parcels[i]));
        assert_int_equal(verify(frame), i == 0 ? DROP_NONE : DROP_MALFORMED);
    }
    struct bytes no_vote = core_frame(fixture, MESSAGE_PRE_PREPARE, 0, "r0", JUNK,
                                      encoded(&schema_batch_parcel, &parcels[0]));
    assert_int_equal(verify(no_vote), DROP_MALFORMED);
}

/* --- Attestations ----------------------------------------------------------------------------- */

static struct bytes header_of(uint64_t height, uint64_t epoch, uint8_t cluster)
{
    struct block_header header = {.height = height, .epoch = epoch, .tree_size = 1};
    memcpy(header.cluster_id, job.cluster_id, HASH_BYTES);
    header.cluster_id[0] ^= cluster;
    return encoded(&schema_block_header, &header);
}

static void an_attestation_is_of_a_member_and_of_this_cluster(void **state)
{
    struct core_fixture *fixture = *state;
    const struct attest attests[] = {
        {.header = JUNK},
        {.header = header_of(1, 0, 1)},
        {.header = header_of(1, 0, 0)}, /* good but for its signatures */
    };
    static const enum drop drops[] = {DROP_MALFORMED, DROP_MALFORMED, DROP_SIGNATURE};
    for (size_t i = 0; i < 3; i++) {
        struct bytes body = encoded(&schema_attest, &attests[i]);
        struct bytes frame = core_frame(fixture, MESSAGE_ATTEST, 2, NULL, body, BYTES_EMPTY);
        assert_int_equal(verify(frame), drops[i]);
        frame = core_frame(fixture, MESSAGE_ATTEST, 9, NULL, body, BYTES_EMPTY);
        assert_int_equal(verify(frame), DROP_SENDER);
    }
    struct bytes junk = core_frame(fixture, MESSAGE_ATTEST, 2, NULL, JUNK, BYTES_EMPTY);
    assert_int_equal(verify(junk), DROP_MALFORMED);
}

/* --- Answers to FETCH ------------------------------------------------------------------------- */

static struct bytes data_frame(struct core_fixture *fixture, const struct data *data,
                               struct bytes attachment)
{
    return core_frame(fixture, MESSAGE_DATA, 0, NULL, encoded(&schema_data, data), attachment);
}

static void data_is_of_a_kind_that_is_asked_for_and_has_its_form(void **state)
{
    struct core_fixture *fixture = *state;
    static const struct {
        uint64_t kind;
        enum drop drop;
    } cases[] = {
        {FETCH_BATCH, DROP_MALFORMED},    {FETCH_BLOCKS, DROP_MALFORMED},
        {FETCH_STABLE, DROP_MALFORMED},   {FETCH_NEW_VIEW, DROP_MALFORMED},
        {FETCH_RECEIPT, DROP_NOT_WANTED}, {255, DROP_NOT_WANTED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct data data = {.kind = cases[i].kind};
        assert_int_equal(verify(data_frame(fixture, &data, JUNK)), cases[i].drop);
        assert_int_equal(verify(data_frame(fixture, &data, BYTES_EMPTY)), DROP_NONE);
    }
    struct bytes junk = core_frame(fixture, MESSAGE_DATA, 0, NULL, JUNK, JUNK);
    assert_int_equal(verify(junk), DROP_MALFORMED);
}

static void a_fetched_batch_has_the_digest_that_was_asked_for(void **state)
{
    struct core_fixture *fixture = *state;
    struct data data = {.kind = FETCH_BATCH};
    struct bytes parcel = core_batch(fixture, 1, 2, fixture->wall_ms, data.digest);
    assert_int_equal(verify(data_frame(fixture, &data, parcel)), DROP_NONE);
    data.digest[0] ^= 1;
    assert_int_equal(verify(data_frame(fixture, &data, parcel)), DROP_DIGEST);
}

static void a_relayed_new_view_is_one(void **state)
{
    struct core_fixture *fixture = *state;
    struct data data = {.kind = FETCH_NEW_VIEW};
    struct bytes status = core_frame(fixture, MESSAGE_STATUS, 2, "r2", JUNK, BYTES_EMPTY);
    assert_int_equal(verify(data_frame(fixture, &data, status)), DROP_MALFORMED);
}

static void a_stable_checkpoint_is_proven_by_as_many_as_it_says(void **state)
{
    struct core_fixture *fixture = *state;
    uint8_t memory[4 * (SIG_BYTES + 2)];
    struct buffer sigs = buffer_make(memory, sizeof(memory));
    struct item_sig sig = {{0}};
    struct data data = {.kind = FETCH_STABLE};
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(item_sig_encode(&sig, &sigs));
    }
    const struct bytes three = bytes_make(sigs.data, 3 * (SIG_BYTES + 2));
    const struct {
        struct stable stable;
        enum drop drop;
    } cases[] = {
        {{.header = header_of(0, 0, 0)}, DROP_NONE}, /* every log begins there */
        {{.header = header_of(0, 0, 1)}, DROP_CERTIFICATE},
        {{.header = header_of(0, 1, 0)}, DROP_EPOCH}, /* its keys are not known */
        {{.header = header_of(0, 0, 0), .members = 1u << CORE_NODES}, DROP_CERTIFICATE},
        {{.header = header_of(0, 0, 0), .members = 7}, DROP_CERTIFICATE},
        {{.header = header_of(128, 0, 0)}, DROP_CERTIFICATE},
        {{.header = header_of(128, 0, 0), .members = 7, .note_sigs = {three, 3}}, DROP_CERTIFICATE},
        {{.header = JUNK}, DROP_MALFORMED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bytes attachment = encoded(&schema_stable, &cases[i].stable);
        struct bytes frame = data_frame(fixture, &data, attachment);
        assert_int_equal(verify(frame), cases[i].drop);
        assert_int_equal(job_verify(&job, frame, 1, 2, NULL), DROP_NONE);
    }
}

static void a_fetched_block_has_a_certificate_of_its_own(void **state)
{
    struct core_fixture *fixture = *state;
    struct data data = {.kind = FETCH_BLOCKS, .from = 5};
    const struct vote votes[] = {
        {.sequence = 5},             /* null, and nobody signed */
        {.sequence = 6},             /* another block */
        {.sequence = 5, .epoch = 1}, /* other keys */
        {.sequence = 5, .digest = {1}},
    };
    static const enum drop drops[] = {DROP_CERTIFICATE, DROP_MALFORMED, DROP_EPOCH,
                                      DROP_CERTIFICATE};
    struct block_parcel parcel = {.header = JUNK, .commit = JUNK};
    assert_int_equal(verify(data_frame(fixture, &data, encoded(&schema_block_parcel, &parcel))),
                     DROP_MALFORMED);
    struct certificate certificate = {.body = JUNK};
    parcel.commit = encoded(&schema_certificate, &certificate);
    assert_int_equal(verify(data_frame(fixture, &data, encoded(&schema_block_parcel, &parcel))),
                     DROP_MALFORMED);
    for (size_t i = 0; i < 4; i++) {
        certificate.body = encoded(&schema_vote, &votes[i]);
        parcel.commit = encoded(&schema_certificate, &certificate);
        struct bytes attachment = encoded(&schema_block_parcel, &parcel);
        assert_int_equal(verify(data_frame(fixture, &data, attachment)), drops[i]);
    }
}

/* The commit of a null block: the members' signatures, cut to `count` or filled with bad ones. */
static struct bytes null_block(struct core_fixture *fixture, uint64_t members, uint32_t count)
{
    uint8_t memory[8 * (SIG_BYTES + 2)];
    struct buffer sigs = buffer_make(memory, sizeof(memory));
    struct vote vote = {.sequence = 5};
    struct certificate certificate = {.body = encoded(&schema_vote, &vote), .members = members};
    for (uint32_t i = 0; i < CORE_NODES; i++) {
        struct message message;
        struct item_sig sig;
        if ((members >> i & 1) == 0) {
            continue;
        }
        struct bytes frame = core_vote(fixture, MESSAGE_COMMIT, i, &vote);
        assert_int_equal(message_split(frame, &message), DROP_NONE);
        memcpy(sig.value, message.envelope.sig.data, SIG_BYTES);
        assert_true(item_sig_encode(&sig, &sigs));
    }
    while (sigs.len < (size_t)count * (SIG_BYTES + 2)) {
        assert_true(item_sig_encode(&(struct item_sig){{0}}, &sigs));
    }
    sigs.len = (size_t)count * (SIG_BYTES + 2);
    certificate.sigs = (struct wire_list){buffer_bytes(&sigs), count};
    struct block_parcel parcel = {.header = JUNK,
                                  .commit = encoded(&schema_certificate, &certificate)};
    struct data data = {.kind = FETCH_BLOCKS, .from = 5};
    return data_frame(fixture, &data, encoded(&schema_block_parcel, &parcel));
}

static void a_block_is_committed_by_a_quorum_of_members(void **state)
{
    struct core_fixture *fixture = *state;
    assert_int_equal(verify(null_block(fixture, 7, 3)), DROP_NONE);
    assert_int_equal(verify(null_block(fixture, 14, 3)), DROP_NONE);
    assert_int_equal(verify(null_block(fixture, 15, 4)), DROP_NONE);
    assert_int_equal(verify(null_block(fixture, 3, 2)), DROP_CERTIFICATE);
    /* A bitmap of more, of fewer, or of others, than have signed. */
    assert_int_equal(verify(null_block(fixture, 15, 3)), DROP_CERTIFICATE);
    assert_int_equal(verify(null_block(fixture, 7, 4)), DROP_CERTIFICATE);
    assert_int_equal(verify(null_block(fixture, 7 | 1u << CORE_NODES, 4)), DROP_CERTIFICATE);
}

/* --- Answers to the challenge ----------------------------------------------------------------- */

static struct bytes status_by(struct core_fixture *fixture, uint32_t rid, const char *signer)
{
    return core_frame(fixture, MESSAGE_STATUS, rid, signer, JUNK, BYTES_EMPTY);
}

static struct bytes answer_with(struct core_fixture *fixture, struct bytes first,
                                struct bytes second)
{
    static uint8_t memory[4096];
    struct buffer newest = buffer_make(memory, sizeof(memory));
    buffer_put(&newest, first);
    buffer_put(&newest, second);
    return core_answer(fixture, NODE, 2, buffer_bytes(&newest));
}

static void an_answer_holds_messages_of_whom_it_is_about(void **state)
{
    struct core_fixture *fixture = *state;
    struct bytes own = status_by(fixture, NODE, "r1");
    struct bytes forged = status_by(fixture, NODE, "r3");
    struct bytes other = status_by(fixture, 3, "r3");
    assert_int_equal(verify(answer_with(fixture, own, own)), DROP_NONE);
    assert_int_equal(verify(answer_with(fixture, own, JUNK)), DROP_MALFORMED);
    assert_int_equal(verify(answer_with(fixture, other, own)), DROP_MALFORMED);
    assert_int_equal(verify(answer_with(fixture, own, forged)), DROP_CERTIFICATE);
    struct bytes answer = answer_with(fixture, own, forged);
    assert_int_equal(job_verify(&job, answer, 0, 2, NULL), DROP_NONE);
    assert_int_equal(job_verify(&job, answer, 1, 2, NULL), DROP_CERTIFICATE);
}

static void an_answer_is_signed_and_well_formed(void **state)
{
    struct core_fixture *fixture = *state;
    static const uint64_t type = MESSAGE_CHALLENGE_ANSWER;
    struct challenge_answer answer = {.rid = NODE};
    struct bytes body = encoded(&schema_challenge_answer, &answer);
    assert_int_equal(verify(core_frame(fixture, type, 2, "r2", body, BYTES_EMPTY)), DROP_NONE);
    assert_int_equal(verify(core_frame(fixture, type, 2, "r3", body, BYTES_EMPTY)), DROP_SIGNATURE);
    assert_int_equal(verify(core_frame(fixture, type, 2, "r2", JUNK, BYTES_EMPTY)), DROP_MALFORMED);
}

/* --- Changes of views ------------------------------------------------------------------------- */

static void a_view_change_is_of_a_member_and_has_its_form(void **state)
{
    struct core_fixture *fixture = *state;
    static uint8_t space[1u << 14];
    static const uint64_t type = MESSAGE_VIEW_CHANGE;
    struct buffer out = buffer_make(space, sizeof(space));
    struct departure says = {.count = 0};
    struct bytes body = view_change_of(fixture, &says, &out);
    assert_int_equal(verify(core_frame(fixture, type, 2, "r2", body, BYTES_EMPTY)), DROP_NONE);
    assert_int_equal(verify(core_frame(fixture, type, 9, "r2", body, BYTES_EMPTY)), DROP_SENDER);
    assert_int_equal(verify(core_frame(fixture, type, 2, NULL, body, BYTES_EMPTY)), DROP_SENDER);
    assert_int_equal(verify(core_frame(fixture, type, 2, "r2", JUNK, BYTES_EMPTY)), DROP_MALFORMED);
    struct view_change hollow = {.view = 1, .stable = {.header = JUNK}};
    struct bytes junk = encoded(&schema_view_change, &hollow);
    assert_int_equal(verify(core_frame(fixture, type, 2, "r2", junk, BYTES_EMPTY)),
                     DROP_CERTIFICATE);
    struct view_change other = {.epoch = 1, .view = 1, .stable = {.header = header_of(0, 0, 0)}};
    struct bytes epoch = encoded(&schema_view_change, &other);
    assert_int_equal(verify(core_frame(fixture, type, 2, "r2", epoch, BYTES_EMPTY)),
                     DROP_CERTIFICATE);
}

static void a_new_view_is_of_whom_it_makes_primary_and_of_this_epoch(void **state)
{
    struct core_fixture *fixture = *state;
    struct signed_body one = {.rid = 2, .body = JUNK};
    struct new_view new_view = {.view = 2};
    static const struct {
        uint64_t view;
        uint64_t epoch;
        enum drop drop;
    } cases[] = {
        {0, 0, DROP_MALFORMED},
        {3, 0, DROP_NOT_PRIMARY},
        {2, 1, DROP_EPOCH},
        {2, 0, DROP_CERTIFICATE}, /* and what it rests on is none */
    };
    new_view.view_changes = (struct wire_list){encoded(&schema_signed_body, &one), 1};
    for (size_t i = 0; i < 4; i++) {
        new_view.view = cases[i].view;
        new_view.epoch = cases[i].epoch;
        struct bytes body = encoded(&schema_new_view, &new_view);
        struct bytes frame = core_frame(fixture, MESSAGE_NEW_VIEW, 2, "r2", body, BYTES_EMPTY);
        assert_int_equal(verify(frame), cases[i].drop);
    }
    struct bytes junk = core_frame(fixture, MESSAGE_NEW_VIEW, 2, "r2", JUNK, BYTES_EMPTY);
    assert_int_equal(verify(junk), DROP_MALFORMED);
    struct bytes bare = core_frame(fixture, MESSAGE_NEW_VIEW, 2, NULL,
                                   encoded(&schema_new_view, &new_view), BYTES_EMPTY);
    assert_int_equal(verify(bare), DROP_MALFORMED);
}

/* A NEW-VIEW repeats what its VIEW-CHANGEs said. */
static void what_members_signed_is_verified_once_and_what_is_forged_each_time(void **state)
{
    struct core_fixture *fixture = *state;
    static uint8_t space[1u << 14];
    struct seen seen = {0};
    struct sig_memo memo = {&seen, seen_known, seen_add};
    struct sig_scheme scheme = sig_fast;
    struct buffer out = buffer_make(space, sizeof(space));
    struct departure says = {.claims = {{1, 2, 7, 0x5, 0, 0}}, .count = 1};
    struct bytes body = view_change_of(fixture, &says, &out);
    struct bytes frame = core_frame(fixture, MESSAGE_VIEW_CHANGE, 2, "r2", body, BYTES_EMPTY);
    struct bytes forged = core_frame(fixture, MESSAGE_VIEW_CHANGE, 2, "r3", body, BYTES_EMPTY);
    scheme.verify = verify_counted;
    job.scheme = &scheme;
    verified = 0;
    assert_int_equal(job_verify(&job, frame, 0, 1, &memo), DROP_NONE);
    assert_int_equal(verified, 4); /* its own, a PRE-PREPARE and two PREPAREs */
    assert_int_equal(job_verify(&job, frame, 0, 1, &memo), DROP_NONE);
    assert_int_equal(verified, 4);
    for (uint32_t again = 1; again <= 2; again++) {
        assert_int_equal(job_verify(&job, forged, 0, 1, &memo), DROP_SIGNATURE);
        assert_int_equal(verified, 4 + again);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, core_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_envelope_is_malformed),
        TEST(a_message_of_a_member_is_signed_by_it),
        TEST(who_has_another_share_of_one_signature_checks_nothing),
        TEST(a_request_comes_with_its_payload_and_no_other),
        TEST(the_chain_of_a_token_is_verified_once_and_a_request_always),
        TEST(a_chain_with_a_bad_signature_is_not_remembered),
        TEST(each_share_of_a_batch_finds_what_is_missing_of_it),
        TEST(a_batch_or_its_payloads_that_are_none_are_malformed),
        TEST(an_attestation_is_of_a_member_and_of_this_cluster),
        TEST(data_is_of_a_kind_that_is_asked_for_and_has_its_form),
        TEST(a_fetched_batch_has_the_digest_that_was_asked_for),
        TEST(a_relayed_new_view_is_one),
        TEST(a_stable_checkpoint_is_proven_by_as_many_as_it_says),
        TEST(a_fetched_block_has_a_certificate_of_its_own),
        TEST(a_block_is_committed_by_a_quorum_of_members),
        TEST(an_answer_holds_messages_of_whom_it_is_about),
        TEST(an_answer_is_signed_and_well_formed),
        TEST(a_view_change_is_of_a_member_and_has_its_form),
        TEST(a_new_view_is_of_whom_it_makes_primary_and_of_this_epoch),
        TEST(what_members_signed_is_verified_once_and_what_is_forged_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
