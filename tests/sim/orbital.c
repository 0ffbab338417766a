/* Encrypted groups over a JSON WebSocket: three of them, their members and a stranger. */
#include "sim/orbital.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "edge/store_mem/store_mem.h"
#include "sim/server.h"

struct orbital orbital;
struct orbiter orbiters[ORBITERS];

static const bool plan[GROUPS][ORBITERS] = {
    {true, true, true, true}, {true, true, true, false}, {true, false, true, true}};

/* The one who removes somebody from group 0, and has them added again. */
static struct {
    struct sim_http http;
    struct sim_event event;
    enum { ALL_IN, REMOVING, OUT, ADDING } state;
    unsigned attempts;
    int who; /* removes: the one who made the group, or the one who leaves */
} hand;

/* The set-up: for each group itself, its members, a thread. */
static struct sim_http maker;
static int making, step;
static struct book_said *first_said;

static int index_of(struct cf_slice id, const char *first, size_t stride, int count)
{
    for (int i = 0; i < count; i++) {
        if (cf_slice_eq(id, cf_slice_cstr(first + (size_t)i * stride)))
            return i;
    }
    return -1;
}

int orbital_group_of(struct cf_slice id)
{
    return index_of(id, orbital.groups[0].id, sizeof(orbital.groups[0]), GROUPS);
}

int orbital_thread_of(struct cf_slice id)
{
    return index_of(id, orbital.threads[0].id, sizeof(orbital.threads[0]), orbital.threads_count);
}

static int64_t *removed_from(int group, enum orbital_part part)
{
    return &book.rooms[orbital.groups[group].rooms[part]].removed[REMOVED];
}

bool orbital_is_out(const struct orbiter *orbiter, int group)
{
    return orbiter->person == REMOVED && *removed_from(group, IN_MESSAGES) != 0;
}

/* ---- removed, and added again ---- */

static void on_hand(struct sim_event *event)
{
    struct orbital_group *group = &orbital.groups[0];
    struct cf_slice nothing = {NULL, 0};
    char target[160], body[64];
    (void)event;
    int len = snprintf(target, sizeof(target), "/v1/groups/%s/members", group->id);
    if (hand.state == ALL_IN && phase != SIM_STORM)
        return;
    if (hand.state == ALL_IN || hand.state == REMOVING) {
        if (hand.state == ALL_IN)
            hand.who = sim_chance(300) ? REMOVED : ADMIN;
        hand.state = REMOVING;
        group->in[REMOVED] = false;
        (void)snprintf(target + len, sizeof(target) - (size_t)len, "/%s", orbiters[REMOVED].user);
        sim_http_send(&hand.http, "DELETE", target, orbiters[hand.who].user, "", nothing);
        return;
    }
    hand.state = ADDING;
    *removed_from(0, IN_MESSAGES) = *removed_from(0, IN_THREADS) = 0;
    orbiters[REMOVED].opened_removed[0] = false;
    (void)snprintf(body, sizeof(body), "{\"user_id\":\"%s\"}", orbiters[REMOVED].user);
    sim_http_send(&hand.http, "POST", target, orbiters[sim_between(0, 2)].user, "",
                  cf_slice_cstr(body));
}

/* An attempt whose answer is lost may come to the server when the next one has long been answered:
 * nobody does the opposite until then. */
static void next_hand(int64_t min, int64_t max)
{
    int64_t straggler = hand.attempts > 0 ? 45 * SIM_SECOND : 0;
    hand.attempts = 0;
    sim_at(&hand.event, straggler + sim_between(min, max) * SIM_SECOND);
}

static void has_removed(void)
{
    hand.state = OUT;
    *removed_from(0, IN_MESSAGES) = *removed_from(0, IN_THREADS) = sim.now;
    next_hand(2, 20);
}

/* Nobody is told by the server that they were added: somebody calls them. */
static void has_added(void)
{
    struct orbiter *orbiter = &orbiters[REMOVED];
    hand.state = ALL_IN;
    orbital.groups[0].in[REMOVED] = true;
    orbiter->believes[0] = true;
    sim_at(&orbiter->tend, sim_between(0, 3) * SIM_SECOND);
    next_hand(10, 40);
}

