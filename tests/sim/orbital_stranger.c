/* Somebody who is in no group, and knows the ids of all: asks for everything, and sends what is no
 * frame of the protocol. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "sim/orbital.h"

/* ---- on the stream ---- */

static void type(struct orbiter *stranger)
{
    char data[200];
    const struct orbital_thread *thread =
        &orbital.threads[sim_between(0, orbital.threads_count - 1)];
    (void)snprintf(data, sizeof(data),
                   "{\"thread_id\":\"%s\",\"user_id\":\"orbiter0\",\"username\":\"orbiter0\","
                   "\"is_typing\":true}",
                   thread->id);
    orbiter_say(stranger, "typing_indicator", data);
}

static void say_bad(struct orbiter *stranger)
{
    static const char *const bad[] = {
        "{\"type\":\"subscribe\"",
        "[]",
        "{\"type\":1}",
        "{\"type\":\"a\",\"type\":\"b\"}",
        "{\"type\":\"new_message\",\"data\":{}}",
        "{\"type\":\"subscribe\",\"data\":{\"group_ids\":\"all\"}}",
        "{\"type\":\"typing_indicator\",\"data\":{\"thread_id\":7,\"is_typing\":true}}",
    };
    int64_t which = sim_between(0, CF_ARRAY_LEN(bad) - 1);
    stranger->bad_owed++;
    sim_ws_send(&stranger->stream, cf_slice_cstr(bad[which]));
}

static void use_stream(struct orbiter *stranger)
{
    switch (sim_between(0, 4)) {
    case 0:
        orbiter_subscribe(stranger);
        break;
    case 1:
        type(stranger);
        break;
    case 2:
        stranger->pongs_owed++;
        orbiter_say(stranger, "ping", "{}");
        break;
    case 3:
        say_bad(stranger);
        break;
    default:
        for (int i = sim_chance(100) ? 12 : 3; i > 0 && stranger->stream.open; i--)
            say_bad(stranger);
        break;
    }
}

/* ---- by REST ---- */

static void ask(struct orbiter *stranger)
{
    const char *group = orbital.groups[sim_between(0, GROUPS - 1)].id;
    const char *thread = orbital.threads[sim_between(0, orbital.threads_count - 1)].id;
    char target[160], body[200];
    int64_t what = sim_between(0, 6);
    bool posts = what >= 4;
    switch (what) {
    case 0:
        (void)snprintf(target, sizeof(target), "/v1/events?since=0&group_id=%s", group);
        break;
    case 1:
        (void)snprintf(target, sizeof(target), "/v1/groups/%s/members", group);
        break;
    case 2:
        (void)snprintf(target, sizeof(target), "/v1/threads/%s/replies", thread);
        break;
    case 3:
        (void)snprintf(target, sizeof(target), "/v1/groups/%s/threads", group);
        break;
    case 4:
        (void)snprintf(target, sizeof(target), "/v1/messages");
        (void)snprintf(body, sizeof(body),
                       "{\"conversation_id\":\"%s\",\"encrypted_envelope\":\"c3RyYW5nZXI=\"}",
                       group);
        break;
    case 5:
        (void)snprintf(target, sizeof(target), "/v1/threads/%s/replies", thread);
        (void)snprintf(body, sizeof(body), "{\"encrypted_body\":\"c3RyYW5nZXI=\"}");
        break;
    default:
        (void)snprintf(target, sizeof(target), "/v1/groups/%s/members", group);
        (void)snprintf(body, sizeof(body), "{\"user_id\":\"%s\"}", stranger->user);
        break;
    }
    sim_http_send(&stranger->fetch, posts ? "POST" : "GET", target, stranger->user, "",
                  posts ? cf_slice_cstr(body) : (struct cf_slice){NULL, 0});
}

void stranger_asked(struct sim_http *http)
{
    sim_trace("orbiter%d: asked, %u", STRANGER, http->status);
    if (http->status >= 200 && http->status < 300)
        book_fail("a stranger learns nothing", "it was answered %.*s",
                  (int)(http->body.len < 100 ? http->body.len : 100), (const char *)http->body.ptr);
}

/* ---- */

/* In the calm it waits for what it is owed, and to be dropped if it is mute. */
void stranger_on_mood(struct sim_event *event)
{
    struct orbiter *stranger = CF_CONTAINER_OF(event, struct orbiter, mood);
    if (phase != SIM_STORM)
        return;
    sim_at(&stranger->mood, sim_between(500 * SIM_MS, 8 * SIM_SECOND));
    if (stranger->fetch.busy || sim_chance(500)) {
        if (stranger->stream.open)
            use_stream(stranger);
        return;
    }
    ask(stranger);
}
