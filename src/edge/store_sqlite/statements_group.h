/* The SQL of encrypted groups; statements.h takes it into its lists.
 *
 * A place in the log is a stamp and a row's key: stamps never decrease from one key to the next.
 * The statements that find places read an index alone, never the rows with their long texts. */
#ifndef CF_EDGE_STORE_SQLITE_STATEMENTS_GROUP_H
#define CF_EDGE_STORE_SQLITE_STATEMENTS_GROUP_H

/* Of group `g`, for the user ?2. */
#define CF_SQL_ORBITAL_GROUP_COLUMNS "g.key, g.id, g.last_stamp, g.media_bytes, g.created_by = ?2"

#define CF_SQL_ORBITAL_EVENT                                                                \
    "SELECT e.kind, e.stamp, g.id, e.id, "                                                  \
    "(SELECT t.id FROM orbital_events t WHERE t.key = e.thread), e.author, e.author_name, " \
    "e.size, e.expires_us, e.title, e.text "                                                \
    "FROM orbital_events e JOIN orbital_groups g ON g.key = e.room "

/* For the user ?2; behind the group's columns. */
#define CF_SQL_ORBITAL_MEDIA                                                                  \
    "SELECT " CF_SQL_ORBITAL_GROUP_COLUMNS ", m.key, m.id, m.thread, m.event, "               \
    "(SELECT t.id FROM orbital_events t WHERE t.key = m.thread), m.author, "                  \
    "(SELECT u.name FROM users u WHERE u.id = m.author), m.size, m.opened_us, m.expires_us, " \
    "m.state, m.metadata FROM orbital_media m JOIN orbital_groups g ON g.key = m.room "

#define CF_SQL_GROUP_READS(X)                                                                     \
    /* group id, user: no row when the group is unknown or the user no member */                  \
    X(ORBITAL_GROUP_FOR, "SELECT " CF_SQL_ORBITAL_GROUP_COLUMNS " FROM orbital_groups g "         \
                         "JOIN orbital_members own ON own.room = g.key AND own.user = ?2 "        \
                         "WHERE g.id = ?1")                                                       \
    /* thread id, user: the same of a thread's group, and the thread's key. The index by id is    \
     * that of kinds < 8, and is not used without these words */                                  \
    X(ORBITAL_THREAD_FOR, "SELECT " CF_SQL_ORBITAL_GROUP_COLUMNS ", t.key FROM orbital_events t " \
                          "JOIN orbital_groups g ON g.key = t.room "                              \
                          "JOIN orbital_members own ON own.room = t.room AND own.user = ?2 "      \
                          "WHERE t.id = ?1 AND t.kind = 2 AND t.kind < 8")                        \
    /* user, room, limit */                                                                       \
    X(ORBITAL_GROUPS_OF, "SELECT g.id, g.name, g.created_by, g.created_stamp * 1000, "            \
                         "1 + (g.created_by = ?1), g.member_count FROM orbital_members own "      \
                         "JOIN orbital_groups g ON g.key = own.room "                             \
                         "WHERE own.user = ?1 AND own.room < ?2 ORDER BY own.room DESC LIMIT ?3") \
    /* room */                                                                                    \
    X(ORBITAL_MEMBERS_OF, "SELECT m.user, u.name, 1 + (g.created_by = m.user), "                  \
                          "m.joined_stamp * 1000 FROM orbital_members m "                         \
                          "JOIN orbital_groups g ON g.key = m.room "                              \
                          "JOIN users u ON u.id = m.user WHERE m.room = ?1 "                      \
                          "ORDER BY m.joined_stamp, m.user")                                      \
    /* user, stamp: the groups with something at or after it, the one with the newest first */    \
    X(ORBITAL_GROUPS_SINCE, "SELECT g.key, g.last_stamp FROM orbital_members own "                \
                            "JOIN orbital_groups g ON g.key = own.room "                          \
                            "WHERE own.user = ?1 AND g.last_stamp >= ?2 "                         \
                            "ORDER BY g.last_stamp DESC")                                         \
    /* room, kind, stamp, limit */                                                                \
    X(ORBITAL_ROOM_UP, "SELECT stamp, key FROM orbital_events "                                   \
                       "WHERE room = ?1 AND kind = ?2 AND stamp >= ?3 ORDER BY stamp LIMIT ?4")   \
    X(ORBITAL_ROOM_DOWN, "SELECT stamp, key FROM orbital_events WHERE room = ?1 AND kind = ?2 "   \
                         "AND stamp < ?3 ORDER BY stamp DESC LIMIT ?4")                           \
    /* thread, kind, stamp, limit */                                                              \
    X(ORBITAL_THREAD_UP, "SELECT stamp, key FROM orbital_events "                                 \
                         "WHERE thread = ?1 AND kind = ?2 AND stamp >= ?3 ORDER BY stamp LIMIT "  \
                         "?4")                                                                    \
    X(ORBITAL_THREAD_DOWN, "SELECT stamp, key FROM orbital_events WHERE thread = ?1 "             \
                           "AND kind = ?2 AND stamp < ?3 ORDER BY stamp DESC LIMIT ?4")           \
    /* key */                                                                                     \
    X(ORBITAL_EVENT_AT, CF_SQL_ORBITAL_EVENT "WHERE e.key = ?1")                                  \
    /* media id, user: no row when unknown, dead, or the user no member of its group */           \
    X(ORBITAL_MEDIA_FOR,                                                                          \
      CF_SQL_ORBITAL_MEDIA "JOIN orbital_members own ON own.room = m.room AND own.user = ?2 "     \
                           "WHERE m.id = ?1 AND m.state <> 2")

