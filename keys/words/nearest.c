#include "keys/words/nearest.h"

#include <string.h>

#define LETTERS_MAX 40

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Insertions, deletions, substitutions and swaps of neighbours between two words of at most
 * LETTERS_MAX letters: optimal string alignment, with the last three rows of its table. */
static size_t letters_apart(struct bytes a, struct bytes b)
{
    size_t rows[3][LETTERS_MAX + 1];

    for (size_t j = 0; j <= b.len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3];
        const size_t *up = rows[(i + 2) % 3];
        const size_t *up2 = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            const bool same = a.data[i - 1] == b.data[j - 1];

            row[j] = least(up[j - 1] + (same ? 0 : 1), least(up[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
                a.data[i - 2] == b.data[j - 1]) {
                row[j] = least(row[j], up2[j - 2] + 1);
            }
        }
    }
    return rows[a.len % 3][b.len];
}

struct nearest nearest_make(struct bytes word)
{
    return (struct nearest){word, NULL, least(word.len / 3, 3) + 1};
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    const struct bytes other = bytes_of_text(candidate);

    if (nearest->word.len > LETTERS_MAX || other.len > LETTERS_MAX) {
        return;
    }
    const size_t distance = letters_apart(nearest->word, other);
    if (distance < nearest->distance) {
        nearest->best = candidate;
        nearest->distance = distance;
    }
}
