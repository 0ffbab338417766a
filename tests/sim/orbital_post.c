/* What a member of groups does: says things until they are acknowledged, types, loses its network,
 * leaves a group alone for a while. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/base64.h"
#include "sim/orbital.h"

/* ---- saying ---- */

/* A group that it believes to be in; every member is in one that nobody removes it from. */
static int pick_group(const struct orbiter *orbiter)
{
    int group;
    do {
        group = (int)sim_between(0, GROUPS - 1);
    } while (!orbiter->believes[group]);
    return group;
}

static int pick_thread(int group)
{
    int thread;
    do {
        thread = (int)sim_between(0, orbital.threads_count - 1);
    } while (orbital.threads[thread].group != group);
    return thread;
}

static void type_once(struct orbiter *orbiter, const char *thread, bool on)
{
    char data[128];
    (void)snprintf(data, sizeof(data), "{\"thread_id\":\"%s\",\"is_typing\":%s}", thread,
                   on ? "true" : "false");
    orbiter_say(orbiter, "typing_indicator", data);
}

static void type(struct orbiter *orbiter, bool on)
{
    struct orbital_thread *thread = &orbital.threads[orbiter->in_thread];
    if (phase != SIM_STORM || !orbiter->stream.open)
        return;
    thread->typed[orbiter->person] = orbiter->typed = true;
    for (int i = orbiter->excited ? 6 : 0; i > 0; i--) {
        type_once(orbiter, thread->id, !on);
        type_once(orbiter, thread->id, on);
    }
    type_once(orbiter, thread->id, on);
}

/* Messages most of all. */
static enum orbital_says pick_what(const struct orbiter *orbiter)
{
    unsigned dice = (unsigned)sim_between(0, 99);
    if (orbiter->person == FOUNDER && dice < 15)
        return SAYS_GROUP;
    if (dice < 30 && orbital.threads_count < THREADS_MAX - MEMBERS)
        return SAYS_THREAD;
    return dice < 60 ? SAYS_REPLY : SAYS_MESSAGE;
}

static void begin_to_say(struct orbiter *orbiter)
{
    int group = pick_group(orbiter);
    const struct orbital_group *into = &orbital.groups[group];
    orbiter->says = pick_what(orbiter);
    int room = orbiter->says == SAYS_GROUP     ? orbital.founded
               : orbiter->says == SAYS_MESSAGE ? into->rooms[IN_MESSAGES]
                                               : into->rooms[IN_THREADS];
    orbiter->saying = book_say(room, orbiter->person);
    if (orbiter->saying == NULL)
        return;
    orbiter->in_group = group;
    orbiter->in_thread = pick_thread(group);
    orbiter->floor = orbital.acknowledged;
    orbiter->floor_of_group = into->acknowledged;
    orbiter->post_attempts = 0;
    if (orbiter->says == SAYS_REPLY)
        type(orbiter, true);
}

void orbital_seal(const char *text, char out[SEALED_MAX])
{
    struct cf_buf sealed;
    cf_buf_init(&sealed, SEALED_MAX - 1);
    CF_ASSERT(cf_base64_encode(CF_BASE64, cf_slice_cstr(text), &sealed) == CF_OK);
    memcpy(out, cf_buf_peek(&sealed).ptr, sealed.len);
    out[sealed.len] = '\0';
    cf_buf_deinit(&sealed);
}

/* The client's id is in the body, or in the header, or in both. */
static void post(struct orbiter *orbiter)
{
    const struct book_said *saying = orbiter->saying;
    const char *group = orbital.groups[orbiter->in_group].id;
    const char *thread = orbital.threads[orbiter->in_thread].id;
    char sealed[SEALED_MAX], target[128] = "/v1/messages", body[512], id[96] = "";
    int where = (int)sim_between(0, 2);
    orbital_seal(saying->text, sealed);
    if (where != 0)
        (void)snprintf(id, sizeof(id), ",\"client_message_id\":\"%s\"", saying->client_id);
    switch (orbiter->says) {
    case SAYS_MESSAGE:
        (void)snprintf(body, sizeof(body),
                       "{\"conversation_id\":\"%s\",\"encrypted_envelope\":\"%s\"%s}", group,
                       sealed, id);
        break;
    case SAYS_THREAD:
        (void)snprintf(target, sizeof(target), "/v1/groups/%s/threads", group);
        (void)snprintf(body, sizeof(body),
                       "{\"encrypted_title\":\"%s\",\"encrypted_body\":\"%s\"%s}", sealed, sealed,
                       id);
        break;
    case SAYS_REPLY:
        (void)snprintf(target, sizeof(target), "/v1/threads/%s/replies", thread);
        (void)snprintf(body, sizeof(body), "{\"encrypted_body\":\"%s\"%s}", sealed, id);
        break;
    case SAYS_GROUP:
        (void)snprintf(target, sizeof(target), "/v1/groups");
        (void)snprintf(body, sizeof(body), "{\"name\":\"%s\"%s}", saying->text, id);
        break;
    }
    sim_http_send(&orbiter->post, "POST", target, orbiter->user,
                  where != 1 ? saying->client_id : "", cf_slice_cstr(body));
}

void orbiter_on_speak(struct sim_event *event)
{
    struct orbiter *orbiter = CF_CONTAINER_OF(event, struct orbiter, speak);
    if (orbiter->post.busy || (orbiter->saying == NULL && phase != SIM_STORM))
        return;
    if (orbiter->saying == NULL)
        begin_to_say(orbiter);
    if (orbiter->saying != NULL)
        post(orbiter);
}

/* ---- the answer ---- */

