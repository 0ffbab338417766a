// The way of an Engine.IO session from polling to a WebSocket: probe, noop, upgrade, with nothing lost.
import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { EIO_PATH, EioSocket, PollingSession, askUpgrade, assertError, decodePayload, target } from './eio_client.mjs';
import { SioEchoServer, test } from './sio_echo_server.mjs';

let server;
before(async () => { server = await SioEchoServer.start(); });
after(async () => { assert.deepEqual(await server.stop(), [0, null]); });

const openPolling = () => PollingSession.open(server);
const openProbe = (session) => EioSocket.open(server, { sid: session.sid });

async function probe(session) {
    const socket = await openProbe(session);
    await socket.assertProbe();
    return socket;
}

async function upgrade(session) {
    const socket = await probe(session);
    socket.send('5');
    await socket.assertEcho('4over the WebSocket');
    return socket;
}

describe('steps', () => {
    test('probe, a noop to the open GET, upgrade', async () => {
        const session = await openPolling();
        const poll = session.get();
        const socket = await probe(session);
        const { status, body } = await poll;
        assert.deepEqual([status, body], [200, '6']);
        socket.send('5', '4text', Buffer.from([1, 2, 3]));
        assert.deepEqual(await socket.take(2), ['4text', Buffer.from([1, 2, 3])]);
        await socket.close();
        await session.untilGone();
    });

    test('a GET that comes after the probe gets its noop, too', async () => {
        const session = await openPolling();
        const socket = await probe(session);
        assert.equal(await session.next(), '6');
        socket.send('5');
        await socket.assertEcho();
        await socket.close();
    });

    test('probe and upgrade in one go', async () => {
        const session = await openPolling();
        const socket = await openProbe(session);
        socket.send('2probe', '5', '4a');
        assert.deepEqual(await socket.take(2), ['3probe', '4a']);
        await socket.close();
    });

    test('a GET that is open at the upgrade is answered', async () => {
        const session = await openPolling();
        const socket = await probe(session);
        assert.equal((await session.get()).body, '6');
        const poll = session.get();
        socket.send('5', '4a');
        const { status, body } = await poll;
        assert.ok(status === 200 && ['6', '1'].includes(body) || status === 400, body);
        assert.equal(await socket.next(), '4a');
        await socket.close();
    });

    test('what waits for a GET comes over the WebSocket', async () => {
        const session = await openPolling();
        await session.send('4a', Buffer.from([1]), '4b');
        const socket = await probe(session);
        await session.send('4c');
        assert.deepEqual(socket.inbox, []);
        socket.send('5', '4d');
        assert.deepEqual(await socket.take(5), ['4a', Buffer.from([1]), '4b', '4c', '4d']);
        await socket.close();
    });

    test('pings come over the WebSocket afterwards', async () => {
        const session = await openPolling();
        const socket = await EioSocket.open(server, { sid: session.sid, pong: false });
        await socket.assertProbe();
        socket.send('5');
        for (let i = 0; i < 2; i++) {
            assert.equal(await socket.next(), '2');
            socket.send('3');
        }
        await socket.assertEcho();
        await socket.close();
    });
});

describe('afterwards', () => {
    test('requests with the id are refused', async () => {
        const session = await openPolling();
        const socket = await upgrade(session);
        assertError(await session.get(), 3);
        assertError(await session.post('4a'), 3);
        await socket.assertEcho();
        await socket.close();
        await session.untilGone();
    });

    test('a second WebSocket is refused', async () => {
        const session = await openPolling();
        const socket = await upgrade(session);
        await assertRefused(session);
        await socket.assertEcho();
        await socket.close();
    });

    test('a cut connection ends the session', async () => {
        const session = await openPolling();
        const socket = await upgrade(session);
        socket.ws.terminate();
        await session.untilGone();
    });
});

// The reference accepts the WebSocket, then closes it; to refuse the handshake is as good.
async function assertRefused(session) {
    const to = target(EIO_PATH, { transport: 'websocket', sid: session.sid });
    const { status } = await askUpgrade(server, to);
    if (status === 400) return;
    assert.equal(status, 101);
    const second = await openProbe(session);
    second.send('2probe');
    assert.equal(await second.next(), undefined);
}

