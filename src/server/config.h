/* The configuration: environment variables over `KEY=value` lines of a file over defaults. One
 * table (config.c) names every key with its default, range and meaning; `--help`, `confab config`
 * and all checks read that table. */
#ifndef CF_SERVER_CONFIG_H
#define CF_SERVER_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"

enum cf_environment { CF_ENV_DEVELOPMENT, CF_ENV_PRODUCTION };

struct cf_config {
    struct cf_arena arena; /* owns every string below; "" where a key is unset */
    const char *listen;
    uint64_t workers;
    const char *data_dir;
    const char *database_url;
    const char *redis_url;
    const char *jwt_secret;
    const char *jwt_public_key;
    const char *jwt_issuer;
    const char *jwt_audience;
    uint64_t environment; /* enum cf_environment */
    uint64_t behind_proxy;
    const char *tls_cert;
    const char *tls_key;
    const char *trusted_proxies;
    uint64_t metrics_by_shop_all;
    const char *metrics_token;
    uint64_t http_header_timeout_s;
    uint64_t http_idle_timeout_s;
    uint64_t ws_enabled;
    const char *ws_allowed_origins;
    uint64_t ws_read_buffer;
    uint64_t ws_write_buffer;
    uint64_t ws_ping_period_s;
    uint64_t ws_pong_wait_s;
    uint64_t ws_write_wait_s;
    uint64_t ws_connections_per_user;
    uint64_t ws_attempts_per_minute;
    uint64_t ws_message_bytes;
    uint64_t ws_send_buffer;
    uint64_t ws_compression;
    const char *sio_path;
    uint64_t sio_ping_interval_ms;
    uint64_t sio_ping_timeout_ms;
    uint64_t sio_connect_timeout_ms;
    uint64_t sio_max_payload;
    uint64_t orbital_ping_period_s;
    uint64_t orbital_attempts_per_minute; /* 0: no limit */
    uint64_t orbital_media_ttl_days;
    uint64_t orbital_media_ttl_s; /* 0: the days */
    uint64_t orbital_media_bytes;
    uint64_t orbital_group_quota;
    uint64_t orbital_sweep_period_s;
    uint64_t log_level;  /* enum cf_log_level */
    uint64_t log_format; /* enum cf_log_format */
    const char *log_file;
};

/* Reads the environment and, when `file` is not NULL, that file; checks every value and how they go
 * together. CF_E_INVALID with one line in `why` that names the key, the value and what is allowed;
 * CF_E_IO for the file; CF_E_NOMEM. Deinit in any case. */
enum cf_error cf_config_load(struct cf_config *config, const char *file, struct cf_buf *why);
void cf_config_deinit(struct cf_config *config);
/* Rules that hold for a server but not for the other commands: a production server demands a real
 * secret, TLS or a proxy, and an Origin allow list. CF_E_INVALID with one line in `why`. */
enum cf_error cf_config_check_serve(const struct cf_config *config, struct cf_buf *why);
/* "KEY=value" lines, secrets masked. */
enum cf_error cf_config_print(const struct cf_config *config, struct cf_buf *out);
/* A line or two for each key: default, range, meaning. */
enum cf_error cf_config_help(struct cf_buf *out);
/* The path of the SQLite file. */
enum cf_error cf_config_database_path(const struct cf_config *config, struct cf_buf *out);
/* The HS256 secret: JWT_SECRET, or in development the one in the data directory, which is made
 * (mode 0600) when it is missing. Empty when only a public key is configured. CF_E_IO, CF_E_INVALID
 * with `why`. */
enum cf_error cf_config_secret(const struct cf_config *config, struct cf_buf *out_secret,
                               struct cf_buf *why);
/* Makes the data directory if it is missing. CF_E_IO with `why`. */
enum cf_error cf_config_make_data_dir(const struct cf_config *config, struct cf_buf *why);

#endif
