/* What is synced when, seen and made to fail by an fsync of the test's own, which stands before the
 * C library's. It runs in the thread pool; the loop waits for it. */
#include "fixture.h"

#include <errno.h>

enum { SYNCED_MAX = 16 };

static struct {
    ino_t inodes[SYNCED_MAX];
    size_t count;
    bool file_fails, directory_fails;
} disk;

int fsync(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return -1;
    if (S_ISDIR(status.st_mode) ? disk.directory_fails : disk.file_fails) {
        errno = EIO;
        return -1;
    }
    if (disk.count < SYNCED_MAX)
        disk.inodes[disk.count++] = status.st_ino;
    return 0;
}

static int setup_disk(void **state)
{
    memset(&disk, 0, sizeof(disk));
    return setup(state);
}

static ino_t inode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_ino;
}

static void assert_synced(size_t count, const ino_t *inodes)
{
    assert_int_equal(disk.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(disk.inodes[i], inodes[i]);
    disk.count = 0;
}

#define ASSERT_SYNCED(...)                                              \
    assert_synced(sizeof((const ino_t[]){__VA_ARGS__}) / sizeof(ino_t), \
                  (const ino_t[]){__VA_ARGS__})

static void what_is_told_of_is_durable(void **state)
{
    struct fixture *f = *state;
    ino_t above = inode_of(f->dir), final = inode_of(f->path), tmp = inode_of(f->tmp);
    ASSERT_SYNCED(above, final); /* setup has made two folders */
    open_media(f, true);
    assert_int_equal(disk.count, 0);

    resume(f, NAME, 0);
    assert_int_equal(write_bytes(f, CF_LIT("bytes")), CF_OK);
    assert_int_equal(disk.count, 0);
    ino_t file = inode_of(path_of(f->tmp, NAME));
    assert_int_equal(sync_written(f), CF_OK);
    ASSERT_SYNCED(file, tmp);
    assert_int_equal(sync_written(f), CF_OK);
    ASSERT_SYNCED(file);
    abandon(f);

    resume(f, NAME, 5); /* who made it may not have synced */
    assert_int_equal(sync_written(f), CF_OK);
    ASSERT_SYNCED(file, tmp);
    assert_int_equal(commit(f), CF_OK);
    ASSERT_SYNCED(file, final);
    abandon(f);

    resume(f, NAME, 5);
    assert_true(cf_media_writer_committed(f->writer));
    ASSERT_SYNCED(final);
    abandon(f);
    assert_int_equal(discard(f, NAME), CF_OK);
    ASSERT_SYNCED(tmp, final);
    assert_int_equal(discard(f, NAME), CF_OK);
    ASSERT_SYNCED(tmp, final);
}

/* What a failed sync has left on the disk nobody knows: the upload begins anew. */
static void a_sync_that_fails_takes_the_file_along(void **state)
{
    struct fixture *f = *state;
    for (int by_commit = 0; by_commit < 2; by_commit++) {
        resume(f, NAME, 0);
        assert_int_equal(write_bytes(f, CF_LIT("bytes")), CF_OK);
        disk.file_fails = true;
        assert_int_equal(by_commit ? commit(f) : sync_written(f), CF_E_IO);
        disk.file_fails = false;
        assert_int_equal(cf_media_writer_size(f->writer), 0);
        assert_false(cf_media_writer_committed(f->writer));
        assert_spent(f);
        assert_files(f, 0);
    }
}

static void a_name_that_is_not_durable_is_not_told_of(void **state)
{
    struct fixture *f = *state;
    resume(f, NAME, 0);
    assert_int_equal(write_bytes(f, CF_LIT("bytes")), CF_OK);
    disk.directory_fails = true;
    assert_int_equal(sync_written(f), CF_E_IO);
    assert_int_equal(cf_media_writer_size(f->writer), 5);
    assert_spent(f);
    disk.directory_fails = false;

    resume(f, NAME, 5);
    disk.directory_fails = true;
    assert_int_equal(commit(f), CF_E_IO);
    assert_false(cf_media_writer_committed(f->writer));
    assert_spent(f);
    assert_files(f, 1);
    start_resume(f, NAME);
    assert_int_equal(wait_done(f), CF_E_IO);
    assert_false(cf_media_writer_committed(f->writer));
    assert_spent(f);
    assert_int_equal(discard(f, "other.png"), CF_E_IO);
    disk.directory_fails = false;

    resume(f, NAME, 5);
    assert_true(cf_media_writer_committed(f->writer));
    abandon(f);
}

/* Who does not resume has no use for a name that it was not told of. */
static void a_commit_that_fails_leaves_no_name(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_int_equal(wait_done(f), CF_OK);
    disk.directory_fails = true;
    assert_int_equal(commit(f), CF_E_IO);
    assert_spent(f);
    assert_files(f, 0);
}

static void a_folder_that_is_not_durable_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct cf_buf why;
    char wanted[256];
    remove_all(f->path);
    cf_buf_init(&why, 4096);
    disk.directory_fails = true;
    assert_int_equal(cf_media_open(&f->media, f->path, true, &why), CF_E_IO);
    (void)snprintf(wanted, sizeof(wanted), "%s/..: cannot sync the directory: Input/output error",
                   f->path);
    assert_int_equal(why.len, strlen(wanted));
    assert_memory_equal(why.ptr, wanted, why.len);
    cf_buf_deinit(&why);
}

#define SYNC_CASE(function) cmocka_unit_test_setup_teardown(function, setup_disk, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SYNC_CASE(what_is_told_of_is_durable),
        SYNC_CASE(a_sync_that_fails_takes_the_file_along),
        SYNC_CASE(a_name_that_is_not_durable_is_not_told_of),
        SYNC_CASE(a_commit_that_fails_leaves_no_name),
        SYNC_CASE(a_folder_that_is_not_durable_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
