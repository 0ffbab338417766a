// What ends a stream or never lets it begin: pings, bad frames, limits, attempts, origins, tokens; and compression.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { constants, inflateRawSync } from 'node:zlib';
import { OP, RawClient, frame, request } from '../conformance/ws_raw.mjs';
import { Server, run, signToken, tokenFor } from './lib.mjs';
import { Feed, ask, createGroup, expect, feeds, fetchSince, isEvent, nowhere, ownServer, say, startServer,
    urlOf } from './orbital_lib.mjs';
import { people, sleep, stopClean, until, within } from './talk_lib.mjs';

describe('three missed pongs', { concurrency: true }, () => {
    let server;
    before(async () => { server = await startServer({ ORBITAL_PING_PERIOD_SECONDS: '1' }); });
    after(async () => { await stopClean(server); });

    // Whether it is still open after so many pings that it answers by `how`, in its own time.
    async function lives(pings, how) {
        const feed = await Feed.open(server, people('ann')[0], { pongs: false });
        feed.socket.on('json-ping', () => how(feed, feed.pings.length));
        try {
            await until(() => feed.pings.length >= pings || feed.fault, `${pings} pings`, 60000);
            return feed.fault === undefined;
        } finally {
            feed.cut();
        }
    }

    test('who is silent gets three pings, and is dropped a period after the third', async () => {
        const opened = Date.now();
        const feed = await Feed.open(server, people('ann')[0], { pongs: false });
        const { code } = await within(feed.closed, 'the drop', 60000);
        const lived = Date.now() - opened;
        assert.equal(code, 1006); // as the seed's terminate()
        assert.equal(feed.pings.length, 3);
        assert.ok(lived > 3000 && lived < 9000, `${lived}`);
        for (const [i, { data }] of feed.pings.entries())
            assert.ok(Math.abs(data.server_time - (opened + (i + 1) * 1000)) < 5000, `${i}: ${data.server_time}`);
    });

    for (const [title, how] of [
        ['a JSON pong', (feed) => feed.say('pong', { client_time: Date.now() })],
        ['a JSON pong without data', (feed) => feed.raw('{"type":"pong"}')],
        ['a protocol-level pong', (feed) => feed.socket.pong()],
        ['one of three pongs', (feed, count) => count % 3 === 0 && feed.say('pong', {})],
    ]) {
        test(`${title} keeps alive`, async () => {
            assert.equal(await lives(7, how), true);
        });
    }

    for (const [title, how] of [
        ['a JSON ping', (feed) => feed.say('ping', {})], ['a protocol-level ping', (feed) => feed.socket.ping()],
        ['a subscription', (feed) => feed.say('subscribe', { group_ids: [] })],
        ['typing', (feed) => feed.say('typing_indicator', { thread_id: nowhere, is_typing: true })],
    ]) {
        test(`${title} is no pong`, async () => {
            assert.equal(await lives(7, how), false);
        });
    }
});

