#include "governance/roster_note.h"

#include <string.h>

void roster_note_keys(const struct roster *roster, struct note_key keys[REPLICAS_MAX])
{
    for (uint32_t i = 0; i < roster->n; i++) {
        keys[i].rid = roster->members[i].rid;
        memcpy(keys[i].sign_key, roster->members[i].sign_pk, PUBLIC_KEY_BYTES);
        memcpy(keys[i].cosign_key, roster->members[i].cosign_pk, PUBLIC_KEY_BYTES);
    }
}

bool roster_note_check(const struct roster *roster, const struct sig_scheme *scheme,
                       struct bytes note, const struct origin *origin,
                       struct checkpoint *checkpoint, uint32_t *signers)
{
    struct note_key keys[REPLICAS_MAX];
    struct note_verdict verdict;

    roster_note_keys(roster, keys);
    if (note_check(scheme, note, origin, (struct note_keyring){keys, roster->n}, &verdict) !=
            NOTE_OK ||
        verdict.bad_sign != 0 || verdict.bad_cosign != 0) {
        return false;
    }
    const bool cosigned = note_count(verdict.cosigned_by) >= note_count(verdict.signed_by);

    *checkpoint = verdict.checkpoint;
    *signers = cosigned ? verdict.cosigned_by : verdict.signed_by;
    return note_count(*signers) >= roster->q;
}
