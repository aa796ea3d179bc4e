import { Readable, Writable } from "node:stream";
import { expect, test } from "vitest";
import { NexusError } from "../../../src/model/errors.js";
import type { Caller } from "../../../src/model/identity.js";
import { Random } from "../../differ/random.js";
import { caller } from "../../vfs/world.js";
import { damageExport } from "./hostile/damage-export.js";
import { ADMIN, sha256, TransferWorld } from "./transfer-world.js";

// An import of whatever somebody sends is all of it, whole and where its sender may write, or an error and nothing. How
// to run more of it: native-notes/hostile-input.md.

const CASES = Number(process.env.HOSTILE_IMPORTS ?? 300);
const SEED = Number(process.env.HOSTILE_IMPORT_SEED ?? 1);
const TIMEOUT_MS = 20_000 + 100 * CASES;
/** What goes to one store. */
const STORE_CASES = 100;
const CONFLICT_MODES = ["skip", "overwrite", "remap", "auto"] as const;
/** Where Alice may write nothing. */
const FOREIGN = /^\/(system|archives|workspace\/(?!acme\/alice\/)|shared\/(?!acme\/))/;
const ALICE = caller("acme", "alice");
const HOME = "/workspace/acme/alice";
const TREE = [
  ...["/jobs/a", "/jobs/b", "/jobs/deep/er/c", `${HOME}/own`, "/shared/acme/s"],
  ...["/workspace/acme/bob/secret", "/workspace/globex/g/secret"],
];
/** What is wrong with what was sent, or what may not be written to. */
const KINDS: readonly string[] = [
  ...["invalid-argument", "invalid-path", "name-too-long", "access-denied", "read-only"],
  ...["is-a-directory", "not-a-directory", "not-permitted", "attribute-too-large", "not-supported"],
  ...["already-exists", "invalid-encoding", "not-found"],
];

async function exported(withContent: boolean): Promise<Buffer> {
  const world = await worldWith(TREE);
  const parts: Buffer[] = [];
  const target = new Writable({
    write: (chunk, _encoding, done) => {
      parts.push(chunk);
      done();
    },
  });
  await world.transfer().exportMetadata(target, { withContent, prefix: "/" });
  await world.close();
  return Buffer.concat(parts);
}

async function worldWith(paths: readonly string[]): Promise<TransferWorld> {
  const world = new TransferWorld();
  for (const path of paths) {
    await world.put(path, `text of ${path}`, { owner: path, status: "ready" });
  }
  return world;
}

/** Each file with its hash and what it has beside it, as an administrator sees it. */
async function contentsOf(world: TransferWorld): Promise<Map<string, string>> {
  const lines: Buffer[] = [];
  const target = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(chunk);
      done();
    },
  });
  await world.transfer().exportMetadata(target, { prefix: "/" });
  const parsed = Buffer.concat(lines)
    .toString()
    .split("\n")
    .filter((line) => line !== "");
  return new Map(
    parsed.map((line) => {
      const { path, etag, custom_metadata } = JSON.parse(line) as Record<string, unknown>;
      return [String(path), JSON.stringify([etag, custom_metadata])];
    }),
  );
}

/** Undefined when it went well. Errors: whatever isn't one of {@link KINDS}. */
async function refusal(
  world: TransferWorld,
  { bytes, as, random }: { bytes: Buffer; as: Caller; random: Random },
): Promise<string | undefined> {
  const size = random.pick([100, 512, 4096, 1_000_000]);
  const count = Math.ceil(bytes.length / size);
  const pieces = Array.from({ length: count }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );
  try {
    const conflictMode = random.pick(CONFLICT_MODES);
    await world.transfer(as).importMetadata(Readable.from(pieces), { conflictMode });
    return undefined;
  } catch (error) {
    if (!(error instanceof NexusError) || !KINDS.includes(error.kind)) throw error;
    expect(error.message).not.toBe("");
    return error.message;
  }
}

test.each([
  ["lines", false],
  ["an archive", true],
])(
  "%s that were damaged are taken in whole, or not at all",
  async (_, withContent) => {
    const random = new Random(SEED + Number(withContent));
    const whole = await exported(withContent);
    let taken = 0;
    for (let done = 0; done < CASES; ) {
      // Lines alone are taken where all their contents are at hand.
      const world = await worldWith(withContent ? TREE.slice(0, 5) : TREE);
      let before = await contentsOf(world);
      for (const end = Math.min(CASES, done + STORE_CASES); done < end; done++) {
        const as = random.chance(50) ? ADMIN : ALICE;
        const refused = await refusal(world, { bytes: damageExport(whole, random), as, random });
        const after = await contentsOf(world);
        if (refused !== undefined) expect(after, refused).toStrictEqual(before);
        else taken += 1;
        for (const [path, file] of after) {
          if (before.get(path) === file) continue;
          const [etag] = JSON.parse(file) as [string];
          expect([path, sha256(await world.text(path))]).toStrictEqual([path, etag]);
          if (as === ALICE) expect(path).not.toMatch(FOREIGN);
        }
        before = after;
      }
      await world.close();
    }
    // Nothing is shown where nothing is taken in, or all of it.
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(CASES);
  },
  TIMEOUT_MS,
);
