// Clients of encrypted groups (seed 004), and what their tests do again and again.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { Server, tokenFor } from './lib.mjs';
import { within } from './talk_lib.mjs';

export const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
export const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
export const nowhere = '01890a5d-ac96-774b-bcce-b302099a8057';

// The time that a stamp, in milliseconds, is written as.
export const timeOf = (stamp) => new Date(stamp).toISOString().replace('Z', '000Z');
export const sealed = (text) => Buffer.from(text).toString('base64');

// All clients of a test have one address: attempts are counted only where a test is about them.
export function startServer(env = {}, options = {}) {
    return Server.start({ ORBITAL_MAX_ATTEMPTS_PER_MINUTE: '0', ...env }, options);
}

// The same, for one test: a failed one leaves no server behind.
export async function ownServer(context, env, start = startServer) {
    const server = await start(env);
    context.after(() => server.child.kill('SIGKILL'));
    return server;
}

// ---- REST ----

export const ask = (server, user, method, path, json, options = {}) =>
    server.request(method, `/v1${path}`, { token: user && tokenFor(user), json, ...options });

// The JSON of an answer that must have that status.
export async function expect(status, asked) {
    const answer = await asked;
    assert.equal(answer.status, status, answer.text.slice(0, 2000));
    return answer.json;
}

export async function createGroup(server, user, members = [], more = {}) {
    const { group_id: group } = await expect(201, ask(server, user, 'POST', '/groups', { name: 'Family', ...more }));
    for (const member of members) await addMember(server, user, group, member);
    return group;
}

export const addMember = (server, user, group, member) =>
    expect(201, ask(server, user, 'POST', `/groups/${group}/members`, { user_id: member }));

export async function removeMember(server, user, group, member) {
    const answer = await ask(server, user, 'DELETE', `/groups/${group}/members/${member}`);
    assert.equal(answer.status, 204, answer.text);
}

export const send = (server, user, group, text, more = {}, options = {}) =>
    ask(server, user, 'POST', '/messages',
        { conversation_id: group, encrypted_envelope: sealed(text), ...more }, options);

// Each: what was created, as its 201 says it.
export const say = (server, user, group, text, options) => expect(201, send(server, user, group, text, {}, options));

export const startThread = (server, user, group, title = 'title', body = 'body') =>
    expect(201, ask(server, user, 'POST', `/groups/${group}/threads`,
        { encrypted_title: sealed(title), encrypted_body: sealed(body) }));

export const reply = (server, user, thread, body) =>
    expect(201, ask(server, user, 'POST', `/threads/${thread}/replies`, { encrypted_body: sealed(body) }));

export const upload = (server, user, thread, bytes, metadata = 'metadata') =>
    expect(201, server.request('POST', `/v1/threads/${thread}/media`, { token: tokenFor(user), body: bytes,
        headers: { 'x-encrypted-metadata': sealed(metadata) } }));

// All events from a stamp on, page by page. `of` is 'events' or 'messages'. A page is asked for with the stamp of the
// last one before it, inclusive, and merged by id: what the seed's client does.
export async function fetchSince(server, user, since = 0, { limit = 500, group, of = 'events', options } = {}) {
    const all = [], seen = new Set();
    for (;;) {
        const among = group === undefined ? '' : `&${of === 'events' ? 'group_id' : 'conversation_id'}=${group}`;
        const page = await expect(200, ask(server, user, 'GET',
            `/${of}?since=${since}&limit=${limit}${among}`, undefined, options));
        const fresh = page[of].filter((event) => !seen.has(keyOf(event)));
        for (const event of fresh) seen.add(keyOf(event));
        all.push(...fresh);
        if (!page.has_more) return all;
        const last = page[of].at(-1).server_timestamp;
        // A page of nothing but what was there before asks for what comes after it.
        since = fresh.length > 0 ? last : last + 1;
    }
}

// What tells one event from all others. Joins and leaves have no id: they are the only event of their group and stamp.
export function keyOf(event) {
    const data = event.data ?? event;
    return data.message_id ?? data.reply_id ?? data.media_id
        ?? (event.type === 'new_thread' ? data.thread_id : `${data.group_id} ${event.server_timestamp}`);
}

// ---- the stream ----

