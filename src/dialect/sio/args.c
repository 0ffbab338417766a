#include "dialect/sio/args.h"

#include <limits.h>
#include <string.h>

/* An open object, as far as it may be a placeholder. */
struct candidate {
    bool marked; /* "_placeholder": true */
    bool has_num;
    int64_t num;
};

enum key { KEY_OTHER, KEY_MARK, KEY_NUM };

struct walk {
    struct cf_json_reader reader;
    struct cf_slice input;
    struct cf_arena *arena;
    struct cf_sio_args *args;
    unsigned attachments;
    uint32_t seen;  /* a bit an attachment */
    unsigned named; /* attachments that are seen */
    enum key key;   /* the innermost object's last one */
    struct candidate open[CF_JSON_DEPTH_CAP + 1];
    const uint8_t *inside;  /* behind the opening bracket */
    const uint8_t *element; /* where the object or array that is an element begins */
};

static enum cf_error close_placeholder(struct walk *walk, const struct candidate *object)
{
    if (walk->attachments == UINT_MAX || !object->marked)
        return CF_OK;
    if (!object->has_num || object->num < 0 || object->num >= walk->attachments)
        return CF_E_SYNTAX;
    uint32_t bit = UINT32_C(1) << object->num;
    if ((walk->seen & bit) != 0)
        return CF_E_SYNTAX;
    walk->seen |= bit;
    walk->named++;
    return CF_OK;
}

static enum cf_error note_placeholder(struct walk *walk, const struct cf_json_event *event)
{
    if (event->type == CF_JSON_OBJECT_BEGIN) {
        walk->open[event->depth] = (struct candidate){.marked = false};
    } else if (event->type == CF_JSON_KEY) {
        walk->key = KEY_OTHER;
        if (cf_slice_eq(event->text, CF_LIT("_placeholder")))
            walk->key = KEY_MARK;
        else if (cf_slice_eq(event->text, CF_LIT("num")))
            walk->key = KEY_NUM;
        return CF_OK;
    } else if (event->type == CF_JSON_OBJECT_END) {
        enum cf_error error = close_placeholder(walk, &walk->open[event->depth + 1]);
        if (error != CF_OK)
            return error;
    } else if (event->type == CF_JSON_TRUE && walk->key == KEY_MARK) {
        walk->open[event->depth].marked = true;
    } else if (event->type == CF_JSON_NUMBER && walk->key == KEY_NUM) {
        struct candidate *object = &walk->open[event->depth];
        object->has_num = cf_json_to_i64(event->text, &object->num) == CF_OK;
    }
    walk->key = KEY_OTHER;
    return CF_OK;
}

/* The element that ends with the event, as it is written. */
static struct cf_slice written(const struct walk *walk, const struct cf_json_event *event)
{
    const uint8_t *begin = walk->element, *end = walk->input.ptr;
    if (event->type == CF_JSON_NUMBER)
        begin = end - event->text.len;
    else if (event->type == CF_JSON_FALSE)
        begin = end - strlen("false");
    else if (event->type == CF_JSON_TRUE || event->type == CF_JSON_NULL)
        begin = end - strlen("true");
    return cf_slice_of(begin, (size_t)(end - begin));
}

static enum cf_error end_element(struct walk *walk, const struct cf_json_event *event)
{
    struct cf_sio_args *args = walk->args;
    if (args->count == 0)
        args->behind_first.ptr = walk->input.ptr;
    if (args->count == CF_SIO_ARGS_MAX)
        return CF_OK;
    struct cf_sio_arg *arg = &args->items[args->count++];
    arg->is = cf_json_is_of(event->type);
    if (arg->is == CF_JSON_IS_STRING)
        return cf_arena_copy(walk->arena, event->text, &arg->text);
    arg->text = written(walk, event);
    return CF_OK;
}

/* The array begins and ends; an element of it ends with a scalar at depth 1, or with what returns
 * to depth 1. */
static enum cf_error note_element(struct walk *walk, const struct cf_json_event *event)
{
    bool begins = event->type == CF_JSON_ARRAY_BEGIN || event->type == CF_JSON_OBJECT_BEGIN;
    const uint8_t *bracket = walk->input.ptr - 1;
    if (begins && event->depth == 1)
        walk->inside = walk->input.ptr;
    else if (begins && event->depth == 2)
        walk->element = bracket;
    else if (event->depth == 0)
        walk->args->inside = cf_slice_of(walk->inside, (size_t)(bracket - walk->inside));
    else if (event->depth == 1)
        return end_element(walk, event);
    return CF_OK;
}

static enum cf_error step(struct walk *walk, bool *out_more)
{
    struct cf_json_event event;
    bool first = walk->inside == NULL;
    enum cf_error error = cf_json_next(&walk->reader, &walk->input, &event);
    if (error != CF_OK)
        return error;
    *out_more = event.type != CF_JSON_NEED_MORE;
    if (!*out_more) {
        error = cf_json_finish(&walk->reader, &event);
        bool number = error == CF_OK && event.type != CF_JSON_NEED_MORE; /* ends with the text */
        return number ? CF_E_SYNTAX : error;
    }
    if (first && event.type != CF_JSON_ARRAY_BEGIN)
        return CF_E_SYNTAX;
    error = note_placeholder(walk, &event);
    return error == CF_OK ? note_element(walk, &event) : error;
}

enum cf_error cf_sio_args_read(struct cf_slice payload, unsigned attachments,
                               const struct cf_json_limits *limits, const uint8_t hash_key[16],
                               struct cf_arena *arena, struct cf_sio_args *out_args)
{
    struct cf_sio_args args = {.count = 0};
    struct walk walk = {
        .input = payload, .arena = arena, .args = &args, .attachments = attachments};
    cf_json_reader_init(&walk.reader, limits, hash_key);
    enum cf_error error = CF_OK;
    for (bool more = true; more && error == CF_OK;)
        error = step(&walk, &more);
    cf_json_reader_deinit(&walk.reader);
    if (error == CF_OK && attachments != UINT_MAX && walk.named != attachments)
        error = CF_E_SYNTAX;
    if (error != CF_OK)
        return error;
    if (args.behind_first.ptr != NULL)
        args.behind_first.len = (size_t)(args.inside.ptr + args.inside.len - args.behind_first.ptr);
    *out_args = args;
    return CF_OK;
}
