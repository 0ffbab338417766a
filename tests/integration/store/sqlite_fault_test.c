/* The SQLite store when the disk fails or the process dies. What holds throughout: a message that
 * was answered CF_OK is there afterwards, one that is there was answered CF_OK or UNAVAILABLE, and
 * a retry with the same client id makes it exactly one. */
#include "fixture.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "faulty_vfs.h"
#include "group_fixture.h"
#include "logged.h"
#include "talk_fixture.h"

enum { MESSAGES_MAX = 4096 };

/* What the sender knows: the outcome of message i, whose id is uuid_of(BASE + i). */
enum { BASE = 1000000 };

static struct cf_store_request *numbered(struct fixture *f, struct cf_uuid room, size_t i,
                                         struct cf_slice text)
{
    struct cf_store_request *request = make_message(f, room, S("ann"), text);
    request->message = uuid_of(BASE + i);
    char number[20];
    size_t len = cf_u64_format(i, number);
    assert_int_equal(cf_arena_copy(&request->arena, cf_slice_of(number, len), &request->client_id),
                     CF_OK);
    return request;
}

static struct cf_uuid start_room(struct fixture *f)
{
    open_sqlite(f);
    return new_room(f, S("ann"));
}

/* Reads every message of the room and checks it against the outcomes; then retries all. */
static void check_outcomes(struct fixture *f, struct cf_uuid room, const enum cf_error *outcomes,
                           size_t count, struct cf_slice text)
{
    for (size_t i = 0; i < count; i++) {
        bool there = get_message(f, S("ann"), uuid_of(BASE + i)) != NULL;
        if (outcomes[i] == CF_OK)
            assert_true(there);
        else
            assert_int_equal(outcomes[i], CF_E_UNAVAILABLE);
        struct cf_store_request *retry = numbered(f, room, i, text);
        assert_int_equal(run(f, retry), CF_OK);
        assert_int_equal(retry->created, !there);
        assert_uuid(retry->messages[0].id, uuid_of(BASE + i));
        free_finished(f);
    }
    assert_int_equal(read_page(f, room, S("ann"), 1, 1)->total, count);
}

/* The k-th sync after the opening fails, whatever it belongs to: a commit, or a checkpoint. */
static void fail_sync(struct fixture *f, int k)
{
    enum { BATCHES = 12, BATCH = 3, TEXT_BYTES = 400000 };
    static uint8_t bytes[TEXT_BYTES];
    memset(bytes, 'x', sizeof(bytes));
    struct cf_slice text = cf_slice_of(bytes, sizeof(bytes));
    struct cf_uuid room = start_room(f);
    enum cf_error outcomes[BATCHES * BATCH];
    bool failed = false;
    atomic_store(&sync_countdown, k);
    for (size_t i = 0; i < BATCHES; i++) {
        struct cf_store_request *requests[BATCH];
        struct cf_list list;
        cf_list_init(&list);
        for (size_t j = 0; j < BATCH; j++) {
            requests[j] = numbered(f, room, i * BATCH + j, text);
            cf_list_push_back(&list, &requests[j]->link);
        }
        run_list(f, &list);
        for (size_t j = 0; j < BATCH; j++)
            outcomes[i * BATCH + j] = requests[j]->error;
        /* Nothing is acknowledged any more once something was not. */
        assert_true(!failed || requests[0]->error == CF_E_UNAVAILABLE);
        failed = failed || requests[0]->error != CF_OK;
        free_finished(f);
    }
    assert_true(failed);
    assert_int_equal(run(f, make(f, CF_STORE_CHECK, S(""))), CF_E_UNAVAILABLE);
    assert_int_equal(read_page(f, room, S("ann"), 1, 1)->error, CF_OK);
    close_store(f);
    assert_int_equal(f->fatals, 1);
    assert_int_equal(atomic_load(&sync_countdown), 0);

    open_sqlite(f);
    check_outcomes(f, room, outcomes, BATCHES * BATCH, text);
}

static void failing_sync(void **state)
{
    (void)state;
    for (int k = 1; k <= 12; k++) {
        void *fresh;
        assert_int_equal(setup_file(&fresh), 0);
        fail_sync(fresh, k);
        assert_int_equal(teardown_sound(&fresh), 0);
    }
}

