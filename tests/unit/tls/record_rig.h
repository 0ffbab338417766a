/* A record layer of ours, and a peer made of bare OpenSSL that may send what ours never would. Its
 * keys are written down, or derived by OpenSSL's own KDF: nothing here is the code under test. */
#ifndef CF_TESTS_UNIT_TLS_RECORD_RIG_H
#define CF_TESTS_UNIT_TLS_RECORD_RIG_H

#include "unit/base/support.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "edge/tls/record.h"

enum { DATA = 23, HANDSHAKE = 22, ALERT = 21, CCS = 20, WIRE_MAX = 8 << 20 };

/* One direction as the peer knows it. */
struct peer_keys {
    uint8_t secret[48], key[32], iv[12];
    uint64_t sequence;
};

struct talk {
    struct cf_tls_suites suites;
    const struct cf_tls_suite *suite;
    struct cf_tls_record record;
    struct peer_keys to, from; /* to ours, from ours */
    struct cf_buf wire;        /* what the peer will send */
    struct cf_buf plain, cipher;
};

static inline void peer_expand(const struct cf_tls_suite *suite, const uint8_t *secret,
                               const char *label, size_t len, uint8_t *out)
{
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                         (char *)EVP_MD_get0_name(suite->hash), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, suite->secret_len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, "tls13 ", 6),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (void *)label, strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    assert_int_equal(EVP_KDF_derive(context, out, len, params), 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static inline void peer_set(struct peer_keys *keys, const struct cf_tls_suite *suite,
                            const uint8_t *secret)
{
    memmove(keys->secret, secret, suite->secret_len);
    keys->sequence = 0;
    peer_expand(suite, keys->secret, "key", suite->key_len, keys->key);
    peer_expand(suite, keys->secret, "iv", CF_TLS_IV, keys->iv);
}

static inline void peer_update(struct peer_keys *keys, const struct cf_tls_suite *suite)
{
    uint8_t next[48];
    peer_expand(suite, keys->secret, "traffic upd", suite->secret_len, next);
    peer_set(keys, suite, next);
}

/* The AEAD over `in`, whose last 16 bytes are the tag when it is opened. */
static inline bool peer_aead(struct peer_keys *keys, const struct cf_tls_suite *suite, bool seal,
                             const uint8_t *header, struct cf_slice in, uint8_t *out)
{
    uint8_t nonce[12];
    int len;
    memcpy(nonce, keys->iv, 12);
    for (unsigned i = 0; i < 8; i++)
        nonce[4 + i] ^= (uint8_t)(keys->sequence >> (56 - 8 * i));
    keys->sequence++;
    size_t text = seal ? in.len : in.len - 16;
    EVP_CIPHER_CTX *aead = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_CipherInit_ex2(aead, suite->aead, keys->key, nonce, seal, NULL), 1);
    if (!seal)
        EVP_CIPHER_CTX_ctrl(aead, EVP_CTRL_AEAD_SET_TAG, 16, (void *)(in.ptr + text));
    assert_int_equal(EVP_CipherUpdate(aead, NULL, &len, header, 5), 1);
    if (text > 0)
        assert_int_equal(EVP_CipherUpdate(aead, out, &len, in.ptr, (int)text), 1);
    bool fine = EVP_CipherFinal_ex(aead, out + text, &len) == 1;
    if (seal)
        EVP_CIPHER_CTX_ctrl(aead, EVP_CTRL_AEAD_GET_TAG, 16, out + text);
    EVP_CIPHER_CTX_free(aead);
    return fine;
}

/* ---- a conversation ---- */

static inline void talk_begin(struct talk *t, uint16_t suite, const uint8_t *secret_in,
                              const uint8_t *secret_out)
{
    memset(t, 0, sizeof(*t));
    assert_int_equal(cf_tls_suites_init(&t->suites), CF_OK);
    t->suite = cf_tls_suite_find(&t->suites, suite);
    assert_non_null(t->suite);
    assert_int_equal(cf_tls_record_init(&t->record, t->suite, secret_in, secret_out), CF_OK);
    peer_set(&t->to, t->suite, secret_in);
    peer_set(&t->from, t->suite, secret_out);
    cf_buf_init(&t->wire, WIRE_MAX);
    cf_buf_init(&t->plain, WIRE_MAX);
    cf_buf_init(&t->cipher, WIRE_MAX);
}

static inline void talk_end(struct talk *t)
{
    cf_tls_record_deinit(&t->record);
    cf_tls_suites_deinit(&t->suites);
    cf_buf_deinit(&t->wire);
    cf_buf_deinit(&t->plain);
    cf_buf_deinit(&t->cipher);
}

/* With secrets of no meaning. */
static inline void talk_any(struct talk *t, uint16_t suite)
{
    uint8_t in[48], out[48];
    memset(in, 0x11, sizeof(in));
    memset(out, 0x22, sizeof(out));
    talk_begin(t, suite, in, out);
}

