/* Runs a fuzz target without libFuzzer, so that every build checks the corpus: each file named on
 * the command line (or in a folder named there) as it is, and then mutants of it from a fixed seed,
 * which makes a failure repeatable. With no file it starts from an empty input. It is no substitute
 * for the fuzz preset: it does not look at coverage. */
#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_BYTES_MAX (1u << 16)
#define EDITS_MAX 4
#define MUTANTS_OF_EMPTY 4000
#define MUTANTS_OF_FILE 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
static unsigned long inputs;

/* xorshift64: any fixed sequence will do. */
static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static size_t below(size_t bound)
{
    return (size_t)(next() % bound);
}

/* A copy of exactly the right size, so that a sanitizer sees a read of one byte too many. */
static void run_input(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    if (copy == NULL) {
        fprintf(stderr, "replay: out of memory\n");
        exit(1);
    }
    if (len > 0) {
        memcpy(copy, data, len);
    }
    (void)LLVMFuzzerTestOneInput(copy, len);
    free(copy);
    inputs++;
}

/* One small edit in place: flip, overwrite, cut, double or grow. */
static size_t edit(uint8_t *data, size_t len)
{
    static const uint8_t telling[] = {0x00, 0x7f, 0x80, 0xc4, 0xc6, 0xcf, 0xdd, 0xff};
    size_t at = len > 0 ? below(len) : 0;
    switch (len > 0 ? below(5) : 4) {
    case 0:
        data[at] ^= (uint8_t)(1u << below(8));
        return len;
    case 1:
        data[at] = telling[below(sizeof(telling))];
        return len;
    case 2:
        return at;
    case 3:
        if (len * 2 <= INPUT_BYTES_MAX) {
            memcpy(data + len, data, len);
            return len * 2;
        }
        return len;
    default:
        if (len < INPUT_BYTES_MAX) {
            data[len++] = (uint8_t)next();
        }
        return len;
    }
}

static void run_with_mutants(const uint8_t *data, size_t len, unsigned mutants)
{
    static uint8_t mutant[INPUT_BYTES_MAX];
    run_input(data, len);
    size_t edited_len = 0;
    for (unsigned i = 0; i < mutants; i++) {
        bool fresh = i % 8 == 0 || edited_len > INPUT_BYTES_MAX / 2;
        if (fresh && len > 0) {
            memcpy(mutant, data, len);
        }
        edited_len = fresh ? len : edited_len;
        for (size_t edits = below(EDITS_MAX) + 1; edits > 0; edits--) {
            edited_len = edit(mutant, edited_len);
        }
        run_input(mutant, edited_len);
    }
}

static void run_file(const char *path)
{
    static uint8_t data[INPUT_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "replay: cannot read %s\n", path);
        exit(1);
    }
    size_t len = fread(data, 1, sizeof(data), file);
    fclose(file);
    run_with_mutants(data, len, MUTANTS_OF_FILE);
}

static void run_folder(const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[4096];
        int len = snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && len > 0 && (size_t)len < sizeof(path)) {
            run_file(path);
        }
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    run_with_mutants(NULL, 0, MUTANTS_OF_EMPTY);
    for (int i = 1; i < argc; i++) {
        struct stat about;
        if (stat(argv[i], &about) == 0 && S_ISDIR(about.st_mode)) {
            run_folder(argv[i]);
        } else {
            run_file(argv[i]);
        }
    }
    printf("replay: %lu inputs\n", inputs);
    return 0;
}
