/* The commands of `confab`. Each gets its own arguments, argv[0] being its name, and returns the
 * process's exit code: 0 done, 1 failed (one line on standard error), 2 wrong usage. */
#ifndef CF_CLI_COMMANDS_H
#define CF_CLI_COMMANDS_H

#include "server/config.h"

enum { CF_EXIT_OK = 0, CF_EXIT_FAILED = 1, CF_EXIT_USAGE = 2 };

int cf_command_serve(int argc, char **argv);
int cf_command_token(int argc, char **argv);
int cf_command_migrate(int argc, char **argv);
int cf_command_tail(int argc, char **argv);
int cf_command_bench(int argc, char **argv);
int cf_command_config(int argc, char **argv);
int cf_command_version(int argc, char **argv);

/* "confab: …" on standard error; returns CF_EXIT_FAILED. */
int cf_cli_failed(struct cf_buf *why);
/* Loads the configuration or says why not; CF_EXIT_OK, CF_EXIT_FAILED. Deinit in any case. */
int cf_cli_load(struct cf_config *config, const char *file);
/* Parses arguments of a command that takes --config FILE and --help only. *out_done: help was
 * printed, or the usage is wrong; the result is then the exit code. */
int cf_cli_parse_config(int argc, char **argv, const char *help, const char **out_file,
                        bool *out_done);

#endif
