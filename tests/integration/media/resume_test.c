/* Uploads that go on: after a connection is lost, after a restart, after a commit that nobody heard
 * of. The name is the same in tmp and in the end. */
#include "fixture.h"

static void it_goes_on_where_it_ended(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    resume(f, NAME, 0);
    assert_int_equal(stat(path_of(f->tmp, NAME), &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0600);
    assert_int_equal(write_bytes(f, CF_LIT("one ")), CF_OK);
    assert_int_equal(cf_media_writer_size(f->writer), 4);
    assert_int_equal(sync_written(f), CF_OK);
    assert_int_equal(write_bytes(f, CF_LIT("two ")), CF_OK);
    assert_int_equal(cf_media_writer_size(f->writer), 8);
    abandon(f);
    assert_file(path_of(f->tmp, NAME), "one two ");

    resume(f, NAME, 8);
    assert_int_equal(write_bytes(f, CF_LIT("three")), CF_OK);
    assert_int_equal(cf_media_writer_size(f->writer), 13);
    assert_false(cf_media_writer_committed(f->writer));
    assert_int_equal(commit(f), CF_OK);
    assert_true(cf_media_writer_committed(f->writer));
    assert_int_equal(cf_media_writer_size(f->writer), 13);
    abandon(f);
    assert_files(f, 1);
    assert_file(path_of(f->path, NAME), "one two three");
}

static void a_restart_keeps_it_or_sweeps_it(void **state)
{
    struct fixture *f = *state;
    resume(f, NAME, 0);
    assert_int_equal(write_bytes(f, CF_LIT("half")), CF_OK);
    abandon(f);
    open_media(f, true);
    resume(f, NAME, 4);
    abandon(f);
    open_media(f, false);
    assert_files(f, 0);
    resume(f, NAME, 0);
    abandon(f);
}

static void what_is_committed_stays_so(void **state)
{
    struct fixture *f = *state;
    put_media(f, CF_LIT("whole"));
    put_file(path_of(f->tmp, NAME), "what a power loss may bring back");
    resume(f, NAME, 5);
    assert_true(cf_media_writer_committed(f->writer));
    assert_spent(f);
    assert_file(path_of(f->path, NAME), "whole");
}

/* Freed before, while and after each step runs (V29): the next one goes on, and at its end the
 * file is whole. */
static void abandoned_at_any_step_it_goes_on(void **state)
{
    struct fixture *f = *state;
    enum { OPENING, OPEN, WRITING, WRITTEN, SYNCING, SYNCED, COMMITTING, COMMITTED, STEPS };
    for (int step = 0; step < STEPS; step++) {
        start_resume(f, NAME);
        if (step > OPENING)
            assert_int_equal(wait_done(f), CF_OK);
        if (step >= WRITING)
            assert_int_equal(start_write(f, CF_LIT("bytes")), CF_OK);
        if (step > WRITING)
            assert_int_equal(wait_done(f), CF_OK);
        if (step >= SYNCING)
            assert_int_equal(start_sync(f), CF_OK);
        if (step > SYNCING)
            assert_int_equal(wait_done(f), CF_OK);
        if (step >= COMMITTING)
            assert_int_equal(start_commit(f, NAME), CF_OK);
        if (step > COMMITTING)
            assert_int_equal(wait_done(f), CF_OK);
        abandon(f);

        resume(f, NAME, step >= WRITING ? 5 : 0);
        assert_int_equal(cf_media_writer_committed(f->writer), step >= COMMITTING);
        if (step < WRITING)
            assert_int_equal(write_bytes(f, CF_LIT("bytes")), CF_OK);
        if (step < COMMITTING)
            assert_int_equal(commit(f), CF_OK);
        abandon(f);
        assert_files(f, 1);
        assert_file(path_of(f->path, NAME), "bytes");
        assert_int_equal(discard(f, NAME), CF_OK);
    }
}

/* A writer that was freed may still be at work when the next one begins; both have the client's
 * bytes. */
static void one_that_was_freed_does_no_harm(void **state)
{
    struct fixture *f = *state;
    resume(f, NAME, 0);
    struct cf_media_writer *freed = f->writer;
    resume(f, NAME, 0);
    struct cf_media_writer *next = f->writer;
    assert_int_equal(cf_media_write(freed, CF_LIT("the client's")), CF_OK);
    assert_int_equal(wait_done(f), CF_OK);
    assert_int_equal(write_bytes(f, CF_LIT("the client's bytes")), CF_OK);
    assert_file(path_of(f->tmp, NAME), "the client's bytes");

    f->writer = freed;
    assert_int_equal(commit(f), CF_OK);
    abandon(f);
    f->writer = next;
    assert_int_equal(commit(f), CF_OK);
    assert_true(cf_media_writer_committed(f->writer));
    abandon(f);
    assert_files(f, 1);
    assert_file(path_of(f->path, NAME), "the client's bytes");
}

static void what_was_discarded_is_not_committed(void **state)
{
    struct fixture *f = *state;
    resume(f, NAME, 0);
    assert_int_equal(write_bytes(f, CF_LIT("bytes")), CF_OK);
    assert_int_equal(discard(f, NAME), CF_OK);
    put_file(path_of(f->path, NAME), "another's");
    assert_int_equal(commit(f), CF_E_IO);
    assert_false(cf_media_writer_committed(f->writer));
    assert_spent(f);
    assert_file(path_of(f->path, NAME), "another's");
}

static void assert_not_resumed(struct fixture *f)
{
    start_resume(f, NAME);
    assert_int_equal(wait_done(f), CF_E_IO);
    assert_false(cf_media_writer_committed(f->writer));
    assert_spent(f);
}

/* V23 */
static void what_is_no_file_is_not_resumed(void **state)
{
    struct fixture *f = *state;
    put_file(path_of(f->dir, "outside"), "secret");
    assert_int_equal(symlink("../../outside", path_of(f->tmp, NAME)), 0);
    assert_not_resumed(f);
    assert_int_equal(unlink(path_of(f->tmp, NAME)), 0);
    assert_int_equal(symlink("../outside", path_of(f->path, NAME)), 0);
    assert_not_resumed(f);
    assert_int_equal(unlink(path_of(f->path, NAME)), 0);
    assert_file(path_of(f->dir, "outside"), "secret");
    assert_int_equal(mkdir(path_of(f->tmp, NAME), 0700), 0);
    assert_not_resumed(f);
    assert_int_equal(rmdir(path_of(f->tmp, NAME)), 0);
    assert_int_equal(mkdir(path_of(f->path, NAME), 0700), 0);
    assert_not_resumed(f);
    assert_int_equal(rmdir(path_of(f->path, NAME)), 0);
    remove_all(f->tmp);
    assert_not_resumed(f);
}

/* Over the size at which the disk is told to begin. */
static void a_large_file_goes_over_without_a_copy(void **state)
{
    struct fixture *f = *state;
    enum { PIECE = 1024 * 1024, PIECES = 40 };
    struct cf_buf piece, wanted;
    uint64_t seed = 2;
    cf_buf_init(&piece, 2 * PIECE);
    cf_buf_init(&wanted, PIECES * PIECE);
    resume(f, NAME, 0);
    for (size_t i = 0; i < PIECES; i++) {
        assert_int_equal(cf_buf_reserve(&piece, PIECE), CF_OK);
        for (piece.len = 0; piece.len < PIECE; piece.len += sizeof(seed)) {
            uint64_t word = next_random(&seed);
            memcpy(piece.ptr + piece.len, &word, sizeof(word));
        }
        assert_int_equal(cf_buf_append(&wanted, cf_buf_peek(&piece)), CF_OK);
        assert_int_equal(cf_media_write_take(f->writer, &piece), CF_OK);
        assert_null(piece.ptr);
        assert_int_equal(piece.len, 0);
        assert_int_equal(piece.max, 2 * PIECE);
        assert_int_equal(wait_done(f), CF_OK);
        assert_int_equal(cf_media_writer_size(f->writer), (i + 1) * PIECE);
    }
    assert_int_equal(commit(f), CF_OK);
    assert_int_equal(cf_buf_append(&piece, CF_LIT("kept")), CF_OK);
    assert_int_equal(cf_media_write_take(f->writer, &piece), CF_E_STATE);
    assert_slice_equal(cf_buf_peek(&piece), "kept");
    abandon(f);
    FILE *file = fopen(path_of(f->path, NAME), "r");
    uint8_t *got = malloc(PIECES * PIECE + 1);
    assert_non_null(file);
    assert_non_null(got);
    assert_int_equal(fread(got, 1, PIECES * PIECE + 1, file), PIECES * PIECE);
    assert_memory_equal(got, wanted.ptr, PIECES * PIECE);
    (void)fclose(file);
    free(got);
    cf_buf_deinit(&wanted);
    cf_buf_deinit(&piece);
}

static void discarded_nothing_is_left(void **state)
{
    struct fixture *f = *state;
    for (unsigned there = 0; there < 4; there++) {
        if ((there & 1) != 0)
            put_file(path_of(f->tmp, NAME), "temporary");
        if ((there & 2) != 0)
            put_file(path_of(f->path, NAME), "final");
        put_file(path_of(f->path, "other.png"), "kept");
        assert_int_equal(discard(f, NAME), CF_OK);
        assert_files(f, 1);
        assert_file(path_of(f->path, "other.png"), "kept");
    }
}

static void what_cannot_be_discarded_is_an_error(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdir(path_of(f->tmp, NAME), 0700), 0);
    assert_int_equal(discard(f, NAME), CF_E_IO);
    assert_int_equal(rmdir(path_of(f->tmp, NAME)), 0);
    assert_int_equal(mkdir(path_of(f->path, NAME), 0700), 0);
    assert_int_equal(discard(f, NAME), CF_E_IO);
}

