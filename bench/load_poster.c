#include "load_poster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load_setup.h"

enum { REQUEST_MAX = 4 * LOAD_TEXT_MAX };

/* Of all messages of a sender; returns where in it the text begins. */
static size_t write_body(const struct load_poster *poster, const struct load_dialect *dialect,
                         const char room[CF_UUID_LEN], char *out, size_t size, int *out_len)
{
    char text[LOAD_TEXT_MAX];
    size_t bytes = poster->sender.run->options->text;
    size_t len = load_text_len(bytes, dialect->sealed);
    load_text_fill(text, bytes, dialect->sealed, poster->sender.number);
    int before = snprintf(out, size, "{\"%s\":\"%.*s\",\"%s\":\"", dialect->room_name, CF_UUID_LEN,
                          room, dialect->text_name);
    *out_len = before + snprintf(out + before, size - (size_t)before, "%.*s\"}", (int)len, text);
    return (size_t)before;
}

static void write_request(struct load_poster *poster, const struct load_dialect *dialect,
                          const char room[CF_UUID_LEN])
{
    char body[LOAD_TEXT_MAX + 256], head[256];
    struct cf_buf request;
    int body_len;
    const struct load_options *options = poster->sender.run->options;
    size_t text_at = write_body(poster, dialect, room, body, sizeof(body), &body_len);
    snprintf(head, sizeof(head),
             "POST %s HTTP/1.1\r\nHost: bench\r\n"
             "Content-Type: application/json\r\nContent-Length: %d\r\n",
             dialect->messages, body_len);
    cf_buf_init(&request, REQUEST_MAX);
    enum cf_error error = cf_buf_append(&request, cf_slice_cstr(head));
    load_authorize(options, poster->sender.number % options->users, &request);
    if (error == CF_OK)
        error = cf_buf_append(&request, CF_LIT("\r\n"));
    poster->text_at = request.len + text_at;
    if (error == CF_OK)
        error = cf_buf_append(&request, cf_slice_cstr(body));
    if (error != CF_OK)
        load_die("no memory");
    poster->request = (char *)request.ptr;
    poster->request_len = request.len;
}

static void post(struct load_sender *sender)
{
    struct load_poster *poster = CF_CONTAINER_OF(sender, struct load_poster, sender);
    load_sender_begin(sender, poster->request + poster->text_at);
    ssize_t sent = send(poster->source.fd, poster->request, poster->request_len, 0);
    if (sent != (ssize_t)poster->request_len)
        load_die_errno("cannot post");
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
    size_t length = load_answer_length(poster->answer);
    if (length > 0 && poster->answer_len >= length)
        take_answer(poster);
}

void load_poster_open(struct load_poster *poster, struct load_run *run, unsigned number,
                      const struct load_dialect *dialect, const char room[CF_UUID_LEN])
{
    *poster = (struct load_poster){.source = {.ready = on_ready}};
    load_sender_open(&poster->sender, run, number, post);
    write_request(poster, dialect, room);
    poster->source.fd = load_connect(run->options->port);
    load_set_nonblocking(poster->source.fd);
    load_watch(run, &poster->source);
}

void load_poster_close(struct load_poster *poster)
{
    close(poster->source.fd);
    free(poster->request);
}
