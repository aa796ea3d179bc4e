import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type MountEntry, MountTable } from "../../src/core/mount-table.js";
import { type NamespaceDeclaration, namespaceTable } from "../../src/core/namespace.js";
import { isSameZone, isSettled, isStructural, type Place } from "../../src/core/place.js";
import { Router } from "../../src/core/router.js";
import type { AgentId, TenantId } from "../../src/model/ids.js";
import { splitPath } from "../../src/model/path.js";

function routerWith(
  declared: readonly NamespaceDeclaration[] = [],
  prefixes: readonly string[] = [],
): Router {
  const mounts = prefixes.map(
    (prefix): MountEntry => ({ prefix, backend: prefix, readonly: false, priority: 0 }),
  );
  return new Router({ namespaces: namespaceTable(declared), mounts: new MountTable(mounts) });
}

function declare(name: string, rest: Partial<NamespaceDeclaration> = {}): NamespaceDeclaration {
  return { name, readonly: false, adminOnly: false, requiresTenant: true, ...rest };
}

/** A place in one line: namespace, tenant, agent, backend, and what comes next. */
function told({ zone, awaits }: Place): string {
  const { namespace, tenantId, agentId, mount } = zone;
  const parts = [namespace?.name ?? "open", tenantId ?? "-", agentId ?? "-"].join(" ");
  const next = awaits === undefined ? "" : ` awaits ${awaits}`;
  return `${parts}${mount.prefix === "/" ? "" : ` on ${mount.prefix}`}${next}`;
}

describe("a path means", () => {
  test.each([
    ["/", "open - - awaits namespace"],
    ["/documents", "open - -"],
    ["/documents/a/b", "open - -"],
    ["/workspaces/acme", "open - -"],
    ["/Workspace/acme", "open - -"],
    ["/constructor/acme", "open - -"],
    ["/workspace", "workspace - - awaits tenant"],
    ["/workspace/acme", "workspace acme - awaits agent"],
    ["/workspace/acme/agent1", "workspace acme agent1"],
    ["/workspace/acme/agent1/a/b", "workspace acme agent1"],
    ["/shared", "shared - - awaits tenant"],
    ["/shared/acme", "shared acme -"],
    ["/shared/acme/agent1/a", "shared acme -"],
    ["/external/a/b", "external - -"],
    ["/system/log", "system - -"],
    ["/archives/acme/2030", "archives acme -"],
    ["//shared/./acme/../beta//", "shared beta -"],
    ["shared/acme", "shared acme -"],
  ])("%s: %s", (path, meaning) => {
    expect(told(routerWith().resolve(path))).toBe(meaning);
  });

  test.each([
    ["a custom namespace with a tenant", declare("lab"), "/lab/acme/x", "lab acme -"],
    [
      "a custom namespace without a tenant",
      declare("pub", { requiresTenant: false }),
      "/pub/acme/x",
      "pub - -",
    ],
    [
      "the workspace redefined without a tenant",
      declare("workspace", { requiresTenant: false }),
      "/workspace/acme/agent1/x",
      "workspace - -",
    ],
    [
      "external redefined with a tenant",
      declare("external"),
      "/external/acme/x",
      "external acme -",
    ],
  ])("%s", (_, declaration, path, meaning) => {
    expect(told(routerWith([declaration]).resolve(path))).toBe(meaning);
  });

  test.each([
    ["/external/photos/a", "external - - on /external/photos"],
    ["/external/a", "external - -"],
    ["/shared/acme/media/a", "shared acme - on /shared/acme/media"],
    ["/shared/beta/media/a", "shared beta -"],
    ["/documents/cloud/deep/a", "open - - on /documents/cloud/deep"],
    ["/documents/cloud/shallow", "open - -"],
  ])("%s with mounts below namespaces: %s", (path, meaning) => {
    const prefixes = ["/external/photos", "/shared/acme/media", "/documents/cloud/deep"];
    expect(told(routerWith([], prefixes).resolve(path))).toBe(meaning);
  });
});

