/* What an idle connection owns of the worker, to the byte, so that nobody makes it larger without
 * noticing: a byte here is a megabyte for a million connections. What else a connection costs (its
 * user's seat, slots of tables, malloc's own) `confab bench idle` measures. */
#include "server/orbit.h"
#include "server/socket.h"
#include "server/stream.h"
#include "unit/base/support.h"

/* The figures are those of a machine with pointers of 8 bytes. */
#define SKIP_ELSEWHERE()     \
    if (sizeof(void *) != 8) \
    skip()

static void a_connection(void **state)
{
    (void)state;
    SKIP_ELSEWHERE();
    assert_int_equal(sizeof(struct cf_conn), 88);
    assert_int_equal(sizeof(struct cf_session), 232);
    assert_int_equal(sizeof(struct cf_line), 88);
    assert_int_equal(sizeof(struct cf_ws_endpoint), 72);
    assert_int_equal(sizeof(struct cf_slot), 16);
    assert_int_equal(sizeof(struct cf_map_slot), 24);
    assert_int_equal(sizeof(struct cf_hub_room), 104);
}

static void a_shop_stream(void **state)
{
    (void)state;
    SKIP_ELSEWHERE();
    assert_int_equal(sizeof(struct cf_stream), 128);
    assert_int_equal(sizeof(struct cf_session) + sizeof(struct cf_stream), 360);
}

static void an_orbital_connection_with_one_group(void **state)
{
    (void)state;
    SKIP_ELSEWHERE();
    assert_int_equal(sizeof(struct cf_orbit), 112);
    assert_int_equal(sizeof(struct cf_subscription), 64);
    assert_int_equal(sizeof(struct cf_session) + sizeof(struct cf_orbit) +
                         sizeof(struct cf_subscription) + 2 * sizeof(struct cf_map_slot),
                     456);
}

/* Its user's own events come to it by a room of the hub, too. */
static void a_socket_in_one_conversation(void **state)
{
    (void)state;
    SKIP_ELSEWHERE();
    assert_int_equal(sizeof(struct cf_eio_session), 32);
    assert_int_equal(sizeof(struct cf_sio_session), 32);
    assert_int_equal(sizeof(struct cf_socket), 152);
    assert_int_equal(sizeof(struct cf_person), 104);
    assert_int_equal(sizeof(struct cf_talk_seat), 72);
    assert_int_equal(sizeof(struct cf_session) + sizeof(struct cf_socket) +
                         sizeof(struct cf_person) + sizeof(struct cf_talk_seat) +
                         sizeof(struct cf_hub_room),
                     664);
}

/* The map of an Orbital connection's groups begins small. */
static void a_map_of_one_entry_has_two_slots(void **state)
{
    static const uint8_t key[16] = {1};
    (void)state;
    struct cf_map map;
    int value;
    cf_map_init(&map, key);
    assert_int_equal(cf_map_put(&map, CF_LIT("group"), &value), CF_OK);
    assert_int_equal(map.cap, 2);
    cf_map_deinit(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection),
        cmocka_unit_test(a_shop_stream),
        cmocka_unit_test(an_orbital_connection_with_one_group),
        cmocka_unit_test(a_socket_in_one_conversation),
        cmocka_unit_test(a_map_of_one_entry_has_two_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
