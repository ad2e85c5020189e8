/* New keys of a replica: whether their card is good, before officers sign for them. */
#include "crypto/hash.h"
#include "keys/words/paper.h"

#define KEYS_OF_REPLICA 3

static bool signed_by(const struct paper *paper, const struct in_force *in_force,
                      const uint8_t pk[PUBLIC_KEY_BYTES], const uint8_t sig[SIG_BYTES])
{
    return sig_ed25519.key_valid(pk) &&
           verify_body(&sig_ed25519, pk, TAG_POSSESSION, in_force->charter->cluster_id,
                       paper->keys.proof.card, sig);
}

/* Of this replica, with these keys, each of which has signed it for this log. */
static bool card_holds(const struct paper *paper, const struct in_force *in_force)
{
    const struct paper_keys *keys = &paper->keys;
    const uint8_t *const named[KEYS_OF_REPLICA] = {keys->sign, keys->cosign, keys->transport};
    uint8_t memory[REPLICA_NAME_MAX];
    struct buffer name = buffer_make(memory, sizeof(memory));
    struct card card;
    struct item_hash key;
    struct item_sig sig;

    replica_name_put(&name, paper->rid);
    if (card_decode(keys->proof.card, &card) != WIRE_OK || card.role != ROLE_REPLICA ||
        !bytes_equal(card.subject, buffer_bytes(&name)) || card.keys.count != KEYS_OF_REPLICA ||
        keys->proof.sigs.count != KEYS_OF_REPLICA) {
        return false;
    }
    struct wire_iter key_iter = wire_iter_make(card.keys);
    struct wire_iter sig_iter = wire_iter_make(keys->proof.sigs);
    for (uint32_t i = 0; item_hash_next(&key_iter, &key) && item_sig_next(&sig_iter, &sig); i++) {
        if (!hash_equal(key.value, named[i]) || !signed_by(paper, in_force, key.value, sig.value)) {
            return false;
        }
    }
    return true;
}

/* Whether a replica or a member has that key now. The log knows of all others that ever were. */
static bool in_use(const struct in_force *in_force, const uint8_t pk[PUBLIC_KEY_BYTES])
{
    for (uint32_t i = 0; i < in_force->roster.n; i++) {
        const struct roster_member *member = &in_force->roster.members[i];

        if (hash_equal(member->sign_pk, pk) || hash_equal(member->cosign_pk, pk) ||
            hash_equal(member->transport_pk, pk)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < in_force->member_count; i++) {
        if (hash_equal(in_force->members[i].row.pk, pk)) {
            return true;
        }
    }
    return false;
}

enum paper_fault paper_keys_judge(const struct paper *paper, const struct in_force *in_force,
                                  struct problem *problem)
{
    const struct paper_keys *keys = &paper->keys;
    const struct roster_member *replica = roster_find(&in_force->roster, paper->rid);

    if (!card_holds(paper, in_force)) {
        (void)problem_say(problem, STATUS_CORRUPT,
                          "the card of the new keys is not one of r%u for this log, or a key on it "
                          "has not signed it",
                          paper->rid);
        (void)problem_advise(problem, "let its host make it: vestry-keys key new --role replica "
                                      "--charter charter.genesis");
        return PAPER_FALSE;
    }
    if (keys->old_sig.len > 0 &&
        !signed_by(paper, in_force, replica->sign_pk, keys->old_sig.data)) {
        (void)problem_say(problem, STATUS_CORRUPT,
                          "it is said that the key that r%u has now agrees, and it does not",
                          paper->rid);
        (void)problem_advise(problem, "do not sign; ask who made it");
        return PAPER_FALSE;
    }
    if (in_use(in_force, keys->sign) || in_use(in_force, keys->cosign) ||
        in_use(in_force, keys->transport)) {
        (void)problem_say(problem, STATUS_INVALID, "a key on the card is in use already");
        (void)problem_advise(problem, "let the host make new ones: a key is registered once ever");
        return PAPER_RULE;
    }
    return PAPER_GOOD;
}
