/* The text of a checkpoint, names and ids of keys, and signature lines. */
#include "crypto/base64.h"
#include "crypto/hash.h"
#include "crypto/name.h"
#include "crypto/note.h"
#include "crypto/words.h"

#include <string.h>

static const char extension[] = "vestry/1 ";
static const char dash[] = "\xE2\x80\x94 "; /* U+2014, which begins a signature line */

static void put_text(struct buffer *out, const char *text)
{
    buffer_put(out, bytes_of_text(text));
}

static void put_number(struct buffer *out, uint64_t number)
{
    uint8_t digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    buffer_put(out, bytes_make(digits + at, sizeof(digits) - at));
}

/* --- The text --------------------------------------------------------------------------------- */

bool origin_make(struct bytes charter_name, const uint8_t cluster_id[HASH_BYTES],
                 struct origin *out)
{
    if (!name_is_id(charter_name)) {
        return false;
    }
    struct buffer text = buffer_make(out->text, sizeof(out->text));

    buffer_put(&text, charter_name);
    buffer_put_u8(&text, '/');
    hex_put(&text, bytes_make(cluster_id, ORIGIN_HEX_CHARS / 2));
    CHECK(!text.full);
    out->len = text.len;
    return true;
}

struct bytes origin_bytes(const struct origin *origin)
{
    return bytes_make(origin->text, origin->len);
}

void checkpoint_text(const struct checkpoint *checkpoint, struct buffer *out)
{
    buffer_put(out, origin_bytes(&checkpoint->origin));
    put_text(out, "\n");
    put_number(out, checkpoint->tree_size);
    put_text(out, "\n");
    base64_put(out, BYTES_OF_ARRAY(checkpoint->tree_root));
    put_text(out, "\n");
    put_text(out, extension);
    put_number(out, checkpoint->height);
    put_text(out, " ");
    put_number(out, checkpoint->epoch);
    put_text(out, " ");
    put_number(out, checkpoint->time_ms);
    put_text(out, " ");
    base64_put(out, BYTES_OF_ARRAY(checkpoint->header_hash));
    put_text(out, "\n");
}

/* Take what lies before `end` off the text, and the end with it. */
static bool take_until(struct bytes *text, uint8_t end, struct bytes *out)
{
    const uint8_t *found = text->len == 0 ? NULL : memchr(text->data, end, text->len);

    if (found == NULL) {
        return false;
    }
    const size_t len = (size_t)(found - text->data);

    *out = bytes_slice(*text, 0, len);
    *text = bytes_slice(*text, len + 1, text->len - len - 1);
    return true;
}

static bool take_number(struct bytes *text, uint8_t end, uint64_t *out)
{
    struct bytes digits;
    uint64_t number = 0;

    if (!take_until(text, end, &digits) || digits.len == 0 || digits.len > 20) {
        return false;
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return false;
        }
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(digits.data[i] - '0'), &number)) {
            return false;
        }
    }
    *out = number;
    return true;
}

static bool take_hash(struct bytes *text, uint8_t out[HASH_BYTES])
{
    struct bytes base64;

    return take_until(text, '\n', &base64) && base64_decode_exact(base64, out, HASH_BYTES);
}

static bool take_origin(struct bytes *text, struct origin *out)
{
    uint8_t id[HASH_BYTES] = {0};
    struct bytes line;

    if (!take_until(text, '\n', &line) || line.len <= ORIGIN_HEX_CHARS + 1) {
        return false;
    }
    const size_t name_len = line.len - ORIGIN_HEX_CHARS - 1;
    const struct bytes hex = bytes_slice(line, name_len + 1, ORIGIN_HEX_CHARS);

    return hex_parse(hex, id, ORIGIN_HEX_CHARS / 2) &&
           origin_make(bytes_slice(line, 0, name_len), id, out);
}

static bool take_prefix(struct bytes *text, struct bytes prefix)
{
    if (text->len < prefix.len || memcmp(text->data, prefix.data, prefix.len) != 0) {
        return false;
    }
    *text = bytes_slice(*text, prefix.len, text->len - prefix.len);
    return true;
}

static bool take_checkpoint(struct bytes text, struct checkpoint *out)
{
    return take_origin(&text, &out->origin) && take_number(&text, '\n', &out->tree_size) &&
           take_hash(&text, out->tree_root) && take_prefix(&text, bytes_of_text(extension)) &&
           take_number(&text, ' ', &out->height) && take_number(&text, ' ', &out->epoch) &&
           take_number(&text, ' ', &out->time_ms) && take_hash(&text, out->header_hash);
}

enum note_result checkpoint_parse(struct bytes text, struct checkpoint *out)
{
    uint8_t memory[CHECKPOINT_TEXT_MAX];
    struct buffer again = buffer_make(memory, sizeof(memory));
    struct checkpoint found = {0};

    if (!take_checkpoint(text, &found) || found.tree_size > LOG_ENTRIES_MAX) {
        return NOTE_BAD_TEXT;
    }
    /* One text for each checkpoint: no leading zeroes, no capitals in the origin, nothing after the
     * end, and whatever else reading might have let pass. */
    checkpoint_text(&found, &again);
    CHECK(!again.full);
    if (!bytes_equal(buffer_bytes(&again), text)) {
        return NOTE_BAD_TEXT;
    }
    *out = found;
    return NOTE_OK;
}

void checkpoint_cosigned_text(struct bytes text, uint64_t time_ms, struct buffer *out)
{
    put_text(out, "cosignature/v1\ntime ");
    put_number(out, time_ms / 1000);
    put_text(out, "\n");
    buffer_put(out, text);
}

/* --- Keys ------------------------------------------------------------------------------------- */

