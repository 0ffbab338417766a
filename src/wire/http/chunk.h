/* The line before a chunk (RFC 9112 section 7.1). */
#ifndef CF_WIRE_HTTP_CHUNK_H
#define CF_WIRE_HTTP_CHUNK_H

#include "base/error.h"
#include "base/slice.h"

/* A chunk's line, without its CRLF: the size, at most 16 digits, and extensions, which are checked
 * and mean nothing. White space around the parts of an extension, which senders must not make
 * (RFC 9112 section 7.1.1), is refused: parsers that differ about it see different chunks (hazard
 * V1). CF_E_SYNTAX. */
enum cf_error cf_http_parse_chunk_line(struct cf_slice line, uint64_t *out_size);

#endif
