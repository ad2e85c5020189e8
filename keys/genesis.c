#include "keys/genesis.h"

#include "crypto/hash.h"
#include "crypto/note.h"
#include "crypto/policy.h"
#include "governance/roster.h"
#include "keys/words/armour.h"
#include "keys/words/cli.h"
#include "keys/words/file.h"

#include <stdlib.h>
#include <string.h>

#define PARAM_BYTES_MAX 16
#define SIGNATURE_BYTES_MAX 160
#define SIGNATURES_MAX 512
#define SIGNATURE_FILE_MAX 512

void genesis_plan_init(struct genesis_plan *plan)
{
    *plan = (struct genesis_plan){.profile = PROFILE_PRODUCTION};
    for (uint64_t number = 1; number < PARAM_NUMBER_END; number++) {
        const struct param_rule *rule = param_rule(number);

        plan->params[number] = rule == NULL ? 0 : rule->usual;
    }
}

static uint64_t count_role(const struct card_checked *cards, size_t count, uint64_t role)
{
    uint64_t found = 0;

    for (size_t i = 0; i < count; i++) {
        found += cards[i].role == role;
    }
    return found;
}

static void suggest(uint64_t *field, uint64_t value)
{
    *field = *field == 0 ? value : *field;
}

void genesis_plan_suggest(struct genesis_plan *plan, const struct card_checked *cards,
                          size_t card_count)
{
    const uint64_t members = count_role(cards, card_count, ROLE_MEMBER);
    const uint64_t holders = count_role(cards, card_count, ROLE_RECOVERY);
    const uint64_t replicas = count_role(cards, card_count, ROLE_REPLICA);

    suggest(&plan->thresholds.ops, members / 2 + 1);
    suggest(&plan->thresholds.root, members > 0 ? members - 1 : 0);
    suggest(&plan->thresholds.emergency, 2);
    suggest(&plan->thresholds.recovery, holders / 2 + 1);
    suggest(&plan->f, replicas > 0 ? (replicas - 1) / 3 : 0);
}

/* --- Draft ----------------------------------------------------------------------------------- */

/* Cards by role and id, as the lists and signatures of a charter are sorted. Replicas ascend by
 * their number in the list but by their name among the signatures. */
static int by_subject(const void *a, const void *b)
{
    const struct card_checked *const *left = a;
    const struct card_checked *const *right = b;

    if ((*left)->role != (*right)->role) {
        return (*left)->role < (*right)->role ? -1 : 1;
    }
    return bytes_compare((*left)->subject, (*right)->subject);
}

static int by_row(const void *a, const void *b)
{
    const struct card_checked *const *left = a;
    const struct card_checked *const *right = b;

    if ((*left)->role == ROLE_REPLICA && (*right)->role == ROLE_REPLICA) {
        return ((*left)->replica.rid > (*right)->replica.rid) -
               ((*left)->replica.rid < (*right)->replica.rid);
    }
    return by_subject(a, b);
}

static enum status check_cards(const struct genesis_plan *plan, const struct card_checked *cards,
                               size_t count, struct problem *problem)
{
    for (size_t i = 0; i < count; i++) {
        const int len = (int)cards[i].subject.len;
        const char *subject = (const char *)cards[i].subject.data;

        if (cards[i].role == ROLE_HOLDER) {
            (void)problem_say(problem, STATUS_INVALID,
                              "%.*s: a holder's card does not belong in a "
                              "charter",
                              len, subject);
            return problem_advise(problem, "move it away; holders get tokens instead");
        }
        if (!hash_equal(cards[i].nonce, plan->salt)) {
            (void)problem_say(problem, STATUS_MISMATCH,
                              "%.*s: this card is of another ceremony: "
                              "its salt is not the charter's",
                              len, subject);
            return problem_advise(problem, "make the card again with this ceremony's salt");
        }
    }
    return STATUS_OK;
}

