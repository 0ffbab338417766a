/* Tokens that are right, what is read out of them, and the signing. */
#include "unit/auth/tokens.h"

#include <pthread.h>

#define CLAIMS "{\"user_id\":\"ann\",\"username\":\"Ann\",\"exp\":1800003600}"

/* Verifies claims under HS256 with this verifier. */
static enum cf_error read_claims(const struct cf_jwt_verifier *verifier, struct cf_slice claims,
                                 cf_us now, struct cf_identity *out_identity)
{
    struct cf_buf token;
    cf_buf_init(&token, 65536);
    put_token(&token, HS256, NULL, CF_LIT("{\"alg\":\"HS256\"}"), claims);
    enum cf_error error = cf_jwt_verify(verifier, cf_buf_peek(&token), now, out_identity);
    cf_buf_deinit(&token);
    return error;
}

static void every_algorithm(void **state)
{
    const struct keys *keys = *state;
    struct cf_buf token;
    cf_buf_init(&token, TOKEN_MAX);
    for (enum kind kind = HS256; kind < KINDS; kind++) {
        struct cf_identity identity;
        assert_string_equal(cf_jwt_algorithm(keys->verifiers[kind]), algorithms[kind]);
        put_good_token(&token, keys, kind, CLAIMS);
        assert_int_equal(cf_jwt_verify(keys->verifiers[kind], cf_buf_peek(&token), NOW, &identity),
                         CF_OK);
        assert_slice_equal(cf_identity_user(&identity), "ann");
        assert_slice_equal(cf_identity_name(&identity), "Ann");
        assert_true(identity.expires == (cf_us)1800003600 * 1000000);
        assert_int_equal(ERR_peek_error(), 0);
    }
    cf_buf_deinit(&token);
}

/* ES256 numbers that begin with zeros or a high bit take other forms in DER. */
static void many_es256_signatures(void **state)
{
    const struct keys *keys = *state;
    struct cf_buf token;
    uint8_t signature[RAW_MAX];
    bool short_seen = false, high_seen = false;
    cf_buf_init(&token, TOKEN_MAX);
    for (unsigned i = 0; i < 1500; i++) {
        put_signed_text(&token, CF_LIT("{\"alg\":\"ES256\"}"), CF_LIT(CLAIMS));
        size_t len = sign(ES256, keys->own[ES256], cf_buf_peek(&token), signature);
        short_seen = short_seen || signature[0] == 0 || signature[32] == 0;
        high_seen = high_seen || signature[0] >= 0x80 || signature[32] >= 0x80;
        put_signature(&token, signature, len);
        assert_int_equal(verify(keys->verifiers[ES256], cf_buf_peek(&token)), CF_OK);
    }
    assert_true(short_seen && high_seen);
    cf_buf_deinit(&token);
}

/* ---- who it is ---- */

static const struct {
    const char *claims, *user, *name;
} identities[] = {
    {"\"user_id\":\"a\"", "a", "a"},
    {"\"userId\":\"b\"", "b", "b"},
    {"\"sub\":\"c\"", "c", "c"},
    {"\"sub\":\"c\",\"userId\":\"b\",\"user_id\":\"a\"", "a", "a"},
    {"\"sub\":\"c\",\"userId\":\"b\"", "b", "b"},
    {"\"sub\":\"c\",\"userId\":\"b\",\"user_id\":null", "b", "b"},
    {"\"sub\":\"a\",\"username\":\"U\"", "a", "U"},
    {"\"sub\":\"a\",\"name\":\"N\"", "a", "N"},
    {"\"sub\":\"a\",\"preferred_username\":\"P\"", "a", "P"},
    {"\"sub\":\"a\",\"preferred_username\":\"P\",\"name\":\"N\",\"username\":\"U\"", "a", "U"},
    {"\"sub\":\"a\",\"preferred_username\":\"P\",\"name\":\"N\",\"username\":null", "a", "N"},
    {"\"sub\":\"a\",\"username\":null,\"name\":null,\"preferred_username\":null", "a", "a"},
    {"\"user_id\":42", "42", "42"},
    {"\"user_id\":0,\"name\":7", "0", "7"},
    {"\"user_id\":-5", "-5", "-5"},
    {"\"user_id\":9223372036854775807", "9223372036854775807", "9223372036854775807"},
    {"\"user_id\":\"42\",\"sub\":\"x\"", "42", "42"},
    {"\"sub\":\"\\u00e9\\ud83d\\ude00\",\"name\":\"\xe6\x97\xa5\xe6\x9c\xac\"",
     "\xc3\xa9\xf0\x9f\x98\x80", "\xe6\x97\xa5\xe6\x9c\xac"},
    {"\"sub\":\"auth0|5f\",\"name\":\"O'Neil <x> \\\"y\\\"\"", "auth0|5f", "O'Neil <x> \"y\""},
    {"\"s\\u0075b\":\"escaped\"", "escaped", "escaped"},
    {"\"sub\":\"\\u00a0\"", "\xc2\xa0", "\xc2\xa0"},
    {"\"sub\":\"a\",\"nested\":{\"user_id\":\"b\",\"exp\":1},\"list\":[1,[2]]", "a", "a"},
};

