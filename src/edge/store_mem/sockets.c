#include <stdlib.h>

#include "base/mutant.h"
#include "edge/store_mem/talks.h"

static struct mem_socket *find_socket(struct mem_store *mem, struct cf_slice pid)
{
    for (struct cf_list *node = mem->sockets.next; node != &mem->sockets; node = node->next) {
        struct mem_socket *socket = CF_LIST_ENTRY(node, struct mem_socket, link);
        if (cf_slice_eq(socket->pid, pid))
            return socket;
    }
    return NULL;
}

/* The socket, if it is one of the actor's; else NULL. */
static struct mem_socket *find_own(struct mem_store *mem, const struct cf_store_request *request)
{
    struct mem_socket *socket = find_socket(mem, request->pid);
    return socket != NULL && cf_slice_eq(socket->user->id, request->actor) ? socket : NULL;
}

static struct mem_joined *find_joined(const struct mem_socket *socket, const struct mem_talk *talk)
{
    for (size_t i = 0; i < socket->talks_count; i++)
        if (socket->talks[i].talk == talk)
            return &socket->talks[i];
    return NULL;
}

static void free_socket(struct mem_socket *socket)
{
    cf_list_remove(&socket->link);
    cf_mem_free(&socket->pid);
    cf_mem_free(&socket->sid);
    free(socket->talks);
    free(socket);
}

void cf_mem_sockets_free(struct mem_store *mem)
{
    while (!cf_list_empty(&mem->sockets))
        free_socket(CF_LIST_ENTRY(mem->sockets.next, struct mem_socket, link));
}

/* One that is not in the store yet. */
static enum cf_error new_socket(struct mem_store *mem, const struct cf_store_request *request,
                                struct mem_socket **out_socket)
{
    struct mem_socket *socket = calloc(1, sizeof(*socket));
    if (socket == NULL)
        return CF_E_NOMEM;
    cf_list_init(&socket->link);
    socket->opened = request->now;
    socket->number = request->number;
    enum cf_error error = cf_mem_user_put(mem, request->actor, request->actor_name, &socket->user);
    if (error == CF_OK)
        error = cf_mem_copy(request->pid, &socket->pid);
    if (error == CF_OK)
        error = cf_mem_copy(request->sid, &socket->sid);
    if (error != CF_OK) {
        free_socket(socket);
        return error;
    }
    *out_socket = socket;
    return CF_OK;
}

/* CF_E_CONFLICT: the pid is taken. */
enum cf_error cf_mem_socket_open(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_socket *socket;
    if (find_socket(mem, request->pid) != NULL)
        return CF_E_CONFLICT;
    enum cf_error error = new_socket(mem, request, &socket);
    if (error == CF_OK)
        cf_list_push_back(&mem->sockets, &socket->link);
    return error;
}

/* The actor's socket, or (*out_made) one that is not in the store yet, as the request tells of it.
 * NULL: there is none. */
static enum cf_error find_or_make(struct mem_store *mem, const struct cf_store_request *request,
                                  struct mem_socket **out_socket, bool *out_made)
{
    *out_socket = find_own(mem, request);
    *out_made =
        *out_socket == NULL && request->sid.len > 0 && find_socket(mem, request->pid) == NULL;
    return *out_made ? new_socket(mem, request, out_socket) : CF_OK;
}

/* What was made stays, unless the request was refused. */
static void keep_made(struct mem_store *mem, struct mem_socket *made, enum cf_error error)
{
    if (error == CF_OK)
        cf_list_push_back(&mem->sockets, &made->link);
    else
        free_socket(made);
}

/* In the order of the talks' ids. Of a socket that is in the talk already the first joining counts:
 * whether its client has seen what came since, only the client can tell. */
static enum cf_error join(struct mem_socket *socket, struct mem_talk *talk, int64_t number)
{
    if (find_joined(socket, talk) != NULL)
        return CF_OK;
    struct mem_joined *talks =
        cf_mem_grow(socket->talks, socket->talks_count, sizeof(*socket->talks));
    if (talks == NULL)
        return CF_E_NOMEM;
    socket->talks = talks;
    size_t at = socket->talks_count++;
    for (; at > 0 && talks[at - 1].talk->id > talk->id; at--)
        talks[at] = talks[at - 1];
    talks[at] = (struct mem_joined){talk, number};
    return CF_OK;
}

enum cf_error cf_mem_socket_join(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_talk *talk = cf_mem_talk_find_own(mem, request);
    if (talk == NULL)
        return CF_E_NOT_MEMBER;
    struct mem_socket *socket;
    bool made;
    enum cf_error error = find_or_make(mem, request, &socket, &made);
    if (error != CF_OK)
        return error;
    error = cf_mem_actor_put(mem, request);
    request->last_number = (int64_t)mem->events_count;
    if (error == CF_OK && socket != NULL)
        error = join(socket, talk, request->last_number);
    if (made)
        keep_made(mem, socket, error);
    return error;
}

enum cf_error cf_mem_socket_leave(struct mem_store *mem, struct cf_store_request *request)
{
    enum cf_error error = cf_mem_actor_put(mem, request);
    struct mem_socket *socket = find_own(mem, request);
    if (error != CF_OK || socket == NULL)
        return error;
    size_t kept = 0;
    for (size_t i = 0; i < socket->talks_count; i++)
        if (socket->talks[i].talk->id != request->talk)
            socket->talks[kept++] = socket->talks[i];
    socket->talks_count = kept;
    return CF_OK;
}

