#include "sim/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "sim/server.h"

enum { READ_MAX = 65536, INPUT_MAX = 64 * 1024 * 1024, LINKS_MAX = 4096 };

struct sim_weather weather;

enum what { OPENED, BYTES, FIN, RESET };

struct segment {
    struct cf_list link;
    int64_t at;
    enum what what;
    size_t len;
    uint8_t bytes[];
};

/* One direction: segments in their order, none before the one in front of it. */
struct way {
    struct cf_list segments;
    struct sim_event event;
    int64_t last_at;
    size_t on_the_way; /* bytes */
    bool dead;         /* what is sent is lost, and nobody is told */
    bool paused;
};

struct sim_link {
    int fd;
    const struct sim_link_ops *ops;
    void *context;
    bool client_open;
    bool server_open;
    bool busy;                /* a segment of it is arriving */
    struct sim_event arrival; /* at the server */
    struct way up, down;
    struct cf_buf input; /* arrived at the server, not read */
    bool input_ended, reset;
};

static struct sim_link *links[LINKS_MAX];

static struct sim_link *by_fd(int fd)
{
    int index = fd - SIM_FD;
    CF_ASSERT(index >= 0 && index < LINKS_MAX && links[index] != NULL);
    return links[index];
}

static void clear(struct way *way)
{
    sim_cancel(&way->event);
    for (struct cf_list *node; (node = cf_list_pop_front(&way->segments)) != NULL;)
        free(CF_LIST_ENTRY(node, struct segment, link));
    way->on_the_way = 0;
}

static void free_if_over(struct sim_link *link)
{
    if (link->client_open || link->server_open || link->busy || link->arrival.place != 0)
        return;
    clear(&link->up);
    clear(&link->down);
    cf_buf_deinit(&link->input);
    links[link->fd - SIM_FD] = NULL;
    free(link);
}

/* ---- on the way ---- */

static void wait_for_first(struct way *way)
{
    if (cf_list_empty(&way->segments) || way->paused) {
        sim_cancel(&way->event);
        return;
    }
    struct segment *first = CF_LIST_ENTRY(way->segments.next, struct segment, link);
    sim_at(&way->event, first->at - sim.now);
}

static void add_segment(struct way *way, enum what what, const uint8_t *bytes, size_t len)
{
    struct segment *segment = malloc(sizeof(*segment) + len);
    CF_ASSERT(segment != NULL);
    int64_t latency = sim_between(weather.latency_min, weather.latency_max);
    if (sim_chance(weather.stall))
        latency += sim_between(1, 20) * SIM_SECOND;
    int64_t at = sim.now + latency;
    segment->at = at > way->last_at ? at : way->last_at;
    way->last_at = segment->at;
    segment->what = what;
    segment->len = len;
    if (len > 0)
        memcpy(segment->bytes, bytes, len);
    way->on_the_way += len;
    cf_list_push_back(&way->segments, &segment->link);
    wait_for_first(way);
}

static void add(struct way *way, enum what what, const uint8_t *bytes, size_t len)
{
    if (way->dead) {
        way->on_the_way += len; /* never acknowledged */
        return;
    }
    while (len > 1 && sim_chance(weather.split)) {
        size_t part = (size_t)sim_between(1, (int64_t)len - 1);
        add_segment(way, what, bytes, part);
        bytes += part;
        len -= part;
    }
    add_segment(way, what, bytes, len);
}

/* The link breaks: what is on the way is lost, and each side is told, or is not. */
static void break_link(struct sim_link *link)
{
    bool half = sim_chance(weather.half_open);
    bool tell_server = !half || sim_chance(500), tell_client = !half || !tell_server;
    sim_trace("net: link %d breaks%s", link->fd - SIM_FD,
              !half         ? ""
              : tell_server ? ", the client is not told"
                            : ", the server is not told");
    clear(&link->up);
    clear(&link->down);
    if (tell_server)
        add_segment(&link->up, RESET, NULL, 0);
    if (tell_client)
        add_segment(&link->down, RESET, NULL, 0);
    link->up.dead = link->down.dead = true;
}

/* ---- arriving ---- */

static void arrive_at_server(struct sim_link *link, const struct segment *segment)
{
    if (!link->server_open)
        return;
    if (segment->what == BYTES)
        CF_ASSERT(cf_buf_append(&link->input, cf_slice_of(segment->bytes, segment->len)) == CF_OK);
    link->input_ended = link->input_ended || segment->what == FIN;
    link->reset = link->reset || segment->what == RESET;
}

static void arrive_at_client(struct sim_link *link, const struct segment *segment)
{
    if (!link->client_open)
        return;
    if (segment->what == OPENED) {
        link->ops->opened(link->context);
    } else if (segment->what == BYTES) {
        link->ops->bytes(link->context, cf_slice_of(segment->bytes, segment->len));
    } else {
        link->client_open = false;
        if (link->server_open)
            add(&link->up, segment->what == RESET ? RESET : FIN, NULL, 0);
        link->ops->closed(link->context);
    }
}

/* The first segment of a way; another one comes when its time has. */
static struct segment *take_first(struct way *way)
{
    struct segment *segment =
        CF_LIST_ENTRY(cf_list_pop_front(&way->segments), struct segment, link);
    way->on_the_way -= segment->len;
    wait_for_first(way);
    return segment;
}

static void on_way_up(struct sim_event *event)
{
    struct sim_link *link =
        CF_CONTAINER_OF(CF_CONTAINER_OF(event, struct way, event), struct sim_link, up);
    struct segment *segment = take_first(&link->up);
    link->busy = true;
    arrive_at_server(link, segment);
    free(segment);
    if (!link->up.dead && sim_chance(weather.cut))
        break_link(link);
    link->busy = false;
    free_if_over(link);
}

