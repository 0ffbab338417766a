/* The program: arguments, the listener, signals and the way out. */
#include "ws_echo.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    PORT_DEFAULT = 9001,
    MESSAGE_DEFAULT = 16 * 1024 * 1024,
    MESSAGE_LIMIT = 1024 * 1024 * 1024,
    FRAMES_ROOM = 65536, /* beside one message: its header, pongs and a close */
    STOP_WAIT_MS = 10000,
    BACKLOG = 1024,
};

static const char usage[] =
    "usage: confab-ws-echo [--port N] [--max-message BYTES] [--help]\n"
    "\n"
    "Sends every WebSocket text and binary message back, on any path of http://127.0.0.1:PORT.\n"
    "\n"
    "  --port N             0 to 65535, 0: a free one (default 9001)\n"
    "  --max-message BYTES  1 to 1073741824, longer ones close with 1009 (default 16777216)\n"
    "  --help               this text\n";

struct options {
    uint64_t port, message_bytes_max;
};

struct program {
    struct echo_server server;
    uv_signal_t signals[2];
    struct cf_loop_timer stop_timer;
};

static bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out_value)
{
    uint64_t value;
    if (!cf_slice_to_u64(cf_slice_cstr(text), &value) || value < min || value > max)
        return false;
    *out_value = value;
    return true;
}

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *out_options)
{
    static const struct option known[] = {{"port", required_argument, NULL, 'p'},
                                          {"max-message", required_argument, NULL, 'm'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    *out_options = (struct options){.port = PORT_DEFAULT, .message_bytes_max = MESSAGE_DEFAULT};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        bool good = false;
        if (c == 'p')
            good = parse_number(optarg, 0, UINT16_MAX, &out_options->port);
        else if (c == 'm')
            good = parse_number(optarg, 1, MESSAGE_LIMIT, &out_options->message_bytes_max);
        else if (c == 'h')
            return fputs(usage, stdout) < 0 ? EXIT_FAILED : EXIT_DONE;
        if (!good) {
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (optind == argc)
        return -1;
    fputs(usage, stderr);
    return EXIT_USAGE;
}

static void for_each_session(struct echo_server *server, void (*visit)(struct cf_list *link))
{
    for (struct cf_list *link = server->sessions.next, *next; link != &server->sessions;
         link = next) {
        next = link->next;
        visit(link);
    }
}

void echo_server_idle(struct echo_server *server)
{
    if (server->listener == NULL)
        cf_loop_stop(server->loop);
}

static void on_stop_wait(struct cf_loop_timer *timer)
{
    struct program *program = CF_CONTAINER_OF(timer, struct program, stop_timer);
    for_each_session(&program->server, echo_session_cut);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct program *program = handle->data;
    struct echo_server *server = &program->server;
    (void)number;
    if (server->listener == NULL)
        return;
    cf_listener_stop(server->listener);
    server->listener = NULL;
    cf_loop_timer_set(server->loop, &program->stop_timer,
                      cf_loop_now(server->loop).ms + STOP_WAIT_MS);
    for_each_session(server, echo_session_stop);
    if (cf_list_empty(&server->sessions))
        echo_server_idle(server);
}

static void watch_signals(struct program *program)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < CF_ARRAY_LEN(numbers); i++) {
        uv_signal_init(cf_loop_uv(program->server.loop), &program->signals[i]);
        program->signals[i].data = program;
        uv_signal_start(&program->signals[i], on_signal, numbers[i]);
    }
}

static void on_accepted(void *context, int fd)
{
    echo_session_accept(context, fd);
}

static const struct cf_listener_ops listener_ops = {.accepted = on_accepted};

/* Listens, and says so. */
static enum cf_error start_listening(struct echo_server *server, uint64_t port, struct cf_buf *why)
{
    char address[CF_LISTEN_TEXT], bound[CF_LISTEN_TEXT];
    int fd;
    snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)port);
    enum cf_error error = cf_listen_bind(address, BACKLOG, 1, &fd, bound, why);
    if (error == CF_OK)
        error = cf_listener_start(server->loop, fd, &listener_ops, server, &server->listener);
    if (error != CF_OK)
        return error;
    printf("confab-ws-echo: listening on http://%s\n", bound);
    fflush(stdout);
    return CF_OK;
}

static const struct cf_loop_ops loop_ops = {NULL, NULL};

static void init_server(struct echo_server *server, uint64_t message_bytes_max)
{
    server->conn_config = (struct cf_conn_config){
        .write_wait_ms = 10000,
        .handshake_wait_ms = 10000,
    };
    server->ws_config = (struct cf_ws_config){
        .role = CF_WS_SERVER,
        .message_bytes_max = (size_t)message_bytes_max,
        .close_wait_ms = 5000,
    };
    cf_list_init(&server->sessions);
    cf_buf_init(&server->out, (size_t)message_bytes_max + FRAMES_ROOM);
}

static enum cf_error serve(struct program *program, const struct options *options,
                           struct cf_buf *why)
{
    struct echo_server *server = &program->server;
    enum cf_error error = cf_loop_new(&loop_ops, NULL, &server->loop);
    if (error != CF_OK)
        return error;
    cf_loop_timer_init(&program->stop_timer, on_stop_wait);
    watch_signals(program);
    error = start_listening(server, options->port, why);
    if (error == CF_OK)
        cf_loop_run(server->loop);
    for (size_t i = 0; i < CF_ARRAY_LEN(program->signals); i++)
        uv_close((uv_handle_t *)&program->signals[i], NULL);
    cf_loop_free(server->loop);
    return error;
}

int main(int argc, char **argv)
{
    struct options options;
    int code = parse_options(argc, argv, &options);
    if (code >= 0)
        return code;
    static struct program program;
    struct cf_buf why;
    cf_buf_init(&why, 1024);
    init_server(&program.server, options.message_bytes_max);
    enum cf_error error = serve(&program, &options, &why);
    if (error != CF_OK && why.len == 0)
        (void)cf_buf_append(&why, cf_slice_cstr(cf_error_text(error)));
    if (error != CF_OK)
        fprintf(stderr, "confab-ws-echo: %.*s\n", (int)why.len, (const char *)why.ptr);
    cf_buf_deinit(&why);
    cf_buf_deinit(&program.server.out);
    return error == CF_OK ? EXIT_DONE : EXIT_FAILED;
}
