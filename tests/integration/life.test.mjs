// The life of streams and of the server: pings, slow readers, TLS, sockets, signals, secrets, restarts.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { Server, Stream, certificate, makeDir, run, signToken, tokenFor } from './lib.mjs';

const exec = promisify(execFile);

function handshake(server, shop, user) {
    const socket = net.connect(server.port, '127.0.0.1');
    socket.write(`GET /api/v1/shops/${shop}/messages/stream?token=${tokenFor(user)} HTTP/1.1\r\nHost: x\r\n`
        + 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
        + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
    return socket;
}

describe('pings', () => {
    test('at their period; who does not answer is dropped, who answers stays', async () => {
        const server = await Server.start({ WEBSOCKET_PING_PERIOD_SECONDS: '1', WEBSOCKET_PONG_WAIT_SECONDS: '2' });
        const shop = await server.createShop('ann', ['ben']);
        const alive = await server.stream('ann', shop);
        const silent = handshake(server, shop, 'ben');
        const bytes = [];
        silent.on('data', (data) => bytes.push(data));
        const opened = Date.now();
        await once(silent, 'close');
        const lived = Date.now() - opened;
        assert.ok(lived > 1500 && lived < 3500, `${lived}`);
        const frames = Buffer.concat(bytes).toString('latin1').split('\r\n\r\n')[1];
        assert.equal(frames, '\x89\x00');
        while (alive.pings.length < 4) await once(alive.socket, 'ping');
        for (let i = 1; i < 4; i++) {
            const gap = alive.pings[i] - alive.pings[i - 1];
            assert.ok(gap > 700 && gap < 1600, `${gap}`);
        }
        assert.equal(await server.metric('websocket_disconnect_reasons{reason="pong_timeout"}'), 1);
        await alive.close();
        assert.equal(await server.stop(), 0);
    });
});

describe('slow readers', () => {
    test('who never reads is cut off; the others notice nothing; memory stays bounded', async () => {
        const server = await Server.start({ WEBSOCKET_SEND_BUFFER: '16', CONFAB_WORKERS: '1',
            WEBSOCKET_WRITE_WAIT_SECONDS: '2' });
        const shop = await server.createShop('ann', ['ben']);
        const reader = await server.stream('ann', shop);
        const slow = handshake(server, shop, 'ben');
        await once(slow, 'data');
        slow.pause();
        const closed = once(slow, 'close');
        slow.on('error', () => {});
        const text = 'x'.repeat(9000);
        let sent = 0;
        const name = 'websocket_disconnect_reasons{reason="slow_consumer"}';
        while (await server.metric(name) === 0 && sent < 3000) {
            for (let i = 0; i < 50; i++, sent++) assert.equal((await server.post('ann', shop, text)).status, 201);
            if (sent % 500 === 0) await new Promise((done) => { setTimeout(done, 100); });
            const streams = await server.metric('websocket_connections_total');
            if (streams === 1) break;
        }
        for (let i = 0; i < sent; i++) assert.equal((await reader.next()).message.length, 9000);
        while (await server.metric('websocket_connections_total') !== 1)
            await new Promise((done) => { setTimeout(done, 50); });
        assert.equal(await server.metric(name), 1);
        slow.resume();
        await closed;
        await reader.close();
        assert.equal(await server.stop(), 0);
    });
});

describe('TLS', () => {
    test('REST and streams, TLS 1.2 and 1.3, nothing older; SIGHUP changes the certificate under live streams', async () => {
        const dir = makeDir();
        const first = await certificate(dir);
        const live = { cert: join(dir, 'live.pem'), key: join(dir, 'live.key') };
        renameSync(first.cert, live.cert);
        renameSync(first.key, live.key);
        const server = await Server.start({ CONFAB_TLS_CERT: live.cert, CONFAB_TLS_KEY: live.key });
        assert.match(server.address, /^https:\/\//);
        const ca = readFileSync(live.cert);
        const get = (options) => new Promise((resolve, reject) => {
            https.get({ host: '127.0.0.1', port: server.port, path: '/healthz', agent: false, ...options }, (response) => {
                const version = response.socket.getProtocol();
                response.resume();
                response.on('end', () => resolve({ status: response.statusCode, version }));
            }).on('error', reject);
        });
        assert.deepEqual(await get({ ca }), { status: 200, version: 'TLSv1.3' });
        assert.deepEqual(await get({ ca, maxVersion: 'TLSv1.2' }), { status: 200, version: 'TLSv1.2' });
        await assert.rejects(get({ ca, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }));
        await assert.rejects(get({}));

        const request = (method, path, user, json) => new Promise((resolve, reject) => {
            const body = JSON.stringify(json);
            const sent = https.request({ host: '127.0.0.1', port: server.port, method, path, ca, agent: false,
                headers: { authorization: `Bearer ${tokenFor(user)}`, 'content-type': 'application/json',
                    'content-length': Buffer.byteLength(body) } }, async (response) => {
                let text = '';
                for await (const chunk of response) text += chunk;
                resolve(JSON.parse(text));
            });
            sent.on('error', reject);
            sent.end(body);
        });
        const shop = (await request('POST', '/api/v1/shops', 'ann', { name: 'TLS' })).id;
        const stream = await Stream.open(`wss://127.0.0.1:${server.port}/api/v1/shops/${shop}/messages/stream`, [],
            { ca, headers: { authorization: `Bearer ${tokenFor('ann')}` } });
        const before = await request('POST', '/api/v1/shops/messages', 'ann', { shop_id: shop, message: 'x'.repeat(9999) });
        assert.deepEqual(await stream.next(), before);

        const second = await certificate(dir, 'second');
        renameSync(second.cert, live.cert);
        renameSync(second.key, live.key);
        server.child.kill('SIGHUP');
        const subject = () => new Promise((resolve, reject) => {
            const socket = tls.connect({ host: '127.0.0.1', port: server.port, rejectUnauthorized: false }, () => {
                resolve(socket.getPeerCertificate().subject.CN);
                socket.destroy();
            });
            socket.on('error', reject);
        });
        while (await subject() !== 'second') await new Promise((done) => { setTimeout(done, 20); });
        const after = await new Promise((resolve, reject) => {
            const body = JSON.stringify({ shop_id: shop, message: 'after' });
            const sent = https.request({ host: '127.0.0.1', port: server.port, method: 'POST',
                path: '/api/v1/shops/messages', rejectUnauthorized: false, agent: false,
                headers: { authorization: `Bearer ${tokenFor('ann')}`, 'content-type': 'application/json',
                    'content-length': body.length } }, async (response) => {
                let text = '';
                for await (const chunk of response) text += chunk;
                resolve(JSON.parse(text));
            });
            sent.on('error', reject);
            sent.end(body);
        });
        assert.deepEqual(await stream.next(), after);

        writeFileSync(live.cert, 'no certificate');
        server.child.kill('SIGHUP');
        while (!server.log.includes('cannot reload TLS')) await once(server.child.stderr, 'data');
        assert.equal(await subject(), 'second');
        const garbage = net.connect(server.port, '127.0.0.1');
        garbage.on('error', () => {});
        garbage.end('GET / HTTP/1.1\r\n\r\n');
        await once(garbage.resume(), 'close');
        await stream.close();
        assert.equal(await server.stop(), 0);
        rmSync(dir, { recursive: true });
    });
});

describe('the process', () => {
    test('a Unix socket and a TCP port at once', async () => {
        const dir = makeDir();
        const path = join(dir, 'confab.sock');
        const server = await Server.start({ CONFAB_LISTEN: `127.0.0.1:0,unix:${path}` });
        while (!server.stdout.includes('unix:')) await once(server.child.stdout, 'data');
        assert.match(server.stdout, new RegExp(`^confab: listening on unix:${path}$`, 'm'));
        const { stdout } = await exec('curl', ['-s', '--unix-socket', path, 'http://x/healthz']);
        assert.equal(stdout, '{"status":"ok"}');
        assert.equal(await server.stop(), 0);
        rmSync(dir, { recursive: true });
    });

    test('what was stored is there after a restart, and goes on from there', async () => {
        const dir = makeDir();
        const first = await Server.start({}, { dir });
        const shop = await first.createShop('ann');
        const { json: before } = await first.post('ann', shop, 'before', { client_message_id: 'a' });
        assert.equal(await first.stop(), 0);
        const second = await Server.start({}, { dir });
        const again = await second.post('ann', shop, 'before', { client_message_id: 'a' });
        assert.deepEqual([again.status, again.json], [200, before]);
        const { json: after } = await second.post('ann', shop, 'after');
        assert.ok(after.created_at > before.created_at);
        const list = await second.request('GET', `/api/v1/shops/${shop}/messages`, { token: tokenFor('ann') });
        assert.deepEqual(list.json.messages, [before, after]);
        assert.equal(await second.stop(), 0);
        rmSync(dir, { recursive: true });
    });

    test('a second server on the same port, or the same data, is refused with one clear line', async () => {
        const server = await Server.start();
        const port = await run(['serve'], { env: { CONFAB_LISTEN: `127.0.0.1:${server.port}`,
            CONFAB_DATA_DIR: makeDir() } });
        assert.equal(port.code, 1);
        assert.match(port.stderr, /^confab: [^\n]*127\.0\.0\.1:\d+[^\n]*\n$/);
        const data = await run(['serve'], { env: { CONFAB_LISTEN: '127.0.0.1:0', CONFAB_DATA_DIR: server.dir } });
        assert.equal(data.code, 1);
        assert.match(data.stderr, /^confab: [^\n]*confab\.db[^\n]*\n$/);
        assert.equal(data.stdout, '');
        assert.equal(await server.stop(), 0);
    });

    test('the log is one line an event, or JSON, and is opened again on SIGHUP', async () => {
        const dir = makeDir();
        const file = join(dir, 'confab.log');
        const server = await Server.start({ LOG_FILE: file, LOG_FORMAT: 'json', LOG_LEVEL: 'debug' });
        const shop = await server.createShop('ann');
        const stream = await server.stream('ann', shop);
        const { json } = await server.post('ann', shop, 'x');
        await stream.next();
        renameSync(file, `${file}.1`);
        server.child.kill('SIGHUP');
        while (!existsSync(file)) await new Promise((done) => { setTimeout(done, 10); });
        await stream.close();
        assert.equal(await server.stop(), 0);
        const events = [`${file}.1`, file].map((name) => readFileSync(name, 'utf8').trim().split('\n')
            .map((line) => JSON.parse(line)));
        const connected = events[0].find(({ msg }) => msg === 'WebSocket client connected');
        assert.deepEqual([connected.shop_id, connected.user_id, connected.username, connected.level],
            [shop, 'ann', 'ANN', 'info']);
        const broadcast = events[0].find(({ msg }) => msg === 'Broadcasting message');
        assert.deepEqual([broadcast.shop_id, broadcast.message_id, broadcast.recipient_count], [shop, json.id, 1]);
        const gone = events[1].find(({ msg }) => msg === 'WebSocket client disconnected');
        assert.deepEqual([gone.shop_id, gone.user_id, gone.reason], [shop, 'ann', 'client_closed']);
        assert.equal(typeof gone.duration_seconds, 'number');
        rmSync(dir, { recursive: true });
    });

    test('V19: a token is in no log, no answer, no metric and no file', async () => {
        const server = await Server.start({ LOG_LEVEL: 'debug' });
        const canary = 'CANARYcanaryCANARY';
        const good = signToken({ user_id: 'ann', exp: Math.floor(Date.now() / 1000) + 60, jti: canary });
        const tokens = [good, `${canary}.${canary}.${canary}`, signToken({ user_id: canary, exp: 1 })];
        const shop = await server.createShop('ann');
        let seen = '';
        for (const token of tokens) {
            for (const path of ['/api/v1/shops', `/api/v1/shops/${shop}/messages/stream`, `/nowhere`, '/%zz', '/metrics']) {
                seen += (await server.request('GET', `${path}?token=${token}`)).text;
                seen += (await server.request('GET', path, { token })).text;
                seen += await server.raw(`GET ${path}?token=${token} HTTP/1.1\r\nAuthorization: ${token}\r\n\r\n`);
            }
            await server.stream('ann', shop, { token }).then((stream) => stream.close(), () => {});
        }
        seen += (await server.request('GET', '/metrics')).text;
        server.child.kill('SIGTERM');
        await server.closed;
        seen += server.log + server.stdout;
        for (const part of tokens.flatMap((token) => token.split('.')).filter((part) => part.length > 12))
            assert.ok(!seen.includes(part) || part === tokens[0].split('.')[0], 'a token leaked');
        const { stdout } = await exec('sh', ['-c', `grep -rlc ${canary} ${server.dir} || true`]);
        assert.equal(stdout, '');
        rmSync(server.dir, { recursive: true });
    });

    test('metrics: every line of X-Forwarded-For counts, whoever wrote the first', async () => {
        const server = await Server.start({ CONFAB_TRUSTED_PROXIES: '127.0.0.1/32' });
        const ask = (lines) => server.raw(['GET /metrics HTTP/1.1', 'Host: x', 'Connection: close', ...lines, '', ''].join('\r\n'));
        assert.match(await ask([]), /^HTTP\/1.1 200 /);
        assert.match(await ask(['X-Forwarded-For: 127.0.0.1']), /^HTTP\/1.1 200 /);
        for (const lines of [['X-Forwarded-For: 203.0.113.9'], ['X-Forwarded-For: 127.0.0.1, 203.0.113.9'],
            ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-For: 203.0.113.9']])
            assert.match(await ask(lines), /^HTTP\/1.1 403 /, lines.join());
        assert.equal(await server.stop(), 0);
    });

    test('files are the owner\'s alone', async () => {
        const dir = makeDir();
        const server = await Server.start({ JWT_SECRET: '' }, { dir });
        for (const name of ['confab.db', 'jwt_secret']) assert.equal(statSync(join(dir, name)).mode & 0o777, 0o600, name);
        assert.equal(await server.stop(), 0);
        rmSync(dir, { recursive: true });
    });
});

describe('configurations that must not start', () => {
    const base = { CONFAB_LISTEN: '127.0.0.1:0', CONFAB_DATA_DIR: makeDir() };
    const good = 'x'.repeat(32);
    for (const [title, env, word] of [
        ['an unknown key', { CONFAB_WORKRES: '2' }, /CONFAB_WORKRES/], ['an unknown stream key', { WEBSOCKET_X: '1' }, /WEBSOCKET_X/],
        ['no number', { CONFAB_WORKERS: 'two' }, /CONFAB_WORKERS=two.*1 to 256/], ['zero', { WEBSOCKET_SEND_BUFFER: '0' }, /1 to 65536/],
        ['too much', { WEBSOCKET_MAX_MESSAGE_SIZE: '99999999999' }, /WEBSOCKET_MAX_MESSAGE_SIZE/],
        ['no boolean', { WEBSOCKET_ENABLED: 'yes' }, /false,true/], ['no level', { LOG_LEVEL: 'loud' }, /debug,info/],
        ['a short secret', { JWT_SECRET: 'short' }, /32 bytes/], ['two keys', { JWT_SECRET: good, JWT_PUBLIC_KEY: '/x' }, /both/],
        ['a key that is not there', { JWT_PUBLIC_KEY: '/nonexistent' }, /\/nonexistent/],
        ['half of TLS', { CONFAB_TLS_CERT: '/x' }, /CONFAB_TLS_KEY/], ['TLS that is not there', { CONFAB_TLS_CERT: '/x', CONFAB_TLS_KEY: '/y' }, /\/x/],
        ['pings too seldom', { WEBSOCKET_PING_PERIOD_SECONDS: '60' }, /WEBSOCKET_PONG_WAIT_SECONDS/],
        ['a bad origin', { WEBSOCKET_ALLOWED_ORIGINS: 'https://a.example/path' }, /a\.example\/path/],
        ['a wildcard origin', { WEBSOCKET_ALLOWED_ORIGINS: '*' }, /WEBSOCKET_ALLOWED_ORIGINS/],
        ['bad proxies', { CONFAB_TRUSTED_PROXIES: '10.0.0.0/99' }, /10\.0\.0\.0\/99/],
        ['another database', { DATABASE_URL: 'mysql://x' }, /DATABASE_URL/], ['Redis', { REDIS_URL: 'redis://x' }, /REDIS_URL/],
        ['a bad address', { CONFAB_LISTEN: 'nowhere' }, /nowhere/], ['a bad port', { CONFAB_LISTEN: '127.0.0.1:99999' }, /99999/],
        ['production without a secret', { CONFAB_ENV: 'production' }, /JWT_SECRET/],
        ['production without TLS', { CONFAB_ENV: 'production', JWT_SECRET: good }, /CONFAB_TLS_CERT/],
        ['production without origins', { CONFAB_ENV: 'production', JWT_SECRET: good, CONFAB_BEHIND_PROXY: 'true' }, /ALLOWED_ORIGINS/],
        ['a data dir that cannot be', { CONFAB_DATA_DIR: '/proc/nowhere' }, /\/proc\/nowhere/],
    ]) {
        test(`V21: ${title}`, async () => {
            const { code, stdout, stderr } = await run(['serve'], { env: { ...base, ...env } });
            assert.equal(code, 1, stderr);
            assert.match(stderr, word);
            assert.match(stderr, /^confab: [^\n]+\n$/);
            assert.equal(stdout, '');
        });
    }

    test('V21: a secret file that is empty stops the start instead of being replaced', async () => {
        const dir = makeDir();
        writeFileSync(join(dir, 'jwt_secret'), '');
        const { code, stderr } = await run(['serve'], { env: { ...base, CONFAB_DATA_DIR: dir } });
        assert.equal(code, 1);
        assert.match(stderr, /jwt_secret/);
        assert.equal(readFileSync(join(dir, 'jwt_secret'), 'utf8'), '');
    });

    test('a damaged database stops the start with one line', async () => {
        const dir = makeDir();
        writeFileSync(join(dir, 'confab.db'), 'this is no database, but it is long enough to look at. '.repeat(100));
        const { code, stderr } = await run(['serve'], { env: { ...base, CONFAB_DATA_DIR: dir } });
        assert.equal(code, 1);
        assert.match(stderr, /confab\.db/);
    });

    test('production with everything starts', async () => {
        const server = await Server.start({ CONFAB_ENV: 'production', CONFAB_BEHIND_PROXY: 'true',
            WEBSOCKET_ALLOWED_ORIGINS: 'https://app.example.com' });
        assert.equal((await server.request('GET', '/healthz')).status, 200);
        assert.equal(await server.stop(), 0);
    });
});
