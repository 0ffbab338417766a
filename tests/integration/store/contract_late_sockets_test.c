/* What every store promises about sockets that it is told of late (port/store.h): with the first
 * join, or when they are recovered. */
#include "talk_fixture.h"

enum { OPENED = 500 };

static struct cf_store_request *make_late(struct fixture *f, enum cf_store_op op,
                                          struct cf_slice pid, struct cf_slice actor,
                                          int64_t number)
{
    struct cf_store_request *request = make(f, op, actor);
    request->pid = pid;
    request->sid = S("a late sid");
    request->number = number;
    request->from = -1;
    request->limit = 100;
    return request;
}

static struct cf_store_request *join_late(struct fixture *f, struct cf_slice pid,
                                          struct cf_slice actor, int64_t talk, int64_t number)
{
    struct cf_store_request *request = make_late(f, CF_STORE_SOCKET_JOIN, pid, actor, number);
    request->talk = talk;
    request->now = OPENED;
    (void)run(f, request);
    return request;
}

static uint64_t commits_of(struct fixture *f)
{
    struct cf_store_stats stats;
    f->store->ops->stats(f->store, &stats);
    return stats.commits;
}

static void number_is_the_highest(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(number_of(f), 0);
    int64_t direct = new_direct(f, S("ann"), S("bob")), group = new_group(f, S("ann"), S("bob"));
    assert_int_equal(number_of(f), 0);
    int64_t first = say(f, direct, S("ann")), second = say(f, group, S("ann"));
    assert_int_equal(number_of(f), second);
    reopen(f);
    assert_int_equal(number_of(f), second);
    int64_t third = new_mark(f, S("bob"), first, CF_MARK_READ);
    assert_int_equal(number_of(f), third);
    reopen(f);
    assert_int_equal(number_of(f), third);
}

/* In one commit, as if it had been opened before. */
static void join_opens_the_socket(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    int64_t early = say(f, talk, S("ann"));
    int64_t seen = new_mark(f, S("bob"), early, CF_MARK_DELIVERED);
    int64_t missed = new_mark(f, S("bob"), early, CF_MARK_READ);
    int64_t before = say(f, talk, S("bob"));
    uint64_t commits = commits_of(f);
    struct cf_store_request *join = join_late(f, S("p1"), S("ann"), talk, seen);
    assert_int_equal(join->error, CF_OK);
    assert_int_equal(join->last_number, before);
    assert_int_equal(commits_of(f), commits + 1);
    int64_t after = say(f, talk, S("bob"));
    reopen(f);

    struct cf_store_request *back = recover(f, S("p1"), S("ann"), -1);
    assert_slice(back->sid, S("a late sid"));
    assert_int_equal(back->talks_count, 1);
    assert_int_equal(back->talks[0].id, talk);
    assert_messages(back, NUMBERS(after));
    assert_marks(back, NUMBERS(missed));
}

static void close_finds_what_a_join_opened(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    assert_int_equal(join_late(f, S("p1"), S("ann"), talk, 0)->error, CF_OK);
    close_socket(f, S("p1"), OPENED + 1);
    assert_slice(recover(f, S("p1"), S("ann"), -1)->sid, S("a late sid"));
    assert_int_equal(join_late(f, S("p2"), S("ann"), talk, 0)->error, CF_OK);
    close_socket(f, S("p2"), OPENED);
    reopen(f);
    assert_refused(recover(f, S("p2"), S("ann"), -1), CF_E_NOT_FOUND);
}

static void join_leaves_a_known_socket(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    cf_us opened = open_socket(f, S("p1"), S("ann"));
    int64_t message = say(f, talk, S("ann"));
    int64_t read = new_mark(f, S("bob"), message, CF_MARK_READ);
    assert_int_equal(join_late(f, S("p1"), S("ann"), talk, read)->error, CF_OK);
    close_socket(f, S("p1"), OPENED);
    reopen(f);
    struct cf_store_request *back = make_recover(f, S("p1"), S("ann"), -1);
    back->now = opened;
    assert_int_equal(run(f, back), CF_OK);
    assert_slice(back->sid, S("a sid"));
    assert_int_equal(back->talks_count, 1);
    assert_marks(back, NUMBERS(read));
    /* Another user's is neither joined nor taken. */
    struct cf_store_request *bobs = join_late(f, S("p1"), S("bob"), talk, 0);
    assert_int_equal(bobs->error, CF_OK);
    assert_int_equal(bobs->last_number, read);
    assert_refused(recover(f, S("p1"), S("bob"), -1), CF_E_NOT_FOUND);
    assert_slice(recover(f, S("p1"), S("ann"), -1)->sid, S("a sid"));
}

