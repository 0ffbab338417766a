/* What every store promises about messages of conversations, their receipts and their numbers
 * (port/store.h). */
#include "talk_fixture.h"

static void assert_message(const struct cf_talk_message *row, const struct cf_store_request *sent,
                           int64_t id, uint64_t seq)
{
    assert_int_equal(row->id, id);
    assert_int_equal(row->talk, sent->talk);
    assert_int_equal(row->seq, seq);
    assert_slice(row->author, sent->actor);
    assert_slice(row->text, sent->text);
    assert_slice(row->client_id, sent->client_id);
    assert_int_equal(row->created, sent->now);
    assert_int_equal(row->receipts_count, 0);
}

static void send_answers_the_message(void **state)
{
    struct fixture *f = *state;
    const int64_t talks[] = {new_direct(f, S("ann"), S("bob")), new_group(f, S("ann"), S("bob"))};
    int64_t last = 0;
    for (size_t i = 0; i < 2; i++) {
        struct cf_store_request *first =
            make_send(f, talks[i], S("bob"), S("a <b> & 'c'"),
                      i == 0 ? S("11111111-2222-4333-8444-555555555555") : S("c2"));
        first->actor_name = S("Bob");
        assert_int_equal(run(f, first), CF_OK);
        assert_true(first->created);
        assert_int_equal(first->talk_messages_count, 1);
        assert_slice(first->talk_messages[0].author_name, S("Bob"));
        assert_true(first->talk_messages[0].id > last);
        struct cf_store_request *second = send_with(f, talks[i], S("ann"), S(""), NO_CLIENT_ID);
        assert_true(second->talk_messages[0].id > first->talk_messages[0].id);
        last = second->talk_messages[0].id;
        assert_message(&first->talk_messages[0], first, first->talk_messages[0].id, 1);
        assert_message(&second->talk_messages[0], second, last, 2);
        assert_null(second->talk_messages[0].client_id.ptr);

        struct cf_store_request *read = read_talk(f, talks[i], S("ann"), CF_TALK_NEWEST, 0, 10);
        assert_messages(read, NUMBERS(first->talk_messages[0].id, last));
        assert_message(&read->talk_messages[0], first, first->talk_messages[0].id, 1);
        assert_slice(read->talk_messages[0].author_name, S("Bob"));
        assert_message(&read->talk_messages[1], second, last, 2);
        assert_slice(read->talk_messages[1].author_name, S("ann"));
        assert_null(read->talk_messages[1].client_id.ptr);
    }
}

static void send_needs_a_part(void **state)
{
    struct fixture *f = *state;
    int64_t direct = new_direct(f, S("ann"), S("bob"));
    int64_t group = new_group(f, S("ann"), S("bob"));
    const int64_t talks[] = {direct, group, group + 1, 0, -1, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < CF_ARRAY_LEN(talks); i++) {
        assert_refused(send_with(f, talks[i], S("eve"), S("hi"), S("c1")), CF_E_NOT_MEMBER);
        assert_refused(read_talk(f, talks[i], S("eve"), CF_TALK_NEWEST, 0, 10), CF_E_NOT_MEMBER);
        enum cf_error expected = i < 2 ? CF_OK : CF_E_NOT_MEMBER;
        assert_int_equal(read_talk(f, talks[i], S("ann"), CF_TALK_NEWEST, 0, 10)->error, expected);
        assert_int_equal(send_with(f, talks[i], S("ann"), S("hi"), NO_CLIENT_ID)->error, expected);
    }
    assert_int_equal(talks_of(f, S("bob"), 1)->talks[0].last_seq, 1);
}

