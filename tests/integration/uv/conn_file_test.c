/* Files that go out straight from the page cache. */
#include <pthread.h>
#include <signal.h>

#include "integration/uv/cert.h"

enum { MIB = 1024 * 1024, FILE_LEN = 8 * MIB };

static int file;

/* Bytes that tell where they are. */
static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 131 + (i >> 8) * 17 + (i >> 16));
}

static int open_unnamed(void)
{
    char path[] = "/tmp/confab-file-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    return fd;
}

static int make_file(void **state)
{
    (void)state;
    static uint8_t bytes[FILE_LEN];
    for (size_t i = 0; i < FILE_LEN; i++)
        bytes[i] = pattern(i);
    file = open_unnamed();
    return pwrite(file, bytes, FILE_LEN, 0) != FILE_LEN;
}

static int close_file(void **state)
{
    (void)state;
    return close(file);
}

/* One raw peer, and the end that was accepted for it. */
static struct end *accept_raw(struct rig *rig, int *out_fd)
{
    rig_init(rig);
    rig_listen(rig, "127.0.0.1:0");
    *out_fd = rig_raw_connect(rig);
    rig_run(rig, rig_accepted);
    return rig->ends[0];
}

static bool twenty_turns(struct rig *rig)
{
    cf_loop_wake(rig->loop);
    return rig->turns >= 20;
}

static void turn_twenty_times(struct rig *rig)
{
    rig->turns = 0;
    rig_run(rig, twenty_turns);
}

/* A call that calls nobody back. */
static enum cf_error send_file(struct end *end, int fd, uint64_t *offset, size_t len)
{
    bool before = end->in_callback;
    end->in_callback = true;
    enum cf_error error = cf_conn_send_file(&end->conn, fd, offset, len);
    end->in_callback = before;
    return error;
}

/* What an owner does: pieces until the socket is full, again when it is not, then the end. */
static struct sending {
    int fd;
    uint64_t offset, until;
    size_t piece;
    bool finished;
} sending;

static void send_on(struct end *end)
{
    while (sending.offset < sending.until) {
        uint64_t before = sending.offset, left = sending.until - before;
        size_t len = left < sending.piece ? (size_t)left : sending.piece;
        assert_int_equal(send_file(end, sending.fd, &sending.offset, len), CF_OK);
        assert_in_range(sending.offset, before, before + len);
        assert_int_equal(cf_conn_blocked(&end->conn), sending.offset < before + len);
        if (cf_conn_blocked(&end->conn))
            return;
    }
    sending.finished = true;
    cf_conn_shut(&end->conn);
}

static void start_sending(struct end *end, int fd, uint64_t from, uint64_t until, size_t piece)
{
    sending = (struct sending){.fd = fd, .offset = from, .until = until, .piece = piece};
    end->rig->drained = send_on;
    send_on(end);
}

/* Sends until the socket is full; nobody reads, and what goes on is the test's. */
static struct end *accept_and_stall(struct rig *rig, int *out_fd, uint64_t *out_offset)
{
    struct end *end = accept_raw(rig, out_fd);
    *out_offset = 0;
    assert_int_equal(send_file(end, file, out_offset, FILE_LEN), CF_OK);
    assert_in_range(*out_offset, 1, FILE_LEN - 1);
    assert_true(cf_conn_blocked(&end->conn));
    assert_true(cf_outq_empty(cf_conn_outq(&end->conn)));
    return end;
}

/* A peer on a thread of its own that reads until the end. */
struct reader {
    pthread_t thread;
    int fd;
    uint8_t *bytes;
    size_t len;
};

static void *read_all(void *context)
{
    struct reader *reader = context;
    for (ssize_t got = 1; got > 0 && reader->len < FILE_LEN + MIB;) {
        got = read(reader->fd, reader->bytes + reader->len, FILE_LEN + MIB - reader->len);
        reader->len += got > 0 ? (size_t)got : 0;
    }
    close(reader->fd);
    return NULL;
}

static void reader_start(struct reader *reader, int fd)
{
    *reader = (struct reader){.fd = fd, .bytes = malloc(FILE_LEN + MIB)};
    assert_non_null(reader->bytes);
    assert_int_equal(pthread_create(&reader->thread, NULL, read_all, reader), 0);
}

/* It has read `len` bytes of the file from `from` on, and `tail` after them. */
static void reader_assert(struct reader *reader, uint64_t from, uint64_t len, const char *tail)
{
    assert_int_equal(pthread_join(reader->thread, NULL), 0);
    assert_int_equal(reader->len, len + strlen(tail));
    for (size_t i = 0; i < len; i++) {
        if (reader->bytes[i] != pattern((size_t)from + i))
            fail_msg("byte %zu differs", i);
    }
    assert_memory_equal(reader->bytes + len, tail, strlen(tail));
    free(reader->bytes);
}

