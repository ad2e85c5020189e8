#include "tests/sim/shrink.h"

#include "crypto/contract.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LUCK_MAX 6 /* other draws of one plan that are tried before it counts as good */
#define ROUNDS_MAX 8
#define TEXT_MAX 512
#define TRIES_MAX 300 /* runs in all: what is small by then is small enough */

static uint32_t tries;

/* --- Fields ------------------------------------------------------------------------------------
 */

/* What a field of the plan may shrink to: nothing at all, or about half each time. */
struct field {
    const char *name;
    size_t offset;
    size_t size;
    uint64_t least;
    bool set; /* of bits: one after the other goes */
};

#define FIELD(member, smallest, bits)                                                              \
    {                                                                                              \
        .name = #member, .offset = offsetof(struct plan, member),                                  \
        .size = sizeof(((struct plan *)NULL)->member), .least = smallest, .set = bits              \
    }

/* What takes most out of a trace comes first. */
static const struct field fields[] = {
    FIELD(steps, 20, false),
    FIELD(power_cuts, 0, false),
    FIELD(forgets, 0, false),
    FIELD(crash_every_us, 0, false),
    FIELD(cut_off_every_us, 0, false),
    FIELD(cut_every_us, 0, false),
    FIELD(liars, 0, true),
    FIELD(lies, 0, true),
    FIELD(copy_permille, 0, false),
    FIELD(slow_permille, 0, false),
    FIELD(loss_permille, 0, false),
    FIELD(clock_steps, 0, false),
    FIELD(skew_ms, 0, false),
    FIELD(big_permille, 0, false),
    FIELD(same_number_permille, 0, false),
    FIELD(expect_permille, 0, false),
    FIELD(refused_permille, 0, false),
    FIELD(govern_every_us, 0, false),
    FIELD(epochs_permille, 0, false),
    FIELD(govern_outstanding, 1, false),
    FIELD(clients, 1, false),
    FIELD(outstanding, 1, false),
    FIELD(snapshot_span, 1, false),
    FIELD(in_flight, 1, false),
    FIELD(jitter_us, 1, false),
    FIELD(sync_us, 0, false),
    FIELD(real_signatures, 0, false),
    FIELD(liars_stay, 0, false),
    FIELD(forgets_all, 0, false),
    FIELD(tell_all, 0, false),
    FIELD(lie_permille, 1, false),
    /* Never shrunk, but set. */
    FIELD(luck, UINT64_MAX, false),
    FIELD(n, UINT64_MAX, false),
    FIELD(f, UINT64_MAX, false),
    FIELD(interval, UINT64_MAX, false),
    FIELD(window, UINT64_MAX, false),
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static uint64_t field_get(const struct plan *plan, const struct field *field)
{
    uint64_t value = 0;
    memcpy(&value, (const uint8_t *)plan + field->offset, field->size);
    return value;
}

static void field_set(struct plan *plan, const struct field *field, uint64_t value)
{
    memcpy((uint8_t *)plan + field->offset, &value, field->size);
}

bool plan_set(struct plan *plan, const char *text)
{
    const char *sign = strchr(text, '=');
    for (size_t i = 0; sign != NULL && i < FIELDS; i++) {
        char *end = NULL;
        unsigned long long value = strtoull(sign + 1, &end, 10);
        bool number = sign[1] >= '0' && sign[1] <= '9' && *end == '\0';
        if (strlen(fields[i].name) == (size_t)(sign - text) &&
            strncmp(fields[i].name, text, (size_t)(sign - text)) == 0) {
            field_set(plan, &fields[i], value);
            return number;
        }
    }
    return false;
}

/* --- Trying ------------------------------------------------------------------------------------
 */

/* The failure without its time and place: the invariant, and the words up to the first number. */
static size_t kind_len(const char *failure)
{
    return strcspn(failure, " ");
}

static bool same_kind(const char *one, const char *other)
{
    return one[0] != '\0' && other[0] != '\0' && kind_len(one) == kind_len(other) &&
           strncmp(one, other, kind_len(one)) == 0;
}

/* Whether the plan fails in the same way with one of a few draws; it keeps the one that does. */
static bool fails_too(struct plan *plan, const char *failure)
{
    uint64_t first = plan->luck;
    for (uint64_t i = 0; i < LUCK_MAX && tries < TRIES_MAX; i++, tries++) {
        char other[TEXT_MAX];
        plan->luck = first + i;
        shrink_try(plan, false, other, sizeof(other));
        if (same_kind(failure, other)) {
            return true;
        }
    }
    return false;
}

static bool attempt(struct plan *plan, const struct field *field, uint64_t value,
                    const char *failure)
{
    struct plan smaller = *plan;
    field_set(&smaller, field, value);
    if (!fails_too(&smaller, failure)) {
        return false;
    }
    *plan = smaller;
    return true;
}

static bool bits_shrink(struct plan *plan, const struct field *field, const char *failure)
{
    bool changed = false;
    for (uint32_t i = 0; i < 32; i++) {
        uint64_t value = field_get(plan, field);
        uint64_t bit = UINT64_C(1) << i;
        changed = ((value & bit) != 0 && attempt(plan, field, value & ~bit, failure)) || changed;
    }
    return changed;
}

static bool field_shrink(struct plan *plan, const struct field *field, const char *failure)
{
    uint64_t value = field_get(plan, field);
    if (field->least == UINT64_MAX || value <= field->least) {
        return false;
    }
    if (attempt(plan, field, field->least, failure)) {
        return true;
    }
    if (field->set) {
        return bits_shrink(plan, field, failure);
    }
    /* For what happens every so often, rarer is smaller. */
    if (strstr(field->name, "_every_") != NULL) {
        return value < 8000000 && attempt(plan, field, 2 * value, failure);
    }
    uint64_t half = field->least + (value - field->least) / 2;
    return half < value && attempt(plan, field, half, failure);
}

void shrink(struct plan *plan)
{
    char failure[TEXT_MAX];
    struct plan first = *plan;
    shrink_try(plan, false, failure, sizeof(failure));
    if (failure[0] == '\0') {
        printf("seed %" PRIu64 ": nothing fails, so there is nothing to shrink\n", plan->seed);
        return;
    }
    bool changed = true;
    for (uint32_t round = 0; changed && round < ROUNDS_MAX; round++) {
        changed = false;
        for (size_t i = 0; i < FIELDS; i++) {
            changed = field_shrink(plan, &fields[i], failure) || changed;
        }
    }
    shrink_try(plan, false, failure, sizeof(failure));
    printf("seed %" PRIu64 " n=%" PRIu32 ", shrunk: %s\n  replay: vestry-sim --seed %" PRIu64
           " --n %" PRIu32,
           plan->seed, plan->n, failure, plan->seed, plan->n);
    for (size_t i = 0; i < FIELDS; i++) {
        uint64_t value = field_get(plan, &fields[i]);
        if (value != field_get(&first, &fields[i])) {
            printf(" --set %s=%" PRIu64, fields[i].name, value);
        }
    }
    printf(" --story\n");
    (void)fflush(stdout);
    shrink_try(plan, true, failure, sizeof(failure));
}
