#include "auth/origin.h"

/* A list element or a header value, split; all parts borrow it. */
struct parts {
    struct cf_slice scheme, host, port; /* port without its colon; ptr == NULL: none */
};

static bool host_char(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_';
}

/* A name, an IPv4 address, or an IPv6 address in brackets. */
static bool split_host(struct cf_slice authority, struct parts *out)
{
    size_t len = 0;
    if (authority.len > 0 && authority.ptr[0] == '[') {
        len = cf_slice_find(authority, ']') + 1;
        if (len > authority.len || len < 4)
            return false;
        for (size_t i = 1; i + 1 < len; i++) {
            uint8_t byte = authority.ptr[i];
            bool hex =
                (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f');
            if (!hex && byte != ':' && byte != '.')
                return false;
        }
    } else {
        while (len < authority.len && host_char(authority.ptr[len]))
            len++;
    }
    out->host = cf_slice_head(authority, len);
    struct cf_slice rest = cf_slice_skip(authority, len);
    out->port = (struct cf_slice){NULL, 0};
    if (rest.len == 0)
        return len > 0;
    out->port = cf_slice_skip(rest, 1);
    uint64_t number;
    return len > 0 && rest.ptr[0] == ':' && out->port.len <= 5 &&
           cf_slice_to_u64(out->port, &number) && number > 0 && number <= 65535 &&
           out->port.ptr[0] != '0';
}

/* scheme "://" host [ ":" port ], and not a byte more (RFC 6454 section 6.2). */
static bool split_origin(struct cf_slice origin, struct parts *out)
{
    size_t colon = cf_slice_find(origin, ':');
    out->scheme = cf_slice_head(origin, colon);
    struct cf_slice rest = cf_slice_skip(origin, colon);
    if (!cf_slice_starts(rest, CF_LIT("://")))
        return false;
    if (!cf_slice_eq_nocase(out->scheme, CF_LIT("http")) &&
        !cf_slice_eq_nocase(out->scheme, CF_LIT("https")))
        return false;
    return split_host(cf_slice_skip(rest, 3), out);
}

static struct cf_slice port_of(const struct parts *parts)
{
    if (parts->port.ptr != NULL)
        return parts->port;
    return cf_slice_eq_nocase(parts->scheme, CF_LIT("https")) ? CF_LIT("443") : CF_LIT("80");
}

enum cf_error cf_origin_list_parse(struct cf_slice text, struct cf_arena *arena,
                                   struct cf_origin_list *out_list, struct cf_slice *out_bad)
{
    struct cf_slice rest = text, element;
    size_t count = 0;
    *out_list = (struct cf_origin_list){.any = text.len == 0};
    if (text.len == 0)
        return CF_OK;
    while (cf_slice_next(&rest, ',', &element))
        count++;
    out_list->origins = cf_arena_alloc(arena, count * sizeof(struct cf_slice));
    if (out_list->origins == NULL)
        return CF_E_NOMEM;
    rest = text;
    while (cf_slice_next(&rest, ',', &element)) {
        struct parts parts;
        element = cf_slice_trim(element);
        if (!split_origin(element, &parts)) {
            *out_bad = element;
            return CF_E_INVALID;
        }
        enum cf_error error = cf_arena_copy(arena, element, &out_list->origins[out_list->count]);
        if (error != CF_OK)
            return error;
        out_list->count++;
    }
    return CF_OK;
}

static bool same(const struct parts *a, const struct parts *b)
{
    return cf_slice_eq_nocase(a->scheme, b->scheme) && cf_slice_eq_nocase(a->host, b->host) &&
           cf_slice_eq(port_of(a), port_of(b));
}

bool cf_origin_allowed(const struct cf_origin_list *list, struct cf_slice origin)
{
    struct parts asked, listed;
    if (list->any)
        return true;
    if (!split_origin(origin, &asked))
        return false;
    for (size_t i = 0; i < list->count; i++) {
        if (split_origin(list->origins[i], &listed) && same(&asked, &listed))
            return true;
    }
    return false;
}
