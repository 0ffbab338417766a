/* Frames on their way out (RFC 6455 section 5.2), and masking. */
#ifndef CF_WIRE_WS_FRAME_H
#define CF_WIRE_WS_FRAME_H

#include "base/buf.h"

enum cf_ws_opcode {
    CF_WS_CONTINUATION = 0x0,
    CF_WS_TEXT = 0x1,
    CF_WS_BINARY = 0x2,
    CF_WS_CLOSE = 0x8,
    CF_WS_PING = 0x9,
    CF_WS_PONG = 0xA,
};

enum { CF_WS_HEADER_MAX = 14, CF_WS_CONTROL_MAX = 125 };

/* Writes the header of a final frame, shortest length form; returns its length. `mask`: 4 bytes for
 * the client role, NULL for the server's. */
size_t cf_ws_header_write(uint8_t out[CF_WS_HEADER_MAX], enum cf_ws_opcode opcode, bool compressed,
                          uint64_t payload_bytes, const uint8_t mask[4]);
/* XORs `bytes` with the mask, word-wise; `offset`: position of bytes[0] in the payload. */
void cf_ws_mask(uint8_t *bytes, size_t len, const uint8_t mask[4], uint64_t offset);
/* A whole final frame into `out`. */
enum cf_error cf_ws_frame_append(struct cf_buf *out, enum cf_ws_opcode opcode, bool compressed,
                                 struct cf_slice payload, const uint8_t mask[4]);

#endif
