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

/* A key that an open object has had: its object, and where its bytes stand in `key_bytes`. */
struct cf_json_key_seen {
    uint32_t object; /* 0: a free slot */
    uint32_t hash;
    uint32_t offset, len;
};

/* Members are the reader's own. */
struct cf_json_reader {
    struct cf_json_limits limits;
    uint64_t hash_key[2];
    uint64_t arrays;                         /* a bit for each depth: the container is an array */
    uint32_t objects[CF_JSON_DEPTH_CAP + 1]; /* number of the object open at a depth */
    uint32_t objects_count;
    unsigned depth;
    uint8_t expect;  /* what the grammar allows next */
    uint8_t token;   /* what is being read */
    uint8_t number;  /* where in a number */
    uint8_t literal; /* characters of true, false or null that have come */
    uint8_t escape;  /* characters of an escape that have come, 0: outside of one */
    bool is_key;
    uint16_t unit;      /* of \uXXXX */
    uint16_t surrogate; /* a high one that waits for its low one; 0: none */
    struct cf_utf8 utf8;
    size_t bytes;       /* of the whole text so far */
    size_t text_bytes;  /* of the token so far, unescaped */
    struct cf_buf text; /* the token, when it could not be borrowed */
    struct cf_json_key_seen *keys;
    size_t keys_cap, keys_count;
    struct cf_buf key_bytes;
};

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
