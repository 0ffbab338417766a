/* A connection moves from one loop to another: nothing is lost or swapped, plain and over TLS, with
 * bytes that wait to be written and bytes that arrive meanwhile. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "edge/uv/mailbox.h"
#include "integration/uv/cert.h"

static void init_home(struct rig *rig, bool tls)
{
    rig_init(rig);
    if (tls)
        rig_use_tls(rig);
    rig_listen(rig, "127.0.0.1:0");
}

/* A new end of the rig's loop, with what was packed elsewhere. */
static struct end *unpack(struct rig *rig, struct cf_conn_parcel *parcel)
{
    struct end *end = rig_end_new(rig);
    assert_true(rig->ends_count < RIG_ENDS_MAX);
    rig->ends[rig->ends_count++] = end;
    end->in_callback = true; /* unpack calls nobody back */
    assert_int_equal(cf_conn_unpack(&end->conn, rig->loop, &rig->config, parcel), CF_OK);
    end->in_callback = false;
    return end;
}

/* As one message. */
static void queue(struct end *end, struct cf_slice text)
{
    struct cf_shared *bytes = cf_shared_new(text);
    assert_non_null(bytes);
    assert_int_equal(cf_conn_queue(&end->conn, bytes, 1), CF_OK);
    cf_shared_unref(bytes);
}

/* ---- on one thread, step by step ---- */

static bool server_has_one(struct rig *rig)
{
    return rig->ends_count == 2 && rig->ends[1]->got.len == 3;
}

/* What the flush of a turn writes is seen in the next. */
static bool client_has_written(struct rig *rig)
{
    cf_loop_wake(rig->loop);
    return cf_outq_empty(cf_conn_outq(&rig->ends[0]->conn));
}

static bool old_end_is_closed(struct rig *rig)
{
    return rig->ends[1]->closed == 1;
}

static bool mover_has_read(struct rig *rig)
{
    return rig->ends[0]->got.len == 3;
}

static bool client_has_answers(struct rig *rig)
{
    return rig->ends[0]->got.len >= 12;
}

static void moves_with_bytes_on_both_ways(bool tls)
{
    struct rig home, away;
    struct cf_conn_parcel parcel;
    init_home(&home, tls);
    rig_init(&away);
    struct end *client = rig_dial(&home);
    assert_int_equal(cf_conn_write(&client->conn, CF_LIT("one")), CF_OK);
    rig_run(&home, server_has_one);

    struct end *old = home.ends[1];
    queue(old, CF_LIT("queued"));
    old->in_callback = true; /* pack calls nobody back */
    assert_int_equal(cf_conn_pack(&old->conn, &parcel), CF_OK);
    old->in_callback = false;
    assert_int_equal(parcel.outq.bytes, 6);
    assert_int_equal(parcel.outq.messages, 1);
    assert_int_equal(parcel.rest.extra != NULL, tls);
    assert_int_equal(parcel.tls_only, tls); /* idle, it has nothing else */
    assert_int_equal(cf_conn_outq(&old->conn)->bytes, 0);
    assert_int_equal(cf_conn_write(&old->conn, CF_LIT("late")), CF_E_STATE);
    struct cf_conn_parcel none;
    assert_int_equal(cf_conn_pack(&old->conn, &none), CF_E_STATE);
    rig_run(&home, old_end_is_closed);
    assert_int_equal(old->why, CF_OK);

    /* while it is nowhere */
    assert_int_equal(cf_conn_write(&client->conn, CF_LIT("two")), CF_OK);
    rig_run(&home, client_has_written);

    struct end *new = unpack(&away, &parcel);
    assert_int_equal(cf_conn_is_tls(&new->conn), tls);
    assert_int_equal(cf_conn_outq(&new->conn)->bytes, 6);
    assert_int_equal(cf_conn_write(&new->conn, CF_LIT(" after")), CF_OK);
    rig_run(&away, mover_has_read);
    assert_memory_equal(new->got.ptr, "two", 3);
    assert_int_equal(new->opened, 1);
    assert_true(cf_outq_empty(cf_conn_outq(&new->conn)));

    rig_run(&home, client_has_answers);
    assert_int_equal(client->got.len, 12);
    assert_memory_equal(client->got.ptr, "queued after", 12);
    assert_int_equal(client->closed, 0);
    rig_deinit(&away);
    rig_deinit(&home);
}

static void a_move_step_by_step(void **state)
{
    (void)state;
    moves_with_bytes_on_both_ways(false);
    moves_with_bytes_on_both_ways(true);
}

/* ---- there and back, between two threads ---- */

enum { HOPS = 60, ALL = 8 * 1024 * 1024, FIRST_HOP_AT = 1 };

/* One loop with its thread, and the mail for it. */
struct place {
    struct rig rig;
    struct cf_mailbox mail;
    struct place *other;
    struct journey *journey;
    atomic_bool over;
};

/* What travels along with the connection: whoever holds that holds this. */
struct journey {
    size_t heard, hop_at;
    unsigned hops, with_queue, refused;
    uint64_t random;
};

