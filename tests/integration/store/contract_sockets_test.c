/* What every store promises about sockets and what they have missed (port/store.h). */
#include "talk_fixture.h"

static void assert_talks(const struct cf_store_request *request, const int64_t *talks, size_t count)
{
    assert_int_equal(request->error, CF_OK);
    assert_int_equal(request->talks_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(request->talks[i].id, talks[i]);
}

static void pid_is_given_once(void **state)
{
    struct fixture *f = *state;
    (void)open_socket(f, S("p1"), S("ann"));
    reopen(f);
    const struct cf_slice users[] = {S("ann"), S("bob")};
    for (size_t i = 0; i < 2; i++) {
        struct cf_store_request *again = make(f, CF_STORE_SOCKET_OPEN, users[i]);
        again->pid = S("p1");
        again->sid = S("another");
        assert_int_equal(run(f, again), CF_E_CONFLICT);
    }
    assert_slice(recover(f, S("p1"), S("ann"), -1)->sid, S("a sid"));
    close_socket(f, S("p1"), f->clock);
    (void)open_socket(f, S("p1"), S("bob")); /* free again */
    assert_slice(recover(f, S("p1"), S("bob"), -1)->sid, S("a sid"));
    assert_refused(recover(f, S("p1"), S("ann"), -1), CF_E_NOT_FOUND);
}

static void join_answers_the_last_number(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    int64_t other = new_direct(f, S("ann"), S("cid"));
    (void)open_socket(f, S("p1"), S("ann"));
    (void)open_socket(f, S("p2"), S("bob"));
    assert_int_equal(join_talk(f, S("p1"), S("ann"), talk), 0);
    int64_t message = say(f, other, S("cid"));
    assert_int_equal(join_talk(f, S("p1"), S("ann"), talk), message); /* of any talk */
    int64_t number = new_mark(f, S("ann"), message, CF_MARK_DELIVERED);
    reopen(f);
    assert_int_equal(join_talk(f, S("p1"), S("ann"), talk), number);
    /* With no socket, or another user's, it is a question about the talk alone. */
    assert_int_equal(join_talk(f, S("nobody's"), S("ann"), talk), number);
    assert_int_equal(join_talk(f, S("p2"), S("ann"), talk), number);
    assert_int_equal(join_talk(f, S(""), S("ann"), talk), number);
    assert_talks(recover(f, S("p2"), S("bob"), -1), NONE);
    assert_talks(recover(f, S("p1"), S("ann"), -1), NUMBERS(talk));
    assert_refused(recover(f, S("nobody's"), S("ann"), -1), CF_E_NOT_FOUND);
}

static void join_needs_a_part(void **state)
{
    struct fixture *f = *state;
    int64_t group = new_group(f, S("ann"), S("bob"));
    int64_t direct = new_direct(f, S("ann"), S("bob"));
    (void)say(f, direct, S("ann"));
    (void)open_socket(f, S("p1"), S("eve"));
    const int64_t talks[] = {group, direct, direct + 1, 0, -1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < CF_ARRAY_LEN(talks); i++) {
        struct cf_store_request *request =
            socket_in(f, CF_STORE_SOCKET_JOIN, S("p1"), S("eve"), talks[i]);
        assert_refused(request, CF_E_NOT_MEMBER);
        assert_int_equal(request->last_number, 0);
    }
    assert_talks(recover(f, S("p1"), S("eve"), -1), NONE);
}

static void leave_forgets_the_talk(void **state)
{
    struct fixture *f = *state;
    int64_t a = new_group(f, S("ann"), S("bob")), b = new_group(f, S("ann"), S("bob"));
    (void)open_socket(f, S("p1"), S("ann"));
    (void)join_talk(f, S("p1"), S("ann"), b);
    (void)join_talk(f, S("p1"), S("ann"), a);
    int64_t in_a = say(f, a, S("bob")), in_b = say(f, b, S("bob"));

    /* Nothing to forget, or not theirs to say. */
    const struct {
        struct cf_slice pid, actor;
        int64_t talk;
    } idle[] = {
        {S("p1"), S("bob"), a},  {S("p1"), S("ann"), b + 1}, {S("p1"), S("ann"), 0},
        {S("p1"), S("ann"), -1}, {S("p2"), S("ann"), a},     {S("p1"), S("ann"), INT64_MAX},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(idle); i++)
        assert_int_equal(
            socket_in(f, CF_STORE_SOCKET_LEAVE, idle[i].pid, idle[i].actor, idle[i].talk)->error,
            CF_OK);
    struct cf_store_request *back = recover(f, S("p1"), S("ann"), -1);
    assert_talks(back, NUMBERS(a, b));
    assert_messages(back, NUMBERS(in_a, in_b));

    for (int i = 0; i < 2; i++) { /* twice is as once */
        assert_int_equal(socket_in(f, CF_STORE_SOCKET_LEAVE, S("p1"), S("ann"), a)->error, CF_OK);
        reopen(f);
        back = recover(f, S("p1"), S("ann"), -1);
        assert_talks(back, NUMBERS(b));
        assert_messages(back, NUMBERS(in_b));
    }
    /* Back in it: from here on. */
    assert_int_equal(join_talk(f, S("p1"), S("ann"), a), in_b);
    int64_t later = say(f, a, S("bob"));
    assert_messages(recover(f, S("p1"), S("ann"), -1), NUMBERS(in_b, later));
}

static void recover_answers_what_was_missed(void **state)
{
    struct fixture *f = *state;
    int64_t direct = new_direct(f, S("ann"), S("bob"));
    int64_t group = new_group(f, S("ann"), S("bob cid"));
    int64_t unjoined = new_group(f, S("ann"), S("bob"));
    int64_t early = say(f, direct, S("ann"));
    (void)say(f, group, S("bob"));
    (void)new_mark(f, S("bob"), early, CF_MARK_DELIVERED); /* before there was a socket */
    (void)open_socket(f, S("p1"), S("ann"));
    int64_t early_read = new_mark(f, S("bob"), early, CF_MARK_READ);
    (void)say(f, direct, S("bob")); /* before it joined */
    (void)join_talk(f, S("p1"), S("ann"), group);
    (void)join_talk(f, S("p1"), S("ann"), direct);
    int64_t hers = say(f, direct, S("ann"));
    int64_t bobs = say(f, group, S("bob"));
    (void)say(f, unjoined, S("bob"));
    struct cf_store_request *sent = send_with(f, group, S("cid"), S("missed"), S("c1"));
    int64_t missed = sent->talk_messages[0].id;
    (void)new_mark(f, S("cid"), bobs, CF_MARK_READ);
    int64_t read = new_mark(f, S("bob"), hers, CF_MARK_READ);
    (void)new_mark(f, S("bob"), missed, CF_MARK_READ);
    int64_t away = say(f, unjoined, S("ann")); /* the marks on it are hers all the same */
    struct cf_store_request *delivered = mark(f, S("bob"), away, CF_MARK_DELIVERED);
    int64_t last = delivered->marks[0].number;
    reopen(f);

    struct cf_store_request *back = recover(f, S("p1"), S("ann"), -1);
    assert_slice(back->sid, S("a sid"));
    assert_talks(back, NUMBERS(direct, group));
    assert_messages(back, NUMBERS(hers, bobs, missed));
    assert_marks(back, NUMBERS(early_read, read, last));
    assert_int_equal(back->last_number, last);
    assert_false(back->has_more);

    const struct cf_talk_message *row = &back->talk_messages[2];
    assert_int_equal(row->talk, group);
    assert_int_equal(row->seq, 3);
    assert_slice(row->author, S("cid"));
    assert_slice(row->author_name, S("cid"));
    assert_slice(row->text, S("missed"));
    assert_slice(row->client_id, S("c1"));
    assert_int_equal(row->created, sent->now);
    assert_int_equal(back->talk_messages[0].receipts_count, 0);

    assert_int_equal(back->marks[2].message, away);
    assert_int_equal(back->marks[2].talk, unjoined);
    assert_slice(back->marks[2].author, S("ann"));
    assert_slice(back->marks[2].user, S("bob"));
    assert_int_equal(back->marks[2].kind, CF_MARK_DELIVERED);
    assert_int_equal(back->marks[2].at, delivered->now);
    assert_int_equal(back->marks[1].kind, CF_MARK_READ);
    assert_int_equal(back->marks[1].message, hers);
    assert_int_equal(back->marks[1].talk, direct);
}

static void recover_from_the_middle(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    int64_t other = new_direct(f, S("ann"), S("bob"));
    (void)open_socket(f, S("p1"), S("ann"));
    (void)join_talk(f, S("p1"), S("ann"), talk);
    int64_t a = say(f, talk, S("ann")), b = new_mark(f, S("bob"), a, CF_MARK_DELIVERED);
    int64_t c = say(f, talk, S("bob")), d = new_mark(f, S("bob"), a, CF_MARK_READ);
    (void)say(f, other, S("bob"));
    (void)join_talk(f, S("p1"), S("ann"), other); /* what was before it stays unmissed */
    int64_t e = say(f, other, S("bob"));
    const struct {
        int64_t from;
        size_t messages_first, marks_first;
    } rows[] = {
        {INT64_MIN, 0, 0}, {-1, 0, 0}, {0, 0, 0}, {a - 1, 0, 0}, {a, 1, 0},         {b, 1, 1},
        {c, 2, 1},         {d, 2, 2},  {e, 3, 2}, {e + 1, 3, 2}, {INT64_MAX, 3, 2},
    };
    const int64_t messages[] = {a, c, e};
    const int64_t marks[] = {b, d};
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        struct cf_store_request *back = recover(f, S("p1"), S("ann"), rows[i].from);
        assert_talks(back, NUMBERS(talk, other));
        assert_messages(back, &messages[rows[i].messages_first], 3 - rows[i].messages_first);
        assert_marks(back, &marks[rows[i].marks_first], 2 - rows[i].marks_first);
        assert_int_equal(back->last_number, e);
        reopen(f);
    }
}

