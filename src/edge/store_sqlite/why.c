#include "edge/store_sqlite/why.h"

#include <stdarg.h>
#include <stdio.h>

void cf_sqlite_why(struct cf_buf *why, const char *format, ...)
{
    if (why == NULL)
        return;
    char line[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (len < 0)
        return;
    size_t fits = (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1;
    (void)cf_buf_append(why, cf_slice_of(line, fits));
}
