/* A file on its way to a client. On a plain connection it goes straight from the page cache; under
 * TLS it is read in pieces by the thread pool, the next piece when the one before is on its way. */
#ifndef CF_SERVER_DOWNLOAD_H
#define CF_SERVER_DOWNLOAD_H

#include "server/exchange.h"

struct cf_download_file {
    const struct cf_media *media;
    struct cf_slice name;
    const char *type;
    /* It never changes: its name is its ETag, and ranges of it are answered (RFC 9110 sections 13
     * and 14). */
    bool immutable;
    struct cf_slice metadata; /* X-Encrypted-Metadata; empty: none */
};

/* Opens the file and answers with it; 404 when there is none. */
void cf_download_begin(struct cf_exchange *exchange, const struct cf_download_file *file);
/* The connection's queue has drained, or the next turn has come. */
void cf_download_go_on(struct cf_download *download);
/* NULL is allowed. */
void cf_download_free(struct cf_download *download);

#endif
