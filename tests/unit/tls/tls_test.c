/* The life of a connection, whole and in pieces. V30 but for the certificates, which trust_test
 * has. */
#include "unit/tls/rig.h"

#include <pthread.h>

static int setup(void **state)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    if (pair == NULL)
        return 1;
    contexts_new(pair, 0);
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    contexts_unref(*state);
    free(*state);
    return 0;
}

static void send_text(struct end *from, const char *text)
{
    assert_int_equal(cf_tls_send(from->tls, cf_slice_cstr(text), &from->cipher), CF_OK);
}

/* ---- the whole way ---- */

static void talk(struct pair *pair, struct cut cut)
{
    pair_connect(pair, &cut);
    assert_string_equal(cf_tls_version(pair->client.tls), "TLSv1.3");
    assert_string_equal(cf_tls_version(pair->server.tls), "TLSv1.3");
    send_text(&pair->client, "question");
    carry_all(&pair->client, &pair->server, &cut);
    assert_slice_equal(cf_buf_peek(&pair->server.plain), "question");
    send_text(&pair->server, "answer");
    send_text(&pair->server, ", and more");
    carry_all(&pair->client, &pair->server, &cut);
    assert_slice_equal(cf_buf_peek(&pair->client.plain), "answer, and more");
    pair_end(pair);
}

static void whole_and_in_pieces(void **state)
{
    talk(*state, (struct cut){.piece = SIZE_MAX});
    talk(*state, (struct cut){.piece = 1});
    talk(*state, (struct cut){.piece = 7});
    for (uint64_t seed = 1; seed <= 20; seed++) {
        print_message("seed %u\n", (unsigned)seed);
        talk(*state, (struct cut){.piece = 300, .seed = seed});
    }
}

static void nothing_is_handshaken_early(void **state)
{
    struct pair *pair = *state;
    struct cut cut = {.piece = 1};
    end_init(&pair->server, pair->server_context, NULL);
    end_init(&pair->client, pair->client_context, "localhost");
    assert_int_equal(cf_tls_send(pair->client.tls, CF_LIT("x"), &pair->client.cipher), CF_E_STATE);
    assert_int_equal(cf_tls_send(pair->server.tls, CF_LIT("x"), &pair->server.cipher), CF_E_STATE);
    assert_int_equal(cf_tls_shutdown(pair->server.tls, &pair->server.cipher), CF_OK);
    assert_int_equal(pair->client.cipher.len, 0);
    assert_int_equal(pair->server.cipher.len, 0);
    assert_int_equal(end_receive(&pair->server, (struct cf_slice){NULL, 0}), CF_OK);
    assert_int_equal(cf_tls_start(pair->client.tls, &pair->client.cipher), CF_OK);
    carry(&pair->client, &pair->server, &cut);
    carry(&pair->server, &pair->client, &cut);
    /* The client has all of it, the server waits for its Finished. */
    assert_true(pair->client.handshaken);
    assert_false(pair->server.handshaken);
    assert_int_equal(cf_tls_send(pair->server.tls, CF_LIT("x"), &pair->server.cipher), CF_E_STATE);
    carry(&pair->client, &pair->server, &cut);
    assert_true(pair->server.handshaken);
    assert_int_equal(pair->server.plain.len, 0);
    pair_end(pair);
}

/* The client's first words in the flight that completes the handshake. */
static void data_behind_the_handshake(void **state)
{
    struct pair *pair = *state;
    struct cut cut = {.piece = SIZE_MAX};
    end_init(&pair->server, pair->server_context, NULL);
    end_init(&pair->client, pair->client_context, "localhost");
    assert_int_equal(cf_tls_start(pair->client.tls, &pair->client.cipher), CF_OK);
    carry(&pair->client, &pair->server, &cut);
    carry(&pair->server, &pair->client, &cut);
    send_text(&pair->client, "at once");
    carry(&pair->client, &pair->server, &cut);
    assert_true(pair->server.handshaken);
    assert_slice_equal(cf_buf_peek(&pair->server.plain), "at once");
    pair_end(pair);
}

static void send_big(struct end *from, struct end *to, size_t len, struct cut cut)
{
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    uint64_t seed = 7;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)next_random(&seed);
    cf_buf_reset(&to->plain);
    assert_int_equal(cf_tls_send(from->tls, cf_slice_of(bytes, len), &from->cipher), CF_OK);
    assert_true(from->cipher.len > len);
    /* 22 bytes of overhead a record of 16 KiB, nothing else. */
    assert_true(from->cipher.len <= len + (len / 16384 + 1) * 22);
    carry(from, to, &cut);
    assert_int_equal(to->plain.len, len);
    assert_true(len == 0 || memcmp(to->plain.ptr, bytes, len) == 0);
    free(bytes);
}

