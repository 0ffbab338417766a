#include "cli/feed.h"

#include <string.h>

#include "base/assert.h"
#include "json/value.h"

enum { DOCUMENT_MAX = 64 * 1024 * 1024, ARENA_MAX = 1024 * 1024 };

static struct cf_json_limits limits(void)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    limits.bytes_max = DOCUMENT_MAX;
    return limits;
}

void cf_feed_init(struct cf_feed *feed, const uint8_t hash_key[16])
{
    memset(feed, 0, sizeof(*feed));
    memcpy(feed->hash_key, hash_key, sizeof(feed->hash_key));
    cf_map_init(&feed->seen, hash_key);
}

void cf_feed_deinit(struct cf_feed *feed)
{
    cf_map_deinit(&feed->seen);
}

/* Remembers a message; the oldest one that is remembered gives way. */
static enum cf_error remember(struct cf_feed *feed, struct cf_slice id, cf_us updated)
{
    struct cf_feed_entry *entry = &feed->entries[feed->next];
    if (entry->id_len > 0)
        cf_map_remove(&feed->seen, cf_slice_of(entry->id, entry->id_len));
    memcpy(entry->id, id.ptr, id.len);
    entry->id_len = (uint8_t)id.len;
    entry->updated = updated;
    feed->next = (feed->next + 1) % CF_FEED_SEEN;
    return cf_map_put(&feed->seen, cf_slice_of(entry->id, entry->id_len), entry);
}

static enum cf_error judge(struct cf_feed *feed, struct cf_slice id, cf_us updated, bool *out_new)
{
    struct cf_feed_entry *entry = cf_map_get(&feed->seen, id);
    *out_new = entry == NULL || entry->updated < updated;
    if (entry == NULL)
        return remember(feed, id, updated);
    if (*out_new)
        entry->updated = updated;
    return CF_OK;
}

enum cf_error cf_feed_take(struct cf_feed *feed, struct cf_slice json, bool *out_new)
{
    struct cf_json_field fields[] = {
        {.name = "id", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "created_at", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "updated_at", .types = CF_JSON_IS_STRING | CF_JSON_IS_NULL},
    };
    struct cf_json_limits json_limits = limits();
    struct cf_arena arena;
    const char *wrong;
    cf_us created, updated = 0;
    cf_arena_init(&arena, ARENA_MAX);
    enum cf_error error = cf_json_read_object(json, &json_limits, feed->hash_key, &arena, fields,
                                              CF_ARRAY_LEN(fields), &wrong);
    if (error == CF_OK)
        error = cf_us_parse(fields[1].text, &created);
    if (error == CF_OK && fields[2].is == CF_JSON_IS_STRING)
        error = cf_us_parse(fields[2].text, &updated);
    if (error == CF_OK && (fields[0].text.len == 0 || fields[0].text.len > 36))
        error = CF_E_INVALID;
    if (error == CF_OK)
        error = judge(feed, fields[0].text, updated, out_new);
    if (error == CF_OK) {
        char text[CF_TIME_LEN];
        cf_us_format(created, text);
        if (!feed->has_cursor || memcmp(text, feed->cursor, CF_TIME_LEN) > 0)
            memcpy(feed->cursor, text, CF_TIME_LEN);
        feed->has_cursor = true;
    }
    cf_arena_deinit(&arena);
    return error;
}

enum cf_error cf_feed_list_init(struct cf_feed_list *list, struct cf_slice json,
                                const uint8_t hash_key[16])
{
    struct cf_json_field fields[] = {
        {.name = "messages", .types = CF_JSON_IS_ARRAY, .required = true},
        {.name = "has_more", .types = CF_JSON_IS_BOOL, .required = true},
    };
    struct cf_json_limits json_limits = limits();
    const char *wrong;
    cf_arena_init(&list->arena, ARENA_MAX);
    enum cf_error error = cf_json_read_object(json, &json_limits, hash_key, &list->arena, fields,
                                              CF_ARRAY_LEN(fields), &wrong);
    if (error != CF_OK)
        return error;
    list->array = fields[0].text;
    list->has_more = cf_slice_eq(fields[1].text, CF_LIT("true"));
    return CF_OK;
}

void cf_feed_list_deinit(struct cf_feed_list *list)
{
    cf_arena_deinit(&list->arena);
}

enum cf_error cf_feed_list_each(const struct cf_feed_list *list, const uint8_t hash_key[16],
                                enum cf_error (*visit)(void *context, struct cf_slice message),
                                void *context)
{
    struct cf_json_limits json_limits = limits();
    struct cf_json_reader reader;
    struct cf_json_event event;
    struct cf_slice input = list->array;
    const uint8_t *start = NULL;
    cf_json_reader_init(&reader, &json_limits, hash_key);
    enum cf_error error;
    do {
        error = cf_json_next(&reader, &input, &event);
        if (error != CF_OK || event.type == CF_JSON_NEED_MORE)
            break;
        /* An element's text runs from its opening brace to its closing one. */
        if (event.type == CF_JSON_OBJECT_BEGIN && event.depth == 2)
            start = input.ptr - 1;
        if (event.type == CF_JSON_OBJECT_END && event.depth == 1)
            error = visit(context, cf_slice_of(start, (size_t)(input.ptr - start)));
    } while (error == CF_OK);
    cf_json_reader_deinit(&reader);
    return error;
}
