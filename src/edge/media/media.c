#include "edge/media/media.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"

enum { FILE_PATH_MAX = CF_MEDIA_DIR_MAX + CF_MEDIA_NAME_MAX + sizeof("/tmp/") };

static enum cf_error refuse(struct cf_buf *why, const char *path, const char *what)
{
    cf_buf_append(why, cf_slice_cstr(path));
    cf_buf_append(why, CF_LIT(": "));
    cf_buf_append(why, cf_slice_cstr(what));
    cf_buf_append(why, CF_LIT(": "));
    cf_buf_append(why, cf_slice_cstr(strerror(errno)));
    return CF_E_IO;
}

static enum cf_error make_dir(const char *path, struct cf_buf *why)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return CF_OK;
    return refuse(why, path, "cannot make the media directory");
}

static enum cf_error sweep(const char *path, struct cf_buf *why)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return refuse(why, path, "cannot read the media directory");
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
    return CF_OK;
}

enum cf_error cf_media_open(struct cf_media *media, const char *path, bool keep, struct cf_buf *why)
{
    if (strlen(path) >= sizeof(media->path)) {
        errno = ENAMETOOLONG;
        return refuse(why, path, "cannot make the media directory");
    }
    snprintf(media->path, sizeof(media->path), "%s", path);
    char tmp[FILE_PATH_MAX];
    snprintf(tmp, sizeof(tmp), "%s/tmp", media->path);
    enum cf_error error = make_dir(media->path, why);
    if (error == CF_OK)
        error = make_dir(tmp, why);
    return error == CF_OK && !keep ? sweep(tmp, why) : error;
}

/* ---- writing ---- */

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

static void temporary_path(const struct cf_media_writer *writer, char *out, size_t out_len)
{
    snprintf(out, out_len, "%s/tmp/%s", writer->media->path, writer->temporary);
}

static int step_create(struct cf_media_writer *writer)
{
    char path[FILE_PATH_MAX];
    temporary_path(writer, path, sizeof(path));
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

static int sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int failed = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return failed;
}

static int step_commit(struct cf_media_writer *writer)
{
    if (fsync(writer->fd) != 0)
        return errno;
    char from[FILE_PATH_MAX], to[FILE_PATH_MAX];
    temporary_path(writer, from, sizeof(from));
    snprintf(to, sizeof(to), "%s/%s", writer->media->path, writer->final);
    if (rename(from, to) != 0)
        return errno;
    int failed = sync_dir(writer->media->path);
    if (failed != 0)
        unlink(to); /* nobody has been told of it */
    writer->committed = true;
    return failed;
}

/* The name that was given out is wanted by nobody any more. */
static void remove_final(const struct cf_media_writer *writer)
{
    char path[FILE_PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", writer->media->path, writer->final);
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
            char path[FILE_PATH_MAX];
            temporary_path(writer, path, sizeof(path));
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

/* ---- reading ---- */

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
    size_t len;
    char name[CF_MEDIA_NAME_MAX];
    uint8_t bytes[CF_MEDIA_CHUNK];
};

static int reader_open(struct cf_media_reader *reader)
{
    char path[FILE_PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", reader->media->path, reader->name);
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
    ssize_t len = read(reader->fd, reader->bytes, sizeof(reader->bytes));
    reader->failed = len < 0 ? errno : 0;
    reader->len = len < 0 ? 0 : (size_t)len;
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

void cf_media_reader_free(struct cf_media_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->running)
        reader->orphaned = true;
    else
        reader_destroy(reader);
}

/* ---- removing ---- */

static void remove_after(uv_fs_t *request)
{
    if (request->result < 0)
        cf_log(CF_LOG_WARN, "media remove failed",
               CF_KV_CSTR("error", uv_strerror((int)request->result)));
    uv_fs_req_cleanup(request);
    free(request);
}

void cf_media_remove(const struct cf_media *media, uv_loop_t *loop, struct cf_slice name)
{
    uv_fs_t *request = malloc(sizeof(*request));
    char path[FILE_PATH_MAX];
    int len =
        snprintf(path, sizeof(path), "%s/%.*s", media->path, (int)name.len, (const char *)name.ptr);
    if (request != NULL && len > 0 && (size_t)len < sizeof(path) &&
        uv_fs_unlink(loop, request, path, remove_after) == 0)
        return;
    free(request);
    cf_log(CF_LOG_WARN, "media remove failed", CF_KV_STR("name", name));
}
