// Socket.IO 5 in single packets over an Engine.IO WebSocket.
import assert from 'node:assert/strict';
import { EioSocket, SIO_PATH } from './eio_client.mjs';

export const placeholder = (num) => ({ _placeholder: true, num });

// The header of a packet with `count` attachments, `json` being the rest of it.
export const binary = (type, count, json, { nsp = '', id = '' } = {}) =>
    `4${type}${count}-${nsp}${id}${JSON.stringify(json)}`;

export const openSio = (server, how = {}) => EioSocket.open(server, { path: SIO_PATH, ...how });

// Connects a namespace, '' for the main one. Returns the sid, its `auth` event read as well.
export async function join(socket, nsp = '', auth) {
    const prefix = nsp === '' ? '' : `${nsp},`;
    socket.send(`40${prefix}${auth === undefined ? '' : JSON.stringify(auth)}`);
    const answer = await socket.next();
    assert.ok(answer?.startsWith(`40${prefix}{`), answer);
    const { sid, ...more } = JSON.parse(answer.slice(2 + prefix.length));
    assert.deepEqual(more, {});
    assert.match(sid, /^[A-Za-z0-9_-]{20,}$/);
    assert.equal(await socket.next(), `42${prefix}["auth",${JSON.stringify(auth ?? {})}]`);
    return sid;
}

export async function connect(server, nsp, auth) {
    const socket = await openSio(server);
    await join(socket, nsp, auth);
    return socket;
}

let acks = 0;
export function assertAlive(socket, nsp = '') {
    const id = ++acks;
    const prefix = nsp === '' ? '' : `${nsp},`;
    return socket.assertAnswer(`42${prefix}${id}["message-with-ack","alive"]`, `43${prefix}${id}["alive"]`);
}
