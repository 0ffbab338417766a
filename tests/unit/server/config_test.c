/* The configuration: where values come from, and every way in which they are refused. */
#include "fixture.h"

#include <unistd.h>

static char file_path[96];

static int setup_file(void **state)
{
    if (setup(state) != 0)
        return 1;
    const struct fixture *f = *state;
    (void)snprintf(file_path, sizeof(file_path), "%s/confab.conf", f->dir);
    return 0;
}

static int teardown_file(void **state)
{
    (void)unlink(file_path);
    return teardown(state);
}

static const char *put_file(const char *text)
{
    FILE *file = fopen(file_path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
    return file_path;
}

/* With this entry alone in the environment the load is refused, for this reason. */
static void refused(struct fixture *f, const char *entry, const char *why)
{
    unset_all(f);
    set(f, entry);
    assert_int_equal(load(f, NULL), CF_E_INVALID);
    assert_why(f, why);
}

/* ---- where values come from ---- */

/* Every key, its default, in the order of the table. */
static const char defaults[] = "CONFAB_LISTEN=127.0.0.1:8080\n"
                               "CONFAB_WORKERS=%ld\n"
                               "CONFAB_DATA_DIR=./data\n"
                               "DATABASE_URL=\n"
                               "REDIS_URL=\n"
                               "JWT_SECRET=\n"
                               "JWT_PUBLIC_KEY=\n"
                               "JWT_ISSUER=\n"
                               "JWT_AUDIENCE=\n"
                               "CONFAB_ENV=development\n"
                               "CONFAB_BEHIND_PROXY=false\n"
                               "CONFAB_TLS_CERT=\n"
                               "CONFAB_TLS_KEY=\n"
                               "CONFAB_TRUSTED_PROXIES=\n"
                               "CONFAB_METRICS_TOKEN=\n"
                               "CONFAB_METRICS_BY_SHOP=100\n"
                               "CONFAB_HTTP_HEADER_TIMEOUT_SECONDS=10\n"
                               "CONFAB_HTTP_IDLE_TIMEOUT_SECONDS=75\n"
                               "WEBSOCKET_ENABLED=true\n"
                               "WEBSOCKET_ALLOWED_ORIGINS=\n"
                               "WEBSOCKET_READ_BUFFER_SIZE=1024\n"
                               "WEBSOCKET_WRITE_BUFFER_SIZE=1024\n"
                               "WEBSOCKET_PING_PERIOD_SECONDS=54\n"
                               "WEBSOCKET_PONG_WAIT_SECONDS=60\n"
                               "WEBSOCKET_WRITE_WAIT_SECONDS=10\n"
                               "WEBSOCKET_MAX_CONNECTIONS_PER_USER=5\n"
                               "WEBSOCKET_MAX_ATTEMPTS_PER_MINUTE=10\n"
                               "WEBSOCKET_MAX_MESSAGE_SIZE=524288\n"
                               "WEBSOCKET_SEND_BUFFER=256\n"
                               "WEBSOCKET_COMPRESSION=true\n"
                               "SOCKETIO_PATH=/socket.io/\n"
                               "SOCKETIO_PING_INTERVAL_MS=2500\n"
                               "SOCKETIO_PING_TIMEOUT_MS=2000\n"
                               "SOCKETIO_CONNECT_TIMEOUT_MS=45000\n"
                               "SOCKETIO_MAX_PAYLOAD=1000000\n"
                               "ORBITAL_PING_PERIOD_SECONDS=30\n"
                               "ORBITAL_MAX_ATTEMPTS_PER_MINUTE=5\n"
                               "ORBITAL_MEDIA_TTL_DAYS=7\n"
                               "ORBITAL_MEDIA_TTL_SECONDS=0\n"
                               "ORBITAL_MEDIA_MAX_BYTES=536870912\n"
                               "ORBITAL_GROUP_QUOTA_BYTES=5368709120\n"
                               "ORBITAL_SWEEP_PERIOD_SECONDS=60\n"
                               "LOG_LEVEL=info\n"
                               "LOG_FORMAT=text\n"
                               "LOG_FILE=\n";

static void defaults_hold_where_nothing_is_set(void **state)
{
    struct fixture *f = *state;
    char wanted[4096];
    (void)snprintf(wanted, sizeof(wanted), defaults, sysconf(_SC_NPROCESSORS_ONLN));
    assert_int_equal(load(f, NULL), CF_OK);
    assert_int_equal(f->why.len, 0);
    assert_int_equal(cf_config_print(&f->config, &f->out), CF_OK);
    assert_string_equal(cf_text_cstr(&f->out), wanted);
}

static void a_file_sets_values(void **state)
{
    struct fixture *f = *state;
    const char *file = put_file("# a comment\n"
                                "\n"
                                "  # another\n"
                                "JWT_ISSUER=plain\n"
                                "  JWT_AUDIENCE = spaced out\t\n"
                                "CONFAB_DATA_DIR=\"  quoted # text = \"\r\n"
                                "LOG_FILE=\"\n"
                                "CONFAB_LISTEN=a=b\n"
                                "WEBSOCKET_SEND_BUFFER=\"7\"\n"
                                "WEBSOCKET_ENABLED=false\n"
                                "CONFAB_TLS_CERT=\n"
                                "DATABASE_URL=sqlite:first\n"
                                "DATABASE_URL=sqlite:second\n"
                                "SOMEBODY_ELSES=value\n"
                                "LOG_LEVEL=debug");
    assert_int_equal(load(f, file), CF_OK);
    assert_string_equal(f->config.jwt_issuer, "plain");
    assert_string_equal(f->config.jwt_audience, "spaced out");
    assert_string_equal(f->config.data_dir, "  quoted # text = ");
    assert_string_equal(f->config.log_file, "\"");
    assert_string_equal(f->config.listen, "a=b");
    assert_int_equal(f->config.ws_send_buffer, 7);
    assert_int_equal(f->config.ws_enabled, 0);
    assert_string_equal(f->config.tls_cert, "");
    assert_string_equal(f->config.database_url, "sqlite:second");
    assert_int_equal(f->config.log_level, CF_LOG_DEBUG);
}

static void the_environment_is_over_the_file(void **state)
{
    struct fixture *f = *state;
    const char *file = put_file("JWT_ISSUER=file\nJWT_AUDIENCE=file\nWEBSOCKET_SEND_BUFFER=7\n"
                                "CONFAB_ENV=production\n");
    set(f, "JWT_ISSUER=environment");
    set(f, "JWT_AUDIENCE="); /* empty: not set */
    set(f, "WEBSOCKET_SEND_BUFFER=9");
    set(f, "CONFAB_ENV=development");
    set(f, "LOG_FORMAT=json");
    set(f, "CONFAB_BIN_DIR=/of/the/tools");
    set(f, "PATH=/bin");
    set(f, "no equals sign");
    assert_int_equal(load(f, file), CF_OK);
    assert_string_equal(f->config.jwt_issuer, "environment");
    assert_string_equal(f->config.jwt_audience, "file");
    assert_int_equal(f->config.ws_send_buffer, 9);
    assert_int_equal(f->config.environment, CF_ENV_DEVELOPMENT);
    assert_int_equal(f->config.log_format, CF_LOG_JSON);
}

/* A wrong value in the file is refused although the environment has a better one. */
static void files_that_are_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *why; /* `why` after the file's name when it begins with ':' */
    } cases[] = {
        {"no equals sign\n", ":1: not a KEY=value line"},
        {"\n# fine\n=value\n", ":3: not a KEY=value line"},
        {"WEBSOCKET_SEND_BUFER=7\n",
         "WEBSOCKET_SEND_BUFER: no such key; `confab serve --help` lists them"},
        {"WEBSOCKET_SEND_BUFFER=0\n",
         "WEBSOCKET_SEND_BUFFER=0: must be a whole number from 1 to 65536"},
    };
    set(f, "WEBSOCKET_SEND_BUFFER=7");
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        char why[256];
        bool named = cases[i].why[0] == ':';
        (void)snprintf(why, sizeof(why), "%s%s", named ? file_path : "", cases[i].why);
        assert_int_equal(load(f, put_file(cases[i].text)), CF_E_INVALID);
        assert_why(f, why);
    }
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
    struct fixture *f = *state;
    char why[256];
    (void)snprintf(why, sizeof(why), "%s: cannot read the configuration: No such file or directory",
                   file_path);
    assert_int_equal(load(f, file_path), CF_E_IO);
    assert_why(f, why);
    (void)snprintf(why, sizeof(why), "%s: cannot read the configuration: Is a directory", f->dir);
    assert_int_equal(load(f, f->dir), CF_E_IO);
    assert_why(f, why);
}

