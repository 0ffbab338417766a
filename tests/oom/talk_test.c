/* Memory runs out under conversations: REST calls over the store in memory, the events of sockets,
 * and the Engine.IO and Socket.IO sessions that carry them. */
#include "unit/talk/call.h"

#include "dialect/eio/session.h"
#include "dialect/sio/session.h"
#include "dialect/talk/hear.h"
#include "dialect/talk/tell.h"
#include "oom/steps.h"

static enum cf_error answer(int op, const struct cf_store_request *done, unsigned *out_status,
                            struct cf_buf *body, struct cf_problem *out_problem)
{
    return cf_talk_answer((enum cf_talk_op)op, done, out_status, body, out_problem);
}

static enum cf_error tell(const struct cf_event *event, struct cf_buf *out)
{
    bool any;
    return cf_talk_event_encode(event, out, &any);
}

static const struct steps_dialect dialect = {answer, tell};

static void talk_calls(struct scenario *s)
{
    struct steps steps;
    struct person ann, bob;
    steps_init(&steps, s, &dialect);
    person_init(&ann, &steps.world, "7", "Ann");
    person_init(&bob, &steps.world, "bob", "Bob");
    steps_call(&steps, &ann,
               POST("conversations", .body = "{\"kind\":\"direct\",\"participantIds\":[\"bob\"]}"),
               201);
    steps_call(&steps, &ann,
               POST("conversations",
                    .body = "{\"kind\":\"group\",\"title\":\"G\",\"participantIds\":[\"bob\"]}"),
               201);
    for (int i = 0; i < 10; i++) {
        const char *body =
            steps_text("{\"text\":\"message "
                       "%d\",\"clientMessageId\":\"0189abcd-ef01-4abc-9def-0123456789%02d\"}",
                       i, i);
        steps_call(&steps, i % 2 == 0 ? &ann : &bob, POST("conversations/1/messages", .body = body),
                   201);
    }
    steps_call(&steps, &ann, POST("conversations/2/participants", .body = "{\"userIds\":[8]}"),
               200);
    steps_call(&steps, &bob, GET("conversations/1/messages"), 200);
    assert_int_equal(steps_count(&steps, "\"text\":"), 10);
    steps_call(&steps, &bob, GET("conversations/1/messages", .after_seq = "5"), 200);
    assert_int_equal(steps_count(&steps, "\"text\":"), 5);
    steps_call(&steps, &ann, GET("conversations"), 200);
    steps_call(&steps, &bob, DELETE("conversations/2/participants/bob"), 204);
    steps_deinit(&steps);
}

/* ---- what a socket's store requests do ---- */

static struct cf_store_request *ask_socket(struct scenario *s, const struct person *person,
                                           enum cf_store_op op)
{
    struct cf_store_request *request = NULL;
    enum cf_chat_field field;
    if (op == CF_STORE_TALK_MARK)
        (void)RETRIED(s, cf_talk_mark(&person->asker, 1, CF_MARK_READ, &request, &field));
    else
        (void)RETRIED(s, cf_talk_socket(&person->asker, op, CF_LIT("pid"), 1, &request, &field));
    if (op == CF_STORE_SOCKET_OPEN || op == CF_STORE_SOCKET_JOIN)
        request->sid = CF_LIT("sid");
    if (op == CF_STORE_SOCKET_RECOVER) {
        request->limit = 100;
        request->from = 0;
    }
    return request;
}

static void socket_step(struct steps *steps, struct person *person, enum cf_store_op op)
{
    steps->world.now.us += 1000000;
    person->asker.now = steps->world.now;
    struct cf_store_request *done = world_run(&steps->world, ask_socket(steps->s, person, op));
    if (!TRIED(steps->s, done->error)) {
        cf_store_request_free(done);
        fault_heal();
        done = world_run(&steps->world, ask_socket(steps->s, person, op));
        assert_int_equal(done->error, CF_OK);
    }
    steps_tell(steps, done);
    if (op == CF_STORE_SOCKET_RECOVER)
        assert_int_equal(done->talks_count, 1);
    cf_store_request_free(done);
}

