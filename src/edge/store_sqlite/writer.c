#include "edge/store_sqlite/writer.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "edge/store_sqlite/checkpoint.h"
#include "edge/store_sqlite/file.h"
#include "edge/store_sqlite/schema.h"
#include "edge/store_sqlite/text.h"
#include "edge/store_sqlite/wal.h"

enum {
    BATCH_MAX = 1024, /* requests in a transaction: bounds what waits for one fsync */
    RETRY_MS = 1000,  /* between two fresh connections in DOWN */
    IDLE_MS = 1000,   /* without a write, before the WAL is cut back */
    /* After an unclean stop the file is looked over, but only up to this size: the check reads
     * every page (about 4 ms a MiB when measured) and the server is to be up within 100 ms. WAL
     * recovery itself needs no check: its frames carry checksums. */
    QUICK_CHECK_BYTES_MAX = 16 * 1024 * 1024,
};

static int system_errno(const struct cf_sqlite_writer *writer)
{
    int error = sqlite3_system_errno(writer->db.handle);
    return error != 0 ? error : cf_sqlite_wal_errno(writer->db.handle);
}

/* Disk full, as far as the kernel says so without having lost anything: a failed fsync is not among
 * these whatever its errno is. */
static bool is_full(const struct cf_sqlite_writer *writer, int rc)
{
    if ((rc & 0xff) == SQLITE_FULL)
        return true;
    if (rc != SQLITE_IOERR_WRITE && rc != SQLITE_IOERR_SHMSIZE)
        return false;
    int error = system_errno(writer);
    return error == ENOSPC || error == EDQUOT;
}

static void describe_fault(struct cf_sqlite_writer *writer, int rc)
{
    (void)cf_sqlite_join(writer->fault, sqlite3_errmsg(writer->db.handle), " (SQLite ",
                         cf_sqlite_number(rc).text, ", errno ",
                         cf_sqlite_number(system_errno(writer)).text, ")");
}

static void say(const struct cf_sqlite_writer *writer, enum cf_log_level level, const char *what)
{
    cf_log(level, what, CF_KV_CSTR("path", writer->shared->config.path),
           CF_KV_CSTR("error", writer->fault));
}

static void go_up(struct cf_sqlite_writer *writer)
{
    if (writer->state == CF_SQLITE_UP)
        return;
    writer->state = CF_SQLITE_UP;
    atomic_store(&writer->shared->writable, true);
    (void)sqlite3_busy_timeout(writer->db.handle, CF_SQLITE_BUSY_TIMEOUT_MS);
    cf_log(CF_LOG_INFO, "Database takes writes again",
           CF_KV_CSTR("path", writer->shared->config.path));
}

static void go_locked(struct cf_sqlite_writer *writer)
{
    /* Who has waited out the lock once need not wait again for every batch. */
    (void)sqlite3_busy_timeout(writer->db.handle, 0);
    if (writer->state == CF_SQLITE_LOCKED)
        return;
    writer->state = CF_SQLITE_LOCKED;
    atomic_store(&writer->shared->writable, false);
    say(writer, CF_LOG_ERROR, "Database is locked by another process, writes are refused");
}

static void go_down(struct cf_sqlite_writer *writer, bool full)
{
    cf_sqlite_db_abandon(&writer->db);
    cf_sqlite_names_reset(&writer->names);
    writer->retry_at = cf_sqlite_now_ms() + RETRY_MS;
    if (writer->state == CF_SQLITE_DOWN)
        return;
    writer->state = CF_SQLITE_DOWN;
    atomic_store(&writer->shared->writable, false);
    say(writer, CF_LOG_ERROR,
        full ? "Disk full, writes are refused until there is room"
             : "Database write failed, writes are refused until one succeeds");
}

/* The answers must have been handed over. */
static void go_dead(struct cf_sqlite_writer *writer)
{
    cf_sqlite_db_abandon(&writer->db);
    writer->state = CF_SQLITE_DEAD;
    atomic_store(&writer->shared->writable, false);
    say(writer, CF_LOG_ERROR, "Database failed, the server has to end and recover");
    const struct cf_store_sqlite_config *config = &writer->shared->config;
    config->fatal(config->fatal_context, writer->fault);
}

/* A transaction or checkpoint has ended with this. */
static void settle(struct cf_sqlite_writer *writer, int rc)
{
    if (rc == SQLITE_OK) {
        go_up(writer);
        return;
    }
    bool locked = (rc & 0xff) == SQLITE_BUSY && sqlite3_get_autocommit(writer->db.handle) != 0;
    describe_fault(writer, rc);
    atomic_fetch_add(&writer->shared->failures, 1);
    if (locked)
        go_locked(writer);
    else if (is_full(writer, rc))
        go_down(writer, true);
    else if (cf_sqlite_is_fatal(rc))
        go_dead(writer);
    else
        go_down(writer, false);
}

