/* The same random requests to both stores give the same answers, byte for byte. Small numbers of
 * users, rooms, texts and client ids, so that every rule is met often; batches of random size, so
 * that it is met within and across transactions. The seed is printed. */
#include "group_fixture.h"

enum { STEPS = 900, BATCH_MAX = 24, ROOMS = 4, MESSAGES = 150, TALKS = 12, NUMBERS_MAX = 400 };
enum { GROUPS = 5, THREADS = 40, UPLOADS = 60, POSTS = 2000, UUIDS_MAX = 6 };

static uint64_t random_state;
static cf_us group_clock; /* goes on from batch to batch */

/* splitmix64 */
static uint32_t pick(uint32_t below)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

static struct cf_slice pick_of(const char *const *texts, size_t count)
{
    return cf_slice_cstr(texts[pick((uint32_t)count)]);
}

static struct cf_slice pick_user(void)
{
    static const char *const users[] = {"ann", "bob", "cid", "dan", "eve"};
    return pick_of(users, CF_ARRAY_LEN(users));
}

static struct cf_slice pick_name(void)
{
    static const char *const names[] = {"", "", "Ann", "Bob", "Cid"};
    return pick_of(names, CF_ARRAY_LEN(names));
}

static struct cf_slice pick_optional(const char *const *texts, size_t count)
{
    return pick(2) == 0 ? (struct cf_slice){NULL, 0} : pick_of(texts, count);
}

static void fill_users(struct cf_store_request *request)
{
    request->users_count = pick(4);
    request->users = cf_arena_alloc(&request->arena, 4 * sizeof(*request->users));
    assert_non_null(request->users);
    for (size_t i = 0; i < request->users_count; i++)
        request->users[i] = pick_user();
}

/* A place in a history or in the numbers, now and then one that nobody can be at. */
static int64_t pick_from(enum cf_store_op op, enum cf_talk_range range)
{
    static const int64_t extremes[] = {INT64_MIN, -1, 0, INT64_MAX};
    if (pick(8) == 0)
        return extremes[pick(CF_ARRAY_LEN(extremes))];
    if (op == CF_STORE_SOCKET_RECOVER)
        return (int64_t)pick(2 * NUMBERS_MAX) - NUMBERS_MAX;
    return range == CF_TALK_SINCE ? 1000 + pick(2100) : pick(30);
}

static void fill_talk_request(struct cf_store_request *request)
{
    request->talk = pick(TALKS);
    request->number = pick(NUMBERS_MAX);
    request->talk_kind = pick(3) == 0 ? CF_TALK_GROUP : CF_TALK_DIRECT;
    request->range = (enum cf_talk_range)pick(CF_TALK_BEFORE + 1);
    request->mark = (enum cf_talk_mark_kind)pick(CF_MARK_READ + 1);
    request->from = pick_from(request->op, request->range);
    request->pid = pick(4) == 0 ? pick_user() : request->actor; /* mostly one's own */
    request->sid = pick(3) == 0 ? S("") : pick_name();
    fill_users(request);
    if (request->op < CF_STORE_SOCKET_OPEN)
        return;
    request->now = 1000 + 100 * pick(3); /* a CLOSE is to meet its OPEN */
    if (request->op == CF_STORE_SOCKET_CLOSE && pick(20) == 0)
        request->pid = S("");
    if (request->op != CF_STORE_SOCKET_RECOVER)
        return;
    request->limit = pick(4) == 0 ? request->limit : 1000;
    request->since = pick(4) == 0 ? request->since : 0;
}

static struct cf_uuid pick_group(void)
{
    return uuid_of(5000 + pick(GROUPS + 1));
}

static struct cf_uuid pick_thread(void)
{
    return uuid_of(6000 + pick(THREADS));
}

/* Also those of threads: each has ids of its own. */
static struct cf_uuid pick_upload(void)
{
    return uuid_of(6000 + pick(UPLOADS));
}

/* Few are threads, so that each has replies. */
static void fill_post(struct cf_store_request *request)
{
    static const enum cf_group_event_kind kinds[] = {CF_GROUP_MESSAGE, CF_GROUP_THREAD,
                                                     CF_GROUP_REPLY};
    request->group_kind = kinds[pick(CF_ARRAY_LEN(kinds))];
    request->message =
        request->group_kind == CF_GROUP_THREAD ? pick_thread() : uuid_of(6000 + pick(POSTS));
}

/* Mostly about now, now and then an hour off. */
static cf_us pick_group_now(void)
{
    static const cf_us leaps[] = {-INT64_C(3600000000), 0, 5000};
    return group_clock + leaps[pick(12) < 9 ? 1 : pick(3)] + pick(3000);
}

