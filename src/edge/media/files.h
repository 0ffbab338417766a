/* What the files of this folder share: where a name lies. Nobody outside includes it. */
#ifndef CF_EDGE_MEDIA_FILES_H
#define CF_EDGE_MEDIA_FILES_H

#include <stdio.h>

#include "edge/media/media.h"

enum { CF_MEDIA_PATH_MAX = CF_MEDIA_DIR_MAX + CF_MEDIA_NAME_MAX + sizeof("/tmp/") };

static inline void cf_media_temporary_path(const struct cf_media *media, const char *name,
                                           char out[CF_MEDIA_PATH_MAX])
{
    snprintf(out, CF_MEDIA_PATH_MAX, "%s/tmp/%s", media->path, name);
}

static inline void cf_media_final_path(const struct cf_media *media, const char *name,
                                       char out[CF_MEDIA_PATH_MAX])
{
    snprintf(out, CF_MEDIA_PATH_MAX, "%s/%s", media->path, name);
}

/* Makes the names in a directory durable. 0, or errno. */
int cf_media_sync_dir(const char *path);

#endif
