#include "dialect/talk/rows.h"

/* What a JavaScript number holds exactly. */
static const uint64_t number_max = (UINT64_C(1) << 53) - 1;

void cf_talk_write_user(struct cf_json_writer *w, struct cf_slice user)
{
    uint64_t number;
    bool padded = user.len > 1 && user.ptr[0] == '0';
    if (!padded && cf_slice_to_u64(user, &number) && number <= number_max)
        cf_json_i64(w, (int64_t)number);
    else
        cf_json_string(w, user);
}

static void write_user(struct cf_json_writer *w, const char *key, struct cf_slice user)
{
    cf_json_key(w, cf_slice_cstr(key));
    cf_talk_write_user(w, user);
}

static void write_time(struct cf_json_writer *w, const char *key, cf_us time)
{
    char text[CF_TIME_LEN];
    cf_us_format(time, text);
    cf_json_member_string(w, key, cf_slice_of(text, sizeof(text)));
}

/* ---- HTML ---- */

enum { ESCAPED_MAX = 6 }; /* bytes of the longest reference */

/* Of one that has one. */
static struct cf_slice reference(uint8_t byte)
{
    switch (byte) {
    case '&':
        return CF_LIT("&amp;");
    case '<':
        return CF_LIT("&lt;");
    case '>':
        return CF_LIT("&gt;");
    case '"':
        return CF_LIT("&quot;");
    default:
        return CF_LIT("&#39;");
    }
}

/* Every byte that is said passes here, in the ack and in the event. */
static size_t plain_length(struct cf_slice text)
{
    static const bool has_reference[256] = {
        ['&'] = true, ['<'] = true, ['>'] = true, ['"'] = true, ['\''] = true};
    size_t len = 0;
    while (len < text.len && !has_reference[text.ptr[len]])
        len++;
    return len;
}

static enum cf_error escape(struct cf_slice text, struct cf_buf *out)
{
    enum cf_error error = CF_OK;
    while (text.len > 0 && error == CF_OK) {
        size_t plain = plain_length(text);
        error = cf_buf_append(out, cf_slice_head(text, plain));
        text = cf_slice_skip(text, plain);
        if (text.len > 0 && error == CF_OK) {
            error = cf_buf_append(out, reference(text.ptr[0]));
            text = cf_slice_skip(text, 1);
        }
    }
    return error;
}

/* What people have written; most of it needs no escaping. */
static void write_words(struct cf_json_writer *w, const char *key, struct cf_slice text)
{
    if (plain_length(text) == text.len) {
        cf_json_member_string(w, key, text);
        return;
    }
    struct cf_buf escaped;
    cf_buf_init(&escaped, text.len * ESCAPED_MAX);
    enum cf_error error = escape(text, &escaped);
    cf_json_member_string(w, key, cf_buf_peek(&escaped));
    if (w->error == CF_OK)
        w->error = error;
    cf_buf_deinit(&escaped);
}

/* ---- rows ---- */

static void write_receipts(struct cf_json_writer *w, const struct cf_talk_message *message)
{
    cf_json_key(w, CF_LIT("receipts"));
    cf_json_array_begin(w);
    for (size_t i = 0; i < message->receipts_count; i++) {
        const struct cf_talk_receipt *receipt = &message->receipts[i];
        cf_json_object_begin(w);
        write_user(w, "userId", receipt->user);
        if (receipt->delivered != 0)
            write_time(w, "deliveredAt", receipt->delivered);
        if (receipt->read != 0)
            write_time(w, "readAt", receipt->read);
        cf_json_object_end(w);
    }
    cf_json_array_end(w);
}

void cf_talk_write_message(struct cf_json_writer *w, const struct cf_talk_message *message,
                           bool receipts)
{
    cf_json_object_begin(w);
    cf_json_member_i64(w, "id", message->id);
    cf_json_member_i64(w, "conversationId", message->talk);
    write_user(w, "senderId", message->author);
    write_words(w, "senderName", message->author_name);
    write_words(w, "text", message->text);
    cf_json_member_string(w, "clientMessageId", message->client_id);
    write_time(w, "createdAt", message->created);
    cf_json_member_i64(w, "seq", (int64_t)message->seq);
    if (receipts)
        write_receipts(w, message);
    cf_json_object_end(w);
}

void cf_talk_write_mark(struct cf_json_writer *w, const struct cf_talk_mark *mark)
{
    bool read = mark->kind == CF_MARK_READ;
    cf_json_object_begin(w);
    cf_json_member_i64(w, "messageId", mark->message);
    cf_json_member_i64(w, "conversationId", mark->talk);
    write_user(w, read ? "readBy" : "deliveredTo", mark->user);
    write_time(w, read ? "readAt" : "deliveredAt", mark->at);
    cf_json_object_end(w);
}

static void write_people(struct cf_json_writer *w, const struct cf_talk_row *talk)
{
    cf_json_key(w, CF_LIT("participants"));
    cf_json_array_begin(w);
    for (size_t i = 0; i < talk->people_count; i++) {
        cf_json_object_begin(w);
        write_user(w, "userId", talk->people[i].user);
        write_words(w, "name", talk->people[i].name);
        write_time(w, "joinedAt", talk->people[i].joined);
        cf_json_object_end(w);
    }
    cf_json_array_end(w);
}

void cf_talk_write_talk(struct cf_json_writer *w, const struct cf_talk_row *talk)
{
    cf_json_object_begin(w);
    cf_json_member_i64(w, "id", talk->id);
    cf_json_member_string(w, "kind",
                          talk->kind == CF_TALK_DIRECT ? CF_LIT("direct") : CF_LIT("group"));
    write_words(w, "title", talk->title);
    write_user(w, "createdBy", talk->created_by);
    write_time(w, "createdAt", talk->created);
    write_people(w, talk);
    cf_json_member_i64(w, "unreadCount", (int64_t)talk->unread);
    cf_json_key(w, CF_LIT("lastMessage"));
    if (talk->last != NULL)
        cf_talk_write_message(w, talk->last, false);
    else
        cf_json_null(w);
    cf_json_object_end(w);
}
