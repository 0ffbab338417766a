/* The rules of encrypted groups, each at its limit, and what a request then holds. */
#include "chat/group.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/base64.h"
#include "unit/chat/fixture.h"

#define NONE ((struct cf_slice){NULL, 0})
#define GROUP "0189abcd-ef01-7abc-9def-0123456789ab"
#define THREAD "0189abcd-ef01-7abc-9def-0123456789ac"
/* "hi" */
#define SEALED CF_LIT("aGk=")

enum { NAME_BYTES = 1024 };

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
static struct cf_slice many(char buffer[NAME_BYTES], const char *unit, size_t count)
{
    size_t len = strlen(unit);
    assert_true(len * count <= NAME_BYTES);
    for (size_t i = 0; i < count; i++)
        memcpy(buffer + i * len, unit, len);
    return cf_slice_of(buffer, count * len);
}

/* The base64 of `len` bytes. */
static struct cf_buf sealed(size_t len)
{
    uint8_t *bytes = calloc(len + 1, 1);
    struct cf_buf text;
    assert_non_null(bytes);
    cf_buf_init(&text, cf_base64_len(CF_BASE64, len) + 1);
    assert_int_equal(cf_base64_encode(CF_BASE64, cf_slice_of(bytes, len), &text), CF_OK);
    free(bytes);
    return text;
}

static void assert_uuid(struct cf_uuid uuid, const char *wanted)
{
    struct cf_uuid other = uuid_of(wanted);
    assert_true(cf_uuid_eq(&uuid, &other));
}

