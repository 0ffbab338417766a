#include "auth/jwt.h"

#include <string.h>

#include "auth/signature.h"
#include "base/assert.h"
#include "base/base64.h"
#include "base/utf8.h"
#include "json/value.h"

enum { TOKEN_MAX = 8192, PART_MAX = 8192, ARENA_MAX = 64 * 1024, LEEWAY_MAX_S = 30 };

struct cf_jwt_verifier {
    struct cf_signature_key *key;
    struct cf_arena arena; /* owns the texts */
    struct cf_slice issuer, audience;
    cf_us leeway;
    uint8_t hash_key[16];
};

/* One verification: the decoded parts and what was read out of them. */
struct check {
    const struct cf_jwt_verifier *verifier;
    struct cf_arena arena;
    struct cf_buf header, claims, signature;
};

/* ---- the verifier ---- */

enum cf_error cf_jwt_verifier_new(const struct cf_jwt_config *config, const uint8_t hash_key[16],
                                  struct cf_jwt_verifier **out_verifier, const char **out_why)
{
    *out_why = "out of memory";
    if (config->leeway_s > LEEWAY_MAX_S) {
        *out_why = "the leeway is at most 30 seconds";
        return CF_E_INVALID;
    }
    struct cf_signature_key *key;
    enum cf_error error =
        cf_signature_key_new(config->secret, config->public_key_pem, &key, out_why);
    if (error != CF_OK)
        return error;
    struct cf_arena arena;
    cf_arena_init(&arena, ARENA_MAX);
    struct cf_jwt_verifier *verifier = cf_arena_alloc(&arena, sizeof(*verifier));
    error = verifier == NULL ? CF_E_NOMEM : CF_OK;
    if (error == CF_OK)
        error = cf_arena_copy(&arena, config->issuer, &verifier->issuer);
    if (error == CF_OK)
        error = cf_arena_copy(&arena, config->audience, &verifier->audience);
    if (error != CF_OK) {
        cf_arena_deinit(&arena);
        cf_signature_key_free(key);
        return error;
    }
    verifier->key = key;
    verifier->leeway = (cf_us)config->leeway_s * 1000000;
    memcpy(verifier->hash_key, hash_key, sizeof(verifier->hash_key));
    verifier->arena = arena;
    *out_verifier = verifier;
    return CF_OK;
}

void cf_jwt_verifier_free(struct cf_jwt_verifier *verifier)
{
    if (verifier == NULL)
        return;
    cf_signature_key_free(verifier->key);
    struct cf_arena arena = verifier->arena; /* it holds the verifier itself */
    cf_arena_deinit(&arena);
}

const char *cf_jwt_algorithm(const struct cf_jwt_verifier *verifier)
{
    return cf_signature_algorithm(verifier->key);
}

/* ---- the parts ---- */

static enum cf_error split(struct cf_slice token, struct cf_slice out_parts[3])
{
    struct cf_slice rest = token;
    if (token.len == 0 || token.len > TOKEN_MAX)
        return CF_E_UNAUTHENTICATED;
    for (size_t i = 0; i < 3; i++) {
        if (!cf_slice_next(&rest, '.', &out_parts[i]) || out_parts[i].len == 0)
            return CF_E_UNAUTHENTICATED;
    }
    return rest.ptr == NULL ? CF_OK : CF_E_UNAUTHENTICATED;
}

/* A JSON part; everything that is wrong with it is the token's fault but for the want of memory. */
static enum cf_error read_part(struct check *check, const struct cf_buf *json,
                               struct cf_json_field *fields, size_t count)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    const char *wrong;
    enum cf_error error = cf_json_read_object(cf_buf_peek(json), &limits, check->verifier->hash_key,
                                              &check->arena, fields, count, &wrong);
    return error == CF_OK || error == CF_E_NOMEM ? error : CF_E_UNAUTHENTICATED;
}

/* RFC 7515 section 4.1: the algorithm is the key's, and nothing critical is understood here. */
static enum cf_error check_header(struct check *check)
{
    const unsigned any = CF_JSON_IS_STRING | CF_JSON_IS_NUMBER | CF_JSON_IS_BOOL | CF_JSON_IS_NULL |
                         CF_JSON_IS_OBJECT | CF_JSON_IS_ARRAY;
    struct cf_json_field fields[] = {
        {.name = "alg", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "crit", .types = any},
        {.name = "typ", .types = CF_JSON_IS_STRING},
    };
    enum cf_error error = read_part(check, &check->header, fields, CF_ARRAY_LEN(fields));
    if (error != CF_OK)
        return error;
    struct cf_slice wanted = cf_slice_cstr(cf_jwt_algorithm(check->verifier));
    if (!cf_slice_eq(fields[0].text, wanted) || fields[1].is != CF_JSON_IS_NONE)
        return CF_E_UNAUTHENTICATED;
    return CF_OK;
}