static void big_data(void **state)
{
    struct pair *pair = *state;
    static const size_t lens[] = {1, 16383, 16384, 16385, 65536, 1 << 20};
    struct cut cut = {.piece = SIZE_MAX};
    pair_connect(pair, &cut);
    for (size_t i = 0; i < CF_ARRAY_LEN(lens); i++) {
        send_big(&pair->client, &pair->server, lens[i], (struct cut){.piece = SIZE_MAX});
        send_big(&pair->server, &pair->client, lens[i], (struct cut){.piece = 40000, .seed = 3});
        send_big(&pair->server, &pair->client, lens[i], (struct cut){.piece = 997});
    }
    assert_int_equal(cf_tls_send(pair->client.tls, CF_LIT(""), &pair->client.cipher), CF_OK);
    assert_int_equal(pair->client.cipher.len, 0);
    pair_end(pair);
}

/* ---- goodbye ---- */

static void goodbye_of(struct end *one, struct end *other, size_t piece)
{
    struct cut cut = {.piece = piece};
    send_text(one, "last words");
    assert_int_equal(cf_tls_shutdown(one->tls, &one->cipher), CF_OK);
    assert_int_equal(cf_tls_send(one->tls, CF_LIT("x"), &one->cipher), CF_E_STATE);
    carry(one, other, &cut);
    assert_int_equal(other->error, CF_E_CLOSED);
    assert_slice_equal(cf_buf_peek(&other->plain), "last words");
    /* It stays so, and the other end may still speak. */
    assert_int_equal(end_receive(other, (struct cf_slice){NULL, 0}), CF_E_CLOSED);
    send_text(other, "wait");
    assert_int_equal(cf_tls_shutdown(other->tls, &other->cipher), CF_OK);
    carry(other, one, &cut);
    assert_int_equal(one->error, CF_E_CLOSED);
    assert_slice_equal(cf_buf_peek(&one->plain), "wait");
}

static void goodbyes(void **state)
{
    struct pair *pair = *state;
    static const size_t pieces[] = {1, SIZE_MAX};
    for (size_t i = 0; i < CF_ARRAY_LEN(pieces); i++) {
        struct cut cut = {.piece = SIZE_MAX};
        pair_connect(pair, &cut);
        goodbye_of(&pair->client, &pair->server, pieces[i]);
        pair_end(pair);
        pair_connect(pair, &cut);
        goodbye_of(&pair->server, &pair->client, pieces[i]);
        pair_end(pair);
    }
}

/* A reload replaces the context; who is connected stays so. */
static void connections_outlive_their_context(void **state)
{
    (void)state;
    struct pair pair;
    struct cut cut = {.piece = SIZE_MAX};
    contexts_new(&pair, 0);
    pair_connect(&pair, &cut);
    assert_ptr_equal(cf_tls_context_ref(pair.server_context), pair.server_context);
    cf_tls_context_unref(pair.server_context);
    contexts_unref(&pair);
    cf_tls_context_unref(NULL);
    cf_tls_free(NULL);
    send_text(&pair.client, "still here");
    carry_all(&pair.client, &pair.server, &cut);
    assert_slice_equal(cf_buf_peek(&pair.server.plain), "still here");
    pair_end(&pair);
}

/* ---- what is refused ---- */

/* V30: TLS 1.1 and older, on either side. */
static void old_versions_are_refused(void **state)
{
    struct pair *pair = *state;
    static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION};
    static const uint8_t protocol_version[] = {2, 70};
    for (size_t i = 0; i < CF_ARRAY_LEN(versions); i++) {
        struct raw raw;
        SSL_CTX *context = raw_context(TLS_client_method());
        SSL_CTX_set_max_proto_version(context, versions[i]);
        raw_init(&raw, context, false);
        end_init(&pair->server, pair->server_context, NULL);
        raw_step(&raw, &pair->server);
        assert_int_equal(pair->server.error, CF_E_PROTOCOL);
        assert_false(pair->server.handshaken);
        assert_int_equal(pair->server.cipher.len, 7);
        assert_memory_equal(pair->server.cipher.ptr + 5, protocol_version, 2);
        end_deinit(&pair->server);
        raw_deinit(&raw);

        struct identity own = make_identity(
            &(struct cert_spec){.cn = "old", .san = "DNS:localhost", .rsa_bits = 2048}, NULL);
        context = raw_context(TLS_server_method());
        SSL_CTX_use_certificate(context, own.cert);
        SSL_CTX_use_PrivateKey(context, own.key);
        SSL_CTX_set_max_proto_version(context, versions[i]);
        raw_init(&raw, context, true);
        end_init(&pair->client, pair->client_context, "localhost");
        assert_int_equal(cf_tls_start(pair->client.tls, &pair->client.cipher), CF_OK);
        raw_handshake(&raw, &pair->client);
        assert_int_equal(pair->client.error, CF_E_PROTOCOL);
        assert_false(SSL_is_init_finished(raw.ssl));
        end_deinit(&pair->client);
        raw_deinit(&raw);
        free_identity(&own);
    }
}

