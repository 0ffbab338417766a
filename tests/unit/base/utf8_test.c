/* V9: checked against an oracle that decodes by arithmetic instead of by states. */
#include "unit/base/support.h"

#include "base/utf8.h"

enum { SCALARS = 0x110000 - 0x800 };

/* The length of a sequence by its lead byte, 0 for none. */
static size_t oracle_len(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if ((lead & 0xE0) == 0xC0)
        return 2;
    if ((lead & 0xF0) == 0xE0)
        return 3;
    return (lead & 0xF8) == 0xF0 ? 4 : 0;
}

/* Whether some scalar value of the right length has a number from `low` to `high`. */
static bool oracle_reaches(size_t len, uint32_t low, uint32_t high)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    low = low < lowest[len] ? lowest[len] : low;
    high = high > 0x10FFFF ? 0x10FFFF : high;
    if (low >= 0xD800 && low <= 0xDFFF)
        low = 0xE000;
    return low <= high;
}

/* Whether the first `have` bytes can begin a sequence; *out_len is its whole length. */
static bool oracle_begins(const uint8_t *bytes, size_t have, size_t *out_len)
{
    size_t len = oracle_len(bytes[0]);
    *out_len = len;
    if (len == 0 || have > len)
        return false;
    uint32_t low = len == 1 ? bytes[0] : bytes[0] & (0x7Fu >> len), high;
    for (size_t i = 1; i < have; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return false;
        low = low << 6 | (bytes[i] & 0x3Fu);
    }
    high = low;
    for (size_t i = have; i < len; i++) {
        low = low << 6;
        high = high << 6 | 0x3F;
    }
    return oracle_reaches(len, low, high);
}

struct verdict {
    size_t good; /* bytes before the first impossible one */
    bool complete;
};

static struct verdict oracle(const uint8_t *bytes, size_t len)
{
    size_t start = 0;
    for (size_t i = 0; i < len; i++) {
        size_t whole;
        if (!oracle_begins(bytes + start, i + 1 - start, &whole))
            return (struct verdict){i, false};
        if (i + 1 - start == whole)
            start = i + 1;
    }
    return (struct verdict){len, start == len};
}

/* Feeds the bytes in pieces that end where `cuts` has a bit, and compares with the verdict. */
static bool feed_agrees(const uint8_t *bytes, size_t len, unsigned cuts, struct verdict expected)
{
    struct cf_utf8 utf8 = {0};
    size_t from = 0;
    for (size_t to = 1; to <= len; to++) {
        if (to < len && (cuts >> to & 1) == 0)
            continue;
        size_t good = SIZE_MAX;
        enum cf_error error = cf_utf8_feed(&utf8, cf_slice_of(bytes + from, to - from), &good);
        if (error != CF_OK)
            return error == CF_E_UTF8 && from + good == expected.good && expected.good < len &&
                   !cf_utf8_complete(&utf8);
        from = to;
    }
    return expected.good == len && cf_utf8_complete(&utf8) == expected.complete;
}

static bool agrees_at_every_split(const uint8_t *bytes, size_t len, struct verdict expected)
{
    for (unsigned cuts = 0; cuts < 1u << len; cuts += 2) {
        if (!feed_agrees(bytes, len, cuts, expected))
            return false;
    }
    return cf_utf8_valid(cf_slice_of(bytes, len)) == (expected.good == len && expected.complete);
}

static void v9_every_scalar_is_accepted_at_every_split(void **state)
{
    (void)state;
    unsigned accepted = 0;
    for (uint32_t scalar = 0; scalar < 0x110000; scalar++) {
        if (scalar == 0xD800)
            scalar = 0xE000;
        uint8_t bytes[4];
        size_t len = cf_utf8_encode(scalar, bytes), whole;
        uint32_t decoded = len == 1 ? bytes[0] : bytes[0] & (0x7Fu >> len);
        for (size_t i = 1; i < len; i++)
            decoded = decoded << 6 | (bytes[i] & 0x3Fu);
        assert_int_equal(decoded, scalar);
        assert_true(oracle_begins(bytes, len, &whole) && whole == len);
        assert_int_equal(cf_utf8_count(cf_slice_of(bytes, len)), 1);
        accepted += agrees_at_every_split(bytes, len, (struct verdict){len, true});
    }
    assert_int_equal(accepted, SCALARS);
    assert_int_equal(SCALARS, 1112064);
}

static void v9_every_two_byte_prefix(void **state)
{
    (void)state;
    unsigned mismatches = 0;
    for (unsigned n = 0; n < 1u << 16; n++) {
        const uint8_t bytes[2] = {(uint8_t)(n >> 8), (uint8_t)n};
        mismatches += !agrees_at_every_split(bytes, 2, oracle(bytes, 2));
    }
    assert_int_equal(mismatches, 0);
}

static void v9_every_three_byte_prefix(void **state)
{
    (void)state;
    unsigned mismatches = 0;
    for (unsigned n = 0; n < 1u << 24; n++) {
        const uint8_t bytes[3] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
        mismatches += !agrees_at_every_split(bytes, 3, oracle(bytes, 3));
    }
    assert_int_equal(mismatches, 0);
}

