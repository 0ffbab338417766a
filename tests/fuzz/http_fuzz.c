/* Both roles of the HTTP decoder: a run in pieces gives what the whole run gives. */
#include "split.h"
#include "wire/http/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One piece into the decoder; false when it is over. Bodies are noted byte by byte, since pieces
 * cut them differently. */
static bool feed(struct cf_http_decoder *decoder, struct cf_slice piece, uint64_t *trace)
{
    struct cf_http_event event = {.type = CF_HTTP_END};
    while (event.type != CF_HTTP_NEED_MORE) {
        enum cf_error error = cf_http_next(decoder, &piece, &event);
        if (error != CF_OK) {
            note(trace, 1000 + (unsigned)error);
            note(trace, cf_http_decoder_status(decoder));
            return false;
        }
        if (event.type == CF_HTTP_BODY) {
            note_bytes(trace, event.body);
        } else if (event.type == CF_HTTP_EVENT_HEAD) {
            note_bytes(trace, event.head->target);
            for (size_t i = 0; i < event.head->headers_count; i++) {
                note_bytes(trace, event.head->headers[i].name);
                note_bytes(trace, event.head->headers[i].value);
            }
            if (cf_http_body_limit(decoder, 100000) != CF_OK)
                return false;
        } else if (event.type == CF_HTTP_END) {
            note(trace, 2000);
        }
    }
    return true;
}

static uint64_t run(enum cf_http_role role, struct cf_slice input, uint32_t state)
{
    struct cf_http_limits limits = {.line_bytes_max = 256,
                                    .header_bytes_max = 1024,
                                    .headers_max = 8,
                                    .chunk_overhead_max = 512};
    struct cf_http_decoder decoder;
    uint64_t trace = 14695981039346656037u;
    cf_http_decoder_init(&decoder, role, &limits);
    bool going = true;
    while (going && input.len > 0) {
        struct cf_slice piece = input;
        if (state != 0)
            piece = next_piece(&input, &state);
        else
            input.len = 0;
        going = feed(&decoder, piece, &trace);
    }
    bool ended;
    if (going)
        note(&trace, (uint64_t)cf_http_finish(&decoder, &ended));
    cf_http_decoder_deinit(&decoder);
    return trace;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    enum cf_http_role role = data[0] & 1 ? CF_HTTP_RESPONSE : CF_HTTP_REQUEST;
    struct cf_slice input = cf_slice_of(data + 2, size - 2);
    must_agree(run(role, input, 0), run(role, input, data[1] + 1u));
    return 0;
}
