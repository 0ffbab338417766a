#include "wire/http/token.h"

#include <string.h>

bool cf_http_is_token_char(uint8_t byte)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    if ((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
        (byte >= 'A' && byte <= 'Z'))
        return true;
    return byte != 0 && memchr(others, byte, sizeof(others) - 1) != NULL;
}

bool cf_http_is_token(struct cf_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!cf_http_is_token_char(text.ptr[i]))
            return false;
    }
    return text.len > 0;
}

bool cf_http_is_value(struct cf_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return false;
    }
    return true;
}
