#include "crypto/contract.h"

#include <stdio.h>
#include <stdlib.h>

void contract_broken(const char *file, int line, const char *condition)
{
    fprintf(stderr, "vestry: %s:%d: broken contract: %s\n", file, line, condition);
    abort();
}
