// Socket.IO clients, the newest and the oldest version that must work, over each transport; and what the tests of
// conversations do again and again.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { io as newest } from 'socket.io-client';
import { io as oldest } from 'socket.io-client-40';
import { Server, tokenFor } from './lib.mjs';

const transportLists = { polling: ['polling'], websocket: ['websocket'], upgrade: ['polling', 'websocket'] };

const clientsOf = (version, io) => Object.entries(transportLists).map(([transport, transports]) =>
    ({ title: `socket.io-client ${version}, ${transport}`, io, transport, transports }));

export const newestClients = clientsOf('latest', newest);
export const oldestClients = clientsOf('4.0', oldest);
export const clients = [...newestClients, ...oldestClients];
export const websocket = newestClients[1];

// How long an event may take on a loaded machine, before a test gives it up.
export const patience = 20000;

export const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });

export function within(promise, what, ms = patience) {
    const failure = new Error(`not within ${ms} ms: ${what}`);
    let timer;
    const late = new Promise((_, fail) => { timer = setTimeout(() => fail(failure), ms); });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Asks until it is so; for what nobody announces.
export async function until(condition, what, ms = patience) {
    const end = Date.now() + ms;
    for (;;) {
        if (await condition()) return;
        if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
        await sleep(20);
    }
}

// Users of one test, whom no other test knows.
let people_made = 0;
export function people(...names) {
    people_made++;
    return names.map((name) => `${name}${people_made}`);
}

// A generator of its own, so that a run can be repeated: CONFAB_TEST_SEED=n.
export function random(seed) {
    let state = seed >>> 0;
    const next = () => {
        state = (state * 1664525 + 1013904223) >>> 0;
        return state / 2 ** 32;
    };
    next.below = (limit) => Math.floor(next() * limit);
    return next;
}

export const seedOf = (fallback) => Number(process.env.CONFAB_TEST_SEED ?? fallback);

export const inUrl = (user) => encodeURIComponent(user);

export function startServer(env = {}, options = {}) {
    // Long pings: only tests of lost connections want short ones.
    return Server.start({ SOCKETIO_PING_INTERVAL_MS: '20000', SOCKETIO_PING_TIMEOUT_MS: '20000', ...env }, options);
}

// For tests that cut connections at any moment. A client whose WebSocket is cut while it upgrades has paused its polling and
// does not go on with it: it comes back when a ping is late, which is to be before `patience` is over.
export const livelyPings = { SOCKETIO_PING_INTERVAL_MS: '3000', SOCKETIO_PING_TIMEOUT_MS: '8000' };

// Ends it, and shows what it logged last if it did not end well.
export async function stopClean(server) {
    assert.equal(await server.stop(), 0, server.log.slice(-6000));
}

export const ask = (server, user, method, path, json) =>
    server.request(method, `/api/conversations${path}`, { token: user && tokenFor(user), json });

// A conversation by its id. `kind` is a group unless said otherwise.
export async function createTalk(server, user, others = [user], { kind = 'group', ...more } = {}) {
    const made = await ask(server, user, 'POST', '', { kind, participantIds: others, ...more });
    assert.equal(made.status, 201, made.text);
    assert.ok(Number.isSafeInteger(made.json.id), made.text);
    return made.json.id;
}

export async function history(server, user, talk, query = '') {
    const answer = await ask(server, user, 'GET', `/${talk}/messages${query}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
}

// Everything after a seq, page by page, as clients fetch what they missed (contract: afterSeq, merge by id).
export async function fetchAfter(server, user, talk, seq) {
    const all = [];
    for (;;) {
        const { messages, hasMore } = await history(server, user, talk, `?afterSeq=${seq}&limit=100`);
        all.push(...messages);
        if (!hasMore) return all;
        seq = messages.at(-1).seq;
    }
}

// A message as the socket carries it: history adds the receipts.
export function withoutReceipts(message) {
    const { receipts, ...rest } = message;
    return rest;
}

// A connected client. What arrives is kept in order; next() takes, left() tells what nobody took.
export class Device {
    constructor(address, user, { client = websocket, namespace = '/', auth, token, ...options } = {}) {
        this.user = user;
        this.client = client;
        this.arrived = [];
        this.waiting = [];
        this.connects = 0;
        this.socket = client.io(`${address}${namespace}`, {
            transports: client.transports,
            auth: auth ?? (user === undefined ? undefined : { token: token ?? tokenFor(user) }),
            forceNew: true,
            reconnection: false,
            ...options,
        });
        this.socket.on('connect', () => { this.connects++; });
        this.socket.io.on('reconnect_attempt', () => this.#forgetLate());
        this.socket.onAny((event, ...args) => this.#take(event, args));
        this.refused = new Promise((resolve) => { this.socket.once('connect_error', resolve); });
    }

    static async connect(server, user, options = {}) {
        const device = new Device(options.address ?? server.address, user, options);
        const outcome = await within(Promise.race([
            new Promise((done) => { device.socket.once('connect', done); }), device.refused]),
            `${user} connects by ${device.client.title}`);
        if (outcome instanceof Error) throw outcome;
        return device;
    }

    // The error that the server refuses with.
    static async refusal(server, user, options) {
        const device = new Device(server.address, user, options);
        try {
            return await within(Promise.race([device.refused,
                new Promise((_, fail) => {
                    device.socket.once('connect', () => fail(new Error('it connected')));
                })]), 'a refusal');
        } finally {
            device.close();
        }
    }

    // What the engine had decoded when it closed reaches the socket after its `disconnect`, and is kept for the next
    // connection, without moving the offset: a recovery would bring it a second time.
    #forgetLate() { this.socket.receiveBuffer.length = 0; }

    #take(event, args) {
        const index = this.waiting.findIndex((each) => each.event === event && each.match(...args));
        if (index < 0) this.arrived.push({ event, args });
        else this.waiting.splice(index, 1)[0].give(args);
    }

    // The arguments of the next event of that name that nobody took yet.
    next(event, match = () => true, ms = patience) {
        const index = this.arrived.findIndex((each) => each.event === event && match(...each.args));
        if (index >= 0) return Promise.resolve(this.arrived.splice(index, 1)[0].args);
        const entry = { event, match };
        const given = new Promise((give) => { entry.give = give; });
        this.waiting.push(entry);
        return within(given, `${event} at ${this.user}`, ms).finally(() => {
            this.waiting = this.waiting.filter((each) => each !== entry);
        });
    }

    // A message's arguments end with the offset, from which a lost connection is recovered.
    async message() {
        const args = await this.next('message:new');
        assert.equal(args.length, 2);
        assert.equal(args[1], String(args[0].id));
        return args[0];
    }

    // Names and arguments of what arrived and was not taken.
    left(...events) {
        return this.arrived.filter(({ event }) => events.length === 0 || events.includes(event))
            .map(({ event, args }) => [event, ...args]);
    }

    forget() { this.arrived = []; }

    // Emits and awaits the acknowledgement.
    ask(event, ...args) {
        return within(new Promise((resolve, reject) => {
            this.socket.emit(event, ...args, (...answer) => (answer.length === 1 ? resolve(answer[0])
                : reject(new Error(`${event} was acknowledged with ${JSON.stringify(answer)}`))));
        }), `the ack of ${event} to ${this.user}`);
    }

    emit(event, ...args) { this.socket.emit(event, ...args); }

    async join(talk) {
        const answer = await this.ask('conversation:join', talk);
        assert.equal(answer.success, true, JSON.stringify(answer));
        await this.next('presence:state', ({ conversationId }) => conversationId === talk);
        return answer.online;
    }

    leave(talk) { return this.ask('conversation:leave', talk); }

    send(talk, text, clientMessageId = crypto.randomUUID()) {
        return this.ask('message:send', talk, { text, clientMessageId });
    }

    // Sends, and is sure that it was stored.
    async say(talk, text, clientMessageId) {
        const answer = await this.send(talk, text, clientMessageId);
        assert.equal(answer.success, true, JSON.stringify(answer));
        return answer.message;
    }

    // The engine's own packets: what no client would send.
    raw(text) { this.socket.io.engine.write(text); }

    get transport() { return this.socket.io.engine.transport.name; }

    // With the default transports the connection is polling first; its upgrade.
    settled() {
        return this.client.transport !== 'upgrade' ? undefined
            : until(() => this.transport === 'websocket', 'the upgrade');
    }

    get disconnected() {
        this.disconnection ??= this.socket.connected
            ? new Promise((done) => { this.socket.once('disconnect', done); }) : Promise.resolve('gone');
        return within(this.disconnection, `the disconnect of ${this.user}`);
    }

    // The transport is cut, without a goodbye of the socket.
    cut() { this.socket.io.engine.close(); }

    // The same, or by what `how` does, and awaits that the client has noticed.
    async lose(how = () => this.cut()) {
        const gone = new Promise((done) => { this.socket.once('disconnect', done); });
        await how();
        return within(gone, `the disconnect of ${this.user}`);
    }

    // Connects again; whether the connection was recovered.
    async again() {
        const connected = new Promise((done, fail) => {
            this.socket.once('connect', done);
            this.socket.once('connect_error', fail);
        });
        this.#forgetLate();
        this.socket.connect();
        await within(connected, `${this.user} connects again`);
        return this.socket.recovered;
    }

    close() {
        this.socket.disconnect();
        this.socket.io.engine?.close();
    }
}

// Devices of a test, closed at its end.
export function devices(context, server, client) {
    return (user, options = {}) => Device.connect(server, user, { client, ...options })
        .then((device) => {
            context.after(() => device.close());
            return device;
        });
}

// Between a client and the server: can fall silent like a dead network, or cut what passes.
export class Relay {
    static async start(port) {
        const relay = new Relay();
        relay.pairs = new Set();
        relay.frozen = false;
        relay.server = net.createServer((near) => relay.#accept(near, port));
        relay.server.listen(0, '127.0.0.1');
        await once(relay.server, 'listening');
        relay.address = `http://127.0.0.1:${relay.server.address().port}`;
        return relay;
    }

    #accept(near, port) {
        const far = net.connect(port, '127.0.0.1');
        const pair = { near, far };
        this.pairs.add(pair);
        for (const [from, to] of [[near, far], [far, near]]) {
            from.on('error', () => {});
            from.on('data', (data) => { if (!pair.frozen) to.write(data); });
            from.on('end', () => { if (!pair.frozen) to.end(); });
            from.on('close', () => {
                if (pair.frozen) return;
                this.pairs.delete(pair);
                to.destroy();
            });
        }
        if (this.frozen) pair.frozen = true;
    }

    // Nothing passes any more and nobody is told; what comes later is not served either.
    freeze() {
        this.frozen = true;
        for (const pair of this.pairs) pair.frozen = true;
    }

    // New connections pass again, the old ones stay silent.
    thaw() { this.frozen = false; }

    // Ends every connection; new ones pass.
    cut() {
        for (const { near, far } of this.pairs) {
            near.destroy();
            far.destroy();
        }
        this.pairs.clear();
    }

    close() {
        this.cut();
        this.server.close();
    }
}

export const byName = (users) => [...users].map(String).sort();

// Exactly a failed acknowledgement: the code, and a text for people.
export function assertRefused(answer, code, more = []) {
    assert.deepEqual(Object.keys(answer).sort(), ['error', 'message', 'success', ...more].sort());
    assert.equal(answer.success, false);
    assert.equal(answer.error, code, JSON.stringify(answer));
    assert.equal(typeof answer.message, 'string');
    assert.notEqual(answer.message, '');
}

// Exactly an error of the REST interface.
export function assertProblem(answer, status, code, field) {
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.json.error.code, code, answer.text);
    assert.equal(answer.json.error.field, field, answer.text);
    assert.equal(typeof answer.json.message, 'string');
    assert.equal(answer.json.error.message, answer.json.message);
}
