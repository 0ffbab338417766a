/* A state is what the next byte may be. RFC 3629 section 4 restricts the second byte after four
 * lead bytes (E0, ED, F0, F4) and no other, so each has a state of its own and all the rest is
 * counting continuation bytes. */
#include "base/utf8.h"

#include <string.h>

#include "base/assert.h"

enum {
    START,
    TAIL_1, /* one continuation byte to come, two, three */
    TAIL_2,
    TAIL_3,
    AFTER_E0, /* lower would be overlong */
    AFTER_ED, /* higher would be a surrogate */
    AFTER_F0, /* lower would be overlong */
    AFTER_F4, /* higher would be above U+10FFFF */
    FAILED,
};

static const struct {
    uint8_t low, high; /* the bytes allowed here */
    uint8_t next;
} tail_table[] = {
    [TAIL_1] = {0x80, 0xBF, START},    [TAIL_2] = {0x80, 0xBF, TAIL_1},
    [TAIL_3] = {0x80, 0xBF, TAIL_2},   [AFTER_E0] = {0xA0, 0xBF, TAIL_1},
    [AFTER_ED] = {0x80, 0x9F, TAIL_1}, [AFTER_F0] = {0x90, 0xBF, TAIL_2},
    [AFTER_F4] = {0x80, 0x8F, TAIL_2}, [FAILED] = {0xFF, 0x00, FAILED},
};

/* C0 and C1 could only begin overlong forms, F5 and above only what lies above U+10FFFF. */
static uint8_t state_after_lead(uint8_t byte)
{
    if (byte < 0x80)
        return START;
    if (byte < 0xC2 || byte > 0xF4)
        return FAILED;
    if (byte < 0xE0)
        return TAIL_1;
    switch (byte) {
    case 0xE0:
        return AFTER_E0;
    case 0xED:
        return AFTER_ED;
    case 0xF0:
        return AFTER_F0;
    case 0xF4:
        return AFTER_F4;
    default:
        return byte < 0xF0 ? TAIL_2 : TAIL_3;
    }
}

static uint8_t state_after(uint8_t state, uint8_t byte)
{
    if (state == START)
        return state_after_lead(byte);
    if (byte < tail_table[state].low || byte > tail_table[state].high)
        return FAILED;
    return tail_table[state].next;
}

/* The number of bytes at `ptr`, in steps of 16, that are ASCII. */
static size_t skip_ascii(const uint8_t *ptr, size_t len)
{
    size_t done = 0;
    while (len - done >= 16) {
        uint64_t words[2];
        memcpy(words, ptr + done, sizeof(words));
        if (((words[0] | words[1]) & 0x8080808080808080) != 0)
            break;
        done += 16;
    }
    return done;
}

enum cf_error cf_utf8_feed(struct cf_utf8 *utf8, struct cf_slice bytes, size_t *out_good)
{
    uint8_t state = utf8->state;
    for (size_t i = 0; i < bytes.len; i++) {
        if (state == START && bytes.ptr[i] < 0x80) {
            i += skip_ascii(bytes.ptr + i, bytes.len - i);
            while (i < bytes.len && bytes.ptr[i] < 0x80)
                i++;
            if (i == bytes.len)
                break;
        }
        state = state_after(state, bytes.ptr[i]);
        if (state == FAILED) {
            utf8->state = FAILED;
            if (out_good != NULL)
                *out_good = i;
            return CF_E_UTF8;
        }
    }
    utf8->state = state;
    return CF_OK;
}

bool cf_utf8_complete(const struct cf_utf8 *utf8)
{
    return utf8->state == START;
}

bool cf_utf8_valid(struct cf_slice bytes)
{
    struct cf_utf8 utf8 = {0};
    return cf_utf8_feed(&utf8, bytes, NULL) == CF_OK && cf_utf8_complete(&utf8);
}

size_t cf_utf8_count(struct cf_slice bytes)
{
    size_t count = skip_ascii(bytes.ptr, bytes.len);
    for (size_t i = count; i < bytes.len; i++)
        count += (bytes.ptr[i] & 0xC0) != 0x80;
    return count;
}

static uint8_t continuation(uint32_t scalar, unsigned shift)
{
    return (uint8_t)(0x80 | (scalar >> shift & 0x3F));
}

size_t cf_utf8_encode(uint32_t scalar, uint8_t out[4])
{
    CF_ASSERT(scalar <= 0x10FFFF && (scalar < 0xD800 || scalar > 0xDFFF));
    if (scalar < 0x80) {
        out[0] = (uint8_t)scalar;
        return 1;
    }
    if (scalar < 0x800) {
        out[0] = (uint8_t)(0xC0 | scalar >> 6);
        out[1] = continuation(scalar, 0);
        return 2;
    }
    if (scalar < 0x10000) {
        out[0] = (uint8_t)(0xE0 | scalar >> 12);
        out[1] = continuation(scalar, 6);
        out[2] = continuation(scalar, 0);
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | scalar >> 18);
    out[1] = continuation(scalar, 12);
    out[2] = continuation(scalar, 6);
    out[3] = continuation(scalar, 0);
    return 4;
}
