import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import Database from "better-sqlite3";
import { connect } from "../../dist/index.js";
import { hashOf, stateOf } from "./load.mjs";

/** How far a work item is, by its status. */
const RANKS = ["none", "ready", "in_progress", "completed"];

/**
 * Holds what is on the mounts, and what a client gets, against what was said; nobody else may be at work.
 * Returns what is wrong.
 */
export async function problemsOnMounts(ledger, { dataDir }) {
  const nexus = await connect({ dataDir, isAdmin: true });
  try {
    for (const key of ledger.states) {
      const [kind, subject] = splitKey(key);
      if (kind === "file") ledger.check(key, stateOf(subject));
      else if (kind === "client") ledger.check(key, await stateThrough(nexus, subject));
    }
    const short = ledger.least.flatMap(([key, least]) => missingOf(key, least));
    const items = [];
    for (const [path, { least, most }] of ledger.items) {
      const found = (await nexus.exists(path)) ? await statusOf(nexus, path) : "none";
      const rank = RANKS.indexOf(found);
      if (rank < least || rank > most) {
        items.push(`the item ${path} is ${found}, and was ${RANKS[least]} already`);
      }
    }
    return [...ledger.takeProblems(), ...short, ...items];
  } finally {
    await nexus.close();
  }
}

function splitKey(key) {
  const at = key.indexOf(":");
  return [key.slice(0, at), key.slice(at + 1)];
}

async function stateThrough(nexus, path) {
  if (!(await nexus.exists(path))) return "absent";
  const { etag } = await nexus.stat(path);
  const hash = hashOf(await nexus.read(path));
  return etag === undefined || etag === hash ? hash : `${hash}, with the etag ${etag}`;
}

async function statusOf(nexus, path) {
  return (await nexus.metadata.get(path, "status")) ?? "none";
}

function missingOf(key, least) {
  const [kind, subject] = splitKey(key);
  try {
    const found = LEAST[kind](subject, least);
    return found === undefined ? [] : [`${subject} has ${found}, and had ${least} already`];
  } catch (error) {
    return [`${subject}: ${error.message}`];
  }
}

/** What is there, if it is less. */
const LEAST = {
  bytes: (path, least) => {
    const { size } = statSync(path);
    return size < least ? `${size} bytes` : undefined;
  },
  rows: (path, least) => {
    const database = new Database(path);
    try {
      const [{ integrity_check: integrity }] = database.pragma("integrity_check");
      if (integrity !== "ok") return integrity;
      const rows = database.prepare("SELECT count(*) FROM rows").pluck().get();
      return rows < least ? `${rows} rows` : undefined;
    } finally {
      database.close();
    }
  },
  commit: (path, least) => {
    execFileSync("git", ["-C", path, "fsck", "--strict", "--no-dangling"], { stdio: "pipe" });
    execFileSync("git", ["-C", path, "merge-base", "--is-ancestor", least, "HEAD"], {
      stdio: "pipe",
    });
    return undefined;
  },
};
