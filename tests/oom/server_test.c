/* Memory runs out under the whole server, or its store fails: the real workers over the simulator's
 * network, clock and disk (tests/sim). A conversation of each dialect is played once to count the
 * allocations that the server makes and the requests that its store answers, and then again for
 * each of them, in a process of its own, with that one failing.
 *
 * What is demanded: every request is answered as usual, with 503, or by a closed connection; then,
 * when all is well again, fresh clients play the whole conversation perfectly; the server stops,
 * and all memory is given back. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oom/scenario.h"
#include "server/mail.h"
#include "server/session.h"
#include "sim/server.h"
#include "sim/wire.h"

enum { PATIENCE = 60 * SIM_SECOND, RUN_SECONDS_MAX = 60, WORKERS = 2 };

/* ---- memory fails under the server alone, not under the simulator ---- */

void __real_cf_session_accept(struct cf_worker *worker, int fd);
void __wrap_cf_session_accept(struct cf_worker *worker, int fd);
void __real_cf_server_store_done(void *context, struct cf_list *requests);
void __wrap_cf_server_store_done(void *context, struct cf_list *requests);
void __real_cf_store_mem_step(struct cf_store *store);
void __wrap_cf_store_mem_step(struct cf_store *store);

void __wrap_cf_session_accept(struct cf_worker *worker, int fd)
{
    fault_resume();
    __real_cf_session_accept(worker, fd);
    fault_pause();
}

/* The request that fails: the `at`-th that the store answers, 0: none. What it wrote is there: that
 * is an outcome which nobody was told. */
static struct {
    long at, answered;
    enum cf_error error;
} failing;

static void fail_request(struct cf_list *requests)
{
    for (struct cf_list *node = requests->next; node != requests; node = node->next)
        if (++failing.answered == failing.at)
            cf_store_request_refuse(CF_LIST_ENTRY(node, struct cf_store_request, link),
                                    failing.error);
}

void __wrap_cf_server_store_done(void *context, struct cf_list *requests)
{
    fail_request(requests);
    fault_resume();
    __real_cf_server_store_done(context, requests);
    fault_pause();
}

void __wrap_cf_store_mem_step(struct cf_store *store)
{
    fault_resume();
    __real_cf_store_mem_step(store);
    fault_pause();
}

static bool step(int64_t until)
{
    bool any = sim_step(until);
    fault_resume();
    sim_server_run();
    fault_pause();
    return any;
}

/* ---- clients ---- */

struct player {
    bool perfect; /* nothing may go wrong */
    bool stopped; /* something has, and was answered */
    const char *wrong;
    struct sim_http http;
    struct sim_ws ws;
    bool ws_over;
    unsigned ws_status;
    char heard[65536]; /* what the WebSocket has told, a line each */
    size_t heard_len;
    char id[64];
};

static struct player player;

static void ws_text(struct sim_ws *ws, struct cf_slice text)
{
    (void)ws;
    size_t room = sizeof(player.heard) - player.heard_len - 2;
    size_t len = text.len < room ? text.len : room;
    memcpy(player.heard + player.heard_len, text.ptr, len);
    player.heard_len += len;
    player.heard[player.heard_len++] = '\n';
    player.heard[player.heard_len] = '\0';
}

static void ws_closed(struct sim_ws *ws, unsigned status, unsigned code)
{
    (void)ws;
    (void)code;
    player.ws_over = true;
    player.ws_status = status;
}

static void nothing(struct sim_http *http)
{
    (void)http;
}

static void nothing_ws(struct sim_ws *ws)
{
    (void)ws;
}

static bool stop(const char *wrong)
{
    player.stopped = true;
    if (wrong != NULL && player.wrong == NULL)
        player.wrong = wrong;
    return false;
}

/* A request, answered with `status`; or, if things may go wrong, 503 or a closed connection. */
static bool ask(const char *method, const char *target, const char *body, unsigned status)
{
    int64_t until = sim.now + PATIENCE;
    sim_http_send(&player.http, method, target, "ann", "",
                  body == NULL ? (struct cf_slice){NULL, 0} : cf_slice_cstr(body));
    while (player.http.busy && step(until))
        continue;
    if (player.http.busy)
        return stop("no answer");
    if (player.http.status == status)
        return true;
    if (!player.perfect && (player.http.status == 0 || player.http.status == 503))
        return stop(NULL);
    /* The session of the polls before has been closed. */
    if (!player.perfect && player.http.status == 400 && strstr(target, "sid=") != NULL)
        return stop(NULL);
    static char text[128];
    (void)snprintf(text, sizeof(text), "%s %s was answered %u", method, target, player.http.status);
    return stop(text);
}

