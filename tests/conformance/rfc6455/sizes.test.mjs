// RFC 6455 sections 5.2, 5.4, 5.6 and 10.4: messages of every size up to 16 MiB, in every kind of pieces.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { OP } from '../ws_raw.mjs';
import { closeCleanly, expectEcho, expectFailure, expectPong, forBothRoles } from './roles.mjs';

const KIB = 1024;
const MIB = 1024 * KIB;
const RAISED = 16 * MIB;
const random = randomBytes(RAISED);

// ASCII with a character of two, three and four bytes in it where there is room.
function textOf(length) {
    const wide = length >= 9 ? 'é€😀' : '';
    return Buffer.from(wide + 'x'.repeat(length - Buffer.byteLength(wide)));
}

const label = (size) => size >= MIB && size % MIB === 0 ? `${size / MIB} MiB`
    : size >= KIB && size % KIB === 0 ? `${size / KIB} KiB` : `${size} bytes`;

// The pieces in which bytes go to the socket.
async function chop(peer, bytes, size) {
    for (let at = 0; at < bytes.length; at += size) {
        peer.send(bytes.subarray(at, at + size));
        if (peer.socket.writableLength > 64 * KIB) await new Promise((resolve) => peer.socket.once('drain', resolve));
    }
}

forBothRoles({ maxMessage: RAISED }, (role, named) => {
    const { frame } = role;

    describe('messages', () => {
        for (const size of [0, 1, 125, 126, 127, 128, 65535, 65536, 65537, 256 * KIB, MIB, 4 * MIB, 16 * MIB]) {
            for (const [kind, opcode, payload] of [['text', OP.TEXT, textOf(size)],
                ['binary', OP.BINARY, random.subarray(0, size)]]) {
                test(named(`RFC 6455 5.6: ${label(size)} of ${kind}`), async () => {
                    const peer = await role.open();
                    peer.send(frame(opcode, payload));
                    await expectEcho(peer, opcode, payload);
                    await closeCleanly(role, peer);
                });
            }
        }

        for (const size of [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB]) {
            test(named(`RFC 6455 5.4: 1 MiB in fragments of ${label(size)}`), async () => {
                const peer = await role.open();
                const payload = random.subarray(0, MIB);
                const frames = [];
                for (let at = 0; at < payload.length; at += size)
                    frames.push(frame(at === 0 ? OP.BINARY : OP.CONT, payload.subarray(at, at + size),
                        { fin: at + size >= payload.length }));
                peer.send(Buffer.concat(frames));
                await expectEcho(peer, OP.BINARY, payload);
                await closeCleanly(role, peer);
            });
        }

        test(named('RFC 6455 5.6: 500 messages in one go keep their order'), async () => {
            const peer = await role.open();
            peer.send(Buffer.concat(Array.from({ length: 500 }, (_, i) => frame(OP.TEXT, `message ${i}`))));
            for (let i = 0; i < 500; i++) await expectEcho(peer, OP.TEXT, `message ${i}`);
            await closeCleanly(role, peer);
        });

        test(named('RFC 6455 5.6: 16 MiB of messages that are read only when all are sent'), async () => {
            const peer = await role.open();
            peer.socket.pause();
            for (let i = 0; i < 256; i++) peer.send(frame(OP.BINARY, random.subarray(i * 65536, (i + 1) * 65536)));
            await new Promise((resolve) => setTimeout(resolve, 50));
            peer.socket.resume();
            for (let i = 0; i < 256; i++)
                await expectEcho(peer, OP.BINARY, random.subarray(i * 65536, (i + 1) * 65536));
            await closeCleanly(role, peer);
        });
    });

    describe('pieces', () => {
        const script = Buffer.concat([
            frame(OP.TEXT, 'é€😀'), frame(OP.PING, 'ping'), frame(OP.TEXT, 'first ', { fin: false }),
            frame(OP.PING, 'x'.repeat(125)), frame(OP.CONT, 'last'), frame(OP.BINARY, random.subarray(0, 126)),
            frame(OP.PONG, ''), frame(OP.TEXT, ''), frame(OP.BINARY, random.subarray(0, 3000)),
        ]);
        for (const size of [1, 2, 3, 4, 5, 6, 7, 8, 13, 16, 31, 64, 100, 125, 126, 127, 255, 256, 1024, 1460, 4096,
            Infinity]) {
            const pieces = size === Infinity ? 'one piece' : `pieces of ${size} bytes`;
            test(named(`RFC 6455 5.2: frames of every kind in ${pieces}`), async () => {
                const peer = await role.open();
                await chop(peer, script, size);
                await expectEcho(peer, OP.TEXT, 'é€😀');
                await expectPong(peer, 'ping');
                await expectPong(peer, 'x'.repeat(125));
                await expectEcho(peer, OP.TEXT, 'first last');
                await expectEcho(peer, OP.BINARY, random.subarray(0, 126));
                await expectEcho(peer, OP.TEXT, '');
                await expectEcho(peer, OP.BINARY, random.subarray(0, 3000));
                await closeCleanly(role, peer);
            });
        }

        for (const size of [7, 64, 125, 1000, 1460, 16384, 65535, 65536]) {
            test(named(`RFC 6455 5.2: a message of 256 KiB in pieces of ${size} bytes`), async () => {
                const peer = await role.open();
                const payload = textOf(256 * KIB);
                await chop(peer, frame(OP.TEXT, payload), size);
                await expectEcho(peer, OP.TEXT, payload);
                await closeCleanly(role, peer);
            });
        }
    });

    describe('the raised limit', () => {
        const over = [
            ['in one frame', () => [frame(OP.BINARY, '', { length: RAISED + 1 })]],
            ['in two fragments', () => [frame(OP.BINARY, random, { fin: false }), frame(OP.CONT, 'x')]],
        ];
        for (const [name, frames] of over)
            test(named(`RFC 6455 10.4: 16 MiB and one byte ${name} are 1009`), () =>
                expectFailure(role, frames(), 1009));
    });
});