static void who_it_is(void **state)
{
    const struct keys *keys = *state;
    for (size_t i = 0; i < CF_ARRAY_LEN(identities); i++) {
        char claims[256];
        struct cf_identity identity;
        (void)snprintf(claims, sizeof(claims), "{%s,\"exp\":1800003600}", identities[i].claims);
        enum cf_error error =
            read_claims(keys->verifiers[HS256], cf_slice_cstr(claims), NOW, &identity);
        if (error != CF_OK)
            fail_msg("%s: %s", claims, cf_error_name(error));
        if (!cf_slice_eq(cf_identity_user(&identity), cf_slice_cstr(identities[i].user)) ||
            !cf_slice_eq(cf_identity_name(&identity), cf_slice_cstr(identities[i].name)))
            fail_msg("%s: another identity", claims);
    }
}

/* At limit - 1, limit and limit + 1 bytes. */
static void lengths_of_names(void **state)
{
    const struct keys *keys = *state;
    static const char *const names[] = {"user_id", "userId", "sub"};
    char text[CF_USER_NAME_MAX + 2], claims[512];
    struct cf_identity identity;
    memset(text, 'n', sizeof(text));
    for (size_t len = CF_USER_ID_MAX - 1; len <= CF_USER_ID_MAX + 1; len++) {
        for (size_t i = 0; i < CF_ARRAY_LEN(names); i++) {
            (void)snprintf(claims, sizeof(claims), "{\"%s\":\"%.*s\",\"exp\":1800003600}", names[i],
                           (int)len, text);
            assert_int_equal(
                read_claims(keys->verifiers[HS256], cf_slice_cstr(claims), NOW, &identity),
                len <= CF_USER_ID_MAX ? CF_OK : CF_E_UNAUTHENTICATED);
            assert_int_equal(identity.user_id_len, len <= CF_USER_ID_MAX ? len : CF_USER_ID_MAX);
        }
    }
    for (size_t len = CF_USER_NAME_MAX - 1; len <= CF_USER_NAME_MAX + 1; len++) {
        (void)snprintf(claims, sizeof(claims),
                       "{\"sub\":\"a\",\"name\":\"%.*s\",\"exp\":1800003600}", (int)len, text);
        assert_int_equal(read_claims(keys->verifiers[HS256], cf_slice_cstr(claims), NOW, &identity),
                         len <= CF_USER_NAME_MAX ? CF_OK : CF_E_UNAUTHENTICATED);
        assert_int_equal(identity.name_len, len <= CF_USER_NAME_MAX ? len : CF_USER_NAME_MAX);
    }
}

/* ---- times ---- */

struct time_case {
    const char *exp, *nbf; /* nbf NULL: none */
    cf_us now;
    enum cf_error error;
    int64_t expires_s;
};

static void check_times(const struct cf_jwt_verifier *verifier, const struct time_case *cases,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char claims[256];
        struct cf_identity identity;
        (void)snprintf(
            claims, sizeof(claims), "{\"sub\":\"a\",\"exp\":%s%s%s,\"iat\":9e99}", cases[i].exp,
            cases[i].nbf == NULL ? "" : ",\"nbf\":", cases[i].nbf == NULL ? "" : cases[i].nbf);
        enum cf_error error = read_claims(verifier, cf_slice_cstr(claims), cases[i].now, &identity);
        if (error != cases[i].error)
            fail_msg("%s: %s", claims, cf_error_name(error));
        if (error == CF_OK)
            assert_true(identity.expires == cases[i].expires_s * 1000000);
    }
}

static const struct time_case without_leeway[] = {
    {"1800000001", NULL, NOW, CF_OK, 1800000001},
    {"1800000001", NULL, NOW + 999999, CF_OK, 1800000001},
    {"1800000000", NULL, NOW, CF_E_EXPIRED, 0},
    {"1800000000", NULL, NOW - 1, CF_OK, 1800000000},
    {"1799999999", NULL, NOW, CF_E_EXPIRED, 0},
    {"0", NULL, NOW, CF_E_EXPIRED, 0},
    {"253402300799", NULL, NOW, CF_OK, 253402300799},
    /* fractions are cut */
    {"1800000000.999999", NULL, NOW, CF_E_EXPIRED, 0},
    {"1800000001.5", NULL, NOW, CF_OK, 1800000001},
    {"1800000001.0", NULL, NOW, CF_OK, 1800000001},
    {"1800000001", "1800000000.5", NOW, CF_OK, 1800000001},
    /* not before */
    {"1800000009", "1800000000", NOW, CF_OK, 1800000009},
    {"1800000009", "1800000000", NOW - 1, CF_E_UNAUTHENTICATED, 0},
    {"1800000009", "1800000001", NOW, CF_E_UNAUTHENTICATED, 0},
    {"1800000009", "0", NOW, CF_OK, 1800000009},
    {"1799999999", "1800000001", NOW, CF_E_UNAUTHENTICATED, 0},
};

