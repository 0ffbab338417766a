/* An upload that is told of survives a loss of power: its bytes are synced before it gets its name,
 * and the name is before anybody is told. Seen by an fsync and a rename of the test's own, which
 * stand before the C library's. */
#include "integration/media/fixture.h"

#include <errno.h>
#include <sys/syscall.h>

long syscall(long number, ...);

enum { EVENTS_MAX = 64 };

/* F: the file was synced, whole. f: it was synced, and has grown since. R: it got its name. D, T:
 * the folder, or that of the unfinished, was synced. */
static struct {
    char events[EVENTS_MAX];
    size_t count;
    off_t synced; /* bytes of the file, then */
    ino_t final, tmp;
    int failing; /* the event that is to fail, 0: none */
} seen;

static bool note(char event)
{
    assert_true(seen.count < EVENTS_MAX - 1);
    seen.events[seen.count++] = event;
    seen.events[seen.count] = '\0';
    errno = EIO;
    return seen.failing != event;
}

int fsync(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return -1;
    if (S_ISDIR(status.st_mode))
        return note(status.st_ino == seen.final ? 'D'
                    : status.st_ino == seen.tmp ? 'T'
                                                : '-')
                   ? 0
                   : -1;
    seen.synced = status.st_size;
    return note('F') ? 0 : -1;
}

int rename(const char *from, const char *to)
{
    struct stat status;
    if (stat(from, &status) != 0)
        return -1;
    if (status.st_size != seen.synced)
        (void)note('f');
    return note('R') ? (int)syscall(SYS_rename, from, to) : -1;
}

static void forget(void)
{
    seen.count = 0;
    seen.events[0] = '\0';
    seen.synced = 0;
    seen.failing = 0;
}

static int setup_order(void **state)
{
    forget();
    if (setup(state) != 0)
        return 1;
    struct fixture *f = *state;
    struct stat status;
    assert_int_equal(stat(f->path, &status), 0);
    seen.final = status.st_ino;
    assert_int_equal(stat(f->tmp, &status), 0);
    seen.tmp = status.st_ino;
    forget();
    return 0;
}

static void assert_seen(const char *events)
{
    assert_string_equal(seen.events, events);
    forget();
}

static void an_upload(void **state)
{
    struct fixture *f = *state;
    put_media(f, CF_LIT("bytes"));
    assert_seen("FRD");
}

/* Told twice: of what has come so far, and of the whole. */
static void an_upload_that_goes_on(void **state)
{
    struct fixture *f = *state;
    open_media(f, true);
    forget();
    resume(f, NAME, 0);
    assert_int_equal(write_bytes(f, CF_LIT("some")), CF_OK);
    assert_int_equal(sync_written(f), CF_OK);
    assert_seen("FT");
    assert_int_equal(write_bytes(f, CF_LIT("more")), CF_OK);
    assert_int_equal(commit(f), CF_OK);
    assert_seen("FRD");
    abandon(f);
}

/* Whatever fails, what comes after it does not happen, and nobody is told. */
static void an_upload_that_fails(void **state)
{
    struct fixture *f = *state;
    static const struct {
        char failing;
        const char *events;
    } cases[] = {{'F', "F"}, {'R', "FR"}, {'D', "FRD"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(f);
        assert_int_equal(wait_done(f), CF_OK);
        assert_int_equal(write_bytes(f, CF_LIT("bytes")), CF_OK);
        seen.failing = cases[i].failing;
        assert_int_equal(commit(f), CF_E_IO);
        assert_seen(cases[i].events);
        assert_spent(f);
        assert_files(f, 0);
        forget();
    }
}

#define ORDER_CASE(function) cmocka_unit_test_setup_teardown(function, setup_order, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        ORDER_CASE(an_upload),
        ORDER_CASE(an_upload_that_goes_on),
        ORDER_CASE(an_upload_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
