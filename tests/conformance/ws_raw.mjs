// A WebSocket peer without manners: it sends exactly the bytes it is told to, and reads frames.
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

// One frame. `length` announces another length than the payload has; `mask` may be the key itself.
export function frame(opcode, payload = '', { fin = true, rsv = 0, mask = true, length, form } = {}) {
    const body = Buffer.from(payload);
    const field = lengthField(length ?? body.length, form);
    if (mask) field[0] |= 0x80;
    const head = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode]);
    if (!mask) return Buffer.concat([head, field, body]);
    const key = mask === true ? randomBytes(4) : mask;
    for (let i = 0; i < body.length; i++) body[i] ^= key[i & 3];
    return Buffer.concat([head, field, key, body]);
}

// `reason`: text, or the bytes themselves.
export function closeFrame(code, reason = '', options = {}) {
    const payload = Buffer.concat([Buffer.alloc(2), Buffer.from(reason)]);
    payload.writeUInt16BE(code);
    return frame(OP.CLOSE, payload, options);
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

// Calls `begin` with a function to be called when it has come; fails after `ms`, when that is given.
export function waitFor(what, ms, begin) {
    return new Promise((resolve, reject) => {
        const timer = ms && setTimeout(() => reject(new Error(`${what} did not come`)), ms);
        begin(() => { clearTimeout(timer); resolve(); });
    });
}

// One end of a connection whose bytes are read frame by frame. `masked`: frames that come must be. With `patienceMs`
// a wait for more bytes fails after so long.
export class RawPeer {
    constructor(socket, masked) {
        this.chunks = [];
        this.length = 0;
        this.ended = false;
        this.socket = socket;
        this.masked = masked;
        socket.setNoDelay(true);
        socket.on('data', (data) => {
            this.chunks.push(data);
            this.length += data.length;
            this.wake?.();
        });
        socket.on('error', () => {});
        for (const event of ['end', 'close'])
            socket.on(event, () => { this.ended = true; this.wake?.(); });
    }

    send(...chunks) {
        for (const chunk of chunks) this.socket.write(chunk);
    }

    async more() {
        if (this.ended) return false;
        await waitFor('more bytes', this.patienceMs, (wake) => { this.wake = wake; });
        this.wake = null;
        return true;
    }

    // All that has come, as one buffer.
    get buffer() {
        if (this.chunks.length !== 1) this.chunks = [Buffer.concat(this.chunks)];
        return this.chunks[0];
    }

    async take(length) {
        while (this.length < length)
            if (!await this.more()) return null;
        const all = this.buffer;
        this.chunks = [all.subarray(length)];
        this.length -= length;
        return all.subarray(0, length);
    }

    // The first line and the headers of a message, or null.
    async readHead() {
        let end;
        while ((end = this.buffer.indexOf('\r\n\r\n')) < 0)
            if (!await this.more()) return null;
        const [line, ...lines] = (await this.take(end + 4)).toString('latin1').trimEnd().split('\r\n');
        const headers = Object.fromEntries(lines.map((one) => {
            const colon = one.indexOf(':');
            return [one.slice(0, colon).toLowerCase(), one.slice(colon + 1).trim()];
        }));
        return { line, lines, headers };
    }

    // { fin, rsv, opcode, payload }, or null at the end.
    async readFrame() {
        const head = await this.take(2);
        if (head === null) return null;
        let length = head[1] & 0x7f;
        if (head[1] >> 7 !== Number(this.masked))
            throw new Error(`a ${this.masked ? 'client must' : 'server must not'} mask (RFC 6455 section 5.1)`);
        if (length === 126) length = (await this.take(2))?.readUInt16BE();
        else if (length === 127) length = Number((await this.take(8))?.readBigUInt64BE());
        this.mask = this.masked ? await this.take(4) : null;
        const payload = await this.take(length);
        if (payload === null) return null;
        if (this.masked)
            for (let i = 0; i < payload.length; i++) payload[i] ^= this.mask[i & 3];
        return { fin: head[0] >> 7 === 1, rsv: head[0] >> 4 & 7, opcode: head[0] & 15, payload };
    }

    // The code of the close frame that comes next; 1005 for an empty one.
    async readClose() {
        const got = await this.readFrame();
        if (got === null || got.opcode !== OP.CLOSE) return got;
        return got.payload.length === 0 ? 1005 : got.payload.readUInt16BE();
    }

    // True when nothing but the end came.
    async readEnd() {
        while (await this.more());
        return this.length === 0;
    }

    destroy() {
        this.socket.destroy();
    }
}

export class RawClient extends RawPeer {
    static async connect(port) {
        const socket = net.connect(port, '127.0.0.1');
        const client = new RawClient(socket, false);
        await once(socket, 'connect');
        return client;
    }

    // Connected and upgraded.
    static async open(port, lines = {}) {
        const client = await RawClient.connect(port);
        client.send(request(lines));
        client.response = await client.readResponse();
        return client;
    }

    async readResponse() {
        const head = await this.readHead();
        if (head === null) return null;
        const body = await this.take(Number(head.headers['content-length'] ?? 0));
        return { status: Number(head.line.split(' ')[1]), headers: head.headers, body: body?.toString() };
    }
}
