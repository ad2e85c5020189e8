/* The transcript of a ceremony: one line for each run of the tool, in DIR/transcript, each naming
 * the hash of the one before, so that a line left out, changed or put in later is noticed.
 *
 * A line is the base 64 of a transcript_step (FORMATS). What a run read and made is in it as hashes
 * of whole files; secret files are never among them. Witnesses sign the last line's hash. */
#ifndef VESTRY_KEYS_TRANSCRIPT_H
#define VESTRY_KEYS_TRANSCRIPT_H

#include "crypto/limits.h"
#include "keys/words/problem.h"

#include "crypto/bytes.h"

#define TRANSCRIPT_NAME "transcript"
#define TRANSCRIPT_FILES_MAX 64
#define TRANSCRIPT_CONFIRMATIONS_MAX 8
#define TRANSCRIPT_TEXT_MAX 256

struct transcript_run {
    char command[4096]; /* the arguments; no secret is ever one */
    uint8_t inputs[TRANSCRIPT_FILES_MAX][HASH_BYTES];
    size_t input_count;
    uint8_t output[HASH_BYTES]; /* zero: made none */
    char confirmations[TRANSCRIPT_CONFIRMATIONS_MAX][TRANSCRIPT_TEXT_MAX];
    size_t confirmation_count;
    const char *exception; /* NULL: none */
};

/* Start with the words of the command line; characters that are not printable become '?'. */
void transcript_begin(struct transcript_run *run, int argc, char *const *argv);

/* Note a file that was read, or typed words. More than fit are dropped. */
void transcript_input(struct transcript_run *run, struct bytes content);
void transcript_confirmed(struct transcript_run *run, const char *words);

/* Append the run to the transcript in `folder`, after checking the chain of what is there. Waits
 * for another run to finish its line. `step` gets the number of the line, from 1. */
MUST_USE enum status transcript_append(const char *folder, const struct transcript_run *run,
                                       uint64_t *step, struct problem *problem);

#endif
