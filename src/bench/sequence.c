#include "bench/sequence.h"

#include <stdlib.h>
#include <string.h>

enum { LOG_FIRST = 1024 };

enum cf_error cf_bench_sequence_init(struct cf_bench_sequence *sequence, unsigned senders,
                                     const char *text_key, cf_bench_stamp *stamp)
{
    *sequence = (struct cf_bench_sequence){
        .senders = senders, .text_key = cf_slice_cstr(text_key), .stamp = stamp};
    sequence->next = calloc((size_t)senders + 1, sizeof(*sequence->next));
    return sequence->next == NULL ? CF_E_NOMEM : CF_OK;
}

void cf_bench_sequence_deinit(struct cf_bench_sequence *sequence)
{
    free(sequence->next);
}

void cf_bench_log_deinit(struct cf_bench_log *log)
{
    free(log->messages);
    *log = (struct cf_bench_log){.receivers = log->receivers};
}

static bool text_begins_at(struct cf_slice key, struct cf_slice payload, size_t at)
{
    return at >= key.len && payload.len >= at + CF_BENCH_HEAD_LEN &&
           memcmp(payload.ptr + at - key.len, key.ptr, key.len) == 0;
}

/* The place of the text is the same in nearly all messages of a room. NULL: there is none. */
static const uint8_t *find_text(const struct cf_bench_sequence *sequence, struct cf_bench_log *log,
                                struct cf_slice payload)
{
    struct cf_slice key = sequence->text_key;
    if (text_begins_at(key, payload, log->text_at))
        return payload.ptr + log->text_at;
    for (size_t at = key.len; at < payload.len; at++) {
        if (!text_begins_at(key, payload, at))
            continue;
        log->text_at = at;
        return payload.ptr + at;
    }
    return NULL;
}

static bool names_equal(const struct cf_bench_message *message, const uint8_t *name)
{
    return memcmp(message->name, name, CF_BENCH_NAME_LEN) == 0;
}

static enum cf_error append(struct cf_bench_log *log, const uint8_t *name, uint64_t sent_ns)
{
    if (log->count == log->cap) {
        size_t cap = log->cap == 0 ? LOG_FIRST : log->cap * 2;
        struct cf_bench_message *messages = realloc(log->messages, cap * sizeof(*messages));
        if (messages == NULL)
            return CF_E_NOMEM;
        log->messages = messages;
        log->cap = cap;
    }
    struct cf_bench_message *message = &log->messages[log->count++];
    memcpy(message->name, name, CF_BENCH_NAME_LEN);
    message->sent_ns = sent_ns;
    return CF_OK;
}

/* The position of a message, the latest first; log->count when it is not there. */
static size_t search(const struct cf_bench_log *log, const uint8_t *name)
{
    for (size_t i = log->count; i-- > 0;) {
        if (names_equal(&log->messages[i], name))
            return i;
    }
    return log->count;
}

static enum cf_error skip_to(struct cf_bench_place *place, size_t position)
{
    if (position == place->at)
        return CF_OK;
    size_t count = place->missed_count + position - place->at;
    size_t *missed = realloc(place->missed, count * sizeof(*missed));
    if (missed == NULL)
        return CF_E_NOMEM;
    place->missed = missed;
    for (; place->at < position; place->at++)
        place->missed[place->missed_count++] = place->at;
    return CF_OK;
}

/* A position behind the receiver: it had been skipped, or it comes again. */
static void look_back(struct cf_bench_place *place, size_t position, uint64_t weight,
                      struct cf_bench_faults *faults)
{
    for (size_t i = 0; i < place->missed_count; i++) {
        if (place->missed[i] != position)
            continue;
        place->missed[i] = place->missed[--place->missed_count];
        faults->reordered += weight;
        return;
    }
    faults->doubled += weight;
}

static enum cf_error go_to(struct cf_bench_place *place, size_t position, uint64_t weight,
                           struct cf_bench_faults *faults)
{
    if (position < place->at) {
        look_back(place, position, weight, faults);
        return CF_OK;
    }
    enum cf_error error = skip_to(place, position);
    if (error == CF_OK)
        place->at++;
    return error;
}

/* The first receiver to see a message. One that its sender sent before one that was seen is late; a
 * gap is lost, if it is not filled. */
