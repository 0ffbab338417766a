// Every REST row of shop streams, over a real socket.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server, signToken, tokenFor } from './lib.mjs';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

describe('shops', () => {
    let server;
    before(async () => { server = await Server.start(); });
    after(async () => { assert.equal(await server.stop(), 0); });

    const ask = (method, path, user, json) =>
        server.request(method, path, { token: user && tokenFor(user), json });

    test('a shop is created and listed, under both prefixes', async () => {
        for (const [user, prefix] of [['ann', '/api/v1'], ['abe', '/api/v1/auth']]) {
            const made = await ask('POST', `${prefix}/shops`, user, { name: 'Garage' });
            assert.equal(made.status, 201);
            assert.match(made.json.id, uuid);
            assert.equal(made.json.name, 'Garage');
            assert.equal(made.json.role, 'admin');
            const list = await ask('GET', `${prefix}/shops`, user);
            assert.equal(list.status, 200);
            assert.deepEqual(list.json.shops.map((shop) => shop.id), [made.json.id]);
        }
        assert.deepEqual((await ask('GET', '/api/v1/shops', 'nobody')).json, { shops: [] });
    });

    test('members: an admin manages, a member may not, a stranger learns nothing', async () => {
        const shop = await server.createShop('bob', ['bea']);
        const path = `/api/v1/shops/${shop}/members`;
        const list = await ask('GET', path, 'bea');
        assert.deepEqual(list.json.members.map(({ user_id, role }) => [user_id, role]),
            [['bob', 'admin'], ['bea', 'member']]);
        assert.equal((await ask('POST', path, 'bea', { user_id: 'zoe' })).status, 403);
        const foreign = await ask('GET', path, 'zoe');
        const unknown = await ask('GET',
            '/api/v1/shops/01890a5d-ac96-774b-bcce-b302099a8057/members', 'zoe');
        assert.equal(foreign.status, 403);
        assert.equal(foreign.text, unknown.text);
        assert.equal((await ask('POST', path, 'bob', { user_id: 'bea', role: 'king' })).status, 422);
        assert.equal((await ask('DELETE', `${path}/bea`, 'bob')).status, 204);
        assert.equal((await ask('GET', path, 'bea')).status, 403);
        const last = await ask('DELETE', `${path}/bob`, 'bob');
        assert.equal(last.status, 409);
    });

    test('a message is exactly the object of the seed', async () => {
        const shop = await server.createShop('cat');
        const sent = await server.post('cat', shop, 'Hello team!');
        assert.equal(sent.status, 201);
        assert.deepEqual(Object.keys(sent.json), ['id', 'shop_id', 'user_id', 'username',
            'message', 'created_at', 'updated_at', 'is_edited']);
        assert.match(sent.json.id, uuid);
        assert.match(sent.json.created_at, time);
        const { id, created_at, ...rest } = sent.json;
        assert.deepEqual(rest, { shop_id: shop, user_id: 'cat', username: 'CAT',
            message: 'Hello team!', updated_at: null, is_edited: false });
        const list = await ask('GET', `/api/v1/shops/${shop}/messages`, 'cat');
        assert.deepEqual(list.json.messages, [sent.json]);
        assert.equal(list.json.has_more, false);
    });

    test('a retry answers the first message again', async () => {
        const shop = await server.createShop('dan', ['dee']);
        const first = await server.post('dan', shop, 'once', { client_message_id: 'c-1' });
        const again = await server.post('dan', shop, 'once', { client_message_id: 'c-1' });
        assert.equal(first.status, 201);
        assert.equal(again.status, 200);
        assert.deepEqual(again.json, first.json);
        const header = await server.request('POST', '/api/v1/shops/messages',
            { token: tokenFor('dan'), json: { shop_id: shop, message: 'once' },
                headers: { 'idempotency-key': 'c-1' } });
        assert.equal(header.status, 200);
        assert.deepEqual(header.json, first.json);
        assert.equal((await server.post('dan', shop, 'twice', { client_message_id: 'c-1' })).status, 409);
        assert.equal((await server.post('dee', shop, 'other', { client_message_id: 'c-1' })).status, 201);
        const both = await server.request('POST', '/api/v1/shops/messages',
            { token: tokenFor('dan'), json: { shop_id: shop, message: 'x', client_message_id: 'a' },
                headers: { 'idempotency-key': 'b' } });
        assert.equal(both.status, 422);
        assert.equal(both.json.error.field, 'client_message_id');
        await server.request('DELETE', `/api/v1/shops/messages/${first.json.id}`, { token: tokenFor('dan') });
        assert.equal((await server.post('dan', shop, 'once', { client_message_id: 'c-1' })).status, 409);
    });

    test('64 equal retries at once store one message', async () => {
        const shop = await server.createShop('dot');
        const answers = await Promise.all(Array.from({ length: 64 }, () =>
            server.post('dot', shop, 'race', { client_message_id: 'same' })));
        assert.deepEqual(answers.map(({ status }) => status).sort(),
            [...Array(63).fill(200), 201]);
        assert.equal(new Set(answers.map(({ json }) => json.id)).size, 1);
    });

    test('pages and since', async () => {
        const shop = await server.createShop('eve');
        const sent = [];
        for (let i = 0; i < 120; i++) sent.push((await server.post('eve', shop, `m${i}`)).json);
        const get = async (query) => (await ask('GET',
            `/api/v1/shops/${shop}/messages/paginated${query}`, 'eve')).json;
        const texts = (answer) => answer.messages.map(({ message }) => message);
        const names = (from, to) => Array.from({ length: to - from }, (_, i) => `m${from + i}`);

        const first = await get('');
        assert.deepEqual({ ...first, messages: texts(first) },
            { messages: names(70, 120), page: 1, limit: 50, total: 120, has_more: true });
        const third = await get('?page=3&limit=50');
        assert.deepEqual({ ...third, messages: texts(third) },
            { messages: names(0, 20), page: 3, limit: 50, total: 120, has_more: false });
        assert.deepEqual(await get('?page=4'),
            { messages: [], page: 4, limit: 50, total: 120, has_more: false });
        const newest = (await ask('GET', `/api/v1/shops/${shop}/messages`, 'eve')).json;
        assert.deepEqual(texts(newest), names(20, 120));

        const since = await get(`?since=${sent[100].created_at}&limit=100`);
        assert.deepEqual(texts(since), names(100, 120));
        assert.equal(since.has_more, false);
        assert.equal(since.page, undefined);
        assert.equal(since.total, undefined);
        const part = await get(`?since=${encodeURIComponent(sent[0].created_at)}&limit=7`);
        assert.deepEqual(texts(part), names(0, 7));
        assert.equal(part.has_more, true);
        assert.deepEqual(texts(await get('?since=2000-01-01T00:00:00Z&limit=1')), ['m0']);
        assert.deepEqual((await get('?since=2100-01-01T00:00:00%2B01:00')).messages, []);
        const times = sent.map((each) => each.created_at);
        assert.deepEqual(times, [...new Set(times)].sort());
    });

    test('queries against the rules', async () => {
        const shop = await server.createShop('fay');
        for (const [query, field] of [['limit=0', 'limit'], ['limit=101', 'limit'], ['limit=x', 'limit'],
            ['page=0', 'page'], ['page=-1', 'page'], ['since=yesterday', 'since'],
            ['since=2026-01-03T15:30:00Z&page=1', 'since']]) {
            const answer = await ask('GET', `/api/v1/shops/${shop}/messages/paginated?${query}`, 'fay');
            assert.equal(answer.status, 422, query);
            assert.equal(answer.json.error.field, field, query);
        }
    });

    test('edit and delete', async () => {
        const shop = await server.createShop('gus', ['gil', 'guy']);
        const { json: message } = await server.post('gil', shop, 'frist');
        const edit = (user, text, id = message.id) =>
            ask('PUT', '/api/v1/shops/messages', user, { message_id: id, message: text });
        const edited = await edit('gil', 'first');
        assert.equal(edited.status, 200);
        assert.equal(edited.json.id, message.id);
        assert.equal(edited.json.message, 'first');
        assert.equal(edited.json.is_edited, true);
        assert.match(edited.json.updated_at, time);
        assert.equal(edited.json.created_at, message.created_at);
        assert.equal((await edit('gus', 'by the admin')).status, 403);
        assert.equal((await edit('zoe', 'by a stranger')).status, 404);
        assert.equal((await edit('gil', 'x', '01890a5d-ac96-774b-bcce-b302099a8057')).status, 404);

        const remove = (user) => ask('DELETE', `/api/v1/shops/messages/${message.id}`, user);
        assert.equal((await remove('guy')).status, 403);
        assert.equal((await remove('zoe')).status, 404);
        const removed = await remove('gus');
        assert.equal(removed.status, 204);
        assert.equal(removed.bytes.length, 0);
        assert.equal((await remove('gus')).status, 404);
        assert.equal((await edit('gil', 'again')).status, 404);
        const page = await ask('GET', `/api/v1/shops/${shop}/messages/paginated`, 'gus');
        assert.deepEqual([page.json.total, page.json.messages], [0, []]);
    });

    test('texts: 1 to 10,000 code points of valid UTF-8, no NUL, stored as sent', async () => {
        const shop = await server.createShop('hal');
        for (const text of ['x', '𝄞'.repeat(10000), ' <b>&"\u2028 ', "Robert'); DROP TABLE rooms;--"]) {
            const sent = await server.post('hal', shop, text);
            assert.equal(sent.status, 201);
            assert.equal(sent.json.message, text);
        }
        for (const text of ['', 'x'.repeat(10001), '𝄞'.repeat(10001), 'a\u0000b']) {
            const sent = await server.post('hal', shop, text);
            assert.equal(sent.status, 422);
            assert.equal(sent.json.error.field, 'message');
            assert.equal(sent.json.message, sent.json.error.message);
        }
    });

    test('bodies that are wrong', async () => {
        const shop = await server.createShop('ida');
        const send = (body, headers = { 'content-type': 'application/json' }) =>
            server.request('POST', '/api/v1/shops/messages', { token: tokenFor('ida'), body, headers });
        const good = `{"shop_id":"${shop}","message":"x"}`;
        for (const [body, status] of [['', 400], ['{', 400], [`${good}x`, 400], ['[]', 400], ['null', 400],
            [`{"shop_id":"${shop}","message":"x","message":"y"}`, 400],
            [Buffer.from(`{"shop_id":"${shop}","message":"\xff"}`, 'latin1'), 400],
            [`{"shop_id":"${shop}","message":"\\ud800"}`, 400],
            [`{"shop_id":"${shop}","message":5}`, 422], [`{"message":"x"}`, 422],
            [`{"shop_id":"nope","message":"x"}`, 422], [`${'['.repeat(100)}`, 400],
            [`{"shop_id":"${shop}","message":"x","bag":{"__proto__":1,"constructor":[]}}`, 201]]) {
            const answer = await send(body);
            assert.equal(answer.status, status, `${body}`.slice(0, 80));
            if (status !== 201) assert.equal(typeof answer.json.error.code, 'string');
        }
        assert.equal((await send(good, { 'content-type': 'text/plain' })).status, 415);
        assert.equal((await send(good, { 'content-type': 'Application/JSON; charset=utf-8' })).status, 201);
        assert.equal((await send('x'.repeat(70000))).status, 413);
        assert.equal((await server.post('ida', '01890a5d-ac96-774b-bcce-b302099a8057', 'x')).status, 403);
    });

    test('tokens that are wrong answer 401 and say nothing more', async () => {
        const claims = { user_id: 'jo', exp: Math.floor(Date.now() / 1000) + 60 };
        const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${
            Buffer.from(JSON.stringify(claims)).toString('base64url')}.`;
        for (const token of ['x', 'a.b.c', none, signToken(claims, { key: 'another secret of the same length, really' }),
            signToken({ user_id: 'jo' }), signToken({ exp: claims.exp }), `${signToken(claims)}x`,
            signToken({ ...claims, exp: 1000 })]) {
            const answer = await server.request('GET', '/api/v1/shops', { token });
            assert.equal(answer.status, 401, token);
            assert.equal(answer.headers['www-authenticate'], 'Bearer');
            assert.ok(!answer.text.includes(token) || token === 'x');
        }
        const bare = await server.request('GET', '/api/v1/shops');
        assert.equal(bare.status, 401);
        assert.equal(bare.json.error.code, 'unauthorized');
        assert.equal((await server.request('GET', `/api/v1/shops?token=${signToken(claims)}`)).status, 200);
        const scheme = await server.request('GET', '/api/v1/shops',
            { headers: { authorization: `bEaReR ${signToken(claims)}` } });
        assert.equal(scheme.status, 200);
    });

    test('the first of user_id, userId, sub; integers too', async () => {
        const exp = Math.floor(Date.now() / 1000) + 60;
        for (const [claims, id, name] of [[{ user_id: 7, userId: 'b', sub: 'c' }, '7', '7'],
            [{ userId: 'b', sub: 'c', name: 'N' }, 'b', 'N'],
            [{ sub: 'c', preferred_username: 'P' }, 'c', 'P']]) {
            const shop = await server.request('POST', '/api/v1/shops',
                { token: signToken({ ...claims, exp }), json: { name: 'X' } });
            const sent = await server.request('POST', '/api/v1/shops/messages',
                { token: signToken({ ...claims, exp }), json: { shop_id: shop.json.id, message: 'x' } });
            assert.deepEqual([sent.json.user_id, sent.json.username], [id, name]);
        }
    });

    test('paths and methods', async () => {
        const shop = await server.createShop('kim');
        for (const [method, path, status, allow] of [
            ['GET', '/nothing', 404], ['GET', '/api/v1/shops/x/y/z', 404],
            ['PATCH', '/api/v1/shops', 405, ['GET', 'HEAD', 'POST', 'OPTIONS']],
            ['DELETE', '/healthz', 405, ['GET', 'HEAD', 'OPTIONS']],
            ['GET', '/api/v1/shops/not-a-uuid/messages', 400], ['GET', '/api/v1/../v1/shops', 400],
            ['GET', '/api/v1/shops/%00/messages', 400], ['GET', '/api/v1/shops/..%2f/messages', 400],
            ['GET', '/api/v1/shops/%zz/messages', 400]]) {
            const answer = await ask(method, path, 'kim');
            assert.equal(answer.status, status, `${method} ${path}`);
            if (allow) assert.deepEqual(answer.headers.allow.split(', ').sort(), [...allow].sort());
            assert.equal(typeof answer.json.error.code, 'string');
        }
        const head = await ask('HEAD', `/api/v1/shops/${shop}/messages`, 'kim');
        const get = await ask('GET', `/api/v1/shops/${shop}/messages`, 'kim');
        assert.equal(head.status, 200);
        assert.equal(head.headers['content-length'], String(get.bytes.length));
        assert.equal(head.bytes.length, 0);
        const options = await ask('OPTIONS', '/api/v1/shops/messages');
        assert.equal(options.status, 204);
        assert.deepEqual(options.headers.allow.split(', ').sort(), ['OPTIONS', 'POST', 'PUT']);
    });

    test('health, readiness, metrics', async () => {
        assert.deepEqual((await server.request('GET', '/healthz')).json, { status: 'ok' });
        assert.deepEqual((await server.request('GET', '/readyz')).json, { status: 'ready' });
        const health = await server.request('GET', '/api/v1/health/websocket');
        assert.deepEqual(Object.keys(health.json),
            ['status', 'active_connections', 'active_shops', 'uptime_seconds']);
        assert.equal(health.json.status, 'healthy');
        const metrics = await server.request('GET', '/metrics');
        assert.equal(metrics.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
        for (const name of ['websocket_connections_total', 'websocket_connections_by_shop',
            'websocket_connection_duration_seconds', 'websocket_messages_broadcast_total',
            'websocket_broadcast_latency_ms', 'websocket_broadcast_errors_total',
            'websocket_auth_failures_total', 'websocket_upgrade_failures_total',
            'websocket_disconnect_reasons', 'confab_connections', 'confab_store_commits_total',
            'process_resident_memory_bytes'])
            assert.match(metrics.text, new RegExp(`^# TYPE ${name} `, 'm'), name);
        const proxied = await server.request('GET', '/metrics', { headers: { 'x-forwarded-for': '8.8.8.8' } });
        assert.equal(proxied.status, 403);
    });
});
