// The stream of encrypted groups with the `ws` client: seed 004's lifecycle, who gets in, what they see.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OP, RawClient, frame, request } from '../conformance/ws_raw.mjs';
import { signToken, tokenFor } from './lib.mjs';
import { Feed, addMember, ask, createGroup, expect, feeds, fetchSince, nowhere, ownServer, removeMember, reply, say,
    sealed, startServer, startThread, time, timeOf, told, upload, urlOf, uuid } from './orbital_lib.mjs';
import { Wire, requestHead } from './orbital_media_lib.mjs';
import { people, sleep, stopClean, until, within } from './talk_lib.mjs';

let server;
before(async () => { server = await startServer(); });
after(async () => { await stopClean(server); });

describe('connection lifecycle', () => {
    test('the diagram of seed 004, step by step', async (context) => {
        const own = await ownServer(context, { ORBITAL_PING_PERIOD_SECONDS: '1' });
        const [ann, ben] = people('ann', 'ben');
        const group = await createGroup(own, ann, [ben]);
        const started = Date.now();
        // --- WebSocket Upgrade (with JWT token) --->
        const feed = new Feed(`${urlOf(own)}?token=${tokenFor(ann)}`, { pongs: false });
        // <-- 101 Switching Protocols --
        assert.equal((await within(feed.upgraded, 'the upgrade')).statusCode, 101);
        // <-- auth_success --
        const hello = await feed.next();
        assert.equal(hello.type, 'auth_success');
        assert.deepEqual(hello.data, { user_id: ann, username: ann.toUpperCase(),
            connected_at: hello.data.connected_at });
        assert.match(hello.data.connected_at, time);
        const connected = Date.parse(hello.data.connected_at);
        assert.ok(connected >= started - 1 && connected <= Date.now() + 1, hello.data.connected_at);
        // --- subscribe (groups) --->, <-- subscribed --
        feed.say('subscribe', { group_ids: [group] });
        const subscribed = await feed.next();
        assert.equal(subscribed.type, 'subscribed');
        assert.deepEqual(subscribed.data, { group_ids: [group], subscribed_at: subscribed.data.subscribed_at });
        assert.match(subscribed.data.subscribed_at, time);
        assert.ok(subscribed.data.subscribed_at >= hello.data.connected_at);
        // <-- ping --, --- pong --->
        if (feed.pings.length === 0) await within(once(feed.socket, 'json-ping'), 'a ping');
        const { server_time: pinged } = feed.pings[0].data;
        assert.ok(Math.abs(pinged - Date.now()) < 5000, `${pinged}`);
        feed.say('pong', { client_time: Date.now() });
        // <-- new_message --
        const said = await say(own, ben, group, 'an envelope');
        const message = await feed.next();
        assert.deepEqual(message, { type: 'new_message', data: { message_id: said.message_id, conversation_id: group,
            encrypted_envelope: sealed('an envelope'), server_timestamp: said.server_timestamp },
        server_timestamp: said.server_timestamp });
        assert.match(said.message_id, uuid);
        // <-- new_thread --
        const thread = await startThread(own, ben, group, 'a title', 'a body');
        const { type, data, server_timestamp: stamp } = await feed.next();
        assert.equal(type, 'new_thread');
        assert.deepEqual(data, { thread_id: thread.thread_id, group_id: group, author_id: ben,
            author_username: ben.toUpperCase(), encrypted_title: sealed('a title'), encrypted_body: sealed('a body'),
            created_at: timeOf(stamp) });
        assert.match(thread.thread_id, uuid);
        // --- close --->, <-- close --
        feed.socket.close(1000, 'bye');
        assert.equal((await within(feed.closed, 'the close')).code, 1000);
        assert.deepEqual(feed.left(), []);
        assert.equal(feed.fault.message.startsWith('closed 1000'), true);
        await stopClean(own);
    });

    test('every event in its shape: message, thread, reply, media, joining, leaving', async (context) => {
        const connect = feeds(context, server);
        const [ann, ben, cal] = people('ann', 'ben', 'cal');
        const group = await createGroup(server, ann, [ben]);
        const feed = await connect(ben, group);
        const { server_timestamp: threaded, ...thread } = await startThread(server, ann, group);
        assert.deepEqual(await feed.next(), { type: 'new_thread', data: thread, server_timestamp: threaded });
        const { server_timestamp: replied, ...answer } = await reply(server, ben, thread.thread_id, 'a reply');
        assert.deepEqual(answer, { reply_id: answer.reply_id, thread_id: thread.thread_id, author_id: ben,
            author_username: ben.toUpperCase(), encrypted_body: sealed('a reply'), created_at: timeOf(replied) });
        assert.deepEqual(await feed.next(), { type: 'new_reply', data: answer, server_timestamp: replied });
        const { server_timestamp: uploaded, ...media } = await upload(server, ann, thread.thread_id, Buffer.alloc(1000));
        assert.deepEqual(media, { media_id: media.media_id, thread_id: thread.thread_id, author_id: ann,
            encrypted_metadata: sealed('metadata'), size_bytes: 1000, expires_at: timeOf(uploaded + 7 * 86400000) });
        assert.deepEqual(await feed.next(), { type: 'media_uploaded', data: media, server_timestamp: uploaded });
        const joined = await addMember(server, ben, group, cal);
        assert.deepEqual(joined, { group_id: group, user_id: cal, username: cal, joined_at: joined.joined_at });
        assert.deepEqual(await feed.next(), { type: 'member_joined', data: joined,
            server_timestamp: Date.parse(joined.joined_at) });
        await removeMember(server, cal, group, cal);
        const left = await feed.next('member_left');
        assert.deepEqual(left.data, { group_id: group, user_id: cal, username: cal.toUpperCase(),
            left_at: timeOf(left.server_timestamp) });
        await feed.settled();
        assert.deepEqual(feed.left(), []);
        const logged = await fetchSince(server, ann);
        assert.deepEqual(logged.map(({ type }) => type), ['member_joined', 'new_thread', 'new_reply',
            'media_uploaded', 'member_joined', 'member_left']);
        assert.deepEqual(logged.at(-1), left);
    });

    test('a subscribe that is sent before auth_success was read is honoured, in the order of the diagram', async () => {
        const [ann] = people('ann');
        const group = await createGroup(server, ann);
        const text = JSON.stringify({ type: 'subscribe', data: { group_ids: [group] } });
        // in the same packet as the handshake, before there was a 101
        const client = await RawClient.connect(server.port);
        client.send(Buffer.concat([Buffer.from(request({}, { target: `/ws?token=${tokenFor(ann)}` })),
            frame(OP.TEXT, text)]));
        assert.equal((await client.readResponse()).status, 101);
        const types = [];
        for (let i = 0; i < 2; i++) types.push(JSON.parse((await client.readFrame()).payload.toString()).type);
        assert.deepEqual(types, ['auth_success', 'subscribed']);
        await say(server, ann, group, 'heard');
        assert.equal(JSON.parse((await client.readFrame()).payload).data.encrypted_envelope, sealed('heard'));
        client.socket.destroy();
        // as a browser does: in onopen
        const feed = new Feed(`${urlOf(server)}?token=${tokenFor(ann)}`);
        feed.socket.once('open', () => feed.raw(text));
        assert.deepEqual((await feed.take(2)).map(({ type }) => type), ['auth_success', 'subscribed']);
        assert.equal((await feed.close()).code, 1000);
    });

    test('behind an answer that is read slowly: not before its own request is complete', async () => {
        const [ann] = people('ann');
        const group = await createGroup(server, ann);
        for (let i = 0; i < 12; i++) await say(server, ann, group, Buffer.alloc(262144));
        const wire = await Wire.open(server);
        await wire.send(requestHead(ann, 'GET', '/v1/messages'));
        await sleep(500); // the answer has filled the socket
        await wire.send(requestHead(ann, 'GET', '/ws', { Upgrade: 'websocket', Connection: 'Upgrade',
            'Sec-WebSocket-Version': 13, 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Content-Length': 1 }));
        assert.equal((await wire.answer()).status, 200);
        const upgraded = wire.answer({ bodyless: true });
        assert.equal(await Promise.race([upgraded, sleep(500)]), undefined, 'its body has not come');
        await wire.send('x');
        assert.equal((await within(upgraded, 'the 101')).status, 101);
        wire.cut();
    });

    test('the client may ping, too; frames of the client may have or lack a timestamp', async (context) => {
        const feed = await feeds(context, server)(people('ann')[0]);
        for (const text of ['{"type":"ping"}', '{"type":"ping","data":{}}', '{"type":"ping","data":{},"timestamp":1}',
            '{"timestamp":1699123456789,"data":{"more":[{"a":null}]},"type":"ping","unknown":true}']) {
            feed.raw(text);
            const { data } = await feed.next('pong');
            assert.ok(Math.abs(data.server_time - Date.now()) < 5000, text);
        }
    });

    test('a close of the client is answered with its code, a goodbye without a code, too', async () => {
        const [ann] = people('ann');
        for (const [code, echoed] of [[1000, 1000], [1001, 1001], [4321, 4321], [undefined, 1005]]) {
            const client = await RawClient.connect(server.port);
            client.send(request({}, { target: `/ws?token=${tokenFor(ann)}` }));
            assert.equal((await client.readResponse()).status, 101);
            await client.readFrame();
            const payload = Buffer.alloc(code === undefined ? 0 : 2);
            if (code !== undefined) payload.writeUInt16BE(code);
            client.send(frame(OP.CLOSE, payload));
            assert.equal(await within(client.readClose(), 'the close'), echoed);
            client.socket.destroy();
        }
    });
});

describe('the envelope', () => {
    test('every frame of the server is {type, data, server_timestamp}, whatever it is', async (context) => {
        const own = await ownServer(context, { ORBITAL_PING_PERIOD_SECONDS: '1' });
        const [ann, ben] = people('ann', 'ben');
        const group = await createGroup(own, ann);
        const feed = new Feed(`${urlOf(own)}?token=${tokenFor(ann)}`); // it checks the form of each as it comes
        const types = [];
        feed.socket.on('message', (bytes) => types.push(JSON.parse(bytes).type));
        await feed.opened;
        await feed.subscribe(group);
        feed.raw('nonsense');
        await feed.settled();
        const other = await Feed.open(own, ann);
        await say(own, ann, group, 'x');
        const { thread_id: thread } = await startThread(own, ann, group);
        await reply(own, ann, thread, 'x');
        await upload(own, ann, thread, Buffer.alloc(1));
        other.say('typing_indicator', { thread_id: thread, is_typing: true });
        await feed.next('typing_indicator');
        await addMember(own, ann, group, ben);
        await removeMember(own, ann, group, ben);
        await feed.next('member_left');
        if (feed.pings.length === 0) await within(once(feed.socket, 'json-ping'), 'a ping');
        assert.deepEqual([...new Set(types)].sort(), ['auth_success', 'error', 'media_uploaded', 'member_joined',
            'member_left', 'new_message', 'new_reply', 'new_thread', 'ping', 'pong', 'subscribed', 'typing_indicator']);
        await other.close();
        await feed.close();
        await stopClean(own);
    });
});

describe('authentication', () => {
    const header = (value) => ({ headers: { authorization: value } });

    test('by query, by header, the header first', async () => {
        const [ann, ben] = people('ann', 'ben');
        const greeted = async (url, options) => {
            const feed = new Feed(url, options);
            const { type, data } = await within(feed.next(), 'auth_success');
            await feed.close();
            return [type, data.user_id];
        };
        assert.deepEqual(await greeted(`${urlOf(server)}?token=${tokenFor(ann)}`), ['auth_success', ann]);
        for (const scheme of ['Bearer', 'bearer', 'BEARER'])
            assert.deepEqual(await greeted(urlOf(server), header(`${scheme} ${tokenFor(ann)}`)), ['auth_success', ann]);
        assert.deepEqual(await greeted(`${urlOf(server)}?token=${tokenFor(ann)}`, header(`Bearer ${tokenFor(ben)}`)),
            ['auth_success', ben]);
    });

    test('user ids are strings in every frame; the names of a token that the seed uses', async () => {
        const exp = Math.floor(Date.now() / 1000) + 60;
        for (const [claims, data] of [[{ userId: 4711, username: 'Ann' }, ['4711', 'Ann']],
            [{ sub: 'ann', name: 'Ann' }, ['ann', 'Ann']], [{ user_id: 'ann' }, ['ann', 'ann']]]) {
            const feed = new Feed(`${urlOf(server)}?token=${signToken({ ...claims, exp })}`);
            const hello = await feed.next('auth_success');
            assert.deepEqual([hello.data.user_id, hello.data.username], data);
            await feed.close();
        }
    });

    test('401 before the upgrade: no token, garbage, an expired one, alg none, a wrong signature', async () => {
        const [ann] = people('ann');
        const claims = { user_id: ann, exp: Math.floor(Date.now() / 1000) + 60 };
        const good = tokenFor(ann);
        const none = signToken(claims, { header: { alg: 'none', typ: 'JWT' } });
        for (const [title, token] of [['none', ''], ['garbage', 'garbage'], ['three parts', 'a.b.c'],
            ['expired', signToken({ ...claims, exp: 1000 })], ['without exp', signToken({ user_id: ann })],
            ['alg none', none], ['alg none, unsigned', none.slice(0, none.lastIndexOf('.') + 1)],
            ['another secret', signToken(claims, { key: 'another secret, which is long enough, too' })],
            ['cut', good.slice(0, -1)], ['twice', `${good}.${good}`]]) {
            for (const [url, options] of [[`${urlOf(server)}?token=${token}`, {}],
                [urlOf(server), header(`Bearer ${token}`)]]) {
                const { status, headers, json } = await Feed.refusal(url, options);
                assert.equal(status, 401, title);
                assert.equal(headers['www-authenticate'], 'Bearer', title);
                assert.equal(json.error.code, title === 'expired' ? 'token_expired' : 'unauthorized', title);
            }
        }
        assert.equal((await Feed.refusal(urlOf(server))).status, 401);
        assert.equal((await Feed.refusal(urlOf(server), header(`Basic ${good}`))).status, 401);
    });

    test('wscat, as seed 004 tells to use it', async () => {
        const [ann] = people('ann');
        const group = await createGroup(server, ann);
        const wscat = join(dirname(fileURLToPath(import.meta.url)), '..', 'node_modules', '.bin', 'wscat');
        const child = spawn(wscat, ['-c', `${urlOf(server)}?token=${tokenFor(ann)}`, '-w', '60', '-x',
            `{"type":"subscribe","data":{"group_ids":["${group}"]}}`], { stdio: ['pipe', 'pipe', 'inherit'] });
        let text = '';
        child.stdout.on('data', (data) => { text += data; });
        const shown = (word) => until(() => text.includes(word), `${word} in wscat`);
        await shown('"auth_success"');
        await shown('"subscribed"');
        const said = await say(server, ann, group, 'for wscat');
        await shown(said.message_id);
        assert.ok(text.indexOf('"auth_success"') < text.indexOf('"subscribed"'), text);
        assert.ok(text.includes(JSON.stringify({ type: 'new_message', data: said,
            server_timestamp: said.server_timestamp })), text);
        child.kill();
        await once(child, 'close');
    });
});

describe('subscriptions', () => {
    test('they add up; a repeated one is none more; unsubscribe ends one, without an answer', async (context) => {
        const connect = feeds(context, server);
        const [ann] = people('ann');
        const groups = [];
        for (let i = 0; i < 4; i++) groups.push(await createGroup(server, ann));
        const [one, two, three, marker] = groups;
        const feed = await connect(ann, marker);
        await feed.subscribe(one);
        await feed.subscribe(two, one);
        for (const group of [one, two, three]) await say(server, ann, group, group);
        const [heard] = await told(server, ann, marker, [feed]);
        assert.deepEqual(heard.map(({ data }) => data.conversation_id), [one, two]);
        feed.say('unsubscribe', { group_ids: [one, three, nowhere, 'not an id'] });
        await feed.settled();
        for (const group of [one, two, three]) await say(server, ann, group, group);
        assert.deepEqual((await told(server, ann, marker, [feed]))[0].map(({ data }) => data.conversation_id), [two]);
        await feed.subscribe(one, three, two, marker);
        for (const group of [one, two, three]) await say(server, ann, group, group);
        assert.deepEqual((await told(server, ann, marker, [feed]))[0].map(({ data }) => data.conversation_id),
            [one, two, three]);
        await feed.subscribe();
        assert.deepEqual(feed.left(), []);
    });

    test('unsubscribe right behind subscribe wins; subscribe right behind unsubscribe, too', async (context) => {
        const [ann] = people('ann');
        const group = await createGroup(server, ann), marker = await createGroup(server, ann);
        const feed = await feeds(context, server)(ann, marker);
        for (let round = 0; round < 20; round++) {
            feed.say('subscribe', { group_ids: [group] });
            feed.say('unsubscribe', { group_ids: [group] });
            await feed.next('subscribed');
            await feed.settled();
            await say(server, ann, group, 'to nobody');
            assert.deepEqual(await told(server, ann, marker, [feed]), [[]]);
            feed.say('unsubscribe', { group_ids: [group] });
            await feed.subscribe(group);
            const said = await say(server, ann, group, 'to somebody');
            assert.deepEqual((await feed.next()).data, said);
            feed.say('unsubscribe', { group_ids: [group] });
        }
    });

    test('what the user is no member of is named in an error, as it was sent, the rest is granted', async (context) => {
        const connect = feeds(context, server);
        const [ann, zoe] = people('ann', 'zoe');
        const own = await createGroup(server, ann), foreign = await createGroup(server, zoe);
        const feed = await connect(ann);
        for (const refused of [[foreign], [nowhere], [foreign.toUpperCase()], ['not an id'], [''], ['ü"\n'],
            [foreign, nowhere, 'x'.repeat(1000)]]) {
            for (const granted of [[], [own], [own.toUpperCase()]]) {
                feed.say('subscribe', { group_ids: [...refused, ...granted] });
                const error = await feed.next('error');
                assert.equal(error.data.code, 'not_member');
                assert.deepEqual(error.data.group_ids, refused);
                assert.deepEqual((await feed.next('subscribed')).data.group_ids, granted);
            }
        }
        const said = await say(server, ann, own, 'heard once');
        await say(server, zoe, foreign, 'not heard');
        const last = await say(server, ann, own, 'last');
        assert.deepEqual((await feed.take(2)).map(({ data }) => data), [said, last]);
        assert.deepEqual(feed.left(), []);
    });

    test('two groups, no leak: streams, lists and ids', async (context) => {
        const connect = feeds(context, server);
        const [ann, ben, zoe, zed] = people('ann', 'ben', 'zoe', 'zed');
        const ours = await createGroup(server, ann, [ben]), theirs = await createGroup(server, zoe, [zed]);
        const inside = [await connect(ann, ours), await connect(ben, ours)];
        const outside = [await connect(zoe, theirs), await connect(zed, theirs)];
        const work = async (user, group, word) => {
            for (let i = 0; i < 20; i++) await say(server, user, group, `${word} ${i}`);
            const { thread_id: thread } = await startThread(server, user, group, word, word);
            await reply(server, user, thread, word);
            const { media_id: media } = await upload(server, user, thread, Buffer.from(word), word);
            await addMember(server, user, group, `${word}${user}`);
            await removeMember(server, user, group, `${word}${user}`);
            return { thread, media };
        };
        const [mine, foreign] = await Promise.all([work(ann, ours, 'ours'), work(zoe, theirs, 'theirs')]);
        for (const [readers, user, group, other] of [[inside, ann, ours, theirs], [outside, zoe, theirs, ours]]) {
            const log = await fetchSince(server, user);
            assert.ok(!JSON.stringify(log).includes(other));
            assert.deepEqual(log, await fetchSince(server, user, 0, { group }));
            const had = await told(server, user, group, readers);
            for (const frames of had) {
                assert.deepEqual(frames, log.filter(({ server_timestamp: stamp }) => stamp >= frames[0].server_timestamp));
                assert.equal(frames.length, 25);
                for (const { data } of frames)
                    assert.equal(data.conversation_id ?? data.group_id ?? group, group);
            }
        }
        // What is not theirs is to strangers as what does not exist.
        const post = { conversation_id: theirs, encrypted_envelope: sealed('x') };
        const sealedThread = { encrypted_title: sealed('x'), encrypted_body: sealed('x') };
        for (const [status, method, path, json] of [
            [403, 'GET', (id) => `/groups/${id}/members`], [403, 'GET', (id) => `/groups/${id}/threads`],
            [403, 'POST', (id) => `/groups/${id}/threads`, sealedThread],
            [403, 'POST', (id) => `/groups/${id}/members`, { user_id: ann }],
            [403, 'DELETE', (id) => `/groups/${id}/members/${ann}`],
            [403, 'DELETE', (id) => `/groups/${id}/members/${zed}`],
            [403, 'GET', (id) => `/messages?since=0&conversation_id=${id}`],
            [403, 'GET', (id) => `/messages?conversation_id=${id}`], [403, 'GET', (id) => `/events?since=0&group_id=${id}`],
            [403, 'POST', () => '/messages', (id) => ({ ...post, conversation_id: id })]]) {
            const body = (id) => (typeof json === 'function' ? json(id) : json);
            const [there, none] = [await ask(server, ann, method, path(theirs), body(theirs)),
                await ask(server, ann, method, path(nowhere), body(nowhere))];
            assert.equal(there.status, status, `${method} ${path('ID')}: ${there.text}`);
            assert.equal(there.json.error.code, 'not_member');
            assert.equal(there.text, none.text);
            assert.equal(none.status, status);
        }
        for (const [method, path, id, json] of [['GET', (each) => `/threads/${each}/replies`, foreign.thread],
            ['POST', (each) => `/threads/${each}/replies`, foreign.thread, { encrypted_body: sealed('x') }],
            ['GET', (each) => `/media/${each}`, foreign.media], ['DELETE', (each) => `/media/${each}`, foreign.media]]) {
            const [there, none] = [await ask(server, ann, method, path(id), json),
                await ask(server, ann, method, path(nowhere), json)];
            assert.equal(there.status, 404, `${method} ${path('ID')}: ${there.text}`);
            assert.equal(there.json.error.code, 'not_found');
            assert.equal(there.text, none.text);
            assert.equal(none.status, 404);
        }
        assert.equal((await ask(server, ann, 'GET', `/threads/${mine.thread}/replies`)).status, 200);
        for (const feed of [...inside, ...outside]) assert.deepEqual(feed.left(), []);
    });
});

describe('members that come and go', () => {
    test('a removed member gets their own member_left, then nothing; back again, they must subscribe again',
        async (context) => {
            const connect = feeds(context, server);
            const [ann, ben] = people('ann', 'ben');
            const group = await createGroup(server, ann, [ben]), marker = await createGroup(server, ann, [ben]);
            const feed = await connect(ben, group, marker), other = await connect(ann, group);
            await removeMember(server, ann, group, ben);
            const left = await feed.next();
            assert.deepEqual([left.type, left.data.group_id, left.data.user_id], ['member_left', group, ben]);
            assert.deepEqual(await other.next(), left);
            await say(server, ann, group, 'secret');
            await startThread(server, ann, group);
            assert.deepEqual(await told(server, ann, marker, [feed]), [[]]);
            feed.say('subscribe', { group_ids: [group] });
            assert.deepEqual((await feed.next('error')).data.group_ids, [group]);
            assert.deepEqual((await feed.next('subscribed')).data.group_ids, []);
            assert.deepEqual(await fetchSince(server, ben, 0, { group: marker }), await fetchSince(server, ben));
            assert.equal((await ask(server, ben, 'GET', `/events?group_id=${group}`)).status, 403);

            await addMember(server, ann, group, ben);
            await say(server, ann, group, 'not subscribed');
            assert.deepEqual(await told(server, ann, marker, [feed]), [[]]);
            await feed.subscribe(group);
            const said = await say(server, ann, group, 'subscribed');
            assert.deepEqual((await feed.next()).data, said);
            assert.deepEqual((await other.take(5)).map(({ type }) => type),
                ['new_message', 'new_thread', 'member_joined', 'new_message', 'new_message']);
        });

    // V20: the removal is in its place among the events, on every connection.
    test('removed under concurrent posting, on the connections of both workers, again and again', async (context) => {
        const connect = feeds(context, server);
        const [ann, ben] = people('ann', 'ben');
        const group = await createGroup(server, ann), marker = await createGroup(server, ann, [ben]);
        const streams = await Promise.all(Array.from({ length: 12 }, () => connect(ben, marker)));
        for (let round = 0; round < 15; round++) {
            const joined = await addMember(server, ann, group, ben);
            await Promise.all(streams.map((stream) => stream.subscribe(group)));
            let posting = true;
            const writers = Array.from({ length: 4 }, async (_, i) => {
                for (let n = 0; posting; n++) await say(server, ann, group, `${round} ${i} ${n}`);
            });
            for (const stream of streams) await stream.next('new_message');
            await removeMember(server, ann, group, ben);
            await Promise.all(Array.from({ length: 8 }, () => say(server, ann, group, `${round} secret`)));
            posting = false;
            await Promise.all(writers);
            const log = await fetchSince(server, ann, Date.parse(joined.joined_at), { group });
            const end = log.findIndex(({ type }) => type === 'member_left');
            assert.ok(end > 1 && end < log.length - 8, `${end} of ${log.length}`);
            const had = await told(server, ann, marker, streams);
            // the first message was awaited above
            for (const frames of had) {
                const from = log.findIndex((event) => event.data.message_id === frames[0].data.message_id);
                assert.deepEqual(frames, log.slice(from, end + 1));
            }
        }
    });

    test('who leaves is told so; who is added is told by nobody, for they are not subscribed', async (context) => {
        const connect = feeds(context, server);
        const [ann, ben, cal] = people('ann', 'ben', 'cal');
        const group = await createGroup(server, ann, [ben]);
        const [a, b, c] = [await connect(ann, group), await connect(ben, group), await connect(cal)];
        const joined = await addMember(server, ben, group, cal);
        for (const feed of [a, b]) assert.deepEqual((await feed.next('member_joined')).data, joined);
        await expect(200, ask(server, ann, 'POST', `/groups/${group}/members`, { user_id: cal }));
        await removeMember(server, ben, group, ben);
        for (const feed of [a, b]) assert.equal((await feed.next()).data.user_id, ben);
        const said = await say(server, cal, group, 'x');
        assert.deepEqual((await a.next()).data, said);
        for (const feed of [b, c]) {
            await feed.settled();
            assert.deepEqual(feed.left(), []);
        }
    });
});

describe('typing', () => {
    const typing = (feed, thread, on, more = {}) =>
        feed.say('typing_indicator', { thread_id: thread, is_typing: on, ...more });

    test('relayed to the others in the group, with who it is set by the server', async (context) => {
        const connect = feeds(context, server);
        const [ann, ben, zoe] = people('ann', 'ben', 'zoe');
        const group = await createGroup(server, ann, [ben]), foreign = await createGroup(server, zoe);
        const { thread_id: thread } = await startThread(server, ann, group);
        const sender = await connect(ann, group), device = await connect(ann, group);
        const readers = [await connect(ben, group), await connect(ben, group), device];
        const unsubscribed = await connect(ben), stranger = await connect(zoe, foreign);
        for (const [on, more] of [[true, {}], [false, {}], [true, { user_id: zoe, username: 'Zoe' }]]) {
            typing(sender, thread, on, more);
            for (const reader of readers) {
                const { type, data } = await reader.next();
                assert.equal(type, 'typing_indicator');
                assert.deepEqual(data, { thread_id: thread, user_id: ann, username: ann.toUpperCase(),
                    is_typing: on });
            }
        }
        // from a connection that is not subscribed itself
        typing(unsubscribed, thread, true);
        for (const reader of [...readers, sender]) assert.equal((await reader.next()).data.user_id, ben);
        for (const feed of [sender, ...readers, unsubscribed, stranger]) {
            await feed.settled();
            assert.deepEqual(feed.left(), []);
        }
        assert.ok((await fetchSince(server, ann)).every(({ type }) => type !== 'typing_indicator'), 'it is stored');
    });

    test('a flood of signs is thinned, whatever they say; the last end passes', async (context) => {
        const connect = feeds(context, server);
        const [ann, ben] = people('ann', 'ben');
        const group = await createGroup(server, ann, [ben]);
        const threads = [await startThread(server, ann, group), await startThread(server, ann, group)];
        const reader = await connect(ben, group), sender = await connect(ann);
        const begun = Date.now();
        for (let i = 0; i < 500; i++) typing(sender, threads[i % 2].thread_id, true);
        await sender.settled();
        await reader.settled();
        const heard = reader.left().length, most = 10 + 2 * (Math.ceil((Date.now() - begun) / 100) + 1);
        assert.ok(heard >= 10 && heard <= most, `${heard} of 500 signs, ${most} at most`);
    });

    test('from who is no member, or of no thread: nothing happens', async (context) => {
        const connect = feeds(context, server);
        const [ann, ben, zoe] = people('ann', 'ben', 'zoe');
        const group = await createGroup(server, ann, [ben]);
        const { thread_id: thread } = await startThread(server, ann, group);
        const reader = await connect(ann, group), former = await connect(ben, group), stranger = await connect(zoe);
        typing(former, thread, true);
        assert.equal((await reader.next()).data.user_id, ben);
        await removeMember(server, ann, group, ben);
        assert.equal((await reader.next()).type, 'member_left');
        await former.next('member_left');
        for (const feed of [stranger, former]) {
            typing(feed, thread, true);
            typing(feed, nowhere, true);
            await feed.settled();
            assert.deepEqual(feed.left(), []);
        }
        // what those have said would have been told before this
        typing(await connect(ann, group), thread, true);
        assert.equal((await reader.next()).data.user_id, ann);
        assert.deepEqual(reader.left(), []);
    });
});
