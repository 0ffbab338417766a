/* JSON as the reader reads it. The first byte chooses limits, the second seeds the splits; the rest
 * is the document. Besides what the sanitizers see:
 *
 *     - read in one piece and in random ones it gives the same events and the same error
 *     - text is UTF-8, containers close as they were opened, no limit is passed
 *     - what the writer makes of the events is read as the same events
 *     - cf_json_read_object refuses what the reader refuses, with the same error, and the raw text
 *       of a nested value is a document of its own */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/utf8.h"
#include "json/value.h"
#include "json/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t hash_key[16] = "0123456789abcde";

static const struct cf_json_limits limits_table[] = {
    {65536, 65536, 4096, 32, 32, false}, {SIZE_MAX, SIZE_MAX, SIZE_MAX, 64, 1000, false},
    {200, 20, 18, 3, 5, false},          {65536, 7, 40, 64, 3, false},
    {65536, 20, 40, 64, 32, true},
};

/* An event as bytes: type, depth, length, text. */
static void note_event(struct cf_buf *log, const struct cf_json_event *event)
{
    uint8_t head[2 + sizeof(size_t)] = {(uint8_t)event->type, (uint8_t)event->depth};
    memcpy(head + 2, &event->text.len, sizeof(size_t));
    CF_ASSERT(cf_buf_append(log, cf_slice_of(head, sizeof(head))) == CF_OK);
    CF_ASSERT(cf_buf_append(log, event->text) == CF_OK);
}

static void check_event(const struct cf_json_event *event, const struct cf_json_limits *limits)
{
    CF_ASSERT(event->depth <= limits->depth_max);
    if (event->type == CF_JSON_KEY || event->type == CF_JSON_STRING) {
        CF_ASSERT(event->text.len <= limits->string_bytes_max);
        CF_ASSERT(cf_utf8_valid(event->text));
    } else if (event->type == CF_JSON_NUMBER) {
        CF_ASSERT(event->text.len > 0 && event->text.len <= limits->number_bytes_max);
    } else {
        CF_ASSERT(event->text.len == 0);
    }
}

/* A piece, in memory of its own that goes when it is used up. */
static enum cf_error read_piece(struct cf_json_reader *reader, struct cf_slice piece,
                                struct cf_buf *log)
{
    uint8_t *copy = malloc(piece.len);
    CF_ASSERT(copy != NULL);
    memcpy(copy, piece.ptr, piece.len);
    struct cf_slice input = cf_slice_of(copy, piece.len);
    struct cf_json_event event;
    enum cf_error error;
    for (;;) {
        error = cf_json_next(reader, &input, &event);
        if (error != CF_OK || event.type == CF_JSON_NEED_MORE)
            break;
        check_event(&event, &reader->limits);
        note_event(log, &event);
    }
    CF_ASSERT(error != CF_OK || input.len == 0);
    free(copy);
    return error;
}

/* seed 0: in one piece */
static enum cf_error read_document(struct cf_slice document, const struct cf_json_limits *limits,
                                   uint32_t seed, struct cf_buf *log)
{
    struct cf_json_reader reader;
    struct cf_json_event event = {.type = CF_JSON_NULL};
    enum cf_error error = CF_OK;
    cf_json_reader_init(&reader, limits, hash_key);
    while (document.len > 0 && error == CF_OK) {
        size_t len = document.len;
        if (seed != 0) {
            seed = seed * 1664525 + 1013904223;
            len = 1 + (seed >> 24) % 11;
        }
        struct cf_slice piece = cf_slice_head(document, len);
        error = read_piece(&reader, piece, log);
        document = cf_slice_skip(document, piece.len);
    }
    while (error == CF_OK && event.type != CF_JSON_NEED_MORE) {
        error = cf_json_finish(&reader, &event);
        if (error == CF_OK && event.type != CF_JSON_NEED_MORE)
            note_event(log, &event);
    }
    CF_ASSERT(error == CF_OK || cf_json_next(&reader, &document, &event) == error);
    cf_json_reader_deinit(&reader);
    return error;
}

/* ---- writing what was read ---- */

static void write_event(struct cf_json_writer *w, const struct cf_json_event *event)
{
    switch (event->type) {
    case CF_JSON_OBJECT_BEGIN:
        cf_json_object_begin(w);
        break;
    case CF_JSON_OBJECT_END:
        cf_json_object_end(w);
        break;
    case CF_JSON_ARRAY_BEGIN:
        cf_json_array_begin(w);
        break;
    case CF_JSON_ARRAY_END:
        cf_json_array_end(w);
        break;
    case CF_JSON_KEY:
        cf_json_key(w, event->text);
        break;
    case CF_JSON_STRING:
        cf_json_string(w, event->text);
        break;
    case CF_JSON_NUMBER:
        cf_json_raw(w, event->text);
        break;
    case CF_JSON_NULL:
        cf_json_null(w);
        break;
    default:
        cf_json_bool(w, event->type == CF_JSON_TRUE);
    }
}

