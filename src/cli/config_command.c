#include <stdio.h>

#include "cli/commands.h"

static const char help[] = "Usage: confab config [--config FILE]\n\n"
                           "Prints the settings that `confab serve` would use, secrets masked.\n";

int cf_command_config(int argc, char **argv)
{
    const char *file;
    bool done;
    int status = cf_cli_parse_config(argc, argv, help, &file, &done);
    if (done)
        return status;
    struct cf_config config;
    struct cf_buf text;
    cf_buf_init(&text, 1024 * 1024);
    status = cf_cli_load(&config, file);
    if (status == CF_EXIT_OK && cf_config_print(&config, &text) != CF_OK)
        status = CF_EXIT_FAILED;
    if (status == CF_EXIT_OK)
        fwrite(text.ptr, 1, text.len, stdout);
    cf_buf_deinit(&text);
    cf_config_deinit(&config);
    return status;
}
