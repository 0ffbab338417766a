/* What the workloads that move files share. */
#ifndef CF_BENCH_LOAD_MEDIA_H
#define CF_BENCH_LOAD_MEDIA_H

#include "base/uuid.h"
#include "load.h"

enum { LOAD_MIB = 1 << 20, LOAD_HEAD_MAX = 1024 };

/* Makes a group with a thread in it. */
void load_make_thread(const struct load_options *options, char out_thread[CF_UUID_LEN]);
/* The bytes of every file at that place, as many as lie in a row; valid for good. */
struct cf_slice load_file_bytes(uint64_t offset, uint64_t size);
/* The head of a request with a token; `headers`: further lines. Its length. */
size_t load_head_write(char out[LOAD_HEAD_MAX], const struct load_options *options,
                       const char *method, const char *path, const char *headers);

#endif
