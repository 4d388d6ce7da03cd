/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgdeleg-unit - has systemd set resource properties of one unit; cgdeleg-hook and `cgdeleg watch` execute it.
 *
 *     cgdeleg-unit UNIT DEADLINE PROPERTY=VALUE...
 *
 * DEADLINE is in milliseconds of CLOCK_MONOTONIC, so the time to start this program counts too.
 *
 * The hook is static, and libsystemd cannot be linked statically. So this program links it, and runs only where a limit
 * of a unit must really change. The caller makes all words itself, from the policy and the kernel's files. This program
 * refuses again what is none of the known properties, or does not have the property's grammar; it can say nothing else
 * to systemd. It has no capability: systemd requires only that it is root.
 *
 * Exit codes: enum unit_exit, with one sentence on standard error.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "cgdeleg/kernel/systemd.h"
#include "policy/limit-list.h"
#include "version.h"

#define MILLISECONDS_MOST 600000
#define DEVICE_SIZE	  64 /* bytes of "/dev/block/8:16" */
#define SYSTEMD		  "org.freedesktop.systemd1"
/* systemd's private socket, for root: systemctl uses it too, and it needs no bus daemon. */
#define PRIVATE_SOCKET "unix:path=/run/systemd/private"

static const char usage[] = "usage: cgdeleg-unit UNIT DEADLINE PROPERTY=VALUE...\n"
			    "       cgdeleg-unit --help | --version\n";

struct request {
	const char *unit;
	char **words;
	uint64_t end_usec; /* CLOCK_MONOTONIC */
	bool without_recent;
};

static uint64_t left_usec(const struct request *request)
{
	const uint64_t now = (uint64_t)clock_monotonic_us();

	return now < request->end_usec ? request->end_usec - now : 0;
}

static bool read_number(const char *text, uint64_t *ret)
{
	*ret = UINT64_MAX;
	return strcmp(text, "infinity") == 0 || text_to_u64(text, ret) == 0;
}

/* "8:16 1000". systemd takes the device as a path, which udev makes from its numbers. */
static bool read_device(const char *text, char device[DEVICE_SIZE], uint64_t *ret)
{
	const size_t len = strcspn(text, " ");

	if (len == 0 || strspn(text, "0123456789:") != len || !text[len])
		return false;
	return snprintf(device, DEVICE_SIZE, "/dev/block/%.*s", (int)len, text) < DEVICE_SIZE &&
	       read_number(text + len + 1, ret);
}

/* PROPERTY=VALUE, from the closed list and in the grammar of the property. Splits the word. */
static const struct unit_property *read_word(const char *word, const char **ret_value)
{
	const size_t len = strcspn(word, "=");
	const struct unit_property *property = systemd_property(word, len);
	uint64_t set[LIMIT_SET_BITS / 64] = { 0 };
	char device[DEVICE_SIZE];
	bool valid = false;
	uint64_t number;

	if (!property || !word[len])
		return NULL;
	*ret_value = word + len + 1;
	if (property->value == UNIT_NUMBER)
		valid = read_number(*ret_value, &number);
	else if (property->value == UNIT_SET)
		valid = limit_set_parse(*ret_value, set, NULL) == 0;
	else if (property->value == UNIT_DEVICE)
		valid = read_device(*ret_value, device, &number);
	return valid ? property : NULL;
}

static int append_set(sd_bus_message *m, const char *name, const char *text)
{
	uint64_t set[LIMIT_SET_BITS / 64] = { 0 };
	uint8_t bytes[LIMIT_SET_BITS / 8] = { 0 };
	size_t n = 0;
	int r;

	if (limit_set_parse(text, set, NULL) < 0)
		return -EINVAL;
	for (size_t bit = 0; bit < LIMIT_SET_BITS; bit++)
		if (set[bit / 64] >> (bit % 64) & 1) {
			bytes[bit / 8] |= (uint8_t)(1U << (bit % 8));
			n = bit / 8 + 1;
		}
	r = sd_bus_message_open_container(m, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append(m, "s", name);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "ay");
	if (r >= 0)
		r = sd_bus_message_append_array(m, 'y', bytes, n);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_word(sd_bus_message *m, const struct request *request, const char *word)
{
	const char *value;
	const struct unit_property *property = read_word(word, &value);
	char device[DEVICE_SIZE];
	uint64_t number;

	if (!property)
		return -EINVAL;
	if (property->recent && request->without_recent)
		return 0;
	switch (property->value) {
	case UNIT_NUMBER:
		return read_number(value, &number) ? sd_bus_message_append(m, "(sv)", property->name, "t", number)
						   : -EINVAL;
	case UNIT_SET:
		return append_set(m, property->name, value);
	case UNIT_DEVICE:
		return read_device(value, device, &number)
			       ? sd_bus_message_append(m, "(sv)", property->name, "a(st)", 1, device, number)
			       : -EINVAL;
	}
	return -EINVAL;
}

static int compose(sd_bus *bus, const struct request *request, sd_bus_message **ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(bus, &m, SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD ".Manager",
					       "SetUnitProperties");

	if (r >= 0)
		r = sd_bus_message_append(m, "sb", request->unit, true);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	for (char **word = request->words; r >= 0 && *word; word++)
		r = append_word(m, request, *word);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		*ret = TAKE_PTR(m);
	return r;
}

/* Waits for the handshake until the deadline; sd_bus_call() alone would wait as long as libsystemd likes. */
static int wait_ready(sd_bus *bus, const struct request *request)
{
	int r;

	for (;;) {
		r = sd_bus_is_ready(bus);
		if (r != 0)
			return r < 0 ? r : 0;
		r = sd_bus_process(bus, NULL);
		if (r > 0)
			continue;
		if (r == 0 && left_usec(request) == 0)
			r = -ETIMEDOUT;
		if (r == 0)
			r = sd_bus_wait(bus, left_usec(request));
		if (r < 0 && r != -EINTR)
			return r;
	}
}

/* To systemd's private socket, or over the system bus. */
static int connect_bus(const struct request *request, bool private, sd_bus **ret)
{
	_cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
	int r = private ? sd_bus_new(&bus) : sd_bus_open_system(&bus);

	if (r >= 0 && private)
		r = sd_bus_set_address(bus, PRIVATE_SOCKET);
	if (r >= 0 && private)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = wait_ready(bus, request);
	if (r >= 0)
		*ret = TAKE_PTR(bus);
	return r;
}

static int no_answer(struct err *err)
{
	(void)err_set(err, ETIMEDOUT,
		      "systemd did not answer in time; 'systemctl is-system-running' shows whether it answers at all");
	return UNIT_EXIT_TIMEOUT;
}

/* One call. UNIT_EXIT_REFUSED with *ret_unknown: the call has a property that this systemd does not know. */
static int call(sd_bus *bus, const struct request *request, bool *ret_unknown, struct err *err)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = compose(bus, request, &m);

	if (r < 0) {
		(void)err_set(err, -r, "cannot build the D-Bus message for systemd from these words");
		return UNIT_EXIT_USAGE;
	}
	if (left_usec(request) == 0)
		return no_answer(err);
	r = sd_bus_call(bus, m, left_usec(request), &error, NULL);
	if (r >= 0)
		return 0;
	if (r == -ETIMEDOUT || sd_bus_error_has_name(&error, SD_BUS_ERROR_NO_REPLY))
		return no_answer(err);
	*ret_unknown = sd_bus_error_has_name(&error, SD_BUS_ERROR_PROPERTY_READ_ONLY);
	(void)err_set(err, EPERM, "systemd refuses: %s", error.message ? error.message : strerror(-r));
	return UNIT_EXIT_REFUSED;
}

