/* What the checkers know: who may see which room, what was said there, what was acknowledged, and
 * what each client has on its screen. Rooms of all dialects look the same here. */
#ifndef CF_SIM_BOOK_H
#define CF_SIM_BOOK_H

#include "sim/sim.h"

enum { BOOK_ROOMS = 16, BOOK_SAID_MAX = 4096, BOOK_ID_MAX = 40, BOOK_PEOPLE = 16 };

/* Something that a client has said, or tries to. */
struct book_said {
    int room;
    int author;
    char client_id[BOOK_ID_MAX];
    char text[64];
    int64_t at; /* when it was first said */
    bool acknowledged;
    bool given_up;        /* no retry any more: it may be there or not */
    char id[BOOK_ID_MAX]; /* of the acknowledgement */
};

/* A client's view of a room: what it shows, in its order. */
struct book_line {
    char id[BOOK_ID_MAX];
    char text[64];
    int64_t order; /* the room's: a sequence, a time, a stamp */
};
struct book_view {
    struct book_line *lines; /* by `order` */
    size_t count, cap;
};

struct book_room {
    const char *dialect;
    bool member[BOOK_PEOPLE];
    /* When the server had acknowledged that they are no member any more; 0: they are. What was
     * first said later is not for them. */
    int64_t removed[BOOK_PEOPLE];
};

struct book {
    struct book_room rooms[BOOK_ROOMS];
    int rooms_count;
    struct book_said said[BOOK_SAID_MAX];
    int said_count;
    const char *failed; /* the property that does not hold; NULL: none */
    char why[512];
};
extern struct book book;

void book_begin(void);
/* A new room of that dialect; its number. */
int book_room(const char *dialect);
/* A new thing to say, its text and client id made; NULL: the book is full. */
struct book_said *book_say(int room, int author);
/* What was said, by its text; NULL: nobody has said that. */
struct book_said *book_find(struct cf_slice text);
/* The server has acknowledged it with this id: it must be the same each time. */
void book_acknowledged(struct book_said *said, struct cf_slice id);

/* A message has come to a client, live or fetched, perhaps again: it goes where its order says. A
 * second text or order for one id fails, and so does anything that a stranger sees. */
void book_shown(struct book_view *view, int room, int person, struct cf_slice id,
                struct cf_slice text, int64_t order);
void book_view_free(struct book_view *view);

/* When all is calm and every client says that it is up to date: all that was acknowledged is in
 * each member's view exactly once; nothing is that nobody said; the views agree. `views` of the
 * room's members, by person; NULL for who is none. */
void book_check_room(int room, struct book_view *const views[BOOK_PEOPLE]);

/* Remembers the first failure of the run; `property` names it. */
void book_fail(const char *property, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
