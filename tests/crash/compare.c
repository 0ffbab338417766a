#include "crash/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The names of all things that a store shows, sorted. A thing is named by its line up to the " | ",
 * behind the line of the request that showed it. */
struct things {
    char **names;
    size_t count, cap;
};

static void add_thing(struct things *things, const char *request, size_t request_len,
                      const char *line, size_t line_len)
{
    if (things->count == things->cap) {
        things->cap = things->cap * 2 + 256;
        things->names = realloc(things->names, things->cap * sizeof(*things->names));
        CF_ASSERT(things->names != NULL);
    }
    char *name = malloc(request_len + line_len + 3);
    CF_ASSERT(name != NULL);
    memcpy(name, request, request_len);
    memcpy(name + request_len, ": ", 2);
    memcpy(name + request_len + 2, line, line_len);
    name[request_len + 2 + line_len] = '\0';
    things->names[things->count++] = name;
}

static size_t name_len(const char *line, const char *end)
{
    for (const char *at = line; at + 1 < end; at++)
        if (at[0] == ' ' && at[1] == '|')
            return (size_t)(at - line);
    return (size_t)(end - line);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_things(const struct text *shown, struct things *things)
{
    *things = (struct things){NULL, 0, 0};
    const char *request = "";
    size_t request_len = 0;
    const char *line = shown->bytes;
    const char *end = shown->bytes + shown->len;
    while (line < end) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        size_t len = name_len(line, line_end);
        if (strncmp(line, "op=", 3) == 0) {
            request = line;
            request_len = len;
        } else {
            add_thing(things, request, request_len, line, len);
        }
        line = line_end + 1;
    }
    if (things->count > 0)
        qsort(things->names, things->count, sizeof(*things->names), by_name);
}

static void free_things(struct things *things)
{
    for (size_t i = 0; i < things->count; i++)
        free(things->names[i]);
    free(things->names);
}

static void note(struct difference *difference, const char *name)
{
    if (difference->example[0] == '\0')
        (void)snprintf(difference->example, sizeof(difference->example), "%.150s", name);
}

/* Both are sorted: a walk along them side by side. */
static void count_differences(const struct things *promised, const struct things *found,
                              struct difference *difference)
{
    size_t i = 0;
    size_t j = 0;
    while (i < promised->count || j < found->count) {
        int order = i == promised->count ? 1
                    : j == found->count  ? -1
                                         : strcmp(promised->names[i], found->names[j]);
        if (order < 0) {
            note(difference, promised->names[i++]);
            difference->lost++;
        } else if (order > 0) {
            bool again = j > 0 && strcmp(found->names[j - 1], found->names[j]) == 0;
            difference->doubled += again;
            difference->extra += !again;
            note(difference, found->names[j++]);
        } else {
            i++;
            j++;
        }
    }
}

void compare_with_history(const struct workload *workload, const struct history *history,
                          size_t steps, const struct text *shown, struct difference *out_difference)
{
    struct rig mem;
    rig_init(&mem);
    rig_open_mem(&mem);
    struct text text = {NULL, 0, 0};
    size_t newer = 0; /* acknowledged since the mem last showed the same */
    bool met = false;
    *out_difference = (struct difference){0};
    for (size_t i = 0; i <= steps; i++) {
        rig_show(&mem, &text);
        if (text_eq(&text, shown)) {
            newer = 0;
            met = true;
        }
        if (i == steps)
            break;
        size_t ok;
        (void)rig_batch(&mem, workload, history->steps[i].number, &text, &ok);
        newer += history->steps[i].unknown ? 0 : ok;
    }
    if (met) {
        out_difference->lost = newer;
    } else {
        struct things promised, found;
        rig_show(&mem, &text);
        list_things(&text, &promised);
        list_things(shown, &found);
        count_differences(&promised, &found, out_difference);
        free_things(&promised);
        free_things(&found);
    }
    text_deinit(&text);
    rig_deinit(&mem);
}
