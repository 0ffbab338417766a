/* Tables of the SQLite store.
 *
 * shop_messages is a rowid table: a message is appended to its b-tree wherever its room is, which
 * measured a third faster than clustering by (room, seq). There is no index by time: created_us
 * grows with seq, so a time is found by bisection over (room, seq), and no insert pays for it (18 %
 * of an insert's CPU time).
 *
 * A deleted message keeps its row, without text and image, so that a late retry with its client_id
 * finds it. Its seq stays taken, and is stored negated: who walks a range of messages meets none of
 * the deleted, however many there are. sent_hash is over what was first sent, so that an edit in
 * between does not make the retry another message.
 *
 * A page is counted from the newest message. shop_gaps says how many of a block of seqs are
 * deleted, for the blocks that have any, so that the page's place is found without counting
 * messages.
 *
 * The messages of conversations are kept in the same way. Their rowid is the number over the whole
 * store: it grows with seq, so what came after a number is found by (conversation, seq), too.
 *
 * What happens in encrypted groups is one table, too, of which only the end grows. All kinds of a
 * group in their order are six ranges of one index: an index without the kind, for them alone,
 * would cost every insert more than the merging costs a read. */
#include "edge/store_sqlite/schema.h"

#include "base/assert.h"
#include "edge/store_sqlite/db.h"
#include "edge/store_sqlite/file.h"
#include "edge/store_sqlite/store_sqlite.h"
#include "edge/store_sqlite/text.h"
#include "edge/store_sqlite/wal.h"

#define SCHEMA_VERSION 4
#define TEXT_OF(number) TEXT_OF_EXPANDED(number)
#define TEXT_OF_EXPANDED(number) #number
enum { PAGE_BYTES_MIN = 512 };
/* "Conf" */
#define APPLICATION_ID 1131376230

/* These are stored as numbers: they must never change. */
_Static_assert(CF_ROLE_MEMBER == 1 && CF_ROLE_ADMIN == 2, "stored values");
_Static_assert(CF_TALK_DIRECT == 0 && CF_TALK_GROUP == 1, "stored values");
_Static_assert(CF_MARK_DELIVERED == 0 && CF_MARK_READ == 1, "stored values");
_Static_assert(CF_GROUP_MESSAGE == 1 && CF_GROUP_THREAD == 2 && CF_GROUP_REPLY == 4, "stored");
_Static_assert(CF_GROUP_MEDIA == 8 && CF_GROUP_JOINED == 16 && CF_GROUP_LEFT == 32, "stored");
_Static_assert(CF_MEDIA_INCOMPLETE == 0 && CF_MEDIA_COMPLETE == 1, "stored values");
_Static_assert(CF_MEDIA_DEAD == 2, "stored values");
_Static_assert(CF_SQLITE_GAP_SEQS == 1024, "stored values");

/* The id is given once over both tables and marks. */
#define TALK_MESSAGES_TABLE(name)                                       \
    "CREATE TABLE " name " ("                                           \
    "  id INTEGER PRIMARY KEY,"                                         \
    "  conversation INTEGER NOT NULL REFERENCES conversations (id),"    \
    "  seq INTEGER NOT NULL,"                                           \
    "  sender TEXT NOT NULL REFERENCES users (id),"                     \
    "  client_message_id TEXT CHECK (length(client_message_id) <= 36)," \
    "  created_us INTEGER NOT NULL,"                                    \
    "  text TEXT NOT NULL,"                                             \
    "  UNIQUE (conversation, seq),"                                     \
    "  UNIQUE (sender, client_message_id)"                              \
    ") STRICT;"

/* Element i brings a file of version i to version i + 1; each is one transaction. A step that has
 * been released is never edited. */
