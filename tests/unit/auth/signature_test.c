/* The RFCs' examples, and which keys make no verifier (V21: the start fails, and says why). */
#include "unit/auth/tokens.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "auth/signature.h"

static struct cf_buf decoded(const char *text)
{
    struct cf_buf bytes;
    cf_buf_init(&bytes, 4096);
    assert_int_equal(cf_base64_decode(CF_BASE64_URL, cf_slice_cstr(text), &bytes), CF_OK);
    return bytes;
}

/* Takes the key. */
static void check_example(struct cf_signature_key *key, const char *text, const char *signature)
{
    struct cf_buf raw = decoded(signature);
    assert_int_equal(cf_signature_verify(key, cf_slice_cstr(text), cf_buf_peek(&raw)), CF_OK);
    assert_int_equal(cf_signature_verify(key, cf_slice_cstr(text + 1), cf_buf_peek(&raw)),
                     CF_E_UNAUTHENTICATED);
    raw.ptr[raw.len / 2] ^= 0x80;
    assert_int_equal(cf_signature_verify(key, cf_slice_cstr(text), cf_buf_peek(&raw)),
                     CF_E_UNAUTHENTICATED);
    cf_buf_deinit(&raw);
    cf_signature_key_free(key);
}

#define RFC_7515_CLAIMS                                                \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt" \
    "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

/* RFC 7515 appendix A.1. */
static void the_example_of_hs256(void **state)
{
    (void)state;
    struct cf_signature_key *key = NULL;
    const char *why = NULL;
    struct cf_buf bytes = decoded("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75"
                                  "aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
    assert_int_equal(
        cf_signature_key_new(cf_buf_peek(&bytes), (struct cf_slice){NULL, 0}, &key, &why), CF_OK);
    check_example(key, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." RFC_7515_CLAIMS,
                  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    cf_buf_deinit(&bytes);
}

static struct cf_signature_key *key_of_pem(const char *pem)
{
    struct cf_signature_key *key = NULL;
    const char *why = NULL;
    assert_int_equal(
        cf_signature_key_new((struct cf_slice){NULL, 0}, cf_slice_cstr(pem), &key, &why), CF_OK);
    return key;
}

/* RFC 7515 appendix A.3. */
static void the_example_of_es256(void **state)
{
    (void)state;
    check_example(key_of_pem("-----BEGIN PUBLIC KEY-----\n"
                             "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
                             "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
                             "-----END PUBLIC KEY-----\n"),
                  "eyJhbGciOiJFUzI1NiJ9." RFC_7515_CLAIMS,
                  "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
                  "pmWQxfKTUJqPP3-Kg6NU1Q");
}

/* RFC 8037 appendix A.4. */
static void the_example_of_eddsa(void **state)
{
    (void)state;
    check_example(key_of_pem("-----BEGIN PUBLIC KEY-----\n"
                             "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
                             "-----END PUBLIC KEY-----\n"),
                  "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
                  "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B"
                  "hVsPt9g7sVvpAr_MuM0KAg");
}

/* ---- keys that are none ---- */

static void expect_refused(const struct cf_jwt_config *config, const char *expected)
{
    struct cf_jwt_verifier *verifier = NULL;
    const char *why = "";
    assert_int_equal(cf_jwt_verifier_new(config, hash_key, &verifier, &why), CF_E_INVALID);
    assert_null(verifier);
    if (strstr(why, expected) == NULL)
        fail_msg("it says: %s", why);
    assert_int_equal(ERR_peek_error(), 0);
}

static void expect_pem_refused(struct cf_slice pem, const char *expected)
{
    expect_refused(&(struct cf_jwt_config){.public_key_pem = pem}, expected);
}

static void expect_key_refused(EVP_PKEY *key, const char *expected)
{
    struct cf_buf pem;
    assert_non_null(key);
    cf_buf_init(&pem, 65536);
    write_public_pem(key, &pem);
    expect_pem_refused(cf_buf_peek(&pem), expected);
    cf_buf_deinit(&pem);
    EVP_PKEY_free(key);
}

static void secrets(void **state)
{
    const struct keys *keys = *state;
    struct cf_slice good = cf_slice_cstr(secret);
    struct cf_jwt_config config = {.secret = cf_slice_head(good, 32)};
    cf_jwt_verifier_free(make_verifier(&config));
    expect_refused(&(struct cf_jwt_config){.secret = cf_slice_head(good, 31)}, "32 bytes");
    expect_refused(&(struct cf_jwt_config){.secret = cf_slice_head(good, 1)}, "32 bytes");
    expect_refused(&(struct cf_jwt_config){.secret = {NULL, 0}}, "neither");
    expect_refused(
        &(struct cf_jwt_config){.secret = good, .public_key_pem = cf_buf_peek(&keys->pem[RS256])},
        "both");
    /* What everybody knows is no secret. */
    for (enum kind kind = RS256; kind < KINDS; kind++)
        expect_refused(&(struct cf_jwt_config){.secret = cf_buf_peek(&keys->pem[kind])}, "PEM");
}

static void leeways(void **state)
{
    (void)state;
    struct cf_jwt_config config = {.secret = cf_slice_cstr(secret), .leeway_s = 30};
    cf_jwt_verifier_free(make_verifier(&config));
    config.leeway_s = 31;
    expect_refused(&config, "30 seconds");
    config.leeway_s = UINT32_MAX;
    expect_refused(&config, "30 seconds");
    cf_jwt_verifier_free(NULL);
}

static void keys_of_other_kinds(void **state)
{
    (void)state;
    expect_key_refused(EVP_RSA_gen(1024), "2048");
    expect_key_refused(EVP_RSA_gen(2047), "2048");
    expect_key_refused(EVP_EC_gen("P-384"), "P-256");
    expect_key_refused(EVP_EC_gen("P-521"), "P-256");
    expect_key_refused(EVP_EC_gen("secp256k1"), "P-256");
    expect_key_refused(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), "neither");
    expect_key_refused(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "neither");
    EVP_PKEY *pss = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_generate(context, &pss), 1);
    EVP_PKEY_CTX_free(context);
    expect_key_refused(pss, "neither");
}

