/* Contracts of the code with itself: checks that stay on in production, and attributes that the
 * compiler enforces.
 *
 * CHECK is for our own bugs and nothing else. What the world does (disk, memory, network) is an
 * `enum status`; what a peer or a client does is an `enum drop` or a verdict. If a byte from
 * outside can make a CHECK fail, that is a bug in the code around it. Any module may include this.
 */
#ifndef VESTRY_CRYPTO_CONTRACT_H
#define VESTRY_CRYPTO_CONTRACT_H

#define MUST_USE __attribute__((warn_unused_result))
#define NORETURN __attribute__((noreturn))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* Prints file, line and condition to stderr and aborts. */
NORETURN void contract_broken(const char *file, int line, const char *condition);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            contract_broken(__FILE__, __LINE__, #condition);                                       \
        }                                                                                          \
    } while (0)

#endif
