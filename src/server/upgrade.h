/* What all WebSocket upgrades have in common: the checks that ask nobody, the refusal, the 101. */
#ifndef CF_SERVER_UPGRADE_H
#define CF_SERVER_UPGRADE_H

#include "server/exchange.h"

/* Switched off (503), another version (426) or no handshake (400); status 0: it is one. */
struct cf_problem cf_upgrade_check(const struct cf_exchange *exchange);
/* No valid token (401), an Origin that is not allowed (403); status 0: neither. */
struct cf_problem cf_upgrade_check_asker(const struct cf_exchange *exchange);
/* 429 */
struct cf_problem cf_upgrade_too_often(cf_ms retry_ms);
/* Answers, counts and logs a refusal. */
void cf_upgrade_refuse(struct cf_exchange *exchange, const struct cf_problem *problem);
/* The same for an error of ours, or of the handshake's extensions. */
void cf_upgrade_fail(struct cf_exchange *exchange, enum cf_error error);
/* Queues the 101, with `protocol` unless it is empty, and sets the line's endpoint up.
 * *out_compressed:
 * the peer takes what was compressed with the full window. Errors for cf_upgrade_fail. */
enum cf_error cf_upgrade_switch(struct cf_exchange *exchange, struct cf_slice protocol,
                                const struct cf_ws_config *config, bool *out_compressed);

#endif
