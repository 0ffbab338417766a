/* What the tests of the WebSocket share: cmocka, seeded randomness, and a notation for frames and
 * events, so that a vector reads like the clause that it comes from.
 *
 *     81:'Hello'    a frame: its first byte, its payload as text
 *     82:00ff       its payload in hex
 *     =8105         bytes as they are
 *     text:'Hello'  an event with its payload; binary:, pong:
 *     closed:1000+  the end with its code, + clean, - not
 *
 * Frames are masked where the receiver demands it: one script serves both roles. */
#ifndef CF_TESTS_UNIT_WS_SUPPORT_H
#define CF_TESTS_UNIT_WS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "wire/ws/endpoint.h"

enum { SCRIPT_BYTES_MAX = 64 * 1024 * 1024, RANDOM_SPLITS = 20 };

static const uint8_t test_mask[4] = {0x37, 0xfa, 0x21, 0x3d};

/* SplitMix64: the whole state is one number, so a seed in a message replays a run. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static inline size_t random_below(uint64_t *state, size_t limit)
{
    return (size_t)(next_random(state) % limit);
}

/* Masking keys of the client role: each another. `context`: a uint64_t. */
static inline void random_mask(void *context, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)next_random(context);
}

static inline void panic_to_cmocka(const char *expression, const char *file, int line)
{
    mock_assert(0, expression, file, line);
    abort();
}

/* The statement must run into a failed CF_ASSERT. */
#define assert_panics(statement)           \
    do {                                   \
        cf_panic_install(panic_to_cmocka); \
        expect_assert_failure(statement);  \
        cf_panic_install(NULL);            \
    } while (0)

#define assert_slice_equal(actual, expected)                                               \
    do {                                                                                   \
        struct cf_slice actual_slice = (actual), expected_slice = (expected);              \
        assert_int_equal(actual_slice.len, expected_slice.len);                            \
        if (actual_slice.len > 0)                                                          \
            assert_memory_equal(actual_slice.ptr, expected_slice.ptr, expected_slice.len); \
    } while (0)

static inline void must(enum cf_error error)
{
    if (error != CF_OK)
        fail_msg("%s", cf_error_name(error));
}

/* ---- writing frames, by hand and not by the code under test ---- */

static inline void put(struct cf_buf *out, const void *bytes, size_t len)
{
    must(cf_buf_append(out, cf_slice_of(bytes, len)));
}

static inline void put_byte(struct cf_buf *out, unsigned byte)
{
    must(cf_buf_append_byte(out, (uint8_t)byte));
}

/* A header with the length in `length_bytes` (0, 2 or 8) bytes behind the second. */
static inline void put_header(struct cf_buf *out, unsigned first, uint64_t len,
                              unsigned length_bytes, bool masked)
{
    uint64_t short_len = length_bytes == 8 ? 127 : length_bytes == 2 ? 126 : len;
    put_byte(out, first);
    put_byte(out, (unsigned)((masked ? 0x80 : 0) | short_len));
    for (unsigned i = length_bytes; i > 0; i--)
        put_byte(out, (unsigned)(len >> (8 * (i - 1)) & 0xff));
    if (masked)
        put(out, test_mask, 4);
}

static inline void put_frame(struct cf_buf *out, unsigned first, struct cf_slice payload,
                             bool masked)
{
    put_header(out, first, payload.len,
               payload.len < 126     ? 0
               : payload.len < 65536 ? 2
                                     : 8,
               masked);
    for (size_t i = 0; i < payload.len; i++)
        put_byte(out, masked ? payload.ptr[i] ^ test_mask[i % 4] : payload.ptr[i]);
}

static inline unsigned hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = strchr(digits, c);
    assert_non_null(at);
    return (unsigned)(at - digits);
}

static inline void put_hex(struct cf_buf *out, const char *hex, size_t len)
{
    assert_int_equal(len % 2, 0);
    for (size_t i = 0; i < len; i += 2)
        put_byte(out, hex_digit(hex[i]) << 4 | hex_digit(hex[i + 1]));
}

static inline void put_item(struct cf_buf *out, const char *item, size_t len, bool masked)
{
    struct cf_buf payload;
    if (item[0] == '=') {
        put_hex(out, item + 1, len - 1);
        return;
    }
    assert_int_equal(item[2], ':');
    cf_buf_init(&payload, SCRIPT_BYTES_MAX);
    if (item[3] == '\'')
        put(&payload, item + 4, len - 5);
    else
        put_hex(&payload, item + 3, len - 3);
    put_frame(out, hex_digit(item[0]) << 4 | hex_digit(item[1]), cf_buf_peek(&payload), masked);
    cf_buf_deinit(&payload);
}

