/* What every store promises about messages (port/store.h). */
#include "fixture.h"

/* A room of ann (admin), bob and cid. */
static struct cf_uuid room_of_three(struct fixture *f)
{
    struct cf_uuid room = new_room(f, S("ann"));
    assert_int_equal(run(f, make_member(f, room, S("ann"), S("bob"), CF_ROLE_MEMBER)), CF_OK);
    assert_int_equal(run(f, make_member(f, room, S("ann"), S("cid"), CF_ROLE_MEMBER)), CF_OK);
    return room;
}

static struct cf_store_request *send_as(struct fixture *f, struct cf_uuid room,
                                        struct cf_slice actor, struct cf_slice text,
                                        struct cf_slice client_id)
{
    struct cf_store_request *request = make_message(f, room, actor, text);
    request->client_id = client_id;
    (void)run(f, request);
    return request;
}

static uint64_t total_of(struct fixture *f, struct cf_uuid room, struct cf_slice actor)
{
    return read_page(f, room, actor, 1, 1)->total;
}

static void create_answers_the_message(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_store_request *request = make_message(f, room, S("bob"), S("hello"));
    request->actor_name = S("Bob");
    request->image = S("abc.png");
    assert_int_equal(run(f, request), CF_OK);
    assert_true(request->created);
    assert_int_equal(request->messages_count, 1);
    const struct cf_message_row *rows[2] = {&request->messages[0],
                                            get_message(f, S("cid"), request->message)};
    for (size_t i = 0; i < 2; i++) {
        assert_uuid(rows[i]->id, request->message);
        assert_uuid(rows[i]->room, room);
        assert_int_equal(rows[i]->seq, 1);
        assert_slice(rows[i]->author, S("bob"));
        assert_slice(rows[i]->author_name, S("Bob"));
        assert_slice(rows[i]->text, S("hello"));
        assert_int_equal(rows[i]->created, request->now);
        assert_int_equal(rows[i]->updated, 0);
        assert_slice(rows[i]->image, S("abc.png"));
    }
    struct cf_uuid plain = new_message(f, room, S("bob"), S("no image"));
    assert_null(get_message(f, S("bob"), plain)->image.ptr);
}

static void create_needs_membership(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_store_request *request = make_message(f, room, S("eve"), S("hi"));
    assert_int_equal(run(f, request), CF_E_NOT_MEMBER);
    assert_int_equal(request->messages_count, 0);
    assert_int_equal(run(f, make_message(f, uuid_of(999), S("ann"), S("hi"))), CF_E_NOT_MEMBER);
    assert_int_equal(total_of(f, room, S("ann")), 0);
}

static void message_id_is_given_once(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_uuid message = new_message(f, room, S("bob"), S("first"));
    struct cf_store_request *request = make_message(f, room, S("cid"), S("second"));
    request->message = message;
    assert_int_equal(run(f, request), CF_E_CONFLICT);
    request = make_message(f, room, S("cid"), S("third"));
    request->message = message;
    request->client_id = S("c1");
    assert_int_equal(run(f, request), CF_E_CONFLICT);
    assert_slice(get_message(f, S("ann"), message)->text, S("first"));
    assert_int_equal(total_of(f, room, S("ann")), 1);
    /* Neither took a seq. */
    assert_int_equal(get_message(f, S("ann"), new_message(f, room, S("bob"), S("next")))->seq, 2);
}

static void retry_answers_the_first(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_store_request *first = send_as(f, room, S("bob"), S("hi"), S("c1"));
    assert_true(first->created);
    struct cf_store_request *retry = send_as(f, room, S("bob"), S("hi"), S("c1"));
    assert_int_equal(retry->error, CF_OK);
    assert_false(retry->created);
    assert_int_equal(retry->messages_count, 1);
    assert_uuid(retry->messages[0].id, first->message);
    assert_int_equal(retry->messages[0].seq, 1);
    assert_int_equal(retry->messages[0].created, first->now);
    assert_slice(retry->messages[0].text, S("hi"));
    assert_int_equal(total_of(f, room, S("bob")), 1);

    struct cf_store_request *other_text = send_as(f, room, S("bob"), S("ho"), S("c1"));
    assert_int_equal(other_text->error, CF_E_CONFLICT);
    assert_int_equal(other_text->messages_count, 0);
    assert_false(other_text->created);
}

