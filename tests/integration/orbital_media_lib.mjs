// Orbital's media: uploads in one go and by tus, the network between a client and the server, and what is on disk.
import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import * as tus from 'tus-js-client';
import { tokenFor } from './lib.mjs';
import { createGroup, fetchSince, startServer, startThread } from './orbital_lib.mjs';
import { people } from './talk_lib.mjs';

export const MiB = 1024 * 1024;

// Bytes that no compression and no repetition hides a mistake in; the same for the same seed.
export function noise(length, seed = 1) {
    const key = Buffer.alloc(16);
    key.writeUInt32BE(seed);
    return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

// Two large buffers are the same; the message is short when they are not.
export function assertSame(bytes, expected, what = 'the bytes') {
    assert.equal(bytes.length, expected.length, `${what}: length`);
    assert.equal(sha256(bytes), sha256(expected), what);
}

// A server of one test, gone with it however it ends.
export async function serve(context, env, options) {
    const server = await startServer(env, options);
    context.after(() => server.child.kill('SIGKILL'));
    return server;
}

// A group of two with a thread, of people that no other test knows.
export async function family(server) {
    const [ann, ben] = people('ann', 'ben');
    const group = await createGroup(server, ann, [ben]);
    const { thread_id: thread } = await startThread(server, ann, group);
    return { ann, ben, group, thread };
}

// ---- in one go ----

export const mediaPath = (thread) => `/v1/threads/${thread}/media`;

export const postMedia = (server, user, thread, body, { headers = {}, metadata, ...more } = {}) =>
    server.request('POST', mediaPath(thread), { token: tokenFor(user), body,
        headers: { ...(metadata === undefined ? {} : { 'x-encrypted-metadata': metadata }), ...headers }, ...more });

export const download = (server, user, media, headers = {}, more = {}) =>
    server.request('GET', `/v1/media/${media}`, { token: tokenFor(user), headers, ...more });

export const remove = (server, user, media) =>
    server.request('DELETE', `/v1/media/${media}`, { token: tokenFor(user) });

// ---- tus ----

export const version = { 'tus-resumable': '1.0.0' };
export const patchType = { 'content-type': 'application/offset+octet-stream' };

export const idOf = (location) => location.split('/').at(-1);

// A creation, with the first bytes when there is a body.
export const create = (server, user, thread, length, { headers = {}, body } = {}) =>
    server.request('POST', mediaPath(thread), { token: tokenFor(user), body: body ?? '', headers: {
        ...version, 'upload-length': String(length), ...(body === undefined ? {} : patchType), ...headers } });

// Creates, and is sure of it: the upload's path.
export async function begin(server, user, thread, length, more = {}) {
    const made = await create(server, user, thread, length, more);
    assert.equal(made.status, 201, made.text);
    assert.match(made.headers.location, /^\/v1\/uploads\/[0-9a-f-]{36}$/);
    return made.headers.location;
}

export const head = (server, user, path, headers = {}) =>
    server.request('HEAD', path, { token: tokenFor(user), headers: { ...version, ...headers } });

export const patch = (server, user, path, offset, body, headers = {}) =>
    server.request('PATCH', path, { token: tokenFor(user), body,
        headers: { ...version, ...patchType, 'upload-offset': String(offset), ...headers } });

// Where to go on. An upload that another connection still holds is asked for again (423).
export async function offsetOf(server, user, path, length) {
    for (;;) {
        const asked = await head(server, user, path);
        if (asked.status === 423) continue;
        assert.equal(asked.status, 200, `${asked.status}`);
        assert.equal(asked.headers['upload-length'], String(length));
        assert.equal(asked.headers['cache-control'], 'no-store');
        assert.match(asked.headers['upload-offset'], /^\d+$/);
        return Number(asked.headers['upload-offset']);
    }
}

// Goes on until all of it is there; the number of requests with bytes in them.
export async function finish(server, user, path, bytes) {
    for (let requests = 0; ;) {
        const offset = await offsetOf(server, user, path, bytes.length);
        if (offset === bytes.length) return requests;
        const { status, headers, text } = await patch(server, user, path, offset, bytes.subarray(offset));
        requests++;
        if (status === 423 || status === 409) continue; // another connection was not gone yet
        assert.equal(status, 204, text);
        assert.equal(headers['upload-offset'], String(bytes.length));
    }
}

// tus-js-client as it comes; done when it says so.
export function tusUpload(server, user, thread, source, { address = server.address, headers = {}, ...options } = {}) {
    return new Promise((resolve, reject) => {
        const client = new tus.Upload(source, {
            endpoint: `${address}${mediaPath(thread)}`,
            headers: { authorization: `Bearer ${tokenFor(user)}`, ...headers },
            retryDelays: [0, 20, 50, 100, 200, 500, 1000],
            onError: reject,
            onSuccess: () => resolve(client),
            ...options,
        });
        client.start();
    });
}

// ---- the event log ----

// The media that the log of a group tells of, in order.
export async function announced(server, user, group) {
    const events = await fetchSince(server, user, 0, { group });
    return events.filter(({ type }) => type === 'media_uploaded').map(({ data }) => data.media_id);
}

// ---- the disk ----

export const mediaDir = (server) => join(server.dir, 'orbital');
export const fileOf = (server, media) => join(mediaDir(server), media);
export const temporaryOf = (server, media) => join(mediaDir(server), 'tmp', media);
export const files = (server) => readdirSync(mediaDir(server)).filter((name) => name !== 'tmp').sort();
export const unfinished = (server) => readdirSync(join(mediaDir(server), 'tmp')).sort();
export const isFinal = (server, media) => existsSync(fileOf(server, media)) && !existsSync(temporaryOf(server, media));

// It is there for everybody, complete, and the log tells of it once and of nothing else.
export async function assertThere(server, { ann, ben, group }, media, body) {
    assert.deepEqual(await announced(server, ann, group), [media]);
    const got = await download(server, ben, media);
    assert.equal(got.status, 200);
    assertSame(got.bytes, body);
    assert.ok(isFinal(server, media));
}

// ---- connections ----

export const requestHead = (user, method, path, headers = {}) => [`${method} ${path} HTTP/1.1`, 'Host: x',
    `Authorization: Bearer ${tokenFor(user)}`, ...Object.entries(headers).map((pair) => pair.join(': ')), '', '']
    .join('\r\n');

// The head of a PATCH, whose body the test sends as it likes.
export const patchHead = (user, path, offset, length) => requestHead(user, 'PATCH', path,
    { ...version, ...patchType, 'Upload-Offset': offset, 'Content-Length': length });

// One connection of the test's own: what is written when, what is read when, and how it ends.
export class Wire {
    static async open(server, { port = server.port } = {}) {
        const wire = new Wire();
        const secure = server.url.protocol === 'https:';
        wire.socket = secure ? tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
            : net.connect(port, '127.0.0.1');
        wire.socket.setNoDelay(true);
        wire.socket.on('error', () => {}); // what matters is that it ends
        wire.closed = new Promise((done) => { wire.socket.once('close', done); });
        wire.chunks = wire.socket[Symbol.asyncIterator]();
        wire.held = Buffer.alloc(0);
        await once(wire.socket, secure ? 'secureConnect' : 'connect');
        return wire;
    }

    // Done when the socket takes more, or is gone; whether it is there.
    async send(bytes) {
        if (this.socket.destroyed) return false;
        if (!this.socket.write(bytes)) {
            await Promise.race([new Promise((done) => { this.socket.once('drain', done); }), this.closed]);
        }
        return !this.socket.destroyed;
    }

    // Nothing is read but by this: who does not ask stalls the server.
    async #more(chunks) {
        const { value, done } = await this.chunks.next().catch(() => ({ done: true }));
        if (!done) chunks.push(value);
        return !done;
    }

    // The next answer, undefined when the connection ended before its head did; `cut`: within the body.
    async answer({ bodyless = false } = {}) {
        const heads = [this.held];
        let text, end;
        while ((text = Buffer.concat(heads)), (end = text.indexOf('\r\n\r\n')) < 0)
            if (!await this.#more(heads)) return undefined;
        const [first, ...lines] = text.toString('latin1', 0, end).split('\r\n');
        const headers = Object.fromEntries(lines.map((line) => line.split(/: */s))
            .map(([name, ...value]) => [name.toLowerCase(), value.join(': ')]));
        const status = Number(first.split(' ')[1]);
        const length = bodyless || status < 200 || status === 204 || status === 304 ? 0
            : Number(headers['content-length']);
        const chunks = [text.subarray(end + 4)];
        let size = chunks[0].length;
        while (size < length && await this.#more(chunks)) size += chunks.at(-1).length;
        const bytes = Buffer.concat(chunks);
        this.held = bytes.subarray(length);
        return { status, headers, bytes: bytes.subarray(0, length), text: bytes.toString('utf8', 0, length),
            cut: bytes.length < length };
    }

    // Everything until the end of the connection, as text.
    async rest() {
        const chunks = [this.held];
        while (await this.#more(chunks));
        return Buffer.concat(chunks).toString('latin1');
    }

    cut() { this.socket.destroy(); }
}

// Between clients and the server: cuts the connection that carries the byte of a client at which a cut is due.
export class CuttingProxy {
    // `cuts`: counts of clients' bytes, ascending, over all connections. `port` may be changed later.
    static async start(port, cuts = []) {
        const proxy = new CuttingProxy();
        Object.assign(proxy, { port, cuts: [...cuts], passed: 0, done: 0, pairs: new Set(), waiting: [] });
        proxy.server = net.createServer((near) => proxy.#accept(near));
        proxy.server.listen(0, '127.0.0.1');
        await once(proxy.server, 'listening');
        proxy.address = `http://127.0.0.1:${proxy.server.address().port}`;
        return proxy;
    }

    #accept(near) {
        const far = net.connect(this.port, '127.0.0.1');
        const pair = [near, far];
        this.pairs.add(pair);
        for (const [from, to] of [[near, far], [far, near]]) {
            from.on('error', () => {});
            from.on('close', () => {
                this.pairs.delete(pair);
                to.destroy();
            });
        }
        far.pipe(near);
        far.on('drain', () => near.resume());
        near.on('data', (data) => this.#pass(pair, data));
        near.on('end', () => far.end());
    }

    #pass([near, far], data) {
        const left = (this.cuts[0] ?? Infinity) - this.passed;
        const passing = data.subarray(0, left);
        this.passed += passing.length;
        for (const { bytes, resolve } of this.waiting) if (this.passed >= bytes) resolve();
        if (!far.write(passing)) near.pause();
        if (data.length < left) return;
        this.cuts.shift();
        this.done++;
        // By turns a connection that ends and one that is reset.
        for (const socket of [near, far]) {
            if (this.done % 2 === 1) socket.destroy();
            else socket.resetAndDestroy();
        }
    }

    // Resolves when that many bytes of clients have passed.
    reached(bytes) {
        return new Promise((resolve) => { this.waiting.push({ bytes, resolve }); });
    }

    close() {
        for (const sockets of this.pairs) for (const socket of sockets) socket.destroy();
        this.server.close();
    }
}
