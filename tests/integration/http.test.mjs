// HTTP/1.1 itself, over raw sockets: order, framing, limits, deadlines, CORS.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Server, tokenFor } from './lib.mjs';

const status = (answer) => Number(answer.match(/^HTTP\/1\.1 (\d{3}) /)?.[1]);
const closing = 'Host: x\r\nConnection: close\r\n';

describe('HTTP/1.1', () => {
    let server;
    before(async () => {
        server = await Server.start({ CONFAB_HTTP_HEADER_TIMEOUT_SECONDS: '2',
            CONFAB_HTTP_IDLE_TIMEOUT_SECONDS: '1',
            WEBSOCKET_ALLOWED_ORIGINS: 'https://app.example.com,http://localhost:3000' });
    });
    after(async () => { assert.equal(await server.stop(), 0); });

    test('pipelined requests are answered in their order', async () => {
        const shop = await server.createShop('ann');
        const auth = `Authorization: Bearer ${tokenFor('ann')}\r\n`;
        const body = JSON.stringify({ shop_id: shop, message: 'one' });
        const answer = await server.raw(`GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`
            + `POST /api/v1/shops/messages HTTP/1.1\r\nHost: x\r\n${auth}Content-Type: application/json\r\n`
            + `Content-Length: ${body.length}\r\n\r\n${body}`
            + `GET /api/v1/shops/${shop}/messages HTTP/1.1\r\nHost: x\r\n${auth}\r\n`
            + `GET /nowhere HTTP/1.1\r\n${closing}\r\n`);
        assert.deepEqual([...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => match[1]),
            ['200', '201', '200', '404']);
        assert.match(answer, /"messages":\[\{[^\]]*"message":"one"/);
    });

    test('a thousand pipelined requests', async () => {
        const answer = await server.raw('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(999)
            + `GET /healthz HTTP/1.1\r\n${closing}\r\n`);
        assert.equal(answer.match(/HTTP\/1\.1 200 OK/g).length, 1000);
    });

    test('Expect: 100-continue is answered before the body, or refused without it', async () => {
        const socket = net.connect(server.port, '127.0.0.1');
        const head = (more) => `POST /api/v1/shops HTTP/1.1\r\n${closing}${more}Content-Type: application/json\r\n`
            + 'Content-Length: 14\r\nExpect: 100-continue\r\n\r\n';
        socket.write(head(`Authorization: Bearer ${tokenFor('ann')}\r\n`));
        const [first] = await once(socket, 'data');
        assert.equal(first.toString(), 'HTTP/1.1 100 Continue\r\n\r\n');
        socket.write('{"name":"Wait"}'.slice(0, 14));
        const [second] = await once(socket, 'data');
        assert.equal(status(second.toString()), 400);
        assert.equal(status(await server.raw(head(''))), 401);
    });

    test('chunked and sized bodies are the same', async () => {
        const auth = `Authorization: Bearer ${tokenFor('ann')}\r\nContent-Type: application/json\r\n`;
        const answer = await server.raw(`POST /api/v1/shops HTTP/1.1\r\n${closing}${auth}`
            + 'Transfer-Encoding: chunked\r\n\r\n5\r\n{"nam\r\n6;ext=1\r\ne":"X"\r\n1\r\n}\r\n0\r\nTrailer: t\r\n\r\n');
        assert.equal(status(answer), 201);
    });

    test('what is not strictly HTTP ends with 400 and a closed connection', async () => {
        const post = `POST /api/v1/shops HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenFor('ann')}\r\n`;
        for (const [request, code] of [
            ['GET /healthz HTTP/1.1\nHost: x\n\n', 400], ['GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n', 400],
            ['GET /healthz HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n', 400], ['GET /healthz HTTP/1.1\r\n\r\n', 400],
            ['GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400], ['GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n', 400],
            ['GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n', 505], ['nonsense\r\n\r\n', 400],
            [`${post}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`, 400],
            [`${post}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}`, 400],
            [`${post}Content-Length: +2\r\n\r\n{}`, 400], [`${post}Content-Length: -1\r\n\r\n{}`, 400],
            [`${post}Transfer-Encoding: gzip, chunked\r\n\r\n{}`, 501], [`${post}Transfer-Encoding: chunked\r\n\r\nx\r\n`, 400],
            [`${post}Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx`, 400],
            [`${post}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n`, 400],
            [`GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414],
            [`GET /healthz HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(101)}\r\n`, 431],
            [`GET /healthz HTTP/1.1\r\nHost: x\r\nA: ${'b'.repeat(40000)}\r\n\r\n`, 431],
            [`GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n`, 417],
            [`GET /api/../../etc/passwd HTTP/1.1\r\n${closing}\r\n`, 400],
            [`GET /%00 HTTP/1.1\r\n${closing}\r\n`, 400]]) {
            const answer = await server.raw(`${request}`);
            assert.equal(status(answer), code, JSON.stringify(request.slice(0, 120)));
            assert.match(answer, /\r\nConnection: close\r\n/);
            assert.match(answer, /\{"error":\{"code":"/);
        }
    });

    test('a body that stops half way, a slow loris, and silence are let go; nobody else waits', async () => {
        const silent = net.connect(server.port, '127.0.0.1');
        const slow = net.connect(server.port, '127.0.0.1');
        const half = net.connect(server.port, '127.0.0.1');
        const drip = setInterval(() => slow.write('X'), 300);
        slow.on('error', () => {});
        slow.write('GET /healthz HTTP/1.1\r\nHost: x\r\nA: ');
        half.write(`POST /api/v1/shops HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenFor('ann')}\r\n`
            + 'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"name":');
        half.end();
        const answers = [];
        slow.on('data', (data) => answers.push(data.toString()));
        const started = Date.now();
        await Promise.all([once(silent, 'close'), once(slow, 'close'), once(half, 'close')]);
        clearInterval(drip);
        assert.ok(Date.now() - started < 6000);
        assert.equal(status(answers.join('')), 408);
        assert.equal((await server.request('GET', '/healthz')).status, 200);
    });

    test('an idle kept-alive connection is closed after its time', async () => {
        const socket = net.connect(server.port, '127.0.0.1');
        socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
        await once(socket, 'data');
        const started = Date.now();
        socket.resume();
        await once(socket, 'close');
        const waited = Date.now() - started;
        assert.ok(waited > 800 && waited < 3000, `${waited}`);
    });

    test('2,000 silent connections: others are served meanwhile, and all are let go', async () => {
        const sockets = [];
        for (let i = 0; i < 2000; i++) {
            const socket = net.connect(server.port, '127.0.0.1');
            socket.on('error', () => {});
            sockets.push(socket);
        }
        await Promise.all(sockets.map((socket) => once(socket, 'connect')));
        assert.equal((await server.request('GET', '/healthz')).status, 200);
        await Promise.all(sockets.map((socket) => { socket.resume(); return once(socket, 'close'); }));
        assert.ok(await server.metric('confab_connections') <= 2);
    });

    test('CORS for the allowed origins only', async () => {
        const ask = (origin, method = 'GET', path = '/api/v1/shops', headers = {}) =>
            server.request(method, path, { token: method === 'OPTIONS' ? undefined : tokenFor('ann'),
                headers: { origin, ...headers } });
        for (const origin of ['https://app.example.com', 'http://localhost:3000']) {
            const answer = await ask(origin);
            assert.equal(answer.headers['access-control-allow-origin'], origin);
            assert.equal(answer.headers.vary, 'Origin');
            assert.equal(answer.headers['access-control-allow-credentials'], undefined);
        }
        for (const origin of ['https://evil.example', 'null', 'https://app.example.com.evil.example',
            'http://app.example.com', 'https://app.example.com:8443', 'https://user@app.example.com']) {
            const answer = await ask(origin);
            assert.equal(answer.headers['access-control-allow-origin'], undefined, origin);
        }
        const preflight = await ask('https://app.example.com', 'OPTIONS', '/api/v1/shops/messages',
            { 'access-control-request-method': 'PUT', 'access-control-request-headers': 'authorization' });
        assert.equal(preflight.status, 204);
        assert.match(preflight.headers['access-control-allow-methods'], /PUT/);
        assert.match(preflight.headers['access-control-allow-headers'], /Authorization/);
        assert.equal((await ask('https://evil.example', 'OPTIONS')).status, 403);
    });

    test('the Origin of an upgrade', async () => {
        const shop = await server.createShop('ann');
        const open = (origin) => server.stream('ann', shop, { options: origin ? { headers: { origin } } : {} });
        await (await open('https://app.example.com')).close();
        await (await open()).close();
        for (const origin of ['https://evil.example', 'null', 'https://APP.example.com.evil.example']) {
            const error = await open(origin).then(() => assert.fail('it opened'), (e) => e);
            assert.equal(error.status, 403, origin);
            assert.equal(error.json.error.code, 'origin_refused');
        }
    });

    test('curl: keep-alive, HTTP/1.0, HEAD', async () => {
        const run = promisify(execFile);
        const url = `http://127.0.0.1:${server.port}/healthz`;
        const two = await run('curl', ['-sv', url, url]);
        assert.equal(two.stdout, '{"status":"ok"}{"status":"ok"}');
        assert.match(two.stderr, /Re-using existing connection/);
        const old = await run('curl', ['-s0i', url]);
        assert.match(old.stdout, /^HTTP\/1\.1 200 OK\r\n/);
        assert.match(old.stdout, /\r\nConnection: close\r\n/);
        const head = await run('curl', ['-sI', url]);
        assert.match(head.stdout, /\r\nContent-Length: 15\r\n/);
    });
});
