/* A loop, a listener and connections on both sides of it, all in one thread: what the tests of
 * edge/uv stand on. A test gives hooks, runs until it has seen what it waits for, and asserts
 * afterwards. A guard ends a run that hangs. */
#ifndef CF_TESTS_INTEGRATION_UV_RIG_H
#define CF_TESTS_INTEGRATION_UV_RIG_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "edge/uv/conn.h"
#include "edge/uv/listener.h"
#include "edge/uv/loop.h"

enum { RIG_GUARD_MS = 20000, RIG_ENDS_MAX = 1024, RIG_GOT_MAX = 64 * 1024 * 1024 };

struct rig;

/* One side of a connection, with what has happened to it. */
struct end {
    struct cf_conn conn;
    struct rig *rig;
    struct cf_buf got;
    unsigned opened, reads, drained, closed;
    enum cf_error why;
    bool in_callback;
};

struct rig {
    struct cf_loop *loop;
    struct cf_listener *listener;
    struct cf_conn_config config;
    struct cf_tls_context *server_tls, *client_tls;
    uint16_t port;
    struct cf_loop_timer guard;
    bool hung;
    unsigned turns;
    /* The accepted ones, in order. */
    struct end *ends[RIG_ENDS_MAX];
    size_t ends_count;
    /* Hooks; any may be NULL. */
    bool (*done)(struct rig *rig);
    void (*opened)(struct end *end);
    void (*read)(struct end *end, struct cf_slice bytes);
    void (*drained)(struct end *end);
    void (*turn_end)(struct rig *rig);
    void (*wake)(struct rig *rig);
    void *context;
};

static inline struct end *rig_end_of(struct cf_conn *conn)
{
    return CF_CONTAINER_OF(conn, struct end, conn);
}

/* Callbacks never nest (V29). */
static inline void rig_enter(struct end *end)
{
    assert_false(end->in_callback);
    assert_int_equal(end->closed, 0);
    end->in_callback = true;
}

static inline void rig_on_opened(struct cf_conn *conn)
{
    struct end *end = rig_end_of(conn);
    rig_enter(end);
    end->opened++;
    if (end->rig->opened != NULL)
        end->rig->opened(end);
    end->in_callback = false;
}

static inline void rig_on_read(struct cf_conn *conn, struct cf_slice bytes)
{
    struct end *end = rig_end_of(conn);
    rig_enter(end);
    assert_int_equal(end->opened, 1);
    end->reads++;
    assert_int_equal(cf_buf_append(&end->got, bytes), CF_OK);
    if (end->rig->read != NULL)
        end->rig->read(end, bytes);
    end->in_callback = false;
}

static inline void rig_on_drained(struct cf_conn *conn)
{
    struct end *end = rig_end_of(conn);
    rig_enter(end);
    end->drained++;
    if (end->rig->drained != NULL)
        end->rig->drained(end);
    end->in_callback = false;
}

static inline void rig_on_closed(struct cf_conn *conn, enum cf_error why)
{
    struct end *end = rig_end_of(conn);
    rig_enter(end);
    end->closed++;
    end->why = why;
    end->in_callback = false;
    /* An owner frees itself here: whoever still looks at the connection finds nonsense. */
    memset(&end->conn, 0xdb, sizeof(end->conn));
}

static const struct cf_conn_ops rig_conn_ops = {
    .opened = rig_on_opened,
    .read = rig_on_read,
    .drained = rig_on_drained,
    .closed = rig_on_closed,
};

static inline struct end *rig_end_new(struct rig *rig)
{
    struct end *end = calloc(1, sizeof(*end));
    assert_non_null(end);
    end->rig = rig;
    cf_buf_init(&end->got, RIG_GOT_MAX);
    return end;
}

static inline void rig_end_free(struct end *end)
{
    cf_buf_deinit(&end->got);
    free(end);
}

static inline void rig_on_accepted(void *context, int fd)
{
    struct rig *rig = context;
    assert_true(rig->ends_count < RIG_ENDS_MAX);
    struct end *end = rig_end_new(rig);
    rig->ends[rig->ends_count++] = end;
    end->in_callback = true; /* start calls nobody back */
    assert_int_equal(cf_conn_start(&end->conn, rig->loop, &rig->config, fd, rig->server_tls),
                     CF_OK);
    end->in_callback = false;
}

