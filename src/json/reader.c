/* A state is what the next byte may begin or go on with; step() does what one byte, or one run of
 * bytes within a token, asks for. Containers are a bit each, so nesting costs no stack.
 *
 * Nothing may depend on where the input was split. So a limit is checked at the byte that passes
 * it, before what else could be wrong with that byte, and a token that is not whole in the input is
 * collected in reader->text and goes on from there. */
#include "json/reader.h"

#include "json/scan.h"

enum state {
    EXPECT_VALUE,
    EXPECT_ELEMENT_OR_END, /* behind [ */
    EXPECT_KEY,            /* behind a comma */
    EXPECT_KEY_OR_END,     /* behind { */
    EXPECT_COLON,
    EXPECT_COMMA_OR_END,
    EXPECT_NOTHING, /* behind the whole value */
    IN_STRING,
    IN_NUMBER,
    IN_WORD,
};

enum escape {
    ESCAPE_NONE,
    ESCAPE_LETTER,     /* behind the backslash */
    ESCAPE_HEX,        /* behind \u, hex_left digits to come */
    ESCAPE_LOW,        /* behind a high surrogate: the backslash of the low one */
    ESCAPE_LOW_LETTER, /* ... and its u */
};

/* RFC 8259 section 6. */
enum number {
    NUMBER_START,
    NUMBER_MINUS,
    NUMBER_ZERO,
    NUMBER_INT,
    NUMBER_POINT,
    NUMBER_FRAC,
    NUMBER_E,
    NUMBER_E_SIGN,
    NUMBER_EXP,
    NUMBER_END, /* this byte is no part of it */
};

/* What the buffer for collected text may keep between two tokens. */
enum { TEXT_KEPT_MAX = 1024 };
enum { REPLACEMENT = 0xFFFD }; /* U+FFFD REPLACEMENT CHARACTER */

void cf_json_reader_init(struct cf_json_reader *reader, const struct cf_json_limits *limits,
                         const uint8_t hash_key[16])
{
    *reader = (struct cf_json_reader){.limits = *limits, .state = EXPECT_VALUE};
    if (reader->limits.depth_max > CF_JSON_DEPTH_CAP)
        reader->limits.depth_max = CF_JSON_DEPTH_CAP;
    if (reader->limits.keys_max > CF_JSON_KEYS_CAP)
        reader->limits.keys_max = CF_JSON_KEYS_CAP;
    cf_json_keys_init(&reader->keys, limits->bytes_max, hash_key);
    cf_buf_init(&reader->text, limits->string_bytes_max > limits->number_bytes_max
                                   ? limits->string_bytes_max
                                   : limits->number_bytes_max);
}

void cf_json_reader_deinit(struct cf_json_reader *reader)
{
    cf_json_keys_deinit(&reader->keys);
    cf_buf_deinit(&reader->text);
}

static void drop_text(struct cf_json_reader *reader)
{
    if (reader->state == IN_STRING || reader->state == IN_NUMBER)
        return;
    if (reader->text.cap > TEXT_KEPT_MAX)
        cf_buf_release(&reader->text);
    else
        cf_buf_reset(&reader->text);
}

static void skip(struct cf_slice *rest, size_t len)
{
    *rest = cf_slice_of(rest->ptr + len, rest->len - len);
}

/* The token's last piece: handed over where it lies if it is the only one. */
static enum cf_error join_text(struct cf_json_reader *reader, struct cf_slice last,
                               struct cf_slice *out_text)
{
    if (reader->text.len == 0) {
        *out_text = last;
        return CF_OK;
    }
    enum cf_error error = cf_buf_append(&reader->text, last);
    if (error == CF_OK)
        *out_text = cf_buf_peek(&reader->text);
    return error;
}

static void emit(const struct cf_json_reader *reader, enum cf_json_type type,
                 struct cf_json_event *event)
{
    event->type = type;
    event->depth = reader->depth;
}

