#include "chat/hub.h"
#include "unit/chat/fixture.h"

static struct cf_uuid room_id(unsigned n)
{
    struct cf_uuid id = {{0}};
    id.bytes[15] = (uint8_t)n;
    return id;
}

static struct cf_event *event_in(unsigned room, cf_us at)
{
    struct cf_event like = {.kind = CF_EVENT_TYPING, .room = room_id(room), .at = at};
    struct cf_event *event;
    assert_int_equal(cf_event_new(&like, &event), CF_OK);
    return event;
}

static void publish(struct cf_hub *hub, unsigned room, cf_us at)
{
    struct cf_event *event = event_in(room, at);
    cf_hub_publish(hub, event);
    cf_event_unref(event);
}

static void join(struct cf_hub *hub, struct cf_subscriber *subscriber, unsigned room, uint8_t form)
{
    cf_subscriber_init(subscriber, form);
    assert_int_equal(cf_hub_join(hub, room_id(room), subscriber), CF_OK);
}

static void a_turn_of_a_room_stays_together(void **state)
{
    (void)state;
    struct cf_hub hub;
    struct cf_subscriber a, b;
    cf_hub_init(&hub, hash_key);
    join(&hub, &a, 1, 0);
    join(&hub, &b, 2, 3);
    cf_hub_live(&a);
    cf_hub_live(&b);
    publish(&hub, 1, 10);
    publish(&hub, 2, 20);
    publish(&hub, 1, 11);

    struct cf_hub_room *room = cf_hub_dirty(&hub);
    assert_true(cf_uuid_eq(&room->id, &(struct cf_uuid){{[15] = 1}}));
    assert_int_equal(room->events_count, 2);
    assert_int_equal(room->events[0]->at, 10);
    assert_int_equal(room->events[1]->at, 11);
    assert_int_equal(room->live[0], 1);
    assert_int_equal(room->live[3], 0);
    cf_hub_room_done(&hub, room);

    room = cf_hub_dirty(&hub);
    assert_int_equal(room->events_count, 1);
    assert_int_equal(room->events[0]->at, 20);
    assert_int_equal(room->live[3], 1);
    cf_hub_room_done(&hub, room);
    assert_null(cf_hub_dirty(&hub));
    cf_hub_leave(&hub, &a);
    cf_hub_leave(&hub, &b);
    assert_int_equal(hub.subscribers, 0);
    cf_hub_deinit(&hub);
}

static void who_is_not_live_is_reached_by_removal_only(void **state)
{
    (void)state;
    struct cf_hub hub;
    struct cf_subscriber a;
    cf_hub_init(&hub, hash_key);
    publish(&hub, 1, 10);
    assert_null(cf_hub_dirty(&hub));
    join(&hub, &a, 1, 0);
    struct cf_event *event = event_in(1, 10);
    cf_hub_publish(&hub, event);
    assert_int_equal(atomic_load(&event->refs), 1);
    assert_null(cf_hub_dirty(&hub));
    struct cf_hub_room *room = cf_hub_room_get(&hub, room_id(1));
    assert_int_equal(room->count, 1);
    assert_ptr_equal(room->subscribers.next, &a.in_room);
    cf_hub_live(&a);
    cf_hub_live(&a);
    assert_int_equal(room->live[0], 1);
    cf_hub_publish(&hub, event);
    assert_int_equal(atomic_load(&event->refs), 2);
    cf_hub_leave(&hub, &a);
    assert_int_equal(atomic_load(&event->refs), 1);
    cf_event_unref(event);
    cf_hub_deinit(&hub);
}

