/* The load program: one thread, one epoll, figures as `name value` lines on standard output. */
#ifndef CF_BENCH_LOAD_H
#define CF_BENCH_LOAD_H

#include "base/slice.h"

struct load_options {
    unsigned port;
    unsigned server;           /* process whose CPU and memory are counted */
    struct cf_slice secret;    /* of the tokens; empty: a server without accounts (bench/peer) */
    unsigned rooms;            /* shops, groups or conversations */
    unsigned posters, streams; /* of shops and groups */
    unsigned sockets, window;  /* of conversations: Socket.IO sockets, and sends in flight */
    unsigned users;
    unsigned text; /* bytes of a message; of an envelope before base64 */
    unsigned seconds;
    unsigned
        rate; /* messages a second, over all senders; 0: the next one as soon as one is answered */
    unsigned deflate;    /* streams ask for permessage-deflate */
    unsigned uploads;    /* at once */
    unsigned size, part; /* of a file, and of what one request brings of it, in MiB */
    unsigned tls;
    unsigned runs;
    char **command; /* of `start` and `file` */
};

/* Posters and streams of shops talk for some seconds. */
void load_talk(const struct load_options *options);
/* Posters and streams of encrypted groups do. */
void load_relay(const struct load_options *options);
/* Sockets in conversations do. */
void load_chat(const struct load_options *options);
/* Streams or sockets are opened and do nothing. */
void load_idle(const struct load_options *options);
/* Files are uploaded, all at once. */
void load_uploads(const struct load_options *options);
/* A command, an upload and a download, each alone, in turns. */
void load_file(const struct load_options *options);
/* A server is started until it says that it listens, and stopped. */
void load_start(const struct load_options *options);

/* Zeroed, and at least one. */
void *load_new_array(size_t count, size_t size);
/* Ends the program: a figure that is not whole is none. `what` may be followed by errno's text. */
void load_die(const char *what) __attribute__((noreturn));
void load_die_errno(const char *what) __attribute__((noreturn));

#endif
