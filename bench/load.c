#include "load.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static const char help[] =
    "Usage: confab-load WORKLOAD [options] [-- COMMAND…]\n\n"
    "  uploads  --uploads files of --size to an encrypted group, all at once\n"
    "  file     COMMAND, then an upload and a download of --size, --runs times\n"
    "  start    times COMMAND until it says that it listens, --runs times\n\n"
    "  --port N       of the server, on 127.0.0.1\n"
    "  --server PID   whose CPU time and memory are counted\n"
    "  --uploads N    at once (20)\n"
    "  --size N       of a file, in MiB (100)\n"
    "  --part N       MiB in a PATCH (tus 1.0.0); 0: all in one POST (0)\n"
    "  --tls N        1: the file goes over TLS (0)\n"
    "  --runs N       of `start` and `file` (5)\n\n"
    "JWT_SECRET in the environment signs the token. Messages: `confab bench`.\n";

static const struct {
    const char *name;
    size_t at; /* an unsigned of struct load_options */
} numbers[] = {
    {"port", offsetof(struct load_options, port)},
    {"server", offsetof(struct load_options, server)},
    {"uploads", offsetof(struct load_options, uploads)},
    {"size", offsetof(struct load_options, size)},
    {"part", offsetof(struct load_options, part)},
    {"tls", offsetof(struct load_options, tls)},
    {"runs", offsetof(struct load_options, runs)},
};

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
    if (options->runs == 0)
        load_die("--runs is at least 1");
}

/* The certificate is one that the caller has just made: nobody vouches for it. */
static void find_server(struct load_options *options)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port)};
    struct cf_bench_plan *plan = &options->plan;
    const char *secret = getenv("JWT_SECRET");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&plan->address, &address, sizeof(address));
    plan->address_len = sizeof(address);
    plan->host = plan->authority = "127.0.0.1";
    plan->tls = options->tls != 0;
    plan->insecure = true;
    plan->secret = cf_slice_cstr(secret == NULL ? "" : secret);
    plan->server = (struct cf_bench_server){.pids = {options->server}, .count = 1};
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const struct load_options *options);
    } workloads[] = {{"uploads", load_uploads}, {"file", load_file}, {"start", load_start}};
    struct load_options options = {.uploads = 20, .size = 100, .runs = 5};
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; argc > 1 && i < CF_ARRAY_LEN(workloads); i++) {
        if (strcmp(argv[1], workloads[i].name) != 0)
            continue;
        parse_options(argc - 1, argv + 1, &options);
        find_server(&options);
        workloads[i].run(&options);
        return 0;
    }
    fprintf(stderr, "%s", help);
    return 2;
}
