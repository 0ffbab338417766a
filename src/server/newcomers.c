#include "server/newcomers.h"

#include <stdlib.h>
#include <string.h>

struct newcomer {
    struct cf_list lost; /* server->newcomers_lost, in the order of `until` */
    cf_ms until;         /* CF_MS_NEVER: it is connected */
    cf_us opened;
    int64_t number;
    uint8_t pid[CF_SOCKET_PID_LEN], sid[CF_SOCKET_ID_LEN];
    uint8_t user_len;
    uint8_t user[];
};

void cf_newcomers_init(struct cf_server *server)
{
    cf_map_init(&server->newcomers, server->hash_key);
    cf_list_init(&server->newcomers_lost);
}

void cf_newcomers_deinit(struct cf_server *server)
{
    size_t cursor = 0;
    for (struct newcomer *it; (it = cf_map_next(&server->newcomers, &cursor)) != NULL;)
        free(it);
    cf_map_deinit(&server->newcomers);
}

static struct cf_slice pid_of(const struct cf_life *life)
{
    return cf_slice_of(life->pid, sizeof(life->pid));
}

/* Under the lock, like all below. NULL: none; of a pid that came again, none of that life. */
static struct newcomer *find(const struct cf_server *server, const struct cf_life *life)
{
    struct newcomer *newcomer = cf_map_get(&server->newcomers, pid_of(life));
    return newcomer != NULL && newcomer->opened == life->opened ? newcomer : NULL;
}

static void forget(struct cf_server *server, struct newcomer *newcomer)
{
    if (newcomer == NULL)
        return;
    (void)cf_map_remove(&server->newcomers, cf_slice_of(newcomer->pid, sizeof(newcomer->pid)));
    if (newcomer->until != CF_MS_NEVER)
        server->newcomers_lost_count--;
    cf_list_remove(&newcomer->lost);
    free(newcomer);
}

static struct newcomer *first_lost(const struct cf_server *server)
{
    struct cf_list *first = server->newcomers_lost.next;
    return first == &server->newcomers_lost ? NULL : CF_LIST_ENTRY(first, struct newcomer, lost);
}

enum cf_error cf_newcomer_add(struct cf_server *server, const struct cf_life *life,
                              struct cf_slice sid, struct cf_slice user, int64_t number)
{
    struct newcomer *newcomer = malloc(sizeof(*newcomer) + user.len);
    if (newcomer == NULL)
        return CF_E_NOMEM;
    cf_list_init(&newcomer->lost);
    newcomer->until = CF_MS_NEVER;
    newcomer->opened = life->opened;
    newcomer->number = number;
    memcpy(newcomer->pid, life->pid, sizeof(newcomer->pid));
    memcpy(newcomer->sid, sid.ptr, sizeof(newcomer->sid));
    newcomer->user_len = (uint8_t)user.len;
    memcpy(newcomer->user, user.ptr, user.len);
    pthread_mutex_lock(&server->people_lock);
    enum cf_error error =
        cf_map_put(&server->newcomers, cf_slice_of(newcomer->pid, sizeof(newcomer->pid)), newcomer);
    pthread_mutex_unlock(&server->people_lock);
    if (error != CF_OK)
        free(newcomer);
    return error;
}

bool cf_newcomer_is(struct cf_server *server, const struct cf_life *life)
{
    pthread_mutex_lock(&server->people_lock);
    bool is = find(server, life) != NULL;
    pthread_mutex_unlock(&server->people_lock);
    return is;
}

static enum cf_error introduce(const struct newcomer *newcomer, struct cf_store_request *request)
{
    struct cf_slice user = cf_slice_of(newcomer->user, newcomer->user_len);
    if (!cf_slice_eq(user, request->actor))
        return CF_OK;
    request->number = newcomer->number;
    if (request->op != CF_STORE_SOCKET_RECOVER)
        request->now = newcomer->opened;
    return cf_arena_copy(&request->arena, cf_slice_of(newcomer->sid, sizeof(newcomer->sid)),
                         &request->sid);
}

enum cf_error cf_newcomer_introduce(struct cf_server *server, struct cf_store_request *request)
{
    pthread_mutex_lock(&server->people_lock);
    const struct newcomer *newcomer = cf_map_get(&server->newcomers, request->pid);
    enum cf_error error = newcomer == NULL ? CF_OK : introduce(newcomer, request);
    pthread_mutex_unlock(&server->people_lock);
    return error;
}

void cf_newcomer_known(struct cf_server *server, struct cf_slice pid)
{
    pthread_mutex_lock(&server->people_lock);
    forget(server, cf_map_get(&server->newcomers, pid));
    pthread_mutex_unlock(&server->people_lock);
}

void cf_newcomer_leave(struct cf_server *server, const struct cf_life *life)
{
    pthread_mutex_lock(&server->people_lock);
    forget(server, find(server, life));
    pthread_mutex_unlock(&server->people_lock);
}

void cf_newcomer_lose(struct cf_server *server, const struct cf_life *life, cf_ms until)
{
    pthread_mutex_lock(&server->people_lock);
    struct newcomer *newcomer = find(server, life);
    if (newcomer != NULL) {
        newcomer->until = until;
        cf_list_push_back(&server->newcomers_lost, &newcomer->lost);
        if (++server->newcomers_lost_count > CF_NEWCOMERS_LOST_MAX)
            forget(server, first_lost(server));
    }
    pthread_mutex_unlock(&server->people_lock);
}

void cf_newcomers_sweep(struct cf_server *server, cf_ms now)
{
    pthread_mutex_lock(&server->people_lock);
    for (struct newcomer *it; (it = first_lost(server)) != NULL && it->until <= now;)
        forget(server, it);
    pthread_mutex_unlock(&server->people_lock);
}
