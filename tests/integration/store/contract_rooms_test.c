/* What every store promises about users, rooms and members (port/store.h). */
#include "fixture.h"

static enum cf_error put_member(struct fixture *f, struct cf_uuid room, struct cf_slice actor,
                                struct cf_slice user, enum cf_role role)
{
    return run(f, make_member(f, room, actor, user, role));
}

static enum cf_error remove_member(struct fixture *f, struct cf_uuid room, struct cf_slice actor,
                                   struct cf_slice user)
{
    struct cf_store_request *request = make(f, CF_STORE_MEMBER_REMOVE, actor);
    request->room = room;
    request->user = user;
    return run(f, request);
}

static enum cf_error role_of(struct fixture *f, struct cf_uuid room, struct cf_slice user,
                             enum cf_role *out_role)
{
    struct cf_store_request *request = make(f, CF_STORE_MEMBER_GET, user);
    request->room = room;
    enum cf_error error = run(f, request);
    *out_role = request->role;
    return error;
}

static struct cf_store_request *members_of(struct fixture *f, struct cf_uuid room,
                                           struct cf_slice actor)
{
    struct cf_store_request *request = make(f, CF_STORE_MEMBERS_OF, actor);
    request->room = room;
    (void)run(f, request);
    return request;
}

static void room_create_answers_the_room(void **state)
{
    struct fixture *f = *state;
    struct cf_store_request *request = make(f, CF_STORE_ROOM_CREATE, S("ann"));
    request->actor_name = S("Ann");
    request->room = uuid_of(7);
    request->name = S("Flowers");
    assert_int_equal(run(f, request), CF_OK);
    assert_int_equal(request->rooms_count, 1);
    assert_uuid(request->rooms[0].id, uuid_of(7));
    assert_slice(request->rooms[0].name, S("Flowers"));
    assert_slice(request->rooms[0].created_by, S("ann"));
    assert_int_equal(request->rooms[0].created, request->now);
    assert_int_equal(request->rooms[0].role, CF_ROLE_ADMIN);
    assert_int_equal(request->rooms[0].members, 1);

    enum cf_role role;
    assert_int_equal(role_of(f, uuid_of(7), S("ann"), &role), CF_OK);
    assert_int_equal(role, CF_ROLE_ADMIN);
}

static void room_id_is_given_once(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = new_room(f, S("ann"));
    struct cf_store_request *request = make(f, CF_STORE_ROOM_CREATE, S("bob"));
    request->room = room;
    request->name = S("mine now");
    assert_int_equal(run(f, request), CF_E_CONFLICT);
    assert_int_equal(request->rooms_count, 0);
    enum cf_role role;
    assert_int_equal(role_of(f, room, S("bob"), &role), CF_E_NOT_MEMBER);
}

static void rooms_of_newest_first(void **state)
{
    struct fixture *f = *state;
    struct cf_store_request *request = make(f, CF_STORE_ROOMS_OF, S("ann"));
    assert_int_equal(run(f, request), CF_OK);
    assert_int_equal(request->rooms_count, 0);

    struct cf_uuid rooms[20];
    for (size_t i = 0; i < 20; i++) {
        rooms[i] = new_room(f, S("ann"));
        (void)new_room(f, S("bob"));
    }
    assert_int_equal(put_member(f, rooms[3], S("ann"), S("bob"), CF_ROLE_MEMBER), CF_OK);
    request = make(f, CF_STORE_ROOMS_OF, S("ann"));
    assert_int_equal(run(f, request), CF_OK);
    assert_int_equal(request->rooms_count, 20);
    for (size_t i = 0; i < 20; i++) {
        assert_uuid(request->rooms[i].id, rooms[19 - i]);
        assert_slice(request->rooms[i].name, S("a shop"));
        assert_slice(request->rooms[i].created_by, S("ann"));
        assert_int_equal(request->rooms[i].members, i == 16 ? 2 : 1);
        assert_int_equal(request->rooms[i].role, CF_ROLE_ADMIN);
    }
    request = make(f, CF_STORE_ROOMS_OF, S("bob"));
    assert_int_equal(run(f, request), CF_OK);
    assert_int_equal(request->rooms_count, 21);
}

