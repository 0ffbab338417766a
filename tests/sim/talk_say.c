/* What a device says: until it is acknowledged, with the same id. An ack is waited for 5 s; then
 * come 1, 2 and 4 s of rest, and after that, so that the run can end, a few seconds each time. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "sim/talk.h"

enum { ACK_WAIT = 5 * SIM_SECOND };

static const int64_t rests[] = {1 * SIM_SECOND, 2 * SIM_SECOND, 4 * SIM_SECOND};

static void enter(struct talk_device *device, enum talk_saying state, int64_t delay)
{
    device->speech.state = state;
    device->speech.since = sim.now;
    if (delay < 0)
        sim_cancel(&device->speech.event);
    else
        sim_at(&device->speech.event, delay);
}

static void be_silent(struct talk_device *device)
{
    sim_http_cancel(&device->speech.rest);
    device->speech.said = NULL;
    enter(device, TALK_SILENT, sim_between(100 * SIM_MS, 6 * SIM_SECOND));
}

static void fail(struct talk_device *device)
{
    struct talk_speech *speech = &device->speech;
    sim_http_cancel(&speech->rest);
    bool scheduled = speech->failures < CF_ARRAY_LEN(rests);
    int64_t delay = scheduled ? rests[speech->failures] : sim_between(2, 6) * SIM_SECOND;
    speech->failures++;
    speech->told_to_wait = false;
    enter(device, TALK_RESTS, delay);
}

static void wait_as_told(struct talk_device *device, int64_t delay)
{
    sim_http_cancel(&device->speech.rest);
    device->speech.told_to_wait = true;
    enter(device, TALK_RESTS, delay);
}

/* ---- saying ---- */

/* Its id in any case. */
static void body_of(const struct book_said *said, char *out, size_t size)
{
    char id[BOOK_ID_MAX];
    bool loud = sim_chance(100);
    (void)snprintf(id, sizeof(id), "%s", said->client_id);
    for (char *c = id; loud && *c != '\0'; c++)
        *c = (char)toupper(*c);
    (void)snprintf(out, size, "{\"text\":\"%s\",\"clientMessageId\":\"%s\"}", said->text, id);
}

static void say_by_rest(struct talk_device *device)
{
    const struct talk_speech *speech = &device->speech;
    char target[64], body[256];
    (void)snprintf(target, sizeof(target), "/api/conversations/%s/messages",
                   talk_ids[speech->room]);
    body_of(speech->said, body, sizeof(body));
    sim_http_send(&device->speech.rest, "POST", target, talk_users[device->person], "",
                  cf_slice_cstr(body));
}

static bool emit(struct talk_device *device)
{
    const struct talk_speech *speech = &device->speech;
    struct talk_ask ask = {.what = TALK_SAY, .room = speech->room, .said = speech->said};
    char body[256], arguments[320];
    body_of(speech->said, body, sizeof(body));
    (void)snprintf(arguments, sizeof(arguments), "%s,%s", talk_ids[speech->room], body);
    if (!sim_chance(150))
        return talk_ask(device, ask, "message:send", arguments);
    talk_tell(device, "message:send", arguments); /* `message:ack` will do */
    return true;
}

static void check_rest(const struct talk_device *device)
{
    const struct talk_speech *speech = &device->speech;
    if (speech->failures == 0 || speech->failures > CF_ARRAY_LEN(rests) || speech->told_to_wait)
        return;
    int64_t rested = sim.now - speech->since;
    if (speech->state == TALK_RESTS && rested != rests[speech->failures - 1])
        book_fail("property 8, backoff", "talk %d: retry %u after %lld ms", device->index,
                  speech->failures, (long long)(rested / SIM_MS));
}

/* What is said without a connection waits for it. Now and then twice at once. */
static void try(struct talk_device *device)
{
    struct talk_speech *speech = &device->speech;
    check_rest(device);
    sim_trace("talk %d: \"%s\", try %u%s", device->index, speech->said->text, speech->failures,
              device->connected ? "" : ", without a connection");
    if (sim_chance(speech->failures > 0 ? 250 : 50)) {
        say_by_rest(device);
    } else if (!device->connected) {
        enter(device, TALK_QUEUED, -1);
        return;
    } else if (!emit(device)) {
        fail(device);
        return;
    }
    if (device->connected && sim_chance(100))
        (void)emit(device);
    enter(device, TALK_SENT, ACK_WAIT);
}

