/* printf into a buffer, for the edges of the program: messages, help, metrics. */
#ifndef CF_SERVER_TEXT_H
#define CF_SERVER_TEXT_H

#include "base/buf.h"

/* CF_E_TOO_LARGE, CF_E_NOMEM; the buffer is then as it was. */
enum cf_error cf_text_append(struct cf_buf *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The buffer's text with a NUL behind it, valid until the buffer changes; "" without memory. */
const char *cf_text_cstr(struct cf_buf *buf);

#endif
