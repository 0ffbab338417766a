#include "server/parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edge/store_sqlite/store_sqlite.h"
#include "edge/tls/digest.h"
#include "edge/uv/listener.h"
#include "server/clock.h"
#include "server/newcomers.h"
#include "server/session.h"
#include "server/text.h"
#include "server/worker.h"

enum {
    HANDSHAKE_WAIT_MS = 10000,
    CLOSE_WAIT_MS = 5000,
    MESSAGE_WAIT_MS = 2 * 60 * 1000, /* for the largest, of a slow phone */
    ATTEMPT_KEYS = 100000,
    TALK_SEATS_MAX = 2000,         /* conversations that a user's sockets are in, together */
    TALK_MESSAGES_PER_SECOND = 10, /* of a user (seed 003, 3.4.4) */
    SIO_QUEUE_MAX = 4 * 1024 * 1024,
    SIO_ATTACHMENTS_TIMEOUT_MS = 10000,
    PEM_MAX = 65536,
    STORE_READERS = 2,
    STORE_QUEUE = 65536,
    BACKLOG = 4096,
};

static enum cf_error read_file(const char *path, struct cf_buf *out, struct cf_buf *why)
{
    FILE *file = fopen(path, "r");
    uint8_t bytes[4096];
    size_t len;
    enum cf_error error = file == NULL ? CF_E_IO : CF_OK;
    while (error == CF_OK && (len = fread(bytes, 1, sizeof(bytes), file)) > 0)
        error = cf_buf_append(out, cf_slice_of(bytes, len));
    if (error == CF_OK && ferror(file))
        error = CF_E_IO;
    if (error != CF_OK)
        cf_text_append(why, "%s: cannot read it: %s", path,
                       error == CF_E_IO ? strerror(errno) : cf_error_text(error));
    if (file != NULL)
        fclose(file);
    return error;
}

static enum cf_error open_verifier(struct cf_server *server, struct cf_buf *why)
{
    const struct cf_config *config = server->config;
    struct cf_buf secret, pem;
    const char *wrong = NULL;
    cf_buf_init(&secret, PEM_MAX);
    cf_buf_init(&pem, PEM_MAX);
    enum cf_error error = cf_config_secret(config, &secret, why);
    if (error == CF_OK && *config->jwt_public_key != '\0')
        error = read_file(config->jwt_public_key, &pem, why);
    struct cf_jwt_config jwt = {.secret = cf_buf_peek(&secret),
                                .public_key_pem = cf_buf_peek(&pem),
                                .issuer = cf_slice_cstr(config->jwt_issuer),
                                .audience = cf_slice_cstr(config->jwt_audience),
                                .leeway_s = 0};
    if (error == CF_OK) {
        error = cf_jwt_verifier_new(&jwt, server->hash_key, &server->verifier, &wrong);
        if (error != CF_OK)
            cf_text_append(why, "%s: %s", pem.len > 0 ? config->jwt_public_key : "the token secret",
                           wrong != NULL ? wrong : cf_error_text(error));
    }
    cf_buf_deinit(&secret);
    cf_buf_deinit(&pem);
    return error;
}

static enum cf_error open_lists(struct cf_server *server, struct cf_buf *why)
{
    struct cf_slice bad = {NULL, 0};
    struct cf_arena *arena = &((struct cf_config *)server->config)->arena;
    enum cf_error error = cf_origin_list_parse(cf_slice_cstr(server->config->ws_allowed_origins),
                                               arena, &server->origins, &bad);
    if (error != CF_OK) {
        cf_text_append(why,
                       "WEBSOCKET_ALLOWED_ORIGINS=%.*s: each must be like https://app.example.com",
                       (int)bad.len, (const char *)bad.ptr);
        return error;
    }
    return cf_proxies_parse(&server->proxies, cf_slice_cstr(server->config->trusted_proxies), why);
}

enum cf_error cf_parts_load_tls(const struct cf_config *config, struct cf_tls_context **out,
                                struct cf_buf *why)
{
    *out = NULL;
    if (*config->tls_cert == '\0')
        return CF_OK;
    return cf_tls_server_new(config->tls_cert, config->tls_key, out, why);
}