static void leaving_twice_and_living_nowhere_are_harmless(void **state)
{
    (void)state;
    struct cf_hub hub;
    struct cf_subscriber a;
    cf_hub_init(&hub, hash_key);
    cf_subscriber_init(&a, 7);
    cf_hub_live(&a);
    assert_false(a.live);
    cf_hub_leave(&hub, &a);
    join(&hub, &a, 1, 7);
    cf_hub_leave(&hub, &a);
    cf_hub_leave(&hub, &a);
    assert_null(cf_hub_room_get(&hub, room_id(1)));
    assert_null(a.room);
    /* and it may join again */
    assert_int_equal(cf_hub_join(&hub, room_id(2), &a), CF_OK);
    assert_false(a.live);
    cf_hub_leave(&hub, &a);
    cf_hub_deinit(&hub);
}

/* The last one leaves while the room waits to be pumped: there is nobody to tell. */
static void a_dirty_room_goes_with_its_last_subscriber(void **state)
{
    (void)state;
    struct cf_hub hub;
    struct cf_subscriber a;
    cf_hub_init(&hub, hash_key);
    join(&hub, &a, 1, 0);
    cf_hub_live(&a);
    publish(&hub, 1, 10);
    cf_hub_leave(&hub, &a);
    assert_null(cf_hub_room_get(&hub, room_id(1)));
    assert_null(cf_hub_dirty(&hub));
    cf_hub_deinit(&hub);
}

/* V29: everybody leaves in the walk over them, each when it is its turn. */
static void leaving_in_the_walk_is_safe(void **state)
{
    (void)state;
    struct cf_hub hub;
    struct cf_subscriber subscribers[5];
    cf_hub_init(&hub, hash_key);
    for (size_t i = 0; i < 5; i++) {
        join(&hub, &subscribers[i], 1, 0);
        cf_hub_live(&subscribers[i]);
    }
    publish(&hub, 1, 10);
    struct cf_hub_room *room = cf_hub_dirty(&hub);
    size_t seen = 0;
    for (struct cf_list *node = room->subscribers.next, *next; node != &room->subscribers;
         node = next) {
        next = node->next;
        assert_ptr_equal(node, &subscribers[seen++].in_room);
        cf_hub_leave(&hub, CF_LIST_ENTRY(node, struct cf_subscriber, in_room));
        assert_int_equal(room->events_count, 1);
        assert_int_equal(room->events[0]->at, 10);
    }
    assert_int_equal(seen, 5);
    assert_int_equal(room->count, 0);
    assert_int_equal(room->live[0], 0);
    assert_ptr_equal(cf_hub_room_get(&hub, room_id(1)), room);
    cf_hub_room_done(&hub, room);
    assert_null(cf_hub_room_get(&hub, room_id(1)));
    cf_hub_deinit(&hub);
}

static void joining_and_other_rooms_are_safe_in_the_walk(void **state)
{
    (void)state;
    struct cf_hub hub;
    struct cf_subscriber a, b, c;
    cf_hub_init(&hub, hash_key);
    join(&hub, &a, 1, 0);
    join(&hub, &b, 2, 0);
    cf_hub_live(&a);
    cf_hub_live(&b);
    publish(&hub, 1, 10);
    struct cf_hub_room *room = cf_hub_dirty(&hub);
    join(&hub, &c, 1, 0);
    cf_hub_live(&c);
    publish(&hub, 2, 20);
    cf_hub_leave(&hub, &a);
    struct cf_event *event = event_in(1, 30);
    assert_panics(cf_hub_publish(&hub, event));
    cf_event_unref(event);
    cf_hub_room_done(&hub, room);
    assert_ptr_equal(cf_hub_room_get(&hub, room_id(1)), room);
    room = cf_hub_dirty(&hub);
    assert_int_equal(room->events[0]->at, 20);
    cf_hub_room_done(&hub, room);
    cf_hub_leave(&hub, &b);
    cf_hub_leave(&hub, &c);
    cf_hub_deinit(&hub);
}

