/* The vectors of vectors/: each runs whole, byte by byte and in random splits, with the same
 * events, and beside jansson as the oracle. A valid text must give the events that a walk of
 * jansson's tree gives; an invalid one must be refused by both. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json/reader.h"

enum { VECTORS_MIN = 200, SPLITS = 20, TEXT_MAX = 65536 };

static const uint8_t hash_key[16] = "differential";

/* ---- events as text ---- */

/* What a run gave, written down: one line an event, then the error's name. */
struct trace {
    char text[TEXT_MAX];
    size_t len;
};

static void add(struct trace *trace, const char *word, struct cf_slice bytes)
{
    int len = snprintf(trace->text + trace->len, TEXT_MAX - trace->len, "%s ", word);
    trace->len += (size_t)len;
    for (size_t i = 0; i < bytes.len; i++)
        trace->len +=
            (size_t)snprintf(trace->text + trace->len, TEXT_MAX - trace->len, "%02x", bytes.ptr[i]);
    trace->text[trace->len++] = '\n';
    trace->text[trace->len] = '\0';
}

static const struct cf_slice nothing = {NULL, 0};

static void add_event(struct trace *trace, const struct cf_json_event *event)
{
    static const char *const words[] = {
        [CF_JSON_NEED_MORE] = "more", [CF_JSON_OBJECT_BEGIN] = "{", [CF_JSON_OBJECT_END] = "}",
        [CF_JSON_ARRAY_BEGIN] = "[",  [CF_JSON_ARRAY_END] = "]",    [CF_JSON_KEY] = "key",
        [CF_JSON_STRING] = "string",  [CF_JSON_NUMBER] = "number",  [CF_JSON_TRUE] = "true",
        [CF_JSON_FALSE] = "false",    [CF_JSON_NULL] = "null"};
    bool number = event->type == CF_JSON_NUMBER;
    add(trace, words[event->type], number ? nothing : event->text);
}

static enum cf_error feed(struct cf_json_reader *reader, struct cf_slice piece, struct trace *trace)
{
    for (;;) {
        struct cf_json_event event;
        enum cf_error error = cf_json_next(reader, &piece, &event);
        if (error != CF_OK || event.type == CF_JSON_NEED_MORE)
            return error;
        add_event(trace, &event);
    }
}

/* `lengths(state)` gives the next piece's length. */
static enum cf_error run(struct cf_slice text, size_t (*next_len)(unsigned *state), unsigned state,
                         struct trace *trace)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_json_reader reader;
    struct cf_json_event event;
    enum cf_error error = CF_OK;
    trace->len = 0;
    trace->text[0] = '\0';
    cf_json_reader_init(&reader, &limits, hash_key);
    while (error == CF_OK && text.len > 0) {
        struct cf_slice piece = cf_slice_head(text, next_len(&state));
        text = cf_slice_skip(text, piece.len);
        /* A copy of its own size, so that a sanitizer sees a read beyond the piece. */
        uint8_t *copy = malloc(piece.len);
        memcpy(copy, piece.ptr, piece.len);
        error = feed(&reader, cf_slice_of(copy, piece.len), trace);
        free(copy);
    }
    if (error == CF_OK)
        error = cf_json_finish(&reader, &event);
    if (error == CF_OK && event.type != CF_JSON_NEED_MORE)
        add_event(trace, &event);
    cf_json_reader_deinit(&reader);
    return error;
}

static size_t whole(unsigned *state)
{
    (void)state;
    return SIZE_MAX;
}

static size_t one(unsigned *state)
{
    (void)state;
    return 1;
}

static size_t some(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return 1 + (*state >> 16) % 9;
}

/* ---- jansson's view ---- */

