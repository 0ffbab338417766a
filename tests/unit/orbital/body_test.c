/* What the body of a call may not be: statuses, codes, fields and texts, before a store is asked.
 */
#include <stdio.h>

#include "unit/orbital/asker.h"

#define SEALED_TEXT " must be base64 (RFC 4648 section 4, with padding) of 1 to 262,144 bytes."
#define ENVELOPE_TEXT "encrypted_envelope" SEALED_TEXT
#define TITLE_TEXT "encrypted_title" SEALED_TEXT
#define BODY_TEXT "encrypted_body" SEALED_TEXT
#define JSON_TEXT \
    "The body must be one JSON object in UTF-8, without duplicate keys, at most 32 levels deep."

/* ---- bodies ---- */

static const struct {
    const char *path, *body; /* a body that is right, but for its last brace */
    enum cf_store_op op;
} posts[] = {
    {"groups", "{\"name\":\"n\"", CF_STORE_GROUP_CREATE},
    {"messages", "{\"conversation_id\":\"" GROUP "\",\"encrypted_envelope\":\"aGk=\"",
     CF_STORE_GROUP_POST},
    {THREADS, "{\"encrypted_title\":\"dA==\",\"encrypted_body\":\"aGk=\"", CF_STORE_GROUP_POST},
    {REPLIES, "{\"encrypted_body\":\"aGk=\"", CF_STORE_GROUP_POST},
};

static void a_broken_body_is_400(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        " ",
        "{",
        "{}x",
        "{\"x\":1,\"x\":1}",
        "{\"x\":\"\xFF\"}",
        "[]",
        "null",
        "\"x\"",
        "{'x':1}",
        "{\"x\":\"\\ud800\"}",
        "{\"x\":01}",
        "\xEF\xBB\xBF{}",
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(posts); i++) {
        for (size_t j = 0; j < CF_ARRAY_LEN(bodies); j++)
            refused(POST(posts[i].path, .body = bodies[j]), 400, "malformed_json", NULL, JSON_TEXT);
        refused(POST(posts[i].path), 400, "malformed_json", NULL, JSON_TEXT);
    }
    refused(POST(MEMBERS, .body = "["), 400, "malformed_json", NULL, JSON_TEXT);
}

static void a_body_is_at_most_32_levels_deep(void **state)
{
    (void)state;
    for (size_t depth = 31; depth <= 33; depth++) {
        char *open = repeated("{\"x\":", "[", depth - 1, "");
        char *body = repeated(open, "]", depth - 1, "}");
        if (depth <= 32)
            accepted(POST("groups", .body = body), CF_STORE_GROUP_CREATE);
        else
            refused(POST("groups", .body = body), 400, "malformed_json", NULL, JSON_TEXT);
        free(open);
        free(body);
    }
}

static void a_body_over_768_kib_is_413(void **state)
{
    (void)state;
    static const size_t sizes[] = {786431, 786432, 786433};
    for (size_t i = 0; i < CF_ARRAY_LEN(sizes); i++) {
        for (size_t j = 0; j < CF_ARRAY_LEN(posts); j++) {
            char *body = repeated(posts[j].body, " ", sizes[i] - strlen(posts[j].body) - 1, "}");
            if (sizes[i] <= 786432)
                accepted(POST(posts[j].path, .body = body), posts[j].op);
            else
                refused(POST(posts[j].path, .body = body), 413, "too_large", NULL,
                        "The body is too large. Send less.");
            free(body);
        }
    }
}

static void a_group_against_the_rules_is_422(void **state)
{
    (void)state;
    static const char *const names[] = {"7", "[]", "{}", "true", "\"a\\n\"", "\"\\u0000\""};
    const char *rule = "name must be text of at most 200 characters, without control characters.";
    char body[100];
    for (size_t i = 0; i < CF_ARRAY_LEN(names); i++) {
        snprintf(body, sizeof(body), "{\"name\":%s}", names[i]);
        refused(POST("groups", .body = body), 422, "invalid", "name", rule);
    }
    for (size_t count = 199; count <= 201; count++) {
        char *long_name = repeated("{\"name\":\"", "\\u00e9", count, "\"}");
        if (count <= 200)
            accepted(POST("groups", .body = long_name), CF_STORE_GROUP_CREATE);
        else
            refused(POST("groups", .body = long_name), 422, "too_long", "name", rule);
        free(long_name);
    }
}

