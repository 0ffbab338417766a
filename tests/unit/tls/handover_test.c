/* The server's connection changes hands when its handshake is complete: with every way to get
 * there, and against a client that is bare OpenSSL. */
#include "edge/tls/context.h"
#include "edge/tls/ossl.h"
#include "unit/tls/rig.h"

static int setup(void **state)
{
    static struct pair pair;
    contexts_new(&pair, 0);
    *state = &pair;
    return 0;
}

static int teardown(void **state)
{
    contexts_unref(*state);
    return 0;
}

/* ---- a client of bare OpenSSL ---- */

/* What it has written reaches our end, cut as `cut` says. */
static void raw_to_ours(struct raw *raw, struct end *end, struct cut *cut)
{
    char *bytes;
    long len = BIO_get_mem_data(raw->out, &bytes);
    struct cf_slice rest = cf_slice_of(bytes, (size_t)len);
    while (rest.len > 0 && end->error == CF_OK) {
        struct cf_slice piece = cf_slice_head(rest, next_piece(cut));
        (void)end_receive(end, piece);
        rest = cf_slice_skip(rest, piece.len);
    }
    (void)BIO_reset(raw->out);
}

static void ours_to_raw(struct raw *raw, struct end *end)
{
    if (end->cipher.len > 0)
        assert_int_equal(BIO_write(raw->in, end->cipher.ptr, (int)end->cipher.len),
                         (int)end->cipher.len);
    cf_buf_reset(&end->cipher);
}

static void connect_raw(struct raw *raw, struct pair *pair, SSL_CTX *context, struct cut cut)
{
    raw_init(raw, context, false);
    end_init(&pair->server, pair->server_context, NULL);
    for (unsigned i = 0; i < 6; i++) {
        (void)SSL_do_handshake(raw->ssl);
        ERR_clear_error();
        raw_to_ours(raw, &pair->server, &cut);
        ours_to_raw(raw, &pair->server);
    }
    assert_int_equal(pair->server.error, CF_OK);
    assert_true(pair->server.handshaken);
    assert_true(SSL_is_init_finished(raw->ssl));
    assert_string_equal(cf_tls_version(pair->server.tls), "TLSv1.3");
}

static void disconnect_raw(struct raw *raw, struct pair *pair)
{
    end_deinit(&pair->server);
    raw_deinit(raw);
}

static void raw_says(struct raw *raw, struct pair *pair, const char *text, struct cut cut)
{
    cf_buf_reset(&pair->server.plain);
    assert_int_equal(SSL_write(raw->ssl, text, (int)strlen(text)), (int)strlen(text));
    raw_to_ours(raw, &pair->server, &cut);
    assert_int_equal(pair->server.error, CF_OK);
    assert_int_equal(pair->server.plain.len, strlen(text));
    assert_memory_equal(pair->server.plain.ptr, text, strlen(text));
}

static void ours_says(struct raw *raw, struct pair *pair, const char *text)
{
    char heard[64];
    assert_int_equal(cf_tls_send(pair->server.tls, cf_slice_cstr(text), &pair->server.cipher),
                     CF_OK);
    ours_to_raw(raw, &pair->server);
    assert_int_equal(SSL_read(raw->ssl, heard, sizeof(heard)), (int)strlen(text));
    assert_memory_equal(heard, text, strlen(text));
}

/* Both ways, the end included. */
static void converse(struct raw *raw, struct pair *pair, struct cut cut)
{
    char none;
    for (unsigned i = 0; i < 5; i++) {
        raw_says(raw, pair, "a question", cut);
        ours_says(raw, pair, "an answer");
    }
    assert_int_equal(cf_tls_shutdown(pair->server.tls, &pair->server.cipher), CF_OK);
    ours_to_raw(raw, &pair->server);
    assert_int_equal(SSL_read(raw->ssl, &none, 1), 0);
    assert_int_equal(SSL_get_shutdown(raw->ssl), SSL_RECEIVED_SHUTDOWN);
    assert_int_equal(SSL_shutdown(raw->ssl), 1);
    raw_to_ours(raw, &pair->server, &cut);
    assert_int_equal(pair->server.error, CF_E_CLOSED);
}

/* ---- ways to a connection ---- */

static void every_suite(void **state)
{
    static const char *const names[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                        "TLS_CHACHA20_POLY1305_SHA256"};
    static const size_t pieces[] = {1, 5, 64, SIZE_MAX};
    for (size_t i = 0; i < CF_ARRAY_LEN(names); i++) {
        for (size_t p = 0; p < CF_ARRAY_LEN(pieces); p++) {
            struct raw raw;
            struct cut cut = {.piece = pieces[p]};
            SSL_CTX *context = raw_context(TLS_client_method());
            assert_int_equal(SSL_CTX_set_ciphersuites(context, names[i]), 1);
            connect_raw(&raw, *state, context, cut);
            assert_string_equal(SSL_get_cipher_name(raw.ssl), names[i]);
            converse(&raw, *state, cut);
            disconnect_raw(&raw, *state);
        }
    }
}

