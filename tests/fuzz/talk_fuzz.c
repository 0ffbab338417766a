/* What clients of conversations send, as the dialect reads it. The first byte chooses who reads:
 *
 *     E  an event: the JSON of its arguments
 *     A  the auth of a CONNECT
 *     R  cf_talk_ask: a line each of operation (a letter), path argument, second path argument,
 *        since, afterSeq, before and limit; the rest is the body. An empty query value is an absent
 *        one
 *     W  a user's id, a line; the rest is the text of a message, to be written
 *
 * Besides what the sanitizers see: every refusal says what is wrong, every request that is made
 * keeps the rules, and what is written is JSON that holds no markup and gives the text back. */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "base/utf8.h"
#include "dialect/talk/hear.h"
#include "dialect/talk/rest.h"
#include "dialect/talk/tell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_MAX = 256 * 1024 };

static const uint8_t hash_key[16] = "0123456789abcde";

static void fill_ones(void *context, uint8_t *out, size_t len)
{
    (void)context;
    memset(out, 1, len);
}

static const struct cf_entropy entropy = {.fill = fill_ones};
static const struct cf_identity identity = {
    .user_id = "ann", .name = "Ann", .user_id_len = 3, .name_len = 3};
static const struct cf_asker asker = {&identity, &entropy, {.ms = 1000, .us = 1000000}};

/* As of sockets: a text may have been cut inside an emoji. */
static struct cf_json_limits socket_limits(void)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    limits.lone_surrogates = true;
    return limits;
}

/* The next line, or what is left. */
static struct cf_slice take_line(struct cf_slice *rest)
{
    size_t end = cf_slice_find(*rest, '\n');
    struct cf_slice line = cf_slice_head(*rest, end);
    *rest = cf_slice_skip(*rest, end + 1);
    return line;
}

static struct cf_slice take_optional(struct cf_slice *rest)
{
    struct cf_slice line = take_line(rest);
    return line.len == 0 ? (struct cf_slice){NULL, 0} : line;
}

/* ---- requests ---- */

static void check_text(struct cf_slice text, size_t points_max)
{
    CF_ASSERT(cf_utf8_valid(text) && cf_utf8_count(text) <= points_max);
    CF_ASSERT(cf_slice_find(text, '\0') == text.len);
}

/* The same of one line. */
static void check_line(struct cf_slice line, size_t points_max)
{
    check_text(line, points_max);
    for (size_t i = 0; i < line.len; i++)
        CF_ASSERT(line.ptr[i] >= 0x20 && line.ptr[i] != 0x7F);
}

static void check_request(const struct cf_store_request *request)
{
    bool sends = request->op == CF_STORE_TALK_SEND;
    bool names = request->op == CF_STORE_TALK_CREATE || request->op == CF_STORE_TALK_ADD;
    struct cf_uuid id;
    CF_ASSERT(cf_slice_eq(request->actor, CF_LIT("ann")));
    check_text(request->text, CF_TALK_TEXT_MAX);
    check_line(request->name, CF_TALK_TITLE_MAX);
    check_line(request->user, CF_USER_ID_MAX);
    CF_ASSERT(!sends || (request->text.len > 0 && cf_uuid_parse(request->client_id, &id)));
    CF_ASSERT((request->users_count > 0) == names);
    CF_ASSERT(request->users_count <= CF_TALK_PEOPLE_MAX);
    for (size_t i = 0; i < request->users_count; i++) {
        check_line(request->users[i], CF_USER_ID_MAX);
        CF_ASSERT(request->users[i].len > 0 && request->users[i].len <= CF_USER_ID_MAX);
    }
    if (request->op == CF_STORE_TALK_MESSAGES)
        CF_ASSERT(request->limit >= 1 && request->limit <= CF_TALK_LIST_MAX);
    if (request->op != CF_STORE_TALK_CREATE && request->op != CF_STORE_TALKS_OF)
        CF_ASSERT(request->talk >= 1 || request->number >= 1);
}

/* ---- written ---- */

