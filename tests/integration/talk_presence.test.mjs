// Typing and presence: who hears of it, and how it ends when nobody says so.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Relay, ask, byName, clients, createTalk, devices, newestClients, oldestClients, people, random, seedOf, sleep,
    startServer, stopClean, until } from './talk_lib.mjs';

// A connection that was lost may be recovered; so long its user counts as there.
const grace = 5000;

let server;
before(async () => {
    server = await startServer({ SOCKETIO_PING_INTERVAL_MS: '1000', SOCKETIO_PING_TIMEOUT_MS: '1000' });
});
after(async () => { await stopClean(server); });

// A conversation of ann and ben, with a joined device of ann, who watches.
async function watched(context, client, names = ['ann', 'ben']) {
    const connect = devices(context, server, client);
    const users = people(...names);
    const talk = await createTalk(server, users[0], users.slice(1));
    const watcher = await connect(users[0]);
    await watcher.join(talk);
    return { connect, users, talk, watcher, ben: users[1] };
}

describe('typing', { concurrency: true }, () => {
    for (const client of clients) {
        describe(client.title, { concurrency: true }, () => {
            test('2.8.1 2.8.4 2.8.5 2.8.6 start and stop reach the others, not oneself', async (context) => {
                const { connect, users, talk, watcher } = await watched(context, client, ['ann', 'ben', 'cal']);
                const [ann, ben, cal] = users;
                const b = await connect(ben), c = await connect(cal), unjoined = await connect(cal);
                for (const device of [b, c]) await device.join(talk);
                b.emit('typing:start', talk);
                for (const device of [watcher, c]) assert.deepEqual(await device.next('typing:start'), [ben, talk]);
                b.emit('typing:stop', talk);
                for (const device of [watcher, c]) assert.deepEqual(await device.next('typing:stop'), [ben, talk]);
                // a stop without a start
                b.emit('typing:stop', talk);
                watcher.emit('typing:start', talk);
                for (const device of [b, c]) assert.deepEqual(await device.next('typing:start'), [ann, talk]);
                await b.say(talk, 'the fence');
                for (const device of [watcher, b, c]) await device.message();
                await b.next('message:ack');
                for (const device of [watcher, b, c, unjoined])
                    assert.deepEqual(device.left('typing:start', 'typing:stop'), []);
            });

            test('starts in a row are relayed every 100 ms at most', async (context) => {
                const { connect, talk, watcher, ben } = await watched(context, client);
                const b = await connect(ben);
                await b.join(talk);
                await b.settled();
                const start = Date.now();
                while (Date.now() - start < 1000) {
                    b.emit('typing:start', talk);
                    await sleep(5);
                }
                const seconds = (Date.now() - start) / 1000;
                b.emit('typing:stop', talk);
                assert.deepEqual(await watcher.next('typing:stop'), [ben, talk]);
                const starts = watcher.left('typing:start');
                assert.ok(starts.length >= 2 && starts.length <= 1 + seconds * 10, `${starts.length} in ${seconds} s`);
                for (const each of starts) assert.deepEqual(each, ['typing:start', ben, talk]);
            });

            test('property 5: typing ends by itself 5 s after the last start', async (context) => {
                const { connect, talk, watcher, ben } = await watched(context, client);
                const b = await connect(ben);
                await b.join(talk);
                b.emit('typing:start', talk);
                await watcher.next('typing:start');
                await sleep(2000);
                const last = Date.now();
                b.emit('typing:start', talk);
                assert.deepEqual(await watcher.next('typing:stop'), [ben, talk]);
                const passed = Date.now() - last;
                assert.ok(passed > 4500 && passed < 9000, `${passed} ms`);
                await b.say(talk, 'the fence');
                await watcher.message();
                assert.deepEqual(watcher.left('typing:stop'), []);
            });

            test('typing ends when the tab dies, when its socket leaves, when it says goodbye', async (context) => {
                const { connect, talk, watcher, ben } = await watched(context, client);
                const relay = await Relay.start(server.port);
                context.after(() => relay.close());
                for (const end of [() => relay.cut(), (b) => b.cut(), (b) => b.leave(talk), (b) => b.close()]) {
                    const b = await connect(ben, { address: relay.address });
                    await b.join(talk);
                    await b.settled();
                    const start = Date.now();
                    b.emit('typing:start', talk);
                    assert.deepEqual(await watcher.next('typing:start'), [ben, talk]);
                    await end(b);
                    assert.deepEqual(await watcher.next('typing:stop'), [ben, talk]);
                    assert.ok(Date.now() - start < 4500, 'before the 5 s are over');
                    b.close();
                }
            });
        });
    }
});

