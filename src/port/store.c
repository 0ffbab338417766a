#include "port/store.h"

#include <stdlib.h>

/* A page of group events may go over its bytes by what has one stamp: an event a group. */
enum { REQUEST_BYTES_MAX = 8 * 1024 * 1024, GROUP_EVENTS_BYTES_MAX = 64 * 1024 * 1024 };

struct cf_store_request *cf_store_request_new(enum cf_store_op op)
{
    struct cf_store_request *request = calloc(1, sizeof(*request));
    if (request == NULL)
        return NULL;
    cf_list_init(&request->link);
    request->op = op;
    cf_arena_init(&request->arena, op == CF_STORE_GROUP_EVENTS ? (size_t)GROUP_EVENTS_BYTES_MAX
                                                               : (size_t)REQUEST_BYTES_MAX);
    return request;
}

void cf_store_request_free(struct cf_store_request *request)
{
    if (request == NULL)
        return;
    cf_arena_deinit(&request->arena);
    free(request);
}
