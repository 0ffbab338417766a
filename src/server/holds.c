#include "server/holds.h"

#include "server/worker.h"

static struct cf_slice key_of(const struct cf_hold *hold)
{
    return cf_slice_of(hold->upload.bytes, sizeof(hold->upload.bytes));
}

/* Who holds it now; under the lock. False: nobody. */
static bool find_holder(struct cf_server *server, struct cf_slice key, struct cf_seat_place *out)
{
    const struct cf_hold *other = cf_map_get(&server->holds, key);
    if (other != NULL)
        *out = other->place;
    return other != NULL;
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
    pthread_mutex_lock(&server->people_lock);
    enum cf_error error = CF_E_CONFLICT;
    if (!find_holder(server, key_of(hold), &place))
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
    bool held = find_holder(server, cf_slice_of(upload->bytes, sizeof(upload->bytes)), &place);
    pthread_mutex_unlock(&server->people_lock);
    if (held)
        tell_to_let_go(server, place, upload);
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