static void a_member_against_the_rules_is_422(void **state)
{
    (void)state;
    const char *user = "user_id must be text of 1 to 128 bytes, without control characters.";
    const char *name = "username must be text of at most 256 bytes, without control characters.";
    static const char *const users[] = {"{}", "{\"user_id\":null}", "{\"user_id\":7}",
                                        "{\"user_id\":\"\"}", "{\"user_id\":\"a\\tb\"}"};
    for (size_t i = 0; i < CF_ARRAY_LEN(users); i++)
        refused(POST(MEMBERS, .body = users[i]), 422, "invalid", "user_id", user);
    refused(POST(MEMBERS, .body = "{\"user_id\":\"b\",\"username\":7}"), 422, "invalid", "username",
            name);
    refused(POST(MEMBERS, .body = "{\"user_id\":\"b\",\"username\":\"\\u0085\"}"), 422, "invalid",
            "username", name);
    refused(DELETE(MEMBERS "/"), 422, "invalid", "user_id", user);
    refused(DELETE(MEMBERS "/\xFF"), 422, "invalid", "user_id", user);
    char *body = repeated("{\"user_id\":\"", "u", 129, "\"}");
    refused(POST(MEMBERS, .body = body), 422, "too_long", "user_id", user);
    free(body);
    body = repeated("{\"user_id\":\"b\",\"username\":\"", "u", 257, "\"}");
    refused(POST(MEMBERS, .body = body), 422, "too_long", "username", name);
    free(body);
    body = repeated(MEMBERS "/", "u", 129, "");
    refused(DELETE(body), 422, "too_long", "user_id", user);
    body[strlen(body) - 1] = '\0';
    accepted(DELETE(body), CF_STORE_GROUP_LEAVE);
    free(body);
}

/* ---- what is sealed ---- */

static const struct {
    const char *path, *head, *tail, *field, *rule;
} sealed[] = {
    {"messages", "{\"conversation_id\":\"" GROUP "\",\"encrypted_envelope\":", "}",
     "encrypted_envelope", ENVELOPE_TEXT},
    {THREADS, "{\"encrypted_title\":", ",\"encrypted_body\":\"aGk=\"}", "encrypted_title",
     TITLE_TEXT},
    {THREADS, "{\"encrypted_title\":\"aGk=\",\"encrypted_body\":", "}", "encrypted_body",
     BODY_TEXT},
    {REPLIES, "{\"encrypted_body\":", "}", "encrypted_body", BODY_TEXT},
};

static void what_is_sealed_is_base64(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "null",     "7",        "[\"aGk=\"]", "\"\"",        "\"aGk\"",     "\"aGk= \"",
        "\"aGl=\"", "\"aG-_\"", "\"====\"",   "\"aGk=\\n\"", "\"\\u00e9\"", "\"a\\u0000==\"",
    };
    char body[200];
    for (size_t i = 0; i < CF_ARRAY_LEN(sealed); i++) {
        for (size_t j = 0; j < CF_ARRAY_LEN(bad); j++) {
            snprintf(body, sizeof(body), "%s%s%s", sealed[i].head, bad[j], sealed[i].tail);
            refused(POST(sealed[i].path, .body = body), 422, "invalid", sealed[i].field,
                    sealed[i].rule);
        }
    }
    refused(POST("messages", .body = "{\"conversation_id\":\"" GROUP "\"}"), 422, "invalid",
            "encrypted_envelope", ENVELOPE_TEXT);
    refused(POST(THREADS, .body = "{\"encrypted_body\":\"aGk=\"}"), 422, "invalid",
            "encrypted_title", TITLE_TEXT);
    refused(POST(THREADS, .body = "{\"encrypted_title\":\"aGk=\"}"), 422, "invalid",
            "encrypted_body", BODY_TEXT);
    refused(POST(REPLIES, .body = "{}"), 422, "invalid", "encrypted_body", BODY_TEXT);
}

/* 262,143 to 262,146 bytes: with "A==" less, the last group is of one byte. */
static void what_is_sealed_has_at_most_256_kib(void **state)
{
    (void)state;
    static const struct {
        const char *last;
        bool fits;
    } ends[] = {{"", true}, {"AA==", true}, {"AAA=", false}, {"AAAA", false}, {"AAAAAAAA", false}};
    for (size_t i = 0; i < CF_ARRAY_LEN(sealed); i++) {
        for (size_t j = 0; j < CF_ARRAY_LEN(ends); j++) {
            char head[100], tail[100];
            snprintf(head, sizeof(head), "%s\"", sealed[i].head);
            snprintf(tail, sizeof(tail), "%s\"%s", ends[j].last, sealed[i].tail);
            char *body = repeated(head, "AAAA", 262143 / 3, tail);
            if (ends[j].fits)
                accepted(POST(sealed[i].path, .body = body), CF_STORE_GROUP_POST);
            else
                refused(POST(sealed[i].path, .body = body), 422, "too_long", sealed[i].field,
                        sealed[i].rule);
            free(body);
        }
    }
}

