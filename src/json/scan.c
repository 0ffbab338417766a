#include "json/scan.h"

#define EACH_BYTE(byte) ((byte)*UINT64_C(0x0101010101010101))
#define HIGH_BITS EACH_BYTE(0x80)

/* Compilers make one load of it. */
static uint64_t load_le64(const uint8_t *b)
{
    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
           (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
           (uint64_t)b[7] << 56;
}

/* The high bit of each byte below `limit` (at most 0x80): such a byte borrows. A borrow may mark
 * bytes above it too, so only the lowest mark can be relied on. */
static uint64_t mark_below(uint64_t word, uint8_t limit)
{
    return (word - EACH_BYTE(limit)) & ~word & HIGH_BITS;
}

static uint64_t mark_special(uint64_t word)
{
    return mark_below(word, 0x20) | mark_below(word ^ EACH_BYTE('"'), 1) |
           mark_below(word ^ EACH_BYTE('\\'), 1);
}

static bool is_special(uint8_t byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\';
}

size_t cf_json_scan_plain(struct cf_slice text, bool *out_ascii)
{
    size_t len = 0;
    uint64_t seen = 0;
    for (; text.len - len >= 8; len += 8) {
        uint64_t word = load_le64(text.ptr + len);
        uint64_t marks = mark_special(word);
        if (marks != 0) {
            /* the bytes below the lowest mark, which is the high bit of its byte */
            uint64_t below = ((marks & -marks) >> 7) - 1;
            *out_ascii = ((seen | (word & below)) & HIGH_BITS) == 0;
            return len + (unsigned)__builtin_ctzll(marks) / 8;
        }
        seen |= word;
    }
    /* The last word overlaps the one before it, where nothing is special. */
    if (text.len >= 8 && len < text.len) {
        uint64_t word = load_le64(text.ptr + text.len - 8);
        if (mark_special(word) == 0) {
            *out_ascii = ((seen | word) & HIGH_BITS) == 0;
            return text.len;
        }
    }
    for (; len < text.len && !is_special(text.ptr[len]); len++)
        seen |= text.ptr[len];
    *out_ascii = (seen & HIGH_BITS) == 0;
    return len;
}
