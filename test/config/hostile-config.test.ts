import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Config, Setting } from "../../src/config/config.js";
import { RULES, type SettingRule } from "../../src/config/schema.js";
import { NexusError } from "../../src/model/errors.js";
import { Random } from "../differ/random.js";
import { ConfigPlace } from "../support/config-place.js";
import { damageText } from "./hostile/damage-text.js";
import { SAMPLES, UNKNOWN } from "./hostile/samples.js";
import { writeYaml } from "./hostile/write-yaml.js";

// Whatever stands in a configuration, it is taken as it is meant, or refused with one line that says where and what.
// How to run more of it: native-notes/hostile-input.md.

const CASES = Number(process.env.HOSTILE_CONFIGS ?? 800);
const SEED = Number(process.env.HOSTILE_CONFIG_SEED ?? 1);
const TIMEOUT_MS = 20_000 + 20 * CASES;
/** What is said of a setting, with the path of a file and what was found in it. */
const LONGEST_MESSAGE = 1200;
const KEYS = Object.keys(SAMPLES);

/** The configuration, or what it was refused with. Anything else that is thrown fails the test. */
function load(action: () => Config): { config: Config } | { refusal: string } {
  try {
    return { config: action() };
  } catch (error) {
    if (!(error instanceof NexusError) || error.kind !== "invalid-config") throw error;
    return { refusal: error.message };
  }
}

function requireOneLine(refusal: string): void {
  expect(refusal.length).toBeLessThan(LONGEST_MESSAGE);
  expect(refusal).not.toMatch(/\n|\bat \S+ \(|undefined|Maximum call stack|\[object /);
}

/** What no configuration may have, however it came about. */
function requireSound(config: Config): void {
  const { dataDir, dbPath, cacheSizeMb, gcIntervalHours, gcGraceMinutes, tenantId, agentId } =
    config;
  for (const path of [dataDir, dbPath]) expect(path).toMatch(/^\/[^\0]*$/);
  for (const name of [tenantId, agentId]) expect(name ?? "a").toMatch(/^[^/\p{Cc}\ufffd]{1,255}$/u);
  expect(cacheSizeMb > 0 && cacheSizeMb <= 2 ** 20).toBe(true);
  expect(gcIntervalHours >= 0 && gcGraceMinutes >= 0).toBe(true);
  for (const { prefix } of config.mounts) expect(prefix).toMatch(/^\//);
}

interface Given {
  readonly settings: [key: string, value: unknown][];
  readonly expected: Partial<Config>;
  readonly wrong: string[];
}

/** Some settings, most of them right. */
function give(random: Random): Given {
  const given: Given = { settings: [], expected: {}, wrong: [] };
  const wrongOnes = random.pick([0, 1, 1, 2]);
  const keys = new Set(Array.from({ length: 1 + random.below(5) }, () => random.pick(KEYS)));
  for (const [index, key] of [...keys].entries()) {
    const samples = SAMPLES[key];
    if (samples === undefined) continue;
    if (index < wrongOnes) {
      given.settings.push([key, random.pick(samples.refused)]);
      given.wrong.push(key);
    } else {
      const [value, config] = random.pick(samples.taken);
      given.settings.push([key, value]);
      Object.assign(given.expected, config);
    }
  }
  if (random.below(10) === 0) {
    const key = random.pick(UNKNOWN);
    given.settings.push([key, "x"]);
    given.wrong.push(JSON.stringify(key).slice(1, 20).replace(/"$/, ""));
  }
  return given;
}

function check(result: ReturnType<typeof load>, { wrong, expected }: Given): void {
  if ("config" in result) {
    expect(wrong).toStrictEqual([]);
    expect(result.config).toMatchObject(expected);
    requireSound(result.config);
    return;
  }
  expect(wrong, result.refusal).not.toStrictEqual([]);
  expect(
    wrong.some((key) => result.refusal.includes(key)),
    result.refusal,
  ).toBe(true);
  requireOneLine(result.refusal);
}

describe("settings of every kind, right ones among wrong ones, are taken all or refused by their key", () => {
  test(
    "in a file",
    () => {
      const random = new Random(SEED);
      const place = new ConfigPlace();
      for (let done = 0; done < CASES; done++) {
        const given = give(random);
        check(
          load(() => place.loadYaml(writeYaml(given.settings, random))),
          given,
        );
      }
    },
    TIMEOUT_MS,
  );

  test(
    "in a library call or a flag",
    () => {
      const random = new Random(SEED + 1);
      const place = new ConfigPlace();
      for (let done = 0; done < CASES; done++) {
        const given = give(random);
        const settings = given.settings.map(([key, value]): [string, Setting] => [
          key,
          { value, source: `--${key.slice(0, 20)}` },
        ]);
        check(
          load(() => place.load({ explicit: new Map(settings) })),
          given,
        );
      }
    },
    TIMEOUT_MS,
  );

  test(
    "in the environment",
    () => {
      const random = new Random(SEED + 2);
      const place = new ConfigPlace();
      for (let done = 0; done < CASES; done++) {
        const given = give(random);
        const texts = given.settings.flatMap(([key, value]) => {
          const { variable } = (RULES as Record<string, SettingRule>)[key] ?? {};
          const isSet = variable !== undefined && typeof value === "string" && value !== "";
          return isSet ? [[key, variable, value] as const] : [];
        });
        const env = Object.fromEntries(texts.map(([, variable, value]) => [variable, value]));
        const wrong = given.wrong.filter((key) => texts.some(([set]) => set === key));
        check(
          load(() => place.load({ env })),
          { ...given, wrong, expected: {} },
        );
      }
    },
    TIMEOUT_MS,
  );
});

test(
  "a file that was damaged is read, or refused with its path in one line",
  () => {
    const random = new Random(SEED + 3);
    const place = new ConfigPlace();
    const path = join(place.cwd, "nexus.yaml");
    for (let done = 0; done < CASES; done++) {
      const text = damageText(writeYaml(give(random).settings, random), random);
      place.write("cwd/nexus.yaml", text);
      const result = load(() => place.load({ env: { HOME: "/root", A: "a" } }));
      if ("config" in result) requireSound(result.config);
      else {
        expect(result.refusal).toContain(path);
        requireOneLine(result.refusal);
      }
    }
  },
  TIMEOUT_MS,
);
