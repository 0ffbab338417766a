/* Both roles of the WebSocket endpoint: a run in pieces gives what the whole run gives. The bits of
 * the first byte: client, compression, no takeover of ours, none of the peer's, we have sent a
 * close, the connection is not writable. The second byte chooses the pieces. */
#include "base/assert.h"
#include "base/utf8.h"
#include "split.h"
#include "wire/ws/endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CLIENT = 1, DEFLATE = 2, OURS_FORGOTTEN = 4, THEIRS_FORGOTTEN = 8, CLOSING = 16, BUSY = 32 };
enum { MESSAGE_MAX = 4096, OUT_MAX = 1 << 20 };

struct run {
    struct cf_ws_endpoint endpoint;
    uint64_t trace;
    bool writable, closed;
};

static void no_random(void *context, uint8_t *out, size_t len)
{
    (void)context;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)i;
}

/* What every event keeps, whatever came. */
static void check_event(struct run *run, const struct cf_ws_event *event)
{
    CF_ASSERT(!run->closed);
    CF_ASSERT(event->payload.len <= MESSAGE_MAX);
    if (event->type == CF_WS_EVENT_TEXT)
        CF_ASSERT(cf_utf8_valid(event->payload));
    if (event->type == CF_WS_EVENT_PONG)
        CF_ASSERT(event->payload.len <= CF_WS_CONTROL_MAX);
    if (event->type != CF_WS_EVENT_CLOSED)
        return;
    run->closed = true;
    CF_ASSERT(cf_ws_close_valid(event->close_code) || event->close_code == CF_WS_CLOSE_NO_STATUS);
    CF_ASSERT(event->clean || event->close_code == CF_WS_CLOSE_PROTOCOL ||
              event->close_code == CF_WS_CLOSE_INVALID_DATA ||
              event->close_code == CF_WS_CLOSE_TOO_BIG);
}

static void feed(struct run *run, struct cf_slice piece)
{
    struct cf_ws_event event;
    do {
        struct cf_buf out;
        cf_buf_init(&out, OUT_MAX);
        enum cf_error error =
            cf_ws_endpoint_next(&run->endpoint, 1, run->writable, &piece, &out, &event);
        CF_ASSERT(error == CF_OK);
        CF_ASSERT(!run->closed || out.len == 0);
        note_bytes(&run->trace, cf_buf_peek(&out));
        cf_buf_deinit(&out);
        if (event.type != CF_WS_EVENT_NEED_MORE) {
            check_event(run, &event);
            note(&run->trace, event.type);
            note(&run->trace, event.close_code);
            note_bytes(&run->trace, event.payload);
        }
    } while (event.type != CF_WS_EVENT_NEED_MORE);
    CF_ASSERT(piece.len == 0);
}

static void feed_all(struct run *run, struct cf_slice input, uint32_t state)
{
    while (input.len > 0) {
        struct cf_slice piece = input;
        if (state != 0)
            piece = next_piece(&input, &state);
        else
            input.len = 0;
        feed(run, piece);
    }
}

static uint64_t run_once(uint8_t options, struct cf_slice input, uint32_t state)
{
    bool client = (options & CLIENT) != 0;
    bool ours = (options & OURS_FORGOTTEN) != 0, theirs = (options & THEIRS_FORGOTTEN) != 0;
    struct cf_ws_config config = {.role = client ? CF_WS_CLIENT : CF_WS_SERVER,
                                  .message_bytes_max = MESSAGE_MAX,
                                  .random = no_random};
    struct cf_ws_deflate_params params = {.enabled = (options & DEFLATE) != 0,
                                          .server_no_takeover = client ? theirs : ours,
                                          .client_no_takeover = client ? ours : theirs,
                                          .server_window_bits = 15,
                                          .client_window_bits = 15};
    struct cf_ws_inflater *inflater = params.enabled ? cf_ws_inflater_new(15) : NULL;
    struct run run = {.trace = 14695981039346656037u, .writable = (options & BUSY) == 0};
    struct cf_buf out;
    cf_buf_init(&out, OUT_MAX);
    cf_ws_endpoint_init(&run.endpoint, &config, &params, inflater, 0);
    if ((options & CLOSING) != 0)
        cf_ws_endpoint_close(&run.endpoint, 0, CF_WS_CLOSE_NORMAL, CF_LIT("bye"), &out);
    feed_all(&run, input, state);
    cf_ws_endpoint_writable(&run.endpoint, &out);
    note_bytes(&run.trace, cf_buf_peek(&out));
    cf_buf_deinit(&out);
    cf_ws_endpoint_deinit(&run.endpoint);
    cf_ws_inflater_free(inflater);
    return run.trace;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct cf_slice input = cf_slice_of(data + 2, size - 2);
    must_agree(run_once(data[0], input, 0), run_once(data[0], input, data[1] + 1u));
    return 0;
}
