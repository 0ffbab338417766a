/* Memory runs out while the server starts, and while a file of media is written and read: a start
 * that fails says so in one line and gives everything back. */
#include "integration/media/fixture.h"

#include "oom/scenario.h"
#include "server/parts.h"
#include "server/text.h"
#include "server/worker.h"

extern char **environ;

/* ---- the start: all parts but the threads of the workers ---- */

static char data_dir[] = "/tmp/confab-oom-XXXXXX";
static struct cf_config config;

static void ignore_fatal(void *context, const char *text)
{
    (void)context;
    (void)text;
}

static void free_requests(void *context, struct cf_list *requests)
{
    (void)context;
    for (struct cf_list *node; (node = cf_list_pop_front(requests)) != NULL;)
        cf_store_request_free(CF_LIST_ENTRY(node, struct cf_store_request, link));
}

static void server_start(struct scenario *s)
{
    static struct cf_server server;
    static const struct cf_store_sink sink = {.done = free_requests};
    struct cf_listenings listenings = {.count = 0};
    struct cf_buf why;
    memset(&server, 0, sizeof(server));
    cf_buf_init(&why, 16384);
    enum cf_error error = cf_parts_open(&server, &config, &sink, ignore_fatal, &why);
    if (error == CF_OK)
        error = cf_parts_listen(&server, &listenings, &why);
    if (error != CF_OK) {
        scenario_note(s);
        assert_true(error == CF_E_NOMEM || error == CF_E_IO);
        fault_heal();
        assert_non_null(cf_text_cstr(&why));
    }
    cf_parts_close(&server);
    cf_listenings_free(&listenings);
    cf_buf_deinit(&why);
}

static void configuration(struct scenario *s)
{
    struct cf_config loaded;
    struct cf_buf why;
    cf_buf_init(&why, 16384);
    enum cf_error error = cf_config_load(&loaded, NULL, &why);
    if (error != CF_OK) {
        scenario_note(s);
        fault_heal();
        assert_non_null(cf_text_cstr(&why));
    }
    cf_config_deinit(&loaded);
    cf_buf_deinit(&why);
}

/* ---- media ---- */

struct piecewise {
    enum cf_error error;
    size_t bytes, last_len;
    unsigned dones;
};

static void on_piece(void *context, enum cf_error error, struct cf_slice bytes, uint64_t size)
{
    struct piecewise *reading = context;
    (void)size;
    reading->error = error;
    reading->bytes += bytes.len;
    reading->last_len = bytes.len;
    reading->dones++;
}

/* An operation that was begun tells of its end, once. */
static enum cf_error ended(struct fixture *f, enum cf_error begun)
{
    return begun == CF_OK ? wait_done(f) : begun;
}

static bool write_file(struct scenario *s, struct fixture *f)
{
    static const uint8_t bytes[CF_MEDIA_CHUNK + 1];
    f->writer = cf_media_writer_new(&f->media, &f->loop, TMP_NAME, on_done, f);
    bool ok = MADE(s, f->writer) && TRIED(s, wait_done(f));
    for (int i = 0; ok && i < 3; i++)
        ok = TRIED(s, ended(f, cf_media_write(f->writer, cf_slice_of(bytes, sizeof(bytes)))));
    ok = ok && TRIED(s, ended(f, cf_media_commit(f->writer, NAME)));
    if (f->writer != NULL)
        cf_media_writer_free(f->writer);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    return ok;
}

static void read_file(struct scenario *s, struct fixture *f)
{
    struct piecewise reading = {.error = CF_OK};
    struct cf_media_reader *reader =
        cf_media_reader_new(&f->media, &f->loop, NAME, on_piece, &reading);
    if (!MADE(s, reader))
        return;
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    do {
        if (!TRIED(s, reading.error) || !TRIED(s, cf_media_read(reader)))
            break;
        (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    } while (reading.last_len > 0);
    assert_true(s->answered > 0 || reading.bytes == 3 * (CF_MEDIA_CHUNK + 1));
    cf_media_reader_free(reader);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
}

static void media(struct scenario *s)
{
    void *state = NULL;
    fault_pause();
    assert_int_equal(setup(&state), 0);
    fault_resume();
    struct fixture *f = state;
    bool written = write_file(s, f);
    fault_pause();
    assert_files(f, written ? 1 : 0); /* nothing is left behind */
    fault_resume();
    if (written) {
        read_file(s, f);
        if (TRIED(s, cf_media_discard(&f->media, &f->loop, NAME, on_done, f)))
            (void)TRIED(s, wait_done(f));
    }
    fault_heal();
    assert_int_equal(teardown(&state), 0);
}

int main(void)
{
    static char data[64], *environment[] = {data,
                                            "CONFAB_LISTEN=127.0.0.1:0,[::1]:0",
                                            "CONFAB_WORKERS=2",
                                            "LOG_LEVEL=error",
                                            "JWT_SECRET=a secret of the tests, 32 bytes or more",
                                            NULL};
    const struct CMUnitTest tests[] = {
        SCENARIO_SOME(server_start, 60),
        SCENARIO(configuration),
        SCENARIO(media),
    };
    struct cf_buf why;
    cf_buf_init(&why, 16384);
    if (mkdtemp(data_dir) == NULL)
        return 1;
    (void)snprintf(data, sizeof(data), "CONFAB_DATA_DIR=%s", data_dir);
    environ = environment;
    if (cf_config_load(&config, NULL, &why) != CF_OK) {
        (void)fprintf(stderr, "%s\n", cf_text_cstr(&why));
        return 1;
    }
    int status = cmocka_run_group_tests_name("oom start", tests, NULL, NULL);
    cf_config_deinit(&config);
    cf_buf_deinit(&why);
    remove_all(data_dir);
    return status;
}
