/* What v2 clients say on a stream. */
#include "chat/command.h"
#include "dialect/shop/stream.h"
#include "json/value.h"
#include "json/writer.h"

enum {
    BAD_IN_A_ROW_MAX = 10,
    TYPING_EVERY_MS = 100,
    REFILL_MS = 100, /* one of the allowance */
    BURST = 20,
};

/* Nothing that a client says is long. */
static const struct cf_json_limits limits = {
    .bytes_max = 4096,
    .string_bytes_max = 1024,
    .keys_max = 64,
    .depth_max = 8,
    .number_bytes_max = 32,
};

struct hearing {
    struct cf_shop_talker *talker;
    const uint8_t *hash_key;
    struct cf_arena *arena;
    cf_ms now;
    enum cf_shop_said said;
    struct cf_event *event;
    struct cf_buf *reply;
};

/* ---- refusals ---- */

static enum cf_error reply_error(struct cf_buf *reply, const char *code, const char *message)
{
    struct cf_json_writer w;
    cf_json_writer_init(&w, reply);
    cf_json_object_begin(&w);
    cf_json_member_string(&w, "type", CF_LIT("error"));
    cf_json_key(&w, CF_LIT("data"));
    cf_json_object_begin(&w);
    cf_json_member_string(&w, "code", cf_slice_cstr(code));
    cf_json_member_string(&w, "message", cf_slice_cstr(message));
    cf_json_object_end(&w);
    cf_json_object_end(&w);
    return cf_json_writer_finish(&w);
}

/* Counts a malformed one: CF_E_PROTOCOL at the last that is borne. */
static enum cf_error refuse(struct hearing *hearing, const char *code, const char *message)
{
    enum cf_error error = reply_error(hearing->reply, code, message);
    hearing->talker->bad++;
    if (error == CF_OK && hearing->talker->bad >= BAD_IN_A_ROW_MAX)
        return CF_E_PROTOCOL;
    return error;
}

/* ---- allowance ---- */

static bool typing_allowed(struct hearing *hearing)
{
    if (hearing->now < hearing->talker->typing_next)
        return false;
    hearing->talker->typing_next = hearing->now + TYPING_EVERY_MS;
    return true;
}

static void refill(struct cf_shop_talker *talker, cf_ms now)
{
    cf_ms earned = (now - talker->refilled) / REFILL_MS;
    if (earned >= talker->spent) {
        talker->spent = 0;
        talker->refilled = now;
        return;
    }
    talker->spent -= (uint32_t)earned;
    talker->refilled += earned * REFILL_MS;
}

static bool take_allowance(struct hearing *hearing)
{
    refill(hearing->talker, hearing->now);
    if (hearing->talker->spent >= BURST)
        return false;
    hearing->talker->spent++;
    return true;
}

static enum cf_error refuse_rate(struct hearing *hearing)
{
    hearing->talker->bad = 0;
    return reply_error(hearing->reply, "rate_limited",
                       "Too often: 10 a second at most. Wait a moment and say it again.");
}

static enum cf_error accept(struct hearing *hearing, enum cf_shop_said said,
                            enum cf_event_kind kind)
{
    hearing->talker->bad = 0;
    hearing->said = said;
    hearing->event->kind = kind;
    return CF_OK;
}

/* ---- what each type says ---- */

static enum cf_error read_data(struct hearing *hearing, struct cf_slice data,
                               struct cf_json_field *fields, size_t count, const char *rule)
{
    const char *wrong;
    enum cf_error error = cf_json_read_object(data, &limits, hearing->hash_key, hearing->arena,
                                              fields, count, &wrong);
    if (error == CF_OK || error == CF_E_NOMEM)
        return error;
    error = refuse(hearing, "invalid", rule);
    return error == CF_OK ? CF_E_INVALID : error;
}

/* That somebody types is worth telling only now, so that what comes too often is dropped. That they
 * stopped must not get lost, and takes from the allowance of the rest. */
static enum cf_error hear_typing(struct hearing *hearing, struct cf_slice data)
{
    struct cf_json_field fields[] = {
        {.name = "typing", .types = CF_JSON_IS_BOOL, .required = true},
    };
    enum cf_error error = read_data(hearing, data, fields, 1, "data.typing must be true or false.");
    if (error != CF_OK)
        return error;
    hearing->event->on = cf_slice_eq(fields[0].text, CF_LIT("true"));
    bool allowed = hearing->event->on ? typing_allowed(hearing) : take_allowance(hearing);
    if (!allowed) {
        hearing->talker->bad = 0;
        return CF_OK;
    }
    return accept(hearing, CF_SHOP_SAID_TYPING, CF_EVENT_TYPING);
}

