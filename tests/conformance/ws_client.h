/* confab-ws-echo-client: WebSocket clients that send every message back, on the wire layers and the
 * loop alone, for a server that is scripted by a test. What it does is told on its standard input
 * (ws_client.c); ws_client_session.c is one connection. */
#ifndef CF_TESTS_CONFORMANCE_WS_CLIENT_H
#define CF_TESTS_CONFORMANCE_WS_CLIENT_H

#include "edge/uv/conn.h"
#include "port/entropy.h"
#include "wire/ws/endpoint.h"

struct ws_client {
    struct cf_loop *loop;
    struct cf_ws_config ws_config;
    struct cf_entropy entropy;
    uint16_t port;
    struct cf_buf out; /* what a step of any session wants written */
    struct cf_list sessions;
    bool ending; /* no more commands: over with the last session */
};

/* Connects to ws://127.0.0.1:PORT/ID. `deflate`: offers permessage-deflate. What becomes of it is
 * told on standard output: "ID open", "ID refused WHY", "ID closed CODE clean" or "… unclean". */
void ws_client_open(struct ws_client *client, uint64_t id, bool deflate);
/* Of an open session; one that is over by now is passed over. */
void ws_client_close(struct ws_client *client, uint64_t id, unsigned code, struct cf_slice reason);
void ws_client_ping(struct ws_client *client, uint64_t id);
void ws_client_text(struct ws_client *client, uint64_t id, struct cf_slice text);

#endif
