# SPDX-License-Identifier: Apache-2.0
"""cgdeleg list: what it says of real containers is what the kernel says; in text, JSON and as metrics."""
import json
import os

from lib import bpf, bundle, host, metrics
from lib.fake import Fake
from lib.process import run
from lib.report import Skip, case, contains, equal, expect, succeeds

from cases.guard import ALLOWED, FORBIDDEN, PINS, need_guards, opens, with_nodes

POD = {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-namespace": "ci-7",
       "io.kubernetes.cri.sandbox-name": "pod\x1b[2J\"\n", "io.kubernetes.cri.container-name": "build"}
SCHEMA = f"{os.path.dirname(__file__)}/../../../share/schema/list.json"
PROFILE = {"cgroup.max.descendants": 9, "cgroup.max.depth": 3, "hugetlb.2MB.max": "16M", "memory.max": "1G"}


def call(t, *words):
    done = succeeds(run([t.cgdeleg, "list", *words]), "cgdeleg list")
    equal(done.err, "", "its words on standard error")
    return done.out


def rows(t):
    return {row["id"]: row for row in json.loads(call(t, "--json"))["grants"]}


def check_schema(text):
    """jsonschema says where, if the text is not as the shipped schema has it. A column that the schema lacks is an error, too."""
    try:
        import jsonschema  # pylint: disable=import-outside-toplevel
    except ImportError as missing:
        raise Skip("python3-jsonschema is not installed") from missing
    with open(SCHEMA, encoding="utf-8") as file:
        jsonschema.validate(json.loads(text), json.load(file))


def check_use(c, row):
    for file, column in (("memory", "memory"), ("pids", "pids")):
        if file not in host.controllers(c.cgroup):
            equal(row[column], None, f"{column}, which is not offered here")
        else:
            expect(row[column]["used"] > 0, f"{column} in use: {row[column]}")
            equal(str(row[column]["limit"]), host.value(c.cgroup, f"{file}.max"), f"{column}'s limit")


@case("list.rows")
def real(t):
    policy = t.policy("list", defaults={"on_missing_limit": "skip"}, profiles={"small": PROFILE})
    c = t.container("list", policy_dir=policy, annotations=POD).up()
    other = t.container("plain", hooks=[]).up()
    c.exec("mkdir -p /sys/fs/cgroup/a/b")
    with t.step("a row for the delegated one, none for the other"):
        found = rows(t)
        expect(c.id in found and other.id not in found, f"the rows: {list(found)}")
    with t.step("as the kernel has it"):
        row = rows(t)[c.id]
        equal((row["namespace"], row["container"], row["handler"], row["profile"]), ("ci-7", "build", "test", "small"),
              "who it is")
        equal(row["pod"], "pod\\x1b[2J\"\\x0a", "a name that would command the terminal")
        expect(row["policy"].startswith(c.policy_dir), f"the policy line: {row['policy']}")
        equal(row["owner"], f"{bundle.BASE}:{bundle.BASE}", "the owner")
        equal(row["cgroup"], c.cgroup, "the cgroup")
        equal(row["cgroup_id"], os.stat(host.CGROUP + c.cgroup).st_ino, "the kernel's id")
        expect(0 <= row["age"] < 3600, f"the age: {row['age']}")
        equal(row["cgroups"], {"used": 2, "limit": 9}, "cgroups")
        granted = {x["file"]: (x["ceiling"], x["now"], x["above"]) for x in row["ceilings"]}
        equal(granted["cgroup.max.depth"], ("3", "3", False), "cgroup.max.depth")
        for file, (ceiling, now, _) in granted.items():
            place, name = (c.top, file[6:]) if file.startswith("scope:") else (c.cgroup, file)
            equal(now, host.value(place, name), f"{file} as the kernel has it")
            equal(ceiling, now, f"{file} as it was granted")
        equal("scope:cgroup.max.depth" in granted, c.has_scope, "the scope's ceilings")
        equal(row["drift"], "", "drift")
        check_use(c, rows(t)[c.id])
    with t.step("a raised limit is drift"):
        host.write(f"{host.CGROUP}{c.cgroup}/cgroup.max.descendants", "10")
        equal(rows(t)[c.id]["drift"], "cgroup.max.descendants", "drift")
    with t.step("a lowered one is not"):
        host.write(f"{host.CGROUP}{c.cgroup}/cgroup.max.descendants", "5")
        equal(rows(t)[c.id]["drift"], "", "drift")
    with t.step("Prometheus' format"):
        check_metrics(c, metrics.read(call(t, "--format", "prometheus"), prometheus=True))
    with t.step("JSON follows its schema"):
        check_schema(call(t, "--json"))
        check_schema(call(t, "--json", "--tree", c.id))
    with t.step("OpenMetrics"):
        check_metrics(c, metrics.read(call(t, "--openmetrics")))
    with t.step("a file, always whole, and readable"):
        file = f"{t.work}/list.prom"
        equal(call(t, "--format", "prometheus", "--output", file), "", "standard output")
        check_metrics(c, metrics.read(host.read(file), prometheus=True))
        equal(os.stat(file).st_mode & 0o7777, 0o644, "its mode")
    with t.step("the table: printable, one line each"):
        out = call(t, "-o", "id,pod,drift,age", "--sort", "-age")
        lines = out.splitlines()
        expect(all(32 <= byte < 127 or byte == 10 for byte in out.encode()), "bytes that are not printable")
        equal(lines[0].split(), ["ID", "POD", "DRIFT", "AGE"], "the head")
        equal(len([line for line in lines if line.startswith(c.id)]), 1, "its lines")
    with t.step("gone with the container"):
        c.delete()
        expect(c.id not in rows(t), "the row is still there")