/* The key is (room, author, client id): nobody can probe or take another's. */
static void client_ids_belong_to_author_and_room(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_uuid other = room_of_three(f);
    assert_true(send_as(f, room, S("bob"), S("hi"), S("c1"))->created);
    assert_true(send_as(f, room, S("cid"), S("ho"), S("c1"))->created);
    assert_true(send_as(f, other, S("bob"), S("hey"), S("c1"))->created);
    assert_true(send_as(f, room, S("bob"), S("hi"), S("c2"))->created);
    assert_true(send_as(f, room, S("bob"), S("hi"), S("C1"))->created);
    assert_true(send_as(f, room, S("bob"), S("hi"), S(""))->created);
    assert_false(send_as(f, room, S("bob"), S("hi"), S(""))->created);
    /* None at all: every message is one of its own. */
    assert_true(run(f, make_message(f, room, S("bob"), S("hi"))) == CF_OK);
    assert_true(run(f, make_message(f, room, S("bob"), S("hi"))) == CF_OK);
    assert_int_equal(total_of(f, room, S("ann")), 7);
}

static void retry_after_edit_and_delete(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_store_request *first = send_as(f, room, S("bob"), S("hi"), S("c1"));
    struct cf_store_request *edit = make_on(f, CF_STORE_MESSAGE_EDIT, S("bob"), first->message);
    edit->text = S("edited");
    assert_int_equal(run(f, edit), CF_OK);

    struct cf_store_request *retry = send_as(f, room, S("bob"), S("hi"), S("c1"));
    assert_int_equal(retry->error, CF_OK);
    assert_false(retry->created);
    assert_slice(retry->messages[0].text, S("edited"));
    assert_int_equal(send_as(f, room, S("bob"), S("edited"), S("c1"))->error, CF_E_CONFLICT);

    assert_int_equal(run(f, make_on(f, CF_STORE_MESSAGE_DELETE, S("bob"), first->message)), CF_OK);
    assert_int_equal(send_as(f, room, S("bob"), S("hi"), S("c1"))->error, CF_E_CONFLICT);
    assert_int_equal(total_of(f, room, S("bob")), 0);
}

static void retry_counts_the_image_by_being_there(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_store_request *requests[3];
    for (size_t i = 0; i < 3; i++) {
        requests[i] = make_message(f, room, S("bob"), S("look"));
        requests[i]->client_id = S("c1");
    }
    requests[0]->image = S("one.png");
    requests[1]->image = S("two.png");
    assert_int_equal(run(f, requests[0]), CF_OK);
    assert_int_equal(run(f, requests[1]), CF_OK);
    assert_false(requests[1]->created);
    assert_slice(requests[1]->messages[0].image, S("one.png"));
    assert_int_equal(run(f, requests[2]), CF_E_CONFLICT);
}

static void duplicates_in_one_batch(void **state)
{
    enum { COUNT = 64 };
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_store_request *requests[COUNT];
    struct cf_list list;
    cf_list_init(&list);
    for (size_t i = 0; i < COUNT; i++) {
        requests[i] = make_message(f, room, S("bob"), S("once"));
        requests[i]->client_id = S("c1");
        cf_list_push_back(&list, &requests[i]->link);
    }
    run_list(f, &list);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(requests[i]->error, CF_OK);
        assert_int_equal(requests[i]->created, i == 0);
        assert_uuid(requests[i]->messages[0].id, requests[0]->message);
    }
    assert_int_equal(total_of(f, room, S("ann")), 1);
}

