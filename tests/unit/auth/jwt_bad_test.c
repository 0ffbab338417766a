/* V18: headers, claims and forms that are wrong, each refused with the error that it deserves. The
 * signatures are right, so that it is the rest that is refused. */
#include "unit/auth/bad.h"

/* Headers and claims may hold a NUL: they go by the length of their literal. */
struct json {
    const char *text;
    size_t len;
};

#define JSON(literal)                \
    {                                \
        literal, sizeof(literal) - 1 \
    }

/* ---- headers ---- */

static const struct json headers[] = {
    /* the algorithm is the key's, in its one spelling */
    JSON("{\"alg\":\"none\"}"),
    JSON("{\"alg\":\"None\"}"),
    JSON("{\"alg\":\"NONE\"}"),
    JSON("{\"alg\":\"nOnE\"}"),
    JSON("{\"alg\":\"\"}"),
    JSON("{\"alg\":\"hs256\"}"),
    JSON("{\"alg\":\"Hs256\"}"),
    JSON("{\"alg\":\" HS256\"}"),
    JSON("{\"alg\":\"HS256 \"}"),
    JSON("{\"alg\":\"HS256\\u0000\"}"),
    JSON("{\"alg\":\"HS25\"}"),
    JSON("{\"alg\":\"HS2567\"}"),
    JSON("{\"alg\":\"HS384\"}"),
    JSON("{\"alg\":\"HS512\"}"),
    JSON("{\"alg\":\"RS256\"}"),
    JSON("{\"alg\":\"PS256\"}"),
    JSON("{\"alg\":\"ES256\"}"),
    JSON("{\"alg\":\"EdDSA\"}"),
    JSON("{\"alg\":\"dir\",\"enc\":\"A256GCM\"}"),
    JSON("{\"alg\":null}"),
    JSON("{\"alg\":256}"),
    JSON("{\"alg\":true}"),
    JSON("{\"alg\":[\"HS256\"]}"),
    JSON("{\"alg\":{\"HS256\":1}}"),
    JSON("{\"typ\":\"JWT\"}"),
    JSON("{\"Alg\":\"HS256\"}"),
    JSON("{\"alg \":\"HS256\"}"),
    JSON("{\"a\":{\"alg\":\"HS256\"}}"),
    /* said twice */
    JSON("{\"alg\":\"HS256\",\"alg\":\"HS256\"}"),
    JSON("{\"alg\":\"HS256\",\"alg\":\"none\"}"),
    JSON("{\"alg\":\"none\",\"alg\":\"HS256\"}"),
    JSON("{\"alg\":\"HS256\",\"\\u0061lg\":\"none\"}"),
    JSON("{\"alg\":\"HS256\",\"kid\":\"1\",\"kid\":\"2\"}"),
    JSON("{\"alg\":\"HS256\",\"x\":{\"y\":1,\"y\":2}}"),
    /* critical extensions (RFC 7515 section 4.1.11) */
    JSON("{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}"),
    JSON("{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}"),
    JSON("{\"alg\":\"HS256\",\"crit\":[]}"),
    JSON("{\"alg\":\"HS256\",\"crit\":null}"),
    JSON("{\"alg\":\"HS256\",\"crit\":\"exp\"}"),
    JSON("{\"alg\":\"HS256\",\"crit\":false}"),
    JSON("{\"alg\":\"HS256\",\"\\u0063rit\":[\"exp\"]}"),
    JSON("{\"alg\":\"HS256\",\"typ\":5}"),
    JSON("{\"alg\":\"HS256\",\"typ\":null}"),
    /* no JSON object */
    JSON("HS256"),
    JSON("\"HS256\""),
    JSON("[\"alg\",\"HS256\"]"),
    JSON("[" HEADER "]"),
    JSON("null"),
    JSON("5"),
    JSON(" "),
    JSON("{}"),
    JSON("{\"alg\":\"HS256\""),
    JSON("{\"alg\":\"HS256\"}}"),
    JSON(HEADER "x"),
    JSON(HEADER HEADER),
    JSON(HEADER "\0"),
    JSON("\xef\xbb\xbf" HEADER),
    JSON("{\"alg\":\"HS256\",}"),
    JSON("{'alg':'HS256'}"),
    JSON("{alg:\"HS256\"}"),
    JSON("{\"alg\":\"HS256\"/*x*/}"),
    JSON("{\"alg\":\"HS256\",\"x\":\"\n\"}"),
    JSON("{\"alg\":\"HS256\",\"x\":\"\xff\"}"),
    JSON("{\"alg\":\"HS256\",\"x\":\"\\ud800\"}"),
    JSON("{\"alg\":\"HS256\",\"x\":01}"),
    JSON("{\"alg\":\"HS256\",\"x\":123456789012345678901234567890123}"),
    JSON("{\"alg\":\"HS256\",\"x\":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}"),
};

