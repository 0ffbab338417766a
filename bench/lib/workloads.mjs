// What is measured, of whom, and what is to be reached. A goal without `of` is absolute; with it, a multiple of that row's
// figure in the same round.
import { contenders, load, scratch, startConfab } from './servers.mjs';
import { allCores } from './machine.mjs';
import { measurePages, measureStart, pageQueries } from './stored.mjs';

const limits = ['limit: send', 'limit: join'];
const dialects = ['confab shop', 'confab talk', 'confab orbital'];
const peers = ['libwebsockets', 'nginx + nchan', 'Go gorilla', 'Node ws', 'Socket.IO 4'];
const all = [...limits, ...dialects, ...peers];
const fanoutRows = [...limits, 'limit: store', ...dialects, ...peers];

// once(context, row, options, use): a fresh server of that row, stopped again with all that it has stored. `around` is who
// wants to look at it meanwhile.
async function once({ bin, build, around = (pid, run) => run() }, row, options, use) {
    const { folder, remove } = scratch(build);
    let server;
    try {
        server = await contenders[row].start(bin, folder, options);
        return await around(server.pid, () => use(server));
    } finally {
        await server?.stop();
        remove();
    }
}

const bench = (words, options) => (context, row) => once(context, row, options, (server) =>
    load(context.bin, server, contenders[row].dialect, [...words(context)].map(String)));

const faults = ['lost', 'doubled', 'reordered', 'unanswered', 'cut'];
const rate = { key: 'deliveries_per_s', label: 'deliveries/s' };
const cpu = { key: 'server_us_per_delivery', label: 'server CPU each, µs', digits: 2 };
const cores = [{ key: 'server_cores', label: 'server cores', digits: 2 }, { key: 'load_cores', label: 'load cores', digits: 2 }];
const beside = (key, less) => [{ key, of: 'limit: send', label: '× send', less }, { key, of: 'limit: join', label: '× join', less }];
const latency = (name) => ['p50', 'p99'].map((each) => ({ key: `${name}_${each}_ms`, label: `${name} ${each}, ms`, digits: 2 }));

const fanout = (name, title, words, goals, more = {}) => ({ name, title, rows: fanoutRows, faults, goals,
    columns: [rate, cpu, ...cores], ratios: [...beside('deliveries_per_s'),
        { key: 'deliveries_per_s', of: 'limit: store', label: '× store' },
        { key: 'server_us_per_delivery', of: 'limit: join', label: 'CPU × join', less: true }],
    measure: bench(({ seconds }) => ['fanout', '--seconds', seconds, ...words]), ...more });

const shopAndTalk = /^confab (shop|talk)$/, ours = /^confab /;

// 128 in flight, then evenly spaced at half of what that reached; on one server.
const durable = (name, title, least, slowSyncMs) => ({ name, title, rows: dialects, faults,
    columns: [{ key: 'messages_per_s', label: 'acks/s' }, { key: 'server_us_per_message', label: 'server CPU each, µs', digits: 1 },
        ...cores, { key: 'rate', label: 'then at, /s' }, ...latency('ack')],
    goals: [{ rows: shopAndTalk, key: 'messages_per_s', least }, ...(slowSyncMs ? [] : [{ rows: shopAndTalk, key: 'ack_p99_ms', most: 30 }])],
    measure: (context, row) => once(context, row, { slowSyncMs }, async (server) => {
        const run = (...words) => load(context.bin, server, contenders[row].dialect,
            ['ack', '--seconds', String(context.seconds), ...words.map(String)]);
        const full = await run('--in-flight', 128);
        const half = Math.round(full.messages_per_s / 2);
        const calm = await run('--in-flight', 128, '--rate', half);
        const sums = Object.fromEntries(faults.map((fault) => [fault, full[fault] + calm[fault]]));
        return { ...full, ...sums, rate: half, ack_p50_ms: calm.ack_p50_ms, ack_p99_ms: calm.ack_p99_ms };
    }) });

const idle = (name, title, rows, most, connections, options) => ({ name, title, rows, faults,
    columns: [{ key: 'rss_bytes_per_connection', label: 'bytes each' },
        { key: 'pss_bytes_per_connection', label: 'bytes each (PSS)' }, { key: 'connects_per_s', label: 'opened/s' },
        { key: 'idle_server_us_per_connection_s', label: 'CPU each and second, µs', digits: 2 }],
    goals: [{ rows: ours, key: 'rss_bytes_per_connection', most }],
    measure: bench(() => ['idle', '--connections', connections, '--rooms', 100, '--hold', 3], options) });

