// The machine: which core is whose, what was used, and how fast its disk is.
import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';

const TICKS = 100; // a second, of /proc on every Linux that Node runs on

// The server has the last core that we may use, the load all others.
const allowed = execFileSync('taskset', ['-cp', String(process.pid)], { encoding: 'utf8' }).split(': ')[1].trim()
    .split(',').flatMap((range) => {
        const [first, last = first] = range.split('-').map(Number);
        return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
export const serverCore = String(allowed.at(-1));
export const loadCores = allowed.length > 1 ? allowed.slice(0, -1).join() : serverCore;
export const allCores = allowed.join();

export function median(values) {
    const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
}

export const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// CPU time in seconds: everybody's, of all cores, and ours with all that we have started and seen end.
function cpuTimes() {
    const all = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/ +/).slice(1, 9).map(Number);
    const [user, nice, system, , , irq, softirq, steal] = all;
    const own = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ').slice(11, 15).map(Number);
    return { at: performance.now() / 1000, all: (user + nice + system + irq + softirq + steal) / TICKS,
        own: own.reduce((sum, each) => sum + each) / TICKS };
}

// Since `start`, the share of all cores that others used. What we started must have ended.
export function othersSince(start) {
    const end = cpuTimes();
    const share = (end.all - start.all - (end.own - start.own)) / (end.at - start.at) / os.cpus().length;
    return Math.max(0, share);
}
export const now = cpuTimes;

// Milliseconds of CPU time that a process has used so far.
export function processCpuMs(pid) {
    const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).map(Number);
    return (user + system) * 1000 / TICKS;
}

// Median of 200 writes of 4 KiB with their fdatasync, in ms: what no commit can be faster than.
export function syncMs(folder) {
    const path = join(folder, 'sync');
    const file = openSync(path, 'w');
    const block = Buffer.alloc(4096, 1);
    const times = Array.from({ length: 200 }, () => {
        const start = performance.now();
        writeSync(file, block);
        fdatasyncSync(file);
        return performance.now() - start;
    });
    closeSync(file);
    rmSync(path);
    return median(times);
}

export function describe(folder) {
    const cpus = os.cpus();
    const disk = execFileSync('stat', ['-f', '-c', '%T', folder], { encoding: 'utf8' }).trim();
    const commit = execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
    return `${cpus[0].model.trim()}, ${cpus.length} cores, ${Math.round(os.totalmem() / 2 ** 30)} GiB, Linux ${os.release()}; ` +
        `server on core ${serverCore}, load on ${loadCores}; data on ${disk}, write + fdatasync ${syncMs(folder).toFixed(2)} ms; ` +
        `${new Date().toISOString().slice(0, 16)}Z, commit ${commit}`;
}
