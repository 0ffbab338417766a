/* Which servers the client believes: its authorities, the host's name, and nothing that is only
 * nearly right (V30). The server is bare OpenSSL, since ours would not even load some of these. */
#include "unit/tls/rig.h"

static struct identity root;
static struct files files;

static int setup(void **state)
{
    (void)state;
    root = make_identity(&(struct cert_spec){.cn = "Test Root", .authority = true}, NULL);
    files_init(&files);
    write_certs(files.ca, root.cert, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free_identity(&root);
    files_deinit(&files);
    return 0;
}

/* What the client says to a server with this certificate; `between` may be NULL. */
static bool believes(const char *ca_path, const char *host, const struct identity *server,
                     const struct identity *between)
{
    struct cf_buf why;
    struct cf_tls_context *context;
    struct end client;
    struct raw raw;
    cf_buf_init(&why, 1024);
    assert_int_equal(cf_tls_client_new(ca_path, &context, &why), CF_OK);
    SSL_CTX *bare = raw_context(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(bare, server->cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(bare, server->key), 1);
    assert_true(between == NULL || SSL_CTX_add1_chain_cert(bare, between->cert) == 1);
    raw_init(&raw, bare, true);
    end_init(&client, context, host);
    assert_int_equal(cf_tls_start(client.tls, &client.cipher), CF_OK);
    raw_handshake(&raw, &client);
    bool believed = client.handshaken;
    assert_int_equal(client.error, believed ? CF_OK : CF_E_PROTOCOL);
    assert_int_equal(SSL_is_init_finished(raw.ssl), believed);
    assert_int_equal(client.plain.len, 0);
    if (!believed)
        assert_int_equal(cf_tls_send(client.tls, CF_LIT("x"), &client.cipher), CF_E_STATE);
    end_deinit(&client);
    raw_deinit(&raw);
    cf_tls_context_unref(context);
    cf_buf_deinit(&why);
    return believed;
}

/* ---- one certificate under the root ---- */

struct leaf_case {
    const char *what;
    struct cert_spec spec;
    const char *host;
    bool believed;
};

static const struct leaf_case leaf_cases[] = {
    {"the name", {.cn = "x", .san = "DNS:chat.example.com"}, "chat.example.com", true},
    {"its case", {.cn = "x", .san = "DNS:Chat.Example.com"}, "chat.eXample.com", true},
    {"one of names", {.cn = "x", .san = "DNS:a.example,DNS:b.example"}, "b.example", true},
    {"a wildcard", {.cn = "x", .san = "DNS:*.example.com"}, "chat.example.com", true},
    {"IPv4", {.cn = "x", .san = "IP:192.0.2.7"}, "192.0.2.7", true},
    {"IPv6", {.cn = "x", .san = "IP:2001:db8::7"}, "2001:db8::7", true},
    {"IPv6 otherwise", {.cn = "x", .san = "IP:2001:db8::7"}, "2001:db8:0:0::7", true},
    {"for servers", {.cn = "x", .san = "DNS:a.example", .usage = "serverAuth"}, "a.example", true},
    {"RSA", {.cn = "x", .san = "DNS:a.example", .rsa_bits = 2048}, "a.example", true},

    {"expired",
     {.cn = "x", .san = "DNS:a.example", .from_s = -2 * DAY, .to_s = -1},
     "a.example",
     0},
    {"not yet", {.cn = "x", .san = "DNS:a.example", .from_s = HOUR, .to_s = DAY}, "a.example", 0},
    {"another host", {.cn = "x", .san = "DNS:a.example"}, "b.example", false},
    {"a host below", {.cn = "x", .san = "DNS:a.example"}, "www.a.example", false},
    {"a host above", {.cn = "x", .san = "DNS:www.a.example"}, "a.example", false},
    {"a longer name", {.cn = "x", .san = "DNS:a.example"}, "a.example.org", false},
    {"wildcard, two labels", {.cn = "x", .san = "DNS:*.example.com"}, "a.b.example.com", false},
    {"wildcard, no label", {.cn = "x", .san = "DNS:*.example.com"}, "example.com", false},
    {"wildcard, a part", {.cn = "x", .san = "DNS:c*.example.com"}, "chat.example.com", false},
    {"wildcard inside", {.cn = "x", .san = "DNS:a.*.com"}, "a.example.com", false},
    {"wildcard of all", {.cn = "x", .san = "DNS:*"}, "localhost", false},
    {"the common name only", {.cn = "a.example"}, "a.example", false},
    {"common name beside", {.cn = "a.example", .san = "DNS:b.example"}, "a.example", false},
    {"common name of IPv4", {.cn = "192.0.2.7"}, "192.0.2.7", false},
    {"another IPv4", {.cn = "x", .san = "IP:192.0.2.8"}, "192.0.2.7", false},
    {"IPv4 as a name", {.cn = "x", .san = "DNS:192.0.2.7"}, "192.0.2.7", false},
    {"wildcard for IPv4", {.cn = "x", .san = "DNS:*.0.2.7"}, "192.0.2.7", false},
    {"mail address", {.cn = "x", .san = "email:a@a.example"}, "a.example", false},
    {"for clients", {.cn = "x", .san = "DNS:a.example", .usage = "clientAuth"}, "a.example", false},
    {"a short key", {.cn = "x", .san = "DNS:a.example", .rsa_bits = 1024}, "a.example", false},
    {"SHA-1", {.cn = "x", .san = "DNS:a.example", .sha1 = true}, "a.example", false},
};

static void leaves(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(leaf_cases); i++) {
        const struct leaf_case *c = &leaf_cases[i];
        struct identity leaf = make_identity(&c->spec, &root);
        bool believed = believes(files.ca, c->host, &leaf, NULL);
        if (believed != c->believed)
            fail_msg("%s: %s", c->what, believed ? "believed" : "refused");
        free_identity(&leaf);
    }
}

static void self_signed(void **state)
{
    (void)state;
    struct identity own =
        make_identity(&(struct cert_spec){.cn = "x", .san = "DNS:a.example"}, NULL);
    assert_false(believes(files.ca, "a.example", &own, NULL));
    free_identity(&own);
}

static void unknown_authority(void **state)
{
    (void)state;
    /* Of the same name as the one that is trusted. */
    struct identity other =
        make_identity(&(struct cert_spec){.cn = "Test Root", .authority = true}, NULL);
    struct identity leaf =
        make_identity(&(struct cert_spec){.cn = "x", .san = "DNS:a.example"}, &other);
    assert_false(believes(files.ca, "a.example", &leaf, NULL));
    assert_false(believes(files.ca, "a.example", &leaf, &other));
    free_identity(&leaf);
    free_identity(&other);
}

/* The system's authorities, whichever they are, do not know ours. */
static void the_systems_authorities(void **state)
{
    (void)state;
    struct identity leaf =
        make_identity(&(struct cert_spec){.cn = "x", .san = "DNS:a.example"}, &root);
    assert_false(believes(NULL, "a.example", &leaf, &root));
    free_identity(&leaf);
}

/* "a.example\0.evil.example": what a C string would make of it is not its name. */
static void a_name_with_a_nul(void **state)
{
    (void)state;
    static const char name[] = "a.example\0.evil.example";
    struct identity leaf = draft_identity(&(struct cert_spec){.cn = "x"});
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *one = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    assert_int_equal(ASN1_STRING_set(text, name, sizeof(name) - 1), 1);
    GENERAL_NAME_set0_value(one, GEN_DNS, text);
    assert_int_equal(sk_GENERAL_NAME_push(names, one), 1);
    assert_int_equal(X509_add1_ext_i2d(leaf.cert, NID_subject_alt_name, names, 0, 0), 1);
    GENERAL_NAMES_free(names);
    sign_identity(&leaf, &root, false);
    assert_false(believes(files.ca, "a.example", &leaf, NULL));
    free_identity(&leaf);
}

/* A name that is no host's: nobody is asked whether it is in a certificate. */
static void hosts_that_are_none(void **state)
{
    (void)state;
    struct cf_buf why;
    struct cf_tls_context *context;
    struct cf_tls *tls = NULL;
    char longest[257];
    memset(longest, 'a', sizeof(longest));
    cf_buf_init(&why, 1024);
    assert_int_equal(cf_tls_client_new(files.ca, &context, &why), CF_OK);
    assert_int_equal(cf_tls_new(context, "", &tls), CF_E_INVALID);
    longest[256] = '\0';
    assert_int_equal(cf_tls_new(context, longest, &tls), CF_E_INVALID);
    longest[255] = '\0';
    assert_null(tls);
    assert_int_equal(cf_tls_new(context, longest, &tls), CF_OK);
    cf_tls_free(tls);
    cf_tls_context_unref(context);
    cf_buf_deinit(&why);
}

/* ---- with an authority between ---- */

struct chain_case {
    const char *what;
    struct cert_spec between;
    bool sent, believed;
};

static const struct chain_case chain_cases[] = {
    {"a chain", {.cn = "Between", .authority = true}, true, true},
    {"of that name space",
     {.cn = "Between", .authority = true, .constraints = "permitted;DNS:example"},
     true,
     true},
    {"that is not sent", {.cn = "Between", .authority = true}, false, false},
    {"that is no authority", {.cn = "Between", .authority = false}, true, false},
    {"expired",
     {.cn = "Between", .authority = true, .from_s = -2 * DAY, .to_s = -HOUR},
     true,
     false},
    {"of another name space",
     {.cn = "Between", .authority = true, .constraints = "permitted;DNS:example.org"},
     true,
     false},
    {"with SHA-1", {.cn = "Between", .authority = true, .sha1 = true}, true, false},
};

static void chains(void **state)
{
    (void)state;
    for (size_t i = 0; i < CF_ARRAY_LEN(chain_cases); i++) {
        const struct chain_case *c = &chain_cases[i];
        struct identity between = make_identity(&c->between, &root);
        struct identity leaf =
            make_identity(&(struct cert_spec){.cn = "x", .san = "DNS:a.example"}, &between);
        bool believed = believes(files.ca, "a.example", &leaf, c->sent ? &between : NULL);
        if (believed != c->believed)
            fail_msg("%s: %s", c->what, believed ? "believed" : "refused");
        free_identity(&leaf);
        free_identity(&between);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves),
        cmocka_unit_test(self_signed),
        cmocka_unit_test(unknown_authority),
        cmocka_unit_test(the_systems_authorities),
        cmocka_unit_test(a_name_with_a_nul),
        cmocka_unit_test(hosts_that_are_none),
        cmocka_unit_test(chains),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