/* Requests that are refused neither spoil the others of their batch nor leave a gap. */
static void batch_in_order(void **state)
{
    enum { COUNT = 300 };
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_list list;
    cf_list_init(&list);
    for (size_t i = 0; i < COUNT; i++) {
        struct cf_slice actor = i % 3 == 0 ? S("eve") : i % 3 == 1 ? S("bob") : S("cid");
        struct cf_store_request *request = make_message(f, room, actor, S("hi"));
        request->ticket = i;
        cf_list_push_back(&list, &request->link);
    }
    free_finished(f);
    run_list(f, &list);
    uint64_t ticket = 0;
    uint64_t seq = 0;
    cf_us created = 0;
    for (struct cf_list *node = f->finished.next; node != &f->finished; node = node->next) {
        struct cf_store_request *request = CF_LIST_ENTRY(node, struct cf_store_request, link);
        assert_int_equal(request->ticket, ticket);
        assert_int_equal(request->error, ticket % 3 == 0 ? CF_E_NOT_MEMBER : CF_OK);
        ticket++;
        if (request->error != CF_OK)
            continue;
        assert_int_equal(request->messages[0].seq, ++seq);
        assert_true(request->messages[0].created > created);
        created = request->messages[0].created;
    }
    assert_int_equal(ticket, COUNT);
    assert_int_equal(total_of(f, room, S("ann")), COUNT / 3 * 2);
}

static void time_grows_though_the_clock_does_not(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    const cf_us clocks[] = {5000000, 5000000, 4000000, 1, 0, -7, 6000000, 6000000};
    const cf_us expected[] = {5000000, 5000001, 5000002, 5000003,
                              5000004, 5000005, 6000000, 6000001};
    for (size_t i = 0; i < CF_ARRAY_LEN(clocks); i++) {
        struct cf_store_request *request = make_message(f, room, S("bob"), S("tick"));
        request->now = clocks[i];
        assert_int_equal(run(f, request), CF_OK);
        assert_int_equal(request->messages[0].created, expected[i]);
    }
    struct cf_store_request *edit = make_on(f, CF_STORE_MESSAGE_EDIT, S("bob"), uuid_of(f->ids));
    edit->text = S("tock");
    edit->now = 3;
    assert_int_equal(run(f, edit), CF_OK);
    assert_int_equal(edit->messages[0].updated, 6000001);
}

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

static void message_get_errors(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_uuid message = new_message(f, room, S("bob"), S("hi"));
    assert_null(get_message(f, S("eve"), message));
    assert_null(get_message(f, S("bob"), uuid_of(999)));
    assert_null(get_message(f, S("bob"), room));
    assert_non_null(get_message(f, S("ann"), message));
}

static void edit_is_the_authors(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_uuid message = new_message(f, room, S("bob"), S("hi"));
    const struct {
        struct cf_slice actor;
        struct cf_uuid message;
        enum cf_error error;
    } refused[] = {
        {S("cid"), message, CF_E_FORBIDDEN},
        {S("ann"), message, CF_E_FORBIDDEN}, /* not even the admin */
        {S("eve"), message, CF_E_NOT_FOUND},
        {S("bob"), uuid_of(999), CF_E_NOT_FOUND},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(refused); i++) {
        struct cf_store_request *edit =
            make_on(f, CF_STORE_MESSAGE_EDIT, refused[i].actor, refused[i].message);
        edit->text = S("changed");
        assert_int_equal(run(f, edit), refused[i].error);
        assert_int_equal(edit->messages_count, 0);
    }
    struct cf_store_request *edit = make_on(f, CF_STORE_MESSAGE_EDIT, S("bob"), message);
    edit->text = S("changed");
    edit->actor_name = S("Bob");
    assert_int_equal(run(f, edit), CF_OK);
    const struct cf_message_row *rows[2] = {&edit->messages[0], get_message(f, S("ann"), message)};
    for (size_t i = 0; i < 2; i++) {
        assert_uuid(rows[i]->id, message);
        assert_uuid(rows[i]->room, room);
        assert_int_equal(rows[i]->seq, 1);
        assert_slice(rows[i]->text, S("changed"));
        assert_slice(rows[i]->author_name, S("Bob"));
        assert_int_equal(rows[i]->updated, edit->now);
        assert_true(rows[i]->created < edit->now);
    }
}

