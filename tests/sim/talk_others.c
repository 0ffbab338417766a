/* Who should learn nothing: a stranger, who tries everything, and one who is removed from the group
 * in the middle of the storm, and perhaps added again. */
#include <stdio.h>

#include "base/assert.h"
#include "sim/talk.h"

enum {
    REFUSALS_ARE_LATE = 10 * SIM_SECOND,
    REMOVALS_ARE_LATE = 2 * SIM_SECOND, /* a worker that is held up has not heard of it */
};

static enum { INSIDE, REMOVING, REMOVED, ADDING } leaver;
static int64_t added_at; /* 0: never */
static struct sim_http staff, spy;
static struct sim_event next, act, look;

/* ---- the one who is removed ---- */

bool talk_is_out(int room, int person)
{
    return room == TALK_GROUP && person == TALK_LEAVER && leaver != INSIDE;
}

bool talk_may_be_refused(int room, int person)
{
    bool late = added_at != 0 && sim.now - added_at < REFUSALS_ARE_LATE;
    return room == TALK_GROUP && person == TALK_LEAVER && (leaver != INSIDE || late);
}

void talk_removed_check(const struct talk_device *device, const struct talk_ask *ask,
                        unsigned online)
{
    int64_t removed = book.rooms[talk_books[TALK_GROUP]].removed[TALK_LEAVER];
    if (ask->room == TALK_GROUP && leaver == REMOVED && ask->at > removed + REMOVALS_ARE_LATE &&
        (online & 1U << TALK_LEAVER) != 0)
        book_fail("presence", "talk %d sees one who was removed", device->index);
}

static struct talk_seat *seat_of_leaver(struct talk_device **out_device)
{
    *out_device = &talk_devices[TALK_LEAVER + 1];
    return &(*out_device)->seats[TALK_GROUP];
}

static void ask_staff(void)
{
    char target[128], body[64];
    if (leaver == REMOVING) {
        (void)snprintf(target, sizeof(target), "/api/conversations/%s/participants/%s",
                       talk_ids[TALK_GROUP], talk_users[TALK_LEAVER]);
        sim_http_send(&staff, "DELETE", target, talk_users[0], "", (struct cf_slice){NULL, 0});
        return;
    }
    (void)snprintf(target, sizeof(target), "/api/conversations/%s/participants",
                   talk_ids[TALK_GROUP]);
    (void)snprintf(body, sizeof(body), "{\"userIds\":[\"%s\"]}", talk_users[TALK_LEAVER]);
    sim_http_send(&staff, "POST", target, talk_users[1], "", cf_slice_cstr(body));
}

/* From here on the leaver's client does not know where it is: no event tells it. It may have lost
 * its connection at that very moment, and then the server still takes it for present. */
static void on_next(struct sim_event *event)
{
    struct talk_device *device;
    (void)event;
    if (leaver == INSIDE) {
        leaver = REMOVING;
        seat_of_leaver(&device)->loose = true;
        if (sim_chance(500))
            talk_device_vanish(device);
    } else if (leaver == REMOVED) {
        leaver = ADDING;
        book.rooms[talk_books[TALK_GROUP]].removed[TALK_LEAVER] = 0;
    }
    ask_staff();
}

static void removed(void)
{
    leaver = REMOVED;
    sim_trace("talk: the leaver is removed");
    book.rooms[talk_books[TALK_GROUP]].removed[TALK_LEAVER] = sim.now;
    sim_at(&look, REMOVALS_ARE_LATE + 100 * SIM_MS);
    if (phase == SIM_STORM && sim_chance(500))
        sim_at(&next, sim_between(6, 20) * SIM_SECOND);
}

static void on_look(struct sim_event *event)
{
    (void)event;
    for (int i = 0; i < TALK_LEAVER + 1; i++)
        talk_seat_look(&talk_devices[i], TALK_GROUP);
}

/* They are told so by somebody. */
static void added(void)
{
    struct talk_device *device;
    leaver = INSIDE;
    added_at = sim.now;
    sim_trace("talk: the leaver is added again");
    talk_seat_unsettle(seat_of_leaver(&device));
    talk_seats_go_on(device);
}

/* 404: a DELETE of before, whose answer was lost, has done it. */
static void staff_answered(struct sim_http *http)
{
    if (leaver == REMOVING && (http->status == 204 || http->status == 404))
        removed();
    else if (leaver == ADDING && http->status == 200)
        added();
    else if (http->status == 0 || http->status >= 500 || http->status == 401 || http->status == 408)
        sim_at(&next, sim_between(1, 3) * SIM_SECOND);
    else
        book_fail("members can be removed and added", "%u", http->status);
}

/* ---- the stranger ---- */

static struct talk_device *stranger(void)
{
    return &talk_devices[TALK_STRANGER + 1];
}

static void ask_as_stranger(enum talk_what what, const char *event, const char *arguments)
{
    struct talk_ask ask = {.what = what};
    (void)talk_ask(stranger(), ask, event, arguments);
}

