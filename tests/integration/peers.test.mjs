// The servers that bench/compare measures Confab beside do what they are measured at: each message to every receiver of
// its room in one order, then back to its publisher; echo. Only those for which nothing more has to be installed.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { binDir, makeDir } from './lib.mjs';

const repository = fileURLToPath(new URL('../..', import.meta.url));

// CONFAB_PEER: another program, to try it by hand.
function peers(dir) {
    if (process.env.CONFAB_PEER) return { [process.env.CONFAB_PEER]: process.env.CONFAB_PEER.split(' ') };
    const script = join(dir, 'hub-ws.mjs'); // beside the `ws` that tests have
    copyFileSync(join(repository, 'bench/peer/hub-ws.mjs'), script);
    symlinkSync(join(repository, 'tests/node_modules'), join(dir, 'node_modules'));
    return { 'limit send': [join(binDir, 'bench-limit'), 'send'], 'limit join': [join(binDir, 'bench-limit'), 'join'],
        'limit store': [join(binDir, 'bench-limit'), 'store', ':memory:'], 'hub-ws': [process.execPath, script] };
}

async function start(t, [program, ...words]) {
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(async () => {
        child.kill('SIGTERM');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    });
    const [line] = await once(createInterface(child.stdout), 'line');
    const [, port] = /listening on 127\.0\.0\.1:(\d+)$/.exec(line);
    return `ws://127.0.0.1:${port}`;
}

// What has come waits in `got`; next(n) is when there are n.
async function connect(t, url) {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const got = [];
    socket.on('message', (data, binary) => got.push(binary ? data : data.toString()));
    t.after(() => socket.terminate());
    await once(socket, 'open');
    const next = async (count) => {
        while (got.length < count) await once(socket, 'message');
        return got;
    };
    return { socket, got, next };
}

// Of every length form of a frame (RFC 6455 section 5.2), and enough to fill what a kernel keeps for a socket.
const lengths = [0, 1, 125, 126, 200, 65535, 65536, 150000];
const texts = lengths.map((length, i) => String.fromCharCode(97 + i).repeat(length));

async function relays(t, url) {
    const receivers = await Promise.all([1, 2, 3].map(() => connect(t, `${url}/sub?room=7`)));
    const other = await connect(t, `${url}/sub?room=8`);
    const publisher = await connect(t, `${url}/pub?room=7`), second = await connect(t, `${url}/pub?room=8`);
    for (const text of texts) publisher.socket.send(text);
    for (const each of [...receivers, publisher]) assert.deepEqual(await each.next(texts.length), texts);
    second.socket.send('to the other');
    assert.deepEqual(await second.next(1), ['to the other']);
    assert.deepEqual(await other.next(1), ['to the other']);
    receivers[0].socket.close();
    await once(receivers[0].socket, 'close');
    publisher.socket.send('after one has left');
    for (const each of [...receivers.slice(1), publisher])
        assert.equal((await each.next(texts.length + 1)).at(-1), 'after one has left');
}

// A publisher has eight in flight, and two publishers have one order.
async function keepsOrder(t, url) {
    const receivers = await Promise.all([1, 2].map(() => connect(t, `${url}/sub?room=1`)));
    const publishers = await Promise.all([1, 2].map(() => connect(t, `${url}/pub?room=1`)));
    publishers.forEach(({ socket, got }, who) => {
        let sent = 0;
        const sendNext = () => { if (sent < 500) socket.send(`${who} ${sent++}`); };
        socket.on('message', () => { assert.equal(got.at(-1), `${who} ${got.length - 1}`); sendNext(); });
        for (let i = 0; i < 8; i++) sendNext();
    });
    const [first, second] = await Promise.all(receivers.map((each) => each.next(1000)));
    assert.deepEqual(first, second);
    for (const who of [0, 1])
        assert.deepEqual(first.filter((text) => text.startsWith(`${who} `)), [...Array(500).keys()].map((i) => `${who} ${i}`));
}

async function echoes(t, url) {
    const { socket, next } = await connect(t, `${url}/echo`);
    for (const text of texts) socket.send(text);
    assert.deepEqual(await next(texts.length), texts);
    socket.send(Buffer.from([0, 255, 1]));
    assert.deepEqual((await next(texts.length + 1)).at(-1), Buffer.from([0, 255, 1]));
    socket.ping('are you there');
    const [answer] = await once(socket, 'pong');
    assert.equal(answer.toString(), 'are you there');
    socket.close(1000);
    const [code] = await once(socket, 'close');
    assert.equal(code, 1000);
}

// One that reads nothing for a while has all when it reads again, and holds up nobody.
async function waitsForTheSlow(t, url) {
    const slow = await connect(t, `${url}/sub?room=2`), quick = await connect(t, `${url}/sub?room=2`);
    const publisher = await connect(t, `${url}/pub?room=2`);
    const text = 'x'.repeat(100000);
    slow.socket.pause();
    for (let i = 1; i <= 120; i++) {
        publisher.socket.send(text);
        await publisher.next(i);
    }
    await quick.next(120);
    assert.ok(slow.got.length < 120);
    slow.socket.resume();
    assert.deepEqual([...new Set(await slow.next(120))], [text]);
    assert.equal(slow.got.length, 120);
}

const dir = makeDir();
test.after(() => rmSync(dir, { recursive: true, force: true }));
for (const [name, command] of Object.entries(peers(dir)))
    for (const check of [relays, keepsOrder, echoes, waitsForTheSlow])
        test(`${name}: ${check.name}`, { timeout: 60_000 }, async (t) => check(t, await start(t, command)));

// What it has acknowledged is in the file, in its room's order, whatever happens to the program.
test('limit store: stores', { timeout: 60_000 }, async (t) => {
    const file = join(dir, 'messages.db');
    const url = await start(t, [join(binDir, 'bench-limit'), 'store', file]);
    const publishers = await Promise.all([7, 8].map((room) => connect(t, `${url}/pub?room=${room}`)));
    for (const [i, { socket, next }] of publishers.entries()) {
        for (const text of ['a', 'b', 'c']) socket.send(`${text}${i}`);
        await next(3);
    }
    const rows = execFileSync('sqlite3', [file, 'SELECT room, seq, text FROM messages ORDER BY room, seq'], { encoding: 'utf8' });
    assert.equal(rows, '7|1|a0\n7|2|b0\n7|3|c0\n8|1|a1\n8|2|b1\n8|3|c1\n');
});
