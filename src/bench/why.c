#include "bench/why.h"

#include <stdarg.h>
#include <stdio.h>

enum cf_error cf_bench_fail(struct cf_bench_why *why, const char *format, ...)
{
    va_list values;
    if (why->text[0] != '\0')
        return CF_E_IO;
    va_start(values, format);
    (void)vsnprintf(why->text, sizeof(why->text), format, values);
    va_end(values);
    return CF_E_IO;
}