static void all_of_a_file_and_parts_of_it(void **state)
{
    (void)state;
    static const struct {
        uint64_t from, until;
        size_t piece;
    } parts[] = {
        {0, FILE_LEN, FILE_LEN},
        {0, FILE_LEN, 65536},
        {0, FILE_LEN, 100001},
        {12345, 3 * MIB + 1, MIB},
        {0, 1, MIB},
        {FILE_LEN - 1, FILE_LEN, MIB},
        {FILE_LEN, FILE_LEN, MIB},
        {5 * MIB, 7 * MIB, 4097},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(parts); i++) {
        struct rig rig;
        struct reader reader;
        int fd;
        struct end *end = accept_raw(&rig, &fd);
        reader_start(&reader, fd);
        start_sending(end, file, parts[i].from, parts[i].until, parts[i].piece);
        rig_run(&rig, rig_all_closed);
        assert_true(sending.finished);
        assert_int_equal(end->why, CF_OK);
        reader_assert(&reader, parts[i].from, parts[i].until - parts[i].from, "");
        rig_deinit(&rig);
    }
    assert_int_equal(lseek(file, 0, SEEK_CUR), 0); /* the descriptor may be another's, too */
}

/* `drained` comes when there is room, though nothing is queued, and not before. */
static void a_reader_that_stops_and_goes_on(void **state)
{
    (void)state;
    struct rig rig;
    struct reader reader;
    uint64_t offset;
    int fd;
    struct end *end = accept_and_stall(&rig, &fd, &offset);
    uint64_t stuck = offset;
    assert_int_equal(send_file(end, file, &offset, FILE_LEN), CF_OK);
    assert_int_equal(offset, stuck);
    turn_twenty_times(&rig);
    assert_int_equal(end->drained, 0);
    struct cf_conn_parcel parcel;
    assert_int_equal(cf_conn_pack(&end->conn, &parcel), CF_E_STATE);

    sending = (struct sending){.fd = file, .offset = offset, .until = FILE_LEN, .piece = MIB};
    rig.drained = send_on;
    reader_start(&reader, fd);
    rig_run(&rig, rig_all_closed);
    assert_true(end->drained > 0);
    assert_int_equal(end->why, CF_OK);
    reader_assert(&reader, 0, FILE_LEN, "");
    rig_deinit(&rig);
}

static bool drained_once(struct rig *rig)
{
    return rig->ends[0]->drained == 1;
}

static bool late;

static void be_late(struct cf_loop_timer *timer)
{
    (void)timer;
    late = true;
}

static bool is_late(struct rig *rig)
{
    (void)rig;
    return late;
}

/* That there is room is the loop's to say; from then on nothing is waited for. */
static void room_is_told_of_by_drained(void **state)
{
    (void)state;
    static uint8_t sink[FILE_LEN];
    struct rig rig;
    struct cf_loop_timer timer;
    uint64_t offset;
    int fd;
    struct end *end = accept_and_stall(&rig, &fd, &offset);
    uint64_t stuck = offset;
    rig.config.write_wait_ms = 200; /* of no stall yet */
    assert_int_equal(recv(fd, sink, (size_t)offset, MSG_WAITALL), offset);
    assert_int_equal(send_file(end, file, &offset, FILE_LEN), CF_OK);
    assert_int_equal(offset, stuck);
    rig_run(&rig, drained_once);
    assert_false(cf_conn_blocked(&end->conn));
    assert_int_equal(send_file(end, file, &offset, FILE_LEN), CF_OK);
    assert_in_range(offset, stuck + 1, FILE_LEN);
    assert_int_equal(recv(fd, sink, (size_t)(offset - stuck), MSG_WAITALL), offset - stuck);
    late = false;
    cf_loop_timer_init(&timer, be_late);
    cf_loop_timer_set(rig.loop, &timer, cf_loop_now(rig.loop).ms + 400);
    rig_run(&rig, is_late);
    assert_int_equal(end->closed, 0);
    close(fd);
    rig_deinit(&rig);
}

static bool file_sent(struct rig *rig)
{
    (void)rig;
    return sending.finished;
}

struct slow_reader {
    struct cf_loop_timer timer;
    struct rig *rig;
    int fd;
};

static void read_slowly(struct cf_loop_timer *timer)
{
    static uint8_t sink[MIB];
    struct slow_reader *reader = CF_CONTAINER_OF(timer, struct slow_reader, timer);
    (void)recv(reader->fd, sink, sizeof(sink), MSG_DONTWAIT);
    cf_loop_timer_set(reader->rig->loop, timer, cf_loop_now(reader->rig->loop).ms + 60);
}