static void copy_id(char out[ORBITAL_ID_MAX], struct cf_slice id)
{
    CF_ASSERT(id.len < ORBITAL_ID_MAX);
    memcpy(out, id.ptr, id.len);
    out[id.len] = '\0';
}

/* What was acknowledged before this was first said is older. */
static void take_stamp(struct orbiter *orbiter, int64_t stamp)
{
    struct orbital_group *group = &orbital.groups[orbiter->in_group];
    if (stamp < orbiter->floor || stamp <= orbiter->floor_of_group)
        book_fail("property 2, order",
                  "\"%s\" is of %" PRId64 "; before it was said, %" PRId64 " and, in its group, "
                  "%" PRId64 " were acknowledged",
                  orbiter->saying->text, stamp, orbiter->floor, orbiter->floor_of_group);
    if (stamp > group->acknowledged)
        group->acknowledged = stamp;
    if (stamp > orbital.acknowledged)
        orbital.acknowledged = stamp;
}

static void acknowledge(struct orbiter *orbiter)
{
    static const char *const ids[] = {"message_id", "thread_id", "reply_id", "group_id"};
    struct cf_json_field fields[] = {
        {.name = ids[orbiter->says], .types = CF_JSON_IS_STRING, .required = true},
        {.name = "server_timestamp",
         .types = CF_JSON_IS_NUMBER,
         .required = orbiter->says != SAYS_GROUP},
    };
    struct cf_arena arena;
    int64_t stamp;
    cf_arena_init(&arena, ORBITAL_ARENA_MAX);
    CF_ASSERT(
        sim_json_read(cf_buf_peek(&orbiter->post.body), &arena, fields, CF_ARRAY_LEN(fields)));
    if (orbiter->says != SAYS_GROUP) {
        CF_ASSERT(cf_json_to_i64(fields[1].text, &stamp) == CF_OK);
        take_stamp(orbiter, stamp);
    }
    if (orbiter->says == SAYS_THREAD) {
        struct orbital_thread *thread = &orbital.threads[orbital.threads_count++];
        *thread = (struct orbital_thread){.group = orbiter->in_group};
        copy_id(thread->id, fields[0].text);
    }
    if (orbital_is_out(orbiter, orbiter->in_group) && orbiter->says != SAYS_GROUP &&
        orbiter->saying->at > book.rooms[orbiter->saying->room].removed[orbiter->person])
        book_fail("who was removed says nothing", "%s has said \"%s\"", orbiter->user,
                  orbiter->saying->text);
    book_acknowledged(orbiter->saying, fields[0].text);
    cf_arena_deinit(&arena);
}

/* A group, or a thread of it, that it has been removed from. */
static bool is_refused(const struct orbiter *orbiter)
{
    unsigned status = orbiter->post.status;
    return (status == 403 || status == 404) && orbiter->person == REMOVED && orbiter->in_group == 0;
}

void orbiter_posted(struct sim_http *http)
{
    struct orbiter *orbiter = CF_CONTAINER_OF(http, struct orbiter, post);
    unsigned status = http->status;
    sim_trace("%s: \"%s\" got %u", orbiter->user, orbiter->saying->text, status);
    if (status == 200 && orbiter->post_attempts == 0)
        book_fail("property 1, idempotency", "\"%s\" was there before it was said",
                  orbiter->saying->text);
    if (status == 409)
        book_fail("property 1, idempotency", "a retry of \"%s\" is a conflict",
                  orbiter->saying->text);
    else if (status >= 400 && status < 500 && status != 401 && status != 408 &&
             !is_refused(orbiter))
        book_fail("a member is let in", "%s may not say \"%s\": %u", orbiter->user,
                  orbiter->saying->text, status);
    if (status == 200 || status == 201) {
        acknowledge(orbiter);
    } else if (is_refused(orbiter)) {
        orbiter->saying->given_up = true;
    } else {
        sim_at(&orbiter->speak, sim_backoff(1 + orbiter->post_attempts++));
        return;
    }
    if (orbiter->says == SAYS_REPLY)
        type(orbiter, false);
    orbiter->saying = NULL;
    sim_at(&orbiter->speak, sim_between(50 * SIM_MS, 5 * SIM_SECOND));
}

/* ---- moods ---- */

/* Behind the pong nothing of the group is to come. */
static void leave_alone(struct orbiter *orbiter)
{
    int group = (int)sim_between(0, GROUPS - 1);
    char data[96];
    if (!orbiter->granted[group] || !orbiter->synced || orbiter->leaving >= 0)
        return;
    (void)snprintf(data, sizeof(data), "{\"group_ids\":[\"%s\"]}", orbital.groups[group].id);
    orbiter_say(orbiter, "unsubscribe", data);
    orbiter_say(orbiter, "ping", "{}");
    orbiter->gap[group] = true;
    orbiter->leaving = group;
    orbiter->pongs_owed++;
}

/* A phone sleeps, loses its network, or is put away; somebody looks at other groups only. */
void orbiter_on_mood(struct sim_event *event)
{
    struct orbiter *orbiter = CF_CONTAINER_OF(event, struct orbiter, mood);
    if (phase != SIM_STORM) {
        if (orbiter->stream.link != NULL)
            sim_link_pause(orbiter->stream.link, false);
        return;
    }
    sim_at(&orbiter->mood, sim_between(2, 40) * SIM_SECOND);
    if (!orbiter->stream.open)
        return;
    if (sim_chance(400)) {
        leave_alone(orbiter);
        return;
    }
    if (sim_chance(500)) {
        sim_link_pause(orbiter->stream.link, sim_chance(500));
        return;
    }
    sim_ws_leave(&orbiter->stream, sim_chance(500));
    orbiter_closed(&orbiter->stream, 0, 1000);
}
