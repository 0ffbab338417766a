#include "bench/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

uint64_t load_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void read_proc(unsigned pid, const char *name, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        load_die_errno(path);
    size_t len = fread(out, 1, size - 1, file);
    out[len] = '\0';
    fclose(file);
}

/* proc(5): utime and stime are fields 14 and 15; the name before them may hold anything but ends at
 * the last parenthesis, before field 3. */
uint64_t load_cpu_us(unsigned pid)
{
    char text[1024];
    unsigned long long user, kernel;
    read_proc(pid, "stat", text, sizeof(text));
    const char *fields = strrchr(text, ')');
    if (fields == NULL ||
        sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
               &kernel) != 2)
        load_die("cannot read the server's CPU time");
    return (user + kernel) * (1000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

uint64_t load_rss_bytes(unsigned pid)
{
    char text[4096];
    unsigned long long kib;
    read_proc(pid, "status", text, sizeof(text));
    const char *line = strstr(text, "\nVmRSS:");
    if (line == NULL || sscanf(line + 7, "%llu", &kib) != 1)
        load_die("cannot read the server's memory");
    return kib * 1024;
}

void load_samples_add(struct load_samples *samples, uint64_t ns)
{
    if (samples->count == samples->cap) {
        samples->cap = samples->cap == 0 ? 1 << 16 : samples->cap * 2;
        samples->us = realloc(samples->us, samples->cap * sizeof(*samples->us));
        if (samples->us == NULL)
            load_die("no memory for the latencies");
    }
    samples->us[samples->count++] = (uint32_t)(ns / 1000);
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

void load_samples_print(struct load_samples *samples, const char *name)
{
    size_t count = samples->count;
    if (count == 0)
        return;
    qsort(samples->us, count, sizeof(*samples->us), compare);
    printf("%s_p50_ms %.2f\n", name, samples->us[count / 2] / 1000.0);
    printf("%s_p99_ms %.2f\n", name, samples->us[count - 1 - count / 100] / 1000.0);
    printf("%s_max_ms %.2f\n", name, samples->us[count - 1] / 1000.0);
}

void load_samples_free(struct load_samples *samples)
{
    free(samples->us);
}