/* The n-th id that was made. */
static void assert_new_id(struct cf_uuid uuid, unsigned nth)
{
    assert_int_equal(uuid.bytes[6] >> 4, 7);
    assert_int_equal(uuid.bytes[15], nth);
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

/* ---- groups ---- */

static void assert_create(struct cf_slice name, struct cf_slice client_id, enum cf_error wanted,
                          enum cf_chat_field wanted_field)
{
    struct cf_store_request *request = NULL;
    enum cf_chat_field field = CF_FIELD_NONE;
    assert_int_equal(cf_group_create(&ann.asker, name, client_id, &request, &field), wanted);
    assert_int_equal(field, wanted_field);
    if (wanted != CF_OK) {
        assert_null(request);
        return;
    }
    assert_true(cf_slice_eq(request->name, name));
    assert_true(cf_slice_eq(request->client_id, client_id));
    assert_true((request->client_id.ptr == NULL) == (client_id.ptr == NULL));
    assert_false(cf_uuid_is_nil(&request->room));
    assert_asked(request, CF_STORE_GROUP_CREATE);
}

static void assert_name(struct cf_slice name, enum cf_error wanted)
{
    assert_create(name, NONE, wanted, wanted == CF_OK ? CF_FIELD_NONE : CF_FIELD_ROOM_NAME);
}

static void a_name_is_a_line_of_at_most_200(void **state)
{
    (void)state;
    static const char *const units[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    char buffer[NAME_BYTES];
    for (size_t i = 0; i < CF_ARRAY_LEN(units); i++) {
        assert_name(many(buffer, units[i], 199), CF_OK);
        assert_name(many(buffer, units[i], 200), CF_OK);
        assert_name(many(buffer, units[i], 201), CF_E_TOO_LARGE);
    }
    assert_name(NONE, CF_OK);
    assert_name(CF_LIT(""), CF_OK);
    assert_name(CF_LIT("a\nb"), CF_E_INVALID);
    assert_name(CF_LIT("\0"), CF_E_INVALID);
    assert_name(CF_LIT("\xFF"), CF_E_UTF8);
}

static void a_client_id_is_128_of_printable_ascii(void **state)
{
    (void)state;
    char buffer[NAME_BYTES];
    assert_create(CF_LIT("n"), many(buffer, "~", 1), CF_OK, CF_FIELD_NONE);
    assert_create(CF_LIT("n"), many(buffer, " ", 127), CF_OK, CF_FIELD_NONE);
    assert_create(CF_LIT("n"), many(buffer, "x", 128), CF_OK, CF_FIELD_NONE);
    assert_create(CF_LIT("n"), many(buffer, "x", 129), CF_E_TOO_LARGE, CF_FIELD_CLIENT_ID);
    assert_create(CF_LIT("n"), CF_LIT(""), CF_E_INVALID, CF_FIELD_CLIENT_ID);
    assert_create(CF_LIT("n"), CF_LIT("\x1F"), CF_E_INVALID, CF_FIELD_CLIENT_ID);
    assert_create(CF_LIT("n"), CF_LIT("\x7F"), CF_E_INVALID, CF_FIELD_CLIENT_ID);
    assert_create(CF_LIT("n"), CF_LIT("\xC3\xA9"), CF_E_INVALID, CF_FIELD_CLIENT_ID);
}

static void lists_name_their_group(void **state)
{
    (void)state;
    struct cf_store_request *request;
    assert_int_equal(cf_group_members(&ann.asker, uuid_of(GROUP), &request), CF_OK);
    assert_uuid(request->room, GROUP);
    assert_asked(request, CF_STORE_GROUP_MEMBERS);
    assert_int_equal(cf_group_thread_get(&ann.asker, uuid_of(THREAD), &request), CF_OK);
    assert_uuid(request->message, THREAD);
    assert_asked(request, CF_STORE_GROUP_THREAD_GET);
}

static void a_list_of_groups_has_1_to_500(void **state)
{
    (void)state;
    static const uint32_t limits[] = {0, 1, 500, 501, UINT32_MAX};
    static const char *const befores[] = {NULL, GROUP};
    for (size_t i = 0; i < CF_ARRAY_LEN(limits) * 2; i++) {
        struct cf_store_request *request = NULL;
        enum cf_chat_field field = CF_FIELD_NONE;
        uint32_t limit = limits[i / 2];
        struct cf_uuid before = {{0}};
        if (befores[i % 2] != NULL)
            before = uuid_of(befores[i % 2]);
        enum cf_error error = cf_group_list(&ann.asker, before, limit, &request, &field);
        if (limit < 1 || limit > 500) {
            assert_int_equal(error, CF_E_INVALID);
            assert_int_equal(field, CF_FIELD_LIMIT);
            assert_null(request);
            continue;
        }
        assert_int_equal(error, CF_OK);
        assert_true(cf_uuid_eq(&request->room, &before));
        assert_int_equal(request->limit, limit);
        assert_asked(request, CF_STORE_GROUPS_OF);
    }
}

static void at_most_1000_groups_are_looked_up(void **state)
{
    (void)state;
    static struct cf_uuid groups[1001];
    static const size_t counts[] = {0, 1, 999, 1000, 1001};
    for (size_t i = 0; i < CF_ARRAY_LEN(groups); i++)
        groups[i].bytes[i % 16] = (uint8_t)(i + 1);
    for (size_t i = 0; i < CF_ARRAY_LEN(counts); i++) {
        struct cf_store_request *request = NULL;
        enum cf_chat_field field = CF_FIELD_NONE;
        enum cf_error error =
            cf_group_among(&ann.asker, counts[i] == 0 ? NULL : groups, counts[i], &request, &field);
        if (counts[i] > 1000) {
            assert_int_equal(error, CF_E_TOO_LARGE);
            assert_int_equal(field, CF_FIELD_GROUPS);
            assert_null(request);
            continue;
        }
        assert_int_equal(error, CF_OK);
        assert_int_equal(request->uuids_count, counts[i]);
        assert_ptr_not_equal(request->uuids, groups);
        assert_memory_equal(request->uuids, groups, counts[i] * sizeof(groups[0]));
        assert_asked(request, CF_STORE_GROUPS_AMONG);
    }
}

/* ---- members ---- */

static void assert_member(struct cf_slice user, struct cf_slice name, enum cf_error wanted,
                          enum cf_chat_field wanted_field)
{
    struct cf_store_request *request = NULL;
    enum cf_chat_field field = CF_FIELD_NONE;
    assert_int_equal(cf_group_join(&ann.asker, uuid_of(GROUP), user, name, &request, &field),
                     wanted);
    assert_int_equal(field, wanted_field);
    if (wanted == CF_OK) {
        assert_uuid(request->room, GROUP);
        assert_true(cf_slice_eq(request->user, user));
        assert_true(cf_slice_eq(request->user_name, name));
        assert_asked(request, CF_STORE_GROUP_JOIN);
    }
    if (wanted_field == CF_FIELD_USER_NAME)
        return;
    request = NULL;
    field = CF_FIELD_NONE;
    assert_int_equal(cf_group_leave(&ann.asker, uuid_of(GROUP), user, &request, &field), wanted);
    assert_int_equal(field, wanted_field);
    if (wanted == CF_OK) {
        assert_uuid(request->room, GROUP);
        assert_true(cf_slice_eq(request->user, user));
        assert_asked(request, CF_STORE_GROUP_LEAVE);
    }
}

static void members_have_ids_and_names(void **state)
{
    (void)state;
    char buffer[NAME_BYTES];
    assert_member(CF_LIT("b"), NONE, CF_OK, CF_FIELD_NONE);
    assert_member(many(buffer, "u", 127), CF_LIT("Bob"), CF_OK, CF_FIELD_NONE);
    assert_member(many(buffer, "u", 128), CF_LIT("Bob"), CF_OK, CF_FIELD_NONE);
    assert_member(many(buffer, "u", 129), CF_LIT("Bob"), CF_E_TOO_LARGE, CF_FIELD_USER);
    assert_member(CF_LIT(""), CF_LIT("Bob"), CF_E_INVALID, CF_FIELD_USER);
    assert_member(CF_LIT("a\tb"), CF_LIT("Bob"), CF_E_INVALID, CF_FIELD_USER);
    assert_member(CF_LIT("\xFF"), CF_LIT("Bob"), CF_E_UTF8, CF_FIELD_USER);
    assert_member(CF_LIT("b"), many(buffer, "n", 255), CF_OK, CF_FIELD_NONE);
    assert_member(CF_LIT("b"), many(buffer, "n", 256), CF_OK, CF_FIELD_NONE);
    assert_member(CF_LIT("b"), many(buffer, "n", 257), CF_E_TOO_LARGE, CF_FIELD_USER_NAME);
    assert_member(CF_LIT("b"), CF_LIT("a\nb"), CF_E_INVALID, CF_FIELD_USER_NAME);
    assert_member(CF_LIT("b"), CF_LIT("\xFF"), CF_E_UTF8, CF_FIELD_USER_NAME);
}

/* ---- what is posted ---- */

static enum cf_error post(const struct cf_group_draft *draft, struct cf_store_request **out,
                          enum cf_chat_field *out_field)
{
    *out = NULL;
    *out_field = CF_FIELD_NONE;
    return cf_group_post(&ann.asker, draft, out, out_field);
}

static void a_message_is_of_its_group(void **state)
{
    (void)state;
    struct cf_group_draft draft = {.kind = CF_GROUP_MESSAGE,
                                   .room = uuid_of(GROUP),
                                   .title = CF_LIT("no title of a message is looked at"),
                                   .text = SEALED};
    struct cf_store_request *request;
    enum cf_chat_field field;
    assert_int_equal(post(&draft, &request, &field), CF_OK);
    assert_int_equal(request->group_kind, CF_GROUP_MESSAGE);
    assert_uuid(request->room, GROUP);
    assert_true(cf_uuid_is_nil(&request->thread));
    assert_new_id(request->message, 1);
    assert_slice_equal(request->text, "aGk=");
    assert_null(request->name.ptr);
    assert_null(request->client_id.ptr);
    assert_asked(request, CF_STORE_GROUP_POST);
}

static void a_thread_has_a_title(void **state)
{
    (void)state;
    struct cf_group_draft draft = {.kind = CF_GROUP_THREAD,
                                   .room = uuid_of(GROUP),
                                   .title = CF_LIT("dGl0bGU="),
                                   .text = SEALED,
                                   .client_id = CF_LIT("c-1")};
    struct cf_store_request *request;
    enum cf_chat_field field;
    assert_int_equal(post(&draft, &request, &field), CF_OK);
    assert_int_equal(request->group_kind, CF_GROUP_THREAD);
    assert_uuid(request->room, GROUP);
    assert_true(cf_uuid_is_nil(&request->thread));
    assert_slice_equal(request->name, "dGl0bGU=");
    assert_slice_equal(request->text, "aGk=");
    assert_slice_equal(request->client_id, "c-1");
    assert_asked(request, CF_STORE_GROUP_POST);
}

static void a_reply_is_of_its_thread(void **state)
{
    (void)state;
    struct cf_group_draft draft = {.kind = CF_GROUP_REPLY, .room = uuid_of(THREAD), .text = SEALED};
    struct cf_store_request *request;
    enum cf_chat_field field;
    assert_int_equal(post(&draft, &request, &field), CF_OK);
    assert_int_equal(request->group_kind, CF_GROUP_REPLY);
    assert_uuid(request->thread, THREAD);
    assert_true(cf_uuid_is_nil(&request->room));
    assert_new_id(request->message, 1);
    assert_asked(request, CF_STORE_GROUP_POST);
}

static void a_request_holds_copies(void **state)
{
    (void)state;
    char title[] = "dGl0bGU=", text[] = "aGk=", id[] = "c-1";
    struct cf_group_draft draft = {.kind = CF_GROUP_THREAD,
                                   .title = cf_slice_of(title, 8),
                                   .text = cf_slice_of(text, 4),
                                   .client_id = cf_slice_of(id, 3)};
    struct cf_store_request *request;
    enum cf_chat_field field;
    assert_int_equal(post(&draft, &request, &field), CF_OK);
    memset(title, '-', sizeof(title));
    memset(text, '-', sizeof(text));
    memset(id, '-', sizeof(id));
    assert_slice_equal(request->name, "dGl0bGU=");
    assert_slice_equal(request->text, "aGk=");
    assert_slice_equal(request->client_id, "c-1");
    cf_store_request_free(request);
}

static void assert_sealed(struct cf_slice text, enum cf_error wanted)
{
    static const enum cf_group_event_kind kinds[] = {CF_GROUP_MESSAGE, CF_GROUP_THREAD,
                                                     CF_GROUP_REPLY};
    struct cf_store_request *request;
    enum cf_chat_field field;
    for (size_t i = 0; i < CF_ARRAY_LEN(kinds); i++) {
        struct cf_group_draft draft = {.kind = kinds[i], .title = SEALED, .text = text};
        assert_int_equal(post(&draft, &request, &field), wanted);
        assert_int_equal(field, wanted == CF_OK ? CF_FIELD_NONE : CF_FIELD_TEXT);
        cf_store_request_free(request);
    }
    struct cf_group_draft draft = {.kind = CF_GROUP_THREAD, .title = text, .text = SEALED};
    assert_int_equal(post(&draft, &request, &field), wanted);
    assert_int_equal(field, wanted == CF_OK ? CF_FIELD_NONE : CF_FIELD_TITLE);
    cf_store_request_free(request);
}

static void what_is_sealed_is_base64(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",     "=",    "====",  "aGk",      "aGk ",       " aGk=", "aGk=\n",   "aGl=",   "aG-_",
        "a===", "aG==", "aGk==", "aGk=aGk=", "\xC3\xA9==", "aGk= ", "aGk=====", "{\"a\"",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(bad); i++)
        assert_sealed(cf_slice_cstr(bad[i]), CF_E_INVALID);
    assert_sealed(NONE, CF_E_INVALID);
    assert_sealed(CF_LIT("aG\0="), CF_E_INVALID);
    assert_sealed(CF_LIT("AA=="), CF_OK);
    assert_sealed(CF_LIT("aGk="), CF_OK);
    assert_sealed(CF_LIT("+/+/"), CF_OK);
}

/* The two above the limit have as many characters as the limit itself. */
static void what_is_sealed_has_at_most_256_kib(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 262143, 262144, 262145, 262146, 262147};
    for (size_t i = 0; i < CF_ARRAY_LEN(sizes); i++) {
        struct cf_buf text = sealed(sizes[i]);
        assert_sealed(cf_buf_peek(&text), sizes[i] <= 262144 ? CF_OK : CF_E_TOO_LARGE);
        cf_buf_deinit(&text);
    }
}

