/* The program: its arguments. */
#include "ws_echo.h"

#include <getopt.h>
#include <stdio.h>

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    PORT_DEFAULT = 9001,
    MESSAGE_DEFAULT = 16 * 1024 * 1024,
    MESSAGE_LIMIT = 1024 * 1024 * 1024,
    FRAMES_ROOM = 65536, /* beside one message: its header, pongs and a close */
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
            good = echo_parse_number(optarg, 0, UINT16_MAX, &out_options->port);
        else if (c == 'm')
            good = echo_parse_number(optarg, 1, MESSAGE_LIMIT, &out_options->message_bytes_max);
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

int main(int argc, char **argv)
{
    static struct ws_echo echo;
    struct options options;
    int code = parse_options(argc, argv, &options);
    if (code >= 0)
        return code;
    echo.ws_config = (struct cf_ws_config){
        .role = CF_WS_SERVER,
        .message_bytes_max = (size_t)options.message_bytes_max,
        .close_wait_ms = 5000,
    };
    cf_buf_init(&echo.out, (size_t)options.message_bytes_max + FRAMES_ROOM);
    code = echo_server_run(&echo.server, &ws_echo_ops, (uint16_t)options.port);
    cf_buf_deinit(&echo.out);
    return code;
}
