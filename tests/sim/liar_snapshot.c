/* What a source can do to a snapshot and to the history below it: rows left out, changed, of
 * another state; leaves in other places, other results, another tree, another block. */
#include "crypto/hash.h"
#include "tests/sim/liar.h"

#include <string.h>

static void answer_send(const struct lie_to *out, struct bytes body, const struct buffer *forged)
{
    if (!forged->full) {
        lie_send(out->world, out->host, out->to,
                 lie_frame(MESSAGE_DATA, out->host->rid, body, NULL, buffer_bytes(forged)));
    }
}

/* Copy the rows with one of them left out or changed; none at all for `which` == count. */
static uint32_t rows_twist(const struct state_chunk *chunk, uint32_t which, bool leave_out,
                           struct buffer *rows)
{
    static uint8_t value_space[STATE_VALUE_BYTES_MAX];
    struct wire_iter iter = wire_iter_make(chunk->rows);
    struct state_row row;
    uint32_t kept = 0;
    for (uint32_t i = 0; state_row_next(&iter, &row) && which < chunk->rows.count; i++) {
        if (i == which && leave_out) {
            continue;
        }
        if (i == which) {
            memcpy(value_space, row.value.data, row.value.len);
            value_space[row.value.len - 1] ^= 1;
            row.value = bytes_make(value_space, row.value.len);
        }
        CHECK(state_row_encode(&row, rows));
        kept++;
    }
    return kept;
}

static void chunk_lie(const struct lie_to *out, struct bytes body, struct bytes attachment)
{
    static uint8_t row_space[FRAME_BYTES_MAX];
    static uint8_t chunk_space[FRAME_BYTES_MAX];
    struct prng *prng = &out->world->prng;
    struct buffer rows = buffer_make(row_space, sizeof(row_space));
    struct buffer forged = buffer_make(chunk_space, sizeof(chunk_space));
    struct state_chunk chunk;
    if (state_chunk_decode(attachment, &chunk) != WIRE_OK) {
        return;
    }
    uint32_t which = (uint32_t)prng_below(prng, chunk.rows.count + 1);
    uint32_t kept = rows_twist(&chunk, which, prng_chance(prng, 500), &rows);
    chunk.rows.raw = buffer_bytes(&rows);
    chunk.rows.count = kept;
    if (prng_chance(prng, 100)) {
        chunk.depth = 0; /* the whole tree */
        memset(chunk.prefix, 0, HASH_BYTES);
        chunk.path.count = 0;
        chunk.path.raw = BYTES_EMPTY;
    }
    CHECK(state_chunk_encode(&chunk, &forged));
    answer_send(out, body, &forged);
}

static void positions_lie(struct history_parcel *parcel, struct buffer *space)
{
    struct wire_iter iter = wire_iter_make(parcel->positions);
    struct item_u64 position;
    while (item_u64_next(&iter, &position)) {
        position.value++;
        CHECK(item_u64_encode(&position, space));
    }
    parcel->positions.raw = buffer_bytes(space);
}

static void results_lie(struct history_parcel *parcel, struct buffer *space)
{
    struct wire_iter iter = wire_iter_make(parcel->results);
    struct item_result element;
    while (item_result_next(&iter, &element)) {
        uint8_t encoded[RESULT_BYTES_MAX];
        struct buffer bytes = buffer_make(encoded, sizeof(encoded));
        struct result result;
        CHECK(result_decode(element.value, &result) == WIRE_OK);
        result.code = result.code == RESULT_OK ? E_QUOTA : RESULT_OK;
        CHECK(result_encode(&result, &bytes));
        struct item_result other = {buffer_bytes(&bytes)};
        CHECK(item_result_encode(&other, space));
    }
    parcel->results.raw = buffer_bytes(space);
}

static void history_lie(const struct lie_to *out, struct bytes body, struct bytes attachment)
{
    static uint8_t list_space[1u << 20];
    static uint8_t parcel_space[FRAME_BYTES_MAX];
    struct buffer list = buffer_make(list_space, sizeof(list_space));
    struct buffer forged = buffer_make(parcel_space, sizeof(parcel_space));
    struct history_parcel parcel;
    struct block_header header;
    uint8_t header_space[HEADER_BYTES_MAX];
    struct buffer header_bytes = buffer_make(header_space, sizeof(header_space));
    if (history_parcel_decode(attachment, &parcel) != WIRE_OK) {
        return;
    }
    switch (out->world->plan.seed / 2 % 4) {
    case 0:
        CHECK(block_header_decode(parcel.header, &header) == WIRE_OK);
        header.config_hash[0] ^= 1; /* what nothing else of the parcel depends on */
        CHECK(block_header_encode(&header, &header_bytes));
        parcel.header = buffer_bytes(&header_bytes);
        break;
    case 1:
        positions_lie(&parcel, &list);
        break;
    case 2:
        results_lie(&parcel, &list);
        break;
    default:
        parcel.frontier.count = 0;
        parcel.frontier.raw = BYTES_EMPTY;
        break;
    }
    CHECK(history_parcel_encode(&parcel, &forged));
    answer_send(out, body, &forged);
}

bool lie_snapshot(const struct lie_to *out, const struct data *data, struct bytes body,
                  struct bytes attachment)
{
    struct prng *prng = &out->world->prng;
    /* Who is found out about one is not asked for the other: so each seed lies about one of them.
     */
    bool of_rows = out->world->plan.seed % 2 == 0;
    if (of_rows != (data->kind == FETCH_SNAPSHOT)) {
        return true;
    }
    if (prng_chance(prng, 200)) {
        lie_send(out->world, out->host, out->to,
                 lie_frame(MESSAGE_DATA, out->host->rid, body, NULL, BYTES_EMPTY));
    } else if (of_rows) {
        chunk_lie(out, body, attachment);
    } else {
        history_lie(out, body, attachment);
    }
    return prng_chance(prng, 500);
}
