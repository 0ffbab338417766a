/* The folder itself. */
#include "edge/media/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum cf_error refuse(struct cf_buf *why, const char *path, const char *what)
{
    cf_buf_append(why, cf_slice_cstr(path));
    cf_buf_append(why, CF_LIT(": "));
    cf_buf_append(why, cf_slice_cstr(what));
    cf_buf_append(why, CF_LIT(": "));
    cf_buf_append(why, cf_slice_cstr(strerror(errno)));
    return CF_E_IO;
}

/* One that is new is made durable: a file in it can be no more than that. */
static enum cf_error make_dir(const char *path, struct cf_buf *why)
{
    char parent[CF_MEDIA_PATH_MAX + sizeof("/..")];
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST ? CF_OK : refuse(why, path, "cannot make the media directory");
    snprintf(parent, sizeof(parent), "%s/..", path);
    int failed = cf_media_sync_dir(parent);
    if (failed == 0)
        return CF_OK;
    errno = failed;
    return refuse(why, parent, "cannot sync the directory");
}

static enum cf_error read_tmp(const char *path, bool keep, struct cf_buf *why)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return refuse(why, path, "cannot read the media directory");
    for (struct dirent *entry; !keep && (entry = readdir(dir)) != NULL;) {
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
    char tmp[CF_MEDIA_PATH_MAX];
    snprintf(tmp, sizeof(tmp), "%s/tmp", media->path);
    enum cf_error error = make_dir(media->path, why);
    if (error == CF_OK)
        error = make_dir(tmp, why);
    return error == CF_OK ? read_tmp(tmp, keep, why) : error;
}

int cf_media_sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int failed = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return failed;
}
