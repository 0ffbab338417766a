#include "wire/ws/handshake.h"

#include <string.h>

#include "base/assert.h"
#include "base/base64.h"

/* A key is 16 bytes in base64 (RFC 6455 section 4.1): 22 characters and two of padding. */
static bool key_ok(struct cf_slice key)
{
    size_t bytes = 0;
    return key.len == CF_WS_KEY_LEN && cf_base64_check(CF_BASE64, key, &bytes) == CF_OK &&
           bytes == 16;
}

enum cf_error cf_ws_offer_check(const struct cf_ws_offer *offer)
{
    bool websocket = false;
    struct cf_slice rest = offer->upgrade, protocol;
    while (rest.ptr != NULL && cf_slice_next(&rest, ',', &protocol))
        websocket = websocket || cf_slice_eq_nocase(cf_slice_trim(protocol), CF_LIT("websocket"));
    if (!offer->get || !offer->http_1_1 || !offer->connection_upgrade || !websocket)
        return CF_E_SYNTAX;
    if (offer->version_count != 1)
        return CF_E_SYNTAX; /* section 11.3.5: once */
    if (!cf_slice_eq(offer->version, CF_LIT("13")))
        return CF_E_UNSUPPORTED;
    return offer->key_count == 1 && key_ok(offer->key) ? CF_OK : CF_E_SYNTAX;
}

/* `out` has just the room, so that the buffer never allocates. */
static void to_base64(struct cf_slice bytes, char *out, size_t out_len)
{
    struct cf_buf text = {.ptr = (uint8_t *)out, .cap = out_len, .max = out_len};
    enum cf_error error = cf_base64_encode(CF_BASE64, bytes, &text);
    CF_ASSERT(error == CF_OK && text.len == out_len);
}

void cf_ws_accept(cf_ws_sha1 *sha1, struct cf_slice key, char out[CF_WS_ACCEPT_LEN])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[CF_WS_KEY_LEN + sizeof(guid) - 1];
    uint8_t digest[20];
    CF_ASSERT(key.len == CF_WS_KEY_LEN);
    memcpy(text, key.ptr, CF_WS_KEY_LEN);
    memcpy(text + CF_WS_KEY_LEN, guid, sizeof(guid) - 1);
    sha1(cf_slice_of(text, sizeof(text)), digest);
    to_base64(cf_slice_of(digest, sizeof(digest)), out, CF_WS_ACCEPT_LEN);
}

void cf_ws_key(const uint8_t random[16], char out[CF_WS_KEY_LEN])
{
    to_base64(cf_slice_of(random, 16), out, CF_WS_KEY_LEN);
}

bool cf_ws_protocol_offered(struct cf_slice offered, struct cf_slice protocol)
{
    struct cf_slice rest = offered, element;
    while (rest.ptr != NULL && cf_slice_next(&rest, ',', &element)) {
        if (cf_slice_eq(cf_slice_trim(element), protocol))
            return true;
    }
    return false;
}

enum cf_error cf_ws_answer_check(const struct cf_ws_answer *answer, const struct cf_ws_asked *asked)
{
    if (answer->status != 101)
        return CF_E_UNSUPPORTED;
    if (!answer->connection_upgrade || !cf_slice_eq_nocase(answer->upgrade, CF_LIT("websocket")))
        return CF_E_PROTOCOL;
    if (answer->accept_count != 1 ||
        !cf_slice_eq(answer->accept, cf_slice_of(asked->accept, CF_WS_ACCEPT_LEN)))
        return CF_E_PROTOCOL;
    if (answer->protocol_count > 1 || (answer->protocol_count == 1 &&
                                       !cf_ws_protocol_offered(asked->protocols, answer->protocol)))
        return CF_E_PROTOCOL;
    if (answer->extensions.ptr != NULL && !asked->extensions)
        return CF_E_PROTOCOL;
    return CF_OK;
}
