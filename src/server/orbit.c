#include "server/orbit.h"

#include <stdlib.h>
#include <string.h>

#include "dialect/orbital/tell.h"
#include "server/fanout.h"
#include "server/people.h"
#include "server/upgrade.h"

enum {
    PINGS_MISSED_MAX = 3,
    ANSWERS_BYTES_MAX = 4 * 1024 * 1024,
    /* An envelope may be a third of a megabyte: a few of them may wait. */
    QUEUED_BYTES_EACH = 16 * 1024,
};

struct ending {
    unsigned code;
    const char *reason;
    const char *log;
    enum cf_counter counter;
};

/* A peer that answers no ping is dropped without a close frame, as seed 004's terminate() does: its
 * client takes a 1008 for a refused token, and comes back after a 1006. */
static const struct ending endings[] = {
    [CF_ORBIT_LIVE] = {1006, "", "connection_lost", CF_COUNT_GONE_VANISHED},
    [CF_ORBIT_BY_CLIENT] = {1000, "", "client_closed", CF_COUNT_GONE_CLIENT},
    [CF_ORBIT_PROTOCOL] = {1008, "too many bad frames", "protocol_error", CF_COUNT_GONE_PROTOCOL},
    [CF_ORBIT_PONG] = {1006, "", "pong_timeout", CF_COUNT_GONE_PONG},
    [CF_ORBIT_SLOW] = {1013, "reads too slowly, fetch what is missing", "slow_consumer",
                       CF_COUNT_GONE_SLOW},
    [CF_ORBIT_EXPIRED] = {1008, "token expired", "token_expired", CF_COUNT_GONE_EXPIRED},
    [CF_ORBIT_SHUTDOWN] = {1001, "server is going away", "going_away", CF_COUNT_GONE_SHUTDOWN},
    [CF_ORBIT_LOST] = {1013, "fetch what is missing", "server_error", CF_COUNT_GONE_MEMORY},
};

static struct cf_worker *worker_of(const struct cf_orbit *orbit)
{
    return orbit->session->worker;
}

static cf_ms ping_period_ms(const struct cf_orbit *orbit)
{
    return (cf_ms)worker_of(orbit)->server->config->orbital_ping_period_s * 1000;
}

struct cf_slice cf_orbit_user(const struct cf_orbit *orbit)
{
    return cf_slice_of(orbit->people, orbit->user_len);
}

struct cf_slice cf_orbit_name(const struct cf_orbit *orbit)
{
    return cf_slice_of(orbit->people + orbit->user_len, orbit->name_len);
}

/* ---- talking ---- */

void cf_orbit_send(struct cf_orbit *orbit, struct cf_slice text, enum cf_error error)
{
    if (orbit->end != CF_ORBIT_LIVE)
        return;
    if (error == CF_OK)
        error = cf_line_send(&orbit->session->line, CF_WS_TEXT, text, ANSWERS_BYTES_MAX);
    if (error != CF_OK)
        cf_orbit_close(orbit, error == CF_E_SLOW ? CF_ORBIT_SLOW : CF_ORBIT_LOST);
}

bool cf_orbit_deliver(struct cf_orbit *orbit, struct cf_shared *bytes, uint32_t messages)
{
    if (orbit->end != CF_ORBIT_LIVE)
        return false;
    enum cf_error error =
        cf_line_deliver(&orbit->session->line, bytes, messages, QUEUED_BYTES_EACH);
    if (error == CF_E_SLOW)
        cf_orbit_close(orbit, CF_ORBIT_SLOW);
    else if (error == CF_E_NOMEM)
        cf_orbit_close(orbit, CF_ORBIT_LOST);
    return error == CF_OK;
}

void cf_orbit_close(struct cf_orbit *orbit, enum cf_orbit_end end)
{
    if (orbit->end != CF_ORBIT_LIVE)
        return;
    orbit->end = (uint8_t)end;
    if (end == CF_ORBIT_SLOW || end == CF_ORBIT_LOST) {
        cf_conn_drop_unsent(&orbit->session->conn);
        cf_count(&worker_of(orbit)->metrics, CF_COUNT_BROADCAST_ERRORS);
    }
    cf_line_close(&orbit->session->line, endings[end].code, endings[end].reason);
    if (end == CF_ORBIT_SLOW)
        cf_conn_shut(&orbit->session->conn);
}

/* ---- listening ---- */

