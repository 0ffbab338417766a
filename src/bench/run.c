#include "bench/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/client.h"

enum { EVENTS_MAX = 1024, DRAIN_SECONDS = 30, WINDOW_BITS = 15, INFLATED_MAX = 1 << 20 };

#define SECOND_NS UINT64_C(1000000000)

/* What is read at both ends of the measured time. */
struct reading {
    uint64_t at_ns, posts, deliveries, wire_bytes, text_bytes, server_us, own_us;
};

void load_run_open(struct load_run *run, const struct load_options *options, unsigned senders,
                   const char *text_key)
{
    *run = (struct load_run){.options = options,
                             .epoll = epoll_create1(0),
                             .step_ns = options->rate > 0 ? SECOND_NS / options->rate : 0};
    cf_list_init(&run->listeners);
    cf_list_init(&run->idle);
    cf_buf_init(&run->inflated, INFLATED_MAX);
    if (options->deflate != 0)
        run->inflater = cf_ws_inflater_new(WINDOW_BITS);
    run->sequences = load_new_array(options->rooms, sizeof(*run->sequences));
    for (unsigned i = 0; i < options->rooms; i++)
        load_sequence_init(&run->sequences[i], senders, text_key);
}

/* What they have not received is counted. */
static void close_listeners(struct load_run *run)
{
    for (struct cf_list *node; (node = cf_list_pop_front(&run->listeners)) != NULL;)
        load_listener_close(CF_LIST_ENTRY(node, struct load_listener, in_run));
}

void load_run_close(struct load_run *run)
{
    close_listeners(run);
    for (unsigned i = 0; i < run->options->rooms; i++)
        load_sequence_deinit(&run->sequences[i]);
    free(run->sequences);
    load_samples_free(&run->post_samples);
    load_samples_free(&run->delivery_samples);
    cf_ws_inflater_free(run->inflater);
    cf_buf_deinit(&run->inflated);
    close(run->epoll);
}

void load_watch(struct load_run *run, struct load_source *source)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = source}};
    if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, source->fd, &event) != 0)
        load_die_errno("epoll_ctl");
}

void load_turn(struct load_run *run, int wait_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(run->epoll, events, EVENTS_MAX, wait_ms);
    if (count < 0 && errno != EINTR)
        load_die_errno("epoll_wait");
    for (int i = 0; i < count; i++) {
        struct load_source *source = events[i].data.ptr;
        source->ready(source);
    }
}

static bool send_next(struct load_run *run)
{
    if (cf_list_empty(&run->idle))
        return false;
    struct load_sender *sender = CF_LIST_ENTRY(run->idle.next, struct load_sender, idle);
    if (load_now_ns() < sender->sent_ns + run->rest_ns)
        return false;
    cf_list_remove(&sender->idle);
    sender->send(sender);
    return true;
}

static void send_due(struct load_run *run)
{
    if (!run->sending)
        return;
    for (; run->step_ns > 0 && load_now_ns() >= run->due_ns; run->due_ns += run->step_ns) {
        if (!send_next(run))
            run->late++;
    }
    while (run->step_ns == 0 && run->busy < run->busy_max && send_next(run)) {
    }
}

void load_sender_open(struct load_sender *sender, struct load_run *run, unsigned number,
                      void (*send)(struct load_sender *sender))
{
    *sender = (struct load_sender){.send = send, .run = run, .number = number};
    run->senders++;
    cf_list_push_back(&run->idle, &sender->idle);
}

void load_sender_begin(struct load_sender *sender, char *out)
{
    sender->sent_ns = load_now_ns();
    load_text_name(out, sender->number, sender->counter++, sender->sent_ns);
    sender->run->sent++;
    sender->run->busy++;
}

void load_sender_answered(struct load_sender *sender)
{
    struct load_run *run = sender->run;
    run->busy--;
    run->posts++;
    if (load_measured(run, sender->sent_ns))
        load_samples_add(&run->post_samples, load_now_ns() - sender->sent_ns);
    cf_list_push_back(&run->idle, &sender->idle);
    send_due(run);
}

