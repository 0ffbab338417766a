/* What connections hold of OpenSSL's memory: counted, not guessed. */
#include <stdalign.h>
#include <stdatomic.h>

#include "edge/tls/record.h"
#include "unit/tls/rig.h"

/* An end that OpenSSL keeps is some 17 KB, a client's with its server's certificate; buffers that
 * are kept would be 16 KB more each. */
enum { IDLE_MAX = 20 * 1024 };

static atomic_size_t live_bytes;

union header {
    size_t len;
    max_align_t align;
};

static void *counted_malloc(size_t len, const char *file, int line)
{
    (void)file, (void)line;
    union header *header = len == 0 ? NULL : malloc(sizeof(*header) + len);
    if (header == NULL)
        return NULL;
    header->len = len;
    atomic_fetch_add(&live_bytes, len);
    return header + 1;
}

static void counted_free(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    if (memory == NULL)
        return;
    union header *header = (union header *)memory - 1;
    atomic_fetch_sub(&live_bytes, header->len);
    free(header);
}

static void *counted_realloc(void *memory, size_t len, const char *file, int line)
{
    void *grown = counted_malloc(len, file, line);
    if (memory == NULL)
        return grown;
    size_t had = ((union header *)memory - 1)->len;
    if (grown != NULL)
        memcpy(grown, memory, had < len ? had : len);
    if (grown != NULL || len == 0)
        counted_free(memory, file, line);
    return grown;
}

static int setup(void **state)
{
    static struct pair pair;
    contexts_new(&pair, 0);
    *state = &pair;
    return 0;
}

static int teardown(void **state)
{
    contexts_unref(*state);
    return 0;
}

static void visit(struct pair *pair)
{
    struct cut cut = {.piece = SIZE_MAX};
    pair_connect(pair, &cut);
    pair_end(pair);
}

/* V30: CVE-2024-2511 was a session cache that TLS 1.3 handshakes made grow. */
static void handshakes_leave_nothing(void **state)
{
    for (unsigned i = 0; i < 20; i++)
        visit(*state);
    size_t before = live_bytes;
    for (unsigned i = 0; i < 500; i++)
        visit(*state);
    assert_int_equal(live_bytes, before);
}

static void abandoned_handshakes_leave_nothing(void **state)
{
    struct pair *pair = *state;
    size_t before = 0;
    for (unsigned i = 0; i < 120; i++) {
        if (i == 20)
            before = live_bytes;
        struct cut cut = {.piece = SIZE_MAX};
        end_init(&pair->server, pair->server_context, NULL);
        end_init(&pair->client, pair->client_context, "localhost");
        assert_int_equal(cf_tls_start(pair->client.tls, &pair->client.cipher), CF_OK);
        pair->client.cipher.len -= i % 3 == 0 ? 100 : 0; /* the end of its hello */
        carry(&pair->client, &pair->server, &cut);
        pair_end(pair);
    }
    assert_int_equal(live_bytes, before);
}

/* Traffic, however much at once, leaves a connection as small as it was. */
static void an_idle_connection_is_small(void **state)
{
    struct pair *pair = *state;
    static const uint8_t bytes[256 * 1024];
    struct cut cut = {.piece = SIZE_MAX};
    visit(pair);
    size_t before = live_bytes;
    pair_connect(pair, &cut);
    size_t both = live_bytes - before;
    print_message("an idle client holds %zu bytes\n", both);
    assert_true(both <= IDLE_MAX);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(
            cf_tls_send(pair->client.tls, cf_slice_of(bytes, sizeof(bytes)), &pair->client.cipher),
            CF_OK);
        assert_int_equal(
            cf_tls_send(pair->server.tls, cf_slice_of(bytes, sizeof(bytes)), &pair->server.cipher),
            CF_OK);
        carry_all(&pair->client, &pair->server, &cut);
        assert_int_equal(pair->client.plain.len, (i + 1) * sizeof(bytes));
        assert_true(live_bytes - before <= both);
    }
    pair_end(pair);
    assert_int_equal(live_bytes, before);
}

/* A server's end of TLS 1.3 has nothing of OpenSSL's once its handshake is complete; its keys are
 * all that a million idle connections are made of. */
static void an_idle_server_has_keys_only(void **state)
{
    struct pair *pair = *state;
    struct cut cut = {.piece = SIZE_MAX};
    visit(pair);
    size_t before = live_bytes;
    pair_connect(pair, &cut);
    assert_true(live_bytes > before);
    cf_tls_free(pair->client.tls);
    pair->client.tls = NULL;
    assert_int_equal(live_bytes, before);
    assert_int_equal(cf_tls_send(pair->server.tls, CF_LIT("x"), &pair->server.cipher), CF_OK);
    assert_int_equal(live_bytes, before);
    pair_end(pair);
    if (sizeof(void *) == 8)
        assert_int_equal(sizeof(struct cf_tls_record), 264);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshakes_leave_nothing),
        cmocka_unit_test(abandoned_handshakes_leave_nothing),
        cmocka_unit_test(an_idle_connection_is_small),
        cmocka_unit_test(an_idle_server_has_keys_only),
    };
    if (CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free) != 1)
        return 1;
    return cmocka_run_group_tests(tests, setup, teardown);
}
