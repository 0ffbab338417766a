/* The way in: one file, one operation after the other. */
#define _GNU_SOURCE /* sync_file_range */

#include "edge/media/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"

/* Bytes that may wait in memory for the disk before it is told to begin with them. */
enum { FLUSH_BYTES = 16 * 1024 * 1024 };

struct cf_media_writer {
    uv_work_t work;
    const struct cf_media *media;
    uv_loop_t *loop;
    cf_media_done *done;
    void *context;
    enum { STEP_CREATE, STEP_RESUME, STEP_WRITE, STEP_SYNC, STEP_COMMIT, STEP_REMOVE } step;
    bool resumed, running, orphaned;
    /* What the last step that ended has told. */
    bool committed;
    uint64_t size;
    /* The step's own while it runs. */
    int fd;
    int failed; /* errno */
    bool named; /* its name in tmp is durable */
    bool final_found;
    uint64_t reached;
    uint64_t flushed; /* the disk was told of what is before */
    struct cf_buf bytes;
    char temporary[CF_MEDIA_NAME_MAX];
    char final[CF_MEDIA_NAME_MAX];
};

static int open_temporary(const struct cf_media_writer *writer, int flags)
{
    char path[CF_MEDIA_PATH_MAX];
    cf_media_temporary_path(writer->media, writer->temporary, path);
    return open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
}

static void remove_temporary(const struct cf_media_writer *writer)
{
    char path[CF_MEDIA_PATH_MAX];
    cf_media_temporary_path(writer->media, writer->temporary, path);
    unlink(path);
}

static int step_create(struct cf_media_writer *writer)
{
    writer->fd = open_temporary(writer, O_CREAT | O_EXCL);
    return writer->fd < 0 ? errno : 0;
}

/* The file that has the final name. ENOENT, EEXIST (it is no file), or what else lstat meets. */
static int find_final(const struct cf_media_writer *writer, struct stat *out_status)
{
    char path[CF_MEDIA_PATH_MAX];
    cf_media_final_path(writer->media, writer->temporary, path);
    if (lstat(path, out_status) != 0)
        return errno;
    return S_ISREG(out_status->st_mode) ? 0 : EEXIST;
}

/* The temporary name is looked for before the final one: whatever moment a commit that nobody waits
 * for any more (its writer was freed) chooses for its rename, one of the two is seen. It may have
 * ended before it could sync the directory. */
static int step_resume(struct cf_media_writer *writer)
{
    struct stat status;
    writer->fd = open_temporary(writer, 0);
    if (writer->fd < 0 && errno != ENOENT)
        return errno;
    int failed = find_final(writer, &status);
    writer->final_found = failed == 0;
    if (failed == 0)
        failed = cf_media_sync_dir(writer->media->path);
    else if (failed == ENOENT && writer->fd < 0)
        return step_create(writer);
    else if (failed == ENOENT)
        failed = fstat(writer->fd, &status) == 0 ? 0 : errno;
    if (failed == 0)
        writer->reached = writer->flushed = (uint64_t)status.st_size;
    return failed;
}

/* Writing begins early, so that a commit need not wait for the whole file, nor others' syncs behind
 * it. Whether it succeeds is seen by that commit. */
static void flush_early(struct cf_media_writer *writer)
{
    uint64_t len = writer->reached - writer->flushed;
    if (len < FLUSH_BYTES)
        return;
    (void)sync_file_range(writer->fd, (off_t)writer->flushed, (off_t)len, SYNC_FILE_RANGE_WRITE);
    writer->flushed = writer->reached;
}

/* At its place, not at the end of the file: the write of a writer that was freed may still be under
 * way when the next one begins where the file ends at that moment. Both have the same bytes for the
 * same place. */
static int step_write(struct cf_media_writer *writer)
{
    struct cf_slice left = cf_buf_peek(&writer->bytes);
    while (left.len > 0) {
        ssize_t len = pwrite(writer->fd, left.ptr, left.len, (off_t)writer->reached);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return errno;
        writer->reached += (uint64_t)len;
        left = cf_slice_skip(left, (size_t)len);
    }
    flush_early(writer);
    return 0;
}

/* Linux forgets the pages that it could not write, and the next fsync succeeds without them: a file
 * whose sync has failed must not be resumed. */
static int sync_file(struct cf_media_writer *writer)
{
    if (fsync(writer->fd) == 0)
        return 0;
    int failed = errno;
    remove_temporary(writer);
    writer->reached = 0;
    return failed;
}

/* The name is synced whoever made it: that one may not have got as far. */
static int step_sync(struct cf_media_writer *writer)
{
    char tmp[CF_MEDIA_PATH_MAX];
    int failed = sync_file(writer);
    if (failed != 0 || writer->named)
        return failed;
    cf_media_temporary_path(writer->media, "", tmp);
    failed = cf_media_sync_dir(tmp);
    writer->named = failed == 0;
    return failed;
}

/* The file that is written is the one of that name. */
static bool has_name(const struct cf_media_writer *writer, const char *path)
{
    struct stat own, named;
    return fstat(writer->fd, &own) == 0 && lstat(path, &named) == 0 && own.st_dev == named.st_dev &&
           own.st_ino == named.st_ino;
}

static int rename_to_final(const struct cf_media_writer *writer, const char *to)
{
    char from[CF_MEDIA_PATH_MAX];
    cf_media_temporary_path(writer->media, writer->temporary, from);
    if (rename(from, to) == 0)
        return 0;
    int failed = errno;
    /* The commit of a writer that was freed has come before. */
    return failed == ENOENT && has_name(writer, to) ? 0 : failed;
}

