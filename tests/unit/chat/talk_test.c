/* The rules of conversations, each at its limit, and what a request then holds. */
#include "chat/talk.h"

#include "unit/chat/fixture.h"

#define ID "0189ABCD-ef01-4abc-9def-0123456789aB"
#define ID_STORED "0189abcd-ef01-4abc-9def-0123456789ab"

enum { LONGEST = 8192 };

static struct world world;
static struct person ann;

static int set_up(void **state)
{
    (void)state;
    world_open(&world);
    person_init(&ann, &world, "ann", "Ann");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

/* `count` times `unit`. */
static struct cf_slice many(char buffer[LONGEST], const char *unit, size_t count)
{
    size_t len = strlen(unit);
    assert_true(len * count <= LONGEST);
    for (size_t i = 0; i < count; i++)
        memcpy(buffer + i * len, unit, len);
    return cf_slice_of(buffer, count * len);
}

/* What every request says; then it is freed. */
static void assert_asked(struct cf_store_request *request, enum cf_store_op op)
{
    assert_non_null(request);
    assert_int_equal(request->op, op);
    assert_slice_equal(request->actor, "ann");
    assert_slice_equal(request->actor_name, "Ann");
    assert_int_equal(request->now, START_US);
    cf_store_request_free(request);
}

/* ---- rooms ---- */

static void a_talks_room_is_its_own(void **state)
{
    (void)state;
    static const int64_t talks[] = {1, 2, 255, 256, INT64_C(1) << 32, INT64_MAX};
    for (size_t i = 0; i < CF_ARRAY_LEN(talks); i++) {
        struct cf_uuid room = cf_talk_room(talks[i]), again = cf_talk_room(talks[i]);
        assert_true(cf_uuid_eq(&room, &again));
        assert_false(cf_uuid_is_nil(&room));
        for (size_t j = 0; j < i; j++) {
            struct cf_uuid other = cf_talk_room(talks[j]);
            assert_false(cf_uuid_eq(&room, &other));
        }
    }
}

static void a_users_room_is_keyed(void **state)
{
    (void)state;
    static const char *const users[] = {"", "a", "b", "ann", "ann ", "Ann", "1", "01"};
    uint8_t other_key[16];
    for (size_t i = 0; i < CF_ARRAY_LEN(users); i++) {
        struct cf_slice user = cf_slice_cstr(users[i]);
        struct cf_uuid room = cf_talk_user_room(hash_key, user);
        struct cf_uuid again = cf_talk_user_room(hash_key, user);
        assert_true(cf_uuid_eq(&room, &again));
        for (size_t bit = 0; bit < 128; bit++) {
            memcpy(other_key, hash_key, sizeof(other_key));
            other_key[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            again = cf_talk_user_room(other_key, user);
            assert_memory_not_equal(room.bytes, again.bytes, 6);
            assert_memory_not_equal(room.bytes + 8, again.bytes + 8, 8);
        }
        for (size_t j = 0; j < i; j++) {
            struct cf_uuid other = cf_talk_user_room(hash_key, cf_slice_cstr(users[j]));
            assert_false(cf_uuid_eq(&room, &other));
            /* both halves tell them apart: 120 bits, not 64 */
            assert_memory_not_equal(room.bytes, other.bytes, 6);
            assert_memory_not_equal(room.bytes + 8, other.bytes + 8, 8);
        }
    }
}

/* A shop's id is version 7, whatever the time and the entropy; the others have versions that no
 * UUID in use has. */
static void rooms_of_different_kinds_never_meet(void **state)
{
    (void)state;
    uint64_t random = 20260103;
    for (size_t i = 0; i < 10000; i++) {
        uint8_t bytes[10];
        char user[20];
        for (size_t j = 0; j < sizeof(bytes); j++)
            bytes[j] = (uint8_t)next_random(&random);
        size_t len = cf_u64_format(next_random(&random), user);
        struct cf_uuid shop = cf_uuid_v7((cf_us)(next_random(&random) >> 8), bytes);
        struct cf_uuid talk = cf_talk_room((int64_t)(next_random(&random) >> 1));
        struct cf_uuid person = cf_talk_user_room(hash_key, cf_slice_of(user, len));
        assert_int_equal(shop.bytes[6] >> 4, 7);
        assert_int_equal(talk.bytes[6], 0x00);
        assert_int_equal(person.bytes[6], 0xF0);
    }
}

/* ---- create ---- */

static enum cf_error create(struct cf_slice title, const struct cf_slice *users, size_t count,
                            struct cf_store_request **out, enum cf_chat_field *out_field)
{
    *out = NULL;
    *out_field = CF_FIELD_NONE;
    return cf_talk_create(&ann.asker, CF_TALK_GROUP, title, users, count, out, out_field);
}

static void assert_title(struct cf_slice title, enum cf_error wanted)
{
    struct cf_slice bob = CF_LIT("bob");
    struct cf_store_request *request;
    enum cf_chat_field field;
    assert_int_equal(create(title, &bob, 1, &request, &field), wanted);
    assert_int_equal(field, wanted == CF_OK ? CF_FIELD_NONE : CF_FIELD_TITLE);
    if (wanted != CF_OK) {
        assert_null(request);
        return;
    }
    assert_true(cf_slice_eq(request->name, title));
    assert_asked(request, CF_STORE_TALK_CREATE);
}

static void a_title_is_one_line_of_at_most_200(void **state)
{
    (void)state;
    static const char *const units[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    char buffer[LONGEST];
    for (size_t i = 0; i < CF_ARRAY_LEN(units); i++) {
        assert_title(many(buffer, units[i], 0), CF_OK);
        assert_title(many(buffer, units[i], 1), CF_OK);
        assert_title(many(buffer, units[i], 199), CF_OK);
        assert_title(many(buffer, units[i], 200), CF_OK);
        assert_title(many(buffer, units[i], 201), CF_E_TOO_LARGE);
    }
    assert_title(CF_LIT(" "), CF_OK);
    assert_title(CF_LIT("<b>&'\""), CF_OK);
    assert_title(CF_LIT("\xC2\xA0"), CF_OK);
    assert_title(CF_LIT("a\nb"), CF_E_INVALID);
    assert_title(CF_LIT("\0"), CF_E_INVALID);
    assert_title(CF_LIT("\x1F"), CF_E_INVALID);
    assert_title(CF_LIT("\x7F"), CF_E_INVALID);
    assert_title(CF_LIT("\xC2\x80"), CF_E_INVALID);
    assert_title(CF_LIT("\xC2\x9F"), CF_E_INVALID);
    assert_title(CF_LIT("\xFF"), CF_E_UTF8);
    assert_title(CF_LIT("\xC2"), CF_E_UTF8);
}

static void assert_people(const struct cf_slice *users, size_t count, enum cf_error wanted)
{
    struct cf_store_request *request;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_chat_field blamed = wanted == CF_OK ? CF_FIELD_NONE : CF_FIELD_PEOPLE;
    assert_int_equal(create(CF_LIT(""), users, count, &request, &field), wanted);
    assert_int_equal(field, blamed);
    cf_store_request_free(request);
    request = NULL;
    field = CF_FIELD_NONE;
    assert_int_equal(cf_talk_add(&ann.asker, 1, users, count, &request, &field), wanted);
    assert_int_equal(field, blamed);
    cf_store_request_free(request);
}

static void one_to_a_thousand_people(void **state)
{
    (void)state;
    static struct cf_slice users[1001];
    for (size_t i = 0; i < CF_ARRAY_LEN(users); i++)
        users[i] = CF_LIT("bob");
    assert_people(users, 0, CF_E_INVALID);
    assert_people(users, 1, CF_OK);
    assert_people(users, 999, CF_OK);
    assert_people(users, 1000, CF_OK);
    assert_people(users, 1001, CF_E_TOO_LARGE);
    users[999] = CF_LIT("");
    assert_people(users, 999, CF_OK);
    assert_people(users, 1000, CF_E_INVALID);
}

static void a_user_is_1_to_128_bytes(void **state)
{
    (void)state;
    char buffer[LONGEST];
    const struct {
        struct cf_slice user;
        enum cf_error wanted;
    } cases[] = {
        {CF_LIT(""), CF_E_INVALID},         {CF_LIT("b"), CF_OK},
        {CF_LIT("\n"), CF_E_INVALID},       {CF_LIT("\x7F"), CF_E_INVALID},
        {CF_LIT("\xC2\x85"), CF_E_INVALID}, {CF_LIT("\xFF"), CF_E_UTF8},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++)
        assert_people(&cases[i].user, 1, cases[i].wanted);
    for (size_t len = 127; len <= 129; len++) {
        struct cf_slice user = many(buffer, "u", len);
        struct cf_store_request *request = NULL;
        enum cf_chat_field field = CF_FIELD_NONE;
        enum cf_error wanted = len <= 128 ? CF_OK : CF_E_TOO_LARGE;
        assert_people(&user, 1, wanted);
        assert_int_equal(cf_talk_remove(&ann.asker, 1, user, &request, &field), wanted);
        assert_int_equal(field, len <= 128 ? CF_FIELD_NONE : CF_FIELD_USER);
        cf_store_request_free(request);
    }
}

static void a_creation_is_copied_whole(void **state)
{
    (void)state;
    char title[] = "title", bob[] = "bob", cyn[] = "cynthia";
    struct cf_slice users[] = {cf_slice_of(bob, 3), cf_slice_of(cyn, 7)};
    struct cf_store_request *request;
    enum cf_chat_field field;
    assert_int_equal(create(cf_slice_of(title, 5), users, 2, &request, &field), CF_OK);
    memset(title, '-', 5);
    memset(bob, '-', 3);
    memset(cyn, '-', 7);
    users[0] = users[1] = CF_LIT("");
    assert_int_equal(request->talk_kind, CF_TALK_GROUP);
    assert_slice_equal(request->name, "title");
    assert_int_equal(request->users_count, 2);
    assert_slice_equal(request->users[0], "bob");
    assert_slice_equal(request->users[1], "cynthia");
    assert_asked(request, CF_STORE_TALK_CREATE);

    users[0] = CF_LIT("bob");
    assert_int_equal(
        cf_talk_create(&ann.asker, CF_TALK_DIRECT, CF_LIT(""), users, 1, &request, &field), CF_OK);
    assert_int_equal(request->talk_kind, CF_TALK_DIRECT);
    assert_int_equal(request->name.len, 0);
    assert_asked(request, CF_STORE_TALK_CREATE);
}

/* The first rule that is broken is named: title before people, people before the talk's id. */
static void the_first_broken_rule_is_named(void **state)
{
    (void)state;
    struct cf_slice none = CF_LIT("");
    struct cf_store_request *request;
    enum cf_chat_field field;
    assert_int_equal(create(CF_LIT("\n"), &none, 1, &request, &field), CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_TITLE);
    assert_int_equal(cf_talk_add(&ann.asker, 0, &none, 1, &request, &field), CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_PEOPLE);
    assert_int_equal(cf_talk_remove(&ann.asker, 0, none, &request, &field), CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_USER);
    assert_int_equal(cf_talk_messages(&ann.asker, 0, CF_TALK_NEWEST, 0, 0, &request, &field),
                     CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_LIMIT);
    assert_int_equal(cf_talk_send(&ann.asker, 0, none, none, &request, &field), CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_CLIENT_ID);
    assert_int_equal(cf_talk_send(&ann.asker, 0, none, CF_LIT(ID), &request, &field), CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_TEXT);
    assert_int_equal(cf_talk_send(&ann.asker, 0, CF_LIT("x"), CF_LIT(ID), &request, &field),
                     CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_TALK);
    assert_null(request);
}

/* ---- ids ---- */

/* All that name a talk, at once. */
static enum cf_error ask_of_talk(size_t which, int64_t talk, struct cf_store_request **out,
                                 enum cf_chat_field *out_field)
{
    struct cf_slice bob = CF_LIT("bob");
    switch (which) {
    case 0:
        return cf_talk_add(&ann.asker, talk, &bob, 1, out, out_field);
    case 1:
        return cf_talk_remove(&ann.asker, talk, bob, out, out_field);
    case 2:
        return cf_talk_messages(&ann.asker, talk, CF_TALK_BEFORE, -7, 100, out, out_field);
    case 3:
        return cf_talk_send(&ann.asker, talk, CF_LIT("x"), CF_LIT(ID), out, out_field);
    case 4:
        return cf_talk_socket(&ann.asker, CF_STORE_SOCKET_JOIN, CF_LIT("pid"), talk, out,
                              out_field);
    default:
        return cf_talk_socket(&ann.asker, CF_STORE_SOCKET_LEAVE, CF_LIT("pid"), talk, out,
                              out_field);
    }
}

static void a_talks_id_is_a_number_from_1(void **state)
{
    (void)state;
    static const enum cf_store_op ops[] = {CF_STORE_TALK_ADD,      CF_STORE_TALK_REMOVE,
                                           CF_STORE_TALK_MESSAGES, CF_STORE_TALK_SEND,
                                           CF_STORE_SOCKET_JOIN,   CF_STORE_SOCKET_LEAVE};
    static const int64_t talks[] = {INT64_MIN, -1, 0, 1, 2, INT64_MAX};
    for (size_t op = 0; op < CF_ARRAY_LEN(ops); op++) {
        for (size_t i = 0; i < CF_ARRAY_LEN(talks); i++) {
            struct cf_store_request *request = NULL;
            enum cf_chat_field field = CF_FIELD_NONE;
            enum cf_error error = ask_of_talk(op, talks[i], &request, &field);
            assert_int_equal(error, talks[i] >= 1 ? CF_OK : CF_E_INVALID);
            assert_int_equal(field, talks[i] >= 1 ? CF_FIELD_NONE : CF_FIELD_TALK);
            if (error != CF_OK) {
                assert_null(request);
                continue;
            }
            assert_int_equal(request->talk, talks[i]);
            assert_asked(request, ops[op]);
        }
    }
}

static void a_messages_id_is_a_number_from_1(void **state)
{
    (void)state;
    for (int64_t message = -1; message <= 2; message++) {
        struct cf_store_request *request = NULL;
        enum cf_chat_field field = CF_FIELD_NONE;
        enum cf_talk_mark_kind kind = message == 1 ? CF_MARK_READ : CF_MARK_DELIVERED;
        enum cf_error error = cf_talk_mark(&ann.asker, message, kind, &request, &field);
        assert_int_equal(error, message >= 1 ? CF_OK : CF_E_INVALID);
        assert_int_equal(field, message >= 1 ? CF_FIELD_NONE : CF_FIELD_MESSAGE);
        if (error != CF_OK)
            continue;
        assert_int_equal(request->number, message);
        assert_int_equal(request->mark, kind);
        assert_asked(request, CF_STORE_TALK_MARK);
    }
}

/* ---- messages ---- */

static void assert_text(struct cf_slice text, enum cf_error wanted)
{
    struct cf_store_request *request = NULL;
    enum cf_chat_field field = CF_FIELD_NONE;
    assert_int_equal(cf_talk_send(&ann.asker, 7, text, CF_LIT(ID), &request, &field), wanted);
    assert_int_equal(field, wanted == CF_OK ? CF_FIELD_NONE : CF_FIELD_TEXT);
    if (wanted != CF_OK) {
        assert_null(request);
        return;
    }
    assert_true(cf_slice_eq(request->text, text));
    assert_asked(request, CF_STORE_TALK_SEND);
}

static void a_text_is_1_to_1000_code_points(void **state)
{
    (void)state;
    static const char *const units[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    char buffer[LONGEST];
    for (size_t i = 0; i < CF_ARRAY_LEN(units); i++) {
        assert_text(many(buffer, units[i], 0), CF_E_INVALID);
        assert_text(many(buffer, units[i], 1), CF_OK);
        assert_text(many(buffer, units[i], 999), CF_OK);
        assert_text(many(buffer, units[i], 1000), CF_OK);
        assert_text(many(buffer, units[i], 1001), CF_E_TOO_LARGE);
    }
    assert_text(CF_LIT(" \n\t\x01"), CF_OK);
    assert_text(CF_LIT("a\0b"), CF_E_INVALID);
    assert_text(CF_LIT("\xED\xA0\x80"), CF_E_UTF8);
    assert_text(CF_LIT("\xF0\x9F\x98"), CF_E_UTF8);
}

static void a_client_id_is_a_uuid_in_lower_case(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "x",
        "0189abcd-ef01-4abc-9def-0123456789a",
        "0189abcd-ef01-4abc-9def-0123456789ab0",
        "0189abcd-ef01-4abc-9def-0123456789ag",
        "0189abcdef01-4abc-9def-0123456789abc",
        "{0189abcd-ef01-4abc-9def-0123456789}",
        " 189abcd-ef01-4abc-9def-0123456789ab",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(wrong); i++) {
        struct cf_store_request *request = NULL;
        enum cf_chat_field field = CF_FIELD_NONE;
        assert_int_equal(
            cf_talk_send(&ann.asker, 7, CF_LIT("x"), cf_slice_cstr(wrong[i]), &request, &field),
            CF_E_INVALID);
        assert_int_equal(field, CF_FIELD_CLIENT_ID);
        assert_null(request);
    }
    char text[] = "hello", id[] = ID;
    struct cf_store_request *request;
    enum cf_chat_field field;
    assert_int_equal(
        cf_talk_send(&ann.asker, 7, cf_slice_of(text, 5), cf_slice_of(id, 36), &request, &field),
        CF_OK);
    memset(text, '-', 5);
    memset(id, '-', 36);
    assert_slice_equal(request->client_id, ID_STORED);
    assert_slice_equal(request->text, "hello");
    assert_int_equal(request->talk, 7);
    assert_asked(request, CF_STORE_TALK_SEND);
}

/* ---- lists ---- */

static void a_list_is_1_to_100(void **state)
{
    (void)state;
    static const struct {
        uint32_t limit;
        enum cf_error wanted;
    } cases[] = {{0, CF_E_INVALID}, {1, CF_OK},          {99, CF_OK},
                 {100, CF_OK},      {101, CF_E_INVALID}, {UINT32_MAX, CF_E_INVALID}};
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_store_request *request = NULL;
        enum cf_chat_field field = CF_FIELD_NONE;
        assert_int_equal(cf_talk_messages(&ann.asker, 7, CF_TALK_AFTER_SEQ, 41, cases[i].limit,
                                          &request, &field),
                         cases[i].wanted);
        if (cases[i].wanted != CF_OK) {
            assert_int_equal(field, CF_FIELD_LIMIT);
            assert_null(request);
            continue;
        }
        assert_int_equal(request->range, CF_TALK_AFTER_SEQ);
        assert_int_equal(request->from, 41);
        assert_int_equal(request->limit, cases[i].limit);
        assert_int_equal(request->talk, 7);
        assert_asked(request, CF_STORE_TALK_MESSAGES);
    }
}

static void the_list_of_talks_has_a_limit(void **state)
{
    (void)state;
    struct cf_store_request *request;
    assert_int_equal(cf_talk_list(&ann.asker, &request), CF_OK);
    assert_int_equal(request->limit, 1000);
    assert_asked(request, CF_STORE_TALKS_OF);
}

/* ---- sockets ---- */

/* Those that are of no talk take any, and do not look at it. */
static void a_socket_is_known_by_its_pid(void **state)
{
    (void)state;
    static const enum cf_store_op ops[] = {CF_STORE_SOCKET_OPEN, CF_STORE_SOCKET_CLOSE,
                                           CF_STORE_SOCKET_RECOVER};
    for (size_t i = 0; i < CF_ARRAY_LEN(ops); i++) {
        char pid[] = "pid";
        struct cf_store_request *request;
        enum cf_chat_field field = CF_FIELD_NONE;
        assert_int_equal(
            cf_talk_socket(&ann.asker, ops[i], cf_slice_of(pid, 3), 0, &request, &field), CF_OK);
        memset(pid, '-', 3);
        assert_slice_equal(request->pid, "pid");
        assert_int_equal(request->talk, 0);
        assert_asked(request, ops[i]);
        assert_int_equal(cf_talk_socket(&ann.asker, ops[i], CF_LIT(""), 0, &request, &field),
                         CF_OK);
        assert_int_equal(request->pid.len, 0);
        assert_asked(request, ops[i]);
    }
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_talks_room_is_its_own),
        cmocka_unit_test(a_users_room_is_keyed),
        cmocka_unit_test(rooms_of_different_kinds_never_meet),
        IN_A_WORLD(a_title_is_one_line_of_at_most_200),
        IN_A_WORLD(one_to_a_thousand_people),
        IN_A_WORLD(a_user_is_1_to_128_bytes),
        IN_A_WORLD(a_creation_is_copied_whole),
        IN_A_WORLD(the_first_broken_rule_is_named),
        IN_A_WORLD(a_talks_id_is_a_number_from_1),
        IN_A_WORLD(a_messages_id_is_a_number_from_1),
        IN_A_WORLD(a_text_is_1_to_1000_code_points),
        IN_A_WORLD(a_client_id_is_a_uuid_in_lower_case),
        IN_A_WORLD(a_list_is_1_to_100),
        IN_A_WORLD(the_list_of_talks_has_a_limit),
        IN_A_WORLD(a_socket_is_known_by_its_pid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
