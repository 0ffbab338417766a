/* Nothing is lost, doubled or reordered: a client as engine.io-client is one, with its requests,
 * probes that succeed or fail and upgrades at random moments, against a server that speaks at
 * random. Both sides number their messages; the seed of a failure replays it. */
#include <inttypes.h>
#include <stdio.h>

#include "support.h"

enum { SEEDS = 600, STEPS = 400, HELD_MAX = 1 << 16 };

enum phase { POLLS, PROBES, PAUSES, UPGRADED };

struct sim {
    struct script script;
    uint64_t seed, random;
    enum phase phase;
    unsigned said, told; /* by the server, and heard of that by the client */
    unsigned sent, came; /* by the client, and heard of that by the server */
    bool pong_due;
    struct cf_buf post; /* the payload of the POST that is on its way */
    unsigned upgrades, failures;
};

static void check(const struct sim *sim, bool good, const char *what)
{
    if (!good)
        fail_msg("seed %" PRIu64 ": %s", sim->seed, what);
}

static bool chance(struct sim *sim, size_t of)
{
    return random_below(&sim->random, of) == 0;
}

/* Message `n`: its number, behind bytes that depend on it. */
static struct cf_slice make_message(unsigned n, bool binary, char out[64])
{
    int len =
        snprintf(out, 64, "%.*s%u", (int)(n % 7), binary ? "\x1E\x01\xFF\x1E||" : "4b|2x|", n);
    for (int i = 0; i < len && !binary; i++) {
        if (out[i] == '|')
            out[i] = '.';
    }
    return cf_slice_of(out, (size_t)len);
}

static void check_message(const struct sim *sim, struct cf_slice data, bool binary, unsigned n)
{
    char expected[64];
    check(sim, cf_slice_eq(data, make_message(n, binary, expected)), "another message was due");
}

/* ---- the client hears ---- */

static void take_packet(struct sim *sim, const struct cf_eio_packet *packet)
{
    switch (packet->type) {
    case CF_EIO_MESSAGE:
        check_message(sim, packet->data, packet->binary, sim->told++);
        break;
    case CF_EIO_PING:
        sim->pong_due = true;
        break;
    case CF_EIO_NOOP:
    case CF_EIO_OPEN:
        break;
    default:
        check(sim, false, "a packet that no server sends");
    }
}

static void take_answer(struct sim *sim, struct cf_slice payload)
{
    struct cf_slice text;
    struct cf_eio_packet packet;
    struct cf_buf scratch;
    cf_buf_init(&scratch, HELD_MAX);
    while (cf_slice_next(&payload, CF_EIO_SEPARATOR, &text)) {
        check(sim, cf_eio_packet_read(text, &scratch, &packet) == CF_OK, "a packet that is none");
        take_packet(sim, &packet);
    }
    cf_buf_deinit(&scratch);
}

static void take_action(struct script *script, const struct cf_eio_action *action)
{
    struct sim *sim = script->context;
    struct cf_eio_packet packet = {CF_EIO_MESSAGE, true, action->bytes};
    switch (action->what) {
    case CF_EIO_ANSWER:
        take_answer(sim, action->bytes);
        break;
    case CF_EIO_SEND:
        check(sim, sim->phase == UPGRADED, "a WebSocket message too early");
        if (!action->binary)
            check(sim, cf_eio_packet_read(action->bytes, NULL, &packet) == CF_OK, "no packet");
        take_packet(sim, &packet);
        break;
    case CF_EIO_SEND_PROBE:
        sim->phase = PAUSES;
        break;
    case CF_EIO_DROP_PROBE:
        sim->phase = POLLS;
        sim->failures++;
        break;
    case CF_EIO_CLOSED:
        check(sim, false, "the session ended");
    }
    cf_buf_reset(&script->told);
}

/* ---- the server hears ---- */

static void hear(struct script *script, const struct cf_eio_packet *packet)
{
    struct sim *sim = script->context;
    check_message(sim, packet->data, packet->binary, sim->came++);
}

/* ---- moves ---- */

static void server_speaks(struct sim *sim)
{
    char text[64];
    struct cf_buf payload;
    size_t count = 1 + random_below(&sim->random, 3);
    bool joined = chance(sim, 3);
    cf_buf_init(&payload, HELD_MAX);
    for (size_t i = 0; i < count; i++) {
        bool binary = chance(sim, 3);
        struct cf_eio_packet packet = {CF_EIO_MESSAGE, binary,
                                       make_message(sim->said++, binary, text)};
        if (joined)
            assert_int_equal(cf_eio_payload_append(&payload, &packet), CF_OK);
        else
            assert_int_equal(cf_eio_send(&sim->script.s, packet.data, binary), CF_OK);
    }
    if (joined)
        assert_int_equal(cf_eio_send_payload(&sim->script.s, cf_buf_peek(&payload)), CF_OK);
    cf_buf_deinit(&payload);
    script_settle(&sim->script);
}

