/* What the server says to an Orbital client: {"type","data","server_timestamp"}, in the shapes of
 * seed 004. `stamp` is the server_timestamp of a frame that is no event: a cursor, see
 * docs/orbital.md. Each appends one frame's text: CF_E_TOO_LARGE, CF_E_NOMEM of `out`. */
#ifndef CF_DIALECT_ORBITAL_TELL_H
#define CF_DIALECT_ORBITAL_TELL_H

#include "port/store.h"
#include "json/writer.h"

/* new_message, new_thread, new_reply, media_uploaded, member_joined, member_left. */
enum cf_error cf_orbital_event(const struct cf_group_event *event, struct cf_buf *out);
/* The same as a value of its own, and only its `data`. */
void cf_orbital_write_event(struct cf_json_writer *w, const struct cf_group_event *event);
void cf_orbital_write_data(struct cf_json_writer *w, const struct cf_group_event *event);
/* The data as REST answers it: with a "server_timestamp" at its end. */
void cf_orbital_write_stamped(struct cf_json_writer *w, const struct cf_group_event *event);

enum cf_error cf_orbital_auth_success(struct cf_slice user, struct cf_slice name, cf_us now,
                                      int64_t stamp, struct cf_buf *out);
/* `groups`: ids as the client sent them. */
enum cf_error cf_orbital_subscribed(const struct cf_slice *groups, size_t count, cf_us now,
                                    int64_t stamp, struct cf_buf *out);
/* {"server_time": ms} */
enum cf_error cf_orbital_ping(cf_us now, int64_t stamp, struct cf_buf *out);
enum cf_error cf_orbital_pong(cf_us now, int64_t stamp, struct cf_buf *out);
enum cf_error cf_orbital_typing(struct cf_uuid thread, struct cf_slice user, struct cf_slice name,
                                bool on, int64_t stamp, struct cf_buf *out);
/* {"code","message"}, with "group_ids" when there are any. */
enum cf_error cf_orbital_error(const char *code, const char *message, const struct cf_slice *groups,
                               size_t count, int64_t stamp, struct cf_buf *out);

#endif
