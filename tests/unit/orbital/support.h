/* What the tests of Orbital share: rows to write, and JSON to compare. */
#ifndef CF_TESTS_UNIT_ORBITAL_SUPPORT_H
#define CF_TESTS_UNIT_ORBITAL_SUPPORT_H

#include "base/buf.h"
#include "port/store.h"
#include "unit/chat/fixture.h"

#define NO_SLICE ((struct cf_slice){NULL, 0})

#define GROUP "0189abcd-ef01-7abc-9def-000000000001"
#define THREAD "0189abcd-ef01-7abc-9def-000000000002"
#define ITEM "0189abcd-ef01-7abc-9def-000000000003"

/* START_US in milliseconds, and as it is written. */
#define STAMP "1767454200000"
#define STAMP_MS INT64_C(1767454200000)
#define STAMP_TIME "2026-01-03T15:30:00.000000Z"

/* The data of the sample events, as seed 004 has them. */
#define MESSAGE_DATA                                                  \
    "{\"message_id\":\"" ITEM "\",\"conversation_id\":\"" GROUP "\"," \
    "\"encrypted_envelope\":\"aGk+/w==\",\"server_timestamp\":" STAMP "}"
#define THREAD_OPEN                                                               \
    "{\"thread_id\":\"" ITEM "\",\"group_id\":\"" GROUP "\",\"author_id\":\"7\"," \
    "\"author_username\":\"Ann \\\"A\\\"\",\"encrypted_title\":\"dGl0bGU=\","     \
    "\"encrypted_body\":\"aGk+/w==\",\"created_at\":\"" STAMP_TIME "\""
#define REPLY_OPEN                                                                 \
    "{\"reply_id\":\"" ITEM "\",\"thread_id\":\"" THREAD "\",\"author_id\":\"7\"," \
    "\"author_username\":\"Ann \\\"A\\\"\",\"encrypted_body\":\"aGk+/w==\","       \
    "\"created_at\":\"" STAMP_TIME "\""
#define MEDIA_OPEN                                                                 \
    "{\"media_id\":\"" ITEM "\",\"thread_id\":\"" THREAD "\",\"author_id\":\"7\"," \
    "\"encrypted_metadata\":\"aGk+/w==\",\"size_bytes\":52428800,"                 \
    "\"expires_at\":\"2026-01-10T15:30:00.000001Z\""
#define MEMBER_OPEN "{\"group_id\":\"" GROUP "\",\"user_id\":\"7\",\"username\":\"Ann \\\"A\\\"\","
#define JOINED_OPEN MEMBER_OPEN "\"joined_at\":\"" STAMP_TIME "\""
#define LEFT_OPEN MEMBER_OPEN "\"left_at\":\"" STAMP_TIME "\""

/* An event of any kind, with all that one has. */
static inline struct cf_group_event sample_event(enum cf_group_event_kind kind)
{
    bool of_member = kind == CF_GROUP_JOINED || kind == CF_GROUP_LEFT;
    struct cf_group_event event = {
        .kind = kind,
        .stamp = STAMP_MS,
        .group = uuid_of(GROUP),
        .user = CF_LIT("7"),
        .user_name = CF_LIT("Ann \"A\""),
        .size = 52428800,
        .expires = START_US + INT64_C(7) * 24 * 3600 * 1000000 + 1,
    };
    if (of_member)
        return event;
    event.id = uuid_of(ITEM);
    event.thread = uuid_of(kind == CF_GROUP_THREAD ? ITEM : THREAD);
    event.title = CF_LIT("dGl0bGU=");
    event.text = CF_LIT("aGk+/w==");
    return event;
}

static inline void assert_text_equal(struct cf_slice got, const char *wanted)
{
    bool same = cf_slice_eq(got, cf_slice_cstr(wanted));
    if (!same)
        print_error("got    %.*s\nwanted %s\n", (int)got.len, (const char *)got.ptr, wanted);
    assert_true(same);
}

/* The buffer holds exactly that; it is emptied. */
static inline void assert_written(struct cf_buf *buf, const char *wanted)
{
    assert_text_equal(cf_buf_peek(buf), wanted);
    cf_buf_reset(buf);
}

/* `head`, `count` times `unit`, `tail`; to be freed. */
static inline char *repeated(const char *head, const char *unit, size_t count, const char *tail)
{
    size_t unit_len = strlen(unit), head_len = strlen(head);
    char *text = malloc(head_len + unit_len * count + strlen(tail) + 1);
    assert_non_null(text);
    memcpy(text, head, head_len);
    for (size_t i = 0; i < count; i++)
        memcpy(text + head_len + i * unit_len, unit, unit_len);
    memcpy(text + head_len + unit_len * count, tail, strlen(tail) + 1);
    return text;
}

#endif