/* A second attempt finds nobody to remove: 404, or 403 for who has left. */
static void hand_answered(struct sim_http *http)
{
    unsigned status = http->status;
    bool removing = hand.state == REMOVING;
    bool again = hand.attempts > 0;
    sim_trace("orbiter%d: %s, %u", REMOVED, removing ? "removed" : "added", status);
    if (removing && (status == 204 || (again && (status == 404 || status == 403))))
        has_removed();
    else if (!removing && (status == 201 || (again && status == 200)))
        has_added();
    else if (status >= 200 && status < 500 && status != 401 && status != 408)
        book_fail("a removal holds until the next addition", "an attempt is answered %u", status);
    else
        sim_at(&hand.event, sim_backoff(hand.attempts++));
}

/* ---- the set-up ---- */

static int next_member(int after)
{
    do {
        after++;
    } while (after < ORBITERS && !plan[making][after]);
    return after;
}

static void make(void)
{
    struct orbital_group *group = &orbital.groups[making];
    char target[128] = "/v1/groups", body[2 * SEALED_MAX + 64] = "{\"name\":\"a group\"}";
    if (step > 0 && step < ORBITERS) {
        (void)snprintf(target, sizeof(target), "/v1/groups/%s/members", group->id);
        (void)snprintf(body, sizeof(body), "{\"user_id\":\"%s\"}", orbiters[step].user);
    } else if (step == ORBITERS) {
        char sealed[SEALED_MAX];
        first_said = book_say(group->rooms[IN_THREADS], ADMIN);
        orbital_seal(first_said->text, sealed);
        (void)snprintf(target, sizeof(target), "/v1/groups/%s/threads", group->id);
        (void)snprintf(body, sizeof(body), "{\"encrypted_title\":\"%s\",\"encrypted_body\":\"%s\"}",
                       sealed, sealed);
    }
    sim_http_send(&maker, "POST", target, orbiters[ADMIN].user, "", cf_slice_cstr(body));
}

static void take_id(const char *name, char out[ORBITAL_ID_MAX])
{
    struct cf_json_field id = {.name = name, .types = CF_JSON_IS_STRING, .required = true};
    struct cf_arena arena;
    cf_arena_init(&arena, ORBITAL_ARENA_MAX);
    CF_ASSERT(sim_json_read(cf_buf_peek(&maker.body), &arena, &id, 1));
    (void)snprintf(out, ORBITAL_ID_MAX, "%.*s", (int)id.text.len, (const char *)id.text.ptr);
    cf_arena_deinit(&arena);
}

static void let_in(int person)
{
    struct orbital_group *group = &orbital.groups[making];
    group->in[person] = orbiters[person].believes[making] = true;
    for (int part = 0; part < ORBITAL_PARTS; part++)
        book.rooms[group->rooms[part]].member[person] = true;
}

static void made(struct sim_http *http)
{
    CF_ASSERT(http->status == 201);
    if (step == 0)
        take_id("group_id", orbital.groups[making].id);
    if (step == ORBITERS) {
        struct orbital_thread *thread = &orbital.threads[orbital.threads_count++];
        take_id("thread_id", thread->id);
        book_acknowledged(first_said, cf_slice_cstr(thread->id));
        thread->group = making++;
        step = 0;
    } else {
        let_in(step);
        step = next_member(step);
    }
    if (making < GROUPS)
        make();
}

static void begin(void)
{
    memset(&orbital, 0, sizeof(orbital));
    for (int g = 0; g < GROUPS; g++) {
        int *rooms = orbital.groups[g].rooms;
        rooms[IN_MESSAGES] = rooms[IN_CHANGES] = book_room("orbital");
        rooms[IN_THREADS] = book_room("orbital");
    }
    orbital.founded = book_room("orbital");
    book.rooms[orbital.founded].member[FOUNDER] = true;
    for (int i = 0; i < ORBITERS; i++)
        orbiter_init(&orbiters[i], i);
    for (int g = 0; g < GROUPS; g++)
        orbiters[STRANGER].believes[g] = true;
    hand.state = ALL_IN;
    hand.attempts = 0;
    hand.event.happen = on_hand;
    sim_http_init(&hand.http, hand_answered);
    sim_http_init(&maker, made);
    making = step = 0;
    make();
}

