/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgdeleg watch - keeps the ceilings of what is delegated, as a service or once from a timer.
 *
 * The loop is sd-event's: signals, timers and the service manager's watchdog come with it. See cli.h.
 */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/privilege.h"
#include "base/publish.h"
#include "base/text.h"
#include "bpf/guard-load.h"
#include "cgdeleg/cli/cli.h"
#include "cgdeleg/cli/watch-metrics.h"
#include "cgdeleg/grant/audit.h"
#include "cgdeleg/grant/budget.h"
#include "cgdeleg/node/watch-host.h"
#include "cgdeleg/node/watch-sign.h"
#include "cgdeleg/node/watch.h"
#include "cgdeleg/grant/run.h"

#define SECOND UINT64_C(1000000) /* microseconds */

struct service {
	const char *policy, *run, *audit, *helpers, *metrics, *format, *openmetrics, *interval;
	struct watch_metrics exported;
	bool once;
	uint64_t seconds;
	struct host host;
	struct ruleset rules[2]; /* in force, and the one before, which is freed after it */
	size_t current;
	struct watch *watch;
	sd_event *event;
	sd_event_source *events; /* inotify's; NULL: there is none */
	struct err swept;	 /* what the last sweep could not do */
	struct err unpublished;	 /* why the metrics were not written the last time */
	int sign;		 /* by which others see that this watch lives; -EBADF: another has it */
	struct err err;
};

/* journald reads the priority in front; on a terminal a person would. */
static void say(int priority, const char *text)
{
	if (!isatty(STDERR_FILENO))
		fprintf(stderr, "<%d>", priority);
	fprintf(stderr, "cgdeleg: %s\n", text);
}

static int load_guards(int sys_fd, struct err *err)
{
	struct guard_load loaded;

	return guard_load(sys_fd, &loaded, err);
}

/* A broken policy lowers nothing; what was in force stays. False: it is broken, or is not there. */
static bool load_policy(struct service *s)
{
	struct ruleset *next = &s->rules[!s->current];
	struct err err = { 0 };
	char text[600];

	ruleset_done(next);
	memset(next, 0, sizeof(*next));
	if (ruleset_load(s->policy, 0, next, &err) < 0) {
		say(LOG_ERR, err.text);
		return false;
	}
	if (ruleset_is_broken(next)) {
		const struct complaint *c = next->complaints;
		char place[280];

		(void)snprintf(text, sizeof(text), "the policy is broken, so %s: %s: %.300s",
			       s->watch ? "the previous one stays in force" : "the ceilings stay as they were granted",
			       origin_format(&c->origin, place, sizeof(place)), c->text);
		say(LOG_ERR, text);
		return false;
	}
	s->current = !s->current;
	if (s->watch)
		watch_apply_policy(s->watch, next);
	return true;
}

static void put_metrics(void *userdata, FILE *to)
{
	(void)watch_metrics(userdata, to); /* whoever publishes it asks the stream */
}

static void report(struct service *s)
{
	const struct watch_counts *c = watch_counts(s->watch);
	struct err err = { 0 };

	(void)sd_notifyf(
		0,
		"STATUS=%zu delegated cgroups, %llu limits put back, %zu contested, %zu guards missing, %zu without events, %zu unreadable",
		c->grants, (unsigned long long)c->put_back, c->contested, c->guards_missing, c->without_events,
		c->unreadable);
	if (!s->metrics)
		return;
	/* Said once, until another fault or none comes. */
	if (publish_file(s->metrics, 0, put_metrics, &s->exported, &err) < 0 && strcmp(err.text, s->unpublished.text) != 0)
		say(LOG_WARNING, err.text);
	s->unpublished = err;
}

/* A sweep has ended. */
static void sign_sweep(struct service *s)
{
	struct watch_sign sign = { .swept_ms = clock_monotonic_ms(), .interval_seconds = s->seconds };
	struct watch_grant grant = { 0 };

	while (watch_next(s->watch, &grant)) {
		sign.grants++;
		if (grant.verified_seconds > sign.verified_seconds)
			sign.verified_seconds = grant.verified_seconds;
	}
	if (s->sign >= 0)
		(void)watch_sign_write(s->sign, &sign);
}

static int on_event(sd_event_source *source, int fd, uint32_t revents, void *userdata);

/* There may be an inotify instance by now, or none any more. Without one, and where it cannot be waited for, the sweeps do
 * all. */
static void wait_for_events(struct service *s)
{
	const int fd = watch_fd(s->watch);

	if (s->events && fd == sd_event_source_get_io_fd(s->events))
		return;
	s->events = sd_event_source_disable_unref(s->events);
	if (fd >= 0 && sd_event_add_io(s->event, &s->events, fd, EPOLLIN, on_event, s) < 0)
		s->events = NULL;
}

