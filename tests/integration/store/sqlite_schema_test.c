/* The tables of the SQLite store: creation, migration, files that are not its own, and how its
 * statements find what they look for. */
#include "file_fixture.h"

#include <sys/stat.h>

#include "edge/store_sqlite/statements.h"
#include "group_fixture.h"
#include "talk_fixture.h"

static void assert_mode(const struct fixture *f, const char *suffix)
{
    char name[128];
    (void)snprintf(name, sizeof(name), "%s%s", f->path, suffix);
    struct stat info;
    assert_int_equal(stat(name, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void migrate_from_nothing(void **state)
{
    struct fixture *f = *state;
    assert_version(f, CF_OK, 0);
    assert_int_not_equal(access(f->path, F_OK), 0); /* looking creates nothing */
    assert_open_fails(f, CF_E_STATE, "migrate it first");
    assert_int_equal(cf_store_sqlite_migrate(f->path, NULL), CF_OK);
    assert_version(f, CF_OK, 4);
    assert_int_equal(cf_store_sqlite_schema_version(), 4);
    assert_int_equal(cf_store_sqlite_migrate(f->path, NULL), CF_OK); /* again: nothing to do */
    open_sqlite(f);
    (void)new_room(f, S("ann"));
    assert_mode(f, "");
    assert_mode(f, "-wal");
    assert_mode(f, "-shm");
    assert_mode(f, ".lock");
    assert_version(f, CF_OK, 4); /* beside a running server */
    close_store(f);
    char wal[128];
    (void)snprintf(wal, sizeof(wal), "%s-wal", f->path);
    assert_int_not_equal(access(wal, F_OK), 0); /* a clean stop leaves no WAL */
}

static void empty_file_is_migrated(void **state)
{
    struct fixture *f = *state;
    write_file(f, "", "", 0);
    assert_version(f, CF_OK, 0);
    assert_open_fails(f, CF_E_STATE, "migrate it first");
    assert_int_equal(cf_store_sqlite_migrate(f->path, NULL), CF_OK);
    assert_version(f, CF_OK, 4);
}

static void folder_that_is_not_there(void **state)
{
    struct fixture *f = *state;
    (void)snprintf(f->path, sizeof(f->path), "%s/nowhere/confab.db", f->dir);
    assert_version(f, CF_OK, 0);
    assert_migrate_fails(f, CF_E_IO, "No such file or directory");
    assert_open_fails(f, CF_E_IO, "No such file or directory");
}

/* Takes the closed file back to the schema in which the deleted kept their seq. */
static void make_version_3(const struct fixture *f)
{
    execute(f, "UPDATE shop_messages SET seq = -seq WHERE deleted = 1; DROP TABLE shop_gaps;"
               "PRAGMA user_version = 3");
}

/* The one before encrypted groups. */
static void make_version_2(const struct fixture *f)
{
    make_version_3(f);
    execute(f, "DROP TABLE orbital_media; DROP TABLE orbital_events; DROP TABLE orbital_members;"
               "DROP TABLE orbital_groups; PRAGMA user_version = 2");
}

/* The one before conversations. */
static void make_version_1(const struct fixture *f)
{
    make_version_2(f);
    execute(f, "DROP TABLE socket_rooms; DROP TABLE sockets; DROP TABLE marks;"
               "DROP TABLE messages; DROP TABLE group_messages; DROP TABLE conversation_reads;"
               "DROP TABLE participants; DROP TABLE conversations; PRAGMA user_version = 1");
}

static void assert_tables(const struct fixture *f, int64_t count)
{
    assert_int_equal(query_number(f, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"),
                     count);
}

static void version_1_is_migrated(void **state)
{
    struct fixture *f = *state;
    open_sqlite(f);
    struct cf_uuid room = new_room(f, S("ann"));
    struct cf_uuid message = new_message(f, room, S("ann"), S("kept"));
    close_store(f);
    make_version_1(f);
    assert_tables(f, 4);
    assert_version(f, CF_OK, 1);
    assert_open_fails(f, CF_E_STATE, "has schema 1 and this program needs 4; migrate it first");
    assert_int_equal(cf_store_sqlite_migrate(f->path, NULL), CF_OK);
    assert_version(f, CF_OK, 4);
    open_sqlite(f);
    assert_slice(get_message(f, S("ann"), message)->text, S("kept"));
    (void)say(f, new_group(f, S("ann"), S("bob")), S("ann"));
    (void)post(f, CF_GROUP_MESSAGE, group_of(f, S("ann bob")), S("ann"));
}

static void version_2_is_migrated(void **state)
{
    struct fixture *f = *state;
    open_sqlite(f);
    struct cf_uuid room = new_room(f, S("ann"));
    struct cf_uuid message = new_message(f, room, S("ann"), S("kept"));
    int64_t talk = new_group(f, S("ann"), S("bob"));
    int64_t said = say(f, talk, S("ann"));
    int64_t marked = new_mark(f, S("bob"), said, CF_MARK_READ);
    close_store(f);
    make_version_2(f);
    assert_tables(f, 12);
    assert_version(f, CF_OK, 2);
    assert_open_fails(f, CF_E_STATE, "has schema 2 and this program needs 4; migrate it first");
    assert_int_equal(cf_store_sqlite_migrate(f->path, NULL), CF_OK);
    assert_version(f, CF_OK, 4);
    assert_tables(f, 17);
    open_sqlite(f);
    assert_slice(get_message(f, S("ann"), message)->text, S("kept"));
    assert_messages(read_talk(f, talk, S("bob"), CF_TALK_NEWEST, 0, 10), NUMBERS(said));
    assert_int_equal(say(f, talk, S("ann")), marked + 1);
    (void)post(f, CF_GROUP_MESSAGE, group_of(f, S("ann bob")), S("ann"));
}

static void version_3_is_migrated(void **state)
{
    struct fixture *f = *state;
    open_sqlite(f);
    struct cf_uuid room = new_room(f, S("ann"));
    struct cf_uuid ids[3];
    for (size_t i = 0; i < CF_ARRAY_LEN(ids); i++)
        ids[i] = new_message(f, room, S("ann"), S("said"));
    assert_int_equal(run(f, make_on(f, CF_STORE_MESSAGE_DELETE, S("ann"), ids[1])), CF_OK);
    close_store(f);
    make_version_3(f);
    assert_tables(f, 16);
    assert_version(f, CF_OK, 3);
    assert_open_fails(f, CF_E_STATE, "has schema 3 and this program needs 4; migrate it first");
    assert_int_equal(cf_store_sqlite_migrate(f->path, NULL), CF_OK);
    assert_version(f, CF_OK, 4);
    open_sqlite(f);
    struct cf_store_request *page = read_page(f, room, S("ann"), 1, 10);
    assert_int_equal(page->messages_count, 2);
    assert_int_equal(page->messages[0].seq, 1);
    assert_int_equal(page->messages[1].seq, 3);
    page = read_page(f, room, S("ann"), 2, 1);
    assert_int_equal(page->messages[0].seq, 1);
    assert_int_equal(run(f, make_on(f, CF_STORE_MESSAGE_DELETE, S("ann"), ids[0])), CF_OK);
    assert_int_equal(total_of(f, room, S("ann")), 1);
}

static void newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;
    execute(f, "PRAGMA user_version = 5");
    assert_version(f, CF_OK, 5);
    assert_migrate_fails(f, CF_E_UNSUPPORTED, "use the newer program");
    assert_open_fails(f, CF_E_STATE, "use the newer program");
}

static void missing_table_is_refused(void **state)
{
    struct fixture *f = *state;
    execute(f, "DROP TABLE shop_messages");
    assert_open_fails(f, CF_E_IO, "no such table: shop_messages");
}

static void foreign_files_are_refused(void **state)
{
    struct fixture *f = *state;
    char garbage[8192];
    memset(garbage, 'x', sizeof(garbage));
    const size_t lengths[] = {1, 50, 100, 512, 4096, sizeof(garbage)};
    for (size_t i = 0; i < CF_ARRAY_LEN(lengths); i++) {
        write_file(f, "", garbage, lengths[i]);
        assert_version(f, CF_E_IO, 0);
        assert_migrate_fails(f, CF_E_IO, "file is not a database");
        assert_open_fails(f, CF_E_IO, "file is not a database");
    }
    remove_file(f, "");
    execute(f, "CREATE TABLE theirs (a); PRAGMA user_version = 1");
    assert_version(f, CF_E_IO, 0);
    assert_migrate_fails(f, CF_E_IO, "database of another program");
    assert_open_fails(f, CF_E_IO, "database of another program");
}

/* No statement of the running store reads a whole table, whatever the tables hold. */
static void statements_use_indexes(void **state)
{
    static const char *const plans[] = {
#define PLAN(name, sql) "EXPLAIN QUERY PLAN " sql,
        CF_SQL_READS(PLAN) CF_SQL_WRITES(PLAN)
#undef PLAN
    };
    struct fixture *f = *state;
    sqlite3 *handle = NULL;
    assert_int_equal(sqlite3_open(f->path, &handle), SQLITE_OK);
    for (size_t i = 0; i < CF_ARRAY_LEN(plans); i++) {
        sqlite3_stmt *plan = NULL;
        assert_int_equal(sqlite3_prepare_v2(handle, plans[i], -1, &plan, NULL), SQLITE_OK);
        while (sqlite3_step(plan) == SQLITE_ROW) {
            const char *detail = (const char *)sqlite3_column_text(plan, 3);
            if (i != CF_SQL_CHECK && strncmp(detail, "SCAN", 4) == 0)
                fail_msg("%s: %s", plans[i], detail);
        }
        assert_int_equal(sqlite3_finalize(plan), SQLITE_OK);
    }
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

/* Seed 003, 2.4.1, and its design's 2.4: the tables and the column go by these names. */
static void client_message_ids_have_their_column(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(query_number(f, "SELECT count(*) FROM pragma_table_info('messages') "
                                     "WHERE name = 'client_message_id'"),
                     1);
    assert_int_equal(query_number(f, "SELECT count(*) FROM pragma_table_info('group_messages') "
                                     "WHERE name = 'client_message_id'"),
                     1);
    assert_int_equal(
        query_number(f, "SELECT count(*) FROM sqlite_schema s, pragma_index_list(s.name) l "
                        "WHERE s.name IN ('messages', 'group_messages') AND l.\"unique\" = 1 AND "
                        "(SELECT group_concat(name) FROM pragma_index_info(l.name)) = "
                        "'sender,client_message_id'"),
        2);
}

static const struct CMUnitTest tests[] = {
    EMPTY_CASE(migrate_from_nothing),
    EMPTY_CASE(empty_file_is_migrated),
    EMPTY_CASE(folder_that_is_not_there),
    EMPTY_CASE(foreign_files_are_refused),
    SOUND_CASE(version_1_is_migrated),
    SOUND_CASE(version_2_is_migrated),
    SOUND_CASE(version_3_is_migrated),
    FILE_CASE(newer_schema_is_refused),
    FILE_CASE(missing_table_is_refused),
    FILE_CASE(statements_use_indexes),
    FILE_CASE(client_message_ids_have_their_column),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
