/* Memory runs out, and system calls fail, under src/edge/uv: connections that dial a listener, all
 * on one loop, and send bytes that come back. Each allocation, and each call, fails in turn.
 *
 * What is demanded: what a kernel may do at any time (EINTR, EAGAIN, one byte at a time) changes
 * nothing; what else fails is answered by an error or ends the connections concerned, each told of
 * its end once; nothing hangs, nothing is lost, and afterwards the same loop serves perfectly. */
#include "integration/uv/cert.h"
#include "oom/calls.h"
#include "oom/openssl.h"
#include "oom/scenario.h"

enum { PEERS = 3, PARTS = 3, LARGE = 100000, SMALL = 1000, PATIENCE_MS = 10000 };

/* One side. */
struct side {
    struct cf_conn conn;
    bool live; /* started, its end not told yet */
    bool dials;
    size_t got;
};

struct stage {
    struct cf_loop *loop;
    struct cf_listener *listener;
    struct cf_loop_timer guard;
    struct cf_tls_context *server_tls, *client_tls;
    uint16_t port;
    struct side dialled[PEERS], accepted[4 * PEERS];
    size_t accepted_count;
    unsigned whole; /* of the dialled: all bytes came back */
    unsigned refused;
    bool hung;
};

static struct stage stage;
static struct cf_shared *part; /* what each of the dialled sends, PARTS times */

static void set_part(size_t len)
{
    cf_shared_unref(part);
    part = cf_shared_new_uninit(len);
    assert_non_null(part);
    memset(part->bytes, 'x', len);
}

static struct side *side_of(struct cf_conn *conn)
{
    return CF_CONTAINER_OF(conn, struct side, conn);
}

static void opened(struct cf_conn *conn)
{
    if (!side_of(conn)->dials)
        return;
    for (int i = 0; i < PARTS; i++) {
        if (cf_conn_queue(conn, part, 1) != CF_OK) {
            cf_conn_abort(conn, CF_E_NOMEM);
            return;
        }
    }
}

static void read_bytes(struct cf_conn *conn, struct cf_slice bytes)
{
    struct side *side = side_of(conn);
    side->got += bytes.len;
    if (!side->dials && cf_conn_write(conn, bytes) != CF_OK)
        cf_conn_abort(conn, CF_E_NOMEM);
    if (side->dials && side->got == part->len * PARTS) {
        stage.whole++;
        cf_conn_shut(conn);
    }
}

static bool anybody_lives(void)
{
    for (size_t i = 0; i < PEERS; i++)
        if (stage.dialled[i].live)
            return true;
    for (size_t i = 0; i < stage.accepted_count; i++)
        if (stage.accepted[i].live)
            return true;
    return false;
}

static void closed(struct cf_conn *conn, enum cf_error why)
{
    struct side *side = side_of(conn);
    (void)why;
    assert_true(side->live);
    side->live = false;
    if (!anybody_lives())
        cf_loop_stop(stage.loop);
}

static const struct cf_conn_ops conn_ops = {.opened = opened, .read = read_bytes, .closed = closed};
static const struct cf_conn_config conn_config = {
    .ops = &conn_ops, .write_wait_ms = 2000, .handshake_wait_ms = 2000};

static void accepted(void *context, int fd)
{
    (void)context;
    assert_true(stage.accepted_count < CF_ARRAY_LEN(stage.accepted));
    struct side *side = &stage.accepted[stage.accepted_count++];
    *side = (struct side){.dials = false};
    side->live =
        cf_conn_start(&side->conn, stage.loop, &conn_config, fd, stage.server_tls) == CF_OK;
    stage.refused += !side->live;
}

static const struct cf_listener_ops listener_ops = {.accepted = accepted};
static const struct cf_loop_ops loop_ops = {.wake = NULL};

static void on_guard(struct cf_loop_timer *timer)
{
    (void)timer;
    stage.hung = true;
    cf_loop_stop(stage.loop);
}

static bool stage_open(struct scenario *s)
{
    char bound[CF_LISTEN_TEXT];
    int fd;
    struct cf_buf why;
    stage = (struct stage){.server_tls = stage.server_tls, .client_tls = stage.client_tls};
    cf_buf_init(&why, 1024);
    fault_pause();
    assert_int_equal(cf_listen_bind("127.0.0.1:0", 128, 1, &fd, bound, &why), CF_OK);
    cf_buf_deinit(&why);
    fault_resume();
    stage.port = (uint16_t)strtoul(strrchr(bound, ':') + 1, NULL, 10);
    enum cf_error error = cf_loop_new(&loop_ops, NULL, &stage.loop);
    if (error != CF_OK) { /* libuv does not say why */
        scenario_note(s);
        close(fd);
        return false;
    }
    cf_loop_timer_init(&stage.guard, on_guard);
    error = cf_listener_start(stage.loop, fd, &listener_ops, NULL, &stage.listener);
    if (error != CF_OK) {
        scenario_note(s);
        cf_loop_free(stage.loop);
        return false;
    }
    return true;
}

