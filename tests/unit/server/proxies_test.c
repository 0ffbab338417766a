/* Whose X-Forwarded-For is believed, and how far. */
#include "unit/base/support.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "server/proxies.h"
#include "server/text.h"

static enum cf_error parse(struct cf_proxies *proxies, const char *text, struct cf_buf *why)
{
    cf_buf_init(why, 4096);
    return cf_proxies_parse(proxies, cf_slice_cstr(text), why);
}

static struct cf_proxies proxies_of(const char *text)
{
    struct cf_proxies proxies;
    struct cf_buf why;
    assert_int_equal(parse(&proxies, text, &why), CF_OK);
    assert_int_equal(why.len, 0);
    cf_buf_deinit(&why);
    return proxies;
}

/* As a socket tells it: IPv4 mapped into IPv6. */
static struct cf_address address_of(const char *text)
{
    struct cf_address address = {.port = 4711};
    if (inet_pton(AF_INET6, text, address.ip) == 1)
        return address;
    address.ip[10] = address.ip[11] = 0xff;
    assert_int_equal(inet_pton(AF_INET, text, address.ip + 12), 1);
    return address;
}

static void cidrs_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *ip;
        unsigned bits;
    } cases[] = {
        {"10.0.0.0/8", "10.0.0.0", 104},
        {"10.1.2.3", "10.1.2.3", 128},
        {"10.1.2.3/32", "10.1.2.3", 128},
        {"0.0.0.0/0", "0.0.0.0", 96},
        {" 192.168.0.0/16\t", "192.168.0.0", 112},
        {"::1", "::1", 128},
        {"::1/128", "::1", 128},
        {"::/0", "::", 0},
        {"2001:DB8::/33", "2001:db8::", 33},
        {"::ffff:10.0.0.0/104", "10.0.0.0", 104},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         128},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_proxies proxies = proxies_of(cases[i].text);
        struct cf_address ip = address_of(cases[i].ip);
        assert_int_equal(proxies.count, 1);
        assert_memory_equal(proxies.cidrs[0].ip, ip.ip, 16);
        assert_int_equal(proxies.cidrs[0].bits, cases[i].bits);
    }
    assert_int_equal(proxies_of("").count, 0);
    assert_int_equal(proxies_of("10.0.0.0/8, ::1/128,127.0.0.1").count, 3);
}

/* V21: a list with a mistake is no list. */
static void what_is_no_cidr_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *named;
    } cases[] = {
        {"10.0.0.0/33", "10.0.0.0/33"},
        {"::1/129", "::1/129"},
        {"10.0.0.0/", "10.0.0.0/"},
        {"10.0.0.0/-1", "10.0.0.0/-1"},
        {"10.0.0.0/8/8", "10.0.0.0/8/8"},
        {"10.0.0.0 /8", "10.0.0.0 /8"},
        {"10.0.0.0/18446744073709551624", "10.0.0.0/18446744073709551624"},
        {"10.0.0", "10.0.0"},
        {"10.0.0.256", "10.0.0.256"},
        {"010.0.0.1", "010.0.0.1"},
        {"1::2::3", "1::2::3"},
        {"[::1]", "[::1]"},
        {"fe80::1%eth0", "fe80::1%eth0"},
        {"localhost", "localhost"},
        {"/8", "/8"},
        {"0000:0000:0000:0000:0000:0000:255.255.255.2555",
         "0000:0000:0000:0000:0000:0000:255.255.255.2555"},
        {",", ""},
        {"10.0.0.1,", ""},
        {"10.0.0.1,x,10.0.0.2", "x"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_proxies proxies;
        struct cf_buf why;
        char wanted[256];
        (void)snprintf(wanted, sizeof(wanted),
                       "CONFAB_TRUSTED_PROXIES=%s: not at most 32 CIDRs like 10.0.0.0/8",
                       cases[i].named);
        assert_int_equal(parse(&proxies, cases[i].text, &why), CF_E_INVALID);
        assert_string_equal(cf_text_cstr(&why), wanted);
        cf_buf_deinit(&why);
    }
}

static void there_may_be_thirty_two(void **state)
{
    (void)state;
    struct cf_buf text, why;
    struct cf_proxies proxies;
    cf_buf_init(&text, 4096);
    for (int i = 1; i <= CF_PROXIES_MAX + 1; i++) {
        assert_int_equal(cf_text_append(&text, "%s10.0.0.%d", i > 1 ? "," : "", i), CF_OK);
        enum cf_error wanted = i <= CF_PROXIES_MAX ? CF_OK : CF_E_INVALID;
        assert_int_equal(parse(&proxies, cf_text_cstr(&text), &why), wanted);
        assert_int_equal(proxies.count, i <= CF_PROXIES_MAX ? i : CF_PROXIES_MAX);
        cf_buf_deinit(&why);
    }
    cf_buf_deinit(&text);
}