/* The client is asked to begin again with another group (RFC 8446 section 4.1.4). */
static void hello_retry_request(void **state)
{
    struct pair *pair = *state;
    struct raw raw;
    SSL_CTX *context = raw_context(TLS_client_method());
    assert_int_equal(SSL_CTX_set1_groups_list(context, "X25519:P-256"), 1);
    assert_int_equal(SSL_CTX_set1_groups_list(pair->server_context->ssl, "P-256"), 1);
    connect_raw(&raw, pair, context, (struct cut){.piece = 3});
    assert_int_equal(SSL_get_negotiated_group(raw.ssl), NID_X9_62_prime256v1);
    converse(&raw, pair, (struct cut){.piece = SIZE_MAX});
    disconnect_raw(&raw, pair);
    assert_int_equal(SSL_CTX_set1_groups_list(pair->server_context->ssl, "X25519:P-256"), 1);
}

/* Early data is none that we take: OpenSSL skips it, and the sequence begins with 0 all the same
 * (RFC 8446 section 4.2.10). */
static int offer_session(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len,
                         SSL_SESSION **out_session)
{
    static const uint8_t aes_128[] = {0x13, 0x01}, key[32] = {1};
    SSL_SESSION *session = SSL_SESSION_new();
    (void)md;
    assert_int_equal(SSL_SESSION_set1_master_key(session, key, sizeof(key)), 1);
    assert_int_equal(SSL_SESSION_set_cipher(session, SSL_CIPHER_find(ssl, aes_128)), 1);
    assert_int_equal(SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION), 1);
    assert_int_equal(SSL_SESSION_set_max_early_data(session, 1000), 1);
    *id = (const unsigned char *)"nobody";
    *id_len = 6;
    *out_session = session;
    return 1;
}

static void early_data_is_skipped(void **state)
{
    struct pair *pair = *state;
    struct raw raw;
    struct cut cut = {.piece = SIZE_MAX};
    size_t written;
    SSL_CTX *context = raw_context(TLS_client_method());
    SSL_CTX_set_psk_use_session_callback(context, offer_session);
    raw_init(&raw, context, false);
    end_init(&pair->server, pair->server_context, NULL);
    assert_int_equal(SSL_write_early_data(raw.ssl, "early", 5, &written), 1);
    raw_to_ours(&raw, &pair->server, &cut);
    ours_to_raw(&raw, &pair->server);
    assert_int_equal(SSL_do_handshake(raw.ssl), 1);
    assert_int_equal(SSL_get_early_data_status(raw.ssl), SSL_EARLY_DATA_REJECTED);
    raw_to_ours(&raw, &pair->server, &cut);
    assert_true(pair->server.handshaken);
    assert_int_equal(pair->server.plain.len, 0);
    converse(&raw, pair, cut);
    disconnect_raw(&raw, pair);
}

/* The last flight and the first words, cut anywhere. */
static void words_behind_the_finished(void **state)
{
    struct pair *pair = *state;
    for (size_t piece = 1; piece < 140; piece++) {
        struct raw raw;
        struct cut whole = {.piece = SIZE_MAX}, cut = {.piece = piece};
        raw_init(&raw, raw_context(TLS_client_method()), false);
        end_init(&pair->server, pair->server_context, NULL);
        (void)SSL_do_handshake(raw.ssl);
        raw_to_ours(&raw, &pair->server, &whole);
        ours_to_raw(&raw, &pair->server);
        assert_int_equal(SSL_do_handshake(raw.ssl), 1);
        assert_int_equal(SSL_write(raw.ssl, "first", 5), 5);
        assert_int_equal(SSL_write(raw.ssl, " words", 6), 6);
        raw_to_ours(&raw, &pair->server, &cut);
        assert_true(pair->server.handshaken);
        assert_slice_equal(cf_buf_peek(&pair->server.plain), "first words");
        converse(&raw, pair, cut);
        disconnect_raw(&raw, pair);
    }
}

/* A client that would show a certificate is not asked for one. */
static int show_certificate(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
    (void)ssl, (void)cert, (void)key;
    fail_msg("it was asked for");
    return 0;
}

static void no_client_certificate(void **state)
{
    struct raw raw;
    SSL_CTX *context = raw_context(TLS_client_method());
    SSL_CTX_set_client_cert_cb(context, show_certificate);
    SSL_CTX_set_post_handshake_auth(context, 1);
    connect_raw(&raw, *state, context, (struct cut){.piece = SIZE_MAX});
    converse(&raw, *state, (struct cut){.piece = SIZE_MAX});
    disconnect_raw(&raw, *state);
}

/* ---- afterwards ---- */

