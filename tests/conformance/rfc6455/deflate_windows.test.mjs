// RFC 7692 section 7.1: every combination of the four parameters, with messages that need the windows agreed on and
// are inflated with no more than those.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { OP } from '../ws_raw.mjs';
import { closeCleanly, forBothRoles } from './roles.mjs';

const BITS = [8, 9, 10, 11, 12, 13, 14, 15];
const noise = randomBytes(2 ** 15);
const end = randomBytes(100);

// It repeats itself just inside a window of these bits and just outside: an encoder with too large a window refers to
// what its reader has forgotten, and one that uses what it may makes it shorter.
function probe(bits) {
    const near = noise.subarray(0, 40);
    const far = noise.subarray(100, 140);
    const filler = noise.subarray(200, 200 + 2 ** bits - 400);
    return Buffer.concat([near, far, filler, near, far, filler.subarray(0, 400), near, far, end]);
}

async function exchange(peer, frame, message) {
    peer.send(frame(OP.BINARY, peer.codec.squeeze(message), { rsv: 4 }));
    const got = await peer.readFrame();
    assert.deepEqual([got.fin, got.opcode], [true, OP.BINARY]);
    assert.ok(peer.codec.open(got).equals(message), 'the echo differs');
    return got;
}

// What a server has to answer with.
function expectAnswer(offer, answer) {
    assert.equal(answer.server_no_context_takeover, offer.server_no_context_takeover);
    assert.equal(answer.client_no_context_takeover, offer.client_no_context_takeover);
    const bits = offer.server_max_window_bits;
    assert.equal(answer.server_max_window_bits, bits === undefined ? undefined : String(bits));
    // Without a value, with 15 or with 8, which our zlib has no use for, the client may keep to what it likes.
    const client = offer.client_max_window_bits;
    assert.equal(answer.client_max_window_bits, client >= 9 && client < 15 ? String(client) : undefined);
}

async function check(role, params) {
    const peer = await role.open({ deflate: params });
    if (role.name === 'server') expectAnswer(params, peer.params);
    const { ours, theirs } = peer.codec;
    for (const bits of new Set([ours.bits, theirs.bits]))
        await exchange(peer, role.frame, probe(Math.max(bits, 9)));
    const again = Buffer.concat([end.subarray(0, 40), Buffer.from('again')]);
    const got = await exchange(peer, role.frame, again);
    // 40 bytes of noise do not compress, unless a window kept them.
    assert.equal(got.payload.length < 40, theirs.takeover);
    const empty = await exchange(peer, role.frame, Buffer.alloc(0));
    assert.deepEqual([...empty.payload], empty.rsv === 4 ? [0] : []); // section 7.2.3.6
    await closeCleanly(role, peer);
}

const describeParams = (params) => Object.entries(params).filter(([, value]) => value !== undefined)
    .map(([name, value]) => value === true ? name : `${name}=${value}`).join('; ') || 'no parameters';

forBothRoles({}, (role, named) => {
    // zlib's raw window has at least 9 bits: the server declines an offer of 8 for itself, and the client refuses an
    // answer of 8 for itself (deflate_offers.test.mjs).
    const own = [undefined, ...BITS.slice(1)];
    const server = role.name === 'server' ? own : [undefined, ...BITS];
    const client = role.name === 'server' ? [undefined, true, ...BITS] : own;
    for (const server_no_context_takeover of [undefined, true])
        for (const client_no_context_takeover of [undefined, true])
            for (const server_max_window_bits of server)
                for (const client_max_window_bits of client) {
                    const params = { server_no_context_takeover, client_no_context_takeover,
                        server_max_window_bits, client_max_window_bits };
                    test(named(`RFC 7692 7.1: ${describeParams(params)}`), () => check(role, params));
                }
});
