/* The program around an echo server: one loop on one thread, a listener on 127.0.0.1, signals and
 * the way out. What its connections speak is the ops' affair. */
#ifndef CF_TESTS_CONFORMANCE_ECHO_SERVER_H
#define CF_TESTS_CONFORMANCE_ECHO_SERVER_H

#include "edge/uv/conn.h"
#include "edge/uv/listener.h"

struct echo_server;

struct echo_ops {
    const char *name; /* of the program */
    /* A new connection; owns `fd` in any case. */
    void (*accept)(struct echo_server *server, int fd);
    /* The server stops: first of all. May be NULL. */
    void (*stopping)(struct echo_server *server);
    /* Of each link in server->sessions: says goodbye; closes without a word. */
    void (*stop)(struct cf_list *link);
    void (*cut)(struct cf_list *link);
};

struct echo_server {
    const struct echo_ops *ops;
    struct cf_loop *loop;
    struct cf_listener *listener; /* NULL once the server stops */
    struct cf_conn_config conn_config;
    struct cf_list sessions;
};

/* Runs until a signal ends it; returns the process's exit code. Errors are one line on stderr. */
int echo_server_run(struct echo_server *server, const struct echo_ops *ops, uint16_t port);
/* A session has been taken off the list. */
void echo_server_left(struct echo_server *server);
/* A decimal number within the range. */
bool echo_parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out_value);

#endif
