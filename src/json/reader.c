#include "json/reader.h"

#include <string.h>

#include "base/assert.h"
#include "json/keys.h"

/* What the grammar allows next. */
enum expect {
    EXPECT_VALUE,
    EXPECT_VALUE_OR_END, /* behind [ */
    EXPECT_KEY,
    EXPECT_KEY_OR_END, /* behind { */
    EXPECT_COLON,
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING, /* the value is complete */
};

enum token { TOKEN_NONE, TOKEN_STRING, TOKEN_NUMBER, TOKEN_TRUE, TOKEN_FALSE, TOKEN_NULL };

/* Where in a number (RFC 8259 section 6); those marked may be its end. */
enum number {
    NUMBER_START,
    NUMBER_MINUS,
    NUMBER_ZERO,   /* end */
    NUMBER_DIGITS, /* end */
    NUMBER_POINT,
    NUMBER_FRACTION, /* end */
    NUMBER_E,
    NUMBER_E_SIGN,
    NUMBER_EXPONENT, /* end */
};

void cf_json_reader_init(struct cf_json_reader *reader, const struct cf_json_limits *limits,
                         const uint8_t hash_key[16])
{
    memset(reader, 0, sizeof(*reader));
    reader->limits = *limits;
    if (reader->limits.depth_max > CF_JSON_DEPTH_CAP)
        reader->limits.depth_max = CF_JSON_DEPTH_CAP;
    memcpy(reader->hash_key, hash_key, sizeof(reader->hash_key));
    cf_buf_init(&reader->text, limits->bytes_max);
    cf_buf_init(&reader->key_bytes, limits->bytes_max);
}

void cf_json_reader_deinit(struct cf_json_reader *reader)
{
    cf_buf_deinit(&reader->text);
    cf_json_keys_deinit(reader);
}

static bool in_array(const struct cf_json_reader *reader)
{
    return (reader->arrays >> (reader->depth - 1) & 1) != 0;
}

