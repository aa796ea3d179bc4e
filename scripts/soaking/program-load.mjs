// Works as programs do that keep something of their own consistent: program-load.mjs DIRECTORY SEED
// A SQLite database gets rows, a git repository commits.

import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { say, workUntilTold } from "./load.mjs";
import { randomFrom } from "./random.mjs";

const [, , directory, seed] = process.argv;
const random = randomFrom(Number(seed));
const repository = join(directory, "repository");
const path = join(directory, "rows.db");
const ROWS_A_COMMIT = 40;

await workUntilTold(begin());

function begin() {
  let [database, insert, rows] = [];
  return () => {
    if (database === undefined) {
      mkdirSync(repository, { recursive: true });
      database = new Database(path);
      database.exec("CREATE TABLE IF NOT EXISTS rows (n INTEGER PRIMARY KEY, text TEXT NOT NULL)");
      insert = database.prepare("INSERT INTO rows (text) VALUES (?)");
      prepareRepository();
      rows = 0;
    }
    const { lastInsertRowid } = insert.run("text ".repeat(1 + random(400)));
    say({ least: `rows:${path}`, is: Number(lastInsertRowid) });
    rows += 1;
    if (rows % ROWS_A_COMMIT === 0) commit(rows);
  };
}

function prepareRepository() {
  // What a git that lost its file system has left.
  rmSync(join(repository, ".git/index.lock"), { force: true });
  rmSync(join(repository, ".git/HEAD.lock"), { force: true });
  rmSync(join(repository, ".git/refs/heads/main.lock"), { force: true });
  if (!existsSync(join(repository, ".git/HEAD"))) git("init", "-q", "-b", "main");
}

function commit(number) {
  appendFileSync(join(repository, `file${random(9)}`), `line ${number}\n`);
  git("add", "-A");
  git("commit", "-q", "-m", `commit ${number}`);
  say({ least: `commit:${repository}`, is: git("rev-parse", "HEAD").trim() });
}

function git(...args) {
  const who = ["-c", "user.name=soak", "-c", "user.email=soak@localhost", "-c", "gc.auto=0"];
  return execFileSync("git", ["-C", repository, ...who, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}
