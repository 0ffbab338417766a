// The servers: each is started fresh, on one core, and stopped again.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join, resolve } from 'node:path';
import { loadCores, serverCore, sleep } from './machine.mjs';

const READY_MS = 30_000, LOAD_MS = 600_000; // longer than that nothing takes unless it hangs
export const secret = randomBytes(32).toString('hex');
const running = new Set(), folders = new Set();
const remove = (folder) => rmSync(folder, { recursive: true, force: true });
process.on('exit', () => {
    running.forEach((child) => child.kill('SIGKILL'));
    folders.forEach(remove);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

// Besides what a program needs, only what is set here reaches it. Limits that a load would meet are raised; sockets are
// pinged as often as socket.io's default has it.
const confabSettings = { JWT_SECRET: secret, CONFAB_LISTEN: '127.0.0.1:0', CONFAB_WORKERS: '1', LOG_LEVEL: 'warn',
    WEBSOCKET_MAX_CONNECTIONS_PER_USER: '1000', WEBSOCKET_MAX_ATTEMPTS_PER_MINUTE: '1000',
    ORBITAL_MAX_ATTEMPTS_PER_MINUTE: '0', SOCKETIO_PING_INTERVAL_MS: '25000', SOCKETIO_PING_TIMEOUT_MS: '20000' };

async function readyPort(child, name, readLog) {
    let said = '';
    child.stdout.on('data', (data) => { said += data; });
    for (const start = performance.now(); performance.now() - start < READY_MS; await sleep(1)) {
        const line = /listening on (?:https?:\/\/)?127\.0\.0\.1:(\d+)/.exec(said);
        if (line) return Number(line[1]);
        if (child.exitCode !== null || child.signalCode !== null) break;
    }
    throw new Error(`${name} did not start: ${said}${readLog()}`);
}

// launch({ name, command, env, cores, folder }): what runs, where it listens, and how to stop it. `ms` is the time from before
// its start to its ready line.
export async function launch({ name, command, env = {}, cores = serverCore, folder, port }) {
    const log = join(folder, 'log');
    const start = performance.now();
    const child = spawn('taskset', ['-c', cores, ...command],
        { env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env }, stdio: ['ignore', 'pipe', openSync(log, 'a')] });
    running.add(child);
    const ended = once(child, 'exit').then(() => running.delete(child));
    const server = { pid: child.pid, port, scheme: 'http', async stop(signal = 'SIGTERM') {
        child.kill(signal);
        const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
        await ended;
        clearTimeout(late);
    } };
    if (port === undefined) server.port = await readyPort(child, name, () => readFileSync(log, 'utf8'));
    else await accepts(port);
    server.ms = performance.now() - start;
    return server;
}

async function accepts(port) {
    for (const start = performance.now(); performance.now() - start < READY_MS; await sleep(10)) {
        const socket = net.connect(port, '127.0.0.1');
        const open = await new Promise((resolve) => socket.once('connect', () => resolve(true)).once('error', () => resolve(false)));
        socket.destroy();
        if (open) return;
    }
    throw new Error(`nothing listens on port ${port}`);
}

async function freePort() {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
}

// A folder for one run, on the disk that the build is on.
export function scratch(build) {
    const folder = mkdtempSync(join(resolve(build), 'run-'));
    folders.add(folder);
    return { folder, remove: () => { folders.delete(folder); remove(folder); } };
}

export function certificate(folder) {
    const cert = join(folder, 'cert.pem'), key = join(folder, 'key.pem');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key,
        '-out', cert, '-days', '2', '-subj', '/CN=bench'], { stdio: 'pipe' });
    return { CONFAB_TLS_CERT: cert, CONFAB_TLS_KEY: key };
}