static void end_value(struct cf_json_reader *reader)
{
    reader->state = reader->depth == 0 ? EXPECT_NOTHING : EXPECT_COMMA_OR_END;
}

/* ---- containers ---- */

static bool in_object(const struct cf_json_reader *reader)
{
    return reader->depth > 0 && (reader->object_bits >> (reader->depth - 1) & 1) != 0;
}

static enum cf_error begin_container(struct cf_json_reader *reader, bool object,
                                     struct cf_json_event *event)
{
    if (reader->depth >= reader->limits.depth_max)
        return CF_E_TOO_DEEP;
    uint64_t bit = (uint64_t)1 << reader->depth++;
    if (object) {
        reader->object_bits |= bit;
        cf_json_keys_open(&reader->keys);
    } else {
        reader->object_bits &= ~bit;
    }
    reader->state = object ? EXPECT_KEY_OR_END : EXPECT_ELEMENT_OR_END;
    emit(reader, object ? CF_JSON_OBJECT_BEGIN : CF_JSON_ARRAY_BEGIN, event);
    return CF_OK;
}

static enum cf_error end_container(struct cf_json_reader *reader, struct cf_json_event *event)
{
    bool object = in_object(reader);
    if (object)
        cf_json_keys_close(&reader->keys);
    reader->depth--;
    end_value(reader);
    emit(reader, object ? CF_JSON_OBJECT_END : CF_JSON_ARRAY_END, event);
    return CF_OK;
}

/* ---- strings ---- */

static enum cf_error begin_string(struct cf_json_reader *reader, bool is_key)
{
    if (is_key && reader->key_count++ >= reader->limits.keys_max)
        return CF_E_TOO_MANY;
    reader->is_key = is_key;
    reader->state = IN_STRING;
    return CF_OK;
}

static enum cf_error end_string(struct cf_json_reader *reader, struct cf_slice last,
                                struct cf_json_event *event)
{
    enum cf_error error = join_text(reader, last, &event->text);
    if (error != CF_OK)
        return error;
    if (reader->is_key) {
        error = cf_json_keys_add(&reader->keys, event->text);
        if (error != CF_OK)
            return error;
        reader->state = EXPECT_COLON;
    } else {
        end_value(reader);
    }
    emit(reader, reader->is_key ? CF_JSON_KEY : CF_JSON_STRING, event);
    return CF_OK;
}

static enum cf_error check_run(struct cf_json_reader *reader, struct cf_slice run, bool ascii)
{
    size_t room = reader->limits.string_bytes_max - reader->text.len;
    if (!ascii || !cf_utf8_complete(&reader->utf8)) {
        enum cf_error error = cf_utf8_feed(&reader->utf8, cf_slice_head(run, room), NULL);
        if (error != CF_OK)
            return error;
    }
    return run.len > room ? CF_E_TOO_LARGE : CF_OK;
}

static enum cf_error read_string(struct cf_json_reader *reader, struct cf_slice *rest,
                                 struct cf_json_event *event)
{
    bool ascii;
    struct cf_slice run = cf_slice_of(rest->ptr, cf_json_scan_plain(*rest, &ascii));
    enum cf_error error = check_run(reader, run, ascii);
    if (error != CF_OK)
        return error;
    skip(rest, run.len);
    if (rest->len == 0)
        return cf_buf_append(&reader->text, run);
    if (!cf_utf8_complete(&reader->utf8))
        return CF_E_UTF8;
    uint8_t byte = rest->ptr[0];
    skip(rest, 1);
    if (byte == '"')
        return end_string(reader, run, event);
    if (byte != '\\')
        return CF_E_SYNTAX;
    reader->escape = ESCAPE_LETTER;
    return cf_buf_append(&reader->text, run);
}