/* ---- wrong values ---- */

static void keys_of_ours_that_do_not_exist(void **state)
{
    struct fixture *f = *state;
    refused(f, "WEBSOCKET_ENABLE=true",
            "WEBSOCKET_ENABLE: no such key; `confab serve --help` lists them");
    refused(f, "CONFAB_=x", "CONFAB_: no such key; `confab serve --help` lists them");
    refused(f, "CONFAB_WORKER", "CONFAB_WORKER: no such key; `confab serve --help` lists them");
    refused(f, "CONFAB_listen=x", "CONFAB_listen: no such key; `confab serve --help` lists them");
}

static void what_is_no_number_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const values[] = {
        "x", "-1", "+1", "1.0", "1e1", " 1", "1 ", "1,", "0x1", "1\n", "18446744073709551616"};
    for (size_t i = 0; i < CF_ARRAY_LEN(values); i++) {
        char entry[128], why[256];
        (void)snprintf(entry, sizeof(entry), "WEBSOCKET_SEND_BUFFER=%s", values[i]);
        (void)snprintf(why, sizeof(why), "%s: must be a whole number from 1 to 65536", entry);
        refused(f, entry, why);
    }
    unset_all(f);
    set(f, "WEBSOCKET_SEND_BUFFER="); /* empty: not set */
    assert_int_equal(load(f, NULL), CF_OK);
    assert_int_equal(f->config.ws_send_buffer, 256);
}