static const char *const steps[SCHEMA_VERSION] = {
    "CREATE TABLE users ("
    "  id TEXT NOT NULL PRIMARY KEY,"
    "  name TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE rooms ("
    "  key INTEGER PRIMARY KEY,"
    "  id BLOB NOT NULL UNIQUE,"
    "  kind TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  created_by TEXT NOT NULL REFERENCES users (id),"
    "  created_us INTEGER NOT NULL,"
    "  member_count INTEGER NOT NULL,"
    "  message_count INTEGER NOT NULL," /* without the deleted */
    "  last_seq INTEGER NOT NULL,"
    "  last_created_us INTEGER NOT NULL"
    ") STRICT;"

    "CREATE TABLE room_members ("
    "  room INTEGER NOT NULL REFERENCES rooms (key),"
    "  user TEXT NOT NULL REFERENCES users (id),"
    "  role INTEGER NOT NULL," /* 1 member, 2 admin */
    "  joined_us INTEGER NOT NULL,"
    "  PRIMARY KEY (room, user)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX room_members_by_user ON room_members (user);"

    "CREATE TABLE shop_messages ("
    "  key INTEGER PRIMARY KEY,"
    "  id BLOB NOT NULL UNIQUE,"
    "  room INTEGER NOT NULL REFERENCES rooms (key),"
    "  seq INTEGER NOT NULL,"
    "  author TEXT NOT NULL REFERENCES users (id),"
    "  client_id TEXT,"
    "  sent_hash INTEGER NOT NULL,"
    "  created_us INTEGER NOT NULL,"
    "  updated_us INTEGER NOT NULL," /* 0: never edited */
    "  deleted INTEGER NOT NULL,"
    "  image TEXT,"
    "  text TEXT NOT NULL,"
    "  UNIQUE (room, seq)"
    ") STRICT;"
    "CREATE UNIQUE INDEX shop_messages_by_client_id"
    "  ON shop_messages (room, author, client_id) WHERE client_id IS NOT NULL;"

    "PRAGMA application_id = " TEXT_OF(APPLICATION_ID) ";"
                                                       "PRAGMA user_version = 1;",

    "CREATE TABLE conversations ("
    "  id INTEGER PRIMARY KEY,"
    "  kind INTEGER NOT NULL CHECK (kind IN (0, 1))," /* direct, group */
    "  title TEXT NOT NULL,"
    "  created_by TEXT NOT NULL REFERENCES users (id),"
    "  created_us INTEGER NOT NULL,"
    "  last_seq INTEGER NOT NULL,"
    "  last_created_us INTEGER NOT NULL,"
    "  low_user TEXT REFERENCES users (id)," /* of a direct one: the pair, in order */
    "  high_user TEXT REFERENCES users (id)"
    ") STRICT;"
    "CREATE UNIQUE INDEX conversations_by_pair"
    "  ON conversations (low_user, high_user) WHERE kind = 0;"

    "CREATE TABLE participants ("
    "  conversation INTEGER NOT NULL REFERENCES conversations (id),"
    "  user TEXT NOT NULL REFERENCES users (id),"
    "  joined_us INTEGER NOT NULL,"
    "  PRIMARY KEY (conversation, user)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX participants_by_user ON participants (user);"

    /* The furthest seq that somebody has read; it outlives a participant's removal, as the marks
     * do. */
    "CREATE TABLE conversation_reads ("
    "  conversation INTEGER NOT NULL REFERENCES conversations (id),"
    "  user TEXT NOT NULL REFERENCES users (id),"
    "  seq INTEGER NOT NULL,"
    "  PRIMARY KEY (conversation, user)"
    ") STRICT, WITHOUT ROWID;"

    TALK_MESSAGES_TABLE("messages") TALK_MESSAGES_TABLE("group_messages")

    /* The index by author ends, as every index of a rowid table, with the number. */
    "CREATE TABLE marks ("
    "  number INTEGER PRIMARY KEY,"
    "  message INTEGER NOT NULL," /* of messages or group_messages */
    "  conversation INTEGER NOT NULL REFERENCES conversations (id),"
    "  author TEXT NOT NULL REFERENCES users (id)," /* of the message */
    "  user TEXT NOT NULL REFERENCES users (id),"
    "  kind INTEGER NOT NULL CHECK (kind IN (0, 1))," /* delivered, read */
    "  at_us INTEGER NOT NULL,"
    "  UNIQUE (message, user, kind)"
    ") STRICT;"
    "CREATE INDEX marks_by_author ON marks (author);"

    "CREATE TABLE sockets ("
    "  pid TEXT NOT NULL PRIMARY KEY,"
    "  sid TEXT NOT NULL,"
    "  user TEXT NOT NULL REFERENCES users (id),"
    "  opened_us INTEGER NOT NULL,"
    "  opened_number INTEGER NOT NULL" /* the last one given by then; so joined_number */
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX sockets_by_opened ON sockets (opened_us);"

    "CREATE TABLE socket_rooms ("
    "  pid TEXT NOT NULL REFERENCES sockets (pid),"
    "  conversation INTEGER NOT NULL REFERENCES conversations (id),"
    "  joined_number INTEGER NOT NULL,"
    "  PRIMARY KEY (pid, conversation)"
    ") STRICT, WITHOUT ROWID;"

    "PRAGMA user_version = 2;",

    /* Stamps are milliseconds, us microseconds. */
    "CREATE TABLE orbital_groups ("
    "  key INTEGER PRIMARY KEY,"
    "  id BLOB NOT NULL UNIQUE,"
    "  name TEXT NOT NULL,"
    "  created_by TEXT NOT NULL REFERENCES users (id),"
    "  client_id TEXT,"
    "  created_stamp INTEGER NOT NULL,"
    "  last_stamp INTEGER NOT NULL,"
    "  member_count INTEGER NOT NULL,"
    "  media_bytes INTEGER NOT NULL" /* of what is not dead */
    ") STRICT;"
    "CREATE UNIQUE INDEX orbital_groups_by_client_id"
    "  ON orbital_groups (created_by, client_id) WHERE client_id IS NOT NULL;"

    "CREATE TABLE orbital_members ("
    "  room INTEGER NOT NULL REFERENCES orbital_groups (key),"
    "  user TEXT NOT NULL REFERENCES users (id),"
    "  joined_stamp INTEGER NOT NULL,"
    "  PRIMARY KEY (room, user)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX orbital_members_by_user ON orbital_members (user);"

    /* The long columns are the last: whoever reads the others does not walk through them. */
    "CREATE TABLE orbital_events ("
    "  key INTEGER PRIMARY KEY,"
    "  room INTEGER NOT NULL REFERENCES orbital_groups (key),"
    "  kind INTEGER NOT NULL CHECK (kind IN (1, 2, 4, 8, 16, 32)),"
    "  stamp INTEGER NOT NULL,"
    "  thread INTEGER REFERENCES orbital_events (key)," /* of replies and media */
    "  author TEXT NOT NULL REFERENCES users (id),"     /* or who joined or left */
    "  author_name TEXT NOT NULL,"                      /* then */
    "  client_id TEXT,"
    "  size INTEGER NOT NULL,"       /* 0: no media */
    "  expires_us INTEGER NOT NULL," /* 0: no media */
    "  id BLOB,"                     /* NULL: joined, left */
    "  title TEXT,"
    "  text TEXT NOT NULL"
    ") STRICT;"
    /* Of posts: the ids of media are orbital_media's. */
    "CREATE UNIQUE INDEX orbital_events_by_id ON orbital_events (id) WHERE kind < 8;"
    "CREATE INDEX orbital_events_by_kind ON orbital_events (room, kind, stamp);"
    "CREATE INDEX orbital_events_by_thread"
    "  ON orbital_events (thread, kind, stamp) WHERE thread IS NOT NULL;"
    "CREATE UNIQUE INDEX orbital_events_by_client_id"
    "  ON orbital_events (room, author, client_id) WHERE client_id IS NOT NULL;"

    /* Files that there are, or that are to be removed; the log knows of a media for good. */
    "CREATE TABLE orbital_media ("
    "  key INTEGER PRIMARY KEY,"
    "  id BLOB NOT NULL UNIQUE,"
    "  room INTEGER NOT NULL REFERENCES orbital_groups (key),"
    "  thread INTEGER NOT NULL REFERENCES orbital_events (key),"
    "  event INTEGER REFERENCES orbital_events (key)," /* NULL: never completed */
    "  author TEXT NOT NULL REFERENCES users (id),"
    "  client_id TEXT,"
    "  size INTEGER NOT NULL,"
    "  opened_us INTEGER NOT NULL,"
    "  expires_us INTEGER NOT NULL,"                       /* 0: never completed */
    "  state INTEGER NOT NULL CHECK (state IN (0, 1, 2))," /* incomplete, complete, dead */
    "  metadata TEXT NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX orbital_media_by_client_id"
    "  ON orbital_media (room, author, client_id) WHERE client_id IS NOT NULL AND state <> 2;"
    "CREATE INDEX orbital_media_by_state ON orbital_media (state, expires_us, opened_us);"

    "PRAGMA user_version = 3;",

    "CREATE TABLE shop_gaps ("
    "  room INTEGER NOT NULL REFERENCES rooms (key),"
    "  block INTEGER NOT NULL," /* seq / 1024 */
    "  gone INTEGER NOT NULL,"  /* of its seqs: the deleted */
    "  PRIMARY KEY (room, block)"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO shop_gaps SELECT room, seq / 1024, count(*) FROM shop_messages "
    "WHERE deleted = 1 GROUP BY room, seq / 1024;"
    "UPDATE shop_messages SET seq = -seq WHERE deleted = 1;"

    "PRAGMA user_version = 4;",
};