static enum cf_error put_scalar(struct cf_json_reader *reader, uint32_t scalar)
{
    uint8_t bytes[4];
    size_t len = cf_utf8_encode(scalar, bytes);
    reader->escape = ESCAPE_NONE;
    if (len > reader->limits.string_bytes_max - reader->text.len)
        return CF_E_TOO_LARGE;
    return cf_buf_append(&reader->text, cf_slice_of(bytes, len));
}

static void begin_hex(struct cf_json_reader *reader)
{
    reader->escape = ESCAPE_HEX;
    reader->hex_left = 4;
    reader->unit = 0;
}

static enum cf_error read_escape_letter(struct cf_json_reader *reader, uint8_t byte)
{
    switch (byte) {
    case '"':
    case '\\':
    case '/':
        return put_scalar(reader, byte);
    case 'b':
        return put_scalar(reader, '\b');
    case 'f':
        return put_scalar(reader, '\f');
    case 'n':
        return put_scalar(reader, '\n');
    case 'r':
        return put_scalar(reader, '\r');
    case 't':
        return put_scalar(reader, '\t');
    case 'u':
        begin_hex(reader);
        return CF_OK;
    default:
        return CF_E_SYNTAX;
    }
}

/* What UTF-8 cannot express is refused, or replaced (RFC 8259 section 8.2 leaves that open). */
static enum cf_error put_lone(struct cf_json_reader *reader)
{
    reader->high = 0;
    return reader->limits.lone_surrogates ? put_scalar(reader, REPLACEMENT) : CF_E_SYNTAX;
}

