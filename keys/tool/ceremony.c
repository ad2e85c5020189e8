#include "crypto/hash.h"
#include "keys/tool/tool.h"
#include "keys/transcript.h"

#include <stdio.h>

static struct transcript_run run;
static uint8_t out_bytes[TOOL_OUT_MAX];
static struct buffer out;

struct buffer *tool_out(void)
{
    if (out.data == NULL) {
        out = buffer_make(out_bytes, sizeof(out_bytes));
    }
    return &out;
}

void ceremony_begin(int argc, char *const *argv)
{
    transcript_begin(&run, argc, argv);
}

void ceremony_input(struct bytes content)
{
    transcript_input(&run, content);
}

void ceremony_output(struct bytes content)
{
    hash_bytes(content, run.output);
}

void ceremony_confirmed(const char *words)
{
    transcript_confirmed(&run, words);
}

enum cli_code ceremony_end(const struct cli *cli, enum cli_code code)
{
    const char *folder = cli_get(cli, "ceremony");
    const char *exception = cli_get(cli, "exception");
    char failed[40];
    struct problem problem;
    uint64_t step = 0;

    if (folder == NULL) {
        return code;
    }
    (void)snprintf(failed, sizeof(failed), "failed with exit code %d", (int)code);
    run.exception = exception != NULL ? exception : code != CLI_OK ? failed : NULL;
    if (transcript_append(folder, &run, &step, &problem) != STATUS_OK) {
        const enum cli_code worse = cli_fail(cli, CLI_ERROR, &problem);

        return code == CLI_OK ? worse : code;
    }
    cli_note(cli, "transcript: step %llu\n", (unsigned long long)step);
    return code;
}

enum cli_code tool_fail(const struct cli *cli, const struct problem *problem)
{
    return cli_fail(
        cli, problem->status == STATUS_CORRUPT ? CLI_VERIFY_FAILED : cli_code_of(problem->status),
        problem);
}
