/* A client of Engine.IO 4, as engine.io-client is one: over WebSocket, over long-polling, or on the
 * way from the one to the other. */
#ifndef CF_SIM_EIO_H
#define CF_SIM_EIO_H

#include "sim/wire.h"

enum sim_eio_way { SIM_EIO_WEBSOCKET, SIM_EIO_POLLING, SIM_EIO_UPGRADE };

struct sim_eio {
    void (*opened)(struct sim_eio *eio);
    void (*message)(struct sim_eio *eio, struct cf_slice text);
    void (*closed)(struct sim_eio *eio); /* it may connect again in here */
    bool busy;                           /* since the connect, until it has closed */
    bool open;                           /* the handshake is there */
    bool on_websocket;                   /* what is said goes that way */
    bool paused;                         /* it has asked for the last GET before the upgrade */
    enum sim_eio_way way;
    uint64_t round; /* connects so far */
    char sid[40];
    int64_t patience; /* without a ping for so long the server is dead */
    struct sim_ws ws;
    struct sim_http get, post, goodbye;
    struct cf_buf queue; /* what waits for a POST, as a payload */
    struct sim_event silence;
};

void sim_eio_init(struct sim_eio *eio);
void sim_eio_connect(struct sim_eio *eio, enum sim_eio_way way);
/* Open. */
void sim_eio_send(struct sim_eio *eio, struct cf_slice message);
/* Goes, without `closed`: with a last message (may be empty) and a close, or, not `politely`,
 * without a word. */
void sim_eio_leave(struct sim_eio *eio, struct cf_slice last, bool politely);
/* A client that is open hears the server; one that is not has no connection. Between two events. */
bool sim_eio_is_sound(const struct sim_eio *eio);
void sim_eio_deinit(struct sim_eio *eio);

#endif
