#include "support.h"

#include <openssl/evp.h>

#include "wire/ws/handshake.h"

static unsigned hashed; /* how often */

static void sha1(struct cf_slice bytes, uint8_t out[20])
{
    unsigned len = 0;
    hashed++;
    assert_int_equal(EVP_Digest(bytes.ptr, bytes.len, out, &len, EVP_sha1(), NULL), 1);
    assert_int_equal(len, 20);
}

/* Section 1.3. */
static void test_1_3_accept_of_the_example(void **state)
{
    char accept[CF_WS_ACCEPT_LEN];
    (void)state;
    cf_ws_accept(sha1, CF_LIT("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    assert_memory_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", CF_WS_ACCEPT_LEN);
    assert_int_equal(hashed, 1);
}

/* Section 4.1: the example's nonce is "the sample nonce". */
static void test_4_1_key(void **state)
{
    char key[CF_WS_KEY_LEN];
    (void)state;
    cf_ws_key((const uint8_t *)"the sample nonce", key);
    assert_memory_equal(key, "dGhlIHNhbXBsZSBub25jZQ==", CF_WS_KEY_LEN);
}

static struct cf_ws_offer good_offer(void)
{
    return (struct cf_ws_offer){.get = true,
                                .http_1_1 = true,
                                .connection_upgrade = true,
                                .upgrade = CF_LIT("websocket"),
                                .key = CF_LIT("dGhlIHNhbXBsZSBub25jZQ=="),
                                .version = CF_LIT("13"),
                                .key_count = 1,
                                .version_count = 1};
}

static void test_4_2_1_good(void **state)
{
    (void)state;
    struct cf_ws_offer offer = good_offer();
    assert_int_equal(cf_ws_offer_check(&offer), CF_OK);
    offer.upgrade = CF_LIT("WebSocket");
    assert_int_equal(cf_ws_offer_check(&offer), CF_OK);
    offer.upgrade = CF_LIT("h2c , WEBSOCKET");
    assert_int_equal(cf_ws_offer_check(&offer), CF_OK);
}

static void test_4_2_1_what_is_not_a_handshake(void **state)
{
    static const struct cf_slice none = {NULL, 0};
    (void)state;
    struct cf_ws_offer bad[12];
    for (size_t i = 0; i < CF_ARRAY_LEN(bad); i++)
        bad[i] = good_offer();
    bad[0].get = false;
    bad[1].http_1_1 = false;
    bad[2].connection_upgrade = false;
    bad[3].upgrade = none;
    bad[4].upgrade = CF_LIT("");
    bad[5].upgrade = CF_LIT("websockets");
    bad[6].upgrade = CF_LIT("web socket");
    bad[7].version = none;
    bad[7].version_count = 0;
    bad[8].key = none;
    bad[8].key_count = 0;
    bad[9].key_count = 2;
    bad[10].key = CF_LIT("");
    bad[11].version_count = 2; /* section 11.3.5 */
    for (size_t i = 0; i < CF_ARRAY_LEN(bad); i++)
        assert_int_equal(cf_ws_offer_check(&bad[i]), CF_E_SYNTAX);
}

/* Section 4.2.1, 5: base64 of 16 bytes, in its one spelling. */
static void test_4_2_1_bad_keys(void **state)
{
    static const struct cf_slice keys[] = {
        CF_LIT("dGhlIHNhbXBsZSBub25jZQ="),     /* short */
        CF_LIT("dGhlIHNhbXBsZSBub25jZQ==="),   /* long */
        CF_LIT("dGhlIHNhbXBsZSBub25jZQ"),      /* no padding */
        CF_LIT("dGhlIHNhbXBsZSBub25jZQA="),    /* 17 bytes */
        CF_LIT("dGhlIHNhbXBsZSBub25jZUFB"),    /* 18 bytes */
        CF_LIT("dGhlIHNhbXBsZSBub25jZR=="),    /* unused bits set */
        CF_LIT("dGhlIHNhbXBsZSBub25j!Q=="),    /* no character of it */
        CF_LIT("dGhlIHNhbXBsZSBub25j Q=="),    /* white space */
        CF_LIT("dGhlIHNhbXBsZSBub25jZQ==, a"), /* two joined */
        CF_LIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    };
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(keys); i++) {
        struct cf_ws_offer offer = good_offer();
        offer.key = keys[i];
        assert_int_equal(cf_ws_offer_check(&offer), CF_E_SYNTAX);
    }
}

static void test_4_4_other_versions(void **state)
{
    static const struct cf_slice versions[] = {CF_LIT("8"),   CF_LIT("14"),    CF_LIT("013"),
                                               CF_LIT("+13"), CF_LIT("13, 8"), CF_LIT("")};
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(versions); i++) {
        struct cf_ws_offer offer = good_offer();
        offer.version = versions[i];
        offer.key_count = 0; /* another version may do without */
        assert_int_equal(cf_ws_offer_check(&offer), CF_E_UNSUPPORTED);
    }
}