/* The string behind `"key":"` of the last answer. */
static bool note_id(const char *key, char quote)
{
    char needle[32];
    size_t len = (size_t)snprintf(needle, sizeof(needle), "\"%s\":%s", key, quote ? "\"" : "");
    struct cf_slice body = cf_buf_peek(&player.http.body);
    while (body.len > len && !cf_slice_starts(body, cf_slice_of(needle, len)))
        body = cf_slice_skip(body, 1);
    body = cf_slice_skip(body, len);
    size_t end = 0;
    while (end < body.len && end < sizeof(player.id) - 1 && strchr("\",}", body.ptr[end]) == NULL)
        end++;
    memcpy(player.id, body.ptr, end);
    player.id[end] = '\0';
    if (end > 0)
        return true;
    return stop(player.perfect ? "an answer without an id" : NULL);
}

static const char *refused(void)
{
    static char text[64];
    if (player.ws_status == 0 || player.ws_status == 503 || player.ws_status == 101)
        return NULL;
    (void)snprintf(text, sizeof(text), "an upgrade was answered %u", player.ws_status);
    return text;
}

/* The WebSocket tells something that contains this. */
static bool hears(const char *text)
{
    int64_t until = sim.now + PATIENCE;
    while (!player.ws_over && strstr(player.heard, text) == NULL && step(until))
        continue;
    if (strstr(player.heard, text) != NULL)
        return true;
    if (player.perfect)
        return stop(text);
    if (!player.ws_over)
        return stop(NULL); /* an event that is not stored may be lost; what is, by a close */
    return stop(refused());
}

static bool opens(const char *target, const char *protocol)
{
    int64_t until = sim.now + PATIENCE;
    player.ws_over = false;
    player.heard_len = 0;
    player.heard[0] = '\0';
    sim_ws_connect(&player.ws, target, "ann", protocol);
    while (!player.ws_over && !player.ws.open && step(until))
        continue;
    if (player.ws.open)
        return true;
    if (player.perfect || !player.ws_over)
        return stop("no stream");
    return stop(refused());
}

static bool says(const char *text)
{
    if (player.ws_over)
        return stop(player.perfect ? "a fresh client was closed" : NULL);
    sim_ws_send(&player.ws, cf_slice_cstr(text));
    return true;
}

static void leaves(void)
{
    if (player.ws.open || player.ws.connecting)
        sim_ws_leave(&player.ws, true);
    player.ws_over = true;
}

__attribute__((format(printf, 1, 2))) static const char *text_of(const char *format, ...)
{
    static char texts[16][512];
    static unsigned next;
    char *text = texts[next++ % CF_ARRAY_LEN(texts)];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(texts[0]), format, args);
    va_end(args);
    return text;
}

/* ---- conversations ---- */

static bool play_plain(void)
{
    return ask("GET", "/healthz", NULL, 200) && ask("GET", "/readyz", NULL, 200) &&
           ask("GET", "/metrics", NULL, 403) && ask("GET", "/nowhere", NULL, 404) &&
           ask("POST", "/api/v1/shops", "no JSON", 400);
}

static bool play_shop(void)
{
    if (!ask("POST", "/api/v1/shops", "{\"name\":\"Garage\"}", 201) || !note_id("id", '"'))
        return false;
    const char *shop = text_of("%s", player.id);
    return ask("POST", text_of("/api/v1/shops/%s/members", shop), "{\"user_id\":\"bob\"}", 201) &&
           opens(text_of("/api/v1/shops/%s/messages/stream", shop), "confab.shop.v2") &&
           hears("presence_state") &&
           ask("POST", "/api/v1/shops/messages",
               text_of("{\"shop_id\":\"%s\",\"message\":\"hello\"}", shop), 201) &&
           note_id("id", '"') && hears("hello") &&
           says(text_of("{\"type\":\"read\",\"data\":{\"message_id\":\"%s\"}}", player.id)) &&
           says("{\"type\":\"typing\",\"data\":{\"typing\":true}}") &&
           ask("PUT", "/api/v1/shops/messages",
               text_of("{\"message_id\":\"%s\",\"message\":\"edited\"}", player.id), 200) &&
           hears("message_edited") &&
           ask("GET", text_of("/api/v1/shops/%s/messages", shop), NULL, 200) &&
           ask("GET", "/api/v1/shops", NULL, 200);
}

