/* The program: its arguments, and the fixed settings of the suites. */
#include "sio_echo.h"

#include <getopt.h>
#include <stdio.h>

#include "edge/tls/digest.h"

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    PORT_DEFAULT = 3000,
    PAYLOAD_MAX = 1000000,
    QUEUE_MAX = 16 * 1024 * 1024,
};

static const char usage[] =
    "usage: confab-sio-echo [--port N] [--help]\n"
    "\n"
    "On http://127.0.0.1:PORT: under /engine.io/ bare Engine.IO 4, every message sent back; under\n"
    "/socket.io/ Socket.IO 5 with the namespaces / and /custom: emits `auth` with the handshake's\n"
    "auth, answers `message` with `message-back`, acknowledges `message-with-ack` with its\n"
    "arguments. Ping interval 300 ms, ping timeout 200 ms, connect timeout 1000 ms, 1000000 bytes "
    "a\n"
    "payload.\n"
    "\n"
    "  --port N  0 to 65535, 0: a free one (default 3000)\n"
    "  --help    this text\n";

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, uint64_t *out_port)
{
    static const struct option known[] = {{"port", required_argument, NULL, 'p'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    *out_port = PORT_DEFAULT;
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == 'h')
            return fputs(usage, stdout) < 0 ? EXIT_FAILED : EXIT_DONE;
        if (c != 'p' || !echo_parse_number(optarg, 0, UINT16_MAX, out_port)) {
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (optind == argc)
        return -1;
    fputs(usage, stderr);
    return EXIT_USAGE;
}

static const struct cf_slice namespaces[] = {{(const uint8_t *)"/", 1},
                                             {(const uint8_t *)"/custom", 7}};

static void set_up(struct sio_echo *echo)
{
    struct cf_entropy entropy = cf_entropy_system();
    entropy.fill(entropy.context, echo->hash_key, sizeof(echo->hash_key));
    echo->eio = (struct cf_eio_config){.ping_interval_ms = 300,
                                       .ping_timeout_ms = 200,
                                       .upgrade_timeout_ms = CF_EIO_UPGRADE_TIMEOUT_MS,
                                       .close_timeout_ms = CF_EIO_CLOSE_TIMEOUT_MS,
                                       .payload_bytes_max = PAYLOAD_MAX,
                                       .queue_bytes_max = QUEUE_MAX};
    echo->sio =
        (struct cf_sio_config){.namespaces = namespaces,
                               .namespaces_count = CF_ARRAY_LEN(namespaces),
                               .connect_timeout_ms = 1000,
                               .attachments_timeout_ms = 10000,
                               .attachments_bytes_max = CF_SIO_ATTACHMENTS_MAX * PAYLOAD_MAX,
                               .json = CF_JSON_LIMITS_DEFAULT,
                               .hash_key = echo->hash_key};
    echo->sio.json.lone_surrogates = true;
    echo->sio.json.bytes_max = echo->sio.json.string_bytes_max = PAYLOAD_MAX;
    echo->ws = (struct cf_ws_config){
        .role = CF_WS_SERVER, .message_bytes_max = PAYLOAD_MAX, .close_wait_ms = 5000};
    cf_map_init(&echo->clients, echo->hash_key);
    cf_buf_init(&echo->out, 2 * PAYLOAD_MAX);
    cf_buf_init(&echo->scratch, QUEUE_MAX);
    cf_buf_init(&echo->decoded, PAYLOAD_MAX);
    cf_buf_init(&echo->reply, 2 * PAYLOAD_MAX);
}

int main(int argc, char **argv)
{
    static struct sio_echo echo;
    uint64_t port;
    int code = parse_options(argc, argv, &port);
    if (code >= 0)
        return code;
    set_up(&echo);
    code = echo_server_run(&echo.server, &sio_echo_ops, (uint16_t)port);
    cf_buf_deinit(&echo.out);
    cf_buf_deinit(&echo.scratch);
    cf_buf_deinit(&echo.decoded);
    cf_buf_deinit(&echo.reply);
    cf_map_deinit(&echo.clients);
    return code;
}
