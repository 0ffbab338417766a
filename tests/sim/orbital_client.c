/* An Orbital client: connects first, subscribes, fetches from its cursor until there is no more,
 * and merges by id; over all its groups at once. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/base64.h"
#include "sim/orbital.h"

enum { PAGE = 9, PAGE_OF_GROUP = 60, TEXT_MAX = 64, TYPING_LASTS = 60 * SIM_SECOND };

/* Fields of all data objects. */
enum field {
    MESSAGE_ID,
    CONVERSATION_ID,
    ENVELOPE,
    REPLY_ID,
    THREAD_ID,
    GROUP_ID,
    TITLE,
    BODY,
    USER_ID,
    CODE,
    GROUP_IDS,
    STAMP,
    FIELDS
};

static const struct cf_json_field data_fields[FIELDS] = {
    [MESSAGE_ID] = {.name = "message_id", .types = CF_JSON_IS_STRING},
    [CONVERSATION_ID] = {.name = "conversation_id", .types = CF_JSON_IS_STRING},
    [ENVELOPE] = {.name = "encrypted_envelope", .types = CF_JSON_IS_STRING},
    [REPLY_ID] = {.name = "reply_id", .types = CF_JSON_IS_STRING},
    [THREAD_ID] = {.name = "thread_id", .types = CF_JSON_IS_STRING},
    [GROUP_ID] = {.name = "group_id", .types = CF_JSON_IS_STRING},
    [TITLE] = {.name = "encrypted_title", .types = CF_JSON_IS_STRING},
    [BODY] = {.name = "encrypted_body", .types = CF_JSON_IS_STRING},
    [USER_ID] = {.name = "user_id", .types = CF_JSON_IS_STRING},
    [CODE] = {.name = "code", .types = CF_JSON_IS_STRING},
    [GROUP_IDS] = {.name = "group_ids", .types = CF_JSON_IS_ARRAY},
    [STAMP] = {.name = "server_timestamp", .types = CF_JSON_IS_NUMBER},
};

/* A frame of the stream, or an event of a page. */
struct told {
    struct orbiter *orbiter;
    struct cf_arena arena;
    struct cf_slice type;
    struct cf_json_field data[FIELDS];
    int64_t stamp;
};

static struct orbiter *orbiter_of_ws(struct sim_ws *ws)
{
    return CF_CONTAINER_OF(ws, struct orbiter, stream);
}

static bool is(struct cf_slice slice, const char *text)
{
    return cf_slice_eq(slice, cf_slice_cstr(text));
}

static void read_data(struct told *told, struct cf_slice data)
{
    memcpy(told->data, data_fields, sizeof(data_fields));
    CF_ASSERT(sim_json_read(data, &told->arena, told->data, FIELDS));
}

/* ---- what is shown ---- */

static void unseal(struct cf_slice sealed, char out[TEXT_MAX])
{
    struct cf_buf text;
    cf_buf_init(&text, TEXT_MAX - 1);
    CF_ASSERT(cf_base64_decode(CF_BASE64, sealed, &text) == CF_OK);
    struct cf_slice bytes = cf_buf_peek(&text);
    if (bytes.len > 0)
        memcpy(out, bytes.ptr, bytes.len);
    out[bytes.len] = '\0';
    cf_buf_deinit(&text);
}

/* The group of an event; -1: it is none. */
static int group_of(const struct told *told)
{
    int group = -1;
    if (is(told->type, "new_message"))
        group = orbital_group_of(told->data[CONVERSATION_ID].text);
    else if (is(told->type, "new_reply")) {
        int thread = orbital_thread_of(told->data[THREAD_ID].text);
        group = thread < 0 ? -1 : orbital.threads[thread].group;
    } else if (is(told->type, "new_thread") || is(told->type, "member_joined") ||
               is(told->type, "member_left"))
        group = orbital_group_of(told->data[GROUP_ID].text);
    else
        return -1;
    if (group < 0)
        book_fail("nothing out of nowhere", "%s was told of what is in no group",
                  told->orbiter->user);
    return group;
}

