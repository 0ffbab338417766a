/* Writes JSON into a buffer. Commas and colons come by themselves; the caller gives the order.
 *
 *     cf_json_writer_init(&w, &buf);
 *     cf_json_object_begin(&w);
 *     cf_json_key(&w, CF_LIT("id"));
 *     cf_json_string(&w, id);
 *     cf_json_object_end(&w);
 *     error = cf_json_writer_finish(&w);
 *
 * The first error (CF_E_TOO_LARGE, CF_E_NOMEM of the buffer, CF_E_UTF8 for a string that is none)
 * sticks, and finish returns it; the buffer then holds a partial text. A nesting that does not
 * close, a member without a key or a key without a value, a second value and more than
 * CF_JSON_DEPTH_CAP open containers are our own mistakes and assert. Escapes what RFC 8259 section
 * 7 demands, and nothing else.
 */
#ifndef CF_JSON_WRITER_H
#define CF_JSON_WRITER_H

#include "base/buf.h"
#include "json/limits.h"

struct cf_json_writer {
    struct cf_buf *out;
    enum cf_error error;
    unsigned depth;       /* open containers, at most CF_JSON_DEPTH_CAP */
    uint64_t has_element; /* bit d - 1: the container at depth d is not empty */
    uint64_t object_bits; /* bit d - 1: it is an object */
    bool after_key;
    bool complete; /* the outermost value is there */
};

void cf_json_writer_init(struct cf_json_writer *w, struct cf_buf *out);
void cf_json_object_begin(struct cf_json_writer *w);
void cf_json_object_end(struct cf_json_writer *w);
void cf_json_array_begin(struct cf_json_writer *w);
void cf_json_array_end(struct cf_json_writer *w);
void cf_json_key(struct cf_json_writer *w, struct cf_slice key);
void cf_json_string(struct cf_json_writer *w, struct cf_slice text);
void cf_json_i64(struct cf_json_writer *w, int64_t value);
void cf_json_bool(struct cf_json_writer *w, bool value);
void cf_json_null(struct cf_json_writer *w);
/* JSON text that is known to be one valid value, as it stands. */
void cf_json_raw(struct cf_json_writer *w, struct cf_slice json);
/* Nothing at all may have been written: an empty body. */
enum cf_error cf_json_writer_finish(struct cf_json_writer *w);

/* key and value in one, the common case */
void cf_json_member_string(struct cf_json_writer *w, const char *key, struct cf_slice text);
void cf_json_member_i64(struct cf_json_writer *w, const char *key, int64_t value);
void cf_json_member_bool(struct cf_json_writer *w, const char *key, bool value);
void cf_json_member_null(struct cf_json_writer *w, const char *key);

#endif