static void a_burst_is_kept_and_its_memory_given_back(void **state)
{
    (void)state;
    struct cf_hub hub;
    struct cf_subscriber a;
    cf_hub_init(&hub, hash_key);
    join(&hub, &a, 1, 0);
    cf_hub_live(&a);
    for (unsigned burst = 0; burst < 2; burst++) {
        size_t count = burst == 0 ? 1000 : 64;
        for (size_t i = 0; i < count; i++)
            publish(&hub, 1, (cf_us)i);
        struct cf_hub_room *room = cf_hub_dirty(&hub);
        assert_int_equal(room->events_count, count);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(room->events[i]->at, i);
        assert_false(room->lost);
        cf_hub_room_done(&hub, room);
        assert_int_equal(room->events_cap, burst == 0 ? 0 : 64);
    }
    cf_hub_leave(&hub, &a);
    cf_hub_deinit(&hub);
}

/* Who asks for another form is counted there at once, if it counts at all. */
static void another_form_is_counted_anew(void **state)
{
    (void)state;
    struct cf_hub hub;
    struct cf_subscriber a, b;
    cf_hub_init(&hub, hash_key);
    cf_subscriber_init(&a, 0);
    cf_hub_reform(&a, 5); /* in no room */
    assert_int_equal(a.form, 5);
    assert_int_equal(cf_hub_join(&hub, room_id(1), &a), CF_OK);
    join(&hub, &b, 1, 5);
    struct cf_hub_room *room = cf_hub_room_get(&hub, room_id(1));
    cf_hub_reform(&a, 1); /* joined, not live */
    for (int form = 0; form < CF_HUB_FORMS; form++)
        assert_int_equal(room->live[form], 0);
    cf_hub_live(&a);
    cf_hub_live(&b);
    assert_int_equal(room->live[1], 1);
    assert_int_equal(room->live[5], 1);
    cf_hub_reform(&a, 5); /* live */
    assert_int_equal(room->live[1], 0);
    assert_int_equal(room->live[5], 2);
    cf_hub_reform(&a, 5);
    assert_int_equal(room->live[5], 2);
    assert_panics(cf_hub_reform(&a, CF_HUB_FORMS));

    publish(&hub, 1, 10); /* and while the room is pumped */
    assert_ptr_equal(cf_hub_dirty(&hub), room);
    cf_hub_reform(&b, CF_HUB_FORMS - 1);
    assert_int_equal(room->live[5], 1);
    assert_int_equal(room->live[CF_HUB_FORMS - 1], 1);
    assert_int_equal(room->events_count, 1);
    cf_hub_room_done(&hub, room);
    cf_hub_leave(&hub, &b);
    assert_int_equal(room->live[CF_HUB_FORMS - 1], 0);
    assert_int_equal(room->live[5], 1);
    cf_hub_leave(&hub, &a);
    assert_int_equal(a.form, 5);
    cf_hub_deinit(&hub);
}

/* ---- against a model ---- */

enum { ROOMS = 6, SUBSCRIBERS = 40, STEPS = 20000, EVENTS = 64 };

struct model {
    int room[SUBSCRIBERS]; /* -1: none */
    bool live[SUBSCRIBERS];
    cf_us events[ROOMS][EVENTS];
    size_t events_count[ROOMS];
};

static size_t model_count(const struct model *model, int room, const struct cf_subscriber *all,
                          int form, bool live)
{
    size_t count = 0;
    for (size_t i = 0; i < SUBSCRIBERS; i++)
        count += model->room[i] == room && (!live || model->live[i]) &&
                 (form < 0 || all[i].form == form);
    return count;
}

static void model_leave(struct model *model, const struct cf_subscriber *all, size_t who)
{
    int room = model->room[who];
    model->room[who] = -1;
    model->live[who] = false;
    if (room >= 0 && model_count(model, room, all, -1, false) == 0)
        model->events_count[room] = 0;
}

