/* Memory runs out under src/chat and src/auth: rooms, seats, rates, attempts, origins, tokens. */
#include "unit/auth/tokens.h"

#include "auth/attempts.h"
#include "auth/origin.h"
#include "chat/directory.h"
#include "chat/event.h"
#include "chat/hub.h"
#include "chat/rate.h"
#include "oom/openssl.h"
#include "oom/scenario.h"

static struct cf_uuid room_number(uint8_t number)
{
    return (struct cf_uuid){{number, 1}};
}

/* ---- the hub: an event that could not be kept is told as lost ---- */

enum { ROOMS = 12, EVENTS = 40 };

static struct cf_event *make_event(struct scenario *s, uint8_t room)
{
    struct cf_event *event = NULL;
    struct cf_event like = {.kind = CF_EVENT_TYPING,
                            .room = room_number(room),
                            .user = CF_LIT("ann"),
                            .user_name = CF_LIT("Ann"),
                            .on = true};
    (void)RETRIED(s, cf_event_new(&like, &event));
    assert_non_null(event);
    return event;
}

/* Returns the events that the room has got, or told to be lost. */
static size_t pump(struct scenario *s, struct cf_hub *hub)
{
    size_t count = 0;
    for (struct cf_hub_room *room; (room = cf_hub_dirty(hub)) != NULL;) {
        count += room->events_count;
        if (room->lost) {
            scenario_note(s);
            count = EVENTS;
        }
        cf_hub_room_done(hub, room);
    }
    return count;
}

static void hub(struct scenario *s)
{
    struct cf_hub hub;
    struct cf_subscriber subscribers[ROOMS];
    cf_hub_init(&hub, hash_key);
    for (uint8_t i = 0; i < ROOMS; i++) {
        cf_subscriber_init(&subscribers[i], 0);
        (void)RETRIED(s, cf_hub_join(&hub, room_number(i), &subscribers[i]));
        assert_non_null(subscribers[i].room);
        cf_hub_live(&subscribers[i]);
    }
    for (uint8_t i = 0; i < ROOMS; i++) {
        for (int j = 0; j < EVENTS; j++) {
            struct cf_event *event = make_event(s, i);
            cf_hub_publish(&hub, event);
            cf_event_unref(event);
        }
        assert_int_equal(pump(s, &hub), EVENTS);
    }
    for (uint8_t i = 0; i < ROOMS; i++) {
        long failed = fault_failed();
        cf_hub_leave(&hub, &subscribers[i]);
        if (fault_failed() > failed)
            scenario_note(s); /* the map stays large */
    }
    cf_hub_deinit(&hub);
}

/* ---- the directory ---- */

static void directory(struct scenario *s)
{
    struct cf_directory *directory = cf_directory_new(3, hash_key);
    struct cf_seat *seats[24] = {NULL};
    size_t taken = 0;
    if (!MADE(s, directory))
        return;
    for (uint8_t i = 0; i < CF_ARRAY_LEN(seats); i++) {
        const uint8_t user[] = {'u', (uint8_t)('0' + i / 2)};
        bool came;
        (void)RETRIED(s, cf_directory_sit(directory, cf_slice_of(user, 2), CF_LIT("name"),
                                          room_number(i / 6), (struct cf_seat_place){0, i},
                                          &seats[i], &came));
        assert_non_null(seats[i]);
        assert_int_equal(came, i % 2 == 0); /* a try that failed has left nobody there */
        assert_int_equal(cf_directory_streams(directory), ++taken);
    }
    assert_int_equal(cf_directory_rooms(directory), 4);
    for (size_t i = 0; i < CF_ARRAY_LEN(seats); i++) {
        long failed = fault_failed();
        bool went;
        cf_directory_rise(directory, seats[i], &went);
        assert_int_equal(went, i % 2 == 1);
        if (fault_failed() > failed)
            scenario_note(s);
    }
    assert_int_equal(cf_directory_rooms(directory), 0);
    cf_directory_free(directory);
}

/* ---- rates and attempts ---- */

static void rates(struct scenario *s)
{
    struct cf_rates *rates = cf_rates_new(2, 20, hash_key);
    cf_ms retry;
    s->hides = true;
    if (!MADE(s, rates))
        return;
    for (uint8_t i = 0; i < 40; i++)
        (void)RETRIED(s, cf_rates_take(rates, cf_slice_of(&i, 1), 1000 + i, &retry));
    cf_rates_free(rates);
}

