// RFC 6455 section 4 from the server's side: which requests become a WebSocket, and what refuses the others.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { OP, RawClient, SAMPLE_KEY, frame, request } from '../ws_raw.mjs';
import { ServerRole, acceptOf, closeCleanly, expectEcho, forRole } from './roles.mjs';

forRole(ServerRole, { maxMessage: 65536 }, (role) => {
    async function respond(text) {
        const client = await RawClient.connect(role.echo.port);
        client.send(text);
        const response = await client.readResponse();
        if (response.status !== 101) assert.equal(await client.readEnd(), true);
        client.destroy();
        return response;
    }

    const key = (text) => request({ 'Sec-WebSocket-Key': text });
    const version = (text) => request({ 'Sec-WebSocket-Version': text });
    const upgrade = (text) => request({ Upgrade: text });
    const connection = (text) => request({ Connection: text });

    const accepted = [
        ['4.2.1', 'an absolute request target', request({}, { target: 'http://127.0.0.1/chat?a=b' })],
        ['4.2.1', 'a path of 4000 characters', request({}, { target: `/${'a'.repeat(4000)}` })],
        ['4.2.1', 'a query', request({}, { target: '/socket.io/?EIO=4&x=%20' })],
        ['4.2.1', 'Host with a port', request({ Host: 'example.com:8080' })],
        ['4.2.1', 'Host of an IPv6 address', request({ Host: '[::1]:80' })],
        ['4.2.1', 'Upgrade: WebSocket', upgrade('WebSocket')],
        ['4.2.1', 'Upgrade: WEBSOCKET', upgrade('WEBSOCKET')],
        ['4.2.1', 'Upgrade with another protocol before', upgrade('h2c, websocket')],
        ['4.2.1', 'Upgrade with another protocol behind', upgrade('websocket, h2c')],
        ['4.2.1', 'Connection: upgrade', connection('upgrade')],
        ['4.2.1', 'Connection: UPGRADE', connection('UPGRADE')],
        ['4.2.1', 'Connection: keep-alive, Upgrade', connection('keep-alive, Upgrade')],
        ['4.2.1', 'Connection: Upgrade,keep-alive', connection('Upgrade,keep-alive')],
        ['4.2.1', 'Connection on two lines', connection(['keep-alive', 'Upgrade'])],
        ['4.2.1', 'header names in capitals', request().replace(/^[A-Z][\w-]+:/gmi, (s) => s.toUpperCase())],
        ['4.2.1', 'header names in lower case', request().replace(/^[A-Z][\w-]+:/gmi, (s) => s.toLowerCase())],
        ['4.2.1', 'a key with spaces around it', key(`  ${SAMPLE_KEY}\t `)],
        ['4.2.1', 'headers in another order', request().replace(/(Host.*\r\n)([^]*)\r\n$/, '$2$1\r\n')],
        ['4.2.1', 'an Origin', request({ Origin: 'http://example.com' })],
        ['4.2.1', 'an Origin of null', request({ Origin: 'null' })],
        ['4.2.1', 'a Cookie', request({ Cookie: 'a=b; c="d"' })],
        ['4.2.1', 'headers that nobody knows', request({ 'X-Unknown': 'a', 'X-Empty': '' })],
        ['4.2.1', 'Content-Length: 0', request({ 'Content-Length': '0' })],
        ['4.2.2', 'a subprotocol that the server does not speak', request({ 'Sec-WebSocket-Protocol': 'chat' })],
        ['4.2.2', 'a list of subprotocols', request({ 'Sec-WebSocket-Protocol': 'chat, superchat' })],
        ['4.2.2', 'subprotocols on two lines', request({ 'Sec-WebSocket-Protocol': ['chat', 'superchat'] })],
        ['9.1', 'an extension that nobody knows', request({ 'Sec-WebSocket-Extensions': 'x-unknown' })],
        ['9.1', 'unknown parameters', request({ 'Sec-WebSocket-Extensions': 'x-a; b; c=1; d="e"' })],
        ['9.1', 'extensions on two lines', request({ 'Sec-WebSocket-Extensions': ['x-a; b=1', 'x-c'] })],
        ['9.1', 'empty elements of the list', request({ 'Sec-WebSocket-Extensions': ', x-a, ,x-b,' })],
        ['9.1', 'spaces around everything', request({ 'Sec-WebSocket-Extensions': 'x-a ; b = 1 , x-c' })],
    ];
    for (const [clause, name, text] of accepted) {
        test(`RFC 6455 ${clause}: ${name} is accepted (server)`, async () => {
            const { status, headers } = await respond(text);
            assert.equal(status, 101);
            assert.equal(headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
            assert.equal(headers.upgrade, 'websocket');
            assert.equal(headers.connection, 'Upgrade');
            assert.equal(headers['sec-websocket-extensions'], undefined);
            assert.equal(headers['sec-websocket-protocol'], undefined);
        });
    }

    const refused = [
        ['4.2.1', 'an ordinary GET', request({ Upgrade: null, Connection: null, 'Sec-WebSocket-Key': null }), 426],
        ['4.2.1', 'an ordinary POST', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc', 426],
        ...['POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'get', 'WEBSOCKET'].map((method) =>
            ['4.2.1', `the method ${method}`, request({}, { method }), 400]),
        ['4.2.1', 'HTTP/1.0', request({}, { version: 'HTTP/1.0' }), 400],
        ['4.2.1', 'HTTP/2.0', request({}, { version: 'HTTP/2.0' }), 505],
        ['4.2.1', 'HTTP/1.10', request({}, { version: 'HTTP/1.10' }), 400],
        ['4.2.1', 'http/1.1', request({}, { version: 'http/1.1' }), 400],
        ['4.2.1', 'a target that is no path', request({}, { target: 'chat' }), 400],
        ['4.2.1', 'a target with a space', request({}, { target: '/a b' }), 400],
        ['4.2.1', 'no Host', request({ Host: null }), 400],
        ['4.2.1', 'two Hosts', request({ Host: ['a', 'a'] }), 400],
        ['4.2.1', 'no Upgrade', request({ Upgrade: null }), 400],
        ['4.2.1', 'an empty Upgrade', upgrade(''), 400],
        ['4.2.1', 'Upgrade: websockets', upgrade('websockets'), 400],
        ['4.2.1', 'Upgrade: web socket', upgrade('web socket'), 400],
        ['4.2.1', 'an upgrade to another protocol', upgrade('h2c'), 400],
        ['4.2.1', 'no Connection', request({ Connection: null }), 400],
        ['4.2.1', 'Connection: keep-alive', connection('keep-alive'), 400],
        ['4.2.1', 'Connection: Upgrades', connection('Upgrades'), 400],
        ['4.2.1', 'no key', request({ 'Sec-WebSocket-Key': null }), 400],
        ['4.2.1', 'an empty key', key(''), 400],
        ['4.2.1', 'a key of 15 bytes', key(Buffer.alloc(15, 1).toString('base64')), 400],
        ['4.2.1', 'a key of 17 bytes', key(Buffer.alloc(17, 1).toString('base64')), 400],
        ['4.2.1', 'a key of 18 bytes', key(Buffer.alloc(18, 1).toString('base64')), 400],
        ['4.2.1', 'a key without padding', key(SAMPLE_KEY.slice(0, 22)), 400],
        ['4.2.1', 'a key with bits behind its end', key('dGhlIHNhbXBsZSBub25jZR=='), 400],
        ['4.2.1', 'a key that is no base64', key('!GhlIHNhbXBsZSBub25jZQ=='), 400],
        ['4.2.1', 'a key in the URL alphabet', key('_-8lIHNhbXBsZSBub25jZQ=='), 400],
        ['4.2.1', 'a key with a space inside', key('dGhlIHNhbXBs ZSBub25jZQ='), 400],
        ['11.3.1', 'two keys', key([SAMPLE_KEY, SAMPLE_KEY]), 400],
        ['4.2.1', 'no version', request({ 'Sec-WebSocket-Version': null }), 400],
        ['11.3.5', 'two versions', version(['13', '13']), 400],
        ['11.3.5', 'two versions, the first of them good', version(['13', '8']), 400],
        ...['0', '7', '8', '12', '14', '255', '013', '+13', '13.0', '13, 8', '1', 'x'].map((text) =>
            ['4.4', `version ${text}`, version(text), 426]),
        ['4.2.1', 'a body', request({ 'Content-Length': '5' }) + 'hello', 400],
        ['4.2.1', 'a chunked body', request({ 'Transfer-Encoding': 'chunked' }) + '0\r\n\r\n', 400],
        ['4.2.1', 'a bare LF', request().replace('Upgrade: websocket\r\n', 'Upgrade: websocket\n'), 400],
        ['4.2.1', 'a space before the colon', request({ 'Upgrade ': 'websocket' }), 400],
        ['4.2.1', 'a folded header', request({ Upgrade: 'web\r\n socket' }), 400],
        ['4.2.1', 'a NUL in a header', request({ 'X-A': 'a\0b' }), 400],
        ['4.2.1', 'a header without a name', request().replace('Upgrade: w', ': w'), 400],
        ['4.2.1', 'no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n', 400],
        ...['permessage-deflate;;', ';', 'x-a;', 'x-a; =1', 'x-a; b=', 'x-a; b=""', 'x-a b', '"x-a"',
            'x-a; b="c d"', 'x-a; b="c', 'x-a; b=c d', 'x@a', 'x-a, ;', 'x-a; b="c,d"'].map((text) =>
            ['9.1', `the extension list ${text}`, request({ 'Sec-WebSocket-Extensions': text }), 400]),
        ['4.2.1', 'V3 a line of 9000 bytes', request({}, { target: `/${'a'.repeat(9000)}` }), 414],
        ['4.2.1', 'V3 a key of 40000 bytes', key('A'.repeat(40000)), 431],
        ['4.2.1', 'V3 101 headers', request({ 'X-A': Array(101).fill('a') }), 431],
        ['4.2.1', 'V3 200000 spaces in the extensions',
            request({ 'Sec-WebSocket-Extensions': `x-a;${' '.repeat(200000)}b` }), 431],
        ['4.2.1', 'V3 200000 commas in the subprotocols',
            request({ 'Sec-WebSocket-Protocol': ','.repeat(200000) }), 431],
    ];
    for (const [clause, name, text, expected] of refused) {
        test(`RFC 6455 ${clause}: ${name} is ${expected} (server)`, async () => {
            const { status, headers } = await respond(text);
            assert.equal(status, expected);
            if (status === 426) {
                assert.equal(headers.upgrade, 'websocket');
                assert.equal(headers['sec-websocket-version'], '13');
            }
        });
    }

    test('RFC 6455 4.2.2: the accept value belongs to the key, for 200 keys (server)', async () => {
        for (let i = 0; i < 200; i++) {
            const nonce = randomBytes(16).toString('base64');
            const { status, headers } = await respond(key(nonce));
            assert.deepEqual([status, headers['sec-websocket-accept']], [101, acceptOf(nonce)]);
        }
    });

    test('RFC 6455 4.2: byte by byte, with the first frame on its heels (server)', async () => {
        const client = await RawClient.connect(role.echo.port);
        for (const byte of Buffer.concat([Buffer.from(request()), frame(OP.TEXT, 'early')]))
            client.send(Buffer.from([byte]));
        assert.equal((await client.readResponse()).status, 101);
        await expectEcho(client, OP.TEXT, 'early');
        await closeCleanly(role, client);
    });

    test('RFC 6455 4.2: in one piece with the first frames (server)', async () => {
        const client = await RawClient.connect(role.echo.port);
        client.send(Buffer.concat([Buffer.from(request()), frame(OP.TEXT, 'one'), frame(OP.BINARY, 'two')]));
        assert.equal((await client.readResponse()).status, 101);
        await expectEcho(client, OP.TEXT, 'one');
        await expectEcho(client, OP.BINARY, 'two');
        await closeCleanly(role, client);
    });

    test('RFC 6455 4.2: a request that ends in the middle harms nobody (server)', async () => {
        const text = request();
        for (let cut = 0; cut < text.length; cut += 7) {
            const client = await RawClient.connect(role.echo.port);
            client.socket.end(text.slice(0, cut));
            await client.readEnd();
            client.destroy();
        }
        assert.equal((await respond(text)).status, 101);
    });
});