def sample(c, families, family, **labels):
    found = [v for have, v in families[family]["samples"]
             if have.get("id") == c.id and labels.items() <= have.items()]
    equal(len(found), 1, f"samples of {family}{labels}")
    return found[0]


def check_metrics(c, families):
    def value(family, **labels):
        return sample(c, families, family, **labels)
    equal(value("cgdeleg_descendants"), 2, "descendants")
    equal(value("cgdeleg_descendants_limit"), 5, "their limit")
    equal(value("cgdeleg_ceiling_descendants", file="cgroup.max.descendants"), 9, "their ceiling")
    equal(value("cgdeleg_drift"), 0, "drift")
    who = {"namespace": "ci-7", "pod": "pod\\x1b[2J\"\\x0a", "container": "build", "handler": "test", "profile": "small"}
    equal(value("cgdeleg_grant_info", cgroup=c.cgroup, **who), 1, "the grant")
    equal(value("cgdeleg_drift", **who), 0, "drift, by who it is")
    equal(families["cgdeleg_cpu_usage_seconds"]["type"], "counter", "a counter")
    expect(families["cgdeleg_grants"]["samples"][0][1] >= 1, "the number of grants")


@case("list.tree")
def tree(t):
    """The container's own cgroups: what the kernel says of each, none of another container's."""
    policy = t.policy("tree", defaults={"on_missing_limit": "skip"}, profiles={"small": PROFILE})
    c = t.container("tree", policy_dir=policy, annotations=POD).up()
    other = t.container("beside", policy_dir=policy).up()
    c.exec("mkdir -p '/sys/fs/cgroup/b/in\033ner' /sys/fs/cgroup/a && echo 2 >/sys/fs/cgroup/b/cgroup.max.descendants")
    other.exec("mkdir /sys/fs/cgroup/not-its")
    with t.step("by the beginning of its id, in the order of the tree"):
        lines = call(t, "--tree", c.id[:-1] if not other.id.startswith(c.id[:-1]) else c.id,
                     "-o", "cgroup,cgroups").splitlines()
        equal([line.split() for line in lines], [["CGROUP", "CGROUPS"], ["/", "3/9"], ["a", "0/max"], ["b", "1/2"],
                                                 ["in\\x1bner", "0/max"]], "the lines")
        equal(lines[4][:5], "    i", "the indent of a deeper one")
    with t.step("as JSON, with whole paths"):
        found = json.loads(call(t, "--tree", c.id, "--json"))
        equal(found["grant"], {"id": c.id, "namespace": "ci-7", "pod": "pod\\x1b[2J\"\\x0a", "container": "build"}, "the grant")
        rows_of = {row["cgroup"]: row for row in found["cgroups"]}
        equal(list(rows_of), ["/", "/a", "/b", "/b/in\\x1bner"], "the cgroups")
        equal(rows_of["/b"]["cgroup_id"], os.stat(f"{host.CGROUP}{c.cgroup}/b").st_ino, "the kernel's id")
        equal(rows_of["/b"]["cgroups"], {"used": 1, "limit": 2}, "its cgroups and their limit")
    with t.step("what the kernel does not offer here is said"):
        done = run([t.cgdeleg, "list", "--tree", c.id])
        if "memory" not in host.controllers(""):
            contains(done.err, "MEMORY", "the note")
            contains(done.err, "cannot be known", "the note")
        else:
            equal(done.err, "", "the note")
    with t.step("no such container, or an ambiguous name: exit 1 and how to go on"):
        for word, said in (("nosuch", "cgdeleg list shows them"), (f"{host.CGROUP}/nosuch", "cgdeleg list shows them")):
            done = run([t.cgdeleg, "list", "--tree", word])
            equal(done.code, 1, f"exit for {word}")
            contains(done.err, said, f"what is said of {word}")
    with t.step("not together with columns of a container, or metrics"):
        for more in (["-o", "pod"], ["--openmetrics"]):
            equal(run([t.cgdeleg, "list", "--tree", c.id, *more]).code, 2, f"exit for {more}")


@case("list.empty", scope="once")
def empty(t):
    """A node without a grant: nothing on standard output but the titles, and why on standard error."""
    done = succeeds(run([t.cgdeleg, "list"]), "list")
    equal(done.out.split(), ["NAMESPACE", "POD", "CONTAINER", "PROFILE", "MEMORY", "CGROUPS", "DRIFT"], "the titles")
    contains(done.err, "of this node is delegated; since boot", "the note")
    equal(json.loads(call(t, "--json"))["grants"], [], "JSON, without a note")


