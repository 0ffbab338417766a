#include "dialect/talk/tell.h"

/* The type digit of an event, in namespace `/`. */
#define EVENT "2"

static enum cf_error begin(struct cf_json_writer *w, struct cf_buf *out, const char *name)
{
    enum cf_error error = cf_buf_append(out, CF_LIT(EVENT));
    cf_json_writer_init(w, out);
    cf_json_array_begin(w);
    cf_json_string(w, cf_slice_cstr(name));
    return error;
}

static enum cf_error end(struct cf_json_writer *w)
{
    cf_json_array_end(w);
    return cf_json_writer_finish(w);
}

/* The offset: a string, by which the client knows it. */
static enum cf_error end_numbered(struct cf_json_writer *w, int64_t number)
{
    char text[20];
    size_t len = cf_u64_format((uint64_t)number, text);
    cf_json_string(w, cf_slice_of(text, len));
    return end(w);
}

/* ---- events ---- */

enum cf_error cf_talk_message_packet(const struct cf_talk_message *message, struct cf_buf *out)
{
    struct cf_json_writer w;
    enum cf_error error = begin(&w, out, "message:new");
    if (error != CF_OK)
        return error;
    cf_talk_write_message(&w, message, false);
    return end_numbered(&w, message->id);
}

enum cf_error cf_talk_mark_packet(const struct cf_talk_mark *mark, struct cf_buf *out)
{
    struct cf_json_writer w;
    bool read = mark->kind == CF_MARK_READ;
    enum cf_error error = begin(&w, out, read ? "message:read" : "message:delivered");
    if (error != CF_OK)
        return error;
    cf_talk_write_mark(&w, mark);
    return end_numbered(&w, mark->number);
}

/* (userId, conversationId) */
static enum cf_error person_packet(const struct cf_event *event, const char *name,
                                   struct cf_buf *out)
{
    struct cf_json_writer w;
    enum cf_error error = begin(&w, out, name);
    if (error != CF_OK)
        return error;
    cf_talk_write_user(&w, event->user);
    cf_json_i64(&w, event->talk);
    return end(&w);
}

enum cf_error cf_talk_event_encode(const struct cf_event *event, struct cf_buf *out, bool *out_any)
{
    *out_any = true;
    switch (event->kind) {
    case CF_EVENT_TALK_MESSAGE:
        return cf_talk_message_packet(&event->talk_message, out);
    case CF_EVENT_TALK_MARK:
        return cf_talk_mark_packet(&event->mark, out);
    case CF_EVENT_TALK_HERE:
        return person_packet(event, event->on ? "user:online" : "user:offline", out);
    case CF_EVENT_TALK_TYPING:
        return person_packet(event, event->on ? "typing:start" : "typing:stop", out);
    default:
        *out_any = false;
        return CF_OK;
    }
}

enum cf_error cf_talk_sent_packet(struct cf_slice client_id, const struct cf_talk_message *message,
                                  enum cf_error why, struct cf_buf *out)
{
    struct cf_json_writer w;
    enum cf_error error = begin(&w, out, "message:ack");
    if (error != CF_OK)
        return error;
    cf_json_object_begin(&w);
    cf_json_member_string(&w, "clientMessageId", client_id);
    if (message != NULL)
        cf_json_member_i64(&w, "messageId", message->id);
    cf_json_member_bool(&w, "success", message != NULL);
    if (message == NULL)
        cf_json_member_string(&w, "error", cf_slice_cstr(cf_talk_code(why)));
    cf_json_object_end(&w);
    return end(&w);
}

/* ---- who is there ---- */

enum cf_error cf_talk_present_begin(struct cf_talk_present *present, int64_t talk, bool is_ack,
                                    struct cf_buf *out)
{
    enum cf_error error = CF_OK;
    present->is_ack = is_ack;
    if (is_ack) {
        cf_json_writer_init(&present->w, out);
        cf_json_array_begin(&present->w);
    } else {
        error = begin(&present->w, out, "presence:state");
    }
    cf_json_object_begin(&present->w);
    if (is_ack)
        cf_json_member_bool(&present->w, "success", true);
    else
        cf_json_member_i64(&present->w, "conversationId", talk);
    cf_json_key(&present->w, CF_LIT("online"));
    cf_json_array_begin(&present->w);
    return error;
}

void cf_talk_present_add(struct cf_talk_present *present, struct cf_slice user)
{
    cf_talk_write_user(&present->w, user);
}

enum cf_error cf_talk_present_end(struct cf_talk_present *present)
{
    cf_json_array_end(&present->w);
    cf_json_object_end(&present->w);
    return end(&present->w);
}

/* ---- acks ---- */

enum cf_error cf_talk_ack_done(struct cf_buf *out)
{
    return cf_buf_append(out, CF_LIT("[{\"success\":true}]"));
}

void cf_talk_write_sent(struct cf_json_writer *w, const struct cf_talk_message *message)
{
    cf_json_object_begin(w);
    cf_json_member_bool(w, "success", true);
    cf_json_member_i64(w, "messageId", message->id);
    cf_json_key(w, CF_LIT("message"));
    cf_talk_write_message(w, message, false);
    cf_json_object_end(w);
}

enum cf_error cf_talk_ack_sent(const struct cf_talk_message *message, struct cf_buf *out)
{
    struct cf_json_writer w;
    cf_json_writer_init(&w, out);
    cf_json_array_begin(&w);
    cf_talk_write_sent(&w, message);
    return end(&w);
}

enum cf_error cf_talk_ack_refused(enum cf_error why, const char *message, cf_ms retry_ms,
                                  struct cf_buf *out)
{
    struct cf_json_writer w;
    cf_json_writer_init(&w, out);
    cf_json_array_begin(&w);
    cf_json_object_begin(&w);
    cf_json_member_bool(&w, "success", false);
    cf_json_member_string(&w, "error", cf_slice_cstr(cf_talk_code(why)));
    cf_json_member_string(&w, "message", cf_slice_cstr(message));
    if (retry_ms > 0)
        cf_json_member_i64(&w, "retryAfterMs", retry_ms);
    cf_json_object_end(&w);
    return end(&w);
}

const char *cf_talk_code(enum cf_error error)
{
    switch (error) {
    case CF_E_NOT_MEMBER:
    case CF_E_NOT_FOUND:
    case CF_E_FORBIDDEN:
        return "not_participant";
    case CF_E_CONFLICT:
        return "conflict";
    case CF_E_TOO_LARGE:
        return "too_long";
    case CF_E_RATE:
        return "rate_limited";
    case CF_E_NOMEM:
    case CF_E_IO:
    case CF_E_UNAVAILABLE:
    case CF_E_STATE:
        return "unavailable";
    default:
        return "invalid";
    }
}

const char *cf_talk_text(enum cf_error error)
{
    switch (error) {
    case CF_E_NOT_MEMBER:
    case CF_E_NOT_FOUND:
    case CF_E_FORBIDDEN:
        return "You do not take part in this conversation.";
    case CF_E_CONFLICT:
        return "This clientMessageId was used in another conversation. Take a new one.";
    case CF_E_RATE:
        return "Too many messages. Wait before the next.";
    case CF_E_NOMEM:
    case CF_E_IO:
    case CF_E_UNAVAILABLE:
    case CF_E_STATE:
        return "This cannot be done just now. Try again with the same clientMessageId.";
    default:
        return "A value is against a rule.";
    }
}
