/* Evidence judged: two statements, both signed by one replica, that no correct replica signs both
 * (a COMMIT and a VIEW-CHANGE among them: shown.h); or a single one that none signs at all: a
 * proposal, with a batch that nobody may propose, or a VIEW-CHANGE or NEW-VIEW that does not prove
 * what it must (view_rules.h).
 *
 * It convicts its signer and nobody else, whoever brings it: everything needed is in it and in the
 * keys of its epoch. Pure; hosts name files by it, and vestry-verify shows it to anyone. ATTACKS:
 * evidence; the object is `evidence` of FORMATS. */
#ifndef VESTRY_GOVERNANCE_EVIDENCE_H
#define VESTRY_GOVERNANCE_EVIDENCE_H

#include "crypto/note.h"
#include "crypto/schema.h"
#include "crypto/sign.h"
#include "governance/item.h"
#include "governance/roster.h"

/* By whom it is judged; everything is borrowed. */
struct evidence_trust {
    const struct sig_scheme *scheme;
    const struct roster *roster; /* of its epoch */
    const struct roster *ended;  /* of the epoch before, and its last height. NULL: only of the
                                  * first are single VIEW-CHANGEs and NEW-VIEWs judged */
    uint64_t begun;
    const uint8_t *cluster_id;
    const struct origin *origin;
    struct item_view *scratch; /* for the requests of a batch; NULL: batches are not judged */
    uint64_t interval;         /* K and L of that epoch; 0: single VIEW-CHANGEs and NEW-VIEWs are */
    uint64_t window;           /* not judged */
};

/* What it is about. */
struct evidence_facts {
    uint64_t kind; /* enum evidence_kind */
    uint32_t rid;
    uint64_t epoch;
    uint64_t view;       /* not of attestations */
    uint64_t sequence;   /* or height; not of view changes */
    uint32_t statements; /* 2 that contradict each other, or 1 that is wrong by itself */
};

#define EVIDENCE_VERDICTS(ROW)                                                                     \
    ROW(EVIDENCE_PROVES, "it signed what no correct replica signs")                                \
    ROW(EVIDENCE_MALFORMED, "it is not evidence as FORMATS has it")                                \
    ROW(EVIDENCE_OTHER_KIND, "it is of a kind that this version cannot judge")                     \
    ROW(EVIDENCE_NO_MEMBER, "whom it accuses is no replica of that epoch")                         \
    ROW(EVIDENCE_AGREES, "the two statements do not contradict each other")                        \
    ROW(EVIDENCE_NO_FAULT, "nothing is wrong with what it signed")                                 \
    ROW(EVIDENCE_UNSIGNED, "a statement is not signed by whom it accuses")

#define EVIDENCE_VERDICT_ENUM(name, text) name,
enum evidence_verdict {
    EVIDENCE_VERDICTS(EVIDENCE_VERDICT_ENUM)
};
#undef EVIDENCE_VERDICT_ENUM

/* Never NULL. */
MUST_USE const char *evidence_verdict_text(enum evidence_verdict verdict);

/* What encoded evidence says it is about, without judging it. False when it is malformed, or of a
 * kind that this version cannot read. */
MUST_USE bool evidence_read(struct bytes encoded, struct evidence_facts *facts);

/* `facts` are filled in when the verdict is EVIDENCE_PROVES. */
MUST_USE enum evidence_verdict evidence_judge(const struct evidence_trust *trust,
                                              struct bytes encoded, struct evidence_facts *facts);

#endif
