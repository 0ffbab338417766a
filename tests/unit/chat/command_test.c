#include "chat/command.h"

#include <stdlib.h>

#include "chat/event.h"
#include "unit/chat/fixture.h"

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

/* `count` times the piece; to be freed. */
static char *repeat(const char *piece, size_t count)
{
    size_t len = strlen(piece);
    char *text = malloc(len * count + 1);
    assert_non_null(text);
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * len, piece, len);
    text[len * count] = '\0';
    return text;
}

static enum cf_error create(struct cf_slice name, enum cf_chat_field *field)
{
    struct cf_store_request *request = NULL;
    enum cf_error error = cf_chat_room_create(&ann.asker, name, &request, field);
    assert_int_equal(request != NULL, error == CF_OK);
    cf_store_request_free(request);
    return error;
}

static enum cf_error post_draft(const struct cf_chat_draft *draft, enum cf_chat_field *field)
{
    struct cf_store_request *request = NULL;
    *field = CF_FIELD_NONE;
    enum cf_error error = cf_chat_post(&ann.asker, draft, &request, field);
    assert_int_equal(request != NULL, error == CF_OK);
    cf_store_request_free(request);
    return error;
}

static void assert_post(struct cf_slice text, enum cf_error wanted)
{
    enum cf_chat_field field;
    struct cf_chat_draft draft = {.text = text};
    assert_int_equal(post_draft(&draft, &field), wanted);
    assert_int_equal(field, wanted == CF_OK ? CF_FIELD_NONE : CF_FIELD_TEXT);
    struct cf_store_request *request = NULL;
    struct cf_uuid message = uuid_of("00000000-0000-7000-8000-0000000000aa");
    assert_int_equal(cf_chat_edit(&ann.asker, message, text, &request, &field), wanted);
    cf_store_request_free(request);
}

static void a_text_has_1_to_10000_code_points(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    assert_post(CF_LIT(""), CF_E_INVALID);
    assert_post((struct cf_slice){NULL, 0}, CF_E_INVALID);
    for (size_t i = 0; i < CF_ARRAY_LEN(pieces); i++) {
        size_t len = strlen(pieces[i]);
        char *text = repeat(pieces[i], CF_CHAT_TEXT_MAX + 1);
        assert_post(cf_slice_of(text, len), CF_OK);
        assert_post(cf_slice_of(text, len * (CF_CHAT_TEXT_MAX - 1)), CF_OK);
        assert_post(cf_slice_of(text, len * CF_CHAT_TEXT_MAX), CF_OK);
        assert_post(cf_slice_of(text, len * (CF_CHAT_TEXT_MAX + 1)), CF_E_TOO_LARGE);
        free(text);
    }
}

static void a_text_is_utf8_without_nul_and_otherwise_free(void **state)
{
    (void)state;
    assert_post(CF_LIT("\xFF"), CF_E_UTF8);
    assert_post(CF_LIT("\xED\xA0\x80"), CF_E_UTF8);
    assert_post(CF_LIT("a\xC3"), CF_E_UTF8);
    assert_post(CF_LIT("\0"), CF_E_INVALID);
    assert_post(CF_LIT("a\0b"), CF_E_INVALID);
    assert_post(CF_LIT(" "), CF_OK);
    assert_post(CF_LIT("a\n\tb\x01\x7F"), CF_OK);
    /* V22: nothing in a text means anything to anybody */
    assert_post(CF_LIT("'; DROP TABLE shop_messages; --"), CF_OK);
}

static void a_text_may_be_empty_beside_an_image(void **state)
{
    (void)state;
    enum cf_chat_field field;
    struct cf_chat_draft draft = {.text = CF_LIT(""), .image = CF_LIT("a.png")};
    assert_int_equal(post_draft(&draft, &field), CF_OK);
    draft.text = CF_LIT("\0");
    assert_int_equal(post_draft(&draft, &field), CF_E_INVALID);
    struct cf_store_request *request = NULL;
    assert_int_equal(cf_chat_image_set(&ann.asker, &draft, &request, &field), CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_TEXT);
    draft.text = CF_LIT("");
    assert_int_equal(cf_chat_image_set(&ann.asker, &draft, &request, &field), CF_OK);
    assert_slice_equal(request->image, "a.png");
    assert_int_equal(request->text.len, 0);
    cf_store_request_free(request);
}

