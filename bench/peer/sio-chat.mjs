// What the conversations are also measured on: a chat as it is commonly written, on Node and `socket.io` with its
// default options. It joins, relays and acks as Confab does, in messages of the same shape; a retry is known by its
// clientMessageId. It stores nothing but ids in memory, and nobody is asked who they are. Prints its ready line when
// it listens.
import http from 'node:http';
import { Server } from 'socket.io';

const server = http.createServer();
const io = new Server(server);
const messageIds = new Map(); // by clientMessageId
const lastSeqs = new Map(); // by conversation
let users = 0;
const room = (conversationId) => `conversation:${conversationId}`;

function createMessage(conversationId, { text, clientMessageId }, userId) {
    const seq = (lastSeqs.get(conversationId) ?? 0) + 1;
    const id = messageIds.size + 1;
    lastSeqs.set(conversationId, seq);
    messageIds.set(clientMessageId, id);
    return { id, conversationId, senderId: userId, senderName: userId, text, clientMessageId,
        createdAt: new Date().toISOString(), seq };
}

io.on('connection', (socket) => {
    const userId = `bench-${String(users++).padStart(4, '0')}`;
    const joined = new Set();
    socket.on('conversation:join', (conversationId, ack) => {
        socket.join(room(conversationId));
        joined.add(conversationId);
        socket.to(room(conversationId)).emit('user:online', userId, conversationId);
        ack({ success: true });
    });
    socket.on('message:send', (conversationId, data, ack) => {
        const existing = messageIds.get(data.clientMessageId);
        if (existing !== undefined) return ack({ success: true, messageId: existing });
        const message = createMessage(conversationId, data, userId);
        io.to(room(conversationId)).emit('message:new', message);
        ack({ success: true, messageId: message.id, message });
    });
    socket.on('disconnect', () => {
        for (const conversationId of joined)
            socket.to(room(conversationId)).emit('user:offline', userId, conversationId);
    });
});
server.listen(0, '127.0.0.1', () => console.log(`sio-chat: listening on http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
