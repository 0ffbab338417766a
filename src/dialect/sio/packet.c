#include "dialect/sio/packet.h"

enum { ID_DIGITS_MAX = 16 };
static const uint64_t id_max = (UINT64_C(1) << 53) - 1;

/* Takes the digits at the front off *rest. */
static struct cf_slice take_digits(struct cf_slice *rest)
{
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] >= '0' && rest->ptr[len] <= '9')
        len++;
    struct cf_slice digits = cf_slice_head(*rest, len);
    *rest = cf_slice_skip(*rest, len);
    return digits;
}

static bool is_binary(enum cf_sio_type type)
{
    return type == CF_SIO_BINARY_EVENT || type == CF_SIO_BINARY_ACK;
}

static enum cf_error read_attachments(struct cf_slice *rest, struct cf_sio_packet *packet)
{
    struct cf_slice digits = take_digits(rest);
    uint64_t count;
    if (rest->len == 0 || rest->ptr[0] != '-' || digits.len == 0 || digits.ptr[0] == '0')
        return CF_E_SYNTAX;
    *rest = cf_slice_skip(*rest, 1);
    if (!cf_slice_to_u64(digits, &count) || count > CF_SIO_ATTACHMENTS_MAX)
        return CF_E_TOO_MANY;
    packet->attachments = (unsigned)count;
    return CF_OK;
}

static void read_namespace(struct cf_slice *rest, struct cf_sio_packet *packet)
{
    packet->nsp = CF_LIT("/");
    if (rest->len == 0 || rest->ptr[0] != '/')
        return;
    size_t comma = cf_slice_find(*rest, ',');
    packet->nsp = cf_slice_head(*rest, comma);
    *rest = cf_slice_skip(*rest, comma < rest->len ? comma + 1 : comma);
}

static enum cf_error read_id(struct cf_slice *rest, struct cf_sio_packet *packet)
{
    struct cf_slice digits = take_digits(rest);
    packet->has_id = digits.len > 0;
    if (!packet->has_id)
        return CF_OK;
    if (digits.len > ID_DIGITS_MAX || !cf_slice_to_u64(digits, &packet->id) || packet->id > id_max)
        return CF_E_SYNTAX;
    return CF_OK;
}

enum cf_error cf_sio_packet_read(struct cf_slice text, struct cf_sio_packet *out_packet)
{
    struct cf_sio_packet packet = {.attachments = 0};
    if (text.len == 0 || text.ptr[0] < '0' || text.ptr[0] > '6')
        return CF_E_SYNTAX;
    packet.type = (enum cf_sio_type)(text.ptr[0] - '0');
    struct cf_slice rest = cf_slice_skip(text, 1);
    enum cf_error error = is_binary(packet.type) ? read_attachments(&rest, &packet) : CF_OK;
    if (error != CF_OK)
        return error;
    read_namespace(&rest, &packet);
    error = read_id(&rest, &packet);
    if (error != CF_OK)
        return error;
    if (rest.len > 0)
        packet.payload = rest;
    *out_packet = packet;
    return CF_OK;
}

enum cf_error cf_sio_packet_begin(struct cf_buf *out, const struct cf_sio_packet *packet)
{
    enum cf_error error = cf_buf_append_byte(out, (uint8_t)('0' + packet->type));
    if (error == CF_OK && is_binary(packet->type))
        error = cf_buf_append_u64(out, packet->attachments);
    if (error == CF_OK && is_binary(packet->type))
        error = cf_buf_append_byte(out, '-');
    if (error == CF_OK && !cf_slice_eq(packet->nsp, CF_LIT("/")))
        error = cf_buf_append(out, packet->nsp);
    if (error == CF_OK && !cf_slice_eq(packet->nsp, CF_LIT("/")))
        error = cf_buf_append_byte(out, ',');
    if (error == CF_OK && packet->has_id)
        error = cf_buf_append_u64(out, packet->id);
    return error;
}