/* Recovering takes nothing away: what a client has seen, it tells itself. */
static void recover_again_and_again(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    (void)open_socket(f, S("p1"), S("ann"));
    (void)join_talk(f, S("p1"), S("ann"), talk);
    int64_t a = say(f, talk, S("ann")), b = new_mark(f, S("bob"), a, CF_MARK_READ);
    for (int i = 0; i < 3; i++) {
        struct cf_store_request *back = recover(f, S("p1"), S("ann"), -1);
        assert_slice(back->sid, S("a sid"));
        assert_talks(back, NUMBERS(talk));
        assert_messages(back, NUMBERS(a));
        assert_marks(back, NUMBERS(b));
        assert_int_equal(back->last_number, b);
        (void)join_talk(f, S("p1"), S("ann"), talk); /* it is in it already */
        reopen(f);
    }
    int64_t c = say(f, talk, S("bob"));
    assert_messages(recover(f, S("p1"), S("ann"), -1), NUMBERS(a, c));
    assert_messages(recover(f, S("p1"), S("ann"), b), NUMBERS(c));
    assert_messages(recover(f, S("p1"), S("ann"), c), NONE);
    assert_marks(recover(f, S("p1"), S("ann"), c), NONE);
}

/* Two sockets of one user, and one of another's: each has its own past. */
static void sockets_are_apart(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    (void)open_socket(f, S("p1"), S("ann"));
    (void)join_talk(f, S("p1"), S("ann"), talk);
    int64_t a = say(f, talk, S("ann"));
    (void)open_socket(f, S("p2"), S("ann"));
    (void)open_socket(f, S("p3"), S("bob"));
    (void)join_talk(f, S("p3"), S("bob"), talk);
    int64_t b = new_mark(f, S("bob"), a, CF_MARK_READ), c = say(f, talk, S("bob"));
    reopen(f);
    assert_messages(recover(f, S("p1"), S("ann"), -1), NUMBERS(a, c));
    struct cf_store_request *back = recover(f, S("p2"), S("ann"), -1);
    assert_talks(back, NONE);
    assert_messages(back, NONE);
    assert_marks(back, NUMBERS(b));
    back = recover(f, S("p3"), S("bob"), -1);
    assert_talks(back, NUMBERS(talk));
    assert_messages(back, NUMBERS(c));
    assert_marks(back, NONE); /* the mark is on another's */
}

