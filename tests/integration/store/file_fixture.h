/* The file of the SQLite store, and what it says when it is refused. */
#ifndef CF_TESTS_STORE_FILE_FIXTURE_H
#define CF_TESTS_STORE_FILE_FIXTURE_H

#include "fixture.h"

#include <fcntl.h>

static inline void write_file(const struct fixture *f, const char *suffix, const void *bytes,
                              size_t len)
{
    char name[128];
    (void)snprintf(name, sizeof(name), "%s%s", f->path, suffix);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

/* Runs SQL on the closed file. */
static inline void execute(const struct fixture *f, const char *sql)
{
    sqlite3 *handle = NULL;
    assert_int_equal(sqlite3_open(f->path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

static inline bool contains(const struct cf_buf *why, const char *text)
{
    char line[1200] = "";
    assert_true(why->len < sizeof(line));
    if (why->len > 0)
        memcpy(line, why->ptr, why->len);
    line[why->len] = '\0';
    assert_null(strchr(line, '\n'));
    return strstr(line, text) != NULL;
}

/* The error and a text of the one line that says why. */
static inline void assert_open_fails(struct fixture *f, enum cf_error expected, const char *text)
{
    struct cf_buf why;
    cf_buf_init(&why, 4096);
    struct cf_store_sqlite_config config = sqlite_config(f);
    struct cf_store *store = NULL;
    assert_int_equal(cf_store_sqlite_open(&config, &f->sink, &store, &why), expected);
    assert_null(store);
    if (!contains(&why, text))
        print_error("said: %.*s\n", (int)why.len, (const char *)why.ptr);
    assert_true(contains(&why, text));
    cf_buf_deinit(&why);
}

static inline void assert_migrate_fails(struct fixture *f, enum cf_error expected, const char *text)
{
    struct cf_buf why;
    cf_buf_init(&why, 4096);
    assert_int_equal(cf_store_sqlite_migrate(f->path, &why), expected);
    assert_true(contains(&why, text));
    cf_buf_deinit(&why);
}

static inline void assert_version(struct fixture *f, enum cf_error expected, unsigned version)
{
    struct cf_buf why;
    cf_buf_init(&why, 4096);
    unsigned found = 77;
    assert_int_equal(cf_store_sqlite_inspect(f->path, &found, &why), expected);
    assert_int_equal(found, expected == CF_OK ? version : 77);
    assert_true(expected == CF_OK ? why.len == 0 : contains(&why, f->path));
    cf_buf_deinit(&why);
}
#define FILE_CASE(function)                             \
    {                                                   \
#function, function, setup_file, teardown, NULL \
    }
#define SOUND_CASE(function)                                  \
    {                                                         \
#function, function, setup_file, teardown_sound, NULL \
    }
#define EMPTY_CASE(function)                                 \
    {                                                        \
#function, function, setup_empty_dir, teardown, NULL \
    }

#endif