/* Items are separated by one space; text payloads hold none. */
static inline void put_script(struct cf_buf *out, const char *script, bool masked)
{
    while (*script != '\0') {
        size_t len = strcspn(script, " ");
        put_item(out, script, len, masked);
        script += len + (script[len] == ' ');
    }
}

/* ---- telling what came ---- */

static inline void tell(struct cf_buf *to, const char *text)
{
    put(to, text, strlen(text));
}

static inline void tell_payload(struct cf_buf *to, struct cf_slice payload)
{
    bool printable = true;
    for (size_t i = 0; i < payload.len; i++)
        printable = printable && payload.ptr[i] > ' ' && payload.ptr[i] < 0x7f;
    if (printable) {
        tell(to, "'");
        put(to, payload.ptr, payload.len);
        tell(to, "'");
        return;
    }
    for (size_t i = 0; i < payload.len; i++) {
        char hex[3];
        snprintf(hex, sizeof(hex), "%02x", payload.ptr[i]);
        tell(to, hex);
    }
}

static inline void tell_event(struct cf_buf *to, const struct cf_ws_event *event)
{
    static const char *const names[] = {[CF_WS_EVENT_TEXT] = "text:",
                                        [CF_WS_EVENT_BINARY] = "binary:",
                                        [CF_WS_EVENT_PONG] = "pong:"};
    if (event->type == CF_WS_EVENT_NEED_MORE)
        return;
    if (to->len > 0)
        tell(to, " ");
    if (event->type == CF_WS_EVENT_CLOSED) {
        char text[32];
        snprintf(text, sizeof(text), "closed:%u%c", event->close_code, event->clean ? '+' : '-');
        tell(to, text);
        return;
    }
    tell(to, names[event->type]);
    tell_payload(to, event->payload);
}

/* Reads one emitted frame: masked exactly when a client speaks, its length in the shortest form. */
static inline void tell_frame(struct cf_buf *to, struct cf_slice *bytes, bool masked)
{
    const uint8_t *at = bytes->ptr;
    assert_true(bytes->len >= 2);
    assert_int_equal((at[1] & 0x80) != 0, masked);
    size_t header = 2, length = at[1] & 0x7f;
    if (length >= 126) {
        size_t more = length == 126 ? 2 : 8;
        size_t shortest = length == 126 ? 126 : 65536;
        length = 0;
        for (size_t i = 0; i < more; i++)
            length = length << 8 | at[header++];
        assert_true(length >= shortest);
    }
    uint8_t mask[4] = {0};
    if (masked) {
        memcpy(mask, at + header, 4);
        header += 4;
    }
    assert_true(bytes->len >= header + length);
    struct cf_buf payload;
    char first[4];
    cf_buf_init(&payload, SCRIPT_BYTES_MAX);
    for (size_t i = 0; i < length; i++)
        put_byte(&payload, at[header + i] ^ mask[i % 4]);
    snprintf(first, sizeof(first), "%02x:", at[0]);
    if (to->len > 0)
        tell(to, " ");
    tell(to, first);
    tell_payload(to, cf_buf_peek(&payload));
    cf_buf_deinit(&payload);
    *bytes = cf_slice_skip(*bytes, header + length);
}

/* ---- an endpoint with its surroundings ---- */

struct rig {
    struct cf_ws_config config;
    struct cf_ws_endpoint ep;
    struct cf_ws_inflater *inflater;
    struct cf_buf out;    /* all that it emitted */
    struct cf_buf events; /* all that it told, in the notation above */
    uint64_t random;
};

/* What the message that is incomplete has allocated. */
static inline size_t rig_message_cap(const struct rig *rig)
{
    return rig->ep.parts == NULL ? 0 : rig->ep.parts->message.cap;
}

static inline struct cf_ws_deflate_params deflate_params(bool takeover)
{
    return (struct cf_ws_deflate_params){.enabled = true,
                                         .server_no_takeover = !takeover,
                                         .client_no_takeover = !takeover,
                                         .server_window_bits = 15,
                                         .client_window_bits = 15};
}

/* `deflate`: NULL for none. The configuration's times may be set before the first step. */
static inline void rig_init(struct rig *rig, enum cf_ws_role role, size_t message_bytes_max,
                            const struct cf_ws_deflate_params *deflate)
{
    static const struct cf_ws_deflate_params none = {.enabled = false};
    memset(rig, 0, sizeof(*rig));
    rig->config = (struct cf_ws_config){.role = role,
                                        .message_bytes_max = message_bytes_max,
                                        .random = random_mask,
                                        .random_context = &rig->random};
    cf_buf_init(&rig->out, SCRIPT_BYTES_MAX);
    cf_buf_init(&rig->events, SCRIPT_BYTES_MAX);
    if (deflate != NULL) {
        rig->inflater = cf_ws_inflater_new(15);
        assert_non_null(rig->inflater);
    }
    cf_ws_endpoint_init(&rig->ep, &rig->config, deflate != NULL ? deflate : &none, rig->inflater,
                        0);
}

