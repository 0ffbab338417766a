/* Both roles of the HTTP decoder, chosen by the first byte (its second bit: the answer to a HEAD):
 * a run in pieces, whose lengths come from the second byte, gives what the whole run gives, and
 * what a head lends stays as it was while its body is read. */
#include "split.h"
#include "wire/http/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void note_head(uint64_t *trace, const struct cf_http_head *head)
{
    note(trace, head->status);
    note(trace, head->minor);
    note(trace, (uint64_t)head->keep_alive << 1 | head->upgrade);
    note_bytes(trace, head->method_text);
    note_bytes(trace, head->target);
    for (size_t i = 0; i < head->headers_count; i++) {
        note_bytes(trace, head->headers[i].name);
        note_bytes(trace, head->headers[i].value);
    }
}

static const struct cf_http_head *current;
static uint64_t lent; /* its hash when it came */

static void must_still_lend(void)
{
    uint64_t again = 0;
    note_head(&again, current);
    must_agree(lent, again);
}

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
            must_still_lend();
        } else if (event.type == CF_HTTP_EVENT_HEAD) {
            current = event.head;
            note_head(trace, current);
            lent = 0;
            note_head(&lent, current);
            if (cf_http_body_limit(decoder, 300) != CF_OK)
                return false;
        } else if (event.type == CF_HTTP_END) {
            note(trace, 2000);
        }
    }
    return true;
}

static uint64_t run(uint8_t mode, struct cf_slice input, uint32_t state)
{
    enum cf_http_role role = mode & 1 ? CF_HTTP_RESPONSE : CF_HTTP_REQUEST;
    struct cf_http_limits limits = {.line_bytes_max = 256,
                                    .header_bytes_max = 1024,
                                    .headers_max = 8,
                                    .chunk_overhead_max = 512};
    struct cf_http_decoder decoder;
    uint64_t trace = 14695981039346656037u;
    cf_http_decoder_init(&decoder, role, &limits);
    if ((mode & 2) != 0)
        cf_http_expect_no_body(&decoder);
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
    struct cf_slice input = cf_slice_of(data + 2, size - 2);
    must_agree(run(data[0], input, 0), run(data[0], input, data[1] + 1u));
    return 0;
}
