// Fifty clients in one conversation, random disconnects, retries and repeated ids: everybody has every message exactly
// once, in the same order; also when the server is killed in the middle of it. CONFAB_TEST_SEED=n repeats a run.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { makeDir, tokenFor } from '../lib.mjs';
import { Device, Relay, clients, createTalk, devices, fetchAfter, livelyPings, people, random, seedOf, sleep, startServer, stopClean,
    until, within, withoutReceipts } from '../talk_lib.mjs';

const members = 50, messagesEach = 40, total = members * messagesEach;

// An app as contracts and seeds want it: a connection that was not recovered joins first, holds back what arrives,
// fetches what it misses, merges by id, and releases.
class Member {
    constructor(number, talk, next) {
        Object.assign(this, { talk, next });
        this.user = `user${number}`;
        this.client = clients[number % clients.length];
        this.messages = [];   // all of the conversation, as far as known
        this.held = [];       // while it is fetched
        this.seen = new Set(); // ids that came over this connection and those that it was recovered from
        this.synced = false;
        this.faults = [];
        this.recoveries = 0;
        this.syncs = 0;
        this.acknowledged = new Map(); // clientMessageId → id
    }

    async start(server) {
        this.server = server;
        this.relay = await Relay.start(server.port);
        this.device = new Device(this.relay.address, this.user, { client: this.client, reconnection: true,
            reconnectionDelay: 20, reconnectionDelayMax: 300, timeout: 5000 });
        this.socket = this.device.socket;
        this.socket.offAny();
        this.socket.on('message:new', (message) => this.#take(message));
        this.socket.on('connect', () => this.#connected());
        this.socket.on('disconnect', (reason) => {
            if (reason === 'io server disconnect') this.socket.connect();
        });
        await until(() => this.synced, `${this.user} is there`);
    }

    #take(message) {
        if (this.seen.has(message.id)) this.faults.push(`${message.id} came twice`);
        this.seen.add(message.id);
        if (this.held) this.held.push(message);
        else this.#apply(message);
    }

    #apply(message) {
        const known = this.messages[message.seq - 1];
        if (known) assert.deepEqual(message, known);
        else if (message.seq === this.messages.length + 1) this.messages.push(message);
        else this.faults.push(`${message.seq} after ${this.messages.length}`);
    }

