/* The vectors of vectors/: each runs whole, byte by byte and in random splits, with the same
 * result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/http/decoder.h"

enum { SPLITS = 20, LINE_MAX_BYTES = 65536, BODY_MAX = 1 << 20, REFUSED_MIN = 170 };

/* What is being tested, and the head of the message that is being read. */
static enum cf_http_role role;
static const struct cf_http_head *current;

/* ---- a run as text ---- */

struct trace {
    char text[LINE_MAX_BYTES];
    size_t len;
};

static void add(struct trace *trace, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(trace->text + trace->len, sizeof(trace->text) - trace->len, format, args);
    va_end(args);
    trace->len += (size_t)len;
}

static void add_head(struct trace *trace, const struct cf_http_head *head)
{
    if (role == CF_HTTP_RESPONSE)
        add(trace, "[%u", head->status);
    else
        add(trace, "[%.*s %.*s", (int)head->method_text.len, (const char *)head->method_text.ptr,
            (int)head->target.len, (const char *)head->target.ptr);
    add(trace, "%s%s%s", head->keep_alive ? " keep" : "", head->upgrade ? " upgrade" : "",
        head->expect_continue ? " expect" : "");
    for (size_t i = 0; i < head->headers_count; i++) {
        const struct cf_http_header *header = &head->headers[i];
        if (cf_slice_eq_nocase(header->name, CF_LIT("A")))
            add(trace, " A=(%.*s)", (int)header->value.len, (const char *)header->value.ptr);
    }
    add(trace, "]");
}

static struct trace lent, lent_again;

/* All that a head lends. */
static void note_lent(struct trace *trace, const struct cf_http_head *head)
{
    trace->len = 0;
    trace->text[0] = '\0';
    add_head(trace, head);
    for (size_t i = 0; i < head->headers_count; i++)
        add(trace, "%.*s:%.*s;", (int)head->headers[i].name.len,
            (const char *)head->headers[i].name.ptr, (int)head->headers[i].value.len,
            (const char *)head->headers[i].value.ptr);
}

/* False: it is over, and the trace says how. A body's pieces are joined, since a split cuts them
 * differently. */
static bool feed(struct cf_http_decoder *decoder, struct cf_slice piece, struct trace *trace)
{
    struct cf_http_event event = {.type = CF_HTTP_END};
    while (event.type != CF_HTTP_NEED_MORE) {
        enum cf_error error = cf_http_next(decoder, &piece, &event);
        if (error == CF_OK && event.type == CF_HTTP_EVENT_HEAD) {
            current = event.head;
            add_head(trace, current);
            note_lent(&lent, current);
            error = cf_http_body_limit(decoder, BODY_MAX);
        }
        if (error != CF_OK) {
            add(trace, "!%u", cf_http_decoder_status(decoder));
            return false;
        }
        if (event.type == CF_HTTP_BODY) {
            for (size_t i = 0; i < event.body.len; i++)
                add(trace, "%02x", event.body.ptr[i]);
            note_lent(&lent_again, current);
            assert_string_equal(lent.text, lent_again.text);
        } else if (event.type == CF_HTTP_END) {
            add(trace, ".");
        }
    }
    return true;
}

static void run(struct cf_slice input, unsigned split, struct trace *trace)
{
    struct cf_http_limits limits = CF_HTTP_LIMITS_DEFAULT;
    struct cf_http_decoder decoder;
    unsigned state = split;
    bool going = true, ended = false;
    trace->len = 0;
    trace->text[0] = '\0';
    cf_http_decoder_init(&decoder, role, &limits);
    while (going && input.len > 0) {
        state = state * 1664525u + 1013904223u;
        size_t len = split == 0 ? input.len : split == 1 ? 1 : 1 + (state >> 16) % 40;
        struct cf_slice piece = cf_slice_head(input, len);
        input = cf_slice_skip(input, piece.len);
        /* A copy of its own size, so that a sanitizer sees a read beyond the piece. */
        uint8_t *copy = malloc(piece.len);
        memcpy(copy, piece.ptr, piece.len);
        going = feed(&decoder, cf_slice_of(copy, piece.len), trace);
        free(copy);
    }
    if (going && cf_http_finish(&decoder, &ended) != CF_OK)
        add(trace, "~");
    if (ended)
        add(trace, ".");
    cf_http_decoder_deinit(&decoder);
}

static struct trace whole, other;

static void run_all_ways(struct cf_slice input, const char *shown)
{
    run(input, 0, &whole);
    for (unsigned split = 1; split <= SPLITS; split++) {
        run(input, split, &other);
        if (strcmp(whole.text, other.text) != 0)
            fail_msg("%s: split %u gives %s, the whole %s", shown, split, other.text, whole.text);
    }
}

/* ---- the files ---- */

static size_t hex_value(char digit)
{
    return (size_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static struct cf_slice unescape(const char *text, char *out)
{
    size_t len = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '\\') {
            out[len++] = *at;
            continue;
        }
        at++;
        if (*at == 'x') {
            out[len++] = (char)(hex_value(at[1]) << 4 | hex_value(at[2]));
            at += 2;
        } else {
            out[len++] = *at == 'n' ? '\n' : *at == 'r' ? '\r' : *at == 't' ? '\t' : *at;
        }
    }
    return cf_slice_of(out, len);
}

typedef void check_fn(const char *line);

static size_t for_each_line(const char *name, check_fn *check)
{
    char path[4096], line[LINE_MAX_BYTES];
    size_t count = 0;
    snprintf(path, sizeof(path), "%s/vectors/%s", CONFAB_TEST_DATA, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        check(line);
        count++;
    }
    fclose(file);
    return count;
}

static char bytes[LINE_MAX_BYTES];

/* "STATUS bytes": refused with that status, whether a head was given before or not. */
static void check_refused(const char *line)
{
    char wanted[8];
    run_all_ways(unescape(line + 4, bytes), line);
    snprintf(wanted, sizeof(wanted), "!%.3s", line);
    size_t len = strlen(whole.text);
    if (len < 4 || strcmp(whole.text + len - 4, wanted) != 0)
        fail_msg("%s: gives %s", line, whole.text);
}

/* "bytes => trace" */
static void check_accepted(const char *line)
{
    const char *arrow = strstr(line, " => ");
    char input[LINE_MAX_BYTES];
    assert_non_null(arrow);
    snprintf(input, sizeof(input), "%.*s", (int)(arrow - line), line);
    run_all_ways(unescape(input, bytes), input);
    bytes[unescape(arrow + 4, bytes).len] = '\0';
    if (strcmp(whole.text, bytes) != 0)
        fail_msg("%s: gives %s", line, whole.text);
}

static void test_refused_requests_v1(void **state)
{
    (void)state;
    role = CF_HTTP_REQUEST;
    assert_true(for_each_line("refused.txt", check_refused) >= REFUSED_MIN);
}

static void test_accepted_requests(void **state)
{
    (void)state;
    role = CF_HTTP_REQUEST;
    assert_true(for_each_line("accepted.txt", check_accepted) >= 60);
}

static void test_responses(void **state)
{
    (void)state;
    role = CF_HTTP_RESPONSE;
    assert_true(for_each_line("responses.txt", check_accepted) >= 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_requests_v1),
        cmocka_unit_test(test_accepted_requests),
        cmocka_unit_test(test_responses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
