#include "keys/transcript.h"

#include "crypto/base64.h"
#include "crypto/hash.h"
#include "crypto/name.h"
#include "crypto/schema.h"
#include "keys/words/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define STEP_BYTES_MAX 16384
#define TOOL_BYTES_MAX (64u << 20)

void transcript_begin(struct transcript_run *run, int argc, char *const *argv)
{
    struct buffer out = buffer_make(run->command, sizeof(run->command) - 1);

    *run = (struct transcript_run){0};
    for (int i = 0; i < argc; i++) {
        const struct bytes word = bytes_of_text(argv[i]);

        if (i > 0) {
            buffer_put_u8(&out, ' ');
        }
        if (name_is_text(word, sizeof(run->command))) {
            buffer_put(&out, word);
            continue;
        }
        for (size_t at = 0; at < word.len; at++) {
            const uint8_t c = word.data[at];
            buffer_put_u8(&out, c >= 0x20 && c < 0x7F ? c : '?');
        }
    }
}

void transcript_input(struct transcript_run *run, struct bytes content)
{
    if (run->input_count < TRANSCRIPT_FILES_MAX) {
        hash_bytes(content, run->inputs[run->input_count++]);
    }
}

void transcript_confirmed(struct transcript_run *run, const char *words)
{
    if (run->confirmation_count < TRANSCRIPT_CONFIRMATIONS_MAX &&
        name_is_text(bytes_of_text(words), TRANSCRIPT_TEXT_MAX - 1)) {
        (void)snprintf(run->confirmations[run->confirmation_count++], TRANSCRIPT_TEXT_MAX, "%s",
                       words);
    }
}

/* SHA-256 of the program that is running. */
static enum status hash_of_tool(uint8_t out[HASH_BYTES], struct problem *problem)
{
    static uint8_t program[TOOL_BYTES_MAX];
    struct buffer bytes = buffer_make(program, sizeof(program));

    const enum status status = file_read("/proc/self/exe", &bytes, problem);
    if (status == STATUS_OK) {
        hash_bytes(buffer_bytes(&bytes), out);
    }
    return status;
}

/* Where the transcript stands. */
struct chain {
    uint64_t steps;
    uint8_t last[HASH_BYTES];
};

static enum status chain_is_broken(const char *path, uint64_t line, struct problem *problem)
{
    (void)problem_say(problem, STATUS_CORRUPT,
                      "%s:%llu: this line does not follow the one before it", path,
                      (unsigned long long)line);
    return problem_advise(problem, "keep the file and start a new ceremony folder; say why with "
                                   "--exception");
}

static bool chain_step(struct chain *chain, struct bytes line)
{
    uint8_t raw[STEP_BYTES_MAX];
    size_t len = 0;
    struct transcript_step step;

    if (!base64_decode(line, raw, sizeof(raw), &len) ||
        transcript_step_decode(bytes_make(raw, len), &step) != WIRE_OK) {
        return false;
    }
    if (step.step != chain->steps + 1 || !hash_equal(step.prev_hash, chain->last)) {
        return false;
    }
    chain->steps++;
    hash_bytes(bytes_make(raw, len), chain->last);
    return true;
}

/* Walk a file line by line; a line without its newline is one that was never finished. */
static enum status walk(FILE *file, const char *path, struct chain *chain, struct problem *problem)
{
    static char line[BASE64_CHARS(STEP_BYTES_MAX) + 2];

    while (fgets(line, sizeof(line), file) != NULL) {
        const size_t len = strlen(line);

        if (len == 0 || line[len - 1] != '\n' || !chain_step(chain, bytes_make(line, len - 1))) {
            return chain_is_broken(path, chain->steps + 1, problem);
        }
    }
    if (ferror(file)) {
        return problem_say(problem, STATUS_IO, "%s: cannot read", path);
    }
    return STATUS_OK;
}

static enum status encode_step(const struct transcript_run *run, const struct chain *chain,
                               struct buffer *out, struct problem *problem)
{
    uint8_t input_raw[TRANSCRIPT_FILES_MAX * (HASH_BYTES + 2)];
    uint8_t word_raw[TRANSCRIPT_CONFIRMATIONS_MAX * (TRANSCRIPT_TEXT_MAX + 3)];
    struct buffer inputs = buffer_make(input_raw, sizeof(input_raw));
    struct buffer words = buffer_make(word_raw, sizeof(word_raw));
    struct transcript_step step = {
        .step = chain->steps + 1,
        .command = bytes_of_text(run->command),
        .exception = bytes_of_text(run->exception == NULL ? "" : run->exception),
    };

    const enum status status = hash_of_tool(step.tool_digest, problem);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < run->input_count; i++) {
        struct item_hash hash;

        memcpy(hash.value, run->inputs[i], HASH_BYTES);
        CHECK(item_hash_encode(&hash, &inputs));
    }
    for (size_t i = 0; i < run->confirmation_count; i++) {
        const struct item_text text = {bytes_of_text(run->confirmations[i])};

        CHECK(item_text_encode(&text, &words));
    }
    memcpy(step.prev_hash, chain->last, HASH_BYTES);
    memcpy(step.output, run->output, HASH_BYTES);
    step.inputs = (struct wire_list){buffer_bytes(&inputs), (uint32_t)run->input_count};
    step.confirmations =
        (struct wire_list){buffer_bytes(&words), (uint32_t)run->confirmation_count};
    if (!transcript_step_encode(&step, out)) {
        (void)problem_say(problem, STATUS_INVALID, "the exception is not printable, or too long");
        return problem_advise(problem, "give --exception as one line of text");
    }
    return STATUS_OK;
}

static enum status append_line(int fd, const char *path, const struct transcript_run *run,
                               struct chain *chain, struct problem *problem)
{
    uint8_t raw[STEP_BYTES_MAX];
    static uint8_t text[BASE64_CHARS(STEP_BYTES_MAX) + 1];
    struct buffer step = buffer_make(raw, sizeof(raw));
    struct buffer line = buffer_make(text, sizeof(text));

    const enum status status = encode_step(run, chain, &step, problem);
    if (status != STATUS_OK) {
        return status;
    }
    base64_put(&line, buffer_bytes(&step));
    buffer_put_u8(&line, '\n');
    CHECK(!line.full);
    if (write(fd, line.data, line.len) != (ssize_t)line.len || fsync(fd) != 0) {
        return problem_say(problem, STATUS_IO, "%s: cannot write: %s", path, strerror(errno));
    }
    chain->steps++;
    return STATUS_OK;
}

enum status transcript_append(const char *folder, const struct transcript_run *run, uint64_t *step,
                              struct problem *problem)
{
    char path[FILE_PATH_MAX];
    struct chain chain = {0};

    enum status status = file_path(path, folder, TRANSCRIPT_NAME, "", problem);
    if (status != STATUS_OK) {
        return status;
    }
    const int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        (void)problem_say(problem, STATUS_IO, "%s: cannot open: %s", path, strerror(errno));
        return problem_advise(problem, "make the ceremony folder first");
    }
    FILE *file = fdopen(fd, "a+");
    if (file == NULL || flock(fd, LOCK_EX) != 0) {
        status = problem_say(problem, STATUS_IO, "%s: cannot lock: %s", path, strerror(errno));
    } else {
        rewind(file);
        status = walk(file, path, &chain, problem);
    }
    if (status == STATUS_OK) {
        status = append_line(fd, path, run, &chain, problem);
    }
    if (file != NULL) {
        (void)fclose(file);
    } else {
        (void)close(fd);
    }
    *step = chain.steps;
    return status;
}
