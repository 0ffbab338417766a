/* Every SQL statement of the running store. Prepared once a connection; values are only ever bound
 * (hazard V22).
 *
 * A message row is always the eight columns of MESSAGE_COLUMNS, in this order, then what else the
 * statement says. The author's name is a subquery, not a join: rows that OFFSET skips do not pay
 * for it. A room's messages from seq 1 up are those that are not deleted.
 *
 * X(name, SQL): CF_SQL_READS for every connection, CF_SQL_WRITES for the writer's alone. */
#ifndef CF_EDGE_STORE_SQLITE_STATEMENTS_H
#define CF_EDGE_STORE_SQLITE_STATEMENTS_H

#include "edge/store_sqlite/statements_group.h"
#include "edge/store_sqlite/statements_talk.h"

#define CF_SQL_MESSAGE_COLUMNS                                                            \
    "m.id, m.seq, m.author, (SELECT u.name FROM users u WHERE u.id = m.author), m.text, " \
    "m.created_us, m.updated_us, m.image"

#define CF_SQL_READS(X)                                                                      \
    X(BEGIN, "BEGIN")                                                                        \
    X(COMMIT, "COMMIT")                                                                      \
    X(CHECK, "SELECT count(*) FROM (SELECT 1 FROM rooms LIMIT 1)")                           \
    /* user */                                                                               \
    X(ROOMS_OF, "SELECT r.id, r.name, r.created_by, r.created_us, m.role, r.member_count "   \
                "FROM room_members m JOIN rooms r ON r.key = m.room WHERE m.user = ?1 "      \
                "ORDER BY r.created_us DESC, r.key DESC")                                    \
    /* room id, user: no row when the room is unknown or the user no member */               \
    X(ROOM_FOR, "SELECT r.key, m.role, r.message_count, r.last_seq, r.last_created_us "      \
                "FROM rooms r JOIN room_members m ON m.room = r.key AND m.user = ?2 "        \
                "WHERE r.id = ?1")                                                           \
    /* room */                                                                               \
    X(MEMBERS_OF, "SELECT m.user, u.name, m.role, m.joined_us "                              \
                  "FROM room_members m JOIN users u ON u.id = m.user WHERE m.room = ?1 "     \
                  "ORDER BY m.joined_us, m.user")                                            \
    /* message id, user: no row when unknown, deleted, or the user no member of its room */  \
    X(MESSAGE_FOR, "SELECT " CF_SQL_MESSAGE_COLUMNS ", m.key, m.room, r.id, own.role "       \
                   "FROM shop_messages m JOIN rooms r ON r.key = m.room "                    \
                   "JOIN room_members own ON own.room = m.room AND own.user = ?2 "           \
                   "WHERE m.id = ?1 AND m.deleted = 0")                                      \
    /* room, highest seq, limit, offset */                                                   \
    X(MESSAGES_DOWN, "SELECT " CF_SQL_MESSAGE_COLUMNS " FROM shop_messages m "               \
                     "WHERE m.room = ?1 AND m.seq BETWEEN 1 AND ?2 "                         \
                     "ORDER BY m.seq DESC LIMIT ?3 OFFSET ?4")                               \
    /* room, lowest seq, limit */                                                            \
    X(MESSAGES_UP, "SELECT " CF_SQL_MESSAGE_COLUMNS " FROM shop_messages m "                 \
                   "WHERE m.room = ?1 AND m.seq >= ?2 ORDER BY m.seq LIMIT ?3")              \
    /* room, seq: the first at or after it */                                                \
    X(CREATED_AT, "SELECT seq, created_us FROM shop_messages WHERE room = ?1 AND seq >= ?2 " \
                  "ORDER BY seq LIMIT 1")                                                    \
    /* room */                                                                               \
    X(GAPS_DOWN, "SELECT block, gone FROM shop_gaps WHERE room = ?1 ORDER BY block DESC")    \
    CF_SQL_TALK_READS(X)                                                                     \
    CF_SQL_GROUP_READS(X)

