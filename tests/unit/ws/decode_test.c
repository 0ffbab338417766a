/* RFC 6455 section 5 and what it says of text and close codes, as vectors. Each runs in both roles,
 * whole, byte by byte and in random pieces. */
#include "support.h"

#define REFUSED "88:03ea"  /* 1002 */
#define BAD_DATA "88:03ef" /* 1007 */

static void test_5_4_messages_and_fragments(void **state)
{
    static const struct vector vectors[] = {
        {"5.6 text", "81:'Hello'", "text:'Hello'", ""},
        {"5.6 empty text", "81:''", "text:''", ""},
        {"5.6 binary", "82:00ff80", "binary:00ff80", ""},
        {"5.6 empty binary", "82:''", "binary:''", ""},
        {"5.6 two", "81:'a' 82:'b'", "text:'a' binary:'b'", ""},
        {"5.7 fragmented", "01:'Hel' 80:'lo'", "text:'Hello'", ""},
        {"5.4 binary in three", "02:'a' 00:'b' 80:'c'", "binary:'abc'", ""},
        {"5.4 empty fragments", "01:'' 00:'' 80:''", "text:''", ""},
        {"5.4 empty first and last", "01:'' 00:'x' 80:''", "text:'x'", ""},
        {"5.4 a message after a fragmented one", "01:'a' 80:'b' 81:'c'", "text:'ab' text:'c'", ""},
        {"5.4 continuation of nothing", "80:'x'", "closed:1002-", REFUSED},
        {"5.4 continuation of nothing, not final", "00:'x'", "closed:1002-", REFUSED},
        {"5.4 continuation after the end", "81:'a' 80:'x'", "text:'a' closed:1002-", REFUSED},
        {"5.4 text inside text", "01:'a' 81:'b'", "closed:1002-", REFUSED},
        {"5.4 binary inside text", "01:'a' 02:'b'", "closed:1002-", REFUSED},
        {"5.4 text inside binary", "02:'a' 00:'' 81:'b'", "closed:1002-", REFUSED},
    };
    (void)state;
    check_vectors(vectors, CF_ARRAY_LEN(vectors), NULL);
}

static void test_5_5_control_frames(void **state)
{
    static const struct vector vectors[] = {
        {"5.5.2 ping", "89:'Hello'", "", "8a:'Hello'"},
        {"5.5.2 empty ping", "89:''", "", "8a:''"},
        {"5.5.2 each ping", "89:'a' 89:'b'", "", "8a:'a' 8a:'b'"},
        {"5.5.3 pong", "8a:'Hello'", "pong:'Hello'", ""},
        {"5.5.3 empty pong, unasked", "8a:''", "pong:''", ""},
        {"5.4 ping between fragments", "01:'a' 89:'p' 00:'b' 89:'q' 80:'c'", "text:'abc'",
         "8a:'p' 8a:'q'"},
        {"5.4 pong between fragments", "01:'a' 8a:'p' 80:'c'", "pong:'p' text:'ac'", ""},
        {"5.4 close between fragments", "01:'a' 88:03e8 80:'c'", "closed:1000+", "88:03e8"},
        {"5.5 fragmented ping", "09:'a'", "closed:1002-", REFUSED},
        {"5.5 fragmented pong", "0a:''", "closed:1002-", REFUSED},
        {"5.5 fragmented close", "08:03e8", "closed:1002-", REFUSED},
        {"5.5 after a message", "81:'a' 89:'b' 81:'c'", "text:'a' text:'c'", "8a:'b'"},
    };
    (void)state;
    check_vectors(vectors, CF_ARRAY_LEN(vectors), NULL);
}

/* Up to 125 bytes; the forms for more are refused before their payload. */
static void test_5_5_control_length(void **state)
{
    static const unsigned firsts[] = {0x88, 0x89, 0x8a};
    (void)state;
    char hex[2 * 125 + 1], in[300], out[300];
    for (size_t i = 0; i < 125; i++)
        memcpy(hex + 2 * i, "01", 3);
    snprintf(in, sizeof(in), "89:%s", hex);
    snprintf(out, sizeof(out), "8a:%s", hex);
    struct vector full = {"5.5 125 bytes", in, "", out};
    check_vectors(&full, 1, NULL);
    for (size_t i = 0; i < CF_ARRAY_LEN(firsts); i++) {
        for (unsigned length = 126; length <= 127; length++) {
            struct vector vector = {"5.5 too long", in, "closed:1002-", REFUSED};
            snprintf(in, sizeof(in), "=%02x%02x", firsts[i], length);
            check_vector_in(&vector, CF_WS_CLIENT, NULL);
            snprintf(in, sizeof(in), "=%02x%02x", firsts[i], 0x80 | length);
            check_vector_in(&vector, CF_WS_SERVER, NULL);
        }
    }
}

