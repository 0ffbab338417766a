/* Remembers which users' names are stored already, so that a write need not store the same name
 * again with every message. A direct-mapped table of a fixed size: a forgotten name costs one
 * statement that changes nothing. */
#ifndef CF_EDGE_STORE_SQLITE_NAMES_H
#define CF_EDGE_STORE_SQLITE_NAMES_H

#include "base/slice.h"

enum { CF_SQLITE_NAME_SLOTS = 16384 };

struct cf_sqlite_names {
    uint64_t key[2];
    struct cf_sqlite_name_slot {
        uint64_t user, name; /* hashes; both 0: free */
    } slots[CF_SQLITE_NAME_SLOTS];
};

void cf_sqlite_names_init(struct cf_sqlite_names *names);
bool cf_sqlite_names_has(const struct cf_sqlite_names *names, struct cf_slice user,
                         struct cf_slice name);
void cf_sqlite_names_put(struct cf_sqlite_names *names, struct cf_slice user, struct cf_slice name);
/* Forgets all: what was put within a transaction that failed is not stored. */
void cf_sqlite_names_reset(struct cf_sqlite_names *names);

#endif
