/* zlib's allocations fail like ours: --wrap=deflateInit2_ and --wrap=inflateInit2_ give each of its
 * streams our allocator. */
#include <stdlib.h>
#include <zlib.h>

int __real_deflateInit2_(z_streamp stream, int level, int method, int bits, int memory,
                         int strategy, const char *version, int size);
int __real_inflateInit2_(z_streamp stream, int bits, const char *version, int size);
int __wrap_deflateInit2_(z_streamp stream, int level, int method, int bits, int memory,
                         int strategy, const char *version, int size);
int __wrap_inflateInit2_(z_streamp stream, int bits, const char *version, int size);

static voidpf take(voidpf opaque, uInt count, uInt bytes)
{
    (void)opaque;
    return calloc(count, bytes);
}

static void give(voidpf opaque, voidpf block)
{
    (void)opaque;
    free(block);
}

int __wrap_deflateInit2_(z_streamp stream, int level, int method, int bits, int memory,
                         int strategy, const char *version, int size)
{
    stream->zalloc = take;
    stream->zfree = give;
    return __real_deflateInit2_(stream, level, method, bits, memory, strategy, version, size);
}

int __wrap_inflateInit2_(z_streamp stream, int bits, const char *version, int size)
{
    stream->zalloc = take;
    stream->zfree = give;
    return __real_inflateInit2_(stream, bits, version, size);
}
