#include "edge/store_mem/store_mem.h"

#include <stdlib.h>
#include <string.h>

#include "edge/store_mem/groups.h"
#include "edge/store_mem/talks.h"

static struct mem_store *from_store(struct cf_store *store)
{
    return CF_CONTAINER_OF(store, struct mem_store, store);
}

static void submit(struct cf_store *store, struct cf_list *requests)
{
    struct mem_store *mem = from_store(store);
    struct cf_list *node;
    while ((node = cf_list_pop_front(requests)) != NULL) {
        struct cf_store_request *request = CF_LIST_ENTRY(node, struct cf_store_request, link);
        mem->stats.queued += cf_store_op_writes(request->op);
        cf_list_push_back(&mem->queue, node);
    }
}

static void read_stats(struct cf_store *store, struct cf_store_stats *out_stats)
{
    *out_stats = from_store(store)->stats;
    out_stats->number = (int64_t)from_store(store)->events_count;
    out_stats->stamp = from_store(store)->clock.stamp;
}

static void close_store(struct cf_store *store)
{
    struct mem_store *mem = from_store(store);
    cf_store_mem_step(store);
    cf_mem_groups_deinit(mem);
    cf_mem_talks_deinit(mem);
    cf_mem_tables_deinit(mem);
    free(mem);
}

static const struct cf_store_ops ops = {
    .name = "mem",
    .submit = submit,
    .stats = read_stats,
    .close = close_store,
};

struct cf_store *cf_store_mem_open(const struct cf_store_sink *sink, const uint8_t hash_key[16])
{
    struct mem_store *mem = calloc(1, sizeof(*mem));
    if (mem == NULL)
        return NULL;
    mem->store.ops = &ops;
    mem->sink = sink;
    mem->stats.writable = true;
    cf_list_init(&mem->queue);
    memcpy(mem->hash_key, hash_key, sizeof(mem->hash_key));
    cf_mem_tables_init(mem);
    cf_mem_talks_init(mem);
    cf_mem_groups_init(mem);
    return &mem->store;
}

static void execute(struct mem_store *mem, struct cf_store_request *request)
{
    request->error = CF_OK;
    if (!cf_store_op_writes(request->op)) {
        mem->stats.reads++;
        cf_mem_read(mem, request);
    } else if (!mem->stats.writable) {
        mem->stats.failures++;
        request->error = CF_E_UNAVAILABLE;
    } else {
        mem->stats.writes++;
        cf_mem_write(mem, request);
    }
    if (request->error != CF_OK)
        cf_store_request_refuse(request, request->error);
}

void cf_store_mem_step(struct cf_store *store)
{
    struct mem_store *mem = from_store(store);
    struct cf_list batch;
    cf_list_init(&batch);
    cf_list_splice_back(&batch, &mem->queue);
    if (cf_list_empty(&batch))
        return;
    uint64_t writes_before = mem->stats.writes;
    for (struct cf_list *node = batch.next; node != &batch; node = node->next)
        execute(mem, CF_LIST_ENTRY(node, struct cf_store_request, link));
    mem->stats.queued = 0;
    mem->stats.commits += mem->stats.writes > writes_before;
    mem->sink->done(mem->sink->context, &batch);
}

void cf_store_mem_fail_writes(struct cf_store *store, bool fail)
{
    from_store(store)->stats.writable = !fail;
}

void cf_store_mem_reopened(struct cf_store *store)
{
    cf_mem_groups_reopened(from_store(store));
}