static void on_way_down(struct sim_event *event)
{
    struct sim_link *link =
        CF_CONTAINER_OF(CF_CONTAINER_OF(event, struct way, event), struct sim_link, down);
    struct segment *segment = take_first(&link->down);
    link->busy = true;
    arrive_at_client(link, segment);
    free(segment);
    if (!link->down.dead && sim_chance(weather.cut))
        break_link(link);
    link->busy = false;
    free_if_over(link);
}

/* ---- the client's side ---- */

static void on_arrival(struct sim_event *event)
{
    struct sim_link *link = CF_CONTAINER_OF(event, struct sim_link, arrival);
    bool taken = link->client_open && !sim_chance(weather.refuse);
    link->server_open = taken;
    if (taken && !sim_server_accept(link->fd))
        link->server_open = false; /* else as it is: the server may have closed it already */
    if (link->client_open)
        add_segment(&link->down, link->server_open ? OPENED : RESET, NULL, 0);
    free_if_over(link);
}

struct sim_link *sim_link_connect(const struct sim_link_ops *ops, void *context)
{
    struct sim_link *link = calloc(1, sizeof(*link));
    CF_ASSERT(link != NULL);
    int index = 0;
    while (index < LINKS_MAX && links[index] != NULL)
        index++;
    CF_ASSERT(index < LINKS_MAX);
    links[index] = link;
    link->fd = SIM_FD + index;
    link->ops = ops;
    link->context = context;
    link->client_open = true;
    cf_buf_init(&link->input, INPUT_MAX);
    cf_list_init(&link->up.segments);
    cf_list_init(&link->down.segments);
    link->up.event.happen = on_way_up;
    link->down.event.happen = on_way_down;
    link->arrival.happen = on_arrival;
    sim_at(&link->arrival, sim_between(weather.latency_min, weather.latency_max));
    return link;
}

void sim_link_send(struct sim_link *link, struct cf_slice bytes)
{
    add(&link->up, BYTES, bytes.ptr, bytes.len);
}

void sim_link_close(struct sim_link *link)
{
    link->client_open = false;
    add(&link->up, FIN, NULL, 0);
    clear(&link->down);
    link->down.dead = true;
    free_if_over(link);
}

void sim_link_vanish(struct sim_link *link)
{
    link->client_open = false;
    clear(&link->up);
    clear(&link->down);
    if (sim_chance(500))
        add_segment(&link->up, RESET, NULL, 0);
    link->up.dead = link->down.dead = true;
    free_if_over(link);
}

void sim_link_pause(struct sim_link *link, bool pause)
{
    link->down.paused = pause;
    wait_for_first(&link->down);
}

/* ---- the server's side ---- */

long sim_net_read(int fd, uint8_t *out, size_t len)
{
    struct sim_link *link = by_fd(fd);
    if (link->reset) {
        errno = ECONNRESET;
        return -1;
    }
    if (link->input.len == 0 && link->input_ended)
        return 0;
    if (link->input.len == 0) {
        errno = EAGAIN;
        return -1;
    }
    size_t take = link->input.len < len ? link->input.len : len;
    memcpy(out, link->input.ptr, take);
    cf_buf_consume(&link->input, take);
    return (long)take;
}

static size_t room(const struct sim_link *link)
{
    return link->down.on_the_way < weather.window ? weather.window - link->down.on_the_way : 0;
}

long sim_net_write(int fd, const uint8_t *bytes, size_t len)
{
    struct sim_link *link = by_fd(fd);
    size_t take = room(link) < len ? room(link) : len;
    if (link->reset) {
        errno = ECONNRESET;
        return -1;
    }
    if (take == 0) {
        errno = EAGAIN;
        return -1;
    }
    sim_note(bytes, take);
    add(&link->down, BYTES, bytes, take);
    return (long)take;
}

void sim_net_shutdown(int fd)
{
    add(&by_fd(fd)->down, FIN, NULL, 0);
}

/* What nobody has read is answered with a reset, as TCP does. */
void sim_net_close(int fd)
{
    struct sim_link *link = by_fd(fd);
    link->server_open = false;
    clear(&link->up);
    link->up.dead = true;
    if (link->client_open && !link->down.dead) {
        add(&link->down, link->input.len > 0 ? RESET : FIN, NULL, 0);
        link->down.dead = true;
    }
    free_if_over(link);
}

bool sim_net_readable(int fd)
{
    const struct sim_link *link = by_fd(fd);
    return link->reset || link->input_ended || link->input.len > 0;
}

bool sim_net_writable(int fd)
{
    const struct sim_link *link = by_fd(fd);
    return link->reset || room(link) > 0;
}

int sim_net_error(int fd)
{
    return by_fd(fd)->reset ? ECONNRESET : 0;
}

/* ---- the end ---- */

/* What was on the way still arrives, or is lost; then the client hears of it, or does not. */
void sim_net_server_died(void)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct sim_link *link = links[i];
        if (link == NULL || !link->server_open)
            continue;
        clear(&link->up);
        link->up.dead = true;
        if (sim_chance(300))
            clear(&link->down);
        if (!link->down.dead && !sim_chance(weather.half_open))
            add_segment(&link->down, RESET, NULL, 0);
        link->down.dead = true;
    }
}

void sim_net_end(void)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct sim_link *link = links[i];
        if (link == NULL)
            continue;
        CF_ASSERT(!link->client_open && !link->server_open);
        sim_cancel(&link->arrival);
        free_if_over(link);
    }
}
