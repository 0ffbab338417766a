// RFC 7692 sections 5 and 7.1: what permessage-deflate is offered with, and what is answered and believed.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OP, RawClient, request } from '../ws_raw.mjs';
import { ClientRole, ServerRole, answer, closeCleanly, expectEcho, extensionParams, forRole } from './roles.mjs';

forRole(ServerRole, { maxMessage: 65536 }, (role) => {
    async function offer(extensions) {
        const client = await RawClient.connect(role.echo.port);
        client.send(request({ 'Sec-WebSocket-Extensions': extensions }));
        const { status, headers } = await client.readResponse();
        return { client, status, params: extensionParams(headers['sec-websocket-extensions']) };
    }

    const P = 'permessage-deflate';
    const declined = [
        // Section 7: a parameter that is not known, without a good value, or there twice.
        ['7', `${P}; unknown`], ['7', `${P}; unknown=1`], ['7', `${P}; server_max_window_bits=10; unknown`],
        ['7', `${P}; server_no_context_takeover; server_no_context_takeover`],
        ['7', `${P}; client_no_context_takeover; client_no_context_takeover`],
        ['7', `${P}; server_max_window_bits=10; server_max_window_bits=10`],
        ['7', `${P}; client_max_window_bits; client_max_window_bits=10`],
        ['7.1.1.1', `${P}; server_no_context_takeover=1`], ['7.1.1.1', `${P}; server_no_context_takeover=true`],
        ['7.1.1.2', `${P}; client_no_context_takeover=1`], ['7.1.1.2', `${P}; client_no_context_takeover="x"`],
        ['7.1.2.1', `${P}; server_max_window_bits`],
        ...['0', '1', '7', '16', '17', '100', '-9', '+9', '09', '9.0', 'x', '015', '4294967305', '18446744073709551625']
            .map((bits) => ['7.1.2.1', `${P}; server_max_window_bits=${bits}`]),
        ...['0', '7', '16', '08', 'x', '4294967305']
            .map((bits) => ['7.1.2.2', `${P}; client_max_window_bits=${bits}`]),
        // zlib has no raw window of 8 bits: an answer may not promise it.
        ['7.1.2.1', `${P}; server_max_window_bits=8`],
        ['7.1.2.1', `${P}; server_max_window_bits=8; client_max_window_bits`],
        // Another extension, also one of that name but not it.
        ['5', 'x-webkit-deflate-frame'], ['5', 'permessage-bzip2'], ['5', 'permessage-deflate2'], ['5', 'deflate'],
        ['5', `${P}; unknown, ${P}; server_max_window_bits=7`],
    ];
    for (const [clause, text] of declined) {
        test(`RFC 7692 ${clause}: ${text} is declined (server)`, async () => {
            const { client, status, params } = await offer(text);
            assert.deepEqual([status, params], [101, null]);
            client.send(role.frame(OP.TEXT, 'plain'));
            await expectEcho(client, OP.TEXT, 'plain');
            await closeCleanly(role, client);
        });
    }

    const accepted = [
        ['7', P, {}],
        ['7', 'PerMessage-Deflate; Server_No_Context_Takeover', { server_no_context_takeover: true }],
        ['7', `${P} ; server_no_context_takeover ; server_max_window_bits = 9`,
            { server_no_context_takeover: true, server_max_window_bits: '9' }],
        ['7.1.2.1', `${P}; server_max_window_bits="12"`, { server_max_window_bits: '12' }],
        ['7.1.2.1', `${P}; server_max_window_bits=15`, { server_max_window_bits: '15' }],
        // A hint only: the answer need not repeat it.
        ['7.1.2.2', `${P}; client_max_window_bits`, {}],
        ['7.1.2.2', `${P}; client_max_window_bits=15`, {}],
        ['7.1.2.2', `${P}; client_max_window_bits="11"`, { client_max_window_bits: '11' }],
        // The first that can be taken.
        ['5.1', `${P}; server_max_window_bits=8, ${P}; server_max_window_bits=10`, { server_max_window_bits: '10' }],
        ['5.1', `${P}; server_max_window_bits=10, ${P}`, { server_max_window_bits: '10' }],
        ['5.1', `x-other; a=b, ${P}`, {}],
        ['5.1', `${P}; unknown, ${P}; client_no_context_takeover`, { client_no_context_takeover: true }],
        ['5.1', [`${P}; server_max_window_bits=8`, P], {}],
        ['5.1', ['x-other', `${P}; server_no_context_takeover`], { server_no_context_takeover: true }],
    ];
    for (const [clause, text, expected] of accepted) {
        test(`RFC 7692 ${clause}: ${[text].flat().join(' / ')} gets ${JSON.stringify(expected)} (server)`, async () => {
            const { client, status, params } = await offer(text);
            assert.deepEqual([status, params], [101, expected]);
            client.destroy();
        });
    }
});

