// Media of groups: uploads in one go by everyday clients, downloads whole and in ranges, and how media go.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { makeDir, tokenFor } from './lib.mjs';
import { addMember, feeds, nowhere, removeMember, say, sealed, startServer, time, upload, uuid } from './orbital_lib.mjs';
import { MiB, Wire, announced, assertSame, download, family, fileOf, files, isFinal, mediaDir, mediaPath, noise,
    postMedia, remove, requestHead, serve, unfinished } from './orbital_media_lib.mjs';
import { assertProblem, people, sleep, stopClean, until, within } from './talk_lib.mjs';

const exec = promisify(execFile);
const weekMs = 7 * 24 * 3600 * 1000;

// What the seed says of media_uploaded, and the stamp that answers carry.
function assertMedia(media, { thread, author, size, metadata }) {
    assert.deepEqual(Object.keys(media), ['media_id', 'thread_id', 'author_id', 'encrypted_metadata', 'size_bytes',
        'expires_at', 'server_timestamp']);
    assert.match(media.media_id, uuid);
    assert.match(media.expires_at, time);
    assert.deepEqual([media.thread_id, media.author_id, media.encrypted_metadata, media.size_bytes],
        [thread, author, metadata, size]);
    assert.equal(Date.parse(media.expires_at) - media.server_timestamp, weekMs);
}

const eventOf = ({ server_timestamp: stamp, ...data }) => ({ type: 'media_uploaded', data, server_timestamp: stamp });

