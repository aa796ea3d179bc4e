import fc from "fast-check";
import { expect, test } from "vitest";
import type { Features } from "../../../src/features/features.js";
import type { WatchEvent } from "../../../src/features/watch/watch.js";
import { NexusError } from "../../../src/model/errors.js";
import { ROOT_INO } from "../../../src/model/ids.js";
import { ANYBODY, World } from "../../vfs/world.js";
import { featuresOf, observe } from "./watch-world.js";

// Whoever applies the events to what a listing gave has what a listing gives now, of everything or of a
// part, also when the process was killed on the way.

const name = fc.constantFrom("a", "b", "c");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join("/")}`);

const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant("write" as const), path }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("mkdir" as const), path }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant("rename" as const), path, to: path }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("exchange" as const), path, to: path }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("copy" as const), path, to: path }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("delete" as const), path }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("rmdir" as const), path }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Does it, or is refused as any program would be. */
async function run(world: World, { files }: Features, operation: Operation): Promise<void> {
  const { op, path } = operation;
  try {
    if (op === "write") await files.write(path, path, { parents: false });
    if (op === "mkdir") await files.mkdir(path);
    if (op === "rename") await files.rename(path, operation.to);
    if (op === "exchange") await exchange(world, path, operation.to);
    if (op === "copy") await files.copy(path, operation.to, { recursive: true });
    if (op === "delete") await files.delete(path);
    if (op === "rmdir") await files.rmdir(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof NexusError) || error.kind === "internal") throw error;
  }
}

async function exchange(world: World, from: string, to: string): Promise<void> {
  const [one, two] = [entryOf(world, from), entryOf(world, to)];
  if (one === undefined || two === undefined) return;
  const { parent: newParent, name: newName } = two;
  await world.fs.rename(ANYBODY, { ...one, newParent, newName, mode: "exchange", whiteout: false });
}

function entryOf(world: World, path: string) {
  const names = path.slice(1).split("/");
  const name = names.pop() ?? "";
  let parent = ROOT_INO;
  for (const step of names) {
    const entry = world.fs.lookup(ANYBODY, { parent, name: step });
    if (entry === undefined || entry instanceof Promise) return undefined;
    parent = entry.ino;
  }
  return { parent, name };
}

type Tree = Map<string, string>;

/** Paths, with what they lead to. */
async function listed({ files }: Features, prefix: string): Promise<Tree> {
  const tree: Tree = new Map();
  try {
    for await (const { path, type, ino } of files.walk({ prefix, directories: true })) {
      tree.set(path, `${type} ${ino}`);
    }
  } catch (error) {
    // Gone, or no directory.
    if (!(error instanceof NexusError)) throw error;
  }
  return tree;
}

/** What is moved into view with things in it is listed, as the interface says. */
async function apply(tree: Tree, event: WatchEvent, features: Features): Promise<void> {
  const below = (path: string) => [...tree.keys()].filter((key) => key.startsWith(`${path}/`));
  const { kind, path, type, ino } = event;
  if (kind === "removed") {
    for (const key of [path, ...below(path)]) tree.delete(key);
  }
  if (kind === "created") {
    tree.set(path, `${type} ${ino}`);
    if (event.isNew || type !== "directory") return;
    for (const [inner, what] of await listed(features, path)) tree.set(inner, what);
  }
  if (kind === "renamed") {
    for (const key of [event.from, ...below(event.from)]) {
      const what = tree.get(key);
      tree.delete(key);
      if (what !== undefined) tree.set(path + key.slice(event.from.length), what);
    }
  }
}

function sorted(tree: Tree, root: string): [string, string][] {
  return [...tree].filter(([path]) => path !== root).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

test.each([["/"], ["/a"]])(
  "the events of %s, applied one after the other, give the tree",
  async (root) => {
    const operations = fc.array(operation, { minLength: 5, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(operations, fc.nat({ max: 24 }), async (list, killedAt) => {
        let world = new World();
        let features = featuresOf(world);
        if (root !== "/") await features.files.mkdir(root);
        let cursor = await features.watching.watchCursor();
        let observer = await observe(features, { path: root, cursor });
        const tree = await listed(features, root);
        for (const [index, operation] of list.entries()) {
          if (index === killedAt) {
            await observer.leave();
            world = world.killed();
            features = featuresOf(world);
            observer = await observe(features, { path: root, cursor });
          }
          await run(world, features, operation);
          for (const event of await observer.events()) {
            await apply(tree, event, features);
            cursor = event.cursor;
          }
          const now = await listed(features, root);
          expect(sorted(tree, root)).toStrictEqual(sorted(now, root));
        }
        await observer.leave();
        await world.close();
      }),
      { numRuns: 40 },
    );
  },
);