/* The rows of all cards of a role, as an encoded list. */
static struct wire_list put_rows(const struct card_checked *const *cards, size_t count,
                                 uint64_t role, struct buffer *rows)
{
    const size_t start = rows->len;
    uint32_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (cards[i]->role == role) {
            buffer_put(rows, cards[i]->row_bytes);
            found++;
        }
    }
    return (struct wire_list){bytes_make(rows->data + start, rows->len - start), found};
}

static struct wire_list put_params(const struct genesis_plan *plan, struct buffer *rows)
{
    const size_t start = rows->len;
    uint32_t found = 0;

    for (uint64_t number = 1; number < PARAM_NUMBER_END; number++) {
        const struct param_row row = {number, plan->params[number]};

        if (param_rule(number) != NULL) {
            CHECK(param_row_encode(&row, rows));
            found++;
        }
    }
    return (struct wire_list){bytes_make(rows->data + start, rows->len - start), found};
}

static bool put_charter(const struct genesis_plan *plan, const struct card_checked *const *cards,
                        size_t count, struct buffer *rows, struct buffer *out)
{
    struct charter charter = {
        .profile = plan->profile,
        .name = bytes_of_text(plan->name),
        .date_ms = plan->date_ms,
        .thresholds = plan->thresholds,
        .f = plan->f,
        .feature_level = FEATURE_LEVEL,
        .crypto_profile = CRYPTO_PROFILE,
    };

    memcpy(charter.salt, plan->salt, HASH_BYTES);
    memcpy(charter.text_hash, plan->text_hash, HASH_BYTES);
    charter.members = put_rows(cards, count, ROLE_MEMBER, rows);
    charter.recovery = put_rows(cards, count, ROLE_RECOVERY, rows);
    charter.replicas = put_rows(cards, count, ROLE_REPLICA, rows);
    charter.issuers = put_rows(cards, count, ROLE_ISSUER, rows);
    charter.witnesses = put_rows(cards, count, ROLE_WITNESS, rows);
    charter.params = put_params(plan, rows);
    return !rows->full && charter_encode(&charter, out);
}

/* The signatures of all cards but the members', in the order of a charter file. */
static struct wire_list put_card_sigs(const struct card_checked *const *cards, size_t count,
                                      struct buffer *sigs)
{
    uint32_t found = 0;

    for (size_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < cards[i]->key_count && cards[i]->role != ROLE_MEMBER; k++) {
            struct charter_sig sig = {
                .role = cards[i]->role, .subject = cards[i]->subject, .key_no = k};

            memcpy(sig.sig, cards[i]->sigs[k], SIG_BYTES);
            CHECK(charter_sig_encode(&sig, sigs));
            found++;
        }
    }
    return (struct wire_list){buffer_bytes(sigs), found};
}

static enum status put_draft(const struct genesis_plan *plan, const struct card_checked **sorted,
                             size_t count, uint8_t *memory, struct buffer *out,
                             struct problem *problem)
{
    struct buffer rows = buffer_make(memory, CHARTER_FILE_MAX);
    struct buffer body = buffer_make(memory + CHARTER_FILE_MAX, CHARTER_FILE_MAX);
    struct buffer sigs = buffer_make(memory + 2 * (size_t)CHARTER_FILE_MAX, CHARTER_FILE_MAX);
    struct charter_file file;

    qsort(sorted, count, sizeof(*sorted), by_row);
    if (!put_charter(plan, sorted, count, &rows, &body)) {
        (void)problem_say(problem, STATUS_INVALID,
                          "the charter cannot be written: a part is missing or too many of it");
        return problem_advise(problem, "it takes a name like acme.example/ledger, and cards of at "
                                       "least 3 members, a recovery holder and 4 replicas");
    }
    qsort(sorted, count, sizeof(*sorted), by_subject);
    file.charter = buffer_bytes(&body);
    file.sigs = put_card_sigs(sorted, count, &sigs);
    if (!charter_file_encode(&file, out)) {
        return problem_say(problem, STATUS_INVALID, "the charter is too large");
    }
    return STATUS_OK;
}

