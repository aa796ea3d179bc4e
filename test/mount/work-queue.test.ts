import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Mounted, SOON, shell, whyNoMounts } from "../support/daemon.js";
import { runTogether } from "../support/together.js";

const RACER = fileURLToPath(new URL("claim-race.py", import.meta.url));
const LIBRARY_RACER = fileURLToPath(new URL("claim-race.mjs", import.meta.url));
const WORKERS = 16;
const ITEMS = 2000;

describe.skipIf(whyNoMounts() !== undefined)("the work queue on a mount", () => {
  let mounted: Mounted | undefined;

  beforeAll(async () => {
    mounted = await Mounted.start();
  });

  afterAll(async () => {
    await mounted?.stop();
  });

  const sh = (script: string) => shell(script, { cwd: mounted?.mountPoint ?? "" });
  /** What a script that has to fail says. */
  const failure = (script: string) => sh(`! LC_ALL=C bash -c '${script}' 2>&1`);
  const value = async (key: string, file: string) =>
    (await sh(`getfattr --only-values -n user.${key} ${file}`)).trim();
  const sql = async (query: string) => await mounted?.sql(query);

  test("wrong values are invalid, and the log says what is allowed", async () => {
    await sh("mkdir values; echo {} > values/job");
    for (const [key, wrong] of [
      ["status", "done"],
      ["priority", "high"],
      ["depends_on", "job"],
      ["depends_on", "/values"],
      ["depends_on", "/values/job"],
      ["depends_on", "[1]"],
    ] as const) {
      const said = await failure(`setfattr -n user.${key} -v "${wrong}" values/job`);
      expect(said, `${key} ${wrong}`).toContain("Invalid argument");
    }
    expect(await sh("getfattr -d values/job")).toBe("");
    const log = await shell(`cat '${join(mounted?.dataDir ?? "", "nexus-mount.log")}'`);
    expect(log).toContain("allowed: ready, pending, blocked, in_progress, completed, failed");
    expect(log).toContain("a priority can't be 'high'");
    expect(log).toContain("a cycle of dependencies");
  });

  test("a file is claimed, kept, given back and completed with setfattr", async () => {
    await sh("mkdir one; echo {} > one/job");
    expect(await failure("setfattr -n user.claim -v w1 one/job")).toContain("Invalid argument");
    await sh("setfattr -n user.status -v pending one/job");
    expect(await failure("setfattr -n user.claim -v w1 one/job")).toContain(
      "Device or resource busy",
    );
    await sh("setfattr -n user.status -v ready one/job; setfattr -n user.claim -v w1 one/job");
    expect(await value("claim", "one/job")).toBe("w1");
    expect(await value("status", "one/job")).toBe("in_progress");
    expect(await value("worker_id", "one/job")).toBe("w1");
    expect(await failure("setfattr -n user.claim -v w2 one/job")).toContain(
      "Device or resource busy",
    );
    await sh("setfattr -n user.claim -v w1 one/job");
    // A claim is an action: no copy takes it along.
    expect(await sh("getfattr -d one/job")).not.toContain("user.claim");
    await sh("setfattr -x user.claim one/job");
    expect(await value("status", "one/job")).toBe("ready");
    expect(await failure("getfattr -n user.claim one/job")).toContain("No such attribute");
    expect(await failure("setfattr -x user.claim one/job")).toContain("No such attribute");
    await sh("setfattr -n user.claim -v w2 one/job; setfattr -n user.status -v completed one/job");
    expect(await sql("select status from work_by_priority where virtual_path = '/one/job'")).toBe(
      "completed",
    );
    expect(await value("completed_at", "one/job")).toMatch(/^\d{4}-\d\d-\d\dT[\d:]+\.\d{6}$/);
  });

  test("dependencies by path and by path_id block, and unblock in SQL and in the directory", async () => {
    await sh("mkdir steps; for n in 1 2 3; do echo {} > steps/$n; done");
    await sh("setfattr -n user.status -v ready steps/1");
    await sh(
      "setfattr -n user.depends_on -v /steps/1 steps/2; setfattr -n user.status -v blocked steps/2",
    );
    const id = await value("nexus.path_id", "steps/2");
    await sh(`setfattr -n user.depends_on -v '["${id}", "/steps/1"]' steps/3`);
    await sh("setfattr -n user.status -v blocked steps/3");
    const blocked =
      "select virtual_path, blocker_count from blocked_work_items where virtual_path like '/steps/%'";
    expect(await sql(blocked)).toBe("/steps/3|2\n/steps/2|1");
    expect(await failure("setfattr -n user.depends_on -v /steps/3 steps/1")).toContain(
      "Invalid argument",
    );
    await sh("setfattr -n user.claim -v w steps/1; setfattr -n user.status -v completed steps/1");
    expect(await value("status", "steps/2")).toBe("ready");
    expect(await sql(blocked)).toBe("/steps/3|1");
    await sh("ls .nexus/work/ready | grep -- -2$; ls .nexus/work/blocked | grep -- -3$");
    await sh("setfattr -n user.status -v completed steps/2");
    expect(await value("status", "steps/3")).toBe("ready");
    await sh("rm -r steps");
    // Metadata is in SQL when setfattr returns; names are as soon as the store is quiet, or after 50 ms.
    const left = () =>
      sql("select count(*) from work_by_priority where virtual_path like '/steps/%'");
    await expect.poll(left, SOON).toBe("0");
  });

  test(`${WORKERS} processes claim ${ITEMS} items: each once, and in order of priority`, async () => {
    const { base = "", mountPoint = "", dataDir = "" } = mounted ?? {};
    const second = join(base, "second");
    expect(await mounted?.run([second, "--data-dir", dataDir])).toMatchObject({ code: 0 });
    await sh(`mkdir race
      python3 - <<'END'
import os
for number in range(${ITEMS}):
    path = f"race/{number:04}"
    open(path, "w").close()
    os.setxattr(path, "user.priority", str((number * 7919) % ${ITEMS}).encode())
    os.setxattr(path, "user.status", b"ready")
END`);
    // Half of them through two mounts, the others as programs that use the library.
    const outputs = await runTogether(
      Array.from({ length: WORKERS }, (_, index) => {
        const worker = `worker${index}`;
        return index % 2 === 0
          ? ["python3", RACER, index % 4 === 0 ? mountPoint : second, worker]
          : [process.execPath, LIBRARY_RACER, dataDir, worker];
      }),
    );
    expect(await mounted?.run(["-u", second])).toMatchObject({ code: 0 });
    const claimed = outputs.flat();
    expect(claimed).toHaveLength(ITEMS);
    expect(new Set(claimed).size).toBe(ITEMS);
    const priority = (name: string) => (Number(name) * 7919) % ITEMS;
    for (const names of outputs) {
      const priorities = names.map(priority);
      expect(priorities).toEqual([...priorities].sort((a, b) => a - b));
    }
    expect(await sql("select count(*), count(distinct worker_id) from in_progress_work")).toBe(
      `${ITEMS}|${outputs.filter((names) => names.length > 0).length}`,
    );
    await sh("rm -r race");
  });
});
