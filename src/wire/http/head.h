/* From the lines of a head to what they mean (RFC 9112 sections 3 to 6). */
#ifndef CF_WIRE_HTTP_HEAD_H
#define CF_WIRE_HTTP_HEAD_H

#include "wire/http/decoder.h"

/* A request line or a status line, without its CRLF. On an error *out_status is the answer's. */
enum cf_error cf_http_parse_request_line(struct cf_slice line, struct cf_http_head *head,
                                         unsigned *out_status);
enum cf_error cf_http_parse_status_line(struct cf_slice line, struct cf_http_head *head);
/* One header line. CF_E_SYNTAX. */
enum cf_error cf_http_parse_header(struct cf_slice line, struct cf_http_header *out_header);
/* What the headers together say about the body and the connection. */
enum cf_error cf_http_judge_headers(struct cf_http_head *head, enum cf_http_role role,
                                    unsigned *out_status);

#endif
