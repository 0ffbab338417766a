#include "base/error.h"

#include <stddef.h>

#include "base/assert.h"

struct error_row {
    const char *name;
    enum cf_error_class class;
    unsigned close_code;
    const char *text;
};

static const struct error_row error_table[] = {
#define ERROR_ROW(name, class, close, text) {#name, CF_CLASS_##class, close, text},
    CF_ERROR_MAP(ERROR_ROW)
#undef ERROR_ROW
};

static const struct error_row *row_of(enum cf_error error)
{
    CF_ASSERT((size_t)error < CF_ARRAY_LEN(error_table));
    return &error_table[error];
}

const char *cf_error_name(enum cf_error error)
{
    return row_of(error)->name;
}

const char *cf_error_text(enum cf_error error)
{
    return row_of(error)->text;
}

enum cf_error_class cf_error_class(enum cf_error error)
{
    return row_of(error)->class;
}

unsigned cf_error_close_code(enum cf_error error)
{
    return row_of(error)->close_code;
}
