#include "wire/ws/decode.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIN = 0x80,
    RSV1 = 0x40,
    RSV2_RSV3 = 0x30,
    OPCODE = 0x0f,
    MASKED = 0x80,
    LENGTH = 0x7f,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
};

/* Fragments without payload meet no limit in bytes, so they are counted (hazard V6). */
enum { EMPTY_FRAMES_MAX = 1000 };

/* How long the header is, as far as its first two bytes tell. */
static size_t header_need(const struct cf_ws_endpoint *ep)
{
    if (ep->header_len < 2)
        return 2;
    uint8_t length = ep->header[1] & LENGTH;
    size_t need = length == LENGTH_64 ? 10 : length == LENGTH_16 ? 4 : 2;
    return need + ((ep->header[1] & MASKED) != 0 ? 4 : 0);
}

/* What a message's payload may take on the wire. Compressed bytes that do not compress are a little
 * longer than the message: 9 bits a byte in fixed Huffman codes, and the heads of the blocks. */
static size_t payload_max(const struct cf_ws_endpoint *ep)
{
    size_t limit = ep->config->message_bytes_max;
    size_t extra = ep->compressed ? limit / 8 + limit / 64 + 64 : 0;
    return extra > SIZE_MAX - limit ? SIZE_MAX : limit + extra;
}

struct cf_ws_parts *cf_ws_parts_of(struct cf_ws_endpoint *ep)
{
    if (ep->parts == NULL) {
        ep->parts = calloc(1, sizeof(*ep->parts));
        if (ep->parts == NULL)
            return NULL;
        cf_buf_init(&ep->parts->control, CF_WS_CONTROL_MAX);
        cf_buf_init(&ep->parts->pong, CF_WS_CONTROL_MAX);
    }
    return ep->parts;
}

static void begin_message(struct cf_ws_endpoint *ep, bool compressed)
{
    ep->message_opcode = ep->opcode;
    ep->compressed = compressed;
    ep->empty_frames = 0;
    ep->utf8 = (struct cf_utf8){0};
}

/* The first byte: what kind of frame, and may it come now? */
static enum cf_error check_first(struct cf_ws_endpoint *ep)
{
    uint8_t first = ep->header[0];
    ep->fin = (first & FIN) != 0;
    ep->opcode = first & OPCODE;
    bool control = cf_ws_opcode_is_control(ep->opcode);
    bool begins = ep->opcode == CF_WS_TEXT || ep->opcode == CF_WS_BINARY;
    bool known = control ? ep->opcode <= CF_WS_PONG : ep->opcode <= CF_WS_BINARY;
    bool open = ep->message_opcode != CF_WS_CONTINUATION;
    if (!known || (first & RSV2_RSV3) != 0)
        return CF_E_PROTOCOL;
    if ((first & RSV1) != 0 && !(begins && ep->deflate))
        return CF_E_PROTOCOL;
    if (control)
        return ep->fin ? CF_OK : CF_E_PROTOCOL;
    if (begins == open)
        return CF_E_PROTOCOL; /* a new message inside one, or a continuation of none */
    if (begins)
        begin_message(ep, (first & RSV1) != 0);
    return CF_OK;
}

static enum cf_error check_second(const struct cf_ws_endpoint *ep)
{
    bool masked = (ep->header[1] & MASKED) != 0;
    if (masked != (ep->config->role == CF_WS_SERVER))
        return CF_E_PROTOCOL;
    if (cf_ws_opcode_is_control(ep->opcode) && (ep->header[1] & LENGTH) > CF_WS_CONTROL_MAX)
        return CF_E_PROTOCOL;
    return CF_OK;
}