static void load_number(struct fixture *f, const char *key, uint64_t value, enum cf_error wanted)
{
    char entry[128];
    (void)snprintf(entry, sizeof(entry), "%s=%llu", key, (unsigned long long)value);
    unset_all(f);
    set(f, entry);
    set(f, "WEBSOCKET_PING_PERIOD_SECONDS=1"); /* else it bounds the pong wait */
    assert_int_equal(load(f, NULL), wanted);
}

static void numbers_have_their_ranges(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *key;
        size_t offset;
        uint64_t min, max;
    } ranges[] = {
#define AT(member) offsetof(struct cf_config, member)
        {"CONFAB_WORKERS", AT(workers), 1, 256},
        {"CONFAB_HTTP_HEADER_TIMEOUT_SECONDS", AT(http_header_timeout_s), 1, 300},
        {"CONFAB_HTTP_IDLE_TIMEOUT_SECONDS", AT(http_idle_timeout_s), 1, 3600},
        {"WEBSOCKET_READ_BUFFER_SIZE", AT(ws_read_buffer), 128, 1048576},
        {"WEBSOCKET_WRITE_BUFFER_SIZE", AT(ws_write_buffer), 128, 1048576},
        {"WEBSOCKET_PONG_WAIT_SECONDS", AT(ws_pong_wait_s), 2, 3600},
        {"WEBSOCKET_WRITE_WAIT_SECONDS", AT(ws_write_wait_s), 1, 3600},
        {"WEBSOCKET_MAX_CONNECTIONS_PER_USER", AT(ws_connections_per_user), 1, 1000},
        {"WEBSOCKET_MAX_ATTEMPTS_PER_MINUTE", AT(ws_attempts_per_minute), 1, 1000},
        {"WEBSOCKET_MAX_MESSAGE_SIZE", AT(ws_message_bytes), 128, 67108864},
        {"WEBSOCKET_SEND_BUFFER", AT(ws_send_buffer), 1, 65536},
#undef AT
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(ranges); i++) {
        uint64_t value;
        load_number(f, ranges[i].key, ranges[i].min - 1, CF_E_INVALID);
        load_number(f, ranges[i].key, ranges[i].max + 1, CF_E_INVALID);
        load_number(f, ranges[i].key, ranges[i].min, CF_OK);
        memcpy(&value, (char *)&f->config + ranges[i].offset, sizeof(value));
        assert_int_equal(value, ranges[i].min);
        load_number(f, ranges[i].key, ranges[i].max, CF_OK);
        memcpy(&value, (char *)&f->config + ranges[i].offset, sizeof(value));
        assert_int_equal(value, ranges[i].max);
    }
}

