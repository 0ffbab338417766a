#include "wire/http/target.h"

#include <string.h>

#include "base/utf8.h"
#include "wire/http/token.h"

/* Percent-decodes into the arena. `query`: + is a space, slashes are allowed. */
static enum cf_error decode(struct cf_slice text, bool query, struct cf_arena *arena,
                            struct cf_slice *out)
{
    uint8_t *bytes = cf_arena_alloc(arena, text.len + 1);
    if (bytes == NULL)
        return CF_E_NOMEM;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        bool escaped = byte == '%';
        if (escaped) {
            if (text.len - i < 3)
                return CF_E_SYNTAX;
            int high = cf_http_hex_digit(text.ptr[i + 1]), low = cf_http_hex_digit(text.ptr[i + 2]);
            if (high < 0 || low < 0)
                return CF_E_SYNTAX;
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (query && byte == '+') {
            byte = ' ';
        }
        if (byte < 0x20 || byte == 0x7f || byte == '\\')
            return CF_E_SYNTAX;
        if (escaped && !query && byte == '/')
            return CF_E_SYNTAX;
        bytes[len++] = byte;
    }
    *out = cf_slice_of(bytes, len);
    return cf_utf8_valid(*out) ? CF_OK : CF_E_SYNTAX;
}

static bool is_dots(struct cf_slice segment)
{
    return cf_slice_eq(segment, CF_LIT(".")) || cf_slice_eq(segment, CF_LIT(".."));
}

static enum cf_error parse_path(struct cf_slice path, struct cf_arena *arena,
                                struct cf_http_target *target)
{
    if (path.len == 0 || path.ptr[0] != '/')
        return CF_E_SYNTAX;
    struct cf_slice rest = cf_slice_skip(path, 1), text;
    while (path.len > 1 && cf_slice_next(&rest, '/', &text)) {
        bool last = rest.ptr == NULL;
        if (text.len == 0 && last)
            return CF_OK; /* one slash at the end */
        if (target->segments_count == CF_HTTP_SEGMENTS_MAX)
            return CF_E_TOO_MANY;
        struct cf_slice *segment = &target->segments[target->segments_count++];
        enum cf_error error = decode(text, false, arena, segment);
        if (error != CF_OK)
            return error;
        if (segment->len == 0 || is_dots(*segment))
            return CF_E_SYNTAX;
    }
    return CF_OK;
}

static enum cf_error parse_query(struct cf_slice query, struct cf_arena *arena,
                                 struct cf_http_target *target)
{
    struct cf_slice rest = query, pair;
    while (query.len > 0 && cf_slice_next(&rest, '&', &pair)) {
        if (pair.len == 0)
            continue;
        if (target->params_count == CF_HTTP_PARAMS_MAX)
            return CF_E_TOO_MANY;
        struct cf_http_param *param = &target->params[target->params_count++];
        size_t equals = cf_slice_find(pair, '=');
        enum cf_error error = decode(cf_slice_head(pair, equals), true, arena, &param->name);
        if (error == CF_OK)
            error = decode(cf_slice_skip(pair, equals + 1), true, arena, &param->value);
        if (error != CF_OK)
            return error;
    }
    return CF_OK;
}

enum cf_error cf_http_target_parse(struct cf_slice target, struct cf_arena *arena,
                                   struct cf_http_target *out_target)
{
    memset(out_target, 0, sizeof(*out_target));
    size_t question = cf_slice_find(target, '?');
    out_target->path = cf_slice_head(target, question);
    enum cf_error error = parse_path(out_target->path, arena, out_target);
    if (error != CF_OK)
        return error;
    return parse_query(cf_slice_skip(target, question + 1), arena, out_target);
}

struct cf_slice cf_http_param_get(const struct cf_http_target *target, const char *name)
{
    struct cf_slice wanted = cf_slice_cstr(name);
    for (size_t i = 0; i < target->params_count; i++) {
        if (cf_slice_eq(target->params[i].name, wanted))
            return target->params[i].value;
    }
    return (struct cf_slice){NULL, 0};
}
