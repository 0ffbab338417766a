/* Lines for a person, joined from parts. Nothing in this folder uses printf, so that a check can
 * see at a glance that no SQL is made by it (hazard V22). */
#ifndef CF_EDGE_STORE_SQLITE_TEXT_H
#define CF_EDGE_STORE_SQLITE_TEXT_H

#include "base/buf.h"

struct cf_sqlite_number {
    char text[24];
};

/* The number in decimal, with its NUL. */
struct cf_sqlite_number cf_sqlite_number(int64_t number);

/* The parts one after the other in `out`, NUL-terminated; false when they did not fit, and were
 * cut. `parts` ends with NULL; the macro's `out` is an array. */
bool cf_sqlite_join_parts(char *out, size_t out_bytes, const char *const parts[]);
#define cf_sqlite_join(out, ...) \
    cf_sqlite_join_parts((out), sizeof(out), (const char *const[]){__VA_ARGS__, NULL})

/* Appends the parts, cut at 1 KiB, as the one line that says why something failed. Without memory
 * nothing is appended: the error code that the caller returns still tells. `why` may be NULL. */
void cf_sqlite_why_parts(struct cf_buf *why, const char *const parts[]);
#define cf_sqlite_why(why, ...) cf_sqlite_why_parts((why), (const char *const[]){__VA_ARGS__, NULL})

#endif
