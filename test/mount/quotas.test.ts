import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Mounted, shell, whyNoMounts } from "../support/daemon.js";

describe.skipIf(whyNoMounts() !== undefined)("a tenant with a quota", () => {
  test("gets EDQUOT on a mount, keeps what fits, and goes on when something is removed", async () => {
    const mounted = Mounted.prepare();
    try {
      const config = join(mounted.base, "limits.yaml");
      writeFileSync(config, "quotas: [{ tenant_id: acme, quota_bytes: 10M, quota_files: 20 }]\n");
      await mounted.mount(["--config", config, "--tenant", "acme", "--agent", "one"]);
      const said = await shell(
        `cd workspace/acme/one; export LC_ALL=C
         df --output=size,itotal -B1 . | tail -1 | xargs
         head -c 6M /dev/zero > a
         cp a b 2>&1 || true; rm -f b
         { head -c 6M /dev/urandom > b; } 2>&1 || true
         rm a; cp b c; rm b; cmp c c; ls
         { touch $(seq 30) 2>&1 || true; } | grep -c 'Disk quota exceeded'
         df --output=iavail . | tail -1 | xargs; rm [1-9]*; echo again > x; cat x`,
        { cwd: mounted.mountPoint },
      );
      expect(said).toMatch(
        /^10485760 20\ncp: .*: Disk quota exceeded\nhead: .*: Disk quota exceeded\nc\n\d+\n0\nagain\n$/,
      );
      const other = await mounted.run([
        ...[join(mounted.base, "other"), "--data-dir", mounted.dataDir],
        "--admin",
      ]);
      expect(other.stderr).toContain("with another 'quotas'");
      await mounted.run([
        ...[join(mounted.base, "all"), "--data-dir", mounted.dataDir],
        ...["--admin", "--config", config],
      ]);
      const all = join(mounted.base, "all");
      const sizes = await shell("df --output=size -B1 . workspace/acme | tail -2", { cwd: all });
      const [whole = 0, acme] = sizes.trim().split("\n").map(Number);
      expect([whole > 10 * 2 ** 20, acme]).toEqual([true, 10 * 2 ** 20]);
    } finally {
      await mounted.run(["-u", "--all", "--data-dir", mounted.dataDir]).catch(() => undefined);
      await mounted.stop();
    }
  });
});