static void a_network_ends_at_its_bits(void **state)
{
    (void)state;
    static const struct {
        const char *cidr, *address;
        bool trusted;
    } cases[] = {
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"10.9.9.9/8", "10.0.0.1", true}, /* bits behind the prefix do not count */
        {"192.168.4.0/22", "192.168.7.255", true},
        {"192.168.4.0/22", "192.168.8.0", false},
        {"192.168.4.0/22", "192.168.3.255", false},
        {"10.0.0.1", "10.0.0.1", true},
        {"10.0.0.1", "10.0.0.0", false},
        {"10.0.0.0/31", "10.0.0.1", true},
        {"10.0.0.0/31", "10.0.0.2", false},
        {"10.0.0.0/8", "::ffff:10.0.0.1", true},
        {"::ffff:10.0.0.0/104", "10.0.0.1", true},
        {"10.0.0.0/8", "::10.0.0.1", false}, /* not mapped: another address */
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.9", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1", "::1", true},
        {"::1", "127.0.0.1", false},
        {"", "127.0.0.1", false},
        {"10.0.0.1,::1,192.168.0.0/16", "192.168.1.1", true},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_proxies proxies = proxies_of(cases[i].cidr);
        struct cf_address address = address_of(cases[i].address);
        assert_int_equal(cf_proxies_trusted(&proxies, &address), cases[i].trusted);
    }
}

/* Only what proxies of ours have appended counts; what a client sends itself stands before it. */
static void the_client_is_the_last_stranger(void **state)
{
    (void)state;
    struct cf_proxies proxies = proxies_of("10.0.0.0/8,fd00::/8");
    static const struct {
        const char *peer, *forwarded, *client;
    } cases[] = {
        /* a peer that is no proxy of ours says what it likes */
        {"203.0.113.9", "", "203.0.113.9"},
        {"203.0.113.9", "10.0.0.1", "203.0.113.9"},
        {"203.0.113.9", "198.51.100.1, 10.0.0.1", "203.0.113.9"},
        /* one proxy */
        {"10.0.0.1", "", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.9", "203.0.113.9"},
        {"10.0.0.1", " 203.0.113.9\t", "203.0.113.9"},
        {"10.0.0.1", "2001:db8::9", "2001:db8::9"},
        {"fd00::1", "203.0.113.9", "203.0.113.9"},
        /* and a client that sent a header of its own */
        {"10.0.0.1", "198.51.100.1,203.0.113.9", "203.0.113.9"},
        {"10.0.0.1", "10.0.0.7, 203.0.113.9", "203.0.113.9"},
        {"10.0.0.1", "127.0.0.1, ::1, 203.0.113.9", "203.0.113.9"},
        {"10.0.0.1", "garbage,,;=\", 203.0.113.9", "203.0.113.9"},
        /* several proxies */
        {"10.0.0.1", "203.0.113.9, 10.0.0.3,10.0.0.2", "203.0.113.9"},
        {"10.0.0.1", "198.51.100.1, 203.0.113.9, fd00::2, 10.0.0.2", "203.0.113.9"},
        {"10.0.0.1", "203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9"},
        /* nobody but proxies: the first of them */
        {"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
        /* what is no address ends the walk at the one before */
        {"10.0.0.1", "203.0.113.9, unknown", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.9, unknown, 10.0.0.2", "10.0.0.2"},
        {"10.0.0.1", "203.0.113.9,", "10.0.0.1"},
        {"10.0.0.1", ",203.0.113.9", "203.0.113.9"},
        {"10.0.0.1", ",10.0.0.2", "10.0.0.2"},
        {"10.0.0.1", ",", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.9:80", "10.0.0.1"},
        {"10.0.0.1", "[2001:db8::9]", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.9/32", "10.0.0.1"},
        {"10.0.0.1", "0000000000000000000000000000000000000000000000000.0.0.1", "10.0.0.1"},
    };
    for (size_t i = 0; i < CF_ARRAY_LEN(cases); i++) {
        struct cf_address peer = address_of(cases[i].peer), wanted = address_of(cases[i].client);
        struct cf_address client =
            cf_proxies_client(&proxies, &peer, cf_slice_cstr(cases[i].forwarded));
        assert_memory_equal(client.ip, wanted.ip, 16);
        bool is_peer = strcmp(cases[i].peer, cases[i].client) == 0;
        assert_int_equal(client.port, is_peer ? 4711 : 0);
    }
}

/* A proxy in front of a Unix socket is trusted by ::1. */
static void a_unix_socket_counts_as_loopback(void **state)
{
    (void)state;
    struct cf_address peer = address_of("::1"), wanted = address_of("203.0.113.9");
    peer.is_unix = true;
    struct cf_proxies proxies = proxies_of("::1"), none = proxies_of("");
    struct cf_address client = cf_proxies_client(&proxies, &peer, CF_LIT("203.0.113.9"));
    assert_memory_equal(client.ip, wanted.ip, 16);
    assert_false(client.is_unix);
    client = cf_proxies_client(&none, &peer, CF_LIT("203.0.113.9"));
    assert_memory_equal(client.ip, peer.ip, 16);
    assert_true(client.is_unix);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(cidrs_are_read),
        cmocka_unit_test(what_is_no_cidr_is_refused),
        cmocka_unit_test(there_may_be_thirty_two),
        cmocka_unit_test(a_network_ends_at_its_bits),
        cmocka_unit_test(the_client_is_the_last_stranger),
        cmocka_unit_test(a_unix_socket_counts_as_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