// startConfab(bin, folder, { tls, slowSyncMs, env, cores }): with its data in `folder`/data.
export async function startConfab(bin, folder, { tls = false, slowSyncMs = 0, env = {}, cores } = {}) {
    const settings = { ...confabSettings, CONFAB_DATA_DIR: join(folder, 'data'), ...(tls ? certificate(folder) : {}), ...env };
    if (slowSyncMs > 0)
        Object.assign(settings, { LD_PRELOAD: join(bin, 'libslow-sync.so'), SLOW_SYNC_MS: String(slowSyncMs) });
    const server = await launch({ name: 'confab', command: [join(bin, 'confab'), 'serve'], env: settings, cores, folder });
    return Object.assign(server, { scheme: tls ? 'https' : 'http' });
}

// One worker; as many connections as it is asked for; no file of it outside `folder`.
async function startNchan(bin, folder) {
    const port = await freePort();
    const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `${each}_temp_path ${folder}/${each};`);
    writeFileSync(join(folder, 'nginx.conf'), `
daemon off; worker_processes 1; worker_rlimit_nofile 20000;
pid ${folder}/nginx.pid; error_log ${folder}/log crit;
load_module modules/ngx_nchan_module.so;
events { worker_connections 19900; multi_accept on; }
http {
    access_log off; tcp_nodelay on; keepalive_requests 1000000000; keepalive_timeout 1h;
    ${temp.join(' ')}
    nchan_shared_memory_size 512M;
    server {
        listen 127.0.0.1:${port} backlog=4096;
        location = /sub { nchan_subscriber websocket; nchan_channel_id $arg_id; nchan_subscriber_first_message newest; }
        location = /pub { nchan_publisher http; nchan_channel_id $arg_id; nchan_message_buffer_length 64; }
    }
}
`);
    return launch({ name: 'nginx', command: ['nginx', '-p', '/usr/share/nginx', '-c', join(folder, 'nginx.conf')], folder, port,
        env: { PATH: `${process.env.PATH}:/usr/sbin` } });
}

const program = (...command) => (bin, folder) => launch({ name: command[0], folder,
    command: command.map((word) => word.replace('BIN', bin).replace('FOLDER', folder)), env: { GOMAXPROCS: '1' } });
const confab = (bin, folder, options) => startConfab(bin, folder, options);

// In the order in which a round takes them: what Confab is held against comes right before it.
export const contenders = {
    'limit: send': { dialect: 'hub', start: program('BIN/bench-limit', 'send') },
    'limit: join': { dialect: 'hub', start: program('BIN/bench-limit', 'join') },
    'limit: store': { dialect: 'hub', start: program('BIN/bench-limit', 'store', 'FOLDER/messages.db') },
    'confab shop': { dialect: 'shop', start: confab },
    'confab talk': { dialect: 'talk', start: confab },
    'confab orbital': { dialect: 'orbital', start: confab },
    libwebsockets: { dialect: 'hub', start: program('BIN/bench-lws') },
    'nginx + nchan': { dialect: 'nchan', start: startNchan },
    'Go gorilla': { dialect: 'hub', start: program('BIN/bench-gorilla') },
    'Node ws': { dialect: 'hub', start: program(process.execPath, 'bench/peer/hub-ws.mjs') },
    'Socket.IO 4': { dialect: 'socketio', start: program(process.execPath, 'bench/peer/sio-chat.mjs') },
};

// load(bin, server, dialect, words): the figures of one run of `confab bench`.
export async function load(bin, server, dialect, words) {
    const child = spawn('taskset', ['-c', loadCores, join(bin, 'confab'), 'bench', ...words, '--json', '--dialect', dialect,
        '--url', `${server.scheme}://127.0.0.1:${server.port}`, ...(server.scheme === 'https' ? ['--insecure'] : [])],
    { env: { PATH: process.env.PATH, JWT_SECRET: secret }, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    let out = '', err = '';
    child.stdout.on('data', (data) => { out += data; });
    child.stderr.on('data', (data) => { err += data; });
    const late = setTimeout(() => child.kill('SIGKILL'), LOAD_MS);
    const [code, signal] = await once(child, 'close');
    clearTimeout(late);
    running.delete(child);
    if (code !== 0) throw new Error(err.trim().split('\n').at(-1) || `confab bench: ${code ?? signal}`);
    return JSON.parse(out);
}
