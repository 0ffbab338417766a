/* What the tests of conversations share: rows to write, and JSON to compare. */
#ifndef CF_TESTS_UNIT_TALK_SUPPORT_H
#define CF_TESTS_UNIT_TALK_SUPPORT_H

#include "dialect/talk/rows.h"
#include "unit/chat/fixture.h"

#define NO_SLICE ((struct cf_slice){NULL, 0})
#define CLIENT_ID "0189abcd-ef01-4abc-9def-0123456789ab"

/* What sample_message is, as JSON. */
#define SAMPLE_JSON                                                          \
    "{\"id\":41,\"conversationId\":3,\"senderId\":7,\"senderName\":\"Ann\"," \
    "\"text\":\"hello\",\"clientMessageId\":\"" CLIENT_ID "\","              \
    "\"createdAt\":\"2026-01-03T15:30:00.000000Z\",\"seq\":5}"

static inline struct cf_talk_message sample_message(void)
{
    return (struct cf_talk_message){
        .id = 41,
        .talk = 3,
        .seq = 5,
        .author = CF_LIT("7"),
        .author_name = CF_LIT("Ann"),
        .text = CF_LIT("hello"),
        .client_id = CF_LIT(CLIENT_ID),
        .created = START_US,
    };
}

static inline struct cf_talk_mark sample_mark(enum cf_talk_mark_kind kind)
{
    return (struct cf_talk_mark){
        .number = 42,
        .message = 41,
        .talk = 3,
        .author = CF_LIT("7"),
        .user = CF_LIT("bob"),
        .kind = kind,
        .at = START_US + 1,
    };
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

#endif
