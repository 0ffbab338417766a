#include "dialect/eio/packet.h"

#include "base/base64.h"

enum cf_error cf_eio_packet_read(struct cf_slice text, struct cf_buf *scratch,
                                 struct cf_eio_packet *out_packet)
{
    if (text.len == 0)
        return CF_E_SYNTAX;
    struct cf_slice data = cf_slice_skip(text, 1);
    if (text.ptr[0] == CF_EIO_BINARY) {
        cf_buf_reset(scratch);
        enum cf_error error = cf_base64_decode(CF_BASE64, data, scratch);
        struct cf_slice bytes = scratch->len == 0 ? CF_LIT("") : cf_buf_peek(scratch);
        if (error == CF_OK)
            *out_packet = (struct cf_eio_packet){CF_EIO_MESSAGE, true, bytes};
        return error;
    }
    if (text.ptr[0] < CF_EIO_OPEN || text.ptr[0] > CF_EIO_NOOP)
        return CF_E_SYNTAX;
    *out_packet = (struct cf_eio_packet){(enum cf_eio_type)text.ptr[0], false, data};
    return CF_OK;
}

static size_t packet_bytes(const struct cf_eio_packet *packet)
{
    return 1 + (packet->binary ? cf_base64_len(CF_BASE64, packet->data.len) : packet->data.len);
}

enum cf_error cf_eio_payload_append(struct cf_buf *payload, const struct cf_eio_packet *packet)
{
    bool first = payload->len == 0;
    enum cf_error error = cf_buf_reserve(payload, packet_bytes(packet) + (first ? 0 : 1));
    if (error != CF_OK)
        return error;
    if (!first)
        error = cf_buf_append_byte(payload, CF_EIO_SEPARATOR);
    if (error == CF_OK)
        error = cf_buf_append_byte(payload, packet->binary ? CF_EIO_BINARY : (uint8_t)packet->type);
    if (error != CF_OK)
        return error;
    return packet->binary ? cf_base64_encode(CF_BASE64, packet->data, payload)
                          : cf_buf_append(payload, packet->data);
}

struct cf_slice cf_eio_code_body(enum cf_eio_code code)
{
    switch (code) {
    case CF_EIO_UNKNOWN_TRANSPORT:
        return CF_LIT("{\"code\":0,\"message\":\"Transport unknown\"}");
    case CF_EIO_UNKNOWN_SID:
        return CF_LIT("{\"code\":1,\"message\":\"Session ID unknown\"}");
    case CF_EIO_BAD_METHOD:
        return CF_LIT("{\"code\":2,\"message\":\"Bad handshake method\"}");
    case CF_EIO_BAD_REQUEST:
        return CF_LIT("{\"code\":3,\"message\":\"Bad request\"}");
    case CF_EIO_FORBIDDEN:
        return CF_LIT("{\"code\":4,\"message\":\"Forbidden\"}");
    case CF_EIO_BAD_VERSION:
        return CF_LIT("{\"code\":5,\"message\":\"Unsupported protocol version\"}");
    case CF_EIO_JSONP:
        return CF_LIT("{\"code\":3,\"message\":\"JSONP is not supported\"}");
    }
    return CF_LIT("{}");
}

static enum cf_error refuse(enum cf_eio_code code, enum cf_eio_code *out_code)
{
    *out_code = code;
    return CF_E_INVALID;
}

/* In the reference server's order, so that a request with several faults gets the same code. */
enum cf_error cf_eio_ask_judge(const struct cf_eio_ask *ask, enum cf_eio_wish *out_wish,
                               enum cf_eio_code *out_code)
{
    bool polling = cf_slice_eq(ask->transport, CF_LIT("polling"));
    bool version_4 = cf_slice_eq(ask->version, CF_LIT("4"));
    if (!polling && !cf_slice_eq(ask->transport, CF_LIT("websocket")))
        return refuse(CF_EIO_UNKNOWN_TRANSPORT, out_code);
    if (ask->sid.len == 0) {
        if (!ask->get)
            return refuse(CF_EIO_BAD_METHOD, out_code);
        if (polling == ask->websocket)
            return refuse(CF_EIO_BAD_REQUEST, out_code);
        if (!version_4)
            return refuse(CF_EIO_BAD_VERSION, out_code);
        if (ask->jsonp.ptr != NULL)
            return refuse(CF_EIO_JSONP, out_code);
        *out_wish = CF_EIO_WISH_OPEN;
        return CF_OK;
    }
    if (ask->stranger)
        return refuse(CF_EIO_UNKNOWN_SID, out_code);
    if (!version_4 || polling == ask->websocket || (!ask->get && !ask->post))
        return refuse(CF_EIO_BAD_REQUEST, out_code);
    if (ask->websocket)
        *out_wish = CF_EIO_WISH_UPGRADE;
    else
        *out_wish = ask->get ? CF_EIO_WISH_POLL : CF_EIO_WISH_POST;
    return CF_OK;
}
