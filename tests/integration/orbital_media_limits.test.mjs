// What media may take: bytes, quota, disk, memory and time, and what is told to who wants more.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { confab, makeDir, tokenFor } from './lib.mjs';
import { feeds, say, send, startServer, startThread, upload } from './orbital_lib.mjs';
import { MiB, Wire, announced, assertSame, assertThere, begin, create, download, family, fileOf, files, finish, head,
    idOf, mediaDir, mediaPath, noise, offsetOf, patchHead, postMedia, remove, requestHead, serve, tusUpload,
    unfinished } from './orbital_media_lib.mjs';
import { assertProblem, sleep, stopClean, until, within } from './talk_lib.mjs';

const exec = promisify(execFile);

const sleepUntil = (time) => sleep(Math.max(0, time - Date.now()));

describe('sizes and forms', () => {
    const limit = 2 * MiB;
    let server;
    before(async () => { server = await startServer({ ORBITAL_MEDIA_MAX_BYTES: String(limit) }); });
    after(() => stopClean(server));

    test('up to the limit, and no byte more', async () => {
        const { ann, thread, group } = await family(server);
        const body = noise(limit + 1);
        const sent = await postMedia(server, ann, thread, body.subarray(0, limit));
        assert.equal(sent.status, 201, sent.text);
        assertSame((await download(server, ann, sent.json.media_id)).bytes, body.subarray(0, limit));
        const wire = await Wire.open(server);
        await wire.send(requestHead(ann, 'POST', mediaPath(thread), { 'Content-Length': limit + 1 }));
        const refused = await within(wire.answer(), 'the 413, before any byte of the body');
        assert.equal(refused.status, 413);
        assert.equal(JSON.parse(refused.text).error.code, 'too_large');
        assert.match(JSON.parse(refused.text).message, /larger/);
        wire.cut();
        for (const length of ['99999999999999', '18446744073709551615']) {
            const far = await server.raw(requestHead(ann, 'POST', mediaPath(thread),
                { 'Content-Length': length, Connection: 'close' }));
            assert.match(far, /^HTTP\/1.1 413 /, length);
        }
        assert.deepEqual(await announced(server, ann, group), [sent.json.media_id]);
    });

    test('Expect: 100-continue: who sends too much is told before, who sends enough goes on', async () => {
        const { ann, thread } = await family(server);
        const dir = makeDir();
        const file = join(dir, 'media');
        const curl = async (bytes) => {
            writeFileSync(file, noise(bytes));
            const { stdout, stderr } = await exec('curl', ['-sSv', '--data-binary', `@${file}`,
                '--expect100-timeout', '20', '-H', 'Expect: 100-continue',
                '-H', `Authorization: Bearer ${tokenFor(ann)}`,
                '-o', '/dev/null', '-w', '%{http_code} %{size_upload}', `${server.address}${mediaPath(thread)}`]);
            return { result: stdout, continued: stderr.includes('< HTTP/1.1 100 Continue') };
        };
        assert.deepEqual(await curl(limit), { result: `201 ${limit}`, continued: true });
        assert.deepEqual(await curl(limit + 1), { result: '413 0', continued: false });
        rmSync(dir, { recursive: true });
    });

    test('a body of unknown length: 411; an empty one: 422', async () => {
        const { ann, thread } = await family(server);
        const chunked = await within(server.raw(requestHead(ann, 'POST', mediaPath(thread),
            { 'Transfer-Encoding': 'chunked', Connection: 'close' }) + '3\r\nabc\r\n0\r\n\r\n'), 'the 411');
        assert.match(chunked, /^HTTP\/1.1 411 /);
        const none = await within(server.raw(requestHead(ann, 'POST', mediaPath(thread), { Connection: 'close' })),
            'the answer');
        assert.match(none, /^HTTP\/1.1 (411|422) /);
        const empty = await postMedia(server, ann, thread, '');
        assert.equal(empty.status, 422, empty.text);
        assert.deepEqual(unfinished(server), []);
    });

    test('metadata: canonical base64 of up to 8 KiB', async () => {
        const { ann, thread } = await family(server);
        const most = noise(8192).toString('base64');
        const sent = await postMedia(server, ann, thread, noise(1), { metadata: most });
        assert.equal(sent.status, 201, sent.text);
        assert.equal(sent.json.encrypted_metadata, most);
        assert.equal((await download(server, ann, sent.json.media_id)).headers['x-encrypted-metadata'], most);
        const bad = ['a', 'YQ', 'YR==', 'YQ==YQ==', '_-8=', 'YQ= =', '===='];
        for (const [metadata, code] of [...bad.map((each) => [each, 'invalid']),
            [noise(8193).toString('base64'), 'too_long']]) {
            const refused = await postMedia(server, ann, thread, noise(1), { metadata });
            assertProblem(refused, 422, code, 'encrypted_metadata');
        }
        assert.equal((await postMedia(server, ann, thread, noise(1), { metadata: '' })).json.encrypted_metadata, '');
    });
});

