// Connection state recovery: what was missed comes once and in order, to those who may still have it.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { makeDir, tokenFor } from './lib.mjs';
import { Device, Relay, ask, createTalk, devices, fetchAfter, livelyPings, newestClients, oldestClients, people, random, seedOf,
    sleep, startServer, stopClean, until, within, withoutReceipts } from './talk_lib.mjs';

let server;
before(async () => { server = await startServer(livelyPings); });
after(async () => { await stopClean(server); });

// ann, who stays, and ben, whose connection will be lost.
async function scene(context, client, options) {
    const connect = devices(context, server, client);
    const [ann, ben] = people('ann', 'ben');
    const talk = await createTalk(server, ann, [ben]);
    const a = await connect(ann), b = await connect(ben, options);
    await a.join(talk);
    await b.join(talk);
    await a.next('user:online');
    await b.settled();
    return { connect, ann, ben, talk, a, b };
}

// What passes the relay is cut until the client has noticed: between two requests of polling there is nothing to cut.
const cutBy = (relay, device) => () => until(() => {
    relay.cut();
    return !device.socket.connected;
}, 'a cut');

async function texts(device, count) {
    const all = [];
    while (all.length < count) all.push((await device.message()).text);
    return all;
}

for (const client of newestClients) {
    describe(`recovery: ${client.title}`, { concurrency: 4 }, () => {
        test('2.7.1 3.3.3 property 4: what was missed comes once, in order, again and again', async (context) => {
            const { a, b, talk } = await scene(context, client);
            const sid = b.socket.id;
            await a.say(talk, 'before');
            assert.deepEqual(await texts(b, 1), ['before']);
            for (let round = 0; round < 5; round++) {
                await b.lose();
                const missed = [];
                for (let i = 0; i < round; i++) missed.push((await a.say(talk, `${round}-${i}`)).text);
                assert.equal(await b.again(), true);
                assert.equal(b.socket.id, sid);
                // the room is joined again
                missed.push((await a.say(talk, `${round} after`)).text);
                assert.deepEqual(await texts(b, missed.length), missed);
                assert.deepEqual(b.left(), []);
                await sleep(100 * round);
            }
            assert.equal((await b.say(talk, 'from the recovered one')).seq, 17);
        });

        test('from the first event on: none was received before', async (context) => {
            const { a, b, talk } = await scene(context, client);
            await b.lose();
            await a.say(talk, 'one');
            await a.say(talk, 'two');
            assert.equal(await b.again(), true);
            assert.deepEqual(await texts(b, 2), ['one', 'two']);
            await b.lose();
            assert.equal(await b.again(), true);
            await a.say(talk, 'three');
            assert.deepEqual(await texts(b, 1), ['three']);
            assert.deepEqual(b.left(), []);
        });

        test('a connection that the network has cut', async (context) => {
            const relay = await Relay.start(server.port);
            context.after(() => relay.close());
            const { a, b, talk } = await scene(context, client, { address: relay.address });
            for (let round = 0; round < 3; round++) {
                await b.lose(cutBy(relay, b));
                await a.say(talk, `${round}`);
                assert.equal(await b.again(), true);
                assert.deepEqual(await texts(b, 1), [`${round}`]);
            }
            await b.lose(cutBy(relay, b));
            assert.equal(await b.again(), true);
            assert.deepEqual(b.left(), []);
        });

        test('a connection that the server does not know to be dead: the new one takes its place', async (context) => {
            const relay = await Relay.start(server.port);
            context.after(() => relay.close());
            const { a, b, talk, ben } = await scene(context, client, { address: relay.address });
            await a.say(talk, 'before');
            assert.deepEqual(await texts(b, 1), ['before']);
            await b.lose(() => { relay.freeze(); b.cut(); b.socket.io.engine.transport.ws?.terminate(); });
            await a.say(talk, 'missed');
            relay.thaw();
            assert.equal(await b.again(), true);
            await a.say(talk, 'after');
            assert.deepEqual(await texts(b, 2), ['missed', 'after']);
            assert.deepEqual(b.left(), []);
            // one device, not two
            await b.leave(talk);
            assert.deepEqual(await a.next('user:offline', undefined, 3000), [ben, talk]);
        });

        test('receipts that were missed come too, in the order in which they were given', async (context) => {
            const { connect, a, b, talk, ann, ben } = await scene(context, client);
            const { id } = await b.say(talk, 'seen?');
            await b.message();
            await b.next('message:ack');
            await b.lose();
            await a.ask('message:delivered', id);
            await a.say(talk, 'between');
            await a.ask('message:read', id);
            assert.equal(await b.again(), true);
            const events = [];
            b.socket.onAny((event) => events.push(event));
            const [delivered, first] = await b.next('message:delivered');
            const [message, second] = await b.next('message:new');
            const [read, third] = await b.next('message:read');
            assert.deepEqual([delivered.messageId, delivered.deliveredTo, message.text, read.readBy],
                [id, ann, 'between', ann]);
            assert.ok(Number(first) < Number(second) && Number(second) < Number(third), `${first} ${second} ${third}`);
            assert.deepEqual(b.left(), []);
            // other devices of ben hear of receipts once, too
            const other = await connect(ben);
            await a.ask('message:read', id);
            await a.say(talk, 'the fence');
            await b.message();
            assert.deepEqual([b.left(), other.left()], [[], []]);
        });

        test('presence does not flicker', async (context) => {
            const { a, b, talk } = await scene(context, client);
            for (let round = 0; round < 3; round++) {
                await b.lose();
                await sleep(300);
                assert.equal(await b.again(), true);
            }
            await sleep(5500);
            await b.say(talk, 'the fence');
            await a.message();
            assert.deepEqual(a.left('user:online', 'user:offline'), []);
        });

        test('one who was removed meanwhile gets nothing', async (context) => {
            const { a, b, talk, ann, ben } = await scene(context, client);
            const shared = await createTalk(server, ann, [ben]);
            await b.join(shared);
            await a.say(talk, 'before');
            assert.deepEqual(await texts(b, 1), ['before']);
            await b.lose();
            await a.say(talk, 'while still in');
            assert.equal((await ask(server, ann, 'DELETE', `/${talk}/participants/${ben}`)).status, 204);
            await a.say(talk, 'secret');
            await a.say(shared, 'for both');
            assert.equal(await b.again(), true);
            assert.deepEqual(await texts(b, 1), ['for both']);
            await a.say(talk, 'secret still');
            await a.say(shared, 'the fence');
            assert.deepEqual(await texts(b, 1), ['the fence']);
            assert.deepEqual(b.left(), []);
        });

        test('another user, by the same pid, gets nothing', async (context) => {
            const { connect, a, b, talk, ann, ben } = await scene(context, client);
            const [zoe] = people('zoe');
            const shared = await createTalk(server, ann, [zoe]);
            const z = await connect(zoe);
            const pid = b.socket._pid, sid = b.socket.id;
            await b.lose();
            await a.say(talk, 'secret');
            await z.lose();
            z.socket._pid = pid;
            z.socket._lastOffset = '0';
            assert.equal(await z.again(), false);
            assert.notEqual(z.socket.id, sid);
            await z.join(shared);
            await a.say(talk, 'secret still');
            await a.say(shared, 'the fence');
            assert.deepEqual(await texts(z, 1), ['the fence']);
            assert.deepEqual(z.left(), []);
            // and has not taken it from its owner
            assert.equal(await b.again(), true);
            assert.deepEqual(await texts(b, 2), ['secret', 'secret still']);
            assert.equal(b.user, ben);
        });

        test('an expired token recovers nothing, a new one does', async (context) => {
            const { a, b, talk, ben } = await scene(context, client);
            await b.lose();
            await a.say(talk, 'missed');
            b.socket.auth = { token: tokenFor(ben, { exp: 1000 }) };
            const error = await b.again().then(() => assert.fail('it connected'), (each) => each);
            assert.deepEqual([error.message, error.data], ['Invalid or expired token', { code: 'token_expired' }]);
            assert.deepEqual(b.left(), []);
            b.socket.auth = { token: tokenFor(ben) };
            assert.equal(await b.again(), true);
            assert.deepEqual(await texts(b, 1), ['missed']);
        });

        test('who said goodbye is a new one, and so is who shows a pid that is none', async (context) => {
            const { a, b, talk } = await scene(context, client);
            const sid = b.socket.id, pid = b.socket._pid;
            assert.ok(pid.length >= 20, pid);
            b.socket.disconnect();
            await a.next('user:offline');
            await a.say(talk, 'missed');
            assert.equal(await b.again(), false);
            assert.notEqual(b.socket.id, sid);
            await b.join(talk);
            assert.deepEqual(b.left('message:new'), []);
            const current = b.socket._pid;
            const guessed = `${current.slice(0, -1)}${current.endsWith('A') ? 'B' : 'A'}`;
            for (const [wrong, offset] of [['x', '1'], ['', '1'], [5, 5], [{}, []], ['A'.repeat(500), '1'], [pid, '1'],
                [guessed, undefined]]) {
                await b.lose();
                b.socket._pid = wrong;
                b.socket._lastOffset = offset;
                assert.notEqual(await b.again(), true, JSON.stringify(wrong));
            }
            for (const offset of ['x', '-1', '99999999999999999999', '', 5, null]) {
                await b.lose();
                b.socket._lastOffset = offset;
                await b.again();
                assert.equal(b.socket.connected, true);
            }
            await b.join(talk);
            await a.say(talk, 'the fence');
            await b.next('message:new', ({ text }) => text === 'the fence');
        });

        test('3.1.3 it is back within 5 s by itself', async (context) => {
            const { a, b, talk } = await scene(context, client, { reconnection: true });
            const lost = Date.now();
            await b.lose();
            await a.say(talk, 'missed');
            await until(() => b.connects === 2, 'the second connection');
            assert.ok(Date.now() - lost < 5000);
            assert.equal(b.socket.recovered, true);
            assert.deepEqual(await texts(b, 1), ['missed']);
        });

        test('2.6.3 2.6.4 property 3: what was sent while away is stored once, and acknowledged', async (context) => {
            const { a, b, talk } = await scene(context, client);
            await b.lose();
            const ids = Array.from({ length: 5 }, () => crypto.randomUUID());
            // twice each, as after a timeout
            const acks = [...ids, ...ids].map((id) => b.ask('message:send', talk, { text: id, clientMessageId: id }));
            assert.equal(await b.again(), true);
            const stored = await Promise.all(acks);
            assert.deepEqual(stored.map(({ message }) => message.seq), [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
            assert.deepEqual(await texts(a, 5), ids);
            assert.deepEqual(await texts(b, 5), ids);
            assert.deepEqual([a.left('message:new'), b.left('message:new')], [[], []]);
        });

        test('property 4: random cuts while others talk; nothing is missing, nothing is twice', async (context) => {
            const seed = seedOf(20261125);
            context.diagnostic(`seed ${seed}`);
            const next = random(seed);
            const relay = await Relay.start(server.port);
            context.after(() => relay.close());
            const { a, b, talk } = await scene(context, client, { address: relay.address, reconnection: true,
                reconnectionDelay: 10, reconnectionDelayMax: 50 });
            let running = true;
            const cutting = (async () => {
                while (running) {
                    await sleep(next.below(120));
                    if (next() < 0.5) relay.cut();
                    else if (b.socket.connected) b.cut();
                }
            })();
            const said = [];
            for (let i = 0; i < 40; i++) {
                const answer = await a.send(talk, `m${i}`);
                if (answer.success) said.push(answer.message);
                else await sleep(answer.retryAfterMs);
            }
            running = false;
            await cutting;
            await until(() => b.socket.connected, 'the last connection');
            for (const message of said) assert.deepEqual(await b.message(), message);
            assert.equal(b.socket.recovered, true);
            assert.deepEqual(b.left(), []);
        });
    });
}

describe('slow consumers', () => {
    test('one who is cut off in the middle of a burst misses nothing', async (context) => {
        const strict = await startServer({ CONFAB_WORKERS: '1', WEBSOCKET_SEND_BUFFER: '3' });
        const [ann, ben] = people('ann', 'ben');
        const one = await createTalk(strict, ann, [ben]), two = await createTalk(strict, ann, [ben]);
        const a = await Device.connect(strict, ann, { client: newestClients[0] });
        const b = await Device.connect(strict, ben, { reconnection: true, reconnectionDelay: 10 });
        context.after(async () => {
            for (const device of [a, b]) device.close();
            await stopClean(strict);
        });
        for (const talk of [one, two]) await b.join(talk);
        // In one request: two may wait, two in a row are then too much, one would fit.
        const burst = [one, two, one, two, two, one];
        for (const [i, talk] of burst.entries())
            a.emit('message:send', talk, { text: `${i}`, clientMessageId: crypto.randomUUID() });
        assert.deepEqual(await texts(b, burst.length), ['0', '1', '2', '3', '4', '5']);
        assert.equal(b.connects, 2);
    });

    test('one who asks and does not read is cut off', async (context) => {
        const [ann] = people('ann');
        const a = await Device.connect(server, ann);
        context.after(() => a.close());
        const { ws } = a.socket.io.engine.transport;
        const slow = () => server.log.includes(`user_id=${ann} reason=slow_consumer`);
        ws._socket.pause();
        await until(async () => {
            for (let i = 0; i < 1000; i++) ws.send('421["typing:start",1]');
            await until(() => ws.bufferedAmount === 0, 'all is sent');
            return slow();
        }, 'the end of it');
        ws._socket.resume();
        await a.disconnected;
    });
});

describe('without recovery', { concurrency: 4 }, () => {
    for (const client of oldestClients) {
        test(`2.7.1 2.7.3 2.7.4 property 4: join again and fetch, ${client.title}`, async (context) => {
            const { a, b, talk } = await scene(context, client);
            const { seq } = await a.say(talk, 'before');
            await b.message();
            await b.lose();
            for (const text of ['one', 'two']) await a.say(talk, text);
            assert.notEqual(await b.again(), true);
            // connect first, hold back what arrives, fetch, merge by id
            await b.join(talk);
            const live = await a.say(talk, 'three');
            const fetched = (await fetchAfter(server, b.user, talk, seq)).map(withoutReceipts);
            assert.deepEqual(fetched.map(({ text }) => text), ['one', 'two', 'three']);
            assert.deepEqual(await b.message(), live);
            assert.deepEqual(fetched.at(-1), live);
            assert.deepEqual(b.left(), []);
        });
    }
});

describe('restarts', { concurrency: 3 }, () => {
    for (const client of newestClients) {
        for (const signal of ['SIGTERM', 'SIGKILL']) {
            test(`3.3.4 recovered after a restart by ${signal}: ${client.title}`, async (context) => {
                const dir = makeDir();
                let own = await startServer({}, { dir });
                context.after(() => { own.child.kill('SIGKILL'); rmSync(dir, { recursive: true, force: true }); });
                const [ann, ben, cal] = people('ann', 'ben', 'cal');
                const talk = await createTalk(own, ann, [ben, cal]);
                const b = await Device.connect(own, ben, { client }), c = await Device.connect(own, cal, { client });
                context.after(() => { b.close(); c.close(); });
                for (const device of [b, c]) await device.join(talk);
                await b.settled();
                const say = async (text) => {
                    const answer = await ask(own, ann, 'POST', `/${talk}/messages`,
                        { text, clientMessageId: crypto.randomUUID() });
                    assert.equal(answer.status, 201, answer.text);
                };
                await say('before');
                assert.deepEqual(await texts(b, 1), ['before']);
                await c.message();
                const port = own.port;
                for (const round of ['first', 'second']) {
                    const reason = await b.lose(() => own.child.kill(signal));
                    // who polls may be between two polls, when nothing can be told
                    if (signal === 'SIGTERM' && b.transport === 'websocket')
                        assert.equal(reason, 'io server disconnect');
                    const { code } = await within(own.closed, 'the end of the server');
                    assert.equal(code, signal === 'SIGTERM' ? 0 : null);
                    own = await startServer({ CONFAB_LISTEN: `127.0.0.1:${port}` }, { dir });
                    await say(`${round} missed`);
                    assert.equal(await b.again(), true);
                    await say(`${round} after`);
                    assert.deepEqual(await texts(b, 2), [`${round} missed`, `${round} after`]);
                }
                // cal, away since the first restart, was removed before the second connection
                assert.equal((await ask(own, ann, 'DELETE', `/${talk}/participants/${cal}`)).status, 204);
                await until(() => !c.socket.connected, 'the disconnect');
                await c.again();
                await say('secret');
                await b.message();
                assert.equal((await c.ask('conversation:join', talk)).error, 'not_participant');
                assert.deepEqual(c.left('message:new'), []);
                b.close();
                c.close();
                own.child.kill('SIGTERM');
                assert.equal((await own.closed).code, 0);
            });
        }
    }
});
