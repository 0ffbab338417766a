/* Conversations as JSON, to the byte. */
#include "dialect/talk/rows.h"

#include <stdio.h>

#include "unit/talk/support.h"

enum { OUT_MAX = 1024 * 1024 };

static struct cf_buf out;
static struct cf_json_writer w;

static int set_up(void **state)
{
    (void)state;
    cf_buf_init(&out, OUT_MAX);
    cf_json_writer_init(&w, &out);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cf_buf_deinit(&out);
    return 0;
}

static void assert_json(const char *wanted)
{
    assert_int_equal(cf_json_writer_finish(&w), CF_OK);
    assert_written(&out, wanted);
    cf_json_writer_init(&w, &out);
}

/* ---- users ---- */

static void assert_user(struct cf_slice user, const char *wanted)
{
    cf_talk_write_user(&w, user);
    assert_json(wanted);
}

/* A number only if the same digits come back from a JavaScript number. */
static void a_user_id_is_a_number_where_a_number_can_be_it(void **state)
{
    (void)state;
    assert_user(CF_LIT("0"), "0");
    assert_user(CF_LIT("1"), "1");
    assert_user(CF_LIT("42"), "42");
    assert_user(CF_LIT("10"), "10");
    assert_user(CF_LIT("9007199254740990"), "9007199254740990");
    assert_user(CF_LIT("9007199254740991"), "9007199254740991");
    assert_user(CF_LIT("9007199254740992"), "\"9007199254740992\"");
    assert_user(CF_LIT("9007199254740993"), "\"9007199254740993\"");
    assert_user(CF_LIT("9223372036854775807"), "\"9223372036854775807\"");
    assert_user(CF_LIT("18446744073709551615"), "\"18446744073709551615\"");
    assert_user(CF_LIT("18446744073709551616"), "\"18446744073709551616\"");
    assert_user(CF_LIT("99999999999999999999999999"), "\"99999999999999999999999999\"");
}

static void other_user_ids_are_strings(void **state)
{
    (void)state;
    assert_user(CF_LIT("00"), "\"00\"");
    assert_user(CF_LIT("01"), "\"01\"");
    assert_user(CF_LIT("007"), "\"007\"");
    assert_user(CF_LIT("-1"), "\"-1\"");
    assert_user(CF_LIT("-0"), "\"-0\"");
    assert_user(CF_LIT("+1"), "\"+1\"");
    assert_user(CF_LIT(" 1"), "\" 1\"");
    assert_user(CF_LIT("1 "), "\"1 \"");
    assert_user(CF_LIT("1.0"), "\"1.0\"");
    assert_user(CF_LIT("1e3"), "\"1e3\"");
    assert_user(CF_LIT("0x10"), "\"0x10\"");
    assert_user(CF_LIT("\xD9\xA1"), "\"\xD9\xA1\""); /* a digit, but not of ours */
    assert_user(CF_LIT("ann"), "\"ann\"");
    assert_user(CF_LIT("a\"b\\c"), "\"a\\\"b\\\\c\"");
}

/* ---- HTML ---- */

static void assert_words(struct cf_slice text, const char *wanted)
{
    static char json[OUT_MAX];
    struct cf_talk_message message = sample_message();
    message.text = text;
    message.author_name = text;
    snprintf(json, sizeof(json),
             "{\"id\":41,\"conversationId\":3,\"senderId\":7,\"senderName\":\"%s\",\"text\":\"%s\","
             "\"clientMessageId\":\"" CLIENT_ID "\",\"createdAt\":\"2026-01-03T15:30:00.000000Z\","
             "\"seq\":5}",
             wanted, wanted);
    cf_talk_write_message(&w, &message, false);
    assert_json(json);
}

static void every_ascii_character_is_itself_but_five(void **state)
{
    (void)state;
    for (unsigned c = 0x20; c < 0x80; c++) {
        char text[] = {(char)c}, wanted[8];
        snprintf(wanted, sizeof(wanted), c == '\\' ? "\\\\" : "%c", (char)c);
        const char *reference = c == '&'    ? "&amp;"
                                : c == '<'  ? "&lt;"
                                : c == '>'  ? "&gt;"
                                : c == '"'  ? "&quot;"
                                : c == '\'' ? "&#39;"
                                            : wanted;
        assert_words(cf_slice_of(text, 1), reference);
    }
}

