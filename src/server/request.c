#include "server/request.h"

#include "dialect/orbital/rest.h"
#include "dialect/talk/rest.h"
#include "edge/tls/digest.h"
#include "server/bearer.h"
#include "server/blob.h"
#include "server/poll.h"
#include "server/upload.h"
#include "wire/ws/handshake.h"

static struct cf_worker *worker_of(const struct cf_exchange *exchange)
{
    return exchange->web->session->worker;
}

static void refuse(struct cf_exchange *exchange, unsigned status)
{
    if (exchange->refusal.status == 0)
        exchange->refusal = cf_problem_status(status);
}

/* A copy of a header's value; ptr stays NULL when there is none. */
static enum cf_error copy_header(struct cf_exchange *exchange, const struct cf_http_head *head,
                                 const char *name, struct cf_slice *out)
{
    struct cf_slice value = cf_http_header_get(head, name);
    if (value.ptr == NULL)
        return CF_OK;
    return cf_arena_copy(&exchange->arena, value, out);
}

/* All lines of a list header as one, as RFC 9110 section 5.3 allows. */
static enum cf_error join_header(struct cf_exchange *exchange, const struct cf_http_head *head,
                                 const char *name, struct cf_slice *out)
{
    struct cf_buf joined;
    cf_buf_init(&joined, 32768);
    enum cf_error error = CF_OK;
    for (size_t i = 0; i < head->headers_count && error == CF_OK; i++) {
        if (!cf_slice_eq_nocase(head->headers[i].name, cf_slice_cstr(name)))
            continue;
        if (joined.len > 0)
            error = cf_buf_append_byte(&joined, ',');
        if (error == CF_OK)
            error = cf_buf_append(&joined, head->headers[i].value);
    }
    if (error == CF_OK && cf_http_header_count(head, name) > 0)
        error = cf_arena_copy(&exchange->arena, cf_buf_peek(&joined), out);
    cf_buf_deinit(&joined);
    return error;
}

/* ---- where it goes ---- */

static bool segments_are(const struct cf_http_target *target, const char *a, const char *b,
                         const char *c, const char *d)
{
    const char *const names[] = {a, b, c, d};
    size_t count = 0;
    while (count < 4 && names[count] != NULL)
        count++;
    if (target->segments_count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!cf_slice_eq(target->segments[i], cf_slice_cstr(names[i])))
            return false;
    }
    return true;
}

/* How many segments stand before "shops": 2 for /api/v1, 3 for /api/v1/auth, 0 when it is neither.
 */
static size_t api_prefix(const struct cf_http_target *target)
{
    if (target->segments_count < 3 || !cf_slice_eq(target->segments[0], CF_LIT("api")) ||
        !cf_slice_eq(target->segments[1], CF_LIT("v1")))
        return 0;
    return cf_slice_eq(target->segments[2], CF_LIT("auth")) ? 3 : 2;
}

static enum cf_route fixed_route(const struct cf_http_target *target)
{
    if (segments_are(target, "healthz", NULL, NULL, NULL))
        return CF_ROUTE_HEALTHZ;
    if (segments_are(target, "readyz", NULL, NULL, NULL))
        return CF_ROUTE_READYZ;
    if (segments_are(target, "metrics", NULL, NULL, NULL))
        return CF_ROUTE_METRICS;
    if (segments_are(target, "api", "v1", "health", "websocket"))
        return CF_ROUTE_STREAM_HEALTH;
    return CF_ROUTE_NONE;
}

static void route_fixed(struct cf_exchange *exchange)
{
    exchange->match.allow = "GET, HEAD, OPTIONS";
    if (exchange->method != CF_HTTP_GET && exchange->method != CF_HTTP_HEAD &&
        exchange->method != CF_HTTP_OPTIONS)
        refuse(exchange, 405);
}

/* The configured path, with or without the slash at its end. */
static bool is_socket_path(const struct cf_exchange *exchange)
{
    struct cf_slice path = cf_slice_cstr(worker_of(exchange)->server->config->sio_path);
    return cf_slice_eq(exchange->target.path, path) ||
           cf_slice_eq(exchange->target.path, cf_slice_head(path, path.len - 1));
}

static bool is_talk_path(const struct cf_http_target *target)
{
    return target->segments_count >= 2 && cf_slice_eq(target->segments[0], CF_LIT("api")) &&
           cf_slice_eq(target->segments[1], CF_LIT("conversations"));
}

static bool is_group_path(const struct cf_http_target *target)
{
    return target->segments_count >= 2 && cf_slice_eq(target->segments[0], CF_LIT("v1"));
}

