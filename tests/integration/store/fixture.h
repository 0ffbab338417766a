/* One store under test, and the shortest way to put a request through it. Every request that was
 * run belongs to the fixture and goes with it. */
#ifndef CF_TESTS_STORE_FIXTURE_H
#define CF_TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "edge/store_mem/store_mem.h"
#include "edge/store_sqlite/store_sqlite.h"

struct fixture {
    struct cf_store *store;
    bool mem;
    struct cf_store_sink sink;
    pthread_mutex_t lock;
    pthread_cond_t handed_over;
    struct cf_list finished;
    size_t finished_count;
    char dir[64], path[96]; /* sqlite */
    int fatals;
    uint64_t ids;
    cf_us clock;
};

#define S(literal) CF_LIT(literal)
#define NO_CLIENT_ID ((struct cf_slice){NULL, 0})

static inline void take_finished(void *context, struct cf_list *requests)
{
    struct fixture *f = context;
    (void)pthread_mutex_lock(&f->lock);
    struct cf_list *node;
    while ((node = cf_list_pop_front(requests)) != NULL) {
        cf_list_push_back(&f->finished, node);
        f->finished_count++;
    }
    (void)pthread_cond_broadcast(&f->handed_over);
    (void)pthread_mutex_unlock(&f->lock);
}

static inline void note_fatal(void *context, const char *why)
{
    struct fixture *f = context;
    assert_non_null(why);
    (void)pthread_mutex_lock(&f->lock);
    f->fatals++;
    (void)pthread_cond_broadcast(&f->handed_over);
    (void)pthread_mutex_unlock(&f->lock);
}

static inline struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->sink = (struct cf_store_sink){take_finished, f};
    assert_int_equal(pthread_mutex_init(&f->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&f->handed_over, NULL), 0);
    cf_list_init(&f->finished);
    f->clock = 1700000000000000;
    return f;
}

static inline struct cf_store_sqlite_config sqlite_config(struct fixture *f)
{
    return (struct cf_store_sqlite_config){
        .path = f->path,
        .readers = 2,
        .queue_max = 100000,
        .fatal = note_fatal,
        .fatal_context = f,
    };
}

/* Opens f->path; fails the test if that does not work. */
static inline void open_sqlite(struct fixture *f)
{
    struct cf_buf why;
    cf_buf_init(&why, 4096);
    struct cf_store_sqlite_config config = sqlite_config(f);
    enum cf_error error = cf_store_sqlite_open(&config, &f->sink, &f->store, &why);
    if (error != CF_OK)
        print_error("open: %.*s\n", (int)why.len, (const char *)why.ptr);
    assert_int_equal(error, CF_OK);
    cf_buf_deinit(&why);
}

static inline void close_store(struct fixture *f)
{
    if (f->store != NULL)
        f->store->ops->close(f->store);
    f->store = NULL;
}

/* From here on it is another process, as far as the store keeps anything beyond one. */
static inline void reopen(struct fixture *f)
{
    if (f->mem)
        return;
    close_store(f);
    open_sqlite(f);
}

static inline void make_dir(struct fixture *f)
{
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/confab-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof(f->path), "%s/confab.db", f->dir);
}

static inline int setup_mem(void **state)
{
    struct fixture *f = fixture_new();
    f->mem = true;
    f->store = cf_store_mem_open(&f->sink, (const uint8_t *)"0123456789abcdef");
    *state = f;
    return f->store == NULL;
}

/* An empty folder. */
static inline int setup_empty_dir(void **state)
{
    struct fixture *f = fixture_new();
    make_dir(f);
    *state = f;
    return 0;
}

/* A folder with a migrated, closed database in it. */
static inline int setup_file(void **state)
{
    struct fixture *f = fixture_new();
    make_dir(f);
    *state = f;
    return cf_store_sqlite_migrate(f->path, NULL) != CF_OK;
}

static inline int setup_sqlite(void **state)
{
    if (setup_file(state) != 0)
        return 1;
    open_sqlite(*state);
    return 0;
}

static inline void free_finished(struct fixture *f)
{
    struct cf_list *node;
    while ((node = cf_list_pop_front(&f->finished)) != NULL)
        cf_store_request_free(CF_LIST_ENTRY(node, struct cf_store_request, link));
    f->finished_count = 0;
}

