/* What requests that come together, and so are one transaction of a store, see of each other:
 * everything, as if each had come alone (port/store.h). And what many of them add up to. */
#include "fixture.h"
#include "talk_fixture.h"

/* More than a store keeps in its head. */
enum { ROOMS = 40, MESSAGES = 3 };

static void messages_to_many_rooms(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid rooms[ROOMS];
    struct cf_store_request *said[MESSAGES][ROOMS];
    struct cf_list list;
    cf_list_init(&list);
    for (size_t i = 0; i < ROOMS; i++)
        rooms[i] = new_room(f, S("ann"));
    for (size_t m = 0; m < MESSAGES; m++)
        for (size_t i = 0; i < ROOMS; i++) {
            said[m][i] = make_message(f, rooms[i], S("ann"), S("hi"));
            said[m][i]->now = f->clock; /* the same for all of a room: they differ all the same */
            cf_list_push_back(&list, &said[m][i]->link);
        }
    run_list(f, &list);
    for (size_t i = 0; i < ROOMS; i++) {
        for (size_t m = 0; m < MESSAGES; m++) {
            assert_int_equal(said[m][i]->error, CF_OK);
            assert_int_equal(said[m][i]->messages[0].seq, m + 1);
            if (m > 0)
                assert_true(said[m][i]->messages[0].created > said[m - 1][i]->messages[0].created);
        }
        assert_int_equal(total_of(f, rooms[i], S("ann")), MESSAGES);
        assert_int_equal(new_message(f, rooms[i], S("ann"), S("next")).bytes[0], 0x01);
        assert_int_equal(read_page(f, rooms[i], S("ann"), 1, 1)->messages[0].seq, MESSAGES + 1);
    }
}

/* Whoever is removed between two messages says nothing more, and is back at once when added. */
static void members_come_and_go_between_messages(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = room_of_three(f);
    struct cf_store_request *gone = make(f, CF_STORE_MEMBER_REMOVE, S("ann"));
    gone->room = room;
    gone->user = S("bob");
    struct cf_store_request *requests[] = {
        make_message(f, room, S("bob"), S("one")),
        gone,
        make_message(f, room, S("bob"), S("refused")),
        make_message(f, room, S("cid"), S("two")),
        make_member(f, room, S("ann"), S("bob"), CF_ROLE_MEMBER),
        make_message(f, room, S("bob"), S("three")),
        make_message(f, room, S("eve"), S("refused")),
    };
    struct cf_list list;
    cf_list_init(&list);
    for (size_t i = 0; i < CF_ARRAY_LEN(requests); i++)
        cf_list_push_back(&list, &requests[i]->link);
    run_list(f, &list);
    assert_int_equal(requests[0]->messages[0].seq, 1);
    assert_int_equal(requests[2]->error, CF_E_NOT_MEMBER);
    assert_int_equal(requests[3]->messages[0].seq, 2);
    assert_int_equal(requests[5]->messages[0].seq, 3);
    assert_int_equal(requests[6]->error, CF_E_NOT_MEMBER);
    assert_int_equal(total_of(f, room, S("ann")), 3);
}

/* A message is deleted right behind its making, and the next one gets no seq of before. */
static void a_message_goes_between_messages(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = new_room(f, S("ann"));
    struct cf_store_request *first = make_message(f, room, S("ann"), S("one"));
    struct cf_store_request *second = make_message(f, room, S("ann"), S("two"));
    struct cf_store_request *deletion =
        make_on(f, CF_STORE_MESSAGE_DELETE, S("ann"), second->message);
    struct cf_store_request *third = make_message(f, room, S("ann"), S("three"));
    struct cf_list list;
    cf_list_init(&list);
    cf_list_push_back(&list, &first->link);
    cf_list_push_back(&list, &second->link);
    cf_list_push_back(&list, &deletion->link);
    cf_list_push_back(&list, &third->link);
    run_list(f, &list);
    assert_int_equal(deletion->error, CF_OK);
    assert_int_equal(third->messages[0].seq, 3);
    struct cf_store_request *page = read_page(f, room, S("ann"), 1, 10);
    assert_int_equal(page->total, 2);
    assert_int_equal(page->messages_count, 2);
    assert_int_equal(page->messages[0].seq, 1);
    assert_int_equal(page->messages[1].seq, 3);
}

