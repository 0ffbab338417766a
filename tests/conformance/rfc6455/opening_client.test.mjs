// RFC 6455 section 4 from the client's side: what it asks, and which answers it believes.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OP } from '../ws_raw.mjs';
import { ClientRole, acceptOf, answer, closeCleanly, expectEcho, forRole } from './roles.mjs';

forRole(ClientRole, { maxMessage: 65536 }, (role) => {
    const { frame } = role;

    async function ask(deflate) {
        const peer = await role.dial(deflate);
        peer.destroy();
        assert.match(await role.report(peer), /^refused /);
        return peer.head;
    }

    describe('the request', () => {
        const count = (head, name) =>
            head.lines.filter((line) => line.toLowerCase().startsWith(`${name}:`)).length;
        const rows = [
            ['4.1', 'is a GET of HTTP/1.1', ({ line }) => assert.match(line, /^GET \/\d+ HTTP\/1\.1$/)],
            ['4.1', 'names the host with its port', ({ headers }) =>
                assert.equal(headers.host, `127.0.0.1:${role.server.address().port}`)],
            ['4.1', 'asks for websocket', ({ headers }) => assert.equal(headers.upgrade, 'websocket')],
            ['4.1', 'asks to upgrade', ({ headers }) => assert.equal(headers.connection, 'Upgrade')],
            ['4.1', 'has version 13', ({ headers }) => assert.equal(headers['sec-websocket-version'], '13')],
            ['4.1', 'has a key of 16 bytes', ({ headers }) => {
                const key = headers['sec-websocket-key'];
                assert.equal(Buffer.from(key, 'base64').length, 16);
                assert.equal(Buffer.from(key, 'base64').toString('base64'), key);
            }],
            ['4.1', 'has no subprotocol', (head) => assert.equal(count(head, 'sec-websocket-protocol'), 0)],
            ['4.1', 'has no body', ({ headers }) =>
                assert.deepEqual([headers['content-length'], headers['transfer-encoding']], [undefined, undefined])],
            ['9.1', 'has no extension by itself', (head) => assert.equal(count(head, 'sec-websocket-extensions'), 0)],
            ['11.3', 'has each header once', (head) => {
                for (const name of ['host', 'upgrade', 'connection', 'sec-websocket-key', 'sec-websocket-version'])
                    assert.equal(count(head, name), 1, name);
            }],
        ];
        for (const [clause, name, check] of rows)
            test(`RFC 6455 ${clause}: the request ${name} (client)`, async () => check(await ask()));

        test('RFC 7692 7.1: the request offers permessage-deflate when it is told to (client)', async () => {
            assert.equal((await ask(true)).headers['sec-websocket-extensions'],
                'permessage-deflate; client_max_window_bits');
        });

        test('RFC 6455 4.1: 100 requests have 100 keys (client)', async () => {
            const heads = await Promise.all(Array.from({ length: 100 }, () => ask()));
            assert.equal(new Set(heads.map(({ headers }) => headers['sec-websocket-key'])).size, 100);
        });

        test('RFC 6455 4.1: nothing is sent before the answer (client)', async () => {
            const peer = await role.dial();
            role.command('ping', peer);
            await new Promise((resolve) => setTimeout(resolve, 50));
            assert.equal(peer.length, 0);
            peer.send(answer(peer));
            assert.equal(await role.report(peer), 'open');
            await closeCleanly(role, peer);
        });
    });

    describe('the answer', () => {
        const keyOf = (peer) => peer.head.headers['sec-websocket-key'];
        const lower = (text) => text.replace(/^[A-Z][\w-]+:/gmi, (name) => name.toLowerCase());
        const accepted = [
            ['as it is', (peer) => answer(peer)],
            ['Upgrade: WebSocket', (peer) => answer(peer, { Upgrade: 'WebSocket' })],
            ['Upgrade: WEBSOCKET', (peer) => answer(peer, { Upgrade: 'WEBSOCKET' })],
            ['Connection: upgrade', (peer) => answer(peer, { Connection: 'upgrade' })],
            ['Connection: keep-alive, UPGRADE', (peer) => answer(peer, { Connection: 'keep-alive, UPGRADE' })],
            ['Connection on two lines', (peer) => answer(peer, { Connection: ['keep-alive', 'Upgrade'] })],
            ['header names in lower case', (peer) => lower(answer(peer))],
            ['spaces around the accept value', (peer) =>
                answer(peer, { 'Sec-WebSocket-Accept': `  ${acceptOf(keyOf(peer))}\t` })],
            ['another reason phrase', (peer) => answer(peer, {}, 'HTTP/1.1 101 Go on')],
            ['no reason phrase', (peer) => answer(peer, {}, 'HTTP/1.1 101 ')],
            ['other headers', (peer) => answer(peer, { Date: 'today', Server: 'x', 'Set-Cookie': ['a=b', 'c=d'] })],
        ];
        for (const [name, write] of accepted) {
            test(`RFC 6455 4.1: an answer with ${name} is believed (client)`, async () => {
                const peer = await role.dial();
                peer.send(write(peer));
                assert.equal(await role.report(peer), 'open');
                peer.send(frame(OP.TEXT, 'hello'));
                await expectEcho(peer, OP.TEXT, 'hello');
                await closeCleanly(role, peer);
            });
        }

        const status = (code) => [`4.1`, `status ${code}`,
            (peer) => answer(peer, { 'Content-Length': code < 200 || code === 204 ? null : '0' },
                `HTTP/1.1 ${code} Word`)];
        const refused = [
            ...[200, 201, 204, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 407, 426, 429, 500, 501, 503]
                .map(status),
            ...[100, 102, 103, 199].map(status),
            ['4.1', 'HTTP/1.0', (peer) => answer(peer, {}, 'HTTP/1.0 101 Switching Protocols')],
            ['4.1', 'HTTP/2.0', (peer) => answer(peer, {}, 'HTTP/2.0 101 Switching Protocols')],
            ['4.1', 'no status', (peer) => answer(peer, {}, 'HTTP/1.1')],
            ['4.1', 'a status of four digits', (peer) => answer(peer, {}, 'HTTP/1.1 1010 X')],
            ['4.1', 'no Upgrade', (peer) => answer(peer, { Upgrade: null })],
            ['4.1', 'Upgrade: h2c', (peer) => answer(peer, { Upgrade: 'h2c' })],
            ['4.1', 'Upgrade: websockets', (peer) => answer(peer, { Upgrade: 'websockets' })],
            ['4.1', 'Upgrade to two protocols', (peer) => answer(peer, { Upgrade: 'websocket, h2c' })],
            ['4.1', 'an empty Upgrade', (peer) => answer(peer, { Upgrade: '' })],
            ['4.1', 'no Connection', (peer) => answer(peer, { Connection: null })],
            ['4.1', 'Connection: close', (peer) => answer(peer, { Connection: 'close' })],
            ['4.1', 'Connection: Upgraded', (peer) => answer(peer, { Connection: 'Upgraded' })],
            ['4.1', 'no accept value', (peer) => answer(peer, { 'Sec-WebSocket-Accept': null })],
            ['4.1', 'an empty accept value', (peer) => answer(peer, { 'Sec-WebSocket-Accept': '' })],
            ['4.1', 'the accept value of another key', (peer) =>
                answer(peer, { 'Sec-WebSocket-Accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' })],
            ['4.1', 'the key itself', (peer) => answer(peer, { 'Sec-WebSocket-Accept': keyOf(peer) })],
            ['4.1', 'an accept value in other letters', (peer) => answer(peer,
                { 'Sec-WebSocket-Accept': acceptOf(keyOf(peer)).replace(/[a-z]/i, (letter) =>
                    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()) })],
            ['4.1', 'an accept value cut short', (peer) =>
                answer(peer, { 'Sec-WebSocket-Accept': acceptOf(keyOf(peer)).slice(0, 27) })],
            ['4.1', 'an accept value with more behind it', (peer) =>
                answer(peer, { 'Sec-WebSocket-Accept': `${acceptOf(keyOf(peer))}=` })],
            ['11.3.3', 'two accept values', (peer) =>
                answer(peer, { 'Sec-WebSocket-Accept': Array(2).fill(acceptOf(keyOf(peer))) })],
            ['4.1', 'a subprotocol that was not asked for', (peer) =>
                answer(peer, { 'Sec-WebSocket-Protocol': 'chat' })],
            ['4.1', 'an empty subprotocol', (peer) => answer(peer, { 'Sec-WebSocket-Protocol': '' })],
            ['4.1', 'permessage-deflate without an offer', (peer) =>
                answer(peer, { 'Sec-WebSocket-Extensions': 'permessage-deflate' })],
            ['4.1', 'an unknown extension', (peer) => answer(peer, { 'Sec-WebSocket-Extensions': 'x-unknown' })],
            ['4.1', 'an empty list of extensions', (peer) => answer(peer, { 'Sec-WebSocket-Extensions': '' })],
            ['4.1', 'a bare LF', (peer) => answer(peer).replace('Upgrade: websocket\r\n', 'Upgrade: websocket\n')],
            ['4.1', 'a space before a colon', (peer) => answer(peer, { 'X ': 'y' })],
            ['4.1', 'a folded header', (peer) => answer(peer, { 'X-A': 'a\r\n b' })],
            ['4.1', 'no HTTP at all', () => 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
            ['4.1', 'V3 101 headers', (peer) => answer(peer, { 'X-A': Array(101).fill('a') })],
            ['4.1', 'V3 a header of 200000 bytes', (peer) => answer(peer, { 'X-A': 'a'.repeat(200000) })],
            ['4.1', 'V3 a status line of 20000 bytes', (peer) => answer(peer, {}, `HTTP/1.1 101 ${'a'.repeat(20000)}`)],
        ];
        for (const [clause, name, write] of refused) {
            test(`RFC 6455 ${clause}: an answer with ${name} is refused (client)`, async () => {
                const peer = await role.dial();
                peer.send(write(peer));
                assert.match(await role.report(peer), /^refused /);
                assert.equal(await peer.readEnd(), true);
                peer.destroy();
            });
        }

        test('RFC 6455 4.1: an answer that ends in the middle is refused (client)', async () => {
            for (let cut = 0; cut < 100; cut += 9) {
                const peer = await role.dial();
                peer.socket.end(answer(peer).slice(0, cut));
                assert.match(await role.report(peer), /^refused /);
                peer.destroy();
            }
        });

        test('RFC 6455 4.1: byte by byte, with the first frame on its heels (client)', async () => {
            const peer = await role.dial();
            for (const byte of Buffer.concat([Buffer.from(answer(peer)), frame(OP.TEXT, 'early')]))
                peer.send(Buffer.from([byte]));
            await expectEcho(peer, OP.TEXT, 'early');
            assert.equal(await role.report(peer), 'open');
            await closeCleanly(role, peer);
        });

        test('RFC 6455 4.1: in one piece with the first frames (client)', async () => {
            const peer = await role.dial();
            peer.send(Buffer.concat([Buffer.from(answer(peer)), frame(OP.TEXT, 'one'), frame(OP.BINARY, 'two')]));
            await expectEcho(peer, OP.TEXT, 'one');
            await expectEcho(peer, OP.BINARY, 'two');
            assert.equal(await role.report(peer), 'open');
            await closeCleanly(role, peer);
        });
    });
});
