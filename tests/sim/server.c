#include "sim/server.h"

#include <stdlib.h>
#include <string.h>

#include "auth/jwt.h"
#include "base/mutant.h"
#include "edge/store_mem/store_mem.h"
#include "server/parts.h"
#include "server/session.h"
#include "server/socket.h"
#include "server/text.h"
#include "server/worker.h"
#include "sim/calls.h"
#include "sim/net.h"
#include "json/writer.h"

extern char **environ;

struct sim_trouble trouble;

static const char secret[] = "the secret of every simulated run";

/* What outlives a process: the store's memory stands for what is on the disk. A commit changes it
 * at its end, whole, or not at all. */
struct disk {
    struct cf_store *memory;
    struct cf_list finished; /* what memory has handed over */
    struct cf_list journal;  /* copies of all writes that are on the disk; a mutant's */
    struct cf_list unsynced; /* and of those that it says are */
    uint8_t hash_key[16];
};

/* The process's way to its disk. */
struct way_to_disk {
    struct cf_store store;
    struct cf_list reads, writes; /* that wait */
    struct cf_list committing;
    struct sim_event read, commit;
    bool refused; /* the commit that runs is refused: the disk is full */
    bool unknown; /* its outcome will be unknown */
    bool told;    /* a mutant has done it, and told of it, already */
    bool failed;  /* one was: nothing is written any more, the process ends */
    bool dying;   /* nothing is done any more */
    int64_t full_until;
};

static struct disk disk;
static struct way_to_disk way;
static struct cf_config config;
static struct cf_server *server; /* NULL: there is no process */
static bool stopping;
static struct sim_event cut;

/* ---- the disk ---- */

static void take_finished(void *context, struct cf_list *requests)
{
    cf_list_splice_back(context, requests);
}

static void open_memory(void)
{
    static struct cf_store_sink sink = {take_finished, &disk.finished};
    disk.memory = cf_store_mem_open(&sink, disk.hash_key);
    CF_ASSERT(disk.memory != NULL);
}

static void hand_over(struct cf_list *requests)
{
    if (!cf_list_empty(requests))
        cf_server_store_done(server, requests);
}

static void execute(struct cf_list *requests)
{
    disk.memory->ops->submit(disk.memory, requests);
    cf_store_mem_step(disk.memory);
    cf_list_splice_back(requests, &disk.finished);
}

/* ---- a disk that lies: CF_MUTANT_ACK_BEFORE_COMMIT, _TOLD_BEFORE_COMMIT ---- */

static void copy_bytes(struct cf_store_request *copy, struct cf_slice *slice)
{
    if (slice->ptr != NULL)
        CF_ASSERT(cf_arena_copy(&copy->arena, *slice, slice) == CF_OK);
}

static void copy_array(struct cf_store_request *copy, void *array_pointer, size_t len)
{
    void **array = array_pointer;
    struct cf_slice bytes = cf_slice_of(*array, len);
    if (*array == NULL)
        return;
    *array = cf_arena_alloc(&copy->arena, len + 1);
    CF_ASSERT(*array != NULL);
    if (len > 0)
        memcpy(*array, bytes.ptr, len);
}

static struct cf_store_request *copy_of(const struct cf_store_request *request)
{
    struct cf_store_request *copy = cf_store_request_new(request->op);
    CF_ASSERT(copy != NULL);
    struct cf_arena arena = copy->arena;
    *copy = *request;
    copy->arena = arena;
    cf_list_init(&copy->link);
    struct cf_slice *slices[] = {
        &copy->actor, &copy->actor_name, &copy->user,  &copy->user_name, &copy->name,
        &copy->text,  &copy->client_id,  &copy->image, &copy->pid,       &copy->sid};
    for (size_t i = 0; i < CF_ARRAY_LEN(slices); i++)
        copy_bytes(copy, slices[i]);
    copy_array(copy, &copy->users, copy->users_count * sizeof(*copy->users));
    for (size_t i = 0; i < copy->users_count; i++)
        copy_bytes(copy, &copy->users[i]);
    copy_array(copy, &copy->uuids, copy->uuids_count * sizeof(*copy->uuids));
    return copy;
}

static void add_copies(const struct cf_list *requests, struct cf_list *out_copies)
{
    for (struct cf_list *node = requests->next; node != requests; node = node->next) {
        struct cf_store_request *copy = copy_of(CF_LIST_ENTRY(node, struct cf_store_request, link));
        cf_list_push_back(out_copies, &copy->link);
    }
}

static void free_all(struct cf_list *requests)
{
    for (struct cf_list *node; (node = cf_list_pop_front(requests)) != NULL;)
        cf_store_request_free(CF_LIST_ENTRY(node, struct cf_store_request, link));
}

/* After a kill only what was synced is there: it is done again from the beginning. */
static void forget_unsynced(void)
{
    struct cf_list again;
    if (cf_list_empty(&disk.unsynced))
        return;
    free_all(&disk.unsynced);
    disk.memory->ops->close(disk.memory);
    open_memory();
    cf_list_init(&again);
    add_copies(&disk.journal, &again);
    execute(&again);
    free_all(&again);
}