describe('uploads in one go', () => {
    let server;
    before(async () => { server = await startServer(); });
    after(() => stopClean(server));

    test('by fetch: subscribers are told of a file that has its final name, and everybody gets the same bytes',
        async (context) => {
            const { ann, ben, group, thread } = await family(server);
            const feed = await feeds(context, server)(ben, group);
            const finals = [];
            feed.socket.on('message', (text) => {
                const { type, data } = JSON.parse(text);
                if (type === 'media_uploaded') finals.push(isFinal(server, data.media_id));
            });
            const body = noise(3 * MiB + 5);
            const sent = await fetch(`${server.address}${mediaPath(thread)}`, { method: 'POST', body,
                headers: { authorization: `Bearer ${tokenFor(ann)}`, 'x-encrypted-metadata': sealed('name') } });
            assert.equal(sent.status, 201);
            const media = await sent.json();
            assertMedia(media, { thread, author: ann, size: body.length, metadata: sealed('name') });
            assert.deepEqual(await feed.next(), eventOf(media));
            assert.deepEqual(finals, [true]);
            assert.deepEqual(await announced(server, ben, group), [media.media_id]);
            const got = await fetch(`${server.address}/v1/media/${media.media_id}`,
                { headers: { authorization: `Bearer ${tokenFor(ben)}` } });
            assert.equal(got.status, 200);
            assert.equal(got.headers.get('x-encrypted-metadata'), sealed('name'));
            assertSame(Buffer.from(await got.arrayBuffer()), body);
            assertSame(readFileSync(fileOf(server, media.media_id)), body, 'the file');
        });

    test('by curl, up and down', async () => {
        const { ann, ben, thread } = await family(server);
        const dir = makeDir();
        const body = noise(2 * MiB + 1);
        const sentFile = join(dir, 'sent'), gotFile = join(dir, 'got');
        writeFileSync(sentFile, body);
        const curl = (user, ...args) => exec('curl', ['-sS', '-H', `Authorization: Bearer ${tokenFor(user)}`, ...args]);
        const sent = await curl(ann, '--data-binary', `@${sentFile}`, '-H', 'Content-Type: application/octet-stream',
            '-H', `X-Encrypted-Metadata: ${sealed('m')}`, '-w', '\n%{http_code}',
            `${server.address}${mediaPath(thread)}`);
        const [json, status] = sent.stdout.split('\n');
        assert.equal(status, '201', json);
        const media = JSON.parse(json);
        assertMedia(media, { thread, author: ann, size: body.length, metadata: sealed('m') });
        const url = `${server.address}/v1/media/${media.media_id}`;
        await curl(ben, '--fail', '-o', gotFile, url);
        assertSame(readFileSync(gotFile), body);
        // A download that broke off goes on from there.
        writeFileSync(gotFile, body.subarray(0, MiB));
        await curl(ben, '--fail', '-C', '-', '-o', gotFile, url);
        assertSame(readFileSync(gotFile), body, 'resumed');
        rmSync(dir, { recursive: true });
    });

    test('sizes around the edges of what is read at once, one after the other on one connection', async () => {
        const { ann, group, thread } = await family(server);
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        const ids = [];
        for (const size of [1, 2, 65535, 65536, 65537, 131072, MiB, MiB + 1]) {
            const body = noise(size, size);
            const sent = await postMedia(server, ann, thread, body, { agent });
            assert.equal(sent.status, 201, sent.text);
            assertMedia(sent.json, { thread, author: ann, size, metadata: '' });
            const got = await download(server, ann, sent.json.media_id, {}, { agent });
            assertSame(got.bytes, body, `${size} bytes`);
            ids.push(sent.json.media_id);
        }
        assert.deepEqual(await announced(server, ann, group), ids);
        agent.destroy();
    });

    test('nothing is announced, and nothing is to be had, before the last byte', async (context) => {
        const { ann, ben, group, thread } = await family(server);
        const feed = await feeds(context, server)(ben, group);
        const body = noise(300000);
        const wire = await Wire.open(server);
        await wire.send(requestHead(ann, 'POST', mediaPath(thread), { 'Content-Length': body.length }));
        await wire.send(body.subarray(0, -1));
        let temporary;
        await until(() => {
            temporary = unfinished(server);
            return temporary.length === 1 && statSync(join(mediaDir(server), 'tmp', temporary[0])).size > 0;
        }, 'bytes on disk');
        await say(server, ann, group, 'before');
        assert.equal((await feed.next()).type, 'new_message');
        assert.equal((await download(server, ann, temporary[0])).status, 404);
        assert.deepEqual(await announced(server, ann, group), []);
        await wire.send(body.subarray(-1));
        const answer = await within(wire.answer(), 'the 201');
        assert.equal(answer.status, 201, answer.text);
        const media = JSON.parse(answer.text);
        assert.deepEqual([media.media_id], temporary);
        assert.deepEqual(await feed.next(), eventOf(media));
        wire.cut();
    });

    test('a body that comes byte by byte', async () => {
        const { ann, thread } = await family(server);
        const body = noise(700);
        const wire = await Wire.open(server);
        for (const byte of Buffer.concat([Buffer.from(requestHead(ann, 'POST', mediaPath(thread),
            { 'Content-Length': body.length })), body])) {
            await wire.send(Buffer.from([byte]));
            await new Promise((done) => { setImmediate(done); });
        }
        const { status, text } = await within(wire.answer(), 'the 201');
        assert.equal(status, 201, text);
        assertSame((await download(server, ann, JSON.parse(text).media_id)).bytes, body);
        wire.cut();
    });

    test('a retry with the same key: one file, one event, the first answer', async () => {
        const { ann, ben, group, thread } = await family(server);
        const before = files(server).length;
        const body = noise(100000);
        const keyed = (user, bytes = body, metadata = sealed('m')) => postMedia(server, user, thread, bytes,
            { metadata, headers: { 'idempotency-key': 'the-same' } });
        const first = await keyed(ann), again = await keyed(ann);
        assert.deepEqual([first.status, again.status], [201, 200], again.text);
        assert.deepEqual(again.json, first.json);
        assert.equal((await keyed(ann, body.subarray(1))).status, 409);
        assert.equal((await keyed(ann, body, sealed('n'))).status, 409);
        const other = await keyed(ben);
        assert.equal(other.status, 201, 'the key is its author\'s');
        assert.deepEqual(await announced(server, ann, group), [first.json.media_id, other.json.media_id]);
        assert.equal(files(server).length, before + 2);
        assert.deepEqual(unfinished(server), []);
    });

    test('six with one key at once: one is stored, whoever gets at it first; the others are told to try again', async (context) => {
        const wide = await serve(context, { CONFAB_WORKERS: '4' });
        const { ann, group, thread } = await family(wide);
        const body = noise(3000), rounds = 60;
        for (let round = 0; round < rounds; round++) {
            const sent = await Promise.all(Array.from({ length: 6 }, () => postMedia(wide, ann, thread, body,
                { headers: { 'idempotency-key': `k${round}` } })));
            const statuses = sent.map(({ status }) => status).sort();
            assert.equal(statuses.filter((status) => status === 201).length, 1, statuses.join());
            assert.ok(statuses.every((status) => [200, 201, 423].includes(status)), statuses.join());
        }
        assert.equal((await announced(wide, ann, group)).length, rounds);
        assert.deepEqual(unfinished(wide), []);
    });

    test('retries that come as the first one ends, and are cut, take nothing away', async () => {
        const { ann, ben, thread } = await family(server);
        const body = noise(3000), stored = [];
        // One that is not complete when the store is asked may be when the retry gets at its file.
        async function round(number) {
            const head = requestHead(ann, 'POST', mediaPath(thread),
                { 'Content-Length': body.length, 'Idempotency-Key': `r${number}` });
            const [first, ...others] = await Promise.all(Array.from({ length: 6 }, () => Wire.open(server)));
            await first.send(Buffer.concat([Buffer.from(head), body.subarray(0, -1)]));
            await sleep(10);
            await first.send(body.subarray(-1));
            await Promise.all(others.map(async (wire, i) => {
                await sleep((number + i) % 7);
                await wire.send(Buffer.concat([Buffer.from(head), body.subarray(0, 100)]));
                await Promise.race([wire.answer(), sleep(60)]);
                wire.cut();
            }));
            const answer = await within(first.answer(), 'an answer, or the end: a retry may have put it out');
            if (answer?.status === 201) stored.push(JSON.parse(answer.text).media_id);
            first.cut();
        }
        for (let i = 0; i < 80; i += 4) await Promise.all([0, 1, 2, 3].map((more) => round(i + more)));
        assert.ok(stored.length > 0);
        for (const media of stored) assertSame((await download(server, ben, media)).bytes, body, media);
        await until(() => unfinished(server).length === 0, 'what was cut leaves no file');
    });

    test('one that is cut is gone at once; its retry with the same key is stored', async (context) => {
        const { ann, ben, group, thread } = await family(server);
        const feed = await feeds(context, server)(ben, group);
        const before = files(server);
        const body = noise(MiB);
        const headers = { 'Content-Length': body.length, 'Idempotency-Key': 'cut' };
        for (const end of ['destroy', 'resetAndDestroy']) {
            const wire = await Wire.open(server);
            await wire.send(requestHead(ann, 'POST', mediaPath(thread), headers));
            await wire.send(body.subarray(0, -1));
            await until(() => unfinished(server).length === 1, 'a file in the making');
            wire.socket[end]();
            await until(() => unfinished(server).length === 0, 'it is gone');
            assert.deepEqual(files(server), before);
        }
        const sent = await postMedia(server, ann, thread, body, { headers: { 'idempotency-key': 'cut' } });
        assert.equal(sent.status, 201, sent.text);
        assert.deepEqual(await feed.next(), eventOf(sent.json));
    });

    test('one whose author is removed, and that is cut, leaves no file', async () => {
        const { ann, ben, group, thread } = await family(server);
        const before = files(server);
        const wire = await Wire.open(server);
        await wire.send(requestHead(ben, 'POST', mediaPath(thread), { 'Content-Length': 1000 }));
        await wire.send(noise(999));
        await until(() => unfinished(server).length === 1, 'a file in the making');
        await removeMember(server, ann, group, ben);
        wire.cut();
        await until(() => unfinished(server).length === 0, 'it is gone');
        assert.deepEqual(files(server), before);
    });

    test('the body of a refused upload is never read as a request', async () => {
        const { ann } = await family(server);
        const body = `${requestHead(ann, 'GET', '/healthz')}`;
        const wire = await Wire.open(server);
        await wire.send(requestHead(ann, 'POST', mediaPath(nowhere), { 'Content-Length': body.length }) + body);
        const refused = await within(wire.answer(), 'the 404');
        assert.equal(refused.status, 404);
        // Either the connection is over, or the next answer is that of the next request.
        await wire.send(requestHead(ann, 'GET', '/v1/groups'));
        const next = await within(wire.answer(), 'the end or an answer');
        assert.ok(next === undefined || Array.isArray(JSON.parse(next.text).groups), next?.text);
        wire.cut();
    });

    test('on disk there are files of their ids, for nobody but the server', async () => {
        const { ann, thread } = await family(server);
        const { media_id: media } = await upload(server, ann, thread, noise(10));
        assert.ok(files(server).includes(media));
        for (const name of files(server)) {
            assert.match(name, uuid);
            assert.equal(statSync(fileOf(server, name)).mode & 0o7777, 0o600, name);
        }
        assert.deepEqual(unfinished(server), []);
        for (const dir of [mediaDir(server), join(mediaDir(server), 'tmp')])
            assert.equal(statSync(dir).mode & 0o777, 0o700, dir);
    });
});

