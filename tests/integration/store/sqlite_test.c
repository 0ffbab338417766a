/* The SQLite store as a file: damage, locks, queues, and bytes that go in and come out the same. */
#include "file_fixture.h"

#include <poll.h>

#include "logged.h"

static void data_survives_reopening(void **state)
{
    struct fixture *f = *state;
    open_sqlite(f);
    struct cf_uuid room = new_room(f, S("ann"));
    struct cf_uuid message = new_message(f, room, S("ann"), S("kept"));
    close_store(f);
    open_sqlite(f);
    assert_slice(get_message(f, S("ann"), message)->text, S("kept"));
    assert_int_equal(get_message(f, S("ann"), new_message(f, room, S("ann"), S("x")))->seq, 2);
}

/* Overwrites the page that the rooms of a user are found by. */
static void damage(const struct fixture *f)
{
    int64_t page = query_number(f, "SELECT rootpage FROM sqlite_schema"
                                   " WHERE name = 'room_members_by_user'");
    int fd = open(f->path, O_WRONLY);
    assert_true(fd >= 0);
    char garbage[4096];
    memset(garbage, 0x5a, sizeof(garbage));
    off_t at = (off_t)(page - 1) * (off_t)sizeof(garbage);
    assert_int_equal(pwrite(fd, garbage, sizeof(garbage), at), (ssize_t)sizeof(garbage));
    assert_int_equal(close(fd), 0);
}

static void damage_is_found_after_an_unclean_stop(void **state)
{
    struct fixture *f = *state;
    reset_logged();
    write_file(f, "-wal", "left behind", 11);
    open_sqlite(f);
    assert_int_equal(count_logged("not closed cleanly"), 1);
    close_store(f);
    damage(f);
    write_file(f, "-wal", "left behind", 11);
    assert_open_fails(f, CF_E_IO, "is damaged");
}

static void damage_met_while_running_is_fatal(void **state)
{
    struct fixture *f = *state;
    damage(f);
    open_sqlite(f); /* after a clean stop the pages are not looked at */
    reset_logged();
    assert_int_equal(run(f, make(f, CF_STORE_ROOMS_OF, S("ann"))), CF_E_UNAVAILABLE);
    (void)pthread_mutex_lock(&f->lock);
    while (f->fatals == 0)
        (void)pthread_cond_wait(&f->handed_over, &f->lock);
    (void)pthread_mutex_unlock(&f->lock);
    assert_int_equal(run(f, make(f, CF_STORE_USER_PUT, S("ann"))), CF_E_UNAVAILABLE);
    assert_int_equal(run(f, make(f, CF_STORE_ROOMS_OF, S("ann"))), CF_E_UNAVAILABLE);
    close_store(f);
    assert_int_equal(f->fatals, 1);
    assert_int_equal(count_logged("Database failed"), 1);
}

static void second_opener_is_refused(void **state)
{
    struct fixture *f = *state;
    open_sqlite(f);
    assert_open_fails(f, CF_E_IO, "in use by another confab process");
    assert_migrate_fails(f, CF_E_IO, "in use by another confab process");
    (void)new_room(f, S("ann"));
    close_store(f);
    open_sqlite(f);
}

static void file_locked_by_another(void **state)
{
    struct fixture *f = *state;
    open_sqlite(f);
    reset_logged();
    struct cf_uuid room = new_room(f, S("ann"));
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 20; i++)
        assert_int_equal(run(f, make_message(f, room, S("ann"), S("hi"))), CF_E_UNAVAILABLE);
    assert_int_equal(count_logged("locked by another process"), 1);
    assert_int_equal(run(f, make(f, CF_STORE_CHECK, S(""))), CF_E_UNAVAILABLE);
    assert_int_equal(read_page(f, room, S("ann"), 1, 10)->error, CF_OK);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(run(f, make_message(f, room, S("ann"), S("hi"))), CF_OK);
    assert_int_equal(read_page(f, room, S("ann"), 1, 10)->total, 1);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    close_store(f);
    assert_int_equal(count_logged("takes writes again"), 1);
    assert_int_equal(f->fatals, 0);
}

static void open_of_a_locked_file(void **state)
{
    struct fixture *f = *state;
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_open_fails(f, CF_E_IO, "database is locked");
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    open_sqlite(f);
}

