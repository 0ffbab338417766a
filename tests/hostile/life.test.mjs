// What happens to the process and to live connections: tokens that run out, removals, restarts, signals, networks that fall
// silent, a disk that turns read-only. Good clients go on, and nothing that was acknowledged is lost.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import WebSocket from 'ws';
import { Stream, certificate, cleanEnv, confab, makeDir, run, secret, signToken, tokenFor } from '../integration/lib.mjs';
import { Feed, addMember, ask, createGroup, fetchSince, say, startThread, upload } from '../integration/orbital_lib.mjs';
import { Device, Relay, createTalk, history, newestClients } from '../integration/talk_lib.mjs';
import { Crowd, figure, sanitized, scale, serve, sleep, startProbe, stopWell, until, within } from './lib.mjs';

const slack = sanitized ? 6000 : 3000; // of a loaded machine

test('V20 tokens that run out while messages are published', { timeout: 120000 }, async (context) => {
    const server = await serve(context);
    const probe = await startProbe(server);
    const many = scale(90, 1000);
    const shop = await server.createShop('ann');
    const exp = Math.floor(Date.now() / 1000) + scale(4, 40), token = signToken({ user_id: 'ann', exp });
    const timed = (end) => ({ end: end.then((how) => ({ ...how, late: Date.now() - exp * 1000 })) });
    const ends = await Promise.all(Array.from({ length: many }, async (_, i) => {
        if (i % 3 === 0) return timed((await server.stream('ann', shop, { token })).closed);
        if (i % 3 === 1) return timed((await Feed.open(server, 'ann', { token })).closed);
        const { socket } = await Device.connect(server, 'ann', { token });
        return timed(new Promise((done) => { socket.once('disconnect', (reason) => done({ reason })); }));
    }));
    const late = [];
    for (const { end } of ends) {
        const how = await within(end, 'the end', 60000);
        if (how.code === undefined) assert.equal(how.reason, 'io server disconnect');
        else assert.deepEqual([how.code, how.reason], [1008, 'token expired']);
        late.push(how.late);
    }
    assert.ok(late.every((ms) => ms >= 0 && ms < 1000 + slack), late.join());
    figure(context, `${many} connections of the three dialects ended when their token did, the last ${Math.max(...late)} ms after; `
        + await probe.stop());
    await stopWell(server);
});

test('V20 removals while messages are published: nothing afterwards', { timeout: 900000 }, async (context) => {
    const server = await serve(context);
    const probe = await startProbe(server);
    const trials = scale(60, 1000);
    const shop = await server.createShop('ann'), group = await createGroup(server, 'ann');
    const agent = new http.Agent({ keepAlive: true });
    let told = 0;
    for (let trial = 0; trial < trials; trial++) {
        const eve = `eve${trial}`;
        const member = await server.request('POST', `/api/v1/shops/${shop}/members`,
            { token: tokenFor('ann'), json: { user_id: eve }, agent });
        assert.equal(member.status, 201);
        await addMember(server, 'ann', group, eve);
        const stream = await server.stream(eve, shop), feed = await (await Feed.open(server, eve)).subscribe(group);
        const posts = Array.from({ length: 3 }, (_, i) => server.post('ann', shop, `before ${trial} ${i}`));
        const says = Array.from({ length: 3 }, (_, i) => say(server, 'ann', group, `before ${trial} ${i}`));
        const [one, other] = await Promise.all([
            server.request('DELETE', `/api/v1/shops/${shop}/members/${eve}`, { token: tokenFor('ann'), agent }),
            ask(server, 'ann', 'DELETE', `/groups/${group}/members/${eve}`)]);
        assert.deepEqual([one.status, other.status], [204, 204]);
        const after = [(await server.post('ann', shop, `after ${trial}`)).json.id,
            (await say(server, 'ann', group, `after ${trial}`)).message_id];
        await Promise.all([...posts, ...says]);
        assert.deepEqual(await within(stream.closed, 'the end'), { code: 1008, reason: 'removed from shop' });
        await feed.settled();
        const heard = [...stream.messages.map(({ id }) => id), ...feed.left().map(({ data }) => data.message_id)];
        for (const id of after) assert.ok(!heard.includes(id), `${trial}: heard ${id}`);
        told += heard.length;
        feed.cut();
    }
    agent.destroy();
    figure(context, `${2 * trials} removals under ${6 * trials} concurrent messages, 0 were heard after it (${told} before); `
        + await probe.stop());
    await stopWell(server);
});

// A client by the contract's section 9: tries again after 0, 1, 2, 4, 8 s, each ±20 %.
class Comer {
    constructor(address, shop, user) {
        Object.assign(this, { address, shop, user, heard: [], refusals: 0, tries: 0, attempt: 0 });
        this.#connect();
    }

