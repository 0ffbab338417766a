/* The problems of values that are against a rule, by the names they have on the wire. Its own;
 * nobody outside includes it. Each returns its first argument (or the error that it stands for) for
 * the caller to pass on; CF_E_NOMEM leaves *out_problem as it was. */
#ifndef CF_DIALECT_SHOP_REFUSE_H
#define CF_DIALECT_SHOP_REFUSE_H

#include "chat/command.h"
#include "dialect/rest/problem.h"

/* 422: `field` is missing, of another type, too long or against its rule. */
enum cf_error cf_shop_refuse_field(enum cf_error error, const char *field,
                                   struct cf_problem *out_problem);
/* The same with a text of its own. */
enum cf_error cf_shop_refuse_because(const char *field, const char *message,
                                     struct cf_problem *out_problem);
/* The same for what a chat command says. */
enum cf_error cf_shop_refuse_command(enum cf_error error, enum cf_chat_field field,
                                     struct cf_problem *out_problem);
/* 400: an id in the path is no UUID. */
enum cf_error cf_shop_refuse_path_id(const char *field, struct cf_problem *out_problem);
/* 400, 413 or 422: what cf_json_read_object says about a body. */
enum cf_error cf_shop_refuse_body(enum cf_error error, const char *wrong,
                                  struct cf_problem *out_problem);

#endif
