/* The paths of contracts of the HTTP API, as one table. */
#include "dialect/rest/match.h"
#include "base/assert.h"
#include "dialect/shop/rest.h"

#define ANY CF_REST_ANY

/* The first row that fits decides, so that a fixed word stands above ANY. */
static const struct cf_rest_path paths[] = {
    {{"shops"}, 1, "GET, HEAD, POST, OPTIONS", {{"POST", CF_SHOP_CREATE}, {"GET", CF_SHOP_LIST}}},
    {{"shops", "messages"},
     2,
     "POST, PUT, OPTIONS",
     {{"POST", CF_SHOP_MESSAGE_POST}, {"PUT", CF_SHOP_MESSAGE_EDIT}}},
    {{"shops", ANY, "members"},
     3,
     "GET, HEAD, POST, OPTIONS",
     {{"GET", CF_SHOP_MEMBERS}, {"POST", CF_SHOP_MEMBER_PUT}}},
    {{"shops", ANY, "messages"}, 3, "GET, HEAD, OPTIONS", {{"GET", CF_SHOP_MESSAGES}}},
    {{"shops", "messages", ANY}, 3, "DELETE, OPTIONS", {{"DELETE", CF_SHOP_MESSAGE_DELETE}}},
    {{"shops", "messages", "image", "upload"},
     4,
     "POST, OPTIONS",
     {{"POST", CF_SHOP_IMAGE_UPLOAD}}},
    {{"shops", "messages", "image", ANY},
     4,
     "GET, HEAD, DELETE, OPTIONS",
     {{"GET", CF_SHOP_IMAGE_GET}, {"DELETE", CF_SHOP_IMAGE_DELETE}}},
    {{"shops", ANY, "members", ANY}, 4, "DELETE, OPTIONS", {{"DELETE", CF_SHOP_MEMBER_REMOVE}}},
    {{"shops", ANY, "messages", "paginated"},
     4,
     "GET, HEAD, OPTIONS",
     {{"GET", CF_SHOP_MESSAGES_PAGE}}},
    {{"shops", ANY, "messages", "stream"}, 4, "GET, HEAD, OPTIONS", {{"GET", CF_SHOP_STREAM}}},
};

enum cf_error cf_shop_match(const struct cf_slice *segments, size_t count, struct cf_slice method,
                            struct cf_shop_match *out_match)
{
    struct cf_rest_match match = {.op = 0};
    enum cf_error error =
        cf_rest_match(paths, CF_ARRAY_LEN(paths), segments, count, method, &match);
    *out_match = (struct cf_shop_match){
        (enum cf_shop_op)match.op, {match.args[0], match.args[1]}, match.allow};
    return error;
}
