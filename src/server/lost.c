#include "server/lost.h"

#include <stdlib.h>
#include <string.h>

#include "chat/talk.h"
#include "server/newcomers.h"
#include "server/people.h"

/* A conversation in which the user is still taken for present. */
struct kept_seat {
    struct cf_presence *presence;
    int64_t talk;
};

struct cf_lost {
    struct cf_loop_timer timer;
    struct cf_list link; /* worker->lost */
    struct cf_worker *worker;
    struct cf_identity identity;
    struct cf_seat_place place;
    struct cf_life life;
    cf_ms forget_at;
    size_t count;
    struct kept_seat *seats; /* NULL: the user is not present by this socket any more */
};

static struct cf_slice pid_of(const struct cf_life *life)
{
    return cf_slice_of(life->pid, sizeof(life->pid));
}

void cf_life_leave(struct cf_worker *worker, struct cf_life *life)
{
    if (cf_map_get(&worker->lives, pid_of(life)) == life)
        (void)cf_map_remove(&worker->lives, pid_of(life));
}

static void end_presence(struct cf_lost *lost, const struct kept_seat *seat)
{
    cf_people_go(lost->worker->server, seat->presence, cf_identity_user(&lost->identity),
                 seat->talk, lost->place);
}

static void end_presences(struct cf_lost *lost)
{
    for (size_t i = 0; i < lost->count; i++)
        end_presence(lost, &lost->seats[i]);
    free(lost->seats);
    lost->seats = NULL;
    lost->count = 0;
}

static void free_lost(struct cf_lost *lost)
{
    end_presences(lost);
    cf_life_leave(lost->worker, &lost->life);
    cf_loop_timer_stop(lost->worker->loop, &lost->timer);
    cf_list_remove(&lost->link);
    free(lost);
}

void cf_lost_forget(struct cf_worker *worker, const struct cf_identity *identity,
                    const struct cf_life *life)
{
    struct cf_asker asker = {identity, &worker->server->entropy, cf_worker_now(worker)};
    struct cf_store_request *request;
    asker.now.us = life->opened;
    cf_newcomer_leave(worker->server, life);
    if (!life->asked)
        return;
    if (cf_talk_socket(&asker, CF_STORE_SOCKET_CLOSE, pid_of(life), 0, &request, NULL) == CF_OK)
        cf_worker_submit(worker, &worker->noted_job, 0, request);
}

void cf_life_save(struct cf_worker *worker, const struct cf_identity *identity,
                  struct cf_life *life)
{
    struct cf_asker asker = {identity, &worker->server->entropy, cf_worker_now(worker)};
    struct cf_store_request *request;
    life->asked = true;
    life->known = life->known || !cf_newcomer_is(worker->server, life);
    if (life->known ||
        cf_talk_socket(&asker, CF_STORE_SOCKET_OPEN, pid_of(life), 0, &request, NULL) != CF_OK)
        return; /* the next ping tries again */
    if (cf_newcomer_introduce(worker->server, request) != CF_OK || request->sid.len == 0) {
        cf_store_request_free(request);
        return;
    }
    cf_worker_submit(worker, &worker->noted_job, 0, request);
}

static void on_timer(struct cf_loop_timer *timer)
{
    struct cf_lost *lost = CF_CONTAINER_OF(timer, struct cf_lost, timer);
    struct cf_worker *worker = lost->worker;
    end_presences(lost);
    if (cf_worker_now(worker).ms < lost->forget_at) {
        cf_loop_timer_set(worker->loop, &lost->timer, lost->forget_at);
        return;
    }
    cf_lost_forget(worker, &lost->identity, &lost->life);
    free_lost(lost);
}

/* The socket's seats give their presences away one by one, so that none is ended twice. */
static void take_presences(struct cf_lost *lost, struct cf_socket *socket)
{
    for (struct cf_talk_seat *seat; (seat = socket->person->seats) != NULL;) {
        lost->seats[lost->count++] = (struct kept_seat){seat->presence, seat->talk};
        cf_seats_drop(seat);
    }
}

