/* Public things behind vestry.h: the head, receipts by index, the configuration, streams. */
#include "client/log_parts.h"

#include "crypto/receipt.h"
#include "governance/in_force.h"

#include <stdlib.h>
#include <string.h>

/* What a FETCH brought, copied once a checker found it good. */
struct fetched {
    struct vestry *log;
    uint64_t index;
    uint8_t *bytes; /* owned; with a NUL behind */
    size_t len;
    struct checkpoint checkpoint;
    uint32_t signers;
    bool older;
    char evidence[FILE_PATH_MAX];
    /* of a consistency proof */
    const struct checkpoint *from;
    const struct checkpoint *to;
    /* of a configuration */
    uint64_t height_min;
    struct charter_view *charter; /* room for the charter in it */
};

static bool keep_bytes(struct fetched *fetched, struct bytes bytes)
{
    free(fetched->bytes);
    fetched->bytes = malloc(bytes.len + 1);
    if (fetched->bytes == NULL) {
        return false;
    }
    memcpy(fetched->bytes, bytes.data, bytes.len);
    fetched->bytes[bytes.len] = '\0';
    fetched->len = bytes.len;
    return true;
}

static enum vestry_error fetch(struct vestry *log, const struct ask_spec *spec, enum log_hope hope,
                               struct ask_look *look)
{
    const enum vestry_error error = log_ask(log, spec, hope, 0, look);

    if ((error == VESTRY_NO_QUORUM && look->lies > 0) || look->state == ASK_REFUTED) {
        (void)log_say(log, VESTRY_UNVERIFIED, "every answer contradicts what was signed: refused");
        return log_advise(log, "vestry status --why says which replicas lie");
    }
    return error;
}

/* --- Receipts --------------------------------------------------------------------------------- */

/* The epoch whose replicas signed a receipt, as it says. */
static bool epoch_of_receipt(struct bytes text, uint64_t *epoch)
{
    struct receipt *receipt = malloc(sizeof(*receipt));
    struct checkpoint checkpoint;
    const bool good = receipt != NULL && receipt_parse(text, receipt) == RECEIPT_OK &&
                      checkpoint_parse(receipt->checkpoint_text, &checkpoint) == NOTE_OK;

    if (good) {
        *epoch = checkpoint.epoch;
    }
    free(receipt);
    return good;
}

static void check_receipt(void *context, const struct ask_answer *answer, enum ask_verdict *verdict)
{
    struct fetched *fetched = context;
    struct vestry *log = fetched->log;
    struct seen_keys keys;
    struct receipt_facts facts;
    uint64_t epoch = 0;

    *verdict = ASK_FALSE;
    if (!epoch_of_receipt(answer->attachment, &epoch)) {
        return;
    }
    if (!epochs_keys(&log->epochs, epoch, &keys)) {
        log_epoch_seen(log, epoch);
        *verdict = ASK_BEHIND;
        return;
    }
    const struct receipt_trust trust = {
        .scheme = &sig_ed25519,
        .origin = log->identity.origin,
        .keyring = {keys.keys, keys.count},
        .quorum = keys.quorum,
        .epoch = epoch,
        .cluster_id = log->identity.charter->cluster_id,
    };
    if (receipt_verify(answer->attachment, &trust, NULL, &facts) == RECEIPT_OK &&
        facts.index == fetched->index) {
        *verdict = keep_bytes(fetched, answer->attachment) ? ASK_GOOD : ASK_BEHIND;
    }
}

enum vestry_error vestry_receipt(struct vestry *log, uint64_t index, char **text, size_t *len)
{
    struct fetched fetched = {.log = log, .index = index};
    const struct ask_spec spec = {
        .kind = ASK_FETCH,
        .only = ROSTER_NOBODY,
        .fetch_kind = FETCH_RECEIPT,
        .from = index,
        .check = check_receipt,
        .context = &fetched,
    };
    struct ask_look look;