/* Its characters are not even looked at. */
static void what_has_too_many_characters_is_too_large(void **state)
{
    (void)state;
    char *text = malloc(349532);
    assert_non_null(text);
    memset(text, ' ', 349532);
    assert_sealed(cf_slice_of(text, 349528), CF_E_INVALID);
    assert_sealed(cf_slice_of(text, 349529), CF_E_TOO_LARGE);
    assert_sealed(cf_slice_of(text, 349532), CF_E_TOO_LARGE);
    free(text);
}

static void a_bad_client_id_is_blamed(void **state)
{
    (void)state;
    struct cf_group_draft draft = {
        .kind = CF_GROUP_MESSAGE, .text = SEALED, .client_id = CF_LIT("")};
    struct cf_store_request *request;
    enum cf_chat_field field;
    assert_int_equal(post(&draft, &request, &field), CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_CLIENT_ID);
    assert_null(request);
}

/* ---- what is read ---- */

static void a_query_is_passed_on(void **state)
{
    (void)state;
    static const enum cf_group_range ranges[] = {CF_GROUP_NEWEST, CF_GROUP_SINCE, CF_GROUP_BEFORE};
    for (size_t i = 0; i < CF_ARRAY_LEN(ranges); i++) {
        struct cf_group_query query = {.group = uuid_of(GROUP),
                                       .thread = uuid_of(THREAD),
                                       .kinds = CF_GROUP_THREAD | CF_GROUP_LEFT,
                                       .range = ranges[i],
                                       .from = INT64_MAX,
                                       .limit = 7};
        struct cf_store_request *request;
        enum cf_chat_field field;
        assert_int_equal(cf_group_events(&ann.asker, &query, &request, &field), CF_OK);
        assert_uuid(request->room, GROUP);
        assert_uuid(request->message, THREAD);
        assert_int_equal(request->kinds, 34);
        assert_int_equal(request->group_range, ranges[i]);
        assert_int_equal(request->from, INT64_MAX);
        assert_int_equal(request->limit, 7);
        assert_asked(request, CF_STORE_GROUP_EVENTS);
    }
}

