#include "dialect/orbital/tell.h"

#include "dialect/orbital/values.h"

enum { US_PER_MS = 1000 };

/* ---- events ---- */

static const char *type_of(enum cf_group_event_kind kind)
{
    switch (kind) {
    case CF_GROUP_MESSAGE:
        return "new_message";
    case CF_GROUP_THREAD:
        return "new_thread";
    case CF_GROUP_REPLY:
        return "new_reply";
    case CF_GROUP_MEDIA:
        return "media_uploaded";
    case CF_GROUP_JOINED:
        return "member_joined";
    default:
        return "member_left";
    }
}

static void write_message(struct cf_json_writer *w, const struct cf_group_event *event)
{
    cf_orbital_write_uuid(w, "message_id", &event->id);
    cf_orbital_write_uuid(w, "conversation_id", &event->group);
    cf_json_member_string(w, "encrypted_envelope", event->text);
    cf_json_member_i64(w, "server_timestamp", event->stamp);
}

static void write_thread(struct cf_json_writer *w, const struct cf_group_event *event)
{
    cf_orbital_write_uuid(w, "thread_id", &event->id);
    cf_orbital_write_uuid(w, "group_id", &event->group);
    cf_json_member_string(w, "author_id", event->user);
    cf_json_member_string(w, "author_username", event->user_name);
    cf_json_member_string(w, "encrypted_title", event->title);
    cf_json_member_string(w, "encrypted_body", event->text);
    cf_orbital_write_time(w, "created_at", event->stamp * US_PER_MS);
}

static void write_reply(struct cf_json_writer *w, const struct cf_group_event *event)
{
    cf_orbital_write_uuid(w, "reply_id", &event->id);
    cf_orbital_write_uuid(w, "thread_id", &event->thread);
    cf_json_member_string(w, "author_id", event->user);
    cf_json_member_string(w, "author_username", event->user_name);
    cf_json_member_string(w, "encrypted_body", event->text);
    cf_orbital_write_time(w, "created_at", event->stamp * US_PER_MS);
}

static void write_media(struct cf_json_writer *w, const struct cf_group_event *event)
{
    cf_orbital_write_uuid(w, "media_id", &event->id);
    cf_orbital_write_uuid(w, "thread_id", &event->thread);
    cf_json_member_string(w, "author_id", event->user);
    cf_json_member_string(w, "encrypted_metadata", event->text);
    cf_json_member_i64(w, "size_bytes", (int64_t)event->size);
    cf_orbital_write_time(w, "expires_at", event->expires);
}

static void write_member(struct cf_json_writer *w, const struct cf_group_event *event)
{
    cf_orbital_write_uuid(w, "group_id", &event->group);
    cf_json_member_string(w, "user_id", event->user);
    cf_json_member_string(w, "username", event->user_name);
    cf_orbital_write_time(w, event->kind == CF_GROUP_LEFT ? "left_at" : "joined_at",
                          event->stamp * US_PER_MS);
}

static void write_members(struct cf_json_writer *w, const struct cf_group_event *event)
{
    switch (event->kind) {
    case CF_GROUP_MESSAGE:
        write_message(w, event);
        break;
    case CF_GROUP_THREAD:
        write_thread(w, event);
        break;
    case CF_GROUP_REPLY:
        write_reply(w, event);
        break;
    case CF_GROUP_MEDIA:
        write_media(w, event);
        break;
    default:
        write_member(w, event);
        break;
    }
}

void cf_orbital_write_data(struct cf_json_writer *w, const struct cf_group_event *event)
{
    cf_json_object_begin(w);
    write_members(w, event);
    cf_json_object_end(w);
}

void cf_orbital_write_stamped(struct cf_json_writer *w, const struct cf_group_event *event)
{
    cf_json_object_begin(w);
    write_members(w, event);
    if (event->kind != CF_GROUP_MESSAGE)
        cf_json_member_i64(w, "server_timestamp", event->stamp);
    cf_json_object_end(w);
}

/* ---- frames ---- */

