#include "edge/store_sqlite/talk_read.h"

/* The furthest seq that the actor has read, which a row does not have, comes beside it. */
struct found {
    struct cf_talk_row *rows;
    uint64_t *seqs_read;
    size_t count;
};

static enum cf_error add_talk(const struct cf_sqlite_query *query, struct cf_arena *arena,
                              struct found *found)
{
    struct cf_talk_row *rows = cf_sqlite_rows_grow(arena, found->rows, found->count, sizeof(*rows));
    uint64_t *seqs_read =
        cf_sqlite_rows_grow(arena, found->seqs_read, found->count, sizeof(*seqs_read));
    if (rows == NULL || seqs_read == NULL)
        return CF_E_NOMEM;
    found->rows = rows;
    found->seqs_read = seqs_read;
    enum cf_error error =
        cf_sqlite_talk_read(query, arena, &rows[found->count], &seqs_read[found->count]);
    if (error == CF_OK)
        found->count++;
    return error;
}

int cf_sqlite_talks_of(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct found found = {NULL, NULL, 0};
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_TALKS_OF);
    cf_sqlite_bind_text(&query, request->actor);
    cf_sqlite_bind_int(&query, request->limit);
    while (request->error == CF_OK && cf_sqlite_step(&query))
        request->error = add_talk(&query, &request->arena, &found);
    int rc = cf_sqlite_finish(&query);
    for (size_t i = 0; rc == SQLITE_OK && request->error == CF_OK && i < found.count; i++)
        rc = cf_sqlite_talk_fill(db, request, found.seqs_read[i], &found.rows[i]);
    request->talks = found.rows;
    request->talks_count = found.count;
    return rc;
}

/* The first seq whose message is not older than `since`: bisection, as time grows with seq. */
static int find_since(struct cf_sqlite_db *db, const struct cf_store_request *request,
                      const struct cf_sqlite_talk *talk, uint64_t *out_seq)
{
    uint64_t low = 1;
    uint64_t high = talk->last_seq + 1;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        struct cf_sqlite_query query = cf_sqlite_talk_query(db, talk->kind, CF_SQL_DIRECT_CREATED);
        cf_sqlite_bind_int(&query, request->talk);
        cf_sqlite_bind_int(&query, (int64_t)middle);
        bool older = cf_sqlite_step(&query) && cf_sqlite_column_int(&query, 0) < request->from;
        int rc = cf_sqlite_finish(&query);
        if (rc != SQLITE_OK)
            return rc;
        if (older)
            low = middle + 1;
        else
            high = middle;
    }
    *out_seq = low;
    return SQLITE_OK;
}

/* Messages of seq `from` and up, or down, request->limit of them at most. */
static int add_messages(struct cf_sqlite_db *db, struct cf_store_request *request,
                        enum cf_talk_kind kind, enum cf_sqlite_statement direct, int64_t from)
{
    struct cf_sqlite_query query = cf_sqlite_talk_query(db, kind, direct);
    cf_sqlite_bind_int(&query, request->talk);
    cf_sqlite_bind_int(&query, from);
    cf_sqlite_bind_int(&query, (int64_t)request->limit + 1);
    while (request->error == CF_OK && !request->has_more && cf_sqlite_step(&query)) {
        if (request->talk_messages_count == request->limit)
            request->has_more = true;
        else
            request->error = cf_sqlite_talk_message_add(&query, request);
    }
    return cf_sqlite_finish(&query);
}

static int add_up(struct cf_sqlite_db *db, struct cf_store_request *request, enum cf_talk_kind kind,
                  int64_t from)
{
    return add_messages(db, request, kind, CF_SQL_DIRECT_UP, from);
}

static int add_down(struct cf_sqlite_db *db, struct cf_store_request *request,
                    enum cf_talk_kind kind, int64_t from)
{
    int rc = add_messages(db, request, kind, CF_SQL_DIRECT_DOWN, from);
    struct cf_talk_message *rows = request->talk_messages;
    size_t count = request->talk_messages_count;
    for (size_t i = 0; i < count / 2; i++) {
        struct cf_talk_message row = rows[i];
        rows[i] = rows[count - 1 - i];
        rows[count - 1 - i] = row;
    }
    return rc;
}

static int add_range(struct cf_sqlite_db *db, struct cf_store_request *request,
                     const struct cf_sqlite_talk *talk)
{
    int64_t last = (int64_t)talk->last_seq;
    switch (request->range) {
    case CF_TALK_SINCE: {
        uint64_t seq;
        int rc = find_since(db, request, talk, &seq);
        return rc != SQLITE_OK ? rc : add_up(db, request, talk->kind, (int64_t)seq);
    }
    case CF_TALK_AFTER_SEQ:
        return request->from < last ? add_up(db, request, talk->kind, request->from + 1)
                                    : SQLITE_OK;
    case CF_TALK_BEFORE:
        return request->from > 1 ? add_down(db, request, talk->kind, request->from - 1) : SQLITE_OK;
    default:
        return add_down(db, request, talk->kind, last);
    }
}

/* Adds a stored mark to the receipts; those of one user follow each other, delivered before
 * read. */
static enum cf_error add_receipt(const struct cf_sqlite_query *query, struct cf_arena *arena,
                                 struct cf_talk_message *message)
{
    struct cf_slice user;
    enum cf_error error = cf_sqlite_column_text(query, 0, arena, &user);
    if (error != CF_OK)
        return error;
    cf_us at = cf_sqlite_column_int(query, 2);
    bool read = cf_sqlite_column_int(query, 1) == CF_MARK_READ;
    size_t count = message->receipts_count;
    if (count > 0 && cf_slice_eq(message->receipts[count - 1].user, user)) {
        message->receipts[count - 1].read = at;
        return CF_OK;
    }
    struct cf_talk_receipt *receipts =
        cf_sqlite_rows_grow(arena, message->receipts, count, sizeof(*receipts));
    if (receipts == NULL)
        return CF_E_NOMEM;
    message->receipts = receipts;
    message->receipts_count++;
    /* Whoever has read it has got it. */
    receipts[count] = (struct cf_talk_receipt){user, at, read ? at : 0};
    return CF_OK;
}

static int fill_receipts(struct cf_sqlite_db *db, struct cf_store_request *request,
                         struct cf_talk_message *message)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_RECEIPTS_OF);
    cf_sqlite_bind_int(&query, message->id);
    while (request->error == CF_OK && cf_sqlite_step(&query))
        request->error = add_receipt(&query, &request->arena, message);
    return cf_sqlite_finish(&query);
}

int cf_sqlite_talk_messages(struct cf_sqlite_db *db, struct cf_store_request *request)
{
    struct cf_sqlite_talk talk;
    int rc = cf_sqlite_talk_for(db, request, &talk);
    if (rc != SQLITE_OK || request->error != CF_OK)
        return rc;
    rc = add_range(db, request, &talk);
    for (size_t i = 0;
         rc == SQLITE_OK && request->error == CF_OK && i < request->talk_messages_count; i++)
        rc = fill_receipts(db, request, &request->talk_messages[i]);
    return rc;
}
