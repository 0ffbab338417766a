// confab-ws-echo as a client of the `ws` package sees it: messages, RFC 7692, closing, many at once.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { EchoServer, run } from './ws_echo_server.mjs';

const MIB = 1024 * 1024;
const LIMIT = 16 * MIB;

let server;
before(async () => { server = await EchoServer.start(); });
after(async () => { assert.deepEqual(await server.stop(), [0, null]); });

async function open(options = {}, path = '/') {
    const ws = new WebSocket(server.url + path, { perMessageDeflate: false, ...options });
    ws.inbox = [];
    ws.on('message', (data, isBinary) => {
        ws.inbox.push({ data, isBinary });
        ws.arrived?.();
    });
    ws.ended = new Promise((resolve) => ws.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        ws.arrived?.();
    }));
    ws.on('upgrade', ({ headers }) => { ws.answer = headers['sec-websocket-extensions']; });
    await once(ws, 'open');
    return ws;
}

async function next(ws) {
    while (ws.inbox.length === 0) {
        assert.equal(ws.readyState, WebSocket.OPEN, 'closed instead of an answer');
        await new Promise((resolve) => { ws.arrived = resolve; });
    }
    return ws.inbox.shift();
}

async function close(ws) {
    ws.close(1000);
    assert.deepEqual(await ws.ended, { code: 1000, reason: '' });
}

async function expectEcho(ws, message) {
    ws.send(message);
    const { data, isBinary } = await next(ws);
    assert.equal(isBinary, typeof message !== 'string');
    assert.ok(data.equals(Buffer.from(message)), `${message.length} bytes came back changed`);
}

// ASCII with a character of two, three and four bytes in it where there is room.
function textOf(length) {
    const wide = length >= 9 ? 'é€😀' : '';
    return wide + 'x'.repeat(length - Buffer.byteLength(wide));
}

const SIZES = [0, 1, 125, 126, 127, 65535, 65536, MIB, LIMIT];

describe('messages', () => {
    for (const deflate of [false, true]) {
        test(`text and binary of every size class, ${deflate ? 'compressed' : 'plain'}`, async () => {
            const ws = await open({ perMessageDeflate: deflate ? { threshold: 0 } : false });
            assert.equal(ws.extensions.includes('permessage-deflate'), deflate);
            for (const size of SIZES) {
                await expectEcho(ws, textOf(size));
                await expectEcho(ws, randomBytes(size)); // grows a little when it is deflated
            }
            await close(ws);
        });

        test(`one byte over the limit is 1009, ${deflate ? 'compressed' : 'plain'}`, async () => {
            for (const message of ['x'.repeat(LIMIT + 1), randomBytes(LIMIT + 1)]) {
                const ws = await open({ perMessageDeflate: deflate ? { threshold: 0 } : false });
                ws.on('error', () => {});
                ws.send(message);
                assert.equal((await ws.ended).code, 1009);
                assert.equal(ws.inbox.length, 0);
            }
        });
    }

    test('any path is served', async () => {
        for (const path of ['/', '/chat', '/a/b?c=d&e=%20', '/socket.io/?EIO=4']) {
            const ws = await open({}, path);
            await expectEcho(ws, path);
            await close(ws);
        }
    });

    test('fragments become one message, with pings between them', async () => {
        const ws = await open();
        const parts = ['first ', '', 'sec', 'ond é'.slice(0, -1), 'é third'];
        const pongs = [];
        ws.on('pong', (data) => pongs.push(data.toString()));
        parts.forEach((part, i) => {
            ws.send(part, { fin: i === parts.length - 1 });
            ws.ping(`ping ${i}`);
        });
        assert.equal((await next(ws)).data.toString(), parts.join(''));
        await expectEcho(ws, 'after');
        assert.equal(pongs.at(-1), 'ping 4');
        assert.equal(ws.inbox.length, 0);
        await close(ws);
    });

    test('a message of 4096 binary fragments', async () => {
        for (const perMessageDeflate of [false, { threshold: 0 }]) {
            const ws = await open({ perMessageDeflate });
            const whole = randomBytes(4096 * 17);
            for (let i = 0; i < 4096; i++)
                ws.send(whole.subarray(i * 17, i * 17 + 17), { binary: true, fin: i === 4095 });
            const { data, isBinary } = await next(ws);
            assert.ok(isBinary && data.equals(whole));
            await close(ws);
        }
    });

    test('ping is answered with its payload', async () => {
        const ws = await open();
        for (const size of [0, 1, 125]) {
            const payload = randomBytes(size);
            ws.ping(payload);
            const [pong] = await once(ws, 'pong');
            assert.deepEqual(pong, payload);
        }
        ws.pong('nobody asked');
        await expectEcho(ws, 'still there');
        await close(ws);
    });

    test('order is kept over a thousand messages in one go', async () => {
        const ws = await open();
        for (let i = 0; i < 1000; i++) ws.send(`message ${i}`);
        for (let i = 0; i < 1000; i++) assert.equal((await next(ws)).data.toString(), `message ${i}`);
        await close(ws);
    });

    test('a client that does not read for a while loses nothing', async () => {
        const ws = await open();
        const messages = Array.from({ length: 512 }, (_, i) => Buffer.alloc(65536, i));
        ws.pause();
        for (const message of messages) ws.send(message);
        const stuck = ws.bufferedAmount;
        assert.ok(stuck > 0);
        ws.resume();
        for (const message of messages) assert.ok((await next(ws)).data.equals(message));
        await close(ws);
    });
});

