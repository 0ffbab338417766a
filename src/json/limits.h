/* What a JSON text may be, at most. */
#ifndef CF_JSON_LIMITS_H
#define CF_JSON_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

struct cf_json_limits {
    size_t bytes_max;        /* of the whole text */
    size_t string_bytes_max; /* of one string or key, unescaped */
    size_t keys_max;         /* over all objects; at most CF_JSON_KEYS_CAP */
    unsigned depth_max;      /* open arrays and objects; at most CF_JSON_DEPTH_CAP */
    unsigned number_bytes_max;
    /* Half a surrogate pair ("\ud83d"), which UTF-8 cannot express, is read as U+FFFD instead of
     * being refused: JavaScript sends it of a text that was cut inside an emoji. */
    bool lone_surrogates;
};

enum { CF_JSON_DEPTH_CAP = 64, CF_JSON_KEYS_CAP = 1 << 24 };

/* contracts of the HTTP API: 64 KiB, depth 32. */
#define CF_JSON_LIMITS_DEFAULT                          \
    ((struct cf_json_limits){.bytes_max = 65536,        \
                             .string_bytes_max = 65536, \
                             .keys_max = 4096,          \
                             .depth_max = 32,           \
                             .number_bytes_max = 32})

#endif
