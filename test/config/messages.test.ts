import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigPlace, flags } from "../support/config-place.js";

/** What is said of a `./nexus.yaml`, with `FILE` for its path. */
function refusalOfYaml(text: string): string {
  const place = new ConfigPlace();
  const message = place.refusalOf(() => place.loadYaml(text));
  return message.replaceAll(join(place.cwd, "nexus.yaml"), "FILE");
}

describe("a refused value is told with its place, key, what was found and what is allowed", () => {
  test("in a file", () => {
    expect(refusalOfYaml("is_admin: maybe")).toBe(
      'FILE: is_admin: found "maybe"; allowed: true or false',
    );
  });

  test("in the environment, by the variable's name", () => {
    const place = new ConfigPlace();
    expect(place.refusalOf(() => place.load({ env: { NEXUS_TIMEOUT: "soon" } }))).toBe(
      'NEXUS_TIMEOUT: timeout: found "soon"; allowed: seconds, above 0',
    );
  });

  test("in a flag, by the flag's name", () => {
    const place = new ConfigPlace();
    const explicit = flags({ tenant_id: "a/b" });
    expect(place.refusalOf(() => place.load({ explicit }))).toBe(
      "--tenant_id: tenant_id: found \"a/b\"; allowed: a name without '/' and control characters, at most 255 bytes, not '.' or '..'",
    );
  });

  test("as a text to write, when it is a number or a truth where a text must be", () => {
    expect(refusalOfYaml("tenant_id: 5")).toBe(
      'FILE: tenant_id: found 5; allowed: a text, so write "5"',
    );
    expect(refusalOfYaml("data_dir: true")).toBe(
      'FILE: data_dir: found true; allowed: a text, so write "true"',
    );
    expect(refusalOfYaml("tenant_id: [5]")).toMatch(/found \[5\]; allowed: a name /);
  });

  const NOTHING = "nothing yet: servers are planned, and this version has local data only";

  test("as a server that there is none of yet, and its key as a secret", () => {
    expect(refusalOfYaml("url: https://nexus.example")).toBe(
      `FILE: url: found "https://nexus.example"; allowed: ${NOTHING}`,
    );
    expect(refusalOfYaml("api_key: hunter2")).toBe(
      `FILE: api_key: found a value; allowed: ${NOTHING}`,
    );
    const place = new ConfigPlace();
    const env = { NEXUS_URL: "https://nexus.example" };
    expect(place.refusalOf(() => place.load({ env }))).toMatch(/^NEXUS_URL: url: found "https:/);
    const key = { NEXUS_API_KEY: "hunter2" };
    expect(place.refusalOf(() => place.load({ env: key }))).toBe(
      `NEXUS_API_KEY: api_key: found a value; allowed: ${NOTHING}`,
    );
  });

  test("as a log that would be written into the data", () => {
    const place = new ConfigPlace();
    for (const file of ["metadata.db", "lock", "metadata.journal"]) {
      const message = place.refusalOf(() => place.loadYaml(`data_dir: d\nlog_file: d/${file}\n`));
      expect(message).toBe(
        `the log file ${join(place.cwd, "d", file)} is a file of the data; choose another log_file`,
      );
    }
  });

  test.each(["monolithic", "distributed"])("mode %s is not there yet, and said so", (mode) => {
    expect(refusalOfYaml(`mode: ${mode}`)).toBe(
      `FILE: mode: found "${mode}"; allowed: embedded (monolithic and distributed are planned)`,
    );
  });

  test.each([
    ["cache_size_mb: 0", "cache_size_mb: found 0"],
    ["cache_size_mb: -1", "cache_size_mb: found -1"],
    ["cache_size_mb: lots", 'cache_size_mb: found "lots"'],
    ["cache_size_mb: '0x10'", 'cache_size_mb: found "0x10"'],
    ["cache_size_mb: .inf", "cache_size_mb: found Infinity"],
    ["cache_size_mb: .nan", "cache_size_mb: found NaN"],
    ["cache_size_mb: 1e300", "cache_size_mb: found 1e+300"],
    ["gc_interval_hours: 1e9", "gc_interval_hours: found 1000000000"],
    ["gc_interval_hours: 0.0001", "gc_interval_hours: found 0.0001"],
    ["gc_grace_minutes: 1e12", "gc_grace_minutes: found 1000000000000"],
    ['data_dir: "a\\0b"', 'data_dir: found "a\\u0000b"'],
    ["tenant_id: caf\ufffd", 'tenant_id: found "caf\ufffd"'],
    ["cache_path_size: 1.5", "cache_path_size: found 1.5"],
    ["is_admin: 1", "is_admin: found 1"],
    ["is_admin: [true]", "is_admin: found [true]"],
    ["tenant_id: ''", 'tenant_id: found ""'],
    ["tenant_id: '..'", 'tenant_id: found ".."'],
    ['agent_id: "a\\u0007"', 'agent_id: found "a\\u0007"'],
    ["data_dir: ''", 'data_dir: found ""'],
    ["atime: lazytime", 'atime: found "lazytime"'],
    ["log_level: verbose", 'log_level: found "verbose"'],
    ["url: not a url", 'url: found "not a url"'],
    ["namespaces: lab", 'namespaces: found "lab"'],
    ["namespaces: {name: lab}", 'namespaces: found {"name":"lab"}'],
  ])("%s", (yaml, told) => {
    const message = refusalOfYaml(yaml);
    expect(message).toContain(`FILE: ${told}`);
    expect(message).toContain("; allowed: ");
  });
});

describe("a setting that there is none of", () => {
  test("is refused, with the one that was probably meant", () => {
    expect(refusalOfYaml("colour: blue")).toBe("FILE: unknown setting 'colour'");
    expect(refusalOfYaml("tennant_id: acme")).toBe(
      "FILE: unknown setting 'tennant_id'; did you mean 'tenant_id'?",
    );
  });

  test.each(["constructor", "__proto__", "toString", "1"])(
    "is refused when it is called %s",
    (key) => {
      expect(refusalOfYaml(`${key}: x`)).toBe(`FILE: unknown setting '${key}'`);
    },
  );

  test("is refused without a value, too, and in one line whatever is in it", () => {
    expect(refusalOfYaml("tennant_id:\n")).toBe(
      "FILE: unknown setting 'tennant_id'; did you mean 'tenant_id'?",
    );
    expect(refusalOfYaml('"a\\nb": c')).toBe("FILE: unknown setting 'a\\nb'");
  });

  test("is refused among the flags too", () => {
    const place = new ConfigPlace();
    expect(place.refusalOf(() => place.load({ explicit: flags({ datadir: "/d" }) }))).toBe(
      "--datadir: unknown setting 'datadir'; did you mean 'data_dir'?",
    );
  });
});

describe("an environment variable that there is none of", () => {
  function refusalOf(env: Record<string, string>): string {
    const place = new ConfigPlace();
    return place.refusalOf(() => place.load({ env }));
  }

  test.each([
    ["NEXUS_TENANT", "did you mean NEXUS_TENANT_ID?"],
    ["NEXUS_TENNANT_ID", "did you mean NEXUS_TENANT_ID?"],
    ["NEXUS_TENANTID", "did you mean NEXUS_TENANT_ID?"],
    ["NEXUS_AGENT", "did you mean NEXUS_AGENT_ID?"],
    ["NEXUS_ADMIN", "did you mean NEXUS_IS_ADMIN?"],
    ["NEXUS_DATADIR", "did you mean NEXUS_DATA_DIR?"],
    ["NEXUS_DATA", "did you mean NEXUS_DATA_DIR?"],
    ["NEXUS_LOGLEVEL", "did you mean NEXUS_LOG_LEVEL?"],
    ["NEXUS_CONFIG", "name the configuration file with --config"],
    ["NEXUS_NAMESPACES", "write 'namespaces' into the configuration file"],
    ["NEXUS_IDENTITIES", "write 'identities' into the configuration file"],
  ])("%s is refused: %s", (variable, advice) => {
    expect(refusalOf({ [variable]: "x", NEXUS_TENANT_ID: "acme" })).toBe(
      `the environment variable ${variable} is not a setting; ${advice} (if it is another program's, unset it for this one)`,
    );
  });

  test.each([
    "NEXUS_HOME",
    "NEXUS_CLIENT_ID",
    "NEXUS_TEAM_ID",
    "NEXUS_LOG_PATH",
    "NEXUS_NODE",
    "NEXUS_TOKEN",
    "NEXUS_USERNAME",
    "nexus_tenant",
    "TENANT",
  ])("%s may be another program's", (variable) => {
    const place = new ConfigPlace();
    expect(place.load({ env: { [variable]: "x" } })).toStrictEqual(place.load());
  });

  test("and is set to nothing isn't set", () => {
    expect(new ConfigPlace().load({ env: { NEXUS_TENANT: "" } }).tenantId).toBeUndefined();
  });
});

describe("a problem inside a list is told with its index and key", () => {
  test.each([
    [
      "namespaces: [{name: lab}, {name: a/b}]",
      "namespaces[1].name: found \"a/b\"; allowed: a name without '/' and control characters, at most 255 bytes, not '.' or '..' or '.nexus'",
    ],
    ["namespaces: [{name: .nexus}]", 'namespaces[0].name: found ".nexus"; allowed: a name without'],
    [
      "namespaces: [{readonly: true}]",
      "namespaces[0].name: found nothing; allowed: a name without",
    ],
    [
      "namespaces: [{name: lab, readonly: maybe}]",
      'namespaces[0].readonly: found "maybe"; allowed: true or false',
    ],
    ["namespaces: [{name: lab, admin_only: 3}]", "namespaces[0].admin_only: found 3"],
    ["namespaces: [{name: lab, readonly: ~}]", "namespaces[0].readonly: found null"],
    ["namespaces: [lab]", 'namespaces[0]: found "lab"; allowed: a list of { name, '],
    ["mounts: [{path: relative}]", 'mounts[0].path: found "relative"'],
    ["mounts: [{path: /a/../..}]", 'mounts[0].path: found "/a/../.."'],
    ["mounts: [{path: /a, backend: s3}]", 'mounts[0].backend: found "s3"; allowed: local'],
    ["quota_bytes: 0", "quota_bytes: found 0; allowed: a number of bytes above 0"],
    ["quota_bytes: 10 apples", 'quota_bytes: found "10 apples"; allowed: a number of bytes'],
    ["quota_files: 1.5", "quota_files: found 1.5; allowed: a whole number above 0"],
    ["quotas: [{quota_files: 3}]", "quotas[0].tenant_id: found nothing; allowed: a name"],
    [
      "quotas: [{tenant_id: a, quota_bytes: -1}]",
      "quotas[0].quota_bytes: found -1; allowed: a number of bytes",
    ],
    [
      "mounts: [{path: /a, priority: high}]",
      'mounts[0].priority: found "high"; allowed: a whole number',
    ],
  ])("%s", (yaml, told) => {
    const message = refusalOfYaml(yaml);
    expect(message).toContain(`FILE: ${told}`);
    expect(message).toContain("; allowed: ");
  });

  test.each([
    ["[{uid: -1, tenant_id: a}]", "identities[0].uid: found -1; allowed: a whole number from 0 to"],
    ["[{uid: 4294967295, tenant_id: a}]", "identities[0].uid: found 4294967295; allowed: a whole"],
    ["[{gid: staff, tenant_id: a}]", 'identities[0].gid: found "staff"; allowed: a whole number'],
    ["[{user: 7, tenant_id: a}]", 'identities[0].user: found 7; allowed: a text, so write "7"'],
    [
      "[{user: 'a b', tenant_id: a}]",
      'identities[0].user: found "a b"; allowed: the name of a user',
    ],
    [
      "[{group: '*', tenant_id: a}]",
      'identities[0].group: found "*"; allowed: the name of a group',
    ],
    ["[{uid: 1, tenant_id: a/b}]", 'identities[0].tenant_id: found "a/b"; allowed: a name without'],
    ["[{uid: 1, is_admin: 3}]", "identities[0].is_admin: found 3; allowed: true or false"],
    ["{uid: 1}", 'identities: found {"uid":1}; allowed: a list of { uid or user, gid or group, '],
  ])("identities: %s", (yaml, told) => {
    expect(refusalOfYaml(`identities: ${yaml}`)).toContain(`FILE: ${told}`);
  });

  test.each([
    [
      "[{uid: 1, tenant_id: a}, {tenant_id: a}]",
      "identities[1]: names nobody; give it a uid, user,",
    ],
    [
      "[{uid: 1, user: ada, tenant_id: a}]",
      "identities[0]: has both uid and user; give one of them",
    ],
    [
      "[{gid: 1, group: s, tenant_id: a}]",
      "identities[0]: has both gid and group; give one of them",
    ],
    ["[{uid: 1, agent_id: a}]", "identities[0]: has an agent_id without a tenant_id"],
    [
      "[{uid: 1}]",
      "identities[0]: has no tenant_id, and would see what all tenants have; if that ",
    ],
    [
      '[{user: "*", tenant_id: a}, {uid: 1, tenant_id: b}]',
      'identities[0]: user: "*" is everybody else, so it has to be the last entry',
    ],
  ])("an entry of identities that can't be meant: %s", (yaml, told) => {
    expect(refusalOfYaml(`identities: ${yaml}`)).toContain(`FILE: ${told}`);
  });

  test("a second mount at the same path, however it is written", () => {
    expect(refusalOfYaml("mounts: [{path: /a/b}, {path: /c}, {path: //a/b/}]")).toBe(
      "FILE: mounts[2].path: a second mount '/a/b'; each may stand once",
    );
  });

  test("as much of a long value or key as anybody reads", () => {
    const long = refusalOfYaml(`tenant_id: ${"x".repeat(100_000)}`);
    expect(long).toMatch(
      /^FILE: tenant_id: found "x{399}\.\.\. \(100002 characters\); allowed: a name/,
    );
    const place = new ConfigPlace();
    const explicit = new Map([["k".repeat(100_000), { value: 1, source: "an option" }]]);
    expect(place.refusalOf(() => place.load({ explicit }))).toBe(
      `an option: unknown setting '${"k".repeat(400)}... (100000 characters)'`,
    );
  });

  test("a second namespace of the same name", () => {
    expect(refusalOfYaml("namespaces: [{name: lab}, {name: a}, {name: lab, readonly: true}]")).toBe(
      "FILE: namespaces[2].name: a second namespace 'lab'; each may stand once",
    );
  });

  test.each([
    ["namespaces: [{name: lab, read_only: true}]", "namespaces[0]", "read_only", "readonly"],
    ["namespaces: [{name: lab, adminonly: true}]", "namespaces[0]", "adminonly", "admin_only"],
    ["mounts: [{path: /a, backends: local}]", "mounts[0]", "backends", "backend"],
    ["mounts: [{path: /a, priorty: 1}]", "mounts[0]", "priorty", "priority"],
    ["identities: [{uid: 1, tenant: a}]", "identities[0]", "tenant", "tenant_id"],
  ])("%s: an unknown key, with the one that was probably meant", (yaml, at, key, meant) => {
    expect(refusalOfYaml(yaml)).toContain(
      `FILE: ${at}: unknown key '${key}'; did you mean '${meant}'?`,
    );
  });
});
