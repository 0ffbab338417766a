// Bytes that no honest client sends: framing that could be read in two ways, lengths, bombs, names. The process goes on.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';
import { OP, RawClient, frame, request } from '../conformance/ws_raw.mjs';
import { signToken, tokenFor } from '../integration/lib.mjs';
import { KiB, MiB, assertGrowth, closeCode, cpuOf, doors, figure, kib, openRaw, sanitized, scale, serve, startProbe,
    stopWell, watchMemory, within } from './lib.mjs';

// What a body is read as decides where the next request begins. Each of these either is one request, and the next one is
// answered, or ends the connection; the request that hides in the body is never carried out.
function framings() {
    const hidden = 'GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n';
    const size = hidden.length.toString(16);
    const chunked = `${size}\r\n${hidden}\r\n0\r\n\r\n`;
    const cases = [[`Content-Length: ${hidden.length}`, hidden, true], ['Transfer-Encoding: chunked', chunked, true],
        ['Transfer-Encoding: Chunked', chunked, true], ['Transfer-Encoding:chunked', chunked, true],
        ['Transfer-Encoding: chunked', `0${size};a=b\r\n${hidden}\r\n000\r\nT: x\r\n\r\n`, true]];
    const lengths = [`${hidden.length}, ${hidden.length}`, `+${hidden.length}`, '-1', ` ${hidden.length} x`, '0x10', '1e2', '', '٣',
        '18446744073709551616', '18446744073709551700', '9223372036854775808', '99999999999999999999999', '4294967296',
        `${hidden.length}\t0`, '0 0', '0,', '"0"', '1.0', '0\x0b', '0\0'];
    for (const length of lengths) cases.push([`Content-Length: ${length}`, hidden]);
    for (const second of ['0', String(hidden.length), 'x'])
        for (const name of ['Content-Length', 'content-length'])
            cases.push([`Content-Length: ${hidden.length}\r\n${name}: ${second}`, hidden]);
    const encodings = ['chunked', 'Chunked', 'xchunked', 'chunked, identity', 'identity, chunked', 'chunked,', ', chunked',
        '\x0bchunked', 'chunked\x0b', '"chunked"', 'chunked;q=1', 'gzip, chunked', 'chunked, chunked', 'identity', '', 'chunke\0d'];
    for (const encoding of encodings) {
        cases.push([`Transfer-Encoding: ${encoding}\r\nContent-Length: ${hidden.length}`, chunked]);
        cases.push([`Content-Length: 0\r\nTransfer-Encoding: ${encoding}`, chunked]);
        if (!/^chunked$/i.test(encoding)) cases.push([`Transfer-Encoding: ${encoding}`, chunked]);
    }
    for (const line of ['Transfer-Encoding : chunked', 'Transfer-Encoding\t: chunked', ' Transfer-Encoding: chunked',
        'X: y\r\n Transfer-Encoding: chunked', 'Transfer-Encoding:\r\n chunked', 'X: y\nTransfer-Encoding: chunked',
        'X: y\rTransfer-Encoding: chunked', 'Transfer\0-Encoding: chunked', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'])
        cases.push([`${line}\r\nContent-Length: 0`, chunked]);
    for (const line of ['Transfer_Encoding: chunked', 'Transfer-Encodin: chunked', 'X-Transfer-Encoding: chunked'])
        cases.push([`${line}\r\nContent-Length: ${chunked.length}`, chunked, true]);
    for (const bad of [`${size}\n${hidden}\r\n0\r\n\r\n`, `0x${size}\r\n${hidden}\r\n0\r\n\r\n`, `+${size}\r\n${hidden}\r\n0\r\n\r\n`,
        `-1\r\n${hidden}\r\n0\r\n\r\n`, ` ${size}\r\n${hidden}\r\n0\r\n\r\n`, `${size} \r\n${hidden}\r\n0\r\n\r\n`,
        `10000000000000000${size}\r\n${hidden}\r\n0\r\n\r\n`, `ffffffffffffffff\r\n${hidden}`, `fffffffffffffff0\r\n${hidden}`,
        `${size}\r\n${hidden}0\r\n\r\n`, `1\r\n${hidden}`, `g\r\n${hidden}`, `\r\n${hidden}`, `${size};\n\r\n${hidden}\r\n0\r\n\r\n`,
        `0\r\nContent-Length : 5\r\n\r\n${hidden}`, `0\r\n X\r\n\r\n${hidden}`, `${size}\r${hidden}\r\n0\r\n\r\n`])
        cases.push(['Transfer-Encoding: chunked', bad]);
    return cases;
}

test('V1 requests hidden in requests: the next one is answered, or the connection is closed', async (context) => {
    const server = await serve(context, { CONFAB_HTTP_HEADER_TIMEOUT_SECONDS: '1' });
    const probe = await startProbe(server);
    const next = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const counts = { answered: 0, closed: 0 };
    const table = framings();
    const targets = ['POST /api/v1/shops', 'POST /v1/groups', 'PUT /nowhere', 'GET /healthz', 'POST /socket.io/?EIO=4&transport=polling&sid=x'];
    const one = async (target, [lines, body, good]) => {
        const text = await within(server.raw(`${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenFor('eve')}\r\n`
            + `Content-Type: application/json\r\n${lines}\r\n\r\n${body}${next}`), 'an end');
        const name = JSON.stringify([target, lines, body]);
        const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status);
        const hidden = statuses.filter((status) => status === '404').length > (target.includes('/nowhere') ? 1 : 0);
        assert.equal(hidden, false, `${name}: ${text}`);
        assert.match(text, /\r\nConnection: close\r\n/, name);
        // What is refused before its body has come may end the connection, too.
        if (good && statuses.length > 1) assert.deepEqual(statuses.slice(1), ['200'], `${name}: ${text}`);
        else assert.equal(statuses.length, 1, `${name}: ${text}`);
        counts[statuses.length === 2 ? 'answered' : 'closed']++;
    };
    for (const target of targets)
        for (let i = 0; i < table.length; i += 20) await Promise.all(table.slice(i, i + 20).map((each) => one(target, each)));
    figure(context, `${table.length * targets.length} requests, behind ${counts.answered} the next one was answered, ${counts.closed} `
        + `were closed, 0 hidden ones were carried out; ${await probe.stop()}`);
    await stopWell(server);
});

test('V2 a million chunks of a byte; chunk extensions and trailers without end', async (context) => {
    const server = await serve(context);
    const probe = await startProbe(server);
    const head = (target) => `POST ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenFor('eve')}\r\n`
        + 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
    const bombs = ['1\r\n \r\n'.repeat(1000000), `1;${'a'.repeat(4 * MiB)}`, `0\r\n${'A: b\r\n'.repeat(500000)}`,
        `0\r\n${'a'.repeat(4 * MiB)}`, '0'.repeat(4 * MiB)];
    const memory = watchMemory(server), started = cpuOf(server);
    let most = 0;
    for (const target of ['/api/v1/shops', '/v1/groups', '/socket.io/?EIO=4&transport=polling', '/nowhere'])
        for (const bomb of bombs) {
            const before = cpuOf(server);
            const text = await within(server.raw(head(target) + bomb), 'an answer');
            most = Math.max(most, cpuOf(server) - before);
            assert.match(text, /^(HTTP\/1\.1 (4\d\d|503) |$)/); // a reset may overtake the answer
        }
    const grown = memory.stop();
    figure(context, `20 bombs of chunks are refused, the dearest for ${most.toFixed(0)} ms of CPU, ${(cpuOf(server) - started).toFixed(0)} ms `
        + `together, all else included, memory grew by ${kib(grown)}; ${await probe.stop()}`);
    if (!sanitized) assert.ok(most < 200, `${most}`);
    assertGrowth(grown, 8 * MiB);
    await stopWell(server);
});

test('V3 headers: ten thousand, a value of 256 KiB, spaces and commas in each header of a handshake', async (context) => {
    const server = await serve(context);
    const probe = await startProbe(server);
    const paths = Object.values(await doors(server));
    const names = ['Sec-WebSocket-Key', 'Sec-WebSocket-Version', 'Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions', 'Upgrade',
        'Connection', 'Origin', 'Authorization', 'Cookie', 'X-Forwarded-For', 'Accept-Encoding'];
    const values = [' '.repeat(16 * KiB), ','.repeat(16 * KiB), `a${' '.repeat(16 * KiB)}b`, 'a,'.repeat(8 * KiB), ';'.repeat(16 * KiB),
        'permessage-deflate;'.repeat(800), '"'.repeat(16 * KiB), '\\'.repeat(16 * KiB), 'é'.repeat(8 * KiB), 'a'.repeat(256 * KiB)];
    const memory = watchMemory(server);
    const statuses = {};
    let most = 0, tried = 0;
    const attempt = async (bytes) => {
        const before = cpuOf(server);
        const client = await RawClient.connect(server.port);
        client.send(bytes);
        const answer = await within(client.readResponse(), 'an answer');
        client.destroy();
        most = Math.max(most, cpuOf(server) - before);
        tried++;
        const status = answer?.status ?? 'reset';
        statuses[status] = (statuses[status] ?? 0) + 1;
        return status;
    };
    for (const target of paths) {
        assert.equal(await attempt(request({ A: Array(10000).fill('b') }, { target })), 431);
        for (const name of names)
            for (const value of values) {
                const status = await attempt(request({ [name]: value }, { target }));
                assert.ok([101, 400, 401, 403, 426, 429, 431, 'reset'].includes(status), `${name}: ${status}`);
            }
    }
    const grown = memory.stop();
    figure(context, `${tried} handshakes, answers ${JSON.stringify(statuses)}, the dearest for ${most.toFixed(1)} ms of CPU, all else `
        + `included, memory grew by ${kib(grown)}; ${await probe.stop()}`);
    if (!sanitized) assert.ok(most < 50, `${most}`);
    assertGrowth(grown, 4 * MiB);
    await stopWell(server);
});

const lengths = [2n ** 16n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];

test('V4 lengths that overflow, in each dialect', async (context) => {
    const server = await serve(context, { WEBSOCKET_MAX_MESSAGE_SIZE: '65535', SOCKETIO_MAX_PAYLOAD: '65535' });
    const probe = await startProbe(server);
    const memory = watchMemory(server);
    let slowest = 0, tried = 0;
    for (const target of Object.values(await doors(server)))
        for (const length of lengths)
            for (const first of [true, false]) {
                const client = await openRaw(server, target);
                const started = performance.now();
                if (!first) client.send(frame(OP.TEXT, 'x', { fin: false }));
                client.send(frame(first ? OP.TEXT : OP.CONT, 'x', { length, form: 9 }));
                const code = await closeCode(client);
                slowest = Math.max(slowest, performance.now() - started);
                assert.ok([1002, 1009].includes(code), `${length} ${first}: ${code}`);
                client.destroy();
                tried++;
            }
    const grown = memory.stop();
    figure(context, `${tried} lengths of 2^16 to 2^64-1 are refused, the slowest in ${Math.round(slowest)} ms, memory grew by `
        + `${kib(grown)}; ${await probe.stop()}`);
    assertGrowth(grown, 4 * MiB);
    await stopWell(server);
});

// One message, a byte a frame.
function crumbs(text) {
    const bytes = Buffer.alloc(text.length * 7); // head, length, a mask of zeros, the byte
    for (let i = 0; i < text.length; i++) {
        bytes[i * 7] = (i === 0 ? OP.TEXT : OP.CONT) | (i === text.length - 1 ? 0x80 : 0);
        bytes[i * 7 + 1] = 0x81;
        bytes[i * 7 + 6] = text.charCodeAt(i);
    }
    return bytes;
}

test('V6 a message of a million fragments, and fragments without end', async (context) => {
    const limit = 2 * MiB;
    const server = await serve(context, { WEBSOCKET_MAX_MESSAGE_SIZE: String(limit), SOCKETIO_MAX_PAYLOAD: String(limit),
        SOCKETIO_PING_INTERVAL_MS: '300000' }); // nobody answers pings here
    const probe = await startProbe(server);
    const paths = await doors(server);
    const client = await openRaw(server, paths.talk);
    client.send(frame(OP.TEXT, `40${JSON.stringify({ token: tokenFor('eve') })}`));
    for (let i = 0; i < 2; i++) await within(client.readFrame(), 'connected');
    const started = performance.now();
    client.send(crumbs(`427["message:send",1,{"text":"x","clientMessageId":"${crypto.randomUUID()}","pad":"${'x'.repeat(1000000)}"}]`));
    const { payload } = await within(client.readFrame(), 'the answer');
    assert.match(payload.toString(), /^437\[\{"success":false,"error":"not_participant"/);
    const took = Math.round(performance.now() - started);
    client.destroy();
    const memory = watchMemory(server);
    const many = scale(6, 99);
    const crumb = crumbs('x'.repeat(limit / 16)).subarray(7, -7);
    await Promise.all(Array.from({ length: many }, async (_, i) => {
        const client = await openRaw(server, Object.values(paths)[i % 3]);
        client.send(frame(OP.TEXT, 'x', { fin: false }));
        const pour = async () => {
            while (client.socket.writable) await new Promise((done) => { client.socket.write(crumb, done); });
        };
        pour().catch(() => {});
        const code = await closeCode(client, 240000);
        assert.ok([1009, undefined].includes(code), `${code}`);
        client.destroy();
    }));
    const grown = memory.stop();
    figure(context, `a message of 1,000,000 fragments is answered after ${took} ms; ${many} without end are closed at ${kib(limit)}, `
        + `memory grew by ${kib(grown)}; ${await probe.stop()}`);
    assertGrowth(grown, limit * many * 1.25 + 8 * MiB);
    await stopWell(server);
});

test('V7 deflate bombs of 64 MiB', { timeout: 120000 }, async (context) => {
    const server = await serve(context, { SOCKETIO_CONNECT_TIMEOUT_MS: '60000' });
    const probe = await startProbe(server);
    const bomb = deflateRawSync(Buffer.alloc(64 * MiB), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const { shop, orbital } = await doors(server);
    const many = scale(100, 1000);
    const clients = [];
    for (let i = 0; i < many; i++)
        clients.push(await openRaw(server, orbital, { 'Sec-WebSocket-Extensions': 'permessage-deflate' }));
    const streams = [];
    for (let i = 0; i < 3; i++)
        streams.push(await openRaw(server, shop, { 'Sec-WebSocket-Extensions': 'permessage-deflate' }));
    const bytes = frame(OP.BINARY, bomb, { rsv: 4 });
    const text = frame(OP.TEXT, bomb, { rsv: 4 });
    const memory = watchMemory(server), started = cpuOf(server);
    const codes = await Promise.all([...clients, ...streams].map(async (client, i) => {
        client.send(i % 2 ? text : bytes);
        return closeCode(client);
    }));
    const cpu = (cpuOf(server) - started) / codes.length, grown = memory.stop();
    for (const client of clients) client.destroy();
    assert.ok(codes.every((code) => code === 1009 || code === undefined), codes.join());
    assert.ok(codes.includes(1009));
    figure(context, `${codes.length} bombs of ${kib(bomb.length)} for 64 MiB at once, each closed with 1009, ${cpu.toFixed(1)} ms of CPU each, `
        + `memory grew by ${kib(grown)}; ${await probe.stop()}`);
    assertGrowth(grown, codes.length * 80 * KiB + 4 * MiB);
    if (!sanitized) assert.ok(cpu < 20, `${cpu}`);
    await stopWell(server);
});

test('V14 packets that decoders of others fell for', async (context) => {
    const server = await serve(context);
    const probe = await startProbe(server);
    const one = Buffer.from([1]);
    const num = (value) => [`451-["message:send",{"_placeholder":true,"num":${value}}]`, one];
    const table = [num('"splice"'), num('-1'), num('1'), num('1e300'), num('{}'), num('null'), num('0.5'), num('"__proto__"'),
        ['459999999999-'], ['459999999999-["message:send"]'], ['450-["x"]'], ['45-["x"]'], ['4511-["x"]'], [`45${'9'.repeat(500)}-["x"]`],
        ['451-["x"]', one, one], ['451e0-["x",{"_placeholder":true,"num":0}]'], ['42{}'], ['42[]'], ['42[{}]'], ['42[null]'],
        ['42[["message:send"]]'], ['42{"0":"message:send","length":1}'], ['42["connect"]'], ['42["disconnect"]'], ['42["newListener"]'],
        ['42["\\u0063onnect_error"]'], ['42["message:send"'], ['42["message:send",]'], ['42["message:send",NaN]'], ['42"x"'], ['42'],
        ['4299999999999999999999["x"]'], ['43'], ['43[]'], ['431{}'], ['44{"message":"x"}'], ['47'], ['4'], ['9'], ['4\0'],
        ['42/other,["message:send"]'], [one], [Buffer.alloc(0)],
        [`42["message:send",${'['.repeat(100000)}`], [`42["message:send",${'{"a":'.repeat(100000)}`],
        ['452-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', one, '42["x"]']];
    let slowest = 0, sent = 0;
    for (const [transport, packets] of table.flatMap((each) => [['websocket', each], ['polling', each]])) {
        const started = performance.now();
        if (transport === 'websocket') {
            const client = await openRaw(server, '/socket.io/?EIO=4&transport=websocket');
            client.send(frame(OP.TEXT, `40${JSON.stringify({ token: tokenFor('eve') })}`));
            for (let i = 0; i < 2; i++) await within(client.readFrame(), 'connected');
            for (const packet of packets) client.send(frame(typeof packet === 'string' ? OP.TEXT : OP.BINARY, packet));
            await closeCode(client);
            client.destroy();
        } else {
            const opened = await server.request('GET', '/socket.io/?EIO=4&transport=polling');
            const path = `/socket.io/?EIO=4&transport=polling&sid=${JSON.parse(opened.text.slice(1)).sid}`;
            assert.equal((await server.request('POST', path, { body: `40${JSON.stringify({ token: tokenFor('eve') })}` })).status, 200);
            assert.match((await server.request('GET', path)).text, /^40\{"sid"/);
            const body = packets.map((packet) => (typeof packet === 'string' ? packet : `b${packet.toString('base64')}`)).join('\x1e');
            const { status } = await server.request('POST', path, { body });
            assert.ok([200, 400].includes(status), `${status}`);
            const { status: after, text } = await server.request('GET', path);
            assert.ok(after === 400 || text === '1' || text.endsWith('\x1e1') || /^41/.test(text), `${packets}: ${after} ${text}`);
        }
        slowest = Math.max(slowest, performance.now() - started);
        sent++;
    }
    figure(context, `${sent} wrong packets, each ended its own connection only, the slowest within ${Math.round(slowest)} ms; `
        + await probe.stop());
    await stopWell(server);
});

// What readers of JSON choke on: depth, digits, keys.
function jsonBombs(size) {
    const fill = (text, open = '', close = '') => open + text.repeat(Math.floor((size - 200) / text.length)) + close;
    const keys = [];
    for (let i = 0, length = 0; length < size - 300; i++) { keys.push(`"k${i}":0`); length += keys.at(-1).length + 1; }
    return [fill('['), fill('{"a":'), fill('[', '{"data":'), fill('9'), fill('9', '{"name":', '}'), fill('9', '{"name":1e', '}'),
        fill('0', '{"name":0.', '1}'), fill('"k":0,', '{', '"k":0}'), `{${keys.join()},"k0":1}`, fill('\\u0000', '{"name":"', '"}'),
        fill('\\', '{"name":"', '"}'), fill('\\ud800', '{"type":"', '"}'), fill(' '), fill('"'), fill('[],', '[', '[]]'),
        fill('{"__proto__":{"a":1}},', '[', '{}]')];
}

test('V25 JSON that is deep, long, or all keys, over REST, Orbital and Socket.IO', async (context) => {
    const server = await serve(context);
    const probe = await startProbe(server);
    const { orbital } = await doors(server);
    const memory = watchMemory(server);
    let most = 0, tried = 0;
    const measured = async (work) => {
        const before = cpuOf(server);
        await work();
        most = Math.max(most, cpuOf(server) - before);
        tried++;
    };
    for (const path of ['/api/v1/shops', '/api/v1/shops/messages', '/api/conversations', '/v1/groups', '/v1/messages'])
        for (const body of jsonBombs(64 * KiB))
            await measured(async () => {
                const { status } = await server.request('POST', path, { token: tokenFor('eve'), body,
                    headers: { 'content-type': 'application/json' } });
                assert.ok([400, 413, 422].includes(status), `${path} ${status} ${body.slice(0, 50)}`);
            });
    for (const body of jsonBombs(500 * KiB))
        await measured(async () => {
            const client = await openRaw(server, orbital);
            await client.readFrame();
            client.send(frame(OP.TEXT, body));
            const { type } = JSON.parse((await within(client.readFrame(), 'an answer')).payload);
            assert.equal(type, 'error', body.slice(0, 50));
            client.destroy();
        });
    for (const body of jsonBombs(900 * KiB))
        await measured(async () => {
            const client = await openRaw(server, '/socket.io/?EIO=4&transport=websocket');
            client.send(frame(OP.TEXT, `40${body}`));
            client.send(frame(OP.TEXT, '42["typing:start",1]')); // before a CONNECT that is none: it ends in any case
            await closeCode(client);
            client.destroy();
        });
    const grown = memory.stop();
    figure(context, `${tried} documents of up to 900 KiB are refused, the dearest for ${most.toFixed(1)} ms of CPU, all else included, `
        + `memory grew by ${kib(grown)}; ${await probe.stop()}`);
    if (!sanitized) assert.ok(most < 100, `${most}`);
    assertGrowth(grown, 16 * MiB);
    await stopWell(server);
});

// Joux, "Multicollisions in iterated hash functions": two blocks that lead FNV-1a to the same state, sixteen times over, are
// 2^16 names with one hash.
function collidingNames(count) {
    const step = (hash, text) => {
        for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619) >>> 0;
        return hash;
    };
    let hash = 2166136261;
    const pairs = Array.from({ length: Math.ceil(Math.log2(count)) }, () => {
        const seen = new Map();
        for (let number = 0; ; number++) {
            const text = (Math.imul(number, 2654435761) >>> 0).toString(36).padStart(7, '0'), reached = step(hash, text);
            if (seen.has(reached)) { hash = reached; return [seen.get(reached), text]; }
            seen.set(reached, text);
        }
    });
    return Array.from({ length: count }, (_, i) => pairs.map((pair, bit) => pair[i >> bit & 1]).join(''));
}

test('V27 names that collide where hashes have no key: users, subscriptions, keys of objects', { timeout: 120000 }, async (context) => {
    const server = await serve(context);
    const count = scale(250, 8000);
    const twins = collidingNames(count);
    const others = twins.map((name, i) => i.toString(36).padStart(name.length, 'z'));
    const exp = Math.floor(Date.now() / 1000) + 3600;
    const agent = new http.Agent({ keepAlive: true });
    const tell = async (names) => {
        for (const user of names) {
            const { status } = await server.request('GET', '/v1/groups', { token: signToken({ user_id: user, exp }), agent });
            assert.equal(status, 200);
        }
    };
    // What a round costs: users, subscriptions to what is no group, objects with many keys.
    const round = async (names) => {
        const started = cpuOf(server);
        await tell(names);
        for (let i = 0; i < names.length; i += 250) {
            const client = await openRaw(server, `/ws?token=${tokenFor('ann')}`);
            client.send(frame(OP.TEXT, JSON.stringify({ type: 'subscribe', data: { group_ids: names.slice(i, i + 250) } })));
            for (let j = 0; j < 2; j++) await within(client.readFrame(), 'an answer');
            client.destroy();
        }
        const keys = names.slice(0, 800).map((name) => `"${name}":0`).join();
        for (let i = 0; i < 20; i++) {
            const { status } = await server.request('POST', '/v1/groups', { token: tokenFor('ann'), body: `{${keys}}`, agent,
                headers: { 'content-type': 'application/json' } });
            assert.equal(status, 201);
        }
        return cpuOf(server) - started;
    };
    const cost = { random: Infinity, colliding: Infinity };
    await tell([...others, ...twins]); // the first sight of a user is written to the disk
    for (let i = 0; i < 3; i++) {
        cost.random = Math.min(cost.random, await round(others));
        cost.colliding = Math.min(cost.colliding, await round(twins));
    }
    agent.destroy();
    figure(context, `${count} names with one FNV-1a hash cost ${cost.colliding.toFixed(0)} ms of CPU, random ones `
        + `${cost.random.toFixed(0)} ms`);
    assert.ok(cost.colliding < 3 * cost.random, JSON.stringify(cost));
    await stopWell(server);
});
