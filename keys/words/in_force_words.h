/* The configuration in force for people: who the officers are and how many are needed, the replicas
 * with their standing, parameters and versions; and the same as JSON. Everything was proven
 * (governance/in_force.h); nothing is judged here. Pure. */
#ifndef VESTRY_KEYS_WORDS_IN_FORCE_WORDS_H
#define VESTRY_KEYS_WORDS_IN_FORCE_WORDS_H

#include "governance/in_force.h"
#include "keys/words/json_line.h"
#include "keys/words/problem.h"

/* Room for the largest configuration as text or as JSON. */
#define IN_FORCE_WORDS_MAX (64u << 10)

/* Append everything. */
void in_force_words(const struct in_force *in_force, struct buffer *out);

/* Append the fields of a JSON object that was begun. */
void in_force_json(const struct in_force *in_force, struct json_line *json);

/* Append what is left when replicas are suspended: "r3 suspended (1 of 1 allowed); quorum still 3
 * of 4; you have no fault budget left: replace r3", or that none is. */
void in_force_budget_words(const struct in_force *in_force, struct buffer *out);

/* Say why the bundle from `path` was refused. */
enum status in_force_refuse(const char *path, enum in_force_error error, struct problem *problem);

/* "active", "suspended", "retired". Never NULL. */
MUST_USE const char *standing_text(uint64_t standing);

#endif
