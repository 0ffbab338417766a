/* Invariants of our own, checked in every build. Nothing a peer sends may reach one: peer input is
 * checked with a returned error. A failed assert ends the process through cf_panic, which the
 * program's main installs (the core itself has no way to write or exit). */
#ifndef CF_BASE_ASSERT_H
#define CF_BASE_ASSERT_H

typedef void cf_panic_fn(const char *expression, const char *file, int line);

/* Installs what a failed assert calls; it must not return. NULL: __builtin_trap, the default.
 * Before other threads start. */
void cf_panic_install(cf_panic_fn *panic);
_Noreturn void cf_panic(const char *expression, const char *file, int line);

#define CF_ASSERT(expression) ((expression) ? (void)0 : cf_panic(#expression, __FILE__, __LINE__))

/* The struct that holds `member` at address `ptr`. */
#define CF_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define CF_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#endif
