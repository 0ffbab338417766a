#include "edge/store_mem/tables.h"

#include <stdlib.h>
#include <string.h>

static struct cf_slice uuid_key(const struct cf_uuid *uuid)
{
    return cf_slice_of(uuid->bytes, sizeof(uuid->bytes));
}

enum cf_error cf_mem_copy(struct cf_slice bytes, struct cf_slice *out_copy)
{
    if (bytes.ptr == NULL) {
        *out_copy = bytes;
        return CF_OK;
    }
    uint8_t *copy = malloc(bytes.len + 1);
    if (copy == NULL)
        return CF_E_NOMEM;
    memcpy(copy, bytes.ptr, bytes.len);
    *out_copy = cf_slice_of(copy, bytes.len);
    return CF_OK;
}

void cf_mem_free(struct cf_slice *bytes)
{
    free((void *)(uintptr_t)bytes->ptr);
    *bytes = (struct cf_slice){NULL, 0};
}

void *cf_mem_grow(void *array, size_t count, size_t element_bytes)
{
    if (count > 0 && (count & (count - 1)) != 0)
        return array;
    size_t cap = count == 0 ? 1 : 2 * count;
    return realloc(array, cap * element_bytes);
}

int cf_mem_slice_compare(struct cf_slice a, struct cf_slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.ptr, b.ptr, shorter);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* The author's length first, so that no two pairs make the same key. */
enum cf_error cf_mem_sent_key(const struct cf_store_request *request, struct cf_slice *out_key)
{
    if (request->client_id.ptr == NULL) {
        *out_key = (struct cf_slice){NULL, 0};
        return CF_OK;
    }
    size_t author_len = request->actor.len;
    size_t len = sizeof(author_len) + author_len + request->client_id.len;
    uint8_t *key = malloc(len);
    if (key == NULL)
        return CF_E_NOMEM;
    memcpy(key, &author_len, sizeof(author_len));
    memcpy(key + sizeof(author_len), request->actor.ptr, author_len);
    if (request->client_id.len > 0)
        memcpy(key + sizeof(author_len) + author_len, request->client_id.ptr,
               request->client_id.len);
    *out_key = cf_slice_of(key, len);
    return CF_OK;
}

struct mem_user *cf_mem_user_find(struct mem_store *mem, struct cf_slice id)
{
    return cf_map_get(&mem->users, id);
}

struct mem_room *cf_mem_room_find(struct mem_store *mem, const struct cf_uuid *id)
{
    return cf_map_get(&mem->rooms, uuid_key(id));
}

struct mem_message *cf_mem_message_find(struct mem_store *mem, const struct cf_uuid *id)
{
    return cf_map_get(&mem->messages, uuid_key(id));
}

struct mem_member *cf_mem_member_find(struct mem_room *room, struct cf_slice user)
{
    for (size_t i = 0; i < room->members_count; i++)
        if (cf_slice_eq(room->members[i].user->id, user))
            return &room->members[i];
    return NULL;
}

struct mem_message *cf_mem_sent_find(struct mem_room *room, struct cf_slice key)
{
    return cf_map_get(&room->sent, key);
}

static void free_user(struct mem_user *user)
{
    if (user == NULL)
        return;
    cf_mem_free(&user->id);
    cf_mem_free(&user->name);
    free(user);
}

static enum cf_error add_user(struct mem_store *mem, struct cf_slice id, struct cf_slice name,
                              struct mem_user **out_user)
{
    struct mem_user *user = calloc(1, sizeof(*user));
    if (user == NULL)
        return CF_E_NOMEM;
    enum cf_error error = cf_mem_copy(id, &user->id);
    if (error == CF_OK)
        error = cf_mem_copy(name.len > 0 ? name : id, &user->name);
    if (error == CF_OK)
        error = cf_map_put(&mem->users, user->id, user);
    if (error != CF_OK) {
        free_user(user);
        return error;
    }
    *out_user = user;
    return CF_OK;
}

enum cf_error cf_mem_user_put(struct mem_store *mem, struct cf_slice id, struct cf_slice name,
                              struct mem_user **out_user)
{
    struct mem_user *user = cf_mem_user_find(mem, id);
    if (user == NULL)
        return add_user(mem, id, name, out_user);
    if (name.len > 0 && !cf_slice_eq(user->name, name)) {
        struct cf_slice copy;
        enum cf_error error = cf_mem_copy(name, &copy);
        if (error != CF_OK)
            return error;
        cf_mem_free(&user->name);
        user->name = copy;
    }
    *out_user = user;
    return CF_OK;
}

