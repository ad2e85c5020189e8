#include "storage/store_rocks_options.h"

#include <string.h>

#if defined(__x86_64__) && defined(__ELF__)
#include <dlfcn.h>
#include <nmmintrin.h>
#include <stdatomic.h>
#define CHECKSUM_BY_INSTRUCTION 1
#endif

#define MIB (UINT64_C(1) << 20)
#define KIB (UINT64_C(1) << 10)

/* Numbers of RocksDB's enums, which its C header leaves out or names in C++ only. */
#define WAL_TOLERATE_CORRUPTED_TAIL 0
#define INFO_LOG_WARN 2

#define FILTER_BITS_PER_KEY 10
#define OPEN_FILES_MAX 256
#define BACKGROUND_JOBS 2

const char *const rocks_family_names[FAMILY_COUNT] = {
    [FAMILY_META] = "default",      [FAMILY_BLOCKS] = "blocks",   [FAMILY_LEAVES] = "leaves",
    [FAMILY_PAYLOADS] = "payloads", [FAMILY_TREE] = "tree",       [FAMILY_STREAMS] = "streams",
    [FAMILY_STATE] = "state",       [FAMILY_JOURNAL] = "journal",
};

/* Values that are written once and seldom read: they are kept in files of their own, so that
 * merging the small keys never copies them. */
static bool holds_large_values(enum family family)
{
    switch (family) {
    case FAMILY_BLOCKS:
    case FAMILY_LEAVES:
    case FAMILY_PAYLOADS:
        return true;
    case FAMILY_META:
    case FAMILY_TREE:
    case FAMILY_STREAMS:
    case FAMILY_STATE:
    case FAMILY_JOURNAL:
    case FAMILY_COUNT:
        return false;
    }
    return false;
}

static void set_durability(rocksdb_options_t *options)
{
    /* A torn last record was never acknowledged and is cut off; damage before it is an error. */
    rocksdb_options_set_wal_recovery_mode(options, WAL_TOLERATE_CORRUPTED_TAIL);
    rocksdb_options_set_paranoid_checks(options, 1);
    /* One commit spans families; flushing them together keeps them of one age on disk. */
    rocksdb_options_set_atomic_flush(options, 1);
    rocksdb_options_set_recycle_log_file_num(options, 0);
}

static void set_memory(rocksdb_options_t *options, uint64_t memory_bytes)
{
    /* Half for unflushed records over all families. A family is flushed, and all with it, when it
     * alone fills half of that; three waiting flushes are let through before writers wait. */
    rocksdb_options_set_db_write_buffer_size(options, (size_t)(memory_bytes / 2));
    rocksdb_options_set_write_buffer_size(options, (size_t)(memory_bytes / 4));
    rocksdb_options_set_max_write_buffer_number(options, 4);
    rocksdb_options_set_max_total_wal_size(options, memory_bytes);
    rocksdb_options_set_max_open_files(options, OPEN_FILES_MAX);
}

static void set_background(rocksdb_options_t *options)
{
    rocksdb_options_set_max_background_jobs(options, BACKGROUND_JOBS);
    /* Written back in small steps, or one large flush delays the log's own syncs. */
    rocksdb_options_set_bytes_per_sync(options, MIB);
    /* The log grows at one end: few files overlap, so many may wait before writers are slowed. */
    rocksdb_options_set_level0_file_num_compaction_trigger(options, 8);
    rocksdb_options_set_level0_slowdown_writes_trigger(options, 40);
    rocksdb_options_set_level0_stop_writes_trigger(options, 60);
    rocksdb_options_set_target_file_size_base(options, 64 * MIB);
    rocksdb_options_set_max_bytes_for_level_base(options, 512 * MIB);
    /* Keys are hashes or short, values are signatures and salted payloads: nothing to gain. */
    rocksdb_options_set_compression(options, rocksdb_no_compression);
    rocksdb_options_set_info_log_level(options, INFO_LOG_WARN);
    rocksdb_options_set_max_log_file_size(options, MIB);
    rocksdb_options_set_keep_log_file_num(options, 4);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
}

static void set_table(rocksdb_options_t *options, rocksdb_cache_t *cache)
{
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, cache);
    /* Indexes and filters grow with the log; inside the cache they are within its bound. */
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_filter_policy(
        table, rocksdb_filterpolicy_create_bloom_full(FILTER_BITS_PER_KEY));
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
}