static enum cf_error hear_read(struct hearing *hearing, struct cf_slice data)
{
    static const char *const rule = "data.message_id must be the id of a message, a UUID.";
    struct cf_json_field fields[] = {
        {.name = "message_id", .types = CF_JSON_IS_STRING, .required = true},
    };
    enum cf_error error = read_data(hearing, data, fields, 1, rule);
    if (error != CF_OK)
        return error;
    if (!cf_uuid_parse(fields[0].text, &hearing->event->message.id))
        return refuse(hearing, "invalid", rule);
    if (!take_allowance(hearing))
        return refuse_rate(hearing);
    return accept(hearing, CF_SHOP_SAID_READ, CF_EVENT_READ);
}

static bool read_reaction(struct hearing *hearing, const struct cf_json_field *fields)
{
    struct cf_slice action = fields[2].text;
    bool add = fields[2].is == CF_JSON_IS_NONE || cf_slice_eq(action, CF_LIT("add"));
    hearing->event->on = add;
    hearing->event->reaction = fields[1].text;
    return cf_uuid_parse(fields[0].text, &hearing->event->message.id) &&
           cf_chat_reaction_check(fields[1].text) == CF_OK &&
           (add || cf_slice_eq(action, CF_LIT("remove")));
}

static enum cf_error hear_reaction(struct hearing *hearing, struct cf_slice data)
{
    static const char *const rule =
        "data must have the message_id, a UUID; a reaction of 1 to 16 characters; and the action, "
        "\"add\" or \"remove\".";
    struct cf_json_field fields[] = {
        {.name = "message_id", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "reaction", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "action", .types = CF_JSON_IS_STRING},
    };
    enum cf_error error = read_data(hearing, data, fields, 3, rule);
    if (error != CF_OK)
        return error;
    if (!read_reaction(hearing, fields))
        return refuse(hearing, "invalid", rule);
    if (!take_allowance(hearing))
        return refuse_rate(hearing);
    return accept(hearing, CF_SHOP_SAID_REACTION, CF_EVENT_REACTION);
}

static enum cf_error hear_type(struct hearing *hearing, struct cf_slice type, struct cf_slice data)
{
    if (cf_slice_eq(type, CF_LIT("typing")))
        return hear_typing(hearing, data);
    if (cf_slice_eq(type, CF_LIT("read")))
        return hear_read(hearing, data);
    if (cf_slice_eq(type, CF_LIT("reaction")))
        return hear_reaction(hearing, data);
    return refuse(hearing, "unknown_type", "type must be \"typing\", \"read\" or \"reaction\".");
}

static enum cf_error hear_text(struct hearing *hearing, struct cf_slice text)
{
    struct cf_json_field fields[] = {
        {.name = "type", .types = CF_JSON_IS_STRING, .required = true},
        {.name = "data", .types = CF_JSON_IS_OBJECT},
    };
    const char *wrong = NULL;
    enum cf_error error = cf_json_read_object(text, &limits, hearing->hash_key, hearing->arena,
                                              fields, CF_ARRAY_LEN(fields), &wrong);
    if (error == CF_E_NOMEM)
        return error;
    if (error == CF_E_TOO_LARGE)
        return refuse(hearing, "too_large", "A message may have at most 4,096 bytes.");
    if (error != CF_OK && wrong == NULL)
        return refuse(hearing, "bad_json", "A message must be one JSON object.");
    if (error != CF_OK)
        return refuse(hearing, "invalid", "type must be text, and data an object.");
    struct cf_slice data = fields[1].is == CF_JSON_IS_OBJECT ? fields[1].text : CF_LIT("{}");
    return hear_type(hearing, fields[0].text, data);
}

/* What nobody says is empty; the caller's struct may hold anything. */
static void init_event(struct cf_event *event, struct cf_uuid room,
                       const struct cf_identity *identity, cf_us at)
{
    event->room = room;
    event->message = (struct cf_message_row){.room = room};
    event->user = cf_identity_user(identity);
    event->user_name = cf_identity_name(identity);
    event->reaction = CF_LIT("");
    event->on = false;
    event->at = at;
}

enum cf_error cf_shop_hear(struct cf_shop_talker *talker, struct cf_slice text, struct cf_uuid room,
                           const struct cf_identity *identity, struct cf_now now,
                           const uint8_t hash_key[16], struct cf_arena *arena,
                           enum cf_shop_said *out_said, struct cf_event *out_event,
                           struct cf_buf *reply)
{
    struct hearing hearing = {
        .talker = talker,
        .hash_key = hash_key,
        .arena = arena,
        .now = now.ms,
        .said = CF_SHOP_SAID_NOTHING,
        .event = out_event,
        .reply = reply,
    };
    init_event(out_event, room, identity, now.us);
    enum cf_error error = hear_text(&hearing, text);
    *out_said = hearing.said;
    /* A refusal is answered already. */
    return error == CF_E_INVALID ? CF_OK : error;
}
