// confab-sio-echo as a client of Engine.IO 4 sees it: handshakes, errors, CORS, both transports, heartbeats.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe } from 'node:test';
import {
    EIO_PATH, EioSocket, PollingSession, SEPARATOR, SIO_PATH, ask, askUpgrade, assertError, decodePayload,
    encodePayload, errorBody, target,
} from './eio_client.mjs';
import { MAX_PAYLOAD, PING_INTERVAL_MS, PING_TIMEOUT_MS, SioEchoServer, test } from './sio_echo_server.mjs';
import { RawClient } from './ws_raw.mjs';

const STOP_MS = 5000; // nobody has anything left to say
const EARLY_MS = 20; // a client's clock against the server's

let server;
before(async () => { server = await SioEchoServer.start(); });
after(async () => { assert.deepEqual(await server.stop(), [0, null]); });

const openPolling = (path) => PollingSession.open(server, path);
const openSocket = (how) => EioSocket.open(server, how);

describe('handshake', () => {
    for (const path of [EIO_PATH, SIO_PATH]) {
        test(`${path} over polling`, async () => {
            const { status, headers, body } = await ask(server, { to: target(path) });
            assert.equal(status, 200);
            assert.equal(headers['content-type'].toLowerCase(), 'text/plain; charset=utf-8');
            assert.equal(headers['cache-control'], 'no-store');
            assert.equal(headers['set-cookie'], undefined);
            assert.equal(body[0], '0');
            assertHandshake(body.slice(1), ['websocket']);
        });

        test(`${path} over a WebSocket`, async () => {
            const socket = await openSocket({ path, options: { perMessageDeflate: true } });
            assertHandshake(JSON.stringify(socket.handshake), []);
            assert.equal(socket.answer.headers['set-cookie'], undefined);
            assert.equal(socket.answer.headers['sec-websocket-extensions'], undefined);
            await socket.close();
        });
    }

    function assertHandshake(json, upgrades) {
        const { sid } = JSON.parse(json);
        assert.match(sid, /^[A-Za-z0-9_-]{22,}$/); // V16: 128 bits and more
        assert.equal(json, JSON.stringify({ sid, upgrades, pingInterval: PING_INTERVAL_MS,
            pingTimeout: PING_TIMEOUT_MS, maxPayload: MAX_PAYLOAD }));
    }

    test('parameters in any order, escaped, and others among them', async () => {
        for (const query of ['transport=polling&EIO=4', 'a=b&EIO=%34&t=abc&transport=%70olling&',
            'EIO=4&transport=polling&sid=', 'EIO=4&transport=polling&x=%41&=&&b64=1']) {
            const { status, body } = await ask(server, { to: `${EIO_PATH}?${query}` });
            assert.deepEqual([query, status, body[0]], [query, 200, '0']);
        }
    });

    test('no two ids are equal', async () => {
        const sessions = await Promise.all(Array.from({ length: 200 }, () => openPolling()));
        assert.equal(new Set(sessions.map(({ sid }) => sid)).size, 200);
    });

    test('other paths are not found', async () => {
        for (const path of ['/', '/engine', '/other/', '/engine.i/'])
            assert.equal((await ask(server, { to: target(path) })).status, 404);
    });
});

