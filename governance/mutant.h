/* Mistakes that can be compiled into the core and its rules on purpose, to show that the simulator
 * finds them.
 *
 * MUTANT(n) is 0 in every normal build. tests/sim/mutants builds what a mistake is in with
 * -DVESTRY_MUTANT=n and expects the simulator to fail; tests/sim/README.md lists the mistakes. For
 * replica/core, and for what of governance only replicas decide by. */
#ifndef VESTRY_GOVERNANCE_MUTANT_H
#define VESTRY_GOVERNANCE_MUTANT_H

#ifdef VESTRY_MUTANT
#define MUTANT(number) ((number) == VESTRY_MUTANT)
#else
#define MUTANT(number) 0
#endif

#endif