static void set_blobs(rocksdb_options_t *options)
{
    rocksdb_options_set_enable_blob_files(options, 1);
    rocksdb_options_set_min_blob_size(options, KIB);
    rocksdb_options_set_blob_file_size(options, 128 * MIB);
    rocksdb_options_set_enable_blob_gc(options, 1);
}

/* Options that the C header has no function for. */
static rocksdb_options_t *with_text_options(rocksdb_options_t *base)
{
    /* The manifest knows which closed logs there must be and how long they are; nothing is resumed
     * after a background error, because nobody knows what is on disk then. */
    static const char text[] = "track_and_verify_wals_in_manifest=true;max_bgerror_resume_count=0";
    rocksdb_options_t *options = rocksdb_options_create();
    char *error = NULL;
    rocksdb_get_options_from_string(base, text, options, &error);
    rocksdb_options_destroy(base);
    if (error != NULL) {
        rocksdb_free(error);
        rocksdb_options_destroy(options);
        return NULL;
    }
    return options;
}

enum status rocks_options_make(uint64_t memory_bytes, bool create, struct rocks_options *out)
{
    struct rocks_options made = {.cache = rocksdb_cache_create_lru((size_t)(memory_bytes / 4))};
    for (int family = 0; family < FAMILY_COUNT; family++) {
        rocksdb_options_t *options = rocksdb_options_create();
        rocksdb_options_set_create_if_missing(options, create);
        rocksdb_options_set_create_missing_column_families(options, create);
        rocksdb_options_set_error_if_exists(options, create);
        set_durability(options);
        set_memory(options, memory_bytes);
        set_background(options);
        set_table(options, made.cache);
        if (holds_large_values((enum family)family)) {
            set_blobs(options);
        }
        made.families[family] = with_text_options(options);
        if (made.families[family] == NULL) {
            rocks_options_free(&made);
            return STATUS_INVALID;
        }
    }
    *out = made;
    return STATUS_OK;
}

void rocks_options_free(struct rocks_options *options)
{
    for (int family = 0; family < FAMILY_COUNT; family++) {
        if (options->families[family] != NULL) {
            rocksdb_options_destroy(options->families[family]);
        }
    }
    if (options->cache != NULL) {
        rocksdb_cache_destroy(options->cache);
    }
    memset(options, 0, sizeof *options);
}

#ifdef CHECKSUM_BY_INSTRUCTION

/* RocksDB's CRC-32C (RFC 3720), in front of the one in the shared library. Debian builds that one
 * for processors without the instruction, and its table costs more than half of the processor time
 * of a large flight (measured: 12.4 ms for 4,000 entries, 6.1 ms with this). Same bytes either way.
 * Where the library is built otherwise, nobody calls this. */
uint32_t rocks_checksum(uint32_t crc, const char *data,
                        size_t len) __asm__("_ZN7rocksdb6crc32c6ExtendEjPKcm");

__attribute__((target("sse4.2"))) static uint32_t
checksum_by_instruction(uint32_t state, const char *data, size_t len)
{
    uint64_t wide = state;
    while (len >= sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, data, sizeof word);
        wide = _mm_crc32_u64(wide, word);
        data += sizeof word;
        len -= sizeof word;
    }
    state = (uint32_t)wide;
    for (size_t i = 0; i < len; i++) {
        state = _mm_crc32_u8(state, (uint8_t)data[i]);
    }
    return state;
}

typedef uint32_t checksum_function(uint32_t crc, const char *data, size_t len);

/* The library's own, for processors from before 2009. */
static checksum_function *checksum_of_library(void)
{
    static _Atomic(checksum_function *) found;
    union {
        void *object;
        checksum_function *function;
    } own = {.function = atomic_load(&found)};
    if (own.function == NULL) {
        own.object = dlsym(RTLD_NEXT, "_ZN7rocksdb6crc32c6ExtendEjPKcm");
        CHECK(own.object != NULL);
        atomic_store(&found, own.function);
    }
    return own.function;
}

__attribute__((visibility("default"), used)) uint32_t rocks_checksum(uint32_t crc, const char *data,
                                                                     size_t len)
{
    if (!__builtin_cpu_supports("sse4.2")) {
        return checksum_of_library()(crc, data, len);
    }
    return ~checksum_by_instruction(~crc, data, len);
}

#endif