static void fill_uuids(struct cf_store_request *request)
{
    struct cf_uuid uuids[UUIDS_MAX];
    size_t count = pick(UUIDS_MAX + 1);
    for (size_t i = 0; i < count; i++)
        uuids[i] = request->op == CF_STORE_GROUPS_AMONG ? pick_group() : pick_upload();
    set_uuids(request, uuids, count);
}

static void fill_look(struct cf_store_request *request)
{
    static const int64_t extremes[] = {INT64_MIN, 0, INT64_MAX};
    request->kinds = pick(3) == 0 ? pick(CF_GROUP_ALL + 1) : CF_GROUP_ALL;
    request->group_range = (enum cf_group_range)pick(CF_GROUP_BEFORE + 1);
    request->from = ms_of(group_clock) - pick(300);
    if (pick(6) == 0)
        request->from = extremes[pick(CF_ARRAY_LEN(extremes))];
    request->message = pick(4) == 0 ? request->thread : NO_UUID;
    if (pick(2) == 0)
        request->room = NO_UUID;
}

static void fill_group_request(struct cf_store_request *request)
{
    request->room = pick_group();
    if (request->op == CF_STORE_GROUPS_OF && pick(2) == 0)
        request->room = NO_UUID;
    request->message = request->op == CF_STORE_GROUP_THREAD_GET ? pick_thread() : pick_upload();
    request->thread = pick_thread();
    if (request->op == CF_STORE_GROUP_POST)
        fill_post(request);
    request->now = pick_group_now();
    request->since = group_clock - 20000 - pick(100000);
    request->size = 1 + pick(50);
    request->quota = 60;
    request->ttl = 1 + pick(200000);
    fill_uuids(request);
    if (request->op == CF_STORE_GROUP_EVENTS)
        fill_look(request);
}

static bool is_of_groups(enum cf_store_op op)
{
    return (op >= CF_STORE_GROUPS_OF && op <= CF_STORE_GROUP_MEDIA_GET) ||
           op >= CF_STORE_GROUP_CREATE;
}

/* Both stores get the same request: everything is drawn before. */
static void fill_request(struct cf_store_request *request)
{
    static const char *const texts[] = {"", "one", "two", "three"};
    static const char *const clients[] = {"c1", "c2", "c3", "c4", "c5", "c6"};
    static const char *const images[] = {"a.png", "b.png"};
    request->actor = pick_user();
    request->actor_name = pick_name();
    request->user = pick_user();
    request->user_name = pick_name();
    request->role = (enum cf_role)pick(3);
    request->room = uuid_of(1 + pick(ROOMS + 1));
    request->message = uuid_of(1000 + pick(MESSAGES));
    request->name = pick_of(texts, CF_ARRAY_LEN(texts));
    request->text = pick_of(texts, CF_ARRAY_LEN(texts));
    request->client_id = pick_optional(clients, CF_ARRAY_LEN(clients));
    request->image = pick_optional(images, CF_ARRAY_LEN(images));
    request->now = 1000 + pick(2000);
    request->since = pick(4000);
    request->page = pick(6);
    request->limit = pick(12);
    if (is_of_groups(request->op))
        fill_group_request(request);
    else
        fill_talk_request(request);
}

static enum cf_store_op pick_op(void)
{
    static const enum cf_store_op frequent[] = {
        CF_STORE_MESSAGE_CREATE, CF_STORE_TALK_SEND,        CF_STORE_TALK_MARK,
        CF_STORE_SOCKET_JOIN,    CF_STORE_SOCKET_RECOVER,   CF_STORE_GROUP_EVENTS,
        CF_STORE_GROUP_POST,     CF_STORE_GROUP_MEDIA_OPEN, CF_STORE_GROUP_MEDIA_DONE};
    if (pick(2) == 0)
        return frequent[pick(CF_ARRAY_LEN(frequent))];
    return (enum cf_store_op)pick(CF_STORE_OPS);
}

static void assert_optional(struct cf_slice a, struct cf_slice b)
{
    assert_int_equal(a.ptr == NULL, b.ptr == NULL);
    assert_slice(a, b);
}

static void compare_rows(const struct cf_store_request *a, const struct cf_store_request *b)
{
    for (size_t i = 0; i < a->rooms_count; i++) {
        assert_uuid(a->rooms[i].id, b->rooms[i].id);
        assert_slice(a->rooms[i].name, b->rooms[i].name);
        assert_slice(a->rooms[i].created_by, b->rooms[i].created_by);
        assert_int_equal(a->rooms[i].created, b->rooms[i].created);
        assert_int_equal(a->rooms[i].role, b->rooms[i].role);
        assert_int_equal(a->rooms[i].members, b->rooms[i].members);
    }
    for (size_t i = 0; i < a->members_count; i++) {
        assert_slice(a->members[i].user, b->members[i].user);
        assert_slice(a->members[i].name, b->members[i].name);
        assert_int_equal(a->members[i].role, b->members[i].role);
        assert_int_equal(a->members[i].joined, b->members[i].joined);
    }
    for (size_t i = 0; i < a->messages_count; i++) {
        assert_uuid(a->messages[i].id, b->messages[i].id);
        assert_uuid(a->messages[i].room, b->messages[i].room);
        assert_int_equal(a->messages[i].seq, b->messages[i].seq);
        assert_slice(a->messages[i].author, b->messages[i].author);
        assert_slice(a->messages[i].author_name, b->messages[i].author_name);
        assert_slice(a->messages[i].text, b->messages[i].text);
        assert_int_equal(a->messages[i].created, b->messages[i].created);
        assert_int_equal(a->messages[i].updated, b->messages[i].updated);
        assert_optional(a->messages[i].image, b->messages[i].image);
    }
}

