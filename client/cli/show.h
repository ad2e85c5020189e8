/* Entries for people and for programs: what read and tail print alike. */
#ifndef VESTRY_CLIENT_CLI_SHOW_H
#define VESTRY_CLIENT_CLI_SHOW_H

#include "client/cli/connect.h"

/* Print one entry: JSON, or its payload and a newline where `newline` says so. EXIT_OK, or
 * EXIT_ERROR when nobody reads any more. */
MUST_USE int show_entry(const struct call *call, const struct vestry_read_entry *entry,
                        bool newline);

/* On stderr: "verified, checkpoint 0.6 s old, 4 signatures". */
void show_basis(const struct call *call, const struct vestry_read_look *look);

/* The query that the options --consistency and --max-age ask for; false when they are not known. */
MUST_USE bool show_query(const struct call *call, struct vestry_query *query);

#endif
