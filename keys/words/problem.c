#include "keys/words/problem.h"

#include <stdarg.h>
#include <stdio.h>

enum status problem_say(struct problem *problem, enum status status, const char *what, ...)
{
    va_list arguments;

    va_start(arguments, what);
    (void)vsnprintf(problem->what, sizeof(problem->what), what, arguments);
    va_end(arguments);
    problem->todo[0] = '\0';
    problem->status = status;
    return status;
}

enum status problem_advise(struct problem *problem, const char *todo, ...)
{
    va_list arguments;

    va_start(arguments, todo);
    (void)vsnprintf(problem->todo, sizeof(problem->todo), todo, arguments);
    va_end(arguments);
    return problem->status;
}
