/* The opening handshake of RFC 6455 (section 4) on values that somebody's HTTP decoder gave. SHA-1
 * comes from outside: the wire layer owns no cryptography. */
#ifndef CF_WIRE_WS_HANDSHAKE_H
#define CF_WIRE_WS_HANDSHAKE_H

#include "base/error.h"
#include "base/slice.h"

typedef void cf_ws_sha1(struct cf_slice bytes, uint8_t out[20]);

enum { CF_WS_ACCEPT_LEN = 28, CF_WS_KEY_LEN = 24 };

struct cf_ws_offer {
    bool get, http_1_1;
    bool connection_upgrade; /* Connection holds `upgrade` */
    struct cf_slice upgrade; /* ptr == NULL: the header is not there */
    struct cf_slice key;
    struct cf_slice version;
    size_t key_count; /* how many Sec-WebSocket-Key headers there are */
    size_t version_count;
};

/* CF_E_SYNTAX: answer 400. CF_E_UNSUPPORTED: another version, answer 426 with
 * Sec-WebSocket-Version: 13. */
enum cf_error cf_ws_offer_check(const struct cf_ws_offer *offer);
/* Sec-WebSocket-Accept of a key (section 4.2.2, step 5.4) that cf_ws_offer_check has passed or
 * cf_ws_key has made. */
void cf_ws_accept(cf_ws_sha1 *sha1, struct cf_slice key, char out[CF_WS_ACCEPT_LEN]);
/* A client's key out of 16 random bytes. */
void cf_ws_key(const uint8_t random[16], char out[CF_WS_KEY_LEN]);

/* A server's answer to a client's handshake. ptr == NULL: the header is not there. */
struct cf_ws_answer {
    unsigned status;
    bool connection_upgrade; /* Connection holds `upgrade` */
    struct cf_slice upgrade;
    struct cf_slice accept;
    struct cf_slice protocol;
    struct cf_slice extensions;
    size_t accept_count, protocol_count; /* how many headers there are */
};

/* What a client offered. */
struct cf_ws_asked {
    char accept[CF_WS_ACCEPT_LEN]; /* cf_ws_accept of its key */
    struct cf_slice protocols;     /* comma-separated; len == 0: none */
    bool extensions;               /* some; the answer's are for cf_ws_deflate_confirm to judge */
};

/* All that a client has to check before it believes in the WebSocket (section 4.1).
 * CF_E_UNSUPPORTED: a status other than 101, which is HTTP's affair. CF_E_PROTOCOL: fail the
 * connection. */
enum cf_error cf_ws_answer_check(const struct cf_ws_answer *answer,
                                 const struct cf_ws_asked *asked);
/* True when the comma-separated offer (all header lines joined) holds `protocol`, exactly. Linear.
 */
bool cf_ws_protocol_offered(struct cf_slice offered, struct cf_slice protocol);

#endif
