/* V18: tokens that are wrong, and how many of them there were. */
#ifndef CF_TESTS_UNIT_AUTH_BAD_H
#define CF_TESTS_UNIT_AUTH_BAD_H

#include "unit/auth/tokens.h"

#define EXP "\"exp\":1800003600"
#define CLAIMS "{\"user_id\":\"ann\"," EXP "}"
#define HEADER "{\"alg\":\"HS256\"}"

static unsigned vectors; /* run so far */

static inline void expect(const struct cf_jwt_verifier *verifier, struct cf_slice token,
                          enum cf_error expected, const char *what)
{
    enum cf_error error = verify(verifier, token);
    vectors++;
    if (error != expected)
        fail_msg("%s: %s", what, cf_error_name(error));
}

#endif
