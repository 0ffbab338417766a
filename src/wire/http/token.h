/* Character classes of RFC 9110 section 5.6, and tokens in lists. */
#ifndef CF_WIRE_HTTP_TOKEN_H
#define CF_WIRE_HTTP_TOKEN_H

#include "base/slice.h"

/* tchar */
bool cf_http_is_token_char(uint8_t byte);
/* How many tchars `text` begins with. */
size_t cf_http_token_len(struct cf_slice text);
/* At least one tchar and nothing else. */
bool cf_http_is_token(struct cf_slice text);
/* Field content: visible, space, tab, obs-text. */
bool cf_http_is_value(struct cf_slice text);
/* 0 to 15, -1 for what is none. */
int cf_http_hex_digit(uint8_t byte);

#endif
