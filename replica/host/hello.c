#include "replica/host/hello.h"

#include "crypto/frame.h"

#include <string.h>

#define SOFTWARE "vestryd " VESTRY_VERSION

#ifndef VESTRY_VERSION
#define VESTRY_VERSION "0"
#endif

#define HELLO_TEXT(name, text) text,
const char *hello_verdict_text(enum hello_verdict verdict)
{
    static const char *const texts[] = {HELLO_VERDICTS(HELLO_TEXT)};
    return verdict < HELLO_VERDICT_COUNT ? texts[verdict] : "unknown";
}
#undef HELLO_TEXT

void hello_put(struct buffer *out, const struct speaker *speaker, uint64_t epoch,
               const uint8_t exporter[HASH_BYTES])
{
    uint8_t memory[HELLO_FRAME_BYTES_MAX];
    struct buffer body = buffer_make(memory, sizeof memory);
    struct hello hello = {.epoch = epoch,
                          .role = ROLE_REPLICA,
                          .rid = speaker->rid,
                          .software = bytes_of_text(SOFTWARE)};
    memcpy(hello.public_key, speaker->public_key, sizeof hello.public_key);
    memcpy(hello.channel, exporter, sizeof hello.channel);
    CHECK(hello_encode(&hello, &body));
    uint8_t sig[SIG_BYTES];
    sign_body(speaker->scheme, speaker->seed, speaker->public_key, TAG_HELLO, speaker->cluster_id,
              buffer_bytes(&body), sig);
    const struct envelope envelope = {.type = MESSAGE_HELLO,
                                      .rid = speaker->rid,
                                      .body = buffer_bytes(&body),
                                      .sig = BYTES_OF_ARRAY(sig)};
    uint8_t whole[HELLO_FRAME_BYTES_MAX];
    struct buffer encoded = buffer_make(whole, sizeof whole);
    CHECK(envelope_encode(&envelope, &encoded));
    const struct bytes part = buffer_bytes(&encoded);
    frame_put(out, &part, 1);
}

/* Whether it speaks and connects by the keys that the roster has for it. */
static bool is_member(const struct hello_scene *scene, const struct roster *roster,
                      const struct hello *hello)
{
    const struct roster_member *member =
        roster == NULL ? NULL : roster_find(roster, (uint32_t)hello->rid);
    return member != NULL &&
           memcmp(scene->facts->key, member->transport_pk, PUBLIC_KEY_BYTES) == 0 &&
           memcmp(hello->public_key, member->sign_pk, PUBLIC_KEY_BYTES) == 0;
}

static enum hello_verdict judge_replica(const struct hello_scene *scene,
                                        const struct envelope *envelope, const struct hello *hello)
{
    bool fits = hello->rid == envelope->rid && hello->rid != scene->self && scene->facts->has_key &&
                (is_member(scene, scene->roster, hello) || is_member(scene, scene->ended, hello)) &&
                (scene->expected == ROSTER_NOBODY || scene->expected == hello->rid);
    return fits ? HELLO_OK : HELLO_SENDER;
}

static enum hello_verdict judge_client(const struct hello_scene *scene,
                                       const struct envelope *envelope, const struct hello *hello)
{
    /* A certificate means a replica, and the one that was dialled is one. */
    if (scene->facts->has_key || scene->expected != ROSTER_NOBODY || envelope->rid != 0 ||
        roster_by_sign(scene->roster, hello->public_key) != NULL) {
        return HELLO_SENDER;
    }
    return scene->scheme->key_valid(hello->public_key) ? HELLO_OK : HELLO_SENDER;
}

enum hello_verdict hello_judge(const struct hello_scene *scene, struct bytes frame,
                               struct hello_guest *out)
{
    struct envelope envelope;
    struct hello hello;
    if (envelope_decode(frame, &envelope) != WIRE_OK || envelope.type != MESSAGE_HELLO ||
        envelope.sig.len != SIG_BYTES || hello_decode(envelope.body, &hello) != WIRE_OK) {
        return HELLO_MALFORMED;
    }
    if (memcmp(hello.channel, scene->facts->exporter, HASH_BYTES) != 0) {
        return HELLO_CHANNEL;
    }
    bool is_replica = hello.role == ROLE_REPLICA;
    if (!is_replica && hello.role != ROLE_HOLDER) {
        return HELLO_ROLE;
    }
    enum hello_verdict verdict = is_replica ? judge_replica(scene, &envelope, &hello)
                                            : judge_client(scene, &envelope, &hello);
    if (verdict != HELLO_OK) {
        return verdict;
    }
    if (!verify_body(scene->scheme, hello.public_key, TAG_HELLO, scene->cluster_id, envelope.body,
                     envelope.sig.data)) {
        return HELLO_SIGNATURE;
    }
    *out = (struct hello_guest){.is_replica = is_replica,
                                .rid = is_replica ? (uint32_t)hello.rid : ROSTER_NOBODY,
                                .flags = (uint32_t)hello.flags};
    memcpy(out->key, hello.public_key, sizeof out->key);
    return HELLO_OK;
}
