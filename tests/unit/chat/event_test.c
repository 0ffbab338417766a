#include "chat/event.h"

#include "chat/talk.h"
#include "unit/chat/fixture.h"

static struct cf_message_row row(void)
{
    return (struct cf_message_row){
        .id = uuid_of("00000000-0000-7000-8000-000000000001"),
        .room = uuid_of("00000000-0000-7000-8000-000000000002"),
        .seq = 7,
        .author = CF_LIT("ann"),
        .author_name = CF_LIT("Ann"),
        .text = CF_LIT("hello"),
        .created = 100,
    };
}

static struct cf_store_request *finished(enum cf_store_op op, struct cf_message_row *message)
{
    struct cf_store_request *request = cf_store_request_new(op);
    assert_non_null(request);
    request->created = true;
    request->now = 999;
    request->messages = message;
    request->messages_count = message == NULL ? 0 : 1;
    return request;
}

static struct cf_event *event_of(struct cf_store_request *done)
{
    struct cf_event *event = (struct cf_event *)done;
    assert_int_equal(cf_event_of(done, hash_key, &event), CF_OK);
    cf_store_request_free(done);
    return event;
}

static void a_new_message_is_copied_whole(void **state)
{
    (void)state;
    struct cf_message_row message = row();
    char text[] = "hello";
    message.text = cf_slice_of(text, 5);
    struct cf_store_request *done = finished(CF_STORE_MESSAGE_CREATE, &message);
    struct cf_event *event;
    assert_int_equal(cf_event_of(done, hash_key, &event), CF_OK);
    cf_store_request_free(done);
    memset(text, 'x', sizeof(text));
    assert_int_equal(event->kind, CF_EVENT_MESSAGE);
    assert_true(cf_uuid_eq(&event->room, &message.room));
    assert_true(cf_uuid_eq(&event->message.id, &message.id));
    assert_int_equal(event->message.seq, 7);
    assert_slice_equal(event->message.author, "ann");
    assert_slice_equal(event->message.author_name, "Ann");
    assert_slice_equal(event->message.text, "hello");
    assert_null(event->message.image.ptr);
    assert_int_equal(event->at, 100);
    /* One allocation: the strings lie behind the struct, one after the other. */
    assert_ptr_equal(event->message.author.ptr, event->bytes);
    assert_ptr_equal(event->message.text.ptr, event->bytes + 6);
    cf_event_unref(event);
}

static void an_image_and_an_edit_travel_along(void **state)
{
    (void)state;
    static const enum cf_store_op ops[] = {CF_STORE_MESSAGE_EDIT, CF_STORE_MESSAGE_IMAGE_SET,
                                           CF_STORE_MESSAGE_IMAGE_REMOVE};
    for (size_t i = 0; i < CF_ARRAY_LEN(ops); i++) {
        struct cf_message_row message = row();
        message.updated = 200;
        message.image = CF_LIT("a.png");
        struct cf_store_request *done = finished(ops[i], &message);
        done->created = false;
        struct cf_event *event = event_of(done);
        assert_int_equal(event->kind, CF_EVENT_MESSAGE_EDITED);
        assert_slice_equal(event->message.image, "a.png");
        assert_int_equal(event->message.updated, 200);
        assert_int_equal(event->at, 200);
        cf_event_unref(event);
    }
}

static void a_deletion_takes_the_words_away(void **state)
{
    (void)state;
    struct cf_message_row message = row();
    message.image = CF_LIT("a.png");
    struct cf_event *event = event_of(finished(CF_STORE_MESSAGE_DELETE, &message));
    assert_int_equal(event->kind, CF_EVENT_MESSAGE_DELETED);
    assert_true(cf_uuid_eq(&event->message.id, &message.id));
    assert_true(cf_uuid_eq(&event->room, &message.room));
    assert_int_equal(event->message.text.len, 0);
    assert_int_equal(event->message.author.len, 0);
    assert_null(event->message.image.ptr);
    assert_int_equal(event->at, 999);
    cf_event_unref(event);
}

static void a_removal_names_the_user(void **state)
{
    (void)state;
    struct cf_store_request *done = finished(CF_STORE_MEMBER_REMOVE, NULL);
    done->room = uuid_of("00000000-0000-7000-8000-000000000002");
    done->user = CF_LIT("ann");
    struct cf_uuid room = done->room;
    struct cf_event *event = event_of(done);
    assert_int_equal(event->kind, CF_EVENT_MEMBER_REMOVED);
    assert_true(cf_uuid_eq(&event->room, &room));
    assert_slice_equal(event->user, "ann");
    assert_int_equal(event->at, 999);
    cf_event_unref(event);
}

static struct cf_store_request *marked(struct cf_talk_mark *mark)
{
    struct cf_store_request *request = finished(CF_STORE_TALK_MARK, NULL);
    request->marks = mark;
    request->marks_count = 1;
    return request;
}

