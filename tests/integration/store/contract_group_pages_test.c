/* What every store promises about reading the log of encrypted groups (port/store.h). */
#include "group_fixture.h"

enum { MANY = 12 };
#define HOUR INT64_C(3600000000)

static const enum cf_group_event_kind KINDS[] = {CF_GROUP_MESSAGE, CF_GROUP_THREAD, CF_GROUP_REPLY,
                                                 CF_GROUP_MEDIA,   CF_GROUP_JOINED, CF_GROUP_LEFT};

/* `count` groups of ann, and `rounds` messages in each, as many as can be of one stamp. */
static void make_burst(struct fixture *f, size_t count, size_t rounds)
{
    struct cf_uuid groups[MANY];
    for (size_t i = 0; i < count; i++)
        groups[i] = group_of(f, S("ann"));
    cf_us now = f->clock + HOUR;
    struct cf_list list;
    cf_list_init(&list);
    for (size_t i = 0; i < count * rounds; i++) {
        /* Now and then a group has its turn a second time. */
        size_t at = i % 7 == 0 ? 0 : i % count;
        struct cf_store_request *request =
            make_post(f, CF_GROUP_MESSAGE, groups[at], S("ann"), S("eA=="));
        request->now = now;
        cf_list_push_back(&list, &request->link);
    }
    run_list(f, &list);
}

/* The events of the page are those of the whole from `at` on. */
static void assert_part(const struct cf_store_request *page, const struct cf_store_request *whole,
                        size_t at)
{
    assert_int_equal(page->error, CF_OK);
    size_t end = at + page->group_events_count;
    assert_true(end <= whole->group_events_count);
    for (size_t i = at; i < end; i++)
        assert_event_eq(&page->group_events[i - at], &whole->group_events[i]);
}

/* Two neighbours of the whole are on different pages only if their stamps differ. */
static void assert_cut(const struct cf_store_request *whole, size_t at)
{
    assert_true(whole->group_events[at - 1].stamp < whole->group_events[at].stamp);
}

/* A page has `limit` events, and more only of one stamp. */
static void assert_fills(const struct cf_store_request *page, uint32_t limit, bool upwards)
{
    size_t count = page->group_events_count;
    if (page->has_more)
        assert_true(count >= limit);
    for (size_t i = limit; i < count; i++) {
        size_t inner = upwards ? i - 1 : count - i;
        size_t outer = upwards ? i : count - 1 - i;
        assert_int_equal(page->group_events[outer].stamp, page->group_events[inner].stamp);
    }
}

static const size_t BURSTS[][2] = {{1, 40}, {2, 30}, {5, 30}, {MANY, 12}};
static const uint32_t LIMITS[] = {1, 2, 7, 8, 50};

static void read_upwards(struct fixture *f, uint32_t limit)
{
    struct cf_store_request *whole = read_all(f, S("ann"));
    struct look look = {.range = CF_GROUP_SINCE, .limit = limit};
    size_t at = 0;
    bool has_more = true;
    while (has_more) {
        struct cf_store_request *page = read_log(f, S("ann"), look);
        assert_part(page, whole, at);
        assert_fills(page, limit, true);
        at += page->group_events_count;
        has_more = page->has_more;
        assert_int_equal(has_more, at < whole->group_events_count);
        look.from = whole->group_events[at - 1].stamp + 1;
        if (has_more)
            assert_cut(whole, at);
    }
}

static void read_downwards(struct fixture *f, uint32_t limit)
{
    struct cf_store_request *whole = read_all(f, S("ann"));
    struct look look = {.range = CF_GROUP_NEWEST, .limit = limit};
    size_t at = whole->group_events_count;
    bool has_more = true;
    while (has_more) {
        struct cf_store_request *page = read_log(f, S("ann"), look);
        assert_true(page->group_events_count <= at);
        at -= page->group_events_count;
        assert_part(page, whole, at);
        assert_fills(page, limit, false);
        has_more = page->has_more;
        assert_int_equal(has_more, at > 0);
        look.range = CF_GROUP_BEFORE;
        look.from = whole->group_events[at].stamp;
        if (has_more)
            assert_cut(whole, at);
    }
}

