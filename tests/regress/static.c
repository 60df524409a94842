/* SPDX-License-Identifier: BSD-2-Clause */
/* Linked statically: must never run under the library. */
int
main(void)
{
	return 5;
}
