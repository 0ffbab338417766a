/* Which peers are proxies of ours, whose X-Forwarded-For is believed. */
#ifndef CF_SERVER_PROXIES_H
#define CF_SERVER_PROXIES_H

#include "base/buf.h"
#include "edge/uv/conn.h"

struct cf_cidr {
    uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d */
    uint8_t bits;   /* of the 128 */
};

enum { CF_PROXIES_MAX = 32 };

struct cf_proxies {
    struct cf_cidr cidrs[CF_PROXIES_MAX];
    size_t count;
};

/* "10.0.0.0/8,::1/128". CF_E_INVALID with one line in `why`. */
enum cf_error cf_proxies_parse(struct cf_proxies *proxies, struct cf_slice text,
                               struct cf_buf *why);
bool cf_proxies_trusted(const struct cf_proxies *proxies, const struct cf_address *address);
/* Who is behind `peer`: the last address of `forwarded_for` (the joined header) that is no trusted
 * proxy, when the peer is one; else the peer. An element that is no address ends the search at the
 * one before. */
struct cf_address cf_proxies_client(const struct cf_proxies *proxies, const struct cf_address *peer,
                                    struct cf_slice forwarded_for);

#endif
