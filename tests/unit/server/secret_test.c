/* The development secret: made once, whole from its first moment, never weaker than it must be. */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { HEX_LEN = 64 };

static char data_entry[128], data_dir[96], secret_path[128];

/* A configuration whose data folder is not there yet. */
static int setup_secret(void **state)
{
    if (setup(state) != 0)
        return 1;
    struct fixture *f = *state;
    (void)snprintf(data_dir, sizeof(data_dir), "%s/data", f->dir);
    (void)snprintf(data_entry, sizeof(data_entry), "CONFAB_DATA_DIR=%s", data_dir);
    (void)snprintf(secret_path, sizeof(secret_path), "%s/jwt_secret", data_dir);
    set(f, data_entry);
    return load(f, NULL) == CF_OK ? 0 : 1;
}

static int teardown_secret(void **state)
{
    (void)unlink(secret_path);
    (void)rmdir(secret_path);
    (void)rmdir(data_dir);
    return teardown(state);
}

static enum cf_error get(struct fixture *f)
{
    cf_buf_reset(&f->out);
    cf_buf_reset(&f->why);
    return cf_config_secret(&f->config, &f->out, &f->why);
}

static void put_file(const char *bytes, size_t len)
{
    (void)mkdir(data_dir, 0700);
    int fd = open(secret_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(close(fd), 0);
}

/* How many files the data folder has. */
static size_t count_files(void)
{
    DIR *dir = opendir(data_dir);
    assert_non_null(dir);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    assert_int_equal(closedir(dir), 0);
    return count;
}

static void it_is_made_once_and_read_again(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    mode_t mask = umask(0);
    enum cf_error error = get(f);
    (void)umask(mask);
    assert_int_equal(error, CF_OK);
    assert_int_equal(f->out.len, HEX_LEN);
    assert_int_equal(strspn(cf_text_cstr(&f->out), "0123456789abcdef"), HEX_LEN);
    assert_int_equal(stat(secret_path, &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0600);
    assert_int_equal(status.st_size, HEX_LEN);
    assert_int_equal(stat(data_dir, &status), 0);
    assert_int_equal(status.st_mode, S_IFDIR | 0700);
    assert_int_equal(count_files(), 1);

    char first[HEX_LEN];
    memcpy(first, f->out.ptr, HEX_LEN);
    assert_int_equal(get(f), CF_OK);
    assert_int_equal(f->out.len, HEX_LEN);
    assert_memory_equal(f->out.ptr, first, HEX_LEN);

    assert_int_equal(unlink(secret_path), 0);
    assert_int_equal(get(f), CF_OK);
    assert_memory_not_equal(f->out.ptr, first, HEX_LEN);
}

/* V21: what is there but too weak stops the start and stays as it is. */
static void a_short_one_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char digits[] = "0123456789abcdef0123456789abcdef\n\n";
    static const size_t refused[] = {0, 1, 31};
    char why[256];
    (void)snprintf(why, sizeof(why),
                   "%s: the development secret is shorter than 32 bytes; delete the file and a new "
                   "one is made (old tokens then end)",
                   secret_path);
    for (size_t i = 0; i < CF_ARRAY_LEN(refused); i++) {
        put_file(digits, refused[i]);
        assert_int_equal(get(f), CF_E_INVALID);
        assert_why(f, why);
        assert_int_equal(f->out.len, 0);
    }
    put_file("0123456789abcdef0123456789abcde\n", 32); /* line ends do not count */
    assert_int_equal(get(f), CF_E_INVALID);
    for (size_t len = 32; len <= 34; len++) {
        put_file(digits, len);
        assert_int_equal(get(f), CF_OK);
        assert_slice_equal(cf_buf_peek(&f->out), "0123456789abcdef0123456789abcdef");
    }
}

static void what_cannot_be_read_or_made_is_an_error(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdir(data_dir, 0700), 0);
    assert_int_equal(mkdir(secret_path, 0700), 0);
    assert_int_equal(get(f), CF_E_IO);
    assert_non_null(strstr(cf_text_cstr(&f->why), "cannot read the development secret"));
    assert_int_equal(rmdir(secret_path), 0);
    assert_int_equal(rmdir(data_dir), 0);

    int fd = open(data_dir, O_WRONLY | O_CREAT, 0600); /* a file where the folder should be */
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(get(f), CF_E_IO);
    assert_non_null(strstr(cf_text_cstr(&f->why), "cannot make the development secret"));
    assert_int_equal(unlink(data_dir), 0);
}

