#include "tests/sim/sign_memo.h"

#include "tests/support/sign_fast.h"

#include <string.h>

#define PLACES 2048u
#define MESSAGE_BYTES_MAX 384 /* statements, and the texts of checkpoints */

static struct place {
    size_t len; /* of the message; 0: nothing is here */
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint8_t sig[SIG_BYTES];
    uint8_t message[MESSAGE_BYTES_MAX];
} places[PLACES];

static const struct sig_scheme *behind;

static struct place *place_of(const uint8_t sig[SIG_BYTES])
{
    return &places[bytes_get_u32be(sig) % PLACES];
}

static bool verify(const uint8_t public_key[PUBLIC_KEY_BYTES], struct bytes message,
                   const uint8_t sig[SIG_BYTES])
{
    struct place *place = place_of(sig);
    if (message.len == 0 || message.len > MESSAGE_BYTES_MAX) {
        return behind->verify(public_key, message, sig);
    }
    if (place->len == message.len && memcmp(place->sig, sig, SIG_BYTES) == 0 &&
        memcmp(place->public_key, public_key, PUBLIC_KEY_BYTES) == 0 &&
        memcmp(place->message, message.data, message.len) == 0) {
        return true;
    }
    if (!behind->verify(public_key, message, sig)) {
        return false;
    }
    place->len = message.len;
    memcpy(place->sig, sig, SIG_BYTES);
    memcpy(place->public_key, public_key, PUBLIC_KEY_BYTES);
    memcpy(place->message, message.data, message.len);
    return true;
}

/* The stand-in goes by the public key alone; who signs with another key's seed has signed as that.
 */
static void sign(const uint8_t seed[SEED_BYTES], const uint8_t public_key[PUBLIC_KEY_BYTES],
                 struct bytes message, uint8_t out[SIG_BYTES])
{
    uint8_t own[PUBLIC_KEY_BYTES];
    (void)public_key;
    behind->public_key(seed, own);
    behind->sign(seed, own, message, out);
}

const struct sig_scheme *sign_memo(const struct sig_scheme *scheme)
{
    static struct sig_scheme remembering;
    if (behind != scheme) {
        memset(places, 0, sizeof(places));
    }
    behind = scheme;
    remembering = *scheme;
    remembering.verify = verify;
    remembering.sign = scheme == &sig_fast ? sign : scheme->sign;
    return &remembering;
}
