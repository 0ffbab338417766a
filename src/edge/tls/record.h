/* A TLS 1.3 connection after its handshake: the record layer and the few messages that may still
 * come (RFC 8446 sections 4.6.3, 5 and 6). It has keys and no more: no memory is held between calls
 * but the part of a record that has come.
 *
 * Every rule that the peer breaks is answered with its alert, and ends the connection. */
#ifndef CF_EDGE_TLS_RECORD_H
#define CF_EDGE_TLS_RECORD_H

#include "base/buf.h"
#include "edge/tls/keys.h"

enum {
    CF_TLS_PLAIN_MAX = 1 << 14,                 /* RFC 8446 section 5.1 */
    CF_TLS_CIPHER_MAX = CF_TLS_PLAIN_MAX + 256, /* 5.2 */
    CF_TLS_UPDATE_AFTER = 1 << 24,              /* records of ours with one key: 5.5 allows AES-GCM
                                                   2^24.5 */
    CF_TLS_BARREN_MAX = 32,                     /* records in a row that bring no data */
    CF_TLS_KEY_UPDATE = 5,                      /* bytes of the message */
};

struct cf_tls_record {
    const struct cf_tls_suite *suite;
    struct cf_tls_keys in, out;
    struct cf_buf part;                   /* of the peer's next record */
    uint8_t handshake[CF_TLS_KEY_UPDATE]; /* a KeyUpdate that comes in fragments */
    uint8_t handshake_len;
    uint8_t barren;      /* records since the last data */
    uint8_t ended;       /* enum cf_error, once nothing more is taken from the peer */
    bool mute : 1;       /* nothing more is said to the peer */
    bool update_due : 1; /* the peer has asked for a KeyUpdate of ours */
};

/* The secrets of the peer's direction and of ours, suite->secret_len bytes each; `suite` is
 * borrowed for the record's life. CF_E_NOMEM. */
enum cf_error cf_tls_record_init(struct cf_tls_record *record, const struct cf_tls_suite *suite,
                                 const uint8_t *secret_in, const uint8_t *secret_out);
/* Leaves nothing of the keys. */
void cf_tls_record_deinit(struct cf_tls_record *record);
/* As cf_tls_receive, cf_tls_send and cf_tls_shutdown. */
enum cf_error cf_tls_record_receive(struct cf_tls_record *record, struct cf_slice bytes,
                                    struct cf_buf *plain, struct cf_buf *cipher);
enum cf_error cf_tls_record_send(struct cf_tls_record *record, struct cf_slice plain,
                                 struct cf_buf *cipher);
enum cf_error cf_tls_record_shutdown(struct cf_tls_record *record, struct cf_buf *cipher);

#endif