static inline void remove_file(const struct fixture *f, const char *suffix)
{
    char name[128];
    (void)snprintf(name, sizeof(name), "%s%s", f->path, suffix);
    (void)unlink(name);
}

/* The single number that a query on the closed file answers. */
static inline int64_t query_number(const struct fixture *f, const char *sql)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open_v2(f->path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(handle);
    return number;
}

/* The messages of both kinds of conversation as one table. */
#define ALL_SAID                                                                 \
    "(SELECT 0 AS kind, id, conversation, seq, sender, created_us FROM messages" \
    " UNION ALL SELECT 1, id, conversation, seq, sender, created_us FROM group_messages)"

/* Whatever a test did, the file is sound afterwards and its counters count right. */
static inline void verify_file(const struct fixture *f)
{
    static const char *const queries[] = {
        "SELECT integrity_check <> 'ok' FROM pragma_integrity_check",
        "SELECT count(*) FROM pragma_foreign_key_check",
        "SELECT count(*) FROM rooms r WHERE member_count <>"
        " (SELECT count(*) FROM room_members m WHERE m.room = r.key)",
        "SELECT count(*) FROM rooms r WHERE message_count <>"
        " (SELECT count(*) FROM shop_messages m WHERE m.room = r.key AND m.deleted = 0)",
        "SELECT count(*) FROM rooms r WHERE last_seq <>"
        " (SELECT count(*) FROM shop_messages m WHERE m.room = r.key)",
        "SELECT count(*) FROM rooms r WHERE last_seq <>"
        " (SELECT coalesce(max(abs(seq)), 0) FROM shop_messages m WHERE m.room = r.key)",
        "SELECT count(*) FROM (SELECT created_us, lag(created_us)"
        " OVER (PARTITION BY room ORDER BY abs(seq)) AS earlier FROM shop_messages)"
        " WHERE created_us <= earlier",
        "SELECT count(*) FROM shop_messages WHERE (seq < 0) <> deleted OR seq = 0",
        "SELECT (SELECT count(*) FROM shop_gaps) <> count(*) FROM (SELECT room, -seq / 1024 AS"
        " block, count(*) AS gone FROM shop_messages WHERE deleted = 1 GROUP BY 1, 2"
        " INTERSECT SELECT room, block, gone FROM shop_gaps)",
        "SELECT (SELECT count(*) FROM shop_messages WHERE deleted = 1) <> coalesce(sum(gone), 0)"
        " FROM shop_gaps",
        "SELECT count(*) FROM conversations c WHERE last_seq <> (SELECT count(*) FROM " ALL_SAID
        " a WHERE a.kind = c.kind AND a.conversation = c.id)",
        "SELECT count(*) FROM " ALL_SAID " a WHERE NOT EXISTS"
        " (SELECT 1 FROM conversations c WHERE c.id = a.conversation AND c.kind = a.kind)",
        "SELECT count(*) FROM conversations c WHERE last_seq <>"
        " (SELECT coalesce(max(a.seq), 0) FROM " ALL_SAID " a WHERE a.conversation = c.id)",
        "SELECT count(*) FROM " ALL_SAID " a JOIN " ALL_SAID " b ON b.conversation = a.conversation"
        " AND b.seq = a.seq + 1 WHERE b.created_us <= a.created_us OR b.id <= a.id",
        "SELECT count(*) - count(DISTINCT number) FROM (SELECT id AS number FROM " ALL_SAID
        " UNION ALL SELECT number FROM marks)",
        "SELECT count(*) FROM marks m WHERE NOT EXISTS (SELECT 1 FROM " ALL_SAID " a"
        " WHERE a.id = m.message AND a.conversation = m.conversation AND a.sender = m.author"
        " AND a.sender <> m.user AND a.id < m.number)",
        "SELECT count(*) FROM conversations c WHERE kind = 0 AND 2 <>"
        " (SELECT count(*) FROM participants p WHERE p.conversation = c.id)",
        "SELECT count(*) FROM orbital_groups g WHERE member_count <>"
        " (SELECT count(*) FROM orbital_members m WHERE m.room = g.key)",
        "SELECT count(*) FROM orbital_groups g WHERE media_bytes <> (SELECT coalesce(sum(size), 0)"
        " FROM orbital_media m WHERE m.room = g.key AND m.state <> 2)",
        "SELECT count(*) FROM orbital_groups g WHERE last_stamp <> max(created_stamp,"
        " coalesce((SELECT max(stamp) FROM orbital_events e WHERE e.room = g.key), 0))",
        "SELECT count(*) FROM (SELECT stamp, lag(stamp) OVER (ORDER BY key) AS earlier"
        " FROM orbital_events) WHERE stamp < earlier",
        "SELECT count(*) FROM (SELECT stamp, lag(stamp) OVER (PARTITION BY room ORDER BY key)"
        " AS earlier FROM orbital_events) WHERE stamp <= earlier",
        "SELECT count(*) FROM orbital_media m WHERE state = 1 AND NOT EXISTS (SELECT 1"
        " FROM orbital_events e WHERE e.key = m.event AND e.id = m.id AND e.kind = 8"
        " AND e.room = m.room AND e.size = m.size AND e.expires_us = m.expires_us)",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(queries); i++)
        assert_int_equal(query_number(f, queries[i]), 0);
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    close_store(f);
    free_finished(f);
    if (!f->mem) {
        remove_file(f, "");
        remove_file(f, "-wal");
        remove_file(f, "-shm");
        remove_file(f, ".lock");
        (void)rmdir(f->dir);
    }
    (void)pthread_mutex_destroy(&f->lock);
    (void)pthread_cond_destroy(&f->handed_over);
    free(f);
    return 0;
}

