/* What stands before the load does: users with their tokens, shops, groups, conversations, made by
 * REST over one blocking connection. Errors: CF_E_IO, and why. */
#ifndef CF_BENCH_SETUP_H
#define CF_BENCH_SETUP_H

#include "base/buf.h"
#include "base/uuid.h"
#include "bench/wire.h"

struct cf_bench_room {
    char id[CF_UUID_LEN + 1]; /* as paths and bodies have it */
};

struct cf_bench_setup {
    const struct cf_bench_plan *plan;
    struct cf_bench_why *why;
    char **tokens; /* one a user; NULL for a dialect without accounts */
    struct cf_bench_room *rooms;
    struct cf_bench_wire wire;
    struct cf_buf requests; /* that are not sent yet */
    struct cf_buf answers;
    unsigned waiting; /* requests that are not answered */
};

/* The room's id is that of the answer, behind `id_key`, up to a quotation mark or comma. */
struct cf_bench_room_form {
    const char *rooms;                /* path that makes one */
    const char *id_key;               /* what stands before its id in the answer */
    const char *members;              /* path below it that adds a member, or many */
    const char *people;               /* name of a list of members, at the making and the adding;
                                         NULL: user_id of one at a time */
    const char *first, *first_people; /* JSON that makes a room; its list of members, or NULL */
};

/* Signs the tokens and makes the plan's rooms; room i belongs to user i and has all users whose
 * number is i modulo the rooms. Without a form rooms are just numbers, and nobody has a token.
 * Deinit in any case. */
enum cf_error cf_bench_setup_init(struct cf_bench_setup *setup, const struct cf_bench_plan *plan,
                                  const struct cf_bench_room_form *form, struct cf_bench_why *why);
void cf_bench_setup_deinit(struct cf_bench_setup *setup);
/* A token of user number `user`, valid for an hour. */
enum cf_error cf_bench_sign(struct cf_slice secret, unsigned user, struct cf_buf *out,
                            struct cf_bench_why *why);

#endif
