/* What shop clients send, as the dialect reads it. The first byte chooses who reads:
 *
 *     H  cf_shop_hear: a text message a line
 *     A  cf_shop_ask: a line each of operation (a letter), path argument, second path argument,
 *        Idempotency-Key, page, limit and since; the rest is the body. An empty key or query value
 *        is an absent one
 *     U  cf_shop_upload_*: a part a line, name=text; what text comes is fed in two pieces
 *     I  the images by their first bytes
 *
 * Besides what the sanitizers see: every refusal names its status and code, and every request that
 * is made keeps the rules. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "base/utf8.h"
#include "dialect/shop/stream.h"
#include "dialect/shop/upload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

/* ---- asking ---- */

static void check_refusal(enum cf_error error, const struct cf_problem *problem)
{
    CF_ASSERT(error != CF_E_NOMEM);
    CF_ASSERT(problem->status == 400 || problem->status == 413 || problem->status == 422 ||
              (error == CF_E_STATE && problem->status == 500));
    CF_ASSERT(problem->code != NULL && problem->message != NULL);
    CF_ASSERT(problem->status != 422 || problem->field != NULL);
}

static void check_text(struct cf_slice text, size_t points_max)
{
    CF_ASSERT(cf_utf8_valid(text) && cf_utf8_count(text) <= points_max);
    CF_ASSERT(cf_slice_find(text, '\0') == text.len);
}

static void check_request(const struct cf_store_request *request)
{
    CF_ASSERT(cf_slice_eq(request->actor, CF_LIT("ann")));
    check_text(request->text, CF_CHAT_TEXT_MAX);
    check_text(request->name, CF_CHAT_ROOM_NAME_MAX);
    check_text(request->user, CF_USER_ID_MAX);
    check_text(request->user_name, CF_USER_NAME_MAX);
    CF_ASSERT(request->client_id.len <= CF_CHAT_CLIENT_ID_MAX);
    CF_ASSERT(request->limit <= CF_CHAT_LIST_MAX);
    CF_ASSERT(request->op != CF_STORE_MESSAGES_PAGE || (request->page > 0 && request->limit > 0));
}

static void settle(enum cf_error error, struct cf_store_request *request,
                   const struct cf_problem *problem)
{
    if (error == CF_OK)
        check_request(request);
    else
        check_refusal(error, problem);
    cf_store_request_free(request);
}

static void fuzz_ask(struct cf_slice input)
{
    struct cf_slice op = take_line(&input);
    struct cf_shop_call call = {
        .match.op = (enum cf_shop_op)(op.len == 0 ? 0 : op.ptr[0] % (CF_SHOP_STREAM + 1)),
        .hash_key = hash_key,
    };
    call.match.args[0] = take_line(&input);
    call.match.args[1] = take_line(&input);
    call.idempotency_key = take_optional(&input);
    call.page = take_optional(&input);
    call.limit = take_optional(&input);
    call.since = take_optional(&input);
    call.body = input;
    struct cf_store_request *request = NULL;
    struct cf_problem problem = {.status = 0};
    settle(cf_shop_ask(&call, &asker, &request, &problem), request, &problem);
}

/* ---- uploading ---- */

static void feed_part(struct cf_shop_upload *upload, struct cf_slice line)
{
    enum cf_shop_part part;
    size_t equals = cf_slice_find(line, '=');
    struct cf_slice text = cf_slice_skip(line, equals + 1);
    if (cf_shop_upload_part(upload, cf_slice_head(line, equals), &part) != CF_OK)
        return;
    CF_ASSERT((part == CF_SHOP_PART_TEXT) == (upload->current != NULL));
    CF_ASSERT(cf_shop_upload_text(upload, cf_slice_head(text, text.len / 2)) == CF_OK);
    CF_ASSERT(cf_shop_upload_text(upload, cf_slice_skip(text, text.len / 2)) == CF_OK);
}

static void fuzz_upload(struct cf_slice input)
{
    struct cf_shop_upload upload;
    struct cf_slice media = {NULL, 0};
    struct cf_slice key = take_optional(&input);
    cf_shop_upload_init(&upload);
    while (input.len > 0)
        feed_part(&upload, take_line(&input));
    if (upload.has_image)
        media = CF_LIT("a.png");
    struct cf_store_request *request = NULL;
    struct cf_problem problem = {.status = 0};
    settle(cf_shop_upload_ask(&upload, media, key, &asker, &request, &problem), request, &problem);
    cf_shop_upload_deinit(&upload);
}

/* ---- hearing ---- */

static void check_said(enum cf_shop_said said, const struct cf_event *like, struct cf_buf *reply)
{
    struct cf_event *event;
    bool any;
    CF_ASSERT(said == CF_SHOP_SAID_NOTHING || reply->len == 0);
    if (said == CF_SHOP_SAID_NOTHING)
        return;
    CF_ASSERT(cf_event_new(like, &event) == CF_OK);
    CF_ASSERT(cf_shop_event_encode(event, CF_SHOP_V2, reply, &any) == CF_OK && any);
    CF_ASSERT(cf_utf8_valid(cf_buf_peek(reply)));
    cf_event_unref(event);
}

static bool hear_line(struct cf_shop_talker *talker, struct cf_slice line, cf_ms now)
{
    struct cf_arena arena;
    struct cf_buf reply;
    enum cf_shop_said said;
    struct cf_event like = {.kind = CF_EVENT_TYPING};
    struct cf_uuid room = {{1}};
    cf_arena_init(&arena, 65536);
    cf_buf_init(&reply, 65536);
    enum cf_error error =
        cf_shop_hear(talker, line, room, &identity, (struct cf_now){.ms = now, .us = 1}, hash_key,
                     &arena, &said, &like, &reply);
    CF_ASSERT(error == CF_OK || (error == CF_E_PROTOCOL && talker->bad == 10 && reply.len > 0));
    check_said(said, &like, &reply);
    cf_buf_deinit(&reply);
    cf_arena_deinit(&arena);
    return error == CF_OK;
}

static void fuzz_hear(struct cf_slice input)
{
    struct cf_shop_talker talker = {.bad = 0};
    cf_ms now = 1000;
    while (input.len > 0 && hear_line(&talker, take_line(&input), now))
        now += 30;
}

static void fuzz_image(struct cf_slice input)
{
    enum cf_shop_image image = cf_shop_image_sniff(cf_slice_head(input, CF_SHOP_SNIFF_BYTES));
    CF_ASSERT(cf_shop_image_type(image) != NULL && cf_shop_image_extension(image) != NULL);
    CF_ASSERT(cf_shop_media_type(input) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_slice input = cf_slice_skip(cf_slice_of(data, size), 1);
    if (size == 0)
        return 0;
    switch (data[0]) {
    case 'H':
        fuzz_hear(input);
        break;
    case 'A':
        fuzz_ask(input);
        break;
    case 'U':
        fuzz_upload(input);
        break;
    case 'I':
        fuzz_image(input);
        break;
    default:
        break;
    }
    return 0;
}