/* ---- the claims ---- */

enum claim {
    CLAIM_EXP,
    CLAIM_NBF,
    CLAIM_ISS,
    CLAIM_AUD,
    CLAIM_IDS,                   /* three */
    CLAIM_NAMES = CLAIM_IDS + 3, /* three */
    CLAIMS = CLAIM_NAMES + 3,
};

/* A NumericDate (RFC 7519 section 2) within years that a clock can show; a fraction is cut. */
static bool parse_date(struct cf_slice number, cf_us *out)
{
    uint64_t seconds;
    struct cf_slice whole = cf_slice_head(number, cf_slice_find(number, '.'));
    if (cf_slice_find(number, 'e') != number.len || cf_slice_find(number, 'E') != number.len ||
        !cf_slice_to_u64(whole, &seconds) || seconds > 253402300799)
        return false;
    *out = (cf_us)seconds * 1000000;
    return true;
}

static enum cf_error check_times(const struct check *check, const struct cf_json_field *claims,
                                 cf_us now, cf_us *out_expires)
{
    cf_us expires, begins;
    if (!parse_date(claims[CLAIM_EXP].text, &expires))
        return CF_E_UNAUTHENTICATED;
    if (claims[CLAIM_NBF].is != CF_JSON_IS_NONE &&
        (!parse_date(claims[CLAIM_NBF].text, &begins) || now + check->verifier->leeway < begins))
        return CF_E_UNAUTHENTICATED;
    *out_expires = expires + check->verifier->leeway;
    return now >= *out_expires ? CF_E_EXPIRED : CF_OK;
}

/* True when an array of strings holds the audience. */
static bool array_holds(const struct check *check, struct cf_slice array, struct cf_slice wanted)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_json_reader reader;
    struct cf_json_event event;
    bool found = false;
    cf_json_reader_init(&reader, &limits, check->verifier->hash_key);
    while (!found && cf_json_next(&reader, &array, &event) == CF_OK &&
           event.type != CF_JSON_NEED_MORE)
        found = event.type == CF_JSON_STRING && event.depth == 1 && cf_slice_eq(event.text, wanted);
    cf_json_reader_deinit(&reader);
    return found;
}

static enum cf_error check_parties(const struct check *check, const struct cf_json_field *claims)
{
    struct cf_slice issuer = check->verifier->issuer, audience = check->verifier->audience;
    if (issuer.len > 0 && !cf_slice_eq(claims[CLAIM_ISS].text, issuer))
        return CF_E_UNAUTHENTICATED;
    if (audience.len == 0)
        return CF_OK;
    const struct cf_json_field *aud = &claims[CLAIM_AUD];
    bool meant = aud->is == CF_JSON_IS_ARRAY ? array_holds(check, aud->text, audience)
                                             : cf_slice_eq(aud->text, audience);
    return meant ? CF_OK : CF_E_UNAUTHENTICATED;
}

static bool plain_text(struct cf_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return false;
    }
    return text.len > 0;
}

/* The first of three claims that is there; it must be right then. ptr == NULL: none is there. */
static enum cf_error first_claim(const struct cf_json_field *claims, size_t max,
                                 struct cf_slice *out)
{
    int64_t number;
    *out = (struct cf_slice){NULL, 0};
    for (size_t i = 0; i < 3; i++) {
        const struct cf_json_field *claim = &claims[i];
        if (claim->is == CF_JSON_IS_NONE || claim->is == CF_JSON_IS_NULL)
            continue;
        if (claim->is == CF_JSON_IS_NUMBER && cf_json_to_i64(claim->text, &number) != CF_OK)
            return CF_E_UNAUTHENTICATED;
        if (claim->text.len > max || !plain_text(claim->text))
            return CF_E_UNAUTHENTICATED;
        *out = claim->text;
        return CF_OK;
    }
    return CF_OK;
}

static enum cf_error read_identity(const struct cf_json_field *claims,
                                   struct cf_identity *out_identity)
{
    struct cf_slice id, name;
    enum cf_error error = first_claim(claims + CLAIM_IDS, CF_USER_ID_MAX, &id);
    if (error == CF_OK)
        error = first_claim(claims + CLAIM_NAMES, CF_USER_NAME_MAX, &name);
    if (error != CF_OK || id.ptr == NULL)
        return CF_E_UNAUTHENTICATED;
    if (name.ptr == NULL)
        name = id;
    memset(out_identity, 0, sizeof(*out_identity));
    memcpy(out_identity->user_id, id.ptr, id.len);
    memcpy(out_identity->name, name.ptr, name.len);
    out_identity->user_id_len = (uint16_t)id.len;
    out_identity->name_len = (uint16_t)name.len;
    return CF_OK;
}