static void a_client_id_is_1_to_128_printable(void **state)
{
    (void)state;
    enum cf_chat_field field;
    struct cf_chat_draft draft = {.text = CF_LIT("hi")};
    char *id = repeat("~", 129);
    static const struct {
        struct cf_slice id;
        enum cf_error error;
    } cases[] = {
        {{(const uint8_t *)"", 0}, CF_E_INVALID},
        {{(const uint8_t *)" ", 1}, CF_OK},
        {{(const uint8_t *)"a\nb", 3}, CF_E_INVALID},
        {{(const uint8_t *)"a\x7F", 2}, CF_E_INVALID},
        {{(const uint8_t *)"\xC3\xA4", 2}, CF_E_INVALID},
        {{(const uint8_t *)"8a1c-42", 7}, CF_OK},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        draft.client_id = cases[i].id;
        assert_int_equal(post_draft(&draft, &field), cases[i].error);
        assert_int_equal(field, cases[i].error == CF_OK ? CF_FIELD_NONE : CF_FIELD_CLIENT_ID);
    }
    for (size_t len = 127; len <= 129; len++) {
        draft.client_id = cf_slice_of(id, len);
        assert_int_equal(post_draft(&draft, &field), len <= 128 ? CF_OK : CF_E_TOO_LARGE);
    }
    free(id);
}

static void a_room_name_is_a_line_of_1_to_200(void **state)
{
    (void)state;
    enum cf_chat_field field = CF_FIELD_NONE;
    char *name = repeat("\xC3\xA4", 201);
    assert_int_equal(create(cf_slice_of(name, 199 * 2), &field), CF_OK);
    assert_int_equal(create(cf_slice_of(name, 200 * 2), &field), CF_OK);
    assert_int_equal(field, CF_FIELD_NONE);
    assert_int_equal(create(cf_slice_of(name, 201 * 2), &field), CF_E_TOO_LARGE);
    assert_int_equal(field, CF_FIELD_ROOM_NAME);
    assert_int_equal(create(CF_LIT(""), &field), CF_E_INVALID);
    assert_int_equal(create(CF_LIT("a\nb"), &field), CF_E_INVALID);
    assert_int_equal(create(CF_LIT("\x7F"), &field), CF_E_INVALID);
    assert_int_equal(create(CF_LIT("\xC2\x80"), &field), CF_E_INVALID);
    assert_int_equal(create(CF_LIT("\xC2\x9F"), &field), CF_E_INVALID);
    assert_int_equal(create(CF_LIT("\xC2\xA0"), &field), CF_OK);
    assert_int_equal(create(CF_LIT("\xC3\x80"), &field), CF_OK);
    assert_int_equal(create(CF_LIT("\xC2"), &field), CF_E_UTF8);
    free(name);
}

static enum cf_error put_member(struct cf_slice user, struct cf_slice name,
                                enum cf_chat_field *field)
{
    struct cf_store_request *request = NULL;
    struct cf_uuid room = {{0}};
    *field = CF_FIELD_NONE;
    enum cf_error error =
        cf_chat_member_put(&ann.asker, room, user, name, CF_ROLE_MEMBER, &request, field);
    cf_store_request_free(request);
    return error;
}

static void a_member_has_what_an_identity_may_have(void **state)
{
    (void)state;
    enum cf_chat_field field;
    char *text = repeat("a", 257);
    for (size_t len = 127; len <= 129; len++) {
        struct cf_slice user = cf_slice_of(text, len);
        assert_int_equal(put_member(user, CF_LIT(""), &field), len <= 128 ? CF_OK : CF_E_TOO_LARGE);
        assert_int_equal(field, len <= 128 ? CF_FIELD_NONE : CF_FIELD_USER);
    }
    for (size_t len = 255; len <= 257; len++) {
        struct cf_slice name = cf_slice_of(text, len);
        assert_int_equal(put_member(CF_LIT("u"), name, &field),
                         len <= 256 ? CF_OK : CF_E_TOO_LARGE);
        assert_int_equal(field, len <= 256 ? CF_FIELD_NONE : CF_FIELD_USER_NAME);
    }
    assert_int_equal(put_member(CF_LIT(""), CF_LIT("n"), &field), CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_USER);
    assert_int_equal(put_member(CF_LIT("a\rb"), CF_LIT("n"), &field), CF_E_INVALID);
    assert_int_equal(put_member(CF_LIT("\xFF"), CF_LIT("n"), &field), CF_E_UTF8);
    assert_int_equal(put_member(CF_LIT("u"), CF_LIT("\x1B[2J"), &field), CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_USER_NAME);
    struct cf_store_request *request = NULL;
    assert_int_equal(
        cf_chat_member_remove(&ann.asker, (struct cf_uuid){{0}}, CF_LIT(""), &request, &field),
        CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_USER);
    free(text);
}