static void stage_close(void)
{
    cf_listener_stop(stage.listener);
    cf_loop_free(stage.loop);
}

/* Everybody talks until all have ended; how many were served to the end. */
static unsigned talk(void)
{
    stage.whole = stage.refused = 0;
    stage.accepted_count = 0;
    for (size_t i = 0; i < PEERS; i++) {
        struct side *side = &stage.dialled[i];
        *side = (struct side){.dials = true};
        side->live = cf_conn_dial(&side->conn, stage.loop, &conn_config, "127.0.0.1", stage.port,
                                  stage.client_tls) == CF_OK;
    }
    cf_loop_timer_set(stage.loop, &stage.guard, cf_loop_now(stage.loop).ms + PATIENCE_MS);
    if (anybody_lives())
        cf_loop_run(stage.loop);
    cf_loop_timer_stop(stage.loop, &stage.guard);
    assert_false(stage.hung);
    return stage.whole;
}

/* ---- memory ---- */

static void echo(struct scenario *s)
{
    s->hides = true; /* the answer is a connection that ends, or one that waits a turn longer */
    if (!stage_open(s))
        return;
    if (talk() < PEERS)
        scenario_note(s);
    fault_heal();
    assert_int_equal(talk(), PEERS);
    stage_close();
}

static void conn_plain(struct scenario *s)
{
    echo(s);
}

static struct rig rig; /* for its certificate alone */

static void conn_tls(struct scenario *s)
{
    stage.server_tls = rig.server_tls;
    stage.client_tls = rig.client_tls;
    echo(s);
    stage.server_tls = stage.client_tls = NULL;
}

/* ---- calls ---- */

struct mode {
    const char *name;
    enum calls_mode mode;
    long runs_max;
    bool harmless;
};

static void fail_call(const struct mode *m, long at, long again, long *out_count, long *answered)
{
    struct scenario s = {.hides = true};
    assert_true(stage_open(&s));
    calls_begin(m->mode, at, again);
    unsigned whole = talk();
    *out_count = calls_end();
    if (m->harmless && whole != PEERS)
        fail_msg("%s, call %ld: %u of %d were served", m->name, at, whole, PEERS);
    *answered += whole < PEERS;
    if (talk() != PEERS)
        fail_msg("%s, call %ld: not served afterwards", m->name, at);
    stage_close();
}

static void each_call_fails(void **state)
{
    const struct mode *m = *state;
    long count = 0, ignored = 0, answered = 0, runs = 0, live = fault_live();
    fail_call(m, 0, 0, &count, &answered);
    long step = scenario_step(count * 2, m->runs_max);
    for (long at = 1; at <= count; at += step, runs++)
        fail_call(m, at, 0, &ignored, &answered);
    set_part(SMALL);
    for (long again = m->mode == CALLS_SHORT ? 1 : 2; m->harmless && again <= 5; again++, runs++)
        fail_call(m, 1, again, &ignored, &answered);
    set_part(LARGE);
    assert_int_equal(fault_live(), live);
    printf("oom calls_%-22s %6ld calls       %7ld runs %7ld ended a connection\n", m->name, count,
           runs, answered);
}

#define MODE(name, which, harmless)                                 \
    {                                                               \
        "calls_" #name, each_call_fails, NULL, NULL, &(struct mode) \
        {                                                           \
#name, which, 100, harmless                             \
        }                                                           \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO_SOME(conn_plain, 80),
        SCENARIO_SOME(conn_tls, 60),
        MODE(interrupted, CALLS_INTERRUPTED, true),
        MODE(busy, CALLS_BUSY, true),
        MODE(short, CALLS_SHORT, true),
        MODE(reset, CALLS_RESET, false),
        MODE(no_memory, CALLS_NO_MEMORY, false),
        MODE(no_descriptors, CALLS_NO_FDS, false),
    };
    if (!openssl_may_fail())
        return 1;
    set_part(LARGE);
    rig_use_tls(&rig);
    int status = cmocka_run_group_tests_name("oom uv", tests, NULL, NULL);
    cf_shared_unref(part);
    cf_tls_context_unref(rig.server_tls);
    cf_tls_context_unref(rig.client_tls);
    return status;
}