enum status genesis_draft(const struct genesis_plan *plan, const struct card_checked *cards,
                          size_t card_count, struct buffer *out, struct problem *problem)
{
    const struct card_checked *sorted[GENESIS_CARDS_MAX];

    if (card_count > GENESIS_CARDS_MAX) {
        return problem_say(problem, STATUS_INVALID, "more than %d cards", GENESIS_CARDS_MAX);
    }
    enum status status = check_cards(plan, cards, card_count, problem);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < card_count; i++) {
        sorted[i] = &cards[i];
    }
    uint8_t *memory = malloc(3 * (size_t)CHARTER_FILE_MAX);
    if (memory == NULL) {
        return problem_say(problem, STATUS_NO_MEMORY, "no memory for the charter");
    }
    status = put_draft(plan, sorted, card_count, memory, out, problem);
    free(memory);
    return status;
}

/* The signature of a key in the list, or false. */
static bool find_sig(struct wire_list sigs, const struct charter_key *key, struct charter_sig *out)
{
    struct wire_iter iter = wire_iter_make(sigs);
    const struct bytes subject = bytes_make(key->subject, key->subject_len);

    while (charter_sig_next(&iter, out)) {
        if (out->role == (uint64_t)key->card_role && bytes_equal(out->subject, subject) &&
            out->key_no == key->key_no) {
            return true;
        }
    }
    return false;
}

static enum status check_card_sigs(const char *name, const struct charter_view *view,
                                   struct wire_list sigs, struct problem *problem)
{
    for (uint32_t i = 0; i < view->key_count; i++) {
        const struct charter_key *key = &view->keys[i];
        struct charter_sig sig;
        uint8_t statement[STATEMENT_BYTES];

        if (key->card_role == ROLE_MEMBER) {
            continue;
        }
        charter_statement(view, key, statement);
        if (!find_sig(sigs, key, &sig) ||
            !sig_ed25519.verify(key->pk, BYTES_OF_ARRAY(statement), sig.sig)) {
            (void)problem_say(problem, STATUS_CORRUPT,
                              "%s: the %s key of %.*s has not signed its "
                              "card",
                              name, role_text(key->role), (int)key->subject_len,
                              (const char *)key->subject);
            return problem_advise(problem, "draft again from the cards that you were given");
        }
    }
    return STATUS_OK;
}

enum status genesis_draft_check(const char *name, struct bytes draft, struct charter_view *view,
                                uint32_t *held, struct problem *problem)
{
    struct charter_file file;
    struct charter_finding finding = {0};

    *held = 0;
    if (charter_file_decode(draft, &file) != WIRE_OK ||
        charter_parse(file.charter, view) != WIRE_OK) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: not a draft of a charter, or damaged",
                          name);
        return problem_advise(problem, "ask the coordinator for the file again");
    }
    *held = charter_rules_check(view, &sig_ed25519, &finding);
    if (*held != CHARTER_RULE_COUNT) {
        (void)problem_say(problem, STATUS_INVALID,
                          "%s: this rule of a charter does not hold: %s%s"
                          "%.*s%s",
                          name, charter_rule_text(finding.rule), finding.where.len == 0 ? "" : " (",
                          (int)finding.where.len,
                          finding.where.len == 0 ? "" : (const char *)finding.where.data,
                          finding.where.len == 0 ? "" : ")");
        return problem_advise(problem, "%s", charter_rule_advice(finding.rule));
    }
    return check_card_sigs(name, view, file.sigs, problem);
}

/* --- Signing --------------------------------------------------------------------------------- */

enum status genesis_sign(const struct charter_view *view, const struct secret_key *member,
                         struct buffer *out, struct problem *problem)
{
    uint8_t raw[SIGNATURE_BYTES_MAX];
    struct buffer object = buffer_make(raw, sizeof(raw));
    struct charter_sig sig = {.role = ROLE_MEMBER, .subject = bytes_of_text(member->subject)};
    const struct charter_key *key = NULL;
    uint8_t statement[STATEMENT_BYTES];