static enum cf_error check_claims(struct check *check, cf_us now, struct cf_identity *out_identity)
{
    const unsigned text = CF_JSON_IS_STRING | CF_JSON_IS_NUMBER | CF_JSON_IS_NULL;
    struct cf_json_field claims[CLAIMS] = {
        [CLAIM_EXP] = {.name = "exp", .types = CF_JSON_IS_NUMBER, .required = true},
        [CLAIM_NBF] = {.name = "nbf", .types = CF_JSON_IS_NUMBER},
        [CLAIM_ISS] = {.name = "iss", .types = CF_JSON_IS_STRING},
        [CLAIM_AUD] = {.name = "aud", .types = CF_JSON_IS_STRING | CF_JSON_IS_ARRAY},
        [CLAIM_IDS] = {.name = "user_id", .types = text},
        [CLAIM_IDS + 1] = {.name = "userId", .types = text},
        [CLAIM_IDS + 2] = {.name = "sub", .types = text},
        [CLAIM_NAMES] = {.name = "username", .types = text},
        [CLAIM_NAMES + 1] = {.name = "name", .types = text},
        [CLAIM_NAMES + 2] = {.name = "preferred_username", .types = text},
    };
    cf_us expires;
    struct cf_identity identity;
    enum cf_error error = read_part(check, &check->claims, claims, CLAIMS);
    if (error == CF_OK)
        error = check_parties(check, claims);
    if (error == CF_OK)
        error = read_identity(claims, &identity);
    if (error == CF_OK)
        error = check_times(check, claims, now, &expires);
    if (error != CF_OK)
        return error;
    identity.expires = expires;
    *out_identity = identity;
    return CF_OK;
}

/* ---- verifying ---- */

static enum cf_error decode_parts(struct check *check, const struct cf_slice parts[3])
{
    enum cf_error error = cf_base64_decode(CF_BASE64_URL, parts[0], &check->header);
    if (error == CF_OK)
        error = cf_base64_decode(CF_BASE64_URL, parts[1], &check->claims);
    if (error == CF_OK)
        error = cf_base64_decode(CF_BASE64_URL, parts[2], &check->signature);
    return error == CF_OK || error == CF_E_NOMEM ? error : CF_E_UNAUTHENTICATED;
}

/* The signature first: nothing of the claims is believed, or even read, before it is right. */
static enum cf_error verify(struct check *check, struct cf_slice token, cf_us now,
                            struct cf_identity *out_identity)
{
    struct cf_slice parts[3];
    enum cf_error error = split(token, parts);
    if (error == CF_OK)
        error = decode_parts(check, parts);
    if (error == CF_OK)
        error = check_header(check);
    if (error != CF_OK)
        return error;
    struct cf_slice signed_text =
        cf_slice_of(token.ptr, (size_t)(parts[1].ptr + parts[1].len - token.ptr));
    error = cf_signature_verify(check->verifier->key, signed_text, cf_buf_peek(&check->signature));
    return error == CF_OK ? check_claims(check, now, out_identity) : error;
}

enum cf_error cf_jwt_verify(const struct cf_jwt_verifier *verifier, struct cf_slice token,
                            cf_us now, struct cf_identity *out_identity)
{
    struct check check = {.verifier = verifier};
    cf_arena_init(&check.arena, ARENA_MAX);
    cf_buf_init(&check.header, PART_MAX);
    cf_buf_init(&check.claims, PART_MAX);
    cf_buf_init(&check.signature, PART_MAX);
    enum cf_error error = verify(&check, token, now, out_identity);
    cf_buf_deinit(&check.header);
    cf_buf_deinit(&check.claims);
    cf_buf_deinit(&check.signature);
    cf_arena_deinit(&check.arena);
    return error;
}

enum cf_error cf_jwt_sign(struct cf_slice secret, struct cf_slice claims, struct cf_buf *out_token)
{
    uint8_t signature[32];
    size_t before = out_token->len;
    enum cf_error error =
        cf_base64_encode(CF_BASE64_URL, CF_LIT("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), out_token);
    if (error == CF_OK)
        error = cf_buf_append_byte(out_token, '.');
    if (error == CF_OK)
        error = cf_base64_encode(CF_BASE64_URL, claims, out_token);
    if (error == CF_OK)
        error =
            cf_signature_hs256(secret, cf_slice_skip(cf_buf_peek(out_token), before), signature);
    if (error == CF_OK)
        error = cf_buf_append_byte(out_token, '.');
    if (error == CF_OK)
        error =
            cf_base64_encode(CF_BASE64_URL, cf_slice_of(signature, sizeof(signature)), out_token);
    if (error != CF_OK)
        out_token->len = before;
    return error;
}
