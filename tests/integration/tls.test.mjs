// TLS with clients of other makers: each suite, records of any size, and keys that change under way.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { Server, certificate, makeDir, tokenFor } from './lib.mjs';

let dir, ca, caPath, server;

before(async () => {
    dir = makeDir();
    const { cert, key } = await certificate(dir);
    caPath = cert;
    ca = readFileSync(cert);
    server = await Server.start({ CONFAB_TLS_CERT: cert, CONFAB_TLS_KEY: key });
});

after(async () => {
    assert.equal(await server.stop(), 0);
    rmSync(dir, { recursive: true });
});

const health = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';

// Writes to a command line client, and waits until it has said so much.
class Client {
    constructor(program, words) {
        this.said = '';
        this.child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'] });
        this.wake = () => {};
        for (const stream of [this.child.stdout, this.child.stderr])
            stream.on('data', (data) => { this.said += data; this.wake(); });
        this.child.on('close', () => this.wake());
    }

    async until(pattern, count = 1) {
        while ((this.said.match(pattern) ?? []).length < count) {
            assert.equal(this.child.exitCode, null, this.said);
            await new Promise((resolve) => { this.wake = resolve; });
        }
    }

    async end(words = '') {
        this.child.stdin.end(words);
        if (this.child.exitCode === null) await once(this.child, 'close');
    }
}

// A request behind each change of keys; what was asked for (`K`, `rekey`) is answered under way.
async function talk(client, commands, changed) {
    for (const [i, command] of commands.entries()) {
        client.child.stdin.write(`${command}\n`);
        await client.until(changed, i + 1);
        client.child.stdin.write(health);
        await client.until(/\{"status":"ok"\}/g, i + 1);
    }
}

describe('keys that change', () => {
    const commands = (one, other) => Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? other : one));

    test('openssl s_client asks for them (K) and changes its own (k)', async () => {
        const client = new Client('openssl', ['s_client', '-connect', `127.0.0.1:${server.port}`, '-tls1_3', '-CAfile', caPath]);
        await client.until(/read R BLOCK|^---\n$/gm);
        await talk(client, commands('K', 'k'), /KEYUPDATE/g);
        await client.end('Q\n');
        assert.match(client.said, /Verify return code: 0/);
    });

    test('gnutls-cli, too (^rekey^, ^rekey1^)', async () => {
        const client = new Client('gnutls-cli', ['-p', server.port, '127.0.0.1', '--x509cafile', caPath, '--inline-commands',
            '--priority', 'NORMAL:-VERS-ALL:+VERS-TLS1.3'].map(String));
        await client.until(/Simple Client Mode/g);
        // It takes eight a second.
        await talk(client, commands('^rekey^', '^rekey1^').slice(0, 8), /Rekey was completed/g);
        await client.end();
    });
});

const ask = (agent, method, path, json) => new Promise((resolve, reject) => {
    const body = json === undefined ? '' : JSON.stringify(json);
    const sent = https.request({ host: '127.0.0.1', port: server.port, method, path, ca, agent,
        headers: { authorization: `Bearer ${tokenFor('ann')}`, 'content-type': 'application/json',
            'content-length': Buffer.byteLength(body) } }, async (response) => {
        const parts = [];
        for await (const chunk of response) parts.push(chunk);
        resolve({ status: response.statusCode, json: JSON.parse(Buffer.concat(parts)) });
    });
    sent.on('error', reject);
    sent.end(body);
});

describe('Node', () => {
    for (const suite of ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256']) {
        test(`${suite}: one connection, bodies of any size`, async () => {
            const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ciphers: suite, minVersion: 'TLSv1.3' });
            const sockets = new Set();
            agent.on('free', (socket) => { sockets.add(socket); });
            const { json: shop } = await ask(agent, 'POST', '/api/v1/shops', { name: suite });
            const sizes = [1, 100, 9999, 10, 5000, 10000];
            for (const size of sizes) {
                const { status } = await ask(agent, 'POST', '/api/v1/shops/messages', { shop_id: shop.id, message: 'x'.repeat(size) });
                assert.equal(status, 201);
            }
            const { json: page } = await ask(agent, 'GET', `/api/v1/shops/${shop.id}/messages`);
            assert.deepEqual(page.messages.map(({ message }) => message.length).sort((a, b) => a - b), sizes.sort((a, b) => a - b));
            assert.equal(sockets.size, 1);
            assert.equal([...sockets][0].getCipher().standardName, suite);
            agent.destroy();
        });
    }

    test('a thousand requests at once in small records', async () => {
        const socket = tls.connect({ host: '127.0.0.1', port: server.port, ca, minVersion: 'TLSv1.3' });
        await once(socket, 'secureConnect');
        assert.equal(socket.setMaxSendFragment(512), true);
        socket.write(health.repeat(1000));
        let text = '';
        while (text.split('{"status":"ok"}').length <= 1000) text += (await once(socket, 'data'))[0];
        socket.end();
        await once(socket, 'close');
    });
});
