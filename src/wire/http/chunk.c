#include "wire/http/chunk.h"

#include "wire/http/token.h"

enum { SIZE_DIGITS_MAX = 16 };

/* quoted-string, RFC 9110 section 5.6.4; its length with the quotes, 0 when it is none. */
static size_t quoted_len(struct cf_slice text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] == '"')
            return cf_http_is_value(cf_slice_head(text, i)) ? i + 1 : 0;
        if (text.ptr[i] == '\\')
            i++;
    }
    return 0;
}

/* *( ";" name [ "=" value ] ), the value a token or quoted. */
static bool extensions_ok(struct cf_slice text)
{
    while (text.len > 0) {
        size_t name = cf_http_token_len(cf_slice_skip(text, 1));
        if (text.ptr[0] != ';' || name == 0)
            return false;
        text = cf_slice_skip(text, 1 + name);
        if (text.len == 0 || text.ptr[0] != '=')
            continue;
        text = cf_slice_skip(text, 1);
        bool quoted = text.len > 0 && text.ptr[0] == '"';
        size_t value = quoted ? quoted_len(text) : cf_http_token_len(text);
        if (value == 0)
            return false;
        text = cf_slice_skip(text, value);
    }
    return true;
}

enum cf_error cf_http_parse_chunk_line(struct cf_slice line, uint64_t *out_size)
{
    uint64_t size = 0;
    size_t digits = 0;
    while (digits < line.len && cf_http_hex_digit(line.ptr[digits]) >= 0) {
        if (digits == SIZE_DIGITS_MAX)
            return CF_E_SYNTAX;
        size = size << 4 | (uint64_t)cf_http_hex_digit(line.ptr[digits]);
        digits++;
    }
    if (digits == 0 || !extensions_ok(cf_slice_skip(line, digits)))
        return CF_E_SYNTAX;
    *out_size = size;
    return CF_OK;
}
