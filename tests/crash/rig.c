#include "crash/rig.h"

#include <string.h>

#include "crash/machine.h"
#include "edge/store_mem/store_mem.h"
#include "edge/store_sqlite/store_sqlite.h"

static void lock(struct rig *rig)
{
    CF_ASSERT(pthread_mutex_lock(&rig->lock) == 0);
}

static void unlock(struct rig *rig)
{
    CF_ASSERT(pthread_mutex_unlock(&rig->lock) == 0);
}

static enum rig_outcome outcome_of(const struct cf_list *requests)
{
    size_t unavailable = 0;
    size_t count = 0;
    for (struct cf_list *node = requests->next; node != requests; node = node->next) {
        count++;
        unavailable +=
            CF_LIST_ENTRY(node, struct cf_store_request, link)->error == CF_E_UNAVAILABLE;
    }
    if (unavailable == 0)
        return RIG_OUTCOME_OK;
    return unavailable == count ? RIG_OUTCOME_UNKNOWN : RIG_OUTCOME_MIXED;
}

static void take(void *context, struct cf_list *requests)
{
    struct rig *rig = context;
    lock(rig);
    if (rig->writing && !rig->mem)
        disk_mark(machine_disk(),
                  outcome_of(requests) == RIG_OUTCOME_OK ? RIG_ACKNOWLEDGED : RIG_UNKNOWN,
                  rig->number);
    for (struct cf_list *node; (node = cf_list_pop_front(requests)) != NULL;) {
        cf_list_push_back(&rig->finished, node);
        rig->finished_count++;
    }
    (void)pthread_cond_broadcast(&rig->handed_over);
    unlock(rig);
}

static void note_fatal(void *context, const char *why)
{
    struct rig *rig = context;
    CF_ASSERT(why != NULL);
    lock(rig);
    if (rig->fatals++ == 0)
        rig->fatal_at = disk_now(machine_disk());
    unlock(rig);
}

void rig_init(struct rig *rig)
{
    *rig = (struct rig){.sink = {take, rig}};
    CF_ASSERT(pthread_mutex_init(&rig->lock, NULL) == 0);
    CF_ASSERT(pthread_cond_init(&rig->handed_over, NULL) == 0);
    cf_list_init(&rig->finished);
}

void rig_deinit(struct rig *rig)
{
    rig_close(rig);
    (void)pthread_mutex_destroy(&rig->lock);
    (void)pthread_cond_destroy(&rig->handed_over);
}

static void keep_why(struct rig *rig, struct cf_buf *why)
{
    size_t len = why->len < sizeof(rig->why) ? why->len : sizeof(rig->why) - 1;
    if (len > 0)
        memcpy(rig->why, why->ptr, len);
    rig->why[len] = '\0';
    cf_buf_deinit(why);
}

/* As the server begins: it makes a database where there is none, and touches no schema else. */
bool rig_open(struct rig *rig)
{
    const struct cf_store_sqlite_config config = {
        .path = MACHINE_FOLDER RIG_DATABASE,
        .readers = 1,
        .queue_max = 1000,
        .fatal = note_fatal,
        .fatal_context = rig,
    };
    struct cf_buf why;
    cf_buf_init(&why, 4096);
    machine_boot();
    unsigned version = 0;
    enum cf_error error = cf_store_sqlite_inspect(config.path, &version, &why);
    if (error == CF_OK && version == 0)
        error = cf_store_sqlite_migrate(config.path, &why);
    if (error == CF_OK)
        error = cf_store_sqlite_open(&config, &rig->sink, &rig->store, &why);
    /* Its first wait, by which the machine knows the writer: opening has left something in the WAL.
     */
    if (error == CF_OK)
        machine_settle();
    else
        rig->store = NULL;
    keep_why(rig, &why);
    return error == CF_OK;
}

