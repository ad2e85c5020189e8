/* Whom to talk to and as whom: flags, then VESTRY_* of the environment, then the context, then the
 * file `defaults`. The first that says something wins, for each setting on its own.
 *
 *     charter   token   key   password-file   state   endpoint (may be repeated)   timeout
 *
 * A context is a small file of such lines, "charter = PATH", in the folder `contexts` beside
 * `current`, which names the one in use: $VESTRY_CONFIG, or $XDG_CONFIG_HOME/vestry, or
 * ~/.config/vestry. A state directory in a context is for the context's token; with another token
 * it does not count. What must survive a crash is kept in --state, or in a folder of its own for
 * each token under $XDG_STATE_HOME/vestry or ~/.local/state/vestry. */
#ifndef VESTRY_CLIENT_CLI_SETTINGS_H
#define VESTRY_CLIENT_CLI_SETTINGS_H

#include "client/cli/call.h"
#include "keys/words/file.h"

#define SETTINGS_ENDPOINTS_MAX 28
#define SETTINGS_VALUE_MAX FILE_PATH_MAX
#define CONTEXT_NAME_MAX 64

enum setting {
    SETTING_CHARTER,
    SETTING_TOKEN,
    SETTING_KEY,
    SETTING_PASSWORD_FILE,
    SETTING_STATE,
    SETTING_TIMEOUT,
    SETTING_COUNT,
};

/* "charter", as in options and files. */
MUST_USE const char *setting_name(enum setting setting);

struct settings {
    char context[CONTEXT_NAME_MAX]; /* in use, or empty */
    char values[SETTING_COUNT][SETTINGS_VALUE_MAX];
    const char *from[SETTING_COUNT]; /* "--charter", "VESTRY_CHARTER", "context", "defaults" */
    char endpoints[SETTINGS_ENDPOINTS_MAX][256];
    size_t endpoint_count;
};

/* Gather everything. STATUS_INVALID for a file that is not understood, with its line. */
MUST_USE enum status settings_read(const struct call *call, struct settings *settings,
                                   struct problem *problem);

/* The folder of contexts and defaults. STATUS_INVALID when there is no home. */
MUST_USE enum status settings_folder(char out[FILE_PATH_MAX], struct problem *problem);
/* Where a context is kept; STATUS_INVALID for a name that cannot be one. */
MUST_USE enum status settings_context_path(const char *name, char out[FILE_PATH_MAX],
                                           struct problem *problem);
/* Read one file into empty places of the settings; `from` says where they came from. */
MUST_USE enum status settings_read_file(const char *path, const char *from,
                                        struct settings *settings, struct problem *problem);
/* The name of the context in use; STATUS_NOT_FOUND when none is. */
MUST_USE enum status settings_current(char out[CONTEXT_NAME_MAX], struct problem *problem);
MUST_USE enum status settings_use(const char *name, struct problem *problem);
/* Write a context, in the place of an older one of that name. */
MUST_USE enum status settings_write(const char *name, const struct settings *settings,
                                    struct problem *problem);

/* The folder that this token's state is kept in when none is given, made when missing. */
MUST_USE enum status settings_usual_state(const struct settings *settings, char out[FILE_PATH_MAX],
                                          struct problem *problem);

/* Make a folder and those above it. */
MUST_USE enum status make_folders(const char *path, struct problem *problem);

#endif
