/* Socket.IO. The first byte chooses who reads:
 *
 *     K  one packet
 *     A  arguments: a byte for the number of attachments (a digit, or `-`: no binary packet), then
 *        the JSON
 *     S  a session: a script of tests/unit/sio/script.h, a step a line
 *
 * Besides what the sanitizers see: a packet that is read comes back from what is written of it, and
 * what script.h asserts of events. */
#include <stdint.h>

#include "base/utf8.h"
#include "unit/sio/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_packet(struct cf_slice input)
{
    struct cf_sio_packet packet, again;
    struct cf_buf out;
    if (cf_sio_packet_read(input, &packet) != CF_OK)
        return;
    CF_ASSERT(packet.attachments <= CF_SIO_ATTACHMENTS_MAX && packet.id < UINT64_C(1) << 53);
    CF_ASSERT((packet.attachments > 0) == (packet.type >= CF_SIO_BINARY_EVENT));
    cf_buf_init(&out, input.len + 2);
    CF_ASSERT(cf_sio_packet_begin(&out, &packet) == CF_OK);
    CF_ASSERT(cf_buf_append(&out, packet.payload) == CF_OK);
    CF_ASSERT(cf_sio_packet_read(cf_buf_peek(&out), &again) == CF_OK);
    CF_ASSERT(again.type == packet.type && again.attachments == packet.attachments);
    CF_ASSERT(again.has_id == packet.has_id && again.id == packet.id);
    CF_ASSERT(cf_slice_eq(again.nsp, packet.nsp));
    CF_ASSERT(cf_slice_eq(again.payload, packet.payload));
    cf_buf_deinit(&out);
}

static void fuzz_args(struct cf_slice input)
{
    struct cf_arena arena;
    struct cf_sio_args args;
    uint8_t digit = input.len > 0 ? input.ptr[0] : '-';
    unsigned attachments = digit >= '0' && digit <= '9' ? digit - (unsigned)'0' : UINT_MAX;
    cf_arena_init(&arena, SIO_ARENA_MAX);
    if (cf_sio_args_read(cf_slice_skip(input, 1), attachments, &CF_JSON_LIMITS_DEFAULT,
                         sio_hash_key, &arena, &args) == CF_OK) {
        CF_ASSERT(args.count <= CF_SIO_ARGS_MAX && cf_utf8_valid(args.inside));
        CF_ASSERT((args.behind_first.ptr != NULL) == (args.count > 0));
        CF_ASSERT(cf_slice_ends(args.inside, args.behind_first));
        for (size_t i = 0; i < args.count; i++)
            CF_ASSERT(args.items[i].is == CF_JSON_IS_STRING || args.items[i].text.len > 0);
    }
    cf_arena_deinit(&arena);
}

static void fuzz_session(struct cf_slice input)
{
    struct sio_script script;
    struct cf_slice step;
    struct cf_sio_config config = SIO_CONFIG;
    config.attachments_bytes_max = 50;
    sio_script_init(&script, &config);
    while (cf_slice_next(&input, '\n', &step)) {
        (void)sio_script_step(&script, step);
        cf_buf_reset(&script.told);
    }
    sio_script_deinit(&script);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_slice input = cf_slice_skip(cf_slice_of(data, size), 1);
    if (size == 0)
        return 0;
    switch (data[0]) {
    case 'K':
        fuzz_packet(input);
        break;
    case 'A':
        fuzz_args(input);
        break;
    case 'S':
        fuzz_session(input);
        break;
    default:
        break;
    }
    return 0;
}