static void begin_post(struct sim *sim)
{
    char text[64];
    struct cf_eio_packet pong = {.type = CF_EIO_PONG, .data = CF_LIT("")};
    cf_buf_reset(&sim->post);
    if (sim->pong_due)
        assert_int_equal(cf_eio_payload_append(&sim->post, &pong), CF_OK);
    sim->pong_due = false;
    for (size_t i = 1 + random_below(&sim->random, 5); i > 0; i--) {
        bool binary = chance(sim, 3);
        struct cf_eio_packet packet = {CF_EIO_MESSAGE, binary,
                                       make_message(sim->sent++, binary, text)};
        assert_int_equal(cf_eio_payload_append(&sim->post, &packet), CF_OK);
    }
    script_run(&sim->script, CF_LIT("begin"));
    check(sim, sim->script.post, "a POST was refused");
}

static void end_post(struct sim *sim)
{
    script_body(&sim->script, cf_buf_peek(&sim->post));
    script_end(&sim->script);
    script_settle(&sim->script);
}

static void post(struct sim *sim)
{
    if (sim->script.post)
        end_post(sim);
    else if (sim->phase != PAUSES)
        begin_post(sim);
}

static void poll(struct sim *sim)
{
    if (sim->script.get || sim->phase == PAUSES)
        return;
    script_run(&sim->script, CF_LIT("poll"));
}

/* Over the WebSocket, when the client has it. */
static void send_line(struct sim *sim)
{
    char text[64], packet[65] = "4";
    bool binary = chance(sim, 3);
    struct cf_slice data = make_message(sim->sent++, binary, text);
    if (sim->pong_due)
        script_message(&sim->script, CF_LIT("3"), false);
    sim->pong_due = false;
    memcpy(packet + 1, data.ptr, data.len);
    script_message(&sim->script, binary ? data : cf_slice_of(packet, data.len + 1), binary);
    script_settle(&sim->script);
}

static void go_on_upgrading(struct sim *sim)
{
    struct script *script = &sim->script;
    bool quiet = !script->get && !script->post;
    if (sim->phase == POLLS) {
        script_run(script, CF_LIT("probe"));
        check(sim, script->probe, "a probe was refused");
        sim->phase = PROBES;
    } else if (chance(sim, 4)) {
        script_run(script, chance(sim, 2) ? CF_LIT("probe-gone") : CF_LIT("p:x"));
        sim->phase = POLLS;
        sim->failures++;
    } else if (sim->phase == PROBES) {
        script_run(script, CF_LIT("p:2probe"));
    } else if (quiet || (!script->post && chance(sim, 5))) {
        sim->phase = UPGRADED;
        sim->upgrades++;
        script_run(script, CF_LIT("p:5"));
        check(sim, script->socket, "the upgrade was refused");
    }
}

static void pass_time(struct sim *sim)
{
    script_pass(&sim->script, (cf_ms)random_below(&sim->random, 120));
}

static void move(struct sim *sim)
{
    size_t which = random_below(&sim->random, 12);
    if (which < 3)
        server_speaks(sim);
    else if (which == 3)
        pass_time(sim);
    else if (sim->phase == UPGRADED)
        send_line(sim);
    else if (which < 8)
        poll(sim);
    else if (which < 11)
        post(sim);
    else
        go_on_upgrading(sim);
}

/* The client goes on until it has everything. */
static void settle_up(struct sim *sim)
{
    struct script *script = &sim->script;
    if (script->post)
        end_post(sim);
    if (sim->phase == PROBES || sim->phase == PAUSES)
        script_run(script, CF_LIT("probe-gone"));
    if (sim->phase != UPGRADED && !script->get)
        script_run(script, CF_LIT("poll"));
    check(sim, sim->told == sim->said, "the client has not heard everything");
    check(sim, sim->came == sim->sent, "the server has not heard everything");
}

static void run(uint64_t seed, unsigned *upgrades, unsigned *failures)
{
    struct sim sim = {.seed = seed, .random = seed};
    struct cf_eio_config config = SCRIPT_CONFIG;
    config.ping_timeout_ms = 1000000;
    script_init(&sim.script, &config, CF_EIO_POLLING);
    sim.script.context = &sim;
    sim.script.hear = hear;
    sim.script.done = take_action;
    cf_buf_init(&sim.post, HELD_MAX);
    for (unsigned i = 0; i < STEPS; i++)
        move(&sim);
    settle_up(&sim);
    *upgrades += sim.upgrades;
    *failures += sim.failures;
    cf_buf_deinit(&sim.post);
    script_deinit(&sim.script);
}

static void messages_arrive_once_and_in_order(void **state)
{
    (void)state;
    unsigned upgrades = 0, failures = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed, &upgrades, &failures);
    print_message("seeds 1 to %d: %u upgrades, %u probes that failed\n", SEEDS, upgrades, failures);
    assert_true(upgrades > SEEDS / 2 && failures > SEEDS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_arrive_once_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
