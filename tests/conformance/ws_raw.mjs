// A WebSocket client without manners: it sends exactly the bytes it is told to, and reads frames.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';

export const OP = { CONT: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 };
export const SAMPLE_KEY = 'dGhlIHNhbXBsZSBub25jZQ=='; // RFC 6455 section 1.3

// The 7, 16 or 64 bit length field; `form` forces one (RFC 6455 section 5.2).
function lengthField(length, form) {
    const bytes = form ?? (length < 126 ? 1 : length < 65536 ? 3 : 9);
    if (bytes === 1) return Buffer.from([Number(length)]);
    const field = Buffer.alloc(bytes);
    field[0] = bytes === 3 ? 126 : 127;
    if (bytes === 3) field.writeUInt16BE(Number(length), 1);
    else field.writeBigUInt64BE(BigInt(length), 1);
    return field;
}

// One frame. `length` announces another length than the payload has.
export function frame(opcode, payload = '', { fin = true, rsv = 0, mask = true, length, form } = {}) {
    const body = Buffer.from(payload);
    const field = lengthField(length ?? body.length, form);
    if (mask) field[0] |= 0x80;
    const head = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode]);
    if (!mask) return Buffer.concat([head, field, body]);
    const key = randomBytes(4);
    for (let i = 0; i < body.length; i++) body[i] ^= key[i & 3];
    return Buffer.concat([head, field, key, body]);
}

export function closeFrame(code, reason = '') {
    const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
    payload.writeUInt16BE(code);
    payload.write(reason, 2);
    return frame(OP.CLOSE, payload);
}

export function request(lines = {}, { method = 'GET', target = '/', version = 'HTTP/1.1' } = {}) {
    const headers = {
        Host: '127.0.0.1', Upgrade: 'websocket', Connection: 'Upgrade',
        'Sec-WebSocket-Key': SAMPLE_KEY, 'Sec-WebSocket-Version': '13', ...lines,
    };
    const text = Object.entries(headers).filter(([, value]) => value !== null)
        .flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`)).join('');
    return `${method} ${target} ${version}\r\n${text}\r\n`;
}

export class RawClient {
    static async connect(port) {
        const client = new RawClient();
        client.buffer = Buffer.alloc(0);
        client.ended = false;
        client.socket = net.connect(port, '127.0.0.1');
        client.socket.setNoDelay(true);
        client.socket.on('data', (data) => {
            client.buffer = Buffer.concat([client.buffer, data]);
            client.wake?.();
        });
        client.socket.on('error', () => {});
        for (const event of ['end', 'close'])
            client.socket.on(event, () => { client.ended = true; client.wake?.(); });
        await once(client.socket, 'connect');
        return client;
    }

    // Connected and upgraded.
    static async open(port, lines = {}) {
        const client = await RawClient.connect(port);
        client.send(request(lines));
        client.response = await client.readResponse();
        return client;
    }

    send(...chunks) {
        for (const chunk of chunks) this.socket.write(chunk);
    }

    async more() {
        if (this.ended) return false;
        await new Promise((resolve) => { this.wake = resolve; });
        this.wake = null;
        return true;
    }

    async take(length) {
        while (this.buffer.length < length)
            if (!await this.more()) return null;
        const taken = this.buffer.subarray(0, length);
        this.buffer = this.buffer.subarray(length);
        return taken;
    }

    async readResponse() {
        let end;
        while ((end = this.buffer.indexOf('\r\n\r\n')) < 0)
            if (!await this.more()) return null;
        const [status, ...lines] = (await this.take(end + 4)).toString('latin1').trimEnd().split('\r\n');
        const headers = Object.fromEntries(lines.map((line) => {
            const colon = line.indexOf(':');
            return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
        }));
        const body = await this.take(Number(headers['content-length'] ?? 0));
        return { status: Number(status.split(' ')[1]), headers, body: body?.toString() };
    }

    // { fin, rsv, opcode, payload }, or null at the end.
    async readFrame() {
        const head = await this.take(2);
        if (head === null) return null;
        let length = head[1] & 0x7f;
        if (head[1] & 0x80) throw new Error('a server must not mask (RFC 6455 section 5.1)');
        if (length === 126) length = (await this.take(2)).readUInt16BE();
        else if (length === 127) length = Number((await this.take(8)).readBigUInt64BE());
        const payload = await this.take(length);
        return { fin: head[0] >> 7 === 1, rsv: head[0] >> 4 & 7, opcode: head[0] & 15, payload };
    }

    // The code of the close frame that comes next; 1005 for an empty one.
    async readClose() {
        const got = await this.readFrame();
        if (got === null || got.opcode !== OP.CLOSE) return got;
        return got.payload.length === 0 ? 1005 : got.payload.readUInt16BE();
    }

    async readEnd() {
        while (await this.more());
        return this.buffer.length === 0;
    }

    destroy() {
        this.socket.destroy();
    }
}
