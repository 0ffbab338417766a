#include "auth/jwt_claims.h"

#include <string.h>

#include "base/assert.h"
#include "json/value.h"

/* Larger than what the longest token holds; the arena has room for all of it unescaped. */
enum { TEXT_MAX = 8192, ARENA_MAX = 16384 };

/* The end of the year 9999, the last that times of the house can show. What lies beyond is not a
 * date but a mistake, such as milliseconds for seconds. */
#define SECONDS_MAX UINT64_C(253402300799)
#define US_PER_SECOND 1000000

static const struct cf_json_limits limits = {.bytes_max = TEXT_MAX,
                                             .string_bytes_max = TEXT_MAX,
                                             .keys_max = 256,
                                             .depth_max = 16,
                                             .number_bytes_max = 32};

static enum cf_error read_object(struct cf_slice text, const uint8_t hash_key[16],
                                 struct cf_arena *arena, struct cf_json_field *fields, size_t count)
{
    const char *wrong;
    enum cf_error error =
        cf_json_read_object(text, &limits, hash_key, arena, fields, count, &wrong);
    return error == CF_OK || error == CF_E_NOMEM ? error : CF_E_UNAUTHENTICATED;
}

/* ---- the header ---- */

enum cf_error cf_jwt_header_check(struct cf_slice header, const char *algorithm,
                                  const uint8_t hash_key[16])
{
    /* A field that must be of no type must not be there: we understand no critical extension
     * (RFC 7515 section 4.1.11). */
    struct cf_json_field fields[] = {
        {.name = "alg", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "crit", .types = CF_JSON_IS_NONE},
        {.name = "typ", .types = CF_JSON_IS_STRING},
    };
    struct cf_arena arena;
    cf_arena_init(&arena, ARENA_MAX);
    enum cf_error error = read_object(header, hash_key, &arena, fields, CF_ARRAY_LEN(fields));
    if (error == CF_OK && !cf_slice_eq(fields[0].text, cf_slice_cstr(algorithm)))
        error = CF_E_UNAUTHENTICATED;
    cf_arena_deinit(&arena);
    return error;
}

/* ---- times ---- */

static bool holds(struct cf_slice text, uint8_t byte)
{
    return cf_slice_find(text, byte) < text.len;
}

/* A NumericDate (RFC 7519 section 2) from 1970 on, in whole seconds: a fraction is cut. */
static bool read_date(struct cf_slice number, cf_us *out_time)
{
    uint64_t seconds;
    struct cf_slice whole = cf_slice_head(number, cf_slice_find(number, '.'));
    if (holds(number, 'e') || holds(number, 'E'))
        return false;
    if (!cf_slice_to_u64(whole, &seconds) || seconds > SECONDS_MAX)
        return false;
    *out_time = (cf_us)seconds * US_PER_SECOND;
    return true;
}

/* ---- the audience ---- */

static bool array_holds(struct cf_slice array, struct cf_slice wanted, const uint8_t hash_key[16])
{
    struct cf_json_reader reader;
    struct cf_json_event event;
    bool found = false, strings_only = true;
    cf_json_reader_init(&reader, &limits, hash_key);
    /* It has been read before, as a part of the claims: it is well-formed. */
    while (cf_json_next(&reader, &array, &event) == CF_OK && event.type != CF_JSON_NEED_MORE) {
        if (event.type == CF_JSON_STRING)
            found = found || cf_slice_eq(event.text, wanted);
        else if (event.depth > 1 ||
                 (event.type != CF_JSON_ARRAY_BEGIN && event.type != CF_JSON_ARRAY_END))
            strings_only = false;
    }
    cf_json_reader_deinit(&reader);
    return found && strings_only;
}

static bool is_for(const struct cf_json_field *aud, struct cf_slice wanted,
                   const uint8_t hash_key[16])
{
    if (aud->is == CF_JSON_IS_STRING)
        return cf_slice_eq(aud->text, wanted);
    return aud->is == CF_JSON_IS_ARRAY && array_holds(aud->text, wanted, hash_key);
}

/* ---- who it is ---- */

/* C0, DEL, and C1, which is C2 80 to C2 9F in UTF-8. */
static bool has_controls(struct cf_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c < 0x20 || c == 0x7F || (c < 0xA0 && i > 0 && text.ptr[i - 1] == 0xC2))
            return true;
    }
    return false;
}

