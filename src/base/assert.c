#include "base/assert.h"

#include <stddef.h>

static cf_panic_fn *installed;

void cf_panic_install(cf_panic_fn *panic)
{
    installed = panic;
}

_Noreturn void cf_panic(const char *expression, const char *file, int line)
{
    if (installed != NULL)
        installed(expression, file, line);
    __builtin_trap();
}
