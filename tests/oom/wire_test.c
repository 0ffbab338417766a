/* Memory runs out under src/wire: HTTP, WebSocket, and the zlib streams of the latter. */
#include "oom/scenario.h"

#include "wire/http/decoder.h"
#include "wire/http/encoder.h"
#include "wire/http/multipart.h"
#include "wire/http/target.h"
#include "wire/ws/endpoint.h"
#include "wire/ws/handshake.h"

/* ---- HTTP ---- */

static const char requests[] =
    "GET /a/b?c=d HTTP/1.1\r\nHost: x\r\nUser-Agent: one\r\n\r\n"
    "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    "POST /chunks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: one\r\n\r\n";

static void decode(struct scenario *s, size_t piece_len)
{
    struct cf_http_decoder d;
    struct cf_http_event event = {.type = CF_HTTP_NEED_MORE};
    struct cf_http_limits limits = CF_HTTP_LIMITS_DEFAULT;
    struct cf_slice rest = cf_slice_cstr(requests);
    unsigned ends = 0;
    bool ok = true;
    cf_http_decoder_init(&d, CF_HTTP_REQUEST, &limits);
    while (ok && rest.len > 0) {
        struct cf_slice piece = cf_slice_head(rest, piece_len);
        rest = cf_slice_skip(rest, piece.len);
        do {
            ok = TRIED(s, cf_http_next(&d, &piece, &event));
            ends += ok && event.type == CF_HTTP_END;
        } while (ok && event.type != CF_HTTP_NEED_MORE);
    }
    if (ok)
        assert_int_equal(ends, 3);
    else
        assert_int_equal(cf_http_decoder_status(&d), 503);
    cf_http_decoder_deinit(&d);
}

static void http_requests(struct scenario *s)
{
    decode(s, sizeof(requests));
    decode(s, 1);
    decode(s, 17);
}

static void http_heads(struct scenario *s)
{
    struct cf_buf out;
    cf_buf_init(&out, 65536);
    (void)(RETRIED(s, cf_http_write_status(&out, 200)) &&
           RETRIED(s, cf_http_write_date(&out, 1767454200000000)));
    for (int i = 0; i < 40; i++)
        (void)(RETRIED(s, cf_http_write_header(&out, "X-Header", CF_LIT("some value of it"))) &&
               RETRIED(s, cf_http_write_header_u64(&out, "X-Number", 1234567)));
    (void)RETRIED(s, cf_http_write_end(&out));
    /* A line is there whole or not at all, so nothing of the tries that failed is. */
    assert_int_equal(out.len, 17 + 37 + 40 * (28 + 19) + 2);
    cf_buf_deinit(&out);
}

static void http_target(struct scenario *s)
{
    struct cf_arena arena;
    struct cf_http_target target;
    cf_arena_init(&arena, 65536);
    struct cf_slice text = CF_LIT("/api/v1/shops/%C3%A9t%C3%A9/messages?since=1%2B2&limit=5&x=%20");
    if (RETRIED(s, cf_http_target_parse(text, &arena, &target)))
        assert_slice_equal(cf_http_param_get(&target, "since"), "1+2");
    cf_arena_deinit(&arena);
}

static const char multipart_body[] =
    "--frontier\r\nContent-Disposition: form-data; name=\"shop_id\"\r\n\r\nthe shop\r\n"
    "--frontier\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n"
    "Content-Type: image/png\r\n\r\nbytes\r\n--frontie of\r\n-- an image\r\n--frontier--\r\n";

static void read_parts(struct scenario *s, size_t piece_len)
{
    struct cf_multipart m;
    struct cf_multipart_event event = {.type = CF_MULTIPART_NEED_MORE};
    struct cf_slice rest = cf_slice_cstr(multipart_body);
    bool ended = false;
    bool ok = TRIED(s, cf_multipart_init(&m, CF_LIT("multipart/form-data; boundary=frontier")));
    while (ok && rest.len > 0) {
        struct cf_slice piece = cf_slice_head(rest, piece_len);
        rest = cf_slice_skip(rest, piece.len);
        do {
            ok = TRIED(s, cf_multipart_next(&m, &piece, &event));
            ended = ended || (ok && event.type == CF_MULTIPART_END);
        } while (ok && event.type != CF_MULTIPART_NEED_MORE && !ended);
    }
    assert_true(!ok || ended);
    cf_multipart_deinit(&m);
}

