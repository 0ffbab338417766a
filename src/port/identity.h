/* Who somebody is, as a verified token says it. */
#ifndef CF_PORT_IDENTITY_H
#define CF_PORT_IDENTITY_H

#include <string.h>

#include "base/time.h"

enum { CF_USER_ID_MAX = 128, CF_USER_NAME_MAX = 256 }; /* bytes of UTF-8 */

struct cf_identity {
    uint8_t user_id[CF_USER_ID_MAX];
    uint8_t name[CF_USER_NAME_MAX];
    uint16_t user_id_len; /* 1 to CF_USER_ID_MAX */
    uint16_t name_len;    /* 1 to CF_USER_NAME_MAX */
    cf_us expires;
};

static inline struct cf_slice cf_identity_user(const struct cf_identity *identity)
{
    return cf_slice_of(identity->user_id, identity->user_id_len);
}

static inline struct cf_slice cf_identity_name(const struct cf_identity *identity)
{
    return cf_slice_of(identity->name, identity->name_len);
}

/* `user` and `name` are within the maxima. */
static inline struct cf_identity cf_identity_of(struct cf_slice user, struct cf_slice name,
                                                cf_us expires)
{
    struct cf_identity identity = {
        .user_id_len = (uint16_t)user.len, .name_len = (uint16_t)name.len, .expires = expires};
    memcpy(identity.user_id, user.ptr, user.len);
    memcpy(identity.name, name.ptr, name.len);
    return identity;
}

#endif
