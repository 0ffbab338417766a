// RFC 6455 section 8.1, hazard V9: text is UTF-8, and fails at the first byte that cannot be right.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OP } from '../ws_raw.mjs';
import { closeCleanly, expectEcho, expectFailure, expectPong, forBothRoles } from './roles.mjs';
import { INVALID, VALID, firstBad } from './utf8_strings.mjs';

// A fragment for each byte.
function scattered(frame, bytes) {
    return bytes.map((byte, i) => frame(i === 0 ? OP.TEXT : OP.CONT, [byte], { fin: i === bytes.length - 1 }));
}

forBothRoles({ maxMessage: 65536 }, (role, named) => {
    const { frame } = role;

    for (const [name, bytes] of VALID) {
        test(named(`RFC 6455 8.1: V9 ${name} is text, whole and in pieces`), async () => {
            const peer = await role.open();
            const text = Buffer.from(bytes);
            peer.send(frame(OP.TEXT, text));
            await expectEcho(peer, OP.TEXT, text);
            for (const byte of frame(OP.TEXT, text)) peer.send(Buffer.from([byte]));
            await expectEcho(peer, OP.TEXT, text);
            if (bytes.length > 1) {
                peer.send(...scattered(frame, bytes));
                await expectEcho(peer, OP.TEXT, text);
            }
            await closeCleanly(role, peer);
        });
    }

    for (const [name, bytes] of INVALID) {
        test(named(`RFC 6455 8.1: V9 ${name} is 1007, at the first bad byte`), async () => {
            await expectFailure(role, [frame(OP.TEXT, bytes)], 1007);
            await expectFailure(role, [frame(OP.TEXT, [0x61, 0x62, ...bytes])], 1007);
            const bad = firstBad(bytes);
            if (bad === null) {
                await expectFailure(role, scattered(frame, [0x61, ...bytes]), 1007);
                return;
            }
            // The frame announces more than comes.
            await expectFailure(role, [frame(OP.TEXT, bytes.slice(0, bad + 1), { length: bad + 2 })], 1007);
            // A pong shows that all before it was taken.
            const peer = await role.open();
            peer.send(frame(OP.TEXT, bytes.slice(0, bad), { fin: false }), frame(OP.PING, 'so far'));
            await expectPong(peer, 'so far');
            peer.send(frame(OP.CONT, [bytes[bad]], { fin: false }));
            assert.equal(await peer.readClose(), 1007);
            await role.expectEnd(peer, 1007, 'unclean');
        });
    }

    test(named('RFC 6455 8.1: V9 a character may be cut anywhere by frames'), async () => {
        const peer = await role.open();
        const text = Buffer.from('aé€😀');
        for (let cut = 0; cut <= text.length; cut++) {
            peer.send(frame(OP.TEXT, text.subarray(0, cut), { fin: false }), frame(OP.CONT, text.subarray(cut)));
            await expectEcho(peer, OP.TEXT, text);
        }
        await closeCleanly(role, peer);
    });

    test(named('RFC 6455 8.1: V9 a message that ends inside a character is not mended by the next'), async () => {
        await expectFailure(role, [frame(OP.TEXT, [0xe2, 0x82], { fin: false }), frame(OP.CONT, ''),
            frame(OP.TEXT, [0xac])], 1007);
    });

    test(named('RFC 6455 5.6: V9 binary may be any of it'), async () => {
        const peer = await role.open();
        for (const [, bytes] of INVALID) {
            peer.send(frame(OP.BINARY, bytes));
            await expectEcho(peer, OP.BINARY, Buffer.from(bytes));
        }
        await closeCleanly(role, peer);
    });
});