static void retry_answers_the_first(void **state)
{
    struct fixture *f = *state;
    const int64_t talks[] = {new_direct(f, S("ann"), S("bob")), new_group(f, S("ann"), S("bob"))};
    for (size_t i = 0; i < 2; i++) {
        struct cf_slice client_id = i == 0 ? S("c1") : S("c2");
        struct cf_store_request *first = send_with(f, talks[i], S("bob"), S("hi"), client_id);
        assert_true(first->created);
        (void)say(f, talks[i], S("ann"));
        reopen(f);
        const struct cf_slice texts[] = {S("hi"), S("whatever")};
        for (size_t j = 0; j < 2; j++) {
            struct cf_store_request *retry = send_with(f, talks[i], S("bob"), texts[j], client_id);
            assert_int_equal(retry->error, CF_OK);
            assert_false(retry->created);
            assert_int_equal(retry->talk_messages_count, 1);
            assert_message(&retry->talk_messages[0], first, first->talk_messages[0].id, 1);
            assert_slice(retry->talk_messages[0].author_name, S("bob"));
        }
        assert_int_equal(talks_of(f, S("bob"), 1)->talks[0].last_seq, 2);
    }
}

static void client_id_in_another_talk(void **state)
{
    struct fixture *f = *state;
    int64_t direct = new_direct(f, S("ann"), S("bob")), direct2 = new_direct(f, S("ann"), S("cid"));
    int64_t group = new_group(f, S("ann"), S("bob")), group2 = new_group(f, S("ann"), S("bob"));
    assert_true(send_with(f, direct, S("ann"), S("hi"), S("d"))->created);
    assert_true(send_with(f, group, S("ann"), S("hi"), S("g"))->created);
    reopen(f);
    const int64_t all[] = {direct, direct2, group, group2};
    for (size_t i = 0; i < 4; i++) {
        struct cf_store_request *d = send_with(f, all[i], S("ann"), S("hi"), S("d"));
        struct cf_store_request *g = send_with(f, all[i], S("ann"), S("hi"), S("g"));
        if (all[i] == direct)
            assert_messages(d, NUMBERS(d->talk_messages[0].id));
        else
            assert_refused(d, CF_E_CONFLICT);
        if (all[i] == group)
            assert_messages(g, NUMBERS(g->talk_messages[0].id));
        else
            assert_refused(g, CF_E_CONFLICT);
        assert_false(d->created);
        assert_false(g->created);
    }
    assert_int_equal(read_talk(f, direct2, S("ann"), CF_TALK_NEWEST, 0, 9)->talk_messages_count, 0);
    assert_int_equal(read_talk(f, group2, S("ann"), CF_TALK_NEWEST, 0, 9)->talk_messages_count, 0);
    /* A talk that one takes no part in is no clash, it tells nothing. */
    int64_t foreign = new_group(f, S("cid"), S("bob"));
    assert_refused(send_with(f, foreign, S("ann"), S("hi"), S("d")), CF_E_NOT_MEMBER);
}

/* The key is (sender, client id): nobody can probe or take another's. */
static void client_ids_belong_to_the_sender(void **state)
{
    struct fixture *f = *state;
    const int64_t talks[] = {new_direct(f, S("ann"), S("bob")), new_group(f, S("ann"), S("bob"))};
    assert_true(send_with(f, talks[0], S("ann"), S("hi"), S("c1"))->created);
    assert_true(send_with(f, talks[0], S("bob"), S("hi"), S("c1"))->created);
    assert_true(send_with(f, talks[1], S("ann"), S("hi"), S("c2"))->created);
    assert_true(send_with(f, talks[1], S("bob"), S("hi"), S("c2"))->created);
    assert_true(send_with(f, talks[1], S("ann"), S("hi"), S("C1"))->created); /* exactly so */
    assert_true(send_with(f, talks[1], S("ann"), S("hi"), S("c11"))->created);
    /* None at all: every message is one of its own. */
    for (int i = 0; i < 3; i++)
        (void)say(f, talks[i % 2], S("ann"));
    assert_int_equal(talks_of(f, S("bob"), 10)->talks[0].last_seq, 4);
    assert_int_equal(talks_of(f, S("bob"), 10)->talks[1].last_seq, 5);
}