/* Pumps all rooms, some subscribers leaving at their turn, and compares. */
static void pump(struct cf_hub *hub, struct model *model, struct cf_subscriber *all,
                 uint64_t *random)
{
    for (struct cf_hub_room *room; (room = cf_hub_dirty(hub)) != NULL;) {
        int n = room->id.bytes[15];
        assert_int_equal(room->events_count, model->events_count[n]);
        for (size_t i = 0; i < room->events_count; i++)
            assert_int_equal(room->events[i]->at, model->events[n][i]);
        for (struct cf_list *node = room->subscribers.next, *next; node != &room->subscribers;
             node = next) {
            next = node->next;
            struct cf_subscriber *subscriber = CF_LIST_ENTRY(node, struct cf_subscriber, in_room);
            if (random_below(random, 4) != 0)
                continue;
            cf_hub_leave(hub, subscriber);
            model_leave(model, all, (size_t)(subscriber - all));
        }
        model->events_count[n] = 0;
        cf_hub_room_done(hub, room);
    }
    for (int n = 0; n < ROOMS; n++)
        assert_int_equal(model->events_count[n], 0);
}

static void check(const struct cf_hub *hub, const struct model *model,
                  const struct cf_subscriber *all)
{
    size_t joined_count = 0;
    for (int n = 0; n < ROOMS; n++) {
        struct cf_hub_room *room = cf_hub_room_get(hub, room_id((unsigned)n));
        size_t count = model_count(model, n, all, -1, false);
        joined_count += count;
        assert_int_equal(room == NULL ? 0 : room->count, count);
        for (int form = 0; room != NULL && form < CF_HUB_FORMS; form++)
            assert_int_equal(room->live[form], model_count(model, n, all, form, true));
    }
    assert_int_equal(hub->subscribers, joined_count);
}

static void random_lives_match_the_model(void **state)
{
    (void)state;
    static struct cf_subscriber all[SUBSCRIBERS];
    static struct model model;
    uint64_t random = 20260103;
    struct cf_hub hub;
    cf_hub_init(&hub, hash_key);
    for (size_t i = 0; i < SUBSCRIBERS; i++) {
        cf_subscriber_init(&all[i], (uint8_t)(i % CF_HUB_FORMS));
        model.room[i] = -1;
    }
    for (unsigned step = 0; step < STEPS; step++) {
        size_t who = random_below(&random, SUBSCRIBERS);
        int room = (int)random_below(&random, ROOMS);
        switch (random_below(&random, 7)) {
        case 0:
        case 1:
            if (model.room[who] >= 0)
                break;
            assert_int_equal(cf_hub_join(&hub, room_id((unsigned)room), &all[who]), CF_OK);
            model.room[who] = room;
            break;
        case 2:
            cf_hub_live(&all[who]);
            model.live[who] = model.room[who] >= 0;
            break;
        case 3:
            cf_hub_leave(&hub, &all[who]);
            model_leave(&model, all, who);
            break;
        case 4:
            if (model.events_count[room] == EVENTS)
                break;
            publish(&hub, (unsigned)room, (cf_us)step);
            if (model_count(&model, room, all, -1, true) > 0)
                model.events[room][model.events_count[room]++] = (cf_us)step;
            break;
        case 5:
            cf_hub_reform(&all[who], (uint8_t)random_below(&random, CF_HUB_FORMS));
            break;
        default:
            if (random_below(&random, 8) == 0)
                pump(&hub, &model, all, &random);
            break;
        }
        check(&hub, &model, all);
    }
    for (size_t i = 0; i < SUBSCRIBERS; i++)
        cf_hub_leave(&hub, &all[i]);
    cf_hub_deinit(&hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_of_a_room_stays_together),
        cmocka_unit_test(who_is_not_live_is_reached_by_removal_only),
        cmocka_unit_test(leaving_twice_and_living_nowhere_are_harmless),
        cmocka_unit_test(a_dirty_room_goes_with_its_last_subscriber),
        cmocka_unit_test(leaving_in_the_walk_is_safe),
        cmocka_unit_test(joining_and_other_rooms_are_safe_in_the_walk),
        cmocka_unit_test(a_burst_is_kept_and_its_memory_given_back),
        cmocka_unit_test(another_form_is_counted_anew),
        cmocka_unit_test(random_lives_match_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
