/* UUIDs (RFC 9562). Ids that the server gives are version 7, so that they sort by time. */
#ifndef CF_BASE_UUID_H
#define CF_BASE_UUID_H

#include "base/slice.h"
#include "base/time.h"

#define CF_UUID_LEN 36

struct cf_uuid {
    uint8_t bytes[16];
};

/* Version 7: 48 bits of milliseconds, the rest random but for version and variant. */
struct cf_uuid cf_uuid_v7(cf_us now, const uint8_t random[10]);
/* 36 lower-case characters, no NUL. */
void cf_uuid_format(const struct cf_uuid *uuid, char out[CF_UUID_LEN]);
/* 8-4-4-4-12 hexadecimal digits in any case, any version; false for anything else. */
bool cf_uuid_parse(struct cf_slice text, struct cf_uuid *out_uuid);
bool cf_uuid_eq(const struct cf_uuid *a, const struct cf_uuid *b);
bool cf_uuid_is_nil(const struct cf_uuid *uuid);

#endif
