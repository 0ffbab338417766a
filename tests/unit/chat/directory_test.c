#include "chat/directory.h"

#include <stdio.h>
#include <stdlib.h>

#include "unit/chat/fixture.h"

static struct cf_uuid room_id(unsigned n)
{
    struct cf_uuid id = {{0}};
    id.bytes[14] = (uint8_t)(n >> 8);
    id.bytes[15] = (uint8_t)n;
    return id;
}

static struct cf_seat *sit(struct cf_directory *directory, const char *user, const char *name,
                           unsigned room, uint64_t ticket, bool came_wanted)
{
    struct cf_seat *seat = NULL;
    bool came = !came_wanted;
    assert_int_equal(cf_directory_sit(directory, cf_slice_cstr(user), cf_slice_cstr(name),
                                      room_id(room), (struct cf_seat_place){1, ticket}, &seat,
                                      &came),
                     CF_OK);
    assert_non_null(seat);
    assert_int_equal(came, came_wanted);
    return seat;
}

static void rise(struct cf_directory *directory, struct cf_seat *seat, bool went_wanted)
{
    bool went = !went_wanted;
    cf_directory_rise(directory, seat, &went);
    assert_int_equal(went, went_wanted);
}

/* The sixth live stream of a user is refused, over all rooms; a seat that is free again is taken.
 */
static void a_user_has_so_many_seats(void **state)
{
    (void)state;
    struct cf_directory *directory = cf_directory_new(5, hash_key);
    assert_non_null(directory);
    struct cf_seat *seats[5], *more = NULL;
    bool came;
    for (unsigned i = 0; i < 5; i++)
        seats[i] = sit(directory, "ann", "Ann", i, i, true);
    for (unsigned room = 0; room < 7; room++)
        assert_int_equal(cf_directory_sit(directory, CF_LIT("ann"), CF_LIT("Ann"), room_id(room),
                                          (struct cf_seat_place){0, 9}, &more, &came),
                         CF_E_TOO_MANY);
    assert_null(more);
    assert_int_equal(cf_directory_streams(directory), 5);
    assert_int_equal(cf_directory_rooms(directory), 5);
    struct cf_seat *other = sit(directory, "bob", "Bob", 0, 10, true);
    rise(directory, seats[2], true);
    seats[2] = sit(directory, "ann", "Ann", 0, 11, false);
    rise(directory, seats[2], false);
    rise(directory, seats[0], true);
    rise(directory, other, true);
    rise(directory, seats[1], true);
    rise(directory, seats[3], true);
    rise(directory, seats[4], true);
    assert_int_equal(cf_directory_streams(directory), 0);
    assert_int_equal(cf_directory_rooms(directory), 0);
    cf_directory_free(directory);
}

static void one_seat_at_most(void **state)
{
    (void)state;
    struct cf_directory *directory = cf_directory_new(1, hash_key);
    assert_non_null(directory);
    struct cf_seat *more;
    bool came;
    struct cf_seat *seat = sit(directory, "ann", "Ann", 1, 1, true);
    assert_int_equal(cf_directory_sit(directory, CF_LIT("ann"), CF_LIT("Ann"), room_id(1),
                                      (struct cf_seat_place){0, 9}, &more, &came),
                     CF_E_TOO_MANY);
    rise(directory, seat, true);
    rise(directory, sit(directory, "ann", "Ann", 1, 1, true), true);
    cf_directory_free(directory);
}

static void presence_has_two_edges(void **state)
{
    (void)state;
    struct cf_directory *directory = cf_directory_new(5, hash_key);
    assert_non_null(directory);
    struct cf_seat *phone = sit(directory, "ann", "Ann", 1, 1, true);
    struct cf_seat *tablet = sit(directory, "ann", "Ann", 1, 2, false);
    struct cf_seat *elsewhere = sit(directory, "ann", "Ann", 2, 3, true);
    struct cf_seat *somebody = sit(directory, "bob", "Bob", 1, 4, true);
    rise(directory, phone, false);
    rise(directory, tablet, true);
    struct cf_seat *again = sit(directory, "ann", "Ann", 1, 5, true);
    rise(directory, somebody, true);
    rise(directory, elsewhere, true);
    rise(directory, again, true);
    cf_directory_free(directory);
}

