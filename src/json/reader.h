/* A strict JSON reader (RFC 8259) that pulls: one event a call, any split of the input gives the
 * same events. Refused besides what the grammar refuses: duplicate keys in an object, lone
 * surrogates
 * (\ud800), invalid UTF-8, a byte order mark, anything behind the value, anything over the limits.
 * Numbers are checked for form and handed over as text; no locale, no floating point.
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

struct cf_json_reader; /* members below are the reader's own */

/* Sets up; allocates nothing. `limits` is copied; depth_max over CF_JSON_DEPTH_CAP is cut to it.
 * `hash_key`: 16 random bytes of this process, for the table of keys seen (hazard V25). */
void cf_json_reader_init(struct cf_json_reader *reader, const struct cf_json_limits *limits,
                         const uint8_t hash_key[16]);
void cf_json_reader_deinit(struct cf_json_reader *reader);
/* The next event; moves *input behind what was used. CF_E_SYNTAX, CF_E_UTF8, CF_E_DUPLICATE,
 * CF_E_TOO_DEEP, CF_E_TOO_LARGE, CF_E_TOO_MANY (keys), CF_E_NOMEM; the reader is then spent. After
 * the value white space is still accepted and gives NEED_MORE. */
enum cf_error cf_json_next(struct cf_json_reader *reader, struct cf_slice *input,
                           struct cf_json_event *out_event);
/* The input has ended. A top-level number is complete only now: *out_event is that NUMBER, or
 * NEED_MORE when there is nothing left to say. CF_E_TRUNCATED when the value is incomplete. */
enum cf_error cf_json_finish(struct cf_json_reader *reader, struct cf_json_event *out_event);

#endif
