/* A whole session: Engine.IO below, Socket.IO above, stacked as confab-sio-echo stacks them. The
 * input is a step a line: those of tests/unit/eio/script.h but for what the layer above says, and
 * accept:N, refuse:N, expel:N of tests/unit/sio/script.h. A CONNECT without auth is let in at once;
 * every event is sent back, and acknowledged if that is asked for.
 *
 * Besides what the sanitizers see and the scripts assert: what the client gets is made of whole
 * packets, each binary one followed by exactly the attachments that it announces, and no message of
 * its own changes on the way. */
#include <stdint.h>

#include "unit/eio/script.h"
#include "unit/sio/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct stack {
    struct script eio;
    struct sio_script sio;
    unsigned due; /* attachments that the client waits for */
};

/* ---- the client ---- */

static void client_hears(struct stack *stack, struct cf_slice data, bool binary)
{
    struct cf_sio_packet packet;
    CF_ASSERT(binary == (stack->due > 0));
    if (binary) {
        stack->due--;
        return;
    }
    CF_ASSERT(cf_sio_packet_read(data, &packet) == CF_OK);
    stack->due = packet.attachments;
}

static void client_takes(struct stack *stack, struct cf_slice text)
{
    struct cf_buf scratch;
    struct cf_eio_packet packet;
    cf_buf_init(&scratch, SCRIPT_BYTES_MAX);
    CF_ASSERT(cf_eio_packet_read(text, &scratch, &packet) == CF_OK);
    CF_ASSERT(packet.type != CF_EIO_PONG && packet.type != CF_EIO_UPGRADE);
    if (packet.type == CF_EIO_MESSAGE)
        client_hears(stack, packet.data, packet.binary);
    cf_buf_deinit(&scratch);
}

static void take_action(struct script *script, const struct cf_eio_action *action)
{
    struct stack *stack = script->context;
    struct cf_slice payload = action->bytes, text;
    if (action->what == CF_EIO_SEND && action->binary)
        client_hears(stack, action->bytes, true);
    else if (action->what == CF_EIO_SEND)
        client_takes(stack, action->bytes);
    while (action->what == CF_EIO_ANSWER && cf_slice_next(&payload, CF_EIO_SEPARATOR, &text))
        client_takes(stack, text);
}

/* ---- the layer above ---- */

static void say(struct stack *stack, struct cf_slice message, bool binary)
{
    enum cf_error error = cf_eio_send(&stack->eio.s, message, binary);
    if (error == CF_E_INVALID) /* a namespace with a separator in its name */
        cf_eio_close(&stack->eio.s, stack->eio.now);
}

static void say_packet(struct sio_script *sio, struct cf_slice packet)
{
    say(sio->context, packet, false);
}

static void say_back(struct stack *stack, const struct cf_sio_event *event, bool is_ack)
{
    bool binary = event->attachments_count > 0;
    struct cf_buf out;
    struct cf_sio_packet packet = {.type = is_ack ? CF_SIO_ACK : CF_SIO_EVENT,
                                   .attachments = event->attachments_count,
                                   .nsp = sio_namespaces[event->nsp],
                                   .has_id = is_ack,
                                   .id = event->id};
    if (binary)
        packet.type = is_ack ? CF_SIO_BINARY_ACK : CF_SIO_BINARY_EVENT;
    cf_buf_init(&out, SIO_TOLD_MAX);
    CF_ASSERT(cf_sio_packet_begin(&out, &packet) == CF_OK);
    CF_ASSERT(cf_buf_append_byte(&out, '[') == CF_OK);
    CF_ASSERT(cf_buf_append(&out, event->args.inside) == CF_OK);
    CF_ASSERT(cf_buf_append_byte(&out, ']') == CF_OK);
    say(stack, cf_buf_peek(&out), false);
    for (unsigned i = 0; i < event->attachments_count; i++)
        say(stack, event->attachments[i], true);
    cf_buf_deinit(&out);
}

static void take_event(struct sio_script *sio, const struct cf_sio_event *event)
{
    struct stack *stack = sio->context;
    if (event->type == CF_SIO_WANTS_IN && event->auth.ptr == NULL)
        CF_ASSERT(cf_sio_accept(&sio->s, event->nsp, CF_LIT("s"), CF_LIT(""), &sio->reply) ==
                  CF_OK);
    if (event->type != CF_SIO_HAPPENED)
        return;
    say_back(stack, event, false);
    if (event->has_id)
        say_back(stack, event, true);
}

static void hear(struct script *script, const struct cf_eio_packet *packet)
{
    struct stack *stack = script->context;
    if (!stack->sio.over)
        sio_script_message(&stack->sio, packet->data, packet->binary);
    if (stack->sio.over)
        cf_eio_close(&script->s, script->now);
}

/* ---- steps ---- */

static void tick(struct stack *stack)
{
    cf_ms passed = stack->eio.now - stack->sio.now;
    if (!stack->sio.over)
        sio_script_pass(&stack->sio, passed);
    if (stack->sio.over)
        cf_eio_close(&stack->eio.s, stack->eio.now);
}

static bool is_for_above(struct cf_slice step)
{
    return cf_slice_starts(step, CF_LIT("accept:")) || cf_slice_starts(step, CF_LIT("refuse:")) ||
           cf_slice_starts(step, CF_LIT("expel:"));
}

/* The layer above says nothing but what it has to say. */
static bool is_for_below(struct cf_slice step)
{
    return !cf_slice_starts(step, CF_LIT("send")) && !cf_slice_starts(step, CF_LIT("payload"));
}

static void do_step(struct stack *stack, struct cf_slice step)
{
    if (is_for_above(step))
        (void)sio_script_step(&stack->sio, step);
    else if (is_for_below(step))
        (void)script_step(&stack->eio, step);
    if (!stack->eio.over)
        tick(stack);
    script_settle(&stack->eio);
    cf_buf_reset(&stack->eio.told);
    cf_buf_reset(&stack->sio.told);
}

static void begin(struct stack *stack)
{
    struct cf_eio_config eio = SCRIPT_CONFIG;
    struct cf_sio_config sio = SIO_CONFIG;
    eio.queue_bytes_max = 2000;
    sio.attachments_bytes_max = 100;
    script_init(&stack->eio, &eio, CF_EIO_POLLING);
    sio_script_init(&stack->sio, &sio);
    stack->eio.separator = '\n';
    stack->eio.context = stack->sio.context = stack;
    stack->eio.hear = hear;
    stack->eio.done = take_action;
    stack->sio.event = take_event;
    stack->sio.out = say_packet;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stack stack;
    struct cf_slice input = cf_slice_of(data, size), step;
    stack = (struct stack){.due = 0};
    begin(&stack);
    while (cf_slice_next(&input, '\n', &step))
        do_step(&stack, step);
    do_step(&stack, CF_LIT("abort"));
    CF_ASSERT(stack.eio.over);
    sio_script_deinit(&stack.sio);
    script_deinit(&stack.eio);
    return 0;
}