/* What else is asked of a conversation sees what was said before it. */
static void conversations_change_between_messages(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    struct cf_store_request *added = make(f, CF_STORE_TALK_ADD, S("ann"));
    added->talk = talk;
    set_users(added, S("cid"));
    struct cf_store_request *removed = make(f, CF_STORE_TALK_REMOVE, S("ann"));
    removed->talk = talk;
    removed->user = S("bob");
    struct cf_store_request *requests[] = {
        make_send(f, talk, S("ann"), S("one"), NO_CLIENT_ID),
        make_send(f, talk, S("cid"), S("refused"), NO_CLIENT_ID),
        make_send(f, talk, S("bob"), S("two"), NO_CLIENT_ID),
        added,
        make_send(f, talk, S("cid"), S("three"), NO_CLIENT_ID),
        removed,
        make_send(f, talk, S("bob"), S("refused"), NO_CLIENT_ID),
        make_send(f, talk, S("ann"), S("four"), NO_CLIENT_ID),
    };
    struct cf_list list;
    cf_list_init(&list);
    for (size_t i = 0; i < CF_ARRAY_LEN(requests); i++)
        cf_list_push_back(&list, &requests[i]->link);
    run_list(f, &list);
    assert_int_equal(requests[1]->error, CF_E_NOT_MEMBER);
    assert_int_equal(requests[6]->error, CF_E_NOT_MEMBER);
    assert_int_equal(requests[0]->talk_messages[0].seq, 1);
    assert_int_equal(requests[2]->talk_messages[0].seq, 2);
    assert_int_equal(requests[4]->talk_messages[0].seq, 3);
    assert_int_equal(requests[7]->talk_messages[0].seq, 4);
    assert_int_equal(added->error, CF_OK);
    assert_int_equal(added->talks[0].last_seq, 2);
    assert_slice(added->talks[0].last->text, S("two"));
    assert_int_equal(read_talk(f, talk, S("cid"), CF_TALK_NEWEST, 0, 10)->talk_messages_count, 4);
}

static void messages_to_many_conversations(void **state)
{
    struct fixture *f = *state;
    int64_t talks[ROOMS];
    struct cf_store_request *said[MESSAGES][ROOMS];
    struct cf_list list;
    cf_list_init(&list);
    for (size_t i = 0; i < ROOMS; i++)
        talks[i] = new_group(f, S("ann"), S("bob"));
    for (size_t m = 0; m < MESSAGES; m++)
        for (size_t i = 0; i < ROOMS; i++) {
            said[m][i] = make_send(f, talks[i], S("ann"), S("hi"), NO_CLIENT_ID);
            said[m][i]->now = f->clock;
            cf_list_push_back(&list, &said[m][i]->link);
        }
    run_list(f, &list);
    for (size_t i = 0; i < ROOMS; i++)
        for (size_t m = 0; m < MESSAGES; m++) {
            assert_int_equal(said[m][i]->error, CF_OK);
            assert_int_equal(said[m][i]->talk_messages[0].seq, m + 1);
        }
    for (size_t i = 0; i < ROOMS; i++)
        assert_int_equal(unread_by(f, talks[i], S("bob")), MESSAGES);
}

/* Of many messages the unread are found in another way than of few: each count on the way down. */
static void unread_of_many_messages(void **state)
{
    enum { COUNT = 1200 };
    struct fixture *f = *state;
    int64_t other = new_direct(f, S("ann"), S("bob"));
    int64_t talk = new_group(f, S("ann"), S("bob cid"));
    struct cf_store_request *said[COUNT];
    struct cf_list list;
    cf_list_init(&list);
    for (size_t i = 0; i < COUNT; i++) {
        /* Ann says each third one, and as many to bob alone. */
        struct cf_slice who = i % 3 == 0 ? S("ann") : S("bob");
        said[i] = make_send(f, talk, who, S("hi"), NO_CLIENT_ID);
        cf_list_push_back(&list, &said[i]->link);
        if (i % 3 == 0)
            cf_list_push_back(&list, &make_send(f, other, who, S("hi"), NO_CLIENT_ID)->link);
    }
    run_list(f, &list);
    assert_int_equal(unread_by(f, talk, S("ann")), COUNT / 3 * 2);
    assert_int_equal(unread_by(f, talk, S("bob")), COUNT / 3);
    assert_int_equal(unread_by(f, talk, S("cid")), COUNT);
    assert_int_equal(unread_by(f, other, S("ann")), 0);
    assert_int_equal(unread_by(f, other, S("bob")), COUNT / 3);
    for (size_t i = 1; i < COUNT; i += 149) {
        int64_t number = said[i]->talk_messages[0].id;
        size_t unread = 0;
        for (size_t k = i + 1; k < COUNT; k++)
            unread += k % 3 != 0;
        (void)mark(f, S("ann"), number, CF_MARK_READ);
        (void)mark(f, S("cid"), number, CF_MARK_READ);
        bool own = i % 3 == 0; /* a mark on an own message is none */
        if (!own)
            assert_int_equal(unread_by(f, talk, S("ann")), unread);
        assert_int_equal(unread_by(f, talk, S("cid")), COUNT - 1 - i);
    }
}

static const struct CMUnitTest tests[] = {
    CONTRACT(messages_to_many_rooms),          CONTRACT(members_come_and_go_between_messages),
    CONTRACT(a_message_goes_between_messages), CONTRACT(conversations_change_between_messages),
    CONTRACT(messages_to_many_conversations),  CONTRACT(unread_of_many_messages),
};

int main(void)
{
    return run_contract(tests);
}