static void begin(struct talk_device *device)
{
    struct talk_speech *speech = &device->speech;
    bool direct = talk_has_room(TALK_DIRECT, device->person) && sim_chance(300);
    if (phase != SIM_STORM)
        return;
    speech->room = direct ? TALK_DIRECT : TALK_GROUP;
    speech->said = book_say(talk_books[speech->room], device->person);
    speech->failures = 0;
    speech->told_to_wait = false;
    if (speech->said != NULL)
        try(device);
}

static void on_event(struct sim_event *event)
{
    struct talk_device *device = CF_CONTAINER_OF(event, struct talk_device, speech.event);
    if (device->speech.state == TALK_SILENT)
        begin(device);
    else if (device->speech.state == TALK_SENT)
        fail(device);
    else
        try(device);
}

void talk_speech_connected(struct talk_device *device)
{
    if (device->speech.state == TALK_QUEUED)
        try(device);
}

void talk_speech_lost(struct talk_device *device)
{
    if (device->speech.state == TALK_SENT && !device->speech.rest.busy)
        fail(device);
}

void talk_speech_give_up(struct talk_device *device)
{
    struct talk_speech *speech = &device->speech;
    sim_http_cancel(&speech->rest);
    sim_cancel(&speech->event);
    speech->state = TALK_SILENT;
    if (speech->said != NULL)
        speech->said->given_up = true;
    speech->said = NULL;
}

void talk_speech_check(const struct talk_device *device)
{
    const struct talk_speech *speech = &device->speech;
    if (speech->state == TALK_SENT && sim.now - speech->since > ACK_WAIT)
        book_fail("property 7, ack or timeout", "talk %d waits for \"%s\" since %lld ms",
                  device->index, speech->said->text,
                  (long long)((sim.now - speech->since) / SIM_MS));
}

/* ---- answers ---- */

enum field { SUCCESS, MESSAGE_ID, MESSAGE, ERROR, RETRY_AFTER, FIELDS };

static const struct cf_json_field answer_fields[FIELDS] = {
    [SUCCESS] = {.name = "success", .types = CF_JSON_IS_BOOL},
    [MESSAGE_ID] = {.name = "messageId", .types = CF_JSON_IS_NUMBER},
    [MESSAGE] = {.name = "message", .types = CF_JSON_IS_OBJECT | CF_JSON_IS_STRING},
    [ERROR] = {.name = "error", .types = CF_JSON_IS_STRING},
    [RETRY_AFTER] = {.name = "retryAfterMs", .types = CF_JSON_IS_NUMBER},
};

static void acknowledged(struct talk_device *device, struct book_said *said, struct cf_slice id)
{
    book_acknowledged(said, id);
    if (device->speech.said == said)
        be_silent(device);
}

static void acknowledged_with(struct talk_device *device, struct book_said *said,
                              const struct cf_json_field *fields)
{
    struct talk_message message;
    bool right = talk_message_read(fields[MESSAGE].text, &message);
    if (right && (message.said != said || !cf_slice_eq(message.id, fields[MESSAGE_ID].text)))
        book_fail("property 1, idempotency", "\"%s\" is acknowledged by another message",
                  said->text);
    talk_message_deinit(&message);
    acknowledged(device, said, fields[MESSAGE_ID].text);
}

/* Who takes no part any more gives up. */
static void refused(struct talk_device *device, struct book_said *said, struct cf_slice error,
                    int64_t retry_after)
{
    bool current = device->speech.said == said && device->speech.state == TALK_SENT;
    if (cf_slice_eq(error, CF_LIT("not_participant")) &&
        talk_may_be_refused(device->speech.room, device->person)) {
        if (device->speech.said != said)
            return;
        said->given_up = true;
        be_silent(device);
    } else if (cf_slice_eq(error, CF_LIT("rate_limited"))) {
        if (current)
            wait_as_told(device, retry_after);
    } else if (cf_slice_eq(error, CF_LIT("unavailable"))) {
        if (current)
            fail(device);
    } else {
        book_fail("property 3, at least once", "talk %d: \"%s\" is refused: %.*s", device->index,
                  said->text, (int)error.len, (const char *)error.ptr);
    }
}

