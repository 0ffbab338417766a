// RFC 6455 sections 5.5.1 and 7: the closing handshake, its codes and reasons, and what ends without one.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EchoServer } from '../ws_echo_server.mjs';
import { OP, RawClient } from '../ws_raw.mjs';
import { ClientRole, ServerRole, closeCleanly, expectEcho, expectFailure, expectPong, forBothRoles,
    forRole } from './roles.mjs';
import { INVALID } from './utf8_strings.mjs';

forBothRoles({ maxMessage: 65536 }, (role, named) => {
    const { frame } = role;

    describe('codes', () => {
        for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3999,
            4000, 4001, 4999]) {
            test(named(`RFC 6455 7.4: close code ${code} is answered with the same`), async () =>
                closeCleanly(role, await role.open(), code));
        }

        for (const code of [0, 1, 125, 999, 1004, 1005, 1006, 1015, 1016, 1017, 1100, 1999, 2000, 2999, 5000, 5001,
            32768, 65535])
            for (const reason of ['', 'because'])
                test(named(`RFC 6455 7.4: close code ${code} ${reason ? 'with' : 'without'} a reason is 1002`), () =>
                    expectFailure(role, [role.frame.close(code, reason)], 1002));

        test(named('RFC 6455 7.1.5: a close without a code is answered without one'), async () => {
            const peer = await role.open();
            peer.send(frame(OP.CLOSE, ''));
            assert.equal(await peer.readClose(), 1005);
            await role.expectEnd(peer, 1005, 'clean');
        });

        test(named('RFC 6455 5.5.1: a close of one byte is 1002'), () =>
            expectFailure(role, [frame(OP.CLOSE, '\x03')], 1002));
    });

    describe('reasons', () => {
        for (const reason of ['a', 'because', 'é€😀', '\0', 'x'.repeat(122), 'x'.repeat(123), 'é'.repeat(61),
            '😀'.repeat(30)]) {
            test(named(`RFC 6455 7.1.6: a reason of ${Buffer.byteLength(reason)} bytes, ${
                JSON.stringify(reason.slice(0, 8))}`), async () => {
                const peer = await role.open();
                peer.send(role.frame.close(1000, reason));
                assert.equal(await peer.readClose(), 1000);
                await role.expectEnd(peer, 1000, 'clean');
            });
        }

        for (const length of [124, 125, 200, 65533])
            test(named(`RFC 6455 5.5: a reason of ${length} bytes is 1002`), () =>
                expectFailure(role, [role.frame.close(1000, 'x'.repeat(length))], 1002));

        for (const [name, bytes] of INVALID)
            test(named(`RFC 6455 5.5.1: V9 a reason with ${name} is 1007`), () =>
                expectFailure(role, [role.frame.close(1000, Buffer.from(bytes))], 1007));
    });

    describe('the handshake', () => {
        test(named('RFC 6455 5.5.1: nothing behind a close is answered'), async () => {
            const peer = await role.open();
            peer.send(Buffer.concat([role.frame.close(1000), frame(OP.TEXT, 'late'), frame(OP.PING, 'late'),
                role.frame.close(1001), Buffer.from([0xff, 0xff, 0xff])]));
            assert.equal(await peer.readClose(), 1000);
            await role.expectEnd(peer, 1000, 'clean');
        });

        test(named('RFC 6455 7.1.7: nothing behind a violation is answered'), async () => {
            const peer = await role.open();
            peer.send(Buffer.concat([frame(3, ''), frame(OP.TEXT, 'late'), frame(OP.PING, 'late'),
                role.frame.close(1000)]));
            assert.equal(await peer.readClose(), 1002);
            await role.expectEnd(peer, 1002, 'unclean');
        });

        test(named('RFC 6455 5.5.1: what was sent before the close is still echoed'), async () => {
            const peer = await role.open();
            peer.send(Buffer.concat([...Array.from({ length: 50 }, (_, i) => frame(OP.TEXT, `message ${i}`)),
                frame(OP.PING, 'ping'), role.frame.close(1000)]));
            for (let i = 0; i < 50; i++) await expectEcho(peer, OP.TEXT, `message ${i}`);
            await expectPong(peer, 'ping');
            assert.equal(await peer.readClose(), 1000);
            await role.expectEnd(peer, 1000, 'clean');
        });

        test(named('RFC 6455 5.5.1: a close byte by byte'), async () => {
            const peer = await role.open();
            for (const byte of role.frame.close(4321, 'bit by bit')) peer.send(Buffer.from([byte]));
            assert.equal(await peer.readClose(), 4321);
            await role.expectEnd(peer, 4321, 'clean');
        });

        test(named('RFC 6455 7.1.5: a close and the FIN in one go'), async () => {
            const peer = await role.open();
            peer.socket.end(role.frame.close(1000));
            assert.equal(await peer.readClose(), 1000);
            assert.equal(await peer.readEnd(), true);
            if (role.report) assert.equal(await role.report(peer), 'closed 1000 clean');
            peer.destroy();
        });

        test(named('RFC 6455 7.1.4: the connection ends without a close'), async () => {
            const peer = await role.open();
            peer.socket.end();
            assert.equal(await peer.readEnd(), true);
            if (role.report) assert.equal(await role.report(peer), 'closed 1006 unclean');
            peer.destroy();
        });

        test(named('RFC 6455 7.1.4: the connection is reset'), async () => {
            const peer = await role.open();
            peer.socket.resetAndDestroy();
            if (role.report) assert.equal(await role.report(peer), 'closed 1006 unclean');
            await closeCleanly(role, await role.open());
        });

        test(named('RFC 6455 7.1.7: half a close is none'), async () => {
            const peer = await role.open();
            peer.socket.end(role.frame.close(1000, 'because').subarray(0, 6));
            assert.equal(await peer.readEnd(), true);
            if (role.report) assert.equal(await role.report(peer), 'closed 1006 unclean');
            peer.destroy();
        });
    });
});