static void sweep(struct mem_store *mem, cf_us before)
{
    struct cf_list *next;
    for (struct cf_list *node = mem->sockets.next; node != &mem->sockets; node = next) {
        next = node->next;
        struct mem_socket *socket = CF_LIST_ENTRY(node, struct mem_socket, link);
        if (socket->opened < before)
            free_socket(socket);
    }
}

/* Nobody's act in particular: there may be no actor. */
enum cf_error cf_mem_socket_close(struct mem_store *mem, struct cf_store_request *request)
{
    enum cf_error error = request->actor.len > 0 ? cf_mem_actor_put(mem, request) : CF_OK;
    if (error != CF_OK)
        return error;
    if (request->pid.len == 0) {
        sweep(mem, request->now);
        return CF_OK;
    }
    struct mem_socket *socket = find_socket(mem, request->pid);
    if (socket != NULL && socket->opened == request->now)
        free_socket(socket);
    return CF_OK;
}

/* Is the socket in the talk, as far as its user may be? NULL: no. */
static const struct mem_joined *find_allowed(const struct mem_socket *socket,
                                             const struct mem_talk *talk)
{
    bool takes_part = cf_mem_person_find(talk, socket->user->id) != NULL;
    return takes_part ? find_joined(socket, talk) : NULL;
}

/* Has the socket, whose client has seen everything up to `from`, missed this? */
static bool is_missed(const struct mem_socket *socket, const struct mem_event *event,
                      int64_t number, int64_t from)
{
    const struct mem_talk *talk = event->message->talk;
    if (number <= from + (CF_MUTANT(RECOVERY_SKIPS) ? 1 : 0))
        return false;
    if (event->marker != NULL)
        return event->message->author == socket->user && number > socket->number &&
               cf_mem_person_find(talk, socket->user->id) != NULL;
    const struct mem_joined *joined = find_allowed(socket, talk);
    return joined != NULL && number > joined->number;
}

static enum cf_error count_missed(const struct mem_store *mem, const struct mem_socket *socket,
                                  const struct cf_store_request *request, size_t *out_messages,
                                  size_t *out_marks)
{
    size_t messages = 0;
    size_t marks = 0;
    for (size_t i = 0; i < mem->events_count; i++) {
        const struct mem_event *event = &mem->events[i];
        if (!is_missed(socket, event, (int64_t)i + 1, request->from))
            continue;
        if (event->at < request->since)
            return CF_E_NOT_FOUND;
        if (event->marker == NULL)
            messages++;
        else
            marks++;
    }
    if (messages + marks > request->limit)
        return CF_E_NOT_FOUND;
    *out_messages = messages;
    *out_marks = marks;
    return CF_OK;
}

static enum cf_error answer_talks(const struct mem_socket *socket, struct cf_store_request *request)
{
    size_t count = socket->talks_count;
    request->talks = cf_arena_alloc(&request->arena, count * sizeof(*request->talks));
    if (request->talks == NULL)
        return CF_E_NOMEM;
    for (size_t i = 0; i < count; i++)
        if (find_allowed(socket, socket->talks[i].talk) != NULL)
            request->talks[request->talks_count++].id = socket->talks[i].talk->id;
    return CF_OK;
}

/* Into arrays that are large enough. */
static enum cf_error fill_missed(const struct mem_store *mem, const struct mem_socket *socket,
                                 struct cf_store_request *request)
{
    struct cf_arena *arena = &request->arena;
    enum cf_error error = CF_OK;
    for (size_t i = 0; i < mem->events_count && error == CF_OK; i++) {
        const struct mem_event *event = &mem->events[i];
        int64_t number = (int64_t)i + 1;
        if (!is_missed(socket, event, number, request->from))
            continue;
        if (event->marker == NULL)
            error = cf_mem_talk_message_copy(
                arena, event->message, &request->talk_messages[request->talk_messages_count++]);
        else
            error = cf_mem_mark_copy(arena, mem, number, &request->marks[request->marks_count++]);
    }
    return error;
}

static enum cf_error recover(struct mem_store *mem, struct mem_socket *socket,
                             struct cf_store_request *request)
{
    struct cf_arena *arena = &request->arena;
    size_t messages;
    size_t marks;
    enum cf_error error = count_missed(mem, socket, request, &messages, &marks);
    if (error != CF_OK)
        return error;
    request->talk_messages = cf_arena_alloc(arena, messages * sizeof(*request->talk_messages));
    request->marks = cf_arena_alloc(arena, marks * sizeof(*request->marks));
    if (request->talk_messages == NULL || request->marks == NULL)
        return CF_E_NOMEM;
    error = answer_talks(socket, request);
    if (error == CF_OK)
        error = fill_missed(mem, socket, request);
    if (error == CF_OK)
        error = cf_arena_copy(arena, socket->sid, &request->sid);
    if (error == CF_OK)
        error = cf_mem_actor_put(mem, request);
    if (error != CF_OK)
        return error;
    request->last_number = (int64_t)mem->events_count;
    socket->opened = request->now;
    return CF_OK;
}

enum cf_error cf_mem_socket_recover(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_socket *socket;
    bool made;
    enum cf_error error = find_or_make(mem, request, &socket, &made);
    if (error != CF_OK)
        return error;
    error = socket == NULL ? CF_E_NOT_FOUND : recover(mem, socket, request);
    if (made)
        keep_made(mem, socket, error);
    return error;
}
