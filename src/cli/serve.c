#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "server/server.h"

static int print_help(void)
{
    struct cf_buf keys;
    cf_buf_init(&keys, 65536);
    int status = CF_EXIT_FAILED;
    if (cf_config_help(&keys) == CF_OK) {
        printf("Usage: confab serve [--config FILE]\n\n"
               "Runs the server until SIGTERM or SIGINT. SIGHUP reopens the log and reloads TLS.\n"
               "Settings are environment variables, or KEY=value lines of FILE (the environment "
               "wins):\n\n%.*s",
               (int)keys.len, (const char *)keys.ptr);
        status = CF_EXIT_OK;
    }
    cf_buf_deinit(&keys);
    return status;
}

int cf_command_serve(int argc, char **argv)
{
    const char *file;
    bool done;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return print_help();
    }
    int status = cf_cli_parse_config(argc, argv, "", &file, &done);
    if (done)
        return status;
    struct cf_config config;
    status = cf_cli_load(&config, file);
    if (status == CF_EXIT_OK)
        status = cf_server_run(&config);
    cf_config_deinit(&config);
    return status;
}
