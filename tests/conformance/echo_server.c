#include "echo_server.h"

#include <signal.h>
#include <stdio.h>

enum { WRITE_WAIT_MS = 10000, STOP_WAIT_MS = 10000, BACKLOG = 1024 };

struct program {
    struct echo_server *server;
    uv_signal_t signals[2];
    struct cf_loop_timer stop_timer;
};

bool echo_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out_value)
{
    uint64_t value;
    if (!cf_slice_to_u64(cf_slice_cstr(text), &value) || value < min || value > max)
        return false;
    *out_value = value;
    return true;
}

static void for_each_session(struct echo_server *server, void (*visit)(struct cf_list *link))
{
    for (struct cf_list *link = server->sessions.next, *next; link != &server->sessions;
         link = next) {
        next = link->next;
        visit(link);
    }
}

void echo_server_left(struct echo_server *server)
{
    if (server->listener == NULL && cf_list_empty(&server->sessions))
        cf_loop_stop(server->loop);
}

static void on_stop_wait(struct cf_loop_timer *timer)
{
    struct program *program = CF_CONTAINER_OF(timer, struct program, stop_timer);
    for_each_session(program->server, program->server->ops->cut);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct program *program = handle->data;
    struct echo_server *server = program->server;
    (void)number;
    if (server->listener == NULL)
        return;
    cf_listener_stop(server->listener);
    server->listener = NULL;
    cf_loop_timer_set(server->loop, &program->stop_timer,
                      cf_loop_now(server->loop).ms + STOP_WAIT_MS);
    if (server->ops->stopping != NULL)
        server->ops->stopping(server);
    for_each_session(server, server->ops->stop);
    echo_server_left(server);
}

static void watch_signals(struct program *program)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < CF_ARRAY_LEN(numbers); i++) {
        uv_signal_init(cf_loop_uv(program->server->loop), &program->signals[i]);
        program->signals[i].data = program;
        uv_signal_start(&program->signals[i], on_signal, numbers[i]);
    }
}

static void on_accepted(void *context, int fd)
{
    struct echo_server *server = context;
    server->ops->accept(server, fd);
}

static const struct cf_listener_ops listener_ops = {.accepted = on_accepted};

/* Listens, and says so. */
static enum cf_error start_listening(struct echo_server *server, uint16_t port, struct cf_buf *why)
{
    char address[CF_LISTEN_TEXT], bound[CF_LISTEN_TEXT];
    int fd;
    snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)port);
    enum cf_error error = cf_listen_bind(address, BACKLOG, 1, &fd, bound, why);
    if (error == CF_OK)
        error = cf_listener_start(server->loop, fd, &listener_ops, server, &server->listener);
    if (error != CF_OK)
        return error;
    printf("%s: listening on http://%s\n", server->ops->name, bound);
    fflush(stdout);
    return CF_OK;
}

static const struct cf_loop_ops loop_ops = {NULL, NULL};

static enum cf_error serve(struct program *program, uint16_t port, struct cf_buf *why)
{
    struct echo_server *server = program->server;
    enum cf_error error = cf_loop_new(&loop_ops, NULL, &server->loop);
    if (error != CF_OK)
        return error;
    cf_loop_timer_init(&program->stop_timer, on_stop_wait);
    watch_signals(program);
    error = start_listening(server, port, why);
    if (error == CF_OK)
        cf_loop_run(server->loop);
    cf_loop_timer_stop(server->loop, &program->stop_timer);
    for (size_t i = 0; i < CF_ARRAY_LEN(program->signals); i++)
        uv_close((uv_handle_t *)&program->signals[i], NULL);
    cf_loop_free(server->loop);
    return error;
}

int echo_server_run(struct echo_server *server, const struct echo_ops *ops, uint16_t port)
{
    static struct program program;
    struct cf_buf why;
    cf_buf_init(&why, 1024);
    program.server = server;
    server->ops = ops;
    server->conn_config.write_wait_ms = WRITE_WAIT_MS;
    server->conn_config.handshake_wait_ms = WRITE_WAIT_MS;
    cf_list_init(&server->sessions);
    enum cf_error error = serve(&program, port, &why);
    if (error != CF_OK && why.len == 0)
        (void)cf_buf_append(&why, cf_slice_cstr(cf_error_text(error)));
    if (error != CF_OK)
        fprintf(stderr, "%s: %.*s\n", ops->name, (int)why.len, (const char *)why.ptr);
    cf_buf_deinit(&why);
    return error == CF_OK ? 0 : 1;
}
