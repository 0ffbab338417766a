/* What the strings of reader and writer have in common. */
#ifndef CF_JSON_SCAN_H
#define CF_JSON_SCAN_H

#include "base/slice.h"

/* How many bytes from the front stand for themselves in a string: up to the first quotation mark,
 * backslash or control character (RFC 8259 section 7), or all. *out_ascii: whether those are all
 * ASCII. */
size_t cf_json_scan_plain(struct cf_slice text, bool *out_ascii);

#endif