static void at_most_500_events(void **state)
{
    (void)state;
    static const uint32_t limits[] = {0, 1, 499, 500, 501, UINT32_MAX};
    for (size_t i = 0; i < CF_ARRAY_LEN(limits); i++) {
        struct cf_group_query query = {.kinds = CF_GROUP_ALL, .limit = limits[i]};
        struct cf_store_request *request = NULL;
        enum cf_chat_field field = CF_FIELD_NONE;
        bool good = limits[i] >= 1 && limits[i] <= 500;
        assert_int_equal(cf_group_events(&ann.asker, &query, &request, &field),
                         good ? CF_OK : CF_E_INVALID);
        assert_int_equal(field, good ? CF_FIELD_NONE : CF_FIELD_LIMIT);
        cf_store_request_free(request);
    }
}

/* ---- media ---- */

static enum cf_error open_media(const struct cf_group_upload *upload, struct cf_store_request **out,
                                enum cf_chat_field *out_field)
{
    *out = NULL;
    *out_field = CF_FIELD_NONE;
    return cf_group_media_open(&ann.asker, upload, out, out_field);
}

static void an_upload_is_passed_on(void **state)
{
    (void)state;
    struct cf_group_upload upload = {.thread = uuid_of(THREAD),
                                     .metadata = SEALED,
                                     .client_id = CF_LIT("k"),
                                     .size = 5,
                                     .size_max = 9,
                                     .quota = 77};
    struct cf_store_request *request;
    enum cf_chat_field field;
    assert_int_equal(open_media(&upload, &request, &field), CF_OK);
    assert_uuid(request->thread, THREAD);
    assert_new_id(request->message, 1);
    assert_slice_equal(request->text, "aGk=");
    assert_slice_equal(request->client_id, "k");
    assert_int_equal(request->size, 5);
    assert_int_equal(request->quota, 77);
    assert_asked(request, CF_STORE_GROUP_MEDIA_OPEN);
}