    #connected() {
        if (this.socket.recovered) this.recoveries++;
        else this.seen = new Set();
        if (this.socket.recovered && this.synced) return;
        this.synced = false;
        this.held ??= [];
        this.#sync(++this.syncs).catch((error) => {
            const expected = error.code !== undefined || /not within|no answer/.test(error.message);
            if (!expected) this.faults.push(error.message);
            if (this.socket.connected) this.socket.io.engine.close(); // try again
        });
    }

    async #sync(number) {
        const joined = await this.#ask('conversation:join', this.talk);
        assert.equal(joined.success, true, JSON.stringify(joined));
        const missed = await fetchAfter(this.server, this.user, this.talk, this.messages.length);
        if (this.syncs !== number) return; // there was another connection meanwhile, which does it again
        for (const message of missed) this.#apply(withoutReceipts(message));
        for (const message of this.held) this.#apply(message);
        this.held = null;
        this.synced = true;
    }

    // An acknowledgement within 5 s, over this connection.
    #ask(...args) {
        return new Promise((resolve, reject) => {
            const fail = () => { clearTimeout(timer); reject(new Error('no answer')); };
            const timer = setTimeout(fail, 5000);
            this.socket.once('disconnect', fail);
            this.socket.emit(...args, (answer) => {
                clearTimeout(timer);
                this.socket.off('disconnect', fail);
                resolve(answer);
            });
        });
    }

    async #attempt(message) {
        try {
            const answer = await this.#ask('message:send', this.talk, message);
            if (answer.success) {
                const first = this.acknowledged.get(message.clientMessageId);
                if (first !== undefined && first !== answer.messageId)
                    this.faults.push(`${message.clientMessageId} is ${first} and ${answer.messageId}`);
                this.acknowledged.set(message.clientMessageId, answer.messageId);
                return true;
            }
            if (answer.error === 'rate_limited') await sleep(answer.retryAfterMs);
            else if (answer.error !== 'unavailable') this.faults.push(JSON.stringify(answer));
        } catch (error) {
            if (error.message !== 'no answer') throw error;
        }
        return false;
    }

    async talkAll() {
        for (let i = 0; i < messagesEach; i++) {
            const message = { text: `${this.user} ${i}`, clientMessageId: crypto.randomUUID() };
            await sleep(this.next.below(100));
            for (let sent = false; !sent;) {
                await until(() => this.socket.connected, 'a connection', 60000);
                // now and then twice at once
                const attempts = [this.#attempt(message)];
                if (this.next() < 0.15) attempts.push(this.#attempt(message));
                sent = (await Promise.all(attempts)).some((each) => each);
            }
        }
    }

    cut() {
        if (this.next() < 0.5) this.relay.cut();
        else if (this.socket.connected) this.socket.io.engine.close();
    }

    close() {
        this.device.close();
        this.relay.close();
    }
}

async function assemble(context, server, next) {
    const talk = await createTalk(server, 'user0', Array.from({ length: members }, (_, i) => `user${i}`));
    const all = Array.from({ length: members }, (_, i) => new Member(i, talk, next));
    context.after(() => { for (const member of all) if (member.device) member.close(); });
    await Promise.all(all.map((member) => member.start(server)));
    return all;
}

async function run(context, all, next, middle = async () => {}) {
    let talking = true;
    const cuts = (async () => {
        for (let count = 0; ; count++) {
            if (!talking) return count;
            await sleep(20 + next.below(60));
            all[next.below(members)].cut();
        }
    })();
    const done = Promise.all(all.map((member) => member.talkAll()));
    await Promise.all([within(done, 'all that is to be said', 120000), middle()]);
    talking = false;
    context.diagnostic(`${await cuts} cuts, ${all.reduce((sum, each) => sum + each.recoveries, 0)} recoveries`);
}

async function judge(server, all) {
    const truth = (await fetchAfter(server, 'user0', all[0].talk, 0)).map(withoutReceipts);
    assert.deepEqual(truth.map(({ seq }) => seq), Array.from({ length: total }, (_, i) => i + 1));
    assert.equal(new Set(truth.map(({ id }) => id)).size, total);
    assert.equal(new Set(truth.map(({ senderId, text }) => `${senderId} ${text}`)).size, total);
    const times = truth.map(({ createdAt }) => createdAt);
    assert.deepEqual(times, [...new Set(times)].sort());
    const byClient = new Map(truth.map(({ clientMessageId, id }) => [clientMessageId, id]));
    for (const member of all) {
        await until(() => member.synced && member.messages.length === total,
            `${member.user} (${member.client.title}) has all`).catch((error) => {
            throw new Error(`${error.message}: ${member.messages.length}; ${member.faults}`);
        });
        assert.deepEqual(member.faults, [], `${member.user} (${member.client.title})`);
        assert.deepEqual(member.messages, truth);
        assert.equal(member.acknowledged.size, messagesEach);
        for (const [client, id] of member.acknowledged) assert.equal(byClient.get(client), id);
    }
}

test('3.3.1 3.3.2 3.3.3 properties 1 to 4: 2,000 messages of 50 clients that come and go', { timeout: 240000 },
    async (context) => {
        const seed = seedOf(20261126);
        context.diagnostic(`seed ${seed}`);
        const next = random(seed);
        const server = await startServer(livelyPings);
        context.after(() => server.child.kill('SIGKILL'));
        const all = await assemble(context, server, next);
        await run(context, all, next);
        await judge(server, all);
        for (const member of all) member.close();
        await stopClean(server);
    });

test('3.3.4 properties 1 to 4: the same, with kill -9 in the middle', { timeout: 240000 }, async (context) => {
    const seed = seedOf(20261127);
    context.diagnostic(`seed ${seed}`);
    const next = random(seed);
    const dir = makeDir();
    let server = await startServer(livelyPings, { dir });
    context.after(() => { server.child.kill('SIGKILL'); rmSync(dir, { recursive: true, force: true }); });
    const port = server.port;
    const all = await assemble(context, server, next);
    const said = () => all.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
    await run(context, all, next, async () => {
        for (const share of [0.3, 0.6]) {
            await until(() => said() >= total * share, 'the middle', 120000);
            server.child.kill('SIGKILL');
            await server.closed;
            assert.ok(said() < total);
            server = await startServer({ ...livelyPings, CONFAB_LISTEN: `127.0.0.1:${port}` }, { dir });
            for (const member of all) member.server = server;
        }
    });
    await judge(server, all);
    for (const member of all) member.close();
    await stopClean(server);
});

test('3.2.1 3.2.2 3.4.1 a thousand sockets in one conversation', { timeout: 240000 }, async (context) => {
    const server = await startServer();
    context.after(() => server.child.kill('SIGKILL'));
    const connect = devices(context, server);
    const users = Array.from({ length: 100 }, (_, i) => people(`u${i}`)[0]);
    const talk = await createTalk(server, users[0], users.slice(1));
    const sockets = [];
    for (const user of users) {
        const mine = await Promise.all(Array.from({ length: 10 }, () => connect(user, { token: tokenFor(user) })));
        await Promise.all(mine.map((device) => device.join(talk)));
        sockets.push(...mine);
    }
    for (const device of sockets) device.forget();
    for (let i = 0; i < 5; i++) {
        const start = performance.now();
        const message = await sockets[i * 200].say(talk, `${i}`);
        for (const device of sockets) assert.deepEqual(await device.message(), message);
        context.diagnostic(`1000 deliveries in ${Math.round(performance.now() - start)} ms`);
    }
    for (const device of sockets) device.close();
    const last = await connect(users[0]);
    await until(async () => (await last.join(talk)).length === 1, 'all have left');
    await stopClean(server);
});