/* Polls for what the writer does in its own time; 10 s at most. */
static struct cf_store_stats wait_stats(struct fixture *f, bool (*good)(struct cf_store_stats *))
{
    struct cf_store_stats stats;
    for (int i = 0; i < 1000; i++) {
        f->store->ops->stats(f->store, &stats);
        if (good(&stats))
            return stats;
        (void)poll(NULL, 0, 10);
    }
    fail_msg("not in time");
    return stats;
}

static bool is_writable(struct cf_store_stats *stats)
{
    return stats->writable;
}

/* Readiness comes back without a write: a balancer would send none. */
static void lock_is_seen_to_go(void **state)
{
    struct fixture *f = *state;
    open_sqlite(f);
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(run(f, make(f, CF_STORE_USER_PUT, S("ann"))), CF_E_UNAVAILABLE);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    (void)wait_stats(f, is_writable);
    assert_int_equal(run(f, make(f, CF_STORE_CHECK, S(""))), CF_OK);
}

static bool has_no_wal(struct cf_store_stats *stats)
{
    return stats->wal_bytes == 0;
}

static void idle_store_cuts_its_wal_back(void **state)
{
    struct fixture *f = *state;
    open_sqlite(f);
    (void)new_room(f, S("ann"));
    struct cf_store_stats stats = wait_stats(f, has_no_wal);
    assert_true(stats.database_bytes >= 4096);
    assert_true(stats.commits >= 1);
    assert_int_equal(stats.writes, 1);
}

/* 40 MB of messages: the WAL is checkpointed on the way and begins anew. */
static void wal_stays_small_under_load(void **state)
{
    enum { BYTES = 10000, BATCH = 100 };
    struct fixture *f = *state;
    open_sqlite(f);
    struct cf_uuid room = new_room(f, S("ann"));
    static uint8_t text[BYTES];
    memset(text, 'x', sizeof(text));
    uint64_t wal_most = 0;
    for (int i = 0; i < 40; i++) {
        struct cf_list list;
        cf_list_init(&list);
        for (int j = 0; j < BATCH; j++)
            cf_list_push_back(&list,
                              &make_message(f, room, S("ann"), cf_slice_of(text, BYTES))->link);
        run_list(f, &list);
        struct cf_store_stats stats;
        f->store->ops->stats(f->store, &stats);
        wal_most = stats.wal_bytes > wal_most ? stats.wal_bytes : wal_most;
    }
    assert_true(wal_most < 16 * 1024 * 1024);
    assert_int_equal(read_page(f, room, S("ann"), 1, 1)->total, 40 * BATCH);
}

static void full_queues_refuse(void **state)
{
    enum { COUNT = 100, ROOM = 4 };
    struct fixture *f = *state;
    struct cf_store_sqlite_config config = sqlite_config(f);
    config.queue_max = ROOM;
    assert_int_equal(cf_store_sqlite_open(&config, &f->sink, &f->store, NULL), CF_OK);
    const enum cf_store_op operations[] = {CF_STORE_USER_PUT, CF_STORE_ROOMS_OF};
    for (size_t i = 0; i < 2; i++) {
        struct cf_store_request *requests[COUNT];
        struct cf_list list;
        cf_list_init(&list);
        for (size_t j = 0; j < COUNT; j++) {
            requests[j] = make(f, operations[i], S("ann"));
            cf_list_push_back(&list, &requests[j]->link);
        }
        run_list(f, &list);
        for (size_t j = 0; j < COUNT; j++)
            assert_int_equal(requests[j]->error, j < ROOM ? CF_OK : CF_E_UNAVAILABLE);
    }
}

/* What is queued at close is finished. */
static void close_finishes_the_queue(void **state)
{
    enum { COUNT = 5000 };
    struct fixture *f = *state;
    open_sqlite(f);
    struct cf_uuid room = new_room(f, S("ann"));
    free_finished(f);
    struct cf_list list;
    cf_list_init(&list);
    for (size_t i = 0; i < COUNT; i++)
        cf_list_push_back(&list, &make_message(f, room, S("ann"), S("hi"))->link);
    f->store->ops->submit(f->store, &list);
    close_store(f);
    assert_int_equal(f->finished_count, COUNT);
    for (struct cf_list *node = f->finished.next; node != &f->finished; node = node->next)
        assert_int_equal(CF_LIST_ENTRY(node, struct cf_store_request, link)->error, CF_OK);
}

