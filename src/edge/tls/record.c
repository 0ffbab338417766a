#include "edge/tls/record.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/assert.h"

/* RFC 8446 section 5.1. */
enum content_type { CONTENT_ALERT = 21, CONTENT_HANDSHAKE = 22, CONTENT_DATA = 23 };

/* RFC 8446 section 6. */
enum alert {
    ALERT_CLOSE_NOTIFY = 0,
    ALERT_UNEXPECTED_MESSAGE = 10,
    ALERT_BAD_RECORD_MAC = 20,
    ALERT_RECORD_OVERFLOW = 22,
    ALERT_ILLEGAL_PARAMETER = 47,
    ALERT_DECODE_ERROR = 50,
    ALERT_USER_CANCELED = 90,
};
enum { ALERT_WARNING = 1, ALERT_FATAL = 2 };

enum { UPDATE_NOT_REQUESTED = 0, UPDATE_REQUESTED = 1 };

/* What every KeyUpdate begins with: its type and the length of its body (RFC 8446 section 4). */
static const uint8_t key_update_head[] = {24, 0, 0, 1};

enum cf_error cf_tls_record_init(struct cf_tls_record *record, const struct cf_tls_suite *suite,
                                 const uint8_t *secret_in, const uint8_t *secret_out)
{
    memset(record, 0, sizeof(*record));
    record->suite = suite;
    cf_buf_init(&record->part, CF_TLS_HEADER + CF_TLS_CIPHER_MAX);
    enum cf_error error = cf_tls_keys_init(&record->in, suite, secret_in);
    return error != CF_OK ? error : cf_tls_keys_init(&record->out, suite, secret_out);
}

void cf_tls_record_deinit(struct cf_tls_record *record)
{
    cf_buf_deinit(&record->part);
    OPENSSL_cleanse(record, sizeof(*record));
}

/* ---- the way out ---- */

/* `cipher` is as it was on an error. */
static enum cf_error append(struct cf_tls_record *record, enum content_type type,
                            struct cf_slice content, struct cf_buf *cipher)
{
    size_t len = CF_TLS_HEADER + content.len + 1 + CF_TLS_TAG;
    enum cf_error error = cf_buf_reserve(cipher, len);
    if (error == CF_OK)
        error = cf_tls_seal(&record->out, record->suite, (uint8_t)type, content,
                            cipher->ptr + cipher->len);
    if (error == CF_OK)
        cipher->len += len;
    return error;
}

/* The last that is said. */
static enum cf_error append_alert(struct cf_tls_record *record, uint8_t level, enum alert alert,
                                  struct cf_buf *cipher)
{
    const uint8_t content[] = {level, (uint8_t)alert};
    if (record->mute)
        return CF_OK;
    record->mute = true;
    return append(record, CONTENT_ALERT, cf_slice_of(content, sizeof(content)), cipher);
}

/* RFC 8446 section 4.6.3: the message goes with the old key. */
static enum cf_error append_key_update(struct cf_tls_record *record, struct cf_buf *cipher)
{
    uint8_t message[CF_TLS_KEY_UPDATE] = {[CF_TLS_KEY_UPDATE - 1] = UPDATE_NOT_REQUESTED};
    memcpy(message, key_update_head, sizeof(key_update_head));
    record->update_due = false;
    enum cf_error error =
        append(record, CONTENT_HANDSHAKE, cf_slice_of(message, sizeof(message)), cipher);
    return error != CF_OK ? error : cf_tls_keys_update(&record->out, record->suite);
}

/* What the peer has asked for goes out before the next data (RFC 8446 section 4.6.3), not at once:
 * however often it asks, it is answered once, and makes us send nothing. */
static enum cf_error append_data(struct cf_tls_record *record, struct cf_slice plain,
                                 struct cf_buf *cipher)
{
    while (plain.len > 0) {
        struct cf_slice piece = cf_slice_head(plain, CF_TLS_PLAIN_MAX);
        enum cf_error error = CF_OK;
        if (record->update_due || record->out.sequence >= CF_TLS_UPDATE_AFTER)
            error = append_key_update(record, cipher);
        if (error == CF_OK)
            error = append(record, CONTENT_DATA, piece, cipher);
        if (error != CF_OK)
            return error;
        plain = cf_slice_skip(plain, piece.len);
    }
    return CF_OK;
}

enum cf_error cf_tls_record_send(struct cf_tls_record *record, struct cf_slice plain,
                                 struct cf_buf *cipher)
{
    if (record->mute)
        return CF_E_STATE;
    size_t before = cipher->len;
    enum cf_error error = append_data(record, plain, cipher);
    if (error != CF_OK) {
        cipher->len = before;
        record->mute = true;
    }
    return error;
}

