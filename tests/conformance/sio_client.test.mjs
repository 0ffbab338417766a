// confab-sio-echo as apps use it: the real socket.io-client, latest and 4.0, over each transport.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe } from 'node:test';
import { io as latest } from 'socket.io-client';
import { io as old } from 'socket.io-client-40';
import { SioEchoServer, test } from './sio_echo_server.mjs';

let server;
before(async () => { server = await SioEchoServer.start(); });
after(async () => { assert.deepEqual(await server.stop(), [0, null]); });

const CLIENTS = [['latest', latest], ['4.0', old]];
const TRANSPORTS = [['polling'], ['websocket'], ['polling', 'websocket']];

// What a handler of `event` gets next, as an array.
const next = (socket, event) => new Promise((resolve) => socket.once(event, (...args) => resolve(args)));
const ask = (socket, ...args) => new Promise((resolve) =>
    socket.emit('message-with-ack', ...args, (...answer) => resolve(answer)));

// Values as they are sent, and as they arrive when that is not the same.
const ARGUMENTS = [
    [[]],
    [[1, '2', { 3: [true] }]],
    [[0, -1, 1.5, 1e21, Number.MAX_SAFE_INTEGER, true, false, null, '', 'é€😀\u2028\0"\\\n']],
    [[undefined, NaN, Infinity, new Date(0)], [null, null, null, '1970-01-01T00:00:00.000Z']],
    [[{ a: undefined, b: () => 1, c: { toJSON: () => 'json' } }], [{ c: 'json' }]],
    [[{ deep: [[[{ er: [{}] }]]] }, [], {}]],
    [['x'.repeat(100_000), { y: 'é'.repeat(10_000) }]],
    [[Array.from({ length: 500 }, (_, i) => ({ i }))]],
    [[Buffer.from([1, 2, 3])]],
    [[Buffer.alloc(0), 'text', { in: [Buffer.from([0, 255])] }]],
    [[new Uint8Array([4, 5, 6]), new Uint8Array([7]).buffer], [Buffer.from([4, 5, 6]), Buffer.from([7])]],
    [[{ file: randomBytes(300_000), name: 'file' }]],
    [Array.from({ length: 10 }, (_, i) => randomBytes(i))],
    [[{ _placeholder: false, num: 0 }, Buffer.from('x')]],
];
const nameOf = (args) =>
    JSON.stringify(args.map((one) => one instanceof ArrayBuffer ? 'ArrayBuffer' : one)).slice(0, 60);

