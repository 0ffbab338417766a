/* The way out. */
#include "edge/media/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"

struct cf_media_reader {
    uv_work_t work;
    const struct cf_media *media;
    uv_loop_t *loop;
    cf_media_read_done *done;
    void *context;
    bool running, orphaned, opened;
    int fd;
    int failed;
    uint64_t size;
    uint64_t offset; /* of the next read */
    size_t len;
    char name[CF_MEDIA_NAME_MAX];
    uint8_t bytes[CF_MEDIA_CHUNK];
};

static int reader_open(struct cf_media_reader *reader)
{
    char path[CF_MEDIA_PATH_MAX];
    cf_media_final_path(reader->media, reader->name, path);
    struct stat status;
    reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (reader->fd < 0 || fstat(reader->fd, &status) != 0)
        return errno;
    reader->size = (uint64_t)status.st_size;
    return 0;
}

static void reader_work(uv_work_t *work)
{
    struct cf_media_reader *reader = CF_CONTAINER_OF(work, struct cf_media_reader, work);
    reader->len = 0;
    if (!reader->opened) {
        reader->failed = reader_open(reader);
        return;
    }
    ssize_t len = pread(reader->fd, reader->bytes, sizeof(reader->bytes), (off_t)reader->offset);
    reader->failed = len < 0 ? errno : 0;
    reader->len = len < 0 ? 0 : (size_t)len;
    reader->offset += reader->len;
}

static void reader_destroy(struct cf_media_reader *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
    free(reader);
}

static void reader_after(uv_work_t *work, int status)
{
    struct cf_media_reader *reader = CF_CONTAINER_OF(work, struct cf_media_reader, work);
    (void)status; /* never cancelled */
    reader->running = false;
    if (reader->orphaned) {
        reader_destroy(reader);
        return;
    }
    enum cf_error error = CF_OK;
    if (reader->failed != 0) {
        error = reader->failed == ENOENT ? CF_E_NOT_FOUND : CF_E_IO;
        cf_log(CF_LOG_ERROR, "media read failed", CF_KV_CSTR("error", strerror(reader->failed)));
    }
    reader->opened = true;
    reader->done(reader->context, error, cf_slice_of(reader->bytes, reader->len), reader->size);
}

static enum cf_error reader_run(struct cf_media_reader *reader)
{
    if (uv_queue_work(reader->loop, &reader->work, reader_work, reader_after) != 0)
        return CF_E_IO;
    reader->running = true;
    return CF_OK;
}

struct cf_media_reader *cf_media_reader_new(const struct cf_media *media, uv_loop_t *loop,
                                            const char *name, cf_media_read_done *done,
                                            void *context)
{
    CF_ASSERT(strlen(name) < CF_MEDIA_NAME_MAX);
    struct cf_media_reader *reader = malloc(sizeof(*reader));
    if (reader == NULL)
        return NULL;
    memset(reader, 0, offsetof(struct cf_media_reader, bytes));
    reader->media = media;
    reader->loop = loop;
    reader->done = done;
    reader->context = context;
    reader->fd = -1;
    snprintf(reader->name, sizeof(reader->name), "%s", name);
    if (reader_run(reader) != CF_OK) {
        reader_destroy(reader);
        return NULL;
    }
    return reader;
}

enum cf_error cf_media_read(struct cf_media_reader *reader)
{
    if (reader->running || reader->fd < 0)
        return CF_E_STATE;
    return reader_run(reader);
}

void cf_media_seek(struct cf_media_reader *reader, uint64_t offset)
{
    CF_ASSERT(!reader->running && reader->fd >= 0);
    reader->offset = offset;
}

int cf_media_reader_fd(const struct cf_media_reader *reader)
{
    return reader->fd;
}

void cf_media_reader_free(struct cf_media_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->running)
        reader->orphaned = true;
    else
        reader_destroy(reader);
}