static uint8_t unescape(struct cf_slice *text)
{
    static const struct {
        const char *reference;
        uint8_t byte;
    } references[] = {
        {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
    uint8_t byte = text->ptr[0];
    CF_ASSERT(byte != '<' && byte != '>' && byte != '"' && byte != '\'');
    for (size_t i = 0; byte == '&' && i < CF_ARRAY_LEN(references); i++) {
        struct cf_slice reference = cf_slice_cstr(references[i].reference);
        if (!cf_slice_starts(*text, reference))
            continue;
        *text = cf_slice_skip(*text, reference.len);
        return references[i].byte;
    }
    CF_ASSERT(byte != '&');
    *text = cf_slice_skip(*text, 1);
    return byte;
}

static void check_escaped(struct cf_slice escaped, struct cf_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        CF_ASSERT(escaped.len > 0);
        CF_ASSERT(unescape(&escaped) == text.ptr[i]);
    }
    CF_ASSERT(escaped.len == 0);
}

/* A user's id comes back as it was, be it a number or a string. */
static void check_packet(struct cf_slice packet, struct cf_slice user, struct cf_slice text)
{
    struct cf_json_limits limits = CF_JSON_LIMITS_DEFAULT;
    struct cf_arena arena;
    struct cf_sio_args args;
    const char *wrong;
    struct cf_json_field fields[] = {
        {.name = "senderId", .types = CF_JSON_IS_STRING | CF_JSON_IS_NUMBER, .required = true},
        {.name = "senderName", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "text", .types = CF_JSON_IS_STRING, .required = true},
    };
    limits.bytes_max = limits.string_bytes_max = MEMORY_MAX;
    cf_arena_init(&arena, 8 * MEMORY_MAX);
    CF_ASSERT(cf_slice_starts(packet, CF_LIT("2[\"message:new\",")));
    CF_ASSERT(cf_sio_args_read(cf_slice_skip(packet, 1), UINT_MAX, &limits, hash_key, &arena,
                               &args) == CF_OK);
    CF_ASSERT(args.count == 3 && cf_slice_eq(args.items[2].text, CF_LIT("41")));
    CF_ASSERT(cf_json_read_object(args.items[1].text, &limits, hash_key, &arena, fields,
                                  CF_ARRAY_LEN(fields), &wrong) == CF_OK);
    CF_ASSERT(cf_slice_eq(fields[0].text, user));
    CF_ASSERT(fields[0].is == CF_JSON_IS_STRING || user.len <= 16);
    check_escaped(fields[1].text, text);
    check_escaped(fields[2].text, text);
    cf_arena_deinit(&arena);
}

static void write_message(struct cf_slice user, struct cf_slice text)
{
    struct cf_talk_message message = {
        .id = 41, .talk = 3, .author = user, .author_name = text, .text = text};
    struct cf_buf out;
    cf_buf_init(&out, MEMORY_MAX);
    enum cf_error error = cf_talk_message_packet(&message, &out);
    bool good = cf_utf8_valid(user) && cf_utf8_valid(text);
    CF_ASSERT(error == CF_OK || error == CF_E_UTF8 || error == CF_E_TOO_LARGE);
    CF_ASSERT(error != CF_OK || good);
    CF_ASSERT(error != CF_E_UTF8 || !good);
    if (error == CF_OK)
        check_packet(cf_buf_peek(&out), user, text);
    cf_buf_deinit(&out);
}

static void fuzz_write(struct cf_slice input)
{
    struct cf_slice user = take_line(&input);
    write_message(user, input);
}

/* ---- heard ---- */

/* What was heard, on to the store request. */
static void act(const struct cf_talk_heard *heard)
{
    struct cf_store_request *request = NULL;
    enum cf_chat_field field = CF_FIELD_NONE;
    enum cf_error error = CF_E_STATE;
    if (heard->verb == CF_TALK_SAY)
        error = cf_talk_send(&asker, heard->id, heard->text, heard->client_id, &request, &field);
    else if (heard->verb == CF_TALK_READ || heard->verb == CF_TALK_DELIVERED)
        error = cf_talk_mark(&asker, heard->id, CF_MARK_READ, &request, &field);
    else
        error = cf_talk_socket(&asker, CF_STORE_SOCKET_JOIN, CF_LIT("pid"), heard->id, &request,
                               &field);
    CF_ASSERT(error != CF_E_NOMEM && (error == CF_OK) == (field == CF_FIELD_NONE));
    CF_ASSERT(error == CF_OK || heard->verb == CF_TALK_SAY);
    if (error == CF_OK) {
        check_request(request);
        write_message(request->actor, request->text);
    }
    cf_store_request_free(request);
}

static void check_refused(const struct cf_talk_heard *heard, enum cf_error error, const char *why)
{
    struct cf_buf out;
    CF_ASSERT(error == CF_E_INVALID && why != NULL && heard->verb != CF_TALK_UNKNOWN);
    cf_buf_init(&out, MEMORY_MAX);
    CF_ASSERT(cf_talk_ack_refused(error, why, 0, &out) == CF_OK);
    CF_ASSERT(cf_utf8_valid(cf_buf_peek(&out)));
    cf_buf_reset(&out);
    CF_ASSERT(cf_talk_sent_packet(heard->client_id, NULL, error, &out) == CF_OK);
    CF_ASSERT(cf_utf8_valid(cf_buf_peek(&out)));
    cf_buf_deinit(&out);
}

/* The session lets through what begins with a name. */
static void fuzz_event(struct cf_slice input)
{
    struct cf_json_limits limits = socket_limits();
    struct cf_arena arena;
    struct cf_sio_args args;
    struct cf_talk_heard heard;
    const char *why = NULL;
    cf_arena_init(&arena, MEMORY_MAX);
    if (cf_sio_args_read(input, UINT_MAX, &limits, hash_key, &arena, &args) == CF_OK &&
        args.count > 0 && args.items[0].is == CF_JSON_IS_STRING) {
        enum cf_error error = cf_talk_hear(&args, &limits, hash_key, &arena, &heard, &why);
        if (error != CF_OK)
            check_refused(&heard, error, why);
        else if (heard.verb != CF_TALK_UNKNOWN)
            act(&heard);
    }
    cf_arena_deinit(&arena);
}

static void fuzz_auth(struct cf_slice input)
{
    struct cf_json_limits limits = socket_limits();
    struct cf_arena arena;
    struct cf_talk_auth auth;
    cf_arena_init(&arena, MEMORY_MAX);
    CF_ASSERT(cf_talk_auth_read(input, &limits, hash_key, &arena, &auth) == CF_OK);
    CF_ASSERT(cf_utf8_valid(auth.pid) && cf_utf8_valid(auth.offset));
    cf_arena_deinit(&arena);
}

/* ---- asked ---- */

static void check_problem(enum cf_error error, const struct cf_problem *problem)
{
    struct cf_buf out;
    CF_ASSERT(error != CF_E_NOMEM);
    CF_ASSERT(problem->status == 400 || problem->status == 413 || problem->status == 422);
    CF_ASSERT(problem->code != NULL && problem->message != NULL);
    CF_ASSERT(problem->status != 422 || problem->field != NULL);
    cf_buf_init(&out, MEMORY_MAX);
    CF_ASSERT(cf_problem_write(problem, CF_LIT(""), &out) == CF_OK);
    cf_buf_deinit(&out);
}

static void fuzz_ask(struct cf_slice input)
{
    struct cf_slice op = take_line(&input);
    struct cf_talk_call call = {
        .match.op = op.len == 0 ? 0 : op.ptr[0] % (CF_TALK_OP_SEND + 1),
        .hash_key = hash_key,
    };
    call.match.args[0] = take_line(&input);
    call.match.args[1] = take_line(&input);
    call.since = take_optional(&input);
    call.after_seq = take_optional(&input);
    call.before = take_optional(&input);
    call.limit = take_optional(&input);
    call.body = input;
    struct cf_store_request *request = NULL;
    struct cf_problem problem = {.status = 0};
    enum cf_error error = cf_talk_ask(&call, &asker, &request, &problem);
    if (error == CF_OK)
        check_request(request);
    else
        check_problem(error, &problem);
    CF_ASSERT((error == CF_OK) == (request != NULL));
    cf_store_request_free(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_slice input = cf_slice_skip(cf_slice_of(data, size), 1);
    if (size == 0)
        return 0;
    switch (data[0]) {
    case 'E':
        fuzz_event(input);
        break;
    case 'A':
        fuzz_auth(input);
        break;
    case 'R':
        fuzz_ask(input);
        break;
    case 'W':
        fuzz_write(input);
        break;
    default:
        break;
    }
    return 0;
}
