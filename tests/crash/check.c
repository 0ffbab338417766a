#include "crash/check.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "crash/compare.h"
#include "crash/machine.h"
#include "crash/random.h"

enum { UNKNOWN_MAX = 8, RETRIED = 3, NEW_BATCHES = 2 };

uint64_t text_hash(const struct text *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text->len; i++)
        hash = (hash ^ (uint8_t)text->bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static struct step *push(struct history *history)
{
    CF_ASSERT(history->count < HISTORY_MAX);
    return &history->steps[history->count++];
}

void history_add(struct history *history, uint64_t number, enum rig_outcome outcome,
                 const struct text *answers, size_t ok)
{
    bool answered = outcome == RIG_OUTCOME_OK;
    *push(history) =
        (struct step){number, !answered, answered, answered ? text_hash(answers) : 0, ok};
}

void history_cut(const struct history *history, size_t before, const struct disk *disk, size_t at,
                 struct history *out_known)
{
    out_known->count = 0;
    for (size_t i = 0; i < before; i++)
        *push(out_known) = history->steps[i];
    size_t next = before;
    for (size_t i = 0; i < at; i++) {
        const struct disk_op *op = &disk->ops[i];
        if (op->kind != DISK_MARK)
            continue;
        if (op->mark == RIG_SUBMITTED)
            *push(out_known) = (struct step){.number = op->at, .unknown = true};
        else
            out_known->steps[out_known->count - 1] = history->steps[next++];
    }
}

bool tally_is_clean(const struct tally *tally)
{
    return tally->lost + tally->doubled + tally->refused + tally->wrong + tally->damaged == 0;
}

void tally_trace(struct tally *tally, const struct disk *disk)
{
    for (size_t i = 0; i < disk->ops_count; i++) {
        const struct disk_op *op = &disk->ops[i];
        uint64_t part =
            (uint64_t)op->kind << 56 ^ (uint64_t)op->file << 48 ^ op->at << 16 ^ op->len;
        tally->trace = random_part(tally->trace, part);
    }
}

/* ---- what the database says of itself ---- */

/* Each counts what must not be. The log of a room, a conversation and a group has no gap and goes
 * forward; a client id stands for one message. */
static const char *const promises[] = {
    "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    "SELECT count(*) FROM pragma_foreign_key_check",
    "SELECT count(*) FROM (SELECT abs(seq) AS seq, created_us, row_number() OVER w AS place,"
    " lag(created_us) OVER w AS earlier FROM shop_messages"
    " WINDOW w AS (PARTITION BY room ORDER BY abs(seq))) WHERE seq <> place OR created_us <= "
    "earlier",
    "SELECT (SELECT count(*) FROM shop_messages WHERE seq < 0) <> coalesce(sum(gone), 0)"
    " FROM shop_gaps",
    "SELECT count(*) FROM (SELECT seq, id, created_us, row_number() OVER w AS place,"
    " lag(created_us) OVER w AS earlier, lag(id) OVER w AS number FROM"
    " (SELECT * FROM messages UNION ALL SELECT * FROM group_messages)"
    " WINDOW w AS (PARTITION BY conversation ORDER BY seq))"
    " WHERE seq <> place OR created_us <= earlier OR id <= number",
    "SELECT count(*) FROM (SELECT stamp, lag(stamp) OVER (PARTITION BY room ORDER BY key)"
    " AS earlier FROM orbital_events) WHERE stamp <= earlier",
    "SELECT count(*) FROM (SELECT 1 FROM shop_messages WHERE client_id IS NOT NULL"
    " GROUP BY room, author, client_id HAVING count(*) > 1)",
    "SELECT count(*) FROM (SELECT 1 FROM messages"
    " GROUP BY sender, client_message_id HAVING count(*) > 1)",
    "SELECT count(*) FROM (SELECT 1 FROM orbital_events WHERE client_id IS NOT NULL"
    " GROUP BY room, author, client_id HAVING count(*) > 1)",
    "SELECT count(*) - count(DISTINCT number) FROM (SELECT id AS number FROM messages"
    " UNION ALL SELECT id FROM group_messages UNION ALL SELECT number FROM marks)",
};

static bool is_kept(sqlite3 *handle, const char *promise)
{
    sqlite3_stmt *statement = NULL;
    bool kept = sqlite3_prepare_v2(handle, promise, -1, &statement, NULL) == SQLITE_OK &&
                sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int64(statement, 0) == 0;
    (void)sqlite3_finalize(statement);
    return kept;
}

/* The first promise that is not kept; NULL: all are. */
static const char *find_broken(void)
{
    sqlite3 *handle = NULL;
    const char *broken = NULL;
    if (sqlite3_open_v2(MACHINE_FOLDER RIG_DATABASE, &handle, SQLITE_OPEN_READWRITE, NULL) !=
        SQLITE_OK)
        broken = "open";
    for (size_t i = 0; broken == NULL && i < CF_ARRAY_LEN(promises); i++)
        if (!is_kept(handle, promises[i]))
            broken = promises[i];
    (void)sqlite3_close(handle);
    return broken;
}

/* ---- going on ---- */

/* Gives the last batches again, the newest first, and new ones. False when one was not taken. */
static bool go_on(struct rig *rig, const struct workload *workload, struct history *history)
{
    uint64_t numbers[RETRIED + NEW_BATCHES];
    size_t count = 0;
    uint64_t newest = 0;
    for (size_t i = 0; i < history->count; i++)
        newest = history->steps[i].number > newest ? history->steps[i].number : newest;
    for (size_t i = 0; i < RETRIED && i < history->count; i++)
        numbers[count++] = history->steps[history->count - 1 - i].number;
    for (size_t i = 0; i < NEW_BATCHES; i++)
        numbers[count++] = history->count == 0 ? i : newest + 1 + i;
    struct text answers = {NULL, 0, 0};
    bool taken = true;
    for (size_t i = 0; taken && i < count; i++) {
        size_t ok;
        enum rig_outcome outcome = rig_batch(rig, workload, numbers[i], &answers, &ok);
        history_add(history, numbers[i], outcome, &answers, ok);
        taken = outcome == RIG_OUTCOME_OK;
    }
    text_deinit(&answers);
    return taken;
}

/* What was seen of the store on the found disk. */
struct seen {
    struct text first; /* shown before anything was done */
    size_t first_at;   /* steps of the history by then */
    struct text last;  /* shown after all steps */
};

/* ---- telling the history to the store in memory ---- */

/* Tells it with those unknown batches that are in `mask`; true when all is as it was seen. */
static bool tell(const struct workload *workload, const struct history *history,
                 const struct seen *seen, unsigned mask, bool *out_first_fits)
{
    struct rig mem;
    rig_init(&mem);
    rig_open_mem(&mem);
    struct text text = {NULL, 0, 0};
    unsigned unknown = 0;
    bool fits = true;
    *out_first_fits = false;
    for (size_t i = 0; fits && i <= history->count; i++) {
        if (i == seen->first_at) {
            rig_show(&mem, &text);
            fits = *out_first_fits = text_eq(&text, &seen->first);
        }
        if (!fits || i == history->count)
            break;
        const struct step *step = &history->steps[i];
        if (step->unknown && (mask >> unknown++ & 1) == 0)
            continue;
        size_t ok;
        (void)rig_batch(&mem, workload, step->number, &text, &ok);
        fits = !step->answered || step->answers == text_hash(&text);
    }
    if (fits) {
        rig_show(&mem, &text);
        fits = text_eq(&text, &seen->last);
    }
    text_deinit(&text);
    rig_deinit(&mem);
    return fits;
}

/* The unknown batches of the history become known. */
static void resolve(struct history *history, unsigned mask, struct tally *tally)
{
    size_t kept = 0;
    unsigned unknown = 0;
    for (size_t i = 0; i < history->count; i++) {
        struct step step = history->steps[i];
        bool there = !step.unknown || (mask >> unknown++ & 1) != 0;
        if (step.unknown && there)
            tally->unknown_there++;
        else if (step.unknown)
            tally->unknown_gone++;
        step.unknown = false;
        if (there)
            history->steps[kept++] = step;
    }
    history->count = kept;
}

static bool find_telling(const struct workload *workload, struct history *history,
                         const struct seen *seen, struct tally *tally, bool *out_first_fits)
{
    unsigned unknown = 0;
    for (size_t i = 0; i < history->count; i++)
        unknown += history->steps[i].unknown;
    CF_ASSERT(unknown <= UNKNOWN_MAX);
    *out_first_fits = false;
    for (unsigned mask = 0; mask < 1u << unknown; mask++) {
        bool first_fits;
        if (tell(workload, history, seen, mask, &first_fits)) {
            resolve(history, mask, tally);
            return true;
        }
        *out_first_fits = *out_first_fits || first_fits;
    }
    return false;
}

static bool fail(struct tally *tally, uint64_t *figure, const char *name, const char *what)
{
    if (!tally->quiet)
        (void)fprintf(stderr, "%s: %s\n", name, what);
    (*figure)++;
    return false;
}

/* The store in memory does not agree: what is it? */
static bool explain(const struct workload *workload, const struct history *history,
                    const struct seen *seen, bool first_fits, const char *name, struct tally *tally)
{
    struct difference difference = {0};
    if (!first_fits)
        compare_with_history(workload, history, seen->first_at, &seen->first, &difference);
    tally->lost += difference.lost;
    tally->doubled += difference.doubled;
    tally->refused += difference.extra;
    if (!tally->quiet && difference.example[0] != '\0')
        (void)fprintf(stderr, "%s: lost %zu, doubled %zu, not promised %zu, such as: %s\n", name,
                      difference.lost, difference.doubled, difference.extra, difference.example);
    if (difference.lost + difference.doubled + difference.extra == 0)
        return fail(tally, &tally->wrong, name, "answers other than promised");
    return false;
}

static bool open_and_look(struct rig *rig, const struct workload *workload, struct history *history,
                          struct seen *seen)
{
    if (!rig_open(rig))
        return false;
    seen->first_at = history->count;
    rig_show(rig, &seen->first);
    bool taken = go_on(rig, workload, history);
    if (taken)
        rig_show(rig, &seen->last);
    rig_close(rig);
    return taken;
}

bool check_disk(struct disk *disk, const struct workload *workload, struct history *history,
                uint64_t seed, const char *name, struct tally *tally)
{
    struct rig rig;
    struct seen seen = {0};
    bool first_fits = false;
    tally->images++;
    for (size_t i = 0; i < history->count; i++)
        tally->checked += history->steps[i].ok;
    machine_mount(disk, seed);
    rig_init(&rig);
    bool good = open_and_look(&rig, workload, history, &seen);
    const char *broken = good ? find_broken() : rig.why[0] != '\0' ? rig.why : "takes no writes";
    if (broken != NULL)
        good = fail(tally, &tally->damaged, name, broken);
    else if (!find_telling(workload, history, &seen, tally, &first_fits))
        good = explain(workload, history, &seen, first_fits, name, tally);
    rig_deinit(&rig);
    text_deinit(&seen.first);
    text_deinit(&seen.last);
    return good;
}
