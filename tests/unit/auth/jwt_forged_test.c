/* V18: signatures that are wrong, or of another key, or of another scheme, under headers and claims
 * that are right; and every single bit of tokens that are right. */
#include "unit/auth/bad.h"

/* ---- signatures ---- */

static void expect_signature(const struct keys *keys, enum kind kind, const char *header,
                             const uint8_t *signature, size_t len, const char *what)
{
    struct cf_buf token;
    cf_buf_init(&token, 65536);
    put_signed_text(&token, cf_slice_cstr(header), CF_LIT(CLAIMS));
    put_signature(&token, signature, len);
    expect(keys->verifiers[kind], cf_buf_peek(&token), CF_E_UNAUTHENTICATED, what);
    cf_buf_deinit(&token);
}

static const char *const own_headers[KINDS] = {HEADER, "{\"alg\":\"RS256\"}", "{\"alg\":\"ES256\"}",
                                               "{\"alg\":\"EdDSA\"}"};

/* CVE-2015-9235 and its kin: no signature, under whatever name. */
static void no_signature(void **state)
{
    const struct keys *keys = *state;
    static const char *const names[] = {"none", "None", "NONE", "nonE", "", "HS256"};
    struct cf_buf token;
    char header[64];
    cf_buf_init(&token, TOKEN_MAX);
    for (enum kind kind = HS256; kind < KINDS; kind++) {
        for (size_t i = 0; i < CF_ARRAY_LEN(names); i++) {
            (void)snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", names[i]);
            put_signed_text(&token, cf_slice_cstr(header), CF_LIT(CLAIMS));
            expect(keys->verifiers[kind], cf_buf_peek(&token), CF_E_UNAUTHENTICATED, header);
            cf_buf_append_byte(&token, '.');
            expect(keys->verifiers[kind], cf_buf_peek(&token), CF_E_UNAUTHENTICATED, header);
        }
        expect_signature(keys, kind, own_headers[kind], NULL, 0, "empty");
    }
    cf_buf_deinit(&token);
}

/* Of every length around the right one, and of plain bytes: none is a signature. */
static void plain_bytes(void **state)
{
    const struct keys *keys = *state;
    static const size_t lens[KINDS] = {32, 256, 64, 64};
    static const uint8_t fills[] = {0x00, 0x01, 0x7F, 0xFF};
    uint8_t bytes[300];
    for (enum kind kind = HS256; kind < KINDS; kind++) {
        for (size_t i = 0; i < CF_ARRAY_LEN(fills); i++) {
            memset(bytes, fills[i], sizeof(bytes));
            for (size_t len = lens[kind] - 1; len <= lens[kind] + 1; len++)
                expect_signature(keys, kind, own_headers[kind], bytes, len, "plain bytes");
            expect_signature(keys, kind, own_headers[kind], bytes, 1, "one byte");
        }
    }
}

/* A right signature, cut, stretched, and of another key. */
static void nearly_right_signatures(void **state)
{
    const struct keys *keys = *state;
    for (enum kind kind = HS256; kind < KINDS; kind++) {
        struct cf_buf token;
        uint8_t bytes[RAW_MAX] = {0};
        cf_buf_init(&token, TOKEN_MAX);
        put_signed_text(&token, cf_slice_cstr(own_headers[kind]), CF_LIT(CLAIMS));
        size_t len = sign(kind, keys->own[kind], cf_buf_peek(&token), bytes);
        expect_signature(keys, kind, own_headers[kind], bytes, len - 1, "cut");
        expect_signature(keys, kind, own_headers[kind], bytes, len / 2, "half");
        expect_signature(keys, kind, own_headers[kind], bytes, len + 1, "a zero more");
        expect_signature(keys, kind, own_headers[kind], bytes + 1, len, "moved");
        memmove(bytes + len, bytes, len);
        expect_signature(keys, kind, own_headers[kind], bytes, 2 * len, "twice");
        if (kind != HS256) {
            len = sign(kind, keys->other[kind], cf_buf_peek(&token), bytes);
            expect_signature(keys, kind, own_headers[kind], bytes, len, "another key's");
        }
        cf_buf_deinit(&token);
    }
}

