/* A device's places in rooms: it joins first, fetches what it has not, and is told the rest; a
 * recovered one goes on where it was. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "sim/talk.h"

enum {
    TRY_AGAIN = 2 * SIM_SECOND,
    TYPING_SHOWN_MAX = 12 * SIM_SECOND, /* 5 s, and a way as long as a connection lives unheard */
    TYPING_SHOWN_IN_CALM = 6 * SIM_SECOND,
    CALM_AFTER = 30 * SIM_SECOND,
    OLD_ONES_ARE_DEAD = 20 * SIM_SECOND,
};

static const uint8_t hash_key[16];

static void go_on_later(struct talk_device *device)
{
    sim_at(&device->again, TRY_AGAIN);
}

/* ---- lives ---- */

void talk_seat_unsettle(struct talk_seat *seat)
{
    seat->joined = seat->synced = seat->whole = seat->sees = false;
    seat->loose = true;
}

static void begin_life(struct talk_seat *seat)
{
    talk_seat_unsettle(seat);
    seat->asked = seat->loose = false;
    seat->live = seat->first = 0;
}

void talk_seats_connected(struct talk_device *device, bool recovered)
{
    for (int room = 0; room < TALK_ROOMS; room++) {
        if (!recovered)
            begin_life(&device->seats[room]);
    }
    if (!recovered)
        talk_receipts_renew(device);
    talk_seats_go_on(device);
}

/* Typing and presence are not told again: what is shown of them goes. */
void talk_seats_lost(struct talk_device *device)
{
    sim_http_cancel(&device->fetch);
    for (int room = 0; room < TALK_ROOMS; room++) {
        struct talk_seat *seat = &device->seats[room];
        seat->asking = seat->sees = false;
        memset(seat->typing, 0, sizeof(seat->typing));
    }
}

/* ---- joining and leaving ---- */

static void ask_seat(struct talk_device *device, int room, enum talk_what what)
{
    struct talk_seat *seat = &device->seats[room];
    struct talk_ask ask = {.what = what, .room = room};
    const char *event = what == TALK_JOIN ? "conversation:join" : "conversation:leave";
    seat->asking = talk_ask(device, ask, event, talk_ids[room]);
    if (!seat->asking) {
        go_on_later(device);
        return;
    }
    sim_trace("talk %d: %s %d", device->index, event, room);
    if (what == TALK_LEAVE)
        talk_seat_unsettle(seat);
    seat->asked = true;
}

void talk_seat_want(struct talk_device *device, int room, bool wanted)
{
    if (!talk_has_room(room, device->person))
        return;
    device->seats[room].wanted = wanted;
    talk_seats_go_on(device);
}

void talk_seat_look(struct talk_device *device, int room)
{
    const struct talk_seat *seat = &device->seats[room];
    if (device->connected && seat->joined && !seat->asking)
        ask_seat(device, room, TALK_JOIN);
}

static unsigned read_online(struct cf_slice online)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_sio_args args;
    struct cf_arena arena;
    unsigned people = 0;
    cf_arena_init(&arena, TALK_ARENA_MAX);
    CF_ASSERT(cf_sio_args_read(online, UINT32_MAX, &limits, hash_key, &arena, &args) == CF_OK);
    for (size_t i = 0; i < args.count; i++) {
        unsigned person = 1U << talk_person_of(args.items[i].text);
        if ((people & person) != 0)
            book_fail("presence", "somebody is there twice");
        people |= person;
    }
    cf_arena_deinit(&arena);
    return people;
}

/* What was told before the place was lost, if it was, and what is told from now on, need not
 * follow on one another. */
static void joined(struct talk_device *device, const struct talk_ask *ask, struct cf_slice online)
{
    int room = ask->room;
    struct talk_seat *seat = &device->seats[room];
    if (seat->loose && !talk_is_out(room, device->person)) {
        seat->loose = false;
        seat->live = seat->first = 0;
        memset(seat->typing, 0, sizeof(seat->typing));
    }
    if (!seat->synced && device->fetching == room)
        sim_http_cancel(&device->fetch); /* what it has read may be older than the place */
    seat->joined = seat->sees = true;
    seat->online = read_online(online);
    talk_removed_check(device, ask, seat->online);
}

