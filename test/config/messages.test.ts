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
      "--tenant_id: tenant_id: found \"a/b\"; allowed: a name without '/' and control characters, at most 255 bytes",
    );
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
    ["cache_size_mb: .inf", "cache_size_mb: found"],
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

  test("is refused among the flags too", () => {
    const place = new ConfigPlace();
    expect(place.refusalOf(() => place.load({ explicit: flags({ datadir: "/d" }) }))).toBe(
      "--datadir: unknown setting 'datadir'; did you mean 'data_dir'?",
    );
  });
});

describe("a problem inside a list is told with its index and key", () => {
  test.each([
    [
      "namespaces: [{name: lab}, {name: a/b}]",
      "namespaces[1].name: found \"a/b\"; allowed: a name without '/' and control characters, at most 255 bytes",
    ],
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
    ["namespaces: [{name: lab, read_only: true}]", "namespaces[0]", "read_only", "readonly"],
    ["namespaces: [{name: lab, adminonly: true}]", "namespaces[0]", "adminonly", "admin_only"],
    ["mounts: [{path: /a, backends: local}]", "mounts[0]", "backends", "backend"],
    ["mounts: [{path: /a, priorty: 1}]", "mounts[0]", "priorty", "priority"],
  ])("%s: an unknown key, with the one that was probably meant", (yaml, at, key, meant) => {
    expect(refusalOfYaml(yaml)).toContain(
      `FILE: ${at}: unknown key '${key}'; did you mean '${meant}'?`,
    );
  });
});