static void title_and_body_of_full_size(void **state)
{
    (void)state;
    char *title = repeated("{\"encrypted_title\":\"", "AAAA", 262143 / 3,
                           "AA==\",\"client_message_id\":\"c\",\"encrypted_body\":\"");
    char *body = repeated(title, "AAAA", 262143 / 3, "AA==\"}");
    struct cf_store_request *request = asked(POST(THREADS, .body = body), CF_STORE_GROUP_POST);
    assert_int_equal(request->name.len, 349528);
    assert_int_equal(request->text.len, 349528);
    cf_store_request_free(request);
    free(title);
    free(body);
}

static void a_conversation_is_a_uuid(void **state)
{
    (void)state;
    static const char *const ids[] = {"", ",\"conversation_id\":null", ",\"conversation_id\":7",
                                      ",\"conversation_id\":\"\"", ",\"conversation_id\":\"x\""};
    char body[100];
    for (size_t i = 0; i < CF_ARRAY_LEN(ids); i++) {
        snprintf(body, sizeof(body), "{\"encrypted_envelope\":\"aGk=\"%s}", ids[i]);
        refused(POST("messages", .body = body), 422, "invalid", "conversation_id",
                "conversation_id must be the id of a group, a UUID.");
    }
}

/* ---- the client's id ---- */

static void the_clients_id_is_in_body_or_header(void **state)
{
    (void)state;
    static const struct {
        const char *member, *key, *wanted; /* NULL: none */
    } cases[] = {
        {"", NULL, NULL},
        {",\"client_message_id\":null", NULL, NULL},
        {",\"client_message_id\":\"c\"", NULL, "c"},
        {"", "k", "k"},
        {",\"client_message_id\":null", "k", "k"},
        {",\"client_message_id\":\"k\"", "k", "k"},
    };
    char body[200];
    for (size_t i = 0; i < CF_ARRAY_LEN(posts); i++) {
        for (size_t j = 0; j < CF_ARRAY_LEN(cases); j++) {
            snprintf(body, sizeof(body), "%s%s}", posts[i].body, cases[j].member);
            struct cf_store_request *request =
                asked(POST(posts[i].path, .body = body, .key = cases[j].key), posts[i].op);
            assert_true((request->client_id.ptr == NULL) == (cases[j].wanted == NULL));
            assert_true(cf_slice_eq(request->client_id, maybe(cases[j].wanted)));
            cf_store_request_free(request);
        }
    }
}

static void a_clients_id_against_the_rules_is_422(void **state)
{
    (void)state;
    static const struct {
        const char *member, *key, *rule;
    } cases[] = {
        {",\"client_message_id\":\"\"", NULL, CLIENT_ID_TEXT},
        {",\"client_message_id\":7", NULL, CLIENT_ID_TEXT},
        {",\"client_message_id\":\"\\u00e9\"", NULL, CLIENT_ID_TEXT},
        {"", "", CLIENT_ID_TEXT},
        {"", "\xC3\xA9", CLIENT_ID_TEXT},
        {",\"client_message_id\":\"a\"", "b",
         "client_message_id and the Idempotency-Key header differ. Send one of them, or the same "
         "in both."},
        {",\"client_message_id\":\"a\"", "",
         "client_message_id and the Idempotency-Key header differ. Send one of them, or the same "
         "in both."},
    };
    char body[300];
    for (size_t i = 0; i < CF_ARRAY_LEN(posts); i++) {
        for (size_t j = 0; j < CF_ARRAY_LEN(cases); j++) {
            snprintf(body, sizeof(body), "%s%s}", posts[i].body, cases[j].member);
            refused(POST(posts[i].path, .body = body, .key = cases[j].key), 422, "invalid",
                    "client_message_id", cases[j].rule);
        }
        for (size_t len = 127; len <= 129; len++) {
            char *key = repeated("", "k", len, "");
            snprintf(body, sizeof(body), "%s}", posts[i].body);
            if (len <= 128)
                accepted(POST(posts[i].path, .body = body, .key = key), posts[i].op);
            else
                refused(POST(posts[i].path, .body = body, .key = key), 422, "too_long",
                        "client_message_id", CLIENT_ID_TEXT);
            free(key);
        }
    }
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(a_broken_body_is_400),
        IN_A_WORLD(a_body_is_at_most_32_levels_deep),
        IN_A_WORLD(a_body_over_768_kib_is_413),
        IN_A_WORLD(a_group_against_the_rules_is_422),
        IN_A_WORLD(a_member_against_the_rules_is_422),
        IN_A_WORLD(what_is_sealed_is_base64),
        IN_A_WORLD(what_is_sealed_has_at_most_256_kib),
        IN_A_WORLD(title_and_body_of_full_size),
        IN_A_WORLD(a_conversation_is_a_uuid),
        IN_A_WORLD(the_clients_id_is_in_body_or_header),
        IN_A_WORLD(a_clients_id_against_the_rules_is_422),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