static void given_keys_make_none(void **state)
{
    struct fixture *f = *state;
    set(f, "JWT_SECRET=0123456789abcdef0123456789abcdef");
    assert_int_equal(load(f, NULL), CF_OK);
    assert_int_equal(get(f), CF_OK);
    assert_slice_equal(cf_buf_peek(&f->out), "0123456789abcdef0123456789abcdef");

    unset_all(f);
    set(f, data_entry);
    set(f, "JWT_PUBLIC_KEY=key.pem");
    assert_int_equal(load(f, NULL), CF_OK);
    assert_int_equal(get(f), CF_OK);
    assert_int_equal(f->out.len, 0);

    unset_all(f);
    set(f, data_entry);
    set(f, "CONFAB_ENV=production");
    assert_int_equal(load(f, NULL), CF_OK);
    assert_int_equal(get(f), CF_E_INVALID);
    assert_why(f, "CONFAB_ENV=production needs JWT_SECRET or JWT_PUBLIC_KEY");
    assert_int_equal(access(data_dir, F_OK), -1);
}

static volatile sig_atomic_t writes_failed, seen_unwritten;

/* Runs where write() fails, with nothing written yet. */
static void on_file_too_large(int number)
{
    int before = errno;
    (void)number;
    writes_failed++;
    seen_unwritten += access(secret_path, F_OK) == 0;
    errno = before;
}

/* Nobody can meet the file while it is still empty: it gets its name when it is whole. A limit of
 * the file size lets the write fail, and its signal looks at the moment before. */
static void its_name_appears_with_its_bytes(void **state)
{
    struct fixture *f = *state;
    struct sigaction look = {.sa_handler = on_file_too_large}, before;
    struct rlimit limit, none;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    none = (struct rlimit){0, limit.rlim_max};
    assert_int_equal(sigaction(SIGXFSZ, &look, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    enum cf_error error = get(f);
    (void)setrlimit(RLIMIT_FSIZE, &limit);
    (void)sigaction(SIGXFSZ, &before, NULL);
    assert_int_equal(error, CF_E_IO);
    assert_non_null(strstr(cf_text_cstr(&f->why), "cannot write the development secret"));
    assert_int_equal(writes_failed, 1);
    assert_int_equal(seen_unwritten, 0);
    assert_int_equal(count_files(), 0);
    assert_int_equal(get(f), CF_OK);
}

enum { ROUNDS = 40, PROCESSES = 6 };

/* Waits for the others, gets the secret, tells it; exits with the error. */
static void run_process(struct fixture *f, const int start[2], int told)
{
    char byte;
    (void)close(start[1]);
    ssize_t ended = read(start[0], &byte, 1);
    enum cf_error error = get(f);
    if (error == CF_OK && write(told, f->out.ptr, f->out.len) != HEX_LEN)
        error = CF_E_IO;
    _exit(ended == 0 ? (int)error : 255);
}

static void run_round(struct fixture *f)
{
    int start[2], told[2];
    pid_t children[PROCESSES];
    assert_int_equal(pipe(start), 0);
    assert_int_equal(pipe(told), 0);
    for (size_t i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            run_process(f, start, told[1]);
    }
    (void)close(start[0]);
    (void)close(start[1]); /* now all run */
    (void)close(told[1]);
    for (size_t i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), CF_OK);
    }
    char secrets[PROCESSES][HEX_LEN];
    assert_int_equal(read(told[0], secrets, sizeof(secrets)), sizeof(secrets));
    (void)close(told[0]);
    for (size_t i = 1; i < PROCESSES; i++)
        assert_memory_equal(secrets[i], secrets[0], HEX_LEN);
}

static void processes_that_make_it_at_once_agree(void **state)
{
    for (int i = 0; i < ROUNDS; i++) {
        run_round(*state);
        assert_int_equal(count_files(), 1);
        assert_int_equal(unlink(secret_path), 0);
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup_secret, teardown_secret)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(it_is_made_once_and_read_again),          CASE(a_short_one_is_refused),
        CASE(what_cannot_be_read_or_made_is_an_error), CASE(given_keys_make_none),
        CASE(its_name_appears_with_its_bytes),         CASE(processes_that_make_it_at_once_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
