#include "crash/workload.h"

#include <stdio.h>
#include <string.h>

#include "crash/random.h"

enum {
    USERS = 5,
    ROOMS = 4,
    SPOKEN_IN = 2,
    TALKS = 8,
    GROUPS = 4,
    CLIENT_IDS = 40,
    LARGE_TEXT_BYTES = 120000
};
enum { POSTS_A_BATCH = 4, ROOM_IDS = 1, GROUP_IDS = 100, POST_IDS = 1000, MEDIA_IDS = 500000 };
/* 2100-01-01: later than the machine's clock, which would have a say in stamps otherwise. */
#define YEAR_2100 INT64_C(4102444800000000)
#define SECOND_US 1000000

static const char *const users[USERS] = {"ann", "bob", "cid", "dan", "eve"};

struct maker {
    uint64_t random;
    uint64_t number; /* of the batch */
    bool large;
    struct cf_list *requests;
    unsigned made;
};

static uint32_t pick(struct maker *maker, uint32_t below)
{
    return random_below(&maker->random, below);
}

static struct cf_slice pick_user(struct maker *maker)
{
    return cf_slice_cstr(users[pick(maker, USERS)]);
}

static struct cf_uuid uuid_of(uint64_t number)
{
    struct cf_uuid uuid = {{0x01, 0x8f}};
    for (size_t i = 0; i < 8; i++)
        uuid.bytes[15 - i] = (uint8_t)(number >> (8 * i));
    return uuid;
}

static struct cf_slice keep(struct cf_store_request *request, const void *bytes, size_t len)
{
    struct cf_slice copy;
    CF_ASSERT(cf_arena_copy(&request->arena, cf_slice_of(bytes, len), &copy) == CF_OK);
    return copy;
}

static struct cf_slice keep_number(struct cf_store_request *request, const char *prefix,
                                   uint64_t number)
{
    char text[40];
    int len = snprintf(text, sizeof(text), "%s%llu", prefix, (unsigned long long)number);
    return keep(request, text, (size_t)len);
}

static struct cf_store_request *add(struct maker *maker, enum cf_store_op op, struct cf_slice actor)
{
    struct cf_store_request *request = cf_store_request_new(op);
    CF_ASSERT(request != NULL);
    request->actor = actor;
    request->name = request->text = CF_LIT("");
    request->now = YEAR_2100 + (cf_us)maker->number * 10 * SECOND_US + pick(maker, SECOND_US);
    request->ticket = maker->number * WORKLOAD_BATCH_MAX + maker->made++;
    cf_list_push_back(maker->requests, &request->link);
    return request;
}

/* ---- batch 0 ---- */

static void make_rooms(struct maker *maker)
{
    for (uint64_t i = 0; i < 2; i++) {
        struct cf_store_request *room = add(maker, CF_STORE_ROOM_CREATE, cf_slice_cstr(users[0]));
        room->room = uuid_of(ROOM_IDS + i);
        room->name = CF_LIT("a room");
        struct cf_store_request *member = add(maker, CF_STORE_MEMBER_PUT, cf_slice_cstr(users[0]));
        member->room = room->room;
        member->user = cf_slice_cstr(users[1]);
        member->role = CF_ROLE_ADMIN;
    }
}

static void make_groups(struct maker *maker)
{
    for (uint64_t i = 0; i < 2; i++) {
        struct cf_store_request *group = add(maker, CF_STORE_GROUP_CREATE, cf_slice_cstr(users[i]));
        group->room = uuid_of(GROUP_IDS + i);
        group->name = CF_LIT("YSBncm91cA==");
        struct cf_store_request *thread = add(maker, CF_STORE_GROUP_POST, group->actor);
        thread->group_kind = CF_GROUP_THREAD;
        thread->room = group->room;
        thread->message = uuid_of(POST_IDS + i);
        thread->name = CF_LIT("dGhyZWFk");
        thread->text = CF_LIT("Ym9keQ==");
    }
}