@case("list.guards")
def guards(t):
    """What the guards have refused, and whether they are still there."""
    need_guards(t)
    c = with_nodes(t)
    has_grant = json.loads(host.attribute(host.CGROUP + c.cgroup))["guarded"]
    words = "device, grant" if has_grant else "device"
    with t.step("nothing refused yet"):
        row = rows(t)[c.id]
        equal((row["guards"], row["guarded"], row["refused"], row["last_refused"], row["guard_refused"]),
              (words, has_grant, 0, None, 0 if has_grant else None), "guards")
    with t.step("a forbidden device is counted, an allowed one is not"):
        equal(opens(c, FORBIDDEN[1]), "refused", "the forbidden device")
        equal(opens(c, ALLOWED[1]), "allowed", "the allowed one")
        equal(opens(c, FORBIDDEN[1]), "refused", "the forbidden device")
        row = rows(t)[c.id]
        equal((row["refused"], row["last_refused"]), (2, f"c 10:{FORBIDDEN[1]} rw sh"), "device refusals")
    with t.step("its name is the task's own to choose"):
        c.exec(f"printf '\\033[2J' >/proc/self/comm; : <>/dev/n{FORBIDDEN[1]}")
        equal(rows(t)[c.id]["last_refused"], f"c 10:{FORBIDDEN[1]} rw \\x1b[2J", "the last refusal")
    if has_grant:
        with t.step("what the grant guard refuses"):
            expect(c.exec("echo 1 >/sys/fs/cgroup/cgroup.max.depth").code != 0, "a limit was opened for writing")
            c.exec("mkdir /sys/fs/cgroup/a && : >/sys/fs/cgroup/a/memory.pressure")
            row = rows(t)[c.id]
            expect(row["guard_refused"] >= 1 and "pressure=" in row["guard_rules"], f"the row: {row}")
    with t.step("OpenMetrics and the table"):
        families = metrics.read(call(t, "--openmetrics"))
        equal(sample(c, families, "cgdeleg_device_refusals"), 3, "the counter")
        equal(families["cgdeleg_device_refusals"]["type"], "counter", "its type")
        equal(sample(c, families, "cgdeleg_guards_missing"), 0, "guards that are missing")
        (line,) = [line for line in call(t, "-o", "id,refused,guards").splitlines() if line.startswith(c.id)]
        equal(line.split(), [c.id, "3", *words.split()], "the line")
    with t.step("a guard that is gone is missed"):
        pinned = f"{PINS}/{os.listdir(PINS)[0]}"
        bpf.detach(f"{pinned}/device_guard/device_guard", host.CGROUP + c.cgroup)
        if has_grant:
            bpf.detach_guard(host.CGROUP + c.cgroup, bpf.GRANT_GUARD - {"guard_bpf"})
            equal(rows(t)[c.id]["guards"], "device missing, grant incomplete", "guards")
            bpf.detach_guard(host.CGROUP + c.cgroup, bpf.GRANT_GUARD)
        equal(rows(t)[c.id]["guards"], "device missing, grant missing" if has_grant else "device missing", "guards")
        families = metrics.read(call(t, "--openmetrics"))
        equal(sample(c, families, "cgdeleg_guards_missing"), 1 + has_grant, "guards that are missing")
    with t.step("one whose pins are gone is still told, without its count"):
        other = with_nodes(t)
        equal(run([t.cgdeleg, "guard", "unload"]).code, 0, "guard unload")
        row = rows(t)[other.id]
        need_guards(t)
        equal((row["guards"], row["refused"]), (words, None), "guards")


@case("list.words", scope="once")
def words(t):
    """What is wrong on the command line, and a record that cannot be read."""
    for arguments, part in ((["-o", "memroy"], "did you mean 'memory'?"), (["--sort", "x"], "no column 'x'"),
                            (["--json", "--openmetrics"], "use only one of"),
                            (["--output", "/x"], "--output needs --format"),
                            (["--format", "promtheus"], "prometheus"),
                            (["--bogus"], "there is no option '--bogus'")):
        with t.step(f"exit code 2: {' '.join(arguments)}"):
            done = run([t.cgdeleg, "list", *arguments])
            equal(done.code, 2, "exit code")
            contains(done.err, part, "its words")
    with t.step("a record that another wrote is shown, with why"):
        fake = Fake(t)
        os.setxattr(host.CGROUP + fake.cgroup, host.ATTRIBUTE, b'{"v":9}')
        (row,) = [row for row in json.loads(call(t, "--json"))["grants"] if row["cgroup"] == fake.cgroup]
        expect("missing" in row["fault"] and row["ceilings"] is None, f"the row: {row}")
        fake.delete()
    with t.step("the help names every column"):
        out = run([t.cgdeleg, "list", "--help"]).out
        names = json.loads(call(t, "--json", "-o", "id"))
        expect("cgroup-id" in out and names["version"] == 1 and "grants" in names, "the help")