describe('permessage-deflate', () => {
    const bits = (value) => value === undefined ? '' : ` ${value}`;

    for (const serverNoContextTakeover of [undefined, true])
        for (const clientNoContextTakeover of [undefined, true])
            for (const serverMaxWindowBits of [undefined, 9, 12, 15])
                for (const clientMaxWindowBits of [undefined, 9, 12, 15]) {
                    const options = { serverNoContextTakeover, clientNoContextTakeover,
                        serverMaxWindowBits, clientMaxWindowBits, threshold: 0 };
                    const name = `server${serverNoContextTakeover ? ' no takeover' : ''}`
                        + `${bits(serverMaxWindowBits)}, client`
                        + `${clientNoContextTakeover ? ' no takeover' : ''}${bits(clientMaxWindowBits)}`;
                    test(name, () => checkDeflate(options));
                }

    async function checkDeflate(options) {
        const ws = await open({ perMessageDeflate: options });
        const params = new Set(ws.answer.split(/;\s*/));
        assert.ok(params.has('permessage-deflate'));
        assert.equal(params.has('server_no_context_takeover'), options.serverNoContextTakeover === true);
        if (options.serverMaxWindowBits !== undefined)
            assert.ok(params.has(`server_max_window_bits=${options.serverMaxWindowBits}`), ws.answer);
        // What repeats itself at every distance, so that each window size is put to use.
        const block = randomBytes(700).toString('base64');
        const message = Array.from({ length: 40 }, (_, i) => block + 'y'.repeat(i * 37)).join('');
        for (let i = 0; i < 3; i++) await expectEcho(ws, message + i);
        await expectEcho(ws, randomBytes(70000));
        await expectEcho(ws, '');
        await close(ws);
    }

    // Random bytes do not compress; their repetition does, if the window was kept.
    async function secondEchoBytes(options) {
        const ws = await open({ perMessageDeflate: { threshold: 0, ...options } });
        const message = randomBytes(2000);
        await expectEcho(ws, message);
        const before = ws._socket.bytesRead;
        await expectEcho(ws, message);
        const bytes = ws._socket.bytesRead - before;
        await close(ws);
        return bytes;
    }

    test('the server keeps its window when it may', async () => {
        assert.ok(await secondEchoBytes({}) < 200);
    });

    test('and forgets it when it must', async () => {
        assert.ok(await secondEchoBytes({ serverNoContextTakeover: true }) >= 2000);
    });

    test('a compressible echo is smaller than its message', async () => {
        const ws = await open({ perMessageDeflate: { threshold: 0 } });
        const before = ws._socket.bytesRead;
        await expectEcho(ws, 'x'.repeat(100000));
        assert.ok(ws._socket.bytesRead - before < 2000);
        await close(ws);
    });
});

