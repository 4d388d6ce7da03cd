/* SPDX-License-Identifier: Apache-2.0 */
/* Manifest - YAML and JSON as trees of nodes. See manifest.h. */
#include "cgdeleg/cli/manifest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include <yyjson.h>

#include "base/cleanup.h"
#include "base/json.h"

struct anchor {
	const char *name;
	const struct node *node;
};

/* A mapping or list that is not at its end yet. */
struct open_node {
	struct node *node, *last;
	const char *key; /* of a mapping: read, and its value is not */
	unsigned key_line, key_column;
	bool has_key;
};

struct reader {
	const char *name;
	struct arena *arena;
	struct err *err;
	size_t n_nodes, n_anchors, depth;
	struct anchor anchors[MANIFEST_ANCHORS_MAX];
	struct open_node open[MANIFEST_DEPTH_MAX + 1];
	const struct node **sorted; /* room to compare the keys of a mapping */
	size_t sorted_size;
};

static int blame(struct reader *r, unsigned line, unsigned column, const char *fmt, ...) _printf_(4, 5);
static int blame(struct reader *r, unsigned line, unsigned column, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	if (line == 0)
		return err_set(r->err, EINVAL, "%s: %s", r->name, text);
	return err_set(r->err, EINVAL, "%s:%u:%u: %s", r->name, line, column, text);
}

static int no_memory(struct reader *r)
{
	return err_set(r->err, ENOMEM, "%s: out of memory", r->name);
}

/* NULL, and said why. */
static struct node *make(struct reader *r, enum node_kind kind, unsigned line, unsigned column)
{
	struct node *node = NULL;

	if (++r->n_nodes > MANIFEST_NODES_MAX) {
		(void)blame(r, line, column, "more than %d values; split the file", MANIFEST_NODES_MAX);
		return NULL;
	}
	node = arena_alloc(r->arena, sizeof(*node));
	if (!node) {
		(void)no_memory(r);
		return NULL;
	}
	*node = (struct node) { .kind = kind, .line = line, .column = column };
	return node;
}

/* Into the mapping or list that is open. */
static void append(struct reader *r, struct node *node)
{
	struct open_node *open = &r->open[r->depth];

	node->key = open->key;
	open->has_key = false;
	open->key = NULL;
	if (open->last)
		open->last->next = node;
	else if (open->node)
		open->node->first = node;
	open->last = node;
}