static void recover_of_a_foreign_socket(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    (void)open_socket(f, S("p1"), S("ann"));
    (void)join_talk(f, S("p1"), S("ann"), talk);
    int64_t message = say(f, talk, S("bob"));
    const struct {
        struct cf_slice pid, actor;
    } rows[] = {{S("p1"), S("bob")}, {S("p1"), S("eve")}, {S("p2"), S("ann")},
                {S("p"), S("ann")},  {S("P1"), S("ann")}, {S(""), S("ann")}};
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        struct cf_store_request *back = recover(f, rows[i].pid, rows[i].actor, -1);
        assert_refused(back, CF_E_NOT_FOUND);
        assert_int_equal(back->last_number, 0);
        assert_int_equal(back->sid.len, 0);
    }
    assert_messages(recover(f, S("p1"), S("ann"), -1), NUMBERS(message));
}

static void recover_after_a_removal(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob cid"));
    int64_t kept = new_group(f, S("ann"), S("bob"));
    (void)open_socket(f, S("p1"), S("bob"));
    (void)join_talk(f, S("p1"), S("bob"), talk);
    (void)join_talk(f, S("p1"), S("bob"), kept);
    int64_t a = say(f, talk, S("ann")), b = say(f, kept, S("ann"));
    assert_int_equal(remove_person(f, talk, S("ann"), S("bob")), CF_OK);
    int64_t c = say(f, talk, S("ann")), d = say(f, kept, S("ann"));
    reopen(f);
    struct cf_store_request *back = recover(f, S("p1"), S("bob"), -1);
    assert_talks(back, NUMBERS(kept));
    assert_messages(back, NUMBERS(b, d));
    /* What may not be seen counts for no limit either. */
    back = make_recover(f, S("p1"), S("bob"), -1);
    back->limit = 2;
    assert_int_equal(run(f, back), CF_OK);

    assert_true(add_people(f, talk, S("ann"), S("bob"))->created);
    back = recover(f, S("p1"), S("bob"), -1);
    assert_talks(back, NUMBERS(talk, kept));
    assert_messages(back, NUMBERS(a, b, c, d));
}

