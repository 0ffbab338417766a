// A real server of this project in a folder of its own, and small clients for it.
import { execFile, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import WebSocket from 'ws';

const exec = promisify(execFile);

export const binDir = process.env.CONFAB_BIN_DIR;
if (!binDir) throw new Error('CONFAB_BIN_DIR must name the folder of the programs, e.g. build/dev/bin');
export const confab = join(binDir, 'confab');
export const secret = 'a secret for tests, long enough: 0123456789';

const base64url = (value) => Buffer.from(value).toString('base64url');

export function signToken(claims, { key = secret, header = { alg: 'HS256', typ: 'JWT' } } = {}) {
    const text = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
    return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}

export function tokenFor(user, more = {}) {
    return signToken({ user_id: user, username: user.toUpperCase(),
        exp: Math.floor(Date.now() / 1000) + 3600, ...more });
}

export function makeDir() {
    return mkdtempSync(join(tmpdir(), 'confab-test-'));
}

// A self-signed certificate for this machine: the paths of it and of its key.
export async function certificate(dir, name = 'localhost') {
    const cert = join(dir, `${name}.pem`), key = join(dir, `${name}.key`);
    await exec('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
        '-keyout', key, '-out', cert, '-days', '2', '-subj', `/CN=${name}`,
        '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']);
    return { cert, key };
}

