/* Answers of a server that is measured, and texts of messages. */
#include "bench/http.h"
#include "bench/text.h"

#include "unit/base/support.h"

static struct cf_bench_answer answer;

static enum cf_error read_answer(const char *text)
{
    return cf_bench_answer_read(cf_slice_cstr(text), &answer);
}

static void an_answer_and_what_follows_it(void **state)
{
    (void)state;
    static const char text[] = "HTTP/1.1 201 Created\r\ncontent-length: 5\r\nX: y\r\n\r\nhelloHTTP";
    assert_int_equal(read_answer(text), CF_OK);
    assert_int_equal(answer.status, 201);
    assert_int_equal(answer.len, sizeof(text) - 1 - 4);
    assert_memory_equal(answer.body.ptr, "hello", 5);
    assert_int_equal(answer.body.len, 5);
}

/* Every piece of it is too short, and none is taken for another answer. */
static void a_piece_of_an_answer(void **state)
{
    (void)state;
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    for (size_t len = 0; len < sizeof(text) - 1; len++)
        assert_int_equal(cf_bench_answer_read(cf_slice_of(text, len), &answer), CF_E_TRUNCATED);
    assert_int_equal(read_answer(text), CF_OK);
}

static void answers_without_a_body(void **state)
{
    (void)state;
    assert_int_equal(
        read_answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81"), CF_OK);
    assert_int_equal(answer.status, 101);
    assert_int_equal(answer.body.len, 0);
    assert_int_equal(read_answer("HTTP/1.1 204 No Content\r\n\r\n"), CF_OK);
    assert_int_equal(answer.len, 27);
}

static void what_is_no_answer(void **state)
{
    (void)state;
    assert_int_equal(read_answer("HTTP/1.1 200 OK\r\n\r\n"), CF_E_SYNTAX);
    assert_int_equal(read_answer("SSH-2.0-OpenSSH_9.2\r\n\r\n"), CF_E_SYNTAX);
    assert_int_equal(read_answer("HTTP/1.1 20x OK\r\n\r\n"), CF_E_SYNTAX);
    assert_int_equal(read_answer("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), CF_E_SYNTAX);
}

static void a_refusal_says_what_to_do(void **state)
{
    (void)state;
    struct cf_bench_why why = {.text = ""};
    assert_int_equal(read_answer("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}"),
                     CF_OK);
    assert_int_equal(cf_bench_refused(&why, "a stream", &answer), CF_E_IO);
    assert_string_equal(why.text, "the server refused a stream: 401 {}; sign with the server's "
                                  "JWT_SECRET (in the environment, or --secret)");
    assert_int_equal(cf_bench_fail(&why, "another"), CF_E_IO);
    assert_memory_equal(why.text, "the server refused", 18);
}

static void a_head_is_read_as_it_was_written(void **state)
{
    (void)state;
    uint8_t head[CF_BENCH_HEAD_LEN];
    unsigned sender;
    uint32_t counter;
    uint64_t sent_ns;
    cf_bench_text_head(head, 0xabcdef1, 0xfedcba98, UINT64_C(0x0123456789abcdef));
    assert_memory_equal(head, "abcdef1+fedcba98+0123456789abcdef", CF_BENCH_HEAD_LEN);
    assert_true(cf_bench_text_parse(head, &sender, &counter, &sent_ns));
    assert_int_equal(sender, 0xabcdef1);
    assert_int_equal(counter, 0xfedcba98);
    assert_int_equal(sent_ns, UINT64_C(0x0123456789abcdef));
    for (size_t i = 0; i < sizeof(head); i++) {
        uint8_t was = head[i];
        head[i] = 'g';
        assert_false(cf_bench_text_parse(head, &sender, &counter, &sent_ns));
        head[i] = was;
    }
}

static void a_text_has_its_size(void **state)
{
    (void)state;
    struct cf_buf text;
    cf_buf_init(&text, CF_BENCH_TEXT_MAX * 2);
    assert_int_equal(cf_bench_text_append(&text, 200, false, 3), CF_OK);
    assert_int_equal(text.len, 200);
    assert_int_equal(cf_bench_text_append(&text, 100, true, 3), CF_OK);
    assert_int_equal(text.len, 200 + 136);
    assert_int_equal(cf_bench_text_len(100, true), 136);
    assert_int_equal(cf_bench_text_len(100, false), 100);
    assert_int_equal(cf_bench_text_append(&text, CF_BENCH_TEXT_MAX + 1, true, 3), CF_E_TOO_LARGE);
    cf_buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_and_what_follows_it),
        cmocka_unit_test(a_piece_of_an_answer),
        cmocka_unit_test(answers_without_a_body),
        cmocka_unit_test(what_is_no_answer),
        cmocka_unit_test(a_refusal_says_what_to_do),
        cmocka_unit_test(a_head_is_read_as_it_was_written),
        cmocka_unit_test(a_text_has_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
