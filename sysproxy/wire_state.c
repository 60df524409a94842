/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may say what when.  One table says what a server does with each request
 * in each state; a client may send what that table serves.  Answers and what
 * is no message at all follow rules that need no table.
 */
#include "sysproxy/wire.h"

/* The requests that servers know apart. */
enum row {
	ROW_GREET, /* handshake GUEST or FORK */
	ROW_EXEC,
	ROW_KIND, /* a handshake of another kind */
	ROW_SYSCALL,
	ROW_PREFORK,
	ROW_OTHER,
	NROWS
};

enum ruling {
	SERVE,
	BUSY,
	REFUSE,
	STRANGER, /* says something else than who it is */
	TWICE,    /* says again who it is */
	INEXEC,
	NRULINGS
};

static const struct wire_verdict verdicts[NRULINGS] = {
	[SERVE] = { WIRE_DO_SERVE, WIRE_ERR_NONE },
	[BUSY] = { WIRE_DO_BUSY, WIRE_ERR_NONE },
	[REFUSE] = { WIRE_DO_REFUSE, WIRE_ERR_MALFORMED },
	[STRANGER] = { WIRE_DO_CLOSE, WIRE_ERR_AUTH },
	[TWICE] = { WIRE_DO_CLOSE, WIRE_ERR_MALFORMED },
	[INEXEC] = { WIRE_DO_CLOSE, WIRE_ERR_INEXEC },
};

static const unsigned char rulings[NROWS][WIRE_NSTATES] = {
	/* in state NEW, GREETING, RUNNING, EXECING */
	[ROW_GREET] = { SERVE, STRANGER, TWICE, TWICE },
	[ROW_EXEC] = { STRANGER, STRANGER, SERVE, INEXEC },
	[ROW_KIND] = { STRANGER, STRANGER, TWICE, TWICE },
	[ROW_SYSCALL] = { STRANGER, STRANGER, SERVE, BUSY },
	[ROW_PREFORK] = { STRANGER, STRANGER, SERVE, INEXEC },
	[ROW_OTHER] = { STRANGER, STRANGER, REFUSE, REFUSE },
};

static enum row
row_of(const struct wire_hdr *h)
{
	if (h->wh_class != WIRE_REQ)
		return ROW_OTHER;
	if (h->wh_type == WIRE_SYSCALL)
		return ROW_SYSCALL;
	if (h->wh_type == WIRE_PREFORK)
		return ROW_PREFORK;
	if (h->wh_type != WIRE_HANDSHAKE)
		return ROW_OTHER;
	if (h->wh_u == WIRE_GUEST || h->wh_u == WIRE_FORK)
		return ROW_GREET;
	return h->wh_u == WIRE_EXEC ? ROW_EXEC : ROW_KIND;
}

static bool
is_process(enum wire_state state)
{
	return state == WIRE_RUNNING || state == WIRE_EXECING;
}

struct wire_verdict
wire_server_verdict(enum wire_state state, const struct wire_hdr *h)
{
	static const struct wire_verdict match = { WIRE_DO_MATCH,
		WIRE_ERR_NONE };

	if (h->wh_class == WIRE_RESP && is_process(state))
		return match;
	return verdicts[rulings[row_of(h)][state]];
}

bool
wire_client_may_send(enum wire_state state, const struct wire_hdr *h)
{
	enum wire_do what = wire_server_verdict(state, h).wv_do;

	return what == WIRE_DO_SERVE || what == WIRE_DO_MATCH;
}

static bool
is_server_request(uint16_t type)
{
	return (type >= WIRE_COPYIN && type <= WIRE_ANONMMAP) ||
	       type == WIRE_RAISE;
}

enum wire_take
wire_client_take(enum wire_state state, const struct wire_hdr *h)
{
	bool answered = h->wh_class == WIRE_RESP || h->wh_class == WIRE_ERROR;

	if (state == WIRE_GREETING && answered)
		return WIRE_TAKE_ANSWER;
	if (!is_process(state))
		return WIRE_TAKE_BROKEN;
	if (answered)
		return WIRE_TAKE_ANSWER;
	if (h->wh_class == WIRE_REQ && is_server_request(h->wh_type))
		return WIRE_TAKE_REQUEST;
	return WIRE_TAKE_BROKEN;
}

bool
wire_answers(const struct wire_hdr *answer, enum wire_type type)
{
	if (answer->wh_class == WIRE_ERROR)
		return true;
	if (answer->wh_class != WIRE_RESP)
		return false;
	if (type == WIRE_COPYINSTR && answer->wh_type == WIRE_COPYIN)
		return true;
	return answer->wh_type == type;
}

enum wire_state
wire_state_asked(enum wire_state state, const struct wire_hdr *h)
{
	enum row row = row_of(h);

	if (state == WIRE_NEW && row == ROW_GREET)
		return WIRE_GREETING;
	if (state == WIRE_RUNNING && row == ROW_EXEC)
		return WIRE_EXECING;
	return state;
}

enum wire_state
wire_state_welcomed(enum wire_state state)
{
	if (state == WIRE_GREETING || state == WIRE_EXECING)
		return WIRE_RUNNING;
	return state;
}
