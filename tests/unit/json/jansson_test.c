/* Hazards V9 and V25: the reader against jansson, an independent one, over the documents in
 * vectors/documents_*.txt. Both accept and see the same, or both refuse; where they differ the
 * vectors say so and why. Each document is read whole, byte by byte and in random pieces.
 *
 * In a vectors file a line is a document; empty lines and those that begin with # are comments.
 * %hh is the byte with that hexadecimal value, %_ nothing (for the empty document) and %<N:text>
 * N times the text, in which %hh may stand. All else stands for itself. */
#include "unit/json/support.h"

#include <jansson.h>

#include "json/value.h"

enum { LINE_MAX = 4096, VECTORS_MIN = 200 };

/* ---- the notation ---- */

static uint8_t read_hex(const char *text)
{
    unsigned value;
    assert_int_equal(sscanf(text, "%2x", &value), 1);
    return (uint8_t)value;
}

/* A byte, written plainly or as %hh, from the front of *text. */
static uint8_t take_byte(const char **text)
{
    if (**text != '%')
        return (uint8_t) * (*text)++;
    uint8_t byte = read_hex(*text + 1);
    *text += 3;
    return byte;
}

/* Behind "%<": N:text> */
static void take_repetition(const char **text, struct cf_buf *out)
{
    char *after;
    size_t times = (size_t)strtoul(*text, &after, 10);
    assert_int_equal(*after, ':');
    size_t start = out->len;
    for (*text = after + 1; **text != '>';) {
        assert_int_not_equal(**text, '\0');
        assert_int_equal(cf_buf_append_byte(out, take_byte(text)), CF_OK);
    }
    ++*text;
    size_t len = out->len - start;
    assert_int_equal(cf_buf_reserve(out, len * times), CF_OK);
    for (size_t i = 1; i < times; i++) {
        memcpy(out->ptr + out->len, out->ptr + start, len);
        out->len += len;
    }
}

static void decode_line(const char *text, struct cf_buf *out)
{
    cf_buf_reset(out);
    while (*text != '\0') {
        if (strncmp(text, "%<", 2) == 0) {
            text += 2;
            take_repetition(&text, out);
        } else if (strncmp(text, "%_", 2) == 0) {
            text += 2;
        } else {
            assert_int_equal(cf_buf_append_byte(out, take_byte(&text)), CF_OK);
        }
    }
}

/* Drops `word` and a space from the front. */
static bool take_word(const char **text, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*text, word, len) != 0 || (*text)[len] != ' ')
        return false;
    *text += len + 1;
    return true;
}

static void each_vector(const char *name, void (*check)(const char *line, struct cf_buf *document))
{
    char path[1024], line[LINE_MAX];
    struct cf_buf document;
    snprintf(path, sizeof(path), "%s/vectors/%s", CONFAB_TEST_DATA, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    cf_buf_init(&document, SIZE_MAX);
    size_t count = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        size_t len = strcspn(line, "\n");
        assert_int_equal(line[len], '\n');
        line[len] = '\0';
        if (len == 0 || line[0] == '#')
            continue;
        print_message("%s\n", line);
        check(line, &document);
        count++;
    }
    fclose(file);
    cf_buf_deinit(&document);
    print_message("%s: %zu vectors\n", name, count);
    assert_true(count >= VECTORS_MIN);
}

/* ---- what jansson sees, in the words of write_event ---- */

static void write_number(struct cf_buf *out, unsigned depth, bool integer, int64_t whole,
                         double real)
{
    char text[64];
    int len = integer ? snprintf(text, sizeof(text), "%" PRId64, whole)
                      : snprintf(text, sizeof(text), "%.17g real", real);
    struct cf_json_event event = {CF_JSON_NUMBER, cf_slice_of(text, (size_t)len), depth};
    write_event(out, &event);
}

static void write_plain(struct cf_buf *out, enum cf_json_type type, struct cf_slice text,
                        unsigned depth)
{
    write_event(out, &(struct cf_json_event){type, text, depth});
}

static void write_json(struct cf_buf *out, json_t *json, unsigned depth);

static void write_members(struct cf_buf *out, json_t *object, unsigned depth)
{
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        struct cf_slice key = cf_slice_of(json_object_iter_key(at), json_object_iter_key_len(at));
        write_plain(out, CF_JSON_KEY, key, depth);
        write_json(out, json_object_iter_value(at), depth);
    }
}

