#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

/* The first allocation: below it malloc's own overhead dominates. */
enum { CAP_FIRST = 64 };

void cf_buf_init(struct cf_buf *buf, size_t bytes_max)
{
    *buf = (struct cf_buf){.max = bytes_max};
}

void cf_buf_deinit(struct cf_buf *buf)
{
    cf_buf_release(buf);
}

void cf_buf_reset(struct cf_buf *buf)
{
    buf->len = 0;
}

void cf_buf_release(struct cf_buf *buf)
{
    free(buf->ptr);
    cf_buf_init(buf, buf->max);
}

/* The capacity to grow to for `need` bytes, need <= max: doubled, so that appending is amortised
 * O(1), and never over the cap. */
static size_t grown_cap(const struct cf_buf *buf, size_t need)
{
    size_t cap = buf->cap < CAP_FIRST / 2 ? CAP_FIRST / 2 : buf->cap;
    cap = cap > buf->max / 2 ? buf->max : cap * 2;
    return cap < need ? need : cap;
}

enum cf_error cf_buf_reserve(struct cf_buf *buf, size_t len)
{
    if (len > buf->max - buf->len)
        return CF_E_TOO_LARGE;
    if (len <= buf->cap - buf->len)
        return CF_OK;
    size_t cap = grown_cap(buf, buf->len + len);
    uint8_t *ptr = realloc(buf->ptr, cap);
    if (ptr == NULL)
        return CF_E_NOMEM;
    buf->ptr = ptr;
    buf->cap = cap;
    return CF_OK;
}

enum cf_error cf_buf_append(struct cf_buf *buf, struct cf_slice bytes)
{
    if (bytes.len == 0)
        return CF_OK;
    enum cf_error error = cf_buf_reserve(buf, bytes.len);
    if (error != CF_OK)
        return error;
    memcpy(buf->ptr + buf->len, bytes.ptr, bytes.len);
    buf->len += bytes.len;
    return CF_OK;
}

enum cf_error cf_buf_append_byte(struct cf_buf *buf, uint8_t byte)
{
    enum cf_error error = cf_buf_reserve(buf, 1);
    if (error != CF_OK)
        return error;
    buf->ptr[buf->len++] = byte;
    return CF_OK;
}

enum cf_error cf_buf_append_u64(struct cf_buf *buf, uint64_t value)
{
    char digits[20];
    return cf_buf_append(buf, cf_slice_of(digits, cf_u64_format(value, digits)));
}

void cf_buf_consume(struct cf_buf *buf, size_t len)
{
    CF_ASSERT(len <= buf->len);
    buf->len -= len;
    if (len > 0 && buf->len > 0)
        memmove(buf->ptr, buf->ptr + len, buf->len);
}

struct cf_slice cf_buf_peek(const struct cf_buf *buf)
{
    return cf_slice_of(buf->ptr, buf->len);
}