/* A UTF-16 code unit is complete (RFC 8259 section 7). */
static enum cf_error take_unit(struct cf_json_reader *reader)
{
    uint32_t unit = reader->unit;
    uint32_t high = reader->high;
    bool is_low = unit >= 0xDC00 && unit <= 0xDFFF;
    if (is_low && high == 0)
        return put_lone(reader);
    if (!is_low && high != 0) {
        enum cf_error error = put_lone(reader);
        if (error != CF_OK)
            return error;
    }
    if (is_low) {
        reader->high = 0;
        return put_scalar(reader, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
    }
    if (unit < 0xD800 || unit > 0xDBFF)
        return put_scalar(reader, unit);
    reader->high = (uint16_t)unit;
    reader->escape = ESCAPE_LOW;
    return CF_OK;
}

static enum cf_error read_hex(struct cf_json_reader *reader, uint8_t byte)
{
    unsigned digit;
    if (byte >= '0' && byte <= '9')
        digit = byte - (unsigned)'0';
    else if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f')
        digit = (byte | 0x20u) - 'a' + 10;
    else
        return CF_E_SYNTAX;
    reader->unit = (uint16_t)((unsigned)reader->unit << 4 | digit);
    return --reader->hex_left == 0 ? take_unit(reader) : CF_OK;
}

static enum cf_error read_escape(struct cf_json_reader *reader, struct cf_slice *rest)
{
    uint8_t byte = rest->ptr[0];
    if (reader->escape == ESCAPE_LOW && byte != '\\')
        return put_lone(reader); /* the byte is the string's next one */
    skip(rest, 1);
    switch ((enum escape)reader->escape) {
    case ESCAPE_LETTER:
        return read_escape_letter(reader, byte);
    case ESCAPE_HEX:
        return read_hex(reader, byte);
    case ESCAPE_LOW:
        reader->escape = ESCAPE_LOW_LETTER;
        return CF_OK;
    case ESCAPE_LOW_LETTER:
    default:
        break;
    }
    enum cf_error error = byte == 'u' ? CF_OK : put_lone(reader);
    return error == CF_OK ? read_escape_letter(reader, byte) : error;
}

/* ---- numbers ---- */

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static enum number number_after(enum number at, uint8_t byte)
{
    bool is_e = byte == 'e' || byte == 'E';
    switch (at) {
    case NUMBER_START:
        if (byte == '-')
            return NUMBER_MINUS;
        /* fall through */
    case NUMBER_MINUS:
        if (!is_digit(byte))
            return NUMBER_END;
        return byte == '0' ? NUMBER_ZERO : NUMBER_INT;
    case NUMBER_INT:
        if (is_digit(byte))
            return NUMBER_INT;
        /* fall through */
    case NUMBER_ZERO:
        if (byte == '.')
            return NUMBER_POINT;
        return is_e ? NUMBER_E : NUMBER_END;
    case NUMBER_FRAC:
        if (is_e)
            return NUMBER_E;
        /* fall through */
    case NUMBER_POINT:
        return is_digit(byte) ? NUMBER_FRAC : NUMBER_END;
    case NUMBER_E:
        if (byte == '+' || byte == '-')
            return NUMBER_E_SIGN;
        /* fall through */
    default:
        return is_digit(byte) ? NUMBER_EXP : NUMBER_END;
    }
}

static bool number_may_end(const struct cf_json_reader *reader)
{
    return reader->number == NUMBER_ZERO || reader->number == NUMBER_INT ||
           reader->number == NUMBER_FRAC || reader->number == NUMBER_EXP;
}

static enum cf_error read_number(struct cf_json_reader *reader, struct cf_slice *rest,
                                 struct cf_json_event *event)
{
    size_t len = 0;
    for (; len < rest->len; len++) {
        enum number next = number_after((enum number)reader->number, rest->ptr[len]);
        if (next == NUMBER_END)
            break;
        reader->number = (uint8_t)next;
    }
    if (len > reader->limits.number_bytes_max - reader->text.len)
        return CF_E_TOO_LARGE;
    struct cf_slice run = cf_slice_of(rest->ptr, len);
    skip(rest, len);
    if (rest->len == 0)
        return cf_buf_append(&reader->text, run);
    if (!number_may_end(reader))
        return CF_E_SYNTAX;
    end_value(reader);
    emit(reader, CF_JSON_NUMBER, event);
    return join_text(reader, run, &event->text);
}

/* ---- true, false, null ---- */

static enum cf_error begin_word(struct cf_json_reader *reader, const char *word,
                                enum cf_json_type type)
{
    reader->state = IN_WORD;
    reader->word_left = word;
    reader->word = type;
    return CF_OK;
}

static enum cf_error read_word(struct cf_json_reader *reader, struct cf_slice *rest,
                               struct cf_json_event *event)
{
    while (rest->len > 0 && *reader->word_left != '\0') {
        if (rest->ptr[0] != (uint8_t)*reader->word_left)
            return CF_E_SYNTAX;
        reader->word_left++;
        skip(rest, 1);
    }
    if (*reader->word_left != '\0')
        return CF_OK;
    end_value(reader);
    emit(reader, reader->word, event);
    return CF_OK;
}

/* ---- structure ---- */

/* Numbers and words are begun in front of their first byte, the others behind it. */
static enum cf_error begin_value(struct cf_json_reader *reader, struct cf_slice *rest,
                                 struct cf_json_event *event)
{
    uint8_t byte = rest->ptr[0];
    switch (byte) {
    case '"':
        skip(rest, 1);
        return begin_string(reader, false);
    case '{':
    case '[':
        skip(rest, 1);
        return begin_container(reader, byte == '{', event);
    case 't':
        return begin_word(reader, "true", CF_JSON_TRUE);
    case 'f':
        return begin_word(reader, "false", CF_JSON_FALSE);
    case 'n':
        return begin_word(reader, "null", CF_JSON_NULL);
    default:
        if (byte != '-' && !is_digit(byte))
            return CF_E_SYNTAX;
        reader->state = IN_NUMBER;
        reader->number = NUMBER_START;
        return CF_OK;
    }
}

static enum cf_error begin_key(struct cf_json_reader *reader, struct cf_slice *rest)
{
    if (rest->ptr[0] != '"')
        return CF_E_SYNTAX;
    skip(rest, 1);
    return begin_string(reader, true);
}

static enum cf_error read_colon(struct cf_json_reader *reader, struct cf_slice *rest)
{
    if (rest->ptr[0] != ':')
        return CF_E_SYNTAX;
    skip(rest, 1);
    reader->state = EXPECT_VALUE;
    return CF_OK;
}

static enum cf_error read_comma(struct cf_json_reader *reader, struct cf_slice *rest)
{
    if (rest->ptr[0] != ',')
        return CF_E_SYNTAX;
    skip(rest, 1);
    reader->state = in_object(reader) ? EXPECT_KEY : EXPECT_VALUE;
    return CF_OK;
}

static bool may_end_container(const struct cf_json_reader *reader, uint8_t byte)
{
    switch ((enum state)reader->state) {
    case EXPECT_KEY_OR_END:
    case EXPECT_ELEMENT_OR_END:
    case EXPECT_COMMA_OR_END:
        return byte == (in_object(reader) ? '}' : ']');
    default:
        return false;
    }
}

static enum cf_error read_structure(struct cf_json_reader *reader, struct cf_slice *rest,
                                    struct cf_json_event *event)
{
    uint8_t byte = rest->ptr[0];
    if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
        skip(rest, 1);
        return CF_OK;
    }
    if (may_end_container(reader, byte)) {
        skip(rest, 1);
        return end_container(reader, event);
    }
    switch ((enum state)reader->state) {
    case EXPECT_VALUE:
    case EXPECT_ELEMENT_OR_END:
        return begin_value(reader, rest, event);
    case EXPECT_KEY:
    case EXPECT_KEY_OR_END:
        return begin_key(reader, rest);
    case EXPECT_COLON:
        return read_colon(reader, rest);
    case EXPECT_COMMA_OR_END:
        return read_comma(reader, rest);
    default:
        return CF_E_SYNTAX;
    }
}

