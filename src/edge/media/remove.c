/* Files that nobody wants any more. */
#include "edge/media/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"

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
    char path[CF_MEDIA_PATH_MAX];
    int len =
        snprintf(path, sizeof(path), "%s/%.*s", media->path, (int)name.len, (const char *)name.ptr);
    if (request != NULL && len > 0 && (size_t)len < sizeof(path) &&
        uv_fs_unlink(loop, request, path, remove_after) == 0)
        return;
    free(request);
    cf_log(CF_LOG_WARN, "media remove failed", CF_KV_STR("name", name));
}

struct discard {
    uv_work_t work;
    const struct cf_media *media;
    cf_media_done *done;
    void *context;
    int failed; /* errno */
    char name[CF_MEDIA_NAME_MAX];
};

static int remove_name(const char *path)
{
    return unlink(path) == 0 || errno == ENOENT ? 0 : errno;
}

/* The temporary name goes first: a commit that nobody waits for any more then finds nothing to
 * rename, or has renamed already what goes next. The directories are synced even if nothing was
 * there: who removed it may not have got as far. */
static int discard_now(const struct discard *discard)
{
    char path[CF_MEDIA_PATH_MAX];
    cf_media_temporary_path(discard->media, discard->name, path);
    int failed = remove_name(path);
    cf_media_final_path(discard->media, discard->name, path);
    if (failed == 0)
        failed = remove_name(path);
    cf_media_temporary_path(discard->media, "", path);
    if (failed == 0)
        failed = cf_media_sync_dir(path);
    if (failed == 0)
        failed = cf_media_sync_dir(discard->media->path);
    return failed;
}

static void discard_work(uv_work_t *work)
{
    struct discard *discard = CF_CONTAINER_OF(work, struct discard, work);
    discard->failed = discard_now(discard);
}

static void discard_after(uv_work_t *work, int status)
{
    struct discard *discard = CF_CONTAINER_OF(work, struct discard, work);
    (void)status; /* never cancelled */
    if (discard->failed != 0)
        cf_log(CF_LOG_WARN, "media remove failed", CF_KV_CSTR("error", strerror(discard->failed)));
    discard->done(discard->context, discard->failed == 0 ? CF_OK : CF_E_IO);
    free(discard);
}

enum cf_error cf_media_discard(const struct cf_media *media, uv_loop_t *loop, const char *name,
                               cf_media_done *done, void *context)
{
    CF_ASSERT(strlen(name) < CF_MEDIA_NAME_MAX);
    struct discard *discard = calloc(1, sizeof(*discard));
    if (discard == NULL)
        return CF_E_NOMEM;
    discard->media = media;
    discard->done = done;
    discard->context = context;
    snprintf(discard->name, sizeof(discard->name), "%s", name);
    if (uv_queue_work(loop, &discard->work, discard_work, discard_after) == 0)
        return CF_OK;
    free(discard);
    return CF_E_IO;
}
