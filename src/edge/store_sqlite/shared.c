#include "edge/store_sqlite/shared.h"

#include <sqlite3.h>

void cf_sqlite_refuse(struct cf_store_request *request, enum cf_error error)
{
    request->error = error;
    request->created = request->has_more = false;
    request->total = 0;
    request->rooms_count = request->members_count = request->messages_count = 0;
    request->talks_count = request->talk_messages_count = request->marks_count = 0;
    request->last_number = 0;
    request->group_events_count = 0;
    request->media = (struct cf_group_media){0};
    if (request->op != CF_STORE_GROUP_MEDIA_FORGET)
        request->uuids_count = 0;
    request->old_image = (struct cf_slice){NULL, 0};
}

bool cf_sqlite_is_fatal(int rc)
{
    if (rc == SQLITE_IOERR_NOMEM)
        return false;
    int kind = rc & 0xff;
    return kind == SQLITE_IOERR || kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB;
}