static void choices_are_exact(void **state)
{
    struct fixture *f = *state;
    refused(f, "CONFAB_ENV=prod", "CONFAB_ENV=prod: must be one of development,production");
    refused(f, "CONFAB_ENV=Production",
            "CONFAB_ENV=Production: must be one of development,production");
    refused(f, "CONFAB_ENV=development,production",
            "CONFAB_ENV=development,production: must be one of development,production");
    refused(f, "CONFAB_BEHIND_PROXY=1", "CONFAB_BEHIND_PROXY=1: must be one of false,true");
    refused(f, "WEBSOCKET_ENABLED=yes", "WEBSOCKET_ENABLED=yes: must be one of false,true");
}

static void each_choice_has_its_number(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *entry;
        size_t offset;
        uint64_t number;
    } cases[] = {
#define AT(member) offsetof(struct cf_config, member)
        {"CONFAB_ENV=development", AT(environment), CF_ENV_DEVELOPMENT},
        {"CONFAB_ENV=production", AT(environment), CF_ENV_PRODUCTION},
        {"CONFAB_BEHIND_PROXY=false", AT(behind_proxy), 0},
        {"CONFAB_BEHIND_PROXY=true", AT(behind_proxy), 1},
        {"CONFAB_METRICS_BY_SHOP=100", AT(metrics_by_shop_all), 0},
        {"CONFAB_METRICS_BY_SHOP=all", AT(metrics_by_shop_all), 1},
        {"WEBSOCKET_ENABLED=false", AT(ws_enabled), 0},
        {"WEBSOCKET_ENABLED=true", AT(ws_enabled), 1},
        {"WEBSOCKET_COMPRESSION=false", AT(ws_compression), 0},
        {"WEBSOCKET_COMPRESSION=true", AT(ws_compression), 1},
        {"LOG_LEVEL=debug", AT(log_level), CF_LOG_DEBUG},
        {"LOG_LEVEL=info", AT(log_level), CF_LOG_INFO},
        {"LOG_LEVEL=warn", AT(log_level), CF_LOG_WARN},
        {"LOG_LEVEL=error", AT(log_level), CF_LOG_ERROR},
        {"LOG_FORMAT=text", AT(log_format), CF_LOG_TEXT},
        {"LOG_FORMAT=json", AT(log_format), CF_LOG_JSON},
#undef AT
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        uint64_t number;
        unset_all(f);
        set(f, cases[i].entry);
        assert_int_equal(load(f, NULL), CF_OK);
        memcpy(&number, (char *)&f->config + cases[i].offset, sizeof(number));
        assert_int_equal(number, cases[i].number);
    }
}

/* ---- values that do not go together ---- */

struct together {
    const char *entries[5];
    const char *why; /* NULL: they go together */
};