static int enter(struct reader *r, struct node *node)
{
	if (r->depth == MANIFEST_DEPTH_MAX)
		return blame(r, node->line, node->column, "more than %d mappings and lists are in each other",
			     MANIFEST_DEPTH_MAX);
	r->open[++r->depth] = (struct open_node) { .node = node };
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;
	const int order = strcmp((*x)->key, (*y)->key);

	return order ? order : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

/* Sorted, because a hostile mapping may have very many keys. */
static int check_twice(struct reader *r, const struct node *map)
{
	size_t n = 0;

	for (const struct node *entry = map->first; entry; entry = entry->next) {
		if (n == r->sorted_size) {
			const size_t size = n ? 2 * n : 64;
			const struct node **more = reallocarray(r->sorted, size, sizeof(struct node *));

			if (!more)
				return no_memory(r);
			r->sorted = more;
			r->sorted_size = size;
		}
		r->sorted[n++] = entry;
	}
	if (n > 1)
		qsort(r->sorted, n, sizeof(struct node *), by_key);
	for (size_t i = 1; i < n; i++)
		if (strcmp(r->sorted[i - 1]->key, r->sorted[i]->key) == 0)
			return blame(r, r->sorted[i]->line, r->sorted[i]->column,
				     "'%.60s' is here twice in one mapping", r->sorted[i]->key);
	return 0;
}

static int leave(struct reader *r)
{
	const struct node *node = r->open[r->depth--].node;

	return node && node->kind == NODE_MAP ? check_twice(r, node) : 0;
}

static enum node_kind kind_of_plain(const char *text)
{
	char *end;

	if (node_is_null_word(text))
		return NODE_NULL;
	if (node_is_bool_word(text, true) || node_is_bool_word(text, false))
		return NODE_BOOL;
	if (!strchr("0123456789+-.", text[0]))
		return NODE_STRING;
	(void)strtod(text, &end);
	return *end ? NODE_STRING : NODE_NUMBER;
}

static int take_anchor(struct reader *r, const char *name, const struct node *node)
{
	char *copy;

	if (!name)
		return 0;
	if (r->n_anchors == MANIFEST_ANCHORS_MAX)
		return blame(r, node->line, node->column, "more than %d anchors", MANIFEST_ANCHORS_MAX);
	copy = arena_strdup(r->arena, name);
	if (!copy)
		return no_memory(r);
	r->anchors[r->n_anchors++] = (struct anchor) { copy, node };
	return 0;
}

/* In a mapping every other node is a key. */
static bool wants_key(const struct reader *r)
{
	const struct open_node *open = &r->open[r->depth];

	return open->node && open->node->kind == NODE_MAP && !open->has_key;
}

static int take_scalar(struct reader *r, const yaml_event_t *event)
{
	const unsigned line = (unsigned)event->start_mark.line + 1, column = (unsigned)event->start_mark.column + 1;
	const char *text = (const char *)event->data.scalar.value;
	const bool plain = event->data.scalar.plain_implicit && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct open_node *open = &r->open[r->depth];
	struct node *node;
	char *copy;

	if (strlen(text) != event->data.scalar.length)
		return blame(r, line, column, "a NUL in a text");
	copy = arena_strndup(r->arena, text, event->data.scalar.length);
	if (!copy)
		return no_memory(r);
	if (wants_key(r)) {
		open->key = copy;
		open->has_key = true;
		return 0;
	}
	node = make(r, plain ? kind_of_plain(copy) : NODE_STRING, line, column);
	if (!node)
		return -r->err->code;
	node->text = copy;
	append(r, node);
	return take_anchor(r, (const char *)event->data.scalar.anchor, node);
}

static int take_start(struct reader *r, enum node_kind kind, const yaml_event_t *event, const yaml_char_t *anchor)
{
	const unsigned line = (unsigned)event->start_mark.line + 1, column = (unsigned)event->start_mark.column + 1;
	struct node *node;
	int code;

	if (wants_key(r))
		return blame(r, line, column, "a key that is a mapping or a list; Kubernetes has none");
	node = make(r, kind, line, column);
	if (!node)
		return -r->err->code;
	append(r, node);
	code = take_anchor(r, (const char *)anchor, node);
	return code < 0 ? code : enter(r, node);
}

/* The newest anchor of that name; what is below it is shared. */
static int take_alias(struct reader *r, const yaml_event_t *event)
{
	const unsigned line = (unsigned)event->start_mark.line + 1, column = (unsigned)event->start_mark.column + 1;
	const char *name = (const char *)event->data.alias.anchor;
	struct node *node;
	size_t i = r->n_anchors;

	while (i > 0 && strcmp(r->anchors[i - 1].name, name) != 0)
		i--;
	if (i == 0)
		return blame(r, line, column, "there is no anchor '&%.60s' before this", name);
	for (size_t k = 0; k <= r->depth; k++)
		if (r->open[k].node == r->anchors[i - 1].node)
			return blame(r, line, column, "'*%.60s' is inside of what '&%.60s' names", name, name);
	if (wants_key(r))
		return blame(r, line, column, "an alias as a key; Kubernetes has none");
	node = make(r, r->anchors[i - 1].node->kind, line, column);
	if (!node)
		return -r->err->code;
	node->text = r->anchors[i - 1].node->text;
	node->first = r->anchors[i - 1].node->first;
	append(r, node);
	return 0;
}

/* An anchor counts for its document. */
static int take_event(struct reader *r, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		r->n_anchors = 0;
		return 0;
	case YAML_SCALAR_EVENT:
		return take_scalar(r, event);
	case YAML_ALIAS_EVENT:
		return take_alias(r, event);
	case YAML_MAPPING_START_EVENT:
		return take_start(r, NODE_MAP, event, event->data.mapping_start.anchor);
	case YAML_SEQUENCE_START_EVENT:
		return take_start(r, NODE_LIST, event, event->data.sequence_start.anchor);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return leave(r);
	default:
		return 0;
	}
}