static bool play_talk(void)
{
    static const char talk_body[] = "{\"kind\":\"group\",\"participantIds\":[\"bob\"]}";
    if (!ask("POST", "/api/conversations", talk_body, 201) || !note_id("id", 0))
        return false;
    const char *talk = text_of("%s", player.id);
    return opens("/socket.io/?EIO=4&transport=websocket", NULL) && hears("\"sid\"") && says("40") &&
           hears("40{\"sid\"") && says(text_of("420[\"conversation:join\",%s]", talk)) &&
           hears("430[") &&
           says(text_of("421[\"message:send\",%s,{\"text\":\"hello\",\"clientMessageId\":"
                        "\"0189abcd-ef01-4abc-9def-%012d\"}]",
                        talk, (int)(sim.now % 1000000007))) &&
           hears("431[") && hears("message:new") &&
           says(text_of("42[\"typing:start\",%s]", talk)) &&
           ask("GET", text_of("/api/conversations/%s/messages", talk), NULL, 200);
}

/* Engine.IO's other transport. */
static bool play_polling(void)
{
    if (!ask("GET", "/socket.io/?EIO=4&transport=polling", NULL, 200) || !note_id("sid", '"'))
        return false;
    const char *target = text_of("/socket.io/?EIO=4&transport=polling&sid=%s", player.id);
    return ask("POST", target, "40", 200) && ask("GET", target, NULL, 200) &&
           ask("POST", target, "420[\"conversation:join\",1]", 200) &&
           ask("GET", target, NULL, 200) && ask("POST", target, "41", 200);
}

static bool play_orbital(void)
{
    if (!ask("POST", "/v1/groups", "{\"name\":\"G\"}", 201) || !note_id("group_id", '"'))
        return false;
    const char *group = text_of("%s", player.id);
    if (!opens("/ws", NULL) || !hears("auth_success") ||
        !says(text_of("{\"type\":\"subscribe\",\"data\":{\"group_ids\":[\"%s\"]}}", group)) ||
        !hears("subscribed") ||
        !ask("POST", "/v1/messages",
             text_of("{\"conversation_id\":\"%s\",\"encrypted_envelope\":\"aGk=\"}", group), 201) ||
        !hears("new_message") ||
        !ask("POST", text_of("/v1/groups/%s/threads", group),
             "{\"encrypted_title\":\"dA==\",\"encrypted_body\":\"aGk=\"}", 201) ||
        !note_id("thread_id", '"') || !hears("new_thread"))
        return false;
    return says(text_of("{\"type\":\"typing\",\"data\":{\"thread_id\":\"%s\",\"typing\":true}}",
                        player.id)) &&
           says("{\"type\":\"ping\",\"data\":{}}") && hears("pong") &&
           ask("GET", "/v1/events?since=0", NULL, 200) && ask("GET", "/v1/groups", NULL, 200);
}

typedef bool play_fn(void);

static bool play(play_fn *conversation, bool perfect)
{
    player.perfect = perfect;
    player.stopped = false;
    player.ws_over = true;
    bool whole = conversation();
    sim_http_cancel(&player.http);
    leaves();
    for (int64_t until = sim.now + 2 * SIM_SECOND; step(until);)
        continue;
    return whole;
}

/* ---- one run ---- */

enum outcome { UNNOTICED, ANSWERED, PANICKED, WRONG, LEAKED };

/* What a run tells the one that began it. */
struct report {
    enum outcome outcome;
    long allocations, answered; /* made, and by the store, in the first conversation */
    char text[256];
};

static struct report *report;

static void on_panic(const char *expression, const char *file, int line)
{
    report->outcome = PANICKED;
    (void)snprintf(report->text, sizeof(report->text), "%s (%s:%d)", expression, file, line);
    _exit(0);
}

