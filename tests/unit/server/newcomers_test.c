/* Sockets that the store does not know yet: each is told of once, to its own user's request, and
 * those that were lost are remembered for a while, as many as may be. */
#include "server/newcomers.h"

#include <stdio.h>
#include <string.h>

#include "unit/base/support.h"

static int setup(void **state)
{
    struct cf_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return 1;
    pthread_mutex_init(&server->people_lock, NULL);
    cf_newcomers_init(server);
    *state = server;
    return 0;
}

static int teardown(void **state)
{
    struct cf_server *server = *state;
    cf_newcomers_deinit(server);
    pthread_mutex_destroy(&server->people_lock);
    free(server);
    return 0;
}

static struct cf_life life_of(unsigned number)
{
    char pid[CF_SOCKET_PID_LEN + 1];
    struct cf_life life = {.opened = 1000 + number};
    (void)snprintf(pid, sizeof(pid), "%0*u", CF_SOCKET_PID_LEN, number);
    memcpy(life.pid, pid, sizeof(life.pid));
    return life;
}

static struct cf_slice pid_of(const struct cf_life *life)
{
    return cf_slice_of(life->pid, sizeof(life->pid));
}

static struct cf_life add(struct cf_server *server, unsigned number)
{
    struct cf_life life = life_of(number);
    assert_int_equal(cf_newcomer_add(server, &life, CF_LIT("01234567890123456789"), CF_LIT("ann"),
                                     77 + (int64_t)number),
                     CF_OK);
    return life;
}

static struct cf_store_request *introduce(struct cf_server *server, enum cf_store_op op,
                                          const struct cf_life *life, struct cf_slice actor)
{
    struct cf_store_request *request = cf_store_request_new(op);
    assert_non_null(request);
    request->pid = pid_of(life);
    request->actor = actor;
    request->now = 5;
    assert_int_equal(cf_newcomer_introduce(server, request), CF_OK);
    return request;
}

static void assert_introduced(struct cf_server *server, enum cf_store_op op,
                              const struct cf_life *life, struct cf_slice actor, bool expected)
{
    struct cf_store_request *request = introduce(server, op, life, actor);
    assert_int_equal(request->sid.len, expected ? CF_SOCKET_ID_LEN : 0);
    assert_int_equal(request->number, expected ? life->opened - 1000 + 77 : 0);
    assert_int_equal(request->now, expected && op != CF_STORE_SOCKET_RECOVER ? life->opened : 5);
    cf_store_request_free(request);
}

static void requests_tell_of_their_own(void **state)
{
    struct cf_server *server = *state;
    struct cf_life one = add(server, 1), two = add(server, 2), none = life_of(3);
    const enum cf_store_op ops[] = {CF_STORE_SOCKET_OPEN, CF_STORE_SOCKET_JOIN,
                                    CF_STORE_SOCKET_RECOVER};
    for (size_t i = 0; i < CF_ARRAY_LEN(ops); i++) {
        assert_introduced(server, ops[i], &one, CF_LIT("ann"), true);
        assert_introduced(server, ops[i], &two, CF_LIT("ann"), true);
        assert_introduced(server, ops[i], &one, CF_LIT("anna"), false);
        assert_introduced(server, ops[i], &none, CF_LIT("ann"), false);
    }
    assert_true(cf_newcomer_is(server, &one));
    cf_newcomer_known(server, pid_of(&one));
    cf_newcomer_known(server, pid_of(&none));
    assert_false(cf_newcomer_is(server, &one));
    assert_introduced(server, CF_STORE_SOCKET_JOIN, &one, CF_LIT("ann"), false);
    assert_introduced(server, CF_STORE_SOCKET_JOIN, &two, CF_LIT("ann"), true);
}

/* Who tries to recover a life, and fails, leaves it as it is. */
static void a_life_ends_by_itself_only(void **state)
{
    struct cf_server *server = *state;
    struct cf_life life = add(server, 1), later = life;
    later.opened++;
    assert_false(cf_newcomer_is(server, &later));
    cf_newcomer_leave(server, &later);
    cf_newcomer_lose(server, &later, 10);
    cf_newcomers_sweep(server, 10);
    assert_true(cf_newcomer_is(server, &life));
    assert_introduced(server, CF_STORE_SOCKET_RECOVER, &life, CF_LIT("ann"), true);
    cf_newcomer_leave(server, &life);
    assert_false(cf_newcomer_is(server, &life));
    cf_newcomer_leave(server, &life);
    cf_newcomer_lose(server, &life, 10);
    assert_int_equal(server->newcomers_lost_count, 0);
}

static void the_lost_are_forgotten_in_time(void **state)
{
    struct cf_server *server = *state;
    struct cf_life connected = add(server, 1), first = add(server, 2), second = add(server, 3),
                   found = add(server, 4);
    cf_newcomer_lose(server, &first, 100);
    cf_newcomer_lose(server, &found, 150);
    cf_newcomer_lose(server, &second, 200);
    cf_newcomer_known(server, pid_of(&found));
    assert_int_equal(server->newcomers_lost_count, 2);
    cf_newcomers_sweep(server, 99);
    assert_true(cf_newcomer_is(server, &first));
    cf_newcomers_sweep(server, 100);
    assert_false(cf_newcomer_is(server, &first));
    cf_newcomers_sweep(server, 199);
    assert_true(cf_newcomer_is(server, &second));
    cf_newcomers_sweep(server, CF_MS_NEVER - 1);
    assert_false(cf_newcomer_is(server, &second));
    assert_true(cf_newcomer_is(server, &connected));
    assert_int_equal(server->newcomers_lost_count, 0);
}

/* V15 */
static void so_many_may_be_lost(void **state)
{
    struct cf_server *server = *state;
    struct cf_life connected = add(server, 0), first = life_of(1), second = life_of(2);
    for (unsigned i = 1; i <= CF_NEWCOMERS_LOST_MAX; i++) {
        struct cf_life life = add(server, i);
        cf_newcomer_lose(server, &life, 10);
    }
    assert_true(cf_newcomer_is(server, &first));
    struct cf_life last = add(server, CF_NEWCOMERS_LOST_MAX + 1);
    cf_newcomer_lose(server, &last, 10);
    assert_false(cf_newcomer_is(server, &first));
    assert_true(cf_newcomer_is(server, &second));
    assert_true(cf_newcomer_is(server, &last));
    assert_true(cf_newcomer_is(server, &connected));
    assert_int_equal(server->newcomers_lost_count, CF_NEWCOMERS_LOST_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_tell_of_their_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_life_ends_by_itself_only, setup, teardown),
        cmocka_unit_test_setup_teardown(the_lost_are_forgotten_in_time, setup, teardown),
        cmocka_unit_test_setup_teardown(so_many_may_be_lost, setup, teardown),
    };
    return cmocka_run_group_tests_name("newcomers", tests, NULL, NULL);
}
