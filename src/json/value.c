#include "json/value.h"

#include <string.h>

#include "base/assert.h"

/* A value being skipped or read: where its text began, and which field it is for. */
struct walk {
    struct cf_json_reader reader;
    struct cf_slice input;
    struct cf_json_field *fields;
    size_t count;
    struct cf_arena *arena;
    struct cf_json_field *field; /* of the key just read; NULL: an unknown one */
    const uint8_t *raw_start;    /* of a container that is a field's value */
};

static struct cf_json_field *find_field(struct walk *walk, struct cf_slice key)
{
    for (size_t i = 0; i < walk->count; i++) {
        if (cf_slice_eq(key, cf_slice_cstr(walk->fields[i].name)))
            return &walk->fields[i];
    }
    return NULL;
}

static enum cf_json_is kind_of(enum cf_json_type type)
{
    switch (type) {
    case CF_JSON_STRING:
        return CF_JSON_IS_STRING;
    case CF_JSON_NUMBER:
        return CF_JSON_IS_NUMBER;
    case CF_JSON_TRUE:
    case CF_JSON_FALSE:
        return CF_JSON_IS_BOOL;
    case CF_JSON_NULL:
        return CF_JSON_IS_NULL;
    case CF_JSON_OBJECT_BEGIN:
        return CF_JSON_IS_OBJECT;
    case CF_JSON_ARRAY_BEGIN:
        return CF_JSON_IS_ARRAY;
    default:
        return CF_JSON_IS_NONE;
    }
}

static enum cf_error take_scalar(struct walk *walk, const struct cf_json_event *event)
{
    struct cf_json_field *field = walk->field;
    walk->field = NULL;
    if (field == NULL)
        return CF_OK;
    field->is = kind_of(event->type);
    if (field->is == CF_JSON_IS_BOOL)
        field->text = event->type == CF_JSON_TRUE ? CF_LIT("true") : CF_LIT("false");
    else if (field->is != CF_JSON_IS_NULL)
        return cf_arena_copy(walk->arena, event->text, &field->text);
    return CF_OK;
}

static enum cf_error take_event(struct walk *walk, const struct cf_json_event *event)
{
    bool begins = event->type == CF_JSON_OBJECT_BEGIN || event->type == CF_JSON_ARRAY_BEGIN;
    bool ends = event->type == CF_JSON_OBJECT_END || event->type == CF_JSON_ARRAY_END;
    if (event->type == CF_JSON_KEY && event->depth == 1) {
        walk->field = find_field(walk, event->text);
    } else if (begins && event->depth == 2 && walk->field != NULL) {
        walk->field->is = kind_of(event->type);
        walk->raw_start = walk->input.ptr - 1;
    } else if (ends && event->depth == 1 && walk->field != NULL) {
        walk->field->text =
            cf_slice_of(walk->raw_start, (size_t)(walk->input.ptr - walk->raw_start));
        walk->field = NULL;
    } else if (!begins && !ends && event->type != CF_JSON_KEY && event->depth == 1) {
        return take_scalar(walk, event);
    }
    return CF_OK;
}

static enum cf_error walk_document(struct walk *walk, bool *out_object)
{
    struct cf_json_event event;
    bool first = true;
    for (;;) {
        enum cf_error error = cf_json_next(&walk->reader, &walk->input, &event);
        if (error == CF_OK && event.type == CF_JSON_NEED_MORE)
            error = cf_json_finish(&walk->reader, &event);
        if (error != CF_OK)
            return error;
        if (event.type == CF_JSON_NEED_MORE)
            return CF_OK;
        if (first)
            *out_object = event.type == CF_JSON_OBJECT_BEGIN;
        first = false;
        if (*out_object)
            error = take_event(walk, &event);
        if (error != CF_OK)
            return error;
    }
}

static enum cf_error check_fields(const struct cf_json_field *fields, size_t count,
                                  const char **out_wrong)
{
    for (size_t i = 0; i < count; i++) {
        bool missing = fields[i].is == CF_JSON_IS_NONE && fields[i].required;
        bool other = fields[i].is != CF_JSON_IS_NONE && (fields[i].is & fields[i].types) == 0;
        if (!missing && !other)
            continue;
        *out_wrong = fields[i].name;
        return CF_E_INVALID;
    }
    return CF_OK;
}

enum cf_error cf_json_read_object(struct cf_slice document, const struct cf_json_limits *limits,
                                  const uint8_t hash_key[16], struct cf_arena *arena,
                                  struct cf_json_field *fields, size_t count,
                                  const char **out_wrong)
{
    struct walk walk = {.input = document, .fields = fields, .count = count, .arena = arena};
    bool object = false;
    *out_wrong = NULL;
    for (size_t i = 0; i < count; i++) {
        fields[i].is = CF_JSON_IS_NONE;
        fields[i].text = (struct cf_slice){NULL, 0};
    }
    cf_json_reader_init(&walk.reader, limits, hash_key);
    enum cf_error error = walk_document(&walk, &object);
    cf_json_reader_deinit(&walk.reader);
    if (error == CF_OK && !object)
        error = CF_E_INVALID;
    return error == CF_OK ? check_fields(fields, count, out_wrong) : error;
}

enum cf_error cf_json_to_i64(struct cf_slice number, int64_t *out_value)
{
    bool negative = cf_slice_starts(number, CF_LIT("-"));
    uint64_t magnitude;
    if (!cf_slice_to_u64(negative ? cf_slice_skip(number, 1) : number, &magnitude))
        return CF_E_INVALID;
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return CF_E_INVALID;
    *out_value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return CF_OK;
}
