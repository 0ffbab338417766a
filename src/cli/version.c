#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stdio.h>
#include <uv.h>
#include <zlib.h>

#include "cli/commands.h"

int cf_command_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("confab %s (%s)\n"
           "libuv %s, %s, SQLite %s, zlib %s\n",
           CONFAB_VERSION, CONFAB_BUILD, uv_version_string(), OpenSSL_version(OPENSSL_VERSION),
           sqlite3_libversion(), zlibVersion());
    return CF_EXIT_OK;
}
