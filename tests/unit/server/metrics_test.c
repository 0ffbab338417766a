/* The Prometheus text: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.
 */
#include "server/metrics.h"

#include "unit/base/support.h"

#include <stdio.h>

#include "server/text.h"

static const char *write_metrics(struct cf_metrics *const *workers, size_t count,
                                 struct cf_buf *out)
{
    cf_buf_init(out, 65536);
    assert_int_equal(cf_metrics_write(workers, count, out), CF_OK);
    return cf_text_cstr(out);
}

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no\n%s\nin\n%s", part, text);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

static void counters_are_written(void **state)
{
    (void)state;
    struct cf_metrics metrics = {.connections = 0};
    struct cf_metrics *workers[] = {&metrics};
    struct cf_buf out;
    cf_count(&metrics, CF_COUNT_HTTP_2XX);
    cf_count(&metrics, CF_COUNT_HTTP_2XX);
    cf_count_add(&metrics, CF_COUNT_HTTP_5XX, 1000000007);
    cf_count(&metrics, CF_COUNT_AUTH_FAILURES);
    cf_count(&metrics, CF_COUNT_UPGRADE_OTHER);
    cf_count_add(&metrics, CF_COUNT_DELIVERIES, UINT64_MAX);
    cf_count(&metrics, CF_COUNT_GONE_MEMORY);
    const char *text = write_metrics(workers, 1, &out);
    static const char head[] = "# HELP confab_http_requests_total HTTP requests answered\n"
                               "# TYPE confab_http_requests_total counter\n"
                               "confab_http_requests_total{status=\"2xx\"} 2\n"
                               "confab_http_requests_total{status=\"3xx\"} 0\n"
                               "confab_http_requests_total{status=\"4xx\"} 0\n"
                               "confab_http_requests_total{status=\"5xx\"} 1000000007\n"
                               "# HELP confab_connections_accepted_total Connections accepted\n"
                               "# TYPE confab_connections_accepted_total counter\n"
                               "confab_connections_accepted_total 0\n";
    assert_memory_equal(text, head, sizeof(head) - 1);
    assert_has(text, "\n# HELP websocket_auth_failures_total Upgrades without a valid token\n"
                     "# TYPE websocket_auth_failures_total counter\n"
                     "websocket_auth_failures_total 1\n"
                     "# HELP websocket_upgrade_failures_total Upgrades refused\n"
                     "# TYPE websocket_upgrade_failures_total counter\n"
                     "websocket_upgrade_failures_total{status=\"400\"} 0\n"
                     "websocket_upgrade_failures_total{status=\"401\"} 0\n"
                     "websocket_upgrade_failures_total{status=\"403\"} 0\n"
                     "websocket_upgrade_failures_total{status=\"426\"} 0\n"
                     "websocket_upgrade_failures_total{status=\"429\"} 0\n"
                     "websocket_upgrade_failures_total{status=\"503\"} 0\n"
                     "websocket_upgrade_failures_total{status=\"other\"} 1\n");
    assert_has(text, "\nconfab_deliveries_total 18446744073709551615\n");
    assert_has(text, "\nwebsocket_disconnect_reasons{reason=\"server_error\"} 1\n"
                     "# HELP websocket_connection_duration_seconds How long streams lived\n");
    cf_buf_deinit(&out);
}