static void check_together(struct fixture *f, const struct together *cases, size_t count,
                           bool serve)
{
    for (size_t i = 0; i < count; i++) {
        unset_all(f);
        for (size_t j = 0; cases[i].entries[j] != NULL; j++)
            set(f, cases[i].entries[j]);
        enum cf_error error = load(f, NULL);
        if (serve) {
            assert_int_equal(error, CF_OK);
            error = cf_config_check_serve(&f->config, &f->why);
        }
        assert_why(f, cases[i].why == NULL ? "" : cases[i].why);
        assert_int_equal(error, cases[i].why == NULL ? CF_OK : CF_E_INVALID);
    }
}

#define SECRET_31 "JWT_SECRET=0123456789abcdef0123456789abcde"
#define SECRET_32 SECRET_31 "f"

static void values_must_go_together(void **state)
{
    static const char both[] = "CONFAB_TLS_CERT and CONFAB_TLS_KEY go together: set both or none";
    static const char ping[] = "WEBSOCKET_PING_PERIOD_SECONDS must be shorter than "
                               "WEBSOCKET_PONG_WAIT_SECONDS, or every stream would be cut off";
    static const char sqlite[] = "DATABASE_URL: this version knows sqlite:PATH only";
    static const struct together cases[] = {
        {{SECRET_31}, "JWT_SECRET: shorter than 32 bytes; make one with `openssl rand -hex 32`"},
        {{SECRET_32}, NULL},
        {{SECRET_32, "JWT_PUBLIC_KEY=key.pem"},
         "JWT_SECRET and JWT_PUBLIC_KEY are both set: the algorithm is fixed by one key, unset the "
         "other"},
        {{"JWT_PUBLIC_KEY=key.pem"}, NULL},
        {{"WEBSOCKET_PING_PERIOD_SECONDS=60"}, ping},
        {{"WEBSOCKET_PING_PERIOD_SECONDS=59"}, NULL},
        {{"WEBSOCKET_PONG_WAIT_SECONDS=54"}, ping},
        {{"WEBSOCKET_PONG_WAIT_SECONDS=55"}, NULL},
        {{"CONFAB_TLS_CERT=c.pem"}, both},
        {{"CONFAB_TLS_KEY=k.pem"}, both},
        {{"CONFAB_TLS_CERT=c.pem", "CONFAB_TLS_KEY=k.pem"}, NULL},
        {{"REDIS_URL=redis://localhost"},
         "REDIS_URL: this version runs as a single instance; unset it"},
        {{"DATABASE_URL=postgres://user:password@localhost/db"}, sqlite},
        {{"DATABASE_URL=sqlite:"}, sqlite},
        {{"DATABASE_URL=sqlite"}, sqlite},
        {{"DATABASE_URL=sqlite:x"}, NULL},
    };
    check_together(*state, cases, CF_ARRAY_LEN(cases), false);
}

/* V21: a production server does not start half safe. */
static void production_demands_more(void **state)
{
    static const char key[] = "CONFAB_ENV=production needs JWT_SECRET or JWT_PUBLIC_KEY";
    static const char tls[] = "CONFAB_ENV=production needs CONFAB_TLS_CERT and CONFAB_TLS_KEY, or "
                              "CONFAB_BEHIND_PROXY=true when a proxy does the TLS";
    static const char origins[] = "CONFAB_ENV=production needs WEBSOCKET_ALLOWED_ORIGINS, for "
                                  "example https://app.example.com";
    static const struct together cases[] = {
        {{NULL}, NULL},
        {{"CONFAB_ENV=production"}, key},
        {{"CONFAB_ENV=production", SECRET_32}, tls},
        {{"CONFAB_ENV=production", "JWT_PUBLIC_KEY=key.pem"}, tls},
        {{"CONFAB_ENV=production", SECRET_32, "CONFAB_BEHIND_PROXY=true"}, origins},
        {{"CONFAB_ENV=production", SECRET_32, "CONFAB_TLS_CERT=c", "CONFAB_TLS_KEY=k"}, origins},
        {{"CONFAB_ENV=production", SECRET_32, "CONFAB_BEHIND_PROXY=true",
          "WEBSOCKET_ALLOWED_ORIGINS=https://app.example.com"},
         NULL},
    };
    check_together(*state, cases, CF_ARRAY_LEN(cases), true);
}

