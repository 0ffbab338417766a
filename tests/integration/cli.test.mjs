// The commands as a person types them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Server, cleanEnv, confab, makeDir, run, secret, tokenFor } from './lib.mjs';

// `confab tail` with its lines awaited one by one.
class Tail {
    constructor(url, token, more = []) {
        this.lines = [];
        this.waiting = [];
        this.log = '';
        this.child = spawn(confab, ['tail', url, '--token', token, ...more],
            { env: cleanEnv({}), stdio: ['ignore', 'pipe', 'pipe'] });
        let rest = '';
        this.child.stdout.on('data', (data) => {
            rest += data;
            for (let end; (end = rest.indexOf('\n')) >= 0; rest = rest.slice(end + 1)) {
                const line = JSON.parse(rest.slice(0, end));
                const waiting = this.waiting.shift();
                if (waiting) waiting(line);
                else this.lines.push(line);
            }
        });
        this.child.stderr.on('data', (data) => { this.log += data; });
        this.ended = once(this.child, 'close').then(([code]) => code);
    }

    next() {
        if (this.lines.length > 0) return Promise.resolve(this.lines.shift());
        return new Promise((give) => this.waiting.push(give));
    }

    async said(text) {
        while (!this.log.includes(text)) await once(this.child.stderr, 'data');
        this.log = '';
    }
}

describe('usage', () => {
    test('help, and what is wrong usage', async () => {
        const help = await run(['--help']);
        assert.equal(help.code, 0);
        for (const name of ['serve', 'token', 'migrate', 'tail', 'bench', 'config', 'version']) {
            assert.match(help.stdout, new RegExp(`^  ${name} `, 'm'));
            const own = await run([name, '--help']);
            assert.equal(own.code, 0, name);
            if (name !== 'version') assert.match(own.stdout, new RegExp(`^Usage: confab ${name}`), name);
        }
        for (const args of [[], ['nonsense'], ['serve', 'x'], ['serve', '--nonsense'], ['token'], ['tail'],
            ['token', '--user', 'a', '--ttl', 'soon'], ['migrate', 'x']]) {
            const wrong = await run(args);
            assert.equal(wrong.code, 2, args.join(' '));
            assert.notEqual(wrong.stderr, '');
            assert.equal(wrong.stdout, '');
        }
    });

    test('every key of the configuration is in the help, and printed with secrets masked', async () => {
        const { stdout: help } = await run(['serve', '--help']);
        const { stdout, code } = await run(['config'], { env: { JWT_SECRET: secret, CONFAB_METRICS_TOKEN: 'hidden!', LOG_LEVEL: 'warn' } });
        assert.equal(code, 0);
        const keys = stdout.trim().split('\n').map((line) => line.split('=')[0]);
        for (const key of keys) assert.match(help, new RegExp(`^  ${key} \\(default `, 'm'));
        assert.match(stdout, /^LOG_LEVEL=warn$/m);
        assert.match(stdout, /^JWT_SECRET=\(set\)$/m);
        assert.match(stdout, /^WEBSOCKET_PING_PERIOD_SECONDS=54$/m);
        assert.ok(!stdout.includes(secret) && !stdout.includes('hidden!'));
    });

    test('a configuration file; the environment wins', async () => {
        const dir = makeDir();
        const file = join(dir, 'confab.conf');
        writeFileSync(file, '# a comment\n\nLOG_LEVEL = "error"\nWEBSOCKET_SEND_BUFFER=7\nOTHER=x\n');
        const { stdout } = await run(['config', '--config', file], { env: { WEBSOCKET_SEND_BUFFER: '9' } });
        assert.match(stdout, /^LOG_LEVEL=error$/m);
        assert.match(stdout, /^WEBSOCKET_SEND_BUFFER=9$/m);
        writeFileSync(file, 'LOG_LEVEL=info\nWEBSOCKET_SENDBUFFER=7\n');
        const wrong = await run(['config', '--config', file]);
        assert.equal(wrong.code, 1);
        assert.match(wrong.stderr, /WEBSOCKET_SENDBUFFER/);
        assert.equal((await run(['config', '--config', join(dir, 'none')])).code, 1);
        rmSync(dir, { recursive: true });
    });

    test('version', async () => {
        const { stdout } = await run(['version']);
        assert.match(stdout, /^confab \d+\.\d+\.\d+ \(.+\)\nlibuv .*SQLite 3\./);
    });
});

