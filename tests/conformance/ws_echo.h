/* confab-ws-echo: a WebSocket server that sends every message back, on the wire layers and the
 * loop alone. It makes them testable by anybody's client, and shows how they are used:
 * ws_echo_session.c is one connection, ws_echo.c the program around it. */
#ifndef CF_TESTS_CONFORMANCE_WS_ECHO_H
#define CF_TESTS_CONFORMANCE_WS_ECHO_H

#include "edge/uv/conn.h"
#include "edge/uv/listener.h"
#include "wire/ws/endpoint.h"

struct echo_server {
    struct cf_loop *loop;
    struct cf_listener *listener; /* NULL once the server stops */
    struct cf_conn_config conn_config;
    struct cf_ws_config ws_config;
    struct cf_list sessions;
    struct cf_buf out; /* what a step of any session wants written */
};

/* A new connection; owns `fd` in any case. */
void echo_session_accept(struct echo_server *server, int fd);
/* Says goodbye: 1001 on a WebSocket (RFC 6455 section 7.4.1). */
void echo_session_stop(struct cf_list *link);
/* Closes without a word. */
void echo_session_cut(struct cf_list *link);
/* The last session is gone. */
void echo_server_idle(struct echo_server *server);

#endif
