/* multipart/form-data: each body runs whole, byte by byte and in random splits, with the same
 * result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "wire/http/multipart.h"

#define PART(name) "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n"

static char out[8192];

static const char *run(struct cf_slice input, unsigned split)
{
    struct cf_multipart multipart;
    size_t len = 0;
    unsigned state = split;
    out[0] = '\0';
    assert_int_equal(cf_multipart_init(&multipart, CF_LIT("multipart/form-data; boundary=XX")),
                     CF_OK);
    enum cf_error error = CF_OK;
    while (error == CF_OK && input.len > 0) {
        state = state * 1664525u + 1013904223u;
        size_t size = split == 0 ? input.len : split == 1 ? 1 : 1 + (state >> 16) % 12;
        /* A copy of its own size, so that a sanitizer sees a read beyond the piece or after it. */
        struct cf_slice piece = cf_slice_head(input, size);
        uint8_t *copy = malloc(piece.len);
        assert_non_null(copy);
        memcpy(copy, piece.ptr, piece.len);
        piece = cf_slice_of(copy, piece.len);
        struct cf_multipart_event event = {.type = CF_MULTIPART_END};
        input = cf_slice_skip(input, size);
        while (error == CF_OK && event.type != CF_MULTIPART_NEED_MORE) {
            error = cf_multipart_next(&multipart, &piece, &event);
            if (error != CF_OK)
                len += (size_t)snprintf(out + len, sizeof(out) - len, "!%s", cf_error_name(error));
            else if (event.type == CF_MULTIPART_PART)
                len += (size_t)snprintf(
                    out + len, sizeof(out) - len, "[%.*s%s%.*s:", (int)event.name.len,
                    (const char *)event.name.ptr, event.filename.ptr != NULL ? "," : "",
                    (int)event.filename.len, (const char *)event.filename.ptr);
            else if (event.type == CF_MULTIPART_DATA)
                len += (size_t)snprintf(out + len, sizeof(out) - len, "%.*s", (int)event.data.len,
                                        (const char *)event.data.ptr);
            else if (event.type != CF_MULTIPART_NEED_MORE)
                len += (size_t)snprintf(out + len, sizeof(out) - len, "%s",
                                        event.type == CF_MULTIPART_PART_END ? "]" : ".");
        }
        free(copy);
    }
    cf_multipart_deinit(&multipart);
    return out;
}

static void expect(const char *body, const char *wanted)
{
    for (unsigned split = 0; split <= 30; split++) {
        if (strcmp(run(cf_slice_cstr(body), split), wanted) != 0)
            fail_msg("%s: split %u gives %s, not %s", body, split, out, wanted);
    }
}

static void test_bodies(void **state)
{
    (void)state;
    expect("--XX\r\n" PART("a") "b\r\n--XX--\r\n", "[a:b].");
    expect("--XX\r\n" PART("a") "b\r\n--XX--", "[a:b].");
    expect("--XX\r\n" PART("a") "\r\n--XX--", "[a:].");
    expect("--XX\r\n" PART("a") "--XX--", "[a:].");
    expect("--XX\r\n" PART("a") "b\r\n--XX\r\n" PART("c") "d\r\n--XX--", "[a:b][c:d].");
    expect("\r\n--XX\r\n" PART("a") "b\r\n--XX--", "[a:b].");
    expect("preamble\r\n--XX\r\n" PART("a") "b\r\n--XX--epilogue\r\n--XX\r\n", "[a:b].");
    expect("--XX \t\r\n" PART("a") "b\r\n--XX--", "[a:b].");
    expect("--XX\r\nContent-Type: text/plain\r\nContent-Disposition: FORM-DATA; "
           "name=a\r\n\r\nb\r\n--XX--",
           "[a:b].");
    expect("--XX\r\nContent-Disposition: form-data; name=\"a\"; filename=\"../b "
           "c.png\"\r\n\r\nx\r\n--XX--",
           "[a,../b c.png:x].");
    expect(
        "--XX\r\nContent-Disposition: form-data; name=\"a\"; filename*=UTF-8''b\r\n\r\nx\r\n--XX--",
        "[a:x].");
    expect("--XX--", ".");
    expect("--XX\r\nContent-Disposition: form-data ; name = a ; filename=\"b;c=d.png\" ; "
           "x=y;\r\n\r\nx\r\n--XX--",
           "[a,b;c=d.png:x].");
    /* Browsers send a backslash of a file's name as it is, other clients escape quotes by it. */
    expect("--XX\r\nContent-Disposition: form-data; name=a; filename=\"b\\c \\\"d\\\".png\""
           "\r\n\r\nx\r\n--XX--",
           "[a,b\\c \\\"d\\\".png:x].");
    expect("--XX\r\nContent-Disposition: form-data; name=a; filename=\"\"\r\n\r\n\r\n--XX--",
           "[a,:].");
}

static void test_false_delimiters(void **state)
{
    (void)state;
    expect("--XX\r\n" PART("a") "\r\n--X\r\n--XX--", "[a:\r\n--X].");
    expect("--XX\r\n" PART("a") "\r\r\n-\r\n--\r\n--X\r\r\n--XX--", "[a:\r\r\n-\r\n--\r\n--X\r].");
    expect("--XX\r\n" PART("a") "x--XX\r\n--XX--", "[a:x--XX].");
    expect("--XX\r\n" PART("a") "-\r\n--XX--", "[a:-].");
    expect("--XX\r\n" PART("a") "--X\r\n--XX--", "[a:--X].");
    expect("--XX\r\n" PART("a") "\r\r\r\n\r\n--XX--", "[a:\r\r\r\n].");
    expect("--XX\r\n" PART("a") "\n--XX\r\n--XX--", "[a:\n--XX].");
}