static void places_are_told_the_oldest_first(void **state)
{
    (void)state;
    struct cf_directory *directory = cf_directory_new(5, hash_key);
    assert_non_null(directory);
    struct cf_seat_place places[8];
    assert_int_equal(cf_directory_places(directory, CF_LIT("ann"), places, 8), 0);
    struct cf_seat *first = sit(directory, "ann", "Ann", 1, 11, true);
    sit(directory, "ann", "Ann", 2, 12, true);
    sit(directory, "ann", "Ann", 1, 13, false);
    sit(directory, "bob", "Bob", 1, 14, true);
    assert_int_equal(cf_directory_places(directory, CF_LIT("ann"), places, 8), 3);
    assert_int_equal(places[0].ticket, 11);
    assert_int_equal(places[0].worker, 1);
    assert_int_equal(places[1].ticket, 12);
    assert_int_equal(places[2].ticket, 13);
    assert_int_equal(cf_directory_places(directory, CF_LIT("ann"), places, 2), 2);
    assert_int_equal(cf_directory_places(directory, CF_LIT("ann"), places, 0), 0);
    rise(directory, first, false);
    assert_int_equal(cf_directory_places(directory, CF_LIT("ann"), places, 8), 2);
    assert_int_equal(places[0].ticket, 12);
    cf_directory_free(directory); /* with three seats taken */
}

struct visits {
    char text[256];
    size_t len;
};

static void visit(void *context, struct cf_slice user, struct cf_slice name)
{
    struct visits *visits = context;
    int len =
        snprintf(visits->text + visits->len, sizeof(visits->text) - visits->len, "%.*s=%.*s;",
                 (int)user.len, (const char *)user.ptr, (int)name.len, (const char *)name.ptr);
    visits->len += (size_t)len;
}

static void assert_present(const struct cf_directory *directory, unsigned room, size_t max,
                           const char *wanted)
{
    struct visits visits = {.text = ""};
    cf_directory_present(directory, room_id(room), max, visit, &visits);
    assert_string_equal(visits.text, wanted);
}

static void the_present_are_told_once_each(void **state)
{
    (void)state;
    struct cf_directory *directory = cf_directory_new(5, hash_key);
    assert_non_null(directory);
    assert_present(directory, 1, 10, "");
    struct cf_seat *ann = sit(directory, "ann", "Ann", 1, 1, true);
    sit(directory, "bob", "Bob", 1, 2, true);
    struct cf_seat *renamed = sit(directory, "ann", "Ann B.", 1, 3, false);
    sit(directory, "cid", "Cid", 2, 4, true);
    assert_present(directory, 1, 10, "ann=Ann B.;bob=Bob;");
    assert_present(directory, 1, 1, "ann=Ann B.;");
    assert_present(directory, 1, 0, "");
    rise(directory, renamed, false);
    assert_present(directory, 1, 10, "ann=Ann;bob=Bob;");
    rise(directory, ann, true);
    assert_present(directory, 1, 10, "bob=Bob;");
    assert_present(directory, 2, 10, "cid=Cid;");
    cf_directory_free(directory);
}

static struct cf_presence *come(struct cf_directory *directory, const char *user, unsigned room,
                                bool came_wanted)
{
    struct cf_presence *presence = NULL;
    bool came = !came_wanted;
    assert_int_equal(
        cf_directory_come(directory, cf_slice_cstr(user), room_id(room), &presence, &came), CF_OK);
    assert_int_equal(came, came_wanted);
    return presence;
}

static void go(struct cf_directory *directory, struct cf_presence *presence, bool went_wanted)
{
    bool went = !went_wanted;
    cf_directory_go(directory, presence, &went);
    assert_int_equal(went, went_wanted);
}