/* {"type":…,"data": */
static void begin(struct cf_json_writer *w, const char *type)
{
    cf_json_object_begin(w);
    cf_json_member_string(w, "type", cf_slice_cstr(type));
    cf_json_key(w, CF_LIT("data"));
}

/* The same, and the data's own brace. */
static void begin_frame(struct cf_json_writer *w, struct cf_buf *out, const char *type)
{
    cf_json_writer_init(w, out);
    begin(w, type);
    cf_json_object_begin(w);
}

static enum cf_error end_frame(struct cf_json_writer *w, int64_t stamp)
{
    cf_json_object_end(w);
    cf_json_member_i64(w, "server_timestamp", stamp);
    cf_json_object_end(w);
    return cf_json_writer_finish(w);
}

static void write_groups(struct cf_json_writer *w, const struct cf_slice *groups, size_t count)
{
    cf_json_key(w, CF_LIT("group_ids"));
    cf_json_array_begin(w);
    for (size_t i = 0; i < count; i++)
        cf_json_string(w, groups[i]);
    cf_json_array_end(w);
}

void cf_orbital_write_event(struct cf_json_writer *w, const struct cf_group_event *event)
{
    begin(w, type_of(event->kind));
    cf_orbital_write_data(w, event);
    cf_json_member_i64(w, "server_timestamp", event->stamp);
    cf_json_object_end(w);
}

enum cf_error cf_orbital_event(const struct cf_group_event *event, struct cf_buf *out)
{
    struct cf_json_writer w;
    cf_json_writer_init(&w, out);
    cf_orbital_write_event(&w, event);
    return cf_json_writer_finish(&w);
}

enum cf_error cf_orbital_auth_success(struct cf_slice user, struct cf_slice name, cf_us now,
                                      int64_t stamp, struct cf_buf *out)
{
    struct cf_json_writer w;
    begin_frame(&w, out, "auth_success");
    cf_json_member_string(&w, "user_id", user);
    cf_json_member_string(&w, "username", name);
    cf_orbital_write_time(&w, "connected_at", now);
    return end_frame(&w, stamp);
}

enum cf_error cf_orbital_subscribed(const struct cf_slice *groups, size_t count, cf_us now,
                                    int64_t stamp, struct cf_buf *out)
{
    struct cf_json_writer w;
    begin_frame(&w, out, "subscribed");
    write_groups(&w, groups, count);
    cf_orbital_write_time(&w, "subscribed_at", now);
    return end_frame(&w, stamp);
}

static enum cf_error beat(const char *type, cf_us now, int64_t stamp, struct cf_buf *out)
{
    struct cf_json_writer w;
    begin_frame(&w, out, type);
    cf_json_member_i64(&w, "server_time", now / US_PER_MS);
    return end_frame(&w, stamp);
}

enum cf_error cf_orbital_ping(cf_us now, int64_t stamp, struct cf_buf *out)
{
    return beat("ping", now, stamp, out);
}

enum cf_error cf_orbital_pong(cf_us now, int64_t stamp, struct cf_buf *out)
{
    return beat("pong", now, stamp, out);
}

enum cf_error cf_orbital_typing(struct cf_uuid thread, struct cf_slice user, struct cf_slice name,
                                bool on, int64_t stamp, struct cf_buf *out)
{
    struct cf_json_writer w;
    begin_frame(&w, out, "typing_indicator");
    cf_orbital_write_uuid(&w, "thread_id", &thread);
    cf_json_member_string(&w, "user_id", user);
    cf_json_member_string(&w, "username", name);
    cf_json_member_bool(&w, "is_typing", on);
    return end_frame(&w, stamp);
}

enum cf_error cf_orbital_error(const char *code, const char *message, const struct cf_slice *groups,
                               size_t count, int64_t stamp, struct cf_buf *out)
{
    struct cf_json_writer w;
    begin_frame(&w, out, "error");
    cf_json_member_string(&w, "code", cf_slice_cstr(code));
    cf_json_member_string(&w, "message", cf_slice_cstr(message));
    if (count > 0)
        write_groups(&w, groups, count);
    return end_frame(&w, stamp);
}
