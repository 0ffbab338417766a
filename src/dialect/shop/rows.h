/* The JSON objects of this dialect, as REST answers and stream events carry them. Its own; nobody
 * outside includes it. */
#ifndef CF_DIALECT_SHOP_ROWS_H
#define CF_DIALECT_SHOP_ROWS_H

#include "port/store.h"
#include "json/writer.h"

/* A member of an object: a UUID or a time as a string. */
void cf_shop_write_id(struct cf_json_writer *w, const char *key, const struct cf_uuid *id);
void cf_shop_write_time(struct cf_json_writer *w, const char *key, cf_us time);
/* Whole objects. A message is exactly seed 000's, in its order of keys, with an `image_url` behind
 * when it has an image. */
void cf_shop_write_message(struct cf_json_writer *w, const struct cf_message_row *message);
void cf_shop_write_room(struct cf_json_writer *w, const struct cf_room_row *room);
void cf_shop_write_member(struct cf_json_writer *w, const struct cf_member_row *member);

#endif
