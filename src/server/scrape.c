#include "server/scrape.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/clock.h"
#include "server/people.h"
#include "server/text.h"
#include "server/worker.h"

enum { BUSIEST = 100 };

static void also(enum cf_error *error, enum cf_error next)
{
    if (*error == CF_OK)
        *error = next;
}

static enum cf_error gauge(struct cf_buf *out, const char *name, const char *help, double value)
{
    return cf_text_append(out, "# HELP %s %s\n# TYPE %s gauge\n%s %.15g\n", name, help, name, name,
                          value);
}

static enum cf_error counter(struct cf_buf *out, const char *name, const char *help, double value)
{
    return cf_text_append(out, "# HELP %s %s\n# TYPE %s counter\n%s %.15g\n", name, help, name,
                          name, value);
}

static enum cf_error write_busiest(struct cf_server *server, size_t rooms, struct cf_buf *out)
{
    size_t max = server->config->metrics_by_shop_all ? rooms : BUSIEST;
    if (max == 0)
        return CF_OK;
    struct cf_directory_room *busiest = calloc(max, sizeof(*busiest));
    if (busiest == NULL)
        return CF_E_NOMEM;
    size_t count = cf_people_busiest(server, busiest, max);
    const char *name = "websocket_connections_by_shop";
    enum cf_error error =
        cf_text_append(out, "# HELP %s Live streams of a shop\n# TYPE %s gauge\n", name, name);
    for (size_t i = 0; i < count && error == CF_OK; i++) {
        char id[CF_UUID_LEN];
        cf_uuid_format(&busiest[i].id, id);
        error = cf_text_append(out, "%s{shop_id=\"%.*s\"} %zu\n", name, CF_UUID_LEN, id,
                               busiest[i].streams);
    }
    free(busiest);
    return error;
}

static enum cf_error write_sockets(struct cf_server *server, struct cf_buf *out)
{
    static const char *const transports[] = {
        [CF_EIO_POLLING] = "polling", [CF_EIO_WEBSOCKET] = "websocket"};
    const char *name = "confab_socketio_sessions";
    enum cf_error error =
        cf_text_append(out, "# HELP %s Open Engine.IO sessions\n# TYPE %s gauge\n", name, name);
    for (size_t t = 0; t < CF_ARRAY_LEN(transports) && error == CF_OK; t++) {
        uint64_t open = 0;
        for (size_t w = 0; w < server->workers_count; w++)
            open += atomic_load_explicit(&server->workers[w]->metrics.sio_sessions[t],
                                         memory_order_relaxed);
        error = cf_text_append(out, "%s{transport=\"%s\"} %llu\n", name, transports[t],
                               (unsigned long long)open);
    }
    return error;
}

static enum cf_error write_people(struct cf_server *server, struct cf_buf *out)
{
    size_t streams, rooms;
    uint64_t connections = 0, orbits = 0;
    cf_people_counts(server, &streams, &rooms);
    for (size_t w = 0; w < server->workers_count; w++) {
        struct cf_metrics *metrics = &server->workers[w]->metrics;
        connections += atomic_load_explicit(&metrics->connections, memory_order_relaxed);
        orbits += atomic_load_explicit(&metrics->orbits, memory_order_relaxed);
    }
    enum cf_error error =
        gauge(out, "websocket_connections_total", "Live streams", (double)streams);
    also(&error, gauge(out, "confab_connections", "Open connections, streams included",
                       (double)connections));
    also(&error,
         gauge(out, "confab_orbital_connections", "Open Orbital connections", (double)orbits));
    also(&error, gauge(out, "confab_active_shops", "Shops with a live stream", (double)rooms));
    also(&error, write_busiest(server, rooms, out));
    also(&error, write_sockets(server, out));
    return error;
}

static enum cf_error write_store(struct cf_server *server, struct cf_buf *out)
{
    struct cf_store_stats stats;
    server->store->ops->stats(server->store, &stats);
    enum cf_error error =
        counter(out, "confab_store_commits_total", "Transactions committed", (double)stats.commits);
    also(&error,
         counter(out, "confab_store_writes_total", "Writes carried out", (double)stats.writes));
    also(&error,
         counter(out, "confab_store_reads_total", "Reads carried out", (double)stats.reads));
    also(&error, counter(out, "confab_store_failures_total", "Requests answered as unavailable",
                         (double)stats.failures));
    also(&error, counter(out, "confab_store_commit_seconds_total", "Time spent in commits",
                         (double)stats.commit_us / 1e6));
    also(&error, gauge(out, "confab_store_queue", "Writes that wait", (double)stats.queued));
    also(&error,
         gauge(out, "confab_store_writable", "1: the store takes writes", stats.writable ? 1 : 0));
    also(&error, gauge(out, "confab_store_database_bytes", "Size of the database file",
                       (double)stats.database_bytes));
    also(&error, gauge(out, "confab_store_wal_bytes", "Size of the write-ahead log",
                       (double)stats.wal_bytes));
    return error;
}

static double resident_bytes(void)
{
    unsigned long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%lu %lu", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return 0;
    double count = -3; /* ".", ".." and the directory itself */
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static enum cf_error write_process(struct cf_server *server, struct cf_buf *out)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    enum cf_error error = counter(out, "process_cpu_seconds_total", "User and system time", cpu);
    also(&error, gauge(out, "process_resident_memory_bytes", "Resident memory", resident_bytes()));
    also(&error, gauge(out, "process_open_fds", "Open descriptors", open_descriptors()));
    also(&error, gauge(out, "process_start_time_seconds", "Start, seconds since 1970",
                       (double)server->started / 1e6));
    return error;
}

enum cf_error cf_scrape_metrics(struct cf_server *server, struct cf_buf *out)
{
    struct cf_metrics **workers = calloc(server->workers_count, sizeof(struct cf_metrics *));
    if (workers == NULL)
        return CF_E_NOMEM;
    for (size_t w = 0; w < server->workers_count; w++)
        workers[w] = &server->workers[w]->metrics;
    enum cf_error error = write_people(server, out);
    also(&error, cf_metrics_write(workers, server->workers_count, out));
    also(&error, write_store(server, out));
    also(&error, write_process(server, out));
    free(workers);
    return error;
}

enum cf_error cf_scrape_health(struct cf_server *server, struct cf_buf *out)
{
    size_t streams, rooms;
    cf_people_counts(server, &streams, &rooms);
    return cf_text_append(out,
                          "{\"status\":\"healthy\",\"active_connections\":%zu,"
                          "\"active_shops\":%zu,\"uptime_seconds\":%lld}",
                          streams, rooms,
                          (long long)((cf_wall_clock() - server->started) / 1000000));
}
