/* Events to what stream clients read. */
#include "dialect/shop/stream.h"

#include "dialect/shop/rows.h"

/* ---- the data of each kind ---- */

static void write_actor(struct cf_json_writer *w, const struct cf_event *event)
{
    cf_json_member_string(w, "user_id", event->user);
    cf_json_member_string(w, "username", event->user_name);
}

static void write_deleted(struct cf_json_writer *w, const struct cf_event *event)
{
    cf_json_object_begin(w);
    cf_shop_write_id(w, "id", &event->message.id);
    cf_shop_write_id(w, "shop_id", &event->room);
    cf_json_object_end(w);
}

static void write_presence(struct cf_json_writer *w, const struct cf_event *event)
{
    cf_json_object_begin(w);
    cf_shop_write_id(w, "shop_id", &event->room);
    write_actor(w, event);
    cf_json_member_bool(w, "online", event->on);
    cf_shop_write_time(w, "at", event->at);
    cf_json_object_end(w);
}

static void write_typing(struct cf_json_writer *w, const struct cf_event *event)
{
    cf_json_object_begin(w);
    cf_shop_write_id(w, "shop_id", &event->room);
    write_actor(w, event);
    cf_json_member_bool(w, "typing", event->on);
    cf_json_object_end(w);
}

static void write_read(struct cf_json_writer *w, const struct cf_event *event)
{
    cf_json_object_begin(w);
    cf_shop_write_id(w, "shop_id", &event->room);
    cf_shop_write_id(w, "message_id", &event->message.id);
    write_actor(w, event);
    cf_shop_write_time(w, "at", event->at);
    cf_json_object_end(w);
}

static void write_reaction(struct cf_json_writer *w, const struct cf_event *event)
{
    cf_json_object_begin(w);
    cf_shop_write_id(w, "shop_id", &event->room);
    cf_shop_write_id(w, "message_id", &event->message.id);
    write_actor(w, event);
    cf_json_member_string(w, "reaction", event->reaction);
    cf_json_member_string(w, "action", event->on ? CF_LIT("add") : CF_LIT("remove"));
    cf_shop_write_time(w, "at", event->at);
    cf_json_object_end(w);
}

static void write_stored(struct cf_json_writer *w, const struct cf_event *event)
{
    cf_shop_write_message(w, &event->message);
}

/* ---- the versions ---- */

/* A kind's word and data in v2; who is removed is not told but closed. */
static const struct {
    const char *type; /* NULL: no word */
    void (*write)(struct cf_json_writer *w, const struct cf_event *event);
} words[] = {
    [CF_EVENT_MESSAGE] = {"message", write_stored},
    [CF_EVENT_MESSAGE_EDITED] = {"message_edited", write_stored},
    [CF_EVENT_MESSAGE_DELETED] = {"message_deleted", write_deleted},
    [CF_EVENT_MEMBER_REMOVED] = {NULL, NULL},
    [CF_EVENT_PRESENCE] = {"presence", write_presence},
    [CF_EVENT_TYPING] = {"typing", write_typing},
    [CF_EVENT_READ] = {"read", write_read},
    [CF_EVENT_REACTION] = {"reaction", write_reaction},
};

static bool has_word(enum cf_event_kind kind, enum cf_shop_version version)
{
    if (version == CF_SHOP_V1)
        return kind == CF_EVENT_MESSAGE || kind == CF_EVENT_MESSAGE_EDITED;
    return words[kind].type != NULL;
}

enum cf_error cf_shop_event_encode(const struct cf_event *event, enum cf_shop_version version,
                                   struct cf_buf *out, bool *out_any)
{
    *out_any = has_word(event->kind, version);
    if (!*out_any)
        return CF_OK;
    struct cf_json_writer w;
    cf_json_writer_init(&w, out);
    if (version == CF_SHOP_V1) {
        write_stored(&w, event);
        return cf_json_writer_finish(&w);
    }
    cf_json_object_begin(&w);
    cf_json_member_string(&w, "type", cf_slice_cstr(words[event->kind].type));
    cf_json_key(&w, CF_LIT("data"));
    words[event->kind].write(&w, event);
    cf_json_object_end(&w);
    return cf_json_writer_finish(&w);
}

/* ---- who is there ---- */

/* Users come one by one from under somebody's lock, so that the text around them is put together by
 * hand. */

enum cf_error cf_shop_presence_begin(struct cf_uuid room, struct cf_buf *out)
{
    char id[CF_UUID_LEN];
    cf_uuid_format(&room, id);
    enum cf_error error =
        cf_buf_append(out, CF_LIT("{\"type\":\"presence_state\",\"data\":{\"shop_id\":\""));
    if (error == CF_OK)
        error = cf_buf_append(out, cf_slice_of(id, sizeof(id)));
    if (error == CF_OK)
        error = cf_buf_append(out, CF_LIT("\",\"online\":["));
    return error;
}

enum cf_error cf_shop_presence_user(struct cf_slice user, struct cf_slice name, bool first,
                                    struct cf_buf *out)
{
    enum cf_error error = first ? CF_OK : cf_buf_append_byte(out, ',');
    if (error != CF_OK)
        return error;
    struct cf_json_writer w;
    cf_json_writer_init(&w, out);
    cf_json_object_begin(&w);
    cf_json_member_string(&w, "user_id", user);
    cf_json_member_string(&w, "username", name);
    cf_json_object_end(&w);
    return cf_json_writer_finish(&w);
}

enum cf_error cf_shop_presence_end(struct cf_buf *out)
{
    return cf_buf_append(out, CF_LIT("]}}"));
}