static const char *const fragments[] = {
    "'",
    "\"",
    "`",
    "';--",
    "'); DROP TABLE shop_messages; --",
    "?1",
    ":a",
    "@b",
    "$c",
    "%s%n",
    "NULL",
    "x'00'",
    "/*",
    "*/",
    ";",
    "\\",
    "\\'",
    "%",
    "_",
    "*",
    "[a-z]",
    "\xc2\xa0",
    "\n",
    "\t",
    "\x7f",
    "\xf0\x9f\x98\x80",
    "' OR 1=1 --",
    "1e999",
    "-0",
    "{\"a\":1}",
    "\xef\xbb\xbf",
    " ",
};

/* Payload i: one fragment, or two of them with a NUL between. */
static struct cf_slice payload(struct cf_arena *arena, size_t i)
{
    size_t count = CF_ARRAY_LEN(fragments);
    char bytes[128];
    size_t len;
    if (i < count) {
        len = strlen(fragments[i]);
        memcpy(bytes, fragments[i], len);
    } else {
        const char *left = fragments[i % count];
        const char *right = fragments[(i * 7 + i / count) % count];
        len = strlen(left);
        memcpy(bytes, left, len);
        bytes[len++] = i % 2 == 0 ? '\0' : 'x';
        memcpy(bytes + len, right, strlen(right));
        len += strlen(right);
    }
    len += cf_u64_format(i, bytes + len);
    struct cf_slice copy;
    assert_int_equal(cf_arena_copy(arena, cf_slice_of(bytes, len), &copy), CF_OK);
    return copy;
}

/* Hazard V22: values are bound, never SQL. 500 payloads in every text of every row. */
static void bytes_come_back_as_they_were(void **state)
{
    enum { COUNT = 500 };
    struct fixture *f = *state;
    open_sqlite(f);
    struct cf_arena arena;
    cf_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < COUNT; i++) {
        struct cf_slice bytes = payload(&arena, i);
        struct cf_store_request *create = make(f, CF_STORE_ROOM_CREATE, bytes);
        create->actor_name = bytes;
        create->room = uuid_of(++f->ids);
        create->name = bytes;
        assert_int_equal(run(f, create), CF_OK);
        struct cf_store_request *message = make_message(f, create->room, bytes, bytes);
        message->client_id = bytes;
        message->image = bytes;
        assert_int_equal(run(f, message), CF_OK);
        struct cf_store_request *retry = make_message(f, create->room, bytes, bytes);
        retry->client_id = bytes;
        retry->image = bytes;
        assert_int_equal(run(f, retry), CF_OK);
        assert_false(retry->created);
        const struct cf_message_row *row = get_message(f, bytes, message->message);
        assert_slice(row->author, bytes);
        assert_slice(row->author_name, bytes);
        assert_slice(row->text, bytes);
        assert_slice(row->image, bytes);
        struct cf_store_request *rooms = make(f, CF_STORE_ROOMS_OF, bytes);
        assert_int_equal(run(f, rooms), CF_OK);
        assert_int_equal(rooms->rooms_count, 1);
        assert_slice(rooms->rooms[0].name, bytes);
        assert_slice(rooms->rooms[0].created_by, bytes);
    }
    cf_arena_deinit(&arena);
    close_store(f);
    assert_int_equal(query_number(f, "SELECT count(*) FROM users"), COUNT);
    assert_int_equal(query_number(f, "SELECT count(*) FROM rooms"), COUNT);
    assert_int_equal(query_number(f, "SELECT count(*) FROM room_members"), COUNT);
    assert_int_equal(query_number(f, "SELECT count(*) FROM shop_messages"), COUNT);
}

static const struct CMUnitTest tests[] = {
    SOUND_CASE(data_survives_reopening),
    FILE_CASE(damage_is_found_after_an_unclean_stop),
    FILE_CASE(damage_met_while_running_is_fatal),
    SOUND_CASE(second_opener_is_refused),
    SOUND_CASE(file_locked_by_another),
    SOUND_CASE(open_of_a_locked_file),
    SOUND_CASE(lock_is_seen_to_go),
    SOUND_CASE(idle_store_cuts_its_wal_back),
    SOUND_CASE(wal_stays_small_under_load),
    SOUND_CASE(full_queues_refuse),
    SOUND_CASE(close_finishes_the_queue),
    SOUND_CASE(bytes_come_back_as_they_were),
};

int main(void)
{
    cf_log_install(&logged_sink);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
