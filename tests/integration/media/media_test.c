/* Files through libuv's thread pool, on a real disk: whole or not there at all. */
#include "fixture.h"

#include <pthread.h>

static void written_in_pieces_it_reads_back_whole(void **state)
{
    struct fixture *f = *state;
    static const size_t lens[] = {
        1, 0, CF_MEDIA_CHUNK - 1, CF_MEDIA_CHUNK, CF_MEDIA_CHUNK + 1, 3 * CF_MEDIA_CHUNK};
    static uint8_t bytes[3 * CF_MEDIA_CHUNK];
    struct cf_buf wanted;
    uint64_t seed = 1;
    cf_buf_init(&wanted, 16 * 1024 * 1024);
    begin(f);
    assert_int_equal(wait_done(f), CF_OK);
    for (size_t i = 0; i < CF_ARRAY_LEN(lens); i++) {
        for (size_t b = 0; b < lens[i]; b++)
            bytes[b] = (uint8_t)next_random(&seed);
        struct cf_slice piece = cf_slice_of(bytes, lens[i]);
        assert_int_equal(cf_buf_append(&wanted, piece), CF_OK);
        assert_int_equal(start_write(f, piece), CF_OK);
        memset(bytes, 0, sizeof(bytes)); /* it has a copy */
        assert_int_equal(wait_done(f), CF_OK);
        assert_int_equal(access(path_of(f->path, NAME), F_OK), -1);
    }
    assert_int_equal(count_files(f->tmp), 1);
    assert_int_equal(commit(f), CF_OK);
    abandon(f);
    assert_files(f, 1);

    struct stat status;
    assert_int_equal(stat(path_of(f->path, NAME), &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0600);
    struct reading r;
    read_media(f, &r, NAME);
    assert_int_equal(r.error, CF_OK);
    assert_int_equal(r.size, wanted.len);
    assert_int_equal(r.got.len, wanted.len);
    assert_memory_equal(r.got.ptr, wanted.ptr, wanted.len);
    assert_int_equal(r.last_len, 0);
    assert_int_equal(r.reads, wanted.len / CF_MEDIA_CHUNK + 2);
    end_reading(&r);
    cf_buf_deinit(&wanted);
}

static void a_file_may_be_empty(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_int_equal(wait_done(f), CF_OK);
    assert_int_equal(commit(f), CF_OK);
    abandon(f);
    struct reading r;
    read_media(f, &r, NAME);
    assert_int_equal(r.error, CF_OK);
    assert_int_equal(r.size, 0);
    assert_int_equal(r.dones, 2);
    end_reading(&r);
}

static void one_operation_at_a_time(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_int_equal(start_write(f, CF_LIT("x")), CF_E_STATE);
    assert_int_equal(start_commit(f, NAME), CF_E_STATE);
    assert_int_equal(wait_done(f), CF_OK);
    assert_int_equal(start_write(f, CF_LIT("one")), CF_OK);
    assert_int_equal(start_write(f, CF_LIT("two")), CF_E_STATE);
    assert_int_equal(start_commit(f, NAME), CF_E_STATE);
    assert_int_equal(wait_done(f), CF_OK);
    assert_int_equal(start_commit(f, NAME), CF_OK);
    assert_int_equal(start_commit(f, NAME), CF_E_STATE);
    assert_int_equal(start_write(f, CF_LIT("two")), CF_E_STATE);
    assert_int_equal(wait_done(f), CF_OK);
    assert_int_equal(f->dones, 3);
    abandon(f);
    assert_file(path_of(f->path, NAME), "one");
}

/* What has its final name stays as it is. */
static void nothing_follows_a_commit(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_int_equal(wait_done(f), CF_OK);
    assert_int_equal(write_bytes(f, CF_LIT("whole")), CF_OK);
    assert_int_equal(commit(f), CF_OK);
    assert_int_equal(start_write(f, CF_LIT(" and more")), CF_E_STATE);
    assert_int_equal(start_commit(f, "other.png"), CF_E_STATE);
    abandon(f);
    assert_file(path_of(f->path, NAME), "whole");
    assert_files(f, 1);
}

/* Freed before, while and after each step runs (V29, V31): tmp is empty afterwards. */
static void abandoned_at_any_step_nothing_stays_in_tmp(void **state)
{
    struct fixture *f = *state;
    enum { CREATING, CREATED, WRITING, WRITTEN, COMMITTING, COMMITTED, STEPS };
    for (int step = 0; step < STEPS; step++) {
        begin(f);
        if (step > CREATING)
            assert_int_equal(wait_done(f), CF_OK);
        if (step >= WRITING)
            assert_int_equal(start_write(f, CF_LIT("bytes")), CF_OK);
        if (step > WRITING)
            assert_int_equal(wait_done(f), CF_OK);
        if (step >= COMMITTING)
            assert_int_equal(start_commit(f, NAME), CF_OK);
        if (step > COMMITTING)
            assert_int_equal(wait_done(f), CF_OK);
        abandon(f);
        /* A name that nobody was told of is taken back. */
        assert_files(f, step == COMMITTED ? 1 : 0);
    }
    assert_file(path_of(f->path, NAME), "bytes");
    cf_media_writer_free(NULL);
}

static void a_reader_may_be_freed_at_any_step(void **state)
{
    struct fixture *f = *state;
    struct reading r;
    put_media(f, CF_LIT("bytes"));

    start_reading(f, &r, NAME);
    end_reading(&r); /* it opens */
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(r.dones, 0);

    start_reading(f, &r, "absent.png");
    end_reading(&r); /* it fails to open */
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(r.dones, 0);

    start_reading(f, &r, NAME);
    while (r.reads == 0)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
    end_reading(&r); /* it reads */
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(r.dones, 1);
    cf_media_reader_free(NULL);
}

/* What is read from there on, up to a chunk. */
static void assert_read_at(struct reading *r, uint64_t offset, const uint8_t *bytes, size_t len)
{
    unsigned reads = r->reads;
    r->got.len = 0;
    cf_media_seek(r->reader, offset);
    assert_int_equal(cf_media_read(r->reader), CF_OK);
    assert_panics(cf_media_seek(r->reader, 0)); /* it reads */
    assert_int_equal(uv_run(&r->f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(r->error, CF_OK);
    assert_int_equal(r->got.len, len);
    assert_memory_equal(r->got.ptr, bytes, len);
    assert_int_equal(r->reads - reads, len > 0 ? (len - 1) / CF_MEDIA_CHUNK + 1 : 0);
}

static void a_reader_begins_anywhere(void **state)
{
    struct fixture *f = *state;
    enum { SIZE = 2 * CF_MEDIA_CHUNK + 10 };
    static uint8_t bytes[SIZE];
    uint8_t first[4];
    struct reading r;
    uint64_t seed = 3;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)next_random(&seed);
    put_media(f, cf_slice_of(bytes, SIZE));
    read_media(f, &r, NAME);
    assert_int_equal(r.got.len, SIZE);
    assert_read_at(&r, SIZE - 1, bytes + SIZE - 1, 1);
    assert_read_at(&r, 5, bytes + 5, SIZE - 5);
    assert_read_at(&r, SIZE, bytes, 0);
    assert_read_at(&r, UINT64_C(1) << 40, bytes, 0);
    assert_read_at(&r, CF_MEDIA_CHUNK, bytes + CF_MEDIA_CHUNK, SIZE - CF_MEDIA_CHUNK);
    assert_int_equal(pread(cf_media_reader_fd(r.reader), first, 4, 0), 4);
    assert_memory_equal(first, bytes, 4);
    assert_read_at(&r, 0, bytes, SIZE);
    end_reading(&r);

    start_reading(f, &r, NAME);
    assert_panics(cf_media_seek(r.reader, 0)); /* it opens */
    end_reading(&r);
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static void what_cannot_be_read_is_an_error(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_error(f, "absent.png"), CF_E_NOT_FOUND);
    assert_int_equal(read_error(f, "tmp"), CF_E_IO); /* a folder */
    put_file(path_of(f->dir, "outside"), "secret");
    assert_int_equal(symlink("../outside", path_of(f->path, "link.png")), 0);
    assert_int_equal(read_error(f, "link.png"), CF_E_IO); /* V23 */

    struct reading r;
    read_media(f, &r, "absent.png");
    assert_int_equal(cf_media_read(r.reader), CF_E_STATE);
    end_reading(&r);
}

static void open_sweeps_what_uploads_left(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode, S_IFDIR | 0700);
    assert_int_equal(stat(f->tmp, &status), 0);
    assert_int_equal(status.st_mode, S_IFDIR | 0700);
    put_file(path_of(f->dir, "outside"), "kept");
    put_file(path_of(f->path, NAME), "kept");
    put_file(path_of(f->tmp, "one"), "swept");
    put_file(path_of(f->tmp, "two"), "swept");
    assert_int_equal(symlink("../../outside", path_of(f->tmp, "link")), 0);
    open_media(f, false);
    assert_files(f, 1);
    assert_file(path_of(f->path, NAME), "kept");
    assert_file(path_of(f->dir, "outside"), "kept");
}

static void assert_not_opened(const char *path, const char *reason)
{
    static struct cf_media media;
    struct cf_buf why;
    char wanted[8192];
    cf_buf_init(&why, 8192);
    (void)snprintf(wanted, sizeof(wanted), "%s: %s", path, reason);
    assert_int_equal(cf_media_open(&media, path, false, &why), CF_E_IO);
    assert_int_equal(why.len, strlen(wanted));
    assert_memory_equal(why.ptr, wanted, why.len);
    cf_buf_deinit(&why);
}

static void a_folder_that_cannot_be_is_an_error(void **state)
{
    struct fixture *f = *state;
    char path[256], longest[CF_MEDIA_DIR_MAX + 1];
    (void)snprintf(path, sizeof(path), "%s/absent/media", f->dir);
    assert_not_opened(path, "cannot make the media directory: No such file or directory");
    memset(longest, 'x', CF_MEDIA_DIR_MAX);
    longest[CF_MEDIA_DIR_MAX] = '\0';
    assert_not_opened(longest, "cannot make the media directory: File name too long");

    assert_int_equal(rmdir(f->tmp), 0);
    put_file(f->tmp, "a file where the folder should be");
    struct cf_buf why;
    cf_buf_init(&why, 4096);
    assert_int_equal(cf_media_open(&f->media, f->path, false, &why), CF_E_IO);
    (void)snprintf(path, sizeof(path), "%s: cannot read the media directory: Not a directory",
                   f->tmp);
    assert_int_equal(why.len, strlen(path));
    assert_memory_equal(why.ptr, path, why.len);
    cf_buf_deinit(&why);
}

static void files_are_removed(void **state)
{
    struct fixture *f = *state;
    put_media(f, CF_LIT("bytes"));
    put_file(path_of(f->path, "0192.pn"), "another");
    static const char text[] = NAME "not of the name";
    cf_media_remove(&f->media, &f->loop, cf_slice_of(text, sizeof(NAME) - 1));
    cf_media_remove(&f->media, &f->loop, CF_LIT("absent.png"));
    assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(access(path_of(f->path, NAME), F_OK), -1);
    assert_file(path_of(f->path, "0192.pn"), "another");
    assert_files(f, 1);
}

/* ---- several loops ---- */

enum { THREADS = 4, FILES = 20 };

struct uploader {
    pthread_t thread;
    struct fixture f;
    unsigned number, file;
    uint64_t seed;
    struct cf_buf bytes;
    struct reading reading;
    unsigned wrong;
};

static void name_file(const struct uploader *u, char out[CF_MEDIA_NAME_MAX])
{
    (void)snprintf(out, CF_MEDIA_NAME_MAX, "%u-%u", u->number, u->file);
}

/* One operation to its end; nothing asserts outside the main thread. */
static void run_step(struct uploader *u, enum cf_error started)
{
    u->wrong += started != CF_OK;
    u->f.error = CF_E_STATE;
    (void)uv_run(&u->f.loop, UV_RUN_DEFAULT);
    u->wrong += u->f.error != CF_OK;
}

static void on_step_done(void *context, enum cf_error error)
{
    struct uploader *u = context;
    u->f.error = error;
}

static void on_part(void *context, enum cf_error error, struct cf_slice bytes, uint64_t size)
{
    struct uploader *u = context;
    (void)size;
    u->f.error = error;
    u->wrong += cf_buf_append(&u->reading.got, bytes) != CF_OK;
    u->reading.last_len = bytes.len;
}

static void upload(struct uploader *u, const char *name)
{
    u->f.writer = cf_media_writer_new(&u->f.media, &u->f.loop, name, on_step_done, u);
    run_step(u, CF_OK);
    run_step(u, cf_media_write(u->f.writer, cf_buf_peek(&u->bytes)));
    run_step(u, cf_media_commit(u->f.writer, name));
    cf_media_writer_free(u->f.writer);
}

static void download(struct uploader *u, const char *name)
{
    cf_buf_reset(&u->reading.got);
    u->reading.reader = cf_media_reader_new(&u->f.media, &u->f.loop, name, on_part, u);
    run_step(u, CF_OK);
    do
        run_step(u, cf_media_read(u->reading.reader));
    while (u->reading.last_len > 0 && u->wrong == 0);
    cf_media_reader_free(u->reading.reader);
    u->wrong += !cf_slice_eq(cf_buf_peek(&u->bytes), cf_buf_peek(&u->reading.got));
}

static void *run_uploader(void *context)
{
    struct uploader *u = context;
    for (u->file = 0; u->file < FILES && u->wrong == 0; u->file++) {
        char name[CF_MEDIA_NAME_MAX];
        name_file(u, name);
        cf_buf_reset(&u->bytes);
        size_t len = random_below(&u->seed, 3 * CF_MEDIA_CHUNK);
        for (size_t i = 0; i < len; i++)
            u->wrong += cf_buf_append_byte(&u->bytes, (uint8_t)next_random(&u->seed)) != CF_OK;
        upload(u, name);
        download(u, name);
        if (u->file % 2 == 0)
            cf_media_remove(&u->f.media, &u->f.loop, cf_slice_cstr(name));
    }
    (void)uv_run(&u->f.loop, UV_RUN_DEFAULT);
    return NULL;
}

static void threads_share_a_folder(void **state)
{
    struct fixture *f = *state;
    static struct uploader uploaders[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        struct uploader *u = &uploaders[i];
        *u = (struct uploader){.number = i, .seed = i};
        u->f.media = f->media;
        cf_buf_init(&u->bytes, 16 * 1024 * 1024);
        cf_buf_init(&u->reading.got, 16 * 1024 * 1024);
        assert_int_equal(uv_loop_init(&u->f.loop), 0);
        assert_int_equal(pthread_create(&u->thread, NULL, run_uploader, u), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        struct uploader *u = &uploaders[i];
        assert_int_equal(pthread_join(u->thread, NULL), 0);
        assert_int_equal(u->wrong, 0);
        assert_int_equal(u->file, FILES);
        assert_int_equal(uv_loop_close(&u->f.loop), 0);
        cf_buf_deinit(&u->bytes);
        cf_buf_deinit(&u->reading.got);
    }
    assert_files(f, THREADS * FILES / 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(written_in_pieces_it_reads_back_whole),
        CASE(a_file_may_be_empty),
        CASE(one_operation_at_a_time),
        CASE(nothing_follows_a_commit),
        CASE(abandoned_at_any_step_nothing_stays_in_tmp),
        CASE(a_reader_may_be_freed_at_any_step),
        CASE(a_reader_begins_anywhere),
        CASE(what_cannot_be_read_is_an_error),
        CASE(open_sweeps_what_uploads_left),
        CASE(a_folder_that_cannot_be_is_an_error),
        CASE(files_are_removed),
        CASE(threads_share_a_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
