import { describe, expect, test } from "vitest";
import { testDir } from "../../support/temp-dir.js";
import { runCommand } from "../run-command.js";

const place = () => ({ cwd: testDir });
const FILE = ["--config", "/dev/null"];

describe("nexus config show", () => {
  test("prints every setting, its value and where it came from", async () => {
    const args = ["config", "show", "--tenant", "acme", ...FILE];
    const { code, stdout, opened } = await runCommand(args, { surroundings: place() });
    expect([code, opened]).toStrictEqual([0, []]);
    expect(stdout).toMatch(/^SETTING +VALUE +FROM\n/);
    expect(stdout).toMatch(/^tenant_id +acme +--tenant$/m);
    expect(stdout).toMatch(/^is_admin +false +default$/m);
    expect(stdout).toMatch(/^agent_id +- +default$/m);
  });

  test("--json has the same", async () => {
    const args = ["--admin", "config", "show", "--json", ...FILE];
    const { stdout } = await runCommand(args, { surroundings: place() });
    expect(JSON.parse(stdout)).toMatchObject({
      is_admin: { value: true, source: "--admin" },
      tenant_id: { value: null, source: "default" },
    });
  });

  test("of a mount that it runs in shows that one's store", async () => {
    const mount = {
      ...{ id: 1, parentId: 0, device: "0:1", userId: 0, root: "/" },
      ...{ mountPoint: "/home/ada/nexus", type: "fuse.nexus", source: "/data/1" },
    };
    const { stdout } = await runCommand(["config", "show", "--json", ...FILE], {
      surroundings: { cwd: () => "/home/ada/nexus/jobs", readMounts: () => [mount] },
    });
    expect(JSON.parse(stdout).data_dir).toStrictEqual({
      value: "/data/1",
      source: "the mount at /home/ada/nexus",
    });
  });
});