// The closing handshake that the program under test begins.
forRole(ClientRole, { maxMessage: 65536, closeWait: 200 }, (role) => {
    const { frame } = role;
    const begin = async (...words) => {
        const peer = await role.open();
        role.command('close', peer, ...words);
        const got = await peer.readFrame();
        assert.equal(got.opcode, OP.CLOSE);
        return { peer, payload: got.payload };
    };

    for (const [code, reason] of [[1000, ''], [1001, 'going'], [4999, 'x'.repeat(123)], [3000, 'é€😀']]) {
        const words = `${code} ${JSON.stringify(reason.slice(0, 8))}`;
        test(`RFC 6455 7.1.2: the client begins with ${words} (client)`, async () => {
            const { peer, payload } = await begin(code, reason);
            assert.equal(payload.readUInt16BE(), code);
            assert.equal(payload.subarray(2).toString(), reason);
            peer.send(role.frame.close(code));
            await role.expectEnd(peer, code, 'clean');
        });
    }

    const answers = [
        ['the same code', () => [role.frame.close(1000)], '1000 clean'],
        ['another code', () => [role.frame.close(4000, 'no')], '4000 clean'],
        ['no code', () => [frame(OP.CLOSE, '')], '1005 clean'],
        ['messages and then a close', () => [frame(OP.TEXT, 'in flight'), role.frame.close(1000)], '1000 clean'],
        ['a ping and then a close', () => [frame(OP.PING, 'x'), role.frame.close(1000)], '1000 clean'],
        ['a fragmented message and then a close', () => [frame(OP.TEXT, 'a', { fin: false }),
            frame(OP.CONT, 'b'), role.frame.close(1000)], '1000 clean'],
        ['half a message and then a close', () => [frame(OP.TEXT, 'a', { fin: false }), role.frame.close(1000)],
            '1000 clean'],
        ['more than the limit and then a close', () => [frame(OP.BINARY, Buffer.alloc(200000)),
            role.frame.close(1000)], '1000 clean'],
        ['text that is none and then a close', () => [frame(OP.TEXT, Buffer.from([0xff])), role.frame.close(1000)],
            '1000 clean'],
        ['a bad code', () => [role.frame.close(1005)], '1002 unclean'],
        ['a reserved opcode', () => [frame(3, '')], '1002 unclean'],
        ['a masked frame', () => [frame(OP.CLOSE, '', { mask: true })], '1002 unclean'],
    ];
    for (const [name, frames, how] of answers) {
        test(`RFC 6455 7.1.2: the client's close is answered with ${name} (client)`, async () => {
            const { peer } = await begin(1000);
            peer.send(...frames());
            await role.expectEnd(peer, ...how.split(' '));
        });
    }

    test('RFC 6455 7.1.3: both sides begin at once (client)', async () => {
        const peer = await role.open();
        role.command('close', peer, 1001);
        peer.send(role.frame.close(1000));
        assert.ok([1000, 1001].includes(await peer.readClose()));
        await role.expectEnd(peer, 1000, 'clean');
    });

    test('RFC 6455 7.1.1: a client waits for the server to end the connection, for a while (client)', async () => {
        const peer = await role.open();
        const begun = Date.now();
        peer.send(role.frame.close(1000));
        assert.equal(await peer.readClose(), 1000);
        assert.equal(await role.report(peer), 'closed 1000 clean');
        assert.equal(await peer.readEnd(), true);
        assert.ok(Date.now() - begun >= 190, 'the client ended first');
        peer.destroy();
    });

    test('RFC 6455 7.1.2: a close that is never answered ends in time (client)', async () => {
        const { peer } = await begin(1000);
        assert.equal(await role.report(peer), 'closed 1006 unclean');
        assert.equal(await peer.readEnd(), true);
        peer.destroy();
    });

    test('RFC 6455 7.1.4: the server ends instead of answering a close (client)', async () => {
        const { peer } = await begin(1000);
        peer.socket.end();
        assert.equal(await role.report(peer), 'closed 1006 unclean');
        peer.destroy();
    });

    test('RFC 6455 5.5.1: no data behind its own close (client)', async () => {
        const peer = await role.open();
        role.command('close', peer, 1000);
        role.command('text', peer, 'late');
        peer.send(frame(OP.TEXT, 'to be echoed?'));
        assert.equal(await peer.readClose(), 1000);
        peer.send(role.frame.close(1000));
        await role.expectEnd(peer, 1000, 'clean');
    });
});