static void a_mark_is_for_the_author(void **state)
{
    (void)state;
    struct cf_talk_mark mark = {
        .number = 9,
        .message = 7,
        .talk = 3,
        .author = CF_LIT("ann"),
        .user = CF_LIT("bob"),
        .kind = CF_MARK_READ,
        .at = 500,
    };
    struct cf_uuid room = cf_talk_user_room(hash_key, mark.author);
    struct cf_event *event = event_of(marked(&mark));
    assert_int_equal(event->kind, CF_EVENT_TALK_MARK);
    assert_true(cf_uuid_eq(&event->room, &room));
    assert_slice_equal(event->mark.author, "ann");
    assert_slice_equal(event->mark.user, "bob");
    assert_int_equal(event->mark.message, 7);
    assert_int_equal(event->mark.kind, CF_MARK_READ);
    assert_int_equal(event->talk, 3);
    assert_int_equal(event->at, 500);
    assert_int_equal(event->mark.number, 9);
    cf_event_unref(event);

    struct cf_store_request *retry = marked(&mark);
    retry->created = false;
    assert_null(event_of(retry));
    mark.author = (struct cf_slice){NULL, 0}; /* takes no part any more */
    assert_null(event_of(marked(&mark)));
}

static void a_talks_message_is_copied_without_receipts(void **state)
{
    (void)state;
    struct cf_talk_receipt receipt = {.user = CF_LIT("bob"), .read = 1};
    char text[] = "hello";
    struct cf_talk_message message = {
        .id = 41,
        .talk = 3,
        .seq = 7,
        .author = CF_LIT("ann"),
        .author_name = CF_LIT("Ann"),
        .text = cf_slice_of(text, 5),
        .client_id = CF_LIT("0189abcd-ef01-4abc-9def-0123456789ab"),
        .created = 300,
        .receipts = &receipt,
        .receipts_count = 1,
    };
    struct cf_store_request *done = finished(CF_STORE_TALK_SEND, NULL);
    done->talk_messages = &message;
    done->talk_messages_count = 1;
    struct cf_uuid room = cf_talk_room(3);
    struct cf_event *event = event_of(done);
    memset(text, 'x', 5);
    assert_int_equal(event->kind, CF_EVENT_TALK_MESSAGE);
    assert_true(cf_uuid_eq(&event->room, &room));
    assert_int_equal(event->talk, 3);
    assert_int_equal(event->talk_message.id, 41);
    assert_int_equal(event->talk_message.talk, 3);
    assert_int_equal(event->talk_message.seq, 7);
    assert_slice_equal(event->talk_message.author, "ann");
    assert_slice_equal(event->talk_message.author_name, "Ann");
    assert_slice_equal(event->talk_message.text, "hello");
    assert_slice_equal(event->talk_message.client_id, "0189abcd-ef01-4abc-9def-0123456789ab");
    assert_ptr_equal(event->talk_message.author.ptr, event->bytes);
    assert_ptr_equal(event->talk_message.client_id.ptr, event->bytes + 11);
    assert_null(event->talk_message.receipts);
    assert_int_equal(event->talk_message.receipts_count, 0);
    assert_int_equal(event->at, 300);
    assert_int_equal(event->source.ticket, 0);
    assert_int_equal(event->talk_message.id, 41);
    cf_event_unref(event);

    done = finished(CF_STORE_TALK_SEND, NULL);
    done->talk_messages = &message;
    done->talk_messages_count = 1;
    done->created = false; /* sent again */
    assert_null(event_of(done));
}

static void who_leaves_a_talk_is_named(void **state)
{
    (void)state;
    struct cf_store_request *done = finished(CF_STORE_TALK_REMOVE, NULL);
    done->talk = 3;
    done->actor = CF_LIT("ann");
    done->user = CF_LIT("bob");
    done->created = false;
    struct cf_uuid room = cf_talk_room(3);
    struct cf_event *event = event_of(done);
    assert_int_equal(event->kind, CF_EVENT_TALK_LEFT);
    assert_true(cf_uuid_eq(&event->room, &room));
    assert_int_equal(event->talk, 3);
    assert_slice_equal(event->user, "bob");
    assert_int_equal(event->at, 999);
    cf_event_unref(event);
}

/* Where no row of a talk has been read: nothing may be looked for. */
static void the_rest_of_talks_tells_nothing(void **state)
{
    (void)state;
    static const enum cf_store_op quiet[] = {
        CF_STORE_TALKS_OF,     CF_STORE_TALK_MESSAGES, CF_STORE_TALK_CREATE,
        CF_STORE_TALK_ADD,     CF_STORE_SOCKET_OPEN,   CF_STORE_SOCKET_JOIN,
        CF_STORE_SOCKET_LEAVE, CF_STORE_SOCKET_CLOSE,  CF_STORE_SOCKET_RECOVER,
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(quiet); i++)
        assert_null(event_of(finished(quiet[i], NULL)));
}

