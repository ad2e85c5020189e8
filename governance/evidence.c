#include "governance/evidence.h"

#include "crypto/hash.h"
#include "governance/mutant.h"
#include "governance/shown.h"
#include "governance/view_rules.h"

#include <string.h>

#define VERDICT_TEXT(name, text)                                                                   \
    case name:                                                                                     \
        return text;

const char *evidence_verdict_text(enum evidence_verdict verdict)
{
    switch (verdict) {
        EVIDENCE_VERDICTS(VERDICT_TEXT)
    }
    return "unknown";
}

/* A body as far as a contradiction is concerned: the place it speaks of, and what it says there. */
struct spoken {
    uint64_t epoch;
    uint64_t view;
    uint64_t sequence;
    uint8_t says[HASH_BYTES];
};

static bool read_vote(struct bytes body, struct spoken *out)
{
    struct vote vote;
    if (vote_decode(body, &vote) != WIRE_OK) {
        return false;
    }
    *out = (struct spoken){vote.epoch, vote.view, vote.sequence, {0}};
    memcpy(out->says, vote.digest, HASH_BYTES);
    return true;
}

static bool read_header(struct bytes body, struct spoken *out)
{
    struct block_header header;
    if (block_header_decode(body, &header) != WIRE_OK) {
        return false;
    }
    *out = (struct spoken){.epoch = header.epoch, .sequence = header.height};
    hash_bytes(body, out->says);
    return true;
}

static bool read_change(struct bytes body, struct spoken *out)
{
    struct view_change change;
    if (view_change_decode(body, &change) != WIRE_OK) {
        return false;
    }
    *out = (struct spoken){.epoch = change.epoch, .view = change.view};
    hash_bytes(body, out->says);
    return true;
}

static bool read_new_view(struct bytes body, struct spoken *out)
{
    struct new_view new_view;
    if (new_view_decode(body, &new_view) != WIRE_OK) {
        return false;
    }
    *out = (struct spoken){.epoch = new_view.epoch, .view = new_view.view};
    hash_bytes(body, out->says);
    return true;
}

/* How a kind is read, and under which tag its bodies are signed. */
struct reading {
    uint64_t kind;
    enum sign_tag tag;
    bool is_note; /* signed as a checkpoint, not as a message */
    bool (*read)(struct bytes body, struct spoken *out);
};

static const struct reading *reading_of(uint64_t kind)
{
    static const struct reading readings[] = {
        {EVIDENCE_PRE_PREPARE, TAG_PRE_PREPARE, false, read_vote},
        {EVIDENCE_PREPARE, TAG_PREPARE, false, read_vote},
        {EVIDENCE_COMMIT, TAG_COMMIT, false, read_vote},
        {EVIDENCE_ATTEST, TAG_COMMIT, true, read_header},
        {EVIDENCE_VIEW_CHANGE, TAG_VIEW_CHANGE, false, read_change},
        {EVIDENCE_NEW_VIEW, TAG_NEW_VIEW, false, read_new_view},
        {EVIDENCE_BATCH, TAG_PRE_PREPARE, false, read_vote},
        {EVIDENCE_DENIAL, TAG_COMMIT, false, read_vote},
    };
    for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
        if (readings[i].kind == kind) {
            return &readings[i];
        }
    }
    return NULL;
}

bool evidence_read(struct bytes encoded, struct evidence_facts *facts)
{
    struct evidence evidence;
    struct spoken first;
    if (evidence_decode(encoded, &evidence) != WIRE_OK) {
        return false;
    }
    const struct reading *reading = reading_of(evidence.kind);
    if (reading == NULL || !reading->read(evidence.first, &first)) {
        return false;
    }
    *facts = (struct evidence_facts){
        .kind = evidence.kind,
        .rid = (uint32_t)evidence.rid,
        .epoch = first.epoch,
        .view = first.view,
        .sequence = first.sequence,
        .statements = evidence.second.len > 0 ? 2 : 1,
    };
    return true;
}

static bool note_signed(const struct evidence_trust *trust, const struct roster_member *member,
                        struct bytes body, const uint8_t sig[SIG_BYTES])
{
    struct checkpoint checkpoint;
    return checkpoint_of_header(trust->cluster_id, trust->origin, body, &checkpoint) &&
           checkpoint_verify(trust->scheme, &checkpoint, NOTE_SIGN, member->sign_pk, sig);
}