static void test_5_2_reserved_opcodes(void **state)
{
    static const unsigned opcodes[] = {3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf};
    char in[16];
    struct vector vector = {"5.2 reserved opcode", in, "closed:1002-", REFUSED};
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(opcodes); i++) {
        for (unsigned fin = 0; fin <= 0x80; fin += 0x80) {
            snprintf(in, sizeof(in), "%02x:'x'", fin | opcodes[i]);
            check_vectors(&vector, 1, NULL);
        }
    }
}

/* Without an extension all three bits are zero, on every kind of frame. */
static void test_5_2_reserved_bits(void **state)
{
    static const unsigned firsts[] = {0x81, 0x82, 0x01, 0x88, 0x89, 0x8a};
    char in[32];
    struct vector vector = {"5.2 reserved bits", in, "closed:1002-", REFUSED};
    (void)state;
    for (unsigned bits = 0x10; bits <= 0x70; bits += 0x10) {
        for (size_t i = 0; i < CF_ARRAY_LEN(firsts); i++) {
            snprintf(in, sizeof(in), "%02x:''", firsts[i] | bits);
            check_vectors(&vector, 1, NULL);
        }
        snprintf(in, sizeof(in), "01:'a' %02x:'b'", 0x80 | bits);
        check_vectors(&vector, 1, NULL);
    }
}

/* RFC 7692 section 6: RSV1 only on the first frame of a message; the others not at all. */
static void test_7692_6_rsv1(void **state)
{
    static const struct vector vectors[] = {
        {"7692 6 compressed", "c1:f248cdc9c90700", "text:'Hello'", ""},
        {"7692 6 not compressed", "81:'Hello'", "text:'Hello'", ""},
        {"7692 6.1 RSV1 on a continuation", "41:f248cd c0:c9c90700", "closed:1002-", REFUSED},
        {"7692 6.1 RSV1 on a plain one's", "01:'a' c0:'b'", "closed:1002-", REFUSED},
        {"7692 6.1 RSV1 on a ping", "c9:''", "closed:1002-", REFUSED},
        {"7692 6.1 RSV1 on a pong", "ca:''", "closed:1002-", REFUSED},
        {"7692 6.1 RSV1 on a close", "c8:03e8", "closed:1002-", REFUSED},
        {"5.2 RSV2", "a1:'a'", "closed:1002-", REFUSED},
        {"5.2 RSV3", "91:'a'", "closed:1002-", REFUSED},
        {"5.2 RSV1 and RSV2", "e1:'a'", "closed:1002-", REFUSED},
    };
    struct cf_ws_deflate_params params = deflate_params(false);
    (void)state;
    check_vectors(vectors, CF_ARRAY_LEN(vectors), &params);
}

/* Section 5.1, and the examples of 5.7 byte for byte. */
static void test_5_1_masking(void **state)
{
    static const struct vector server[] = {
        {"5.7 masked", "=818537fa213d7f9f4d5158", "text:'Hello'", ""},
        {"5.3 mask of zeros", "=81850000000048656c6c6f", "text:'Hello'", ""},
        {"5.1 not masked", "=810548656c6c6f", "closed:1002-", REFUSED},
        {"5.1 empty and not masked", "=8100", "closed:1002-", REFUSED},
        {"5.1 ping not masked", "=8900", "closed:1002-", REFUSED},
        {"5.1 close not masked", "=880203e8", "closed:1002-", REFUSED},
    };
    static const struct vector client[] = {
        {"5.7 not masked", "=810548656c6c6f", "text:'Hello'", ""},
        {"5.1 masked", "=818537fa213d7f9f4d5158", "closed:1002-", REFUSED},
        {"5.1 empty and masked", "=818000000000", "closed:1002-", REFUSED},
        {"5.1 close masked", "=888237fa213d3412", "closed:1002-", REFUSED},
    };
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(server); i++)
        check_vector_in(&server[i], CF_WS_SERVER, NULL);
    for (size_t i = 0; i < CF_ARRAY_LEN(client); i++)
        check_vector_in(&client[i], CF_WS_CLIENT, NULL);
}

