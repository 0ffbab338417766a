// Peers that connect and then say nothing, say it slowly, do not listen, or come in crowds. Good clients go on meanwhile.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { execFileSync } from 'node:child_process';
import net from 'node:net';
import { describe, test } from 'node:test';
import { OP, frame } from '../conformance/ws_raw.mjs';
import { certificate, makeDir, tokenFor } from '../integration/lib.mjs';
import { ask, createGroup, expect, say, startThread, upload } from '../integration/orbital_lib.mjs';
import { Crowd, KiB, MiB, Probe, assertGrowth, cpuOf, descriptors, doors, figure, full, kib, openRaw, resident, sanitized,
    scale, serve, sleep, startProbe, stopWell, until, watchMemory, within } from './lib.mjs';

const soon = { CONFAB_HTTP_HEADER_TIMEOUT_SECONDS: '3' };
const grace = 10000; // a body: 10 s, and one more for each KiB that came

describe('V12: slow senders', () => {
    test('V12 silent connections', async (context) => {
        const server = await serve(context, soon);
        const probe = await startProbe(server);
        const crowd = await Crowd.open(server, 5000);
        const ms = await crowd.gone(15000);
        assert.deepEqual(crowd.statuses, {}); // who has said nothing is told nothing
        figure(context, `${crowd.sockets.length} silent connections, let go within ${ms} ms; ${await probe.stop()}`);
        await stopWell(server);
    });

    test('V12 slow headers', async (context) => {
        const server = await serve(context, soon);
        const probe = await startProbe(server);
        const crowd = await Crowd.open(server, scale(2000, 5000), { bytes: 'GET /healthz HTTP/1.1\r\nHost: x\r\nA: ' });
        const drip = setInterval(() => crowd.send('x'), 200);
        const ms = await crowd.gone(15000);
        clearInterval(drip);
        // One whose first byte came too late has been silent.
        assert.deepEqual(Object.keys(crowd.statuses), ['408']);
        figure(context, `${crowd.sockets.length} heads of a byte every 200 ms, ${crowd.statuses[408]} answered 408, all gone within ${ms} ms; `
            + await probe.stop());
        await stopWell(server);
    });

    test('V12 slow bodies, slow TLS handshakes', async (context) => {
        const dir = makeDir();
        const pair = await certificate(dir);
        const [server, tls] = await Promise.all([serve(context, soon),
            serve(context, { CONFAB_TLS_CERT: pair.cert, CONFAB_TLS_KEY: pair.key })]);
        const probe = await startProbe(server);
        const many = scale(1000, 4000);
        const head = (target, more) => `POST ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenFor('eve')}\r\n`
            + `Content-Type: application/json\r\n${more}\r\n\r\n`;
        const started = performance.now();
        const sized = await Crowd.open(server, many, { bytes: head('/api/v1/shops', 'Content-Length: 60000') });
        const chunked = await Crowd.open(server, many, { bytes: head('/v1/groups', 'Transfer-Encoding: chunked') });
        const greeting = await Crowd.open(tls, scale(500, 4000), { bytes: Buffer.from('16030100f0010000ec0303', 'hex') });
        const drip = setInterval(() => {
            sized.send('{');
            chunked.send('1\r\n{\r\n');
            greeting.send(Buffer.alloc(1));
        }, scale(1000, 5000));
        await Promise.all([sized, chunked, greeting].map((crowd) => crowd.gone(grace + 8000)));
        clearInterval(drip);
        const ms = Math.round(performance.now() - started);
        assert.deepEqual([sized.statuses, chunked.statuses], [{ 408: many }, { 408: many }]);
        assert.ok(ms >= grace - 500, `${ms}`);
        figure(context, `${2 * many} bodies and ${greeting.sockets.length} TLS handshakes of a byte a time, all let go within `
            + `${ms} ms, ${grace} are allowed; ${await probe.stop()}`);
        assert.equal(await tls.stop(), 0);
        await stopWell(server);
    });
});

// What has come so far would give them over a minute; half a minute of silence ends them.
test('V12 bodies that begin well and fall silent', { skip: !full && 'half a minute: in the full run only' }, async (context) => {
    const server = await serve(context, {});
    const probe = await startProbe(server);
    const begun = `POST /v1/groups HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenFor('eve')}\r\n`
        + `Content-Type: application/json\r\nContent-Length: 200000\r\n\r\n{"name":"${'x'.repeat(60000)}`;
    const crowd = await Crowd.open(server, 200, { bytes: begun });
    const ms = await crowd.gone(45000);
    assert.deepEqual(crowd.statuses, { 408: 200 });
    assert.ok(ms >= 28000, `${ms}`);
    figure(context, `200 bodies of which 60 KB came and then nothing, let go within ${ms} ms, 30000 are allowed; ${await probe.stop()}`);
    await stopWell(server);
});

