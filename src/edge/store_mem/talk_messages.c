#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"
#include "edge/store_mem/talks.h"

static const struct mem_event *find_event(const struct mem_store *mem, int64_t number)
{
    return &mem->events[number - 1];
}

/* Space for one event more. */
static enum cf_error reserve_event(struct mem_store *mem)
{
    struct mem_event *events = cf_mem_grow(mem->events, mem->events_count, sizeof(*events));
    if (events == NULL)
        return CF_E_NOMEM;
    mem->events = events;
    return CF_OK;
}

enum cf_error cf_mem_talk_message_copy(struct cf_arena *arena,
                                       const struct mem_talk_message *message,
                                       struct cf_talk_message *row)
{
    row->id = message->id;
    row->talk = message->talk->id;
    row->seq = message->seq;
    row->created = message->created;
    enum cf_error error = cf_arena_copy(arena, message->author->id, &row->author);
    if (error == CF_OK)
        error = cf_arena_copy(arena, message->author->name, &row->author_name);
    if (error == CF_OK)
        error = cf_arena_copy(arena, message->text, &row->text);
    if (error == CF_OK && message->client_id.ptr != NULL)
        error = cf_arena_copy(arena, message->client_id, &row->client_id);
    return error;
}

static enum cf_error answer_message(struct cf_store_request *request,
                                    const struct mem_talk_message *message)
{
    request->talk_messages = cf_arena_alloc(&request->arena, sizeof(*request->talk_messages));
    if (request->talk_messages == NULL)
        return CF_E_NOMEM;
    request->talk_messages_count = 1;
    return cf_mem_talk_message_copy(&request->arena, message, &request->talk_messages[0]);
}

static cf_us time_of(const struct mem_store *mem, int64_t number)
{
    return number == 0 ? 0 : find_event(mem, number)->at;
}

static enum cf_error copy_receipts(const struct mem_store *mem, struct cf_arena *arena,
                                   const struct mem_talk_message *message,
                                   struct cf_talk_message *row)
{
    size_t count = message->receipts_count;
    if (count == 0)
        return CF_OK;
    row->receipts = cf_arena_alloc(arena, count * sizeof(*row->receipts));
    if (row->receipts == NULL)
        return CF_E_NOMEM;
    row->receipts_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct mem_receipt *receipt = &message->receipts[i];
        row->receipts[i].delivered = time_of(mem, receipt->delivered);
        row->receipts[i].read = time_of(mem, receipt->read);
        enum cf_error error = cf_arena_copy(arena, receipt->user->id, &row->receipts[i].user);
        if (error != CF_OK)
            return error;
    }
    return CF_OK;
}

/* `wanted`, but neither below 0 nor above `count`. */
static size_t clamp(int64_t wanted, size_t count)
{
    if (wanted <= 0)
        return 0;
    return (uint64_t)wanted < count ? (size_t)wanted : count;
}

static size_t count_before(const struct mem_talk *talk, cf_us time)
{
    size_t count = 0;
    while (count < talk->messages_count && talk->messages[count]->created < time)
        count++;
    return count;
}

/* Which messages are meant: indices *out_first and on, before *out_end. */
static void find_range(const struct mem_talk *talk, struct cf_store_request *request,
                       size_t *out_first, size_t *out_end)
{
    size_t count = talk->messages_count;
    size_t limit = request->limit;
    if (request->range == CF_TALK_NEWEST || request->range == CF_TALK_BEFORE) {
        bool newest = request->range == CF_TALK_NEWEST;
        *out_end = newest ? count : clamp(request->from > 0 ? request->from - 1 : 0, count);
        *out_first = *out_end > limit ? *out_end - limit : 0;
        request->has_more = *out_first > 0;
        return;
    }
    bool since = request->range == CF_TALK_SINCE;
    *out_first = since ? count_before(talk, request->from) : clamp(request->from, count);
    *out_end = count - *out_first > limit ? *out_first + limit : count;
    request->has_more = *out_end < count;
}

