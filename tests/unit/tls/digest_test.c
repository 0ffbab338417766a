#include "unit/base/support.h"

#include "edge/tls/digest.h"

static void check_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    assert_int_equal(strlen(hex), 2 * len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(hex[2 * i], digits[bytes[i] >> 4]);
        assert_int_equal(hex[2 * i + 1], digits[bytes[i] & 15]);
    }
}

static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

/* The examples of FIPS 180. */
static void sha1_examples(void **state)
{
    (void)state;
    uint8_t digest[20];
    cf_digest_sha1((struct cf_slice){NULL, 0}, digest);
    check_hex(digest, 20, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    cf_digest_sha1(CF_LIT("abc"), digest);
    check_hex(digest, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
    cf_digest_sha1(cf_slice_cstr(two_blocks), digest);
    check_hex(digest, 20, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

static void sha256_examples(void **state)
{
    (void)state;
    uint8_t digest[32];
    cf_digest_sha256((struct cf_slice){NULL, 0}, digest);
    check_hex(digest, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    cf_digest_sha256(CF_LIT("abc"), digest);
    check_hex(digest, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cf_digest_sha256(cf_slice_cstr(two_blocks), digest);
    check_hex(digest, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* More than one system call gives without interruption (256 bytes), and none beyond the end. */
static void entropy_fills_all_of_it(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 16, 256, 257, 100000};
    struct cf_entropy entropy = cf_entropy_system();
    for (size_t i = 0; i < CF_ARRAY_LEN(lens); i++) {
        uint8_t *bytes = calloc(lens[i] + 1, 1);
        assert_non_null(bytes);
        bytes[lens[i]] = 0x5A;
        entropy.fill(entropy.context, bytes, lens[i]);
        assert_int_equal(bytes[lens[i]], 0x5A);
        /* 64 zeros in a row have a chance of 2^-512 at each place. */
        size_t zeros = 0;
        for (size_t at = 0; at < lens[i]; at++) {
            zeros = bytes[at] == 0 ? zeros + 1 : 0;
            assert_true(zeros < 64);
        }
        free(bytes);
    }
}

static void entropy_does_not_repeat(void **state)
{
    (void)state;
    struct cf_entropy entropy = cf_entropy_system();
    uint8_t first[16], second[16];
    entropy.fill(entropy.context, first, sizeof(first));
    entropy.fill(entropy.context, second, sizeof(second));
    assert_memory_not_equal(first, second, sizeof(first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha1_examples),
        cmocka_unit_test(sha256_examples),
        cmocka_unit_test(entropy_fills_all_of_it),
        cmocka_unit_test(entropy_does_not_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