static const struct cf_listener_ops rig_listener_ops = {.accepted = rig_on_accepted};

static inline void rig_on_turn_end(void *context)
{
    struct rig *rig = context;
    rig->turns++;
    if (rig->turn_end != NULL)
        rig->turn_end(rig);
    if (rig->done != NULL && rig->done(rig))
        cf_loop_stop(rig->loop);
}

static inline void rig_on_wake(void *context)
{
    struct rig *rig = context;
    if (rig->wake != NULL)
        rig->wake(rig);
}

static const struct cf_loop_ops rig_loop_ops = {.wake = rig_on_wake, .turn_end = rig_on_turn_end};

static inline void rig_on_guard(struct cf_loop_timer *timer)
{
    struct rig *rig = CF_CONTAINER_OF(timer, struct rig, guard);
    rig->hung = true;
    cf_loop_stop(rig->loop);
}

static inline void rig_listen(struct rig *rig, const char *address)
{
    char bound[CF_LISTEN_TEXT];
    int fd;
    struct cf_buf why;
    cf_buf_init(&why, 1024);
    assert_int_equal(cf_listen_bind(address, 128, 1, &fd, bound, &why), CF_OK);
    assert_int_equal(cf_listener_start(rig->loop, fd, &rig_listener_ops, rig, &rig->listener),
                     CF_OK);
    const char *colon = strrchr(bound, ':');
    rig->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    cf_buf_deinit(&why);
}

static inline void rig_init(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    rig->config = (struct cf_conn_config){
        .ops = &rig_conn_ops, .write_wait_ms = 10000, .handshake_wait_ms = 10000};
    assert_int_equal(cf_loop_new(&rig_loop_ops, rig, &rig->loop), CF_OK);
    cf_loop_timer_init(&rig->guard, rig_on_guard);
}

/* Runs until `done` says so. */
static inline void rig_run(struct rig *rig, bool (*done)(struct rig *rig))
{
    rig->done = done;
    rig->hung = false;
    cf_loop_timer_set(rig->loop, &rig->guard, cf_loop_now(rig->loop).ms + RIG_GUARD_MS);
    cf_loop_run(rig->loop);
    cf_loop_timer_stop(rig->loop, &rig->guard);
    rig->done = NULL;
    assert_false(rig->hung);
}

static inline bool rig_all_closed(struct rig *rig)
{
    for (size_t i = 0; i < rig->ends_count; i++) {
        if (rig->ends[i]->closed == 0)
            return false;
    }
    return true;
}

static inline void rig_deinit(struct rig *rig)
{
    for (size_t i = 0; i < rig->ends_count; i++) {
        if (rig->ends[i]->closed == 0)
            cf_conn_abort(&rig->ends[i]->conn, CF_OK);
    }
    if (rig->listener != NULL)
        cf_listener_stop(rig->listener);
    rig_run(rig, rig_all_closed);
    for (size_t i = 0; i < rig->ends_count; i++)
        rig_end_free(rig->ends[i]);
    cf_loop_free(rig->loop);
    cf_tls_context_unref(rig->server_tls);
    cf_tls_context_unref(rig->client_tls);
}

/* Dials the rig's listener; the end is among rig->ends. */
static inline struct end *rig_dial_port(struct rig *rig, uint16_t port)
{
    struct end *end = rig_end_new(rig);
    rig->ends[rig->ends_count++] = end;
    end->in_callback = true; /* dial calls nobody back */
    assert_int_equal(
        cf_conn_dial(&end->conn, rig->loop, &rig->config, "127.0.0.1", port, rig->client_tls),
        CF_OK);
    end->in_callback = false;
    return end;
}

static inline struct end *rig_dial(struct rig *rig)
{
    return rig_dial_port(rig, rig->port);
}

static inline int rig_raw_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    return fd;
}

static inline void rig_raw_join(const struct rig *rig, int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(rig->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

/* A blocking socket that is connected to the listener, for a peer with manners of its own. */
static inline int rig_raw_connect(const struct rig *rig)
{
    int fd = rig_raw_socket();
    rig_raw_join(rig, fd);
    return fd;
}

/* Done when one was accepted and opened; it is then the last of rig->ends. */
static inline bool rig_accepted(struct rig *rig)
{
    return rig->ends_count > 0 && rig->ends[rig->ends_count - 1]->opened == 1;
}

#endif