static void pages_since_last_plus_one(void **state)
{
    struct fixture *f = start_clock(state);
    for (size_t i = 0; i < CF_ARRAY_LEN(BURSTS); i++) {
        make_burst(f, BURSTS[i][0], BURSTS[i][1]);
        for (size_t j = 0; j < CF_ARRAY_LEN(LIMITS); j++)
            read_upwards(f, LIMITS[j]);
    }
}

static void pages_before_the_first(void **state)
{
    struct fixture *f = start_clock(state);
    for (size_t i = 0; i < CF_ARRAY_LEN(BURSTS); i++) {
        make_burst(f, BURSTS[i][0], BURSTS[i][1]);
        for (size_t j = 0; j < CF_ARRAY_LEN(LIMITS); j++)
            read_downwards(f, LIMITS[j]);
    }
}

/* Each page begins with all that has the stamp of the last event known; as long as that is less
 * than a page, the reader gets ahead. */
static void pages_since_last(void **state)
{
    struct fixture *f = start_clock(state);
    make_burst(f, 5, 40);
    struct cf_store_request *whole = read_all(f, S("ann"));
    struct look look = {.range = CF_GROUP_SINCE, .limit = 7};
    size_t end = 0;
    bool has_more = true;
    while (has_more) {
        size_t first = end;
        while (first > 0 && whole->group_events[first - 1].stamp == look.from)
            first--;
        struct cf_store_request *page = read_log(f, S("ann"), look);
        assert_part(page, whole, first);
        assert_true(first + page->group_events_count > end);
        end = first + page->group_events_count;
        look.from = whole->group_events[end - 1].stamp;
        has_more = page->has_more;
    }
    assert_int_equal(end, whole->group_events_count);
}

/* At the end of all logs another group may still come to the last stamp: who asks for what is new
 * asks with it, not with the next one. */
static void end_may_come_again(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid groups[2] = {group_of(f, S("ann")), group_of(f, S("ann"))};
    cf_us now = f->clock + HOUR;
    int64_t last = post_at(f, groups[0], S("ann"), now);
    struct look look = {.range = CF_GROUP_SINCE, .from = last, .limit = 7};
    assert_stamps(read_log(f, S("ann"), look), &last, 1, false);
    assert_int_equal(post_at(f, groups[1], S("ann"), now), last);
    assert_stamps(read_log(f, S("ann"), look), (const int64_t[]){last, last}, 2, false);
}

/* Five messages in a group, a second apart. */
static struct cf_uuid five(struct fixture *f, int64_t stamps[5])
{
    struct cf_uuid group = group_of(f, S("ann"));
    for (size_t i = 0; i < 5; i++)
        stamps[i] = post(f, CF_GROUP_MESSAGE, group, S("ann"))->stamp;
    return group;
}