static void connect_raw_1_2(struct raw *raw, struct pair *pair, const char *ciphers)
{
    SSL_CTX *context = raw_context(TLS_client_method());
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_set_cipher_list(context, ciphers), 1);
    raw_init(raw, context, false);
    end_init(&pair->server, pair->server_context, NULL);
    raw_handshake(raw, &pair->server);
}

static void tls_1_2_is_served(void **state)
{
    struct pair *pair = *state;
    struct raw raw;
    char text[16];
    connect_raw_1_2(&raw, pair, "DEFAULT:@SECLEVEL=0");
    assert_true(pair->server.handshaken);
    assert_true(SSL_is_init_finished(raw.ssl));
    assert_string_equal(cf_tls_version(pair->server.tls), "TLSv1.2");
    /* V30: nothing to resume by, neither ticket nor session id. */
    const SSL_SESSION *session = SSL_get0_session(raw.ssl);
    unsigned id_len;
    (void)SSL_SESSION_get_id(session, &id_len);
    assert_int_equal(id_len, 0);
    assert_false(SSL_SESSION_has_ticket(session));
    raw_send(&raw, "hello", &pair->server);
    assert_slice_equal(cf_buf_peek(&pair->server.plain), "hello");
    send_text(&pair->server, "there");
    (void)BIO_write(raw.in, pair->server.cipher.ptr, (int)pair->server.cipher.len);
    assert_int_equal(SSL_read(raw.ssl, text, sizeof(text)), 5);
    assert_memory_equal(text, "there", 5);
    end_deinit(&pair->server);
    raw_deinit(&raw);
}

static void expect_1_2(struct pair *pair, const char *ciphers, bool served)
{
    struct raw raw;
    connect_raw_1_2(&raw, pair, ciphers);
    assert_int_equal(pair->server.error, served ? CF_OK : CF_E_PROTOCOL);
    assert_int_equal(pair->server.handshaken, served);
    end_deinit(&pair->server);
    raw_deinit(&raw);
}

/* Without forward secrecy, without authenticated encryption, without encryption. */
static void weak_ciphers_are_refused(void **state)
{
    struct pair rsa;
    expect_1_2(*state, "ECDHE-ECDSA-AES128-GCM-SHA256", true);
    expect_1_2(*state, "ECDHE-ECDSA-CHACHA20-POLY1305", true);
    expect_1_2(*state, "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", false);
    expect_1_2(*state, "ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0", false);
    expect_1_2(*state, "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0", false);
    contexts_new(&rsa, 2048);
    expect_1_2(&rsa, "ECDHE-RSA-AES256-GCM-SHA384", true);
    expect_1_2(&rsa, "AES128-GCM-SHA256", false);
    expect_1_2(&rsa, "ECDHE-RSA-AES128-SHA256", false);
    contexts_unref(&rsa);
}

/* V30: the client asks for a new handshake and is told no; the connection goes on. */
static void renegotiation_is_refused(void **state)
{
    struct pair *pair = *state;
    struct raw raw;
    char *bytes;
    connect_raw_1_2(&raw, pair, "DEFAULT:@SECLEVEL=0");
    assert_int_equal(SSL_renegotiate(raw.ssl), 1);
    (void)SSL_do_handshake(raw.ssl);
    ERR_clear_error();
    long len = BIO_get_mem_data(raw.out, &bytes);
    assert_true(len > 0);
    assert_int_equal(end_receive(&pair->server, cf_slice_of(bytes, (size_t)len)), CF_OK);
    (void)BIO_reset(raw.out);
    assert_true(pair->server.handshaken);
    assert_true(pair->server.cipher.len > 0 && pair->server.cipher.len < 64); /* an alert */
    (void)BIO_write(raw.in, pair->server.cipher.ptr, (int)pair->server.cipher.len);
    assert_true(SSL_do_handshake(raw.ssl) != 1);
    assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    ERR_clear_error();
    send_text(&pair->server, "no");
    end_deinit(&pair->server);
    raw_deinit(&raw);
}

