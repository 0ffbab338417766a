/* One line for a person about what went wrong. */
#ifndef CF_EDGE_STORE_SQLITE_WHY_H
#define CF_EDGE_STORE_SQLITE_WHY_H

#include "base/buf.h"

/* Appends the formatted line, cut at 1 KiB. Without memory nothing is appended: the error code that
 * the caller returns still tells. `why` may be NULL. */
void cf_sqlite_why(struct cf_buf *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
