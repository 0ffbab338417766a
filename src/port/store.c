#include "port/store.h"

#include <stdlib.h>

enum { REQUEST_BYTES_MAX = 8 * 1024 * 1024 };

struct cf_store_request *cf_store_request_new(enum cf_store_op op)
{
    struct cf_store_request *request = calloc(1, sizeof(*request));
    if (request == NULL)
        return NULL;
    cf_list_init(&request->link);
    request->op = op;
    cf_arena_init(&request->arena, REQUEST_BYTES_MAX);
    return request;
}

void cf_store_request_free(struct cf_store_request *request)
{
    if (request == NULL)
        return;
    cf_arena_deinit(&request->arena);
    free(request);
}