static void limits(void **state)
{
    struct fixture *f = start_clock(state);
    int64_t stamps[5];
    struct cf_uuid group = five(f, stamps);
    const struct {
        enum cf_group_range range;
        int64_t from;
        uint32_t limit;
        size_t first, count;
        bool has_more;
    } rows[] = {
        {CF_GROUP_NEWEST, 0, 4, 1, 4, true},
        {CF_GROUP_NEWEST, 0, 5, 0, 5, false},
        {CF_GROUP_NEWEST, 0, 6, 0, 5, false},
        {CF_GROUP_NEWEST, 0, 1, 4, 1, true},
        {CF_GROUP_NEWEST, 0, 0, 0, 0, true},
        {CF_GROUP_NEWEST, stamps[2], 5, 0, 5, false}, /* `from` says nothing here */
        {CF_GROUP_SINCE, stamps[1], 3, 1, 3, true},
        {CF_GROUP_SINCE, stamps[1], 4, 1, 4, false},
        {CF_GROUP_SINCE, stamps[1], 5, 1, 4, false},
        {CF_GROUP_SINCE, stamps[1] - 1, 4, 1, 4, false},
        {CF_GROUP_SINCE, stamps[1] + 1, 4, 2, 3, false},
        {CF_GROUP_SINCE, stamps[4], 1, 4, 1, false},
        {CF_GROUP_SINCE, stamps[4] + 1, 1, 0, 0, false},
        {CF_GROUP_SINCE, 0, UINT32_MAX, 0, 5, false},
        {CF_GROUP_SINCE, 0, 0, 0, 0, true},
        {CF_GROUP_SINCE, INT64_MIN, 5, 0, 5, false},
        {CF_GROUP_SINCE, INT64_MAX, 5, 0, 0, false},
        {CF_GROUP_BEFORE, stamps[4], 3, 1, 3, true},
        {CF_GROUP_BEFORE, stamps[4], 4, 0, 4, false},
        {CF_GROUP_BEFORE, stamps[4], 5, 0, 4, false},
        {CF_GROUP_BEFORE, stamps[4] + 1, 5, 0, 5, false},
        {CF_GROUP_BEFORE, stamps[4] - 1, 4, 0, 4, false},
        {CF_GROUP_BEFORE, stamps[1], 1, 0, 1, false},
        {CF_GROUP_BEFORE, stamps[0], 1, 0, 0, false},
        {CF_GROUP_BEFORE, stamps[4], 0, 0, 0, true},
        {CF_GROUP_BEFORE, INT64_MIN, 5, 0, 0, false},
        {CF_GROUP_BEFORE, INT64_MAX, 5, 0, 5, false},
    };
    (void)post(f, CF_GROUP_MESSAGE, group_of(f, S("ann")), S("ann")); /* of another group */
    reopen(f);
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++)
        assert_stamps(read_log(f, S("ann"),
                               (struct look){.room = group,
                                             .range = rows[i].range,
                                             .from = rows[i].from,
                                             .limit = rows[i].limit}),
                      &stamps[rows[i].first], rows[i].count, rows[i].has_more);
}

/* Three groups of ann with an event each of stamp s, between one of s - 1 and one of s + 1. */
static int64_t three_of_a_stamp(struct fixture *f)
{
    struct cf_uuid groups[3];
    for (size_t i = 0; i < 3; i++)
        groups[i] = group_of(f, S("ann"));
    cf_us now = f->clock + HOUR;
    (void)post_at(f, groups[1], S("ann"), now - 1000);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(post_at(f, groups[(i + 2) % 3], S("ann"), now), ms_of(now));
    assert_int_equal(post_at(f, groups[0], S("ann"), now), ms_of(now) + 1);
    return ms_of(now);
}

static void limit_within_a_stamp(void **state)
{
    struct fixture *f = start_clock(state);
    int64_t s = three_of_a_stamp(f);
    const int64_t stamps[] = {s - 1, s, s, s, s + 1};
    const struct {
        enum cf_group_range range;
        int64_t from;
        uint32_t limit;
        size_t first, count;
        bool has_more;
    } rows[] = {
        {CF_GROUP_SINCE, s - 1, 1, 0, 1, true},   {CF_GROUP_SINCE, s - 1, 2, 0, 4, true},
        {CF_GROUP_SINCE, s - 1, 3, 0, 4, true},   {CF_GROUP_SINCE, s - 1, 4, 0, 4, true},
        {CF_GROUP_SINCE, s - 1, 5, 0, 5, false},  {CF_GROUP_SINCE, s, 1, 1, 3, true},
        {CF_GROUP_SINCE, s, 4, 1, 4, false},      {CF_GROUP_NEWEST, 0, 1, 4, 1, true},
        {CF_GROUP_NEWEST, 0, 2, 1, 4, true},      {CF_GROUP_NEWEST, 0, 3, 1, 4, true},
        {CF_GROUP_NEWEST, 0, 4, 1, 4, true},      {CF_GROUP_NEWEST, 0, 5, 0, 5, false},
        {CF_GROUP_BEFORE, s + 1, 1, 1, 3, true},  {CF_GROUP_BEFORE, s + 1, 3, 1, 3, true},
        {CF_GROUP_BEFORE, s + 1, 4, 0, 4, false}, {CF_GROUP_BEFORE, s, 1, 0, 1, false},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++)
        assert_stamps(read_log(f, S("ann"),
                               (struct look){.range = rows[i].range,
                                             .from = rows[i].from,
                                             .limit = rows[i].limit}),
                      &stamps[rows[i].first], rows[i].count, rows[i].has_more);
    /* Those of one stamp in the order of their commits. */
    struct cf_store_request *same =
        read_log(f, S("ann"), (struct look){.range = CF_GROUP_SINCE, .from = s, .limit = 3});
    assert_int_equal(same->group_events_count, 3);
    for (size_t i = 1; i < 3; i++)
        assert_true(memcmp(&same->group_events[i - 1].id, &same->group_events[i].id, 16) < 0);
}

