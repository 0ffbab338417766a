#include "server/text.h"

#include <stdarg.h>
#include <stdio.h>

enum cf_error cf_text_append(struct cf_buf *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        return CF_E_INVALID;
    size_t bytes = (size_t)len;
    enum cf_error error = cf_buf_reserve(out, bytes + 1);
    if (error != CF_OK)
        return error;
    va_start(args, format);
    vsnprintf((char *)out->ptr + out->len, bytes + 1, format, args);
    va_end(args);
    out->len += bytes;
    return CF_OK;
}

const char *cf_text_cstr(struct cf_buf *buf)
{
    if (cf_buf_reserve(buf, 1) != CF_OK)
        return "";
    buf->ptr[buf->len] = '\0';
    return (const char *)buf->ptr;
}
