#include "load_talk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load_listener.h"
#include "load_poster.h"
#include "load_setup.h"

enum { EVENTS_MAX = 1024, DRAIN_SECONDS = 5 };

#define SECOND_NS UINT64_C(1000000000)

struct crowd {
    char (*shops)[CF_UUID_LEN];
    struct load_sequence *sequences; /* one a shop */
    struct load_poster *posters;
    struct load_listener *listeners;
};

/* When the next message is to be written, with --rate. */
struct pace {
    uint64_t due_ns, step_ns;
    unsigned turn; /* of the posters */
    uint64_t late; /* due, and every poster was busy */
};

/* What is read at both ends of the measured time. */
struct reading {
    uint64_t at_ns, posts, deliveries, server_us, own_us;
};

void load_watch(struct load_talk *talk, struct load_source *source)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = source}};
    if (epoll_ctl(talk->epoll, EPOLL_CTL_ADD, source->fd, &event) != 0)
        load_die_errno("epoll_ctl");
}

static void *new_array(size_t count, size_t size)
{
    void *array = calloc(count + 1, size);
    if (array == NULL)
        load_die("no memory");
    return array;
}

static void gather(struct load_talk *talk, struct crowd *crowd)
{
    const struct load_options *options = talk->options;
    crowd->shops = new_array(options->shops, sizeof(*crowd->shops));
    crowd->sequences = new_array(options->shops, sizeof(*crowd->sequences));
    crowd->posters = new_array(options->posters, sizeof(*crowd->posters));
    crowd->listeners = new_array(options->streams, sizeof(*crowd->listeners));
    int *fds = new_array(options->streams, sizeof(*fds));
    load_make_shops(options, crowd->shops);
    for (unsigned i = 0; i < options->shops; i++)
        load_sequence_init(&crowd->sequences[i], options->posters);
    load_open_streams(options, crowd->shops, fds);
    for (unsigned i = 0; i < options->streams; i++)
        load_listener_open(&crowd->listeners[i], talk, fds[i],
                           &crowd->sequences[i % options->shops]);
    for (unsigned i = 0; i < options->posters; i++)
        load_poster_open(&crowd->posters[i], talk, i, crowd->shops[i % options->shops]);
    free(fds);
}

static void dismiss(struct load_talk *talk, struct crowd *crowd)
{
    const struct load_options *options = talk->options;
    for (unsigned i = 0; i < options->posters; i++)
        load_poster_close(&crowd->posters[i]);
    for (unsigned i = 0; i < options->shops; i++)
        load_sequence_deinit(&crowd->sequences[i]);
    free(crowd->shops);
    free(crowd->sequences);
    free(crowd->posters);
    free(crowd->listeners);
}

static struct load_poster *idle_poster(struct load_talk *talk, struct crowd *crowd,
                                       struct pace *pace)
{
    for (unsigned i = 0; i < talk->options->posters; i++) {
        struct load_poster *poster = &crowd->posters[pace->turn++ % talk->options->posters];
        if (!poster->busy)
            return poster;
    }
    return NULL;
}

static void post_due(struct load_talk *talk, struct crowd *crowd, struct pace *pace)
{
    for (; pace->step_ns > 0 && load_now_ns() >= pace->due_ns; pace->due_ns += pace->step_ns) {
        struct load_poster *poster = idle_poster(talk, crowd, pace);
        if (poster != NULL)
            load_poster_post(poster);
        else
            pace->late++;
    }
}

/* Waits for at most `wait_ms` and handles what has come. */
static void turn(struct load_talk *talk, int wait_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(talk->epoll, events, EVENTS_MAX, wait_ms);
    if (count < 0 && errno != EINTR)
        load_die_errno("epoll_wait");
    for (int i = 0; i < count; i++) {
        struct load_source *source = events[i].data.ptr;
        source->ready(source);
    }
}

static void run_until(struct load_talk *talk, struct crowd *crowd, struct pace *pace, uint64_t end)
{
    while (load_now_ns() < end) {
        post_due(talk, crowd, pace);
        turn(talk, 1);
    }
}

