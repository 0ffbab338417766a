/* Binding and accepting: addresses, ports that are taken, socket files, and a process that runs out
 * of descriptors (V32). */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "integration/uv/rig.h"

struct bound {
    int fds[4];
    size_t count;
    char text[CF_LISTEN_TEXT];
    struct cf_buf why;
};

static enum cf_error bind_to(struct bound *bound, const char *address, size_t count)
{
    memset(bound, 0, sizeof(*bound));
    cf_buf_init(&bound->why, 1024);
    enum cf_error error = cf_listen_bind(address, 16, count, bound->fds, bound->text, &bound->why);
    bound->count = error == CF_OK ? count : 0;
    return error;
}

static void release(struct bound *bound)
{
    for (size_t i = 0; i < bound->count; i++)
        close(bound->fds[i]);
    cf_buf_deinit(&bound->why);
}

static void assert_why(const struct bound *bound, const char *text)
{
    assert_int_equal(bound->why.len, strlen(text));
    assert_memory_equal(bound->why.ptr, text, bound->why.len);
}

/* The port of a bound text, checked against what stands before it. */
static unsigned port_after(const struct bound *bound, const char *before)
{
    assert_memory_equal(bound->text, before, strlen(before));
    return (unsigned)strtoul(bound->text + strlen(before), NULL, 10);
}