describe('bad frames', () => {
    let server;
    before(async () => { server = await startServer(); });
    after(async () => { await stopClean(server); });

    const sorts = {
        bad_json: ['', ' ', '{', '{"type":', 'ping', '[]', '"ping"', '5', 'null', '{}', '{"type":5}', '{"type":null}',
            '{"data":{}}', '{"type":"ping"} {}', '{"type":"ping","type":"ping"}', "{'type':'ping'}",
            `{"type":"ping","data":${'['.repeat(40)}${']'.repeat(40)}}`],
        unknown_type: ['{"type":""}', '{"type":"Ping"}', '{"type":"message"}', '{"type":"auth_success","data":{}}',
            '{"type":"new_message","data":{"encrypted_envelope":"AA=="}}', '{"type":"subscribed"}', '{"type":"ping\\u0000"}'],
        invalid: ['{"type":"subscribe"}', '{"type":"subscribe","data":null}', '{"type":"subscribe","data":[]}',
            '{"type":"subscribe","data":{}}', '{"type":"subscribe","data":{"group_ids":null}}',
            `{"type":"subscribe","data":{"group_ids":"${nowhere}"}}`, '{"type":"subscribe","data":{"group_ids":[5]}}',
            '{"type":"subscribe","data":{"group_ids":[null]}}', '{"type":"unsubscribe","data":{}}',
            '{"type":"unsubscribe","data":{"group_ids":[{}]}}', '{"type":"typing_indicator"}',
            '{"type":"typing_indicator","data":{"is_typing":true}}',
            `{"type":"typing_indicator","data":{"thread_id":"${nowhere}"}}`,
            `{"type":"typing_indicator","data":{"thread_id":"${nowhere}","is_typing":"yes"}}`,
            '{"type":"typing_indicator","data":{"thread_id":5,"is_typing":true}}'],
    };
    const codeOf = async (feed, bytes) => {
        feed.raw(bytes);
        return (await feed.next('error')).data.code;
    };

    for (const [code, texts] of Object.entries(sorts)) {
        test(`each of ${code} is answered so, and the connection stays`, async (context) => {
            const feed = await feeds(context, server)(people('ann')[0]);
            for (const text of texts) {
                assert.equal(await codeOf(feed, text), code, text);
                await feed.settled();
            }
        });
    }

    const goodbye = { code: 1008, reason: 'too many bad frames' };
    for (const [title, bad] of [...Object.entries(sorts).map(([code, texts]) => [code, (i) => texts[i % texts.length]]),
        ['binary', () => Buffer.from('{"type":"ping"}')],
        ['every sort in turn', (i) => [sorts.bad_json[1], Buffer.alloc(3), sorts.invalid[0], sorts.unknown_type[0]][i % 4]]]) {
        test(`ten of ${title} in a row close with 1008, nine, a good one and nine do not`, async (context) => {
            const connect = feeds(context, server);
            const [ann] = people('ann');
            const group = await createGroup(server, ann);
            const feed = await connect(ann, group);
            for (let round = 0; round < 3; round++) {
                for (let i = 0; i < 9; i++) {
                    feed.raw(bad(i));
                    assert.equal((await feed.next()).type, 'error');
                }
                await feed.settled();
            }
            const said = await say(server, ann, group, 'still there');
            assert.deepEqual((await feed.next()).data, said);
            for (let i = 0; i < 10; i++) feed.raw(bad(i));
            assert.deepEqual(await within(feed.closed, 'the close'), goodbye);
            // all at once, behind a good one
            const second = await connect(ann, group);
            for (let i = 0; i < 30; i++) second.raw(bad(i));
            assert.deepEqual(await within(second.closed, 'the close'), goodbye);
        });
    }

    test('which frames are good: each of them starts the count again', async (context) => {
        const feed = await feeds(context, server)(people('ann')[0]);
        for (const good of ['{"type":"ping"}', '{"type":"pong","data":{"client_time":1}}',
            '{"type":"subscribe","data":{"group_ids":[]}}', `{"type":"unsubscribe","data":{"group_ids":["${nowhere}"]}}`,
            `{"type":"typing_indicator","data":{"thread_id":"${nowhere}","is_typing":false}}`]) {
            for (let i = 0; i < 9; i++) assert.equal(await codeOf(feed, 'bad'), 'bad_json');
            feed.raw(good);
        }
        await feed.settled();
        // who asks for groups of others has asked well
        for (let i = 0; i < 12; i++) {
            feed.say('subscribe', { group_ids: [nowhere] });
            assert.equal((await feed.next('error')).data.code, 'not_member');
        }
        await feed.settled();
    });

    test('what is no UTF-8 closes with 1007, what is too large with 1009', async (context) => {
        const [ann] = people('ann');
        const client = await RawClient.connect(server.port);
        client.send(request({}, { target: `/ws?token=${tokenFor(ann)}` }));
        assert.equal((await client.readResponse()).status, 101);
        await client.readFrame();
        client.send(frame(OP.TEXT, Buffer.from('{"type":"\xff"}', 'latin1')));
        assert.equal(await within(client.readClose(), 'the close'), 1007);
        client.socket.destroy();
        const feed = await feeds(context, server)(ann);
        feed.raw(`{"type":"ping","data":{"a":"${'x'.repeat(524288)}"}}`);
        assert.equal((await within(feed.closed, 'the close')).code, 1009);
    });

    test('a thousand subscriptions, not one more; over a thousand ids in a frame; requests without end', async (context) => {
        const [ann] = people('ann');
        const groups = await Promise.all(Array.from({ length: 1001 }, () => createGroup(server, ann)));
        const feed = await feeds(context, server)(ann);
        await feed.subscribe(...groups.slice(0, 999));
        await feed.subscribe(groups[999]);
        await feed.subscribe(...groups.slice(0, 1000)); // the whole set again, as the seed's client does
        assert.equal(await codeOf(feed, JSON.stringify({ type: 'subscribe', data: { group_ids: [groups[1000]] } })),
            'too_many');
        await feed.settled();
        feed.left();
        const unheard = await say(server, ann, groups[1000], 'unheard');
        const heard = await say(server, ann, groups[999], 'heard');
        assert.deepEqual((await feed.next()).data, heard);
        assert.ok(heard.server_timestamp >= unheard.server_timestamp);
        feed.say('unsubscribe', { group_ids: [groups[0]] });
        await feed.subscribe(groups[1000]);
        const last = await say(server, ann, groups[1000], 'last');
        assert.deepEqual((await feed.next()).data, last);

        feed.say('subscribe', { group_ids: [...groups, ...groups] });
        assert.ok(['invalid', 'too_many'].includes((await feed.next('error')).data.code));
        await feed.settled();
        feed.left();
        for (let i = 0; i < 300; i++) feed.say('subscribe', { group_ids: [groups[1]] });
        const answers = [];
        while (answers.length < 300) answers.push(await feed.next());
        for (const { type, data } of answers) assert.ok(type === 'subscribed' || data.code === 'too_many', type);
        assert.ok(answers.filter(({ type }) => type === 'subscribed').length >= 16);
        await feed.settled();
    });
});

