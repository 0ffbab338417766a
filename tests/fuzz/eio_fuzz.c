/* Engine.IO. The first byte chooses who reads:
 *
 *     K  one packet
 *     J  the judge: a line each of EIO, transport, sid, j (empty: absent) and the sort of request,
 *        a letter
 *     P  a session on polling, W one on WebSocket: a script of tests/unit/eio/script.h, a step a
 * line E  a session on polling whose layer above sends back what it hears
 *
 * Besides what the sanitizers see: a packet that is read is written as it was, and what script.h
 * asserts of a session and its owner. */
#include <stdint.h>

#include "unit/eio/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_packet(struct cf_slice input)
{
    struct cf_buf scratch, payload;
    struct cf_eio_packet packet;
    cf_buf_init(&scratch, SCRIPT_BYTES_MAX);
    cf_buf_init(&payload, SCRIPT_BYTES_MAX);
    if (cf_eio_packet_read(input, &scratch, &packet) == CF_OK) {
        CF_ASSERT(packet.data.ptr != NULL);
        CF_ASSERT(!packet.binary || packet.type == CF_EIO_MESSAGE);
        CF_ASSERT(cf_eio_payload_append(&payload, &packet) == CF_OK);
        CF_ASSERT(cf_slice_eq(cf_buf_peek(&payload), input));
    }
    cf_buf_deinit(&scratch);
    cf_buf_deinit(&payload);
}

static struct cf_slice take_line(struct cf_slice *rest)
{
    size_t end = cf_slice_find(*rest, '\n');
    struct cf_slice line = cf_slice_head(*rest, end);
    *rest = cf_slice_skip(*rest, end + 1);
    return line.len == 0 ? (struct cf_slice){NULL, 0} : line;
}

static void fuzz_judge(struct cf_slice input)
{
    struct cf_eio_ask ask = {.version = take_line(&input)};
    ask.transport = take_line(&input);
    ask.sid = take_line(&input);
    ask.jsonp = take_line(&input);
    uint8_t sort = input.len > 0 ? input.ptr[0] : 0;
    ask.websocket = sort == 'W';
    ask.get = sort == 'G' || sort == 'W';
    ask.post = sort == 'P';
    enum cf_eio_wish wish;
    enum cf_eio_code code;
    enum cf_error error = cf_eio_ask_judge(&ask, &wish, &code);
    CF_ASSERT(error == CF_OK || error == CF_E_INVALID);
    if (error != CF_OK) {
        CF_ASSERT(code != CF_EIO_UNKNOWN_SID && code != CF_EIO_FORBIDDEN);
        CF_ASSERT(cf_eio_code_body(code).len > 2);
        return;
    }
    CF_ASSERT((wish == CF_EIO_WISH_OPEN) == (ask.sid.len == 0));
    CF_ASSERT(cf_slice_eq(ask.version, CF_LIT("4")));
    CF_ASSERT(cf_slice_eq(ask.transport, ask.websocket ? CF_LIT("websocket") : CF_LIT("polling")));
    CF_ASSERT(wish != CF_EIO_WISH_UPGRADE || ask.websocket);
}

static void echo(struct script *script, const struct cf_eio_packet *packet)
{
    enum cf_error error = cf_eio_send(&script->s, packet->data, packet->binary);
    CF_ASSERT(error == CF_OK || script->s.end != CF_EIO_LIVE);
}

static void fuzz_session(struct cf_slice input, enum cf_eio_transport transport, bool echoes)
{
    struct script script;
    struct cf_slice step;
    struct cf_eio_config config = SCRIPT_CONFIG;
    config.queue_bytes_max = 500;
    script_init(&script, &config, transport);
    script.separator = '\n';
    if (echoes)
        script.hear = echo;
    while (cf_slice_next(&input, '\n', &step)) {
        (void)script_step(&script, step);
        cf_buf_reset(&script.told);
    }
    (void)script_step(&script, CF_LIT("abort"));
    CF_ASSERT(script.over);
    script_deinit(&script);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_slice input = cf_slice_skip(cf_slice_of(data, size), 1);
    if (size == 0)
        return 0;
    switch (data[0]) {
    case 'K':
        fuzz_packet(input);
        break;
    case 'J':
        fuzz_judge(input);
        break;
    case 'P':
    case 'E':
        fuzz_session(input, CF_EIO_POLLING, data[0] == 'E');
        break;
    case 'W':
        fuzz_session(input, CF_EIO_WEBSOCKET, false);
        break;
    default:
        break;
    }
    return 0;
}
