/* No space left: on a small file system of the test's own, which only root can mount, and by a
 * limit on the size of a file, which anybody may set. What was written counts. */
#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

enum { KIB = 1024, SIZE = 256 * KIB };

static uint8_t bytes[SIZE];

static void fill_bytes(void)
{
    uint64_t seed = 4;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)next_random(&seed);
}

static void limit_files(rlim_t size_max)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The media folder on a file system of that size; false (and a message): it may not. */
static bool mount_small(const struct fixture *f, unsigned long flags, const char *options)
{
    if (mount("tmpfs", f->path, "tmpfs", flags, options) == 0)
        return true;
    print_message("no file system can be mounted here: %s\n", strerror(errno));
    return false;
}

static int unmount_and_teardown(void **state)
{
    const struct fixture *f = *state;
    (void)umount2(f->path, MNT_DETACH);
    return teardown(state);
}

static uint64_t size_on_disk(const struct fixture *f)
{
    struct stat status;
    assert_int_equal(stat(path_of(f->tmp, NAME), &status), 0);
    return (uint64_t)status.st_size;
}

/* Writes more than there is room for; how much of it there was. */
static uint64_t fill(struct fixture *f)
{
    resume(f, NAME, 0);
    assert_int_equal(write_bytes(f, cf_slice_of(bytes, SIZE)), CF_E_FULL);
    uint64_t size = size_on_disk(f);
    assert_int_equal(cf_media_writer_size(f->writer), size);
    assert_spent(f);
    assert_int_equal(size_on_disk(f), size);
    return size;
}

/* And when there is room again, the rest. */
static void go_on(struct fixture *f, uint64_t size)
{
    struct reading r;
    resume(f, NAME, size);
    assert_int_equal(write_bytes(f, cf_slice_of(bytes + size, SIZE - size)), CF_OK);
    assert_int_equal(commit(f), CF_OK);
    abandon(f);
    read_media(f, &r, NAME);
    assert_int_equal(r.got.len, SIZE);
    assert_memory_equal(r.got.ptr, bytes, SIZE);
    end_reading(&r);
}

static void a_full_disk(void **state)
{
    struct fixture *f = *state;
    if (!mount_small(f, 0, "size=128k"))
        skip();
    open_media(f, true);
    uint64_t size = fill(f);
    assert_in_range(size, 64 * KIB, 128 * KIB);
    resume(f, NAME, size); /* still full */
    assert_int_equal(write_bytes(f, cf_slice_of(bytes + size, SIZE - size)), CF_E_FULL);
    assert_int_equal(cf_media_writer_size(f->writer), size);
    abandon(f);
    assert_true(mount_small(f, MS_REMOUNT, "size=1m"));
    go_on(f, size);
}

static void no_room_for_another_name(void **state)
{
    struct fixture *f = *state;
    char name[16];
    if (!mount_small(f, 0, "size=1m,nr_inodes=8"))
        skip();
    open_media(f, true);
    for (int i = 0; i < 8; i++) {
        (void)snprintf(name, sizeof(name), "other%d", i);
        FILE *file = fopen(path_of(f->path, name), "w");
        if (file != NULL)
            (void)fclose(file);
    }
    start_resume(f, NAME);
    assert_int_equal(wait_done(f), CF_E_FULL);
    assert_spent(f);
    begin(f);
    assert_int_equal(wait_done(f), CF_E_FULL);
    assert_spent(f);
    assert_int_equal(unlink(path_of(f->path, "other0")), 0);
    resume(f, NAME, 0);
    abandon(f);
}

static void a_file_that_may_not_grow(void **state)
{
    struct fixture *f = *state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    limit_files(100 * KIB);
    uint64_t size = fill(f);
    limit_files(before.rlim_cur);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(size, 100 * KIB);
    go_on(f, size);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_disk, setup, unmount_and_teardown),
        cmocka_unit_test_setup_teardown(no_room_for_another_name, setup, unmount_and_teardown),
        CASE(a_file_that_may_not_grow),
    };
    fill_bytes();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
