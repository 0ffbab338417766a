/* Making and unmaking what a server consists of, in the order in which one part needs another. */
#ifndef CF_SERVER_PARTS_H
#define CF_SERVER_PARTS_H

#include "server/server.h"

/* A listening address with a socket for each worker. */
struct cf_listening {
    char bound[128];
    int *fds;
};

struct cf_listenings {
    struct cf_listening items[CF_LISTEN_MAX];
    size_t count;
};

/* What needs no edge but the workers' loops: keys, lists and limits out of the configuration, the
 * directories, the workers. CF_E_* with one line in `why`; undone by cf_parts_close in any case. */
enum cf_error cf_parts_open_core(struct cf_server *server, const struct cf_config *config,
                                 const struct cf_entropy *entropy, struct cf_buf *why);
/* Before the workers start. The server owns the store. */
void cf_parts_set_store(struct cf_server *server, struct cf_store *store);
/* All of it: the core, TLS, the store in its file, the media folders. The same errors. */
enum cf_error cf_parts_open(struct cf_server *server, const struct cf_config *config,
                            const struct cf_store_sink *sink,
                            void (*store_fatal)(void *context, const char *text),
                            struct cf_buf *why);
/* Binds every address for every worker, and hands the sockets over. */
enum cf_error cf_parts_listen(struct cf_server *server, struct cf_listenings *listenings,
                              struct cf_buf *why);
void cf_listenings_free(struct cf_listenings *listenings);
/* After the workers' threads have ended. */
void cf_parts_close(struct cf_server *server);
/* The TLS files as they are now; NULL without. CF_E_* with one line in `why`. */
enum cf_error cf_parts_load_tls(const struct cf_config *config, struct cf_tls_context **out,
                                struct cf_buf *why);

#endif