/* Two rooms of one microsecond: the later one first. */
static void rooms_of_equal_times(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid first = new_room(f, S("ann"));
    f->clock -= 1000000;
    struct cf_uuid second = new_room(f, S("ann"));
    struct cf_store_request *request = make(f, CF_STORE_ROOMS_OF, S("ann"));
    assert_int_equal(run(f, request), CF_OK);
    assert_int_equal(request->rooms[0].created, request->rooms[1].created);
    assert_uuid(request->rooms[0].id, second);
    assert_uuid(request->rooms[1].id, first);
}

static void member_get_errors(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = new_room(f, S("ann"));
    enum cf_role role;
    assert_int_equal(role_of(f, room, S("bob"), &role), CF_E_NOT_MEMBER);
    assert_int_equal(role, CF_ROLE_NONE);
    assert_int_equal(role_of(f, uuid_of(999), S("ann"), &role), CF_E_NOT_MEMBER);
    assert_int_equal(put_member(f, room, S("ann"), S("bob"), CF_ROLE_MEMBER), CF_OK);
    assert_int_equal(role_of(f, room, S("bob"), &role), CF_OK);
    assert_int_equal(role, CF_ROLE_MEMBER);
}

static void members_of_in_order_of_joining(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = new_room(f, S("zoe"));
    assert_int_equal(put_member(f, room, S("zoe"), S("bob"), CF_ROLE_MEMBER), CF_OK);
    cf_us joined = f->clock;
    f->clock -= 1000000;
    assert_int_equal(put_member(f, room, S("zoe"), S("ann"), CF_ROLE_ADMIN), CF_OK);

    struct cf_store_request *request = members_of(f, room, S("bob"));
    assert_int_equal(request->error, CF_OK);
    assert_int_equal(request->members_count, 3);
    assert_slice(request->members[0].user, S("zoe"));
    assert_int_equal(request->members[0].role, CF_ROLE_ADMIN);
    assert_slice(request->members[1].user, S("ann"));
    assert_int_equal(request->members[1].joined, joined);
    assert_int_equal(request->members[1].role, CF_ROLE_ADMIN);
    assert_slice(request->members[2].user, S("bob"));
    assert_int_equal(request->members[2].joined, joined);
    assert_int_equal(request->members[2].role, CF_ROLE_MEMBER);

    assert_int_equal(members_of(f, room, S("eve"))->error, CF_E_NOT_MEMBER);
    assert_int_equal(members_of(f, uuid_of(999), S("zoe"))->error, CF_E_NOT_MEMBER);
}

static void member_put_adds_and_changes(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = new_room(f, S("ann"));
    struct cf_store_request *added = make_member(f, room, S("ann"), S("bob"), CF_ROLE_MEMBER);
    added->user_name = S("Bob");
    assert_int_equal(run(f, added), CF_OK);
    assert_true(added->created);
    assert_int_equal(added->members_count, 1);
    assert_slice(added->members[0].user, S("bob"));
    assert_slice(added->members[0].name, S("Bob"));
    assert_int_equal(added->members[0].role, CF_ROLE_MEMBER);
    assert_int_equal(added->members[0].joined, added->now);

    struct cf_store_request *changed = make_member(f, room, S("ann"), S("bob"), CF_ROLE_ADMIN);
    assert_int_equal(run(f, changed), CF_OK);
    assert_false(changed->created);
    assert_slice(changed->members[0].name, S("Bob"));
    assert_int_equal(changed->members[0].role, CF_ROLE_ADMIN);
    assert_int_equal(changed->members[0].joined, added->now);
    assert_int_equal(members_of(f, room, S("bob"))->members_count, 2);
}