static void make_talk(struct maker *maker)
{
    struct cf_store_request *talk = add(maker, CF_STORE_TALK_CREATE, cf_slice_cstr(users[0]));
    talk->talk_kind = CF_TALK_GROUP;
    talk->users_count = 2;
    talk->users = cf_arena_alloc(&talk->arena, 2 * sizeof(*talk->users));
    CF_ASSERT(talk->users != NULL);
    talk->users[0] = cf_slice_cstr(users[1]);
    talk->users[1] = cf_slice_cstr(users[2]);
}

/* ---- the others ---- */

/* The ids that batches up to this one may have given. */
static struct cf_uuid pick_post(struct maker *maker)
{
    uint64_t back = pick(maker, 12);
    uint64_t batch = maker->number > back ? maker->number - back : 0;
    return uuid_of(POST_IDS + batch * POSTS_A_BATCH + pick(maker, POSTS_A_BATCH));
}

static struct cf_uuid new_post(struct maker *maker)
{
    return uuid_of(POST_IDS + maker->number * POSTS_A_BATCH + pick(maker, POSTS_A_BATCH));
}

static struct cf_uuid pick_thread(struct maker *maker)
{
    return pick(maker, 2) == 0 ? uuid_of(POST_IDS + pick(maker, 2)) : pick_post(maker);
}

static struct cf_uuid pick_upload(struct maker *maker)
{
    uint64_t newest = maker->number + 1;
    return uuid_of(MEDIA_IDS + newest - (newest < 8 ? 0 : pick(maker, 8)));
}

/* A text of this message's own; with a client id mostly that client id's. */
static void fill_text(struct maker *maker, struct cf_store_request *request)
{
    request->text = keep_number(request, "m", request->ticket);
    if (pick(maker, 3) != 0) {
        uint64_t id = maker->number / 8 * 8 + pick(maker, CLIENT_IDS);
        request->client_id = keep_number(request, "c", id);
        if (pick(maker, 8) != 0)
            request->text = keep_number(request, "of-client-id-", id);
    }
    if (!maker->large)
        return;
    size_t len = 1 + pick(maker, LARGE_TEXT_BYTES);
    uint8_t *bytes = cf_arena_alloc(&request->arena, len + request->text.len);
    CF_ASSERT(bytes != NULL);
    memcpy(bytes, request->text.ptr, request->text.len);
    memset(bytes + request->text.len, 'x', len);
    request->text = cf_slice_of(bytes, request->text.len + len);
}

static void fill_users(struct maker *maker, struct cf_store_request *request)
{
    request->users_count = 1 + pick(maker, 2);
    request->users = cf_arena_alloc(&request->arena, 2 * sizeof(*request->users));
    CF_ASSERT(request->users != NULL);
    for (size_t i = 0; i < request->users_count; i++)
        request->users[i] = pick_user(maker);
}

static void fill_uuids(struct maker *maker, struct cf_store_request *request)
{
    request->uuids_count = 4;
    request->uuids = cf_arena_alloc(&request->arena, 4 * sizeof(*request->uuids));
    CF_ASSERT(request->uuids != NULL);
    for (size_t i = 0; i < request->uuids_count; i++)
        request->uuids[i] = pick_upload(maker);
}

static void fill_room(struct maker *maker, struct cf_store_request *request)
{
    request->room = uuid_of(ROOM_IDS + pick(maker, 5) % ROOMS);
    request->user = pick_user(maker);
    request->role = pick(maker, 4) == 0 ? CF_ROLE_ADMIN : CF_ROLE_MEMBER;
    request->message = pick_post(maker);
    request->name = keep_number(request, "room ", request->ticket);
    fill_text(maker, request);
    if (request->op == CF_STORE_MESSAGE_CREATE) {
        request->room = uuid_of(ROOM_IDS + pick(maker, SPOKEN_IN));
        request->message = new_post(maker);
    }
    if (request->op == CF_STORE_MESSAGE_IMAGE_SET || pick(maker, 8) == 0)
        request->image = keep_number(request, "image", request->ticket);
}

