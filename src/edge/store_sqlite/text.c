#include "edge/store_sqlite/text.h"

#include <string.h>

struct cf_sqlite_number cf_sqlite_number(int64_t number)
{
    struct cf_sqlite_number formatted;
    bool negative = number < 0;
    uint64_t magnitude = negative ? 0 - (uint64_t)number : (uint64_t)number;
    formatted.text[0] = '-';
    size_t len = negative + cf_u64_format(magnitude, formatted.text + negative);
    formatted.text[len] = '\0';
    return formatted;
}

bool cf_sqlite_join_parts(char *out, size_t out_bytes, const char *const parts[])
{
    size_t len = 0;
    bool fits = true;
    for (; *parts != NULL && fits; parts++) {
        size_t part_len = strlen(*parts);
        size_t room = out_bytes - 1 - len;
        fits = part_len <= room;
        size_t copied = fits ? part_len : room;
        memcpy(out + len, *parts, copied);
        len += copied;
    }
    out[len] = '\0';
    return fits;
}

void cf_sqlite_why_parts(struct cf_buf *why, const char *const parts[])
{
    if (why == NULL)
        return;
    char line[1024];
    (void)cf_sqlite_join_parts(line, sizeof(line), parts);
    (void)cf_buf_append(why, cf_slice_cstr(line));
}