static void member_put_errors(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = new_room(f, S("ann"));
    assert_int_equal(put_member(f, room, S("ann"), S("bob"), CF_ROLE_MEMBER), CF_OK);
    assert_int_equal(put_member(f, room, S("eve"), S("eve"), CF_ROLE_ADMIN), CF_E_NOT_MEMBER);
    assert_int_equal(put_member(f, uuid_of(999), S("ann"), S("eve"), CF_ROLE_MEMBER),
                     CF_E_NOT_MEMBER);
    assert_int_equal(put_member(f, room, S("bob"), S("eve"), CF_ROLE_MEMBER), CF_E_FORBIDDEN);
    assert_int_equal(put_member(f, room, S("bob"), S("bob"), CF_ROLE_ADMIN), CF_E_FORBIDDEN);
    assert_int_equal(put_member(f, room, S("ann"), S("eve"), CF_ROLE_NONE), CF_E_INVALID);
    assert_int_equal(put_member(f, room, S("ann"), S("ann"), CF_ROLE_MEMBER), CF_E_CONFLICT);
    assert_int_equal(members_of(f, room, S("ann"))->members_count, 2);
}

static void last_admin_stays(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = new_room(f, S("ann"));
    assert_int_equal(put_member(f, room, S("ann"), S("bob"), CF_ROLE_MEMBER), CF_OK);
    assert_int_equal(remove_member(f, room, S("ann"), S("ann")), CF_E_CONFLICT);
    assert_int_equal(put_member(f, room, S("ann"), S("ann"), CF_ROLE_ADMIN), CF_OK);
    assert_int_equal(put_member(f, room, S("ann"), S("bob"), CF_ROLE_ADMIN), CF_OK);
    assert_int_equal(put_member(f, room, S("bob"), S("ann"), CF_ROLE_MEMBER), CF_OK);
    assert_int_equal(remove_member(f, room, S("bob"), S("bob")), CF_E_CONFLICT);
    assert_int_equal(remove_member(f, room, S("bob"), S("ann")), CF_OK);
    assert_int_equal(remove_member(f, room, S("bob"), S("bob")), CF_E_CONFLICT);
}

/* Two admins step down in one batch: the second is refused. */
static void last_admin_within_a_batch(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = new_room(f, S("ann"));
    assert_int_equal(put_member(f, room, S("ann"), S("bob"), CF_ROLE_ADMIN), CF_OK);
    struct cf_list list;
    cf_list_init(&list);
    struct cf_store_request *requests[2] = {make(f, CF_STORE_MEMBER_REMOVE, S("ann")),
                                            make(f, CF_STORE_MEMBER_REMOVE, S("bob"))};
    for (size_t i = 0; i < 2; i++) {
        requests[i]->room = room;
        requests[i]->user = requests[i]->actor;
        cf_list_push_back(&list, &requests[i]->link);
    }
    run_list(f, &list);
    assert_int_equal(requests[0]->error, CF_OK);
    assert_int_equal(requests[1]->error, CF_E_CONFLICT);
}

static void member_remove_errors(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = new_room(f, S("ann"));
    assert_int_equal(put_member(f, room, S("ann"), S("bob"), CF_ROLE_MEMBER), CF_OK);
    assert_int_equal(put_member(f, room, S("ann"), S("cid"), CF_ROLE_MEMBER), CF_OK);
    assert_int_equal(remove_member(f, room, S("eve"), S("bob")), CF_E_NOT_MEMBER);
    assert_int_equal(remove_member(f, room, S("eve"), S("eve")), CF_E_NOT_MEMBER);
    assert_int_equal(remove_member(f, uuid_of(999), S("ann"), S("bob")), CF_E_NOT_MEMBER);
    assert_int_equal(remove_member(f, room, S("bob"), S("cid")), CF_E_FORBIDDEN);
    assert_int_equal(remove_member(f, room, S("bob"), S("eve")), CF_E_FORBIDDEN);
    assert_int_equal(remove_member(f, room, S("ann"), S("eve")), CF_E_NOT_FOUND);
    assert_int_equal(remove_member(f, room, S("bob"), S("bob")), CF_OK);
    assert_int_equal(remove_member(f, room, S("ann"), S("cid")), CF_OK);
    assert_int_equal(remove_member(f, room, S("ann"), S("cid")), CF_E_NOT_FOUND);
    assert_int_equal(members_of(f, room, S("ann"))->members_count, 1);
}

