/* Memory runs out under SQLite, and under the store around it: SQLite's own allocator is fault.c's.
 * A scenario of writes and reads is run once to count the allocations, and then with the i-th
 * failing, for all i.
 *
 * What is demanded: each request is answered CF_OK or CF_E_NOMEM, CF_E_UNAVAILABLE or CF_E_IO;
 * what was refused is not there, what was answered well is; with memory again the same store takes
 * writes (or, where it has called `fatal`, the next process's); the file is sound. */
#include "integration/store/fixture.h"
#include "oom/scenario.h"

enum { MESSAGES = 6 };

static void *sqlite_alloc(int bytes)
{
    size_t *block = fault_alloc((size_t)bytes + 16);
    if (block == NULL)
        return NULL;
    *block = (size_t)bytes;
    return (char *)block + 16;
}

static void *base_of(void *block)
{
    return (char *)block - 16;
}

static void sqlite_free(void *block)
{
    if (block != NULL)
        fault_free(base_of(block));
}

static void *sqlite_resize(void *block, int bytes)
{
    size_t *moved = fault_realloc(base_of(block), (size_t)bytes + 16);
    if (moved == NULL)
        return NULL;
    *moved = (size_t)bytes;
    return (char *)moved + 16;
}

static int sqlite_size(void *block)
{
    return block == NULL ? 0 : (int)*(size_t *)base_of(block);
}

static int sqlite_roundup(int bytes)
{
    return (bytes + 7) & ~7;
}

static int sqlite_begin(void *data)
{
    (void)data;
    return SQLITE_OK;
}

static void sqlite_end(void *data)
{
    (void)data;
}

static const sqlite3_mem_methods methods = {.xMalloc = sqlite_alloc,
                                            .xFree = sqlite_free,
                                            .xRealloc = sqlite_resize,
                                            .xSize = sqlite_size,
                                            .xRoundup = sqlite_roundup,
                                            .xInit = sqlite_begin,
                                            .xShutdown = sqlite_end};

/* ---- the scenario ---- */

struct play {
    struct fixture *f;
    struct cf_uuid room;
    bool said[MESSAGES], unknown[MESSAGES];
};

/* True when it went well; an answer that is no error of ours fails the test. */
static bool answered(struct scenario *s, struct play *p, struct cf_store_request *request)
{
    enum cf_error error = run(p->f, request);
    if (error == CF_OK)
        return true;
    scenario_note(s);
    if (error != CF_E_NOMEM && error != CF_E_UNAVAILABLE && error != CF_E_IO)
        fail_msg("operation %d was answered %s", (int)request->op, cf_error_name(error));
    return false;
}

static struct cf_store_request *prepared(struct play *p, enum cf_store_op op)
{
    fault_pause();
    struct cf_store_request *request = make(p->f, op, S("ann"));
    request->room = p->room;
    fault_resume();
    return request;
}

static struct cf_store_request *message_number(struct play *p, int i)
{
    static char ids[MESSAGES][8];
    struct cf_store_request *request = prepared(p, CF_STORE_MESSAGE_CREATE);
    request->message = uuid_of(1000 + (uint64_t)i);
    request->text = S("some words of a message");
    request->client_id = cf_slice_of(ids[i], (size_t)snprintf(ids[i], sizeof(ids[i]), "id %d", i));
    return request;
}

static void write_and_read(struct scenario *s, struct play *p)
{
    for (int i = 0; i < MESSAGES; i++) {
        struct cf_store_request *request = message_number(p, i);
        p->said[i] = answered(s, p, request);
        p->unknown[i] = request->error == CF_E_UNAVAILABLE || request->error == CF_E_IO;
    }
    struct cf_store_request *request = prepared(p, CF_STORE_MESSAGES_PAGE);
    request->page = 1;
    request->limit = 100;
    (void)answered(s, p, request);
    (void)answered(s, p, prepared(p, CF_STORE_ROOMS_OF));
    (void)answered(s, p, prepared(p, CF_STORE_MEMBERS_OF));
    request = prepared(p, CF_STORE_MEMBER_PUT);
    request->user = S("bob");
    request->role = CF_ROLE_MEMBER;
    (void)answered(s, p, request);
    request = prepared(p, CF_STORE_TALK_CREATE);
    request->talk_kind = CF_TALK_GROUP;
    request->name = S("title");
    (void)answered(s, p, request);
    request = prepared(p, CF_STORE_GROUP_CREATE);
    request->room = uuid_of(77);
    (void)answered(s, p, request);
}

