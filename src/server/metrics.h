/* Counters of one worker. Its thread alone writes them; a scrape reads those of all workers. */
#ifndef CF_SERVER_METRICS_H
#define CF_SERVER_METRICS_H

#include <stdatomic.h>

#include "base/buf.h"

/* X(name, family, labels, help): lines of one family stand together. */
#define CF_COUNTER_MAP(X)                                                                        \
    X(HTTP_2XX, "confab_http_requests_total", "status=\"2xx\"", "HTTP requests answered")        \
    X(HTTP_3XX, "confab_http_requests_total", "status=\"3xx\"", "")                              \
    X(HTTP_4XX, "confab_http_requests_total", "status=\"4xx\"", "")                              \
    X(HTTP_5XX, "confab_http_requests_total", "status=\"5xx\"", "")                              \
    X(ACCEPTED, "confab_connections_accepted_total", "", "Connections accepted")                 \
    X(UPGRADES, "confab_websocket_upgrades_total", "", "Upgrades that became a stream")          \
    X(AUTH_FAILURES, "websocket_auth_failures_total", "", "Upgrades without a valid token")      \
    X(UPGRADE_400, "websocket_upgrade_failures_total", "status=\"400\"", "Upgrades refused")     \
    X(UPGRADE_401, "websocket_upgrade_failures_total", "status=\"401\"", "")                     \
    X(UPGRADE_403, "websocket_upgrade_failures_total", "status=\"403\"", "")                     \
    X(UPGRADE_426, "websocket_upgrade_failures_total", "status=\"426\"", "")                     \
    X(UPGRADE_429, "websocket_upgrade_failures_total", "status=\"429\"", "")                     \
    X(UPGRADE_503, "websocket_upgrade_failures_total", "status=\"503\"", "")                     \
    X(UPGRADE_OTHER, "websocket_upgrade_failures_total", "status=\"other\"", "")                 \
    X(BROADCAST, "websocket_messages_broadcast_total", "",                                       \
      "Messages, edits and deletions told to a shop's streams")                                  \
    X(DELIVERIES, "confab_deliveries_total", "", "Events queued to streams, one a stream")       \
    X(BROADCAST_ERRORS, "websocket_broadcast_errors_total", "",                                  \
      "Events a stream could not be given")                                                      \
    X(REPLAYS, "confab_idempotent_replays_total", "", "Retries that were answered again")        \
    X(SIO_OPENED_POLLING, "confab_socketio_sessions_opened_total", "transport=\"polling\"",      \
      "Engine.IO sessions opened")                                                               \
    X(SIO_OPENED_WEBSOCKET, "confab_socketio_sessions_opened_total", "transport=\"websocket\"",  \
      "")                                                                                        \
    X(SIO_UPGRADES, "confab_socketio_upgrades_total", "",                                        \
      "Sessions that went from polling to WebSocket")                                            \
    X(SIO_PACKETS_IN, "confab_socketio_packets_total", "direction=\"in\"", "Socket.IO packets")  \
    X(SIO_PACKETS_OUT, "confab_socketio_packets_total", "direction=\"out\"", "")                 \
    X(SIO_ACKS, "confab_socketio_acks_total", "", "Events acknowledged to their sender")         \
    X(SIO_RECOVERED, "confab_socketio_recoveries_total", "outcome=\"recovered\"",                \
      "Sockets that came back with a pid")                                                       \
    X(SIO_NOT_RECOVERED, "confab_socketio_recoveries_total", "outcome=\"fresh\"", "")            \
    X(SIO_CROWDED, "confab_socketio_crowded_out_total", "",                                      \
      "Sessions closed to make room, before anybody had connected by them")                      \
    X(SIO_REFUSED, "confab_socketio_refused_total", "", "Connects without a valid token")        \
    X(SIO_BAD, "confab_socketio_protocol_errors_total", "", "Sessions ended for what they sent") \
    X(ORBITAL_BAD, "confab_orbital_bad_frames_total", "", "Orbital frames that were refused")    \
    X(MEDIA_UPLOADED, "confab_orbital_uploads_total", "", "Encrypted media that were completed") \
    X(MEDIA_BYTES, "confab_orbital_upload_bytes_total", "", "Bytes of encrypted media received") \
    X(MEDIA_SWEPT, "confab_orbital_media_removed_total", "",                                     \
      "Encrypted media removed from disk: expired, deleted or abandoned")                        \
    X(RATE_LIMITED, "confab_rate_limited_total", "", "Messages refused by the rate limit")       \
    X(GONE_CLIENT, "websocket_disconnect_reasons", "reason=\"client_closed\"", "Streams ended")  \
    X(GONE_VANISHED, "websocket_disconnect_reasons", "reason=\"connection_lost\"", "")           \
    X(GONE_PONG, "websocket_disconnect_reasons", "reason=\"pong_timeout\"", "")                  \
    X(GONE_WRITE, "websocket_disconnect_reasons", "reason=\"write_timeout\"", "")                \
    X(GONE_SLOW, "websocket_disconnect_reasons", "reason=\"slow_consumer\"", "")                 \
    X(GONE_EXPIRED, "websocket_disconnect_reasons", "reason=\"token_expired\"", "")              \
    X(GONE_REMOVED, "websocket_disconnect_reasons", "reason=\"removed_from_shop\"", "")          \
    X(GONE_PROTOCOL, "websocket_disconnect_reasons", "reason=\"protocol_error\"", "")            \
    X(GONE_SHUTDOWN, "websocket_disconnect_reasons", "reason=\"going_away\"", "")                \
    X(GONE_PROBE, "websocket_disconnect_reasons", "reason=\"probe_timeout\"", "")                \
    X(GONE_MEMORY, "websocket_disconnect_reasons", "reason=\"server_error\"", "")

enum cf_counter {
#define CF_COUNTER_ENUM(name, family, labels, help) CF_COUNT_##name,
    CF_COUNTER_MAP(CF_COUNTER_ENUM)
#undef CF_COUNTER_ENUM
        CF_COUNTERS
};

enum cf_histogram { CF_HIST_DURATION_S, CF_HIST_BROADCAST_MS, CF_HISTOGRAMS };

enum { CF_HIST_BUCKETS = 12 }; /* the last one is +Inf */

struct cf_metrics {
    _Atomic uint64_t counters[CF_COUNTERS];
    _Atomic uint64_t buckets[CF_HISTOGRAMS][CF_HIST_BUCKETS];
    _Atomic uint64_t sums_us[CF_HISTOGRAMS]; /* millionths of the histogram's unit */
    _Atomic uint64_t connections;            /* open now */
    _Atomic uint64_t sio_sessions[2];        /* open now, by enum cf_eio_transport */
    _Atomic uint64_t orbits;                 /* Orbital connections, open now */
};

static inline void cf_count_add(struct cf_metrics *metrics, enum cf_counter counter, uint64_t n)
{
    atomic_fetch_add_explicit(&metrics->counters[counter], n, memory_order_relaxed);
}

static inline void cf_count(struct cf_metrics *metrics, enum cf_counter counter)
{
    cf_count_add(metrics, counter, 1);
}

/* `millionths`: the value in millionths of the histogram's unit (s or ms). */
void cf_observe(struct cf_metrics *metrics, enum cf_histogram histogram, uint64_t millionths);
/* The counters of `count` workers, added up, in Prometheus text format. */
enum cf_error cf_metrics_write(struct cf_metrics *const *workers, size_t count, struct cf_buf *out);

#endif
