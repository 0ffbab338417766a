/* Lines are made on the stack, and every piece that goes in is whole: a UTF-8 sequence or an escape
 * is never cut in the middle. Room for the ends (quote, brace, newline) is set aside first, so a
 * full line is still a well-formed one. */
#include "base/log.h"

#include <string.h>

#include "base/utf8.h"

enum { LINE_MAX = 4096, VALUE_MAX = 1024 };

/* Shows where a value was cut: U+2026. */
#define CUT_MARK CF_LIT("\xE2\x80\xA6")

struct line {
    enum cf_log_format format;
    size_t len;
    size_t end; /* len may not pass it */
    uint8_t bytes[LINE_MAX];
};

static const struct cf_log_sink *installed;

void cf_log_install(const struct cf_log_sink *sink)
{
    installed = sink;
}

bool cf_log_enabled(enum cf_log_level level)
{
    return installed != NULL && level >= installed->level;
}

/* All of `text` or, when it does not fit, nothing and false. */
static bool put(struct line *line, struct cf_slice text)
{
    if (text.len > line->end - line->len)
        return false;
    if (text.len > 0)
        memcpy(line->bytes + line->len, text.ptr, text.len);
    line->len += text.len;
    return true;
}

/* The length of the UTF-8 sequence that `text` begins with, 0 if it begins with none. */
static size_t sequence_len(struct cf_slice text)
{
    struct cf_utf8 utf8 = {0};
    for (size_t i = 0; i < text.len; i++) {
        if (cf_utf8_feed(&utf8, cf_slice_of(text.ptr + i, 1), NULL) != CF_OK)
            return 0;
        if (cf_utf8_complete(&utf8))
            return i + 1;
    }
    return 0;
}

static void write_hex(uint8_t *out, unsigned digits, unsigned value)
{
    while (digits > 0) {
        out[--digits] = (uint8_t) "0123456789abcdef"[value & 0x0F];
        value >>= 4;
    }
}

/* C0, DEL, C1 and the two line ends of Unicode: what a terminal or a viewer would act upon. */
static bool is_control(struct cf_slice sequence, unsigned *out_scalar)
{
    const uint8_t *b = sequence.ptr;
    if (sequence.len == 1)
        *out_scalar = b[0];
    else if (sequence.len == 2)
        *out_scalar = (b[0] & 0x1Fu) << 6 | (b[1] & 0x3Fu);
    else if (sequence.len == 3)
        *out_scalar = (b[0] & 0x0Fu) << 12 | (b[1] & 0x3Fu) << 6 | (b[2] & 0x3Fu);
    else
        return false;
    return *out_scalar < 0x20 || (*out_scalar >= 0x7F && *out_scalar < 0xA0) ||
           *out_scalar == 0x2028 || *out_scalar == 0x2029;
}

static bool put_unicode_escape(struct line *line, unsigned scalar)
{
    uint8_t escape[6] = "\\u";
    write_hex(escape + 2, 4, scalar);
    return put(line, cf_slice_of(escape, sizeof(escape)));
}

/* A byte that is no UTF-8. JSON has no escape for it, so there the value holds the text \xNN. */
static bool put_byte_escape(struct line *line, uint8_t byte)
{
    uint8_t escape[5] = "\\\\x";
    write_hex(escape + 3, 2, byte);
    struct cf_slice whole = cf_slice_of(escape, sizeof(escape));
    return put(line, line->format == CF_LOG_JSON ? whole : cf_slice_skip(whole, 1));
}

/* One UTF-8 sequence, as it is or escaped. The escapes are those of JSON (RFC 8259 section 7). */
static bool put_sequence(struct line *line, struct cf_slice sequence)
{
    unsigned scalar;
    switch (sequence.ptr[0]) {
    case '"':
        return put(line, CF_LIT("\\\""));
    case '\\':
        return put(line, CF_LIT("\\\\"));
    case '\n':
        return put(line, CF_LIT("\\n"));
    case '\r':
        return put(line, CF_LIT("\\r"));
    case '\t':
        return put(line, CF_LIT("\\t"));
    default:
        return is_control(sequence, &scalar) ? put_unicode_escape(line, scalar)
                                             : put(line, sequence);
    }
}

/* As much of `text` as fits in VALUE_MAX and in the line, with the mark behind it if it was cut.
 * False when there is not even room for the mark. */
static bool put_escaped(struct line *line, struct cf_slice text)
{
    size_t end = line->end;
    if (end - line->len < CUT_MARK.len)
        return false;
    line->end -= CUT_MARK.len;
    if (line->end - line->len > VALUE_MAX)
        line->end = line->len + VALUE_MAX;
    bool fits = true;
    while (fits && text.len > 0) {
        size_t len = sequence_len(text);
        fits = len == 0 ? put_byte_escape(line, text.ptr[0])
                        : put_sequence(line, cf_slice_head(text, len));
        text = cf_slice_skip(text, len == 0 ? 1 : len);
    }
    line->end = end;
    return fits || put(line, CUT_MARK);
}