static bool is_set_up(void)
{
    return making == GROUPS;
}

/* ---- storm and calm ---- */

static void phase_changed(void)
{
    if (phase == SIM_STORM)
        next_hand(5, 30);
    else
        orbital.calm = sim.now;
    for (int i = 0; i < ORBITERS; i++) {
        struct orbiter *orbiter = &orbiters[i];
        if (phase == SIM_STORM)
            sim_at(&orbiter->reconnect, 0);
        sim_at(&orbiter->mood, phase == SIM_STORM ? 3 * SIM_SECOND : 0);
        if (i != STRANGER && orbiter->saying == NULL)
            sim_at(&orbiter->speak, sim_between(0, 2 * SIM_SECOND));
    }
}

static bool is_at_rest(void)
{
    const struct orbiter *stranger = &orbiters[STRANGER];
    if (hand.state != ALL_IN || stranger->mute || stranger->bad_owed > 0 ||
        stranger->pongs_owed > 0 || !stranger->stream.open)
        return false;
    for (int i = 0; i < MEMBERS; i++) {
        if (orbiters[i].saying != NULL || !orbiters[i].stream.open ||
            !orbiter_is_up_to_date(&orbiters[i]))
            return false;
    }
    return true;
}

/* ---- the checks ---- */

/* Asks the store itself; the answer is the caller's. */
static struct cf_store_request *ask_store(struct cf_store_request *request, int person)
{
    struct cf_store *store = sim_server_store();
    struct cf_list requests;
    cf_list_init(&requests);
    request->actor = cf_slice_cstr(orbiters[person].user);
    cf_list_push_back(&requests, &request->link);
    store->ops->submit(store, &requests);
    cf_store_mem_step(store);
    cf_list_remove(&request->link);
    CF_ASSERT(request->error == CF_OK);
    return request;
}

static bool is_in_view(const struct book_view *view, const char *id, int64_t stamp)
{
    for (size_t i = 0; i < view->count; i++) {
        if (strcmp(view->lines[i].id, id) == 0)
            return view->lines[i].order == stamp;
    }
    return false;
}

static void name_event(const struct cf_group_event *event, enum orbital_part *out_part,
                       char out_id[BOOK_ID_MAX])
{
    bool change = event->kind == CF_GROUP_JOINED || event->kind == CF_GROUP_LEFT;
    *out_part = change ? IN_CHANGES : event->kind == CF_GROUP_MESSAGE ? IN_MESSAGES : IN_THREADS;
    if (change) {
        (void)snprintf(out_id, BOOK_ID_MAX, "%s at %" PRId64,
                       event->kind == CF_GROUP_JOINED ? "member_joined" : "member_left",
                       event->stamp);
        return;
    }
    cf_uuid_format(&event->id, out_id);
    out_id[CF_UUID_LEN] = '\0';
}

/* A member has the group's log, event by event. */
static void check_log(int group, const struct orbiter *orbiter, const struct cf_store_request *log)
{
    size_t counts[ORBITAL_PARTS] = {0};
    for (size_t i = 0; i < log->group_events_count; i++) {
        const struct cf_group_event *event = &log->group_events[i];
        enum orbital_part part;
        char id[BOOK_ID_MAX];
        name_event(event, &part, id);
        counts[part]++;
        if (i > 0 && event->stamp <= log->group_events[i - 1].stamp)
            book_fail("property 2, order", "the log of group %d goes back in time", group);
        if ((part == IN_MESSAGES || orbiter->kind != SEED_MESSAGES) &&
            !is_in_view(&orbiter->views[group][part], id, event->stamp))
            book_fail("property 4, no loss", "%s has not seen %s of group %d, %" PRId64,
                      orbiter->user, id, group, event->stamp);
    }
    for (int part = 0; part < ORBITAL_PARTS; part++) {
        if (orbiter->views[group][part].count > counts[part])
            book_fail("nothing out of nowhere", "%s has seen more than there is in group %d",
                      orbiter->user, group);
    }
}

