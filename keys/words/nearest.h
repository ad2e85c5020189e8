/* "Did you mean": the candidate that is a slip of the hand away from a word. Pure; for messages
 * only. */
#ifndef VESTRY_KEYS_WORDS_NEAREST_H
#define VESTRY_KEYS_WORDS_NEAREST_H

#include "crypto/bytes.h"

struct nearest {
    struct bytes word;
    const char *best; /* NULL while nothing is near enough */
    size_t distance;
};

MUST_USE struct nearest nearest_make(struct bytes word);

/* Consider a candidate: it becomes the best when fewer letters differ than for the best so far,
 * at most a third of the word's and never more than three. */
void nearest_offer(struct nearest *nearest, const char *candidate);

#endif
