/* How the HTTP decoder cuts bytes into requests, to be compared with how another parser does
 * (http_llhttp.test.mjs). On stdin: inputs, each behind its length of four bytes, the highest
 * first. On stdout a line for each: of every request its method, its target and its body in
 * hexadecimal, behind a whole one a tab; then `end`, `!more` (in the midst of one) or `!` and the
 * status of an error. */
#include <stdio.h>
#include <stdlib.h>

#include "wire/http/decoder.h"

enum { INPUT_MAX = 1 << 20 };

static void print_hex(struct cf_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        (void)printf("%02x", bytes.ptr[i]);
}

static void print_event(const struct cf_http_event *event)
{
    if (event->type == CF_HTTP_EVENT_HEAD)
        (void)printf("%.*s %.*s ", (int)event->head->method_text.len,
                     (const char *)event->head->method_text.ptr, (int)event->head->target.len,
                     (const char *)event->head->target.ptr);
    else if (event->type == CF_HTTP_BODY)
        print_hex(event->body);
    else if (event->type == CF_HTTP_END)
        (void)printf("\t");
}

static void cut(struct cf_slice input)
{
    const struct cf_http_limits limits = CF_HTTP_LIMITS_DEFAULT;
    struct cf_http_decoder decoder;
    struct cf_http_event event = {.type = CF_HTTP_END};
    enum cf_error error = CF_OK;
    cf_http_decoder_init(&decoder, CF_HTTP_REQUEST, &limits);
    while (error == CF_OK && event.type != CF_HTTP_NEED_MORE) {
        error = cf_http_next(&decoder, &input, &event);
        if (error == CF_OK)
            print_event(&event);
    }
    if (error != CF_OK)
        (void)printf("!%u\n", cf_http_decoder_status(&decoder));
    else
        (void)printf("%s\n", cf_http_decoder_idle(&decoder) ? "end" : "!more");
    (void)fflush(stdout);
    cf_http_decoder_deinit(&decoder);
}

int main(void)
{
    static uint8_t input[INPUT_MAX];
    uint8_t prefix[4];
    while (fread(prefix, sizeof(prefix), 1, stdin) == 1) {
        size_t len =
            (size_t)prefix[0] << 24 | (size_t)prefix[1] << 16 | (size_t)prefix[2] << 8 | prefix[3];
        if (len > sizeof(input) || fread(input, 1, len, stdin) != len)
            return EXIT_FAILURE;
        cut(cf_slice_of(input, len));
    }
    return EXIT_SUCCESS;
}