const dataKeys = {
    auth_success: ['user_id', 'username', 'connected_at'],
    subscribed: ['group_ids', 'subscribed_at'],
    ping: ['server_time'],
    pong: ['server_time'],
    typing_indicator: ['thread_id', 'user_id', 'username', 'is_typing'],
    new_message: ['message_id', 'conversation_id', 'encrypted_envelope', 'server_timestamp'],
    new_thread: ['thread_id', 'group_id', 'author_id', 'author_username', 'encrypted_title', 'encrypted_body',
        'created_at'],
    new_reply: ['reply_id', 'thread_id', 'author_id', 'author_username', 'encrypted_body', 'created_at'],
    media_uploaded: ['media_id', 'thread_id', 'author_id', 'encrypted_metadata', 'size_bytes', 'expires_at'],
    member_joined: ['group_id', 'user_id', 'username', 'joined_at'],
    member_left: ['group_id', 'user_id', 'username', 'left_at'],
};
const eventTypes = new Set(['new_message', 'new_thread', 'new_reply', 'media_uploaded', 'member_joined',
    'member_left']);
export const isEvent = ({ type }) => eventTypes.has(type);

// What holds for every frame of the server, by seed 004 and the contract.
function assertShape(frame) {
    const text = JSON.stringify(frame).slice(0, 500);
    assert.deepEqual(Object.keys(frame), ['type', 'data', 'server_timestamp'], text);
    assert.ok(Number.isSafeInteger(frame.server_timestamp) && frame.server_timestamp > 1e12, text);
    if (frame.type === 'error') {
        const more = Object.keys(frame.data).slice(2);
        assert.deepEqual(Object.keys(frame.data), ['code', 'message', ...more], text);
        assert.ok(more.length === 0 || more.join() === 'group_ids', text);
        assert.ok(frame.data.message.length > 0, text);
        return;
    }
    assert.deepEqual(Object.keys(frame.data), dataKeys[frame.type], text);
    if (frame.type === 'new_message') assert.equal(frame.data.server_timestamp, frame.server_timestamp, text);
}

// A connection. Every frame is checked as it comes: its shape, and that no event comes with a smaller stamp than any
// frame before it. Frames are kept in order; next() takes, left() tells what nobody took. The server's pings are
// answered unless `pongs` is false, and kept apart.
export class Feed {
    constructor(url, { protocols = [], pongs = true, ...options } = {}) {
        this.arrived = [];
        this.waiting = [];
        this.pings = [];
        this.last = 0; // the server_timestamp of the last frame, whatever it was: what the seed's client keeps
        this.highest = 0;
        this.pongs = pongs;
        this.socket = new WebSocket(url, protocols, options);
        this.socket.on('message', (bytes, binary) => this.#take(bytes, binary));
        this.socket.on('error', () => {}); // what matters comes as close or unexpected-response
        this.upgraded = new Promise((done) => { this.socket.once('upgrade', done); });
        this.opened = new Promise((done, fail) => {
            this.socket.once('open', () => done(this));
            this.socket.once('unexpected-response', (request, response) => this.#refused(response, fail));
            this.socket.once('close', (code) => fail(new Error(`closed with ${code} before it was open`)));
        });
        this.opened.catch(() => {});
        this.closed = new Promise((done) => {
            this.socket.once('close', (code, reason) => {
                this.#fail(new Error(`closed ${code} ${reason}`));
                done({ code, reason: reason.toString() });
            });
        });
    }

    // Open, with auth_success taken.
    static async open(server, user, { token = tokenFor(user), ...options } = {}) {
        const feed = new Feed(`${urlOf(server)}?token=${token}`, options);
        feed.user = user;
        await within(feed.opened, `the stream of ${user}`);
        const { data } = await feed.next('auth_success');
        assert.equal(data.user_id, user);
        return feed;
    }

    // What an upgrade is refused with: { status, headers, json }.
    static async refusal(url, options) {
        const feed = new Feed(url, options);
        const outcome = await within(feed.opened.catch((error) => error), 'a refusal');
        if (outcome === feed) {
            feed.socket.terminate();
            assert.fail('it opened');
        }
        assert.notEqual(outcome.status, undefined, outcome.message);
        return outcome;
    }

    async #refused(response, fail) {
        const chunks = [];
        for await (const chunk of response) chunks.push(chunk);
        const body = Buffer.concat(chunks).toString();
        fail(Object.assign(new Error(`refused with ${response.statusCode}`), { status: response.statusCode,
            headers: response.headers, json: body.startsWith('{') ? JSON.parse(body) : undefined }));
    }

    #take(bytes, binary) {
        let frame;
        try {
            assert.equal(binary, false);
            frame = JSON.parse(bytes.toString());
            assertShape(frame);
            if (isEvent(frame)) assert.ok(frame.server_timestamp >= this.highest,
                `an event of ${frame.server_timestamp} after ${this.highest}`);
        } catch (error) {
            this.#fail(error);
            return;
        }
        this.last = frame.server_timestamp;
        this.highest = Math.max(this.highest, this.last);
        if (frame.type === 'ping') this.#pinged(frame);
        else this.#give(frame);
    }