// The reference answers an upgrade that it refuses with the text alone; here it is the same JSON as over HTTP.
describe('errors', () => {
    const anywhere = [
        [{ transport: null }, 0], [{ transport: '' }, 0], [{ transport: 'abc' }, 0], [{ transport: 'Polling' }, 0],
        [{ transport: 'webtransport' }, 0], [{ transport: 'constructor' }, 0], [{ transport: 'polling2' }, 0],
        [{ transport: null, EIO: '3' }, 0], [{ transport: 'abc', sid: 'nobody' }, 0],
        [{ sid: 'nobody' }, 1], [{ sid: '__proto__' }, 1], [{ sid: 'constructor' }, 1], [{ sid: 'é"' }, 1],
        [{ sid: 'x'.repeat(100) }, 1], [{ sid: 'nobody', EIO: '3' }, 1],
        [{ EIO: null }, 5], [{ EIO: '' }, 5], [{ EIO: 'abc' }, 5], [{ EIO: '3' }, 5], [{ EIO: '5' }, 5],
        [{ EIO: '04' }, 5], [{ EIO: '4.0' }, 5], [{ EIO: '4 ' }, 5],
    ];
    const overHttp = [
        ...anywhere.map(([params, code]) => ['GET', params, code]),
        ['POST', {}, 2], ['PUT', {}, 2], ['DELETE', {}, 2], ['POST', { EIO: '3' }, 2],
        ['POST', { transport: 'websocket' }, 2], ['POST', { transport: 'abc' }, 0], ['POST', { sid: 'nobody' }, 1],
        ['GET', { transport: 'websocket' }, 3],
    ];
    const upgrades = [...anywhere.map(([params, code]) => ['GET', { transport: 'websocket', ...params }, code]),
        ['GET', { transport: 'polling' }, 3]];

    // The whole table at once: a difference shows all that differ.
    async function assertErrors(path, rows, send) {
        const expected = rows.map(([method, params, code]) =>
            `${method} ${target(path, params)}: 400 ${errorBody(code)}`);
        const got = [];
        for (const [method, params] of rows) {
            const to = target(path, params);
            const { status, headers, body } = await send(method, to);
            assert.match(headers['content-type'], /^application\/json/);
            got.push(`${method} ${to}: ${status} ${body}`);
        }
        assert.deepEqual(got, expected);
    }

    for (const path of [EIO_PATH, SIO_PATH]) {
        test(`over HTTP under ${path}`, () =>
            assertErrors(path, overHttp, (method, to) => ask(server, { method, to })));
        test(`before the upgrade under ${path}`, () =>
            assertErrors(path, upgrades, (method, to) => askUpgrade(server, to)));
    }

    test('a session is not harmed by wrong requests for it', async () => {
        const session = await openPolling();
        const { sid } = session;
        assertError(await ask(server, { to: target(EIO_PATH, { sid, EIO: '3' }) }), 3);
        assertError(await ask(server, { to: target(EIO_PATH, { sid, EIO: null }) }), 3);
        assertError(await ask(server, { to: target(EIO_PATH, { sid, transport: 'websocket' }) }), 3);
        assertError(await ask(server, { to: target(EIO_PATH, { sid, transport: 'abc' }) }), 0);
        assertError(await askUpgrade(server, target(EIO_PATH, { sid, transport: 'websocket', EIO: '3' })), 3);
        assertError(await ask(server, { to: target(EIO_PATH, { sid: sid.slice(0, -1) }) }), 1);
        assertError(await ask(server, { to: target(EIO_PATH, { sid: `${sid}x` }) }), 1);
        assertError(await ask(server, { to: target(SIO_PATH, { sid }) }), 1); // another server's session
        const put = await session.get({ method: 'PUT', body: '4x' });
        assert.ok([400, 405, 500].includes(put.status), `${put.status}`);
        await session.assertEcho();
    });

    test('JSONP is refused in so many words', async () => {
        const { status, body } = await ask(server, { to: target(EIO_PATH, { j: '0' }) });
        assert.deepEqual([status, body], [400, '{"code":3,"message":"JSONP is not supported"}']);
    });

    test('a query that cannot be read is a bad request', async () => {
        for (const more of ['x=%zz', 'x=%', 'sid=%00']) {
            const { status } = await ask(server, { to: `${target(EIO_PATH)}&${more}` });
            assert.deepEqual([more, status], [more, 400]);
        }
    });

    test('a handshake that is no handshake', async () => {
        const to = target(EIO_PATH, { transport: 'websocket' });
        for (const lines of [{ 'Sec-WebSocket-Key': null }, { 'Sec-WebSocket-Key': 'short' }])
            assert.equal((await askUpgrade(server, to, lines)).status, 400);
        assert.equal((await askUpgrade(server, to)).status, 101);
    });
});

