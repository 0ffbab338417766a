/* Scenarios that run out of memory: each is run once to count its allocations, and then with the
 * i-th of them failing, for all i, in both ways of fault.h.
 *
 *     static void post(struct scenario *s)
 *     {
 *         struct thing *thing = NULL;
 *         if (TRIED(s, cf_thing_new(&thing)) && TRIED(s, cf_thing_use(thing)))
 *             ...
 *         cf_thing_free(thing);
 *     }
 *
 * What is demanded each time: nothing but CF_OK and CF_E_NOMEM was returned (and without a failed
 * allocation only CF_OK, no CF_E_NOMEM); a failure was answered with an error (or is known to be
 * harmless: `hides`, scenario_note); every block is given back; and at the end the scenario runs
 * through as if nothing had happened. */
#ifndef CF_OOM_SCENARIO_H
#define CF_OOM_SCENARIO_H

#include "unit/base/support.h"

#include <stdio.h>

#include "base/error.h"
#include "oom/fault.h"

struct scenario {
    bool hides;            /* some failures are harmless: a table that cannot shrink stays large */
    long answered;         /* calls that said that there was no memory */
    enum cf_error strange; /* an error that is neither */
    const char *at;        /* ... and the call that returned it */
};

typedef void scenario_fn(struct scenario *s);

/* Notes the answer; true: go on. */
static inline bool scenario_took(struct scenario *s, enum cf_error error, const char *call)
{
    if (error == CF_OK)
        return true;
    if (error == CF_E_NOMEM)
        s->answered++;
    if (error != CF_E_NOMEM && s->strange == CF_OK) {
        s->strange = error;
        s->at = call;
    }
    return false;
}

/* The call returned CF_OK. */
#define TRIED(s, call) scenario_took((s), (call), #call)
/* The call gave something. */
#define MADE(s, call) scenario_took((s), (call) != NULL ? CF_OK : CF_E_NOMEM, #call)
/* A call that leaves its object as it was when it fails: with memory again it works. */
#define RETRIED(s, call) (TRIED(s, call) || (fault_heal(), TRIED(s, call)))

/* A failure that need not be told, for nothing is lost by it. */
static inline void scenario_note(struct scenario *s)
{
    s->answered++;
}

struct scenario_tally {
    long allocations, runs, answered;
};

/* How far apart the allocations are that fail: CONFAB_OOM_RUNS=0 asks for all of them. */
static inline long scenario_step(long allocations, long runs_max)
{
    const char *text = getenv("CONFAB_OOM_RUNS");
    if (text != NULL)
        runs_max = atol(text);
    return runs_max > 0 ? allocations * 2 / runs_max + 1 : 1;
}

/* CONFAB_OOM_AT=I asks for the I-th allocation alone, to look at one failure. */
static inline bool scenario_wanted(long at)
{
    const char *text = getenv("CONFAB_OOM_AT");
    return text == NULL || atol(text) == at;
}

static inline void scenario_check(const char *name, scenario_fn *scenario, long at, bool forever,
                                  struct scenario_tally *tally)
{
    struct scenario s = {0};
    long live = fault_live();
    fault_begin(at, forever);
    scenario(&s);
    tally->allocations = fault_end();
    if (s.strange != CF_OK)
        fail_msg("%s, allocation %ld%s: %s: %s", name, at, forever ? " and on" : "", s.at,
                 cf_error_name(s.strange));
    if (s.answered > 0 ? fault_failed() == 0 : fault_failed() > 0 && !s.hides)
        fail_msg("%s, allocation %ld%s: %ld failed, %ld answered", name, at,
                 forever ? " and on" : "", fault_failed(), s.answered);
    if (fault_live() != live)
        fail_msg("%s, allocation %ld%s: %ld blocks lost", name, at, forever ? " and on" : "",
                 fault_live() - live);
    tally->runs += at > 0;
    tally->answered += at > 0 && s.answered > 0;
}

/* About `runs_max` runs, at most, unless CONFAB_OOM_RUNS says how many. */
static inline void scenario_run_some(const char *name, scenario_fn *scenario, long runs_max)
{
    struct scenario_tally tally = {0};
    scenario_check(name, scenario, 0, false, &tally); /* what is made once a process is made now */
    scenario_check(name, scenario, 0, false, &tally);
    long count = tally.allocations, step = scenario_step(count, runs_max);
    for (int forever = 0; forever < 2; forever++)
        for (long at = 1 + forever * (step / 2); at <= count; at += step)
            if (scenario_wanted(at))
                scenario_check(name, scenario, at, forever != 0, &tally);
    scenario_check(name, scenario, 0, false, &tally);
    printf("oom %-28s %6ld allocations %7ld runs %7ld answered\n", name, count, tally.runs,
           tally.answered);
}

/* For tables of scenarios: one cmocka test each. */
struct scenario_case {
    const char *name;
    scenario_fn *scenario;
    long runs_max; /* 0: all */
};

static inline void scenario_test(void **state)
{
    const struct scenario_case *c = *state;
    scenario_run_some(c->name, c->scenario, c->runs_max);
}

#define SCENARIO(function)                                            \
    {                                                                 \
#function, scenario_test, NULL, NULL, &(struct scenario_case) \
        {                                                             \
#function, function, 0                                    \
        }                                                             \
    }
#define SCENARIO_SOME(function, runs)                                 \
    {                                                                 \
#function, scenario_test, NULL, NULL, &(struct scenario_case) \
        {                                                             \
#function, function, runs                                 \
        }                                                             \
    }

#endif
