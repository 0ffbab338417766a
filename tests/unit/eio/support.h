/* What the tests of eio share: scripts whose telling is compared. */
#ifndef CF_TESTS_UNIT_EIO_SUPPORT_H
#define CF_TESTS_UNIT_EIO_SUPPORT_H

#include "unit/base/support.h"

#include "unit/eio/script.h"

struct scene {
    const char *name;
    const char *steps;
    const char *told;
};

/* Past the handshake: a polling session has had its first GET answered. */
static inline void begin(struct script *script, enum cf_eio_transport transport)
{
    script_init(script, &SCRIPT_CONFIG, transport);
    if (transport == CF_EIO_POLLING)
        script_run(script, CF_LIT("poll"));
    cf_buf_reset(&script->told);
}

/* What was told since the last look. */
static inline void assert_told(struct script *script, const char *name, const char *expected)
{
    struct cf_slice told = cf_buf_peek(&script->told);
    if (!cf_slice_eq(told, cf_slice_cstr(expected)))
        fail_msg("%s: \"%.*s\" instead of \"%s\"", name, (int)told.len, (const char *)told.ptr,
                 expected);
    cf_buf_reset(&script->told);
}

static inline void check_scene(const struct scene *scene, enum cf_eio_transport transport)
{
    struct script script;
    begin(&script, transport);
    script_run(&script, cf_slice_cstr(scene->steps));
    assert_told(&script, scene->name, scene->told);
    script_deinit(&script);
}

static inline void check_scenes(const struct scene *scenes, size_t count,
                                enum cf_eio_transport transport)
{
    for (size_t i = 0; i < count; i++)
        check_scene(&scenes[i], transport);
}

#endif
