/* A media folder on a real disk, a loop, and the shortest way to put a file through them. */
#ifndef CF_TESTS_INTEGRATION_MEDIA_FIXTURE_H
#define CF_TESTS_INTEGRATION_MEDIA_FIXTURE_H

#include "unit/base/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/media/media.h"

#define TMP_NAME "0192-upload"
#define NAME "0192.png"

struct fixture {
    uv_loop_t loop;
    struct cf_media media;
    char dir[64], path[80], tmp[88];
    struct cf_media_writer *writer;
    bool calling; /* a call into the module runs: it must not call back */
    unsigned dones;
    enum cf_error error;
};

static inline void open_media(struct fixture *f, bool keep)
{
    struct cf_buf why;
    cf_buf_init(&why, 8192);
    assert_int_equal(cf_media_open(&f->media, f->path, keep, &why), CF_OK);
    assert_int_equal(why.len, 0);
    cf_buf_deinit(&why);
}

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL || uv_loop_init(&f->loop) != 0)
        return 1;
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/confab-media-XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        return 1;
    (void)snprintf(f->path, sizeof(f->path), "%s/media", f->dir);
    (void)snprintf(f->tmp, sizeof(f->tmp), "%s/tmp", f->path);
    open_media(f, false);
    *state = f;
    return 0;
}

static inline void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        char name[512];
        (void)snprintf(name, sizeof(name), "%.200s/%.255s", path, entry->d_name);
        if (entry->d_name[0] != '.' && unlink(name) != 0)
            remove_all(name);
    }
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(path);
}

/* Nothing is left on the loop, whatever a test did. */
static inline int teardown(void **state)
{
    struct fixture *f = *state;
    int busy = uv_loop_close(&f->loop);
    remove_all(f->dir);
    free(f);
    return busy;
}

/* ---- looking at the disk ---- */

