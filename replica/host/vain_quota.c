#include "replica/host/vain_quota.h"

#include "crypto/numbers.h"

bool vain_quota_counts(uint64_t type)
{
    return type != MESSAGE_DATA;
}

bool vain_quota_is_vain(uint64_t type, enum drop drop)
{
    switch (type) {
    case MESSAGE_STATUS:
    case MESSAGE_CHALLENGE:
    case MESSAGE_COMPLAIN:
    case MESSAGE_VIEW_CHANGE:
        return true; /* each may say more than the one before, without end */
    case MESSAGE_REQUEST:
        return drop == DROP_KNOWN_REQUEST || drop == DROP_REFUSED_EARLY;
    default:
        return drop != DROP_NONE;
    }
}

static void fill(struct vain_quota *quota, uint64_t now_ms)
{
    uint64_t passed_ms = now_ms - quota->filled_ms;
    uint32_t room = VAIN_FRAMES_MAX - quota->left;
    bool full = !quota->used || passed_ms >= 1000 * (VAIN_FRAMES_MAX / VAIN_FRAMES_PER_S);
    uint64_t more = full ? room : passed_ms * VAIN_FRAMES_PER_S / 1000;
    if (more == 0 && room > 0) {
        return; /* or parts of one would be lost */
    }
    quota->left += more < room ? (uint32_t)more : room;
    quota->filled_ms = now_ms;
    quota->used = true;
}

bool vain_quota_take(struct vain_quota *quota, uint64_t now_ms)
{
    fill(quota, now_ms);
    if (quota->left == 0) {
        return false;
    }
    quota->left--;
    return true;
}

void vain_quota_give_back(struct vain_quota *quota)
{
    if (quota->used && quota->left < VAIN_FRAMES_MAX) {
        quota->left++;
    }
}