static void a_list_has_1_to_100(void **state)
{
    (void)state;
    static const uint32_t limits[] = {0, 1, 99, 100, 101, UINT32_MAX};
    struct cf_uuid room = {{0}};
    for (size_t i = 0; i < CF_ARRAY_LEN(limits); i++) {
        bool good = limits[i] >= 1 && limits[i] <= 100;
        struct cf_store_request *page = NULL, *since = NULL;
        enum cf_chat_field field = CF_FIELD_NONE;
        assert_int_equal(cf_chat_page(&ann.asker, room, 1, limits[i], &page, &field),
                         good ? CF_OK : CF_E_INVALID);
        assert_int_equal(cf_chat_since(&ann.asker, room, -5, limits[i], &since, &field),
                         good ? CF_OK : CF_E_INVALID);
        assert_int_equal(field, good ? CF_FIELD_NONE : CF_FIELD_LIMIT);
        assert_true(!good || (page->limit == limits[i] && page->page == 1));
        assert_true(!good || (since->limit == limits[i] && since->since == -5));
        cf_store_request_free(page);
        cf_store_request_free(since);
    }
    struct cf_store_request *request = NULL;
    enum cf_chat_field field = CF_FIELD_NONE;
    assert_int_equal(cf_chat_page(&ann.asker, room, 0, 50, &request, &field), CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_PAGE);
    assert_int_equal(cf_chat_page(&ann.asker, room, UINT32_MAX, 50, &request, &field), CF_OK);
    cf_store_request_free(request);
}

static void a_reaction_is_1_to_16_code_points(void **state)
{
    (void)state;
    char *thumbs = repeat("\xF0\x9F\x91\x8D", 17);
    assert_int_equal(cf_chat_reaction_check(CF_LIT("")), CF_E_INVALID);
    assert_int_equal(cf_chat_reaction_check(cf_slice_of(thumbs, 4)), CF_OK);
    assert_int_equal(cf_chat_reaction_check(cf_slice_of(thumbs, 16 * 4)), CF_OK);
    assert_int_equal(cf_chat_reaction_check(cf_slice_of(thumbs, 17 * 4)), CF_E_TOO_LARGE);
    assert_int_equal(cf_chat_reaction_check(CF_LIT("a\n")), CF_E_INVALID);
    assert_int_equal(cf_chat_reaction_check(CF_LIT("\xF0\x9F")), CF_E_UTF8);
    free(thumbs);
}

static void a_request_holds_copies_and_who_asks(void **state)
{
    (void)state;
    char text[] = "hello", client_id[] = "c-1";
    struct cf_uuid room = uuid_of("00000000-0000-7000-8000-0000000000bb");
    struct cf_chat_draft draft = {
        .room = room, .text = cf_slice_of(text, 5), .client_id = cf_slice_of(client_id, 3)};
    struct cf_store_request *request;
    enum cf_chat_field field;
    world.ids_made = 0;
    assert_int_equal(cf_chat_post(&ann.asker, &draft, &request, &field), CF_OK);
    memset(text, 'x', 5);
    memset(client_id, 'x', 3);
    assert_int_equal(request->op, CF_STORE_MESSAGE_CREATE);
    assert_slice_equal(request->text, "hello");
    assert_slice_equal(request->client_id, "c-1");
    assert_null(request->image.ptr);
    assert_slice_equal(request->actor, "ann");
    assert_slice_equal(request->actor_name, "Ann");
    assert_int_equal(request->now, START_US);
    assert_true(cf_uuid_eq(&request->room, &room));
    /* 1767454200000 ms are 0x019B847AD0C0; the rest is the counter's. */
    struct cf_uuid wanted = uuid_of("019b847a-d0c0-7000-8000-000000000001");
    assert_true(cf_uuid_eq(&request->message, &wanted));
    cf_store_request_free(request);

    draft.message = room;
    draft.client_id = (struct cf_slice){NULL, 0};
    assert_int_equal(cf_chat_post(&ann.asker, &draft, &request, &field), CF_OK);
    assert_true(cf_uuid_eq(&request->message, &room));
    assert_null(request->client_id.ptr);
    cf_store_request_free(request);
}

