#include "load_media.h"

#include <stdio.h>

#include "load_setup.h"

void load_make_thread(const struct load_options *options, char out_thread[CF_UUID_LEN])
{
    static const char json[] = "Content-Type: application/json\r\n";
    char group[CF_UUID_LEN], path[LOAD_PATH_MAX], answer[LOAD_REPLY_MAX];
    load_request(options, "POST", "/v1/groups", json, "{\"name\":\"Bench\"}", answer);
    load_find_id(answer, "\"group_id\":\"", group);
    snprintf(path, sizeof(path), "/v1/groups/%.*s/threads", CF_UUID_LEN, group);
    load_request(options, "POST", path, json,
                 "{\"encrypted_title\":\"QmVuY2g=\",\"encrypted_body\":\"QmVuY2g=\"}", answer);
    load_find_id(answer, "\"thread_id\":\"", out_thread);
}

struct cf_slice load_file_bytes(uint64_t offset, uint64_t size)
{
    static uint8_t bytes[LOAD_MIB];
    if (bytes[0] == 0) {
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)(1 + i * 7 + i / 251 * 13);
    }
    size_t at = (size_t)(offset % LOAD_MIB);
    size_t row = LOAD_MIB - at;
    uint64_t left = size - offset;
    return cf_slice_of(bytes + at, left < row ? (size_t)left : row);
}

size_t load_head_write(char out[LOAD_HEAD_MAX], const struct load_options *options,
                       const char *method, const char *path, const char *headers)
{
    struct cf_buf token;
    cf_buf_init(&token, LOAD_HEAD_MAX);
    load_authorize(options, &token);
    int len = snprintf(out, LOAD_HEAD_MAX, "%s %s HTTP/1.1\r\nHost: bench\r\n%s%.*s\r\n", method,
                       path, headers, (int)token.len, (const char *)token.ptr);
    cf_buf_deinit(&token);
    if (len < 0 || len >= LOAD_HEAD_MAX)
        load_die("a head that is too long");
    return (size_t)len;
}
