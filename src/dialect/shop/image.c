/* What an image is, by its first bytes (hazard V24: nothing is decoded, a claimed size is only told
 * from none). */
#include <string.h>

#include "base/assert.h"
#include "dialect/shop/upload.h"

static const struct {
    enum cf_shop_image image;
    const char *extension, *type;
} kinds[] = {
    {CF_IMAGE_JPEG, "jpg", "image/jpeg"},
    {CF_IMAGE_PNG, "png", "image/png"},
    {CF_IMAGE_GIF, "gif", "image/gif"},
    {CF_IMAGE_WEBP, "webp", "image/webp"},
};

#define UNKNOWN_TYPE "application/octet-stream"

static bool any_set(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0)
            return true;
    }
    return false;
}

/* ITU T.81 annex B: the start of image, then a marker. */
static bool is_jpeg(struct cf_slice head)
{
    return cf_slice_starts(head, CF_LIT("\xFF\xD8\xFF"));
}

/* PNG (third edition) sections 5.2 and 11.2.1: the signature, then IHDR of 13 bytes, which begins
 * with width and height, each 1 to 2^31 - 1. */
static bool is_png(struct cf_slice head)
{
    static const uint8_t start[] = "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR";
    if (head.len < 24 || memcmp(head.ptr, start, sizeof(start) - 1) != 0)
        return false;
    const uint8_t *width = head.ptr + 16, *height = head.ptr + 20;
    return any_set(width, 4) && any_set(height, 4) && width[0] < 0x80 && height[0] < 0x80;
}

/* GIF89a sections 17 and 18: the header, then width and height of the logical screen. */
static bool is_gif(struct cf_slice head)
{
    bool signature =
        cf_slice_starts(head, CF_LIT("GIF87a")) || cf_slice_starts(head, CF_LIT("GIF89a"));
    return signature && head.len >= 10 && any_set(head.ptr + 6, 2) && any_set(head.ptr + 8, 2);
}

/* RFC 6386 section 9.1: a key frame's tag, its start code, then 14 bits each of width and height
 * with 2 bits of scale above. */
static bool is_vp8(const uint8_t *frame)
{
    bool key_frame = (frame[0] & 1) == 0 && memcmp(frame + 3, "\x9D\x01\x2A", 3) == 0;
    bool has_width = (frame[6] | (frame[7] & 0x3F)) != 0;
    bool has_height = (frame[8] | (frame[9] & 0x3F)) != 0;
    return key_frame && has_width && has_height;
}

/* RFC 9649 section 2: RIFF, WEBP, and a first chunk of one of three kinds. VP8L and VP8X hold sizes
 * less one, which cannot be zero. */
static bool is_webp(struct cf_slice head)
{
    if (head.len < 30 || memcmp(head.ptr, "RIFF", 4) != 0 || memcmp(head.ptr + 8, "WEBP", 4) != 0)
        return false;
    const uint8_t *chunk = head.ptr + 12, *payload = head.ptr + 20;
    if (memcmp(chunk, "VP8 ", 4) == 0)
        return is_vp8(payload);
    if (memcmp(chunk, "VP8L", 4) == 0)
        return payload[0] == 0x2F; /* the signature, section 3.4 */
    return memcmp(chunk, "VP8X", 4) == 0;
}

enum cf_shop_image cf_shop_image_sniff(struct cf_slice head)
{
    if (is_jpeg(head))
        return CF_IMAGE_JPEG;
    if (is_png(head))
        return CF_IMAGE_PNG;
    if (is_gif(head))
        return CF_IMAGE_GIF;
    return is_webp(head) ? CF_IMAGE_WEBP : CF_IMAGE_NONE;
}

const char *cf_shop_image_type(enum cf_shop_image image)
{
    for (size_t i = 0; i < CF_ARRAY_LEN(kinds); i++) {
        if (kinds[i].image == image)
            return kinds[i].type;
    }
    return UNKNOWN_TYPE;
}

const char *cf_shop_image_extension(enum cf_shop_image image)
{
    for (size_t i = 0; i < CF_ARRAY_LEN(kinds); i++) {
        if (kinds[i].image == image)
            return kinds[i].extension;
    }
    return "bin";
}

const char *cf_shop_media_type(struct cf_slice media_name)
{
    struct cf_slice extension = media_name;
    for (size_t dot; (dot = cf_slice_find(extension, '.')) < extension.len;)
        extension = cf_slice_skip(extension, dot + 1);
    for (size_t i = 0; i < CF_ARRAY_LEN(kinds); i++) {
        if (extension.len < media_name.len &&
            cf_slice_eq(extension, cf_slice_cstr(kinds[i].extension)))
            return kinds[i].type;
    }
    return UNKNOWN_TYPE;
}