/* A sync that fails while the store opens: it says so, and the next opening is good. */
static void failing_sync_at_open(void **state)
{
    struct fixture *f = *state;
    struct cf_buf why;
    cf_buf_init(&why, 4096);
    struct cf_store_sqlite_config config = sqlite_config(f);
    atomic_store(&sync_countdown, 1);
    assert_int_equal(cf_store_sqlite_open(&config, &f->sink, &f->store, &why), CF_E_IO);
    assert_true(why.len > 0);
    assert_int_equal(atomic_load(&sync_countdown), 0);
    cf_buf_deinit(&why);
    (void)start_room(f);
}

/* Writes until the store takes them again; each try waits for its answer, so this is no spinning.
 */
static void write_until_ok(struct fixture *f, struct cf_uuid room)
{
    time_t end = time(NULL) + 20;
    while (run(f, make_message(f, room, S("ann"), S("hi"))) != CF_OK) {
        assert_true(time(NULL) < end);
        free_finished(f);
    }
}

/* What was answered CF_OK has been synced: one sync at least for each commit, one for a batch. */
static void every_commit_is_synced(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = start_room(f);
    for (int i = 0; i < 20; i++) {
        int before = atomic_load(&syncs);
        (void)new_message(f, room, S("ann"), S("hi"));
        assert_true(atomic_load(&syncs) > before);
    }
    /* Nothing to sync where nothing was stored. */
    int before = atomic_load(&syncs);
    assert_int_equal(run(f, make_message(f, room, S("eve"), S("hi"))), CF_E_NOT_MEMBER);
    assert_int_equal(atomic_load(&syncs), before);
}

/* Numbers that went down with a failed batch have been told to nobody: what is stored later, and
 * what a socket joined at, is counted on from what is in the file, now and after a restart. */
static void numbers_after_a_full_disk(void **state)
{
    struct fixture *f = *state;
    open_sqlite(f);
    int64_t talk = new_group(f, S("ann"), S("bob"));
    int64_t last = say(f, talk, S("ann"));
    (void)open_socket(f, S("p"), S("bob"));
    atomic_store(&disk_full, true);
    for (int i = 0; i < 10; i++)
        assert_refused(send_with(f, talk, S("ann"), S("lost"), NO_CLIENT_ID), CF_E_UNAVAILABLE);
    atomic_store(&disk_full, false);
    time_t end = time(NULL) + 20;
    while (run(f, make(f, CF_STORE_USER_PUT, S("ann"))) != CF_OK)
        assert_true(time(NULL) < end);
    int64_t joined = join_talk(f, S("p"), S("bob"), talk);
    assert_int_equal(joined, last);
    reopen(f);
    int64_t next = say(f, talk, S("ann"));
    assert_true(next > joined);
    assert_messages(recover(f, S("p"), S("bob"), -1), NUMBERS(next));
    struct cf_store_request *read = read_talk(f, talk, S("bob"), CF_TALK_NEWEST, 0, 10);
    assert_messages(read, NUMBERS(last, next));
    assert_int_equal(read->talk_messages[1].seq, 2);
}

/* Somebody may have been told of a stamp that went down with its batch, as the highest there is: it
 * is not given again, and none before it. */
static void stamps_after_a_full_disk(void **state)
{
    struct fixture *f = *state;
    open_sqlite(f);
    f->clock = YEAR_2100;
    struct cf_uuid group = group_of(f, S("ann"));
    struct cf_store_request *lost = make_post(f, CF_GROUP_MESSAGE, group, S("ann"), S("dGV4dA=="));
    lost->now = YEAR_2100 + 60000000;
    lost->client_id = S("c1");
    atomic_store(&disk_full, true);
    assert_int_equal(run(f, lost), CF_E_UNAVAILABLE);
    assert_int_equal(lost->group_events_count, 0);
    atomic_store(&disk_full, false);
    int64_t told = stamp_of(f);
    time_t end = time(NULL) + 20;
    while (run(f, make(f, CF_STORE_USER_PUT, S("ann"))) != CF_OK)
        assert_true(time(NULL) < end);
    assert_int_equal(read_all(f, S("ann"))->group_events_count, 0);
    assert_true(stamp_of(f) >= told);
    struct cf_store_request *retry = make_post(f, CF_GROUP_MESSAGE, group, S("ann"), S("dGV4dA=="));
    retry->client_id = S("c1");
    assert_int_equal(run(f, retry), CF_OK);
    assert_true(retry->created);
    assert_true(retry->group_events[0].stamp >= told);
    assert_int_equal(stamp_of(f), retry->group_events[0].stamp);
}