/* Who reads the old messages of one who left is the business of those who stayed. */
static void recover_marks_after_a_removal(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob cid"));
    int64_t kept = new_group(f, S("ann"), S("bob cid"));
    (void)open_socket(f, S("p1"), S("bob"));
    int64_t in_talk = say(f, talk, S("bob")), in_kept = say(f, kept, S("bob"));
    int64_t a = new_mark(f, S("cid"), in_talk, CF_MARK_DELIVERED);
    int64_t b = new_mark(f, S("cid"), in_kept, CF_MARK_DELIVERED);
    cf_us b_at = f->clock;
    assert_int_equal(remove_person(f, talk, S("bob"), S("bob")), CF_OK);
    int64_t c = new_mark(f, S("cid"), in_talk, CF_MARK_READ);
    int64_t d = new_mark(f, S("cid"), in_kept, CF_MARK_READ);
    int64_t e = new_mark(f, S("ann"), in_talk, CF_MARK_READ);
    reopen(f);
    struct cf_store_request *back = recover(f, S("p1"), S("bob"), -1);
    assert_marks(back, NUMBERS(b, d));
    assert_int_equal(back->last_number, e);
    assert_marks(recover(f, S("p1"), S("bob"), b), NUMBERS(d));
    /* Nor are they too many or too old. */
    back = make_recover(f, S("p1"), S("bob"), -1);
    back->limit = 2;
    back->since = b_at;
    assert_int_equal(run(f, back), CF_OK);
    assert_marks(back, NUMBERS(b, d));

    assert_true(add_people(f, talk, S("ann"), S("bob"))->created);
    assert_marks(recover(f, S("p1"), S("bob"), -1), NUMBERS(a, b, c, d, e));
}