describe('answers that are not read', () => {
    test('V11 who asks and never reads what it is told is dropped', async (context) => {
        const server = await ownServer(context, { WEBSOCKET_WRITE_WAIT_SECONDS: '60' });
        const socket = net.connect(server.port, '127.0.0.1').on('error', () => {});
        socket.write(request({}, { target: `/ws?token=${tokenFor(people('ann')[0])}` }));
        await new Promise((resolve) => { socket.once('data', resolve); });
        socket.pause();
        const slow = 'websocket_broadcast_errors_total'; // those that were too slow
        const pings = Buffer.concat(Array(2000).fill(frame(OP.TEXT, '{"type":"ping"}', { mask: Buffer.from([1, 2, 3, 4]) })));
        // Long before a write that makes no progress would end it.
        for (const end = Date.now() + 40000; Date.now() < end && await server.metric(slow) === 0;)
            await Promise.race([new Promise((resolve) => { socket.write(pings, resolve); }), sleep(100)]);
        assert.equal(await server.metric(slow), 1);
        socket.destroy();
        await stopClean(server);
    });
});

describe('attempts', () => {
    // with what is the default
    const start = (context, env = {}) => ownServer(context, env, (each) => Server.start(each));
    const url = (server, user) => `${urlOf(server)}?token=${tokenFor(user)}`;
    const attempt = (server, { token = tokenFor('ann'), ...headers } = {}) =>
        Feed.refusal(`${urlOf(server)}?token=${token}`, { headers }).catch(({ message }) => message);
    const passes = async (server, headers) => {
        const feed = new Feed(url(server, 'ann'), { headers });
        await within(feed.opened, 'an attempt');
        await feed.close();
    };
    const refused = ({ status, headers, json }) => {
        assert.equal(status, 429);
        assert.equal(json.error.code, 'too_many_attempts');
        const wait = Number(headers['retry-after']);
        assert.ok(wait > 30 && wait <= 60, `${wait}`);
    };

    test('the sixth of a minute is refused, whoever it is of; REST is not', async (context) => {
        const server = await start(context);
        for (const user of ['ann', 'ben', 'cal', 'ann', 'ann'])
            await (await Feed.open(server, user)).close();
        refused(await attempt(server));
        refused(await attempt(server, { token: tokenFor('zoe') }));
        await createGroup(server, 'ann');
        await stopClean(server);
    });

    test('refusals with 401 count, with 429 they do not; the 429 comes before the 401', async (context) => {
        const server = await start(context);
        for (let i = 0; i < 4; i++) assert.equal((await attempt(server, { token: 'garbage' })).status, 401);
        await passes(server);
        for (let i = 0; i < 10; i++) refused(await attempt(server, { token: 'garbage' }));
        refused(await attempt(server));
        await stopClean(server);
    });

    test('what is no handshake is no attempt', async (context) => {
        const server = await start(context);
        for (let i = 0; i < 10; i++) {
            const answer = await server.request('GET', `/ws?token=${tokenFor('ann')}`);
            assert.ok([400, 426].includes(answer.status), answer.text);
        }
        for (let i = 0; i < 5; i++) await passes(server);
        refused(await attempt(server));
        await stopClean(server);
    });

    test('behind a trusted proxy each client has attempts of its own, whatever it writes in front', async (context) => {
        const server = await start(context, { CONFAB_TRUSTED_PROXIES: '127.0.0.1/32, 10.0.0.0/8' });
        const from = (address) => ({ 'x-forwarded-for': address });
        for (let i = 0; i < 5; i++) await passes(server, from('203.0.113.1'));
        refused(await attempt(server, from('203.0.113.1')));
        await passes(server, from('203.0.113.2'));
        // what the client wrote itself stands to the left of what the proxies have added
        for (const spoofed of ['198.51.100.7, 203.0.113.1', '203.0.113.9,203.0.113.1, 10.1.2.3', 'x, 203.0.113.1',
            '127.0.0.1, 203.0.113.1'])
            refused(await attempt(server, from(spoofed)));
        for (let i = 0; i < 4; i++) await passes(server, from(`198.51.100.${i}, 203.0.113.2`));
        refused(await attempt(server, from('203.0.113.2')));
        // an IPv6 client owns a /64
        for (let i = 0; i < 5; i++) await passes(server, from(`2001:db8:1:2:${i}::${i}`));
        refused(await attempt(server, from('2001:db8:1:2:ffff:ffff:ffff:ffff')));
        await passes(server, from('2001:db8:1:3::1'));
        await stopClean(server);
    });

    test('a peer that is no trusted proxy is who it is, whatever it says', async (context) => {
        for (const trusted of [{}, { CONFAB_TRUSTED_PROXIES: '10.0.0.0/8' }]) {
            const server = await start(context, trusted);
            for (let i = 0; i < 5; i++) await passes(server, { 'x-forwarded-for': `203.0.113.${i}` });
            refused(await attempt(server, { 'x-forwarded-for': '203.0.113.77' }));
            await stopClean(server);
        }
    });

    test('the number is configurable; 0 is no limit', async (context) => {
        const two = await start(context, { ORBITAL_MAX_ATTEMPTS_PER_MINUTE: '2' });
        for (let i = 0; i < 2; i++) await passes(two);
        refused(await attempt(two));
        await stopClean(two);
        const none = await start(context, { ORBITAL_MAX_ATTEMPTS_PER_MINUTE: '0' });
        await Promise.all(Array.from({ length: 100 }, () => passes(none)));
        await stopClean(none);
        for (const [key, value] of [['ORBITAL_MAX_ATTEMPTS_PER_MINUTE', '1001'],
            ['ORBITAL_MAX_ATTEMPTS_PER_MINUTE', '-1'], ['ORBITAL_PING_PERIOD_SECONDS', '0'], ['ORBITAL_UNKNOWN', '1']]) {
            // a folder that cannot be: it must not start, whatever it makes of the key
            const { code, stderr } = await run(['serve'], { env: { CONFAB_LISTEN: '127.0.0.1:0',
                CONFAB_DATA_DIR: '/proc/nowhere', [key]: value } });
            assert.equal(code, 1, stderr);
            assert.match(stderr, new RegExp(key));
        }
    });
});

