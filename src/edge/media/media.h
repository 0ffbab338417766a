/* Uploaded files: streamed to a temporary name, synced, then renamed into place, so that a name
 * that is handed out always holds a whole file. All file work runs in libuv's thread pool; the loop
 * never waits for a disk.
 *
 * Names are given by the server (a UUID and an extension), never by a client: nothing that a peer
 * sends is ever part of a path (hazard V23). */
#ifndef CF_EDGE_MEDIA_H
#define CF_EDGE_MEDIA_H

#include <uv.h>

#include "base/buf.h"

enum { CF_MEDIA_NAME_MAX = 64, CF_MEDIA_DIR_MAX = 3968, CF_MEDIA_CHUNK = 65536 };

/* A directory of files; immutable after open, shared by all threads. */
struct cf_media {
    char path[CF_MEDIA_DIR_MAX];
};

/* Makes `path` and `path`/tmp (mode 0700) if they are missing. Unless `keep`, removes what
 * unfinished uploads left in the latter. CF_E_IO with one line in `why`. */
enum cf_error cf_media_open(struct cf_media *media, const char *path, bool keep,
                            struct cf_buf *why);

/* A file that is being written. One operation at a time: `done` tells when the next may begin. */
struct cf_media_writer;

/* The operation is over: CF_OK, CF_E_FULL (disk or quota of the system; logged), CF_E_IO (logged),
 * CF_E_NOMEM. Never called from inside a call. */
typedef void cf_media_done(void *context, enum cf_error error);

/* Creates the temporary file `name`; `done` with the result. NULL without memory. */
struct cf_media_writer *cf_media_writer_new(const struct cf_media *media, uv_loop_t *loop,
                                            const char *name, cf_media_done *done, void *context);
/* Opens the temporary file `name`, or creates it, to go on where it ends: cf_media_writer_size. It
 * outlives this writer unless it is committed, under the same name: cf_media_discard removes it.
 * `name` may have been committed by an earlier writer, whose caller could not tell anybody: the
 * writer is then as after its commit. `done` with the result. NULL without memory.
 *
 * Two of them on one name at once are the caller's to prevent; one that was freed while it was busy
 * does no harm. */
struct cf_media_writer *cf_media_writer_resume(const struct cf_media *media, uv_loop_t *loop,
                                               const char *name, cf_media_done *done,
                                               void *context);
/* Bytes in the file: what was there, and what has been written since, that of a write that failed
 * half way included. */
uint64_t cf_media_writer_size(const struct cf_media_writer *writer);
/* It has its final name. */
bool cf_media_writer_committed(const struct cf_media_writer *writer);
/* Makes what was written durable under its temporary name. The errors of cf_media_write. When it or
 * the sync of a commit fails nobody knows what the disk has: the file is removed, its size 0. */
enum cf_error cf_media_sync(struct cf_media_writer *writer);
/* Appends a copy of `bytes`. CF_E_NOMEM; CF_E_STATE while another operation runs, after one that
 * failed, and after the commit. No `done` then. */
enum cf_error cf_media_write(struct cf_media_writer *writer, struct cf_slice bytes);
/* Appends what is in `bytes` without a copy: its memory goes over to the writer, and the buffer is
 * empty. The same errors; the buffer is as it was. */
enum cf_error cf_media_write_take(struct cf_media_writer *writer, struct cf_buf *bytes);
/* Syncs, renames to the final `name`, syncs the directory. The same errors. */
enum cf_error cf_media_commit(struct cf_media_writer *writer, const char *name);
/* Frees the writer when what runs has ended; no `done` any more. A file whose commit was not told
 * of is removed, in the thread pool, too, unless the writer is a resumed one. */
void cf_media_writer_free(struct cf_media_writer *writer);

/* A file that is being read. One operation at a time. */
struct cf_media_reader;

/* The next bytes (empty: the end), valid for the call; CF_E_NOT_FOUND, CF_E_IO. After opening: no
 * bytes and the file's size in *size. */
typedef void cf_media_read_done(void *context, enum cf_error error, struct cf_slice bytes,
                                uint64_t size);

/* Opens `name`; `done` with its size. NULL without memory. */
struct cf_media_reader *cf_media_reader_new(const struct cf_media *media, uv_loop_t *loop,
                                            const char *name, cf_media_read_done *done,
                                            void *context);
/* Reads at most CF_MEDIA_CHUNK bytes on. CF_E_STATE while another operation runs. */
enum cf_error cf_media_read(struct cf_media_reader *reader);
/* Where the next read begins; once it is open and nothing runs. */
void cf_media_seek(struct cf_media_reader *reader, uint64_t offset);
/* Its file descriptor, for cf_conn_send_file; the reader's own. */
int cf_media_reader_fd(const struct cf_media_reader *reader);
/* Frees the reader when what runs has ended; no `done` any more. */
void cf_media_reader_free(struct cf_media_reader *reader);

/* Removes a file in the background; a failure is logged. */
void cf_media_remove(const struct cf_media *media, uv_loop_t *loop, struct cf_slice name);
/* Removes the files of that name, the temporary one and the final one, those that are there, and
 * syncs the directories; `done` with CF_OK when none is there any more, CF_E_IO (logged) else.
 * CF_E_NOMEM, CF_E_IO: no `done`. */
enum cf_error cf_media_discard(const struct cf_media *media, uv_loop_t *loop, const char *name,
                               cf_media_done *done, void *context);

#endif
