#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "cli/commands.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static const struct command commands[] = {
    {"serve", cf_command_serve, "run the server"},
    {"token", cf_command_token, "print a token signed with the configured secret"},
    {"migrate", cf_command_migrate, "bring the database to the current schema"},
    {"tail", cf_command_tail, "follow a shop's stream, a line a message"},
    {"bench", cf_command_bench, "load a server and measure it"},
    {"config", cf_command_config, "print the effective configuration, secrets masked"},
    {"version", cf_command_version, "print the versions of the program and its libraries"},
};

static void print_help(FILE *out)
{
    fprintf(out, "Usage: confab COMMAND [OPTION]…\n\n"
                 "Real-time messaging that you run yourself.\n\nCommands:\n");
    for (size_t i = 0; i < CF_ARRAY_LEN(commands); i++)
        fprintf(out, "  %-8s  %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\n`confab COMMAND --help` tells more.\n");
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return CF_EXIT_OK;
    }
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < CF_ARRAY_LEN(commands); i++) {
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    if (*name != '\0')
        fprintf(stderr, "confab: no command '%s'\n\n", name);
    print_help(stderr);
    return CF_EXIT_USAGE;
}
