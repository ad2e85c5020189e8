#include "replica/core/drop.h"

const char *drop_text(enum drop drop)
{
#define DROP_CASE(name, text)                                                                      \
    case name:                                                                                     \
        return text;
    switch (drop) {
        DROPS(DROP_CASE)
    case DROP_COUNT:
        break;
    }
#undef DROP_CASE
    return "unknown";
}