static void fill_talk(struct maker *maker, struct cf_store_request *request)
{
    request->talk = 1 + pick(maker, 8) % (1 + pick(maker, TALKS));
    request->talk_kind = pick(maker, 2) == 0 ? CF_TALK_GROUP : CF_TALK_DIRECT;
    request->name = keep_number(request, "talk ", request->ticket);
    request->user = pick_user(maker);
    request->number = 1 + pick(maker, 3 + 3 * (uint32_t)maker->number);
    request->mark = pick(maker, 2) == 0 ? CF_MARK_DELIVERED : CF_MARK_READ;
    request->pid = pick(maker, 4) == 0 ? pick_user(maker) : request->actor;
    if (request->op == CF_STORE_SOCKET_OPEN || pick(maker, 3) != 0)
        request->sid = keep_number(request, "sid", request->ticket);
    request->from =
        pick(maker, 4) == 0 ? -1 : (int64_t)pick(maker, 3 + 3 * (uint32_t)maker->number);
    request->limit = 1000;
    fill_users(maker, request);
    fill_text(maker, request);
    if (request->client_id.ptr == NULL)
        request->client_id = keep_number(request, "m", request->ticket);
}

static void fill_group(struct maker *maker, struct cf_store_request *request)
{
    static const enum cf_group_event_kind kinds[] = {CF_GROUP_MESSAGE, CF_GROUP_MESSAGE,
                                                     CF_GROUP_THREAD, CF_GROUP_REPLY};
    request->room = uuid_of(GROUP_IDS + pick(maker, 6) % GROUPS);
    request->user = pick_user(maker);
    request->thread = pick_thread(maker);
    request->message = pick_upload(maker);
    request->name = keep_number(request, "name", request->ticket);
    request->size = 1 + pick(maker, 50);
    request->quota = 400;
    request->ttl = 1 + pick(maker, 200 * SECOND_US);
    request->since = request->now - 200 * SECOND_US;
    request->limit = 4;
    fill_uuids(maker, request);
    fill_text(maker, request);
    if (request->op != CF_STORE_GROUP_POST)
        return;
    request->group_kind = kinds[pick(maker, CF_ARRAY_LEN(kinds))];
    request->message = new_post(maker);
}

static enum cf_store_op pick_op(struct maker *maker)
{
    static const struct {
        enum cf_store_op op;
        uint32_t weight;
    } ops[] = {
        {CF_STORE_USER_PUT, 2},
        {CF_STORE_ROOM_CREATE, 2},
        {CF_STORE_MEMBER_PUT, 4},
        {CF_STORE_MEMBER_REMOVE, 2},
        {CF_STORE_MESSAGE_CREATE, 22},
        {CF_STORE_MESSAGE_EDIT, 8},
        {CF_STORE_MESSAGE_DELETE, 3},
        {CF_STORE_MESSAGE_IMAGE_SET, 3},
        {CF_STORE_MESSAGE_IMAGE_REMOVE, 2},
        {CF_STORE_TALK_CREATE, 4},
        {CF_STORE_TALK_ADD, 3},
        {CF_STORE_TALK_REMOVE, 1},
        {CF_STORE_TALK_SEND, 20},
        {CF_STORE_TALK_MARK, 14},
        {CF_STORE_SOCKET_OPEN, 3},
        {CF_STORE_SOCKET_JOIN, 4},
        {CF_STORE_SOCKET_LEAVE, 1},
        {CF_STORE_SOCKET_CLOSE, 1},
        {CF_STORE_SOCKET_RECOVER, 3},
        {CF_STORE_GROUP_CREATE, 2},
        {CF_STORE_GROUP_JOIN, 5},
        {CF_STORE_GROUP_LEAVE, 2},
        {CF_STORE_GROUP_POST, 24},
        {CF_STORE_GROUP_MEDIA_OPEN, 8},
        {CF_STORE_GROUP_MEDIA_DONE, 8},
        {CF_STORE_GROUP_MEDIA_DELETE, 2},
        {CF_STORE_GROUP_MEDIA_CONDEMN, 2},
        {CF_STORE_GROUP_MEDIA_FORGET, 2},
    };
    uint32_t sum = 0;
    for (size_t i = 0; i < CF_ARRAY_LEN(ops); i++)
        sum += ops[i].weight;
    uint32_t at = pick(maker, sum);
    size_t i = 0;
    while (at >= ops[i].weight)
        at -= ops[i++].weight;
    return ops[i].op;
}