describe('a probe that leads nowhere', () => {
    test('a second WebSocket is refused while the first one probes', async () => {
        const session = await openPolling();
        const first = await probe(session);
        await assertRefused(session);
        first.send('5');
        await first.assertEcho();
        await first.close();
    });

    const ends = [
        ['is closed before it begins', async (session) => (await openProbe(session)).close()],
        ['is closed after the probe', async (session) => (await probe(session)).close()],
        ['is cut', async (session) => {
            const socket = await probe(session);
            socket.ws.terminate();
            await socket.closed;
        }],
        ...['4a', '2', '2prob', '3probe', '1', '6', 'abc', '', Buffer.from('2probe')].map((packet) =>
            [`begins with ${JSON.stringify(packet)}`, async (session) => {
                const socket = await openProbe(session);
                socket.send(packet);
                assert.equal(await socket.next(), undefined);
            }]),
        ['sends a message instead of the upgrade', async (session) => {
            const socket = await probe(session);
            socket.send('4a');
            assert.equal(await socket.next(), undefined);
        }],
    ];
    for (const [name, end] of ends) {
        test(`polling goes on when it ${name}, and another one succeeds`, async () => {
            const session = await openPolling();
            await end(session);
            await session.assertEchoDespiteNoops();
            const socket = await retriedUpgrade(session);
            await socket.close();
        });
    }

    // The server may still hold the first one for alive.
    async function retriedUpgrade(session) {
        for (;;) {
            const socket = await openProbe(session).catch(() => null);
            socket?.send('2probe');
            if (await socket?.next() !== '3probe') continue;
            socket.send('5');
            await socket.assertEcho();
            return socket;
        }
    }

    test('polling goes on while it never ends', async () => {
        const session = await openPolling();
        const socket = await probe(session);
        for (let i = 0; i < 10; i++) await session.assertEchoDespiteNoops(`4message ${i}`);
        assert.equal(socket.code, undefined);
        assert.deepEqual(socket.inbox, []);
        await session.send('1');
        await session.assertGone();
        await socket.closed;
    });

    test('it ends with its session', async () => {
        const session = await openPolling();
        const socket = await openProbe(session);
        const poll = session.get();
        assert.equal((await session.post('abc')).status, 400);
        await Promise.all([poll, socket.closed]);
        await session.assertGone();
    });

    test('a WebSocket without a session', async () => {
        assertError(await askUpgrade(server, target(EIO_PATH, { transport: 'websocket', sid: 'nobody' })), 1);
    });
});

// mulberry32: the same trials every time.
function randomFrom(seed) {
    let state = seed;
    return (below) => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return Math.floor(((t ^ (t >>> 14)) >>> 0) / 2 ** 32 * below);
    };
}

// A client as engine.io-client is one: a GET always open, POSTs one after the other with what gathered
// meanwhile; after the probe's answer no new GET, and the upgrade when all requests are answered.
class UpgradingClient {
    constructor(session, count, random) {
        Object.assign(this, { session, count, random, sent: [], received: [], outbox: [], pausing: false });
    }

    pause() {
        return new Promise((resolve) => setTimeout(resolve, this.random(4)));
    }

    async run() {
        const done = new Promise((resolve) => { this.done = resolve; });
        await Promise.all([this.produce(), this.poll(), this.upgrade(), done]);
        await this.socket.close();
        assert.deepEqual(this.received, this.sent);
    }

    async produce() {
        for (let i = 0; i < this.count; i++) {
            const message = this.random(4) > 0 ? `4${i} ${'x'.repeat(this.random(300))}`
                : Buffer.alloc(1 + this.random(300), i);
            this.sent.push(message);
            this.put(message);
            if (this.random(3) === 0) await this.pause();
        }
    }

    put(packet) {
        if (this.upgraded) return this.socket.send(packet);
        this.outbox.push(packet);
        this.posting ??= this.post();
    }

    async post() {
        while (this.outbox.length > 0 && !this.flushing) await this.session.send(...this.outbox.splice(0));
        this.posting = null;
    }

    take(packet) {
        if (packet === '2') return this.put('3');
        if (packet === '6') return undefined;
        this.received.push(packet);
        if (this.received.length === this.count) this.done();
    }

    async poll() {
        while (!this.pausing) {
            const { status, body } = await this.session.get();
            assert.equal(status, 200, body);
            decodePayload(body).forEach((packet) => this.take(packet));
        }
        this.polled();
    }

    async upgrade() {
        const polled = new Promise((resolve) => { this.polled = resolve; });
        for (let i = this.random(10); i > 0; i--) await this.pause();
        this.socket = await EioSocket.open(server, { sid: this.session.sid, pong: false });
        await this.socket.assertProbe();
        this.socket.ws.on('message', () => this.socket.inbox.splice(0).forEach((packet) => this.take(packet)));
        this.pausing = true;
        await polled;
        this.flushing = true;
        await this.posting;
        await this.pause();
        this.socket.send('5', ...this.outbox.splice(0));
        this.upgraded = true;
    }
}

describe('nothing is lost, doubled or reordered by an upgrade', () => {
    for (let seed = 1; seed <= 40; seed++) {
        test(`random trials, seed ${seed}`, async () => {
            const random = randomFrom(seed);
            await Promise.all(Array.from({ length: 5 }, async () => {
                const client = new UpgradingClient(await openPolling(), 20 + random(100), random);
                await client.run();
            }));
        });
    }
});