static bool is_name(const struct cf_json_field *field, size_t bytes_max)
{
    int64_t number;
    struct cf_slice text = field->text;
    if (field->is == CF_JSON_IS_NUMBER)
        return cf_json_to_i64(text, &number) == CF_OK && !cf_slice_eq(text, CF_LIT("-0"));
    return field->is == CF_JSON_IS_STRING && text.len > 0 && text.len <= bytes_max &&
           !has_controls(text);
}

/* A claim that is null is as good as none. */
static const struct cf_json_field *first_there(const struct cf_json_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].is != CF_JSON_IS_NONE && fields[i].is != CF_JSON_IS_NULL)
            return &fields[i];
    }
    return NULL;
}

/* ---- all of them ---- */

enum { EXP, NBF, ISS, AUD, USER, NAME = USER + 3, CLAIMS = NAME + 3 };

static bool read_identity(const struct cf_json_field *claims, struct cf_identity *identity)
{
    const struct cf_json_field *user = first_there(claims + USER, NAME - USER);
    const struct cf_json_field *name = first_there(claims + NAME, CLAIMS - NAME);
    if (name == NULL)
        name = user;
    if (user == NULL || !is_name(user, CF_USER_ID_MAX) || !is_name(name, CF_USER_NAME_MAX))
        return false;
    memcpy(identity->user_id, user->text.ptr, user->text.len);
    memcpy(identity->name, name->text.ptr, name->text.len);
    identity->user_id_len = (uint16_t)user->text.len;
    identity->name_len = (uint16_t)name->text.len;
    return true;
}

/* The expiry comes last: "expired" is said of a token only that is right otherwise. */
static enum cf_error judge(const struct cf_json_field *claims, const struct cf_jwt_rules *rules,
                           cf_us now, struct cf_identity *out_identity)
{
    struct cf_identity identity = {0};
    cf_us expires, not_before;
    if (!read_date(claims[EXP].text, &expires))
        return CF_E_UNAUTHENTICATED;
    if (claims[NBF].is != CF_JSON_IS_NONE &&
        (!read_date(claims[NBF].text, &not_before) || now < not_before - rules->leeway))
        return CF_E_UNAUTHENTICATED;
    if (rules->issuer.len > 0 &&
        (claims[ISS].is != CF_JSON_IS_STRING || !cf_slice_eq(claims[ISS].text, rules->issuer)))
        return CF_E_UNAUTHENTICATED;
    if (rules->audience.len > 0 && !is_for(&claims[AUD], rules->audience, rules->hash_key))
        return CF_E_UNAUTHENTICATED;
    if (!read_identity(claims, &identity))
        return CF_E_UNAUTHENTICATED;
    identity.expires = expires + rules->leeway;
    if (now >= identity.expires)
        return CF_E_EXPIRED;
    *out_identity = identity;
    return CF_OK;
}

enum cf_error cf_jwt_claims_read(struct cf_slice claims, const struct cf_jwt_rules *rules,
                                 cf_us now, struct cf_identity *out_identity)
{
    const unsigned text = CF_JSON_IS_STRING | CF_JSON_IS_NUMBER | CF_JSON_IS_NULL;
    struct cf_json_field fields[CLAIMS] = {
        [EXP] = {.name = "exp", .types = CF_JSON_IS_NUMBER, .required = true},
        [NBF] = {.name = "nbf", .types = CF_JSON_IS_NUMBER},
        [ISS] = {.name = "iss", .types = CF_JSON_IS_STRING},
        [AUD] = {.name = "aud", .types = CF_JSON_IS_STRING | CF_JSON_IS_ARRAY},
        [USER] = {.name = "user_id", .types = text},
        {.name = "userId", .types = text},
        {.name = "sub", .types = text},
        [NAME] = {.name = "username", .types = text},
        {.name = "name", .types = text},
        {.name = "preferred_username", .types = text},
    };
    struct cf_arena arena;
    cf_arena_init(&arena, ARENA_MAX);
    enum cf_error error = read_object(claims, rules->hash_key, &arena, fields, CLAIMS);
    if (error == CF_OK)
        error = judge(fields, rules, now, out_identity);
    cf_arena_deinit(&arena);
    return error;
}
