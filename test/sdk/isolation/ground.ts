import { join } from "node:path";
import Database from "better-sqlite3";
import { NexusError } from "../../../src/model/errors.js";
import type { Caller, Identity } from "../../../src/model/identity.js";
import { ROOT_INO } from "../../../src/model/ids.js";
import type { NexusClient } from "../../../src/sdk/client.js";
import { clientOf as clientOn } from "../../support/client-kind.js";
import { caller, World } from "../../vfs/world.js";
import { CUSTOM_NAMESPACES, PLACES } from "./rules.js";

export const ADMIN: Caller = caller(undefined, undefined, { isAdmin: true });
/** Open to all, and in every store. */
export const OWN = "/documents/own";
/** Has the same length as the name of a file that isn't there. */
export const PRESENT = "present";
export const MISSING = "missing";

/** The content of a file that no other place has. */
export function secretOf(place: string): string {
  return `needle of ${place}`;
}

export function clientOf(world: World, identity: Identity): NexusClient {
  const features = world.local.featuresFor(identity);
  return clientOn(features, { identity, dataDir: world.dataDir });
}

/**
 * A store with files of all kinds in these places, those that come `later` an hour after the others.
 * Everywhere else there is nothing, not even the directories.
 */
export async function groundWith(places: {
  readonly first: readonly string[];
  readonly later: readonly string[];
}): Promise<World> {
  const writable = ["archives", "system"].map((name) => ({
    name,
    readonly: false,
    adminOnly: true,
    requiresTenant: name === "archives",
  }));
  const relaxed = CUSTOM_NAMESPACES.map((namespace) => ({ ...namespace, readonly: false }));
  const config = { atime: "noatime" } as const;
  const making = new World({ config: { ...config, namespaces: [...writable, ...relaxed] } });
  const admin = clientOf(making, ADMIN.identity);
  await admin.write(`${OWN}/mine`, "mine");
  await admin.write(`${OWN}/waiting`, "waiting");
  const targets = PLACES.map((place) => `${place}/${PRESENT}`);
  await admin.queue.submit(`${OWN}/waiting`, { dependsOn: targets });
  await plantSymlinks(making);
  for (const place of places.first) await plant(admin, place);
  await making.pass(3_600_000);
  for (const place of places.later) await plant(admin, place);
  await making.close({ drainMs: 10_000 });
  const { dataDir, clock } = making;
  return new World({ dataDir, clock, config: { ...config, namespaces: CUSTOM_NAMESPACES } });
}

async function plant(admin: NexusClient, place: string): Promise<void> {
  const at = (name: string) => `${place}/${name}`;
  await admin.write(at(PRESENT), secretOf(place));
  for (const name of ["alike", "blocked", "done", "taken"]) await admin.write(at(name), "needles");
  await admin.queue.submit(at(PRESENT), { priority: 5 });
  await admin.queue.submit(at("blocked"), { dependsOn: at(PRESENT) });
  await admin.metadata.set(at("done"), "status", "completed");
  await admin.queue.submit(at("taken"));
  await admin.queue.claimPath(at("taken"), { worker: "somebody", leaseMs: 1e9 });
  for await (const { path } of admin.walk({ prefix: place })) await admin.stat(path);
}

/** One into each place, and one through it. */
async function plantSymlinks({ fs }: World): Promise<void> {
  const documents = await fs.lookup(ADMIN, { parent: ROOT_INO, name: "documents" });
  if (documents === undefined) throw new Error("there are no documents");
  for (const [index, place] of PLACES.entries()) {
    for (const [name, target] of Object.entries({
      [`to-${index}`]: `${place}/${PRESENT}`,
      [`into-${index}`]: place,
      [`through-${index}`]: `${place}/..${"/..".repeat(place.split("/").length - 2)}${OWN}/mine`,
    })) {
      const request = { parent: documents.ino, name, target: Buffer.from(target) };
      await fs.symlink(ADMIN, request);
    }
  }
}

/** What somebody is told: an answer or an error, without the numbers that differ between stores. */
export async function outcome(run: () => Promise<unknown>): Promise<string> {
  try {
    return plain(await run());
  } catch (error) {
    if (!(error instanceof NexusError)) throw error;
    return plain(`${error.kind}: ${error.message} (${error.op} ${error.path})`);
  }
}

function plain(answer: unknown): string {
  const text = JSON.stringify(
    answer,
    (key, value: unknown) => {
      if (key === "ino") return 0;
      return value instanceof Map ? [...value] : value;
    },
    1,
  );
  return (text ?? "nothing").replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "id");
}

/** Everything that the database knows but counters and how far the journal is. */
export function contentsOf(world: World): unknown {
  world.metadata.commit();
  const database = new Database(join(world.dataDir, "metadata.db"), { readonly: true });
  try {
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'store_state'")
      .pluck()
      .all() as string[];
    return tables.map((table) => [table, database.prepare(`SELECT * FROM ${table}`).all()]);
  } finally {
    database.close();
  }
}
