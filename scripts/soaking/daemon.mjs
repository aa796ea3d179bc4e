import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const { childrenOf, isRunning, killNow, until } = await import("../../test/support/processes.ts");

const NEXUS_MOUNT = fileURLToPath(new URL("../../dist/daemon/main.js", import.meta.url));
const NEXUS = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
/** Starting, or stopping with everything sealed, on a busy machine. */
const LIMIT_MS = 90_000;

/** The daemon under test, and its mounts: the first is an admin's, the others agents'. */
export class Daemon {
  dataDir;
  /** Where each mount is, and the directory in it where somebody may work. */
  mounts;
  descriptorsAtStart = 0;

  constructor(base, { mounts }) {
    this.dataDir = join(base, "data");
    this.mounts = Array.from({ length: mounts }, (_, number) => {
      const mountPoint = join(base, `mnt${number}`);
      const agent = `agent${number}`;
      return number === 0
        ? { mountPoint, identity: ["--admin"], place: join(mountPoint, "files") }
        : {
            mountPoint,
            identity: ["--tenant", "soak", "--agent", agent],
            place: join(mountPoint, "workspace/soak", agent),
          };
    });
  }

  /** Mounts what isn't mounted: after a kill, the first brings the others back. */
  mountAll() {
    for (const { mountPoint, identity, place } of this.mounts) {
      nexusMount(mountPoint, "--data-dir", this.dataDir, ...identity);
      mkdirSync(place, { recursive: true });
    }
    this.descriptorsAtStart = this.figures().descriptors;
  }

  get pid() {
    return JSON.parse(readFileSync(join(this.dataDir, "lock"), "utf8")).pid;
  }

  figures() {
    const { pid } = this;
    const rssKib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    const descriptors = readdirSync(`/proc/${pid}/fd`).length;
    return { rssMib: Math.round(Number(rssKib) / 1024), descriptors };
  }

  async kill() {
    await killNow(this.pid);
  }

  /** What `nexus fsck` finds, beside the daemon or when that has ended. */
  fsck() {
    const args = [NEXUS, "--data-dir", this.dataDir, "fsck", "--json"];
    const { stdout, stderr } = spawnSync(process.execPath, args, {
      encoding: "utf8",
      timeout: LIMIT_MS,
    });
    try {
      const { mode, findings } = JSON.parse(stdout);
      return findings.map((finding) => `fsck ${mode}: ${JSON.stringify(finding)}`);
    } catch {
      return [`fsck: ${stderr || stdout || "no answer"}`];
    }
  }

  /** The process that tells the kernel of changes. */
  async killSecond() {
    for (const child of childrenOf(this.pid)) await killNow(child).catch(() => undefined);
  }

  /** Unmounts all; returns what is left that shouldn't be. Never throws. */
  async stop() {
    const problems = [];
    try {
      const { pid } = this;
      const processes = [pid, ...childrenOf(pid)];
      if (isRunning(pid)) nexusMount("-u", "--all", "--data-dir", this.dataDir);
      const isOver = () => !processes.some(isRunning);
      await until("the daemon and its second process have ended", { holds: isOver });
    } catch (error) {
      problems.push(`unmounting: ${error.message}`);
    }
    const mounted = readFileSync("/proc/self/mountinfo", "utf8");
    for (const { mountPoint } of this.mounts) {
      if (!mounted.split("\n").some((line) => line.split(" ")[4] === mountPoint)) continue;
      problems.push(`${mountPoint} is still mounted`);
      spawnSync("umount", ["-l", mountPoint]);
    }
    return problems;
  }
}

function nexusMount(...args) {
  execFileSync(process.execPath, [NEXUS_MOUNT, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: LIMIT_MS,
  });
}