static void lie(struct cf_list *requests)
{
    struct cf_list done;
    cf_list_init(&done);
    cf_list_splice_back(&done, requests);
    add_copies(&done, &disk.unsynced);
    execute(&done);
    hand_over(&done);
}

/* CF_MUTANT_TOLD_BEFORE_COMMIT: who asked is answered when it is on the disk. */
static void tell_early(struct cf_list *requests)
{
    add_copies(requests, &disk.unsynced);
    execute(requests);
    for (struct cf_list *node = requests->next; node != requests; node = node->next) {
        struct cf_event *event;
        CF_ASSERT(cf_event_of(CF_LIST_ENTRY(node, struct cf_store_request, link), server->hash_key,
                              &event) == CF_OK);
        if (event != NULL)
            cf_server_publish(server, event);
    }
}

/* ---- what it does with writes and reads ---- */

static void make_unavailable(struct cf_list *requests)
{
    for (struct cf_list *node = requests->next; node != requests; node = node->next)
        CF_LIST_ENTRY(node, struct cf_store_request, link)->error = CF_E_UNAVAILABLE;
}

static void begin_commit(void)
{
    if (cf_list_empty(&way.writes) || way.commit.place != 0)
        return;
    int64_t takes = sim_between(trouble.commit_min, trouble.commit_max);
    cf_list_splice_back(&way.committing, &way.writes);
    if (sim_chance(trouble.slow))
        takes += sim_between(1, 8) * SIM_SECOND;
    if (sim_chance(trouble.full))
        way.full_until = sim.now + sim_between(1, 10) * SIM_SECOND;
    if (sim_chance(trouble.hold))
        sim_loop_hold((unsigned)sim_between(0, sim_loops_count() - 1),
                      sim_between(1, 500) * SIM_MS);
    way.refused = way.failed || sim.now < way.full_until;
    way.unknown = !way.refused && sim_chance(trouble.fail);
    sim_at(&way.commit, takes);
    if (CF_MUTANT(ACK_BEFORE_COMMIT) && !way.refused && !way.unknown)
        lie(&way.committing);
    way.told = CF_MUTANT(TOLD_BEFORE_COMMIT) && !way.refused && !way.unknown;
    if (way.told)
        tell_early(&way.committing);
}

static void on_commit(struct sim_event *event)
{
    struct cf_list done;
    (void)event;
    cf_list_init(&done);
    cf_list_splice_back(&done, &way.committing);
    cf_list_splice_back(&disk.journal, &disk.unsynced);
    if (!way.refused && !way.told && !(way.unknown && sim_chance(500)))
        execute(&done);
    if (way.refused || way.unknown) {
        sim_trace("disk: a commit %s", way.refused ? "is refused" : "whose outcome is unknown");
        make_unavailable(&done);
    }
    hand_over(&done);
    if (way.unknown) {
        way.failed = true;
        sim_server_stop(1 * SIM_SECOND); /* as the server does when its store has failed */
    }
    begin_commit();
}

static void on_read(struct sim_event *event)
{
    struct cf_list done;
    (void)event;
    cf_list_init(&done);
    cf_list_splice_back(&done, &way.reads);
    execute(&done);
    hand_over(&done);
}

static void submit(struct cf_store *store, struct cf_list *requests)
{
    (void)store;
    if (way.dying) {
        make_unavailable(requests);
        hand_over(requests);
        return;
    }
    for (struct cf_list *node; (node = cf_list_pop_front(requests)) != NULL;) {
        bool writes = cf_store_op_writes(CF_LIST_ENTRY(node, struct cf_store_request, link)->op);
        cf_list_push_back(writes ? &way.writes : &way.reads, node);
    }
    if (!cf_list_empty(&way.reads) && way.read.place == 0)
        sim_at(&way.read, sim_between(50, 5 * SIM_MS));
    begin_commit();
}

static void read_stats(struct cf_store *store, struct cf_store_stats *out_stats)
{
    (void)store;
    disk.memory->ops->stats(disk.memory, out_stats);
}

static void close_way(struct cf_store *store)
{
    (void)store;
    CF_ASSERT(cf_list_empty(&way.writes) && cf_list_empty(&way.committing));
    CF_ASSERT(cf_list_empty(&way.reads));
}

static const struct cf_store_ops way_ops = {
    .name = "sim", .submit = submit, .stats = read_stats, .close = close_way};

static void open_way(void)
{
    way = (struct way_to_disk){
        .store = {&way_ops}, .read = {.happen = on_read}, .commit = {.happen = on_commit}};
    cf_list_init(&way.reads);
    cf_list_init(&way.writes);
    cf_list_init(&way.committing);
}

/* A commit that was under way may have got to the disk; nobody is told. */
static void cut_way(void)
{
    struct cf_list lost;
    cf_list_init(&lost);
    sim_cancel(&way.read);
    sim_cancel(&way.commit);
    cf_list_splice_back(&lost, &way.committing);
    if (!cf_list_empty(&lost) && !way.refused && !way.told && sim_chance(500)) {
        sim_trace("disk: the last commit was made, and nobody told");
        execute(&lost);
    }
    cf_list_splice_back(&lost, &way.writes);
    cf_list_splice_back(&lost, &way.reads);
    forget_unsynced();
    make_unavailable(&lost);
    way.dying = true;
    hand_over(&lost);
}