/* Who has come or gone. A member who was away has missed what was said meanwhile. */
static void show_change(struct told *told, int group)
{
    struct orbiter *orbiter = told->orbiter;
    struct book_view *view = &orbiter->views[group][IN_CHANGES];
    char id[BOOK_ID_MAX];
    size_t count = view->count;
    (void)snprintf(id, sizeof(id), "%.*s at %" PRId64, (int)told->type.len,
                   (const char *)told->type.ptr, told->stamp);
    book_shown(view, orbital.groups[group].rooms[IN_CHANGES], orbiter->person, cf_slice_cstr(id),
               told->data[USER_ID].text, told->stamp);
    if (view->count == count || !is(told->data[USER_ID].text, orbiter->user))
        return;
    orbiter->gap[group] = true;
    sim_at(&orbiter->tend, SIM_SECOND);
}

static void show(struct told *told, int group)
{
    struct orbiter *orbiter = told->orbiter;
    const struct cf_json_field *data = told->data;
    char text[TEXT_MAX], title[TEXT_MAX];
    bool message = is(told->type, "new_message"), thread = is(told->type, "new_thread");
    if (!message && !thread && !is(told->type, "new_reply")) {
        show_change(told, group);
        return;
    }
    struct cf_slice id = data[message ? MESSAGE_ID : thread ? THREAD_ID : REPLY_ID].text;
    enum orbital_part part = message ? IN_MESSAGES : IN_THREADS;
    unseal(data[message ? ENVELOPE : BODY].text, text);
    if (thread)
        unseal(data[TITLE].text, title);
    if (thread && strcmp(title, text) != 0)
        book_fail("one version of a message", "\"%s\" has the title \"%s\"", text, title);
    sim_trace("%s is shown %s, %" PRId64, orbiter->user, text, told->stamp);
    book_shown(&orbiter->views[group][part], orbital.groups[group].rooms[part], orbiter->person, id,
               cf_slice_cstr(text), told->stamp);
}

/* ---- what was missed ---- */

static void fetch_page(struct orbiter *orbiter)
{
    bool messages = orbiter->kind == SEED_MESSAGES;
    const char *group = orbiter->scope < 0 ? NULL : orbital.groups[orbiter->scope].id;
    char target[160];
    (void)snprintf(target, sizeof(target), "/v1/%s?since=%" PRId64 "&limit=%d%s%s",
                   messages ? "messages" : "events", orbiter->since,
                   group == NULL ? PAGE : PAGE_OF_GROUP,
                   group == NULL ? ""
                   : messages    ? "&conversation_id="
                                 : "&group_id=",
                   group == NULL ? "" : group);
    sim_http_cancel(&orbiter->fetch);
    sim_http_send(&orbiter->fetch, "GET", target, orbiter->user, "", (struct cf_slice){NULL, 0});
}

static void fetch_from(struct orbiter *orbiter, int scope, int64_t since)
{
    orbiter->scope = scope;
    orbiter->since = since;
    fetch_page(orbiter);
}

/* One cursor for all groups, but a group that was left and is heard again, from 0. */
static void fetch_missed(struct orbiter *orbiter)
{
    orbiter->synced = false;
    fetch_from(orbiter, -1, orbiter->cursor);
}

/* And goes on to: what comes after it has asked to leave is missed. */
static bool hears(const struct orbiter *orbiter, int group)
{
    return orbiter->granted[group] && orbiter->leaving != group;
}

static void fetch_gaps(struct orbiter *orbiter)
{
    for (int g = 0; g < GROUPS; g++) {
        if (orbiter->gap[g] && hears(orbiter, g)) {
            fetch_from(orbiter, g, 0);
            return;
        }
    }
    orbiter->synced = true;
    if (orbiter->seen > orbiter->cursor)
        orbiter->cursor = orbiter->seen;
}