static void an_upload_has_1_to_size_max_bytes(void **state)
{
    (void)state;
    static const struct {
        uint64_t size, size_max;
        enum cf_error wanted;
    } cases[] = {
        {0, 10, CF_E_INVALID}, {1, 10, CF_OK},           {9, 10, CF_OK},
        {10, 10, CF_OK},       {11, 10, CF_E_TOO_LARGE}, {UINT64_MAX, 10, CF_E_TOO_LARGE},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_group_upload upload = {.size = cases[i].size, .size_max = cases[i].size_max};
        struct cf_store_request *request;
        enum cf_chat_field field;
        assert_int_equal(open_media(&upload, &request, &field), cases[i].wanted);
        assert_int_equal(field, cases[i].wanted == CF_OK ? CF_FIELD_NONE : CF_FIELD_SIZE);
        cf_store_request_free(request);
    }
}

static void metadata_is_base64_of_at_most_8_kib(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 8191, 8192, 8193, 8194};
    struct cf_store_request *request;
    enum cf_chat_field field;
    for (size_t i = 0; i < CF_ARRAY_LEN(sizes); i++) {
        struct cf_buf text = sealed(sizes[i]);
        struct cf_group_upload upload = {.metadata = cf_buf_peek(&text), .size = 1, .size_max = 1};
        enum cf_error wanted = sizes[i] <= 8192 ? CF_OK : CF_E_TOO_LARGE;
        assert_int_equal(open_media(&upload, &request, &field), wanted);
        assert_int_equal(field, wanted == CF_OK ? CF_FIELD_NONE : CF_FIELD_METADATA);
        cf_store_request_free(request);
        cf_buf_deinit(&text);
    }
    struct cf_group_upload upload = {.metadata = CF_LIT("aGk"), .size = 1, .size_max = 1};
    assert_int_equal(open_media(&upload, &request, &field), CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_METADATA);
    upload = (struct cf_group_upload){.client_id = CF_LIT(""), .size = 1, .size_max = 1};
    assert_int_equal(open_media(&upload, &request, &field), CF_E_INVALID);
    assert_int_equal(field, CF_FIELD_CLIENT_ID);
}