// Only what the test sets reaches the program, besides what every program needs.
export function cleanEnv(env) {
    const kept = {};
    for (const name of ['PATH', 'HOME', 'TMPDIR', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS'])
        if (process.env[name] !== undefined) kept[name] = process.env[name];
    return { ...kept, ...env };
}

// Runs the program to its end.
export async function run(args, { env = {}, cwd, program = confab } = {}) {
    const child = spawn(program, args, { env: cleanEnv(env), cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '', stderr = '';
    child.stdout.on('data', (data) => { stdout += data; });
    child.stderr.on('data', (data) => { stderr += data; });
    const [code, signal] = await once(child, 'close');
    return { code, signal, stdout, stderr };
}

// An answer; its text and JSON (undefined when it is none) are made when they are asked for: a file is large.
class Answer {
    #text;
    #json;

    constructor({ statusCode, headers }, bytes) {
        this.status = statusCode;
        this.headers = headers;
        this.bytes = bytes;
    }

    get text() { return this.#text ??= this.bytes.toString(); }

    get json() {
        if (this.#json === undefined) {
            try { this.#json = JSON.parse(this.text); } catch { this.#json = undefined; }
        }
        return this.#json;
    }
}

export class Server {
    // Starts and waits for the ready line. `dir` is kept when it is given.
    static async start(env = {}, { dir, args = [] } = {}) {
        const server = new Server();
        server.ownsDir = dir === undefined;
        server.dir = dir ?? makeDir();
        server.log = '';
        server.stdout = '';
        server.child = spawn(confab, ['serve', ...args], {
            env: cleanEnv({ CONFAB_LISTEN: '127.0.0.1:0', CONFAB_DATA_DIR: server.dir,
                CONFAB_WORKERS: '2', JWT_SECRET: secret, ...env }),
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        server.closed = once(server.child, 'close').then(([code, signal]) => ({ code, signal }));
        server.child.stderr.on('data', (data) => { server.log += data; });
        await new Promise((resolve, reject) => {
            server.child.stdout.on('data', (data) => {
                server.stdout += data;
                const ready = server.stdout.match(/^confab: listening on (.*)\n/m);
                if (ready) { server.address = ready[1]; resolve(); }
            });
            server.closed.then(({ code }) =>
                reject(new Error(`the server ended with ${code}:\n${server.log}`)));
        });
        server.url = new URL(server.address);
        server.port = Number(server.url.port);
        return server;
    }

    // Ends it by SIGTERM; its exit code. A sanitizer's finding shows in it.
    async stop(signal = 'SIGTERM') {
        this.child.kill(signal);
        const { code } = await this.closed;
        if (this.ownsDir) rmSync(this.dir, { recursive: true, force: true });
        return code;
    }

    // One request; the answer's status, headers and JSON (or text).
    async request(method, path, { token, json, body, headers = {}, agent } = {}) {
        const all = { ...headers };
        if (token) all.authorization = `Bearer ${token}`;
        if (json !== undefined) {
            body = JSON.stringify(json);
            all['content-type'] ??= 'application/json';
        }
        if (body !== undefined) all['content-length'] ??= Buffer.byteLength(body);
        const { request: open } = this.url.protocol === 'https:' ? https : http;
        const request = open({ host: '127.0.0.1', port: this.port, method, path,
            headers: all, agent: agent ?? false, rejectUnauthorized: false });
        request.end(body);
        const [response] = await once(request, 'response');
        const chunks = [];
        for await (const chunk of response) chunks.push(chunk);
        return new Answer(response, Buffer.concat(chunks));
    }

    async createShop(user, members = []) {
        const shop = await this.request('POST', '/api/v1/shops',
            { token: tokenFor(user), json: { name: 'Garage' } });
        if (shop.status !== 201) throw new Error(`no shop: ${shop.text}`);
        for (const member of members) {
            const added = await this.request('POST', `/api/v1/shops/${shop.json.id}/members`,
                { token: tokenFor(user), json: { user_id: member } });
            if (added.status !== 201) throw new Error(`no member: ${added.text}`);
        }
        return shop.json.id;
    }

    post(user, shop, message, more = {}) {
        return this.request('POST', '/api/v1/shops/messages',
            { token: tokenFor(user), json: { shop_id: shop, message, ...more } });
    }

    streamUrl(shop, prefix = '/api/v1') {
        return `ws://127.0.0.1:${this.port}${prefix}/shops/${shop}/messages/stream`;
    }

    // An open stream; refuses with { status, headers, body } as the server answered.
    stream(user, shop, { protocols = [], token = tokenFor(user), prefix, options = {} } = {}) {
        return Stream.open(this.streamUrl(shop, prefix), protocols,
            { ...options, headers: { authorization: `Bearer ${token}`, ...options.headers } });
    }

    // Raw bytes over a socket of their own; everything that came until the server closed.
    raw(bytes, { end = false } = {}) {
        return new Promise((resolve, reject) => {
            const socket = net.connect(this.port, '127.0.0.1');
            const chunks = [];
            socket.on('connect', () => { socket.write(bytes); if (end) socket.end(); });
            socket.on('data', (data) => chunks.push(data));
            socket.on('error', (error) => (error.code === 'ECONNRESET'
                ? resolve(Buffer.concat(chunks).toString('latin1')) : reject(error)));
            socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
        });
    }

    async metric(name) {
        const { text } = await this.request('GET', '/metrics');
        const line = text.split('\n').find((each) => each.startsWith(`${name} `));
        return line === undefined ? undefined : Number(line.slice(name.length + 1));
    }
}

// A WebSocket whose messages are awaited one by one.
export class Stream {
    static open(url, protocols, options) {
        const stream = new Stream();
        stream.messages = [];
        stream.waiting = [];
        stream.pings = [];
        return new Promise((resolve, reject) => {
            const socket = new WebSocket(url, protocols, options);
            stream.socket = socket;
            socket.on('message', (data) => stream.#take(JSON.parse(data.toString())));
            socket.on('ping', () => stream.pings.push(Date.now()));
            stream.closed = new Promise((done) => {
                socket.on('close', (code, reason) => {
                    for (const { fail } of stream.waiting.splice(0))
                        fail(new Error(`closed ${code} ${reason}`));
                    done({ code, reason: reason.toString() });
                });
            });
            socket.on('open', () => resolve(stream));
            socket.on('error', () => {}); // what matters comes as close or unexpected-response
            socket.on('unexpected-response', async (request, response) => {
                const chunks = [];
                for await (const chunk of response) chunks.push(chunk);
                const body = Buffer.concat(chunks).toString();
                reject(Object.assign(new Error(`refused with ${response.statusCode}`),
                    { status: response.statusCode, headers: response.headers,
                        json: body.startsWith('{') ? JSON.parse(body) : undefined }));
            });
        });
    }

    #take(message) {
        const waiting = this.waiting.shift();
        if (waiting) waiting.give(message);
        else this.messages.push(message);
    }

    // The next message, the ones already here first.
    next() {
        if (this.messages.length > 0) return Promise.resolve(this.messages.shift());
        return new Promise((give, fail) => this.waiting.push({ give, fail }));
    }

    // The next message of a v2 stream that is of that type.
    async nextOf(type) {
        for (;;) {
            const message = await this.next();
            if (message.type === type) return message.data;
        }
    }

    async close() {
        this.socket.close(1000);
        return this.closed;
    }
}