/* What a table of paths has said. */
static void route_matched(struct cf_exchange *exchange, enum cf_error error, const char *allow)
{
    exchange->match.allow = allow;
    if (error == CF_E_UNSUPPORTED && exchange->method == CF_HTTP_OPTIONS)
        return;
    if (error != CF_OK)
        refuse(exchange, error == CF_E_UNSUPPORTED ? 405 : 404);
}

static void route_talk(struct cf_exchange *exchange, struct cf_slice method)
{
    const struct cf_http_target *target = &exchange->target;
    exchange->route = CF_ROUTE_TALK;
    enum cf_error error = cf_talk_match(target->segments + 1, target->segments_count - 1, method,
                                        &exchange->rest_match);
    route_matched(exchange, error, exchange->rest_match.allow);
}

static void route_group(struct cf_exchange *exchange, struct cf_slice method)
{
    const struct cf_http_target *target = &exchange->target;
    exchange->route = CF_ROUTE_GROUP;
    enum cf_error error = cf_orbital_match(target->segments + 1, target->segments_count - 1, method,
                                           &exchange->rest_match);
    route_matched(exchange, error, exchange->rest_match.allow);
}

static void route(struct cf_exchange *exchange, struct cf_slice method)
{
    exchange->route = fixed_route(&exchange->target);
    if (exchange->route != CF_ROUTE_NONE) {
        route_fixed(exchange);
        return;
    }
    if (is_socket_path(exchange)) {
        exchange->route = CF_ROUTE_SOCKET;
        exchange->match.allow = "GET, POST, OPTIONS";
        return;
    }
    if (exchange->method == CF_HTTP_HEAD)
        method = CF_LIT("GET");
    if (is_talk_path(&exchange->target)) {
        route_talk(exchange, method);
        return;
    }
    if (is_group_path(&exchange->target)) {
        route_group(exchange, method);
        return;
    }
    if (segments_are(&exchange->target, "ws", NULL, NULL, NULL)) {
        exchange->route = CF_ROUTE_ORBIT;
        route_fixed(exchange);
        return;
    }
    size_t prefix = api_prefix(&exchange->target);
    if (prefix == 0) {
        refuse(exchange, 404);
        return;
    }
    exchange->route = CF_ROUTE_SHOP;
    enum cf_error error =
        cf_shop_match(exchange->target.segments + prefix, exchange->target.segments_count - prefix,
                      method, &exchange->match);
    route_matched(exchange, error, exchange->match.allow);
}

/* ---- who asks ---- */

/* The token of `Authorization: Bearer …`, else of ?token=; ptr == NULL when there is none. */
static struct cf_slice find_token(const struct cf_exchange *exchange,
                                  const struct cf_http_head *head)
{
    struct cf_slice header = cf_http_header_get(head, "Authorization");
    if (header.ptr == NULL)
        return cf_http_param_get(&exchange->target, "token");
    size_t space = cf_slice_find(header, ' ');
    if (!cf_slice_eq_nocase(cf_slice_head(header, space), CF_LIT("Bearer")))
        return (struct cf_slice){NULL, 0};
    return cf_slice_trim(cf_slice_skip(header, space));
}

static void verify(struct cf_exchange *exchange, struct cf_slice token)
{
    struct cf_worker *worker = worker_of(exchange);
    exchange->auth = token.ptr == NULL
                         ? CF_E_UNAUTHENTICATED
                         : cf_jwt_verify(worker->server->verifier, token, cf_worker_now(worker).us,
                                         &exchange->identity);
}

/* Of the one request that a connection has before it becomes a stream. */
static void authenticate(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    verify(exchange, find_token(exchange, head));
}

/* Of one of many requests of a connection, where nobody else decides about it. */
static void demand_identity(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    cf_us now = cf_worker_now(worker_of(exchange)).us;
    struct cf_bearer **bearer = &exchange->web->bearer;
    struct cf_slice token = find_token(exchange, head);
    if (token.ptr != NULL && cf_bearer_recall(*bearer, token, now, &exchange->identity)) {
        exchange->auth = CF_OK;
        return;
    }
    verify(exchange, token);
    if (exchange->auth == CF_OK)
        cf_bearer_keep(bearer, token, now, &exchange->identity);
    else if (exchange->refusal.status == 0)
        exchange->refusal = cf_problem_of(exchange->auth);
}

/* A proxy may add a line of its own behind one that the client made up: all lines are one list. */
static enum cf_error find_client(struct cf_exchange *exchange, const struct cf_http_head *head,
                                 struct cf_address *out_client, bool *out_undeclared_proxy)
{
    const struct cf_server *server = worker_of(exchange)->server;
    struct cf_address peer;
    struct cf_slice forwarded = {NULL, 0};
    cf_conn_peer(&exchange->web->session->conn, &peer);
    enum cf_error error = join_header(exchange, head, "X-Forwarded-For", &forwarded);
    if (error != CF_OK)
        return error;
    *out_client = cf_proxies_client(&server->proxies, &peer, forwarded);
    *out_undeclared_proxy = forwarded.ptr != NULL && !cf_proxies_trusted(&server->proxies, &peer);
    return CF_OK;
}