/* The store hears of the socket when it connects, or with its first join. */
static void sockets(struct scenario *s, bool opened)
{
    struct steps steps;
    struct person ann, bob;
    steps_init(&steps, s, &dialect);
    person_init(&ann, &steps.world, "7", "Ann");
    person_init(&bob, &steps.world, "bob", "Bob");
    steps_call(&steps, &ann,
               POST("conversations", .body = "{\"kind\":\"direct\",\"participantIds\":[\"bob\"]}"),
               201);
    if (opened)
        socket_step(&steps, &bob, CF_STORE_SOCKET_OPEN);
    socket_step(&steps, &bob, CF_STORE_SOCKET_JOIN);
    steps_call(&steps, &ann,
               POST("conversations/1/messages",
                    .body = "{\"text\":\"hi\",\"clientMessageId\":\"" CLIENT_ID "\"}"),
               201);
    socket_step(&steps, &bob, CF_STORE_TALK_MARK);
    socket_step(&steps, &bob, CF_STORE_SOCKET_RECOVER);
    socket_step(&steps, &bob, CF_STORE_SOCKET_LEAVE);
    socket_step(&steps, &bob, CF_STORE_SOCKET_CLOSE);
    steps_deinit(&steps);
}

static void talk_sockets(struct scenario *s)
{
    sockets(s, true);
}

static void talk_late_sockets(struct scenario *s)
{
    sockets(s, false);
}

/* ---- Socket.IO ---- */

static const struct cf_slice namespaces[] = {{(const uint8_t *)"/", 1}};

static const struct cf_sio_config sio_config = {.namespaces = namespaces,
                                                .namespaces_count = 1,
                                                .connect_timeout_ms = 1000,
                                                .attachments_timeout_ms = 500,
                                                .attachments_bytes_max = 1000,
                                                .json = CF_JSON_LIMITS_DEFAULT,
                                                .hash_key = hash_key};

static bool understand(struct scenario *s, const struct cf_sio_event *event, struct cf_arena *arena)
{
    struct cf_talk_heard heard;
    const char *why = NULL;
    return TRIED(s, cf_talk_hear(&event->args, &sio_config.json, hash_key, arena, &heard, &why));
}

/* One message of the client's, to what it means. */
static bool say(struct scenario *s, struct cf_sio_session *session, const char *text, bool binary)
{
    struct cf_sio_event event;
    struct cf_talk_auth auth;
    struct cf_arena arena;
    struct cf_buf reply;
    cf_arena_init(&arena, 65536);
    cf_buf_init(&reply, 65536);
    bool ok =
        TRIED(s, cf_sio_next(session, cf_slice_cstr(text), binary, 1000, &arena, &reply, &event));
    if (ok && event.type == CF_SIO_WANTS_IN)
        ok = TRIED(s, cf_talk_auth_read(event.auth, &sio_config.json, hash_key, &arena, &auth)) &&
             TRIED(s, cf_sio_accept(session, 0, CF_LIT("sid"), CF_LIT("pid"), &reply));
    if (ok && event.type == CF_SIO_HAPPENED && event.attachments_count == 0)
        ok = understand(s, &event, &arena);
    cf_buf_deinit(&reply);
    cf_arena_deinit(&arena);
    return ok;
}

static void sio_session(struct scenario *s)
{
    struct cf_sio_session session;
    cf_sio_session_init(&session, &sio_config, 0);
    (void)(say(s, &session, "0{\"token\":\"a.b.c\",\"pid\":\"p\",\"offset\":\"12\"}", false) &&
           say(s, &session, "20[\"conversation:join\",1]", false) &&
           say(s, &session,
               "21[\"message:send\",1,{\"text\":\"quoted \\\" \\u00e9\","
               "\"clientMessageId\":\"" CLIENT_ID "\"}]",
               false) &&
           say(s, &session,
               "52-[\"file\",{\"_placeholder\":true,\"num\":0},"
               "{\"_placeholder\":true,\"num\":1}]",
               false) &&
           say(s, &session, "some bytes", true) && say(s, &session, "and more", true) &&
           say(s, &session, "1", false));
    cf_sio_session_deinit(&session);
}

/* ---- what is told ---- */

static void told(struct scenario *s, struct cf_buf *out, enum cf_error error)
{
    (void)TRIED(s, error);
    cf_buf_release(out);
}

static void talk_telling(struct scenario *s)
{
    struct cf_talk_message message = sample_message();
    struct cf_talk_mark mark = sample_mark(CF_MARK_READ);
    struct cf_talk_present present;
    struct cf_buf out;
    cf_buf_init(&out, 65536);
    told(s, &out, cf_talk_message_packet(&message, &out));
    told(s, &out, cf_talk_mark_packet(&mark, &out));
    told(s, &out, cf_talk_ack_done(&out));
    told(s, &out, cf_talk_ack_sent(&message, &out));
    told(s, &out, cf_talk_ack_refused(CF_E_RATE, "too often", 100, &out));
    told(s, &out, cf_talk_sent_packet(CF_LIT(CLIENT_ID), &message, CF_OK, &out));
    told(s, &out, cf_talk_sent_packet(CF_LIT(CLIENT_ID), NULL, CF_E_UNAVAILABLE, &out));
    if (TRIED(s, cf_talk_present_begin(&present, 1, false, &out))) {
        for (int i = 0; i < 50; i++)
            cf_talk_present_add(&present, CF_LIT("somebody"));
        (void)TRIED(s, cf_talk_present_end(&present));
    }
    cf_buf_deinit(&out);
}