/* ---- what people read ---- */

/* V19: no secret is ever printed. */
static void secrets_are_masked(void **state)
{
    struct fixture *f = *state;
    set(f, "JWT_SECRET=canary-canary-canary-canary-canary");
    set(f, "CONFAB_METRICS_TOKEN=canary");
    assert_int_equal(load(f, NULL), CF_OK);
    assert_string_equal(f->config.metrics_token, "canary");
    assert_int_equal(cf_config_print(&f->config, &f->out), CF_OK);
    const char *text = cf_text_cstr(&f->out);
    assert_null(strstr(text, "canary"));
    assert_non_null(strstr(text, "\nJWT_SECRET=(set)\n"));
    assert_non_null(strstr(text, "\nCONFAB_METRICS_TOKEN=(set)\n"));
}

/* The keys of `defaults`, each with a default and a meaning. */
static void the_help_lists_every_key(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(cf_config_help(&f->out), CF_OK);
    const char *help = cf_text_cstr(&f->out);
    struct cf_slice rest = cf_slice_cstr(defaults), line;
    size_t keys = 0;
    while (cf_slice_next(&rest, '\n', &line) && line.len > 0) {
        char wanted[128];
        (void)snprintf(wanted, sizeof(wanted), "  %.*s (default ", (int)cf_slice_find(line, '='),
                       (const char *)line.ptr);
        const char *entry = strstr(help, wanted);
        assert_non_null(entry);
        const char *meaning = strstr(entry, ")\n      ");
        assert_non_null(meaning);
        assert_true(strspn(meaning + 8, "\n ") == 0);
        keys++;
    }
    assert_int_equal(keys, 45);
    assert_non_null(strstr(help, "  CONFAB_WORKERS (default unset, 1 to 256)\n"
                                 "      event-loop threads; unset: the number of cores\n"));
    assert_non_null(strstr(help, "  LOG_FORMAT (default text, one of text,json)\n"
                                 "      json: one object a line\n"));
    assert_non_null(strstr(help, "  JWT_ISSUER (default unset)\n      the iss claim to demand\n"));
}

static void the_database_is_in_the_data_folder_unless_told(void **state)
{
    struct fixture *f = *state;
    set(f, "CONFAB_DATA_DIR=/srv/confab");
    assert_int_equal(load(f, NULL), CF_OK);
    assert_int_equal(cf_config_database_path(&f->config, &f->out), CF_OK);
    assert_string_equal(cf_text_cstr(&f->out), "/srv/confab/confab.db");
    set(f, "DATABASE_URL=sqlite:/var/lib/other.db");
    assert_int_equal(load(f, NULL), CF_OK);
    cf_buf_reset(&f->out);
    assert_int_equal(cf_config_database_path(&f->config, &f->out), CF_OK);
    assert_string_equal(cf_text_cstr(&f->out), "/var/lib/other.db");
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup_file, teardown_file)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(defaults_hold_where_nothing_is_set),
        CASE(a_file_sets_values),
        CASE(the_environment_is_over_the_file),
        CASE(files_that_are_refused),
        CASE(a_file_that_cannot_be_read_is_an_error),
        CASE(keys_of_ours_that_do_not_exist),
        CASE(what_is_no_number_is_refused),
        CASE(numbers_have_their_ranges),
        CASE(choices_are_exact),
        CASE(each_choice_has_its_number),
        CASE(values_must_go_together),
        CASE(production_demands_more),
        CASE(secrets_are_masked),
        CASE(the_help_lists_every_key),
        CASE(the_database_is_in_the_data_folder_unless_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
