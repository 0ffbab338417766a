/* The development secret: made once, kept in the data directory. A file that is there but unusable
 * stops the start; nothing falls back to a weaker secret (hazard V21). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/tls/digest.h"
#include "server/config.h"
#include "server/text.h"

enum { SECRET_BYTES = 32, SECRET_FILE_MAX = 4096, SECRET_PATH_MAX = 4096 };

static enum cf_error io_error(struct cf_buf *why, const char *path, const char *what)
{
    cf_text_append(why, "%s: %s: %s", path, what, strerror(errno));
    return CF_E_IO;
}

enum cf_error cf_config_make_data_dir(const struct cf_config *config, struct cf_buf *why)
{
    if (mkdir(config->data_dir, 0700) == 0 || errno == EEXIST)
        return CF_OK;
    return io_error(why, config->data_dir, "cannot make the data directory (CONFAB_DATA_DIR)");
}

static void make_secret(char out_hex[SECRET_BYTES * 2])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t random[SECRET_BYTES];
    struct cf_entropy entropy = cf_entropy_system();
    entropy.fill(entropy.context, random, sizeof(random));
    for (size_t i = 0; i < SECRET_BYTES; i++) {
        out_hex[2 * i] = digits[random[i] >> 4];
        out_hex[2 * i + 1] = digits[random[i] & 15];
    }
}

/* Writes a new secret to `fd`, the file `temporary`, and gives it its name. */
static enum cf_error write_secret(int fd, const char *temporary, const char *path,
                                  struct cf_buf *why)
{
    char hex[SECRET_BYTES * 2];
    make_secret(hex);
    if (write(fd, hex, sizeof(hex)) != (ssize_t)sizeof(hex) || fsync(fd) != 0)
        return io_error(why, path, "cannot write the development secret");
    if (link(temporary, path) != 0 && errno != EEXIST)
        return io_error(why, path, "cannot make the development secret");
    return CF_OK;
}

/* Another process may do the same at this moment: the file gets its name when it is whole, so that
 * nobody reads a part of it, and by link(2), which replaces nothing: the first one wins. */
static enum cf_error create_secret(const char *path, struct cf_buf *why)
{
    char temporary[SECRET_PATH_MAX + sizeof(".XXXXXX")];
    snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    int fd = mkstemp(temporary); /* O_EXCL, mode 0600 */
    if (fd < 0)
        return io_error(why, path, "cannot make the development secret");
    enum cf_error error = write_secret(fd, temporary, path, why);
    close(fd);
    unlink(temporary);
    return error;
}

static enum cf_error read_secret(const char *path, struct cf_buf *out, struct cf_buf *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return io_error(why, path, "cannot read the development secret");
    uint8_t bytes[SECRET_FILE_MAX];
    ssize_t len = read(fd, bytes, sizeof(bytes));
    close(fd);
    if (len < 0)
        return io_error(why, path, "cannot read the development secret");
    struct cf_slice secret = cf_slice_of(bytes, (size_t)len);
    while (secret.len > 0 && secret.ptr[secret.len - 1] == '\n')
        secret.len--;
    if (secret.len < SECRET_BYTES) {
        cf_text_append(why,
                       "%s: the development secret is shorter than 32 bytes; delete the file "
                       "and a new one is made (old tokens then end)",
                       path);
        return CF_E_INVALID;
    }
    return cf_buf_append(out, secret);
}

enum cf_error cf_config_secret(const struct cf_config *config, struct cf_buf *out_secret,
                               struct cf_buf *why)
{
    if (*config->jwt_secret != '\0')
        return cf_buf_append(out_secret, cf_slice_cstr(config->jwt_secret));
    if (*config->jwt_public_key != '\0')
        return CF_OK;
    if (config->environment == CF_ENV_PRODUCTION) {
        cf_text_append(why, "CONFAB_ENV=production needs JWT_SECRET or JWT_PUBLIC_KEY");
        return CF_E_INVALID;
    }
    struct cf_buf path;
    cf_buf_init(&path, SECRET_PATH_MAX);
    enum cf_error error = cf_text_append(&path, "%s/jwt_secret", config->data_dir);
    const char *file = cf_text_cstr(&path);
    if (error == CF_OK)
        error = cf_config_make_data_dir(config, why);
    if (error == CF_OK && access(file, F_OK) != 0)
        error = create_secret(file, why);
    if (error == CF_OK)
        error = read_secret(file, out_secret, why);
    cf_buf_deinit(&path);
    return error;
}
