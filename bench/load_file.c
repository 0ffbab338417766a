/* One file at a time: what a command does with it, then an upload, then its download. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load_media.h"
#include "load_setup.h"

enum { READ_MAX = 256 * 1024, FIGURES_MAX = 64 };

/* One figure of all rounds. */
struct rounds {
    double each[FIGURES_MAX];
    unsigned count;
};

struct file {
    const struct load_options *options;
    uint64_t size;
    char thread[CF_UUID_LEN], media[CF_UUID_LEN];
    struct rounds command, put, get, put_cpu, get_cpu;
};

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void print_median(const char *name, struct rounds *rounds)
{
    if (rounds->count == 0)
        return;
    qsort(rounds->each, rounds->count, sizeof(rounds->each[0]), compare);
    printf("%s %.0f\n", name, rounds->each[rounds->count / 2]);
}

static double mib_per_s(const struct file *file, uint64_t began_ns)
{
    return file->options->size * 1e9 / (double)(cf_bench_now_ns() - began_ns);
}

static double cpu_ms_per_gib(const struct file *file, uint64_t cpu_us)
{
    uint64_t spent_us = load_cpu_us(file->options) - cpu_us;
    return (double)spent_us / 1e3 * 1024 / file->options->size;
}

/* The command gets the number of the round as its last argument. */
static void run_command(struct file *file, unsigned round)
{
    char number[16];
    size_t count = 0;
    while (file->options->command[count] != NULL)
        count++;
    if (count == 0)
        return;
    char **words = load_new_array(count + 2, sizeof(*words));
    memcpy(words, file->options->command, count * sizeof(*words));
    snprintf(number, sizeof(number), "%u", round);
    words[count] = number;
    uint64_t began_ns = cf_bench_now_ns();
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        execvp(words[0], words);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        load_die("the command did not end well");
    file->command.each[round] = mib_per_s(file, began_ns);
    file->command.count = round + 1;
    free(words);
}

/* Until the head has come; what follows of the body is behind it. The head's length. */
static size_t receive_head(struct cf_bench_wire *wire, char *out, size_t size, size_t *out_len)
{
    size_t len = 0;
    for (const char *end = NULL; end == NULL; end = strstr(out, "\r\n\r\n")) {
        size_t got = load_wire_receive(wire, out + len, size - 1 - len);
        len += got;
        out[len] = '\0';
        if (got == 0)
            load_die("an answer without a head");
    }
    *out_len = len;
    return (size_t)(strstr(out, "\r\n\r\n") + 4 - out);
}

static void demand(const char *answer, const char *status)
{
    if (strncmp(answer, "HTTP/1.1 ", 9) == 0 && strncmp(answer + 9, status, 3) == 0)
        return;
    fprintf(stderr, "%s\n", answer);
    load_die("a file was refused");
}

static void put(struct file *file, unsigned round)
{
    char head[LOAD_HEAD_MAX], path[LOAD_PATH_MAX], lines[64], answer[LOAD_REPLY_MAX];
    struct cf_bench_wire wire;
    snprintf(path, sizeof(path), "/v1/threads/%.*s/media", CF_UUID_LEN, file->thread);
    snprintf(lines, sizeof(lines), "Content-Length: %" PRIu64 "\r\n", file->size);
    size_t len = load_head_write(head, file->options, "POST", path, lines);
    load_wire_open(&wire, file->options);
    uint64_t cpu_us = load_cpu_us(file->options), began_ns = cf_bench_now_ns();
    load_wire_send(&wire, cf_slice_of(head, len));
    for (uint64_t at = 0; at < file->size; at += READ_MAX)
        load_wire_send(&wire, cf_slice_head(load_file_bytes(at, file->size), READ_MAX));
    receive_head(&wire, answer, sizeof(answer), &len);
    file->put.each[round] = mib_per_s(file, began_ns);
    file->put_cpu.each[round] = cpu_ms_per_gib(file, cpu_us);
    file->put.count = file->put_cpu.count = round + 1;
    demand(answer, "201");
    while (len < load_answer_length(answer)) {
        len += load_wire_receive(&wire, answer + len, sizeof(answer) - 1 - len);
        answer[len] = '\0';
    }
    load_find_id(answer, "\"media_id\":\"", file->media);
    cf_bench_wire_close(&wire);
}

/* Each byte is compared with what was sent. */
static void check(const struct file *file, uint64_t at, struct cf_slice bytes)
{
    while (bytes.len > 0) {
        struct cf_slice due = cf_slice_head(load_file_bytes(at, file->size), bytes.len);
        if (due.len == 0 || memcmp(due.ptr, bytes.ptr, due.len) != 0)
            load_die("a download differs from its upload");
        bytes = cf_slice_skip(bytes, due.len);
        at += due.len;
    }
}

static void get(struct file *file, unsigned round)
{
    static char bytes[READ_MAX];
    char head[LOAD_HEAD_MAX], path[LOAD_PATH_MAX];
    struct cf_bench_wire wire;
    size_t len;
    snprintf(path, sizeof(path), "/v1/media/%.*s", CF_UUID_LEN, file->media);
    size_t head_len = load_head_write(head, file->options, "GET", path, "");
    load_wire_open(&wire, file->options);
    uint64_t cpu_us = load_cpu_us(file->options), began_ns = cf_bench_now_ns();
    load_wire_send(&wire, cf_slice_of(head, head_len));
    size_t before = receive_head(&wire, bytes, sizeof(bytes), &len);
    demand(bytes, "200");
    check(file, 0, cf_slice_of(bytes + before, len - before));
    for (uint64_t at = len - before; at < file->size; at += len) {
        len = load_wire_receive(&wire, bytes, sizeof(bytes));
        if (len == 0)
            load_die("a download was cut");
        check(file, at, cf_slice_of(bytes, len));
    }
    file->get.each[round] = mib_per_s(file, began_ns);
    file->get_cpu.each[round] = cpu_ms_per_gib(file, cpu_us);
    file->get.count = file->get_cpu.count = round + 1;
    cf_bench_wire_close(&wire);
}

void load_file(const struct load_options *options)
{
    struct file file = {.options = options, .size = (uint64_t)options->size * LOAD_MIB};
    if (options->size == 0 || options->runs > FIGURES_MAX)
        load_die("--size is at least 1, --runs at most 64");
    load_make_thread(options, file.thread);
    for (unsigned round = 0; round < options->runs; round++) {
        run_command(&file, round);
        put(&file, round);
        get(&file, round);
    }
    print_median("command_mib_per_s", &file.command);
    print_median("put_mib_per_s", &file.put);
    print_median("put_server_ms_per_gib", &file.put_cpu);
    print_median("get_mib_per_s", &file.get);
    print_median("get_server_ms_per_gib", &file.get_cpu);
}
