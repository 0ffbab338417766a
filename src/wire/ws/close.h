/* Close codes of RFC 6455 section 7.4 and the IANA registry. */
#ifndef CF_WIRE_WS_CLOSE_H
#define CF_WIRE_WS_CLOSE_H

#include <stdbool.h>

enum cf_ws_close {
    CF_WS_CLOSE_NORMAL = 1000,
    CF_WS_CLOSE_GOING_AWAY = 1001,
    CF_WS_CLOSE_PROTOCOL = 1002,
    CF_WS_CLOSE_UNSUPPORTED = 1003,
    CF_WS_CLOSE_NO_STATUS = 1005, /* never on the wire */
    CF_WS_CLOSE_ABNORMAL = 1006,  /* never on the wire */
    CF_WS_CLOSE_INVALID_DATA = 1007,
    CF_WS_CLOSE_POLICY = 1008,
    CF_WS_CLOSE_TOO_BIG = 1009,
    CF_WS_CLOSE_INTERNAL = 1011,
    CF_WS_CLOSE_TRY_LATER = 1013,
};

/* May a close frame carry it? 1000-1003, 1007-1014, 3000-4999. */
bool cf_ws_close_valid(unsigned code);

#endif