static void http_multipart(struct scenario *s)
{
    read_parts(s, sizeof(multipart_body));
    read_parts(s, 1);
}

/* ---- WebSocket ---- */

struct pair {
    struct cf_ws_config server_config, client_config;
    struct cf_ws_endpoint server, client;
    struct cf_ws_deflater *deflater;
    struct cf_ws_inflater *inflater;
    struct cf_buf to_server, to_client;
    unsigned heard;
};

static void no_random(void *context, uint8_t *out, size_t len)
{
    (void)context;
    memset(out, 0x55, len);
}

static bool pair_init(struct pair *p, struct scenario *s, bool deflate)
{
    const struct cf_ws_deflate_params params = {.enabled = deflate,
                                                .server_no_takeover = true,
                                                .server_window_bits = 12,
                                                .client_window_bits = 15};
    *p = (struct pair){
        .server_config = {.role = CF_WS_SERVER, .message_bytes_max = 65536},
        .client_config = {.role = CF_WS_CLIENT, .message_bytes_max = 65536, .random = no_random}};
    cf_buf_init(&p->to_server, 1 << 20);
    cf_buf_init(&p->to_client, 1 << 20);
    bool ok = !deflate || (MADE(s, p->deflater = cf_ws_deflater_new(15)) &&
                           MADE(s, p->inflater = cf_ws_inflater_new(15)));
    cf_ws_endpoint_init(&p->server, &p->server_config, &params, p->inflater, 1000);
    cf_ws_endpoint_init(&p->client, &p->client_config, &params, NULL, 1000);
    return ok;
}

static void pair_deinit(struct pair *p)
{
    cf_ws_endpoint_deinit(&p->server);
    cf_ws_endpoint_deinit(&p->client);
    cf_ws_deflater_free(p->deflater);
    cf_ws_inflater_free(p->inflater);
    cf_buf_deinit(&p->to_server);
    cf_buf_deinit(&p->to_client);
}

/* The server reads what there is, in pieces. */
static bool server_reads(struct pair *p, struct scenario *s, size_t piece_len, bool writable)
{
    struct cf_slice rest = cf_buf_peek(&p->to_server);
    while (rest.len > 0) {
        struct cf_slice piece = cf_slice_head(rest, piece_len);
        struct cf_ws_event event;
        rest = cf_slice_skip(rest, piece.len);
        do {
            if (!TRIED(s, cf_ws_endpoint_next(&p->server, 2000, writable, &piece, &p->to_client,
                                              &event)))
                return false;
            p->heard += event.type == CF_WS_EVENT_TEXT || event.type == CF_WS_EVENT_BINARY;
        } while (event.type != CF_WS_EVENT_NEED_MORE);
    }
    cf_buf_reset(&p->to_server);
    return true;
}

static const char text[] =
    "A text that is worth to be compressed, for it says the same again and again: a text that is "
    "worth to be compressed, for it says the same again and again, again and again, over and over.";

static bool client_says(struct pair *p, struct scenario *s)
{
    static uint8_t large[9000];
    return TRIED(s, cf_ws_endpoint_send(&p->client, CF_WS_TEXT, cf_slice_cstr(text), p->deflater,
                                        &p->to_server)) &&
           TRIED(s, cf_ws_endpoint_ping(&p->client, 1500, &p->to_server)) &&
           TRIED(s, cf_ws_endpoint_send(&p->client, CF_WS_BINARY, cf_slice_of(large, sizeof(large)),
                                        p->deflater, &p->to_server));
}

/* Unmasked by hand, in fragments with a ping between them. */
static bool fragments(struct pair *p, struct scenario *s)
{
    return TRIED(s, cf_buf_append(&p->to_server, CF_LIT("\x01\x83\0\0\0\0abc"))) &&
           TRIED(s, cf_buf_append(&p->to_server, CF_LIT("\x89\x82\0\0\0\0hi"))) &&
           TRIED(s, cf_buf_append(&p->to_server, CF_LIT("\x80\x83\0\0\0\0def")));
}

static void converse(struct scenario *s, bool deflate, size_t piece_len, bool writable)
{
    struct pair p;
    bool ok = pair_init(&p, s, deflate) && client_says(&p, s) && fragments(&p, s) &&
              server_reads(&p, s, piece_len, writable) &&
              TRIED(s, cf_ws_endpoint_writable(&p.server, &p.to_client)) &&
              TRIED(s, cf_ws_endpoint_send(&p.server, CF_WS_TEXT, cf_slice_cstr(text), p.deflater,
                                           &p.to_client)) &&
              TRIED(s, cf_ws_endpoint_close(&p.client, 3000, 1000, CF_LIT("bye"), &p.to_server)) &&
              server_reads(&p, s, piece_len, true);
    if (ok) {
        assert_int_equal(p.heard, 3);
        assert_false(cf_ws_endpoint_open(&p.server));
    }
    pair_deinit(&p);
}