static void attempts(struct scenario *s)
{
    struct cf_attempts *attempts = cf_attempts_new(3, 20, hash_key);
    cf_ms retry;
    s->hides = true;
    if (!MADE(s, attempts))
        return;
    for (uint8_t i = 0; i < 40; i++)
        (void)RETRIED(s, cf_attempts_take(attempts, cf_slice_of(&i, 1), 1000 + i, &retry));
    cf_attempts_free(attempts);
}

static void origins(struct scenario *s)
{
    struct cf_arena arena;
    struct cf_origin_list list;
    struct cf_slice bad;
    cf_arena_init(&arena, 65536);
    if (RETRIED(s, cf_origin_list_parse(CF_LIT("https://A.example, https://b.example:8443"), &arena,
                                        &list, &bad)))
        assert_true(cf_origin_allowed(&list, CF_LIT("https://a.example")));
    cf_arena_deinit(&arena);
}

/* ---- tokens, with OpenSSL's own allocations ---- */

static struct keys *keys;

/* OpenSSL goes on without some of what it asks for (error texts, caches). The verifier is made and
 * a token verified; what says CF_E_NOMEM works with memory. */
static void verify_kind(struct scenario *s, enum kind kind, const struct cf_buf *token)
{
    struct cf_jwt_config config = {.secret = {NULL, 0}};
    struct cf_jwt_verifier *verifier = NULL;
    const char *why = NULL;
    s->hides = true;
    if (kind == HS256)
        config.secret = cf_slice_cstr(secret);
    else
        config.public_key_pem = cf_buf_peek(&keys->pem[kind]);
    enum cf_error error = cf_jwt_verifier_new(&config, hash_key, &verifier, &why);
    /* OpenSSL's decoders of keys do not always say why they failed. */
    if (error != CF_OK && (error == CF_E_NOMEM || (kind != HS256 && error == CF_E_INVALID))) {
        assert_null(verifier);
        scenario_note(s);
        fault_heal();
        error = cf_jwt_verifier_new(&config, hash_key, &verifier, &why);
    }
    assert_int_equal(error, CF_OK);
    assert_int_equal(ERR_peek_error(), 0);
    assert_non_null(verifier);
    error = verify(verifier, cf_buf_peek(token));
    /* Nor do its signatures: a few allocations of theirs that fail look like a wrong one. */
    if (error == CF_E_NOMEM || (kind != HS256 && error == CF_E_UNAUTHENTICATED)) {
        scenario_note(s);
        fault_heal();
        error = verify(verifier, cf_buf_peek(token));
    }
    assert_int_equal(error, CF_OK);
    cf_jwt_verifier_free(verifier);
}

static void verify_token(struct scenario *s, enum kind kind)
{
    struct cf_buf token;
    cf_buf_init(&token, TOKEN_MAX);
    fault_pause();
    put_good_token(&token, keys, kind,
                   "{\"sub\":\"ann\",\"name\":\"Ann \\u00e9\",\"exp\":1800000100}");
    fault_resume();
    verify_kind(s, kind, &token);
    cf_buf_deinit(&token);
}

static void jwt_hs256(struct scenario *s)
{
    verify_token(s, HS256);
}

static void jwt_rs256(struct scenario *s)
{
    verify_token(s, RS256);
}

static void jwt_es256(struct scenario *s)
{
    verify_token(s, ES256);
}

static void jwt_eddsa(struct scenario *s)
{
    verify_token(s, EDDSA);
}

static void jwt_sign(struct scenario *s)
{
    struct cf_buf token;
    s->hides = true;
    cf_buf_init(&token, TOKEN_MAX);
    (void)RETRIED(
        s, cf_jwt_sign(cf_slice_cstr(secret), CF_LIT("{\"sub\":\"ann\",\"exp\":1}"), &token));
    fault_heal();
    assert_int_equal(verify(keys->verifiers[HS256], cf_buf_peek(&token)), CF_E_EXPIRED);
    cf_buf_deinit(&token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENARIO(hub),
        SCENARIO(directory),
        SCENARIO(rates),
        SCENARIO(attempts),
        SCENARIO(origins),
        SCENARIO(jwt_hs256),
        SCENARIO_SOME(jwt_rs256, 60),
        SCENARIO_SOME(jwt_es256, 60),
        SCENARIO_SOME(jwt_eddsa, 60),
        SCENARIO(jwt_sign),
    };
    if (!openssl_may_fail())
        return 1;
    make_keys((void **)&keys);
    int status = cmocka_run_group_tests_name("oom chat", tests, NULL, NULL);
    free_keys((void **)&keys);
    return status;
}
