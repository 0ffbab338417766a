/* The options of `confab bench`; what it does is src/bench. */
#include <getopt.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "bench/bench.h"
#include "bench/dialect.h"
#include "cli/commands.h"
#include "cli/url.h"
#include "server/text.h"

enum { OUTPUT_MAX = 64 * 1024, SECONDS = 5, SIZE = 200 };

static const char help[] =
    "Usage: confab bench WORKLOAD [OPTION]…\n\n"
    "Loads a server and measures it: rates, latencies, lost, doubled and reordered messages, and,\n"
    "when it runs here, the server's CPU time and memory.\n\n"
    "Workloads:\n"
    "  fanout   publishers send to rooms full of receivers\n"
    "  ack      many senders, few receivers: how fast messages are acknowledged\n"
    "  idle     opens connections and leaves them alone: memory, CPU; --deliver: one message to "
    "all\n"
    "  connect  connects, is let in, goes, and comes again\n"
    "  echo     round trips (--dialect hub)\n\n"
    "The server:\n"
    "  --url URL          where it listens; https or wss: over TLS (http://127.0.0.1:8080)\n"
    "  --dialect NAME     shop: posts by REST, shop streams; talk: Socket.IO over WebSocket;\n"
    "                     orbital: posts by REST, encrypted groups; and of others, without "
    "accounts:\n"
    "                     hub: plain WebSockets /sub, /pub, /echo; nchan; socketio (shop; echo: "
    "hub)\n"
    "  --secret SECRET    its JWT_SECRET, to sign tokens (JWT_SECRET of the environment)\n"
    "  --ca FILE          PEM file of the authorities to trust, instead of the system's\n"
    "  --insecure         trust any certificate\n"
    "  --pid PID          whose CPU time and memory are read (who listens on the port)\n\n"
    "The load:\n"
    "  --rooms N          shops, conversations or groups (1; ack: 4)\n"
    "  --receivers N      of each room (fanout: 100, ack: 1)\n"
    "  --publishers N     in all; the rooms take turns (8, at least one a room). By REST each has "
    "a\n"
    "                     connection for each message in flight. talk: the receivers send, each "
    "at\n"
    "                     most 10 messages a second; ack: so many sockets only send (2000)\n"
    "  --in-flight N      unanswered messages of a publisher (fanout: 4, echo: 1); ack: of all\n"
    "                     together (64); connect: connects at once (64)\n"
    "  --rate N           messages a second, of all publishers, evenly spaced; 0: the next as "
    "soon\n"
    "                     as one is answered (0)\n"
    "  --size BYTES       of a message's text, of an envelope before base64 (200)\n"
    "  --connections N    idle: 1000, echo: 100\n"
    "  --deliver          idle: then one message in each room, until the last has it\n"
    "  --hold SECONDS     idle: kept while the server's CPU time is read (5)\n"
    "  --deflate          receivers ask for permessage-deflate\n"
    "  --users N          who hold the connections (as many as the server's default limits ask "
    "for)\n"
    "  --spread N         source addresses in 127.0.0.0/8, when ports or limits of an address are\n"
    "                     too few (as needed)\n"
    "  --seconds N        what is measured (5)\n"
    "  --warm-up SECONDS  before that (1)\n"
    "  --threads N        each with its share of the connections (cores it may use, less one)\n"
    "  --json             one JSON object instead of a table\n\n"
    "Latencies: ack, from a message's writing to its answer; delivery, to its receipt by each of\n"
    "the receivers. lost, doubled and reordered count deliveries; late: messages that were due "
    "while\n"
    "no publisher was free, and so were not sent; cut: receivers that the server closed. Messages "
    "of\n"
    "the warm-up count in messages, deliveries and faults. Limits of the server that a load can\n"
    "meet: WEBSOCKET_MAX_CONNECTIONS_PER_USER, WEBSOCKET_MAX_ATTEMPTS_PER_MINUTE,\n"
    "ORBITAL_MAX_ATTEMPTS_PER_MINUTE.\n";

struct request {
    struct cf_bench_plan plan;
    struct cf_bench_wishes wishes;
    struct cf_url url;
    const char *url_text, *dialect, *secret;
    unsigned pid;
    bool json;
};