static bool body_signed(const struct evidence_trust *trust, const struct reading *reading,
                        const struct roster_member *member, struct bytes body,
                        const uint8_t sig[SIG_BYTES])
{
    if (reading->is_note) {
        return note_signed(trust, member, body, sig);
    }
    return verify_body(trust->scheme, member->sign_pk, reading->tag, trust->cluster_id, body, sig);
}

/* --- Two statements --------------------------------------------------------------------------- */

static bool contradict(const struct spoken *first, const struct spoken *second)
{
    return first->epoch == second->epoch && first->view == second->view &&
           first->sequence == second->sequence && !hash_equal(first->says, second->says);
}

static enum evidence_verdict judge_pair(const struct evidence_trust *trust,
                                        const struct reading *reading,
                                        const struct roster_member *member,
                                        const struct evidence *evidence)
{
    struct spoken first;
    struct spoken second;
    if (evidence->second_sig.len != SIG_BYTES || !reading->read(evidence->first, &first) ||
        !reading->read(evidence->second, &second)) {
        return EVIDENCE_MALFORMED;
    }
    if (member == NULL || first.epoch != evidence->epoch) {
        return EVIDENCE_NO_MEMBER;
    }
    bool excused =
        (MUTANT(90) && reading->is_note) || (MUTANT(91) && evidence->kind == EVIDENCE_COMMIT);
    if (!contradict(&first, &second) || excused) {
        return EVIDENCE_AGREES;
    }
    bool signed_both =
        body_signed(trust, reading, member, evidence->first, evidence->first_sig) &&
        body_signed(trust, reading, member, evidence->second, evidence->second_sig.data);
    return signed_both ? EVIDENCE_PROVES : EVIDENCE_UNSIGNED;
}

/* --- A batch ---------------------------------------------------------------------------------- */

static bool key_good(void *context, const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    const struct evidence_trust *trust = context;
    return trust->scheme->key_valid(public_key);
}

/* What every replica checks of a request before it proposes it, payloads apart: they are not in the
 * digest. */
static bool request_good(const struct evidence_trust *trust, const struct item *item)
{
    struct item_view *view = trust->scratch;
    struct item_signature signatures[ITEM_SIGNATURES_MAX];
    struct evidence_trust context = *trust;
    if (item_parse(item, trust->cluster_id, view) != RESULT_OK ||
        !item_shape(view, key_good, &context)) {
        return false;
    }
    uint32_t count = item_signatures(view, signatures);
    for (uint32_t i = 0; i < count; i++) {
        if (!trust->scheme->verify(signatures[i].public_key,
                                   BYTES_OF_ARRAY(signatures[i].statement), signatures[i].sig)) {
            return false;
        }
    }
    return true;
}

static bool batch_good(const struct evidence_trust *trust, struct bytes encoded)
{
    struct batch batch;
    struct item item;
    if (batch_decode(encoded, &batch) != WIRE_OK) {
        return false;
    }
    struct wire_iter items = wire_iter_make(batch.items);
    while (item_next(&items, &item)) {
        if (!request_good(trust, &item)) {
            return false;
        }
    }
    return true;
}

static enum evidence_verdict judge_batch(const struct evidence_trust *trust,
                                         const struct reading *reading,
                                         const struct roster_member *member,
                                         const struct evidence *evidence)
{
    struct spoken proposal;
    uint8_t digest[HASH_BYTES];
    if (trust->scratch == NULL) {
        return EVIDENCE_OTHER_KIND;
    }
    if (evidence->second.len != 0 || evidence->second_sig.len != 0 ||
        !reading->read(evidence->first, &proposal)) {
        return EVIDENCE_MALFORMED;
    }
    if (member == NULL || proposal.epoch != evidence->epoch) {
        return EVIDENCE_NO_MEMBER;
    }
    if (!body_signed(trust, reading, member, evidence->first, evidence->first_sig)) {
        return EVIDENCE_UNSIGNED;
    }
    hash_bytes(evidence->proof, digest);
    bool innocent = !hash_equal(digest, proposal.says) || batch_good(trust, evidence->proof);
    return innocent ? EVIDENCE_NO_FAULT : EVIDENCE_PROVES;
}

/* --- A VIEW-CHANGE or NEW-VIEW alone ---------------------------------------------------------- */

