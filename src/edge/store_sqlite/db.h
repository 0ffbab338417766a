/* One SQLite connection with its prepared statements.
 *
 *     struct cf_sqlite_query query = cf_sqlite_query(db, CF_SQL_ROOM_FOR);
 *     cf_sqlite_bind_uuid(&query, &room);       parameters in their order
 *     cf_sqlite_bind_text(&query, user);
 *     if (cf_sqlite_step(&query)) ...           a row: cf_sqlite_column_…
 *     rc = cf_sqlite_finish(&query);            always; SQLITE_OK or what went wrong
 *
 * A connection is used by one thread at a time. */
#ifndef CF_EDGE_STORE_SQLITE_DB_H
#define CF_EDGE_STORE_SQLITE_DB_H

#include <sqlite3.h>

#include "base/arena.h"
#include "base/uuid.h"
#include "edge/store_sqlite/statements.h"

struct cf_buf;

struct cf_sqlite_db {
    sqlite3 *handle; /* NULL: closed */
    sqlite3_stmt *statements[CF_SQL_COUNT];
};

/* Before the process's first connection: no statistics of memory, whose lock is taken at each
 * allocation (9 % of a message's instructions). Later ones find it set: SQLite refuses a change
 * then, and keeps what a test has chosen. */
void cf_sqlite_library_set(void);

/* How long a statement waits for a lock that another process holds (an operator's shell, a backup).
 * In WAL mode our own connections never wait for each other. */
enum { CF_SQLITE_BUSY_TIMEOUT_MS = 1000 };

enum cf_sqlite_access { CF_SQLITE_READER, CF_SQLITE_WRITER };

/* Opens, sets and reads back what durability rests on (WAL, synchronous=FULL), checks the schema,
 * prepares. `db` need not be initialised; on error it is closed. CF_E_IO, CF_E_STATE (the schema is
 * not this program's) with one line in `why`. */
enum cf_error cf_sqlite_db_open(struct cf_sqlite_db *db, const char *path,
                                enum cf_sqlite_access access, struct cf_buf *why);
/* A closed one is allowed. */
void cf_sqlite_db_close(struct cf_sqlite_db *db);
/* Closes without writing one more byte: no checkpoint, whatever is left is recovered from the WAL
 * by the next one who opens. */
void cf_sqlite_db_abandon(struct cf_sqlite_db *db);
/* Runs a statement without parameters and rows. An SQLite result code. */
int cf_sqlite_db_run(struct cf_sqlite_db *db, enum cf_sqlite_statement statement);
/* CF_E_IO with one line when a page of the file is malformed. Reads the whole file. */
enum cf_error cf_sqlite_db_quick_check(struct cf_sqlite_db *db, const char *path,
                                       struct cf_buf *why);

struct cf_sqlite_query {
    sqlite3_stmt *statement;
    int bound;
    int rc;
};

struct cf_sqlite_query cf_sqlite_query(struct cf_sqlite_db *db, enum cf_sqlite_statement statement);
/* Bound bytes are borrowed until the query is finished. */
void cf_sqlite_bind_int(struct cf_sqlite_query *query, int64_t value);
void cf_sqlite_bind_uuid(struct cf_sqlite_query *query, const struct cf_uuid *uuid);
/* Never NULL in SQL: a slice without bytes is the empty text. */
void cf_sqlite_bind_text(struct cf_sqlite_query *query, struct cf_slice text);
/* ptr == NULL is NULL in SQL. */
void cf_sqlite_bind_optional(struct cf_sqlite_query *query, struct cf_slice text);
/* True: there is a row. False: there is none (left), or it failed; finish tells which. */
bool cf_sqlite_step(struct cf_sqlite_query *query);
/* Steps to the end and finishes: for statements without rows. */
int cf_sqlite_execute(struct cf_sqlite_query *query);
/* Ends the query; SQLITE_OK, or the first error since it began. */
int cf_sqlite_finish(struct cf_sqlite_query *query);

int64_t cf_sqlite_column_int(const struct cf_sqlite_query *query, int column);
/* False when the column does not hold 16 bytes. */
bool cf_sqlite_column_uuid(const struct cf_sqlite_query *query, int column,
                           struct cf_uuid *out_uuid);
/* A copy in the arena; ptr == NULL for NULL. CF_E_NOMEM. */
enum cf_error cf_sqlite_column_text(const struct cf_sqlite_query *query, int column,
                                    struct cf_arena *arena, struct cf_slice *out_text);

#endif
