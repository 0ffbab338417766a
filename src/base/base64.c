#include "base/base64.h"

size_t cf_base64_len(enum cf_base64 kind, size_t len)
{
    if (kind == CF_BASE64)
        return (len + 2) / 3 * 4;
    size_t rest = len % 3;
    return len / 3 * 4 + (rest == 0 ? 0 : rest + 1);
}

static const char *alphabet_of(enum cf_base64 kind)
{
    return kind == CF_BASE64 ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                             : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
}

/* Writes the characters of the 1 to 3 bytes, without padding; returns how many. */
static size_t encode_group(const char *alphabet, const uint8_t *bytes, size_t len, uint8_t *out)
{
    uint32_t group = (uint32_t)bytes[0] << 16;
    if (len > 1)
        group |= (uint32_t)bytes[1] << 8;
    if (len > 2)
        group |= bytes[2];
    for (unsigned i = 0; i <= len; i++)
        out[i] = (uint8_t)alphabet[group >> (18 - 6 * i) & 0x3F];
    return len + 1;
}

enum cf_error cf_base64_encode(enum cf_base64 kind, struct cf_slice bytes, struct cf_buf *out)
{
    size_t encoded = cf_base64_len(kind, bytes.len);
    enum cf_error error = cf_buf_reserve(out, encoded);
    if (error != CF_OK)
        return error;
    const char *alphabet = alphabet_of(kind);
    size_t end = out->len + encoded;
    while (bytes.len > 0) {
        size_t len = bytes.len < 3 ? bytes.len : 3;
        out->len += encode_group(alphabet, bytes.ptr, len, out->ptr + out->len);
        bytes = cf_slice_skip(bytes, len);
    }
    while (out->len < end)
        out->ptr[out->len++] = '=';
    return CF_OK;
}

/* The value of a character, or -1. */
static int value_of(enum cf_base64 kind, uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (kind == CF_BASE64 ? '+' : '-'))
        return 62;
    if (c == (kind == CF_BASE64 ? '/' : '_'))
        return 63;
    return -1;
}

/* Takes the padding that the kind demands off the end. The lengths left over are exactly those
 * that an encoding can have. */
static enum cf_error strip_padding(enum cf_base64 kind, struct cf_slice *text)
{
    if (kind == CF_BASE64) {
        if (text->len % 4 != 0)
            return CF_E_SYNTAX;
        for (unsigned i = 0; i < 2 && text->len > 0 && text->ptr[text->len - 1] == '='; i++)
            text->len--;
    }
    return text->len % 4 == 1 ? CF_E_SYNTAX : CF_OK;
}

/* Reads 2 to 4 characters and writes one byte fewer. False for a character outside the alphabet or
 * bits left over that are not zero (RFC 4648 section 3.5). */
static bool decode_group(enum cf_base64 kind, struct cf_slice text, uint8_t *out)
{
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < text.len ? value_of(kind, text.ptr[i]) : 0;
        if (value < 0)
            return false;
        group = group << 6 | (uint32_t)value;
    }
    for (unsigned i = 0; i + 1 < text.len; i++)
        out[i] = (uint8_t)(group >> (16 - 8 * i));
    return text.len == 4 || (group & (text.len == 3 ? 0xFF : 0xFFFF)) == 0;
}

enum cf_error cf_base64_decode(enum cf_base64 kind, struct cf_slice text, struct cf_buf *out)
{
    enum cf_error error = strip_padding(kind, &text);
    if (error != CF_OK)
        return error;
    size_t rest = text.len % 4;
    size_t decoded = text.len / 4 * 3 + (rest == 0 ? 0 : rest - 1);
    error = cf_buf_reserve(out, decoded);
    if (error != CF_OK)
        return error;
    for (size_t at = out->len; text.len > 0; at += 3) {
        if (!decode_group(kind, cf_slice_head(text, 4), out->ptr + at))
            return CF_E_SYNTAX;
        text = cf_slice_skip(text, 4);
    }
    out->len += decoded;
    return CF_OK;
}
