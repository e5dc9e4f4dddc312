#include "base/require.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void require_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: contract broken: %s\n", file, line, condition);
    abort();
}

void check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: unexpected: not (%s); going on\n", file, line, condition);
}