static int read_number(sqlite3 *handle, const char *sql, int64_t *out_number)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);
    if (rc != SQLITE_OK)
        return rc;
    if (sqlite3_step(statement) == SQLITE_ROW)
        *out_number = sqlite3_column_int64(statement, 0);
    return sqlite3_finalize(statement);
}

enum cf_error cf_sqlite_schema_read(sqlite3 *handle, const char *path, unsigned *out_version,
                                    struct cf_buf *why)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t tables = 0;
    /* SQLite takes a file shorter than a page for an empty one, and would write over it. */
    uint64_t bytes = cf_sqlite_file_bytes(path, "");
    if (bytes > 0 && bytes < PAGE_BYTES_MIN) {
        cf_sqlite_why(why, "cannot read ", path, ": file is not a database");
        return CF_E_IO;
    }
    int rc = read_number(handle, "PRAGMA application_id", &application);
    if (rc == SQLITE_OK)
        rc = read_number(handle, "PRAGMA user_version", &version);
    if (rc == SQLITE_OK)
        rc = read_number(handle, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc != SQLITE_OK) {
        cf_sqlite_why(why, "cannot read ", path, ": ", sqlite3_errmsg(handle));
        return CF_E_IO;
    }
    bool empty = application == 0 && version == 0 && tables == 0;
    if (!empty && (application != APPLICATION_ID || version < 1)) {
        cf_sqlite_why(why, path, " is a database of another program");
        return CF_E_IO;
    }
    *out_version = (unsigned)version;
    return CF_OK;
}

