#include "base/slice.h"

#include <string.h>

/* memcmp and memchr must not be given NULL, not even with length 0 (C11 7.24.1), but a slice may
 * hold it: every call here is behind a test of the length. */

struct cf_slice cf_slice_cstr(const char *text)
{
    return cf_slice_of(text, strlen(text));
}

bool cf_slice_eq(struct cf_slice a, struct cf_slice b)
{
    if (a.len != b.len)
        return false;
    return a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0;
}

static uint8_t to_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

bool cf_slice_eq_secret(struct cf_slice a, struct cf_slice b)
{
    if (a.len != b.len)
        return false;
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < a.len; i++)
        difference = (uint8_t)(difference | (a.ptr[i] ^ b.ptr[i]));
    return difference == 0;
}

bool cf_slice_eq_nocase(struct cf_slice a, struct cf_slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (to_lower(a.ptr[i]) != to_lower(b.ptr[i]))
            return false;
    }
    return true;
}

bool cf_slice_starts(struct cf_slice s, struct cf_slice prefix)
{
    return prefix.len <= s.len && cf_slice_eq(cf_slice_head(s, prefix.len), prefix);
}

bool cf_slice_ends(struct cf_slice s, struct cf_slice suffix)
{
    return suffix.len <= s.len && cf_slice_eq(cf_slice_skip(s, s.len - suffix.len), suffix);
}

size_t cf_slice_find(struct cf_slice s, uint8_t byte)
{
    if (s.len == 0)
        return 0;
    const uint8_t *found = memchr(s.ptr, byte, s.len);
    return found == NULL ? s.len : (size_t)(found - s.ptr);
}

struct cf_slice cf_slice_head(struct cf_slice s, size_t len)
{
    return len < s.len ? cf_slice_of(s.ptr, len) : s;
}

struct cf_slice cf_slice_skip(struct cf_slice s, size_t len)
{
    if (s.ptr == NULL)
        return s;
    if (len > s.len)
        len = s.len;
    return cf_slice_of(s.ptr + len, s.len - len);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

struct cf_slice cf_slice_trim(struct cf_slice s)
{
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    while (s.len > 0 && is_blank(s.ptr[0]))
        s = cf_slice_skip(s, 1);
    return s;
}

bool cf_slice_next(struct cf_slice *rest, uint8_t separator, struct cf_slice *out_element)
{
    if (rest->ptr == NULL)
        return false;
    size_t at = cf_slice_find(*rest, separator);
    *out_element = cf_slice_head(*rest, at);
    *rest = at < rest->len ? cf_slice_skip(*rest, at + 1) : (struct cf_slice){NULL, 0};
    return true;
}

bool cf_slice_to_u64(struct cf_slice s, uint64_t *out_value)
{
    if (s.len == 0)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        unsigned digit = s.ptr[i] - (unsigned)'0';
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out_value = value;
    return true;
}

size_t cf_u64_format(uint64_t value, char *out)
{
    char reversed[20];
    size_t len = 0;
    do {
        reversed[len++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < len; i++)
        out[i] = reversed[len - 1 - i];
    return len;
}