void replica_name_put(struct buffer *out, uint32_t rid)
{
    CHECK(rid <= REPLICA_ID_MAX);
    put_text(out, "r");
    put_number(out, rid);
}

bool replica_name_parse(struct bytes name, uint32_t *rid)
{
    uint64_t number = 0;

    if (name.len < 2 || name.len > REPLICA_NAME_MAX || name.data[0] != 'r' ||
        (name.data[1] == '0' && name.len > 2)) {
        return false;
    }
    for (size_t i = 1; i < name.len; i++) {
        if (name.data[i] < '0' || name.data[i] > '9') {
            return false;
        }
        number = 10 * number + (uint64_t)(name.data[i] - '0');
    }
    if (number > REPLICA_ID_MAX) {
        return false;
    }
    *rid = (uint32_t)number;
    return true;
}

void note_key_name_put(struct buffer *out, struct bytes origin, enum note_key_type type,
                       uint32_t rid)
{
    buffer_put(out, origin);
    if (type == NOTE_COSIGN) {
        put_text(out, "/");
        replica_name_put(out, rid);
    }
}

void note_key_id(struct bytes name, enum note_key_type type, const uint8_t key[PUBLIC_KEY_BYTES],
                 uint8_t out[NOTE_KEY_ID_BYTES])
{
    const uint8_t middle[2] = {'\n', (uint8_t)type};
    const struct bytes parts[] = {name, BYTES_OF_ARRAY(middle), bytes_make(key, PUBLIC_KEY_BYTES)};
    uint8_t hash[HASH_BYTES];

    hash_parts(parts, 3, hash);
    memcpy(out, hash, NOTE_KEY_ID_BYTES);
}

void note_vkey_put(struct buffer *out, struct bytes origin, enum note_key_type type, uint32_t rid,
                   const uint8_t key[PUBLIC_KEY_BYTES])
{
    uint8_t memory[NOTE_KEY_NAME_MAX];
    struct buffer name = buffer_make(memory, sizeof(memory));
    uint8_t id[NOTE_KEY_ID_BYTES];
    uint8_t typed[1 + PUBLIC_KEY_BYTES];

    note_key_name_put(&name, origin, type, rid);
    CHECK(!name.full);
    note_key_id(buffer_bytes(&name), type, key, id);
    typed[0] = (uint8_t)type;
    memcpy(typed + 1, key, PUBLIC_KEY_BYTES);
    buffer_put(out, buffer_bytes(&name));
    put_text(out, "+");
    hex_put(out, BYTES_OF_ARRAY(id));
    put_text(out, "+");
    base64_put(out, BYTES_OF_ARRAY(typed));
}

/* --- Signatures ------------------------------------------------------------------------------- */

void note_line_put(struct buffer *out, const struct checkpoint *checkpoint, enum note_key_type type,
                   uint32_t rid, const uint8_t key[PUBLIC_KEY_BYTES], const uint8_t sig[SIG_BYTES])
{
    uint8_t name_memory[NOTE_KEY_NAME_MAX];
    uint8_t sig_memory[NOTE_KEY_ID_BYTES + NOTE_LINE_SIG_MAX];
    struct buffer name = buffer_make(name_memory, sizeof(name_memory));
    struct buffer signature = buffer_make(sig_memory, sizeof(sig_memory));
    uint8_t id[NOTE_KEY_ID_BYTES];

    note_key_name_put(&name, origin_bytes(&checkpoint->origin), type, rid);
    CHECK(!name.full);
    note_key_id(buffer_bytes(&name), type, key, id);
    buffer_put(&signature, BYTES_OF_ARRAY(id));
    if (type == NOTE_COSIGN) {
        buffer_put_u64be(&signature, checkpoint->time_ms / 1000);
    }
    buffer_put(&signature, bytes_make(sig, SIG_BYTES));
    CHECK(!signature.full);
    put_text(out, dash);
    buffer_put(out, buffer_bytes(&name));
    put_text(out, " ");
    base64_put(out, buffer_bytes(&signature));
    put_text(out, "\n");
}

/* What a key of that type signs for the checkpoint. */
static void put_signed(struct buffer *out, const struct checkpoint *checkpoint,
                       enum note_key_type type)
{
    uint8_t memory[CHECKPOINT_TEXT_MAX];
    struct buffer text = buffer_make(memory, sizeof(memory));

    checkpoint_text(checkpoint, &text);
    CHECK(!text.full);
    if (type == NOTE_COSIGN) {
        checkpoint_cosigned_text(buffer_bytes(&text), checkpoint->time_ms, out);
    } else {
        buffer_put(out, buffer_bytes(&text));
    }
    CHECK(!out->full);
}

void checkpoint_sign(const struct sig_scheme *scheme, const struct checkpoint *checkpoint,
                     enum note_key_type type, const uint8_t seed[SEED_BYTES],
                     const uint8_t key[PUBLIC_KEY_BYTES], uint8_t out[SIG_BYTES])
{
    uint8_t memory[COSIGNED_TEXT_MAX];
    struct buffer message = buffer_make(memory, sizeof(memory));

    put_signed(&message, checkpoint, type);
    scheme->sign(seed, key, buffer_bytes(&message), out);
}

bool checkpoint_verify(const struct sig_scheme *scheme, const struct checkpoint *checkpoint,
                       enum note_key_type type, const uint8_t key[PUBLIC_KEY_BYTES],
                       const uint8_t sig[SIG_BYTES])
{
    uint8_t memory[COSIGNED_TEXT_MAX];
    struct buffer message = buffer_make(memory, sizeof(memory));

    put_signed(&message, checkpoint, type);
    return scheme->verify(key, buffer_bytes(&message), sig);
}