/* ---- the process ---- */

static void fill(void *context, uint8_t *out, size_t len)
{
    (void)context;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)sim_random();
}

static void order_workers(enum cf_order order)
{
    for (size_t w = 0; w < server->workers_count; w++)
        cf_worker_order(server->workers[w], order);
}

static bool is_done(void)
{
    for (size_t w = 0; w < server->workers_count; w++) {
        const struct cf_worker *worker = server->workers[w];
        if (worker->sessions_count > 0 || worker->jobs_running > 0 || worker->works > 0 ||
            worker->socket_slots.count > 0)
            return false;
    }
    return true;
}

static void finish(void)
{
    cf_parts_close(server);
    free(server);
    server = NULL;
    sim_cancel(&cut);
    stopping = false;
}

static void on_cut(struct sim_event *event)
{
    (void)event;
    order_workers(CF_ORDER_CUT);
}

static void start(void)
{
    struct cf_entropy entropy = {fill, NULL};
    struct cf_buf why;
    cf_buf_init(&why, 4096);
    sim_trace("server: starts");
    cf_store_mem_reopened(disk.memory);
    server = calloc(1, sizeof(*server));
    CF_ASSERT(server != NULL);
    CF_ASSERT(cf_parts_open_core(server, &config, &entropy, &why) == CF_OK);
    cf_buf_deinit(&why);
    open_way();
    cf_parts_set_store(server, &way.store);
}

/* What it still does, until its memory is given back, reaches nobody. */
void sim_server_kill(void)
{
    sim_trace("server: is killed");
    sim_net_server_died();
    for (unsigned i = 0; i < sim_loops_count(); i++)
        sim_loop_hold(i, 0);
    cut_way();
    order_workers(CF_ORDER_DRAIN);
    sim_loops_run();
    order_workers(CF_ORDER_CUT);
    sim_loops_run();
    CF_ASSERT(is_done());
    finish();
}

void sim_server_stop(int64_t wait)
{
    if (stopping)
        return;
    sim_trace("server: is told to stop");
    stopping = true;
    order_workers(CF_ORDER_DRAIN);
    sim_at(&cut, wait);
}

bool sim_server_start_if_ended(void)
{
    if (server == NULL)
        start();
    return sim_server_is_up();
}

bool sim_server_is_up(void)
{
    return server != NULL && !stopping;
}

bool sim_server_accept(int fd)
{
    if (!sim_server_is_up())
        return false;
    size_t w = (size_t)sim_between(0, (int64_t)server->workers_count - 1);
    cf_session_accept(server->workers[w], fd);
    return true;
}

void sim_server_run(void)
{
    sim_loops_run();
    if (server != NULL && stopping && is_done())
        finish();
}

/* ---- a run ---- */

void sim_server_begin(unsigned workers)
{
    static char *nothing[] = {NULL};
    struct cf_buf why;
    environ = nothing; /* the defaults, whatever the machine has set */
    cf_buf_init(&why, 4096);
    CF_ASSERT(cf_config_load(&config, NULL, &why) == CF_OK);
    cf_buf_deinit(&why);
    config.workers = workers;
    config.jwt_secret = secret;
    config.orbital_attempts_per_minute = 0;
    config.ws_attempts_per_minute = 1000;
    config.ws_send_buffer = 6;
    fill(NULL, disk.hash_key, sizeof(disk.hash_key));
    cf_list_init(&disk.finished);
    cf_list_init(&disk.journal);
    cf_list_init(&disk.unsynced);
    open_memory();
    cut.happen = on_cut;
    start();
}

void sim_server_end(void)
{
    if (server != NULL)
        sim_server_kill();
    free_all(&disk.journal);
    free_all(&disk.unsynced);
    disk.memory->ops->close(disk.memory);
    cf_config_deinit(&config);
}

struct cf_store *sim_server_store(void)
{
    return disk.memory;
}

const struct cf_server *sim_server_get(void)
{
    return server;
}

struct cf_slice sim_server_token(const char *user, int64_t ttl_s)
{
    static struct cf_buf token;
    struct cf_buf claims;
    struct cf_json_writer w;
    cf_buf_init(&claims, 1024);
    cf_buf_release(&token);
    cf_buf_init(&token, 8192);
    cf_json_writer_init(&w, &claims);
    cf_json_object_begin(&w);
    cf_json_member_string(&w, "user_id", cf_slice_cstr(user));
    cf_json_member_i64(&w, "exp", (sim.now + sim.wall_offset) / SIM_SECOND + ttl_s);
    cf_json_object_end(&w);
    CF_ASSERT(cf_json_writer_finish(&w) == CF_OK);
    CF_ASSERT(cf_jwt_sign(cf_slice_cstr(secret), cf_buf_peek(&claims), &token) == CF_OK);
    cf_buf_deinit(&claims);
    return cf_buf_peek(&token);
}