struct move {
    struct cf_list link;
    struct cf_conn_parcel parcel;
};

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 131 + (i >> 8) * 17 + (i >> 16));
}

static size_t stride(struct journey *journey)
{
    journey->random = journey->random * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(journey->random >> 33) % (2 * (ALL / 2) / HOPS);
}

static void hop(struct place *place, struct end *end)
{
    struct journey *journey = place->journey;
    struct move *move = calloc(1, sizeof(*move));
    assert_non_null(move);
    cf_list_init(&move->link);
    if (cf_conn_pack(&end->conn, &move->parcel) != CF_OK) {
        journey->refused++; /* the socket took no more */
        free(move);
        return;
    }
    journey->hops++;
    journey->hop_at = journey->heard + 1 + stride(journey);
    journey->with_queue += move->parcel.outq.bytes > 0;
    struct cf_list items;
    cf_list_init(&items);
    cf_list_push_back(&items, &move->link);
    cf_mailbox_post(&place->other->mail, &items);
}

/* Echoes, then goes: what was just queued goes along. The client only listens. */
static void echo_and_hop(struct end *end, struct cf_slice bytes)
{
    struct place *place = end->rig->context;
    struct journey *journey = place->journey;
    if (end->rig->listener != NULL && end == end->rig->ends[0])
        return;
    journey->heard += bytes.len;
    assert_int_equal(cf_conn_write(&end->conn, bytes), CF_OK);
    if (journey->hops < HOPS && journey->heard >= journey->hop_at)
        hop(place, end);
}

static void take_mail(struct rig *rig)
{
    struct place *place = rig->context;
    struct cf_list items;
    cf_list_init(&items);
    cf_mailbox_take(&place->mail, &items);
    for (struct cf_list *node; (node = cf_list_pop_front(&items)) != NULL;) {
        struct move *move = CF_LIST_ENTRY(node, struct move, link);
        unpack(rig, &move->parcel);
        free(move);
    }
}

static bool is_over(struct rig *rig)
{
    struct place *place = rig->context;
    return atomic_load(&place->over);
}

static void *run_place(void *context)
{
    struct place *place = context;
    rig_run(&place->rig, is_over);
    return NULL;
}

static void place_init(struct place *place, struct place *other, struct journey *journey)
{
    place->other = other;
    place->journey = journey;
    atomic_init(&place->over, false);
    place->rig.context = place;
    place->rig.read = echo_and_hop;
    place->rig.wake = take_mail;
    cf_mailbox_init(&place->mail, place->rig.loop);
}

static bool client_has_all(struct rig *rig)
{
    return rig->ends[0]->got.len >= ALL;
}

static void write_pattern(struct end *end)
{
    struct cf_shared *bytes = cf_shared_new_uninit(ALL);
    assert_non_null(bytes);
    for (size_t i = 0; i < ALL; i++)
        bytes->bytes[i] = pattern(i);
    assert_int_equal(cf_conn_queue(&end->conn, bytes, 1), CF_OK);
    cf_shared_unref(bytes);
}

static void assert_pattern(const struct end *end)
{
    assert_int_equal(end->got.len, ALL);
    for (size_t i = 0; i < ALL; i++) {
        if (end->got.ptr[i] != pattern(i))
            fail_msg("byte %zu differs", i);
    }
}

/* All ends of a rig but those that still live were left by a move. */
static unsigned count_left(const struct rig *rig, size_t from)
{
    unsigned left = 0;
    for (size_t i = from; i < rig->ends_count; i++) {
        assert_int_equal(rig->ends[i]->opened, 1);
        left += rig->ends[i]->closed == 1 && rig->ends[i]->why == CF_OK;
    }
    return left;
}

static void travels(bool tls)
{
    struct place home, away;
    struct journey journey = {.hop_at = FIRST_HOP_AT, .random = 20260103};
    pthread_t thread;
    init_home(&home.rig, tls);
    rig_init(&away.rig);
    place_init(&home, &away, &journey);
    place_init(&away, &home, &journey);
    assert_int_equal(pthread_create(&thread, NULL, run_place, &away), 0);
    struct end *client = rig_dial(&home.rig);
    write_pattern(client);
    rig_run(&home.rig, client_has_all);
    atomic_store(&away.over, true);
    cf_loop_wake(away.rig.loop);
    assert_int_equal(pthread_join(thread, NULL), 0);

    assert_pattern(client);
    assert_int_equal(journey.heard, ALL);
    assert_int_equal(journey.hops, HOPS);
    assert_true(journey.with_queue > HOPS / 2);
    assert_int_equal(count_left(&home.rig, 1) + count_left(&away.rig, 0), HOPS);
    assert_int_equal(home.rig.ends_count + away.rig.ends_count, HOPS + 2);
    cf_mailbox_deinit(&home.mail);
    cf_mailbox_deinit(&away.mail);
    rig_deinit(&away.rig);
    rig_deinit(&home.rig);
}

static void there_and_back_plain(void **state)
{
    (void)state;
    travels(false);
}

static void there_and_back_tls(void **state)
{
    (void)state;
    travels(true);
}

/* ---- what is not moved ---- */