static enum cf_error open_people(struct cf_server *server, struct cf_buf *why)
{
    const struct cf_config *config = server->config;
    server->directory =
        cf_directory_new((unsigned)config->ws_connections_per_user, server->hash_key);
    server->attempts =
        cf_attempts_new((unsigned)config->ws_attempts_per_minute, ATTEMPT_KEYS, server->hash_key);
    unsigned per_address = (unsigned)config->orbital_attempts_per_minute;
    if (per_address > 0)
        server->address_attempts = cf_attempts_new(per_address, ATTEMPT_KEYS, server->hash_key);
    server->talk_people = cf_directory_new(TALK_SEATS_MAX, server->hash_key);
    server->talk_rates = cf_rates_new(TALK_MESSAGES_PER_SECOND, ATTEMPT_KEYS, server->hash_key);
    if (server->directory != NULL && server->attempts != NULL && server->talk_people != NULL &&
        server->talk_rates != NULL && (per_address == 0 || server->address_attempts != NULL))
        return CF_OK;
    cf_text_append(why, "out of memory");
    return CF_E_NOMEM;
}

static enum cf_error open_folder(const struct cf_server *server, struct cf_media *media,
                                 const char *name, bool keep, struct cf_buf *why)
{
    struct cf_buf path;
    cf_buf_init(&path, 8192);
    enum cf_error error = cf_text_append(&path, "%s/%s", server->config->data_dir, name);
    if (error == CF_OK)
        error = cf_media_open(media, cf_text_cstr(&path), keep, why);
    cf_buf_deinit(&path);
    return error;
}

/* An image comes in one request, and is gone with it; encrypted media are gone on with. */
static enum cf_error open_media(struct cf_server *server, struct cf_buf *why)
{
    enum cf_error error = open_folder(server, &server->media, "media", false, why);
    return error == CF_OK ? open_folder(server, &server->blobs, "orbital", true, why) : error;
}

static enum cf_error open_store(struct cf_server *server, const struct cf_store_sink *sink,
                                void (*fatal)(void *context, const char *text), struct cf_buf *why)
{
    struct cf_buf path;
    unsigned version = 0;
    cf_buf_init(&path, 8192);
    enum cf_error error = cf_config_database_path(server->config, &path);
    const char *file = cf_text_cstr(&path);
    if (error == CF_OK)
        error = cf_store_sqlite_inspect(file, &version, why);
    /* A new database is ours to make; one with messages in it is changed only when told to. */
    if (error == CF_OK && version == 0)
        error = cf_store_sqlite_migrate(file, why);
    struct cf_store_sqlite_config config = {.path = file,
                                            .readers = STORE_READERS,
                                            .queue_max = STORE_QUEUE,
                                            .fatal = fatal,
                                            .fatal_context = server};
    struct cf_store *store;
    if (error == CF_OK)
        error = cf_store_sqlite_open(&config, sink, &store, why);
    if (error == CF_OK)
        cf_parts_set_store(server, store);
    cf_buf_deinit(&path);
    return error;
}

static void random_bytes(void *context, uint8_t *out, size_t len)
{
    const struct cf_entropy *entropy = context;
    entropy->fill(entropy->context, out, len);
}

static void set_configs(struct cf_server *server)
{
    const struct cf_config *config = server->config;
    server->conn_config =
        (struct cf_conn_config){.ops = &cf_session_conn_ops,
                                .write_wait_ms = (cf_ms)config->ws_write_wait_s * 1000,
                                .handshake_wait_ms = HANDSHAKE_WAIT_MS};
    server->ws_config =
        (struct cf_ws_config){.role = CF_WS_SERVER,
                              .message_bytes_max = config->ws_message_bytes,
                              .ping_period_ms = (cf_ms)config->ws_ping_period_s * 1000,
                              .pong_wait_ms = (cf_ms)config->ws_pong_wait_s * 1000,
                              .message_wait_ms = MESSAGE_WAIT_MS,
                              .close_wait_ms = CLOSE_WAIT_MS,
                              .random = random_bytes,
                              .random_context = &server->entropy};
}

