/* V13: every state meets every input, and what follows is written down in vectors/states:
 *
 *     state NAME polling|websocket STEPS     how it is reached
 *     INPUT => TOLD                          one step more, what it tells
 *
 * Each state has a line for each of `inputs`, in this order. */
#include <stdio.h>

#include "support.h"

static const char *const inputs[] = {
    "poll",       "poll-gone",  "begin", "post:4a",  "post:1", "post:x",  "body:4a",
    "end",        "post-gone",  "probe", "p:2probe", "p:5",    "p:x",     "pb:5",
    "probe-gone", "ws:4a",      "wsb:a", "ws:1",     "ws:x",   "ws-gone", "send:a",
    "sendb:a",    "payload:4a", "close", "abort",    "+1",     "due",
};

struct world {
    char name[64];
    char steps[256];
    enum cf_eio_transport transport;
};

/* However it went on, it can be ended, once. */
static void assert_ends(struct script *script)
{
    bool over = script->over;
    cf_buf_reset(&script->told);
    script_run(script, CF_LIT("abort"));
    assert_true(script->over);
    assert_int_equal(cf_slice_ends(cf_buf_peek(&script->told), CF_LIT("END:LOST")), !over);
    cf_buf_reset(&script->told);
    script_run(script, CF_LIT("abort close probe poll-gone post-gone probe-gone ws-gone +100000"));
    assert_told(script, "after the end", "!STATE");
}

static void check_input(const struct world *world, const char *input, const char *told)
{
    struct script script;
    char name[640];
    begin(&script, world->transport);
    script_run(&script, cf_slice_cstr(world->steps));
    cf_buf_reset(&script.told);
    script_run(&script, cf_slice_cstr(input));
    snprintf(name, sizeof(name), "%s, %s", world->name, input);
    assert_told(&script, name, told);
    assert_ends(&script);
    script_deinit(&script);
}

static void read_state(const char *line, struct world *world)
{
    char transport[16] = "";
    world->steps[0] = '\0';
    assert_true(sscanf(line, "state %63s %15s %255[^\n]", world->name, transport, world->steps) >=
                2);
    bool websocket = strcmp(transport, "websocket") == 0;
    assert_true(websocket || strcmp(transport, "polling") == 0);
    world->transport = websocket ? CF_EIO_WEBSOCKET : CF_EIO_POLLING;
}

static void check_line(char *line, struct world *world, size_t *next)
{
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "state ", 6) == 0) {
        assert_int_equal(*next, CF_ARRAY_LEN(inputs));
        read_state(line, world);
        *next = 0;
        return;
    }
    char *arrow = strstr(line, " =>");
    assert_non_null(arrow);
    *arrow = '\0';
    assert_true(*next < CF_ARRAY_LEN(inputs));
    assert_string_equal(line, inputs[*next]);
    check_input(world, line, arrow[3] == ' ' ? arrow + 4 : arrow + 3);
    (*next)++;
}

static void v13_every_state_meets_every_input(void **state)
{
    (void)state;
    FILE *file = fopen(CONFAB_TEST_DATA "/vectors/states", "r");
    assert_non_null(file);
    struct world world;
    char line[512];
    size_t next = CF_ARRAY_LEN(inputs), lines = 0;
    for (; fgets(line, sizeof(line), file) != NULL; lines++)
        check_line(line, &world, &next);
    assert_int_equal(next, CF_ARRAY_LEN(inputs));
    assert_int_equal(lines, 20 * (1 + CF_ARRAY_LEN(inputs)));
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v13_every_state_meets_every_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