describe('CORS', () => {
    const ORIGINS = ['https://app.example:8443', 'http://localhost:3000', 'null'];

    function assertAllows({ headers }, origin) {
        assert.equal(headers['access-control-allow-origin'], origin);
        assert.match(headers.vary, /\borigin\b/i);
        assert.equal(headers['access-control-allow-credentials'], undefined);
        assert.equal(headers['set-cookie'], undefined);
    }

    for (const path of [EIO_PATH, SIO_PATH]) {
        for (const Origin of ORIGINS) {
            test(`${Origin} at ${path}`, async () => {
                const opened = await ask(server, { to: target(path), headers: { Origin } });
                assert.equal(opened.status, 200);
                assertAllows(opened, Origin);
                const to = target(path, { sid: JSON.parse(opened.body.slice(1)).sid });
                const post = (body) => ask(server, { method: 'POST', to, headers: { Origin }, body });
                assertAllows(await post('3'), Origin);
                const [poll, posted] = await Promise.all([ask(server, { to, headers: { Origin } }), post('6')]);
                assert.deepEqual([poll.body, posted.body], ['2', 'ok']);
                assertAllows(poll, Origin);
                assertAllows(posted, Origin);
                assertAllows(await post('1'), Origin);
                const refused = await ask(server, { to, headers: { Origin } });
                assertError(refused, 1);
                assertAllows(refused, Origin);
            });
        }

        test(`preflight at ${path}`, async () => {
            const headers = { Origin: ORIGINS[0], 'Access-Control-Request-Method': 'POST',
                'Access-Control-Request-Headers': 'authorization,content-type' };
            const answer = await ask(server, { method: 'OPTIONS', to: target(path), headers });
            assert.deepEqual([answer.status, answer.body], [204, '']);
            assertAllows(answer, ORIGINS[0]);
            const names = (name) => answer.headers[name].toLowerCase().split(/\s*,\s*/);
            for (const method of ['get', 'post'])
                assert.ok(names('access-control-allow-methods').includes(method));
            for (const header of ['authorization', 'content-type'])
                assert.ok(names('access-control-allow-headers').includes(header));
        });

        test(`without an Origin at ${path}`, async () => {
            const { status, headers } = await ask(server, { to: target(path) });
            assert.equal(status, 200);
            assert.equal(headers['access-control-allow-origin'], undefined);
        });
    }
});

const MESSAGES = [['4hello'], ['4'], ['4é€😀'], ['4a', '4b', '4c'], ['4one\ntwo\r\n', '4\t"\\"'],
    [Buffer.from([1, 2, 3, 4])], [Buffer.from([0])], [Buffer.from([0x1e, 0xff, 0])], [randomBytes(1000)],
    ['4hello', Buffer.from([1, 2]), '4world', randomBytes(31), '4'],
    Array.from({ length: 1000 }, (_, i) => `4message ${i}`)];
const nameOf = (packets) => packets.length > 9 ? `${packets.length} packets`
    : packets.map((one) => typeof one === 'string' ? JSON.stringify(one) : `${one.length} bytes`).join(', ');

describe('messages over polling', () => {
    for (const packets of MESSAGES) {
        test(nameOf(packets), async () => {
            const session = await openPolling();
            await session.send(...packets);
            assert.deepEqual(await session.take(packets.length), packets);
        });
    }

    test('an open GET is answered as soon as there is something', async () => {
        const session = await openPolling();
        for (let i = 0; i < 20; i++) {
            const poll = session.get();
            const posted = await session.post(`4message ${i}`);
            assert.deepEqual([posted.status, posted.body], [200, 'ok']);
            assert.equal(posted.headers['content-type'], 'text/html');
            const { status, headers, body } = await poll;
            assert.deepEqual([status, body], [200, `4message ${i}`]);
            assert.equal(headers['content-type'].toLowerCase(), 'text/plain; charset=utf-8');
            assert.equal(headers['cache-control'], 'no-store');
        }
    });

    test('what was sent meanwhile comes in one answer', async () => {
        const session = await openPolling();
        for (const packet of ['4a', Buffer.from([1, 2, 3, 4]), '4b']) await session.send(packet);
        const { body } = await session.get();
        assert.equal(body, ['4a', 'bAQIDBA==', '4b'].join(SEPARATOR));
    });

    for (const packet of ['3', '6', '6:4hello', '3abc', '0', '5']) {
        test(`"${packet}" means nothing now`, async () => {
            const session = await openPolling();
            await session.send(packet);
            await session.assertEcho();
        });
    }

    test('a POST byte by byte, and one in chunks', async () => {
        const session = await openPolling();
        const client = await RawClient.connect(server.port);
        const post = `POST ${session.to} HTTP/1.1\r\nHost: x\r\n`;
        for (const byte of Buffer.from(`${post}Content-Length: 10\r\n\r\n4é€😀`))
            client.send(Buffer.of(byte));
        assert.equal((await client.readResponse()).body, 'ok');
        assert.equal(await session.next(), '4é€😀');
        client.send(`${post}Transfer-Encoding: chunked\r\n\r\n2\r\n4h\r\n4\r\nello\r\n0\r\n\r\n`);
        assert.equal((await client.readResponse()).body, 'ok');
        assert.equal(await session.next(), '4hello');
        client.destroy();
    });
});

