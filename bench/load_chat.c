#include "load_chat.h"

#include <stdlib.h>

#include "load_setup.h"
#include "load_socket.h"

/* A user may send 10 messages a second, so each sender rests between two. */
#define REST_NS UINT64_C(100000000)

#define JOIN_NS UINT64_C(10000000000)

void load_chat_open(struct load_chat *chat, const struct load_options *options)
{
    if (options->sockets < options->rooms || options->users % options->rooms != 0)
        load_die("--sockets is at least --rooms, --users a multiple of it");
    load_run_open(&chat->run, options, options->sockets, "\"text\":\"");
    chat->run.rest_ns = REST_NS;
    chat->sockets = load_new_array(options->sockets, sizeof(*chat->sockets));
    chat->conversations = load_new_array(options->rooms, sizeof(*chat->conversations));
    load_make_conversations(options, chat->conversations);
}

/* Until all that were opened have joined. Meanwhile pings are answered. */
static void await_joined(struct load_run *run, unsigned opened)
{
    uint64_t end = load_now_ns() + JOIN_NS;
    while (run->senders < opened) {
        load_turn(run, 10);
        if (run->cut > 0 || load_now_ns() > end)
            load_die("a socket has not joined");
    }
}

void load_chat_join(struct load_chat *chat)
{
    const struct load_options *options = chat->run.options;
    int fds[LOAD_UPGRADES_AT_ONCE];
    for (unsigned opened = 0; opened < options->sockets;) {
        unsigned count = options->sockets - opened;
        if (count > LOAD_UPGRADES_AT_ONCE)
            count = LOAD_UPGRADES_AT_ONCE;
        for (unsigned i = 0; i < count; i++)
            fds[i] = load_ask_upgrade(options->port, "/socket.io/?EIO=4&transport=websocket",
                                      cf_slice_of(NULL, 0));
        for (unsigned i = 0; i < count; i++, opened++) {
            load_await_upgrade(fds[i]);
            load_socket_open(&chat->sockets[opened], &chat->run, fds[i], opened,
                             chat->conversations[opened % options->rooms]);
        }
        await_joined(&chat->run, opened);
    }
}

void load_chat_close(struct load_chat *chat)
{
    load_run_close(&chat->run);
    free(chat->conversations);
    free(chat->sockets);
}

void load_chat(const struct load_options *options)
{
    struct load_chat chat;
    load_chat_open(&chat, options);
    load_chat_join(&chat);
    chat.run.busy_max = options->window;
    load_run_measure(&chat.run);
    load_chat_close(&chat);
}
