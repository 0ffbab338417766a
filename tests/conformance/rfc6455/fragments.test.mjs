// RFC 6455 section 5.4: messages in several frames, and what may come between them.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { OP } from '../ws_raw.mjs';
import { closeCleanly, expectEcho, expectFailure, expectPong, forBothRoles } from './roles.mjs';

const LIMIT = 65536;

forBothRoles({ maxMessage: LIMIT }, (role, named) => {
    const { frame } = role;
    const first = (payload, opcode = OP.TEXT) => frame(opcode, payload, { fin: false });
    const more = (payload) => frame(OP.CONT, payload, { fin: false });
    const last = (payload) => frame(OP.CONT, payload);
    const ping = (payload) => frame(OP.PING, payload);

    describe('what is one message', () => {
        const rows = [
            ['two fragments', [first('ab'), last('cd')], 'abcd'],
            ['three fragments', [first('ab'), more('cd'), last('ef')], 'abcdef'],
            ['an empty first fragment', [first(''), last('ab')], 'ab'],
            ['an empty last fragment', [first('ab'), last('')], 'ab'],
            ['an empty fragment in the middle', [first('ab'), more(''), last('cd')], 'abcd'],
            ['three empty fragments', [first(''), more(''), last('')], ''],
            ['1000 empty fragments', [first('a'), ...Array(999).fill(more('')), last('b')], 'ab'],
            ['500 fragments of one byte', [first('a'), ...Array(498).fill(more('b')), last('c')],
                `a${'b'.repeat(498)}c`],
            ['fragments of 125, 126 and 65000 bytes',
                [first('a'.repeat(125)), more('b'.repeat(126)), last('c'.repeat(65000))],
                'a'.repeat(125) + 'b'.repeat(126) + 'c'.repeat(65000)],
            ['fragments that add up to the limit', [first('a'.repeat(LIMIT - 1)), last('b')],
                `${'a'.repeat(LIMIT - 1)}b`],
            ['a character cut by two fragments', [first(Buffer.from([0xe2, 0x82])), last(Buffer.from([0xac]))], '€'],
        ];
        for (const [name, frames, text] of rows) {
            test(named(`RFC 6455 5.4: ${name}`), async () => {
                const peer = await role.open();
                peer.send(Buffer.concat(frames));
                await expectEcho(peer, OP.TEXT, text);
                await closeCleanly(role, peer);
            });
        }

        test(named('RFC 6455 5.4: binary fragments stay binary, whatever is in them'), async () => {
            const peer = await role.open();
            const payload = randomBytes(3000);
            peer.send(first(payload.subarray(0, 1), OP.BINARY), more(payload.subarray(1, 1500)),
                last(payload.subarray(1500)));
            await expectEcho(peer, OP.BINARY, payload);
            await closeCleanly(role, peer);
        });

        for (const size of [1, 3, 64, 125, 126, 1000, 4096, 16384, 32768]) {
            test(named(`RFC 6455 5.4: 32768 bytes in fragments of ${size}`), async () => {
                const peer = await role.open();
                const payload = randomBytes(32768);
                const frames = [];
                for (let at = 0; at < payload.length; at += size)
                    frames.push(frame(at === 0 ? OP.BINARY : OP.CONT, payload.subarray(at, at + size),
                        { fin: at + size >= payload.length }));
                peer.send(Buffer.concat(frames));
                await expectEcho(peer, OP.BINARY, payload);
                await closeCleanly(role, peer);
            });
        }

        test(named('RFC 6455 5.4: one fragmented message after the other'), async () => {
            const peer = await role.open();
            for (let i = 0; i < 50; i++) {
                peer.send(first(`${i} `), last('x'));
                peer.send(first(`${i}`, OP.BINARY), last('y'));
            }
            for (let i = 0; i < 50; i++) {
                await expectEcho(peer, OP.TEXT, `${i} x`);
                await expectEcho(peer, OP.BINARY, `${i}y`);
            }
            await closeCleanly(role, peer);
        });
    });

    describe('control frames inside a message', () => {
        const rows = [
            ['a ping', [first('ab'), ping('1'), last('cd')], ['1']],
            ['a ping behind every fragment', [first('a'), ping('1'), more('b'), ping('2'), more('c'), ping('3'),
                last('d')], ['1', '2', '3']],
            ['ten pings', [first('ab'), ...Array.from({ length: 10 }, (_, i) => ping(`${i}`)), last('cd')],
                [...'0123456789']],
            ['a ping before the first payload byte', [first(''), ping('1'), last('abcd')], ['1']],
            ['a ping in the middle of a character', [first(Buffer.from([0x61, 0x62, 0x63])), ping('é'), last('d')],
                ['é']],
            ['a ping of 125 bytes', [first('ab'), ping('p'.repeat(125)), last('cd')], ['p'.repeat(125)]],
            ['a pong that nobody asked for', [first('ab'), frame(OP.PONG, 'x'), last('cd')], []],
        ];
        for (const [name, frames, pongs] of rows) {
            test(named(`RFC 6455 5.4: ${name} inside a message`), async () => {
                const peer = await role.open();
                for (const one of frames) peer.send(one);
                for (const pong of pongs) await expectPong(peer, pong);
                await expectEcho(peer, OP.TEXT, 'abcd');
                await closeCleanly(role, peer);
            });
        }

        test(named('RFC 6455 5.5: a ping is answered before the message that it came in ends'), async () => {
            const peer = await role.open();
            peer.send(first('ab'), ping('now'));
            await expectPong(peer, 'now');
            peer.send(last('cd'));
            await expectEcho(peer, OP.TEXT, 'abcd');
            await closeCleanly(role, peer);
        });

        test(named('RFC 6455 5.5.1: a close inside a message ends it'), async () => {
            const peer = await role.open();
            peer.send(first('ab'));
            await closeCleanly(role, peer);
        });
    });

    describe('what is none', () => {
        const rows = [
            ['a continuation of nothing', [last('x')], 0],
            ['a continuation of nothing, not final', [more('x')], 0],
            ['an empty continuation of nothing', [last('')], 0],
            ['a continuation behind a whole message', [frame(OP.TEXT, 'x'), last('y')], 1],
            ['a continuation behind a fragmented message', [first('x'), last('y'), last('z')], 1],
            ['text inside a text', [first('x'), frame(OP.TEXT, 'y')], 0],
            ['text inside a binary', [first('x', OP.BINARY), frame(OP.TEXT, 'y')], 0],
            ['binary inside a text', [first('x'), frame(OP.BINARY, 'y')], 0],
            ['binary inside a binary', [first('x', OP.BINARY), frame(OP.BINARY, 'y')], 0],
            ['a second beginning', [first('x'), first('y')], 0],
            ['a second beginning behind a ping', [first('x'), frame(OP.PONG, ''), first('y')], 0],
            ['a fragmented ping', [frame(OP.PING, 'x', { fin: false })], 0],
            ['a fragmented pong', [frame(OP.PONG, 'x', { fin: false })], 0],
            ['a fragmented close', [frame(OP.CLOSE, '', { fin: false })], 0],
            ['a fragmented ping inside a message', [first('x'), frame(OP.PING, '', { fin: false })], 0],
        ];
        for (const [name, frames, echoes] of rows)
            test(named(`RFC 6455 5.4: ${name} is 1002`), () => expectFailure(role, frames, 1002, { before: echoes }));
    });

    // V6: no frame is too large, the message is.
    describe('fragments without end', () => {
        const rows = [
            ['two that are one byte too long', [first('x'.repeat(LIMIT)), more('x')]],
            ['a final one that is one byte too long', [first('x'.repeat(LIMIT)), last('x')]],
            ['forty thousand and more', [first('x'.repeat(40000)), more('x'.repeat(25536)), more('x')]],
            ['of one byte', [first('x'), ...Array(LIMIT).fill(more('x'))]],
            ['of 1000 bytes', [first('x'), ...Array(66).fill(more('x'.repeat(1000)))]],
            ['of no byte at all', [first(''), ...Array(1100).fill(more(''))]],
        ];
        for (const [name, frames] of rows)
            test(named(`RFC 6455 5.4: V6 fragments without end, ${name}, are 1009`), () =>
                expectFailure(role, frames, 1009));

        test(named('RFC 6455 5.4: V6 a message after many messages may be as long as the first'), async () => {
            const peer = await role.open();
            for (let i = 0; i < 5; i++) {
                peer.send(first('x'.repeat(LIMIT / 2)), last('y'.repeat(LIMIT / 2)));
                await expectEcho(peer, OP.TEXT, 'x'.repeat(LIMIT / 2) + 'y'.repeat(LIMIT / 2));
            }
            await closeCleanly(role, peer);
        });
    });

    test(named('RFC 6455 7.1.4: the connection ends inside a message'), async () => {
        const peer = await role.open();
        peer.send(first('half'));
        peer.socket.end();
        assert.equal(await peer.readEnd(), true);
        if (role.report) assert.equal(await role.report(peer), 'closed 1006 unclean');
        peer.destroy();
    });
});