static void try_socket(void)
{
    char text[160];
    const char *talk = talk_ids[sim_between(0, TALK_ROOMS - 1)];
    switch (sim_between(0, 4)) {
    case 0:
        ask_as_stranger(TALK_JOIN, "conversation:join", talk);
        break;
    case 1:
        ask_as_stranger(TALK_LEAVE, "conversation:leave", talk);
        break;
    case 2:
        ask_as_stranger(TALK_TYPE, "typing:start", talk);
        break;
    case 3:
        (void)snprintf(text, sizeof(text), "%lld", (long long)talk_some_message() + 1);
        ask_as_stranger(TALK_MARK, sim_chance(500) ? "message:read" : "message:delivered", text);
        break;
    default:
        (void)snprintf(text, sizeof(text),
                       "%s,{\"text\":\"spam\",\"clientMessageId\":"
                       "\"00000000-0000-4000-8000-%012llx\"}",
                       talk, (unsigned long long)(sim_random() & 0xFFFFFFFFFFFF));
        ask_as_stranger(TALK_SAY, "message:send", text);
    }
}

static void try_rest(void)
{
    char target[128];
    const char *talk = talk_ids[sim_between(0, TALK_ROOMS - 1)], *user = talk_users[TALK_STRANGER];
    struct cf_slice nothing = {NULL, 0};
    switch (sim_between(0, 3)) {
    case 0:
        sim_http_send(&spy, "GET", "/api/conversations", user, "", nothing);
        break;
    case 1:
        (void)snprintf(target, sizeof(target), "/api/conversations/%s/messages", talk);
        sim_http_send(&spy, "GET", target, user, "", nothing);
        break;
    case 2:
        (void)snprintf(target, sizeof(target), "/api/conversations/%s/participants", talk);
        sim_http_send(&spy, "POST", target, user, "", CF_LIT("{\"userIds\":[\"stranger\"]}"));
        break;
    default:
        (void)snprintf(target, sizeof(target), "/api/conversations/%s/participants/%s", talk,
                       talk_users[0]);
        sim_http_send(&spy, "DELETE", target, user, "", nothing);
    }
}

static void on_act(struct sim_event *event)
{
    (void)event;
    if (phase != SIM_STORM)
        return;
    sim_at(&act, sim_between(500, 5000) * SIM_MS);
    if (sim_chance(300)) {
        if (!spy.busy)
            try_rest();
    } else if (stranger()->connected) {
        try_socket();
    }
}

static void spied(struct sim_http *http)
{
    struct cf_slice body = cf_buf_peek(&http->body);
    bool nothing = http->status == 200 && cf_slice_eq(body, CF_LIT("{\"conversations\":[]}"));
    if (!nothing && http->status != 0 && http->status < 400)
        book_fail("a stranger learns nothing", "REST: %u %.*s", http->status, (int)body.len,
                  (const char *)body.ptr);
}

void talk_stranger_connected(struct talk_device *device)
{
    for (int room = 0; room < TALK_ROOMS && phase == SIM_STORM; room++)
        (void)talk_ask(device, (struct talk_ask){.what = TALK_JOIN}, "conversation:join",
                       talk_ids[room]);
}

/* Leaving what one is not in succeeds, and tells nothing. */
void talk_stranger_answered(const struct talk_ask *ask, bool success, struct cf_slice error,
                            struct cf_slice online)
{
    bool right = cf_slice_eq(error, CF_LIT("not_participant")) ||
                 cf_slice_eq(error, CF_LIT("unavailable")) ||
                 cf_slice_eq(error, CF_LIT("rate_limited"));
    if (ask->what == TALK_LEAVE && success)
        right = cf_slice_eq(online, CF_LIT("[]"));
    else if (success)
        right = false;
    if (!right)
        book_fail("a stranger learns nothing", "%d: %.*s %.*s", (int)ask->what, (int)error.len,
                  (const char *)error.ptr, (int)online.len, (const char *)online.ptr);
}

/* ---- the whole ---- */

void talk_others_begin(void)
{
    leaver = INSIDE;
    added_at = 0;
    next = (struct sim_event){.happen = on_next};
    act = (struct sim_event){.happen = on_act};
    look = (struct sim_event){.happen = on_look};
    sim_http_init(&staff, staff_answered);
    sim_http_init(&spy, spied);
}

void talk_others_phase(void)
{
    if (phase == SIM_STORM) {
        sim_at(&next, sim_between(5, 60) * SIM_SECOND);
        sim_at(&act, 0);
    } else if (leaver == INSIDE || leaver == REMOVED) {
        sim_cancel(&next);
    }
}

bool talk_others_are_at_rest(void)
{
    return leaver == INSIDE || leaver == REMOVED;
}

void talk_others_end(void)
{
    sim_cancel(&next);
    sim_cancel(&act);
    sim_cancel(&look);
    sim_http_deinit(&staff);
    sim_http_deinit(&spy);
}
