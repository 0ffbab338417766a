#include "dialect/shop/upload.h"

#include "dialect/shop/refuse.h"

/* A field keeps one byte more than its rule allows, so that the rule sees what is too long; the
 * bytes behind that are dropped as they come. */
enum {
    ID_BYTES_KEPT = CF_UUID_LEN + 1,
    TEXT_BYTES_KEPT = CF_CHAT_TEXT_MAX * 4 + 1,
};

void cf_shop_upload_init(struct cf_shop_upload *upload)
{
    cf_buf_init(&upload->shop_id, ID_BYTES_KEPT);
    cf_buf_init(&upload->message, TEXT_BYTES_KEPT);
    cf_buf_init(&upload->message_id, ID_BYTES_KEPT);
    upload->current = NULL;
    upload->has_image = upload->has_shop_id = false;
    upload->has_message = upload->has_message_id = false;
}

void cf_shop_upload_deinit(struct cf_shop_upload *upload)
{
    cf_buf_deinit(&upload->shop_id);
    cf_buf_deinit(&upload->message);
    cf_buf_deinit(&upload->message_id);
}

enum cf_error cf_shop_upload_part(struct cf_shop_upload *upload, struct cf_slice name,
                                  enum cf_shop_part *out_part)
{
    struct {
        const char *name;
        bool *seen;
        struct cf_buf *buf; /* NULL: the image */
    } parts[] = {
        {"image", &upload->has_image, NULL},
        {"shop_id", &upload->has_shop_id, &upload->shop_id},
        {"message", &upload->has_message, &upload->message},
        {"message_id", &upload->has_message_id, &upload->message_id},
    };
    upload->current = NULL;
    *out_part = CF_SHOP_PART_UNKNOWN;
    for (size_t i = 0; i < CF_ARRAY_LEN(parts); i++) {
        if (!cf_slice_eq(name, cf_slice_cstr(parts[i].name)))
            continue;
        if (*parts[i].seen)
            return CF_E_DUPLICATE;
        *parts[i].seen = true;
        upload->current = parts[i].buf;
        *out_part = parts[i].buf == NULL ? CF_SHOP_PART_IMAGE : CF_SHOP_PART_TEXT;
        break;
    }
    return CF_OK;
}

enum cf_error cf_shop_upload_text(struct cf_shop_upload *upload, struct cf_slice bytes)
{
    struct cf_buf *buf = upload->current;
    if (buf == NULL)
        return CF_OK;
    return cf_buf_append(buf, cf_slice_head(bytes, buf->max - buf->len));
}

/* An empty field of a form is an absent one. */
static enum cf_error form_id(const struct cf_buf *field, const char *name, bool required,
                             struct cf_uuid *out_id, struct cf_problem *out_problem)
{
    if (field->len == 0 && !required)
        return CF_OK;
    if (cf_uuid_parse(cf_buf_peek(field), out_id))
        return CF_OK;
    return cf_shop_refuse_field(CF_E_INVALID, name, out_problem);
}

enum cf_error cf_shop_upload_ask(const struct cf_shop_upload *upload, struct cf_slice media_name,
                                 struct cf_slice idempotency_key, const struct cf_asker *asker,
                                 struct cf_store_request **out_request,
                                 struct cf_problem *out_problem)
{
    struct cf_chat_draft draft = {
        .text = cf_buf_peek(&upload->message),
        .client_id = idempotency_key,
        .image = media_name,
    };
    enum cf_chat_field field = CF_FIELD_NONE;
    if (media_name.ptr == NULL)
        return cf_shop_refuse_field(CF_E_INVALID, "image", out_problem);
    enum cf_error error = form_id(&upload->shop_id, "shop_id", true, &draft.room, out_problem);
    if (error == CF_OK)
        error = form_id(&upload->message_id, "message_id", false, &draft.message, out_problem);
    if (error != CF_OK)
        return error;
    if (upload->message_id.len > 0)
        error = cf_chat_image_set(asker, &draft, out_request, &field);
    else
        error = cf_chat_post(asker, &draft, out_request, &field);
    return cf_shop_refuse_command(error, field, out_problem);
}