describe('wrong payloads close their session only', () => {
    const wrong = ['', 'abc', '7', '9', ':', ' 4a', '\0', '\n', '2', '2probe', '4a\x1e', '\x1e4a', '4a\x1e\x1e4b',
        '4a\x1eabc', SEPARATOR, SEPARATOR.repeat(1000), SEPARATOR.repeat(MAX_PAYLOAD), 'x'.repeat(100_000)];
    for (const body of wrong) {
        const name = JSON.stringify(body.slice(0, 12)) + (body.length > 12 ? ` and on, ${body.length} bytes` : '');
        test(name, async () => {
            const [witness, session, polled] = await Promise.all([openPolling(), openPolling(), openPolling()]);
            assert.equal((await session.post(body)).status, 400);
            await session.assertGone();
            await witness.assertEcho();
            const poll = await polled.hold();
            assert.equal((await polled.post(body)).status, 400);
            const answer = await poll.answer;
            assert.equal(answer.status, 200);
            const first = body.startsWith('4a') ? '4a' : '1';
            assert.equal(decodePayload(answer.body)[0], first);
            await polled.assertGone();
        });
    }

    test('binary content', async () => {
        const session = await openPolling();
        const headers = { 'Content-Type': 'application/octet-stream' };
        assert.equal((await session.post(Buffer.from([4, 1, 2]), headers)).status, 400);
        await session.assertGone();
    });
});

describe('payload size over polling', () => {
    for (const [name, packet] of [['text', `4${'x'.repeat(MAX_PAYLOAD - 1)}`],
        ['text of wide characters', `4é${'€'.repeat(MAX_PAYLOAD / 3 - 1)}`], ['binary', randomBytes(749_997)]]) {
        test(`${MAX_PAYLOAD} bytes of ${name}`, async () => {
            const session = await openPolling();
            const { length } = Buffer.from(encodePayload([packet]));
            assert.ok(length <= MAX_PAYLOAD && length > MAX_PAYLOAD - 4);
            await session.send(packet);
            assert.deepEqual(await session.next(), packet);
        });
    }

    test('one byte more is 413', async () => {
        const witness = await openPolling();
        const body = `4${'x'.repeat(MAX_PAYLOAD)}`;
        const session = await openPolling();
        assert.equal((await session.post(body)).status, 413);
        const chunked = await openPolling();
        assert.equal((await chunked.post(body, { 'Transfer-Encoding': 'chunked' })).status, 413);
        await witness.assertEcho();
    });

    // V15: what is announced is not awaited.
    test('a hundred million bytes announced are 413 at once', async () => {
        const session = await openPolling();
        const client = await RawClient.connect(server.port);
        client.send(`POST ${session.to} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n4`,
            'x'.repeat(MAX_PAYLOAD + 1));
        assert.equal((await client.readResponse()).status, 413);
        client.destroy();
    });
});

