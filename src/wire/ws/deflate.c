#include "wire/ws/deflate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/assert.h"

enum { LEVEL = 1, MEMORY_LEVEL = 8, OUT_STEP = 4096, PIECE_MAX = 1 << 30 };

struct cf_ws_deflater {
    z_stream stream;
};

struct cf_ws_inflater {
    z_stream stream;
};

/* What every message ends with, and what is not sent (RFC 7692 section 7.2.1). */
static const uint8_t tail[4] = {0x00, 0x00, 0xff, 0xff};

struct cf_ws_deflater *cf_ws_deflater_new(unsigned window_bits)
{
    CF_ASSERT(window_bits >= 9 && window_bits <= 15);
    struct cf_ws_deflater *deflater = calloc(1, sizeof(*deflater));
    if (deflater == NULL)
        return NULL;
    if (deflateInit2(&deflater->stream, LEVEL, Z_DEFLATED, -(int)window_bits, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(deflater);
        return NULL;
    }
    return deflater;
}

void cf_ws_deflater_free(struct cf_ws_deflater *deflater)
{
    if (deflater == NULL)
        return;
    deflateEnd(&deflater->stream);
    free(deflater);
}

/* Runs deflate until it has nothing more to say for now. */
static enum cf_error drain(z_stream *stream, struct cf_buf *out)
{
    do {
        size_t room = out->max - out->len;
        size_t step = room < OUT_STEP ? room : OUT_STEP;
        enum cf_error error = step > 0 ? cf_buf_reserve(out, step) : CF_E_TOO_LARGE;
        if (error != CF_OK)
            return error;
        stream->next_out = out->ptr + out->len;
        stream->avail_out = (uInt)step;
        int result = deflate(stream, Z_SYNC_FLUSH);
        CF_ASSERT(result == Z_OK || result == Z_BUF_ERROR);
        out->len += step - stream->avail_out;
    } while (stream->avail_out == 0);
    return CF_OK;
}

enum cf_error cf_ws_deflate(struct cf_ws_deflater *deflater, struct cf_slice message, bool takeover,
                            struct cf_buf *out)
{
    size_t before = out->len;
    z_stream *stream = &deflater->stream;
    enum cf_error error = message.len > PIECE_MAX ? CF_E_TOO_LARGE : CF_OK;
    if (error == CF_OK) {
        stream->next_in = (Bytef *)message.ptr;
        stream->avail_in = (uInt)message.len;
        error = drain(stream, out);
    }
    if (error != CF_OK || !takeover)
        deflateReset(stream);
    if (error != CF_OK) {
        out->len = before;
        return error;
    }
    /* With a window kept, an empty message flushes nothing: section 7.2.3.6 sends one zero byte. */
    if (out->len == before)
        return cf_buf_append_byte(out, 0x00);
    CF_ASSERT(out->len - before > sizeof(tail));
    CF_ASSERT(memcmp(out->ptr + out->len - sizeof(tail), tail, sizeof(tail)) == 0);
    out->len -= sizeof(tail);
    return CF_OK;
}

struct cf_ws_inflater *cf_ws_inflater_new(unsigned window_bits)
{
    CF_ASSERT(window_bits >= 9 && window_bits <= 15);
    struct cf_ws_inflater *inflater = calloc(1, sizeof(*inflater));
    if (inflater == NULL)
        return NULL;
    if (inflateInit2(&inflater->stream, -(int)window_bits) != Z_OK) {
        free(inflater);
        return NULL;
    }
    return inflater;
}

void cf_ws_inflater_free(struct cf_ws_inflater *inflater)
{
    if (inflater == NULL)
        return;
    inflateEnd(&inflater->stream);
    free(inflater);
}

/* One call of inflate into at most OUT_STEP bytes. At the cap one byte of room is made on the
 * stack: when it is filled the message is too large. */
static enum cf_error inflate_step(z_stream *stream, struct cf_buf *out, int *out_result)
{
    uint8_t over;
    size_t room = out->max - out->len;
    size_t step = room < OUT_STEP ? room : OUT_STEP;
    if (step == 0) {
        stream->next_out = &over;
        stream->avail_out = 1;
        *out_result = inflate(stream, Z_SYNC_FLUSH);
        return stream->avail_out == 0 ? CF_E_TOO_LARGE : CF_OK;
    }
    enum cf_error error = cf_buf_reserve(out, step);
    if (error != CF_OK)
        return error;
    stream->next_out = out->ptr + out->len;
    stream->avail_out = (uInt)step;
    *out_result = inflate(stream, Z_SYNC_FLUSH);
    out->len += step - stream->avail_out;
    return CF_OK;
}

/* Is everything that was fed decoded, up to the end of a block? zlib.h of inflate: data_type holds
 * the number of unused bits (below 64), and 128 just after a block. */
static bool at_block_end(const z_stream *stream, int result)
{
    enum { UNUSED_BITS = 63, BLOCK_END = 128 };
    return result == Z_STREAM_END || (stream->data_type & (UNUSED_BITS | BLOCK_END)) == BLOCK_END;
}

static enum cf_error inflate_all(z_stream *stream, struct cf_slice piece, struct cf_buf *out,
                                 bool *out_whole)
{
    int result = Z_OK;
    stream->next_in = (Bytef *)piece.ptr;
    stream->avail_in = (uInt)piece.len;
    for (;;) {
        enum cf_error error = inflate_step(stream, out, &result);
        if (error != CF_OK)
            return error;
        *out_whole = at_block_end(stream, result);
        if (result == Z_STREAM_END) {
            /* A final block may end the data; what follows begins anew (section 7.2.3.4). */
            if (inflateReset(stream) != Z_OK)
                return CF_E_SYNTAX;
            if (stream->avail_in == 0)
                return CF_OK;
            continue;
        }
        if (result == Z_BUF_ERROR ||
            (result == Z_OK && stream->avail_in == 0 && stream->avail_out != 0))
            return CF_OK; /* the input is used up */
        if (result == Z_MEM_ERROR)
            return CF_E_NOMEM;
        if (result != Z_OK)
            return CF_E_SYNTAX;
    }
}

enum cf_error cf_ws_inflate(struct cf_ws_inflater *inflater, struct cf_slice piece, bool last,
                            bool takeover, struct cf_buf *out)
{
    z_stream *stream = &inflater->stream;
    enum cf_error error = piece.len > PIECE_MAX ? CF_E_TOO_LARGE : CF_OK;
    bool whole = true;
    if (error == CF_OK && piece.len > 0)
        error = inflate_all(stream, piece, out, &whole);
    if (error == CF_OK && last)
        error = inflate_all(stream, cf_slice_of(tail, sizeof(tail)), out, &whole);
    if (error == CF_OK && last && !whole)
        error = CF_E_SYNTAX; /* cut off inside a block */
    if (error != CF_OK || (last && !takeover))
        inflateReset(stream);
    return error;
}