static const struct time_case with_leeway[] = {
    {"1799999971", NULL, NOW, CF_OK, 1800000001},
    {"1799999970", NULL, NOW, CF_E_EXPIRED, 0},
    {"1799999970", NULL, NOW - 1, CF_OK, 1800000000},
    {"1800000009", "1800000030", NOW, CF_OK, 1800000039},
    {"1800000009", "1800000031", NOW, CF_E_UNAUTHENTICATED, 0},
};

static void times(void **state)
{
    const struct keys *keys = *state;
    check_times(keys->verifiers[HS256], without_leeway, CF_ARRAY_LEN(without_leeway));
    struct cf_jwt_verifier *verifier =
        make_verifier(&(struct cf_jwt_config){.secret = cf_slice_cstr(secret), .leeway_s = 30});
    check_times(verifier, with_leeway, CF_ARRAY_LEN(with_leeway));
    cf_jwt_verifier_free(verifier);
}

/* ---- whom it is from and for ---- */

static const char *const parties[] = {
    "\"aud\":\"chat\"",
    "\"aud\":[\"chat\"]",
    "\"aud\":[\"shop\",\"chat\"]",
    "\"aud\":[\"chat\",\"shop\"]",
    "\"aud\":[ \"a\" , \"ch\\u0061t\" ]",
};

static void issuer_and_audience(void **state)
{
    const struct keys *keys = *state;
    struct cf_identity identity;
    for (size_t i = 0; i < CF_ARRAY_LEN(parties); i++) {
        char claims[256];
        (void)snprintf(claims, sizeof(claims),
                       "{\"sub\":\"a\",\"exp\":1800003600,\"iss\":\"https://issuer.example\",%s}",
                       parties[i]);
        assert_int_equal(read_claims(keys->strict, cf_slice_cstr(claims), NOW, &identity), CF_OK);
    }
    /* Who configures neither takes any. */
    static const char any[] = "{\"sub\":\"a\",\"exp\":1800003600,\"iss\":\"x\",\"aud\":[\"y\",{}]}";
    assert_int_equal(read_claims(keys->verifiers[HS256], cf_slice_cstr(any), NOW, &identity),
                     CF_OK);
}

/* ---- headers ---- */

static const char *const good_headers[] = {
    "{\"alg\":\"HS256\"}",
    " {\r\n\t\"alg\" : \"HS256\" } ",
    "{\"typ\":\"JWT\",\"alg\":\"HS256\"}",
    "{\"typ\":\"at+jwt\",\"alg\":\"HS256\"}",
    "{\"\\u0061lg\":\"HS\\u003256\"}",
    /* None of these is obeyed, or even looked at (RFC 8725 section 3.10). */
    "{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}",
    "{\"alg\":\"HS256\",\"jku\":\"https://evil.example/keys\",\"x5u\":\"https://evil.example\"}",
    "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"x5c\":[\"AA\"]}",
};

static void headers(void **state)
{
    const struct keys *keys = *state;
    struct cf_buf token;
    cf_buf_init(&token, TOKEN_MAX);
    for (size_t i = 0; i < CF_ARRAY_LEN(good_headers); i++) {
        put_token(&token, HS256, NULL, cf_slice_cstr(good_headers[i]), CF_LIT(CLAIMS));
        if (verify(keys->verifiers[HS256], cf_buf_peek(&token)) != CF_OK)
            fail_msg("%s", good_headers[i]);
    }
    cf_buf_deinit(&token);
}

