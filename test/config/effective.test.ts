import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { effectiveSettings } from "../../src/config/effective.js";
import { RULES, type SettingRule } from "../../src/config/schema.js";
import { ConfigPlace, flags } from "../support/config-place.js";

function show(
  place: ConfigPlace,
  {
    env = {},
    explicit = {},
  }: {
    env?: NodeJS.ProcessEnv;
    explicit?: Record<string, unknown>;
  } = {},
) {
  const settings = effectiveSettings({
    ...{ face: "command", env, explicit: flags(explicit) },
    ...{ cwd: place.cwd, home: place.home },
  });
  return new Map(settings.map(({ key, value, source }) => [key as string, [value, source]]));
}

describe("the settings that count", () => {
  test("are all that there are, with their defaults", () => {
    const place = new ConfigPlace();
    const shown = show(place);
    const live = Object.entries(RULES as Record<string, SettingRule>)
      .filter(([, rule]) => rule.isPlanned !== true)
      .map(([key]) => key);
    expect([...shown.keys()]).toStrictEqual(live);
    expect(shown.get("data_dir")).toStrictEqual([join(place.home, ".nexus/data"), "default"]);
    expect(shown.get("db_path")?.[0]).toBe(join(place.home, ".nexus/data/metadata.db"));
    expect(shown.get("tenant_id")).toStrictEqual([undefined, "default"]);
    expect(shown.get("atime")).toStrictEqual(["relatime", "default"]);
  });

  test("say where they came from", () => {
    const place = new ConfigPlace();
    const file = place.write(
      "cwd/nexus.yaml",
      "data_dir: data\ntenant_id: a\nagent_id: b\nmode: embedded\nmounts: [{ path: /ro, readonly: true }]\nnamespaces: [{ name: models, readonly: true }]\nidentities: [{ user: ada, gid: 5, tenant_id: a, agent_id: b }]\nquota_files: 9\nquotas: [{ tenant_id: a, quota_bytes: 2K }, { tenant_id: b, quota_files: 3 }]\n",
    );
    const shown = show(place, { env: { NEXUS_TENANT_ID: "env" }, explicit: { agent_id: "flag" } });
    expect(shown.get("data_dir")).toStrictEqual([join(place.cwd, "data"), file]);
    expect(shown.get("tenant_id")).toStrictEqual(["env", "NEXUS_TENANT_ID"]);
    expect(shown.get("agent_id")).toStrictEqual(["flag", "--agent_id"]);
    expect(shown.get("mode")).toStrictEqual(["embedded", file]);
    expect(shown.get("namespaces")).toStrictEqual([
      [{ name: "models", readonly: true, admin_only: false, requires_tenant: true }],
      file,
    ]);
    expect(shown.get("identities")).toStrictEqual([
      [{ user: "ada", gid: 5, tenant_id: "a", agent_id: "b", is_admin: false }],
      file,
    ]);
    expect(shown.get("quota_files")).toStrictEqual([9, file]);
    expect(shown.get("quotas")).toStrictEqual([
      [
        { tenant_id: "a", quota_bytes: 2048 },
        { tenant_id: "b", quota_files: 3 },
      ],
      file,
    ]);
    expect(shown.get("binding")).toStrictEqual(["device", "default"]);
    expect(shown.get("mounts")).toStrictEqual([
      [{ path: "/ro", backend: "local", readonly: true, priority: 0 }],
      file,
    ]);
  });

  test("hide what is secret", () => {
    const place = new ConfigPlace();
    place.write("cwd/nexus.yaml", 'api_key: ""\n');
    expect(show(place).get("api_key")?.[0]).toBe("(hidden)");
  });
});
