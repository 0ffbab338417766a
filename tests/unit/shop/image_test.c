#include "dialect/shop/upload.h"

#include "unit/base/support.h"

#define PNG_START "\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR"
#define PNG PNG_START "\0\0\0\x01\0\0\0\x02"
#define GIF "GIF89a\x01\0\x02\0"
#define RIFF(chunk) "RIFF\x10\0\0\0WEBP" chunk
#define VP8(frame) RIFF("VP8 ") "\x0A\0\0\0" frame
#define VP8_FRAME(size) "\x10\0\0\x9D\x01\x2A" size
#define WEBP VP8(VP8_FRAME("\x01\0\x02\0"))
#define WEBP_LOSSLESS RIFF("VP8L") "\x0A\0\0\0\x2F\0\0\0\0\0\0\0\0\0"
#define WEBP_EXTENDED RIFF("VP8X") "\x0A\0\0\0\0\0\0\0\0\0\0\0\0\0"

struct head {
    struct cf_slice bytes;
    enum cf_shop_image image;
    size_t needed; /* bytes that make it that image */
};

static const struct head heads[] = {
    {{(const uint8_t *)"\xFF\xD8\xFF\xE0\0\x10JFIF", 10}, CF_IMAGE_JPEG, 3},
    {{(const uint8_t *)PNG "\x08\x06", 26}, CF_IMAGE_PNG, 24},
    {{(const uint8_t *)GIF "\xF0", 11}, CF_IMAGE_GIF, 10},
    {{(const uint8_t *)"GIF87a\0\x01\0\x80", 10}, CF_IMAGE_GIF, 10},
    {{(const uint8_t *)WEBP "xx", 32}, CF_IMAGE_WEBP, 30},
    {{(const uint8_t *)WEBP_LOSSLESS, 30}, CF_IMAGE_WEBP, 30},
    {{(const uint8_t *)WEBP_EXTENDED, 30}, CF_IMAGE_WEBP, 30},
};

/* At every length: an image when its signature and sizes are there, and not before. */
static void an_image_needs_its_whole_signature(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(heads); i++) {
        for (size_t len = 0; len <= heads[i].bytes.len; len++) {
            enum cf_shop_image wanted = len < heads[i].needed ? CF_IMAGE_NONE : heads[i].image;
            /* An exact copy, so that reading past it is seen. */
            uint8_t *copy = malloc(len > 0 ? len : 1);
            memcpy(copy, heads[i].bytes.ptr, len);
            assert_int_equal(cf_shop_image_sniff(cf_slice_of(copy, len)), wanted);
            free(copy);
        }
    }
    assert_int_equal(cf_shop_image_sniff((struct cf_slice){NULL, 0}), CF_IMAGE_NONE);
}

/* Every bit of a signature counts. */
static void a_bent_signature_is_no_image(void **state)
{
    (void)state;
    static const struct {
        struct cf_slice bytes;
        size_t from, to;
    } fixed[] = {
        {{(const uint8_t *)"\xFF\xD8\xFF", 3}, 0, 3},
        {{(const uint8_t *)PNG, 24}, 0, 16},
        {{(const uint8_t *)WEBP, 30}, 0, 4},
        {{(const uint8_t *)WEBP, 30}, 8, 16},
        {{(const uint8_t *)WEBP, 30}, 23, 26},
        {{(const uint8_t *)WEBP_LOSSLESS, 30}, 8, 16},
        {{(const uint8_t *)WEBP_LOSSLESS, 30}, 20, 21},
        {{(const uint8_t *)WEBP_EXTENDED, 30}, 8, 16},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(fixed); i++) {
        for (size_t bit = fixed[i].from * 8; bit < fixed[i].to * 8; bit++) {
            uint8_t bytes[32];
            memcpy(bytes, fixed[i].bytes.ptr, fixed[i].bytes.len);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(cf_shop_image_sniff(cf_slice_of(bytes, fixed[i].bytes.len)),
                             CF_IMAGE_NONE);
        }
    }
}