static void duplicates_in_one_batch(void **state)
{
    enum { COUNT = 64 };
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    int64_t other = new_direct(f, S("ann"), S("bob"));
    struct cf_store_request *requests[COUNT];
    struct cf_list list;
    cf_list_init(&list);
    for (size_t i = 0; i < COUNT; i++) {
        requests[i] = make_send(f, i % 2 == 0 ? talk : other, S("bob"), S("once"), S("c1"));
        cf_list_push_back(&list, &requests[i]->link);
    }
    run_list(f, &list);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(requests[i]->created, i == 0);
        assert_int_equal(requests[i]->error, i % 2 == 0 ? CF_OK : CF_E_CONFLICT);
        if (i % 2 == 0)
            assert_int_equal(requests[i]->talk_messages[0].id, requests[0]->talk_messages[0].id);
    }
    assert_int_equal(read_talk(f, talk, S("ann"), CF_TALK_NEWEST, 0, 9)->talk_messages_count, 1);
    assert_int_equal(read_talk(f, other, S("ann"), CF_TALK_NEWEST, 0, 9)->talk_messages_count, 0);
}

/* Three talks at once, some sends refused: each talk counts for itself, and the numbers over all
 * of them. */
static void batch_in_order(void **state)
{
    enum { COUNT = 300, TALKS = 3 };
    struct fixture *f = *state;
    const int64_t talks[TALKS] = {new_direct(f, S("ann"), S("bob")),
                                  new_group(f, S("ann"), S("bob")),
                                  new_direct(f, S("ann"), S("cid"))};
    struct cf_list list;
    cf_list_init(&list);
    for (size_t i = 0; i < COUNT; i++) {
        struct cf_store_request *request =
            make_send(f, talks[i % TALKS], i % 5 == 0 ? S("eve") : S("ann"), S("hi"), NO_CLIENT_ID);
        request->ticket = i;
        request->now -= (cf_us)(i % 7) * 1000000; /* the clock need not grow */
        cf_list_push_back(&list, &request->link);
    }
    free_finished(f);
    run_list(f, &list);
    uint64_t ticket = 0;
    uint64_t seqs[TALKS] = {0};
    cf_us created[TALKS] = {0};
    int64_t number = 0;
    for (struct cf_list *node = f->finished.next; node != &f->finished; node = node->next) {
        struct cf_store_request *request = CF_LIST_ENTRY(node, struct cf_store_request, link);
        size_t talk = ticket % TALKS;
        assert_int_equal(request->ticket, ticket);
        assert_int_equal(request->error, ticket % 5 == 0 ? CF_E_NOT_MEMBER : CF_OK);
        ticket++;
        if (request->error != CF_OK)
            continue;
        assert_int_equal(request->talk_messages[0].seq, ++seqs[talk]);
        assert_true(request->talk_messages[0].created > created[talk]);
        assert_true(request->talk_messages[0].id > number);
        created[talk] = request->talk_messages[0].created;
        number = request->talk_messages[0].id;
    }
    assert_int_equal(ticket, COUNT);
    for (size_t i = 0; i < TALKS; i++)
        assert_int_equal(seqs[i], COUNT / TALKS * 4 / 5);
}

static void time_grows_though_the_clock_does_not(void **state)
{
    struct fixture *f = *state;
    const int64_t talks[] = {new_direct(f, S("ann"), S("bob")), new_group(f, S("ann"), S("bob"))};
    const cf_us clocks[] = {5000000, 5000000, 4000000, 1, 0, -7, 6000000, 6000000};
    const cf_us expected[] = {5000000, 5000001, 5000002, 5000003,
                              5000004, 5000005, 6000000, 6000001};
    for (size_t i = 0; i < CF_ARRAY_LEN(clocks); i++)
        for (size_t j = 0; j < 2; j++) {
            struct cf_store_request *request =
                make_send(f, talks[j], S("bob"), S("tick"), NO_CLIENT_ID);
            request->now = clocks[i];
            assert_int_equal(run(f, request), CF_OK);
            assert_int_equal(request->talk_messages[0].created, expected[i]);
            assert_int_equal(request->talk_messages[0].seq, i + 1);
        }
}