describe('the quota of a group', () => {
    const quota = 1000000;
    let server;
    before(async () => { server = await startServer({ ORBITAL_GROUP_QUOTA_BYTES: String(quota) }); });
    after(() => stopClean(server));

    function assertFull(answer) {
        assertProblem(answer, 507, 'insufficient_storage');
        assert.match(answer.json.message, /group/i);
    }

    test('the last byte fits, the next does not; unfinished ones count whole', async () => {
        const { ann, ben, group, thread } = await family(server);
        const { thread_id: second } = await startThread(server, ben, group);
        const path = await begin(server, ann, thread, 400000, { body: noise(1) });
        assertFull(await postMedia(server, ben, thread, noise(600001)));
        assertFull(await create(server, ben, second, 600001));
        await upload(server, ben, thread, noise(599999)); // limit - 1
        assertFull(await create(server, ann, thread, 2));
        const { media_id: last } = await upload(server, ann, thread, noise(1)); // the limit
        assertFull(await postMedia(server, ann, thread, noise(1)));
        assertFull(await create(server, ann, thread, 1));
        assert.equal(await finish(server, ann, path, noise(400000)), 1, 'what was granted is granted');
        assertFull(await postMedia(server, ann, thread, noise(1)));
        assert.equal((await remove(server, ann, last)).status, 204);
        await upload(server, ann, thread, noise(1));
        assertFull(await postMedia(server, ann, thread, noise(1)));
        assert.equal((await remove(server, ann, idOf(path))).status, 204);
        await upload(server, ann, thread, noise(400000));
        const other = await family(server);
        await upload(server, other.ann, other.thread, noise(quota)); // each group has its own
    });

    test('who is cut, refused or replayed uses none of it', async () => {
        const { ann, thread } = await family(server);
        for (let i = 0; i < 3; i++) {
            const wire = await Wire.open(server);
            await wire.send(requestHead(ann, 'POST', mediaPath(thread), { 'Content-Length': quota }));
            await wire.send(noise(quota - 1));
            await until(() => unfinished(server).length === 1, 'a file in the making');
            assertFull(await postMedia(server, ann, thread, noise(1)));
            wire.cut();
            await until(() => unfinished(server).length === 0, 'it is gone');
        }
        const headers = { 'idempotency-key': 'all' };
        assert.equal((await postMedia(server, ann, thread, noise(quota), { headers })).status, 201);
        assert.equal((await postMedia(server, ann, thread, noise(quota), { headers })).status, 200);
        const other = await family(server);
        const first = await begin(server, other.ann, other.thread, quota, { headers });
        assert.equal(await begin(server, other.ann, other.thread, quota, { headers }), first);
        assert.equal((await remove(server, other.ann, idOf(first))).status, 204);
        await until(async () => (await create(server, other.ann, other.thread, quota)).status === 201, 'free again');
    });

    test('a server that is stopped in the middle of one in one go forgets it', async (context) => {
        const dir = makeDir();
        const env = { ORBITAL_GROUP_QUOTA_BYTES: String(quota) };
        let mine = await serve(context, env, { dir });
        const { ann, group, thread } = await family(mine);
        const wire = await Wire.open(mine);
        await wire.send(requestHead(ann, 'POST', mediaPath(thread), { 'Content-Length': quota }));
        await wire.send(noise(quota - 1));
        await until(() => unfinished(mine).length === 1, 'a file in the making');
        await stopClean(mine);
        mine = await serve(context, env, { dir });
        assert.deepEqual(unfinished(mine), []);
        const { media_id: media } = await upload(mine, ann, thread, noise(quota));
        assert.deepEqual(await announced(mine, ann, group), [media]);
        await stopClean(mine);
        rmSync(dir, { recursive: true });
    });

    test('many at once: no byte over it is granted', async () => {
        const { ann, thread } = await family(server);
        const answers = await Promise.all(Array.from({ length: 24 }, (_, i) => (i % 2 === 0
            ? create(server, ann, thread, 100000) : postMedia(server, ann, thread, noise(100000)))));
        assert.equal(answers.filter(({ status }) => status === 201).length, 10);
        for (const answer of answers) if (answer.status !== 201) assertFull(answer);
    });
});