/* ---- broken input ---- */

static void no_tls_at_all(void **state)
{
    struct pair *pair = *state;
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\x80\x2e\x01\x03\x01 an SSL 2 hello, or so",
        "\x16\x03\x01\xff\xff a record over its limit",
        "\x17\x03\x03\x01\x01 data before the handshake", "\x15\x03\x03\x01\x02\x02\x28"};
    for (size_t i = 0; i < CF_ARRAY_LEN(texts); i++) {
        struct cf_slice text = cf_slice_of(texts[i], i == 4 ? 7 : strlen(texts[i]));
        if (i == 3)
            text.len = 5 + 5;
        end_init(&pair->server, pair->server_context, NULL);
        uint8_t filler[600] = {0};
        (void)end_receive(&pair->server, text);
        if (pair->server.error == CF_OK)
            (void)end_receive(&pair->server, cf_slice_of(filler, sizeof(filler)));
        assert_int_equal(pair->server.error, CF_E_PROTOCOL);
        assert_false(pair->server.handshaken);
        end_deinit(&pair->server);
    }
}

static void random_garbage(void **state)
{
    struct pair *pair = *state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        uint64_t random = seed;
        uint8_t bytes[2000];
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)next_random(&random);
        /* Half of them begin like a record with a handshake. */
        if (seed % 2 == 0)
            memcpy(bytes,
                   seed % 4 == 0 ? "\x16\x03\x03\x02\x00\x02\x00" : "\x16\x03\x01\x02\x00\x01\x00",
                   7);
        end_init(&pair->server, pair->server_context, NULL);
        end_init(&pair->client, pair->client_context, "localhost");
        assert_int_equal(cf_tls_start(pair->client.tls, &pair->client.cipher), CF_OK);
        (void)end_receive(&pair->server, cf_slice_of(bytes, sizeof(bytes)));
        (void)end_receive(&pair->client, cf_slice_of(bytes, sizeof(bytes)));
        assert_int_equal(pair->server.error, CF_E_PROTOCOL);
        assert_int_equal(pair->client.error, CF_E_PROTOCOL);
        assert_false(pair->server.handshaken || pair->client.handshaken);
        assert_int_equal(pair->server.plain.len + pair->client.plain.len, 0);
        pair_end(pair);
    }
}

/* True at the version of a record, which nobody looks at (RFC 8446 section 5.1). */
static bool is_record_version(struct cf_slice flight, size_t at)
{
    size_t start = 0;
    while (start + 5 <= at)
        start += 5 + ((size_t)flight.ptr[start + 3] << 8 | flight.ptr[start + 4]);
    return at == start + 1 || at == start + 2;
}

/* One changed byte anywhere in the server's flight: the client does not take it for the server's.
 */
static void no_changed_handshake_is_believed(void **state)
{
    struct pair *pair = *state;
    struct cut cut = {.piece = SIZE_MAX};
    size_t versions = 0;
    for (size_t at = 0, len = 1; at < len; at++) {
        end_init(&pair->server, pair->server_context, NULL);
        end_init(&pair->client, pair->client_context, "localhost");
        assert_int_equal(cf_tls_start(pair->client.tls, &pair->client.cipher), CF_OK);
        carry(&pair->client, &pair->server, &cut);
        len = pair->server.cipher.len; /* varies by a byte or two with the signature */
        if (at < len && is_record_version(cf_buf_peek(&pair->server.cipher), at)) {
            versions++;
        } else if (at < len) {
            pair->server.cipher.ptr[at] ^= 0x01;
            carry(&pair->server, &pair->client, &cut);
            assert_false(pair->client.handshaken);
        }
        pair_end(pair);
    }
    assert_true(versions >= 6 && versions <= 20);
}

static void changed_data_is_refused(void **state)
{
    struct pair *pair = *state;
    struct cut cut = {.piece = SIZE_MAX};
    size_t len = 5 + 6 + 1 + 16; /* head, text, kind, tag */
    for (size_t at = 0; at < len; at++) {
        pair_connect(pair, &cut);
        send_text(&pair->client, "secret");
        assert_int_equal(pair->client.cipher.len, len);
        pair->client.cipher.ptr[at] ^= 0x40;
        carry(&pair->client, &pair->server, &cut);
        /* A longer length waits for more; everything else is a bad record, and is told so. */
        if (at != 3 && at != 4)
            assert_int_equal(pair->server.error, CF_E_PROTOCOL);
        assert_int_equal(pair->server.plain.len, 0);
        if (pair->server.error == CF_E_PROTOCOL) {
            assert_true(pair->server.cipher.len > 0);
            carry(&pair->server, &pair->client, &cut);
            assert_int_equal(pair->client.error, CF_E_PROTOCOL);
            assert_int_equal(cf_tls_send(pair->server.tls, CF_LIT("x"), &pair->server.cipher),
                             CF_E_STATE);
            assert_int_equal(cf_tls_shutdown(pair->server.tls, &pair->server.cipher), CF_OK);
        }
        pair_end(pair);
    }
}

