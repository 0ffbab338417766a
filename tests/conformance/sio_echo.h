/* confab-sio-echo: what the public Engine.IO 4 and Socket.IO 5 protocol suites expect, on the wire
 * and dialect layers and the loop alone. sio_echo_peer.c is one connection (HTTP, then perhaps a
 * WebSocket), sio_echo_client.c one session and what it answers, sio_echo.c the program. */
#ifndef CF_TESTS_CONFORMANCE_SIO_ECHO_H
#define CF_TESTS_CONFORMANCE_SIO_ECHO_H

#include "base/map.h"
#include "dialect/eio/session.h"
#include "dialect/sio/session.h"
#include "echo_server.h"
#include "wire/ws/endpoint.h"

struct peer;

struct sio_echo {
    struct echo_server server;
    uint8_t hash_key[16];
    struct cf_eio_config eio;
    struct cf_sio_config sio;
    struct cf_ws_config ws;
    struct cf_map clients; /* by sid */
    struct cf_buf out;     /* what a step of a peer wants written */
    struct cf_buf scratch; /* of actions */
    struct cf_buf decoded; /* a packet's base64 */
    struct cf_buf reply;   /* a Socket.IO packet */
};

extern const struct echo_ops sio_echo_ops;

enum { SID_LEN = 24 }; /* of 6 bits each */

struct client {
    struct sio_echo *echo;
    struct cf_eio_session eio;
    struct cf_sio_session sio;
    struct cf_loop_timer timer;
    uint8_t sid[SID_LEN];
    bool raw; /* bare Engine.IO */
    struct peer *poller, *poster, *socket, *probe;
};

/* sio_echo_client.c */

/* NULL without memory. */
struct client *client_open(struct sio_echo *echo, enum cf_eio_transport transport, bool raw);
struct client *client_find(const struct sio_echo *echo, struct cf_slice sid);
/* A whole POST body; CF_OK: answer "ok". */
enum cf_error client_payload(struct client *client, struct cf_slice body);
/* A message on a WebSocket of the client's. */
void client_message(struct client *client, struct peer *peer, struct cf_slice message, bool binary);
/* A peer of the client's is gone. */
void client_lost(struct client *client, struct peer *peer);
/* Does what the session asks for; may free the client. After every step. */
void client_settle(struct client *client);
/* Ends the session: in order as far as that can be done at once. */
void client_stop(struct client *client);

/* sio_echo_peer.c */

void peer_answer(struct peer *peer, unsigned status, const char *type, struct cf_slice body);
void peer_send(struct peer *peer, bool binary, struct cf_slice message);
/* Closes its WebSocket. */
void peer_close(struct peer *peer);
void peer_forget_client(struct peer *peer);

#endif