// Nobody waits a day: an upload is made older by one in the database. False, and skipped, where there is no sqlite3.
function makeOld(context, dir, media) {
    try {
        const changed = execFileSync('sqlite3', ['-cmd', '.timeout 5000', join(dir, 'confab.db'),
            `UPDATE orbital_media SET opened_us = opened_us - 86400000000
            WHERE lower(hex(id)) = '${media.replaceAll('-', '')}'; SELECT changes();`]);
        assert.equal(changed.toString().trim(), '1');
    } catch (error) {
        if (error.code !== 'ENOENT') throw error;
        context.skip('there is no sqlite3');
        return false;
    }
    return true;
}

describe('expiry', () => {
    test('404 from expires_at on, whenever the sweeper comes', async (context) => {
        const server = await serve(context, { ORBITAL_MEDIA_TTL_SECONDS: '1', ORBITAL_SWEEP_PERIOD_SECONDS: '600' });
        const { ann, ben, group, thread } = await family(server);
        const media = await upload(server, ann, thread, noise(1000));
        assert.equal(Date.parse(media.expires_at) - media.server_timestamp, 1000);
        assert.equal((await download(server, ben, media.media_id)).status, 200);
        await sleepUntil(Date.parse(media.expires_at));
        assert.equal((await download(server, ben, media.media_id)).status, 404);
        assert.equal((await download(server, ben, media.media_id, { range: 'bytes=0-0' })).status, 404);
        const asked = await server.request('HEAD', `/v1/media/${media.media_id}`, { token: tokenFor(ben) });
        assert.equal(asked.status, 404);
        assertProblem(await remove(server, ann, media.media_id), 404, 'not_found', 'media_id');
        assert.deepEqual(files(server), [media.media_id], 'the sweeper was not there yet');
        assert.deepEqual(await announced(server, ben, group), [media.media_id]);
        await stopClean(server);
    });

    test('the sweeper takes the file and gives the quota back', async (context) => {
        const server = await serve(context, { ORBITAL_MEDIA_TTL_SECONDS: '1', ORBITAL_SWEEP_PERIOD_SECONDS: '1',
            ORBITAL_GROUP_QUOTA_BYTES: '1000' });
        const { ann, thread } = await family(server);
        const path = await begin(server, ann, thread, 400, { body: noise(200) });
        const media = await upload(server, ann, thread, noise(600));
        assert.equal((await postMedia(server, ann, thread, noise(1))).status, 507);
        await until(() => files(server).length === 0, 'the file is gone');
        assert.ok(Date.now() >= Date.parse(media.expires_at), 'not before its time');
        await upload(server, ann, thread, noise(600));
        assert.equal(await finish(server, ann, path, noise(400)), 1, 'an unfinished one has its day');
        await until(() => files(server).length === 0, 'the files are gone');
        await stopClean(server);
    });

    test('a file that cannot be removed keeps no other one there', async (context) => {
        const server = await serve(context, { ORBITAL_MEDIA_TTL_SECONDS: '2', ORBITAL_SWEEP_PERIOD_SECONDS: '1' });
        const { ann, thread } = await family(server);
        const { media_id: stuck } = await upload(server, ann, thread, noise(1));
        rmSync(fileOf(server, stuck));
        mkdirSync(fileOf(server, stuck)); // what unlink() does not take
        await Promise.all(Array.from({ length: 101 }, () => upload(server, ann, thread, noise(1)))); // over a round
        const removed = async () => await server.metric('confab_orbital_media_removed_total');
        await until(async () => await removed() === 101, 'the others are forgotten');
        assert.deepEqual(files(server), [stuck]);
        rmdirSync(fileOf(server, stuck));
        await until(async () => await removed() === 102, 'and then this one');
        await stopClean(server);
    });

    for (const [how, end] of [['stopped', (server) => stopClean(server)],
        ['killed', async (server) => { server.child.kill('SIGKILL'); await server.closed; }]]) {
        test(`a server that was ${how} over it clears up when it starts`, async (context) => {
            const dir = makeDir();
            const env = { ORBITAL_MEDIA_TTL_SECONDS: '1', ORBITAL_SWEEP_PERIOD_SECONDS: '600',
                ORBITAL_GROUP_QUOTA_BYTES: '1000' };
            let server = await serve(context, env, { dir });
            const { ann, thread } = await family(server);
            const media = await upload(server, ann, thread, noise(1000));
            const deleted = await family(server);
            const { media_id: other } = await upload(server, deleted.ann, deleted.thread, noise(1000));
            assert.equal((await remove(server, deleted.ann, other)).status, 204);
            await end(server);
            await sleepUntil(Date.parse(media.expires_at));
            server = await serve(context, env, { dir });
            assert.equal((await download(server, ann, media.media_id)).status, 404);
            await until(() => files(server).length === 0, 'the files are gone');
            await upload(server, ann, thread, noise(1000));
            await stopClean(server);
            rmSync(dir, { recursive: true });
        });
    }

    test('what nobody finishes within a day goes, its file and its quota', async (context) => {
        const dir = makeDir();
        const env = { ORBITAL_GROUP_QUOTA_BYTES: '1000' };
        let server = await serve(context, env, { dir });
        const { ann, thread } = await family(server);
        const old = await begin(server, ann, thread, 700, { body: noise(300) });
        const young = await begin(server, ann, thread, 300, { body: noise(300).subarray(0, 100) });
        await stopClean(server);
        if (!makeOld(context, dir, idOf(old))) return;
        server = await serve(context, env, { dir });
        await until(() => unfinished(server).length === 1, 'the old one is gone');
        assert.deepEqual(unfinished(server), [idOf(young)]);
        assert.equal((await head(server, ann, old)).status, 404);
        assert.equal(await finish(server, ann, young, noise(300)), 1);
        await upload(server, ann, thread, noise(700));
        await stopClean(server);
        rmSync(dir, { recursive: true });
    });

    test('who still sends when the day is over is cut off, and takes no more of the disk', async (context) => {
        const server = await serve(context, { ORBITAL_SWEEP_PERIOD_SECONDS: '1' });
        const { ann, thread } = await family(server);
        const path = await begin(server, ann, thread, 1000);
        const wire = await Wire.open(server);
        await wire.send(patchHead(ann, path, 0, 1000));
        await wire.send(noise(500));
        await until(() => unfinished(server).length === 1, 'it has begun');
        if (!makeOld(context, server.dir, idOf(path))) return;
        await within(wire.closed, 'the end of the connection');
        await until(() => unfinished(server).length === 0, 'the file is gone');
        await stopClean(server);
    });
});