    *text = NULL;
    const bool seen = log->seen.head.known && index < log->seen.head.checkpoint.tree_size;
    const enum vestry_error error = fetch(log, &spec, seen ? HOPE_EXPECTED : HOPE_ANY, &look);
    if (error == VESTRY_OK && look.state == ASK_ANSWERED) {
        *text = (char *)fetched.bytes;
        *len = fetched.len;
        return VESTRY_OK;
    }
    free(fetched.bytes);
    if (error == VESTRY_OK) {
        (void)log_say(log, VESTRY_NOT_FOUND, "the log has no entry %llu, or no receipt for it yet",
                      (unsigned long long)index);
        return log_advise(log, "vestry head shows how many entries there are");
    }
    return error;
}

/* --- Head ------------------------------------------------------------------------------------- */

/* A checkpoint was found good: what it is beside what was seen before. `whole` is kept when it is
 * the answer. */
static enum ask_verdict judge_seen(struct fetched *fetched, struct bytes note, struct bytes whole)
{
    struct vestry *log = fetched->log;
    const enum seen_verdict seen = seen_judge(&log->seen, &fetched->checkpoint);

    if (seen == SEEN_FORK) {
        seen_keep_evidence(&log->seen, &log->seen.head, note, fetched->evidence);
        return ASK_FORK;
    }
    fetched->older = seen == SEEN_OLDER;
    return fetched->older || !keep_bytes(fetched, whole) ? ASK_BEHIND : ASK_GOOD;
}

static void check_head(void *context, const struct ask_answer *answer, enum ask_verdict *verdict)
{
    struct fetched *fetched = context;
    const enum seen_signed found =
        log_check_note(fetched->log, answer->attachment, &fetched->checkpoint, &fetched->signers);

    *verdict = found == SEEN_GOOD ? judge_seen(fetched, answer->attachment, answer->attachment)
                                  : log_unsigned(found);
}

static bool read_hashes(struct wire_list list, struct merkle_proof *out)
{
    struct wire_iter iter = wire_iter_make(list);
    struct item_hash hash;

    out->count = 0;
    while (out->count < MERKLE_PROOF_MAX && item_hash_next(&iter, &hash)) {
        memcpy(out->hashes[out->count++], hash.value, HASH_BYTES);
    }
    return out->count == list.count;
}

static void check_consistency(void *context, const struct ask_answer *answer,
                              enum ask_verdict *verdict)
{
    const struct fetched *fetched = context;
    struct consistency consistency;
    struct merkle_proof proof;

    /* One that does not hold is no lie when the log itself is another: the asker decides. */
    *verdict = ASK_BEHIND;
    if (consistency_decode(answer->attachment, &consistency) == WIRE_OK &&
        read_hashes(consistency.path, &proof) &&
        merkle_consistency_verify(fetched->from->tree_size, fetched->to->tree_size,
                                  fetched->from->tree_root, fetched->to->tree_root,
                                  merkle_proof_bytes(&proof))) {
        *verdict = ASK_GOOD;
    }
}

static enum vestry_error say_forked(struct vestry *log, uint64_t height, const char *evidence)
{
    (void)log_say(log, VESTRY_WENT_BACK,
                  "the log shows another past than it did before, at height %llu",
                  (unsigned long long)height);
    if (evidence[0] == '\0') {
        return log_advise(log, "keep the state directory, and tell your auditor");
    }
    return log_advise(log, "evidence saved at %.400s, send it to your auditor", evidence);
}

static enum vestry_error say_not_continued(struct vestry *log)
{
    const struct seen *seen = &log->seen;
    char evidence[FILE_PATH_MAX];

    seen_keep_evidence(seen, &seen->anchor, bytes_make(seen->head.text, seen->head.len), evidence);
    return say_forked(log, seen->anchor.checkpoint.height, evidence);
}

/* Prove that the tree of the head begins with the tree of the anchor. */
enum vestry_error log_prove_continuity(struct vestry *log, uint64_t patience_ms)
{
    struct ask_look look;

