/* What every store promises about reading many messages (port/store.h). */
#include "fixture.h"

/* `count` messages "0", "1", …; their ids follow from first_id. */
static uint64_t fill(struct fixture *f, struct cf_uuid room, size_t count)
{
    uint64_t first_id = f->ids + 1;
    struct cf_list list;
    cf_list_init(&list);
    for (size_t i = 0; i < count; i++) {
        struct cf_store_request *request = make_message(f, room, S("bob"), S(""));
        char number[20];
        size_t len = cf_u64_format(i, number);
        assert_int_equal(cf_arena_copy(&request->arena, cf_slice_of(number, len), &request->text),
                         CF_OK);
        cf_list_push_back(&list, &request->link);
    }
    run_list(f, &list);
    return first_id;
}

static void assert_texts(const struct cf_store_request *request, uint64_t first, size_t count)
{
    assert_int_equal(request->error, CF_OK);
    assert_int_equal(request->messages_count, count);
    for (size_t i = 0; i < count; i++) {
        char number[20];
        size_t len = cf_u64_format(first + i, number);
        assert_slice(request->messages[i].text, cf_slice_of(number, len));
    }
}

static void assert_page(struct fixture *f, struct cf_uuid room, uint32_t page, uint32_t limit,
                        uint64_t first, size_t count, bool has_more)
{
    struct cf_store_request *request = read_page(f, room, S("cid"), page, limit);
    assert_texts(request, first, count);
    assert_int_equal(request->has_more, has_more);
}

static void pages(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    assert_page(f, room, 1, 10, 0, 0, false);
    (void)fill(f, room, 25);
    assert_page(f, room, 1, 10, 15, 10, true);
    assert_page(f, room, 2, 10, 5, 10, true);
    assert_page(f, room, 3, 10, 0, 5, false);
    assert_page(f, room, 4, 10, 0, 0, false);
    assert_page(f, room, 1, 24, 1, 24, true);
    assert_page(f, room, 1, 25, 0, 25, false);
    assert_page(f, room, 1, 26, 0, 25, false);
    assert_page(f, room, 5, 5, 0, 5, false);
    assert_page(f, room, 25, 1, 0, 1, false);
    assert_page(f, room, 24, 1, 1, 1, true);
    assert_page(f, room, 26, 1, 0, 0, false);
    assert_page(f, room, 0, 10, 15, 10, true);
    assert_page(f, room, 1, 0, 0, 0, true);
    assert_page(f, room, UINT32_MAX, UINT32_MAX, 0, 0, false);
    assert_page(f, room, 1, UINT32_MAX, 0, 25, false);
    assert_int_equal(read_page(f, room, S("cid"), 99, 10)->total, 25);
    assert_int_equal(read_page(f, room, S("eve"), 1, 10)->error, CF_E_NOT_MEMBER);
    assert_int_equal(read_page(f, room, S("eve"), 1, 10)->total, 0);
    assert_int_equal(read_page(f, uuid_of(999), S("ann"), 1, 10)->error, CF_E_NOT_MEMBER);
}

static void pages_pass_over_the_deleted(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    uint64_t first_id = fill(f, room, 30);
    /* 0…9 and 20…24 go: 10…19 and 25…29 stay. */
    for (uint64_t i = 0; i < 30; i++)
        if (i < 10 || (i >= 20 && i < 25))
            assert_int_equal(
                run(f, make_on(f, CF_STORE_MESSAGE_DELETE, S("bob"), uuid_of(first_id + i))),
                CF_OK);
    assert_int_equal(total_of(f, room, S("cid")), 15);
    assert_page(f, room, 1, 5, 25, 5, true);
    assert_page(f, room, 2, 5, 15, 5, true);
    assert_page(f, room, 3, 5, 10, 5, false);
    assert_page(f, room, 4, 5, 0, 0, false);
    struct cf_store_request *across = read_page(f, room, S("cid"), 1, 7);
    assert_int_equal(across->messages_count, 7);
    assert_slice(across->messages[0].text, S("18"));
    assert_slice(across->messages[2].text, S("25"));
    assert_int_equal(across->messages[2].seq, 26);
}

/* Deleted in all patterns: none, one in three, whole stretches, the first and the last. */
static bool goes(uint64_t i)
{
    bool third = i >= 600 && i < 900 && i % 3 == 0;
    bool stretch = i >= 1000 && i < 2100;
    return i == 0 || third || stretch || i == 2300 || i >= 2690;
}

static void assert_kept_page(struct fixture *f, struct cf_uuid room, uint32_t page, uint32_t limit,
                             const uint64_t *kept, size_t kept_count)
{
    struct cf_store_request *request = read_page(f, room, S("cid"), page, limit);
    assert_int_equal(request->error, CF_OK);
    size_t newer = (size_t)(page - 1) * limit;
    size_t end = newer < kept_count ? kept_count - newer : 0;
    size_t count = end < limit ? end : limit;
    assert_int_equal(request->total, kept_count);
    assert_int_equal(request->messages_count, count);
    assert_int_equal(request->has_more, end > limit);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(request->messages[i].seq, kept[end - count + i] + 1);
}

