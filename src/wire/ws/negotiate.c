/* The negotiation of permessage-deflate (RFC 7692 section 7.1). */
#include "wire/ws/deflate.h"

#include <string.h>

#include "base/assert.h"

enum { WINDOW_MIN = 9, WINDOW_MAX = 15, WINDOW_LEGAL_MIN = 8 };

/* One extension of the list with its parameters. */
struct extension {
    struct cf_slice name;
    struct cf_slice params; /* what is behind the name, beginning with ; */
};

static bool is_token(struct cf_slice text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.ptr[i];
        bool ok = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                  (byte >= 'A' && byte <= 'Z') ||
                  (byte != 0 && memchr(others, byte, sizeof(others) - 1) != NULL);
        if (!ok)
            return false;
    }
    return text.len > 0;
}

/* The next `; name` or `; name=value` of *params. False at their end; CF_E_SYNTAX in *out_error. */
static bool next_param(struct cf_slice *params, struct cf_slice *out_name,
                       struct cf_slice *out_value, enum cf_error *out_error)
{
    if (params->len == 0)
        return false;
    struct cf_slice text = cf_slice_skip(*params, 1);
    struct cf_slice param = cf_slice_head(text, cf_slice_find(text, ';'));
    *params = cf_slice_skip(text, param.len);
    size_t equals = cf_slice_find(param, '=');
    *out_name = cf_slice_trim(cf_slice_head(param, equals));
    *out_value = (struct cf_slice){NULL, 0};
    bool ok = is_token(*out_name);
    if (equals < param.len) {
        struct cf_slice value = cf_slice_trim(cf_slice_skip(param, equals + 1));
        if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = cf_slice_of(value.ptr + 1, value.len - 2);
        ok = ok && is_token(value);
        *out_value = value;
    }
    if (!ok)
        *out_error = CF_E_SYNTAX;
    return ok;
}

/* Every parameter of an offer or an answer, each at most once. */
struct params {
    bool server_no_takeover, client_no_takeover;
    bool server_bits_there, client_bits_there;
    unsigned server_bits, client_bits; /* 0: without a value */
};

/* 8 to 15, no leading zero. */
static bool parse_bits(struct cf_slice value, unsigned *out_bits)
{
    uint64_t bits;
    if (value.len == 0 || value.ptr[0] == '0' || !cf_slice_to_u64(value, &bits) ||
        bits < WINDOW_LEGAL_MIN || bits > WINDOW_MAX)
        return false;
    *out_bits = (unsigned)bits;
    return true;
}

static bool take_flag(bool *flag, struct cf_slice value)
{
    bool fresh = !*flag && value.ptr == NULL;
    *flag = true;
    return fresh;
}

static bool take_bits(bool *there, unsigned *bits, struct cf_slice value, bool value_needed)
{
    bool fresh = !*there;
    *there = true;
    if (value.ptr == NULL)
        return fresh && !value_needed;
    return fresh && parse_bits(value, bits);
}

static bool take_param(struct params *params, struct cf_slice name, struct cf_slice value,
                       bool answer)
{
    if (cf_slice_eq_nocase(name, CF_LIT("server_no_context_takeover")))
        return take_flag(&params->server_no_takeover, value);
    if (cf_slice_eq_nocase(name, CF_LIT("client_no_context_takeover")))
        return take_flag(&params->client_no_takeover, value);
    if (cf_slice_eq_nocase(name, CF_LIT("server_max_window_bits")))
        return take_bits(&params->server_bits_there, &params->server_bits, value, true);
    if (cf_slice_eq_nocase(name, CF_LIT("client_max_window_bits")))
        return take_bits(&params->client_bits_there, &params->client_bits, value, answer);
    return false;
}

/* *out_good: known parameters with good values, each once. CF_E_SYNTAX: no list of parameters at
 * all. */
static enum cf_error read_params(struct cf_slice text, bool answer, struct params *out,
                                 bool *out_good)
{
    enum cf_error error = CF_OK;
    struct cf_slice name, value;
    memset(out, 0, sizeof(*out));
    *out_good = true;
    while (next_param(&text, &name, &value, &error))
        *out_good = take_param(out, name, value, answer) && *out_good;
    return error;
}