static inline size_t count_files(const char *path)
{
    DIR *dir = opendir(path);
    assert_non_null(dir);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

/* The media folder has this many files beside tmp, and tmp has none. */
static inline void assert_files(const struct fixture *f, size_t count)
{
    assert_int_equal(count_files(f->tmp), 0);
    assert_int_equal(count_files(f->path), count + 1);
}

static inline const char *path_of(const char *dir, const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static inline void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline void assert_file(const char *path, const char *text)
{
    char bytes[256] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof(bytes) - 1, file);
    (void)fclose(file);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(bytes, text, len);
}

/* ---- writing ---- */

static inline void on_done(void *context, enum cf_error error)
{
    struct fixture *f = context;
    assert_false(f->calling);
    f->dones++;
    f->error = error;
}

/* Runs what is under way; the result of the one operation that ended. */
static inline enum cf_error wait_done(struct fixture *f)
{
    unsigned before = f->dones;
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(f->dones, before + 1);
    return f->error;
}

static inline void begin(struct fixture *f)
{
    f->calling = true;
    f->writer = cf_media_writer_new(&f->media, &f->loop, TMP_NAME, on_done, f);
    f->calling = false;
    assert_non_null(f->writer);
}

static inline void start_resume(struct fixture *f, const char *name)
{
    f->calling = true;
    f->writer = cf_media_writer_resume(&f->media, &f->loop, name, on_done, f);
    f->calling = false;
    assert_non_null(f->writer);
}

/* A writer that has this much already. */
static inline void resume(struct fixture *f, const char *name, uint64_t size)
{
    start_resume(f, name);
    assert_int_equal(wait_done(f), CF_OK);
    assert_int_equal(cf_media_writer_size(f->writer), size);
}

static inline enum cf_error start_write(struct fixture *f, struct cf_slice bytes)
{
    f->calling = true;
    enum cf_error error = cf_media_write(f->writer, bytes);
    f->calling = false;
    return error;
}

static inline enum cf_error start_sync(struct fixture *f)
{
    f->calling = true;
    enum cf_error error = cf_media_sync(f->writer);
    f->calling = false;
    return error;
}

static inline enum cf_error start_commit(struct fixture *f, const char *name)
{
    f->calling = true;
    enum cf_error error = cf_media_commit(f->writer, name);
    f->calling = false;
    return error;
}

static inline enum cf_error write_bytes(struct fixture *f, struct cf_slice bytes)
{
    assert_int_equal(start_write(f, bytes), CF_OK);
    return wait_done(f);
}

static inline enum cf_error commit(struct fixture *f)
{
    assert_int_equal(start_commit(f, NAME), CF_OK);
    return wait_done(f);
}

static inline enum cf_error sync_written(struct fixture *f)
{
    assert_int_equal(start_sync(f), CF_OK);
    return wait_done(f);
}

static inline enum cf_error start_discard(struct fixture *f, const char *name)
{
    f->calling = true;
    enum cf_error error = cf_media_discard(&f->media, &f->loop, name, on_done, f);
    f->calling = false;
    return error;
}

static inline enum cf_error discard(struct fixture *f, const char *name)
{
    assert_int_equal(start_discard(f, name), CF_OK);
    return wait_done(f);
}

/* Frees what may still be running, and lets it end: no `done`. */
static inline void abandon(struct fixture *f)
{
    unsigned before = f->dones;
    cf_media_writer_free(f->writer);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(f->dones, before);
}

/* Nothing more can be done with such a writer. */
static inline void assert_spent(struct fixture *f)
{
    assert_int_equal(start_write(f, CF_LIT("x")), CF_E_STATE);
    assert_int_equal(start_sync(f), CF_E_STATE);
    assert_int_equal(start_commit(f, NAME), CF_E_STATE);
    abandon(f);
}

static inline void put_media(struct fixture *f, struct cf_slice bytes)
{
    begin(f);
    assert_int_equal(wait_done(f), CF_OK);
    assert_int_equal(write_bytes(f, bytes), CF_OK);
    assert_int_equal(commit(f), CF_OK);
    abandon(f);
}

/* ---- reading ---- */

struct reading {
    struct fixture *f;
    struct cf_media_reader *reader;
    struct cf_buf got;
    unsigned dones, reads;
    enum cf_error error;
    uint64_t size;
    size_t last_len;
};

static inline void on_read(void *context, enum cf_error error, struct cf_slice bytes, uint64_t size)
{
    struct reading *r = context;
    assert_false(r->f->calling);
    assert_true(bytes.len <= CF_MEDIA_CHUNK);
    assert_true(r->dones > 0 || bytes.len == 0); /* after opening: none */
    bool opened = r->dones++ == 0;
    r->error = error;
    r->size = size;
    r->last_len = bytes.len;
    assert_int_equal(cf_buf_append(&r->got, bytes), CF_OK);
    if (error != CF_OK || (!opened && bytes.len == 0))
        return;
    r->f->calling = true;
    assert_int_equal(cf_media_read(r->reader), CF_OK);
    assert_int_equal(cf_media_read(r->reader), CF_E_STATE);
    r->f->calling = false;
    r->reads++;
}

static inline void start_reading(struct fixture *f, struct reading *r, const char *name)
{
    *r = (struct reading){.f = f};
    cf_buf_init(&r->got, 16 * 1024 * 1024);
    f->calling = true;
    r->reader = cf_media_reader_new(&f->media, &f->loop, name, on_read, r);
    f->calling = false;
    assert_non_null(r->reader);
}

static inline void end_reading(struct reading *r)
{
    cf_media_reader_free(r->reader);
    cf_buf_deinit(&r->got);
}

/* Reads to the end. */
static inline void read_media(struct fixture *f, struct reading *r, const char *name)
{
    start_reading(f, r, name);
    assert_int_equal(cf_media_read(r->reader), CF_E_STATE); /* it opens */
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static inline enum cf_error read_error(struct fixture *f, const char *name)
{
    struct reading r;
    read_media(f, &r, name);
    assert_int_equal(r.got.len, 0);
    enum cf_error error = r.error;
    end_reading(&r);
    return error;
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

#endif
