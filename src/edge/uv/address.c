#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "edge/uv/conn.h"

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* A socket whose peer has gone has no address any more: all zero then. */
void cf_conn_peer(const struct cf_conn *conn, struct cf_address *out_address)
{
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);
    memset(&storage, 0, sizeof(storage));
    memset(out_address, 0, sizeof(*out_address));
    if (conn->fd < 0 || getpeername(conn->fd, (struct sockaddr *)&storage, &len) != 0)
        return;
    if (storage.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&storage;
        memcpy(out_address->ip, v4_mapped, sizeof(v4_mapped));
        memcpy(out_address->ip + sizeof(v4_mapped), &v4->sin_addr, 4);
        out_address->port = ntohs(v4->sin_port);
    } else if (storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&storage;
        memcpy(out_address->ip, &v6->sin6_addr, 16);
        out_address->port = ntohs(v6->sin6_port);
    } else if (storage.ss_family == AF_UNIX) {
        out_address->ip[15] = 1;
        out_address->is_unix = true;
    }
}

static bool is_v4(const struct cf_address *address)
{
    return memcmp(address->ip, v4_mapped, sizeof(v4_mapped)) == 0;
}

void cf_address_text(const struct cf_address *address, char out[CF_ADDRESS_TEXT])
{
    if (is_v4(address))
        inet_ntop(AF_INET, address->ip + sizeof(v4_mapped), out, CF_ADDRESS_TEXT);
    else
        inet_ntop(AF_INET6, address->ip, out, CF_ADDRESS_TEXT);
}

/* 127.0.0.0/8 (RFC 1122 section 3.2.1.3) and ::1 (RFC 4291 section 2.5.3). */
bool cf_address_is_loopback(const struct cf_address *address)
{
    static const uint8_t v6_loopback[16] = {[15] = 1};
    if (is_v4(address))
        return address->ip[12] == 127;
    return memcmp(address->ip, v6_loopback, sizeof(v6_loopback)) == 0;
}