/* One of each kind, twice over; of each of the two groups. */
static void make_all_kinds(struct fixture *f, struct cf_uuid group)
{
    for (size_t i = 0; i < 2; i++) {
        (void)post(f, CF_GROUP_MESSAGE, group, S("ann"));
        struct cf_uuid thread = new_thread(f, group, S("ann"));
        (void)post(f, CF_GROUP_REPLY, thread, S("ann"));
        (void)new_media(f, thread, S("ann"), 1);
        assert_int_equal(join_group(f, group, S("ann"), S("eve"))->error, CF_OK);
        assert_int_equal(leave_group(f, group, S("ann"), S("eve"))->error, CF_OK);
    }
}

static void kinds(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid groups[2] = {group_of(f, S("ann")), group_of(f, S("ann"))};
    for (size_t i = 0; i < 2; i++)
        make_all_kinds(f, groups[i]);
    reopen(f);
    for (unsigned wanted = 1; wanted <= CF_GROUP_ALL; wanted++) {
        size_t each = 0; /* of a group */
        for (size_t i = 0; i < CF_ARRAY_LEN(KINDS); i++)
            each += (wanted & KINDS[i]) != 0 ? 2 : 0;
        for (size_t i = 0; i < 3; i++) {
            size_t count = i < 2 ? each : 2 * each;
            struct look look = {.room = i < 2 ? groups[i] : NO_UUID,
                                .kinds = wanted,
                                .range = CF_GROUP_SINCE,
                                .limit = (uint32_t)count};
            struct cf_store_request *all = read_log(f, S("ann"), look);
            assert_int_equal(all->group_events_count, count);
            assert_false(all->has_more);
            for (size_t j = 0; j < count; j++)
                assert_true((all->group_events[j].kind & wanted) != 0);
            look.limit--;
            struct cf_store_request *most = read_log(f, S("ann"), look);
            assert_int_equal(most->group_events_count, count - 1);
            assert_true(most->has_more);
            look.range = CF_GROUP_NEWEST;
            most = read_log(f, S("ann"), look);
            assert_int_equal(most->group_events_count, count - 1);
            assert_true(most->has_more);
            assert_event_eq(&most->group_events[0], &all->group_events[1]);
        }
    }
}

static void replies_of_a_thread(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group = group_of(f, S("ann bob"));
    struct cf_uuid thread = new_thread(f, group, S("ann"));
    struct cf_uuid other = new_thread(f, group, S("ann"));
    int64_t stamps[4];
    for (size_t i = 0; i < 4; i++) {
        stamps[i] = post(f, CF_GROUP_REPLY, thread, i % 2 == 0 ? S("ann") : S("bob"))->stamp;
        (void)post(f, CF_GROUP_REPLY, other, S("ann"));
        (void)post(f, CF_GROUP_MESSAGE, group, S("ann"));
        (void)new_media(f, thread, S("ann"), 1);
    }
    reopen(f);
    const struct {
        unsigned kinds;
        enum cf_group_range range;
        int64_t from;
        uint32_t limit;
        size_t first, count;
        bool has_more;
    } rows[] = {
        {CF_GROUP_ALL, CF_GROUP_SINCE, 0, 4, 0, 4, false},
        {CF_GROUP_REPLY, CF_GROUP_SINCE, 0, 3, 0, 3, true},
        {CF_GROUP_REPLY, CF_GROUP_SINCE, stamps[1], 3, 1, 3, false},
        {CF_GROUP_REPLY, CF_GROUP_NEWEST, 0, 3, 1, 3, true},
        {CF_GROUP_REPLY, CF_GROUP_NEWEST, 0, 5, 0, 4, false},
        {CF_GROUP_REPLY, CF_GROUP_BEFORE, stamps[3], 2, 1, 2, true},
        {CF_GROUP_REPLY, CF_GROUP_BEFORE, stamps[3], 3, 0, 3, false},
        {CF_GROUP_MEDIA | CF_GROUP_THREAD, CF_GROUP_SINCE, 0, 4, 0, 0, false},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++)
        assert_stamps(read_log(f, S("bob"),
                               (struct look){.thread = thread,
                                             .kinds = rows[i].kinds,
                                             .range = rows[i].range,
                                             .from = rows[i].from,
                                             .limit = rows[i].limit}),
                      &stamps[rows[i].first], rows[i].count, rows[i].has_more);
    struct cf_uuid quiet = new_thread(f, group, S("ann"));
    assert_stamps(read_log(f, S("bob"), (struct look){.thread = quiet, .limit = 5}), NULL, 0,
                  false);
}

