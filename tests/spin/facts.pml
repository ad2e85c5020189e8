/* What has been signed, and what that proves: n = 4, f = 1, one slot, one epoch.
 *
 * Messages are facts that are never taken back. A fact that a replica does not act on is a message
 * that was lost or is late; facts carry no order. That is the whole network.
 *
 * The liar signs whatever it can, at once: saying more takes nothing away from what it could do, as
 * a fact is only used when somebody acts on it. So it has no steps and no memory. */

#define MEMBERS 4
#ifndef VIEWS
#define VIEWS 3
#endif
#define PRIMARY(v) (v) /* (e + v) mod n, in epoch 0 and for v < n */

/* Q = floor((n + f) / 2) + 1. */
#ifdef QUORUM_TOO_SMALL
#define QUORUM 2
#else
#define QUORUM 3
#endif

/* The distinct members that V must have. */
#ifdef SENDER_COUNTED_TWICE
#define CHANGES_ASKED (QUORUM - 1)
#else
#define CHANGES_ASKED QUORUM
#endif

/* A value is a batch: 1, or 2, which is any other batch, the null batch too. Sets of values have
 * the values as bits, sets of members have bit i for member i. */
#define OF(member) (1 << (member))
#define COUNT(set) (((set) & 1) + ((set) >> 1 & 1) + ((set) >> 2 & 1) + ((set) >> 3 & 1))

/* A prepared certificate of view v and value d as a number from 1; NOTHING stands for an empty P.
 * Sets of them have bit c for certificate c. */
#define NOTHING 0
#define CERTIFICATE(v, d) (2 * (v) + (d))
#define UP_TO_VIEW(v) ((1 << CERTIFICATE(v, 3)) - 1) /* NOTHING, and those of views up to v */
#define AT(v, d) (2 * (v) + (d) - 1)

byte liar;
byte proposed[VIEWS];         /* values that the primary signed a PRE-PREPARE for, alone or in O */
byte prepares[2 * VIEWS];     /* members that signed PREPARE for AT(v, d) */
byte commits[2 * VIEWS];      /* members that signed COMMIT for AT(v, d) */
byte shown[MEMBERS * VIEWS];  /* P of the VIEW-CHANGEs for a view signed by a member; 0: none sent */

/* --- Certificates ----------------------------------------------------------------------------- */

/* Who may vote PREPARE: the primary of a view is not among its backups. */
#ifdef PRIMARY_COUNTED_AS_BACKUP
#define BACKUPS(v) (OF(MEMBERS) - 1)
#else
#define BACKUPS(v) (OF(MEMBERS) - 1 - OF(PRIMARY(v)))
#endif

#ifdef PREPARES_WITHOUT_DIGEST
#define PREPARES_FOR(v, d) (prepares[AT(v, 1)] | prepares[AT(v, 2)])
#else
#define PREPARES_FOR(v, d) prepares[AT(v, d)]
#endif

/* The PRE-PREPARE and PREPAREs of Q - 1 distinct backups; `own` are PREPAREs not sent yet. */
#define PREPARED(v, d, own) \
    ((proposed[v] & (d)) && COUNT((PREPARES_FOR(v, d) | (own)) & BACKUPS(v)) >= QUORUM - 1)

/* COMMITs of Q members for one digest: a commit certificate, which anybody takes in any view. */
#define COMMITTED(v, d) (COUNT(commits[AT(v, d)]) >= QUORUM)

/* --- view_plan -------------------------------------------------------------------------------- */

/* How many members signed a VIEW-CHANGE for v whose P is in a set of certificates. */
#define CHANGES_WITH(v, set) \
    (((shown[MEMBERS * (v)] & (set)) != 0) + ((shown[MEMBERS * (v) + 1] & (set)) != 0) + \
     ((shown[MEMBERS * (v) + 2] & (set)) != 0) + ((shown[MEMBERS * (v) + 3] & (set)) != 0))
#define SHOWN_IN(v) \
    (shown[MEMBERS * (v)] | shown[MEMBERS * (v) + 1] | shown[MEMBERS * (v) + 2] | \
     shown[MEMBERS * (v) + 3])

