/* Tickets: handles that other threads may keep of something that may be gone when they use them. A
 * slot number with a generation (hazard V29). */
#ifndef CF_SERVER_SLOTS_H
#define CF_SERVER_SLOTS_H

#include <stdint.h>

#include "base/error.h"

struct cf_slot {
    void *value; /* NULL: free */
    uint32_t generation;
    uint32_t next_free;
};

/* What lies beyond `used` was never touched, and so takes no memory of the machine's. */
struct cf_slots {
    struct cf_slot *slots;
    uint32_t cap, used, first_free, count;
};

void cf_slots_init(struct cf_slots *slots);
void cf_slots_deinit(struct cf_slots *slots);
/* A ticket for `value`, never 0. CF_E_NOMEM. */
enum cf_error cf_slots_put(struct cf_slots *slots, void *value, uint64_t *out_ticket);
/* NULL when that ticket's value is gone. */
void *cf_slots_get(const struct cf_slots *slots, uint64_t ticket);
/* What is in that slot now, whatever its ticket; NULL: nothing. */
void *cf_slots_at(const struct cf_slots *slots, uint32_t index);
/* Walks all values: start with *cursor = 0; NULL at the end. Those that come or go meanwhile may be
 * met or not. */
void *cf_slots_next(const struct cf_slots *slots, uint32_t *cursor);
void cf_slots_remove(struct cf_slots *slots, uint64_t ticket);

#endif
