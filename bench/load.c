#include "load.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/assert.h"

static const char help[] =
    "Usage: confab-load WORKLOAD [options] [-- COMMAND…]\n\n"
    "  talk     posters and streams of shops, for --seconds\n"
    "  chat     Socket.IO sockets in conversations, for --seconds\n"
    "  idle     opens --streams, or --sockets, and measures the memory of --server\n"
    "  start    times COMMAND until it says that it listens, --runs times\n\n"
    "  --port N       of the server, on 127.0.0.1\n"
    "  --server PID   whose CPU time and memory are counted\n"
    "  --rooms N      shops, or conversations: all are spread over them (1)\n"
    "  --posters N    keep-alive connections, one post in flight on each (64)\n"
    "  --streams N    listening WebSockets (8)\n"
    "  --sockets N    which send and listen, each of a user of its own (0)\n"
    "  --window N     messages of the sockets in flight (64)\n"
    "  --users N      who hold the streams (1 for every 500), or the sockets (1 each)\n"
    "  --seconds N    what is measured, after one second that is not (5)\n"
    "  --rate N       messages a second; 0: as fast as they are answered (0)\n"
    "  --runs N       of `start` (5)\n\n"
    "JWT_SECRET in the environment signs the tokens; without it none are sent.\n";

enum { STREAMS_A_USER = 500 };

void load_die(const char *what)
{
    fprintf(stderr, "confab-load: %s\n", what);
    exit(1);
}

void load_die_errno(const char *what)
{
    fprintf(stderr, "confab-load: %s: %s\n", what, strerror(errno));
    exit(1);
}

void *load_new_array(size_t count, size_t size)
{
    void *array = calloc(count + 1, size);
    if (array == NULL)
        load_die("no memory");
    return array;
}

static unsigned parse_number(const char *text)
{
    uint64_t number;
    if (!cf_slice_to_u64(cf_slice_cstr(text), &number) || number > INT32_MAX) {
        fprintf(stderr, "confab-load: %s: not a number\n", text);
        exit(2);
    }
    return (unsigned)number;
}

static void take_option(struct load_options *options, int option, const char *value)
{
    switch (option) {
    case 'p':
        options->port = (uint16_t)parse_number(value);
        break;
    case 'k':
        options->server = (pid_t)parse_number(value);
        break;
    case 'o':
        options->rooms = parse_number(value);
        break;
    case 'c':
        options->posters = parse_number(value);
        break;
    case 's':
        options->streams = parse_number(value);
        break;
    case 'i':
        options->sockets = parse_number(value);
        break;
    case 'w':
        options->window = parse_number(value);
        break;
    case 'u':
        options->users = parse_number(value);
        break;
    case 't':
        options->seconds = parse_number(value);
        break;
    case 'r':
        options->rate = parse_number(value);
        break;
    case 'n':
        options->runs = parse_number(value);
        break;
    default:
        fprintf(stderr, "%s", help);
        exit(2);
    }
}

static void parse_options(int argc, char **argv, struct load_options *options)
{
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},    {"server", required_argument, NULL, 'k'},
        {"rooms", required_argument, NULL, 'o'},   {"posters", required_argument, NULL, 'c'},
        {"streams", required_argument, NULL, 's'}, {"sockets", required_argument, NULL, 'i'},
        {"window", required_argument, NULL, 'w'},  {"users", required_argument, NULL, 'u'},
        {"seconds", required_argument, NULL, 't'}, {"rate", required_argument, NULL, 'r'},
        {"runs", required_argument, NULL, 'n'},    {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;)
        take_option(options, option, optarg);
    options->command = argv + optind;
    if (options->users == 0)
        options->users =
            options->sockets > 0 ? options->sockets : options->streams / STREAMS_A_USER + 1;
    if (options->rooms == 0 || options->runs == 0 || options->seconds == 0)
        load_die("--rooms, --runs and --seconds are at least 1");
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const struct load_options *options);
    } workloads[] = {
        {"talk", load_talk}, {"chat", load_chat}, {"idle", load_idle}, {"start", load_start}};
    struct load_options options = {
        .rooms = 1, .posters = 64, .streams = 8, .window = 64, .seconds = 5, .runs = 5};
    const char *secret = getenv("JWT_SECRET");
    if (secret != NULL)
        options.secret = cf_slice_cstr(secret);
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    for (size_t i = 0; argc > 1 && i < CF_ARRAY_LEN(workloads); i++) {
        if (strcmp(argv[1], workloads[i].name) != 0)
            continue;
        parse_options(argc - 1, argv + 1, &options);
        workloads[i].run(&options);
        return 0;
    }
    fprintf(stderr, "%s", help);
    return 2;
}
