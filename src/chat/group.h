/* What people can ask for in encrypted groups, as rules see it: the counterpart of command.h and
 * talk.h. Each function checks its values and gives the store request that does it, or says which
 * value is against which rule. Whether the asker is a member is the store's to check.
 *
 * Envelopes, titles and bodies are opaque: checked for their form (base64, RFC 4648 section 4) and
 * size, never looked into. */
#ifndef CF_CHAT_GROUP_H
#define CF_CHAT_GROUP_H

#include "chat/command.h"

enum {
    CF_GROUP_NAME_MAX = 200,          /* code points */
    CF_GROUP_SEALED_MAX = 256 * 1024, /* bytes that an envelope, title or body decodes to */
    CF_GROUP_METADATA_MAX = 8 * 1024, /* the same of a media's metadata */
    CF_GROUP_LIST_MAX = 500,          /* groups or events of one answer */
    CF_GROUP_AMONG_MAX = 1000,        /* groups that one request names */
};

/* Each: CF_E_INVALID, CF_E_TOO_LARGE or CF_E_UTF8 with *out_field, CF_E_NOMEM. Slices are copied.
 * `client_id`: ptr == NULL when there is none. */

/* `name` may be empty. */
enum cf_error cf_group_create(const struct cf_asker *asker, struct cf_slice name,
                              struct cf_slice client_id, struct cf_store_request **out,
                              enum cf_chat_field *out_field);
/* Those made before the group `before` (nil: from the newest); `limit` 1 to CF_GROUP_LIST_MAX. */
enum cf_error cf_group_list(const struct cf_asker *asker, struct cf_uuid before, uint32_t limit,
                            struct cf_store_request **out, enum cf_chat_field *out_field);
/* `count` at most CF_GROUP_AMONG_MAX, else CF_E_TOO_LARGE (CF_FIELD_GROUPS). */
enum cf_error cf_group_among(const struct cf_asker *asker, const struct cf_uuid *groups,
                             size_t count, struct cf_store_request **out,
                             enum cf_chat_field *out_field);
enum cf_error cf_group_members(const struct cf_asker *asker, struct cf_uuid group,
                               struct cf_store_request **out);
enum cf_error cf_group_join(const struct cf_asker *asker, struct cf_uuid group,
                            struct cf_slice user, struct cf_slice user_name,
                            struct cf_store_request **out, enum cf_chat_field *out_field);
enum cf_error cf_group_leave(const struct cf_asker *asker, struct cf_uuid group,
                             struct cf_slice user, struct cf_store_request **out,
                             enum cf_chat_field *out_field);

struct cf_group_draft {
    enum cf_group_event_kind kind; /* MESSAGE, THREAD or REPLY */
    struct cf_uuid room;           /* the group; REPLY: the thread */
    struct cf_slice title;         /* THREAD */
    struct cf_slice text;          /* envelope or body */
    struct cf_slice client_id;
};
enum cf_error cf_group_post(const struct cf_asker *asker, const struct cf_group_draft *draft,
                            struct cf_store_request **out, enum cf_chat_field *out_field);

/* What is read of the log. */
struct cf_group_query {
    struct cf_uuid group;  /* nil: all of the asker's */
    struct cf_uuid thread; /* its replies; nil: no thread */
    unsigned kinds;
    enum cf_group_range range;
    int64_t from; /* ms */
    uint32_t limit;
};
enum cf_error cf_group_events(const struct cf_asker *asker, const struct cf_group_query *query,
                              struct cf_store_request **out, enum cf_chat_field *out_field);
enum cf_error cf_group_thread_get(const struct cf_asker *asker, struct cf_uuid thread,
                                  struct cf_store_request **out);

/* An upload of `size` bytes: 1 to `size_max` (CF_FIELD_SIZE). `metadata` may be empty. */
struct cf_group_upload {
    struct cf_uuid thread;
    struct cf_slice metadata, client_id;
    uint64_t size, size_max, quota;
};
enum cf_error cf_group_media_open(const struct cf_asker *asker,
                                  const struct cf_group_upload *upload,
                                  struct cf_store_request **out, enum cf_chat_field *out_field);
/* `op`: CF_STORE_GROUP_MEDIA_GET, _DONE (with its `ttl`) or _DELETE. */
enum cf_error cf_group_media(const struct cf_asker *asker, enum cf_store_op op,
                             struct cf_uuid media, cf_us ttl, struct cf_store_request **out);

#endif