enum cf_error cf_mem_talk_messages(struct mem_store *mem, struct cf_store_request *request)
{
    const struct mem_talk *talk = cf_mem_talk_find_own(mem, request);
    if (talk == NULL)
        return CF_E_NOT_MEMBER;
    size_t first;
    size_t end;
    find_range(talk, request, &first, &end);
    if (first == end)
        return CF_OK;
    struct cf_arena *arena = &request->arena;
    struct cf_talk_message *rows = cf_arena_alloc(arena, (end - first) * sizeof(*rows));
    if (rows == NULL)
        return CF_E_NOMEM;
    request->talk_messages = rows;
    request->talk_messages_count = end - first;
    enum cf_error error = CF_OK;
    for (size_t i = first; i < end && error == CF_OK; i++) {
        error = cf_mem_talk_message_copy(arena, talk->messages[i], &rows[i - first]);
        if (error == CF_OK)
            error = copy_receipts(mem, arena, talk->messages[i], &rows[i - first]);
    }
    return error;
}

static void free_message(struct mem_talk_message *message)
{
    cf_mem_free(&message->text);
    cf_mem_free(&message->client_id);
    cf_mem_free(&message->sent_key);
    free(message);
}

static enum cf_error link_message(struct mem_store *mem, struct mem_talk_message *message)
{
    struct mem_talk *talk = message->talk;
    struct mem_talk_message **messages =
        cf_mem_grow(talk->messages, talk->messages_count, sizeof(struct mem_talk_message *));
    if (messages == NULL)
        return CF_E_NOMEM;
    talk->messages = messages;
    enum cf_error error = reserve_event(mem);
    if (error == CF_OK && message->sent_key.ptr != NULL)
        error = cf_map_put(&mem->talk_sent, message->sent_key, message);
    if (error != CF_OK)
        return error;
    talk->messages[talk->messages_count++] = message;
    mem->events[mem->events_count++] = (struct mem_event){
        .message = message,
        .at = message->created,
    };
    return CF_OK;
}

/* Fills a zeroed message and the answer, and puts it where it belongs. */
static enum cf_error fill_message(struct mem_store *mem, struct cf_store_request *request,
                                  struct mem_talk *talk, struct mem_talk_message *message)
{
    size_t count = talk->messages_count;
    cf_us earliest = count == 0 ? 1 : talk->messages[count - 1]->created + 1;
    message->id = (int64_t)mem->events_count + 1;
    message->talk = talk;
    message->seq = count + 1;
    message->created = request->now > earliest ? request->now : earliest;
    message->author = cf_mem_user_find(mem, request->actor);
    enum cf_error error = cf_mem_copy(request->text, &message->text);
    if (error == CF_OK)
        error = cf_mem_copy(request->client_id, &message->client_id);
    if (error == CF_OK)
        error = answer_message(request, message);
    return error != CF_OK ? error : link_message(mem, message);
}

/* Takes sent_key, in any case. */
static enum cf_error add_message(struct mem_store *mem, struct cf_store_request *request,
                                 struct mem_talk *talk, struct cf_slice sent_key)
{
    struct mem_talk_message *message = calloc(1, sizeof(*message));
    if (message == NULL) {
        cf_mem_free(&sent_key);
        return CF_E_NOMEM;
    }
    message->sent_key = sent_key;
    enum cf_error error = cf_mem_actor_put(mem, request);
    if (error == CF_OK)
        error = fill_message(mem, request, talk, message);
    if (error != CF_OK)
        free_message(message);
    request->created = error == CF_OK;
    return error;
}

enum cf_error cf_mem_talk_send(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_talk *talk = cf_mem_talk_find_own(mem, request);
    if (talk == NULL)
        return CF_E_NOT_MEMBER;
    struct cf_slice sent_key;
    enum cf_error error = cf_mem_sent_key(request, &sent_key);
    if (error != CF_OK)
        return error;
    if (CF_MUTANT(TALK_DEDUPE_OFF))
        cf_mem_free(&sent_key);
    struct mem_talk_message *first =
        sent_key.ptr == NULL ? NULL : cf_map_get(&mem->talk_sent, sent_key);
    if (first == NULL)
        return add_message(mem, request, talk, sent_key);
    cf_mem_free(&sent_key);
    if (first->talk != talk)
        return CF_E_CONFLICT;
    error = cf_mem_actor_put(mem, request);
    return error != CF_OK ? error : answer_message(request, first);
}

