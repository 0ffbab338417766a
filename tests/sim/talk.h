/* Clients of conversations, as socket.io-client and an app above it are: the parts of sim/talk*.c.
 *
 * talk.c makes the rooms and ends the run, talk_device.c is the Socket.IO connection of a device,
 * talk_seat.c its places in rooms (joining, fetching, who is there, who types), talk_say.c what it
 * says, talk_told.c what is known of messages and receipts, talk_others.c who should learn nothing.
 */
#ifndef CF_SIM_TALK_H
#define CF_SIM_TALK_H

#include "dialect/sio/args.h"
#include "sim/eio.h"
#include "sim/json.h"
#include "sim/world.h"

enum {
    TALK_PEOPLE = 5,
    TALK_LEAVER = 3,   /* is removed from the group in the middle of the storm */
    TALK_STRANGER = 4, /* takes part in nothing */
    TALK_DEVICES = 6,  /* the first person has two */
    TALK_ASKS = 64,
    TALK_TEXT_MAX = 1024,
    TALK_ARENA_MAX = 16 * 1024 * 1024,
};

enum talk_room { TALK_GROUP, TALK_DIRECT, TALK_ROOMS };

enum talk_what { TALK_JOIN, TALK_LEAVE, TALK_SAY, TALK_MARK, TALK_TYPE, TALK_WHATS };

enum { TALK_DELIVERED = 1, TALK_READ = 2 };

/* An event that is not acknowledged yet. */
struct talk_ask {
    uint64_t id;
    enum talk_what what;
    int room;
    struct book_said *said; /* SAY, MARK */
    unsigned mark;          /* MARK */
    int64_t at;
};

/* A device's place in a room. What is known holds for one life of its socket: from a connect that
 * was not recovered to the next. */
struct talk_seat {
    bool wanted;
    bool asked;                  /* to be let in, in this life: the server may count it in */
    bool asking;                 /* a join or leave waits for its ack */
    bool joined;                 /* acknowledged */
    bool synced;                 /* nothing is missing */
    bool whole;                  /* all receipts of its user's messages are known */
    bool sees;                   /* who is there */
    bool loose;                  /* it may be out, or have been: what it is told may have gaps */
    int64_t cursor;              /* nothing is missing up to this seq */
    int64_t page;                /* the same, of the fetch that is under way, */
    int64_t from;                /* which began here */
    int64_t live;                /* the last seq it was told of in this life, 0: none */
    int64_t first;               /* ... and the first */
    unsigned online;             /* people */
    int64_t typing[TALK_PEOPLE]; /* since when they are shown as typing, 0: they are not */
    struct book_view view;
};

enum talk_saying { TALK_SILENT, TALK_QUEUED, TALK_SENT, TALK_RESTS };

/* What it is saying at the moment, until that is acknowledged. */
struct talk_speech {
    enum talk_saying state;
    struct book_said *said;
    int room;
    unsigned failures;
    bool told_to_wait; /* by the server: it rests as long as that says */
    int64_t since;     /* of the state */
    struct sim_event event;
    struct sim_http rest;
};

struct talk_device {
    int index, person;
    struct sim_eio eio;
    bool away;      /* it has gone for good, in the calm */
    bool connected; /* the server has let it into the namespace */
    int64_t connected_at;
    char pid[40], sent_pid[40];
    char offset[24];
    int64_t number;     /* the last that it was told in this life */
    int64_t expires;    /* its token, by the server's clock */
    int64_t expired_at; /* INT64_MAX: it is good */
    unsigned attempts;
    int64_t lost_at; /* 0: it went by itself */
    struct sim_event reconnect, mood, again, type;
    struct talk_ask asks[TALK_ASKS];
    size_t asks_count;
    uint64_t next_ask;
    struct talk_seat seats[TALK_ROOMS];
    struct sim_http fetch;
    int fetching; /* the room */
    struct talk_speech speech;
};

extern struct talk_device talk_devices[TALK_DEVICES];
extern const char *const talk_users[TALK_PEOPLE];
extern int talk_books[TALK_ROOMS];    /* the rooms' numbers in the book */
extern char talk_ids[TALK_ROOMS][24]; /* conversationId */
extern int64_t talk_calm_at;          /* when the calm began */
bool talk_has_room(int room, int person);

/* An argument, or a field, as what it stands for; asserts that there is such a one. */
int talk_room_of(struct cf_slice id);
int talk_person_of(struct cf_slice user);
int64_t talk_number_of(struct cf_slice text);

/* ---- talk_device.c ---- */