static void run(play_fn *conversation, long at, bool forever)
{
    sim_begin(1, getenv("CONFAB_OOM_TRACE") != NULL);
    weather = (struct sim_weather){.latency_min = 1000, .latency_max = 1000, .window = 65536};
    trouble = (struct sim_trouble){.commit_min = 500, .commit_max = 500};
    fault_pause();
    (void)sim_server_token("ann", 1); /* keeps its memory */
    long live = fault_live();
    sim_server_begin(WORKERS);
    sim_http_init(&player.http, nothing);
    sim_ws_init(&player.ws);
    player.ws.opened = nothing_ws;
    player.ws.text = ws_text;
    player.ws.closed = ws_closed;
    cf_panic_install(on_panic);
    fault_begin(at, forever);
    fault_pause();
    bool whole = play(conversation, at == 0 && failing.at == 0);
    failing.at = 0;
    report->allocations = fault_end();
    report->answered = failing.answered;
    report->outcome = whole ? UNNOTICED : ANSWERED;
    if (!play(conversation, true) && player.wrong == NULL)
        player.wrong = "a fresh client was not served";
    sim_http_deinit(&player.http);
    sim_server_end();
    sim_net_end();
    sim_end();
    if (player.wrong != NULL) {
        report->outcome = WRONG;
        (void)snprintf(report->text, sizeof(report->text), "%s", player.wrong);
    } else if (fault_live() != live) {
        report->outcome = LEAKED;
        (void)snprintf(report->text, sizeof(report->text), "%ld blocks lost", fault_live() - live);
    }
}

/* In a process of its own, so that the next one begins anew, whatever becomes of this one. */
static void run_apart(play_fn *conversation, long at, bool forever)
{
    int status = 0;
    *report = (struct report){.outcome = WRONG};
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka's */
        (void)signal(SIGABRT, SIG_DFL);
        alarm(RUN_SECONDS_MAX);
        run(conversation, at, forever);
        _exit(0);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (status != 0) {
        report->outcome = WRONG;
        (void)snprintf(report->text, sizeof(report->text), "the process ended with status %x",
                       (unsigned)status);
    }
}

static bool is_allowed(void)
{
    return report->outcome == UNNOTICED || report->outcome == ANSWERED;
}

struct conversation {
    const char *name;
    play_fn *play;
    long runs_max;
};

static void every_allocation_fails(void **state)
{
    const struct conversation *c = *state;
    long outcomes[LEAKED + 1] = {0}, bad = 0, runs = 0;
    run_apart(c->play, 0, false);
    if (report->outcome != UNNOTICED)
        fail_msg("%s: %s", c->name, report->text);
    long count = report->allocations, stride = scenario_step(count, c->runs_max);
    for (int forever = 0; forever < 2; forever++)
        for (long at = 1 + forever * (stride / 2); at <= count; at += stride) {
            if (!scenario_wanted(at))
                continue;
            runs++;
            run_apart(c->play, at, forever != 0);
            outcomes[report->outcome]++;
            if (!is_allowed() && bad++ < 20)
                print_error("%s, allocation %ld%s: %s\n", c->name, at, forever ? " and on" : "",
                            report->text);
        }
    printf("oom server_%-21s %6ld allocations %7ld runs %7ld answered, %ld not noticed, %ld "
           "asserts\n",
           c->name, count, runs, outcomes[ANSWERED], outcomes[UNNOTICED], outcomes[PANICKED]);
    assert_int_equal(bad, 0);
}

static void every_store_request_fails(void **state)
{
    static const enum cf_error errors[] = {CF_E_UNAVAILABLE, CF_E_NOMEM};
    const struct conversation *c = *state;
    long outcomes[LEAKED + 1] = {0}, bad = 0, runs = 0;
    run_apart(c->play, 0, false);
    if (report->outcome != UNNOTICED)
        fail_msg("%s: %s", c->name, report->text);
    long count = report->answered;
    for (size_t i = 0; i < CF_ARRAY_LEN(errors); i++)
        for (failing.at = 1; failing.at <= count; failing.at++, runs++) {
            failing.error = errors[i];
            run_apart(c->play, 0, true);
            outcomes[report->outcome]++;
            if (!is_allowed() && bad++ < 20)
                print_error("%s, store request %ld, %s: %s\n", c->name, failing.at,
                            cf_error_name(errors[i]), report->text);
        }
    failing.at = 0;
    printf("oom store_%-22s %6ld requests    %7ld runs %7ld answered, %ld not noticed\n", c->name,
           count, runs, outcomes[ANSWERED], outcomes[UNNOTICED]);
    assert_int_equal(bad, 0);
}

#define CONVERSATION(name)                                                               \
    {"server_" #name, every_allocation_fails, NULL, NULL,                                \
     &(struct conversation){#name, play_##name, 50}},                                    \
    {                                                                                    \
        "store_of_" #name, every_store_request_fails, NULL, NULL, &(struct conversation) \
        {                                                                                \
#name, play_##name, 0                                                        \
        }                                                                                \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONVERSATION(plain),   CONVERSATION(shop),    CONVERSATION(talk),
        CONVERSATION(polling), CONVERSATION(orbital),
    };
    report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests_name("oom server", tests, NULL, NULL);
}