/* With memory again: what was said is there once, what was refused is not, all can be said now. */
static void verify(struct play *p)
{
    for (int i = 0; i < MESSAGES; i++) {
        bool there = get_message(p->f, S("ann"), uuid_of(1000 + (uint64_t)i)) != NULL;
        if (!p->unknown[i])
            assert_int_equal(there, p->said[i]);
        struct cf_store_request *request = message_number(p, i);
        assert_int_equal(run(p->f, request), CF_OK);
        assert_int_equal(request->created, !there);
    }
    assert_int_equal(total_of(p->f, p->room, S("ann")), MESSAGES);
}

/* After a fatal error the process would have ended: the next one opens the file. */
static void go_on(struct play *p)
{
    if (p->f->fatals > 0 || p->f->store == NULL) {
        close_store(p->f);
        open_sqlite(p->f);
    }
    struct timespec moment = {.tv_nsec = 20000000};
    for (int i = 0; i < 200; i++) { /* a lost connection is opened anew once a second */
        struct cf_store_request *request = prepared(p, CF_STORE_USER_PUT);
        request->actor_name = S("Ann");
        if (run(p->f, request) == CF_OK)
            return;
        (void)nanosleep(&moment, NULL);
    }
    fail_msg("the store does not take writes any more");
}

static void finish(struct play *p)
{
    void *state = p->f;
    assert_int_equal(teardown_sound(&state), 0);
}

static struct fixture *new_file(void)
{
    void *state = NULL;
    assert_int_equal(setup_file(&state), 0);
    return state;
}

static long fatals;

static void store_works(struct scenario *s)
{
    struct play p = {.f = NULL};
    s->hides = true; /* SQLite goes on without some of its caches */
    fault_pause();
    p.f = new_file();
    open_sqlite(p.f);
    p.room = new_room(p.f, S("ann"));
    fault_resume();
    write_and_read(s, &p);
    fault_heal();
    fault_pause();
    fatals += p.f->fatals;
    go_on(&p);
    verify(&p);
    finish(&p);
    fault_resume();
}

static void store_opens(struct scenario *s)
{
    struct cf_buf why;
    struct play p = {.f = NULL};
    s->hides = true;
    fault_pause();
    p.f = new_file();
    fault_resume();
    cf_buf_init(&why, 4096);
    struct cf_store_sqlite_config config = sqlite_config(p.f);
    enum cf_error error = cf_store_sqlite_open(&config, &p.f->sink, &p.f->store, &why);
    fault_heal();
    cf_buf_deinit(&why);
    if (error != CF_OK) {
        assert_true(error == CF_E_NOMEM || error == CF_E_IO);
        assert_null(p.f->store);
        scenario_note(s);
    }
    fault_pause();
    go_on(&p);
    p.room = new_room(p.f, S("ann"));
    verify(&p);
    finish(&p);
    fault_resume();
}

static void store_migrates(struct scenario *s)
{
    void *state = NULL;
    struct cf_buf why;
    s->hides = true;
    fault_pause();
    assert_int_equal(setup_empty_dir(&state), 0);
    struct play p = {.f = state};
    fault_resume();
    cf_buf_init(&why, 4096);
    enum cf_error error = cf_store_sqlite_migrate(p.f->path, &why);
    if (error != CF_OK) {
        assert_true(error == CF_E_NOMEM || error == CF_E_IO);
        scenario_note(s);
    }
    cf_buf_deinit(&why);
    fault_heal();
    fault_pause();
    assert_int_equal(cf_store_sqlite_migrate(p.f->path, NULL), CF_OK);
    go_on(&p);
    p.room = new_room(p.f, S("ann"));
    verify(&p);
    finish(&p);
    fault_resume();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO_SOME(store_works, 12),
        SCENARIO_SOME(store_opens, 6),
        SCENARIO_SOME(store_migrates, 6),
    };
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
        return 1;
    int status = cmocka_run_group_tests_name("oom store", tests, NULL, NULL);
    printf("oom store_works: the store asked for the end of the process %ld times\n", fatals);
    return status;
}
