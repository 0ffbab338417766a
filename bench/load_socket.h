/* A Socket.IO client over one WebSocket (Engine.IO protocol 4, Socket.IO protocol 5): it joins a
 * conversation, then sends messages and receives those of all. */
#ifndef CF_BENCH_LOAD_SOCKET_H
#define CF_BENCH_LOAD_SOCKET_H

#include "bench/client.h"

struct load_socket {
    struct load_listener listener;
    struct load_sender sender; /* opened when the conversation is joined */
    unsigned number;
    uint64_t conversation;
};

/* Number i is of user i % users. `fd`: a WebSocket that was just upgraded. Closed as the listener
 * that it is. */
void load_socket_open(struct load_socket *socket, struct load_run *run, int fd, unsigned number,
                      uint64_t conversation);

#endif
