#include "server/download.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/text.h"
#include "wire/http/range.h"

enum {
    QUEUE_MAX = 4 * CF_MEDIA_CHUNK,
    LINES_MAX = 16 * 1024,
    TURN_MAX = 1024 * 1024, /* what one connection sends before the others have their turn */
};

struct cf_download {
    struct cf_exchange *exchange;
    struct cf_media_reader *reader;
    const char *type;
    struct cf_slice metadata; /* the exchange's */
    uint64_t offset, left;
    bool immutable;
    bool begun; /* the head is sent */
    char name[CF_MEDIA_NAME_MAX];
};

static void on_bytes(void *context, enum cf_error error, struct cf_slice bytes, uint64_t size);

static struct cf_conn *conn_of(const struct cf_download *download)
{
    return &download->exchange->web->session->conn;
}

void cf_download_begin(struct cf_exchange *exchange, const struct cf_download_file *file)
{
    struct cf_worker *worker = exchange->web->session->worker;
    struct cf_download *download = calloc(1, sizeof(*download));
    exchange->download = download;
    if (download == NULL ||
        cf_arena_copy(&exchange->arena, file->metadata, &download->metadata) != CF_OK) {
        cf_exchange_fail(exchange, CF_E_NOMEM);
        return;
    }
    download->exchange = exchange;
    download->type = file->type;
    download->immutable = file->immutable;
    snprintf(download->name, sizeof(download->name), "%.*s", (int)file->name.len,
             (const char *)file->name.ptr);
    download->reader = cf_media_reader_new(file->media, cf_loop_uv(worker->loop), download->name,
                                           on_bytes, download);
    if (download->reader == NULL)
        cf_exchange_fail(exchange, CF_E_NOMEM);
}

void cf_download_free(struct cf_download *download)
{
    if (download == NULL)
        return;
    cf_media_reader_free(download->reader);
    free(download);
}

/* ---- the head ---- */

/* Is it the file's ETag, compared strongly (RFC 9110 section 8.8.3.2)? */
static bool is_tag(const struct cf_download *download, struct cf_slice tag)
{
    return tag.len >= 2 && tag.ptr[0] == '"' && tag.ptr[tag.len - 1] == '"' &&
           cf_slice_eq(cf_slice_of(tag.ptr + 1, tag.len - 2), cf_slice_cstr(download->name));
}

/* Is the file's ETag in this list, compared weakly? */
static bool names_it(const struct cf_download *download, struct cf_slice list)
{
    struct cf_slice item;
    while (cf_slice_next(&list, ',', &item)) {
        item = cf_slice_trim(item);
        if (cf_slice_eq(item, CF_LIT("*")))
            return true;
        if (cf_slice_starts(item, CF_LIT("W/")))
            item = cf_slice_skip(item, 2);
        if (is_tag(download, item))
            return true;
    }
    return false;
}

static bool wants_range(const struct cf_download *download)
{
    const struct cf_exchange *exchange = download->exchange;
    return download->immutable && exchange->range.ptr != NULL && exchange->method == CF_HTTP_GET &&
           (exchange->if_range.ptr == NULL || is_tag(download, exchange->if_range));
}

/* The status, and which part of the file it is the status of. */
static unsigned choose(struct cf_download *download, uint64_t size)
{
    struct cf_http_range range;
    download->offset = 0;
    download->left = size;
    if (download->immutable && names_it(download, download->exchange->if_none_match))
        return 304;
    if (!wants_range(download))
        return 200;
    enum cf_error error = cf_http_range_parse(download->exchange->range, size, &range);
    if (error == CF_E_NOT_FOUND)
        return 416;
    if (error != CF_OK)
        return 200;
    download->offset = range.first;
    download->left = range.len;
    return 206;
}

/* An image's URL is the message's, whose image may be replaced or removed: the client asks again.
 * Nothing is ever shown as anything but what it is (hazard V24). */
static enum cf_error write_lines(const struct cf_download *download, unsigned status, uint64_t size,
                                 struct cf_buf *out)
{
    if (status == 416)
        return cf_text_append(out, "Accept-Ranges: bytes\r\nContent-Range: bytes */%llu\r\n",
                              (unsigned long long)size);
    enum cf_error error = cf_text_append(out, "Cache-Control: private, no-cache\r\n"
                                              "Content-Disposition: attachment\r\n");
    if (error != CF_OK || !download->immutable)
        return error;
    error = cf_text_append(out, "ETag: \"%s\"\r\nAccept-Ranges: bytes\r\n", download->name);
    if (error == CF_OK && status == 206)
        error = cf_text_append(
            out, "Content-Range: bytes %llu-%llu/%llu\r\n", (unsigned long long)download->offset,
            (unsigned long long)(download->offset + download->left - 1), (unsigned long long)size);
    if (error == CF_OK && download->metadata.len > 0)
        error = cf_text_append(out, "X-Encrypted-Metadata: %.*s\r\n", (int)download->metadata.len,
                               (const char *)download->metadata.ptr);
    return error;
}

