#include "oom/fault.h"

#include <stdatomic.h>
#include <stdlib.h>

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *block, size_t bytes);
void __real_free(void *block);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void __wrap_free(void *block);

static atomic_long calls, failed, live;
static atomic_long fail_at; /* 0: none */
static atomic_bool fail_forever;
static atomic_int paused;

/* The sanitizers', where there is one. */
__attribute__((weak)) void __sanitizer_print_stack_trace(void);

void fault_begin(long at, bool forever)
{
    calls = 0;
    failed = 0;
    paused = 0;
    fail_forever = forever;
    fail_at = at;
}

long fault_end(void)
{
    fail_at = 0;
    return calls;
}

void fault_heal(void)
{
    fail_at = 0;
}

void fault_pause(void)
{
    paused++;
}

void fault_resume(void)
{
    paused--;
}

long fault_failed(void)
{
    return failed;
}

long fault_live(void)
{
    return live;
}

static bool stacks_wanted;

/* A test may change the environment. */
__attribute__((constructor)) static void look_for_stacks(void)
{
    stacks_wanted = getenv("CONFAB_OOM_STACK") != NULL;
}

static bool must_fail(void)
{
    if (paused > 0)
        return false;
    long call = ++calls;
    long at = fail_at;
    if (at == 0 || call < at || (call > at && !fail_forever))
        return false;
    failed++;
    if (stacks_wanted && __sanitizer_print_stack_trace != NULL)
        __sanitizer_print_stack_trace();
    return true;
}

void *__wrap_malloc(size_t bytes)
{
    void *block = must_fail() ? NULL : __real_malloc(bytes);
    live += block != NULL;
    return block;
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    void *block = must_fail() ? NULL : __real_calloc(count, bytes);
    live += block != NULL;
    return block;
}

void *__wrap_realloc(void *block, size_t bytes)
{
    void *moved = must_fail() ? NULL : __real_realloc(block, bytes);
    live += block == NULL && moved != NULL;
    return moved;
}

void __wrap_free(void *block)
{
    live -= block != NULL;
    __real_free(block);
}

void *fault_alloc(size_t bytes)
{
    return must_fail() ? NULL : __real_malloc(bytes);
}

void *fault_realloc(void *block, size_t bytes)
{
    return must_fail() ? NULL : __real_realloc(block, bytes);
}

void fault_free(void *block)
{
    __real_free(block);
}
