/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a program can do: what every ratio of the bench is a multiple of. */
int main(void)
{
	return 0;
}
