#include "server/download.h"

#include <stdio.h>
#include <stdlib.h>

#include "dialect/shop/upload.h"

enum { QUEUE_MAX = 4 * CF_MEDIA_CHUNK };

struct cf_download {
    struct cf_exchange *exchange;
    struct cf_media_reader *reader;
    bool begun; /* the head is sent */
    uint64_t left;
    const char *type;
};

static void on_bytes(void *context, enum cf_error error, struct cf_slice bytes, uint64_t size);

void cf_download_begin(struct cf_exchange *exchange, const struct cf_store_request *request)
{
    struct cf_worker *worker = exchange->web->session->worker;
    struct cf_slice image = request->messages[0].image;
    if (image.ptr == NULL || image.len >= CF_MEDIA_NAME_MAX) {
        cf_exchange_fail(exchange, CF_E_NOT_FOUND);
        return;
    }
    char name[CF_MEDIA_NAME_MAX];
    snprintf(name, sizeof(name), "%.*s", (int)image.len, (const char *)image.ptr);
    struct cf_download *download = calloc(1, sizeof(*download));
    if (download == NULL) {
        cf_exchange_fail(exchange, CF_E_NOMEM);
        return;
    }
    exchange->download = download;
    download->exchange = exchange;
    download->type = cf_shop_media_type(image);
    download->reader = cf_media_reader_new(&worker->server->media, cf_loop_uv(worker->loop), name,
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

/* The URL is the message's, whose image may be replaced or removed: the client asks again. It is
 * never shown as anything but what it is (hazard V24). */
static void send_head(struct cf_download *download, uint64_t size)
{
    struct cf_answer answer = {.status = 200,
                               .type = download->type,
                               .in_pieces = true,
                               .length = size,
                               .extra = CF_LIT("Cache-Control: private, no-cache\r\n"
                                               "Content-Disposition: attachment\r\n")};
    download->begun = true;
    download->left = size;
    cf_exchange_answer(download->exchange, &answer);
}

static void read_on(struct cf_download *download)
{
    struct cf_conn *conn = &download->exchange->web->session->conn;
    if (download->left == 0)
        cf_web_answered(download->exchange->web, !download->exchange->keep_alive);
    else if (cf_conn_outq(conn)->bytes < QUEUE_MAX && cf_media_read(download->reader) == CF_E_IO)
        cf_conn_abort(conn, CF_E_IO);
}

static void on_bytes(void *context, enum cf_error error, struct cf_slice bytes, uint64_t size)
{
    struct cf_download *download = context;
    struct cf_conn *conn = &download->exchange->web->session->conn;
    if (!download->begun) {
        if (error != CF_OK) {
            cf_exchange_fail(download->exchange, error == CF_E_NOT_FOUND ? error : CF_E_IO);
            return;
        }
        bool head_only = download->exchange->method == CF_HTTP_HEAD;
        send_head(download, size);
        if (!head_only)
            read_on(download);
        return;
    }
    if (error != CF_OK || bytes.len == 0 || bytes.len > download->left) {
        cf_conn_abort(conn, CF_E_IO); /* the length that we promised cannot be kept */
        return;
    }
    download->left -= bytes.len;
    error = cf_conn_write(conn, bytes);
    if (error == CF_OK)
        read_on(download);
    else
        cf_conn_abort(conn, error);
}

void cf_download_drained(struct cf_download *download)
{
    if (download->begun)
        read_on(download);
}
