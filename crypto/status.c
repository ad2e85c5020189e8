#include "crypto/status.h"

const char *status_text(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return "ok";
    case STATUS_NOT_FOUND:
        return "not found";
    case STATUS_EXISTS:
        return "exists already";
    case STATUS_NO_MEMORY:
        return "out of memory";
    case STATUS_NO_SPACE:
        return "not enough free disk space";
    case STATUS_IO:
        return "input/output error";
    case STATUS_CORRUPT:
        return "stored bytes are damaged";
    case STATUS_MISMATCH:
        return "belongs to another cluster, key or version";
    case STATUS_BUSY:
        return "in use";
    case STATUS_REFUSED:
        return "permissions are not safe";
    case STATUS_INVALID:
        return "invalid";
    }
    return "unknown status";
}
