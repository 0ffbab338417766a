/* The way in: one file, one operation after the other. */
#include "edge/media/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"

struct cf_media_writer {
    uv_work_t work;
    const struct cf_media *media;
    uv_loop_t *loop;
    cf_media_done *done;
    void *context;
    enum { STEP_CREATE, STEP_WRITE, STEP_COMMIT } step;
    bool running, orphaned, committed;
    int fd;
    int failed; /* errno of the step */
    uint8_t *bytes;
    size_t len;
    char temporary[CF_MEDIA_NAME_MAX];
    char final[CF_MEDIA_NAME_MAX];
};

static int step_create(struct cf_media_writer *writer)
{
    char path[CF_MEDIA_PATH_MAX];
    cf_media_temporary_path(writer->media, writer->temporary, path);
    writer->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return writer->fd < 0 ? errno : 0;
}

static int step_write(const struct cf_media_writer *writer)
{
    for (size_t at = 0; at < writer->len;) {
        ssize_t len = write(writer->fd, writer->bytes + at, writer->len - at);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return errno;
        at += (size_t)len;
    }
    return 0;
}

static int step_commit(struct cf_media_writer *writer)
{
    if (fsync(writer->fd) != 0)
        return errno;
    char from[CF_MEDIA_PATH_MAX], to[CF_MEDIA_PATH_MAX];
    cf_media_temporary_path(writer->media, writer->temporary, from);
    cf_media_final_path(writer->media, writer->final, to);
    if (rename(from, to) != 0)
        return errno;
    int failed = cf_media_sync_dir(writer->media->path);
    if (failed != 0)
        unlink(to); /* nobody has been told of it */
    writer->committed = true;
    return failed;
}

/* The name that was given out is wanted by nobody any more. */
static void remove_final(const struct cf_media_writer *writer)
{
    char path[CF_MEDIA_PATH_MAX];
    cf_media_final_path(writer->media, writer->final, path);
    unlink(path);
}

static void writer_work(uv_work_t *work)
{
    struct cf_media_writer *writer = CF_CONTAINER_OF(work, struct cf_media_writer, work);
    switch (writer->step) {
    case STEP_CREATE:
        writer->failed = step_create(writer);
        break;
    case STEP_WRITE:
        writer->failed = step_write(writer);
        break;
    case STEP_COMMIT:
        writer->failed = step_commit(writer);
        break;
    }
}

static void writer_destroy(struct cf_media_writer *writer)
{
    if (writer->fd >= 0) {
        close(writer->fd);
        if (!writer->committed) {
            char path[CF_MEDIA_PATH_MAX];
            cf_media_temporary_path(writer->media, writer->temporary, path);
            unlink(path);
        }
    }
    free(writer->bytes);
    free(writer);
}

static void writer_after(uv_work_t *work, int status)
{
    struct cf_media_writer *writer = CF_CONTAINER_OF(work, struct cf_media_writer, work);
    (void)status; /* never cancelled */
    writer->running = false;
    free(writer->bytes);
    writer->bytes = NULL;
    if (writer->failed != 0)
        cf_log(CF_LOG_ERROR, "media write failed", CF_KV_CSTR("error", strerror(writer->failed)));
    if (writer->orphaned) {
        if (writer->committed)
            remove_final(writer);
        writer_destroy(writer);
        return;
    }
    writer->done(writer->context, writer->failed == 0 ? CF_OK : CF_E_IO);
}

static enum cf_error writer_run(struct cf_media_writer *writer)
{
    if (uv_queue_work(writer->loop, &writer->work, writer_work, writer_after) != 0)
        return CF_E_IO;
    writer->running = true;
    return CF_OK;
}

struct cf_media_writer *cf_media_writer_new(const struct cf_media *media, uv_loop_t *loop,
                                            const char *name, cf_media_done *done, void *context)
{
    CF_ASSERT(strlen(name) < CF_MEDIA_NAME_MAX);
    struct cf_media_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL)
        return NULL;
    writer->media = media;
    writer->loop = loop;
    writer->done = done;
    writer->context = context;
    writer->step = STEP_CREATE;
    writer->fd = -1;
    snprintf(writer->temporary, sizeof(writer->temporary), "%s", name);
    if (writer_run(writer) != CF_OK) {
        writer_destroy(writer);
        return NULL;
    }
    return writer;
}

/* After a step that failed the file lacks bytes: no commit may give it a name. */
static bool is_ready(const struct cf_media_writer *writer)
{
    return !writer->running && writer->failed == 0 && !writer->committed;
}

enum cf_error cf_media_write(struct cf_media_writer *writer, struct cf_slice bytes)
{
    if (!is_ready(writer))
        return CF_E_STATE;
    writer->bytes = malloc(bytes.len > 0 ? bytes.len : 1);
    if (writer->bytes == NULL)
        return CF_E_NOMEM;
    if (bytes.len > 0)
        memcpy(writer->bytes, bytes.ptr, bytes.len);
    writer->len = bytes.len;
    writer->step = STEP_WRITE;
    return writer_run(writer);
}

enum cf_error cf_media_commit(struct cf_media_writer *writer, const char *name)
{
    CF_ASSERT(strlen(name) < CF_MEDIA_NAME_MAX);
    if (!is_ready(writer))
        return CF_E_STATE;
    snprintf(writer->final, sizeof(writer->final), "%s", name);
    writer->step = STEP_COMMIT;
    return writer_run(writer);
}

void cf_media_writer_free(struct cf_media_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->running)
        writer->orphaned = true;
    else
        writer_destroy(writer);
}
