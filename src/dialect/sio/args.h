/* The payload of an event or an ack: a JSON array, taken apart once and checked whole. */
#ifndef CF_DIALECT_SIO_ARGS_H
#define CF_DIALECT_SIO_ARGS_H

#include "json/value.h"

enum { CF_SIO_ARGS_MAX = 8 }; /* kept; an event may have more */

struct cf_sio_arg {
    enum cf_json_is is;
    struct cf_slice text; /* STRING: unescaped, in the arena; else as written, borrowed */
};

struct cf_sio_args {
    struct cf_sio_arg items[CF_SIO_ARGS_MAX];
    size_t count; /* of items */
    /* As written, borrowed: what stands behind the first element's text up to the closing bracket
     * (`,1,"2"` or nothing), and everything between the brackets. */
    struct cf_slice behind_first, inside;
};

/* Reads `payload`. `attachments` (at most 32): how many binary messages come with it; the
 * placeholders {"_placeholder":true,"num":N} must then name each of them once (hazard V14;
 * UINT_MAX: the packet is no binary one, placeholders are plain data). CF_E_SYNTAX: no array, wrong
 * placeholders; the errors of cf_json_next, CF_E_TRUNCATED, CF_E_NOMEM of the arena. */
enum cf_error cf_sio_args_read(struct cf_slice payload, unsigned attachments,
                               const struct cf_json_limits *limits, const uint8_t hash_key[16],
                               struct cf_arena *arena, struct cf_sio_args *out_args);

#endif
