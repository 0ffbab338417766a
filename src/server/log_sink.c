#include "server/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/text.h"

/* One descriptor number for the life of the process: reopening replaces what it stands for, so that
 * threads that write meanwhile need no lock. */
static int log_fd = STDERR_FILENO;

static cf_us wall_clock(void *context)
{
    (void)context;
    return cf_wall_clock();
}

/* A line that cannot be written is lost: there is nowhere left to say so. */
static void write_line(void *context, struct cf_slice line)
{
    (void)context;
    while (line.len > 0) {
        ssize_t len = write(log_fd, line.ptr, line.len);
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0)
            return;
        line = cf_slice_skip(line, (size_t)len);
    }
}

static struct cf_log_sink sink = {.now = wall_clock, .write = write_line};

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

enum cf_error cf_log_sink_open(const struct cf_config *config, struct cf_buf *why)
{
    if (*config->log_file != '\0') {
        int fd = open_file(config->log_file);
        if (fd < 0) {
            cf_text_append(why, "LOG_FILE=%s: cannot open it: %s", config->log_file,
                           strerror(errno));
            return CF_E_IO;
        }
        log_fd = fd;
    }
    sink.level = (enum cf_log_level)config->log_level;
    sink.format = (enum cf_log_format)config->log_format;
    cf_log_install(&sink);
    return CF_OK;
}

void cf_log_sink_reopen(const struct cf_config *config)
{
    if (*config->log_file == '\0')
        return;
    int fd = open_file(config->log_file);
    if (fd < 0 || dup2(fd, log_fd) < 0)
        cf_log(CF_LOG_ERROR, "cannot reopen the log file", CF_KV_CSTR("error", strerror(errno)));
    if (fd >= 0)
        close(fd);
}
