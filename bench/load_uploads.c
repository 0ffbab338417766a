/* Many files on their way at once: all in step, none further than LEAD_MAX ahead of the slowest, as
 * fast as the server takes them. Its memory is read all the while. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load_media.h"
#include "load_setup.h"

enum { LEAD_MAX = LOAD_MIB, SEND_MAX = 256 * 1024, SETTLE_MS = 500, ANSWER_MAX = 4096 };

#define SAMPLE_NS UINT64_C(2000000)

struct upload {
    int fd;
    char path[LOAD_PATH_MAX]; /* of its requests */
    uint64_t done;            /* what was answered */
    uint64_t part, sent;      /* the request that is on its way, and what is out of it */
    char answer[ANSWER_MAX + 1];
    size_t answer_len;
};

struct uploads {
    const struct load_options *options;
    struct upload *each;
    uint64_t size, slowest;
    uint64_t rss_peak, sampled_ns;
};

static bool in_parts(const struct uploads *all)
{
    return all->options->part > 0;
}

static void begin_request(const struct uploads *all, struct upload *upload)
{
    char head[LOAD_HEAD_MAX], lines[256];
    uint64_t part = (uint64_t)all->options->part * LOAD_MIB;
    upload->sent = upload->answer_len = 0;
    upload->part =
        in_parts(all) && part < all->size - upload->done ? part : all->size - upload->done;
    if (in_parts(all))
        snprintf(lines, sizeof(lines),
                 "Tus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n"
                 "Upload-Offset: %" PRIu64 "\r\nContent-Length: %" PRIu64 "\r\n",
                 upload->done, upload->part);
    else
        snprintf(lines, sizeof(lines), "Content-Length: %" PRIu64 "\r\n", upload->part);
    size_t len =
        load_head_write(head, all->options, in_parts(all) ? "PATCH" : "POST", upload->path, lines);
    if (send(upload->fd, head, len, 0) != (ssize_t)len)
        load_die_errno("cannot begin an upload");
}

/* The path of an upload that is to come in parts. */
static void create(const struct uploads *all, const char *path, char *out_path)
{
    char answer[LOAD_REPLY_MAX], lines[128];
    snprintf(lines, sizeof(lines), "Tus-Resumable: 1.0.0\r\nUpload-Length: %" PRIu64 "\r\n",
             all->size);
    load_request(all->options, "POST", path, lines, "", answer);
    const char *location = strstr(answer, "Location: ");
    if (location == NULL || sscanf(location, "Location: %159s", out_path) != 1)
        load_die("an upload without a Location");
}

static void open_upload(const struct uploads *all, struct upload *upload, const char *path)
{
    if (in_parts(all))
        create(all, path, upload->path);
    else
        snprintf(upload->path, sizeof(upload->path), "%s", path);
    struct cf_bench_wire wire;
    load_wire_open(&wire, all->options);
    upload->fd = load_wire_take(&wire);
}

static bool send_on(const struct uploads *all, struct upload *upload)
{
    uint64_t at = upload->done + upload->sent;
    if (at >= all->slowest + LEAD_MAX)
        return false;
    struct cf_slice bytes = load_file_bytes(at, upload->done + upload->part);
    ssize_t sent = send(upload->fd, bytes.ptr, bytes.len < SEND_MAX ? bytes.len : SEND_MAX, 0);
    if (sent < 0 && errno == EAGAIN)
        return false;
    if (sent <= 0)
        load_die_errno("an upload was cut");
    upload->sent += (uint64_t)sent;
    return true;
}

static bool receive_on(const struct uploads *all, struct upload *upload)
{
    ssize_t got =
        recv(upload->fd, upload->answer + upload->answer_len, ANSWER_MAX - upload->answer_len, 0);
    if (got < 0 && errno == EAGAIN)
        return false;
    if (got <= 0)
        load_die("an upload was cut before its answer");
    upload->answer_len += (size_t)got;
    upload->answer[upload->answer_len] = '\0';
    size_t length = load_answer_length(upload->answer);
    if (length == 0 || upload->answer_len < length)
        return true;
    if (strncmp(upload->answer, in_parts(all) ? "HTTP/1.1 204 " : "HTTP/1.1 201 ", 13) != 0) {
        fprintf(stderr, "%s\n", upload->answer);
        load_die("an upload was refused");
    }
    upload->done += upload->part;
    upload->part = upload->sent = 0;
    if (upload->done < all->size)
        begin_request(all, upload);
    return true;
}