/* The closing handshake is over: `out` is the last that was written. */
static void ended(struct cf_orbit *orbit, const struct cf_ws_event *event)
{
    if (orbit->end == CF_ORBIT_LIVE)
        orbit->end = event->clean ? CF_ORBIT_BY_CLIENT : CF_ORBIT_PROTOCOL;
    cf_conn_shut(&orbit->session->conn);
}

static void on_event(struct cf_line *line, const struct cf_ws_event *event)
{
    struct cf_orbit *orbit = line->owner;
    switch (event->type) {
    case CF_WS_EVENT_NEED_MORE:
        break;
    case CF_WS_EVENT_TEXT:
        if (orbit->end == CF_ORBIT_LIVE)
            cf_orbit_hear(orbit, event->payload);
        break;
    case CF_WS_EVENT_BINARY:
        if (orbit->end == CF_ORBIT_LIVE)
            cf_orbit_hear_binary(orbit);
        break;
    case CF_WS_EVENT_PONG:
        orbit->pings = 0;
        break;
    case CF_WS_EVENT_CLOSED:
        ended(orbit, event);
        break;
    }
}

/* ---- time ---- */

static void ping(struct cf_orbit *orbit, struct cf_now now)
{
    struct cf_worker *worker = worker_of(orbit);
    if (orbit->pings == PINGS_MISSED_MAX) {
        orbit->end = CF_ORBIT_PONG;
        cf_conn_shut(&orbit->session->conn);
        return;
    }
    orbit->pings++;
    orbit->next_ping = now.ms + ping_period_ms(orbit);
    cf_buf_reset(&worker->scratch);
    enum cf_error error = cf_orbital_ping(now.us, worker->stamp_told, &worker->scratch);
    cf_orbit_send(orbit, cf_buf_peek(&worker->scratch), error);
}

static void on_timer(struct cf_line *line)
{
    struct cf_orbit *orbit = line->owner;
    struct cf_now now = cf_worker_now(worker_of(orbit));
    if (!cf_line_tick(line))
        return;
    if (now.us >= orbit->expires)
        cf_orbit_close(orbit, CF_ORBIT_EXPIRED);
    else if (orbit->end == CF_ORBIT_LIVE && now.ms >= orbit->next_ping)
        ping(orbit, now);
    cf_line_set_timer(line);
}

static cf_ms deadline_of(const struct cf_line *line)
{
    const struct cf_orbit *orbit = line->owner;
    if (orbit->end != CF_ORBIT_LIVE)
        return CF_MS_NEVER;
    return cf_ms_earlier(orbit->next_ping, cf_worker_when(worker_of(orbit), orbit->expires));
}

/* ---- the end ---- */

void cf_orbit_unsubscribe(struct cf_subscription *subscription)
{
    struct cf_orbit *orbit = subscription->orbit;
    cf_hub_leave(&worker_of(orbit)->hub, &subscription->subscriber);
    (void)cf_map_remove(&orbit->groups,
                        cf_slice_of(subscription->group.bytes, sizeof(subscription->group.bytes)));
    free(subscription);
}

static void account(const struct cf_orbit *orbit, enum cf_error why)
{
    struct cf_worker *worker = worker_of(orbit);
    const struct ending *ending = &endings[orbit->end];
    cf_ms lived = cf_worker_now(worker).ms - orbit->opened;
    bool stuck = orbit->end == CF_ORBIT_LIVE && why == CF_E_TIMEOUT;
    cf_count(&worker->metrics, stuck ? CF_COUNT_GONE_WRITE : ending->counter);
    cf_observe(&worker->metrics, CF_HIST_DURATION_S, (uint64_t)lived * 1000);
    atomic_fetch_sub_explicit(&worker->metrics.orbits, 1, memory_order_relaxed);
    cf_log(CF_LOG_INFO, "Orbital client disconnected", CF_KV_STR("user_id", cf_orbit_user(orbit)),
           CF_KV_SECONDS("duration_seconds", lived),
           CF_KV_CSTR("reason", stuck ? "write_timeout" : ending->log));
}

static void on_gone(struct cf_line *line, enum cf_error why)
{
    struct cf_orbit *orbit = line->owner;
    struct cf_subscription *subscription;
    for (size_t cursor = 0; (subscription = cf_map_next(&orbit->groups, &cursor)) != NULL;) {
        cf_hub_leave(&worker_of(orbit)->hub, &subscription->subscriber);
        free(subscription);
    }
    cf_map_deinit(&orbit->groups);
    account(orbit, why);
    free(orbit);
}

