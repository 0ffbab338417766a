#include "bench/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/ws/frame.h"

enum { READ_MAX = 256 * 1024, FRAME_MAX = 64 * 1024, COMPRESSED = 0x40 };

/* One buffer for all: what a listener has kept is copied in front of what is read. */
static uint8_t buffer[FRAME_MAX + READ_MAX];

/* A server's frame (RFC 6455 section 5.2), unmasked and shorter than 64 KiB. Its length, or 0 when
 * it is not whole. */
static size_t read_frame(const uint8_t *bytes, size_t len, struct cf_slice *out_payload)
{
    if (len < 2)
        return 0;
    size_t payload = bytes[1], head = 2;
    if (payload == 126) {
        head = 4;
        payload = len < 4 ? 0 : (size_t)bytes[2] << 8 | bytes[3];
    } else if (payload > 126) {
        load_die("a frame that is masked or too long");
    }
    if (len < head + payload)
        return 0;
    *out_payload = cf_slice_of(bytes + head, payload);
    return head + payload;
}

void load_listener_send(struct load_listener *listener, struct cf_slice text)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t frame[CF_WS_HEADER_MAX + LOAD_SENT_MAX];
    if (text.len > LOAD_SENT_MAX)
        load_die("a frame that is too long");
    size_t head = cf_ws_header_write(frame, CF_WS_TEXT, false, text.len, mask);
    memcpy(frame + head, text.ptr, text.len);
    cf_ws_mask(frame + head, text.len, mask, 0);
    if (send(listener->source.fd, frame, head + text.len, 0) != (ssize_t)(head + text.len))
        load_die_errno("cannot send a frame");
}

void load_listener_deliver(struct load_listener *listener, struct cf_slice text, uint64_t now_ns)
{
    struct load_run *run = listener->run;
    const struct load_message *message =
        load_sequence_take(listener->sequence, &listener->place, text, &run->faults);
    run->deliveries++;
    run->text_bytes += text.len;
    if (load_measured(run, message->sent_ns))
        load_samples_add(&run->delivery_samples, now_ns - message->sent_ns);
}

/* Every message by itself: the server never keeps its window (RFC 7692 section 7.1.1.1). Valid
 * until the next one. */
static struct cf_slice inflate_payload(struct load_run *run, struct cf_slice payload)
{
    cf_buf_reset(&run->inflated);
    if (run->inflater == NULL ||
        cf_ws_inflate(run->inflater, payload, true, false, &run->inflated) != CF_OK)
        load_die("a frame that does not inflate");
    return cf_buf_peek(&run->inflated);
}

static void keep(struct load_listener *listener, const uint8_t *bytes, size_t len)
{
    if (len > listener->kept_cap) {
        free(listener->kept);
        listener->kept_cap = FRAME_MAX;
        listener->kept = malloc(FRAME_MAX);
        if (listener->kept == NULL || len > FRAME_MAX)
            load_die("no room for half a frame");
    }
    memcpy(listener->kept, bytes, len);
    listener->kept_len = len;
}

static void end(struct load_listener *listener)
{
    listener->run->cut++;
    close(listener->source.fd);
    listener->source.fd = -1;
}

static void on_ready(struct load_source *source)
{
    struct load_listener *listener = (struct load_listener *)source;
    size_t len = listener->kept_len, used = 0;
    ssize_t got = recv(source->fd, buffer + len, READ_MAX, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        end(listener);
        return;
    }
    uint64_t now_ns = load_now_ns();
    listener->run->wire_bytes += (uint64_t)got;
    if (len > 0)
        memcpy(buffer, listener->kept, len);
    listener->kept_len = 0;
    len += (size_t)got;
    struct cf_slice payload;
    for (size_t frame; (frame = read_frame(buffer + used, len - used, &payload)) > 0;) {
        unsigned opcode = buffer[used] & 0x0f;
        if ((buffer[used] & COMPRESSED) != 0)
            payload = inflate_payload(listener->run, payload);
        if (opcode == CF_WS_TEXT)
            listener->take(listener, payload, now_ns);
        used += frame;
        if (opcode == CF_WS_CLOSE) {
            end(listener);
            return;
        }
    }
    if (used < len)
        keep(listener, buffer + used, len - used);
}

void load_listener_open(struct load_listener *listener, struct load_run *run, int fd,
                        struct load_sequence *sequence, load_take_fn *take)
{
    *listener = (struct load_listener){
        .source = {.ready = on_ready, .fd = fd}, .run = run, .sequence = sequence, .take = take};
    cf_list_push_back(&run->listeners, &listener->in_run);
    load_watch(run, &listener->source);
}

void load_listener_close(struct load_listener *listener)
{
    load_place_finish(listener->sequence, &listener->place, &listener->run->faults);
    if (listener->source.fd >= 0)
        close(listener->source.fd);
    free(listener->kept);
}