    if (!seen_wants_proof(&log->seen)) {
        return VESTRY_OK;
    }
    /* Appends that finish meanwhile move the head on. */
    const struct seen_note head = log->seen.head;
    const struct checkpoint anchor = log->seen.anchor.checkpoint;
    struct fetched proof = {.log = log, .from = &anchor, .to = &head.checkpoint};
    const struct ask_spec spec = {
        .kind = ASK_FETCH,
        .only = ROSTER_NOBODY,
        .fetch_kind = FETCH_CONSISTENCY,
        .from = proof.from->tree_size,
        .count = proof.to->tree_size,
        .check = check_consistency,
        .context = &proof,
    };
    const enum vestry_error error = log_ask(log, &spec, HOPE_EXPECTED, patience_ms, &look);
    if (error != VESTRY_OK) {
        return error;
    }
    if (look.state != ASK_ANSWERED) {
        return say_not_continued(log);
    }
    seen_proven(&log->seen, &head);
    log->proven_ms = log_now_ms();
    return VESTRY_OK;
}

static void fill_head(const struct vestry *log, const struct fetched *fetched,
                      struct vestry_head *head)
{
    const struct checkpoint *checkpoint = &fetched->checkpoint;

    *head = (struct vestry_head){
        .height = checkpoint->height,
        .epoch = checkpoint->epoch,
        .tree_size = checkpoint->tree_size,
        .time_ms = checkpoint->time_ms,
        .age_ms = log_age_ms(checkpoint->time_ms),
        .signers = fetched->signers,
        .signer_count = note_count(fetched->signers),
        .note = (const char *)log->note,
    };
    memcpy(head->tree_root, checkpoint->tree_root, HASH_BYTES);
    memcpy(head->header_hash, checkpoint->header_hash, HASH_BYTES);
}

static enum vestry_error say_older(struct vestry *log, const struct fetched *fetched)
{
    (void)log_say(log, VESTRY_WENT_BACK,
                  "the log went backwards: height %llu is offered, %llu was seen before",
                  (unsigned long long)fetched->checkpoint.height,
                  (unsigned long long)log->seen.head.checkpoint.height);
    return log_advise(log,
                      "ask the operators; what was seen is kept for your auditor in "
                      "%.300s/head",
                      log->state);
}

enum vestry_error vestry_head(struct vestry *log, struct vestry_head *head)
{
    struct fetched fetched = {.log = log};
    const struct ask_spec spec = {
        .kind = ASK_FETCH,
        .only = ROSTER_NOBODY,
        .fetch_kind = FETCH_CHECKPOINT,
        .check = check_head,
        .context = &fetched,
    };
    struct ask_look look;
    const enum log_hope hope = log->seen.head.known ? HOPE_EXPECTED : HOPE_ANY;
    enum vestry_error error = fetch(log, &spec, hope, &look);

    if (error == VESTRY_OK && look.state == ASK_FORKED) {
        error = say_forked(log, log->seen.head.checkpoint.height, fetched.evidence);
    } else if (error == VESTRY_OK && look.state == ASK_OUTDATED && fetched.older) {
        error = say_older(log, &fetched);
    } else if (error == VESTRY_OK && look.state != ASK_ANSWERED) {
        error = log_say(log, VESTRY_NOT_FOUND, "there is no checkpoint of a quorum yet");
        (void)log_advise(log, "append something first");
    } else if (error == VESTRY_OK) {
        seen_take(&log->seen, &fetched.checkpoint, bytes_make(fetched.bytes, fetched.len),
                  log_now_ms());
        error = log_prove_continuity(log, log->timeout_ms);
    }
    if (error == VESTRY_OK) {
        free(log->note);
        log->note = fetched.bytes;
        fetched.bytes = NULL;
        fill_head(log, &fetched, head);
    }
    free(fetched.bytes);
    return error;
}

/* --- Configuration ---------------------------------------------------------------------------- */

static void check_config(void *context, const struct ask_answer *answer, enum ask_verdict *verdict)
{
    struct fetched *fetched = context;
    const struct identity *identity = &fetched->log->identity;
    struct in_force in_force;

    *verdict = ASK_FALSE;
    if (in_force_verify(answer->attachment, identity->charter->cluster_id, &sig_ed25519,
                        fetched->charter, &in_force) != IN_FORCE_OK) {
        return;
    }
    fetched->checkpoint = in_force.checkpoint;
    fetched->signers = in_force.signers;
    /* What is seen is kept by its signatures: they must be of an epoch that is known. */
    if (epochs_roster(&fetched->log->epochs, in_force.checkpoint.epoch) == NULL) {
        log_epoch_seen(fetched->log, in_force.checkpoint.epoch);
        *verdict = ASK_BEHIND;
        return;
    }
    *verdict = in_force.checkpoint.height < fetched->height_min
                   ? ASK_BEHIND
                   : judge_seen(fetched, in_force.note, answer->attachment);
}

