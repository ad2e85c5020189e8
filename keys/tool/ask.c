#include "crypto/words.h"
#include "keys/tool/tool.h"
#include "keys/words/amounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#define TTY "/dev/tty"
#define CONTROL_C 3
#define CONTROL_D 4
#define FD_MAX 1023
#define ANSWER_CHARS 128

/* --- Terminal -------------------------------------------------------------------------------- */

static enum status no_terminal(struct problem *problem, const char *instead)
{
    (void)problem_say(problem, STATUS_INVALID, "there is no terminal to ask at");
    return problem_advise(problem, "%s", instead);
}

/* Read up to the end of the line. Control-C and -D arrive as characters: the terminal is in a mode
 * in which they would otherwise leave it without echo. False when the person gave up. */
static bool read_line(int fd, uint8_t *line, size_t capacity, size_t *len)
{
    size_t got = 0;

    for (;;) {
        uint8_t c = 0;
        const ssize_t n = read(fd, &c, 1);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0 || c == '\n' || c == '\r') {
            *len = got;
            return n > 0 || got > 0;
        }
        if (c == CONTROL_C || c == CONTROL_D || got == capacity) {
            return false;
        }
        line[got++] = c;
    }
}

/* Ask on the terminal, without echo for secrets. */
static enum status ask_terminal(const char *question, bool echo, struct secret *answer,
                                const char *instead, struct problem *problem)
{
    struct termios usual;
    const int fd = open(TTY, O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 || tcgetattr(fd, &usual) != 0) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return no_terminal(problem, instead);
    }
    struct termios quiet = usual;
    if (!echo) {
        quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    }
    /* What was typed before the question is dropped, and nothing that was typed after it. */
    bool good = tcsetattr(fd, TCSAFLUSH, &quiet) == 0 &&
                write(fd, question, strlen(question)) == (ssize_t)strlen(question) &&
                read_line(fd, answer->data, answer->capacity, &answer->len);
    (void)tcsetattr(fd, TCSAFLUSH, &usual);
    if (!echo) {
        good = write(fd, "\n", 1) == 1 && good;
    }
    (void)close(fd);
    return good ? STATUS_OK : problem_say(problem, STATUS_INVALID, "given up at the question");
}

/* --- Passphrases ----------------------------------------------------------------------------- */

static const char passphrase_instead[] = "give the passphrase with --passphrase-fd 3 3<FILE";

static enum status passphrase_from_fd(const char *fd_text, struct secret *passphrase,
                                      struct problem *problem)
{
    uint64_t fd = 0;

    if (!amount_parse_count(bytes_of_text(fd_text), &fd) || fd > FD_MAX) {
        (void)problem_say(problem, STATUS_INVALID,
                          "--passphrase-fd: \"%s\" is not a file "
                          "descriptor",
                          fd_text);
        return problem_advise(problem, "give a number: --passphrase-fd 3 3<FILE");
    }
    if (!read_line((int)fd, passphrase->data, passphrase->capacity, &passphrase->len) ||
        passphrase->len == 0) {
        (void)problem_say(problem, STATUS_INVALID,
                          "no passphrase came from file descriptor %s: it is closed, empty, or its "
                          "line is longer than %d bytes",
                          fd_text, PASSPHRASE_BYTES_MAX);
        return problem_advise(problem, "give one line: --passphrase-fd 3 3<FILE");
    }
    return STATUS_OK;
}

static enum status ask_existing(void *context, const char *path, struct secret *passphrase,
                                struct problem *problem)
{
    const struct cli *cli = context;
    char question[FILENAME_MAX];

    if (cli_get(cli, "passphrase-fd") != NULL) {
        return passphrase_from_fd(cli_get(cli, "passphrase-fd"), passphrase, problem);
    }
    (void)snprintf(question, sizeof(question), "Passphrase of %s: ", path);
    return ask_terminal(question, false, passphrase, passphrase_instead, problem);
}

struct passphrase_source tool_passphrase(const struct cli *cli)
{
    /* The source only reads the command line. */
    union {
        const struct cli *from;
        void *to;
    } context = {.from = cli};

    return (struct passphrase_source){ask_existing, context.to};
}

static enum status ask_twice(struct secret *passphrase, struct problem *problem)
{
    struct secret again = {0};