describe('the upgrade', () => {
    test('a plain GET is told so; another version gets 426', async (context) => {
        const server = await ownServer(context);
        const target = `/ws?token=${tokenFor('ann')}`;
        const plain = await server.request('GET', target);
        assert.ok([400, 426].includes(plain.status), plain.text);
        for (const [lines, status] of [[{ 'Sec-WebSocket-Version': '8' }, 426], [{ 'Sec-WebSocket-Key': 'short' }, 400],
            [{ 'Sec-WebSocket-Key': null }, 400], [{ Connection: 'keep-alive' }, 400], [{}, 101]]) {
            const client = await RawClient.connect(server.port);
            client.send(request(lines, { target }));
            const answer = await within(client.readResponse(), 'a response');
            assert.equal(answer.status, status, JSON.stringify(lines));
            if (status === 426) assert.equal(answer.headers['sec-websocket-version'], '13');
            client.socket.destroy();
        }
        for (const method of ['POST', 'PUT', 'DELETE'])
            assert.equal((await server.request(method, target)).status, 405);
        await stopClean(server);
    });

    test('an origin that is not in the list is refused with 403, a client without one is not', async (context) => {
        const server = await ownServer(context, { WEBSOCKET_ALLOWED_ORIGINS: 'https://app.example.com,http://localhost:3000' });
        const url = `${urlOf(server)}?token=${tokenFor('ann')}`;
        for (const origin of ['https://evil.example.com', 'https://app.example.com.evil.net', 'http://app.example.com',
            'https://app.example.com:444', 'null', 'https://APP.example.com.']) {
            const { status, json } = await Feed.refusal(url, { headers: { origin } });
            assert.deepEqual([status, json.error.code], [403, 'origin_refused'], origin);
        }
        for (const headers of [{ origin: 'https://app.example.com' }, { origin: 'http://localhost:3000' }, {}]) {
            const feed = new Feed(url, { headers });
            await feed.next('auth_success');
            await feed.close();
        }
        // who nobody knows is told that first
        assert.equal((await Feed.refusal(urlOf(server), { headers: { origin: 'https://evil.example.com' } })).status, 401);
        await stopClean(server);
    });

    test('switched off: 503 with Retry-After, and REST goes on', async (context) => {
        const server = await ownServer(context, { WEBSOCKET_ENABLED: 'false' });
        const { status, headers } = await Feed.refusal(`${urlOf(server)}?token=${tokenFor('ann')}`);
        assert.equal(status, 503);
        assert.ok(Number(headers['retry-after']) > 0);
        assert.equal((await Feed.refusal(urlOf(server))).status, 503);
        const group = await createGroup(server, 'ann');
        const said = await say(server, 'ann', group, 'still works');
        assert.deepEqual(await expect(200, ask(server, 'ann', 'GET', '/messages?since=0')),
            { messages: [said], has_more: false });
        await stopClean(server);
    });
});