static void run_until(struct load_run *run, uint64_t end)
{
    while (load_now_ns() < end) {
        send_due(run);
        load_turn(run, 1);
    }
}

/* In each room, what its quickest listener has seen. */
static uint64_t seen(const struct load_run *run)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < run->options->rooms; i++)
        total += run->sequences[i].count;
    return total;
}

static bool all_have_all(const struct load_run *run)
{
    const struct cf_list *node = run->listeners.next;
    for (; node != &run->listeners; node = node->next) {
        const struct load_listener *listener = CF_LIST_ENTRY(node, struct load_listener, in_run);
        if (listener->place.at < listener->sequence->count)
            return false;
    }
    return seen(run) == run->sent;
}

/* Until every message is answered and every listener has everything. */
static void drain(struct load_run *run)
{
    uint64_t end = load_now_ns() + DRAIN_SECONDS * SECOND_NS;
    run->sending = false;
    while (load_now_ns() < end && (run->busy > 0 || !all_have_all(run)))
        load_turn(run, 10);
    if (run->busy > 0)
        load_die("a message was not answered");
}

static struct reading read_now(const struct load_run *run)
{
    return (struct reading){.at_ns = load_now_ns(),
                            .posts = run->posts,
                            .deliveries = run->deliveries,
                            .wire_bytes = run->wire_bytes,
                            .text_bytes = run->text_bytes,
                            .server_us = load_cpu_us(run->options->server),
                            .own_us = load_cpu_us((unsigned)getpid())};
}

static void print_ratio(const char *name, uint64_t amount, uint64_t by)
{
    if (by > 0)
        printf("%s %.2f\n", name, (double)amount / (double)by);
}

static void print_rates(const struct reading *a, const struct reading *b)
{
    double seconds = (double)(b->at_ns - a->at_ns) / 1e9;
    uint64_t server_us = b->server_us - a->server_us;
    printf("posts_per_s %.0f\n", (double)(b->posts - a->posts) / seconds);
    printf("deliveries_per_s %.0f\n", (double)(b->deliveries - a->deliveries) / seconds);
    print_ratio("wire_bytes_per_delivery", b->wire_bytes - a->wire_bytes,
                b->deliveries - a->deliveries);
    print_ratio("text_bytes_per_delivery", b->text_bytes - a->text_bytes,
                b->deliveries - a->deliveries);
    print_ratio("server_us_per_post", server_us, b->posts - a->posts);
    print_ratio("server_us_per_delivery", server_us, b->deliveries - a->deliveries);
    if (server_us > 0)
        printf("deliveries_per_core_s %.0f\n",
               (double)(b->deliveries - a->deliveries) * 1e6 / (double)server_us);
    printf("server_cores %.2f\n", (double)server_us / 1e6 / seconds);
    printf("load_cores %.2f\n", (double)(b->own_us - a->own_us) / 1e6 / seconds);
}

/* What was sent must have been seen by somebody. */
static void print_faults(struct load_run *run)
{
    close_listeners(run);
    run->faults.missing += run->sent - seen(run);
    printf("posts_total %" PRIu64 "\n", run->sent);
    printf("deliveries_total %" PRIu64 "\n", run->deliveries);
    printf("missing %" PRIu64 "\n", run->faults.missing);
    printf("doubled %" PRIu64 "\n", run->faults.doubled);
    printf("disordered %" PRIu64 "\n", run->faults.disordered);
    printf("cut_streams %" PRIu64 "\n", run->cut);
}

void load_run_measure(struct load_run *run)
{
    run->sending = true;
    run->due_ns = load_now_ns();
    run->from_ns = load_now_ns() + SECOND_NS;
    run->until_ns = run->from_ns + run->options->seconds * SECOND_NS;
    run_until(run, run->from_ns);
    struct reading before = read_now(run);
    run_until(run, run->until_ns);
    struct reading after = read_now(run);
    drain(run);
    print_rates(&before, &after);
    printf("late_posts %" PRIu64 "\n", run->late);
    load_samples_print(&run->post_samples, "post");
    load_samples_print(&run->delivery_samples, "delivery");
    print_faults(run);
}
