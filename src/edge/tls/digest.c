#include "edge/tls/digest.h"

#include <errno.h>
#include <openssl/sha.h>
#include <sys/random.h>

#include "base/assert.h"

void cf_digest_sha1(struct cf_slice bytes, uint8_t out[20])
{
    SHA1(bytes.ptr, bytes.len, out);
}

void cf_digest_sha256(struct cf_slice bytes, uint8_t out[32])
{
    SHA256(bytes.ptr, bytes.len, out);
}

static void fill(void *context, uint8_t *out, size_t len)
{
    (void)context;
    while (len > 0) {
        ssize_t got = getrandom(out, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        CF_ASSERT(got > 0);
        out += got;
        len -= (size_t)got;
    }
}

struct cf_entropy cf_entropy_system(void)
{
    return (struct cf_entropy){.fill = fill};
}