void talk_device_init(struct talk_device *device, int index);
void talk_device_deinit(struct talk_device *device);
/* Drops the connection, and connects again as if it had been lost. */
void talk_device_drop(struct talk_device *device);
/* Loses its network for a while. */
void talk_device_vanish(struct talk_device *device);
/* Goes for good, with a goodbye or without; what it was saying is given up. */
void talk_device_go_away(struct talk_device *device);
/* Says an event, `arguments` as JSON, and remembers that `ask` is to be acknowledged. False: too
 * many wait. */
bool talk_ask(struct talk_device *device, struct talk_ask ask, const char *event,
              const char *arguments);
/* The same, without an ack. */
void talk_tell(struct talk_device *device, const char *event, const char *arguments);

/* ---- talk_seat.c ---- */

/* A new life, or (recovered) the same one again. */
void talk_seats_connected(struct talk_device *device, bool recovered);
void talk_seats_lost(struct talk_device *device);
/* Asks for what is missing. */
void talk_seats_go_on(struct talk_device *device);
/* The ack of a join or leave; `online`: JSON. */
void talk_seats_answered(struct talk_device *device, const struct talk_ask *ask,
                         struct cf_slice error, struct cf_slice online);
/* Wants to be in a room, or out of it. */
void talk_seat_want(struct talk_device *device, int room, bool wanted);
/* Asks who is there. */
void talk_seat_look(struct talk_device *device, int room);
/* What is known of the seat counts no more. */
void talk_seat_unsettle(struct talk_seat *seat);
/* Events. */
void talk_seat_message(struct talk_device *device, struct cf_slice message);
void talk_seat_online(struct talk_device *device, const struct cf_sio_args *args, bool on);
void talk_seat_state(struct talk_device *device, struct cf_slice state);
void talk_seat_typing(struct talk_device *device, const struct cf_sio_args *args, bool on);
/* An event of the device's `type`: its user types, or stops. */
void talk_seat_type(struct talk_device *device);
/* Who is shown as typing has begun not long ago. */
void talk_seats_check_typing(const struct talk_device *device);
/* The fetch has ended. */
void talk_seat_fetched(struct sim_http *http);

/* ---- talk_say.c ---- */

void talk_speech_init(struct talk_device *device);
void talk_speech_connected(struct talk_device *device);
void talk_speech_lost(struct talk_device *device);
void talk_speech_give_up(struct talk_device *device);
/* The ack of a `message:send`; `answer`: its object. */
void talk_speech_answered(struct talk_device *device, const struct talk_ask *ask,
                          struct cf_slice answer);
/* `message:ack`. */
void talk_speech_confirmed(struct talk_device *device, struct cf_slice answer);
/* No send waits for more than 5 s. */
void talk_speech_check(const struct talk_device *device);

/* ---- talk_told.c ---- */

/* A message as the server tells it; slices borrow the text or `arena`. */
struct talk_message {
    struct cf_arena arena;
    struct cf_slice id, text, receipts; /* receipts: JSON, or empty */
    int64_t number, seq;
    int room;
    struct book_said *said;
};

void talk_told_begin(void);
/* Reads a message and compares it with what is known of it already. False: it is of nowhere. */
bool talk_message_read(struct cf_slice json, struct talk_message *out_message);
void talk_message_deinit(struct talk_message *message);
/* The device says that it has got the message, or read it; now and then. */
void talk_mark_perhaps(struct talk_device *device, const struct talk_message *message);
void talk_marked(const struct talk_device *device, const struct talk_ask *ask);
/* An event `message:delivered` or `message:read`. */
void talk_receipt_told(struct talk_device *device, struct cf_slice receipt, unsigned mark);
/* Those of a message that was fetched. */
void talk_receipts_fetched(const struct talk_device *device, const struct talk_message *message);
/* A new life: what is told in it may have been told in the one before. */
void talk_receipts_renew(const struct talk_device *device);
/* At rest: the device knows what was acknowledged of its user's messages in that room. */
void talk_receipts_check(const struct talk_device *device, int room);
/* The number of some message; 0: there is none. */
int64_t talk_some_message(void);

/* ---- talk_others.c ---- */

void talk_others_begin(void);
void talk_others_phase(void);
bool talk_others_are_at_rest(void);
void talk_others_end(void);
/* The person takes no part in the room any more, or may not; and a refusal is no wonder, since that
 * is or was so. */
bool talk_is_out(int room, int person);
bool talk_may_be_refused(int room, int person);
/* Who was removed is not there, as one hears who has asked at that time. */
void talk_removed_check(const struct talk_device *device, const struct talk_ask *ask,
                        unsigned online);
/* The stranger has connected, or was answered. */
void talk_stranger_connected(struct talk_device *device);
void talk_stranger_answered(const struct talk_ask *ask, bool success, struct cf_slice error,
                            struct cf_slice online);

#endif