/* The bundle is good: its checkpoint is the newest that was seen. */
static enum vestry_error take_config(struct vestry *log, const struct fetched *fetched)
{
    struct state_bundle bundle;

    CHECK(state_bundle_decode(bytes_make(fetched->bytes, fetched->len), &bundle) == WIRE_OK);
    seen_take(&log->seen, &fetched->checkpoint, bundle.checkpoint, log_now_ms());
    return log_prove_continuity(log, log->timeout_ms);
}

static enum vestry_error fetch_config(struct vestry *log, struct fetched *fetched)
{
    const struct ask_spec spec = {
        .kind = ASK_FETCH,
        .only = ROSTER_NOBODY,
        .fetch_kind = FETCH_CONFIG,
        .check = check_config,
        .context = fetched,
    };
    struct ask_look look;

    /* Who has moved a section above its newest checkpoint says "not there" for a moment. */
    const enum vestry_error error = fetch(log, &spec, HOPE_EXPECTED, &look);
    if (error != VESTRY_OK) {
        return error;
    }
    if (look.state == ASK_FORKED) {
        return say_forked(log, log->seen.head.checkpoint.height, fetched->evidence);
    }
    if (look.state == ASK_OUTDATED && fetched->older) {
        return say_older(log, fetched);
    }
    if (look.state != ASK_ANSWERED) {
        (void)log_say(log, VESTRY_NOT_FOUND, "no replica can prove its configuration yet");
        return log_advise(
            log, "append something first, or try again in a moment: a quorum signs when it has "
                 "executed something");
    }
    return take_config(log, fetched);
}

enum vestry_error vestry_config(struct vestry *log, uint64_t height, void **bundle, size_t *len)
{
    struct fetched fetched = {.log = log, .height_min = height};

    *bundle = NULL;
    fetched.charter = malloc(sizeof(*fetched.charter));
    if (fetched.charter == NULL) {
        return log_say(log, VESTRY_FAILED, "no memory for a charter");
    }
    const enum vestry_error error = fetch_config(log, &fetched);
    free(fetched.charter);
    if (error != VESTRY_OK) {
        free(fetched.bytes);
        return error;
    }
    *bundle = fetched.bytes;
    *len = fetched.len;
    return VESTRY_OK;
}

/* --- Streams ---------------------------------------------------------------------------------- */

struct stream_work {
    struct vestry_stream *streams;
    size_t capacity;
    size_t count;
};

static void check_streams(void *context, const struct ask_answer *answer, enum ask_verdict *verdict)
{
    struct stream_work *work = context;
    struct stream_rows rows;
    struct stream_row row;

    if (stream_rows_decode(answer->attachment, &rows) != WIRE_OK) {
        *verdict = ASK_FALSE;
        return;
    }
    struct wire_iter iter = wire_iter_make(rows.list);
    work->count = 0;
    while (work->count < work->capacity && stream_row_next(&iter, &row)) {
        struct vestry_stream *stream = &work->streams[work->count++];

        memcpy(stream->name, row.stream.data, row.stream.len);
        stream->name[row.stream.len] = '\0';
        stream->length = row.length;
    }
    *verdict = ASK_GOOD;
}

enum vestry_error vestry_streams(struct vestry *log, uint64_t offset, struct vestry_stream *streams,
                                 size_t capacity, size_t *count)
{
    struct stream_work work = {streams, capacity, 0};
    const struct ask_spec spec = {
        .kind = ASK_FETCH,
        .only = ROSTER_NOBODY,
        .fetch_kind = FETCH_STREAMS,
        .from = offset,
        .check = check_streams,
        .context = &work,
    };
    struct ask_look look;

    *count = 0;
    const enum vestry_error error = fetch(log, &spec, HOPE_ANY, &look);
    if (error == VESTRY_OK && look.state == ASK_ANSWERED) {
        *count = work.count;
    }
    return error;
}
