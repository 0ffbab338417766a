#define _GNU_SOURCE /* sched_getaffinity */
#include "bench/measure.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { INODES_MAX = 64, PATH_BYTES = 640, TCP_LISTEN = 0x0A };

static uint64_t to_ns(struct timespec time)
{
    return (uint64_t)time.tv_sec * CF_BENCH_SECOND_NS + (uint64_t)time.tv_nsec;
}

uint64_t cf_bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return to_ns(now);
}

uint64_t cf_bench_own_cpu_ns(void)
{
    struct timespec spent;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return to_ns(spent);
}

unsigned cf_bench_cores(void)
{
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof(cores), &cores) != 0)
        return 1;
    return (unsigned)CPU_COUNT(&cores);
}

uint64_t cf_bench_raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

/* ---- who listens ---- */

struct inodes {
    unsigned long each[INODES_MAX];
    unsigned count;
};

/* proc(5), /proc/net/tcp: "sl: local:port remote:port state … uid timeout inode", hexadecimal. The
 * kernel tells those that listen first; the others may be many thousands. */
static void collect_listeners(const char *file, uint16_t port, struct inodes *inodes)
{
    char line[512];
    unsigned local, state = TCP_LISTEN;
    unsigned long inode;
    FILE *table = fopen(file, "r");
    if (table == NULL)
        return;
    while (inodes->count < INODES_MAX && state == TCP_LISTEN &&
           fgets(line, sizeof(line), table) != NULL) {
        if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*u %*u %lu", &local,
                   &state, &inode) == 3 &&
            local == port && state == TCP_LISTEN)
            inodes->each[inodes->count++] = inode;
    }
    fclose(table);
}

static bool is_one_of(const struct inodes *inodes, const char *link)
{
    unsigned long inode;
    if (sscanf(link, "socket:[%lu]", &inode) != 1)
        return false;
    for (unsigned i = 0; i < inodes->count; i++) {
        if (inodes->each[i] == inode)
            return true;
    }
    return false;
}

static bool holds_one(const char *pid, const struct inodes *inodes)
{
    char path[PATH_BYTES], link[64];
    bool holds = false;
    (void)snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    for (struct dirent *entry; !holds && (entry = readdir(folder)) != NULL;) {
        (void)snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, entry->d_name);
        ssize_t len = readlink(path, link, sizeof(link) - 1);
        link[len > 0 ? len : 0] = '\0';
        holds = is_one_of(inodes, link);
    }
    closedir(folder);
    return holds;
}

void cf_bench_server_find(struct cf_bench_server *server, uint16_t port)
{
    struct inodes inodes = {.count = 0};
    server->count = 0;
    collect_listeners("/proc/net/tcp", port, &inodes);
    collect_listeners("/proc/net/tcp6", port, &inodes);
    DIR *processes = opendir("/proc");
    if (processes == NULL)
        return;
    for (struct dirent *entry;
         server->count < CF_BENCH_PIDS_MAX && (entry = readdir(processes)) != NULL;) {
        if (isdigit((unsigned char)entry->d_name[0]) && holds_one(entry->d_name, &inodes))
            server->pids[server->count++] = (unsigned)strtoul(entry->d_name, NULL, 10);
    }
    closedir(processes);
}

/* ---- what they use ---- */

enum cf_error cf_bench_server_cpu(const struct cf_bench_server *server, uint64_t *out_ns,
                                  struct cf_bench_why *why)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < server->count; i++) {
        clockid_t clock;
        struct timespec spent;
        if (clock_getcpuclockid((pid_t)server->pids[i], &clock) != 0 ||
            clock_gettime(clock, &spent) != 0)
            return cf_bench_fail(why, "the server, process %u, is gone: see its log",
                                 server->pids[i]);
        total += to_ns(spent);
    }
    *out_ns = total;
    return CF_OK;
}

/* A line "name   N kB" of a file of /proc; 0 when it is not there. */
static uint64_t read_kib(unsigned pid, const char *file, const char *name)
{
    char path[64], line[256];
    unsigned long long kib = 0;
    size_t len = strlen(name);
    (void)snprintf(path, sizeof(path), "/proc/%u/%s", pid, file);
    FILE *lines = fopen(path, "r");
    if (lines == NULL)
        return 0;
    while (fgets(line, sizeof(line), lines) != NULL) {
        if (strncmp(line, name, len) == 0 && sscanf(line + len, "%llu", &kib) == 1)
            break;
    }
    fclose(lines);
    return kib;
}

enum cf_error cf_bench_server_memory(const struct cf_bench_server *server,
                                     struct cf_bench_memory *out, struct cf_bench_why *why)
{
    struct cf_bench_memory sum = {0, 0};
    for (unsigned i = 0; i < server->count; i++) {
        unsigned pid = server->pids[i];
        uint64_t rss = read_kib(pid, "smaps_rollup", "Rss:");
        if (rss == 0)
            rss = read_kib(pid, "status", "VmRSS:");
        if (rss == 0)
            return cf_bench_fail(why, "cannot read the memory of process %u: is it the server's?",
                                 pid);
        sum.rss_bytes += rss * 1024;
        sum.pss_bytes += read_kib(pid, "smaps_rollup", "Pss:") * 1024;
    }
    *out = sum;
    return CF_OK;
}
