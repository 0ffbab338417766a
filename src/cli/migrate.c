#include <getopt.h>
#include <stdio.h>

#include "cli/commands.h"
#include "edge/store_sqlite/store_sqlite.h"
#include "server/text.h"

static const char help[] =
    "Usage: confab migrate [--check] [--config FILE]\n\n"
    "Brings the database to the schema of this program, one transaction a step. Stop the\n"
    "server first.\n\n"
    "  --check   change nothing, only tell; exit code 1 when there is something to do\n";

static int check(const char *path, struct cf_buf *why)
{
    unsigned version, current = cf_store_sqlite_schema_version();
    if (cf_store_sqlite_inspect(path, &version, why) != CF_OK)
        return cf_cli_failed(why);
    printf("%s: schema %u, this program wants %u: %s\n", path, version, current,
           version == current  ? "nothing to do"
           : version < current ? "run `confab migrate`"
                               : "made by a newer program, use that one");
    return version == current ? CF_EXIT_OK : CF_EXIT_FAILED;
}

static int migrate(const char *path, struct cf_buf *why)
{
    if (cf_store_sqlite_migrate(path, why) != CF_OK)
        return cf_cli_failed(why);
    printf("%s: schema %u\n", path, cf_store_sqlite_schema_version());
    return CF_EXIT_OK;
}

static int run(const char *file, bool only_check)
{
    struct cf_config config;
    struct cf_buf path, why;
    cf_buf_init(&path, 8192);
    cf_buf_init(&why, 16384);
    int status = cf_cli_load(&config, file);
    if (status == CF_EXIT_OK && !only_check && cf_config_make_data_dir(&config, &why) != CF_OK)
        status = cf_cli_failed(&why);
    if (status == CF_EXIT_OK && cf_config_database_path(&config, &path) != CF_OK) {
        cf_text_append(&why, "the path of the database is too long");
        status = cf_cli_failed(&why);
    }
    if (status == CF_EXIT_OK)
        status = (only_check ? check : migrate)(cf_text_cstr(&path), &why);
    cf_buf_deinit(&path);
    cf_buf_deinit(&why);
    cf_config_deinit(&config);
    return status;
}

int cf_command_migrate(int argc, char **argv)
{
    static const struct option options[] = {{"check", no_argument, NULL, 'k'},
                                            {"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *file = NULL;
    bool only_check = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'k':
            only_check = true;
            break;
        case 'c':
            file = optarg;
            break;
        case 'h':
            printf("%s", help);
            return CF_EXIT_OK;
        default:
            return CF_EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "confab migrate: unexpected argument '%s'\n", argv[optind]);
        return CF_EXIT_USAGE;
    }
    return run(file, only_check);
}
