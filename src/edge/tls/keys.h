/* The keys of one direction of a TLS 1.3 connection, and records sealed and opened with them
 * (RFC 8446 sections 5.2, 5.3, 7.2 and 7.3). The algorithms are OpenSSL's.
 *
 * An EVP_CIPHER_CTX is a kilobyte, so there is one for the length of a call: to make and key it
 * costs less than a microsecond, and nothing is left of the key in it. */
#ifndef CF_EDGE_TLS_KEYS_H
#define CF_EDGE_TLS_KEYS_H

#include <openssl/evp.h>

#include "base/error.h"
#include "base/slice.h"

enum {
    CF_TLS_SECRET_MAX = 48, /* SHA-384 */
    CF_TLS_KEY_MAX = 32,
    CF_TLS_IV = 12,
    CF_TLS_TAG = 16,
    CF_TLS_HEADER = 5, /* of a record */
    CF_TLS_SUITES = 3,
};

/* A cipher suite of TLS 1.3 (RFC 8446 appendix B.4), its AEAD fetched once. */
struct cf_tls_suite {
    uint16_t id;
    uint8_t key_len;
    uint8_t secret_len; /* also its hash's */
    const EVP_MD *hash;
    EVP_CIPHER *aead;
};

/* All that a server takes. */
struct cf_tls_suites {
    struct cf_tls_suite each[CF_TLS_SUITES];
};

/* Their names for SSL_CTX_set_ciphersuites, in the order of preference. */
extern const char cf_tls_suite_names[];

/* CF_E_NOMEM; deinit in any case. */
enum cf_error cf_tls_suites_init(struct cf_tls_suites *suites);
void cf_tls_suites_deinit(struct cf_tls_suites *suites);
/* NULL: none of them. */
const struct cf_tls_suite *cf_tls_suite_find(const struct cf_tls_suites *suites, uint16_t id);

struct cf_tls_keys {
    uint64_t sequence; /* of the next record; it does not wrap: 2^64 records are never reached */
    uint8_t secret[CF_TLS_SECRET_MAX];
    uint8_t key[CF_TLS_KEY_MAX];
    uint8_t iv[CF_TLS_IV];
};

/* `secret`: application_traffic_secret_N, suite->secret_len bytes. CF_E_NOMEM. */
enum cf_error cf_tls_keys_init(struct cf_tls_keys *keys, const struct cf_tls_suite *suite,
                               const uint8_t *secret);
/* To application_traffic_secret_N+1. CF_E_NOMEM. */
enum cf_error cf_tls_keys_update(struct cf_tls_keys *keys, const struct cf_tls_suite *suite);

/* The record of `content` and its `type`: CF_TLS_HEADER + content.len + 1 + CF_TLS_TAG bytes at
 * `out`. CF_E_NOMEM: what was written is nothing. */
enum cf_error cf_tls_seal(struct cf_tls_keys *keys, const struct cf_tls_suite *suite, uint8_t type,
                          struct cf_slice content, uint8_t *out);
/* The TLSInnerPlaintext of a whole record, which is at least CF_TLS_HEADER + CF_TLS_TAG bytes:
 * record.len less these go to `out`. CF_E_PROTOCOL: it is not authentic; CF_E_NOMEM. On an error
 * `out` is to be forgotten. */
enum cf_error cf_tls_open(struct cf_tls_keys *keys, const struct cf_tls_suite *suite,
                          struct cf_slice record, uint8_t *out);

#endif
