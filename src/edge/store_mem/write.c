#include <stdlib.h>

#include "base/mutant.h"
#include "edge/store_mem/groups.h"
#include "edge/store_mem/talks.h"

static cf_us later(cf_us a, cf_us b)
{
    return a > b ? a : b;
}

static enum cf_error create_room(struct mem_store *mem, struct cf_store_request *request)
{
    if (cf_mem_room_find(mem, &request->room) != NULL)
        return CF_E_CONFLICT;
    struct cf_room_row *row = cf_arena_alloc(&request->arena, sizeof(*row));
    if (row == NULL)
        return CF_E_NOMEM;
    struct mem_user *creator;
    enum cf_error error = cf_mem_user_put(mem, request->actor, request->actor_name, &creator);
    if (error != CF_OK)
        return error;
    struct mem_room *room;
    error = cf_mem_room_add(mem, &request->room, request->name, creator, request->now, &room);
    if (error != CF_OK)
        return error;
    *row = (struct cf_room_row){request->room, request->name, request->actor,
                                request->now,  CF_ROLE_ADMIN, 1};
    request->rooms = row;
    request->rooms_count = 1;
    return CF_OK;
}

static bool is_last_admin(const struct mem_room *room, const struct mem_member *member)
{
    if (member->role != CF_ROLE_ADMIN)
        return false;
    size_t admins = 0;
    for (size_t i = 0; i < room->members_count; i++)
        admins += room->members[i].role == CF_ROLE_ADMIN;
    return admins == 1;
}

/* The room, and the actor in it. CF_E_NOT_MEMBER. */
static enum cf_error find_own(struct mem_store *mem, const struct cf_store_request *request,
                              struct mem_room **out_room, struct mem_member **out_own)
{
    struct mem_room *room = cf_mem_room_find(mem, &request->room);
    struct mem_member *own = room == NULL ? NULL : cf_mem_member_find(room, request->actor);
    if (own == NULL)
        return CF_E_NOT_MEMBER;
    *out_room = room;
    *out_own = own;
    return CF_OK;
}

static enum cf_error put_member(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_room *room;
    struct mem_member *own;
    enum cf_error error = find_own(mem, request, &room, &own);
    if (error != CF_OK)
        return error;
    if (own->role != CF_ROLE_ADMIN)
        return CF_E_FORBIDDEN;
    if (request->role != CF_ROLE_MEMBER && request->role != CF_ROLE_ADMIN)
        return CF_E_INVALID;
    struct mem_member *member = cf_mem_member_find(room, request->user);
    if (member != NULL && request->role != CF_ROLE_ADMIN && is_last_admin(room, member))
        return CF_E_CONFLICT;
    struct cf_member_row *row = cf_arena_alloc(&request->arena, sizeof(*row));
    struct mem_user *user = NULL;
    error = row == NULL ? CF_E_NOMEM : cf_mem_actor_put(mem, request);
    if (error == CF_OK)
        error = cf_mem_user_ensure(mem, request->user, request->user_name, &user);
    if (error == CF_OK)
        error = cf_arena_copy(&request->arena, user->name, &row->name);
    if (error == CF_OK && member == NULL)
        error = cf_mem_member_add(room, user, request->role, request->now);
    if (error != CF_OK)
        return error;
    request->created = member == NULL;
    if (member != NULL)
        member->role = request->role;
    row->user = request->user;
    row->role = request->role;
    row->joined = member == NULL ? request->now : member->joined;
    request->members = row;
    request->members_count = 1;
    return CF_OK;
}

static enum cf_error remove_member(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_room *room;
    struct mem_member *own;
    enum cf_error error = find_own(mem, request, &room, &own);
    if (error != CF_OK)
        return error;
    if (own->role != CF_ROLE_ADMIN && !cf_slice_eq(request->actor, request->user))
        return CF_E_FORBIDDEN;
    struct mem_member *member = cf_mem_member_find(room, request->user);
    if (member == NULL)
        return CF_E_NOT_FOUND;
    if (is_last_admin(room, member))
        return CF_E_CONFLICT;
    error = cf_mem_actor_put(mem, request);
    if (error == CF_OK)
        cf_mem_member_remove(room, member);
    return error;
}

/* What a retry must repeat: the text, and whether there is an image (its name is new each time). */
static uint64_t hash_sent(const struct cf_store_request *request)
{
    const uint64_t key[2] = {0, request->image.ptr != NULL};
    return cf_siphash(key, request->text);
}

static enum cf_error answer_first(struct mem_store *mem, struct cf_store_request *request,
                                  const struct mem_message *first)
{
    if (first->deleted || first->sent_hash != hash_sent(request))
        return CF_E_CONFLICT;
    enum cf_error error = cf_mem_actor_put(mem, request);
    return error != CF_OK ? error : cf_mem_answer_message(request, first);
}