/* Who is there without a seat counts as one who has one, but has no name and no place. */
static void presence_needs_no_seat(void **state)
{
    (void)state;
    struct cf_directory *directory = cf_directory_new(3, hash_key);
    assert_non_null(directory);
    struct cf_seat_place places[3];
    struct cf_presence *more = NULL;
    bool came;
    struct cf_presence *ann = come(directory, "ann", 1, true);
    assert_ptr_equal(come(directory, "ann", 1, false), ann);
    struct cf_presence *bob = come(directory, "bob", 1, true);
    come(directory, "cid", 2, true);
    assert_present(directory, 1, 10, "ann=;bob=;");
    assert_int_equal(cf_directory_places(directory, CF_LIT("ann"), places, 3), 0);
    struct cf_seat *seat = sit(directory, "ann", "Ann", 2, 7, true);
    assert_int_equal(cf_directory_come(directory, CF_LIT("ann"), room_id(1), &more, &came),
                     CF_E_TOO_MANY);
    assert_null(more);
    assert_int_equal(cf_directory_places(directory, CF_LIT("ann"), places, 3), 1);
    assert_int_equal(places[0].ticket, 7);
    assert_present(directory, 2, 10, "cid=;ann=Ann;");
    assert_int_equal(cf_directory_streams(directory), 5);
    rise(directory, seat, true);
    go(directory, ann, false);
    go(directory, ann, true);
    assert_present(directory, 1, 10, "bob=;");
    go(directory, bob, true);
    assert_int_equal(cf_directory_rooms(directory), 1);
    cf_directory_free(directory); /* with one who is present */
}

static void the_busiest_come_first(void **state)
{
    (void)state;
    struct cf_directory *directory = cf_directory_new(1000, hash_key);
    assert_non_null(directory);
    struct cf_directory_room rooms[8];
    assert_int_equal(cf_directory_busiest(directory, rooms, 8), 0);
    static const unsigned streams[] = {3, 1, 5, 5, 2};
    for (unsigned room = 0; room < 5; room++) {
        for (unsigned i = 0; i < streams[room]; i++)
            sit(directory, "ann", "Ann", room, i, i == 0);
    }
    static const unsigned order[] = {2, 3, 0, 4, 1};
    for (size_t max = 0; max <= 8; max++) {
        size_t count = cf_directory_busiest(directory, rooms, max);
        assert_int_equal(count, max < 5 ? max : 5);
        for (size_t i = 0; i < count; i++) {
            struct cf_uuid wanted = room_id(order[i]);
            assert_true(cf_uuid_eq(&rooms[i].id, &wanted));
            assert_int_equal(rooms[i].streams, streams[order[i]]);
        }
    }
    cf_directory_free(directory);
}

/* ---- against a model ---- */

enum { USERS = 12, ROOMS = 300, SEATS_MAX = 4, STEPS = 10000, MODEL_SEATS = USERS * SEATS_MAX };

struct model_seat {
    struct cf_seat *seat; /* NULL: free */
    unsigned user, room;
    uint64_t order;
};

static size_t count_seats(const struct model_seat *seats, int user, int room)
{
    size_t count = 0;
    for (size_t i = 0; i < MODEL_SEATS; i++)
        count += seats[i].seat != NULL && (user < 0 || seats[i].user == (unsigned)user) &&
                 (room < 0 || seats[i].room == (unsigned)room);
    return count;
}

static void try_to_sit(struct cf_directory *directory, struct model_seat *seats, unsigned user,
                       unsigned room, uint64_t order)
{
    char id[8];
    int len = snprintf(id, sizeof(id), "u%u", user);
    size_t have = count_seats(seats, (int)user, -1);
    size_t there = count_seats(seats, (int)user, (int)room);
    struct cf_seat *seat = NULL;
    bool came = false;
    enum cf_error error =
        cf_directory_sit(directory, cf_slice_of(id, (size_t)len), CF_LIT("name"), room_id(room),
                         (struct cf_seat_place){user, order}, &seat, &came);
    assert_int_equal(error, have >= SEATS_MAX ? CF_E_TOO_MANY : CF_OK);
    if (error != CF_OK)
        return;
    assert_int_equal(came, there == 0);
    size_t at = 0;
    while (seats[at].seat != NULL)
        at++;
    seats[at] = (struct model_seat){seat, user, room, order};
}

static void stand_up(struct cf_directory *directory, struct model_seat *seat,
                     struct model_seat *seats)
{
    if (seat->seat == NULL)
        return;
    bool went = false;
    cf_directory_rise(directory, seat->seat, &went);
    seat->seat = NULL;
    assert_int_equal(went, count_seats(seats, (int)seat->user, (int)seat->room) == 0);
}

