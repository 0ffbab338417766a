// What operators see of conversations, and what strangers at the door may take.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { tokenFor } from './lib.mjs';
import { Device, createTalk, devices, newestClients, people, startServer, stopClean, until } from './talk_lib.mjs';

let server;
before(async () => { server = await startServer({ SOCKETIO_CONNECT_TIMEOUT_MS: '1000' }); });
after(async () => { await stopClean(server); });

const sessions = (transport) => server.metric(`confab_socketio_sessions{transport="${transport}"}`);

// Session ids of so many handshakes, on one connection.
async function handshakes(server, count) {
    const socket = net.connect(server.port, '127.0.0.1');
    const sids = [];
    let rest = '';
    socket.on('data', (data) => {
        rest += data.toString('latin1');
        for (let at; (at = rest.indexOf('"sid":"') + 7) > 6 && rest.length >= at + 30; rest = rest.slice(at + 30))
            sids.push(rest.slice(at, at + 30));
    });
    socket.write('GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(count));
    while (sids.length < count) await once(socket, 'data');
    socket.destroy();
    return sids;
}

// How much each of the metrics grows while something happens.
async function growth(names, happening) {
    const earlier = [];
    for (const name of names) earlier.push(await server.metric(name));
    await happening();
    const grown = {};
    for (const [i, name] of names.entries()) grown[name] = await server.metric(name) - earlier[i];
    return grown;
}

describe('operations', () => {
    test('metrics: sessions by transport, upgrades, packets, acks, duplicates, rate-limited', async (context) => {
        const [polling, websocket, upgrade] = newestClients;
        const [ann] = people('ann');
        const talk = await createTalk(server, ann);
        const before = [await sessions('polling'), await sessions('websocket')];
        const grown = await growth(['confab_socketio_sessions_opened_total{transport="polling"}',
            'confab_socketio_sessions_opened_total{transport="websocket"}', 'confab_socketio_upgrades_total',
            'confab_socketio_acks_total', 'confab_idempotent_replays_total', 'confab_rate_limited_total'], async () => {
            const a = await devices(context, server, polling)(ann);
            const b = await devices(context, server, websocket)(ann);
            const c = await devices(context, server, upgrade)(ann);
            await c.settled();
            assert.deepEqual([await sessions('polling') - before[0], await sessions('websocket') - before[1]], [1, 2]);
            await a.join(talk);
            const id = crypto.randomUUID();
            for (let i = 0; i < 2; i++) assert.equal((await a.send(talk, 'once', id)).success, true);
            const answers = await Promise.all(Array.from({ length: 10 }, () => b.send(talk, 'more')));
            assert.ok(answers.some((answer) => answer.error === 'rate_limited'));
            for (const device of [a, b, c]) device.socket.disconnect();
            await until(async () => await sessions('polling') === before[0] &&
                await sessions('websocket') === before[1], 'no session');
        });
        const limited = grown.confab_rate_limited_total;
        assert.ok(limited >= 1 && limited <= 10, limited);
        assert.deepEqual(Object.values(grown), [2, 1, 1, 13, 1, limited]);
    });

    test('packets in and out, refusals, recoveries and protocol errors are counted', async (context) => {
        const [, websocket] = newestClients;
        const [ann] = people('ann');
        const names = ['confab_socketio_packets_total{direction="in"}',
            'confab_socketio_packets_total{direction="out"}',
            'confab_socketio_refused_total', 'confab_socketio_recoveries_total{outcome="recovered"}',
            'confab_socketio_recoveries_total{outcome="fresh"}', 'confab_socketio_protocol_errors_total'];
        const grown = await growth(names, async () => {
            await Device.refusal(server, ann, { client: websocket, auth: { token: 'no' } });
            const a = await devices(context, server, websocket)(ann);
            await a.lose(() => { a.socket.io.engine.close(); });
            assert.equal(await a.again(), true);
            a.raw('9');
            await until(() => !a.socket.connected, 'the end');
        });
        const [, , refused, recovered, fresh, errors] = Object.values(grown);
        assert.deepEqual([refused, recovered, fresh >= 0, errors], [1, 1, true, 1]);
        assert.ok(grown[names[0]] >= 4 && grown[names[1]] >= 3, JSON.stringify(grown));
    });

    test('v15 sessions that nobody connects by end by the connect timeout, and leave nothing', async () => {
        const target = '/socket.io/?EIO=4&transport=polling';
        const before = await sessions('polling');
        await Promise.all(Array.from({ length: 200 }, async () => {
            const { status, text } = await server.request('GET', target);
            assert.equal(status, 200);
            assert.match(text, /^0\{"sid":"[\w-]{30}",/);
        }));
        assert.ok(await sessions('polling') >= before);
        await until(async () => await sessions('polling') <= before, 'they are gone');
    });

    test('v15 of 5000 sessions that nobody connects by, the oldest makes room', async (context) => {
        const [, websocket] = newestClients;
        const crowded = await startServer({ CONFAB_WORKERS: '1', SOCKETIO_PING_INTERVAL_MS: '60000' });
        context.after(() => stopClean(crowded));
        const known = () => crowded.metric('confab_socketio_sessions{transport="polling"}');
        const closed = () => crowded.metric('confab_socketio_crowded_out_total');
        const [ann, ben] = people('ann', 'ben');
        const connect = async (sid) => (await crowded.request('POST', `/socket.io/?EIO=4&transport=polling&sid=${sid}`,
            { body: `40${JSON.stringify({ token: tokenFor(ann) })}` })).status;
        const a = await devices(context, crowded, websocket)(ann);
        const [oldest, second] = await handshakes(crowded, 5000);
        assert.deepEqual([await known(), await closed()], [5000, 0]);
        await handshakes(crowded, 1);
        assert.deepEqual([await known(), await closed()], [5000, 1]);
        assert.deepEqual([await connect(oldest), await connect(second)], [400, 200]);

        const b = await devices(context, crowded, websocket)(ben); // takes the place that `second` has left, and leaves it
        await handshakes(crowded, 1);
        assert.deepEqual([await known(), await closed()], [5001, 1]);
        await handshakes(crowded, 1);
        assert.deepEqual([await known(), await closed()], [5001, 2]);
        const talk = await createTalk(crowded, ann, [ben]);
        for (const device of [a, b]) await device.join(talk);
    });

    test('v16 session ids: no two alike, every bit as often one as zero', async () => {
        const ids = [];
        for (let i = 0; i < 40; i++)
            ids.push(...await Promise.all(Array.from({ length: 50 }, async () => {
                const { text } = await server.request('GET', '/socket.io/?EIO=4&transport=polling');
                return JSON.parse(text.slice(1)).sid;
            })));
        assert.equal(new Set(ids).size, ids.length);
        const ones = new Array(128).fill(0); // the last 48 bits name where it is
        for (const id of ids) {
            const bytes = Buffer.from(id, 'base64url');
            for (let bit = 0; bit < 128; bit++) ones[bit] += bytes[bit >> 3] >> (bit & 7) & 1;
        }
        const sigma = Math.sqrt(ids.length) / 2;
        for (const count of ones) assert.ok(Math.abs(count - ids.length / 2) < 6 * sigma, `${count} of ${ids.length}`);
    });

    test('a socket may wait for 256 answers of the store, not for more', async (context) => {
        const [, websocket] = newestClients;
        const [ann] = people('ann');
        const talk = await createTalk(server, ann);
        const device = await devices(context, server, websocket)(ann);
        // More than the server can have asked the store, and been answered, between two reads of its socket; in one write.
        const wire = device.socket.io.engine.transport.ws._socket;
        wire.cork();
        const asked = Array.from({ length: 5000 }, () => device.ask('conversation:join', talk));
        setImmediate(() => wire.uncork());
        const answers = await Promise.all(asked);
        const refused = answers.filter(({ success }) => !success);
        assert.ok(answers.length - refused.length >= 256, `${refused.length} refused`);
        assert.ok(refused.length > 0, 'all were taken');
        for (const { error } of refused) assert.equal(error, 'rate_limited');
        assert.equal((await device.ask('conversation:join', talk)).success, true);
    });

    test('a socket is in 1,000 conversations, all sockets of a user are in 2,000', async (context) => {
        const [, websocket] = newestClients;
        const [ann] = people('ann');
        const talks = [];
        while (talks.length < 1001)
            talks.push(...await Promise.all(Array.from({ length: 91 }, () => createTalk(server, ann))));
        const connect = devices(context, server, websocket);
        const joins = async (device, wanted) => {
            for (let at = 0; at < wanted.length; at += 100) {
                const answers = await Promise.all(wanted.slice(at, at + 100).map((talk) => device.ask('conversation:join', talk)));
                for (const answer of answers) assert.equal(answer.success, true, JSON.stringify(answer));
            }
        };
        const first = await connect(ann), second = await connect(ann), third = await connect(ann);
        await joins(first, talks.slice(0, 1000));
        assert.equal((await first.ask('conversation:join', talks[1000])).error, 'invalid');
        assert.equal((await first.leave(talks[0])).success, true);
        await joins(first, [talks[1000]]);
        await joins(second, talks.slice(0, 1000));
        assert.equal((await third.ask('conversation:join', talks[5])).error, 'invalid');
        assert.equal((await second.leave(talks[5])).success, true);
        await joins(third, [talks[5]]);
    });

    test('a message without a callback is refused by message:ack; typing has an ack too', async (context) => {
        const [, websocket] = newestClients;
        const [ann] = people('ann');
        const talk = await createTalk(server, ann);
        const a = await devices(context, server, websocket)(ann);
        await a.join(talk);
        const clientMessageId = crypto.randomUUID();
        for (const [text, error] of [['', 'invalid'], ['x'.repeat(1001), 'too_long']]) {
            a.emit('message:send', talk, { text, clientMessageId });
            assert.deepEqual(await a.next('message:ack'), [{ clientMessageId, success: false, error }]);
        }
        a.emit('message:send', 2 ** 40, { text: 'x', clientMessageId });
        assert.deepEqual(await a.next('message:ack'), [{ clientMessageId, success: false, error: 'not_participant' }]);
        assert.deepEqual(await a.ask('typing:start', talk), { success: true });
        assert.deepEqual(await a.ask('typing:stop', talk), { success: true });
    });

    test('WEBSOCKET_ENABLED=false: polling goes on', async (context) => {
        const [polling, websocket, upgrade] = newestClients;
        const [ann] = people('ann');
        const alone = await startServer({ WEBSOCKET_ENABLED: 'false' });
        try {
            const talk = await createTalk(alone, ann);
            for (const client of [polling, upgrade]) {
                const device = await devices(context, alone, client)(ann);
                await device.join(talk);
                assert.equal((await device.say(talk, 'still here')).text, 'still here');
                device.close();
            }
            assert.equal((await Device.refusal(alone, ann, { client: websocket })).message, 'websocket error');
        } finally {
            await stopClean(alone);
        }
    });

    test('an Origin that is not in the list is refused, over every transport', async () => {
        const alone = await startServer({ WEBSOCKET_ALLOWED_ORIGINS: 'https://app.example.com' });
        try {
            const ask = (origin) => alone.request('GET', '/socket.io/?EIO=4&transport=polling', { headers: { origin } });
            const good = await ask('https://app.example.com');
            assert.equal(good.status, 200);
            assert.equal(good.headers['access-control-allow-origin'], 'https://app.example.com');
            for (const origin of ['https://evil.example.com', 'null', 'https://app.example.com.evil.org',
                'http://app.example.com']) {
                const bad = await ask(origin);
                assert.deepEqual([bad.status, bad.text], [403, '{"code":4,"message":"Forbidden"}']);
                assert.equal(bad.headers['access-control-allow-origin'], undefined);
            }
        } finally {
            await stopClean(alone);
        }
    });

    test('a token in the URL, of somebody else: the one of CONNECT counts', async (context) => {
        const [, websocket] = newestClients;
        const [ann, ben] = people('ann', 'ben');
        const talk = await createTalk(server, ann);
        const a = await devices(context, server, websocket)(ann, { query: { token: tokenFor(ben) } });
        assert.deepEqual(await a.ask('conversation:join', talk), { success: true, online: [ann] });
    });
});
