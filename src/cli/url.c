#include "cli/url.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "server/text.h"

static bool copy(struct cf_slice from, char *to, size_t to_len)
{
    if (from.len >= to_len)
        return false;
    if (from.len > 0)
        memcpy(to, from.ptr, from.len);
    to[from.len] = '\0';
    return true;
}

/* All bytes go into a request's head, where a blank or a line end would begin something else. */
static bool has_only_url_bytes(struct cf_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == '#')
            return false;
    }
    return true;
}

/* Up to the path or the query (RFC 3986 section 3.2). */
static size_t authority_len(struct cf_slice rest)
{
    size_t slash = cf_slice_find(rest, '/'), question = cf_slice_find(rest, '?');
    return slash < question ? slash : question;
}

/* "host", "host:port", "[::1]:port". */
static bool parse_authority(struct cf_slice authority, struct cf_url *url)
{
    struct cf_slice host = authority, port = {NULL, 0};
    bool brackets = cf_slice_starts(authority, CF_LIT("["));
    if (cf_slice_find(authority, '@') < authority.len)
        return false;
    if (brackets) {
        size_t end = cf_slice_find(authority, ']');
        if (end == authority.len)
            return false;
        host = cf_slice_of(authority.ptr + 1, end - 1);
        port = cf_slice_skip(authority, end + 1);
        if (port.len > 0 && port.ptr[0] != ':')
            return false;
        port = cf_slice_skip(port, 1);
    } else {
        size_t colon = cf_slice_find(authority, ':');
        host = cf_slice_head(authority, colon);
        port = cf_slice_skip(authority, colon + 1);
    }
    uint64_t number = url->tls ? 443 : 80;
    if (port.len > 0 && (!cf_slice_to_u64(port, &number) || number == 0 || number > 65535))
        return false;
    url->port = (uint16_t)number;
    if (host.len == 0 || !copy(host, url->host, sizeof(url->host)))
        return false;
    snprintf(url->authority, sizeof(url->authority), brackets ? "[%s]:%u" : "%s:%u", url->host,
             url->port);
    return true;
}

static bool parse_query(struct cf_slice query, struct cf_url *url)
{
    struct cf_slice rest = query, pair;
    while (query.len > 0 && cf_slice_next(&rest, '&', &pair)) {
        if (cf_slice_starts(pair, CF_LIT("token=")) &&
            !copy(cf_slice_skip(pair, 6), url->token, sizeof(url->token)))
            return false;
    }
    return true;
}

enum cf_error cf_url_parse(const char *text, struct cf_url *out_url, struct cf_buf *why)
{
    static const struct {
        const char *scheme;
        bool tls;
    } schemes[] = {{"ws://", false}, {"http://", false}, {"wss://", true}, {"https://", true}};
    struct cf_slice rest = cf_slice_cstr(text);
    memset(out_url, 0, sizeof(*out_url));
    size_t i = 0;
    while (i < CF_ARRAY_LEN(schemes) && !cf_slice_starts(rest, cf_slice_cstr(schemes[i].scheme)))
        i++;
    if (i < CF_ARRAY_LEN(schemes) && has_only_url_bytes(rest)) {
        rest = cf_slice_skip(rest, strlen(schemes[i].scheme));
        out_url->tls = schemes[i].tls;
        struct cf_slice authority = cf_slice_head(rest, authority_len(rest));
        struct cf_slice target = cf_slice_skip(rest, authority.len);
        size_t question = cf_slice_find(target, '?');
        if (parse_authority(authority, out_url) &&
            parse_query(cf_slice_skip(target, question + 1), out_url) &&
            copy(cf_slice_head(target, question), out_url->path, sizeof(out_url->path)))
            return CF_OK;
    }
    /* The URL may hold a token: it is not repeated. */
    cf_text_append(why,
                   "that is no URL like ws://127.0.0.1:8080/api/v1/shops/SHOP_ID/messages/stream");
    return CF_E_INVALID;
}
