#include "unit/base/support.h"

#include "base/outq.h"

static void push(struct cf_outq *q, struct cf_slice bytes, uint32_t messages)
{
    struct cf_shared *shared = cf_shared_new(bytes);
    assert_non_null(shared);
    assert_int_equal(cf_outq_push(q, shared, messages), CF_OK);
    cf_shared_unref(shared);
}

static void assert_owns_nothing(const struct cf_outq *q)
{
    assert_true(cf_outq_empty(q));
    assert_null(q->first.bytes);
    assert_null(q->ring);
    assert_int_equal(q->messages, 0);
    assert_int_equal(q->bytes, 0);
}

static void an_empty_queue_owns_nothing(void **state)
{
    (void)state;
    struct cf_outq q;
    struct cf_slice slice;
    cf_outq_init(&q);
    assert_owns_nothing(&q);
    assert_int_equal(cf_outq_peek(&q, &slice, 1), 0);
    cf_outq_advance(&q, 0);
    assert_int_equal(cf_outq_drop_unsent(&q), 0);
    assert_panics(cf_outq_advance(&q, 1));
    cf_outq_deinit(&q);
}

static void one_entry_needs_no_ring(void **state)
{
    (void)state;
    struct cf_outq q;
    struct cf_slice slices[2];
    cf_outq_init(&q);
    push(&q, CF_LIT("hello"), 1);
    assert_null(q.ring);
    assert_int_equal(q.bytes, 5);
    assert_int_equal(q.messages, 1);
    assert_int_equal(cf_outq_peek(&q, slices, 0), 0);
    assert_int_equal(cf_outq_peek(&q, slices, 2), 1);
    assert_slice_equal(slices[0], "hello");
    cf_outq_advance(&q, 2);
    assert_int_equal(cf_outq_peek(&q, slices, 2), 1);
    assert_slice_equal(slices[0], "llo");
    assert_int_equal(q.bytes, 3);
    assert_int_equal(q.messages, 1);
    cf_outq_advance(&q, 3);
    assert_owns_nothing(&q);
    cf_outq_deinit(&q);
}

static void references_are_taken_and_given_back(void **state)
{
    (void)state;
    struct cf_shared *shared = cf_shared_new(CF_LIT("ab"));
    assert_non_null(shared);
    struct cf_outq queues[3];
    for (size_t i = 0; i < 3; i++) {
        cf_outq_init(&queues[i]);
        for (unsigned n = 0; n < 20; n++)
            assert_int_equal(cf_outq_push(&queues[i], shared, 1), CF_OK);
    }
    assert_int_equal(atomic_load(&shared->refs), 61);
    cf_outq_advance(&queues[0], 40);
    assert_int_equal(atomic_load(&shared->refs), 41);
    assert_int_equal(cf_outq_drop_unsent(&queues[1]), 20);
    assert_int_equal(atomic_load(&shared->refs), 21);
    cf_outq_advance(&queues[2], 3);
    assert_int_equal(atomic_load(&shared->refs), 20);
    for (size_t i = 0; i < 3; i++) {
        cf_outq_deinit(&queues[i]);
        assert_owns_nothing(&queues[i]);
    }
    assert_int_equal(atomic_load(&shared->refs), 1);
    cf_shared_unref(shared);
}

static void bytes_that_are_no_message_count_none(void **state)
{
    (void)state;
    struct cf_outq q;
    cf_outq_init(&q);
    push(&q, CF_LIT("pong"), 0);
    push(&q, CF_LIT("three"), 3);
    push(&q, CF_LIT(""), 7);
    assert_int_equal(q.messages, 3);
    assert_int_equal(q.bytes, 9);
    assert_int_equal(q.ring->len, 1);
    cf_outq_advance(&q, 4);
    assert_int_equal(q.messages, 3);
    cf_outq_advance(&q, 5);
    assert_owns_nothing(&q);
    push(&q, CF_LIT(""), 7);
    assert_owns_nothing(&q);
    cf_outq_deinit(&q);
}

/* An offset of 32 bits could not point into it. */
static void more_than_four_gibibytes_are_refused(void **state)
{
    (void)state;
    struct cf_shared huge = {.len = (size_t)UINT32_MAX + 1};
    struct cf_outq q;
    atomic_init(&huge.refs, 1);
    cf_outq_init(&q);
    assert_int_equal(cf_outq_push(&q, &huge, 1), CF_E_TOO_LARGE);
    assert_owns_nothing(&q);
    assert_int_equal(atomic_load(&huge.refs), 1);
}

