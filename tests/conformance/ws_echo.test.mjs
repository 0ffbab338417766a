// confab-ws-echo as a client of the `ws` package sees it, wscat, and the program itself. The clauses of RFC 6455 and
// RFC 7692 are in rfc6455/.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { EchoServer, run } from './ws_echo_server.mjs';

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

const SIZES = [0, 1, 125, 126, 65535, 65536, 1024 * 1024];

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
    }

    test('any path is served', async () => {
        for (const path of ['/', '/chat', '/a/b?c=d&e=%20', '/socket.io/?EIO=4']) {
            const ws = await open({}, path);
            await expectEcho(ws, path);
            await close(ws);
        }
    });
});

describe('permessage-deflate', () => {
    const rows = [
        ['windows kept', {}], ['windows kept, of 9 bits', { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }],
        ['no window kept', { serverNoContextTakeover: true, clientNoContextTakeover: true }],
        ['no window kept, of 12 bits', { serverNoContextTakeover: true, clientNoContextTakeover: true,
            serverMaxWindowBits: 12, clientMaxWindowBits: 12 }],
    ];
    for (const [name, options] of rows) {
        test(name, async () => {
            const ws = await open({ perMessageDeflate: { threshold: 0, ...options } });
            assert.ok(ws.extensions.includes('permessage-deflate'));
            // What repeats itself at every distance, so that each window size is put to use.
            const block = randomBytes(700).toString('base64');
            const message = Array.from({ length: 40 }, (_, i) => block + 'y'.repeat(i * 37)).join('');
            for (let i = 0; i < 3; i++) await expectEcho(ws, message + i);
            await expectEcho(ws, randomBytes(70000));
            await expectEcho(ws, '');
            await close(ws);
        });
    }
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
