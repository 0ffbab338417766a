/* What every store promises about messages (port/store.h). */
#include "fixture.h"

static struct cf_store_request *send_as(struct fixture *f, struct cf_uuid room,
                                        struct cf_slice actor, struct cf_slice text,
                                        struct cf_slice client_id)
{
    struct cf_store_request *request = make_message(f, room, actor, text);
    request->client_id = client_id;
    (void)run(f, request);
    return request;
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
    CONTRACT(message_get_errors),
    CONTRACT(edit_is_the_authors),
    CONTRACT(delete_is_the_authors_and_the_admins),
    CONTRACT(image_set),
    CONTRACT(image_remove),
    CONTRACT(names_follow_the_author),
};

int main(void)
{
    return run_contract(tests);
}
