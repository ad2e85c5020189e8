#include "crypto/policy.h"

#include "crypto/base64.h"
#include "crypto/words.h"

#include <string.h>

#define GROUP_NAME "replicas"
#define TOKENS_MAX (REPLICAS_MAX + 3) /* group, its name, the quorum, members */

struct note_keyring policy_keyring(const struct policy *policy)
{
    return (struct note_keyring){policy->keys, policy->count};
}

const char *policy_result_text(enum policy_result result)
{
    switch (result) {
    case POLICY_OK:
        return "a policy";
    case POLICY_TOO_LONG:
        return "too long for a policy";
    case POLICY_BAD_CHARACTER:
        return "a character that a policy may not have";
    case POLICY_BAD_LINE:
        return "not a line of a policy of this kind, or not in its place";
    case POLICY_BAD_KEY:
        return "not a key of this log";
    case POLICY_DUPLICATE:
        return "a replica or a key stands here twice";
    case POLICY_INCOMPLETE:
        return "log and witness lines do not pair up, or the group or the quorum is missing";
    case POLICY_BAD_QUORUM:
        return "the group must name every witness once, and a number of them";
    }
    return "unknown";
}

/* --- Writing ---------------------------------------------------------------------------------- */

static void put_text(struct buffer *out, const char *text)
{
    buffer_put(out, bytes_of_text(text));
}

static void put_small_number(struct buffer *out, uint32_t number)
{
    CHECK(number < 100);
    if (number >= 10) {
        buffer_put_u8(out, (uint8_t)('0' + number / 10));
    }
    buffer_put_u8(out, (uint8_t)('0' + number % 10));
}

void policy_put(struct buffer *out, struct bytes origin, struct note_keyring keyring,
                uint32_t quorum)
{
    CHECK(note_keyring_is_valid(keyring, origin));
    CHECK(quorum >= 1);
    CHECK(quorum <= keyring.count);
    for (size_t i = 0; i < keyring.count; i++) {
        put_text(out, "log ");
        note_vkey_put(out, origin, NOTE_SIGN, keyring.keys[i].rid, keyring.keys[i].sign_key);
        put_text(out, "\n");
    }
    for (size_t i = 0; i < keyring.count; i++) {
        put_text(out, "witness ");
        replica_name_put(out, keyring.keys[i].rid);
        put_text(out, " ");
        note_vkey_put(out, origin, NOTE_COSIGN, keyring.keys[i].rid, keyring.keys[i].cosign_key);
        put_text(out, "\n");
    }
    put_text(out, "group " GROUP_NAME " ");
    put_small_number(out, quorum);
    for (size_t i = 0; i < keyring.count; i++) {
        put_text(out, " ");
        replica_name_put(out, keyring.keys[i].rid);
    }
    put_text(out, "\nquorum " GROUP_NAME "\n");
}

/* --- Reading ---------------------------------------------------------------------------------- */

struct reading {
    struct policy policy;
    size_t logs;
    size_t witnesses;
    struct bytes group; /* its name; empty before its line */
    bool complete;      /* the quorum line was read */
};

