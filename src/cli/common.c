#include <getopt.h>
#include <stdio.h>

#include "cli/commands.h"
#include "server/text.h"

int cf_cli_failed(struct cf_buf *why)
{
    fprintf(stderr, "confab: %s\n", cf_text_cstr(why));
    return CF_EXIT_FAILED;
}

int cf_cli_load(struct cf_config *config, const char *file)
{
    struct cf_buf why;
    cf_buf_init(&why, 16384);
    int status = CF_EXIT_OK;
    if (cf_config_load(config, file, &why) != CF_OK)
        status = cf_cli_failed(&why);
    cf_buf_deinit(&why);
    return status;
}

int cf_cli_parse_config(int argc, char **argv, const char *help, const char **out_file,
                        bool *out_done)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    *out_done = true;
    *out_file = NULL;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'h') {
            printf("%s", help);
            return CF_EXIT_OK;
        }
        if (option != 'c')
            return CF_EXIT_USAGE;
        *out_file = optarg;
    }
    if (optind < argc) {
        fprintf(stderr, "confab %s: unexpected argument '%s'\n", argv[0], argv[optind]);
        return CF_EXIT_USAGE;
    }
    *out_done = false;
    return CF_EXIT_OK;
}