describe('token and migrate', () => {
    test('a token of `confab token` is a token of the server', async () => {
        const server = await Server.start();
        const env = { JWT_SECRET: secret, CONFAB_DATA_DIR: server.dir };
        const { stdout } = await run(['token', '--user', 'ann', '--name', 'Ann', '--ttl', '5m',
            '--claim', 'aud="x"', '--claim', 'roles=["a","b"]'], { env });
        const claims = JSON.parse(Buffer.from(stdout.split('.')[1], 'base64url'));
        assert.deepEqual([claims.user_id, claims.username, claims.aud, claims.roles, claims.exp - claims.iat],
            ['ann', 'Ann', 'x', ['a', 'b'], 300]);
        assert.equal((await server.request('GET', '/api/v1/shops', { token: stdout.trim() })).status, 200);
        const expired = await run(['token', '--user', 'ann', '--ttl', '-1h'], { env });
        assert.equal((await server.request('GET', '/api/v1/shops', { token: expired.stdout.trim() })).status, 401);
        const bad = await run(['token', '--user', 'ann', '--claim', 'x=y'], { env });
        assert.equal(bad.code, 1);
        assert.equal(await server.stop(), 0);
    });

    test('migrate --check only tells', async () => {
        const dir = makeDir();
        const env = { CONFAB_DATA_DIR: dir };
        const before = await run(['migrate', '--check'], { env });
        assert.equal(before.code, 1);
        assert.match(before.stdout, /run `confab migrate`/);
        assert.ok(!existsSync(join(dir, 'confab.db')));
        assert.equal((await run(['migrate'], { env })).code, 0);
        const after = await run(['migrate', '--check'], { env });
        assert.equal(after.code, 0);
        assert.match(after.stdout, /nothing to do/);
        rmSync(dir, { recursive: true });
    });
});

describe('tail', () => {
    test('prints what arrives, a line each, and fetches what it missed while the server was away', async () => {
        const dir = makeDir();
        let server = await Server.start({}, { dir });
        const { port } = server;
        const shop = await server.createShop('ann', ['ben']);
        await server.post('ann', shop, 'before');
        const tail = new Tail(server.streamUrl(shop), tokenFor('ben'));
        await tail.said('connected');
        const { json: first } = await server.post('ann', shop, 'one');
        assert.deepEqual(await tail.next(), first);
        server.child.kill('SIGKILL');
        await server.closed;
        server = await Server.start({ CONFAB_LISTEN: '127.0.0.1:0' }, { dir });
        const missed = [];
        for (let i = 0; i < 250; i++) missed.push((await server.post('ann', shop, `missed ${i}`)).json);
        assert.equal(await server.stop(), 0);
        server = await Server.start({ CONFAB_LISTEN: `127.0.0.1:${port}` }, { dir });
        for (const message of missed) assert.deepEqual(await tail.next(), message);
        const { json: last } = await server.post('ann', shop, 'live again');
        assert.deepEqual(await tail.next(), last);
        const { json: edited } = await server.request('PUT', '/api/v1/shops/messages',
            { token: tokenFor('ann'), json: { message_id: last.id, message: 'edited' } });
        assert.deepEqual(await tail.next(), edited);
        tail.child.kill('SIGTERM');
        assert.equal(await tail.ended, 0);
        assert.equal(await server.stop(), 0);
        rmSync(dir, { recursive: true });
    });

    test('begun on an empty shop it fetches from the first message on', async () => {
        const dir = makeDir();
        let server = await Server.start({}, { dir });
        const { port } = server;
        const shop = await server.createShop('ann');
        const tail = new Tail(server.streamUrl(shop), tokenFor('ann'));
        await tail.said('connected');
        server.child.kill('SIGKILL');
        await server.closed;
        server = await Server.start({}, { dir });
        const missed = [];
        for (let i = 0; i < 3; i++) missed.push((await server.post('ann', shop, `missed ${i}`)).json);
        assert.equal(await server.stop(), 0);
        server = await Server.start({ CONFAB_LISTEN: `127.0.0.1:${port}` }, { dir });
        for (const message of missed) assert.deepEqual(await tail.next(), message);
        tail.child.kill('SIGTERM');
        assert.equal(await tail.ended, 0);
        assert.equal(await server.stop(), 0);
        rmSync(dir, { recursive: true });
    });

    test('gives up, with a word, where trying again is no use', async () => {
        const server = await Server.start();
        const shop = await server.createShop('ann');
        for (const [token, word] of [[tokenFor('zoe'), /not a member/], ['nonsense', /token/]]) {
            const tail = new Tail(server.streamUrl(shop), token);
            assert.equal(await tail.ended, 1);
            assert.match(tail.log, word);
            assert.deepEqual(tail.lines, []);
        }
        assert.equal((await run(['tail', 'nonsense', '--token', 'x'])).code, 1);
        assert.equal(await server.stop(), 0);
    });

    test('wscat, which this project did not write, sees the same', async () => {
        const server = await Server.start();
        const shop = await server.createShop('ann');
        const wscat = join(dirname(fileURLToPath(import.meta.url)), '..', 'node_modules', '.bin', 'wscat');
        const child = spawn(wscat, ['-P', '-c', `${server.streamUrl(shop)}?token=${tokenFor('ann')}`],
            { stdio: ['pipe', 'pipe', 'inherit'] });
        while (await server.metric('websocket_connections_total') !== 1)
            await new Promise((done) => { setTimeout(done, 20); });
        const { json } = await server.post('ann', shop, 'for wscat');
        let text = '';
        while (!text.includes('}')) text += (await once(child.stdout, 'data'))[0];
        assert.deepEqual(JSON.parse(text.slice(text.indexOf('{'), text.indexOf('}') + 1)), json);
        child.kill();
        await once(child, 'close');
        assert.equal(await server.stop(), 0);
    });
});
