#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"

/* Milliseconds from before the fork until the first line of its output. */
static double start_once(char **command)
{
    int pipe_fds[2];
    char line[256];
    if (pipe(pipe_fds) != 0)
        load_die_errno("pipe");
    uint64_t began = cf_bench_now_ns();
    pid_t pid = fork();
    if (pid < 0)
        load_die_errno("fork");
    if (pid == 0) {
        dup2(pipe_fds[1], STDOUT_FILENO);
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        execvp(command[0], command);
        _exit(127);
    }
    close(pipe_fds[1]);
    ssize_t got = read(pipe_fds[0], line, sizeof(line));
    double ms = (double)(cf_bench_now_ns() - began) / 1e6;
    int status;
    kill(pid, SIGTERM);
    if (waitpid(pid, &status, 0) != pid || status != 0 || got <= 0)
        load_die("the command did not start, or did not end well");
    close(pipe_fds[0]);
    return ms;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

void load_start(const struct load_options *options)
{
    double *ms = calloc(options->runs, sizeof(*ms));
    if (ms == NULL || options->command[0] == NULL)
        load_die("start: which command?");
    for (unsigned i = 0; i < options->runs; i++)
        ms[i] = start_once(options->command);
    qsort(ms, options->runs, sizeof(*ms), compare);
    printf("start_median_ms %.1f\n", ms[options->runs / 2]);
    printf("start_max_ms %.1f\n", ms[options->runs - 1]);
    free(ms);
}
