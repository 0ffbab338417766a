#include "unit/base/support.h"

#include <time.h>

#include "base/map.h"

static const uint8_t key_of_the_vectors[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                               8, 9, 10, 11, 12, 13, 14, 15};

/* SipHash-1-3 of the bytes 00, 01 … with 0 to 63 of them, under the key 00 to 0f: the inputs of the
 * reference implementation's vectors, the outputs those of OpenSSL 3's SIPHASH with c-rounds 1 and
 * d-rounds 3. */
static const uint64_t siphash_vectors[64] = {
    0xabac0158050fc4dc, 0xc9f49bf37d57ca93, 0x82cb9b024dc7d44d, 0x8bf80ab8e7ddf7fb,
    0xcf75576088d38328, 0xdef9d52f49533b67, 0xc50d2b50c59f22a7, 0xd3927d989bb11140,
    0x369095118d299a8e, 0x25a48eb36c063de4, 0x79de85ee92ff097f, 0x70c118c1f94dc352,
    0x78a384b157b4d9a2, 0x306f760c1229ffa7, 0x605aa111c0f95d34, 0xd320d86d2a519956,
    0xcc4fdd1a7d908b66, 0x9cf2689063dbd80c, 0x8ffc389cb473e63e, 0xf21f9de58d297d1c,
    0xc0dc2f46a6cce040, 0xb992abfe2b45f844, 0x7ffe7b9ba320872e, 0x525a0e7fdae6c123,
    0xf464aeb267349c8c, 0x45cd5928705b0979, 0x3a3e35e3ca9913a5, 0xa91dc74e4ade3b35,
    0xfb0bed02ef6cd00d, 0x88d93cb44ab1e1f4, 0x540f11d643c5e663, 0x2370dd1f8c21d1bc,
    0x81157b6c16a7b60d, 0x4d54b9e57a8ff9bf, 0x759f12781f2a753e, 0xcea1a3bebf186b91,
    0x2cf508d3ada26206, 0xb6101c2da3c33057, 0xb3f47496ae3a36a1, 0x626b57547b108392,
    0xc1d2363299e41531, 0x667cc1923f1ad944, 0x65704ffec8138825, 0x24f280d1c28949a6,
    0xc2ca1cedfaf8876b, 0xc2164bfc9f042196, 0xa16e9c9368b1d623, 0x49fb169c8b5114fd,
    0x9f3143f8df074c46, 0xc6fdaf2412cc86b3, 0x7eaf49d10a52098f, 0x1cf313559d292f9a,
    0xc44a30dda2f41f12, 0x36fae98943a71ed0, 0x318fb34c73f0bce6, 0xa27abf3670a7e980,
    0xb4bcc0db243c6d75, 0x23f8d852fdb71513, 0x8f035f4da67d8a08, 0xd89cd0e5b7e8f148,
    0xf6f4e6bcf7a644ee, 0xaec59ad80f1837f2, 0xc3b2f6154b6694e0, 0x9d199062b7bbb3a8,
};

static void siphash_is_the_reference(void **state)
{
    (void)state;
    struct cf_map map;
    cf_map_init(&map, key_of_the_vectors);
    uint8_t bytes[64];
    for (size_t len = 0; len < 64; len++) {
        bytes[len] = (uint8_t)len;
        assert_true(cf_siphash(map.key, cf_slice_of(bytes, len)) == siphash_vectors[len]);
    }
    cf_map_deinit(&map);
}

/* What must hold of the slots: nobody is farther from home than one more than the one before. */
static void check_slots(const struct cf_map *map)
{
    size_t used = 0;
    for (size_t i = 0; i < map->cap; i++) {
        if (map->slots[i].value == NULL)
            continue;
        used++;
        size_t mask = map->cap - 1, before = (i - 1) & mask;
        size_t distance = (i - (size_t)map->slots[i].hash) & mask;
        size_t its = (before - (size_t)map->slots[before].hash) & mask;
        assert_true(distance == 0 || map->slots[before].value != NULL);
        assert_true(distance == 0 || distance <= its + 1);
        struct cf_slice key = cf_slice_of(map->slots[i].key, map->slots[i].key_len);
        assert_true(map->slots[i].hash == (uint32_t)cf_siphash(map->key, key));
    }
    assert_int_equal(used, map->count);
    assert_true(map->count <= (map->cap < 8 ? map->cap - 1 : map->cap / 8 * 7));
    assert_true((map->cap & (map->cap - 1)) == 0);
}

static void put_null(struct cf_map *map)
{
    (void)cf_map_put(map, CF_LIT("x"), NULL);
}