describe('V11: slow readers', () => {
    const impatient = { WEBSOCKET_WRITE_WAIT_SECONDS: '2' };

    // A shop with a list of a megabyte.
    async function library(server) {
        const shop = await server.createShop('ann');
        for (let i = 0; i < 100; i++) assert.equal((await server.post('ann', shop, 'x'.repeat(10000))).status, 201);
        return `/api/v1/shops/${shop}/messages?token=${tokenFor('ann')}`;
    }

    test('V11 answers that nobody reads, one after the other', async (context) => {
        const server = await serve(context, impatient);
        const path = await library(server);
        const probe = await startProbe(server);
        const memory = watchMemory(server);
        const crowd = await Crowd.open(server, scale(20, 100), { read: false,
            bytes: `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(100) });
        await until(async () => await server.metric('confab_connections') < 10, 'they are cut', 30000);
        const grown = memory.stop();
        crowd.destroy();
        figure(context, `${crowd.sockets.length} clients that ask for 100 answers of 1 MiB and read none are cut, memory grew by `
            + `${kib(grown)}; ${await probe.stop()}`);
        assertGrowth(grown, crowd.sockets.length * 4 * MiB + 32 * MiB);
        await stopWell(server);
    });

    test('V11 who asks for many answers at once and reads them gets all', async (context) => {
        const server = await serve(context, impatient);
        const path = await library(server);
        const want = 60, tail = 'GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
        const crowd = await Promise.all(Array.from({ length: 4 }, (_, i) => server.raw(
            `GET ${i % 2 ? path : '/metrics'} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(i % 2 ? want : 900) + tail)));
        for (const [i, text] of crowd.entries()) {
            assert.equal(text.split('HTTP/1.1 200 OK\r\n').length - 1, i % 2 ? want : 900);
            assert.equal(text.split('HTTP/1.1 404 ').length - 1, 1);
        }
        figure(context, `${2 * want} answers of 1 MiB and 1800 small ones, asked for at once on 4 connections, came in their order`);
        await stopWell(server);
    });

    test('V11 downloads that nobody reads', async (context) => {
        const server = await serve(context, impatient);
        const group = await createGroup(server, 'ann');
        const { thread_id: thread } = await startThread(server, 'ann', group);
        const { media_id: media } = await upload(server, 'ann', thread, randomBytes(32 * MiB));
        const probe = await startProbe(server);
        const memory = watchMemory(server);
        const crowd = await Crowd.open(server, scale(200, 2000), { read: false,
            bytes: `GET /v1/media/${media}?token=${tokenFor('ann')} HTTP/1.1\r\nHost: x\r\n\r\n` });
        await until(async () => await server.metric('confab_connections') < 10, 'they are cut', 60000);
        const grown = memory.stop();
        crowd.destroy();
        figure(context, `${crowd.sockets.length} downloads of 32 MiB that nobody reads are cut, memory grew by ${kib(grown)}; `
            + await probe.stop());
        assertGrowth(grown, crowd.sockets.length * 64 * KiB + 16 * MiB);
        await stopWell(server);
    });

    test('V11 a third of the subscribers stops reading', async (context) => {
        const queue = 16;
        const server = await serve(context, { ...impatient, WEBSOCKET_SEND_BUFFER: String(queue) });
        const group = await createGroup(server, 'ann');
        const all = scale(60, 300), slow = all / 3;
        const clients = await Promise.all(Array.from({ length: all }, async () => {
            const client = await openRaw(server, `/ws?token=${tokenFor('ann')}`);
            client.send(frame(OP.TEXT, JSON.stringify({ type: 'subscribe', data: { group_ids: [group] } })));
            for (let i = 0; i < 2; i++) await client.readFrame();
            return client;
        }));
        const stopped = clients.slice(0, slow), reading = clients.slice(slow);
        for (const { socket } of stopped) socket.pause();
        const probe = await startProbe(server);
        const memory = watchMemory(server);
        const text = 'x'.repeat(180 * KiB);
        let sent = 0;
        const left = () => server.metric('confab_orbital_connections');
        const before = await left() ?? assert.fail('no metric');
        while (await left() > before - slow && sent < 400) {
            const said = await say(server, 'ann', group, text);
            sent++;
            await Promise.all(reading.map(async (client) => {
                const { payload } = await within(client.readFrame(), 'a message');
                assert.equal(payload.includes(said.message_id), true);
                assert.ok(payload.length > text.length);
            }));
        }
        await until(async () => await left() === before - slow, 'they are cut', 15000);
        const grown = memory.stop();
        for (const client of clients) client.destroy();
        figure(context, `${slow} of ${all} subscribers stop reading and are cut, the others read all ${sent} messages of `
            + `180 KiB (${sent * reading.length} frames), memory grew by ${kib(grown)}; ${await probe.stop()}`);
        // One copy of a message is for all: what waits for one is what waits for each.
        assertGrowth(grown, slow * queue * 64 * KiB + 16 * MiB);
        await stopWell(server);
    });
});

