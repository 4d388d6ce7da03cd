/* SPDX-License-Identifier: Apache-2.0 */
/* Find - one grant of this node by what people call it. See find.h. */
#include "cgdeleg/node/find.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/privilege.h"
#include "base/text.h"

enum match { MATCH_NONE, MATCH_BEGINNING, MATCH_NAME, MATCH_ID, MATCH_PATH };

static unsigned match_name(const char *name, const char *word, unsigned whole)
{
	if (!name || !name[0] || strncmp(name, word, strlen(word)) != 0)
		return MATCH_NONE;
	return name[strlen(word)] == '\0' ? whole : MATCH_BEGINNING;
}

static unsigned max_of(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

unsigned grant_match(const struct grant *grant, const char *word)
{
	static const char mount[] = "/sys/fs/cgroup/";
	const struct attribute *a = &grant->attribute;
	char joined[1024];
	unsigned best;

	if (!word[0])
		return MATCH_NONE;
	if (word[0] == '/')
		return strcmp(grant->path, strncmp(word, mount, strlen(mount)) == 0 ? word + strlen(mount) - 1 : word) == 0
			       ? MATCH_PATH
			       : MATCH_NONE;
	if (!a->present)
		return MATCH_NONE;
	best = max_of(match_name(a->id, word, MATCH_ID),
		      max_of(match_name(a->pod, word, MATCH_NAME), match_name(a->name, word, MATCH_NAME)));
	if (a->namespace[0] && strchr(word, '/')) {
		(void)snprintf(joined, sizeof(joined), "%s/%s", a->namespace, a->pod);
		best = max_of(best, match_name(joined, word, MATCH_NAME));
		(void)snprintf(joined, sizeof(joined), "%s/%s/%s", a->namespace, a->pod, a->name);
		best = max_of(best, match_name(joined, word, MATCH_NAME));
	}
	return best;
}

struct search {
	const char *word;
	unsigned best;
	size_t n;	 /* grants that match as well as `found` */
	char names[400]; /* of the first of them */
	struct found *found;
};

/* "ID (NAMESPACE/POD/NAME)", for the sentence. */
static void add_name(struct search *search, const struct grant *grant)
{
	const size_t used = strlen(search->names);
	const struct attribute *a = &grant->attribute;
	const char *parts[] = { a->namespace, a->pod, a->name };
	char text[160] = "", shown[192];
	size_t len = 0;

	if (search->n > 4)
		return;
	for (size_t i = 0; a->present && i < ELEMENTS(parts) && len < sizeof(text); i++)
		if (parts[i] && parts[i][0])
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len > 0 ? "/" : "", parts[i]);
	(void)snprintf(search->names + used, sizeof(search->names) - used, "%s%.64s%s%s%s", used > 0 ? ", " : "",
		       a->present ? a->id : grant->path, len > 0 ? " (" : "", text_escape(text, shown, sizeof(shown)),
		       len > 0 ? ")" : "");
}

static int take(struct search *search, struct grant *grant, int fd, struct err *err)
{
	struct found *found = search->found;

	found_done(found);
	found->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (found->fd < 0)
		return err_set_errno(err, errno, "cannot keep a cgroup open");
	found->path = strdup(grant->path);
	if (!found->path)
		return err_set(err, ENOMEM, "out of memory");
	found->id = grant->id;
	found->uid = grant->uid;
	found->gid = grant->gid;
	found->fault = grant->fault;
	found->attribute = grant->attribute;
	grant->attribute = (struct attribute) { 0 };
	return 0;
}

static int visit(struct grant *grant, int fd, void *userdata, struct err *err)
{
	struct search *search = userdata;
	const unsigned match = grant_match(grant, search->word);

	if (match == MATCH_NONE || match < search->best)
		return 0;
	if (match > search->best) {
		search->best = match;
		search->n = 0;
		search->names[0] = '\0';
	}
	search->n++;
	add_name(search, grant);
	return search->n == 1 ? take(search, grant, fd, err) : 0;
}

int grant_find(const struct host *host, const char *word, struct found *ret, struct err *err)
{
	struct search search = { .word = word, .found = ret };
	struct grants_seen seen = { 0 };
	char shown[256];
	int r;

	*ret = (struct found)FOUND_NONE;
	if (!privilege_has(CAP_SYS_ADMIN))
		return err_set(err, EPERM, "only CAP_SYS_ADMIN can see which cgroups are delegated; run it as root");
	r = grants_walk(host, visit, &search, &seen, err);
	(void)text_escape(word, shown, sizeof(shown));
	if (r >= 0 && search.n == 0)
		r = err_set(err, ENOENT,
			    "none of the %zu delegated cgroups of this node has the id, pod or container name '%s'; cgdeleg list shows them",
			    seen.n_grants, shown);
	if (r >= 0 && search.n > 1)
		r = err_set(err, EEXIST, "'%s' fits %zu delegated cgroups: %s%s; name one of them by its id", shown,
			    search.n, search.names, search.n > 4 ? " and others" : "");
	if (r < 0)
		found_done(ret);
	return r;
}

void found_done(struct found *found)
{
	found->fd = close_fd(found->fd);
	free(found->path);
	found->path = NULL;
	attribute_done(&found->attribute);
}