static void delete_is_the_authors_and_the_admins(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_store_request *sent = make_message(f, room, S("bob"), S("hi"));
    sent->image = S("one.png");
    assert_int_equal(run(f, sent), CF_OK);
    struct cf_uuid second = new_message(f, room, S("bob"), S("ho"));
    assert_int_equal(run(f, make_on(f, CF_STORE_MESSAGE_DELETE, S("cid"), second)), CF_E_FORBIDDEN);
    assert_int_equal(run(f, make_on(f, CF_STORE_MESSAGE_DELETE, S("eve"), second)), CF_E_NOT_FOUND);
    assert_int_equal(run(f, make_on(f, CF_STORE_MESSAGE_DELETE, S("bob"), uuid_of(999))),
                     CF_E_NOT_FOUND);

    struct cf_store_request *gone = make_on(f, CF_STORE_MESSAGE_DELETE, S("bob"), sent->message);
    assert_int_equal(run(f, gone), CF_OK);
    assert_int_equal(gone->messages_count, 1);
    assert_slice(gone->messages[0].text, S("hi"));
    assert_slice(gone->messages[0].image, S("one.png"));
    assert_uuid(gone->messages[0].room, room);
    assert_null(get_message(f, S("bob"), sent->message));
    assert_int_equal(run(f, make_on(f, CF_STORE_MESSAGE_DELETE, S("bob"), sent->message)),
                     CF_E_NOT_FOUND);
    struct cf_store_request *edit = make_on(f, CF_STORE_MESSAGE_EDIT, S("bob"), sent->message);
    edit->text = S("back");
    assert_int_equal(run(f, edit), CF_E_NOT_FOUND);

    assert_int_equal(run(f, make_on(f, CF_STORE_MESSAGE_DELETE, S("ann"), second)), CF_OK);
    assert_int_equal(total_of(f, room, S("ann")), 0);
    /* A seq is never given twice. */
    assert_int_equal(get_message(f, S("bob"), new_message(f, room, S("bob"), S("x")))->seq, 3);
}

static void image_set(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_uuid other = room_of_three(f);
    struct cf_uuid message = new_message(f, room, S("bob"), S("hi"));
    const struct {
        struct cf_uuid room, message;
        struct cf_slice actor, text;
        enum cf_error error;
    } rows[] = {
        {other, message, S("bob"), S(""), CF_E_NOT_FOUND},
        {other, message, S("cid"), S(""), CF_E_NOT_FOUND},
        {room, uuid_of(999), S("bob"), S(""), CF_E_NOT_FOUND},
        {room, message, S("eve"), S(""), CF_E_NOT_FOUND},
        {room, message, S("cid"), S(""), CF_E_FORBIDDEN},
        {room, message, S("ann"), S(""), CF_E_FORBIDDEN},
        {room, message, S("bob"), S(""), CF_OK},
        {room, message, S("bob"), S("look"), CF_OK},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        struct cf_store_request *set =
            make_on(f, CF_STORE_MESSAGE_IMAGE_SET, rows[i].actor, rows[i].message);
        set->room = rows[i].room;
        set->text = rows[i].text;
        set->image = i == 7 ? S("two.png") : S("one.png");
        assert_int_equal(run(f, set), rows[i].error);
        if (rows[i].error != CF_OK)
            continue;
        assert_slice(set->messages[0].image, set->image);
        assert_slice(set->messages[0].text, i == 7 ? S("look") : S("hi"));
        assert_int_equal(set->messages[0].updated, set->now);
        if (i == 7)
            assert_slice(set->old_image, S("one.png"));
        else
            assert_null(set->old_image.ptr);
    }
    assert_slice(get_message(f, S("cid"), message)->image, S("two.png"));
    assert_slice(get_message(f, S("cid"), message)->text, S("look"));
}