static void absent_and_empty(void **state)
{
    (void)state;
    struct cf_map map;
    size_t cursor = 0;
    int value;
    cf_map_init(&map, key_of_the_vectors);
    assert_null(cf_map_get(&map, CF_LIT("x")));
    assert_null(cf_map_remove(&map, CF_LIT("x")));
    assert_null(cf_map_next(&map, &cursor));
    assert_null(map.slots);
    assert_int_equal(cf_map_put(&map, (struct cf_slice){NULL, 0}, &value), CF_OK);
    assert_ptr_equal(cf_map_get(&map, CF_LIT("")), &value);
    assert_null(cf_map_get(&map, CF_LIT("\0")));
    assert_ptr_equal(cf_map_remove(&map, CF_LIT("")), &value);
    assert_null(map.slots);
    assert_panics(put_null(&map));
    cf_map_deinit(&map);
}

/* Keys live in values: after a replacement the old value's memory must be out of use. */
static void a_replacement_brings_its_own_key(void **state)
{
    (void)state;
    struct cf_map map;
    cf_map_init(&map, key_of_the_vectors);
    char *before = strdup("room"), *after = strdup("room");
    assert_int_equal(cf_map_put(&map, cf_slice_cstr(before), before), CF_OK);
    assert_int_equal(cf_map_put(&map, cf_slice_cstr(after), after), CF_OK);
    free(before);
    assert_int_equal(map.count, 1);
    assert_ptr_equal(cf_map_get(&map, CF_LIT("room")), after);
    assert_ptr_equal(cf_map_remove(&map, CF_LIT("room")), after);
    free(after);
    cf_map_deinit(&map);
}

enum { MODEL_KEYS = 3000 };

struct model {
    struct cf_map map;
    char keys[MODEL_KEYS][12];
    bool present[MODEL_KEYS];
    size_t count;
};

static struct cf_slice model_key(struct model *model, size_t i)
{
    return cf_slice_of(model->keys[i], strlen(model->keys[i]));
}

static void model_step(struct model *model, uint64_t *seed, size_t put_percent)
{
    size_t i = random_below(seed, MODEL_KEYS);
    struct cf_slice key = model_key(model, i);
    void *expected = model->present[i] ? model->keys[i] : NULL;
    assert_ptr_equal(cf_map_get(&model->map, key), expected);
    if (random_below(seed, 100) < put_percent) {
        assert_int_equal(cf_map_put(&model->map, key, model->keys[i]), CF_OK);
        model->count += !model->present[i];
        model->present[i] = true;
    } else {
        assert_ptr_equal(cf_map_remove(&model->map, key), expected);
        model->count -= model->present[i];
        model->present[i] = false;
    }
    assert_int_equal(model->map.count, model->count);
}

/* Every value of the map is walked once, and each is one that the model has. */
static void check_walk(struct model *model)
{
    static bool seen[MODEL_KEYS];
    memset(seen, 0, sizeof(seen));
    size_t cursor = 0, count = 0;
    const char *value;
    while ((value = cf_map_next(&model->map, &cursor)) != NULL) {
        size_t i = (size_t)(value - model->keys[0]) / sizeof(model->keys[0]);
        assert_true(model->present[i] && !seen[i]);
        seen[i] = true;
        count++;
    }
    assert_int_equal(count, model->count);
}

static void it_does_as_the_model(void **state)
{
    (void)state;
    static struct model model;
    cf_map_init(&model.map, key_of_the_vectors);
    for (size_t i = 0; i < MODEL_KEYS; i++)
        model.keys[i][cf_u64_format(i * 7919, model.keys[i])] = '\0';
    static const size_t put_percents[] = {90, 50, 10, 50, 99, 1};
    size_t cap_max = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        print_message("seed %u\n", (unsigned)seed);
        uint64_t random = seed;
        for (size_t phase = 0; phase < CF_ARRAY_LEN(put_percents); phase++) {
            for (unsigned step = 0; step < 10000; step++)
                model_step(&model, &random, put_percents[phase]);
            check_slots(&model.map);
            check_walk(&model);
            cap_max = model.map.cap > cap_max ? model.map.cap : cap_max;
        }
    }
    assert_int_equal(cap_max, 4096);
    for (size_t i = 0; i < MODEL_KEYS; i++) {
        cf_map_remove(&model.map, model_key(&model, i));
        assert_true(model.map.cap <= 8 || model.map.count >= model.map.cap / 8);
    }
    assert_null(model.map.slots);
    cf_map_deinit(&model.map);
}

/* It grows at the eighth entry of eight slots, and only then; below that one slot stays free. */
static void it_is_never_fuller_than_seven_eighths(void **state)
{
    (void)state;
    struct cf_map map;
    cf_map_init(&map, key_of_the_vectors);
    static char keys[200];
    for (size_t i = 0; i < sizeof(keys); i++) {
        keys[i] = (char)i;
        assert_int_equal(cf_map_put(&map, cf_slice_of(&keys[i], 1), &keys[i]), CF_OK);
        size_t cap = 2;
        while (map.count > (cap < 8 ? cap - 1 : cap / 8 * 7))
            cap *= 2;
        assert_int_equal(map.cap, cap);
        check_slots(&map);
    }
    cf_map_deinit(&map);
}