static void removed_member_is_a_stranger(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = new_room(f, S("ann"));
    assert_int_equal(put_member(f, room, S("ann"), S("bob"), CF_ROLE_MEMBER), CF_OK);
    struct cf_uuid message = new_message(f, room, S("bob"), S("hi"));
    assert_int_equal(remove_member(f, room, S("ann"), S("bob")), CF_OK);

    assert_null(get_message(f, S("bob"), message));
    assert_int_equal(read_page(f, room, S("bob"), 1, 10)->error, CF_E_NOT_MEMBER);
    assert_int_equal(read_since(f, room, S("bob"), 0, 10)->error, CF_E_NOT_MEMBER);
    assert_int_equal(run(f, make_message(f, room, S("bob"), S("again"))), CF_E_NOT_MEMBER);
    struct cf_store_request *edit = make_on(f, CF_STORE_MESSAGE_EDIT, S("bob"), message);
    edit->text = S("changed");
    assert_int_equal(run(f, edit), CF_E_NOT_FOUND);
    assert_int_equal(run(f, make_on(f, CF_STORE_MESSAGE_DELETE, S("bob"), message)),
                     CF_E_NOT_FOUND);
    assert_slice(get_message(f, S("ann"), message)->text, S("hi"));
}

static struct cf_slice name_of(struct fixture *f, struct cf_uuid room, struct cf_slice user)
{
    struct cf_store_request *request = members_of(f, room, user);
    for (size_t i = 0; i < request->members_count; i++)
        if (cf_slice_eq(request->members[i].user, user))
            return request->members[i].name;
    fail();
    return user;
}

static void names_are_stored_and_refreshed(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = new_room(f, S("ann"));
    assert_slice(name_of(f, room, S("ann")), S("ann")); /* nobody has named her */

    struct cf_store_request *put = make(f, CF_STORE_USER_PUT, S("ann"));
    put->actor_name = S("Ann");
    assert_int_equal(run(f, put), CF_OK);
    assert_slice(name_of(f, room, S("ann")), S("Ann"));

    assert_int_equal(run(f, make(f, CF_STORE_USER_PUT, S("ann"))), CF_OK); /* no name: kept */
    assert_slice(name_of(f, room, S("ann")), S("Ann"));

    /* Any write refreshes, and back again. */
    for (int i = 0; i < 4; i++) {
        struct cf_store_request *message = make_message(f, room, S("ann"), S("hi"));
        message->actor_name = i % 2 == 0 ? S("Anne") : S("Ann");
        assert_int_equal(run(f, message), CF_OK);
        assert_slice(name_of(f, room, S("ann")), message->actor_name);
        assert_slice(message->messages[0].author_name, message->actor_name);
    }

    struct cf_store_request *member = make_member(f, room, S("ann"), S("bob"), CF_ROLE_MEMBER);
    member->actor_name = S("Anna");
    assert_int_equal(run(f, member), CF_OK);
    assert_slice(member->members[0].name, S("bob"));
    assert_slice(name_of(f, room, S("ann")), S("Anna"));

    member = make_member(f, room, S("ann"), S("ann"), CF_ROLE_ADMIN);
    member->actor_name = S("Anya");
    assert_int_equal(run(f, member), CF_OK);
    assert_slice(member->members[0].name, S("Anya"));
}

/* Names belong to users and show in every room: an admin of one may name a newcomer, nobody else.
 */