static void bad_headers(void **state)
{
    const struct keys *keys = *state;
    struct cf_buf token;
    cf_buf_init(&token, 65536);
    for (size_t i = 0; i < CF_ARRAY_LEN(headers); i++) {
        put_token(&token, HS256, NULL, cf_slice_of(headers[i].text, headers[i].len),
                  CF_LIT(CLAIMS));
        expect(keys->verifiers[HS256], cf_buf_peek(&token), CF_E_UNAUTHENTICATED, headers[i].text);
    }
    cf_buf_deinit(&token);
}

/* ---- claims ---- */

static const struct json claims[] = {
    /* when it expires */
    JSON("{\"user_id\":\"ann\"}"),
    JSON("{\"user_id\":\"ann\",\"exp\":null}"),
    JSON("{\"user_id\":\"ann\",\"exp\":true}"),
    JSON("{\"user_id\":\"ann\",\"exp\":\"1800003600\"}"),
    JSON("{\"user_id\":\"ann\",\"exp\":[1800003600]}"),
    JSON("{\"user_id\":\"ann\",\"exp\":{}}"),
    JSON("{\"user_id\":\"ann\",\"Exp\":1800003600}"),
    JSON("{\"user_id\":\"ann\",\"exp\":-1}"),
    JSON("{\"user_id\":\"ann\",\"exp\":-0}"),
    JSON("{\"user_id\":\"ann\",\"exp\":1.8e9}"),
    JSON("{\"user_id\":\"ann\",\"exp\":18E9}"),
    JSON("{\"user_id\":\"ann\",\"exp\":1800003600e0}"),
    JSON("{\"user_id\":\"ann\",\"exp\":1800003600.5e1}"),
    JSON("{\"user_id\":\"ann\",\"exp\":1e400}"),
    JSON("{\"user_id\":\"ann\",\"exp\":253402300800}"),
    JSON("{\"user_id\":\"ann\",\"exp\":1800003600000}"), /* milliseconds */
    JSON("{\"user_id\":\"ann\",\"exp\":9223372036854775807}"),
    JSON("{\"user_id\":\"ann\",\"exp\":9223372036854775808}"),
    JSON("{\"user_id\":\"ann\",\"exp\":18446744073709551616}"),
    JSON("{\"user_id\":\"ann\",\"exp\":18446744075509555216}"), /* 2^64 more */
    JSON("{\"user_id\":\"ann\",\"exp\":99999999999999999999999999999999}"),
    JSON("{\"user_id\":\"ann\",\"exp\":999999999999999999999999999999999}"),
    JSON("{\"user_id\":\"ann\",\"exp\":01800003600}"),
    JSON("{\"user_id\":\"ann\",\"exp\":+1800003600}"),
    JSON("{\"user_id\":\"ann\",\"exp\":1800003600.}"),
    JSON("{\"user_id\":\"ann\",\"exp\":.5}"),
    JSON("{\"user_id\":\"ann\",\"exp\":0x6B49E090}"),
    JSON("{\"user_id\":\"ann\",\"exp\":Infinity}"),
    JSON("{\"user_id\":\"ann\",\"exp\":NaN}"),
    /* when it begins */
    JSON("{\"user_id\":\"ann\"," EXP ",\"nbf\":1800000001}"),
    JSON("{\"user_id\":\"ann\"," EXP ",\"nbf\":253402300800}"),
    JSON("{\"user_id\":\"ann\"," EXP ",\"nbf\":-1}"),
    JSON("{\"user_id\":\"ann\"," EXP ",\"nbf\":1e1}"),
    JSON("{\"user_id\":\"ann\"," EXP ",\"nbf\":null}"),
    JSON("{\"user_id\":\"ann\"," EXP ",\"nbf\":\"0\"}"),
    /* said twice */
    JSON("{\"user_id\":\"ann\",\"exp\":1,\"exp\":1800003600}"),
    JSON("{\"user_id\":\"ann\",\"exp\":1800003600,\"exp\":1}"),
    JSON("{\"user_id\":\"ann\",\"exp\":1,\"e\\u0078p\":1800003600}"),
    JSON("{\"user_id\":\"ann\",\"user_id\":\"bob\"," EXP "}"),
    JSON("{\"user_id\":\"ann\"," EXP ",\"x\":1,\"x\":2}"),
    /* who it is */
    JSON("{" EXP "}"),
    JSON("{\"name\":\"Ann\"," EXP "}"),
    JSON("{\"User_id\":\"ann\"," EXP "}"),
    JSON("{\"user\":{\"user_id\":\"ann\"}," EXP "}"),
    JSON("{\"user_id\":null," EXP "}"),
    JSON("{\"user_id\":\"\"," EXP "}"),
    JSON("{\"user_id\":\"\",\"sub\":\"ann\"," EXP "}"),
    JSON("{\"user_id\":true," EXP "}"),
    JSON("{\"user_id\":[\"ann\"]," EXP "}"),
    JSON("{\"user_id\":{}," EXP "}"),
    JSON("{\"user_id\":\"ann\",\"sub\":false," EXP "}"),
    JSON("{\"user_id\":1.5," EXP "}"),
    JSON("{\"user_id\":1.0," EXP "}"),
    JSON("{\"user_id\":1e3," EXP "}"),
    JSON("{\"user_id\":-0," EXP "}"),
    JSON("{\"user_id\":9223372036854775808," EXP "}"),
    JSON("{\"user_id\":\"a\\u0000\"," EXP "}"),
    JSON("{\"user_id\":\"a\\nb\"," EXP "}"),
    JSON("{\"user_id\":\"\\u001f\"," EXP "}"),
    JSON("{\"user_id\":\"a\\u007f\"," EXP "}"),
    JSON("{\"user_id\":\"\\u0080\"," EXP "}"),
    JSON("{\"user_id\":\"a\xc2\x9f\"," EXP "}"),
    JSON("{\"user_id\":\"a\nb\"," EXP "}"),
    JSON("{\"user_id\":\"\\ud800\"," EXP "}"),
    JSON("{\"user_id\":\"\\udc00\\ud800\"," EXP "}"),
    JSON("{\"user_id\":\"\xff\"," EXP "}"),
    JSON("{\"user_id\":\"\xc0\x80\"," EXP "}"),
    JSON("{\"user_id\":\"\xed\xa0\x80\"," EXP "}"),
    JSON("{\"user_id\":\"ann\",\"username\":\"\"," EXP "}"),
    JSON("{\"user_id\":\"ann\",\"username\":\"a\\u0007\"," EXP "}"),
    JSON("{\"user_id\":\"ann\",\"name\":true," EXP "}"),
    JSON("{\"user_id\":\"ann\",\"name\":0.5," EXP "}"),
    JSON("{\"user_id\":\"ann\",\"preferred_username\":[]," EXP "}"),
    JSON("{\"user_id\":\"ann\",\"iss\":5," EXP "}"),
    JSON("{\"user_id\":\"ann\",\"aud\":5," EXP "}"),
    /* no JSON object */
    JSON(" "),
    JSON("{}"),
    JSON("null"),
    JSON("\"ann\""),
    JSON("[" CLAIMS "]"),
    JSON("{\"user_id\":\"ann\"," EXP),
    JSON(CLAIMS "}"),
    JSON(CLAIMS CLAIMS),
    JSON(CLAIMS "\0"),
    JSON("\xef\xbb\xbf" CLAIMS),
    JSON("{\"user_id\":\"ann\"," EXP ",}"),
    JSON("{\"user_id\":\"ann\"," EXP ",\"x\":[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]}"),
};

