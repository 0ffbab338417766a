#include "edge/store_sqlite/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/store_sqlite/text.h"

enum { PATH_BYTES_MAX = 4096, FILE_MODE = 0600 };

enum cf_error cf_sqlite_file_lock(const char *path, int *out_fd, struct cf_buf *why)
{
    char lock_path[PATH_BYTES_MAX];
    if (!cf_sqlite_join(lock_path, path, ".lock")) {
        cf_sqlite_why(why, "the database path is too long");
        return CF_E_IO;
    }
    int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        cf_sqlite_why(why, "cannot open the lock file ", lock_path, ": ", strerror(errno));
        return CF_E_IO;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            cf_sqlite_why(why, path, " is in use by another confab process; stop it first");
        else
            cf_sqlite_why(why, "cannot lock ", lock_path, ": ", strerror(errno));
        (void)close(fd);
        return CF_E_IO;
    }
    *out_fd = fd;
    return CF_OK;
}

void cf_sqlite_file_unlock(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

enum cf_error cf_sqlite_file_create(const char *path, struct cf_buf *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd >= 0) {
        (void)close(fd);
        return CF_OK;
    }
    if (errno == EEXIST)
        return CF_OK;
    cf_sqlite_why(why, "cannot create ", path, ": ", strerror(errno));
    return CF_E_IO;
}

enum cf_error cf_sqlite_file_sync_folder(const char *path, struct cf_buf *why)
{
    char folder[PATH_BYTES_MAX];
    if (!cf_sqlite_join(folder, path)) {
        cf_sqlite_why(why, "the database path is too long");
        return CF_E_IO;
    }
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        memcpy(folder, ".", 2);
    else
        slash[slash == folder ? 1 : 0] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        cf_sqlite_why(why, "cannot open the folder ", folder, ": ", strerror(errno));
        return CF_E_IO;
    }
    int rc = fsync(fd);
    if (rc != 0)
        cf_sqlite_why(why, "cannot sync the folder ", folder, ": ", strerror(errno));
    (void)close(fd);
    return rc == 0 ? CF_OK : CF_E_IO;
}

uint64_t cf_sqlite_file_bytes(const char *path, const char *suffix)
{
    char name[PATH_BYTES_MAX];
    struct stat info;
    if (!cf_sqlite_join(name, path, suffix) || stat(name, &info) != 0)
        return 0;
    return (uint64_t)info.st_size;
}
