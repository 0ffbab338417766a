/* Every error of the house, in one table.
 *
 * A function that can fail returns an enum cf_error; 0 is success. Nothing here is `errno`: an edge
 * that meets one logs its text and returns the code that says what the caller can do about it.
 *
 * X(name, class, WebSocket close code (RFC 6455 section 7.4.1), text for a person)
 *
 * Classes: PEER  the other side broke a rule, its fault alone
 *          RULE  well-formed but refused by the domain
 *          LIMIT a configured limit was met
 *          LOCAL our side cannot serve just now */
#ifndef CF_BASE_ERROR_H
#define CF_BASE_ERROR_H

#define CF_ERROR_MAP(X)                                          \
    X(OK, NONE, 1000, "ok")                                      \
    X(E_SYNTAX, PEER, 1002, "malformed input")                   \
    X(E_UTF8, PEER, 1007, "text is not valid UTF-8")             \
    X(E_DUPLICATE, PEER, 1002, "duplicate key or header")        \
    X(E_TRUNCATED, PEER, 1002, "input ends too early")           \
    X(E_UNSUPPORTED, PEER, 1003, "not supported")                \
    X(E_PROTOCOL, PEER, 1002, "protocol error")                  \
    X(E_TIMEOUT, PEER, 1002, "the peer took too long")           \
    X(E_CLOSED, PEER, 1000, "connection closed")                 \
    X(E_UNAUTHENTICATED, PEER, 1008, "missing or invalid token") \
    X(E_EXPIRED, PEER, 1008, "token expired")                    \
    X(E_NOT_MEMBER, RULE, 1008, "not a member")                  \
    X(E_FORBIDDEN, RULE, 1008, "not allowed")                    \
    X(E_NOT_FOUND, RULE, 1008, "not found")                      \
    X(E_INVALID, RULE, 1008, "value against a rule")             \
    X(E_CONFLICT, RULE, 1008, "conflicts with what is stored")   \
    X(E_TOO_LARGE, LIMIT, 1009, "too large")                     \
    X(E_TOO_DEEP, LIMIT, 1009, "nested too deep")                \
    X(E_TOO_MANY, LIMIT, 1008, "too many")                       \
    X(E_RATE, LIMIT, 1008, "too often")                          \
    X(E_SLOW, LIMIT, 1013, "reads too slowly")                   \
    X(E_FULL, LIMIT, 1013, "no space left")                      \
    X(E_NOMEM, LOCAL, 1011, "out of memory")                     \
    X(E_IO, LOCAL, 1011, "input or output failed")               \
    X(E_UNAVAILABLE, LOCAL, 1013, "try again with the same id")  \
    X(E_STATE, LOCAL, 1011, "called in the wrong state")

enum cf_error {
#define CF_ERROR_ENUM(name, class, close, text) CF_##name,
    CF_ERROR_MAP(CF_ERROR_ENUM)
#undef CF_ERROR_ENUM
};

enum cf_error_class { CF_CLASS_NONE, CF_CLASS_PEER, CF_CLASS_RULE, CF_CLASS_LIMIT, CF_CLASS_LOCAL };

/* The name without its prefix ("E_SYNTAX"), never NULL. */
const char *cf_error_name(enum cf_error error);
/* One short phrase for a person, never NULL. */
const char *cf_error_text(enum cf_error error);
enum cf_error_class cf_error_class(enum cf_error error);
/* The WebSocket close code that tells a peer of this error. */
unsigned cf_error_close_code(enum cf_error error);

#endif