enum cf_error cf_mem_user_ensure(struct mem_store *mem, struct cf_slice id, struct cf_slice name,
                                 struct mem_user **out_user)
{
    struct mem_user *user = cf_mem_user_find(mem, id);
    if (user == NULL)
        return add_user(mem, id, name, out_user);
    *out_user = user;
    return CF_OK;
}

enum cf_error cf_mem_actor_put(struct mem_store *mem, const struct cf_store_request *request)
{
    struct mem_user *user;
    return cf_mem_user_put(mem, request->actor, request->actor_name, &user);
}

static void free_room(struct mem_room *room)
{
    cf_mem_free(&room->name);
    free(room->members);
    free(room->messages);
    cf_map_deinit(&room->sent);
    free(room);
}

enum cf_error cf_mem_room_add(struct mem_store *mem, const struct cf_uuid *id, struct cf_slice name,
                              struct mem_user *creator, cf_us now, struct mem_room **out_room)
{
    struct mem_room *room = calloc(1, sizeof(*room));
    if (room == NULL)
        return CF_E_NOMEM;
    cf_map_init(&room->sent, mem->hash_key);
    room->id = *id;
    room->creator = creator;
    room->created = now;
    room->number = mem->rooms.count;
    enum cf_error error = cf_mem_copy(name, &room->name);
    if (error == CF_OK)
        error = cf_mem_member_add(room, creator, CF_ROLE_ADMIN, now);
    if (error == CF_OK)
        error = cf_map_put(&mem->rooms, uuid_key(&room->id), room);
    if (error != CF_OK) {
        free_room(room);
        return error;
    }
    *out_room = room;
    return CF_OK;
}

enum cf_error cf_mem_member_add(struct mem_room *room, struct mem_user *user, enum cf_role role,
                                cf_us now)
{
    struct mem_member *members = cf_mem_grow(room->members, room->members_count, sizeof(*members));
    if (members == NULL)
        return CF_E_NOMEM;
    room->members = members;
    members[room->members_count++] = (struct mem_member){user, role, now};
    return CF_OK;
}

void cf_mem_member_remove(struct mem_room *room, struct mem_member *member)
{
    size_t index = (size_t)(member - room->members);
    size_t behind = room->members_count - index - 1;
    memmove(member, member + 1, behind * sizeof(*member));
    room->members_count--;
}

static enum cf_error link_message(struct mem_store *mem, struct mem_message *message)
{
    struct mem_room *room = message->room;
    struct mem_message **messages =
        cf_mem_grow(room->messages, room->messages_count, sizeof(struct mem_message *));
    if (messages == NULL)
        return CF_E_NOMEM;
    room->messages = messages;
    enum cf_error error = cf_map_put(&mem->messages, uuid_key(&message->id), message);
    if (error != CF_OK)
        return error;
    if (message->sent_key.len > 0) {
        error = cf_map_put(&room->sent, message->sent_key, message);
        if (error != CF_OK) {
            (void)cf_map_remove(&mem->messages, uuid_key(&message->id));
            return error;
        }
    }
    messages[room->messages_count++] = message;
    return CF_OK;
}

enum cf_error cf_mem_message_give(struct mem_store *mem, struct mem_message *message)
{
    enum cf_error error = link_message(mem, message);
    if (error != CF_OK)
        cf_mem_message_free(message);
    return error;
}

void cf_mem_message_free(struct mem_message *message)
{
    if (message == NULL)
        return;
    cf_mem_free(&message->text);
    cf_mem_free(&message->image);
    cf_mem_free(&message->sent_key);
    free(message);
}

void cf_mem_tables_init(struct mem_store *mem)
{
    cf_map_init(&mem->users, mem->hash_key);
    cf_map_init(&mem->rooms, mem->hash_key);
    cf_map_init(&mem->messages, mem->hash_key);
}

void cf_mem_tables_deinit(struct mem_store *mem)
{
    size_t cursor = 0;
    void *value;
    while ((value = cf_map_next(&mem->messages, &cursor)) != NULL)
        cf_mem_message_free(value);
    cursor = 0;
    while ((value = cf_map_next(&mem->rooms, &cursor)) != NULL)
        free_room(value);
    cursor = 0;
    while ((value = cf_map_next(&mem->users, &cursor)) != NULL)
        free_user(value);
    cf_map_deinit(&mem->messages);
    cf_map_deinit(&mem->rooms);
    cf_map_deinit(&mem->users);
}