describe('who sees media, and how they go', () => {
    let server;
    before(async () => { server = await startServer(); });
    after(() => stopClean(server));

    test('members only; a stranger cannot tell that there is something', async () => {
        const { ann, ben, group, thread } = await family(server);
        const [zoe] = people('zoe');
        const { media_id: media } = await upload(server, ann, thread, noise(10));
        for (const path of [`/v1/media/${media}`, `/v1/media/${nowhere}`, `/v1/media/${thread}`]) {
            const got = await server.request('GET', path, { token: tokenFor(zoe) });
            assertProblem(got, 404, 'not_found', 'media_id');
        }
        assertProblem(await postMedia(server, zoe, thread, noise(10)), 404, 'not_found', 'thread_id');
        assertProblem(await postMedia(server, ann, nowhere, noise(10)), 404, 'not_found', 'thread_id');
        assertProblem(await remove(server, zoe, media), 404, 'not_found', 'media_id');
        for (const [method, path] of [['GET', `/v1/media/${media}`], ['DELETE', `/v1/media/${media}`],
            ['POST', mediaPath(thread)]]) {
            const answer = await server.request(method, path);
            assert.equal(answer.status, 401, `${method} ${path}`);
            assert.equal(answer.headers['www-authenticate'], 'Bearer');
        }
        for (const path of ['/v1/media/x', `/v1/media/${media}x`])
            assertProblem(await server.request('GET', path, { token: tokenFor(ann) }), 400, 'invalid_id', 'media_id');
        for (const path of ['/v1/media/..%2f..%2fconfab.db', '/v1/media/../../confab.db'])
            assertProblem(await server.request('GET', path, { token: tokenFor(ann) }), 400, 'bad_request');
        assert.equal((await download(server, ben, media)).status, 200);
        await removeMember(server, ann, group, ben);
        assert.equal((await download(server, ben, media)).status, 404);
    });

    test('the author and who made the group delete; the file goes', async () => {
        const { ann, ben, group, thread } = await family(server);
        const [cal] = people('cal');
        await server.request('POST', `/v1/groups/${group}/members`, { token: tokenFor(ann), json: { user_id: cal } });
        const of = {};
        for (const name of ['author', 'maker']) of[name] = (await upload(server, ben, thread, noise(10))).media_id;
        assertProblem(await remove(server, cal, of.author), 403, 'forbidden');
        for (const [user, media] of [[ben, of.author], [ann, of.maker]]) {
            assert.equal((await remove(server, user, media)).status, 204);
            assert.equal((await download(server, ann, media)).status, 404);
            assertProblem(await remove(server, user, media), 404, 'not_found', 'media_id');
            await until(() => !files(server).includes(media), 'the file is gone');
        }
        // The log is not rewritten: who was offline learns of it, and gets a 404.
        assert.deepEqual(await announced(server, ann, group), [of.author, of.maker]);
    });

    test('who asks again for an upload and is removed meanwhile takes no file along', async () => {
        const { ann, ben, group, thread } = await family(server);
        const body = noise(10), all = [];
        for (let round = 0; round < 20; round++) {
            const sent = () => postMedia(server, ben, thread, body, { headers: { 'Idempotency-Key': `k${round}` } });
            all.push((await sent()).json.media_id);
            // Some of the retries have been found complete, and not been answered, when the removal comes.
            const retries = Array.from({ length: 6 }, sent);
            await new Promise((done) => { setTimeout(done, round % 7); });
            await removeMember(server, ann, group, ben);
            for (const { status, text } of await Promise.all(retries))
                assert.ok([200, 404].includes(status), `${status} ${text}`);
            await addMember(server, ann, group, ben);
        }
        assert.deepEqual(await announced(server, ann, group), all);
        for (const media of all) assertSame((await download(server, ann, media)).bytes, body, media);
        assert.deepEqual(unfinished(server), []);
    });

    test('a download that has begun is not hurt by the deletion', async () => {
        const { ann, thread } = await family(server);
        const body = noise(24 * MiB);
        const { media_id: media } = await upload(server, ann, thread, body);
        const wire = await Wire.open(server);
        await wire.send(requestHead(ann, 'GET', `/v1/media/${media}`));
        await until(() => wire.socket.readableLength > 0, 'the first bytes');
        assert.equal((await remove(server, ann, media)).status, 204);
        await until(() => !files(server).includes(media), 'the file is gone');
        const answer = await within(wire.answer(), 'the rest');
        assert.equal(answer.cut, false);
        assertSame(answer.bytes, body);
        wire.cut();
    });
});