describe('the end of a stream', () => {
    test('a token that runs out ends it: 1008', async (context) => {
        const server = await ownServer(context);
        const group = await createGroup(server, 'ann');
        const exp = Math.floor(Date.now() / 1000) + 2;
        const feed = await Feed.open(server, 'ann', { token: signToken({ user_id: 'ann', exp }) });
        await feed.subscribe(group);
        await say(server, 'ann', group, 'before');
        assert.equal((await feed.next()).type, 'new_message');
        assert.deepEqual(await within(feed.closed, 'the end'), { code: 1008, reason: 'token expired' });
        assert.ok(Date.now() >= exp * 1000 && Date.now() < exp * 1000 + 5000, `${Date.now()} ${exp}`);
        await stopClean(server);
    });

    test('SIGTERM: everybody is told 1001, what was accepted is answered, exit code 0', async (context) => {
        const server = await ownServer(context);
        const group = await createGroup(server, 'ann');
        const streams = await Promise.all(Array.from({ length: 10 }, () => Feed.open(server, 'ann')));
        await streams[0].subscribe(group);
        const posts = Promise.all(Array.from({ length: 20 }, (_, i) => say(server, 'ann', group, `${i}`)
            .then(() => true, (error) => error.code !== 'ERR_ASSERTION')));
        const code = server.stop();
        for (const stream of streams) assert.equal((await within(stream.closed, 'the end')).code, 1001);
        assert.ok((await posts).every((each) => each));
        assert.equal(await code, 0, server.log.slice(-3000));
    });

    test('who reads too slowly is dropped, the others notice nothing, and since brings the rest', async (context) => {
        const server = await ownServer(context, { WEBSOCKET_SEND_BUFFER: '16', WEBSOCKET_WRITE_WAIT_SECONDS: '5' });
        const connect = feeds(context, server);
        const [ann, ben] = people('ann', 'ben');
        const group = await createGroup(server, ann, [ben]);
        const reader = await connect(ann, group), slow = await connect(ben, group);
        slow.socket.pause();
        const text = randomBytes(100000).toString('base64'); // nothing that deflate could make small
        const sent = [];
        for (let i = 0; i < 80; i++) {
            sent.push(await say(server, ann, group, text));
            assert.deepEqual((await reader.next()).data, sent[i]);
        }
        slow.socket.resume();
        const { code } = await within(slow.closed, 'the drop');
        assert.ok([1006, 1013].includes(code), `${code}`);
        const had = slow.left().filter(isEvent).map(({ data }) => data);
        assert.ok(had.length < sent.length, `${had.length}`);
        assert.deepEqual(had, sent.slice(0, had.length));
        const rest = await fetchSince(server, ben, slow.last, { of: 'messages' });
        const known = new Set(had.map(({ message_id: id }) => id));
        assert.deepEqual([...had, ...rest.filter(({ message_id: id }) => !known.has(id))], sent);
        await reader.settled();
        await stopClean(server);
    });
});

