import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { Mounted, shell, whyNoMounts } from "../support/daemon.js";
import { hashOf } from "../support/data-directory.js";

const run = promisify(execFile);
const WORKER = fileURLToPath(new URL("../../examples/worker.sh", import.meta.url));
const WORKER_MS = 60_000;
const skipReason = whyNoMounts();

async function mountedWith(jobs: readonly string[]): Promise<Mounted> {
  const mounted = await Mounted.start();
  onTestFinished(() => mounted.stop());
  await shell("mkdir jobs", { cwd: mounted.mountPoint });
  const script = jobs.map((job, index) => {
    writeFileSync(join(mounted.mountPoint, "jobs", job), `do ${job}\n`);
    const set = (key: string, value: unknown) =>
      `setfattr -n user.${key} -v '${value}' 'jobs/${job}'`;
    // The last one is the most urgent.
    return [set("priority", jobs.length - index), set("status", "ready")].join("\n");
  });
  await shell(script.join("\n"), { cwd: mounted.mountPoint });
  return mounted;
}

/** Starts one; gives the names of the files that it has done, in its order. */
async function work(
  { mountPoint }: Mounted,
  { script = WORKER, status = "completed" }: { script?: string; status?: string } = {},
): Promise<string[]> {
  const { stdout, stderr } = await run("bash", [script, mountPoint], { timeout: WORKER_MS });
  expect(stderr).toBe("");
  const lines = stdout.split("\n").slice(0, -1);
  const prefix = `: ${status} ${mountPoint}/jobs/`;
  for (const line of lines) expect(line).toContain(prefix);
  return lines.map((line) => line.slice(line.indexOf(prefix) + prefix.length));
}

function inState({ mountPoint }: Mounted, state: string): number {
  return readdirSync(join(mountPoint, ".nexus/work", state)).length;
}

describe.skipIf(skipReason !== undefined)("examples/worker.sh", () => {
  test("does the work that is ready, the most urgent first", async () => {
    const jobs = ["a.json", "b with  blanks ", "c.json"];
    const mounted = await mountedWith(jobs);
    expect(await work(mounted)).toStrictEqual(jobs.toReversed());
    expect([inState(mounted, "ready"), inState(mounted, "completed")]).toStrictEqual([0, 3]);
    for (const job of jobs) {
      const result = readFileSync(join(mounted.mountPoint, "results", `${job}.txt`), "utf8");
      expect(result).toBe(`${hashOf(`do ${job}\n`)}  -\n`);
    }
    expect(readdirSync(join(mounted.mountPoint, "results"))).toHaveLength(3);
  });

  test("leaves what another worker has, and what waits", async () => {
    const mounted = await mountedWith(["mine", "theirs", "later"]);
    await shell(
      `setfattr -n user.claim -v somebody jobs/theirs
       setfattr -n user.depends_on -v /jobs/theirs jobs/later`,
      { cwd: mounted.mountPoint },
    );
    expect(await work(mounted)).toStrictEqual(["mine"]);
    expect([inState(mounted, "in_progress"), inState(mounted, "blocked")]).toStrictEqual([1, 1]);
  });

  test("notes work that it can't do as failed, without a result", async () => {
    const mounted = await mountedWith(["hard"]);
    const script = join(mounted.base, "worker.sh");
    const text = readFileSync(WORKER, "utf8");
    writeFileSync(script, text.replace('sha256sum < "$1"', "echo half; false"));
    expect(await work(mounted, { script, status: "failed" })).toStrictEqual(["hard"]);
    expect(inState(mounted, "failed")).toBe(1);
    expect(readdirSync(join(mounted.mountPoint, "results"))).toStrictEqual([]);
  });

  test("says what is wrong with a mount that isn't there", async () => {
    const ended = await run(WORKER, ["/nonexistent"]).catch((error: unknown) => error);
    expect(ended).toMatchObject({
      code: 1,
      stderr: "worker.sh: no namespace is mounted at /nonexistent\n",
    });
  });

  test("eight of them at once do everything exactly once", async () => {
    const jobs = Array.from({ length: 60 }, (_, index) => `job-${index}.json`);
    const mounted = await mountedWith(jobs);
    const done = await Promise.all(Array.from({ length: 8 }, () => work(mounted)));
    expect(done.flat().sort()).toStrictEqual(jobs.toSorted());
    expect(inState(mounted, "completed")).toBe(jobs.length);
    const results = readdirSync(join(mounted.mountPoint, "results")).sort();
    expect(results).toStrictEqual(jobs.map((job) => `${job}.txt`).sort());
  });
});