/* Takes sent_key, in any case. */
static enum cf_error add_message(struct mem_store *mem, struct cf_store_request *request,
                                 struct mem_room *room, struct cf_slice sent_key)
{
    struct mem_message *message = calloc(1, sizeof(*message));
    if (message == NULL) {
        cf_mem_free(&sent_key);
        return CF_E_NOMEM;
    }
    cf_us last = room->messages_count == 0 ? 0 : room->messages[room->messages_count - 1]->created;
    message->id = request->message;
    message->room = room;
    message->seq = room->messages_count + 1;
    message->created = later(request->now, last + (CF_MUTANT(TIME_REPEATS) ? 0 : 1));
    message->sent_hash = hash_sent(request);
    message->sent_key = sent_key;
    enum cf_error error =
        cf_mem_user_put(mem, request->actor, request->actor_name, &message->author);
    if (error == CF_OK)
        error = cf_mem_copy(request->text, &message->text);
    if (error == CF_OK)
        error = cf_mem_copy(request->image, &message->image);
    if (error == CF_OK)
        error = cf_mem_answer_message(request, message);
    if (error != CF_OK) {
        cf_mem_message_free(message);
        return error;
    }
    return cf_mem_message_give(mem, message);
}

static enum cf_error create_message(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_room *room;
    struct mem_member *own;
    enum cf_error error = find_own(mem, request, &room, &own);
    if (error != CF_OK)
        return error;
    struct cf_slice sent_key;
    error = cf_mem_sent_key(request, &sent_key);
    if (error != CF_OK)
        return error;
    if (CF_MUTANT(DEDUPE_OFF))
        cf_mem_free(&sent_key);
    struct mem_message *first = sent_key.ptr == NULL ? NULL : cf_mem_sent_find(room, sent_key);
    bool id_taken = cf_mem_message_find(mem, &request->message) != NULL;
    if (first == NULL && !id_taken) {
        request->created = true;
        return add_message(mem, request, room, sent_key);
    }
    cf_mem_free(&sent_key);
    return first == NULL ? CF_E_CONFLICT : answer_first(mem, request, first);
}

enum right { AUTHOR_ONLY, AUTHOR_OR_ADMIN };

/* The message, if the actor may change it. CF_E_NOT_FOUND, CF_E_FORBIDDEN. */
static enum cf_error find_changeable(struct mem_store *mem, const struct cf_store_request *request,
                                     enum right right, struct mem_message **out_message)
{
    struct mem_message *message = cf_mem_message_find(mem, &request->message);
    if (message == NULL || message->deleted)
        return CF_E_NOT_FOUND;
    bool other_room = !cf_uuid_eq(&message->room->id, &request->room);
    if (request->op == CF_STORE_MESSAGE_IMAGE_SET && other_room)
        return CF_E_NOT_FOUND;
    const struct mem_member *own = cf_mem_member_find(message->room, request->actor);
    if (own == NULL)
        return CF_E_NOT_FOUND;
    bool as_admin = right == AUTHOR_OR_ADMIN && own->role == CF_ROLE_ADMIN;
    if (!as_admin && !cf_slice_eq(message->author->id, request->actor))
        return CF_E_FORBIDDEN;
    *out_message = message;
    return CF_OK;
}

/* The message with this text and image instead, as answer and in the store. `text` and `image` are
 * borrowed. */
static enum cf_error update_message(struct mem_store *mem, struct cf_store_request *request,
                                    struct mem_message *message, struct cf_slice text,
                                    struct cf_slice image)
{
    enum cf_error error = cf_mem_actor_put(mem, request);
    if (error != CF_OK)
        return error;
    struct mem_message changed = *message;
    changed.updated = later(request->now, later(message->created, message->updated));
    changed.text = changed.image = (struct cf_slice){NULL, 0};
    error = cf_mem_copy(text, &changed.text);
    if (error == CF_OK)
        error = cf_mem_copy(image, &changed.image);
    if (error == CF_OK)
        error = cf_mem_answer_message(request, &changed);
    if (error != CF_OK) {
        cf_mem_free(&changed.text);
        cf_mem_free(&changed.image);
        return error;
    }
    cf_mem_free(&message->text);
    cf_mem_free(&message->image);
    *message = changed;
    return CF_OK;
}

static enum cf_error edit_message(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_message *message;
    enum cf_error error = find_changeable(mem, request, AUTHOR_ONLY, &message);
    if (error != CF_OK)
        return error;
    return update_message(mem, request, message, request->text, message->image);
}

