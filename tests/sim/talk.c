/* Conversations over Socket.IO: a group of four, one of whom has two devices, and a direct one of
 * two; and a stranger. */
#include "sim/talk.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "server/session.h"
#include "server/socket.h"
#include "sim/server.h"

enum {
    QUEUE_SLACK = 64 * 1024,
    EXPIRY_SHOWS = 12 * SIM_SECOND, /* the server looks when something happens; the way */
};

struct talk_device talk_devices[TALK_DEVICES];
/* Digits go out as numbers. */
const char *const talk_users[TALK_PEOPLE] = {"talker0", "4001", "talker2", "4003", "stranger"};
int talk_books[TALK_ROOMS];
char talk_ids[TALK_ROOMS][24];
int64_t talk_calm_at;

static struct sim_http maker;
static int made;
static struct sim_event supervise;

bool talk_has_room(int room, int person)
{
    return book.rooms[talk_books[room]].member[person];
}

int talk_room_of(struct cf_slice id)
{
    for (int room = 0; room < TALK_ROOMS; room++) {
        if (cf_slice_eq(id, cf_slice_cstr(talk_ids[room])))
            return room;
    }
    CF_ASSERT(false); /* a conversation that nobody has made */
    return 0;
}

int talk_person_of(struct cf_slice user)
{
    for (int person = 0; person < TALK_PEOPLE; person++) {
        if (cf_slice_eq(user, cf_slice_cstr(talk_users[person])))
            return person;
    }
    CF_ASSERT(false); /* a user that there is not */
    return 0;
}

int64_t talk_number_of(struct cf_slice text)
{
    int64_t number = 0;
    CF_ASSERT(cf_json_to_i64(text, &number) == CF_OK);
    return number;
}

/* ---- what must hold at any time ---- */

static void check_socket(const struct cf_socket *socket)
{
    size_t max = socket->eio.config->queue_bytes_max;
    size_t queued = socket->eio.parts == NULL ? 0 : socket->eio.parts->queue.len;
    if (queued > max || socket->jobs > CF_SOCKET_JOBS_MAX ||
        (socket->person != NULL && socket->person->seats_count > TALK_ROOMS))
        book_fail("no queue passes its limit", "a socket has %zu bytes, %u jobs", queued,
                  (unsigned)socket->jobs);
    if (socket->line == NULL)
        return;
    const struct cf_outq *outq = cf_conn_outq(&cf_session_of_line(socket->line)->conn);
    if (outq->bytes > max + QUEUE_SLACK)
        book_fail("no queue passes its limit", "a line has %zu bytes", outq->bytes);
}

static void check_server(void)
{
    const struct cf_server *server = sim_server_get();
    for (size_t w = 0; server != NULL && w < server->workers_count; w++) {
        const struct cf_slots *sockets = &server->workers[w]->socket_slots;
        uint32_t cursor = 0;
        for (struct cf_socket *it; (it = cf_slots_next(sockets, &cursor)) != NULL;)
            check_socket(it);
    }
}

/* By the server's clock, which may have jumped. */
static void check_token(struct talk_device *device)
{
    bool good = !device->connected || sim.now + sim.wall_offset <= device->expires;
    if (good)
        device->expired_at = INT64_MAX;
    else if (device->expired_at == INT64_MAX)
        device->expired_at = sim.now;
    else if (sim.now - device->expired_at > EXPIRY_SHOWS)
        book_fail("who has a token is let in", "talk %d: and stays when it has run out",
                  device->index);
}

static void on_supervise(struct sim_event *event)
{
    (void)event;
    sim_at(&supervise, 1 * SIM_SECOND);
    check_server();
    for (int i = 0; i < TALK_DEVICES; i++) {
        struct talk_device *device = &talk_devices[i];
        check_token(device);
        if (!sim_eio_is_sound(&device->eio) || (device->connected && !device->eio.open))
            book_fail("property 6, connection state", "talk %d", i);
        talk_speech_check(device);
        talk_seats_check_typing(device);
    }
}

/* ---- the run ---- */

static void make(void)
{
    char body[160];
    if (made == TALK_GROUP)
        (void)snprintf(body, sizeof(body),
                       "{\"kind\":\"group\",\"title\":\"g\",\"participantIds\":[%s,\"%s\",\"%s\"]}",
                       talk_users[1], talk_users[2], talk_users[3]);
    else
        (void)snprintf(body, sizeof(body), "{\"kind\":\"direct\",\"participantIds\":[%s]}",
                       talk_users[1]);
    sim_http_send(&maker, "POST", "/api/conversations", talk_users[0], "", cf_slice_cstr(body));
}

static void made_one(struct sim_http *http)
{
    struct cf_json_field id = {.name = "id", .types = CF_JSON_IS_NUMBER, .required = true};
    struct cf_arena arena;
    CF_ASSERT(http->status == 201);
    cf_arena_init(&arena, TALK_ARENA_MAX);
    CF_ASSERT(sim_json_read(cf_buf_peek(&http->body), &arena, &id, 1));
    (void)snprintf(talk_ids[made], sizeof(talk_ids[made]), "%.*s", (int)id.text.len,
                   (const char *)id.text.ptr);
    cf_arena_deinit(&arena);
    if (++made < TALK_ROOMS)
        make();
}

