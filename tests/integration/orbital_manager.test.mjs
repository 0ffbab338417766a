// Seed 004's own client, unchanged, with the WebSocket of `ws` in place of the browser's.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { after, before, describe, mock, test } from 'node:test';
import WebSocket from 'ws';
import { makeDir, tokenFor } from './lib.mjs';
import { addMember, createGroup, removeMember, reply, say, startServer, startThread, upload } from './orbital_lib.mjs';
import { people, stopClean, until, within } from './talk_lib.mjs';

globalThis.WebSocket = WebSocket;
// it says what it does
for (const method of ['log', 'warn', 'error']) mock.method(console, method, () => {});

// ---- seed 004, "JavaScript WebSocket Manager", to the letter ----

class OrbitalWebSocketManager {
  constructor(apiUrl, token) {
    this.apiUrl = apiUrl;
    this.token = token;
    this.ws = null;
    this.reconnectAttempts = 0;
    this.maxReconnectAttempts = 10;
    this.reconnectDelays = [1000, 2000, 4000, 8000, 16000, 32000];
    this.subscribedGroups = [];
    this.eventHandlers = {};
  }

  connect() {
    this.ws = new WebSocket(`${this.apiUrl}/ws?token=${this.token}`);

    this.ws.onopen = () => {
      console.log('WebSocket connected');
      this.reconnectAttempts = 0;
      this.resubscribeToGroups();
    };

    this.ws.onmessage = (event) => {
      const message = JSON.parse(event.data);
      this.handleMessage(message);
    };

    this.ws.onclose = (event) => {
      console.log('WebSocket closed', event.code, event.reason);
      this.reconnect();
    };

    this.ws.onerror = (error) => {
      console.error('WebSocket error', error);
    };
  }

  handleMessage(message) {
    const { type, data } = message;

    switch (type) {
      case 'ping':
        this.send({ type: 'pong', data: { client_time: Date.now() } });
        break;

      case 'new_message':
      case 'new_thread':
      case 'new_reply':
      case 'media_uploaded':
      case 'member_joined':
        this.emit(type, data);
        break;

      default:
        console.warn('Unknown message type:', type);
    }
  }

  send(message) {
    if (this.ws && this.ws.readyState === WebSocket.OPEN) {
      this.ws.send(JSON.stringify({
        ...message,
        timestamp: Date.now()
      }));
    }
  }

  subscribe(groupIds) {
    this.subscribedGroups = [...new Set([...this.subscribedGroups, ...groupIds])];
    this.send({
      type: 'subscribe',
      data: { group_ids: groupIds }
    });
  }

  unsubscribe(groupIds) {
    this.subscribedGroups = this.subscribedGroups.filter(
      id => !groupIds.includes(id)
    );
    this.send({
      type: 'unsubscribe',
      data: { group_ids: groupIds }
    });
  }

  resubscribeToGroups() {
    if (this.subscribedGroups.length > 0) {
      this.subscribe(this.subscribedGroups);
    }
  }

  reconnect() {
    if (this.reconnectAttempts >= this.maxReconnectAttempts) {
      console.error('Max reconnection attempts reached');
      this.emit('max_reconnect_attempts');
      return;
    }

    const delay = this.reconnectDelays[
      Math.min(this.reconnectAttempts, this.reconnectDelays.length - 1)
    ];

    console.log(`Reconnecting in ${delay}ms (attempt ${this.reconnectAttempts + 1})`);

    setTimeout(() => {
      this.reconnectAttempts++;
      this.connect();
    }, delay);
  }

  on(event, handler) {
    if (!this.eventHandlers[event]) {
      this.eventHandlers[event] = [];
    }
    this.eventHandlers[event].push(handler);
  }

  emit(event, data) {
    if (this.eventHandlers[event]) {
      this.eventHandlers[event].forEach(handler => handler(data));
    }
  }

  close() {
    if (this.ws) {
      this.ws.close();
    }
  }
}

// ---- end of what the seed says ----

const digest = 'f5e5a9575e65a863cb71997d4c38663d37853e7af81b1b82938e7b39c850733d';
const handled = ['new_message', 'new_thread', 'new_reply', 'media_uploaded', 'member_joined'];

// An app on top of it: keeps what the handlers are given, and, as the seed's onmessage does, the last server_timestamp.
class App extends OrbitalWebSocketManager {
    constructor(server, user) {
        super(`ws://127.0.0.1:${server.port}`, tokenFor(user));
        this.rest = `http://127.0.0.1:${server.port}`;
        this.user = user;
        this.had = [];
        this.frames = [];
        this.lastMessageTimestamp = 0;
        for (const type of handled)
            this.on(type, (data) => { this.had.push({ type, data }); });
    }

    handleMessage(message) {
        this.frames.push(message);
        this.lastMessageTimestamp = message.server_timestamp;
        super.handleMessage(message);
    }

    count(type) { return this.frames.filter((frame) => frame.type === type).length; }

    subscribed(times) { return until(() => this.count('subscribed') >= times, `${this.user} subscribed`); }

    async next() {
        await until(() => this.had.length > 0, `an event to ${this.user}`);
        return this.had.shift();
    }

    // The seed's recoverMissedMessages.
    async recover(since) {
        const response = await fetch(`${this.rest}/v1/messages?since=${since}`, {
            headers: { 'Authorization': `Bearer ${this.token}` }
        });
        const { messages } = await response.json();
        return messages;
    }

    end() {
        this.maxReconnectAttempts = 0;
        this.close();
    }
}

test('the class is the seed\'s, byte by byte', () => {
    const text = OrbitalWebSocketManager.toString();
    assert.equal(createHash('sha256').update(text).digest('hex'), digest);
});

