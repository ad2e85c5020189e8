/* What text may be: identifiers, stream prefixes, and free text.
 *
 *   identifier  segments [a-z0-9][a-z0-9._-]* joined by '/', 1..ID_BYTES_MAX bytes
 *   prefix      an identifier, or empty; it covers whole segments: `pay` covers `pay/eu`,
 *               not `payroll`
 *   free text   well-formed UTF-8 (RFC 3629) without control characters
 *
 * Everything that reads names from outside asks here. Pure; any module may use it. */
#ifndef VESTRY_CRYPTO_NAME_H
#define VESTRY_CRYPTO_NAME_H

#include "crypto/bytes.h"
#include "crypto/limits.h"

/* The first segment that no prefix covers: the log's own streams. */
#define NAME_RESERVED_SEGMENT "vestry"

MUST_USE bool name_is_id(struct bytes text);

/* An identifier whose first segment is not reserved, or the empty prefix. */
MUST_USE bool name_is_prefix(struct bytes text);

/* Whether the identifier lies in the reserved part: `vestry` or `vestry/...`. */
MUST_USE bool name_is_reserved(struct bytes id);

/* Whether `prefix` covers the identifier or prefix `id`. Nothing covers a reserved one. The empty
 * prefix covers all others, and only the empty prefix covers the empty prefix. Both must have
 * passed the checks above. */
MUST_USE bool name_covers(struct bytes prefix, struct bytes id);

/* Printable UTF-8 of at most `bytes_max` bytes, maybe empty: no surrogates, no overlong forms, no
 * C0 or C1 control, DEL, line or paragraph separator, and none of the marks that reorder text
 * (U+061C, U+200E, U+200F, U+202A..U+202E, U+2066..U+2069) or hide in it (U+FEFF). */
MUST_USE bool name_is_text(struct bytes text, size_t bytes_max);

/* A key name of a signed note: free text, not empty, without Unicode spaces and '+'. */
MUST_USE bool name_is_key_name(struct bytes text, size_t bytes_max);

#endif
