/* A timer lies at the level of the highest group of six bits in which its deadline differs from
 * the wheel's time, in the slot that this group of the deadline names. What follows:
 *
 * - All groups above are equal, so the slots in use at a level lie ahead of the current one without
 *   wrapping, every timer of a level is due before any of the next, and the lowest bit set in the
 *   lowest level in use is the next slot to be met.
 * - As long as the wheel's time has not entered a timer's slot, its place is a function of its
 *   deadline and the time alone: nothing about it is stored.
 * - A slot of level 0 holds one single deadline, and every timer gets there before it fires.
 *
 * Deadlines beyond the top level (2^36 ms, two years) wait in a list of their own. */
#include "base/wheel.h"

#include "base/assert.h"

enum { SLOT_BITS = 6, RANGE_BITS = SLOT_BITS * CF_WHEEL_LEVELS };

void cf_wheel_init(struct cf_wheel *wheel, cf_ms now)
{
    CF_ASSERT(now >= 0);
    wheel->now = now;
    wheel->count = 0;
    for (unsigned level = 0; level < CF_WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (unsigned slot = 0; slot < CF_WHEEL_SLOTS; slot++)
            cf_list_init(&wheel->slots[level][slot]);
    }
    cf_list_init(&wheel->due);
    cf_list_init(&wheel->far);
}

void cf_timer_init(struct cf_timer *timer)
{
    cf_list_init(&timer->link);
    timer->deadline = CF_MS_NEVER;
}

bool cf_timer_armed(const struct cf_timer *timer)
{
    return !cf_list_empty(&timer->link);
}

struct place {
    bool in_slot; /* else in the list of the due or of the far */
    unsigned level, slot;
};

/* Where a deadline that lies ahead belongs. */
static struct place place_of(const struct cf_wheel *wheel, cf_ms deadline)
{
    uint64_t differing = (uint64_t)deadline ^ (uint64_t)wheel->now;
    if (deadline <= wheel->now || differing >> RANGE_BITS != 0)
        return (struct place){.in_slot = false};
    unsigned level = (63 - (unsigned)__builtin_clzll(differing)) / SLOT_BITS;
    unsigned slot = (unsigned)(deadline >> (SLOT_BITS * level)) % CF_WHEEL_SLOTS;
    return (struct place){.in_slot = true, .level = level, .slot = slot};
}

static void place_timer(struct cf_wheel *wheel, struct cf_timer *timer)
{
    struct place place = place_of(wheel, timer->deadline);
    if (place.in_slot) {
        cf_list_push_back(&wheel->slots[place.level][place.slot], &timer->link);
        wheel->occupied[place.level] |= (uint64_t)1 << place.slot;
    } else {
        bool due = timer->deadline <= wheel->now;
        cf_list_push_back(due ? &wheel->due : &wheel->far, &timer->link);
    }
}

void cf_wheel_set(struct cf_wheel *wheel, struct cf_timer *timer, cf_ms deadline)
{
    cf_wheel_stop(wheel, timer);
    if (deadline == CF_MS_NEVER)
        return;
    timer->deadline = deadline;
    place_timer(wheel, timer);
    wheel->count++;
}

void cf_wheel_stop(struct cf_wheel *wheel, struct cf_timer *timer)
{
    if (!cf_timer_armed(timer))
        return;
    cf_list_remove(&timer->link);
    wheel->count--;
    struct place place = place_of(wheel, timer->deadline);
    if (place.in_slot && cf_list_empty(&wheel->slots[place.level][place.slot]))
        wheel->occupied[place.level] &= ~((uint64_t)1 << place.slot);
}

/* Gives every timer of `list` its place anew. */
static void place_again(struct cf_wheel *wheel, struct cf_list *list)
{
    struct cf_list moving;
    cf_list_init(&moving);
    cf_list_splice_back(&moving, list);
    struct cf_list *node;
    while ((node = cf_list_pop_front(&moving)) != NULL)
        place_timer(wheel, CF_LIST_ENTRY(node, struct cf_timer, link));
}

/* The level of the next slot in use, or CF_WHEEL_LEVELS. */
static unsigned next_level(const struct cf_wheel *wheel)
{
    unsigned level = 0;
    while (level < CF_WHEEL_LEVELS && wheel->occupied[level] == 0)
        level++;
    return level;
}

/* When the next slot of `level`, which has one in use, begins. */
static cf_ms slot_time(const struct cf_wheel *wheel, unsigned level)
{
    uint64_t slot = (uint64_t)__builtin_ctzll(wheel->occupied[level]);
    unsigned above = SLOT_BITS * (level + 1);
    return (cf_ms)((uint64_t)wheel->now >> above << above | slot << (SLOT_BITS * level));
}

/* When the wheel's range ends and the next begins. */
static cf_ms range_end(const struct cf_wheel *wheel)
{
    uint64_t range = ((uint64_t)wheel->now >> RANGE_BITS) + 1;
    return range > (uint64_t)CF_MS_NEVER >> RANGE_BITS ? CF_MS_NEVER : (cf_ms)(range << RANGE_BITS);
}

/* The beginning of the range in which the first of the far timers lies. */
static cf_ms far_time(const struct cf_wheel *wheel)
{
    cf_ms first = CF_MS_NEVER;
    for (const struct cf_list *node = wheel->far.next; node != &wheel->far; node = node->next) {
        const struct cf_timer *timer = CF_LIST_ENTRY(node, struct cf_timer, link);
        first = timer->deadline < first ? timer->deadline : first;
    }
    return (cf_ms)((uint64_t)first >> RANGE_BITS << RANGE_BITS);
}

static bool enter_slot(struct cf_wheel *wheel, unsigned level, cf_ms now)
{
    cf_ms at = slot_time(wheel, level);
    if (at > now)
        return false;
    unsigned slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
    wheel->now = at;
    wheel->occupied[level] &= ~((uint64_t)1 << slot);
    place_again(wheel, &wheel->slots[level][slot]);
    return true;
}

/* The walk over all far timers is taken once a range, that is every two years. */
static bool enter_range(struct cf_wheel *wheel, cf_ms now)
{
    if (cf_list_empty(&wheel->far) || range_end(wheel) > now)
        return false;
    cf_ms at = far_time(wheel);
    if (at > now)
        return false;
    wheel->now = at;
    place_again(wheel, &wheel->far);
    return true;
}

/* Moves the wheel's time to the next slot (or range) in use that begins by `now`, and its timers to
 * their new places. False when there is none; the time is then `now`. A jump costs a step for each
 * slot in use, whatever its width. */
static bool step(struct cf_wheel *wheel, cf_ms now)
{
    unsigned level = next_level(wheel);
    bool moved = level < CF_WHEEL_LEVELS ? enter_slot(wheel, level, now) : enter_range(wheel, now);
    if (!moved && now > wheel->now)
        wheel->now = now;
    return moved;
}

struct cf_timer *cf_wheel_pop(struct cf_wheel *wheel, cf_ms now)
{
    while (cf_list_empty(&wheel->due)) {
        if (!step(wheel, now))
            return NULL;
    }
    wheel->count--;
    return CF_LIST_ENTRY(cf_list_pop_front(&wheel->due), struct cf_timer, link);
}

cf_ms cf_wheel_next(const struct cf_wheel *wheel)
{
    if (!cf_list_empty(&wheel->due))
        return wheel->now;
    unsigned level = next_level(wheel);
    if (level < CF_WHEEL_LEVELS)
        return slot_time(wheel, level);
    return cf_list_empty(&wheel->far) ? CF_MS_NEVER : range_end(wheel);
}