static enum cf_error step(struct cf_json_reader *reader, struct cf_slice *rest,
                          struct cf_json_event *event)
{
    switch ((enum state)reader->state) {
    case IN_STRING:
        return reader->escape == ESCAPE_NONE ? read_string(reader, rest, event)
                                             : read_escape(reader, rest);
    case IN_NUMBER:
        return read_number(reader, rest, event);
    case IN_WORD:
        return read_word(reader, rest, event);
    default:
        return read_structure(reader, rest, event);
    }
}

enum cf_error cf_json_next(struct cf_json_reader *reader, struct cf_slice *input,
                           struct cf_json_event *out_event)
{
    if (reader->error != CF_OK)
        return reader->error;
    drop_text(reader);
    size_t room = reader->limits.bytes_max - reader->bytes;
    struct cf_slice rest = *input;
    if (rest.len > room)
        rest.len = room;
    struct cf_json_event event = {.type = CF_JSON_NEED_MORE};
    enum cf_error error = CF_OK;
    while (error == CF_OK && event.type == CF_JSON_NEED_MORE && rest.len > 0)
        error = step(reader, &rest, &event);
    if (error == CF_OK && event.type == CF_JSON_NEED_MORE && input->len > room)
        error = CF_E_TOO_LARGE;
    reader->error = error;
    if (error != CF_OK)
        return error;
    size_t used = (input->len < room ? input->len : room) - rest.len;
    reader->bytes += used;
    *input = cf_slice_skip(*input, used);
    *out_event = event;
    return CF_OK;
}

enum cf_error cf_json_finish(struct cf_json_reader *reader, struct cf_json_event *out_event)
{
    if (reader->error != CF_OK)
        return reader->error;
    drop_text(reader);
    struct cf_json_event event = {.type = CF_JSON_NEED_MORE};
    if (reader->state == IN_NUMBER && reader->depth == 0 && number_may_end(reader)) {
        end_value(reader);
        emit(reader, CF_JSON_NUMBER, &event);
        event.text = cf_buf_peek(&reader->text);
    }
    if (reader->state != EXPECT_NOTHING)
        return reader->error = CF_E_TRUNCATED;
    *out_event = event;
    return CF_OK;
}