enum cf_error cf_tls_record_shutdown(struct cf_tls_record *record, struct cf_buf *cipher)
{
    return append_alert(record, ALERT_WARNING, ALERT_CLOSE_NOTIFY, cipher);
}

/* ---- the way in ---- */

/* The peer has broken a rule: the alert says which (RFC 8446 section 6.2). Without room for it the
 * connection ends all the same. */
static enum cf_error refuse(struct cf_tls_record *record, enum alert alert, struct cf_buf *cipher)
{
    (void)append_alert(record, ALERT_FATAL, alert, cipher);
    return CF_E_PROTOCOL;
}

/* A record that brought no data: allowed, but not without end. What such a flood deserves is said
 * nowhere; OpenSSL and BoringSSL, whose limit this is, say unexpected_message. */
static enum cf_error note_barren(struct cf_tls_record *record, struct cf_buf *cipher)
{
    if (record->barren == CF_TLS_BARREN_MAX)
        return refuse(record, ALERT_UNEXPECTED_MESSAGE, cipher);
    record->barren++;
    return CF_OK;
}

/* RFC 8446 section 6: the level is not looked at, and what is not known is an error. */
static enum cf_error take_alert(struct cf_tls_record *record, struct cf_slice content,
                                struct cf_buf *cipher)
{
    if (content.len == 0) /* 5.4 */
        return refuse(record, ALERT_UNEXPECTED_MESSAGE, cipher);
    if (content.len != 2) /* 5.1: neither in fragments nor two in one */
        return refuse(record, ALERT_DECODE_ERROR, cipher);
    if (content.ptr[1] == ALERT_CLOSE_NOTIFY)
        return CF_E_CLOSED;
    if (content.ptr[1] == ALERT_USER_CANCELED) /* 6.1: close_notify follows */
        return note_barren(record, cipher);
    record->mute = true; /* 6.2 */
    return CF_E_PROTOCOL;
}

/* Nothing but KeyUpdate may come to a server that asks for no certificate after the handshake (RFC
 * 8446 section 4.6). It may come in fragments (5.1), but it is a key change, and so the end of a
 * record. */
static enum cf_error take_handshake(struct cf_tls_record *record, struct cf_slice content,
                                    struct cf_buf *cipher)
{
    uint8_t *message = record->handshake;
    if (content.len == 0) /* 5.4 */
        return refuse(record, ALERT_UNEXPECTED_MESSAGE, cipher);
    struct cf_slice piece =
        cf_slice_head(content, (size_t)(CF_TLS_KEY_UPDATE - record->handshake_len));
    memcpy(message + record->handshake_len, piece.ptr, piece.len);
    record->handshake_len = (uint8_t)(record->handshake_len + piece.len);
    if (message[0] != key_update_head[0])
        return refuse(record, ALERT_UNEXPECTED_MESSAGE, cipher);
    struct cf_slice head =
        cf_slice_head(cf_slice_of(message, record->handshake_len), sizeof(key_update_head));
    if (memcmp(message, key_update_head, head.len) != 0)
        return refuse(record, ALERT_DECODE_ERROR, cipher);
    if (record->handshake_len < CF_TLS_KEY_UPDATE)
        return note_barren(record, cipher);
    if (message[4] > UPDATE_REQUESTED) /* 4.6.3 */
        return refuse(record, ALERT_ILLEGAL_PARAMETER, cipher);
    if (piece.len < content.len)
        return refuse(record, ALERT_UNEXPECTED_MESSAGE, cipher);
    if (message[4] == UPDATE_REQUESTED)
        record->update_due = true;
    record->handshake_len = 0;
    enum cf_error error = cf_tls_keys_update(&record->in, record->suite);
    return error != CF_OK ? error : note_barren(record, cipher);
}

/* `content` lies behind the end of `plain`, where data is to be. */
static enum cf_error take_content(struct cf_tls_record *record, uint8_t type,
                                  struct cf_slice content, struct cf_buf *plain,
                                  struct cf_buf *cipher)
{
    if (record->handshake_len > 0 && type != CONTENT_HANDSHAKE) /* 5.1: not interleaved */
        return refuse(record, ALERT_UNEXPECTED_MESSAGE, cipher);
    switch (type) {
    case CONTENT_DATA:
        if (content.len == 0) /* 5.1 allows it */
            return note_barren(record, cipher);
        record->barren = 0;
        plain->len += content.len;
        return CF_OK;
    case CONTENT_ALERT:
        return take_alert(record, content, cipher);
    case CONTENT_HANDSHAKE:
        return take_handshake(record, content, cipher);
    default: /* 5; a change_cipher_spec, too */
        return refuse(record, ALERT_UNEXPECTED_MESSAGE, cipher);
    }
}

