#include "crypto/numbers.h"

#include <stddef.h>

#define ROW_CASE(name, number, text)                                                               \
    case name:                                                                                     \
        return text;
#define ROW_NAME(name, number, text)                                                               \
    case name:                                                                                     \
        return #name;

const char *message_type_text(uint64_t number)
{
    switch (number) {
        MESSAGE_TYPES(ROW_CASE)
    }
    return "unknown";
}

const char *role_text(uint64_t number)
{
    switch (number) {
        ROLES(ROW_CASE)
    }
    return "unknown";
}

const char *section_text(uint64_t number)
{
    switch (number) {
        SECTIONS(ROW_CASE)
    }
    return "unknown";
}

const char *action_text(uint64_t number)
{
    switch (number) {
        ACTIONS(ROW_CASE)
    }
    return "unknown";
}

const char *evidence_kind_text(uint64_t number)
{
    switch (number) {
        EVIDENCE_KINDS(ROW_CASE)
    }
    return "unknown";
}

const char *result_code_text(uint64_t number)
{
    switch (number) {
        RESULT_CODES(ROW_CASE)
    }
    return "unknown";
}

const char *result_code_name(uint64_t number)
{
    switch (number) {
        RESULT_CODES(ROW_NAME)
    }
    return "unknown";
}

const char *replica_mode_text(uint64_t number)
{
    switch (number) {
        REPLICA_MODES(ROW_CASE)
    }
    return "unknown";
}

const struct param_rule *param_rule(uint64_t number)
{
#define PARAM_RULE(name, id, text, least, most, usual) {text, id, least, most, usual},
    static const struct param_rule rules[] = {PARAMS(PARAM_RULE)};
#undef PARAM_RULE
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (rules[i].number == number) {
            return &rules[i];
        }
    }
    return NULL;
}