static void on_drain(struct cf_line *line)
{
    cf_orbit_close(line->owner, CF_ORBIT_SHUTDOWN);
}

static const struct cf_line_ops line_ops = {.event = on_event,
                                            .deadline = deadline_of,
                                            .timer = on_timer,
                                            .drain = on_drain,
                                            .gone = on_gone};

struct cf_orbit *cf_orbit_of_session(const struct cf_session *session)
{
    return session->line.ops == &line_ops ? session->line.owner : NULL;
}

/* ---- the beginning ---- */

static struct cf_orbit *new_orbit(struct cf_session *session, const struct cf_identity *identity)
{
    struct cf_slice user = cf_identity_user(identity);
    struct cf_slice name = cf_identity_name(identity);
    struct cf_orbit *orbit = calloc(1, sizeof(*orbit) + user.len + name.len);
    if (orbit == NULL)
        return NULL;
    memcpy(orbit->people, user.ptr, user.len);
    memcpy(orbit->people + user.len, name.ptr, name.len);
    orbit->user_len = (uint16_t)user.len;
    orbit->name_len = (uint16_t)name.len;
    orbit->session = session;
    orbit->expires = identity->expires;
    cf_map_init(&orbit->groups, session->worker->server->hash_key);
    return orbit;
}

static void begin(struct cf_orbit *orbit, struct cf_slice bytes)
{
    struct cf_worker *worker = worker_of(orbit);
    struct cf_now now = cf_worker_now(worker);
    cf_line_begin(&orbit->session->line, &line_ops, orbit);
    orbit->opened = now.ms;
    orbit->next_ping = now.ms + ping_period_ms(orbit);
    cf_count(&worker->metrics, CF_COUNT_UPGRADES);
    atomic_fetch_add_explicit(&worker->metrics.orbits, 1, memory_order_relaxed);
    cf_log(CF_LOG_INFO, "Orbital client connected", CF_KV_STR("user_id", cf_orbit_user(orbit)),
           CF_KV_STR("username", cf_orbit_name(orbit)));
    cf_buf_reset(&worker->scratch);
    enum cf_error error = cf_orbital_auth_success(cf_orbit_user(orbit), cf_orbit_name(orbit),
                                                  now.us, worker->stamp_told, &worker->scratch);
    cf_orbit_send(orbit, cf_buf_peek(&worker->scratch), error);
    cf_line_set_timer(&orbit->session->line);
    if (bytes.len > 0)
        cf_line_read(&orbit->session->line, bytes);
}

/* Attempts are counted before anybody looks at the token (seed 004, Rate Limiting). */
static struct cf_problem check(const struct cf_exchange *exchange)
{
    struct cf_worker *worker = exchange->web->session->worker;
    cf_ms retry_ms = 0;
    struct cf_problem problem = cf_upgrade_check(exchange);
    if (problem.status != 0)
        return problem;
    enum cf_error error = cf_people_attempt_from(worker->server, &exchange->client,
                                                 cf_worker_now(worker).ms, &retry_ms);
    if (error == CF_E_RATE)
        return cf_upgrade_too_often(retry_ms);
    if (error != CF_OK || worker->draining)
        return cf_problem_of(CF_E_UNAVAILABLE);
    return cf_upgrade_check_asker(exchange);
}

void cf_orbit_open(struct cf_exchange *exchange)
{
    struct cf_session *session = exchange->web->session;
    struct cf_worker *worker = session->worker;
    struct cf_problem problem = check(exchange);
    if (problem.status != 0) {
        cf_upgrade_refuse(exchange, &problem);
        return;
    }
    struct cf_orbit *orbit = new_orbit(session, &exchange->identity);
    enum cf_error error = orbit == NULL ? CF_E_NOMEM : CF_OK;
    if (error == CF_OK)
        error = cf_upgrade_switch(exchange, CF_LIT(""), &worker->server->orbital_ws_config,
                                  &orbit->compressed);
    if (error != CF_OK) {
        free(orbit);
        cf_upgrade_fail(exchange, error);
        return;
    }
    cf_worker_sight(worker, &exchange->identity);
    struct cf_buf rest;
    cf_web_leave(exchange->web, &rest);
    begin(orbit, cf_buf_peek(&rest));
    cf_buf_deinit(&rest);
}
