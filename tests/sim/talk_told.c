/* What the server has told of messages and receipts, to whomever: always the same. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "sim/talk.h"

enum { NUMBERS_MAX = 1 << 16, LIVE = 2 }; /* LIVE: the shift of what was told as an event */

/* Of what was said, by its number in the book. */
struct receipt {
    uint8_t asked, acknowledged; /* TALK_DELIVERED, TALK_READ */
    cf_us at[2];
};

static struct receipt receipts[BOOK_SAID_MAX][TALK_PEOPLE];
static uint8_t known[TALK_DEVICES][BOOK_SAID_MAX][TALK_PEOPLE];
static int16_t said_of[NUMBERS_MAX];     /* number of a message → number in the book, and 1 */
static int64_t number_of[BOOK_SAID_MAX]; /* ... and back; 0: not told yet */
static cf_us created_of[TALK_ROOMS][BOOK_SAID_MAX + 2]; /* by seq */
static int64_t newest;

void talk_told_begin(void)
{
    memset(receipts, 0, sizeof(receipts));
    memset(known, 0, sizeof(known));
    memset(said_of, 0, sizeof(said_of));
    memset(number_of, 0, sizeof(number_of));
    memset(created_of, 0, sizeof(created_of));
    newest = 0;
}

int64_t talk_some_message(void)
{
    return newest == 0 ? 0 : sim_between(1, newest);
}

static cf_us time_of(struct cf_slice text)
{
    cf_us time = 0;
    CF_ASSERT(cf_us_parse(text, &time) == CF_OK);
    return time;
}

/* ---- messages ---- */

enum field { ID, TALK, SENDER, TEXT, CLIENT_ID, CREATED, SEQ, RECEIPTS, FIELDS };

static const struct cf_json_field message_fields[FIELDS] = {
    [ID] = {.name = "id", .types = CF_JSON_IS_NUMBER, .required = true},
    [TALK] = {.name = "conversationId", .types = CF_JSON_IS_NUMBER, .required = true},
    [SENDER] = {.name = "senderId",
                .types = CF_JSON_IS_NUMBER | CF_JSON_IS_STRING,
                .required = true},
    [TEXT] = {.name = "text", .types = CF_JSON_IS_STRING, .required = true},
    [CLIENT_ID] = {.name = "clientMessageId", .types = CF_JSON_IS_STRING, .required = true},
    [CREATED] = {.name = "createdAt", .types = CF_JSON_IS_STRING, .required = true},
    [SEQ] = {.name = "seq", .types = CF_JSON_IS_NUMBER, .required = true},
    [RECEIPTS] = {.name = "receipts", .types = CF_JSON_IS_ARRAY},
};

static int number_in_book(const struct book_said *said)
{
    return (int)(said - book.said);
}

/* Each number is one message's, each place in a room has one time, later than the one before. */
static void compare(const struct talk_message *message, cf_us created)
{
    CF_ASSERT(message->number < NUMBERS_MAX && message->seq >= 1 && message->seq <= BOOK_SAID_MAX);
    int16_t said = (int16_t)(number_in_book(message->said) + 1);
    int16_t *known_said = &said_of[message->number];
    int64_t *number = &number_of[said - 1];
    cf_us *times = &created_of[message->room][message->seq];
    if (*number != 0 && *number != message->number)
        book_fail("property 1, idempotency", "\"%s\" is message %lld and %lld", message->said->text,
                  (long long)*number, (long long)message->number);
    if ((*known_said != 0 && *known_said != said) || (times[0] != 0 && times[0] != created))
        book_fail("one version of a message", "message %lld has two", (long long)message->number);
    if (created <= times[-1] || (times[1] != 0 && created >= times[1]))
        book_fail("property 2, order", "seq %lld of room %d has no time of its own",
                  (long long)message->seq, message->room);
    *known_said = said;
    *number = message->number;
    times[0] = created;
    newest = message->number > newest ? message->number : newest;
}

