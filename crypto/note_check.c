/* Reading signed notes: splitting, matching lines with keys, and counting who signed. */
#include "crypto/base64.h"
#include "crypto/hash.h"
#include "crypto/name.h"
#include "crypto/note.h"

#include <string.h>

const char *note_result_text(enum note_result result)
{
    switch (result) {
    case NOTE_OK:
        return "a note of this log";
    case NOTE_TOO_LONG:
        return "too long for a note";
    case NOTE_NOT_A_NOTE:
        return "not a signed note";
    case NOTE_BAD_TEXT:
        return "a note, but its text is not a checkpoint of a vestry log";
    case NOTE_BAD_LINE:
        return "a signature line is malformed";
    case NOTE_OTHER_ORIGIN:
        return "a checkpoint of another log";
    case NOTE_BAD_KEYS:
        return "the list of keys names a replica or a key twice";
    }
    return "unknown";
}

uint32_t note_count(uint32_t set)
{
    return (uint32_t)__builtin_popcount(set);
}

/* --- Keys ------------------------------------------------------------------------------------- */

struct key_ids {
    uint8_t sign[NOTE_KEY_ID_BYTES];
    uint8_t cosign[NOTE_KEY_ID_BYTES];
};

static void key_ids_make(const struct note_key *key, struct bytes origin, struct key_ids *out)
{
    uint8_t memory[NOTE_KEY_NAME_MAX];
    struct buffer name = buffer_make(memory, sizeof(memory));

    note_key_id(origin, NOTE_SIGN, key->sign_key, out->sign);
    note_key_name_put(&name, origin, NOTE_COSIGN, key->rid);
    CHECK(!name.full);
    note_key_id(buffer_bytes(&name), NOTE_COSIGN, key->cosign_key, out->cosign);
}

/* Two equal sign keys are not looked for: they have one key id. */
static bool keys_clash(const struct note_key *a, const struct note_key *b)
{
    return a->rid == b->rid || hash_equal(a->cosign_key, b->cosign_key) ||
           hash_equal(a->sign_key, b->cosign_key) || hash_equal(a->cosign_key, b->sign_key);
}

/* The ids of all keys, if nothing in the keyring can be counted twice. The names of cosign keys
 * differ by their rids; all sign keys have one name, so that their ids must differ. */
static bool keyring_ids(struct note_keyring keyring, struct bytes origin,
                        struct key_ids ids[REPLICAS_MAX])
{
    if (keyring.count > REPLICAS_MAX || origin.len > ORIGIN_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < keyring.count; i++) {
        const struct note_key *key = &keyring.keys[i];

        if (key->rid > REPLICA_ID_MAX || hash_equal(key->sign_key, key->cosign_key)) {
            return false;
        }
        key_ids_make(key, origin, &ids[i]);
        for (size_t j = 0; j < i; j++) {
            if (keys_clash(key, &keyring.keys[j]) ||
                memcmp(ids[i].sign, ids[j].sign, NOTE_KEY_ID_BYTES) == 0) {
                return false;
            }
        }
    }
    return true;
}

bool note_keyring_is_valid(struct note_keyring keyring, struct bytes origin)
{
    struct key_ids ids[REPLICAS_MAX];

    return keyring_ids(keyring, origin, ids);
}

/* --- Splitting -------------------------------------------------------------------------------- */

enum note_result note_split(struct bytes note, struct bytes *text, struct bytes *lines)
{
    if (note.len > NOTE_BYTES_MAX) {
        return NOTE_TOO_LONG;
    }
    /* The last empty line divides: texts may have empty lines, signatures have none. */
    for (size_t end = note.len; end >= 2; end--) {
        if (note.data[end - 1] != '\n' || note.data[end - 2] != '\n') {
            continue;
        }
        if (end == note.len || end == 2 || note.data[note.len - 1] != '\n') {
            return NOTE_NOT_A_NOTE;
        }
        *text = bytes_slice(note, 0, end - 1);
        *lines = bytes_slice(note, end, note.len - end);
        return NOTE_OK;
    }
    return NOTE_NOT_A_NOTE;
}

