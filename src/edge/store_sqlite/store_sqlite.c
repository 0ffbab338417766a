#include "edge/store_sqlite/store_sqlite.h"

#include <stdlib.h>
#include <string.h>

#include "edge/store_sqlite/file.h"
#include "edge/store_sqlite/reader.h"
#include "edge/store_sqlite/text.h"
#include "edge/store_sqlite/writer.h"

enum { READERS_MAX = 16 };

struct cf_store_sqlite {
    struct cf_store store;
    struct cf_sqlite_shared shared;
    char *path;
    int lock_fd;
    bool writer_started;
    unsigned readers_started;
    struct cf_sqlite_writer writer;
    struct cf_sqlite_reader readers[READERS_MAX];
};

static struct cf_store_sqlite *from_store(struct cf_store *store)
{
    return CF_CONTAINER_OF(store, struct cf_store_sqlite, store);
}

/* What found no room is refused by way of the readers, who are never held up by a disk. */
static void refuse(struct cf_store_sqlite *sqlite, struct cf_list *requests)
{
    for (struct cf_list *node = requests->next; node != requests; node = node->next)
        cf_store_request_refuse(CF_LIST_ENTRY(node, struct cf_store_request, link),
                                CF_E_UNAVAILABLE);
    if (!cf_list_empty(requests))
        cf_sqlite_queue_give(&sqlite->shared.reads, requests, SIZE_MAX);
}

static void submit(struct cf_store *store, struct cf_list *requests)
{
    struct cf_store_sqlite *sqlite = from_store(store);
    size_t max = sqlite->shared.config.queue_max;
    struct cf_list reads, writes;
    cf_list_init(&reads);
    cf_list_init(&writes);
    struct cf_list *node;
    while ((node = cf_list_pop_front(requests)) != NULL) {
        struct cf_store_request *request = CF_LIST_ENTRY(node, struct cf_store_request, link);
        request->error = CF_OK;
        cf_list_push_back(cf_store_op_writes(request->op) ? &writes : &reads, node);
    }
    if (!cf_list_empty(&writes))
        cf_sqlite_queue_give(&sqlite->shared.writes, &writes, max);
    if (!cf_list_empty(&reads))
        cf_sqlite_queue_give(&sqlite->shared.reads, &reads, max);
    refuse(sqlite, &writes);
    refuse(sqlite, &reads);
}

static void read_stats(struct cf_store *store, struct cf_store_stats *out_stats)
{
    struct cf_sqlite_shared *shared = &from_store(store)->shared;
    *out_stats = (struct cf_store_stats){
        .commits = atomic_load(&shared->commits),
        .writes = atomic_load(&shared->writes_done),
        .reads = atomic_load(&shared->reads_done),
        .failures = atomic_load(&shared->failures),
        .queued = cf_sqlite_queue_count(&shared->writes),
        .commit_us = atomic_load(&shared->commit_us),
        .database_bytes = cf_sqlite_file_bytes(shared->config.path, ""),
        .wal_bytes = cf_sqlite_file_bytes(shared->config.path, "-wal"),
        .number = atomic_load(&shared->number),
        .stamp = atomic_load(&shared->stamp),
        .writable = atomic_load(&shared->writable),
    };
}

/* Also takes down what a failed open has put up so far. The writer's connection is the last to
 * close, so that it leaves a file without a WAL behind. */
static void close_store(struct cf_store *store)
{
    struct cf_store_sqlite *sqlite = from_store(store);
    cf_sqlite_queue_close(&sqlite->shared.writes);
    if (sqlite->writer_started)
        cf_sqlite_writer_join(&sqlite->writer);
    cf_sqlite_queue_close(&sqlite->shared.reads);
    for (unsigned i = 0; i < sqlite->readers_started; i++)
        cf_sqlite_reader_stop(&sqlite->readers[i]);
    if (sqlite->writer_started)
        cf_sqlite_writer_close(&sqlite->writer);
    cf_sqlite_file_unlock(sqlite->lock_fd);
    cf_sqlite_queue_deinit(&sqlite->shared.writes);
    cf_sqlite_queue_deinit(&sqlite->shared.reads);
    free(sqlite->path);
    free(sqlite);
}

static const struct cf_store_ops ops = {
    .name = "sqlite",
    .submit = submit,
    .stats = read_stats,
    .close = close_store,
};

/* Without file, connections and threads. NULL without memory. */
static struct cf_store_sqlite *new_store(const struct cf_store_sqlite_config *config,
                                         const struct cf_store_sink *sink)
{
    struct cf_store_sqlite *sqlite = calloc(1, sizeof(*sqlite));
    if (sqlite == NULL)
        return NULL;
    size_t path_bytes = strlen(config->path) + 1;
    sqlite->path = malloc(path_bytes);
    if (sqlite->path == NULL)
        goto no_path;
    memcpy(sqlite->path, config->path, path_bytes);
    sqlite->store.ops = &ops;
    sqlite->lock_fd = -1;
    sqlite->shared.config = *config;
    sqlite->shared.config.path = sqlite->path;
    sqlite->shared.sink = sink;
    if (cf_sqlite_queue_init(&sqlite->shared.writes) != CF_OK)
        goto no_writes;
    if (cf_sqlite_queue_init(&sqlite->shared.reads) != CF_OK)
        goto no_reads;
    return sqlite;

no_reads:
    cf_sqlite_queue_deinit(&sqlite->shared.writes);
no_writes:
    free(sqlite->path);
no_path:
    free(sqlite);
    return NULL;
}

static enum cf_error start(struct cf_store_sqlite *sqlite, struct cf_buf *why)
{
    const struct cf_store_sqlite_config *config = &sqlite->shared.config;
    enum cf_error error = cf_sqlite_file_lock(config->path, &sqlite->lock_fd, why);
    if (error != CF_OK)
        return error;
    if (cf_sqlite_file_bytes(config->path, "") == 0) {
        cf_sqlite_why(why, "there is no database at ", config->path, "; migrate it first");
        return CF_E_STATE;
    }
    error = cf_sqlite_writer_start(&sqlite->writer, &sqlite->shared, why);
    if (error != CF_OK)
        return error;
    sqlite->writer_started = true;
    while (sqlite->readers_started < config->readers) {
        error =
            cf_sqlite_reader_start(&sqlite->readers[sqlite->readers_started], &sqlite->shared, why);
        if (error != CF_OK)
            return error;
        sqlite->readers_started++;
    }
    return CF_OK;
}

enum cf_error cf_store_sqlite_open(const struct cf_store_sqlite_config *config,
                                   const struct cf_store_sink *sink, struct cf_store **out_store,
                                   struct cf_buf *why)
{
    CF_ASSERT(config->readers >= 1 && config->readers <= READERS_MAX);
    CF_ASSERT(config->fatal != NULL);
    struct cf_store_sqlite *sqlite = new_store(config, sink);
    if (sqlite == NULL) {
        cf_sqlite_why(why, "out of memory");
        return CF_E_NOMEM;
    }
    enum cf_error error = start(sqlite, why);
    if (error != CF_OK) {
        close_store(&sqlite->store);
        return error;
    }
    *out_store = &sqlite->store;
    return CF_OK;
}
