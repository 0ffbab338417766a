// bench/compare: the workloads in turn; of each, so many rounds over all servers; medians, and ratios within a round.
import { parseArgs } from 'node:util';
import { buildPeers, makeFolder } from './build.mjs';
import { describe, median, now, othersSince } from './machine.mjs';
import { print, tabulate } from './table.mjs';
import { workloads } from './workloads.mjs';

const BUSY = 0.05; // above this share rates say little

function options() {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { rounds: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '4' }, messages: { type: 'string', default: '1000000' },
        only: { type: 'string', default: '' }, build: { type: 'string', default: 'build/release' }, markdown: { type: 'boolean' } } });
    const unknown = positionals.filter((name) => !workloads.some((workload) => workload.name === name));
    if (unknown.length > 0) throw new Error(`no workload ${unknown.join(', ')}; there are ${workloads.map(({ name }) => name).join(', ')}`);
    const { rounds, seconds, messages } = Object.fromEntries(['rounds', 'seconds', 'messages'].map((name) => [name, Number(values[name])]));
    if (!(rounds > 0 && seconds > 0 && messages > 0)) throw new Error('--rounds, --seconds and --messages are numbers over 0');
    return { ...values, rounds, seconds, messages, only: new RegExp(values.only, 'i'), names: positionals };
}

// One row of one round. What fails is told under the table, and the others go on.
async function measure(workload, context, row, told) {
    const start = now();
    try {
        const figures = await workload.measure(context, row);
        for (const fault of workload.faults)
            if (figures[fault] > 0) told.add(`${row}: ${fault} ${figures[fault]}`);
        return { figures, others: othersSince(start) };
    } catch (error) {
        told.add(`${row}: ${error.message}`);
        return { others: othersSince(start) };
    }
}

async function run(workload, context) {
    const rounds = [], shares = [], told = new Set();
    const rows = workload.rows.filter((row) => context.only.test(row));
    for (let i = 0; i < context.rounds; i++) {
        rounds.push({});
        for (const row of rows) {
            if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${workload.name}, round ${i + 1} of ${context.rounds}: ${row}`);
            const { figures, others } = await measure(workload, context, row, told);
            rounds.at(-1)[row] = figures;
            shares.push(others);
        }
    }
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    return { rounds, told, busy: { median: median(shares), most: Math.max(...shares) } };
}

const percent = (share) => `${Math.round(share * 100)} %`;

function report(workload, { rounds, told, busy }, { markdown, only }) {
    console.log(`\n${markdown ? '### ' : ''}${workload.title}\n`);
    print(tabulate(workload, rounds, (row) => only.test(row)), markdown);
    const warning = busy.median > BUSY ? ': believe CPU time and ratios, not rates' : '';
    console.log(`\n${workload.name}: medians of ${rounds.length}; other programs used ${percent(busy.median)} of the machine, ` +
        `${percent(busy.most)} at most${warning}`);
    for (const line of told) console.log(`${markdown ? '- ' : ''}${line}`);
}

try {
    const asked = options();
    const build = makeFolder(asked.build);
    const context = { ...asked, bin: buildPeers(build), build };
    console.log(describe(build));
    for (const workload of workloads)
        if (asked.names.length === 0 || asked.names.includes(workload.name)) report(workload, await run(workload, context), asked);
    console.log(`\nbench/compare ${process.argv.slice(2).join(' ')}`);
} catch (error) {
    console.error(`bench/compare: ${error.message}`);
    process.exit(1);
}