describe('requests that overlap', () => {
    test('a second GET closes the session', async () => {
        const witness = await openPolling();
        const session = await openPolling();
        const first = await RawClient.connect(server.port);
        first.send(`GET ${session.to} HTTP/1.1\r\nHost: x\r\n\r\n`);
        // The server has read the first one when it echoes what comes behind it to another GET's session.
        await witness.assertEcho();
        const second = await session.get();
        assert.equal(second.status, 400);
        const { status, body } = await first.readResponse();
        assert.deepEqual([status, body], [200, '1']);
        await session.assertGone();
        await witness.assertEcho();
        first.destroy();
    });

    // The reference cuts the connection of the first one; an answer of 400 tells more.
    test('a second POST closes the session', async () => {
        const witness = await openPolling();
        const session = await openPolling();
        const poll = await session.hold();
        const first = await RawClient.connect(server.port);
        first.send(`POST ${session.to} HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n4he`);
        await witness.assertEcho();
        assert.equal((await session.post('4second')).status, 400);
        const { status, body } = await poll.answer;
        assert.deepEqual([status, body], [200, '1']);
        await session.assertGone();
        first.send('llo');
        const answer = await first.readResponse();
        assert.ok(answer === null || answer.status === 400, answer?.body);
        await witness.assertEcho();
        first.destroy();
    });

    test('GET and POST do not', async () => {
        const session = await openPolling();
        for (let i = 0; i < 50; i++) {
            const [poll] = await Promise.all([session.get(), session.send(`4${i}`)]);
            assert.deepEqual([poll.status, poll.body], [200, `4${i}`]);
        }
    });

    test('a GET that is given up closes the session', async () => {
        const session = await openPolling();
        const client = await RawClient.connect(server.port);
        client.send(`GET ${session.to} HTTP/1.1\r\nHost: x\r\n\r\n`);
        await session.send('3');
        client.destroy();
        await session.untilGone();
    });

    test('a POST that is given up closes the session', async () => {
        const session = await openPolling();
        const client = await RawClient.connect(server.port);
        client.send(`POST ${session.to} HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n4he`);
        await (await openPolling()).assertEcho();
        client.destroy();
        const poll = await session.get();
        assert.ok(poll.status === 400 || poll.body === '1', poll.body);
        await session.assertGone();
    });
});

describe('messages over a WebSocket', () => {
    for (const packets of MESSAGES) {
        test(nameOf(packets), async () => {
            const socket = await openSocket();
            socket.send(...packets);
            assert.deepEqual(await socket.take(packets.length), packets);
            await socket.close();
        });
    }

    for (const packet of [`4${'x'.repeat(MAX_PAYLOAD - 1)}`, randomBytes(MAX_PAYLOAD), Buffer.alloc(0)]) {
        test(`${packet.length} bytes of ${typeof packet === 'string' ? 'text' : 'binary'}`, async () => {
            const socket = await openSocket();
            await socket.assertEcho(packet);
            await socket.close();
        });
    }

    for (const packet of [`4${'x'.repeat(MAX_PAYLOAD)}`, randomBytes(MAX_PAYLOAD + 1)]) {
        test(`one byte more of ${typeof packet === 'string' ? 'text' : 'binary'} is 1009`, async () => {
            const socket = await openSocket();
            socket.send(packet);
            assert.equal(await socket.closed, 1009);
            assert.deepEqual(socket.inbox, []);
        });
    }

    for (const packet of ['', 'abc', '7', ':', ' 4a', '\0', '2', '2probe', SEPARATOR]) {
        test(`${JSON.stringify(packet)} closes`, async () => {
            const [witness, socket] = [await openSocket(), await openSocket()];
            socket.send('4before', packet, '4behind');
            assert.equal(await socket.next(), '4before');
            assert.equal(await socket.next(), undefined);
            assertError(await ask(server, { to: target(EIO_PATH, { sid: socket.sid }) }), 1);
            await witness.assertEcho();
            await witness.close();
        });
    }

    for (const packet of ['3', '6', '0', '5', '3probe']) {
        test(`"${packet}" means nothing now`, async () => {
            const socket = await openSocket();
            socket.send(packet);
            await socket.assertEcho();
            await socket.close();
        });
    }

    test('polling does not know its id, and after the end nobody does', async () => {
        const socket = await openSocket();
        const to = target(EIO_PATH, { sid: socket.sid });
        assertError(await ask(server, { to }), 3);
        assertError(await ask(server, { method: 'POST', to, body: '4a' }), 3);
        await socket.assertEcho();
        await socket.close();
        let answer;
        do answer = await ask(server, { to }); while (answer.body === errorBody(3));
        assertError(answer, 1);
    });

    test('base64 is as good', async () => {
        const socket = await openSocket();
        socket.send('bAQIDBA==');
        assert.deepEqual(await socket.next(), Buffer.from([1, 2, 3, 4]));
        await socket.close();
    });

    test('a separator is text like any other', async () => {
        const socket = await openSocket();
        await socket.assertEcho(`4a${SEPARATOR}4b`);
        await socket.close();
    });
});

