#include "edge/store_sqlite/db.h"

#include <string.h>

#include "edge/store_sqlite/schema.h"
#include "edge/store_sqlite/store_sqlite.h"
#include "edge/store_sqlite/text.h"

static const char *const statement_sql[CF_SQL_COUNT] = {
#define SQL_TEXT(name, sql) [CF_SQL_##name] = sql,
    CF_SQL_READS(SQL_TEXT) CF_SQL_WRITES(SQL_TEXT)
#undef SQL_TEXT
};

/* No mmap: an I/O error in a mapping is a SIGBUS. No autocheckpoint: checkpoints are the writer's,
 * when it chooses (two connections that checkpoint can corrupt a WAL before SQLite 3.51.3). */
static const char common_pragmas[] = "PRAGMA wal_autocheckpoint = 0;"
                                     "PRAGMA mmap_size = 0;"
                                     "PRAGMA cell_size_check = ON;"
                                     "PRAGMA trusted_schema = OFF;"
                                     "PRAGMA temp_store = MEMORY;"
                                     "PRAGMA cache_size = -16000";

void cf_sqlite_library_set(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int run_pragmas(struct cf_sqlite_db *db, enum cf_sqlite_access access)
{
    int rc = sqlite3_extended_result_codes(db->handle, 1);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(db->handle, CF_SQLITE_BUSY_TIMEOUT_MS);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (rc == SQLITE_OK && access == CF_SQLITE_READER)
        rc = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db->handle, common_pragmas, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db->handle,
                          access == CF_SQLITE_READER ? "PRAGMA query_only = ON"
                                                     : "PRAGMA synchronous = FULL",
                          NULL, NULL, NULL);
    return rc;
}

/* True when the pragma answers exactly `wanted`. */
static bool pragma_is(struct cf_sqlite_db *db, const char *sql, const char *wanted)
{
    sqlite3_stmt *statement = NULL;
    bool is = false;
    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        const char *value = (const char *)sqlite3_column_text(statement, 0);
        is = value != NULL && strcmp(value, wanted) == 0;
    }
    (void)sqlite3_finalize(statement);
    return is;
}

static enum cf_error check_durability(struct cf_sqlite_db *db, const char *path,
                                      enum cf_sqlite_access access, struct cf_buf *why)
{
    if (!pragma_is(db, "PRAGMA journal_mode", "wal")) {
        cf_sqlite_why(why, path, " is not in WAL mode; its file system may not support it");
        return CF_E_IO;
    }
    bool right = access == CF_SQLITE_READER ? pragma_is(db, "PRAGMA query_only", "1")
                                            : pragma_is(db, "PRAGMA synchronous", "2");
    if (!right) {
        cf_sqlite_why(why, "this SQLite (", sqlite3_libversion(),
                      ") does not take the settings that durability needs");
        return CF_E_IO;
    }
    return CF_OK;
}

static enum cf_error check_schema(struct cf_sqlite_db *db, const char *path, struct cf_buf *why)
{
    unsigned version;
    enum cf_error error = cf_sqlite_schema_read(db->handle, path, &version, why);
    if (error != CF_OK)
        return error;
    unsigned wanted = cf_store_sqlite_schema_version();
    if (version == wanted)
        return CF_OK;
    cf_sqlite_why(why, path, " has schema ", cf_sqlite_number(version).text,
                  " and this program needs ", cf_sqlite_number(wanted).text, "; ",
                  (version < wanted ? "migrate it first" : "use the newer program"));
    return CF_E_STATE;
}

