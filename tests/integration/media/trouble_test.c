/* The disk fails, or what should be there is not. */
#include "fixture.h"

#include <signal.h>
#include <sys/resource.h>

static void a_name_that_is_taken_in_tmp_stays_its_owners(void **state)
{
    struct fixture *f = *state;
    put_file(path_of(f->tmp, TMP_NAME), "another's");
    begin(f);
    assert_int_equal(wait_done(f), CF_E_IO);
    assert_spent(f);
    assert_file(path_of(f->tmp, TMP_NAME), "another's");
}

static void folders_that_vanish_are_errors(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_int_equal(wait_done(f), CF_OK);
    assert_int_equal(write_bytes(f, CF_LIT("bytes")), CF_OK);
    remove_all(f->tmp);
    assert_int_equal(commit(f), CF_E_IO);
    assert_spent(f);
    assert_int_equal(count_files(f->path), 0);

    begin(f); /* no tmp */
    assert_int_equal(wait_done(f), CF_E_IO);
    assert_spent(f);

    remove_all(f->path);
    cf_media_remove(&f->media, &f->loop, CF_LIT(NAME));
    assert_int_equal(read_error(f, NAME), CF_E_NOT_FOUND);
    open_media(f, false);
    put_media(f, CF_LIT("again"));
    assert_files(f, 1);
}

static void a_final_name_that_cannot_be_taken_is_an_error(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdir(path_of(f->path, NAME), 0700), 0);
    begin(f);
    assert_int_equal(wait_done(f), CF_OK);
    assert_int_equal(commit(f), CF_E_IO);
    assert_spent(f);
    assert_int_equal(count_files(f->tmp), 0);
}

/* A file size limit stands for a disk that is full: the first part is written, the rest is not. */
static void a_write_that_fails_half_way_is_no_file(void **state)
{
    struct fixture *f = *state;
    static const uint8_t bytes[10000];
    struct rlimit limit, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){4096, limit.rlim_max};
    begin(f);
    assert_int_equal(wait_done(f), CF_OK);
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum cf_error error = write_bytes(f, cf_slice_of(bytes, sizeof(bytes)));
    (void)setrlimit(RLIMIT_FSIZE, &limit);
    (void)signal(SIGXFSZ, before);
    assert_int_equal(error, CF_E_FULL);
    struct stat status;
    assert_int_equal(stat(path_of(f->tmp, TMP_NAME), &status), 0);
    assert_int_equal(status.st_size, 4096);
    assert_spent(f);
    assert_files(f, 0);
}

static void names_have_a_limit(void **state)
{
    struct fixture *f = *state;
    char name[CF_MEDIA_NAME_MAX + 1];
    memset(name, 'n', sizeof(name));
    name[CF_MEDIA_NAME_MAX] = '\0';
    assert_panics(cf_media_writer_new(&f->media, &f->loop, name, on_done, f));
    assert_panics(cf_media_reader_new(&f->media, &f->loop, name, on_read, f));
    begin(f);
    assert_int_equal(wait_done(f), CF_OK);
    assert_panics(cf_media_commit(f->writer, name));
    name[CF_MEDIA_NAME_MAX - 1] = '\0';
    assert_int_equal(start_commit(f, name), CF_OK);
    assert_int_equal(wait_done(f), CF_OK);
    abandon(f);
    assert_int_equal(access(path_of(f->path, name), F_OK), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(a_name_that_is_taken_in_tmp_stays_its_owners),
        CASE(folders_that_vanish_are_errors),
        CASE(a_final_name_that_cannot_be_taken_is_an_error),
        CASE(a_write_that_fails_half_way_is_no_file),
        CASE(names_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
