#include "server/config.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "server/text.h"

extern char **environ;

enum kind { TEXT, SECRET, NUMBER, CHOICE };

struct key {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *fallback; /* "" means unset */
    uint64_t min, max;    /* NUMBER */
    const char *choices;  /* CHOICE: comma separated, the value is the index */
    const char *help;
};

#define AT(member) offsetof(struct cf_config, member)

static const char booleans[] = "false,true";

static const struct key keys[] = {
    {"CONFAB_LISTEN", TEXT, AT(listen), "127.0.0.1:8080", 0, 0, NULL,
     "address:port, comma separated; unix:/path too; port 0 picks a free one"},
    {"CONFAB_WORKERS", NUMBER, AT(workers), "", 1, 256, NULL,
     "event-loop threads; unset: the number of cores"},
    {"CONFAB_DATA_DIR", TEXT, AT(data_dir), "./data", 0, 0, NULL,
     "SQLite file, uploaded images and media, generated development secret"},
    {"DATABASE_URL", TEXT, AT(database_url), "", 0, 0, NULL,
     "sqlite:PATH; unset: sqlite:<data dir>/confab.db"},
    {"REDIS_URL", TEXT, AT(redis_url), "", 0, 0, NULL,
     "not supported by this version: the start fails when it is set"},
    {"JWT_SECRET", SECRET, AT(jwt_secret), "", 0, 0, NULL,
     "HS256 secret, at least 32 bytes; unset in development: one is generated into the data dir"},
    {"JWT_PUBLIC_KEY", TEXT, AT(jwt_public_key), "", 0, 0, NULL,
     "PEM file of an RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA) key; instead of JWT_SECRET"},
    {"JWT_ISSUER", TEXT, AT(jwt_issuer), "", 0, 0, NULL, "the iss claim to demand"},
    {"JWT_AUDIENCE", TEXT, AT(jwt_audience), "", 0, 0, NULL, "the aud claim to demand"},
    {"CONFAB_ENV", CHOICE, AT(environment), "development", 0, 0, "development,production",
     "production demands a secret or key, TLS or a proxy, and an Origin list"},
    {"CONFAB_BEHIND_PROXY", CHOICE, AT(behind_proxy), "false", 0, 0, booleans,
     "a proxy in front of the server does the TLS"},
    {"CONFAB_TLS_CERT", TEXT, AT(tls_cert), "", 0, 0, NULL,
     "PEM file, certificate first, then its chain; reloaded on SIGHUP"},
    {"CONFAB_TLS_KEY", TEXT, AT(tls_key), "", 0, 0, NULL, "PEM file of the private key"},
    {"CONFAB_TRUSTED_PROXIES", TEXT, AT(trusted_proxies), "", 0, 0, NULL,
     "CIDRs, comma separated, whose X-Forwarded-For is believed"},
    {"CONFAB_METRICS_TOKEN", SECRET, AT(metrics_token), "", 0, 0, NULL,
     "bearer token for /metrics; unset: loopback only"},
    {"CONFAB_METRICS_BY_SHOP", CHOICE, AT(metrics_by_shop_all), "100", 0, 0, "100,all",
     "how many shops websocket_connections_by_shop names"},
    {"CONFAB_HTTP_HEADER_TIMEOUT_SECONDS", NUMBER, AT(http_header_timeout_s), "10", 1, 300, NULL,
     "time for a request's head to arrive"},
    {"CONFAB_HTTP_IDLE_TIMEOUT_SECONDS", NUMBER, AT(http_idle_timeout_s), "75", 1, 3600, NULL,
     "time that a kept-alive connection may be silent"},
    {"WEBSOCKET_ENABLED", CHOICE, AT(ws_enabled), "true", 0, 0, booleans,
     "false: every WebSocket upgrade answers 503, REST goes on"},
    {"WEBSOCKET_ALLOWED_ORIGINS", TEXT, AT(ws_allowed_origins), "", 0, 0, NULL,
     "web origins, comma separated; unset in development: all"},
    {"WEBSOCKET_READ_BUFFER_SIZE", NUMBER, AT(ws_read_buffer), "1024", 128, 1048576, NULL,
     "accepted for old configurations; a worker's connections share one read buffer"},
    {"WEBSOCKET_WRITE_BUFFER_SIZE", NUMBER, AT(ws_write_buffer), "1024", 128, 1048576, NULL,
     "accepted for old configurations; an idle connection owns no write buffer"},
    {"WEBSOCKET_PING_PERIOD_SECONDS", NUMBER, AT(ws_ping_period_s), "54", 1, 3600, NULL,
     "shop streams: a ping so often; shorter than the pong wait"},
    {"WEBSOCKET_PONG_WAIT_SECONDS", NUMBER, AT(ws_pong_wait_s), "60", 1, 3600, NULL,
     "shop streams: nothing heard for so long ends the connection"},
    {"WEBSOCKET_WRITE_WAIT_SECONDS", NUMBER, AT(ws_write_wait_s), "10", 1, 3600, NULL,
     "a write that makes no progress for so long ends the connection"},
    {"WEBSOCKET_MAX_CONNECTIONS_PER_USER", NUMBER, AT(ws_connections_per_user), "5", 1, 1000, NULL,
     "live streams of a user, over all shops"},
    {"WEBSOCKET_MAX_ATTEMPTS_PER_MINUTE", NUMBER, AT(ws_attempts_per_minute), "10", 1, 1000, NULL,
     "upgrades that a user may try in a minute"},
    {"WEBSOCKET_MAX_MESSAGE_SIZE", NUMBER, AT(ws_message_bytes), "524288", 128, 67108864, NULL,
     "inbound message, bytes, after inflation"},
    {"WEBSOCKET_SEND_BUFFER", NUMBER, AT(ws_send_buffer), "256", 1, 65536, NULL,
     "messages queued for a connection before it is cut off as a slow consumer"},
    {"WEBSOCKET_COMPRESSION", CHOICE, AT(ws_compression), "true", 0, 0, booleans,
     "permessage-deflate where the client offers it"},
    {"SOCKETIO_PATH", TEXT, AT(sio_path), "/socket.io/", 0, 0, NULL,
     "where Socket.IO is served; begins and ends with a slash"},
    {"SOCKETIO_PING_INTERVAL_MS", NUMBER, AT(sio_ping_interval_ms), "2500", 100, 3600000, NULL,
     "Socket.IO: a ping so often; raise it, and the timeout, to save a phone's battery"},
    {"SOCKETIO_PING_TIMEOUT_MS", NUMBER, AT(sio_ping_timeout_ms), "2000", 100, 3600000, NULL,
     "Socket.IO: the answer to a ping must come so soon"},
    {"SOCKETIO_CONNECT_TIMEOUT_MS", NUMBER, AT(sio_connect_timeout_ms), "45000", 100, 3600000, NULL,
     "Socket.IO: time to connect to the namespace"},
    {"SOCKETIO_MAX_PAYLOAD", NUMBER, AT(sio_max_payload), "1000000", 1024, 16777216, NULL,
     "Socket.IO: inbound message or POST body, bytes"},
    {"ORBITAL_PING_PERIOD_SECONDS", NUMBER, AT(orbital_ping_period_s), "30", 1, 3600, NULL,
     "Orbital: a JSON ping so often; three unanswered ones end the connection"},
    {"ORBITAL_MAX_ATTEMPTS_PER_MINUTE", NUMBER, AT(orbital_attempts_per_minute), "5", 0, 1000, NULL,
     "Orbital: upgrades that an IP address may try in a minute; 0: no limit"},
    {"ORBITAL_MEDIA_TTL_DAYS", NUMBER, AT(orbital_media_ttl_days), "7", 1, 3650, NULL,
     "Orbital: media are deleted so long after their upload"},
    {"ORBITAL_MEDIA_TTL_SECONDS", NUMBER, AT(orbital_media_ttl_s), "0", 0, 86400, NULL,
     "Orbital: the same in seconds, instead of the days; 0: the days"},
    {"ORBITAL_MEDIA_MAX_BYTES", NUMBER, AT(orbital_media_bytes), "536870912", 1, 1099511627776,
     NULL, "Orbital: one media upload, bytes"},
    {"ORBITAL_GROUP_QUOTA_BYTES", NUMBER, AT(orbital_group_quota), "5368709120", 1,
     1125899906842624, NULL,
     "Orbital: a group's media together, unfinished uploads included, bytes"},
    {"ORBITAL_SWEEP_PERIOD_SECONDS", NUMBER, AT(orbital_sweep_period_s), "60", 1, 86400, NULL,
     "Orbital: expired and abandoned media are looked for so often"},
    {"LOG_LEVEL", CHOICE, AT(log_level), "info", 0, 0, "debug,info,warn,error", "the least to log"},
    {"LOG_FORMAT", CHOICE, AT(log_format), "text", 0, 0, "text,json", "json: one object a line"},
    {"LOG_FILE", TEXT, AT(log_file), "", 0, 0, NULL,
     "file to append to, reopened on SIGHUP; unset: standard error"},
};

