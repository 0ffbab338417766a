/* What an Orbital client asks for on its connection. */
#include <stdlib.h>

#include "base/mutant.h"
#include "chat/group.h"
#include "dialect/orbital/hear.h"
#include "dialect/orbital/tell.h"
#include "server/fanout.h"
#include "server/orbit.h"

enum {
    ARENA_BESIDE_FRAME = 128 * 1024,
    ASKS_MAX = 16,
    BAD_FRAMES_MAX = 10,
    TYPING_BURST = 10,
    TYPING_PAUSE_MS = 100,
};

static struct cf_worker *worker_of(const struct cf_orbit *orbit)
{
    return orbit->session->worker;
}

static void send_error(struct cf_orbit *orbit, const char *code, const char *message,
                       const struct cf_slice *groups, size_t count)
{
    struct cf_worker *worker = worker_of(orbit);
    cf_buf_reset(&worker->scratch);
    enum cf_error error =
        cf_orbital_error(code, message, groups, count, worker->stamp_told, &worker->scratch);
    cf_orbit_send(orbit, cf_buf_peek(&worker->scratch), error);
}

static void refuse_groups(struct cf_orbit *orbit, const struct cf_slice *groups, size_t count)
{
    send_error(orbit, "not_member",
               "You are not a member of these groups. Ask a member to add you.", groups, count);
}

static void refuse_too_many(struct cf_orbit *orbit)
{
    send_error(orbit, "too_many",
               "At most 1000 groups a connection, and 16 requests that wait. Unsubscribe first, or "
               "wait for the answers.",
               NULL, 0);
}

static struct cf_asker asker_of(const struct cf_orbit *orbit, struct cf_identity *identity)
{
    struct cf_worker *worker = worker_of(orbit);
    *identity = cf_identity_of(cf_orbit_user(orbit), cf_orbit_name(orbit), orbit->expires);
    return (struct cf_asker){identity, &worker->server->entropy, cf_worker_now(worker)};
}

/* ---- subscriptions ---- */

/* A subscribe that waits for the store. */
struct subscribe {
    struct cf_job job;
    struct cf_arena arena;
    uint32_t serial;
    struct cf_slice *groups; /* as the client sent them */
    struct cf_uuid *ids;     /* nil: that is none */
    size_t count;
};

static struct cf_subscription *find(const struct cf_orbit *orbit, const struct cf_uuid *group)
{
    return cf_map_get(&orbit->groups, cf_slice_of(group->bytes, sizeof(group->bytes)));
}

static enum cf_error add(struct cf_orbit *orbit, struct cf_uuid group, uint32_t serial)
{
    struct cf_subscription *subscription = find(orbit, &group);
    if (subscription != NULL) {
        subscription->serial = serial;
        return CF_OK;
    }
    if (orbit->groups.count == CF_GROUP_AMONG_MAX)
        return CF_E_TOO_MANY;
    subscription = calloc(1, sizeof(*subscription));
    if (subscription == NULL)
        return CF_E_NOMEM;
    subscription->orbit = orbit;
    subscription->group = group;
    subscription->serial = serial;
    struct cf_slice key = cf_slice_of(subscription->group.bytes, sizeof(subscription->group.bytes));
    enum cf_error error = cf_map_put(&orbit->groups, key, subscription);
    if (error != CF_OK) {
        free(subscription);
        return error;
    }
    cf_subscriber_init(&subscription->subscriber,
                       orbit->compressed ? CF_FORM_ORBIT_COMPRESSED : CF_FORM_ORBIT);
    error = cf_hub_join(&worker_of(orbit)->hub, group, &subscription->subscriber);
    if (error == CF_OK && CF_MUTANT(PENDING_LIVE))
        cf_hub_live(&subscription->subscriber);
    return error;
}

/* Those that this subscribe has added and nobody has decided about. */
static void take_back(struct cf_orbit *orbit, const struct subscribe *subscribe)
{
    for (size_t i = 0; i < subscribe->count; i++) {
        struct cf_subscription *subscription = find(orbit, &subscribe->ids[i]);
        if (subscription != NULL && !subscription->subscriber.live &&
            subscription->serial == subscribe->serial)
            cf_orbit_unsubscribe(subscription);
    }
}