/* An offer against our policy: what both can do. False: declined. */
static bool agree(const struct params *offer, const struct cf_ws_deflate_policy *policy,
                  struct cf_ws_deflate_params *out)
{
    unsigned server_max = policy->server_window_bits_max;
    unsigned server_bits = offer->server_bits_there ? offer->server_bits : WINDOW_MAX;
    if (server_bits > server_max)
        server_bits = server_max;
    if (server_bits < WINDOW_MIN)
        return false; /* zlib has no raw window of 8 bits */
    *out = (struct cf_ws_deflate_params){
        .enabled = true,
        .server_no_takeover = offer->server_no_takeover || !policy->allow_server_takeover,
        .client_no_takeover = offer->client_no_takeover || !policy->allow_client_takeover,
        .server_window_bits = server_bits,
        .client_window_bits = WINDOW_MAX};
    /* Inflating with a larger window than was used is always right. */
    if (offer->client_bits_there && offer->client_bits >= WINDOW_MIN)
        out->client_window_bits = offer->client_bits;
    return true;
}

static enum cf_error write_answer(const struct params *offer,
                                  const struct cf_ws_deflate_params *params, struct cf_buf *out)
{
    size_t before = out->len;
    enum cf_error error = cf_buf_append(out, CF_LIT("permessage-deflate"));
    if (error == CF_OK && params->server_no_takeover)
        error = cf_buf_append(out, CF_LIT("; server_no_context_takeover"));
    if (error == CF_OK && params->client_no_takeover)
        error = cf_buf_append(out, CF_LIT("; client_no_context_takeover"));
    if (error == CF_OK && (offer->server_bits_there || params->server_window_bits < WINDOW_MAX)) {
        error = cf_buf_append(out, CF_LIT("; server_max_window_bits="));
        if (error == CF_OK)
            error = cf_buf_append_u64(out, params->server_window_bits);
    }
    if (error == CF_OK && offer->client_bits_there && params->client_window_bits < WINDOW_MAX) {
        error = cf_buf_append(out, CF_LIT("; client_max_window_bits="));
        if (error == CF_OK)
            error = cf_buf_append_u64(out, params->client_window_bits);
    }
    if (error != CF_OK)
        out->len = before;
    return error;
}

static enum cf_error split_extension(struct cf_slice text, struct extension *out)
{
    text = cf_slice_trim(text);
    size_t end = cf_slice_find(text, ';');
    out->name = cf_slice_trim(cf_slice_head(text, end));
    out->params = cf_slice_skip(text, end);
    return is_token(out->name) ? CF_OK : CF_E_SYNTAX;
}

enum cf_error cf_ws_deflate_accept(struct cf_slice offers,
                                   const struct cf_ws_deflate_policy *policy,
                                   struct cf_ws_deflate_params *out_params, struct cf_buf *out)
{
    struct cf_slice rest = offers, element;
    struct params accepted = {.server_bits = 0};
    *out_params = (struct cf_ws_deflate_params){.enabled = false};
    while (rest.ptr != NULL && cf_slice_next(&rest, ',', &element)) {
        struct extension extension;
        struct params offer;
        bool good;
        if (cf_slice_trim(element).len == 0)
            continue;
        enum cf_error error = split_extension(element, &extension);
        if (error == CF_OK)
            error = read_params(extension.params, false, &offer, &good);
        if (error != CF_OK) {
            out_params->enabled = false;
            return error;
        }
        bool ours = cf_slice_eq_nocase(extension.name, CF_LIT("permessage-deflate"));
        if (ours && good && !out_params->enabled && agree(&offer, policy, out_params))
            accepted = offer;
    }
    return out_params->enabled ? write_answer(&accepted, out_params, out) : CF_OK;
}

enum cf_error cf_ws_deflate_confirm(struct cf_slice answer, struct cf_ws_deflate_params *out_params)
{
    struct extension extension;
    struct params params;
    bool good;
    *out_params = (struct cf_ws_deflate_params){.enabled = false};
    if (cf_slice_trim(answer).len == 0)
        return CF_OK;
    if (cf_slice_find(answer, ',') != answer.len || split_extension(answer, &extension) != CF_OK ||
        !cf_slice_eq_nocase(extension.name, CF_LIT("permessage-deflate")) ||
        read_params(extension.params, true, &params, &good) != CF_OK || !good)
        return CF_E_PROTOCOL;
    unsigned server_bits = params.server_bits_there ? params.server_bits : WINDOW_MAX;
    unsigned client_bits = params.client_bits_there ? params.client_bits : WINDOW_MAX;
    if (client_bits < WINDOW_MIN)
        return CF_E_PROTOCOL; /* we could not compress so */
    if (server_bits < WINDOW_MIN)
        server_bits = WINDOW_MIN; /* a larger window inflates it as well */
    *out_params = (struct cf_ws_deflate_params){.enabled = true,
                                                .server_no_takeover = params.server_no_takeover,
                                                .client_no_takeover = params.client_no_takeover,
                                                .server_window_bits = server_bits,
                                                .client_window_bits = client_bits};
    return CF_OK;
}
