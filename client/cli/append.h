/* What the two ways of appending share: one entry (cmd_append.c), and every line of a stream
 * (append_lines.c). */
#ifndef VESTRY_CLIENT_CLI_APPEND_H
#define VESTRY_CLIENT_CLI_APPEND_H

#include "client/cli/connect.h"

/* Append every line of `file` to `stream`, in order, and say how many. The result is the exit code.
 */
MUST_USE int append_lines(struct connection *connection, const char *stream, const char *path);

/* Write the receipts where the options want them: --receipt FILE for the first, --receipts DIR for
 * each. EXIT_OK or the code of the error that was said. */
MUST_USE int append_write_receipts(const struct call *call, const struct vestry_receipts *receipts);

/* The receipt of entry `i` to a file. */
MUST_USE int append_write_receipt(const struct call *call, const struct vestry_receipts *receipts,
                                  size_t i, const char *path);

/* Write a text to a file that must not be there yet, or to stdout for "-". */
MUST_USE int write_text_file(const struct call *call, const char *path, const char *text,
                             size_t len);

#endif
