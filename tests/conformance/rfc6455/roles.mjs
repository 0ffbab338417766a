// The two roles that the wire code is tried in, behind one face: whatever the role, `open` gives a raw peer whose
// other side sends every message back. The server is confab-ws-echo, the client confab-ws-echo-client, which a
// scripted server of ours answers.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { after, before, describe } from 'node:test';
import { EchoServer, programOf } from '../ws_echo_server.mjs';
import { OP, RawClient, RawPeer, closeFrame, frame, waitFor } from '../ws_raw.mjs';
import { Codec } from './codec.mjs';

// What a test waits for at most, so that what never comes fails it instead of everything.
const PATIENCE_MS = 10000;

// Sec-WebSocket-Accept of a key (RFC 6455 section 4.2.2).
export function acceptOf(key) {
    return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

// Sec-WebSocket-Extensions as text: { client_max_window_bits: true, server_max_window_bits: 9 }.
export function extensionText(params) {
    return ['permessage-deflate', ...Object.entries(params)
        .filter(([, value]) => value !== undefined && value !== false)
        .map(([name, value]) => value === true ? name : `${name}=${value}`)].join('; ');
}

// The parameters of an answer with one extension, null for none.
export function extensionParams(text) {
    if (text === undefined) return null;
    const [name, ...params] = text.split(/;\s*/);
    assert.equal(name, 'permessage-deflate');
    return Object.fromEntries(params.map((one) => one.split('=')).map(([key, value]) => [key, value ?? true]));
}

// Frames as a peer of the role has to send them: a client masks, a server does not (section 5.1).
function framesOf(mask) {
    const make = (opcode, payload, options = {}) => frame(opcode, payload, { mask, ...options });
    return Object.assign(make, { close: (code, reason) => closeFrame(code, reason, { mask }) });
}

export class ServerRole {
    name = 'server';
    frame = framesOf(true);

    async start({ maxMessage }) {
        this.peers = [];
        this.echo = await EchoServer.start(maxMessage ? ['--max-message', String(maxMessage)] : []);
    }

    async stop() {
        for (const peer of this.peers) peer.destroy(); // what a failed test left
        assert.deepEqual(await this.echo.stop(), [0, null]);
    }

    // `deflate`: the parameters to offer; peer.codec speaks what was agreed on.
    async open({ deflate } = {}) {
        const peer = await RawClient.open(this.echo.port,
            deflate ? { 'Sec-WebSocket-Extensions': extensionText(deflate) } : {});
        this.peers.push(peer);
        peer.patienceMs = PATIENCE_MS;
        assert.equal(peer.response.status, 101);
        if (deflate) {
            peer.params = extensionParams(peer.response.headers['sec-websocket-extensions']);
            peer.codec = peer.params && new Codec('client', peer.params);
        }
        return peer;
    }

    // The server ends the TCP connection by itself (section 7.1.1). What the program says of it: nothing.
    async expectEnd(peer) {
        assert.equal(await peer.readEnd(), true);
        peer.destroy();
    }
}

export class ClientRole {
    name = 'client';
    frame = framesOf(false);

    async start({ maxMessage, closeWait }) {
        this.lastId = 0;
        this.peers = new Set();
        this.dialled = new Map(); // ID: who waits for its connection
        this.reports = new Map(); // ID: the lines that came, and who waits for one
        this.server = net.createServer((socket) => this.accept(new RawPeer(socket, true)));
        this.server.listen(0, '127.0.0.1');
        await once(this.server, 'listening');
        const args = ['--port', String(this.server.address().port)];
        if (maxMessage) args.push('--max-message', String(maxMessage));
        if (closeWait) args.push('--close-wait', String(closeWait));
        this.child = spawn(programOf('confab-ws-echo-client'), args, { stdio: ['pipe', 'pipe', 'inherit'] });
        this.exited = once(this.child, 'exit');
        createInterface(this.child.stdout).on('line', (line) => {
            const [id, ...words] = line.split(' ');
            const report = this.reportOf(Number(id));
            report.lines.push(words.join(' '));
            report.wake?.();
        });
    }

    async stop() {
        for (const peer of this.peers) peer.destroy(); // what a failed test left
        this.child.stdin.end();
        const result = await this.exited;
        this.server.close();
        assert.deepEqual(result, [0, null]);
    }

    async accept(peer) {
        this.peers.add(peer);
        peer.patienceMs = PATIENCE_MS;
        peer.socket.on('close', () => this.peers.delete(peer));
        peer.head = await peer.readHead();
        const id = Number(peer.head?.line.match(/^GET \/(\d+) HTTP\/1\.1$/)?.[1]);
        if (!this.dialled.has(id)) throw new Error(`nobody asked for ${JSON.stringify(peer.head)}`);
        peer.id = id;
        this.dialled.get(id)(peer);
        this.dialled.delete(id);
    }

    reportOf(id) {
        if (!this.reports.has(id)) this.reports.set(id, { lines: [] });
        return this.reports.get(id);
    }

    // The next line that the program prints about this connection.
    async report(peer) {
        const report = this.reportOf(peer.id);
        if (report.lines.length === 0) await waitFor('a report', PATIENCE_MS, (wake) => { report.wake = wake; });
        return report.lines.shift();
    }

    command(verb, peer, ...words) {
        this.child.stdin.write(`${[verb, peer.id, ...words].join(' ')}\n`);
    }

    // A connection whose request has come and was not answered.
    async dial(deflate = false) {
        const id = ++this.lastId;
        const came = new Promise((resolve) => this.dialled.set(id, resolve));
        this.command('open', { id }, ...(deflate ? ['deflate'] : []));
        return came;
    }

    // `deflate`: the parameters to answer with.
    async open({ deflate } = {}) {
        const peer = await this.dial(deflate !== undefined);
        peer.send(answer(peer, deflate ? { 'Sec-WebSocket-Extensions': extensionText(deflate) } : {}));
        assert.equal(await this.report(peer), 'open');
        if (deflate) {
            peer.params = deflate;
            peer.codec = new Codec('server', deflate);
        }
        return peer;
    }

    // `how`: "clean" when both sides sent a close frame; then the client waits for the server's FIN (section 7.1.1).
    async expectEnd(peer, code, how) {
        assert.equal(await this.report(peer), `closed ${code} ${how}`);
        if (how === 'clean') {
            assert.equal(peer.ended, false);
            peer.socket.end();
        }
        assert.equal(await peer.readEnd(), true);
        peer.destroy();
    }
}

// The answer to a client's request. A value of null takes the header away.
export function answer(peer, lines = {}, status = 'HTTP/1.1 101 Switching Protocols') {
    const headers = {
        Upgrade: 'websocket', Connection: 'Upgrade',
        'Sec-WebSocket-Accept': acceptOf(peer.head.headers['sec-websocket-key']), ...lines,
    };
    const text = Object.entries(headers).filter(([, value]) => value !== null)
        .flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`)).join('');
    return `${status}\r\n${text}\r\n`;
}

// Runs `body` for both roles, each with a program of its own: options are { maxMessage, closeWait }.
export function forBothRoles(options, body) {
    for (const Role of [ServerRole, ClientRole]) forRole(Role, options, body);
}

export function forRole(Role, options, body) {
    const role = new Role();
    describe(`the ${role.name} role`, () => {
        before(() => role.start(options));
        after(() => role.stop());
        body(role, (name) => `${name} (${role.name})`);
    });
}

// The frames make the other side fail the connection with `code` and nothing else (section 7.1.7).
export async function expectFailure(role, frames, code, { deflate, before: first = 0 } = {}) {
    const peer = await role.open({ deflate });
    peer.send(Buffer.concat(frames));
    for (let i = 0; i < first; i++) assert.ok((await peer.readFrame()).opcode < OP.CLOSE);
    const got = await peer.readClose();
    assert.equal(got, code, `${JSON.stringify(got)} instead of ${code}`);
    await role.expectEnd(peer, code, 'unclean');
}

// One message comes back, uncompressed.
export async function expectEcho(peer, opcode, message) {
    const payload = Buffer.from(message);
    const got = await peer.readFrame();
    assert.ok(got !== null, 'the end instead of an echo');
    assert.deepEqual([got.fin, got.rsv, got.opcode, got.payload.length],
        [true, 0, opcode, payload.length]);
    assert.ok(got.payload.equals(payload), 'the echo differs');
}

export async function expectPong(peer, payload = '') {
    const got = await peer.readFrame();
    assert.deepEqual([got?.fin, got?.rsv, got?.opcode, got?.payload],
        [true, 0, OP.PONG, Buffer.from(payload)]);
}

// A closing handshake of ours; nothing else may have been waiting.
export async function closeCleanly(role, peer, code = 1000) {
    peer.send(role.frame.close(code));
    assert.equal(await peer.readClose(), code);
    await role.expectEnd(peer, code, 'clean');
}
