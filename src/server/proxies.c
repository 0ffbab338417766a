#include "server/proxies.h"

#include <arpa/inet.h>
#include <string.h>

#include "server/text.h"

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* An address in either family's text form; *out_bits: the width of the family's own addresses. */
static bool parse_ip(struct cf_slice text, uint8_t out_ip[16], unsigned *out_bits)
{
    char cstr[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof(cstr))
        return false;
    memcpy(cstr, text.ptr, text.len);
    cstr[text.len] = '\0';
    if (inet_pton(AF_INET, cstr, out_ip + 12) == 1) {
        memcpy(out_ip, v4_prefix, sizeof(v4_prefix));
        *out_bits = 32;
        return true;
    }
    *out_bits = 128;
    return inet_pton(AF_INET6, cstr, out_ip) == 1;
}

static bool parse_cidr(struct cf_slice text, struct cf_cidr *out)
{
    size_t slash = cf_slice_find(text, '/');
    unsigned width;
    uint64_t bits;
    if (!parse_ip(cf_slice_head(text, slash), out->ip, &width))
        return false;
    if (slash == text.len)
        bits = width;
    else if (!cf_slice_to_u64(cf_slice_skip(text, slash + 1), &bits) || bits > width)
        return false;
    out->bits = (uint8_t)(128 - width + bits);
    return true;
}

enum cf_error cf_proxies_parse(struct cf_proxies *proxies, struct cf_slice text, struct cf_buf *why)
{
    proxies->count = 0;
    struct cf_slice rest = text, element;
    while (text.len > 0 && cf_slice_next(&rest, ',', &element)) {
        element = cf_slice_trim(element);
        if (proxies->count < CF_PROXIES_MAX &&
            parse_cidr(element, &proxies->cidrs[proxies->count])) {
            proxies->count++;
            continue;
        }
        cf_text_append(why, "CONFAB_TRUSTED_PROXIES=%.*s: not at most %d CIDRs like 10.0.0.0/8",
                       (int)element.len, (const char *)element.ptr, CF_PROXIES_MAX);
        return CF_E_INVALID;
    }
    return CF_OK;
}

static bool within(const struct cf_cidr *cidr, const uint8_t ip[16])
{
    size_t bytes = cidr->bits / 8;
    unsigned rest = cidr->bits % 8;
    if (memcmp(cidr->ip, ip, bytes) != 0)
        return false;
    return rest == 0 || ((cidr->ip[bytes] ^ ip[bytes]) >> (8 - rest)) == 0;
}

bool cf_proxies_trusted(const struct cf_proxies *proxies, const struct cf_address *address)
{
    for (size_t i = 0; i < proxies->count; i++) {
        if (within(&proxies->cidrs[i], address->ip))
            return true;
    }
    return false;
}

struct cf_address cf_proxies_client(const struct cf_proxies *proxies, const struct cf_address *peer,
                                    struct cf_slice forwarded_for)
{
    struct cf_address client = *peer;
    while (forwarded_for.len > 0 && cf_proxies_trusted(proxies, &client)) {
        size_t start = forwarded_for.len;
        while (start > 0 && forwarded_for.ptr[start - 1] != ',')
            start--;
        struct cf_slice last = cf_slice_trim(cf_slice_skip(forwarded_for, start));
        struct cf_address next = {.port = 0};
        unsigned width;
        if (!parse_ip(last, next.ip, &width))
            break;
        client = next;
        forwarded_for.len = start > 0 ? start - 1 : 0;
    }
    return client;
}
