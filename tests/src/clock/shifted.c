/* Loaded before libc: the wall clock of one process is CLOCK_AHEAD seconds ahead (negative: behind); its monotonic clock isn't. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    const char *ahead = getenv("CLOCK_AHEAD");
    if (!failed && clock == CLOCK_REALTIME && ahead) {
        now->tv_sec += atol(ahead);
    }
    return failed;
}
