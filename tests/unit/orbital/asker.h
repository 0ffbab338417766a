/* What the tests of calls share: somebody who asks, the ids in the paths, texts of refusals. */
#ifndef CF_TESTS_UNIT_ORBITAL_ASKER_H
#define CF_TESTS_UNIT_ORBITAL_ASKER_H

#include "unit/orbital/call.h"

#define CLIENT_ID_TEXT                                                                    \
    "client_message_id (or the Idempotency-Key header) must be 1 to 128 printable ASCII " \
    "characters."

#define MEMBERS "groups/" GROUP "/members"
#define THREADS "groups/" GROUP "/threads"
#define REPLIES "threads/" THREAD "/replies"

static struct world world;
static struct person ann;

static inline int set_up(void **state)
{
    (void)state;
    world_open(&world);
    person_init(&ann, &world, "ann", "Ann");
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static inline void refused(struct ask what, unsigned status, const char *code, const char *field,
                           const char *message)
{
    assert_refused(&world, &ann, what, status, code, field, message);
}

static inline struct cf_store_request *asked(struct ask what, enum cf_store_op op)
{
    struct cf_store_request *request = NULL;
    struct cf_problem problem;
    int orbital_op;
    assert_int_equal(ask(&ann, &what, &orbital_op, &request, &problem), CF_OK);
    assert_int_equal(request->op, op);
    assert_slice_equal(request->actor, "ann");
    assert_slice_equal(request->actor_name, "Ann");
    return request;
}

static inline void accepted(struct ask what, enum cf_store_op op)
{
    cf_store_request_free(asked(what, op));
}

static inline void assert_uuid(struct cf_uuid uuid, const char *wanted)
{
    struct cf_uuid other = {{0}};
    if (wanted != NULL)
        other = uuid_of(wanted);
    assert_true(cf_uuid_eq(&uuid, &other));
}

#endif
