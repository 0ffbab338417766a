#include "edge/tls/tls.h"

#include <stdlib.h>

#include "base/assert.h"
#include "edge/tls/ossl.h"

struct cf_tls {
    struct cf_tls_context *context; /* owns what the others borrow of it */
    struct cf_tls_ossl *ossl;       /* NULL: handed over to `record` */
    struct cf_tls_record record;
};

enum cf_error cf_tls_new(struct cf_tls_context *context, const char *host, struct cf_tls **out_tls)
{
    CF_ASSERT(context->client == (host != NULL));
    struct cf_tls *tls = calloc(1, sizeof(*tls));
    if (tls == NULL)
        return CF_E_NOMEM;
    enum cf_error error = cf_tls_ossl_new(context, host, &tls->ossl);
    if (error != CF_OK) {
        free(tls);
        return error;
    }
    tls->context = cf_tls_context_ref(context);
    *out_tls = tls;
    return CF_OK;
}

void cf_tls_free(struct cf_tls *tls)
{
    if (tls == NULL)
        return;
    cf_tls_ossl_free(tls->ossl);
    cf_tls_record_deinit(&tls->record);
    cf_tls_context_unref(tls->context);
    free(tls);
}

enum cf_error cf_tls_start(struct cf_tls *tls, struct cf_buf *cipher)
{
    CF_ASSERT(tls->context->client);
    return cf_tls_ossl_start(tls->ossl, cipher);
}

static enum cf_error take_over(struct cf_tls *tls)
{
    enum cf_error error = cf_tls_ossl_hand_over(tls->ossl, &tls->context->suites, &tls->record);
    if (error != CF_OK)
        return error;
    cf_tls_ossl_free(tls->ossl);
    tls->ossl = NULL;
    return CF_OK;
}

enum cf_error cf_tls_receive(struct cf_tls *tls, struct cf_slice bytes, struct cf_buf *plain,
                             struct cf_buf *cipher, bool *out_handshaken)
{
    *out_handshaken = true;
    if (tls->ossl != NULL) {
        enum cf_error error = cf_tls_ossl_receive(tls->ossl, &bytes, plain, cipher, out_handshaken);
        if (error == CF_OK && cf_tls_ossl_can_hand_over(tls->ossl))
            error = take_over(tls);
        if (error != CF_OK || tls->ossl != NULL)
            return error;
    }
    return cf_tls_record_receive(&tls->record, bytes, plain, cipher);
}

enum cf_error cf_tls_send(struct cf_tls *tls, struct cf_slice plain, struct cf_buf *cipher)
{
    return tls->ossl != NULL ? cf_tls_ossl_send(tls->ossl, plain, cipher)
                             : cf_tls_record_send(&tls->record, plain, cipher);
}

enum cf_error cf_tls_shutdown(struct cf_tls *tls, struct cf_buf *cipher)
{
    return tls->ossl != NULL ? cf_tls_ossl_shutdown(tls->ossl, cipher)
                             : cf_tls_record_shutdown(&tls->record, cipher);
}

const char *cf_tls_version(const struct cf_tls *tls)
{
    return tls->ossl != NULL ? cf_tls_ossl_version(tls->ossl) : "TLSv1.3";
}
