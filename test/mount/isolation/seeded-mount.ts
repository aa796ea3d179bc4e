import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Mounted, shell } from "../../support/daemon.js";
import { makeTempDir } from "../../support/temp-dir.js";

/** Namespaces besides the default ones, each with one of the declarations that there are. */
const CUSTOM = [
  { name: "manuals", readonly: true, admin_only: false, requires_tenant: false },
  { name: "vault", readonly: false, admin_only: true, requires_tenant: false },
  { name: "teams", readonly: false, admin_only: false, requires_tenant: true },
];

/** What is read-only is filled while it isn't: a configuration may redefine the defaults. */
const WHILE_SEEDED = [
  { name: "manuals", requires_tenant: false },
  { name: "vault", admin_only: true, requires_tenant: false },
  { name: "teams", requires_tenant: true },
  { name: "archives", requires_tenant: true },
  { name: "system", admin_only: true, requires_tenant: false },
];

/** The directories of two tenants, two agents, and of nobody. Each has the same things in it. */
const SEEDED_DIRECTORIES = [
  "workspace/acme/agent1",
  "workspace/acme/agent2",
  "workspace/globex/agent1",
  "shared/acme",
  "shared/globex",
  "archives/acme",
  "archives/globex",
  "teams/acme",
  "teams/globex",
  "system",
  "vault",
  "manuals",
  "documents",
] as const;

/** What is in each of them. */
export const SEEDED_NAMES = ["directory", "file", "link"] as const;

/**
 * A mount for one identity after the other, on a store that an administrator filled before. `stop` it
 * in `finally`.
 */
export class SeededMount {
  readonly #mounted: Mounted;
  readonly #configDirectory: string;

  private constructor(mounted: Mounted, configDirectory: string) {
    this.#mounted = mounted;
    this.#configDirectory = configDirectory;
  }

  static async start(identity: readonly string[]): Promise<SeededMount> {
    const configDirectory = makeTempDir();
    // JSON is YAML.
    for (const [name, namespaces] of Object.entries({ seeding: WHILE_SEEDED, declared: CUSTOM })) {
      writeFileSync(join(configDirectory, `${name}.yaml`), JSON.stringify({ namespaces }));
    }
    const args = ["--admin", "--config", join(configDirectory, "seeding.yaml")];
    const mounted = await Mounted.start({ args });
    const seeded = new SeededMount(mounted, configDirectory);
    try {
      await seed(mounted.mountPoint);
      await seeded.remount(identity);
      return seeded;
    } catch (error) {
      await seeded.stop();
      throw error;
    }
  }

  /** Unmounts, and mounts for this identity with the namespaces as they are declared. */
  async remount(identity: readonly string[]): Promise<void> {
    await this.#mounted.unmount();
    await this.#mounted.mount([
      "--config",
      join(this.#configDirectory, "declared.yaml"),
      ...identity,
    ]);
  }

  get mountPoint(): string {
    return this.#mounted.mountPoint;
  }

  get dataDir(): string {
    return this.#mounted.dataDir;
  }

  async stop(): Promise<void> {
    await this.#mounted.stop();
    rmSync(this.#configDirectory, { recursive: true, force: true });
  }
}

async function seed(mountPoint: string): Promise<void> {
  for (const directory of SEEDED_DIRECTORIES) {
    const path = join(mountPoint, directory);
    mkdirSync(join(path, "directory"), { recursive: true });
    writeFileSync(join(path, "directory", "inside"), `inside ${directory}\n`);
    writeFileSync(join(path, "file"), `of ${directory}\n`);
    symlinkSync("file", join(path, "link"));
  }
  const files = SEEDED_DIRECTORIES.map((directory) => `${directory}/file`).join(" ");
  await shell(`setfattr -n user.status -v ready ${files}`, { cwd: mountPoint });
}