static void left(struct talk_device *device, int room)
{
    struct talk_seat *seat = &device->seats[room];
    begin_life(seat);
    memset(seat->typing, 0, sizeof(seat->typing));
    if (!seat->wanted && phase == SIM_STORM)
        sim_trace("talk %d: is out of %d", device->index, room);
}

static void refused(struct talk_device *device, int room, struct cf_slice error)
{
    if (cf_slice_eq(error, CF_LIT("not_participant"))) {
        if (!talk_may_be_refused(room, device->person))
            book_fail("who takes part is let in", "talk %d is refused in %d", device->index, room);
        talk_seat_unsettle(&device->seats[room]);
        if (phase == SIM_CALM && talk_is_out(room, device->person))
            return;
    } else if (!cf_slice_eq(error, CF_LIT("unavailable"))) {
        book_fail("who takes part is let in", "talk %d: %.*s", device->index, (int)error.len,
                  (const char *)error.ptr);
    }
    go_on_later(device);
}

void talk_seats_answered(struct talk_device *device, const struct talk_ask *ask,
                         struct cf_slice error, struct cf_slice online)
{
    device->seats[ask->room].asking = false;
    if (error.len > 0) {
        refused(device, ask->room, error);
        return;
    }
    if (ask->what == TALK_JOIN)
        joined(device, ask, online);
    else
        left(device, ask->room);
    talk_seats_go_on(device);
}

/* ---- fetching ---- */

/* In the calm more at once. */
static void fetch(struct talk_device *device, int room)
{
    char target[128];
    (void)snprintf(target, sizeof(target), "/api/conversations/%s/messages?afterSeq=%lld&limit=%d",
                   talk_ids[room], (long long)device->seats[room].page,
                   phase == SIM_CALM ? 100 : (int)sim_between(3, 60));
    device->fetching = room;
    sim_http_send(&device->fetch, "GET", target, talk_users[device->person], "",
                  (struct cf_slice){NULL, 0});
}

/* From the beginning for the receipts of what is known already. */
static void begin_fetch(struct talk_device *device, int room)
{
    struct talk_seat *seat = &device->seats[room];
    bool all = seat->synced || sim_chance(200);
    seat->page = seat->from = all ? 0 : seat->cursor;
    fetch(device, room);
}

static bool wants_fetch(const struct talk_seat *seat)
{
    return seat->joined && (!seat->synced || (!seat->whole && phase == SIM_CALM));
}

static void ask_for_place(struct talk_device *device, int room)
{
    const struct talk_seat *seat = &device->seats[room];
    bool wants_to_see = !seat->sees && (phase == SIM_CALM || !seat->synced);
    if (seat->asking)
        return;
    if (seat->wanted && (!seat->joined || wants_to_see))
        ask_seat(device, room, TALK_JOIN);
    else if (!seat->wanted && seat->asked)
        ask_seat(device, room, TALK_LEAVE);
}

void talk_seats_go_on(struct talk_device *device)
{
    if (!device->connected || device->person == TALK_STRANGER)
        return;
    for (int room = 0; room < TALK_ROOMS && device->connected; room++)
        ask_for_place(device, room);
    for (int room = 0; room < TALK_ROOMS && device->connected && !device->fetch.busy; room++) {
        if (wants_fetch(&device->seats[room]))
            begin_fetch(device, room);
    }
}

static void show(struct talk_device *device, const struct talk_message *message)
{
    book_shown(&device->seats[message->room].view, talk_books[message->room], device->person,
               message->id, message->text, message->seq);
    talk_mark_perhaps(device, message);
}

static void take_fetched(void *context, struct cf_slice object)
{
    struct talk_device *device = context;
    struct talk_seat *seat = &device->seats[device->fetching];
    struct talk_message message;
    if (talk_message_read(object, &message)) {
        if (message.room != device->fetching || message.seq != seat->page + 1)
            book_fail("property 2, order", "talk %d: a page has seq %lld after %lld", device->index,
                      (long long)message.seq, (long long)seat->page);
        seat->page = message.seq;
        talk_receipts_fetched(device, &message);
        show(device, &message);
    }
    talk_message_deinit(&message);
}

