// permessage-deflate as the raw peer speaks it: Node's zlib at exactly the window that was agreed on. What came
// before is handed to zlib as a dictionary, which is what a kept window is.
import zlib from 'node:zlib';

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const SYNC = zlib.constants.Z_SYNC_FLUSH;

// So small that zlib meets every distance through its window, and refuses one that is too far back.
const STRICT_CHUNK = 64;

export function squeeze(data, options = {}) {
    const bytes = zlib.deflateRawSync(data, { level: 6, ...options, finishFlush: SYNC });
    return bytes.subarray(0, -4);
}

export function inflate(payload, options = {}) {
    return zlib.inflateRawSync(Buffer.concat([payload, TAIL]), { ...options, finishFlush: SYNC });
}

class Side {
    constructor(bits, takeover) {
        this.bits = bits;
        this.takeover = takeover;
        this.past = Buffer.alloc(0);
    }

    options(more) {
        const options = { windowBits: this.bits, ...more };
        if (this.takeover && this.past.length > 0) options.dictionary = this.past;
        return options;
    }

    remember(message) {
        if (this.takeover) this.past = Buffer.concat([this.past, message]).subarray(-(2 ** this.bits));
    }
}

export class Codec {
    // `own`: which side we are; `params`: what was agreed on (RFC 7692 section 7.1).
    constructor(own, params) {
        const side = (name) => new Side(Number(params[`${name}_max_window_bits`] ?? 15),
            params[`${name}_no_context_takeover`] === undefined);
        this.ours = side(own);
        this.theirs = side(own === 'client' ? 'server' : 'client');
    }

    // The payload of a compressed message.
    squeeze(message, options = {}) {
        const data = Buffer.from(message);
        const payload = squeeze(data, this.ours.options(options));
        this.ours.remember(data);
        return payload;
    }

    // The message of a frame that came.
    open({ rsv, payload }) {
        const strict = payload.length < 200000 ? { chunkSize: STRICT_CHUNK } : {};
        const message = rsv === 4 ? inflate(payload, this.theirs.options(strict)) : payload;
        if (rsv === 4) this.theirs.remember(message);
        return message;
    }
}