static void free_ports_are_told(void **state)
{
    (void)state;
    struct bound bound;
    static const char *const addresses[][2] = {{":0", "127.0.0.1:"},
                                               {"127.0.0.1:0", "127.0.0.1:"},
                                               {"0.0.0.0:0", "0.0.0.0:"},
                                               {"[::1]:0", "[::1]:"},
                                               {"[::]:0", "[::]:"}};
    for (size_t i = 0; i < CF_ARRAY_LEN(addresses); i++) {
        assert_int_equal(bind_to(&bound, addresses[i][0], 3), CF_OK);
        assert_in_range(port_after(&bound, addresses[i][1]), 1024, 65535);
        assert_int_equal(fcntl(bound.fds[2], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        assert_int_equal(fcntl(bound.fds[2], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        release(&bound);
    }
}

static void both_families_stand_side_by_side(void **state)
{
    (void)state;
    struct bound v4, v6;
    char address[CF_LISTEN_TEXT];
    assert_int_equal(bind_to(&v4, "0.0.0.0:0", 1), CF_OK);
    snprintf(address, sizeof(address), "[::]:%u", port_after(&v4, "0.0.0.0:"));
    assert_int_equal(bind_to(&v6, address, 1), CF_OK);
    assert_string_equal(v6.text, address);
    release(&v4);
    release(&v6);
}

static void bad_addresses_are_refused(void **state)
{
    (void)state;
    static const char *const addresses[] = {
        "",
        "8080",
        "localhost:80",
        "127.0.0.1",
        "127.0.0.1:",
        "1.2.3:80",
        "127.0.0.1:x",
        "127.0.0.1:-1",
        "[::1]",
        "[::1]:65536",
        "::1:80",
        "[::1:80",
        "127.0.0.1:65536",
        "unix:",
        "[]:80",
        "[zz]:80",
        "127.0.0.1 :80",
        "127.0.0.1:80 ",
        "1.2.3.4.5.6.7.8.9:80",
    };
    struct bound bound;
    for (size_t i = 0; i < CF_ARRAY_LEN(addresses); i++) {
        assert_int_equal(bind_to(&bound, addresses[i], 1), CF_E_INVALID);
        assert_true(cf_slice_starts(cf_buf_peek(&bound.why), CF_LIT("cannot listen on ")));
        release(&bound);
    }
    char path[128] = "unix:/";
    memset(path + 6, 'a', 108);
    assert_int_equal(bind_to(&bound, path, 1), CF_E_INVALID);
    release(&bound);
    assert_int_equal(bind_to(&bound, "localhost:80", 1), CF_E_INVALID);
    assert_why(&bound, "cannot listen on localhost:80: not of the form IP:port, [IPv6]:port, "
                       ":port or unix:/path");
    release(&bound);
}

/* SO_REUSEPORT is set on what listens, and still nobody else may join. */
static void taken_port_is_refused(void **state)
{
    (void)state;
    struct bound first, second;
    char why[256];
    assert_int_equal(bind_to(&first, "127.0.0.1:0", 2), CF_OK);
    assert_int_equal(bind_to(&second, first.text, 1), CF_E_IO);
    snprintf(why, sizeof(why), "cannot listen on %s: address already in use", first.text);
    assert_why(&second, why);
    release(&second);
    assert_int_equal(bind_to(&second, first.text, 2), CF_E_IO);
    release(&second);
    release(&first);
    assert_int_equal(bind_to(&second, first.text, 2), CF_OK);
    release(&second);
}

static void address_of_another_machine_is_refused(void **state)
{
    (void)state;
    struct bound bound;
    assert_int_equal(bind_to(&bound, "192.0.2.1:0", 1), CF_E_IO);
    assert_why(&bound, "cannot listen on 192.0.2.1:0: address not available");
    release(&bound);
}

/* A scratch directory with the name of a socket in it. */
struct place {
    char dir[32], path[64], address[72];
};

static void place_init(struct place *place)
{
    strcpy(place->dir, "/tmp/confab-uv-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    snprintf(place->path, sizeof(place->path), "%s/socket", place->dir);
    snprintf(place->address, sizeof(place->address), "unix:%s", place->path);
}

static void place_deinit(const struct place *place)
{
    unlink(place->path);
    assert_int_equal(rmdir(place->dir), 0);
}

static void socket_file_has_its_mode(void **state)
{
    (void)state;
    struct place place;
    struct bound bound;
    struct stat status;
    place_init(&place);
    mode_t before = umask(0077);
    assert_int_equal(bind_to(&bound, place.address, 2), CF_OK);
    umask(before);
    assert_string_equal(bound.text, place.address);
    assert_int_equal(stat(place.path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    release(&bound);
    place_deinit(&place);
}

static void live_socket_file_is_refused_and_a_dead_one_replaced(void **state)
{
    (void)state;
    struct place place;
    struct bound first, second;
    char why[256];
    place_init(&place);
    assert_int_equal(bind_to(&first, place.address, 1), CF_OK);
    assert_int_equal(bind_to(&second, place.address, 1), CF_E_IO);
    snprintf(why, sizeof(why), "cannot listen on %s: address already in use", place.address);
    assert_why(&second, why);
    release(&second);
    release(&first);
    assert_int_equal(access(place.path, F_OK), 0);
    assert_int_equal(bind_to(&second, place.address, 1), CF_OK);
    release(&second);
    place_deinit(&place);
}

static void other_file_is_left_alone(void **state)
{
    (void)state;
    struct place place;
    struct bound bound;
    place_init(&place);
    int fd = open(place.path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(bind_to(&bound, place.address, 1), CF_E_IO);
    assert_int_equal(access(place.path, F_OK), 0);
    release(&bound);
    place_deinit(&place);
}

static void greet(struct end *end)
{
    assert_int_equal(cf_conn_write(&end->conn, CF_LIT("hello")), CF_OK);
}

static void connection_over_a_socket_file(void **state)
{
    (void)state;
    struct place place;
    struct rig rig;
    struct cf_address address;
    char text[CF_ADDRESS_TEXT];
    place_init(&place);
    rig_init(&rig);
    rig.opened = greet;
    rig_listen(&rig, place.address);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strcpy(name.sun_path, place.path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    rig_run(&rig, rig_accepted);
    assert_int_equal(read(fd, text, sizeof(text)), 5);
    cf_conn_peer(&rig.ends[0]->conn, &address);
    assert_true(address.is_unix);
    assert_true(cf_address_is_loopback(&address));
    cf_address_text(&address, text);
    assert_string_equal(text, "::1");
    close(fd);
    rig_deinit(&rig);
    place_deinit(&place);
}

static bool hundred_opened(struct rig *rig)
{
    return rig->ends_count == 100 && rig_accepted(rig);
}

static size_t accepted_by_first;

static void accept_by_first(void *context, int fd)
{
    int on = 0;
    socklen_t len = sizeof(on);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    assert_true(on);
    accepted_by_first++;
    rig_on_accepted(context, fd);
}

/* Two listeners on two sockets of one port: the kernel gives connections to both, though the first
 * got its SO_REUSEPORT only after it listened. */
static void sockets_of_a_port_share_the_connections(void **state)
{
    (void)state;
    static const struct cf_listener_ops first_ops = {.accepted = accept_by_first};
    struct rig rig;
    struct bound bound;
    struct cf_listener *first, *second;
    int fds[100];
    accepted_by_first = 0;
    rig_init(&rig);
    memset(&bound, 0, sizeof(bound));
    cf_buf_init(&bound.why, 1024);
    assert_int_equal(cf_listen_bind("127.0.0.1:0", 128, 2, bound.fds, bound.text, &bound.why),
                     CF_OK);
    rig.port = (uint16_t)port_after(&bound, "127.0.0.1:");
    assert_int_equal(cf_listener_start(rig.loop, bound.fds[0], &first_ops, &rig, &first), CF_OK);
    assert_int_equal(cf_listener_start(rig.loop, bound.fds[1], &rig_listener_ops, &rig, &second),
                     CF_OK);
    for (size_t i = 0; i < CF_ARRAY_LEN(fds); i++)
        fds[i] = rig_raw_connect(&rig);
    rig_run(&rig, hundred_opened);
    assert_in_range(accepted_by_first, 20, 80);
    for (size_t i = 0; i < CF_ARRAY_LEN(fds); i++)
        close(fds[i]);
    cf_listener_stop(first);
    cf_listener_stop(second);
    cf_buf_deinit(&bound.why);
    rig_deinit(&rig);
}

static unsigned log_lines;

static void count_line(void *context, struct cf_slice line)
{
    (void)context;
    log_lines++;
    assert_true(cf_slice_ends(line, CF_LIT("\n")));
}

static cf_us no_time(void *context)
{
    (void)context;
    return 0;
}

static const struct cf_log_sink counting_sink = {
    .level = CF_LOG_INFO, .now = no_time, .write = count_line};

static void echo(struct end *end, struct cf_slice bytes)
{
    assert_int_equal(cf_conn_write(&end->conn, bytes), CF_OK);
}

static bool first_got_five(struct rig *rig)
{
    return rig->ends[0]->got.len == 5;
}

static bool first_got_ten(struct rig *rig)
{
    return rig->ends[0]->got.len == 10;
}

static size_t accepted_before;

static bool one_more_opened(struct rig *rig)
{
    return rig->ends_count > accepted_before && rig_accepted(rig);
}

struct ticker {
    struct cf_loop_timer timer;
    struct rig *rig;
    bool over;
};

static void on_tick(struct cf_loop_timer *timer)
{
    CF_CONTAINER_OF(timer, struct ticker, timer)->over = true;
}

static bool ticker_over(struct rig *rig)
{
    return ((struct ticker *)rig->context)->over;
}

static void run_for(struct rig *rig, cf_ms wait_ms)
{
    struct ticker ticker = {.rig = rig};
    rig->context = &ticker;
    cf_loop_timer_init(&ticker.timer, on_tick);
    cf_loop_timer_set(rig->loop, &ticker.timer, cf_loop_now(rig->loop).ms + wait_ms);
    rig_run(rig, ticker_over);
}

/* V32: no descriptor is left. Those who wait are turned away, one line is logged, the loop rests
 * instead of spinning, the connection that was there is served, and accepting goes on when
 * descriptors are free again. */
static void out_of_descriptors(void **state)
{
    (void)state;
    struct rig rig;
    struct rlimit before, tight;
    int fds[20], filler[1024];
    size_t fillers = 0;
    char byte;
    log_lines = 0;
    cf_log_install(&counting_sink);
    rig_init(&rig);
    rig.read = echo;
    rig_listen(&rig, "127.0.0.1:0");
    int first = rig_raw_connect(&rig);
    rig_run(&rig, rig_accepted);
    for (size_t i = 0; i < CF_ARRAY_LEN(fds); i++)
        fds[i] = rig_raw_socket();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = (struct rlimit){.rlim_cur = 256, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    while ((filler[fillers] = open("/dev/null", O_RDONLY)) >= 0)
        fillers++;

    rig.turns = 0;
    for (size_t i = 0; i < CF_ARRAY_LEN(fds); i++) {
        rig_raw_join(&rig, fds[i]);
        if (i == CF_ARRAY_LEN(fds) / 2)
            run_for(&rig, 150);
    }
    run_for(&rig, 250);
    assert_int_equal(rig.ends_count, 1);
    assert_int_equal(log_lines, 1);
    assert_in_range(rig.turns, 2, 60);
    for (size_t i = 0; i < CF_ARRAY_LEN(fds); i++)
        assert_true(read(fds[i], &byte, 1) <= 0);
    assert_int_equal(write(first, "first", 5), 5);
    rig_run(&rig, first_got_five);

    while (fillers > 0)
        close(filler[--fillers]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    accepted_before = rig.ends_count;
    cf_ms begin = cf_loop_now(rig.loop).ms;
    int late = rig_raw_connect(&rig);
    rig_run(&rig, one_more_opened);
    assert_true(cf_loop_now(rig.loop).ms - begin <= 1000);
    assert_int_equal(write(first, "again", 5), 5);
    rig_run(&rig, first_got_ten);
    assert_int_equal(log_lines, 1);
    cf_log_install(NULL);
    close(late);
    close(first);
    for (size_t i = 0; i < CF_ARRAY_LEN(fds); i++)
        close(fds[i]);
    rig_deinit(&rig);
}

static void stop_in_accepted(void *context, int fd)
{
    struct rig *rig = context;
    close(fd);
    cf_listener_stop(rig->listener);
    rig->listener = NULL;
    rig->ends_count++;
    assert_int_equal(rig->ends_count, 1);
}

static bool listener_gone(struct rig *rig)
{
    return rig->listener == NULL;
}

/* V29: stopped by its own callback, with more waiting to be accepted. */
static void stopped_inside_its_callback(void **state)
{
    (void)state;
    static const struct cf_listener_ops ops = {.accepted = stop_in_accepted};
    struct rig rig;
    struct bound bound;
    rig_init(&rig);
    assert_int_equal(bind_to(&bound, "127.0.0.1:0", 1), CF_OK);
    rig.port = (uint16_t)port_after(&bound, "127.0.0.1:");
    assert_int_equal(cf_listener_start(rig.loop, bound.fds[0], &ops, &rig, &rig.listener), CF_OK);
    int one = rig_raw_connect(&rig), two = rig_raw_connect(&rig);
    rig_run(&rig, listener_gone);
    rig.ends_count = 0;
    close(one);
    close(two);
    cf_buf_deinit(&bound.why);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_ports_are_told),
        cmocka_unit_test(both_families_stand_side_by_side),
        cmocka_unit_test(bad_addresses_are_refused),
        cmocka_unit_test(taken_port_is_refused),
        cmocka_unit_test(address_of_another_machine_is_refused),
        cmocka_unit_test(socket_file_has_its_mode),
        cmocka_unit_test(live_socket_file_is_refused_and_a_dead_one_replaced),
        cmocka_unit_test(other_file_is_left_alone),
        cmocka_unit_test(connection_over_a_socket_file),
        cmocka_unit_test(sockets_of_a_port_share_the_connections),
        cmocka_unit_test(out_of_descriptors),
        cmocka_unit_test(stopped_inside_its_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