// One worker, two workers, on all cores: what a delivery costs the server, whatever the load has left it of them. Evenly
// spaced: of a fixed number in flight each of two workers commits a half, and so joins half as much.
const workerRows = ['1 worker', '2 workers'];
async function measureWorkers(context, row) {
    const { folder, remove } = scratch(context.build);
    let server;
    try {
        server = await startConfab(context.bin, folder, { cores: allCores, env: { CONFAB_WORKERS: row[0] } });
        return await load(context.bin, server, 'shop', ['fanout', '--receivers', '1000', '--rate', '60', '--seconds',
            String(context.seconds)]);
    } finally {
        await server?.stop();
        remove();
    }
}

export const workloads = [
    fanout('room', '1 room × 1000, saturated: 8 publishers × 4 in flight', ['--receivers', 1000, '--publishers', 8, '--in-flight', 4], [
        { rows: shopAndTalk, key: 'deliveries_per_s', least: 0.9, of: 'limit: join' },
        { rows: shopAndTalk, key: 'deliveries_per_s', least: 20, of: 'Socket.IO 4' }]),
    fanout('rooms', '100 rooms × 10, saturated: 100 publishers × 4 in flight',
        ['--rooms', 100, '--receivers', 10, '--publishers', 100, '--in-flight', 4],
        [{ rows: shopAndTalk, key: 'deliveries_per_s', least: 0.9, of: 'limit: join' }]),
    fanout('single', '1 room × 1000, one message in flight', ['--receivers', 1000, '--publishers', 1, '--in-flight', 1],
        [{ rows: shopAndTalk, key: 'deliveries_per_s', least: 0.9, of: 'limit: send' }]),
    fanout('calm', '20 messages a second to 1000', ['--receivers', 1000, '--publishers', 8, '--rate', 20],
        [{ rows: shopAndTalk, key: 'delivery_p99_ms', most: 1.3, of: 'limit: send' }],
        { columns: [...latency('delivery'), cpu, ...cores], ratios: beside('delivery_p99_ms', true) }),
    { name: 'echo', title: 'Echo round trips, 100 connections with one in flight each', faults, goals: [],
        rows: ['limit: send', 'libwebsockets', 'Go gorilla', 'Node ws'],
        columns: [{ key: 'round_trips_per_s', label: 'round trips/s' },
            { key: 'server_us_per_round_trip', label: 'server CPU each, µs', digits: 2 }, ...cores],
        ratios: [{ key: 'round_trips_per_s', of: 'limit: send', label: '× send' }],
        measure: bench(({ seconds }) => ['echo', '--connections', 100, '--seconds', seconds]) },
    idle('idle', '10,000 idle connections in 100 rooms', all, 1024, 10_000),
    idle('tls', '5,000 idle connections in 100 rooms, TLS', dialects, 12 * 1024, 5_000, { tls: true }),
    { name: 'connect', title: 'Connects, 64 at once', rows: all, faults: [], goals: [{ rows: ours, key: 'connects_per_s', least: 10_000 }],
        columns: [{ key: 'connects_per_s', label: 'connects/s' },
            { key: 'server_us_per_connect', label: 'server CPU each, µs', digits: 1 }, ...cores],
        ratios: [{ key: 'connects_per_s', of: 'limit: send', label: '× send' }],
        measure: bench(({ seconds }) => ['connect', '--in-flight', 64, '--seconds', seconds]) },
    durable('posts', 'Durable messages, 128 in flight; then at half of that rate', 15_000, 0),
    durable('slow', 'Durable messages, each fsync 5 ms longer', 5_000, 5),
    { name: 'workers', title: '60 messages a second to 1000, by one and by two workers', rows: workerRows, faults,
        columns: [rate, cpu, ...cores], ratios: [{ key: 'server_us_per_delivery', of: '1 worker', label: 'CPU × 1 worker', less: true }],
        goals: [{ rows: /2/, key: 'server_us_per_delivery', most: 2 / 1.7, of: '1 worker' }], measure: measureWorkers },
    { name: 'start', title: 'Start to ready on stored messages', rows: ['start'], faults: [],
        columns: [{ key: 'start_ms', label: 'ms', digits: 1 }], goals: [{ rows: /start/, key: 'start_ms', most: 150 }],
        measure: measureStart },
    { name: 'pages', title: 'A page of 50 of a shop, stored messages', rows: Object.keys(pageQueries), faults: [],
        columns: [{ key: 'trip_p50_ms', label: 'round trip p50, ms', digits: 2 }, { key: 'trip_p99_ms', label: 'p99, ms', digits: 2 },
            { key: 'server_ms', label: 'server CPU, ms', digits: 2 }],
        goals: [{ rows: /./, key: 'trip_p50_ms', most: 2 }], measure: measurePages },
];
