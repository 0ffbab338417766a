/* Typed decoding of a whole object: a table of the fields that are wanted, everything else skipped
 * (but checked). What HTTP bodies, stream messages and JWT parts are read with.
 *
 *     struct cf_json_field fields[] = {
 *         {.name = "shop_id", .types = CF_JSON_IS_STRING, .required = true},
 *         {.name = "message", .types = CF_JSON_IS_STRING, .required = true},
 *     };
 *     error = cf_json_read_object(body, &limits, hash_key, arena, fields, 2, &wrong);
 */
#ifndef CF_JSON_VALUE_H
#define CF_JSON_VALUE_H

#include "base/arena.h"
#include "json/reader.h"

enum cf_json_is {
    CF_JSON_IS_NONE = 0, /* the field was not there */
    CF_JSON_IS_STRING = 1,
    CF_JSON_IS_NUMBER = 2,
    CF_JSON_IS_BOOL = 4,
    CF_JSON_IS_NULL = 8,
    CF_JSON_IS_OBJECT = 16,
    CF_JSON_IS_ARRAY = 32,
};

/* The type of the value that ends with this event; NONE for an event that ends none. */
enum cf_json_is cf_json_is_of(enum cf_json_type type);

struct cf_json_field {
    const char *name;
    unsigned types; /* accepted, or-ed */
    bool required;
    /* out */
    enum cf_json_is is;
    struct cf_slice text; /* STRING: unescaped, in the arena; NUMBER: as written, and OBJECT, ARRAY:
                             its JSON text, borrowed from the document; BOOL: "true" or "false" */
};

/* Reads `document`, which must be one object, to its end. The errors of cf_json_next and
 * CF_E_TRUNCATED, with *out_wrong = NULL; only for a document without those CF_E_INVALID, with
 * *out_wrong = the name of the first of `fields` that is missing or of another type, or NULL when
 * the document is no object. CF_E_NOMEM also when the arena is full. */
enum cf_error cf_json_read_object(struct cf_slice document, const struct cf_json_limits *limits,
                                  const uint8_t hash_key[16], struct cf_arena *arena,
                                  struct cf_json_field *fields, size_t count,
                                  const char **out_wrong);
/* A JSON number that is an integer in the range of int64_t, written without fraction and exponent.
 * CF_E_INVALID otherwise. "-0" is 0. */
enum cf_error cf_json_to_i64(struct cf_slice number, int64_t *out_value);

#endif
