import { describe, expect, test } from "vitest";
import { MountTable } from "../../src/core/mount-table.js";
import { namespaceTable } from "../../src/core/namespace.js";
import { Router } from "../../src/core/router.js";
import { VisibleZones } from "../../src/core/visible-zones.js";
import { caller } from "../vfs/world.js";

const router = new Router({ namespaces: namespaceTable([]), mounts: new MountTable([]) });
const ZONES = [
  "/",
  "/shared/acme",
  "/shared/other",
  "/workspace/acme/alice",
  "/workspace/acme/bob",
  "/workspace/other/alice",
  "/archives/acme",
];
const { identity: nobody } = caller();
const { identity: tenant } = caller("acme");
const { identity: alice } = caller("acme", "alice");
const { identity: admin } = caller("acme", "alice", { isAdmin: true });

function visible(identity: typeof nobody, zones = ZONES, access: "read" | "write" = "read") {
  return new VisibleZones({ router }).of(identity, { zones, access });
}

describe("the zones that an identity may enter", () => {
  test("are all for one without a tenant, and for an admin", () => {
    expect(visible(nobody)).toBe("all");
    expect(visible(admin, [...ZONES, "/system"])).toBe("all");
  });

  test("are a tenant's own and the open one", () => {
    expect(visible(tenant)).toEqual([
      "/",
      "/shared/acme",
      "/workspace/acme/alice",
      "/workspace/acme/bob",
      "/archives/acme",
    ]);
  });

  test("are of the workspaces an agent's own", () => {
    const own = ["/", "/shared/acme", "/workspace/acme/alice", "/archives/acme"];
    expect(visible(alice)).toEqual(own);
    expect(visible(alice, own)).toBe("all");
  });

  test("are not those of admins, for anybody else", () => {
    expect(visible(nobody, ["/", "/system"])).toEqual(["/"]);
  });

  test("are without the read-only ones where they are to be written", () => {
    expect(visible(admin, ["/", "/archives/acme"], "write")).toEqual(["/"]);
  });

  test("are as the paths in them are", () => {
    const may = (path: string) =>
      new VisibleZones({ router }).isVisiblePath(alice, { path, access: "read" });
    expect(may("/workspace/acme/alice/deep/file")).toBe(true);
    expect(may("/workspace/acme/bob/deep/file")).toBe(false);
    expect(may("/jobs/file")).toBe(true);
  });
});