    #connect() {
        this.tries++;
        this.socket = new WebSocket(`${this.address}/api/v1/shops/${this.shop}/messages/stream`, [],
            { headers: { authorization: `Bearer ${tokenFor(this.user)}` }, perMessageDeflate: false });
        this.socket.on('open', () => { this.open = true; this.attempt = 0; });
        this.socket.on('message', (data) => this.heard.push(JSON.parse(data).id));
        this.socket.on('unexpected-response', (_, response) => { this.refusals++; response.resume(); this.socket.terminate(); });
        this.socket.on('error', () => {});
        this.socket.on('close', () => {
            this.open = false;
            if (this.over) return;
            const pause = [0, 1, 2, 4, 8][Math.min(this.attempt++, 4)] * 1000;
            this.timer = setTimeout(() => this.#connect(), pause * (0.8 + 0.4 * Math.random()));
        });
    }

    stop() {
        this.over = true;
        clearTimeout(this.timer);
        this.socket.terminate();
    }
}

test('V34 clients dropped at once by a restart come back', { timeout: 120000 }, async (context) => {
    const dir = makeDir();
    context.after(() => rmSync(dir, { recursive: true, force: true }));
    const first = await serve(context, {}, { dir });
    const many = scale(1000, 10000), users = many / 10;
    const shop = await first.createShop('ann', Array.from({ length: users }, (_, i) => `user${i}`));
    const comers = Array.from({ length: many }, (_, i) => new Comer(`ws://127.0.0.1:${first.port}`, shop, `user${i % users}`));
    context.after(() => comers.forEach((comer) => comer.stop()));
    await until(() => comers.every(({ open }) => open), 'all are there', 30000);
    first.child.kill('SIGKILL');
    await first.closed;
    const started = performance.now();
    const second = await serve(context, { CONFAB_LISTEN: `127.0.0.1:${first.port}` }, { dir });
    await until(() => comers.every(({ open }) => open), 'all are back', 30000);
    const back = Math.round(performance.now() - started);
    const { json: { id } } = await second.post('ann', shop, 'all of you');
    await until(() => comers.every(({ heard }) => heard.length === 1), 'all hear it');
    assert.ok(comers.every(({ heard }) => heard[0] === id));
    const tries = comers.reduce((sum, comer) => sum + comer.tries, 0) - many;
    assert.equal(comers.reduce((sum, { refusals }) => sum + refusals, 0), 0);
    assert.ok(tries <= 8 * many);
    for (const comer of comers) comer.stop();
    figure(context, `${many} clients were back ${back} ms after the restart, with ${tries} tries and 0 refusals; all heard the next message`);
    await stopWell(second);
});

test('clients that are stopped are dropped, the others have everything; they catch up when they go on', { timeout: 120000 },
    async (context) => {
        const server = await serve(context, { WEBSOCKET_PING_PERIOD_SECONDS: '1', WEBSOCKET_PONG_WAIT_SECONDS: '2' });
        const probe = await startProbe(server);
        const shop = await server.createShop('ann');
        const tails = Array.from({ length: scale(8, 40) }, () => {
            const child = spawn(confab, ['tail', server.streamUrl(shop), '--token', tokenFor('ann')],
                { env: cleanEnv({}), stdio: ['ignore', 'pipe', 'ignore'] });
            context.after(() => child.kill('SIGKILL'));
            const tail = { child, lines: '', seen: () => new Set(tail.lines.split('\n').filter(Boolean).map((line) => JSON.parse(line).id)) };
            child.stdout.on('data', (data) => { tail.lines += data; });
            return tail;
        });
        const own = await server.metric('websocket_connections_total');
        const streams = async (count) => await server.metric(`websocket_connections_by_shop{shop_id="${shop}"}`) === count;
        await until(() => streams(tails.length), `they are there (${own})`);
        const stopped = tails.slice(0, tails.length / 2), going = tails.slice(tails.length / 2);
        for (const { child } of stopped) child.kill('SIGSTOP');
        const at = performance.now(), sent = [];
        while (!await streams(going.length)) {
            assert.ok(performance.now() - at < 2000 + slack, 'they are dropped in time');
            sent.push((await server.post('ann', shop, `message ${sent.length}`)).json.id);
            await sleep(20);
        }
        const dropped = Math.round(performance.now() - at);
        sent.push((await server.post('ann', shop, 'the last one')).json.id);
        await until(() => going.every((tail) => sent.every((id) => tail.seen().has(id))), 'the others have all');
        for (const { child } of stopped) child.kill('SIGCONT');
        await until(() => stopped.every((tail) => sent.every((id) => tail.seen().has(id))), 'they catch up');
        for (const { child } of tails) child.kill('SIGKILL');
        figure(context, `${stopped.length} stopped clients are dropped after ${dropped} ms (2000 + load are allowed), ${sent.length} messages `
            + `at each of the others, and at them when they went on; ${await probe.stop()}`);
        await stopWell(server);
    });