static void full_disk_by_vfs(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = start_room(f);
    struct cf_uuid kept = new_message(f, room, S("ann"), S("kept"));
    reset_logged();
    atomic_store(&disk_full, true);
    for (int i = 0; i < 50; i++) {
        struct cf_store_request *request = make_message(f, room, S("ann"), S("hi"));
        request->actor_name = S("Ann");
        assert_int_equal(run(f, request), CF_E_UNAVAILABLE);
    }
    assert_slice(get_message(f, S("ann"), kept)->author_name, S("ann"));
    assert_int_equal(run(f, make(f, CF_STORE_CHECK, S(""))), CF_E_UNAVAILABLE);
    assert_int_equal(read_page(f, room, S("ann"), 1, 1)->error, CF_OK);
    struct cf_store_stats stats;
    f->store->ops->stats(f->store, &stats);
    assert_false(stats.writable);
    assert_int_equal(count_logged("Disk full"), 1);
    assert_int_equal(f->fatals, 0);
    assert_slice(get_message(f, S("ann"), kept)->text, S("kept"));
    atomic_store(&disk_full, false);
    write_until_ok(f, room);
    assert_int_equal(count_logged("takes writes again"), 1);
    assert_int_equal(read_page(f, room, S("ann"), 1, 1)->total, 2);
    /* The name that went down with a failed batch does not count as stored. */
    struct cf_store_request *named = make_message(f, room, S("ann"), S("hi"));
    named->actor_name = S("Ann");
    assert_int_equal(run(f, named), CF_OK);
    assert_slice(get_message(f, S("ann"), kept)->author_name, S("Ann"));
    assert_int_equal(run(f, make(f, CF_STORE_CHECK, S(""))), CF_OK);
}

/* The same on a real file system that is full. */
static void full_disk_by_tmpfs(void **state)
{
    struct fixture *f = *state;
    char root[] = "/tmp/confab-full-XXXXXX";
    assert_non_null(mkdtemp(root));
    if (mount("tmpfs", root, "tmpfs", 0, "size=4m") != 0) {
        (void)rmdir(root);
        skip(); /* needs the right to mount */
    }
    (void)snprintf(f->path, sizeof(f->path), "%s/confab.db", root);
    assert_int_equal(cf_store_sqlite_migrate(f->path, NULL), CF_OK);
    struct cf_uuid room = start_room(f);
    reset_logged();
    static uint8_t bytes[10000];
    memset(bytes, 'x', sizeof(bytes));
    struct cf_slice text = cf_slice_of(bytes, sizeof(bytes));
    static enum cf_error outcomes[MESSAGES_MAX];
    size_t count = 0;
    while (count == 0 || outcomes[count - 1] == CF_OK) {
        assert_true(count < MESSAGES_MAX);
        outcomes[count] = run(f, numbered(f, room, count, text));
        count++;
        free_finished(f);
    }
    assert_true(count > 10);
    assert_int_equal(mount("tmpfs", root, "tmpfs", MS_REMOUNT, "size=64m"), 0);
    size_t total = (size_t)read_page(f, room, S("ann"), 1, 1)->total;
    write_until_ok(f, room);
    assert_true(count_logged("Disk full") > 0);
    struct cf_uuid extra = uuid_of(f->ids);
    assert_true(read_page(f, room, S("ann"), 1, 1)->total > total);
    assert_int_equal(run(f, make_on(f, CF_STORE_MESSAGE_DELETE, S("ann"), extra)), CF_OK);
    check_outcomes(f, room, outcomes, count, text);
    assert_int_equal(f->fatals, 0);
    close_store(f);
    verify_file(f);
    assert_int_equal(umount(root), 0);
    (void)rmdir(root);
}

