#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auth/jwt.h"
#include "base/assert.h"
#include "cli/commands.h"
#include "edge/tls/digest.h"
#include "server/text.h"
#include "json/value.h"
#include "json/writer.h"

enum { CLAIMS_MAX = 32, TTL_DEFAULT_S = 3600 };

static const char help[] =
    "Usage: confab token --user ID [--name NAME] [--ttl 1h] [--claim KEY=JSON]… [--config FILE]\n\n"
    "Prints a token signed with the configured secret, for development and tests.\n\n"
    "  --user ID          the user id (claim user_id)\n"
    "  --name NAME        the display name (claim username)\n"
    "  --ttl TIME         how long it is valid: 90s, 15m, 1h (the default), 7d; negative: expired\n"
    "  --claim KEY=JSON   any other claim, for example --claim 'aud=\"mobile\"'\n";

struct request {
    const char *user, *name, *file;
    const char *claims[CLAIMS_MAX];
    size_t claims_count;
    int64_t ttl_s;
};

static bool parse_ttl(const char *text, int64_t *out_s)
{
    struct cf_slice rest = cf_slice_cstr(text);
    bool negative = cf_slice_starts(rest, CF_LIT("-"));
    if (negative)
        rest = cf_slice_skip(rest, 1);
    if (rest.len == 0)
        return false;
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    int64_t factor = 1;
    for (size_t i = 0; i < CF_ARRAY_LEN(units); i++) {
        if (rest.ptr[rest.len - 1] != units[i].unit)
            continue;
        factor = units[i].seconds;
        rest.len--;
        break;
    }
    uint64_t number;
    if (!cf_slice_to_u64(rest, &number) || number > INT32_MAX)
        return false;
    *out_s = (int64_t)number * factor * (negative ? -1 : 1);
    return true;
}

/* Is it one JSON value? Read as the only member of an object. */
static bool valid_json(struct cf_slice json)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_json_reader reader;
    struct cf_json_event event;
    struct cf_slice input = json;
    uint8_t key[16] = {0};
    cf_json_reader_init(&reader, &limits, key);
    enum cf_error error;
    do
        error = cf_json_next(&reader, &input, &event);
    while (error == CF_OK && event.type != CF_JSON_NEED_MORE);
    if (error == CF_OK)
        error = cf_json_finish(&reader, &event);
    cf_json_reader_deinit(&reader);
    return error == CF_OK;
}

static bool write_claims(const struct request *request, struct cf_buf *out, struct cf_buf *why)
{
    struct cf_json_writer writer;
    int64_t now = (int64_t)time(NULL);
    cf_json_writer_init(&writer, out);
    cf_json_object_begin(&writer);
    cf_json_member_string(&writer, "user_id", cf_slice_cstr(request->user));
    if (request->name != NULL)
        cf_json_member_string(&writer, "username", cf_slice_cstr(request->name));
    cf_json_member_i64(&writer, "iat", now);
    cf_json_member_i64(&writer, "exp", now + request->ttl_s);
    for (size_t i = 0; i < request->claims_count; i++) {
        struct cf_slice claim = cf_slice_cstr(request->claims[i]);
        size_t equals = cf_slice_find(claim, '=');
        struct cf_slice json = cf_slice_skip(claim, equals + 1);
        if (equals == 0 || equals == claim.len || !valid_json(json)) {
            cf_text_append(why, "--claim %s: not KEY=JSON (a string needs its quotes: 'aud=\"x\"')",
                           request->claims[i]);
            return false;
        }
        cf_json_key(&writer, cf_slice_head(claim, equals));
        cf_json_raw(&writer, json);
    }
    cf_json_object_end(&writer);
    enum cf_error error = cf_json_writer_finish(&writer);
    if (error != CF_OK)
        cf_text_append(why, "the claims: %s", cf_error_text(error));
    return error == CF_OK;
}

static bool make_token(const struct request *request, const struct cf_config *config,
                       struct cf_buf *out, struct cf_buf *why)
{
    struct cf_buf secret, claims;
    cf_buf_init(&secret, 65536);
    cf_buf_init(&claims, 65536);
    bool made = cf_config_secret(config, &secret, why) == CF_OK;
    if (made && secret.len == 0) {
        cf_text_append(why, "only JWT_PUBLIC_KEY is configured: tokens are made by who has the "
                            "private key");
        made = false;
    }
    made = made && write_claims(request, &claims, why);
    if (made && cf_jwt_sign(cf_buf_peek(&secret), cf_buf_peek(&claims), out) != CF_OK) {
        cf_text_append(why, "cannot sign the token");
        made = false;
    }
    cf_buf_deinit(&secret);
    cf_buf_deinit(&claims);
    return made;
}

static int run(const struct request *request)
{
    struct cf_config config;
    struct cf_buf token, why;
    cf_buf_init(&token, 65536);
    cf_buf_init(&why, 16384);
    int status = cf_cli_load(&config, request->file);
    if (status == CF_EXIT_OK) {
        if (make_token(request, &config, &token, &why))
            printf("%s\n", cf_text_cstr(&token));
        else
            status = cf_cli_failed(&why);
    }
    cf_buf_deinit(&token);
    cf_buf_deinit(&why);
    cf_config_deinit(&config);
    return status;
}

static bool take_option(struct request *request, int option, const char *value)
{
    switch (option) {
    case 'u':
        request->user = value;
        return true;
    case 'n':
        request->name = value;
        return true;
    case 'c':
        request->file = value;
        return true;
    case 't':
        if (parse_ttl(value, &request->ttl_s))
            return true;
        fprintf(stderr, "confab token: --ttl %s: not a time like 90s, 15m, 1h, 7d\n", value);
        return false;
    case 'm':
        if (request->claims_count < CLAIMS_MAX) {
            request->claims[request->claims_count++] = value;
            return true;
        }
        fprintf(stderr, "confab token: at most %d claims\n", CLAIMS_MAX);
        return false;
    default:
        return false;
    }
}

int cf_command_token(int argc, char **argv)
{
    static const struct option options[] = {{"user", required_argument, NULL, 'u'},
                                            {"name", required_argument, NULL, 'n'},
                                            {"ttl", required_argument, NULL, 't'},
                                            {"claim", required_argument, NULL, 'm'},
                                            {"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct request request = {.ttl_s = TTL_DEFAULT_S};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'h') {
            printf("%s", help);
            return CF_EXIT_OK;
        }
        if (!take_option(&request, option, optarg))
            return CF_EXIT_USAGE;
    }
    if (optind < argc || request.user == NULL || *request.user == '\0') {
        fprintf(stderr, "confab token: --user ID is needed, and nothing but options\n");
        return CF_EXIT_USAGE;
    }
    return run(&request);
}