static void numbers_grow_over_messages_and_marks(void **state)
{
    enum { ROUNDS = 4, EACH = 5 };
    struct fixture *f = *state;
    int64_t direct = new_direct(f, S("ann"), S("bob"));
    int64_t group = new_group(f, S("ann"), S("bob cid"));
    int64_t numbers[ROUNDS * EACH];
    for (size_t i = 0; i < ROUNDS; i++) {
        int64_t *n = &numbers[i * EACH];
        n[0] = say(f, direct, S("ann"));
        n[1] = say(f, group, S("bob"));
        n[2] = new_mark(f, S("bob"), n[0], CF_MARK_DELIVERED);
        n[3] = new_mark(f, S("cid"), n[1], CF_MARK_READ);
        n[4] = new_mark(f, S("bob"), n[0], CF_MARK_READ);
        if (i % 2 == 0) /* the highest one is a mark's, then a message's */
            (void)say(f, group, S("ann"));
        reopen(f);
    }
    assert_true(numbers[0] >= 1);
    for (size_t i = 1; i < ROUNDS * EACH; i++)
        assert_true(numbers[i] > numbers[i - 1]);
}

/* `count` messages; their numbers. */
static void fill(struct fixture *f, int64_t talk, int64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        numbers[i] = say(f, talk, i % 2 == 0 ? S("ann") : S("bob"));
}

static void assert_range(struct fixture *f, int64_t talk, enum cf_talk_range range, int64_t from,
                         uint32_t limit, const int64_t *numbers, size_t count, bool has_more)
{
    struct cf_store_request *request = read_talk(f, talk, S("bob"), range, from, limit);
    assert_messages(request, numbers, count);
    assert_int_equal(request->has_more, has_more);
    for (size_t i = 1; i < count; i++)
        assert_int_equal(request->talk_messages[i].seq, request->talk_messages[0].seq + i);
}

enum { FILLED = 5 };

/* Some messages of another talk before, between and behind them. */
static int64_t fill_talk(struct fixture *f, enum cf_talk_kind kind, int64_t numbers[FILLED])
{
    int64_t talk = kind == CF_TALK_DIRECT ? new_direct(f, S("ann"), S("bob"))
                                          : new_group(f, S("ann"), S("bob"));
    int64_t other = kind == CF_TALK_DIRECT ? new_direct(f, S("ann"), S("cid"))
                                           : new_group(f, S("ann"), S("bob"));
    (void)say(f, other, S("ann"));
    for (size_t i = 0; i < FILLED; i++) {
        fill(f, talk, &numbers[i], 1);
        (void)say(f, other, S("ann"));
    }
    return talk;
}

static void history_newest(void **state)
{
    struct fixture *f = *state;
    for (int kind = CF_TALK_DIRECT; kind <= CF_TALK_GROUP; kind++) {
        int64_t n[FILLED];
        int64_t empty = new_group(f, S("ann"), S("bob"));
        assert_range(f, empty, CF_TALK_NEWEST, 0, 3, NONE, false);
        assert_range(f, empty, CF_TALK_NEWEST, 0, 0, NONE, false);
        int64_t talk = fill_talk(f, (enum cf_talk_kind)kind, n);
        assert_range(f, talk, CF_TALK_NEWEST, 0, 4, &n[1], 4, true);
        assert_range(f, talk, CF_TALK_NEWEST, 0, 5, n, 5, false);
        assert_range(f, talk, CF_TALK_NEWEST, 0, 6, n, 5, false);
        assert_range(f, talk, CF_TALK_NEWEST, n[0], 1, &n[4], 1, true); /* `from` is not for it */
        assert_range(f, talk, CF_TALK_NEWEST, 0, 0, NONE, true);
        assert_range(f, talk, CF_TALK_NEWEST, 0, UINT32_MAX, n, 5, false);
    }
}

