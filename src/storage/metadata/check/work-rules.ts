import { WORK_STATUSES } from "../../../model/work.js";
import { NO_PRIORITY } from "../migrations/002-work.js";
import { HAS_WORK_INDEX, renewWorkIndex } from "../operations/work-index.js";
import { command, run } from "../statement.js";
import { circlesOf, type Edge } from "./circles.js";
import type { Rule } from "./rule.js";

const STATES = ["unnamed", ...WORK_STATUSES];

/** What files' own metadata and inodes say of the queue. */
const TOLD = `
  SELECT i.ino, s.value AS status, i.nlink > 0 AS is_named,
    max(-${Number.MAX_SAFE_INTEGER}, min(${Number.MAX_SAFE_INTEGER},
      i.btime_sec * 1000000 + i.btime_nsec / 1000)) AS created_us,
    iif(typeof(p.value) = 'text' AND p.value = CAST(CAST(p.value AS INTEGER) AS TEXT)
      AND abs(CAST(p.value AS INTEGER)) < ${NO_PRIORITY}, CAST(p.value AS INTEGER), ${NO_PRIORITY}) AS rank
  FROM inodes i JOIN file_metadata s ON s.ino = i.ino AND s.key = 'status'
    LEFT JOIN file_metadata p ON p.ino = i.ino AND p.key = 'priority'
  WHERE i.mode >> 12 = 8 AND s.value IN (${WORK_STATUSES.map((status) => `'${status}'`).join(", ")})`;

const OPEN = `(SELECT count(*) FROM work_dependencies d WHERE d.ino = w.ino AND d.is_satisfied = 0)`;
const NEEDLESS_EDGES = `ino NOT IN
  (SELECT m.ino FROM file_metadata m JOIN inodes i ON i.ino = m.ino WHERE m.key = 'depends_on')`;
const WAITS_FOR_NOTHING = `status = 'blocked' AND open_dependencies = 0
  AND ino IN (SELECT ino FROM work_dependencies)`;
const SATISFIED =
  "coalesce((SELECT t.status = 'completed' FROM work_items t WHERE t.ino = d.target_ino), 0)";
const HAS_TARGET = "EXISTS (SELECT 1 FROM inodes i WHERE i.ino = d.target_ino AND i.nlink > 0)";

/**
 * The index of the work queue. The files' own metadata have the truth, so nearly all of it can be made anew;
 * what only it knows (what was completed and deleted, when a lease ends) is left as it is.
 */
