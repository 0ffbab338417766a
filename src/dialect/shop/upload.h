/* The fields of an image upload, as they come out of a multipart body, and what an image is. */
#ifndef CF_DIALECT_SHOP_UPLOAD_H
#define CF_DIALECT_SHOP_UPLOAD_H

#include "dialect/shop/rest.h"

enum { CF_SHOP_IMAGE_MAX = 10 * 1024 * 1024, CF_SHOP_SNIFF_BYTES = 32 };

enum cf_shop_image { CF_IMAGE_NONE, CF_IMAGE_JPEG, CF_IMAGE_PNG, CF_IMAGE_GIF, CF_IMAGE_WEBP };

/* What the first bytes (up to CF_SHOP_SNIFF_BYTES) of a file say it is; PNG, GIF and WebP need a
 * complete signature and non-zero dimensions (hazard V24). Nothing is ever decoded. */
enum cf_shop_image cf_shop_image_sniff(struct cf_slice head);
/* "image/jpeg", …; and "jpg", …; "application/octet-stream" and "bin" for NONE. */
const char *cf_shop_image_type(enum cf_shop_image image);
const char *cf_shop_image_extension(enum cf_shop_image image);
/* The type of a media name by its extension; "application/octet-stream" for an unknown one. */
const char *cf_shop_media_type(struct cf_slice media_name);

enum cf_shop_part { CF_SHOP_PART_IMAGE, CF_SHOP_PART_TEXT, CF_SHOP_PART_UNKNOWN };

struct cf_shop_upload {
    struct cf_buf shop_id, message, message_id; /* text fields so far, capped */
    struct cf_buf *current;                     /* the one that is being filled, NULL: none */
    bool has_image, has_shop_id, has_message, has_message_id;
};

void cf_shop_upload_init(struct cf_shop_upload *upload);
void cf_shop_upload_deinit(struct cf_shop_upload *upload);
/* A part begins: where do its bytes go? IMAGE: to the file. TEXT: cf_shop_upload_text. UNKNOWN:
 * nowhere. CF_E_DUPLICATE (with UNKNOWN): the same field twice. */
enum cf_error cf_shop_upload_part(struct cf_shop_upload *upload, struct cf_slice name,
                                  enum cf_shop_part *out_part);
/* Bytes of the part that has begun; of no text part, or more than the field's rule allows: they are
 * dropped, and cf_shop_upload_ask says so. CF_E_NOMEM. */
enum cf_error cf_shop_upload_text(struct cf_shop_upload *upload, struct cf_slice bytes);
/* The body is complete and the file stored as `media_name` (ptr == NULL: no image part came): the
 * store request, MESSAGE_CREATE or, with a message_id, MESSAGE_IMAGE_SET (which needs no
 * idempotency key: setting the image again is what it says). Errors as cf_shop_ask. */
enum cf_error cf_shop_upload_ask(const struct cf_shop_upload *upload, struct cf_slice media_name,
                                 struct cf_slice idempotency_key, const struct cf_asker *asker,
                                 struct cf_store_request **out_request,
                                 struct cf_problem *out_problem);

#endif