/* Whether some V of Q members for view v has the certificate of view w and value d as its highest:
 * Q of them show nothing higher, and one of these shows it. */
#ifdef FIRST_FOUND
#define NOTHING_HIGHER(w) UP_TO_VIEW(VIEWS)
#else
#define NOTHING_HIGHER(w) UP_TO_VIEW(w)
#endif
#define HIGHEST_IN_V(v, w, d) \
    (CHANGES_WITH(v, NOTHING_HIGHER(w)) >= CHANGES_ASKED && \
     (SHOWN_IN(v) & 1 << CERTIFICATE(w, d)) != 0)

/* Whether some V binds view v to nothing: then its primary proposes what it likes, and so may it be
 * with the null digest, when a certificate for a higher slot is in V. */
#ifdef NEW_VIEW_WITHOUT_P
#define FREE_IN_V(v) (CHANGES_WITH(v, 255) >= CHANGES_ASKED)
#else
#define FREE_IN_V(v) (CHANGES_WITH(v, 1 << NOTHING) >= CHANGES_ASKED)
#endif

#define VIEW_PLAN(v, d) \
    (FREE_IN_V(v) || HIGHEST_IN_V(v, 0, d) || ((v) > 1 && HIGHEST_IN_V(v, 1, d)))

/* A backup recomputes O from V and compares. */
#ifdef NEW_VIEW_UNCHECKED
#define NEW_VIEW_GOOD(v, d) (CHANGES_WITH(v, 255) >= CHANGES_ASKED)
#else
#define NEW_VIEW_GOOD(v, d) VIEW_PLAN(v, d)
#endif

/* --- The liar --------------------------------------------------------------------------------- */

/* What it says of its own accord: every vote, and a VIEW-CHANGE for every view that shows nothing. */
inline liar_signs()
{
    if
    :: liar < VIEWS -> proposed[liar] = 3
    :: else
    fi;
    for (view : 0 .. VIEWS - 1) {
        prepares[AT(view, 1)] = OF(liar);
        prepares[AT(view, 2)] = OF(liar);
        commits[AT(view, 1)] = OF(liar);
        commits[AT(view, 2)] = OF(liar);
        if
        :: view > 0 -> shown[MEMBERS * view + liar] = 1 << NOTHING
        :: else
        fi
    }
    view = 0
}

/* Certificates that can be put together. The last view's are shown to nobody. */
#ifdef CERTIFICATE_UNCHECKED
#define CERTIFICATES_OF(w) (1 << CERTIFICATE(w, 1) | 1 << CERTIFICATE(w, 2))
#else
#define CERTIFICATES_OF(w) \
    (PREPARED(w, 1, 0) << CERTIFICATE(w, 1) | PREPARED(w, 2, 0) << CERTIFICATE(w, 2))
#endif

/* It shows in its VIEW-CHANGEs every certificate of a lower view that the facts hold. */
inline liar_shows()
{
    shown[MEMBERS + liar] = shown[MEMBERS + liar] | CERTIFICATES_OF(0);
#if VIEWS > 2
    shown[2 * MEMBERS + liar] = shown[2 * MEMBERS + liar] | CERTIFICATES_OF(0) | CERTIFICATES_OF(1)
#endif
}

/* --- What must hold --------------------------------------------------------------------------- */

#if VIEWS > 2
#define DECIDED(d) (COMMITTED(0, d) || COMMITTED(1, d) || COMMITTED(2, d))
#else
#define DECIDED(d) (COMMITTED(0, d) || COMMITTED(1, d))
#endif

/* Agreement; or, to see that the search gets anywhere, that something never comes about. */
#if defined(REACH_AGAIN)
#define HOLDS (!(COMMITTED(0, 1) && COMMITTED(1, 1) && COMMITTED(VIEWS - 1, 1)))
#elif defined(REACH_OTHER)
#define HOLDS (!(PREPARED(0, 1, 0) && COMMITTED(VIEWS - 1, 2)))
#else
#define HOLDS (!(DECIDED(1) && DECIDED(2)))
#endif
