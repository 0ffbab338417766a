/* Files that nobody wants any more. */
#include "edge/media/files.h"

#include <stdlib.h>

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
