#include "storage/disk_gate.h"

#include <sys/statvfs.h>

#define MIB (UINT64_C(1) << 20)

/* A flush of all families at once makes two files for each, a merge some more. */
#define FILES_MIN 256

struct disk_gate disk_gate_make(const char *path, uint64_t memory_bytes)
{
    return (struct disk_gate){
        .path = path,
        .append_bytes_min = 2 * memory_bytes + 256 * MIB,
        .vote_bytes_min = memory_bytes + 64 * MIB,
    };
}

enum status disk_gate_judge(const struct disk_gate *gate, enum disk_use use, uint64_t free_bytes)
{
    switch (use) {
    case DISK_APPEND:
        return free_bytes < gate->append_bytes_min ? STATUS_NO_SPACE : STATUS_OK;
    case DISK_VOTE:
        return free_bytes < gate->vote_bytes_min ? STATUS_NO_SPACE : STATUS_OK;
    }
    return STATUS_NO_SPACE;
}

enum status disk_gate_check(const struct disk_gate *gate, enum disk_use use, uint64_t *free_bytes)
{
    struct statvfs info;
    if (statvfs(gate->path, &info) != 0) {
        return STATUS_IO;
    }
    uint64_t blocks = info.f_bavail;
    uint64_t block_bytes = info.f_frsize;
    *free_bytes =
        block_bytes != 0 && blocks > UINT64_MAX / block_bytes ? UINT64_MAX : blocks * block_bytes;
    /* Some file systems count no files: then both numbers are 0. */
    if (info.f_files != 0 && info.f_favail < FILES_MIN) {
        return STATUS_NO_SPACE;
    }
    return disk_gate_judge(gate, use, *free_bytes);
}