static void bad_claims(void **state)
{
    const struct keys *keys = *state;
    struct cf_buf token;
    cf_buf_init(&token, 65536);
    for (size_t i = 0; i < CF_ARRAY_LEN(claims); i++) {
        put_token(&token, HS256, NULL, CF_LIT(HEADER), cf_slice_of(claims[i].text, claims[i].len));
        expect(keys->verifiers[HS256], cf_buf_peek(&token), CF_E_UNAUTHENTICATED, claims[i].text);
    }
    cf_buf_deinit(&token);
}

/* V25, within 8 KiB: as deep, and as many keys, as it goes. */
static void claims_without_end(void **state)
{
    const struct keys *keys = *state;
    struct cf_buf token, text;
    cf_buf_init(&token, 65536);
    cf_buf_init(&text, 65536);
    for (unsigned i = 0; i < 6000; i++)
        cf_buf_append_byte(&text, '[');
    put_token(&token, HS256, NULL, CF_LIT(HEADER), cf_buf_peek(&text));
    assert_true(token.len <= TOKEN_MAX);
    expect(keys->verifiers[HS256], cf_buf_peek(&token), CF_E_UNAUTHENTICATED, "deep");
    for (unsigned count = 256; count <= 257; count++) {
        cf_buf_reset(&text);
        cf_buf_append(&text, CF_LIT("{\"user_id\":\"ann\"," EXP));
        for (unsigned i = 2; i < count; i++) {
            cf_buf_append(&text, CF_LIT(",\"k"));
            cf_buf_append_u64(&text, i);
            cf_buf_append(&text, CF_LIT("\":0"));
        }
        cf_buf_append_byte(&text, '}');
        put_token(&token, HS256, NULL, CF_LIT(HEADER), cf_buf_peek(&text));
        expect(keys->verifiers[HS256], cf_buf_peek(&token),
               count == 256 ? CF_OK : CF_E_UNAUTHENTICATED, "keys");
    }
    cf_buf_deinit(&token);
    cf_buf_deinit(&text);
}