static void count_visit(void *context, struct cf_slice user, struct cf_slice name)
{
    (void)user;
    assert_slice_equal(name, "name");
    ++*(size_t *)context;
}

static void check_room(const struct cf_directory *directory, const struct model_seat *seats,
                       unsigned room)
{
    size_t wanted = 0, visited = 0;
    for (int user = 0; user < USERS; user++)
        wanted += count_seats(seats, user, (int)room) > 0;
    cf_directory_present(directory, room_id(room), USERS, count_visit, &visited);
    assert_int_equal(visited, wanted);
}

static void check_places(const struct cf_directory *directory, const struct model_seat *seats,
                         unsigned user)
{
    struct cf_seat_place places[SEATS_MAX];
    char id[8];
    int len = snprintf(id, sizeof(id), "u%u", user);
    size_t count = cf_directory_places(directory, cf_slice_of(id, (size_t)len), places, SEATS_MAX);
    assert_int_equal(count, count_seats(seats, (int)user, -1));
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(places[i].worker, user);
        assert_true(i == 0 || places[i].ticket > places[i - 1].ticket);
    }
}

static int busier_first(const void *a, const void *b)
{
    const struct cf_directory_room *left = a, *right = b;
    if (left->streams != right->streams)
        return left->streams > right->streams ? -1 : 1;
    return memcmp(left->id.bytes, right->id.bytes, 16);
}

static void check_busiest(const struct cf_directory *directory, const struct model_seat *seats,
                          size_t max)
{
    static struct cf_directory_room wanted[ROOMS], rooms[ROOMS];
    size_t wanted_count = 0;
    for (unsigned room = 0; room < ROOMS; room++) {
        size_t streams = count_seats(seats, -1, (int)room);
        if (streams > 0)
            wanted[wanted_count++] = (struct cf_directory_room){room_id(room), streams};
    }
    assert_int_equal(cf_directory_rooms(directory), wanted_count);
    qsort(wanted, wanted_count, sizeof(wanted[0]), busier_first);
    size_t count = cf_directory_busiest(directory, rooms, max);
    assert_int_equal(count, wanted_count < max ? wanted_count : max);
    for (size_t i = 0; i < count; i++) {
        assert_true(cf_uuid_eq(&rooms[i].id, &wanted[i].id));
        assert_int_equal(rooms[i].streams, wanted[i].streams);
    }
}

static void random_comings_match_the_model(void **state)
{
    (void)state;
    static struct model_seat seats[MODEL_SEATS];
    uint64_t random = 20260104;
    struct cf_directory *directory = cf_directory_new(SEATS_MAX, hash_key);
    assert_non_null(directory);
    for (uint64_t step = 0; step < STEPS; step++) {
        unsigned user = (unsigned)random_below(&random, USERS);
        /* Few rooms are crowded, many are not. */
        unsigned spread = random_below(&random, 2) == 0 ? 4 : ROOMS;
        unsigned room = (unsigned)random_below(&random, spread);
        if (random_below(&random, 3) != 0)
            try_to_sit(directory, seats, user, room, step);
        else
            stand_up(directory, &seats[random_below(&random, MODEL_SEATS)], seats);
        assert_int_equal(cf_directory_streams(directory), count_seats(seats, -1, -1));
        check_room(directory, seats, room);
        check_places(directory, seats, user);
        if (step % 16 == 0)
            check_busiest(directory, seats, random_below(&random, 40));
    }
    for (size_t i = 0; i < MODEL_SEATS; i++)
        stand_up(directory, &seats[i], seats);
    assert_int_equal(cf_directory_streams(directory), 0);
    cf_directory_free(directory);
    cf_directory_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_has_so_many_seats),
        cmocka_unit_test(one_seat_at_most),
        cmocka_unit_test(presence_has_two_edges),
        cmocka_unit_test(places_are_told_the_oldest_first),
        cmocka_unit_test(the_present_are_told_once_each),
        cmocka_unit_test(presence_needs_no_seat),
        cmocka_unit_test(the_busiest_come_first),
        cmocka_unit_test(random_comings_match_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