void cf_lost_keep(struct cf_socket *socket)
{
    struct cf_worker *worker = socket->worker;
    struct cf_person *person = socket->person;
    cf_ms now = cf_worker_now(worker).ms;
    cf_newcomer_lose(worker->server, &person->life, now + CF_LOST_REMEMBERED_MS);
    if (!person->life.asked)
        return; /* who was never asked for has joined nothing either */
    struct cf_lost *lost = calloc(1, sizeof(*lost));
    struct kept_seat *seats = calloc(person->seats_count + 1, sizeof(*seats));
    if (lost == NULL || seats == NULL) {
        free(lost);
        free(seats);
        return;
    }
    *lost = (struct cf_lost){.worker = worker,
                             .identity = cf_person_identity(person),
                             .place = cf_socket_place(socket),
                             .life = person->life,
                             .forget_at = now + CF_LOST_REMEMBERED_MS,
                             .seats = seats};
    lost->life.lost = true;
    cf_loop_timer_init(&lost->timer, on_timer);
    cf_list_init(&lost->link);
    cf_list_push_back(&worker->lost, &lost->link);
    take_presences(lost, socket);
    /* Without memory it is not found, which costs a superseded presence its few seconds. One that
     * was lost before it was let in supersedes nothing. */
    if (cf_sio_inside(&socket->sio, 0) && cf_life_enter(worker, &lost->life) == CF_E_STATE) {
        free_lost(lost);
        return;
    }
    cf_loop_timer_set(worker->loop, &lost->timer, now + CF_LOST_PRESENT_MS);
}

void cf_lost_found(struct cf_socket *socket)
{
    const struct cf_life *life = &socket->person->life;
    struct cf_server *server = socket->worker->server;
    for (size_t w = 0; w < server->workers_count; w++) {
        struct cf_mail *mail = cf_mail_new(CF_MAIL_FOUND);
        if (mail == NULL)
            return; /* they end by themselves, a little later */
        memcpy(mail->pid, life->pid, sizeof(mail->pid));
        mail->opened = life->opened;
        cf_worker_post(server->workers[w], mail);
    }
}

static void supersede(struct cf_life *life)
{
    if (life->lost) {
        free_lost(CF_CONTAINER_OF(life, struct cf_lost, life));
        return;
    }
    struct cf_socket *socket = CF_CONTAINER_OF(life, struct cf_person, life)->own.socket;
    socket->clean = true;
    cf_eio_abort(&socket->eio, CF_EIO_LOST);
    cf_socket_settle_later(socket);
}

void cf_lost_supersede(struct cf_worker *worker, const uint8_t pid[CF_SOCKET_PID_LEN], cf_us opened)
{
    struct cf_life *life = cf_map_get(&worker->lives, cf_slice_of(pid, CF_SOCKET_PID_LEN));
    if (life != NULL && life->opened < opened)
        supersede(life);
}

enum cf_error cf_life_enter(struct cf_worker *worker, struct cf_life *life)
{
    struct cf_life *other = cf_map_get(&worker->lives, pid_of(life));
    if (other != NULL && other->opened > life->opened)
        return CF_E_STATE;
    if (other != NULL) {
        cf_life_leave(worker, other); /* the map borrows its key */
        supersede(other);
    }
    return cf_map_put(&worker->lives, pid_of(life), life);
}

static void remove_seat(struct cf_lost *lost, int64_t talk)
{
    for (size_t i = 0; i < lost->count; i++) {
        if (lost->seats[i].talk != talk)
            continue;
        end_presence(lost, &lost->seats[i]);
        lost->seats[i] = lost->seats[--lost->count];
        return;
    }
}

void cf_lost_remove(struct cf_worker *worker, int64_t talk, struct cf_slice user)
{
    for (struct cf_list *node = worker->lost.next; node != &worker->lost; node = node->next) {
        struct cf_lost *lost = CF_LIST_ENTRY(node, struct cf_lost, link);
        if (cf_slice_eq(cf_identity_user(&lost->identity), user))
            remove_seat(lost, talk);
    }
}

static void on_later_sweep(struct cf_loop_timer *timer)
{
    struct cf_worker *worker = CF_CONTAINER_OF(timer, struct cf_worker, sweep);
    cf_ms now = cf_worker_now(worker).ms;
    cf_newcomers_sweep(worker->server, now);
    cf_loop_timer_set(worker->loop, timer, now + CF_LOST_REMEMBERED_MS);
}

static void on_sweep(struct cf_loop_timer *timer)
{
    struct cf_worker *worker = CF_CONTAINER_OF(timer, struct cf_worker, sweep);
    struct cf_store_request *request = cf_store_request_new(CF_STORE_SOCKET_CLOSE);
    if (request != NULL) { /* else the next start sweeps again */
        request->now = worker->server->started;
        cf_worker_submit(worker, &worker->noted_job, 0, request);
    }
    timer->fire = on_later_sweep;
    on_later_sweep(timer);
}

void cf_lost_sweep_later(struct cf_worker *worker)
{
    cf_loop_timer_init(&worker->sweep, on_sweep);
    if (worker->index == 0)
        cf_loop_timer_set(worker->loop, &worker->sweep,
                          cf_worker_now(worker).ms + CF_LOST_REMEMBERED_MS);
}

void cf_lost_end_all(struct cf_worker *worker)
{
    while (!cf_list_empty(&worker->lost))
        free_lost(CF_LIST_ENTRY(worker->lost.next, struct cf_lost, link));
    cf_loop_timer_stop(worker->loop, &worker->sweep);
}
