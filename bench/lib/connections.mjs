// bench/connections: what connections cost, by their number: memory, connecting, doing nothing, and one message to all.
// `instances`: three servers, three load programs, side by side.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildConfab, makeFolder } from './build.mjs';
import { describe, now, othersSince } from './machine.mjs';
import { contenders, load, scratch, startConfab } from './servers.mjs';
import { number, print } from './table.mjs';

const STEPS = [1000, 2000, 5000, 10_000];
const SPARE = 900; // descriptors of either side that are no idle connection
const INSTANCES = 3;
const MILLION = 1_000_000;
const dialects = ['confab shop', 'confab talk', 'confab orbital'];

// What a process may have, the hard limit.
const descriptors = () => Number(/Max open files +\S+ +(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))[1]);

const mostConnections = () => Math.floor((descriptors() - SPARE) / 100) * 100;

// A room for each hundred; the message that is told goes to all rooms.
const words = (connections, hold) => ['idle', '--connections', connections, '--rooms', Math.max(1, connections / 100), '--deliver',
    '--hold', hold].map(String);

async function withServers({ bin, build, tls }, count, use) {
    const places = Array.from({ length: count }, () => scratch(build));
    const servers = [];
    try {
        for (const { folder } of places) servers.push(await startConfab(bin, folder, { tls }));
        return await use(servers);
    } finally {
        await Promise.all(servers.map((server) => server.stop()));
        places.forEach(({ remove }) => remove());
    }
}

const columns = [['connections', 'connections'], ['rss_bytes_per_connection', 'bytes each'],
    ['pss_bytes_per_connection', 'bytes each (PSS)'], ['rss_after_mib', 'server, MiB', 1], ['connects_per_s', 'opened/s'],
    ['server_us_per_connect', 'CPU a connect, µs', 1], ['idle_server_us_per_connection_s', 'CPU each and second, µs', 2],
    ['delivery_p50_ms', 'one message to all: p50, ms', 1], ['delivery_max_ms', 'the last, ms', 1], ['lost', 'lost'], ['cut', 'cut']];

const cells = (figures) => columns.map(([key, , digits]) => number(figures[key], digits));

// Least squares over the steps, for what grows with the number of connections.
function line(points) {
    const mean = (pick) => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
    const x = mean(([n]) => n), y = mean(([, value]) => value);
    const slope = points.reduce((sum, [n, value]) => sum + (n - x) * (value - y), 0) /
        points.reduce((sum, [n]) => sum + (n - x) ** 2, 0);
    return { slope, start: y - slope * x };
}

function tellMillion(row, measured) {
    const of = (pick) => line(measured.map((figures) => [figures.connections, pick(figures)]));
    const memory = of((figures) => figures.rss_after_bytes), delivery = of((figures) => figures.delivery_max_ms);
    const idle = of((figures) => figures.idle_server_us_per_connection_s * figures.connections);
    const at = ({ slope, start }) => start + slope * MILLION;
    console.log(`${row}: ${number(memory.slope)} bytes for each more; by these lines a million would need ` +
        `${number(at(memory) / 2 ** 30, 2)} GiB, ${number(Math.max(0, at(idle) / 1e6), 2)} cores when idle, and ` +
        `${number(at(delivery) / 1000, 2)} s until the last has a message that goes to all`);
}

const addMemory = (figures) => ({ ...figures, rss_after_mib: figures.rss_after_bytes / 2 ** 20 });

async function measure(context, row, connections) {
    return withServers(context, 1, async ([server]) =>
        addMemory(await load(context.bin, server, contenders[row].dialect, words(connections, context.hold))));
}

async function grow(context, title) {
    const most = mostConnections();
    const steps = [...STEPS.filter((step) => step < most), most];
    console.log(`\n${context.markdown ? '### ' : ''}${title}\n`);
    const lines = [['', ...columns.map(([, label]) => label)]], tell = [];
    for (const row of dialects.filter((each) => context.only.test(each))) {
        const measured = [];
        for (const connections of steps) {
            if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${row}, ${connections}`);
            try {
                measured.push(await measure(context, row, connections));
                lines.push([row, ...cells(measured.at(-1))]);
            } catch (error) {
                tell.push(() => console.log(`${row}, ${connections}: ${error.message}`));
            }
        }
        if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
        if (measured.length > 1) tell.push(() => tellMillion(row, measured));
    }
    print(lines, context.markdown);
    console.log('');
    tell.forEach((each) => each());
}

// Each instance with a load program of its own, all at the same time.
async function sideBySide(context) {
    const connections = mostConnections();
    console.log(`\n${context.markdown ? '### ' : ''}${INSTANCES} instances side by side\n`);
    const lines = [['', ...columns.map(([, label]) => label)]];
    for (const row of dialects.filter((each) => context.only.test(each))) {
        const all = await withServers(context, INSTANCES, (servers) => Promise.all(servers.map((server) =>
            load(context.bin, server, contenders[row].dialect, words(connections, context.hold)))));
        all.forEach((figures, i) => lines.push([`${row} ${i + 1}`, ...cells(addMemory(figures))]));
    }
    print(lines, context.markdown);
}

const parts = {
    plain: (context) => grow(context, 'Connections'),
    tls: (context) => grow({ ...context, tls: true }, 'Connections over TLS'),
    instances: sideBySide,
};

try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { hold: { type: 'string', default: '5' },
        only: { type: 'string', default: '' }, build: { type: 'string', default: 'build/release' }, markdown: { type: 'boolean' } } });
    const names = positionals.length > 0 ? positionals : Object.keys(parts);
    const unknown = names.filter((name) => !Object.hasOwn(parts, name));
    if (unknown.length > 0) throw new Error(`no part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
    const build = makeFolder(values.build);
    const context = { ...values, only: new RegExp(values.only, 'i'), build, bin: buildConfab(build) };
    console.log(describe(build));
    const start = now();
    for (const name of names) await parts[name](context);
    console.log(`\nbench/connections ${process.argv.slice(2).join(' ')}; ${descriptors()} descriptors a process; other programs used ` +
        `${Math.round(100 * othersSince(start))} % of the machine`);
} catch (error) {
    console.error(`bench/connections: ${error.message}`);
    process.exit(1);
}