static void every_page_of_a_room_full_of_gaps(void **state)
{
    enum { COUNT = 2700 };
    static const uint32_t limits[] = {1, 7, 100, 1023, 1024, 1025, 3000};
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    uint64_t first_id = fill(f, room, COUNT);
    uint64_t kept[COUNT];
    size_t kept_count = 0;
    struct cf_list deletions;
    cf_list_init(&deletions);
    for (uint64_t i = 0; i < COUNT; i++) {
        if (!goes(i))
            kept[kept_count++] = i;
        else
            cf_list_push_back(
                &deletions,
                &make_on(f, CF_STORE_MESSAGE_DELETE, S("bob"), uuid_of(first_id + i))->link);
    }
    run_list(f, &deletions);
    for (size_t i = 0; i < CF_ARRAY_LEN(limits); i++)
        for (uint32_t page = 1; page <= kept_count / limits[i] + 2; page++)
            assert_kept_page(f, room, page, limits[i], kept, kept_count);
    struct cf_store_request *since = read_since(f, room, S("cid"), 0, COUNT);
    assert_int_equal(since->messages_count, kept_count);
    for (size_t i = 0; i < kept_count; i++)
        assert_int_equal(since->messages[i].seq, kept[i] + 1);
    for (size_t i = 0; i < kept_count; i += 97) {
        cf_us from = since->messages[i].created;
        assert_int_equal(read_since(f, room, S("cid"), from, 1)->messages[0].seq, kept[i] + 1);
    }
}

static void since_is_inclusive(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    assert_texts(read_since(f, room, S("cid"), 0, 10), 0, 0);
    (void)fill(f, room, 10);
    cf_us times[10];
    struct cf_store_request *all = read_since(f, room, S("cid"), 0, 100);
    assert_texts(all, 0, 10);
    assert_false(all->has_more);
    for (size_t i = 0; i < 10; i++)
        times[i] = all->messages[i].created;
    for (size_t i = 0; i < 10; i++) {
        assert_texts(read_since(f, room, S("cid"), times[i], 100), i, 10 - i);
        assert_texts(read_since(f, room, S("cid"), times[i] + 1, 100), i + 1, 9 - i);
        assert_texts(read_since(f, room, S("cid"), times[i] - 1, 100), i, 10 - i);
    }
    assert_texts(read_since(f, room, S("cid"), INT64_MIN, 100), 0, 10);
    assert_texts(read_since(f, room, S("cid"), INT64_MAX, 100), 0, 0);
    assert_int_equal(read_since(f, room, S("eve"), 0, 10)->error, CF_E_NOT_MEMBER);
    assert_int_equal(read_since(f, uuid_of(999), S("ann"), 0, 10)->error, CF_E_NOT_MEMBER);

    struct cf_store_request *part = read_since(f, room, S("cid"), times[2], 7);
    assert_texts(part, 2, 7);
    assert_true(part->has_more);
    part = read_since(f, room, S("cid"), times[2], 8);
    assert_texts(part, 2, 8);
    assert_false(part->has_more);
    part = read_since(f, room, S("cid"), times[0], 0);
    assert_texts(part, 0, 0);
    assert_true(part->has_more);
}

static void since_passes_over_the_deleted(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    uint64_t first_id = fill(f, room, 6);
    cf_us third = get_message(f, S("bob"), uuid_of(first_id + 2))->created;
    for (uint64_t i = 2; i < 6; i += 3)
        assert_int_equal(
            run(f, make_on(f, CF_STORE_MESSAGE_DELETE, S("bob"), uuid_of(first_id + i))), CF_OK);
    struct cf_store_request *request = read_since(f, room, S("cid"), third, 2);
    assert_texts(request, 3, 2);
    assert_false(request->has_more); /* what would follow is deleted */
}

static void ten_thousand_messages(void **state)
{
    enum { COUNT = 10000, LIMIT = 100 };
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    (void)fill(f, room, COUNT);
    for (uint32_t page = 1; page <= COUNT / LIMIT; page++) {
        struct cf_store_request *request = read_page(f, room, S("cid"), page, LIMIT);
        assert_texts(request, COUNT - page * LIMIT, LIMIT);
        assert_int_equal(request->total, COUNT);
        assert_int_equal(request->has_more, page < COUNT / LIMIT);
    }
    /* Following `since` from the last message seen meets each once more and skips none. */
    cf_us since = 0;
    uint64_t seen = 0;
    for (bool more = true; more;) {
        struct cf_store_request *request = read_since(f, room, S("cid"), since, LIMIT);
        uint64_t again = seen == 0 ? 0 : 1;
        assert_texts(request, seen - again, request->messages_count);
        seen += request->messages_count - again;
        since = request->messages[request->messages_count - 1].created;
        more = request->has_more;
    }
    assert_int_equal(seen, COUNT);
}

/* An answer that does not fit the request's arena is E_NOMEM, not half an answer. */
static void answer_over_the_arena(void **state)
{
    enum { BYTES = 100000 };
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    uint8_t *text = calloc(1, BYTES);
    assert_non_null(text);
    memset(text, 'x', BYTES);
    for (int i = 0; i < 100; i++)
        (void)new_message(f, room, S("bob"), cf_slice_of(text, BYTES));
    struct cf_store_request *request = read_page(f, room, S("cid"), 1, 100);
    assert_int_equal(request->error, CF_E_NOMEM);
    assert_int_equal(request->messages_count, 0);
    assert_int_equal(read_page(f, room, S("cid"), 1, 50)->messages_count, 50);
    free(text);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(pages),
    CONTRACT(pages_pass_over_the_deleted),
    CONTRACT(every_page_of_a_room_full_of_gaps),
    CONTRACT(since_is_inclusive),
    CONTRACT(since_passes_over_the_deleted),
    CONTRACT(ten_thousand_messages),
    CONTRACT(answer_over_the_arena),
};

int main(void)
{
    return run_contract(tests);
}