/* One family, one HELP and one TYPE line, before its samples; each sample's name once. */
static void families_are_declared_once(void **state)
{
    (void)state;
    struct cf_metrics metrics = {.connections = 0};
    struct cf_metrics *workers[] = {&metrics};
    struct cf_buf out;
    const char *text = write_metrics(workers, 1, &out);
    struct cf_slice rest = cf_slice_cstr(text), line;
    size_t families = 0, samples = 0;
    while (cf_slice_next(&rest, '\n', &line) && line.len > 0) {
        char copy[256];
        assert_true(line.len < sizeof(copy) - 2);
        size_t named = cf_slice_starts(line, CF_LIT("# TYPE ")) ? line.len : 0;
        if (line.ptr[0] != '#')
            named = line.len - 1; /* the sample's value, 0, is its last word */
        (void)snprintf(copy, sizeof(copy), "\n%.*s", (int)named, (const char *)line.ptr);
        if (named > 0 && count_of(text, copy) != 1)
            fail_msg("not once:%s", copy);
        families += line.ptr[0] == '#' && named > 0;
        samples += line.ptr[0] != '#';
    }
    assert_int_equal(count_of(text, "# HELP "), families);
    assert_int_equal(families, 25);
    assert_int_equal(samples, CF_COUNTERS + CF_HISTOGRAMS * (CF_HIST_BUCKETS + 2));
    cf_buf_deinit(&out);
}

static void a_histogram_adds_up(void **state)
{
    (void)state;
    struct cf_metrics metrics = {.connections = 0};
    struct cf_metrics *workers[] = {&metrics};
    struct cf_buf out;
    cf_observe(&metrics, CF_HIST_BROADCAST_MS, 0);
    cf_observe(&metrics, CF_HIST_BROADCAST_MS, 250000);
    cf_observe(&metrics, CF_HIST_BROADCAST_MS, 250001);
    cf_observe(&metrics, CF_HIST_BROADCAST_MS, 1500000);
    cf_observe(&metrics, CF_HIST_BROADCAST_MS, 1000000000);
    cf_observe(&metrics, CF_HIST_BROADCAST_MS, 1000000001);
    const char *text = write_metrics(workers, 1, &out);
    assert_has(text, "\n# HELP websocket_broadcast_latency_ms From the commit to the last stream's "
                     "queue\n"
                     "# TYPE websocket_broadcast_latency_ms histogram\n"
                     "websocket_broadcast_latency_ms_bucket{le=\"0.25\"} 2\n"
                     "websocket_broadcast_latency_ms_bucket{le=\"0.5\"} 3\n"
                     "websocket_broadcast_latency_ms_bucket{le=\"1\"} 3\n"
                     "websocket_broadcast_latency_ms_bucket{le=\"2\"} 4\n"
                     "websocket_broadcast_latency_ms_bucket{le=\"5\"} 4\n"
                     "websocket_broadcast_latency_ms_bucket{le=\"10\"} 4\n"
                     "websocket_broadcast_latency_ms_bucket{le=\"20\"} 4\n"
                     "websocket_broadcast_latency_ms_bucket{le=\"50\"} 4\n"
                     "websocket_broadcast_latency_ms_bucket{le=\"100\"} 4\n"
                     "websocket_broadcast_latency_ms_bucket{le=\"500\"} 4\n"
                     "websocket_broadcast_latency_ms_bucket{le=\"1000\"} 5\n"
                     "websocket_broadcast_latency_ms_bucket{le=\"+Inf\"} 6\n"
                     "websocket_broadcast_latency_ms_sum 2002.000002\n"
                     "websocket_broadcast_latency_ms_count 6\n");
    assert_has(text, "\nwebsocket_connection_duration_seconds_sum 0.000000\n"
                     "websocket_connection_duration_seconds_count 0\n");
    cf_buf_deinit(&out);
}