/* Slow is not stuck: every bit of progress starts the write wait anew. */
static void a_slow_reader_is_served(void **state)
{
    (void)state;
    struct rig rig;
    struct slow_reader reader = {.rig = &rig};
    struct end *end = accept_raw(&rig, &reader.fd);
    int large = open_unnamed();
    assert_int_equal(ftruncate(large, 32 * MIB), 0);
    rig.config.write_wait_ms = 600;
    cf_ms before = cf_loop_now(rig.loop).ms;
    start_sending(end, large, 0, 32 * MIB, MIB);
    cf_loop_timer_init(&reader.timer, read_slowly);
    cf_loop_timer_set(rig.loop, &reader.timer, before);
    rig_run(&rig, file_sent);
    assert_int_equal(end->closed, 0);
    assert_true(end->drained > 1);
    assert_true(cf_loop_now(rig.loop).ms - before > rig.config.write_wait_ms);
    cf_loop_timer_stop(rig.loop, &reader.timer);
    close(reader.fd);
    close(large);
    rig_deinit(&rig);
}

/* V11 */
static void a_reader_that_never_reads_is_timed_out(void **state)
{
    (void)state;
    struct rig rig;
    int fd;
    struct end *end = accept_raw(&rig, &fd);
    rig.config.write_wait_ms = 300;
    start_sending(end, file, 0, FILE_LEN, MIB);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->why, CF_E_TIMEOUT);
    assert_int_equal(end->drained, 0);
    close(fd);
    rig_deinit(&rig);
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(fd);
}

static void a_peer_that_vanishes_in_the_middle(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t offset;
    int fd;
    struct end *end = accept_and_stall(&rig, &fd, &offset);
    reset(fd);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->why, CF_E_CLOSED);
    assert_int_equal(end->drained, 0);
    rig_deinit(&rig);

    /* The next piece meets it before the loop does. */
    end = accept_raw(&rig, &fd);
    offset = 0;
    assert_int_equal(send_file(end, file, &offset, 1000), CF_OK);
    assert_int_equal(offset, 1000);
    reset(fd);
    assert_int_equal(send_file(end, file, &offset, 1000), CF_E_CLOSED);
    assert_int_equal(send_file(end, file, &offset, 1000), CF_E_CLOSED); /* EPIPE, no signal */
    assert_int_equal(offset, 1000);
    assert_int_equal(end->closed, 0);
    cf_conn_abort(&end->conn, CF_E_CLOSED);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->why, CF_E_CLOSED);
    rig_deinit(&rig);
}

/* It gets what was sent; the owner hears of the end, as always when a peer ends its side. */
static void a_peer_that_ends_its_side_while_stalled(void **state)
{
    (void)state;
    struct rig rig;
    struct reader reader;
    uint64_t offset;
    int fd;
    struct end *end = accept_and_stall(&rig, &fd, &offset);
    uint64_t sent = offset;
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    turn_twenty_times(&rig);
    assert_int_equal(end->closed, 0);
    assert_int_equal(send_file(end, file, &offset, FILE_LEN), CF_E_STATE);
    reader_start(&reader, fd);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->why, CF_E_CLOSED);
    assert_int_equal(end->drained, 0);
    reader_assert(&reader, 0, sent, "");
    rig_deinit(&rig);
}

static void shut_while_stalled(void **state)
{
    (void)state;
    struct rig rig;
    struct reader reader;
    uint64_t offset;
    int fd;
    struct end *end = accept_and_stall(&rig, &fd, &offset);
    uint64_t sent = offset;
    cf_conn_shut(&end->conn);
    assert_int_equal(send_file(end, file, &offset, FILE_LEN), CF_E_STATE);
    assert_int_equal(offset, sent);
    turn_twenty_times(&rig);
    assert_int_equal(end->closed, 0);
    reader_start(&reader, fd);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->why, CF_OK);
    assert_int_equal(end->drained, 0);
    reader_assert(&reader, 0, sent, "");
    rig_deinit(&rig);
}

static void shut_while_stalled_and_never_read(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t offset;
    int fd;
    struct end *end = accept_raw(&rig, &fd);
    rig.config.write_wait_ms = 300;
    offset = 0;
    assert_int_equal(send_file(end, file, &offset, FILE_LEN), CF_OK);
    cf_conn_shut(&end->conn);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->why, CF_E_TIMEOUT);
    close(fd);
    rig_deinit(&rig);
}

static void abort_while_stalled(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t offset;
    int fd;
    struct end *end = accept_and_stall(&rig, &fd, &offset);
    cf_conn_abort(&end->conn, CF_E_RATE);
    assert_int_equal(send_file(end, file, &offset, FILE_LEN), CF_E_STATE);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->why, CF_E_RATE);
    assert_int_equal(end->drained, 0);
    close(fd);
    rig_deinit(&rig);
}

static bool abort_in_drained;

