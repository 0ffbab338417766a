/* UTF-8 as RFC 3629 has it: no overlong form, no surrogate, nothing above U+10FFFF. Incremental,
 * and failing at the first byte that cannot be right (RFC 6455 section 8.1, hazard V9). */
#ifndef CF_BASE_UTF8_H
#define CF_BASE_UTF8_H

#include "base/error.h"
#include "base/slice.h"

/* A zeroed struct is the start state. */
struct cf_utf8 {
    uint8_t state;
};

/* Feeds more bytes. CF_E_UTF8 at the first impossible byte; *out_good (may be NULL) then holds the
 * number of bytes before it in this call. After an error the state is spent. */
enum cf_error cf_utf8_feed(struct cf_utf8 *utf8, struct cf_slice bytes, size_t *out_good);
/* True when the text may end here: no sequence is open. */
bool cf_utf8_complete(const struct cf_utf8 *utf8);
/* The whole slice at full speed (16 ASCII bytes a step). */
bool cf_utf8_valid(struct cf_slice bytes);
/* Code points in valid UTF-8; in other bytes, those that continue no sequence. */
size_t cf_utf8_count(struct cf_slice bytes);
/* Writes a scalar value (not a surrogate, at most 0x10FFFF); returns its 1 to 4 bytes. */
size_t cf_utf8_encode(uint32_t scalar, uint8_t out[4]);

#endif