/* No memory for SQLite: nothing is fatal, and it passes. */
static void memory_runs_out(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = start_room(f);
    struct cf_uuid kept = new_message(f, room, S("ann"), S("kept"));
    static uint8_t bytes[1000000];
    memset(bytes, 'x', sizeof(bytes));
    (void)sqlite3_hard_heap_limit64(sqlite3_memory_used() + 1000);
    assert_int_equal(run(f, make_message(f, room, S("ann"), cf_slice_of(bytes, sizeof(bytes)))),
                     CF_E_UNAVAILABLE);
    (void)sqlite3_hard_heap_limit64(0);
    (void)sqlite3_soft_heap_limit64(0); /* which the hard one had lowered */
    write_until_ok(f, room);
    assert_non_null(get_message(f, S("ann"), kept));
    assert_int_equal(read_page(f, room, S("ann"), 1, 1)->total, 2);
    assert_int_equal(f->fatals, 0);
}

/* In the child: messages in batches of 1 to 8 until it is killed; each acknowledged number goes
 * down the pipe. */
static void write_until_killed(struct fixture *f, struct cf_uuid room, size_t first, int pipe_end)
{
    open_sqlite(f);
    for (size_t i = first; i < MESSAGES_MAX;) {
        uint32_t numbers[8];
        struct cf_list list;
        cf_list_init(&list);
        size_t batch = i % 8 + 1;
        for (size_t j = 0; j < batch; j++) {
            numbers[j] = (uint32_t)(i + j);
            cf_list_push_back(&list, &numbered(f, room, i + j, S("hi"))->link);
        }
        run_list(f, &list);
        for (struct cf_list *node = f->finished.next; node != &f->finished; node = node->next)
            if (CF_LIST_ENTRY(node, struct cf_store_request, link)->error != CF_OK)
                _exit(1);
        if (write(pipe_end, numbers, batch * sizeof(numbers[0])) < 0)
            _exit(1);
        free_finished(f);
        i += batch;
    }
    _exit(0);
}

/* Kills the child after it has acknowledged `acks` messages more; returns the highest number
 * acknowledged, plus one. */
static size_t kill_after(pid_t child, int pipe_end, size_t acks, size_t first)
{
    size_t acknowledged = first;
    uint32_t number;
    while (read(pipe_end, &number, sizeof(number)) == (ssize_t)sizeof(number)) {
        acknowledged = number + 1;
        if (acknowledged == first + acks)
            assert_int_equal(kill(child, SIGKILL), 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return acknowledged;
}

static void killed_while_writing(void **state)
{
    enum { ROUNDS = 5 };
    struct fixture *f = *state;
    struct cf_uuid room = start_room(f);
    close_store(f);
    size_t next = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            write_until_killed(f, room, next, ends[1]);
        (void)close(ends[1]);
        size_t acknowledged = kill_after(child, ends[0], 37 + 61 * round, next);
        (void)close(ends[0]);

        open_sqlite(f);
        size_t total = (size_t)read_page(f, room, S("ann"), 1, 1)->total;
        /* All that was acknowledged, and at most the batch that was under way beside it. */
        assert_in_range(total, acknowledged, acknowledged + 8);
        for (size_t i = next; i < acknowledged + 8; i++) {
            bool there = get_message(f, S("ann"), uuid_of(BASE + i)) != NULL;
            assert_int_equal(there, i < total);
            struct cf_store_request *retry = numbered(f, room, i, S("hi"));
            assert_int_equal(run(f, retry), CF_OK);
            assert_int_equal(retry->created, !there);
        }
        next = acknowledged + 8;
        close_store(f);
        free_finished(f);
        verify_file(f);
    }
}

static const struct CMUnitTest tests[] = {
    {"killed_while_writing", killed_while_writing, setup_file, teardown_sound, NULL},
    {"failing_sync", failing_sync, NULL, NULL, NULL},
    {"failing_sync_at_open", failing_sync_at_open, setup_file, teardown_sound, NULL},
    {"every_commit_is_synced", every_commit_is_synced, setup_file, teardown_sound, NULL},
    {"memory_runs_out", memory_runs_out, setup_file, teardown_sound, NULL},
    {"full_disk_by_vfs", full_disk_by_vfs, setup_file, teardown_sound, NULL},
    {"numbers_after_a_full_disk", numbers_after_a_full_disk, setup_file, teardown_sound, NULL},
    {"stamps_after_a_full_disk", stamps_after_a_full_disk, setup_file, teardown_sound, NULL},
    {"full_disk_by_tmpfs", full_disk_by_tmpfs, setup_empty_dir, teardown, NULL},
};

int main(void)
{
    cf_log_install(&logged_sink);
    if (install_faulty_vfs() != SQLITE_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
