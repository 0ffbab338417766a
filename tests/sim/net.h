/* The network between clients and the server: byte streams that split, coalesce, delay, stall, are
 * cut and go half-open, as the run's weather says. The server's side is a file descriptor that the
 * real edge/uv reads and writes (calls.c); the client's side is this. */
#ifndef CF_SIM_NET_H
#define CF_SIM_NET_H

#include "sim/sim.h"

/* How bad the network is; all 0: perfect. */
struct sim_weather {
    int64_t latency_min, latency_max; /* a segment's way */
    unsigned split;                   /* of a thousand sends: in pieces */
    unsigned stall;                   /* of a thousand segments: seconds late, and all behind it */
    unsigned cut;                     /* of a thousand segments: the link breaks */
    unsigned half_open;               /* of a thousand breaks: one side is not told */
    unsigned refuse;                  /* of a thousand connects */
    size_t window;                    /* bytes that may be on the way to a client */
};
extern struct sim_weather weather;

struct sim_link;

struct sim_link_ops {
    void (*opened)(void *context);
    void (*bytes)(void *context, struct cf_slice bytes);
    /* The last call; `context` may connect again. */
    void (*closed)(void *context);
};

/* A client connects; one of the calls of `ops` tells what came of it, later. The link frees itself
 * after `closed`. */
struct sim_link *sim_link_connect(const struct sim_link_ops *ops, void *context);
void sim_link_send(struct sim_link *link, struct cf_slice bytes);
/* The client goes, with its FIN behind what it has sent; no call of `ops` any more. */
void sim_link_close(struct sim_link *link);
/* The client goes without a word; the server may not hear of it. */
void sim_link_vanish(struct sim_link *link);

/* The client reads nothing (true), or goes on. */
void sim_link_pause(struct sim_link *link, bool pause);

/* Breaks all links: the server's process has died. */
void sim_net_server_died(void);
/* Every client has gone: what is left on the way goes too. */
void sim_net_end(void);

/* What the server's system calls come down to. */
enum { SIM_FD = 1 << 20 }; /* descriptors from here on are links */
long sim_net_read(int fd, uint8_t *out, size_t len);
long sim_net_write(int fd, const uint8_t *bytes, size_t len);
void sim_net_shutdown(int fd);
void sim_net_close(int fd);
bool sim_net_readable(int fd);
bool sim_net_writable(int fd);
int sim_net_error(int fd);

#endif