/* Between what is not there and what is somebody else's there is no difference. */
static void strangers(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group = group_of(f, S("ann bob"));
    struct cf_uuid thread = new_thread(f, group, S("ann"));
    struct cf_uuid reply = post(f, CF_GROUP_REPLY, thread, S("ann"))->id;
    assert_int_equal(leave_group(f, group, S("bob"), S("bob"))->error, CF_OK);
    struct cf_uuid room = new_room(f, S("eve"));
    const struct {
        struct cf_uuid room, thread;
        struct cf_slice actor;
        enum cf_error error;
    } rows[] = {
        {group, NO_UUID, S("eve"), CF_E_NOT_MEMBER},
        {group, NO_UUID, S("bob"), CF_E_NOT_MEMBER},
        {uuid_of(999), NO_UUID, S("eve"), CF_E_NOT_MEMBER},
        {room, NO_UUID, S("eve"), CF_E_NOT_MEMBER},
        {NO_UUID, thread, S("eve"), CF_E_NOT_FOUND},
        {NO_UUID, thread, S("bob"), CF_E_NOT_FOUND},
        {NO_UUID, uuid_of(999), S("eve"), CF_E_NOT_FOUND},
        {NO_UUID, group, S("ann"), CF_E_NOT_FOUND},
        {NO_UUID, reply, S("ann"), CF_E_NOT_FOUND},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++)
        for (unsigned range = CF_GROUP_NEWEST; range <= CF_GROUP_BEFORE; range++)
            assert_nothing(read_log(f, rows[i].actor,
                                    (struct look){.room = rows[i].room,
                                                  .thread = rows[i].thread,
                                                  .range = (enum cf_group_range)range,
                                                  .from = ms_of(f->clock),
                                                  .limit = 9}),
                           rows[i].error);
    assert_stamps(read_log(f, S("eve"), (struct look){.limit = 9}), NULL, 0, false);
}

