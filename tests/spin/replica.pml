/* What a correct replica keeps and the rules it follows. The models say when its steps become
 * durable and leave. A view is entered together with the acceptance of its proposal: a replica that
 * is in a view and has not voted there has said nothing that others could act on, just like one
 * that still waits for the NEW-VIEW. */

typedef record {
    byte view;      /* the view it is in or changes to */
    bool entered;   /* or else CHANGING(view) */
    byte slot_view; /* where it accepted `value`, 0 when nothing */
    byte value;
    byte best       /* its prepared certificate with the highest view */
};

record mem[MEMBERS];

inline member_begins(kept)
{
    kept.view = 0;
    kept.entered = true;
    kept.slot_view = 0;
    kept.value = 0;
    kept.best = NOTHING
}

/* --- Accept ----------------------------------------------------------------------------------- */

/* Not in a view that was left, and one digest for each view. */
#ifdef SECOND_PROPOSAL_ACCEPTED
#define ANOTHER_THERE(i, d) (mem[i].value == (d))
#else
#define ANOTHER_THERE(i, d) (mem[i].value != 0)
#endif
#define MAY_VOTE_IN(i, v, d) \
    (mem[i].view < (v) || \
     (mem[i].view == (v) && (!mem[i].entered || !ANOTHER_THERE(i, d))))

/* The primary proposes by the plan, any value in view 0; a backup takes what was proposed, when O
 * is what V asks for. */
#define MAY_ACCEPT(i, v, d) \
    (MAY_VOTE_IN(i, v, d) && \
     ((i) == PRIMARY(v) -> ((v) == 0 || VIEW_PLAN(v, d)) : \
                           ((proposed[v] & (d)) && ((v) == 0 || NEW_VIEW_GOOD(v, d)))))

inline accept(i, v, d)
{
    mem[i].view = v;
    mem[i].entered = true;
    mem[i].slot_view = v;
    mem[i].value = d;
    printf("r%d accepts %d in view %d\n", i, d, v)
}

/* --- Prepared --------------------------------------------------------------------------------- */

/* Nothing is voted for in a view that was left. */
#ifdef VOTES_IN_A_LEFT_VIEW
#define STILL_IN(i) true
#else
#define STILL_IN(i) (mem[i].entered && mem[i].view == mem[i].slot_view)
#endif
#define MAY_PREPARE(i) \
    (mem[i].value != 0 && STILL_IN(i) && \
     mem[i].best != CERTIFICATE(mem[i].slot_view, mem[i].value) && \
     PREPARED(mem[i].slot_view, mem[i].value, OF(i)))

inline prepare(i)
{
    mem[i].best = CERTIFICATE(mem[i].slot_view, mem[i].value);
    printf("r%d is prepared for %d in view %d\n", i, mem[i].value, mem[i].slot_view)
}

/* --- Leave ------------------------------------------------------------------------------------ */

/* For any higher view, at any time: timers, complaints and joining are only reasons to. */
#define MAY_LEAVE(i, v) (mem[i].view < (v))

inline leave(i, v)
{
    mem[i].view = v;
    mem[i].entered = false;
    printf("r%d leaves for view %d, its certificate is %d\n", i, v, mem[i].best)
}

/* --- Say -------------------------------------------------------------------------------------- */

/* Signs what the record stands for; saying it again changes nothing. */
inline say(i)
{
    if
    :: mem[i].value != 0 && i == PRIMARY(mem[i].slot_view) ->
        proposed[mem[i].slot_view] = proposed[mem[i].slot_view] | mem[i].value
    :: mem[i].value != 0 && i != PRIMARY(mem[i].slot_view) ->
        prepares[AT(mem[i].slot_view, mem[i].value)] =
            prepares[AT(mem[i].slot_view, mem[i].value)] | OF(i)
    :: else
    fi;
    if
    :: mem[i].best != NOTHING -> commits[mem[i].best - 1] = commits[mem[i].best - 1] | OF(i)
    :: else
    fi;
    if
    :: !mem[i].entered ->
        shown[MEMBERS * mem[i].view + i] = shown[MEMBERS * mem[i].view + i] | 1 << mem[i].best
    :: else
    fi;
    liar_shows();
    assert(HOLDS)
}

/* --- Begin ------------------------------------------------------------------------------------ */

/* Anybody is the liar; the others run. */
inline cluster_begins(i)
{
    atomic {
        if
        :: liar = 0
        :: liar = 1
        :: liar = 2
        :: liar = 3
        fi;
        printf("the liar is r%d\n", liar);
        d_step {
            liar_signs();
            liar_shows();
            for (i : 0 .. MEMBERS - 1) {
                member_begins(mem[i])
            }
            i = 0
        }
        do
        :: i < MEMBERS && i != liar -> run replica(i); i++
        :: i < MEMBERS && i == liar -> i++
        :: i == MEMBERS -> break
        od
    }
}