static int prepare_all(struct cf_sqlite_db *db, enum cf_sqlite_access access)
{
    int count = access == CF_SQLITE_READER ? CF_SQL_READ_COUNT : CF_SQL_COUNT;
    for (int i = 0; i < count; i++) {
        int rc = sqlite3_prepare_v3(db->handle, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &db->statements[i], NULL);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

static enum cf_error open_steps(struct cf_sqlite_db *db, const char *path,
                                enum cf_sqlite_access access, struct cf_buf *why)
{
    int flags = access == CF_SQLITE_READER ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    cf_sqlite_library_set();
    int rc = sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = run_pragmas(db, access);
    if (rc != SQLITE_OK) {
        cf_sqlite_why(why, "cannot open ", path, ": ", sqlite3_errmsg(db->handle));
        return CF_E_IO;
    }
    enum cf_error error = check_schema(db, path, why);
    if (error == CF_OK)
        error = check_durability(db, path, access, why);
    if (error != CF_OK)
        return error;
    if (prepare_all(db, access) != SQLITE_OK) {
        cf_sqlite_why(why, path,
                      " does not have the tables of its schema: ", sqlite3_errmsg(db->handle));
        return CF_E_IO;
    }
    return CF_OK;
}

enum cf_error cf_sqlite_db_open(struct cf_sqlite_db *db, const char *path,
                                enum cf_sqlite_access access, struct cf_buf *why)
{
    memset(db, 0, sizeof(*db));
    enum cf_error error = open_steps(db, path, access, why);
    if (error != CF_OK)
        cf_sqlite_db_abandon(db);
    return error;
}

void cf_sqlite_db_close(struct cf_sqlite_db *db)
{
    for (size_t i = 0; i < CF_SQL_COUNT; i++)
        (void)sqlite3_finalize(db->statements[i]);
    (void)sqlite3_close(db->handle);
    memset(db, 0, sizeof(*db));
}

void cf_sqlite_db_abandon(struct cf_sqlite_db *db)
{
    if (db->handle != NULL)
        (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    cf_sqlite_db_close(db);
}

int cf_sqlite_db_run(struct cf_sqlite_db *db, enum cf_sqlite_statement statement)
{
    struct cf_sqlite_query query = cf_sqlite_query(db, statement);
    return cf_sqlite_execute(&query);
}

enum cf_error cf_sqlite_db_quick_check(struct cf_sqlite_db *db, const char *path,
                                       struct cf_buf *why)
{
    if (pragma_is(db, "PRAGMA quick_check(1)", "ok"))
        return CF_OK;
    cf_sqlite_why(why, path, " is damaged; restore a backup");
    return CF_E_IO;
}

struct cf_sqlite_query cf_sqlite_query(struct cf_sqlite_db *db, enum cf_sqlite_statement statement)
{
    return (struct cf_sqlite_query){db->statements[statement], 0, SQLITE_OK};
}

static void note(struct cf_sqlite_query *query, int rc)
{
    if (query->rc == SQLITE_OK)
        query->rc = rc;
}

void cf_sqlite_bind_int(struct cf_sqlite_query *query, int64_t value)
{
    note(query, sqlite3_bind_int64(query->statement, ++query->bound, value));
}

void cf_sqlite_bind_uuid(struct cf_sqlite_query *query, const struct cf_uuid *uuid)
{
    note(query, sqlite3_bind_blob(query->statement, ++query->bound, uuid->bytes,
                                  sizeof(uuid->bytes), SQLITE_STATIC));
}

void cf_sqlite_bind_text(struct cf_sqlite_query *query, struct cf_slice text)
{
    const char *bytes = text.ptr == NULL ? "" : (const char *)text.ptr;
    note(query, sqlite3_bind_text64(query->statement, ++query->bound, bytes, text.len,
                                    SQLITE_STATIC, SQLITE_UTF8));
}

void cf_sqlite_bind_optional(struct cf_sqlite_query *query, struct cf_slice text)
{
    if (text.ptr == NULL)
        note(query, sqlite3_bind_null(query->statement, ++query->bound));
    else
        cf_sqlite_bind_text(query, text);
}

bool cf_sqlite_step(struct cf_sqlite_query *query)
{
    if (query->rc != SQLITE_OK)
        return false;
    int rc = sqlite3_step(query->statement);
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        query->rc = rc;
    return false;
}

int cf_sqlite_execute(struct cf_sqlite_query *query)
{
    (void)cf_sqlite_step(query);
    return cf_sqlite_finish(query);
}

int cf_sqlite_finish(struct cf_sqlite_query *query)
{
    /* Repeats the error of the last step, which is noted already. The bindings stay, dangling, and
     * are all bound anew before the next step. */
    (void)sqlite3_reset(query->statement);
    return query->rc;
}

int64_t cf_sqlite_column_int(const struct cf_sqlite_query *query, int column)
{
    return sqlite3_column_int64(query->statement, column);
}

bool cf_sqlite_column_uuid(const struct cf_sqlite_query *query, int column,
                           struct cf_uuid *out_uuid)
{
    const void *bytes = sqlite3_column_blob(query->statement, column);
    if (bytes == NULL ||
        sqlite3_column_bytes(query->statement, column) != (int)sizeof(out_uuid->bytes))
        return false;
    memcpy(out_uuid->bytes, bytes, sizeof(out_uuid->bytes));
    return true;
}

enum cf_error cf_sqlite_column_text(const struct cf_sqlite_query *query, int column,
                                    struct cf_arena *arena, struct cf_slice *out_text)
{
    if (sqlite3_column_type(query->statement, column) == SQLITE_NULL) {
        *out_text = (struct cf_slice){NULL, 0};
        return CF_OK;
    }
    const void *bytes = sqlite3_column_text(query->statement, column);
    if (bytes == NULL)
        return CF_E_NOMEM;
    size_t len = (size_t)sqlite3_column_bytes(query->statement, column);
    return cf_arena_copy(arena, cf_slice_of(bytes, len), out_text);
}
