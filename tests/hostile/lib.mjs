// What attacks have in common: good clients that go on meanwhile, figures, crowds of raw sockets, and how the process is.
// CONFAB_HOSTILE=full: the numbers of script/hostile instead of CI's. CONFAB_HOSTILE_SETTINGS, JSON: settings of every server
// besides, to see a test fail, e.g. {"CONFAB_HTTP_HEADER_TIMEOUT_SECONDS":"60"}.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { RawClient, request } from '../conformance/ws_raw.mjs';
import { Server, confab, tokenFor } from '../integration/lib.mjs';
import { Feed, createGroup, say } from '../integration/orbital_lib.mjs';
import { Device, createTalk, sleep, until, within } from '../integration/talk_lib.mjs';

export { sleep, until, within };
export const full = process.env.CONFAB_HOSTILE === 'full';
export const scale = (short, whole) => (full ? whole : short);
export const KiB = 1024, MiB = 1024 * KiB;

// A sanitizer's memory and speed are its own: bounds on either are for other builds.
export const sanitized = /__[at]san_init/.test(readFileSync(confab, 'latin1'));

export function figure(context, text) { context.diagnostic(`figure: ${text}`); }

// A server of one test: a failed one leaves none behind.
export async function serve(context, settings = {}, options = {}) {
    const server = await Server.start({ ORBITAL_MAX_ATTEMPTS_PER_MINUTE: '0', SOCKETIO_PING_INTERVAL_MS: '20000',
        SOCKETIO_PING_TIMEOUT_MS: '20000', LOG_LEVEL: 'error', WEBSOCKET_MAX_ATTEMPTS_PER_MINUTE: '1000',
        WEBSOCKET_MAX_CONNECTIONS_PER_USER: '1000', ...settings,
        ...JSON.parse(process.env.CONFAB_HOSTILE_SETTINGS ?? '{}') }, options);
    context.after(() => server.child.kill('SIGKILL'));
    return server;
}

// It is as it was: a fresh client of each dialect is served, and it ends well.
export async function stopWell(server) {
    await assertWell(server);
    assert.equal(await server.stop(), 0, server.log.slice(-6000));
}

export async function assertWell(server) {
    const probe = await Probe.start(server);
    await probe.round();
    await probe.stop();
}

// ---- the process ----

export const resident = (server) =>
    Number(readFileSync(`/proc/${server.child.pid}/status`, 'latin1').match(/VmRSS:\s+(\d+) kB/)[1]) * KiB;

// Milliseconds of CPU that its threads have used.
export function cpuOf(server) {
    const tasks = `/proc/${server.child.pid}/task`;
    return readdirSync(tasks).reduce((sum, task) =>
        sum + Number(readFileSync(`${tasks}/${task}/schedstat`, 'latin1').split(' ')[0]) / 1e6, 0);
}

export const descriptors = (server) => readdirSync(`/proc/${server.child.pid}/fd`).length;

// The most memory above what it has now, until stop() is called.
export function watchMemory(server) {
    const before = resident(server);
    let most = before;
    const look = () => { most = Math.max(most, resident(server)); };
    const timer = setInterval(() => {
        if (server.child.exitCode === null && server.child.signalCode === null) look();
        else clearInterval(timer);
    }, 25);
    return { stop() { clearInterval(timer); look(); return most - before; } };
}

// Grown by at most so much; a sanitizer's build only prints it.
export function assertGrowth(grown, limit) {
    if (!sanitized) assert.ok(grown <= limit, `grew by ${kib(grown)}, at most ${kib(limit)} were allowed`);
}

export const kib = (bytes) => `${Math.round(bytes / KiB)} KiB`;

// ---- good clients ----

// In each dialect one posts and one hears it, again and again; each message must come once, in order, as it was answered.
export class Probe {
    static #made = 0;

    static async start(server) {
        const probe = new Probe();
        const [ann, ben] = ['ann', 'ben'].map((name) => `${name}-probe${++Probe.#made}`);
        Object.assign(probe, { server, ann, counts: { shop: 0, orbital: 0, talk: 0 }, worst: 0,
            agent: new http.Agent({ keepAlive: true, maxSockets: 2 }) });
        probe.shop = await server.createShop(ann, [ben]);
        probe.stream = await server.stream(ben, probe.shop);
        probe.group = await createGroup(server, ann, [ben]);
        probe.feed = await (await Feed.open(server, ben)).subscribe(probe.group);
        probe.talk = await createTalk(server, ann, [ben]);
        probe.speaker = await Device.connect(server, ann);
        probe.listener = await Device.connect(server, ben);
        await probe.speaker.join(probe.talk);
        await probe.listener.join(probe.talk);
        return probe;
    }

