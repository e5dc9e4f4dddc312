#include "base/status.h"

const char *status_text(status_t status)
{
    switch (status) {
    case STATUS_OK:
        return "success";
    case STATUS_NO_MEMORY:
        return "out of memory";
    case STATUS_NO_SPACE:
        return "no space left in the buffer";
    case STATUS_MALFORMED:
        return "malformed input";
    case STATUS_INVALID:
        return "value not allowed here";
    case STATUS_NOT_FOUND:
        return "not found";
    case STATUS_EXISTS:
        return "already exists";
    case STATUS_LIMIT:
        return "a limit was reached";
    case STATUS_IO:
        return "input or output error";
    case STATUS_DENIED:
        return "not permitted";
    case STATUS_UNSUPPORTED:
        return "not supported";
    case STATUS_AGAIN:
        return "nothing to do yet";
    case STATUS_END:
        return "end of the sequence";
    case STATUS_CANCELLED:
        return "cancelled";
    case STATUS_CORRUPT:
        return "stored data is damaged";
    }
    return "unknown status";
}
