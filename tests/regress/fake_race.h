/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps of a race that the fake router holds open; see fake_router.c. */
#ifndef REGRESS_FAKE_RACE_H
#define REGRESS_FAKE_RACE_H

enum race_step {
	RACE_OFF,
	RACE_HOLD, /* hold whoever comes next */
	RACE_HELD, /* somebody is there */
	RACE_GO,   /* let it go, and hold the next */
	RACE_ASK,  /* no step: change nothing */
};

#endif /* !REGRESS_FAKE_RACE_H */
