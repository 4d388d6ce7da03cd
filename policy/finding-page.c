/* SPDX-License-Identifier: Apache-2.0 */
/* Finding page - the tables as one. See finding-page.h. */
#include "policy/finding-page.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

static const struct finding_pages *const tables[] = { &finding_pages_fault, &finding_pages_policy, &finding_pages_node,
						      &finding_pages_engine };

const struct finding_page *finding_page_next(const struct finding_page *page)
{
	if (!page)
		return tables[0]->pages;
	for (size_t i = 0; i < ELEMENTS(tables); i++)
		if (page == tables[i]->pages + tables[i]->n - 1)
			return i + 1 < ELEMENTS(tables) ? tables[i + 1]->pages : NULL;
	return page + 1;
}

const struct finding_page *finding_page(enum finding_id kind)
{
	const struct finding_page *page = NULL;

	while ((page = finding_page_next(page)) && page->kind != kind)
		;
	return page ? page : tables[0]->pages; /* a test sees to it that each has a page */
}

bool finding_is(const struct finding *finding, enum finding_id kind)
{
	return strcmp(finding->id, finding_page(kind)->id) == 0;
}

const struct finding_page *finding_page_find(const char *id)
{
	const struct finding_page *page = NULL;

	while ((page = finding_page_next(page)) && strcasecmp(page->id, id) != 0)
		;
	return page;
}
