/* Hazard V25: duplicate keys are found, and looking for them is never quadratic. */
#include "unit/json/support.h"

#include <time.h>

#include "base/map.h"
#include "json/keys.h"

/* The bound of the hazard is one for builds that are used. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define SLOWER 5
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOWER 5
#endif
#endif
#ifndef SLOWER
#define SLOWER 1
#endif

enum { MANY = 100000, RUNS = 10 };

static const struct cf_json_limits wide = {.bytes_max = 1 << 24,
                                           .string_bytes_max = 1 << 24,
                                           .keys_max = 1 << 20,
                                           .depth_max = 64,
                                           .number_bytes_max = 32};

/* ---- against a plain search ---- */

static struct cf_slice random_key(uint64_t *random, char text[8])
{
    /* Few enough that duplicates are common; some are prefixes of others. */
    int len =
        snprintf(text, 8, "%.*s%zu", (int)random_below(random, 3), "kk", random_below(random, 60));
    return cf_slice_of(text, (size_t)len);
}

struct model_object {
    struct cf_buf keys; /* each with a NUL behind it */
};

static bool model_has(const struct model_object *object, struct cf_slice key)
{
    struct cf_slice rest = cf_buf_peek(&object->keys), seen;
    while (cf_slice_next(&rest, 0, &seen)) {
        if (rest.ptr != NULL && cf_slice_eq(seen, key))
            return true;
    }
    return false;
}

static void model_add(struct model_object *object, struct cf_slice key)
{
    assert_int_equal(cf_buf_append(&object->keys, key), CF_OK);
    assert_int_equal(cf_buf_append_byte(&object->keys, 0), CF_OK);
}

/* Objects open, get keys and close at random; a duplicate ends the walk. */
static void walk_at_random(uint64_t *random)
{
    struct cf_json_keys keys;
    struct model_object objects[6];
    unsigned depth = 0;
    bool duplicate = false;
    cf_json_keys_init(&keys, 1 << 20, test_key);
    for (unsigned i = 0; i < 300 && !duplicate; i++) {
        size_t what = random_below(random, 20);
        char text[8];
        if (depth == 0 || (what == 0 && depth < CF_ARRAY_LEN(objects))) {
            cf_buf_init(&objects[depth++].keys, SIZE_MAX);
            cf_json_keys_open(&keys);
        } else if (what == 1) {
            cf_buf_deinit(&objects[--depth].keys);
            cf_json_keys_close(&keys);
        } else {
            struct cf_slice key = random_key(random, text);
            /* Mostly new ones, or no object would ever grow. */
            bool has = model_has(&objects[depth - 1], key);
            if (has && random_below(random, 40) != 0)
                continue;
            duplicate = has;
            assert_int_equal(cf_json_keys_add(&keys, key), has ? CF_E_DUPLICATE : CF_OK);
            model_add(&objects[depth - 1], key);
        }
    }
    while (depth > 0)
        cf_buf_deinit(&objects[--depth].keys);
    cf_json_keys_deinit(&keys);
}

static void test_random_objects_match_a_plain_search(void **state)
{
    (void)state;
    uint64_t random = 25;
    print_message("seed %" PRIu64 "\n", random);
    for (unsigned i = 0; i < 3000; i++)
        walk_at_random(&random);
}

static void test_closed_objects_leave_nothing(void **state)
{
    (void)state;
    struct cf_json_keys keys;
    char text[8];
    cf_json_keys_init(&keys, 1 << 20, test_key);
    cf_json_keys_open(&keys);
    for (unsigned round = 0; round < 50; round++) {
        cf_json_keys_open(&keys);
        for (unsigned i = 0; i < 40; i++) {
            int len = snprintf(text, sizeof(text), "%u", i);
            assert_int_equal(cf_json_keys_add(&keys, cf_slice_of(text, (size_t)len)), CF_OK);
        }
        cf_json_keys_close(&keys);
        assert_int_equal(keys.count, 0);
        assert_int_equal(keys.bytes.len, 0);
        assert_int_equal(keys.slot_count, 0);
        for (uint32_t i = 0; i < keys.slot_cap; i++)
            assert_int_equal(keys.slots[i].hash, 0);
    }
    cf_json_keys_deinit(&keys);
}

/* Keys whose hashes share the lower bits fall on one slot; the bytes decide. */
static void test_keys_of_one_slot(void **state)
{
    (void)state;
    struct cf_json_keys keys;
    unsigned found = 0;
    char text[16], first[16] = "";
    cf_json_keys_init(&keys, 1 << 20, test_key);
    cf_json_keys_open(&keys);
    for (unsigned i = 0; found < 200; i++) {
        int len = snprintf(text, sizeof(text), "%u", i);
        struct cf_slice key = cf_slice_of(text, (size_t)len);
        uint64_t hash = cf_siphash(keys.sip_key, key) + 0x9E3779B97F4A7C15;
        if ((hash >> 33 & 0x3FF) != 0)
            continue;
        if (found++ == 0)
            memcpy(first, text, sizeof(first));
        assert_int_equal(cf_json_keys_add(&keys, key), CF_OK);
    }
    assert_int_equal(keys.slot_cap, 256);
    assert_int_equal(keys.slots[0].index, 0);
    assert_int_equal(keys.slots[199].index, 199);
    assert_int_equal(cf_json_keys_add(&keys, cf_slice_cstr(first)), CF_E_DUPLICATE);
    cf_json_keys_deinit(&keys);
}