static void write_json(struct cf_buf *out, json_t *json, unsigned depth)
{
    struct cf_slice none = {NULL, 0};
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        write_plain(out, CF_JSON_OBJECT_BEGIN, none, depth + 1);
        write_members(out, json, depth + 1);
        write_plain(out, CF_JSON_OBJECT_END, none, depth);
        break;
    case JSON_ARRAY:
        write_plain(out, CF_JSON_ARRAY_BEGIN, none, depth + 1);
        for (size_t i = 0; i < json_array_size(json); i++)
            write_json(out, json_array_get(json, i), depth + 1);
        write_plain(out, CF_JSON_ARRAY_END, none, depth);
        break;
    case JSON_STRING:
        write_plain(out, CF_JSON_STRING,
                    cf_slice_of(json_string_value(json), json_string_length(json)), depth);
        break;
    case JSON_INTEGER:
        write_number(out, depth, true, json_integer_value(json), 0);
        break;
    case JSON_REAL:
        write_number(out, depth, false, 0, json_real_value(json));
        break;
    default:
        write_plain(out,
                    json_is_true(json)    ? CF_JSON_TRUE
                    : json_is_false(json) ? CF_JSON_FALSE
                                          : CF_JSON_NULL,
                    none, depth);
    }
}

static json_t *ask_jansson(struct cf_slice document)
{
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    /* It refuses NULL, and takes no length of 0 for the end of a text. */
    return json_loadb(document.len == 0 ? "" : (const char *)document.ptr, document.len, flags,
                      NULL);
}

/* ---- what we see, with numbers by their value ---- */

static void write_ours(struct cf_buf *out, const struct cf_json_event *event)
{
    int64_t whole;
    char text[64];
    if (event->type != CF_JSON_NUMBER) {
        write_event(out, event);
        return;
    }
    bool integer = cf_json_to_i64(event->text, &whole) == CF_OK;
    assert_true(event->text.len < sizeof(text));
    memcpy(text, event->text.ptr, event->text.len);
    text[event->text.len] = '\0';
    write_number(out, event->depth, integer, integer ? whole : 0, integer ? 0 : strtod(text, NULL));
}

static void read_ours(struct cf_slice document, struct cf_buf *out)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_json_reader reader;
    struct cf_json_event event;
    cf_json_reader_init(&reader, &limits, test_key);
    do {
        assert_int_equal(cf_json_next(&reader, &document, &event), CF_OK);
        if (event.type == CF_JSON_NEED_MORE)
            assert_int_equal(cf_json_finish(&reader, &event), CF_OK);
        if (event.type != CF_JSON_NEED_MORE)
            write_ours(out, &event);
    } while (event.type != CF_JSON_NEED_MORE);
    cf_json_reader_deinit(&reader);
}

static void compare_with_jansson(struct cf_slice document, json_t *json)
{
    struct cf_buf theirs, ours;
    cf_buf_init(&theirs, SIZE_MAX);
    cf_buf_init(&ours, SIZE_MAX);
    write_json(&theirs, json, 0);
    read_ours(document, &ours);
    assert_int_equal(ours.len, theirs.len);
    assert_memory_equal(ours.ptr, theirs.ptr, theirs.len);
    cf_buf_deinit(&theirs);
    cf_buf_deinit(&ours);
}

/* ---- the two files ---- */

static void check_valid(const char *line, struct cf_buf *document)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    bool jansson_refuses = take_word(&line, "!jansson");
    decode_line(line, document);
    check_error(cf_buf_peek(document), &limits, CF_OK);
    json_t *json = ask_jansson(cf_buf_peek(document));
    assert_int_equal(json == NULL, jansson_refuses);
    if (json != NULL)
        compare_with_jansson(cf_buf_peek(document), json);
    json_decref(json);
}

static enum cf_error take_error(const char **line)
{
    for (enum cf_error error = CF_OK; error <= CF_E_STATE; error++) {
        if (take_word(line, cf_error_name(error)))
            return error;
    }
    fail_msg("no error's name: %s", *line);
    return CF_OK;
}

static void check_invalid(const char *line, struct cf_buf *document)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    enum cf_error expected = take_error(&line);
    bool jansson_accepts = take_word(&line, "!jansson");
    decode_line(line, document);
    check_error(cf_buf_peek(document), &limits, expected);
    json_t *json = ask_jansson(cf_buf_peek(document));
    assert_int_equal(json != NULL, jansson_accepts);
    json_decref(json);
}

static void test_valid_documents_read_as_jansson_does(void **state)
{
    (void)state;
    each_vector("documents_valid.txt", check_valid);
}

static void test_invalid_documents_are_refused_as_by_jansson(void **state)
{
    (void)state;
    each_vector("documents_invalid.txt", check_invalid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid_documents_read_as_jansson_does),
        cmocka_unit_test(test_invalid_documents_are_refused_as_by_jansson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
