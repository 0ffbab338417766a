/* Clients of a shop: each posts, and follows the shop's stream as seed 000 says, with what the
 * house has added: connect first, fetch by the cursor until nothing is left, merge by id. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "sim/json.h"
#include "sim/server.h"
#include "sim/wire.h"
#include "sim/world.h"

enum { SHOPPERS = 4, STRANGER = SHOPPERS, PAGE = 5, ARENA_MAX = 16 * 1024 * 1024 };

struct shopper {
    int person;
    char user[16];
    struct sim_ws stream;
    struct sim_http fetch, post;
    struct sim_event reconnect, speak, mood;
    unsigned attempts, post_attempts;
    bool synced;    /* all that was there when the stream opened has been fetched */
    int64_t cursor; /* created_at of the last that is known to have nothing missing before it */
    int64_t seen;   /* the newest that has come at all */
    int64_t told;   /* the newest that this connection has told */
    struct book_said *saying;
    struct book_view view;
};

/* The last one is removed from the shop in the middle of the storm. */
enum { REMOVED = SHOPPERS - 1 };

static struct shopper shoppers[SHOPPERS + 1];
static struct sim_http maker;
static int room, made; /* steps of the set-up */
static char shop[40];

static struct shopper *shopper_of_ws(struct sim_ws *ws)
{
    return CF_CONTAINER_OF(ws, struct shopper, stream);
}

/* ---- what is shown ---- */

static void show(void *context, struct cf_slice object)
{
    struct shopper *shopper = context;
    struct cf_json_field fields[] = {
        {.name = "id", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "message", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "created_at", .types = CF_JSON_IS_STRING, .required = true},
    };
    struct cf_arena arena;
    cf_us created = 0;
    cf_arena_init(&arena, ARENA_MAX);
    CF_ASSERT(sim_json_read(object, &arena, fields, CF_ARRAY_LEN(fields)));
    CF_ASSERT(cf_us_parse(fields[2].text, &created) == CF_OK);
    sim_trace("%s is shown %.*s", shopper->user, (int)fields[1].text.len,
              (const char *)fields[1].text.ptr);
    book_shown(&shopper->view, room, shopper->person, fields[0].text, fields[1].text, created);
    shopper->seen = created > shopper->seen ? created : shopper->seen;
    if (shopper->synced)
        shopper->cursor = shopper->seen;
    cf_arena_deinit(&arena);
}

/* ---- the stream ---- */

static void connect_now(struct sim_event *event)
{
    struct shopper *shopper = CF_CONTAINER_OF(event, struct shopper, reconnect);
    char target[128];
    (void)snprintf(target, sizeof(target), "/api/v1/shops/%s/messages/stream", shop);
    sim_ws_connect(&shopper->stream, target, shopper->user, NULL);
}

static void fetch_page(struct shopper *shopper)
{
    char target[160], since[CF_TIME_LEN];
    cf_us_format(shopper->cursor, since);
    (void)snprintf(target, sizeof(target),
                   "/api/v1/shops/%s/messages/paginated?since=%.*s&limit=%d", shop, CF_TIME_LEN,
                   since, PAGE);
    sim_http_cancel(&shopper->fetch);
    sim_http_send(&shopper->fetch, "GET", target, shopper->user, "", (struct cf_slice){NULL, 0});
}

static void opened(struct sim_ws *ws)
{
    struct shopper *shopper = shopper_of_ws(ws);
    shopper->attempts = 0;
    shopper->synced = false;
    shopper->told = 0;
    if (shopper->person == STRANGER)
        book_fail("a stranger learns nothing", "%s has a stream", shopper->user);
    fetch_page(shopper);
}

/* A connection tells each message once, in the order of their commits. */
static void text_came(struct sim_ws *ws, struct cf_slice text)
{
    struct shopper *shopper = shopper_of_ws(ws);
    int64_t seen = shopper->seen;
    shopper->seen = 0;
    show(shopper, text);
    if (shopper->seen <= shopper->told)
        book_fail("property 2, order", "a stream of %s told a message twice, or after a later one",
                  shopper->user);
    shopper->told = shopper->seen;
    shopper->seen = seen > shopper->seen ? seen : shopper->seen;
    if (shopper->synced)
        shopper->cursor = shopper->seen;
}

static void closed(struct sim_ws *ws, unsigned status, unsigned code)
{
    struct shopper *shopper = shopper_of_ws(ws);
    sim_trace("%s: stream closed, %u %u", shopper->user, status, code);
    shopper->synced = false;
    sim_http_cancel(&shopper->fetch);
    sim_at(&shopper->reconnect, sim_backoff(shopper->attempts++));
}

/* Pages come oldest first: behind the last one nothing is missing. */
static void show_fetched(void *context, struct cf_slice object)
{
    struct shopper *shopper = context;
    int64_t seen = shopper->seen;
    shopper->seen = 0;
    show(shopper, object);
    if (shopper->seen < shopper->cursor)
        book_fail("property 2, order", "a page went back in time");
    shopper->cursor = shopper->seen;
    shopper->seen = seen > shopper->seen ? seen : shopper->seen;
}

