#include "server/metrics.h"

#include <string.h>

#include "server/text.h"

struct counter {
    const char *family, *labels, *help;
};

static const struct counter counters[CF_COUNTERS] = {
#define COUNTER_ROW(name, family, labels, help) {family, labels, help},
    CF_COUNTER_MAP(COUNTER_ROW)
#undef COUNTER_ROW
};

struct histogram {
    const char *name, *help;
    uint64_t limits[CF_HIST_BUCKETS - 1]; /* thousandths of the unit */
};

static const struct histogram histograms[CF_HISTOGRAMS] = {
    {"websocket_connection_duration_seconds",
     "How long streams lived",
     {1000, 5000, 15000, 60000, 300000, 900000, 1800000, 3600000, 10800000, 43200000, 86400000}},
    {"websocket_broadcast_latency_ms",
     "From the commit to the last stream's queue",
     {250, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 500000, 1000000}},
};

void cf_observe(struct cf_metrics *metrics, enum cf_histogram histogram, uint64_t millionths)
{
    size_t bucket = 0;
    while (bucket < CF_HIST_BUCKETS - 1 && millionths > histograms[histogram].limits[bucket] * 1000)
        bucket++;
    atomic_fetch_add_explicit(&metrics->buckets[histogram][bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metrics->sums_us[histogram], millionths, memory_order_relaxed);
}

static uint64_t read_counter(_Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static enum cf_error write_counters(struct cf_metrics *const *workers, size_t count,
                                    struct cf_buf *out)
{
    enum cf_error error = CF_OK;
    for (size_t i = 0; i < CF_COUNTERS && error == CF_OK; i++) {
        const struct counter *counter = &counters[i];
        if (i == 0 || strcmp(counter->family, counters[i - 1].family) != 0)
            error = cf_text_append(out, "# HELP %s %s\n# TYPE %s counter\n", counter->family,
                                   counter->help, counter->family);
        uint64_t total = 0;
        for (size_t w = 0; w < count; w++)
            total += read_counter(&workers[w]->counters[i]);
        bool labelled = *counter->labels != '\0';
        if (error == CF_OK)
            error = cf_text_append(out, "%s%s%s%s %llu\n", counter->family, labelled ? "{" : "",
                                   counter->labels, labelled ? "}" : "", (unsigned long long)total);
    }
    return error;
}

static enum cf_error write_histogram(struct cf_metrics *const *workers, size_t count,
                                     enum cf_histogram which, struct cf_buf *out)
{
    const struct histogram *histogram = &histograms[which];
    uint64_t total = 0, sum = 0;
    enum cf_error error = cf_text_append(out, "# HELP %s %s\n# TYPE %s histogram\n",
                                         histogram->name, histogram->help, histogram->name);
    for (size_t b = 0; b < CF_HIST_BUCKETS && error == CF_OK; b++) {
        for (size_t w = 0; w < count; w++)
            total += read_counter(&workers[w]->buckets[which][b]);
        if (b == CF_HIST_BUCKETS - 1)
            error = cf_text_append(out, "%s_bucket{le=\"+Inf\"} %llu\n", histogram->name,
                                   (unsigned long long)total);
        else
            error = cf_text_append(out, "%s_bucket{le=\"%g\"} %llu\n", histogram->name,
                                   (double)histogram->limits[b] / 1000, (unsigned long long)total);
    }
    for (size_t w = 0; w < count; w++)
        sum += read_counter(&workers[w]->sums_us[which]);
    if (error == CF_OK)
        error = cf_text_append(out, "%s_sum %.6f\n%s_count %llu\n", histogram->name,
                               (double)sum / 1e6, histogram->name, (unsigned long long)total);
    return error;
}

enum cf_error cf_metrics_write(struct cf_metrics *const *workers, size_t count, struct cf_buf *out)
{
    enum cf_error error = write_counters(workers, count, out);
    for (size_t h = 0; h < CF_HISTOGRAMS && error == CF_OK; h++)
        error = write_histogram(workers, count, (enum cf_histogram)h, out);
    return error;
}