static void walk(struct trace *trace, const json_t *value)
{
    const char *key;
    json_t *member;
    size_t index;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        add(trace, "{", nothing);
        json_object_foreach((json_t *)value, key, member)
        {
            add(trace, "key", cf_slice_cstr(key));
            walk(trace, member);
        }
        add(trace, "}", nothing);
        break;
    case JSON_ARRAY:
        add(trace, "[", nothing);
        json_array_foreach(value, index, member) walk(trace, member);
        add(trace, "]", nothing);
        break;
    case JSON_STRING:
        add(trace, "string", cf_slice_of(json_string_value(value), json_string_length(value)));
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        add(trace, "number", nothing);
        break;
    case JSON_TRUE:
        add(trace, "true", nothing);
        break;
    case JSON_FALSE:
        add(trace, "false", nothing);
        break;
    case JSON_NULL:
        add(trace, "null", nothing);
        break;
    }
}

static json_t *ask_jansson(struct cf_slice text)
{
    json_error_t error;
    return json_loadb((const char *)text.ptr, text.len,
                      JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
}

/* ---- the vectors ---- */

static size_t hex_value(char digit)
{
    return (size_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

/* A line's escapes taken off, in place; returns the length. */
static size_t unescape(char *line)
{
    size_t len = 0;
    for (const char *at = line; *at != '\0'; at++) {
        if (*at != '\\') {
            line[len++] = *at;
            continue;
        }
        at++;
        if (*at == 'x') {
            line[len++] = (char)(hex_value(at[1]) << 4 | hex_value(at[2]));
            at += 2;
        } else if (*at != 'e') {
            line[len++] = *at == 'n' ? '\n' : *at == 'r' ? '\r' : *at == 't' ? '\t' : *at;
        }
    }
    return len;
}

/* `lax`: jansson is known to accept the text. */
typedef void check_fn(struct cf_slice text, bool lax, const char *line);

static void for_each_vector(const char *name, check_fn *check)
{
    char path[4096], line[TEXT_MAX], shown[TEXT_MAX];
    size_t count = 0;
    snprintf(path, sizeof(path), "%s/vectors/%s", CONFAB_TEST_DATA, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        memcpy(shown, line, strlen(line) + 1);
        bool lax = line[0] == '~';
        size_t len = unescape(line + lax);
        check(cf_slice_of(line + lax, len), lax, shown);
        count++;
    }
    fclose(file);
    assert_true(count >= VECTORS_MIN);
}

static struct trace first, other;

/* All ways of cutting it give the same; the result of the whole run. */
static enum cf_error run_all_ways(struct cf_slice text, const char *line)
{
    enum cf_error error = run(text, whole, 0, &first);
    for (unsigned split = 0; split <= SPLITS; split++) {
        enum cf_error split_error = run(text, split == 0 ? one : some, split, &other);
        if (split_error != error || strcmp(first.text, other.text) != 0)
            fail_msg("%s: split %u gives %s, the whole %s\n%s---\n%s", line, split,
                     cf_error_name(split_error), cf_error_name(error), other.text, first.text);
    }
    return error;
}

static void check_valid(struct cf_slice text, bool lax, const char *line)
{
    assert_false(lax);
    enum cf_error error = run_all_ways(text, line);
    if (error != CF_OK)
        fail_msg("%s: %s", line, cf_error_name(error));
    json_t *tree = ask_jansson(text);
    if (tree == NULL)
        fail_msg("%s: jansson refuses it", line);
    other.len = 0;
    other.text[0] = '\0';
    walk(&other, tree);
    json_decref(tree);
    if (strcmp(first.text, other.text) != 0)
        fail_msg("%s: ours\n%s---- jansson's\n%s", line, first.text, other.text);
}

static void check_invalid(struct cf_slice text, bool lax, const char *line)
{
    enum cf_error error = run_all_ways(text, line);
    if (error == CF_OK)
        fail_msg("%s: accepted", line);
    json_t *tree = ask_jansson(text);
    bool accepted = tree != NULL;
    json_decref(tree);
    if (accepted != lax)
        fail_msg("%s: jansson %s it", line, accepted ? "accepts" : "refuses");
}

static void test_valid(void **state)
{
    (void)state;
    for_each_vector("valid.txt", check_valid);
}

static void test_invalid(void **state)
{
    (void)state;
    for_each_vector("invalid.txt", check_invalid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