static void check_group(int group)
{
    struct cf_store_request *log = cf_store_request_new(CF_STORE_GROUP_EVENTS);
    CF_ASSERT(log != NULL);
    CF_ASSERT(cf_uuid_parse(cf_slice_cstr(orbital.groups[group].id), &log->room));
    log->kinds = CF_GROUP_ALL;
    log->group_range = CF_GROUP_SINCE;
    log->limit = BOOK_SAID_MAX;
    ask_store(log, ADMIN);
    struct book_view *views[ORBITAL_PARTS][BOOK_PEOPLE] = {{NULL}};
    for (int i = 0; i < MEMBERS; i++) {
        if (!plan[group][i])
            continue;
        check_log(group, &orbiters[i], log);
        views[IN_MESSAGES][i] = &orbiters[i].views[group][IN_MESSAGES];
        if (orbiters[i].kind != SEED_MESSAGES)
            views[IN_THREADS][i] = &orbiters[i].views[group][IN_THREADS];
    }
    cf_store_request_free(log);
    book_check_room(orbital.groups[group].rooms[IN_MESSAGES], views[IN_MESSAGES]);
    book_check_room(orbital.groups[group].rooms[IN_THREADS], views[IN_THREADS]);
}

/* Groups that were made in the storm, as if they were messages. */
static void check_founded(void)
{
    struct book_view view = {0};
    struct book_view *views[BOOK_PEOPLE] = {[FOUNDER] = &view};
    struct cf_store_request *list = cf_store_request_new(CF_STORE_GROUPS_OF);
    CF_ASSERT(list != NULL);
    list->limit = BOOK_SAID_MAX;
    ask_store(list, FOUNDER);
    CF_ASSERT(!list->has_more);
    for (size_t i = 0; i < list->rooms_count; i++) {
        char id[CF_UUID_LEN];
        cf_uuid_format(&list->rooms[i].id, id);
        if (cf_slice_eq(list->rooms[i].created_by, list->actor))
            book_shown(&view, orbital.founded, FOUNDER, cf_slice_of(id, sizeof(id)),
                       list->rooms[i].name, -(int64_t)i);
    }
    cf_store_request_free(list);
    book_check_room(orbital.founded, views);
    book_view_free(&view);
}

static void check(void)
{
    for (int g = 0; g < GROUPS; g++)
        check_group(g);
    check_founded();
    for (int i = 0; i < MEMBERS; i++) {
        if (orbiters[i].typing > sim.now - 30 * SIM_SECOND)
            book_fail("property 5, typing", "%s hears typing when all is calm", orbiters[i].user);
    }
}

static void end(void)
{
    for (int i = 0; i < ORBITERS; i++) {
        struct orbiter *orbiter = &orbiters[i];
        sim_cancel(&orbiter->reconnect);
        sim_cancel(&orbiter->speak);
        sim_cancel(&orbiter->mood);
        sim_cancel(&orbiter->tend);
        sim_ws_leave(&orbiter->stream, false);
        cf_buf_deinit(&orbiter->stream.request);
        sim_http_deinit(&orbiter->fetch);
        sim_http_deinit(&orbiter->post);
        for (int g = 0; g < GROUPS; g++) {
            for (int part = 0; part < ORBITAL_PARTS; part++)
                book_view_free(&orbiter->views[g][part]);
        }
    }
    sim_cancel(&hand.event);
    sim_http_deinit(&hand.http);
    sim_http_deinit(&maker);
}

const struct sim_dialect sim_orbital = {.name = "orbital",
                                        .begin = begin,
                                        .is_set_up = is_set_up,
                                        .phase_changed = phase_changed,
                                        .is_at_rest = is_at_rest,
                                        .check = check,
                                        .end = end};