static void free_subscribe(struct subscribe *subscribe)
{
    cf_arena_deinit(&subscribe->arena);
    free(subscribe);
}

/* NULL without memory. */
static struct subscribe *new_subscribe(struct cf_orbit *orbit, const struct cf_orbital_heard *heard,
                                       size_t bytes_max)
{
    struct subscribe *subscribe = calloc(1, sizeof(*subscribe));
    if (subscribe == NULL)
        return NULL;
    cf_arena_init(&subscribe->arena, bytes_max);
    subscribe->serial = ++orbit->serial;
    subscribe->count = heard->groups_count;
    subscribe->groups =
        cf_arena_alloc(&subscribe->arena, (subscribe->count + 1) * sizeof(*subscribe->groups));
    subscribe->ids =
        cf_arena_alloc(&subscribe->arena, (subscribe->count + 1) * sizeof(*subscribe->ids));
    bool whole = subscribe->groups != NULL && subscribe->ids != NULL;
    for (size_t i = 0; i < subscribe->count && whole; i++) {
        whole = cf_arena_copy(&subscribe->arena, heard->groups[i], &subscribe->groups[i]) == CF_OK;
        if (!cf_uuid_parse(heard->groups[i], &subscribe->ids[i]))
            subscribe->ids[i] = (struct cf_uuid){.bytes = {0}};
    }
    if (whole)
        return subscribe;
    free_subscribe(subscribe);
    return NULL;
}

/* What became of each group: those that are heard from now on come to the front of
 * subscribe->groups, those refused to `refused`. Who has unsubscribed meanwhile is told neither.
 * The store has left out those that the user is no member of, and kept the order. */
static void decide(struct cf_orbit *orbit, struct subscribe *subscribe,
                   const struct cf_store_request *request, struct cf_slice *refused,
                   size_t *out_granted, size_t *out_refused)
{
    size_t granted = 0, denied = 0, next = 0;
    for (size_t i = 0; i < subscribe->count; i++) {
        const struct cf_uuid *id = &subscribe->ids[i];
        struct cf_subscription *subscription = find(orbit, id);
        if (next == request->uuids_count || !cf_uuid_eq(&request->uuids[next], id)) {
            refused[denied++] = subscribe->groups[i];
            continue;
        }
        next++;
        if (subscription == NULL)
            continue;
        if (subscription->serial == subscribe->serial)
            cf_hub_live(&subscription->subscriber);
        if (subscription->subscriber.live)
            subscribe->groups[granted++] = subscribe->groups[i];
    }
    take_back(orbit, subscribe);
    *out_granted = granted;
    *out_refused = denied;
}

static void answer_subscribe(struct cf_orbit *orbit, struct subscribe *subscribe,
                             const struct cf_store_request *request)
{
    struct cf_worker *worker = worker_of(orbit);
    size_t granted, denied;
    struct cf_slice *refused =
        cf_arena_alloc(&subscribe->arena, (subscribe->count + 1) * sizeof(*refused));
    if (request->error != CF_OK || refused == NULL) {
        take_back(orbit, subscribe);
        send_error(orbit, "unavailable", "The service cannot do this just now. Subscribe again.",
                   subscribe->groups, subscribe->count);
        return;
    }
    decide(orbit, subscribe, request, refused, &granted, &denied);
    cf_buf_reset(&worker->scratch);
    enum cf_error error = cf_orbital_subscribed(
        subscribe->groups, granted, cf_worker_now(worker).us, worker->stamp_told, &worker->scratch);
    cf_orbit_send(orbit, cf_buf_peek(&worker->scratch), error);
    if (denied > 0)
        refuse_groups(orbit, refused, denied);
}

static void subscribe_done(struct cf_worker *worker, struct cf_session *session,
                           struct cf_store_request *request)
{
    (void)worker;
    struct subscribe *subscribe = CF_CONTAINER_OF(request->owner, struct subscribe, job);
    struct cf_orbit *orbit = session == NULL ? NULL : cf_orbit_of_session(session);
    if (orbit != NULL) {
        orbit->asks--;
        answer_subscribe(orbit, subscribe, request);
    }
    free_subscribe(subscribe);
    cf_store_request_free(request);
}

