/* Connections that send no file, whatever it is. */
#include <signal.h>

#include "integration/uv/cert.h"

enum { NO_FILE = -1 };

static void not_before_it_is_open(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t offset = 0;
    rig_init(&rig);
    rig_listen(&rig, "127.0.0.1:0");
    struct end *client = rig_dial(&rig);
    assert_int_equal(cf_conn_send_file(&client->conn, NO_FILE, &offset, 1), CF_E_STATE);
    rig_deinit(&rig);
}

static bool both_open(struct rig *rig)
{
    return rig->ends_count == 2 && rig->ends[0]->opened == 1 && rig->ends[1]->opened == 1;
}

static void not_over_tls(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t offset = 0;
    rig_init(&rig);
    rig_use_tls(&rig);
    rig_listen(&rig, "127.0.0.1:0");
    struct end *client = rig_dial(&rig);
    rig_run(&rig, both_open);
    assert_int_equal(cf_conn_send_file(&client->conn, NO_FILE, &offset, 1), CF_E_UNSUPPORTED);
    assert_int_equal(offset, 0);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_before_it_is_open),
        cmocka_unit_test(not_over_tls),
    };
    signal(SIGPIPE, SIG_IGN); /* as the server does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