static inline void rig_deinit(struct rig *rig)
{
    cf_ws_endpoint_deinit(&rig->ep);
    cf_ws_inflater_free(rig->inflater);
    cf_buf_deinit(&rig->out);
    cf_buf_deinit(&rig->events);
}

static inline bool rig_masked(const struct rig *rig)
{
    return rig->config.role == CF_WS_SERVER;
}

/* Everything that `input` gives, told. All of it is taken. */
static inline void rig_feed_at(struct rig *rig, cf_ms now, bool writable, struct cf_slice input)
{
    struct cf_ws_event event;
    do {
        must(cf_ws_endpoint_next(&rig->ep, now, writable, &input, &rig->out, &event));
        tell_event(&rig->events, &event);
    } while (event.type != CF_WS_EVENT_NEED_MORE);
    assert_int_equal(input.len, 0);
}

static inline void rig_feed(struct rig *rig, struct cf_slice input)
{
    rig_feed_at(rig, 0, true, input);
}

/* A script, as the peer would send it. */
static inline void rig_hear_at(struct rig *rig, cf_ms now, const char *script)
{
    struct cf_buf input;
    cf_buf_init(&input, SCRIPT_BYTES_MAX);
    put_script(&input, script, rig_masked(rig));
    rig_feed_at(rig, now, true, cf_buf_peek(&input));
    cf_buf_deinit(&input);
}

static inline void rig_hear(struct rig *rig, const char *script)
{
    rig_hear_at(rig, 0, script);
}

static inline void assert_buf_text(struct cf_buf *buf, const char *expected)
{
    put_byte(buf, 0);
    assert_string_equal((const char *)buf->ptr, expected);
    cf_buf_reset(buf);
}

/* What has been told since the last look. */
static inline void assert_events(struct rig *rig, const char *expected)
{
    assert_buf_text(&rig->events, expected);
}

/* What has been emitted since the last look. */
static inline void assert_out(struct rig *rig, const char *expected)
{
    struct cf_buf told;
    struct cf_slice rest = cf_buf_peek(&rig->out);
    cf_buf_init(&told, SCRIPT_BYTES_MAX);
    while (rest.len > 0)
        tell_frame(&told, &rest, rig->config.role == CF_WS_CLIENT);
    assert_buf_text(&told, expected);
    cf_buf_deinit(&told);
    cf_buf_reset(&rig->out);
}

/* ---- every split of the same bytes ---- */

struct vector {
    const char *name; /* the clause of RFC 6455, or of 7692 where it says so */
    const char *in;
    const char *events;
    const char *out;
};

enum { WHOLE = 0, BYTEWISE = 1 };

/* `seed`: WHOLE, BYTEWISE, or a seed of random pieces. */
static inline void rig_feed_split(struct rig *rig, struct cf_slice input, uint64_t seed)
{
    uint64_t state = seed;
    while (input.len > 0) {
        size_t len = seed == WHOLE ? input.len : 1;
        if (seed > BYTEWISE)
            len = 1 + random_below(&state, 1 + random_below(&state, 20));
        rig_feed(rig, cf_slice_head(input, len));
        input = cf_slice_skip(input, len);
    }
}

static inline void check_vector_in(const struct vector *vector, enum cf_ws_role role,
                                   const struct cf_ws_deflate_params *deflate)
{
    struct cf_buf input;
    cf_buf_init(&input, SCRIPT_BYTES_MAX);
    put_script(&input, vector->in, role == CF_WS_SERVER);
    for (uint64_t seed = WHOLE; seed < BYTEWISE + 1 + RANDOM_SPLITS; seed++) {
        struct rig rig;
        rig_init(&rig, role, 65536, deflate);
        rig_feed_split(&rig, cf_buf_peek(&input), seed);
        put_byte(&rig.events, 0);
        if (strcmp((const char *)rig.events.ptr, vector->events) != 0)
            fail_msg("%s, %s, seed %u: %s instead of %s", vector->name,
                     role == CF_WS_SERVER ? "server" : "client", (unsigned)seed,
                     (const char *)rig.events.ptr, vector->events);
        assert_out(&rig, vector->out);
        rig_deinit(&rig);
    }
    cf_buf_deinit(&input);
}

/* In both roles, whole, byte by byte and in random pieces. */
static inline void check_vectors(const struct vector *vectors, size_t count,
                                 const struct cf_ws_deflate_params *deflate)
{
    for (size_t i = 0; i < count; i++) {
        check_vector_in(&vectors[i], CF_WS_SERVER, deflate);
        check_vector_in(&vectors[i], CF_WS_CLIENT, deflate);
    }
}

#endif