static void key_updates(void **state)
{
    struct pair *pair = *state;
    for (size_t piece = 1; piece <= 41; piece += 20) {
        struct raw raw;
        struct cut cut = {.piece = piece};
        connect_raw(&raw, pair, raw_context(TLS_client_method()), cut);
        for (unsigned i = 0; i < 60; i++) {
            int type = i % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
            assert_int_equal(SSL_key_update(raw.ssl, type), 1);
            assert_int_equal(SSL_do_handshake(raw.ssl), 1);
            raw_says(&raw, pair, "with the new key", cut);
            if (i % 3 == 0)
                ours_says(&raw, pair, "and back");
        }
        converse(&raw, pair, cut);
        disconnect_raw(&raw, pair);
    }
}

/* Where one is refused, OpenSSL understands why. */
static void an_alert_is_understood(void **state)
{
    struct pair *pair = *state;
    struct raw raw;
    char none;
    static const uint8_t ccs[] = {20, 3, 3, 0, 1, 1};
    connect_raw(&raw, pair, raw_context(TLS_client_method()), (struct cut){.piece = SIZE_MAX});
    assert_int_equal(end_receive(&pair->server, cf_slice_of(ccs, sizeof(ccs))), CF_E_PROTOCOL);
    ours_to_raw(&raw, &pair->server);
    assert_true(SSL_read(raw.ssl, &none, 1) <= 0);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_SSLV3_ALERT_UNEXPECTED_MESSAGE);
    ERR_clear_error();
    disconnect_raw(&raw, pair);
}

/* ---- what is not handed over ---- */

/* The handshake of OpenSSL's part alone. */
static struct cf_tls_ossl *part_alone(struct pair *pair, struct raw *raw)
{
    struct cf_tls_ossl *ossl;
    struct cf_buf plain, cipher;
    bool handshaken = false;
    cf_buf_init(&plain, BUF_MAX);
    cf_buf_init(&cipher, BUF_MAX);
    raw_init(raw, raw_context(TLS_client_method()), false);
    assert_int_equal(cf_tls_ossl_new(pair->server_context, NULL, &ossl), CF_OK);
    for (unsigned i = 0; i < 2; i++) {
        char *bytes;
        assert_false(cf_tls_ossl_can_hand_over(ossl));
        (void)SSL_do_handshake(raw->ssl);
        struct cf_slice flight = {NULL, 0};
        flight.len = (size_t)BIO_get_mem_data(raw->out, &bytes);
        flight.ptr = (const uint8_t *)bytes;
        assert_int_equal(cf_tls_ossl_receive(ossl, &flight, &plain, &cipher, &handshaken), CF_OK);
        assert_int_equal(flight.len, 0);
        (void)BIO_reset(raw->out);
        (void)BIO_write(raw->in, cipher.ptr, (int)cipher.len);
        cf_buf_reset(&cipher);
    }
    assert_true(handshaken);
    assert_true(cf_tls_ossl_can_hand_over(ossl));
    cf_buf_deinit(&plain);
    cf_buf_deinit(&cipher);
    return ossl;
}

/* A sequence that OpenSSL has begun cannot be gone on with. */
static void used_keys_are_not_taken_over(void **state)
{
    struct pair *pair = *state;
    for (unsigned used = 0; used < 2; used++) {
        struct raw raw;
        struct cf_tls_record record = {0};
        struct cf_buf cipher;
        struct cf_tls_ossl *ossl = part_alone(pair, &raw);
        cf_buf_init(&cipher, BUF_MAX);
        if (used == 1)
            assert_int_equal(cf_tls_ossl_send(ossl, CF_LIT("x"), &cipher), CF_OK);
        assert_int_equal(cf_tls_ossl_hand_over(ossl, &pair->server_context->suites, &record),
                         used == 1 ? CF_E_STATE : CF_OK);
        cf_tls_record_deinit(&record);
        cf_tls_ossl_free(ossl);
        cf_buf_deinit(&cipher);
        raw_deinit(&raw);
    }
}

static void without_secrets_nothing_is_served(void **state)
{
    (void)state;
    struct pair pair;
    struct cut cut = {.piece = SIZE_MAX};
    contexts_new(&pair, 0);
    SSL_CTX_set_keylog_callback(pair.server_context->ssl, NULL);
    end_init(&pair.server, pair.server_context, NULL);
    end_init(&pair.client, pair.client_context, "localhost");
    assert_int_equal(cf_tls_start(pair.client.tls, &pair.client.cipher), CF_OK);
    carry_all(&pair.client, &pair.server, &cut);
    assert_int_equal(pair.server.error, CF_E_STATE);
    assert_int_equal(pair.server.plain.len, 0);
    pair_end(&pair);
    contexts_unref(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite),
        cmocka_unit_test(hello_retry_request),
        cmocka_unit_test(early_data_is_skipped),
        cmocka_unit_test(words_behind_the_finished),
        cmocka_unit_test(no_client_certificate),
        cmocka_unit_test(key_updates),
        cmocka_unit_test(an_alert_is_understood),
        cmocka_unit_test(used_keys_are_not_taken_over),
        cmocka_unit_test(without_secrets_nothing_is_served),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
