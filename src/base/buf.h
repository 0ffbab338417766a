/* A growable byte buffer with a cap, so that no peer decides how much memory is used.
 *
 *     struct cf_buf buf;
 *     cf_buf_init(&buf, 65536);
 *     error = cf_buf_append(&buf, CF_LIT("x"));
 *     cf_buf_deinit(&buf);
 *
 * Nothing is allocated before the first append. A failed append leaves the buffer as it was. */
#ifndef CF_BASE_BUF_H
#define CF_BASE_BUF_H

#include "base/error.h"
#include "base/slice.h"

struct cf_buf {
    uint8_t *ptr;
    size_t len;
    size_t cap;
    size_t max; /* len never exceeds it */
};

void cf_buf_init(struct cf_buf *buf, size_t bytes_max);
void cf_buf_deinit(struct cf_buf *buf);
/* Forgets the bytes, keeps the memory. */
void cf_buf_reset(struct cf_buf *buf);
/* Forgets the bytes and gives the memory back; the buffer stays usable. */
void cf_buf_release(struct cf_buf *buf);
/* Room for `len` more bytes at ptr + len. CF_E_TOO_LARGE over the cap, CF_E_NOMEM. */
enum cf_error cf_buf_reserve(struct cf_buf *buf, size_t len);
/* `bytes` may not lie in the buffer itself. */
enum cf_error cf_buf_append(struct cf_buf *buf, struct cf_slice bytes);
enum cf_error cf_buf_append_byte(struct cf_buf *buf, uint8_t byte);
enum cf_error cf_buf_append_u64(struct cf_buf *buf, uint64_t value);
/* Drops `len` bytes (at most buf->len) from the front. */
void cf_buf_consume(struct cf_buf *buf, size_t len);
struct cf_slice cf_buf_peek(const struct cf_buf *buf);

#endif