static const char *const owned_prefixes[] = {"WEBSOCKET_", "CONFAB_", "SOCKETIO_", "ORBITAL_"};

/* Set by the test and build tools around the program, never read by it. */
static const char *const foreign_keys[] = {"CONFAB_BIN_DIR"};

static const struct key *find_key(struct cf_slice name)
{
    for (size_t i = 0; i < CF_ARRAY_LEN(keys); i++) {
        if (cf_slice_eq(name, cf_slice_cstr(keys[i].name)))
            return &keys[i];
    }
    return NULL;
}

static bool must_be_known(struct cf_slice name)
{
    for (size_t i = 0; i < CF_ARRAY_LEN(foreign_keys); i++) {
        if (cf_slice_eq(name, cf_slice_cstr(foreign_keys[i])))
            return false;
    }
    for (size_t i = 0; i < CF_ARRAY_LEN(owned_prefixes); i++) {
        if (cf_slice_starts(name, cf_slice_cstr(owned_prefixes[i])))
            return true;
    }
    return false;
}

static const char **text_at(struct cf_config *config, const struct key *key)
{
    return (const char **)(void *)((char *)config + key->offset);
}

static uint64_t *number_at(struct cf_config *config, const struct key *key)
{
    return (uint64_t *)(void *)((char *)config + key->offset);
}

