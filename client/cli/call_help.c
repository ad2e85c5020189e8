/* Help and completion, both out of the table of verbs. */
#include "client/cli/call.h"

#include <stdio.h>
#include <string.h>

#define NAME_COLUMNS 20
#define OPTION_COLUMNS 26

void help_program(void)
{
    call_print("  vestry dev start                       a cluster on this machine, for trying\n"
               "  vestry append orders 'hello'           append, and verify the receipt\n"
               "  vestry append orders --lines < FILE    every line an entry\n"
               "  vestry read 13                         an entry by its index\n"
               "  vestry tail orders/ -n 2 -f            follow\n"
               "  vestry status --why                    who is missing\n"
               "\n"
               "vestry: append to a log that no single machine can change, and read it\n"
               "\n"
               "Verbs:\n");
    for (size_t i = 0; i < verb_count; i++) {
        call_print("  %-*s %s\n", NAME_COLUMNS, verbs[i].name, verbs[i].summary);
    }
    call_print("\n`vestry VERB -h` shows examples and options of a verb.\n"
               "Exit codes: 0 ok, 1 error, 2 usage or configuration, 3 verification FAILED,\n"
               "4 no quorum, 5 not authorised, 6 conflict, 7 stale, 8 degraded (status).\n");
}

static void print_options(const struct call_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct call_option *option = &options[i];
        char text[64];

        (void)snprintf(text, sizeof(text), "--%s%s%s", option->name, option->value ? " " : "",
                       option->value ? option->value : "");
        if (option->letter != 0) {
            call_print("  -%c, %-*s %s\n", option->letter, OPTION_COLUMNS - 4, text, option->help);
        } else {
            call_print("  %-*s %s\n", OPTION_COLUMNS, text, option->help);
        }
    }
}

void help_verb(const struct verb *verb)
{
    call_print("%s\nvestry %s%s%s: %s\n\nOptions:\n", verb->examples, verb->name,
               verb->arguments[0] == '\0' ? "" : " ", verb->arguments, verb->summary);
    print_options(verb->options, verb->option_count);
    print_options(common_options, common_option_count);
    if (verb->kind != VERB_LOCAL) {
        call_print("\nWhom to talk to (also VESTRY_CHARTER, VESTRY_TOKEN, ..., and contexts):\n");
        print_options(connect_options, connect_option_count);
    }
}

/* --- Completion ------------------------------------------------------------------------------- */

typedef void each_option(const struct verb *verb, const struct call_option *option);

static void for_options(const struct verb *verb, each_option *each)
{
    for (size_t i = 0; i < verb->option_count; i++) {
        each(verb, &verb->options[i]);
    }
    for (size_t i = 0; i < common_option_count; i++) {
        each(verb, &common_options[i]);
    }
    for (size_t i = 0; verb->kind != VERB_LOCAL && i < connect_option_count; i++) {
        each(verb, &connect_options[i]);
    }
}

static void bash_option(const struct verb *verb, const struct call_option *option)
{
    (void)verb;
    call_print(" --%s", option->name);
}

static void print_bash(void)
{
    call_print("_vestry() {\n"
               "    local cur=${COMP_WORDS[COMP_CWORD]} words=\n"
               "    case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    for (int two = 1; two >= 0; two--) {
        for (size_t i = 0; i < verb_count; i++) {
            if ((strchr(verbs[i].name, ' ') != NULL) == (two == 1)) {
                call_print("    '%s'%s) words='", verbs[i].name, two == 1 ? "" : "' '*");
                for_options(&verbs[i], bash_option);
                call_print("' ;;\n");
            }
        }
    }
    call_print("    esac\n"
               "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
               "        words='");
    for (size_t i = 0; i < verb_count; i++) {
        call_print(" %.*s", (int)strcspn(verbs[i].name, " "), verbs[i].name);
    }
    call_print(
        "'\n    elif [ \"$COMP_CWORD\" -eq 2 ]; then\n        case \"${COMP_WORDS[1]}\" in\n");
    for (size_t i = 0; i < verb_count; i++) {
        const char *space = strchr(verbs[i].name, ' ');

        if (space != NULL) {
            call_print("        %.*s) words+=' %s' ;;&\n", (int)(space - verbs[i].name),
                       verbs[i].name, space + 1);
        }
    }
    call_print("        esac\n"
               "    fi\n"
               "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
               "    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n"
               "}\n"
               "complete -o filenames -F _vestry vestry\n");
}

static void print_quoted(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            call_print("'\\''");
        } else {
            call_print("%c", *text);
        }
    }
}

static void fish_option(const struct verb *verb, const struct call_option *option)
{
    const char *space = strchr(verb->name, ' ');

    call_print("complete -c vestry -n '__fish_seen_subcommand_from %.*s",
               (int)strcspn(verb->name, " "), verb->name);
    if (space != NULL) {
        call_print("; and __fish_seen_subcommand_from %s", space + 1);
    }
    call_print("' -l %s", option->name);
    if (option->letter != 0) {
        call_print(" -s %c", option->letter);
    }
    call_print("%s -d '", option->value != NULL ? " -r" : "");
    print_quoted(option->help);
    call_print("'\n");
}

static void print_fish(void)
{
    for (size_t i = 0; i < verb_count; i++) {
        const char *space = strchr(verbs[i].name, ' ');

        if (space == NULL) {
            call_print("complete -c vestry -n __fish_use_subcommand -a %s -d '", verbs[i].name);
        } else {
            call_print("complete -c vestry -n '__fish_seen_subcommand_from %.*s' -a %s -d '",
                       (int)(space - verbs[i].name), verbs[i].name, space + 1);
        }
        print_quoted(verbs[i].summary);
        call_print("'\n");
        for_options(&verbs[i], fish_option);
    }
}

static void print_zsh(void)
{
    call_print("#compdef vestry\nautoload -U +X bashcompinit && bashcompinit\n");
    print_bash();
}

bool help_completion(const char *shell)
{
    if (strcmp(shell, "bash") == 0) {
        print_bash();
    } else if (strcmp(shell, "zsh") == 0) {
        print_zsh();
    } else if (strcmp(shell, "fish") == 0) {
        print_fish();
    } else {
        return false;
    }
    return true;
}
