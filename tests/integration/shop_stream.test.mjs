// The stream of a shop, with the `ws` client: who gets in, what they see, how they leave.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { OP, frame, request } from '../conformance/ws_raw.mjs';
import { Server, Stream, signToken, tokenFor } from './lib.mjs';

const nowhere = '01890a5d-ac96-774b-bcce-b302099a8057';

describe('streams', () => {
    let server;
    before(async () => { server = await Server.start({ WEBSOCKET_MAX_ATTEMPTS_PER_MINUTE: '1000' }); });
    after(async () => { assert.equal(await server.stop(), 0); });

    const refusal = (promise) => promise.then(() => assert.fail('it opened'), (error) => error);

    test('two members and a stranger', async () => {
        const shop = await server.createShop('ann', ['ben']);
        const other = await server.createShop('zoe');
        const ann = await server.stream('ann', shop);
        const ben = await server.stream('ben', shop, { prefix: '/api/v1/auth' });
        const zoe = await server.stream('zoe', other);
        const { status } = await refusal(server.stream('zoe', shop));
        assert.equal(status, 403);
        const sent = await server.post('ann', shop, 'Hello team!');
        assert.deepEqual(await ann.next(), sent.json);
        assert.deepEqual(await ben.next(), sent.json);
        const own = await server.post('zoe', other, 'alone');
        assert.deepEqual(await zoe.next(), own.json);
        assert.deepEqual(zoe.messages, []);
        for (const stream of [ann, ben, zoe]) assert.equal((await stream.close()).code, 1000);
    });

    test('edits come in the same shape, deletions do not come on v1', async () => {
        const shop = await server.createShop('cal');
        const stream = await server.stream('cal', shop);
        const { json: first } = await server.post('cal', shop, 'frist');
        assert.deepEqual(await stream.next(), first);
        const { json: edited } = await server.request('PUT', '/api/v1/shops/messages',
            { token: tokenFor('cal'), json: { message_id: first.id, message: 'first' } });
        assert.deepEqual(await stream.next(), edited);
        assert.equal(edited.id, first.id);
        await server.request('DELETE', `/api/v1/shops/messages/${first.id}`, { token: tokenFor('cal') });
        const { json: last } = await server.post('cal', shop, 'last');
        assert.deepEqual(await stream.next(), last);
        await stream.close();
    });

    test('a retry is not broadcast again', async () => {
        const shop = await server.createShop('dan');
        const stream = await server.stream('dan', shop);
        await server.post('dan', shop, 'one', { client_message_id: 'a' });
        await server.post('dan', shop, 'one', { client_message_id: 'a' });
        await server.post('dan', shop, 'two');
        assert.equal((await stream.next()).message, 'one');
        assert.equal((await stream.next()).message, 'two');
        await stream.close();
    });

    test('every status of the upgrade table', async () => {
        const shop = await server.createShop('eve');
        const expired = signToken({ user_id: 'eve', exp: 1000 });
        assert.equal((await refusal(server.stream('eve', 'not-a-uuid'))).status, 400);
        const unauthorized = await refusal(server.stream('eve', shop, { token: expired }));
        assert.equal(unauthorized.status, 401);
        assert.equal(unauthorized.headers['www-authenticate'], 'Bearer');
        const foreign = await refusal(server.stream('zed', shop));
        const unknown = await refusal(server.stream('zed', nowhere));
        assert.equal(foreign.status, 403);
        assert.deepEqual(foreign.json, unknown.json);
        const raw = (lines) => server.raw([`GET /api/v1/shops/${shop}/messages/stream?token=${
            tokenFor('eve')} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n'));
        const upgrade = ['Upgrade: websocket', 'Connection: Upgrade, close'];
        const version = await raw([...upgrade, 'Sec-WebSocket-Version: 8',
            'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']);
        assert.match(version, /^HTTP\/1.1 426 /);
        assert.match(version, /\r\nSec-WebSocket-Version: 13\r\n/);
        for (const lines of [['Connection: close'], [...upgrade, 'Sec-WebSocket-Version: 13'],
            [...upgrade, 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: short'],
            ['Connection: close', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13',
                'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']])
            assert.match(await raw(lines), /^HTTP\/1.1 400 /, lines.join());
    });

    test('the sample of RFC 6455 section 1.3 is answered', async () => {
        const shop = await server.createShop('flo');
        const socket = net.connect(server.port, '127.0.0.1');
        socket.write(`GET /api/v1/shops/${shop}/messages/stream?token=${tokenFor('flo')} HTTP/1.1\r\nHost: x\r\n`
            + 'Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n'
            + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
        const [data] = await new Promise((done) => socket.once('data', (...all) => done(all)));
        assert.match(data.toString(), /^HTTP\/1.1 101 Switching Protocols\r\n/);
        assert.match(data.toString(), /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
        socket.destroy();
    });

    test('five streams and a sixth; a dead one makes room', async () => {
        const shop = await server.createShop('gus');
        const streams = [];
        for (let i = 0; i < 4; i++) streams.push(await server.stream('gus', shop));
        // A phone that changed networks: its old connection never answers again.
        const dead = net.connect(server.port, '127.0.0.1');
        dead.write(`GET /api/v1/shops/${shop}/messages/stream?token=${tokenFor('gus')} HTTP/1.1\r\nHost: x\r\n`
            + 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
            + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
        await new Promise((done) => dead.once('data', done));
        const gone = new Promise((done) => dead.once('close', done));
        const sixth = await refusal(server.stream('gus', shop));
        assert.equal(sixth.status, 429);
        assert.equal(sixth.headers['retry-after'], '5');
        await gone;
        streams.push(await server.stream('gus', shop));
        const again = await refusal(server.stream('gus', shop));
        assert.equal(again.status, 429);
        const { json } = await server.post('gus', shop, 'all five');
        for (const stream of streams) assert.deepEqual(await stream.next(), json);
        for (const stream of streams) await stream.close();
    });

    test('a removed member is cut off at once, between the right messages', async () => {
        const shop = await server.createShop('hal', ['hob']);
        const hob = await server.stream('hob', shop);
        const { json: before } = await server.post('hal', shop, 'before');
        await server.request('DELETE', `/api/v1/shops/${shop}/members/hob`, { token: tokenFor('hal') });
        await server.post('hal', shop, 'after');
        assert.deepEqual(await hob.closed, { code: 1008, reason: 'removed from shop' });
        assert.deepEqual(hob.messages, [before]);
        assert.equal((await refusal(server.stream('hob', shop))).status, 403);
    });

    test('a token that runs out ends the stream', async () => {
        const shop = await server.createShop('ivy');
        const token = tokenFor('ivy', { exp: Math.floor(Date.now() / 1000) + 2 });
        const stream = await server.stream('ivy', shop, { token });
        assert.deepEqual(await stream.closed, { code: 1008, reason: 'token expired' });
    });

    test('what a v1 client sends is read and dropped', async () => {
        const shop = await server.createShop('jan');
        const stream = await server.stream('jan', shop);
        stream.socket.send('anything');
        stream.socket.send(Buffer.alloc(100000));
        const { json } = await server.post('jan', shop, 'still here');
        assert.deepEqual(await stream.next(), json);
        stream.socket.send(Buffer.alloc(524289));
        assert.equal((await stream.closed).code, 1009);
    });

    test('v2: messages, edits, deletions, presence, typing, read, reaction', async () => {
        const shop = await server.createShop('kim', ['kit']);
        const v2 = { protocols: ['confab.shop.v2'] };
        const kim = await server.stream('kim', shop, v2);
        assert.equal(kim.socket.protocol, 'confab.shop.v2');
        assert.deepEqual(await kim.nextOf('presence_state'),
            { shop_id: shop, online: [{ user_id: 'kim', username: 'KIM' }] });
        const kit = await server.stream('kit', shop, v2);
        let presence;
        do presence = await kim.nextOf('presence'); while (presence.user_id !== 'kit');
        assert.equal(presence.online, true);
        assert.equal(presence.username, 'KIT');

        const { json: message } = await server.post('kim', shop, 'hi');
        assert.deepEqual(await kit.nextOf('message'), message);
        const { json: edited } = await server.request('PUT', '/api/v1/shops/messages',
            { token: tokenFor('kim'), json: { message_id: message.id, message: 'hi!' } });
        assert.deepEqual(await kit.nextOf('message_edited'), edited);

        kit.socket.send(JSON.stringify({ type: 'typing', data: { typing: true } }));
        const typing = await kim.nextOf('typing');
        assert.deepEqual([typing.shop_id, typing.user_id, typing.username, typing.typing],
            [shop, 'kit', 'KIT', true]);
        kit.socket.send(JSON.stringify({ type: 'read', data: { message_id: message.id } }));
        const read = await kim.nextOf('read');
        assert.deepEqual([read.shop_id, read.user_id, read.message_id], [shop, 'kit', message.id]);
        kit.socket.send(JSON.stringify({ type: 'reaction',
            data: { message_id: message.id, reaction: '👍', action: 'add' } }));
        const reaction = await kim.nextOf('reaction');
        assert.deepEqual([reaction.message_id, reaction.user_id, reaction.reaction, reaction.action],
            [message.id, 'kit', '👍', 'add']);

        const elsewhere = await server.createShop('zoe');
        const { json: foreign } = await server.post('zoe', elsewhere, 'foreign');
        kit.socket.send(JSON.stringify({ type: 'read', data: { message_id: foreign.id } }));
        assert.equal((await kit.nextOf('error')).code, 'not_found');
        kit.socket.send('{"type":');
        assert.equal(typeof (await kit.nextOf('error')).code, 'string');

        await server.request('DELETE', `/api/v1/shops/messages/${message.id}`, { token: tokenFor('kim') });
        assert.deepEqual(await kim.nextOf('message_deleted'), { id: message.id, shop_id: shop });
        await kit.close();
        do presence = await kim.nextOf('presence'); while (presence.user_id !== 'kit');
        assert.equal(presence.online, false);
        await kim.close();
    });

    test('v2: ten malformed messages in a row close the stream', async () => {
        const shop = await server.createShop('lea');
        const stream = await server.stream('lea', shop, { protocols: ['confab.shop.v2'] });
        for (let i = 0; i < 10; i++) stream.socket.send('nonsense');
        assert.equal((await stream.closed).code, 1008);
    });

    test('a message posted while a member is away is there after since', async () => {
        const shop = await server.createShop('max', ['mia']);
        const first = await server.stream('mia', shop);
        await server.post('max', shop, 'seen');
        const seen = await first.next();
        first.socket.terminate();
        for (let i = 0; i < 5; i++) await server.post('max', shop, `missed ${i}`);
        const second = await server.stream('mia', shop);
        await server.post('max', shop, 'live');
        const { json } = await server.request('GET',
            `/api/v1/shops/${shop}/messages/paginated?since=${seen.created_at}&limit=100`,
            { token: tokenFor('mia') });
        assert.deepEqual(json.messages.map(({ message }) => message),
            ['seen', 'missed 0', 'missed 1', 'missed 2', 'missed 3', 'missed 4', 'live']);
        assert.equal((await second.next()).message, 'live');
        await second.close();
    });

    test('order: every stream of every worker sees the commit order', async () => {
        const members = ['nia', 'ned', 'nan'];
        const shop = await server.createShop('nob', members);
        const streams = await Promise.all(['nob', ...members, 'nia', 'ned'].map((user) =>
            server.stream(user, shop)));
        const posts = [];
        for (let i = 0; i < 200; i++)
            posts.push(server.post(members[i % 3], shop, `m${i}`));
        const sent = (await Promise.all(posts)).map(({ json }) => json);
        const order = [...sent].sort((a, b) => (a.created_at < b.created_at ? -1 : 1)).map(({ id }) => id);
        for (const stream of streams) {
            const got = [];
            for (let i = 0; i < 200; i++) got.push((await stream.next()).id);
            assert.deepEqual(got, order);
            await stream.close();
        }
    });

    test('permessage-deflate where the client offers it, never with a context kept', async () => {
        const shop = await server.createShop('oda');
        const url = server.streamUrl(shop);
        const headers = { authorization: `Bearer ${tokenFor('oda')}` };
        const deflating = await Stream.open(url, [], { headers, perMessageDeflate: true });
        const plain = await Stream.open(url, [], { headers, perMessageDeflate: false });
        assert.match(deflating.socket.extensions, /permessage-deflate/);
        assert.equal(plain.socket.extensions, '');
        const text = 'the same words again and again, '.repeat(100);
        const { json } = await server.post('oda', shop, text);
        assert.deepEqual(await deflating.next(), json);
        assert.deepEqual(await plain.next(), json);
        const second = await server.post('oda', shop, text);
        assert.deepEqual(await deflating.next(), second.json);
        await deflating.close();
        await plain.close();
    });
});

describe('streams that are switched off', () => {
    test('503 with Retry-After, and REST goes on', async () => {
        const server = await Server.start({ WEBSOCKET_ENABLED: 'false' });
        const shop = await server.createShop('ann');
        const error = await server.stream('ann', shop).then(() => assert.fail('it opened'), (e) => e);
        assert.equal(error.status, 503);
        assert.ok(Number(error.headers['retry-after']) > 0);
        assert.equal((await server.post('ann', shop, 'still works')).status, 201);
        assert.equal(await server.stop(), 0);
    });
});

describe('answers', () => {
    test('V11 a v2 client that asks and never reads what it is told is cut off', async () => {
        const server = await Server.start({ WEBSOCKET_WRITE_WAIT_SECONDS: '2' });
        const shop = await server.createShop('ann');
        const slow = 'websocket_disconnect_reasons{reason="slow_consumer"}';
        const socket = net.connect(server.port, '127.0.0.1');
        let gone = false;
        socket.on('error', () => { gone = true; }).on('close', () => { gone = true; });
        const { pathname } = new URL(server.streamUrl(shop).replace(/^ws/, 'http'));
        socket.write(request({ Authorization: `Bearer ${tokenFor('ann')}`,
            'Sec-WebSocket-Protocol': 'confab.shop.v2' }, { target: pathname }));
        await new Promise((resolve) => { socket.once('data', resolve); });
        socket.pause();
        const ask = frame(OP.TEXT, JSON.stringify({ type: 'read',
            data: { message_id: '00000000-0000-7000-8000-000000000000' } }), { mask: Buffer.from([1, 2, 3, 4]) });
        const asks = Buffer.concat(Array(2000).fill(ask));
        // its goodbye waits for WEBSOCKET_WRITE_WAIT_SECONDS behind what it does not read
        for (const end = Date.now() + 60000; Date.now() < end && await server.metric(slow) === 0;) {
            if (!gone) await new Promise((resolve) => { socket.write(asks, resolve); });
        }
        assert.equal(await server.metric(slow), 1);
        socket.destroy();
        assert.equal(await server.stop(), 0);
    });
});

describe('attempts', () => {
    test('the eleventh of a minute is refused, per user', async () => {
        const server = await Server.start();
        const shop = await server.createShop('ann', ['bob']);
        for (let i = 0; i < 10; i++) await (await server.stream('ann', shop)).close();
        const error = await server.stream('ann', shop).then(() => assert.fail('it opened'), (e) => e);
        assert.equal(error.status, 429);
        const wait = Number(error.headers['retry-after']);
        assert.ok(wait > 50 && wait <= 60, `${wait}`);
        await (await server.stream('bob', shop)).close();
        assert.equal(await server.stop(), 0);
    });
});

describe('stopping', () => {
    test('every stream is told 1001, what was accepted is answered, exit code 0', async () => {
        const server = await Server.start();
        const shop = await server.createShop('ann');
        const streams = [await server.stream('ann', shop), await server.stream('ann', shop)];
        const code = server.stop();
        for (const stream of streams) assert.equal((await stream.closed).code, 1001);
        assert.equal(await code, 0);
    });
});
