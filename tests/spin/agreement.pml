/* Agreement across three views: no two commit certificates for different values, whoever lies and
 * whatever is lost. Every step of a correct replica is durable and sent as it is taken; crash.pml
 * takes these apart. README.md says which rule each part stands for. */

#include "facts.pml"
#include "replica.pml"

#define ACCEPTS(v, d) :: d_step { MAY_ACCEPT(me, v, d) -> accept(me, v, d); say(me) }
#define LEAVES(v) :: d_step { MAY_LEAVE(me, v) -> leave(me, v); say(me) }

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
    :: d_step { MAY_PREPARE(me) -> prepare(me); say(me) }
    od
}

init
{
    byte view;
    byte i;
    cluster_begins(i)
}
