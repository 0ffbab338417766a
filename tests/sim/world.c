#include "sim/world.h"

#include <stdio.h>
#include <string.h>

#include "server/session.h"
#include "sim/net.h"
#include "sim/server.h"

enum {
    SETUP_MAX = 60 * SIM_SECOND,
    CALM_MAX = 600 * SIM_SECOND,
    SETTLE = 90 * SIM_SECOND, /* in which every dead connection is found out */
};

enum sim_phase phase;

static const struct sim_dialect *const dialects[] = {&sim_shop, &sim_talk, &sim_orbital};

static void on_fate(struct sim_event *event);
static struct sim_event fate = {.happen = on_fate};

int64_t sim_backoff(unsigned attempt)
{
    int64_t delay = 500 * SIM_MS;
    while (attempt-- > 0 && delay < 30 * SIM_SECOND)
        delay *= 2;
    return delay * sim_between(800, 1200) / 1000;
}

static void fair_weather(void)
{
    weather =
        (struct sim_weather){.latency_min = 200, .latency_max = 3 * SIM_MS, .window = 256 * 1024};
    trouble = (struct sim_trouble){.commit_min = 100, .commit_max = 2 * SIM_MS};
}

static unsigned one_of(unsigned a, unsigned b, unsigned c)
{
    unsigned values[] = {a, b, c};
    return values[sim_between(0, 2)];
}

/* Each kind of trouble is there or not, a little or a lot. */
static void foul_weather(void)
{
    weather = (struct sim_weather){
        .latency_min = sim_between(100, 20 * SIM_MS),
        .latency_max = sim_between(20 * SIM_MS, 400 * SIM_MS),
        .split = one_of(0, 300, 800),
        .stall = one_of(0, 0, 5),
        .cut = one_of(0, 3, 20),
        .half_open = one_of(0, 300, 700),
        .refuse = one_of(0, 20, 200),
        .window = (size_t)one_of(2048, 16384, 262144),
    };
    trouble = (struct sim_trouble){
        .commit_min = 100,
        .commit_max = sim_between(1, 60) * SIM_MS,
        .slow = one_of(0, 0, 20),
        .fail = one_of(0, 0, 30),
        .full = one_of(0, 0, 5),
        .hold = one_of(0, 0, 20),
    };
}

/* ---- the server's fate ---- */

static void next_fate(void)
{
    sim_at(&fate, sim_between(1, 25) * SIM_SECOND);
}

static void jump_clock(void)
{
    int64_t by = sim_between(-3600, 3600) * SIM_SECOND;
    sim_trace("server: its clock jumps by %lld s", (long long)(by / SIM_SECOND));
    sim.wall_offset += by;
}

/* In the calm only its supervisor is left: what the storm has begun may still end it. */
static void on_fate(struct sim_event *event)
{
    (void)event;
    if (!sim_server_is_up() || phase == SIM_CALM)
        sim_server_start_if_ended();
    else if (sim_chance(400))
        sim_server_kill();
    else if (sim_chance(300))
        sim_server_stop(10 * SIM_SECOND);
    else if (sim_chance(100))
        jump_clock();
    else
        foul_weather();
    next_fate();
}

/* ---- phases ---- */

static bool all(bool (*const *asks)(void), size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!asks[i]())
            return false;
    }
    return true;
}

static bool all_set_up(void)
{
    bool (*asks[CF_ARRAY_LEN(dialects)])(void);
    for (size_t i = 0; i < CF_ARRAY_LEN(dialects); i++)
        asks[i] = dialects[i]->is_set_up;
    return all(asks, CF_ARRAY_LEN(asks));
}

static bool all_at_rest(void)
{
    bool (*asks[CF_ARRAY_LEN(dialects)])(void);
    for (size_t i = 0; i < CF_ARRAY_LEN(dialects); i++)
        asks[i] = dialects[i]->is_at_rest;
    return all(asks, CF_ARRAY_LEN(asks));
}

