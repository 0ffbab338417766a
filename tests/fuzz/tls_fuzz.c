/* The record layer of TLS 1.3 after the handshake: what comes in pieces gives what the whole gives.
 * Bytes without the keys do not get far, so the input is a peer that has them: the first byte
 * chooses the suite, the second the pieces, and then it says, until it ends,
 *
 *     0 TYPE LEN content   a record          1 REQUEST    a KeyUpdate, and its new key
 *     2 LEN bytes          as they are       3 TYPE N     a record of 66 N zeros, and its type
 *     4                    its new key */
#include "base/assert.h"
#include "edge/tls/record.h"
#include "split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WIRE_MAX = 1 << 20, CONTENT_MAX = 66 * 255, SCRIPT_MAX = 4096 };

static const uint8_t secret_in[CF_TLS_SECRET_MAX] = {1}, secret_out[CF_TLS_SECRET_MAX] = {2};

/* ---- the peer ---- */

struct peer {
    const struct cf_tls_suite *suite;
    struct cf_tls_keys keys;
    struct cf_buf wire;
};

static uint8_t take_byte(struct cf_slice *script)
{
    uint8_t byte = script->len > 0 ? *script->ptr : 0;
    *script = cf_slice_skip(*script, 1);
    return byte;
}

static struct cf_slice take_bytes(struct cf_slice *script)
{
    uint8_t len = take_byte(script);
    struct cf_slice bytes = cf_slice_head(*script, len);
    *script = cf_slice_skip(*script, bytes.len);
    return bytes;
}

static void seal(struct peer *peer, uint8_t type, struct cf_slice content)
{
    size_t len = CF_TLS_HEADER + content.len + 1 + CF_TLS_TAG;
    if (cf_buf_reserve(&peer->wire, len) != CF_OK)
        return;
    CF_ASSERT(cf_tls_seal(&peer->keys, peer->suite, type, content,
                          peer->wire.ptr + peer->wire.len) == CF_OK);
    peer->wire.len += len;
}

static void say(struct peer *peer, struct cf_slice *script)
{
    static const uint8_t zeros[CONTENT_MAX];
    uint8_t type, update[] = {24, 0, 0, 1, 0};
    switch (take_byte(script) % 5) {
    case 0:
        type = take_byte(script);
        seal(peer, type, take_bytes(script));
        break;
    case 1:
        update[4] = take_byte(script);
        seal(peer, 22, cf_slice_of(update, sizeof(update)));
        CF_ASSERT(cf_tls_keys_update(&peer->keys, peer->suite) == CF_OK);
        break;
    case 2:
        (void)cf_buf_append(&peer->wire, take_bytes(script));
        break;
    case 3:
        type = take_byte(script);
        seal(peer, type, cf_slice_of(zeros, (size_t)66 * take_byte(script)));
        break;
    default:
        CF_ASSERT(cf_tls_keys_update(&peer->keys, peer->suite) == CF_OK);
    }
}

/* ---- ours ---- */

static bool is_a_result(enum cf_error error)
{
    return error == CF_OK || error == CF_E_CLOSED || error == CF_E_PROTOCOL;
}

static uint64_t run_once(const struct cf_tls_suite *suite, struct cf_slice wire, uint32_t state)
{
    struct cf_tls_record record;
    struct cf_buf plain, cipher;
    uint64_t trace = 0;
    enum cf_error error = CF_OK;
    cf_buf_init(&plain, WIRE_MAX);
    cf_buf_init(&cipher, WIRE_MAX);
    CF_ASSERT(cf_tls_record_init(&record, suite, secret_in, secret_out) == CF_OK);
    while (wire.len > 0) {
        struct cf_slice piece = wire;
        if (state != 0)
            piece = next_piece(&wire, &state);
        else
            wire.len = 0;
        enum cf_error before = error;
        error = cf_tls_record_receive(&record, piece, &plain, &cipher);
        CF_ASSERT(is_a_result(error) && (before == CF_OK || before == error));
        CF_ASSERT(record.part.len <= CF_TLS_HEADER + CF_TLS_CIPHER_MAX);
    }
    enum cf_error sent = cf_tls_record_send(&record, CF_LIT("x"), &cipher);
    CF_ASSERT(sent == (error == CF_E_PROTOCOL ? CF_E_STATE : CF_OK));
    note(&trace, error);
    note_bytes(&trace, cf_buf_peek(&plain));
    note_bytes(&trace, cf_buf_peek(&cipher));
    cf_tls_record_deinit(&record);
    cf_buf_deinit(&plain);
    cf_buf_deinit(&cipher);
    return trace;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cf_tls_suites suites;
    struct cf_slice script = cf_slice_of(data, size);
    if (size < 2 || size > SCRIPT_MAX)
        return 0;
    if (suites.each[0].aead == NULL)
        CF_ASSERT(cf_tls_suites_init(&suites) == CF_OK);
    struct peer peer = {.suite = &suites.each[take_byte(&script) % CF_TLS_SUITES]};
    uint32_t pieces = 1u + take_byte(&script);
    cf_buf_init(&peer.wire, WIRE_MAX);
    CF_ASSERT(cf_tls_keys_init(&peer.keys, peer.suite, secret_in) == CF_OK);
    while (script.len > 0)
        say(&peer, &script);
    uint64_t whole = run_once(peer.suite, cf_buf_peek(&peer.wire), 0);
    must_agree(whole, run_once(peer.suite, cf_buf_peek(&peer.wire), pieces));
    cf_buf_deinit(&peer.wire);
    return 0;
}