static void end_it(struct end *end)
{
    if (abort_in_drained)
        cf_conn_abort(&end->conn, CF_E_RATE);
    else
        cf_conn_shut(&end->conn);
}

/* V29 */
static void ended_inside_drained(void **state)
{
    (void)state;
    for (int by_abort = 0; by_abort < 2; by_abort++) {
        struct rig rig;
        struct reader reader;
        uint64_t offset;
        int fd;
        struct end *end = accept_and_stall(&rig, &fd, &offset);
        abort_in_drained = by_abort != 0;
        rig.drained = end_it;
        reader_start(&reader, fd);
        rig_run(&rig, rig_all_closed);
        assert_int_equal(end->drained, 1);
        assert_int_equal(end->why, by_abort ? CF_E_RATE : CF_OK);
        if (by_abort) {
            assert_int_equal(pthread_join(reader.thread, NULL), 0);
            free(reader.bytes);
        } else {
            reader_assert(&reader, 0, offset, "");
        }
        rig_deinit(&rig);
    }
}

static void shut_it(struct end *end)
{
    cf_conn_shut(&end->conn);
}

/* What is queued in the meantime comes after what was sent, and `drained` once for both. */
static void queued_while_stalled(void **state)
{
    (void)state;
    struct rig rig;
    struct reader reader;
    uint64_t offset;
    int fd;
    struct end *end = accept_and_stall(&rig, &fd, &offset);
    assert_int_equal(cf_conn_write(&end->conn, CF_LIT("tail")), CF_OK);
    rig.drained = shut_it;
    reader_start(&reader, fd);
    rig_run(&rig, rig_all_closed);
    assert_int_equal(end->drained, 1);
    reader_assert(&reader, 0, offset, "tail");
    rig_deinit(&rig);
}

static void a_file_that_ends_early(void **state)
{
    (void)state;
    struct rig rig;
    struct reader reader;
    uint64_t offset = FILE_LEN - 1000;
    int fd;
    struct end *end = accept_raw(&rig, &fd);
    assert_int_equal(send_file(end, file, &offset, 1001), CF_E_TRUNCATED);
    assert_int_equal(offset, FILE_LEN);
    assert_int_equal(send_file(end, file, &offset, 1), CF_E_TRUNCATED);
    assert_int_equal(send_file(end, file, &offset, 0), CF_OK);
    offset = UINT64_C(1) << 40;
    assert_int_equal(send_file(end, file, &offset, 1), CF_E_TRUNCATED);
    assert_false(cf_conn_blocked(&end->conn));
    cf_conn_shut(&end->conn);
    reader_start(&reader, fd);
    rig_run(&rig, rig_all_closed);
    reader_assert(&reader, FILE_LEN - 1000, 1000, "");
    rig_deinit(&rig);
}

static void what_is_no_file(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t offset = 0;
    int fd;
    struct end *end = accept_raw(&rig, &fd);
    assert_int_equal(send_file(end, -1, &offset, 1), CF_E_IO);
    assert_int_equal(offset, 0);
    close(fd);
    rig_deinit(&rig);
}

static void not_before_what_is_queued(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t offset = 0;
    char text[16];
    int fd;
    struct end *end = accept_raw(&rig, &fd);
    assert_int_equal(cf_conn_write(&end->conn, CF_LIT("head")), CF_OK);
    assert_int_equal(send_file(end, file, &offset, 4), CF_E_STATE);
    assert_int_equal(offset, 0);
    turn_twenty_times(&rig);
    assert_int_equal(send_file(end, file, &offset, 4), CF_OK);
    assert_int_equal(recv(fd, text, 8, MSG_WAITALL), 8);
    assert_memory_equal(text, "head", 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal((uint8_t)text[4 + i], pattern(i));
    assert_int_equal(end->drained, 0);
    close(fd);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_a_file_and_parts_of_it),
        cmocka_unit_test(a_reader_that_stops_and_goes_on),
        cmocka_unit_test(room_is_told_of_by_drained),
        cmocka_unit_test(a_slow_reader_is_served),
        cmocka_unit_test(a_reader_that_never_reads_is_timed_out),
        cmocka_unit_test(a_peer_that_vanishes_in_the_middle),
        cmocka_unit_test(a_peer_that_ends_its_side_while_stalled),
        cmocka_unit_test(shut_while_stalled),
        cmocka_unit_test(shut_while_stalled_and_never_read),
        cmocka_unit_test(abort_while_stalled),
        cmocka_unit_test(ended_inside_drained),
        cmocka_unit_test(queued_while_stalled),
        cmocka_unit_test(a_file_that_ends_early),
        cmocka_unit_test(what_is_no_file),
        cmocka_unit_test(not_before_what_is_queued),
    };
    signal(SIGPIPE, SIG_IGN); /* as the server does */
    return cmocka_run_group_tests(tests, make_file, close_file);
}