static bool is_as_said(const struct talk_message *message, const struct cf_json_field *fields)
{
    const struct book_said *said = message->said;
    return said != NULL && said->room == talk_books[message->room] &&
           said->author == talk_person_of(fields[SENDER].text) &&
           cf_slice_eq(fields[CLIENT_ID].text, cf_slice_cstr(said->client_id));
}

bool talk_message_read(struct cf_slice json, struct talk_message *out_message)
{
    struct cf_json_field fields[FIELDS];
    memcpy(fields, message_fields, sizeof(fields));
    cf_arena_init(&out_message->arena, TALK_ARENA_MAX);
    CF_ASSERT(sim_json_read(json, &out_message->arena, fields, FIELDS));
    out_message->id = fields[ID].text;
    out_message->text = fields[TEXT].text;
    out_message->receipts = fields[RECEIPTS].text;
    out_message->number = talk_number_of(fields[ID].text);
    out_message->seq = talk_number_of(fields[SEQ].text);
    out_message->room = talk_room_of(fields[TALK].text);
    out_message->said = book_find(fields[TEXT].text);
    if (!is_as_said(out_message, fields)) {
        book_fail("nothing out of nowhere", "%.*s", (int)json.len, (const char *)json.ptr);
        return false;
    }
    compare(out_message, time_of(fields[CREATED].text));
    return true;
}

void talk_message_deinit(struct talk_message *message)
{
    cf_arena_deinit(&message->arena);
}

/* ---- marking ---- */

/* Reading marks as delivered, too. */
static unsigned meaning(unsigned mark)
{
    return mark == TALK_READ ? TALK_DELIVERED | TALK_READ : TALK_DELIVERED;
}

static void mark_now(struct talk_device *device, const struct talk_message *message, unsigned mark)
{
    struct talk_ask ask = {
        .what = TALK_MARK, .room = message->room, .said = message->said, .mark = mark};
    const char *event = mark == TALK_READ ? "message:read" : "message:delivered";
    char number[24];
    (void)snprintf(number, sizeof(number), "%lld", (long long)message->number);
    if (device->asks_count < TALK_ASKS / 2 && talk_ask(device, ask, event, number))
        receipts[number_in_book(message->said)][device->person].asked |= (uint8_t)meaning(mark);
}

/* Twice at times; an own one, too, which nobody is told of. */
void talk_mark_perhaps(struct talk_device *device, const struct talk_message *message)
{
    bool own = message->said->author == device->person;
    if (phase != SIM_STORM || !device->connected || !sim_chance(own ? 10 : 300))
        return;
    mark_now(device, message, sim_chance(500) ? TALK_READ : TALK_DELIVERED);
    if (sim_chance(300))
        mark_now(device, message, sim_chance(500) ? TALK_READ : TALK_DELIVERED);
}

void talk_marked(const struct talk_device *device, const struct talk_ask *ask)
{
    if (ask->said->author != device->person)
        receipts[number_in_book(ask->said)][device->person].acknowledged |=
            (uint8_t)meaning(ask->mark);
}

/* ---- receipts ---- */

static void note(const struct talk_device *device, int said, int person, unsigned mark, cf_us at)
{
    struct receipt *receipt = &receipts[said][person];
    cf_us *time = &receipt->at[mark == TALK_READ];
    if ((receipt->asked & mark) == 0 || person == book.said[said].author)
        book_fail("receipts", "talk %d: %s has not marked \"%s\"", device->index,
                  talk_users[person], book.said[said].text);
    if (*time != 0 && *time != at)
        book_fail("receipts", "\"%s\" is marked twice by %s", book.said[said].text,
                  talk_users[person]);
    *time = at;
    known[device->index][said][person] |= (uint8_t)mark;
}

