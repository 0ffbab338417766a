/* A borrowed run of bytes. Bytes travel as slices, never as a guess about a NUL. */
#ifndef CF_BASE_SLICE_H
#define CF_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cf_slice {
    const uint8_t *ptr; /* may be NULL when len is 0 */
    size_t len;
};

/* A slice of a string literal, without its NUL. */
#define CF_LIT(literal) ((struct cf_slice){(const uint8_t *)("" literal), sizeof(literal) - 1})

static inline struct cf_slice cf_slice_of(const void *ptr, size_t len)
{
    return (struct cf_slice){(const uint8_t *)ptr, len};
}

/* The bytes of a C string, without its NUL. */
struct cf_slice cf_slice_cstr(const char *text);
bool cf_slice_eq(struct cf_slice a, struct cf_slice b);
/* ASCII letters compare without case; other bytes exactly. */
bool cf_slice_eq_nocase(struct cf_slice a, struct cf_slice b);
/* Of secrets: in a time that tells their length, but not where they differ. */
bool cf_slice_eq_secret(struct cf_slice a, struct cf_slice b);
bool cf_slice_starts(struct cf_slice s, struct cf_slice prefix);
bool cf_slice_ends(struct cf_slice s, struct cf_slice suffix);
/* Index of the first `byte`, or s.len. */
size_t cf_slice_find(struct cf_slice s, uint8_t byte);
/* The first `len` bytes (fewer if there are fewer), and what follows them. */
struct cf_slice cf_slice_head(struct cf_slice s, size_t len);
struct cf_slice cf_slice_skip(struct cf_slice s, size_t len);
/* Without spaces and tabs at both ends (RFC 9110 OWS). */
struct cf_slice cf_slice_trim(struct cf_slice s);
/* Takes the text before the next `separator` off *rest (all of it if there is none) and moves *rest
 * behind it. False when *rest was used up; an empty last element is still given once. Start with
 * rest = the whole slice; `rest.ptr` becomes NULL at the end. Linear over the whole walk. */
bool cf_slice_next(struct cf_slice *rest, uint8_t separator, struct cf_slice *out_element);
/* A decimal number: digits only, no sign, no space, at least one digit. False also when it does not
 * fit; *out_value is then untouched. */
bool cf_slice_to_u64(struct cf_slice s, uint64_t *out_value);
/* Writes `value` in decimal to `out` (at least 20 bytes), no NUL; returns the length. */
size_t cf_u64_format(uint64_t value, char *out);

#endif
