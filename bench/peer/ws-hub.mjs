// What the load is also run against: a hub as it is commonly written, on Node and the `ws` package. A POST is
// broadcast to every open WebSocket as one JSON text frame and answered; nothing is stored and nobody is asked who
// they are. Same paths and the same message object as Confab's v1 streams. Prints its ready line when it listens.
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { WebSocketServer, WebSocket } from 'ws';

const hub = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: true });

function broadcast(text) {
    const bytes = Buffer.from(text);
    for (const client of hub.clients)
        if (client.readyState === WebSocket.OPEN) client.send(bytes, { binary: false });
}

function post(body, response) {
    const { shop_id, message } = JSON.parse(body);
    const text = JSON.stringify({ id: randomUUID(), shop_id, user_id: 'bench-0000', username: 'Bench 0000',
        message, created_at: new Date().toISOString(), updated_at: null, is_edited: false });
    broadcast(text);
    response.writeHead(201, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
    response.end(text);
}

const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => post(Buffer.concat(chunks).toString(), response));
});
server.keepAliveTimeout = 75_000; // as Confab's; by default 5 s, and a poster of a slow rate waits longer
server.on('upgrade', (request, socket, head) =>
    hub.handleUpgrade(request, socket, head, (client) => client.on('error', () => client.terminate())));
server.listen(0, '127.0.0.1', () => console.log(`ws-hub: listening on http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