void talk_receipt_told(struct talk_device *device, struct cf_slice json, unsigned mark)
{
    bool read = mark == TALK_READ;
    struct cf_json_field fields[] = {
        {.name = "messageId", .types = CF_JSON_IS_NUMBER, .required = true},
        {.name = read ? "readBy" : "deliveredTo",
         .types = CF_JSON_IS_NUMBER | CF_JSON_IS_STRING,
         .required = true},
        {.name = read ? "readAt" : "deliveredAt", .types = CF_JSON_IS_STRING, .required = true},
    };
    struct cf_arena arena;
    cf_arena_init(&arena, TALK_ARENA_MAX);
    CF_ASSERT(sim_json_read(json, &arena, fields, CF_ARRAY_LEN(fields)));
    int64_t number = talk_number_of(fields[0].text);
    CF_ASSERT(number > 0 && number < NUMBERS_MAX && said_of[number] > 0);
    int person = talk_person_of(fields[1].text), said = said_of[number] - 1;
    uint8_t *mine = &known[device->index][said][person];
    if (book.said[said].author != device->person)
        book_fail("a stranger learns nothing", "talk %d is told who has read \"%s\"", device->index,
                  book.said[said].text);
    if ((*mine & mark << LIVE) != 0)
        book_fail("receipts", "talk %d is told twice that %s has marked \"%s\"", device->index,
                  talk_users[person], book.said[said].text);
    *mine |= (uint8_t)(mark << LIVE);
    note(device, said, person, mark, time_of(fields[2].text));
    cf_arena_deinit(&arena);
}

struct fetched {
    const struct talk_device *device;
    int said;
};

static void take_fetched(void *context, struct cf_slice object)
{
    const struct fetched *fetched = context;
    struct cf_json_field fields[] = {
        {.name = "userId", .types = CF_JSON_IS_NUMBER | CF_JSON_IS_STRING, .required = true},
        {.name = "deliveredAt", .types = CF_JSON_IS_STRING},
        {.name = "readAt", .types = CF_JSON_IS_STRING},
    };
    struct cf_arena arena;
    cf_arena_init(&arena, TALK_ARENA_MAX);
    CF_ASSERT(sim_json_read(object, &arena, fields, CF_ARRAY_LEN(fields)));
    int person = talk_person_of(fields[0].text);
    if (fields[1].is != CF_JSON_IS_NONE)
        note(fetched->device, fetched->said, person, TALK_DELIVERED, time_of(fields[1].text));
    if (fields[2].is != CF_JSON_IS_NONE)
        note(fetched->device, fetched->said, person, TALK_READ, time_of(fields[2].text));
    cf_arena_deinit(&arena);
}

void talk_receipts_fetched(const struct talk_device *device, const struct talk_message *message)
{
    struct fetched fetched = {device, number_in_book(message->said)};
    sim_json_each(message->receipts, take_fetched, &fetched);
}

void talk_receipts_renew(const struct talk_device *device)
{
    for (int said = 0; said < book.said_count; said++) {
        for (int person = 0; person < TALK_PEOPLE; person++)
            known[device->index][said][person] &= TALK_DELIVERED | TALK_READ;
    }
}

static void check_receipt(const struct talk_device *device, int said, int person)
{
    unsigned has = known[device->index][said][person];
    unsigned must = receipts[said][person].acknowledged;
    has |= (has & TALK_READ) != 0 ? TALK_DELIVERED : 0U;
    if ((must & ~has) != 0)
        book_fail("receipts", "talk %d does not know that %s has marked \"%s\" (%u of %u)",
                  device->index, talk_users[person], book.said[said].text, has, must);
}

void talk_receipts_check(const struct talk_device *device, int room)
{
    for (int said = 0; said < book.said_count; said++) {
        bool own = book.said[said].author == device->person;
        for (int person = 0; person < TALK_PEOPLE && own; person++) {
            if (book.said[said].room == talk_books[room])
                check_receipt(device, said, person);
        }
    }
}