static void presence_and_typing_keep_their_source(void **state)
{
    (void)state;
    static const enum cf_event_kind kinds[] = {CF_EVENT_TALK_HERE, CF_EVENT_TALK_TYPING};
    for (size_t i = 0; i < CF_ARRAY_LEN(kinds); i++) {
        char user[] = "ann";
        struct cf_event like = {
            .kind = kinds[i],
            .room = cf_talk_room(3),
            .user = cf_slice_of(user, 3),
            .talk = 3,
            .source = {.worker = 2, .ticket = 77},
            .on = i == 0,
            .at = 5,
        };
        struct cf_event *event;
        assert_int_equal(cf_event_new(&like, &event), CF_OK);
        memset(user, 'x', 3);
        assert_int_equal(event->kind, kinds[i]);
        assert_true(cf_uuid_eq(&event->room, &like.room));
        assert_slice_equal(event->user, "ann");
        assert_int_equal(event->talk, 3);
        assert_int_equal(event->source.worker, 2);
        assert_int_equal(event->source.ticket, 77);
        assert_int_equal(event->on, i == 0);
        assert_int_equal(event->at, 5);
        cf_event_unref(event);
    }
}

static void a_failure_a_retry_and_the_rest_tell_nothing(void **state)
{
    (void)state;
    struct cf_message_row message = row();
    struct cf_store_request *retry = finished(CF_STORE_MESSAGE_CREATE, &message);
    retry->created = false;
    assert_null(event_of(retry));
    for (int op = 0; op < CF_STORE_OPS; op++) {
        struct cf_store_request *failed = finished((enum cf_store_op)op, &message);
        failed->error = CF_E_UNAVAILABLE;
        failed->messages = NULL;
        assert_null(event_of(failed));
    }
    static const enum cf_store_op quiet[] = {
        CF_STORE_ROOMS_OF,      CF_STORE_MEMBER_GET,     CF_STORE_MEMBERS_OF, CF_STORE_MESSAGE_GET,
        CF_STORE_MESSAGES_PAGE, CF_STORE_MESSAGES_SINCE, CF_STORE_CHECK,      CF_STORE_USER_PUT,
        CF_STORE_ROOM_CREATE,   CF_STORE_MEMBER_PUT,
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(quiet); i++)
        assert_null(event_of(finished(quiet[i], &message)));
}

static void what_is_not_stored_is_copied(void **state)
{
    (void)state;
    struct cf_event like = {
        .kind = CF_EVENT_REACTION,
        .room = uuid_of("00000000-0000-7000-8000-000000000002"),
        .message = row(),
        .user = CF_LIT("ann"),
        .user_name = CF_LIT(""),
        .reaction = CF_LIT("\xF0\x9F\x91\x8D"),
        .on = true,
        .at = 5,
    };
    struct cf_event *event;
    assert_int_equal(cf_event_new(&like, &event), CF_OK);
    assert_int_equal(event->kind, CF_EVENT_REACTION);
    assert_slice_equal(event->user, "ann");
    assert_int_equal(event->user_name.len, 0);
    assert_slice_equal(event->reaction, "\xF0\x9F\x91\x8D");
    assert_true(event->on);
    assert_int_equal(event->at, 5);
    assert_true(cf_uuid_eq(&event->message.id, &like.message.id));
    assert_int_equal(event->message.text.len, 0);
    cf_event_unref(event);
}

static void references_are_counted(void **state)
{
    (void)state;
    struct cf_event like = {.kind = CF_EVENT_TYPING};
    struct cf_event *event;
    assert_int_equal(cf_event_new(&like, &event), CF_OK);
    assert_ptr_equal(cf_event_ref(event), event);
    assert_int_equal(atomic_load(&event->refs), 2);
    cf_event_unref(event);
    assert_int_equal(atomic_load(&event->refs), 1);
    cf_event_unref(event);
    cf_event_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_message_is_copied_whole),
        cmocka_unit_test(an_image_and_an_edit_travel_along),
        cmocka_unit_test(a_deletion_takes_the_words_away),
        cmocka_unit_test(a_removal_names_the_user),
        cmocka_unit_test(a_mark_is_for_the_author),
        cmocka_unit_test(a_talks_message_is_copied_without_receipts),
        cmocka_unit_test(who_leaves_a_talk_is_named),
        cmocka_unit_test(the_rest_of_talks_tells_nothing),
        cmocka_unit_test(presence_and_typing_keep_their_source),
        cmocka_unit_test(a_failure_a_retry_and_the_rest_tell_nothing),
        cmocka_unit_test(what_is_not_stored_is_copied),
        cmocka_unit_test(references_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
