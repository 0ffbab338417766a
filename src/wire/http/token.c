#include "wire/http/token.h"

#include <string.h>

/* tchar, RFC 9110 section 5.6.2: a bit for each byte, 32 bytes a word. */
static const uint32_t token_bits[8] = {0, 0x03ff6cfa /* !#$%&'*+-. 0-9 */, 0xc7fffffe /* A-Z ^_ */,
                                       0x57ffffff /* ` a-z |~ */};

bool cf_http_is_token_char(uint8_t byte)
{
    return (token_bits[byte >> 5] >> (byte & 31) & 1) != 0;
}

size_t cf_http_token_len(struct cf_slice text)
{
    size_t len = 0;
    while (len < text.len && cf_http_is_token_char(text.ptr[len]))
        len++;
    return len;
}

bool cf_http_is_token(struct cf_slice text)
{
    return text.len > 0 && cf_http_token_len(text) == text.len;
}

/* A bit for each byte that may be below 0x20 or 0x7f; none when there is no such byte. */
static uint64_t suspects(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    uint64_t del = word ^ ones * 0x7f;
    return (((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & high;
}

/* Most of a head is values: eight bytes at a time, and one by one only where a tab may be. */
bool cf_http_is_value(struct cf_slice text)
{
    size_t i = 0;
    while (i < text.len) {
        uint64_t word;
        if (text.len - i >= sizeof(word)) {
            memcpy(&word, text.ptr + i, sizeof(word));
            if (suspects(word) == 0) {
                i += sizeof(word);
                continue;
            }
        }
        uint8_t byte = text.ptr[i++];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return false;
    }
    return true;
}

int cf_http_hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}
