import type Database from "better-sqlite3";
import { isKind } from "../../model/errors.js";
import { BehindNote, lacksChanges } from "../behind-note.js";
import { Quarantine } from "../content/local/quarantine.js";
import { openForCheck } from "../metadata/check/open-for-check.js";
import { Paths } from "../metadata/check/paths.js";
import { HOPELESS } from "../metadata/check/repair-database.js";
import { currentSchema, type SchemaObject } from "../metadata/check/schema-rule.js";
import { UNREADABLE } from "../metadata/check/violations.js";
import { behindFinding } from "./behind-finding.js";
import { checkContents } from "./check-contents.js";
import { checkMetadata } from "./check-metadata.js";
import { checkStaging, type StagingCheck } from "./check-staging.js";
import { ContentRows } from "./content-rows.js";
import { filesWithoutContent } from "./files-without-content.js";
import type { Finding, Problem } from "./finding.js";
import { lostDependencies } from "./lost-dependencies.js";
import { prepareStore, type StoreToPrepare } from "./prepare-store.js";
import { type ReadableTable, readableTables } from "./readable-tables.js";
import { repairStore, type StoreToRepair } from "./repair-store.js";
import { type Checked, type CheckReport, NOTHING_CHECKED } from "./report.js";
import { wrongZones, type Zones } from "./wrong-zones.js";

/** What is to be checked, and how it is opened. */
export interface StoreToCheck extends StoreToPrepare, StoreToRepair {
  readonly zones: Zones;
}

export interface CheckOptions {
  /** Offline, the caller has the lock. */
  readonly mode: "online" | "offline";
  /** A repair is offline. */
  readonly action: "check" | "repair";
  readonly onProgress: (progress: {
    readonly doneBytes: number;
    readonly totalBytes: number;
  }) => void;
  readonly signal: AbortSignal;
}

/**
 * Checks all that must hold in a data directory, and mends what needs no guess. Nothing is mended in a database
 * that is damaged itself. Errors: those of opening it but `corrupt`, `io-failure`, what `signal` has as a reason.
 */
export async function checkStore(store: StoreToCheck, options: CheckOptions): Promise<CheckReport> {
  const { mode, action } = options;
  const { known, isOpen, staging, leftOut, behind } = await prepareStore(store, options);
  const isKnownLossy = behind !== undefined || isDamaged(known);
  const isBehind = behind !== undefined && lacksChanges(behind);
  const common = { ...options, staging, isKnownLossy, isBehind };
  const looked = await pass(store, { ...common, depth: "bytes", isOpen });
  const first = { ...looked, findings: [...known, ...looked.findings] };
  const isHopeless = first.readable.length > 0 || !isOpen || first.findings.some(isBeyondRepair);
  if (action === "check" || isHopeless) {
    return report(store, { mode, leftOut, found: first, repaired: [] });
  }

  const isLossy = isKnownLossy || isDamaged(first.findings);
  const failures = await repairStore(store, { ...first, isLossy });
  const second = await pass(store, { ...common, depth: "presence", isOpen: true });
  for (const failure of failures) second.findings.push(failure);
  const note = new BehindNote(store.dataDir).read();
  if (note !== undefined) second.findings.unshift(behindFinding(note));
  const left = new Set(second.findings.map(keyOf));
  const repaired = first.findings.filter((finding) => !left.has(keyOf(finding)));
  return report(store, {
    ...{ mode, leftOut, repaired },
    found: { ...second, checked: first.checked },
  });
}

interface Found {
  readonly checked: Checked;
  readonly findings: Finding[];
  readonly problems: readonly Problem[];
  readonly schema: readonly SchemaObject[];
  readonly readable: readonly ReadableTable[];
}

interface Pass extends CheckOptions {
  readonly depth: "bytes" | "presence";
  /** Whether the store could be opened; if not, its database is damaged in some way. */
  readonly isOpen: boolean;
  /** Looking at it throws away what a crash left half-made. */
  readonly staging: "look" | "leave";
  /** Whether more than what is found here may be lost. */
  readonly isKnownLossy: boolean;
  readonly isBehind: boolean;
}

