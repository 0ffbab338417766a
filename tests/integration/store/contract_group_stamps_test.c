/* What every store promises about the stamps of events in encrypted groups (port/store.h): strictly
 * increasing in a group, never decreasing over all of them, whatever the clock does. */
#include "group_fixture.h"

enum { GROUPS = 5 };
#define HOUR INT64_C(3600000000)

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t wall_clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void make_groups(struct fixture *f, struct cf_uuid groups[GROUPS])
{
    for (size_t i = 0; i < GROUPS; i++)
        groups[i] = group_of(f, S("ann bob"));
}

static void within_one_millisecond(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid groups[GROUPS];
    make_groups(f, groups);
    const cf_us now = f->clock + HOUR;
    const struct {
        size_t group;
        cf_us more; /* microseconds */
        int64_t stamp;
    } rows[] = {{0, 0, 0}, {1, 1, 0}, {0, 2, 1}, {2, 3, 1}, {1, 999, 1},  {0, 5, 2}, {3, 0, 2},
                {2, 0, 2}, {4, 0, 2}, {4, 0, 3}, {0, 0, 3}, {0, 2000, 4}, {1, 0, 4}};
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++)
        assert_int_equal(post_at(f, groups[rows[i].group], S("ann"), now + rows[i].more),
                         ms_of(now) + rows[i].stamp);
}

/* A page does not end within a stamp: what has one stamp is not more than a page can take on. */
static void a_stamp_is_full(void **state)
{
    struct fixture *f = start_clock(state);
    const cf_us now = f->clock + HOUR;
    enum { EACH = 256 * 1024, PER_STAMP = CF_GROUP_STAMP_BYTES / EACH };
    struct cf_uuid groups[3 * PER_STAMP + 2];
    for (size_t i = 0; i < CF_ARRAY_LEN(groups); i++)
        groups[i] = group_of(f, S("ann"));
    char *text = malloc(EACH);
    assert_non_null(text);
    memset(text, 'A', EACH);
    for (unsigned i = 0; i < 3 * PER_STAMP; i++) {
        struct cf_store_request *post =
            make_post(f, CF_GROUP_MESSAGE, groups[i], S("ann"), cf_slice_of(text, EACH));
        post->now = now;
        assert_int_equal(run(f, post), CF_OK);
        assert_int_equal(post->group_events[0].stamp, ms_of(now) + i / PER_STAMP);
    }
    free(text);
    for (size_t i = 3 * PER_STAMP; i < CF_ARRAY_LEN(groups); i++)
        assert_int_equal(post_at(f, groups[i], S("ann"), now), ms_of(now) + 3);
}

static void clock_steps_back(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid groups[GROUPS];
    make_groups(f, groups);
    const cf_us now = f->clock + 2 * HOUR;
    assert_int_equal(post_at(f, groups[0], S("ann"), now), ms_of(now));
    reopen(f);
    assert_int_equal(post_at(f, groups[1], S("ann"), now - HOUR), ms_of(now));
    assert_int_equal(post_at(f, groups[0], S("ann"), now - HOUR), ms_of(now) + 1);
    assert_int_equal(post_at(f, groups[1], S("ann"), 0), ms_of(now) + 1);
    assert_int_equal(post_at(f, groups[2], S("ann"), -1), ms_of(now) + 1);
    assert_int_equal(post_at(f, groups[2], S("ann"), now), ms_of(now) + 2);
    assert_int_equal(post_at(f, groups[3], S("ann"), now + 3000), ms_of(now) + 3);
}

static void clock_leaps_ahead(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid groups[GROUPS];
    make_groups(f, groups);
    const cf_us now = f->clock + HOUR;
    const cf_us ahead = now + 10000 * HOUR;
    assert_int_equal(post_at(f, groups[0], S("ann"), ahead), ms_of(ahead));
    assert_int_equal(post_at(f, groups[1], S("ann"), now), ms_of(ahead));
    reopen(f);
    assert_int_equal(post_at(f, groups[1], S("ann"), now), ms_of(ahead) + 1);
    assert_int_equal(post_at(f, groups[0], S("ann"), now), ms_of(ahead) + 1);
    struct cf_store_request *left = leave_group(f, groups[0], S("bob"), S("bob"));
    assert_int_equal(left->group_events[0].stamp, ms_of(ahead) + 2);
}

