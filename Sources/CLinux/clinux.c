#include "CLinux.h"

#include <signal.h>
#include <string.h>
#include <termios.h>

/* The terminal as it was, for a death that nobody foresaw. Read by a signal handler: set before the descriptor is. */
static struct termios guarded_modes;
static char guarded_bytes[64];
static unsigned guarded_length;
static volatile sig_atomic_t guarded = -1;
static char guard_stack[16384];

static const int fatal_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT, SIGSYS };

/* Only what is async-signal-safe (signal-safety(7)). The action was reset when the handler was entered: the signal's second coming ends
   the process as it would have. */
static void restore_and_die(int number)
{
	int terminal = guarded;

	if (terminal >= 0) {
		guarded = -1;
		for (unsigned at = 0, turns = 0; at < guarded_length && turns < 20; turns++) {
			ssize_t sent = write(terminal, guarded_bytes + at, guarded_length - at);
			if (sent > 0) {
				at += (unsigned)sent;
			} else {
				struct pollfd room = { .fd = terminal, .events = POLLOUT };
				poll(&room, 1, 50);
			}
		}
		tcsetattr(terminal, TCSANOW, &guarded_modes);
	}
	raise(number);
}

void iq_guard_terminal(int terminal, const void *modes, const unsigned char *bytes, unsigned length)
{
	stack_t stack = { .ss_sp = guard_stack, .ss_size = sizeof(guard_stack) };
	struct sigaction action = { .sa_handler = restore_and_die, .sa_flags = SA_RESETHAND | SA_NODEFER | SA_ONSTACK };

	memcpy(&guarded_modes, modes, sizeof(guarded_modes));
	guarded_length = length < sizeof(guarded_bytes) ? length : sizeof(guarded_bytes);
	memcpy(guarded_bytes, bytes, guarded_length);
	guarded = terminal;
	sigaltstack(&stack, NULL);
	for (unsigned index = 0; index < sizeof(fatal_signals) / sizeof(fatal_signals[0]); index++)
		sigaction(fatal_signals[index], &action, NULL);
}

void iq_unguard_terminal(void)
{
	guarded = -1;
	for (unsigned index = 0; index < sizeof(fatal_signals) / sizeof(fatal_signals[0]); index++)
		signal(fatal_signals[index], SIG_DFL);
}
