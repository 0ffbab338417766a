/* More connections to write to than one turn flushes. */
#include <fcntl.h>
#include <sys/resource.h>

#include "integration/uv/rig.h"

/* A stop flushes twice what a turn does before it comes to the rest. */
enum { CROWD = 600, FIRST_FLUSH = 256 };

/* Connections over socket pairs, and what is at their other ends. */
struct crowd {
    struct rig rig;
    int peers[CROWD];
    unsigned step;
};

static void crowd_init(struct crowd *crowd)
{
    memset(crowd, 0, sizeof(*crowd));
    rig_init(&crowd->rig);
    for (size_t i = 0; i < CROWD; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
        crowd->peers[i] = pair[1];
        rig_on_accepted(&crowd->rig, pair[0]);
    }
}

static void crowd_deinit(struct crowd *crowd)
{
    rig_deinit(&crowd->rig);
    for (size_t i = 0; i < CROWD; i++)
        close(crowd->peers[i]);
}

static void write_to(struct crowd *crowd, size_t i, const char *text)
{
    assert_int_equal(cf_conn_write(&crowd->rig.ends[i]->conn, cf_slice_cstr(text)), CF_OK);
}

static void write_to_all(struct crowd *crowd)
{
    for (size_t i = 0; i < CROWD; i++)
        write_to(crowd, i, "one ");
}

/* The bytes that have come to the other end since it was last asked, in `out`. */
static const char *come(const struct crowd *crowd, size_t i, char out[16])
{
    ssize_t got = recv(crowd->peers[i], out, 15, MSG_DONTWAIT);
    out[got > 0 ? got : 0] = '\0';
    return out;
}

static void assert_come(const struct crowd *crowd, size_t from, size_t until, const char *text)
{
    char out[16];
    for (size_t i = from; i < until; i++)
        assert_string_equal(come(crowd, i, out), text);
}

/* Those who have waited longest go first, and what comes meanwhile joins what still waits. */
static void on_turn_end(struct rig *rig)
{
    struct crowd *crowd = CF_CONTAINER_OF(rig, struct crowd, rig);
    switch (crowd->step++) {
    case 0:
        write_to_all(crowd);
        break;
    case 1:
        assert_come(crowd, 0, FIRST_FLUSH, "one ");
        assert_come(crowd, FIRST_FLUSH, CROWD, "");
        write_to(crowd, 0, "two");
        write_to(crowd, CROWD - 1, "two");
        break;
    default:
        break;
    }
}

static bool is_over(struct rig *rig)
{
    return CF_CONTAINER_OF(rig, struct crowd, rig)->step >= 3;
}

static void a_crowd_is_flushed_in_turns(void **state)
{
    (void)state;
    struct crowd crowd;
    char out[16];
    crowd_init(&crowd);
    crowd.rig.turn_end = on_turn_end;
    rig_run(&crowd.rig, is_over);
    assert_string_equal(come(&crowd, 0, out), "two");
    assert_come(&crowd, 1, FIRST_FLUSH, "");
    assert_come(&crowd, FIRST_FLUSH, CROWD - 1, "one ");
    assert_string_equal(come(&crowd, CROWD - 1, out), "one two");
    crowd_deinit(&crowd);
}

static bool writes_and_stops(struct rig *rig)
{
    struct crowd *crowd = CF_CONTAINER_OF(rig, struct crowd, rig);
    if (crowd->step++ == 0)
        write_to_all(crowd);
    return true;
}

static void a_stop_flushes_all(void **state)
{
    (void)state;
    struct crowd crowd;
    crowd_init(&crowd);
    rig_run(&crowd.rig, writes_and_stops);
    assert_come(&crowd, 0, CROWD, "one ");
    crowd_deinit(&crowd);
}

int main(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crowd_is_flushed_in_turns),
        cmocka_unit_test(a_stop_flushes_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
