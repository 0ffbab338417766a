/* What operators read: metrics and the health of the streams. */
#ifndef CF_SERVER_SCRAPE_H
#define CF_SERVER_SCRAPE_H

#include "server/server.h"

/* Prometheus text: workers, people, store, process. CF_E_NOMEM, CF_E_TOO_LARGE. */
enum cf_error cf_scrape_metrics(struct cf_server *server, struct cf_buf *out);
/* {"status":"healthy","active_connections":…,"active_shops":…,"uptime_seconds":…} (seed 002). */
enum cf_error cf_scrape_health(struct cf_server *server, struct cf_buf *out);

#endif