static const struct cf_problem out_of_range = {
    .status = 416,
    .code = "range_not_satisfiable",
    .message = "The range is behind the end. Content-Range says how long it is."};

/* Sends what comes before the bytes, or what is the whole answer. False: nothing follows, and the
 * exchange is gone. */
static bool send_head(struct cf_download *download, uint64_t size)
{
    struct cf_buf lines;
    cf_buf_init(&lines, LINES_MAX);
    unsigned status = choose(download, size);
    bool bytes_follow = status == 200 || status == 206;
    bool head_only = download->exchange->method == CF_HTTP_HEAD;
    struct cf_answer answer = {.status = status,
                               .problem = status == 416 ? &out_of_range : NULL,
                               .type = status == 416 ? NULL : download->type,
                               .in_pieces = bytes_follow,
                               .length = download->left};
    enum cf_error error = write_lines(download, status, size, &lines);
    answer.extra = cf_buf_peek(&lines);
    download->begun = error == CF_OK;
    if (error == CF_OK)
        cf_exchange_answer(download->exchange, &answer);
    else
        cf_exchange_fail(download->exchange, error);
    cf_buf_deinit(&lines);
    return error == CF_OK && bytes_follow && !head_only;
}

/* ---- the bytes ---- */

static void lose(struct cf_download *download)
{
    cf_conn_abort(conn_of(download), CF_E_IO); /* the length that we promised cannot be kept */
}

/* What the socket takes, at most a turn's share; the rest in the next one, or when there is room.
 */
static void send_pages(struct cf_download *download)
{
    struct cf_conn *conn = conn_of(download);
    uint64_t before = download->offset;
    size_t len = download->left < TURN_MAX ? (size_t)download->left : TURN_MAX;
    enum cf_error error = CF_OK;
    if (cf_outq_empty(cf_conn_outq(conn)))
        error =
            cf_conn_send_file(conn, cf_media_reader_fd(download->reader), &download->offset, len);
    download->left -= download->offset - before;
    if (error == CF_E_TRUNCATED || error == CF_E_IO)
        lose(download);
    else if (error != CF_OK)
        cf_conn_abort(conn, error);
    else if (download->left == 0)
        cf_web_answered(download->exchange->web, !download->exchange->keep_alive);
    else if (!cf_conn_blocked(conn))
        cf_web_next_turn(download->exchange->web);
}

static void read_on(struct cf_download *download)
{
    struct cf_conn *conn = conn_of(download);
    if (download->left == 0)
        cf_web_answered(download->exchange->web, !download->exchange->keep_alive);
    else if (cf_conn_outq(conn)->bytes < QUEUE_MAX && cf_media_read(download->reader) == CF_E_IO)
        cf_conn_abort(conn, CF_E_IO);
}

void cf_download_go_on(struct cf_download *download)
{
    if (!download->begun)
        return;
    if (cf_conn_is_tls(conn_of(download)))
        read_on(download);
    else
        send_pages(download);
}

static void opened(struct cf_download *download, enum cf_error error, uint64_t size)
{
    if (error != CF_OK) {
        cf_exchange_fail(download->exchange, error == CF_E_NOT_FOUND ? error : CF_E_IO);
        return;
    }
    if (!send_head(download, size))
        return;
    cf_media_seek(download->reader, download->offset);
    cf_download_go_on(download);
}

/* A piece read for a connection under TLS. */
static void on_bytes(void *context, enum cf_error error, struct cf_slice bytes, uint64_t size)
{
    struct cf_download *download = context;
    if (!download->begun) {
        opened(download, error, size);
        return;
    }
    if (error != CF_OK || bytes.len == 0) {
        lose(download);
        return;
    }
    bytes = cf_slice_head(bytes, download->left < bytes.len ? (size_t)download->left : bytes.len);
    download->left -= bytes.len;
    error = cf_conn_write(conn_of(download), bytes);
    if (error == CF_OK)
        read_on(download);
    else
        cf_conn_abort(conn_of(download), error);
}