/* V27. Names that an attacker makes for a server that hashes with FNV-1a: each block of eight
 * letters has a twin that leads to the same state of 32 bits, and 17 such pairs in a row give 2^17
 * names with one hash (Joux, "Multicollisions in iterated hash functions", 2004). */
enum { BLOCK = 8, PAIRS = 17, NAME_LEN = BLOCK * PAIRS, NAMES = 100000 };

struct name {
    char text[NAME_LEN];
};

static uint32_t fnv1a(uint32_t hash, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    return hash;
}

static void block_text(uint32_t number, char text[BLOCK])
{
    uint64_t seed = number;
    for (size_t i = 0; i < BLOCK; i++)
        text[i] = (char)('a' + random_below(&seed, 26));
}

/* Finds two blocks that take the state `hash` to the same one; returns that. */
static uint32_t find_twins(uint32_t hash, char twins[2][BLOCK])
{
    enum { TABLE = 1 << 21 };
    uint32_t *table = calloc(TABLE, sizeof(*table)); /* block number + 1 */
    assert_non_null(table);
    for (uint32_t number = 0; number < TABLE / 2; number++) {
        block_text(number, twins[1]);
        uint32_t reached = fnv1a(hash, twins[1], BLOCK), at = reached % TABLE;
        for (; table[at] != 0; at = (at + 1) % TABLE) {
            block_text(table[at] - 1, twins[0]);
            if (fnv1a(hash, twins[0], BLOCK) == reached) {
                free(table);
                return reached;
            }
        }
        table[at] = number + 1;
    }
    fail_msg("no twins");
    return 0;
}

static struct name *colliding_names(void)
{
    char twins[PAIRS][2][BLOCK];
    uint32_t hash = 2166136261u;
    for (size_t pair = 0; pair < PAIRS; pair++)
        hash = find_twins(hash, twins[pair]);
    struct name *names = malloc(NAMES * sizeof(*names));
    assert_non_null(names);
    for (size_t i = 0; i < NAMES; i++) {
        for (size_t pair = 0; pair < PAIRS; pair++)
            memcpy(names[i].text + pair * BLOCK, twins[pair][i >> pair & 1], BLOCK);
        assert_int_equal(fnv1a(2166136261u, names[i].text, NAME_LEN), hash);
    }
    return names;
}

static struct name *random_names(void)
{
    uint64_t seed = 27;
    struct name *names = malloc(NAMES * sizeof(*names));
    assert_non_null(names);
    for (size_t i = 0; i < NAMES; i++) {
        for (size_t k = 0; k < NAME_LEN; k++)
            names[i].text[k] = (char)('a' + random_below(&seed, 26));
    }
    return names;
}

/* Processor time to insert the names, the best of three; the farthest that one lies from home. */
static clock_t insert_names(struct name *names, size_t count, size_t *out_farthest)
{
    clock_t best = 0;
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        struct cf_map map;
        cf_map_init(&map, key_of_the_vectors);
        clock_t start = clock();
        for (size_t i = 0; i < count; i++)
            assert_int_equal(cf_map_put(&map, cf_slice_of(names[i].text, NAME_LEN), &names[i]), 0);
        clock_t took = clock() - start;
        best = attempt == 0 || took < best ? took : best;
        assert_int_equal(map.count, count);
        *out_farthest = 0;
        for (size_t i = 0; i < map.cap; i++) {
            size_t distance = (i - (size_t)map.slots[i].hash) & (map.cap - 1);
            if (map.slots[i].value != NULL && distance > *out_farthest)
                *out_farthest = distance;
        }
        cf_map_deinit(&map);
    }
    return best;
}

static void v27_names_that_collide_under_fnv_cost_what_others_do(void **state)
{
    (void)state;
    struct name *colliding = colliding_names(), *random = random_names();
    size_t farthest_colliding, farthest_random;
    /* A few first: if they do collide, the quadratic time of all would only hide the failure. */
    insert_names(colliding, 1000, &farthest_colliding);
    assert_true(farthest_colliding < 64);
    clock_t took_random = insert_names(random, NAMES, &farthest_random);
    clock_t took_colliding = insert_names(colliding, NAMES, &farthest_colliding);
    print_message("100000 names: random %ld us, colliding %ld us\n", (long)took_random,
                  (long)took_colliding);
    assert_true(took_colliding <= 3 * took_random);
    assert_true(farthest_random < 64);
    assert_true(farthest_colliding < 64);
    free(colliding);
    free(random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_is_the_reference),
        cmocka_unit_test(absent_and_empty),
        cmocka_unit_test(a_replacement_brings_its_own_key),
        cmocka_unit_test(it_does_as_the_model),
        cmocka_unit_test(it_is_never_fuller_than_seven_eighths),
        cmocka_unit_test(v27_names_that_collide_under_fnv_cost_what_others_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
