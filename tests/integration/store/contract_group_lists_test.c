/* What every store promises about the list of one's encrypted groups (port/store.h). */
#include "group_fixture.h"

static void groups_of_newest_first(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid groups[4];
    for (size_t i = 0; i < 4; i++) {
        f->clock = YEAR_2100; /* all of one stamp */
        groups[i] = group_of(f, i == 1 ? S("bob") : S("bob ann"));
    }
    (void)new_room(f, S("ann")); /* is no group */
    assert_int_equal(leave_group(f, groups[2], S("ann"), S("ann"))->error, CF_OK);
    reopen(f);
    struct cf_store_request *listed = groups_of(f, S("ann"));
    assert_int_equal(listed->rooms_count, 2);
    assert_uuid(listed->rooms[0].id, groups[3]);
    assert_uuid(listed->rooms[1].id, groups[0]);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(listed->rooms[i].role, CF_ROLE_MEMBER);
        assert_int_equal(listed->rooms[i].members, 2);
    }
    assert_int_equal(groups_of(f, S("bob"))->rooms_count, 4);
    assert_int_equal(groups_of(f, S("eve"))->rooms_count, 0);
}

/* The answer is groups[first], groups[first - 1] … */
static void assert_page(const struct cf_store_request *page, const struct cf_uuid *groups,
                        size_t first, size_t count, bool has_more)
{
    assert_int_equal(page->error, CF_OK);
    assert_int_equal(page->rooms_count, count);
    for (size_t i = 0; i < count; i++)
        assert_uuid(page->rooms[i].id, groups[first - i]);
    assert_int_equal(page->has_more, has_more);
}

static void groups_of_in_pages(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid groups[6];
    for (size_t i = 0; i < 6; i++) {
        f->clock = YEAR_2100;   /* all of one stamp */
        f->ids = 1000 - 10 * i; /* ids are no order */
        groups[i] = group_of(f, S("bob"));
    }
    for (size_t i = 0; i < 6; i++) /* joined in another order than made */
        assert_int_equal(join_group(f, groups[(i + 3) % 6], S("bob"), S("ann"))->error, CF_OK);
    reopen(f);
    const struct {
        size_t before; /* 6: none */
        uint32_t limit;
        size_t count;
        bool has_more;
    } rows[] = {
        {6, 0, 0, true},  {6, 1, 1, true},           {6, 5, 5, true},  {6, 6, 6, false},
        {6, 7, 6, false}, {6, UINT32_MAX, 6, false}, {5, 4, 4, true},  {5, 5, 5, false},
        {5, 6, 5, false}, {1, 0, 0, true},           {1, 1, 1, false}, {1, 2, 1, false},
        {0, 0, 0, false}, {0, 1, 0, false},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(rows); i++) {
        struct cf_uuid before = rows[i].before == 6 ? NO_UUID : groups[rows[i].before];
        assert_page(groups_before(f, S("ann"), before, rows[i].limit), groups, rows[i].before - 1,
                    rows[i].count, rows[i].has_more);
    }
}

/* What somebody is not in makes a page neither shorter nor longer, and is no place in their list.
 */
static void groups_of_others(void **state)
{
    struct fixture *f = start_clock(state);
    struct cf_uuid groups[5], own[3];
    for (size_t i = 0; i < 5; i++)
        groups[i] = group_of(f, i == 3 ? S("bob") : S("bob ann"));
    assert_int_equal(leave_group(f, groups[1], S("ann"), S("ann"))->error, CF_OK);
    own[0] = groups[0];
    own[1] = groups[2];
    own[2] = groups[4];
    reopen(f);
    assert_page(groups_before(f, S("ann"), NO_UUID, 2), own, 2, 2, true);
    assert_page(groups_before(f, S("ann"), NO_UUID, 3), own, 2, 3, false);
    assert_page(groups_before(f, S("ann"), own[2], 1), own, 1, 1, true);
    assert_page(groups_before(f, S("ann"), own[1], 1), own, 0, 1, false);
    assert_page(groups_before(f, S("bob"), groups[3], 9), groups, 2, 3, false);
    /* left; never in; unknown; no group; a stranger to all */
    assert_nothing(groups_before(f, S("ann"), groups[1], 9), CF_E_NOT_FOUND);
    assert_nothing(groups_before(f, S("ann"), groups[3], 9), CF_E_NOT_FOUND);
    assert_nothing(groups_before(f, S("ann"), uuid_of(999), 9), CF_E_NOT_FOUND);
    assert_nothing(groups_before(f, S("ann"), new_room(f, S("ann")), 9), CF_E_NOT_FOUND);
    assert_nothing(groups_before(f, S("eve"), groups[0], 9), CF_E_NOT_FOUND);
    assert_nothing(groups_before(f, S("eve"), NO_UUID, 9), CF_OK);
}

/* Anybody may add anybody: a page is answered however many groups there are. */
static void groups_of_more_than_fit(void **state)
{
    enum { GROUPS = 12000, NAME_BYTES = 800 };
    static char name[NAME_BYTES];
    struct fixture *f = start_clock(state);
    struct cf_list list;
    cf_list_init(&list);
    memset(name, 'x', sizeof(name));
    struct cf_uuid last = NO_UUID;
    for (size_t i = 0; i < GROUPS; i++) {
        struct cf_store_request *request =
            make_group(f, S("ann"), cf_slice_of(name, sizeof(name)), NO_CLIENT_ID);
        last = request->room;
        cf_list_push_back(&list, &request->link);
    }
    run_list(f, &list);
    free_finished(f);
    struct cf_store_request *page = groups_before(f, S("ann"), NO_UUID, 500);
    assert_int_equal(page->error, CF_OK);
    assert_int_equal(page->rooms_count, 500);
    assert_uuid(page->rooms[0].id, last);
    assert_true(page->has_more);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(groups_of_newest_first),
    CONTRACT(groups_of_in_pages),
    CONTRACT(groups_of_others),
    CONTRACT(groups_of_more_than_fit),
};

int main(void)
{
    return run_contract(tests);
}