static enum cf_error see_first(struct cf_bench_sequence *sequence, struct cf_bench_log *log,
                               struct cf_slice payload, const uint8_t *text, uint64_t sent_ns,
                               unsigned sender, uint32_t counter)
{
    uint64_t stamp = sequence->stamp == NULL ? 0 : sequence->stamp(payload);
    bool late = counter < sequence->next[sender] || (stamp != 0 && stamp <= log->stamp);
    if (late)
        sequence->faults.reordered++;
    if (stamp > log->stamp)
        log->stamp = stamp;
    if (counter >= sequence->next[sender])
        sequence->next[sender] = counter + 1;
    return append(log, text, sent_ns);
}

/* Not what this receiver should see next: a new message, or something is wrong. */
static enum cf_error take_other(struct cf_bench_sequence *sequence, struct cf_bench_log *log,
                                struct cf_bench_place *place, struct cf_slice payload,
                                const uint8_t *text, size_t *out_position)
{
    unsigned sender;
    uint32_t counter;
    uint64_t sent_ns;
    if (!cf_bench_text_parse(text, &sender, &counter, &sent_ns) || sender >= sequence->senders)
        return CF_E_INVALID;
    size_t position = log->count;
    if (counter < sequence->next[sender])
        position = search(log, text);
    enum cf_error error = CF_OK;
    if (position == log->count)
        error = see_first(sequence, log, payload, text, sent_ns, sender, counter);
    *out_position = position;
    return error == CF_OK ? go_to(place, position, 1, &sequence->faults) : error;
}

enum cf_error cf_bench_sequence_take(struct cf_bench_sequence *sequence, struct cf_bench_log *log,
                                     struct cf_bench_place *place, struct cf_slice payload,
                                     const struct cf_bench_message **out_message)
{
    enum cf_error error = CF_OK;
    size_t position = place->at;
    const uint8_t *text = find_text(sequence, log, payload);
    if (text == NULL)
        return CF_E_INVALID;
    if (position < log->count && names_equal(&log->messages[position], text))
        place->at++;
    else
        error = take_other(sequence, log, place, payload, text, &position);
    if (error == CF_OK)
        *out_message = &log->messages[position];
    return error;
}

void cf_bench_place_finish(const struct cf_bench_log *log, struct cf_bench_place *place,
                           struct cf_bench_faults *faults)
{
    faults->lost += log->count - place->at + place->missed_count;
    free(place->missed);
    *place = (struct cf_bench_place){.at = log->count};
}

/* Walks `other` along `reference`, of whose messages `own` are its own and the rest are what others
 * have seen besides. */
static enum cf_error walk(struct cf_bench_log *reference, size_t own,
                          const struct cf_bench_log *other, struct cf_bench_faults *faults)
{
    struct cf_bench_log ours = *reference;
    struct cf_bench_place place = {.at = 0};
    enum cf_error error = CF_OK;
    ours.count = own;
    for (size_t i = 0; i < other->count && error == CF_OK; i++) {
        const struct cf_bench_message *message = &other->messages[i];
        if (place.at < own && names_equal(&ours.messages[place.at], message->name)) {
            place.at++;
            continue;
        }
        size_t position = search(&ours, message->name);
        if (position < own) {
            error = go_to(&place, position, other->receivers, faults);
        } else if (search(reference, message->name) == reference->count) {
            faults->lost += reference->receivers;
            error = append(reference, message->name, message->sent_ns);
            ours.messages = reference->messages;
        }
    }
    faults->lost += (own - place.at + place.missed_count) * other->receivers;
    free(place.missed);
    return error;
}

enum cf_error cf_bench_logs_compare(struct cf_bench_log *const *logs, size_t count, uint64_t sent,
                                    struct cf_bench_faults *faults)
{
    struct cf_bench_log *reference = logs[0]; /* the longest: the first may have no receivers */
    size_t receivers = 0;
    for (size_t i = 0; i < count; i++) {
        receivers += logs[i]->receivers;
        if (logs[i]->count > reference->count)
            reference = logs[i];
    }
    size_t own = reference->count;
    enum cf_error error = CF_OK;
    for (size_t i = 0; i < count && error == CF_OK; i++) {
        if (logs[i] != reference)
            error = walk(reference, own, logs[i], faults);
    }
    if (sent > reference->count)
        faults->lost += (sent - reference->count) * receivers;
    for (size_t i = 0; i < count; i++)
        cf_bench_log_deinit(logs[i]);
    return error;
}