static void write_log(struct cf_slice log, struct cf_buf *out)
{
    struct cf_json_writer w;
    cf_json_writer_init(&w, out);
    while (log.len > 0) {
        struct cf_json_event event = {.type = (enum cf_json_type)log.ptr[0], .depth = log.ptr[1]};
        size_t len;
        memcpy(&len, log.ptr + 2, sizeof(len));
        log = cf_slice_skip(log, 2 + sizeof(len));
        event.text = cf_slice_head(log, len);
        log = cf_slice_skip(log, len);
        write_event(&w, &event);
        CF_ASSERT(w.depth == event.depth);
    }
    CF_ASSERT(cf_json_writer_finish(&w) == CF_OK);
}

static void check_round_trip(const struct cf_buf *log)
{
    struct cf_buf written, again;
    cf_buf_init(&written, SIZE_MAX);
    cf_buf_init(&again, SIZE_MAX);
    write_log(cf_buf_peek(log), &written);
    CF_ASSERT(read_document(cf_buf_peek(&written), &limits_table[1], 0, &again) == CF_OK);
    CF_ASSERT(cf_slice_eq(cf_buf_peek(&again), cf_buf_peek(log)));
    cf_buf_deinit(&written);
    cf_buf_deinit(&again);
}

/* ---- fields ---- */

static void check_field(const struct cf_json_field *field, const struct cf_json_limits *limits)
{
    struct cf_buf log;
    int64_t value;
    cf_buf_init(&log, SIZE_MAX);
    if (field->is == CF_JSON_IS_OBJECT || field->is == CF_JSON_IS_ARRAY)
        CF_ASSERT(read_document(field->text, limits, 0, &log) == CF_OK);
    if (field->is == CF_JSON_IS_STRING)
        CF_ASSERT(cf_utf8_valid(field->text));
    if (field->is == CF_JSON_IS_NUMBER && cf_json_to_i64(field->text, &value) == CF_OK)
        CF_ASSERT((value < 0) == (field->text.ptr[0] == '-' && value != 0));
    cf_buf_deinit(&log);
}

static void check_fields(struct cf_slice document, const struct cf_json_limits *limits,
                         enum cf_error expected)
{
    struct cf_json_field fields[] = {
        {.name = "a", .types = CF_JSON_IS_STRING | CF_JSON_IS_OBJECT | CF_JSON_IS_ARRAY},
        {.name = "b", .types = CF_JSON_IS_NUMBER | CF_JSON_IS_BOOL, .required = true},
        {.name = "", .types = CF_JSON_IS_NULL | CF_JSON_IS_ARRAY | CF_JSON_IS_STRING},
        {.name = "type", .types = 63},
    };
    struct cf_arena arena;
    const char *wrong;
    cf_arena_init(&arena, SIZE_MAX / 2);
    enum cf_error error = cf_json_read_object(document, limits, hash_key, &arena, fields,
                                              CF_ARRAY_LEN(fields), &wrong);
    CF_ASSERT(error == expected || (expected == CF_OK && error == CF_E_INVALID));
    CF_ASSERT(error == CF_E_INVALID || wrong == NULL);
    for (size_t i = 0; i < CF_ARRAY_LEN(fields) && error == CF_OK; i++)
        check_field(&fields[i], limits);
    cf_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct cf_json_limits *limits = &limits_table[data[0] % CF_ARRAY_LEN(limits_table)];
    struct cf_slice document = cf_slice_of(data + 2, size - 2);
    struct cf_buf whole, split;
    cf_buf_init(&whole, SIZE_MAX);
    cf_buf_init(&split, SIZE_MAX);
    enum cf_error error = read_document(document, limits, 0, &whole);
    CF_ASSERT(read_document(document, limits, data[1] + 1u, &split) == error);
    CF_ASSERT(cf_slice_eq(cf_buf_peek(&whole), cf_buf_peek(&split)));
    CF_ASSERT(error != CF_E_NOMEM && error != CF_E_INVALID);
    if (error == CF_OK)
        check_round_trip(&whole);
    check_fields(document, limits, error);
    cf_buf_deinit(&whole);
    cf_buf_deinit(&split);
    return 0;
}
