/* Packets and payloads of Engine.IO 4, both ways. */
#include "support.h"

enum { BYTES_MAX = 1 << 21 };

struct vector {
    struct cf_slice text;
    enum cf_eio_type type;
    bool binary;
    struct cf_slice data;
};

#define S(literal)                                         \
    {                                                      \
        (const uint8_t *)("" literal), sizeof(literal) - 1 \
    }

static const struct vector vectors[] = {
    {S("0{\"sid\":\"x\"}"), CF_EIO_OPEN, false, S("{\"sid\":\"x\"}")},
    {S("1"), CF_EIO_CLOSE, false, S("")},
    {S("2"), CF_EIO_PING, false, S("")},
    {S("2probe"), CF_EIO_PING, false, S("probe")},
    {S("3"), CF_EIO_PONG, false, S("")},
    {S("3probe"), CF_EIO_PONG, false, S("probe")},
    {S("4"), CF_EIO_MESSAGE, false, S("")},
    {S("4hello"), CF_EIO_MESSAGE, false, S("hello")},
    {S("4\xE2\x82\xAC"), CF_EIO_MESSAGE, false, S("\xE2\x82\xAC")},
    {S("4bAQID"), CF_EIO_MESSAGE, false, S("bAQID")},
    {S("4\0"), CF_EIO_MESSAGE, false, S("\0")},
    {S("5"), CF_EIO_UPGRADE, false, S("")},
    {S("6"), CF_EIO_NOOP, false, S("")},
    {S("b"), CF_EIO_MESSAGE, true, S("")},
    {S("bAQIDBA=="), CF_EIO_MESSAGE, true, S("\1\2\3\4")},
    {S("bAQI="), CF_EIO_MESSAGE, true, S("\1\2")},
    {S("bAQID"), CF_EIO_MESSAGE, true, S("\1\2\3")},
    {S("b/+8="), CF_EIO_MESSAGE, true, S("\xFF\xEF")},
    {S("bHg=="), CF_EIO_MESSAGE, true, S("\x1E")},
};

static void assert_bytes(struct cf_slice actual, struct cf_slice expected)
{
    assert_int_equal(actual.len, expected.len);
    if (expected.len > 0)
        assert_memory_equal(actual.ptr, expected.ptr, expected.len);
}

static void packets_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(vectors); i++) {
        struct cf_buf scratch;
        struct cf_eio_packet packet;
        cf_buf_init(&scratch, BYTES_MAX);
        assert_int_equal(cf_eio_packet_read(vectors[i].text, &scratch, &packet), CF_OK);
        assert_int_equal(packet.type, vectors[i].type);
        assert_int_equal(packet.binary, vectors[i].binary);
        assert_non_null(packet.data.ptr); /* an empty message is one */
        assert_bytes(packet.data, vectors[i].data);
        cf_buf_deinit(&scratch);
    }
}

static void packets_are_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(vectors); i++) {
        struct cf_buf payload;
        struct cf_eio_packet packet = {vectors[i].type, vectors[i].binary, vectors[i].data};
        cf_buf_init(&payload, BYTES_MAX);
        assert_int_equal(cf_eio_payload_append(&payload, &packet), CF_OK);
        assert_bytes(cf_buf_peek(&payload), vectors[i].text);
        cf_buf_deinit(&payload);
    }
}

static void bad_packets_are_none(void **state)
{
    (void)state;
    static const struct cf_slice bad[] = {
        S(""),
        S("7"),
        S("/"),
        S(" 4a"),
        S("a"),
        S("B"),
        S("\0"),
        S("\xFF"),
        S("bA"),
        S("bAQ"),
        S("bAQI"),
        S("bAQ=="
          "="),
        S("bAQ= ="),
        S("bAQJ="),
        S("bAR=="),
        S("b===="),
        S("b=AQI"),
        S("bAQ-_"),
        S("b AQI"),
        S("bAQI\n"),
        S("bAQID="),
        S("bAQID=="),
        S("bAQID===="),
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(bad); i++) {
        struct cf_buf scratch;
        struct cf_eio_packet packet = {.type = CF_EIO_NOOP};
        cf_buf_init(&scratch, BYTES_MAX);
        if (cf_eio_packet_read(bad[i], &scratch, &packet) != CF_E_SYNTAX)
            fail_msg("\"%.*s\" is read", (int)bad[i].len, (const char *)bad[i].ptr);
        assert_int_equal(packet.type, CF_EIO_NOOP);
        cf_buf_deinit(&scratch);
    }
}

/* The scratch is emptied before it is filled, and limits what is decoded. */
static void the_scratch_is_the_limit(void **state)
{
    (void)state;
    struct cf_buf scratch;
    struct cf_eio_packet packet;
    cf_buf_init(&scratch, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(cf_eio_packet_read(CF_LIT("bAQID"), &scratch, &packet), CF_OK);
        assert_slice_equal(packet.data, "\1\2\3");
    }
    assert_int_equal(cf_eio_packet_read(CF_LIT("bAQIDBA=="), &scratch, &packet), CF_E_TOO_LARGE);
    cf_buf_deinit(&scratch);
}

static void a_payload_takes_whole_packets_only(void **state)
{
    (void)state;
    static const char full[] = "4a\x1E"
                               "bAQI=\x1E"
                               "6";
    const struct cf_eio_packet packets[] = {{CF_EIO_MESSAGE, false, S("a")},
                                            {CF_EIO_MESSAGE, true, S("\1\2")},
                                            {CF_EIO_NOOP, false, S("")}};
    static const size_t lens[] = {2, 8, 10}; /* of the payload after each packet */
    for (size_t max = 0; max <= 11; max++) {
        struct cf_buf payload;
        cf_buf_init(&payload, max);
        for (size_t i = 0; i < 3; i++) {
            size_t before = payload.len;
            enum cf_error error = cf_eio_payload_append(&payload, &packets[i]);
            if (max >= 10)
                assert_int_equal(payload.len, lens[i]);
            assert_true(error == CF_OK || (error == CF_E_TOO_LARGE && payload.len == before));
        }
        if (max >= 10)
            assert_bytes(cf_buf_peek(&payload), cf_slice_of(full, sizeof(full) - 1));
        cf_buf_deinit(&payload);
    }
}

