/* The paths of contracts of the HTTP API, as one table. */
#include "base/assert.h"
#include "dialect/shop/rest.h"

enum { SEGMENTS_MAX = 4, METHODS_MAX = 2 };

/* Matches anything, and is an argument. */
#define ANY NULL

struct path {
    const char *segments[SEGMENTS_MAX];
    size_t count;
    const char *allow;
    struct {
        const char *method; /* NULL: no more */
        enum cf_shop_op op;
    } methods[METHODS_MAX];
};

/* The first row that fits decides, so that a fixed word stands above ANY. */
static const struct path paths[] = {
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

/* Does the path fit? Its arguments then are in out_match. */
static bool fits(const struct path *path, const struct cf_slice *segments, size_t count,
                 struct cf_shop_match *out_match)
{
    size_t args = 0;
    if (path->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (path->segments[i] == ANY)
            out_match->args[args++] = segments[i];
        else if (!cf_slice_eq(segments[i], cf_slice_cstr(path->segments[i])))
            return false;
    }
    return true;
}

static enum cf_error match_method(const struct path *path, struct cf_slice method,
                                  struct cf_shop_match *out_match)
{
    out_match->allow = path->allow;
    for (size_t i = 0; i < METHODS_MAX && path->methods[i].method != NULL; i++) {
        if (cf_slice_eq(method, cf_slice_cstr(path->methods[i].method))) {
            out_match->op = path->methods[i].op;
            return CF_OK;
        }
    }
    return CF_E_UNSUPPORTED;
}

enum cf_error cf_shop_match(const struct cf_slice *segments, size_t count, struct cf_slice method,
                            struct cf_shop_match *out_match)
{
    for (size_t i = 0; i < CF_ARRAY_LEN(paths); i++) {
        if (fits(&paths[i], segments, count, out_match))
            return match_method(&paths[i], method, out_match);
    }
    return CF_E_NOT_FOUND;
}