/* Options with a number of their own. */
static const struct {
    const char *name;
    size_t at; /* an unsigned of struct request */
    unsigned min;
} numbers[] = {
    {"pid", offsetof(struct request, pid), 1},
    {"rooms", offsetof(struct request, wishes.rooms), 1},
    {"receivers", offsetof(struct request, wishes.receivers), 1},
    {"publishers", offsetof(struct request, wishes.publishers), 1},
    {"in-flight", offsetof(struct request, wishes.in_flight), 1},
    {"connections", offsetof(struct request, wishes.connections), 1},
    {"users", offsetof(struct request, wishes.users), 1},
    {"spread", offsetof(struct request, wishes.spread), 1},
    {"threads", offsetof(struct request, wishes.threads), 1},
    {"rate", offsetof(struct request, plan.rate), 0},
    {"size", offsetof(struct request, plan.size), 1},
    {"seconds", offsetof(struct request, plan.seconds), 1},
    {"warm-up", offsetof(struct request, plan.warm_up), 0},
    {"hold", offsetof(struct request, plan.hold), 0},
};

static const struct {
    const char *name;
    size_t at; /* a bool of struct request */
} switches[] = {
    {"deliver", offsetof(struct request, plan.deliver)},
    {"deflate", offsetof(struct request, plan.deflate)},
    {"insecure", offsetof(struct request, plan.insecure)},
    {"json", offsetof(struct request, json)},
};

static const struct {
    const char *name;
    size_t at; /* a const char * of struct request */
} texts[] = {
    {"url", offsetof(struct request, url_text)},
    {"dialect", offsetof(struct request, dialect)},
    {"secret", offsetof(struct request, secret)},
    {"ca", offsetof(struct request, plan.ca)},
};

enum {
    NUMBERS = CF_ARRAY_LEN(numbers),
    SWITCHES = CF_ARRAY_LEN(switches),
    TEXTS = CF_ARRAY_LEN(texts),
    NUMBER_MAX = 100000000,
    HELP = 1000,
};

static int wrong(const char *format, const char *what)
{
    fprintf(stderr, "confab bench: ");
    fprintf(stderr, format, what);
    fprintf(stderr, "; see confab bench --help\n");
    return CF_EXIT_USAGE;
}

static bool take_number(struct request *request, int index, const char *text)
{
    uint64_t value;
    if (!cf_slice_to_u64(cf_slice_cstr(text), &value) || value < numbers[index].min ||
        value > NUMBER_MAX) {
        fprintf(stderr, "confab bench: --%s %s: not a number from %u to %d\n", numbers[index].name,
                text, numbers[index].min, NUMBER_MAX);
        return false;
    }
    unsigned number = (unsigned)value;
    memcpy((char *)request + numbers[index].at, &number, sizeof(number));
    return true;
}

static bool take_option(struct request *request, int option, const char *text)
{
    const bool on = true;
    if (option < NUMBERS)
        return take_number(request, option, text);
    option -= NUMBERS;
    if (option < SWITCHES) {
        memcpy((char *)request + switches[option].at, &on, sizeof(on));
        return true;
    }
    option -= SWITCHES;
    if (option < TEXTS) {
        memcpy((char *)request + texts[option].at, &text, sizeof(text));
        return true;
    }
    return false;
}

/* CF_EXIT_OK and *out_done: help was printed. */
static int parse_options(int argc, char **argv, struct request *request, bool *out_done)
{
    struct option names[NUMBERS + SWITCHES + TEXTS + 2] = {{NULL, 0, NULL, 0}};
    struct option *name = names;
    int value = 0;
    *out_done = true;
    for (size_t i = 0; i < NUMBERS; i++)
        *name++ = (struct option){numbers[i].name, required_argument, NULL, value++};
    for (size_t i = 0; i < SWITCHES; i++)
        *name++ = (struct option){switches[i].name, no_argument, NULL, value++};
    for (size_t i = 0; i < TEXTS; i++)
        *name++ = (struct option){texts[i].name, required_argument, NULL, value++};
    *name = (struct option){"help", no_argument, NULL, HELP};
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (option == HELP) {
            printf("%s", help);
            return CF_EXIT_OK;
        }
        if (option == '?' || !take_option(request, option, optarg))
            return CF_EXIT_USAGE;
    }
    *out_done = false;
    return CF_EXIT_OK;
}