static void take_page(struct shopper *shopper, struct cf_slice array, bool has_more)
{
    int64_t before = shopper->cursor;
    sim_json_each(array, show_fetched, shopper);
    if (has_more && shopper->cursor == before)
        book_fail("property 4, no loss", "a page with more behind it brings nothing new");
    if (has_more) {
        fetch_page(shopper);
        return;
    }
    shopper->synced = true;
    shopper->cursor = shopper->seen;
}

static void fetched(struct sim_http *http)
{
    struct shopper *shopper = CF_CONTAINER_OF(http, struct shopper, fetch);
    struct cf_json_field fields[] = {
        {.name = "messages", .types = CF_JSON_IS_ARRAY, .required = true},
        {.name = "has_more", .types = CF_JSON_IS_BOOL, .required = true},
    };
    struct cf_arena arena;
    if (http->status != 200) {
        sim_trace("%s: fetch failed, %u", shopper->user, http->status);
        sim_ws_leave(&shopper->stream, true);
        closed(&shopper->stream, 0, 1000);
        return;
    }
    if (shopper->person == STRANGER)
        book_fail("a stranger learns nothing", "%s has fetched", shopper->user);
    cf_arena_init(&arena, ARENA_MAX);
    CF_ASSERT(sim_json_read(cf_buf_peek(&http->body), &arena, fields, CF_ARRAY_LEN(fields)));
    bool has_more = cf_slice_eq(fields[1].text, CF_LIT("true"));
    take_page(shopper, fields[0].text, has_more);
    cf_arena_deinit(&arena);
}

/* ---- talking ---- */

static void post(struct shopper *shopper)
{
    char body[256];
    (void)snprintf(body, sizeof(body),
                   "{\"shop_id\":\"%s\",\"message\":\"%s\",\"client_message_id\":\"%s\"}", shop,
                   shopper->saying->text, shopper->saying->client_id);
    sim_http_send(&shopper->post, "POST", "/api/v1/shops/messages", shopper->user, "",
                  cf_slice_cstr(body));
}

static void posted(struct sim_http *http)
{
    struct shopper *shopper = CF_CONTAINER_OF(http, struct shopper, post);
    struct cf_json_field id = {.name = "id", .types = CF_JSON_IS_STRING, .required = true};
    struct cf_arena arena;
    sim_trace("%s: \"%s\" got %u", shopper->user, shopper->saying->text, http->status);
    if (http->status == 409)
        book_fail("property 1, idempotency", "a retry of \"%s\" is a conflict",
                  shopper->saying->text);
    if (http->status != 200 && http->status != 201) {
        sim_at(&shopper->speak, sim_backoff(1 + shopper->post_attempts++));
        return;
    }
    cf_arena_init(&arena, ARENA_MAX);
    CF_ASSERT(sim_json_read(cf_buf_peek(&http->body), &arena, &id, 1));
    book_acknowledged(shopper->saying, id.text);
    cf_arena_deinit(&arena);
    shopper->saying = NULL;
    sim_at(&shopper->speak, sim_between(50 * SIM_MS, 5 * SIM_SECOND));
}

static void on_speak(struct sim_event *event)
{
    struct shopper *shopper = CF_CONTAINER_OF(event, struct shopper, speak);
    if (shopper->saying == NULL && phase != SIM_STORM)
        return;
    if (shopper->saying == NULL) {
        shopper->saying = book_say(room, shopper->person);
        shopper->post_attempts = 0;
    }
    if (shopper->saying != NULL)
        post(shopper);
}

static void remove_one(struct sim_event *event)
{
    char target[128];
    (void)event;
    (void)snprintf(target, sizeof(target), "/api/v1/shops/%s/members/%s", shop,
                   shoppers[REMOVED].user);
    sim_http_send(&maker, "DELETE", target, "shopper0", "", (struct cf_slice){NULL, 0});
}

static struct sim_event removal = {.happen = remove_one};

/* 404: it was done by an attempt whose answer was lost. */
static void removed_one(const struct sim_http *http)
{
    struct shopper *shopper = &shoppers[REMOVED];
    sim_trace("%s: removed, %u", shopper->user, http->status);
    if (http->status != 204 && http->status != 404) {
        sim_at(&removal, 2 * SIM_SECOND);
        return;
    }
    book.rooms[room].removed[REMOVED] = sim.now;
    sim_cancel(&shopper->speak);
    sim_http_cancel(&shopper->post);
    if (shopper->saying != NULL)
        shopper->saying->given_up = true;
    shopper->saying = NULL;
}

