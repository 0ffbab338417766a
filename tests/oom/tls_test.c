/* Memory runs out under a connection of TLS 1.3 that was handed over: OpenSSL's AEADs and HMACs ask
 * for it, too. That none is left is not taken for a forged record, nor the other way round. */
#include "edge/tls/record.h"
#include "oom/openssl.h"
#include "oom/scenario.h"

enum { BUF_MAX = 1 << 20, LARGE = 20000 };

static struct cf_tls_suites suites;
static const uint8_t secret_in[CF_TLS_SECRET_MAX] = {1}, secret_out[CF_TLS_SECRET_MAX] = {2};
static const uint8_t data[LARGE];
static struct cf_buf wire; /* what the peer says */

static void say(struct cf_tls_keys *keys, const struct cf_tls_suite *suite, uint8_t type,
                struct cf_slice content)
{
    size_t len = CF_TLS_HEADER + content.len + 1 + CF_TLS_TAG;
    assert_int_equal(cf_buf_reserve(&wire, len), CF_OK);
    assert_int_equal(cf_tls_seal(keys, suite, type, content, wire.ptr + wire.len), CF_OK);
    wire.len += len;
}

/* Small data, a key that changes and asks for ours, data with the new key. */
static void write_wire(const struct cf_tls_suite *suite)
{
    struct cf_tls_keys keys;
    fault_pause();
    cf_buf_reset(&wire);
    assert_int_equal(cf_tls_keys_init(&keys, suite, secret_in), CF_OK);
    say(&keys, suite, 23, CF_LIT("hello"));
    say(&keys, suite, 22, CF_LIT("\30\0\0\1\1"));
    assert_int_equal(cf_tls_keys_update(&keys, suite), CF_OK);
    say(&keys, suite, 23, cf_slice_of(data, 10000));
    fault_resume();
}

static bool receive_in_pieces(struct scenario *s, struct cf_tls_record *record,
                              struct cf_buf *plain, struct cf_buf *cipher)
{
    struct cf_slice rest = cf_buf_peek(&wire);
    while (rest.len > 0) {
        struct cf_slice piece = cf_slice_head(rest, 4000);
        if (!TRIED(s, cf_tls_record_receive(record, piece, plain, cipher)))
            return false;
        rest = cf_slice_skip(rest, piece.len);
    }
    return true;
}

static void converse(struct scenario *s, const struct cf_tls_suite *suite)
{
    struct cf_tls_record record;
    struct cf_buf plain, cipher;
    s->hides = true; /* OpenSSL goes on without some of what it asks for, its caches */
    write_wire(suite);
    cf_buf_init(&plain, BUF_MAX);
    cf_buf_init(&cipher, BUF_MAX);
    if (TRIED(s, cf_tls_record_init(&record, suite, secret_in, secret_out)) &&
        receive_in_pieces(s, &record, &plain, &cipher)) {
        assert_int_equal(plain.len, 5 + 10000);
        assert_int_equal(record.part.cap, 0);
        if (TRIED(s, cf_tls_record_send(&record, cf_slice_of(data, LARGE), &cipher)))
            (void)TRIED(s, cf_tls_record_shutdown(&record, &cipher));
    }
    cf_tls_record_deinit(&record);
    cf_buf_deinit(&plain);
    cf_buf_deinit(&cipher);
}

static void tls_aes_128(struct scenario *s)
{
    converse(s, cf_tls_suite_find(&suites, 0x1301));
}

static void tls_aes_256(struct scenario *s)
{
    converse(s, cf_tls_suite_find(&suites, 0x1302));
}

static void tls_chacha20(struct scenario *s)
{
    converse(s, cf_tls_suite_find(&suites, 0x1303));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(tls_aes_128),
        SCENARIO(tls_aes_256),
        SCENARIO(tls_chacha20),
    };
    if (!openssl_may_fail() || cf_tls_suites_init(&suites) != CF_OK)
        return 1;
    cf_buf_init(&wire, BUF_MAX);
    if (cf_buf_reserve(&wire, BUF_MAX) != CF_OK)
        return 1;
    for (size_t i = 0; i < CF_TLS_SUITES; i++)
        write_wire(&suites.each[i]); /* what OpenSSL makes once a process is made */
    int status = cmocka_run_group_tests_name("oom tls", tests, NULL, NULL);
    cf_buf_deinit(&wire);
    cf_tls_suites_deinit(&suites);
    return status;
}
