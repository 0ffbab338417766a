/* Packets of Socket.IO 5, both ways. */
#include "unit/base/support.h"

#include "dialect/sio/packet.h"

enum { NO_ID = -1 };

struct vector {
    const char *text;
    enum cf_sio_type type;
    unsigned attachments;
    const char *nsp;
    int64_t id;
    const char *payload; /* NULL: none */
    const char *written; /* NULL: as it was read */
};

static const struct vector vectors[] = {
    {"0", CF_SIO_CONNECT, 0, "/", NO_ID, NULL, NULL},
    {"0{\"token\":\"x\"}", CF_SIO_CONNECT, 0, "/", NO_ID, "{\"token\":\"x\"}", NULL},
    {"0/custom,", CF_SIO_CONNECT, 0, "/custom", NO_ID, NULL, NULL},
    {"0/custom", CF_SIO_CONNECT, 0, "/custom", NO_ID, NULL, "0/custom,"},
    {"0/custom,{}", CF_SIO_CONNECT, 0, "/custom", NO_ID, "{}", NULL},
    {"0/custom{}", CF_SIO_CONNECT, 0, "/custom{}", NO_ID, NULL, "0/custom{},"},
    {"0/,{}", CF_SIO_CONNECT, 0, "/", NO_ID, "{}", "0{}"},
    {"0/a/b?c=d,{}", CF_SIO_CONNECT, 0, "/a/b?c=d", NO_ID, "{}", NULL},
    {"1", CF_SIO_DISCONNECT, 0, "/", NO_ID, NULL, NULL},
    {"1/custom,", CF_SIO_DISCONNECT, 0, "/custom", NO_ID, NULL, NULL},
    {"2[\"a\"]", CF_SIO_EVENT, 0, "/", NO_ID, "[\"a\"]", NULL},
    {"20[\"a\"]", CF_SIO_EVENT, 0, "/", 0, "[\"a\"]", NULL},
    {"212[\"a\"]", CF_SIO_EVENT, 0, "/", 12, "[\"a\"]", NULL},
    {"2007[\"a\"]", CF_SIO_EVENT, 0, "/", 7, "[\"a\"]", "27[\"a\"]"},
    {"2/custom,12[\"a\"]", CF_SIO_EVENT, 0, "/custom", 12, "[\"a\"]", NULL},
    {"2", CF_SIO_EVENT, 0, "/", NO_ID, NULL, NULL},
    {"2-1[\"a\"]", CF_SIO_EVENT, 0, "/", NO_ID, "-1[\"a\"]", NULL},
    {"29007199254740991[]", CF_SIO_EVENT, 0, "/", 9007199254740991, "[]", NULL},
    {"31[]", CF_SIO_ACK, 0, "/", 1, "[]", NULL},
    {"3/custom,1[1]", CF_SIO_ACK, 0, "/custom", 1, "[1]", NULL},
    {"4{\"message\":\"x\"}", CF_SIO_CONNECT_ERROR, 0, "/", NO_ID, "{\"message\":\"x\"}", NULL},
    {"51-[1]", CF_SIO_BINARY_EVENT, 1, "/", NO_ID, "[1]", NULL},
    {"510-[1]", CF_SIO_BINARY_EVENT, 10, "/", NO_ID, "[1]", NULL},
    {"51-7[1]", CF_SIO_BINARY_EVENT, 1, "/", 7, "[1]", NULL},
    {"52-/custom,7[1]", CF_SIO_BINARY_EVENT, 2, "/custom", 7, "[1]", NULL},
    {"51-", CF_SIO_BINARY_EVENT, 1, "/", NO_ID, NULL, NULL},
    {"51--1[1]", CF_SIO_BINARY_EVENT, 1, "/", NO_ID, "-1[1]", NULL},
    {"63-/custom,1[1]", CF_SIO_BINARY_ACK, 3, "/custom", 1, "[1]", NULL},
};

static void packets_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(vectors); i++) {
        const struct vector *v = &vectors[i];
        struct cf_sio_packet packet;
        assert_int_equal(cf_sio_packet_read(cf_slice_cstr(v->text), &packet), CF_OK);
        assert_int_equal(packet.type, v->type);
        assert_int_equal(packet.attachments, v->attachments);
        assert_true(cf_slice_eq(packet.nsp, cf_slice_cstr(v->nsp)));
        assert_int_equal(packet.has_id, v->id != NO_ID);
        if (packet.has_id)
            assert_int_equal(packet.id, v->id);
        assert_int_equal(packet.payload.ptr != NULL, v->payload != NULL);
        if (v->payload != NULL)
            assert_true(cf_slice_eq(packet.payload, cf_slice_cstr(v->payload)));
    }
}