static void begin(void)
{
    made = 0;
    talk_told_begin();
    talk_others_begin();
    for (int room = 0; room < TALK_ROOMS; room++) {
        talk_books[room] = book_room("talk");
        for (int person = 0; person < (room == TALK_GROUP ? 4 : 2); person++)
            book.rooms[talk_books[room]].member[person] = true;
    }
    for (int i = 0; i < TALK_DEVICES; i++)
        talk_device_init(&talk_devices[i], i);
    supervise = (struct sim_event){.happen = on_supervise};
    sim_http_init(&maker, made_one);
    make();
}

static bool is_set_up(void)
{
    return made == TALK_ROOMS;
}

/* The calm is not the same for everybody: one may have gone, one may be out of a room. */
static void be_calm(void)
{
    static const int goers[] = {1, 3}; /* a second device, an only one */
    for (int i = 0; i < TALK_DEVICES; i++) {
        for (int room = 0; room < TALK_ROOMS; room++)
            talk_seat_want(&talk_devices[i], room, true);
    }
    if (sim_chance(500))
        talk_device_go_away(&talk_devices[goers[sim_between(0, 1)]]);
    if (sim_chance(300))
        talk_seat_want(&talk_devices[2], TALK_DIRECT, false);
}

static void phase_changed(void)
{
    talk_calm_at = sim.now;
    sim_at(&supervise, 0);
    talk_others_phase();
    for (int i = 0; i < TALK_DEVICES; i++) {
        struct talk_device *device = &talk_devices[i];
        sim_at(&device->mood, phase == SIM_STORM ? 3 * SIM_SECOND : 0);
        if (phase == SIM_STORM)
            sim_at(&device->reconnect, sim_between(0, SIM_SECOND));
        if (phase == SIM_STORM && device->person != TALK_STRANGER)
            sim_at(&device->speech.event, sim_between(0, 2 * SIM_SECOND));
        for (int room = 0; room < TALK_ROOMS && phase == SIM_STORM; room++)
            talk_seat_want(device, room, true);
    }
    if (phase == SIM_CALM)
        be_calm();
}

/* What it sees of the room is complete. */
static bool is_in(const struct talk_device *device, int room)
{
    return !device->away && device->seats[room].wanted && !talk_is_out(room, device->person);
}

static bool seat_is_at_rest(const struct talk_device *device, int room)
{
    const struct talk_seat *seat = &device->seats[room];
    if (is_in(device, room))
        return seat->synced && seat->whole && seat->sees && !seat->asking;
    return device->away || seat->wanted || !seat->asked;
}

static bool is_at_rest(void)
{
    bool rests = talk_others_are_at_rest();
    for (int i = 0; i < TALK_DEVICES && rests; i++) {
        const struct talk_device *device = &talk_devices[i];
        rests = device->away ||
                (device->connected && device->speech.said == NULL && device->asks_count == 0);
        for (int room = 0; room < TALK_ROOMS && rests; room++)
            rests = seat_is_at_rest(device, room);
    }
    return rests;
}

/* ---- the checks at the end ---- */

static unsigned expected_online(int room)
{
    unsigned people = 0;
    for (int i = 0; i < TALK_DEVICES; i++)
        people |= is_in(&talk_devices[i], room) ? 1U << talk_devices[i].person : 0U;
    return people;
}

static void check_seat(const struct talk_device *device, int room)
{
    const struct talk_seat *seat = &device->seats[room];
    if (seat->online != expected_online(room))
        book_fail("presence", "talk %d sees %x in room %d, where %x are", device->index,
                  seat->online, room, expected_online(room));
    for (size_t i = 0; i < seat->view.count; i++) {
        if (seat->view.lines[i].order != (int64_t)i + 1)
            book_fail("property 2, order", "talk %d: seq %lld at place %zu of room %d",
                      device->index, (long long)seat->view.lines[i].order, i + 1, room);
    }
    for (int person = 0; person < TALK_PEOPLE; person++) {
        if (seat->typing[person] != 0)
            book_fail("property 5, typing disappears", "talk %d still shows %s in %d",
                      device->index, talk_users[person], room);
    }
}

static void check_room(int room)
{
    struct book_view *views[BOOK_PEOPLE] = {NULL};
    for (int i = 0; i < TALK_DEVICES; i++) {
        struct talk_device *device = &talk_devices[i];
        if (!is_in(device, room))
            continue;
        views[i] = &device->seats[room].view;
        check_seat(device, room);
        talk_receipts_check(device, room);
    }
    book_check_room(talk_books[room], views);
}

static uint64_t sessions_of_server(void)
{
    const struct cf_server *server = sim_server_get();
    uint64_t count = 0;
    for (size_t w = 0; server != NULL && w < server->workers_count; w++) {
        for (int way = 0; way < 2; way++)
            count += server->workers[w]->metrics.sio_sessions[way];
    }
    return count;
}

static void check(void)
{
    uint64_t sessions = sessions_of_server(), connected = 0;
    for (int i = 0; i < TALK_DEVICES; i++)
        connected += talk_devices[i].connected;
    if (sessions != connected)
        book_fail("property 6, connection state", "%llu are connected, the server has %llu",
                  (unsigned long long)connected, (unsigned long long)sessions);
    for (int room = 0; room < TALK_ROOMS; room++)
        check_room(room);
}

static void end(void)
{
    sim_cancel(&supervise);
    for (int i = 0; i < TALK_DEVICES; i++)
        talk_device_deinit(&talk_devices[i]);
    talk_others_end();
    sim_http_deinit(&maker);
}

const struct sim_dialect sim_talk = {.name = "talk",
                                     .begin = begin,
                                     .is_set_up = is_set_up,
                                     .phase_changed = phase_changed,
                                     .is_at_rest = is_at_rest,
                                     .check = check,
                                     .end = end};