static void test_bytes_limit(void **state)
{
    (void)state;
    struct cf_json_keys keys;
    cf_json_keys_init(&keys, 5, test_key);
    cf_json_keys_open(&keys);
    assert_int_equal(cf_json_keys_add(&keys, CF_LIT("")), CF_OK);
    assert_int_equal(cf_json_keys_add(&keys, CF_LIT("")), CF_E_DUPLICATE);
    assert_int_equal(cf_json_keys_add(&keys, CF_LIT("abc")), CF_OK);
    assert_int_equal(cf_json_keys_add(&keys, CF_LIT("de")), CF_OK);
    assert_int_equal(cf_json_keys_add(&keys, CF_LIT("f")), CF_E_TOO_LARGE);
    cf_json_keys_deinit(&keys);
}

/* ---- V25: time ---- */

/* "Aa" and "BB" are the same to h * 31 + c, so all words of them collide in a table hashed with
 * that: the classic attack on tables that are not keyed. */
static void append_colliding_key(struct cf_buf *out, unsigned number)
{
    append_times(out, "\"", 1);
    for (unsigned bit = 0; bit < 17; bit++)
        append_times(out, (number >> bit & 1) != 0 ? "Aa" : "BB", 1);
    append_times(out, "\":0,", 1);
}

static void make_colliding(struct cf_buf *out)
{
    cf_buf_init(out, SIZE_MAX);
    append_times(out, "{", 1);
    for (unsigned i = 0; i < MANY; i++)
        append_colliding_key(out, i);
    append_colliding_key(out, 0);
}

/* The least of some runs: what else the machine does is not ours. */
static double measure_ms(struct cf_slice document, const struct cf_json_limits *limits,
                         enum cf_error expected)
{
    double best = 1e9;
    for (unsigned i = 0; i < RUNS; i++) {
        struct cf_json_reader reader;
        struct cf_json_event event;
        struct cf_slice rest = document;
        enum cf_error error;
        clock_t start = clock();
        cf_json_reader_init(&reader, limits, test_key);
        do
            error = cf_json_next(&reader, &rest, &event);
        while (error == CF_OK && event.type != CF_JSON_NEED_MORE);
        cf_json_reader_deinit(&reader);
        double ms = (double)(clock() - start) * 1e3 / CLOCKS_PER_SEC;
        assert_int_equal(error, expected);
        best = ms < best ? ms : best;
    }
    return best;
}

static void test_colliding_keys_are_refused_in_5_ms(void **state)
{
    (void)state;
    struct cf_buf document;
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    make_colliding(&document);
    limits.bytes_max = 1 << 24;
    double ms = measure_ms(cf_buf_peek(&document), &limits, CF_E_TOO_MANY);
    print_message("%u keys at a limit of %zu: %.2f ms\n", MANY, limits.keys_max, ms);
    assert_true(ms <= 5 * SLOWER);
    cf_buf_deinit(&document);
}

static void test_same_key_is_refused_at_once(void **state)
{
    (void)state;
    struct cf_buf document;
    cf_buf_init(&document, SIZE_MAX);
    append_times(&document, "{", 1);
    append_times(&document, "\"a\":0,", MANY);
    double ms = measure_ms(cf_buf_peek(&document), &wide, CF_E_DUPLICATE);
    assert_true(ms <= 5 * SLOWER);
    cf_buf_deinit(&document);
}

/* Quadratic would be 5e9 comparisons, many seconds. */
static void test_time_grows_with_the_keys(void **state)
{
    (void)state;
    struct cf_buf document;
    make_colliding(&document);
    double ms = measure_ms(cf_buf_peek(&document), &wide, CF_E_DUPLICATE);
    print_message("%u keys, the last a duplicate: %.2f ms\n", MANY, ms);
    assert_true(ms <= 100 * SLOWER);
    cf_buf_deinit(&document);
}

/* Objects of just as many keys as are searched one by one, in every one of the depths. */
static void test_many_small_objects_stay_cheap(void **state)
{
    (void)state;
    struct cf_buf document;
    cf_buf_init(&document, SIZE_MAX);
    append_times(&document, "[", 1);
    for (unsigned i = 0; i < MANY / 16; i++) {
        append_times(&document, "{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,",
                     1);
        append_times(&document, "\"i\":0,\"j\":0,\"k\":0,\"l\":0,\"m\":0,\"n\":0,\"o\":0,\"p\":0},",
                     1);
    }
    append_times(&document, "}", 1);
    double ms = measure_ms(cf_buf_peek(&document), &wide, CF_E_SYNTAX);
    print_message("%u keys in objects of 16: %.2f ms\n", MANY, ms);
    assert_true(ms <= 100 * SLOWER);
    cf_buf_deinit(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_objects_match_a_plain_search),
        cmocka_unit_test(test_closed_objects_leave_nothing),
        cmocka_unit_test(test_keys_of_one_slot),
        cmocka_unit_test(test_bytes_limit),
        cmocka_unit_test(test_colliding_keys_are_refused_in_5_ms),
        cmocka_unit_test(test_same_key_is_refused_at_once),
        cmocka_unit_test(test_time_grows_with_the_keys),
        cmocka_unit_test(test_many_small_objects_stay_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
