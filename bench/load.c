#include "load.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/assert.h"
#include "bench/text.h"

static const char help[] =
    "Usage: confab-load WORKLOAD [options] [-- COMMAND…]\n\n"
    "  talk     posters and streams of shops, for --seconds\n"
    "  relay    posters and streams of encrypted groups, for --seconds\n"
    "  chat     Socket.IO sockets in conversations, for --seconds\n"
    "  idle     opens --streams, or --sockets, and measures the memory of --server\n"
    "  uploads  --uploads files of --size to an encrypted group, all at once\n"
    "  file     COMMAND, then an upload and a download of --size, --runs times\n"
    "  start    times COMMAND until it says that it listens, --runs times\n\n"
    "  --port N       of the server, on 127.0.0.1\n"
    "  --server PID   whose CPU time and memory are counted\n"
    "  --rooms N      shops, groups or conversations: all are spread over them (1)\n"
    "  --posters N    keep-alive connections, one post in flight on each (64)\n"
    "  --streams N    listening WebSockets (8)\n"
    "  --sockets N    which send and listen, each of a user of its own (0)\n"
    "  --window N     messages of the sockets in flight (64)\n"
    "  --users N      who hold the streams (1 for every 500), or the sockets (1 each)\n"
    "  --text N       bytes of a message, or of an envelope before base64 (200)\n"
    "  --seconds N    what is measured, after one second that is not (5)\n"
    "  --rate N       messages a second; 0: as fast as they are answered (0)\n"
    "  --deflate N    1: the streams ask for permessage-deflate (0)\n"
    "  --uploads N    at once (20)\n"
    "  --size N       of a file, in MiB (100)\n"
    "  --part N       MiB in a PATCH (tus 1.0.0); 0: all in one POST (0)\n"
    "  --tls N        1: the file goes over TLS (0)\n"
    "  --runs N       of `start` and `file` (5)\n\n"
    "JWT_SECRET in the environment signs the tokens; without it none are sent.\n";

static const struct {
    const char *name;
    size_t at; /* an unsigned of struct load_options */
} numbers[] = {
    {"port", offsetof(struct load_options, port)},
    {"server", offsetof(struct load_options, server)},
    {"rooms", offsetof(struct load_options, rooms)},
    {"posters", offsetof(struct load_options, posters)},
    {"streams", offsetof(struct load_options, streams)},
    {"sockets", offsetof(struct load_options, sockets)},
    {"window", offsetof(struct load_options, window)},
    {"users", offsetof(struct load_options, users)},
    {"text", offsetof(struct load_options, text)},
    {"seconds", offsetof(struct load_options, seconds)},
    {"rate", offsetof(struct load_options, rate)},
    {"deflate", offsetof(struct load_options, deflate)},
    {"uploads", offsetof(struct load_options, uploads)},
    {"size", offsetof(struct load_options, size)},
    {"part", offsetof(struct load_options, part)},
    {"tls", offsetof(struct load_options, tls)},
    {"runs", offsetof(struct load_options, runs)},
};

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

static void parse_options(int argc, char **argv, struct load_options *options)
{
    struct option names[CF_ARRAY_LEN(numbers) + 1] = {{NULL, 0, NULL, 0}};
    for (size_t i = 0; i < CF_ARRAY_LEN(numbers); i++)
        names[i] = (struct option){numbers[i].name, required_argument, NULL, 0};
    int index = 0;
    for (int option; (option = getopt_long(argc, argv, "", names, &index)) != -1;) {
        if (option != 0) {
            fprintf(stderr, "%s", help);
            exit(2);
        }
        unsigned number = parse_number(optarg);
        memcpy((char *)options + numbers[index].at, &number, sizeof(number));
    }
    options->command = argv + optind;
    if (options->users == 0)
        options->users =
            options->sockets > 0 ? options->sockets : options->streams / STREAMS_A_USER + 1;
    if (options->rooms == 0 || options->runs == 0 || options->seconds == 0)
        load_die("--rooms, --runs and --seconds are at least 1");
    if (options->text < LOAD_NAME_LEN || options->text > LOAD_TEXT_MAX / 2)
        load_die("--text is 30 to 4096");
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
    } workloads[] = {{"talk", load_talk},  {"relay", load_relay},     {"chat", load_chat},
                     {"idle", load_idle},  {"uploads", load_uploads}, {"file", load_file},
                     {"start", load_start}};
    struct load_options options = {.rooms = 1,
                                   .posters = 64,
                                   .streams = 8,
                                   .window = 64,
                                   .text = 200,
                                   .seconds = 5,
                                   .uploads = 20,
                                   .size = 100,
                                   .runs = 5};
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