/* What the device was told since it joined, and what it has fetched since, leave no gap. */
static void end_fetch(struct talk_device *device)
{
    struct talk_seat *seat = &device->seats[device->fetching];
    if (seat->first > seat->page + 1 && !seat->loose)
        book_fail("property 4, no loss", "talk %d has fetched up to %lld, was told from %lld on",
                  device->index, (long long)seat->page, (long long)seat->first);
    seat->cursor = seat->page > seat->cursor ? seat->page : seat->cursor;
    seat->cursor = seat->live > seat->cursor ? seat->live : seat->cursor;
    seat->synced = true;
    seat->whole = seat->whole || seat->from == 0;
}

static void take_page(struct talk_device *device, struct cf_slice body)
{
    struct talk_seat *seat = &device->seats[device->fetching];
    struct cf_json_field fields[] = {
        {.name = "messages", .types = CF_JSON_IS_ARRAY, .required = true},
        {.name = "hasMore", .types = CF_JSON_IS_BOOL, .required = true},
    };
    struct cf_arena arena;
    int64_t before = seat->page;
    cf_arena_init(&arena, TALK_ARENA_MAX);
    CF_ASSERT(sim_json_read(body, &arena, fields, CF_ARRAY_LEN(fields)));
    sim_json_each(fields[0].text, take_fetched, device);
    bool more = cf_slice_eq(fields[1].text, CF_LIT("true"));
    cf_arena_deinit(&arena);
    if (!device->connected || device->fetch.busy)
        return; /* what it has read has ended its connection */
    if (more && seat->page == before)
        book_fail("property 4, no loss", "a page with more behind it brings nothing new");
    if (more)
        fetch(device, device->fetching);
    else
        end_fetch(device);
}

/* A place that was given up, or put in doubt, meanwhile is fetched for again when it is taken. */
void talk_seat_fetched(struct sim_http *http)
{
    struct talk_device *device = CF_CONTAINER_OF(http, struct talk_device, fetch);
    struct talk_seat *seat = &device->seats[device->fetching];
    bool refused = http->status == 403;
    if (refused && !talk_may_be_refused(device->fetching, device->person))
        book_fail("who takes part is let in", "talk %d may not fetch %d", device->index,
                  device->fetching);
    if (refused)
        talk_seat_unsettle(seat);
    if (http->status != 200) {
        go_on_later(device);
        return;
    }
    if (seat->joined)
        take_page(device, cf_buf_peek(&http->body));
    talk_seats_go_on(device);
}

/* ---- messages ---- */

static void check_live(const struct talk_device *device, const struct talk_message *message)
{
    const struct talk_seat *seat = &device->seats[message->room];
    if (!seat->asked)
        book_fail("who has not joined is told nothing", "talk %d is told of %d", device->index,
                  message->room);
    if (seat->loose)
        return;
    if (seat->live != 0 && message->seq <= seat->live)
        book_fail("property 1, idempotency", "talk %d is told seq %lld again", device->index,
                  (long long)message->seq);
    if ((seat->live != 0 && message->seq > seat->live + 1) ||
        (seat->synced && message->seq > seat->cursor + 1))
        book_fail("property 4, no loss", "talk %d is told seq %lld after %lld, has up to %lld",
                  device->index, (long long)message->seq, (long long)seat->live,
                  (long long)seat->cursor);
}

void talk_seat_message(struct talk_device *device, struct cf_slice text)
{
    struct talk_message message;
    if (talk_message_read(text, &message)) {
        struct talk_seat *seat = &device->seats[message.room];
        sim_trace("talk %d is told %.*s, seq %lld", device->index, (int)message.text.len,
                  (const char *)message.text.ptr, (long long)message.seq);
        check_live(device, &message);
        seat->first = seat->live == 0 ? message.seq : seat->first;
        seat->live = message.seq;
        if (seat->synced && message.seq == seat->cursor + 1)
            seat->cursor = message.seq;
        show(device, &message);
    }
    talk_message_deinit(&message);
}

/* ---- who is there, and who types ---- */

