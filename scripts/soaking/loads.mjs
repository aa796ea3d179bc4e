import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** How long a load may take to notice that it shall stop, or that its daemon is gone. */
const ENDING_MS = 60_000;

/** The programs that work on the mounts in one round, and what they say of it. */
export class Loads {
  #ledger;
  #running;
  #mayFail = false;
  #problems = [];

  constructor({ daemon: { dataDir, mounts }, ledger, seed }) {
    this.#ledger = ledger;
    const onMounts = mounts.flatMap(({ place }, number) => [
      ["file-load.mjs", `${place}/own`, seed + number],
      ...(number % 2 === 0 ? [["program-load.mjs", `${place}/programs`, seed + number]] : []),
    ]);
    const clients = [1, 2].map((number) => ["client-load.mjs", dataDir, seed + number, number]);
    this.#running = [...onMounts, ...clients].map((command) => this.#start(command));
  }

  /** Resolves when all of them work: a client that finds no daemon would open the store itself. */
  async atWork() {
    await Promise.all(this.#running.map(({ working, over }) => Promise.race([working, over])));
  }

  /** From now on the daemon is going to be killed. */
  expectErrors() {
    this.#mayFail = true;
  }

  /** Asks all to stop, and returns what was wrong. */
  async stop() {
    for (const { child } of this.#running) child.stdin.end("stop\n");
    return await this.ended();
  }

  /** Waits for all of them, and returns what was wrong. */
  async ended() {
    const timer = setTimeout(() => {
      for (const { child, name } of this.#running) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        this.#problems.push(`${name} hangs`);
        child.kill("SIGKILL");
      }
    }, ENDING_MS);
    await Promise.all(this.#running.map(({ over }) => over));
    clearTimeout(timer);
    return this.#problems;
  }

  #start([script, ...args]) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const child = spawn(process.execPath, [path, ...args.map(String)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    // It may be gone when it is asked to stop.
    child.stdin.on("error", () => undefined);
    const name = `${script} ${args.join(" ")}`;
    const lines = createInterface({ input: child.stdout });
    lines.on("line", (line) => this.#hear(name, line));
    return { child, name, working: once(lines, "line"), over: once(child, "close") };
  }

  #hear(name, line) {
    const event = JSON.parse(line);
    if (!("ended" in event)) this.#ledger.hear(event);
    else if (!this.#mayFail) this.#problems.push(`${name} failed: ${event.ended}`);
  }
}
