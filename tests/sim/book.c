#include "sim/book.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

struct book book;

void book_begin(void)
{
    memset(&book, 0, sizeof(book));
}

void book_fail(const char *property, const char *format, ...)
{
    va_list args;
    if (book.failed != NULL)
        return;
    book.failed = property;
    va_start(args, format);
    vsnprintf(book.why, sizeof(book.why), format, args);
    va_end(args);
    sim_trace("FAILED %s: %s", property, book.why);
}

int book_room(const char *dialect)
{
    CF_ASSERT(book.rooms_count < BOOK_ROOMS);
    book.rooms[book.rooms_count].dialect = dialect;
    return book.rooms_count++;
}

struct book_said *book_say(int room, int author)
{
    if (book.said_count == BOOK_SAID_MAX)
        return NULL;
    struct book_said *said = &book.said[book.said_count];
    uint64_t a = sim_random(), b = sim_random();
    said->room = room;
    said->author = author;
    said->at = sim.now;
    (void)snprintf(said->client_id, sizeof(said->client_id), "%08x-%04x-4%03x-8%03x-%012llx",
                   (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xFFFF), (unsigned)(a & 0xFFF),
                   (unsigned)(b >> 52), (unsigned long long)(b & 0xFFFFFFFFFFFF));
    (void)snprintf(said->text, sizeof(said->text), "%d says %d in %d", author, book.said_count,
                   room);
    book.said_count++;
    return said;
}

static bool is(const char *text, struct cf_slice slice)
{
    return cf_slice_eq(cf_slice_cstr(text), slice);
}

/* The number of what was said is the third word of its text. */
struct book_said *book_find(struct cf_slice text)
{
    struct cf_slice rest = text, word = {NULL, 0};
    uint64_t number;
    for (int i = 0; i < 3; i++) {
        if (!cf_slice_next(&rest, ' ', &word))
            return NULL;
    }
    if (!cf_slice_to_u64(word, &number) || number >= (uint64_t)book.said_count)
        return NULL;
    return is(book.said[number].text, text) ? &book.said[number] : NULL;
}

static void copy(char *out, size_t size, struct cf_slice slice)
{
    CF_ASSERT(slice.len < size);
    memcpy(out, slice.ptr, slice.len);
    out[slice.len] = '\0';
}

void book_acknowledged(struct book_said *said, struct cf_slice id)
{
    if (said->acknowledged && !is(said->id, id))
        book_fail("property 1, idempotency", "\"%s\" was acknowledged as %s, then as %.*s",
                  said->text, said->id, (int)id.len, (const char *)id.ptr);
    if (!said->acknowledged)
        copy(said->id, sizeof(said->id), id);
    said->acknowledged = true;
}

/* ---- views ---- */

static struct book_line *line_of(const struct book_view *view, struct cf_slice id)
{
    for (size_t i = view->count; i > 0; i--) {
        if (is(view->lines[i - 1].id, id))
            return &view->lines[i - 1];
    }
    return NULL;
}

static void insert(struct book_view *view, const struct book_line *line)
{
    if (view->count == view->cap) {
        view->cap = view->cap == 0 ? 64 : view->cap * 2;
        view->lines = realloc(view->lines, view->cap * sizeof(*view->lines));
        CF_ASSERT(view->lines != NULL);
    }
    size_t place = view->count++;
    for (; place > 0 && view->lines[place - 1].order > line->order; place--)
        view->lines[place] = view->lines[place - 1];
    view->lines[place] = *line;
}

/* Said after they had been removed. */
static bool came_too_late(int room, int person, struct cf_slice text)
{
    int64_t removed = book.rooms[room].removed[person];
    const struct book_said *said = removed > 0 ? book_find(text) : NULL;
    return said != NULL && said->room == room && said->at > removed;
}

void book_shown(struct book_view *view, int room, int person, struct cf_slice id,
                struct cf_slice text, int64_t order)
{
    struct book_line line = {.order = order};
    if (!book.rooms[room].member[person] || came_too_late(room, person, text))
        book_fail("a stranger learns nothing", "%d was shown %.*s of room %d", person,
                  (int)text.len, (const char *)text.ptr, room);
    const struct book_line *known = line_of(view, id);
    if (known != NULL && (!is(known->text, text) || known->order != order))
        book_fail("one version of a message", "%d was shown %.*s in two versions", person,
                  (int)id.len, (const char *)id.ptr);
    if (known != NULL)
        return;
    copy(line.id, sizeof(line.id), id);
    copy(line.text, sizeof(line.text), text);
    insert(view, &line);
}

void book_view_free(struct book_view *view)
{
    free(view->lines);
    *view = (struct book_view){0};
}

/* ---- the end of a run ---- */

static void check_twice(int room, int person, const struct book_view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        for (size_t j = i + 1; j < view->count; j++) {
            if (strcmp(view->lines[i].text, view->lines[j].text) == 0)
                book_fail("property 1, idempotency", "%d sees \"%s\" twice in room %d", person,
                          view->lines[i].text, room);
        }
        if (i > 0 && view->lines[i - 1].order == view->lines[i].order)
            book_fail("property 2, order", "%d sees two messages in one place of room %d", person,
                      room);
    }
}

static void check_acknowledged(int room, int person, const struct book_view *view)
{
    for (int i = 0; i < book.said_count; i++) {
        const struct book_said *said = &book.said[i];
        if (said->room != room || !said->acknowledged)
            continue;
        const struct book_line *line = line_of(view, cf_slice_cstr(said->id));
        if (line == NULL || strcmp(line->text, said->text) != 0)
            book_fail("property 4, no loss", "%d does not see \"%s\", acknowledged as %s", person,
                      said->text, said->id);
    }
}

static void check_known(int room, int person, const struct book_view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct book_said *said = book_find(cf_slice_cstr(view->lines[i].text));
        if (said == NULL || said->room != room)
            book_fail("nothing out of nowhere", "%d sees \"%s\" in room %d", person,
                      view->lines[i].text, room);
    }
}

static void check_same(int room, const struct book_view *a, const struct book_view *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; i < a->count && same; i++)
        same = strcmp(a->lines[i].id, b->lines[i].id) == 0;
    if (!same)
        book_fail("property 2, order", "two members see room %d differently (%zu and %zu lines)",
                  room, a->count, b->count);
}

void book_check_room(int room, struct book_view *const views[BOOK_PEOPLE])
{
    const struct book_view *first = NULL;
    for (int person = 0; person < BOOK_PEOPLE; person++) {
        if (views[person] == NULL)
            continue;
        check_twice(room, person, views[person]);
        check_acknowledged(room, person, views[person]);
        check_known(room, person, views[person]);
        if (first != NULL)
            check_same(room, first, views[person]);
        first = views[person];
    }
    for (int i = 0; i < book.said_count; i++) {
        const struct book_said *said = &book.said[i];
        if (said->room == room && !said->acknowledged && !said->given_up)
            book_fail("property 3, at least once", "\"%s\" was never acknowledged", said->text);
    }
}
