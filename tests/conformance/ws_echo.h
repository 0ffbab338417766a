/* confab-ws-echo: a WebSocket server that sends every message back, on the wire layers and the
 * loop alone. It makes them testable by anybody's client, and shows how they are used:
 * ws_echo_session.c is one connection, ws_echo.c the program around it. */
#ifndef CF_TESTS_CONFORMANCE_WS_ECHO_H
#define CF_TESTS_CONFORMANCE_WS_ECHO_H

#include "echo_server.h"
#include "wire/ws/endpoint.h"

struct ws_echo {
    struct echo_server server;
    struct cf_ws_config ws_config;
    struct cf_buf out; /* what a step of any session wants written */
};

extern const struct echo_ops ws_echo_ops;

#endif
