/* Randomness as the core reaches it: getrandom in production, seeded in simulation. */
#ifndef CF_PORT_ENTROPY_H
#define CF_PORT_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

struct cf_entropy {
    void (*fill)(void *context, uint8_t *out, size_t len);
    void *context;
};

#endif