for (const [version, io] of CLIENTS) {
    for (const transports of TRANSPORTS) {
        describe(`client ${version}, ${transports.join(', then ')}`, () => {
            const open = (nsp = '/', options = {}) => io(server.http + nsp,
                { transports, forceNew: true, reconnection: false, ...options });
            const upgrades = transports.length > 1;

            async function connected(nsp, options) {
                const socket = open(nsp, options);
                const auth = next(socket, 'auth');
                await next(socket, 'connect');
                socket.gotAuth = (await auth)[0];
                return socket;
            }

            test('connects, upgrades, disconnects', async () => {
                const socket = open();
                await next(socket, 'connect');
                assert.match(socket.id, /^[A-Za-z0-9_-]{20,}$/);
                const { engine } = socket.io;
                if (upgrades && engine.transport.name === 'polling') await once(engine, 'upgrade');
                assert.equal(engine.transport.name, transports.at(-1));
                const disconnect = next(socket, 'disconnect');
                socket.disconnect();
                assert.equal((await disconnect)[0], 'io client disconnect');
            });

            for (const auth of [undefined, { token: 'abc', more: [1, { é: '😀' }] }]) {
                test(`gets its auth back: ${JSON.stringify(auth)}`, async () => {
                    for (const nsp of ['/', '/custom']) {
                        const socket = await connected(nsp, { auth });
                        assert.deepEqual(socket.gotAuth, auth ?? {});
                        socket.disconnect();
                    }
                });
            }

            for (const [args, arrived = args] of ARGUMENTS) {
                test(`events and acks: ${nameOf(args)}`, async () => {
                    for (const nsp of ['/', '/custom']) {
                        const socket = await connected(nsp);
                        const back = next(socket, 'message-back');
                        socket.emit('message', ...args);
                        assert.deepEqual(await back, arrived);
                        assert.deepEqual(await ask(socket, ...args), arrived);
                        socket.disconnect();
                    }
                });
            }

            test('an unknown namespace is an error, and others of the connection work', async () => {
                const socket = await connected('/');
                const unknown = socket.io.socket('/unknown');
                const [error] = await next(unknown, 'connect_error');
                assert.equal(error.message, 'Invalid namespace');
                const custom = socket.io.socket('/custom');
                await next(custom, 'connect');
                assert.notEqual(custom.id, socket.id);
                assert.deepEqual(await Promise.all([ask(custom, 1), ask(socket, 2)]), [[1], [2]]);
                custom.disconnect();
                assert.deepEqual(await ask(socket, 3), [3]);
                socket.disconnect();
            });

            test('a thousand messages in order, from the first moment on', async () => {
                const socket = open();
                const received = [], sent = Array.from({ length: 1000 }, (_, i) => i);
                const done = new Promise((resolve) => socket.on('message-back', (i, payload) => {
                    received.push([i, payload.length]);
                    if (received.length === sent.length) resolve();
                }));
                await next(socket, 'connect');
                for (const i of sent) {
                    socket.emit('message', i, i % 5 === 0 ? Buffer.alloc(i) : 'x'.repeat(i));
                    if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
                }
                await done;
                assert.deepEqual(received, sent.map((i) => [i, i]));
                assert.equal(socket.io.engine.transport.name, transports.at(-1));
                socket.disconnect();
            });

            test('lives on over many pings', async () => {
                const socket = await connected('/');
                let pings = 0;
                await new Promise((resolve) => socket.io.engine.on('packet', ({ type }) => {
                    if (type === 'ping' && ++pings === 3) resolve();
                }));
                assert.deepEqual(await ask(socket, 'alive'), ['alive']);
                assert.ok(socket.connected);
                socket.disconnect();
            });

            test('connects again after its connection was lost', async () => {
                const socket = await connected('/', { reconnection: true, reconnectionDelay: 1, auth: { again: 1 } });
                const { id } = socket;
                const [again, auth] = [next(socket, 'connect'), next(socket, 'auth')];
                socket.io.engine.close();
                await again;
                assert.notEqual(socket.id, id);
                assert.deepEqual(await auth, [{ again: 1 }]);
                assert.deepEqual(await ask(socket, 'alive'), ['alive']);
                socket.disconnect();
            });

            test('disconnects and connects a namespace on the same connection', async () => {
                const custom = await connected('/custom');
                const main = custom.io.socket('/');
                await next(main, 'connect');
                const { id } = main;
                main.disconnect();
                assert.deepEqual(await ask(custom, 'still here'), ['still here']);
                main.connect();
                await next(main, 'connect');
                assert.notEqual(main.id, id);
                assert.deepEqual(await ask(main, 'again'), ['again']);
                main.disconnect();
                custom.disconnect();
            });
        });
    }
}

describe('others', () => {
    test('thirty clients at once', async () => {
        await Promise.all(Array.from({ length: 30 }, async (_, i) => {
            const socket = CLIENTS[i % 2][1](server.http, { forceNew: true, transports: TRANSPORTS[i % 3] });
            for (let n = 0; n < 10; n++) assert.deepEqual(await ask(socket, i, n), [i, n]);
            socket.disconnect();
        }));
    });

    test('a server that stops disconnects them', async () => {
        const other = await SioEchoServer.start();
        const sockets = TRANSPORTS.map((transports) =>
            latest(other.http, { transports, forceNew: true, reconnection: false }));
        await Promise.all(sockets.map((socket) => ask(socket, 'there')));
        const gone = sockets.map((socket) => next(socket, 'disconnect'));
        assert.deepEqual(await other.stop(), [0, null]);
        await Promise.all(gone);
    });
});