/* Joins the rooms, then asks the store: see struct cf_subscription. */
static enum cf_error ask_among(struct cf_orbit *orbit, struct subscribe *subscribe)
{
    struct cf_worker *worker = worker_of(orbit);
    struct cf_identity identity;
    struct cf_asker asker = asker_of(orbit, &identity);
    struct cf_store_request *request;
    enum cf_chat_field field;
    enum cf_error error = CF_OK;
    for (size_t i = 0; i < subscribe->count && error == CF_OK; i++) {
        if (!cf_uuid_is_nil(&subscribe->ids[i]))
            error = add(orbit, subscribe->ids[i], subscribe->serial);
    }
    if (error == CF_OK)
        error = cf_group_among(&asker, subscribe->ids, subscribe->count, &request, &field);
    if (error != CF_OK)
        return error;
    subscribe->job = (struct cf_job){worker, subscribe_done};
    orbit->asks++;
    cf_worker_submit(worker, &subscribe->job, orbit->session->ticket, request);
    return CF_OK;
}

static void hear_subscribe(struct cf_orbit *orbit, const struct cf_orbital_heard *heard,
                           size_t frame_len)
{
    if (orbit->asks == ASKS_MAX) {
        refuse_too_many(orbit);
        return;
    }
    struct subscribe *subscribe = new_subscribe(orbit, heard, 2 * frame_len + ARENA_BESIDE_FRAME);
    enum cf_error error = subscribe == NULL ? CF_E_NOMEM : ask_among(orbit, subscribe);
    if (error == CF_OK)
        return;
    if (subscribe != NULL) {
        take_back(orbit, subscribe);
        free_subscribe(subscribe);
    }
    if (error == CF_E_TOO_MANY)
        refuse_too_many(orbit);
    else
        cf_orbit_close(orbit, CF_ORBIT_LOST);
}

static void hear_unsubscribe(struct cf_orbit *orbit, const struct cf_orbital_heard *heard)
{
    for (size_t i = 0; i < heard->groups_count; i++) {
        struct cf_uuid id;
        if (!cf_uuid_parse(heard->groups[i], &id))
            continue;
        struct cf_subscription *subscription = find(orbit, &id);
        if (subscription != NULL)
            cf_orbit_unsubscribe(subscription);
    }
}

void cf_orbit_removed(struct cf_subscription *subscription)
{
    struct cf_orbit *orbit = subscription->orbit;
    bool told = subscription->subscriber.live;
    char text[CF_UUID_LEN];
    cf_uuid_format(&subscription->group, text);
    cf_orbit_unsubscribe(subscription);
    struct cf_slice group = cf_slice_of(text, sizeof(text));
    if (!told)
        refuse_groups(orbit, &group, 1);
}

/* ---- typing ---- */

/* A sign of typing that waits for its thread's group. */
struct typing {
    struct cf_job job;
    bool on;
};

static void publish_typing(struct cf_worker *worker, const struct cf_orbit *orbit,
                           const struct cf_group_event *thread, bool on)
{
    struct cf_event like = {.kind = CF_EVENT_GROUP_TYPING,
                            .room = thread->group,
                            .thread = thread->id,
                            .user = cf_orbit_user(orbit),
                            .user_name = cf_orbit_name(orbit),
                            .source = {worker->index, orbit->session->ticket},
                            .on = on,
                            .at = cf_worker_now(worker).us};
    struct cf_event *event;
    if (cf_event_new(&like, &event) == CF_OK)
        cf_server_publish(worker->server, event);
}

static void typing_done(struct cf_worker *worker, struct cf_session *session,
                        struct cf_store_request *request)
{
    struct typing *typing = CF_CONTAINER_OF(request->owner, struct typing, job);
    struct cf_orbit *orbit = session == NULL ? NULL : cf_orbit_of_session(session);
    if (orbit != NULL) {
        orbit->asks--;
        if (request->error == CF_OK)
            publish_typing(worker, orbit, &request->group_events[0], typing->on);
    }
    free(typing);
    cf_store_request_free(request);
}

/* Ten signs at once, and one more every 100 ms, whatever they say; the end of the last one passes
 * in any case. */