// A server of its own each: the signal that makes it say goodbye ends it too.
forRole(ServerRole, {}, (role) => {
    const { frame } = role;
    const rows = [
        ['the same code', () => [role.frame.close(1001)]],
        ['another code', () => [role.frame.close(4000, 'no')]],
        ['no code', () => [frame(OP.CLOSE, '')]],
        ['messages and then a close', () => [frame(OP.TEXT, 'in flight'), role.frame.close(1001)]],
        ['a ping and then a close', () => [frame(OP.PING, 'x'), role.frame.close(1001)]],
        ['a bad code', () => [role.frame.close(1006)]],
        ['an unmasked frame', () => [frame(OP.CLOSE, '', { mask: false })]],
        ['the end of the connection', (peer) => { peer.socket.end(); return []; }],
    ];
    for (const [name, frames] of rows) {
        test(`RFC 6455 7.1.2: the server's close is answered with ${name} (server)`, async () => {
            const echo = await EchoServer.start();
            const peer = await RawClient.open(echo.port);
            const exit = echo.stop();
            const { opcode, payload } = await peer.readFrame();
            assert.deepEqual([opcode, payload.readUInt16BE(), payload.subarray(2).toString()],
                [OP.CLOSE, 1001, 'server is stopping']);
            peer.send(...frames(peer));
            assert.equal(await peer.readEnd(), true);
            assert.deepEqual(await exit, [0, null]);
            peer.destroy();
        });
    }

    test('RFC 6455 7.1.3: both sides begin at once (server)', async () => {
        const echo = await EchoServer.start();
        const peers = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(echo.port)));
        const exit = echo.stop();
        for (const peer of peers) peer.send(role.frame.close(1000));
        for (const peer of peers) {
            assert.ok([1000, 1001].includes(await peer.readClose()));
            assert.equal(await peer.readEnd(), true);
        }
        assert.deepEqual(await exit, [0, null]);
    });

    test('RFC 6455 7.1.1: the server ends the connection first (server)', async () => {
        const peer = await role.open();
        peer.socket.allowHalfOpen = true; // our FIN would come only if asked for
        peer.send(role.frame.close(1000));
        assert.equal(await peer.readClose(), 1000);
        await role.expectEnd(peer);
    });
});
