#include "edge/store_sqlite/shared.h"

#include <sqlite3.h>

bool cf_sqlite_is_fatal(int rc)
{
    if (rc == SQLITE_IOERR_NOMEM)
        return false;
    int kind = rc & 0xff;
    return kind == SQLITE_IOERR || kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB;
}
