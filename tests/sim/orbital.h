/* Encrypted groups: what their clients have in common, and what is known of all. */
#ifndef CF_SIM_ORBITAL_H
#define CF_SIM_ORBITAL_H

#include "sim/json.h"
#include "sim/wire.h"
#include "sim/world.h"

enum {
    GROUPS = 3,
    MEMBERS = 4, /* of one group or more */
    ADMIN = 0,   /* has made the groups, and is in all of them */
    FOUNDER = 1, /* makes further groups in the storm */
    REMOVED = 3, /* is removed from group 0 in the storm, and added again */
    STRANGER = MEMBERS,
    ORBITERS,
    THREADS_MAX = 256,
    ORBITAL_ID_MAX = 40,
    SEALED_MAX = 128,
    ORBITAL_ARENA_MAX = 16 * 1024 * 1024,
};

/* What is shown of a group, each in a view of its own: who recovers by /v1/messages has all of the
 * first alone. Joins and leaves are nothing that somebody has said: they have no room in the book.
 */
enum orbital_part { IN_MESSAGES, IN_THREADS, IN_CHANGES, ORBITAL_PARTS };

struct orbital_group {
    char id[ORBITAL_ID_MAX];
    int rooms[ORBITAL_PARTS]; /* of the book; that of changes is that of messages */
    bool in[ORBITERS];    /* as the server has acknowledged it, and nobody has begun to end it */
    int64_t acknowledged; /* the highest stamp that was */
};

struct orbital_thread {
    char id[ORBITAL_ID_MAX];
    int group;
    bool typed[ORBITERS]; /* who has ever typed there */
};

struct orbital {
    struct orbital_group groups[GROUPS];
    struct orbital_thread threads[THREADS_MAX]; /* those that are acknowledged */
    int threads_count;
    int founded;          /* the book's room of groups that were made in the storm */
    int64_t acknowledged; /* the highest stamp of all groups */
    int64_t calm;         /* when it began */
};
extern struct orbital orbital;

/* How a client comes by what it has missed. */
enum orbital_kind {
    CAREFUL,       /* its cursor is the last event that it has taken */
    SEED_EVENTS,   /* as seed 004 has it: the last frame of any type; by /v1/events, */
    SEED_MESSAGES, /* or by /v1/messages */
};

enum orbital_says { SAYS_MESSAGE, SAYS_THREAD, SAYS_REPLY, SAYS_GROUP };

struct orbiter {
    int person;
    enum orbital_kind kind;
    char user[16];
    struct sim_ws stream;
    struct sim_http fetch, post;
    struct sim_event reconnect, speak, mood, tend;
    unsigned attempts, post_attempts, fetch_attempts;

    /* of the connection that is open */
    bool granted[GROUPS];
    int64_t told;                /* the server_timestamp of the last frame, */
    int64_t seen;                /* and of the last that counts for the cursor */
    int64_t told_of[GROUPS];     /* of an event of the group */
    bool opened_removed[GROUPS]; /* they had been removed when it opened */
    int leaving;                 /* the group that was unsubscribed from, until the pong; -1 */
    unsigned pings;              /* that were not answered */
    bool mute;                   /* answers no pings */
    int bad_owed, pongs_owed;    /* answers that are to come */
    int bad_in_row;              /* answers to bad frames that were sent with no good one between */

    bool believes[GROUPS]; /* that it is a member */
    bool gap[GROUPS]; /* it was not there for a while: the group is fetched from its beginning */
    int scope;        /* of the fetch that goes on: a group, or -1: all */
    int64_t since;    /* and from where */
    bool synced;      /* nothing older than what the stream tells is missing */
    int64_t cursor;
    int64_t typing;     /* when somebody last typed */
    bool excited;       /* types on and off and on again */
    bool typed;         /* on this connection, */
    bool typed_earlier; /* on one before it, which the server may still know */

    struct book_said *saying;
    enum orbital_says says;
    int in_group, in_thread;
    int64_t floor, floor_of_group; /* what was acknowledged before it was first said */
    struct book_view views[GROUPS][ORBITAL_PARTS];
};
extern struct orbiter orbiters[ORBITERS];

/* The index of the group or thread of that id, or -1. */
int orbital_group_of(struct cf_slice id);
int orbital_thread_of(struct cf_slice id);
/* Has the server said that they are out, and nobody begun to add them again? */
bool orbital_is_out(const struct orbiter *orbiter, int group);

/* orbital_client.c: the stream, and what it has missed. */
void orbiter_init(struct orbiter *orbiter, int person);
void orbiter_say(struct orbiter *orbiter, const char *type, const char *data);
/* Subscribes to what it believes to be a member of and does not hear. */
void orbiter_subscribe(struct orbiter *orbiter);
/* It hears all groups that it believes in, and nothing older is missing. */
bool orbiter_is_up_to_date(const struct orbiter *orbiter);
void orbiter_closed(struct sim_ws *ws, unsigned status, unsigned code);

/* orbital_post.c: what a member does. */
void orbital_seal(const char *text, char out[SEALED_MAX]);
void orbiter_on_speak(struct sim_event *event);
void orbiter_posted(struct sim_http *http);
void orbiter_on_mood(struct sim_event *event);

/* orbital_stranger.c: what one does who is in no group. */
void stranger_on_mood(struct sim_event *event);
void stranger_asked(struct sim_http *http);

#endif