static void test_5_2_lengths(void **state)
{
    static const struct {
        uint64_t len;
        unsigned length_bytes;
        const char *events; /* after the header alone */
    } vectors[] = {
        {0, 2, "closed:1002-"},
        {125, 2, "closed:1002-"},
        {126, 2, ""},
        {65535, 2, ""},
        {0, 8, "closed:1002-"},
        {125, 8, "closed:1002-"},
        {126, 8, "closed:1002-"},
        {65535, 8, "closed:1002-"},
        {65536, 8, ""},
        {(uint64_t)1 << 63, 8, "closed:1002-"}, /* the most significant bit must be 0 */
        {UINT64_MAX, 8, "closed:1002-"},
    };
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(vectors); i++) {
        for (int role = CF_WS_SERVER; role <= CF_WS_CLIENT; role++) {
            for (uint64_t seed = WHOLE; seed <= BYTEWISE; seed++) {
                struct rig rig;
                struct cf_buf in;
                cf_buf_init(&in, 64);
                rig_init(&rig, (enum cf_ws_role)role, 65536, NULL);
                put_header(&in, 0x82, vectors[i].len, vectors[i].length_bytes, rig_masked(&rig));
                rig_feed_split(&rig, cf_buf_peek(&in), seed);
                assert_events(&rig, vectors[i].events);
                rig_deinit(&rig);
                cf_buf_deinit(&in);
            }
        }
    }
}

/* Whole messages at both sides of each form of the length, in any pieces. */
static void test_5_2_messages_of_every_form(void **state)
{
    static const size_t lens[] = {124, 125, 126, 127, 128, 65534, 65535, 65536};
    (void)state;
    uint8_t *payload = malloc(65536);
    assert_non_null(payload);
    for (size_t i = 0; i < 65536; i++)
        payload[i] = (uint8_t)(i * 31 >> 3);
    for (size_t i = 0; i < CF_ARRAY_LEN(lens) * 2; i++) {
        struct cf_slice message = cf_slice_of(payload, lens[i / 2]);
        struct cf_buf in, told;
        struct rig rig;
        cf_buf_init(&in, 70000);
        cf_buf_init(&told, SCRIPT_BYTES_MAX);
        tell_event(&told, &(struct cf_ws_event){.type = CF_WS_EVENT_BINARY, .payload = message});
        put_byte(&told, 0);
        for (uint64_t seed = WHOLE; seed < 5; seed++) {
            rig_init(&rig, i % 2 == 0 ? CF_WS_SERVER : CF_WS_CLIENT, 65536, NULL);
            cf_buf_reset(&in);
            put_frame(&in, 0x82, message, rig_masked(&rig));
            rig_feed_split(&rig, cf_buf_peek(&in), seed);
            assert_events(&rig, (const char *)told.ptr);
            rig_deinit(&rig);
        }
        cf_buf_deinit(&told);
        cf_buf_deinit(&in);
    }
    free(payload);
}

static void test_7_4_close_codes(void **state)
{
    static const struct vector vectors[] = {
        {"5.5.1 no body", "88:''", "closed:1005+", "88:''"},
        {"5.5.1 a code", "88:03e8", "closed:1000+", "88:03e8"},
        {"5.5.1 a reason", "88:03e9627965", "closed:1001+", "88:03e9"},
        {"5.5.1 a reason in UTF-8", "88:0fa0e282ac", "closed:4000+", "88:0fa0"},
        {"5.5.1 one byte", "88:03", "closed:1002-", REFUSED},
        {"5.5.1 one byte, any second would do", "88:0d", "closed:1002-", REFUSED},
        {"8.1 a reason that is none", "88:03e8ff", "closed:1007-", BAD_DATA},
        {"8.1 a reason cut off", "88:03e8e282", "closed:1007-", BAD_DATA},
        {"8.1 a surrogate", "88:03e8eda080", "closed:1007-", BAD_DATA},
        {"7.4 bad code before a bad reason", "88:0000ff", "closed:1002-", REFUSED},
        {"5.5.1 what follows is not read", "88:03e8 81:'a' =ffff", "closed:1000+", "88:03e8"},
        {"7.1.7 nor after an error", "83:'' 81:'a' 89:'p' 88:''", "closed:1002-", REFUSED},
    };
    (void)state;
    check_vectors(vectors, CF_ARRAY_LEN(vectors), NULL);
}

static void test_7_4_every_code_range(void **state)
{
    static const struct {
        unsigned code;
        bool valid;
    } codes[] = {{0, false},    {999, false},  {1000, true},  {1001, true},  {1002, true},
                 {1003, true},  {1004, false}, {1005, false}, {1006, false}, {1007, true},
                 {1008, true},  {1009, true},  {1010, true},  {1011, true},  {1012, true},
                 {1013, true},  {1014, true},  {1015, false}, {1016, false}, {1100, false},
                 {2000, false}, {2999, false}, {3000, true},  {3999, true},  {4000, true},
                 {4999, true},  {5000, false}, {65535, false}};
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(codes); i++) {
        char in[16], events[32];
        snprintf(in, sizeof(in), "88:%04x", codes[i].code);
        snprintf(events, sizeof(events), "closed:%u%c", codes[i].valid ? codes[i].code : 1002,
                 codes[i].valid ? '+' : '-');
        struct vector vector = {"7.4", in, events, codes[i].valid ? in : REFUSED};
        check_vectors(&vector, 1, NULL);
    }
}

