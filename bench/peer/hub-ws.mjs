// The hub on Node and the `ws` package, at its best: a message's frame is made once, by ws's own Sender, and the same
// bytes are written to each receiver. The protocol is in bench/README.md.
import http from 'node:http';
import { Sender, WebSocketServer } from 'ws';

const UNSENT_BYTES_MAX = 16 * 1024 * 1024; // of a receiver that has stopped to read
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
const rooms = new Map(); // by number, the Set of its receivers

function frameOf(data, binary) {
    const options = { fin: true, rsv1: false, opcode: binary ? 2 : 1, mask: false, readOnly: true };
    return Buffer.concat(Sender.frame(data, options));
}

function deliver(socket, frame) {
    if (socket.bufferedAmount > UNSENT_BYTES_MAX) return socket.terminate();
    socket._socket.write(frame);
}

function receive(socket, room) {
    if (!rooms.has(room)) rooms.set(room, new Set());
    const receivers = rooms.get(room).add(socket);
    socket.on('close', () => receivers.delete(socket));
}

function publish(socket, room) {
    socket.on('message', (data, binary) => {
        const frame = frameOf(data, binary);
        for (const receiver of rooms.get(room) ?? []) deliver(receiver, frame);
        deliver(socket, frame);
    });
}

function begin(socket, { pathname, searchParams }) {
    socket.on('error', () => socket.terminate());
    const room = Number(searchParams.get('room'));
    if (pathname === '/sub') receive(socket, room);
    else if (pathname === '/pub') publish(socket, room);
    else if (pathname === '/echo') socket.on('message', (data, binary) => deliver(socket, frameOf(data, binary)));
    else socket.close();
}

const server = http.createServer();
server.on('upgrade', (request, socket, head) => {
    socket.setNoDelay(true);
    const url = new URL(request.url, 'http://localhost');
    sockets.handleUpgrade(request, socket, head, (upgraded) => begin(upgraded, url));
});
server.listen({ port: Number(process.argv[2] ?? process.env.PORT ?? 0), host: '127.0.0.1', backlog: 4096 },
    () => console.log(`hub-ws: listening on 127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