static void packets_are_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(vectors); i++) {
        const struct vector *v = &vectors[i];
        struct cf_sio_packet packet = {.type = v->type,
                                       .attachments = v->attachments,
                                       .nsp = cf_slice_cstr(v->nsp),
                                       .has_id = v->id != NO_ID,
                                       .id = v->id != NO_ID ? (uint64_t)v->id : 0};
        struct cf_buf out;
        cf_buf_init(&out, 100);
        assert_int_equal(cf_sio_packet_begin(&out, &packet), CF_OK);
        if (v->payload != NULL)
            assert_int_equal(cf_buf_append(&out, cf_slice_cstr(v->payload)), CF_OK);
        const char *expected = v->written != NULL ? v->written : v->text;
        if (!cf_slice_eq(cf_buf_peek(&out), cf_slice_cstr(expected)))
            fail_msg("%.*s instead of %s", (int)out.len, (const char *)out.ptr, expected);
        cf_buf_deinit(&out);
    }
}

static void writing_stops_at_the_limit(void **state)
{
    (void)state;
    struct cf_sio_packet packet = {.type = CF_SIO_BINARY_ACK,
                                   .attachments = 10,
                                   .nsp = CF_LIT("/custom"),
                                   .has_id = true,
                                   .id = 12};
    for (size_t max = 0; max <= 14; max++) {
        struct cf_buf out;
        cf_buf_init(&out, max);
        assert_int_equal(cf_sio_packet_begin(&out, &packet), max < 14 ? CF_E_TOO_LARGE : CF_OK);
        cf_buf_deinit(&out);
    }
}

/* V14: the count of attachments and the ids, as the reference refuses them, and stricter where it
 * reads numbers as JavaScript does. */
static void bad_packets_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum cf_error error;
    } bad[] = {
        {"", CF_E_SYNTAX},
        {"7", CF_E_SYNTAX},
        {"9[]", CF_E_SYNTAX},
        {"/", CF_E_SYNTAX},
        {"-1", CF_E_SYNTAX},
        {" 2[]", CF_E_SYNTAX},
        {"a", CF_E_SYNTAX},
        {"[\"a\"]", CF_E_SYNTAX},
        {"\x1E", CF_E_SYNTAX},
        {"5", CF_E_SYNTAX},
        {"51", CF_E_SYNTAX},
        {"5-[]", CF_E_SYNTAX},
        {"5[]", CF_E_SYNTAX},
        {"5a-[]", CF_E_SYNTAX},
        {"5 1-[]", CF_E_SYNTAX},
        {"51 -[]", CF_E_SYNTAX},
        {"5+1-[]", CF_E_SYNTAX},
        {"51.0-[]", CF_E_SYNTAX},
        {"51e0-[]", CF_E_SYNTAX},
        {"50x1-[]", CF_E_SYNTAX},
        {"5--1-[]", CF_E_SYNTAX},
        {"50-[]", CF_E_SYNTAX},
        {"60-[]", CF_E_SYNTAX},
        {"501-[]", CF_E_SYNTAX},
        {"500-[]", CF_E_SYNTAX},
        {"511-[]", CF_E_TOO_MANY},
        {"5100-[]", CF_E_TOO_MANY},
        {"611-1[]", CF_E_TOO_MANY},
        {"59999999999-", CF_E_TOO_MANY},
        {"54294967297-[]", CF_E_TOO_MANY},
        {"518446744073709551616-[]", CF_E_TOO_MANY},
        {"518446744073709551617-[]", CF_E_TOO_MANY},
        {"5999999999999999999999999999999-[]", CF_E_TOO_MANY},
        {"29007199254740992[]", CF_E_SYNTAX},
        {"29007199254740993[]", CF_E_SYNTAX},
        {"299999999999999999[]", CF_E_SYNTAX},
        {"218446744073709551615[]", CF_E_SYNTAX},
        {"218446744073709551616[]", CF_E_SYNTAX},
        {"318446744073709551617[]", CF_E_SYNTAX},
        {"200000000000000007[]", CF_E_SYNTAX},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(bad); i++) {
        struct cf_sio_packet packet = {.type = CF_SIO_ACK};
        enum cf_error error = cf_sio_packet_read(cf_slice_cstr(bad[i].text), &packet);
        if (error != bad[i].error)
            fail_msg("%s: %s", bad[i].text, cf_error_name(error));
        assert_int_equal(packet.type, CF_SIO_ACK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_read),
        cmocka_unit_test(packets_are_written),
        cmocka_unit_test(writing_stops_at_the_limit),
        cmocka_unit_test(bad_packets_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