static const struct cf_slice sio_namespaces[] = {{(const uint8_t *)"/", 1}};

static void set_sio_configs(struct cf_server *server)
{
    const struct cf_config *config = server->config;
    server->eio_config =
        (struct cf_eio_config){.ping_interval_ms = (cf_ms)config->sio_ping_interval_ms,
                               .ping_timeout_ms = (cf_ms)config->sio_ping_timeout_ms,
                               .upgrade_timeout_ms = CF_EIO_UPGRADE_TIMEOUT_MS,
                               .close_timeout_ms = CF_EIO_CLOSE_TIMEOUT_MS,
                               .payload_bytes_max = config->sio_max_payload,
                               .queue_bytes_max = SIO_QUEUE_MAX};
    server->sio_config =
        (struct cf_sio_config){.namespaces = sio_namespaces,
                               .namespaces_count = CF_ARRAY_LEN(sio_namespaces),
                               .connect_timeout_ms = (cf_ms)config->sio_connect_timeout_ms,
                               .attachments_timeout_ms = SIO_ATTACHMENTS_TIMEOUT_MS,
                               .attachments_bytes_max = config->sio_max_payload,
                               .json = CF_JSON_LIMITS_DEFAULT,
                               .hash_key = server->hash_key};
    server->sio_config.json.lone_surrogates = true;
    server->sio_config.json.bytes_max = config->sio_max_payload;
    server->sio_config.json.string_bytes_max = config->sio_max_payload;
    /* The heartbeat is Engine.IO's own. */
    server->sio_ws_config = (struct cf_ws_config){.role = CF_WS_SERVER,
                                                  .message_bytes_max = config->sio_max_payload,
                                                  .message_wait_ms = MESSAGE_WAIT_MS,
                                                  .close_wait_ms = CLOSE_WAIT_MS,
                                                  .random = random_bytes,
                                                  .random_context = &server->entropy};
}

/* The heartbeat is JSON, the dialect's own. */
static void set_orbital_config(struct cf_server *server)
{
    server->orbital_ws_config = server->ws_config;
    server->orbital_ws_config.ping_period_ms = 0;
    server->orbital_ws_config.pong_wait_ms = 0;
}

static enum cf_error open_workers(struct cf_server *server, struct cf_buf *why)
{
    size_t count = server->config->workers;
    server->workers = calloc(count, sizeof(struct cf_worker *));
    enum cf_error error = server->workers == NULL ? CF_E_NOMEM : CF_OK;
    while (error == CF_OK && server->workers_count < count) {
        error = cf_worker_new(server, (unsigned)server->workers_count,
                              &server->workers[server->workers_count]);
        if (error == CF_OK)
            server->workers_count++;
    }
    if (error != CF_OK)
        cf_text_append(why, "cannot make the workers: %s", cf_error_text(error));
    return error;
}

enum cf_error cf_parts_open_core(struct cf_server *server, const struct cf_config *config,
                                 const struct cf_entropy *entropy, struct cf_buf *why)
{
    server->started = cf_wall_clock();
    server->config = config;
    server->entropy = *entropy;
    server->entropy.fill(server->entropy.context, server->hash_key, sizeof(server->hash_key));
    pthread_mutex_init(&server->people_lock, NULL);
    pthread_mutex_init(&server->tls_lock, NULL);
    cf_map_init(&server->holds, server->hash_key);
    cf_newcomers_init(server);
    set_configs(server);
    set_sio_configs(server);
    set_orbital_config(server);
    enum cf_error error = open_verifier(server, why);
    if (error == CF_OK)
        error = open_lists(server, why);
    if (error == CF_OK)
        error = open_people(server, why);
    return error == CF_OK ? open_workers(server, why) : error;
}

void cf_parts_set_store(struct cf_server *server, struct cf_store *store)
{
    struct cf_store_stats stats;
    server->store = store;
    store->ops->stats(store, &stats);
    for (size_t w = 0; w < server->workers_count; w++) {
        struct cf_worker *worker = server->workers[w];
        worker->number_taken = stats.number;
        worker->stamp_taken = worker->stamp_told = stats.stamp;
    }
}

