#include "unit/base/support.h"

#include "base/uuid.h"

/* RFC 9562 appendix A.6. */
static void version_7_example_of_the_rfc(void **state)
{
    (void)state;
    /* unix_ts_ms 017F22E279B0, rand_a CC3, rand_b 18C4DC0C0C07398F */
    static const uint8_t random[10] = {0xFC, 0xC3, 0x18, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F};
    struct cf_uuid uuid = cf_uuid_v7((cf_us)0x017F22E279B0 * 1000 + 999, random);
    char text[CF_UUID_LEN];
    cf_uuid_format(&uuid, text);
    assert_slice_equal(cf_slice_of(text, sizeof(text)), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void version_7_keeps_all_other_random_bits(void **state)
{
    (void)state;
    uint8_t random[10];
    memset(random, 0xFF, sizeof(random));
    struct cf_uuid ones = cf_uuid_v7(0, random);
    assert_memory_equal(ones.bytes, "\0\0\0\0\0\0\x7F\xFF\xBF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 16);
    memset(random, 0, sizeof(random));
    struct cf_uuid zeros = cf_uuid_v7(-5, random);
    assert_memory_equal(zeros.bytes, "\0\0\0\0\0\0\x70\0\x80\0\0\0\0\0\0\0", 16);
}

static void version_7_sorts_by_time(void **state)
{
    (void)state;
    uint64_t seed = 3;
    struct cf_uuid before = {{0}};
    for (cf_us now = 1767454200000000; now < 1767454200000000 + 1000000; now += 1000) {
        uint64_t words[2] = {next_random(&seed), next_random(&seed)};
        struct cf_uuid uuid = cf_uuid_v7(now, (const uint8_t *)words);
        assert_true(memcmp(before.bytes, uuid.bytes, 16) < 0);
        before = uuid;
    }
}

static void any_case_and_version_parses(void **state)
{
    (void)state;
    struct cf_uuid lower, mixed;
    assert_true(cf_uuid_parse(CF_LIT("00112233-4455-6677-8899-aabbccddeeff"), &lower));
    assert_memory_equal(lower.bytes,
                        "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xAA\xBB\xCC\xDD\xEE\xFF", 16);
    assert_true(cf_uuid_parse(CF_LIT("00112233-4455-6677-8899-AabBCcDDEEFF"), &mixed));
    assert_true(cf_uuid_eq(&lower, &mixed));
    mixed.bytes[15] ^= 1;
    assert_false(cf_uuid_eq(&lower, &mixed));
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const struct cf_slice bad[] = {
        CF_LIT(""),
        CF_LIT("00112233-4455-6677-8899-aabbccddeef"),
        CF_LIT("00112233-4455-6677-8899-aabbccddeeff0"),
        CF_LIT("00112233445566778899aabbccddeeff"),
        CF_LIT("{00112233-4455-6677-8899-aabbccddeeff}"),
        CF_LIT("001122334-455-6677-8899-aabbccddeeff"),
        CF_LIT("00112233-4455-6677-8899_aabbccddeeff"),
        CF_LIT(" 0112233-4455-6677-8899-aabbccddeeff"),
    };
    struct cf_uuid uuid = {{42}};
    for (size_t i = 0; i < CF_ARRAY_LEN(bad); i++)
        assert_false(cf_uuid_parse(bad[i], &uuid));
    /* Every byte that is no digit, at every place of one. */
    char text[] = "00112233-4455-6677-8899-aabbccddeeff";
    for (size_t at = 0; at < CF_UUID_LEN; at++) {
        char kept = text[at];
        for (int c = 0; c < 256; c++) {
            text[at] = (char)c;
            bool digit = c > 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
            bool good = kept == '-' ? c == '-' : digit;
            struct cf_uuid parsed;
            assert_int_equal(cf_uuid_parse(cf_slice_of(text, CF_UUID_LEN), &parsed), good);
        }
        text[at] = kept;
    }
    assert_int_equal(uuid.bytes[0], 42);
}

static void text_comes_back(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (unsigned round = 0; round < 1000; round++) {
        struct cf_uuid uuid, back;
        for (unsigned i = 0; i < 16; i++)
            uuid.bytes[i] = (uint8_t)next_random(&seed);
        char text[CF_UUID_LEN];
        cf_uuid_format(&uuid, text);
        assert_true(cf_uuid_parse(cf_slice_of(text, sizeof(text)), &back));
        assert_true(cf_uuid_eq(&uuid, &back));
    }
}

static void nil(void **state)
{
    (void)state;
    struct cf_uuid uuid = {{0}};
    assert_true(cf_uuid_is_nil(&uuid));
    for (unsigned i = 0; i < 16; i++) {
        uuid.bytes[i] = 1;
        assert_false(cf_uuid_is_nil(&uuid));
        uuid.bytes[i] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_7_example_of_the_rfc),
        cmocka_unit_test(version_7_keeps_all_other_random_bits),
        cmocka_unit_test(version_7_sorts_by_time),
        cmocka_unit_test(any_case_and_version_parses),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(text_comes_back),
        cmocka_unit_test(nil),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
