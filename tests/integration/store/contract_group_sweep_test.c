/* What every store promises about media of encrypted groups that are over: condemned, then, when
 * their files are gone, forgotten (port/store.h). */
#include "group_fixture.h"

#define HOUR INT64_C(3600000000)
/* What nothing is older than. */
#define NEVER INT64_C(0)

static struct cf_uuid new_place(struct fixture *f, struct cf_uuid *out_group)
{
    *out_group = group_of(f, S("ann bob"));
    return new_thread(f, *out_group, S("ann"));
}

static bool has(const struct cf_store_request *request, struct cf_uuid id)
{
    size_t count = 0;
    for (size_t i = 0; i < request->uuids_count; i++)
        count += cf_uuid_eq(&request->uuids[i], &id);
    assert_true(count <= 1);
    return count == 1;
}

/* These and no others are dead, in whatever order. */
static void assert_dead(const struct cf_store_request *request, const struct cf_uuid *ids,
                        size_t count)
{
    assert_int_equal(request->uuids_count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(has(request, ids[i]));
}

static enum cf_error get(struct fixture *f, struct cf_uuid media)
{
    return on_media(f, CF_STORE_GROUP_MEDIA_GET, media, S("bob"))->error;
}

static void complete_ones_that_expired(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group;
    struct cf_uuid thread = new_place(f, &group);
    struct cf_uuid media[2];
    cf_us expires[2];
    for (size_t i = 0; i < 2; i++) {
        media[i] = new_media(f, thread, S("bob"), 1);
        expires[i] = on_media(f, CF_STORE_GROUP_MEDIA_GET, media[i], S("ann"))->media.expires;
    }
    assert_true(expires[0] < expires[1]);
    assert_int_equal(condemn(f, expires[0] - 1, NEVER, 9)->uuids_count, 0);
    assert_int_equal(get(f, media[0]), CF_OK);
    assert_dead(condemn(f, expires[0], NEVER, 9), media, 1);
    reopen(f);
    assert_int_equal(get(f, media[0]), CF_E_NOT_FOUND);
    assert_int_equal(get(f, media[1]), CF_OK);
    /* What was dead before is told again, until it is forgotten. */
    assert_dead(condemn(f, expires[1] - 1, NEVER, 9), media, 1);
    assert_dead(condemn(f, expires[1], NEVER, 9), media, 2);
    forget(f, media, 1);
    assert_dead(condemn(f, expires[1], NEVER, 9), &media[1], 1);
    forget(f, media, 2);
    assert_int_equal(condemn(f, expires[1] + HOUR, NEVER, 9)->uuids_count, 0);
    /* The log tells of them still. */
    assert_int_equal(read_all(f, S("ann"))->group_events_count, 4);
}

static void incomplete_ones_that_are_old(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group;
    struct cf_uuid thread = new_place(f, &group);
    struct cf_store_request *opened = make_upload(f, thread, S("bob"), 1);
    assert_int_equal(run(f, opened), CF_OK);
    struct cf_uuid completed = new_media(f, thread, S("bob"), 1);
    const cf_us now = f->clock;
    assert_int_equal(condemn(f, now + HOUR / 2, opened->now, 9)->uuids_count, 0);
    assert_int_equal(get(f, opened->message), CF_OK);
    assert_dead(condemn(f, now + HOUR / 2, opened->now + 1, 9), &opened->message, 1);
    reopen(f);
    assert_int_equal(get(f, opened->message), CF_E_NOT_FOUND);
    /* One that is complete is not over because it was opened long ago. */
    assert_dead(condemn(f, now + HOUR / 2, now + 100 * HOUR, 9), &opened->message, 1);
    assert_int_equal(get(f, completed), CF_OK);
}

static void deleted_ones(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group;
    struct cf_uuid thread = new_place(f, &group);
    struct cf_uuid media[2] = {new_media(f, thread, S("bob"), 1),
                               new_upload(f, thread, S("bob"), 1)};
    struct cf_uuid kept = new_media(f, thread, S("bob"), 1);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(on_media(f, CF_STORE_GROUP_MEDIA_DELETE, media[i], S("bob"))->error,
                         CF_OK);
    reopen(f);
    assert_dead(condemn(f, f->clock, NEVER, 9), media, 2);
    assert_int_equal(get(f, kept), CF_OK);
}

/* At most `limit` die, and those that did not are as they were. */
static void limit_of_a_sweep(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group;
    struct cf_uuid thread = new_place(f, &group);
    enum { ALL = 5 };
    struct cf_uuid media[ALL];
    for (size_t i = 0; i < ALL; i++)
        media[i] = new_upload(f, thread, S("bob"), 1);
    const cf_us now = f->clock + HOUR;
    assert_int_equal(condemn(f, now, now, 0)->uuids_count, 0);
    for (size_t left = ALL; left > 0;) {
        struct cf_store_request *swept = condemn(f, now, now, 2);
        size_t expected = left < 2 ? left : 2;
        assert_int_equal(swept->uuids_count, expected);
        reopen(f);
        left -= expected;
        size_t alive = 0;
        for (size_t i = 0; i < ALL; i++) {
            alive += get(f, media[i]) == CF_OK;
            assert_false(has(swept, media[i]) && get(f, media[i]) == CF_OK);
        }
        assert_int_equal(alive, left);
        forget(f, swept->uuids, swept->uuids_count);
    }
    assert_int_equal(condemn(f, now, now, 2)->uuids_count, 0);
    const uint32_t limits[] = {ALL - 1, ALL, ALL + 1};
    for (size_t i = 0; i < CF_ARRAY_LEN(limits); i++) {
        for (size_t j = 0; j < ALL; j++)
            media[j] = new_upload(f, thread, S("bob"), 1);
        assert_int_equal(condemn(f, f->clock + 1, f->clock + 1, limits[i])->uuids_count,
                         limits[i] < ALL ? limits[i] : ALL);
        (void)condemn(f, f->clock + HOUR, f->clock + HOUR, ALL);
        forget(f, media, ALL);
    }
}

static void quota_is_free_at_once(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group;
    struct cf_uuid thread = new_place(f, &group);
    struct cf_uuid media = new_media(f, thread, S("bob"), 1000);
    cf_us expires = on_media(f, CF_STORE_GROUP_MEDIA_GET, media, S("bob"))->media.expires;
    f->clock = expires + HOUR;
    struct cf_store_request *full = make_upload(f, thread, S("bob"), 1);
    assert_int_equal(run(f, full), CF_E_FULL); /* expired, but nobody has condemned it */
    assert_dead(condemn(f, expires, NEVER, 9), &media, 1);
    reopen(f);
    struct cf_uuid next = new_upload(f, thread, S("bob"), 1000);
    assert_dead(condemn(f, expires, NEVER, 9), &media, 1); /* frees nothing a second time */
    forget(f, &media, 1);
    full = make_upload(f, thread, S("bob"), 1);
    assert_int_equal(run(f, full), CF_E_FULL);
    assert_dead(condemn(f, f->clock, f->clock + 1, 9), &next, 1);
    (void)new_upload(f, thread, S("bob"), 1000);
}

static void dead_is_not_done(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group;
    struct cf_uuid thread = new_place(f, &group);
    struct cf_uuid media[2] = {new_upload(f, thread, S("bob"), 1),
                               new_media(f, thread, S("bob"), 1)};
    const cf_us now = f->clock + 2 * HOUR;
    assert_dead(condemn(f, now, now, 9), media, 2);
    for (size_t i = 0; i < 4; i++) {
        assert_nothing(on_media(f, CF_STORE_GROUP_MEDIA_DONE, media[i % 2], S("bob")),
                       CF_E_NOT_FOUND);
        assert_nothing(on_media(f, CF_STORE_GROUP_MEDIA_DELETE, media[i % 2], S("bob")),
                       CF_E_NOT_FOUND);
        if (i == 1)
            forget(f, media, 2);
    }
    assert_int_equal(read_all(f, S("ann"))->group_events_count, 3);
}

/* Condemned and completed in one batch: whoever comes first has it. */
static void done_and_condemn_within_a_batch(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group;
    struct cf_uuid thread = new_place(f, &group);
    for (size_t i = 0; i < 2; i++) {
        struct cf_uuid media = new_upload(f, thread, S("bob"), 1);
        struct cf_store_request *done = make_on(f, CF_STORE_GROUP_MEDIA_DONE, S("bob"), media);
        done->ttl = HOUR;
        struct cf_store_request *sweep = make(f, CF_STORE_GROUP_MEDIA_CONDEMN, S(""));
        sweep->since = f->clock;
        sweep->limit = 9;
        struct cf_list list;
        cf_list_init(&list);
        cf_list_push_back(&list, i == 0 ? &done->link : &sweep->link);
        cf_list_push_back(&list, i == 0 ? &sweep->link : &done->link);
        run_list(f, &list);
        assert_int_equal(sweep->error, CF_OK);
        assert_int_equal(done->error, i == 0 ? CF_OK : CF_E_NOT_FOUND);
        assert_int_equal(sweep->uuids_count, i);
        assert_int_equal(get(f, media), done->error);
    }
}

static void forget_only_the_dead(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group;
    struct cf_uuid thread = new_place(f, &group);
    struct cf_uuid dead = new_upload(f, thread, S("bob"), 1);
    assert_int_equal(on_media(f, CF_STORE_GROUP_MEDIA_DELETE, dead, S("bob"))->error, CF_OK);
    struct cf_uuid other = new_upload(f, thread, S("bob"), 1);
    assert_int_equal(on_media(f, CF_STORE_GROUP_MEDIA_DELETE, other, S("bob"))->error, CF_OK);
    const struct cf_uuid named[] = {uuid_of(999),
                                    new_upload(f, thread, S("bob"), 1),
                                    new_media(f, thread, S("bob"), 1),
                                    dead,
                                    dead,
                                    thread};
    forget(f, named, CF_ARRAY_LEN(named));
    reopen(f);
    assert_int_equal(get(f, named[1]), CF_OK);
    assert_int_equal(get(f, named[2]), CF_OK);
    assert_dead(condemn(f, f->clock, NEVER, 9), &other, 1);
    forget(f, NULL, 0);
    assert_dead(condemn(f, f->clock, NEVER, 9), &other, 1);
    /* What is left counts as before. */
    struct cf_store_request *full = make_upload(f, thread, S("bob"), 999);
    assert_int_equal(run(f, full), CF_E_FULL);
    (void)new_upload(f, thread, S("bob"), 998);
}

/* The same client id after the first upload's death makes a new one. */
static void open_again_after_death(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group;
    struct cf_uuid thread = new_place(f, &group);
    struct cf_uuid dead[3];
    for (size_t i = 0; i < 4; i++) {
        /* Another size is no conflict any more. */
        struct cf_store_request *opened = make_upload(f, thread, S("bob"), 1 + i);
        opened->client_id = S("c1");
        assert_int_equal(run(f, opened), CF_OK);
        assert_true(opened->created);
        assert_uuid(opened->media.id, opened->message);
        if (i == 3)
            break;
        dead[i] = opened->message;
        if (i == 1)
            assert_true(on_media(f, CF_STORE_GROUP_MEDIA_DONE, dead[i], S("bob"))->created);
        if (i == 2)
            assert_dead(condemn(f, f->clock, f->clock + 1, 9), dead, 3);
        else
            assert_int_equal(on_media(f, CF_STORE_GROUP_MEDIA_DELETE, dead[i], S("bob"))->error,
                             CF_OK);
        reopen(f);
    }
    forget(f, dead, 3);
    struct cf_store_request *again = make_upload(f, thread, S("bob"), 4);
    again->client_id = S("c1");
    assert_int_equal(run(f, again), CF_OK);
    assert_false(again->created);
}

/* A sweep has no actor: nobody comes to be known by it. */
static void sweep_has_no_actor(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid group = group_of(f, S("ann"));
    (void)condemn(f, f->clock, f->clock, 9);
    forget(f, NULL, 0);
    struct cf_store_request *joined = make_join(f, group, S("ann"), S(""));
    joined->user_name = S("Nobody");
    assert_int_equal(run(f, joined), CF_OK);
    assert_slice(joined->group_events[0].user_name, S("Nobody"));
}

static const struct CMUnitTest tests[] = {
    CONTRACT(complete_ones_that_expired),
    CONTRACT(incomplete_ones_that_are_old),
    CONTRACT(deleted_ones),
    CONTRACT(limit_of_a_sweep),
    CONTRACT(quota_is_free_at_once),
    CONTRACT(dead_is_not_done),
    CONTRACT(done_and_condemn_within_a_batch),
    CONTRACT(forget_only_the_dead),
    CONTRACT(open_again_after_death),
    CONTRACT(sweep_has_no_actor),
};

int main(void)
{
    return run_contract(tests);
}