static void member_put_names_only_the_unknown(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = new_room(f, S("ann")), other = new_room(f, S("bob"));
    struct cf_store_request *put = make(f, CF_STORE_USER_PUT, S("bob"));
    put->actor_name = S("Bob");
    assert_int_equal(run(f, put), CF_OK);

    for (int i = 0; i < 2; i++) { /* added, then changed */
        struct cf_store_request *renamed = make_member(f, room, S("ann"), S("bob"), CF_ROLE_MEMBER);
        renamed->user_name = S("Bobo");
        assert_int_equal(run(f, renamed), CF_OK);
        assert_slice(renamed->members[0].name, S("Bob"));
        assert_slice(name_of(f, room, S("bob")), S("Bob"));
        assert_slice(name_of(f, other, S("bob")), S("Bob"));
    }

    struct cf_store_request *named = make_member(f, room, S("ann"), S("cid"), CF_ROLE_MEMBER);
    named->user_name = S("Cid");
    assert_int_equal(run(f, named), CF_OK);
    assert_slice(named->members[0].name, S("Cid"));
    named = make_member(f, room, S("ann"), S("cid"), CF_ROLE_MEMBER);
    named->user_name = S("Sid");
    assert_int_equal(run(f, named), CF_OK);
    assert_slice(named->members[0].name, S("Cid"));
    assert_slice(name_of(f, room, S("cid")), S("Cid"));

    /* Who was added without a name has a row: the next name is the user's own. */
    assert_int_equal(put_member(f, room, S("ann"), S("dan"), CF_ROLE_MEMBER), CF_OK);
    named = make_member(f, room, S("ann"), S("dan"), CF_ROLE_MEMBER);
    named->user_name = S("Dan");
    assert_int_equal(run(f, named), CF_OK);
    assert_slice(named->members[0].name, S("dan"));
    assert_slice(name_of(f, room, S("dan")), S("dan"));

    /* Of an actor's two names for itself, the token's counts. */
    named = make_member(f, room, S("ann"), S("ann"), CF_ROLE_ADMIN);
    named->actor_name = S("Ann");
    named->user_name = S("Queen");
    assert_int_equal(run(f, named), CF_OK);
    assert_slice(named->members[0].name, S("Ann"));
    assert_slice(name_of(f, room, S("ann")), S("Ann"));
}

/* A request that is refused changes nothing, the name included. */
static void refused_write_keeps_the_name(void **state)
{
    struct fixture *f = *state;
    struct cf_uuid room = new_room(f, S("ann"));
    struct cf_uuid other = new_room(f, S("bob"));
    struct cf_store_request *refused = make_message(f, room, S("bob"), S("hi"));
    refused->actor_name = S("Bob");
    assert_int_equal(run(f, refused), CF_E_NOT_MEMBER);
    assert_slice(name_of(f, other, S("bob")), S("bob"));
}

static void check_answers(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(run(f, make(f, CF_STORE_CHECK, S(""))), CF_OK);
    struct cf_store_stats stats;
    f->store->ops->stats(f->store, &stats);
    assert_true(stats.writable);
    assert_int_equal(stats.reads, 1);
    assert_int_equal(stats.failures, 0);
    assert_int_equal(stats.queued, 0);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(room_create_answers_the_room),
    CONTRACT(room_id_is_given_once),
    CONTRACT(rooms_of_newest_first),
    CONTRACT(rooms_of_equal_times),
    CONTRACT(member_get_errors),
    CONTRACT(members_of_in_order_of_joining),
    CONTRACT(member_put_adds_and_changes),
    CONTRACT(member_put_errors),
    CONTRACT(last_admin_stays),
    CONTRACT(last_admin_within_a_batch),
    CONTRACT(member_remove_errors),
    CONTRACT(removed_member_is_a_stranger),
    CONTRACT(names_are_stored_and_refreshed),
    CONTRACT(member_put_names_only_the_unknown),
    CONTRACT(refused_write_keeps_the_name),
    CONTRACT(check_answers),
};

int main(void)
{
    return run_contract(tests);
}
