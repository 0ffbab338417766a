#include "edge/store_sqlite/reader.h"

#include <string.h>

#include "base/log.h"
#include "edge/store_sqlite/read.h"
#include "edge/store_sqlite/text.h"

/* Reads of one transaction: enough to spare begins under load, few enough that readers share the
 * work and no snapshot holds up a checkpoint for long. */
enum { RUN_MAX = 16 };

static void report(struct cf_sqlite_reader *reader, int rc)
{
    cf_log(CF_LOG_ERROR, "Database read failed", CF_KV_CSTR("path", reader->shared->config.path),
           CF_KV_CSTR("error", sqlite3_errmsg(reader->db.handle)), CF_KV_INT("code", rc));
    if (!cf_sqlite_is_fatal(rc))
        return;
    atomic_store(&reader->shared->read_failed, true);
    cf_sqlite_queue_wake(&reader->shared->writes);
}

static void execute(struct cf_sqlite_reader *reader, struct cf_store_request *request)
{
    int rc = cf_sqlite_read(&reader->db, request);
    if (rc != SQLITE_OK) {
        report(reader, rc);
        request->error = rc == SQLITE_NOMEM ? CF_E_NOMEM : CF_E_UNAVAILABLE;
    }
    if (request->op == CF_STORE_CHECK && !atomic_load(&reader->shared->writable))
        request->error = CF_E_UNAVAILABLE;
    if (request->error != CF_OK)
        cf_store_request_refuse(request, request->error);
}

/* All of the run in one transaction, which begins after they were submitted: it sees every commit
 * that was handed over before. */
static void execute_run(struct cf_sqlite_reader *reader, struct cf_list *run)
{
    uint64_t reads = 0;
    int rc = cf_sqlite_db_run(&reader->db, CF_SQL_BEGIN);
    if (rc != SQLITE_OK)
        report(reader, rc);
    for (struct cf_list *node = run->next; node != run; node = node->next) {
        struct cf_store_request *request = CF_LIST_ENTRY(node, struct cf_store_request, link);
        if (request->error != CF_OK)
            continue; /* refused at submit, here only to be handed over */
        if (rc == SQLITE_OK)
            execute(reader, request);
        else
            cf_store_request_refuse(request, CF_E_UNAVAILABLE);
        reads++;
    }
    if (rc == SQLITE_OK)
        (void)cf_sqlite_db_run(&reader->db, CF_SQL_COMMIT);
    atomic_fetch_add(&reader->shared->reads_done, reads);
}

static void *run_reader(void *argument)
{
    struct cf_sqlite_reader *reader = argument;
    struct cf_sqlite_shared *shared = reader->shared;
    struct cf_list run;
    while (cf_sqlite_queue_take(&shared->reads, RUN_MAX, CF_MS_NEVER, &run)) {
        if (cf_list_empty(&run))
            continue;
        execute_run(reader, &run);
        shared->sink->done(shared->sink->context, &run);
    }
    return NULL;
}

enum cf_error cf_sqlite_reader_start(struct cf_sqlite_reader *reader,
                                     struct cf_sqlite_shared *shared, struct cf_buf *why)
{
    reader->shared = shared;
    enum cf_error error =
        cf_sqlite_db_open(&reader->db, shared->config.path, CF_SQLITE_READER, why);
    if (error != CF_OK)
        return error;
    int rc = pthread_create(&reader->thread, NULL, run_reader, reader);
    if (rc == 0)
        return CF_OK;
    cf_sqlite_why(why, "cannot start a reader thread: ", strerror(rc));
    cf_sqlite_db_close(&reader->db);
    return CF_E_NOMEM;
}

void cf_sqlite_reader_stop(struct cf_sqlite_reader *reader)
{
    (void)pthread_join(reader->thread, NULL);
    cf_sqlite_db_close(&reader->db);
}
