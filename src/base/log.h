/* One event a line, `message key=value …` or a JSON object. The core formats; where a line goes is
 * the sink's affair, installed once by the program (no sink: nothing is logged).
 *
 *     cf_log(CF_LOG_INFO, "WebSocket client connected", CF_KV_STR("shop_id", id));
 *
 * Values are escaped: a value can neither end the line nor forge a key. Controls, line separators
 * and quotes become the escapes of JSON; bytes that are no UTF-8 become \xNN (in JSON, which has no
 * escape for them, the text \\xNN), so a line is always valid UTF-8. Tokens and URLs that may hold
 * one are never given to it. Safe from any thread if the sink is.
 *
 *     2026-01-03T15:30:00.123456Z INFO message key=value key="quoted value"
 *     {"time":"2026-01-03T15:30:00.123456Z","level":"info","msg":"message","key":"value"} */
#ifndef CF_BASE_LOG_H
#define CF_BASE_LOG_H

#include "base/buf.h"
#include "base/time.h"

enum cf_log_level { CF_LOG_DEBUG, CF_LOG_INFO, CF_LOG_WARN, CF_LOG_ERROR };
enum cf_log_format { CF_LOG_TEXT, CF_LOG_JSON };

struct cf_kv {
    const char *key; /* NULL: the end of the list */
    enum { CF_KV_KIND_STR, CF_KV_KIND_INT, CF_KV_KIND_SECONDS } kind;
    struct cf_slice text;
    int64_t number; /* SECONDS: in milliseconds, printed with three decimals */
};

#define CF_KV_STR(k, v) ((struct cf_kv){(k), CF_KV_KIND_STR, (v), 0})
#define CF_KV_CSTR(k, v) ((struct cf_kv){(k), CF_KV_KIND_STR, cf_slice_cstr(v), 0})
#define CF_KV_INT(k, v) ((struct cf_kv){(k), CF_KV_KIND_INT, {NULL, 0}, (int64_t)(v)})
#define CF_KV_SECONDS(k, ms) ((struct cf_kv){(k), CF_KV_KIND_SECONDS, {NULL, 0}, (int64_t)(ms)})

struct cf_log_sink {
    enum cf_log_level level; /* below: dropped before formatting */
    enum cf_log_format format;
    cf_us (*now)(void *context);
    /* A whole line with its newline. */
    void (*write)(void *context, struct cf_slice line);
    void *context;
};

/* The sink is borrowed, unchanged, and must outlive all logging; NULL: none. Not while other
 * threads log. */
void cf_log_install(const struct cf_log_sink *sink);
bool cf_log_enabled(enum cf_log_level level);
/* `fields` is an array that ends with a NULL key. A line has at most 4 KiB, its newline included: a
 * value (and the message) is cut behind 1 KiB, which … shows, and fields that have no room at all
 * are left out. */
void cf_log_fields(enum cf_log_level level, const char *message, const struct cf_kv *fields);
/* cf_log(level, message, fields…): at least one field. */
#define cf_log(level, message, ...)                                                          \
    (cf_log_enabled(level)                                                                   \
         ? cf_log_fields(level, message, (const struct cf_kv[]){__VA_ARGS__, {.key = NULL}}) \
         : (void)0)

#endif
