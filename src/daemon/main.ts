#!/usr/bin/env node
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { exitCodeOf } from "../cli/exit-code.js";
import { surviveClosedOutput } from "../cli/standard-output.js";
import { errorLine } from "../cli/terminal/visible.js";
import { messageOf, NexusError } from "../model/errors.js";
import { type MountRequest, parseCommandLine, type StoreRequest } from "./command-line.js";
import { launch, report } from "./launch.js";
import type { Audience, Serving } from "./serve.js";
import type { Unmounted } from "./unmount.js";

// The name counts, too: mount(8) calls its helpers by one of their own.
const [, program = fileURLToPath(import.meta.url), ...args] = process.argv;

surviveClosedOutput("nexus-mount");
try {
  const invocation = parseCommandLine(args, basename(program));
  switch (invocation.action) {
    case "mount":
      await mount(invocation.request);
      break;
    case "unmount": {
      const { mountPoint, lazy } = invocation;
      const { unmountAndWait } = await import("./unmount.js");
      const unmounted = await unmountAndWait(mountPoint, { lazy, onWait: say });
      console.log(`nexus-mount: ${sayUnmounted(unmounted)}`);
      break;
    }
    case "unmount-all": {
      const dataDir = await dataDirOf(invocation.store);
      const { stopAndWait } = await import("./unmount.js");
      const { pid } = await stopAndWait(dataDir, { onWait: say });
      console.log(`nexus-mount: ended the daemon of ${dataDir} (pid ${pid}) and its mounts`);
      break;
    }
    case "health": {
      const { mountPoint, store } = invocation;
      const { checkHealth } = await import("./health.js");
      console.log(
        `nexus-mount: ${await checkHealth({ mountPoint, dataDir: () => dataDirOf(store) })}`,
      );
    }
  }
} catch (error) {
  say(messageOf(error));
  // Whatever is still open here closes now, the device above all.
  process.exit(exitCodeOf(error));
}

function sayUnmounted({ mountPoint, stillServing: pid }: Unmounted): string {
  if (pid === undefined) return `unmounted ${mountPoint}`;
  return `detached ${mountPoint}; process ${pid} serves it until the last file that is open there is closed`;
}

/** In one line: why it takes a while, what was meant otherwise, what went wrong. */
function say(message: string): void {
  process.stderr.write(errorLine(message, { program: "nexus-mount" }));
}

/** The configuration, too, is loaded by who needs it. */
async function dataDirOf({ settings, configPath }: StoreRequest): Promise<string> {
  const { loadConfig } = await import("../config/load.js");
  return loadConfig({ explicit: settings, configPath, face: "command" }).dataDir;
}

function sayMounted(serving: Serving): void {
  console.log(`nexus-mount: ${inWords(serving)}`);
}

function inWords({ dataDir, mountPoint, mounts, pid, stays }: Serving): string {
  if (mountPoint !== undefined) return `${dataDir} is mounted at ${mountPoint} (pid ${pid})`;
  if (mounts === 0 && !stays) return `nothing to mount again in ${dataDir}`;
  return `${dataDir} is served with ${mounts} ${mounts === 1 ? "mount" : "mounts"} (pid ${pid})`;
}

async function mount(request: MountRequest): Promise<void> {
  if (request.isChild) return serveForParent(request);
  const { ignoredSource } = request;
  if (ignoredSource !== undefined) {
    say(
      `the source '${ignoredSource}' is only a word; a data directory has a '/': ./${ignoredSource}`,
    );
  }
  if (!request.foreground) return sayMounted(await launch(program, { args, onWait: say }));
  await serve(request, {
    // Otherwise its log says so, on the same terminal.
    onReady: (serving) => {
      if (serving.logFile !== undefined) sayMounted(serving);
    },
    onWait: say,
  });
}

/** Only the process that serves loads what serves: the one that starts it is quicker without. */
async function serve(request: MountRequest, audience: Audience): Promise<void> {
  const serving = await import("./serve.js");
  await serving.serve(request, audience);
}

/** In the background: whoever started this process waits for word. */
async function serveForParent(request: MountRequest): Promise<void> {
  let isReady = false;
  // Nobody waits any more: it was interrupted, and what it asked for isn't wanted.
  process.once("disconnect", () => {
    if (!isReady) process.kill(process.pid, "SIGTERM");
  });
  try {
    await serve(request, {
      onReady: (serving) => {
        isReady = true;
        void report({ state: "ready", serving });
      },
      onWait: (message) => void report({ state: "waiting", message }),
    });
  } catch (error) {
    const kind = error instanceof NexusError ? error.kind : "internal";
    if (!isReady) await report({ state: "failed", kind, message: messageOf(error) });
    throw error;
  }
}
