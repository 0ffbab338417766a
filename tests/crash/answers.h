/* An answer of a store as text: whole, so that two answers are the same when their texts are. A
 * line a thing; what says which thing it is stands before the " | ". */
#ifndef CF_TESTS_CRASH_ANSWERS_H
#define CF_TESTS_CRASH_ANSWERS_H

#include "port/store.h"

struct text {
    char *bytes; /* NUL-terminated; NULL: empty */
    size_t len, cap;
};

void text_deinit(struct text *text);
void text_reset(struct text *text);
bool text_eq(const struct text *a, const struct text *b);
/* Appends it: a long string is shortened and hashed. */
void text_append_answer(struct text *text, const struct cf_store_request *request);

#endif
