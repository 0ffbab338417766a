// Engine.IO 4 in single steps: one HTTP request, one WebSocket, one packet at a time. It does what it is
// told, right or wrong; only pings are answered, where the caller does not ask for them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import WebSocket from 'ws';
import { RawClient, request } from './ws_raw.mjs';

export const SEPARATOR = '\x1e';
export const EIO_PATH = '/engine.io/';
export const SIO_PATH = '/socket.io/';

const MESSAGES = ['Transport unknown', 'Session ID unknown', 'Bad handshake method', 'Bad request',
    'Forbidden', 'Unsupported protocol version'];
export const errorBody = (code) => `{"code":${code},"message":"${MESSAGES[code]}"}`;

const agent = new http.Agent({ keepAlive: true });

// A parameter that is null is left out.
export function target(path, params = {}) {
    const all = Object.entries({ EIO: '4', transport: 'polling', ...params });
    return `${path}?${new URLSearchParams(all.filter(([, value]) => value !== null))}`;
}

// Answers { status, headers, body }; rejects when the connection ends before the answer does. `onSent` is
// called when the request is in the kernel's hands.
export async function ask(server, { method = 'GET', to, headers = {}, body, onSent = () => {} }) {
    const sent = http.request({ host: '127.0.0.1', port: server.port, method, path: to, headers, agent });
    sent.on('finish', onSent);
    sent.end(body);
    const [answer] = await once(sent, 'response');
    const chunks = [];
    for await (const chunk of answer) chunks.push(chunk);
    return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks).toString() };
}

// What an upgrade that is refused answers, or { status: 101 }.
export async function askUpgrade(server, to, lines = {}) {
    const client = await RawClient.connect(server.port);
    client.send(request(lines, { target: to }));
    const answer = await client.readResponse();
    client.destroy();
    return answer;
}

export function assertError(answer, code) {
    assert.deepEqual([answer.status, answer.body], [400, errorBody(code)]);
    assert.match(answer.headers['content-type'], /^application\/json/);
}

export function encodePayload(packets) {
    return packets.map((packet) => typeof packet === 'string' ? packet : `b${packet.toString('base64')}`)
        .join(SEPARATOR);
}

export function decodePayload(body) {
    return body.split(SEPARATOR).map((packet) =>
        packet[0] === 'b' ? Buffer.from(packet.slice(1), 'base64') : packet);
}

export class PollingSession {
    static async open(server, path = EIO_PATH) {
        const session = new PollingSession();
        const answer = await ask(server, { to: target(path) });
        assert.equal(answer.status, 200);
        assert.equal(answer.body[0], '0');
        Object.assign(session, { server, path, inbox: [], handshake: JSON.parse(answer.body.slice(1)) });
        session.sid = session.handshake.sid;
        session.to = target(path, { sid: session.sid });
        return session;
    }

    get(options = {}) {
        return ask(this.server, { to: this.to, ...options });
    }

    // Returns { answer }, the promise of it, when the server has the GET: it answered what was sent later.
    async hold() {
        const held = {};
        await new Promise((onSent) => { held.answer = this.get({ onSent }); });
        await this.send('3');
        return held;
    }

    post(body, headers = { 'Content-Type': 'text/plain;charset=UTF-8' }) {
        return ask(this.server, { method: 'POST', to: this.to, headers, body });
    }

    async send(...packets) {
        const { status, body } = await this.post(encodePayload(packets));
        assert.deepEqual([status, body], [200, 'ok']);
    }

    // The next packet that is no ping; as many requests as that takes.
    async next() {
        while (this.inbox.length === 0) {
            const { status, body } = await this.get();
            assert.equal(status, 200, body);
            for (const packet of decodePayload(body)) {
                if (packet === '2') await this.send('3');
                else this.inbox.push(packet);
            }
        }
        return this.inbox.shift();
    }

    async take(count) {
        const packets = [];
        while (packets.length < count) packets.push(await this.next());
        return packets;
    }

    async assertEcho(message = '4still there') {
        await this.send(message);
        assert.deepEqual(await this.next(), message);
    }

    // While a WebSocket probes, GETs are answered with noops.
    async assertEchoDespiteNoops(message = '4still there') {
        await this.send(message);
        let packet;
        do packet = await this.next(); while (packet === '6');
        assert.equal(packet, message);
    }

    async assertGone() {
        assertError(await this.get(), 1);
        assertError(await this.post('4late'), 1);
    }

    // Until the server has ended the session. Pongs keep it from the ping timeout; while an upgraded one
    // lives, its requests are bad.
    async untilGone() {
        for (;;) {
            const answer = await this.post('3');
            if (answer.status === 200 || answer.body === errorBody(3)) continue;
            assertError(answer, 1);
            return;
        }
    }
}

export class EioSocket {
    // `pong`: pings are answered, and not given to the caller.
    static async open(server, { path = EIO_PATH, sid = null, pong = true, options = {} } = {}) {
        const socket = new EioSocket();
        socket.inbox = [];
        socket.ws = new WebSocket(server.url + target(path, { transport: 'websocket', sid }),
            { perMessageDeflate: false, ...options });
        socket.ws.on('upgrade', (answer) => { socket.answer = answer; });
        socket.ws.on('message', (data, isBinary) => {
            const packet = isBinary ? data : data.toString();
            if (pong && packet === '2') return socket.ws.send('3');
            socket.inbox.push(packet);
            socket.wake?.();
        });
        socket.ws.on('error', () => {});
        socket.closed = new Promise((resolve) => socket.ws.on('close', (code) => {
            socket.code = code;
            socket.wake?.();
            resolve(code);
        }));
        await once(socket.ws, 'open');
        if (sid === null) {
            const first = await socket.next();
            assert.equal(first[0], '0');
            socket.handshake = JSON.parse(first.slice(1));
            socket.sid = socket.handshake.sid;
        }
        return socket;
    }

    // Undefined when the connection is closed first.
    async next() {
        while (this.inbox.length === 0) {
            if (this.code !== undefined) return undefined;
            await new Promise((resolve) => { this.wake = resolve; });
        }
        return this.inbox.shift();
    }

    async take(count) {
        const packets = [];
        while (packets.length < count) packets.push(await this.next());
        return packets;
    }

    send(...packets) {
        for (const packet of packets) this.ws.send(packet);
    }

    assertEcho(message = '4still there') {
        return this.assertAnswer(message, message);
    }

    assertProbe() {
        return this.assertAnswer('2probe', '3probe');
    }

    async assertAnswer(packet, answer) {
        this.send(packet);
        assert.deepEqual(await this.next(), answer);
    }

    close() {
        this.ws.close();
        return this.closed;
    }
}
