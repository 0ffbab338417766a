// RFC 6455 sections 5.1 and 5.3: who masks, and how.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { OP } from '../ws_raw.mjs';
import { ClientRole, ServerRole, closeCleanly, expectEcho, expectFailure, forBothRoles, forRole } from './roles.mjs';

const KEYS = ['00000000', 'ffffffff', '00ff00ff', '01020304', '80000000', '00000001', 'deadbeef'];

forBothRoles({ maxMessage: 65536 }, (role, named) => {
    const { frame } = role;
    const wrong = role.name === 'server' ? { mask: false } : { mask: true };
    const what = role.name === 'server' ? 'unmasked' : 'masked';
    const rows = [
        ['text', [frame(OP.TEXT, 'x', wrong)], 0], ['binary', [frame(OP.BINARY, 'x', wrong)], 0],
        ['text without payload', [frame(OP.TEXT, '', wrong)], 0],
        ['text of 300 bytes', [frame(OP.TEXT, 'x'.repeat(300), wrong)], 0],
        ['text of 65536 bytes', [frame(OP.TEXT, 'x'.repeat(65536), wrong)], 0],
        ['a ping', [frame(OP.PING, '', wrong)], 0], ['a pong', [frame(OP.PONG, 'x', wrong)], 0],
        ['a close', [frame(OP.CLOSE, '', wrong)], 0], ['a close with a code', [frame(OP.CLOSE, '\x03\xe8', wrong)], 0],
        ['a first fragment', [frame(OP.TEXT, 'x', { fin: false, ...wrong })], 0],
        ['a later fragment', [frame(OP.TEXT, 'x', { fin: false }), frame(OP.CONT, 'y', wrong)], 0],
        ['text behind a good one', [frame(OP.TEXT, 'x'), frame(OP.TEXT, 'y', wrong)], 1],
    ];
    for (const [name, frames, first] of rows)
        test(named(`RFC 6455 5.1: ${what}: ${name} is 1002`), () =>
            expectFailure(role, frames, 1002, { before: first }));
});

forRole(ServerRole, { maxMessage: 65536 }, (role) => {
    const { frame } = role;
    for (const key of KEYS) {
        test(`RFC 6455 5.3: the masking key ${key}, at every length up to 40 (server)`, async () => {
            const peer = await role.open();
            for (let length = 0; length <= 40; length++) {
                const payload = randomBytes(length);
                peer.send(frame(OP.BINARY, payload, { mask: Buffer.from(key, 'hex') }));
                await expectEcho(peer, OP.BINARY, payload);
            }
            await closeCleanly(role, peer);
        });
    }

    test('RFC 6455 5.3: a key for each fragment, which begins anew with it (server)', async () => {
        const peer = await role.open();
        const parts = [1, 2, 3, 5, 7, 64, 129].map((length) => randomBytes(length));
        parts.forEach((part, i) =>
            peer.send(frame(i === 0 ? OP.BINARY : OP.CONT, part, { fin: i === parts.length - 1 })));
        await expectEcho(peer, OP.BINARY, Buffer.concat(parts));
        await closeCleanly(role, peer);
    });

    for (const cut of [1, 2, 3, 4, 5, 7, 8, 9]) {
        test(`RFC 6455 5.3: the key goes on where a read of ${cut} bytes stopped (server)`, async () => {
            const peer = await role.open();
            const payload = randomBytes(200);
            const bytes = frame(OP.BINARY, payload);
            for (let at = 0; at < bytes.length; at += cut) {
                peer.send(bytes.subarray(at, at + cut));
                await new Promise(setImmediate);
            }
            await expectEcho(peer, OP.BINARY, payload);
            await closeCleanly(role, peer);
        });
    }
});

// RawPeer.readFrame throws at a frame that is not masked.
forRole(ClientRole, { maxMessage: 65536, closeWait: 200 }, (role) => {
    const { frame } = role;
    const rows = [
        ['an echo of text', (peer) => peer.send(frame(OP.TEXT, 'text')), OP.TEXT],
        ['an echo of binary', (peer) => peer.send(frame(OP.BINARY, 'binary')), OP.BINARY],
        ['an empty echo', (peer) => peer.send(frame(OP.TEXT, '')), OP.TEXT],
        ['an echo of 65536 bytes', (peer) => peer.send(frame(OP.BINARY, 'x'.repeat(65536))), OP.BINARY],
        ['a pong', (peer) => peer.send(frame(OP.PING, 'ping')), OP.PONG],
        ['an empty pong', (peer) => peer.send(frame(OP.PING, '')), OP.PONG],
        ['the answer to a close', (peer) => peer.send(frame.close(1000)), OP.CLOSE],
        ['a close that fails the connection', (peer) => peer.send(Buffer.from([0xff, 0xff])), OP.CLOSE],
        ['a close of its own', (peer) => role.command('close', peer, 1000), OP.CLOSE],
        ['a ping of its own', (peer) => role.command('ping', peer), OP.PING],
        ['a text of its own', (peer) => role.command('text', peer, 'hello'), OP.TEXT],
    ];
    for (const [name, act, opcode] of rows) {
        test(`RFC 6455 5.1: the client masks ${name} (client)`, async () => {
            const peer = await role.open();
            act(peer);
            assert.equal((await peer.readFrame()).opcode, opcode);
            assert.equal(peer.mask.length, 4);
            peer.destroy();
        });
    }

    test('RFC 6455 5.3: 200 frames have 200 masking keys, and none of zeros (client)', async () => {
        const peer = await role.open();
        const keys = new Set();
        for (let i = 0; i < 200; i++) {
            peer.send(frame(OP.TEXT, 'same'));
            await expectEcho(peer, OP.TEXT, 'same');
            keys.add(peer.mask.toString('hex'));
        }
        assert.equal(keys.size, 200);
        assert.ok(!keys.has('00000000'));
        await closeCleanly(role, peer);
    });
});
