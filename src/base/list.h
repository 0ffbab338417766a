/* An intrusive doubly linked list: a node lives in the struct that it links, an unlinked node
 * points at itself. */
#ifndef CF_BASE_LIST_H
#define CF_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/assert.h"

struct cf_list {
    struct cf_list *next, *prev;
};

/* The struct around `node`. */
#define CF_LIST_ENTRY(node, type, member) CF_CONTAINER_OF(node, type, member)

static inline void cf_list_init(struct cf_list *node)
{
    node->next = node->prev = node;
}

static inline bool cf_list_empty(const struct cf_list *head)
{
    return head->next == head;
}

static inline void cf_list_push_back(struct cf_list *head, struct cf_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* Takes the node out of its list; harmless when it is in none. */
static inline void cf_list_remove(struct cf_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    cf_list_init(node);
}

/* The first node, taken out; NULL when empty. */
static inline struct cf_list *cf_list_pop_front(struct cf_list *head)
{
    struct cf_list *node = head->next;
    if (node == head)
        return NULL;
    cf_list_remove(node);
    return node;
}

/* Moves every node of `from` behind those of `to`; `from` is empty afterwards. */
static inline void cf_list_splice_back(struct cf_list *to, struct cf_list *from)
{
    if (cf_list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    cf_list_init(from);
}

#endif