static void add_any(struct maker *maker)
{
    enum cf_store_op op = pick_op(maker);
    struct cf_slice actor = cf_slice_cstr(users[pick(maker, 2) * pick(maker, USERS)]);
    struct cf_store_request *request = add(maker, op, actor);
    if (pick(maker, 4) == 0)
        request->actor_name = keep_number(request, "Name ", request->ticket);
    if (op >= CF_STORE_GROUP_CREATE)
        fill_group(maker, request);
    else if (op >= CF_STORE_TALK_CREATE)
        fill_talk(maker, request);
    else
        fill_room(maker, request);
}

void workload_batch(const struct workload *workload, uint64_t number, struct cf_list *requests)
{
    struct maker maker = {.random = random_part(workload->seed, number),
                          .number = number,
                          .large = workload->large,
                          .requests = requests};
    if (number == 0) {
        make_rooms(&maker);
        make_groups(&maker);
        make_talk(&maker);
        return;
    }
    for (uint32_t left = 1 + pick(&maker, WORKLOAD_BATCH_MAX); left > 0; left--)
        add_any(&maker);
}

/* ---- reads ---- */

enum { EVERYTHING = 1000000 };

static struct cf_store_request *look(struct maker *maker, enum cf_store_op op, size_t user)
{
    struct cf_store_request *request = add(maker, op, cf_slice_cstr(users[user]));
    request->page = 1;
    request->limit = EVERYTHING;
    request->kinds = CF_GROUP_ALL;
    request->group_range = CF_GROUP_SINCE;
    request->from = INT64_MIN;
    return request;
}

static void look_at_rooms(struct maker *maker, size_t user)
{
    (void)look(maker, CF_STORE_ROOMS_OF, user);
    for (uint64_t i = 0; user < 2 && i < ROOMS; i++)
        look(maker, CF_STORE_MEMBERS_OF, user)->room = uuid_of(ROOM_IDS + i);
    for (uint64_t i = 0; i < SPOKEN_IN; i++)
        look(maker, CF_STORE_MESSAGES_PAGE, user)->room = uuid_of(ROOM_IDS + i);
}

static void look_at_talks(struct maker *maker, size_t user)
{
    (void)look(maker, CF_STORE_TALKS_OF, user);
    for (int64_t i = 1; i <= TALKS; i++) {
        struct cf_store_request *request = look(maker, CF_STORE_TALK_MESSAGES, user);
        request->talk = i;
        request->range = CF_TALK_NEWEST;
    }
}

static void look_at_groups(struct maker *maker, size_t user)
{
    (void)look(maker, CF_STORE_GROUPS_OF, user);
    (void)look(maker, CF_STORE_GROUP_EVENTS, user); /* of all groups */
    for (uint64_t i = 0; user < 2 && i < GROUPS; i++)
        look(maker, CF_STORE_GROUP_MEMBERS, user)->room = uuid_of(GROUP_IDS + i);
}

void workload_reads(struct cf_list *requests)
{
    struct maker maker = {.requests = requests};
    for (size_t user = 0; user < USERS; user++) {
        look_at_rooms(&maker, user);
        look_at_talks(&maker, user);
        look_at_groups(&maker, user);
    }
}