describe('presence', { concurrency: true }, () => {
    for (const client of [...newestClients, oldestClients[2]]) {
        describe(client.title, { concurrency: true }, () => {
            test('2.9.2 2.9.5 three devices leave one by one, the last by a dead network', async (context) => {
                const { connect, talk, watcher, ben } = await watched(context, client);
                const relay = await Relay.start(server.port);
                context.after(() => relay.close());
                const one = await connect(ben), two = await connect(ben);
                const three = await connect(ben, { address: relay.address });
                for (const device of [one, two, three]) await device.join(talk);
                await three.settled();
                assert.deepEqual(await watcher.next('user:online'), [ben, talk]);
                assert.deepEqual(byName((await one.leave(talk)).online), byName([watcher.user, ben]));
                two.close();
                await two.disconnected;
                const silent = Date.now();
                relay.freeze();
                assert.deepEqual(await watcher.next('user:offline'), [ben, talk]);
                const passed = Date.now() - silent;
                // pings tell of it within 2 s, and then the grace
                assert.ok(passed > grace - 500 && passed < grace + 9000, `${passed} ms`);
                assert.deepEqual(watcher.left('user:online', 'user:offline'), []);
            });

            test('2.9.5 a dead device does not end the presence of one that lives', async (context) => {
                const { connect, talk, watcher, ben } = await watched(context, client);
                const relay = await Relay.start(server.port);
                context.after(() => relay.close());
                const dead = await connect(ben, { address: relay.address }), alive = await connect(ben);
                for (const device of [dead, alive]) await device.join(talk);
                await dead.settled();
                relay.freeze();
                await dead.disconnected;
                await sleep(grace + 2000);
                await alive.say(talk, 'the fence');
                await watcher.message();
                assert.deepEqual(watcher.left(), [['user:online', ben, talk]]);
                alive.close();
                assert.deepEqual(await watcher.next('user:offline'), [ben, talk]);
            });

            test('one who is removed while his connection is lost is offline at once', async (context) => {
                const { connect, talk, watcher, ben } = await watched(context, client);
                const b = await connect(ben);
                await b.join(talk);
                b.cut();
                await b.disconnected;
                const start = Date.now();
                const removed = await ask(server, ben, 'DELETE', `/${talk}/participants/${ben}`);
                assert.equal(removed.status, 204);
                assert.deepEqual(await watcher.next('user:online'), [ben, talk]);
                assert.deepEqual(await watcher.next('user:offline'), [ben, talk]);
                assert.ok(Date.now() - start < grace - 1000);
                assert.deepEqual(await watcher.join(talk), [watcher.user]);
            });

            test('2.9.2 offline at once on leave and on goodbye', async (context) => {
                const { connect, talk, watcher, ben } = await watched(context, client);
                for (const end of [(b) => b.leave(talk), (b) => b.socket.disconnect()]) {
                    const b = await connect(ben);
                    await b.join(talk);
                    assert.deepEqual(await watcher.next('user:online'), [ben, talk]);
                    const start = Date.now();
                    await end(b);
                    assert.deepEqual(await watcher.next('user:offline'), [ben, talk]);
                    assert.ok(Date.now() - start < 3000);
                }
            });

            test('a lost connection counts for 5 s; one that is back in time was never away', async (context) => {
                const { connect, talk, watcher, ben } = await watched(context, client);
                const b = await connect(ben);
                await b.join(talk);
                const lost = Date.now();
                b.cut();
                await b.disconnected;
                const again = await connect(ben);
                assert.deepEqual(byName(await again.join(talk)), byName([watcher.user, ben]));
                await sleep(Math.max(0, lost + grace + 1500 - Date.now()));
                await again.say(talk, 'the fence');
                await watcher.message();
                assert.deepEqual(watcher.left(), [['user:online', ben, talk]]);
                const end = Date.now();
                again.cut();
                assert.deepEqual(await watcher.next('user:offline'), [ben, talk]);
                const passed = Date.now() - end;
                assert.ok(passed > grace - 500 && passed < grace + 5000, `${passed} ms`);
            });
        });
    }

    test('2.6.1 with the defaults a silent peer is noticed within 5 s', async (context) => {
        const own = await startServer({ SOCKETIO_PING_INTERVAL_MS: undefined, SOCKETIO_PING_TIMEOUT_MS: undefined });
        try {
            const relay = await Relay.start(own.port);
            context.after(() => relay.close());
            const connect = devices(context, own);
            const [ann, ben] = people('ann', 'ben');
            const talk = await createTalk(own, ann, [ben]);
            const watcher = await connect(ann), b = await connect(ben, { address: relay.address });
            for (const device of [watcher, b]) await device.join(talk);
            await sleep(1000);
            const silent = Date.now();
            relay.freeze();
            await b.disconnected;
            assert.ok(Date.now() - silent < 5500, 'the client');
            await watcher.next('user:offline');
            assert.ok(Date.now() - silent < 5500 + grace + 1000, 'the server, and the grace');
        } finally {
            await stopClean(own);
        }
    });

    test('property 6: who counts as online is who has a joined socket, whatever happens', async (context) => {
        const seed = seedOf(20261122);
        context.diagnostic(`seed ${seed}`);
        const next = random(seed);
        const connect = devices(context, server);
        const [ann, ...others] = people('ann', 'b', 'c', 'd');
        const talk = await createTalk(server, ann, others);
        const watcher = await connect(ann);
        await watcher.join(talk);
        const open = []; // { device, joined }
        const joined = () => open.filter((each) => each.joined).map(({ device }) => device.user);
        const here = () => [ann, ...new Set(joined())].sort();
        const heard = new Set([ann]);
        for (let step = 0; step < 150; step++) {
            const one = open[next.below(open.length)];
            const action = next.below(5);
            if (!one || (action === 0 && open.length < 9)) {
                open.push({ device: await connect(others[next.below(3)]), joined: false });
            } else if (action === 1 || action === 4) {
                one.joined = true;
                assert.deepEqual(byName(await one.device.join(talk)), here());
            } else if (action === 2) {
                one.joined = false;
                await one.device.leave(talk);
            } else if (action === 3) {
                open.splice(open.indexOf(one), 1);
                one.device.close();
            }
            await until(async () => {
                for (const [event, user] of watcher.left('user:online', 'user:offline')) {
                    await watcher.next(event, (each) => each === user);
                    assert.equal(heard.has(user), event === 'user:offline', 'no event without a change');
                    if (event === 'user:online') heard.add(user);
                    else heard.delete(user);
                }
                return [...heard].sort().join() === here().join();
            }, `step ${step}: ${[...heard].sort()} is ${here()}`);
        }
        assert.deepEqual(byName(await watcher.join(talk)), here());
    });
});