static void history_before(void **state)
{
    struct fixture *f = *state;
    for (int kind = CF_TALK_DIRECT; kind <= CF_TALK_GROUP; kind++) {
        int64_t n[FILLED];
        int64_t talk = fill_talk(f, (enum cf_talk_kind)kind, n);
        assert_range(f, talk, CF_TALK_BEFORE, 5, 3, &n[1], 3, true);
        assert_range(f, talk, CF_TALK_BEFORE, 5, 4, n, 4, false);
        assert_range(f, talk, CF_TALK_BEFORE, 5, 5, n, 4, false);
        assert_range(f, talk, CF_TALK_BEFORE, 5, 0, NONE, true);
        assert_range(f, talk, CF_TALK_BEFORE, 6, 2, &n[3], 2, true);
        assert_range(f, talk, CF_TALK_BEFORE, 2, 9, n, 1, false);
        assert_range(f, talk, CF_TALK_BEFORE, 1, 9, NONE, false);
        assert_range(f, talk, CF_TALK_BEFORE, 0, 9, NONE, false);
        assert_range(f, talk, CF_TALK_BEFORE, INT64_MIN, 9, NONE, false);
        assert_range(f, talk, CF_TALK_BEFORE, INT64_MAX, 9, n, 5, false);
    }
}

static void history_after_seq(void **state)
{
    struct fixture *f = *state;
    for (int kind = CF_TALK_DIRECT; kind <= CF_TALK_GROUP; kind++) {
        int64_t n[FILLED];
        int64_t talk = fill_talk(f, (enum cf_talk_kind)kind, n);
        assert_range(f, talk, CF_TALK_AFTER_SEQ, 1, 3, &n[1], 3, true);
        assert_range(f, talk, CF_TALK_AFTER_SEQ, 1, 4, &n[1], 4, false);
        assert_range(f, talk, CF_TALK_AFTER_SEQ, 1, 5, &n[1], 4, false);
        assert_range(f, talk, CF_TALK_AFTER_SEQ, 1, 0, NONE, true);
        assert_range(f, talk, CF_TALK_AFTER_SEQ, 0, 9, n, 5, false);
        assert_range(f, talk, CF_TALK_AFTER_SEQ, -3, 2, n, 2, true);
        assert_range(f, talk, CF_TALK_AFTER_SEQ, INT64_MIN, 9, n, 5, false);
        assert_range(f, talk, CF_TALK_AFTER_SEQ, 4, 9, &n[4], 1, false);
        assert_range(f, talk, CF_TALK_AFTER_SEQ, 5, 9, NONE, false);
        assert_range(f, talk, CF_TALK_AFTER_SEQ, 5, 0, NONE, false);
        assert_range(f, talk, CF_TALK_AFTER_SEQ, INT64_MAX, 9, NONE, false);
    }
}

static void history_since(void **state)
{
    struct fixture *f = *state;
    for (int kind = CF_TALK_DIRECT; kind <= CF_TALK_GROUP; kind++) {
        int64_t n[FILLED];
        int64_t talk = fill_talk(f, (enum cf_talk_kind)kind, n);
        struct cf_store_request *all = read_talk(f, talk, S("bob"), CF_TALK_NEWEST, 0, FILLED);
        cf_us second = all->talk_messages[1].created;
        assert_range(f, talk, CF_TALK_SINCE, second, 3, &n[1], 3, true); /* inclusive */
        assert_range(f, talk, CF_TALK_SINCE, second, 4, &n[1], 4, false);
        assert_range(f, talk, CF_TALK_SINCE, second, 5, &n[1], 4, false);
        assert_range(f, talk, CF_TALK_SINCE, second, 0, NONE, true);
        assert_range(f, talk, CF_TALK_SINCE, second + 1, 9, &n[2], 3, false);
        assert_range(f, talk, CF_TALK_SINCE, second - 1, 1, &n[1], 1, true);
        assert_range(f, talk, CF_TALK_SINCE, 0, 9, n, 5, false);
        assert_range(f, talk, CF_TALK_SINCE, INT64_MIN, 9, n, 5, false);
        assert_range(f, talk, CF_TALK_SINCE, all->talk_messages[4].created, 9, &n[4], 1, false);
        assert_range(f, talk, CF_TALK_SINCE, all->talk_messages[4].created + 1, 9, NONE, false);
        assert_range(f, talk, CF_TALK_SINCE, INT64_MAX, 9, NONE, false);
    }
}