describe('permessage-deflate', () => {
    const text = 'the same words again and again, '.repeat(600);
    const bytesOf = (feed) => feed.socket._socket.bytesRead;

    // What one message of `text` takes on the wire, in each of two rounds.
    async function wire(server, feed, group) {
        const takes = [];
        for (let i = 0; i < 2; i++) {
            const before = bytesOf(feed);
            const said = await say(server, 'ann', group, text);
            assert.deepEqual((await feed.next()).data, said);
            takes.push(bytesOf(feed) - before);
        }
        return takes;
    }

    test('negotiated where the client offers it, in both directions, and it saves bytes', async (context) => {
        const server = await ownServer(context);
        const connect = feeds(context, server);
        const group = await createGroup(server, 'ann');
        const deflating = await connect('ann', group, { perMessageDeflate: { threshold: 0 } });
        const plain = await connect('ann', group, { perMessageDeflate: false });
        assert.match(deflating.socket.extensions, /permessage-deflate/);
        assert.equal(plain.socket.extensions, '');
        for (const take of await wire(server, deflating, group)) assert.ok(take < text.length / 20, `${take}`);
        for (let i = 0; i < 2; i++) await plain.next();
        for (const take of await wire(server, plain, group)) assert.ok(take > text.length, `${take}`);
        for (let i = 0; i < 2; i++) await deflating.next();
        await deflating.settled();
        await plain.settled();
        await stopClean(server);
    });

    test('on the wire: RSV1, the one form for all, nothing for who did not ask', async (context) => {
        const server = await ownServer(context);
        const group = await createGroup(server, 'ann');
        const clients = [];
        for (const offer of ['permessage-deflate', 'permessage-deflate; client_max_window_bits', null]) {
            const client = await RawClient.connect(server.port);
            client.send(request({ 'Sec-WebSocket-Extensions': offer }, { target: `/ws?token=${tokenFor('ann')}` }));
            const { status, headers } = await client.readResponse();
            assert.equal(status, 101);
            assert.equal(/^permessage-deflate/.test(headers['sec-websocket-extensions'] ?? ''), offer !== null);
            client.send(frame(OP.TEXT, JSON.stringify({ type: 'subscribe', data: { group_ids: [group] } })));
            await client.readFrame();
            await client.readFrame();
            clients.push(client);
        }
        const said = await say(server, 'ann', group, text);
        const [first, second, plain] = await Promise.all(clients.map((client) => client.readFrame()));
        const open = (payload) => JSON.parse(inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]),
            { finishFlush: constants.Z_SYNC_FLUSH }));
        assert.deepEqual([first.rsv, second.rsv, plain.rsv], [4, 4, 0]);
        assert.deepEqual(first.payload, second.payload);
        assert.ok(first.payload.length < plain.payload.length / 20);
        for (const got of [open(first.payload), open(second.payload), JSON.parse(plain.payload)])
            assert.deepEqual(got, { type: 'new_message', data: said, server_timestamp: said.server_timestamp });
        for (const client of clients) client.socket.destroy();
        await stopClean(server);
    });

    test('WEBSOCKET_COMPRESSION=false: not negotiated, nothing else changes', async (context) => {
        const server = await ownServer(context, { WEBSOCKET_COMPRESSION: 'false' });
        const group = await createGroup(server, 'ann');
        const feed = await feeds(context, server)('ann', group, { perMessageDeflate: { threshold: 0 } });
        assert.equal(feed.socket.extensions, '');
        for (const take of await wire(server, feed, group)) assert.ok(take > text.length, `${take}`);
        await stopClean(server);
    });
});
