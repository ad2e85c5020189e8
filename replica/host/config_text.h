/* The text of a configuration file before it is parsed: comments taken out, ${NAME} replaced from
 * the environment, line numbers kept.
 *
 * libconfuse would do both itself, but it counts the lines of comments twice, and puts nothing in
 * the place of a variable that is not set. For config.c and its test. */
#ifndef VESTRY_REPLICA_HOST_CONFIG_TEXT_H
#define VESTRY_REPLICA_HOST_CONFIG_TEXT_H

#include "crypto/bytes.h"
#include "storage/report.h"

#define CONFIG_BYTES_MAX (64u << 10)
#define CONFIG_EXPANDED_BYTES_MAX (2 * CONFIG_BYTES_MAX)

/* Append the expanded text and a NUL. False, with a report that names `path` and the line, for a
 * variable that is not set or whose value would change the syntax, a quote that does not end on its
 * line, a section that does not end, and bytes that are not text. */
MUST_USE bool config_expand(const char *path, struct bytes text, struct buffer *out,
                            struct report *report);

#endif