static void test_8_1_text(void **state)
{
    static const struct vector vectors[] = {
        {"8.1 every length", "81:c2a2e282acf0908d88", "text:c2a2e282acf0908d88", ""},
        {"8.1 the last of each", "81:7fdfbfefbfbff48fbfbf", "text:7fdfbfefbfbff48fbfbf", ""},
        {"8.1 split between fragments", "01:e2 00:82 80:ac", "text:e282ac", ""},
        {"8.1 split, with a ping between", "01:f090 89:ff 80:8d88", "text:f0908d88", "8a:ff"},
        {"8.1 not for binary", "82:ff", "binary:ff", ""},
        {"8.1 bad byte", "81:61ff", "closed:1007-", BAD_DATA},
        {"8.1 overlong", "81:c080", "closed:1007-", BAD_DATA},
        {"8.1 surrogate", "81:eda080", "closed:1007-", BAD_DATA},
        {"8.1 above U+10FFFF", "81:f4908080", "closed:1007-", BAD_DATA},
        {"8.1 alone", "81:80", "closed:1007-", BAD_DATA},
        {"8.1 cut off at the end", "81:61e282", "closed:1007-", BAD_DATA},
        {"8.1 cut off in the last fragment", "01:e2 80:82", "closed:1007-", BAD_DATA},
        {"8.1 cut off, the last is empty", "01:e282 80:''", "closed:1007-", BAD_DATA},
        {"8.1 bad across fragments", "01:e2 00:28 80:a1", "closed:1007-", BAD_DATA},
        {"8.1 each message begins anew", "02:e2 80:82 81:'a'", "binary:e282 text:'a'", ""},
    };
    (void)state;
    check_vectors(vectors, CF_ARRAY_LEN(vectors), NULL);
}

/* The connection fails at the first byte that cannot be right, not at the end of the frame. */
static void test_8_1_fails_at_the_first_bad_byte(void **state)
{
    static const struct {
        const char *payload; /* hex */
        size_t good;         /* bytes before the bad one */
    } vectors[] = {
        {"6162ff6162", 2}, {"c0", 0}, {"e28228", 2},   {"eda0", 1},
        {"f4909090", 1},   {"f8", 0}, {"f0809090", 1}, {"6161616161616161616161616161616180", 16}};
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(vectors); i++) {
        struct rig rig;
        struct cf_buf payload, in;
        cf_buf_init(&payload, 64);
        cf_buf_init(&in, 128);
        put_hex(&payload, vectors[i].payload, strlen(vectors[i].payload));
        rig_init(&rig, CF_WS_SERVER, 65536, NULL);
        put_header(&in, 0x01, 100, 0, true); /* far more than will come */
        for (size_t at = 0; at <= vectors[i].good; at++)
            put_byte(&in, payload.ptr[at] ^ test_mask[at % 4]);
        rig_feed(&rig, cf_slice_of(in.ptr, in.len - 1));
        assert_events(&rig, "");
        rig_feed(&rig, cf_slice_of(in.ptr + in.len - 1, 1));
        assert_events(&rig, "closed:1007-");
        assert_out(&rig, BAD_DATA);
        rig_deinit(&rig);
        cf_buf_deinit(&payload);
        cf_buf_deinit(&in);
    }
}

/* A rule is judged when its byte is there: nothing more needs to come. */
static void test_5_2_header_is_judged_byte_by_byte(void **state)
{
    static const char *const scripts[] = {"=83", "=91", "=80", "=09", "=8105", "=89fe"};
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(scripts); i++) {
        struct vector vector = {scripts[i], scripts[i], "closed:1002-", REFUSED};
        check_vector_in(&vector, CF_WS_SERVER, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_5_4_messages_and_fragments),
        cmocka_unit_test(test_5_5_control_frames),
        cmocka_unit_test(test_5_5_control_length),
        cmocka_unit_test(test_5_2_reserved_opcodes),
        cmocka_unit_test(test_5_2_reserved_bits),
        cmocka_unit_test(test_7692_6_rsv1),
        cmocka_unit_test(test_5_1_masking),
        cmocka_unit_test(test_5_2_lengths),
        cmocka_unit_test(test_5_2_messages_of_every_form),
        cmocka_unit_test(test_7_4_close_codes),
        cmocka_unit_test(test_7_4_every_code_range),
        cmocka_unit_test(test_8_1_text),
        cmocka_unit_test(test_8_1_fails_at_the_first_bad_byte),
        cmocka_unit_test(test_5_2_header_is_judged_byte_by_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