static int run(struct request *request, struct err *err)
{
	_cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
	bool unknown = false;
	int r = -ETIMEDOUT;

	if (left_usec(request) > 0)
		r = connect_bus(request, true, &bus);
	if (r < 0 && r != -ETIMEDOUT)
		r = connect_bus(request, false, &bus);
	if (r == -ETIMEDOUT)
		return no_answer(err);
	if (r < 0) {
		(void)err_set_errno(err, r,
				    "systemd cannot be reached, neither at '/run/systemd/private' nor on the system bus");
		return UNIT_EXIT_NO_BUS;
	}
	r = call(bus, request, &unknown, err);
	if (r == UNIT_EXIT_REFUSED && unknown) {
		request->without_recent = true;
		r = call(bus, request, &unknown, err);
	}
	return r;
}

/* Checks every word before it connects to anybody: a wrong word is the caller's fault. */
static int read_request(int argc, char **argv, struct request *ret, struct err *err)
{
	uint64_t deadline_ms;

	if (argc < 4 || argc > 3 + UNIT_WORDS_MAX)
		return err_set(err, EINVAL,
			       "%d arguments were given; a unit, a deadline and 1 to %d properties are needed",
			       argc > 0 ? argc - 1 : 0, UNIT_WORDS_MAX);
	if (!systemd_unit_is_valid(argv[1]))
		return err_set(err, EINVAL, "'%.200s' is not the name of a unit", argv[1]);
	if (text_to_u64(argv[2], &deadline_ms) < 0 ||
	    deadline_ms > (uint64_t)clock_monotonic_us() / 1000 + MILLISECONDS_MOST)
		return err_set(err, EINVAL,
			       "'%.200s' is not a deadline in milliseconds of CLOCK_MONOTONIC, at most %d from now",
			       argv[2], MILLISECONDS_MOST);
	for (int i = 3; i < argc; i++) {
		const char *value;

		if (!read_word(argv[i], &value))
			return err_set(err, EINVAL,
				       "'%.200s' is not PROPERTY=VALUE with a property and a value that cgdeleg sets",
				       argv[i]);
	}
	ret->unit = argv[1];
	ret->words = argv + 3;
	ret->end_usec = deadline_ms * 1000;
	/* The deadline is checked whenever libsystemd returns; if it does not, this signal ends the process. */
	(void)signal(SIGALRM, SIG_DFL);
	(void)alarm((unsigned)(left_usec(ret) / 1000000 + 1));
	return 0;
}

static int end(int code, const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return code;
	return code;
}

int main(int argc, char **argv)
{
	struct request request = { 0 };
	struct err err = { 0 };
	char line[ERR_TEXT_SIZE + 2];
	int code;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return fputs(usage, stdout) < 0;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("cgdeleg-unit " CGDELEG_VERSION) < 0;
	if (read_request(argc, argv, &request, &err) < 0) {
		(void)fprintf(stderr, "cgdeleg-unit: %s\n%s", err.text, usage);
		return UNIT_EXIT_USAGE;
	}
	if (clearenv() != 0 || syscall(SYS_close_range, 3, ~0U, 0) < 0)
		return end(UNIT_EXIT_USAGE, "cgdeleg-unit: cannot drop the inherited environment and descriptors\n");
	(void)signal(SIGPIPE, SIG_IGN);
	code = run(&request, &err);
	(void)snprintf(line, sizeof(line), "%s\n", err.text);
	return code == 0 ? 0 : end(code, line);
}
