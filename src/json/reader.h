/* A strict JSON reader (RFC 8259) that pulls: one event a call, any split of the input gives the
 * same events. Refused besides what the grammar refuses: duplicate keys in an object, lone
 * surrogates (\ud800; unless the limits allow them), invalid UTF-8, a byte order mark, anything
 * behind the value, anything over the limits. Numbers are checked for form and handed over as text;
 * no locale, no floating point.
 *
 *     cf_json_reader_init(&reader, &limits, hash_key);
 *     for (;;) {
 *         error = cf_json_next(&reader, &input, &event);
 *         if (event.type == CF_JSON_NEED_MORE) ... feed the next piece, or cf_json_finish ...
 *     }
 *     cf_json_reader_deinit(&reader);
 */
#ifndef CF_JSON_READER_H
#define CF_JSON_READER_H

#include "base/buf.h"
#include "base/utf8.h"
#include "json/keys.h"
#include "json/limits.h"

enum cf_json_type {
    CF_JSON_NEED_MORE, /* the input is used up */
    CF_JSON_OBJECT_BEGIN,
    CF_JSON_OBJECT_END,
    CF_JSON_ARRAY_BEGIN,
    CF_JSON_ARRAY_END,
    CF_JSON_KEY,
    CF_JSON_STRING,
    CF_JSON_NUMBER,
    CF_JSON_TRUE,
    CF_JSON_FALSE,
    CF_JSON_NULL,
};

struct cf_json_event {
    enum cf_json_type type;
    /* KEY, STRING: the unescaped text; NUMBER: as written. Borrows the input or the reader, valid
     * until the next call. */
    struct cf_slice text;
    unsigned depth; /* open containers, a BEGIN's own included, an END's no longer */
};

/* The members are the reader's own. */
struct cf_json_reader {
    struct cf_json_limits limits;
    struct cf_json_keys keys;
    struct cf_buf text;   /* a string or number that the input does not hold as it is handed over */
    size_t bytes;         /* read so far */
    size_t key_count;     /* seen so far, in all objects */
    uint64_t object_bits; /* bit d - 1: the container at depth d is an object */
    unsigned depth;
    enum cf_error error; /* what the reader is spent by */
    uint8_t state;
    uint8_t number; /* where in the grammar of numbers */
    uint8_t escape; /* where in an escape */
    uint8_t hex_left;
    uint16_t unit;          /* the hexadecimal digits so far */
    uint16_t high;          /* a high surrogate that waits for its low one, or 0 */
    const char *word_left;  /* of true, false or null */
    enum cf_json_type word; /* the event it will be */
    struct cf_utf8 utf8;
    bool is_key; /* the string being read */
};

/* Sets up; allocates nothing. `limits` is copied; depth_max and keys_max over their caps are cut.
 * `hash_key`: 16 random bytes of this process, for the table of keys seen (hazard V25). */
void cf_json_reader_init(struct cf_json_reader *reader, const struct cf_json_limits *limits,
                         const uint8_t hash_key[16]);
void cf_json_reader_deinit(struct cf_json_reader *reader);
/* The next event; moves *input right behind what was used. CF_E_SYNTAX (a lone surrogate too),
 * CF_E_UTF8, CF_E_DUPLICATE, CF_E_TOO_DEEP, CF_E_TOO_LARGE, CF_E_TOO_MANY (keys), CF_E_NOMEM; the
 * reader is then spent and gives the same error again. After the value white space is still
 * accepted and gives NEED_MORE. */
enum cf_error cf_json_next(struct cf_json_reader *reader, struct cf_slice *input,
                           struct cf_json_event *out_event);
/* The input has ended. A top-level number is complete only now: *out_event is that NUMBER, or
 * NEED_MORE when there is nothing left to say. CF_E_TRUNCATED when the value is incomplete. */
enum cf_error cf_json_finish(struct cf_json_reader *reader, struct cf_json_event *out_event);

#endif
