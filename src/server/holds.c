#include "server/holds.h"

#include "server/worker.h"

static struct cf_slice key_of(const struct cf_hold *hold)
{
    return cf_slice_of(hold->upload.bytes, sizeof(hold->upload.bytes));
}

static void tell_to_let_go(struct cf_server *server, struct cf_seat_place place,
                           const struct cf_uuid *upload)
{
    struct cf_mail *mail = cf_mail_new(CF_MAIL_LET_GO);
    if (mail == NULL)
        return; /* the next try tells again */
    mail->ticket = place.ticket;
    mail->upload = *upload;
    cf_worker_post(server->workers[place.worker], mail);
}

enum cf_error cf_hold_take(struct cf_server *server, struct cf_hold *hold)
{
    struct cf_seat_place place = {0, 0};
    enum cf_error error = CF_E_CONFLICT;
    pthread_mutex_lock(&server->people_lock);
    const struct cf_hold *holder = cf_map_get(&server->holds, key_of(hold));
    if (holder != NULL)
        place = holder->place;
    else
        error = cf_map_put(&server->holds, key_of(hold), hold);
    hold->held = error == CF_OK;
    pthread_mutex_unlock(&server->people_lock);
    if (error == CF_E_CONFLICT)
        tell_to_let_go(server, place, &hold->upload);
    return error;
}

void cf_hold_end(struct cf_server *server, const struct cf_uuid *upload)
{
    struct cf_seat_place place = {0, 0};
    pthread_mutex_lock(&server->people_lock);
    struct cf_hold *holder =
        cf_map_get(&server->holds, cf_slice_of(upload->bytes, sizeof(upload->bytes)));
    if (holder != NULL) {
        holder->ended = true;
        place = holder->place;
    }
    pthread_mutex_unlock(&server->people_lock);
    if (holder != NULL)
        tell_to_let_go(server, place, upload);
}

bool cf_hold_drop(struct cf_server *server, struct cf_hold *hold)
{
    if (!hold->held)
        return false;
    pthread_mutex_lock(&server->people_lock);
    cf_map_remove(&server->holds, key_of(hold));
    pthread_mutex_unlock(&server->people_lock);
    hold->held = false;
    return hold->ended;
}