static enum cf_error guard_metrics(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    const struct cf_server *server = worker_of(exchange)->server;
    struct cf_slice secret = cf_slice_cstr(server->config->metrics_token);
    if (secret.len > 0) {
        struct cf_slice token = find_token(exchange, head);
        if (token.ptr == NULL || !cf_slice_eq_secret(token, secret))
            exchange->refusal = cf_problem_of(CF_E_UNAUTHENTICATED);
        return CF_OK;
    }
    struct cf_address client;
    bool undeclared_proxy;
    enum cf_error error = find_client(exchange, head, &client, &undeclared_proxy);
    if (error != CF_OK)
        return error;
    /* A proxy that nobody declared speaks for somebody else, wherever it runs. */
    if (undeclared_proxy || !cf_address_is_loopback(&client))
        exchange->refusal = (struct cf_problem){
            .status = 403,
            .code = "forbidden",
            .message = "Metrics are for this machine only, unless CONFAB_METRICS_TOKEN is set."};
    return CF_OK;
}

/* ---- its origin, its handshake, its body ---- */

static enum cf_error read_origin(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    struct cf_slice origin = cf_http_header_get(head, "Origin");
    if (origin.ptr == NULL)
        return CF_OK;
    if (cf_http_header_count(head, "Origin") == 1 &&
        cf_origin_allowed(&worker_of(exchange)->server->origins, origin))
        return cf_arena_copy(&exchange->arena, origin, &exchange->origin);
    exchange->origin_refused = true;
    if (exchange->method == CF_HTTP_OPTIONS && exchange->refusal.status == 0)
        exchange->refusal =
            (struct cf_problem){.status = 403,
                                .code = "origin_refused",
                                .message = "This web origin is not in WEBSOCKET_ALLOWED_ORIGINS."};
    return CF_OK;
}

static enum cf_error read_handshake(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    struct cf_ws_offer offer = {
        .get = head->method == CF_HTTP_GET,
        .http_1_1 = head->minor == 1,
        .connection_upgrade = head->upgrade,
        .upgrade = cf_http_header_get(head, "Upgrade"),
        .key = cf_http_header_get(head, "Sec-WebSocket-Key"),
        .version = cf_http_header_get(head, "Sec-WebSocket-Version"),
        .key_count = cf_http_header_count(head, "Sec-WebSocket-Key"),
        .version_count = cf_http_header_count(head, "Sec-WebSocket-Version"),
    };
    exchange->ws_offer = cf_ws_offer_check(&offer);
    if (exchange->ws_offer != CF_OK)
        return CF_OK;
    char accept[CF_WS_ACCEPT_LEN];
    cf_ws_accept(cf_digest_sha1, offer.key, accept);
    enum cf_error error = cf_arena_copy(&exchange->arena, cf_slice_of(accept, sizeof(accept)),
                                        &exchange->ws_accept_key);
    if (error == CF_OK)
        error = join_header(exchange, head, "Sec-WebSocket-Protocol", &exchange->ws_protocols);
    if (error == CF_OK)
        error = join_header(exchange, head, "Sec-WebSocket-Extensions", &exchange->ws_extensions);
    return error;
}

static bool is_json(struct cf_slice content_type)
{
    struct cf_slice type = cf_slice_head(content_type, cf_slice_find(content_type, ';'));
    return content_type.ptr == NULL ||
           cf_slice_eq_nocase(cf_slice_trim(type), CF_LIT("application/json"));
}

static void keep_json(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    exchange->plan = CF_BODY_KEEP;
    if (!is_json(cf_http_header_get(head, "Content-Type")))
        refuse(exchange, 415);
}

static enum cf_error plan_body(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    switch (exchange->match.op) {
    case CF_SHOP_CREATE:
    case CF_SHOP_MEMBER_PUT:
    case CF_SHOP_MESSAGE_POST:
    case CF_SHOP_MESSAGE_EDIT:
        keep_json(exchange, head);
        return CF_OK;
    case CF_SHOP_IMAGE_UPLOAD:
        exchange->plan = CF_BODY_UPLOAD;
        return cf_upload_begin(exchange, cf_http_header_get(head, "Content-Type"));
    default:
        return CF_OK;
    }
}