static void each_command_is_its_request(void **state)
{
    (void)state;
    struct cf_uuid id = uuid_of("00000000-0000-7000-8000-0000000000cc");
    struct cf_store_request *requests[7];
    assert_int_equal(cf_chat_rooms(&ann.asker, &requests[0]), CF_OK);
    assert_int_equal(cf_chat_member_get(&ann.asker, id, &requests[1]), CF_OK);
    assert_int_equal(cf_chat_members(&ann.asker, id, &requests[2]), CF_OK);
    assert_int_equal(cf_chat_delete(&ann.asker, id, &requests[3]), CF_OK);
    assert_int_equal(cf_chat_image_remove(&ann.asker, id, &requests[4]), CF_OK);
    assert_int_equal(cf_chat_message_get(&ann.asker, id, &requests[5]), CF_OK);
    assert_int_equal(cf_chat_user_put(&ann.asker, &requests[6]), CF_OK);
    static const enum cf_store_op ops[] = {
        CF_STORE_ROOMS_OF,       CF_STORE_MEMBER_GET,           CF_STORE_MEMBERS_OF,
        CF_STORE_MESSAGE_DELETE, CF_STORE_MESSAGE_IMAGE_REMOVE, CF_STORE_MESSAGE_GET,
        CF_STORE_USER_PUT,
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(ops); i++) {
        assert_int_equal(requests[i]->op, ops[i]);
        assert_slice_equal(requests[i]->actor, "ann");
        assert_slice_equal(requests[i]->actor_name, "Ann");
        const struct cf_uuid *carried = i < 3 ? &requests[i]->room : &requests[i]->message;
        assert_true(i == 0 || i == 6 || cf_uuid_eq(carried, &id));
        cf_store_request_free(requests[i]);
    }
}

/* Ask, store, event: what a room is told. */
static void a_post_becomes_an_event_once(void **state)
{
    (void)state;
    struct cf_store_request *request;
    enum cf_chat_field field;
    assert_int_equal(cf_chat_room_create(&ann.asker, CF_LIT("Garage"), &request, &field), CF_OK);
    request = world_run(&world, request);
    assert_int_equal(request->error, CF_OK);
    struct cf_chat_draft draft = {
        .room = request->rooms[0].id, .text = CF_LIT("hi"), .client_id = CF_LIT("c-1")};
    cf_store_request_free(request);
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(cf_chat_post(&ann.asker, &draft, &request, &field), CF_OK);
        request = world_run(&world, request);
        assert_int_equal(request->error, CF_OK);
        struct cf_event *event;
        assert_int_equal(cf_event_of(request, hash_key, &event), CF_OK);
        assert_int_equal(event != NULL, round == 0);
        cf_event_unref(event);
        cf_store_request_free(request);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_has_1_to_10000_code_points),
        cmocka_unit_test(a_text_is_utf8_without_nul_and_otherwise_free),
        cmocka_unit_test(a_text_may_be_empty_beside_an_image),
        cmocka_unit_test(a_client_id_is_1_to_128_printable),
        cmocka_unit_test(a_room_name_is_a_line_of_1_to_200),
        cmocka_unit_test(a_member_has_what_an_identity_may_have),
        cmocka_unit_test(a_list_has_1_to_100),
        cmocka_unit_test(a_reaction_is_1_to_16_code_points),
        cmocka_unit_test(a_request_holds_copies_and_who_asks),
        cmocka_unit_test(each_command_is_its_request),
        cmocka_unit_test(a_post_becomes_an_event_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