static int step_commit(struct cf_media_writer *writer)
{
    char to[CF_MEDIA_PATH_MAX];
    cf_media_final_path(writer->media, writer->final, to);
    int failed = sync_file(writer);
    if (failed == 0)
        failed = rename_to_final(writer, to);
    if (failed != 0)
        return failed;
    failed = cf_media_sync_dir(writer->media->path);
    if (failed != 0 && !writer->resumed)
        unlink(to); /* nobody has been told of it */
    writer->final_found = true;
    return failed;
}

/* The file of a writer that was freed, whichever of its names it has. The last name of a large file
 * takes the kernel tens of milliseconds, so it is gone before the descriptor is closed. */
static int step_remove(struct cf_media_writer *writer)
{
    char path[CF_MEDIA_PATH_MAX];
    cf_media_final_path(writer->media, writer->final, path);
    if (writer->final_found)
        unlink(path);
    else
        remove_temporary(writer);
    close(writer->fd);
    writer->fd = -1;
    return 0;
}

static int run_step(struct cf_media_writer *writer)
{
    switch (writer->step) {
    case STEP_CREATE:
        return step_create(writer);
    case STEP_RESUME:
        return step_resume(writer);
    case STEP_WRITE:
        return step_write(writer);
    case STEP_SYNC:
        return step_sync(writer);
    case STEP_COMMIT:
        return step_commit(writer);
    case STEP_REMOVE:
        return step_remove(writer);
    }
    return EINVAL;
}

static void writer_work(uv_work_t *work)
{
    struct cf_media_writer *writer = CF_CONTAINER_OF(work, struct cf_media_writer, work);
    writer->failed = run_step(writer);
}

static void writer_destroy(struct cf_media_writer *writer)
{
    if (writer->fd >= 0)
        close(writer->fd);
    cf_buf_deinit(&writer->bytes);
    free(writer);
}

static enum cf_error error_of(int failed)
{
    switch (failed) {
    case 0:
        return CF_OK;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return CF_E_FULL;
    default:
        return CF_E_IO;
    }
}

static enum cf_error writer_run(struct cf_media_writer *writer);

/* A file that nobody was told of goes with its writer, unless it may be resumed. */
static void writer_abandon(struct cf_media_writer *writer)
{
    bool told = writer->committed && !writer->orphaned;
    writer->orphaned = true;
    if (writer->fd >= 0 && !writer->resumed && !told) {
        writer->step = STEP_REMOVE;
        if (writer_run(writer) == CF_OK)
            return;
        (void)step_remove(writer);
    }
    writer_destroy(writer);
}

static void writer_after(uv_work_t *work, int status)
{
    struct cf_media_writer *writer = CF_CONTAINER_OF(work, struct cf_media_writer, work);
    (void)status; /* never cancelled */
    writer->running = false;
    writer->committed = writer->final_found && writer->failed == 0;
    writer->size = writer->reached;
    cf_buf_release(&writer->bytes);
    if (writer->failed != 0)
        cf_log(CF_LOG_ERROR, "media write failed", CF_KV_CSTR("error", strerror(writer->failed)));
    if (writer->orphaned)
        writer_abandon(writer);
    else
        writer->done(writer->context, error_of(writer->failed));
}

static enum cf_error writer_run(struct cf_media_writer *writer)
{
    if (uv_queue_work(writer->loop, &writer->work, writer_work, writer_after) != 0)
        return CF_E_IO;
    writer->running = true;
    return CF_OK;
}

static struct cf_media_writer *writer_begin(const struct cf_media *media, uv_loop_t *loop,
                                            const char *name, bool resumed, cf_media_done *done,
                                            void *context)
{
    CF_ASSERT(strlen(name) < CF_MEDIA_NAME_MAX);
    struct cf_media_writer *writer = calloc(1, sizeof(*writer));
    if (writer == NULL)
        return NULL;
    writer->media = media;
    writer->loop = loop;
    writer->done = done;
    writer->context = context;
    writer->step = resumed ? STEP_RESUME : STEP_CREATE;
    writer->resumed = resumed;
    writer->fd = -1;
    cf_buf_init(&writer->bytes, SIZE_MAX);
    snprintf(writer->temporary, sizeof(writer->temporary), "%s", name);
    if (writer_run(writer) != CF_OK) {
        writer_destroy(writer);
        return NULL;
    }
    return writer;
}

struct cf_media_writer *cf_media_writer_new(const struct cf_media *media, uv_loop_t *loop,
                                            const char *name, cf_media_done *done, void *context)
{
    return writer_begin(media, loop, name, false, done, context);
}

struct cf_media_writer *cf_media_writer_resume(const struct cf_media *media, uv_loop_t *loop,
                                               const char *name, cf_media_done *done, void *context)
{
    return writer_begin(media, loop, name, true, done, context);
}

uint64_t cf_media_writer_size(const struct cf_media_writer *writer)
{
    return writer->size;
}

bool cf_media_writer_committed(const struct cf_media_writer *writer)
{
    return writer->committed;
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
    enum cf_error error = cf_buf_append(&writer->bytes, bytes);
    if (error != CF_OK)
        return error;
    writer->step = STEP_WRITE;
    return writer_run(writer);
}

enum cf_error cf_media_write_take(struct cf_media_writer *writer, struct cf_buf *bytes)
{
    if (!is_ready(writer))
        return CF_E_STATE;
    cf_buf_deinit(&writer->bytes);
    writer->bytes = *bytes;
    cf_buf_init(bytes, bytes->max);
    writer->step = STEP_WRITE;
    return writer_run(writer);
}

enum cf_error cf_media_sync(struct cf_media_writer *writer)
{
    if (!is_ready(writer))
        return CF_E_STATE;
    writer->step = STEP_SYNC;
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
        writer_abandon(writer);
}