/* ---- Engine.IO: without memory the session closes, told once, with nothing open ---- */

static const struct cf_eio_config eio_config = {.ping_interval_ms = 300,
                                                .ping_timeout_ms = 200,
                                                .upgrade_timeout_ms = 1000,
                                                .close_timeout_ms = 2000,
                                                .payload_bytes_max = 100000,
                                                .queue_bytes_max = 100000};

struct owner {
    struct cf_eio_session session;
    struct cf_buf scratch, decoded;
    bool get, over;
};

/* True while it lives. */
static bool settle(struct owner *o)
{
    struct cf_eio_action action;
    while (cf_eio_act(&o->session, &o->scratch, &action)) {
        assert_false(o->over);
        if (action.what == CF_EIO_ANSWER) {
            assert_true(o->get);
            o->get = false;
        }
        o->over = action.what == CF_EIO_CLOSED;
    }
    assert_int_equal(o->over, o->session.end != CF_EIO_LIVE);
    if (o->over)
        assert_false(o->get);
    return !o->over;
}

static bool polls(struct owner *o)
{
    if (cf_eio_poll(&o->session, 1000) == CF_OK)
        o->get = true;
    return settle(o);
}

static bool posts(struct owner *o, const char *text)
{
    struct cf_slice body = cf_slice_cstr(text);
    struct cf_eio_packet packet;
    enum cf_error error = cf_eio_post_begin(&o->session);
    assert_int_equal(error, CF_OK);
    do
        error = cf_eio_payload_next(&o->session, &body, 1000, &o->decoded, &packet);
    while (error == CF_OK && packet.data.ptr != NULL);
    if (error == CF_OK)
        cf_eio_post_end(&o->session);
    return settle(o);
}

static bool hears(struct owner *o, const char *message, bool binary)
{
    struct cf_eio_packet packet;
    (void)cf_eio_ws_next(&o->session, cf_slice_cstr(message), binary, 1000, &o->decoded, &packet);
    return settle(o);
}

static bool sends(struct owner *o, bool binary)
{
    static const uint8_t bytes[3000] = {1, 2, 3};
    (void)cf_eio_send(&o->session, cf_slice_of(bytes, sizeof(bytes)), binary);
    return settle(o);
}

static bool upgrades(struct owner *o)
{
    bool upgraded = false;
    if (cf_eio_probe_begin(&o->session, 1000) != CF_OK)
        return false;
    cf_eio_probe_packet(&o->session, CF_LIT("2probe"), false, 1000, &upgraded);
    if (!settle(o))
        return false;
    cf_eio_probe_packet(&o->session, CF_LIT("5"), false, 1000, &upgraded);
    return settle(o) && upgraded;
}

static void eio_session(struct scenario *s)
{
    struct owner o = {.get = false};
    cf_buf_init(&o.scratch, 200000);
    cf_buf_init(&o.decoded, 200000);
    bool opened =
        TRIED(s, cf_eio_session_open(&o.session, &eio_config, CF_EIO_POLLING, CF_LIT("sid"), 1000));
    bool went_on = opened && settle(&o) && polls(&o) && polls(&o) &&
                   posts(&o, "4hello\x1e"
                             "bAQIDBAUGBwgJCgsMDQ4P\x1e"
                             "4more") &&
                   sends(&o, true) && sends(&o, true) && polls(&o) && sends(&o, true) &&
                   upgrades(&o) && hears(&o, "4text", false) && hears(&o, "binary", true) &&
                   hears(&o, "bAQID", false) && sends(&o, true);
    if (went_on)
        cf_eio_close(&o.session, 1000);
    else if (opened)
        scenario_note(s); /* closing is the answer */
    if (opened) {
        (void)settle(&o);
        cf_eio_session_deinit(&o.session);
    }
    cf_buf_deinit(&o.scratch);
    cf_buf_deinit(&o.decoded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(talk_calls),  SCENARIO(talk_sockets), SCENARIO(talk_late_sockets),
        SCENARIO(sio_session), SCENARIO(talk_telling), SCENARIO(eio_session),
    };
    return cmocka_run_group_tests_name("oom talk", tests, NULL, NULL);
}
