/* The writing operations on encrypted groups; for write.c. Return as lookup.h says.
 *
 * A stamp that was given in a transaction that failed stays given: nobody has been told of it, and
 * no later one is less. */
#ifndef CF_EDGE_STORE_SQLITE_GROUP_WRITE_H
#define CF_EDGE_STORE_SQLITE_GROUP_WRITE_H

#include "edge/store_sqlite/group.h"
#include "edge/store_sqlite/write.h"

/* E_UNSUPPORTED: it is none of them. */
int cf_sqlite_group_write(struct cf_sqlite_db *db, struct cf_sqlite_names *names,
                          struct cf_sqlite_counters *counters, struct cf_store_request *request);

/* For group_write.c and group_media.c: what of an event is not in its row, and where it goes. */
struct cf_sqlite_group_entry {
    const struct cf_sqlite_group *group;
    struct cf_group_event *event; /* its group and stamp are set by the append */
    int64_t thread_key;           /* of replies and media; 0: none */
    struct cf_slice client_id;    /* ptr == NULL: none */
    int members_change;
};

/* Appends to the group's log; the event's `expires` counts from its stamp. Not inserted: (group,
 * author, client id), or the id, is taken. */
int cf_sqlite_group_append(struct cf_sqlite_db *db, struct cf_sqlite_counters *counters, cf_us now,
                           const struct cf_sqlite_group_entry *entry, bool *out_inserted);

#endif
