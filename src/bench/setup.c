#include "bench/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/jwt.h"
#include "bench/http.h"

enum {
    TOKEN_SECONDS = 3600,
    TOKEN_MAX = 8192,
    REQUESTS_MAX = 1 << 20,
    ANSWERS_MAX = 16 << 20,
    READ_BYTES = 64 * 1024,
    AT_ONCE = 32, /* requests on their way; the server commits them together */
    PEOPLE_AT_ONCE = 500,
};

enum cf_error cf_bench_sign(struct cf_slice secret, unsigned user, struct cf_buf *out,
                            struct cf_bench_why *why)
{
    char claims[128];
    int len = snprintf(claims, sizeof(claims),
                       "{\"user_id\":\"bench-%05u\",\"username\":\"Bench %05u\",\"exp\":%lld}",
                       user, user, (long long)time(NULL) + TOKEN_SECONDS);
    if (cf_jwt_sign(secret, cf_slice_of(claims, (size_t)len), out) != CF_OK)
        return cf_bench_fail(why, "cannot sign a token: the server's JWT_SECRET is needed, of at "
                                  "least 32 bytes (in the environment, or --secret)");
    return CF_OK;
}

static enum cf_error no_memory(struct cf_bench_setup *setup)
{
    return cf_bench_fail(setup->why, "no memory for the set-up");
}

static enum cf_error sign_all(struct cf_bench_setup *setup)
{
    setup->tokens = calloc((size_t)setup->plan->users + 1, sizeof(*setup->tokens));
    if (setup->tokens == NULL)
        return no_memory(setup);
    enum cf_error error = CF_OK;
    for (unsigned user = 0; user < setup->plan->users && error == CF_OK; user++) {
        struct cf_buf token;
        cf_buf_init(&token, TOKEN_MAX + 1);
        error = cf_bench_sign(setup->plan->secret, user, &token, setup->why);
        if (error == CF_OK && cf_buf_append_byte(&token, '\0') != CF_OK)
            error = no_memory(setup);
        if (error == CF_OK)
            setup->tokens[user] = (char *)token.ptr; /* freed with the others */
        else
            cf_buf_deinit(&token);
    }
    return error;
}

/* ---- requests, some at once ---- */

static enum cf_error receive_more(struct cf_bench_setup *setup)
{
    size_t len = 0;
    if (cf_buf_reserve(&setup->answers, READ_BYTES) != CF_OK)
        return no_memory(setup);
    enum cf_error error = cf_bench_wire_receive(
        &setup->wire, setup->answers.ptr + setup->answers.len, READ_BYTES, &len, setup->why);
    if (error == CF_OK && len == 0)
        error = cf_bench_fail(setup->why, "the server closed the connection of the set-up: "
                                          "does it want TLS (https)? see its log");
    setup->answers.len += len;
    return error;
}

static bool take_id(struct cf_slice body, const char *key, struct cf_bench_room *room)
{
    struct cf_slice name = cf_slice_cstr(key);
    while (body.len > 0 && !cf_slice_starts(body, name))
        body = cf_slice_skip(body, 1);
    body = cf_slice_skip(body, name.len);
    size_t quote = cf_slice_find(body, '"'), comma = cf_slice_find(body, ',');
    size_t len = quote < comma ? quote : comma;
    if (len == 0 || len >= sizeof(room->id))
        return false;
    memcpy(room->id, body.ptr, len);
    room->id[len] = '\0';
    return true;
}

/* The next answer. `room`: it tells the id of that one; NULL: of none. */
static enum cf_error await_one(struct cf_bench_setup *setup, const char *id_key,
                               struct cf_bench_room *room)
{
    struct cf_bench_answer answer;
    enum cf_error error;
    while ((error = cf_bench_answer_read(cf_buf_peek(&setup->answers), &answer)) != CF_OK) {
        if (error != CF_E_TRUNCATED)
            return cf_bench_fail(setup->why, "the server's answer is no HTTP: is this its port?");
        if ((error = receive_more(setup)) != CF_OK)
            return error;
    }
    setup->waiting--;
    if (answer.status != 200 && answer.status != 201)
        return cf_bench_refused(setup->why, "a request of the set-up", &answer);
    if (room != NULL && !take_id(answer.body, id_key, room))
        return cf_bench_fail(setup->why, "the server made a room without an id: is it a Confab?");
    cf_buf_consume(&setup->answers, answer.len);
    return CF_OK;
}

static enum cf_error flush(struct cf_bench_setup *setup)
{
    enum cf_error error =
        cf_bench_wire_send(&setup->wire, cf_buf_peek(&setup->requests), setup->why);
    cf_buf_reset(&setup->requests);
    return error;
}

static enum cf_error await_all(struct cf_bench_setup *setup)
{
    enum cf_error error = flush(setup);
    while (setup->waiting > 0 && error == CF_OK)
        error = await_one(setup, NULL, NULL);
    return error;
}

static enum cf_error ask(struct cf_bench_setup *setup, unsigned user, const char *path,
                         struct cf_slice json)
{
    char head[TOKEN_MAX + 512];
    int len = snprintf(head, sizeof(head),
                       "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                       "Authorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n",
                       path, setup->plan->authority, setup->tokens[user], json.len);
    if (len < 0 || (size_t)len >= sizeof(head) ||
        cf_buf_append(&setup->requests, cf_slice_of(head, (size_t)len)) != CF_OK ||
        cf_buf_append(&setup->requests, json) != CF_OK)
        return no_memory(setup);
    setup->waiting++;
    return CF_OK;
}