/* "Expired" is said only of what is right otherwise. */
static void expired(void **state)
{
    const struct keys *keys = *state;
    static const struct {
        const char *claims;
        enum cf_error error;
    } cases[] = {
        {"{\"user_id\":\"ann\",\"exp\":1799999999}", CF_E_EXPIRED},
        {"{\"user_id\":\"ann\",\"exp\":1800000000}", CF_E_EXPIRED},
        {"{\"user_id\":\"ann\",\"exp\":1800000000.9}", CF_E_EXPIRED},
        {"{\"user_id\":\"ann\",\"exp\":0}", CF_E_EXPIRED},
        {"{\"exp\":1799999999}", CF_E_UNAUTHENTICATED},
        {"{\"user_id\":\"\",\"exp\":1799999999}", CF_E_UNAUTHENTICATED},
        {"{\"user_id\":\"ann\",\"exp\":1799999999,\"nbf\":1800000009}", CF_E_UNAUTHENTICATED},
        {"{\"user_id\":\"ann\",\"exp\":1799999999,\"x\":}", CF_E_UNAUTHENTICATED},
    };
    struct cf_buf token;
    cf_buf_init(&token, TOKEN_MAX);
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        put_good_token(&token, keys, HS256, cases[i].claims);
        expect(keys->verifiers[HS256], cf_buf_peek(&token), cases[i].error, cases[i].claims);
        token.ptr[token.len - 9] ^= 1;
        expect(keys->verifiers[HS256], cf_buf_peek(&token), CF_E_UNAUTHENTICATED, "its signature");
    }
    put_good_token(&token, keys, HS256, "{\"user_id\":\"ann\",\"exp\":1799999999,\"iss\":\"x\"}");
    expect(keys->strict, cf_buf_peek(&token), CF_E_UNAUTHENTICATED, "expired, and of another");
    cf_buf_deinit(&token);
}

#define ISS "\"iss\":\"https://issuer.example\""

static const char *const strangers[] = {
    "\"aud\":\"chat\"",
    ISS,
    "\"iss\":\"\",\"aud\":\"chat\"",
    "\"iss\":\"https://issuer.exampl\",\"aud\":\"chat\"",
    "\"iss\":\"https://issuer.example/\",\"aud\":\"chat\"",
    "\"iss\":\"https://Issuer.example\",\"aud\":\"chat\"",
    "\"iss\":\"https://issuer.example\\u0000\",\"aud\":\"chat\"",
    "\"iss\":[\"https://issuer.example\"],\"aud\":\"chat\"",
    "\"iss\":null,\"aud\":\"chat\"",
    ISS ",\"aud\":\"\"",
    ISS ",\"aud\":\"Chat\"",
    ISS ",\"aud\":\"chat2\"",
    ISS ",\"aud\":\"cha\"",
    ISS ",\"aud\":\"chat \"",
    ISS ",\"aud\":null",
    ISS ",\"aud\":true",
    ISS ",\"aud\":{\"chat\":\"chat\"}",
    ISS ",\"aud\":[]",
    ISS ",\"aud\":[\"shop\"]",
    ISS ",\"aud\":[[\"chat\"]]",
    ISS ",\"aud\":[{\"chat\":\"chat\"}]",
    ISS ",\"aud\":[{\"x\":\"chat\"},\"shop\"]",
    ISS ",\"aud\":[\"chat\",5]",
    ISS ",\"aud\":[null,\"chat\"]",
    ISS ",\"aud\":[\"chat\",[]]",
};