describe('closing', () => {
    for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000,
        3999, 4000, 4999]) {
        test(`code ${code} is echoed`, async () => {
            const ws = await open();
            ws.close(code, 'because');
            assert.equal((await ws.ended).code, code);
        });
    }

    test('a close without code is answered without one', async () => {
        const ws = await open();
        ws.close();
        assert.deepEqual(await ws.ended, { code: 1005, reason: '' });
    });

    test('what was sent before the close is still echoed', async () => {
        const ws = await open();
        for (let i = 0; i < 50; i++) ws.send(`message ${i}`);
        ws.close(1000);
        assert.equal((await ws.ended).code, 1000);
        assert.deepEqual(ws.inbox.map(({ data }) => data.toString()),
            Array.from({ length: 50 }, (_, i) => `message ${i}`));
    });

    test('a connection that is cut harms nobody', async () => {
        const cut = await Promise.all(Array.from({ length: 20 }, () => open()));
        const ws = await open();
        for (const one of cut) {
            one.on('error', () => {});
            one.send(randomBytes(100000));
            one.terminate();
        }
        await expectEcho(ws, 'still there');
        await close(ws);
    });
});

test('a hundred clients at once', async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, (_, i) =>
        open({ perMessageDeflate: i % 2 === 0 ? { threshold: 0 } : false })));
    await Promise.all(clients.map(async (ws, client) => {
        for (let i = 0; i < 20; i++) await expectEcho(ws, `client ${client}, message ${i}`);
        await expectEcho(ws, randomBytes(50000));
        await close(ws);
        assert.equal(ws.inbox.length, 0);
    }));
});

test('wscat gets its echo', async () => {
    const wscat = fileURLToPath(new URL('../node_modules/wscat/bin/wscat', import.meta.url));
    const child = spawn(process.execPath, [wscat, '-c', server.url, '-x', 'hello', '-w', '1'],
        { stdio: ['pipe', 'pipe', 'inherit'] }); // it stops when its input ends
    let stdout = '';
    child.stdout.on('data', (data) => { stdout += data; });
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
    assert.match(stdout, /hello/);
});

describe('the program', () => {
    test('says goodbye with 1001 and exits 0 on SIGTERM and SIGINT', async () => {
        for (const signal of ['SIGTERM', 'SIGINT']) {
            const other = await EchoServer.start();
            const clients = Array.from({ length: 5 }, () => new WebSocket(other.url));
            await Promise.all(clients.map((ws) => once(ws, 'open')));
            const closings = clients.map((ws) => once(ws, 'close'));
            const exit = other.stop(signal);
            for (const [code, reason] of await Promise.all(closings))
                assert.deepEqual([code, reason.toString()], [1001, 'server is stopping']);
            assert.deepEqual(await exit, [0, null]);
        }
    });

    test('stops at once when nobody is there', async () => {
        const other = await EchoServer.start();
        assert.equal(other.ready, `confab-ws-echo: listening on http://127.0.0.1:${other.port}`);
        assert.deepEqual(await other.stop(), [0, null]);
    });

    test('takes its limit from --max-message', async () => {
        const other = await EchoServer.start(['--max-message', '1000']);
        const ws = new WebSocket(other.url, { perMessageDeflate: false });
        await once(ws, 'open');
        ws.send('x'.repeat(1000));
        assert.equal((await once(ws, 'message'))[0].length, 1000);
        ws.send('x'.repeat(600), { fin: false });
        ws.send('x'.repeat(401));
        assert.equal((await once(ws, 'close'))[0], 1009);
        await other.stop();
    });

    test('tells how it is used', async () => {
        const help = await run(['--help']);
        assert.equal(help.code, 0);
        assert.match(help.stdout, /^usage: confab-ws-echo \[--port N\] \[--max-message BYTES\] \[--help\]\n/);
        for (const args of [['--port'], ['--port', '65536'], ['--port', '-1'], ['--port', 'x'],
            ['--max-message', '0'], ['--max-message', '1073741825'], ['--nothing'], ['more']]) {
            const { code, stdout, stderr } = await run(args);
            assert.deepEqual([args, code, stdout], [args, 2, '']);
            assert.match(stderr, /usage: /);
        }
    });

    test('fails with one line when its port is taken', async () => {
        assert.deepEqual(await run(['--port', String(server.port)]), {
            code: 1, stdout: '',
            stderr: `confab-ws-echo: cannot listen on 127.0.0.1:${server.port}: address already in use\n`,
        });
    });
});
