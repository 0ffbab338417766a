// confab-ws-echo as somebody sees it who writes the bytes himself: the rules of RFC 6455 one by one.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';
import { EchoServer } from './ws_echo_server.mjs';
import { OP, RawClient, closeFrame, frame, request } from './ws_raw.mjs';

let server;
before(async () => { server = await EchoServer.start(['--max-message', '65536']); });
after(async () => { assert.deepEqual(await server.stop(), [0, null]); });

async function respond(text) {
    const client = await RawClient.connect(server.port);
    client.send(text);
    const response = await client.readResponse();
    client.destroy();
    return response;
}

describe('handshake', () => {
    test('answers the key of RFC 6455 section 1.3', async () => {
        const { status, headers } = await respond(request());
        assert.equal(status, 101);
        assert.equal(headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
        assert.equal(headers.upgrade.toLowerCase(), 'websocket');
        assert.equal(headers.connection.toLowerCase(), 'upgrade');
        assert.equal(headers['sec-websocket-extensions'], undefined);
        assert.equal(headers['sec-websocket-protocol'], undefined);
    });

    test('takes header names and tokens in any case, and lists', async () => {
        const { status } = await respond(request({
            Upgrade: null, Connection: null, 'uPGRADE': 'WebSocket', 'CONNECTION': 'keep-alive, UPGRADE' }));
        assert.equal(status, 101);
    });

    test('byte by byte, with the first frame on its heels', async () => {
        const client = await RawClient.connect(server.port);
        for (const byte of Buffer.concat([Buffer.from(request()), frame(OP.TEXT, 'early')]))
            client.send(Buffer.from([byte]));
        assert.equal((await client.readResponse()).status, 101);
        assert.equal((await client.readFrame()).payload.toString(), 'early');
        client.destroy();
    });

    test('in one piece with the first frames', async () => {
        const client = await RawClient.connect(server.port);
        client.send(Buffer.concat([Buffer.from(request()), frame(OP.TEXT, 'one'), frame(OP.BINARY, 'two')]));
        assert.equal((await client.readResponse()).status, 101);
        assert.deepEqual([(await client.readFrame()).opcode, (await client.readFrame()).opcode],
            [OP.TEXT, OP.BINARY]);
        client.destroy();
    });

    const refusals = [
        ['an ordinary GET', request({ Upgrade: null, Connection: null, 'Sec-WebSocket-Key': null }), 426],
        ['an ordinary POST', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc', 426],
        ['an upgrade to another protocol', request({ Upgrade: 'h2c' }), 400],
        ['a POST', request({}, { method: 'POST' }), 400],
        ['HTTP/1.0', request({}, { version: 'HTTP/1.0' }), 400],
        ['no Upgrade', request({ Upgrade: null }), 400],
        ['no Connection: upgrade', request({ Connection: 'keep-alive' }), 400],
        ['no key', request({ 'Sec-WebSocket-Key': null }), 400],
        ['a short key', request({ 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZQ==' }), 400],
        ['a key that is no base64', request({ 'Sec-WebSocket-Key': '!GhlIHNhbXBsZSBub25jZQ==' }), 400],
        ['two keys', request({ 'Sec-WebSocket-Key': Array(2).fill('dGhlIHNhbXBsZSBub25jZQ==') }), 400],
        ['no version', request({ 'Sec-WebSocket-Version': null }), [400, 426]],
        ['version 8', request({ 'Sec-WebSocket-Version': '8' }), 426],
        ['version 14', request({ 'Sec-WebSocket-Version': '14' }), 426],
        ['a body', request({ 'Content-Length': '5' }) + 'hello', 400],
        ['no Host', request({ Host: null }), 400],
        ['a bare LF', request().replace('Upgrade: websocket\r\n', 'Upgrade: websocket\n'), 400],
        ['a space before the colon', request({ 'Upgrade ': 'websocket' }), 400],
        ['a malformed extension list', request({ 'Sec-WebSocket-Extensions': 'permessage-deflate;;' }), 400],
        ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n', 400],
        ['a header of 64 KiB', request({ X: 'x'.repeat(65536) }), 431],
        ['a target of 64 KiB', request({}, { target: `/${'x'.repeat(65536)}` }), 414],
    ];
    for (const [name, text, statuses] of refusals) {
        test(`refuses ${name}`, async () => {
            const client = await RawClient.connect(server.port);
            client.send(text);
            const { status, headers } = await client.readResponse();
            assert.ok([statuses].flat().includes(status), `${status}`);
            if (status === 426) {
                assert.equal(headers.upgrade, 'websocket');
                assert.equal(headers['sec-websocket-version'], '13');
            }
            assert.equal(await client.readEnd(), true);
            client.destroy();
        });
    }
});

describe('framing', () => {
    const nibble = (values) => values.map((value) => [value]);
    const violations = [
        ['an unmasked frame', [frame(OP.TEXT, 'x', { mask: false })]],
        ['an unmasked ping', [frame(OP.PING, '', { mask: false })]],
        ['RSV1 without deflate', [frame(OP.TEXT, 'x', { rsv: 4 })]],
        ['RSV2', [frame(OP.TEXT, 'x', { rsv: 2 })]],
        ['RSV3', [frame(OP.TEXT, 'x', { rsv: 1 })]],
        ['RSV1 on a ping', [frame(OP.PING, '', { rsv: 4 })]],
        ...nibble([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]).map(([opcode]) =>
            [`reserved opcode ${opcode}`, [frame(opcode, 'x')]]),
        ['a fragmented ping', [frame(OP.PING, 'x', { fin: false })]],
        ['a fragmented close', [frame(OP.CLOSE, '', { fin: false })]],
        ['a ping of 126 bytes', [frame(OP.PING, 'x'.repeat(126))]],
        ['a close of 126 bytes', [closeFrame(1000, 'x'.repeat(124))]],
        ['a continuation of nothing', [frame(OP.CONT, 'x')]],
        ['a continuation after the end', [frame(OP.TEXT, 'x'), frame(OP.CONT, 'x')], 1],
        ['text within a fragmented message',
            [frame(OP.TEXT, 'x', { fin: false }), frame(OP.TEXT, 'y')]],
        ['binary within a fragmented message',
            [frame(OP.BINARY, 'x', { fin: false }), frame(OP.BINARY, 'y')]],
        ['125 bytes in 16 bits of length', [frame(OP.BINARY, 'x'.repeat(125), { form: 3 })]],
        ['65535 bytes in 64 bits of length', [frame(OP.BINARY, 'x'.repeat(65535), { form: 9 })]],
        ['a length of 2^63', [frame(OP.BINARY, '', { length: 2n ** 63n, form: 9 })]],
        ['a length of 2^64 - 1', [frame(OP.BINARY, '', { length: 2n ** 64n - 1n, form: 9 })]],
        ['a close of one byte', [frame(OP.CLOSE, 'x')]],
        ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map((code) =>
            [`close code ${code}`, [closeFrame(code)]]),
    ];
    for (const [name, frames, echoes = 0] of violations) {
        test(`${name} is 1002`, async () => {
            const client = await RawClient.open(server.port);
            client.send(Buffer.concat(frames));
            for (let i = 0; i < echoes; i++) assert.equal((await client.readFrame()).opcode, OP.TEXT);
            assert.equal(await client.readClose(), 1002);
            assert.equal(await client.readEnd(), true);
            client.destroy();
        });
    }

    // V4, V5: announced, never sent.
    for (const length of [65537n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n - 1n]) {
        test(`an announced length of ${length} is 1009`, async () => {
            for (const first of [[], [frame(OP.BINARY, 'x', { fin: false })]]) {
                const client = await RawClient.open(server.port);
                const opcode = first.length === 0 ? OP.BINARY : OP.CONT;
                client.send(Buffer.concat([...first, frame(opcode, '', { length, form: 9 })]));
                assert.equal(await client.readClose(), 1009);
                client.destroy();
            }
        });
    }

    // V6: no frame is too large, the message is.
    test('fragments that add up to more than the limit are 1009', async () => {
        const client = await RawClient.open(server.port);
        client.send(frame(OP.BINARY, 'x'.repeat(40000), { fin: false }),
            frame(OP.CONT, 'x'.repeat(25536), { fin: false }), frame(OP.CONT, 'x', { fin: false }));
        assert.equal(await client.readClose(), 1009);
        client.destroy();
    });

    test('byte by byte', async () => {
        const client = await RawClient.open(server.port);
        const bytes = Buffer.concat([frame(OP.TEXT, 'é€', { fin: false }), frame(OP.PING, 'ping'),
            frame(OP.CONT, '😀'), frame(OP.BINARY, 'x'.repeat(200)), closeFrame(1000, 'done')]);
        for (const byte of bytes) client.send(Buffer.from([byte]));
        const pong = await client.readFrame();
        assert.deepEqual([pong.opcode, pong.payload.toString()], [OP.PONG, 'ping']);
        assert.equal((await client.readFrame()).payload.toString(), 'é€😀');
        assert.equal((await client.readFrame()).payload.toString(), 'x'.repeat(200));
        assert.equal(await client.readClose(), 1000);
        assert.equal(await client.readEnd(), true);
        client.destroy();
    });

    test('echoes are final frames in the shortest form', async () => {
        const client = await RawClient.open(server.port);
        for (const [size, head] of [[0, 2], [125, 2], [126, 4], [65535, 4], [65536, 10]]) {
            client.send(frame(OP.BINARY, Buffer.alloc(size, 7)));
            const bytes = await client.take(head + size);
            assert.deepEqual([bytes[0], bytes[1]], [0x82, size < 126 ? size : size < 65536 ? 126 : 127]);
            assert.ok(bytes.subarray(head).equals(Buffer.alloc(size, 7)));
        }
        client.destroy();
    });

    test('nothing after a close is answered', async () => {
        const client = await RawClient.open(server.port);
        client.send(Buffer.concat([closeFrame(1000), frame(OP.TEXT, 'late'), frame(OP.PING, 'late')]));
        assert.equal(await client.readClose(), 1000);
        assert.equal(await client.readEnd(), true);
        client.destroy();
    });
});

// V9: RFC 6455 section 8.1, RFC 3629.
describe('UTF-8', () => {
    const bad = {
        'a lone continuation': [0x80], 'an overlong slash': [0xc0, 0xaf], 'a surrogate': [0xed, 0xa0, 0x80],
        'more than U+10FFFF': [0xf4, 0x90, 0x80, 0x80], 'a byte that never occurs': [0xff],
        'an overlong of three bytes': [0xe0, 0x80, 0xaf], 'an end in the middle': [0xe2, 0x82],
    };
    for (const [name, bytes] of Object.entries(bad)) {
        test(`${name} is 1007`, async () => {
            for (const frames of [
                [frame(OP.TEXT, Buffer.from([0x61, ...bytes]))],
                [frame(OP.TEXT, Buffer.from([0x61, bytes[0]]), { fin: false }),
                    frame(OP.CONT, Buffer.from(bytes.slice(1)))],
            ]) {
                const client = await RawClient.open(server.port);
                client.send(Buffer.concat(frames));
                assert.equal(await client.readClose(), 1007);
                client.destroy();
            }
        });
    }

    test('fails before the message ends', async () => {
        const client = await RawClient.open(server.port);
        client.send(frame(OP.TEXT, Buffer.from([0xff]), { fin: false }));
        assert.equal(await client.readClose(), 1007);
        client.destroy();
    });

    test('a character may be split by frames', async () => {
        const client = await RawClient.open(server.port);
        const bytes = Buffer.from('aé€😀');
        for (let cut = 0; cut <= bytes.length; cut++) {
            client.send(frame(OP.TEXT, bytes.subarray(0, cut), { fin: false }),
                frame(OP.CONT, bytes.subarray(cut)));
            assert.equal((await client.readFrame()).payload.toString(), 'aé€😀');
        }
        client.destroy();
    });

    test('a close reason must be text', async () => {
        const client = await RawClient.open(server.port);
        client.send(frame(OP.CLOSE, Buffer.from([0x03, 0xe8, 0xff])));
        assert.equal(await client.readClose(), 1007);
        client.destroy();
    });

    test('binary may be anything', async () => {
        const client = await RawClient.open(server.port);
        client.send(frame(OP.BINARY, Buffer.from([0xff, 0x80])));
        assert.deepEqual([...(await client.readFrame()).payload], [0xff, 0x80]);
        client.destroy();
    });
});

describe('permessage-deflate', () => {
    const params = (answer) => answer === undefined ? null
        : Object.fromEntries(answer.split(/;\s*/).map((one) => one.split('=')).map(([k, v]) => [k, v ?? true]));
    const offers = [
        ['permessage-deflate; server_max_window_bits=8', null],
        ['permessage-deflate; server_max_window_bits=16', null],
        ['permessage-deflate; server_max_window_bits', null],
        ['permessage-deflate; client_max_window_bits=7', null],
        ['permessage-deflate; unknown', null],
        ['permessage-deflate; server_no_context_takeover=1', null],
        ['permessage-deflate; server_no_context_takeover; server_no_context_takeover', null],
        ['x-other', null],
        ['permessage-deflate; server_no_context_takeover',
            { 'permessage-deflate': true, server_no_context_takeover: true }],
        ['permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=10',
            { 'permessage-deflate': true, server_max_window_bits: '10' }],
        ['x-other, permessage-deflate; server_max_window_bits="12"',
            { 'permessage-deflate': true, server_max_window_bits: '12' }],
    ];
    for (const [offer, expected] of offers) {
        test(`${offer} gets ${JSON.stringify(expected)}`, async () => {
            const { status, headers } = await respond(request({ 'Sec-WebSocket-Extensions': offer }));
            assert.equal(status, 101);
            assert.deepEqual(params(headers['sec-websocket-extensions']), expected);
        });
    }

    const squeeze = (data) => zlib.deflateRawSync(data, { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const inflate = (data) => zlib.inflateRawSync(
        Buffer.concat([data, Buffer.from([0, 0, 0xff, 0xff])]), { finishFlush: zlib.constants.Z_SYNC_FLUSH });
    const openDeflate = () => RawClient.open(server.port,
        { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_no_context_takeover; server_no_context_takeover' });

    test('a compressed message comes back compressed', async () => {
        const client = await openDeflate();
        client.send(frame(OP.TEXT, squeeze('x'.repeat(1000)), { rsv: 4 }));
        const echo = await client.readFrame();
        assert.deepEqual([echo.fin, echo.rsv, echo.opcode], [true, 4, OP.TEXT]);
        assert.equal(inflate(echo.payload).toString(), 'x'.repeat(1000));
        client.destroy();
    });

    test('compressed fragments, cut anywhere', async () => {
        const client = await openDeflate();
        const bytes = squeeze('fragments of a compressed message');
        for (let cut = 0; cut <= bytes.length; cut++) {
            client.send(frame(OP.TEXT, bytes.subarray(0, cut), { rsv: 4, fin: false }),
                frame(OP.CONT, bytes.subarray(cut)));
            const echo = await client.readFrame();
            const text = echo.rsv === 4 ? inflate(echo.payload) : echo.payload;
            assert.equal(text.toString(), 'fragments of a compressed message');
        }
        client.destroy();
    });

    test('an uncompressed message is as good', async () => {
        const client = await openDeflate();
        client.send(frame(OP.TEXT, 'plain'));
        const echo = await client.readFrame();
        assert.equal((echo.rsv === 4 ? inflate(echo.payload) : echo.payload).toString(), 'plain');
        client.destroy();
    });

    const wrong = [
        ['RSV1 on a continuation', [frame(OP.TEXT, squeeze('x'), { rsv: 4, fin: false }),
            frame(OP.CONT, '', { rsv: 4 })], [1002]],
        ['RSV1 on a ping', [frame(OP.PING, '', { rsv: 4 })], [1002]],
        ['RSV2', [frame(OP.TEXT, 'x', { rsv: 2 })], [1002]],
        ['what is no deflate data', [frame(OP.TEXT, Buffer.from([0xff, 0xff, 0xff]), { rsv: 4 })], [1002, 1007]],
        ['bad UTF-8 inside', [frame(OP.TEXT, squeeze(Buffer.from([0x61, 0xff])), { rsv: 4 })], [1007]],
        // V7: 64 MiB of zeros in 64 KiB.
        ['a bomb', [frame(OP.BINARY, squeeze(Buffer.alloc(64 * 1024 * 1024)), { rsv: 4 })], [1009]],
        ['one byte over the limit', [frame(OP.BINARY, squeeze(Buffer.alloc(65537)), { rsv: 4 })], [1009]],
    ];
    for (const [name, frames, codes] of wrong) {
        test(`${name} is ${codes.join(' or ')}`, async () => {
            const client = await openDeflate();
            client.send(Buffer.concat(frames));
            const code = await client.readClose();
            assert.ok(codes.includes(code), `${JSON.stringify(code)}`);
            client.destroy();
        });
    }

    test('exactly the limit passes', async () => {
        const client = await openDeflate();
        client.send(frame(OP.BINARY, squeeze(Buffer.alloc(65536, 3)), { rsv: 4 }));
        assert.ok(inflate((await client.readFrame()).payload).equals(Buffer.alloc(65536, 3)));
        client.destroy();
    });
});

// V10: only the latest ping of a client that does not read is remembered.
test('a flood of pings from a client that does not read', async () => {
    const flood = await RawClient.open(server.port);
    flood.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => frame(OP.PING, 'x'.repeat(125))));
    for (let i = 0; i < 100; i++) flood.send(pings);
    const other = await RawClient.open(server.port);
    other.send(frame(OP.TEXT, 'served'));
    assert.equal((await other.readFrame()).payload.toString(), 'served');
    flood.destroy();
    other.destroy();
});
