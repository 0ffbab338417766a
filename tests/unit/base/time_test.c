#include "unit/base/support.h"

#include "base/time.h"

static void assert_formats(cf_us time, const char *expected)
{
    char text[CF_TIME_LEN + 1] = {0};
    cf_us_format(time, text);
    assert_string_equal(text, expected);
}

static void assert_parses(const char *text, cf_us expected)
{
    cf_us time = -1;
    if (cf_us_parse(cf_slice_cstr(text), &time) != CF_OK)
        fail_msg("refused: %s", text);
    assert_true(time == expected);
}

static void known_times(void **state)
{
    (void)state;
    static const struct {
        cf_us time;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {1767454200123456, "2026-01-03T15:30:00.123456Z"},
        {951782400000000, "2000-02-29T00:00:00.000000Z"},
        {4107542399999999, "2100-02-28T23:59:59.999999Z"},
        {4107542400000000, "2100-03-01T00:00:00.000000Z"},
        {-62167219200000000, "0000-01-01T00:00:00.000000Z"},
        {253402300799999999, "9999-12-31T23:59:59.999999Z"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        assert_formats(cases[i].time, cases[i].text);
        assert_parses(cases[i].text, cases[i].time);
    }
}

static void years_are_clamped(void **state)
{
    (void)state;
    assert_formats(-62167219200000001, "0000-01-01T00:00:00.000000Z");
    assert_formats(INT64_MIN, "0000-01-01T00:00:00.000000Z");
    assert_formats(253402300800000000, "9999-12-31T23:59:59.999999Z");
    assert_formats(INT64_MAX, "9999-12-31T23:59:59.999999Z");
}

static unsigned month_len(unsigned year, unsigned month)
{
    if (month == 2)
        return year % 400 == 0 || (year % 4 == 0 && year % 100 != 0) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static void write_number(char *out, unsigned width, unsigned value)
{
    for (; width > 0; value /= 10)
        out[--width] = (char)('0' + value % 10);
}

/* Walks the calendar from the first day to the last, counting. */
static void every_day_of_ten_thousand_years(void **state)
{
    (void)state;
    cf_us time = -62167219200000000;
    char expected[] = "0000-00-00T00:00:00.000000Z", text[CF_TIME_LEN];
    for (unsigned year = 0; year <= 9999; year++) {
        write_number(expected, 4, year);
        for (unsigned month = 1; month <= 12; month++) {
            write_number(expected + 5, 2, month);
            for (unsigned day = 1; day <= month_len(year, month); day++) {
                write_number(expected + 8, 2, day);
                cf_us_format(time, text);
                cf_us back;
                if (memcmp(text, expected, CF_TIME_LEN) != 0 ||
                    cf_us_parse(cf_slice_of(text, CF_TIME_LEN), &back) != CF_OK || back != time)
                    fail_msg("%s", expected);
                time += 86400000000;
            }
        }
    }
    assert_true(time == 253402300800000000);
}

static void every_second_of_a_day(void **state)
{
    (void)state;
    char expected[] = "2026-01-03T00:00:00.999999Z";
    for (unsigned second = 0; second < 86400; second++) {
        write_number(expected + 11, 2, second / 3600);
        write_number(expected + 14, 2, second / 60 % 60);
        write_number(expected + 17, 2, second % 60);
        cf_us time = 1767398400000000 + (cf_us)second * 1000000 + 999999;
        assert_formats(time, expected);
        assert_parses(expected, time);
    }
}

static void other_spellings_of_one_time(void **state)
{
    (void)state;
    static const char *const spellings[] = {
        "2026-01-03T15:30:00Z",          "2026-01-03t15:30:00z",
        "2026-01-03T15:30:00+00:00",     "2026-01-03T15:30:00-00:00",
        "2026-01-03T16:30:00+01:00",     "2026-01-03T10:00:00-05:30",
        "2026-01-04T15:29:00+23:59",     "2026-01-02T15:31:00-23:59",
        "2026-01-03T15:30:00.0Z",        "2026-01-03T15:30:00.0000009999999999999999999Z",
        "2026-01-03T15:30:00.000-00:00",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(spellings); i++)
        assert_parses(spellings[i], 1767454200000000);
}

static void fractions(void **state)
{
    (void)state;
    assert_parses("2026-01-03T15:30:00.1Z", 1767454200100000);
    assert_parses("2026-01-03T15:30:00.12Z", 1767454200120000);
    assert_parses("2026-01-03T15:30:00.000001Z", 1767454200000001);
    assert_parses("2026-01-03T15:30:00.1234569Z", 1767454200123456);
    assert_parses("2026-01-03T15:30:00.999999999Z", 1767454200999999);
}

/* RFC 3339 sections 5.7 and 5.8. */
static void leap_seconds(void **state)
{
    (void)state;
    assert_parses("1990-12-31T23:59:60Z", 662688000000000);
    assert_parses("1990-12-31T15:59:60-08:00", 662688000000000);
    assert_parses("1990-12-31T23:59:60.5Z", 662688000500000);
    assert_parses("2016-07-01T00:59:60+01:00", 1467331200000000);
    assert_parses("9999-12-31T23:59:60Z", 253402300800000000);
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026",
        "2026-01-03",
        "2026-01-03T15:30",
        "2026-01-03T15:30:00",
        "2026-01-03 15:30:00Z",
        "2026-01-03T15:30:00ZZ",
        " 2026-01-03T15:30:00Z",
        "2026-01-03T15:30:00Z ",
        "2026-01-03T15:30Z",
        "20260103T153000Z",
        "+2026-01-03T15:30:00Z",
        "-026-01-03T15:30:00Z",
        "02026-01-03T15:30:00Z",
        "2026-1-03T15:30:00Z",
        "2026-01-3T15:30:00Z",
        "2026/01/03T15:30:00Z",
        /* no such day */
        "2026-00-03T15:30:00Z",
        "2026-13-03T15:30:00Z",
        "2026-01-00T15:30:00Z",
        "2026-01-32T15:30:00Z",
        "2026-04-31T15:30:00Z",
        "2026-02-29T15:30:00Z",
        "2024-02-30T15:30:00Z",
        "1900-02-29T15:30:00Z",
        "2100-02-29T15:30:00Z",
        /* no such time */
        "2026-01-03T24:00:00Z",
        "2026-01-03T15:60:00Z",
        "2026-01-03T15:30:61Z",
        "2026-01-03T15:30:60Z",
        "2026-01-03T23:59:60Z",
        "2026-01-31T23:58:60Z",
        "1990-12-31T23:59:60-08:00",
        "2026-01-03T-1:30:00Z",
        "2026-01-03T15:+3:00Z",
        /* fractions and offsets */
        "2026-01-03T15:30:00.Z",
        "2026-01-03T15:30:00.",
        "2026-01-03T15:30:00,5Z",
        "2026-01-03T15:30:00.5",
        "2026-01-03T15:30:00.5x",
        "2026-01-03T15:30:00.-5Z",
        "2026-01-03T15:30:00+24:00",
        "2026-01-03T15:30:00+01:60",
        "2026-01-03T15:30:00+0100",
        "2026-01-03T15:30:00+01",
        "2026-01-03T15:30:00+1:00",
        "2026-01-03T15:30:00 +01:00",
        "2026-01-03T15:30:00Z+01:00",
        "2026-01-03T15:30:00+-1:00",
        "2026-01-03T15:30:00-+1:00",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(bad); i++) {
        cf_us time = 4711;
        if (cf_us_parse(cf_slice_cstr(bad[i]), &time) != CF_E_SYNTAX)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(time, 4711);
    }
}

/* Any one byte changed: accepted only where a digit, T, Z or a point may stand. */
static void one_wrong_byte_anywhere(void **state)
{
    (void)state;
    char text[] = "2026-01-03T15:30:00.123456Z";
    for (size_t at = 0; at < CF_TIME_LEN; at++) {
        char kept = text[at];
        for (int c = 0; c < 256; c++) {
            text[at] = (char)c;
            cf_us time;
            bool digit = c >= '0' && c <= '9', kept_digit = kept >= '0' && kept <= '9';
            bool same_letter = c == kept || (c == 't' && kept == 'T') || (c == 'z' && kept == 'Z');
            if (cf_us_parse(cf_slice_of(text, CF_TIME_LEN), &time) == CF_OK)
                assert_true(kept_digit ? digit : same_letter);
            else
                assert_false(same_letter);
        }
        text[at] = kept;
        assert_int_equal(cf_us_parse(cf_slice_of(text, at), &(cf_us){0}), CF_E_SYNTAX);
    }
}

static void random_times_come_back(void **state)
{
    (void)state;
    uint64_t seed = 12;
    for (unsigned round = 0; round < 100000; round++) {
        cf_us time = -62167219200000000 + (cf_us)(next_random(&seed) % 315569520000000000), back;
        char text[CF_TIME_LEN];
        cf_us_format(time, text);
        assert_int_equal(cf_us_parse(cf_slice_of(text, CF_TIME_LEN), &back), CF_OK);
        assert_true(back == time);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_times),
        cmocka_unit_test(years_are_clamped),
        cmocka_unit_test(every_day_of_ten_thousand_years),
        cmocka_unit_test(every_second_of_a_day),
        cmocka_unit_test(other_spellings_of_one_time),
        cmocka_unit_test(fractions),
        cmocka_unit_test(leap_seconds),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(one_wrong_byte_anywhere),
        cmocka_unit_test(random_times_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
