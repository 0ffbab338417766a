/* The texts of messages: a name that every receiver can check, and filling. */
#ifndef CF_BENCH_LOAD_TEXT_H
#define CF_BENCH_LOAD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every text begins with: sender (4 hex digits), '+', its counter (8), '+', when it was written
 * (16, nanoseconds). Together they are the message's name, in letters that base64 has, too. */
enum { LOAD_NAME_LEN = 30, LOAD_TEXT_MAX = 8192 };

/* Characters of a text of that size: of plain text as many, of a sealed one its base64. */
size_t load_text_len(size_t bytes, bool sealed);
/* The filling. Plain: small talk of a shop, other for each sender. Sealed: base64 of random bytes.
 */
void load_text_fill(char *out, size_t bytes, bool sealed, unsigned sender);
/* Writes the name over the beginning. */
void load_text_name(char *out, unsigned sender, uint32_t counter, uint64_t sent_ns);

#endif