static int on_event(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct service *s = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	watch_events(s->watch);
	wait_for_events(s);
	return 0;
}

/* The kernel tells only of mounts in this namespace; each tick looks too. */
static int on_mounts(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct service *s = userdata;

	(void)source;
	(void)fd;
	(void)revents;
	watch_mounts_changed(s->watch);
	return 0;
}

/* When a timer is late, because a sweep took long or somebody stopped the process, the times that were missed are not made
 * up for, and there is a pause even where each sweep takes longer than the interval. */
static int set_next(sd_event_source *source, uint64_t due, uint64_t period)
{
	const uint64_t now = (uint64_t)clock_monotonic_us();

	return sd_event_source_set_time(source, due + period > now ? due + period : now + SECOND);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct service *s = userdata;

	watch_tick(s->watch);
	return set_next(source, usec, SECOND);
}

static int on_sweep(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct service *s = userdata;
	struct err err = { 0 };

	/* Said once, and not in each sweep. */
	if (watch_sweep(s->watch, &err) < 0 && strcmp(err.text, s->swept.text) != 0)
		say(LOG_ERR, err.text);
	s->swept = err;
	sign_sweep(s);
	wait_for_events(s);
	s->exported.swept_us = clock_realtime_us();
	report(s);
	return set_next(source, usec, s->seconds * SECOND);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	(void)source;
	(void)si;
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_monotonic_us());
	(void)load_policy(userdata);
	report(userdata);
	(void)sd_notify(0, "READY=1");
	return 0;
}

static int add_timer(sd_event *event, uint64_t usec, sd_event_time_handler_t handler, struct service *s)
{
	sd_event_source *source = NULL;
	int r = sd_event_add_time_relative(event, &source, CLOCK_MONOTONIC, usec, 0, handler, s);

	if (r >= 0)
		r = sd_event_source_set_enabled(source, SD_EVENT_ON);
	return r < 0 ? r : sd_event_source_set_floating(source, 1);
}