/* A value belongs to the first bucket whose limit it does not exceed. */
static void buckets_end_at_their_limits(void **state)
{
    (void)state;
    static const uint64_t limits[CF_HISTOGRAMS][CF_HIST_BUCKETS - 1] = {
        {1000000, 5000000, 15000000, 60000000, 300000000, 900000000, 1800000000, 3600000000,
         10800000000, 43200000000, 86400000000},
        {250000, 500000, 1000000, 2000000, 5000000, 10000000, 20000000, 50000000, 100000000,
         500000000, 1000000000},
    };
    for (size_t h = 0; h < CF_HISTOGRAMS; h++) {
        for (size_t b = 0; b < CF_HIST_BUCKETS - 1; b++) {
            struct cf_metrics metrics = {.connections = 0};
            cf_observe(&metrics, (enum cf_histogram)h, limits[h][b] - 1);
            cf_observe(&metrics, (enum cf_histogram)h, limits[h][b]);
            assert_int_equal(metrics.buckets[h][b], 2);
            cf_observe(&metrics, (enum cf_histogram)h, limits[h][b] + 1);
            assert_int_equal(metrics.buckets[h][b], 2);
            assert_int_equal(metrics.buckets[h][b + 1], 1);
            assert_int_equal(metrics.sums_us[h], 3 * limits[h][b]);
            assert_int_equal(metrics.sums_us[1 - h], 0);
        }
    }
}

static void workers_are_added_up(void **state)
{
    (void)state;
    struct cf_metrics metrics[3] = {{.connections = 0}};
    struct cf_metrics *workers[] = {&metrics[0], &metrics[1], &metrics[2]};
    struct cf_buf out;
    for (size_t w = 0; w < 3; w++) {
        cf_count_add(&metrics[w], CF_COUNT_BROADCAST, (uint64_t)1 << (8 * w));
        cf_observe(&metrics[w], CF_HIST_DURATION_S,
                   (uint64_t)1000000 << (8 * w)); /* 1, 256, 65536 s */
    }
    const char *text = write_metrics(workers, 3, &out);
    assert_has(text, "\nwebsocket_messages_broadcast_total 65793\n");
    assert_has(text, "\n# TYPE websocket_connection_duration_seconds histogram\n"
                     "websocket_connection_duration_seconds_bucket{le=\"1\"} 1\n"
                     "websocket_connection_duration_seconds_bucket{le=\"5\"} 1\n"
                     "websocket_connection_duration_seconds_bucket{le=\"15\"} 1\n"
                     "websocket_connection_duration_seconds_bucket{le=\"60\"} 1\n"
                     "websocket_connection_duration_seconds_bucket{le=\"300\"} 2\n"
                     "websocket_connection_duration_seconds_bucket{le=\"900\"} 2\n"
                     "websocket_connection_duration_seconds_bucket{le=\"1800\"} 2\n"
                     "websocket_connection_duration_seconds_bucket{le=\"3600\"} 2\n"
                     "websocket_connection_duration_seconds_bucket{le=\"10800\"} 2\n"
                     "websocket_connection_duration_seconds_bucket{le=\"43200\"} 2\n"
                     "websocket_connection_duration_seconds_bucket{le=\"86400\"} 3\n"
                     "websocket_connection_duration_seconds_bucket{le=\"+Inf\"} 3\n"
                     "websocket_connection_duration_seconds_sum 65793.000000\n"
                     "websocket_connection_duration_seconds_count 3\n");
    cf_buf_deinit(&out);
    text = write_metrics(workers, 1, &out);
    assert_has(text, "\nwebsocket_messages_broadcast_total 1\n");
    cf_buf_deinit(&out);
}

static void a_full_buffer_is_an_error(void **state)
{
    (void)state;
    struct cf_metrics metrics = {.connections = 0};
    struct cf_metrics *workers[] = {&metrics};
    struct cf_buf out;
    (void)write_metrics(workers, 1, &out);
    size_t full = out.len;
    cf_buf_deinit(&out);
    for (size_t max = 0; max < full; max += 97) {
        cf_buf_init(&out, max);
        assert_int_equal(cf_metrics_write(workers, 1, &out), CF_E_TOO_LARGE);
        cf_buf_deinit(&out);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_written), cmocka_unit_test(families_are_declared_once),
        cmocka_unit_test(a_histogram_adds_up),  cmocka_unit_test(buckets_end_at_their_limits),
        cmocka_unit_test(workers_are_added_up), cmocka_unit_test(a_full_buffer_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
