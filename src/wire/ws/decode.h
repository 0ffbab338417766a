/* From bytes to whole frames, with every rule of RFC 6455 section 5 checked on the way. The
 * endpoint's own half. */
#ifndef CF_WIRE_WS_DECODE_H
#define CF_WIRE_WS_DECODE_H

#include "wire/ws/endpoint.h"

static inline bool cf_ws_opcode_is_control(uint8_t opcode)
{
    return (opcode & 0x8) != 0;
}

/* ep->parts, which are there from now on; NULL without memory. */
struct cf_ws_parts *cf_ws_parts_of(struct cf_ws_endpoint *ep);
/* Takes bytes until a frame is complete (*out_complete: ep->opcode and ep->fin say which; its
 * payload, unless it is empty, is in ep->parts->control, or has been added to ep->parts->message)
 * or the input is used up. CF_E_PROTOCOL, CF_E_UTF8, CF_E_TOO_LARGE, CF_E_NOMEM. */
enum cf_error cf_ws_decode(struct cf_ws_endpoint *ep, struct cf_slice *input, bool *out_complete);

#endif