describe('heartbeat', () => {
    // `read` awaits the ping, `answer` the pong's way out.
    async function assertPings(read, answer) {
        for (let i = 0; i < 3; i++) {
            const start = performance.now();
            assert.equal(await read(), '2');
            assert.ok(performance.now() - start >= PING_INTERVAL_MS - EARLY_MS);
            await answer();
        }
    }

    test('over polling', async () => {
        const session = await openPolling();
        await assertPings(async () => (await session.get()).body, () => session.send('3'));
        await session.assertEcho();
    });

    test('over a WebSocket', async () => {
        const socket = await openSocket({ pong: false });
        await assertPings(() => socket.next(), () => socket.send('3'));
        await socket.assertEcho();
        await socket.close();
    });

    test('a silent polling session ends', async () => {
        const session = await openPolling();
        assert.equal((await session.get()).body, '2');
        const start = performance.now();
        const { status, body } = await session.get();
        assert.deepEqual([status, body], [200, '1']);
        assert.ok(performance.now() - start >= PING_TIMEOUT_MS - 2 * EARLY_MS);
        await session.assertGone();
    });

    test('a silent WebSocket is closed', async () => {
        const start = performance.now();
        const socket = await openSocket({ pong: false });
        await socket.closed;
        assert.ok(performance.now() - start >= PING_INTERVAL_MS + PING_TIMEOUT_MS - EARLY_MS);
        assert.deepEqual(socket.inbox, ['2']);
        assertError(await ask(server, { to: target(EIO_PATH, { sid: socket.sid }) }), 1);
    });
});

describe('close', () => {
    test('over polling the open GET gets a noop', async () => {
        const session = await openPolling();
        const poll = await session.hold();
        await session.send('1');
        const { status, body } = await poll.answer;
        assert.deepEqual([status, body], [200, '6']);
        await session.assertGone();
    });

    test('over polling without a GET', async () => {
        const session = await openPolling();
        await session.send('1');
        await session.assertGone();
    });

    test('what came before it is echoed, what comes behind is not', async () => {
        const session = await openPolling();
        const poll = await session.hold();
        await session.send('4a', '1', '4b');
        const packets = decodePayload((await poll.answer).body);
        assert.equal(packets[0], '4a');
        assert.ok(!packets.includes('4b'));
        await session.assertGone();
    });

    // The reference waits for the ping timeout; the protocol says what the packet means.
    test('over a WebSocket', async () => {
        const socket = await openSocket();
        socket.send('4before', '1', '4behind');
        assert.equal(await socket.next(), '4before');
        assert.equal(await socket.next(), undefined);
        assertError(await ask(server, { to: target(EIO_PATH, { sid: socket.sid }) }), 1);
    });
});

test('forty clients of both transports at once', async () => {
    await Promise.all(Array.from({ length: 40 }, async (_, i) => {
        const client = i % 2 === 0 ? await openPolling() : await openSocket();
        for (let n = 0; n < 5; n++) await client.assertEcho(`4client ${i}, message ${n}`);
        if (client.close) await client.close();
        else await client.send('1');
    }));
});

describe('the program', () => {
    test('says where it listens, and stops while clients are there', async () => {
        const other = await SioEchoServer.start();
        assert.equal(other.ready, `confab-sio-echo: listening on http://127.0.0.1:${other.port}`);
        const [polling, idle] = [await PollingSession.open(other), await PollingSession.open(other)];
        const socket = await EioSocket.open(other);
        const poll = await polling.hold();
        await idle.send('3');
        const start = performance.now();
        assert.deepEqual(await other.stop(), [0, null]);
        assert.ok(performance.now() - start < STOP_MS);
        assert.equal((await poll.answer).body, '1');
        await socket.closed;
    });
});
