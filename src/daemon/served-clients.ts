import type { MessagePort } from "node:worker_threads";
import type { Nexus } from "../compose.js";
import type { Coherence } from "../fuse/invalidation/coherence.js";
import type { Pump } from "../fuse/pump.js";
import type { Caller, Identity } from "../model/identity.js";
import { PortCarrier } from "../rpc/port-carrier.js";
import { LocalClient } from "../sdk/local-client.js";
import { serveClient } from "../sdk/serve-client.js";
import type { Logger } from "../telemetry/logger.js";

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

  constructor(options: ServedClientsOptions) {
    this.#options = options;
  }

  /** Serves one until its port is closed. */
  serve({ identity, port }: { readonly identity: Identity; readonly port: MessagePort }): void {
    const { nexus, dataDir, logger } = this.#options;
    const carrier = new PortCarrier(port);
    try {
      nexus.welcome(identity);
      const features = nexus.featuresFor(identity);
      const client = new LocalClient({
        ...{ identity, dataDir, features },
        release: async () => undefined,
        settled: () => this.#settled(features.caller),
      });
      const onUnexpected = (err: unknown, method: string) =>
        logger.error({ err, method }, "a client's request failed unexpectedly");
      serveClient({ carrier, client, onUnexpected }).catch((err) =>
        logger.error({ err }, "a client can't be let go"),
      );
    } catch (err) {
      logger.error({ err }, "a client can't be served");
      carrier.close("the store can't be opened for this identity; the daemon's log says why");
    }
  }

  /** Resolves when no kernel keeps what this caller has changed; undefined when none does now. */
  #settled(caller: Caller): Promise<void> | undefined {
    const { coherence, pump } = this.#options;
    let resolve: () => void = () => undefined;
    const forgotten = new Promise<void>((done) => {
      resolve = done;
    });
    const isForgotten = coherence.whenForgotten(caller, () => {
      resolve();
      // It may be told while a device is served, and who waits goes on by the event loop.
      pump.stepAside();
    });
    return isForgotten ? undefined : forgotten;
  }
}
