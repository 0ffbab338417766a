/* Memory runs out under src/base and src/json. */
#include "oom/scenario.h"

#include "base/base64.h"
#include "base/map.h"
#include "base/outq.h"
#include "json/value.h"
#include "json/writer.h"

static const uint8_t hash_key[16] = {1, 2, 3};

/* A failed append leaves the buffer as it was, and works with memory. */
static void buffer(struct scenario *s)
{
    struct cf_buf buf;
    cf_buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < 2000; i++) {
        size_t len = buf.len;
        if (!TRIED(s, cf_buf_append(&buf, CF_LIT("0123456789")))) {
            assert_int_equal(buf.len, len);
            fault_heal();
            assert_int_equal(cf_buf_append(&buf, CF_LIT("0123456789")), CF_OK);
        }
        if (i % 500 == 499)
            cf_buf_release(&buf);
    }
    cf_buf_deinit(&buf);
}

static void base64(struct scenario *s)
{
    struct cf_buf text, bytes;
    cf_buf_init(&text, 4096);
    cf_buf_init(&bytes, 4096);
    (void)(RETRIED(s, cf_base64_encode(CF_BASE64, CF_LIT("any carnal pleas"), &text)) &&
           RETRIED(s, cf_base64_decode(CF_BASE64, cf_buf_peek(&text), &bytes)));
    assert_slice_equal(cf_buf_peek(&bytes), "any carnal pleas");
    cf_buf_deinit(&text);
    cf_buf_deinit(&bytes);
}

/* A failed put leaves the map as it was; one that cannot shrink stays large. */
static void map(struct scenario *s)
{
    static uint32_t values[400];
    struct cf_map map;
    cf_map_init(&map, hash_key);
    for (uint32_t i = 0; i < CF_ARRAY_LEN(values); i++) {
        values[i] = i;
        struct cf_slice key = cf_slice_of(&values[i], sizeof(values[i]));
        if (!TRIED(s, cf_map_put(&map, key, &values[i]))) {
            assert_int_equal(map.count, i);
            assert_null(cf_map_get(&map, key));
            fault_heal();
            assert_int_equal(cf_map_put(&map, key, &values[i]), CF_OK);
        }
    }
    for (uint32_t i = 0; i < CF_ARRAY_LEN(values); i++) {
        long failed = fault_failed();
        struct cf_slice key = cf_slice_of(&values[i], sizeof(values[i]));
        assert_ptr_equal(cf_map_remove(&map, key), &values[i]);
        if (fault_failed() > failed)
            scenario_note(s);
        for (uint32_t j = i + 1; j < CF_ARRAY_LEN(values); j += 7)
            assert_ptr_equal(cf_map_get(&map, cf_slice_of(&values[j], sizeof(values[j]))),
                             &values[j]);
    }
    cf_map_deinit(&map);
}

static void arena(struct scenario *s)
{
    struct cf_arena arena;
    cf_arena_init(&arena, 1 << 20);
    for (size_t i = 1; i < 300; i++) {
        struct cf_slice copy = {NULL, 0};
        if (RETRIED(s, cf_arena_copy(&arena, CF_LIT("kept as long as the arena"), &copy)))
            assert_slice_equal(copy, "kept as long as the arena");
        uint8_t *bytes = cf_arena_alloc(&arena, i * 13);
        if (!MADE(s, bytes))
            continue;
        assert_int_equal(bytes[i * 13 - 1], 0);
    }
    cf_arena_deinit(&arena);
}

static void queue(struct scenario *s)
{
    struct cf_outq q;
    struct cf_slice slices[8];
    uint32_t kept = 0;
    cf_outq_init(&q);
    for (int i = 0; i < 200; i++) {
        struct cf_shared *bytes = cf_shared_new(CF_LIT("0123456789"));
        if (!MADE(s, bytes))
            continue;
        kept += TRIED(s, cf_outq_push(&q, bytes, 1));
        cf_shared_unref(bytes);
        assert_int_equal(q.messages, kept);
        assert_int_equal(q.bytes, kept * 10);
    }
    while (!cf_outq_empty(&q)) {
        size_t count = cf_outq_peek(&q, slices, CF_ARRAY_LEN(slices));
        assert_int_equal(count, kept < CF_ARRAY_LEN(slices) ? kept : CF_ARRAY_LEN(slices));
        cf_outq_advance(&q, 10);
        kept--;
        assert_int_equal(q.messages, kept);
    }
    cf_outq_deinit(&q);
}