/* The peer seals `inner` as it is; `header` NULL: the right one. */
static inline void peer_seal(struct talk *t, const uint8_t *header, struct cf_slice inner)
{
    size_t len = inner.len + 16;
    uint8_t right[5] = {23, 3, 3, (uint8_t)(len >> 8), (uint8_t)len};
    header = header == NULL ? right : header;
    assert_int_equal(cf_buf_append(&t->wire, cf_slice_of(header, 5)), CF_OK);
    assert_int_equal(cf_buf_reserve(&t->wire, len), CF_OK);
    assert_true(peer_aead(&t->to, t->suite, true, header, inner, t->wire.ptr + t->wire.len));
    t->wire.len += len;
}

static inline void peer_say(struct talk *t, uint8_t type, struct cf_slice content)
{
    uint8_t *inner = malloc(content.len + 1);
    assert_non_null(inner);
    if (content.len > 0)
        memcpy(inner, content.ptr, content.len);
    inner[content.len] = type;
    peer_seal(t, NULL, cf_slice_of(inner, content.len + 1));
    free(inner);
}

static inline void peer_key_update(struct talk *t, uint8_t request)
{
    const uint8_t message[] = {24, 0, 0, 1, request};
    peer_say(t, HANDSHAKE, cf_slice_of(message, sizeof(message)));
    peer_update(&t->to, t->suite);
}

/* What the peer has said reaches ours, `piece` bytes at a time, or at random up to it. */
static inline enum cf_error deliver(struct talk *t, size_t piece, uint64_t seed)
{
    enum cf_error error = CF_OK;
    for (size_t at = 0; at < t->wire.len && error == CF_OK;) {
        size_t len = seed == 0 ? piece : 1 + random_below(&seed, piece);
        struct cf_slice rest = cf_slice_skip(cf_buf_peek(&t->wire), at);
        /* Of its own, so that a read beyond it is seen. */
        struct cf_slice part = cf_slice_head(rest, len);
        uint8_t *copy = malloc(part.len);
        assert_non_null(copy);
        memcpy(copy, part.ptr, part.len);
        error =
            cf_tls_record_receive(&t->record, cf_slice_of(copy, part.len), &t->plain, &t->cipher);
        free(copy);
        at += part.len;
    }
    cf_buf_reset(&t->wire);
    return error;
}

static inline enum cf_error deliver_whole(struct talk *t)
{
    return deliver(t, SIZE_MAX, 0);
}

/* Takes the next record of ours off t->cipher: its type; its content is at *out. */
static inline uint8_t peer_hear(struct talk *t, uint8_t *out, size_t *out_len)
{
    struct cf_slice all = cf_buf_peek(&t->cipher);
    assert_true(all.len >= 5 + 17);
    size_t len = (size_t)all.ptr[3] << 8 | all.ptr[4];
    assert_memory_equal(all.ptr, "\x17\x03\x03", 3);
    assert_true(len >= 17 && len <= 16384 + 17 && 5 + len <= all.len);
    uint8_t *inner = malloc(len);
    assert_non_null(inner);
    assert_true(
        peer_aead(&t->from, t->suite, false, all.ptr, cf_slice_of(all.ptr + 5, len), inner));
    uint8_t type = inner[len - 17];
    *out_len = len - 17;
    memcpy(out, inner, *out_len);
    free(inner);
    cf_buf_consume(&t->cipher, 5 + len);
    return type;
}

/* Ours has sent an alert, and nothing else. */
static inline void expect_alert(struct talk *t, uint8_t level, uint8_t alert)
{
    uint8_t content[20000];
    size_t len;
    assert_int_equal(peer_hear(t, content, &len), ALERT);
    assert_int_equal(len, 2);
    assert_int_equal(content[0], level);
    assert_int_equal(content[1], alert);
    assert_int_equal(t->cipher.len, 0);
}

static inline void expect_data(struct talk *t, struct cf_slice data)
{
    uint8_t content[20000];
    size_t len;
    assert_int_equal(peer_hear(t, content, &len), DATA);
    assert_int_equal(len, data.len);
    assert_memory_equal(content, data.ptr, len);
}

static inline void expect_key_update(struct talk *t)
{
    static const uint8_t message[] = {24, 0, 0, 1, 0};
    uint8_t content[20000];
    size_t len;
    assert_int_equal(peer_hear(t, content, &len), HANDSHAKE);
    assert_int_equal(len, sizeof(message));
    assert_memory_equal(content, message, sizeof(message));
    peer_update(&t->from, t->suite);
}

/* After an end nothing is taken, and nothing is said. */
static inline void expect_over(struct talk *t)
{
    size_t plain = t->plain.len;
    peer_say(t, DATA, CF_LIT("too late"));
    assert_int_equal(deliver_whole(t), CF_E_PROTOCOL);
    assert_int_equal(t->plain.len, plain);
    assert_int_equal(cf_tls_record_send(&t->record, CF_LIT("x"), &t->cipher), CF_E_STATE);
    assert_int_equal(cf_tls_record_shutdown(&t->record, &t->cipher), CF_OK);
    assert_int_equal(t->cipher.len, 0);
}

/* What the peer has said broke a rule: this alert, and the end. */
static inline void expect_refused(struct talk *t, uint8_t alert)
{
    size_t plain = t->plain.len;
    assert_int_equal(deliver_whole(t), CF_E_PROTOCOL);
    assert_int_equal(t->plain.len, plain);
    expect_alert(t, 2, alert);
    expect_over(t);
}

#endif