static void enter(enum sim_phase next)
{
    phase = next;
    sim_trace("world: %s", next == SIM_STORM ? "storm" : "calm");
    for (size_t i = 0; i < CF_ARRAY_LEN(dialects); i++)
        dialects[i]->phase_changed();
}

static uint64_t events_left;

/* Until `done`, or the time is over; false then. */
static bool run_until(bool (*done)(void), int64_t time_max)
{
    int64_t until = sim.now + time_max;
    while (book.failed == NULL && events_left > 0 && (done == NULL || !done())) {
        if (!sim_step(until))
            return done == NULL || done();
        sim_server_run();
        events_left--;
    }
    return true;
}

static void be_calm(void)
{
    fair_weather();
    if (!sim_server_is_up())
        (void)run_until(sim_server_start_if_ended, 20 * SIM_SECOND);
    enter(SIM_CALM);
    bool rested = false;
    for (int64_t until = sim.now + CALM_MAX;
         !rested && sim.now < until && events_left > 0 && book.failed == NULL;) {
        if (!run_until(all_at_rest, until - sim.now))
            break;
        (void)run_until(NULL, SETTLE);
        rested = all_at_rest();
    }
    if (!rested && events_left > 0)
        book_fail("all comes to rest", "after %d s of calm a client still has something to do",
                  CALM_MAX / SIM_SECOND);
}

/* What others said waits for a stream, a line or an Orbital client up to its limit. */
static void check_session(const struct cf_session *session)
{
    uint32_t waiting = cf_conn_outq(&session->conn)->messages;
    if (waiting > session->worker->server->config->ws_send_buffer)
        book_fail("no queue passes its limit", "%u messages wait for a connection",
                  (unsigned)waiting);
}

static void on_check(struct sim_event *event)
{
    const struct cf_server *server = sim_server_get();
    sim_at(event, 1 * SIM_SECOND);
    for (size_t w = 0; server != NULL && w < server->workers_count; w++) {
        const struct cf_slots *sessions = &server->workers[w]->slots;
        uint32_t cursor = 0;
        for (struct cf_session *it; (it = cf_slots_next(sessions, &cursor)) != NULL;)
            check_session(it);
    }
}

static struct sim_event check_queues = {.happen = on_check};

static void play(void)
{
    fair_weather();
    sim_server_begin((unsigned)sim_between(1, 3));
    sim_at(&check_queues, 0);
    for (size_t i = 0; i < CF_ARRAY_LEN(dialects); i++)
        dialects[i]->begin();
    if (!run_until(all_set_up, SETUP_MAX))
        book_fail("all is set up", "rooms could not be made in fair weather");
    foul_weather();
    next_fate();
    enter(SIM_STORM);
    (void)run_until(NULL, sim_between(20, 120) * SIM_SECOND);
    be_calm();
    if (book.failed != NULL || events_left == 0)
        return;
    for (size_t i = 0; i < CF_ARRAY_LEN(dialects); i++)
        dialects[i]->check();
}

void sim_world_run(uint64_t seed, bool tracing, uint64_t events_max, struct sim_result *out_result)
{
    sim_begin(seed, tracing);
    book_begin();
    phase = SIM_SETUP;
    events_left = events_max > 0 ? events_max : UINT64_MAX;
    play();
    for (size_t i = 0; i < CF_ARRAY_LEN(dialects); i++)
        dialects[i]->end();
    sim_cancel(&fate);
    sim_cancel(&check_queues);
    *out_result = (struct sim_result){.failed = book.failed,
                                      .events = sim.events,
                                      .hash = sim.hash,
                                      .virtual_us = sim.now,
                                      .said = book.said_count};
    (void)snprintf(out_result->why, sizeof(out_result->why), "%s", book.why);
    for (int i = 0; i < book.said_count; i++)
        out_result->acknowledged += book.said[i].acknowledged;
    sim_server_end();
    sim_net_end();
    sim_end();
}