/* Of a group that one has left nothing is seen; back in it, all of it is. */
static void only_groups_one_is_in(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid left = group_of(f, S("ann bob"));
    struct cf_uuid kept = group_of(f, S("ann bob"));
    for (size_t i = 0; i < 3; i++) {
        (void)post(f, CF_GROUP_MESSAGE, left, S("bob"));
        (void)post(f, CF_GROUP_MESSAGE, kept, S("ann"));
    }
    assert_int_equal(read_all(f, S("bob"))->group_events_count, 8);
    assert_int_equal(leave_group(f, left, S("ann"), S("bob"))->error, CF_OK);
    (void)post(f, CF_GROUP_MESSAGE, left, S("ann"));
    reopen(f);
    struct cf_store_request *log = read_all(f, S("bob"));
    assert_int_equal(log->group_events_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_uuid(log->group_events[i].group, kept);
    /* Neither does it count as more. */
    assert_false(read_log(f, S("bob"), (struct look){.limit = 4})->has_more);
    assert_int_equal(read_all(f, S("ann"))->group_events_count, 10);
    assert_int_equal(join_group(f, left, S("ann"), S("bob"))->error, CF_OK);
    assert_int_equal(read_all(f, S("bob"))->group_events_count, 11);
}

/* Of the event, all strings together are `bytes`. */
static void post_big(struct fixture *f, struct cf_uuid group, size_t bytes, cf_us now)
{
    static uint8_t text[1024 * 1024];
    memset(text, 'A', sizeof(text));
    struct cf_slice with_name = cf_slice_of(text, bytes - 2 * S("ann").len);
    struct cf_store_request *request = make_post(f, CF_GROUP_MESSAGE, group, S("ann"), with_name);
    request->now = now;
    assert_int_equal(run(f, request), CF_OK);
}

static void page_of_bytes(void **state)
{
    struct fixture *f = start_clock(state);
    enum { QUARTER = CF_GROUP_PAGE_BYTES / 4 };
    const struct {
        size_t bytes, on_a_page;
    } rows[] = {{QUARTER, 4}, {QUARTER - 1, 5}};
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        struct cf_uuid group = group_of(f, S("ann"));
        for (size_t j = 0; j < 6; j++)
            post_big(f, group, rows[i].bytes, f->clock);
        struct look look = {.room = group, .range = CF_GROUP_SINCE, .limit = 100};
        struct cf_store_request *up = read_log(f, S("ann"), look);
        assert_int_equal(up->error, CF_OK);
        assert_int_equal(up->group_events_count, rows[i].on_a_page);
        assert_true(up->has_more);
        look.from = up->group_events[rows[i].on_a_page - 1].stamp + 1;
        struct cf_store_request *rest = read_log(f, S("ann"), look);
        assert_int_equal(rest->group_events_count, 6 - rows[i].on_a_page);
        assert_false(rest->has_more);
        look.range = CF_GROUP_NEWEST;
        struct cf_store_request *down = read_log(f, S("ann"), look);
        assert_int_equal(down->group_events_count, rows[i].on_a_page);
        assert_true(down->has_more);
        assert_int_equal(down->group_events[rows[i].on_a_page - 1].stamp,
                         rest->group_events[rest->group_events_count - 1].stamp);
        free_finished(f);
    }
}

/* Neither bytes nor the limit end a page within a stamp. */
static void big_ones_of_one_stamp(void **state)
{
    struct fixture *f = start_clock(state);
    /* Five fill a stamp; the seventeenth fills a page, in the middle of the fourth stamp. */
    enum { EACH = CF_GROUP_STAMP_BYTES / 4 - 1000 };
    struct cf_uuid groups[24];
    for (size_t i = 0; i < CF_ARRAY_LEN(groups); i++)
        groups[i] = group_of(f, S("ann"));
    cf_us now = f->clock + HOUR;
    for (size_t i = 0; i < CF_ARRAY_LEN(groups); i++)
        post_big(f, groups[i], EACH, now);
    free_finished(f);
    struct look look = {.range = CF_GROUP_SINCE, .limit = 100};
    struct cf_store_request *up = read_log(f, S("ann"), look);
    assert_int_equal(up->error, CF_OK);
    assert_int_equal(up->group_events_count, 20);
    assert_true(up->has_more);
    assert_int_equal(up->group_events[4].stamp, ms_of(now));
    assert_int_equal(up->group_events[19].stamp, ms_of(now) + 3);
    look.range = CF_GROUP_NEWEST;
    struct cf_store_request *down = read_log(f, S("ann"), look);
    assert_int_equal(down->group_events_count, 19);
    assert_true(down->has_more);
    assert_int_equal(down->group_events[0].stamp, ms_of(now) + 1);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(pages_since_last_plus_one),
    CONTRACT(pages_before_the_first),
    CONTRACT(pages_since_last),
    CONTRACT(end_may_come_again),
    CONTRACT(limits),
    CONTRACT(limit_within_a_stamp),
    CONTRACT(kinds),
    CONTRACT(replies_of_a_thread),
    CONTRACT(strangers),
    CONTRACT(only_groups_one_is_in),
    CONTRACT(page_of_bytes),
    CONTRACT(big_ones_of_one_stamp),
};

int main(void)
{
    return run_contract(tests);
}