static void escapes_stand_where_the_character_stood(void **state)
{
    (void)state;
    assert_words(CF_LIT(""), "");
    assert_words(CF_LIT("<script>alert('x')</script>"),
                 "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
    assert_words(CF_LIT("&&"), "&amp;&amp;");
    assert_words(CF_LIT("a&"), "a&amp;");
    assert_words(CF_LIT("&a"), "&amp;a");
    assert_words(CF_LIT("&amp;"), "&amp;amp;"); /* once more: what was typed shows */
    assert_words(CF_LIT("\xE2\x82\xAC<\xF0\x9F\x98\x80"), "\xE2\x82\xAC&lt;\xF0\x9F\x98\x80");
    assert_words(CF_LIT("a\n\t<"), "a\\n\\t&lt;");
}

/* The longest text there is, of nothing but the longest reference. */
static void long_texts_are_escaped_whole(void **state)
{
    (void)state;
    static char text[4000], wanted[sizeof(text) * 6 + 1];
    for (size_t len = 998; len <= sizeof(text); len = len < 1001 ? len + 1 : len + 1500) {
        memset(text, '"', len);
        for (size_t i = 0; i < len; i++)
            memcpy(wanted + 6 * i, "&quot;", 7);
        assert_words(cf_slice_of(text, len), wanted);
        text[len - 1] = 'x';
        memcpy(wanted + 6 * (len - 1), "x", 2);
        assert_words(cf_slice_of(text, len), wanted);
    }
}

/* ---- messages and marks ---- */

static void a_message(void **state)
{
    (void)state;
    struct cf_talk_message message = sample_message();
    cf_talk_write_message(&w, &message, false);
    assert_json(SAMPLE_JSON);
    message = (struct cf_talk_message){
        .id = INT64_C(9007199254740991),
        .talk = INT64_C(9007199254740991),
        .seq = UINT64_C(9007199254740991),
        .author = CF_LIT("01"),
        .author_name = CF_LIT("O'Neil"),
        .text = CF_LIT("\"\\"),
        .client_id = CF_LIT("x"),
        .created = START_US + 123456,
    };
    cf_talk_write_message(&w, &message, false);
    assert_json("{\"id\":9007199254740991,\"conversationId\":9007199254740991,\"senderId\":\"01\","
                "\"senderName\":\"O&#39;Neil\",\"text\":\"&quot;\\\\\",\"clientMessageId\":\"x\","
                "\"createdAt\":\"2026-01-03T15:30:00.123456Z\",\"seq\":9007199254740991}");
}

#define WITHOUT_END                                                          \
    "{\"id\":41,\"conversationId\":3,\"senderId\":7,\"senderName\":\"Ann\"," \
    "\"text\":\"hello\",\"clientMessageId\":\"" CLIENT_ID "\","              \
    "\"createdAt\":\"2026-01-03T15:30:00.000000Z\",\"seq\":5"

static void a_message_with_receipts(void **state)
{
    (void)state;
    struct cf_talk_receipt receipts[] = {
        {.user = CF_LIT("8")},
        {.user = CF_LIT("bob"), .delivered = START_US + 1},
        {.user = CF_LIT("cyn"), .delivered = START_US + 1, .read = START_US + 2},
        {.user = CF_LIT("dan"), .read = START_US + 3},
    };
    struct cf_talk_message message = sample_message();
    cf_talk_write_message(&w, &message, true);
    assert_json(WITHOUT_END ",\"receipts\":[]}");
    message.receipts = receipts;
    message.receipts_count = CF_ARRAY_LEN(receipts);
    cf_talk_write_message(&w, &message, true);
    assert_json(WITHOUT_END ",\"receipts\":[{\"userId\":8},"
                            "{\"userId\":\"bob\",\"deliveredAt\":\"2026-01-03T15:30:00.000001Z\"},"
                            "{\"userId\":\"cyn\",\"deliveredAt\":\"2026-01-03T15:30:00.000001Z\","
                            "\"readAt\":\"2026-01-03T15:30:00.000002Z\"},"
                            "{\"userId\":\"dan\",\"readAt\":\"2026-01-03T15:30:00.000003Z\"}]}");
    cf_talk_write_message(&w, &message, false);
    assert_json(SAMPLE_JSON);
}

static void marks(void **state)
{
    (void)state;
    struct cf_talk_mark mark = sample_mark(CF_MARK_READ);
    cf_talk_write_mark(&w, &mark);
    assert_json("{\"messageId\":41,\"conversationId\":3,\"readBy\":\"bob\","
                "\"readAt\":\"2026-01-03T15:30:00.000001Z\"}");
    mark = sample_mark(CF_MARK_DELIVERED);
    mark.user = CF_LIT("8");
    cf_talk_write_mark(&w, &mark);
    assert_json("{\"messageId\":41,\"conversationId\":3,\"deliveredTo\":8,"
                "\"deliveredAt\":\"2026-01-03T15:30:00.000001Z\"}");
}

/* ---- talks ---- */

static void a_talk_of_nobody_and_nothing(void **state)
{
    (void)state;
    struct cf_talk_row talk = {
        .id = 3,
        .kind = CF_TALK_DIRECT,
        .created_by = CF_LIT("7"),
        .created = START_US,
        .last_seq = 99, /* the client's own affair */
    };
    cf_talk_write_talk(&w, &talk);
    assert_json("{\"id\":3,\"kind\":\"direct\",\"title\":\"\",\"createdBy\":7,"
                "\"createdAt\":\"2026-01-03T15:30:00.000000Z\",\"participants\":[],"
                "\"unreadCount\":0,\"lastMessage\":null}");
}

static void a_talk_with_everything(void **state)
{
    (void)state;
    struct cf_talk_receipt receipt = {.user = CF_LIT("bob"), .read = START_US};
    struct cf_talk_message last = sample_message();
    last.receipts = &receipt;
    last.receipts_count = 1;
    struct cf_talk_person people[] = {
        {.user = CF_LIT("7"), .name = CF_LIT("Ann"), .joined = START_US},
        {.user = CF_LIT("bob"), .name = CF_LIT("<Bob>"), .joined = START_US + 1},
    };
    struct cf_talk_row talk = {
        .id = 4,
        .kind = CF_TALK_GROUP,
        .title = CF_LIT("A & B"),
        .created_by = CF_LIT("ann"),
        .created = START_US,
        .unread = 12,
        .people = people,
        .people_count = 2,
        .last = &last,
    };
    cf_talk_write_talk(&w, &talk);
    assert_json("{\"id\":4,\"kind\":\"group\",\"title\":\"A &amp; B\",\"createdBy\":\"ann\","
                "\"createdAt\":\"2026-01-03T15:30:00.000000Z\",\"participants\":["
                "{\"userId\":7,\"name\":\"Ann\",\"joinedAt\":\"2026-01-03T15:30:00.000000Z\"},"
                "{\"userId\":\"bob\",\"name\":\"&lt;Bob&gt;\","
                "\"joinedAt\":\"2026-01-03T15:30:00.000001Z\"}],"
                "\"unreadCount\":12,\"lastMessage\":" SAMPLE_JSON "}");
}

/* A full buffer is an error at the end, not a shorter text. */
static void no_room_is_an_error(void **state)
{
    (void)state;
    struct cf_talk_message message = sample_message();
    message.text = CF_LIT("a <b> & 'c'");
    cf_talk_write_message(&w, &message, false);
    assert_int_equal(cf_json_writer_finish(&w), CF_OK);
    size_t whole = out.len;
    for (size_t max = 0; max <= whole; max++) {
        struct cf_buf little;
        cf_buf_init(&little, max);
        cf_json_writer_init(&w, &little);
        cf_talk_write_message(&w, &message, false);
        assert_int_equal(cf_json_writer_finish(&w), max < whole ? CF_E_TOO_LARGE : CF_OK);
        cf_buf_deinit(&little);
    }
}

#define WRITING(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITING(a_user_id_is_a_number_where_a_number_can_be_it),
        WRITING(other_user_ids_are_strings),
        WRITING(every_ascii_character_is_itself_but_five),
        WRITING(escapes_stand_where_the_character_stood),
        WRITING(long_texts_are_escaped_whole),
        WRITING(a_message),
        WRITING(a_message_with_receipts),
        WRITING(marks),
        WRITING(a_talk_of_nobody_and_nothing),
        WRITING(a_talk_with_everything),
        WRITING(no_room_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