static void mark_answers_the_mark(void **state)
{
    struct fixture *f = *state;
    const int64_t talks[] = {new_direct(f, S("ann"), S("bob")), new_group(f, S("ann"), S("bob"))};
    for (size_t i = 0; i < 2; i++) {
        int64_t message = say(f, talks[i], S("ann"));
        const enum cf_talk_mark_kind kinds[] = {CF_MARK_DELIVERED, CF_MARK_READ};
        int64_t last = message;
        for (size_t j = 0; j < 2; j++) {
            struct cf_store_request *first = mark(f, S("bob"), message, kinds[j]);
            reopen(f);
            struct cf_store_request *second = mark(f, S("bob"), message, kinds[j]);
            assert_true(first->created);
            assert_false(second->created);
            const struct cf_store_request *both[] = {first, second};
            for (size_t k = 0; k < 2; k++) {
                assert_int_equal(both[k]->error, CF_OK);
                assert_int_equal(both[k]->marks_count, 1);
                const struct cf_talk_mark *row = &both[k]->marks[0];
                assert_true(row->number > last);
                assert_int_equal(row->number, first->marks[0].number);
                assert_int_equal(row->message, message);
                assert_int_equal(row->talk, talks[i]);
                assert_slice(row->author, S("ann"));
                assert_slice(row->user, S("bob"));
                assert_int_equal(row->kind, kinds[j]);
                assert_int_equal(row->at, first->now);
            }
            last = first->marks[0].number;
        }
        assert_true(say(f, talks[i], S("ann")) > last);
    }
}

static void reading_marks_as_delivered(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_direct(f, S("ann"), S("bob"));
    int64_t message = say(f, talk, S("ann"));
    struct cf_store_request *read = mark(f, S("bob"), message, CF_MARK_READ);
    assert_true(read->created);
    struct cf_store_request *delivered = mark(f, S("bob"), message, CF_MARK_DELIVERED);
    assert_int_equal(delivered->error, CF_OK);
    assert_false(delivered->created);
    assert_int_equal(delivered->marks_count, 1);
    assert_int_equal(delivered->marks[0].kind, CF_MARK_DELIVERED);
    assert_int_equal(delivered->marks[0].at, read->now);
    assert_int_equal(delivered->marks[0].number, read->marks[0].number);
}

static void own_messages_are_not_marked(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_direct(f, S("ann"), S("bob"));
    (void)say(f, talk, S("bob"));
    int64_t message = say(f, talk, S("ann"));
    for (int kind = CF_MARK_DELIVERED; kind <= CF_MARK_READ; kind++) {
        struct cf_store_request *request = mark(f, S("ann"), message, (enum cf_talk_mark_kind)kind);
        assert_int_equal(request->error, CF_OK);
        assert_false(request->created);
    }
    struct cf_store_request *read = read_talk(f, talk, S("bob"), CF_TALK_NEWEST, 0, 1);
    assert_int_equal(read->talk_messages[0].receipts_count, 0);
    assert_int_equal(unread_by(f, talk, S("ann")), 1); /* nor does it count as reading */
}

static void mark_errors(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    int64_t message = say(f, talk, S("ann"));
    int64_t number = new_mark(f, S("bob"), message, CF_MARK_READ);
    const int64_t unknown[] = {0, -1, number /* a mark's */, number + 1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < CF_ARRAY_LEN(unknown); i++)
        for (int kind = CF_MARK_DELIVERED; kind <= CF_MARK_READ; kind++)
            assert_refused(mark(f, S("ann"), unknown[i], (enum cf_talk_mark_kind)kind),
                           CF_E_NOT_MEMBER);
    assert_refused(mark(f, S("eve"), message, CF_MARK_READ), CF_E_NOT_MEMBER);
    assert_refused(mark(f, S("eve"), message, CF_MARK_DELIVERED), CF_E_NOT_MEMBER);
    struct cf_store_request *read = read_talk(f, talk, S("bob"), CF_TALK_NEWEST, 0, 1);
    assert_int_equal(read->talk_messages[0].receipts_count, 1);
}

