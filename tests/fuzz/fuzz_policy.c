/* Any bytes as a policy file: what is read can be written, and reads the same again. */
#include "crypto/policy.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t memory[POLICY_BYTES_MAX];
    struct buffer file = buffer_make(memory, sizeof(memory));
    struct policy policy = {0};
    struct policy again = {0};
    uint32_t line = 0;

    if (policy_parse(bytes_make(data, len), &policy, &line) != POLICY_OK) {
        return 0;
    }
    CHECK(policy.quorum >= 1);
    CHECK(policy.quorum <= policy.count);
    policy_put(&file, origin_bytes(&policy.origin), policy_keyring(&policy), policy.quorum);
    CHECK(!file.full);
    CHECK(policy_parse(buffer_bytes(&file), &again, &line) == POLICY_OK);
    CHECK(again.count == policy.count);
    CHECK(again.quorum == policy.quorum);
    CHECK(memcmp(again.keys, policy.keys, sizeof(policy.keys)) == 0);
    return 0;
}
