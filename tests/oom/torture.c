/* Linked into a test program of tests/unit, with CONFAB_TORTURE=RUNS in the environment: the whole
 * program is run once to count its allocations, and then once for each of them (in both ways of
 * fault.h; RUNS other than 0: for so many of them, evenly spread) in a process of its own, with
 * that allocation failing. Its tests may fail then,
 * and leak what a failed test leaves behind; what must not happen is a crash, a sanitizer's finding
 * or a hang.
 *
 * With ASan, ASAN_OPTIONS has to say detect_leaks=0, and handle_segv=2 and its like, since cmocka
 * would catch what ASan is to report.
 *
 * The last line: how many allocations, runs, and what came of them; exit status 1 when one of them
 * was not an answer. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oom/fault.h"

enum { SECONDS_MAX = 60, SHOWN_MAX = 3, OUTPUT_MAX = 1 << 20 };

struct tally {
    long runs, passed, answered, bad;
    long asserts;
    long own; /* the test itself stumbled: a fixture that it could not make */
};

static long *counted; /* shared with the processes */

static void tell_count(void)
{
    *counted = fault_end();
}

/* True in the child. */
static bool fork_run(int output, long at, bool forever, int *out_status)
{
    pid_t child = fork();
    if (child == 0) {
        dup2(output, STDOUT_FILENO);
        dup2(output, STDERR_FILENO);
        alarm(SECONDS_MAX);
        atexit(tell_count);
        fault_begin(at, forever);
        return true;
    }
    waitpid(child, out_status, 0);
    return false;
}

static bool is_crash(int status, const char *text)
{
    static const char *const signs[] = {"SUMMARY: ", "with exception"};
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (strstr(text, signs[i]) != NULL)
            return true;
    return WIFSIGNALED(status);
}

/* Where it happened: in whose line `part` of a path is. Of an assert that is the caller's. */
static bool is_in(const char *text, const char *part)
{
    const char *line = strstr(text, " in cf_panic ");
    line = line != NULL ? strchr(line, '\n') : strstr(text, "SUMMARY: ");
    const char *end = line == NULL ? NULL : strchr(line + 1, '\n');
    const char *found = line == NULL ? NULL : strstr(line, part);
    return found != NULL && (end == NULL || found < end);
}

static void judge(int output, int status, long at, bool forever, struct tally *tally)
{
    static char text[OUTPUT_MAX + 1];
    ssize_t len = pread(output, text, OUTPUT_MAX, 0);
    text[len > 0 ? len : 0] = '\0';
    tally->runs++;
    if (!is_crash(status, text)) {
        tally->passed += status == 0;
        tally->answered += status != 0;
        return;
    }
    if (is_in(text, "/tests/")) {
        tally->own++;
        return;
    }
    if (strstr(text, " in cf_panic ") != NULL && is_in(text, "/server/server.c")) {
        tally->asserts++; /* decided: server_test.c says why */
        return;
    }
    if (tally->bad++ < SHOWN_MAX)
        printf("allocation %ld %s: status %x\n%s\n", at, forever ? "and behind" : "alone",
               (unsigned)status, text);
    fflush(stdout); /* not a second time by the next process */
}

__attribute__((constructor)) static void torture(void)
{
    const char *runs = getenv("CONFAB_TORTURE");
    struct tally tally = {0};
    int status = 0;
    if (runs == NULL)
        return;
    int output = memfd_create("output", 0);
    counted =
        mmap(NULL, sizeof(*counted), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (output < 0 || counted == MAP_FAILED)
        _exit(2);
    if (fork_run(output, 0, false, &status))
        return;
    long count = *counted, runs_max = atol(runs);
    long step = runs_max > 0 ? count * 2 / runs_max + 1 : 1;
    for (int forever = 0; forever < 2; forever++)
        for (long at = 1 + forever * (step / 2); at <= count; at += step) {
            if (ftruncate(output, 0) != 0 || lseek(output, 0, SEEK_SET) != 0)
                _exit(2);
            if (fork_run(output, at, forever != 0, &status))
                return;
            judge(output, status, at, forever != 0, &tally);
        }
    printf("%s: %ld allocations, %ld runs, %ld not noticed, %ld answered, %ld asserts, "
           "%ld in the test, %ld crashed\n",
           program_invocation_short_name, count, tally.runs, tally.passed, tally.answered,
           tally.asserts, tally.own, tally.bad);
    fflush(stdout);
    _exit(tally.bad > 0);
}