describe('small limits', () => {
    for (const limit of [1, 125, 126, 1000, 65535]) {
        forBothRoles({ maxMessage: limit }, (role, named) => {
            const { frame } = role;

            test(named(`RFC 6455 10.4: with a limit of ${limit}, ${limit} bytes are echoed`), async () => {
                const peer = await role.open();
                for (const opcode of [OP.TEXT, OP.BINARY]) {
                    peer.send(frame(opcode, 'x'.repeat(limit)));
                    await expectEcho(peer, opcode, 'x'.repeat(limit));
                }
                peer.send(frame(OP.TEXT, '', { fin: false }), frame(OP.CONT, 'x'.repeat(limit)));
                await expectEcho(peer, OP.TEXT, 'x'.repeat(limit));
                await closeCleanly(role, peer);
            });

            test(named(`RFC 6455 10.4: with a limit of ${limit}, one byte more is 1009`), async () => {
                await expectFailure(role, [frame(OP.TEXT, 'x'.repeat(limit + 1))], 1009);
                await expectFailure(role, [frame(OP.BINARY, 'x'.repeat(limit), { fin: false }), frame(OP.CONT, 'x')],
                    1009);
            });

            test(named(`RFC 6455 10.4: with a limit of ${limit}, a control frame has all its 125 bytes`), async () => {
                const peer = await role.open();
                peer.send(frame(OP.PING, 'x'.repeat(125)));
                await expectPong(peer, 'x'.repeat(125));
                await closeCleanly(role, peer);
            });
        });
    }

    forBothRoles({}, (role, named) => {
        test(named('RFC 6455 10.4: many at once are served each for itself'), async () => {
            const peers = await Promise.all(Array.from({ length: 50 }, () => role.open()));
            peers.forEach((peer, i) => {
                for (let n = 0; n < 10; n++) peer.send(role.frame(OP.TEXT, `peer ${i} message ${n}`));
            });
            for (const [i, peer] of peers.entries()) {
                for (let n = 0; n < 10; n++) await expectEcho(peer, OP.TEXT, `peer ${i} message ${n}`);
                await closeCleanly(role, peer);
            }
            assert.equal(peers.length, 50);
        });
    });
});
