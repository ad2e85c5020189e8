/* vestry help, version, completion. */
#include "client/cli/verbs.h"

#include <string.h>

int cmd_version(struct call *call)
{
    if (call->json) {
        json_t *object = json_new("vestry/version/1");

        json_put_text(object, "program", "vestry");
        json_put_text(object, "version", vestry_version());
        json_emit(object);
    } else {
        call_print("vestry %s\n", vestry_version());
    }
    return call_finish(call);
}

int cmd_completion(struct call *call)
{
    if (!help_completion(call_argument(call, 0))) {
        return call_fail(call, EXIT_USAGE, "completion is for bash, zsh or fish",
                         "vestry completion bash > ~/.local/share/bash-completion/completions/"
                         "vestry");
    }
    return call_finish(call);
}

/* "help", "help append", "help dev start". */
int cmd_help(struct call *call)
{
    const char *first = call_argument(call, 0);
    const char *second = call_argument(call, 1);

    if (first == NULL) {
        help_program();
        return call_finish(call);
    }
    for (size_t i = 0; i < verb_count; i++) {
        const char *space = strchr(verbs[i].name, ' ');
        const size_t len = space == NULL ? strlen(verbs[i].name) : (size_t)(space - verbs[i].name);
        const bool same = strlen(first) == len && strncmp(verbs[i].name, first, len) == 0;

        if (same && (space == NULL || second == NULL || strcmp(space + 1, second) == 0)) {
            help_verb(&verbs[i]);
            return call_finish(call);
        }
    }
    return call_fail(call, EXIT_USAGE, "there is no such verb", "vestry help lists the verbs");
}
