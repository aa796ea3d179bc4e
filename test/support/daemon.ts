import { execFile, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { makeTempDir } from "./temp-dir.js";

const run = promisify(execFile);

/** The program under test, as `npm` installs it under the name `nexus-mount`. */
export const NEXUS_MOUNT = fileURLToPath(new URL("../../dist/daemon/main.js", import.meta.url));

/** Starting, and stopping with everything sealed, on a slow and busy machine. */
const START_MS = 30_000;
const STOP_MS = 60_000;

/** How long a test waits for what comes within milliseconds, on a slow and busy machine. */
export const SOON = { timeout: 10_000, interval: 20 };

/** An ordinary user of this machine. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

export interface MountOptions {
  /** Further arguments of the command line. */
  readonly args?: readonly string[];
  /** Who mounts; the user who runs the tests if it isn't given. */
  readonly user?: User;
  /** A data directory to use again; a new one otherwise. */
  readonly dataDir?: string;
}

/** How a command ended, and what it printed. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  /** Instead of the tests' own home, where a configuration of somebody's might lie. */
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: User;
  /** Another name of the program, or another program. */
  readonly program?: string;
}

/** Runs nexus-mount to its end, however it ends. */
export async function nexusMount(
  args: readonly string[],
  { cwd = "/", home = "/nonexistent", env = {}, user, program = NEXUS_MOUNT }: CommandOptions = {},
): Promise<Ended> {
  const command = run(process.execPath, [program, ...args], {
    timeout: STOP_MS,
    cwd,
    env: { PATH: process.env.PATH, HOME: home, ...env },
    ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
  });
  return await command.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code?: unknown; stdout: string; stderr: string }) => {
      if (typeof error.code !== "number") throw error;
      return { code: error.code, stdout: error.stdout, stderr: error.stderr };
    },
  );
}

/** Why real mounts can't be made here, or undefined. */
export function whyNoMounts(): string | undefined {
  if (!existsSync("/dev/fuse")) return "there is no /dev/fuse";
  if (process.getuid?.() !== 0) return "the mount tests start as root, to become other users";
  return undefined;
}

/**
 * A daemon and its mount, in directories of their own. `stop` it in `finally`; `remove` takes the
 * directories away.
 */
export class Mounted {
  readonly base: string;
  readonly dataDir: string;
  readonly mountPoint: string;
  readonly user: User | undefined;

  private constructor(base: string, dataDir: string, user: User | undefined) {
    this.base = base;
    this.dataDir = dataDir;
    this.mountPoint = join(base, "mnt");
    this.user = user;
  }

  /** The directories alone, with nothing mounted yet. */
  static prepare({ user, dataDir }: Omit<MountOptions, "args"> = {}): Mounted {
    const base = makeTempDir();
    if (user !== undefined) prepareFor(user, base);
    return new Mounted(base, dataDir ?? join(base, "data"), user);
  }

  static async start({ args = [], ...options }: MountOptions = {}): Promise<Mounted> {
    const mounted = Mounted.prepare(options);
    try {
      await mounted.mount(args);
    } catch (error) {
      mounted.stopNow();
      mounted.remove();
      throw error;
    }
    return mounted;
  }

  /** Mounts (again). Returns what the command printed. */
  async mount(args: readonly string[] = []): Promise<string> {
    const all = [NEXUS_MOUNT, this.mountPoint, "--data-dir", this.dataDir, ...args];
    const { stdout } = await run(process.execPath, all, {
      timeout: START_MS,
      env: { ...process.env, HOME: this.base },
      cwd: this.base,
      ...this.#credentials,
    });
    return stdout;
  }

  /** Runs nexus-mount as whoever mounts here, at home in the base directory. */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
    const user = this.user === undefined ? {} : { user: this.user };
    return await nexusMount(args, { cwd: this.base, home: this.base, ...user, ...options });
  }

  /** Tries to mount, with what it said when it couldn't. */
  async tryMount(args: readonly string[] = []): Promise<Ended> {
    return await this.run([this.mountPoint, "--data-dir", this.dataDir, ...args]);
  }

  /** Unmounts as a user does, and waits until all is on disk. */
  async unmount(): Promise<void> {
    await run(process.execPath, [NEXUS_MOUNT, "-u", this.mountPoint], {
      timeout: STOP_MS,
      ...this.#credentials,
    });
  }

  /** The process that serves. */
  get pid(): number {
    return (JSON.parse(readFileSync(join(this.dataDir, "lock"), "utf8")) as { pid: number }).pid;
  }

  get log(): string {
    return readFileSync(join(this.dataDir, "nexus-mount.log"), "utf8");
  }

  /** What the daemon had to complain about, which should be nothing: lines of its log. */
  get troubles(): string[] {
    const lines = this.log.split("\n").filter((line) => line !== "");
    return lines.filter((line) => (JSON.parse(line) as { level: number }).level >= 40);
  }

  /**
   * What `sqlite3` says while the daemon runs. It sees metadata as soon as setfattr has returned, and all
   * else after a moment: poll for that, with {@link SOON}.
   */
  async sql(query: string): Promise<string> {
    const database = join(this.dataDir, "metadata.db");
    return (await shell(`sqlite3 -readonly '${database}' "${query}"`)).trim();
  }

  /** Unmounts if it is mounted, and removes everything. Never throws: for `finally`. */
  async stop(): Promise<void> {
    try {
      if (this.isMounted) await this.unmount();
    } catch {
      this.stopNow();
    }
    this.remove();
  }

  /** However it is: takes the mount away, and the daemon with it. */
  stopNow(): void {
    spawnSync("umount", ["-l", this.mountPoint], { timeout: 10_000 });
    try {
      process.kill(this.pid, "SIGKILL");
    } catch {
      // gone already
    }
  }

  get isMounted(): boolean {
    const mounts = readFileSync("/proc/self/mountinfo", "utf8");
    return mounts.split("\n").some((line) => line.split(" ")[4] === this.mountPoint);
  }

  remove(): void {
    rmSync(this.base, { recursive: true, force: true });
  }

  get #credentials(): { uid?: number; gid?: number } {
    return this.user === undefined ? {} : { uid: this.user.uid, gid: this.user.gid };
  }
}

/** An ordinary user mounts through fusermount3, which needs the device and directories of theirs. */
function prepareFor(user: User, base: string): void {
  if ((statSync("/dev/fuse").mode & 0o006) !== 0o006) chmodSync("/dev/fuse", 0o666);
  mkdirSync(base, { recursive: true });
  chownSync(base, user.uid, user.gid);
  chmodSync(base, 0o755);
}

/**
 * Runs a shell script; throws with what it said when it fails. The shell itself goes to `cwd`: nobody
 * but the user who mounts may enter a mount, not even root.
 */
export async function shell(
  script: string,
  { cwd, timeoutMs = 110_000, user }: { cwd?: string; timeoutMs?: number; user?: User } = {},
): Promise<string> {
  try {
    const inPlace = cwd === undefined ? script : `cd -- "$0"\n${script}`;
    const { stdout } = await run("bash", ["-euo", "pipefail", "-c", inPlace, cwd ?? "bash"], {
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
    });
    return stdout;
  } catch (error) {
    const { stdout, stderr, code, signal } = error as Record<string, unknown>;
    throw new Error(`${script}\nended with ${code ?? signal}:\n${stdout}${stderr}`);
  }
}
