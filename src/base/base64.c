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

/* Of each character its value, and above it the kind that alone knows it; both for a character that
 * neither knows. */
enum { VALUE = 0x3F, PADDED = 0x40, URL = 0x80 };

static const uint8_t characters[256] = {
    0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0,
    0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0,
    0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0x7E, 0xC0, 0xBE, 0xC0, 0x7F,
    0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0,
    0xC0, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E,
    0x0F, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0xC0, 0xC0, 0xC0, 0xC0, 0xBF,
    0xC0, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2A, 0x2B, 0x2C, 0x2D, 0x2E, 0x2F, 0x30, 0x31, 0x32, 0x33, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0,
    0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0,
    0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0,
    0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0,
    0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0,
    0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0,
    0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0,
    0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0,
    0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0, 0xC0,
};

static uint8_t value_of(uint8_t c)
{
    return characters[c] & VALUE;
}

/* Without a branch a character: texts are long, and nearly all are right. */
static bool in_alphabet(enum cf_base64 kind, struct cf_slice text)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < text.len; i++)
        seen |= characters[text.ptr[i]];
    return (seen & (kind == CF_BASE64 ? URL : PADDED)) == 0;
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

/* The bits that the last character has left over are zero (RFC 4648 section 3.5). */
static bool ends_clean(struct cf_slice text)
{
    size_t rest = text.len % 4;
    return rest == 0 || (value_of(text.ptr[text.len - 1]) & (rest == 2 ? 0xF : 0x3)) == 0;
}

/* Takes the padding off, when the rest is an encoding of *out_len bytes. */
static enum cf_error examine(enum cf_base64 kind, struct cf_slice *text, size_t *out_len)
{
    enum cf_error error = strip_padding(kind, text);
    if (error != CF_OK)
        return error;
    if (!in_alphabet(kind, *text) || !ends_clean(*text))
        return CF_E_SYNTAX;
    size_t rest = text->len % 4;
    *out_len = text->len / 4 * 3 + (rest == 0 ? 0 : rest - 1);
    return CF_OK;
}

enum cf_error cf_base64_check(enum cf_base64 kind, struct cf_slice text, size_t *out_len)
{
    return examine(kind, &text, out_len);
}

/* 2 to 4 characters, known to be right, to one byte fewer. */
static void decode_group(struct cf_slice text, uint8_t *out)
{
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++)
        group = group << 6 | (i < text.len ? value_of(text.ptr[i]) : 0u);
    for (unsigned i = 0; i + 1 < text.len; i++)
        out[i] = (uint8_t)(group >> (16 - 8 * i));
}

enum cf_error cf_base64_decode(enum cf_base64 kind, struct cf_slice text, struct cf_buf *out)
{
    size_t decoded;
    enum cf_error error = examine(kind, &text, &decoded);
    if (error == CF_OK)
        error = cf_buf_reserve(out, decoded);
    if (error != CF_OK)
        return error;
    for (size_t at = out->len; text.len > 0; at += 3) {
        decode_group(cf_slice_head(text, 4), out->ptr + at);
        text = cf_slice_skip(text, 4);
    }
    out->len += decoded;
    return CF_OK;
}