/* What was given to a group at its creation counts as much as what was given to an event. */
static void creation_has_a_stamp(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid old = group_of(f, S("ann"));
    struct cf_store_request *made = make_group(f, S("ann"), S("one"), NO_CLIENT_ID);
    made->now = f->clock + HOUR;
    assert_int_equal(run(f, made), CF_OK);
    assert_int_equal(made->rooms[0].created, made->now);
    reopen(f);
    assert_int_equal(stamp_of(f), ms_of(made->now));
    struct cf_store_request *other = make_group(f, S("ann"), S("two"), NO_CLIENT_ID);
    assert_int_equal(run(f, other), CF_OK);
    assert_int_equal(other->rooms[0].created, made->now);
    assert_int_equal(post_at(f, old, S("ann"), f->clock), ms_of(made->now));
    assert_int_equal(post_at(f, made->room, S("ann"), f->clock), ms_of(made->now) + 1);
}

/* The rule in full, against the random walk of a clock. */
static struct {
    uint64_t state;
    int64_t highest;
    int64_t last[GROUPS];
} model;

/* splitmix64 */
static uint32_t pick(uint32_t below)
{
    uint64_t z = model.state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

static cf_us pick_now(cf_us now)
{
    switch (pick(8)) {
    case 0:
        return now - HOUR;
    case 1:
        return now + pick(3000000);
    case 2:
        return now - pick(3000);
    default:
        return now + pick(700);
    }
}

static struct cf_store_request *make_any(struct fixture *f, struct cf_uuid group,
                                         struct cf_uuid thread, struct cf_uuid upload)
{
    struct cf_store_request *request;
    switch (pick(6)) {
    case 0:
        return make_join(f, group, S("ann"), S("eve"));
    case 1:
        request = make(f, CF_STORE_GROUP_LEAVE, S("ann"));
        request->room = group;
        request->user = S("eve");
        return request;
    case 2:
        return make_post(f, CF_GROUP_REPLY, thread, S("bob"), S("eA=="));
    case 3:
        return make_post(f, CF_GROUP_THREAD, group, S("bob"), S("eA=="));
    case 4:
        return make_on(f, CF_STORE_GROUP_MEDIA_DONE, S("ann"), upload);
    default:
        return make_post(f, CF_GROUP_MESSAGE, group, S("bob"), S("eA=="));
    }
}

static bool gives_a_stamp(const struct cf_store_request *request)
{
    return request->error == CF_OK && (request->created || request->op == CF_STORE_GROUP_LEAVE);
}

/* As the whole log tells it afterwards. */
static void assert_log_in_order(struct fixture *f, size_t count)
{
    struct cf_store_request *log = read_all(f, S("ann"));
    assert_int_equal(log->group_events_count, count);
    for (size_t i = 1; i < count; i++) {
        const struct cf_group_event *event = &log->group_events[i];
        assert_true(event->stamp >= log->group_events[i - 1].stamp);
        for (size_t j = i; j-- > 0 && log->group_events[j].stamp == event->stamp;)
            assert_false(cf_uuid_eq(&log->group_events[j].group, &event->group));
    }
}

static void random_clock(void **state)
{
    struct fixture *f = start_clock(state);
    model.state = 11;
    print_message("seed %llu\n", (unsigned long long)model.state);
    struct cf_uuid groups[GROUPS], threads[GROUPS];
    make_groups(f, groups);
    for (size_t i = 0; i < GROUPS; i++) {
        threads[i] = new_thread(f, groups[i], S("ann"));
        model.last[i] = stamp_of(f);
    }
    model.highest = stamp_of(f);
    size_t events = 2 * GROUPS, steps = f->mem ? 600 : 300;
    cf_us now = f->clock;
    for (size_t step = 0; step < steps; step++) {
        size_t at = pick(GROUPS);
        struct cf_uuid upload = new_upload(f, threads[at], S("ann"), 1);
        struct cf_store_request *request = make_any(f, groups[at], threads[at], upload);
        request->now = now = pick_now(now);
        (void)run(f, request);
        if (gives_a_stamp(request)) {
            model.last[at] = later(later(ms_of(now), model.highest), model.last[at] + 1);
            model.highest = model.last[at];
            assert_int_equal(request->group_events[0].stamp, model.last[at]);
            events++;
        }
        assert_int_equal(stamp_of(f), model.highest);
        if (pick(40) == 0)
            reopen(f);
    }
    assert_true(events > steps / 2);
    assert_log_in_order(f, events);
}

/* All in one transaction, all of one millisecond. */
static void batch_of_one_millisecond(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid groups[GROUPS];
    make_groups(f, groups);
    const cf_us now = f->clock + HOUR;
    struct cf_list list;
    cf_list_init(&list);
    struct cf_store_request *requests[60 * GROUPS];
    for (size_t i = 0; i < CF_ARRAY_LEN(requests); i++) {
        requests[i] = make_post(f, CF_GROUP_MESSAGE, groups[i % GROUPS], S("ann"), S("eA=="));
        requests[i]->now = now;
        cf_list_push_back(&list, &requests[i]->link);
    }
    run_list(f, &list);
    for (size_t i = 0; i < CF_ARRAY_LEN(requests); i++) {
        assert_int_equal(requests[i]->error, CF_OK);
        assert_int_equal(requests[i]->group_events[0].stamp, ms_of(now) + (int64_t)(i / GROUPS));
    }
    assert_int_equal(stamp_of(f), ms_of(now) + 59);
    assert_log_in_order(f, GROUPS + CF_ARRAY_LEN(requests));
}

/* Refused, repeated, or no event: nothing of that takes a stamp. */
static void what_gives_no_stamp(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group = group_of(f, S("ann bob"));
    struct cf_uuid thread = new_thread(f, group, S("ann"));
    struct cf_uuid media = new_media(f, thread, S("ann"), 1);
    int64_t stamp = stamp_of(f);
    struct cf_uuid upload = new_upload(f, thread, S("ann"), 1);
    assert_false(join_group(f, group, S("ann"), S("bob"))->created);
    assert_nothing(leave_group(f, group, S("bob"), S("ann")), CF_E_FORBIDDEN);
    struct cf_store_request *taken = make_post(f, CF_GROUP_MESSAGE, group, S("ann"), S("eA=="));
    taken->message = thread;
    assert_int_equal(run(f, taken), CF_E_CONFLICT);
    assert_int_equal(on_media(f, CF_STORE_GROUP_MEDIA_DONE, media, S("ann"))->error, CF_OK);
    assert_int_equal(on_media(f, CF_STORE_GROUP_MEDIA_DELETE, media, S("ann"))->error, CF_OK);
    assert_int_equal(on_media(f, CF_STORE_GROUP_MEDIA_DELETE, upload, S("ann"))->error, CF_OK);
    assert_int_equal(condemn(f, f->clock, f->clock, 9)->uuids_count, 2);
    (void)new_room(f, S("ann"));
    assert_int_equal(stamp_of(f), stamp);
    reopen(f);
    assert_int_equal(stamp_of(f), stamp);
}

/* A store that has given no stamp yet begins at its opening, when it knows what time it is. */
static void stamp_of_a_new_store(void **state)
{
    struct fixture *f = *state;
    int64_t before = wall_clock_ms();
    reopen(f);
    int64_t stamp = stamp_of(f);
    if (f->mem) {
        assert_int_equal(stamp, 0);
    } else {
        assert_in_range(stamp, before, wall_clock_ms());
    }
    struct cf_store_request *made = make_group(f, S("ann"), S("one"), NO_CLIENT_ID);
    made->now = 5000; /* long before */
    assert_int_equal(run(f, made), CF_OK);
    int64_t created = ms_of(made->rooms[0].created);
    assert_int_equal(created, later(stamp, 5));
    assert_int_equal(stamp_of(f), created);
    assert_int_equal(post_at(f, made->room, S("ann"), 5000), created + 1);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(within_one_millisecond),   CONTRACT(a_stamp_is_full),
    CONTRACT(clock_steps_back),         CONTRACT(clock_leaps_ahead),
    CONTRACT(creation_has_a_stamp),     CONTRACT(random_clock),
    CONTRACT(batch_of_one_millisecond), CONTRACT(what_gives_no_stamp),
    CONTRACT(stamp_of_a_new_store),
};

int main(void)
{
    return run_contract(tests);
}
