/* Finished store requests to statuses and JSON. */
#include "base/assert.h"
#include "dialect/shop/rest.h"
#include "dialect/shop/rows.h"

/* ---- what went wrong ---- */

/* What a store's refusal means here, where that is more than the error alone says. The first row
 * that fits counts; CF_STORE_OPS stands for every operation. */
static const struct {
    enum cf_store_op op;
    enum cf_error error;
    const char *message, *field;
} meanings[] = {
    {CF_STORE_OPS, CF_E_NOT_MEMBER, "You are not a member of this shop.", "shop_id"},
    {CF_STORE_MEMBER_PUT, CF_E_FORBIDDEN, "Only an admin of the shop can add or change members.",
     NULL},
    {CF_STORE_MEMBER_REMOVE, CF_E_FORBIDDEN, "Only an admin of the shop can remove somebody else.",
     NULL},
    {CF_STORE_MEMBER_REMOVE, CF_E_NOT_FOUND, "This user is not a member of the shop.", "user_id"},
    {CF_STORE_MEMBER_PUT, CF_E_CONFLICT,
     "This is the shop's last admin. Make somebody else an admin first.", "role"},
    {CF_STORE_MEMBER_REMOVE, CF_E_CONFLICT,
     "This is the shop's last admin. Make somebody else an admin first.", "user_id"},
    {CF_STORE_MESSAGE_CREATE, CF_E_CONFLICT,
     "This client_message_id was used before, with another text or for a message that is deleted. "
     "Take a new one.",
     "client_message_id"},
    {CF_STORE_MESSAGE_CREATE, CF_E_UNAVAILABLE,
     "The message may or may not be stored. Send it again with the same client_message_id.", NULL},
    {CF_STORE_MESSAGE_EDIT, CF_E_FORBIDDEN, "Only the author can change a message.", NULL},
    {CF_STORE_MESSAGE_DELETE, CF_E_FORBIDDEN,
     "Only the author or an admin of the shop can delete a message.", NULL},
    {CF_STORE_MESSAGE_IMAGE_SET, CF_E_FORBIDDEN, "Only the author can add an image to a message.",
     NULL},
    {CF_STORE_MESSAGE_IMAGE_REMOVE, CF_E_FORBIDDEN,
     "Only the author or an admin of the shop can remove an image.", NULL},
    {CF_STORE_MESSAGE_IMAGE_REMOVE, CF_E_NOT_FOUND,
     "There is no such message in your shops, or it has no image.", "message_id"},
    {CF_STORE_OPS, CF_E_NOT_FOUND, "There is no such message in your shops.", "message_id"},
};

struct cf_problem cf_shop_problem_of(enum cf_store_op op, enum cf_error error)
{
    struct cf_problem problem = cf_problem_of(error);
    for (size_t i = 0; i < CF_ARRAY_LEN(meanings); i++) {
        bool fits = meanings[i].op == op || meanings[i].op == CF_STORE_OPS;
        if (!fits || meanings[i].error != error)
            continue;
        problem.message = meanings[i].message;
        problem.field = meanings[i].field;
        break;
    }
    return problem;
}

/* ---- what went well ---- */

static void write_shops(struct cf_json_writer *w, const struct cf_store_request *done)
{
    cf_json_object_begin(w);
    cf_json_key(w, CF_LIT("shops"));
    cf_json_array_begin(w);
    for (size_t i = 0; i < done->rooms_count; i++)
        cf_shop_write_room(w, &done->rooms[i]);
    cf_json_array_end(w);
    cf_json_object_end(w);
}

static void write_members(struct cf_json_writer *w, const struct cf_store_request *done)
{
    cf_json_object_begin(w);
    cf_json_key(w, CF_LIT("members"));
    cf_json_array_begin(w);
    for (size_t i = 0; i < done->members_count; i++)
        cf_shop_write_member(w, &done->members[i]);
    cf_json_array_end(w);
    cf_json_object_end(w);
}

/* `paged`: the question named a page, and the answer tells it and the total. */
static void write_messages(struct cf_json_writer *w, const struct cf_store_request *done,
                           bool paged)
{
    cf_json_object_begin(w);
    cf_json_key(w, CF_LIT("messages"));
    cf_json_array_begin(w);
    for (size_t i = 0; i < done->messages_count; i++)
        cf_shop_write_message(w, &done->messages[i]);
    cf_json_array_end(w);
    if (paged)
        cf_json_member_i64(w, "page", done->page);
    cf_json_member_i64(w, "limit", done->limit);
    if (paged)
        cf_json_member_i64(w, "total", (int64_t)done->total);
    cf_json_member_bool(w, "has_more", done->has_more);
    cf_json_object_end(w);
}

/* 201, or 200 for what had been there before. */
static unsigned created_status(const struct cf_store_request *done)
{
    bool replay = done->op != CF_STORE_MESSAGE_IMAGE_SET && !done->created;
    return replay ? 200 : 201;
}

static enum cf_error write_answer(enum cf_shop_op op, const struct cf_store_request *done,
                                  unsigned *out_status, struct cf_json_writer *w)
{
    *out_status = 200;
    switch (op) {
    case CF_SHOP_CREATE:
        *out_status = 201;
        cf_shop_write_room(w, &done->rooms[0]);
        break;
    case CF_SHOP_LIST:
        write_shops(w, done);
        break;
    case CF_SHOP_MEMBERS:
        write_members(w, done);
        break;
    case CF_SHOP_MEMBER_PUT:
        *out_status = created_status(done);
        cf_shop_write_member(w, &done->members[0]);
        break;
    case CF_SHOP_MESSAGE_POST:
    case CF_SHOP_IMAGE_UPLOAD:
        *out_status = created_status(done);
        cf_shop_write_message(w, &done->messages[0]);
        break;
    case CF_SHOP_MESSAGE_EDIT:
        cf_shop_write_message(w, &done->messages[0]);
        break;
    case CF_SHOP_MESSAGES:
        write_messages(w, done, false);
        break;
    case CF_SHOP_MESSAGES_PAGE:
        write_messages(w, done, done->op == CF_STORE_MESSAGES_PAGE);
        break;
    case CF_SHOP_MEMBER_REMOVE:
    case CF_SHOP_MESSAGE_DELETE:
    case CF_SHOP_IMAGE_DELETE:
        *out_status = 204;
        break;
    case CF_SHOP_IMAGE_GET:
    case CF_SHOP_STREAM:
        return CF_E_STATE;
    }
    return cf_json_writer_finish(w);
}

enum cf_error cf_shop_answer(enum cf_shop_op op, const struct cf_store_request *done,
                             unsigned *out_status, struct cf_buf *body,
                             struct cf_problem *out_problem)
{
    *out_problem = (struct cf_problem){.status = 0};
    if (done->error != CF_OK) {
        *out_problem = cf_shop_problem_of(done->op, done->error);
        *out_status = out_problem->status;
        return cf_problem_write(out_problem, (struct cf_slice){NULL, 0}, body);
    }
    struct cf_json_writer w;
    cf_json_writer_init(&w, body);
    return write_answer(op, done, out_status, &w);
}
