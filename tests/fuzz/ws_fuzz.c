/* Both roles of the WebSocket endpoint, with and without compression: a run in pieces gives what
 * the whole run gives. */
#include "split.h"
#include "wire/ws/endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void no_random(void *context, uint8_t *out, size_t len)
{
    (void)context;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)i;
}

static void feed(struct cf_ws_endpoint *endpoint, struct cf_slice piece, uint64_t *trace)
{
    struct cf_ws_event event;
    do {
        struct cf_buf out;
        cf_buf_init(&out, 1 << 20);
        enum cf_error error = cf_ws_endpoint_next(endpoint, 1, true, &piece, &out, &event);
        note_bytes(trace, cf_buf_peek(&out));
        cf_buf_deinit(&out);
        if (error != CF_OK)
            abort();
        if (event.type != CF_WS_EVENT_NEED_MORE) {
            note(trace, event.type);
            note(trace, event.close_code);
            note_bytes(trace, event.payload);
        }
    } while (event.type != CF_WS_EVENT_NEED_MORE);
}

static uint64_t run(uint8_t options, struct cf_slice input, uint32_t state)
{
    struct cf_ws_config config = {.role = options & 1 ? CF_WS_CLIENT : CF_WS_SERVER,
                                  .message_bytes_max = 4096,
                                  .random = no_random};
    struct cf_ws_deflate_params params = {.enabled = (options & 2) != 0,
                                          .server_no_takeover = (options & 4) != 0,
                                          .client_no_takeover = (options & 4) != 0,
                                          .server_window_bits = 15,
                                          .client_window_bits = 15};
    struct cf_ws_inflater *inflater = params.enabled ? cf_ws_inflater_new(15) : NULL;
    struct cf_ws_endpoint endpoint;
    uint64_t trace = 14695981039346656037u;
    cf_ws_endpoint_init(&endpoint, &config, &params, inflater, 0);
    while (input.len > 0) {
        struct cf_slice piece = input;
        if (state != 0)
            piece = next_piece(&input, &state);
        else
            input.len = 0;
        feed(&endpoint, piece, &trace);
    }
    cf_ws_endpoint_deinit(&endpoint);
    cf_ws_inflater_free(inflater);
    return trace;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct cf_slice input = cf_slice_of(data + 2, size - 2);
    must_agree(run(data[0], input, 0), run(data[0], input, data[1] + 1u));
    return 0;
}