static void test_refused(void **state)
{
    (void)state;
    expect("--XX\r\n\r\nb\r\n--XX--", "!E_SYNTAX");
    expect("--XX\r\nContent-Type: text/plain\r\n\r\nb\r\n--XX--", "!E_SYNTAX");
    expect("--XX\r\nContent-Disposition: attachment; name=a\r\n\r\nb", "!E_SYNTAX");
    expect("--XX\r\nContent-Disposition: form-data\r\n\r\nb", "!E_SYNTAX");
    expect("--XX\r\nContent-Disposition: form-data; name=\"\"\r\n\r\nb", "!E_SYNTAX");
    expect("--XX\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb", "!E_SYNTAX");
    expect("--XX\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\nb", "!E_SYNTAX");
    expect("--XX\r\nContent-Disposition: form-data; name=\"a\\\"\r\n\r\nb", "!E_SYNTAX");
    expect("--XX\r\nContent-Disposition: form-data; name=\"a\"b\r\n\r\nb", "!E_SYNTAX");
    expect("--XX\r\nContent-Disposition: form-data; x; name=a\r\n\r\nb", "!E_SYNTAX");
    expect("--XX\r\nContent-Disposition: form-data; =x; name=a\r\n\r\nb", "!E_SYNTAX");
    expect("--XX\r\nContent-Disposition: form-data name=a\r\n\r\nb", "!E_SYNTAX");
    expect("--XX\r\n folded\r\n" PART("a"), "!E_SYNTAX");
    expect("--XX\rX", "!E_SYNTAX");
    expect("--XX\n" PART("a"), "!E_SYNTAX");
    expect("--XX \n" PART("a"), "!E_SYNTAX");
    expect("--XX x\r\n" PART("a"), "!E_SYNTAX");
    expect(
        "--XX\r\n"
        "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\n",
        "!E_SYNTAX");
    expect("--XX\r\nA : b\r\n" PART("a"), "!E_SYNTAX");
    expect("--XX\r\nA: b\n" PART("a"), "!E_SYNTAX");
    expect("--XXX\r\n" PART("a") "b\r\n--XX--", "!E_SYNTAX");
    expect("--XX-\r\n", "!E_SYNTAX");
    /* What has no end has no end event. */
    expect("--XX\r\n" PART("a") "b", "[a:b");
    expect("no delimiter at all", "");
}

static void test_limits(void **state)
{
    char body[16384] = "";
    (void)state;
    for (int i = 0; i < 16; i++)
        strcat(body, "--XX\r\n" PART("a") "\r\n");
    strcat(body, "--XX--");
    assert_non_null(strstr(run(cf_slice_cstr(body), 0), "[a:]."));
    body[strlen(body) - 2] = '\0';
    strcat(body, "\r\n" PART("a") "\r\n--XX--");
    assert_non_null(strstr(run(cf_slice_cstr(body), 0), "!E_TOO_MANY"));
    /* The headers of a part, with all their CRLFs and the empty line: 4096 bytes. */
    for (int bytes = 4095; bytes <= 4097; bytes++) {
        int zeros = bytes - (int)strlen("A: \r\n" PART("a"));
        snprintf(body, sizeof(body), "--XX\r\nA: %0*d\r\n" PART("a"), zeros, 0);
        for (unsigned split = 0; split <= 5; split++)
            assert_string_equal(run(cf_slice_cstr(body), split),
                                bytes <= 4096 ? "[a:" : "!E_TOO_LARGE");
    }
}

static void test_content_types(void **state)
{
    static const struct {
        const char *type;
        enum cf_error error;
    } types[] = {
        {"multipart/form-data; boundary=a", CF_OK},
        {"Multipart/Form-Data;boundary=\"a b\"", CF_OK},
        {"multipart/form-data; charset=x; boundary=a", CF_OK},
        {"multipart/form-data; "
         "boundary=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg",
         CF_OK},
        {"multipart/form-data; "
         "boundary=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg1",
         CF_E_SYNTAX},
        {"multipart/form-data", CF_E_SYNTAX},
        {"multipart/form-data; boundary=", CF_E_SYNTAX},
        {"multipart/form-data; boundary=\"\"", CF_E_SYNTAX},
        {"multipart/form-data; boundary=\"a", CF_E_SYNTAX},
        {"multipart/form-data; boundary=\"a \"", CF_E_SYNTAX},
        {"multipart/form-data; boundary=a@", CF_E_SYNTAX},
        {"multipart/form-data; boundary=a; boundary=b", CF_E_SYNTAX},
        {"multipart/mixed; boundary=a", CF_E_UNSUPPORTED},
        {"application/json", CF_E_UNSUPPORTED},
        {"", CF_E_UNSUPPORTED},
    };
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(types); i++) {
        struct cf_multipart multipart;
        if (cf_multipart_init(&multipart, cf_slice_cstr(types[i].type)) != types[i].error)
            fail_msg("%s", types[i].type);
        cf_multipart_deinit(&multipart);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),        cmocka_unit_test(test_false_delimiters),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_limits),
        cmocka_unit_test(test_content_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
