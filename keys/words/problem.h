/* What went wrong, in words for people: one line that says what is wrong and one that says what to
 * do about it.
 *
 * Functions of keys/ that can fail for a reason someone at a keyboard can mend fill one of these
 * beside their status. Programs print it; nothing decides by its text. Any program may use it. */
#ifndef VESTRY_KEYS_WORDS_PROBLEM_H
#define VESTRY_KEYS_WORDS_PROBLEM_H

#include "crypto/status.h"

#define PROBLEM_CHARS 1024

struct problem {
    enum status status;
    char what[PROBLEM_CHARS]; /* "m1.key: readable by group or others" */
    char todo[PROBLEM_CHARS]; /* "chmod 600 m1.key"; empty when there is nothing to suggest */
};

/* Record what is wrong, without advice yet, and return `status`, so that a caller can return it. A
 * text that is too long is cut. */
enum status problem_say(struct problem *problem, enum status status, const char *what, ...)
    PRINTF_LIKE(3, 4);

/* Add what to do about it. Returns the status recorded before. */
enum status problem_advise(struct problem *problem, const char *todo, ...) PRINTF_LIKE(2, 3);

#endif
