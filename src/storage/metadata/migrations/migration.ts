/** One step of the schema. Steps are never changed once released; a new one is added. */
export interface Migration {
  /** The schema version that the database has after it (`PRAGMA user_version`). */
  readonly version: number;
  readonly sql: string;
}