static struct talk_seat *seat_of(struct talk_device *device, struct cf_slice talk, const char *what)
{
    int room = talk_room_of(talk);
    if (!device->seats[room].asked)
        book_fail("who has not joined is told nothing", "talk %d is told %s in %d", device->index,
                  what, room);
    return &device->seats[room];
}

void talk_seat_online(struct talk_device *device, const struct cf_sio_args *args, bool on)
{
    int who = talk_person_of(args->items[1].text);
    unsigned person = 1U << who;
    struct talk_seat *seat = seat_of(device, args->items[2].text, "who is there");
    if (who == device->person)
        book_fail("presence", "talk %d is there, and told of its own user", device->index);
    seat->online = on ? seat->online | person : seat->online & ~person;
    sim_trace("talk %d is told that %.*s is %s in %.*s", device->index,
              (int)args->items[1].text.len, (const char *)args->items[1].text.ptr,
              on ? "there" : "away", (int)args->items[2].text.len,
              (const char *)args->items[2].text.ptr);
}

void talk_seat_state(struct talk_device *device, struct cf_slice state)
{
    struct cf_json_field fields[] = {
        {.name = "conversationId", .types = CF_JSON_IS_NUMBER, .required = true},
        {.name = "online", .types = CF_JSON_IS_ARRAY, .required = true},
    };
    struct cf_arena arena;
    cf_arena_init(&arena, TALK_ARENA_MAX);
    CF_ASSERT(sim_json_read(state, &arena, fields, CF_ARRAY_LEN(fields)));
    seat_of(device, fields[0].text, "who is there")->online = read_online(fields[1].text);
    cf_arena_deinit(&arena);
}

/* Another device of its user may type, and so may what the server still takes for a connection of
 * this one. */
static bool may_be_told(const struct talk_device *device, int person)
{
    bool alone = person != 0 && sim.now - device->connected_at > OLD_ONES_ARE_DEAD;
    return person != device->person || !alone;
}

void talk_seat_typing(struct talk_device *device, const struct cf_sio_args *args, bool on)
{
    int person = talk_person_of(args->items[1].text);
    struct talk_seat *seat = seat_of(device, args->items[2].text, "who types");
    if (!may_be_told(device, person))
        book_fail("who types is not told so", "talk %d", device->index);
    seat->typing[person] = on ? sim.now : 0;
    sim_trace("talk %d is told that %s %s in %.*s", device->index, talk_users[person],
              on ? "types" : "stops", (int)args->items[2].text.len,
              (const char *)args->items[2].text.ptr);
}

/* Keys are struck, or not any more, or the phone is put away in the middle of a word. */
void talk_seat_type(struct talk_device *device)
{
    int room =
        talk_has_room(TALK_DIRECT, device->person) && sim_chance(300) ? TALK_DIRECT : TALK_GROUP;
    struct talk_ask ask = {.what = TALK_TYPE, .room = room};
    if (phase != SIM_STORM || !device->connected)
        return;
    bool starts = sim_chance(750);
    const char *event = starts ? "typing:start" : "typing:stop";
    sim_trace("talk %d: %s %d", device->index, event, room);
    if (sim_chance(500))
        talk_tell(device, event, talk_ids[room]);
    else
        (void)talk_ask(device, ask, event, talk_ids[room]);
    if (starts && sim_chance(800))
        sim_at(&device->type, sim_between(50 * SIM_MS, 2 * SIM_SECOND));
}

/* Who does not know whether it is in the room does not know who types there either. */
void talk_seats_check_typing(const struct talk_device *device)
{
    bool calm = phase == SIM_CALM && sim.now - talk_calm_at > CALM_AFTER;
    int64_t max = calm ? TYPING_SHOWN_IN_CALM : TYPING_SHOWN_MAX;
    for (int room = 0; room < TALK_ROOMS; room++) {
        const struct talk_seat *seat = &device->seats[room];
        if (seat->loose || talk_is_out(room, device->person))
            continue;
        for (int person = 0; person < TALK_PEOPLE; person++) {
            if (seat->typing[person] != 0 && sim.now - seat->typing[person] > max)
                book_fail("property 5, typing disappears", "talk %d still shows %s in %d",
                          device->index, talk_users[person], room);
        }
    }
}
