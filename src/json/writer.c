#include "json/writer.h"

#include <string.h>

#include "base/assert.h"
#include "base/utf8.h"

void cf_json_writer_init(struct cf_json_writer *w, struct cf_buf *out)
{
    memset(w, 0, sizeof(*w));
    w->out = out;
}

static void put(struct cf_json_writer *w, struct cf_slice bytes)
{
    if (w->error == CF_OK)
        w->error = cf_buf_append(w->out, bytes);
}

static void put_byte(struct cf_json_writer *w, uint8_t byte)
{
    if (w->error == CF_OK)
        w->error = cf_buf_append_byte(w->out, byte);
}

/* What stands before a value: the comma of its container, unless a key came. */
static void before_value(struct cf_json_writer *w)
{
    uint64_t bit = (uint64_t)1 << w->depth;
    if (!w->after_key && w->depth > 0 && (w->has_element & bit) != 0)
        put_byte(w, ',');
    w->has_element |= bit;
    w->after_key = false;
}

static void begin(struct cf_json_writer *w, uint8_t bracket)
{
    before_value(w);
    put_byte(w, bracket);
    w->depth++;
    CF_ASSERT(w->depth < CF_JSON_DEPTH_CAP);
    w->has_element &= ~((uint64_t)1 << w->depth);
}

static void end(struct cf_json_writer *w, uint8_t bracket)
{
    CF_ASSERT(w->depth > 0 && !w->after_key);
    w->depth--;
    put_byte(w, bracket);
}

void cf_json_object_begin(struct cf_json_writer *w)
{
    begin(w, '{');
}

void cf_json_object_end(struct cf_json_writer *w)
{
    end(w, '}');
}

void cf_json_array_begin(struct cf_json_writer *w)
{
    begin(w, '[');
}

void cf_json_array_end(struct cf_json_writer *w)
{
    end(w, ']');
}

static void put_escape(struct cf_json_writer *w, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    for (size_t i = 0; i < sizeof(from) - 1; i++) {
        if (byte == (uint8_t)from[i]) {
            put_byte(w, '\\');
            put_byte(w, (uint8_t)to[i]);
            return;
        }
    }
    put(w, CF_LIT("\\u00"));
    put_byte(w, (uint8_t)digits[byte >> 4]);
    put_byte(w, (uint8_t)digits[byte & 15]);
}

static void put_quoted(struct cf_json_writer *w, struct cf_slice text)
{
    put_byte(w, '"');
    size_t start = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        put(w, cf_slice_of(text.ptr + start, i - start));
        put_escape(w, byte);
        start = i + 1;
    }
    put(w, cf_slice_of(text.ptr + start, text.len - start));
    put_byte(w, '"');
}

void cf_json_key(struct cf_json_writer *w, struct cf_slice key)
{
    CF_ASSERT(w->depth > 0 && !w->after_key);
    cf_json_string(w, key);
    put_byte(w, ':');
    w->after_key = true;
}

void cf_json_string(struct cf_json_writer *w, struct cf_slice text)
{
    before_value(w);
    if (w->error == CF_OK && !cf_utf8_valid(text))
        w->error = CF_E_UTF8;
    put_quoted(w, text);
}

void cf_json_i64(struct cf_json_writer *w, int64_t value)
{
    before_value(w);
    if (value < 0)
        put_byte(w, '-');
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (w->error == CF_OK)
        w->error = cf_buf_append_u64(w->out, magnitude);
}

void cf_json_bool(struct cf_json_writer *w, bool value)
{
    before_value(w);
    put(w, value ? CF_LIT("true") : CF_LIT("false"));
}

void cf_json_null(struct cf_json_writer *w)
{
    before_value(w);
    put(w, CF_LIT("null"));
}

void cf_json_raw(struct cf_json_writer *w, struct cf_slice json)
{
    before_value(w);
    put(w, json);
}

enum cf_error cf_json_writer_finish(struct cf_json_writer *w)
{
    CF_ASSERT(w->depth == 0 && !w->after_key);
    return w->error;
}

void cf_json_member_string(struct cf_json_writer *w, const char *key, struct cf_slice text)
{
    cf_json_key(w, cf_slice_cstr(key));
    cf_json_string(w, text);
}

void cf_json_member_i64(struct cf_json_writer *w, const char *key, int64_t value)
{
    cf_json_key(w, cf_slice_cstr(key));
    cf_json_i64(w, value);
}

void cf_json_member_bool(struct cf_json_writer *w, const char *key, bool value)
{
    cf_json_key(w, cf_slice_cstr(key));
    cf_json_bool(w, value);
}

void cf_json_member_null(struct cf_json_writer *w, const char *key)
{
    cf_json_key(w, cf_slice_cstr(key));
    cf_json_null(w);
}