/* An element of a page: of events, or of messages, which are their data. */
static void take_fetched(void *context, struct cf_slice object)
{
    struct orbiter *orbiter = context;
    struct told told = {.orbiter = orbiter, .type = CF_LIT("new_message")};
    cf_arena_init(&told.arena, ORBITAL_ARENA_MAX);
    struct cf_json_field fields[] = {
        {.name = "type", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "data", .types = CF_JSON_IS_OBJECT, .required = true},
        {.name = "server_timestamp", .types = CF_JSON_IS_NUMBER, .required = true},
    };
    bool whole = orbiter->kind != SEED_MESSAGES;
    if (whole) {
        CF_ASSERT(sim_json_read(object, &told.arena, fields, CF_ARRAY_LEN(fields)));
        told.type = fields[0].text;
    }
    read_data(&told, whole ? fields[1].text : object);
    struct cf_slice stamp = whole ? fields[2].text : told.data[STAMP].text;
    CF_ASSERT(cf_json_to_i64(stamp, &told.stamp) == CF_OK);
    if (told.stamp < orbiter->since)
        book_fail("property 2, order", "a page of %s went back in time", orbiter->user);
    orbiter->since = told.stamp;
    int group = group_of(&told);
    if (group >= 0)
        show(&told, group);
    cf_arena_deinit(&told.arena);
}

/* A page holds all of its last millisecond; another group may still get an event of it, unless the
 * page says that there are later ones. */
static void take_page(struct orbiter *orbiter, struct cf_slice array, bool has_more)
{
    sim_json_each(array, take_fetched, orbiter);
    if (orbiter->scope < 0 && orbiter->since > orbiter->cursor)
        orbiter->cursor = orbiter->since;
    if (has_more) {
        if (array.len <= 2)
            book_fail("property 4, no loss", "a page with more behind it has nothing");
        orbiter->since++;
        fetch_page(orbiter);
        return;
    }
    if (orbiter->scope >= 0 && hears(orbiter, orbiter->scope))
        orbiter->gap[orbiter->scope] = false;
    fetch_gaps(orbiter);
}

/* It may be that it was removed, and has not heard of it yet. */
static void fetch_failed(struct orbiter *orbiter)
{
    unsigned status = orbiter->fetch.status;
    sim_trace("%s: fetch failed, %u", orbiter->user, status);
    if (status == 403 && (orbiter->person != REMOVED || orbiter->scope != 0))
        book_fail("a member is let in", "%s may not fetch group %d", orbiter->user, orbiter->scope);
    if (status >= 400 && status < 500 && status != 401 && status != 403 && status != 408)
        book_fail("a member is let in", "%s may not fetch: %u", orbiter->user, status);
    sim_at(&orbiter->tend, sim_backoff(orbiter->fetch_attempts++));
}

static void fetched(struct sim_http *http)
{
    struct orbiter *orbiter = CF_CONTAINER_OF(http, struct orbiter, fetch);
    struct cf_json_field fields[] = {
        {.name = orbiter->kind == SEED_MESSAGES ? "messages" : "events",
         .types = CF_JSON_IS_ARRAY,
         .required = true},
        {.name = "has_more", .types = CF_JSON_IS_BOOL, .required = true},
    };
    struct cf_arena arena;
    if (http->status != 200) {
        fetch_failed(orbiter);
        return;
    }
    cf_arena_init(&arena, ORBITAL_ARENA_MAX);
    CF_ASSERT(sim_json_read(cf_buf_peek(&http->body), &arena, fields, CF_ARRAY_LEN(fields)));
    bool has_more = is(fields[1].text, "true");
    orbiter->fetch_attempts = 0;
    take_page(orbiter, fields[0].text, has_more);
    cf_arena_deinit(&arena);
}

/* ---- talking to the server ---- */

/* A clock that is wrong, and each time otherwise: nobody may go by it. */
void orbiter_say(struct orbiter *orbiter, const char *type, const char *data)
{
    char text[512];
    int64_t century_ms = INT64_C(100) * 365 * 24 * 3600 * 1000;
    int len =
        snprintf(text, sizeof(text), "{\"type\":\"%s\",\"data\":%s,\"timestamp\":%" PRId64 "}",
                 type, data, sim_between(-century_ms, century_ms));
    CF_ASSERT(len > 0 && (size_t)len < sizeof(text));
    sim_ws_send(&orbiter->stream, cf_slice_of(text, (size_t)len));
    orbiter->bad_in_row = -orbiter->bad_owed;
}