/* V24 */
static void an_image_without_a_size_is_none(void **state)
{
    (void)state;
    static const struct head cases[] = {
        {{(const uint8_t *)PNG_START "\0\0\0\0\0\0\0\x02", 24}, CF_IMAGE_NONE, 0},
        {{(const uint8_t *)PNG_START "\0\0\0\x01\0\0\0\0", 24}, CF_IMAGE_NONE, 0},
        {{(const uint8_t *)PNG_START "\x80\0\0\x01\0\0\0\x01", 24}, CF_IMAGE_NONE, 0},
        {{(const uint8_t *)PNG_START "\0\0\0\x01\xFF\xFF\xFF\xFF", 24}, CF_IMAGE_NONE, 0},
        {{(const uint8_t *)PNG_START "\x7F\xFF\xFF\xFF\x7F\xFF\xFF\xFF", 24}, CF_IMAGE_PNG, 0},
        {{(const uint8_t *)PNG_START "\0\0\xFF\xFF\0\0\xFF\xFF", 24}, CF_IMAGE_PNG, 0},
        {{(const uint8_t *)"GIF89a\0\0\x02\0", 10}, CF_IMAGE_NONE, 0},
        {{(const uint8_t *)"GIF89a\x01\0\0\0", 10}, CF_IMAGE_NONE, 0},
        {{(const uint8_t *)"GIF89b\x01\0\x02\0", 10}, CF_IMAGE_NONE, 0},
        {{(const uint8_t *)VP8(VP8_FRAME("\0\0\x02\0")), 30}, CF_IMAGE_NONE, 0},
        {{(const uint8_t *)VP8(VP8_FRAME("\x01\0\0\0")), 30}, CF_IMAGE_NONE, 0},
        {{(const uint8_t *)VP8(VP8_FRAME("\0\xC0\x02\0")), 30}, CF_IMAGE_NONE, 0},
        {{(const uint8_t *)VP8(VP8_FRAME("\0\x3F\0\x20")), 30}, CF_IMAGE_WEBP, 0},
        /* no key frame */
        {{(const uint8_t *)VP8("\x11\0\0\x9D\x01\x2A\x01\0\x02\0"), 30}, CF_IMAGE_NONE, 0},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++)
        assert_int_equal(cf_shop_image_sniff(cases[i].bytes), cases[i].image);
}

static void other_files_are_none(void **state)
{
    (void)state;
    static const struct cf_slice cases[] = {
        {(const uint8_t *)"<svg xmlns=\"http://www.w3.org/2000/svg\">", 32},
        {(const uint8_t *)"<!DOCTYPE html><script>alert(1)</", 32},
        {(const uint8_t *)"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj\n<<xxxxxxxx", 32},
        {(const uint8_t *)"BM\x36\0\x0C\0\0\0\0\0\x36\0\0\0\x28\0\0\0\0\x02\0\0\0\x02\0\0\x01\0"
                          "\x18\0\0\0",
         32},
        {(const uint8_t *)"\0\0\0\x1C"
                          "ftypavif\0\0\0\0avifmif1miafMA",
         32},
        {(const uint8_t *)"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x44\xAC\0\0\x88\x58\x01",
         32},
        {(const uint8_t *)"PK\x03\x04\x14\0\0\0\x08\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\x08\x02",
         32},
        {(const uint8_t *)"\xFE\xFF\xD8\xFF", 4},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++)
        assert_int_equal(cf_shop_image_sniff(cases[i]), CF_IMAGE_NONE);
}

static void types_and_extensions_belong_together(void **state)
{
    (void)state;
    static const struct {
        enum cf_shop_image image;
        const char *type, *extension;
    } kinds[] = {
        {CF_IMAGE_JPEG, "image/jpeg", "jpg"},
        {CF_IMAGE_PNG, "image/png", "png"},
        {CF_IMAGE_GIF, "image/gif", "gif"},
        {CF_IMAGE_WEBP, "image/webp", "webp"},
        {CF_IMAGE_NONE, "application/octet-stream", "bin"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(kinds); i++) {
        char name[64] = "019b847a-d4a8-7000-8000-000000000001.";
        strcat(name, kinds[i].extension);
        assert_string_equal(cf_shop_image_type(kinds[i].image), kinds[i].type);
        assert_string_equal(cf_shop_image_extension(kinds[i].image), kinds[i].extension);
        assert_string_equal(cf_shop_media_type(cf_slice_cstr(name)), kinds[i].type);
    }
    static const char *const unknown[] = {"",      "png",        ".",    "a.",    "a.PNG",
                                          "a.svg", "a.png.html", "a.pn", "a.pngx"};
    for (size_t i = 0; i < CF_ARRAY_LEN(unknown); i++)
        assert_string_equal(cf_shop_media_type(cf_slice_cstr(unknown[i])),
                            "application/octet-stream");
    assert_string_equal(cf_shop_media_type(CF_LIT("a.html.png")), "image/png");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_needs_its_whole_signature),
        cmocka_unit_test(a_bent_signature_is_no_image),
        cmocka_unit_test(an_image_without_a_size_is_none),
        cmocka_unit_test(other_files_are_none),
        cmocka_unit_test(types_and_extensions_belong_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
