/* Reading what the server has sent: JSON that must be right, or the run has failed. */
#ifndef CF_SIM_JSON_H
#define CF_SIM_JSON_H

#include "json/value.h"

/* The fields of an object; slices live in `arena`. False: it is no such object. */
bool sim_json_read(struct cf_slice text, struct cf_arena *arena, struct cf_json_field *fields,
                   size_t count);
/* Each element of an array whose elements are objects. */
void sim_json_each(struct cf_slice array, void (*visit)(void *context, struct cf_slice object),
                   void *context);

#endif