static bool go_on(const struct uploads *all, struct upload *upload)
{
    if (upload->done == all->size)
        return false;
    return upload->sent < upload->part ? send_on(all, upload) : receive_on(all, upload);
}

static void await_any(const struct uploads *all)
{
    struct pollfd fds[64];
    nfds_t count = 0;
    for (unsigned i = 0; i < all->options->uploads; i++) {
        const struct upload *upload = &all->each[i];
        bool leads = upload->done + upload->sent >= all->slowest + LEAD_MAX;
        if (upload->sent < upload->part && !leads)
            fds[count++] = (struct pollfd){.fd = upload->fd, .events = POLLOUT};
        else if (upload->sent == upload->part && upload->done < all->size)
            fds[count++] = (struct pollfd){.fd = upload->fd, .events = POLLIN};
    }
    poll(fds, count, 2);
}

static void sample(struct uploads *all)
{
    uint64_t now_ns = cf_bench_now_ns();
    if (now_ns < all->sampled_ns + SAMPLE_NS)
        return;
    uint64_t rss = load_rss_bytes(all->options);
    all->sampled_ns = now_ns;
    if (rss > all->rss_peak)
        all->rss_peak = rss;
}

static void run(struct uploads *all)
{
    for (unsigned i = 0; i < all->options->uploads; i++)
        begin_request(all, &all->each[i]);
    for (all->slowest = 0; all->slowest < all->size;) {
        bool moved = false;
        uint64_t slowest = UINT64_MAX, done = UINT64_MAX;
        for (unsigned i = 0; i < all->options->uploads; i++) {
            struct upload *upload = &all->each[i];
            moved = go_on(all, upload) || moved;
            uint64_t at = upload->done + upload->sent;
            slowest = at < slowest ? at : slowest;
            done = upload->done < done ? upload->done : done;
        }
        /* The last bytes are out long before the last answer is in. */
        all->slowest = slowest < all->size || done == all->size ? slowest : all->size - 1;
        sample(all);
        if (!moved)
            await_any(all);
    }
}

/* A small one, so that what the server needs once is not counted as the others'. */
static void warm_up(const struct uploads *all, const char *path)
{
    char answer[LOAD_REPLY_MAX];
    load_request(all->options, "POST", path, "", "warm-up", answer);
    poll(NULL, 0, SETTLE_MS);
}

void load_uploads(const struct load_options *options)
{
    struct uploads all = {.options = options, .size = (uint64_t)options->size * LOAD_MIB};
    char thread[CF_UUID_LEN], path[LOAD_PATH_MAX];
    if (options->uploads == 0 || options->uploads > 64 || options->size == 0)
        load_die("--uploads is 1 to 64, --size at least 1");
    all.each = load_new_array(options->uploads, sizeof(*all.each));
    load_make_thread(options, thread);
    snprintf(path, sizeof(path), "/v1/threads/%.*s/media", CF_UUID_LEN, thread);
    for (unsigned i = 0; i < options->uploads; i++)
        open_upload(&all, &all.each[i], path);
    warm_up(&all, path);
    uint64_t before = load_rss_bytes(options), cpu_us = load_cpu_us(options);
    uint64_t began_ns = cf_bench_now_ns();
    run(&all);
    double seconds = (double)(cf_bench_now_ns() - began_ns) / 1e9;
    cpu_us = load_cpu_us(options) - cpu_us;
    poll(NULL, 0, SETTLE_MS);
    printf("rss_before_mib %.1f\n", (double)before / LOAD_MIB);
    printf("rss_peak_mib %.1f\n", (double)all.rss_peak / LOAD_MIB);
    printf("rss_after_mib %.1f\n", (double)load_rss_bytes(options) / LOAD_MIB);
    printf("grown_mib_per_upload %.2f\n",
           ((double)all.rss_peak - (double)before) / LOAD_MIB / options->uploads);
    printf("mib_per_s %.0f\n", (double)options->size * options->uploads / seconds);
    printf("server_ms_per_gib %.0f\n",
           (double)cpu_us / 1e3 * 1024 / options->size / options->uploads);
    for (unsigned i = 0; i < options->uploads; i++)
        close(all.each[i].fd);
    free(all.each);
}
