#include "base/uuid.h"

#include <string.h>

struct cf_uuid cf_uuid_v7(cf_us now, const uint8_t random[10])
{
    struct cf_uuid uuid;
    uint64_t ms = now > 0 ? (uint64_t)now / 1000 : 0;
    for (unsigned i = 0; i < 6; i++)
        uuid.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    memcpy(uuid.bytes + 6, random, 10);
    /* Version and variant: RFC 9562 sections 4.1 and 4.2. */
    uuid.bytes[6] = (uint8_t)(0x70 | (uuid.bytes[6] & 0x0F));
    uuid.bytes[8] = (uint8_t)(0x80 | (uuid.bytes[8] & 0x3F));
    return uuid;
}

static bool is_hyphen_at(size_t index)
{
    return index == 8 || index == 13 || index == 18 || index == 23;
}

void cf_uuid_format(const struct cf_uuid *uuid, char out[CF_UUID_LEN])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
        if (is_hyphen_at(at))
            out[at++] = '-';
        out[at++] = digits[uuid->bytes[i] >> 4];
        out[at++] = digits[uuid->bytes[i] & 0x0F];
    }
}

/* The value of a hexadecimal digit, or -1. */
static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

bool cf_uuid_parse(struct cf_slice text, struct cf_uuid *out_uuid)
{
    if (text.len != CF_UUID_LEN)
        return false;
    struct cf_uuid uuid = {{0}};
    size_t nibble = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (is_hyphen_at(i)) {
            if (text.ptr[i] != '-')
                return false;
            continue;
        }
        int value = hex_value(text.ptr[i]);
        if (value < 0)
            return false;
        uint8_t *byte = &uuid.bytes[nibble / 2];
        *byte = (uint8_t)(*byte << 4 | value);
        nibble++;
    }
    *out_uuid = uuid;
    return true;
}

bool cf_uuid_eq(const struct cf_uuid *a, const struct cf_uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool cf_uuid_is_nil(const struct cf_uuid *uuid)
{
    static const struct cf_uuid nil;
    return cf_uuid_eq(uuid, &nil);
}