test('networks that fall silent: each dialect notices in its time', { timeout: 120000 }, async (context) => {
    const server = await serve(context, { WEBSOCKET_PING_PERIOD_SECONDS: '1', WEBSOCKET_PONG_WAIT_SECONDS: '2',
        ORBITAL_PING_PERIOD_SECONDS: '1', SOCKETIO_PING_INTERVAL_MS: '1000', SOCKETIO_PING_TIMEOUT_MS: '1000' });
    const probe = await startProbe(server);
    const relay = await Relay.start(server.port);
    context.after(() => relay.close());
    const far = { port: new URL(relay.address).port, address: relay.address };
    const shop = await server.createShop('ann'), group = await createGroup(server, 'ann');
    const many = scale(10, 100);
    const counts = { shop: `websocket_connections_by_shop{shop_id="${shop}"}`, orbital: 'confab_orbital_connections',
        websocket: 'confab_socketio_sessions{transport="websocket"}', polling: 'confab_socketio_sessions{transport="polling"}' };
    const allowed = { shop: 2000, orbital: 4000, websocket: 2000, polling: 2000 };
    const before = {};
    for (const [kind, name] of Object.entries(counts)) before[kind] = await server.metric(name) ?? 0;
    const devices = [];
    for (let i = 0; i < many; i++) {
        const stream = await Stream.open(server.streamUrl(shop).replace(`:${server.port}`, `:${far.port}`), [],
            { headers: { authorization: `Bearer ${tokenFor('ann')}` } });
        const feed = await Feed.open(far, 'ann');
        await feed.subscribe(group);
        const [polling, websocket] = newestClients;
        for (const client of [polling, websocket])
            devices.push(await Device.connect(server, 'ann', { client, address: relay.address }));
        context.after(() => { stream.socket.terminate(); feed.cut(); });
    }
    context.after(() => devices.forEach((device) => device.close()));
    relay.freeze();
    const at = performance.now(), took = {};
    await Promise.all(Object.entries(counts).map(async ([kind, name]) => {
        await until(async () => (await server.metric(name) ?? 0) <= before[kind], `${kind}: they are dropped`, allowed[kind] + slack);
        took[kind] = Math.round(performance.now() - at);
    }));
    relay.close();
    figure(context, `${many} connections of each kind fell silent, dropped after ${Object.entries(took)
        .map(([kind, ms]) => `${kind} ${ms} of ${allowed[kind]} ms`).join(', ')}; ${await probe.stop()}`);
    await stopWell(server);
});

// Posts in every dialect until the server is gone; what was acknowledged.
function load(server, { shop, group, talk }, posters) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: posters });
    const kept = { shop: [], group: [], talk: [] };
    const posts = [
        (i) => server.request('POST', '/api/v1/shops/messages', { token: tokenFor('ann'), agent, json: { shop_id: shop, message: `m${i}` } })
            .then(({ status, json }) => { if (status === 201) kept.shop.push(json.id); return status; }),
        (i) => ask(server, 'ann', 'POST', '/messages', { conversation_id: group, encrypted_envelope: btoa(`m${i}`) }, { agent })
            .then(({ status, json }) => { if (status === 201) kept.group.push(json.message_id); return status; }),
        (i, user) => server.request('POST', `/api/conversations/${talk}/messages`, { token: tokenFor(user), agent,
            json: { text: `m${i}`, clientMessageId: crypto.randomUUID() } })
            .then(({ status, json }) => { if (status === 201) kept.talk.push(json.id ?? json.message?.id); return status; }),
    ];
    const statuses = {};
    const poster = async (number) => {
        for (let i = 0; ; i++) {
            const status = await posts[number % 3](i, `user${number}`).catch((error) => error.code ?? error.message);
            statuses[status] = (statuses[status] ?? 0) + 1;
            if (typeof status === 'string') return;
            if (status !== 201) await sleep(50);
        }
    };
    const all = Promise.all(Array.from({ length: posters }, (_, number) => poster(number)));
    return { kept, statuses, all: all.then(() => agent.destroy()) };
}