export const WORK_RULES: readonly Rule[] = [
  {
    id: "work.items",
    says: "the queue has the files with a status, with what their metadata and inodes say",
    effect: "lists of work are wrong, and workers may not get the item",
    finds: `SELECT coalesce(t.ino, w.ino) AS ino, CASE
        WHEN w.ino IS NULL THEN 'its status is ' || t.status || ', and it isn''t in the queue'
        WHEN t.ino IS NULL THEN 'it is in the queue and has no status'
        ELSE 'the queue has it as ' || w.status || ', which isn''t what the file says' END AS detail
      FROM (${TOLD}) t FULL JOIN work_items w ON w.ino = t.ino
      WHERE ${HAS_WORK_INDEX} AND (t.ino, t.status, t.is_named, t.created_us, t.rank)
        IS NOT (w.ino, w.status, w.is_named, w.created_us, w.rank)`,
    repair: {
      says: "makes its entry in the queue anew, from what the file says",
      *run() {
        yield* run(command(`DELETE FROM work_items WHERE ino NOT IN (SELECT ino FROM (${TOLD}))`));
        yield* run(
          command(`UPDATE work_items AS w SET status = t.status, is_named = t.is_named,
              created_us = t.created_us, rank = t.rank
            FROM (${TOLD}) t WHERE t.ino = w.ino AND (t.status, t.is_named, t.created_us, t.rank)
              IS NOT (w.status, w.is_named, w.created_us, w.rank)`),
        );
        // Which zone they are in is for the next start to say.
        yield* run(
          command(`INSERT INTO work_items (ino, status, is_named, rank, created_us, zone, open_dependencies)
            SELECT t.ino, t.status, t.is_named, t.rank, t.created_us, '/',
              (SELECT count(*) FROM work_dependencies d WHERE d.ino = t.ino AND d.is_satisfied = 0)
            FROM (${TOLD}) t WHERE t.ino NOT IN (SELECT ino FROM work_items)`),
        );
        yield* renewWorkIndex();
      },
    },
  },
  {
    id: "work.dependency-owner",
    says: "a dependency belongs to a file that says so",
    effect: "an item may wait for what it doesn't depend on",
    finds: `SELECT ino, 'it is noted as depending on ' || quote(reference) || ', and doesn''t say so' AS detail
      FROM work_dependencies WHERE ${NEEDLESS_EDGES}`,
    repair: {
      says: "removes the dependency",
      *run() {
        yield* run(command(`DELETE FROM work_dependencies WHERE ${NEEDLESS_EDGES}`));
      },
    },
  },
  {
    id: "work.dependency-state",
    says: "a dependency on a file that is there is satisfied when that is completed",
    effect: "an item may wait for ever, or begin too early",
    finds: `SELECT d.ino, 'its dependency on ' || quote(d.reference) || ' counts as '
        || iif(d.is_satisfied, 'completed', 'open') || ', and is not' AS detail
      FROM work_dependencies d WHERE ${HAS_TARGET} AND d.is_satisfied <> ${SATISFIED}`,
    repair: {
      says: "takes it from the status of what it depends on",
      *run() {
        yield* run(
          command(`UPDATE work_dependencies AS d SET is_satisfied = ${SATISFIED}
            WHERE ${HAS_TARGET} AND d.is_satisfied <> ${SATISFIED}`),
        );
      },
    },
  },
  {
    id: "work.open-dependencies",
    says: "open_dependencies is the number of dependencies that aren't completed",
    effect: "an item may wait for ever, or begin too early",
    finds: `SELECT ino, 'it waits for ' || ${OPEN} || ' others, and the queue says ' || open_dependencies AS detail
      FROM work_items w WHERE w.open_dependencies <> ${OPEN}`,
    repair: {
      says: "counts anew",
      *run() {
        yield* run(
          command(
            `UPDATE work_items AS w SET open_dependencies = ${OPEN} WHERE w.open_dependencies <> ${OPEN}`,
          ),
        );
      },
    },
  },
  {
    id: "work.cycle",
    says: "nothing waits for itself",
    effect: "it never becomes ready",
    finds: (database) => {
      const edges = "SELECT ino, target_ino FROM work_dependencies WHERE target_ino IS NOT NULL";
      const circles = circlesOf(database.prepare<[], Edge>(edges).raw().iterate());
      return circles.flat().map((ino) => ({ ino, detail: "it waits for itself" }));
    },
  },
  {
    id: "work.blocked",
    says: "what is blocked by dependencies has an open one",
    effect: "it never becomes ready",
    finds: `SELECT ino, 'it is blocked, and all that it depends on is completed' AS detail
      FROM work_items WHERE ${WAITS_FOR_NOTHING}`,
    repair: {
      says: "makes it ready",
      *run() {
        yield* run(
          command(`UPDATE file_metadata SET value = 'ready' WHERE key = 'status'
            AND ino IN (SELECT ino FROM work_items WHERE ${WAITS_FOR_NOTHING})`),
        );
        yield* run(command(`UPDATE work_items SET status = 'ready' WHERE ${WAITS_FOR_NOTHING}`));
      },
    },
  },
  {
    id: "work.started",
    says: "only what is in progress was started or is leased",
    effect: "lists of work are in the wrong order, or a lease ends that nobody has",
    finds: `SELECT ino, 'its status is ' || status || iif(started_us IS NULL, ', and it was never started',
        ', and it has a start or a lease') AS detail
      FROM work_items WHERE (status = 'in_progress') <> (started_us IS NOT NULL)
        OR lease_end_us IS NOT NULL AND status <> 'in_progress'`,
    repair: {
      says: "takes the start from the file's metadata, and a lease that nobody has away",
      *run() {
        yield* run(
          command(`UPDATE work_items SET started_us = NULL, lease_end_us = NULL
            WHERE status <> 'in_progress' AND (started_us IS NOT NULL OR lease_end_us IS NOT NULL)`),
        );
        yield* run(
          command(`UPDATE work_items AS w SET started_us = coalesce(
              (SELECT CAST(unixepoch(m.value, 'subsec') * 1000000 AS INTEGER) FROM file_metadata m
               WHERE m.ino = w.ino AND m.key = 'started_at'), created_us)
            WHERE status = 'in_progress' AND started_us IS NULL`),
        );
      },
    },
  },
  {
    id: "work.counts",
    says: "work_counts has as many items of each zone and state as there are",
    effect: "the figures of nexus status and /.nexus are wrong",
    finds: `WITH c (zone, state, items) AS (${STATES.map((state) => `SELECT zone, '${state}', ${state} FROM work_counts`).join(" UNION ALL ")})
      SELECT NULL AS ino, 'the count of ' || coalesce(c.state, w.state) || ' items in '
        || coalesce(c.zone, w.zone) || ' is ' || coalesce(c.items, 0) || ', and there are '
        || coalesce(w.items, 0) AS detail
      FROM (SELECT * FROM c WHERE items <> 0) c
      FULL JOIN (SELECT zone, state, count(*) AS items FROM work_items GROUP BY zone, state) w
        ON w.zone = c.zone AND w.state = c.state
      WHERE c.items IS NOT w.items`,
    repair: {
      says: "counts anew",
      *run() {
        yield* run(command("DELETE FROM work_counts"));
        const sums = STATES.map((state) => `sum(state = '${state}')`);
        yield* run(
          command(`INSERT INTO work_counts (zone, ${STATES.join(", ")})
            SELECT zone, ${sums.join(", ")} FROM work_items GROUP BY zone`),
        );
      },
    },
  },
];