/* ---- json ---- */

static const char document[] =
    "{\"name\":\"a \\u00e9 \\ud83d\\ude00 \\n text that is escaped\",\"numbers\":[1,-2.5e10,"
    "{\"deep\":[[[{\"k\":null}]]]}],\"on\":true,\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,"
    "\"k6\":6,\"k7\":7,\"k8\":8,\"k9\":9,\"k10\":10,\"k11\":11,\"k12\":12,\"k13\":13,\"k14\":14,"
    "\"k15\":15,\"k16\":16,\"k17\":17,\"k18\":18,\"k19\":19,\"k20\":20,\"k21\":21,\"k22\":22}";

static void read_in_pieces(struct scenario *s, size_t piece_len)
{
    struct cf_json_reader reader;
    struct cf_json_event event = {.type = CF_JSON_NEED_MORE};
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_slice rest = cf_slice_cstr(document);
    bool ok = true;
    cf_json_reader_init(&reader, &limits, hash_key);
    while (ok && rest.len > 0) {
        struct cf_slice piece = cf_slice_head(rest, piece_len);
        rest = cf_slice_skip(rest, piece.len);
        do
            ok = TRIED(s, cf_json_next(&reader, &piece, &event));
        while (ok && event.type != CF_JSON_NEED_MORE);
    }
    if (ok)
        (void)TRIED(s, cf_json_finish(&reader, &event));
    else /* spent, and it says so again, memory or not */
        assert_int_equal(cf_json_finish(&reader, &event), CF_E_NOMEM);
    cf_json_reader_deinit(&reader);
}

static void json_reading(struct scenario *s)
{
    read_in_pieces(s, sizeof(document));
    read_in_pieces(s, 1);
    read_in_pieces(s, 7);
}

static void json_object(struct scenario *s)
{
    struct cf_arena arena;
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    const char *wrong = NULL;
    struct cf_json_field fields[] = {
        {.name = "name", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "numbers", .types = CF_JSON_IS_ARRAY, .required = true},
        {.name = "k22", .types = CF_JSON_IS_NUMBER, .required = true},
    };
    cf_arena_init(&arena, 65536);
    (void)RETRIED(s, cf_json_read_object(cf_slice_cstr(document), &limits, hash_key, &arena, fields,
                                         CF_ARRAY_LEN(fields), &wrong));
    assert_null(wrong);
    assert_slice_equal(fields[2].text, "22");
    cf_arena_deinit(&arena);
}

/* The first error sticks: what is written after it is not there without what was before. */
static void json_writing(struct scenario *s)
{
    struct cf_buf out;
    struct cf_json_writer w;
    cf_buf_init(&out, 1 << 20);
    cf_json_writer_init(&w, &out);
    cf_json_array_begin(&w);
    for (int i = 0; i < 200; i++) {
        cf_json_object_begin(&w);
        cf_json_member_string(&w, "text", CF_LIT("quoted \" and \n \x01 controls"));
        cf_json_member_i64(&w, "number", i);
        cf_json_member_bool(&w, "on", true);
        cf_json_member_null(&w, "nothing");
        cf_json_object_end(&w);
    }
    cf_json_array_end(&w);
    (void)TRIED(s, cf_json_writer_finish(&w));
    cf_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(buffer), SCENARIO(base64),       SCENARIO(map),         SCENARIO(arena),
        SCENARIO(queue),  SCENARIO(json_reading), SCENARIO(json_object), SCENARIO(json_writing),
    };
    return cmocka_run_group_tests_name("oom base", tests, NULL, NULL);
}
