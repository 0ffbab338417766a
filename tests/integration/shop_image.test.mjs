// Images: upload, what they may be, who may see them, and how they go.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Server, tokenFor } from './lib.mjs';

const png = Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010806000000'
    + '1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082', 'hex');
const gif = Buffer.from('47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b', 'hex');
const jpeg = Buffer.concat([Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex'),
    Buffer.alloc(100, 1), Buffer.from('ffd9', 'hex')]);
const webp = Buffer.from('524946461a000000574542505650384c0d0000002f00000010071011118888fe0700', 'hex');

function form(fields) {
    const boundary = 'xxBOUNDARYxx';
    const parts = [];
    for (const [name, value] of Object.entries(fields)) {
        const file = Buffer.isBuffer(value) ? '; filename="../../a b.png"\r\nContent-Type: image/png' : '';
        parts.push(Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`),
            Buffer.from(value), Buffer.from('\r\n'));
    }
    parts.push(Buffer.from(`--${boundary}--\r\n`));
    return { body: Buffer.concat(parts), headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } };
}

describe('images', { timeout: 60_000 }, () => {
    let server;
    before(async () => { server = await Server.start(); });
    after(async () => { assert.equal(await server.stop(), 0); });

    const upload = (user, fields, more = {}) => server.request('POST', '/api/v1/shops/messages/image/upload',
        { token: tokenFor(user), ...form(fields), ...more });
    const files = () => readdirSync(join(server.dir, 'media')).filter((name) => name !== 'tmp');
    // A file that is not needed any more goes right after the answer.
    const settled = async (count) => {
        while (files().length !== count) await new Promise((done) => { setTimeout(done, 10); });
    };
    const unfinished = () => readdirSync(join(server.dir, 'media', 'tmp'));

    test('an image becomes a message, is broadcast, and is for members only', async () => {
        const shop = await server.createShop('ann', ['ben']);
        const stream = await server.stream('ben', shop);
        const sent = await upload('ann', { shop_id: shop, message: 'look', image: png });
        assert.equal(sent.status, 201, sent.text);
        assert.equal(sent.json.message, 'look');
        assert.equal(sent.json.image_url, `/api/v1/shops/messages/image/${sent.json.id}`);
        assert.deepEqual(await stream.next(), sent.json);
        for (const prefix of ['/api/v1', '/api/v1/auth']) {
            const got = await server.request('GET', `${prefix}/shops/messages/image/${sent.json.id}`,
                { token: tokenFor('ben') });
            assert.equal(got.status, 200);
            assert.deepEqual(got.bytes, png);
            assert.equal(got.headers['content-type'], 'image/png');
            assert.equal(got.headers['x-content-type-options'], 'nosniff');
            assert.equal(got.headers['content-disposition'], 'attachment');
        }
        const head = await server.request('HEAD', sent.json.image_url, { token: tokenFor('ben') });
        assert.equal(head.headers['content-length'], String(png.length));
        assert.equal((await server.request('GET', sent.json.image_url, { token: tokenFor('zoe') })).status, 404);
        assert.equal((await server.request('GET', sent.json.image_url)).status, 401);
        await stream.close();
    });

    test('the four kinds by content, and what is none', async () => {
        const shop = await server.createShop('cal');
        for (const [image, type] of [[png, 'image/png'], [gif, 'image/gif'], [jpeg, 'image/jpeg'],
            [webp, 'image/webp']]) {
            const sent = await upload('cal', { image, shop_id: shop });
            assert.equal(sent.status, 201, `${type} ${sent.text}`);
            assert.equal(sent.json.message, '');
            const got = await server.request('GET', sent.json.image_url, { token: tokenFor('cal') });
            assert.equal(got.headers['content-type'], type);
            assert.deepEqual(got.bytes, image);
        }
        const before = files().length;
        for (const image of [Buffer.from('<svg onload="alert(1)"/>'), Buffer.from(''), Buffer.alloc(1000),
            Buffer.from('GIF89a')]) {
            const sent = await upload('cal', { shop_id: shop, image });
            assert.equal(sent.status, 415, `${image}`);
            assert.equal(sent.json.error.field, 'image');
        }
        assert.equal(files().length, before);
        assert.deepEqual(unfinished(), []);
    });

    test('a large one is streamed to disk; one byte too many is refused', async () => {
        const shop = await server.createShop('dan');
        const limit = 10 * 1024 * 1024;
        const image = Buffer.concat([png, Buffer.alloc(limit - png.length, 7)]);
        const sent = await upload('dan', { shop_id: shop, image });
        assert.equal(sent.status, 201);
        const got = await server.request('GET', sent.json.image_url, { token: tokenFor('dan') });
        assert.ok(got.bytes.equals(image));
        const over = await upload('dan', { shop_id: shop, image: Buffer.concat([image, Buffer.from('x')]) });
        assert.equal(over.status, 413);
        const far = await server.raw(`POST /api/v1/shops/messages/image/upload HTTP/1.1\r\nHost: x\r\n`
            + `Authorization: Bearer ${tokenFor('dan')}\r\nContent-Type: multipart/form-data; boundary=x\r\n`
            + 'Content-Length: 99999999999\r\n\r\n');
        assert.match(far, /^HTTP\/1.1 413 /);
    });

    test('an image is added to a message, replaced, removed', async () => {
        const shop = await server.createShop('eve', ['eli']);
        const { json: message } = await server.post('eve', shop, 'words');
        const foreign = await upload('eli', { shop_id: shop, message_id: message.id, image: png });
        assert.equal(foreign.status, 403);
        const added = await upload('eve', { shop_id: shop, message_id: message.id, image: png });
        assert.equal(added.status, 201, added.text);
        assert.equal(added.json.id, message.id);
        assert.equal(added.json.message, 'words');
        assert.equal(added.json.is_edited, true);
        const before = files().length;
        assert.equal((await upload('eve', { shop_id: shop, message_id: message.id, image: gif })).status, 201);
        const got = await server.request('GET', added.json.image_url, { token: tokenFor('eli') });
        assert.deepEqual(got.bytes, gif);
        assert.equal(got.headers['cache-control'], 'private, no-cache'); // the URL stayed
        await settled(before);
        const remove = (user) => server.request('DELETE', `/api/v1/shops/messages/image/${message.id}`,
            { token: tokenFor(user) });
        assert.equal((await remove('eli')).status, 403);
        assert.equal((await remove('eve')).status, 204);
        assert.equal((await remove('eve')).status, 404);
        assert.equal((await server.request('GET', added.json.image_url, { token: tokenFor('eve') })).status, 404);
        const list = await server.request('GET', `/api/v1/shops/${shop}/messages`, { token: tokenFor('eve') });
        assert.deepEqual(list.json.messages.map((each) => [each.message, each.image_url]), [['words', undefined]]);
        await settled(before - 1);
    });

    test('a retry stores one image, a deleted message takes its image along', async () => {
        const shop = await server.createShop('fay');
        const before = files().length;
        const headers = { ...form({}).headers, 'idempotency-key': 'once' };
        const first = await upload('fay', { shop_id: shop, message: 'x', image: png }, { headers });
        const again = await upload('fay', { shop_id: shop, message: 'x', image: png }, { headers });
        assert.deepEqual([first.status, again.status], [201, 200]);
        assert.deepEqual(again.json, first.json);
        await settled(before + 1);
        await server.request('DELETE', `/api/v1/shops/messages/${first.json.id}`, { token: tokenFor('fay') });
        await settled(before);
    });

    test('forms that are wrong', async () => {
        const shop = await server.createShop('gil');
        for (const [fields, status, field] of [[{ image: png }, 422, 'shop_id'], [{ shop_id: 'x', image: png }, 422, 'shop_id'],
            [{ shop_id: shop }, 422, 'image'], [{ shop_id: shop, message: 'x'.repeat(10001), image: png }, 422, 'message'],
            [{ shop_id: shop, message_id: 'x', image: png }, 422, 'message_id']]) {
            const sent = await upload('gil', fields);
            assert.equal(sent.status, status, sent.text);
            assert.equal(sent.json.error.field, field);
        }
        assert.equal((await upload('zoe', { shop_id: shop, image: png })).status, 403);
        const truncated = form({ shop_id: shop, image: png });
        const cut = await server.request('POST', '/api/v1/shops/messages/image/upload', { token: tokenFor('gil'),
            body: truncated.body.subarray(0, truncated.body.length - 10), headers: truncated.headers });
        assert.equal(cut.status, 400);
        const json = await server.request('POST', '/api/v1/shops/messages/image/upload',
            { token: tokenFor('gil'), json: {} });
        assert.equal(json.status, 415);
        assert.deepEqual(unfinished(), []);
    });

    test('an upload whose connection breaks leaves nothing behind', async () => {
        const shop = await server.createShop('hal');
        const before = files().length;
        const { body, headers } = form({ shop_id: shop, image: Buffer.concat([png, Buffer.alloc(500000)]) });
        const socket = net.connect(server.port, '127.0.0.1');
        socket.write(`POST /api/v1/shops/messages/image/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${
            tokenFor('hal')}\r\nContent-Type: ${headers['content-type']}\r\nContent-Length: ${body.length}\r\n\r\n`);
        socket.write(body.subarray(0, 300000));
        while (unfinished().length === 0) await new Promise((done) => { setTimeout(done, 5); });
        socket.destroy();
        while (unfinished().length > 0) await new Promise((done) => { setTimeout(done, 5); });
        assert.equal(files().length, before);
        assert.ok(existsSync(join(server.dir, 'media')));
    });

    test('an upload is read byte by byte as well', async () => {
        const shop = await server.createShop('ida');
        const { body, headers } = form({ message: 'slow', shop_id: shop, image: png });
        const socket = net.connect(server.port, '127.0.0.1');
        socket.setNoDelay(true);
        socket.write(`POST /api/v1/shops/messages/image/upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`
            + `Authorization: Bearer ${tokenFor('ida')}\r\nContent-Type: ${headers['content-type']}\r\n`
            + 'Transfer-Encoding: chunked\r\n\r\n');
        for (const byte of body) {
            socket.write(Buffer.from([0x31, 13, 10, byte, 13, 10]));
            await new Promise((done) => { setImmediate(done); });
        }
        socket.write('0\r\n\r\n');
        const chunks = [];
        for await (const chunk of socket) chunks.push(chunk);
        assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1.1 201 /);
    });
});