    enum status status = ask_terminal("New passphrase (12 characters or more): ", false, passphrase,
                                      passphrase_instead, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = secret_open(&again, PASSPHRASE_BYTES_MAX, SECRET_LOCK_REQUIRED, problem);
    if (status == STATUS_OK) {
        status = ask_terminal("The same again: ", false, &again, passphrase_instead, problem);
    }
    if (status == STATUS_OK && !bytes_equal(secret_bytes(passphrase), secret_bytes(&again))) {
        (void)problem_say(problem, STATUS_INVALID, "the two passphrases differ");
        status = problem_advise(problem, "run the command again");
    }
    secret_close(&again);
    return status;
}

enum status tool_passphrase_new(const struct cli *cli, struct secret *passphrase,
                                struct problem *problem)
{
    const char *fd = cli_get(cli, "passphrase-fd");

    enum status status =
        secret_open(passphrase, PASSPHRASE_BYTES_MAX, SECRET_LOCK_REQUIRED, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status =
        fd != NULL ? passphrase_from_fd(fd, passphrase, problem) : ask_twice(passphrase, problem);
    if (status == STATUS_OK && passphrase->len < PASSPHRASE_CHARS_MIN) {
        (void)problem_say(problem, STATUS_INVALID, "the passphrase has fewer than %d characters",
                          PASSPHRASE_CHARS_MIN);
        status = problem_advise(problem, "six or more random words make a good one");
    }
    if (status != STATUS_OK) {
        secret_close(passphrase);
    }
    return status;
}

/* --- Confirmation ---------------------------------------------------------------------------- */

static enum cli_code not_confirmed(const struct cli *cli, const char *what)
{
    struct problem problem;

    (void)problem_say(&problem, STATUS_INVALID, "not confirmed: %s; nothing was signed", what);
    (void)problem_advise(&problem, "compare all words with the other people first");
    return cli_fail(cli, CLI_VERIFY_FAILED, &problem);
}

/* What to do without a terminal: nothing, where the words come into being with the question. */
static const char *confirm_instead(const struct cli *cli)
{
    for (size_t i = 0; i < cli->verb->option_count; i++) {
        if (strcmp(cli->verb->options[i].name, "confirm") == 0) {
            return "give the last two words: --confirm WORD,WORD";
        }
    }
    return "run it at a terminal: its words are new each time, and a person compares them";
}

/* Ask one question whose answer is no secret. */
static enum status ask_plain(const struct cli *cli, const char *question, char answer[ANSWER_CHARS],
                             struct problem *problem)
{
    struct secret typed = {0};

    enum status status = secret_open(&typed, ANSWER_CHARS - 1, SECRET_LOCK_WANTED, problem);
    if (status != STATUS_OK) {
        return status;
    }
    status = ask_terminal(question, true, &typed, confirm_instead(cli), problem);
    memset(answer, 0, ANSWER_CHARS);
    memcpy(answer, typed.data, typed.len);
    secret_close(&typed);
    return status;
}

enum cli_code tool_confirm(const struct cli *cli, const uint8_t hash[HASH_BYTES])
{
    const char *given = cli_get(cli, "confirm");
    char wanted[ANSWER_CHARS];
    char answer[ANSWER_CHARS];
    struct problem problem;
    const char separator = given != NULL ? ',' : ' ';

    (void)snprintf(wanted, sizeof(wanted), "%s%c%s", word_of(HASH_BYTES - 2, hash[HASH_BYTES - 2]),
                   separator, word_of(HASH_BYTES - 1, hash[HASH_BYTES - 1]));
    if (given != NULL) {
        if (strcasecmp(given, wanted) != 0) {
            return not_confirmed(cli, "--confirm does not give the last two words");
        }
        ceremony_confirmed(given);
        return CLI_OK;
    }
    if (ask_plain(cli, "Type the last two words: ", answer, &problem) != STATUS_OK) {
        return cli_fail(cli, CLI_USAGE, &problem);
    }
    if (strcasecmp(answer, wanted) != 0) {
        return not_confirmed(cli, "these are not the last two words");
    }
    ceremony_confirmed(answer);
    if (ask_plain(cli, "Type Yes to sign: ", answer, &problem) != STATUS_OK) {
        return cli_fail(cli, CLI_USAGE, &problem);
    }
    if (strcmp(answer, "Yes") != 0) {
        return not_confirmed(cli, "the answer was not exactly Yes");
    }
    ceremony_confirmed(answer);
    return CLI_OK;
}
