/* Any bytes as evidence. With signatures that are all good the judge comes to every rule; with none
 * that is good nobody is ever convicted. A VIEW-CHANGE or NEW-VIEW that is dealt out to workers is
 * good when each share of it is. */
#include "governance/evidence.h"
#include "governance/view_rules.h"
#include "tests/support/gov_fixture.h"
#include "tests/support/sign_fast.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define REPLICAS 4
#define PARTS 3

static bool all_good(const uint8_t public_key[PUBLIC_KEY_BYTES], struct bytes message,
                     const uint8_t sig[SIG_BYTES])
{
    (void)public_key;
    (void)message;
    (void)sig;
    return true;
}

static bool none_good(const uint8_t public_key[PUBLIC_KEY_BYTES], struct bytes message,
                      const uint8_t sig[SIG_BYTES])
{
    (void)public_key;
    (void)message;
    (void)sig;
    return false;
}

static bool key_valid(const uint8_t public_key[PUBLIC_KEY_BYTES])
{
    return public_key[0] != 0;
}

static const struct sig_scheme believing = {
    .name = "all good", .verify = all_good, .key_valid = key_valid};
static const struct sig_scheme doubting = {
    .name = "none good", .verify = none_good, .key_valid = key_valid};

static struct roster roster;
static struct charter_view charter;
static struct origin origin;
static struct item_view scratch;

static void cluster_make(void)
{
    static struct gov_fixture fixture;
    gov_fixture_init(&fixture, &sig_fast, REPLICAS);
    CHECK(charter_parse(gov_fixture_body(&fixture), &charter) == WIRE_OK);
    CHECK(roster_of_charter(charter.body, &roster));
    CHECK(origin_make(charter.charter.name, charter.cluster_id, &origin));
}

static enum evidence_verdict judge(const struct sig_scheme *scheme, struct bytes encoded,
                                   struct evidence_facts *facts)
{
    const struct evidence_trust trust = {
        .scheme = scheme,
        .roster = &roster,
        .cluster_id = charter.cluster_id,
        .origin = &origin,
        .scratch = &scratch,
        .interval = charter_param(&charter, PARAM_CHECKPOINT_INTERVAL),
        .window = charter_param(&charter, PARAM_WINDOW),
    };
    return evidence_judge(&trust, encoded, facts);
}

static bool share_good(const struct evidence *evidence, uint32_t part, uint32_t parts)
{
    const struct view_trust trust = {
        .scheme = &believing,
        .roster = &roster,
        .cluster_id = charter.cluster_id,
        .origin = &origin,
        .interval = charter_param(&charter, PARAM_CHECKPOINT_INTERVAL),
        .window = charter_param(&charter, PARAM_WINDOW),
        .part = part,
        .parts = parts,
    };
    struct view_change change;
    struct new_view new_view;
    if (evidence->kind == EVIDENCE_VIEW_CHANGE) {
        return view_change_decode(evidence->first, &change) != WIRE_OK ||
               view_change_good(&trust, &change);
    }
    uint32_t member = roster_index(&roster, (uint32_t)evidence->rid);
    return member == ROSTER_NOBODY || new_view_decode(evidence->first, &new_view) != WIRE_OK ||
           new_view_good(&trust, member, &new_view);
}

static void check_shares(const struct evidence *evidence)
{
    bool together = true;
    for (uint32_t part = 0; part < PARTS; part++) {
        together = share_good(evidence, part, PARTS) && together;
    }
    CHECK(together == share_good(evidence, 0, 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct bytes encoded = bytes_make(data, len);
    struct evidence_facts facts;
    struct evidence_facts read;
    struct evidence evidence;
    if (roster.n == 0) {
        cluster_make();
    }
    CHECK(judge(&doubting, encoded, &facts) != EVIDENCE_PROVES);
    if (judge(&believing, encoded, &facts) == EVIDENCE_PROVES) {
        CHECK(evidence_read(encoded, &read));
        CHECK(read.rid == facts.rid);
        CHECK(roster_find(&roster, facts.rid) != NULL);
        CHECK(facts.epoch == roster.epoch);
    }
    if (evidence_decode(encoded, &evidence) == WIRE_OK &&
        (evidence.kind == EVIDENCE_VIEW_CHANGE || evidence.kind == EVIDENCE_NEW_VIEW)) {
        check_shares(&evidence);
    }
    return 0;
}