/* Behind each possible beginning of a four-byte sequence, every fourth byte. */
static void v9_every_fourth_byte(void **state)
{
    (void)state;
    unsigned mismatches = 0, valid = 0;
    for (unsigned n = 0xF00000; n < 0xF50000; n++) {
        uint8_t bytes[4] = {(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
        if (oracle(bytes, 3).good < 3)
            continue;
        for (unsigned last = 0; last < 256; last++) {
            bytes[3] = (uint8_t)last;
            struct verdict expected = oracle(bytes, 4);
            valid += expected.complete;
            mismatches += !agrees_at_every_split(bytes, 4, expected);
        }
    }
    assert_int_equal(mismatches, 0);
    assert_int_equal(valid, 0x100000);
}

/* The step of 16 ASCII bytes must neither pass over a byte nor begin inside a sequence. */
static void a_bad_byte_is_found_at_every_place(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 70; len++) {
        for (size_t at = 0; at < len; at++) {
            uint8_t text[70];
            memset(text, 'a', len);
            text[at] = at % 2 == 0 ? 0x80 : 0xFF;
            struct cf_utf8 utf8 = {0};
            size_t good;
            assert_int_equal(cf_utf8_feed(&utf8, cf_slice_of(text, len), &good), CF_E_UTF8);
            assert_int_equal(good, at);
            text[at] = 0x7F;
            assert_true(cf_utf8_valid(cf_slice_of(text, len)));
        }
    }
}

static void a_sequence_is_followed_across_every_place(void **state)
{
    (void)state;
    static const struct cf_slice sequences[] = {CF_LIT("\xC3\xA9"), CF_LIT("\xE2\x82\xAC"),
                                                CF_LIT("\xF0\x9F\x98\x80")};
    for (size_t s = 0; s < CF_ARRAY_LEN(sequences); s++) {
        struct cf_slice sequence = sequences[s];
        for (size_t at = 0; at < 60; at++) {
            uint8_t text[64];
            memset(text, 'a', sizeof(text));
            memcpy(text + at, sequence.ptr, sequence.len);
            assert_true(cf_utf8_valid(cf_slice_of(text, sizeof(text))));
            assert_int_equal(cf_utf8_count(cf_slice_of(text, sizeof(text))), 65 - sequence.len);
            assert_false(cf_utf8_valid(cf_slice_of(text, at + sequence.len - 1)));
            /* ASCII cannot end a sequence, wherever the next piece begins. */
            struct cf_utf8 utf8 = {0};
            size_t good;
            size_t open = at + sequence.len - 1;
            assert_int_equal(cf_utf8_feed(&utf8, cf_slice_of(text, open), NULL), CF_OK);
            assert_int_equal(cf_utf8_feed(&utf8, CF_LIT("aaaaaaaaaaaaaaaaaaaa"), &good), CF_E_UTF8);
            assert_int_equal(good, 0);
        }
    }
}

static void after_an_error_the_state_is_spent(void **state)
{
    (void)state;
    struct cf_utf8 utf8 = {0};
    assert_int_equal(cf_utf8_feed(&utf8, CF_LIT("\xFF"), NULL), CF_E_UTF8);
    assert_false(cf_utf8_complete(&utf8));
    assert_int_equal(cf_utf8_feed(&utf8, CF_LIT("a"), NULL), CF_E_UTF8);
    assert_int_equal(cf_utf8_feed(&utf8, CF_LIT("\x80"), NULL), CF_E_UTF8);
}

static void random_text_in_random_pieces(void **state)
{
    (void)state;
    uint64_t seed = 9;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t text[128];
        size_t len = 0;
        while (len < 100) {
            uint32_t scalar = (uint32_t)random_below(&seed, 0x110000) >> random_below(&seed, 21);
            if (scalar < 0xD800 || scalar > 0xDFFF)
                len += cf_utf8_encode(scalar, text + len);
        }
        if (round % 2 == 0)
            text[random_below(&seed, len)] ^= (uint8_t)(1u << random_below(&seed, 8));
        struct verdict expected = oracle(text, len);
        struct cf_utf8 utf8 = {0};
        size_t from = 0, good = 0;
        enum cf_error error = CF_OK;
        while (from < len && error == CF_OK) {
            size_t piece = 1 + random_below(&seed, len - from);
            error = cf_utf8_feed(&utf8, cf_slice_of(text + from, piece), &good);
            from += error == CF_OK ? piece : good;
        }
        assert_int_equal(from, expected.good);
        assert_int_equal(error == CF_OK && cf_utf8_complete(&utf8), expected.complete);
    }
}

static void nothing_is_valid(void **state)
{
    (void)state;
    struct cf_utf8 utf8 = {0};
    assert_true(cf_utf8_valid((struct cf_slice){NULL, 0}));
    assert_int_equal(cf_utf8_feed(&utf8, (struct cf_slice){NULL, 0}, NULL), CF_OK);
    assert_true(cf_utf8_complete(&utf8));
    assert_int_equal(cf_utf8_count((struct cf_slice){NULL, 0}), 0);
}

static void what_is_no_scalar_panics(void **state)
{
    (void)state;
    uint8_t out[4];
    assert_panics((void)cf_utf8_encode(0xD800, out));
    assert_panics((void)cf_utf8_encode(0xDFFF, out));
    assert_panics((void)cf_utf8_encode(0x110000, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v9_every_scalar_is_accepted_at_every_split),
        cmocka_unit_test(v9_every_two_byte_prefix),
        cmocka_unit_test(v9_every_three_byte_prefix),
        cmocka_unit_test(v9_every_fourth_byte),
        cmocka_unit_test(a_bad_byte_is_found_at_every_place),
        cmocka_unit_test(a_sequence_is_followed_across_every_place),
        cmocka_unit_test(after_an_error_the_state_is_spent),
        cmocka_unit_test(random_text_in_random_pieces),
        cmocka_unit_test(nothing_is_valid),
        cmocka_unit_test(what_is_no_scalar_panics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