static void compare_message(const struct cf_talk_message *a, const struct cf_talk_message *b)
{
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->talk, b->talk);
    assert_int_equal(a->seq, b->seq);
    assert_slice(a->author, b->author);
    assert_slice(a->author_name, b->author_name);
    assert_slice(a->text, b->text);
    assert_optional(a->client_id, b->client_id);
    assert_int_equal(a->created, b->created);
    assert_int_equal(a->receipts_count, b->receipts_count);
    for (size_t i = 0; i < a->receipts_count; i++) {
        assert_slice(a->receipts[i].user, b->receipts[i].user);
        assert_int_equal(a->receipts[i].delivered, b->receipts[i].delivered);
        assert_int_equal(a->receipts[i].read, b->receipts[i].read);
    }
}

static void compare_talk(const struct cf_talk_row *a, const struct cf_talk_row *b)
{
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->kind, b->kind);
    assert_slice(a->title, b->title);
    assert_slice(a->created_by, b->created_by);
    assert_int_equal(a->created, b->created);
    assert_int_equal(a->last_seq, b->last_seq);
    assert_int_equal(a->unread, b->unread);
    assert_int_equal(a->people_count, b->people_count);
    for (size_t i = 0; i < a->people_count; i++) {
        assert_slice(a->people[i].user, b->people[i].user);
        assert_slice(a->people[i].name, b->people[i].name);
        assert_int_equal(a->people[i].joined, b->people[i].joined);
    }
    assert_int_equal(a->last == NULL, b->last == NULL);
    if (a->last != NULL)
        compare_message(a->last, b->last);
}

static void compare_talks(const struct cf_store_request *a, const struct cf_store_request *b)
{
    assert_int_equal(a->last_number, b->last_number);
    assert_int_equal(a->talks_count, b->talks_count);
    assert_int_equal(a->talk_messages_count, b->talk_messages_count);
    assert_int_equal(a->marks_count, b->marks_count);
    for (size_t i = 0; i < a->talks_count; i++)
        compare_talk(&a->talks[i], &b->talks[i]);
    for (size_t i = 0; i < a->talk_messages_count; i++)
        compare_message(&a->talk_messages[i], &b->talk_messages[i]);
    for (size_t i = 0; i < a->marks_count; i++) {
        assert_int_equal(a->marks[i].number, b->marks[i].number);
        assert_int_equal(a->marks[i].message, b->marks[i].message);
        assert_int_equal(a->marks[i].talk, b->marks[i].talk);
        assert_slice(a->marks[i].author, b->marks[i].author);
        assert_slice(a->marks[i].user, b->marks[i].user);
        assert_int_equal(a->marks[i].kind, b->marks[i].kind);
        assert_int_equal(a->marks[i].at, b->marks[i].at);
    }
    if (a->op == CF_STORE_SOCKET_RECOVER && a->error == CF_OK)
        assert_slice(a->sid, b->sid);
}

static void compare_groups(const struct cf_store_request *a, const struct cf_store_request *b)
{
    assert_int_equal(a->group_events_count, b->group_events_count);
    for (size_t i = 0; i < a->group_events_count; i++)
        assert_event_eq(&a->group_events[i], &b->group_events[i]);
    assert_media_eq(&a->media, &b->media);
    assert_int_equal(a->uuids_count, b->uuids_count);
    for (size_t i = 0; i < a->uuids_count; i++)
        assert_uuid(a->uuids[i], b->uuids[i]);
}

static void compare(const struct cf_store_request *a, const struct cf_store_request *b)
{
    assert_int_equal(a->op, b->op);
    assert_int_equal(a->error, b->error);
    assert_int_equal(a->role, b->role);
    assert_int_equal(a->created, b->created);
    assert_int_equal(a->has_more, b->has_more);
    assert_int_equal(a->total, b->total);
    assert_int_equal(a->rooms_count, b->rooms_count);
    assert_int_equal(a->members_count, b->members_count);
    assert_int_equal(a->messages_count, b->messages_count);
    assert_optional(a->old_image, b->old_image);
    compare_rows(a, b);
    compare_talks(a, b);
    compare_groups(a, b);
}

