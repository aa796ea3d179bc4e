import { describe, expect, test } from "vitest";
import type { Identity } from "../../src/model/identity.js";
import { clientKind } from "../support/client-kind.js";
import {
  clientOf,
  contentsOf,
  groundWith,
  MISSING,
  OWN,
  outcome,
  PRESENT,
  secretOf,
} from "./isolation/ground.js";
import { AT_PATH, EVERYWHERE, lineFor } from "./isolation/methods.js";
import { IDENTITIES, PLACES, type Refusal, refusalAt, STRUCTURE } from "./isolation/rules.js";

// Every method of a client, in every namespace, for every identity. Two stores are compared: one has
// files everywhere, the other one only where the identity may see them. Whoever can tell the one from the
// other has been told something that isn't for them.

function isVisible(identity: Identity, path: string): boolean {
  return refusalAt(identity, { path, access: "read" }) === undefined;
}

async function fullStore(identity: Identity) {
  const seen = PLACES.filter((place) => isVisible(identity, place));
  const hidden = PLACES.filter((place) => !isVisible(identity, place));
  return { seen, hidden, full: await groundWith({ first: seen, later: hidden }) };
}

async function stores(identity: Identity) {
  const full = await fullStore(identity);
  return { ...full, bare: await groundWith({ first: full.seen, later: [] }) };
}

function says(answer: string, { kind, message }: Refusal): boolean {
  return answer.startsWith(`"${kind}: `) && answer.includes(message);
}

/** Over a connection the same rules answer; these two show that what they say arrives. */
const TOLD_FROM_AFAR = ["a tenant's agent", "another tenant's agent"];

const CASES = Object.entries(IDENTITIES).filter(
  ([who]) => clientKind() === "in process" || TOLD_FROM_AFAR.includes(who),
);

describe.each(CASES)("%s", (_, identity) => {
  test("is refused by the path alone, told so, and changes nothing", async () => {
    const { full, bare } = await stores(identity);
    const before = contentsOf(full);
    const nexus = clientOf(full, identity);
    const other = clientOf(bare, identity);
    const deviations: unknown[] = [];
    let refused = 0;
    for (const place of PLACES) {
      for (const [title, { access, instead, run }] of AT_PATH) {
        const aim = { path: `${place}/${PRESENT}`, own: OWN };
        const refusal = refusalAt(identity, { path: aim.path, access });
        if (refusal === undefined) continue;
        refused += 1;
        const there = await outcome(() => run(nexus, aim));
        const gone = await outcome(() => run(nexus, { ...aim, path: `${place}/${MISSING}` }));
        const nowhere = await outcome(() => run(other, aim));
        const isRight =
          instead === undefined
            ? says(there, refusal)
            : there === (await outcome(async () => instead));
        const isSame = gone.replaceAll(MISSING, PRESENT) === there && nowhere === there;
        if (!isRight || !isSame) deviations.push([title, place, { there, gone, nowhere }]);
      }
    }
    expect(deviations).toStrictEqual([]);
    expect(refused).toBeGreaterThan(PLACES.length);
    expect(contentsOf(full)).toStrictEqual(before);
  }, 60_000);

  test("is not refused where it may", async () => {
    const { full, seen } = await fullStore(identity);
    const nexus = clientOf(full, identity);
    const admin = clientOf(full, { isAdmin: true });
    const deviations: unknown[] = [];
    for (const place of seen) {
      for (const [title, { access, run }] of AT_PATH) {
        if (refusalAt(identity, { path: place, access }) !== undefined) continue;
        const own = `/documents/${title.replaceAll(/\W/g, "-")}${seen.indexOf(place)}`;
        await admin.write(`${own}/mine`, "mine");
        const path =
          access === "write" ? `${place}/${title.replaceAll(/\W/g, "-")}` : `${place}/${PRESENT}`;
        if (access === "write") await admin.write(path, "new");
        const answer = await outcome(() => run(nexus, { path, own }));
        if (/^"(access-denied|read-only|not-permitted)/.test(answer)) {
          deviations.push([title, place, answer]);
        }
      }
    }
    expect(deviations).toStrictEqual([]);
  }, 60_000);

  const seesAll = PLACES.every((place) => isVisible(identity, place));
  if (seesAll) return;

  test("can't tell from anything whether there is more than it may see", async () => {
    const { full, bare, hidden } = await stores(identity);
    const [nexus, other] = [clientOf(full, identity), clientOf(bare, identity)];
    const same = async (title: string, run: (client: typeof nexus) => Promise<unknown>) => {
      const told = await outcome(() => run(nexus));
      expect([title, told]).toStrictEqual([title, await outcome(() => run(other))]);
    };
    for (const [title, { run }] of EVERYWHERE) await same(title, run);
    for (const path of STRUCTURE) {
      await same(`stat ${path}`, (client) => client.stat(path));
      await same(`metadata of ${path}`, (client) => client.metadata.list(path));
      for (const [title, { access, run }] of AT_PATH) {
        if (access === "read")
          await same(`${title} ${path}`, (client) => run(client, { path, own: OWN }));
      }
    }
    for (const index of PLACES.keys()) {
      for (const link of [
        `/documents/to-${index}`,
        `/documents/into-${index}`,
        `/documents/through-${index}`,
      ]) {
        for (const [title, { access, run }] of AT_PATH) {
          if (access === "read")
            await same(`${title} ${link}`, (client) => run(client, { path: link, own: OWN }));
        }
      }
    }
    await same("what waits", (client) => client.queue.get(`${OWN}/waiting`));
    await same("what it waits for", (client) => client.queue.dependencies(`${OWN}/waiting`));
    const admin = clientOf(full, { isAdmin: true });
    for (const place of hidden) {
      const { pathId } = await admin.stat(`${place}/${PRESENT}`);
      const waiting = async (client: typeof nexus) => {
        const item = await client.queue.submit(`${OWN}/mine`, { dependsOn: pathId });
        return [item, await client.queue.dependencies(`${OWN}/mine`)];
      };
      await same(`a path_id of ${place}`, waiting);
      await same(`a content of ${place}`, (client) =>
        client.importMetadata(lineFor(`${OWN}/taken-from`, secretOf(place))),
      );
    }
  }, 60_000);
});
