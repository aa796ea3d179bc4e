import { setMaxListeners } from "node:events";
import type { MessagePort } from "node:worker_threads";
import type { Nexus } from "../compose.js";
import type { Coherence } from "../fuse/invalidation/coherence.js";
import type { Pump } from "../fuse/pump.js";
import { NexusError } from "../model/errors.js";
import type { Caller, Identity } from "../model/identity.js";
import type { Carrier } from "../rpc/carrier.js";
import { PortCarrier } from "../rpc/port-carrier.js";
import { LocalClient } from "../sdk/local-client.js";
import { serveClient } from "../sdk/serve-client.js";
import type { Logger } from "../telemetry/logger.js";

const ENDING = "the daemon is ending";

export interface ServedClientsOptions {
  readonly pump: Pump;
  readonly nexus: Pick<Nexus, "featuresFor" | "welcome">;
  readonly coherence: Coherence;
  readonly dataDir: string;
  readonly logger: Logger;
}

/** The clients that the fs thread serves beside its devices, each over a port of its own. */
export class ServedClients {
  readonly #options: ServedClientsOptions;
  readonly #leaving = new AbortController();
  readonly #served = new Map<Carrier, Promise<void>>();

  constructor(options: ServedClientsOptions) {
    this.#options = options;
    setMaxListeners(0, this.#leaving.signal);
  }

  /** Serves one until its port is closed. Errors: `closed` (everybody is to leave), those of the store. */
  serve({ identity, port }: { readonly identity: Identity; readonly port: MessagePort }): void {
    const { nexus, dataDir, logger } = this.#options;
    const { signal: leaving } = this.#leaving;
    if (leaving.aborted) throw new NexusError("closed", ENDING);
    nexus.welcome(identity);
    const features = nexus.featuresFor(identity);
    const client = new LocalClient({
      ...{ identity, dataDir, features },
      release: async () => undefined,
      settled: () => this.#settled(features.caller),
    });
    const onUnexpected = (err: unknown, method: string) =>
      logger.error({ err, method }, "a client's request failed unexpectedly");
    const carrier = new PortCarrier(port);
    const served = serveClient({ carrier, client, onUnexpected, leaving })
      .catch((err) => logger.error({ err }, "a client can't be let go"))
      .finally(() => this.#served.delete(carrier));
    this.#served.set(carrier, served);
  }

  /**
   * Has all of them leave: what is under way is finished, and what isn't within `limitMs` is aborted. Resolves
   * when nothing of theirs runs any more.
   */
  async leave({ limitMs }: { readonly limitMs: number }): Promise<void> {
    this.#leaving.abort(ENDING);
    const cancel = this.#options.pump.after(limitMs, () => {
      for (const carrier of this.#served.keys()) carrier.close(ENDING);
    });
    await Promise.all(this.#served.values());
    cancel();
  }

  /** Resolves when no kernel keeps what this caller has changed; undefined when none does now. */
  #settled(caller: Caller): Promise<void> | undefined {
    const { coherence, pump } = this.#options;
    let resolve: () => void = () => undefined;
    const answer = () => {
      resolve();
      // It may be told while a device is served, and who waits goes on by the event loop.
      pump.stepAside();
    };
    const isOwed = coherence.whenForgotten(caller, { answer });
    if (!isOwed) return undefined;
    return new Promise((done) => {
      resolve = done;
    });
  }
}