/* Some name each group twice. */
void orbiter_subscribe(struct orbiter *orbiter)
{
    char data[2 * GROUPS * (ORBITAL_ID_MAX + 4) + 32] = "{\"group_ids\":[";
    const char *comma = "";
    int times = sim_chance(200) ? 2 : 1;
    for (int i = 0; i < times * GROUPS; i++) {
        int g = i / times;
        if (!orbiter->believes[g] || orbiter->granted[g])
            continue;
        size_t len = strlen(data);
        (void)snprintf(data + len, sizeof(data) - len, "%s\"%s\"", comma, orbital.groups[g].id);
        comma = ",";
    }
    if (*comma == '\0')
        return;
    (void)strcat(data, "]}");
    orbiter_say(orbiter, "subscribe", data);
}

bool orbiter_is_up_to_date(const struct orbiter *orbiter)
{
    bool all = orbiter->synced;
    for (int g = 0; g < GROUPS; g++)
        all = all && orbiter->believes[g] == orbiter->granted[g] &&
              !(orbiter->granted[g] && orbiter->gap[g]);
    return all;
}

/* Whatever could not be done before. What is not subscribed to is fetched when it is: else what
 * comes in between would be missed. */
static void on_tend(struct sim_event *event)
{
    struct orbiter *orbiter = CF_CONTAINER_OF(event, struct orbiter, tend);
    if (!orbiter->stream.open)
        return;
    orbiter_subscribe(orbiter);
    for (int g = 0; g < GROUPS; g++) {
        if (orbiter->believes[g] && !orbiter->granted[g])
            return;
    }
    if (!orbiter_is_up_to_date(orbiter) && !orbiter->fetch.busy && orbiter->person != STRANGER)
        fetch_missed(orbiter);
}

static void connect_now(struct sim_event *event)
{
    struct orbiter *orbiter = CF_CONTAINER_OF(event, struct orbiter, reconnect);
    sim_ws_connect(&orbiter->stream, "/ws", orbiter->user, NULL);
}

/* The seed's own says what it wants before it has read anything. */
static void opened(struct sim_ws *ws)
{
    struct orbiter *orbiter = orbiter_of_ws(ws);
    sim_trace("%s: stream opened", orbiter->user);
    orbiter->attempts = 0;
    orbiter->told = orbiter->seen = 0;
    orbiter->leaving = -1;
    orbiter->pings = 0;
    orbiter->mute = orbiter->person == STRANGER && phase == SIM_STORM && sim_chance(300);
    orbiter->bad_owed = orbiter->pongs_owed = orbiter->bad_in_row = 0;
    for (int g = 0; g < GROUPS; g++) {
        orbiter->granted[g] = false;
        orbiter->told_of[g] = 0;
        orbiter->opened_removed[g] = orbital_is_out(orbiter, g);
    }
    if (orbiter->kind != CAREFUL)
        orbiter_subscribe(orbiter);
}

void orbiter_closed(struct sim_ws *ws, unsigned status, unsigned code)
{
    struct orbiter *orbiter = orbiter_of_ws(ws);
    sim_trace("%s: stream closed, %u %u", orbiter->user, status, code);
    orbiter->synced = false;
    orbiter->typed_earlier = orbiter->typed_earlier || orbiter->typed;
    memset(orbiter->granted, 0, sizeof(orbiter->granted));
    if (orbiter->person != STRANGER)
        sim_http_cancel(&orbiter->fetch);
    sim_cancel(&orbiter->tend);
    sim_at(&orbiter->reconnect, sim_backoff(orbiter->attempts++));
}

/* ---- frames ---- */

/* Is the group among the ids of an array? */
static bool names(struct cf_slice array, int group)
{
    const char *id = orbital.groups[group].id;
    size_t len = strlen(id);
    for (size_t i = 0; i + len <= array.len; i++) {
        if (memcmp(array.ptr + i, id, len) == 0)
            return true;
    }
    return false;
}

