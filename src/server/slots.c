#include "server/slots.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { SLOT_NONE = UINT32_MAX, FIRST_CAP = 64 };

void cf_slots_init(struct cf_slots *slots)
{
    memset(slots, 0, sizeof(*slots));
    slots->first_free = SLOT_NONE;
}

void cf_slots_deinit(struct cf_slots *slots)
{
    free(slots->slots);
    cf_slots_init(slots);
}

static enum cf_error grow(struct cf_slots *slots)
{
    uint32_t cap = slots->cap == 0 ? FIRST_CAP : slots->cap * 2;
    struct cf_slot *grown = realloc(slots->slots, cap * sizeof(*grown));
    if (grown == NULL)
        return CF_E_NOMEM;
    slots->slots = grown;
    slots->cap = cap;
    return CF_OK;
}

/* A slot that was never used, in front of those that are free. */
static enum cf_error add_free(struct cf_slots *slots)
{
    enum cf_error error = slots->used == slots->cap ? grow(slots) : CF_OK;
    if (error != CF_OK)
        return error;
    slots->slots[slots->used] = (struct cf_slot){NULL, 1, slots->first_free};
    slots->first_free = slots->used++;
    return CF_OK;
}

enum cf_error cf_slots_put(struct cf_slots *slots, void *value, uint64_t *out_ticket)
{
    CF_ASSERT(value != NULL);
    if (slots->first_free == SLOT_NONE) {
        enum cf_error error = add_free(slots);
        if (error != CF_OK)
            return error;
    }
    uint32_t index = slots->first_free;
    struct cf_slot *slot = &slots->slots[index];
    slots->first_free = slot->next_free;
    slot->value = value;
    slots->count++;
    *out_ticket = (uint64_t)slot->generation << 32 | index;
    return CF_OK;
}

static struct cf_slot *find(const struct cf_slots *slots, uint64_t ticket)
{
    uint32_t index = (uint32_t)ticket;
    if (index >= slots->used || slots->slots[index].generation != ticket >> 32)
        return NULL;
    return &slots->slots[index];
}

void *cf_slots_get(const struct cf_slots *slots, uint64_t ticket)
{
    struct cf_slot *slot = find(slots, ticket);
    return slot == NULL ? NULL : slot->value;
}

void *cf_slots_at(const struct cf_slots *slots, uint32_t index)
{
    return index < slots->used ? slots->slots[index].value : NULL;
}

void *cf_slots_next(const struct cf_slots *slots, uint32_t *cursor)
{
    while (*cursor < slots->used) {
        void *value = slots->slots[(*cursor)++].value;
        if (value != NULL)
            return value;
    }
    return NULL;
}

void cf_slots_remove(struct cf_slots *slots, uint64_t ticket)
{
    struct cf_slot *slot = find(slots, ticket);
    CF_ASSERT(slot != NULL && slot->value != NULL);
    slot->value = NULL;
    slots->count--;
    slot->generation = slot->generation == UINT32_MAX ? 1 : slot->generation + 1;
    slot->next_free = slots->first_free;
    slots->first_free = (uint32_t)ticket;
}