static bool proves_itself(const struct evidence_trust *trust, uint32_t member,
                          const struct evidence *evidence)
{
    const struct view_trust rules = {
        .ended = trust->ended,
        .begun = trust->begun,
        .scheme = trust->scheme,
        .roster = trust->roster,
        .cluster_id = trust->cluster_id,
        .origin = trust->origin,
        .interval = trust->interval,
        .window = trust->window,
        .parts = 1,
    };
    struct view_change change;
    struct new_view new_view;
    if (evidence->kind == EVIDENCE_VIEW_CHANGE) {
        return view_change_decode(evidence->first, &change) != WIRE_OK ||
               view_change_good(&rules, &change);
    }
    return new_view_decode(evidence->first, &new_view) != WIRE_OK ||
           new_view_good(&rules, member, &new_view);
}

static bool is_alone(const struct evidence *evidence)
{
    bool is_of_views =
        evidence->kind == EVIDENCE_VIEW_CHANGE || evidence->kind == EVIDENCE_NEW_VIEW;
    return is_of_views && evidence->second.len == 0;
}

static enum evidence_verdict judge_alone(const struct evidence_trust *trust,
                                         const struct reading *reading,
                                         const struct roster_member *member,
                                         const struct evidence *evidence)
{
    struct spoken spoken;
    if (trust->interval == 0 || trust->window == 0 ||
        (trust->roster->epoch > 0 && trust->ended == NULL)) {
        return EVIDENCE_OTHER_KIND;
    }
    if (evidence->second_sig.len != 0 || evidence->proof.len != 0 ||
        !reading->read(evidence->first, &spoken)) {
        return EVIDENCE_MALFORMED;
    }
    if (member == NULL || spoken.epoch != evidence->epoch) {
        return EVIDENCE_NO_MEMBER;
    }
    if (!body_signed(trust, reading, member, evidence->first, evidence->first_sig)) {
        return EVIDENCE_UNSIGNED;
    }
    uint32_t index = roster_index(trust->roster, member->rid);
    return proves_itself(trust, index, evidence) ? EVIDENCE_NO_FAULT : EVIDENCE_PROVES;
}

/* --- A COMMIT, and a VIEW-CHANGE that denies it ----------------------------------------------- */

static enum evidence_verdict judge_denial(const struct evidence_trust *trust,
                                          const struct reading *reading,
                                          const struct roster_member *member,
                                          const struct evidence *evidence)
{
    struct vote commit;
    struct view_change change;
    struct shown shown;
    if (evidence->second_sig.len != SIG_BYTES || evidence->proof.len != 0 ||
        vote_decode(evidence->first, &commit) != WIRE_OK ||
        view_change_decode(evidence->second, &change) != WIRE_OK || !shown_read(&change, &shown)) {
        return EVIDENCE_MALFORMED;
    }
    if (member == NULL || commit.epoch != evidence->epoch) {
        return EVIDENCE_NO_MEMBER;
    }
    if (!shown_denies(&shown, &commit)) {
        return EVIDENCE_AGREES;
    }
    bool signed_both = body_signed(trust, reading, member, evidence->first, evidence->first_sig) &&
                       verify_body(trust->scheme, member->sign_pk, TAG_VIEW_CHANGE,
                                   trust->cluster_id, evidence->second, evidence->second_sig.data);
    return signed_both ? EVIDENCE_PROVES : EVIDENCE_UNSIGNED;
}

/* --- Any -------------------------------------------------------------------------------------- */

static enum evidence_verdict judge(const struct evidence_trust *trust,
                                   const struct reading *reading, const struct evidence *evidence)
{
    const struct roster_member *member = evidence->epoch == trust->roster->epoch
                                             ? roster_find(trust->roster, (uint32_t)evidence->rid)
                                             : NULL;
    if (evidence->kind == EVIDENCE_BATCH) {
        return judge_batch(trust, reading, member, evidence);
    }
    if (evidence->kind == EVIDENCE_DENIAL) {
        return judge_denial(trust, reading, member, evidence);
    }
    return is_alone(evidence) ? judge_alone(trust, reading, member, evidence)
                              : judge_pair(trust, reading, member, evidence);
}

enum evidence_verdict evidence_judge(const struct evidence_trust *trust, struct bytes encoded,
                                     struct evidence_facts *facts)
{
    struct evidence evidence;
    if (evidence_decode(encoded, &evidence) != WIRE_OK) {
        return EVIDENCE_MALFORMED;
    }
    const struct reading *reading = reading_of(evidence.kind);
    if (reading == NULL) {
        return EVIDENCE_OTHER_KIND;
    }
    enum evidence_verdict verdict = judge(trust, reading, &evidence);
    if (verdict == EVIDENCE_PROVES) {
        bool read = evidence_read(encoded, facts);
        CHECK(read);
    }
    return verdict;
}
