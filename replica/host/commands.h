/* The verbs of vestryd, one function each. For main.c. */
#ifndef VESTRY_REPLICA_HOST_COMMANDS_H
#define VESTRY_REPLICA_HOST_COMMANDS_H

#include "keys/words/cli.h"

/* The whole program. The result is the exit code: 0, 1 for errors, 2 for usage and configuration.
 */
MUST_USE int commands_main(int argc, char **argv);

/* The exit code of a failure: 2 for what has to be changed in the configuration or around it, 1 for
 * the rest. */
MUST_USE enum cli_code commands_code(enum status status);

enum cli_code cmd_keygen(struct cli *cli);
enum cli_code cmd_init(struct cli *cli);
enum cli_code cmd_join(struct cli *cli);
enum cli_code cmd_run(struct cli *cli);
enum cli_code cmd_check_config(struct cli *cli);
enum cli_code cmd_version(struct cli *cli);

#endif