/* Waits, 30 s at most, for `count` requests in all to have come back. */
static inline void wait_finished(struct fixture *f, size_t count)
{
    if (f->mem)
        cf_store_mem_step(f->store);
    struct timespec deadline;
    (void)clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 30;
    (void)pthread_mutex_lock(&f->lock);
    int rc = 0;
    while (rc == 0 && f->finished_count < count)
        rc = pthread_cond_timedwait(&f->handed_over, &f->lock, &deadline);
    (void)pthread_mutex_unlock(&f->lock);
    assert_int_equal(rc, 0);
}

/* Submits all of the list and waits until they are back. */
static inline void run_list(struct fixture *f, struct cf_list *requests)
{
    (void)pthread_mutex_lock(&f->lock);
    size_t count = f->finished_count;
    (void)pthread_mutex_unlock(&f->lock);
    for (struct cf_list *node = requests->next; node != requests; node = node->next)
        count++;
    f->store->ops->submit(f->store, requests);
    wait_finished(f, count);
}

static inline enum cf_error run(struct fixture *f, struct cf_store_request *request)
{
    struct cf_list list;
    cf_list_init(&list);
    cf_list_push_back(&list, &request->link);
    run_list(f, &list);
    return request->error;
}

static inline struct cf_uuid uuid_of(uint64_t number)
{
    struct cf_uuid uuid = {{0x01, 0x8f}};
    for (size_t i = 0; i < 8; i++)
        uuid.bytes[15 - i] = (uint8_t)(number >> (8 * i));
    return uuid;
}

/* A request of this actor, a second after the last one. */
static inline struct cf_store_request *make(struct fixture *f, enum cf_store_op op,
                                            struct cf_slice actor)
{
    struct cf_store_request *request = cf_store_request_new(op);
    assert_non_null(request);
    request->actor = actor;
    request->now = f->clock += 1000000;
    return request;
}

static inline struct cf_store_request *make_message(struct fixture *f, struct cf_uuid room,
                                                    struct cf_slice actor, struct cf_slice text)
{
    struct cf_store_request *request = make(f, CF_STORE_MESSAGE_CREATE, actor);
    request->room = room;
    request->message = uuid_of(++f->ids);
    request->text = text;
    return request;
}

/* A request on one message. */
static inline struct cf_store_request *make_on(struct fixture *f, enum cf_store_op op,
                                               struct cf_slice actor, struct cf_uuid message)
{
    struct cf_store_request *request = make(f, op, actor);
    request->message = message;
    return request;
}

