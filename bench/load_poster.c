#include "load_poster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load_setup.h"

enum { REQUEST_MAX = 4096 };

static void write_request(struct load_poster *poster, const char shop[CF_UUID_LEN])
{
    char body[512], head[256];
    struct cf_buf request;
    const struct load_options *options = poster->sender.run->options;
    int body_len = snprintf(body, sizeof(body), "{\"shop_id\":\"%.*s\",\"message\":\"%*s\"}",
                            CF_UUID_LEN, shop, LOAD_TEXT_LEN, "");
    snprintf(head, sizeof(head),
             "POST /api/v1/shops/messages HTTP/1.1\r\nHost: bench\r\n"
             "Content-Type: application/json\r\nContent-Length: %d\r\n",
             body_len);
    cf_buf_init(&request, REQUEST_MAX);
    enum cf_error error = cf_buf_append(&request, cf_slice_cstr(head));
    load_authorize(options, poster->sender.number % options->users, &request);
    if (error == CF_OK)
        error = cf_buf_append(&request, CF_LIT("\r\n"));
    if (error == CF_OK)
        error = cf_buf_append(&request, cf_slice_cstr(body));
    if (error != CF_OK)
        load_die("no memory");
    poster->request = (char *)request.ptr;
    poster->request_len = request.len;
    poster->text_at = request.len - 2 - LOAD_TEXT_LEN;
}

static void post(struct load_sender *sender)
{
    struct load_poster *poster = CF_CONTAINER_OF(sender, struct load_poster, sender);
    load_sender_begin(sender, poster->request + poster->text_at);
    ssize_t sent = send(poster->source.fd, poster->request, poster->request_len, 0);
    if (sent != (ssize_t)poster->request_len)
        load_die_errno("cannot post");
}

/* The length of the answer with its body; 0 while that is not known. */
static size_t answer_length(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    if (end == NULL)
        return 0;
    for (const char *line = answer; line < end; line = strstr(line, "\r\n") + 2) {
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            return (size_t)(end + 4 - answer) + strtoul(line + 15, NULL, 10);
    }
    load_die("an answer without Content-Length");
}

static void take_answer(struct load_poster *poster)
{
    if (strncmp(poster->answer, "HTTP/1.1 201 ", 13) != 0) {
        fprintf(stderr, "%s\n", poster->answer);
        load_die("a post was refused");
    }
    poster->answer_len = 0;
    load_sender_answered(&poster->sender);
}

static void on_ready(struct load_source *source)
{
    struct load_poster *poster = (struct load_poster *)source;
    size_t room = LOAD_ANSWER_MAX - poster->answer_len;
    ssize_t got = recv(source->fd, poster->answer + poster->answer_len, room, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        load_die("the server closed a poster's connection");
    poster->answer_len += (size_t)got;
    poster->answer[poster->answer_len] = '\0';
    size_t length = answer_length(poster->answer);
    if (length > 0 && poster->answer_len >= length)
        take_answer(poster);
}

void load_poster_open(struct load_poster *poster, struct load_run *run, unsigned number,
                      const char shop[CF_UUID_LEN])
{
    *poster = (struct load_poster){.source = {.ready = on_ready}};
    load_sender_open(&poster->sender, run, number, post);
    write_request(poster, shop);
    poster->source.fd = load_connect(run->options->port);
    load_set_nonblocking(poster->source.fd);
    load_watch(run, &poster->source);
}

void load_poster_close(struct load_poster *poster)
{
    close(poster->source.fd);
    free(poster->request);
}
