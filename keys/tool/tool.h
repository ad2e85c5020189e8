/* What the verbs of vestry-keys share: questions to the person at the keyboard, the transcript of
 * the ceremony, and reading charters, salts and cards. For keys/tool alone. */
#ifndef VESTRY_KEYS_TOOL_TOOL_H
#define VESTRY_KEYS_TOOL_TOOL_H

#include "governance/charter.h"
#include "keys/card.h"
#include "keys/genesis.h"
#include "keys/keyfile.h"
#include "keys/words/cli.h"

#define TOOL_OUT_MAX (CHARTER_WORDS_MAX + 65536)

/* The whole program. The result is the exit code. */
int tool_main(int argc, char **argv);

/* The verbs, one function each, in the cmd_*.c of their family. */
enum cli_code cmd_key_new(struct cli *cli);
enum cli_code cmd_key_agree(struct cli *cli);
enum cli_code cmd_key_show(struct cli *cli);
enum cli_code cmd_key_rehearse(struct cli *cli);
enum cli_code cmd_charter_salt(struct cli *cli);
enum cli_code cmd_charter_draft(struct cli *cli);
enum cli_code cmd_charter_sign(struct cli *cli);
enum cli_code cmd_charter_seal(struct cli *cli);
enum cli_code cmd_charter_verify(struct cli *cli);
enum cli_code cmd_charter_dev(struct cli *cli);
enum cli_code cmd_token_issue(struct cli *cli);
enum cli_code cmd_token_attenuate(struct cli *cli);
enum cli_code cmd_token_inspect(struct cli *cli);
enum cli_code cmd_policy_make(struct cli *cli);
enum cli_code cmd_state_verify(struct cli *cli);
enum cli_code cmd_propose_suspend(struct cli *cli);
enum cli_code cmd_propose_restore(struct cli *cli);
enum cli_code cmd_emergency_suspend(struct cli *cli);
enum cli_code cmd_propose_rotate(struct cli *cli);
enum cli_code cmd_propose_renew(struct cli *cli);
enum cli_code cmd_ballot(struct cli *cli);
enum cli_code cmd_bundle(struct cli *cli);
enum cli_code cmd_selftest(struct cli *cli);
enum cli_code cmd_version(struct cli *cli);

/* A buffer for what goes to stdout: one for the whole run. */
struct buffer *tool_out(void);

/* --- Transcript (ceremony.c) ----------------------------------------------------------------- */

/* The run that goes into the transcript when --ceremony names a folder. */
void ceremony_begin(int argc, char *const *argv);
void ceremony_input(struct bytes content);
void ceremony_output(struct bytes content);
void ceremony_confirmed(const char *words);
enum cli_code ceremony_end(const struct cli *cli, enum cli_code code);

/* --- Questions (ask.c) ----------------------------------------------------------------------- */

/* The passphrase of an existing file: from --passphrase-fd, or from the terminal. */
MUST_USE struct passphrase_source tool_passphrase(const struct cli *cli);

/* A passphrase for a new file: long enough, typed twice on a terminal. Opens `passphrase`. */
MUST_USE enum status tool_passphrase_new(const struct cli *cli, struct secret *passphrase,
                                         struct problem *problem);

/* The person compares the words of `hash` and confirms: the last two, then Yes; or --confirm
 * WORD,WORD. CLI_OK when confirmed; otherwise the problem was printed. */
MUST_USE enum cli_code tool_confirm(const struct cli *cli, const uint8_t hash[HASH_BYTES]);

/* --- Files (files.c) ------------------------------------------------------------------------- */

/* Read and verify the charter that --charter or the path names; one at a time. A failed
 * verification is STATUS_CORRUPT. */
MUST_USE enum status tool_charter(const char *path, const struct charter_view **view,
                                  struct problem *problem);

/* Read a file of 32 bytes in armour: a salt. */
MUST_USE enum status tool_salt_read(const char *path, uint8_t salt[HASH_BYTES],
                                    struct problem *problem);

#define AGREEMENT_BYTES_MAX 2048

/* Read what `key agree` made: a card, and a replica's signature over it. `part` borrows from
 * `object` (AGREEMENT_BYTES_MAX). */
MUST_USE enum status tool_agreement_read(const char *path, struct buffer *object,
                                         struct signed_part *part, struct problem *problem);

/* The public key that --to names: a card of a holder, or 64 hex digits. */
MUST_USE enum status tool_holder(const char *to, uint8_t key[PUBLIC_KEY_BYTES],
                                 struct problem *problem);

/* Visit the files in a folder that end in `suffix`, in the order of their names. Stops at the first
 * that is not STATUS_OK. STATUS_NOT_FOUND when there is none. */
MUST_USE enum status tool_each_file(const char *folder, const char *suffix,
                                    enum status (*visit)(void *context, const char *path,
                                                         struct problem *problem),
                                    void *context, struct problem *problem);

/* Read the file of parameters for a draft (params_conf.c). `name` backs plan->name. */
MUST_USE enum status params_read(const char *path, struct genesis_plan *plan,
                                 char name[ID_BYTES_MAX + 1], struct problem *problem);

/* Print the problem; a status of damage means that a verification failed. */
enum cli_code tool_fail(const struct cli *cli, const struct problem *problem);

#endif