static bool put_quoted(struct line *line, struct cf_slice text)
{
    if (line->end - line->len < 2)
        return false;
    line->end--;
    bool fits = put(line, CF_LIT("\"")) && put_escaped(line, text);
    line->end++;
    return fits && put(line, CF_LIT("\""));
}

/* Whether a text-format value can stand without quotes: printable ASCII that cannot be taken for
 * the end of the value, the start of a key or an escape. */
static bool is_plain(struct cf_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return text.len > 0;
}

static bool put_string(struct line *line, struct cf_slice text)
{
    bool bare = line->format == CF_LOG_TEXT && is_plain(text);
    return bare ? put_escaped(line, text) : put_quoted(line, text);
}

static uint64_t magnitude_of(int64_t number)
{
    return number < 0 ? (uint64_t)0 - (uint64_t)number : (uint64_t)number;
}

static bool put_u64(struct line *line, uint64_t value)
{
    char digits[20];
    return put(line, cf_slice_of(digits, cf_u64_format(value, digits)));
}

static bool put_seconds(struct line *line, uint64_t ms)
{
    unsigned thousandths = (unsigned)(ms % 1000);
    char fraction[4] = {'.', (char)('0' + thousandths / 100), (char)('0' + thousandths / 10 % 10),
                        (char)('0' + thousandths % 10)};
    return put_u64(line, ms / 1000) && put(line, cf_slice_of(fraction, sizeof(fraction)));
}

static bool put_value(struct line *line, const struct cf_kv *field)
{
    if (field->kind == CF_KV_KIND_STR)
        return put_string(line, field->text);
    if (field->number < 0 && !put(line, CF_LIT("-")))
        return false;
    uint64_t magnitude = magnitude_of(field->number);
    return field->kind == CF_KV_KIND_INT ? put_u64(line, magnitude) : put_seconds(line, magnitude);
}

static bool put_field(struct line *line, const struct cf_kv *field)
{
    struct cf_slice key = cf_slice_cstr(field->key);
    bool fits = line->format == CF_LOG_JSON
                    ? put(line, CF_LIT(",")) && put_quoted(line, key) && put(line, CF_LIT(":"))
                    : put(line, CF_LIT(" ")) && put_escaped(line, key) && put(line, CF_LIT("="));
    return fits && put_value(line, field);
}

static struct cf_slice level_name(enum cf_log_level level, enum cf_log_format format)
{
    static const char *const names[2][4] = {
        [CF_LOG_TEXT] = {"DEBUG", "INFO", "WARN", "ERROR"},
        [CF_LOG_JSON] = {"debug", "info", "warn", "error"},
    };
    return cf_slice_cstr(names[format][level]);
}

/* Always fits: a time, a level and a message of VALUE_MAX are far below LINE_MAX. */
static void put_head(struct line *line, cf_us now, enum cf_log_level level, const char *message)
{
    char digits[CF_TIME_LEN];
    cf_us_format(now, digits);
    struct cf_slice time = cf_slice_of(digits, sizeof(digits));
    struct cf_slice name = level_name(level, line->format);
    struct cf_slice text = cf_slice_cstr(message);
    if (line->format == CF_LOG_JSON) {
        (void)(put(line, CF_LIT("{\"time\":\"")) && put(line, time) &&
               put(line, CF_LIT("\",\"level\":\"")) && put(line, name) &&
               put(line, CF_LIT("\",\"msg\":")) && put_quoted(line, text));
    } else {
        (void)(put(line, time) && put(line, CF_LIT(" ")) && put(line, name) &&
               put(line, CF_LIT(" ")) && put_escaped(line, text));
    }
}

void cf_log_fields(enum cf_log_level level, const char *message, const struct cf_kv *fields)
{
    if (!cf_log_enabled(level))
        return;
    const struct cf_log_sink *sink = installed;
    struct cf_slice tail = sink->format == CF_LOG_JSON ? CF_LIT("}\n") : CF_LIT("\n");
    struct line line; /* not zeroed: 4 KiB for every event */
    line.format = sink->format;
    line.len = 0;
    line.end = LINE_MAX - tail.len;
    put_head(&line, sink->now(sink->context), level, message);
    for (const struct cf_kv *field = fields; field->key != NULL; field++) {
        size_t before = line.len;
        if (!put_field(&line, field)) {
            line.len = before;
            break;
        }
    }
    line.end = LINE_MAX;
    (void)put(&line, tail);
    sink->write(sink->context, cf_slice_of(line.bytes, line.len));
}
