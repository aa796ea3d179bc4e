import type { TenantId } from "../../../model/ids.js";
import type { TenantUsage } from "../metadata-store.js";
import { first, integer, query, type Script } from "../statement.js";

const USAGE = query("SELECT files, bytes FROM tenant_usage WHERE tenant_id = ?");

/** From the table that {@link countUsage} keeps. */
export function* usageOf(tenantId: TenantId): Script<TenantUsage> {
  const row = yield* first(USAGE, tenantId);
  return row === undefined
    ? { files: 0, bytes: 0 }
    : { files: integer(row, 0), bytes: integer(row, 1) };
}

const ATTRIBUTE_TABLES = ["file_metadata", "system_attributes"] as const;
const BYTES_OF = (row: string) => `octet_length(${row}key) + octet_length(${row}value)`;
/** What all attributes of an inode take, in the same order of tables everywhere. */
const ATTRIBUTES_OF = (ino: string) =>
  ATTRIBUTE_TABLES.map(
    (table) => `(SELECT coalesce(sum(${BYTES_OF("")}), 0) FROM ${table} WHERE ino = ${ino})`,
  ).join(" + ");
const ADD = (bytes: string, ino: string) =>
  `UPDATE tenant_usage SET bytes = bytes + ${bytes} WHERE tenant_id = (SELECT tenant_id FROM inodes WHERE ino = ${ino});`;

/** Those of an inode that is gone were taken off with it: its tenant isn't found any more. */
const attributeTriggers = (table: string) => `
  CREATE TEMP TRIGGER usage_of_new_${table} AFTER INSERT ON main.${table} BEGIN
    ${ADD(BYTES_OF("new."), "new.ino")}
  END;
  CREATE TEMP TRIGGER usage_of_gone_${table} AFTER DELETE ON main.${table} BEGIN
    ${ADD(`-(${BYTES_OF("old.")})`, "old.ino")}
  END;
  CREATE TEMP TRIGGER usage_of_changed_${table} AFTER UPDATE OF value ON main.${table} BEGIN
    ${ADD("octet_length(new.value) - octet_length(old.value)", "new.ino")}
  END;
`;

/**
 * What counts, from now on and as long as the connection lives, how much each tenant has: by the rows, and in the
 * transaction of each change. It is temporary, so a store that is opened without quotas has nothing of it, and
 * pays nothing for it. A size that is none gives a wrong sum, and ends no start, as sum() would.
 */
export const COUNT_USAGE = `
  CREATE TEMP TABLE tenant_usage (tenant_id TEXT PRIMARY KEY, files INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO temp.tenant_usage
    SELECT tenant_id, count(*), CAST(total(size_bytes + ${ATTRIBUTES_OF("inodes.ino")}) AS INTEGER)
    FROM main.inodes WHERE tenant_id IS NOT NULL GROUP BY tenant_id;
  CREATE TEMP TRIGGER usage_of_new AFTER INSERT ON main.inodes WHEN new.tenant_id IS NOT NULL BEGIN
    INSERT INTO tenant_usage VALUES (new.tenant_id, 1, new.size_bytes)
      ON CONFLICT (tenant_id) DO UPDATE SET files = files + 1, bytes = bytes + excluded.bytes;
  END;
  CREATE TEMP TRIGGER usage_of_gone AFTER DELETE ON main.inodes WHEN old.tenant_id IS NOT NULL BEGIN
    UPDATE tenant_usage SET files = files - 1, bytes = bytes - old.size_bytes - (${ATTRIBUTES_OF("old.ino")})
      WHERE tenant_id = old.tenant_id;
  END;
  CREATE TEMP TRIGGER usage_of_changed AFTER UPDATE OF size_bytes ON main.inodes
    WHEN old.tenant_id IS NOT NULL AND new.size_bytes <> old.size_bytes BEGIN
    UPDATE tenant_usage SET bytes = bytes + new.size_bytes - old.size_bytes WHERE tenant_id = old.tenant_id;
  END;
  ${ATTRIBUTE_TABLES.map(attributeTriggers).join("")}
`;