/* The part of `bytes` after its first `len`. */
static struct bytes after(struct bytes bytes, size_t len)
{
    return bytes_slice(bytes, len, bytes.len - len);
}

/* Whether `text` holds `c`, and where first. */
static bool find(struct bytes text, uint8_t c, size_t *at)
{
    const uint8_t *found = text.len == 0 ? NULL : memchr(text.data, c, text.len);

    if (found == NULL) {
        return false;
    }
    *at = (size_t)(found - text.data);
    return true;
}

enum note_result note_line_next(struct bytes *lines, struct note_line *out)
{
    static const uint8_t dash[] = {0xE2, 0x80, 0x94, ' '};
    uint8_t decoded[NOTE_BYTES_MAX / 4 * 3];
    size_t decoded_len = 0;
    size_t line_len = 0;
    size_t name_len = 0;
    struct note_line line = {0};

    if (!find(*lines, '\n', &line_len)) {
        return NOTE_BAD_LINE;
    }
    struct bytes rest = bytes_slice(*lines, 0, line_len);

    if (rest.len < sizeof(dash) || memcmp(rest.data, dash, sizeof(dash)) != 0) {
        return NOTE_BAD_LINE;
    }
    rest = after(rest, sizeof(dash));
    if (!find(rest, ' ', &name_len)) {
        return NOTE_BAD_LINE;
    }
    line.whole = bytes_slice(*lines, 0, line_len + 1);
    line.name = bytes_slice(rest, 0, name_len);
    if (!name_is_key_name(line.name, NOTE_BYTES_MAX) ||
        !base64_decode(after(rest, name_len + 1), decoded, sizeof(decoded), &decoded_len) ||
        decoded_len <= NOTE_KEY_ID_BYTES) {
        return NOTE_BAD_LINE;
    }
    memcpy(line.key_id, decoded, NOTE_KEY_ID_BYTES);
    line.sig_len = decoded_len - NOTE_KEY_ID_BYTES;
    if (line.sig_len <= sizeof(line.sig)) {
        memcpy(line.sig, decoded + NOTE_KEY_ID_BYTES, line.sig_len);
    }
    *lines = after(*lines, line_len + 1);
    *out = line;
    return NOTE_OK;
}

/* --- Checking --------------------------------------------------------------------------------- */

struct check {
    const struct sig_scheme *scheme;
    struct bytes text;
    struct note_keyring keyring;
    struct key_ids ids[REPLICAS_MAX];
    struct note_verdict verdict;
};

static bool name_is_of(const struct check *check, const struct note_key *key,
                       enum note_key_type type, struct bytes name)
{
    uint8_t memory[NOTE_KEY_NAME_MAX];
    struct buffer expected = buffer_make(memory, sizeof(memory));

    note_key_name_put(&expected, origin_bytes(&check->verdict.checkpoint.origin), type, key->rid);
    return bytes_equal(buffer_bytes(&expected), name);
}

/* Which key of the ring the line claims to be by, if any. */
static bool key_of_line(const struct check *check, const struct note_line *line, size_t *index,
                        enum note_key_type *type)
{
    for (size_t i = 0; i < check->keyring.count; i++) {
        const struct note_key *key = &check->keyring.keys[i];

        if (memcmp(line->key_id, check->ids[i].sign, NOTE_KEY_ID_BYTES) == 0 &&
            name_is_of(check, key, NOTE_SIGN, line->name)) {
            *index = i;
            *type = NOTE_SIGN;
            return true;
        }
        if (memcmp(line->key_id, check->ids[i].cosign, NOTE_KEY_ID_BYTES) == 0 &&
            name_is_of(check, key, NOTE_COSIGN, line->name)) {
            *index = i;
            *type = NOTE_COSIGN;
            return true;
        }
    }
    return false;
}

static bool sign_line_is_good(const struct check *check, const struct note_key *key,
                              const struct note_line *line)
{
    return line->sig_len == SIG_BYTES &&
           check->scheme->verify(key->sign_key, check->text, line->sig);
}

/* A cosignature with another time than the checkpoint's is valid elsewhere, but no replica that
 * follows the protocol makes one. */
