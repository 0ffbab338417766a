#include "load_setup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "bench/http.h"
#include "bench/setup.h"

enum { REQUEST_MAX = 64 * 1024 };

/* The end of the program, unless all is well. */
static void demand(enum cf_error error, const struct cf_bench_why *why)
{
    if (error != CF_OK)
        load_die(why->text);
}

void load_wire_open(struct cf_bench_wire *wire, const struct load_options *options)
{
    static struct ssl_ctx_st *context;
    struct cf_bench_why why = {.text = ""};
    if (context == NULL)
        demand(cf_bench_tls_new(&options->plan, &context, &why), &why);
    demand(cf_bench_wire_open(wire, &options->plan, context, &why), &why);
}

void load_wire_send(struct cf_bench_wire *wire, struct cf_slice bytes)
{
    struct cf_bench_why why = {.text = ""};
    demand(cf_bench_wire_send(wire, bytes, &why), &why);
}

size_t load_wire_receive(struct cf_bench_wire *wire, void *out, size_t size)
{
    size_t len = 0;
    struct cf_bench_why why = {.text = ""};
    demand(cf_bench_wire_receive(wire, out, size, &len, &why), &why);
    return len;
}

int load_wire_take(struct cf_bench_wire *wire)
{
    if (fcntl(wire->fd, F_SETFL, O_NONBLOCK) != 0)
        load_die_errno("fcntl");
    return wire->fd;
}

uint64_t load_cpu_us(const struct load_options *options)
{
    uint64_t ns = 0;
    struct cf_bench_why why = {.text = ""};
    demand(cf_bench_server_cpu(&options->plan.server, &ns, &why), &why);
    return ns / 1000;
}

uint64_t load_rss_bytes(const struct load_options *options)
{
    struct cf_bench_memory memory;
    struct cf_bench_why why = {.text = ""};
    demand(cf_bench_server_memory(&options->plan.server, &memory, &why), &why);
    return memory.rss_bytes;
}

static void append(struct cf_buf *out, const char *text)
{
    if (cf_buf_append(out, cf_slice_cstr(text)) != CF_OK)
        load_die("no memory");
}

void load_authorize(const struct load_options *options, struct cf_buf *out)
{
    struct cf_bench_why why = {.text = ""};
    append(out, "Authorization: Bearer ");
    demand(cf_bench_sign(options->plan.secret, 0, out, &why), &why);
    append(out, "\r\n");
}

size_t load_answer_length(const char *answer)
{
    struct cf_bench_answer whole;
    enum cf_error error = cf_bench_answer_read(cf_slice_cstr(answer), &whole);
    if (error == CF_E_SYNTAX)
        load_die("an answer without Content-Length");
    return error == CF_OK ? whole.len : 0;
}

/* Until the connection ends, or nothing more fits. */
static void receive_all(struct cf_bench_wire *wire, char *out, size_t size)
{
    size_t len = 0, got = 1;
    for (; got > 0 && len < size - 1; len += got)
        got = load_wire_receive(wire, out + len, size - 1 - len);
    out[len] = '\0';
}

void load_request(const struct load_options *options, const char *method, const char *path,
                  const char *headers, const char *body, char *out_answer)
{
    char head[512];
    struct cf_buf request;
    struct cf_bench_wire wire;
    cf_buf_init(&request, REQUEST_MAX);
    snprintf(head, sizeof(head),
             "%s %s HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n%sContent-Length: %zu\r\n",
             method, path, headers, strlen(body));
    append(&request, head);
    load_authorize(options, &request);
    append(&request, "\r\n");
    append(&request, body);
    load_wire_open(&wire, options);
    load_wire_send(&wire, cf_buf_peek(&request));
    receive_all(&wire, out_answer, LOAD_REPLY_MAX);
    if (strncmp(out_answer, "HTTP/1.1 201 ", 13) != 0) {
        fprintf(stderr, "%s\n", out_answer);
        load_die("the server refused a request of the set-up");
    }
    cf_bench_wire_close(&wire);
    cf_buf_deinit(&request);
}

void load_find_id(const char *answer, const char *before, char out_id[CF_UUID_LEN])
{
    const char *id = strstr(answer, before);
    if (id == NULL || strlen(id + strlen(before)) < CF_UUID_LEN)
        load_die("an answer without an id");
    memcpy(out_id, id + strlen(before), CF_UUID_LEN);
}
