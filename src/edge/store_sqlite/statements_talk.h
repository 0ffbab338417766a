/* The SQL of conversations and sockets; statements.h takes it into its lists.
 *
 * Direct and group messages lie in two tables of the same columns: CF_SQL_BOTH makes a statement
 * for each, the group's right behind the direct one's (talk.h picks by kind). A message row is
 * always the columns of TALK_MESSAGE_COLUMNS, a conversation's those of TALK_COLUMNS. */
#ifndef CF_EDGE_STORE_SQLITE_STATEMENTS_TALK_H
#define CF_EDGE_STORE_SQLITE_STATEMENTS_TALK_H

#define CF_SQL_BOTH(X, name, before, after)     \
    X(DIRECT_##name, before " messages " after) \
    X(GROUP_##name, before " group_messages " after)

#define CF_SQL_TALK_MESSAGE_COLUMNS                                              \
    "m.id, m.conversation, m.seq, m.sender, "                                    \
    "(SELECT u.name FROM users u WHERE u.id = m.sender), m.text, m.created_us, " \
    "m.client_message_id"

/* The last one: the furthest seq that the participant `p` has read. */
#define CF_SQL_TALK_COLUMNS                                           \
    "c.id, c.kind, c.title, c.created_by, c.created_us, c.last_seq, " \
    "coalesce((SELECT r.seq FROM conversation_reads r "               \
    "WHERE r.conversation = c.id AND r.user = p.user), 0)"

#define CF_SQL_TALK_READS(X)                                                                  \
    /* talk, user: no row when the talk is unknown or the user takes no part */               \
    X(TALK_FOR, "SELECT c.kind, c.last_seq, c.last_created_us, c.created_by = ?2 "            \
                "FROM conversations c "                                                       \
                "JOIN participants p ON p.conversation = c.id AND p.user = ?2 "               \
                "WHERE c.id = ?1")                                                            \
    X(TALK_GET, "SELECT " CF_SQL_TALK_COLUMNS " FROM conversations c "                        \
                "JOIN participants p ON p.conversation = c.id AND p.user = ?2 "               \
                "WHERE c.id = ?1")                                                            \
    /* user, limit */                                                                         \
    X(TALKS_OF, "SELECT " CF_SQL_TALK_COLUMNS " FROM participants p "                         \
                "JOIN conversations c ON c.id = p.conversation WHERE p.user = ?1 "            \
                "ORDER BY max(c.created_us, c.last_created_us) DESC, c.id DESC LIMIT ?2")     \
    /* talk */                                                                                \
    X(PEOPLE_OF, "SELECT p.user, u.name, p.joined_us "                                        \
                 "FROM participants p JOIN users u ON u.id = p.user "                         \
                 "WHERE p.conversation = ?1 ORDER BY p.joined_us, p.user")                    \
    /* talk, highest seq, limit */                                                            \
    CF_SQL_BOTH(X, DOWN, "SELECT " CF_SQL_TALK_MESSAGE_COLUMNS " FROM",                       \
                "m WHERE m.conversation = ?1 AND m.seq <= ?2 ORDER BY m.seq DESC LIMIT ?3")   \
    /* talk, lowest seq, limit */                                                             \
    CF_SQL_BOTH(X, UP, "SELECT " CF_SQL_TALK_MESSAGE_COLUMNS " FROM",                         \
                "m WHERE m.conversation = ?1 AND m.seq >= ?2 ORDER BY m.seq LIMIT ?3")        \
    /* talk, seq */                                                                           \
    CF_SQL_BOTH(X, CREATED, "SELECT created_us FROM", "WHERE conversation = ?1 AND seq = ?2") \
    /* talk, seq, user: how many are behind it that are not the user's? */                    \
    CF_SQL_BOTH(X, UNREAD, "SELECT count(*) FROM",                                            \
                "WHERE conversation = ?1 AND seq > ?2 AND sender <> ?3")                      \
    /* talk, seq, user: how many are behind it that are the user's? The pluses keep it to the \
     * index by sender: it is for those who have said less than they have not read */         \
    CF_SQL_BOTH(X, OWN_BEHIND, "SELECT count(*) FROM",                                        \
                "WHERE sender = ?3 AND +conversation = ?1 AND +seq > ?2")                     \
    /* message */                                                                             \
    X(RECEIPTS_OF, "SELECT user, kind, at_us FROM marks WHERE message = ?1 "                  \
                   "ORDER BY user, kind")

/* Of MARKABLE: talk, seq, sender, and whether the sender still takes part. */
#define CF_SQL_TO_MARK(table)                                                        \
    "SELECT m.conversation, m.seq, m.sender, EXISTS (SELECT 1 FROM participants s "  \
    "WHERE s.conversation = m.conversation AND s.user = m.sender) FROM " table " m " \
    "JOIN participants p ON p.conversation = m.conversation AND p.user = ?2 WHERE m.id = ?1"

#define CF_SQL_TALK_WRITES(X)                                                                   \
    /* the highest number given: rows with a number are never deleted */                        \
    CF_SQL_BOTH(X, LAST_NUMBER, "SELECT max(id) FROM", "")                                      \
    X(MARK_LAST_NUMBER, "SELECT max(number) FROM marks")                                        \
    /* kind, title, creator, now, of a direct one the pair in order */                          \
    X(TALK_INSERT, "INSERT INTO conversations (kind, title, created_by, created_us, low_user, " \
                   "high_user, last_seq, last_created_us) "                                     \
                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0)")                                     \
    /* the pair in order */                                                                     \
    X(TALK_OF_PAIR, "SELECT id FROM conversations "                                             \
                    "WHERE kind = 0 AND low_user = ?1 AND high_user = ?2")                      \
    /* talk, user, now */                                                                       \
    X(PARTICIPANT_INSERT, "INSERT INTO participants (conversation, user, joined_us) "           \
                          "VALUES (?1, ?2, ?3)")                                                \
    /* talk, user */                                                                            \
    X(PARTICIPANT_DELETE, "DELETE FROM participants WHERE conversation = ?1 AND user = ?2")     \
    X(PARTICIPANT_GET, "SELECT 1 FROM participants WHERE conversation = ?1 AND user = ?2")      \
    /* id, talk, seq, sender, client id, created, text. The guard of idempotency: nothing is    \
     * inserted when (sender, client id) is taken */                                            \
    CF_SQL_BOTH(X, INSERT, "INSERT INTO",                                                       \
                "(id, conversation, seq, sender, client_message_id, created_us, text) "         \
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "                                          \
                "ON CONFLICT (sender, client_message_id) DO NOTHING")                           \
    /* sender, client id */                                                                     \
    CF_SQL_BOTH(X, SENT, "SELECT " CF_SQL_TALK_MESSAGE_COLUMNS " FROM",                         \
                "m WHERE m.sender = ?1 AND m.client_message_id = ?2")                           \
    /* talk, seq, created */                                                                    \
    X(TALK_ADVANCE, "UPDATE conversations SET last_seq = ?2, last_created_us = ?3 "             \
                    "WHERE id = ?1")                                                            \
    /* message, user: no row when it is unknown or the user takes no part in its talk */        \
    X(MARKABLE, CF_SQL_TO_MARK("messages") " UNION ALL " CF_SQL_TO_MARK("group_messages"))      \
    /* message, user, kind: the first one that says as much */                                  \
    X(MARK_GET, "SELECT number, at_us FROM marks "                                              \
                "WHERE message = ?1 AND user = ?2 AND kind >= ?3 ORDER BY kind LIMIT 1")        \
    /* number, message, talk, author, user, kind, now */                                        \
    X(MARK_INSERT, "INSERT INTO marks (number, message, conversation, author, user, kind, "     \
                   "at_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                \
    /* talk, user, seq */                                                                       \
    X(READ_ADVANCE, "INSERT INTO conversation_reads (conversation, user, seq) "                 \
                    "VALUES (?1, ?2, ?3) ON CONFLICT (conversation, user) "                     \
                    "DO UPDATE SET seq = excluded.seq WHERE excluded.seq > seq")                \
    /* pid, sid, user, now, number */                                                           \
    X(SOCKET_INSERT, "INSERT INTO sockets (pid, sid, user, opened_us, opened_number) "          \
                     "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (pid) DO NOTHING")                \
    /* pid, user */                                                                             \
    X(SOCKET_FOR, "SELECT sid, opened_number FROM sockets WHERE pid = ?1 AND user = ?2")        \
    /* pid, now */                                                                              \
    X(SOCKET_REOPEN, "UPDATE sockets SET opened_us = ?2 WHERE pid = ?1")                        \
    /* pid, opened */                                                                           \
    X(SOCKET_DELETE, "DELETE FROM sockets WHERE pid = ?1 AND opened_us = ?2")                   \
    /* pid */                                                                                   \
    X(SOCKET_ROOMS_DELETE, "DELETE FROM socket_rooms WHERE pid = ?1")                           \
    /* opened before */                                                                         \
    X(OLD_SOCKET_ROOMS_DELETE, "DELETE FROM socket_rooms WHERE pid IN "                         \
                               "(SELECT pid FROM sockets WHERE opened_us < ?1)")                \
    X(OLD_SOCKETS_DELETE, "DELETE FROM sockets WHERE opened_us < ?1")                           \
    /* pid, talk, user, number: nothing without such a socket; the first joining counts */      \
    X(SOCKET_ROOM_INSERT, "INSERT INTO socket_rooms (pid, conversation, joined_number) "        \
                          "SELECT pid, ?2, ?4 FROM sockets WHERE pid = ?1 AND user = ?3 "       \
                          "ON CONFLICT (pid, conversation) DO NOTHING")                         \
    /* pid, talk, user */                                                                       \
    X(SOCKET_ROOM_DELETE, "DELETE FROM socket_rooms WHERE pid = ?1 AND conversation = ?2 "      \
                          "AND EXISTS (SELECT 1 FROM sockets WHERE pid = ?1 AND user = ?3)")    \
    /* pid, user: those rooms of the socket in which the user takes part */                     \
    X(SOCKET_ROOMS_OF, "SELECT s.conversation, c.kind, s.joined_number FROM socket_rooms s "    \
                       "JOIN participants p ON p.conversation = s.conversation "                \
                       "AND p.user = ?2 JOIN conversations c ON c.id = s.conversation "         \
                       "WHERE s.pid = ?1 ORDER BY s.conversation")                              \
    /* author, number, limit: those of talks in which the author takes part */                  \
    X(MARKS_AFTER, "SELECT number, message, conversation, user, kind, at_us FROM marks "        \
                   "WHERE author = ?1 AND number > ?2 AND EXISTS "                              \
                   "(SELECT 1 FROM participants p "                                             \
                   "WHERE p.conversation = marks.conversation AND p.user = ?1) "                \
                   "ORDER BY number LIMIT ?3")

#endif