/* ---- rooms ---- */

/* Appends at most PEOPLE_AT_ONCE users from *user on, a room's step apart, as a JSON list; moves
 * *user behind them. */
static enum cf_error append_people(const struct cf_bench_setup *setup, unsigned *user,
                                   struct cf_buf *out)
{
    char name[32];
    enum cf_error error = cf_buf_append_byte(out, '[');
    for (unsigned count = 0; count < PEOPLE_AT_ONCE && *user < setup->plan->users && error == CF_OK;
         count++) {
        int len = snprintf(name, sizeof(name), "%s\"bench-%05u\"", count == 0 ? "" : ",", *user);
        error = cf_buf_append(out, cf_slice_of(name, (size_t)len));
        *user += setup->plan->rooms;
    }
    return error == CF_OK ? cf_buf_append_byte(out, ']') : error;
}

/* The JSON of the next request that makes a room or adds members. */
static enum cf_error write_people(const struct cf_bench_setup *setup, const char *begin,
                                  const char *people, unsigned *user, struct cf_buf *json)
{
    cf_buf_reset(json);
    enum cf_error error = cf_buf_append(json, cf_slice_cstr(begin));
    if (people != NULL) {
        if (error == CF_OK)
            error = cf_buf_append(json, cf_slice_cstr(people));
        if (error == CF_OK)
            error = append_people(setup, user, json);
    }
    return error == CF_OK ? cf_buf_append_byte(json, '}') : error;
}

static enum cf_error add_member(struct cf_bench_setup *setup, const struct cf_bench_room_form *form,
                                const char *path, unsigned owner, unsigned *user,
                                struct cf_buf *json)
{
    enum cf_error error;
    char begin[64];
    if (form->people == NULL) {
        (void)snprintf(begin, sizeof(begin), "{\"user_id\":\"bench-%05u\"", *user);
        *user += setup->plan->rooms;
    } else {
        (void)snprintf(begin, sizeof(begin), "{");
    }
    error = write_people(setup, begin, form->people, user, json);
    return error == CF_OK ? ask(setup, owner, path, cf_buf_peek(json)) : no_memory(setup);
}

static enum cf_error make_room(struct cf_bench_setup *setup, const struct cf_bench_room_form *form,
                               unsigned number, struct cf_buf *json)
{
    char path[256];
    unsigned user = number;
    struct cf_bench_room *room = &setup->rooms[number];
    if (write_people(setup, form->first, form->first_people, &user, json) != CF_OK)
        return no_memory(setup);
    if (form->first_people == NULL)
        user += setup->plan->rooms; /* who makes it is in it */
    enum cf_error error = ask(setup, number, form->rooms, cf_buf_peek(json));
    if (error == CF_OK)
        error = flush(setup);
    if (error == CF_OK)
        error = await_one(setup, form->id_key, room);
    (void)snprintf(path, sizeof(path), "%s/%s/%s", form->rooms, room->id, form->members);
    while (user < setup->plan->users && error == CF_OK) {
        error = add_member(setup, form, path, number, &user, json);
        if (error == CF_OK && setup->waiting == AT_ONCE)
            error = await_all(setup);
    }
    return error == CF_OK ? await_all(setup) : error;
}

static enum cf_error make_rooms(struct cf_bench_setup *setup, const struct cf_bench_room_form *form)
{
    struct ssl_ctx_st *context;
    struct cf_buf json;
    enum cf_error error = cf_bench_tls_new(setup->plan, &context, setup->why);
    if (error == CF_OK)
        error = cf_bench_wire_open(&setup->wire, setup->plan, context, setup->why);
    cf_buf_init(&json, REQUESTS_MAX);
    for (unsigned i = 0; i < setup->plan->rooms && error == CF_OK; i++)
        error = make_room(setup, form, i, &json);
    cf_buf_deinit(&json);
    cf_bench_wire_close(&setup->wire);
    cf_bench_tls_free(context);
    return error;
}

enum cf_error cf_bench_setup_init(struct cf_bench_setup *setup, const struct cf_bench_plan *plan,
                                  const struct cf_bench_room_form *form, struct cf_bench_why *why)
{
    *setup = (struct cf_bench_setup){.plan = plan, .why = why, .wire = {.fd = -1}};
    cf_buf_init(&setup->requests, REQUESTS_MAX);
    cf_buf_init(&setup->answers, ANSWERS_MAX);
    setup->rooms = calloc(plan->rooms, sizeof(*setup->rooms));
    if (setup->rooms == NULL)
        return no_memory(setup);
    for (unsigned i = 0; i < plan->rooms; i++)
        (void)snprintf(setup->rooms[i].id, sizeof(setup->rooms[i].id), "%u", i + 1);
    if (form == NULL)
        return CF_OK;
    enum cf_error error = sign_all(setup);
    return error == CF_OK ? make_rooms(setup, form) : error;
}

void cf_bench_setup_deinit(struct cf_bench_setup *setup)
{
    for (unsigned i = 0; setup->tokens != NULL && i < setup->plan->users; i++)
        free(setup->tokens[i]);
    free(setup->tokens);
    free(setup->rooms);
    cf_buf_deinit(&setup->requests);
    cf_buf_deinit(&setup->answers);
}
