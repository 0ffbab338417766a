// Resumable uploads (tus 1.0.0: core, creation, creation-with-upload) by tus-js-client as it comes and by raw sockets,
// over connections that are cut and servers that are killed.
import assert from 'node:assert/strict';
import { createReadStream, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { makeDir, tokenFor } from './lib.mjs';
import { feeds, nowhere, say, sealed, startServer } from './orbital_lib.mjs';
import { CuttingProxy, MiB, Wire, announced, assertSame, assertThere, begin, create, download, family, fileOf, files,
    finish, head, idOf, mediaPath, noise, offsetOf, patch, patchHead, patchType, remove, requestHead, serve, sha256,
    temporaryOf, tusUpload, unfinished, version } from './orbital_media_lib.mjs';
import { people, sleep, stopClean, until, within } from './talk_lib.mjs';

describe('the protocol', () => {
    let server;
    before(async () => { server = await startServer({ ORBITAL_MEDIA_MAX_BYTES: '1000000' }); });
    after(() => stopClean(server));

    test('OPTIONS: what the server can', async () => {
        const { ann, thread } = await family(server);
        const path = await begin(server, ann, thread, 10);
        for (const asked of [mediaPath(thread), path]) {
            const { status, headers } = await server.request('OPTIONS', asked, { token: tokenFor(ann) });
            assert.equal(status, 204, asked);
            assert.equal(headers['tus-resumable'], '1.0.0');
            assert.equal(headers['tus-version'], '1.0.0');
            assert.equal(headers['tus-extension'], 'creation,creation-with-upload');
            assert.equal(headers['tus-max-size'], '1000000');
        }
    });

    test('created, asked, sent in parts, announced with the last', async (context) => {
        const who = await family(server);
        const { ann, ben, group, thread } = who;
        const feed = await feeds(context, server)(ben, group);
        const body = noise(300000);
        const made = await create(server, ann, thread, body.length,
            { headers: { 'x-encrypted-metadata': sealed('name') } });
        assert.equal(made.status, 201, made.text);
        assert.equal(made.headers['tus-resumable'], '1.0.0');
        assert.equal(made.headers['upload-offset'], '0');
        const path = made.headers.location, media = idOf(path);
        assert.equal(path, `/v1/uploads/${media}`);
        let offset = 0;
        for (const part of [1, 65536, 65535, 100000]) {
            assert.equal(await offsetOf(server, ann, path, body.length), offset);
            const sent = await patch(server, ann, path, offset, body.subarray(offset, offset + part));
            assert.equal(sent.status, 204, sent.text);
            assert.equal(sent.headers['tus-resumable'], '1.0.0');
            offset += part;
            assert.equal(sent.headers['upload-offset'], String(offset));
            assert.equal((await download(server, ann, media)).status, 404);
        }
        await say(server, ann, group, 'before');
        assert.equal((await feed.next()).type, 'new_message');
        const last = await patch(server, ann, path, offset, body.subarray(offset));
        assert.deepEqual([last.status, last.headers['upload-offset']], [204, '300000'], last.text);
        const { type, data } = await feed.next();
        assert.deepEqual([type, data.media_id, data.thread_id, data.author_id, data.encrypted_metadata,
            data.size_bytes], ['media_uploaded', media, thread, ann, sealed('name'), body.length]);
        await assertThere(server, who, media, body);
        // A client whose last answer was lost asks: it is all there.
        assert.equal(await offsetOf(server, ann, path, body.length), body.length);
    });

    test('what a PATCH is refused with, and that it changes nothing', async () => {
        const who = await family(server);
        const { ann, ben, thread } = who;
        const [zoe] = people('zoe');
        const body = noise(1000);
        const path = await begin(server, ann, thread, body.length);
        assert.equal((await patch(server, ann, path, 0, body.subarray(0, 400))).status, 204);
        const rest = body.subarray(400);
        const send = (headers, { user = ann, at = path, bytes = rest } = {}) => server.request('PATCH', at,
            { token: tokenFor(user), body: bytes,
                headers: { ...version, ...patchType, 'upload-offset': '400', ...headers } });
        for (const [what, asked, status] of [
            ['an offset that was', () => send({ 'upload-offset': '0' }), 409],
            ['an offset to come', () => send({ 'upload-offset': '401' }), 409],
            ['a far offset', () => send({ 'upload-offset': '18446744073709551615' }), 409],
            ['no number', () => send({ 'upload-offset': 'x' }), 400],
            ['a negative one', () => send({ 'upload-offset': '-1' }), 400],
            ['more than a number can be', () => send({ 'upload-offset': '99999999999999999999999' }), 400],
            ['an empty one', () => send({ 'upload-offset': '' }), 400],
            ['another version', () => send({ 'tus-resumable': '0.2.2' }), 412],
            ['another type', () => send({ 'content-type': 'application/octet-stream' }), 415],
            ['a longer type', () => send({ 'content-type': 'application/offset+octet-stream2' }), 415],
            ['more than the length', () => send({}, { bytes: noise(601) }), 413],
            ['another member', () => send({}, { user: ben }), 404],
            ['a stranger', () => send({}, { user: zoe }), 404],
            ['an unknown id', () => send({}, { at: `/v1/uploads/${nowhere}` }), 404],
            ['no id', () => send({}, { at: '/v1/uploads/x' }), 400],
        ]) {
            const answer = await asked();
            assert.equal(answer.status, status, `${what}: ${answer.text}`);
            assert.equal(answer.headers['tus-resumable'], '1.0.0', what);
            if (status === 412) assert.equal(answer.headers['tus-version'], '1.0.0');
            assert.equal(typeof answer.json.error.code, 'string', what);
            assert.equal(await offsetOf(server, ann, path, 1000), 400, what);
        }
        for (const missing of ['tus-resumable', 'upload-offset', 'content-type']) {
            const headers = { ...version, ...patchType, 'upload-offset': '400' };
            delete headers[missing];
            const answer = await server.request('PATCH', path, { token: tokenFor(ann), body: rest, headers });
            assert.equal(answer.status, { 'tus-resumable': 412, 'upload-offset': 400, 'content-type': 415 }[missing]);
        }
        assert.equal((await server.request('PATCH', path, { body: rest })).status, 401);
        assert.deepEqual([ben, zoe].map(() => 404), await Promise.all([ben, zoe].map(async (user) =>
            (await head(server, user, path)).status)));
        assert.equal((await head(server, ann, `/v1/uploads/${nowhere}`)).status, 404);
        assert.equal(readFileSync(temporaryOf(server, idOf(path))).length, 400);
        assert.equal(await finish(server, ann, path, body), 1);
        await assertThere(server, who, idOf(path), body);
        assert.equal((await patch(server, ann, path, 1000, noise(1))).status, 413);
        assert.equal((await patch(server, ann, path, 400, rest)).status, 409);
    });

    test('what a creation is refused with', async () => {
        const { ann, ben, group, thread } = await family(server);
        const [zoe] = people('zoe');
        const before = unfinished(server);
        for (const [what, asked, status] of [
            ['another version', () => create(server, ann, thread, 10, { headers: { 'tus-resumable': '2.0.0' } }), 412],
            ['no length', () => server.request('POST', mediaPath(thread),
                { token: tokenFor(ann), body: '', headers: version }), 400],
            ['a length to come', () => server.request('POST', mediaPath(thread), { token: tokenFor(ann), body: '',
                headers: { ...version, 'upload-defer-length': '1' } }), 400],
            ['no number', () => create(server, ann, thread, '1e3'), 400],
            ['a negative one', () => create(server, ann, thread, -1), 400],
            ['nothing', () => create(server, ann, thread, 0), 422],
            ['too large', () => create(server, ann, thread, 1000001), 413],
            ['no number of bytes', () => create(server, ann, thread, '99999999999999999999'), 400],
            ['bad metadata', () => create(server, ann, thread, 10,
                { headers: { 'x-encrypted-metadata': 'a' } }), 422],
            ['more bytes than the length', () => create(server, ann, thread, 10, { body: noise(11) }), 413],
            ['a stranger', () => create(server, zoe, thread, 10), 404],
            ['no thread', () => create(server, ann, nowhere, 10), 404],
        ]) {
            const answer = await asked();
            assert.equal(answer.status, status, `${what}: ${answer.text}`);
            assert.equal(answer.headers.location, undefined, what);
            assert.equal(answer.headers['tus-resumable'], '1.0.0', what);
            if (status === 412) assert.equal(answer.headers['tus-version'], '1.0.0');
        }
        assert.deepEqual(unfinished(server), before);
        assert.deepEqual(await announced(server, ben, group), []);
    });

    test('creation with the first bytes, and with all', async () => {
        const who = await family(server);
        const { ann, thread } = who;
        const body = noise(500000);
        const made = await create(server, ann, thread, body.length, { body: body.subarray(0, 123456) });
        assert.deepEqual([made.status, made.headers['upload-offset']], [201, '123456'], made.text);
        assert.equal(await finish(server, ann, made.headers.location, body), 1);
        await assertThere(server, who, idOf(made.headers.location), body);

        const others = await family(server);
        const all = await create(server, others.ann, others.thread, body.length, { body });
        assert.deepEqual([all.status, all.headers['upload-offset']], [201, '500000'], all.text);
        await assertThere(server, others, idOf(all.headers.location), body);
    });

    test('a creation again with its key: the same upload, whatever its state', async () => {
        const who = await family(server);
        const { ann, ben, thread } = who;
        const body = noise(500000);
        const keyed = (length = body.length, more = {}, user = ann) => create(server, user, thread, length,
            { headers: { 'idempotency-key': 'once', ...more } });
        // The answer to the first one is lost, with a part of its bytes on the way.
        const wire = await Wire.open(server);
        await wire.send(requestHead(ann, 'POST', mediaPath(thread), { ...version, ...patchType,
            'Upload-Length': body.length, 'Content-Length': body.length, 'Idempotency-Key': 'once' }));
        await wire.send(body.subarray(0, 200000));
        await until(() => unfinished(server).length > 0, 'it is begun');
        wire.cut();
        const again = await keyed();
        assert.equal(again.status, 201, again.text);
        const path = again.headers.location;
        const offset = await offsetOf(server, ann, path, body.length);
        assert.ok(offset <= 200000);
        assert.equal((await keyed()).headers.location, path);
        const repeated = await create(server, ann, thread, body.length, { body,
            headers: { 'idempotency-key': 'once' } });
        assert.deepEqual([repeated.status, repeated.headers.location, repeated.headers['upload-offset']],
            [201, path, String(offset)], 'with its bytes, too');
        assert.equal((await keyed(body.length - 1)).status, 409);
        assert.equal((await keyed(body.length, { 'x-encrypted-metadata': sealed('n') })).status, 409);
        assert.notEqual((await keyed(body.length, {}, ben)).headers.location, path);
        assert.equal(await finish(server, ann, path, body), 1);
        const complete = await keyed();
        assert.deepEqual([complete.status, complete.headers.location, complete.headers['upload-offset']],
            [201, path, String(body.length)]);
        await assertThere(server, who, idOf(path), body);
    });

    test('requests that come together with the last bytes are answered after them', async () => {
        const { ann, thread } = await family(server);
        const body = noise(400000);
        const path = await begin(server, ann, thread, body.length);
        const wire = await Wire.open(server);
        await wire.send(Buffer.concat([Buffer.from(patchHead(ann, path, 0, 1000)), body.subarray(0, 1000),
            Buffer.from(patchHead(ann, path, 1000, body.length - 1000)), body.subarray(1000),
            Buffer.from(requestHead(ann, 'HEAD', path, version)),
            Buffer.from(requestHead(ann, 'GET', `/v1/media/${idOf(path)}`))]));
        for (const offset of [1000, body.length]) {
            const { status, headers } = await within(wire.answer(), 'the 204');
            assert.deepEqual([status, headers['upload-offset']], [204, String(offset)]);
        }
        const asked = await within(wire.answer({ bodyless: true }), 'the offset');
        assert.deepEqual([asked.status, asked.headers['upload-offset']], [200, String(body.length)]);
        const got = await within(wire.answer(), 'the medium');
        assert.equal(got.status, 200, got.text);
        assertSame(got.bytes, body);
        wire.cut();
    });

    test('a PATCH of unknown length: up to the upload\'s, and nothing beyond', async () => {
        const who = await family(server);
        const { ann, thread } = who;
        const body = noise(100);
        const path = await begin(server, ann, thread, body.length);
        const chunked = (offset, bytes) => server.raw(Buffer.concat([Buffer.from(requestHead(ann, 'PATCH', path,
            { ...version, ...patchType, 'Upload-Offset': offset, 'Transfer-Encoding': 'chunked', Connection: 'close' })
            + `${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n0\r\n\r\n')]));
        assert.match(await within(chunked(0, body.subarray(0, 60)), 'the 204'), /^HTTP\/1.1 204 [^]*Upload-Offset: 60/);
        assert.match(await within(chunked(60, noise(41)), 'the 413'), /^HTTP\/1.1 413 /);
        assert.equal(await offsetOf(server, ann, path, body.length), 60);
        assert.match(await within(chunked(60, body.subarray(60)), 'the 204'), /^HTTP\/1.1 204 /);
        await assertThere(server, who, idOf(path), body);
    });

    test('an unfinished upload is taken back by its author alone', async () => {
        const { ann, ben, thread } = await family(server);
        const path = await begin(server, ben, thread, 10, { body: noise(5) });
        const media = idOf(path);
        assert.equal((await remove(server, ann, media)).status, 404);
        assert.equal((await remove(server, ben, media)).status, 204);
        assert.equal((await head(server, ben, path)).status, 404);
        assert.equal((await patch(server, ben, path, 5, noise(5))).status, 404);
        await until(() => !unfinished(server).includes(media), 'its file is gone');
    });

    test('taken back while its bytes come: nothing is announced, nothing stays', async () => {
        const { ann, group, thread } = await family(server);
        const body = noise(900000);
        const path = await begin(server, ann, thread, body.length);
        const wire = await Wire.open(server);
        await wire.send(patchHead(ann, path, 0, body.length));
        await wire.send(body.subarray(0, 500000));
        await until(() => unfinished(server).includes(idOf(path)), 'a file in the making');
        assert.equal((await remove(server, ann, idOf(path))).status, 204);
        await wire.send(body.subarray(500000));
        const answer = await within(wire.answer(), 'an answer or the end');
        assert.ok(answer === undefined || answer.status === 404, answer?.text);
        assert.equal((await head(server, ann, path)).status, 404);
        await until(() => ![...unfinished(server), ...files(server)].includes(idOf(path)), 'it is gone');
        assert.deepEqual(await announced(server, ann, group), []);
        wire.cut();
    });
});

describe('two connections', () => {
    let server;
    before(async () => { server = await startServer(); });
    after(() => stopClean(server));

    test('who comes second is told to try again, and gets in: the first lets go', async () => {
        const who = await family(server);
        const { ann, thread } = who;
        const body = noise(MiB);
        const path = await begin(server, ann, thread, body.length);
        const first = await Wire.open(server);
        await first.send(patchHead(ann, path, 0, body.length));
        await first.send(body.subarray(0, 600000)); // and no more: a phone that changed networks
        await until(() => unfinished(server).includes(idOf(path)), 'a file in the making');
        const second = await patch(server, ann, path, 0, body);
        assert.ok(second.status === 423 || second.status === 409, `${second.status} ${second.text}`);
        await within(finish(server, ann, path, body), 'it goes on');
        await within(first.closed, 'the first is gone', 5000).catch(() => assert.fail('the first was not let go'));
        await assertThere(server, who, idOf(path), body);
    });

    test('both send the same at once: one file, one event', async () => {
        for (let round = 0; round < 10; round++) {
            const who = await family(server);
            const { ann, thread } = who;
            const body = noise(400000, round);
            const path = await begin(server, ann, thread, body.length);
            const outcomes = await Promise.allSettled([0, 1, 2].map(() => patch(server, ann, path, 0, body)));
            const statuses = outcomes.map(({ value }) => value?.status ?? 'cut');
            for (const status of statuses) assert.ok(['cut', 204, 409, 423].includes(status), statuses.join());
            assert.ok(statuses.filter((status) => status === 204).length <= 1, statuses.join());
            await within(finish(server, ann, path, body), 'it is there');
            await assertThere(server, who, idOf(path), body);
        }
    });

    test('one is begun anew as the other deletes it: no file stays', async (context) => {
        // One thread for all files, and it is busy: the file may be made anew after it was removed. No sweeper helps.
        const alone = await serve(context, { UV_THREADPOOL_SIZE: '1', ORBITAL_SWEEP_PERIOD_SECONDS: '86400' });
        const { ann, thread } = await family(alone);
        const body = noise(200000), more = noise(MiB);
        for (let round = 0; round < 10; round++) {
            const key = { 'Idempotency-Key': `k${round}` };
            const path = await begin(alone, ann, thread, body.length, { headers: key, body: body.subarray(0, 1000) });
            const others = await Promise.all(Array.from({ length: 6 },
                () => begin(alone, ann, thread, more.length + 1)));
            const busy = others.map((other) => patch(alone, ann, other, 0, more));
            const wire = await Wire.open(alone);
            await wire.send(requestHead(ann, 'POST', mediaPath(thread), { 'Content-Length': body.length, ...key }));
            await wire.send(body.subarray(0, 100000));
            await sleep(round);
            assert.equal((await remove(alone, ann, idOf(path))).status, 204);
            await sleep(5);
            wire.cut();
            await Promise.all(busy);
            await Promise.all(others.map((other) => remove(alone, ann, idOf(other))));
            await until(() => unfinished(alone).length === 0, 'all are gone');
        }
    });

    test('the last answer is lost: who asks is told the truth', async () => {
        for (let round = 0; round < 10; round++) {
            const who = await family(server);
            const { ann, thread } = who;
            const body = noise(200000, round);
            const path = await begin(server, ann, thread, body.length, { body: body.subarray(0, 100000) });
            const wire = await Wire.open(server);
            await wire.send(patchHead(ann, path, 100000, 100000));
            await wire.send(body.subarray(100000));
            wire.socket.end();
            // As long as it is not announced, it is not complete for the client either.
            await within(finish(server, ann, path, body), 'it is there');
            await assertThere(server, who, idOf(path), body);
            wire.cut();
        }
    });
});

describe('tus-js-client', () => {
    let server;
    before(async () => { server = await startServer(); });
    after(() => stopClean(server));

    const body = noise(5 * MiB + 7, 5);
    for (const [what, source, options] of [
        ['a Buffer', () => body, {}],
        ['a Buffer in pieces', () => body, { chunkSize: MiB }],
        ['a Buffer with the creation', () => body, { uploadDataDuringCreation: true }],
        ['a Buffer in pieces, the first with the creation', () => body,
            { uploadDataDuringCreation: true, chunkSize: 2 * MiB }],
        ['a stream in pieces', () => Readable.from((function* pieces() {
            for (let at = 0; at < body.length; at += 100000) yield body.subarray(at, at + 100000);
        })(), { objectMode: false }), { chunkSize: MiB, uploadSize: body.length }],
        ['a file', (dir) => {
            writeFileSync(join(dir, 'media'), body);
            return createReadStream(join(dir, 'media'));
        }, {}],
    ]) {
        test(`${what}`, async (context) => {
            const who = await family(server);
            const { ann, ben, group, thread } = who;
            const dir = makeDir();
            const feed = await feeds(context, server)(ben, group);
            const { url } = await within(tusUpload(server, ann, thread, source(dir), { ...options,
                metadata: { filename: 'nobody reads this' }, headers: { 'X-Encrypted-Metadata': sealed('m') } }), what);
            const { data } = await feed.next('media_uploaded');
            assert.deepEqual([data.media_id, data.encrypted_metadata, data.size_bytes],
                [idOf(url), sealed('m'), body.length]);
            await assertThere(server, who, idOf(url), body);
            assert.deepEqual(unfinished(server), []);
            rmSync(dir, { recursive: true });
        });
    }

    test('the creation is cut while it brings the bytes: with a key it is the same upload again', async (context) => {
        const who = await family(server);
        const proxy = await CuttingProxy.start(server.port, [MiB, 3 * MiB]);
        context.after(() => proxy.close());
        const { url } = await within(tusUpload(server, who.ann, who.thread, body, { address: proxy.address,
            uploadDataDuringCreation: true, headers: { 'Idempotency-Key': 'once' } }), 'the upload');
        assert.equal(proxy.done, 2);
        await assertThere(server, who, idOf(url), body);
        assert.deepEqual(unfinished(server), []);
    });

    test('100 MiB over a connection that is cut five times, then downloaded in ranges', { timeout: 300000 },
        async (context) => {
            const who = await family(server);
            const { ann, ben, group, thread } = who;
            const large = noise(100 * MiB, 100);
            const proxy = await CuttingProxy.start(server.port, [5, 20, 21, 60, 95].map((each) => each * MiB));
            context.after(() => proxy.close());
            const feed = await feeds(context, server)(ben, group);
            const offsets = [];
            const { url } = await tusUpload(server, ann, thread, large, { address: proxy.address,
                onAfterResponse: (request, response) => {
                    if (request.getMethod() === 'HEAD' && response.getStatus() === 200)
                        offsets.push(Number(response.getHeader('Upload-Offset')));
                } });
            assert.equal(proxy.done, 5);
            assert.ok(offsets.length >= 5, `${offsets}`);
            assert.deepEqual(offsets, [...offsets].sort((a, b) => a - b));
            assert.ok(offsets.at(-1) > 60 * MiB, `it went on where it was: ${offsets}`);
            assert.ok(proxy.passed < 130 * MiB, 'little was sent twice');
            assert.equal((await feed.next('media_uploaded')).data.media_id, idOf(url));
            const parts = [];
            for (let at = 0; at < large.length; at += 7 * MiB) {
                const got = await download(server, ben, idOf(url), { range: `bytes=${at}-${at + 7 * MiB - 1}` });
                assert.equal(got.status, 206);
                parts.push(got.bytes);
            }
            assert.equal(sha256(Buffer.concat(parts)), sha256(large));
            assert.deepEqual(await announced(server, ann, group), [idOf(url)]);
        });

    test('the server is killed in the middle and started again: it goes on, and is announced once', { timeout: 120000 },
        async (context) => {
            const dir = makeDir();
            let mine = await serve(context, {}, { dir });
            const who = await family(mine);
            const { ann, group, thread } = who;
            const large = noise(32 * MiB, 32);
            const proxy = await CuttingProxy.start(mine.port);
            context.after(() => proxy.close());
            const uploaded = tusUpload(mine, ann, thread, large, { address: proxy.address,
                retryDelays: [0, ...Array.from({ length: 100 }, () => 100)] });
            for (const killed of [10, 25]) {
                await proxy.reached(killed * MiB);
                mine.child.kill('SIGKILL');
                await mine.closed;
                mine = await serve(context, {}, { dir });
                assert.deepEqual(await announced(mine, ann, group), []);
                const [media] = unfinished(mine);
                assert.ok(readFileSync(temporaryOf(mine, media)).length > 0, 'what came is kept');
                proxy.port = mine.port;
            }
            const { url } = await uploaded;
            assert.ok(proxy.passed < 64 * MiB, 'it did not begin again');
            await assertThere(mine, who, idOf(url), large);
            mine.child.kill('SIGKILL');
            await mine.closed;
            mine = await serve(context, {}, { dir });
            await assertThere(mine, who, idOf(url), large);
            await stopClean(mine);
            rmSync(dir, { recursive: true });
        });
});

describe('raw sockets', () => {
    test('100 MiB over connections that are cut, a server that is stopped, and another one',
        { timeout: 300000 }, async (context) => {
            const dir = makeDir();
            let server = await serve(context, {}, { dir });
            const who = await family(server);
            const { ann, thread } = who;
            const large = noise(100 * MiB, 7);
            const path = await begin(server, ann, thread, large.length);
            let before = 0;
            for (const [round, count] of [1, 65536, 30 * MiB + 1, 11 * MiB, 25 * MiB + 12345].entries()) {
                const wire = await Wire.open(server);
                await wire.send(patchHead(ann, path, before, large.length - before));
                await wire.send(large.subarray(before, before + count));
                if (round === 3) {
                    assert.equal(await server.stop(), 0, server.log.slice(-6000));
                    server = await serve(context, {}, { dir });
                } else {
                    wire.cut();
                }
                await wire.closed;
                const offset = await offsetOf(server, ann, path, large.length);
                assert.ok(offset >= before && offset <= before + count, `${offset} after ${count} more than ${before}`);
                before = offset;
            }
            assert.equal(await finish(server, ann, path, large), 1);
            await assertThere(server, who, idOf(path), large);
            assertSame(readFileSync(fileOf(server, idOf(path))), large, 'the file');
            await stopClean(server);
            rmSync(dir, { recursive: true });
        });
});
