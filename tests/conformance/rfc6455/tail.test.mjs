// RFC 6455 sections 4.1 and 5.1 as `confab tail`, the program that people use, keeps them: it believes no answer that
// it must not believe, and masks what it sends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { programOf } from '../ws_echo_server.mjs';
import { OP, RawPeer } from '../ws_raw.mjs';
import { ClientRole, answer } from './roles.mjs';

const PATH = '/api/v1/shops/3f2b8c5e-0000-4000-8000-000000000001/messages';
const NO_MESSAGES = '{"messages":[],"has_more":false}';

describe('confab tail', () => {
    const { frame } = new ClientRole();
    let server, came; // who waits for the next stream
    before(async () => {
        server = net.createServer(async (socket) => {
            const peer = new RawPeer(socket, true);
            peer.head = await peer.readHead();
            if (peer.head?.headers.upgrade === 'websocket') came(peer);
            else socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n'
                + `Content-Length: ${NO_MESSAGES.length}\r\n\r\n${NO_MESSAGES}`);
        });
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
    });
    after(() => server.close());

    // Runs it against the answer that `write` makes; { peer, said } once it has said `connected` or given up.
    async function tail(t, write) {
        const stream = new Promise((resolve) => { came = resolve; });
        const child = spawn(programOf('confab'),
            ['tail', `ws://127.0.0.1:${server.address().port}${PATH}/stream`, '--token', 'x'],
            { stdio: ['ignore', 'ignore', 'pipe'] });
        let said = '';
        const ended = once(child, 'exit');
        const spoke = new Promise((resolve) => child.stderr.on('data', (data) => {
            said += data;
            if (/connected\n|connection (lost|ended)/.test(said)) resolve();
        }));
        t.after(() => { child.kill('SIGTERM'); return ended; });
        const peer = await stream;
        t.after(() => peer.destroy());
        peer.send(write(peer));
        await spoke;
        return { peer, said };
    }

    const believed = [
        ['as it is', (peer) => answer(peer)],
        ['in other letters', (peer) => answer(peer, { Upgrade: 'WebSocket', Connection: 'upgrade' })],
    ];
    for (const [name, write] of believed) {
        test(`RFC 6455 4.1: confab tail believes an answer ${name} (client)`, async (t) => {
            const { peer, said } = await tail(t, write);
            assert.match(said, /connected\n/);
            peer.send(frame(OP.PING, 'ping'));
            const got = await peer.readFrame(); // it throws when the frame is not masked
            assert.deepEqual([got.opcode, got.payload.toString()], [OP.PONG, 'ping']);
            peer.send(frame(OP.TEXT, '', { mask: true }));
            assert.equal(await peer.readClose(), 1002);
        });
    }

    const refused = [
        ['status 200', (peer) => answer(peer, { 'Content-Length': '0' }, 'HTTP/1.1 200 OK')],
        ['no Upgrade', (peer) => answer(peer, { Upgrade: null })],
        ['another protocol', (peer) => answer(peer, { Upgrade: 'h2c' })],
        ['no Connection', (peer) => answer(peer, { Connection: null })],
        ['no accept value', (peer) => answer(peer, { 'Sec-WebSocket-Accept': null })],
        ['the accept value of another key', (peer) =>
            answer(peer, { 'Sec-WebSocket-Accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' })],
        ['a subprotocol', (peer) => answer(peer, { 'Sec-WebSocket-Protocol': 'chat' })],
        ['an extension', (peer) => answer(peer, { 'Sec-WebSocket-Extensions': 'permessage-deflate' })],
    ];
    for (const [name, write] of refused) {
        test(`RFC 6455 4.1: confab tail refuses an answer with ${name} (client)`, async (t) => {
            const { peer, said } = await tail(t, write);
            assert.doesNotMatch(said, /connected\n/);
            assert.equal(await peer.readEnd(), true);
        });
    }
});
