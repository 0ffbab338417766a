// RFC 6455 section 5.2: the header of a frame, bit by bit.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OP } from '../ws_raw.mjs';
import { closeCleanly, expectEcho, expectFailure, expectPong, forBothRoles } from './roles.mjs';

const LIMIT = 65536;

forBothRoles({ maxMessage: LIMIT }, (role, named) => {
    const { frame } = role;

    const kinds = [
        ['text', OP.TEXT, []], ['binary', OP.BINARY, []],
        ['a continuation', OP.CONT, [frame(OP.TEXT, 'x', { fin: false })]],
        ['a ping', OP.PING, []], ['a pong', OP.PONG, []], ['a close', OP.CLOSE, []],
    ];
    for (let rsv = 1; rsv < 8; rsv++)
        for (const [kind, opcode, first] of kinds)
            test(named(`RFC 6455 5.2: reserved bits ${rsv.toString(2).padStart(3, '0')} on ${kind} are 1002`), () =>
                expectFailure(role, [...first, frame(opcode, '', { rsv })], 1002));

    for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
        const rows = [
            ['alone', [frame(opcode, '')], 0],
            ['with a payload', [frame(opcode, 'payload')], 0],
            ['behind a message', [frame(OP.TEXT, 'x'), frame(opcode, '')], 1],
            ['in a fragmented message', [frame(OP.TEXT, 'x', { fin: false }), frame(opcode, '')], 0],
            ['without FIN', [frame(opcode, '', { fin: false })], 0],
        ];
        for (const [name, frames, first] of rows)
            test(named(`RFC 6455 5.2: reserved opcode ${opcode} ${name} is 1002`), () =>
                expectFailure(role, frames, 1002, { before: first }));
    }

    // A length in more bytes than it needs.
    for (const [bits, form, lengths] of [[16, 3, [0, 1, 125]], [64, 9, [0, 1, 125, 126, 65535]]])
        for (const length of lengths)
            for (const [kind, opcode] of [['text', OP.TEXT], ['binary', OP.BINARY]])
                test(named(`RFC 6455 5.2: ${length} bytes of ${kind} in ${bits} bits of length are 1002`), () =>
                    expectFailure(role, [frame(opcode, 'x'.repeat(length), { form })], 1002));

    // V4, V5: lengths that are announced and never sent; the sum with what came before may wrap.
    const announced = [
        [65537n, 1009], [2n ** 31n - 1n, 1009], [2n ** 31n, 1009], [2n ** 32n - 1n, 1009], [2n ** 32n, 1009],
        [2n ** 32n + 1n, 1009], [2n ** 53n, 1009], [2n ** 63n - 1n, 1009],
        [2n ** 63n, 1002], [2n ** 63n + 1n, 1002], [2n ** 64n - 65536n, 1002], [2n ** 64n - 1n, 1002],
    ];
    for (const [length, code] of announced)
        for (const [kind, opcode, first] of kinds.slice(0, 3))
            test(named(`RFC 6455 5.2: V4 ${kind} that announces ${length} bytes is ${code}`), () =>
                expectFailure(role, [...first, frame(opcode, '', { length, form: 9 })], code));

    // Control frames have 7 bits of length (section 5.5).
    for (const length of [126n, 65535n, 65536n, 2n ** 63n - 1n, 2n ** 64n - 1n])
        for (const [kind, opcode] of kinds.slice(3))
            test(named(`RFC 6455 5.5: V4 ${kind} that announces ${length} bytes is 1002`), () =>
                expectFailure(role, [frame(opcode, '', { length, form: length < 65536n ? 3 : 9 })], 1002));

    // The echo is one final frame, its length in the shortest form.
    for (const length of [0, 1, 2, 124, 125, 126, 127, 128, 255, 256, 65534, 65535, 65536]) {
        test(named(`RFC 6455 5.2: ${length} bytes come back in the shortest form`), async () => {
            const peer = await role.open();
            for (const [opcode, first] of [[OP.TEXT, 0x81], [OP.BINARY, 0x82]]) {
                peer.send(frame(opcode, 'x'.repeat(length)));
                const head = await peer.take(2);
                assert.deepEqual([head[0], head[1] & 0x7f],
                    [first, length < 126 ? length : length < 65536 ? 126 : 127]);
                if (length > 125) {
                    const field = await peer.take(length < 65536 ? 2 : 8);
                    assert.equal(Number(`0x${field.toString('hex')}`), length);
                }
                const rest = await peer.take((peer.masked ? 4 : 0) + length);
                if (!peer.masked) assert.equal(rest.toString(), 'x'.repeat(length));
            }
            await closeCleanly(role, peer);
        });
    }

    test(named('RFC 6455 5.2: several frames in one segment'), async () => {
        const peer = await role.open();
        peer.send(Buffer.concat([frame(OP.TEXT, 'one'), frame(OP.PING, 'two'), frame(OP.BINARY, 'three'),
            frame(OP.PONG, ''), frame(OP.TEXT, '')]));
        await expectEcho(peer, OP.TEXT, 'one');
        await expectPong(peer, 'two');
        await expectEcho(peer, OP.BINARY, 'three');
        await expectEcho(peer, OP.TEXT, '');
        await closeCleanly(role, peer);
    });

    const masked = role.name === 'server' ? 0x80 : 0;

    // Each rule fails as soon as its byte is there; nothing has to follow.
    const early = [
        ['the first byte of a reserved opcode', [0x83], 1002],
        ['the first byte with a reserved bit', [0xa1], 1002],
        ['the first byte of a continuation of nothing', [0x80], 1002],
        ['the first byte of a fragmented ping', [0x09], 1002],
        ['the second byte of a long ping', [0x89, masked | 0x7e], 1002],
        ['the second byte with the wrong mask bit', [0x81, 0x80 ^ masked], 1002],
    ];
    for (const [name, bytes, code] of early)
        test(named(`RFC 6455 5.2: ${name} is ${code} at once`), () => expectFailure(role, [Buffer.from(bytes)], code));

    for (const [name, bytes] of [['one byte', [0x81]], ['half a length', [0x82, masked | 126, 0x01]]]) {
        test(named(`RFC 6455 7.1.4: the connection ends behind ${name} of a header`), async () => {
            const peer = await role.open();
            peer.socket.end(Buffer.from(bytes));
            assert.equal(await peer.readEnd(), true);
            if (role.report) assert.equal(await role.report(peer), 'closed 1006 unclean');
            peer.destroy();
        });
    }
});
