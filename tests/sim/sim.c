#include "sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

struct sim sim;

/* 2026-01-01T00:00:00Z */
#define WALL_BEGIN INT64_C(1767225600000000)

void sim_begin(uint64_t seed, bool tracing)
{
    sim = (struct sim){.random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1,
                       .hash = UINT64_C(0xCBF29CE484222325),
                       .tracing = tracing,
                       .wall_offset = WALL_BEGIN};
}

void sim_end(void)
{
    free(sim.heap);
    sim.heap = NULL;
}

/* splitmix64 */
uint64_t sim_random(void)
{
    uint64_t z = (sim.random += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

int64_t sim_between(int64_t low, int64_t high)
{
    return low + (int64_t)(sim_random() % (uint64_t)(high - low + 1));
}

bool sim_chance(unsigned of_thousand)
{
    return sim_random() % 1000 < of_thousand;
}

/* ---- the heap ---- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void put(size_t place, struct sim_event *event)
{
    sim.heap[place] = event;
    event->place = place;
}

static void rise(size_t place)
{
    struct sim_event *event = sim.heap[place];
    for (; place > 1 && before(event, sim.heap[place / 2]); place /= 2)
        put(place, sim.heap[place / 2]);
    put(place, event);
}

static void sink(size_t place)
{
    struct sim_event *event = sim.heap[place];
    for (size_t child; (child = 2 * place) <= sim.count; place = child) {
        if (child < sim.count && before(sim.heap[child + 1], sim.heap[child]))
            child++;
        if (!before(sim.heap[child], event))
            break;
        put(place, sim.heap[child]);
    }
    put(place, event);
}

void sim_cancel(struct sim_event *event)
{
    size_t place = event->place;
    if (place == 0)
        return;
    event->place = 0;
    struct sim_event *last = sim.heap[sim.count--];
    if (last == event)
        return;
    put(place, last);
    rise(place);
    sink(last->place);
}

void sim_at(struct sim_event *event, int64_t delay)
{
    sim_cancel(event);
    event->at = sim.now + (delay > 0 ? delay : 0);
    event->order = sim.order++;
    if (sim.count + 1 >= sim.cap) {
        sim.cap = sim.cap == 0 ? 1024 : sim.cap * 2;
        sim.heap = realloc(sim.heap, sim.cap * sizeof(struct sim_event *));
        CF_ASSERT(sim.heap != NULL);
    }
    sim.heap[++sim.count] = event;
    event->place = sim.count;
    rise(sim.count);
}

bool sim_step(int64_t until)
{
    if (sim.count == 0 || sim.heap[1]->at > until) {
        sim.now = until > sim.now ? until : sim.now;
        return false;
    }
    struct sim_event *event = sim.heap[1];
    sim_cancel(event);
    sim.now = event->at;
    sim.events++;
    event->happen(event);
    return true;
}

/* ---- the trace ---- */

/* FNV-1a */
void sim_note(const void *bytes, size_t len)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < len; i++)
        sim.hash = (sim.hash ^ byte[i]) * UINT64_C(0x100000001B3);
}

void sim_trace(const char *format, ...)
{
    char line[512];
    va_list args;
    int len = snprintf(line, sizeof(line), "%9lld.%03lld ms  ", (long long)(sim.now / SIM_MS),
                       (long long)(sim.now % SIM_MS));
    va_start(args, format);
    vsnprintf(line + len, sizeof(line) - (size_t)len, format, args);
    va_end(args);
    sim_note(line, strlen(line));
    if (sim.tracing)
        puts(line);
}
