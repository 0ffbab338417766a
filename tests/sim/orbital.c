/* Encrypted groups over a JSON WebSocket. */
#include "sim/world.h"

static void nothing(void)
{
}

static bool yes(void)
{
    return true;
}

const struct sim_dialect sim_orbital = {"orbital", nothing, yes, nothing, yes, nothing, nothing};