describe('the seed\'s manager', () => {
    let server;
    before(async () => { server = await startServer({ ORBITAL_PING_PERIOD_SECONDS: '1' }); });
    after(async () => { await stopClean(server); });

    function start(context, user, groups) {
        const app = new App(server, user);
        context.after(() => app.end());
        app.connect();
        app.subscribe(groups); // as in the seed's usage: the socket is not open yet
        return app;
    }

    test('connects, subscribes before auth_success was read, and its handlers get every event', async (context) => {
        const [ann, ben, cal] = people('ann', 'ben', 'cal');
        const group = await createGroup(server, ann, [ben]), second = await createGroup(server, ann, [ben]);
        const other = await createGroup(server, ann);
        const app = start(context, ben, [group, second]);
        assert.equal(app.ws.readyState, WebSocket.CONNECTING);
        await app.subscribed(1);
        assert.deepEqual(app.frames.slice(0, 2).map(({ type }) => type), ['auth_success', 'subscribed']);
        assert.deepEqual(app.frames[1].data.group_ids, [group, second]);

        const said = await say(server, ann, group, 'hello');
        assert.deepEqual(await app.next(), { type: 'new_message', data: said });
        const { server_timestamp: threaded, ...thread } = await startThread(server, ann, second);
        assert.deepEqual(await app.next(), { type: 'new_thread', data: thread });
        const { server_timestamp: replied, ...answer } = await reply(server, ben, thread.thread_id, 'a reply');
        assert.deepEqual(await app.next(), { type: 'new_reply', data: answer });
        const { server_timestamp: uploaded, ...media } = await upload(server, ann, thread.thread_id, Buffer.alloc(10));
        assert.deepEqual(await app.next(), { type: 'media_uploaded', data: media });
        const joined = await addMember(server, ann, group, cal);
        assert.deepEqual(await app.next(), { type: 'member_joined', data: joined });

        app.unsubscribe([second]);
        app.subscribe([other]); // not allowed: an error, which the manager does not know, and nothing else
        await until(() => app.count('error') === 1, 'the error');
        await say(server, ann, second, 'not any more');
        await say(server, ann, other, 'never');
        await removeMember(server, ann, group, cal); // a type that the manager does not know
        await until(() => app.count('member_left') === 1, 'the leave');
        const last = await say(server, ann, group, 'last');
        assert.deepEqual(await app.next(), { type: 'new_message', data: last });
        assert.deepEqual(app.had, []);
        assert.equal(app.ws.readyState, WebSocket.OPEN);
        assert.ok(threaded < replied && replied < uploaded);
    });

    test('answers pings by itself, and stays over more than four periods', async (context) => {
        const [ann] = people('ann');
        const group = await createGroup(server, ann);
        const app = start(context, ann, [group]);
        const sent = [];
        await once(app.ws, 'open');
        const send = app.ws.send.bind(app.ws);
        app.ws.send = (text) => { sent.push(JSON.parse(text)); send(text); };
        // who did not answer would be cut off after the fourth period
        await until(() => app.count('ping') >= 6, 'six pings', 30000);
        const pongs = sent.filter(({ type }) => type === 'pong');
        assert.ok(pongs.length >= 5, `${pongs.length}`);
        for (const { data, timestamp } of pongs)
            assert.deepEqual([typeof data.client_time, typeof timestamp], ['number', 'number']);
        assert.equal(app.reconnectAttempts, 0);
        const said = await say(server, ann, group, 'still there');
        assert.deepEqual(await app.next(), { type: 'new_message', data: said });
    });
});

describe('reconnection of the seed\'s manager', () => {
    for (const signal of ['SIGKILL', 'SIGTERM']) {
        test(`the server ends by ${signal}: it comes back with its whole set, and recovers by since`, async (context) => {
            const dir = makeDir();
            let server = await startServer({}, { dir });
            const port = server.port;
            context.after(() => { server.child.kill('SIGKILL'); rmSync(dir, { recursive: true, force: true }); });
            const [ann, ben] = people('ann', 'ben');
            const groups = [];
            for (let i = 0; i < 3; i++) groups.push(await createGroup(server, ann, [ben]));
            const app = new App(server, ben);
            context.after(() => app.end());
            app.connect();
            app.subscribe(groups.slice(0, 2));
            await app.subscribed(1);
            app.subscribe([groups[2]]);
            await app.subscribed(2);
            const seen = await say(server, ann, groups[1], 'seen');
            await app.next();
            const cursor = app.lastMessageTimestamp;
            assert.equal(cursor, seen.server_timestamp);

            const { ws } = app;
            const closed = once(ws, 'close');
            server.child.kill(signal);
            const [code] = await within(closed, 'the close');
            assert.equal(code, signal === 'SIGKILL' ? 1006 : 1001);
            await server.closed;
            // for a while at an address that the manager does not know, so that it misses what is said
            server = await startServer({}, { dir });
            const missed = [];
            for (let i = 0; i < 10; i++) missed.push(await say(server, ann, groups[i % 3], `missed ${i}`));
            server.child.kill('SIGTERM');
            await server.closed;
            server = await startServer({ CONFAB_LISTEN: `127.0.0.1:${port}` }, { dir });
            await app.subscribed(3);
            assert.notEqual(app.ws, ws);
            assert.equal(app.reconnectAttempts, 0, 'reset by onopen');
            assert.deepEqual(app.frames.at(-1).data.group_ids, groups);
            assert.deepEqual(app.had, []);
            assert.deepEqual(await app.recover(cursor), [seen, ...missed]);
            const live = await say(server, ann, groups[0], 'live');
            assert.deepEqual(await app.next(), { type: 'new_message', data: live });
            assert.deepEqual(await app.recover(app.lastMessageTimestamp), [live]);
            app.end();
            await stopClean(server);
        });
    }
});