static void recover_since(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    int64_t other = new_direct(f, S("ann"), S("bob"));
    (void)open_socket(f, S("p1"), S("ann"));
    int64_t old = say(f, talk, S("ann"));
    (void)join_talk(f, S("p1"), S("ann"), talk);
    (void)say(f, other, S("bob")); /* old, but nothing that it missed */
    int64_t message = say(f, talk, S("bob"));
    cf_us message_at = f->clock;
    int64_t number = new_mark(f, S("bob"), old, CF_MARK_READ);
    cf_us mark_at = f->clock;
    const struct {
        int64_t from;
        cf_us since;
        enum cf_error error;
    } rows[] = {
        {-1, message_at, CF_OK},
        {-1, message_at + 1, CF_E_NOT_FOUND},
        {message - 1, message_at + 1, CF_E_NOT_FOUND},
        {message, message_at + 1, CF_OK}, /* seen, however old */
        {message, mark_at, CF_OK},
        {message, mark_at + 1, CF_E_NOT_FOUND},
        {number, mark_at + 1, CF_OK},
        {number, INT64_MAX, CF_OK},
        {number - 1, INT64_MAX, CF_E_NOT_FOUND},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        struct cf_store_request *back = make_recover(f, S("p1"), S("ann"), rows[i].from);
        back->since = rows[i].since;
        assert_int_equal(run(f, back), rows[i].error);
        if (rows[i].error != CF_OK)
            assert_refused(back, rows[i].error);
        reopen(f);
    }
}

static void recover_limit(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    (void)open_socket(f, S("p1"), S("ann"));
    (void)join_talk(f, S("p1"), S("ann"), talk);
    int64_t a = say(f, talk, S("ann")), b = say(f, talk, S("ann"));
    int64_t c = new_mark(f, S("bob"), a, CF_MARK_READ), d = say(f, talk, S("bob"));
    const struct {
        int64_t from;
        uint32_t limit;
        enum cf_error error;
    } rows[] = {
        {-1, 0, CF_E_NOT_FOUND}, {-1, 3, CF_E_NOT_FOUND}, {-1, 4, CF_OK},
        {-1, 5, CF_OK},          {b, 1, CF_E_NOT_FOUND},  {b, 2, CF_OK},
        {c, 0, CF_E_NOT_FOUND},  {c, 1, CF_OK},           {d, 0, CF_OK},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        struct cf_store_request *back = make_recover(f, S("p1"), S("ann"), rows[i].from);
        back->limit = rows[i].limit;
        assert_int_equal(run(f, back), rows[i].error);
        if (rows[i].error != CF_OK) {
            assert_refused(back, rows[i].error);
            continue;
        }
        assert_int_equal(back->talk_messages_count + back->marks_count, rows[i].from == -1  ? 4
                                                                        : rows[i].from == b ? 2
                                                                        : rows[i].from == c ? 1
                                                                                            : 0);
    }
}

static bool is_there(struct fixture *f, struct cf_slice pid, struct cf_slice actor)
{
    struct cf_store_request *open = make(f, CF_STORE_SOCKET_OPEN, actor);
    open->pid = pid;
    open->sid = S("a sid");
    if (run(f, open) == CF_E_CONFLICT)
        return true;
    close_socket(f, pid, open->now);
    return false;
}