/* What has come up in all seeds: an operation that only ever fails would prove nothing. */
static size_t succeeded[CF_STORE_OPS], recovered_messages, recovered_marks;
static size_t group_events, group_pages, over_the_limit, condemned, groups_listed, groups_pages;

static void note(const struct cf_store_request *request)
{
    if (request->error != CF_OK)
        return;
    succeeded[request->op]++;
    if (request->op == CF_STORE_GROUP_EVENTS) {
        group_events += request->group_events_count;
        group_pages += request->has_more;
        over_the_limit += request->group_events_count > request->limit;
    }
    if (request->op == CF_STORE_GROUPS_OF) {
        groups_listed += request->rooms_count;
        groups_pages += request->has_more;
    }
    if (request->op == CF_STORE_GROUP_MEDIA_CONDEMN)
        condemned += request->uuids_count;
    if (request->op != CF_STORE_SOCKET_RECOVER)
        return;
    recovered_messages += request->talk_messages_count;
    recovered_marks += request->marks_count;
}

/* One batch of reads only or writes only: among themselves reads may overtake writes. */
static void run_batch(struct fixture *mem, struct fixture *sqlite, size_t outcomes[])
{
    struct cf_store_request *pairs[BATCH_MAX][2];
    struct cf_list lists[2];
    cf_list_init(&lists[0]);
    cf_list_init(&lists[1]);
    size_t count = 1 + pick(BATCH_MAX);
    bool writes = pick(2) == 0;
    for (size_t i = 0; i < count; i++) {
        enum cf_store_op op;
        do
            op = pick_op();
        while (cf_store_op_writes(op) != writes);
        uint64_t before = random_state;
        for (size_t side = 0; side < 2; side++) {
            random_state = before;
            pairs[i][side] = cf_store_request_new(op);
            assert_non_null(pairs[i][side]);
            fill_request(pairs[i][side]);
            cf_list_push_back(&lists[side], &pairs[i][side]->link);
        }
    }
    group_clock += 1000 * (cf_us)pick(4);
    run_list(mem, &lists[0]);
    run_list(sqlite, &lists[1]);
    assert_int_equal(stamp_of(mem), stamp_of(sqlite));
    for (size_t i = 0; i < count; i++) {
        compare(pairs[i][0], pairs[i][1]);
        outcomes[pairs[i][0]->error]++;
        note(pairs[i][0]);
    }
    free_finished(mem);
    free_finished(sqlite);
}

/* Both have given the same stamp, later than their opening. */
static void give_first_stamp(struct fixture *f)
{
    f->clock = YEAR_2100;
    assert_int_equal(run(f, make_group(f, S("ann"), S("one"), NO_CLIENT_ID)), CF_OK);
    assert_int_equal(stamp_of(f), ms_of(f->clock));
    group_clock = f->clock;
    free_finished(f);
}

static void run_seed(uint64_t seed)
{
    print_message("seed %llu\n", (unsigned long long)seed);
    random_state = seed;
    void *mem;
    void *sqlite;
    assert_int_equal(setup_mem(&mem), 0);
    assert_int_equal(setup_sqlite(&sqlite), 0);
    give_first_stamp(mem);
    give_first_stamp(sqlite);
    size_t outcomes[CF_E_STATE + 1] = {0};
    for (int step = 0; step < STEPS; step++)
        run_batch(mem, sqlite, outcomes);
    /* The numbers are small enough that every outcome has come up. */
    const enum cf_error met[] = {CF_OK,         CF_E_NOT_MEMBER, CF_E_FORBIDDEN, CF_E_NOT_FOUND,
                                 CF_E_CONFLICT, CF_E_INVALID,    CF_E_FULL};
    size_t sum = 0;
    for (size_t i = 0; i < CF_ARRAY_LEN(met); i++) {
        assert_true(outcomes[met[i]] > 0);
        sum += outcomes[met[i]];
    }
    for (size_t i = 0; i < CF_ARRAY_LEN(outcomes); i++)
        sum -= outcomes[i];
    assert_int_equal(sum, 0); /* and no other */
    assert_int_equal(teardown(&mem), 0);
    assert_int_equal(teardown_sound(&sqlite), 0);
}

static void same_answers(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++)
        run_seed(seed);
    for (size_t op = 0; op < CF_STORE_OPS; op++)
        assert_true(succeeded[op] > 0);
    assert_true(recovered_messages > 1000);
    assert_true(recovered_marks > 100);
    assert_true(group_events > 10000);
    assert_true(group_pages > 1000);
    assert_true(over_the_limit > 100);
    assert_true(condemned > 100);
    assert_true(groups_listed > 100);
    assert_true(groups_pages > 100);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(same_answers),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
