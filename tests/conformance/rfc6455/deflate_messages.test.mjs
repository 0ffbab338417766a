// RFC 7692 sections 6 and 7.2: compressed messages, the examples of the document, what is no deflate data, limits.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import zlib from 'node:zlib';
import { OP } from '../ws_raw.mjs';
import { squeeze } from './codec.mjs';
import { closeCleanly, expectEcho, expectFailure, expectPong, forBothRoles } from './roles.mjs';
import { INVALID, VALID } from './utf8_strings.mjs';

const LIMIT = 65536;
const ALONE = { server_no_context_takeover: true, client_no_context_takeover: true };
const bomb = squeeze(Buffer.alloc(64 * 1024 * 1024), { level: 9 });
const smaller = squeeze(Buffer.alloc(16 * 1024 * 1024), { level: 9 });
const hex = (text) => Buffer.from(text.replaceAll(' ', ''), 'hex');

forBothRoles({ maxMessage: LIMIT }, (role, named) => {
    const { frame } = role;
    const packed = (payload, options = {}) => frame(OP.TEXT, payload, { rsv: 4, ...options });

    // The echo of what we sent, compressed or not.
    async function expectMessage(peer, opcode, message) {
        const got = await peer.readFrame();
        assert.deepEqual([got?.fin, got?.opcode], [true, opcode]);
        assert.ok(peer.codec.open(got).equals(Buffer.from(message)), 'the echo differs');
        return got;
    }

    async function checkText(deflate, frames, ...texts) {
        const peer = await role.open({ deflate });
        peer.send(Buffer.concat(frames));
        for (const text of texts) await expectMessage(peer, OP.TEXT, text);
        await closeCleanly(role, peer);
    }

    describe('the examples', () => {
        const rows = [
            ['7.2.3.1', 'one frame', [packed(hex('f248cdc9c90700'))], ['Hello']],
            ['7.2.3.1', 'two fragments', [packed(hex('f248cd'), { fin: false }), frame(OP.CONT, hex('c9c90700'))],
                ['Hello']],
            ['7.2.3.2', 'the same message twice', [packed(hex('f248cdc9c90700')), packed(hex('f248cdc9c90700'))],
                ['Hello', 'Hello']],
            ['7.2.3.2', 'the second out of the window', [packed(hex('f248cdc9c90700')), packed(hex('f200110000'))],
                ['Hello', 'Hello']],
            ['7.2.3.3', 'a block that is not compressed', [packed(hex('000500faff48656c6c6f00'))], ['Hello']],
            ['7.2.3.4', 'a block with BFINAL', [packed(hex('f348cdc9c9070000'))], ['Hello']],
            ['7.2.3.5', 'two blocks', [packed(hex('f248050000 00ffff cac9c90700'))], ['Hello']],
            ['7.2.3.6', 'an empty message', [packed(hex('00'))], ['']],
        ];
        for (const [clause, name, frames, texts] of rows)
            test(named(`RFC 7692 ${clause}: ${name}`), () => checkText({}, frames, ...texts));

        test(named('RFC 7692 7.2.3.2: the window is not kept where that was agreed on'), () =>
            expectFailure(role, [packed(hex('f248cdc9c90700')), packed(hex('f200110000'))], 1007,
                { deflate: ALONE, before: 1 }));

        test(named('RFC 7692 7.2.3.4: BFINAL and then the next message'), () =>
            checkText({}, [packed(hex('f348cdc9c9070000')), packed(hex('f248cdc9c90700'))], 'Hello', 'Hello'));

        test(named('RFC 7692 7.2.3.4: blocks behind one with BFINAL'), () =>
            checkText({}, [packed(hex('f348cdc9c90700 f248cdc9c90700'))], 'HelloHello'));
    });

    describe('encoders', () => {
        const text = Buffer.from('Hello, hello, hello: what compresses. '.repeat(40));
        const { constants } = zlib;
        const ways = [
            ...Array.from({ length: 10 }, (_, level) => [`level ${level}`, { level }]),
            ...Array.from({ length: 9 }, (_, i) => [`memory level ${i + 1}`, { memLevel: i + 1 }]),
            ['filtered', { strategy: constants.Z_FILTERED }],
            ['Huffman codes only', { strategy: constants.Z_HUFFMAN_ONLY }],
            ['run lengths', { strategy: constants.Z_RLE }], ['fixed codes', { strategy: constants.Z_FIXED }],
        ];
        for (const [name, options] of ways) {
            test(named(`RFC 7692 7.2.2: zlib with ${name}`), async () => {
                for (const message of [text, randomBytes(5000), Buffer.alloc(LIMIT, 'é')]) {
                    const peer = await role.open({ deflate: {} });
                    for (let i = 0; i < 2; i++) {
                        peer.send(frame(OP.BINARY, peer.codec.squeeze(message, options), { rsv: 4 }));
                        await expectMessage(peer, OP.BINARY, message);
                    }
                    await closeCleanly(role, peer);
                }
            });
        }

        for (const [kind, opcode, fill] of [['text', OP.TEXT, (size) => Buffer.alloc(size, 'text ')],
            ['noise', OP.BINARY, randomBytes]])
            for (const size of [0, 1, 16, 64, 125, 126, 256, 1024, 4096, 16384, 32768, 65535, LIMIT])
                test(named(`RFC 7692 6.1: ${size} bytes of ${kind}, with and without a window kept`), async () => {
                    for (const deflate of [{}, ALONE]) {
                        const peer = await role.open({ deflate });
                        for (let i = 0; i < 3; i++) {
                            const message = fill(size);
                            peer.send(frame(opcode, peer.codec.squeeze(message), { rsv: 4 }));
                            await expectMessage(peer, opcode, message);
                        }
                        await closeCleanly(role, peer);
                    }
                });

        test(named('RFC 7692 7.2.1: what is sent does not end in 00 00 FF FF, and is shorter'), async () => {
            const peer = await role.open({ deflate: ALONE });
            peer.send(packed(squeeze(text)));
            const got = await expectMessage(peer, OP.TEXT, text);
            assert.equal(got.rsv, 4);
            assert.ok(got.payload.length < text.length / 4);
            assert.ok(!got.payload.subarray(-4).equals(hex('0000ffff')));
            await closeCleanly(role, peer);
        });

        test(named('RFC 7692 6.1: what does not compress is sent as it is'), async () => {
            const peer = await role.open({ deflate: ALONE });
            const noise = randomBytes(100);
            peer.send(frame(OP.BINARY, noise));
            await expectEcho(peer, OP.BINARY, noise);
            await closeCleanly(role, peer);
        });
    });

    describe('frames', () => {
        const text = 'fragments of a compressed message';
        const bytes = squeeze(text);

        test(named('RFC 7692 6.2: a message that is not compressed is as good'), () =>
            checkText({}, [frame(OP.TEXT, 'plain'), packed(squeeze('packed')), frame(OP.TEXT, 'plain')],
                'plain', 'packed', 'plain'));

        test(named('RFC 7692 6.1: fragments, cut anywhere'), async () => {
            const peer = await role.open({ deflate: ALONE });
            for (let cut = 0; cut <= bytes.length; cut++) {
                peer.send(packed(bytes.subarray(0, cut), { fin: false }), frame(OP.CONT, bytes.subarray(cut)));
                await expectMessage(peer, OP.TEXT, text);
            }
            await closeCleanly(role, peer);
        });

        test(named('RFC 7692 6.1: a fragment for each byte, and a ping between each two'), async () => {
            const peer = await role.open({ deflate: ALONE });
            for (let i = 0; i < bytes.length; i++) {
                peer.send(frame(i === 0 ? OP.TEXT : OP.CONT, bytes.subarray(i, i + 1),
                    { rsv: i === 0 ? 4 : 0, fin: i === bytes.length - 1 }));
                peer.send(frame(OP.PING, `${i}`));
                if (i < bytes.length - 1) await expectPong(peer, `${i}`);
            }
            await expectMessage(peer, OP.TEXT, text);
            await expectPong(peer, `${bytes.length - 1}`);
            await closeCleanly(role, peer);
        });

        for (const size of [1, 2, 3, 7, 16])
            test(named(`RFC 7692 6.2: read in pieces of ${size} bytes`), async () => {
                const peer = await role.open({ deflate: ALONE });
                const wire = packed(bytes);
                for (let at = 0; at < wire.length; at += size) peer.send(wire.subarray(at, at + size));
                await expectMessage(peer, OP.TEXT, text);
                await closeCleanly(role, peer);
            });

        const wrong = [
            ['6.1', 'RSV1 on a continuation', [packed(bytes.subarray(0, 9), { fin: false }),
                frame(OP.CONT, bytes.subarray(9), { rsv: 4 })]],
            ['6.1', 'RSV1 on a continuation only',
                [frame(OP.TEXT, 'x', { fin: false }), frame(OP.CONT, '', { rsv: 4 })]],
            ['6.1', 'RSV1 on a ping', [frame(OP.PING, '', { rsv: 4 })]],
            ['6.1', 'RSV1 on a pong', [frame(OP.PONG, '', { rsv: 4 })]],
            ['6.1', 'RSV1 on a close', [frame(OP.CLOSE, '', { rsv: 4 })]],
            ['6.1', 'RSV1 on a reserved opcode', [frame(3, '', { rsv: 4 })]],
            ...[1, 2, 3, 5, 6, 7].flatMap((rsv) => [['text', OP.TEXT], ['binary', OP.BINARY]].map(([kind, opcode]) =>
                ['6', `reserved bits ${rsv.toString(2).padStart(3, '0')} on ${kind}`, [frame(opcode, '', { rsv })]])),
        ];
        for (const [clause, name, frames] of wrong)
            test(named(`RFC 7692 ${clause}: ${name} is 1002`), () =>
                expectFailure(role, frames, 1002, { deflate: ALONE }));
    });

    describe('what is no compressed message', () => {
        const whole = squeeze('a message that is cut off somewhere in the middle');
        const rows = [
            ['a block of the reserved type', hex('06')],
            ['a stored block with a wrong complement', hex('000500000048')],
            ['a stored block cut off', hex('000500faff4865')],
            // It swallows the 00 00 FF FF that is put behind a message, and would like more.
            ['a stored block of 100 bytes with two of them', hex('006400 9bff4865')],
            ['FF FF FF', hex('ffffff')],
            ['a distance before the beginning', hex('f200110000')], ['a code that does not exist', hex('cbffff')],
            ['the head of zlib', zlib.deflateSync('Hello')], ['gzip', zlib.gzipSync('Hello')],
            ...[1, 5, whole.length - 6].map((length) =>
                [`${length} bytes of ${whole.length}`, whole.subarray(0, length)]),
        ];
        for (const [name, payload] of rows)
            test(named(`RFC 7692 7.2.2: ${name} is 1007`), () =>
                expectFailure(role, [frame(OP.BINARY, payload, { rsv: 4 })], 1007, { deflate: ALONE }));

        test(named('RFC 7692 7.2.2: a message cut off anywhere is 1007'), async () => {
            for (let length = 1; length < whole.length - 1; length++)
                await expectFailure(role, [frame(OP.BINARY, whole.subarray(0, length), { rsv: 4 })], 1007,
                    { deflate: ALONE });
        });
    });

    describe('text', () => {
        for (const [name, bytes] of INVALID)
            test(named(`RFC 6455 8.1: V9 compressed, ${name} is 1007`), () =>
                expectFailure(role, [packed(squeeze(Buffer.from(bytes)))], 1007, { deflate: ALONE }));

        test(named('RFC 6455 8.1: V9 compressed, every valid string'), async () => {
            const peer = await role.open({ deflate: {} });
            for (const [, bytes] of VALID) {
                peer.send(packed(peer.codec.squeeze(Buffer.from(bytes))));
                await expectMessage(peer, OP.TEXT, Buffer.from(bytes));
            }
            await closeCleanly(role, peer);
        });
    });

    // V7: the limit is that of what comes out, also when little goes in.
    describe('bombs', () => {
        const rows = [
            ['64 MiB of zeros in one frame', [packed(bomb)]],
            ['64 MiB of zeros in fragments', [packed(bomb.subarray(0, 30000), { fin: false }),
                frame(OP.CONT, bomb.subarray(30000, 60000), { fin: false }), frame(OP.CONT, bomb.subarray(60000))]],
            ['16 MiB of zeros, small enough by itself', [packed(smaller)]],
            ['one byte over the limit', [packed(squeeze(Buffer.alloc(LIMIT + 1)))]],
            ['one byte over the limit, noise', [frame(OP.BINARY, squeeze(randomBytes(LIMIT + 1)), { rsv: 4 })]],
            ['more compressed bytes than a message may have', [packed('', { length: 2 * LIMIT })]],
        ];
        for (const [what, deflate] of [['a window', {}], ['no window', ALONE]])
            for (const [name, frames] of rows)
                test(named(`RFC 7692 7.2.2: V7 ${name} is 1009, ${what} kept`), () =>
                    expectFailure(role, frames, 1009, { deflate }));

        test(named('RFC 7692 7.2.2: V7 exactly the limit passes'), async () => {
            const peer = await role.open({ deflate: {} });
            for (const message of [Buffer.alloc(LIMIT), randomBytes(LIMIT), Buffer.alloc(LIMIT, 3)]) {
                peer.send(frame(OP.BINARY, peer.codec.squeeze(message), { rsv: 4 }));
                await expectMessage(peer, OP.BINARY, message);
            }
            await closeCleanly(role, peer);
        });

        test(named('RFC 7692 7.2.2: V7 a bomb out of the window that was kept is 1009'), async () => {
            const peer = await role.open({ deflate: {} });
            const block = randomBytes(30000);
            peer.send(frame(OP.BINARY, peer.codec.squeeze(block), { rsv: 4 }));
            await expectMessage(peer, OP.BINARY, block);
            peer.send(frame(OP.BINARY, peer.codec.squeeze(Buffer.concat(Array(10).fill(block))), { rsv: 4 }));
            assert.equal(await peer.readClose(), 1009);
            await role.expectEnd(peer, 1009, 'unclean');
        });
    });
});

forBothRoles({}, (role, named) => {
    const { frame } = role;
    const MIB = 1024 * 1024;
    for (const [kind, message] of [['zeros', Buffer.alloc(16 * MIB)], ['noise', randomBytes(4 * MIB)]]) {
        test(named(`RFC 7692 6.1: ${message.length / MIB} MiB of ${kind}`), async () => {
            const peer = await role.open({ deflate: {} });
            peer.send(frame(OP.BINARY, peer.codec.squeeze(message, { level: 1 }), { rsv: 4 }));
            const got = await peer.readFrame();
            assert.ok(peer.codec.open(got).equals(message));
            await closeCleanly(role, peer);
        });
    }

    test(named('RFC 7692 6.1: 16 MiB and one byte are 1009'), () =>
        expectFailure(role, [frame(OP.BINARY, squeeze(Buffer.alloc(16 * 1024 * 1024 + 1)), { rsv: 4 })], 1009,
            { deflate: ALONE }));
});
