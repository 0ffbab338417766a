/* What the SQLite store does for encrypted groups that no answer shows at once: how a page is
 * found, stamps over restarts, and a sweep that finds nothing. */
#include "file_fixture.h"

#include "edge/store_sqlite/statements.h"
#include "group_fixture.h"

/* The first line of each plan, and how many there are: of one alone no row is read for a place, and
 * what has to be sorted would say so in a line more. */
static void plans_are_the_intended(void **state)
{
    static const char *const sql[] = {
#define PLAN(name, text) "EXPLAIN QUERY PLAN " text,
        CF_SQL_READS(PLAN) CF_SQL_WRITES(PLAN)
#undef PLAN
    };
#define PLACES "SEARCH orbital_events USING COVERING INDEX orbital_events_by_"
    static const struct {
        enum cf_sqlite_statement statement;
        const char *plan;
        int lines; /* 0: any */
    } rows[] = {
        {CF_SQL_ORBITAL_GROUPS_OF,
         "SEARCH own USING COVERING INDEX orbital_members_by_user (user=? AND room<?)", 2},
        {CF_SQL_ORBITAL_ROOM_UP, PLACES "kind (room=? AND kind=? AND stamp>?)", 1},
        {CF_SQL_ORBITAL_ROOM_DOWN, PLACES "kind (room=? AND kind=? AND stamp<?)", 1},
        {CF_SQL_ORBITAL_THREAD_UP, PLACES "thread (thread=? AND kind=? AND stamp>?)", 1},
        {CF_SQL_ORBITAL_THREAD_DOWN, PLACES "thread (thread=? AND kind=? AND stamp<?)", 1},
        {CF_SQL_ORBITAL_THREAD_FOR, "SEARCH t USING INDEX orbital_events_by_id (id=?)", 0},
        {CF_SQL_ORBITAL_EVENT_SENT,
         "SEARCH e USING INDEX orbital_events_by_client_id (room=? AND author=? AND client_id=?)",
         0},
        {CF_SQL_ORBITAL_MEDIA_SENT,
         "SEARCH m USING INDEX orbital_media_by_client_id (room=? AND author=? AND client_id=?)",
         0},
        {CF_SQL_ORBITAL_MEDIA_DUE, "MULTI-INDEX OR", 0},
    };
    struct fixture *f = *state;
    sqlite3 *handle = NULL;
    assert_int_equal(sqlite3_open(f->path, &handle), SQLITE_OK);
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        sqlite3_stmt *plan = NULL;
        assert_int_equal(sqlite3_prepare_v2(handle, sql[rows[i].statement], -1, &plan, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(plan), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(plan, 3), rows[i].plan);
        for (int line = 1; line < rows[i].lines; line++)
            assert_int_equal(sqlite3_step(plan), SQLITE_ROW);
        if (rows[i].lines > 0)
            assert_int_equal(sqlite3_step(plan), SQLITE_DONE);
        assert_int_equal(sqlite3_finalize(plan), SQLITE_OK);
    }
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

static cf_ms wall_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    return (cf_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A clock that has stepped back while the server was down: here by 76 years at least. */
static void stamps_outlive_a_restart(void **state)
{
    struct fixture *f = *state;
    cf_ms before = wall_ms();
    open_sqlite(f);
    assert_in_range(stamp_of(f), before, wall_ms());
    f->clock = YEAR_2100;
    struct cf_uuid group = group_of(f, S("ann"));
    int64_t last = post_at(f, group, S("ann"), f->clock + 7000);
    assert_int_equal(stamp_of(f), last);
    close_store(f);

    open_sqlite(f);
    assert_int_equal(stamp_of(f), last);
    f->clock = 1700000000000000;
    assert_int_equal(post_at(f, group_of(f, S("bob")), S("bob"), f->clock), last + 1);
    assert_int_equal(post_at(f, group, S("ann"), f->clock), last + 1);
    assert_int_equal(post_at(f, group, S("ann"), f->clock), last + 2);
    assert_int_equal(stamp_of(f), last + 2);
}

/* The last stamp was a creation's, which is no event. */
static void stamp_of_a_creation_outlives_a_restart(void **state)
{
    struct fixture *f = *state;
    open_sqlite(f);
    f->clock = YEAR_2100;
    struct cf_uuid group = group_of(f, S("ann"));
    int64_t created = stamp_of(f);
    assert_true(created >= ms_of(YEAR_2100));
    close_store(f);
    open_sqlite(f);
    assert_int_equal(stamp_of(f), created);
    assert_int_equal(post_at(f, group, S("ann"), 0), created + 1);
}

/* A client takes it for a cursor: a clock that was ahead and is set back must not hide events. */
static void stamp_is_the_stores_own(void **state)
{
    struct fixture *f = *state;
    cf_ms before = wall_ms();
    open_sqlite(f);
    assert_in_range(stamp_of(f), before, wall_ms());
    struct cf_uuid group = group_of(f, S("ann"));
    int64_t given = post_at(f, group, S("ann"), 0);
    close_store(f);
    open_sqlite(f);
    assert_int_equal(stamp_of(f), given);
    assert_int_equal(post_at(f, group, S("ann"), 0), given + 1);
}

enum { GROUPS = 40, ROUNDS = 60 };

/* In most rounds several groups have an event of the same stamp. Every fifth group is another's. */
static size_t fill(struct fixture *f, uint64_t *seed)
{
    struct cf_uuid groups[GROUPS], threads[GROUPS];
    for (size_t i = 0; i < GROUPS; i++) {
        groups[i] = group_of(f, i % 5 == 4 ? S("eve") : S("ann"));
        threads[i] = new_thread(f, groups[i], i % 5 == 4 ? S("eve") : S("ann"));
    }
    size_t seen = GROUPS - GROUPS / 5;
    for (int round = 0; round < ROUNDS; round++) {
        f->clock += 10000;
        cf_us now = f->clock;
        for (size_t i = 0; i < GROUPS; i++) {
            *seed = *seed * 6364136223846793005u + 1442695040888963407u;
            unsigned draw = (unsigned)(*seed >> 40);
            if (draw % 3 == 0)
                continue;
            bool reply = draw % 7 < 3;
            struct cf_store_request *request =
                make_post(f, reply ? CF_GROUP_REPLY : CF_GROUP_MESSAGE,
                          reply ? threads[i] : groups[i], i % 5 == 4 ? S("eve") : S("ann"), S("x"));
            request->now = now;
            assert_int_equal(run(f, request), CF_OK);
            seen += i % 5 != 4;
        }
        free_finished(f);
    }
    return seen;
}

/* The wanted ones of the whole log, in the order in which the page takes them. */
static size_t pick(const struct cf_store_request *whole, const struct look *look, size_t *picks)
{
    size_t count = 0, all = whole->group_events_count;
    for (size_t i = 0; i < all; i++) {
        size_t at = look->range == CF_GROUP_SINCE ? i : all - 1 - i;
        const struct cf_group_event *event = &whole->group_events[at];
        bool in = look->range == CF_GROUP_NEWEST ||
                  (look->range == CF_GROUP_SINCE ? event->stamp >= look->from
                                                 : event->stamp < look->from);
        if (in && (event->kind & look->kinds) != 0)
            picks[count++] = at;
    }
    return count;
}

static void check_page(struct fixture *f, const struct cf_store_request *whole, struct look look)
{
    static size_t picks[GROUPS * (ROUNDS + 1)];
    size_t count = pick(whole, &look, picks);
    size_t expected = count < look.limit ? count : look.limit;
    while (expected > 0 && expected < count &&
           whole->group_events[picks[expected]].stamp ==
               whole->group_events[picks[expected - 1]].stamp)
        expected++;
    struct cf_store_request *page = read_log(f, S("ann"), look);
    assert_int_equal(page->error, CF_OK);
    assert_int_equal(page->group_events_count, expected);
    assert_int_equal(page->has_more, expected < count);
    for (size_t i = 0; i < expected; i++) {
        size_t at = look.range == CF_GROUP_SINCE ? i : expected - 1 - i;
        assert_event_eq(&page->group_events[at], &whole->group_events[picks[i]]);
    }
}

/* Any page is what the whole log says, however many places were found and dropped on the way. */
static void pages_of_many_groups(void **state)
{
    static const unsigned kinds[] = {CF_GROUP_ALL, CF_GROUP_MESSAGE, CF_GROUP_REPLY,
                                     CF_GROUP_MESSAGE | CF_GROUP_REPLY, CF_GROUP_THREAD};
    struct fixture *f = *state;
    open_sqlite(f);
    f->clock = YEAR_2100;
    uint64_t seed = 20260103;
    size_t seen = fill(f, &seed);
    struct cf_store_request *whole =
        read_log(f, S("ann"), (struct look){.range = CF_GROUP_SINCE, .limit = 100000});
    assert_int_equal(whole->error, CF_OK);
    assert_int_equal(whole->group_events_count, seen);
    assert_false(whole->has_more);
    int64_t first = whole->group_events[0].stamp;
    int64_t span = whole->group_events[seen - 1].stamp - first;
    for (int i = 0; i < 600; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned draw = (unsigned)(seed >> 33);
        check_page(f, whole,
                   (struct look){
                       .kinds = kinds[draw % CF_ARRAY_LEN(kinds)],
                       .range = (enum cf_group_range)(draw / 8 % 3),
                       .from = first - 2 + (int64_t)(draw / 32 % (unsigned)(span + 5)),
                       .limit = 1 + (uint32_t)(seed >> 20) % (i % 2 == 0 ? 20 : 600),
                   });
    }
}

/* A page that ends with as many events of one stamp as there are groups; all that is behind it is
 * one older event, of the group that is looked into first, or last. */
static void more_behind_a_long_stamp(void **state)
{
    enum { COUNT = 100 };
    struct fixture *f = *state;
    open_sqlite(f);
    f->clock = YEAR_2100;
    const size_t with_older[] = {0, COUNT - 1};
    for (size_t i = 0; i < CF_ARRAY_LEN(with_older); i++) {
        struct cf_uuid groups[COUNT];
        struct cf_slice user = i == 0 ? S("ann") : S("bob");
        for (size_t j = 0; j < COUNT; j++)
            groups[j] = group_of(f, user);
        f->clock += 10000;
        (void)post_at(f, groups[with_older[i]], user, f->clock);
        f->clock += 10000;
        int64_t stamp = ms_of(f->clock);
        for (size_t j = 0; j < COUNT; j++)
            assert_int_equal(post_at(f, groups[j], user, stamp * 1000), stamp);
        struct cf_store_request *page =
            read_log(f, user, (struct look){.range = CF_GROUP_NEWEST, .limit = 10});
        assert_int_equal(page->group_events_count, COUNT);
        assert_true(page->has_more);
        page =
            read_log(f, user, (struct look){.range = CF_GROUP_SINCE, .from = stamp, .limit = 10});
        assert_int_equal(page->group_events_count, COUNT);
        assert_false(page->has_more);
    }
}

static int64_t wal_bytes(struct fixture *f)
{
    struct cf_store_stats stats;
    f->store->ops->stats(f->store, &stats);
    return (int64_t)stats.wal_bytes;
}

/* The WAL grows by what a sweep changes, and by nothing else. */
static void sweep_that_finds_nothing_writes_nothing(void **state)
{
    struct fixture *f = *state;
    open_sqlite(f);
    f->clock = YEAR_2100;
    struct cf_uuid thread = new_thread(f, group_of(f, S("ann")), S("ann"));
    struct cf_uuid media = new_media(f, thread, S("ann"), 10);
    (void)new_upload(f, thread, S("ann"), 10);
    int64_t before = wal_bytes(f);
    assert_true(before > 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(condemn(f, f->clock, 0, 100)->uuids_count, 0);
    assert_int_equal(wal_bytes(f), before);
    struct cf_store_request *late = condemn(f, f->clock + INT64_C(7200000000), 0, 100);
    assert_int_equal(late->uuids_count, 1);
    assert_uuid(late->uuids[0], media);
    int64_t after = wal_bytes(f);
    assert_true(after > before);
    /* What is dead is told again, until it is forgotten. */
    assert_int_equal(condemn(f, f->clock, 0, 100)->uuids_count, 1);
    assert_int_equal(wal_bytes(f), after);
}

/* What is kept beside the rows counts right. */
static void counters_agree(void **state)
{
    struct fixture *f = *state;
    open_sqlite(f);
    f->clock = YEAR_2100;
    struct cf_uuid group = group_of(f, S("ann bob cid"));
    struct cf_uuid thread = new_thread(f, group, S("ann"));
    (void)new_media(f, thread, S("ann"), 100);
    struct cf_uuid deleted = new_media(f, thread, S("bob"), 30);
    (void)new_upload(f, thread, S("bob"), 7);
    assert_int_equal(on_media(f, CF_STORE_GROUP_MEDIA_DELETE, deleted, S("ann"))->error, CF_OK);
    assert_int_equal(leave_group(f, group, S("bob"), S("bob"))->error, CF_OK);
    close_store(f);
    assert_int_equal(query_number(f, "SELECT media_bytes FROM orbital_groups"), 107);
    assert_int_equal(query_number(f, "SELECT sum(size) FROM orbital_media WHERE state <> 2"), 107);
    assert_int_equal(query_number(f, "SELECT member_count FROM orbital_groups"), 2);
    assert_int_equal(query_number(f, "SELECT count(*) FROM orbital_members"), 2);
    assert_int_equal(query_number(f, "SELECT last_stamp FROM orbital_groups"),
                     query_number(f, "SELECT max(stamp) FROM orbital_events"));
    assert_int_equal(query_number(f, "SELECT count(*) FROM orbital_media m JOIN orbital_events e "
                                     "ON e.key = m.event AND e.id = m.id AND e.kind = 8"),
                     2);
}

static const struct CMUnitTest tests[] = {
    FILE_CASE(plans_are_the_intended),
    SOUND_CASE(stamps_outlive_a_restart),
    SOUND_CASE(stamp_of_a_creation_outlives_a_restart),
    SOUND_CASE(stamp_is_the_stores_own),
    SOUND_CASE(pages_of_many_groups),
    SOUND_CASE(more_behind_a_long_stamp),
    SOUND_CASE(sweep_that_finds_nothing_writes_nothing),
    SOUND_CASE(counters_agree),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
