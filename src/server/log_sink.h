/* Where log lines go: standard error, or LOG_FILE, which SIGHUP opens again. */
#ifndef CF_SERVER_LOG_SINK_H
#define CF_SERVER_LOG_SINK_H

#include "server/config.h"

/* Installs the process's log. CF_E_IO with one line in `why`. The config must outlive it. */
enum cf_error cf_log_sink_open(const struct cf_config *config, struct cf_buf *why);
/* After a rotation; the old file stays in use when the new one cannot be opened. */
void cf_log_sink_reopen(const struct cf_config *config);

#endif
