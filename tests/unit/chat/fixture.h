/* People, time, ids and a store in memory, for the tests of chat and of the shop dialect. Ids come
 * out of a counter: the n-th made is …-7000-8000-00000000000n. */
#ifndef CF_TESTS_UNIT_CHAT_FIXTURE_H
#define CF_TESTS_UNIT_CHAT_FIXTURE_H

#include <string.h>

#include "chat/command.h"
#include "edge/store_mem/store_mem.h"
#include "unit/base/support.h"

/* 2026-01-03T15:30:00.000000Z */
#define START_US INT64_C(1767454200000000)

static const uint8_t hash_key[16] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6};

static inline void count_up(void *context, uint8_t *out, size_t len)
{
    uint8_t *next = context;
    memset(out, 0, len);
    out[len - 1] = ++*next;
}

struct person {
    struct cf_identity identity;
    struct cf_asker asker;
};

struct world {
    struct cf_store *store;
    struct cf_store_sink sink;
    struct cf_list finished;
    struct cf_entropy entropy;
    uint8_t ids_made;
    struct cf_now now;
};

static inline void world_finished(void *context, struct cf_list *requests)
{
    struct world *world = context;
    cf_list_splice_back(&world->finished, requests);
}

static inline void world_open(struct world *world)
{
    *world = (struct world){.now = {.ms = 1000000, .us = START_US}};
    cf_list_init(&world->finished);
    world->sink = (struct cf_store_sink){.done = world_finished, .context = world};
    world->entropy = (struct cf_entropy){.fill = count_up, .context = &world->ids_made};
    world->store = cf_store_mem_open(&world->sink, hash_key);
    assert_non_null(world->store);
}

static inline void world_close(struct world *world)
{
    world->store->ops->close(world->store);
    assert_true(cf_list_empty(&world->finished));
}

/* The request executed, to be freed by the test. */
static inline struct cf_store_request *world_run(struct world *world,
                                                 struct cf_store_request *request)
{
    struct cf_list requests;
    cf_list_init(&requests);
    cf_list_push_back(&requests, &request->link);
    world->store->ops->submit(world->store, &requests);
    cf_store_mem_step(world->store);
    struct cf_list *node = cf_list_pop_front(&world->finished);
    assert_non_null(node);
    assert_true(cf_list_empty(&world->finished));
    return CF_LIST_ENTRY(node, struct cf_store_request, link);
}

static inline struct cf_identity identity_of(const char *user, const char *name)
{
    struct cf_identity identity = {.user_id_len = (uint16_t)strlen(user),
                                   .name_len = (uint16_t)strlen(name)};
    memcpy(identity.user_id, user, identity.user_id_len);
    memcpy(identity.name, name, identity.name_len);
    return identity;
}

static inline void person_init(struct person *person, struct world *world, const char *user,
                               const char *name)
{
    person->identity = identity_of(user, name);
    person->asker = (struct cf_asker){&person->identity, &world->entropy, world->now};
}

static inline struct cf_uuid uuid_of(const char *text)
{
    struct cf_uuid uuid = {{0}};
    assert_true(cf_uuid_parse(cf_slice_cstr(text), &uuid));
    return uuid;
}

#endif