int cf_sqlite_schema_touch(sqlite3 *handle)
{
    return sqlite3_exec(handle, "PRAGMA user_version = " TEXT_OF(SCHEMA_VERSION), NULL, NULL, NULL);
}

unsigned cf_store_sqlite_schema_version(void)
{
    return SCHEMA_VERSION;
}

/* CF_E_IO with one line; *out_handle is to be closed in any case. */
static enum cf_error open_plain(const char *path, int flags, sqlite3 **out_handle,
                                struct cf_buf *why)
{
    cf_sqlite_library_set();
    int rc = sqlite3_open_v2(path, out_handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(*out_handle, CF_SQLITE_BUSY_TIMEOUT_MS);
    if (rc == SQLITE_OK)
        return CF_OK;
    cf_sqlite_why(why, "cannot open ", path, ": ",
                  (*out_handle == NULL ? "out of memory" : sqlite3_errmsg(*out_handle)));
    return CF_E_IO;
}

/* A file of ours has a rollback journal only while it is made, until it has a WAL. To roll it back
 * is a write: to read what is in the file then, nothing, is refused. */
static bool is_half_made(sqlite3 *handle)
{
    (void)sqlite3_exec(handle, "PRAGMA user_version", NULL, NULL, NULL);
    return sqlite3_extended_errcode(handle) == SQLITE_READONLY_ROLLBACK;
}

enum cf_error cf_store_sqlite_inspect(const char *path, unsigned *out_version, struct cf_buf *why)
{
    if (cf_sqlite_file_bytes(path, "") == 0) {
        *out_version = 0;
        return CF_OK;
    }
    sqlite3 *handle = NULL;
    enum cf_error error = open_plain(path, SQLITE_OPEN_READONLY, &handle, why);
    if (error == CF_OK && is_half_made(handle))
        *out_version = 0;
    else if (error == CF_OK)
        error = cf_sqlite_schema_read(handle, path, out_version, why);
    (void)sqlite3_close(handle);
    return error;
}

/* The steps from version `from` to version `to`, one transaction. */
static int run_step(sqlite3 *handle, unsigned from, unsigned to)
{
    int rc = sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (unsigned version = from; rc == SQLITE_OK && version < to; version++)
        rc = sqlite3_exec(handle, steps[version], NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(handle, "COMMIT", NULL, NULL, NULL);
    return rc;
}

static enum cf_error run_steps(sqlite3 *handle, const char *path, struct cf_buf *why)
{
    unsigned version;
    enum cf_error error = cf_sqlite_schema_read(handle, path, &version, why);
    if (error != CF_OK)
        return error;
    if (version > SCHEMA_VERSION) {
        cf_sqlite_why(why, path, " has schema ", cf_sqlite_number(version).text,
                      ", this program knows up to ", TEXT_OF(SCHEMA_VERSION),
                      "; use the newer program");
        return CF_E_UNSUPPORTED;
    }
    int rc = sqlite3_exec(handle, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL,
                          NULL, NULL);
    if (rc == SQLITE_OK)
        rc = cf_sqlite_wal_rewrite(handle);
    /* A new file is made or not: who starts a server has no half of one to look after. */
    if (rc == SQLITE_OK && version == 0) {
        rc = run_step(handle, 0, SCHEMA_VERSION);
        version = SCHEMA_VERSION;
    }
    for (; rc == SQLITE_OK && version < SCHEMA_VERSION; version++)
        rc = run_step(handle, version, version + 1);
    if (rc == SQLITE_OK)
        return CF_OK;
    cf_sqlite_why(why, "cannot bring ", path, " to schema ", TEXT_OF(SCHEMA_VERSION), ": ",
                  sqlite3_errmsg(handle));
    return CF_E_IO;
}

enum cf_error cf_store_sqlite_migrate(const char *path, struct cf_buf *why)
{
    int lock = -1;
    enum cf_error error = cf_sqlite_file_lock(path, &lock, why);
    if (error != CF_OK)
        return error;
    sqlite3 *handle = NULL;
    error = cf_sqlite_file_create(path, why);
    if (error == CF_OK)
        error = open_plain(path, SQLITE_OPEN_READWRITE, &handle, why);
    if (error == CF_OK)
        error = run_steps(handle, path, why);
    /* What failed is left to the next who opens: nothing more is written. */
    if (error != CF_OK && handle != NULL)
        (void)sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_close(handle);
    if (error == CF_OK)
        error = cf_sqlite_file_sync_folder(path, why);
    cf_sqlite_file_unlock(lock);
    return error;
}
