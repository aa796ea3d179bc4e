import { describe, expect, test } from "vitest";
import { type MountSpec, mountSpec, parseMountSpec } from "../../src/daemon/mount-spec.js";
import type { AgentId, TenantId } from "../../src/model/ids.js";
import { messageThrown } from "../support/error-kind.js";
import { spec } from "./fake-host.js";

const FULL: MountSpec = {
  mountPoint: "/home/ada/nexus",
  identity: { isAdmin: true, tenantId: "acme" as TenantId, agentId: "bot" as AgentId },
  identities: [
    { uid: 1001, identity: { isAdmin: false, tenantId: "acme" as TenantId } },
    { user: "ada", group: "staff", identity: { isAdmin: true } },
    { gid: 7, identity: { isAdmin: false, tenantId: "acme" as TenantId } },
  ],
  ...{ allowOther: true, readOnly: true, allowNonEmpty: true },
  kernelOptions: ["ro", "nosuid"],
  binding: "fuse-native",
};

test("a mount comes back from JSON as it was", () => {
  for (const one of [FULL, spec("/mnt")]) {
    expect(parseMountSpec(JSON.parse(JSON.stringify(one)))).toStrictEqual(one);
  }
});

test("a mount has the kernel's options for what the configuration says", () => {
  const config = {
    ...{ tenantId: "acme" as TenantId, agentId: undefined, isAdmin: false, dataDir: "/data" },
    ...{ identities: [], allowOther: true, readOnly: true, atime: "noatime" as const },
    binding: "device" as const,
  };
  const kernelOptions = new Set(["nodev"] as const);
  expect(mountSpec(config, { mountPoint: "/mnt", kernelOptions, allowNonEmpty: false })).toEqual({
    mountPoint: "/mnt",
    identity: { isAdmin: false, tenantId: "acme" },
    identities: [],
    ...{ allowOther: true, readOnly: true, allowNonEmpty: false },
    kernelOptions: ["nodev", "ro", "noatime"],
    binding: "device",
  });
});

test("a mount of an older version is one by the device", () => {
  const { binding: _none, ...older } = spec("/mnt");
  expect(parseMountSpec(older)).toStrictEqual(spec("/mnt"));
});

describe("a mount that comes from elsewhere", () => {
  test.each([
    ["null", null, "a mount: found null; allowed: an object"],
    ["no mount point", { ...FULL, mountPoint: undefined }, /^mountPoint: found nothing; allowed/],
    ["a relative one", { ...FULL, mountPoint: "mnt" }, /^mountPoint: found "mnt"; allowed/],
    ["the root", { ...FULL, mountPoint: "/" }, /^mountPoint: found "\/"/],
    ["dots in it", { ...FULL, mountPoint: "/a/../b" }, /^mountPoint: found/],
    ["a zero byte", { ...FULL, mountPoint: "/a\0" }, /^mountPoint: found/],
    [
      "another binding",
      { ...FULL, binding: "kernel" },
      'binding: found "kernel"; allowed: device, fuse-native',
    ],
    ["no identity", { ...FULL, identity: [] }, "identity: found []; allowed: an object"],
    ["a tenant with a slash", { ...FULL, identity: { tenantId: "a/b" } }, /^tenantId: /],
    ["a number for an agent", { ...FULL, identity: { agentId: 7 } }, /^agentId: found 7/],
    [
      "a rule that is none",
      { ...FULL, identities: [7] },
      "identities[0]: found 7; allowed: an object",
    ],
    [
      "a rule with a negative user",
      { ...FULL, identities: [{ uid: -1, identity: {} }] },
      /^identities\[0\]\.uid: found -1/,
    ],
    ["a word for a flag", { ...FULL, readOnly: "yes" }, /^readOnly: found "yes"; allowed: true or/],
    ["a strange option", { ...FULL, kernelOptions: ["suid"] }, /^kernelOptions: found "suid"/],
  ])("is refused with %s, naming it", (_what, value, message) => {
    expect(messageThrown(() => parseMountSpec(value))).toMatch(message);
  });
});