static bool take_typing(struct cf_orbit *orbit, const struct cf_orbital_heard *heard, cf_ms now)
{
    bool ends =
        !heard->typing && orbit->typing_on && cf_uuid_eq(&heard->thread, &orbit->typing_thread);
    cf_ms earned = (now - orbit->typing_since) / TYPING_PAUSE_MS;
    if (earned >= orbit->typing_spent) {
        orbit->typing_spent = 0;
        orbit->typing_since = now;
    } else {
        orbit->typing_spent = (uint8_t)(orbit->typing_spent - earned);
        orbit->typing_since += earned * TYPING_PAUSE_MS;
    }
    if (orbit->typing_spent == TYPING_BURST)
        return ends;
    orbit->typing_spent++;
    return true;
}

/* It is a hint: what comes too often, or finds no memory, is dropped. */
static void hear_typing(struct cf_orbit *orbit, const struct cf_orbital_heard *heard)
{
    struct cf_worker *worker = worker_of(orbit);
    struct cf_identity identity;
    struct cf_asker asker = asker_of(orbit, &identity);
    if (orbit->asks == ASKS_MAX || !take_typing(orbit, heard, asker.now.ms))
        return;
    struct typing *typing = calloc(1, sizeof(*typing));
    struct cf_store_request *request;
    if (typing == NULL || cf_group_thread_get(&asker, heard->thread, &request) != CF_OK) {
        free(typing);
        return;
    }
    orbit->typing_thread = heard->thread;
    orbit->typing_on = heard->typing;
    orbit->asks++;
    *typing = (struct typing){{worker, typing_done}, heard->typing};
    cf_worker_submit(worker, &typing->job, orbit->session->ticket, request);
}

/* ---- frames ---- */

static void hear_bad(struct cf_orbit *orbit, const char *code, const char *message)
{
    cf_count(&worker_of(orbit)->metrics, CF_COUNT_ORBITAL_BAD);
    send_error(orbit, code, message, NULL, 0);
    if (++orbit->bad_frames == BAD_FRAMES_MAX)
        cf_orbit_close(orbit, CF_ORBIT_PROTOCOL);
}

static void answer_ping(struct cf_orbit *orbit)
{
    struct cf_worker *worker = worker_of(orbit);
    cf_buf_reset(&worker->scratch);
    enum cf_error error =
        cf_orbital_pong(cf_worker_now(worker).us, worker->stamp_told, &worker->scratch);
    cf_orbit_send(orbit, cf_buf_peek(&worker->scratch), error);
}

static void act(struct cf_orbit *orbit, const struct cf_orbital_heard *heard, size_t frame_len)
{
    switch (heard->verb) {
    case CF_ORBITAL_BAD_JSON:
        hear_bad(orbit, "bad_json",
                 "The frame is no JSON object with a \"type\". Send {\"type\":…,\"data\":{…}}.");
        return;
    case CF_ORBITAL_UNKNOWN:
        hear_bad(orbit, "unknown_type",
                 "The type is unknown. Known: subscribe, unsubscribe, ping, pong, "
                 "typing_indicator.");
        return;
    case CF_ORBITAL_INVALID:
        hear_bad(orbit, "invalid", heard->rule);
        return;
    case CF_ORBITAL_SUBSCRIBE:
        hear_subscribe(orbit, heard, frame_len);
        break;
    case CF_ORBITAL_UNSUBSCRIBE:
        hear_unsubscribe(orbit, heard);
        break;
    case CF_ORBITAL_PING:
        answer_ping(orbit);
        break;
    case CF_ORBITAL_PONG:
        orbit->pings = 0;
        break;
    case CF_ORBITAL_TYPING:
        hear_typing(orbit, heard);
        break;
    }
    orbit->bad_frames = 0;
}

void cf_orbit_hear(struct cf_orbit *orbit, struct cf_slice text)
{
    struct cf_arena arena;
    struct cf_orbital_heard heard;
    cf_arena_init(&arena, 2 * text.len + ARENA_BESIDE_FRAME);
    if (cf_orbital_hear(text, worker_of(orbit)->server->hash_key, &arena, &heard) == CF_OK)
        act(orbit, &heard, text.len);
    else
        cf_orbit_close(orbit, CF_ORBIT_LOST);
    cf_arena_deinit(&arena);
}

void cf_orbit_hear_binary(struct cf_orbit *orbit)
{
    hear_bad(orbit, "bad_json", "The frame is binary. Send JSON in a text frame.");
}