static uint64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int64_t wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int commit(struct cf_sqlite_writer *writer)
{
    uint64_t began = now_us();
    int rc = cf_sqlite_db_run(&writer->db, CF_SQL_COMMIT);
    atomic_fetch_add(&writer->shared->commit_us, now_us() - began);
    if (rc == SQLITE_OK)
        atomic_fetch_add(&writer->shared->commits, 1);
    return rc;
}

static void show_counters(const struct cf_sqlite_writer *writer)
{
    atomic_store(&writer->shared->number, writer->counters.number);
    atomic_store(&writer->shared->stamp, writer->counters.clock.stamp);
}

static int execute_batch(struct cf_sqlite_writer *writer, struct cf_list *batch)
{
    int rc = cf_sqlite_db_run(&writer->db, CF_SQL_BEGIN_IMMEDIATE);
    uint64_t writes = 0;
    cf_sqlite_heads_reset(&writer->counters.heads);
    for (struct cf_list *node = batch->next; rc == SQLITE_OK && node != batch; node = node->next) {
        struct cf_store_request *request = CF_LIST_ENTRY(node, struct cf_store_request, link);
        rc = cf_sqlite_write(&writer->db, &writer->names, &writer->counters, request);
        if (request->error != CF_OK)
            cf_store_request_refuse(request, request->error);
        writes++;
    }
    if (rc == SQLITE_OK)
        rc = cf_sqlite_heads_write(&writer->db, &writer->counters.heads);
    if (rc == SQLITE_OK)
        rc = commit(writer);
    if (rc == SQLITE_OK)
        atomic_fetch_add(&writer->shared->writes_done, writes);
    show_counters(writer);
    return rc;
}

static void refuse_batch(struct cf_list *batch)
{
    for (struct cf_list *node = batch->next; node != batch; node = node->next)
        cf_store_request_refuse(CF_LIST_ENTRY(node, struct cf_store_request, link),
                                CF_E_UNAVAILABLE);
}

static void serve_batch(struct cf_sqlite_writer *writer, struct cf_list *batch)
{
    const struct cf_store_sink *sink = writer->shared->sink;
    bool open = writer->state == CF_SQLITE_UP || writer->state == CF_SQLITE_LOCKED;
    int rc = open ? execute_batch(writer, batch) : SQLITE_OK;
    if (!open || rc != SQLITE_OK)
        refuse_batch(batch);
    /* Before anybody can ask again whether it takes writes. */
    if (rc != SQLITE_OK)
        atomic_store(&writer->shared->writable, false);
    sink->done(sink->context, batch);
    if (!open)
        return;
    settle(writer, rc);
    if (rc == SQLITE_OK)
        settle(writer, cf_sqlite_checkpoint_after_batch(writer));
}

/* After an unclean stop, before anything is written. */
static enum cf_error look_over(struct cf_sqlite_writer *writer, struct cf_buf *why)
{
    const char *path = writer->shared->config.path;
    uint64_t bytes = cf_sqlite_file_bytes(path, "");
    bool check = bytes <= QUICK_CHECK_BYTES_MAX;
    cf_log(CF_LOG_WARN, "Database was not closed cleanly, recovered", CF_KV_CSTR("path", path),
           CF_KV_INT("bytes", bytes), CF_KV_CSTR("checked", check ? "yes" : "no, too large"));
    return check ? cf_sqlite_db_quick_check(&writer->db, path, why) : CF_OK;
}

static int read_highest(struct cf_sqlite_writer *writer, enum cf_sqlite_statement statement,
                        int64_t *highest)
{
    struct cf_sqlite_query query = cf_sqlite_query(&writer->db, statement);
    int64_t found = cf_sqlite_step(&query) ? cf_sqlite_column_int(&query, 0) : 0;
    if (found > *highest)
        *highest = found;
    return cf_sqlite_finish(&query);
}

/* Numbers that were given in a transaction that failed count no longer: nobody has been told. Of
 * stamps somebody may have: the highest is asked for at any time. It is the store's own, and never
 * that of a clock that may be set back before the next opening: clients take it for a cursor. Only
 * before the first one there is nothing that they could miss, and the time will do. */
static int read_counters(struct cf_sqlite_writer *writer)
{
    const struct {
        enum cf_sqlite_statement statement;
        int64_t *highest;
    } reads[] = {
        {CF_SQL_DIRECT_LAST_NUMBER, &writer->counters.number},
        {CF_SQL_GROUP_LAST_NUMBER, &writer->counters.number},
        {CF_SQL_MARK_LAST_NUMBER, &writer->counters.number},
        {CF_SQL_ORBITAL_EVENT_LAST_STAMP, &writer->counters.clock.stamp},
        {CF_SQL_ORBITAL_GROUP_LAST_STAMP, &writer->counters.clock.stamp},
    };
    int rc = SQLITE_OK;
    writer->counters.number = 0;
    for (size_t i = 0; rc == SQLITE_OK && i < CF_ARRAY_LEN(reads); i++)
        rc = read_highest(writer, reads[i].statement, reads[i].highest);
    if (writer->counters.clock.stamp == 0)
        writer->counters.clock.stamp = wall_ms();
    show_counters(writer);
    return rc;
}