/* Whichever comes first, no name is left. */
static void discarded_beside_a_commit_nothing_is_left(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 50; round++) {
        resume(f, NAME, 0);
        assert_int_equal(write_bytes(f, CF_LIT("bytes")), CF_OK);
        assert_int_equal(start_commit(f, NAME), CF_OK);
        cf_media_writer_free(f->writer);
        assert_int_equal(discard(f, NAME), CF_OK);
        assert_files(f, 0);
    }
}

static void names_have_a_limit(void **state)
{
    struct fixture *f = *state;
    char name[CF_MEDIA_NAME_MAX + 1];
    memset(name, 'n', sizeof(name));
    name[CF_MEDIA_NAME_MAX] = '\0';
    assert_panics(cf_media_writer_resume(&f->media, &f->loop, name, on_done, f));
    assert_panics(cf_media_discard(&f->media, &f->loop, name, on_done, f));
    name[CF_MEDIA_NAME_MAX - 1] = '\0';
    resume(f, name, 0);
    abandon(f);
    assert_int_equal(access(path_of(f->tmp, name), F_OK), 0);
    assert_int_equal(discard(f, name), CF_OK);
    assert_files(f, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(it_goes_on_where_it_ended),
        CASE(a_restart_keeps_it_or_sweeps_it),
        CASE(what_is_committed_stays_so),
        CASE(abandoned_at_any_step_it_goes_on),
        CASE(one_that_was_freed_does_no_harm),
        CASE(what_was_discarded_is_not_committed),
        CASE(what_is_no_file_is_not_resumed),
        CASE(a_large_file_goes_over_without_a_copy),
        CASE(discarded_nothing_is_left),
        CASE(what_cannot_be_discarded_is_an_error),
        CASE(discarded_beside_a_commit_nothing_is_left),
        CASE(names_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
