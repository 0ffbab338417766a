/* A WebSocket that carries an Engine.IO session, or asks to: the third half of a connection, beside
 * web.h and stream.h. It frames and unframes; what the messages are is the socket's affair. */
#ifndef CF_SERVER_LINE_H
#define CF_SERVER_LINE_H

#include "server/session.h"
#include "wire/ws/endpoint.h"

struct cf_socket;

struct cf_line {
    struct cf_session *session;
    struct cf_socket *socket; /* NULL: it has let go of this line, which is closing */
    struct cf_ws_endpoint endpoint;
};

/* Makes the session's connection, whose 101 is queued, a line. NULL without memory. */
struct cf_line *cf_line_new(struct cf_session *session, struct cf_socket *socket);
void cf_line_read(struct cf_line *line, struct cf_slice bytes);
void cf_line_drained(struct cf_line *line);
void cf_line_timer(struct cf_line *line);
/* Sends one message. CF_E_SLOW: too much waits already, it is not sent. What else goes wrong ends
 * the connection. */
enum cf_error cf_line_send(struct cf_line *line, bool binary, struct cf_slice message);
/* Queues shared frames. CF_E_SLOW: too much waits already. CF_E_NOMEM, CF_E_STATE. */
enum cf_error cf_line_deliver(struct cf_line *line, struct cf_shared *frames, uint32_t messages);
/* Says goodbye; the socket has let go. */
void cf_line_close(struct cf_line *line, unsigned code);
/* The connection is gone. */
void cf_line_free(struct cf_line *line);

#endif