    async #shop(text) {
        const { status, json } = await this.server.request('POST', '/api/v1/shops/messages',
            { token: tokenFor(this.ann), json: { shop_id: this.shop, message: text }, agent: this.agent });
        assert.equal(status, 201, JSON.stringify(json));
        assert.deepEqual(await this.stream.next(), json);
    }

    async #orbital(text) {
        const said = await say(this.server, this.ann, this.group, text);
        assert.deepEqual((await this.feed.next('new_message')).data, said);
    }

    async #talk(text) {
        const message = await this.speaker.say(this.talk, text);
        assert.deepEqual((await this.listener.message()), message);
    }

    async #once(kind, post) {
        const started = performance.now();
        await within(post(`${kind} ${this.counts[kind]}`), `${kind} message ${this.counts[kind]} of the probe`);
        this.counts[kind]++;
        this.worst = Math.max(this.worst, performance.now() - started);
    }

    // One message of each.
    async round() {
        await this.#once('shop', (text) => this.#shop(text));
        await this.#once('orbital', (text) => this.#orbital(text));
        await this.#once('talk', (text) => this.#talk(text));
    }

    // Again and again until stop(). `kinds`: without orbital no new connection is needed.
    begin(kinds = ['shop', 'orbital', 'talk']) {
        this.running = true;
        const posts = { shop: (text) => this.#shop(text), orbital: (text) => this.#orbital(text),
            talk: (text) => this.#talk(text) };
        const pauses = { shop: 5, orbital: 5, talk: 110 }; // 10 a second are allowed in conversations
        const loop = async (kind) => {
            while (this.running) {
                await this.#once(kind, posts[kind]);
                await sleep(pauses[kind]);
            }
        };
        this.loops = Promise.all(kinds.map(loop));
        this.loops.catch(() => { this.running = false; });
        return this;
    }

    // What was served; nothing may be lost, and nothing be there twice.
    async stop() {
        this.running = false;
        await this.loops;
        assert.deepEqual(this.stream.messages, []);
        assert.deepEqual(this.listener.left('message:new'), []);
        await this.feed.settled();
        assert.deepEqual(this.feed.left(), []);
        this.agent.destroy();
        for (const device of [this.speaker, this.listener]) device.close();
        await this.feed.close();
        await this.stream.close();
        return this.text;
    }

    get total() { return Object.values(this.counts).reduce((sum, count) => sum + count, 0); }

    get text() {
        return `${this.total} messages posted and received meanwhile, the slowest in ${Math.round(this.worst)} ms, 0 lost`;
    }
}

export async function startProbe(server, kinds) {
    return (await Probe.start(server)).begin(kinds);
}

// ---- crowds ----

// So many raw sockets. `bytes`: what each sends at once, or a function of its number.
export class Crowd {
    static async open(server, count, { bytes, read = true } = {}) {
        const crowd = new Crowd();
        Object.assign(crowd, { sockets: [], closed: 0, heads: new Map(), server, read });
        for (let i = 0; i < count; i += 250)
            await Promise.all(Array.from({ length: Math.min(250, count - i) }, (_, j) => crowd.#add(i + j, bytes)));
        return crowd;
    }

    async #add(number, bytes) {
        const socket = net.connect(this.server.port, '127.0.0.1');
        this.sockets.push(socket);
        socket.on('error', () => {});
        socket.on('close', () => { this.closed++; });
        if (this.read) socket.once('data', (data) => { this.heads.set(number, data.toString('latin1')); });
        else socket.pause();
        await within(Promise.race([once(socket, 'connect'), once(socket, 'close')]), 'a connection');
        if (bytes !== undefined) this.#send(socket, typeof bytes === 'function' ? bytes(number) : bytes);
        if (this.read) socket.resume();
    }

    #send(socket, bytes) { if (!socket.destroyed) socket.write(bytes); }

    send(bytes) { for (const socket of this.sockets) this.#send(socket, bytes); }

    // How many were answered with which status first.
    get statuses() {
        const counts = {};
        for (const head of this.heads.values()) {
            const status = head.match(/^HTTP\/1\.1 (\d{3})/)?.[1] ?? 'other';
            counts[status] = (counts[status] ?? 0) + 1;
        }
        return counts;
    }

    // The milliseconds until the server has let go of all.
    async gone(ms) {
        const started = performance.now();
        await until(() => this.closed === this.sockets.length, `${this.sockets.length - this.closed} are let go`, ms);
        return Math.round(performance.now() - started);
    }

    destroy() { for (const socket of this.sockets) socket.destroy(); }
}

// ---- WebSockets by hand, in each dialect ----

// What opens each: the path, the message limit's setting, a message that is answered at once.
export async function doors(server, user = 'ann') {
    const token = tokenFor(user);
    const shop = await server.createShop(user);
    return {
        shop: `/api/v1/shops/${shop}/messages/stream?token=${token}`,
        orbital: `/ws?token=${token}`,
        talk: '/socket.io/?EIO=4&transport=websocket',
    };
}

export async function openRaw(server, target, lines = {}) {
    const client = await RawClient.connect(server.port);
    client.send(request(lines, { target }));
    client.response = await within(client.readResponse(), 'the handshake');
    assert.equal(client.response?.status, 101, JSON.stringify(client.response));
    return client;
}

// The code of the close frame, whatever came before it; undefined when the connection ended without.
export async function closeCode(client, ms) {
    for (;;) {
        const frame = await within(client.readFrame(), 'the close frame', ms);
        if (frame === null) return undefined;
        if (frame.opcode === 8) return frame.payload.length === 0 ? 1005 : frame.payload.readUInt16BE();
    }
}
