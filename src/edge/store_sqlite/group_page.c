/* A page is made in two passes. The first finds places, by an index alone: each kind of each group,
 * or of the thread, is a source whose places come in the order of the page, and is left as soon as
 * it comes to one that cannot be on the page any more. The second reads the rows of those that are.
 * So neither the groups of others nor the length of a log cost anything. */
#include "edge/store_sqlite/group_page.h"

#include <stdlib.h>
#include <string.h>

/* Keys are given in the order of commits, and stamps never decrease from one to the next. */
struct place {
    int64_t stamp, key;
};

struct search {
    struct cf_sqlite_db *db;
    struct cf_store_request *request;
    bool down;
    int64_t from;
    struct place *places;
    size_t count, cap;
    int64_t edge; /* a place beyond this stamp is not on the page */
    bool cut;     /* there is a place beyond it */
};

static int up_by_key(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    return (a->key > b->key) - (a->key < b->key);
}

static int down_by_key(const void *left, const void *right)
{
    return up_by_key(right, left);
}

static bool is_beyond(const struct search *search, int64_t stamp)
{
    return search->down ? stamp < search->edge : stamp > search->edge;
}

/* Sorts the places, and drops those that are behind the page and the one after it. */
static void trim(struct search *search)
{
    if (search->count == 0)
        return;
    qsort(search->places, search->count, sizeof(*search->places),
          search->down ? down_by_key : up_by_key);
    size_t limit = search->request->limit;
    if (search->count <= limit)
        return;
    search->edge = search->places[limit].stamp;
    size_t kept = limit + 1;
    while (kept < search->count && !is_beyond(search, search->places[kept].stamp))
        kept++;
    search->cut = search->cut || kept < search->count;
    search->count = kept;
}

static enum cf_error grow(struct search *search)
{
    enum { FIRST = 64 };
    size_t cap = search->cap == 0 ? FIRST : 2 * search->cap;
    struct place *places = cf_arena_alloc(&search->request->arena, cap * sizeof(*places));
    if (places == NULL)
        return CF_E_NOMEM;
    if (search->count > 0)
        memcpy(places, search->places, search->count * sizeof(*places));
    search->places = places;
    search->cap = cap;
    return CF_OK;
}

static enum cf_error add_place(struct search *search, struct place place)
{
    if (search->count == search->cap) {
        trim(search);
        /* Half of it free after each trim: a place is sorted twice on the average. */
        enum cf_error error = search->count < search->cap / 2 ? CF_OK : grow(search);
        if (error != CF_OK)
            return error;
    }
    search->places[search->count++] = place;
    return CF_OK;
}

static int search_source(struct search *search, enum cf_sqlite_statement statement, int64_t key,
                         unsigned kind)
{
    struct cf_store_request *request = search->request;
    struct cf_sqlite_query query = cf_sqlite_query(search->db, statement);
    cf_sqlite_bind_int(&query, key);
    cf_sqlite_bind_int(&query, kind);
    cf_sqlite_bind_int(&query, search->from);
    /* Stamps of a source increase strictly: one more than the limit is behind the page. */
    cf_sqlite_bind_int(&query, (int64_t)request->limit + 1);
    while (request->error == CF_OK && cf_sqlite_step(&query)) {
        struct place place = {cf_sqlite_column_int(&query, 0), cf_sqlite_column_int(&query, 1)};
        if (is_beyond(search, place.stamp)) {
            search->cut = true;
            break;
        }
        request->error = add_place(search, place);
    }
    return cf_sqlite_finish(&query);
}

static int search_room(struct search *search, int64_t room_key)
{
    enum cf_sqlite_statement statement =
        search->down ? CF_SQL_ORBITAL_ROOM_DOWN : CF_SQL_ORBITAL_ROOM_UP;
    int rc = SQLITE_OK;
    for (unsigned kind = 1; rc == SQLITE_OK && kind < CF_GROUP_ALL; kind *= 2) {
        if ((search->request->kinds & kind) != 0)
            rc = search_source(search, statement, room_key, kind);
    }
    return rc;
}

/* The groups come newest first: on the way down, the rest of them is behind the page sooner or
 * later; on the way up, those without anything new do not come at all. */
static int search_rooms(struct search *search)
{
    struct cf_store_request *request = search->request;
    struct cf_sqlite_query query = cf_sqlite_query(search->db, CF_SQL_ORBITAL_GROUPS_SINCE);
    cf_sqlite_bind_text(&query, request->actor);
    cf_sqlite_bind_int(&query, search->down ? INT64_MIN : search->from);
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && request->error == CF_OK && cf_sqlite_step(&query)) {
        if (search->down && search->cut && is_beyond(search, cf_sqlite_column_int(&query, 1)))
            break;
        rc = search_room(search, cf_sqlite_column_int(&query, 0));
    }
    int ended = cf_sqlite_finish(&query);
    return rc != SQLITE_OK ? rc : ended;
}

static int search_thread(struct search *search)
{
    struct cf_store_request *request = search->request;
    struct cf_sqlite_group group;
    int64_t thread_key;
    int rc =
        cf_sqlite_group_thread_for(search->db, request, &request->message, &group, &thread_key);
    if (rc != SQLITE_OK || request->error != CF_OK || (request->kinds & CF_GROUP_REPLY) == 0)
        return rc;
    return search_source(search,
                         search->down ? CF_SQL_ORBITAL_THREAD_DOWN : CF_SQL_ORBITAL_THREAD_UP,
                         thread_key, CF_GROUP_REPLY);
}

static int search_all(struct search *search)
{
    struct cf_store_request *request = search->request;
    if (!cf_uuid_is_nil(&request->message))
        return search_thread(search);
    if (cf_uuid_is_nil(&request->room))
        return search_rooms(search);
    struct cf_sqlite_group group;
    int rc = cf_sqlite_group_for(search->db, request, &group);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    return search_room(search, group.key);
}

static int read_page(struct search *search)
{
    struct cf_store_request *request = search->request;
    const struct place *places = search->places;
    size_t bytes = 0;
    size_t i = 0;
    for (; i < search->count; i++) {
        bool full = i >= request->limit || bytes >= CF_GROUP_PAGE_BYTES;
        if (full && (i == 0 || places[i].stamp != places[i - 1].stamp))
            break;
        int rc = cf_sqlite_group_event_add(search->db, request, places[i].key);
        if (rc != SQLITE_OK || request->error != CF_OK)
            return rc;
        bytes += cf_group_event_bytes(&request->group_events[i]);
    }
    request->has_more = search->cut || i < search->count;
    return SQLITE_OK;
}

static void reverse(struct cf_group_event *rows, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct cf_group_event row = rows[i];
        rows[i] = rows[count - 1 - i];
        rows[count - 1 - i] = row;
    }
}

int cf_sqlite_group_events(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    bool down = request->group_range != CF_GROUP_SINCE;
    struct search search = {
        .db = db,
        .request = request,
        .down = down,
        .from = request->group_range == CF_GROUP_NEWEST ? INT64_MAX : request->from,
        .edge = down ? INT64_MIN : INT64_MAX,
    };
    int rc = search_all(&search);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    trim(&search);
    rc = read_page(&search);
    if (down)
        reverse(request->group_events, request->group_events_count);
    return rc;
}
