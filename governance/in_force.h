/* The configuration in force, as a `state_bundle` proves it: eight sections whose hash stands in
 * the header of a block whose checkpoint a quorum signed.
 *
 * The charter is the root of what is believed, and is known by its id alone: the bundle brings it,
 * with every signature. From it the hand-offs lead to the epoch of the checkpoint (hand_off.h). All
 * bytes may come from anywhere.
 *
 * Pure; takes memory while hand-offs are followed. Clients and the officers' tools use it; they
 * show what is here, and judge what people are asked to sign by it. GOVERNANCE, section 4. */
#ifndef VESTRY_GOVERNANCE_IN_FORCE_H
#define VESTRY_GOVERNANCE_IN_FORCE_H

#include "crypto/note.h"
#include "governance/charter.h"
#include "governance/hand_off.h"
#include "governance/roster.h"

/* A charter, a note, and sections that are nearly all small: more is refused unread. */
#define STATE_BUNDLE_BYTES_MAX (4u << 20)

/* Why a bundle is refused: ERROR(enumerator, what is wrong, what to do). */
#define IN_FORCE_ERRORS(ERROR)                                                                     \
    ERROR(IN_FORCE_OK, "good", "")                                                                 \
    ERROR(IN_FORCE_ENCODING, "not a state bundle, or damaged",                                     \
          "export it again: vestry gov export --out state.bundle")                                 \
    ERROR(IN_FORCE_CHARTER, "the charter in it is not a good one",                                 \
          "export it again: vestry gov export --out state.bundle")                                 \
    ERROR(IN_FORCE_OTHER_LOG, "it is of another log than the charter",                             \
          "compare the ids of both; export it with this charter: vestry gov export --charter")     \
    ERROR(IN_FORCE_NO_MEMORY, "there is not enough memory to follow its hand-offs",                \
          "use a machine with more memory")                                                        \
    ERROR(IN_FORCE_HAND_OFF, "one of its hand-offs does not hold",                                 \
          "do not use it; export it again, and find out who changed it")                           \
    ERROR(IN_FORCE_EPOCH, "its checkpoint is of another epoch than its hand-offs lead to",         \
          "export it again: vestry gov export --out state.bundle")                                 \
    ERROR(IN_FORCE_NOTE, "its checkpoint does not have the signatures of a quorum",                \
          "do not use it; export it again, and find out who changed it")                           \
    ERROR(IN_FORCE_HEADER, "its block is not the one that the quorum signed",                      \
          "do not use it; export it again, and find out who changed it")                           \
    ERROR(IN_FORCE_SECTIONS, "its sections are not those that the quorum signed",                  \
          "do not use it; export it again, and find out who changed it")                           \
    ERROR(IN_FORCE_CONTENT, "a quorum signed sections that this program cannot read",              \
          "use the program of a newer release")

#define IN_FORCE_ENUM(name, text, advice) name,
enum in_force_error {
    IN_FORCE_ERRORS(IN_FORCE_ENUM)
};
#undef IN_FORCE_ENUM

MUST_USE const char *in_force_error_text(enum in_force_error error);
MUST_USE const char *in_force_error_advice(enum in_force_error error);

/* What was proven. Borrows from the bundle. */
struct in_force {
    struct charter_view *charter; /* the caller's memory, filled in */
    enum hand_off_error hand_off; /* what the first hand-off that does not hold is refused for */
    struct block_header header;
    struct checkpoint checkpoint;
    struct bytes note;                             /* that the checkpoint stands in */
    uint32_t signers;                              /* bit i: roster.members[i] */
    struct section_record sections[SECTION_COUNT]; /* [i] is section i + 1 */
    struct thresholds thresholds;
    uint32_t member_count;
    struct member_standing members[MEMBERS_MAX];
    struct roster roster; /* with the standing of each replica */
    struct params_section params;
};

/* Verify a bundle against the id of its charter. `charter` is memory for the charter in it. `out`
 * is filled in only as far as the verification came. */
MUST_USE enum in_force_error in_force_verify(struct bytes bundle,
                                             const uint8_t cluster_id[HASH_BYTES],
                                             const struct sig_scheme *scheme,
                                             struct charter_view *charter, struct in_force *out);

MUST_USE uint64_t in_force_version(const struct in_force *in_force, enum section section);

/* A parameter: as the section has it, or the usual one. */
MUST_USE uint64_t in_force_param(const struct in_force *in_force, enum param param);

/* The place of a member, whatever its standing, or ROSTER_NOBODY. */
MUST_USE uint32_t in_force_member(const struct in_force *in_force, struct bytes mid);

/* Whether the member may act at that time: a suspension ends by itself. */
MUST_USE bool in_force_member_acts(const struct in_force *in_force, uint32_t member,
                                   uint64_t time_ms);

/* How many replicas are suspended. */
MUST_USE uint32_t in_force_suspended(const struct in_force *in_force);

#endif
