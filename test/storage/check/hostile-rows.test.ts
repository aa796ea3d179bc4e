import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { Random } from "../../differ/random.js";
import { fsck } from "../../support/checked-store.js";
import { testDir } from "../../support/temp-dir.js";
import { damageRows } from "./hostile/damage-rows.js";
import { hostileStores, textsIn } from "./hostile/hostile-store.js";

// Whatever its rows are, a store is checked to the end, a repair leaves nothing that another one would mend, and no text
// is lost. How to run more of it: native-notes/hostile-input.md.

const STORES = Number(process.env.HOSTILE_ROWS ?? 6);
const SEED = Number(process.env.HOSTILE_ROWS_SEED ?? 1);
const TIMEOUT_MS = 20_000 + 5000 * STORES;
const MOST_TRIES = 20;
/** Where these are left, nobody opens the store: then a repair has to be enough another time. */
const HOPELESS = /^(database\.|root\.directory$|store\.start$)/;

/** Some damage, in SQL. */
function damage(dataDir: string, random: Random): string[] {
  const database = new Database(join(dataDir, "metadata.db"));
  const count = random.pick([1, 1, 1, 2, 3, 5]);
  const done: string[] = [];
  for (let tries = 0; done.length < count && tries < MOST_TRIES; tries++) {
    const sql = damageRows(database, random);
    if (sql !== undefined) done.push(sql);
  }
  database.close();
  return done;
}

/** As a report, for a comparison; without one, it says so. */
async function findings(dataDir: string, ...args: string[]) {
  const { report, stderr } = await fsck(dataDir, ...args);
  if (report === undefined) throw new Error(`no report: ${stderr}`);
  const told = report.findings.map(({ rule, what }) => `${rule}: ${what}`);
  return {
    told: told.sort(),
    repaired: report.repaired,
    rules: report.findings.map((f) => f.rule),
  };
}

async function requireMended(dataDir: string, texts: ReadonlySet<string>): Promise<void> {
  await findings(dataDir);
  const first = await findings(dataDir, "--repair");
  const second = await findings(dataDir, "--repair");
  expect(second.repaired).toStrictEqual([]);
  expect(second.told).toStrictEqual(first.told);
  expect(first.rules).not.toContain("repair.failed");
  if (first.rules.some((rule) => HOPELESS.test(rule))) return;
  const left = await textsIn(dataDir);
  expect([...texts].filter((text) => !left.has(text))).toStrictEqual([]);
}

test(
  "a store with damaged rows is checked to the end, mended at once as far as it can be, and loses no text",
  async () => {
    const stores = await hostileStores();
    const texts: Record<string, Set<string>> = {};
    for (const [kind, dataDir] of Object.entries(stores)) {
      const undamaged = join(testDir(), "data");
      cpSync(dataDir, undamaged, { recursive: true });
      expect((await findings(undamaged, "--repair")).told).toStrictEqual([]);
      texts[kind] = await textsIn(undamaged);
    }
    for (let seed = SEED; seed < SEED + STORES; seed++) {
      const random = new Random(seed);
      const kind = random.pick(["closed", "killed"] as const);
      const dataDir = join(testDir(), "data");
      cpSync(stores[kind], dataDir, { recursive: true });
      const sql = damage(dataDir, random);
      try {
        await requireMended(dataDir, texts[kind] ?? new Set());
      } catch (error) {
        throw new Error(`seed ${seed}, ${kind}:\n${sql.join(";\n").slice(0, 2000)}`, {
          cause: error,
        });
      }
      rmSync(dataDir, { recursive: true });
    }
  },
  TIMEOUT_MS,
);