static void image_remove(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    for (int i = 0; i < 2; i++) {
        struct cf_slice who = i == 0 ? S("bob") : S("ann");
        struct cf_store_request *sent = make_message(f, room, S("bob"), S("hi"));
        sent->image = S("one.png");
        assert_int_equal(run(f, sent), CF_OK);
        enum cf_store_op op = CF_STORE_MESSAGE_IMAGE_REMOVE;
        assert_int_equal(run(f, make_on(f, op, S("cid"), sent->message)), CF_E_FORBIDDEN);
        assert_int_equal(run(f, make_on(f, op, S("eve"), sent->message)), CF_E_NOT_FOUND);
        struct cf_store_request *removed = make_on(f, op, who, sent->message);
        assert_int_equal(run(f, removed), CF_OK);
        assert_slice(removed->old_image, S("one.png"));
        assert_null(removed->messages[0].image.ptr);
        assert_slice(removed->messages[0].text, S("hi"));
        assert_int_equal(removed->messages[0].updated, removed->now);
        assert_null(get_message(f, S("bob"), sent->message)->image.ptr);
        assert_int_equal(run(f, make_on(f, op, who, sent->message)), CF_E_NOT_FOUND);
        assert_int_equal(run(f, make_on(f, op, S("cid"), sent->message)), CF_E_FORBIDDEN);
    }
    assert_int_equal(run(f, make_on(f, CF_STORE_MESSAGE_IMAGE_REMOVE, S("bob"), uuid_of(999))),
                     CF_E_NOT_FOUND);
}

/* Old messages show the name that their author has now. */
static void names_follow_the_author(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_uuid message = new_message(f, room, S("bob"), S("hi"));
    assert_slice(get_message(f, S("cid"), message)->author_name, S("bob"));
    struct cf_store_request *put = make(f, CF_STORE_USER_PUT, S("bob"));
    put->actor_name = S("Robert");
    assert_int_equal(run(f, put), CF_OK);
    assert_slice(get_message(f, S("cid"), message)->author_name, S("Robert"));
    assert_slice(read_page(f, room, S("cid"), 1, 5)->messages[0].author_name, S("Robert"));
    assert_slice(read_since(f, room, S("cid"), 0, 5)->messages[0].author_name, S("Robert"));
    struct cf_store_request *nameless = make_message(f, room, S("bob"), S("ho"));
    assert_int_equal(run(f, nameless), CF_OK);
    assert_slice(nameless->messages[0].author_name, S("Robert"));
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
    CONTRACT(create_answers_the_message),
    CONTRACT(create_needs_membership),
    CONTRACT(message_id_is_given_once),
    CONTRACT(retry_answers_the_first),
    CONTRACT(client_ids_belong_to_author_and_room),
    CONTRACT(retry_after_edit_and_delete),
    CONTRACT(retry_counts_the_image_by_being_there),
    CONTRACT(duplicates_in_one_batch),
    CONTRACT(batch_in_order),
    CONTRACT(time_grows_though_the_clock_does_not),
    CONTRACT(pages),
    CONTRACT(pages_pass_over_the_deleted),
    CONTRACT(since_is_inclusive),
    CONTRACT(since_passes_over_the_deleted),
    CONTRACT(message_get_errors),
    CONTRACT(edit_is_the_authors),
    CONTRACT(delete_is_the_authors_and_the_admins),
    CONTRACT(image_set),
    CONTRACT(image_remove),
    CONTRACT(names_follow_the_author),
    CONTRACT(ten_thousand_messages),
    CONTRACT(answer_over_the_arena),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