static bool two_opened(struct rig *rig)
{
    return rig->ends_count == 2 && rig->ends[0]->opened == 1 && rig->ends[1]->opened == 1;
}

static bool both_closed(struct rig *rig)
{
    return rig->ends_count == 2 && rig_all_closed(rig);
}

/* The peer sees an end, and what was queued is gone with it. */
static void drops(bool tls)
{
    struct rig home;
    struct cf_conn_parcel parcel;
    init_home(&home, tls);
    struct end *client = rig_dial(&home);
    rig_run(&home, two_opened);
    assert_int_equal(cf_conn_write(&home.ends[1]->conn, CF_LIT("never seen")), CF_OK);
    assert_int_equal(cf_conn_pack(&home.ends[1]->conn, &parcel), CF_OK);
    cf_conn_parcel_drop(&parcel);
    assert_int_equal(fcntl(parcel.fd, F_GETFD), -1);
    rig_run(&home, both_closed);
    assert_int_equal(client->got.len, 0);
    assert_int_equal(client->why, CF_E_CLOSED);
    assert_int_equal(home.ends[1]->why, CF_OK);
    rig_deinit(&home);
}

static void a_dropped_parcel_is_a_closed_connection(void **state)
{
    (void)state;
    drops(false);
    drops(true);
}

/* What no poll can watch (a file) in the place of the socket. */
static void fails_to_unpack(bool tls)
{
    struct rig home, away;
    struct cf_conn_parcel parcel;
    struct cf_conn conn;
    init_home(&home, tls);
    rig_init(&away);
    rig_dial(&home);
    rig_run(&home, two_opened);
    assert_int_equal(cf_conn_write(&home.ends[1]->conn, CF_LIT("never seen")), CF_OK);
    assert_int_equal(cf_conn_pack(&home.ends[1]->conn, &parcel), CF_OK);
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(dup2(fileno(file), parcel.fd), parcel.fd);
    fclose(file);
    assert_int_equal(cf_conn_unpack(&conn, away.loop, &away.config, &parcel), CF_E_IO);
    assert_int_equal(fcntl(parcel.fd, F_GETFD), -1);
    rig_run(&home, both_closed);
    rig_deinit(&away);
    rig_deinit(&home);
}

static void a_failed_unpack_uses_the_parcel_up(void **state)
{
    (void)state;
    fails_to_unpack(false);
    fails_to_unpack(true);
}

static void assert_not_packed(struct end *end)
{
    struct cf_conn_parcel parcel = {.fd = -7};
    assert_int_equal(cf_conn_pack(&end->conn, &parcel), CF_E_STATE);
    assert_int_equal(parcel.fd, -7);
}

static bool try_at_accept(struct rig *rig)
{
    if (rig->ends_count == 2 && rig->ends[1]->opened == 0)
        assert_not_packed(rig->ends[1]);
    return rig->ends_count == 2;
}

static void fill(struct rig *rig)
{
    cf_loop_wake(rig->loop);
    if (!cf_conn_blocked(&rig->ends[0]->conn))
        assert_int_equal(cf_conn_queue(&rig->ends[0]->conn, rig->context, 1), CF_OK);
}

static bool is_blocked(struct rig *rig)
{
    return cf_conn_blocked(&rig->ends[0]->conn);
}

/* Not open yet, stalled, shutting: refused, and it goes on as it was. */
static void only_what_is_open_and_takes_bytes_is_moved(bool tls)
{
    struct rig home;
    init_home(&home, tls);
    struct end *client = rig_dial(&home);
    assert_not_packed(client);
    rig_run(&home, try_at_accept);
    rig_run(&home, two_opened);

    cf_conn_pause(&home.ends[1]->conn);
    home.context = cf_shared_new_uninit(1024 * 1024);
    memset(((struct cf_shared *)home.context)->bytes, 'x', 1024 * 1024);
    home.turn_end = fill;
    rig_run(&home, is_blocked);
    home.turn_end = NULL;
    assert_not_packed(client);
    cf_shared_unref(home.context);
    /* Under TLS the last of it may be encrypted already. */
    assert_true(tls || cf_conn_outq(&client->conn)->bytes > 0);
    cf_conn_resume(&home.ends[1]->conn);
    rig_run(&home, client_has_written);
    assert_true(home.ends[1]->got.len > 0);

    cf_conn_shut(&client->conn);
    assert_not_packed(client);
    rig_run(&home, both_closed);
    assert_int_equal(home.ends[1]->got.len % (1024 * 1024), 0);
    assert_int_equal(client->why, CF_OK);
    rig_deinit(&home);
}

static void refusals_leave_it_as_it_was(void **state)
{
    (void)state;
    only_what_is_open_and_takes_bytes_is_moved(false);
    only_what_is_open_and_takes_bytes_is_moved(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_move_step_by_step),
        cmocka_unit_test(there_and_back_plain),
        cmocka_unit_test(there_and_back_tls),
        cmocka_unit_test(a_dropped_parcel_is_a_closed_connection),
        cmocka_unit_test(a_failed_unpack_uses_the_parcel_up),
        cmocka_unit_test(refusals_leave_it_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