forRole(ClientRole, { maxMessage: 65536 }, (role) => {
    // `offered`: does the client's request hold permessage-deflate?
    async function answered(extensions, offered = true) {
        const peer = await role.dial(offered);
        peer.send(answer(peer, { 'Sec-WebSocket-Extensions': extensions }));
        return { peer, report: await role.report(peer) };
    }

    const P = 'permessage-deflate';
    const refused = [
        ['5.2', 'x-other'], ['5.2', 'permessage-bzip2'], ['5.2', `${P}, x-other`], ['5.2', `x-other, ${P}`],
        ['5.2', `${P}, ${P}`], ['5.2', [P, P]], ['5.2', [P, 'x-other']], ['5.2', `${P};`], ['5.2', `${P} x`],
        ['7', `${P}; unknown`], ['7', `${P}; unknown=1`],
        ['7', `${P}; server_no_context_takeover; server_no_context_takeover`],
        ['7', `${P}; client_no_context_takeover; client_no_context_takeover`],
        ['7', `${P}; server_max_window_bits=10; server_max_window_bits=10`],
        ['7', `${P}; client_max_window_bits=10; client_max_window_bits=11`],
        ['7.1.1.1', `${P}; server_no_context_takeover=1`], ['7.1.1.2', `${P}; client_no_context_takeover=1`],
        ...['7', '16', '0', '09', 'x', '-9', '4294967305'].flatMap((bits) => [
            ['7.1.2.1', `${P}; server_max_window_bits=${bits}`], ['7.1.2.2', `${P}; client_max_window_bits=${bits}`]]),
        ['7.1.2.1', `${P}; server_max_window_bits`], ['7.1.2.2', `${P}; client_max_window_bits`],
        // We could not compress so.
        ['7.1.2.2', `${P}; client_max_window_bits=8`],
    ];
    for (const [clause, text] of refused) {
        test(`RFC 7692 ${clause}: the answer ${[text].flat().join(' / ')} is refused (client)`, async () => {
            const { peer, report } = await answered(text);
            assert.match(report, /^refused /);
            assert.equal(await peer.readEnd(), true);
            peer.destroy();
        });
    }

    describe('what was not offered', () => {
        for (const text of [P, `${P}; server_no_context_takeover`, `${P}; server_max_window_bits=10`, 'x-other']) {
            test(`RFC 7692 5.2: the answer ${text} without an offer is refused (client)`, async () => {
                const { peer, report } = await answered(text, false);
                assert.match(report, /^refused /);
                peer.destroy();
            });
        }
    });

    const accepted = [
        ['7', P], ['7', 'PERMESSAGE-DEFLATE; SERVER_NO_CONTEXT_TAKEOVER'], ['7', `${P} ;server_max_window_bits = 9`],
        ['7.1.2.1', `${P}; server_max_window_bits="10"`], ['7.1.2.1', `${P}; server_max_window_bits=8`],
        ['7.1.2.2', `${P}; client_max_window_bits="10"`],
    ];
    for (const [clause, text] of accepted) {
        test(`RFC 7692 ${clause}: the answer ${text} is believed (client)`, async () => {
            const { peer, report } = await answered(text);
            assert.equal(report, 'open');
            await closeCleanly(role, peer);
        });
    }

    test('RFC 7692 5.2: an answer without the extension means none (client)', async () => {
        const { peer, report } = await answered(null);
        assert.equal(report, 'open');
        peer.send(role.frame(OP.TEXT, 'x'.repeat(1000)));
        await expectEcho(peer, OP.TEXT, 'x'.repeat(1000));
        peer.send(role.frame(OP.TEXT, '', { rsv: 4 }));
        assert.equal(await peer.readClose(), 1002);
        await role.expectEnd(peer, 1002, 'unclean');
    });
});