enum cf_error cf_parts_open(struct cf_server *server, const struct cf_config *config,
                            const struct cf_store_sink *sink,
                            void (*store_fatal)(void *context, const char *text),
                            struct cf_buf *why)
{
    struct cf_entropy entropy = cf_entropy_system();
    enum cf_error error = cf_parts_open_core(server, config, &entropy, why);
    if (error == CF_OK)
        error = cf_parts_load_tls(config, &server->tls, why);
    if (error == CF_OK)
        error = cf_config_make_data_dir(config, why);
    if (error == CF_OK)
        error = open_store(server, sink, store_fatal, why);
    /* Behind the store, whose lock keeps a second server out: it would sweep our uploads away. */
    return error == CF_OK ? open_media(server, why) : error;
}

void cf_parts_close(struct cf_server *server)
{
    if (server->store != NULL)
        server->store->ops->close(server->store);
    for (size_t i = 0; i < server->workers_count; i++)
        cf_worker_free(server->workers[i]);
    free(server->workers);
    cf_directory_free(server->directory);
    cf_attempts_free(server->attempts);
    cf_attempts_free(server->address_attempts);
    cf_directory_free(server->talk_people);
    cf_rates_free(server->talk_rates);
    cf_map_deinit(&server->holds);
    cf_newcomers_deinit(server);
    cf_tls_context_unref(server->tls);
    cf_jwt_verifier_free(server->verifier);
    pthread_mutex_destroy(&server->people_lock);
    pthread_mutex_destroy(&server->tls_lock);
}

/* ---- listening ---- */

static enum cf_error bind_address(struct cf_server *server, struct cf_slice address,
                                  struct cf_listening *listening, struct cf_buf *why)
{
    char text[CF_LISTEN_TEXT];
    if (address.len >= sizeof(text)) {
        cf_text_append(why, "CONFAB_LISTEN: an address is too long");
        return CF_E_INVALID;
    }
    memcpy(text, address.ptr, address.len);
    text[address.len] = '\0';
    listening->fds = calloc(server->workers_count, sizeof(int));
    if (listening->fds == NULL) {
        cf_text_append(why, "out of memory");
        return CF_E_NOMEM;
    }
    return cf_listen_bind(text, BACKLOG, server->workers_count, listening->fds, listening->bound,
                          why);
}

static enum cf_error hand_over(struct cf_server *server, struct cf_listening *listening,
                               struct cf_buf *why)
{
    enum cf_error error = CF_OK;
    for (size_t w = 0; w < server->workers_count; w++) {
        enum cf_error started = CF_E_STATE;
        if (error == CF_OK)
            started = cf_worker_listen(server->workers[w], listening->fds[w]);
        else
            close(listening->fds[w]);
        if (error == CF_OK)
            error = started;
    }
    if (error != CF_OK)
        cf_text_append(why, "cannot listen on %s: %s", listening->bound, cf_error_text(error));
    return error;
}

enum cf_error cf_parts_listen(struct cf_server *server, struct cf_listenings *listenings,
                              struct cf_buf *why)
{
    struct cf_slice rest = cf_slice_cstr(server->config->listen), address;
    while (cf_slice_next(&rest, ',', &address)) {
        if (listenings->count == CF_LISTEN_MAX) {
            cf_text_append(why, "CONFAB_LISTEN: at most %d addresses", CF_LISTEN_MAX);
            return CF_E_INVALID;
        }
        struct cf_listening *listening = &listenings->items[listenings->count++];
        enum cf_error error = bind_address(server, cf_slice_trim(address), listening, why);
        if (error == CF_OK)
            error = hand_over(server, listening, why);
        if (error != CF_OK)
            return error;
    }
    return CF_OK;
}

void cf_listenings_free(struct cf_listenings *listenings)
{
    for (size_t i = 0; i < listenings->count; i++)
        free(listenings->items[i].fds);
}
