/* Mistakes that can be compiled into the core on purpose, to show that the simulator finds them.
 *
 * MUTANT(n) is 0 in every normal build. tests/sim/mutants builds the core with -DVESTRY_MUTANT=n
 * and expects the simulator to fail; tests/sim/README.md lists the mistakes. */
#ifndef VESTRY_REPLICA_CORE_MUTANT_H
#define VESTRY_REPLICA_CORE_MUTANT_H

#ifdef VESTRY_MUTANT
#define MUTANT(number) ((number) == VESTRY_MUTANT)
#else
#define MUTANT(number) 0
#endif

#endif