/* ---- limits ---- */

static void buffers_have_their_limits(void **state)
{
    struct pair *pair = *state;
    struct cut cut = {.piece = SIZE_MAX};
    /* No room for the server's flight. */
    end_init(&pair->server, pair->server_context, NULL);
    end_init(&pair->client, pair->client_context, "localhost");
    pair->server.cipher.max = 100;
    assert_int_equal(cf_tls_start(pair->client.tls, &pair->client.cipher), CF_OK);
    carry(&pair->client, &pair->server, &cut);
    assert_int_equal(pair->server.error, CF_E_TOO_LARGE);
    assert_false(pair->server.handshaken);
    pair_end(pair);
    /* None for the client's hello. */
    end_init(&pair->client, pair->client_context, "localhost");
    pair->client.cipher.max = 100;
    assert_int_equal(cf_tls_start(pair->client.tls, &pair->client.cipher), CF_E_TOO_LARGE);
    end_deinit(&pair->client);
    /* None for a record: 5 + 4 + 1 + 16 bytes. */
    pair_connect(pair, &cut);
    pair->client.cipher.max = 26;
    assert_int_equal(cf_tls_send(pair->client.tls, CF_LIT("four"), &pair->client.cipher), CF_OK);
    carry(&pair->client, &pair->server, &cut);
    pair->client.cipher.max = 25;
    assert_int_equal(cf_tls_send(pair->client.tls, CF_LIT("four"), &pair->client.cipher),
                     CF_E_TOO_LARGE);
    assert_int_equal(pair->client.cipher.len, 0);
    pair_end(pair);
    pair_connect(pair, &cut);
    pair->server.cipher.max = 25;
    assert_int_equal(cf_tls_send(pair->server.tls, CF_LIT("four"), &pair->server.cipher),
                     CF_E_TOO_LARGE);
    assert_int_equal(pair->server.cipher.len, 0);
    pair_end(pair);
    /* None for the plaintext: a server's has its type behind it, a client's is of any length. */
    pair_connect(pair, &cut);
    pair->server.plain.max = 4;
    send_text(&pair->client, "four");
    carry(&pair->client, &pair->server, &cut);
    assert_int_equal(pair->server.error, CF_E_TOO_LARGE);
    assert_int_equal(pair->server.plain.len, 0);
    pair->client.plain.max = 16384 - 1;
    send_text(&pair->server, "four");
    carry(&pair->server, &pair->client, &cut);
    assert_int_equal(pair->client.error, CF_E_TOO_LARGE);
    assert_int_equal(pair->client.plain.len, 0);
    pair_end(pair);
}

/* ---- threads ---- */

static void *connect_often(void *argument)
{
    struct pair pair = *(struct pair *)argument;
    for (unsigned i = 0; i < 20; i++) {
        struct cut cut = {.piece = SIZE_MAX};
        pair_connect(&pair, &cut);
        pair_end(&pair);
    }
    return NULL;
}

static void a_context_is_shared_by_threads(void **state)
{
    pthread_t threads[4];
    for (size_t i = 0; i < CF_ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, connect_often, *state), 0);
    for (size_t i = 0; i < CF_ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_and_in_pieces),
        cmocka_unit_test(nothing_is_handshaken_early),
        cmocka_unit_test(data_behind_the_handshake),
        cmocka_unit_test(big_data),
        cmocka_unit_test(goodbyes),
        cmocka_unit_test(connections_outlive_their_context),
        cmocka_unit_test(old_versions_are_refused),
        cmocka_unit_test(tls_1_2_is_served),
        cmocka_unit_test(weak_ciphers_are_refused),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(no_tls_at_all),
        cmocka_unit_test(random_garbage),
        cmocka_unit_test(no_changed_handshake_is_believed),
        cmocka_unit_test(changed_data_is_refused),
        cmocka_unit_test(buffers_have_their_limits),
        cmocka_unit_test(a_context_is_shared_by_threads),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