async function pass(store: StoreToCheck, options: Pass): Promise<Found> {
  const schema = currentSchema();
  const nothing = { checked: NOTHING_CHECKED, problems: [], schema, readable: [] };
  let database: Database.Database;
  try {
    database = openForCheck(store.databasePath, { access: "read" });
  } catch (error) {
    if (!isKind(error, "corrupt")) throw error;
    return { ...nothing, findings: [unreadable(error.message)] };
  }
  try {
    const findings = await checkMetadata(database, { schema, signal: options.signal });
    const isUnreadable = findings.some(({ rule }) => UNREADABLE.some(({ id }) => id === rule));
    if (isUnreadable || !options.isOpen) {
      if (findings.length === 0) findings.push(unreadable("it can't be opened"));
      return { ...nothing, findings, readable: readableTables(database) };
    }
    const checked = count(database);
    const totalBytes = checked.bytes;
    const problems = await collect(store, { ...options, database, totalBytes, findings });
    return {
      ...{ checked, problems, schema, readable: [] },
      findings: [...findings, ...problems.flatMap(({ finding }) => finding ?? [])],
    };
  } finally {
    database.close();
  }
}

async function collect(
  store: StoreToCheck,
  options: Pass & {
    readonly database: Database.Database;
    readonly totalBytes: number;
    /** Of the rows. */
    readonly findings: readonly Finding[];
  },
): Promise<Problem[]> {
  const { database, mode, depth, staging, isBehind, totalBytes, onProgress, signal } = options;
  const { layout } = store;
  const quarantine = new Quarantine(store.dataDir);
  const common = { database, paths: new Paths(database), layout, quarantine };
  const rows = new ContentRows(database);
  const problems: Problem[] = [];
  let doneBytes = 0;
  const onBytes = (bytes: number) => {
    signal.throwIfAborted();
    doneBytes += bytes;
    if (depth === "bytes") onProgress({ doneBytes, totalBytes });
  };
  // One by one: a call can't have as many arguments as a store may have problems.
  for (const problem of filesWithoutContent(common)) problems.push(problem);
  for (const problem of lostDependencies(common)) problems.push(problem);
  for (const problem of wrongZones({ ...common, zones: store.zones })) problems.push(problem);
  for await (const problem of checkContents({ ...common, rows, mode, depth, isBehind, onBytes })) {
    problems.push(problem);
  }
  if (staging === "leave") return problems;
  // The last to be looked at, and the first to be told of.
  const found = [...options.findings, ...problems.flatMap(({ finding }) => finding ?? [])];
  const isLossy = options.isKnownLossy || isDamaged(found);
  return [...(await stagingProblems(store, { ...common, isDamaged: isLossy })), ...problems];
}

async function stagingProblems(
  store: StoreToCheck,
  check: Omit<StagingCheck, "open">,
): Promise<Problem[]> {
  let contents: ReturnType<StoreToCheck["openContents"]> | undefined;
  const open = () => {
    contents ??= store.openContents();
    return contents;
  };
  try {
    return checkStaging({ ...check, open });
  } finally {
    await contents?.close();
  }
}

/** With such damage, each change may do more. */
function isBeyondRepair({ rule }: Finding): boolean {
  return HOPELESS.some(({ id }) => id === rule);
}

function isDamaged(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === "damage");
}

function unreadable(reason: string): Finding {
  return {
    ...{
      rule: "database.readable",
      severity: "damage",
      paths: [],
      morePaths: 0,
      repair: undefined,
    },
    what: `the database can't be read: ${reason}`,
    effect:
      "names and metadata of all files are in it: restore a backup. The contents are below cas/, each named by the SHA-256 of its bytes",
  };
}

/** In a database that says anything: sum() fails where it gets beyond 64 bits. */
function count(database: Database.Database): Checked {
  const counts = database.prepare<[], Checked>(
    `SELECT (SELECT count(*) FROM inodes) AS inodes, (SELECT count(*) FROM dentries) AS names,
       count(*) AS contents, total(size_bytes) AS bytes FROM contents WHERE ref_count > 0`,
  );
  return counts.get() ?? NOTHING_CHECKED;
}

function keyOf({ rule, what }: Finding): string {
  return `${rule} ${what}`;
}

function report(
  { dataDir }: StoreToCheck,
  {
    found,
    ...rest
  }: Pick<CheckReport, "mode" | "leftOut" | "repaired"> & { readonly found: Found },
): CheckReport {
  const { findings, checked, readable } = found;
  return {
    ...{ dataDir, ...rest, checked, findings, readable },
    isHealthy: !isDamaged(findings),
  };
}