static void close_forgets_the_socket(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    cf_us opened = open_socket(f, S("p1"), S("ann"));
    (void)join_talk(f, S("p1"), S("ann"), talk);
    (void)say(f, talk, S("bob"));
    close_socket(f, S("p2"), opened); /* there is none */
    assert_true(is_there(f, S("p1"), S("ann")));
    close_socket(f, S("p1"), opened);
    reopen(f);
    assert_refused(recover(f, S("p1"), S("ann"), -1), CF_E_NOT_FOUND);
    close_socket(f, S("p1"), opened);

    /* The next one of that name knows nothing of it. */
    (void)open_socket(f, S("p1"), S("ann"));
    struct cf_store_request *back = recover(f, S("p1"), S("ann"), -1);
    assert_talks(back, NONE);
    assert_messages(back, NONE);
}

static void late_close_leaves_the_recovered(void **state)
{
    struct fixture *f = *state;
    cf_us opened = open_socket(f, S("p1"), S("ann"));
    struct cf_store_request *first = recover(f, S("p1"), S("ann"), -1);
    close_socket(f, S("p1"), opened);
    assert_true(is_there(f, S("p1"), S("ann")));
    reopen(f);
    struct cf_store_request *second = make_recover(f, S("p1"), S("ann"), -1);
    second->now = opened - 5; /* though the clock has gone back */
    assert_int_equal(run(f, second), CF_OK);
    close_socket(f, S("p1"), opened);
    close_socket(f, S("p1"), first->now);
    assert_true(is_there(f, S("p1"), S("ann")));
    close_socket(f, S("p1"), second->now);
    assert_false(is_there(f, S("p1"), S("ann")));
}

/* One that is refused was no recovery: the socket is as it was. */
static void refused_recovery_changes_nothing(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    cf_us opened = open_socket(f, S("p1"), S("ann"));
    (void)join_talk(f, S("p1"), S("ann"), talk);
    (void)say(f, talk, S("bob"));
    struct cf_store_request *refused = make_recover(f, S("p1"), S("ann"), -1);
    refused->limit = 0;
    assert_int_equal(run(f, refused), CF_E_NOT_FOUND);
    assert_refused(recover(f, S("p1"), S("bob"), -1), CF_E_NOT_FOUND);
    assert_true(is_there(f, S("p1"), S("ann")));
    close_socket(f, S("p1"), opened);
    assert_false(is_there(f, S("p1"), S("ann")));
}

static void sweep_forgets_the_old(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    (void)open_socket(f, S("p1"), S("ann"));
    (void)open_socket(f, S("p2"), S("bob"));
    (void)join_talk(f, S("p1"), S("ann"), talk);
    (void)join_talk(f, S("p2"), S("bob"), talk);
    cf_us opened = open_socket(f, S("p3"), S("ann"));
    (void)open_socket(f, S("p4"), S("ann"));
    assert_int_equal(recover(f, S("p1"), S("ann"), -1)->error, CF_OK);
    reopen(f);
    close_socket(f, S(""), opened);              /* before it: not that one */
    assert_true(is_there(f, S("p1"), S("ann"))); /* recovered since */
    assert_false(is_there(f, S("p2"), S("bob")));
    assert_true(is_there(f, S("p3"), S("ann")));
    assert_true(is_there(f, S("p4"), S("ann")));
    close_socket(f, S(""), opened + 1);
    assert_false(is_there(f, S("p3"), S("ann")));
    assert_true(is_there(f, S("p4"), S("ann")));
    reopen(f);
    assert_talks(recover(f, S("p1"), S("ann"), -1), NUMBERS(talk));
    close_socket(f, S(""), INT64_MAX);
    assert_false(is_there(f, S("p1"), S("ann")));
    assert_false(is_there(f, S("p4"), S("ann")));
    close_socket(f, S(""), INT64_MAX); /* nothing is left */
}

