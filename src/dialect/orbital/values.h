/* Values that both halves write. The folder's own. */
#ifndef CF_DIALECT_ORBITAL_VALUES_H
#define CF_DIALECT_ORBITAL_VALUES_H

#include "base/uuid.h"
#include "json/writer.h"

static inline void cf_orbital_write_uuid(struct cf_json_writer *w, const char *key,
                                         const struct cf_uuid *uuid)
{
    char text[CF_UUID_LEN];
    cf_uuid_format(uuid, text);
    cf_json_member_string(w, key, cf_slice_of(text, sizeof(text)));
}

static inline void cf_orbital_write_time(struct cf_json_writer *w, const char *key, cf_us time)
{
    char text[CF_TIME_LEN];
    cf_us_format(time, text);
    cf_json_member_string(w, key, cf_slice_of(text, sizeof(text)));
}

#endif
