#include "sim/json.h"

#include "base/assert.h"

static const uint8_t hash_key[16];

static struct cf_json_limits limits(void)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    limits.bytes_max = limits.string_bytes_max = 16 * 1024 * 1024;
    limits.keys_max = 1 << 20;
    return limits;
}

bool sim_json_read(struct cf_slice text, struct cf_arena *arena, struct cf_json_field *fields,
                   size_t count)
{
    struct cf_json_limits json_limits = limits();
    const char *wrong;
    return cf_json_read_object(text, &json_limits, hash_key, arena, fields, count, &wrong) == CF_OK;
}

void sim_json_each(struct cf_slice array, void (*visit)(void *context, struct cf_slice object),
                   void *context)
{
    struct cf_json_limits json_limits = limits();
    struct cf_json_reader reader;
    struct cf_json_event event;
    const uint8_t *start = NULL;
    cf_json_reader_init(&reader, &json_limits, hash_key);
    do {
        CF_ASSERT(cf_json_next(&reader, &array, &event) == CF_OK);
        if (event.type == CF_JSON_OBJECT_BEGIN && event.depth == 2)
            start = array.ptr - 1;
        if (event.type == CF_JSON_OBJECT_END && event.depth == 1)
            visit(context, cf_slice_of(start, (size_t)(array.ptr - start)));
    } while (event.type != CF_JSON_NEED_MORE);
    cf_json_reader_deinit(&reader);
}