static void of_others_or_for_others(void **state)
{
    const struct keys *keys = *state;
    struct cf_buf token;
    char text[256];
    cf_buf_init(&token, TOKEN_MAX);
    for (size_t i = 0; i < CF_ARRAY_LEN(strangers); i++) {
        (void)snprintf(text, sizeof(text), "{\"user_id\":\"ann\",%s," EXP "}", strangers[i]);
        put_good_token(&token, keys, HS256, text);
        expect(keys->strict, cf_buf_peek(&token), CF_E_UNAUTHENTICATED, text);
    }
    cf_buf_deinit(&token);
}

/* ---- the form ---- */

/* The parts of a token whose signature has a '-' and whose every part ends in unused bits. */
struct good {
    struct cf_buf token;
    struct cf_slice header, claims, signature;
};

static void make_good(struct good *good, const struct keys *keys)
{
    cf_buf_init(&good->token, TOKEN_MAX);
    for (unsigned i = 0; i < 1000; i++) {
        char text[128];
        /* 16 and 40 bytes or so: the lengths leave 1 byte, and 2, in the last group. */
        (void)snprintf(text, sizeof(text), "{\"user_id\":\"%03u\"," EXP ",\"xxxx\":0}", i);
        put_token(&good->token, HS256, NULL, CF_LIT("{ \"alg\":\"HS256\"}"), cf_slice_cstr(text));
        struct cf_slice rest = cf_buf_peek(&good->token);
        (void)cf_slice_next(&rest, '.', &good->header);
        (void)cf_slice_next(&rest, '.', &good->claims);
        good->signature = rest;
        if (cf_slice_find(rest, '-') < rest.len && cf_slice_find(rest, '_') < rest.len)
            break;
    }
    assert_true(good->header.len % 4 != 0);
    assert_true(good->claims.len % 4 != 0);
    assert_true(good->signature.len % 4 != 0);
    assert_int_equal(verify(keys->verifiers[HS256], cf_buf_peek(&good->token)), CF_OK);
}

/* A token by a template: H, C and S stand for the good parts, all else for itself. */
static void put_form(struct cf_buf *out, const struct good *good, const char *form)
{
    cf_buf_reset(out);
    for (; *form != '\0'; form++) {
        struct cf_slice piece = cf_slice_of(form, 1);
        if (*form == 'H')
            piece = good->header;
        else if (*form == 'C')
            piece = good->claims;
        else if (*form == 'S')
            piece = good->signature;
        assert_int_equal(cf_buf_append(out, piece), CF_OK);
    }
}

static const char *const forms[] = {
    "",          ".",         "..",      "...",          "H",
    "H.",        "H.C",       "H.C.",    "H.C..",        ".C.S",
    "H..S",      "H.C.S.",    ".H.C.S",  "H..C.S",       "H.C.S.S",
    "H.C.S.S.S", "H.C.C",     "C.C.S",   "H.H.S",        "C.H.S",
    "HC.S",      "H.CS",      "HCS",     "H,C,S",        "H:C:S",
    "H%2EC%2ES", " H.C.S",    "H.C.S ",  "H .C.S",       "H. C.S",
    "H.C. S",    "\tH.C.S",   "H.C.S\n", "H.C.S\r\n",    "H\n.C.S",
    "H=.C.S",    "H==.C.S",   "H.C=.S",  "H.C==.S",      "H.C.S=",
    "H.C.S==",   "\"H.C.S\"", "H.C.SA",  "H.C.AS",       "H.C.SAAA",
    "H.C.SS",    "HA.C.S",    "H.CA.S",  "bearer H.C.S", "H.C.S,",
    "H.C.S;x",   "H.C.S#",    "H.C.S?",  "H.C.S\x7f",    "H.C.S\xc3\xa9",
};

