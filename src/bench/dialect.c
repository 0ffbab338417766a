#include "bench/dialect.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

enum { HEAD_BYTES = 12 * 1024 };

const struct cf_bench_dialect *cf_bench_dialect_find(const char *name)
{
    static const struct cf_bench_dialect *const all[] = {
        &cf_bench_shop, &cf_bench_talk,  &cf_bench_orbital,
        &cf_bench_hub,  &cf_bench_nchan, &cf_bench_socketio,
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(all); i++) {
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    }
    return NULL;
}

enum cf_error cf_bench_post_compose(struct cf_bench_client *client, const char *path,
                                    struct cf_slice before, struct cf_slice after)
{
    char head[HEAD_BYTES];
    const struct cf_bench_plan *plan = client->worker->shared->plan;
    const char *token = cf_bench_token(client);
    bool sealed = plan->dialect->sealed;
    size_t text_len = cf_bench_text_len(plan->size, sealed);
    int len = snprintf(head, sizeof(head),
                       "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n%s%s%s"
                       "Content-Length: %zu\r\n\r\n",
                       path, plan->authority, before.len > 0 ? "application/json" : "text/plain",
                       *token == '\0' ? "" : "Authorization: Bearer ", token,
                       *token == '\0' ? "" : "\r\n", before.len + text_len + after.len);
    enum cf_error error = cf_buf_append(&client->message, cf_slice_of(head, (size_t)len));
    if (error == CF_OK)
        error = cf_buf_append(&client->message, before);
    client->text_at = client->message.len;
    if (error == CF_OK)
        error = cf_bench_text_append(&client->message, plan->size, sealed, client->number);
    return error == CF_OK ? cf_buf_append(&client->message, after) : error;
}

void cf_bench_post_answered(struct cf_bench_client *client, const struct cf_bench_answer *answer)
{
    if (answer->status / 100 == 2)
        cf_bench_answered(client, client->sent_ns, cf_bench_now_ns());
    else
        cf_bench_stop_refused(client->worker, "a message", answer);
}

void cf_bench_send_bytes(struct cf_bench_client *client)
{
    cf_bench_client_write(client, cf_bench_message(client));
}

void cf_bench_send_frame(struct cf_bench_client *client)
{
    cf_bench_client_write_text(client, cf_bench_message(client));
}

void cf_bench_sender_ready(struct cf_bench_client *client)
{
    cf_bench_sender_open(client);
    cf_bench_ready(client);
}