/* Into a zeroed row; an author who takes no part any more stays empty. */
static enum cf_error copy_mark(struct cf_arena *arena, const struct mem_talk_message *message,
                               struct cf_slice user, struct cf_talk_mark *row)
{
    struct cf_slice author = message->author->id;
    row->message = message->id;
    row->talk = message->talk->id;
    enum cf_error error = CF_OK;
    if (cf_mem_person_find(message->talk, author) != NULL)
        error = cf_arena_copy(arena, author, &row->author);
    return error != CF_OK ? error : cf_arena_copy(arena, user, &row->user);
}

enum cf_error cf_mem_mark_copy(struct cf_arena *arena, const struct mem_store *mem, int64_t number,
                               struct cf_talk_mark *row)
{
    const struct mem_event *event = find_event(mem, number);
    row->number = number;
    row->kind = event->kind;
    row->at = event->at;
    return copy_mark(arena, event->message, event->marker->id, row);
}

/* The actor's receipt, a new one if there is none. NULL without memory. */
static struct mem_receipt *ensure_receipt(struct mem_talk_message *message, struct mem_user *user)
{
    size_t at = 0;
    for (; at < message->receipts_count; at++) {
        int order = cf_mem_slice_compare(message->receipts[at].user->id, user->id);
        if (order == 0)
            return &message->receipts[at];
        if (order > 0)
            break;
    }
    struct mem_receipt *receipts =
        cf_mem_grow(message->receipts, message->receipts_count, sizeof(*receipts));
    if (receipts == NULL)
        return NULL;
    message->receipts = receipts;
    memmove(&receipts[at + 1], &receipts[at], (message->receipts_count - at) * sizeof(*receipts));
    message->receipts_count++;
    receipts[at] = (struct mem_receipt){.user = user};
    return &receipts[at];
}

/* Gives the mark the next number, for which there is space, and notes it in the receipt. */
static void add_mark(struct mem_store *mem, const struct cf_store_request *request,
                     struct mem_talk_message *message, struct mem_receipt *receipt)
{
    mem->events[mem->events_count++] =
        (struct mem_event){message, receipt->user, request->mark, request->now};
    int64_t number = (int64_t)mem->events_count;
    if (request->mark == CF_MARK_READ)
        receipt->read = number;
    if (receipt->delivered == 0)
        receipt->delivered = number;
}

/* The message that the request is about, if the actor takes part in its talk; else NULL. */
static struct mem_talk_message *find_markable(struct mem_store *mem,
                                              const struct cf_store_request *request)
{
    if (request->number < 1 || (uint64_t)request->number > mem->events_count)
        return NULL;
    const struct mem_event *event = find_event(mem, request->number);
    if (event->marker != NULL)
        return NULL;
    struct mem_person *own = cf_mem_person_find(event->message->talk, request->actor);
    return own == NULL ? NULL : event->message;
}

/* The mark of the actor, who is not the author, with what the answer says of it. */
static enum cf_error mark_message(struct mem_store *mem, struct cf_store_request *request,
                                  struct mem_talk_message *message, struct cf_talk_mark *row)
{
    enum cf_error error = reserve_event(mem);
    if (error != CF_OK)
        return error;
    struct mem_receipt *receipt = ensure_receipt(message, cf_mem_user_find(mem, request->actor));
    if (receipt == NULL)
        return CF_E_NOMEM;
    const int64_t *number = request->mark == CF_MARK_READ ? &receipt->read : &receipt->delivered;
    request->created = *number == 0;
    if (request->created)
        add_mark(mem, request, message, receipt);
    row->number = *number;
    row->at = time_of(mem, *number);
    return CF_OK;
}

enum cf_error cf_mem_talk_mark(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_talk_message *message = find_markable(mem, request);
    if (message == NULL)
        return CF_E_NOT_MEMBER;
    struct cf_talk_mark *row = cf_arena_alloc(&request->arena, sizeof(*row));
    if (row == NULL)
        return CF_E_NOMEM;
    row->kind = request->mark;
    request->marks = row;
    request->marks_count = 1;
    enum cf_error error = cf_mem_actor_put(mem, request);
    if (error == CF_OK)
        error = copy_mark(&request->arena, message, request->actor, row);
    if (error != CF_OK || cf_slice_eq(message->author->id, request->actor))
        return error;
    return mark_message(mem, request, message, row);
}
