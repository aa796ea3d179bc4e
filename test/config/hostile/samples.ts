import type { Config } from "../../../src/config/config.js";

/** Values that a setting may have, with what comes of it, and values that it may not. */
export interface Samples {
  readonly taken: readonly (readonly [value: unknown, config: Partial<Config>])[];
  readonly refused: readonly unknown[];
}

const NEVER: readonly unknown[] = [
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, -0.5, 1e300, 1e-300],
  ...[{}, { a: 1 }, { __proto__: null, constructor: 1 }, [[]], [null], [{ a: {} }], ["x", ["y"]]],
  ...["\0", "x".repeat(100_000), [1e300], { length: 1 }, [{}, {}, {}], "\ufffd", "9".repeat(400)],
];
const flags = (field: keyof Config): Samples => ({
  taken: [
    ...[true, "true", "YES", "1", "on"].map((value) => [value, { [field]: true }] as const),
    ...[false, "false", "No", "0", "off"].map((value) => [value, { [field]: false }] as const),
  ],
  refused: [...NEVER, 0, 1, 2, "maybe", "truee", " true", [true]],
});
const names = (field: keyof Config): Samples => ({
  taken: ["acme", "ä", "a b", "..a", "n".repeat(255)].map(
    (value) => [value, { [field]: value }] as const,
  ),
  refused: [
    ...NEVER,
    5,
    true,
    "",
    ".",
    "..",
    "a/b",
    "n".repeat(256),
    "\u0085",
    "a\nb",
    "é".repeat(128),
  ],
});

/** By key. Each refused value is one that another setting might well have. */
export const SAMPLES: Readonly<Record<string, Samples>> = {
  tenant_id: names("tenantId"),
  agent_id: names("agentId"),
  is_admin: flags("isAdmin"),
  allow_other: flags("allowOther"),
  read_only: flags("readOnly"),
  data_dir: {
    taken: [["/srv/nexus", { dataDir: "/srv/nexus" }]],
    refused: [...NEVER.filter((value) => typeof value !== "string"), "", "/a\0b", 7, true, ["/a"]],
  },
  cache_size_mb: {
    taken: [
      [64, { cacheSizeMb: 64 }],
      ["0.5", { cacheSizeMb: 0.5 }],
      [1048576, { cacheSizeMb: 1048576 }],
    ],
    refused: [
      ...NEVER.filter((value) => value !== 1e-300),
      0,
      "0",
      "64MB",
      "",
      1048577,
      "0x10",
      true,
    ],
  },
  gc_interval_hours: {
    taken: [
      [0, { gcIntervalHours: 0 }],
      ["1.5", { gcIntervalHours: 1.5 }],
      [87_600, { gcIntervalHours: 87_600 }],
    ],
    refused: [...NEVER, 87_601, 0.0001, "daily", "", [24], false],
  },
  gc_grace_minutes: {
    taken: [[15, { gcGraceMinutes: 15 }]],
    refused: [...NEVER.filter((value) => value !== 1e-300), "a while", true],
  },
  quota_bytes: {
    taken: [
      ["10G", { quotaBytes: 10 * 2 ** 30 }],
      [1, { quotaBytes: 1 }],
    ],
    refused: [...NEVER, 0, 1.5, "0", "10X", "-1G", 2 ** 53, "9".repeat(30), "", true],
  },
  quota_files: {
    taken: [["7", { quotaFiles: 7 }]],
    refused: [...NEVER, 0, 1.5, "10K", 2 ** 60, ""],
  },
  atime: { taken: [["noatime", { atime: "noatime" }]], refused: [...NEVER, "", "NOATIME", true] },
  binding: { taken: [["device", { binding: "device" }]], refused: [...NEVER, "fuse", 1] },
  log_level: { taken: [["warn", { logLevel: "warn" }]], refused: [...NEVER, "loud", 30, ""] },
  namespaces: {
    taken: [
      [[], { namespaces: [] }],
      [
        [{ name: "lab", readonly: "yes" }],
        { namespaces: [{ name: "lab", readonly: true, adminOnly: false, requiresTenant: true }] },
      ],
    ],
    refused: [
      ...[...NEVER, "lab", ["lab"], [{ name: ".nexus" }], [{ name: "a", b: 1 }], [{ name: "a/b" }]],
      ...[
        [{ name: "a" }, { name: "a" }],
        { name: "lab" },
        [{ name: "a", readonly: 3 }],
        [[{ name: "a" }]],
      ],
    ],
  },
  mounts: {
    taken: [
      [
        [{ path: "/a//b/", priority: "-3" }],
        { mounts: [{ prefix: "/a/b", backend: "local", readonly: false, priority: -3 }] },
      ],
    ],
    refused: [
      ...[...NEVER, [{ path: "a" }], [{ path: "/../x" }], [{ path: "/a" }, { path: "/a/" }], "/a"],
      ...[[{ path: "/a", priority: 1.5 }], [{ path: "/a", backend: "s3" }], [{ path: "/\0" }]],
    ],
  },
  identities: {
    taken: [
      [
        [{ uid: 7, tenant_id: "a" }],
        { identities: [{ uid: 7, identity: { isAdmin: false, tenantId: "a" as never } }] },
      ],
    ],
    refused: [
      ...[...NEVER, [{ uid: 2 ** 32, tenant_id: "a" }], [{ uid: 1, user: "u", tenant_id: "a" }]],
      ...[
        [{ uid: 1 }],
        [{ tenant_id: "a" }],
        [{ uid: 1.5, tenant_id: "a" }],
        [{ uid: "0x1", tenant_id: "a" }],
      ],
    ],
  },
  quotas: {
    taken: [
      [[{ tenant_id: "a", quota_files: 3 }], { quotas: [{ tenantId: "a" as never, files: 3 }] }],
    ],
    refused: [
      ...[...NEVER, [{ tenant_id: "a" }, { tenant_id: "a" }], [{ quota_files: 3 }]],
      ...[[{ tenant_id: "a", quota_bytes: 0 }], [{ tenant_id: "a", quota_files: -1 }]],
    ],
  },
};

/** Words that are no setting, some of which are one of every object. */
export const UNKNOWN: readonly string[] = [
  ...["tenant", "tenantid", "TENANT_ID", "__proto__", "constructor", "toString", "hasOwnProperty"],
  ...["", " ", "<<", "a\u0007b", "k".repeat(900), "0", "null", "\ufffd", "é"],
];