#define CF_SQL_GROUP_WRITES(X)                                                                   \
    /* the highest stamps given: rows of these tables are never deleted */                       \
    X(ORBITAL_EVENT_LAST_STAMP, "SELECT stamp FROM orbital_events "                              \
                                "WHERE key = (SELECT max(key) FROM orbital_events)")             \
    X(ORBITAL_GROUP_LAST_STAMP, "SELECT created_stamp FROM orbital_groups "                      \
                                "WHERE key = (SELECT max(key) FROM orbital_groups)")             \
    /* id, name, creator, client id, stamp. The guard of idempotency: nothing is inserted when   \
     * (creator, client id), or the id, is taken */                                              \
    X(ORBITAL_GROUP_INSERT, "INSERT INTO orbital_groups (id, name, created_by, client_id, "      \
                            "created_stamp, last_stamp, member_count, media_bytes) "             \
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1, 0) ON CONFLICT DO NOTHING")      \
    /* creator, client id */                                                                     \
    X(ORBITAL_GROUP_SENT, "SELECT id, name, created_by, created_stamp * 1000, 2, member_count "  \
                          "FROM orbital_groups WHERE created_by = ?1 AND client_id = ?2")        \
    /* room, stamp, difference of members */                                                     \
    X(ORBITAL_GROUP_ADVANCE, "UPDATE orbital_groups SET last_stamp = ?2, "                       \
                             "member_count = member_count + ?3 WHERE key = ?1")                  \
    /* room, user, stamp: nothing when the user is in already */                                 \
    X(ORBITAL_MEMBER_INSERT, "INSERT INTO orbital_members (room, user, joined_stamp) "           \
                             "VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")                       \
    /* room, user */                                                                             \
    X(ORBITAL_MEMBER_JOINED, "SELECT joined_stamp FROM orbital_members "                         \
                             "WHERE room = ?1 AND user = ?2")                                    \
    X(ORBITAL_MEMBER_DELETE, "DELETE FROM orbital_members WHERE room = ?1 AND user = ?2")        \
    /* room, kind, stamp, thread, author, name, client id, size, expires, id, title, text. The   \
     * guard of idempotency: nothing is inserted when (room, author, client id), or the id, is   \
     * taken */                                                                                  \
    X(ORBITAL_EVENT_INSERT, "INSERT INTO orbital_events (room, kind, stamp, thread, author, "    \
                            "author_name, client_id, size, expires_us, id, title, text) "        \
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "        \
                            "ON CONFLICT DO NOTHING")                                            \
    /* room, author, client id */                                                                \
    X(ORBITAL_EVENT_SENT,                                                                        \
      CF_SQL_ORBITAL_EVENT "WHERE e.room = ?1 AND e.author = ?2 AND e.client_id = ?3")           \
    /* id, room, thread, author, client id, size, opened, metadata. The guard of idempotency:    \
     * nothing is inserted when (room, author, client id) of media that are not dead, or the id, \
     * is taken */                                                                               \
    X(ORBITAL_MEDIA_INSERT, "INSERT INTO orbital_media (id, room, thread, author, client_id, "   \
                            "size, opened_us, metadata, expires_us, state) "                     \
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0) "                     \
                            "ON CONFLICT DO NOTHING")                                            \
    /* room, author, client id */                                                                \
    X(ORBITAL_MEDIA_SENT, CF_SQL_ORBITAL_MEDIA                                                   \
      "WHERE m.room = ?1 AND m.author = ?2 AND m.client_id = ?3 AND m.state <> 2")               \
    /* room, difference */                                                                       \
    X(ORBITAL_BYTES_ADD, "UPDATE orbital_groups SET media_bytes = media_bytes + ?2 "             \
                         "WHERE key = ?1")                                                       \
    /* key, expires, event */                                                                    \
    X(ORBITAL_MEDIA_COMPLETE, "UPDATE orbital_media SET state = 1, expires_us = ?2, event = ?3 " \
                              "WHERE key = ?1")                                                  \
    /* key */                                                                                    \
    X(ORBITAL_MEDIA_KILL, "UPDATE orbital_media SET state = 2 WHERE key = ?1")                   \
    /* now, since, limit. An incomplete one's expiry is 0: said, so that the index is of use */  \
    X(ORBITAL_MEDIA_DUE, "SELECT key, id, room, size, state FROM orbital_media "                 \
                         "WHERE state = 2 OR (state = 1 AND expires_us <= ?1) "                  \
                         "OR (state = 0 AND expires_us = 0 AND opened_us < ?2) "                 \
                         "ORDER BY key LIMIT ?3")                                                \
    /* id */                                                                                     \
    X(ORBITAL_MEDIA_FORGET, "DELETE FROM orbital_media WHERE id = ?1 AND state = 2")

#endif
