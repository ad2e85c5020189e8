/* Agreement when correct replicas crash and start again, any of them, as often as they like, beside
 * the liar. A step changes what a replica has in memory; a flight puts that and then says it; a
 * crash leaves what was put. Without a journal agreement is lost. README.md says which rule each
 * part stands for. */

#ifndef VIEWS
#define VIEWS 2
#endif
#include "facts.pml"
#include "replica.pml"

record disk[MEMBERS];

/* --- Flights ---------------------------------------------------------------------------------- */

inline put(i)
{
#ifndef VIEW_NOT_PUT
    disk[i].view = mem[i].view;
    disk[i].entered = mem[i].entered;
#endif
#ifndef PROPOSAL_NOT_PUT
    disk[i].slot_view = mem[i].slot_view;
    disk[i].value = mem[i].value;
#endif
#ifndef CERTIFICATE_NOT_PUT
    disk[i].best = mem[i].best
#endif
}

/* All that is in memory is put at once: a disk that kept only the first steps of it is one that was
 * put to between the steps. What was put and did not leave is a fact that nobody acts on. */
inline fly(i)
{
    put(i);
    say(i);
    printf("r%d has put what it did and says so\n", i)
}

#if defined(SENT_BEFORE_PUT)
#define stepped(i) say(i)
#define later(i) put(i)
#elif defined(FLIGHT_WITH_STEP)
#define stepped(i) fly(i)
#define later(i) skip
#else
#define stepped(i) skip
#define later(i) fly(i)
#endif

/* --- Crash and start -------------------------------------------------------------------------- */

/* What was accepted in the view that the replica is in stands; of earlier views only the
 * certificate does. What it signed before it signs again, so facts need not be said anew. */
inline crash(i)
{
    printf("r%d crashes and starts\n", i);
#ifdef NO_JOURNAL
    member_begins(mem[i])
#else
    mem[i].view = disk[i].view;
    mem[i].entered = disk[i].entered;
    mem[i].best = disk[i].best;
    if
    :: disk[i].entered && disk[i].slot_view == disk[i].view ->
        mem[i].slot_view = disk[i].slot_view;
        mem[i].value = disk[i].value
    :: else ->
        mem[i].slot_view = 0;
        mem[i].value = 0
    fi
#endif
}

/* --- Replicas --------------------------------------------------------------------------------- */

#define ACCEPTS(v, d) :: d_step { MAY_ACCEPT(me, v, d) -> accept(me, v, d); stepped(me) }
#define LEAVES(v) :: d_step { MAY_LEAVE(me, v) -> leave(me, v); stepped(me) }

proctype replica(byte me)
{
end:
    do
    ACCEPTS(0, 1)
    ACCEPTS(0, 2)
    ACCEPTS(1, 1)
    ACCEPTS(1, 2)
    LEAVES(1)
#if VIEWS > 2
    ACCEPTS(2, 1)
    ACCEPTS(2, 2)
    LEAVES(2)
#endif
    :: d_step { MAY_PREPARE(me) -> prepare(me); stepped(me) }
    :: d_step { later(me) }
    :: d_step { crash(me) }
    od
}

init
{
    byte view;
    byte i;
    d_step {
        for (i : 0 .. MEMBERS - 1) {
            member_begins(disk[i])
        }
        i = 0
    }
    cluster_begins(i)
}