/* 8 KiB is right, and a byte more is not. */
static void the_largest_token(void **state)
{
    const struct keys *keys = *state;
    enum { CLAIMS_LEN = (8192 - 36 - 2 - 43) * 3 / 4 };
    static char claims[CLAIMS_LEN + 2];
    struct cf_buf token;
    cf_buf_init(&token, 65536);
    int head = snprintf(claims, sizeof(claims), "{\"sub\":\"a\",\"exp\":1800003600,\"x\":\"");
    memset(claims + head, 'x', sizeof(claims) - (size_t)head);
    memcpy(claims + CLAIMS_LEN - 2, "\"}", 2);
    put_token(&token, HS256, NULL, CF_LIT("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"),
              cf_slice_of(claims, CLAIMS_LEN));
    assert_int_equal(token.len, 8192);
    assert_int_equal(verify(keys->verifiers[HS256], cf_buf_peek(&token)), CF_OK);
    struct cf_buf made;
    cf_buf_init(&made, 65536);
    assert_int_equal(cf_jwt_sign(cf_slice_cstr(secret), cf_slice_of(claims, CLAIMS_LEN), &made),
                     CF_OK);
    assert_true(cf_slice_eq(cf_buf_peek(&made), cf_buf_peek(&token)));

    memcpy(claims + CLAIMS_LEN - 2, "x\"}", 3);
    put_token(&token, HS256, NULL, CF_LIT("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"),
              cf_slice_of(claims, CLAIMS_LEN + 1));
    assert_int_equal(token.len, 8193);
    assert_int_equal(verify(keys->verifiers[HS256], cf_buf_peek(&token)), CF_E_UNAUTHENTICATED);
    assert_int_equal(cf_jwt_sign(cf_slice_cstr(secret), cf_slice_of(claims, CLAIMS_LEN + 1), &made),
                     CF_E_TOO_LARGE);
    assert_int_equal(made.len, 8192);
    cf_buf_deinit(&made);
    cf_buf_deinit(&token);
}

/* ---- signing ---- */

static void signing(void **state)
{
    const struct keys *keys = *state;
    struct cf_buf token, expected;
    cf_buf_init(&token, TOKEN_MAX);
    cf_buf_init(&expected, TOKEN_MAX);
    assert_int_equal(cf_buf_append(&token, CF_LIT("Bearer ")), CF_OK);
    assert_int_equal(cf_jwt_sign(cf_slice_cstr(secret), CF_LIT(CLAIMS), &token), CF_OK);
    struct cf_slice made = cf_slice_skip(cf_buf_peek(&token), 7);
    put_good_token(&expected, keys, HS256, CLAIMS);
    assert_true(cf_slice_eq(made, cf_buf_peek(&expected)));
    assert_int_equal(verify(keys->verifiers[HS256], made), CF_OK);
    cf_buf_deinit(&token);
    cf_buf_deinit(&expected);
}

static void signing_that_fails(void **state)
{
    (void)state;
    struct cf_buf token;
    cf_buf_init(&token, 200);
    assert_int_equal(cf_buf_append(&token, CF_LIT("before")), CF_OK);
    assert_int_equal(cf_jwt_sign(cf_slice_head(cf_slice_cstr(secret), 31), CF_LIT("{}"), &token),
                     CF_E_INVALID);
    assert_int_equal(cf_jwt_sign((struct cf_slice){NULL, 0}, CF_LIT("{}"), &token), CF_E_INVALID);
    /* Wherever the buffer ends: 6 + 36 + 1 + 3 + 1 + 43 bytes. */
    for (size_t max = 6; max < 90; max++) {
        token.max = max;
        assert_int_equal(cf_jwt_sign(cf_slice_cstr(secret), CF_LIT("{}"), &token), CF_E_TOO_LARGE);
        assert_slice_equal(cf_buf_peek(&token), "before");
    }
    token.max = 90;
    assert_int_equal(cf_jwt_sign(cf_slice_head(cf_slice_cstr(secret), 32), CF_LIT("{}"), &token),
                     CF_OK);
    assert_int_equal(token.len, 90);
    cf_buf_deinit(&token);
}

/* ---- threads ---- */

static void *verify_often(void *argument)
{
    const struct keys *keys = argument;
    struct cf_buf token;
    size_t right = 0;
    cf_buf_init(&token, TOKEN_MAX);
    for (enum kind kind = HS256; kind < KINDS; kind++) {
        put_good_token(&token, keys, kind, CLAIMS);
        for (unsigned i = 0; i < 100; i++)
            right += verify(keys->verifiers[kind], cf_buf_peek(&token)) == CF_OK ? 1 : 0;
        token.ptr[token.len - 9] ^= 1;
        for (unsigned i = 0; i < 100; i++)
            right += verify(keys->verifiers[kind], cf_buf_peek(&token)) == CF_OK ? 1 : 0;
    }
    cf_buf_deinit(&token);
    return right == 400 ? argument : NULL;
}

static void a_verifier_is_shared_by_threads(void **state)
{
    pthread_t threads[4];
    for (size_t i = 0; i < CF_ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, verify_often, *state), 0);
    for (size_t i = 0; i < CF_ARRAY_LEN(threads); i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, *state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm),
        cmocka_unit_test(many_es256_signatures),
        cmocka_unit_test(who_it_is),
        cmocka_unit_test(lengths_of_names),
        cmocka_unit_test(times),
        cmocka_unit_test(issuer_and_audience),
        cmocka_unit_test(headers),
        cmocka_unit_test(the_largest_token),
        cmocka_unit_test(signing),
        cmocka_unit_test(signing_that_fails),
        cmocka_unit_test(a_verifier_is_shared_by_threads),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
