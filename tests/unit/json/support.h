/* What the tests of json share: a reader's events as text, and documents in pieces. */
#ifndef CF_TESTS_UNIT_JSON_SUPPORT_H
#define CF_TESTS_UNIT_JSON_SUPPORT_H

#include <inttypes.h>
#include <stdio.h>

#include "unit/base/support.h"

#include "json/reader.h"

enum {
    SPLITS = 8,
    PIECE_MAX = 12
}; /* random splits of a document, and the longest piece in them */

static const uint8_t test_key[16] = "a key for tests";

/* "T1 4:text" a line: an event's letter, depth, and text with its length. */
static inline void write_event(struct cf_buf *out, const struct cf_json_event *event)
{
    static const char letters[] = {
        [CF_JSON_OBJECT_BEGIN] = '{', [CF_JSON_OBJECT_END] = '}', [CF_JSON_ARRAY_BEGIN] = '[',
        [CF_JSON_ARRAY_END] = ']',    [CF_JSON_KEY] = 'k',        [CF_JSON_STRING] = 's',
        [CF_JSON_NUMBER] = '#',       [CF_JSON_TRUE] = 't',       [CF_JSON_FALSE] = 'f',
        [CF_JSON_NULL] = 'n'};
    char head[64];
    int len = snprintf(head, sizeof(head), "%c%u %zu:", letters[event->type], event->depth,
                       event->text.len);
    assert_int_equal(cf_buf_append(out, cf_slice_of(head, (size_t)len)), CF_OK);
    assert_int_equal(cf_buf_append(out, event->text), CF_OK);
    assert_int_equal(cf_buf_append_byte(out, '\n'), CF_OK);
}

/* Reads a piece to its end. It lies in memory of its own, so that a sanitizer sees what is read
 * beside it or after it. */
static inline enum cf_error read_piece(struct cf_json_reader *reader, struct cf_slice piece,
                                       struct cf_buf *out)
{
    uint8_t *copy = malloc(piece.len);
    assert_non_null(copy);
    memcpy(copy, piece.ptr, piece.len);
    struct cf_slice input = cf_slice_of(copy, piece.len);
    struct cf_json_event event;
    enum cf_error error;
    for (;;) {
        error = cf_json_next(reader, &input, &event);
        if (error != CF_OK || event.type == CF_JSON_NEED_MORE)
            break;
        write_event(out, &event);
    }
    if (error == CF_OK)
        assert_int_equal(input.len, 0);
    free(copy);
    return error;
}

/* The whole document in pieces of 1 to `piece_max` bytes, 0 for one piece; what happened is
 * appended to `out`. */
static inline enum cf_error read_pieces(struct cf_slice document,
                                        const struct cf_json_limits *limits, size_t piece_max,
                                        uint64_t *random, struct cf_buf *out)
{
    struct cf_json_reader reader;
    struct cf_json_event event = {.type = CF_JSON_NEED_MORE};
    enum cf_error error = CF_OK;
    cf_json_reader_init(&reader, limits, test_key);
    while (document.len > 0 && error == CF_OK) {
        size_t len = piece_max == 0 ? document.len : 1 + random_below(random, piece_max);
        struct cf_slice piece = cf_slice_head(document, len);
        error = read_piece(&reader, piece, out);
        document = cf_slice_skip(document, piece.len);
    }
    while (error == CF_OK) {
        error = cf_json_finish(&reader, &event);
        if (error != CF_OK || event.type == CF_JSON_NEED_MORE)
            break;
        write_event(out, &event);
    }
    if (error != CF_OK)
        assert_int_equal(cf_json_finish(&reader, &event), error);
    cf_json_reader_deinit(&reader);
    return error;
}

/* Whole, byte by byte and in random pieces: always the same events, then the same error. The events
 * are appended to `out`. */
static inline enum cf_error read_every_way(struct cf_slice document,
                                           const struct cf_json_limits *limits, struct cf_buf *out)
{
    uint64_t random = 20260102;
    size_t before = out->len;
    enum cf_error error = read_pieces(document, limits, 0, NULL, out);
    struct cf_slice whole = cf_slice_skip(cf_buf_peek(out), before);
    for (size_t i = 0; i <= SPLITS; i++) {
        struct cf_buf again;
        cf_buf_init(&again, SIZE_MAX);
        uint64_t seed = random;
        enum cf_error other =
            read_pieces(document, limits, i == 0 ? 1 : PIECE_MAX, &random, &again);
        if (other != error || !cf_slice_eq(cf_buf_peek(&again), whole))
            fail_msg("split with seed %" PRIu64 ": %s, whole: %s, of %.*s", seed,
                     cf_error_name(other), cf_error_name(error), (int)document.len,
                     (const char *)document.ptr);
        cf_buf_deinit(&again);
    }
    return error;
}

/* The document gives exactly these events and this error. */
static inline void check_events(struct cf_slice document, const struct cf_json_limits *limits,
                                enum cf_error expected, const char *events)
{
    struct cf_buf out;
    cf_buf_init(&out, SIZE_MAX);
    assert_int_equal(read_every_way(document, limits, &out), expected);
    assert_int_equal(cf_buf_append_byte(&out, '\0'), CF_OK);
    assert_string_equal((const char *)out.ptr, events);
    cf_buf_deinit(&out);
}

static inline void check_error(struct cf_slice document, const struct cf_json_limits *limits,
                               enum cf_error expected)
{
    struct cf_buf out;
    cf_buf_init(&out, SIZE_MAX);
    assert_int_equal(read_every_way(document, limits, &out), expected);
    cf_buf_deinit(&out);
}

/* `text` so many times. */
static inline void append_times(struct cf_buf *out, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        assert_int_equal(cf_buf_append(out, cf_slice_cstr(text)), CF_OK);
}

#endif