static void test_11_3_4_protocol_offered(void **state)
{
    struct cf_slice ours = CF_LIT("confab.shop.v2");
    (void)state;
    assert_true(cf_ws_protocol_offered(CF_LIT("confab.shop.v2"), ours));
    assert_true(cf_ws_protocol_offered(CF_LIT("chat,\t confab.shop.v2 ,x"), ours));
    assert_true(cf_ws_protocol_offered(CF_LIT(",,confab.shop.v2"), ours));
    assert_false(cf_ws_protocol_offered(CF_LIT("Confab.shop.v2"), ours));
    assert_false(cf_ws_protocol_offered(CF_LIT("confab.shop.v20"), ours));
    assert_false(cf_ws_protocol_offered(CF_LIT("confab.shop.v"), ours));
    assert_false(cf_ws_protocol_offered(CF_LIT("confab .shop.v2"), ours));
    assert_false(cf_ws_protocol_offered(CF_LIT(""), ours));
    assert_false(cf_ws_protocol_offered((struct cf_slice){NULL, 0}, ours));
}

/* Hazard V3: a quadratic scan of 16 MiB would not end before the test's time does. */
static void test_v3_long_protocol_lists_are_linear(void **state)
{
    enum { LEN = 16 * 1024 * 1024 };
    (void)state;
    uint8_t *list = malloc(LEN);
    assert_non_null(list);
    memset(list, ' ', LEN);
    assert_false(cf_ws_protocol_offered(cf_slice_of(list, LEN), CF_LIT("chat")));
    memset(list, ',', LEN);
    assert_false(cf_ws_protocol_offered(cf_slice_of(list, LEN), CF_LIT("chat")));
    free(list);
}

static struct cf_ws_asked asked_of_the_example(void)
{
    struct cf_ws_asked asked = {.extensions = false};
    memcpy(asked.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", CF_WS_ACCEPT_LEN);
    return asked;
}

static struct cf_ws_answer good_answer(void)
{
    return (struct cf_ws_answer){.status = 101,
                                 .connection_upgrade = true,
                                 .upgrade = CF_LIT("websocket"),
                                 .accept = CF_LIT("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
                                 .accept_count = 1};
}

static void test_4_1_good_answers(void **state)
{
    struct cf_ws_asked asked = asked_of_the_example();
    struct cf_ws_answer answer = good_answer();
    (void)state;
    assert_int_equal(cf_ws_answer_check(&answer, &asked), CF_OK);
    answer.upgrade = CF_LIT("WebSocket");
    assert_int_equal(cf_ws_answer_check(&answer, &asked), CF_OK);
    asked.protocols = CF_LIT("chat, superchat");
    assert_int_equal(cf_ws_answer_check(&answer, &asked), CF_OK);
    answer.protocol = CF_LIT("superchat");
    answer.protocol_count = 1;
    assert_int_equal(cf_ws_answer_check(&answer, &asked), CF_OK);
    answer.extensions = CF_LIT("permessage-deflate");
    asked.extensions = true;
    assert_int_equal(cf_ws_answer_check(&answer, &asked), CF_OK);
}

static void test_4_1_bad_answers(void **state)
{
    struct cf_ws_asked asked = asked_of_the_example();
    struct cf_ws_answer bad[13];
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(bad); i++)
        bad[i] = good_answer();
    bad[0].connection_upgrade = false;
    bad[1].upgrade = (struct cf_slice){NULL, 0};
    bad[2].upgrade = CF_LIT("websockets");
    bad[3].upgrade = CF_LIT("h2c, websocket");
    bad[4].accept = (struct cf_slice){NULL, 0};
    bad[4].accept_count = 0;
    bad[5].accept = CF_LIT("S3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    bad[6].accept = CF_LIT("s3pPLMBiTxaQ9kYGzzhZRbK+xOo");
    bad[7].accept_count = 2;
    bad[8].protocol = CF_LIT("chat"); /* not asked for */
    bad[8].protocol_count = 1;
    bad[9].protocol = CF_LIT("");
    bad[9].protocol_count = 1;
    bad[10].extensions = CF_LIT("permessage-deflate");
    bad[11].extensions = CF_LIT("");
    bad[12].accept = CF_LIT("");
    for (size_t i = 0; i < CF_ARRAY_LEN(bad); i++)
        assert_int_equal(cf_ws_answer_check(&bad[i], &asked), CF_E_PROTOCOL);
}

static void test_4_1_other_statuses(void **state)
{
    static const unsigned statuses[] = {100, 102, 200, 301, 400, 401, 426, 503};
    struct cf_ws_asked asked = asked_of_the_example();
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(statuses); i++) {
        struct cf_ws_answer answer = good_answer();
        answer.status = statuses[i];
        assert_int_equal(cf_ws_answer_check(&answer, &asked), CF_E_UNSUPPORTED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_1_3_accept_of_the_example),
        cmocka_unit_test(test_4_1_key),
        cmocka_unit_test(test_4_2_1_good),
        cmocka_unit_test(test_4_2_1_what_is_not_a_handshake),
        cmocka_unit_test(test_4_2_1_bad_keys),
        cmocka_unit_test(test_4_4_other_versions),
        cmocka_unit_test(test_11_3_4_protocol_offered),
        cmocka_unit_test(test_4_1_good_answers),
        cmocka_unit_test(test_4_1_bad_answers),
        cmocka_unit_test(test_4_1_other_statuses),
        cmocka_unit_test(test_v3_long_protocol_lists_are_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
