/* Deliberate mistakes, each behind a switch of the tests: the proof that the checks of the
 * simulator can fail. A build without CONFAB_MUTANTS, which is every one but the simulator's, has
 * none of them: CF_MUTANT is then the constant false. */
#ifndef CF_BASE_MUTANT_H
#define CF_BASE_MUTANT_H

#include <stdbool.h>

/* X(name, what is wrong) */
#define CF_MUTANT_MAP(X)                                                             \
    X(ACK_BEFORE_COMMIT, "a write is acknowledged and told before it is on disk")    \
    X(TOLD_BEFORE_COMMIT, "a write is told to others before it is on disk")          \
    X(DEDUPE_OFF, "a retry in a shop is stored again")                               \
    X(REPLAY_TOLD, "a retry that stored nothing is broadcast again")                 \
    X(SLOW_SKIPPED, "a slow consumer's messages are dropped, and it is not cut off") \
    X(SLOW_NEVER_CUT, "what waits for a slow consumer grows without end")            \
    X(ONE_WORKER_TOLD, "only the first worker hears of a commit")                    \
    X(EVENTS_REVERSED, "the events of one commit are told in the reverse order")     \
    X(LATE_LIVE, "a stream hears nothing before its first second is over")           \
    X(STRANGER_LET_IN, "a stream opens without a look at the membership")            \
    X(REMOVED_KEPT, "a removed member's stream stays open")                          \
    X(LAST_OF_PAGE, "a page that is exactly full says that there is no more")        \
    X(TIME_REPEATS, "two messages of a room may have one time")                      \
    X(TALK_DEDUPE_OFF, "a retry in a conversation is stored again")                  \
    X(UPGRADE_DROPS, "what waits when a session goes to WebSocket is dropped")       \
    X(PRESENCE_PER_SOCKET, "a user is gone with the first socket that goes")         \
    X(RECOVERY_SKIPS, "a recovery leaves out the first event that was missed")       \
    X(TYPING_STAYS, "nobody stops typing by themselves")                             \
    X(TALK_REMOVED_KEPT, "a removed participant's sockets stay in the room")         \
    X(STAMP_REPEATS, "two events of a group may have one server_timestamp")          \
    X(STAMPS_REUSED, "after a crash a group's stamps begin again with the clock")    \
    X(SINCE_EXCLUSIVE, "since leaves out the events of that very server_timestamp")  \
    X(CURSOR_AHEAD, "a frame that is no event is stamped with the clock's time")     \
    X(PENDING_LIVE, "a group is heard before the membership is known")               \
    X(GROUP_REMOVED_KEPT, "a removed member's subscription goes on")

#ifdef CONFAB_MUTANTS

enum cf_mutant {
    CF_MUTANT_NONE,
#define CF_MUTANT_ENUM(name, text) CF_MUTANT_##name,
    CF_MUTANT_MAP(CF_MUTANT_ENUM)
#undef CF_MUTANT_ENUM
        CF_MUTANTS
};

/* The one that is at work. */
extern enum cf_mutant cf_mutant;
#define CF_MUTANT(name) (cf_mutant == CF_MUTANT_##name)

#else

#define CF_MUTANT(name) false

#endif

#endif