/* Opens a fresh connection, looks the file over and makes sure of its WAL if it was not closed
 * cleanly, and proves that it can be committed to. */
static enum cf_error connect_writer(struct cf_sqlite_writer *writer, bool unclean,
                                    struct cf_buf *why)
{
    const char *path = writer->shared->config.path;
    enum cf_error error = cf_sqlite_db_open(&writer->db, path, CF_SQLITE_WRITER, why);
    if (error == CF_OK && unclean)
        error = look_over(writer, why);
    if (error != CF_OK)
        return error;
    cf_sqlite_checkpoint_watch(writer);
    int rc = unclean ? cf_sqlite_wal_rewrite(writer->db.handle) : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = read_counters(writer);
    if (rc == SQLITE_OK)
        rc = cf_sqlite_schema_touch(writer->db.handle);
    if (rc == SQLITE_OK)
        return CF_OK;
    describe_fault(writer, rc);
    cf_sqlite_why(why, "cannot write to ", path, ": ", writer->fault);
    return CF_E_IO;
}

static void retry(struct cf_sqlite_writer *writer)
{
    if (connect_writer(writer, false, NULL) == CF_OK) {
        go_up(writer);
        return;
    }
    if (writer->db.handle == NULL) {
        writer->retry_at = cf_sqlite_now_ms() + RETRY_MS;
        return;
    }
    int rc = sqlite3_extended_errcode(writer->db.handle);
    bool full = is_full(writer, rc);
    if (cf_sqlite_is_fatal(rc) && !full)
        go_dead(writer);
    else
        go_down(writer, full);
}

/* Without this a store that is refused traffic because it is locked would never see it unlocked. */
static void probe_lock(struct cf_sqlite_writer *writer)
{
    struct cf_list nothing;
    cf_list_init(&nothing);
    settle(writer, execute_batch(writer, &nothing));
}

/* What is due when no request is. */
static void tend(struct cf_sqlite_writer *writer, bool idle)
{
    if (writer->state != CF_SQLITE_DEAD && atomic_load(&writer->shared->read_failed)) {
        (void)cf_sqlite_join(writer->fault, "the database cannot be read");
        go_dead(writer);
    }
    if (writer->state == CF_SQLITE_DOWN && cf_sqlite_now_ms() >= writer->retry_at)
        retry(writer);
    else if (writer->state == CF_SQLITE_LOCKED && idle)
        probe_lock(writer);
    else if (writer->state == CF_SQLITE_UP && idle)
        settle(writer, cf_sqlite_checkpoint_idle(writer));
}

static cf_ms wait_ms(const struct cf_sqlite_writer *writer)
{
    if (writer->state == CF_SQLITE_DOWN) {
        cf_ms left = writer->retry_at - cf_sqlite_now_ms();
        return left > 0 ? left : 0;
    }
    if (writer->state == CF_SQLITE_LOCKED)
        return RETRY_MS;
    bool tidy = writer->state == CF_SQLITE_DEAD || writer->wal_pages == 0;
    return tidy ? CF_MS_NEVER : IDLE_MS;
}

static void *run_writer(void *argument)
{
    struct cf_sqlite_writer *writer = argument;
    struct cf_sqlite_queue *queue = &writer->shared->writes;
    struct cf_list batch;
    while (cf_sqlite_queue_take(queue, BATCH_MAX, wait_ms(writer), &batch)) {
        bool idle = cf_list_empty(&batch);
        if (!idle)
            serve_batch(writer, &batch);
        tend(writer, idle);
    }
    return NULL;
}

enum cf_error cf_sqlite_writer_start(struct cf_sqlite_writer *writer,
                                     struct cf_sqlite_shared *shared, struct cf_buf *why)
{
    writer->shared = shared;
    writer->state = CF_SQLITE_UP;
    cf_sqlite_names_init(&writer->names);
    /* A clean stop checkpoints the WAL and removes it; a crash leaves something in it. */
    bool unclean = cf_sqlite_file_bytes(shared->config.path, "-wal") > 0;
    enum cf_error error = connect_writer(writer, unclean, why);
    if (error == CF_OK)
        error = cf_sqlite_file_sync_folder(shared->config.path, why);
    if (error == CF_OK) {
        atomic_store(&shared->writable, true);
        int rc = pthread_create(&writer->thread, NULL, run_writer, writer);
        if (rc == 0)
            return CF_OK;
        cf_sqlite_why(why, "cannot start the writer thread: ", strerror(rc));
        error = CF_E_NOMEM;
    }
    cf_sqlite_db_abandon(&writer->db);
    return error;
}

void cf_sqlite_writer_join(struct cf_sqlite_writer *writer)
{
    (void)pthread_join(writer->thread, NULL);
}

void cf_sqlite_writer_close(struct cf_sqlite_writer *writer)
{
    if (writer->state == CF_SQLITE_DEAD)
        cf_sqlite_db_abandon(&writer->db);
    else
        cf_sqlite_db_close(&writer->db);
}