static uint64_t big_endian(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* What a data frame announces, against what the message may still have: before a byte of it is
 * kept (hazards V4, V5). */
static enum cf_error check_room(struct cf_ws_endpoint *ep)
{
    size_t have = ep->parts == NULL ? 0 : ep->parts->message.len;
    if (ep->frame_left > payload_max(ep) - have)
        return CF_E_TOO_LARGE;
    if (ep->frame_left == 0 && !ep->fin && ++ep->empty_frames > EMPTY_FRAMES_MAX)
        return CF_E_TOO_LARGE;
    return CF_OK;
}

/* The length in its shortest form, its most significant bit clear. */
static enum cf_error check_length(struct cf_ws_endpoint *ep)
{
    uint8_t length = ep->header[1] & LENGTH;
    ep->frame_left = length;
    if (length == LENGTH_16) {
        ep->frame_left = big_endian(ep->header + 2, 2);
        if (ep->frame_left < LENGTH_16)
            return CF_E_PROTOCOL;
    } else if (length == LENGTH_64) {
        ep->frame_left = big_endian(ep->header + 2, 8);
        if (ep->frame_left <= UINT16_MAX || ep->frame_left > INT64_MAX)
            return CF_E_PROTOCOL;
    }
    bool counted = !cf_ws_opcode_is_control(ep->opcode) && !ep->sent_close;
    return counted ? check_room(ep) : CF_OK;
}

/* Each rule as soon as its byte is there. */
static enum cf_error take_header(struct cf_ws_endpoint *ep, struct cf_slice *input)
{
    while (input->len > 0 && ep->header_len < header_need(ep)) {
        ep->header[ep->header_len++] = input->ptr[0];
        *input = cf_slice_skip(*input, 1);
        enum cf_error error = CF_OK;
        if (ep->header_len == 1)
            error = check_first(ep);
        else if (ep->header_len == 2)
            error = check_second(ep);
        if (error != CF_OK)
            return error;
    }
    if (ep->header_len < header_need(ep))
        return CF_OK;
    ep->in_payload = true;
    ep->mask_at = 0;
    return check_length(ep);
}

static const uint8_t *mask_of(const struct cf_ws_endpoint *ep)
{
    return ep->header + ep->header_len - 4;
}

/* Keeps a piece of the payload, unmasked on the way; text is judged as it comes. */
static enum cf_error take_payload(struct cf_ws_endpoint *ep, struct cf_slice piece)
{
    bool control = cf_ws_opcode_is_control(ep->opcode);
    if (!control && ep->sent_close)
        return CF_OK; /* nobody waits for it any more */
    struct cf_ws_parts *parts = cf_ws_parts_of(ep);
    if (parts == NULL)
        return CF_E_NOMEM;
    parts->message.max = payload_max(ep);
    struct cf_buf *to = control ? &parts->control : &parts->message;
    enum cf_error error = cf_buf_append(to, piece);
    if (error != CF_OK)
        return error;
    uint8_t *kept = to->ptr + to->len - piece.len;
    if (ep->config->role == CF_WS_SERVER)
        cf_ws_mask(kept, piece.len, mask_of(ep), ep->mask_at);
    ep->mask_at = (uint8_t)((ep->mask_at + piece.len) & 3);
    bool text = !control && ep->message_opcode == CF_WS_TEXT && !ep->compressed;
    return text ? cf_utf8_feed(&ep->utf8, cf_slice_of(kept, piece.len), NULL) : CF_OK;
}

enum cf_error cf_ws_decode(struct cf_ws_endpoint *ep, struct cf_slice *input, bool *out_complete)
{
    *out_complete = false;
    if (!ep->in_payload) {
        enum cf_error error = take_header(ep, input);
        if (error != CF_OK || !ep->in_payload)
            return error;
    }
    size_t len = input->len < ep->frame_left ? input->len : (size_t)ep->frame_left;
    if (len > 0) {
        enum cf_error error = take_payload(ep, cf_slice_head(*input, len));
        if (error != CF_OK)
            return error;
        *input = cf_slice_skip(*input, len);
        ep->frame_left -= len;
    }
    if (ep->frame_left > 0)
        return CF_OK;
    ep->in_payload = false;
    ep->header_len = 0;
    *out_complete = true;
    return CF_OK;
}