    #pinged(frame) {
        this.pings.push(frame);
        if (this.pongs) this.say('pong', { client_time: Date.now() });
        this.socket.emit('json-ping', frame);
    }

    #give(frame) {
        const index = this.waiting.findIndex(({ type, match }) => (type ?? frame.type) === frame.type && match(frame));
        if (index < 0) this.arrived.push(frame);
        else this.waiting.splice(index, 1)[0].give(frame);
    }

    #fail(error) {
        this.fault ??= error;
        for (const { fail } of this.waiting.splice(0)) fail(this.fault);
    }

    // The next frame that nobody took yet; with a type, the next of that type.
    next(type, match = () => true) {
        const index = this.arrived.findIndex((frame) => (type ?? frame.type) === frame.type && match(frame));
        if (index >= 0) return Promise.resolve(this.arrived.splice(index, 1)[0]);
        if (this.fault) return Promise.reject(this.fault);
        return within(new Promise((give, fail) => this.waiting.push({ type, match, give, fail })),
            `${type ?? 'a frame'} to ${this.user}`);
    }

    async take(count) {
        const frames = [];
        while (frames.length < count) frames.push(await this.next());
        return frames;
    }

    left() { return this.arrived.splice(0); }

    raw(bytes) { this.socket.send(bytes); }

    say(type, data) {
        this.raw(JSON.stringify({ type, data, timestamp: Date.now() }));
    }

    // Subscribes to groups that it is a member of.
    async subscribe(...groups) {
        this.say('subscribe', { group_ids: groups });
        const { data } = await this.next('subscribed');
        assert.deepEqual(data.group_ids, groups);
        assert.match(data.subscribed_at, time);
        return this;
    }

    // The server has done all that this connection asked it for.
    async settled() {
        this.say('ping', {});
        await this.next('pong');
    }

    cut() { this.socket.terminate(); }

    async close() {
        this.socket.close(1000);
        assert.equal(this.fault, undefined);
        return within(this.closed, `the close of ${this.user}`);
    }
}

export const urlOf = (server) => `ws://127.0.0.1:${server.port}/ws`;

// Feeds of a test, ended with it.
export function feeds(context, server) {
    return async (user, ...groups) => {
        const options = typeof groups.at(-1) === 'object' ? groups.pop() : {};
        const feed = await Feed.open(server, user, options);
        context.after(() => feed.cut());
        return groups.length > 0 ? feed.subscribe(...groups) : feed;
    };
}

// The seed's client: it keeps the server_timestamp of the last frame, whatever it was. Back again it subscribes first,
// holds back what arrives, fetches from its cursor until nothing is left, merges by id, and releases.
export class Follower {
    constructor(user, groups) {
        Object.assign(this, { user, groups, events: [], keys: new Set(), cursor: 0, recovered: 0 });
    }

    #apply(event) {
        if (this.keys.has(keyOf(event))) return false;
        this.keys.add(keyOf(event));
        this.events.push(event);
        return true;
    }

    async connect(server, limit) {
        this.feed = await Feed.open(server, this.user);
        await this.feed.subscribe(...this.groups);
        for (const event of await fetchSince(server, this.user, this.cursor, { limit }))
            if (this.#apply(event)) this.recovered++;
    }

    // The connection is cut, if it is not lost already.
    lose() {
        this.feed.cut();
        const { fault, last } = this.feed;
        if (fault && !fault.message.startsWith('closed')) throw fault;
        this.cursor = last;
        for (const event of this.feed.left().filter(isEvent)) this.#apply(event);
    }
}

// Whoever is subscribed to `marker` has been told all that was committed before: the marker's event, which comes last.
export async function told(server, user, marker, readers) {
    const text = crypto.randomUUID();
    const said = await say(server, user, marker, text);
    const before = [];
    for (const reader of readers) {
        const frames = [];
        for (;;) {
            const frame = await reader.next();
            if (frame.data.message_id === said.message_id) break;
            frames.push(frame);
        }
        before.push(frames);
    }
    return before;
}
