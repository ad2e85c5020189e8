/* What tests/vectors/formats.kat holds: one instance of every object, and the hashes and ids of one
 * small story, each with the values it was made from.
 *
 *     cluster HEX                     under which ids are made
 *     object NAME                     then, for this object:
 *     value VALUE                     [1, h'beef', "an/id"]
 *     hex HEX                         its encoding
 *     sha256 HEX
 *     id TAG HEX                      for each tag that it is signed under
 *     set NAME VALUE                  what the story starts from
 *     get NAME HEX                    what comes out of it
 *
 * The file was made once and is frozen. The story is told again by the test, and by a program that
 * shares nothing with this one (tests/vectors/test_formats_kat.py). */
#ifndef VESTRY_TESTS_SUPPORT_FORMATS_VECTORS_H
#define VESTRY_TESTS_SUPPORT_FORMATS_VECTORS_H

#include "crypto/schema.h"
#include "crypto/sign.h"

/* The cluster id of the file. */
extern const uint8_t formats_cluster_id[HASH_BYTES];

/* Append the lines of every object, newly made. */
void formats_vectors_objects(struct buffer *out);

/* Append the lines of one object that is encoded already. */
void formats_vectors_object(const struct schema *schema, struct bytes encoded, struct buffer *out);

/* Append the story. */
void formats_vectors_story(struct buffer *out);

#endif
