#include "dialect/shop/rows.h"

#include <string.h>

#define IMAGE_PATH "/api/v1/shops/messages/image/"

void cf_shop_write_id(struct cf_json_writer *w, const char *key, const struct cf_uuid *id)
{
    char text[CF_UUID_LEN];
    cf_uuid_format(id, text);
    cf_json_member_string(w, key, cf_slice_of(text, sizeof(text)));
}

void cf_shop_write_time(struct cf_json_writer *w, const char *key, cf_us time)
{
    char text[CF_TIME_LEN];
    cf_us_format(time, text);
    cf_json_member_string(w, key, cf_slice_of(text, sizeof(text)));
}

static void write_image_url(struct cf_json_writer *w, const struct cf_uuid *message)
{
    char url[sizeof(IMAGE_PATH) - 1 + CF_UUID_LEN];
    memcpy(url, IMAGE_PATH, sizeof(IMAGE_PATH) - 1);
    cf_uuid_format(message, url + sizeof(IMAGE_PATH) - 1);
    cf_json_member_string(w, "image_url", cf_slice_of(url, sizeof(url)));
}

void cf_shop_write_message(struct cf_json_writer *w, const struct cf_message_row *message)
{
    bool edited = message->updated != 0;
    cf_json_object_begin(w);
    cf_shop_write_id(w, "id", &message->id);
    cf_shop_write_id(w, "shop_id", &message->room);
    cf_json_member_string(w, "user_id", message->author);
    cf_json_member_string(w, "username", message->author_name);
    cf_json_member_string(w, "message", message->text);
    cf_shop_write_time(w, "created_at", message->created);
    if (edited)
        cf_shop_write_time(w, "updated_at", message->updated);
    else
        cf_json_member_null(w, "updated_at");
    cf_json_member_bool(w, "is_edited", edited);
    if (message->image.ptr != NULL)
        write_image_url(w, &message->id);
    cf_json_object_end(w);
}

static struct cf_slice role_text(enum cf_role role)
{
    return role == CF_ROLE_ADMIN ? CF_LIT("admin") : CF_LIT("member");
}

void cf_shop_write_room(struct cf_json_writer *w, const struct cf_room_row *room)
{
    cf_json_object_begin(w);
    cf_shop_write_id(w, "id", &room->id);
    cf_json_member_string(w, "name", room->name);
    cf_json_member_string(w, "created_by", room->created_by);
    cf_shop_write_time(w, "created_at", room->created);
    cf_json_member_string(w, "role", role_text(room->role));
    cf_json_member_i64(w, "member_count", (int64_t)room->members);
    cf_json_object_end(w);
}

void cf_shop_write_member(struct cf_json_writer *w, const struct cf_member_row *member)
{
    cf_json_object_begin(w);
    cf_json_member_string(w, "user_id", member->user);
    cf_json_member_string(w, "username", member->name);
    cf_json_member_string(w, "role", role_text(member->role));
    cf_shop_write_time(w, "joined_at", member->joined);
    cf_json_object_end(w);
}