static void assert_receipt(const struct cf_talk_message *row, size_t index, struct cf_slice user,
                           cf_us delivered, cf_us read)
{
    assert_true(index < row->receipts_count);
    assert_slice(row->receipts[index].user, user);
    assert_int_equal(row->receipts[index].delivered, delivered);
    assert_int_equal(row->receipts[index].read, read);
}

static void history_with_receipts(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob cid dan eve"));
    int64_t n[3];
    fill(f, talk, n, 3); /* by ann, bob, ann */
    cf_us dan = mark(f, S("dan"), n[0], CF_MARK_DELIVERED)->now;
    cf_us bob = mark(f, S("bob"), n[0], CF_MARK_READ)->now;
    cf_us cid = mark(f, S("cid"), n[0], CF_MARK_DELIVERED)->now;
    cf_us cid_read = mark(f, S("cid"), n[0], CF_MARK_READ)->now;
    (void)mark(f, S("bob"), n[0], CF_MARK_DELIVERED); /* too late to change anything */
    (void)mark(f, S("cid"), n[0], CF_MARK_READ);
    cf_us ann = mark(f, S("ann"), n[1], CF_MARK_READ)->now;
    assert_int_equal(remove_person(f, talk, S("ann"), S("cid")), CF_OK);
    for (int i = 0; i < 2; i++) {
        struct cf_store_request *read = read_talk(f, talk, S("eve"), CF_TALK_NEWEST, 0, 10);
        assert_messages(read, n, 3);
        const struct cf_talk_message *rows = read->talk_messages;
        assert_int_equal(rows[0].receipts_count, 3);
        assert_receipt(&rows[0], 0, S("bob"), bob, bob);
        assert_receipt(&rows[0], 1, S("cid"), cid, cid_read); /* though she has left */
        assert_receipt(&rows[0], 2, S("dan"), dan, 0);
        assert_int_equal(rows[1].receipts_count, 1);
        assert_receipt(&rows[1], 0, S("ann"), ann, ann);
        assert_int_equal(rows[2].receipts_count, 0);
        reopen(f);
    }
}

/* It is stored, but whoever takes no part any more is not to be told of it. */
static void mark_is_not_for_one_who_left(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob cid"));
    int64_t other = new_group(f, S("ann"), S("bob cid"));
    int64_t bobs = say(f, talk, S("bob")), anns = say(f, talk, S("ann"));
    int64_t elsewhere = say(f, other, S("bob"));
    cf_us delivered = mark(f, S("cid"), bobs, CF_MARK_DELIVERED)->now;
    assert_int_equal(remove_person(f, talk, S("ann"), S("bob")), CF_OK);
    reopen(f);

    struct cf_store_request *read = mark(f, S("cid"), bobs, CF_MARK_READ);
    assert_true(read->created);
    struct cf_store_request *const answers[] = {read, mark(f, S("cid"), bobs, CF_MARK_READ),
                                                mark(f, S("cid"), bobs, CF_MARK_DELIVERED)};
    for (size_t i = 0; i < CF_ARRAY_LEN(answers); i++) {
        assert_int_equal(answers[i]->error, CF_OK);
        assert_int_equal(answers[i]->marks_count, 1);
        const struct cf_talk_mark *row = &answers[i]->marks[0];
        assert_null(row->author.ptr);
        assert_int_equal(row->author.len, 0);
        assert_int_equal(row->message, bobs);
        assert_int_equal(row->talk, talk);
        assert_slice(row->user, S("cid"));
        assert_int_equal(row->at, i == 2 ? delivered : read->now);
    }
    assert_slice(mark(f, S("cid"), anns, CF_MARK_READ)->marks[0].author, S("ann"));
    assert_slice(mark(f, S("cid"), elsewhere, CF_MARK_READ)->marks[0].author, S("bob"));
    struct cf_store_request *history = read_talk(f, talk, S("ann"), CF_TALK_NEWEST, 0, 10);
    assert_messages(history, NUMBERS(bobs, anns));
    assert_int_equal(history->talk_messages[0].receipts_count, 1);
    assert_receipt(&history->talk_messages[0], 0, S("cid"), delivered, read->now);
    assert_int_equal(unread_by(f, talk, S("cid")), 0);

    assert_true(add_people(f, talk, S("ann"), S("bob"))->created);
    struct cf_store_request *again = mark(f, S("cid"), bobs, CF_MARK_READ);
    assert_false(again->created);
    assert_slice(again->marks[0].author, S("bob"));
    assert_int_equal(again->marks[0].number, read->marks[0].number);
}

