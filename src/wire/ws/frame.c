#include "wire/ws/frame.h"

#include <string.h>

size_t cf_ws_header_write(uint8_t out[CF_WS_HEADER_MAX], enum cf_ws_opcode opcode, bool compressed,
                          uint64_t payload_bytes, const uint8_t mask[4])
{
    size_t len = 2, extra = 0;
    uint8_t masked = mask != NULL ? 0x80 : 0;
    out[0] = (uint8_t)(0x80 | (compressed ? 0x40 : 0) | opcode);
    if (payload_bytes <= 125) {
        out[1] = (uint8_t)(masked | payload_bytes);
    } else {
        extra = payload_bytes <= UINT16_MAX ? 2 : 8;
        out[1] = (uint8_t)(masked | (extra == 2 ? 126 : 127));
    }
    for (size_t i = 0; i < extra; i++)
        out[len++] = (uint8_t)(payload_bytes >> (8 * (extra - 1 - i)));
    if (mask != NULL) {
        memcpy(out + len, mask, 4);
        len += 4;
    }
    return len;
}

void cf_ws_mask(uint8_t *bytes, size_t len, const uint8_t mask[4], uint64_t offset)
{
    uint8_t turned[8];
    for (size_t i = 0; i < 8; i++)
        turned[i] = mask[(offset + i) & 3];
    uint64_t word_mask;
    memcpy(&word_mask, turned, sizeof(word_mask));
    size_t i = 0;
    for (; len - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof(word));
        word ^= word_mask;
        memcpy(bytes + i, &word, sizeof(word));
    }
    for (; i < len; i++)
        bytes[i] ^= turned[i & 7];
}

enum cf_error cf_ws_frame_append(struct cf_buf *out, enum cf_ws_opcode opcode, bool compressed,
                                 struct cf_slice payload, const uint8_t mask[4])
{
    uint8_t header[CF_WS_HEADER_MAX];
    size_t header_len = cf_ws_header_write(header, opcode, compressed, payload.len, mask);
    if (payload.len > SIZE_MAX - header_len)
        return CF_E_TOO_LARGE;
    enum cf_error error = cf_buf_reserve(out, header_len + payload.len);
    if (error != CF_OK)
        return error;
    size_t start = out->len + header_len;
    cf_buf_append(out, cf_slice_of(header, header_len));
    cf_buf_append(out, payload);
    if (mask != NULL && payload.len > 0)
        cf_ws_mask(out->ptr + start, payload.len, mask, 0);
    return CF_OK;
}