static int set_up(struct service *s)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	sd_event *event = s->event;
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ELEMENTS(signals); i++)
		(void)sigaddset(&set, signals[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	wait_for_events(s);
	if (watch_host(s->watch)->fd >= 0)
		(void)sd_event_add_io(event, NULL, watch_host(s->watch)->fd, EPOLLPRI, on_mounts, s);
	r = add_timer(event, SECOND, on_tick, s);
	if (r >= 0)
		r = add_timer(event, s->seconds * SECOND, on_sweep, s);
	/* Without a handler a signal ends the loop, with what is given to it as the exit code. */
	for (size_t i = 0; r >= 0 && i < ELEMENTS(signals); i++)
		r = signals[i] == SIGHUP ? sd_event_add_signal(event, NULL, signals[i], on_reload, s)
					 : sd_event_add_signal(event, NULL, signals[i], NULL, NULL);
	return r < 0 ? r : sd_event_set_watchdog(event, 1);
}

static int loop(struct service *s)
{
	struct err err = { 0 };
	int r = sd_event_new(&s->event);

	/* Without it only `cgdeleg doctor` knows less. */
	s->sign = watch_sign_open(&s->host, s->run, &err);
	if (s->sign < 0)
		say(LOG_WARNING, err.text);
	if (r >= 0)
		r = set_up(s);
	if (r >= 0) {
		sign_sweep(s);
		report(s);
		(void)sd_notify(0, "READY=1");
		r = sd_event_loop(s->event);
		(void)sd_notify(0, "STOPPING=1");
	}
	s->events = sd_event_source_disable_unref(s->events);
	s->event = sd_event_unref(s->event);
	s->sign = close_fd(s->sign);
	if (r < 0 && !s->err.text[0])
		(void)err_set_errno(&s->err, r, "cannot go on watching");
	return r;
}

static int run(struct service *s)
{
	struct watch_args args = {
		.host = &s->host, .run = s->run, .audit = s->audit, .load_guards = load_guards, .say = say
	};
	const struct watch_counts *c;
	struct rlimit limit;
	bool has_policy;
	int r;

	if (!privilege_has(CAP_SYS_ADMIN))
		return err_set(&s->err, EPERM, "cgdeleg watch needs the capabilities of root; run it as root");
	/* A descriptor for each delegated cgroup. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	args.once = s->once;
	args.interval_ms = (int64_t)s->seconds * 1000;
	/* Whoever started us may have ignored it: then nobody would get the result of a child. */
	(void)signal(SIGCHLD, SIG_DFL);
	r = host_open("/", &real_machine, &s->host, &s->err);
	if (r < 0)
		return r;
	if (s->helpers)
		s->host.helpers = s->helpers;
	has_policy = load_policy(s);
	args.rules = &s->rules[s->current];
	r = watch_new(&args, &s->watch, &s->err);
	if (r < 0)
		return r;
	s->exported.watch = s->watch;
	s->exported.swept_us = clock_realtime_us();
	if (!s->once)
		return loop(s);
	report(s);
	c = watch_counts(s->watch);
	if (!has_policy)
		return err_set(
			&s->err, EINVAL,
			"the policy is broken, so no granted ceiling was compared with it; cgdeleg check says what is wrong");
	if (c->failed > 0)
		return err_set(&s->err, EIO, "some limits could not be put back");
	if (c->guards_missing > 0)
		return err_set(&s->err, EIO, "some BPF guards could not be attached again");
	if (c->unchecked > 0 || c->unopened > 0)
		return err_set(&s->err, EIO, "some ceilings could not be checked");
	if (c->unreadable > 0)
		return err_set(&s->err, EIO, "the attributes of some delegated cgroups cannot be read");
	if (watch_host(s->watch)->missing[0])
		return err_set(&s->err, EIO, "the host's cgroup2 lacks options that it must have: %s",
			       watch_host(s->watch)->missing);
	return 0;
}

static const struct option_row options[] = {
	{ "--once", NULL, OPTION_SWITCH, offsetof(struct service, once),
	  "put back the limits that are above their ceilings now, and the guards that are gone, then exit" },
	{ "--policy", "DIR", OPTION_TEXT, offsetof(struct service, policy),
	  "the policy's directory (" POLICY_DIRECTORY ")" },
	{ "--run", "DIR", OPTION_TEXT, offsetof(struct service, run),
	  "directory of the table of grants, the same as the hook's --run (" BUDGET_DIRECTORY ")" },
	{ "--audit", "DIR", OPTION_TEXT, offsetof(struct service, audit),
	  "directory of the audit record, the same as the hook's --audit (" AUDIT_DIRECTORY ")" },
	{ "--helpers", "DIR", OPTION_TEXT, offsetof(struct service, helpers),
	  "directory of the programs cgdeleg-unit and cgdeleg-guard, the same as the hook's --helpers" },
	{ "--interval", "SECONDS", OPTION_TEXT, offsetof(struct service, interval),
	  "seconds between two sweeps, which find what inotify does not report (10)" },
	{ "--metrics", "FILE", OPTION_TEXT, offsetof(struct service, metrics),
	  "write metrics to FILE after each sweep; cgdeleg-metrics(7) describes them" },
	{ "--format", "prometheus|openmetrics", OPTION_TEXT, offsetof(struct service, format),
	  "the format of the metrics (prometheus, which is what the node exporter's textfile collector reads)" },
	{ "--openmetrics", "FILE", OPTION_TEXT, offsetof(struct service, openmetrics),
	  "the same as --format openmetrics --metrics FILE" },
};

static int run_watch(int argc, char **argv)
{
	static struct service s = {
		.policy = POLICY_DIRECTORY,
		.run = BUDGET_DIRECTORY,
		.audit = AUDIT_DIRECTORY,
		.interval = "10",
		.host = HOST_CLOSED,
	};
	int r;

	if (!cli_parse(argc, argv, &watch_verb, &s, &r))
		return r;
	if (s.openmetrics && s.metrics)
		return cli_usage(&watch_verb, "use only one of --metrics and --openmetrics");
	if (s.format && !s.metrics)
		return cli_usage(&watch_verb, "--format needs --metrics FILE: watch writes metrics into a file");
	if (text_to_u64(s.interval, &s.seconds) < 0 || s.seconds == 0 || s.seconds > 3600)
		return cli_usage(&watch_verb, "--interval must be a whole number of seconds from 1 to 3600");
	s.exported = (struct watch_metrics) { .host = &s.host, .policy = s.policy, .run = s.run };
	(void)metric_format_find(s.openmetrics ? "openmetrics" : s.format ?: "prometheus", &s.exported.format);
	s.metrics = s.openmetrics ? s.openmetrics : s.metrics;
	r = run(&s);
	if (r < 0)
		fprintf(stderr, "cgdeleg: %s\n", s.err.text);
	watch_metrics_done(&s.exported);
	watch_free(s.watch);
	ruleset_done(&s.rules[0]);
	ruleset_done(&s.rules[1]);
	host_done(&s.host);
	return r < 0 ? EXIT_FAULT : EXIT_OK;
}

const struct verb watch_verb = {
	.name = "watch",
	.run = run_watch,
	.summary = "keep the limits of delegated cgroups within their ceilings",
	.about = "Puts limits of delegated cgroups back to their ceilings as soon as something raises them, and attaches BPF guards again if something has detached them. Runs until it is stopped, as cgdeleg-watch.service does, or once with --once. Needs root. Reloads the policy on SIGHUP.",
	.options = options,
	.n_options = ELEMENTS(options),
};
