#include "auth/origin.h"

enum { HOST_MAX = 253, PORT_MAX = 65535 };

/* The parts of scheme://host[:port] as written. */
struct parts {
    struct cf_slice scheme, host, port; /* port.ptr == NULL: none */
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Other scripts are written as browsers send them, in Punycode. */
static bool is_name_character(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/* Labels with single dots between them. */
static bool is_name(struct cf_slice host)
{
    bool after_dot = true;
    for (size_t i = 0; i < host.len; i++) {
        bool dot = host.ptr[i] == '.';
        if (dot ? after_dot : !is_name_character(host.ptr[i]))
            return false;
        after_dot = dot;
    }
    return !after_dot && host.len <= HOST_MAX;
}

static bool is_ipv6(struct cf_slice host)
{
    if (host.len < 4 || host.ptr[0] != '[' || host.ptr[host.len - 1] != ']')
        return false;
    for (size_t i = 1; i + 1 < host.len; i++) {
        if (!is_hex(host.ptr[i]) && host.ptr[i] != ':' && host.ptr[i] != '.')
            return false;
    }
    return true;
}

static bool is_port(struct cf_slice port)
{
    uint64_t number;
    return port.len > 0 && port.ptr[0] != '0' && cf_slice_to_u64(port, &number) &&
           number <= PORT_MAX;
}

static bool split(struct cf_slice text, struct parts *out_parts)
{
    size_t colon = cf_slice_find(text, ':');
    struct cf_slice rest = cf_slice_skip(text, colon);
    if (!cf_slice_starts(rest, CF_LIT("://")))
        return false;
    rest = cf_slice_skip(rest, 3);
    size_t host_len = cf_slice_find(rest, ':');
    if (cf_slice_starts(rest, CF_LIT("[")))
        host_len = cf_slice_find(rest, ']') + 1;
    out_parts->scheme = cf_slice_head(text, colon);
    out_parts->host = cf_slice_head(rest, host_len);
    out_parts->port = (struct cf_slice){NULL, 0};
    if (host_len >= rest.len)
        return true;
    if (rest.ptr[host_len] != ':')
        return false;
    out_parts->port = cf_slice_skip(rest, host_len + 1);
    return true;
}

static bool is_origin(const struct parts *parts)
{
    bool web = cf_slice_eq_nocase(parts->scheme, CF_LIT("https")) ||
               cf_slice_eq_nocase(parts->scheme, CF_LIT("http"));
    return web && (is_name(parts->host) || is_ipv6(parts->host)) &&
           (parts->port.ptr == NULL || is_port(parts->port));
}

/* As a browser writes it (RFC 6454 section 6.2). */
static enum cf_error canonicalize(struct cf_slice text, const struct parts *parts,
                                  struct cf_arena *arena, struct cf_slice *out_origin)
{
    bool secure = parts->scheme.len == sizeof("https") - 1;
    if (cf_slice_eq(parts->port, secure ? CF_LIT("443") : CF_LIT("80")))
        text.len -= parts->port.len + 1;
    uint8_t *bytes = cf_arena_alloc(arena, text.len);
    if (bytes == NULL)
        return CF_E_NOMEM;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bytes[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
    }
    *out_origin = cf_slice_of(bytes, text.len);
    return CF_OK;
}

static size_t count_elements(struct cf_slice text)
{
    size_t count = 0;
    struct cf_slice element;
    while (cf_slice_next(&text, ',', &element))
        count++;
    return count;
}

enum cf_error cf_origin_list_parse(struct cf_slice text, struct cf_arena *arena,
                                   struct cf_origin_list *out_list, struct cf_slice *out_bad)
{
    struct cf_origin_list list = {.any = text.len == 0};
    if (list.any) {
        *out_list = list;
        return CF_OK;
    }
    list.origins = cf_arena_alloc(arena, count_elements(text) * sizeof(*list.origins));
    if (list.origins == NULL)
        return CF_E_NOMEM;
    struct cf_slice element;
    while (cf_slice_next(&text, ',', &element)) {
        struct parts parts;
        element = cf_slice_trim(element);
        if (!split(element, &parts) || !is_origin(&parts)) {
            *out_bad = element;
            return CF_E_INVALID;
        }
        enum cf_error error = canonicalize(element, &parts, arena, &list.origins[list.count]);
        if (error != CF_OK)
            return error;
        list.count++;
    }
    *out_list = list;
    return CF_OK;
}

bool cf_origin_allowed(const struct cf_origin_list *list, struct cf_slice origin)
{
    if (list->any)
        return true;
    for (size_t i = 0; i < list->count; i++) {
        if (cf_slice_eq(list->origins[i], origin))
            return true;
    }
    return false;
}
