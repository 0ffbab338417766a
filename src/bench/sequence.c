#include "bench/sequence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

void load_sequence_init(struct load_sequence *sequence, unsigned senders, const char *text_key)
{
    *sequence = (struct load_sequence){.text_key = cf_slice_cstr(text_key)};
    sequence->text_at = sequence->text_key.len;
    sequence->next = load_new_array(senders, sizeof(*sequence->next));
}

void load_sequence_deinit(struct load_sequence *sequence)
{
    free(sequence->messages);
    free(sequence->next);
}

static bool text_begins_at(const struct load_sequence *sequence, struct cf_slice payload, size_t at)
{
    struct cf_slice key = sequence->text_key;
    return payload.len >= at + LOAD_NAME_LEN &&
           memcmp(payload.ptr + at - key.len, key.ptr, key.len) == 0;
}

/* The place of the text is the same in nearly all messages of a room. */
static const char *find_name(struct load_sequence *sequence, struct cf_slice payload)
{
    size_t at = sequence->text_key.len;
    for (; !text_begins_at(sequence, payload, sequence->text_at); at++) {
        if (at > payload.len)
            load_die("a listener received what no sender has sent");
        sequence->text_at = at;
    }
    return (const char *)payload.ptr + sequence->text_at;
}

static const struct load_message *append(struct load_sequence *sequence, const char *name)
{
    if (sequence->count == sequence->cap) {
        sequence->cap = sequence->cap == 0 ? 1 << 14 : sequence->cap * 2;
        sequence->messages =
            realloc(sequence->messages, sequence->cap * sizeof(*sequence->messages));
        if (sequence->messages == NULL)
            load_die("no memory");
    }
    struct load_message *message = &sequence->messages[sequence->count++];
    memcpy(message->name, name, LOAD_NAME_LEN);
    message->sent_ns = strtoull(name + 14, NULL, 16);
    return message;
}

static const struct load_message *search(const struct load_sequence *sequence, const char *name)
{
    for (size_t i = sequence->count; i-- > 0;) {
        if (memcmp(sequence->messages[i].name, name, LOAD_NAME_LEN) == 0)
            return &sequence->messages[i];
    }
    return NULL;
}

static void skip_to(struct load_place *place, size_t position)
{
    if (position == place->at)
        return;
    size_t count = place->missed_count + position - place->at;
    place->missed = realloc(place->missed, count * sizeof(*place->missed));
    if (place->missed == NULL)
        load_die("no memory");
    for (; place->at < position; place->at++)
        place->missed[place->missed_count++] = place->at;
}

/* A position behind the listener: it had been skipped, or it comes again. */
static void look_back(struct load_place *place, size_t position, struct load_faults *faults)
{
    for (size_t i = 0; i < place->missed_count; i++) {
        if (place->missed[i] != position)
            continue;
        place->missed[i] = place->missed[--place->missed_count];
        faults->disordered++;
        return;
    }
    faults->doubled++;
}

/* Not what this listener should see next: a new message, or something is wrong. */
static const struct load_message *take_other(struct load_sequence *sequence,
                                             struct load_place *place, const char *name,
                                             struct load_faults *faults)
{
    unsigned sender = (unsigned)strtoul(name, NULL, 16);
    uint32_t counter = (uint32_t)strtoul(name + 5, NULL, 16);
    const struct load_message *message = NULL;
    if (counter < sequence->next[sender])
        message = search(sequence, name);
    if (message == NULL) {
        if (counter != sequence->next[sender])
            faults->disordered++;
        if (counter >= sequence->next[sender])
            sequence->next[sender] = counter + 1;
        message = append(sequence, name);
    }
    size_t position = (size_t)(message - sequence->messages);
    if (position < place->at) {
        look_back(place, position, faults);
        return message;
    }
    skip_to(place, position);
    place->at++;
    return message;
}

const struct load_message *load_sequence_take(struct load_sequence *sequence,
                                              struct load_place *place, struct cf_slice payload,
                                              struct load_faults *faults)
{
    const char *name = find_name(sequence, payload);
    if (place->at == sequence->count)
        return take_other(sequence, place, name, faults);
    const struct load_message *due = &sequence->messages[place->at];
    if (memcmp(due->name, name, LOAD_NAME_LEN) != 0)
        return take_other(sequence, place, name, faults);
    place->at++;
    return due;
}

void load_place_finish(const struct load_sequence *sequence, struct load_place *place,
                       struct load_faults *faults)
{
    faults->missing += sequence->count - place->at + place->missed_count;
    free(place->missed);
}