// A data directory of a test's own with a disk at `place` in it, small enough to be full soon. undefined where mounting
// is not allowed.
function smallDisk(context, place, mebibytes) {
    const dir = makeDir();
    const disk = join(dir, place);
    mkdirSync(disk, { recursive: true, mode: 0o700 });
    let mounted = false;
    context.after(() => {
        if (mounted) execFileSync('umount', ['-l', disk]);
        rmSync(dir, { recursive: true });
    });
    try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'tmpfs', disk], { stdio: 'pipe' });
        mounted = true;
    } catch (error) {
        context.skip(`a disk cannot be mounted here: ${error.message.split('\n')[0]}`);
        return undefined;
    }
    return { dir, disk };
}

// Leaves so many bytes free; takes it back when it is called.
function fill(path, free) {
    const { bavail, bsize } = statfsSync(path);
    const filler = join(path, 'filler');
    writeFileSync(filler, Buffer.alloc(Number(bavail) * Number(bsize) - free));
    return () => rmSync(filler);
}

describe('a full disk', () => {
    for (const [what, place, size] of [['of the media alone', 'orbital', 24], ['of everything', '.', 48]]) {
        test(`${what}: 507, everything else goes on, and so does the upload when there is space`, async (context) => {
            const small = smallDisk(context, place, size);
            if (small === undefined) return;
            const { dir, disk } = small;
            const server = await serve(context, {}, { dir });
            const who = await family(server);
            const { ann, ben, group, thread } = who;
            const feed = await feeds(context, server)(ben, group);
            const empty = fill(disk, 6 * MiB);
            const body = noise(12 * MiB);

            const path = await begin(server, ann, thread, body.length);
            const wire = await Wire.open(server);
            await wire.send(patchHead(ann, path, 0, body.length));
            let sending = true;
            const sender = (async () => {
                for (let at = 0; sending && at < body.length; at += 65536)
                    if (!await wire.send(body.subarray(at, at + 65536))) break;
            })();
            const refused = await within(wire.answer(), 'the 507');
            sending = false;
            assert.equal(refused.status, 507, refused.text);
            const { error, message } = JSON.parse(refused.text);
            assert.equal(error.code, 'insufficient_storage');
            assert.match(message, /full|space|storage/i);
            wire.cut();
            await sender;

            assert.equal((await server.request('GET', '/healthz')).status, 200);
            await offsetOf(server, ann, path, body.length);
            assert.equal((await server.request('GET', '/v1/groups', { token: tokenFor(ben) })).json.groups.length, 1);
            assert.deepEqual(await announced(server, ben, group), []);
            // In one go: the same text, and nothing stays of it.
            const leftovers = unfinished(server);
            const direct = await postMedia(server, ann, thread, body.subarray(0, MiB));
            // Without room in the database nothing is begun at all.
            if (place !== '.') assertProblem(direct, 507, 'insufficient_storage');
            else assert.ok([503, 507].includes(direct.status), direct.text);
            await until(() => unfinished(server).length === leftovers.length, 'nothing of it stays');
            if (place !== '.') {
                const said = await say(server, ann, group, 'the disk is full');
                assert.equal((await feed.next()).data.message_id, said.message_id);
            }

            empty();
            if (place === '.')
                await until(async () => (await send(server, ann, group, 'space')).status === 201, 'writes again');
            assert.ok(await offsetOf(server, ann, path, body.length) > 3 * MiB, 'what there was space for is kept');
            assert.equal(await finish(server, ann, path, body), 1);
            assert.equal((await feed.next('media_uploaded')).data.media_id, idOf(path));
            await assertThere(server, who, idOf(path), body);
            assert.equal(server.child.exitCode, null);
            await stopClean(server);
        });
    }

    test('tus-js-client goes on by itself when there is space', async (context) => {
        const small = smallDisk(context, 'orbital', 24);
        if (small === undefined) return;
        const server = await serve(context, {}, { dir: small.dir });
        const who = await family(server);
        const empty = fill(small.disk, 6 * MiB);
        const body = noise(12 * MiB);
        let refusals = 0;
        const { url } = await within(tusUpload(server, who.ann, who.thread, body, { chunkSize: MiB,
            retryDelays: Array.from({ length: 20 }, () => 50),
            onAfterResponse: (request, response) => {
                if (response.getStatus() === 507 && ++refusals === 3) empty();
            } }), 'the upload');
        assert.equal(refusals, 3);
        await assertThere(server, who, idOf(url), body);
        await stopClean(server);
    });
});