/* The index of `value` among the choices. */
static bool choice_index(const char *choices, struct cf_slice value, uint64_t *out_index)
{
    struct cf_slice rest = cf_slice_cstr(choices), choice;
    for (uint64_t i = 0; cf_slice_next(&rest, ',', &choice); i++) {
        if (cf_slice_eq(choice, value)) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

static enum cf_error set_text(struct cf_config *config, const struct key *key,
                              struct cf_slice value)
{
    char *copy = cf_arena_alloc(&config->arena, value.len + 1);
    if (copy == NULL)
        return CF_E_NOMEM;
    if (value.len > 0)
        memcpy(copy, value.ptr, value.len);
    *text_at(config, key) = copy;
    return CF_OK;
}

static enum cf_error set_value(struct cf_config *config, const struct key *key,
                               struct cf_slice value, struct cf_buf *why)
{
    uint64_t number = 0;
    switch (key->kind) {
    case TEXT:
    case SECRET:
        return set_text(config, key, value);
    case NUMBER:
        if (cf_slice_to_u64(value, &number) && number >= key->min && number <= key->max)
            break;
        cf_text_append(why, "%s=%.*s: must be a whole number from %llu to %llu", key->name,
                       (int)value.len, (const char *)value.ptr, (unsigned long long)key->min,
                       (unsigned long long)key->max);
        return CF_E_INVALID;
    case CHOICE:
        if (choice_index(key->choices, value, &number))
            break;
        cf_text_append(why, "%s=%.*s: must be one of %s", key->name, (int)value.len,
                       (const char *)value.ptr, key->choices);
        return CF_E_INVALID;
    }
    *number_at(config, key) = number;
    return CF_OK;
}

static enum cf_error set_by_name(struct cf_config *config, struct cf_slice name,
                                 struct cf_slice value, struct cf_buf *why)
{
    const struct key *key = find_key(name);
    if (key != NULL && value.len > 0)
        return set_value(config, key, value, why);
    if (key != NULL || !must_be_known(name))
        return CF_OK;
    cf_text_append(why, "%.*s: no such key; `confab serve --help` lists them", (int)name.len,
                   (const char *)name.ptr);
    return CF_E_INVALID;
}

static enum cf_error set_defaults(struct cf_config *config, struct cf_buf *why)
{
    for (size_t i = 0; i < CF_ARRAY_LEN(keys); i++) {
        struct cf_slice fallback = cf_slice_cstr(keys[i].fallback);
        bool number = keys[i].kind == NUMBER || keys[i].kind == CHOICE;
        if (number && fallback.len == 0)
            continue;
        enum cf_error error = set_value(config, &keys[i], fallback, why);
        if (error != CF_OK)
            return error;
    }
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    config->workers = cores > 0 ? (uint64_t)cores : 1;
    return CF_OK;
}

static enum cf_error read_line(struct cf_config *config, const char *file, unsigned number,
                               struct cf_slice line, struct cf_buf *why)
{
    line = cf_slice_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return CF_OK;
    size_t equals = cf_slice_find(line, '=');
    if (equals == line.len || equals == 0) {
        cf_text_append(why, "%s:%u: not a KEY=value line", file, number);
        return CF_E_INVALID;
    }
    struct cf_slice value = cf_slice_trim(cf_slice_skip(line, equals + 1));
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = cf_slice_of(value.ptr + 1, value.len - 2);
    return set_by_name(config, cf_slice_trim(cf_slice_head(line, equals)), value, why);
}

static enum cf_error read_file(struct cf_config *config, const char *file, struct cf_buf *why)
{
    FILE *stream = fopen(file, "r");
    if (stream == NULL) {
        cf_text_append(why, "%s: cannot read the configuration: %s", file, strerror(errno));
        return CF_E_IO;
    }
    char *line = NULL;
    size_t cap = 0;
    enum cf_error error = CF_OK;
    for (unsigned number = 1; error == CF_OK; number++) {
        ssize_t len = getline(&line, &cap, stream);
        if (len < 0)
            break;
        struct cf_slice text = cf_slice_of(line, (size_t)len);
        while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
            text.len--;
        error = read_line(config, file, number, text, why);
    }
    if (error == CF_OK && ferror(stream)) {
        cf_text_append(why, "%s: cannot read the configuration: %s", file, strerror(errno));
        error = CF_E_IO;
    }
    free(line);
    fclose(stream);
    return error;
}

static enum cf_error read_environment(struct cf_config *config, struct cf_buf *why)
{
    for (char **entry = environ; *entry != NULL; entry++) {
        struct cf_slice line = cf_slice_cstr(*entry);
        size_t equals = cf_slice_find(line, '=');
        enum cf_error error =
            set_by_name(config, cf_slice_head(line, equals), cf_slice_skip(line, equals + 1), why);
        if (error != CF_OK)
            return error;
    }
    return CF_OK;
}

static enum cf_error refuse(struct cf_buf *why, const char *text)
{
    cf_text_append(why, "%s", text);
    return CF_E_INVALID;
}

/* How the values go together, for every command. */
static enum cf_error check_together(const struct cf_config *config, struct cf_buf *why)
{
    size_t secret_len = strlen(config->jwt_secret);
    if (secret_len > 0 && secret_len < 32)
        return refuse(why,
                      "JWT_SECRET: shorter than 32 bytes; make one with `openssl rand -hex 32`");
    if (secret_len > 0 && *config->jwt_public_key != '\0')
        return refuse(why, "JWT_SECRET and JWT_PUBLIC_KEY are both set: the algorithm is fixed by "
                           "one key, unset the other");
    if (config->ws_ping_period_s >= config->ws_pong_wait_s)
        return refuse(why, "WEBSOCKET_PING_PERIOD_SECONDS must be shorter than "
                           "WEBSOCKET_PONG_WAIT_SECONDS, or every stream would be cut off");
    size_t path_len = strlen(config->sio_path);
    if (path_len < 2 || config->sio_path[0] != '/' || config->sio_path[path_len - 1] != '/')
        return refuse(why, "SOCKETIO_PATH must begin and end with a slash, like /socket.io/");
    if ((*config->tls_cert == '\0') != (*config->tls_key == '\0'))
        return refuse(why, "CONFAB_TLS_CERT and CONFAB_TLS_KEY go together: set both or none");
    if (*config->redis_url != '\0')
        return refuse(why, "REDIS_URL: this version runs as a single instance; unset it");
    struct cf_slice url = cf_slice_cstr(config->database_url);
    if (url.len > 0 && !(cf_slice_starts(url, CF_LIT("sqlite:")) && url.len > 7))
        return refuse(why, "DATABASE_URL: this version knows sqlite:PATH only");
    return CF_OK;
}

enum cf_error cf_config_load(struct cf_config *config, const char *file, struct cf_buf *why)
{
    memset(config, 0, sizeof(*config));
    cf_arena_init(&config->arena, 1024 * 1024);
    enum cf_error error = set_defaults(config, why);
    if (error == CF_OK && file != NULL)
        error = read_file(config, file, why);
    if (error == CF_OK)
        error = read_environment(config, why);
    if (error == CF_OK)
        error = check_together(config, why);
    return error;
}

void cf_config_deinit(struct cf_config *config)
{
    cf_arena_deinit(&config->arena);
}

enum cf_error cf_config_check_serve(const struct cf_config *config, struct cf_buf *why)
{
    if (config->environment != CF_ENV_PRODUCTION)
        return CF_OK;
    if (*config->jwt_secret == '\0' && *config->jwt_public_key == '\0')
        return refuse(why, "CONFAB_ENV=production needs JWT_SECRET or JWT_PUBLIC_KEY");
    if (*config->tls_cert == '\0' && !config->behind_proxy)
        return refuse(why, "CONFAB_ENV=production needs CONFAB_TLS_CERT and CONFAB_TLS_KEY, or "
                           "CONFAB_BEHIND_PROXY=true when a proxy does the TLS");
    if (*config->ws_allowed_origins == '\0')
        return refuse(why, "CONFAB_ENV=production needs WEBSOCKET_ALLOWED_ORIGINS, for example "
                           "https://app.example.com");
    return CF_OK;
}

static enum cf_error print_choice(struct cf_buf *out, const char *choices, uint64_t index)
{
    struct cf_slice rest = cf_slice_cstr(choices), choice = {NULL, 0};
    for (uint64_t i = 0; i <= index; i++)
        cf_slice_next(&rest, ',', &choice);
    return cf_buf_append(out, choice);
}

static enum cf_error print_value(const struct cf_config *config, const struct key *key,
                                 struct cf_buf *out)
{
    struct cf_config *readable = (struct cf_config *)config;
    switch (key->kind) {
    case TEXT:
        return cf_buf_append(out, cf_slice_cstr(*text_at(readable, key)));
    case SECRET:
        return cf_buf_append(out, **text_at(readable, key) ? CF_LIT("(set)") : CF_LIT(""));
    case NUMBER:
        return cf_buf_append_u64(out, *number_at(readable, key));
    case CHOICE:
        return print_choice(out, key->choices, *number_at(readable, key));
    }
    return CF_E_STATE;
}

enum cf_error cf_config_print(const struct cf_config *config, struct cf_buf *out)
{
    enum cf_error error = CF_OK;
    for (size_t i = 0; i < CF_ARRAY_LEN(keys) && error == CF_OK; i++) {
        error = cf_text_append(out, "%s=", keys[i].name);
        if (error == CF_OK)
            error = print_value(config, &keys[i], out);
        if (error == CF_OK)
            error = cf_buf_append_byte(out, '\n');
    }
    return error;
}

static enum cf_error help_range(const struct key *key, struct cf_buf *out)
{
    if (key->kind == NUMBER)
        return cf_text_append(out, ", %llu to %llu", (unsigned long long)key->min,
                              (unsigned long long)key->max);
    if (key->kind == CHOICE)
        return cf_text_append(out, ", one of %s", key->choices);
    return CF_OK;
}

enum cf_error cf_config_help(struct cf_buf *out)
{
    enum cf_error error = CF_OK;
    for (size_t i = 0; i < CF_ARRAY_LEN(keys) && error == CF_OK; i++) {
        const char *fallback = *keys[i].fallback ? keys[i].fallback : "unset";
        error = cf_text_append(out, "  %s (default %s", keys[i].name, fallback);
        if (error == CF_OK)
            error = help_range(&keys[i], out);
        if (error == CF_OK)
            error = cf_text_append(out, ")\n      %s\n", keys[i].help);
    }
    return error;
}

enum cf_error cf_config_database_path(const struct cf_config *config, struct cf_buf *out)
{
    if (*config->database_url != '\0')
        return cf_text_append(out, "%s", config->database_url + strlen("sqlite:"));
    return cf_text_append(out, "%s/confab.db", config->data_dir);
}
