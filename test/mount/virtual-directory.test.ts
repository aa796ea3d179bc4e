import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { version } from "../../src/telemetry/version.js";
import { Mounted, shell, whyNoMounts } from "../support/daemon.js";

const READY = ".nexus/work/ready";

/** Files of the mount, in the order in which they are made, and what is set on them. */
const ITEMS: readonly { path: string; set: Readonly<Record<string, string>> }[] = [
  { path: "jobs/last.json", set: { status: "ready" } },
  { path: "jobs/second.json", set: { priority: "10", status: "ready" } },
  { path: "jobs/ünï code.json", set: { priority: "9", status: "ready" } },
  { path: "jobs/urgent.json", set: { priority: "-3", status: "ready" } },
  { path: "jobs/done.json", set: { status: "completed" } },
  { path: "shared/acme/ours.json", set: { status: "ready" } },
  { path: "shared/globex/theirs.json", set: { status: "ready" } },
];

/** By order of work; the bound ones don't see all. */
const IN_ORDER = [
  "urgent.json",
  "ünï code.json",
  "second.json",
  "last.json",
  "ours.json",
  "theirs.json",
];

describe.skipIf(whyNoMounts() !== undefined)("the virtual directory on a mount", () => {
  let mounted: Mounted | undefined;

  beforeAll(async () => {
    mounted = await Mounted.start();
    for (const { path, set } of ITEMS) {
      await sh(`mkdir -p "$(dirname "${path}")"; echo "${path}" > "${path}"`);
      for (const [key, value] of Object.entries(set)) {
        await sh(`setfattr -n user.${key} -v ${value} "${path}"`);
      }
    }
  });

  afterAll(async () => {
    await mounted?.stop();
  });

  const sh = (script: string) => shell(script, { cwd: mounted?.mountPoint ?? "" });
  const lines = async (script: string) =>
    (await sh(script)).split("\n").filter((line) => line !== "");
  /** What a script that fails says. */
  const failure = (script: string) => sh(`! LC_ALL=C bash -c '${script}' 2>&1`);

  test("is there and not listed", async () => {
    expect(await lines("ls -A")).not.toContain(".nexus");
    expect(await lines("find . -maxdepth 1 -name .nexus")).toEqual([]);
    expect(await lines("ls .nexus .nexus/work")).toEqual([
      ".nexus:",
      "stats",
      "version",
      "work",
      ".nexus/work:",
      "blocked",
      "completed",
      "failed",
      "in_progress",
      "pending",
      "ready",
    ]);
    expect(await sh("stat -c '%F %A' .nexus .nexus/version")).toBe(
      "directory dr-xr-xr-x\nregular file -r--r--r--\n",
    );
  });

  test("has a version that can be read and copied", async () => {
    expect(await sh("cat .nexus/version")).toBe(`${version()}\n`);
    expect(await sh("cp .nexus/version copy; cat copy; rm copy")).toBe(`${version()}\n`);
    const python = "import shutil; shutil.copyfile('.nexus/version', 'copy')";
    expect(await sh(`python3 -c "${python}"; cat copy; rm copy`)).toBe(`${version()}\n`);
    expect(await sh("wc -c < .nexus/version; tail -c 2 .nexus/version")).toBe(
      `${version().length + 1}\n${version().slice(-1)}\n`,
    );
  });

  test.each(["C", "C.UTF-8", "en_US.UTF-8"])(
    "lists work in its order with locale %s",
    async (locale) => {
      const own = "sed -E 's/^([0-9]+-){3}//'";
      expect(await lines(`LC_ALL=${locale} ls -1 ${READY} 2>/dev/null | ${own}`)).toEqual(IN_ORDER);
      expect(await lines(`ls -1 .nexus/work/completed | ${own}`)).toEqual(["done.json"]);
    },
  );

  test("leads to the items, by link and through it", async () => {
    expect(await sh(`readlink ${READY}/*-urgent.json`)).toBe("../../../jobs/urgent.json\n");
    expect(await sh(`cat ${READY}/*-urgent.json`)).toBe("jobs/urgent.json\n");
    expect(await sh(`realpath ${READY}/*code.json`)).toBe(
      `${mounted?.mountPoint}/jobs/ünï code.json\n`,
    );
    expect(await sh(`cat "$(ls -d ${READY}/* | head -1)"`)).toBe("jobs/urgent.json\n");
    expect(await sh(`stat -L -c %s ${READY}/*-urgent.json`)).toBe("17\n");
    expect(await lines(`find ${READY} -type l | wc -l`)).toEqual(["6"]);
    expect(await lines(`find -L ${READY} -type f | wc -l`)).toEqual(["6"]);
    expect(await sh(`find ${READY} -inum "$(stat -c %i ${READY}/*-urgent.json)" | wc -l`)).toBe(
      "1\n",
    );
  });

  test("keeps nothing of what was: neither targets, nor names, nor listings, nor texts", async () => {
    await sh("echo x > jobs/moving.json");
    const before = (await sh(`ls ${READY}/*-second.json`)).trim();
    expect(await sh(`readlink "${before}"`)).toBe("../../../jobs/second.json\n");

    // Only its directory changes, so the name stays: the same name has to lead elsewhere.
    await sh("mkdir elsewhere; mv jobs/second.json elsewhere/");
    expect(await sh(`readlink "${before}"; cat "${before}"`)).toBe(
      "../../../elsewhere/second.json\njobs/second.json\n",
    );
    await sh("mv elsewhere/second.json elsewhere/2nd.json");
    expect(await failure(`cat "${before}"`)).toContain("No such file");
    const after = before.replace("second.json", "2nd.json");
    expect(await sh(`readlink "${after}"; ls ${READY} | grep -c -e second -e 2nd`)).toBe(
      "../../../elsewhere/2nd.json\n1\n",
    );

    // Back again: that the name was missing isn't remembered either.
    await sh("mv elsewhere/2nd.json jobs/second.json; rmdir elsewhere");
    expect(await sh(`readlink "${before}"`)).toBe("../../../jobs/second.json\n");
    expect(await failure(`readlink -v "${after}"`)).toContain("No such file");
    await sh("rm jobs/moving.json");
  });

  test("counts in its stats, as it is at each reading", async () => {
    const pending = () => sh("grep ^work_pending .nexus/stats");
    expect(await pending()).toBe("work_pending 0\n");
    await sh("touch one two; setfattr -n user.status -v pending one two");
    expect(await pending()).toBe("work_pending 2\n");
    await sh("rm one two");
    expect(await pending()).toBe("work_pending 0\n");
    expect(await sh("grep ^files .nexus/stats")).toMatch(/^files [1-9]\d*\n$/);
    expect(await sh("grep -e ready -e total .nexus/stats")).toMatch(
      /^work_ready 6\nwork_total 7\nbytes_total \d+\n$/,
    );
  });

  test("can't be changed, also not by root", async () => {
    const readOnly = "Read-only file system";
    for (const script of [
      "mkdir .nexus/new",
      "touch .nexus/new",
      "ln -s x .nexus/work/new",
      `rm -f ${READY}/*-urgent.json`,
      "rmdir .nexus/work/ready",
      "echo x > .nexus/version",
      "chmod 700 .nexus",
      "touch .nexus/stats",
      "setfattr -n user.a -v b .nexus/version",
      `mv ${READY}/*-urgent.json ${READY}/x`,
      "cp jobs/done.json .nexus/",
    ]) {
      expect(`${script}: ${await failure(script)}`).toContain(readOnly);
    }
    expect(await failure("ln jobs/done.json .nexus/new")).toContain("Invalid cross-device link");
    expect(await failure("ln -s x .nexus; mkdir .nexus")).toContain("File exists");
    expect(await failure("mv .nexus other")).toContain("busy");
    expect(await failure("mv -T jobs .nexus")).toMatch(/busy|not empty/);
    expect(await lines("ls jobs | wc -l")).toEqual(["5"]);
  });

  test("shows an item in the state that it has, from one moment to the next", async () => {
    const list = (state: string) => lines(`ls .nexus/work/${state} | sed -E 's/^([0-9]+-){3}//'`);
    await sh("echo > jobs/live; setfattr -n user.status -v ready jobs/live");
    const ready = (await sh(`ls ${READY}/*-live`)).trim();
    expect(await sh(`readlink "${ready}"`)).toBe("../../../jobs/live\n");
    await sh("setfattr -n user.claim -v worker jobs/live");
    expect(await failure(`readlink -v "${ready}"`)).toContain("No such file");
    expect(await list("ready")).not.toContain("live");
    expect(await list("in_progress")).toEqual(["live"]);
    await sh("setfattr -n user.status -v failed jobs/live");
    expect(await list("in_progress")).toEqual([]);
    expect(await list("failed")).toEqual(["live"]);
    await sh("setfattr -n user.status -v ready jobs/live");
    expect(await sh(`readlink "${ready}"; rm jobs/live`)).toBe("../../../jobs/live\n");
    expect(await list("ready")).toEqual(IN_ORDER);
  });

  test("is listed without repeating or losing any while each is claimed that was seen", async () => {
    await sh(`mkdir many; cd many; for i in $(seq 1000 1999); do echo $i > $i; done
              setfattr -n user.priority -v 7 *; setfattr -n user.status -v ready *`);
    // os.scandir reads a buffer of names, and the next one only after all of these are claimed.
    const program = `
import os
for entry in os.scandir("${READY}"):
    own = entry.name.split("-")[3]
    if own.isdigit():
        os.setxattr("many/" + own, "user.claim", b"worker")
        print(own)`;
    const claimed = await lines(`python3 -c '${program}'`);
    expect(claimed).toEqual(Array.from({ length: 1000 }, (_, index) => String(1000 + index)));
    expect(await lines(`ls ${READY} | sed -E 's/^([0-9]+-){3}//'`)).toEqual(IN_ORDER);
    expect(await lines("ls .nexus/work/in_progress | wc -l; rm -r many")).toEqual(["1000"]);
    expect(await lines("ls .nexus/work/in_progress")).toEqual([]);
  });

  test("shows an agent what it may see", async () => {
    await mounted?.unmount();
    await mounted?.mount(["--tenant", "acme", "--agent", "agent1"]);
    try {
      const visible = IN_ORDER.filter((name) => name !== "theirs.json");
      expect(await lines(`ls ${READY} | sed -E 's/^([0-9]+-){3}//'`)).toEqual(visible);
      expect(await sh(`cat ${READY}/*-ours.json`)).toBe("shared/acme/ours.json\n");
      expect(await sh("grep -c ^files .nexus/stats || true")).toBe("0\n");
      expect(await sh("grep ^work_ready .nexus/stats")).toBe("work_ready 5\n");
    } finally {
      await mounted?.unmount();
      await mounted?.mount();
    }
  });
});
