#include "json/value.h"

#include "base/assert.h"

/* What of the fields is known so far. */
struct decoding {
    struct cf_arena *arena;
    struct cf_json_field *fields;
    size_t count;
    struct cf_json_field *field; /* the member being read; NULL: one that nobody asked for */
    const uint8_t *begin;        /* of the member's text, when it is an object or array */
};

static struct cf_json_field *find_field(const struct decoding *decoding, struct cf_slice name)
{
    for (size_t i = 0; i < decoding->count; i++) {
        if (cf_slice_eq(cf_slice_cstr(decoding->fields[i].name), name))
            return &decoding->fields[i];
    }
    return NULL;
}

enum cf_json_is cf_json_is_of(enum cf_json_type type)
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
    case CF_JSON_OBJECT_END:
        return CF_JSON_IS_OBJECT;
    case CF_JSON_ARRAY_END:
        return CF_JSON_IS_ARRAY;
    default:
        return CF_JSON_IS_NONE;
    }
}

/* The member's value is complete; `end` is behind it. */
static enum cf_error take_value(struct decoding *decoding, const struct cf_json_event *event,
                                const uint8_t *end)
{
    struct cf_json_field *field = decoding->field;
    enum cf_json_is is = cf_json_is_of(event->type);
    if (field == NULL)
        return CF_OK;
    field->is = is;
    if ((field->types & is) == 0)
        return CF_OK;
    switch (is) {
    case CF_JSON_IS_STRING:
        return cf_arena_copy(decoding->arena, event->text, &field->text);
    case CF_JSON_IS_NUMBER:
        field->text = event->text;
        return CF_OK;
    case CF_JSON_IS_BOOL:
        field->text = event->type == CF_JSON_TRUE ? CF_LIT("true") : CF_LIT("false");
        return CF_OK;
    case CF_JSON_IS_OBJECT:
    case CF_JSON_IS_ARRAY:
        field->text = cf_slice_of(decoding->begin, (size_t)(end - decoding->begin));
        return CF_OK;
    default:
        return CF_OK;
    }
}

/* An event below the object itself; `end` is behind it in the document. */
static enum cf_error take_event(struct decoding *decoding, const struct cf_json_event *event,
                                const uint8_t *end)
{
    bool begins = event->type == CF_JSON_OBJECT_BEGIN || event->type == CF_JSON_ARRAY_BEGIN;
    if (begins && event->depth == 2)
        decoding->begin = end - 1;
    if (begins || event->depth != 1)
        return CF_OK;
    if (event->type == CF_JSON_KEY) {
        decoding->field = find_field(decoding, event->text);
        return CF_OK;
    }
    return take_value(decoding, event, end);
}

/* All of the document, so that what is no JSON is told apart from what is not as wanted. */
static enum cf_error read_document(struct cf_json_reader *reader, struct cf_slice document,
                                   struct decoding *decoding, bool *out_is_object)
{
    struct cf_json_event event;
    struct cf_slice rest = document;
    enum cf_error error = cf_json_next(reader, &rest, &event);
    bool is_object = error == CF_OK && event.type == CF_JSON_OBJECT_BEGIN;
    while (error == CF_OK && event.type != CF_JSON_NEED_MORE) {
        error = cf_json_next(reader, &rest, &event);
        if (error == CF_OK && is_object)
            error = take_event(decoding, &event, rest.ptr);
    }
    if (error == CF_OK)
        error = cf_json_finish(reader, &event);
    if (error == CF_OK)
        *out_is_object = is_object;
    return error;
}

static const char *find_wrong(const struct cf_json_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool fits = fields[i].is == CF_JSON_IS_NONE ? !fields[i].required
                                                    : (fields[i].types & fields[i].is) != 0;
        if (!fits)
            return fields[i].name;
    }
    return NULL;
}

enum cf_error cf_json_read_object(struct cf_slice document, const struct cf_json_limits *limits,
                                  const uint8_t hash_key[16], struct cf_arena *arena,
                                  struct cf_json_field *fields, size_t count,
                                  const char **out_wrong)
{
    struct decoding decoding = {.arena = arena, .fields = fields, .count = count};
    for (size_t i = 0; i < count; i++) {
        fields[i].is = CF_JSON_IS_NONE;
        fields[i].text = (struct cf_slice){NULL, 0};
    }
    struct cf_json_reader reader;
    bool is_object = false;
    cf_json_reader_init(&reader, limits, hash_key);
    enum cf_error error = read_document(&reader, document, &decoding, &is_object);
    cf_json_reader_deinit(&reader);
    *out_wrong = NULL;
    if (error != CF_OK)
        return error;
    if (!is_object)
        return CF_E_INVALID;
    *out_wrong = find_wrong(fields, count);
    return *out_wrong == NULL ? CF_OK : CF_E_INVALID;
}

enum cf_error cf_json_to_i64(struct cf_slice number, int64_t *out_value)
{
    bool negative = number.len > 0 && number.ptr[0] == '-';
    struct cf_slice digits = cf_slice_skip(number, negative);
    uint64_t magnitude;
    if (digits.len > 1 && digits.ptr[0] == '0')
        return CF_E_INVALID;
    if (!cf_slice_to_u64(digits, &magnitude) || magnitude > (uint64_t)INT64_MAX + negative)
        return CF_E_INVALID;
    if (negative && magnitude > INT64_MAX)
        *out_value = INT64_MIN;
    else
        *out_value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return CF_OK;
}