/* RS256 to HS256: what everybody knows of a key, as an HMAC secret. */
static void public_keys_as_secrets(void **state)
{
    const struct keys *keys = *state;
    for (enum kind kind = RS256; kind < KINDS; kind++) {
        uint8_t *der = NULL;
        int der_len = i2d_PUBKEY(keys->own[kind], &der);
        struct cf_slice pem = cf_buf_peek(&keys->pem[kind]);
        const struct cf_slice known[] = {
            pem, cf_slice_head(pem, pem.len - 1), cf_slice_of(der, (size_t)der_len),
            cf_slice_skip(cf_slice_of(der, (size_t)der_len), (size_t)der_len - 32), CF_LIT("")};
        for (size_t i = 0; i < CF_ARRAY_LEN(known); i++) {
            for (size_t h = 0; h < 2; h++) {
                const char *header = h == 0 ? HEADER : own_headers[kind];
                struct cf_buf text;
                uint8_t mac[RAW_MAX];
                cf_buf_init(&text, TOKEN_MAX);
                put_signed_text(&text, cf_slice_cstr(header), CF_LIT(CLAIMS));
                size_t len = hmac_with(known[i], cf_buf_peek(&text), mac);
                expect_signature(keys, kind, header, mac, len, "an HMAC");
                cf_buf_deinit(&text);
            }
        }
        OPENSSL_free(der);
    }
}

/* Secrets that are nearly the right one, CVE-2026-44699's empty one among them. */
static void other_secrets(void **state)
{
    const struct keys *keys = *state;
    struct cf_slice right = cf_slice_cstr(secret);
    static const uint8_t zeros[64];
    struct cf_buf text;
    uint8_t mac[RAW_MAX];
    const struct cf_slice secrets[] = {CF_LIT(""),
                                       cf_slice_of(zeros, 32),
                                       cf_slice_of(zeros, 64),
                                       cf_slice_head(right, 32),
                                       cf_slice_head(right, right.len - 1),
                                       cf_slice_skip(right, 1),
                                       CF_LIT("A secret of the tests, 32 bytes or more"),
                                       CF_LIT("secret")};
    cf_buf_init(&text, TOKEN_MAX);
    put_signed_text(&text, CF_LIT(HEADER), CF_LIT(CLAIMS));
    for (size_t i = 0; i < CF_ARRAY_LEN(secrets); i++) {
        size_t len = hmac_with(secrets[i], cf_buf_peek(&text), mac);
        expect_signature(keys, HS256, HEADER, mac, len, "another secret");
    }
    /* The signature of the text with its last dot, of the claims alone, of nothing. */
    cf_buf_append_byte(&text, '.');
    size_t len = hmac_with(right, cf_buf_peek(&text), mac);
    expect_signature(keys, HS256, HEADER, mac, len, "a dot more");
    len = hmac_with(right, CF_LIT(CLAIMS), mac);
    expect_signature(keys, HS256, HEADER, mac, len, "of the claims");
    len = hmac_with(right, CF_LIT(""), mac);
    expect_signature(keys, HS256, HEADER, mac, len, "of nothing");
    cf_buf_deinit(&text);
}

/* The order of P-256's group. */
static const uint8_t p256_order[32] = {
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51};

/* CVE-2022-21449: r and s out of their range, 1 to the order - 1. */
static void es256_numbers(void **state)
{
    const struct keys *keys = *state;
    struct cf_buf text;
    uint8_t good[RAW_MAX], der[RAW_MAX];
    const uint8_t zero[32] = {0}, one[32] = {[31] = 1};
    const uint8_t *numbers[] = {zero, p256_order, one, good, good + 32};
    cf_buf_init(&text, TOKEN_MAX);
    put_signed_text(&text, cf_slice_cstr(own_headers[ES256]), CF_LIT(CLAIMS));
    (void)sign(ES256, keys->own[ES256], cf_buf_peek(&text), good);
    for (size_t r = 0; r < CF_ARRAY_LEN(numbers); r++) {
        for (size_t s = 0; s < CF_ARRAY_LEN(numbers); s++) {
            uint8_t signature[64];
            memcpy(signature, numbers[r], 32);
            memcpy(signature + 32, numbers[s], 32);
            if (memcmp(signature, good, 64) != 0)
                expect_signature(keys, ES256, own_headers[ES256], signature, 64, "r, s");
        }
    }
    /* In DER, as every other protocol has it. */
    size_t len = sign_with(keys->own[ES256], "SHA256", cf_buf_peek(&text), der);
    expect_signature(keys, ES256, own_headers[ES256], der, len, "DER");
    len = raw_of_der(der, sign_with(keys->own[ES256], "SHA384", cf_buf_peek(&text), der), good);
    expect_signature(keys, ES256, own_headers[ES256], good, len, "SHA-384");
    cf_buf_deinit(&text);
}