/* libyaml's words, and what they mean where the cause is a frequent one. */
static int blame_parser(struct reader *r, const yaml_parser_t *parser, const char *text, size_t len)
{
	const char *problem = parser->problem ? parser->problem : "it is not YAML";
	const yaml_mark_t *mark = &parser->problem_mark;
	unsigned line = (unsigned)mark->line + 1, column = (unsigned)mark->column + 1;

	if (parser->error == YAML_MEMORY_ERROR)
		return no_memory(r);
	if (parser->error == YAML_READER_ERROR) {
		line = column = 1;
		for (size_t i = 0; i < parser->problem_offset && i < len; i++) {
			line += text[i] == '\n';
			column = text[i] == '\n' ? 1 : column + 1;
		}
		return blame(r, line, column, "%s: the file is no text in UTF-8", problem);
	}
	if (mark->index < len && text[mark->index] == '\t')
		return blame(r, line, column, "a tab: YAML is indented with blanks");
	return blame(r, line, column, "%s%s%s", problem, parser->context ? ", " : "",
		     parser->context ? parser->context : "");
}

static int read_yaml(struct reader *r, const char *text, size_t len)
{
	yaml_parser_t parser;
	bool end = false;
	int code = 0;

	if (!yaml_parser_initialize(&parser))
		return no_memory(r);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (code >= 0 && !end) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			code = blame_parser(r, &parser, text, len);
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		code = take_event(r, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return code;
}

static int take_json(struct reader *r, yyjson_val *value);

static int take_json_children(struct reader *r, yyjson_val *value)
{
	yyjson_val *key, *child;
	size_t i, n;
	int code = 0;

	if (yyjson_is_arr(value)) {
		yyjson_arr_foreach(value, i, n, child)
		{
			code = take_json(r, child);
			if (code < 0)
				return code;
		}
		return leave(r);
	}
	yyjson_obj_foreach(value, i, n, key, child)
	{
		r->open[r->depth].key = arena_strdup(r->arena, yyjson_get_str(key));
		code = r->open[r->depth].key ? take_json(r, child) : no_memory(r);
		if (code < 0)
			return code;
	}
	return leave(r);
}

static int take_json(struct reader *r, yyjson_val *value)
{
	const enum node_kind kind = yyjson_is_obj(value)    ? NODE_MAP
				    : yyjson_is_arr(value)  ? NODE_LIST
				    : yyjson_is_str(value)  ? NODE_STRING
				    : yyjson_is_bool(value) ? NODE_BOOL
				    : yyjson_is_null(value) ? NODE_NULL
							    : NODE_NUMBER;
	struct node *node = make(r, kind, 0, 0);
	char number[32];
	int code;

	if (!node)
		return -r->err->code;
	append(r, node);
	if (kind == NODE_MAP || kind == NODE_LIST) {
		code = enter(r, node);
		return code < 0 ? code : take_json_children(r, value);
	}
	(void)snprintf(number, sizeof(number), "%.17g", yyjson_get_num(value));
	node->text = kind == NODE_NULL	 ? ""
		     : kind == NODE_BOOL ? (yyjson_get_bool(value) ? "true" : "false")
					 : arena_strdup(r->arena, kind == NODE_STRING ? yyjson_get_str(value) : number);
	return node->text ? 0 : no_memory(r);
}

static int begin(struct reader *r, struct node **ret)
{
	r->depth = r->n_anchors = 0;
	r->n_nodes = 0;
	*ret = make(r, NODE_LIST, 0, 0);
	if (!*ret)
		return -ENOMEM;
	r->open[0] = (struct open_node) { .node = *ret };
	return 0;
}

int manifest_parse(const char *name, const char *text, size_t len, struct arena *arena, const struct node **ret,
		   struct err *err)
{
	_cleanup_(cleanup_json) yyjson_doc *doc = NULL;
	struct err why = { 0 };
	struct reader *r = calloc(1, sizeof(*r));
	struct node *list = NULL;
	int code;

	if (!r)
		return err_set(err, ENOMEM, "%s: out of memory", name);
	*r = (struct reader) { .name = name, .arena = arena, .err = &why };
	code = begin(r, &list);
	if (code >= 0)
		code = read_yaml(r, text, len);
	/* What libyaml does not take of JSON: a character above U+FFFF as two escapes, a key of more than 1024 bytes. */
	if (code < 0 && code != -ENOMEM && text[strspn(text, " \t\r\n")] == '{' &&
	    json_parse(text, len, MANIFEST_DEPTH_MAX, name, &doc, NULL) >= 0 && begin(r, &list) >= 0)
		code = take_json(r, yyjson_doc_get_root(doc));
	free(r->sorted);
	free(r);
	*ret = list;
	if (code < 0 && err)
		*err = why;
	return code;
}