/* Any bytes come back, at every length of the last base64 group. */
static void binary_comes_back(void **state)
{
    (void)state;
    uint64_t seed = 20260103;
    struct cf_buf payload, scratch;
    uint8_t bytes[300];
    cf_buf_init(&payload, BYTES_MAX);
    cf_buf_init(&scratch, BYTES_MAX);
    for (size_t len = 0; len < sizeof(bytes); len++) {
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)next_random(&seed);
        struct cf_eio_packet packet = {CF_EIO_MESSAGE, true, cf_slice_of(bytes, len)}, back;
        cf_buf_reset(&payload);
        assert_int_equal(cf_eio_payload_append(&payload, &packet), CF_OK);
        assert_int_equal(cf_slice_find(cf_buf_peek(&payload), CF_EIO_SEPARATOR), payload.len);
        assert_int_equal(cf_eio_packet_read(cf_buf_peek(&payload), &scratch, &back), CF_OK);
        assert_true(back.binary);
        assert_bytes(back.data, packet.data);
    }
    cf_buf_deinit(&payload);
    cf_buf_deinit(&scratch);
}

/* ---- payloads, as a session reads them ---- */

static void payloads_are_read(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"one", "post:4a", "up=a"},
        {"several", "post:4a|4bc|4", "up=a up=bc up="},
        {"binary among text", "post:4a|bAQID|4b", "up=a upb=\1\2\3 up=b"},
        {"empty binary first", "post:b|4a", "upb= up=a"},
        {"only empty binary", "post:b|b", "upb= upb="},
        {"only empty text", "post:4|4", "up= up="},
        {"what means nothing", "post:3|6|0|5|4a", "up=a"},
        {"text that looks like base64", "post:4bAQID", "up=bAQID"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes), CF_EIO_POLLING);
}

/* V13, V15: what is no payload closes its session; the GET that is open is told. */
static void bad_payloads_close(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {"nothing", "post:", "!SYNTAX END:PROTOCOL"},
        {"nothing, a GET open", "poll post:", "!SYNTAX get=1 END:PROTOCOL"},
        {"nothing, in the memory of a longer one",
         "post:4abcdef post:", "up=abcdef !SYNTAX END:PROTOCOL"},
        {"a separator", "post:|", "!SYNTAX END:PROTOCOL"},
        {"separators", "poll post:||||||", "!SYNTAX get=1 END:PROTOCOL"},
        {"separator in front", "post:|4a", "!SYNTAX END:PROTOCOL"},
        {"separator behind", "post:4a|", "up=a !SYNTAX END:PROTOCOL"},
        {"two separators", "post:4a||4b", "up=a !SYNTAX END:PROTOCOL"},
        {"unknown type", "post:4a|7|4b", "up=a !SYNTAX END:PROTOCOL"},
        {"bad base64", "post:4a|bAQI|4b", "up=a !SYNTAX END:PROTOCOL"},
        {"ping", "post:4a|2|4b", "up=a !SYNTAX END:PROTOCOL"},
        {"ping, a GET open", "poll post:2probe", "!SYNTAX get=1 END:PROTOCOL"},
        {"no UTF-8", "post:4a|4\xC3|4b", "up=a !UTF8 END:PROTOCOL"},
        {"a surrogate", "post:4\xED\xA0\x80", "!UTF8 END:PROTOCOL"},
        {"behind a close", "post:4a|1|7", "up=a END:BY_CLIENT"},
    };
    check_scenes(scenes, CF_ARRAY_LEN(scenes), CF_EIO_POLLING);
}

/* V15: a payload of the greatest size, of separators or of the smallest packets, is read in one
 * pass: what is left is never copied, and each call moves on. */
static void v15_many_small_packets_are_read_in_one_pass(void **state)
{
    (void)state;
    struct script script;
    struct cf_buf body;
    begin(&script, CF_EIO_POLLING);
    cf_buf_init(&body, BYTES_MAX);
    for (size_t i = 0; i < 499999; i++)
        script_put(&body, CF_LIT("4\x1E"));
    script_put(&body, CF_LIT("4"));
    struct cf_slice rest = cf_buf_peek(&body);
    struct cf_eio_packet packet;
    size_t count = 0;
    assert_int_equal(cf_eio_post_begin(&script.s), CF_OK);
    for (;; count++) {
        size_t before = rest.len;
        assert_int_equal(cf_eio_payload_next(&script.s, &rest, 0, &script.decoded, &packet), CF_OK);
        if (packet.data.ptr == NULL)
            break;
        assert_int_equal(before - rest.len, rest.len > 0 || rest.ptr != NULL ? 2 : 1);
    }
    assert_int_equal(count, 500000);
    cf_buf_deinit(&body);
    script_deinit(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_read),
        cmocka_unit_test(packets_are_written),
        cmocka_unit_test(bad_packets_are_none),
        cmocka_unit_test(the_scratch_is_the_limit),
        cmocka_unit_test(a_payload_takes_whole_packets_only),
        cmocka_unit_test(binary_comes_back),
        cmocka_unit_test(payloads_are_read),
        cmocka_unit_test(bad_payloads_close),
        cmocka_unit_test(v15_many_small_packets_are_read_in_one_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
