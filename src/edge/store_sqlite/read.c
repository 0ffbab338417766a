#include "edge/store_sqlite/read.h"

#include "edge/store_sqlite/group_read.h"
#include "edge/store_sqlite/schema.h"
#include "edge/store_sqlite/talk_read.h"

static int read_rooms(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ROOMS_OF);
    cf_sqlite_bind_text(&query, request->actor);
    while (request->error == CF_OK && cf_sqlite_step(&query))
        request->error = cf_sqlite_room_add(&query, request);
    return cf_sqlite_finish(&query);
}

static int read_role(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct cf_sqlite_room room;
    int rc = cf_sqlite_room_for(db, request, &room);
    if (rc == SQLITE_OK && request->error == CF_OK)
        request->role = room.role;
    return rc;
}

static int read_members(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct cf_sqlite_room room;
    int rc = cf_sqlite_room_for(db, request, &room);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MEMBERS_OF);
    cf_sqlite_bind_int(&query, room.key);
    while (request->error == CF_OK && cf_sqlite_step(&query))
        request->error = cf_sqlite_member_add(&query, request);
    return cf_sqlite_finish(&query);
}

static int read_message(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct cf_sqlite_message message;
    int rc = cf_sqlite_message_for(db, request, &message);
    if (rc == SQLITE_OK && request->error == CF_OK)
        cf_sqlite_answer_message(request, message.row);
    return rc;
}

/* Appends the query's rows to request->messages, request->limit of them at most. True: there was
 * one more. */
static bool add_messages(struct cf_sqlite_query *query, struct cf_store_request *request)
{
    while (request->error == CF_OK && cf_sqlite_step(query)) {
        if (request->messages_count == request->limit)
            return true;
        struct cf_message_row *rows = cf_sqlite_rows_grow(&request->arena, request->messages,
                                                          request->messages_count, sizeof(*rows));
        if (rows == NULL) {
            request->error = CF_E_NOMEM;
            return false;
        }
        request->messages = rows;
        request->error = cf_sqlite_message_read(query, &request->arena, &request->room,
                                                &rows[request->messages_count]);
        if (request->error == CF_OK)
            request->messages_count++;
    }
    return false;
}

static void reverse(struct cf_message_row *rows, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct cf_message_row row = rows[i];
        rows[i] = rows[count - 1 - i];
        rows[count - 1 - i] = row;
    }
}

/* A message of a room: `skip` messages down from the first one of at most this seq. */
struct place {
    uint64_t seq, skip;
};

/* Moves the place down, past what has no gap above a block and past the block. True: it is in one
 * of the two, and needs no more blocks. */
static bool pass_block(struct place *place, uint64_t block, uint64_t gone)
{
    uint64_t first = block == 0 ? 1 : block * CF_SQLITE_GAP_SEQS;
    uint64_t last = block * CF_SQLITE_GAP_SEQS + CF_SQLITE_GAP_SEQS - 1;
    if (last > place->seq)
        last = place->seq;
    uint64_t above = place->seq - last;
    if (place->skip < above) {
        *place = (struct place){place->seq - place->skip, 0};
        return true;
    }
    *place = (struct place){last, place->skip - above};
    uint64_t kept = last - first + 1 - gone;
    if (place->skip < kept)
        return true;
    *place = (struct place){first - 1, place->skip - kept};
    return false;
}

/* The message that is `offset` messages from the newest. Blocks are counted, not messages, but for
 * those of the block that it is in. */
static int find_place(struct cf_sqlite_db *db, const struct cf_sqlite_room *room, uint64_t offset,
                      struct place *out_place)
{
    struct place place = {room->last_seq, offset};
    bool found = false;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_GAPS_DOWN);
    cf_sqlite_bind_int(&query, room->key);
    while (!found && cf_sqlite_step(&query))
        found = pass_block(&place, (uint64_t)cf_sqlite_column_int(&query, 0),
                           (uint64_t)cf_sqlite_column_int(&query, 1));
    *out_place = found ? place : (struct place){place.seq - place.skip, 0};
    return cf_sqlite_finish(&query);
}

static int read_page(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct cf_sqlite_room room;
    int rc = cf_sqlite_room_for(db, request, &room);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    request->total = room.message_count;
    /* Two 32-bit numbers: the product cannot overflow. */
    uint64_t offset = request->page == 0 ? 0 : (uint64_t)(request->page - 1) * request->limit;
    if (offset >= room.message_count)
        return SQLITE_OK;
    struct place place;
    rc = find_place(db, &room, offset, &place);
    if (rc != SQLITE_OK)
        return rc;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MESSAGES_DOWN);
    cf_sqlite_bind_int(&query, room.key);
    cf_sqlite_bind_int(&query, (int64_t)place.seq);
    cf_sqlite_bind_int(&query, request->limit);
    cf_sqlite_bind_int(&query, (int64_t)place.skip);
    (void)add_messages(&query, request);
    reverse(request->messages, request->messages_count);
    request->has_more = room.message_count - offset > request->messages_count;
    return cf_sqlite_finish(&query);
}

/* The first seq whose message is not older than `since`: bisection, as time grows with seq. */
static int find_since(struct cf_sqlite_db *db, const struct cf_sqlite_room *room, cf_us since,
                      uint64_t *out_seq)
{
    uint64_t low = 1;
    uint64_t high = room->last_seq + 1;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_CREATED_AT);
        cf_sqlite_bind_int(&query, room->key);
        cf_sqlite_bind_int(&query, (int64_t)middle);
        bool found = cf_sqlite_step(&query);
        uint64_t seq = found ? (uint64_t)cf_sqlite_column_int(&query, 0) : 0;
        bool older = found && cf_sqlite_column_int(&query, 1) < since;
        int rc = cf_sqlite_finish(&query);
        if (rc != SQLITE_OK)
            return rc;
        if (older)
            low = seq + 1;
        else
            high = middle;
    }
    *out_seq = low;
    return SQLITE_OK;
}

static int read_since(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct cf_sqlite_room room;
    int rc = cf_sqlite_room_for(db, request, &room);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    uint64_t seq;
    rc = find_since(db, &room, request->since, &seq);
    if (rc != SQLITE_OK)
        return rc;
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_MESSAGES_UP);
    cf_sqlite_bind_int(&query, room.key);
    cf_sqlite_bind_int(&query, (int64_t)seq);
    cf_sqlite_bind_int(&query, (int64_t)request->limit + 1);
    request->has_more = add_messages(&query, request);
    return cf_sqlite_finish(&query);
}

int cf_sqlite_read(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    switch (request->op) {
    case CF_STORE_ROOMS_OF:
        return read_rooms(db, request);
    case CF_STORE_MEMBER_GET:
        return read_role(db, request);
    case CF_STORE_MEMBERS_OF:
        return read_members(db, request);
    case CF_STORE_MESSAGE_GET:
        return read_message(db, request);
    case CF_STORE_MESSAGES_PAGE:
        return read_page(db, request);
    case CF_STORE_MESSAGES_SINCE:
        return read_since(db, request);
    case CF_STORE_CHECK: {
        struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_CHECK);
        return cf_sqlite_execute(&query);
    }
    case CF_STORE_TALKS_OF:
        return cf_sqlite_talks_of(db, request);
    case CF_STORE_TALK_MESSAGES:
        return cf_sqlite_talk_messages(db, request);
    default:
        return cf_sqlite_group_read(db, request);
    }
}
