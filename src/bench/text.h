/* The texts of messages: a name that every receiver can check, when it was written, and filling. */
#ifndef CF_BENCH_TEXT_H
#define CF_BENCH_TEXT_H

#include "base/buf.h"

/* Every text begins with its name: sender (7 hex digits), '+', the sender's counter (8); then '+'
 * and when it was written (16, nanoseconds), in letters that base64 has, too. */
enum {
    CF_BENCH_NAME_LEN = 16,
    CF_BENCH_TIME_LEN = 17,
    CF_BENCH_HEAD_LEN = CF_BENCH_NAME_LEN + CF_BENCH_TIME_LEN,
    CF_BENCH_TEXT_MAX = 8192,
};

/* Characters of a text of that size: of plain text as many, of a sealed one its base64. */
size_t cf_bench_text_len(size_t bytes, bool sealed);
/* Appends a text whose head is still to be written. Plain: small talk of a shop, other for each
 * sender. Sealed: base64 of random bytes. CF_E_TOO_LARGE, CF_E_NOMEM. */
enum cf_error cf_bench_text_append(struct cf_buf *out, size_t bytes, bool sealed, unsigned sender);
/* Writes the head over the beginning of a text. */
void cf_bench_text_head(uint8_t *out, unsigned sender, uint32_t counter, uint64_t sent_ns);
/* What a head, of CF_BENCH_HEAD_LEN bytes, says. False when it is none. */
bool cf_bench_text_parse(const uint8_t *head, unsigned *out_sender, uint32_t *out_counter,
                         uint64_t *out_sent_ns);

#endif