static void media_is_named_by_its_id(void **state)
{
    (void)state;
    static const enum cf_store_op ops[] = {CF_STORE_GROUP_MEDIA_GET, CF_STORE_GROUP_MEDIA_DONE,
                                           CF_STORE_GROUP_MEDIA_DELETE};
    for (size_t i = 0; i < CF_ARRAY_LEN(ops); i++) {
        struct cf_store_request *request;
        assert_int_equal(cf_group_media(&ann.asker, ops[i], uuid_of(THREAD), 5, &request), CF_OK);
        assert_uuid(request->message, THREAD);
        assert_int_equal(request->ttl, 5);
        assert_asked(request, ops[i]);
    }
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_name_is_a_line_of_at_most_200),
        IN_A_WORLD(a_client_id_is_128_of_printable_ascii),
        IN_A_WORLD(lists_name_their_group),
        IN_A_WORLD(a_list_of_groups_has_1_to_500),
        IN_A_WORLD(at_most_1000_groups_are_looked_up),
        IN_A_WORLD(members_have_ids_and_names),
        IN_A_WORLD(a_message_is_of_its_group),
        IN_A_WORLD(a_thread_has_a_title),
        IN_A_WORLD(a_reply_is_of_its_thread),
        IN_A_WORLD(a_request_holds_copies),
        IN_A_WORLD(what_is_sealed_is_base64),
        IN_A_WORLD(what_is_sealed_has_at_most_256_kib),
        IN_A_WORLD(what_has_too_many_characters_is_too_large),
        IN_A_WORLD(a_bad_client_id_is_blamed),
        IN_A_WORLD(a_query_is_passed_on),
        IN_A_WORLD(at_most_500_events),
        IN_A_WORLD(an_upload_is_passed_on),
        IN_A_WORLD(an_upload_has_1_to_size_max_bytes),
        IN_A_WORLD(metadata_is_base64_of_at_most_8_kib),
        IN_A_WORLD(media_is_named_by_its_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
