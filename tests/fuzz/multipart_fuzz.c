/* multipart/form-data with the boundary "b": a run in pieces, whose lengths come from the first
 * byte, gives what the whole run gives. The rest is also read as a Content-Type. */
#include "split.h"
#include "wire/http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool feed(struct cf_multipart *multipart, struct cf_slice piece, uint64_t *trace)
{
    struct cf_multipart_event event = {.type = CF_MULTIPART_END};
    while (event.type != CF_MULTIPART_NEED_MORE) {
        enum cf_error error = cf_multipart_next(multipart, &piece, &event);
        if (error != CF_OK) {
            note(trace, 1000 + (unsigned)error);
            return false;
        }
        if (event.type == CF_MULTIPART_DATA) {
            note_bytes(trace, event.data);
        } else if (event.type != CF_MULTIPART_NEED_MORE) {
            note(trace, 2000 + event.type);
            note_bytes(trace, event.name);
            note_bytes(trace, event.filename);
        }
    }
    return true;
}

static uint64_t run(struct cf_slice input, uint32_t state)
{
    struct cf_multipart multipart;
    uint64_t trace = 14695981039346656037u;
    if (cf_multipart_init(&multipart, CF_LIT("multipart/form-data; boundary=b")) != CF_OK)
        abort();
    bool going = true;
    while (going && input.len > 0) {
        struct cf_slice piece = input;
        if (state != 0)
            piece = next_piece(&input, &state);
        else
            input.len = 0;
        going = feed(&multipart, piece, &trace);
    }
    cf_multipart_deinit(&multipart);
    return trace;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_multipart multipart;
    if (size < 1)
        return 0;
    struct cf_slice input = cf_slice_of(data + 1, size - 1);
    must_agree(run(input, 0), run(input, data[0] + 1u));
    (void)cf_multipart_init(&multipart, input);
    cf_multipart_deinit(&multipart);
    return 0;
}