/* A new room whose admin is the actor. */
static inline struct cf_uuid new_room(struct fixture *f, struct cf_slice actor)
{
    struct cf_store_request *request = make(f, CF_STORE_ROOM_CREATE, actor);
    request->room = uuid_of(++f->ids);
    request->name = S("a shop");
    assert_int_equal(run(f, request), CF_OK);
    return request->room;
}

static inline struct cf_store_request *make_member(struct fixture *f, struct cf_uuid room,
                                                   struct cf_slice actor, struct cf_slice user,
                                                   enum cf_role role)
{
    struct cf_store_request *request = make(f, CF_STORE_MEMBER_PUT, actor);
    request->room = room;
    request->user = user;
    request->role = role;
    return request;
}

static inline struct cf_uuid new_message(struct fixture *f, struct cf_uuid room,
                                         struct cf_slice actor, struct cf_slice text)
{
    struct cf_store_request *request = make_message(f, room, actor, text);
    assert_int_equal(run(f, request), CF_OK);
    assert_true(request->created);
    return request->message;
}

static inline struct cf_store_request *read_page(struct fixture *f, struct cf_uuid room,
                                                 struct cf_slice actor, uint32_t page,
                                                 uint32_t limit)
{
    struct cf_store_request *request = make(f, CF_STORE_MESSAGES_PAGE, actor);
    request->room = room;
    request->page = page;
    request->limit = limit;
    (void)run(f, request);
    return request;
}

static inline struct cf_store_request *read_since(struct fixture *f, struct cf_uuid room,
                                                  struct cf_slice actor, cf_us since,
                                                  uint32_t limit)
{
    struct cf_store_request *request = make(f, CF_STORE_MESSAGES_SINCE, actor);
    request->room = room;
    request->since = since;
    request->limit = limit;
    (void)run(f, request);
    return request;
}

/* The message as MESSAGE_GET gives it; NULL when it is E_NOT_FOUND. */
static inline const struct cf_message_row *get_message(struct fixture *f, struct cf_slice actor,
                                                       struct cf_uuid message)
{
    struct cf_store_request *request = make_on(f, CF_STORE_MESSAGE_GET, actor, message);
    enum cf_error error = run(f, request);
    if (error == CF_E_NOT_FOUND) {
        assert_int_equal(request->messages_count, 0);
        return NULL;
    }
    assert_int_equal(error, CF_OK);
    assert_int_equal(request->messages_count, 1);
    return &request->messages[0];
}

/* A room of ann (admin), bob and cid. */
static inline struct cf_uuid room_of_three(struct fixture *f)
{
    struct cf_uuid room = new_room(f, S("ann"));
    assert_int_equal(run(f, make_member(f, room, S("ann"), S("bob"), CF_ROLE_MEMBER)), CF_OK);
    assert_int_equal(run(f, make_member(f, room, S("ann"), S("cid"), CF_ROLE_MEMBER)), CF_OK);
    return room;
}

/* What a page says of the whole room. */
static inline uint64_t total_of(struct fixture *f, struct cf_uuid room, struct cf_slice actor)
{
    return read_page(f, room, actor, 1, 1)->total;
}

#define assert_slice(actual, expected)                                      \
    do {                                                                    \
        struct cf_slice actual_ = (actual), expected_ = (expected);         \
        assert_int_equal(actual_.len, expected_.len);                       \
        if (expected_.len > 0)                                              \
            assert_memory_equal(actual_.ptr, expected_.ptr, expected_.len); \
    } while (0)

#define assert_uuid(actual, expected) assert_memory_equal((actual).bytes, (expected).bytes, 16)

static inline int teardown_sound(void **state)
{
    struct fixture *f = *state;
    close_store(f);
    verify_file(f);
    return teardown(state);
}

/* The cases whose name matches STORE_TESTS ("mem: *"), or without that all. */
#define run_contract(tests) \
    (cmocka_set_test_filter(getenv("STORE_TESTS")), cmocka_run_group_tests(tests, NULL, NULL))

/* The case once for each store. */
#define CONTRACT(function)                                                 \
    {"mem: " #function, function, setup_mem, teardown, NULL},              \
    {                                                                      \
        "sqlite: " #function, function, setup_sqlite, teardown_sound, NULL \
    }

#endif