    for (uint32_t i = 0; i < view->key_count && key == NULL; i++) {
        if (view->keys[i].role == ROLE_MEMBER &&
            memcmp(view->keys[i].pk, member->public_key, PUBLIC_KEY_BYTES) == 0) {
            key = &view->keys[i];
        }
    }
    if (key == NULL || !bytes_equal(sig.subject, bytes_make(key->subject, key->subject_len))) {
        (void)problem_say(problem, STATUS_MISMATCH, "the key of %s is not in this charter",
                          member->subject);
        return problem_advise(problem, "do not sign; ask the coordinator which card was used");
    }
    if (member->plain && view->charter.profile == PROFILE_PRODUCTION) {
        (void)problem_say(problem, STATUS_REFUSED,
                          "the key of %s has no passphrase; such a key "
                          "may sign development charters only",
                          member->subject);
        return problem_advise(problem, "make a key with a passphrase, and its card again");
    }
    charter_statement(view, key, statement);
    sig_ed25519.sign(member->seed.data, member->public_key, BYTES_OF_ARRAY(statement), sig.sig);
    CHECK(charter_sig_encode(&sig, &object));
    armour_put(out, ARMOUR_CHARTER_SIG, buffer_bytes(&object));
    return out->full ? problem_say(problem, STATUS_NO_MEMORY, "no room for the signature")
                     : STATUS_OK;
}

enum status genesis_signature_read(const char *path, struct genesis_signature *signature,
                                   struct problem *problem)
{
    uint8_t text[SIGNATURE_FILE_MAX];
    uint8_t raw[SIGNATURE_FILE_MAX];
    struct buffer armoured = buffer_make(text, sizeof(text));
    struct buffer object = buffer_make(raw, sizeof(raw));
    struct charter_sig sig;

    const enum status status = file_read(path, &armoured, problem);
    if (status != STATUS_OK) {
        return status;
    }
    if (!armour_read(buffer_bytes(&armoured), ARMOUR_CHARTER_SIG, &object) ||
        charter_sig_decode(buffer_bytes(&object), &sig) != WIRE_OK || sig.role != ROLE_MEMBER ||
        sig.key_no != 0) {
        (void)problem_say(problem, STATUS_CORRUPT, "%s: not a member's signature of a charter",
                          path);
        return problem_advise(problem, "ask the member for the file again");
    }
    text_copy(sig.subject, signature->subject, sizeof(signature->subject));
    memcpy(signature->sig, sig.sig, SIG_BYTES);
    return STATUS_OK;
}

/* --- Sealing --------------------------------------------------------------------------------- */

static const struct genesis_signature *signature_of(const struct genesis_signature *list,
                                                    size_t count, const struct charter_key *key)
{
    const struct bytes subject = bytes_make(key->subject, key->subject_len);

    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(bytes_of_text(list[i].subject), subject)) {
            return &list[i];
        }
    }
    return NULL;
}

/* The members' signatures in the order of the list, which is that of their ids. */
static enum status put_member_sigs(const struct charter_view *view,
                                   const struct genesis_signature *list, size_t count,
                                   struct buffer *sigs, struct problem *problem)
{
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct charter_key *key = &view->keys[i];
        const struct genesis_signature *found = signature_of(list, count, key);
        struct charter_sig sig = {.role = ROLE_MEMBER,
                                  .subject = bytes_make(key->subject, key->subject_len)};
        uint8_t statement[STATEMENT_BYTES];