static enum cf_error read_shop(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    if (exchange->method == CF_HTTP_OPTIONS || exchange->refusal.status != 0)
        return CF_OK;
    if (exchange->match.op == CF_SHOP_STREAM) {
        authenticate(exchange, head);
        return read_handshake(exchange, head);
    }
    demand_identity(exchange, head);
    enum cf_error error =
        copy_header(exchange, head, "Idempotency-Key", &exchange->idempotency_key);
    if (error == CF_OK && exchange->refusal.status == 0)
        error = plan_body(exchange, head);
    return error;
}

static enum cf_error read_talk(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    if (exchange->method == CF_HTTP_OPTIONS || exchange->refusal.status != 0)
        return CF_OK;
    demand_identity(exchange, head);
    if (exchange->refusal.status == 0 && exchange->method == CF_HTTP_POST)
        keep_json(exchange, head);
    return CF_OK;
}

static bool is_blob(const struct cf_exchange *exchange)
{
    return exchange->rest_match.op == CF_ORBITAL_OP_MEDIA_POST ||
           exchange->rest_match.op == CF_ORBITAL_OP_UPLOAD_HEAD ||
           exchange->rest_match.op == CF_ORBITAL_OP_UPLOAD_PATCH;
}

static enum cf_error copy_conditions(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    enum cf_error error = copy_header(exchange, head, "Range", &exchange->range);
    if (error == CF_OK)
        error = copy_header(exchange, head, "If-Range", &exchange->if_range);
    if (error == CF_OK)
        error = copy_header(exchange, head, "If-None-Match", &exchange->if_none_match);
    return error;
}

static enum cf_error read_group(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    if (exchange->method == CF_HTTP_OPTIONS || exchange->refusal.status != 0)
        return CF_OK;
    demand_identity(exchange, head);
    if (exchange->refusal.status != 0)
        return CF_OK;
    enum cf_error error =
        copy_header(exchange, head, "Idempotency-Key", &exchange->idempotency_key);
    if (error == CF_OK && exchange->rest_match.op == CF_ORBITAL_OP_MEDIA_GET)
        error = copy_conditions(exchange, head);
    if (error != CF_OK)
        return error;
    if (is_blob(exchange)) {
        exchange->plan = CF_BODY_BLOB;
        return cf_blob_begin(exchange, head);
    }
    if (exchange->method == CF_HTTP_POST)
        keep_json(exchange, head);
    exchange->body.max = CF_ORBITAL_BODY_MAX;
    return CF_OK;
}

static enum cf_error read_orbit(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    bool undeclared_proxy;
    if (exchange->method == CF_HTTP_OPTIONS || exchange->refusal.status != 0)
        return CF_OK;
    authenticate(exchange, head);
    enum cf_error error = find_client(exchange, head, &exchange->client, &undeclared_proxy);
    return error == CF_OK ? read_handshake(exchange, head) : error;
}

static enum cf_error read_socket(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    if (exchange->method == CF_HTTP_OPTIONS || exchange->refusal.status != 0)
        return CF_OK;
    exchange->bearer = find_token(exchange, head);
    enum cf_error error = read_handshake(exchange, head);
    return error == CF_OK ? cf_poll_read(exchange, head) : error;
}

enum cf_error cf_request_read(struct cf_exchange *exchange, const struct cf_http_head *head)
{
    exchange->method = head->method;
    exchange->keep_alive = head->keep_alive;
    exchange->http_1_0 = head->minor == 0;
    bool server_wide = head->method == CF_HTTP_OPTIONS && cf_slice_eq(head->target, CF_LIT("*"));
    if (server_wide) {
        exchange->match.allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
        return read_origin(exchange, head);
    }
    enum cf_error error = cf_http_target_parse(head->target, &exchange->arena, &exchange->target);
    if (error == CF_E_NOMEM)
        return error;
    if (error != CF_OK)
        refuse(exchange, 400);
    else
        route(exchange, head->method_text);
    error = read_origin(exchange, head);
    if (error != CF_OK)
        return error;
    switch (exchange->route) {
    case CF_ROUTE_NONE:
    case CF_ROUTE_HEALTHZ:
    case CF_ROUTE_READYZ:
    case CF_ROUTE_STREAM_HEALTH:
        return CF_OK;
    case CF_ROUTE_METRICS:
        return exchange->refusal.status == 0 ? guard_metrics(exchange, head) : CF_OK;
    case CF_ROUTE_SHOP:
        return read_shop(exchange, head);
    case CF_ROUTE_TALK:
        return read_talk(exchange, head);
    case CF_ROUTE_SOCKET:
        return read_socket(exchange, head);
    case CF_ROUTE_ORBIT:
        return read_orbit(exchange, head);
    case CF_ROUTE_GROUP:
        return read_group(exchange, head);
    }
    return CF_E_STATE;
}
