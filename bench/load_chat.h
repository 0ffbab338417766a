/* Socket.IO sockets in conversations. */
#ifndef CF_BENCH_LOAD_CHAT_H
#define CF_BENCH_LOAD_CHAT_H

#include "bench/run.h"

struct load_chat {
    struct load_run run;
    uint64_t *conversations;
    struct load_socket *sockets;
};

/* Makes the conversations. */
void load_chat_open(struct load_chat *chat, const struct load_options *options);
/* Opens --sockets sockets, number i in conversation i % rooms, which it has joined in the end. */
void load_chat_join(struct load_chat *chat);
void load_chat_close(struct load_chat *chat);

#endif
