#include "tests/support/gov_rotation.h"

#include "governance/epoch.h"
#include "tests/support/sign_fast.h"

#include <stdio.h>
#include <string.h>

static const char *const parts[] = {"", " cosign", " transport"};

void rotation_key(struct gov_rotation *rotation, uint32_t place, const uint8_t pk[PUBLIC_KEY_BYTES])
{
    memcpy(rotation->keys[place], pk, PUBLIC_KEY_BYTES);
    memcpy(rotation->card_keys[place], pk, PUBLIC_KEY_BYTES);
    memcpy(rotation->signers[place], pk, PUBLIC_KEY_BYTES);
}

void rotation_init(struct gov_rotation *rotation, const struct gov_stage *stage, uint32_t rid,
                   const char *generation)
{
    static const char *const subjects[] = {"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7"};
    char name[64];
    uint8_t pk[PUBLIC_KEY_BYTES];

    memset(rotation, 0, sizeof(*rotation));
    rotation->rid = rid;
    rotation->role = ROLE_REPLICA;
    rotation->subject = subjects[rid];
    rotation->card_key_count = 3;
    rotation->sig_count = 3;
    rotation->tag = TAG_POSSESSION;
    rotation->old_signs = true;
    gov_public_key(&sig_fast, subjects[rid], rotation->old_signer);
    memcpy(rotation->cluster_id, stage->world.charter.cluster_id, HASH_BYTES);
    for (uint32_t i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof(name), "%s %s%s", subjects[rid], generation, parts[i]);
        gov_public_key(&sig_fast, name, pk);
        rotation_key(rotation, i, pk);
    }
}

static struct bytes card_make(const struct gov_rotation *rotation, struct buffer *out)
{
    uint8_t bytes[256];
    struct buffer keys = buffer_make(bytes, sizeof(bytes));
    struct card card = {.role = rotation->role, .subject = bytes_of_text(rotation->subject)};

    if (rotation->card.len > 0) {
        return rotation->card;
    }
    for (uint32_t i = 0; i < rotation->card_key_count; i++) {
        struct item_hash key;

        memcpy(key.value, rotation->card_keys[i], PUBLIC_KEY_BYTES);
        CHECK(item_hash_encode(&key, &keys));
    }
    card.keys = (struct wire_list){buffer_bytes(&keys), rotation->card_key_count};
    memset(card.nonce, 7, sizeof(card.nonce));
    CHECK(card_encode(&card, out));
    return buffer_bytes(out);
}

static void card_sign(const struct gov_rotation *rotation, const uint8_t pk[PUBLIC_KEY_BYTES],
                      struct bytes card, uint8_t out[SIG_BYTES])
{
    static const uint8_t no_seed[SEED_BYTES];

    sign_body(&sig_fast, no_seed, pk, rotation->tag, rotation->cluster_id, card, out);
}

void stage_plan_rotation(struct gov_stage *stage, struct gov_plan *plan,
                         const struct gov_rotation *rotation)
{
    struct args_replica_key_rotate args = {.rid = rotation->rid};
    uint8_t card_bytes[1024];
    uint8_t sig_bytes[512];
    uint8_t old_sig[SIG_BYTES];
    struct buffer card = buffer_make(card_bytes, sizeof(card_bytes));
    struct buffer sigs = buffer_make(sig_bytes, sizeof(sig_bytes));

    memcpy(args.sign_pk, rotation->keys[0], PUBLIC_KEY_BYTES);
    memcpy(args.cosign_pk, rotation->keys[1], PUBLIC_KEY_BYTES);
    memcpy(args.transport_pk, rotation->keys[2], PUBLIC_KEY_BYTES);
    args.card.card = card_make(rotation, &card);
    for (uint32_t i = 0; i < rotation->sig_count; i++) {
        struct item_sig sig;

        card_sign(rotation, rotation->signers[i], args.card.card, sig.value);
        CHECK(item_sig_encode(&sig, &sigs));
    }
    args.card.sigs = (struct wire_list){buffer_bytes(&sigs), rotation->sig_count};
    card_sign(rotation, rotation->old_signer, args.card.card, old_sig);
    args.old_sig = bytes_make(old_sig, rotation->old_signs ? SIG_BYTES : 0);
    stage_plan(stage, plan, ACTION_REPLICA_KEY_ROTATE, SECTION_REPLICAS,
               &schema_args_replica_key_rotate, &args);
}

void stage_plan_renewal(struct gov_stage *stage, struct gov_plan *plan)
{
    const struct args_renew args = {{1}};

    stage_plan(stage, plan, ACTION_EPOCH_RENEW, SECTION_MEMBERS, &schema_args_renew, &args);
}

/* --- What it came to ------------------------------------------------------------------------- */

struct roster_member stage_keys(const struct gov_stage *stage, uint32_t rid)
{
    struct roster roster;

    CHECK(roster_load(stage->world.state, &roster));
    return *roster_find(&roster, rid);
}

struct roster_member stage_next_keys(const struct gov_stage *stage, uint32_t rid)
{
    struct roster roster;

    CHECK(epoch_next_roster(stage->world.state, &roster));
    return *roster_find(&roster, rid);
}

static struct clock_record clock_of(const struct gov_stage *stage)
{
    struct clock_record clock;

    CHECK(clock_read(stage->world.state, &clock));
    return clock;
}

uint64_t stage_epoch(const struct gov_stage *stage)
{
    return clock_of(stage).epoch;
}

uint64_t stage_boundary(const struct gov_stage *stage)
{
    return clock_of(stage).pending_boundary;
}

uint64_t stage_key_standing(const struct gov_stage *stage, const uint8_t pk[PUBLIC_KEY_BYTES])
{
    struct registry_row row;

    return registry_find(stage->world.state, pk, &row) ? row.standing : 0;
}