struct tokens {
    size_t count;
    struct bytes token[TOKENS_MAX];
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool token_is(struct bytes token, const char *text)
{
    return bytes_equal(token, bytes_of_text(text));
}

/* Split a line at spaces and tabs. False when there are more tokens than any line has. */
static bool split_tokens(struct bytes line, struct tokens *out)
{
    size_t at = 0;

    out->count = 0;
    for (;;) {
        while (at < line.len && is_space(line.data[at])) {
            at++;
        }
        if (at == line.len) {
            return true;
        }
        if (out->count == TOKENS_MAX) {
            return false;
        }
        const size_t begin = at;

        while (at < line.len && !is_space(line.data[at])) {
            at++;
        }
        out->token[out->count++] = bytes_slice(line, begin, at - begin);
    }
}

/* One or two digits without a leading zero. */
static bool parse_small_number(struct bytes text, uint32_t *out)
{
    uint32_t number = 0;

    if (text.len == 0 || text.len > 2 || (text.len == 2 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        number = 10 * number + (uint32_t)(text.data[i] - '0');
    }
    *out = number;
    return true;
}

/* Divide from the end: the lengths of id and key are known, and base64 may hold a + of its own. */
static bool parse_vkey(struct bytes vkey, enum note_key_type type, struct bytes *name,
                       uint8_t key[PUBLIC_KEY_BYTES])
{
    enum {
        TYPED = 1 + PUBLIC_KEY_BYTES,
        ID_CHARS = 2 * NOTE_KEY_ID_BYTES
    };
    const size_t tail = 1 + ID_CHARS + 1 + BASE64_CHARS(TYPED);
    uint8_t id[NOTE_KEY_ID_BYTES];
    uint8_t expected[NOTE_KEY_ID_BYTES];
    uint8_t typed[TYPED];

    if (vkey.len <= tail) {
        return false;
    }
    const struct bytes head = bytes_slice(vkey, 0, vkey.len - tail);
    const struct bytes rest = bytes_slice(vkey, head.len, tail);

    if (rest.data[0] != '+' || rest.data[1 + ID_CHARS] != '+' ||
        !hex_parse(bytes_slice(rest, 1, ID_CHARS), id, sizeof(id)) ||
        !base64_decode_exact(bytes_slice(rest, 2 + ID_CHARS, BASE64_CHARS(TYPED)), typed, TYPED)) {
        return false;
    }
    note_key_id(head, type, typed + 1, expected);
    if (typed[0] != (uint8_t)type || memcmp(id, expected, sizeof(id)) != 0) {
        return false;
    }
    *name = head;
    memcpy(key, typed + 1, PUBLIC_KEY_BYTES);
    return true;
}

/* An origin, exactly as origin_make writes it. */
static bool parse_origin(struct bytes text, struct origin *out)
{
    uint8_t id[HASH_BYTES] = {0};

    if (text.len <= ORIGIN_HEX_CHARS + 1) {
        return false;
    }
    const size_t name_len = text.len - ORIGIN_HEX_CHARS - 1;

    return hex_parse(bytes_slice(text, name_len + 1, ORIGIN_HEX_CHARS), id, ORIGIN_HEX_CHARS / 2) &&
           origin_make(bytes_slice(text, 0, name_len), id, out) &&
           bytes_equal(origin_bytes(out), text);
}

static enum policy_result read_log(struct reading *reading, const struct tokens *line)
{
    struct policy *policy = &reading->policy;
    struct bytes name;

    if (line->count != 2 || reading->logs == REPLICAS_MAX) {
        return POLICY_BAD_LINE;
    }
    if (!parse_vkey(line->token[1], NOTE_SIGN, &name, policy->keys[reading->logs].sign_key)) {
        return POLICY_BAD_KEY;
    }
    if (reading->logs == 0 && !parse_origin(name, &policy->origin)) {
        return POLICY_BAD_KEY;
    }
    if (!bytes_equal(name, origin_bytes(&policy->origin))) {
        return POLICY_BAD_KEY;
    }
    reading->logs++;
    return POLICY_OK;
}

static enum policy_result read_witness(struct reading *reading, const struct tokens *line)
{
    struct policy *policy = &reading->policy;
    struct note_key *key = &policy->keys[reading->witnesses];
    uint8_t memory[NOTE_KEY_NAME_MAX];
    struct buffer expected = buffer_make(memory, sizeof(memory));
    struct bytes name;

    if (line->count != 3 || reading->logs == 0 || reading->witnesses == REPLICAS_MAX ||
        reading->group.len != 0 || !replica_name_parse(line->token[1], &key->rid)) {
        return POLICY_BAD_LINE;
    }
    note_key_name_put(&expected, origin_bytes(&policy->origin), NOTE_COSIGN, key->rid);
    CHECK(!expected.full);
    if (!parse_vkey(line->token[2], NOTE_COSIGN, &name, key->cosign_key) ||
        !bytes_equal(name, buffer_bytes(&expected))) {
        return POLICY_BAD_KEY;
    }
    reading->witnesses++;
    return POLICY_OK;
}

/* The place of the first witness line of that replica, or REPLICAS_MAX. */
static size_t witness_find(const struct reading *reading, uint32_t rid)
{
    for (size_t i = 0; i < reading->witnesses; i++) {
        if (reading->policy.keys[i].rid == rid) {
            return i;
        }
    }
    return REPLICAS_MAX;
}

static enum policy_result read_group(struct reading *reading, const struct tokens *line)
{
    struct policy *policy = &reading->policy;
    uint64_t named = 0;
    uint64_t known = 0;
    uint32_t rid = 0;

    if (line->count < 4 || reading->group.len != 0 || replica_name_parse(line->token[1], &rid) ||
        token_is(line->token[1], "none")) {
        return POLICY_BAD_LINE;
    }
    for (size_t i = 0; i < reading->witnesses; i++) {
        known |= UINT64_C(1) << witness_find(reading, policy->keys[i].rid);
    }
    for (size_t i = 3; i < line->count; i++) {
        const bool is_name = replica_name_parse(line->token[i], &rid);
        const size_t place = is_name ? witness_find(reading, rid) : REPLICAS_MAX;

        if (place == REPLICAS_MAX || (named >> place & 1) != 0) {
            return POLICY_BAD_QUORUM;
        }
        named |= UINT64_C(1) << place;
    }
    if (named != known || !parse_small_number(line->token[2], &policy->quorum) ||
        policy->quorum < 1 || policy->quorum > line->count - 3) {
        return POLICY_BAD_QUORUM;
    }
    reading->group = line->token[1];
    return POLICY_OK;
}

static enum policy_result read_quorum(struct reading *reading, const struct tokens *line)
{
    if (line->count != 2 || reading->complete || reading->group.len == 0 ||
        !bytes_equal(line->token[1], reading->group)) {
        return POLICY_BAD_LINE;
    }
    reading->complete = true;
    return POLICY_OK;
}

static enum policy_result read_line(struct reading *reading, struct bytes line)
{
    struct tokens tokens;

    for (size_t i = 0; i < line.len; i++) {
        if ((line.data[i] < 0x20 && line.data[i] != '\t') || line.data[i] == 0x7F) {
            return POLICY_BAD_CHARACTER;
        }
    }
    const bool few = split_tokens(line, &tokens);

    if (tokens.count == 0 || tokens.token[0].data[0] == '#') {
        return POLICY_OK;
    }
    if (!few) {
        return POLICY_BAD_LINE;
    }
    if (token_is(tokens.token[0], "log")) {
        return read_log(reading, &tokens);
    }
    if (token_is(tokens.token[0], "witness")) {
        return read_witness(reading, &tokens);
    }
    if (token_is(tokens.token[0], "group")) {
        return read_group(reading, &tokens);
    }
    if (token_is(tokens.token[0], "quorum")) {
        return read_quorum(reading, &tokens);
    }
    return POLICY_BAD_LINE;
}

enum policy_result policy_parse(struct bytes text, struct policy *out, uint32_t *line)
{
    struct reading reading = {0};

    *line = 0;
    if (text.len > POLICY_BYTES_MAX) {
        return POLICY_TOO_LONG;
    }
    while (text.len != 0) {
        const uint8_t *end = memchr(text.data, '\n', text.len);

        (*line)++;
        if (end == NULL) {
            return POLICY_BAD_LINE;
        }
        const size_t len = (size_t)(end - text.data);
        const enum policy_result result = read_line(&reading, bytes_slice(text, 0, len));

        if (result != POLICY_OK) {
            return result;
        }
        text = bytes_slice(text, len + 1, text.len - len - 1);
    }
    *line = 0;
    if (!reading.complete || reading.logs != reading.witnesses) {
        return POLICY_INCOMPLETE;
    }
    reading.policy.count = reading.logs;
    if (!note_keyring_is_valid(policy_keyring(&reading.policy),
                               origin_bytes(&reading.policy.origin))) {
        return POLICY_DUPLICATE;
    }
    *out = reading.policy;
    return POLICY_OK;
}