static enum cf_error copy_old_image(struct cf_store_request *request,
                                    const struct mem_message *message)
{
    if (message->image.ptr == NULL)
        return CF_OK;
    return cf_arena_copy(&request->arena, message->image, &request->old_image);
}

static enum cf_error set_image(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_message *message;
    enum cf_error error = find_changeable(mem, request, AUTHOR_ONLY, &message);
    if (error == CF_OK)
        error = copy_old_image(request, message);
    if (error != CF_OK)
        return error;
    struct cf_slice text = request->text.len > 0 ? request->text : message->text;
    return update_message(mem, request, message, text, request->image);
}

static enum cf_error remove_image(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_message *message;
    enum cf_error error = find_changeable(mem, request, AUTHOR_OR_ADMIN, &message);
    if (error == CF_OK && message->image.ptr == NULL)
        error = CF_E_NOT_FOUND;
    if (error == CF_OK)
        error = copy_old_image(request, message);
    if (error != CF_OK)
        return error;
    return update_message(mem, request, message, message->text, (struct cf_slice){NULL, 0});
}

static enum cf_error delete_message(struct mem_store *mem, struct cf_store_request *request)
{
    struct mem_message *message;
    enum cf_error error = find_changeable(mem, request, AUTHOR_OR_ADMIN, &message);
    if (error == CF_OK)
        error = cf_mem_actor_put(mem, request);
    if (error == CF_OK)
        error = cf_mem_answer_message(request, message);
    if (error != CF_OK)
        return error;
    message->deleted = true;
    message->room->deleted_count++;
    cf_mem_free(&message->text);
    cf_mem_free(&message->image);
    return CF_OK;
}

static enum cf_error write_one(struct mem_store *mem, struct cf_store_request *request)
{
    switch (request->op) {
    case CF_STORE_USER_PUT:
        return cf_mem_actor_put(mem, request);
    case CF_STORE_ROOM_CREATE:
        return create_room(mem, request);
    case CF_STORE_MEMBER_PUT:
        return put_member(mem, request);
    case CF_STORE_MEMBER_REMOVE:
        return remove_member(mem, request);
    case CF_STORE_MESSAGE_CREATE:
        return create_message(mem, request);
    case CF_STORE_MESSAGE_EDIT:
        return edit_message(mem, request);
    case CF_STORE_MESSAGE_DELETE:
        return delete_message(mem, request);
    case CF_STORE_MESSAGE_IMAGE_SET:
        return set_image(mem, request);
    case CF_STORE_MESSAGE_IMAGE_REMOVE:
        return remove_image(mem, request);
    case CF_STORE_TALK_CREATE:
        return cf_mem_talk_create(mem, request);
    case CF_STORE_TALK_ADD:
        return cf_mem_talk_add(mem, request);
    case CF_STORE_TALK_REMOVE:
        return cf_mem_talk_remove(mem, request);
    case CF_STORE_TALK_SEND:
        return cf_mem_talk_send(mem, request);
    case CF_STORE_TALK_MARK:
        return cf_mem_talk_mark(mem, request);
    case CF_STORE_SOCKET_OPEN:
        return cf_mem_socket_open(mem, request);
    case CF_STORE_SOCKET_JOIN:
        return cf_mem_socket_join(mem, request);
    case CF_STORE_SOCKET_LEAVE:
        return cf_mem_socket_leave(mem, request);
    case CF_STORE_SOCKET_CLOSE:
        return cf_mem_socket_close(mem, request);
    case CF_STORE_SOCKET_RECOVER:
        return cf_mem_socket_recover(mem, request);
    case CF_STORE_GROUP_CREATE:
        return cf_mem_group_create(mem, request);
    case CF_STORE_GROUP_JOIN:
        return cf_mem_group_join(mem, request);
    case CF_STORE_GROUP_LEAVE:
        return cf_mem_group_leave(mem, request);
    case CF_STORE_GROUP_POST:
        return cf_mem_group_post(mem, request);
    case CF_STORE_GROUP_MEDIA_OPEN:
        return cf_mem_group_media_open(mem, request);
    case CF_STORE_GROUP_MEDIA_DONE:
        return cf_mem_group_media_done(mem, request);
    case CF_STORE_GROUP_MEDIA_DELETE:
        return cf_mem_group_media_delete(mem, request);
    case CF_STORE_GROUP_MEDIA_CONDEMN:
        return cf_mem_group_media_condemn(mem, request);
    case CF_STORE_GROUP_MEDIA_FORGET:
        return cf_mem_group_media_forget(mem, request);
    default:
        return CF_E_UNSUPPORTED;
    }
}

void cf_mem_write(struct mem_store *mem, struct cf_store_request *request)
{
    request->error = write_one(mem, request);
}