/* RFC 8446 sections 5.2 and 5.4. */
static enum cf_error take_record(struct cf_tls_record *record, struct cf_slice whole,
                                 struct cf_buf *plain, struct cf_buf *cipher)
{
    size_t len = whole.len - CF_TLS_HEADER - CF_TLS_TAG;
    enum cf_error error = cf_buf_reserve(plain, len);
    if (error != CF_OK)
        return error;
    uint8_t *inner = len == 0 ? NULL : plain->ptr + plain->len;
    error = cf_tls_open(&record->in, record->suite, whole, inner);
    if (error == CF_E_PROTOCOL)
        return refuse(record, ALERT_BAD_RECORD_MAC, cipher);
    if (error != CF_OK)
        return error;
    if (len > CF_TLS_PLAIN_MAX + 1)
        return refuse(record, ALERT_RECORD_OVERFLOW, cipher);
    while (len > 0 && inner[len - 1] == 0) /* padding */
        len--;
    if (len == 0)
        return refuse(record, ALERT_UNEXPECTED_MESSAGE, cipher);
    return take_content(record, inner[len - 1], cf_slice_of(inner, len - 1), plain, cipher);
}

/* RFC 8446 section 5.2, before anything of the body is waited for. A change_cipher_spec that is
 * not encrypted was allowed in the handshake only (5). */
static enum cf_error check_header(struct cf_tls_record *record, const uint8_t *header,
                                  struct cf_buf *cipher)
{
    size_t len = (size_t)header[3] << 8 | header[4];
    if (header[0] != CONTENT_DATA)
        return refuse(record, ALERT_UNEXPECTED_MESSAGE, cipher);
    if (header[1] != 3 || header[2] != 3)
        return refuse(record, ALERT_DECODE_ERROR, cipher);
    if (len > CF_TLS_CIPHER_MAX)
        return refuse(record, ALERT_RECORD_OVERFLOW, cipher);
    if (len < CF_TLS_TAG) /* no AEAD's output is so short */
        return refuse(record, ALERT_BAD_RECORD_MAC, cipher);
    return CF_OK;
}

/* How many bytes of a record there must be before more can be said of it. */
static size_t wanted(struct cf_slice begun)
{
    size_t body = begun.len < CF_TLS_HEADER ? 0 : (size_t)begun.ptr[3] << 8 | begun.ptr[4];
    return CF_TLS_HEADER + body;
}

/* Moves bytes to record->part until it is a whole record or they are used up. */
static enum cf_error gather(struct cf_tls_record *record, struct cf_slice *bytes,
                            struct cf_buf *cipher)
{
    struct cf_buf *part = &record->part;
    while (bytes->len > 0 && part->len < wanted(cf_buf_peek(part))) {
        struct cf_slice piece = cf_slice_head(*bytes, wanted(cf_buf_peek(part)) - part->len);
        enum cf_error error = cf_buf_append(part, piece);
        if (error != CF_OK)
            return error;
        *bytes = cf_slice_skip(*bytes, piece.len);
        if (part->len == CF_TLS_HEADER)
            error = check_header(record, part->ptr, cipher);
        if (error != CF_OK)
            return error;
    }
    return CF_OK;
}

/* The next record of *bytes, in its place where it is whole. */
static enum cf_error take_next(struct cf_tls_record *record, struct cf_slice *bytes,
                               struct cf_buf *plain, struct cf_buf *cipher)
{
    struct cf_buf *part = &record->part;
    if (part->len == 0 && bytes->len >= CF_TLS_HEADER && bytes->len >= wanted(*bytes)) {
        struct cf_slice whole = cf_slice_head(*bytes, wanted(*bytes));
        *bytes = cf_slice_skip(*bytes, whole.len);
        enum cf_error error = check_header(record, whole.ptr, cipher);
        return error != CF_OK ? error : take_record(record, whole, plain, cipher);
    }
    enum cf_error error = gather(record, bytes, cipher);
    if (error != CF_OK || part->len < wanted(cf_buf_peek(part)))
        return error;
    error = take_record(record, cf_buf_peek(part), plain, cipher);
    cf_buf_release(part);
    return error;
}

enum cf_error cf_tls_record_receive(struct cf_tls_record *record, struct cf_slice bytes,
                                    struct cf_buf *plain, struct cf_buf *cipher)
{
    while (record->ended == CF_OK && bytes.len > 0)
        record->ended = (uint8_t)take_next(record, &bytes, plain, cipher);
    return (enum cf_error)record->ended;
}