static bool cosign_line_is_good(const struct check *check, const struct note_key *key,
                                const struct note_line *line)
{
    const uint64_t time_ms = check->verdict.checkpoint.time_ms;
    uint8_t memory[COSIGNED_TEXT_MAX];
    struct buffer message = buffer_make(memory, sizeof(memory));

    if (line->sig_len != NOTE_TIME_BYTES + SIG_BYTES ||
        bytes_get_u64be(line->sig) != time_ms / 1000) {
        return false;
    }
    checkpoint_cosigned_text(check->text, time_ms, &message);
    CHECK(!message.full);
    return check->scheme->verify(key->cosign_key, buffer_bytes(&message),
                                 line->sig + NOTE_TIME_BYTES);
}

/* Enter one line into the verdict. Whether it is the first good one of its key. */
static bool judge_line(struct check *check, const struct note_line *line)
{
    struct note_verdict *verdict = &check->verdict;
    enum note_key_type type = NOTE_SIGN;
    size_t index = 0;

    verdict->lines++;
    if (!key_of_line(check, line, &index, &type)) {
        verdict->unknown++;
        return false;
    }
    const struct note_key *key = &check->keyring.keys[index];
    const uint32_t bit = UINT32_C(1) << index;
    uint32_t *good = type == NOTE_SIGN ? &verdict->signed_by : &verdict->cosigned_by;
    uint32_t *bad = type == NOTE_SIGN ? &verdict->bad_sign : &verdict->bad_cosign;
    const bool is_good = type == NOTE_SIGN ? sign_line_is_good(check, key, line)
                                           : cosign_line_is_good(check, key, line);

    if (!is_good) {
        *bad |= bit;
        return false;
    }
    const bool first = (*good & bit) == 0;

    *good |= bit;
    return first;
}

static enum note_result judge_lines(struct check *check, struct bytes lines, struct buffer *out)
{
    struct note_line line;
    bool begun = false;

    while (lines.len != 0) {
        const enum note_result result = note_line_next(&lines, &line);

        if (result != NOTE_OK) {
            return result;
        }
        if (check->verdict.lines == NOTE_LINES_MAX) {
            return NOTE_TOO_LONG;
        }
        if (!judge_line(check, &line) || out == NULL) {
            continue;
        }
        if (!begun) {
            buffer_put(out, check->text);
            buffer_put_u8(out, '\n');
            begun = true;
        }
        buffer_put(out, line.whole);
    }
    return NOTE_OK;
}

static enum note_result check_note(struct check *check, struct bytes note,
                                   const struct origin *origin, struct buffer *out)
{
    const struct bytes expected = origin_bytes(origin);
    const size_t before = out == NULL ? 0 : out->len;
    struct bytes lines = BYTES_EMPTY;

    if (!keyring_ids(check->keyring, expected, check->ids)) {
        return NOTE_BAD_KEYS;
    }
    enum note_result result = note_split(note, &check->text, &lines);

    if (result == NOTE_OK) {
        result = checkpoint_parse(check->text, &check->verdict.checkpoint);
    }
    if (result != NOTE_OK) {
        return result;
    }
    if (!bytes_equal(origin_bytes(&check->verdict.checkpoint.origin), expected)) {
        return NOTE_OTHER_ORIGIN;
    }
    result = judge_lines(check, lines, out);
    if (result != NOTE_OK && out != NULL) {
        out->len = before;
    }
    return result;
}

enum note_result note_check(const struct sig_scheme *scheme, struct bytes note,
                            const struct origin *origin, struct note_keyring keyring,
                            struct note_verdict *out)
{
    struct check check = {.scheme = scheme, .keyring = keyring};
    const enum note_result result = check_note(&check, note, origin, NULL);

    if (result == NOTE_OK) {
        *out = check.verdict;
    }
    return result;
}

enum note_result note_filter(const struct sig_scheme *scheme, struct bytes note,
                             const struct origin *origin, struct note_keyring keyring,
                             struct note_verdict *verdict, struct buffer *out)
{
    struct check check = {.scheme = scheme, .keyring = keyring};
    const enum note_result result = check_note(&check, note, origin, out);

    if (result == NOTE_OK) {
        *verdict = check.verdict;
    }
    return result;
}