bool rig_migrate(struct rig *rig)
{
    struct cf_buf why;
    cf_buf_init(&why, 4096);
    enum cf_error error = cf_store_sqlite_migrate(MACHINE_FOLDER RIG_DATABASE, &why);
    keep_why(rig, &why);
    return error == CF_OK;
}

void rig_open_mem(struct rig *rig)
{
    rig->mem = true;
    rig->store = cf_store_mem_open(&rig->sink, (const uint8_t *)"0123456789abcdef");
    CF_ASSERT(rig->store != NULL);
}

void rig_close(struct rig *rig)
{
    if (rig->store != NULL)
        rig->store->ops->close(rig->store);
    rig->store = NULL;
}

static size_t count_of(const struct cf_list *list)
{
    size_t count = 0;
    for (struct cf_list *node = list->next; node != list; node = node->next)
        count++;
    return count;
}

/* Submits all and waits for them; they are in rig->finished then. */
static void run(struct rig *rig, struct cf_list *requests)
{
    size_t count = count_of(requests);
    rig->finished_count = 0;
    rig->store->ops->submit(rig->store, requests);
    if (rig->mem)
        cf_store_mem_step(rig->store);
    lock(rig);
    while (rig->finished_count < count)
        CF_ASSERT(pthread_cond_wait(&rig->handed_over, &rig->lock) == 0);
    unlock(rig);
    if (!rig->mem)
        machine_settle();
}

static void collect(struct rig *rig, struct text *out_text, size_t *out_ok)
{
    for (struct cf_list *node; (node = cf_list_pop_front(&rig->finished)) != NULL;) {
        struct cf_store_request *request = CF_LIST_ENTRY(node, struct cf_store_request, link);
        *out_ok += request->error == CF_OK;
        text_append_answer(out_text, request);
        cf_store_request_free(request);
    }
}

enum rig_outcome rig_batch(struct rig *rig, const struct workload *workload, uint64_t number,
                           struct text *out_answers, size_t *out_ok)
{
    struct cf_list requests;
    cf_list_init(&requests);
    workload_batch(workload, number, &requests);
    if (!rig->mem)
        disk_mark(machine_disk(), RIG_SUBMITTED, number);
    rig->writing = true;
    rig->number = number;
    run(rig, &requests);
    rig->writing = false;
    enum rig_outcome outcome = outcome_of(&rig->finished);
    text_reset(out_answers);
    *out_ok = 0;
    collect(rig, out_answers, out_ok);
    return outcome;
}

void rig_show(struct rig *rig, struct text *out_shown)
{
    struct cf_list requests;
    cf_list_init(&requests);
    workload_reads(&requests);
    run(rig, &requests);
    size_t ok = 0;
    text_reset(out_shown);
    collect(rig, out_shown, &ok);
}

enum cf_error rig_check(struct rig *rig)
{
    struct cf_list requests;
    cf_list_init(&requests);
    struct cf_store_request *request = cf_store_request_new(CF_STORE_CHECK);
    CF_ASSERT(request != NULL);
    cf_list_push_back(&requests, &request->link);
    run(rig, &requests);
    cf_list_remove(&request->link);
    enum cf_error error = request->error;
    cf_store_request_free(request);
    return error;
}

static struct disk *make_disk(void)
{
    struct disk *fresh = disk_new();
    struct rig rig;
    rig_init(&rig);
    machine_mount(fresh, 0);
    CF_ASSERT(rig_open(&rig));
    rig_deinit(&rig);
    struct disk *settled = disk_settled(fresh);
    disk_free(fresh);
    return settled;
}

struct disk *rig_new_disk(void)
{
    static struct disk *made;
    if (made == NULL)
        made = make_disk();
    return disk_settled(made);
}

bool rig_has_wal(struct disk *disk)
{
    int wal = disk_find(disk, RIG_DATABASE "-wal");
    return wal != DISK_NO_FILE && disk_size(disk, wal) > 0;
}

bool rig_is_mark(const struct disk_op *op, enum rig_mark mark)
{
    return op->kind == DISK_MARK && op->mark == (int)mark;
}
