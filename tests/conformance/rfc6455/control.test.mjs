// RFC 6455 sections 5.5.2 and 5.5.3: pings and pongs.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { OP } from '../ws_raw.mjs';
import { ClientRole, closeCleanly, expectEcho, expectFailure, expectPong, forBothRoles, forRole } from './roles.mjs';

forBothRoles({ maxMessage: 65536 }, (role, named) => {
    const { frame } = role;

    for (const size of [0, 1, 2, 63, 64, 124, 125]) {
        test(named(`RFC 6455 5.5.2: a ping of ${size} bytes is answered with them`), async () => {
            const peer = await role.open();
            const payload = randomBytes(size);
            peer.send(frame(OP.PING, payload));
            await expectPong(peer, payload);
            await closeCleanly(role, peer);
        });
    }

    const payloads = { text: 'hello', 'bad UTF-8': Buffer.from([0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0, 0xff]),
        'bytes of zero': Buffer.alloc(125), 'what looks like a frame': Buffer.from([0x88, 0x02, 0x03, 0xe8]) };
    for (const [name, payload] of Object.entries(payloads)) {
        test(named(`RFC 6455 5.5.3: a ping with ${name} in it is answered with the same`), async () => {
            const peer = await role.open();
            peer.send(frame(OP.PING, payload));
            await expectPong(peer, payload);
            await closeCleanly(role, peer);
        });
    }

    for (const [kind, opcode] of [['ping', OP.PING], ['pong', OP.PONG]])
        for (const size of [126, 127, 1000, 65536])
            test(named(`RFC 6455 5.5: a ${kind} of ${size} bytes is 1002`), () =>
                expectFailure(role, [frame(opcode, Buffer.alloc(size))], 1002));

    test(named('RFC 6455 5.5.2: a ping byte by byte'), async () => {
        const peer = await role.open();
        const payload = randomBytes(125);
        for (const byte of frame(OP.PING, payload)) peer.send(Buffer.from([byte]));
        await expectPong(peer, payload);
        await closeCleanly(role, peer);
    });

    // An endpoint may answer only the latest of several pings; what it answers keeps their order.
    for (const count of [2, 10, 100, 1000]) {
        test(named(`RFC 6455 5.5.3: of ${count} pings at once the last one is answered, in order`), async () => {
            const peer = await role.open();
            peer.send(Buffer.concat(Array.from({ length: count }, (_, i) => frame(OP.PING, `${i}`))));
            let at = -1;
            while (at < count - 1) {
                const { opcode, payload } = await peer.readFrame();
                assert.equal(opcode, OP.PONG);
                assert.ok(Number(payload) > at);
                at = Number(payload);
            }
            await closeCleanly(role, peer);
        });
    }

    const unasked = [['empty', ''], ['with a payload', 'nobody asked'], ['of 125 bytes', 'x'.repeat(125)]];
    for (const [name, payload] of unasked) {
        test(named(`RFC 6455 5.5.3: a pong that nobody asked for, ${name}, is passed over`), async () => {
            const peer = await role.open();
            peer.send(frame(OP.PONG, payload), frame(OP.TEXT, 'next'));
            await expectEcho(peer, OP.TEXT, 'next');
            await closeCleanly(role, peer);
        });
    }

    test(named('RFC 6455 5.5.3: a pong does not answer the ping behind it'), async () => {
        const peer = await role.open();
        peer.send(frame(OP.PONG, 'no'), frame(OP.PING, 'yes'));
        await expectPong(peer, 'yes');
        await closeCleanly(role, peer);
    });

    test(named('RFC 6455 5.5.2: pings between messages keep the order of all'), async () => {
        const peer = await role.open();
        for (let i = 0; i < 20; i++) {
            peer.send(frame(OP.PING, `${i}`), frame(OP.TEXT, `${i}`));
            await expectPong(peer, `${i}`);
            await expectEcho(peer, OP.TEXT, `${i}`);
        }
        await closeCleanly(role, peer);
    });

    test(named('RFC 6455 5.5.2: a ping behind the close is not answered'), async () => {
        const peer = await role.open();
        peer.send(Buffer.concat([role.frame.close(1000), frame(OP.PING, 'late')]));
        assert.equal(await peer.readClose(), 1000);
        await role.expectEnd(peer, 1000, 'clean');
    });

    // V10: only the latest ping of a peer that does not read is remembered. What the sockets hold comes first.
    test(named('RFC 6455 5.5.3: V10 a flood of pings from a peer that does not read'), async () => {
        const flood = await role.open();
        flood.socket.pause();
        const pings = Buffer.concat(Array.from({ length: 1000 }, () => frame(OP.PING, 'x'.repeat(125))));
        for (let i = 0; i < 150; i++) flood.send(pings);
        while (flood.socket.writableLength > 0) await once(flood.socket, 'drain'); // all but what the kernel holds is read
        const other = await role.open();
        other.send(frame(OP.TEXT, 'served'));
        await expectEcho(other, OP.TEXT, 'served');
        await closeCleanly(role, other);
        flood.send(frame(OP.PING, 'the last'));
        flood.socket.resume();
        let pongs = 0;
        for (let got; (got = await flood.readFrame()).payload.toString() !== 'the last'; pongs++)
            assert.deepEqual([got.opcode, got.payload.length], [OP.PONG, 125]);
        assert.ok(pongs < 150000, 'each ping of the flood was answered');
        await closeCleanly(role, flood);
    });
});

forRole(ClientRole, { maxMessage: 65536 }, (role) => {
    test('RFC 6455 5.5.2: the client sends an empty ping when it is told to (client)', async () => {
        const peer = await role.open();
        role.command('ping', peer);
        const got = await peer.readFrame();
        assert.deepEqual([got.fin, got.rsv, got.opcode, got.payload.length], [true, 0, OP.PING, 0]);
        peer.send(role.frame(OP.PONG, ''));
        await closeCleanly(role, peer);
    });

    test('RFC 6455 5.5.2: the client sends no ping behind its close (client)', async () => {
        const peer = await role.open();
        role.command('close', peer, 1000);
        role.command('ping', peer);
        assert.equal(await peer.readClose(), 1000);
        peer.send(role.frame.close(1000));
        await role.expectEnd(peer, 1000, 'clean');
    });
});
