#include "bench/plan.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "bench/dialect.h"

enum {
    RECEIVERS = 100, /* of a room */
    PUBLISHERS = 8,
    WINDOW = 4,
    ACKS = 64,
    ACK_ROOMS = 4,
    SENDING_SOCKETS = 2000,
    CONNECTS = 64,
    CONNECT_USERS = 1000,
    CONNECT_ADDRESSES = 64,
    CONNECTIONS_IDLE = 1000,
    CONNECTIONS_ECHO = 100,
    ADDRESS_CONNECTIONS = 1000, /* from one address: the fewer, the sooner a port is found */
    ADDRESSES_MAX = 1000000,
    DESCRIPTORS = 64, /* besides those of connections */
    PARTICIPANTS_MAX = 1000,
};

static enum cf_error refuse(struct cf_bench_why *why, const char *text)
{
    (void)cf_bench_fail(why, "%s", text);
    return CF_E_INVALID;
}

static unsigned or_default(unsigned wish, unsigned value)
{
    return wish > 0 ? wish : value;
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static unsigned divide_up(unsigned a, unsigned b)
{
    return a / b + (a % b != 0);
}

static void plan_fanout(struct cf_bench_plan *plan, const struct cf_bench_wishes *wishes)
{
    unsigned publishers = or_default(wishes->publishers, larger(PUBLISHERS, plan->rooms));
    unsigned window = or_default(wishes->in_flight, WINDOW);
    plan->receivers = plan->rooms * or_default(wishes->receivers, RECEIVERS);
    plan->pool = plan->dialect->both != NULL;
    plan->senders = plan->pool ? 0 : plan->dialect->posts ? publishers * window : publishers;
    plan->in_flight = plan->pool ? publishers * window : plan->dialect->posts ? 1 : window;
}

/* in_flight of all together, one of each sender. */
static void plan_ack(struct cf_bench_plan *plan, const struct cf_bench_wishes *wishes)
{
    unsigned in_flight = or_default(wishes->in_flight, ACKS);
    plan->receivers = plan->rooms * or_default(wishes->receivers, 1);
    plan->pool = plan->dialect->both != NULL;
    plan->senders = or_default(wishes->publishers, plan->pool ? SENDING_SOCKETS : in_flight);
    plan->in_flight = plan->pool ? in_flight : 1;
}

static void plan_clients(struct cf_bench_plan *plan, const struct cf_bench_wishes *wishes)
{
    unsigned rooms = plan->workload == CF_BENCH_ACK ? ACK_ROOMS : 1;
    plan->rooms = or_default(wishes->rooms, rooms);
    plan->in_flight = or_default(wishes->in_flight, 1);
    switch (plan->workload) {
    case CF_BENCH_FANOUT:
        plan_fanout(plan, wishes);
        break;
    case CF_BENCH_ACK:
        plan_ack(plan, wishes);
        break;
    case CF_BENCH_IDLE:
        plan->receivers = or_default(wishes->connections, CONNECTIONS_IDLE);
        plan->senders = plan->deliver ? plan->rooms : 0;
        break;
    case CF_BENCH_CONNECT:
        plan->receivers = or_default(wishes->in_flight, CONNECTS);
        plan->in_flight = 1;
        plan->reconnect = true;
        break;
    case CF_BENCH_ECHO:
        plan->senders = or_default(wishes->connections, CONNECTIONS_ECHO);
        break;
    }
}

/* As few as a server with its default limits takes; a multiple of the rooms. */
static void plan_users(struct cf_bench_plan *plan, const struct cf_bench_wishes *wishes)
{
    const struct cf_bench_dialect *dialect = plan->dialect;
    unsigned users = 1;
    if (plan->workload == CF_BENCH_CONNECT)
        users = CONNECT_USERS;
    else if (dialect->user_streams > 0)
        users = divide_up(plan->receivers, dialect->user_streams);
    else if (dialect->user_rate > 0 && plan->workload != CF_BENCH_IDLE)
        users = larger(plan->receivers, plan->senders);
    else if (dialect->user_rate > 0)
        users = plan->receivers < PARTICIPANTS_MAX ? plan->receivers : PARTICIPANTS_MAX;
    users = or_default(wishes->users, users);
    plan->users = divide_up(users, plan->rooms) * plan->rooms;
}

static bool is_loopback(const struct cf_bench_plan *plan)
{
    const struct sockaddr_in *address = (const void *)&plan->address;
    return address->sin_family == AF_INET && ntohl(address->sin_addr.s_addr) >> 24 == 127;
}

bool cf_bench_is_local(const struct cf_bench_plan *plan)
{
    const struct sockaddr_in6 *address = (const void *)&plan->address;
    return is_loopback(plan) ||
           (address->sin6_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&address->sin6_addr));
}

