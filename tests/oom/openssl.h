/* OpenSSL's allocations fail like ours. */
#ifndef CF_OOM_OPENSSL_H
#define CF_OOM_OPENSSL_H

#include <openssl/crypto.h>

#include "oom/fault.h"

static inline void *openssl_alloc(size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    return fault_alloc(bytes);
}

static inline void *openssl_realloc(void *block, size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    return fault_realloc(block, bytes);
}

static inline void openssl_free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    fault_free(block);
}

/* Before anything is asked of OpenSSL. */
static inline bool openssl_may_fail(void)
{
    return CRYPTO_set_mem_functions(openssl_alloc, openssl_realloc, openssl_free) == 1;
}

#endif
