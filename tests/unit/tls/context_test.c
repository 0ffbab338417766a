/* The files of a context: which are refused, and that the one line about it names the file and what
 * is wrong (V21: no broken configuration serves). */
#include "unit/tls/rig.h"

struct fixture {
    struct files files;
    struct identity own, other;
    struct cf_buf why;
    struct cf_tls_context *context;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return 1;
    f->own = make_identity(&(struct cert_spec){.cn = "own", .san = "DNS:a.example"}, NULL);
    f->other = make_identity(&(struct cert_spec){.cn = "other", .san = "DNS:a.example"}, NULL);
    files_init(&f->files);
    write_certs(f->files.cert, f->own.cert, f->other.cert);
    write_key(f->files.key, f->own.key, NULL);
    cf_buf_init(&f->why, 4096);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    free_identity(&f->own);
    free_identity(&f->other);
    files_deinit(&f->files);
    cf_buf_deinit(&f->why);
    free(f);
    return 0;
}

static void check_why(const struct fixture *f, const char *path, const char *text)
{
    struct cf_slice why = cf_buf_peek(&f->why), prefix = cf_slice_cstr(path);
    assert_true(cf_slice_starts(why, prefix));
    struct cf_slice rest = cf_slice_skip(why, prefix.len);
    if (!cf_slice_starts(rest, cf_slice_cstr(text)))
        fail_msg("it says: %.*s", (int)why.len, (const char *)why.ptr);
    assert_int_equal(cf_slice_find(why, '\n'), why.len);
    assert_int_equal(ERR_peek_error(), 0);
}

static void expect_server(struct fixture *f, enum cf_error error, const char *path,
                          const char *text)
{
    f->context = NULL;
    cf_buf_reset(&f->why);
    assert_int_equal(cf_tls_server_new(f->files.cert, f->files.key, &f->context, &f->why), error);
    assert_int_equal(f->context != NULL, error == CF_OK);
    if (error == CF_OK)
        assert_int_equal(f->why.len, 0);
    else
        check_why(f, path, text);
    cf_tls_context_unref(f->context);
}

static void good_files(void **state)
{
    expect_server(*state, CF_OK, NULL, NULL);
}

static void missing_files(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->files.key);
    expect_server(f, CF_E_IO, f->files.key,
                  ": no usable private key of the certificate: No such file or directory");
    (void)unlink(f->files.cert);
    expect_server(f, CF_E_IO, f->files.cert, ": no usable certificate: No such file or directory");
}

static void files_with_something_else(void **state)
{
    struct fixture *f = *state;
    write_text(f->files.key, "");
    expect_server(f, CF_E_INVALID, f->files.key, ": no usable private key of the certificate: ");
    write_certs(f->files.key, f->own.cert, NULL);
    expect_server(f, CF_E_INVALID, f->files.key, ": no usable private key of the certificate: ");
    write_text(f->files.cert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    expect_server(f, CF_E_INVALID, f->files.cert, ": no usable certificate: ");
    write_text(f->files.cert, "");
    expect_server(f, CF_E_INVALID, f->files.cert, ": no usable certificate: no start line");
    write_key(f->files.cert, f->own.key, NULL);
    expect_server(f, CF_E_INVALID, f->files.cert, ": no usable certificate: no start line");
}

static void another_key(void **state)
{
    struct fixture *f = *state;
    write_key(f->files.key, f->other.key, NULL);
    expect_server(f, CF_E_INVALID, f->files.key,
                  ": no usable private key of the certificate: key values mismatch");
}

/* It must not ask at the terminal: the test would hang. */
static void a_key_with_a_passphrase(void **state)
{
    struct fixture *f = *state;
    write_key(f->files.key, f->own.key, "passphrase");
    expect_server(f, CF_E_INVALID, f->files.key, ": no usable private key of the certificate: ");
}

static void weak_certificates(void **state)
{
    struct fixture *f = *state;
    struct identity weak = make_identity(
        &(struct cert_spec){.cn = "weak", .san = "DNS:a.example", .rsa_bits = 1024}, NULL);
    write_certs(f->files.cert, weak.cert, NULL);
    write_key(f->files.key, weak.key, NULL);
    expect_server(f, CF_E_INVALID, f->files.cert, ": no usable certificate: ee key too small");
    free_identity(&weak);
}

static void authorities(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(cf_tls_client_new(NULL, &f->context, &f->why), CF_OK);
    cf_tls_context_unref(f->context);
    assert_int_equal(cf_tls_client_new(f->files.cert, &f->context, &f->why), CF_OK);
    cf_tls_context_unref(f->context);
    assert_int_equal(f->why.len, 0);
    f->context = NULL;
    assert_int_equal(cf_tls_client_new(f->files.ca, &f->context, &f->why), CF_E_IO);
    check_why(f, f->files.ca, ": no usable certificate authorities: No such file or directory");
    cf_buf_reset(&f->why);
    write_text(f->files.ca, "nothing of the kind\n");
    assert_int_equal(cf_tls_client_new(f->files.ca, &f->context, &f->why), CF_E_INVALID);
    check_why(f, f->files.ca, ": no usable certificate authorities: ");
    assert_null(f->context);
}

static void roles_are_kept(void **state)
{
    struct fixture *f = *state;
    struct cf_tls *tls = NULL;
    assert_int_equal(cf_tls_server_new(f->files.cert, f->files.key, &f->context, &f->why), CF_OK);
    assert_panics((void)cf_tls_new(f->context, "a.example", &tls));
    cf_tls_context_unref(f->context);
    assert_int_equal(cf_tls_client_new(f->files.cert, &f->context, &f->why), CF_OK);
    assert_panics((void)cf_tls_new(f->context, NULL, &tls));
    cf_tls_context_unref(f->context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(good_files, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_files, setup, teardown),
        cmocka_unit_test_setup_teardown(files_with_something_else, setup, teardown),
        cmocka_unit_test_setup_teardown(another_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_with_a_passphrase, setup, teardown),
        cmocka_unit_test_setup_teardown(weak_certificates, setup, teardown),
        cmocka_unit_test_setup_teardown(authorities, setup, teardown),
        cmocka_unit_test_setup_teardown(roles_are_kept, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