test('SIGTERM while downloads go on that nobody reads: they have ten seconds', async (context) => {
    const server = await serve(context, { WEBSOCKET_WRITE_WAIT_SECONDS: '60' });
    const group = await createGroup(server, 'ann');
    const { thread_id: thread } = await startThread(server, 'ann', group);
    const { media_id: media } = await upload(server, 'ann', thread, Buffer.alloc(32 * 1024 * 1024));
    const crowd = await Crowd.open(server, 50, { read: false,
        bytes: `GET /v1/media/${media}?token=${tokenFor('ann')} HTTP/1.1\r\nHost: x\r\n\r\n` });
    await until(async () => await server.metric('confab_connections') >= 50, 'they are there');
    await sleep(500);
    const started = performance.now();
    assert.equal(await server.stop(), 0);
    const ms = Math.round(performance.now() - started);
    crowd.destroy();
    figure(context, `50 downloads that nobody reads hold up the end for ${ms} ms, 10000 are allowed`);
    assert.ok(ms >= 9500 && ms < 10000 + slack, `${ms}`);
});

test('SIGTERM under load: everybody is told, all that was acknowledged is kept', { timeout: 120000 }, async (context) => {
    const dir = makeDir();
    context.after(() => rmSync(dir, { recursive: true, force: true }));
    const posters = 24, rounds = scale(2, 20), listeners = scale(60, 300);
    let stored = 0, told = 0, slowest = 0;
    for (let round = 0; round < rounds; round++) {
        const server = await serve(context, {}, { dir });
        const users = Array.from({ length: posters }, (_, i) => `user${i}`);
        const scene = { shop: await server.createShop('ann'), group: await createGroup(server, 'ann'),
            talk: await createTalk(server, 'ann', users) };
        const ends = await Promise.all(Array.from({ length: listeners }, async (_, i) => {
            if (i % 3 === 0) return { end: (await server.stream('ann', scene.shop)).closed.then(({ code }) => code) };
            if (i % 3 === 1) return { end: (await Feed.open(server, 'ann')).closed.then(({ code }) => code) };
            const device = await Device.connect(server, 'ann', { client: newestClients[i % 2] });
            return { end: new Promise((done) => { device.socket.once('disconnect', done); }) };
        }));
        const { kept, statuses, all } = load(server, scene, posters);
        await sleep(scale(500, 1500));
        const started = performance.now();
        server.child.kill('SIGTERM');
        for (const { end } of ends) {
            const how = await within(end, 'told');
            assert.ok([1001, 'io server disconnect'].includes(how), `${how}`);
            told++;
        }
        await within(all, 'the load ends', 15000);
        const { code } = await within(server.closed, 'the end', 15000);
        slowest = Math.max(slowest, performance.now() - started);
        assert.equal(code, 0, server.log);
        const next = await serve(context, {}, { dir });
        const shopIds = new Set(), talkIds = new Set();
        for (let since = '2000-01-01T00:00:00Z', more = true; more;) {
            const { json } = await next.request('GET', `/api/v1/shops/${scene.shop}/messages/paginated?since=${since}&limit=100`,
                { token: tokenFor('ann') });
            for (const { id } of json.messages) shopIds.add(id);
            more = json.has_more;
            since = json.messages.at(-1)?.created_at;
        }
        for (let seq = 0, more = true; more;) {
            const { messages, hasMore } = await history(next, 'ann', scene.talk, `?afterSeq=${seq}&limit=100`);
            for (const { id } of messages) talkIds.add(id);
            more = hasMore;
            seq = messages.at(-1)?.seq;
        }
        const groupIds = new Set((await fetchSince(next, 'ann', 0, { group: scene.group, of: 'messages' }))
            .map(({ message_id: id }) => id));
        for (const [ids, there] of [[kept.shop, shopIds], [kept.group, groupIds], [kept.talk, talkIds]]) {
            assert.ok(ids.length > 0, JSON.stringify(statuses));
            for (const id of ids) assert.ok(there.has(id), `${id} was acknowledged`);
            stored += ids.length;
        }
        await stopWell(next);
    }
    figure(context, `${rounds} SIGTERMs under load: ${told} of ${rounds * listeners} clients were told, ${stored} messages acknowledged, `
        + `0 lost, the slowest end took ${Math.round(slowest)} ms`);
});

