/* Calendar arithmetic on the proleptic Gregorian calendar, without the C library: its functions
 * read the environment and the time zone files. Years count from March here, so that the leap day
 * is the last of a year and the months before it follow one pattern of 153 days in five. */
#include "base/time.h"

#include "base/assert.h"

enum {
    DAYS_PER_400_YEARS = 146097,
    DAYS_TO_EPOCH = 719468, /* from 0000-03-01 to 1970-01-01 */
    SECONDS_PER_DAY = 86400,
    US_PER_SECOND = 1000000,
};

static const cf_us time_min = -62167219200 * US_PER_SECOND;                       /* 0000-01-01 */
static const cf_us time_max = 253402300799 * US_PER_SECOND + (US_PER_SECOND - 1); /* 9999-12-31 */

struct date {
    unsigned year, month, day; /* month and day from 1 */
};

static int64_t days_from_date(struct date date)
{
    int64_t year = (int64_t)date.year - (date.month <= 2);
    unsigned month = date.month > 2 ? date.month - 3 : date.month + 9; /* March is 0 */
    int64_t leap_days = year < 0 ? -1 : year / 4 - year / 100 + year / 400;
    return year * 365 + leap_days + (153 * month + 2) / 5 + (date.day - 1) - DAYS_TO_EPOCH;
}

/* For days of the years 0000 to 9999. The era is lifted by one so that January and February of
 * year 0, which belong to the March year before, divide as non-negative numbers. */
static struct date date_from_days(int64_t days)
{
    int64_t lifted = days + DAYS_TO_EPOCH + DAYS_PER_400_YEARS;
    unsigned era = (unsigned)(lifted / DAYS_PER_400_YEARS);
    unsigned day_of_era = (unsigned)(lifted % DAYS_PER_400_YEARS);
    unsigned leap_days = day_of_era / 1460 - day_of_era / 36524 + day_of_era / 146096;
    unsigned year_of_era = (day_of_era - leap_days) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month = (5 * day_of_year + 2) / 153; /* March is 0 */
    struct date date = {
        .year = era * 400 + year_of_era - 400 + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = day_of_year - (153 * month + 2) / 5 + 1,
    };
    return date;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

/* Writes `value` right-aligned with leading zeros. */
static void write_digits(char *out, unsigned width, unsigned value)
{
    while (width > 0) {
        out[--width] = (char)('0' + value % 10);
        value /= 10;
    }
}

void cf_us_format(cf_us time, char out[CF_TIME_LEN])
{
    if (time < time_min)
        time = time_min;
    if (time > time_max)
        time = time_max;
    /* From the first day on, so that everything is non-negative. */
    uint64_t us = (uint64_t)(time - time_min);
    uint64_t seconds = us / US_PER_SECOND;
    unsigned second = (unsigned)(seconds % SECONDS_PER_DAY);
    struct date date = date_from_days((int64_t)(seconds / SECONDS_PER_DAY) +
                                      time_min / US_PER_SECOND / SECONDS_PER_DAY);
    write_digits(out, 4, date.year);
    out[4] = '-';
    write_digits(out + 5, 2, date.month);
    out[7] = '-';
    write_digits(out + 8, 2, date.day);
    out[10] = 'T';
    write_digits(out + 11, 2, second / 3600);
    out[13] = ':';
    write_digits(out + 14, 2, second / 60 % 60);
    out[16] = ':';
    write_digits(out + 17, 2, second % 60);
    out[19] = '.';
    write_digits(out + 20, 6, (unsigned)(us % US_PER_SECOND));
    out[26] = 'Z';
}

/* The take_ functions read from the front of *rest and move it on; false: not there. */
static bool take_char(struct cf_slice *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != (uint8_t)c)
        return false;
    *rest = cf_slice_skip(*rest, 1);
    return true;
}

static bool take_number(struct cf_slice *rest, size_t width, unsigned *out_number)
{
    uint64_t number;
    if (rest->len < width || !cf_slice_to_u64(cf_slice_head(*rest, width), &number))
        return false;
    *rest = cf_slice_skip(*rest, width);
    *out_number = (unsigned)number;
    return true;
}

static bool take_date(struct cf_slice *rest, int64_t *out_days)
{
    struct date date;
    if (!take_number(rest, 4, &date.year) || !take_char(rest, '-') ||
        !take_number(rest, 2, &date.month) || !take_char(rest, '-') ||
        !take_number(rest, 2, &date.day))
        return false;
    if (date.month < 1 || date.month > 12)
        return false;
    if (date.day < 1 || date.day > days_in_month(date.year, date.month))
        return false;
    *out_days = days_from_date(date);
    return true;
}

static bool take_hour_minute(struct cf_slice *rest, unsigned *out_minutes)
{
    unsigned hour, minute;
    if (!take_number(rest, 2, &hour) || !take_char(rest, ':') || !take_number(rest, 2, &minute))
        return false;
    *out_minutes = hour * 60 + minute;
    return hour < 24 && minute < 60;
}

/* An absent fraction is 0; a point needs a digit after it. */
static bool take_fraction(struct cf_slice *rest, unsigned *out_us)
{
    *out_us = 0;
    if (!take_char(rest, '.'))
        return true;
    size_t digits = 0;
    for (; rest->len > 0 && rest->ptr[0] >= '0' && rest->ptr[0] <= '9'; digits++) {
        if (digits < 6)
            *out_us = *out_us * 10 + (rest->ptr[0] - (unsigned)'0');
        *rest = cf_slice_skip(*rest, 1);
    }
    for (size_t i = digits; i < 6; i++)
        *out_us *= 10;
    return digits > 0;
}

static bool take_offset(struct cf_slice *rest, int64_t *out_minutes)
{
    *out_minutes = 0;
    if (take_char(rest, 'Z') || take_char(rest, 'z'))
        return true;
    bool west = take_char(rest, '-');
    unsigned minutes;
    if ((!west && !take_char(rest, '+')) || !take_hour_minute(rest, &minutes))
        return false;
    *out_minutes = west ? -(int64_t)minutes : (int64_t)minutes;
    return true;
}

/* Leap seconds end a month in UTC (RFC 3339 section 5.7): the second after starts the next. */
static bool starts_month(int64_t seconds)
{
    if (seconds % SECONDS_PER_DAY != 0)
        return false;
    return date_from_days(seconds / SECONDS_PER_DAY).day == 1;
}

enum cf_error cf_us_parse(struct cf_slice text, cf_us *out_time)
{
    int64_t days, offset;
    unsigned minutes, second, us;
    if (!take_date(&text, &days) || (!take_char(&text, 'T') && !take_char(&text, 't')) ||
        !take_hour_minute(&text, &minutes) || !take_char(&text, ':') ||
        !take_number(&text, 2, &second) || !take_fraction(&text, &us) ||
        !take_offset(&text, &offset) || text.len > 0)
        return CF_E_SYNTAX;
    int64_t seconds = days * SECONDS_PER_DAY + ((int64_t)minutes - offset) * 60 + second;
    if (second > 60 || (second == 60 && !starts_month(seconds)))
        return CF_E_SYNTAX;
    *out_time = seconds * US_PER_SECOND + us;
    return CF_OK;
}
