// bench/profile: `perf` on the server while the load of bench/compare runs, as Markdown.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPeers, makeFolder } from './build.mjs';
import { describe, sleep } from './machine.mjs';
import { print } from './table.mjs';
import { workloads } from './workloads.mjs';

const TAKE = 1.5; // seconds until the load has connected and warmed up, about
const profiled = ['room', 'rooms', 'single', 'calm', 'posts', 'connect'];

// Runs `use` and samples the process meanwhile: [percent, part, function], the most first.
async function sample(pid, file, use) {
    const perf = spawn('perf', ['record', '-q', '-F', '999', '-D', String(TAKE * 1000), '-o', file, '-p', String(pid)], { stdio: 'ignore' });
    const ended = once(perf, 'exit');
    try {
        await sleep(100);
        await use();
    } finally {
        perf.kill('SIGINT');
        await ended;
    }
    const text = execFileSync('perf', ['report', '-i', file, '--stdio', '--no-children', '--sort', 'dso,symbol', '-g', 'none'],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 });
    rmSync(file);
    return [...text.matchAll(/^ +(\d+\.\d+)% +(\S+) +\[.\] (\S+)/gm)].map(([, share, part, name]) =>
        ({ share: Number(share), part: part === '[kernel.kallsyms]' ? 'kernel' : part.replace(/\.so.*/, ''), name }));
}

function tell(row, samples, top) {
    const parts = new Map();
    for (const { share, part } of samples) parts.set(part, (parts.get(part) ?? 0) + share);
    const shares = [...parts].sort((a, b) => b[1] - a[1]).filter(([, share]) => share >= 1)
        .map(([part, share]) => `${part} ${share.toFixed(0)} %`);
    console.log(`\n${row}: ${shares.join(', ')}\n`);
    const inKernel = samples.filter(({ part }) => part === 'kernel').slice(0, top / 2);
    const above = samples.filter(({ part }) => part !== 'kernel').slice(0, top / 2);
    const most = [...inKernel, ...above].sort((a, b) => b.share - a.share);
    print([['function', '%', 'of'], ...most.map(({ share, part, name }) => [`\`${name}\``, share.toFixed(1), part])], true);
}

try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { seconds: { type: 'string', default: '5' },
        top: { type: 'string', default: '12' }, only: { type: 'string', default: '^confab (shop|talk)$' },
        build: { type: 'string', default: 'build/release' } } });
    const names = positionals.length > 0 ? positionals : profiled;
    const unknown = names.filter((name) => !profiled.includes(name));
    if (unknown.length > 0) throw new Error(`no workload ${unknown.join(', ')}; there are ${profiled.join(', ')}`);
    const build = makeFolder(values.build), only = new RegExp(values.only, 'i');
    const bin = buildPeers(build);
    console.log(describe(build));
    for (const workload of workloads.filter(({ name }) => names.includes(name))) {
        console.log(`\n### ${workload.title}`);
        for (const row of workload.rows.filter((each) => only.test(each))) {
            let samples;
            const around = async (pid, use) => {
                let result;
                samples = await sample(pid, join(build, 'perf.data'), async () => { result = await use(); });
                return result;
            };
            await workload.measure({ bin, build, seconds: Number(values.seconds), around }, row);
            tell(row, samples, Number(values.top));
        }
    }
    console.log(`\nbench/profile ${process.argv.slice(2).join(' ')}`);
} catch (error) {
    console.error(`bench/profile: ${error.message}`);
    process.exit(1);
}