static void refused_join_opens_nothing(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    assert_refused(join_late(f, S("p1"), S("eve"), talk, 0), CF_E_NOT_MEMBER);
    assert_refused(recover(f, S("p1"), S("eve"), -1), CF_E_NOT_FOUND);
}

static void recover_of_what_is_not_known_yet(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    int64_t message = say(f, talk, S("ann"));
    int64_t seen = new_mark(f, S("bob"), message, CF_MARK_DELIVERED);
    int64_t missed = new_mark(f, S("bob"), message, CF_MARK_READ);
    struct cf_store_request *back = make_late(f, CF_STORE_SOCKET_RECOVER, S("p1"), S("ann"), seen);
    assert_int_equal(run(f, back), CF_OK);
    assert_slice(back->sid, S("a late sid"));
    assert_int_equal(back->talks_count, 0);
    assert_messages(back, NONE);
    assert_marks(back, NUMBERS(missed));
    assert_int_equal(back->last_number, missed);
    reopen(f);

    /* From now on it is known, by what was said first. */
    struct cf_store_request *again =
        make_late(f, CF_STORE_SOCKET_RECOVER, S("p1"), S("ann"), missed);
    again->sid = S("another sid");
    assert_int_equal(run(f, again), CF_OK);
    assert_slice(again->sid, S("a late sid"));
    assert_marks(again, NUMBERS(missed));
    close_socket(f, S("p1"), back->now);
    struct cf_store_request *last = recover(f, S("p1"), S("ann"), -1);
    assert_slice(last->sid, S("a late sid"));
    close_socket(f, S("p1"), last->now);
    assert_refused(recover(f, S("p1"), S("ann"), -1), CF_E_NOT_FOUND);
}

/* By somebody of whom nothing is known either. */
static void recover_stores_the_user(void **state)
{
    struct fixture *f = *state;
    struct cf_store_request *back = make_late(f, CF_STORE_SOCKET_RECOVER, S("p1"), S("zoe"), 0);
    back->actor_name = S("Zoe");
    assert_int_equal(run(f, back), CF_OK);
    int64_t talk = new_group(f, S("ann"), S("zoe"));
    struct cf_store_request *list = talks_of(f, S("zoe"), 1);
    assert_int_equal(list->talks[0].id, talk);
    const struct cf_talk_person *people = list->talks[0].people;
    assert_slice(people[cf_slice_eq(people[0].user, S("zoe")) ? 0 : 1].name, S("Zoe"));
}

static void refused_recovery_opens_nothing(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    int64_t message = say(f, talk, S("ann"));
    (void)new_mark(f, S("bob"), message, CF_MARK_READ);
    struct cf_store_request *back = make_late(f, CF_STORE_SOCKET_RECOVER, S("p1"), S("ann"), 0);
    back->limit = 0;
    assert_int_equal(run(f, back), CF_E_NOT_FOUND);
    assert_refused(recover(f, S("p1"), S("ann"), -1), CF_E_NOT_FOUND);
    /* Nor may another user's be taken. */
    (void)open_socket(f, S("p2"), S("bob"));
    back = make_late(f, CF_STORE_SOCKET_RECOVER, S("p2"), S("ann"), 0);
    assert_int_equal(run(f, back), CF_E_NOT_FOUND);
    assert_slice(recover(f, S("p2"), S("bob"), -1)->sid, S("a sid"));
}

static const struct CMUnitTest tests[] = {
    CONTRACT(number_is_the_highest),          CONTRACT(join_opens_the_socket),
    CONTRACT(close_finds_what_a_join_opened), CONTRACT(join_leaves_a_known_socket),
    CONTRACT(refused_join_opens_nothing),     CONTRACT(recover_of_what_is_not_known_yet),
    CONTRACT(recover_stores_the_user),        CONTRACT(refused_recovery_opens_nothing),
};

int main(void)
{
    return run_contract(tests);
}