static bool find_workload(const char *name, enum cf_bench_workload *out)
{
    static const char *const names[] = {"fanout", "idle", "ack", "connect", "echo"};
    for (size_t i = 0; i < CF_ARRAY_LEN(names); i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        *out = (enum cf_bench_workload)i;
        return true;
    }
    return false;
}

static bool resolve(struct request *request)
{
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    (void)snprintf(port, sizeof(port), "%u", request->url.port);
    int error = getaddrinfo(request->url.host, port, &hints, &found);
    if (error != 0) {
        fprintf(stderr, "confab bench: cannot find the host %s: %s (--url)\n", request->url.host,
                gai_strerror(error));
        return false;
    }
    memcpy(&request->plan.address, found->ai_addr, found->ai_addrlen);
    request->plan.address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static int find_server(struct request *request)
{
    struct cf_buf why;
    struct cf_bench_plan *plan = &request->plan;
    cf_buf_init(&why, 1024);
    bool parsed = cf_url_parse(request->url_text, &request->url, &why) == CF_OK;
    cf_buf_deinit(&why);
    if (!parsed)
        return wrong("--url %s: not like http://127.0.0.1:8080", request->url_text);
    plan->host = request->url.host;
    plan->authority = request->url.authority;
    plan->port = request->url.port;
    plan->tls = request->url.tls;
    return resolve(request) ? CF_EXIT_OK : CF_EXIT_FAILED;
}

static void find_processes(const struct request *request, struct cf_bench_plan *plan)
{
    if (request->pid > 0)
        plan->server = (struct cf_bench_server){.pids = {request->pid}, .count = 1};
    else if (cf_bench_is_local(plan))
        cf_bench_server_find(&plan->server, plan->port);
}

static int print_report(const struct request *request, const struct cf_bench_report *report)
{
    struct cf_buf text;
    cf_buf_init(&text, OUTPUT_MAX);
    enum cf_error error =
        request->json ? cf_bench_report_json(report, &text) : cf_bench_report_table(report, &text);
    if (error == CF_OK)
        printf("%.*s", (int)text.len, (const char *)text.ptr);
    else
        fprintf(stderr, "confab bench: cannot write the figures: %s\n", cf_error_text(error));
    cf_buf_deinit(&text);
    return error == CF_OK ? CF_EXIT_OK : CF_EXIT_FAILED;
}

static int run(struct request *request)
{
    struct cf_bench_report report = {.count = 0};
    struct cf_bench_why why = {.text = ""};
    request->wishes.descriptors = cf_bench_raise_descriptors();
    if (cf_bench_plan_complete(&request->plan, &request->wishes, &why) != CF_OK) {
        fprintf(stderr, "confab bench: %s\n", why.text);
        return CF_EXIT_USAGE;
    }
    find_processes(request, &request->plan);
    if (cf_bench(&request->plan, &report, &why) != CF_OK) {
        fprintf(stderr, "confab bench: %s\n", why.text);
        return CF_EXIT_FAILED;
    }
    return print_report(request, &report);
}

int cf_command_bench(int argc, char **argv)
{
    struct request request = {
        .url_text = "http://127.0.0.1:8080",
        .secret = getenv("JWT_SECRET"),
        .plan = {.seconds = SECONDS, .warm_up = 1, .hold = SECONDS, .size = SIZE},
    };
    bool done;
    int status = parse_options(argc, argv, &request, &done);
    if (done)
        return status;
    if (optind != argc - 1)
        return wrong("%s", optind == argc ? "which workload?" : "one workload at a time");
    if (!find_workload(argv[optind], &request.plan.workload))
        return wrong("no workload '%s'", argv[optind]);
    if (request.dialect == NULL)
        request.dialect = request.plan.workload == CF_BENCH_ECHO ? "hub" : "shop";
    request.plan.dialect = cf_bench_dialect_find(request.dialect);
    if (request.plan.dialect == NULL)
        return wrong("no dialect '%s'", request.dialect);
    if (request.secret != NULL)
        request.plan.secret = cf_slice_cstr(request.secret);
    status = find_server(&request);
    return status == CF_EXIT_OK ? run(&request) : status;
}