static void bad_forms(void **state)
{
    const struct keys *keys = *state;
    struct good good;
    struct cf_buf token;
    make_good(&good, keys);
    cf_buf_init(&token, TOKEN_MAX);
    put_form(&token, &good, "H.C.S");
    assert_int_equal(verify(keys->verifiers[HS256], cf_buf_peek(&token)), CF_OK);
    for (size_t i = 0; i < CF_ARRAY_LEN(forms); i++) {
        put_form(&token, &good, forms[i]);
        expect(keys->verifiers[HS256], cf_buf_peek(&token), CF_E_UNAUTHENTICATED, forms[i]);
    }
    put_form(&token, &good, "H.C.S");
    assert_int_equal(cf_buf_append_byte(&token, 0), CF_OK);
    expect(keys->verifiers[HS256], cf_buf_peek(&token), CF_E_UNAUTHENTICATED, "a NUL");
    expect(keys->verifiers[HS256], (struct cf_slice){NULL, 0}, CF_E_UNAUTHENTICATED, "NULL");
    for (size_t len = 0; len < good.token.len; len++) {
        struct cf_slice cut = cf_slice_head(cf_buf_peek(&good.token), len);
        assert_int_equal(verify(keys->verifiers[HS256], cut), CF_E_UNAUTHENTICATED);
    }
    cf_buf_deinit(&token);
    cf_buf_deinit(&good.token);
}

/* The other alphabet, and the spellings that differ in bits which no byte has. */
static void other_spellings(void **state)
{
    const struct keys *keys = *state;
    struct good good;
    make_good(&good, keys);
    struct cf_slice whole = cf_buf_peek(&good.token);
    uint8_t *at = good.token.ptr + (good.signature.ptr - whole.ptr);
    uint8_t *minus = at + cf_slice_find(good.signature, '-');
    uint8_t *underscore = at + cf_slice_find(good.signature, '_');
    *minus = '+';
    expect(keys->verifiers[HS256], whole, CF_E_UNAUTHENTICATED, "+");
    *minus = '-';
    *underscore = '/';
    expect(keys->verifiers[HS256], whole, CF_E_UNAUTHENTICATED, "/");
    *underscore = '_';
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const struct cf_slice parts[] = {good.header, good.claims, good.signature};
    for (size_t i = 0; i < CF_ARRAY_LEN(parts); i++) {
        uint8_t *last = good.token.ptr + (parts[i].ptr - whole.ptr) + parts[i].len - 1;
        uint8_t had = *last;
        for (size_t c = 0; c < 64; c++) {
            *last = (uint8_t)alphabet[c];
            if (*last != had)
                assert_int_equal(verify(keys->verifiers[HS256], whole), CF_E_UNAUTHENTICATED);
        }
        *last = had;
    }
    assert_int_equal(verify(keys->verifiers[HS256], whole), CF_OK);
    cf_buf_deinit(&good.token);
}

/* Right parts of different tokens. */
static void mixed_parts(void **state)
{
    const struct keys *keys = *state;
    struct cf_buf one, two, mixed;
    cf_buf_init(&one, TOKEN_MAX);
    cf_buf_init(&two, TOKEN_MAX);
    cf_buf_init(&mixed, TOKEN_MAX);
    put_token(&one, HS256, NULL, CF_LIT(HEADER), CF_LIT(CLAIMS));
    put_token(&two, HS256, NULL, CF_LIT("{\"alg\":\"HS256\" }"),
              CF_LIT("{\"user_id\":\"bob\"," EXP "}"));
    for (unsigned mix = 1; mix < 7; mix++) {
        struct cf_slice rest_one = cf_buf_peek(&one), rest_two = cf_buf_peek(&two), a, b;
        cf_buf_reset(&mixed);
        for (unsigned part = 0; part < 3; part++) {
            (void)cf_slice_next(&rest_one, '.', &a);
            (void)cf_slice_next(&rest_two, '.', &b);
            if (part > 0)
                cf_buf_append_byte(&mixed, '.');
            cf_buf_append(&mixed, (mix >> part & 1) == 1 ? b : a);
        }
        expect(keys->verifiers[HS256], cf_buf_peek(&mixed), CF_E_UNAUTHENTICATED, "mixed");
    }
    cf_buf_deinit(&one);
    cf_buf_deinit(&two);
    cf_buf_deinit(&mixed);
}

static void there_were_enough(void **state)
{
    (void)state;
    print_message("%u bad tokens\n", vectors);
    assert_true(vectors >= 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_headers),
        cmocka_unit_test(bad_claims),
        cmocka_unit_test(claims_without_end),
        cmocka_unit_test(expired),
        cmocka_unit_test(of_others_or_for_others),
        cmocka_unit_test(bad_forms),
        cmocka_unit_test(other_spellings),
        cmocka_unit_test(mixed_parts),
        cmocka_unit_test(there_were_enough),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
