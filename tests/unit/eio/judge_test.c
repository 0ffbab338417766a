/* The judge of requests: who gets which code, in the reference server's order. */
#include "support.h"

enum kind { GET, POST, PUT, WEBSOCKET };

struct request {
    const char *version, *transport, *sid, *jsonp; /* NULL: absent */
    enum kind kind;
    int result; /* a wish, or REFUSED + a code */
};

enum { REFUSED = 100 };

static struct cf_slice optional(const char *text)
{
    return text == NULL ? (struct cf_slice){NULL, 0} : cf_slice_cstr(text);
}

static int judge(const struct request *request)
{
    struct cf_eio_ask ask = {.version = optional(request->version),
                             .transport = optional(request->transport),
                             .sid = optional(request->sid),
                             .jsonp = optional(request->jsonp),
                             .get = request->kind == GET || request->kind == WEBSOCKET,
                             .post = request->kind == POST,
                             .websocket = request->kind == WEBSOCKET};
    enum cf_eio_wish wish;
    enum cf_eio_code code;
    enum cf_error error = cf_eio_ask_judge(&ask, &wish, &code);
    if (error == CF_OK)
        return (int)wish;
    assert_int_equal(error, CF_E_INVALID);
    return REFUSED + (int)code;
}

static void check(const struct request *requests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int result = judge(&requests[i]);
        if (result != requests[i].result)
            fail_msg("row %zu: %d instead of %d", i, result, requests[i].result);
    }
}

static void good_requests_are_understood(void **state)
{
    (void)state;
    static const struct request requests[] = {
        {"4", "polling", NULL, NULL, GET, CF_EIO_WISH_OPEN},
        {"4", "polling", "", NULL, GET, CF_EIO_WISH_OPEN},
        {"4", "websocket", NULL, NULL, WEBSOCKET, CF_EIO_WISH_OPEN},
        {"4", "polling", "s", NULL, GET, CF_EIO_WISH_POLL},
        {"4", "polling", "s", NULL, POST, CF_EIO_WISH_POST},
        {"4", "websocket", "s", NULL, WEBSOCKET, CF_EIO_WISH_UPGRADE},
        /* the session is there already: j says nothing */
        {"4", "polling", "s", "0", GET, CF_EIO_WISH_POLL},
    };
    check(requests, CF_ARRAY_LEN(requests));
}

/* Each row has one fault more in front of the faults of the row before it. */
static void the_first_fault_decides(void **state)
{
    (void)state;
    static const struct request requests[] = {
        {"4", "polling", NULL, "0", GET, REFUSED + CF_EIO_JSONP},
        {"3", "polling", NULL, "0", GET, REFUSED + CF_EIO_BAD_VERSION},
        {"3", "websocket", NULL, "0", GET, REFUSED + CF_EIO_BAD_REQUEST},
        {"3", "websocket", NULL, "0", POST, REFUSED + CF_EIO_BAD_METHOD},
        {"3", "tcp", NULL, "0", POST, REFUSED + CF_EIO_UNKNOWN_TRANSPORT},
    };
    check(requests, CF_ARRAY_LEN(requests));
}

/* Of a session that is not there no more is said than that. */
static void a_stranger_is_told_so(void **state)
{
    (void)state;
    for (int kind = GET; kind <= WEBSOCKET; kind++) {
        struct cf_eio_ask ask = {.version = CF_LIT("3"),
                                 .transport = CF_LIT("polling"),
                                 .sid = CF_LIT("s"),
                                 .get = kind == GET,
                                 .post = kind == POST,
                                 .websocket = kind == WEBSOCKET,
                                 .stranger = true};
        enum cf_eio_wish wish;
        enum cf_eio_code code;
        assert_int_equal(cf_eio_ask_judge(&ask, &wish, &code), CF_E_INVALID);
        assert_int_equal(code, CF_EIO_UNKNOWN_SID);
        ask.transport = CF_LIT("tcp");
        assert_int_equal(cf_eio_ask_judge(&ask, &wish, &code), CF_E_INVALID);
        assert_int_equal(code, CF_EIO_UNKNOWN_TRANSPORT);
    }
}

