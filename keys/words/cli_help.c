#include "keys/words/cli.h"

#include <string.h>

#define VERB_COLUMNS 26 /* the longest verb and a space */

static const struct cli_option common[] = {
    {"json", NULL, "one JSON object a line, for programs"},
    {"help", NULL, "this text"},
};

static void put_options(struct buffer *out, const struct cli_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t text[80];
        struct buffer left = buffer_make(text, sizeof(text));

        cli_put(&left, "--%s%s%s", options[i].name, options[i].value == NULL ? "" : " ",
                options[i].value == NULL ? "" : options[i].value);
        cli_put(out, "  ");
        cli_put_cell(out, buffer_bytes(&left), 26);
        cli_put(out, " %s\n", options[i].help);
    }
}

void cli_help_program(const struct cli_program *program, struct buffer *out)
{
    cli_put(out, "%s\n%s: %s\n\nVerbs:\n", program->examples, program->name, program->summary);
    for (size_t i = 0; i < program->verb_count; i++) {
        cli_put(out, "  ");
        cli_put_cell(out, bytes_of_text(program->verbs[i].name), VERB_COLUMNS);
        cli_put(out, " %s\n", program->verbs[i].summary);
    }
    cli_put(out, "\n`%s VERB --help` shows examples and options of a verb.\n", program->name);
}

void cli_help_verb(const struct cli_program *program, const struct cli_verb *verb,
                   struct buffer *out)
{
    cli_put(out, "%s\n%s %s%s%s: %s\n\nOptions:\n", verb->examples, program->name, verb->name,
            verb->arguments[0] == '\0' ? "" : " ", verb->arguments, verb->summary);
    put_options(out, verb->options, verb->option_count);
    put_options(out, program->options, program->option_count);
    put_options(out, common, sizeof(common) / sizeof(common[0]));
}
