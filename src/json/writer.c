#include "json/writer.h"

#include <string.h>

#include "base/assert.h"
#include "base/utf8.h"
#include "json/scan.h"

void cf_json_writer_init(struct cf_json_writer *w, struct cf_buf *out)
{
    *w = (struct cf_json_writer){.out = out};
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

static bool in_object(const struct cf_json_writer *w)
{
    return w->depth > 0 && (w->object_bits >> (w->depth - 1) & 1) != 0;
}

static void put_comma(struct cf_json_writer *w)
{
    if (w->depth == 0)
        return;
    uint64_t bit = (uint64_t)1 << (w->depth - 1);
    if ((w->has_element & bit) != 0)
        put_byte(w, ',');
    w->has_element |= bit;
}

static void begin_value(struct cf_json_writer *w)
{
    CF_ASSERT(w->depth > 0 || !w->complete);
    CF_ASSERT(w->after_key == in_object(w));
    if (!w->after_key)
        put_comma(w);
    w->after_key = false;
    w->complete = w->depth == 0;
}

/* ---- containers ---- */

static void begin_container(struct cf_json_writer *w, bool object)
{
    begin_value(w);
    CF_ASSERT(w->depth < CF_JSON_DEPTH_CAP);
    uint64_t bit = (uint64_t)1 << w->depth++;
    w->has_element &= ~bit;
    w->object_bits = object ? w->object_bits | bit : w->object_bits & ~bit;
    put_byte(w, object ? '{' : '[');
}

static void end_container(struct cf_json_writer *w, bool object)
{
    CF_ASSERT(w->depth > 0 && in_object(w) == object && !w->after_key);
    w->depth--;
    w->complete = w->depth == 0;
    put_byte(w, object ? '}' : ']');
}

void cf_json_object_begin(struct cf_json_writer *w)
{
    begin_container(w, true);
}

void cf_json_object_end(struct cf_json_writer *w)
{
    end_container(w, true);
}

void cf_json_array_begin(struct cf_json_writer *w)
{
    begin_container(w, false);
}

void cf_json_array_end(struct cf_json_writer *w)
{
    end_container(w, false);
}

/* ---- strings ---- */

static void put_escape(struct cf_json_writer *w, uint8_t byte)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    char letter = byte < 0x20 ? letters[byte] : (char)byte;
    if (letter != 0) {
        const char escape[] = {'\\', letter};
        put(w, cf_slice_of(escape, sizeof(escape)));
    } else {
        const char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
        put(w, cf_slice_of(escape, sizeof(escape)));
    }
}

/* Nearly every string is ASCII without anything to escape, and goes in one piece. */
static void put_plain(struct cf_json_writer *w, struct cf_slice text)
{
    if (w->error == CF_OK)
        w->error = text.len > SIZE_MAX - 2 ? CF_E_TOO_LARGE : cf_buf_reserve(w->out, text.len + 2);
    if (w->error != CF_OK)
        return;
    uint8_t *at = w->out->ptr + w->out->len;
    at[0] = '"';
    if (text.len > 0)
        memcpy(at + 1, text.ptr, text.len);
    at[1 + text.len] = '"';
    w->out->len += text.len + 2;
}

static void put_string(struct cf_json_writer *w, struct cf_slice text)
{
    bool all_ascii;
    if (cf_json_scan_plain(text, &all_ascii) == text.len && all_ascii) {
        put_plain(w, text);
        return;
    }
    if (w->error == CF_OK && !cf_utf8_valid(text))
        w->error = CF_E_UTF8;
    put_byte(w, '"');
    while (w->error == CF_OK && text.len > 0) {
        bool ascii;
        size_t plain = cf_json_scan_plain(text, &ascii);
        put(w, cf_slice_head(text, plain));
        text = cf_slice_skip(text, plain);
        if (text.len > 0)
            put_escape(w, text.ptr[0]);
        text = cf_slice_skip(text, 1);
    }
    put_byte(w, '"');
}

void cf_json_key(struct cf_json_writer *w, struct cf_slice key)
{
    CF_ASSERT(in_object(w) && !w->after_key);
    put_comma(w);
    put_string(w, key);
    put_byte(w, ':');
    w->after_key = true;
}

void cf_json_string(struct cf_json_writer *w, struct cf_slice text)
{
    begin_value(w);
    put_string(w, text);
}

/* ---- other values ---- */

void cf_json_i64(struct cf_json_writer *w, int64_t value)
{
    begin_value(w);
    if (value < 0)
        put_byte(w, '-');
    if (w->error == CF_OK)
        w->error = cf_buf_append_u64(w->out, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void cf_json_bool(struct cf_json_writer *w, bool value)
{
    begin_value(w);
    put(w, value ? CF_LIT("true") : CF_LIT("false"));
}

void cf_json_null(struct cf_json_writer *w)
{
    begin_value(w);
    put(w, CF_LIT("null"));
}

void cf_json_raw(struct cf_json_writer *w, struct cf_slice json)
{
    begin_value(w);
    put(w, json);
}

enum cf_error cf_json_writer_finish(struct cf_json_writer *w)
{
    if (w->error == CF_OK)
        CF_ASSERT(w->depth == 0);
    return w->error;
}

/* ---- members ---- */

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