describe("a place", () => {
  test("is settled as soon as everything below lies in the same zone", () => {
    const router = routerWith([], ["/shared/acme/media"]);
    const settled = (path: string) => isSettled(router.resolve(path));
    expect(
      ["/documents", "/workspace/acme/agent1", "/shared/beta", "/external"].map(settled),
    ).toEqual([true, true, true, true]);
    expect(["/", "/workspace", "/workspace/acme", "/shared", "/shared/acme"].map(settled)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(settled("/shared/acme/media")).toBe(true);
  });

  test("is shared with every child once it is settled", () => {
    const router = routerWith();
    const place = router.resolve("/workspace/acme/agent1");
    expect(router.child(place, "a")).toBe(place);
    expect(router.resolve("/documents/a")).toBe(router.resolve("/jobs"));
  });

  test("is structural where a tenant or an agent comes next, and nowhere else", () => {
    const router = routerWith();
    const structural = ["/workspace", "/workspace/acme", "/shared", "/archives"];
    for (const path of structural) expect(isStructural(router.resolve(path))).toBe(true);
    for (const path of ["/", "/documents", "/external", "/shared/acme", "/workspace/acme/a"]) {
      expect(isStructural(router.resolve(path))).toBe(false);
    }
  });

  test("shares the zone of the root with all unknown namespaces, and with nothing else", () => {
    const router = routerWith([], ["/documents/cloud"]);
    const zone = (path: string) => router.resolve(path).zone;
    for (const path of ["/documents", "/jobs/a/b"]) {
      expect(isSameZone(router.root.zone, zone(path))).toBe(true);
    }
    for (const path of ["/documents/cloud", "/external", "/shared", "/shared/acme"]) {
      expect(isSameZone(router.root.zone, zone(path))).toBe(false);
    }
    expect(isSameZone(zone("/shared/acme/a"), zone("/shared/acme/b/c"))).toBe(true);
    expect(isSameZone(zone("/shared/acme/a"), zone("/shared/beta/a"))).toBe(false);
    expect(isSameZone(zone("/shared/acme/a"), zone("/archives/acme/a"))).toBe(false);
    expect(isSameZone(zone("/workspace/acme/a/x"), zone("/workspace/acme/b/x"))).toBe(false);
  });
});

describe("the way component by component and the way by the whole path", () => {
  const names = ["workspace", "shared", "archives", "lab", "acme", "agent1", "media", "x"];
  const paths = fc
    .array(fc.constantFrom(...names), { maxLength: 6 })
    .map((parts) => `/${parts.join("/")}`);
  const subsets = fc.subarray(["/shared/acme/media", "/x", "/workspace/acme", "/lab/x/acme/media"]);

  test("agree, and with what the parts of the path say", () => {
    fc.assert(
      fc.property(paths, subsets, (path, prefixes) => {
        const router = routerWith([declare("lab")], prefixes);
        let place = router.root;
        for (const name of splitPath(path)) place = router.child(place, name);
        const resolved = router.resolve(path);
        expect(told(place)).toBe(told(resolved));
        expect(isSameZone(place.zone, resolved.zone)).toBe(true);

        const [first, second, third] = splitPath(path);
        const namespace = namespaceTable([declare("lab")]).get(first ?? "");
        const { zone } = resolved;
        expect(zone.namespace).toEqual(namespace);
        expect(zone.tenantId).toBe(namespace?.requiresTenant ? second : undefined);
        expect(zone.agentId).toBe(namespace?.requiresAgent ? third : undefined);
        const mounts = new MountTable(
          prefixes.map((prefix) => ({ prefix, backend: prefix, readonly: false, priority: 0 })),
        );
        expect(zone.mount).toEqual(mounts.entryOf(path));
      }),
      { numRuns: 500 },
    );
  });
});

describe("homesOf", () => {
  const acme = "acme" as TenantId;
  const agent1 = "agent1" as AgentId;

  test("names the directories of a tenant, and of its agent in the workspace", () => {
    const router = routerWith();
    expect(router.homesOf({ tenantId: acme, isAdmin: false })).toEqual([
      "/workspace/acme",
      "/shared/acme",
    ]);
    expect(router.homesOf({ tenantId: acme, agentId: agent1, isAdmin: false })).toEqual([
      "/workspace/acme/agent1",
      "/shared/acme",
    ]);
  });

  test("names none without a tenant", () => {
    expect(routerWith().homesOf({ agentId: agent1, isAdmin: true })).toEqual([]);
  });

  test("counts custom namespaces with a tenant, if they can be written", () => {
    const router = routerWith([
      declare("lab"),
      declare("frozen", { readonly: true }),
      declare("vault", { adminOnly: true }),
      declare("pub", { requiresTenant: false }),
      declare("workspace", { requiresTenant: false }),
    ]);
    expect(router.homesOf({ tenantId: acme, isAdmin: false })).toEqual([
      "/shared/acme",
      "/lab/acme",
    ]);
  });
});

test("the root holds every namespace, declared ones too", () => {
  expect(routerWith([declare("lab")]).namespaceNames).toEqual([
    "workspace",
    "shared",
    "external",
    "system",
    "archives",
    "lab",
  ]);
});
