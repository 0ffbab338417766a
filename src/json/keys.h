/* Which keys the objects of a text have had, so that a duplicate is found without ever being
 * quadratic (hazard V25). */
#ifndef CF_JSON_KEYS_H
#define CF_JSON_KEYS_H

#include "json/reader.h"

/* Notes a key of the innermost open object. CF_E_DUPLICATE, CF_E_TOO_MANY, CF_E_NOMEM. */
enum cf_error cf_json_keys_add(struct cf_json_reader *reader, struct cf_slice key);
void cf_json_keys_deinit(struct cf_json_reader *reader);

#endif
