#include "edge/store_sqlite/names.h"

#include <sqlite3.h>
#include <string.h>

#include "base/map.h"

void cf_sqlite_names_init(struct cf_sqlite_names *names)
{
    sqlite3_randomness(sizeof(names->key), names->key);
    cf_sqlite_names_reset(names);
}

static struct cf_sqlite_name_slot hash_of(const struct cf_sqlite_names *names, struct cf_slice user,
                                          struct cf_slice name)
{
    return (struct cf_sqlite_name_slot){cf_siphash(names->key, user), cf_siphash(names->key, name)};
}

bool cf_sqlite_names_has(const struct cf_sqlite_names *names, struct cf_slice user,
                         struct cf_slice name)
{
    struct cf_sqlite_name_slot wanted = hash_of(names, user, name);
    const struct cf_sqlite_name_slot *slot = &names->slots[wanted.user % CF_SQLITE_NAME_SLOTS];
    return slot->user == wanted.user && slot->name == wanted.name;
}

void cf_sqlite_names_put(struct cf_sqlite_names *names, struct cf_slice user, struct cf_slice name)
{
    struct cf_sqlite_name_slot entry = hash_of(names, user, name);
    names->slots[entry.user % CF_SQLITE_NAME_SLOTS] = entry;
}

void cf_sqlite_names_reset(struct cf_sqlite_names *names)
{
    memset(names->slots, 0, sizeof(names->slots));
}