void talk_speech_answered(struct talk_device *device, const struct talk_ask *ask,
                          struct cf_slice answer)
{
    struct cf_json_field fields[FIELDS];
    struct cf_arena arena;
    memcpy(fields, answer_fields, sizeof(fields));
    cf_arena_init(&arena, TALK_ARENA_MAX);
    CF_ASSERT(sim_json_read(answer, &arena, fields, FIELDS));
    bool waits = fields[RETRY_AFTER].is != CF_JSON_IS_NONE;
    if (cf_slice_eq(fields[SUCCESS].text, CF_LIT("true")))
        acknowledged_with(device, ask->said, fields);
    else
        refused(device, ask->said, fields[ERROR].text,
                waits ? talk_number_of(fields[RETRY_AFTER].text) * SIM_MS : SIM_SECOND);
    cf_arena_deinit(&arena);
}

/* The id is spelt as it was sent. */
static struct book_said *find_said(const struct talk_device *device, struct cf_slice client_id)
{
    struct book_said *current = device->speech.said;
    if (current != NULL && cf_slice_eq_nocase(client_id, cf_slice_cstr(current->client_id)))
        return current;
    for (int i = book.said_count - 1; i >= 0; i--) {
        if (cf_slice_eq_nocase(client_id, cf_slice_cstr(book.said[i].client_id)))
            return &book.said[i];
    }
    return NULL;
}

void talk_speech_confirmed(struct talk_device *device, struct cf_slice answer)
{
    struct cf_json_field fields[FIELDS + 1];
    struct cf_arena arena;
    memcpy(fields, answer_fields, sizeof(answer_fields));
    fields[FIELDS] = (struct cf_json_field){
        .name = "clientMessageId", .types = CF_JSON_IS_STRING, .required = true};
    cf_arena_init(&arena, TALK_ARENA_MAX);
    CF_ASSERT(sim_json_read(answer, &arena, fields, FIELDS + 1));
    struct book_said *said = find_said(device, fields[FIELDS].text);
    if (said == NULL || said->author != device->person)
        book_fail("a stranger learns nothing", "talk %d: %.*s", device->index, (int)answer.len,
                  (const char *)answer.ptr);
    else if (cf_slice_eq(fields[SUCCESS].text, CF_LIT("true")))
        acknowledged(device, said, fields[MESSAGE_ID].text);
    else
        refused(device, said, fields[ERROR].text, SIM_SECOND);
    cf_arena_deinit(&arena);
}

/* ---- over REST ---- */

static void said_by_rest(struct sim_http *http)
{
    struct talk_device *device = CF_CONTAINER_OF(http, struct talk_device, speech.rest);
    struct book_said *said = device->speech.said;
    struct cf_json_field fields[FIELDS];
    struct cf_arena arena;
    sim_trace("talk %d: \"%s\" over REST: %u", device->index, said->text, http->status);
    if (http->status == 403) {
        refused(device, said, CF_LIT("not_participant"), 0);
    } else if (http->status == 429) {
        wait_as_told(device, (int64_t)http->retry_after_s * SIM_SECOND);
    } else if (http->status == 200 || http->status == 201) {
        memcpy(fields, answer_fields, sizeof(fields));
        cf_arena_init(&arena, TALK_ARENA_MAX);
        CF_ASSERT(sim_json_read(cf_buf_peek(&http->body), &arena, fields, FIELDS));
        acknowledged_with(device, said, fields);
        cf_arena_deinit(&arena);
    } else if (http->status == 0 || http->status >= 500 || http->status == 401 ||
               http->status == 408) {
        fail(device);
    } else {
        book_fail("property 3, at least once", "talk %d: \"%s\" is refused: %u", device->index,
                  said->text, http->status);
    }
}

void talk_speech_init(struct talk_device *device)
{
    device->speech.event.happen = on_event;
    sim_http_init(&device->speech.rest, said_by_rest);
}