test('SIGHUP under load: the certificate changes, no request fails and no stream ends', { timeout: 120000 }, async (context) => {
    const dir = makeDir();
    context.after(() => rmSync(dir, { recursive: true, force: true }));
    const live = { cert: join(dir, 'live.pem'), key: join(dir, 'live.key') };
    const renew = async (name) => {
        const made = await certificate(dir, name);
        renameSync(made.key, live.key);
        renameSync(made.cert, live.cert);
    };
    await renew('first');
    const server = await serve(context, { CONFAB_TLS_CERT: live.cert, CONFAB_TLS_KEY: live.key });
    const shop = await server.createShop('ann');
    const stream = await Stream.open(server.streamUrl(shop).replace('ws:', 'wss:'), [],
        { rejectUnauthorized: false, headers: { authorization: `Bearer ${tokenFor('ann')}` } });
    const agent = new https.Agent({ keepAlive: true, maxSockets: 4 });
    let running = true;
    const sent = [];
    // Every other post has a connection, and so a handshake, of its own.
    const poster = async (number) => {
        for (let i = 0; running; i++) {
            const { status, json } = await server.request('POST', '/api/v1/shops/messages', { token: tokenFor('ann'),
                json: { shop_id: shop, message: `${number} ${i}` }, agent: i % 2 ? agent : undefined });
            assert.equal(status, 201);
            sent.push(json.id);
        }
    };
    const posters = Promise.all(Array.from({ length: 8 }, (_, number) => poster(number)));
    const signals = scale(4, 50);
    for (let i = 0; i < signals; i++) {
        const name = `renewed${i}`;
        await renew(name);
        server.child.kill('SIGHUP');
        await until(async () => {
            const request = https.get({ port: server.port, host: '127.0.0.1', path: '/healthz', agent: false, rejectUnauthorized: false });
            const [response] = await once(request, 'response');
            const { CN } = response.socket.getPeerCertificate().subject;
            response.resume();
            return CN === name;
        }, `${name} is served`);
    }
    running = false;
    await within(posters, 'the last posts');
    const heard = [];
    while (heard.length < sent.length) heard.push((await within(stream.next(), 'a message')).id);
    assert.deepEqual([...heard].sort(), sent.sort());
    agent.destroy();
    await stream.close();
    figure(context, `${signals} new certificates under load: ${sent.length} posts, half of them with a handshake, 0 failed, each heard `
        + 'once by a stream that was open all the time');
    assert.equal(await server.stop(), 0);
});

test('a data dir that turns read-only: a clear answer, and all is well when it is writable again', async (context) => {
    const dir = makeDir();
    const media = join(dir, 'orbital');
    mkdirSync(media);
    const mount = (...args) => execFileSync('mount', args, { stdio: 'pipe' });
    try {
        mount('-t', 'tmpfs', '-o', 'size=8m', 'none', media);
    } catch {
        context.skip('this user may not mount');
        return;
    }
    context.after(() => {
        execFileSync('umount', ['-l', media]);
        rmSync(dir, { recursive: true, force: true });
    });
    const server = await serve(context, {}, { dir });
    const probe = await startProbe(server);
    const group = await createGroup(server, 'ann');
    const { thread_id: thread } = await startThread(server, 'ann', group);
    const put = (body) => server.request('POST', `/v1/threads/${thread}/media`, { token: tokenFor('ann'), body,
        headers: { 'x-encrypted-metadata': 'eA==' } });
    const { media_id: before } = await upload(server, 'ann', thread, Buffer.from('before'));
    mount('-o', 'remount,ro', media);
    const statuses = [];
    for (let i = 0; i < 20; i++) statuses.push((await put(Buffer.from('meanwhile'))).status);
    assert.ok(statuses.every((status) => [500, 503, 507].includes(status)), statuses.join());
    const { text } = await server.request('GET', `/v1/media/${before}`, { token: tokenFor('ann') });
    assert.equal(text, 'before');
    mount('-o', 'remount,rw', media);
    assert.equal((await put(Buffer.from('after'))).status, 201);
    figure(context, `media on a disk that is read-only: 20 uploads refused with ${[...new Set(statuses)].join()}, downloads go on, the next `
        + `upload after it is stored; ${await probe.stop()}`);
    await stopWell(server);
});

test('a data dir that is read-only at the start: one line, exit code 1', async (context) => {
    const dir = makeDir();
    const first = await serve(context, {}, { dir });
    assert.equal(await first.stop(), 0);
    try {
        execFileSync('mount', ['--bind', dir, dir], { stdio: 'pipe' });
        execFileSync('mount', ['-o', 'remount,bind,ro', dir], { stdio: 'pipe' });
    } catch {
        context.skip('this user may not mount');
        return;
    }
    context.after(() => execFileSync('umount', ['-l', dir]));
    const { code, stdout, stderr } = await run(['serve'], { env: { CONFAB_LISTEN: '127.0.0.1:0', CONFAB_DATA_DIR: dir, JWT_SECRET: secret } });
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^confab: [^\n]+\n$/);
    figure(context, `refused with "${stderr.trim()}"`);
});