describe('floods', () => {
    test('V10 pings from clients that never read', { timeout: 120000 }, async (context) => {
        const server = await serve(context, { WEBSOCKET_WRITE_WAIT_SECONDS: '300' });
        const probe = await startProbe(server);
        const paths = Object.values(await doors(server));
        const clients = [];
        for (let i = 0; i < scale(6, 9); i++) clients.push(await openRaw(server, paths[i % 3]));
        for (const { socket } of clients) socket.pause();
        const pings = scale(100000, 1000000), batch = 1000;
        const bytes = Buffer.concat(Array.from({ length: batch }, () => frame(OP.PING, 'x'.repeat(100))));
        const memory = watchMemory(server);
        // The server takes them all: it never stops reading for its own answers' sake.
        await Promise.all(clients.map(async ({ socket }) => {
            for (let sent = 0; sent < pings / clients.length; sent += batch)
                if (!socket.write(bytes)) await within(once(socket, 'drain'), 'the pings are taken', 60000);
        }));
        const grown = memory.stop();
        for (const client of clients) client.destroy();
        figure(context, `${pings} pings from ${clients.length} clients that never read, memory grew by ${kib(grown)}; `
            + await probe.stop());
        assertGrowth(grown, 8 * MiB);
        await stopWell(server);
    });

    test('V5 lengths that are announced and never sent', async (context) => {
        const server = await serve(context, { SOCKETIO_CONNECT_TIMEOUT_MS: '30000', CONFAB_WORKERS: '2' });
        const probe = await startProbe(server);
        const many = scale(1500, 8000), few = 1000; // a body may take ten seconds: few are there at once
        const upgrade = 'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
            + 'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
        const token = `Authorization: Bearer ${tokenFor('eve')}\r\n`;
        const before = resident(server);
        const frames = await Crowd.open(server, many, { bytes: upgrade });
        await until(() => frames.heads.size === many, 'they are upgraded');
        frames.send(frame(OP.TEXT, '4', { length: 999999 }).subarray(0, 15));
        const bodies = await Crowd.open(server, few, { bytes: `POST /api/v1/shops HTTP/1.1\r\nHost: x\r\n${token}`
            + 'Content-Type: application/json\r\nContent-Length: 65536\r\n\r\n{' });
        const forms = await Crowd.open(server, few, { bytes: `POST /api/v1/shops/messages/image/upload HTTP/1.1\r\nHost: x\r\n${token}`
            + 'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 10000000\r\n\r\n-' });
        await sleep(500);
        const grown = resident(server) - before;
        const sockets = many + 2 * few;
        assert.equal([frames, bodies, forms].reduce((sum, { closed }) => sum + closed, 0), 0);
        figure(context, `${sockets} connections announce up to 10 MB and send a byte, ${kib(grown / sockets)} each; `
            + await probe.stop());
        assertGrowth(grown, sockets * 8 * KiB);
        for (const crowd of [frames, bodies, forms]) crowd.destroy();
        await stopWell(server);
    });

    test('V15 handshakes that nobody follows up', async (context) => {
        const server = await serve(context, { SOCKETIO_CONNECT_TIMEOUT_MS: scale('5000', '20000'), CONFAB_WORKERS: '2' });
        const probe = await startProbe(server);
        const handshakes = scale(15000, 100000), lines = 10, batch = 50, cap = 2 * 5000;
        const memory = watchMemory(server);
        const sessions = () => server.metric('confab_socketio_sessions{transport="polling"}');
        const before = await sessions();
        let opened = 0, most = 0;
        await Promise.all(Array.from({ length: lines }, async () => {
            const socket = net.connect(server.port, '127.0.0.1');
            const bytes = 'GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(batch);
            let answers = 0, rest = '';
            socket.on('data', (data) => {
                const pieces = (rest + data.toString('latin1')).split('HTTP/1.1 ');
                rest = `HTTP/1.1 ${pieces.pop()}`;
                for (const piece of pieces) {
                    if (piece.startsWith('200')) opened++;
                    else if (piece !== '') assert.fail(piece);
                    if (piece !== '') answers++;
                }
            });
            for (let sent = 0; sent < handshakes / lines; sent += batch) {
                socket.write(bytes);
                await until(() => answers >= sent + batch - 1, 'they are answered');
                most = Math.max(most, await sessions());
            }
            socket.destroy();
        }));
        // Who makes room is gone at the end of the turn in which the others came.
        assert.ok(most <= cap + before + lines * batch, `${most} sessions`);
        const crowded = await server.metric('confab_socketio_crowded_out_total');
        assert.ok(crowded > 0, 'the cap was reached');
        await until(async () => await sessions() <= before, 'none is left', scale(12000, 30000));
        const grown = memory.stop();
        figure(context, `${opened + lines} handshakes, ${crowded} made room, at most ${most} sessions at a time (cap ${cap}), `
            + `0 after the timeout, memory grew by ${kib(grown)}; ${await probe.stop()}`);
        assertGrowth(grown, 20 * MiB);
        await stopWell(server);
    });

    test('V15 a megabyte of separators', async (context) => {
        const server = await serve(context);
        const probe = await startProbe(server);
        const body = '\x1e'.repeat(1000000), rounds = scale(20, 200);
        const started = cpuOf(server);
        for (let i = 0; i < rounds; i++) {
            const { text } = await server.request('GET', '/socket.io/?EIO=4&transport=polling');
            const { sid } = JSON.parse(text.slice(1));
            const { status } = await server.request('POST', `/socket.io/?EIO=4&transport=polling&sid=${sid}`, { body });
            assert.equal(status, 400);
        }
        const each = (cpuOf(server) - started) / rounds;
        figure(context, `${rounds} posts of 1,000,000 separators are refused, ${each.toFixed(1)} ms of CPU each, all else included; `
            + await probe.stop());
        if (!sanitized) assert.ok(each < 50, `${each}`);
        await stopWell(server);
    });

    test('V32 no descriptor is left', async (context) => {
        const server = await serve(context, { ...soon, CONFAB_HTTP_IDLE_TIMEOUT_SECONDS: '60' });
        const probe = (await Probe.start(server)).begin(['shop', 'talk']);
        await sleep(300);
        const limit = descriptors(server) + 20;
        execFileSync('prlimit', ['--pid', String(server.child.pid), `--nofile=${limit}:`]);
        const drained = 3000;
        const stopAt = performance.now() + drained;
        const before = probe.total, busy = cpuOf(server);
        const crowd = new Set();
        // As one is let go the next one comes: it stays used up.
        const attack = () => {
            if (performance.now() > stopAt) return;
            const socket = net.connect(server.port, '127.0.0.1');
            crowd.add(socket);
            socket.on('error', () => {});
            socket.on('close', () => { crowd.delete(socket); attack(); });
            socket.resume();
        };
        for (let i = 0; i < 300; i++) attack();
        await sleep(drained);
        const share = (cpuOf(server) - busy) / drained;
        const served = probe.total - before;
        for (const socket of crowd) socket.destroy();
        const freed = performance.now();
        // Those who waited in the kernel's queue are turned away first.
        await until(() => server.createShop('fay').catch(() => false), 'a new connection', 5000);
        const recovered = Math.round(performance.now() - freed);
        assert.ok(served > 10, `${served} messages were served`);
        assert.match(server.log, /too many open files|descriptor/i);
        assert.ok(server.log.split('\n').length < 50, 'it does not log without end');
        execFileSync('prlimit', ['--pid', String(server.child.pid), '--nofile=4096:']);
        figure(context, `300 connections where 20 descriptors are free, for ${drained} ms: ${Math.round(share * 100)} % of a CPU, ${served} `
            + `messages served, a new connection ${recovered} ms after; ${await probe.stop()}`);
        if (!sanitized) assert.ok(share < 0.5, `${share}`);
        await stopWell(server);
    });
});
