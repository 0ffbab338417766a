/* Submitters, readers and the writer of the SQLite store at once; made for ThreadSanitizer. Each
 * submitter is a thread with a sink mailbox of its own, as the server's workers are. */
#include "fixture.h"

#include <stdatomic.h>

enum { SUBMITTERS = 4, ROUNDS = 60, BATCH = 8 };

struct submitter {
    struct fixture *f;
    size_t number;
    struct cf_uuid room;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t some;
    struct cf_list inbox;
    size_t waiting;
    uint64_t written, last_seq;
    char name[16];
};

static atomic_uint_fast64_t next_id = 1;

/* The sink of them all: to each request's owner. */
static void deliver(void *context, struct cf_list *requests)
{
    (void)context;
    struct cf_list *node;
    while ((node = cf_list_pop_front(requests)) != NULL) {
        struct submitter *owner = CF_LIST_ENTRY(node, struct cf_store_request, link)->owner;
        (void)pthread_mutex_lock(&owner->lock);
        cf_list_push_back(&owner->inbox, node);
        owner->waiting--;
        (void)pthread_cond_signal(&owner->some);
        (void)pthread_mutex_unlock(&owner->lock);
    }
}

static struct cf_store_request *request_of(struct submitter *s, enum cf_store_op op)
{
    struct cf_store_request *request = cf_store_request_new(op);
    CF_ASSERT(request != NULL);
    request->owner = s;
    request->actor = cf_slice_cstr(s->name);
    request->actor_name = s->number % 2 == 0 ? request->actor : cf_slice_cstr("odd one");
    request->room = s->room;
    request->now = 1700000000000000;
    return request;
}

/* Submits and waits; the answers are in s->inbox then. Failures end the program: cmocka's asserts
 * are the main thread's. */
static void run_all(struct submitter *s, struct cf_list *list, size_t count)
{
    (void)pthread_mutex_lock(&s->lock);
    s->waiting = count;
    (void)pthread_mutex_unlock(&s->lock);
    s->f->store->ops->submit(s->f->store, list);
    (void)pthread_mutex_lock(&s->lock);
    while (s->waiting > 0)
        (void)pthread_cond_wait(&s->some, &s->lock);
    (void)pthread_mutex_unlock(&s->lock);
}

static void write_round(struct submitter *s)
{
    struct cf_list list;
    cf_list_init(&list);
    for (size_t i = 0; i < BATCH; i++) {
        struct cf_store_request *request = request_of(s, CF_STORE_MESSAGE_CREATE);
        request->message = uuid_of(1000 + atomic_fetch_add(&next_id, 1));
        request->text = cf_slice_cstr("hi");
        cf_list_push_back(&list, &request->link);
    }
    run_all(s, &list, BATCH);
    struct cf_list *node;
    while ((node = cf_list_pop_front(&s->inbox)) != NULL) {
        struct cf_store_request *request = CF_LIST_ENTRY(node, struct cf_store_request, link);
        CF_ASSERT(request->error == CF_OK && request->created);
        /* One submitter's writes come back in its order. */
        CF_ASSERT(request->messages[0].seq > s->last_seq);
        s->last_seq = request->messages[0].seq;
        s->written++;
        cf_store_request_free(request);
    }
}

/* What was handed over is seen by a read that is submitted after it. */
static void read_round(struct submitter *s)
{
    struct cf_list list;
    cf_list_init(&list);
    struct cf_store_request *request = request_of(s, CF_STORE_MESSAGES_PAGE);
    request->page = 1;
    request->limit = 100;
    cf_list_push_back(&list, &request->link);
    run_all(s, &list, 1);
    (void)cf_list_pop_front(&s->inbox);
    CF_ASSERT(request->error == CF_OK && request->messages_count > 0);
    const struct cf_message_row *rows = request->messages;
    size_t count = request->messages_count;
    CF_ASSERT(rows[count - 1].seq >= s->last_seq);
    for (size_t i = 1; i < count; i++)
        CF_ASSERT(rows[i].seq == rows[i - 1].seq + 1 && rows[i].created > rows[i - 1].created);
    cf_store_request_free(request);
}

static void *run_submitter(void *argument)
{
    struct submitter *s = argument;
    for (int round = 0; round < ROUNDS; round++) {
        write_round(s);
        read_round(s);
        struct cf_store_stats stats;
        s->f->store->ops->stats(s->f->store, &stats);
        CF_ASSERT(stats.writable);
    }
    return NULL;
}

static void many_threads(void **state)
{
    struct fixture *f = *state;
    open_sqlite(f);
    struct cf_uuid room = new_room(f, S("s0"));
    static struct submitter submitters[SUBMITTERS];
    for (size_t i = 0; i < SUBMITTERS; i++) {
        struct submitter *s = &submitters[i];
        *s = (struct submitter){.f = f, .number = i, .room = room};
        (void)snprintf(s->name, sizeof(s->name), "s%zu", i);
        cf_list_init(&s->inbox);
        assert_int_equal(pthread_mutex_init(&s->lock, NULL), 0);
        assert_int_equal(pthread_cond_init(&s->some, NULL), 0);
        if (i > 0)
            assert_int_equal(
                run(f, make_member(f, room, S("s0"), cf_slice_cstr(s->name), CF_ROLE_MEMBER)),
                CF_OK);
    }
    close_store(f);
    f->sink.done = deliver;
    open_sqlite(f);
    for (size_t i = 0; i < SUBMITTERS; i++)
        assert_int_equal(pthread_create(&submitters[i].thread, NULL, run_submitter, &submitters[i]),
                         0);
    for (size_t i = 0; i < SUBMITTERS; i++)
        assert_int_equal(pthread_join(submitters[i].thread, NULL), 0);
    struct cf_store_stats stats;
    f->store->ops->stats(f->store, &stats);
    assert_int_equal(stats.writes, SUBMITTERS * ROUNDS * BATCH);
    assert_int_equal(stats.reads, SUBMITTERS * ROUNDS);
    assert_int_equal(stats.failures, 0);
    assert_true(stats.commits <= stats.writes);
    f->sink.done = take_finished;
    free_finished(f);
    assert_int_equal(read_page(f, room, S("s0"), 1, 1)->total, SUBMITTERS * ROUNDS * BATCH);
}

/* Opening and closing with requests under way, again and again. */
static void open_and_close(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 20; round++) {
        open_sqlite(f);
        free_finished(f);
        struct cf_list list;
        cf_list_init(&list);
        for (int i = 0; i < 20; i++) {
            cf_list_push_back(&list, &make(f, CF_STORE_USER_PUT, S("ann"))->link);
            cf_list_push_back(&list, &make(f, CF_STORE_ROOMS_OF, S("ann"))->link);
        }
        f->store->ops->submit(f->store, &list);
        close_store(f);
        assert_int_equal(f->finished_count, 40);
    }
}

static const struct CMUnitTest tests[] = {
    {"many_threads", many_threads, setup_file, teardown_sound, NULL},
    {"open_and_close", open_and_close, setup_file, teardown_sound, NULL},
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