static uint64_t posted(const struct load_talk *talk, const struct crowd *crowd)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < talk->options->posters; i++)
        total += crowd->posters[i].counter;
    return total;
}

/* In each shop, what its quickest stream has seen. */
static uint64_t seen(const struct load_talk *talk, const struct crowd *crowd)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < talk->options->shops; i++)
        total += crowd->sequences[i].count;
    return total;
}

static bool all_have_all(const struct load_talk *talk, const struct crowd *crowd)
{
    for (unsigned i = 0; i < talk->options->streams; i++) {
        const struct load_listener *listener = &crowd->listeners[i];
        if (listener->place.at < listener->sequence->count)
            return false;
    }
    return seen(talk, crowd) == posted(talk, crowd);
}

/* Until every post is answered and every stream has everything. */
static void drain(struct load_talk *talk, struct crowd *crowd)
{
    uint64_t end = load_now_ns() + DRAIN_SECONDS * SECOND_NS;
    while (load_now_ns() < end && (talk->busy > 0 || !all_have_all(talk, crowd)))
        turn(talk, 10);
    if (talk->busy > 0)
        load_die("a post was not answered");
}

static struct reading read_now(const struct load_talk *talk)
{
    return (struct reading){.at_ns = load_now_ns(),
                            .posts = talk->posts,
                            .deliveries = talk->deliveries,
                            .server_us = load_cpu_us(talk->options->server),
                            .own_us = load_cpu_us(getpid())};
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
    print_ratio("server_us_per_post", server_us, b->posts - a->posts);
    print_ratio("server_us_per_delivery", server_us, b->deliveries - a->deliveries);
    printf("server_cores %.2f\n", (double)server_us / 1e6 / seconds);
    printf("load_cores %.2f\n", (double)(b->own_us - a->own_us) / 1e6 / seconds);
}

/* After the streams were closed. What was answered with 201 must have been seen by somebody. */
static void print_faults(struct load_talk *talk, const struct crowd *crowd)
{
    uint64_t all = posted(talk, crowd);
    talk->faults.missing += all - seen(talk, crowd);
    printf("posts_total %" PRIu64 "\n", all);
    printf("deliveries_total %" PRIu64 "\n", talk->deliveries);
    printf("missing %" PRIu64 "\n", talk->faults.missing);
    printf("doubled %" PRIu64 "\n", talk->faults.doubled);
    printf("disordered %" PRIu64 "\n", talk->faults.disordered);
    printf("cut_streams %" PRIu64 "\n", talk->cut);
}

void load_talk(const struct load_options *options)
{
    struct load_talk talk = {.options = options, .epoll = epoll_create1(0)};
    struct crowd crowd;
    if (options->posters == 0 || options->streams < options->shops)
        load_die("talk: --posters is at least 1, --streams at least --shops");
    struct pace pace = {.step_ns = options->rate > 0 ? SECOND_NS / options->rate : 0};
    gather(&talk, &crowd);
    pace.due_ns = load_now_ns();
    talk.from_ns = load_now_ns() + SECOND_NS;
    talk.until_ns = talk.from_ns + options->seconds * SECOND_NS;
    for (unsigned i = 0; options->rate == 0 && i < options->posters; i++)
        load_poster_post(&crowd.posters[i]);
    run_until(&talk, &crowd, &pace, talk.from_ns);
    struct reading before = read_now(&talk);
    run_until(&talk, &crowd, &pace, talk.until_ns);
    struct reading after = read_now(&talk);
    talk.stopping = true;
    drain(&talk, &crowd);
    print_rates(&before, &after);
    printf("late_posts %" PRIu64 "\n", pace.late);
    load_samples_print(&talk.post_samples, "post");
    load_samples_print(&talk.delivery_samples, "delivery");
    for (unsigned i = 0; i < options->streams; i++)
        load_listener_close(&crowd.listeners[i]);
    print_faults(&talk, &crowd);
    dismiss(&talk, &crowd);
    load_samples_free(&talk.post_samples);
    load_samples_free(&talk.delivery_samples);
    close(talk.epoll);
}