        CHECK(key->role == ROLE_MEMBER);
        if (found == NULL) {
            (void)problem_say(problem, STATUS_NOT_FOUND, "the signature of member %.*s is missing",
                              (int)key->subject_len, (const char *)key->subject);
            return problem_advise(problem, "every member signs: vestry-keys charter sign");
        }
        charter_statement(view, key, statement);
        if (!sig_ed25519.verify(key->pk, BYTES_OF_ARRAY(statement), found->sig)) {
            (void)problem_say(problem, STATUS_CORRUPT,
                              "the signature of member %.*s is not over "
                              "this draft",
                              (int)key->subject_len, (const char *)key->subject);
            return problem_advise(problem, "the draft was changed after it was signed, or is "
                                           "another one: let the member sign this one");
        }
        memcpy(sig.sig, found->sig, SIG_BYTES);
        CHECK(charter_sig_encode(&sig, sigs));
    }
    return STATUS_OK;
}

static enum status verify_sealed(const char *name, struct bytes file, struct charter_view *view,
                                 struct problem *problem)
{
    struct charter_check check;
    uint8_t text[PROBLEM_CHARS];
    struct buffer why = buffer_make(text, sizeof(text));

    if (charter_file_verify(file, &sig_ed25519, view, &check) == CHARTER_OK) {
        return STATUS_OK;
    }
    charter_check_words(&check, &why);
    (void)problem_say(problem, STATUS_CORRUPT, "%s: %.*s", name, (int)why.len,
                      (const char *)why.data);
    return problem_advise(problem, "%s", charter_check_advice(&check));
}

struct seal_work {
    struct charter_view view;
    uint8_t sigs[SIGNATURES_MAX * SIGNATURE_BYTES_MAX];
};

static enum status seal(struct bytes draft, const struct genesis_signature *list, size_t count,
                        struct seal_work *work, struct buffer *out, struct problem *problem)
{
    struct buffer sigs = buffer_make(work->sigs, sizeof(work->sigs));
    struct charter_file file;
    uint32_t held = 0;
    const size_t start = out->len;

    enum status status = genesis_draft_check("draft", draft, &work->view, &held, problem);
    if (status == STATUS_OK) {
        status = put_member_sigs(&work->view, list, count, &sigs, problem);
    }
    if (status != STATUS_OK) {
        return status;
    }
    CHECK(charter_file_decode(draft, &file) == WIRE_OK);
    buffer_put(&sigs, file.sigs.raw);
    file.sigs = (struct wire_list){buffer_bytes(&sigs), work->view.member_count + file.sigs.count};
    if (sigs.full || !charter_file_encode(&file, out)) {
        return problem_say(problem, STATUS_INVALID, "the charter is too large");
    }
    return verify_sealed("sealed charter", bytes_make(out->data + start, out->len - start),
                         &work->view, problem);
}

enum status genesis_seal(struct bytes draft, const struct genesis_signature *signatures,
                         size_t signature_count, struct buffer *out, struct problem *problem)
{
    struct seal_work *work = malloc(sizeof(*work));

    if (work == NULL) {
        return problem_say(problem, STATUS_NO_MEMORY, "no memory for the charter");
    }
    const enum status status = seal(draft, signatures, signature_count, work, out, problem);
    free(work);
    return status;
}

enum status genesis_charter_read(const char *path, struct buffer *backing,
                                 struct charter_view *view, struct problem *problem)
{
    const enum status status = file_read(path, backing, problem);

    return status != STATUS_OK ? status : verify_sealed(path, buffer_bytes(backing), view, problem);
}

void genesis_policy(const struct charter_view *view, struct buffer *out)
{
    struct note_key keys[REPLICAS_MAX];
    struct origin origin;

    for (uint32_t i = 0; i < view->replica_count; i++) {
        const struct replica_row *row = &view->replicas[i].row;

        keys[i].rid = (uint32_t)row->rid;
        memcpy(keys[i].sign_key, row->sign_pk, PUBLIC_KEY_BYTES);
        memcpy(keys[i].cosign_key, row->cosign_pk, PUBLIC_KEY_BYTES);
    }
    CHECK(origin_make(view->charter.name, view->cluster_id, &origin));
    policy_put(out, origin_bytes(&origin), (struct note_keyring){keys, view->replica_count},
               quorum_size(view->replica_count, (uint32_t)view->charter.f));
}