static void ws_messages(struct scenario *s)
{
    converse(s, false, SIZE_MAX, true);
    converse(s, false, 100, false);
}

static void ws_byte_by_byte(struct scenario *s)
{
    converse(s, false, 1, false);
}

static void ws_deflate(struct scenario *s)
{
    converse(s, true, SIZE_MAX, true);
    converse(s, true, 3, false);
}

/* The worker's one deflater serves the next message after it had no memory for one. */
static void ws_deflater_goes_on(struct scenario *s)
{
    struct cf_ws_deflater *deflater = cf_ws_deflater_new(15);
    struct cf_ws_inflater *inflater = cf_ws_inflater_new(15);
    struct cf_buf packed, plain;
    cf_buf_init(&packed, 65536);
    cf_buf_init(&plain, 65536);
    bool made = MADE(s, deflater) && MADE(s, inflater);
    for (int i = 0; made && i < 20; i++) {
        cf_buf_release(&packed);
        cf_buf_release(&plain);
        if (!TRIED(s, cf_ws_deflate(deflater, cf_slice_cstr(text), false, &packed))) {
            fault_heal();
            cf_buf_reset(&packed);
            assert_int_equal(cf_ws_deflate(deflater, cf_slice_cstr(text), false, &packed), CF_OK);
        }
        if (!TRIED(s, cf_ws_inflate(inflater, cf_buf_peek(&packed), true, false, &plain))) {
            fault_heal();
            cf_buf_reset(&plain);
            assert_int_equal(cf_ws_inflate(inflater, cf_buf_peek(&packed), true, false, &plain),
                             CF_OK);
        }
        assert_int_equal(plain.len, sizeof(text) - 1);
        assert_memory_equal(plain.ptr, text, plain.len);
    }
    cf_ws_deflater_free(deflater);
    cf_ws_inflater_free(inflater);
    cf_buf_deinit(&packed);
    cf_buf_deinit(&plain);
}

static void ws_negotiation(struct scenario *s)
{
    struct cf_buf out;
    struct cf_ws_deflate_params params;
    struct cf_ws_deflate_policy policy = CF_WS_DEFLATE_POLICY_DEFAULT;
    cf_buf_init(&out, 4096);
    (void)RETRIED(s, cf_ws_deflate_accept(CF_LIT("permessage-deflate; client_max_window_bits; "
                                                 "server_max_window_bits=10, permessage-deflate"),
                                          &policy, &params, &out));
    assert_true(params.enabled);
    cf_buf_deinit(&out);
}

/* Needs no memory, so that a good handshake is never called a bad one. */
static void no_sha1(struct cf_slice bytes, uint8_t out[20])
{
    memset(out, (int)bytes.len, 20);
}

static void ws_handshake(struct scenario *s)
{
    struct cf_ws_offer offer = {.get = true,
                                .http_1_1 = true,
                                .connection_upgrade = true,
                                .upgrade = CF_LIT("websocket"),
                                .key = CF_LIT("dGhlIHNhbXBsZSBub25jZQ=="),
                                .version = CF_LIT("13"),
                                .key_count = 1,
                                .version_count = 1};
    char accept[CF_WS_ACCEPT_LEN], key[CF_WS_KEY_LEN];
    static const uint8_t random[16] = "0123456789abcdef";
    (void)TRIED(s, cf_ws_offer_check(&offer));
    cf_ws_accept(no_sha1, offer.key, accept);
    cf_ws_key(random, key);
    assert_memory_equal(key, "MDEyMzQ1Njc4OWFiY2RlZg==", sizeof(key));
    assert_int_equal(fault_failed(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(http_requests),  SCENARIO(http_heads),          SCENARIO(http_target),
        SCENARIO(http_multipart), SCENARIO(ws_messages),         SCENARIO(ws_byte_by_byte),
        SCENARIO(ws_deflate),     SCENARIO(ws_deflater_goes_on), SCENARIO(ws_negotiation),
        SCENARIO(ws_handshake),
    };
    return cmocka_run_group_tests_name("oom wire", tests, NULL, NULL);
}
