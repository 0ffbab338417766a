#include "dialect/rest/match.h"

/* Does the path fit? Its arguments then are in out_match. */
static bool fits(const struct cf_rest_path *path, const struct cf_slice *segments, size_t count,
                 struct cf_rest_match *out_match)
{
    size_t args = 0;
    if (path->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (path->segments[i] == CF_REST_ANY)
            out_match->args[args++] = segments[i];
        else if (!cf_slice_eq(segments[i], cf_slice_cstr(path->segments[i])))
            return false;
    }
    return true;
}

static enum cf_error match_method(const struct cf_rest_path *path, struct cf_slice method,
                                  struct cf_rest_match *out_match)
{
    out_match->allow = path->allow;
    for (size_t i = 0; i < CF_REST_METHODS_MAX && path->methods[i].method != NULL; i++) {
        if (cf_slice_eq(method, cf_slice_cstr(path->methods[i].method))) {
            out_match->op = path->methods[i].op;
            return CF_OK;
        }
    }
    return CF_E_UNSUPPORTED;
}

enum cf_error cf_rest_match(const struct cf_rest_path *paths, size_t paths_count,
                            const struct cf_slice *segments, size_t count, struct cf_slice method,
                            struct cf_rest_match *out_match)
{
    for (size_t i = 0; i < paths_count; i++) {
        if (fits(&paths[i], segments, count, out_match))
            return match_method(&paths[i], method, out_match);
    }
    return CF_E_NOT_FOUND;
}
