#include "wire/http/range.h"

/* The last `suffix` bytes, "bytes=-500". */
static enum cf_error take_suffix(uint64_t suffix, uint64_t size, struct cf_http_range *out_range)
{
    if (suffix == 0 || size == 0)
        return CF_E_NOT_FOUND;
    out_range->len = suffix < size ? suffix : size;
    out_range->first = size - out_range->len;
    return CF_OK;
}

enum cf_error cf_http_range_parse(struct cf_slice value, uint64_t size,
                                  struct cf_http_range *out_range)
{
    struct cf_slice unit = CF_LIT("bytes=");
    uint64_t first, last = UINT64_MAX;
    if (!cf_slice_eq_nocase(cf_slice_head(value, unit.len), unit))
        return CF_E_UNSUPPORTED;
    value = cf_slice_skip(value, unit.len);
    size_t dash = cf_slice_find(value, '-');
    if (dash == value.len)
        return CF_E_UNSUPPORTED;
    struct cf_slice from = cf_slice_head(value, dash), to = cf_slice_skip(value, dash + 1);
    if (to.len > 0 && !cf_slice_to_u64(to, &last))
        return CF_E_UNSUPPORTED;
    if (from.len == 0)
        return to.len == 0 ? CF_E_UNSUPPORTED : take_suffix(last, size, out_range);
    if (!cf_slice_to_u64(from, &first) || last < first)
        return CF_E_UNSUPPORTED;
    if (first >= size)
        return CF_E_NOT_FOUND;
    out_range->first = first;
    out_range->len = (last < size ? last + 1 : size) - first;
    return CF_OK;
}
