/* Which web origins may use the server (RFC 6454; hazard V17): exact match, nothing else. */
#ifndef CF_AUTH_ORIGIN_H
#define CF_AUTH_ORIGIN_H

#include "base/arena.h"
#include "base/slice.h"

struct cf_origin_list {
    bool any; /* development without a list */
    struct cf_slice *origins;
    size_t count;
};

/* Parses "https://a.example,https://b.example:8443" into `arena`. Each is scheme://host[:port] of
 * http or https without path, user, wildcard or trailing slash, blanks around it allowed; scheme
 * and host are lower-cased, a default port is dropped. CF_E_INVALID with the bad element in
 * *out_bad (an empty one counts), CF_E_NOMEM. An empty text: any = true. */
enum cf_error cf_origin_list_parse(struct cf_slice text, struct cf_arena *arena,
                                   struct cf_origin_list *out_list, struct cf_slice *out_bad);
/* `origin`: the header's value, as browsers write it (RFC 6454 section 6.2): the bytes must be
 * equal. "null" and everything that is no plain origin matches only `any`. */
bool cf_origin_allowed(const struct cf_origin_list *list, struct cf_slice origin);

#endif
