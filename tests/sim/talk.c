/* Conversations over Socket.IO. */
#include "sim/world.h"

static void nothing(void)
{
}

static bool yes(void)
{
    return true;
}

const struct sim_dialect sim_talk = {"talk", nothing, yes, nothing, yes, nothing, nothing};