static void texts_without_a_key(void **state)
{
    const struct keys *keys = *state;
    static const char *const texts[] = {
        "x",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\n????\n-----END PUBLIC KEY-----\n",
        /* a P-256 point that is not on the curve */
        "-----BEGIN PUBLIC KEY-----\n"
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
        "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrg==\n"
        "-----END PUBLIC KEY-----\n",
        /* it would ask the terminal for a passphrase */
        "-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n"
        "DEK-Info: AES-128-CBC,0102030405060708090A0B0C0D0E0F10\n\n"
        "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
        "-----END PUBLIC KEY-----\n",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(texts); i++)
        expect_pem_refused(cf_slice_cstr(texts[i]), "no public key");
    struct cf_slice pem = cf_buf_peek(&keys->pem[RS256]);
    expect_pem_refused(cf_slice_head(pem, pem.len / 2), "no public key");
}

/* The key that signs has no place on a server that only verifies. */
static void a_private_key(void **state)
{
    const struct keys *keys = *state;
    for (enum kind kind = RS256; kind < KINDS; kind++) {
        BIO *bio = BIO_new(BIO_s_mem());
        char *text;
        assert_int_equal(PEM_write_bio_PrivateKey(bio, keys->own[kind], NULL, NULL, 0, NULL, NULL),
                         1);
        long len = BIO_get_mem_data(bio, &text);
        expect_pem_refused(cf_slice_of(text, (size_t)len), "openssl pkey");
        BIO_free(bio);
    }
}

/* RSA with the exponent 1: every message would be its own signature. */
static void numbers_that_are_no_key(void **state)
{
    (void)state;
    EVP_PKEY *good = EVP_RSA_gen(2048), *bad = NULL;
    BIGNUM *modulus = NULL, *one = BN_new();
    assert_int_equal(EVP_PKEY_get_bn_param(good, OSSL_PKEY_PARAM_RSA_N, &modulus), 1);
    assert_int_equal(BN_one(one), 1);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, one);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &bad, EVP_PKEY_PUBLIC_KEY, params), 1);
    expect_key_refused(bad, "no such key");
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(modulus);
    BN_free(one);
    EVP_PKEY_free(good);
}

static void hs256_alone(void **state)
{
    (void)state;
    uint8_t mac[32], expected[RAW_MAX];
    struct cf_slice good = cf_slice_cstr(secret);
    assert_int_equal(cf_signature_hs256(cf_slice_head(good, 31), CF_LIT("x"), mac), CF_E_INVALID);
    assert_int_equal(cf_signature_hs256(good, CF_LIT("x"), mac), CF_OK);
    assert_int_equal(hmac_with(good, CF_LIT("x"), expected), 32);
    assert_memory_equal(mac, expected, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_hs256),
        cmocka_unit_test(the_example_of_es256),
        cmocka_unit_test(the_example_of_eddsa),
        cmocka_unit_test(secrets),
        cmocka_unit_test(leeways),
        cmocka_unit_test(keys_of_other_kinds),
        cmocka_unit_test(texts_without_a_key),
        cmocka_unit_test(a_private_key),
        cmocka_unit_test(numbers_that_are_no_key),
        cmocka_unit_test(hs256_alone),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