static void drop_keeps_the_partly_written(void **state)
{
    (void)state;
    struct cf_outq q;
    struct cf_slice slices[2];
    cf_outq_init(&q);
    push(&q, CF_LIT("first"), 2);
    push(&q, CF_LIT("second"), 3);
    push(&q, CF_LIT("third"), 4);
    cf_outq_advance(&q, 1);
    assert_int_equal(cf_outq_drop_unsent(&q), 7);
    assert_int_equal(q.messages, 2);
    assert_int_equal(q.bytes, 4);
    assert_null(q.ring);
    assert_int_equal(cf_outq_peek(&q, slices, 2), 1);
    assert_slice_equal(slices[0], "irst");
    assert_int_equal(cf_outq_drop_unsent(&q), 0);
    push(&q, CF_LIT("bye"), 1);
    cf_outq_advance(&q, 4);
    assert_int_equal(cf_outq_peek(&q, slices, 2), 1);
    assert_slice_equal(slices[0], "bye");
    assert_int_equal(cf_outq_drop_unsent(&q), 1);
    assert_owns_nothing(&q);
    cf_outq_deinit(&q);
}

/* After an advance that ends exactly between two entries nothing is partly written. */
static void drop_at_a_boundary_takes_all(void **state)
{
    (void)state;
    struct cf_outq q;
    cf_outq_init(&q);
    push(&q, CF_LIT("first"), 1);
    push(&q, CF_LIT("second"), 1);
    cf_outq_advance(&q, 5);
    assert_int_equal(cf_outq_drop_unsent(&q), 1);
    assert_owns_nothing(&q);
    cf_outq_deinit(&q);
}

enum { MODEL_MAX = 1 << 20 };

/* The queue beside the flat run of bytes that it stands for. */
struct model {
    struct cf_outq q;
    uint8_t bytes[MODEL_MAX];
    size_t written, len;
    uint32_t entries_max;
};

static void check_peek(struct model *model, size_t max)
{
    struct cf_slice slices[100];
    size_t count = cf_outq_peek(&model->q, slices, max);
    size_t entries =
        (model->q.ring == NULL ? 0 : model->q.ring->len) + (cf_outq_empty(&model->q) ? 0 : 1);
    assert_int_equal(count, entries < max ? entries : max);
    size_t at = model->written;
    for (size_t i = 0; i < count; i++) {
        assert_true(slices[i].len > 0 && slices[i].len <= model->len - at);
        assert_memory_equal(slices[i].ptr, model->bytes + at, slices[i].len);
        at += slices[i].len;
    }
    assert_true(count < entries || at == model->len);
    if (entries > model->entries_max)
        model->entries_max = (uint32_t)entries;
}

static void push_random(struct model *model, uint64_t *seed)
{
    uint8_t bytes[40];
    size_t len = 1 + random_below(seed, sizeof(bytes));
    if (len > MODEL_MAX - model->len)
        return;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)next_random(seed);
    push(&model->q, cf_slice_of(bytes, len), 1);
    memcpy(model->bytes + model->len, bytes, len);
    model->len += len;
}

static void it_gives_back_what_was_pushed(void **state)
{
    (void)state;
    struct model *model = calloc(1, sizeof(*model));
    assert_non_null(model);
    cf_outq_init(&model->q);
    uint64_t seed = 4;
    for (unsigned step = 0; step < 60000; step++) {
        /* Long phases of filling and of draining, so that the ring grows, wraps and goes. */
        size_t push_percent = step / 500 % 2 == 0 ? 60 : 35;
        if (random_below(&seed, 100) < push_percent) {
            push_random(model, &seed);
        } else {
            size_t len = random_below(&seed, 60);
            len = len < model->q.bytes ? len : model->q.bytes;
            cf_outq_advance(&model->q, len);
            model->written += len;
        }
        assert_int_equal(model->q.bytes, model->len - model->written);
        assert_int_equal(cf_outq_empty(&model->q), model->q.bytes == 0);
        check_peek(model, 1 + random_below(&seed, 99));
    }
    assert_true(model->entries_max > 64);
    cf_outq_advance(&model->q, model->q.bytes);
    assert_owns_nothing(&model->q);
    cf_outq_deinit(&model->q);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_queue_owns_nothing),
        cmocka_unit_test(one_entry_needs_no_ring),
        cmocka_unit_test(references_are_taken_and_given_back),
        cmocka_unit_test(bytes_that_are_no_message_count_none),
        cmocka_unit_test(more_than_four_gibibytes_are_refused),
        cmocka_unit_test(drop_keeps_the_partly_written),
        cmocka_unit_test(drop_at_a_boundary_takes_all),
        cmocka_unit_test(it_gives_back_what_was_pushed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