static void hear_subscribed(struct told *told)
{
    struct orbiter *orbiter = told->orbiter;
    for (int g = 0; g < GROUPS; g++) {
        if (!names(told->data[GROUP_IDS].text, g))
            continue;
        if (!book.rooms[orbital.groups[g].rooms[0]].member[orbiter->person] ||
            (orbiter->opened_removed[g] && orbital_is_out(orbiter, g)))
            book_fail("a stranger learns nothing", "%s has subscribed to group %d", orbiter->user,
                      g);
        orbiter->granted[g] = true;
        orbiter->told_of[g] = 0;
    }
    if (orbiter->person != STRANGER)
        fetch_missed(orbiter);
}

/* The news may be old: it asks whether it is a member. */
static void hear_that_it_is_out(struct orbiter *orbiter, int group)
{
    orbiter->granted[group] = false;
    orbiter->gap[group] = true;
    orbiter->believes[group] =
        orbiter->person == STRANGER || orbital.groups[group].in[orbiter->person];
    if (orbiter->believes[group] && orbiter->person != STRANGER)
        sim_at(&orbiter->tend, SIM_SECOND);
}

static void hear_error(struct told *told)
{
    struct orbiter *orbiter = told->orbiter;
    struct cf_slice code = told->data[CODE].text;
    sim_trace("%s: error %.*s", orbiter->user, (int)code.len, (const char *)code.ptr);
    if (is(code, "bad_json") || is(code, "unknown_type") || is(code, "invalid")) {
        if (--orbiter->bad_owed < 0)
            book_fail("bad frames are answered", "%s is told %.*s, and has said nothing bad",
                      orbiter->user, (int)code.len, (const char *)code.ptr);
        if (++orbiter->bad_in_row > 10)
            book_fail("bad frames are answered", "the 11th in a row was, too");
        return;
    }
    for (int g = 0; g < GROUPS && is(code, "not_member"); g++) {
        if (!names(told->data[GROUP_IDS].text, g))
            continue;
        if (orbiter->person != STRANGER && (g != 0 || orbiter->person != REMOVED))
            book_fail("a member is let in", "%s may not subscribe to group %d", orbiter->user, g);
        hear_that_it_is_out(orbiter, g);
    }
    if (is(code, "unavailable") || is(code, "too_many"))
        sim_at(&orbiter->tend, SIM_SECOND);
}

static void hear_typing(struct told *told)
{
    struct orbiter *orbiter = told->orbiter;
    int thread = orbital_thread_of(told->data[THREAD_ID].text), typist = 0;
    orbiter->typing = sim.now;
    while (typist < ORBITERS && !is(told->data[USER_ID].text, orbiters[typist].user))
        typist++;
    if (thread < 0 || typist == ORBITERS || !orbital.threads[thread].typed[typist])
        book_fail("property 5, typing", "%s hears somebody type who does not", orbiter->user);
    else if (!orbiter->granted[orbital.threads[thread].group])
        book_fail("a stranger learns nothing", "%s hears %s type", orbiter->user,
                  orbiters[typist].user);
    else if (typist == STRANGER)
        book_fail("property 5, typing", "a stranger is heard");
    else if (typist == orbiter->person && !orbiter->typed_earlier)
        book_fail("property 5, typing", "%s hears itself", orbiter->user);
    if (phase == SIM_CALM && sim.now > orbital.calm + TYPING_LASTS)
        book_fail("property 5, typing", "%s hears %s type in the calm", orbiter->user,
                  orbiters[typist < ORBITERS ? typist : 0].user);
}

static void hear_ping(struct orbiter *orbiter)
{
    if (++orbiter->pings > 3)
        book_fail("who answers no pings is dropped", "%s gets a fourth one", orbiter->user);
    if (orbiter->mute)
        return;
    orbiter->pings = 0;
    orbiter_say(orbiter, "pong", "{\"client_time\":1}");
}

/* Behind it comes nothing of the group any more. */
static void hear_pong(struct orbiter *orbiter)
{
    if (--orbiter->pongs_owed < 0)
        book_fail("pings are answered", "%s gets a pong too many", orbiter->user);
    if (orbiter->leaving < 0)
        return;
    orbiter->granted[orbiter->leaving] = false;
    orbiter->leaving = -1;
    sim_at(&orbiter->tend, sim_between(0, 5) * SIM_SECOND);
}

