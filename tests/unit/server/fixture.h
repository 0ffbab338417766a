/* What the tests of the configuration stand on: an environment that a test lists, and a folder that
 * goes when the test ends. */
#ifndef CF_TESTS_UNIT_SERVER_FIXTURE_H
#define CF_TESTS_UNIT_SERVER_FIXTURE_H

#include "unit/base/support.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config.h"
#include "server/text.h"

extern char **environ;

struct fixture {
    char **environment; /* the program's own */
    char *entries[16];
    char dir[64];
    struct cf_config config;
    struct cf_buf why, out;
};

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return 1;
    f->environment = environ;
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/confab-server-XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        return 1;
    environ = f->entries;
    cf_arena_init(&f->config.arena, 4096);
    cf_buf_init(&f->why, 65536);
    cf_buf_init(&f->out, 65536);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    environ = f->environment;
    cf_config_deinit(&f->config);
    cf_buf_deinit(&f->why);
    cf_buf_deinit(&f->out);
    int status = rmdir(f->dir); /* fails when a test leaves a file behind */
    free(f);
    return status;
}

/* Adds "KEY=value" to the environment. */
static inline void set(struct fixture *f, const char *entry)
{
    size_t i = 0;
    while (f->entries[i] != NULL)
        i++;
    assert_true(i + 1 < CF_ARRAY_LEN(f->entries));
    f->entries[i] = (char *)entry;
}

static inline void unset_all(struct fixture *f)
{
    memset(f->entries, 0, sizeof(f->entries));
}

/* Loads anew, with the listed environment. */
static inline enum cf_error load(struct fixture *f, const char *file)
{
    cf_config_deinit(&f->config);
    cf_buf_reset(&f->why);
    return cf_config_load(&f->config, file, &f->why);
}

#define assert_why(f, text) assert_string_equal(cf_text_cstr(&(f)->why), text)

#endif
