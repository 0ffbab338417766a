/* Time is an argument. Two kinds that do not mix: monotonic milliseconds for deadlines, wall-clock
 * microseconds since 1970 (UTC) for what people see. */
#ifndef CF_BASE_TIME_H
#define CF_BASE_TIME_H

#include "base/error.h"
#include "base/slice.h"

typedef int64_t cf_ms; /* monotonic, milliseconds */
typedef int64_t cf_us; /* wall clock, microseconds since 1970-01-01T00:00:00Z */

#define CF_MS_NEVER INT64_MAX

static inline cf_ms cf_ms_earlier(cf_ms a, cf_ms b)
{
    return a < b ? a : b;
}

/* Both at once: what a step of a machine is given. */
struct cf_now {
    cf_ms ms;
    cf_us us;
};

#define CF_TIME_LEN 27
/* Fixed width, as every message carries it: 2026-01-03T15:30:00.123456Z, 27 bytes, no NUL.
 * Years 0000 to 9999; others are clamped. */
void cf_us_format(cf_us time, char out[CF_TIME_LEN]);
/* RFC 3339 date-time with any number of fraction digits (those after the sixth are cut) and `Z` or
 * an offset. CF_E_SYNTAX for anything else, a day that does not exist included; a leap second
 * (:60, at the end of a month in UTC) counts as the second after. */
enum cf_error cf_us_parse(struct cf_slice text, cf_us *out_time);

#endif
