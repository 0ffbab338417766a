#include "server/holds.h"

#include "server/worker.h"

static struct cf_slice key_of(const struct cf_hold *hold)
{
    return cf_slice_of(hold->upload.bytes, sizeof(hold->upload.bytes));
}

enum cf_error cf_hold_take(struct cf_server *server, struct cf_hold *hold)
{
    struct cf_seat_place place = {0, 0};
    pthread_mutex_lock(&server->people_lock);
    const struct cf_hold *other = cf_map_get(&server->holds, key_of(hold));
    enum cf_error error = CF_E_CONFLICT;
    if (other != NULL)
        place = other->place;
    else
        error = cf_map_put(&server->holds, key_of(hold), hold);
    hold->held = error == CF_OK;
    pthread_mutex_unlock(&server->people_lock);
    struct cf_mail *mail = error == CF_E_CONFLICT ? cf_mail_new(CF_MAIL_LET_GO) : NULL;
    if (mail != NULL) {
        mail->ticket = place.ticket;
        cf_worker_post(server->workers[place.worker], mail);
    }
    return error;
}

void cf_hold_drop(struct cf_server *server, struct cf_hold *hold)
{
    if (!hold->held)
        return;
    pthread_mutex_lock(&server->people_lock);
    cf_map_remove(&server->holds, key_of(hold));
    pthread_mutex_unlock(&server->people_lock);
    hold->held = false;
}