/* Other schemes of the same RSA key. */
static void rsa_schemes(void **state)
{
    const struct keys *keys = *state;
    static const char *const digests[] = {"SHA1", "SHA384", "SHA512"};
    struct cf_buf text;
    uint8_t signature[RAW_MAX];
    cf_buf_init(&text, TOKEN_MAX);
    put_signed_text(&text, cf_slice_cstr(own_headers[RS256]), CF_LIT(CLAIMS));
    for (size_t i = 0; i < CF_ARRAY_LEN(digests); i++) {
        size_t len = sign_with(keys->own[RS256], digests[i], cf_buf_peek(&text), signature);
        expect_signature(keys, RS256, own_headers[RS256], signature, len, digests[i]);
    }
    EVP_PKEY_CTX *pss = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = sizeof(signature);
    assert_int_equal(EVP_DigestSignInit(context, &pss, EVP_sha256(), NULL, keys->own[RS256]), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pss, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_DigestSign(context, signature, &len, text.ptr, text.len), 1);
    EVP_MD_CTX_free(context);
    expect_signature(keys, RS256, own_headers[RS256], signature, len, "PSS");
    cf_buf_deinit(&text);
}

/* A token of each key for the verifier of each other. */
static void tokens_of_other_keys(void **state)
{
    const struct keys *keys = *state;
    struct cf_buf token;
    cf_buf_init(&token, TOKEN_MAX);
    for (enum kind kind = HS256; kind < KINDS; kind++) {
        for (enum kind asked = HS256; asked < KINDS; asked++) {
            if (asked == kind)
                continue;
            put_good_token(&token, keys, kind, CLAIMS);
            expect(keys->verifiers[asked], cf_buf_peek(&token), CF_E_UNAUTHENTICATED, "theirs");
            put_token(&token, kind, keys->own[kind], cf_slice_cstr(own_headers[asked]),
                      CF_LIT(CLAIMS));
            expect(keys->verifiers[asked], cf_buf_peek(&token), CF_E_UNAUTHENTICATED, "as ours");
            expect(keys->verifiers[kind], cf_buf_peek(&token), CF_E_UNAUTHENTICATED, "as theirs");
        }
    }
    cf_buf_deinit(&token);
}

/* ---- single bits ---- */

/* Every bit of right tokens: bits of the text itself, unused ones of base64 included. */
static void every_bit_counts(void **state)
{
    const struct keys *keys = *state;
    static const char *const texts[] = {CLAIMS, "{\"user_id\":\"anna\"," EXP "}",
                                        "{\"user_id\":\"anne1\"," EXP "}"};
    for (enum kind kind = HS256; kind < KINDS; kind++) {
        for (size_t i = 0; i < CF_ARRAY_LEN(texts); i++) {
            struct cf_buf token;
            cf_buf_init(&token, TOKEN_MAX);
            put_good_token(&token, keys, kind, texts[i]);
            assert_int_equal(verify(keys->verifiers[kind], cf_buf_peek(&token)), CF_OK);
            for (size_t bit = 0; bit < 8 * token.len; bit++) {
                token.ptr[bit / 8] ^= (uint8_t)(1U << bit % 8);
                enum cf_error error = verify(keys->verifiers[kind], cf_buf_peek(&token));
                token.ptr[bit / 8] ^= (uint8_t)(1U << bit % 8);
                if (error != CF_E_UNAUTHENTICATED)
                    fail_msg("%s, bit %zu: %s", algorithms[kind], bit, cf_error_name(error));
            }
            cf_buf_deinit(&token);
        }
    }
}

/* The same for the bits of many short tokens of the secret, which are checked fast. */
static void every_bit_of_100_tokens(void **state)
{
    const struct keys *keys = *state;
    for (unsigned i = 0; i < 100; i++) {
        char text[64];
        struct cf_buf token;
        cf_buf_init(&token, TOKEN_MAX);
        (void)snprintf(text, sizeof(text), "{\"sub\":%u," EXP "}", i * i * i);
        put_token(&token, HS256, NULL, CF_LIT(HEADER), cf_slice_cstr(text));
        for (size_t bit = 0; bit < 8 * token.len; bit++) {
            token.ptr[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_equal(verify(keys->verifiers[HS256], cf_buf_peek(&token)),
                             CF_E_UNAUTHENTICATED);
            token.ptr[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        cf_buf_deinit(&token);
    }
}

static void there_were_enough(void **state)
{
    (void)state;
    print_message("%u bad tokens\n", vectors);
    assert_true(vectors >= 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_signature),
        cmocka_unit_test(plain_bytes),
        cmocka_unit_test(nearly_right_signatures),
        cmocka_unit_test(public_keys_as_secrets),
        cmocka_unit_test(other_secrets),
        cmocka_unit_test(es256_numbers),
        cmocka_unit_test(rsa_schemes),
        cmocka_unit_test(tokens_of_other_keys),
        cmocka_unit_test(there_were_enough),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(every_bit_of_100_tokens),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