static void unread_counts(void **state)
{
    struct fixture *f = *state;
    int64_t other = new_direct(f, S("ann"), S("bob"));
    int64_t talk = new_group(f, S("ann"), S("bob cid"));
    int64_t n[6];
    fill(f, talk, n, 6); /* ann, bob, ann, bob, ann, bob */
    (void)say(f, other, S("ann"));
    assert_int_equal(unread_by(f, talk, S("ann")), 3);
    assert_int_equal(unread_by(f, talk, S("bob")), 3);
    assert_int_equal(unread_by(f, talk, S("cid")), 6);
    (void)new_mark(f, S("cid"), n[4], CF_MARK_DELIVERED); /* is not read */
    assert_int_equal(unread_by(f, talk, S("cid")), 6);
    (void)new_mark(f, S("cid"), n[2], CF_MARK_READ);
    assert_int_equal(unread_by(f, talk, S("cid")), 3);
    (void)new_mark(f, S("cid"), n[0], CF_MARK_READ); /* an older one: no step back */
    assert_int_equal(unread_by(f, talk, S("cid")), 3);
    (void)new_mark(f, S("bob"), n[2], CF_MARK_READ);
    assert_int_equal(unread_by(f, talk, S("bob")), 1); /* own messages do not count */
    reopen(f);
    assert_int_equal(unread_by(f, talk, S("cid")), 3);
    assert_int_equal(unread_by(f, talk, S("ann")), 3);
    assert_int_equal(unread_by(f, other, S("bob")), 1);
    (void)new_mark(f, S("cid"), n[5], CF_MARK_READ);
    assert_int_equal(unread_by(f, talk, S("cid")), 0);
    (void)say(f, talk, S("cid"));
    assert_int_equal(unread_by(f, talk, S("cid")), 0);
    assert_int_equal(unread_by(f, talk, S("bob")), 2);

    /* What was read stays read for one who is away for a while. */
    assert_int_equal(remove_person(f, talk, S("cid"), S("cid")), CF_OK);
    (void)say(f, talk, S("ann"));
    assert_true(add_people(f, talk, S("ann"), S("cid"))->created);
    assert_int_equal(unread_by(f, talk, S("cid")), 1);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(send_answers_the_message),
    CONTRACT(send_needs_a_part),
    CONTRACT(retry_answers_the_first),
    CONTRACT(client_id_in_another_talk),
    CONTRACT(client_ids_belong_to_the_sender),
    CONTRACT(duplicates_in_one_batch),
    CONTRACT(batch_in_order),
    CONTRACT(time_grows_though_the_clock_does_not),
    CONTRACT(numbers_grow_over_messages_and_marks),
    CONTRACT(history_newest),
    CONTRACT(history_before),
    CONTRACT(history_after_seq),
    CONTRACT(history_since),
    CONTRACT(mark_answers_the_mark),
    CONTRACT(reading_marks_as_delivered),
    CONTRACT(own_messages_are_not_marked),
    CONTRACT(mark_errors),
    CONTRACT(history_with_receipts),
    CONTRACT(mark_is_not_for_one_who_left),
    CONTRACT(unread_counts),
};

int main(void)
{
    return run_contract(tests);
}
