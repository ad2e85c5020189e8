/* The verbs: one function each, in a file cmd_<verb>.c. The result is the exit code. */
#ifndef VESTRY_CLIENT_CLI_VERBS_H
#define VESTRY_CLIENT_CLI_VERBS_H

#include "client/cli/call.h"

int cmd_append(struct call *call);
int cmd_read(struct call *call);
int cmd_tail(struct call *call);
int cmd_head(struct call *call);
int cmd_receipt(struct call *call);
int cmd_streams(struct call *call);
int cmd_status(struct call *call);
int cmd_evidence(struct call *call);
int cmd_gov_export(struct call *call);
int cmd_gov_show(struct call *call);
int cmd_gov_submit(struct call *call);
int cmd_dev(struct call *call);
int cmd_dev_start(struct call *call);
int cmd_dev_stop(struct call *call);
int cmd_dev_kill(struct call *call);
int cmd_dev_restart(struct call *call);
int cmd_dev_status(struct call *call);
int cmd_dev_remove(struct call *call);
int cmd_token_attenuate(struct call *call);
int cmd_token_inspect(struct call *call);
int cmd_context_list(struct call *call);
int cmd_context_use(struct call *call);
int cmd_context_show(struct call *call);
int cmd_context_add(struct call *call);
int cmd_completion(struct call *call);
int cmd_version(struct call *call);
int cmd_help(struct call *call);

#endif