const sanitizer = readFileSync(confab).includes('__asan_init') && 'a sanitizer has memory of its own';

describe('memory', () => {
    test('20 uploads of 100 MiB at once: at most 2 MiB each', { timeout: 300000, skip: sanitizer }, async (context) => {
        const server = await serve(context);
        const who = await family(server);
        const { ann, ben, thread } = who;
        const uploads = 20, size = 100 * MiB, piece = noise(MiB);
        const resident = () => Number(readFileSync(`/proc/${server.child.pid}/status`, 'latin1')
            .match(/VmRSS:\s+(\d+) kB/)[1]) * 1024;
        await upload(server, ann, thread, piece);
        const wires = await Promise.all(Array.from({ length: uploads }, () => Wire.open(server)));
        const atRest = resident();
        let most = 0;
        for (const wire of wires)
            await wire.send(requestHead(ann, 'POST', mediaPath(thread), { 'Content-Length': size }));
        // Piece by piece in turn, so that all of them are under way until the end.
        for (let sent = 0; sent < size; sent += piece.length) {
            await Promise.all(wires.map((wire) => wire.send(piece)));
            most = Math.max(most, resident());
        }
        for (const wire of wires) {
            const { status, text } = await wire.answer();
            assert.equal(status, 201, text);
            wire.cut();
        }
        most = Math.max(most, resident());
        context.diagnostic(`${((most - atRest) / uploads / MiB).toFixed(2)} MiB more an upload`);
        assert.ok(most - atRest <= uploads * 2 * MiB, `${most - atRest} bytes more`);
        const names = files(server);
        assert.equal(names.length, uploads + 1);
        for (const name of names.slice(1)) assert.equal(statSync(join(mediaDir(server), name)).size, size);
        assert.equal((await download(server, ben, names[1], { range: `bytes=-${MiB}` })).bytes.equals(piece), true);
        await stopClean(server);
    });
});