#define CF_SQL_WRITES(X)                                                                         \
    X(BEGIN_IMMEDIATE, "BEGIN IMMEDIATE")                                                        \
    X(ROLLBACK, "ROLLBACK")                                                                      \
    /* id, name */                                                                               \
    X(USER_PUT, "INSERT INTO users (id, name) VALUES (?1, ?2) "                                  \
                "ON CONFLICT (id) DO UPDATE SET name = excluded.name "                           \
                "WHERE name <> excluded.name")                                                   \
    /* id, name: for a user who is not known yet */                                              \
    X(USER_ENSURE, "INSERT INTO users (id, name) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING")   \
    /* id */                                                                                     \
    X(USER_NAME, "SELECT name FROM users WHERE id = ?1")                                         \
    /* id, name, creator, now */                                                                 \
    X(ROOM_INSERT, "INSERT INTO rooms (id, kind, name, created_by, created_us, member_count, "   \
                   "message_count, last_seq, last_created_us) "                                  \
                   "VALUES (?1, 'shop', ?2, ?3, ?4, 0, 0, 0, 0) ON CONFLICT (id) DO NOTHING")    \
    /* room, user */                                                                             \
    X(MEMBER_GET, "SELECT role, joined_us FROM room_members WHERE room = ?1 AND user = ?2")      \
    /* room, user: is there another admin? */                                                    \
    X(ADMIN_BESIDE, "SELECT 1 FROM room_members WHERE room = ?1 AND user <> ?2 AND role = 2 "    \
                    "LIMIT 1")                                                                   \
    /* room, user, role, now */                                                                  \
    X(MEMBER_INSERT, "INSERT INTO room_members (room, user, role, joined_us) "                   \
                     "VALUES (?1, ?2, ?3, ?4)")                                                  \
    /* room, user, role */                                                                       \
    X(MEMBER_ROLE_SET, "UPDATE room_members SET role = ?3 WHERE room = ?1 AND user = ?2")        \
    /* room, user */                                                                             \
    X(MEMBER_DELETE, "DELETE FROM room_members WHERE room = ?1 AND user = ?2")                   \
    /* room, difference */                                                                       \
    X(ROOM_MEMBERS_ADD, "UPDATE rooms SET member_count = member_count + ?2 WHERE key = ?1")      \
    /* id, room, seq, author, client id, hash, created, image, text. The guard of idempotency:   \
     * nothing is inserted when (room, author, client id), or the id, is taken */                \
    X(MESSAGE_INSERT, "INSERT INTO shop_messages (id, room, seq, author, client_id, sent_hash, " \
                      "created_us, image, text, updated_us, deleted) "                           \
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0) "                       \
                      "ON CONFLICT DO NOTHING")                                                  \
    /* room, seq, created, messages */                                                           \
    X(ROOM_ADVANCE, "UPDATE rooms SET last_seq = ?2, last_created_us = ?3, "                     \
                    "message_count = message_count + ?4 WHERE key = ?1")                         \
    /* room, author, client id */                                                                \
    X(MESSAGE_SENT, "SELECT " CF_SQL_MESSAGE_COLUMNS ", m.sent_hash, m.deleted "                 \
                    "FROM shop_messages m "                                                      \
                    "WHERE m.room = ?1 AND m.author = ?2 AND m.client_id = ?3")                  \
    /* key, text, image, updated */                                                              \
    X(MESSAGE_UPDATE, "UPDATE shop_messages SET text = ?2, image = ?3, updated_us = ?4 "         \
                      "WHERE key = ?1")                                                          \
    /* key */                                                                                    \
    X(MESSAGE_ERASE, "UPDATE shop_messages SET deleted = 1, seq = -seq, text = '', "             \
                     "image = NULL WHERE key = ?1")                                              \
    /* room, block */                                                                            \
    X(GAP_ADD, "INSERT INTO shop_gaps (room, block, gone) VALUES (?1, ?2, 1) "                   \
               "ON CONFLICT (room, block) DO UPDATE SET gone = gone + 1")                        \
    /* room */                                                                                   \
    X(ROOM_MESSAGE_GONE, "UPDATE rooms SET message_count = message_count - 1 WHERE key = ?1")    \
    CF_SQL_TALK_WRITES(X)                                                                        \
    CF_SQL_GROUP_WRITES(X)

enum cf_sqlite_statement {
#define CF_SQL_ENUM(name, sql) CF_SQL_##name,
    CF_SQL_READS(CF_SQL_ENUM) CF_SQL_READ_COUNT,
    CF_SQL_LAST_READ = CF_SQL_READ_COUNT - 1,
    CF_SQL_WRITES(CF_SQL_ENUM) CF_SQL_COUNT
#undef CF_SQL_ENUM
};

#endif
