/* The program: its arguments and its commands. */
#include "ws_client.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "echo_server.h"
#include "edge/tls/digest.h"

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    MESSAGE_DEFAULT = 16 * 1024 * 1024,
    MESSAGE_LIMIT = 1024 * 1024 * 1024,
    FRAMES_ROOM = 65536, /* beside one message: its header, pongs and a close */
    LINE_MAX_BYTES = 4096,
};

static const char usage[] =
    "usage: confab-ws-echo-client --port N [--max-message BYTES] [--close-wait MS] [--help]\n"
    "\n"
    "Connects to ws://127.0.0.1:PORT/ID as lines of its standard input ask for it, and sends "
    "every\n"
    "WebSocket text and binary message back. ID is a number.\n"
    "\n"
    "  open ID                   connects\n"
    "  open ID deflate           the same, and offers permessage-deflate\n"
    "  close ID CODE [REASON]    begins the closing handshake\n"
    "  ping ID\n"
    "  text ID MESSAGE\n"
    "\n"
    "  --port N             1 to 65535\n"
    "  --max-message BYTES  1 to 1073741824, longer ones close with 1009 (default 16777216)\n"
    "  --close-wait MS      1 to 60000, for the server's part of a close (default 5000)\n"
    "  --help               this text\n";

struct program {
    struct ws_client client;
    uv_pipe_t input;
    struct cf_buf line; /* of the input, as far as it has come */
    char chunk[LINE_MAX_BYTES];
};

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct ws_client *client)
{
    static const struct option known[] = {{"port", required_argument, NULL, 'p'},
                                          {"max-message", required_argument, NULL, 'm'},
                                          {"close-wait", required_argument, NULL, 'c'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    uint64_t port = 0, bytes_max = MESSAGE_DEFAULT, wait_ms = 5000;
    bool good = true;
    for (int c; good && (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == 'h')
            return fputs(usage, stdout) < 0 ? EXIT_FAILED : EXIT_DONE;
        good = (c == 'p' && echo_parse_number(optarg, 1, UINT16_MAX, &port)) ||
               (c == 'm' && echo_parse_number(optarg, 1, MESSAGE_LIMIT, &bytes_max)) ||
               (c == 'c' && echo_parse_number(optarg, 1, 60000, &wait_ms));
    }
    if (!good || optind != argc || port == 0) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    client->port = (uint16_t)port;
    client->ws_config.message_bytes_max = (size_t)bytes_max;
    client->ws_config.close_wait_ms = (cf_ms)wait_ms;
    return -1;
}

/* The next word of a line. */
static struct cf_slice take_word(struct cf_slice *rest)
{
    struct cf_slice word = cf_slice_head(*rest, cf_slice_find(*rest, ' '));
    *rest = cf_slice_skip(*rest, word.len);
    *rest = cf_slice_skip(*rest, rest->len > 0 ? 1 : 0);
    return word;
}

static bool obey(struct ws_client *client, struct cf_slice line)
{
    struct cf_slice verb = take_word(&line);
    uint64_t id, code;
    if (!cf_slice_to_u64(take_word(&line), &id))
        return false;
    if (cf_slice_eq(verb, CF_LIT("open"))) {
        ws_client_open(client, id, cf_slice_eq(line, CF_LIT("deflate")));
    } else if (cf_slice_eq(verb, CF_LIT("ping"))) {
        ws_client_ping(client, id);
    } else if (cf_slice_eq(verb, CF_LIT("text"))) {
        ws_client_text(client, id, line);
    } else if (cf_slice_eq(verb, CF_LIT("close"))) {
        if (!cf_slice_to_u64(take_word(&line), &code) || code > UINT16_MAX ||
            !cf_ws_close_valid((unsigned)code) || line.len > CF_WS_CONTROL_MAX - 2)
            return false;
        ws_client_close(client, id, (unsigned)code, line);
    } else {
        return false;
    }
    return true;
}

static void end_input(struct program *program)
{
    uv_close((uv_handle_t *)&program->input, NULL);
    program->client.ending = true;
    if (cf_list_empty(&program->client.sessions))
        cf_loop_stop(program->client.loop);
}

static void on_chunk(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct program *program = handle->data;
    (void)suggested;
    *out = uv_buf_init(program->chunk, sizeof(program->chunk));
}

static void on_input(uv_stream_t *stream, ssize_t len, const uv_buf_t *chunk)
{
    struct program *program = stream->data;
    if (len < 0) {
        end_input(program);
        return;
    }
    if (cf_buf_append(&program->line, cf_slice_of(chunk->base, (size_t)len)) != CF_OK) {
        end_input(program);
        return;
    }
    for (;;) {
        struct cf_slice all = cf_buf_peek(&program->line);
        size_t end = cf_slice_find(all, '\n');
        if (end == all.len)
            return;
        if (!obey(&program->client, cf_slice_head(all, end)))
            fprintf(stderr, "confab-ws-echo-client: unknown: %.*s\n", (int)end,
                    (const char *)all.ptr);
        cf_buf_consume(&program->line, end + 1);
    }
}

static void fill_random(void *context, uint8_t *out, size_t len)
{
    const struct cf_entropy *entropy = context;
    entropy->fill(entropy->context, out, len);
}

static const struct cf_loop_ops loop_ops = {NULL, NULL};

static enum cf_error serve(struct program *program)
{
    struct ws_client *client = &program->client;
    enum cf_error error = cf_loop_new(&loop_ops, NULL, &client->loop);
    if (error != CF_OK)
        return error;
    uv_pipe_init(cf_loop_uv(client->loop), &program->input, 0);
    program->input.data = program;
    if (uv_pipe_open(&program->input, 0) == 0 &&
        uv_read_start((uv_stream_t *)&program->input, on_chunk, on_input) == 0) {
        cf_loop_run(client->loop);
    } else {
        uv_close((uv_handle_t *)&program->input, NULL);
        error = CF_E_IO;
    }
    cf_loop_free(client->loop);
    return error;
}

int main(int argc, char **argv)
{
    static struct program program;
    struct ws_client *client = &program.client;
    client->entropy = cf_entropy_system();
    client->ws_config = (struct cf_ws_config){
        .role = CF_WS_CLIENT, .random = fill_random, .random_context = &client->entropy};
    int code = parse_options(argc, argv, client);
    if (code >= 0)
        return code;
    setvbuf(stdout, NULL, _IOLBF, 0);
    cf_list_init(&client->sessions);
    cf_buf_init(&client->out, client->ws_config.message_bytes_max + FRAMES_ROOM);
    cf_buf_init(&program.line, 2 * LINE_MAX_BYTES);
    enum cf_error error = serve(&program);
    if (error != CF_OK)
        fprintf(stderr, "confab-ws-echo-client: %s\n", cf_error_text(error));
    cf_buf_deinit(&program.line);
    cf_buf_deinit(&client->out);
    return error == CF_OK ? EXIT_DONE : EXIT_FAILED;
}