/* A phone sleeps, loses its network, or is put away. */
static void on_mood(struct sim_event *event)
{
    struct shopper *shopper = CF_CONTAINER_OF(event, struct shopper, mood);
    if (phase != SIM_STORM) {
        if (shopper->stream.link != NULL)
            sim_link_pause(shopper->stream.link, false);
        return;
    }
    sim_at(&shopper->mood, sim_between(2, 40) * SIM_SECOND);
    if (!shopper->stream.open)
        return;
    if (sim_chance(500)) {
        sim_link_pause(shopper->stream.link, sim_chance(500));
        return;
    }
    sim_ws_leave(&shopper->stream, sim_chance(500));
    closed(&shopper->stream, 0, 1000);
}

/* ---- the run ---- */

static void make(void)
{
    char target[128], body[64];
    (void)snprintf(target, sizeof(target), "/api/v1/shops/%s/members", shop);
    (void)snprintf(body, sizeof(body), "{\"user_id\":\"shopper%d\"}", made);
    if (made == 0)
        sim_http_send(&maker, "POST", "/api/v1/shops", "shopper0", "", CF_LIT("{\"name\":\"s\"}"));
    else
        sim_http_send(&maker, "POST", target, "shopper0", "", cf_slice_cstr(body));
}

static void made_one(struct sim_http *http)
{
    struct cf_json_field id = {.name = "id", .types = CF_JSON_IS_STRING, .required = true};
    struct cf_arena arena;
    if (made == SHOPPERS) {
        removed_one(http);
        return;
    }
    CF_ASSERT(http->status == 201);
    if (made == 0) {
        cf_arena_init(&arena, ARENA_MAX);
        CF_ASSERT(sim_json_read(cf_buf_peek(&http->body), &arena, &id, 1));
        (void)snprintf(shop, sizeof(shop), "%.*s", (int)id.text.len, (const char *)id.text.ptr);
        cf_arena_deinit(&arena);
    }
    book.rooms[room].member[made++] = true;
    if (made < SHOPPERS)
        make();
}

static void begin(void)
{
    room = book_room("shop");
    made = 0;
    for (int i = 0; i <= SHOPPERS; i++) {
        struct shopper *shopper = &shoppers[i];
        *shopper = (struct shopper){.person = i,
                                    .stream = {.opened = opened,
                                               .text = text_came,
                                               .closed = closed,
                                               .silence_max = 70 * SIM_SECOND},
                                    .reconnect = {.happen = connect_now},
                                    .speak = {.happen = on_speak},
                                    .mood = {.happen = on_mood}};
        (void)snprintf(shopper->user, sizeof(shopper->user), "shopper%d", i);
        sim_ws_init(&shopper->stream);
        sim_http_init(&shopper->fetch, fetched);
        sim_http_init(&shopper->post, posted);
    }
    sim_http_init(&maker, made_one);
    make();
}

static bool is_set_up(void)
{
    return made == SHOPPERS;
}

static void phase_changed(void)
{
    if (phase == SIM_STORM)
        sim_at(&removal, sim_between(5, 40) * SIM_SECOND);
    for (int i = 0; i <= SHOPPERS; i++) {
        struct shopper *shopper = &shoppers[i];
        if (phase == SIM_STORM)
            sim_at(&shopper->reconnect, 0);
        sim_at(&shopper->mood, phase == SIM_STORM ? 3 * SIM_SECOND : 0);
        bool speaks = i != STRANGER && book.rooms[room].removed[i] == 0;
        if (speaks && shopper->saying == NULL)
            sim_at(&shopper->speak, sim_between(0, 2 * SIM_SECOND));
    }
}

static bool is_at_rest(void)
{
    if (book.rooms[room].removed[REMOVED] == 0)
        return false;
    for (int i = 0; i < REMOVED; i++) {
        if (shoppers[i].saying != NULL || !shoppers[i].synced || !shoppers[i].stream.open)
            return false;
    }
    return true;
}

static void check(void)
{
    struct book_view *views[BOOK_PEOPLE] = {NULL};
    for (int i = 0; i < REMOVED; i++)
        views[i] = &shoppers[i].view;
    book_check_room(room, views);
}

static void end(void)
{
    for (int i = 0; i <= SHOPPERS; i++) {
        struct shopper *shopper = &shoppers[i];
        sim_cancel(&shopper->reconnect);
        sim_cancel(&shopper->speak);
        sim_cancel(&shopper->mood);
        sim_ws_leave(&shopper->stream, false);
        cf_buf_deinit(&shopper->stream.request);
        sim_http_deinit(&shopper->fetch);
        sim_http_deinit(&shopper->post);
        book_view_free(&shopper->view);
    }
    sim_cancel(&removal);
    sim_http_deinit(&maker);
}

const struct sim_dialect sim_shop = {.name = "shop",
                                     .begin = begin,
                                     .is_set_up = is_set_up,
                                     .phase_changed = phase_changed,
                                     .is_at_rest = is_at_rest,
                                     .check = check,
                                     .end = end};