/* A value has ended. */
static void value_done(struct cf_json_reader *reader)
{
    reader->expect = reader->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

static enum cf_error open_container(struct cf_json_reader *reader, bool array,
                                    struct cf_json_event *out_event)
{
    if (reader->depth >= reader->limits.depth_max)
        return CF_E_TOO_DEEP;
    uint64_t bit = (uint64_t)1 << reader->depth;
    reader->arrays = array ? reader->arrays | bit : reader->arrays & ~bit;
    reader->depth++;
    reader->objects[reader->depth] = ++reader->objects_count;
    reader->expect = array ? EXPECT_VALUE_OR_END : EXPECT_KEY_OR_END;
    out_event->type = array ? CF_JSON_ARRAY_BEGIN : CF_JSON_OBJECT_BEGIN;
    return CF_OK;
}

static enum cf_error close_container(struct cf_json_reader *reader, bool array,
                                     struct cf_json_event *out_event)
{
    enum expect empty = array ? EXPECT_VALUE_OR_END : EXPECT_KEY_OR_END;
    if (reader->depth == 0 || in_array(reader) != array ||
        (reader->expect != EXPECT_COMMA_OR_END && reader->expect != empty))
        return CF_E_SYNTAX;
    reader->depth--;
    value_done(reader);
    out_event->type = array ? CF_JSON_ARRAY_END : CF_JSON_OBJECT_END;
    return CF_OK;
}

/* ---- strings ---- */

static void begin_string(struct cf_json_reader *reader)
{
    reader->token = TOKEN_STRING;
    reader->is_key = reader->expect == EXPECT_KEY || reader->expect == EXPECT_KEY_OR_END;
    reader->escape = 0;
    reader->surrogate = 0;
    reader->utf8 = (struct cf_utf8){0};
    reader->text_bytes = 0;
    cf_buf_reset(&reader->text);
}

static enum cf_error keep_text(struct cf_json_reader *reader, struct cf_slice bytes)
{
    if (bytes.len > reader->limits.string_bytes_max - reader->text_bytes)
        return CF_E_TOO_LARGE;
    reader->text_bytes += bytes.len;
    return cf_buf_append(&reader->text, bytes);
}

static enum cf_error keep_scalar(struct cf_json_reader *reader, uint32_t scalar)
{
    uint8_t bytes[4];
    return keep_text(reader, cf_slice_of(bytes, cf_utf8_encode(scalar, bytes)));
}

/* A \u escape is complete: pairs of surrogates make one character, a lone one is refused. */
static enum cf_error take_unit(struct cf_json_reader *reader)
{
    uint32_t unit = reader->unit;
    reader->escape = 0;
    if (reader->surrogate != 0) {
        if (unit < 0xDC00 || unit > 0xDFFF)
            return CF_E_SYNTAX;
        uint32_t high = reader->surrogate;
        reader->surrogate = 0;
        return keep_scalar(reader, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
    }
    if (unit >= 0xDC00 && unit <= 0xDFFF)
        return CF_E_SYNTAX;
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        reader->surrogate = (uint16_t)unit;
        return CF_OK;
    }
    return keep_scalar(reader, unit);
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

/* One byte of an escape: \ at 1 has come, then its letter, then four digits after a u. */
static enum cf_error take_escape(struct cf_json_reader *reader, uint8_t byte)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    if (reader->escape >= 2) {
        int digit = hex_digit(byte);
        if (digit < 0)
            return CF_E_SYNTAX;
        reader->unit = (uint16_t)(reader->unit << 4 | digit);
        reader->escape++;
        return reader->escape == 6 ? take_unit(reader) : CF_OK;
    }
    if (byte == 'u') {
        reader->escape = 2;
        reader->unit = 0;
        return CF_OK;
    }
    const char *letter = byte == 0 ? NULL : memchr(letters, byte, sizeof(letters) - 1);
    if (letter == NULL || reader->surrogate != 0)
        return CF_E_SYNTAX;
    reader->escape = 0;
    uint8_t meaning = (uint8_t)meanings[letter - letters];
    return keep_text(reader, cf_slice_of(&meaning, 1));
}

/* True when none of eight bytes ends a run: a quote, a backslash, a control character, or (for the
 * check of UTF-8) a byte that is not ASCII. */
static bool plain_word(const uint8_t *bytes)
{
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
    uint64_t hit = (quote - ones) & ~quote;
    hit |= (backslash - ones) & ~backslash;
    hit |= (word - ones * 0x20) | word;
    return (hit & highs) == 0;
}

/* The length of the run of bytes that stand for themselves. */
static size_t plain_run(struct cf_slice input, bool *out_ascii)
{
    size_t len = 0;
    *out_ascii = true;
    while (len < input.len) {
        if (input.len - len >= 8 && plain_word(input.ptr + len)) {
            len += 8;
            continue;
        }
        uint8_t byte = input.ptr[len];
        if (byte == '"' || byte == '\\' || byte < 0x20)
            break;
        *out_ascii = *out_ascii && byte < 0x80;
        len++;
    }
    return len;
}

static enum cf_error check_run(struct cf_json_reader *reader, struct cf_slice run, bool ascii)
{
    if (run.len == 0)
        return CF_OK;
    if (reader->surrogate != 0)
        return CF_E_SYNTAX;
    if (ascii && cf_utf8_complete(&reader->utf8))
        return CF_OK;
    return cf_utf8_feed(&reader->utf8, run, NULL);
}

static enum cf_error string_done(struct cf_json_reader *reader, struct cf_slice text,
                                 struct cf_json_event *out_event)
{
    if (!cf_utf8_complete(&reader->utf8))
        return CF_E_UTF8;
    if (reader->surrogate != 0)
        return CF_E_SYNTAX;
    reader->token = TOKEN_NONE;
    out_event->type = reader->is_key ? CF_JSON_KEY : CF_JSON_STRING;
    out_event->text = text;
    if (!reader->is_key) {
        value_done(reader);
        return CF_OK;
    }
    reader->expect = EXPECT_COLON;
    return cf_json_keys_add(reader, text);
}

/* A byte that ends a run: the closing quote, or the start of an escape. */
static enum cf_error end_run(struct cf_json_reader *reader, struct cf_slice run, uint8_t byte,
                             struct cf_json_event *out_event)
{
    if (byte == '"' && reader->text_bytes == 0)
        return string_done(reader, run, out_event);
    enum cf_error error = keep_text(reader, run);
    if (error != CF_OK)
        return error;
    if (byte == '"')
        return string_done(reader, cf_buf_peek(&reader->text), out_event);
    if (byte != '\\')
        return CF_E_SYNTAX; /* a control character */
    if (!cf_utf8_complete(&reader->utf8))
        return CF_E_UTF8;
    reader->escape = 1;
    return CF_OK;
}

static enum cf_error read_string(struct cf_json_reader *reader, struct cf_slice *input,
                                 struct cf_json_event *out_event)
{
    enum cf_error error = CF_OK;
    while (input->len > 0 && error == CF_OK && out_event->type == CF_JSON_NEED_MORE) {
        if (reader->escape != 0) {
            error = take_escape(reader, input->ptr[0]);
            *input = cf_slice_skip(*input, 1);
            continue;
        }
        bool ascii;
        struct cf_slice run = cf_slice_head(*input, plain_run(*input, &ascii));
        /* Nothing behind the limit is looked at, so that no split changes which error comes first.
         */
        struct cf_slice within =
            cf_slice_head(run, reader->limits.string_bytes_max - reader->text_bytes);
        error = check_run(reader, within, ascii);
        if (error == CF_OK && within.len < run.len)
            error = CF_E_TOO_LARGE;
        if (error != CF_OK)
            break;
        struct cf_slice rest = cf_slice_skip(*input, run.len);
        if (rest.len == 0) {
            *input = rest;
            return keep_text(reader, run);
        }
        error = end_run(reader, run, rest.ptr[0], out_event);
        *input = cf_slice_skip(rest, 1);
    }
    return error;
}

/* ---- numbers and words ---- */

/* Where a character leads; -1: it is no part of the number. */
static int number_step(uint8_t at, uint8_t byte)
{
    bool digit = byte >= '0' && byte <= '9';
    switch (at) {
    case NUMBER_START:
        if (byte == '-')
            return NUMBER_MINUS;
        /* fall through */
    case NUMBER_MINUS:
        return byte == '0' ? NUMBER_ZERO : digit ? NUMBER_DIGITS : -1;
    case NUMBER_ZERO:
    case NUMBER_DIGITS:
        if (digit && at == NUMBER_DIGITS)
            return NUMBER_DIGITS;
        if (byte == '.')
            return NUMBER_POINT;
        return byte == 'e' || byte == 'E' ? NUMBER_E : -1;
    case NUMBER_POINT:
        return digit ? NUMBER_FRACTION : -1;
    case NUMBER_FRACTION:
        if (digit)
            return NUMBER_FRACTION;
        return byte == 'e' || byte == 'E' ? NUMBER_E : -1;
    case NUMBER_E:
        if (byte == '+' || byte == '-')
            return NUMBER_E_SIGN;
        /* fall through */
    default:
        return digit ? NUMBER_EXPONENT : -1;
    }
}

static bool number_may_end(uint8_t at)
{
    return at == NUMBER_ZERO || at == NUMBER_DIGITS || at == NUMBER_FRACTION ||
           at == NUMBER_EXPONENT;
}

static enum cf_error number_done(struct cf_json_reader *reader, struct cf_slice text,
                                 struct cf_json_event *out_event)
{
    if (!number_may_end(reader->number))
        return CF_E_SYNTAX;
    reader->token = TOKEN_NONE;
    out_event->type = CF_JSON_NUMBER;
    out_event->text = text;
    value_done(reader);
    return CF_OK;
}

static enum cf_error read_number(struct cf_json_reader *reader, struct cf_slice *input,
                                 struct cf_json_event *out_event)
{
    size_t len = 0;
    while (len < input->len) {
        int next = number_step(reader->number, input->ptr[len]);
        if (next < 0)
            break;
        reader->number = (uint8_t)next;
        len++;
    }
    struct cf_slice run = cf_slice_head(*input, len);
    if (len > reader->limits.number_bytes_max - reader->text_bytes)
        return CF_E_TOO_LARGE;
    bool ended = len < input->len;
    *input = cf_slice_skip(*input, len);
    if (ended && reader->text_bytes == 0)
        return number_done(reader, run, out_event);
    reader->text_bytes += len;
    enum cf_error error = cf_buf_append(&reader->text, run);
    if (error != CF_OK || !ended)
        return error;
    return number_done(reader, cf_buf_peek(&reader->text), out_event);
}

static enum cf_error read_literal(struct cf_json_reader *reader, struct cf_slice *input,
                                  struct cf_json_event *out_event)
{
    static const struct {
        const char *word;
        enum cf_json_type type;
    } words[] = {[TOKEN_TRUE] = {"true", CF_JSON_TRUE},
                 [TOKEN_FALSE] = {"false", CF_JSON_FALSE},
                 [TOKEN_NULL] = {"null", CF_JSON_NULL}};
    const char *word = words[reader->token].word;
    while (input->len > 0 && word[reader->literal] != '\0') {
        if (input->ptr[0] != (uint8_t)word[reader->literal])
            return CF_E_SYNTAX;
        reader->literal++;
        *input = cf_slice_skip(*input, 1);
    }
    if (word[reader->literal] != '\0')
        return CF_OK;
    out_event->type = words[reader->token].type;
    reader->token = TOKEN_NONE;
    value_done(reader);
    return CF_OK;
}

/* ---- the grammar between tokens ---- */

static enum cf_error begin_value(struct cf_json_reader *reader, struct cf_slice *input,
                                 struct cf_json_event *out_event)
{
    uint8_t byte = input->ptr[0];
    if (byte == '"') {
        begin_string(reader);
    } else if (byte == '{' || byte == '[') {
        *input = cf_slice_skip(*input, 1);
        return open_container(reader, byte == '[', out_event);
    } else if (byte == '-' || (byte >= '0' && byte <= '9')) {
        reader->token = TOKEN_NUMBER;
        reader->number = NUMBER_START;
        reader->text_bytes = 0;
        cf_buf_reset(&reader->text);
        return CF_OK;
    } else if (byte == 't' || byte == 'f' || byte == 'n') {
        reader->token = byte == 't' ? TOKEN_TRUE : byte == 'f' ? TOKEN_FALSE : TOKEN_NULL;
        reader->literal = 0;
        return CF_OK;
    } else {
        return CF_E_SYNTAX;
    }
    *input = cf_slice_skip(*input, 1);
    return CF_OK;
}

static enum cf_error take_structure(struct cf_json_reader *reader, struct cf_slice *input,
                                    struct cf_json_event *out_event)
{
    uint8_t byte = input->ptr[0];
    if (byte == '}' || byte == ']') {
        *input = cf_slice_skip(*input, 1);
        return close_container(reader, byte == ']', out_event);
    }
    switch (reader->expect) {
    case EXPECT_VALUE:
    case EXPECT_VALUE_OR_END:
        return begin_value(reader, input, out_event);
    case EXPECT_KEY:
    case EXPECT_KEY_OR_END:
        if (byte != '"')
            return CF_E_SYNTAX;
        begin_string(reader);
        break;
    case EXPECT_COLON:
        if (byte != ':')
            return CF_E_SYNTAX;
        reader->expect = EXPECT_VALUE;
        break;
    case EXPECT_COMMA_OR_END:
        if (byte != ',')
            return CF_E_SYNTAX;
        reader->expect = in_array(reader) ? EXPECT_VALUE : EXPECT_KEY;
        break;
    default:
        return CF_E_SYNTAX; /* something behind the value */
    }
    *input = cf_slice_skip(*input, 1);
    return CF_OK;
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static enum cf_error step(struct cf_json_reader *reader, struct cf_slice *input,
                          struct cf_json_event *out_event)
{
    switch (reader->token) {
    case TOKEN_NONE:
        if (!is_space(input->ptr[0]))
            return take_structure(reader, input, out_event);
        *input = cf_slice_skip(*input, 1);
        return CF_OK;
    case TOKEN_STRING:
        return read_string(reader, input, out_event);
    case TOKEN_NUMBER:
        return read_number(reader, input, out_event);
    default:
        return read_literal(reader, input, out_event);
    }
}

enum cf_error cf_json_next(struct cf_json_reader *reader, struct cf_slice *input,
                           struct cf_json_event *out_event)
{
    size_t before = input->len;
    enum cf_error error = CF_OK;
    *out_event = (struct cf_json_event){.type = CF_JSON_NEED_MORE};
    /* What would go over the limit is not looked at. */
    size_t room = reader->limits.bytes_max - reader->bytes;
    bool over = before > room;
    struct cf_slice allowed = cf_slice_head(*input, room);
    while (allowed.len > 0 && error == CF_OK && out_event->type == CF_JSON_NEED_MORE)
        error = step(reader, &allowed, out_event);
    size_t used = (before > room ? room : before) - allowed.len;
    reader->bytes += used;
    *input = cf_slice_skip(*input, used);
    out_event->depth = reader->depth;
    if (error == CF_OK && over && out_event->type == CF_JSON_NEED_MORE)
        return CF_E_TOO_LARGE;
    return error;
}

enum cf_error cf_json_finish(struct cf_json_reader *reader, struct cf_json_event *out_event)
{
    *out_event = (struct cf_json_event){.type = CF_JSON_NEED_MORE};
    if (reader->token == TOKEN_NUMBER && reader->depth == 0) {
        if (!number_may_end(reader->number))
            return CF_E_TRUNCATED;
        return number_done(reader, cf_buf_peek(&reader->text), out_event);
    }
    return reader->expect == EXPECT_NOTHING ? CF_OK : CF_E_TRUNCATED;
}