static void each_fault_has_its_code(void **state)
{
    (void)state;
    static const struct request requests[] = {
        {"4", NULL, NULL, NULL, GET, REFUSED + CF_EIO_UNKNOWN_TRANSPORT},
        {"4", "", NULL, NULL, GET, REFUSED + CF_EIO_UNKNOWN_TRANSPORT},
        {"4", "Polling", NULL, NULL, GET, REFUSED + CF_EIO_UNKNOWN_TRANSPORT},
        {"4", "webtransport", NULL, NULL, GET, REFUSED + CF_EIO_UNKNOWN_TRANSPORT},
        {"4", "constructor", NULL, NULL, GET, REFUSED + CF_EIO_UNKNOWN_TRANSPORT},
        {"4", "tcp", "s", NULL, GET, REFUSED + CF_EIO_UNKNOWN_TRANSPORT},
        {"4", "polling", NULL, NULL, POST, REFUSED + CF_EIO_BAD_METHOD},
        {"4", "polling", NULL, NULL, PUT, REFUSED + CF_EIO_BAD_METHOD},
        {"4", "websocket", NULL, NULL, POST, REFUSED + CF_EIO_BAD_METHOD},
        {"4", "websocket", NULL, NULL, GET, REFUSED + CF_EIO_BAD_REQUEST},
        {"4", "polling", NULL, NULL, WEBSOCKET, REFUSED + CF_EIO_BAD_REQUEST},
        {NULL, "polling", NULL, NULL, GET, REFUSED + CF_EIO_BAD_VERSION},
        {"", "polling", NULL, NULL, GET, REFUSED + CF_EIO_BAD_VERSION},
        {"3", "polling", NULL, NULL, GET, REFUSED + CF_EIO_BAD_VERSION},
        {"5", "polling", NULL, NULL, GET, REFUSED + CF_EIO_BAD_VERSION},
        {"04", "polling", NULL, NULL, GET, REFUSED + CF_EIO_BAD_VERSION},
        {"4 ", "websocket", NULL, NULL, WEBSOCKET, REFUSED + CF_EIO_BAD_VERSION},
        {"4", "polling", NULL, "", GET, REFUSED + CF_EIO_JSONP},
        /* of a session */
        {"3", "polling", "s", NULL, GET, REFUSED + CF_EIO_BAD_REQUEST},
        {NULL, "polling", "s", NULL, POST, REFUSED + CF_EIO_BAD_REQUEST},
        {"4", "websocket", "s", NULL, GET, REFUSED + CF_EIO_BAD_REQUEST},
        {"4", "websocket", "s", NULL, POST, REFUSED + CF_EIO_BAD_REQUEST},
        {"4", "polling", "s", NULL, WEBSOCKET, REFUSED + CF_EIO_BAD_REQUEST},
        {"4", "polling", "s", NULL, PUT, REFUSED + CF_EIO_BAD_REQUEST},
    };
    check(requests, CF_ARRAY_LEN(requests));
}

static void each_code_has_its_body(void **state)
{
    (void)state;
    assert_slice_equal(cf_eio_code_body(CF_EIO_UNKNOWN_TRANSPORT),
                       "{\"code\":0,\"message\":\"Transport unknown\"}");
    assert_slice_equal(cf_eio_code_body(CF_EIO_UNKNOWN_SID),
                       "{\"code\":1,\"message\":\"Session ID unknown\"}");
    assert_slice_equal(cf_eio_code_body(CF_EIO_BAD_METHOD),
                       "{\"code\":2,\"message\":\"Bad handshake method\"}");
    assert_slice_equal(cf_eio_code_body(CF_EIO_BAD_REQUEST),
                       "{\"code\":3,\"message\":\"Bad request\"}");
    assert_slice_equal(cf_eio_code_body(CF_EIO_FORBIDDEN),
                       "{\"code\":4,\"message\":\"Forbidden\"}");
    assert_slice_equal(cf_eio_code_body(CF_EIO_BAD_VERSION),
                       "{\"code\":5,\"message\":\"Unsupported protocol version\"}");
    assert_slice_equal(cf_eio_code_body(CF_EIO_JSONP),
                       "{\"code\":3,\"message\":\"JSONP is not supported\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_requests_are_understood), cmocka_unit_test(the_first_fault_decides),
        cmocka_unit_test(a_stranger_is_told_so),        cmocka_unit_test(each_fault_has_its_code),
        cmocka_unit_test(each_code_has_its_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
