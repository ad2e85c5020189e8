/* Armour: small binary objects as text files, so that they survive mail, copy and print.
 *
 *     vestry-card-1
 *     <base64, lines of 64 characters>
 *
 * The first line names what it is. Reading is strict: exactly what armour_put makes, and nothing
 * behind it. Pure; any program may use it. */
#ifndef VESTRY_KEYS_WORDS_ARMOUR_H
#define VESTRY_KEYS_WORDS_ARMOUR_H

#include "crypto/bytes.h"

#define ARMOUR_SECRET "vestry-secret-1"
#define ARMOUR_CARD "vestry-card-1"
#define ARMOUR_TOKEN "vestry-token-1"
#define ARMOUR_SALT "vestry-salt-1"
#define ARMOUR_CHARTER_SIG "vestry-charter-signature-1"
#define ARMOUR_REHEARSAL "vestry-rehearsal-1"
#define ARMOUR_AGREEMENT "vestry-agreement-1"
#define ARMOUR_PROPOSAL "vestry-proposal-1"
#define ARMOUR_BALLOT "vestry-ballot-1"

#define ARMOUR_LABEL_MAX 32
#define ARMOUR_LINE_CHARS 64
#define ARMOUR_OBJECT_MAX 8192
/* The text of an object of `len` bytes is at most this long. */
#define ARMOUR_CHARS(len) (ARMOUR_LABEL_MAX + ((len) + 2) / 3 * 4 * 65 / 64 + 2)
#define ARMOUR_TEXT_MAX ARMOUR_CHARS(ARMOUR_OBJECT_MAX)

/* Append the text of `object` (1..ARMOUR_OBJECT_MAX bytes); marks `out` full when it does not fit.
 */
void armour_put(struct buffer *out, const char *label, struct bytes object);

/* Whether `text` is armour with that label; appends the object to `out`. */
MUST_USE bool armour_read(struct bytes text, const char *label, struct buffer *out);

#endif