static void hear_event(struct told *told, int group)
{
    struct orbiter *orbiter = told->orbiter;
    if (!orbiter->granted[group])
        book_fail("only what was subscribed to", "%s is told of group %d", orbiter->user, group);
    if (told->stamp <= orbiter->told_of[group])
        book_fail("property 2, order", "group %d: %" PRId64 " was told after %" PRId64, group,
                  told->stamp, orbiter->told_of[group]);
    orbiter->told_of[group] = told->stamp;
    show(told, group);
    if (is(told->type, "member_left") && is(told->data[USER_ID].text, orbiter->user))
        hear_that_it_is_out(orbiter, group);
}

static void hear_other(struct told *told)
{
    struct orbiter *orbiter = told->orbiter;
    if (is(told->type, "auth_success") && orbiter->kind == CAREFUL)
        orbiter_subscribe(orbiter);
    else if (is(told->type, "subscribed"))
        hear_subscribed(told);
    else if (is(told->type, "ping"))
        hear_ping(orbiter);
    else if (is(told->type, "pong"))
        hear_pong(orbiter);
    else if (is(told->type, "typing_indicator"))
        hear_typing(told);
    else if (is(told->type, "error"))
        hear_error(told);
}

/* The cursor's promise: behind a frame, whatever it is, no event has a smaller stamp. */
static void hear(struct told *told)
{
    struct orbiter *orbiter = told->orbiter;
    int group = group_of(told);
    if (told->stamp < orbiter->told)
        book_fail("the cursor's promise", "%s: a %.*s of %" PRId64 " comes after %" PRId64,
                  orbiter->user, (int)told->type.len, (const char *)told->type.ptr, told->stamp,
                  orbiter->told);
    if (group >= 0 || orbiter->kind != CAREFUL)
        orbiter->seen = told->stamp;
    orbiter->told = told->stamp;
    if (group >= 0)
        hear_event(told, group);
    else
        hear_other(told);
    if (orbiter->synced)
        orbiter->cursor = orbiter->seen > orbiter->cursor ? orbiter->seen : orbiter->cursor;
}

static void text_came(struct sim_ws *ws, struct cf_slice text)
{
    struct told told = {.orbiter = orbiter_of_ws(ws)};
    struct cf_json_field fields[] = {
        {.name = "type", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "data", .types = CF_JSON_IS_OBJECT, .required = true},
        {.name = "server_timestamp", .types = CF_JSON_IS_NUMBER, .required = true},
    };
    cf_arena_init(&told.arena, ORBITAL_ARENA_MAX);
    CF_ASSERT(sim_json_read(text, &told.arena, fields, CF_ARRAY_LEN(fields)));
    CF_ASSERT(cf_json_to_i64(fields[2].text, &told.stamp) == CF_OK);
    told.type = fields[0].text;
    read_data(&told, fields[1].text);
    hear(&told);
    cf_arena_deinit(&told.arena);
}

/* ---- */

void orbiter_init(struct orbiter *orbiter, int person)
{
    bool stranger = person == STRANGER;
    *orbiter = (struct orbiter){
        .person = person,
        .stream = {.opened = opened,
                   .text = text_came,
                   .closed = orbiter_closed,
                   .silence_max = 75 * SIM_SECOND},
        .reconnect = {.happen = connect_now},
        .speak = {.happen = orbiter_on_speak},
        .mood = {.happen = stranger ? stranger_on_mood : orbiter_on_mood},
        .tend = {.happen = on_tend},
    };
    (void)snprintf(orbiter->user, sizeof(orbiter->user), "orbiter%d", person);
    if (person == REMOVED)
        orbiter->kind = sim_chance(500) ? CAREFUL : SEED_EVENTS;
    else if (!stranger && person != ADMIN)
        orbiter->kind = (enum orbital_kind)sim_between(CAREFUL, SEED_MESSAGES);
    orbiter->excited = sim_chance(250);
    sim_ws_init(&orbiter->stream);
    sim_http_init(&orbiter->fetch, stranger ? stranger_asked : fetched);
    sim_http_init(&orbiter->post, orbiter_posted);
}
