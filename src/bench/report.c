#include "bench/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "json/writer.h"

static struct cf_bench_figure *add(struct cf_bench_report *report, const char *name)
{
    CF_ASSERT(report->count < CF_BENCH_FIGURES_MAX);
    struct cf_bench_figure *figure = &report->figures[report->count++];
    memset(figure, 0, sizeof(*figure));
    (void)snprintf(figure->name, sizeof(figure->name), "%s", name);
    return figure;
}

void cf_bench_report_text(struct cf_bench_report *report, const char *name, const char *text)
{
    struct cf_bench_figure *figure = add(report, name);
    figure->is_text = true;
    (void)snprintf(figure->value, sizeof(figure->value), "%s", text);
}

void cf_bench_report_count(struct cf_bench_report *report, const char *name, uint64_t value)
{
    (void)snprintf(add(report, name)->value, CF_BENCH_FIGURE_LEN, "%" PRIu64, value);
}

void cf_bench_report_number(struct cf_bench_report *report, const char *name, int decimals,
                            double value)
{
    (void)snprintf(add(report, name)->value, CF_BENCH_FIGURE_LEN, "%.*f", decimals, value);
}

void cf_bench_report_ratio(struct cf_bench_report *report, const char *name, int decimals,
                           double amount, double by)
{
    if (by > 0)
        cf_bench_report_number(report, name, decimals, amount / by);
}

void cf_bench_report_times(struct cf_bench_report *report, const char *name,
                           const struct cf_bench_histogram *times)
{
    static const struct {
        const char *name;
        double share;
    } shares[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
    char full[48];
    for (size_t i = 0; i < CF_ARRAY_LEN(shares) && times->count > 0; i++) {
        (void)snprintf(full, sizeof(full), "%s_%s_ms", name, shares[i].name);
        cf_bench_report_number(report, full, 3,
                               (double)cf_bench_percentile(times, shares[i].share) / 1e6);
    }
}

enum cf_error cf_bench_report_table(const struct cf_bench_report *report, struct cf_buf *out)
{
    char line[160];
    enum cf_error error = CF_OK;
    for (size_t i = 0; i < report->count && error == CF_OK; i++) {
        char label[48];
        const struct cf_bench_figure *figure = &report->figures[i];
        memcpy(label, figure->name, sizeof(label));
        for (char *at = label; *at != '\0'; at++)
            *at = *at == '_' ? ' ' : *at;
        int len = snprintf(line, sizeof(line), "%-36s %16s\n", label, figure->value);
        error = cf_buf_append(out, cf_slice_of(line, (size_t)len));
    }
    if (error == CF_OK && report->note[0] != '\0') {
        error = cf_buf_append(out, cf_slice_cstr(report->note));
        if (error == CF_OK)
            error = cf_buf_append_byte(out, '\n');
    }
    return error;
}

enum cf_error cf_bench_report_json(const struct cf_bench_report *report, struct cf_buf *out)
{
    struct cf_json_writer w;
    cf_json_writer_init(&w, out);
    cf_json_object_begin(&w);
    for (size_t i = 0; i < report->count; i++) {
        const struct cf_bench_figure *figure = &report->figures[i];
        cf_json_key(&w, cf_slice_cstr(figure->name));
        if (figure->is_text)
            cf_json_string(&w, cf_slice_cstr(figure->value));
        else
            cf_json_raw(&w, cf_slice_cstr(figure->value));
    }
    if (report->note[0] != '\0')
        cf_json_member_string(&w, "note", cf_slice_cstr(report->note));
    cf_json_object_end(&w);
    enum cf_error error = cf_json_writer_finish(&w);
    return error == CF_OK ? cf_buf_append_byte(out, '\n') : error;
}