static void plan_addresses(struct cf_bench_plan *plan, const struct cf_bench_wishes *wishes)
{
    unsigned spread = 0;
    if (is_loopback(plan)) {
        if (plan->workload == CF_BENCH_CONNECT)
            spread = plan->dialect->address_streams > 0 ? ADDRESSES_MAX : CONNECT_ADDRESSES;
        else if (plan->dialect->address_streams > 0)
            spread = divide_up(plan->receivers, plan->dialect->address_streams);
        else if (plan->receivers + plan->senders > ADDRESS_CONNECTIONS)
            spread = divide_up(plan->receivers + plan->senders, ADDRESS_CONNECTIONS);
    }
    plan->spread = or_default(wishes->spread, spread);
}

static enum cf_error check(const struct cf_bench_plan *plan, const struct cf_bench_wishes *wishes,
                           struct cf_bench_why *why)
{
    const struct cf_bench_dialect *dialect = plan->dialect;
    uint64_t connections = (uint64_t)plan->receivers + plan->senders;
    unsigned talkers = plan->pool && plan->senders == 0 ? plan->receivers : plan->senders;
    if (plan->workload == CF_BENCH_ECHO && dialect->echo == NULL)
        return refuse(why, "only the dialect hub has an echo: --dialect hub");
    if (dialect->form != NULL && plan->secret.len == 0)
        return refuse(why, "tokens need the server's secret: JWT_SECRET in the environment, or "
                           "--secret");
    if (plan->workload != CF_BENCH_CONNECT && plan->workload != CF_BENCH_ECHO &&
        plan->receivers < plan->rooms)
        return refuse(why, "every room needs a connection: fewer --rooms");
    if (talkers > 0 && talkers < plan->rooms && plan->workload != CF_BENCH_ECHO)
        return refuse(why, "every room needs a publisher: more --publishers, or fewer --rooms");
    if (plan->rate > 0 && dialect->user_rate > 0 && plan->rate > talkers * dialect->user_rate)
        return refuse(why, "a socket sends 10 messages a second at most: fewer --rate, or more "
                           "--receivers or --publishers");
    if (plan->spread > 0 && !is_loopback(plan))
        return refuse(why, "--spread is for a server on 127.0.0.0/8");
    if (plan->size < CF_BENCH_HEAD_LEN || plan->size > CF_BENCH_TEXT_MAX)
        return refuse(why, "--size is 33 to 8192");
    if (connections + DESCRIPTORS > wishes->descriptors) {
        (void)cf_bench_fail(why,
                            "%llu connections need more file descriptors than this process "
                            "may have, %llu: raise the hard limit (ulimit -Hn), or run "
                            "several programs side by side",
                            (unsigned long long)connections,
                            (unsigned long long)wishes->descriptors);
        return CF_E_INVALID;
    }
    return CF_OK;
}

enum cf_error cf_bench_plan_complete(struct cf_bench_plan *plan,
                                     const struct cf_bench_wishes *wishes, struct cf_bench_why *why)
{
    unsigned cores = cf_bench_cores();
    plan->threads = or_default(wishes->threads, cores > 1 ? cores - 1 : 1);
    plan_clients(plan, wishes);
    plan_users(plan, wishes);
    plan_addresses(plan, wishes);
    return check(plan, wishes, why);
}