/* Join, send and recover in one batch: each sees what is before it. */
static void recover_within_a_batch(void **state)
{
    struct fixture *f = *state;
    int64_t talk = new_group(f, S("ann"), S("bob"));
    (void)open_socket(f, S("p1"), S("ann"));
    struct cf_list list;
    cf_list_init(&list);
    struct cf_store_request *requests[5] = {
        make_send(f, talk, S("bob"), S("before"), NO_CLIENT_ID),
        make(f, CF_STORE_SOCKET_JOIN, S("ann")),
        make_send(f, talk, S("bob"), S("between"), NO_CLIENT_ID),
        make_recover(f, S("p1"), S("ann"), -1),
        make_send(f, talk, S("bob"), S("after"), NO_CLIENT_ID),
    };
    requests[1]->pid = S("p1");
    requests[1]->talk = talk;
    for (size_t i = 0; i < 5; i++)
        cf_list_push_back(&list, &requests[i]->link);
    run_list(f, &list);
    int64_t ids[3];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(requests[2 * i]->error, CF_OK);
        ids[i] = requests[2 * i]->talk_messages[0].id;
    }
    assert_int_equal(requests[1]->last_number, ids[0]);
    assert_messages(requests[3], NUMBERS(ids[1]));
    assert_int_equal(requests[3]->last_number, ids[1]);
    assert_messages(recover(f, S("p1"), S("ann"), ids[1]), NUMBERS(ids[2]));
}

/* Messages of many talks of both kinds come in the one order of their numbers. */
static void recover_merges_the_talks(void **state)
{
    enum { TALKS = 5, ROUNDS = 20 };
    struct fixture *f = *state;
    int64_t talks[TALKS], numbers[ROUNDS * TALKS];
    (void)open_socket(f, S("p1"), S("ann"));
    for (size_t i = 0; i < TALKS; i++) {
        static const char *const others[] = {"bob", "cid", "dan", "eve", "fay"};
        struct cf_slice other = cf_slice_cstr(others[i]);
        talks[i] = i % 2 == 0 ? new_direct(f, S("ann"), other) : new_group(f, S("ann"), other);
    }
    for (size_t i = TALKS; i > 0; i--) /* in another order than that of their ids */
        (void)join_talk(f, S("p1"), S("ann"), talks[i - 1]);
    for (size_t i = 0; i < ROUNDS * TALKS; i++)
        numbers[i] = say(f, talks[i * 3 % TALKS], S("ann"));
    reopen(f);
    struct cf_store_request *back = recover(f, S("p1"), S("ann"), -1);
    assert_talks(back, talks, TALKS);
    assert_messages(back, numbers, ROUNDS * TALKS);
    assert_messages(recover(f, S("p1"), S("ann"), numbers[49]), &numbers[50], 50);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(pid_is_given_once),
    CONTRACT(join_answers_the_last_number),
    CONTRACT(join_needs_a_part),
    CONTRACT(leave_forgets_the_talk),
    CONTRACT(recover_answers_what_was_missed),
    CONTRACT(recover_from_the_middle),
    CONTRACT(recover_again_and_again),
    CONTRACT(sockets_are_apart),
    CONTRACT(recover_of_a_foreign_socket),
    CONTRACT(recover_after_a_removal),
    CONTRACT(recover_marks_after_a_removal),
    CONTRACT(recover_since),
    CONTRACT(recover_limit),
    CONTRACT(close_forgets_the_socket),
    CONTRACT(late_close_leaves_the_recovered),
    CONTRACT(refused_recovery_changes_nothing),
    CONTRACT(sweep_forgets_the_old),
    CONTRACT(recover_within_a_batch),
    CONTRACT(recover_merges_the_talks),
};

int main(void)
{
    return run_contract(tests);
}
