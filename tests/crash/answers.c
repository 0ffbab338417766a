#include "crash/answers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_deinit(struct text *text)
{
    free(text->bytes);
    *text = (struct text){NULL, 0, 0};
}

void text_reset(struct text *text)
{
    text->len = 0;
    if (text->bytes != NULL)
        text->bytes[0] = '\0';
}

bool text_eq(const struct text *a, const struct text *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

__attribute__((format(printf, 2, 3))) static void append(struct text *text, const char *format, ...)
{
    enum { STEP = 1024 };
    if (text->cap - text->len < STEP) {
        text->cap = text->cap * 2 + 2 * STEP;
        text->bytes = realloc(text->bytes, text->cap);
        CF_ASSERT(text->bytes != NULL);
    }
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text->bytes + text->len, STEP, format, arguments);
    va_end(arguments);
    CF_ASSERT(len >= 0 && len < STEP);
    text->len += (size_t)len;
}

static uint64_t hash_of(struct cf_slice slice)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < slice.len; i++)
        hash = (hash ^ slice.ptr[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void slice(struct text *text, struct cf_slice slice)
{
    enum { SHOWN = 24 };
    if (slice.ptr == NULL)
        append(text, " -");
    else if (slice.len <= SHOWN)
        append(text, " '%.*s'", (int)slice.len, (const char *)slice.ptr);
    else
        append(text, " '%.*s…%zu %llx'", SHOWN, (const char *)slice.ptr, slice.len,
               (unsigned long long)hash_of(slice));
}

static void uuid(struct text *text, const struct cf_uuid *uuid)
{
    uint64_t tail = 0;
    for (size_t i = 8; i < 16; i++)
        tail = tail << 8 | uuid->bytes[i];
    append(text, " #%llu", (unsigned long long)tail);
}

static void number(struct text *text, const char *name, int64_t value)
{
    append(text, " %s=%lld", name, (long long)value);
}

static void room_rows(struct text *text, const struct cf_store_request *request)
{
    for (size_t i = 0; i < request->rooms_count; i++) {
        const struct cf_room_row *row = &request->rooms[i];
        append(text, "room");
        uuid(text, &row->id);
        append(text, " |");
        slice(text, row->name);
        slice(text, row->created_by);
        number(text, "created", row->created);
        number(text, "role", row->role);
        append(text, " members=%llu\n", (unsigned long long)row->members);
    }
    for (size_t i = 0; i < request->members_count; i++) {
        const struct cf_member_row *row = &request->members[i];
        append(text, "member");
        uuid(text, &request->room);
        slice(text, row->user);
        append(text, " |");
        slice(text, row->name);
        number(text, "role", row->role);
        number(text, "joined", row->joined);
        append(text, "\n");
    }
}

static void message_rows(struct text *text, const struct cf_store_request *request)
{
    for (size_t i = 0; i < request->messages_count; i++) {
        const struct cf_message_row *row = &request->messages[i];
        append(text, "message");
        uuid(text, &row->room);
        slice(text, row->author);
        slice(text, row->text);
        append(text, " |");
        uuid(text, &row->id);
        number(text, "seq", (int64_t)row->seq);
        slice(text, row->author_name);
        number(text, "created", row->created);
        number(text, "updated", row->updated);
        slice(text, row->image);
        append(text, "\n");
    }
    if (request->old_image.ptr != NULL) {
        append(text, "old image |");
        slice(text, request->old_image);
        append(text, "\n");
    }
}

static void talk_message(struct text *text, const struct cf_talk_message *row)
{
    append(text, "said talk=%lld", (long long)row->talk);
    slice(text, row->author);
    slice(text, row->client_id);
    append(text, " |");
    slice(text, row->text);
    number(text, "id", row->id);
    number(text, "seq", (int64_t)row->seq);
    slice(text, row->author_name);
    number(text, "created", row->created);
    for (size_t i = 0; i < row->receipts_count; i++) {
        slice(text, row->receipts[i].user);
        number(text, "delivered", row->receipts[i].delivered);
        number(text, "read", row->receipts[i].read);
    }
    append(text, "\n");
}

static void talk_row(struct text *text, const struct cf_talk_row *row)
{
    append(text, "talk %lld |", (long long)row->id);
    number(text, "kind", row->kind);
    slice(text, row->title);
    slice(text, row->created_by);
    number(text, "created", row->created);
    number(text, "seq", (int64_t)row->last_seq);
    number(text, "unread", (int64_t)row->unread);
    for (size_t i = 0; i < row->people_count; i++) {
        slice(text, row->people[i].user);
        slice(text, row->people[i].name);
        number(text, "joined", row->people[i].joined);
    }
    append(text, "\n");
    if (row->last != NULL) {
        append(text, "last ");
        talk_message(text, row->last);
    }
}

static void talk_rows(struct text *text, const struct cf_store_request *request)
{
    for (size_t i = 0; i < request->talks_count; i++)
        talk_row(text, &request->talks[i]);
    for (size_t i = 0; i < request->talk_messages_count; i++)
        talk_message(text, &request->talk_messages[i]);
    for (size_t i = 0; i < request->marks_count; i++) {
        const struct cf_talk_mark *mark = &request->marks[i];
        append(text, "mark %lld", (long long)mark->message);
        slice(text, mark->user);
        number(text, "kind", mark->kind);
        append(text, " |");
        number(text, "number", mark->number);
        number(text, "talk", mark->talk);
        slice(text, mark->author);
        number(text, "at", mark->at);
        append(text, "\n");
    }
}

static void group_rows(struct text *text, const struct cf_store_request *request)
{
    for (size_t i = 0; i < request->group_events_count; i++) {
        const struct cf_group_event *event = &request->group_events[i];
        append(text, "event kind=%d", (int)event->kind);
        uuid(text, &event->group);
        uuid(text, &event->id);
        slice(text, event->user);
        /* Who joins or leaves says nothing: an empty text and none are the same there. */
        slice(text, event->text.len == 0 ? CF_LIT("") : event->text);
        append(text, " |");
        number(text, "stamp", event->stamp);
        uuid(text, &event->thread);
        slice(text, event->user_name);
        slice(text, event->kind == CF_GROUP_THREAD ? event->title : CF_LIT(""));
        number(text, "size", (int64_t)event->size);
        number(text, "expires", event->expires);
        append(text, "\n");
    }
    for (size_t i = 0; i < request->uuids_count; i++) {
        append(text, "uuid");
        uuid(text, &request->uuids[i]);
        append(text, "\n");
    }
    const struct cf_group_media *media = &request->media;
    if (cf_uuid_is_nil(&media->id))
        return;
    append(text, "media");
    uuid(text, &media->id);
    append(text, " |");
    uuid(text, &media->group);
    uuid(text, &media->thread);
    slice(text, media->author);
    slice(text, media->author_name);
    slice(text, media->metadata);
    number(text, "size", (int64_t)media->size);
    number(text, "opened", media->opened);
    number(text, "expires", media->expires);
    number(text, "state", media->state);
    append(text, "\n");
}

void text_append_answer(struct text *text, const struct cf_store_request *request)
{
    append(text, "op=%d", (int)request->op);
    slice(text, request->actor);
    uuid(text, &request->room);
    /* Of a write it is no part of the answer. */
    if (!cf_store_op_writes(request->op))
        number(text, "talk", request->talk);
    append(text, " | %s created=%d more=%d total=%llu last=%lld\n", cf_error_name(request->error),
           request->created, request->has_more, (unsigned long long)request->total,
           (long long)request->last_number);
    room_rows(text, request);
    message_rows(text, request);
    talk_rows(text, request);
    group_rows(text, request);
}
