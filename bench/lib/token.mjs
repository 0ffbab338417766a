// A user's token, as somebody's identity provider would sign it.
import { createHmac } from 'node:crypto';

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function tokenOf(user, secret) {
    const claims = { user_id: user, username: user, exp: Math.floor(Date.now() / 1000) + 86400 };
    const text = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url(claims)}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}
